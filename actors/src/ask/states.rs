//! What is up and what is down: targets, jobs, sources, units, and all of it.

use taskpulse_engine::ask::{Kind, Meaning, NameKind, Range, Subject, Wanted};
use taskpulse_engine::words::{counted, lasted};

use super::draft::{Draft, count_row, listed, ms, text_row};
use super::limits::spans;
use super::reading::{Read, Samples};
use super::{AskError, Asker};
use crate::view::{AnswerRow, SourceState};

const DAY: i64 = 86_400_000;

/// Something that is up or down, and why.
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) up: Option<bool>,
    pub(super) why: Option<String>,
    pub(super) since: Option<f64>,
}

impl Asker {
    pub(super) fn state(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        match (meaning.wanted, meaning.time) {
            (Wanted::Downtime, Some(range)) => self.downtime(&read, meaning, range),
            (Wanted::LastTime, _) if meaning.subject == Subject::Heartbeat => self.last_call(&read, meaning),
            (Wanted::LastTime, _) => self.last_down(&read, meaning),
            (Wanted::State(_) | Wanted::Count, Some(range)) => self.downtime(&read, meaning, range),
            _ => self.state_now(&read, meaning),
        }
    }

    fn state_now(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let mut things: Vec<Thing> = Vec::new();
        for (labels, value) in self.instant(&read.selector, self.now())? {
            let name = self.row_name(read, &labels);
            let target = self.views.targets().into_iter().find(|target| meaning.subject == Subject::Probe && target.target == name);
            let (why, since) = target.map(|target| (target.reason, target.since)).unwrap_or_default();
            things.push(Thing { name, up: Some(value > 0.0), why, since });
        }
        // A target that was not checked yet has no sample.
        if meaning.subject == Subject::Probe {
            let named = |name: &str| meaning.name(NameKind::Target).is_none_or(|wanted| wanted == name);
            for target in self.views.targets().into_iter().filter(|target| named(&target.target)) {
                if !things.iter().any(|thing| thing.name == target.target) {
                    things.push(Thing { name: target.target, up: target.up, why: target.reason, since: target.since });
                }
            }
        }
        if meaning.subject == Subject::Heartbeat {
            let calls = self.calls_as_things(meaning);
            things.retain(|thing| !calls.iter().any(|call| call.name == thing.name));
            things.extend(calls);
        }
        if things.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        things.sort_by(|a, b| a.up.cmp(&b.up).then(a.name.cmp(&b.name)));
        let word = if meaning.subject == Subject::Heartbeat { ("in time", "late") } else { ("up", "down") };
        let said = |thing: &Thing| self.thing_said(thing, word);
        let down: Vec<String> = things.iter().filter(|thing| thing.up == Some(false)).map(said).collect();
        let sentence = match (things.len(), down.len()) {
            (1, _) => said(&things[0]),
            (count, 0) if things.iter().all(|thing| thing.up == Some(true)) => format!("All {count} are {}", word.0),
            (count, bad) => format!(
                "{bad} of {count} are {}: {}",
                word.1,
                listed(&if down.is_empty() { things.iter().map(said).collect() } else { down })
            ),
        };
        let rows = things.iter().map(|thing| thing_row(thing, word)).collect();
        let lately = Range { start: self.now() - DAY, end: self.now() };
        let mut draft = Draft::said(sentence.clone()).rows(rows).charted(&read.selector, &read.selector, [lately]).page("application");
        if things.iter().all(|thing| thing.up.is_none()) {
            draft.missing = Some(sentence);
        }
        Ok(draft)
    }

    fn thing_said(&self, thing: &Thing, word: (&str, &str)) -> String {
        let state = match thing.up {
            Some(true) => word.0,
            Some(false) => word.1,
            None => "not known yet",
        };
        let why = thing.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let since = thing.since.map(|since| format!(", since {}", self.at(ms(since)))).unwrap_or_default();
        format!("{} is {state}{why}{since}", thing.name)
    }

