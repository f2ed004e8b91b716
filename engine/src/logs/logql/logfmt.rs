//! Reads logfmt: `level=info msg="it works" done`.

use std::borrow::Cow;

use super::json::unescaped;

/// Passes on each pair of a line. What is no pair is skipped; with `strict` it is an error, and nothing after it is read.
///
/// # Errors
/// What is wrong, and those of the callback.
pub(super) fn pairs(line: &str, strict: bool, each: &mut dyn FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            return Ok(());
        }
        match pair(rest) {
            Ok((key, value, behind)) => {
                each(key, &value)?;
                rest = behind;
            }
            Err(why) if strict => return Err(format!("{why} at byte {} of the line", line.len() - rest.len())),
            Err(_) => rest = &rest[rest.find(is_blank).unwrap_or(rest.len())..],
        }
    }
}

fn is_blank(c: char) -> bool {
    c <= ' '
}

/// The pair that a text begins with, and what follows it.
fn pair(text: &str) -> Result<(&str, Cow<'_, str>, &str), &'static str> {
    let end = text.find(|c| is_blank(c) || matches!(c, '=' | '"')).unwrap_or(text.len());
    let (key, behind) = text.split_at(end);
    if behind.starts_with('"') {
        return Err("a key has a quote");
    }
    if key.is_empty() {
        return Err("there is no key");
    }
    let Some(value) = behind.strip_prefix('=') else { return Ok((key, Cow::Borrowed(""), behind)) };
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, behind) = value.split_at(value.find(is_blank).unwrap_or(value.len()));
        return if value.contains(['=', '"']) {
            Err("a value without quotes has `=` or a quote")
        } else {
            Ok((key, Cow::Borrowed(value), behind))
        };
    };
    let Some(end) = super::scan::string_end(value) else { return Err("a quoted value has no end") };
    let behind = &value[end..];
    if !behind.is_empty() && !behind.starts_with(is_blank) {
        return Err("a quoted value is followed by more");
    }
    let inner = &quoted[..end - 2];
    let value =
        if inner.contains('\\') { Cow::Owned(unescaped(inner).ok_or("an escape stands for no character")?) } else { Cow::Borrowed(inner) };
    Ok((key, value, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, strict: bool) -> (String, Result<(), String>) {
        let mut found = Vec::new();
        let done = pairs(line, strict, &mut |key, value| {
            found.push(format!("{key}:{value}"));
            Ok(())
        });
        (found.join("|"), done)
    }

    #[test]
    fn pairs_are_read_and_what_is_none_is_skipped() {
        for (line, wanted) in [
            ("at=info method=GET path=/ fwd=\"124.133.124.161\" service=8ms", "at:info|method:GET|path:/|fwd:124.133.124.161|service:8ms"),
            ("msg=\"a \\\"b\\\" \\u00e9\\n\" done x=", "msg:a \"b\" é\n|done:|x:"),
            ("=value foo=bar=buzz fo\"o=bar ok=1", "ok:1"),
            ("", ""),
            ("\t a=1 \n b=2", "a:1|b:2"),
            ("a=\"unclosed b=2", "b:2"),
            ("é=ü", "é:ü"),
        ] {
            assert_eq!(read(line, false), (wanted.to_owned(), Ok(())), "{line}");
        }
        assert_eq!(read("a=1 =b c=2", true), ("a:1".to_owned(), Err("there is no key at byte 4 of the line".to_owned())));
    }
}
