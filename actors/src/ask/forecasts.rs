//! When something will happen: disks and memory that fill, boards that are done, certificates that end.

use taskpulse_engine::ask::{Meaning, Range, Subject, Wanted};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::words::{figure, subject};

use super::draft::{Draft, listed, ms, text_row};
use super::{AskError, Asker};
use crate::view::{AnswerRow, Forecast, ForecastSubject};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A forecast is renewed each hour.
const CURRENT: i64 = 2 * HOUR;

impl Asker {
    pub(super) fn forecast(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        match meaning.subject {
            Subject::BoardEnd => Ok(self.board_end(meaning)),
            Subject::Certificate => self.certificates(meaning),
            Subject::Memory => self.full(
                meaning,
                ("system_memory_utilization_ratio", "system_memory_time_to_full_bound_seconds"),
                ForecastSubject::MemoryFull,
            ),
            _ => self.full(
                meaning,
                ("system_filesystem_utilization_ratio", "system_filesystem_time_to_full_bound_seconds"),
                ForecastSubject::DiskFull,
            ),
        }
    }

    fn full(&self, meaning: &Meaning, (level, bound): (&str, &str), kind: ForecastSubject) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let mut levels = self.instant(&read.selector, self.now())?;
        if levels.is_empty() {
            return Ok(self.nothing(&read, meaning));
        }
        let bounds = self.newest(bound, CURRENT)?;
        let undated = self.views.undated();
        levels.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (mut said, mut rows): (Vec<(TimestampMs, String)>, Vec<AnswerRow>) = (Vec::new(), Vec::new());
        let mut dated = false;
        for (labels, used) in &levels {
            let own: Vec<(&str, TimestampMs)> = bounds
                .iter()
                .filter(|(of, ..)| {
                    ["mountpoint", "instance", "host", "unit", "process", "container"]
                        .iter()
                        .all(|label| of.get(label) == labels.get(label))
                })
                .filter_map(|(of, t, seconds)| Some((of.get("quantile")?, t + ms(*seconds))))
                .collect();
            let name = subject(labels);
            let used = figure(level, *used);
            let at = |share: &str| own.iter().find(|(quantile, _)| *quantile == share).map(|(_, at)| *at);
            if let Some(middle) = at("0.5") {
                dated = true;
                let range = match (at("0.025"), at("0.975")) {
                    (Some(low), Some(high)) => format!("95 %: {} to {}", self.at(low), self.at(high)),
                    (Some(low), None) => format!("95 %: not before {}; it may also never be", self.at(low)),
                    _ => "its interval is not known".to_owned(),
                };
                said.push((middle, format!("{name} ({used} used) will be full about {} ({}; {range})", self.at(middle), self.ago(middle))));
                rows.push(text_row(name, format!("{used} used; {range}"), Some(middle)));
            } else {
                let why = undated
                    .iter()
                    .find(|one| one.subject == kind && super::figures::same(&one.metric, labels))
                    .map(|one| one.reason.clone());
                let why = why.unwrap_or_else(|| "no date is forecast for it".to_owned());
                said.push((TimestampMs::MAX, format!("{name} is {used} full: {why}")));
                rows.push(text_row(name, format!("{used} used; {why}"), None));
            }
        }
        said.sort_by_key(|(at, _)| *at);
        let parts: Vec<String> = said.into_iter().map(|(_, part)| part).collect();
        let sentence = listed(&parts);
        let week = Range { start: self.now() - 7 * DAY, end: self.now() };
        let mut draft = Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [week]).page("system");
        draft.missing = (!dated).then(|| "no date is forecast: it does not fill, or too little of it is known".to_owned());
        Ok(draft)
    }

    fn board_end(&self, meaning: &Meaning) -> Draft {
        let boards = self.boards(meaning);
        if boards.is_empty() {
            return self.no_board();
        }
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        let mut known = false;
        for board in &boards {
            let name = format!("{} {}", board.project, board.tag);
            let date = |seconds: Option<f64>| seconds.map_or_else(|| "a time too far away".to_owned(), |seconds| self.at(ms(seconds)));
            match &board.forecast {
                _ if board.open_tasks == 0 => {
                    known = true;
                    parts.push(format!("{name} has no open task"));
                }
                Some(Forecast::Known { p5, p50, p85, p95, completions, .. }) => {
                    known = true;
                    parts.push(format!(
                        "{name} will be done about {} (85 %: by {}; 90 %: {} to {}), drawn from {completions} completions",
                        date(*p50),
                        date(*p85),
                        date(*p5),
                        date(*p95)
                    ));
                    rows.push(text_row(name, "about", p50.map(ms)));
                }
                Some(Forecast::Missing { missing }) => parts.push(format!("no forecast for {name}: {missing}")),
                None => parts.push(format!("no forecast for {name} yet")),
            }
        }
        let sentence = listed(&parts);
        let mut draft = if known { Draft::said(sentence) } else { Draft::missing(sentence) };
        draft.rows = rows;
        let query = "taskmaster_forecast_done_timestamp_seconds";
        let week = Range { start: self.now() - 7 * DAY, end: self.now() };
        draft.charted(query, query, [week]).page("tasks")
    }

    fn certificates(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let mut found: Vec<(Labels, TimestampMs, f64)> = self.newest(&read.selector, DAY)?;
        if found.is_empty() {
            return Ok(self.nothing(&read, meaning));
        }
        found.sort_by(|a, b| a.2.total_cmp(&b.2));
        if meaning.wanted == Wanted::List {
            found.truncate(meaning.limit.unwrap_or(10));
        }
        let ends = |value: f64| if ms(value) < self.now() { "ended" } else { "ends" };
        let parts: Vec<String> = found
            .iter()
            .map(|(labels, _, value)| {
                format!(
                    "The certificate of {} {} at {} ({})",
                    self.row_name(&read, labels),
                    ends(*value),
                    self.at(ms(*value)),
                    self.ago(ms(*value))
                )
            })
            .collect();
        let rows = found.iter().map(|(labels, _, value)| text_row(self.row_name(&read, labels), ends(*value), Some(ms(*value)))).collect();
        let day = Range { start: self.now() - DAY, end: self.now() };
        Ok(Draft::said(listed(&parts)).rows(rows).charted(&read.selector, &read.selector, [day]).page("application"))
    }
}
