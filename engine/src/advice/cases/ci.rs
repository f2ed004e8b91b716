//! Workflows of CI.

use super::*;

/// A workflow's metric.
fn ci(metric: &str, more: &str, value: impl Fn(i64) -> Option<f64> + 'static) -> Series {
    gapped(&format!("{metric}{{repo=\"octo/site\",workflow=\"test\",workflow_id=\"1\"{more}}}"), value)
}

/// A run at these minutes of each day.
fn runs(minute: i64) -> bool {
    minute % 120 == 0
}

#[test]
fn workflows_that_fail_are_flaky_wait_or_run_for_nothing_are_named() {
    let month = 28 * DAY;
    let durations =
        || ci("github_actions_run_duration_seconds", ",conclusion=\"success\"", |m| runs(m).then(|| 300.0 * (0.9 + 0.2 * chance(m))));
    let high = |value: f64| ci("github_actions_success_high_ratio", "", move |m| Some(if m > month - DAY { value } else { 1.0 }));
    assert_eq!(ids(month, 20, &[high(0.7), durations()]), ["ci_failing:octo/site:test"]);
    assert_eq!(ids(month, 20, &[high(0.96), durations()]), [""; 0]);
    let flaky = |ratio: f64| ci("github_actions_flaky_ratio", "", move |_| Some(ratio));
    assert_eq!(ids(month, 20, &[flaky(0.2), durations()]), ["ci_flaky:octo/site:test"]);
    assert_eq!(ids(month, 20, &[flaky(0.05), durations()]), [""; 0]);
    assert_eq!(
        ids(month, 20, &[flaky(0.5), ci("github_actions_run_duration_seconds", "", |m| (m % 5_000 == 0).then_some(300.0))]),
        [""; 0],
        "few runs"
    );
    let waits = |seconds: f64| ci("github_actions_run_queue_seconds", "", move |m| runs(m).then_some(seconds));
    assert_eq!(ids(month, 20, &[waits(200.0), durations()]), ["ci_queued:octo/site:test"]);
    assert_eq!(ids(month, 20, &[waits(70.0), durations()]), [""; 0], "a short wait for what it runs");
    let counted = |metric: &str, a_day: f64| ci(metric, "", move |m| Some((m / 120) as f64 * a_day / 12.0));
    let all = || counted("github_actions_job_seconds_total", 20_000.0);
    assert_eq!(ids(month, 20, &[counted("github_actions_wasted_seconds_total", 7_000.0), all()]), ["ci_wasted:octo/site:test"]);
    assert_eq!(ids(month, 20, &[counted("github_actions_wasted_seconds_total", 1_000.0), all()]), [""; 0]);
}

#[test]
fn green_runs_that_take_longer_are_named_and_chance_is_not() {
    let month = 28 * DAY;
    let took = |after: f64, seed: i64| {
        let value = move |m: i64| runs(m).then(|| if m < month - 7 * DAY { 300.0 } else { 300.0 * after } * (0.7 + 0.6 * chance(m + seed)));
        ci("github_actions_run_duration_seconds", ",conclusion=\"success\"", value)
    };
    assert_eq!(ids(month, 20, &[took(1.5, 0)]), ["ci_slower:octo/site:test"]);
    for seed in 0..5 {
        assert_eq!(ids(month, 20, &[took(1.0, seed * 100_000)]), [""; 0], "seed {seed}");
    }
    // A bad week may be chance until it has kept on.
    let since = move |m: i64| if m < month - 5 * DAY { 300.0 } else { 660.0 };
    let lately = || {
        let value = move |m: i64| runs(m).then(|| since(m) * (0.7 + 0.6 * chance(m)));
        [ci("github_actions_run_duration_seconds", ",conclusion=\"success\"", value)]
    };
    assert_eq!(ids(month, 20, &lately()), [""; 0]);
    assert_eq!(ids(month + 2 * DAY, 20, &lately()), ["ci_slower:octo/site:test"]);
    // Each day differs from the others, and is like the one before: nothing has changed for good.
    let wanders = ci("github_actions_run_duration_seconds", ",conclusion=\"success\"", move |m| {
        runs(m).then(|| 300.0 * (1.0 + 0.3 * ((m / DAY) as f64 / 4.0).sin()) * (0.95 + 0.1 * chance(m)))
    });
    assert_eq!(ids(month, 20, &[wanders]), [""; 0]);
}
