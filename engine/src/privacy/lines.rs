//! Log lines.

use super::kinds::of_event;
use super::pass::{Fate, Of, Pass};
use super::who::{is_agent, is_agents};
use super::{Kept, Kinds};
use crate::logs::record::{Lines, Record};
use crate::model::Labels;

/// Takes out of the lines of a request what is not kept.
pub fn filter_lines(lines: &mut Lines, kept: &Kept) {
    let mut pass = Pass::new(kept);
    for stream in lines {
        let agents = is_agents(&stream.labels);
        let mut any = agents;
        for record in &mut stream.records {
            if agents || attribute(record, "scope_name").is_some_and(is_agent) {
                any = true;
                record_in(&mut pass, record, Of::agent(&record.attributes));
            } else if has_gen_ai(record) {
                record_in(&mut pass, record, Of::Other);
            }
        }
        if any {
            labels_in(&mut pass, &mut stream.labels);
        }
    }
}

/// The value of an attribute; they are sorted by name.
fn attribute<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let at = record.attributes.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
    Some(&record.attributes[at].1)
}

fn has_gen_ai(record: &Record) -> bool {
    let at = record.attributes.partition_point(|(name, _)| name.as_str() < "gen_ai");
    record.attributes.get(at).is_some_and(|(name, _)| name.starts_with("gen_ai"))
}

fn record_in(pass: &mut Pass<'_>, record: &mut Record, of: Of) {
    let mut gone = Vec::new();
    if !record.body.is_empty() {
        let kinds = attribute(record, "event_name").map_or(Kinds::NONE, of_event);
        if body_in(pass, &mut record.body, kinds, of) {
            gone.push("body");
        }
    }
    pass.attributes(&mut record.attributes, of, gone);
}

/// The body of a line, of which is known what it holds by its event; whether it went.
fn body_in(pass: &mut Pass<'_>, body: &mut Vec<u8>, kinds: Kinds, of: Of) -> bool {
    if of == Of::Other && kinds == Kinds::NONE {
        return false;
    }
    // Bytes that are no text stay as they are unless something is hidden among them.
    let text = String::from_utf8_lossy(body);
    let fate = match kinds {
        Kinds::NONE => pass.text(&text),
        kinds if pass.keeps(kinds) => pass.cleaned(&text),
        _ => Fate::Goes,
    };
    match fate {
        Fate::Stays => false,
        Fate::Instead(other) => {
            *body = other.into_bytes();
            false
        }
        Fate::Goes => {
            body.clear();
            true
        }
    }
}

/// Labels of a stream, which the sender or the settings chose.
fn labels_in(pass: &mut Pass<'_>, labels: &mut Labels) {
    let mut changed = false;
    let pairs: Vec<(String, String)> = labels
        .iter()
        .filter_map(|(name, value)| {
            let fate = pass.fate(name, value, Of::Agent { tool: false });
            changed |= fate != Fate::Stays;
            match fate {
                Fate::Stays => Some((name.to_owned(), value.to_owned())),
                Fate::Instead(other) => Some((name.to_owned(), other)),
                Fate::Goes => None,
            }
        })
        .collect();
    if !changed {
        return;
    }
    *labels = match pairs.as_slice() {
        [] => Labels::of(vec![("service_name", "unknown_service")]),
        pairs => Labels::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
    };
}
