//! Prometheus' rule files: groups of alerting and recording rules in YAML.
//!
//! As strict as Prometheus (model/rulefmt): an unknown key, a bad name, a length of time, an expression or a template that cannot be
//! read is a fault with its line and column, and all faults of a file are reported. One key is not Prometheus': `logql` in the place of `expr`,
//! a metric query over log lines. A group may be written by [`write()`] as well.

mod check;
mod write;

use std::collections::BTreeMap;

pub use write::{export, write};

use super::{GroupSpec, NamedRule, RuleSpec};
use crate::yaml::{self, Fault, Faults, Fields, Node};

const FILE_KEYS: &[&str] = &["groups"];
const GROUP_KEYS: &[&str] = &["name", "interval", "query_offset", "limit", "rules", "labels"];
const RULE_KEYS: &[&str] = &["alert", "record", "expr", "logql", "for", "keep_firing_for", "labels", "annotations"];

/// A rule file that was read.
#[derive(Debug, Clone, Default)]
pub struct RuleFile {
    /// Its groups, in order.
    pub groups: Vec<GroupSpec>,
    /// What is probably not meant, but valid.
    pub warnings: Vec<Fault>,
}

/// `alert: X` or `record: x`.
pub(super) fn title(rule: &NamedRule) -> String {
    format!("{}: {}", if rule.spec.record.is_some() { "record" } else { "alert" }, rule.name)
}

/// Reads a rule file; its groups carry its name.
///
/// # Errors
/// [`Faults`] has all that is wrong.
pub fn parse(text: &str, name: &str) -> Result<RuleFile, Faults> {
    let mut faults = Faults::default();
    let (root, second) = match yaml::parse(text) {
        Ok(document) => document,
        Err(fault) => {
            faults.add(fault.place, fault.message);
            return faults.none_or(RuleFile::default());
        }
    };
    let mut file = RuleFile::default();
    if let Some(place) = second {
        file.warnings
            .push(Fault { place, message: "only the first document of a file is read; put its rules into the first one".to_owned() });
    }
    let fields = root.as_ref().and_then(|root| Fields::new(root, "a rule file", FILE_KEYS, &mut faults));
    let mut seen: BTreeMap<String, yaml::Place> = BTreeMap::new();
    let mut rules: BTreeMap<String, yaml::Place> = BTreeMap::new();
    let nodes = fields.as_ref().map_or(&[][..], |fields| fields.list("groups", &mut faults));
    for node in nodes {
        let Some((mut group, places)) = read_group(node, &mut faults) else { continue };
        name.clone_into(&mut group.file);
        if group.name.is_empty() {
            faults.add(node.place, "a group needs a name: `name: …`");
        } else if let Some(first) = seen.get(&group.name) {
            faults.add(node.place, format!("the group name {:?} is given twice, first at {first}; give each group its own", group.name));
        } else {
            seen.insert(group.name.clone(), node.place);
        }
        for (rule, place) in group.rules.iter().zip(places) {
            let labels: BTreeMap<&String, &String> = group.labels.iter().chain(&rule.spec.labels).collect();
            let same = format!("{} {labels:?}", title(rule));
            match rules.get(&same) {
                Some(first) => {
                    let message = format!(
                        "`{}` has the labels of another rule of that name, at {first}: they may write the same series",
                        title(rule)
                    );
                    file.warnings.push(Fault { place, message });
                }
                None => {
                    rules.insert(same, place);
                }
            }
        }
        file.groups.push(group);
    }
    faults.none_or(file)
}

/// A group, and the places of its rules.
fn read_group(node: &Node, faults: &mut Faults) -> Option<(GroupSpec, Vec<yaml::Place>)> {
    let fields = Fields::new(node, "a group", GROUP_KEYS, faults)?;
    let mut group = GroupSpec {
        name: fields.text("name", faults).unwrap_or_default().to_owned(),
        interval: fields.duration("interval", faults).filter(|interval| interval.ms() > 0),
        query_offset: fields.duration("query_offset", faults),
        ..GroupSpec::default()
    };
    // As in Prometheus a limit below zero is none.
    group.limit = fields.integer("limit", faults).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    group.labels = check::labels(&fields, faults);
    let mut places = Vec::new();
    for node in fields.list("rules", faults) {
        if let Some(rule) = read_rule(node, faults) {
            group.rules.push(rule);
            places.push(node.place);
        }
    }
    Some((group, places))
}

fn read_rule(node: &Node, faults: &mut Faults) -> Option<NamedRule> {
    let fields = Fields::new(node, "a rule", RULE_KEYS, faults)?;
    let (alert, record) = (fields.text("alert", faults), fields.text("record", faults));
    let (name, records) = match (alert, record) {
        (Some(alert), None) => (alert, false),
        (None, Some(record)) => (record, true),
        (None, None) => {
            faults.add(node.place, "a rule needs `alert: NAME` or `record: METRIC`");
            ("", false)
        }
        (Some(alert), Some(_)) => {
            faults.add(fields.place_of("record"), "a rule has either `alert` or `record`; make two rules of it");
            (alert, false)
        }
    };
    let logql = check::lines(&fields, faults);
    let spec = RuleSpec {
        expr: if logql.is_some() { None } else { Some(check::expression(&fields, faults)) },
        logql,
        record: records.then(|| name.to_owned()),
        hold: fields.duration("for", faults).unwrap_or_default(),
        keep_firing_for: fields.duration("keep_firing_for", faults).unwrap_or_default(),
        labels: check::labels(&fields, faults),
        annotations: check::annotations(&fields, faults),
        ..RuleSpec::default()
    };
    let rule = NamedRule { name: name.to_owned(), spec };
    if records {
        check::recording(&fields, &rule, faults);
    } else {
        check::templates(&fields, faults);
    }
    Some(rule)
}

#[cfg(test)]
mod tests;
