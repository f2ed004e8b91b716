//! Who has most or least of something.

use std::collections::BTreeMap;

use taskpulse_engine::ask::{Kind, Meaning, Range, Subject, Wanted};

use super::draft::{DOWN_SHARE, Draft, figure, listed, row};
use super::figures::{page_of, same};
use super::limits::COUNTS_FOR;
use super::reading::{in_sentence, over_query, quantile};
use super::{AskError, Asker};

const HOUR: i64 = 3_600_000;
/// Rows where the question says no number.
const ROWS: usize = 10;

impl Asker {
    pub(super) fn ranked(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let mut notes = None;
        let mut metric = read.metric.clone();
        // Of a counter without a time: now.
        let back = if read.kind == Kind::Counter { COUNTS_FOR } else { HOUR };
        let range = meaning.time.unwrap_or(Range { start: self.now() - back, end: self.now() });
        // By name, with how it is said beside the figure.
        let mut found: Vec<(String, f64, String)> = Vec::new();
        let mut query = read.selector.clone();
        match (read.kind, meaning.time) {
            (Kind::Events, _) => {
                for (name, samples) in self.grouped(&read, range)? {
                    let count = samples.len();
                    let mut values: Vec<f64> = samples.into_iter().map(|(_, v)| v).collect();
                    found.extend(quantile(&mut values, 0.5).map(|median| (name, median, format!(" (median of {count})"))));
                }
            }
            (Kind::Counter, _) => {
                query = over_query("increase", &read.selector, range);
                for (labels, risen) in self.rises(&read.selector, range)? {
                    found.push((self.row_name(&read, &labels), risen, String::new()));
                }
            }
            (_, None) => {
                for (labels, value) in self.instant(&read.selector, self.now())? {
                    found.push((self.row_name(&read, &labels), value, String::new()));
                }
            }
            (_, Some(range)) => {
                query = over_query("avg_over_time", &read.selector, range);
                let highest = self.over("max_over_time", &read.selector, range)?;
                for (labels, mean) in self.over("avg_over_time", &read.selector, range)? {
                    let most = highest.iter().find(|(other, _)| same(other, &labels)).map(|(_, most)| figure(&read.metric, *most));
                    let most = most.map(|most| format!(" on average, at most {most}")).unwrap_or_default();
                    let flag = read.kind == Kind::Flag;
                    found.push((
                        self.row_name(&read, &labels),
                        if flag { 1.0 - mean } else { mean },
                        if flag { String::new() } else { most },
                    ));
                }
                if read.kind == Kind::Flag {
                    metric = DOWN_SHARE.to_owned();
                    notes = Some("The share of the samples that are down".to_owned());
                }
                if matches!(meaning.subject, Subject::ProcessCpu | Subject::ProcessMemory) {
                    notes = Some("Of each name the mean is over the time in which it was among the ten highest".to_owned());
                }
            }
        }
        let found = added(found, meaning.subject);
        if found.is_empty() {
            return Ok(self.nothing(&read, meaning));
        }
        let mut found = found;
        let least = meaning.wanted == Wanted::Least;
        found.sort_by(|a, b| if least { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) });
        let total = found.len();
        found.truncate(meaning.limit.unwrap_or(ROWS));
        let cores = meaning.subject == Subject::ProcessCpu;
        let said = |value: f64| if cores { format!("{} cores", figure("", value)) } else { figure(&metric, value) };
        let parts: Vec<String> = found.iter().map(|(name, value, beside)| format!("{name} {}{beside}", said(*value))).collect();
        let now = meaning.time.is_none() && read.kind != Kind::Counter;
        let when = if now { "now".to_owned() } else { self.during(range) };
        let word = if least { "Least" } else { "Most" };
        let about = in_sentence(meaning.subject.about());
        let sentence = format!("{word} by {about} {when}: {}", listed(&parts));
        let rows = found.iter().map(|(name, value, beside)| {
            let mut one = row(name.clone(), &metric, *value);
            one.text = format!("{}{beside}", said(*value));
            one
        });
        let rows = rows.collect();
        let chart = if read.kind == Kind::Counter { format!("rate({}[5m])", read.selector) } else { read.selector };
        let more = (total > found.len()).then(|| format!("{total} in all"));
        Ok(Draft::said(sentence).rows(rows).charted(&query, &chart, [range]).note(notes).note(more).page(page_of(meaning.subject)))
    }
}

/// Directions and the like of one name are added up.
fn added(found: Vec<(String, f64, String)>, subject: Subject) -> Vec<(String, f64, String)> {
    if !matches!(subject, Subject::ProcessIo | Subject::UnitIo | Subject::DiskIo | Subject::Network) {
        return found;
    }
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (name, value, _) in found {
        let name =
            ["read", "write", "receive", "transmit"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).trim_end().to_owned();
        *sums.entry(name).or_default() += value;
    }
    sums.into_iter().map(|(name, value)| (name, value, String::new())).collect()
}
