//! Patterns such as `<ip> - - <_> "<method> <uri> <_>"`: text with places that are caught.

use super::line_filter::find;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// Its name; none for `<_>`.
    Place(Option<Box<str>>),
}

/// A pattern. Two places never follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Parses a pattern whose places have names.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn of_parser(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        if pattern.names().next().is_none() {
            return Err("a pattern needs at least one place with a name, such as <ip>".to_owned());
        }
        Ok(pattern)
    }

    /// Parses a pattern of a line filter, whose places have none.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn of_filter(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        if let Some(name) = pattern.names().next() {
            return Err(format!("a pattern of a line filter catches nothing; write <_> instead of <{name}>"));
        }
        Ok(pattern)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            if let Some((name, behind)) = place(rest) {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal).into()));
                }
                if matches!(parts.last(), Some(Part::Place(_))) {
                    return Err("two places follow each other; put text between them".to_owned());
                }
                if name != "_" && parts.iter().any(|part| matches!(part, Part::Place(Some(other)) if **other == *name)) {
                    return Err(format!("<{name}> comes twice; give each place a name of its own"));
                }
                parts.push(Part::Place((name != "_").then(|| name.into())));
                rest = behind;
            } else {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Ok(Self { parts })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(Some(name)) => Some(&**name),
            _ => None,
        })
    }

    /// The texts that each line has that passes [`Pattern::accepts`].
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&**text),
            Part::Place(_) => None,
        })
    }

    /// Passes on what is caught, as far as the pattern goes along with the line.
    ///
    /// # Errors
    /// Those of the callback.
    pub(super) fn catch(&self, line: &str, each: &mut dyn FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
        let mut rest = line;
        let mut place: Option<&Option<Box<str>>> = None;
        let mut caught = |place: Option<&Option<Box<str>>>, value: &str| match place {
            Some(Some(name)) => each(name, value),
            _ => Ok(()),
        };
        for part in &self.parts {
            match part {
                Part::Place(name) => place = Some(name),
                Part::Text(text) => match rest.find(&**text) {
                    Some(at) if place.is_some() || at == 0 => {
                        caught(place.take(), &rest[..at])?;
                        rest = &rest[at + text.len()..];
                    }
                    // The last place takes what is left.
                    Some(_) | None => return caught(place, rest),
                },
            }
        }
        caught(place, rest)
    }

    /// Whether a whole line is like this; each place stands for at least one byte.
    pub(super) fn accepts(&self, line: &[u8]) -> bool {
        if line.is_empty() || self.parts.is_empty() {
            return line.is_empty() && self.parts.is_empty();
        }
        let (mut rest, mut after_place) = (line, false);
        for part in &self.parts {
            let Part::Text(text) = part else {
                after_place = true;
                continue;
            };
            match find(rest, text.as_bytes()) {
                Some(at) if (at > 0) == after_place => rest = &rest[at + text.len()..],
                _ => return false,
            }
            after_place = false;
        }
        rest.is_empty() != after_place
    }
}

/// The `<name>` that a text begins with, and what follows it.
fn place(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('<')?.split_once('>')?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    (plain && !name.is_empty()).then_some((name, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caught(pattern: &str, line: &str) -> String {
        let mut out = Vec::new();
        let each = &mut |name: &str, value: &str| {
            out.push(format!("{name}={value}"));
            Ok(())
        };
        Pattern::of_parser(pattern).unwrap().catch(line, each).unwrap();
        out.join(",")
    }

    #[test]
    fn places_catch_what_is_between_texts() {
        let nginx = r#"0.191.12.2 - - [10/Jun/2021:09:14:29 +0000] "GET /api HTTP/1.1" 200 2 "-" "Go/2.0" "x""#;
        for (pattern, line, wanted) in [
            (
                r#"<ip> - - <_> "<method> <uri> <_>" <status> <size> <_> "<agent>" <_>"#,
                nginx,
                "ip=0.191.12.2,method=GET,uri=/api,status=200,size=2,agent=Go/2.0",
            ),
            ("level=<level> <_>", "level=info x", "level=info"),
            ("level=<level> <_>", "x level=info", ""),
            ("<_> level=<level>", "x level=info", "level=info"),
            ("<a>: <b>", "no colon", "a=no colon"),
            ("a<x y>b<c>", "a<x y>b1", "c=1"),
            ("é<a>ü", "é1ü2", "a=1"),
        ] {
            assert_eq!(caught(pattern, line), wanted, "{pattern} on {line}");
        }
        for wrong in ["", "text", "<_>", "<a><b>", "<a> <a>"] {
            assert!(Pattern::of_parser(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_is_about_the_whole_line() {
        for (pattern, line, wanted) in [
            ("<_> bar <_>", "foo bar baz", true),
            ("<_> bar", "foo bar baz", false),
            ("<_> baz", "foo bar baz", true),
            ("foo <_>", "foo bar baz", true),
            ("bar <_>", "foo bar baz", false),
            ("foo bar baz", "foo bar baz", true),
            ("<_>", "x", true),
            ("<_>", "", false),
            ("", "", true),
            ("foo<_>", "foo", false),
        ] {
            assert_eq!(Pattern::of_filter(pattern).unwrap().accepts(line.as_bytes()), wanted, "{pattern} on {line}");
        }
        assert!(Pattern::of_filter("<a> b").is_err());
    }
}
