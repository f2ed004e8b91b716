//! The cases of budgets, and of money whose counters the settings name.

use std::sync::Arc;

use super::cases::{DAY, MINUTE, MONDAY, Series, chance, found_of, found_with, series};
use super::*;
use crate::board::cost::AgentMetrics;
use crate::money::budget::Budget;
use crate::money::period::Per;
use crate::store::{StoreOptions, StoreWriter};

fn budgets(amount: f64, per: Per) -> Money {
    let budget = Budget { name: "agents".to_owned(), amount, per, ..Budget::default() };
    Money { budgets: vec![budget], ..Money::default() }
}

/// About ten dollars a day, and so many times that from a day on.
fn spending(metric: &str, from_day: i64, times: f64) -> Series {
    let spent = move |m: i64| {
        let day = m / DAY;
        let of = |day: i64| (8.0 + 4.0 * chance(day)) * if day >= from_day { times } else { 1.0 };
        (0..day).map(of).sum::<f64>() + of(day) * (m % DAY) as f64 / DAY as f64
    };
    series(&format!("{metric}{{model=\"m\"}}"), spent)
}

fn of_budget(found: Vec<Finding>) -> Option<Finding> {
    found.into_iter().find(|finding| finding.id.starts_with("budget"))
}

#[test]
fn a_budget_that_will_be_used_up_is_named_with_the_date_and_one_that_suffices_is_not() {
    // Friday of the fourth week, 12:00: 2026-12-18. About 175 of December are spent, and 310 will be.
    let now = 25 * DAY + 720;
    let found = |amount: f64, times: f64| {
        of_budget(found_of(&budgets(amount, Per::Month), now, 30, &[spending("claude_code_cost_usage_USD_total", 18, times)], |_| {}))
    };
    let soon = found(240.0, 1.0).unwrap();
    assert_eq!((soon.id.as_str(), soon.severity), ("budget:agents:2026-12-01", Severity::Notice));
    assert_eq!(soon.lasts_ms, (31 - 17) * DAY * MINUTE - 720 * MINUTE, "it stays until the month ends");
    let crossing = soon.evidence.iter().find(|e| e.unit == "time").unwrap().value;
    let days = (crossing - soon.end as f64 / 1e3) / 86_400.0;
    assert!((5.0..8.5).contains(&days), "{days}");
    let total = soon.evidence.iter().find(|e| e.name.starts_with("spent by the end")).unwrap();
    assert!(total.low.unwrap() < 310.0 && total.high.unwrap() > 310.0 && (total.value - 310.0).abs() < 20.0, "{total:?}");
    assert!(found(420.0, 1.0).is_none(), "it suffices");
    assert!(found(420.0, 4.0).is_some(), "agents cost four times as much for a week");
    let over = found(150.0, 1.0).unwrap();
    assert_eq!((over.id.as_str(), over.severity), ("budget:agents:2026-12-01", Severity::Warning));
    assert!(over.title.contains("is used up") && over.why.contains("By the end of the month"), "{over:?}");
}

#[test]
fn a_young_budget_is_named_only_once_it_is_used_up() {
    let found = |amount: f64| {
        of_budget(found_of(&budgets(amount, Per::Week), 3 * DAY, 30, &[spending("claude_code_cost_usage_USD_total", 0, 1.0)], |_| {}))
    };
    assert!(found(32.0).is_none(), "nearly used up, and nobody knows what the next days bring");
    assert!(found(20.0).is_some_and(|over| !over.why.contains("By the end")), "it is used up, and the rest is not known");
}

#[test]
fn a_period_has_one_recommendation_and_the_next_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, MONDAY).unwrap();
    let (money, mut tracker, mut opened, mut shown) = (budgets(9.0, Per::Day), RecommendationTracker::default(), Vec::new(), 0);
    let spent = |minute: i64| if minute / DAY == 1 { 0.0 } else { (minute % DAY) as f64 / 60.0 };
    let mut total = 0.0;
    for hour in 1..=3 * 24 {
        let now = MONDAY + hour * 60 * MINUTE;
        total += (spent(hour * 60 - 1) - spent((hour - 1) * 60)).max(0.0);
        let mut batch = crate::model::Batch::default();
        batch.push(Labels::metric("claude_code_cost_usage_USD_total", &[]), now - MINUTE, total);
        store.append(&batch, now).unwrap();
        let found = assess(&store, &money, Horizon::Day, now).unwrap().findings;
        let changed = tracker.update(found, now);
        opened.extend(changed.into_iter().filter(|one| one.status == Status::Open && one.created == now).map(|one| one.id));
        shown += usize::from(!tracker.current().is_empty());
    }
    // Nothing is spent on Tuesday.
    assert_eq!(opened, ["budget:agents:2026-11-23", "budget:agents:2026-11-25"]);
    assert!((25..=32).contains(&shown), "each until its day ends: {shown} hours");
}

#[test]
fn money_is_read_from_the_counters_that_the_settings_name() {
    let metrics = ["other_EUR_total", "more_EUR_total"].map(str::to_owned).to_vec();
    let money = Money { agents: AgentMetrics { money: metrics, ..AgentMetrics::default() }, ..Money::default() };
    let all = || [spending("other_EUR_total", 21, 2.5), spending("more_EUR_total", 21, 2.5)];
    let found = found_of(&money, 28 * DAY, 30, &all(), |_| {});
    assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["week_cost"]);
    assert!(found[0].why.contains(" EUR in the last week"), "{}", found[0].why);
    assert_eq!(found[0].query, "other_EUR_total or more_EUR_total");
    assert_eq!(found_with(28 * DAY, 30, &all(), |_| {}), [], "nobody named them");
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), MONDAY).unwrap();
    let missing = |money: &Money| advisors(&store, money, MONDAY).unwrap().into_iter().find(|one| one.name == "week_cost").unwrap().missing;
    assert_eq!(missing(&money), ["other_EUR_total", "more_EUR_total"]);
    assert_eq!(missing(&Money { prices: Arc::default(), ..Money::default() }), ["claude_code_cost_usage_USD_total"]);
}
