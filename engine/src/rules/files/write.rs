//! Groups as a rule file that Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{NamedRule, Rule, RuleGroup, RuleSet, RuleSpec};
use super::GroupSpec;
use crate::promql::syntax::duration_text;
use crate::yaml::quoted;

/// All rules of a set as one rule file. What only this service knows of a rule (`cooldown`, `clear`, `count`, `remediation`) is left
/// out; `absent` and `unless` become part of the expression. Rules over log lines, which Prometheus does not read, are named in comments.
#[must_use]
pub fn export(set: &RuleSet) -> String {
    let mut names = BTreeSet::new();
    let mut groups = Vec::with_capacity(set.groups().len());
    for group in set.groups() {
        // Groups of two files may have the same name; in one file they may not.
        let mut name = group.name.clone();
        while !names.insert(name.clone()) {
            name = format!("{name} ({})", group.file);
        }
        groups.push(GroupSpec {
            name,
            file: String::new(),
            interval: Some(group.interval),
            query_offset: Some(group.query_offset).filter(|offset| offset.ms() > 0),
            limit: group.limit,
            labels: BTreeMap::new(),
            rules: of_group(set, group).filter(|rule| rule.spec.logql.is_none()).map(exported).collect(),
        });
    }
    let lines = set.groups().iter().flat_map(|group| of_group(set, group)).filter(|rule| rule.spec.logql.is_some());
    let left_out: Vec<String> = lines.map(|rule| format!("# left out, since it is over log lines: {}\n", quoted(&rule.name))).collect();
    left_out.concat() + &write(&groups)
}

fn of_group<'a>(set: &'a RuleSet, group: &RuleGroup) -> impl Iterator<Item = &'a Rule> {
    set.rules().get(group.rules.clone()).unwrap_or_default().iter()
}

fn exported(rule: &Rule) -> NamedRule {
    let spec = RuleSpec {
        expr: Some(rule.condition.query(&rule.spec)),
        record: rule.spec.record.clone(),
        hold: rule.spec.hold,
        keep_firing_for: rule.spec.keep_firing_for,
        labels: rule.labels.clone(),
        annotations: rule.spec.annotations.clone(),
        ..RuleSpec::default()
    };
    NamedRule { name: rule.name.clone(), spec }
}

/// A rule file of groups, with what Prometheus knows of rules.
#[must_use]
pub fn write(groups: &[GroupSpec]) -> String {
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
            let spec = &rule.spec;
            let key = if spec.record.is_some() { "record" } else { "alert" };
            let (asked, text) = match &spec.logql {
                Some(logql) => ("logql", logql.as_str()),
                None => ("expr", spec.expr.as_deref().unwrap_or_default()),
            };
            out.push_str(&format!("      - {key}: {}\n        {asked}: {}\n", quoted(&rule.name), quoted(text)));
            for (key, span) in [("for", spec.hold), ("keep_firing_for", spec.keep_firing_for)] {
                if span.ms() > 0 {
                    out.push_str(&format!("        {key}: {}\n", duration_text(span.ms())));
                }
            }
            push_texts(&mut out, "        ", "labels", &spec.labels);
            push_texts(&mut out, "        ", "annotations", &spec.annotations);
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
