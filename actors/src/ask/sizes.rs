//! How fast sizes grow, whether a resource is in order, whether a machine sends samples, and whether runners suffice.

use taskpulse_engine::ask::{Meaning, NameKind, Range, Subject};
use taskpulse_engine::words::counted;

use super::draft::{Draft, figure, listed, row, text_row};
use super::{AskError, Asker};
use crate::optimizer::OFF;
use crate::view::{Capacity, CapacityResource};

const DAY: i64 = 86_400_000;
/// A machine without a sample for so long is silent, ms.
const SILENT: i64 = 300_000;
/// Shortest time that a rate per day is worked out from, ms.
const LEAST: i64 = 3_600_000;

impl Asker {
    /// By how much sizes rose or fell from the first sample of a time to its last.
    pub(super) fn growth(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let (Some(read), Some(range)) = (self.read_of(meaning), meaning.time) else {
            return Ok(Draft::missing("nothing is known of that"));
        };
        let mut found = Vec::new();
        for (labels, samples) in self.samples(&read.selector, range)? {
            if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
                found.push((self.called(&read, &labels), *first, *last));
            }
        }
        if found.is_empty() {
            return Ok(self.nothing(&read, meaning));
        }
        found.sort_by(|a, b| (b.2.1 - b.1.1).total_cmp(&(a.2.1 - a.1.1)));
        let parts: Vec<String> = found
            .iter()
            .map(|(called, first, last)| {
                let (change, long) = (last.1 - first.1, last.0 - first.0);
                let way = if change >= 0.0 { "grew" } else { "shrank" };
                let a_day = (long >= LEAST).then(|| format!(", {} a day", figure(&read.metric, change.abs() * DAY as f64 / long as f64)));
                format!(
                    "{called} {way} by {}, from {} at {} to {} at {}{}",
                    figure(&read.metric, change.abs()),
                    figure(&read.metric, first.1),
                    self.at(first.0),
                    figure(&read.metric, last.1),
                    self.at(last.0),
                    a_day.unwrap_or_default()
                )
            })
            .collect();
        let rows = found.iter().map(|(called, first, last)| row(called.clone(), &read.metric, last.1 - first.1)).collect();
        Ok(Draft::said(listed(&parts)).rows(rows).charted(&read.selector, &read.selector, [range]).page("system"))
    }

    /// The levels of a resource, with the alerts that fire and the advice that is open on it.
    pub(super) fn level_state(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let kind = match meaning.subject {
            Subject::Disk => "disk",
            Subject::Memory => "memory",
            _ => "cpu",
        };
        let draft = self.newest_values_of(meaning)?;
        if draft.missing.is_some() {
            return Ok(draft);
        }
        let topic = Some(if meaning.subject == Subject::Load { "load" } else { kind });
        let firing = self.fired(&Meaning { topic, names: Vec::new(), ..meaning.clone() })?;
        let firing: Vec<String> = firing.iter().filter(|alert| alert.resolved_at.is_none()).map(|alert| alert.headline()).collect();
        let all = self.views.recommendations();
        let open = all.iter().filter(|one| one.kind == kind && one.status.is_open());
        let open: Vec<String> = open.map(|one| one.title.clone()).collect();
        let of = if kind == "cpu" { "the CPU" } else { kind };
        let alerts = match firing.len() {
            0 => format!("No alert about {of} fires"),
            count => format!("{} about {of}: {}", counted(count, "alert fires", "alerts fire"), listed(&firing)),
        };
        let advice = match open.len() {
            _ if !self.advises => "advice is switched off".to_owned(),
            0 => "no advice is open on it".to_owned(),
            _ => format!("advice is open: {}", listed(&open)),
        };
        Ok(Draft { sentence: format!("{alerts}, and {advice}. {}", draft.sentence), ..draft })
    }

    /// Whether a machine sends samples.
    pub(super) fn host_state(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let host = meaning.name(NameKind::Host).unwrap_or_default();
        let Some(t) = self.newest(&read.selector, 400 * DAY)?.into_iter().map(|(_, t, _)| t).max() else {
            return Ok(self.nothing(&read, meaning));
        };
        let (word, sentence) = if self.now() - t <= SILENT {
            ("sends", format!("{host} is alive: its newest sample is of {} ({})", self.at(t), self.ago(t)))
        } else {
            ("silent", format!("{host} is silent: its newest sample is of {} ({})", self.at(t), self.ago(t)))
        };
        let day = Range { start: self.now() - DAY, end: self.now() };
        let draft =
            Draft::said(sentence).rows(vec![text_row(host, word, Some(t))]).charted(&read.selector, &read.selector, [day]).page("system");
        Ok(draft.note(Some("A machine that sends nothing may be down, or its agent or the way here is".to_owned())))
    }

    /// Whether the runners of CI suffice for the next week.
    pub(super) fn runners(&self, meaning: &Meaning) -> Draft {
        let all = self.views.capacity();
        let of = |one: &&Capacity| {
            let repo = meaning.name(NameKind::Repo);
            one.resource == CapacityResource::Runners && repo.is_none_or(|repo| one.metric.get("repo") == Some(repo))
        };
        let found: Vec<&Capacity> = all.iter().filter(of).collect();
        if found.is_empty() {
            let why = if self.advises { "whether the runners suffice is not known yet: no jobs of CI are measured" } else { OFF };
            return Draft::missing(why).page("ci");
        }
        let said = |one: &&Capacity| {
            let repo = one.metric.get("repo").unwrap_or("CI");
            match (&one.shortfall, &one.missing) {
                (Some(short), _) if short.value <= 0.0 => format!("the runners of {repo} suffice for the next week"),
                (Some(short), _) => format!(
                    "{repo} needs {} more at the worst time of the next week (95 %: {} to {})",
                    counted(short.value.ceil() as usize, "runner", "runners"),
                    figure("", short.low),
                    figure("", short.high)
                ),
                (None, Some(why)) => format!("of {repo} it is not known: {why}"),
                (None, None) => format!("of {repo} it is not known"),
            }
        };
        let parts: Vec<String> = found.iter().map(said).collect();
        let rows =
            found.iter().zip(&parts).map(|(one, said)| text_row(one.metric.get("repo").unwrap_or("CI"), said.clone(), None)).collect();
        let sentence = listed(&parts);
        let mut draft = if found.iter().any(|one| one.shortfall.is_some()) { Draft::said(sentence) } else { Draft::missing(sentence) };
        draft.rows = rows;
        draft.page("ci")
    }
}
