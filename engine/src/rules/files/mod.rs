//! Prometheus' rule files: groups of alerting and recording rules in YAML.
//!
//! As strict as Prometheus (model/rulefmt): an unknown key, a bad name, a length of time, an expression or a template that cannot be
//! read is a fault with its line and column, and all faults of a file are reported. A group may be written by [`write()`] as well.

mod check;
mod write;

use std::collections::BTreeMap;

pub use write::write;

use crate::span::Span;
use crate::yaml::{self, Fault, Faults, Fields, Node};

const FILE_KEYS: &[&str] = &["groups"];
const GROUP_KEYS: &[&str] = &["name", "interval", "query_offset", "limit", "rules", "labels"];
const RULE_KEYS: &[&str] = &["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// A rule file that was read.
#[derive(Debug, Clone, Default)]
pub struct RuleFile {
    /// Its groups, in order.
    pub groups: Vec<FileGroup>,
    /// What is probably not meant, but valid.
    pub warnings: Vec<Fault>,
}

/// A group of a rule file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileGroup {
    /// Its name, unique in the file.
    pub name: String,
    /// Time between evaluations.
    pub interval: Option<Span>,
    /// How far in the past it is evaluated.
    pub query_offset: Option<Span>,
    /// Most alerts, or recorded series, of one rule; 0 for no limit.
    pub limit: usize,
    /// Labels of all its rules.
    pub labels: BTreeMap<String, String>,
    /// Its rules, in order.
    pub rules: Vec<FileRule>,
}

/// A rule of a rule file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRule {
    /// The name of its alerts, or the metric that it records.
    pub name: String,
    /// Whether it records instead of alerting.
    pub records: bool,
    /// Its expression, as written.
    pub expr: String,
    /// How long the condition must hold.
    pub hold: Span,
    /// How long an alert goes on after its condition has ended.
    pub keep_firing_for: Span,
    /// Its labels: templates where it alerts.
    pub labels: BTreeMap<String, String>,
    /// Texts about its alerts: templates.
    pub annotations: BTreeMap<String, String>,
}

impl FileRule {
    /// `alert: X` or `record: x`.
    fn title(&self) -> String {
        format!("{}: {}", if self.records { "record" } else { "alert" }, self.name)
    }
}

/// Reads a rule file.
///
/// # Errors
/// [`Faults`] has all that is wrong.
pub fn parse(text: &str) -> Result<RuleFile, Faults> {
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
        let Some((group, places)) = read_group(node, &mut faults) else { continue };
        if group.name.is_empty() {
            faults.add(node.place, "a group needs a name: `name: …`");
        } else if let Some(first) = seen.get(&group.name) {
            faults.add(node.place, format!("the group name {:?} is given twice, first at {first}; give each group its own", group.name));
        } else {
            seen.insert(group.name.clone(), node.place);
        }
        for (rule, place) in group.rules.iter().zip(places) {
            let labels: BTreeMap<&String, &String> = group.labels.iter().chain(&rule.labels).collect();
            let same = format!("{} {labels:?}", rule.title());
            match rules.get(&same) {
                Some(first) => {
                    let message = format!(
                        "`{}` has the labels of another rule of that name, at {first}: they may write the same series",
                        rule.title()
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
fn read_group(node: &Node, faults: &mut Faults) -> Option<(FileGroup, Vec<yaml::Place>)> {
    let fields = Fields::new(node, "a group", GROUP_KEYS, faults)?;
    let mut group = FileGroup {
        name: fields.text("name", faults).unwrap_or_default().to_owned(),
        interval: fields.duration("interval", faults).filter(|interval| interval.ms() > 0),
        query_offset: fields.duration("query_offset", faults),
        ..FileGroup::default()
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

fn read_rule(node: &Node, faults: &mut Faults) -> Option<FileRule> {
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
    let rule = FileRule {
        name: name.to_owned(),
        records,
        expr: check::expression(&fields, faults),
        hold: fields.duration("for", faults).unwrap_or(Span::secs(0)),
        keep_firing_for: fields.duration("keep_firing_for", faults).unwrap_or(Span::secs(0)),
        labels: check::labels(&fields, faults),
        annotations: check::annotations(&fields, faults),
    };
    if records {
        check::recording(&fields, &rule, faults);
    } else {
        check::templates(&fields, faults);
    }
    Some(rule)
}

#[cfg(test)]
mod tests;
