//! The syntax table of Go's `regexp/syntax`, row by row, and what Go 1.19 says of what is not in it.

use proptest::prelude::*;

use super::*;

/// Each row of the table: a pattern, whole values that it matches, and values that it does not.
pub(crate) const SYNTAX: &[(&str, &[&str], &[&str])] = &[
    // Single characters.
    (".", &["a", "é", "\n", "\u{1f600}"], &["", "ab"]),
    ("(?-s:.)", &["a"], &["\n"]),
    ("[xyz]", &["x", "z"], &["a", "xy"]),
    ("[^xyz]", &["a", "\n", "é"], &["x", ""]),
    (r"\d", &["0", "9"], &["٣", "a"]),
    (r"\D", &["٣", "a", "\n"], &["0"]),
    ("[[:alpha:]]", &["a", "Z"], &["é", "0", "alpha"]),
    ("[[:^alpha:]]", &["é", "0"], &["a"]),
    (r"\pN", &["1", "٣", "½"], &["a"]),
    (r"\p{Greek}", &["α"], &["a"]),
    (r"\PN", &["a"], &["1"]),
    (r"\P{Greek}", &["a"], &["α"]),
    (r"\p{^Greek}", &["a"], &["α"]),
    (r"\P{^Greek}", &["α"], &["a"]),
    (r"\p{Any}", &["a", "\u{10ffff}"], &[""]),
    // Composites.
    ("xy", &["xy"], &["x", "yx"]),
    ("x|y", &["x", "y"], &["", "xy"]),
    ("x||y", &["x", "", "y"], &["xy"]),
    ("", &[""], &["a"]),
    ("|", &[""], &["|"]),
    ("(|a)*", &["", "aaa"], &["b"]),
    ("(a|)+b", &["b", "aab"], &["a"]),
    // Repetitions.
    ("x*", &["", "xxx"], &["y"]),
    ("x+", &["x", "xx"], &[""]),
    ("x?", &["", "x"], &["xx"]),
    ("x{1,2}", &["x", "xx"], &["", "xxx"]),
    ("x{2,}", &["xx", "xxxx"], &["x"]),
    ("x{2}", &["xx"], &["x", "xxx"]),
    ("x*?y", &["y", "xxy"], &["x"]),
    ("x+?", &["xx"], &[""]),
    ("x??", &["", "x"], &["xx"]),
    ("x{1,2}?", &["xx"], &["xxx"]),
    ("x{2,}?", &["xxx"], &["x"]),
    ("x{2}?", &["xx"], &["x"]),
    ("x{0}", &[""], &["x"]),
    ("x{1000}", &[], &["x"]),
    ("(x{10}){100}", &[], &["x"]),
    ("(x{0}){1000}", &[""], &[]),
    ("x*(?i)*Y", &["xxy", "Y"], &["XY"]),
    ("^*a", &["a"], &["^a"]),
    ("()*a", &["a"], &["()a"]),
    // Braces that are no repetition.
    ("/users/{id}", &["/users/{id}"], &["/users/id"]),
    ("{", &["{"], &[""]),
    ("a{", &["a{"], &["a"]),
    ("{,3}", &["{,3}"], &[""]),
    ("a{,3}", &["a{,3}"], &["aa"]),
    ("a{1", &["a{1"], &["a"]),
    ("a{01}", &["a{01}"], &["a"]),
    ("a{b}{2}", &["a{b}}"], &["a{b}{2}"]),
    ("}", &["}"], &[]),
    // Groups and flags.
    ("(a)(b)", &["ab"], &["a"]),
    ("(?P<name>a)", &["a"], &[]),
    ("(?<name>a)", &["a"], &[]),
    ("(?P<1>a)(?P<1>b)", &["ab"], &[]),
    ("(?:a|b)c", &["ac", "bc"], &["a"]),
    ("(?i)ab", &["AB", "aB"], &["abc"]),
    ("a(?i)b", &["aB", "ab"], &["AB"]),
    ("a(?i)b|c", &["aB", "C"], &["AB"]),
    ("(a(?i)b)c", &["aBc"], &["aBC"]),
    ("(?i:a)b", &["Ab"], &["AB"]),
    ("(?i)a(?-i)b", &["Ab"], &["AB"]),
    ("(?i)k", &["k", "K", "\u{212a}"], &["q"]),
    ("(?i)s", &["S", "ſ"], &["ß"]),
    ("(?i)σ", &["Σ", "ς"], &["s"]),
    ("(?i)[k-l]", &["K", "\u{212a}", "L"], &["m"]),
    ("(?i)[^k]", &["j"], &["K", "\u{212a}"]),
    (r"(?i)\w", &["ſ", "\u{212a}", "a"], &["é"]),
    (r"(?i)\W", &["é"], &["ſ"]),
    (r"(?i)\p{Lu}", &["a", "A"], &["1"]),
    ("(?m)a$\n^b", &["a\nb"], &["ab"]),
    ("a$\n^b", &[], &["a\nb"]),
    ("(?s).(?-s).", &["\na"], &["a\n"]),
    ("(?U)a+b", &["aab"], &["b"]),
    ("(?im-sU:a.)", &["Ab"], &["A\n"]),
    // Empty strings.
    ("^a$", &["a"], &["^a$"]),
    (r"\Aa\z", &["a"], &["a\n"]),
    ("a$", &["a"], &["a\n"]),
    (r"a\b-\bb", &["a-b"], &["ab"]),
    (r"a\b.*", &["a", "aé", "a b"], &["ab"]),
    (r"a\B.*", &["ab"], &["a", "aé"]),
    // Escapes.
    (r"\a\f\n\r\t\v", &["\x07\x0c\n\r\t\x0b"], &[]),
    (r"\123", &["S"], &["123"]),
    (r"\07\0", &["\x07\0"], &[]),
    (r"\x7F\x{10FFFF}\x{41}", &["\x7f\u{10ffff}A"], &[]),
    (r"\x{d800}", &[], &["\u{fffd}", ""]),
    (r"\Q...\E", &["..."], &["abc"]),
    (r"\Qa.b", &["a.b"], &["acb"]),
    (r"\Qab\E*", &["abb", "a"], &["abab"]),
    (r"\*\.\[\]\{\}\(\)\|\^\$\+\?\\", &[r"*.[]{}()|^$+?\"], &[]),
    (r"x\>y\<z", &["x>y<z"], &["xyz"]),
    (r"\-\_\/\:\@\&\~\#\%\ \!", &["-_/:@&~#% !"], &[]),
    // Classes.
    (r"[\d]", &["5"], &["٣"]),
    (r"[^\d]", &["٣"], &["5"]),
    (r"[\D]", &["a"], &["5"]),
    ("[[:word:]-]", &["-", "_"], &["é"]),
    (r"[\p{Greek}x]", &["α", "x"], &["a"]),
    (r"[\PL]", &["1"], &["a"]),
    ("[a-c]", &["b"], &["d", "-"]),
    ("[[]a", &["[a"], &["a"]),
    ("[]a]", &["]", "a"], &["[]a]"]),
    ("[^]a]", &["b"], &["]", "a"]),
    ("[a-]", &["-", "a"], &["b"]),
    ("[-a]", &["-", "a"], &["b"]),
    ("[--/]", &["-", ".", "/"], &["a"]),
    (r"[\w-.]+", &["x.y-z"], &["x/y"]),
    (r"[\d-z]", &["5", "-", "z"], &["a"]),
    (r"[\]\-\\^]", &["]", "-", "\\", "^"], &["a"]),
    ("[a&&b]+", &["a&b"], &["c"]),
    ("[a~~b]+", &["a~~b"], &["c"]),
    ("[+--b]", &["+", ",", "-", "b"], &["a"]),
    ("[[a]b]", &["ab]", "[b]"], &["a"]),
    ("[[.a.]]", &["a]", ".]"], &["a"]),
    (r"[\x{d7ff}-\x{e000}]", &["\u{d7ff}", "\u{e000}"], &["a"]),
    (r"[^\x{d800}]", &["a"], &[""]),
    (r"[\n]", &["\n"], &["n"]),
    (r"\s", &[" ", "\t", "\n", "\x0c", "\r"], &["\x0b", "\u{a0}"]),
    (r"\S", &["\u{a0}", "\x0b"], &[" "]),
    (r"\w", &["a", "_", "0"], &["é", "-"]),
    (r"\W", &["é", "-"], &["a"]),
    ("[[:alnum:]]", &["0", "z"], &["_", "é"]),
    ("[[:ascii:]]", &["\0", "\x7f"], &["\u{80}"]),
    ("[[:blank:]]", &[" ", "\t"], &["\n"]),
    ("[[:cntrl:]]", &["\0", "\x7f"], &[" "]),
    ("[[:digit:]]", &["0"], &["٣"]),
    ("[[:graph:]]", &["!", "~"], &[" "]),
    ("[[:lower:]]", &["a"], &["A", "é"]),
    ("[[:print:]]", &[" ", "~"], &["\n"]),
    ("[[:punct:]]", &["!", "[", "~"], &["a", "«"]),
    ("[[:space:]]", &["\x0b", " "], &["\u{a0}"]),
    ("[[:upper:]]", &["A"], &["a"]),
    ("[[:word:]]", &["_"], &["-"]),
    ("[[:xdigit:]]", &["F", "a"], &["g"]),
    // Sizes that a Unicode class would not allow.
    (r"(\w+\.){1,50}com", &["a.com", "a.b.c.com"], &["com"]),
    (r"\w{1,255}", &["a"], &[""]),
    (r"[^/]{1,1000}", &["é"], &["/"]),
];

/// What Go refuses, and its words.
const REFUSED: &[(&str, &str)] = &[
    ("x**", "invalid nested repetition operator: `**`"),
    ("x*+", "invalid nested repetition operator: `*+`"),
    ("x+?*", "invalid nested repetition operator: `+?*`"),
    ("a{1,2}{3}", "invalid nested repetition operator: `{1,2}{3}`"),
    ("*a", "missing argument to repetition operator: `*`"),
    ("a|*", "missing argument to repetition operator: `*`"),
    ("(+)", "missing argument to repetition operator: `+`"),
    ("(?i)?", "missing argument to repetition operator: `?`"),
    ("{2}", "missing argument to repetition operator: `{2}`"),
    (r"\Q\E*", "missing argument to repetition operator: `*`"),
    ("x{1001}", "invalid repeat count: `{1001}`"),
    ("x{2,1}", "invalid repeat count: `{2,1}`"),
    ("x{1,1001}?", "invalid repeat count: `{1,1001}`"),
    ("x{99999999999}", "invalid repeat count: `{99999999999}`"),
    ("(x{10}){101}", "invalid repeat count: `{101}`"),
    ("((x{100})*){11}", "invalid repeat count: `{11}`"),
    ("((x{20}){20}){20}", "invalid repeat count: `{20}`"),
    ("(?x)", "invalid or unsupported Perl syntax: `(?x`"),
    ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
    ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
    ("(?>a)", "invalid or unsupported Perl syntax: `(?>`"),
    ("(?#a)", "invalid or unsupported Perl syntax: `(?#`"),
    ("(?'n'a)", "invalid or unsupported Perl syntax: `(?'`"),
    ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
    ("(?-)", "invalid or unsupported Perl syntax: `(?-)`"),
    ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
    ("(?u)", "invalid or unsupported Perl syntax: `(?u`"),
    ("(?<=a)", "invalid named capture: `(?<=a)`"),
    ("(?P<n-1>a)", "invalid named capture: `(?P<n-1>`"),
    ("(?P<>a)", "invalid named capture: `(?P<>`"),
    ("(?P<n", "invalid named capture: `(?P<n`"),
    ("[a", "missing closing ]: `[a`"),
    ("x[]a", "missing closing ]: `[]a`"),
    ("[", "missing closing ]: `[`"),
    ("[[:alpha:]", "missing closing ]: `[[:alpha:]`"),
    ("(a", "missing closing ): `(a`"),
    ("a)", "unexpected ): `a)`"),
    ("a)(?:b", "unexpected ): `a)(?:b`"),
    ("[a--b]", "invalid character class range: `a--`"),
    ("[z-a]", "invalid character class range: `z-a`"),
    ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
    (r"\pQ", r"invalid character class range: `\pQ`"),
    (r"\p{greek}", r"invalid character class range: `\p{greek}`"),
    (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
    (r"\p", r"invalid character class range: `\p`"),
    (r"[a-\d]", r"invalid escape sequence: `\d`"),
    (r"[\b]", r"invalid escape sequence: `\b`"),
    (r"\8", r"invalid escape sequence: `\8`"),
    (r"\1", r"invalid escape sequence: `\1`"),
    (r"\k<n>", r"invalid escape sequence: `\k`"),
    (r"\Z", r"invalid escape sequence: `\Z`"),
    (r"\C", r"invalid escape sequence: `\C`"),
    (r"\G", r"invalid escape sequence: `\G`"),
    (r"\u0041", r"invalid escape sequence: `\u`"),
    (r"\é", r"invalid escape sequence: `\é`"),
    (r"\x4", r"invalid escape sequence: `\x4`"),
    (r"\x{}", r"invalid escape sequence: `\x{}`"),
    (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
    (r"a\", "trailing backslash at end of expression: ``"),
];

#[test]
fn each_row_of_the_syntax_matches_as_in_go() {
    for (pattern, yes, no) in SYNTAX {
        for scope in [Scope::Value, Scope::Wrapped] {
            // What is quoted to the end of the text would take what Prometheus puts behind it, too.
            if scope == Scope::Wrapped && pattern.starts_with("\\Q") && !pattern.contains("\\E") {
                assert!(Regex::new(pattern, scope).is_err());
                continue;
            }
            let regex = Regex::new(pattern, scope).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            yes.iter().for_each(|value| assert!(regex.is_match(value), "{pattern} on {value:?}"));
            no.iter().for_each(|value| assert!(!regex.is_match(value), "{pattern} on {value:?}"));
        }
    }
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    for (pattern, words) in REFUSED {
        for scope in [Scope::Value, Scope::Anywhere] {
            let error = Regex::new(pattern, scope).map(|regex| regex.as_str().to_owned()).unwrap_err();
            assert_eq!(error.to_string(), format!("error parsing regexp: {words}"), "{pattern}");
        }
    }
    // As Prometheus, which puts the text between others first.
    assert!(Regex::new("a)|(?:b", Scope::Wrapped).is_ok_and(|regex| regex.is_match("ax") && regex.is_match("xb")));
    let long = Regex::new(&format!("({}", "x".repeat(100_000)), Scope::Value).unwrap_err().to_string();
    assert!(long.len() < 1_000, "{}", long.len());
}

#[test]
fn a_probe_matches_anywhere_and_reads_broken_bytes_as_go_does() {
    for (pattern, bytes, wanted) in [
        ("b", "abc".as_bytes(), true),
        ("^b", b"abc", false),
        ("a.b", b"a\nb", false),
        ("(?s)a.b", b"a\nb", true),
        ("^a.b$", b"a\xffb", true),
        ("^a.b$", b"a\xe2\x82b", false),
        ("^a..b$", b"a\xe2\x82b", true),
        ("\u{fffd}", b"\xff", true),
        (r"\x{ff}", b"\xff", false),
    ] {
        assert_eq!(Regex::new(pattern, Scope::Anywhere).unwrap().is_match_bytes(bytes), wanted, "{pattern} on {bytes:?}");
    }
}

#[test]
fn templates_are_expanded_as_in_go() {
    let regex = Regex::new("(?P<host>[a-z]+):(?P<port>[0-9]+)(?P<host>x)?(?P<late>é)?", Scope::Wrapped).unwrap();
    for (template, wanted) in [
        ("$1-$2", "web-80"),
        ("${host}_$port", "web_80"),
        ("$1x", ""),
        ("${1}x", "webx"),
        ("$0", "web:80"),
        ("$$1", "$1"),
        ("$", "$"),
        ("a$-b", "a$-b"),
        ("${host", "${host"),
        ("${}", "${}"),
        ("${host-x}", "${host-x}"),
        ("$9$late$none", ""),
        ("$01", ""),
        ("$1é", ""),
        ("$1 é", "web é"),
        ("$99999999999", ""),
    ] {
        assert_eq!(regex.expand("web:80", [template]).unwrap(), [wanted], "{template}");
    }
    assert_eq!(regex.expand("web", ["$1"]), None);
}

#[test]
fn what_nests_or_grows_too_much_is_refused() {
    let nested = |open: &str, close: &str, times: usize| format!("{}a{}", open.repeat(times), close.repeat(times));
    for (open, close) in [("(", ")"), ("(?:", ")*"), ("(x|", ")"), ("(?i:(", "){1})"), ("(b|(", "y)+z){0,1}")] {
        let fits = (1..=MAX_NESTING).take_while(|times| Regex::new(&nested(open, close, *times), Scope::Value).is_ok()).count();
        assert!(fits >= MAX_NESTING / 4, "{open}: {fits}");
        for times in [MAX_NESTING + 1, 100_000] {
            let error = Regex::new(&nested(open, close, times), Scope::Value).unwrap_err().to_string();
            assert!(error.contains("nests too deeply"), "{error}");
        }
    }
    assert!(matches!(Regex::within(r"\pL{500}", Scope::Value, 1 << 20), Err(RegexError::TooLarge(_))));
}

proptest! {
    /// What the parser accepts the crate compiles, unless it is too large: nothing is left that it would read otherwise.
    #[test]
    fn what_is_accepted_compiles(text in r"([a-zé\[\](){}|*+?^$.\\&~<>:,0-9 #-]|\(\?[imsU:-]{1,3}|\\[a-zA-Z0-9<>]|\{[0-9]{0,2},?[0-9]?\}|\[:alpha:\]|\\p\{L\}){0,12}") {
        for scope in [Scope::Value, Scope::Wrapped, Scope::Anywhere] {
            let regex = Regex::within(&text, scope, 1 << 20);
            prop_assert!(!matches!(regex, Err(RegexError::Unknown(_))), "{}: {:?}", text, regex);
        }
    }
}
