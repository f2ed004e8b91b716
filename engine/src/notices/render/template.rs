//! Text with placeholders: `{{ title }}`, `{{ labels.instance }}`, `{{ summary | json }}`.

use crate::model::rfc3339;
use std::fmt::Write;

use serde_json::json;

use super::{lines, title, webhook};
use crate::notices::Notice;

/// Longest text of a template, and of what it makes, in bytes.
const MAX_BYTES: usize = 1 << 20;
const FIELDS: [&str; 14] =
    ["title", "text", "status", "severity", "rule", "summary", "firing", "resolved", "count", "channel", "time", "url", "id", "body"];

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder without an end.
    #[error("line {line}, column {column}: `{{{{` without `}}}}`")]
    Open {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// A placeholder that is not known.
    #[error("line {line}, column {column}: there is no `{name}`; take one of {}, or labels.NAME; `| json` makes a JSON text of it", FIELDS.join(", "))]
    Unknown {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
        /// What stands there.
        name: String,
    },
    /// It is too long.
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { name: String, json: bool },
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// [`TemplateError`] says where it cannot be read.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find("{{") {
            let before = &text[..text.len() - rest.len() + at];
            let (line, column) = (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
            let (plain, placeholder) = (&rest[..at], &rest[at + 2..]);
            let end = placeholder.find("}}").ok_or(TemplateError::Open { line, column })?;
            let (name, filter) = placeholder[..end].split_once('|').map_or((&placeholder[..end], ""), |pair| pair);
            let (name, filter) = (name.trim(), filter.trim());
            let known = FIELDS.contains(&name) || name.strip_prefix("labels.").is_some_and(|label| !label.is_empty());
            if !known || !["", "json"].contains(&filter) {
                let name = placeholder[..end].trim().chars().take(60).collect();
                return Err(TemplateError::Unknown { line, column, name });
            }
            parts.push(Part::Text(plain.to_owned()));
            parts.push(Part::Field { name: name.to_owned(), json: filter == "json" });
            rest = &placeholder[end + 2..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text of a notice.
    #[must_use]
    pub fn render(&self, notice: &Notice, external_url: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { name, json } => {
                    let value = field(name, notice, external_url);
                    if *json && name != "body" {
                        let _ = write!(out, "{}", json!(value));
                    } else {
                        out.push_str(&value);
                    }
                }
            }
        }
        if let Some((end, _)) = out.char_indices().find(|(at, _)| *at > MAX_BYTES) {
            out.truncate(end);
        }
        out
    }
}

fn field(name: &str, notice: &Notice, external_url: &str) -> String {
    let (firing, resolved) = notice.counts();
    let first = notice.alerts.first();
    match name {
        "title" => title(notice),
        "text" => notice.alerts.iter().map(lines).collect::<Vec<_>>().join("\n"),
        "status" => notice.status().to_owned(),
        "severity" => notice.severity().to_string(),
        "rule" => first.map(|alert| alert.rule.clone()).unwrap_or_default(),
        "summary" => first.map(|alert| alert.summary().to_owned()).unwrap_or_default(),
        "firing" => firing.to_string(),
        "resolved" => resolved.to_string(),
        "count" => (firing + resolved + notice.more).to_string(),
        "channel" => notice.channel.clone(),
        "time" => rfc3339(notice.at),
        "url" => external_url.to_owned(),
        "id" => first.map(|alert| alert.id.clone()).unwrap_or_default(),
        "body" => webhook(notice, external_url).to_string(),
        label => {
            let shared = notice.common(|alert| &alert.labels);
            shared.get(label.trim_start_matches("labels.")).copied().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::notices::alert::tests::firing;

    #[test]
    fn placeholders_are_filled_in() {
        let mut alert = firing("cpu", "a", 0);
        alert.annotations.insert("summary".to_owned(), "87 \"%\"".to_owned());
        let notice = Notice::new("ops", "g", BTreeMap::new(), 0, vec![alert]);
        for (template, text) in [
            ("", ""),
            ("{{ title }} on {{labels.instance}}{{labels.none}}", "warning: 87 \"%\" on a"),
            ("{\"text\": {{ summary | json }}, \"n\": {{count}}}", "{\"text\": \"87 \\\"%\\\"\", \"n\": 1}"),
            (
                "{{status}} {{severity}} {{rule}} {{firing}} {{resolved}} {{channel}} {{time}} {{url}} {{id}}",
                "firing warning cpu 1 0 ops 1970-01-01T00:00:00Z http://h cpu-a",
            ),
            ("} }} {", "} }} {"),
        ] {
            assert_eq!(Template::parse(template).unwrap().render(&notice, "http://h"), text, "{template}");
        }
        let body = Template::parse("{{body}}").unwrap().render(&notice, "http://h");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), webhook(&notice, "http://h"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        for (template, error) in [
            ("a\nb {{ title", "line 2, column 3: `{{` without `}}`"),
            ("{{ tittle }}", "line 1, column 1: there is no `tittle`; take one of title, "),
            ("{{ title | upper }}", "line 1, column 1: there is no `title | upper`"),
            ("{{}}", "line 1, column 1: there is no ``"),
        ] {
            let text = Template::parse(template).unwrap_err().to_string();
            assert!(text.starts_with(error), "{text}");
        }
    }
}
