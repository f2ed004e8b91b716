use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::notices::alert::tests::{ended, firing};
use crate::notices::{Filter, Grouping};

const SECOND: i64 = 1_000;
const NO_FLAPS: FlapLimits = FlapLimits { firings: 0, window_ms: 0 };

pub(super) fn plan(name: &str) -> ChannelPlan {
    let grouping = Grouping {
        by: vec!["alertname".to_owned()],
        wait_ms: SECOND,
        interval_ms: 300 * SECOND,
        repeat_ms: 3_600 * SECOND,
        send_resolved: true,
        resends: false,
        most: 256,
    };
    ChannelPlan { name: name.to_owned(), filter: Filter::default(), grouping, times: None }
}

/// A book, its clock, and which alerts are held back.
struct Bench {
    book: NoticeBook,
    plans: Vec<ChannelPlan>,
    flaps: FlapLimits,
    now: TimestampMs,
    held: BTreeSet<String>,
    documents: BTreeMap<String, Vec<u8>>,
}

impl Bench {
    fn new(flaps: FlapLimits) -> Self {
        let plans = vec![plan("ops")];
        Self { book: NoticeBook::new(plans.clone(), flaps), plans, flaps, now: 0, held: BTreeSet::new(), documents: BTreeMap::new() }
    }

    /// Lets time pass up to an instant. Each notice as its time in seconds, and what it lists: `+id` fires, `~id` flaps, `?id` is not
    /// known any more, `-id` ended.
    fn until(&mut self, seconds: i64) -> Vec<(i64, String)> {
        let (end, mut out) = (seconds * SECOND, Vec::new());
        while let Some(due) = self.book.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let held = self.held.clone();
            for notice in self.book.flush(self.now, &|_, alert| held.contains(&alert.id)) {
                let sign = |alert: &NoticeAlert| match alert.state() {
                    "firing" if alert.flapping => format!("~{}", alert.id),
                    "firing" => format!("+{}", alert.id),
                    "unknown" => format!("?{}", alert.id),
                    _ => format!("-{}", alert.id),
                };
                let listed: Vec<String> = notice.alerts.iter().map(sign).collect();
                out.push((self.now / SECOND, listed.join(" ")));
            }
        }
        self.now = end;
        self.keep();
        out
    }

    fn keep(&mut self) {
        for (key, bytes) in self.book.take_changes() {
            match bytes {
                Some(bytes) => self.documents.insert(key, bytes),
                None => self.documents.remove(&key),
            };
        }
    }

    fn restart(&mut self) {
        self.keep();
        self.book = NoticeBook::new(self.plans.clone(), self.flaps);
        let documents: Vec<(String, Vec<u8>)> = self.documents.clone().into_iter().collect();
        self.book.restore(&documents, self.now);
    }

    fn fires(&mut self, instance: &str) -> NoticeAlert {
        let alert = firing("cpu", instance, self.now);
        self.book.observe(alert.clone(), self.now);
        alert
    }

    /// Its source is gone.
    fn loses(&mut self, alert: &NoticeAlert) -> NoticeAlert {
        let lost = NoticeAlert { unknown_since: Some(self.now), ..alert.clone() };
        self.book.observe(lost.clone(), self.now);
        lost
    }

    fn ends(&mut self, alert: &NoticeAlert) {
        self.book.observe(ended(alert, self.now), self.now);
    }
}

