//! The name and labels of a sample as text: `name{a="b"}`, or `{"a name","a label"="b"}` where a name is not a plain one.
//!
//! Escapes are those of both formats, `\\`, `\"` and `\n`; any other stays as it is, backslash and all. [`push_series`] writes what
//! [`labels`] reads, for any names and values.

use std::borrow::Cow;

use super::{short, skip_blanks};
use crate::model::{Labels, NAME_LABEL, is_plain_name};

/// Names and values of labels.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Where the name and labels of a line end.
///
/// # Errors
/// Whether a quoted text is what does not end.
pub(super) fn series_end(line: &str) -> Result<usize, bool> {
    let bytes = line.as_bytes();
    let first = bytes.iter().position(|b| matches!(b, b'{' | b' ' | b'\t')).unwrap_or(bytes.len());
    let open = match bytes[first..].iter().position(|b| !matches!(b, b' ' | b'\t')) {
        Some(skip) if bytes[first + skip] == b'{' => first + skip,
        _ => return Ok(first),
    };
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Ok(at + 1),
            _ => {}
        }
    }
    Err(quoted)
}

/// Takes `name{a="b"}` or `{"name","a b"="c"}` apart, the name as the label `__name__`. Labels may be empty; of the others, none has
/// the name of another.
///
/// # Errors
/// What is wrong with it.
pub fn labels(series: &str) -> Result<Pairs<'_>, String> {
    let wrong = |what: &str| format!("`{}`: {what}; write name{{label=\"value\"}}", short(series));
    let (name, inner) = match series.find('{') {
        None => (series.trim_matches(BLANKS), ""),
        Some(open) => {
            let inner = series[open + 1..].trim_end_matches(BLANKS).strip_suffix('}').ok_or_else(|| wrong("the labels do not end"))?;
            (series[..open].trim_matches(BLANKS), inner)
        }
    };
    let mut out: Pairs<'_> = Vec::new();
    if !name.is_empty() {
        if !is_plain_name(name, true) {
            return Err(wrong(&format!("`{}` is no metric name; quote it inside the braces, {{\"a.name\"}}", short(name))));
        }
        out.push((Cow::Borrowed(NAME_LABEL), Cow::Borrowed(name)));
    }
    let mut rest = skip_blanks(inner);
    while !rest.is_empty() {
        let (key, after) = if rest.starts_with('"') {
            quoted(rest).ok_or_else(|| wrong("a quoted name does not end"))?
        } else {
            let end = rest.find(['=', ',', ' ', '\t', '"']).unwrap_or(rest.len());
            let key = &rest[..end];
            if !is_plain_name(key, false) {
                return Err(wrong(&format!("`{}` is no label name; quote it, \"a.label\"=\"value\"", short(key))));
            }
            (Cow::Borrowed(key), &rest[end..])
        };
        let after = skip_blanks(after);
        rest = match after.strip_prefix('=') {
            None if rest.starts_with('"') && name.is_empty() && !out.iter().any(|(n, _)| n == NAME_LABEL) => {
                out.push((Cow::Borrowed(NAME_LABEL), key));
                after
            }
            None => return Err(wrong("a label has no value")),
            Some(value) => {
                let (value, after) = quoted(skip_blanks(value)).ok_or_else(|| wrong("the value of a label is not quoted"))?;
                out.push((key, value));
                after
            }
        };
        // Prometheus does not insist on a comma either.
        rest = skip_blanks(rest);
        rest = rest.strip_prefix(',').map_or(rest, skip_blanks);
    }
    if !out.iter().any(|(name, value)| name == NAME_LABEL && !value.is_empty()) {
        return Err(wrong("there is no metric name"));
    }
    match twice(&out) {
        Some(name) => Err(wrong(&format!("label `{}` is given twice", short(name)))),
        None => Ok(out),
    }
}

