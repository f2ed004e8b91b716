//! Line filters: `|= "text"`, `!~ "re.*"`, `|> "<_> text <_>"`.

use super::pattern::Pattern;
use crate::re2::Regex;

/// What the parser puts before regular expressions of line filters.
pub(super) const DOT_TAKES_LINE_ENDS: &str = "(?s)";

/// What a line is searched for.
#[derive(Debug)]
pub(super) enum Test {
    Contains(Vec<u8>),
    Regex(Regex),
    Pattern(Pattern),
}

impl Test {
    fn holds(&self, line: &[u8]) -> bool {
        match self {
            Self::Contains(needle) => find(line, needle).is_some(),
            Self::Regex(regex) => regex.is_match_bytes(line),
            Self::Pattern(pattern) => pattern.accepts(line),
        }
    }

    /// Bytes that each line has for which it holds.
    fn needles(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Contains(needle) => vec![needle.clone()],
            Self::Regex(regex) => literals(regex.as_str()),
            Self::Pattern(pattern) => pattern.texts().map(|text| text.as_bytes().to_vec()).collect(),
        }
    }
}

/// A filter: any of the tests holds, or none.
#[derive(Debug)]
pub(super) struct LineFilter {
    pub(super) negated: bool,
    pub(super) any: Vec<Test>,
}

impl LineFilter {
    pub(super) fn accepts(&self, line: &[u8]) -> bool {
        self.any.iter().any(|test| test.holds(line)) != self.negated
    }

    /// Bytes that each line has that it accepts.
    pub(super) fn needles(&self) -> Vec<Vec<u8>> {
        let mut needles = match self.any.as_slice() {
            [only] if !self.negated => only.needles(),
            _ => Vec::new(),
        };
        needles.retain(|needle| !needle.is_empty());
        needles
    }

    /// Whether each line passes, as for `|= ""`.
    pub(super) fn accepts_all(&self) -> bool {
        !self.negated && self.any.iter().any(|test| matches!(test, Test::Contains(needle) if needle.is_empty()))
    }
}

/// Where bytes have others.
pub(super) fn find(line: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(line, needle)
}

/// Texts that whatever matches a regular expression has. Only simple expressions are searched: none with groups, alternatives or flags.
pub(super) fn literals(regex: &str) -> Vec<Vec<u8>> {
    let regex = regex.strip_prefix(DOT_TAKES_LINE_ENDS).unwrap_or(regex);
    if regex.contains(['|', '(', ')']) || regex.contains("\\Q") {
        return Vec::new();
    }
    let (mut found, mut run) = (Vec::new(), String::new());
    let mut end = |run: &mut String| {
        let text = std::mem::take(run);
        found.extend((!text.is_empty()).then(|| text.into_bytes()));
    };
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_punctuation() => run.push(c),
                // Classes, and escapes that take more characters, of which there may be literal-looking rests.
                Some('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'A' | 'z') => end(&mut run),
                _ => return Vec::new(),
            },
            '.' | '^' | '$' => end(&mut run),
            '[' => return Vec::new(),
            '*' | '?' | '{' => {
                // The character before it may be missing.
                run.pop();
                end(&mut run);
                if c == '{' && chars.by_ref().all(|c| c != '}') {
                    return Vec::new();
                }
            }
            '+' => end(&mut run),
            c => run.push(c),
        }
    }
    end(&mut run);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_regular_expressions_are_in_every_match() {
        for (regex, wanted) in [
            ("error", vec!["error"]),
            ("tsdb-ops.*io:2003", vec!["tsdb-ops", "io:2003"]),
            (r"error=\w+", vec!["error="]),
            ("colou?r", vec!["colo", "r"]),
            ("ab{0,2}c", vec!["a", "c"]),
            ("ab+c", vec!["ab", "c"]),
            (r"a\.b", vec!["a.b"]),
            ("a|b", vec![]),
            ("(?i)a", vec![]),
            ("[a]b", vec![]),
            (r"\x41", vec![]),
            (r"a\pLb", vec![]),
            ("a{", vec![]),
            ("^a$", vec!["a"]),
        ] {
            let found: Vec<String> = literals(regex).into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
            assert_eq!(found, wanted, "{regex}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        assert_eq!((find(b"a\xff\xfeb", b"\xfe"), find(b"\xff", b""), find(b"ab", b"abc")), (Some(2), Some(0), None));
    }
}
