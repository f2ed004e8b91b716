//! The parts of a rule, checked where they stand.

use std::collections::BTreeMap;

use super::super::lines::check_lines;
use super::NamedRule;
use crate::model::{NAME_LABEL, go_quoted, is_plain_name, shown};
use crate::promql::syntax::{Grid, ValueType};
use crate::promql::{Query, QueryError, selectors};
use crate::template::Template;
use crate::yaml::{Faults, Fields, Node};

/// `labels`: names that a label may have.
pub(super) fn labels(fields: &Fields<'_>, faults: &mut Faults) -> BTreeMap<String, String> {
    let texts = fields.texts("labels", faults);
    for (name, (node, _)) in &texts {
        if *name == NAME_LABEL {
            faults.add(node.place, format!("a label cannot be named {NAME_LABEL}: that is the name of the metric"));
        } else {
            check_name("label", name, node, faults);
        }
    }
    owned(texts)
}

/// `annotations`
pub(super) fn annotations(fields: &Fields<'_>, faults: &mut Faults) -> BTreeMap<String, String> {
    let texts = fields.texts("annotations", faults);
    for (name, (node, _)) in &texts {
        check_name("annotation", name, node, faults);
    }
    owned(texts)
}

fn check_name(what: &str, name: &str, node: &Node, faults: &mut Faults) {
    if name.is_empty() {
        faults.add(node.place, format!("the name of a {what} is empty; use letters, digits and _"));
    } else if !is_plain_name(name, false) && name.bytes().any(|byte| byte.is_ascii_control()) {
        faults.add(node.place, format!("invalid {what} name {}; use letters, digits and _", go_quoted(&shown(name))));
    }
}

fn owned(texts: BTreeMap<&str, (&Node, &Node)>) -> BTreeMap<String, String> {
    let owned = |(name, (_, value)): (&str, (&Node, &Node))| (name.to_owned(), value.text().unwrap_or_default().to_owned());
    texts.into_iter().map(owned).collect()
}

/// `expr`, which must be PromQL that gives a vector or a number.
pub(super) fn expression(fields: &Fields<'_>, faults: &mut Faults) -> String {
    let Some(text) = fields.text("expr", faults) else {
        if fields.get("expr").is_none_or(|node| node.text().is_some()) {
            faults.add(fields.place_of("expr"), "a rule needs an expression: `expr: …`, in PromQL");
        }
        return String::new();
    };
    let Some(node) = fields.get("expr") else { return String::new() };
    let checked = Query::parse(text, Grid::default()).and_then(|query| selectors(&query).map(|_| query.expr.value_type()));
    match checked {
        Ok(ValueType::Vector | ValueType::Scalar) => {}
        Ok(ValueType::Matrix) => {
            faults.add(node.place, "`expr` gives a range of samples; a rule needs one value a series, such as rate(x[5m])");
        }
        Ok(ValueType::String) => faults.add(node.place, "`expr` gives a text; a rule needs numbers"),
        Err(QueryError::Parse(error)) => {
            let place = node.place_of(error.range.start);
            let within = match error.position {
                Some(position) if !node.knows_places() => format!(" (at {position} of the expression)"),
                _ => String::new(),
            };
            faults.add(place, format!("`expr` is not PromQL: {}{within}", error.message));
        }
        Err(error) => faults.add(node.place, format!("`expr`: {error}")),
    }
    text.to_owned()
}

/// `logql`: a metric query over log lines, in the place of `expr`.
pub(super) fn lines(fields: &Fields<'_>, faults: &mut Faults) -> Option<String> {
    let node = fields.get("logql")?;
    let text = fields.text("logql", faults).unwrap_or_default();
    if fields.get("expr").is_some() {
        faults.add(node.place, "a rule has either `expr` or `logql`; make two rules of it");
    } else if node.text().is_some()
        && let Err(error) = check_lines(text)
    {
        faults.add(node.place, format!("`logql`: {error}"));
    }
    Some(text.to_owned())
}

/// What only alerts have, and the name of what is recorded.
pub(super) fn recording(fields: &Fields<'_>, rule: &NamedRule, faults: &mut Faults) {
    let spec = &rule.spec;
    let given =
        [("for", spec.hold.ms() != 0), ("keep_firing_for", spec.keep_firing_for.ms() != 0), ("annotations", !spec.annotations.is_empty())];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        faults.add(fields.place_of(key), format!("a recording rule has no `{key}`: that is for alerts"));
    }
    let Some(node) = fields.get("record") else { return };
    if rule.name.contains(['{', '}']) {
        faults.add(
            node.place,
            format!("{} is no metric name; an expression belongs into `expr`, labels into `labels`", go_quoted(&shown(&rule.name))),
        );
    } else if !is_plain_name(&rule.name, true) {
        faults.add(node.place, format!("{} is no metric name; use letters, digits, _ and :", go_quoted(&shown(&rule.name))));
    }
}

/// The templates of an alert.
pub(super) fn templates(fields: &Fields<'_>, faults: &mut Faults) {
    for (key, what) in [("labels", "label"), ("annotations", "annotation")] {
        // Faults of the mapping itself are reported already.
        for (name, (_, node)) in fields.texts(key, &mut Faults::default()) {
            let Some(text) = node.text() else { continue };
            if let Err(error) = Template::parse(text) {
                let within = if node.knows_places() { String::new() } else { within(text, error.at) };
                faults.add(
                    node.place_of(error.at),
                    format!("{what} {}: the template has {}{within}", go_quoted(&shown(name)), error.message),
                );
            }
        }
    }
}

/// Where in a text a byte is, for texts whose places in the file are not known.
fn within(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!(" (at {}:{column} of the text)", before.matches('\n').count() + 1)
}