/// What may stand between the parts of a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// A label that is given twice, empty ones aside: they are as good as none.
fn twice<'a>(pairs: &'a Pairs<'_>) -> Option<&'a str> {
    if pairs.len() <= FEW {
        let again = |at: usize| pairs[..at].iter().any(|(name, value)| !value.is_empty() && *name == pairs[at].0);
        let at = (1..pairs.len()).find(|at| !pairs[*at].1.is_empty() && again(*at))?;
        return Some(&pairs[at].0);
    }
    let mut names: Vec<&str> = pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// So many labels are compared faster than sorted.
const FEW: usize = 12;

/// A quoted text, without its quotes and escapes, and what follows.
pub(super) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escapes = false;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => (escaped, escapes) = (true, true),
            b'"' => {
                let raw = &inner[..at];
                return Some((if escapes { unescape(raw, &['"']) } else { Cow::Borrowed(raw) }, &inner[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// `\\`, `\n` and those of the given characters that may be escaped; any other escape stays as it is.
pub(super) fn unescape<'a>(raw: &'a str, others: &[char]) -> Cow<'a, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(c)) if c == '\\' || others.contains(&c) => out.push(c),
            ('\\', Some(c)) => out.extend(['\\', c]),
            (c, _) => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// An escape that the formats do not have, if a series has one.
#[must_use]
pub fn unknown_escape(series: &str) -> Option<&str> {
    let bytes = series.as_bytes();
    let mut at = 0;
    while let Some(skip) = bytes.get(at..)?.iter().position(|b| *b == b'\\') {
        let from = at + skip;
        if !matches!(bytes.get(from + 1), Some(b'\\' | b'"' | b'n')) {
            let length = series[from + 1..].chars().next().map_or(0, char::len_utf8);
            return Some(&series[from..from + 1 + length]);
        }
        at = from + 2;
    }
    None
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Writes a series as the formats have it; names that are not plain are quoted.
pub fn push_series(out: &mut String, labels: &Labels) {
    let name = labels.name();
    let plain = is_plain_name(name, true);
    if plain {
        out.push_str(name);
    }
    let mut open = false;
    let mut begin = |out: &mut String| out.push(if std::mem::replace(&mut open, true) { ',' } else { '{' });
    if !plain && !name.is_empty() {
        begin(out);
        push_quoted(out, name);
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != NAME_LABEL) {
        begin(out);
        if is_plain_name(label, false) {
            out.push_str(label);
        } else {
            push_quoted(out, label);
        }
        out.push('=');
        push_quoted(out, value);
    }
    if open {
        out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_taken_apart() {
        let of = |series: &str| labels(series).map(|l| l.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "));
        for (series, expected) in [
            ("up", "__name__=up"),
            (":a:b", "__name__=:a:b"),
            ("up{}", "__name__=up"),
            (r#"up{a="b", c="d",}"#, "__name__=up a=b c=d"),
            (r#"up{a="b"c="d"}"#, "__name__=up a=b c=d"),
            ("up\t{ a = \"b\" , }", "__name__=up a=b"),
            (r#"up {a="x\\y\"z\n\q"}"#, "__name__=up a=x\\y\"z\n\\q"),
            (r#"up{a="C:\temp\\dir\u003c"}"#, r"__name__=up a=C:\temp\dir\u003c"),
            (r#"{"my.metric", "a b"="c"}"#, "__name__=my.metric a b=c"),
            (r#"{"a\"b","c\n"="d"}"#, "__name__=a\"b c\n=d"),
            (r#"{__name__="x",a=""}"#, "__name__=x a="),
            (r#"up{a="",a="2"}"#, "__name__=up a= a=2"),
            ("up{a=\"\u{a0}\"}", "__name__=up a=\u{a0}"),
        ] {
            assert_eq!(of(series).unwrap(), expected, "{series}");
        }
        for (series, part) in [
            ("{a=\"b\"}", "no metric name"),
            ("{}", "no metric name"),
            ("{\"\",a=\"b\"}", "no metric name"),
            ("up{a}", "no value"),
            ("up{a=b}", "not quoted"),
            ("up{\"a\"}", "no value"),
            ("up{a=\"b", "do not end"),
            ("{\"a\" \"b\"}", "no value"),
            ("up{,}", "no label name"),
            ("up{,a=\"b\"}", "no label name"),
            ("up{a=\"b\",,c=\"d\"}", "no label name"),
            ("up{a=\"1\",a=\"2\"}", "`a` is given twice"),
            ("up{__name__=\"other\"}", "`__name__` is given twice"),
            ("größe", "no metric name"),
            ("a-b", "no metric name"),
            ("1a", "no metric name"),
            ("\u{feff}up", "no metric name"),
            ("<html>", "no metric name"),
            ("up{a-b=\"1\"}", "no label name"),
            ("up{a:b=\"1\"}", "no label name"),
            ("up{größe=\"1\"}", "no label name"),
            ("up{a\"b\"=\"1\"}", "no value"),
        ] {
            let error = of(series).unwrap_err();
            assert!(error.contains(part), "{series}: {error}");
        }
    }

    #[test]
    fn a_label_that_is_given_twice_is_found_among_many() {
        for count in [2, FEW, FEW + 1, 500] {
            let of = |last: &str| {
                let pairs: String = (0..count).map(|n| format!("l{n}=\"\",l{n}=\"v\",")).collect();
                labels(&format!("up{{{pairs}{last}=\"x\"}}")).map(|pairs| pairs.len())
            };
            assert_eq!(of("other"), Ok(2 * count + 2));
            assert!(of("l0").unwrap_err().contains("`l0` is given twice"));
        }
    }

    #[test]
    fn an_escape_that_the_formats_do_not_have_is_found() {
        for (series, found) in
            [(r#"a{b="\\t\n\""}"#, None), (r#"a{b="\t"}"#, Some(r"\t")), (r#"a{b="\\\é"}"#, Some(r"\é")), (r"a\", Some(r"\")), ("a", None)]
        {
            assert_eq!(unknown_escape(series), found, "{series}");
        }
    }

    /// Texts that are easily got wrong.
    fn odd_text() -> impl Strategy<Value = String> {
        const ODD: &[&str] = &[
            "on", "inf", "nan", "bool", "by", "a", "1", "", " ", "\u{feff}", "\u{200b}", "e\u{301}", "\u{a0}", "\\n", "\\", "\"", "\n",
            "\r", ",", "{}", "=", "\0",
        ];
        prop_oneof![
            any::<String>(),
            "[a-z_:]{1,4}",
            prop::collection::vec(prop::sample::select(ODD), 1..6).prop_map(|parts| parts.concat())
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_whatever_the_names_and_values(name in odd_text(), pairs in prop::collection::btree_map(odd_text(), odd_text(), 0..5)) {
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| *n != NAME_LABEL).chain([(NAME_LABEL, name.as_str())]).collect();
            let Ok(series) = Labels::new(pairs) else { return Ok(()) };
            let mut text = String::new();
            push_series(&mut text, &series);
            prop_assert!(!text.contains('\n') && unknown_escape(&text).is_none(), "{:?}", text);
            let read = labels(&text).map_err(TestCaseError::fail)?;
            let read = Labels::new(read.iter().map(|(n, v)| (n.as_ref(), v.as_ref())));
            prop_assert_eq!(read.as_ref(), Ok(&series), "{:?}", text);
            prop_assert_eq!(series_end(&text), Ok(text.len()));
        }
    }
}