fn said(rows: &[(i64, &str)]) -> Vec<(i64, String)> {
    rows.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

#[test]
fn alerts_of_a_group_go_together_and_later_ones_wait_for_the_interval() {
    let mut bench = Bench::new(NO_FLAPS);
    let a = bench.fires("a");
    let b = bench.fires("b");
    assert_eq!(bench.until(10), said(&[(1, "+cpu-a +cpu-b")]));
    bench.ends(&a);
    let c = bench.fires("c");
    assert_eq!(bench.until(300), said(&[]));
    bench.restart();
    assert_eq!(bench.until(400), said(&[(301, "+cpu-b +cpu-c -cpu-a")]));
    // Still firing: repeated after an hour, and only then.
    assert_eq!(bench.until(4_000), said(&[(3_901, "+cpu-b +cpu-c")]));
    bench.ends(&b);
    bench.ends(&c);
    assert_eq!(bench.until(20_000), said(&[(4_201, "-cpu-b -cpu-c")]));
    bench.book.flush(bench.now, &|_, _| false);
    bench.keep();
    assert!(bench.documents.is_empty(), "nothing is kept of what is over: {:?}", bench.documents.keys());
}

#[test]
fn an_alert_that_fires_again_after_the_clock_was_set_back_is_announced() {
    let mut bench = Bench::new(NO_FLAPS);
    bench.now = 10_000 * SECOND;
    let ahead = bench.fires("a");
    assert_eq!(bench.until(10_010).len(), 1);
    bench.ends(&ahead);
    bench.until(10_400);
    bench.now = 3_000 * SECOND;
    bench.fires("a");
    assert_eq!(bench.until(3_400).last().map(|(_, listed)| listed.as_str()), Some("+cpu-a"));
}

#[test]
fn newer_texts_go_with_the_notice_that_is_due_and_are_no_news() {
    let mut bench = Bench::new(NO_FLAPS);
    let a = bench.fires("a");
    let described = |why: &str| {
        let mut alert = a.clone();
        alert.annotations.insert("explanation".to_owned(), why.to_owned());
        alert
    };
    bench.book.describe(described("why"));
    let notices = bench.book.flush(SECOND, &|_, _| false);
    assert_eq!(notices[0].alerts[0].explanation().collect::<Vec<_>>(), ["why"]);
    bench.keep();
    bench.book.describe(described("why, in full"));
    bench.restart();
    assert!(bench.book.alerts().any(|alert| alert.explanation().eq(["why, in full"])), "it is kept");
    assert_eq!(bench.until(600), said(&[]));
    bench.ends(&a);
    bench.book.describe(described("late"));
    assert_eq!(bench.until(1_000), said(&[(601, "-cpu-a")]));
}

#[test]
fn a_restart_neither_repeats_nor_loses_a_notice() {
    let mut bench = Bench::new(NO_FLAPS);
    let a = bench.fires("a");
    bench.restart();
    assert_eq!(bench.until(10), said(&[(1, "+cpu-a")]).into_iter().map(|(_, text)| (0, text)).collect::<Vec<_>>(), "it waited long enough");
    bench.restart();
    assert_eq!(bench.until(1_000), said(&[]));
    bench.ends(&a);
    bench.restart();
    assert_eq!(bench.until(2_000), said(&[(1_000, "-cpu-a")]));
    bench.restart();
    bench.book.observe(a.clone(), bench.now);
    assert_eq!(bench.until(3_000), said(&[]), "an old state of it is no news");
}

#[test]
fn what_was_announced_gets_its_end_while_held_back_and_what_was_not_gets_none() {
    let mut bench = Bench::new(NO_FLAPS);
    let a = bench.fires("a");
    assert_eq!(bench.until(10), said(&[(1, "+cpu-a")]));
    bench.held.extend(["cpu-a".to_owned(), "cpu-b".to_owned()]);
    let b = bench.fires("b");
    assert_eq!(bench.until(500), said(&[]));
    bench.ends(&a);
    bench.ends(&b);
    assert_eq!(bench.until(1_000), said(&[(501, "-cpu-a")]).into_iter().map(|(_, text)| (501, text)).collect::<Vec<_>>());
    // What is held back is announced once it is not, if it still fires.
    let b = bench.fires("b");
    assert_eq!(bench.until(1_900), said(&[]));
    bench.held.clear();
    assert_eq!(bench.until(1_910).len(), 1);
    bench.ends(&b);
    assert_eq!(bench.until(3_000).len(), 1);
}

#[test]
fn an_alert_that_flaps_is_announced_as_flapping_and_gets_its_end_once_it_has_settled() {
    let mut bench = Bench::new(FlapLimits { firings: 3, window_ms: 1_200 * SECOND });
    bench.plans[0].grouping.interval_ms = 0;
    bench.restart();
    let mut notices = Vec::new();
    for round in 0..10 {
        let alert = bench.fires("a");
        notices.extend(bench.until(round * 60 + 30));
        bench.ends(&alert);
        notices.extend(bench.until(round * 60 + 60));
    }
    assert_eq!(notices.len(), 5, "twice both, then that it flaps: {notices:?}");
    assert_eq!(bench.until(5_000).len(), 1, "its end, once it has settled");
    assert_eq!(bench.until(50_000).len(), 0);
}

#[test]
fn one_that_was_announced_and_then_flaps_is_announced_as_flapping_once() {
    let mut bench = Bench::new(FlapLimits { firings: 3, window_ms: 1_200 * SECOND });
    let first = bench.fires("a");
    assert_eq!(bench.until(10), said(&[(1, "+cpu-a")]));
    bench.ends(&first);
    // Within the interval of its group it fires again and again.
    for at in [50, 100, 150] {
        bench.until(at);
        let alert = bench.fires("a");
        bench.until(at + 20);
        bench.ends(&alert);
    }
    bench.until(290);
    let last = bench.fires("a");
    bench.restart();
    assert_eq!(bench.until(600), said(&[(301, "~cpu-a")]));
    bench.restart();
    bench.ends(&last);
    bench.until(650);
    let again = bench.fires("a");
    assert_eq!(bench.until(1_000), said(&[]), "nothing until it is calm");
    bench.ends(&again);
    assert_eq!(bench.until(9_000).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["-cpu-a"]);
    // Flapping anew is said anew.
    for at in [10_000, 10_050, 10_100, 10_150] {
        bench.until(at);
        let alert = bench.fires("a");
        bench.until(at + 20);
        bench.ends(&alert);
    }
    bench.fires("a");
    let listed: Vec<String> = bench.until(10_600).into_iter().map(|(_, text)| text).collect();
    assert_eq!(listed.iter().filter(|text| *text == "~cpu-a").count(), 1, "{listed:?}");
}

#[test]
fn what_is_not_known_any_more_is_announced_once_and_later() {
    let mut bench = Bench::new(NO_FLAPS);
    let (a, b) = (bench.fires("a"), bench.fires("b"));
    assert_eq!(bench.until(1_000), said(&[(1, "+cpu-a +cpu-b")]));
    bench.loses(&a);
    bench.restart();
    assert_eq!(bench.until(1_419), said(&[]), "it may come back soon");
    bench.until(1_419);
    let lost = bench.loses(&b);
    assert_eq!(bench.until(1_430), said(&[(1_420, "?cpu-a ?cpu-b")]), "grouped as others");
    bench.restart();
    bench.book.observe(NoticeAlert { unknown_since: None, ..lost }, bench.now);
    assert_eq!(bench.until(1_800), said(&[]), "that it goes on is no news");
    bench.loses(&b);
    assert_eq!(bench.until(3_000), said(&[]), "once a firing");
    bench.ends(&a);
    bench.ends(&b);
    assert_eq!(bench.until(4_000), said(&[(3_001, "-cpu-a -cpu-b")]));
}

#[test]
fn an_alert_about_the_source_is_the_one_notice_of_what_is_lost_with_it() {
    let mut bench = Bench::new(NO_FLAPS);
    let of = |rule: &str, metric: &str, at: TimestampMs| {
        let mut alert = NoticeAlert { metric: metric.to_owned(), ..firing(rule, "a:9100", at) };
        alert.labels.insert("job".to_owned(), "node".to_owned());
        alert
    };
    let alerts = [of("queue", "queue_depth", 0), of("errors", "errors_total", 0)];
    alerts.iter().for_each(|alert| bench.book.observe(alert.clone(), 0));
    assert_eq!(bench.until(1_000).len(), 2);
    alerts.iter().for_each(|alert| _ = bench.loses(alert));
    bench.until(1_060);
    let down = of("scrape_target_down", "up", bench.now);
    bench.book.observe(down.clone(), bench.now);
    assert_eq!(bench.until(5_600), said(&[(1_061, "+scrape_target_down-a:9100"), (4_661, "+scrape_target_down-a:9100")]));
    bench.ends(&down);
    assert_eq!(bench.until(5_700), said(&[(5_601, "-scrape_target_down-a:9100")]));
    // They are still not known some minutes after it answered.
    let lost: Vec<String> = bench.until(6_000).into_iter().map(|(_, text)| text).collect();
    assert_eq!(lost, ["?queue-a:9100", "?errors-a:9100"]);
}

#[test]
fn a_channel_that_takes_silence_for_an_end_gets_all_that_was_announced_again() {
    let mut bench = Bench::new(FlapLimits { firings: 1, window_ms: 1_000 * SECOND });
    bench.plans[0].grouping =
        Grouping { by: vec![], wait_ms: 0, interval_ms: 0, repeat_ms: 60 * SECOND, resends: true, ..bench.plans[0].grouping.clone() };
    bench.restart();
    let a = bench.fires("a");
    assert_eq!(bench.until(10), said(&[(0, "~cpu-a")]));
    bench.held.extend(["cpu-a".to_owned(), "cpu-b".to_owned()]);
    bench.fires("b");
    assert_eq!(bench.until(130).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["~cpu-a", "~cpu-a"]);
    bench.ends(&a);
    assert_eq!(bench.until(400).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["-cpu-a"]);
}

#[test]
fn a_clock_that_is_set_back_delays_no_notice() {
    let mut bench = Bench::new(NO_FLAPS);
    bench.now = 1_000_000 * SECOND;
    bench.fires("a");
    assert_eq!(bench.until(1_000_010).len(), 1);
    bench.now = 0;
    bench.fires("b");
    let notices = bench.book.flush(0, &|_, _| false);
    assert!(notices.is_empty() && bench.book.next_due() <= Some(300 * SECOND), "{:?}", bench.book.next_due());
}

#[test]
fn alerts_move_with_what_was_announced_when_the_grouping_changes() {
    let mut bench = Bench::new(NO_FLAPS);
    let a = bench.fires("a");
    bench.fires("b");
    assert_eq!(bench.until(10).len(), 1);
    bench.plans[0].grouping.by = vec!["instance".to_owned()];
    bench.restart();
    assert_eq!(bench.until(400), said(&[]), "both were announced");
    bench.ends(&a);
    assert_eq!(bench.until(1_000).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["-cpu-a"]);
    bench.plans.clear();
    bench.restart();
    assert_eq!(bench.until(9_000), said(&[]), "a channel that is gone gets nothing");
}

/// A step of the history of an alert.
#[derive(Debug, Clone)]
enum Step {
    Fires(u8),
    Ends(u8),
    Hold(u8),
    LetGo(u8),
    Wait(u16),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..4u8).prop_map(Step::Fires),
        (0..4u8).prop_map(Step::Ends),
        (0..4u8).prop_map(Step::Hold),
        (0..4u8).prop_map(Step::LetGo),
        (1..900u16).prop_map(Step::Wait),
        Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn a_group_has_one_notice_an_interval_and_every_announced_alert_its_end(steps in steps(), flaps in 0..4usize) {
        let mut bench = Bench::new(FlapLimits { firings: flaps, window_ms: 1_000 * SECOND });
        let mut fired: BTreeMap<u8, NoticeAlert> = BTreeMap::new();
        let (mut seconds, mut notices) = (0, Vec::new());
        for step in steps {
            match step {
                Step::Fires(n) if !fired.contains_key(&n) => { fired.insert(n, bench.fires(&n.to_string())); }
                Step::Ends(n) => if let Some(alert) = fired.remove(&n) { bench.ends(&alert) },
                Step::Hold(n) => { bench.held.insert(format!("cpu-{n}")); }
                Step::LetGo(n) => { bench.held.remove(&format!("cpu-{n}")); }
                Step::Wait(n) => { seconds += i64::from(n); notices.extend(bench.until(seconds)); }
                Step::Restart => bench.restart(),
                Step::Fires(_) => {}
            }
        }
        for alert in fired.into_values() {
            bench.ends(&alert);
        }
        notices.extend(bench.until(seconds + 10_000));
        for pair in notices.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= 300, "{pair:?}");
        }
        // The last word about each alert is its end.
        for n in 0..4u8 {
            let last = notices.iter().rev().flat_map(|(_, text)| text.split(' ')).find(|word| word.ends_with(&format!("cpu-{n}")));
            prop_assert!(last.is_none_or(|word| word.starts_with('-')), "{last:?} in {notices:?}");
            let first = notices.iter().flat_map(|(_, text)| text.split(' ')).find(|word| word.ends_with(&format!("cpu-{n}")));
            prop_assert!(first.is_none_or(|word| word.starts_with(['+', '~'])), "an end without a beginning: {notices:?}");
        }
    }
}
