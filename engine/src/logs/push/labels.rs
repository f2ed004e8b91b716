//! The labels of a stream as Loki's clients send them.

use std::borrow::Cow;

use super::collect::short;
use crate::model::{LabelError, Labels, MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS, NAME_LABEL, is_plain_name};
use crate::otlp::value::text;
use crate::promql::syntax::unquoted;

/// Why the labels of a stream cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    #[error("{0}; write {{name=\"value\", …}}")]
    Syntax(&'static str),
    #[error("`{0}` is no name of a label: it has letters, digits and `_`, and no digit first")]
    Name(String),
    #[error("a stream needs at least one label")]
    None,
    #[error(transparent)]
    Label(#[from] LabelError),
}

/// Labels as `{a="b", c="d"}`, with the quotes and escapes of Go.
pub(super) fn parse_labels(whole: &str) -> Result<Labels, StreamError> {
    let inner = whole.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or(StreamError::Syntax("there are no braces around it"))?.trim_start();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(StreamError::Syntax("a name without `=`"))?;
        let after = after.trim_start();
        let end = end_of_quoted(after).ok_or(StreamError::Syntax("a value without quotes around it"))?;
        let value = unquoted(&after[..end]).ok_or(StreamError::Syntax("an escape that there is not"))?;
        pairs.push((name.trim_end(), Cow::Owned(text(Cow::Owned(value)))));
        if pairs.len() > MAX_LABELS {
            return Err(LabelError::TooMany(pairs.len()).into());
        }
        rest = after[end..].trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').ok_or(StreamError::Syntax("no comma after a value"))?.trim_start();
        }
    }
    labels_of(pairs)
}

/// The length of the quoted text at the beginning.
fn end_of_quoted(text: &str) -> Option<usize> {
    let quote = text.bytes().next().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped && quote != b'`';
        ends
    })?;
    Some(end + 2)
}

/// The labels of a stream; one with an empty value is none.
pub(super) fn labels_of(mut pairs: Vec<(&str, Cow<'_, str>)>) -> Result<Labels, StreamError> {
    pairs.retain(|(_, value)| !value.is_empty());
    if pairs.len() > MAX_LABELS {
        return Err(LabelError::TooMany(pairs.len()).into());
    }
    for (name, value) in &pairs {
        if !is_plain_name(name, false) || *name == NAME_LABEL {
            return Err(StreamError::Name(short(name)));
        }
        if name.len() > MAX_LABEL_NAME_BYTES {
            return Err(LabelError::BadName(short(name)).into());
        }
        if value.len() > MAX_LABEL_VALUE_BYTES {
            return Err(LabelError::ValueTooLong { name: short(name), bytes: value.len() }.into());
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(b.0));
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(LabelError::Duplicate(twice[0].0.to_owned()).into());
    }
    if pairs.is_empty() {
        return Err(StreamError::None);
    }
    Ok(Labels::of(pairs.iter().map(|(name, value)| (*name, value.as_ref())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_go_writes_them() {
        for (text, shown) in [
            (r#"{job="varlogs", filename="/var/log/a b.log"}"#, r#"{filename="/var/log/a b.log", job="varlogs"}"#),
            (r#"{a="x\"}\\\t\u00e9\x41",b='y',c=`z\n`,}"#, r#"{a="x\"}\\\téA", b="y", c="z\\n"}"#),
            (r#" { a = "1" , empty="" } "#, r#"{a="1"}"#),
        ] {
            assert_eq!(parse_labels(text).map(|labels| labels.in_braces()).as_deref(), Ok(shown), "{text}");
        }
        let many = format!("{{{}}}", (0..100).map(|n| format!("l{n}=\"v\"")).collect::<Vec<_>>().join(","));
        let endless = format!("{{a=\"{}", "x".repeat(1 << 20));
        let long = format!("{{a=\"{}\"}}", "x".repeat(MAX_LABEL_VALUE_BYTES + 1));
        for (text, part) in [
            ("", "no braces"),
            ("{a=\"b\"", "no braces"),
            ("{}", "at least one label"),
            ("{a=\"\"}", "at least one label"),
            ("{a}", "without `=`"),
            ("{a=b}", "without quotes"),
            ("{a=\"b}", "without quotes"),
            ("{a=\"b\" c=\"d\"}", "no comma"),
            ("{a=\"\\x4\"}", "an escape"),
            ("{a.b=\"c\"}", "`a.b` is no name"),
            ("{=\"c\"}", "`` is no name"),
            ("{__name__=\"c\"}", "`__name__` is no name"),
            ("{a=\"1\",a=\"2\"}", "`a` is given twice"),
            (&many, "65 labels"),
            (&endless, "no braces"),
            (&long, "16385 bytes"),
        ] {
            let why = parse_labels(text).unwrap_err().to_string();
            assert!(why.contains(part) && why.len() < 400, "{text:.100}: {why}");
        }
    }
}
