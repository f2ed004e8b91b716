//! What is taken of the lines of a request before they are stored: counts by service and level, and the beginning of each line that complains.

use std::collections::{BTreeMap, BTreeSet};

use super::miner::{KNOWN_WINDOWS, WINDOW_MS};
use crate::logs::record::{Record, Severity};
use crate::logs::{Lines, StreamLines};
use crate::model::{Labels, TimestampMs, clipped};

/// Labels that name the service of a stream, the first that there is.
const SERVICE: [&str; 13] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "unit",
];
/// Longest name of a service, in characters.
const MAX_SERVICE: usize = 128;
/// What is looked at of a line, in bytes.
const MAX_TEXT: usize = 2 << 10;
/// Attributes that say what happened where a line has no text.
const SAYS: [&str; 3] = ["exception_message", "exception.message", "event_name"];
const MS: i64 = 1_000_000;

/// The service that a stream is of: the first of its labels that names one; `unknown` without any.
#[must_use]
pub fn service_of(labels: &Labels) -> String {
    let named = SERVICE.iter().find_map(|name| labels.get(name).filter(|value| !value.is_empty()));
    clipped(named.unwrap_or("unknown"), MAX_SERVICE)
}

/// A line that complains: of level `warn` or worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its service, by its place in [`Notes::services`].
    pub service: usize,
    /// When it was said, ms.
    pub at: TimestampMs,
    /// How severe it is.
    pub severity: Severity,
    /// The beginning of its text.
    pub text: Vec<u8>,
}

/// When a service spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The service.
    pub service: String,
    /// The time of its first line, ms.
    pub from: TimestampMs,
    /// The time of its last line, ms.
    pub to: TimestampMs,
    /// The windows of five minutes since 1970 that have a line; no more than make it known.
    pub windows: BTreeSet<i64>,
}

/// How many lines there are, by service and level.
pub type Counted = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// What was noted of the lines of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The services that said something.
    pub services: Vec<Heard>,
    /// Lines that complain.
    pub notes: Vec<Note>,
    /// Lines by service (by place) and level.
    pub counts: Vec<(usize, &'static str, u64)>,
}

impl Notes {
    /// Takes notes of lines.
    #[must_use]
    pub fn of(lines: &Lines) -> Self {
        let mut notes = Self::default();
        lines.iter().for_each(|stream| notes.stream(stream));
        notes
    }

    fn stream(&mut self, stream: &StreamLines) {
        let Some(first) = stream.records.first() else { return };
        let (name, at) = (service_of(&stream.labels), first.time / MS);
        let known = self.services.iter().rposition(|heard| heard.service == name);
        let place = known.unwrap_or_else(|| {
            self.services.push(Heard { service: name, from: at, to: at, windows: BTreeSet::new() });
            self.services.len() - 1
        });
        let (mut counts, mut window) = ([0_u64; 7], None);
        for record in &stream.records {
            let (at, heard) = (record.time / MS, &mut self.services[place]);
            (heard.from, heard.to) = (heard.from.min(at), heard.to.max(at));
            // Lines follow each other: most are in the window of the one before.
            let of = at.div_euclid(WINDOW_MS);
            if window != Some(of) && heard.windows.len() < KNOWN_WINDOWS as usize {
                heard.windows.insert(of);
                window = Some(of);
            }
            counts[rank(record.severity)] += 1;
            if record.severity.0 >= 13 {
                self.notes.push(Note { service: place, at, severity: record.severity, text: text_of(record) });
            }
        }
        let counted = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        self.counts.extend(counted.map(|(rank, count)| (place, Severity((rank * 4) as u8).word(), count)));
    }

    /// What it takes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let services: usize = self.services.iter().map(|heard| heard.service.len() + size_of::<Heard>() + 16 * heard.windows.len()).sum();
        services + self.counts.len() * 40 + self.notes.iter().map(|note| note.text.len() + size_of::<Note>()).sum::<usize>()
    }
}

/// The place of a level: 0 for unknown, 1 to 6 for trace to fatal.
fn rank(severity: Severity) -> usize {
    match severity.0 {
        level @ 1..=24 => usize::from(level).div_ceil(4),
        _ => 0,
    }
}

fn text_of(record: &Record) -> Vec<u8> {
    let of_attributes = || {
        let said = |name: &&str| record.attributes.iter().find(|(other, value)| other == name && !value.is_empty());
        SAYS.iter().find_map(said).map(|(_, value)| value.as_bytes())
    };
    let text = if record.body.is_empty() { of_attributes().unwrap_or_default() } else { &record.body };
    text[..text.len().min(MAX_TEXT)].to_vec()
}
