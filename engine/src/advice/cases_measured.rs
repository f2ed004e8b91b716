//! The cases of advisors that read samples only, continued.

#![allow(clippy::panic, reason = "a test that cannot go on fails")]

use super::cases::{DAY, MINUTE, MONDAY, Series, board, chance, found, gapped, ids, office, series, status};

#[test]
fn a_machine_whose_cpu_goes_to_others_is_named() {
    let steal = |value: fn(i64) -> f64| series("system_cpu_steal_ratio", value);
    assert_eq!(ids(400, 1, &[steal(|m| if m % 3 == 0 { 0.2 } else { 0.0 })]), ["cpu_stolen"]);
    assert_eq!(ids(400, 1, &[steal(|_| 0.03)]), [""; 0], "a little is usual");
    assert_eq!(ids(400, 1, &[steal(|m| if m > 370 { 0.5 } else { 0.0 })]), [""; 0], "half an hour");
    assert_eq!(ids(100, 1, &[steal(|_| 0.5)]), [""; 0], "not watched for long enough");
}

#[test]
fn heat_that_slows_the_cpu_is_named_with_the_hottest_sensor() {
    let throttles = |value: fn(i64) -> f64| series("system_cpu_throttles_total", value);
    let heat = series("system_temperature_celsius{chip=\"coretemp\",sensor=\"Package id 0\"}", |m| 60.0 + (m % 40) as f64);
    let found = found(DAY, 1, &[throttles(|m| (m / 20) as f64), heat]);
    assert_eq!(found[0].id, "cpu_throttled");
    assert!(found[0].why.contains("Package id 0 was at 99 °C"), "{}", found[0].why);
    assert_eq!(ids(DAY, 1, &[throttles(|m| if m > 700 { 9.0 } else { 2.0 })]), [""; 0], "once");
    assert_eq!(ids(DAY, 1, &[throttles(|_| 70_000.0)]), [""; 0], "before the service began to look");
}

#[test]
fn memory_that_comes_back_from_swap_all_the_time_is_named() {
    let swap = |direction: &str, a_minute: f64| {
        series(&format!("system_paging_io_bytes_total{{direction={direction:?}}}"), move |m| m as f64 * a_minute)
    };
    let big = series("process_memory_usage_bytes{process=\"java\"}", |_| 8e9);
    let found = found(300, 1, &[swap("in", 3e8), big]);
    assert_eq!(found[0].id, "swapping");
    assert!(found[0].action.starts_with("java held most"), "{}", found[0].action);
    assert_eq!(ids(300, 1, &[swap("out", 3e8)]), [""; 0], "what is moved there and stays there costs nothing");
    assert_eq!(ids(300, 1, &[swap("in", 1e6)]), [""; 0]);
    assert_eq!(
        ids(300, 1, &[series("system_paging_io_bytes_total{direction=\"in\"}", |m| if m > 280 { 1e10 } else { 0.0 })]),
        [""; 0],
        "once"
    );
}

#[test]
fn a_machine_that_sends_nothing_any_more_is_named_unless_it_is_scraped() {
    let until = |host: &str, label: &str, end: i64| {
        gapped(&format!("system_memory_utilization_ratio{{{label}={host:?}}}"), move |m| (m < end).then_some(0.4))
    };
    assert_eq!(ids(DAY, 1, &[until("db", "host", DAY - 90), until("web", "host", DAY)]), ["host_silent:db"]);
    assert_eq!(ids(DAY, 1, &[until("db", "host", DAY - 10)]), [""; 0], "a short break");
    let now_and_then = gapped("system_memory_utilization_ratio{host=\"laptop\"}", |m| (m % 100 < 50 && m < DAY - 90).then_some(0.4));
    assert_eq!(ids(DAY, 1, &[now_and_then]), [""; 0], "a machine that is on and off");
    let up = series("up{job=\"node\",instance=\"db:9100\"}", |m| if m < DAY - 90 { 1.0 } else { 0.0 });
    assert_eq!(
        ids(DAY, 1, &[until("db:9100", "instance", DAY - 90), up]),
        ["target_down:up{instance=\"db:9100\",job=\"node\"}"],
        "said once"
    );
}

#[test]
fn a_job_that_does_not_call_is_named() {
    let calls = |since: i64| series("heartbeat_up{heartbeat=\"backup\"}", move |m| if m < since { 1.0 } else { 0.0 });
    assert_eq!(ids(DAY, 1, &[calls(DAY - 60)]), ["job_late:backup"]);
    assert_eq!(ids(DAY, 1, &[calls(DAY)]), [""; 0]);
}

