//! An answer as it is put together, and the words that all answers share.

use jiff::Timestamp;
use taskpulse_engine::ask::Range;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::words::{self, lasted};

use super::Asker;
use crate::view::{Answer, AnswerChart, AnswerMeaning, AnswerRow, seconds};

/// Names that a sentence lists; the others are in the rows.
const LISTED: usize = 3;
/// Names for shares of the time up and down, which [`figure`] rounds in their own way.
pub(super) const UP_SHARE: &str = "up_ratio";
pub(super) const DOWN_SHARE: &str = "down_ratio";
/// Points of a chart.
const POINTS: i64 = 300;
const HOUR: i64 = 3_600_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) sentence: String,
    pub(super) notes: Vec<String>,
    pub(super) missing: Option<String>,
    pub(super) query: Option<String>,
    pub(super) charts: Vec<AnswerChart>,
    pub(super) rows: Vec<AnswerRow>,
    pub(super) page: Option<&'static str>,
}

impl Draft {
    pub(super) fn said(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), ..Self::default() }
    }

    /// Nothing can be said, and why.
    pub(super) fn missing(why: impl Into<String>) -> Self {
        let why = why.into();
        let mut chars = why.chars();
        let sentence = chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
        Self { sentence, missing: Some(why), ..Self::default() }
    }

    pub(super) fn rows(mut self, rows: Vec<AnswerRow>) -> Self {
        self.rows = rows;
        self
    }

    pub(super) fn page(mut self, page: &'static str) -> Self {
        self.page = Some(page);
        self
    }

    pub(super) fn note(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }

    /// The query, with a chart of each range.
    pub(super) fn charted(mut self, query: &str, chart: &str, ranges: impl IntoIterator<Item = Range>) -> Self {
        self.query = Some(query.to_owned());
        self.charts = ranges.into_iter().map(|range| charted(chart, range)).collect();
        self
    }

    pub(super) fn answer(self, question: String, meaning: AnswerMeaning) -> Answer {
        Answer {
            question,
            understood: true,
            understood_as: None,
            sentence: self.sentence,
            meaning: Some(meaning),
            notes: self.notes,
            missing: self.missing,
            refused_word: None,
            query: self.query,
            charts: self.charts,
            rows: self.rows,
            nearest: Vec::new(),
            page: self.page.map(str::to_owned),
        }
    }
}

/// A chart of a query.
fn charted(query: &str, range: Range) -> AnswerChart {
    let step = (range.length() / POINTS / 1_000 * 1_000).max(5_000);
    AnswerChart { query: query.to_owned(), start: seconds(range.start), end: seconds(range.end), step: seconds(step) }
}

/// A value as people write it. A share of the time up is never rounded to 100 %, nor one of the time down to 0 %.
pub(super) fn figure(metric: &str, v: f64) -> String {
    // With two decimals at the most.
    let percent = |hundredths: f64| format!("{} %", hundredths / 100.0);
    match metric {
        UP_SHARE if v < 1.0 => match (v * 1e4).floor() {
            0.0 if v > 0.0 => "less than 0.01 %".to_owned(),
            hundredths => percent(hundredths.max(0.0)),
        },
        DOWN_SHARE if v > 0.0 => percent((v * 1e4 - 1e-6).ceil().min(if v < 1.0 { 9_999.0 } else { 10_000.0 })),
        UP_SHARE | DOWN_SHARE => words::figure("share_ratio", v),
        _ => words::figure(metric, v),
    }
}

/// Unix seconds of a view in milliseconds.
pub(super) fn ms(seconds: f64) -> TimestampMs {
    (seconds * 1e3) as TimestampMs
}

/// A row with a figure in the unit of a metric.
pub(super) fn row(name: impl Into<String>, metric: &str, value: f64) -> AnswerRow {
    AnswerRow {
        name: name.into(),
        text: figure(metric, value),
        value: Some(value),
        compared: None,
        unit: unit(metric).to_owned(),
        time: None,
    }
}

/// A row of text.
pub(super) fn text_row(name: impl Into<String>, text: impl Into<String>, time: Option<TimestampMs>) -> AnswerRow {
    AnswerRow { name: name.into(), text: text.into(), value: None, compared: None, unit: String::new(), time: time.map(seconds) }
}

