//! Groups as a rule file that Prometheus reads.

use std::collections::BTreeMap;

use super::FileGroup;
use crate::promql::syntax::duration_text;
use crate::yaml::quoted;

/// A rule file of groups.
#[must_use]
pub fn write(groups: &[FileGroup]) -> String {
    if groups.is_empty() {
        return "groups: []\n".to_owned();
    }
    let mut out = String::from("groups:\n");
    for group in groups {
        out.push_str(&format!("  - name: {}\n", quoted(&group.name)));
        if let Some(interval) = group.interval {
            out.push_str(&format!("    interval: {}\n", duration_text(interval.ms())));
        }
        if let Some(offset) = group.query_offset {
            out.push_str(&format!("    query_offset: {}\n", duration_text(offset.ms())));
        }
        if group.limit > 0 {
            out.push_str(&format!("    limit: {}\n", group.limit));
        }
        push_texts(&mut out, "    ", "labels", &group.labels);
        if group.rules.is_empty() {
            out.push_str("    rules: []\n");
            continue;
        }
        out.push_str("    rules:\n");
        for rule in &group.rules {
            let key = if rule.records { "record" } else { "alert" };
            out.push_str(&format!("      - {key}: {}\n        expr: {}\n", quoted(&rule.name), quoted(&rule.expr)));
            for (key, span) in [("for", rule.hold), ("keep_firing_for", rule.keep_firing_for)] {
                if span.ms() > 0 {
                    out.push_str(&format!("        {key}: {}\n", duration_text(span.ms())));
                }
            }
            push_texts(&mut out, "        ", "labels", &rule.labels);
            push_texts(&mut out, "        ", "annotations", &rule.annotations);
        }
    }
    out
}

fn push_texts(out: &mut String, indent: &str, key: &str, texts: &BTreeMap<String, String>) {
    if texts.is_empty() {
        return;
    }
    out.push_str(&format!("{indent}{key}:\n"));
    for (name, text) in texts {
        out.push_str(&format!("{indent}  {}: {}\n", quoted(name), quoted(text)));
    }
}
