//! Notes of the lines of a request, taken before these are stored: counts by service and level, and the beginning of each line of level `warn`
//! or worse.

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
/// Bytes of a line that are read at the most.
const MAX_TEXT: usize = 2 << 10;
/// Attributes with the message of a line that has no text.
const MESSAGES: [&str; 3] = ["exception_message", "exception.message", "event_name"];
const MS: i64 = 1_000_000;

/// The service that a stream is of: the first of its labels that names one; `unknown` without any.
#[must_use]
pub fn service_of(labels: &Labels) -> String {
    let named = SERVICE.iter().find_map(|name| labels.get(name).filter(|value| !value.is_empty()));
    clipped(named.unwrap_or("unknown"), MAX_SERVICE)
}

/// A line of level `warn` or worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its service, by its place in [`Notes::services`].
    pub service: usize,
    /// Its time, ms.
    pub at: TimestampMs,
    /// How severe it is.
    pub severity: Severity,
    /// The beginning of its text.
    pub text: Vec<u8>,
}

/// When a service had lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The service.
    pub service: String,
    /// The time of its first line, ms.
    pub from: TimestampMs,
    /// The time of its last line, ms.
    pub to: TimestampMs,
    /// Windows of five minutes since 1970 that have a line; no more of them than make a service known.
    pub windows: BTreeSet<i64>,
}

/// How many lines there are, by service and level.
pub type Counted = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// Notes of the lines of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The services that have lines.
    pub services: Vec<Activity>,
    /// Lines of level `warn` or worse.
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
        let known = self.services.iter().rposition(|activity| activity.service == name);
        let place = known.unwrap_or_else(|| {
            self.services.push(Activity { service: name, from: at, to: at, windows: BTreeSet::new() });
            self.services.len() - 1
        });
        let (mut counts, mut window) = ([0_u64; 7], None);
        for record in &stream.records {
            let (at, activity) = (record.time / MS, &mut self.services[place]);
            (activity.from, activity.to) = (activity.from.min(at), activity.to.max(at));
            // Lines follow each other: most are in the window of the one before.
            let of = at.div_euclid(WINDOW_MS);
            if window != Some(of) && activity.windows.len() < KNOWN_WINDOWS as usize {
                activity.windows.insert(of);
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

    /// Bytes of memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let services: usize = self.services.iter().map(|of| of.service.len() + size_of::<Activity>() + 16 * of.windows.len()).sum();
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
        MESSAGES.iter().find_map(said).map(|(_, value)| value.as_bytes())
    };
    let text = if record.body.is_empty() { of_attributes().unwrap_or_default() } else { &record.body };
    text[..text.len().min(MAX_TEXT)].to_vec()
}