#[test]
fn checks_that_fail_more_often_than_on_any_day_before_are_named() {
    let days = 21 * DAY;
    let fails = |before: f64, after: f64| {
        series("probe_success{target=\"shop\"}", move |m| f64::from(u8::from(chance(m) >= if m < days - 2 * DAY { before } else { after })))
    };
    assert_eq!(ids(days, 5, &[fails(0.005, 0.1)]), ["failures_risen:shop"]);
    assert_eq!(ids(days, 5, &[fails(0.005, 0.005)]), [""; 0], "as ever");
    assert_eq!(ids(days, 5, &[fails(0.1, 0.1)]), [""; 0], "it was always bad");
    assert_eq!(ids(3 * DAY, 5, &[fails(0.0, 0.1)]), [""; 0], "too little to compare with");
}

#[test]
fn a_board_whose_tasks_wait_in_one_chain_is_named() {
    let all = |chain: f64, ready: f64| {
        let moves = status("done", |minute| (minute / 300) as f64);
        vec![
            status("pending", |_| 8.0),
            moves,
            board("taskmaster_critical_path_tasks", "", move |_| chain),
            board("taskmaster_ready_tasks", "", move |_| ready),
        ]
    };
    assert_eq!(ids(4 * DAY, 15, &all(7.0, 1.0)), ["one_chain:app:master"]);
    assert_eq!(ids(4 * DAY, 15, &all(7.0, 4.0)), [""; 0], "others can be started");
    assert_eq!(ids(4 * DAY, 15, &all(3.0, 1.0)), [""; 0], "a short chain");
}

#[test]
fn reviews_that_take_most_of_the_time_are_named() {
    let done = |metric: &str, seconds: f64| {
        gapped(&format!("{metric}{{project=\"app\",tag=\"master\",priority=\"high\"}}"), move |m| (m % DAY == 600).then_some(seconds))
    };
    let with = |review: f64| vec![done("taskmaster_task_execution_seconds", 40_000.0), done("taskmaster_task_review_seconds", review)];
    assert_eq!(ids(20 * DAY, 20, &with(30_000.0)), ["review_waits:app:master"]);
    assert_eq!(ids(20 * DAY, 20, &with(10_000.0)), [""; 0], "a quarter of the time");
}

#[test]
fn agents_that_cost_more_a_day_are_named() {
    let money = |after: f64| -> Series {
        // Ten dollars a day, each day a little different.
        let spent = move |m: i64| {
            let day = m / DAY;
            let of = |day: i64| (8.0 + 4.0 * chance(day)) * if day >= 21 { after } else { 1.0 };
            (0..day).map(of).sum::<f64>() + of(day) * (m % DAY) as f64 / DAY as f64
        };
        series("claude_code_cost_usage_USD_total{model=\"m\"}", spent)
    };
    let found = found(28 * DAY, 30, &[money(2.5)]);
    assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["week_cost"]);
    assert_eq!(ids(28 * DAY, 30, &[money(1.0)]), [""; 0]);
}

#[test]
fn samples_that_are_lost_and_history_that_is_cut_are_named() {
    let kept = || series("taskpulse_appended_samples_total", |m| 1_000.0 * m as f64);
    let lost = |reason: &str, a_minute: f64| {
        series(&format!("taskpulse_dropped_samples_total{{stage=\"batcher\",reason={reason:?}}}"), move |m| a_minute * m as f64)
    };
    assert_eq!(ids(DAY, 1, &[kept(), lost("backlog_full", 50.0)]), ["samples_lost"]);
    assert_eq!(ids(DAY, 1, &[kept(), lost("repeated", 50.0)]), [""; 0], "they were there already");
    assert_eq!(ids(DAY, 1, &[kept(), lost("backlog_full", 1.0)]), [""; 0], "one in a thousand");
    let used = |bytes: f64| series("taskpulse_store_disk_bytes", move |_| bytes);
    // The limit of these stores is 10 GB.
    assert_eq!(ids(4 * DAY, 5, &[used(9.9e9)]), ["history_cut"]);
    assert_eq!(ids(4 * DAY, 5, &[used(5e9)]), [""; 0]);
}

#[test]
fn an_advisor_speaks_in_whole_sentences() {
    let steal = series("system_cpu_steal_ratio", |_| 0.2);
    let one = found(400, 1, &[steal]).remove(0);
    assert!(one.why.ends_with('.') && one.action.ends_with('.') && one.end == MONDAY + 400 * 60_000, "{one:?}");
}

