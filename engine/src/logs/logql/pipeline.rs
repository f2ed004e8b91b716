//! Passes lines through the stages of a query, and says what of them the query needs.

use super::fields::{Kind, LineState, TRACE};
use super::lines::Line;
use super::parse::LineQuery;
use super::stages::Stage;
use crate::logs::record::TimeNs;
use crate::logs::{Entry, Filter, Order};
use crate::model::Labels;

impl LineQuery {
    /// The line filters before everything else: they need nothing but the body.
    pub(super) fn leading(&self) -> usize {
        self.stages.iter().take_while(|stage| matches!(stage, Stage::Line(_))).count()
    }

    /// What is read of the lines of a time, its end excluded.
    pub(super) fn filter(&self, start: TimeNs, end: TimeNs, order: Order) -> Filter {
        let unchanged = self.stages.iter().take_while(|stage| !stage.changes_line());
        let needles = unchanged.flat_map(|stage| match stage {
            Stage::Line(filter) => filter.needles(),
            _ => Vec::new(),
        });
        let bodies = self.stages.iter().any(Stage::reads_line);
        Filter {
            matchers: self.matchers.clone(),
            start,
            end,
            order,
            needles: needles.collect(),
            trace: self.trace(),
            bodies,
            attributes: self.leading() < self.stages.len(),
        }
    }

    /// The trace that each wanted line is of, where a filter says so before anything else makes labels.
    fn trace(&self) -> Option<String> {
        let keeps_labels = |stage: &&Stage| matches!(stage, Stage::Line(_) | Stage::Labels(_) | Stage::LineFormat(_) | Stage::Decolorize);
        let named = |stage: &Stage| if let Stage::Labels(filter) = stage { filter.requires(TRACE).map(str::to_owned) } else { None };
        self.stages.iter().take_while(keeps_labels).find_map(named)
    }

    /// Whether a line passes the line filters before everything else.
    pub(super) fn leading_accept(&self, body: &[u8]) -> bool {
        self.stages
            .iter()
            .map_while(|stage| if let Stage::Line(filter) = stage { Some(filter) } else { None })
            .all(|filter| filter.accepts(body))
    }

    /// A line after all stages; none where one filtered it out. `now` is the present time, ms.
    pub(super) fn run<'e>(&self, entry: &Entry<'e>, now: i64) -> Option<LineState<'e>> {
        if !self.leading_accept(entry.body) {
            return None;
        }
        let mut line = LineState::new(entry);
        self.stages[self.leading()..].iter().all(|stage| stage.run(&mut line, now)).then_some(line)
    }

    /// Whether a stage may fail on a line, which then has `__error__`.
    #[must_use]
    pub fn may_fail(&self) -> bool {
        self.stages.iter().any(|stage| !matches!(stage, Stage::Line(_)))
    }

    /// Whether a stream is selected.
    #[must_use]
    pub fn selects(&self, stream: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.accepts(stream.get(&matcher.name).unwrap_or("")))
    }

    /// What a line of a selected stream comes to; none where a stage filtered it out. For lines that come in while somebody follows them;
    /// `now` is the present time, ms.
    #[must_use]
    pub fn line(&self, entry: &Entry<'_>, now: i64) -> Option<Line> {
        let state = self.run(entry, now)?;
        let pairs = |wanted: fn(Kind) -> bool| -> Vec<(String, String)> {
            state.labels(wanted).iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Some(Line {
            time: state.time,
            source: entry.labels.clone(),
            stream: state.labels(|kind| kind == Kind::Stream),
            attributes: pairs(|kind| matches!(kind, Kind::Attribute | Kind::Id)),
            parsed: pairs(|kind| kind == Kind::Parsed),
            severity: entry.severity,
            trace: entry.trace,
            span: entry.span,
            body: state.body.into_owned(),
        })
    }
}
