//! Templates such as `$1:${port}`, as Go's `Regexp.Expand` reads them.

use std::sync::LazyLock;

use regex::Captures;

/// The longest name behind a `$`: letters, digits and `_`, of any script.
static NAME: LazyLock<Option<regex::Regex>> = LazyLock::new(|| regex::Regex::new(r"\A[\p{gc=L}\p{gc=Nd}_]+").ok());

/// The template with what was caught in the place of its names; a group that caught nothing, or that is not there, is empty.
pub(super) fn expand(template: &str, caught: &Captures<'_>, names: &[Option<Box<str>>]) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            out.push_str(group(name, caught, names));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// The `name` or `{name}` that a text begins with, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let start = inner.unwrap_or(text);
    let end = NAME.as_ref()?.find(start)?.end();
    let (name, rest) = start.split_at(end);
    if inner.is_some() { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

fn group<'c>(name: &str, caught: &'c Captures<'_>, names: &[Option<Box<str>>]) -> &'c str {
    let text = |number: usize| caught.get(number).map(|group| group.as_str());
    // A number with a leading zero, or a very large one, is a name.
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0')) && name.len() <= 9;
    let found = match name.parse::<usize>() {
        Ok(number) if is_number => text(number),
        _ => (0..names.len()).filter(|number| names[*number].as_deref() == Some(name)).find_map(text),
    };
    found.unwrap_or("")
}