#[test]
fn a_target_that_answers_more_slowly_than_in_the_same_hours_is_named() {
    let days = 21 * DAY;
    let took = |after: f64| {
        let value =
            move |m: i64| 0.2 * if office(m) { 2.0 } else { 1.0 } * if m < days - 7 * DAY { 1.0 } else { after } * (0.8 + 0.4 * chance(m));
        series("probe_duration_seconds{target=\"shop\"}", value)
    };
    assert_eq!(ids(days, 10, &[took(1.6)]), ["latency_shifted:shop"]);
    assert_eq!(ids(days, 10, &[took(1.0)]), [""; 0]);
    // Charts mark where it began, and it says how sure that is.
    for (hours_ago, after) in [(7 * 24, 1.6), (7 * 24 - 9, 1.9), (7 * 24 + 9, 2.0)] {
        let begins = days - hours_ago * 60;
        let value = move |m: i64| 0.2 * if office(m) { 2.0 } else { 1.0 } * if m < begins { 1.0 } else { after } * (0.8 + 0.4 * chance(m));
        let found = found(days, 10, &[series("probe_duration_seconds{target=\"shop\"}", value)]).remove(0);
        let moment = found.evidence.iter().find(|e| e.unit == "time").unwrap();
        let at = |seconds: f64| (seconds * 1e3 - MONDAY as f64) / MINUTE as f64 / 60.0 - begins as f64 / 60.0;
        assert!(at(moment.value).abs() <= 1.0, "{} hours off", at(moment.value));
        let (low, high) = (at(moment.low.unwrap()), at(moment.high.unwrap()));
        assert!(low <= 0.0 && 0.0 <= high && high - low < 12.0, "from {low} to {high} hours");
        assert!(found.why.contains("since about 20"), "{}", found.why);
    }
    // What becomes slower from day to day began at no moment.
    let slowly =
        series("probe_duration_seconds{target=\"shop\"}", move |m| 0.2 * (1.0 + m as f64 / days as f64 * 2.5) * (0.8 + 0.4 * chance(m)));
    let found = found(days, 10, &[slowly]).remove(0);
    assert!(found.evidence.iter().all(|e| e.unit != "time") && !found.why.contains("since"), "{found:?}");
}

#[test]
fn a_slower_target_is_found_from_two_days_on_and_for_as_long_as_it_is_slow() {
    let days = 35 * DAY;
    let slow = |from: i64, to: i64| {
        let value =
            move |m: i64| 0.12 * if (days - from * DAY..days - to * DAY).contains(&m) { 2.5 } else { 1.0 } * (0.8 + 0.4 * chance(m));
        series("probe_duration_seconds{target=\"shop\"}", value)
    };
    for ago in [3, 5, 7, 10, 14, 25] {
        let found = found(days, 10, &[slow(ago, 0)]);
        let [one] = found.as_slice() else { panic!("{ago} days ago: {found:?}") };
        let (ratio, began) = (&one.evidence[0], one.evidence.iter().find(|e| e.unit == "time").unwrap());
        assert!(ratio.low.unwrap() < 2.5 && 2.5 < ratio.high.unwrap(), "{ratio:?}");
        assert!((began.value - (MONDAY / 1_000 + (days - ago * DAY) * 60) as f64).abs() < 7_200.0, "{began:?}");
    }
    assert_eq!(ids(days, 10, &[slow(1, 0)]), [""; 0], "a day is for alerts");
    assert_eq!(ids(days, 10, &[slow(10, 3)]), [""; 0], "it is as fast as before");
}

#[test]
fn checks_that_fail_more_often_are_named_for_as_long_as_they_do() {
    let days = 35 * DAY;
    let fails = |from: i64, to: i64| {
        let slow = days - from * DAY..days - to * DAY;
        let value = move |m: i64| f64::from(u8::from(chance(m) >= if slow.contains(&m) { 0.1 } else { 0.005 }));
        series("probe_success{target=\"shop\"}", value)
    };
    for ago in [2, 3, 5, 8, 14, 20] {
        assert_eq!(ids(days, 5, &[fails(ago, 0)]), ["failures_risen:shop"], "{ago} days ago");
    }
    assert_eq!(ids(days, 5, &[fails(1, 0)]), [""; 0], "a day is for alerts");
    assert_eq!(ids(days, 5, &[fails(10, 3)]), [""; 0], "they fail as seldom as before");
}
