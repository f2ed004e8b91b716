//! Forms as text: `application/x-www-form-urlencoded`, in addresses and bodies, and `multipart/form-data`.
//!
//! Read as Go's `net/url` and `mime/multipart` read them, since Prometheus' clients are written against those. A pair that cannot be
//! read is left out, and the others stay.

/// Parts of a multipart body; further ones are left out.
const MAX_PARTS: usize = 1_100;

/// The pairs of a form, and what was wrong with the first one that was left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) wrong: Option<String>,
}

impl Form {
    fn leave_out(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    /// `a=b&c=d`, percent-encoded, with `+` for a space.
    pub(crate) fn urlencoded(text: &[u8]) -> Self {
        let mut form = Self::default();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pair.contains(&b';') {
                form.leave_out(format!("`{}` has a `;`, which does not separate parameters; write & or %3B", shown(pair)));
                continue;
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[pair.len()..]),
            };
            match (unescape(name), unescape(value)) {
                (Some(name), Some(value)) => form.pairs.push((name, value)),
                _ => form.leave_out(format!("`{}` is not percent-encoded UTF-8; write % as %25", shown(pair))),
            }
        }
        form
    }

    /// The values of a `multipart/form-data` body; files are left out.
    pub(crate) fn multipart(body: &[u8], content_type: &str) -> Self {
        let mut form = Self::default();
        match boundary(content_type) {
            Some(boundary) => form.read_parts(body, &boundary),
            None => form.leave_out(format!("the Content-Type `{}` names no boundary", shown(content_type.as_bytes()))),
        }
        form
    }

    fn read_parts(&mut self, body: &[u8], boundary: &str) {
        let delimiter = format!("--{boundary}");
        let mut rest = body;
        // What stands before the first delimiter is for people.
        while let Some((is_last, after, _)) = next_delimiter(rest, delimiter.as_bytes()) {
            if is_last {
                return;
            }
            let Some((_, _, end)) = next_delimiter(after, delimiter.as_bytes()) else { break };
            if self.pairs.len() >= MAX_PARTS {
                return self.leave_out(format!("the multipart body has more than {MAX_PARTS} parts"));
            }
            self.read_part(&after[..end]);
            rest = &after[end..];
        }
        self.leave_out("the multipart body does not end with its boundary".to_owned());
    }

    fn read_part(&mut self, part: &[u8]) {
        let Some((head, value)) = split_head(part) else { return self.leave_out("a part of the multipart body has no head".to_owned()) };
        let head = String::from_utf8_lossy(head);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let Some(disposition) = disposition else { return };
        let Some(name) = parameter(disposition, "name").filter(|_| parameter(disposition, "filename").is_none()) else { return };
        match std::str::from_utf8(value) {
            Ok(value) => self.pairs.push((name, value.to_owned())),
            Err(_) => self.leave_out(format!("the value of `{}` is not UTF-8", shown(name.as_bytes()))),
        }
    }
}

/// A piece of text for a message.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(64).collect()
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    u8::try_from(char::from(*byte?).to_digit(16)?).ok()
}

fn unescape(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'%' => {
                out.push(hex(text.get(at + 1))? * 16 + hex(text.get(at + 2))?);
                at += 2;
            }
            b'+' => out.push(b' '),
            other => out.push(*other),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

/// The next line that is the delimiter: whether it is the last one, what follows it, and where the text before it ends.
fn next_delimiter<'a>(text: &'a [u8], delimiter: &[u8]) -> Option<(bool, &'a [u8], usize)> {
    let mut from = 0;
    while let Some(found) = find(text.get(from..)?, delimiter) {
        let at = from + found;
        let begins_line = at == 0 || text[at - 1] == b'\n';
        let after = &text[at + delimiter.len()..];
        let is_last = after.starts_with(b"--");
        let line = after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len());
        let blank = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        if begins_line && (is_last || blank(&after[..line])) {
            // The line break before a delimiter belongs to it.
            let end = text[..at].strip_suffix(b"\r\n").or_else(|| text[..at].strip_suffix(b"\n")).map_or(at, <[u8]>::len);
            return Some((is_last, after.get(line + 1..).unwrap_or_default(), end));
        }
        from = at + 1;
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// The head of a part and its content, which an empty line separates.
fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = find(part, b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = find(part, b"\n\n").map(|at| (at, at + 2));
    let (head, content) = [crlf, lf].into_iter().flatten().min()?;
    Some((&part[..head], &part[content..]))
}

fn boundary(content_type: &str) -> Option<String> {
    parameter(content_type, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()))
}

