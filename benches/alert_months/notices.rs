//! The notices that a channel with the default settings sends of some alerts.

use std::collections::BTreeMap;

use taskpulse_engine::model::Labels;
use taskpulse_engine::notices::{
    ChannelPlan, Filter, FlapLimits, Grouping, Notice, NoticeAlert, NoticeBook, Suppressors, shipped_inhibitions,
};
use taskpulse_engine::rules::{Profile, Severity};

/// A firing of a rule: its name and severity, the series, and from when to when it fired.
#[derive(Clone)]
pub struct Fired {
    pub rule: String,
    pub severity: Severity,
    pub series: Labels,
    pub from: i64,
    pub to: Option<i64>,
}

fn alert(fired: &Fired, over: bool) -> NoticeAlert {
    let own = [("alertname", fired.rule.clone()), ("severity", fired.severity.to_string())];
    let series = fired.series.iter().filter(|(name, _)| *name != "__name__").map(|(name, value)| (name.to_owned(), value.to_owned()));
    NoticeAlert {
        id: format!("{} {}", fired.rule, fired.series),
        rule: fired.rule.clone(),
        severity: fired.severity,
        labels: own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(series).collect(),
        annotations: BTreeMap::new(),
        metric: String::new(),
        value: None,
        starts_at: fired.from,
        ends_at: fired.to.filter(|_| over),
        reason: None,
        flapping: false,
        acked_at: None,
        unknown_since: None,
    }
}

/// Notices of firings, and of their ends.
pub fn sent(fired: &[Fired], profile: Profile, end: i64) -> Vec<Notice> {
    let grouping =
        Grouping { by: vec!["alertname".to_owned()], wait_ms: 100, interval_ms: 300_000, repeat_ms: 4 * 3_600_000, ..Grouping::of_log() };
    let filter = Filter { severity: profile.announced(), ..Filter::default() };
    let plan = ChannelPlan { name: "ops".to_owned(), filter, grouping, times: None };
    let mut book = NoticeBook::new(vec![plan], FlapLimits { firings: 4, window_ms: 1_800_000 });
    let suppressors = Suppressors { inhibit: shipped_inhibitions(), ..Suppressors::default() };
    let starts = fired.iter().map(|one| (one.from, alert(one, false)));
    let ends = fired.iter().filter_map(|one| Some((one.to?, alert(one, true))));
    let mut changes: Vec<(i64, NoticeAlert)> = starts.chain(ends).collect();
    changes.sort_by_key(|(at, alert)| (*at, !alert.is_over()));
    let mut sent = Vec::new();
    let mut flush = |book: &mut NoticeBook, until: i64| {
        while let Some(due) = book.next_due().filter(|due| *due <= until) {
            let suppressing = suppressors.at(book.alerts(), due);
            sent.extend(book.flush(due, &|_, alert| !suppressing.reasons(alert).is_empty()));
        }
    };
    for (at, alert) in changes {
        flush(&mut book, at);
        book.observe(alert, at);
    }
    flush(&mut book, end);
    sent
}