/// A row that counts.
pub(super) fn count_row(name: impl Into<String>, count: f64) -> AnswerRow {
    row(name, "", count)
}

/// The unit of a metric: that of the table, else that in its name.
pub(super) fn unit(metric: &str) -> &'static str {
    if let Some(known) = taskpulse_engine::metrics::describe(metric) {
        return known.unit;
    }
    let base = metric.strip_suffix("_total").unwrap_or(metric);
    let units = ["bytes_per_second", "bytes", "ratio", "seconds", "celsius"];
    units.into_iter().find(|unit| base.ends_with(&format!("_{unit}"))).unwrap_or_default()
}

/// `a, b and c`, or the first few and how many more there are.
pub(super) fn listed(parts: &[String]) -> String {
    let shown: Vec<&str> = parts.iter().take(LISTED).map(String::as_str).collect();
    let more = parts.len().saturating_sub(LISTED);
    if more > 0 { format!("{} and {more} more", shown.join("; ")) } else { shown.join("; ") }
}

impl Asker {
    /// A time as whoever asks reads it.
    pub(super) fn at(&self, t: TimestampMs) -> String {
        self.local(t, "%Y-%m-%d %H:%M")
    }

    fn local(&self, t: TimestampMs, format: &str) -> String {
        Timestamp::from_millisecond(t)
            .map_or_else(|_| t.to_string(), |at| at.to_zoned(self.clock.zone.clone()).strftime(format).to_string())
    }

    /// `on 2026-11-26`, `from 2026-11-26 18:00 to 24:00`, `in the last 24 h`, `since 2026-11-23 00:00`.
    pub(super) fn during(&self, range: Range) -> String {
        let midnight = |t: TimestampMs| self.local(t, "%H:%M") == "00:00";
        let last_day = self.local(range.end - 1, "%Y-%m-%d");
        let first_day = self.local(range.start, "%Y-%m-%d");
        if range.end == self.now() {
            return if range.length() % HOUR == 0 && !midnight(range.start) {
                format!("in the last {}", lasted(range.length()))
            } else {
                format!("since {}", self.at(range.start))
            };
        }
        if midnight(range.start) && midnight(range.end) {
            return if first_day == last_day { format!("on {first_day}") } else { format!("from {first_day} to {last_day}") };
        }
        let end = if midnight(range.end) { "24:00".to_owned() } else { self.local(range.end, "%H:%M") };
        if first_day == last_day {
            format!("from {} to {end}", self.at(range.start))
        } else {
            format!("from {} to {}", self.at(range.start), self.at(range.end))
        }
    }

    /// How long ago, or how long until.
    pub(super) fn ago(&self, t: TimestampMs) -> String {
        if t <= self.now() { format!("{} ago", lasted(self.now() - t)) } else { format!("in {}", lasted(t - self.now())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_of_a_time_is_rounded_to_all_or_nothing() {
        // Ten minutes of a month of 27 days.
        let down = 10.0 / (27.0 * 24.0 * 60.0);
        for (metric, v, said) in [
            (UP_SHARE, 1.0, "100 %"),
            (UP_SHARE, 1.0 - down, "99.97 %"),
            (UP_SHARE, 0.999_999_9, "99.99 %"),
            (UP_SHARE, 0.5, "50 %"),
            (UP_SHARE, 0.0, "0 %"),
            (UP_SHARE, 0.000_01, "less than 0.01 %"),
            (DOWN_SHARE, 0.0, "0 %"),
            (DOWN_SHARE, down, "0.03 %"),
            (DOWN_SHARE, 0.000_000_1, "0.01 %"),
            (DOWN_SHARE, 0.999_999, "99.99 %"),
            (DOWN_SHARE, 1.0, "100 %"),
            ("process_cpu_utilization_ratio", 0.5, "0.5 cores"),
            ("process_cpu_utilization_ratio", 1.0, "1 core"),
            ("system_cpu_utilization_ratio", 0.5, "50 %"),
        ] {
            assert_eq!(figure(metric, v), said, "{metric} {v}");
        }
    }
}