/// A parameter of a header's value: `form-data; name="query"`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (found, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let (plain, next) = after.split_once(';').unwrap_or((after, ""));
                (plain.trim().to_owned(), next)
            }
        };
        if name.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = next;
    }
}

/// A quoted text, without its quotes and escapes, and what follows it.
pub(crate) fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => out.push(chars.next()?.1),
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_address_is_read_as_go_reads_it() {
        for (text, expected, wrong) in [
            ("", &[][..], ""),
            ("query=1", &[("query", "1")], ""),
            ("query=1&query=2", &[("query", "1"), ("query", "2")], ""),
            ("query=sum+by%28job%29%281%2B1%29", &[("query", "sum by(job)(1+1)")], ""),
            ("&&a=b=c&d", &[("a", "b=c"), ("d", "")], ""),
            ("match%5B%5D=up&match[]=x", &[("match[]", "up"), ("match[]", "x")], ""),
            ("query=1&foo=%zz", &[("query", "1")], "`foo=%zz`"),
            ("query=1;a=b&c=d", &[("c", "d")], "`query=1;a=b`"),
            ("a=%ff&b=%C3%A9", &[("b", "é")], "`a=%ff`"),
            ("a=%2", &[], "`a=%2`"),
        ] {
            let form = Form::urlencoded(text.as_bytes());
            assert_eq!(form.pairs, pairs(expected), "{text}");
            assert!(form.wrong.as_deref().unwrap_or("").contains(wrong) && form.wrong.is_some() != wrong.is_empty(), "{text}: {form:?}");
        }
    }

    #[test]
    fn a_multipart_form_gives_its_values_and_no_files() {
        let kind = "multipart/form-data; charset=utf-8; boundary=\"x y\"";
        let body = "for people\r\n--x y\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nup{a=\"b\"}\r\n--x yz\r\nmore\r\n\
                    --x y \t\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=time\r\n\r\n\r\n\
                    --x y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--x y--\r\nand for people";
        let form = Form::multipart(body.as_bytes(), kind);
        assert_eq!(form.pairs, pairs(&[("query", "up{a=\"b\"}\r\n--x yz\r\nmore"), ("time", "")]));
        assert_eq!(form.wrong, None);
        let lines = "--b\nContent-Disposition: form-data; name=\"a\\\"b\"\n\n1\n--b--";
        assert_eq!(Form::multipart(lines.as_bytes(), "multipart/form-data;boundary=b").pairs, pairs(&[("a\"b", "1")]));
        for (body, kind, wrong) in [
            ("--b--", "multipart/form-data", "names no boundary"),
            ("--b--", "multipart/form-data; boundary=", "names no boundary"),
            ("", "multipart/form-data; boundary=b", "does not end"),
            ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", "multipart/form-data; boundary=b", "does not end"),
            ("--b\r\nno head\r\n--b--", "multipart/form-data; boundary=b", "no head"),
        ] {
            let form = Form::multipart(body.as_bytes(), kind);
            assert!(form.pairs.is_empty() && form.wrong.as_deref().unwrap_or("").contains(wrong), "{body}: {form:?}");
        }
    }

    proptest! {
        #[test]
        fn a_form_gives_back_what_was_written(values in proptest::collection::vec((".{1,8}", ".{0,20}"), 0..6)) {
            let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let text: Vec<String> = values.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
            let form = Form::urlencoded(text.join("&").as_bytes());
            prop_assert_eq!(form, Form { pairs: values, wrong: None });
        }

        #[test]
        fn any_bytes_are_read_or_left_out(body in proptest::collection::vec(any::<u8>(), 0..300), parts in "[b\r\n:;=\"\\\\ nameCotDisp-]{0,200}") {
            for text in [&body[..], parts.as_bytes()] {
                Form::urlencoded(text);
                Form::multipart(text, "multipart/form-data; boundary=b");
                Form::multipart(b"--b--", &String::from_utf8_lossy(text));
            }
        }
    }
}
