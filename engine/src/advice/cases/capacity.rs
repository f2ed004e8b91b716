//! What suffices and what does not.

use super::*;

#[test]
fn a_cpu_will_not_suffice_where_its_busy_hours_grow_and_was_not_used_up_before() {
    let days = |minute: i64| minute as f64 / DAY as f64;
    let busy = |minute: i64, peak: f64| if (9..18).contains(&(minute / 60 % 24)) { peak } else { 0.1 } + 0.02 * chance(minute);
    let of = |value: Box<dyn Fn(i64) -> f64>| {
        let ids = ids(29 * DAY, 20, &[series("system_cpu_utilization_ratio", value)]);
        ids.into_iter().filter(|id| id.starts_with("cpu_capacity")).collect::<Vec<_>>()
    };
    assert_eq!(of(Box::new(move |minute| busy(minute, 0.3 + 0.021 * days(minute)).min(1.0))), ["cpu_capacity"]);
    for (name, healthy) in [
        ("as busy each day", Box::new(move |minute| busy(minute, 0.85)) as Box<dyn Fn(i64) -> f64>),
        ("meant to be busy: it builds all night", Box::new(move |minute| busy(minute, 0.99).min(1.0))),
        ("less each day", Box::new(move |minute| busy(minute, 0.9 - 0.01 * days(minute)))),
        ("grows, far from what there is", Box::new(move |minute| busy(minute, 0.2 + 0.005 * days(minute)))),
        ("drawn by chance", Box::new(|minute| 0.3 + 0.5 * chance(minute / 60))),
    ] {
        assert_eq!(of(healthy), [""; 0], "{name}");
    }
}

#[test]
fn runners_are_missing_where_runs_wait_at_the_same_hours_each_day() {
    let metric = |name: &str, value: Box<dyn Fn(i64) -> Option<f64>>| {
        gapped(&format!("github_actions_run_{name}_seconds{{repo=\"a/b\",workflow=\"test\",conclusion=\"success\"}}"), value)
    };
    // A run each ten minutes of the morning.
    let runs = |minute: i64| (9..12).contains(&(minute / 60 % 24)) && minute % 10 == 0;
    let of = |wait: fn(i64) -> f64| {
        let waits = metric("queue", Box::new(move |minute| runs(minute).then(|| wait(minute))));
        let durations = metric("duration", Box::new(move |minute| runs(minute).then_some(300.0)));
        let found = found(29 * DAY, 10, &[waits, durations]);
        found.into_iter().filter(|finding| finding.id.starts_with("ci_runners")).collect::<Vec<_>>()
    };
    // The first of each hour gets one at once, the others after half an hour: nearly three runs wait at a time.
    let short = of(|minute| if minute % 60 == 0 { 10.0 } else { 1_800.0 + 60.0 * chance(minute) });
    assert_eq!(short.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), ["ci_runners:a/b"]);
    let missing = &short[0].evidence[0];
    assert!(
        (2.0..3.5).contains(&missing.value) && missing.low <= Some(missing.value) && missing.high >= Some(missing.value),
        "{missing:?}"
    );
    for (name, wait) in [
        ("they begin at once", (|minute| 8.0 + 10.0 * chance(minute)) as fn(i64) -> f64),
        ("all begin slowly: a runner takes five minutes to start", |minute| 300.0 + 20.0 * chance(minute)),
        ("one morning of waiting, three weeks ago", |minute| if minute / DAY == 6 { 3_600.0 } else { 10.0 }),
    ] {
        assert!(of(wait).is_empty(), "{name}");
    }
}

#[test]
fn capacities_have_figures_with_an_interval_or_say_why_not() {
    let (_dir, store, now) = kept(
        29 * DAY,
        20,
        &[
            series("system_cpu_utilization_ratio", |minute| if office(minute) { 0.6 } else { 0.2 }),
            series("system_memory_utilization_ratio", |minute| 0.5 + 0.01 * chance(minute)),
            series("system_filesystem_utilization_ratio{mountpoint=\"/srv\"}", |minute| 0.5 + 0.015 * minute as f64 / DAY as f64),
            series("system_filesystem_utilization_ratio{mountpoint=\"/new\"}", |_| 0.9),
        ],
        |_| {},
    );
    let by = |horizon| assess(&store, &Money::default(), horizon, now).unwrap();
    let (day, month) = (by(Horizon::Day), by(Horizon::Month));
    let all = capacity(&day.in_use, &day.findings, &month.forecasts, now);
    let gauges: Vec<(String, f64)> =
        capacity_series(&all).into_iter().map(|(labels, value)| (labels.to_string().replace("taskpulse_capacity_", ""), value)).collect();
    let of = |name: &str| gauges.iter().find(|(labels, _)| labels == name).map(|(_, value)| *value);
    assert!(of("utilization_ratio{resource=\"cpu\"}").is_some_and(|used| (0.1..0.7).contains(&used)), "{gauges:?}");
    assert_eq!(of("shortfall_ratio{bound=\"estimate\",resource=\"cpu\"}"), Some(0.0), "{gauges:?}");
    assert_eq!(of("shortfall_ratio{bound=\"high\",resource=\"memory\"}"), Some(0.0), "{gauges:?}");
    // 0.935 now, 1.04 in a week, full in four days.
    let short = |bound: &str| of(&format!("shortfall_ratio{{bound=\"{bound}\",mountpoint=\"/srv\",resource=\"disk\"}}")).unwrap();
    assert!(
        short("low") <= short("estimate") && short("estimate") <= short("high") && (0.01..0.09).contains(&short("estimate")),
        "{gauges:?}"
    );
    let full = of("exhaustion_timestamp_seconds{bound=\"estimate\",mountpoint=\"/srv\",resource=\"disk\"}").unwrap();
    assert!((1.0..9.0).contains(&((full - now as f64 / 1e3) / 86_400.0)), "{gauges:?}");
    assert_eq!(gauges.iter().filter(|(labels, _)| labels.starts_with("exhaustion") && labels.contains("cpu")).count(), 0, "it suffices");
    // A young service: what it does not know it says.
    let full = series("system_filesystem_utilization_ratio{mountpoint=\"/\"}", |_| 0.9);
    let (_dir, store, now) = kept(20, 1, &[series("system_cpu_utilization_ratio", |_| 0.5), full], |_| {});
    let month = assess(&store, &Money::default(), Horizon::Month, now).unwrap();
    let all = capacity(&[], &[], &month.forecasts, now);
    assert!(capacity_series(&all).is_empty() && all.len() == 2, "{all:?}");
    assert!(all.iter().all(|one| one.missing.as_ref().is_some_and(|why| why.starts_with("0 whole days are known"))), "{all:?}");
}
