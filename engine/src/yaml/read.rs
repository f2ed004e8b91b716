//! Nodes to types, with every fault reported and none of them the end of the reading.

use std::collections::BTreeMap;

use super::{Faults, Kind, Node, Place};
use crate::model::{go_quoted, shown};
use crate::promql::syntax::duration_seconds;
use crate::span::Span;

/// A mapping whose keys are known.
pub struct Fields<'n> {
    /// Where the mapping begins.
    pub place: Place,
    entries: Vec<(&'n str, &'n Node, Place)>,
}

impl<'n> Fields<'n> {
    /// Reads a mapping; `what` names it in messages: `a rule`. None: it is no mapping, which is reported.
    pub fn new(node: &'n Node, what: &str, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let pairs = match &node.kind {
            Kind::Map(pairs) => pairs.as_slice(),
            Kind::Null => &[],
            _ => {
                faults.add(node.place, format!("{what} is {}; it should be a mapping of {}", kind(node), known.join(", ")));
                return None;
            }
        };
        let mut entries: Vec<(&str, &Node, Place)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(name) = key.text() else {
                faults.add(key.place, format!("a key of {what} is {}; it should be a name", kind(key)));
                continue;
            };
            if let Some((_, _, first)) = entries.iter().find(|(known, _, _)| *known == name) {
                faults.add(key.place, format!("the key {} is given twice, first at {first}; leave one out", go_quoted(&shown(name))));
            } else if known.contains(&name) {
                entries.push((name, value, key.place));
            } else {
                let near = nearest(name, known.iter().copied());
                let right = near.map_or_else(|| format!("{what} may have {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
                faults.add(key.place, format!("unknown key {}; {right}", go_quoted(&shown(name))));
            }
        }
        Some(Self { place: node.place, entries })
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, _, _)| *known == key).map(|(_, node, _)| *node)
    }

    /// Where a key stands; where the mapping begins if it is not there.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        self.entries.iter().find(|(known, _, _)| *known == key).map_or(self.place, |(_, _, place)| *place)
    }

    /// A text. Numbers and truth values are texts too.
    pub fn text(&self, key: &str, faults: &mut Faults) -> Option<&'n str> {
        let node = self.get(key)?;
        let text = node.text();
        if text.is_none() {
            faults.add(node.place, format!("`{key}` is {}; it should be a text", kind(node)));
        }
        text.filter(|text| !text.is_empty())
    }

    /// A length of time, as Prometheus has it.
    pub fn duration(&self, key: &str, faults: &mut Faults) -> Option<Span> {
        let node = self.get(key).filter(|node| !matches!(node.kind, Kind::Null))?;
        let Some(text) = node.text() else {
            faults.add(node.place, format!("`{key}` is {}; it should be a length of time", kind(node)));
            return None;
        };
        match duration(text) {
            Ok(span) => Some(span),
            Err(error) => {
                faults.add(node.place, format!("`{key}`: {error}; write it like 30s, 5m or 1h30m"));
                None
            }
        }
    }

    /// A whole number.
    pub fn integer(&self, key: &str, faults: &mut Faults) -> Option<i64> {
        let node = self.get(key)?;
        let text = self.text(key, faults)?;
        let number = text.replace('_', "").parse().ok();
        if number.is_none() {
            faults.add(node.place, format!("`{key}` is {}; it should be a whole number", go_quoted(&shown(text))));
        }
        number
    }

    /// `true` or `false`.
    pub fn truth(&self, key: &str, faults: &mut Faults) -> bool {
        let Some(node) = self.get(key) else { return false };
        match self.text(key, faults) {
            Some("true" | "True" | "TRUE") => true,
            None | Some("false" | "False" | "FALSE") => false,
            Some(text) => {
                faults.add(node.place, format!("`{key}` is {}; it should be true or false", go_quoted(&shown(text))));
                false
            }
        }
    }

    /// A list.
    pub fn list(&self, key: &str, faults: &mut Faults) -> &'n [Node] {
        match self.get(key).map(|node| (node, &node.kind)) {
            None | Some((_, Kind::Null)) => &[],
            Some((_, Kind::List(items))) => items,
            Some((node, _)) => {
                faults
                    .add(node.place, format!("`{key}` is {}; it should be a list, each item on a line that begins with `- `", kind(node)));
                &[]
            }
        }
    }

    /// A mapping of names to texts, with the nodes of both.
    pub fn texts(&self, key: &str, faults: &mut Faults) -> BTreeMap<&'n str, (&'n Node, &'n Node)> {
        let mut texts = BTreeMap::new();
        let Some(node) = self.get(key) else { return texts };
        let pairs = match &node.kind {
            Kind::Map(pairs) => pairs.as_slice(),
            Kind::Null => &[],
            _ => {
                faults.add(node.place, format!("`{key}` is {}; it should be a mapping, one `name: text` a line", kind(node)));
                &[]
            }
        };
        for (name, value) in pairs {
            match (name.text(), value.text()) {
                (Some(text), Some(_)) => {
                    if let Some((first, _)) = texts.insert(text, (name, value)) {
                        let message =
                            format!("{} is given twice in `{key}`, first at {}; leave one out", go_quoted(&shown(text)), first.place);
                        faults.add(name.place, message);
                    }
                }
                (None, _) => faults.add(name.place, format!("a name in `{key}` is {}; it should be a text", kind(name))),
                (Some(text), None) => {
                    faults.add(value.place, format!("{} in `{key}` is {}; it should be a text", go_quoted(&shown(text)), kind(value)));
                }
            }
        }
        texts
    }
}

fn kind(node: &Node) -> &'static str {
    match node.kind {
        Kind::Null => "empty",
        Kind::Scalar(_) => "a text or number",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a mapping",
    }
}

/// A length of time as Prometheus reads it: `0`, `5m`, `1h30m`; units from the longest to the shortest.
pub fn duration(text: &str) -> Result<Span, String> {
    Ok(Span::millis((duration_seconds(text)? * 1e3).round() as i64))
}

/// The name that somebody may have meant: one that differs by a letter or two.
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let most = if name.chars().count() > 5 { 2 } else { 1 };
    known.map(|other| (distance(name, other), other)).filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, other)| other)
}

/// How many letters have to be added, removed or replaced (Levenshtein 1966). Long names are never near.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