    /// How long and how often something was down.
    fn downtime(&self, read: &Read, meaning: &Meaning, range: Range) -> Result<Draft, AskError> {
        let found = self.samples(&read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let word = if meaning.subject == Subject::Heartbeat { "late" } else { "down" };
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        for (labels, samples) in &found {
            let name = self.row_name(read, labels);
            let down = spans(samples, range.end, |value| value <= 0.0);
            let long: i64 = down.iter().map(|span| span.length()).sum();
            if down.is_empty() {
                parts.push((0, format!("{name} was never {word} in {}", counted(samples.len(), "sample", "samples"))));
            } else {
                let times = counted(down.len(), "time", "times");
                parts
                    .push((long, format!("{name} was {word} {times}, for {} together, first at {}", lasted(long), self.at(down[0].start))));
            }
            rows.extend(down.iter().map(|span| text_row(name.clone(), format!("{word} for {}", lasted(span.length())), Some(span.start))));
        }
        parts.sort_by_key(|(long, _)| std::cmp::Reverse(*long));
        let bad = parts.iter().filter(|(long, _)| *long > 0).count();
        let lead = if meaning.wanted == Wanted::Count { format!("{bad} of {} were {word}: ", parts.len()) } else { String::new() };
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        let sentence = format!("{lead}{}, {}", listed(&parts), self.during(range));
        let flags = Read {
            metric: read.metric.clone(),
            selector: read.selector.clone(),
            kind: Kind::Flag,
            by: read.by.clone(),
            measure: read.measure,
        };
        Ok(Draft::said(sentence)
            .rows(rows)
            .charted(&read.selector, &read.selector, [range])
            .page("application")
            .note(self.coverage(&flags, range)?))
    }

    fn last_down(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = meaning.time.unwrap_or(Range { start: self.now() - 30 * DAY, end: self.now() });
        let found = self.samples(&read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        for (labels, samples) in &found {
            let name = self.row_name(read, labels);
            match spans(samples, range.end, |value| value <= 0.0).last() {
                Some(span) => {
                    parts.push(format!("{name} was last down from {}, for {}", self.at(span.start), lasted(span.length())));
                    rows.push(text_row(name, format!("down for {}", lasted(span.length())), Some(span.start)));
                }
                None => parts.push(format!("{name} was never down")),
            }
        }
        Ok(Draft::said(format!("{}, {}", listed(&parts), self.during(range)))
            .rows(rows)
            .charted(&read.selector, &read.selector, [range])
            .page("application"))
    }

    /// Whether a unit or container runs: its memory is measured.
    pub(super) fn unit_state(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        if let Some(range) = meaning.time {
            return self.unit_then(&read, meaning, range);
        }
        let running = self.instant(&read.selector, self.now())?;
        if meaning.names.is_empty() {
            if running.is_empty() {
                return Ok(self.nothing(&read, meaning));
            }
            let names: Vec<String> = running.iter().map(|(labels, _)| self.row_name(&read, labels)).collect();
            let rows = names.iter().map(|name| text_row(name.clone(), "runs", None)).collect();
            return Ok(Draft::said(format!(
                "{} with samples: {}",
                counted(names.len(), "unit or container runs", "units and containers run"),
                listed(&names)
            ))
            .rows(rows));
        }
        let newest = self.newest(&read.selector, 30 * DAY)?;
        if let Some((labels, _)) = running.first() {
            return Ok(Draft::said(format!("{} runs: it has samples now", self.row_name(&read, labels))));
        }
        let Some((labels, t, _)) = newest.into_iter().max_by_key(|(_, t, _)| *t) else {
            return Ok(self.nothing(&read, meaning));
        };
        let name = self.row_name(&read, &labels);
        let sentence = format!("{name} has no samples since {}: it ended, or is not among the busiest any more", self.at(t));
        let mut draft = Draft::said(sentence.clone());
        draft.missing = Some(sentence);
        Ok(draft)
    }

    /// Whether units or containers ran in a time: their memory was measured.
    fn unit_then(&self, read: &Read, meaning: &Meaning, range: Range) -> Result<Draft, AskError> {
        let found = self.samples(&read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let ends = |samples: &Samples| Some((samples.first()?.0, samples.last()?.0));
        let parts: Vec<String> = found
            .iter()
            .filter_map(|(labels, samples)| {
                let (first, last) = ends(samples)?;
                Some(format!("{} ran: it has samples from {} to {}", self.row_name(read, labels), self.at(first), self.at(last)))
            })
            .collect();
        let rows = found.iter().map(|(labels, samples)| count_row(self.row_name(read, labels), samples.len() as f64)).collect();
        let draft = Draft::said(format!("{}, {}", listed(&parts), self.during(range))).rows(rows);
        Ok(draft.charted(&read.selector, &read.selector, [range]).note(self.coverage(read, range)?))
    }

    pub(super) fn sources(&self, meaning: &Meaning) -> Draft {
        let wanted = meaning.name(NameKind::Source);
        let all: Vec<_> = self.views.sources().into_iter().filter(|source| wanted.is_none_or(|name| name == source.source)).collect();
        if all.is_empty() {
            return Draft::missing("no source is known of that name").page("status");
        }
        let state = |state: SourceState| match state {
            SourceState::Up => "works",
            SourceState::Failing => "fails",
            SourceState::Absent => "has nothing to read",
        };
        let said: Vec<(SourceState, String)> = all
            .iter()
            .map(|source| {
                let why = source.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                (source.state, format!("{} {}{why}", source.source, state(source.state)))
            })
            .collect();
        let failing: Vec<String> = said.iter().filter(|(state, _)| *state == SourceState::Failing).map(|(_, said)| said.clone()).collect();
        let sentence = match (said.len(), failing.len()) {
            (1, _) => said[0].1.clone(),
            (count, 0) => format!("None of {count} sources fails"),
            (count, bad) => format!("{bad} of {count} sources fail: {}", listed(&failing)),
        };
        let mut rows: Vec<AnswerRow> =
            all.iter().map(|source| text_row(source.source.clone(), state(source.state), Some(ms(source.since)))).collect();
        if meaning.wanted == Wanted::Count {
            rows.insert(0, count_row("sources", said.len() as f64));
        }
        Draft::said(sentence).rows(rows).page("status")
    }
}

fn thing_row(thing: &Thing, word: (&str, &str)) -> AnswerRow {
    let state = match thing.up {
        Some(true) => word.0,
        Some(false) => word.1,
        None => "not known yet",
    };
    let mut row = text_row(thing.name.clone(), state, thing.since.map(ms));
    row.value = thing.up.map(|up| f64::from(u8::from(up)));
    row
}
