//! Histories that each advisor must speak up about, and ones like them about which it must not.

mod capacity;
mod ci;
mod disk;
mod hosts;
mod reach;
mod tasks;

use super::*;
use crate::model::{Batch, Labels};
use crate::store::{StoreOptions, StoreWriter};

/// A Monday, 0:00 UTC.
pub(super) const MONDAY: TimestampMs = 1_795_392_000_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const DAY: i64 = 1_440;

/// A series: its name, and its value by minutes since the start; none where it has no sample.
pub(super) type Series = (Labels, Box<dyn Fn(i64) -> Option<f64>>);

pub(super) fn series(selector: &str, value: impl Fn(i64) -> f64 + 'static) -> Series {
    gapped(selector, move |minute| Some(value(minute)))
}

pub(super) fn gapped(selector: &str, value: impl Fn(i64) -> Option<f64> + 'static) -> Series {
    let parsed = crate::model::Selector::parse(selector).unwrap();
    let equal = |matcher: &crate::model::Matcher| match &matcher.op {
        crate::model::MatchOp::Equal(value) => (matcher.name.clone(), value.clone()),
        _ => panic!("{selector}"),
    };
    let pairs: Vec<(String, String)> = parsed.matchers.iter().map(equal).collect();
    let (name, rest): (Vec<_>, Vec<_>) = pairs.iter().partition(|(name, _)| name == crate::model::NAME_LABEL);
    let rest: Vec<(&str, &str)> = rest.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    (Labels::metric(&name[0].1, &rest), Box::new(value))
}

/// A store after so many minutes, with a sample each `step` of them.
fn kept(minutes: i64, step: i64, all: &[Series], keep: impl FnOnce(&StoreWriter)) -> (tempfile::TempDir, StoreWriter, TimestampMs) {
    let dir = tempfile::tempdir().unwrap();
    let now = MONDAY + minutes * MINUTE;
    let options = StoreOptions { out_of_order_ms: i64::MAX / 4, max_bytes: 10_000_000_000, ..StoreOptions::default() };
    let store = StoreWriter::open(dir.path(), options, now).unwrap();
    keep(&store);
    let mut batch = Batch::default();
    for minute in (0..minutes).step_by(step as usize) {
        for (labels, value) in all {
            value(minute).into_iter().for_each(|v| batch.push(labels.clone(), MONDAY + minute * MINUTE, v));
        }
    }
    store.append(&batch, now).unwrap();
    (dir, store, now)
}

/// What all advisors find after so many minutes, with a sample each `step` of them.
pub(super) fn found(minutes: i64, step: i64, all: &[Series]) -> Vec<Finding> {
    found_with(minutes, step, all, |_| {})
}

/// The same with what else is kept.
pub(super) fn found_with(minutes: i64, step: i64, all: &[Series], keep: impl FnOnce(&StoreWriter)) -> Vec<Finding> {
    found_of(&Money::default(), minutes, step, all, keep)
}

/// The same with what the settings say of money.
pub(super) fn found_of(money: &Money, minutes: i64, step: i64, all: &[Series], keep: impl FnOnce(&StoreWriter)) -> Vec<Finding> {
    let (_dir, store, now) = kept(minutes, step, all, keep);
    let by = |horizon| assess(&store, money, horizon, now).unwrap().findings;
    [by(Horizon::Day), by(Horizon::Month)].concat()
}

pub(super) fn ids(minutes: i64, step: i64, all: &[Series]) -> Vec<String> {
    found(minutes, step, all).into_iter().map(|finding| finding.id).collect()
}

/// A number from 0 to 1 that looks drawn by chance, the same for the same seed.
pub(super) fn chance(seed: i64) -> f64 {
    let mixed = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

pub(super) fn office(minute: i64) -> bool {
    let (day, hour) = (minute / DAY % 7, minute / 60 % 24);
    day < 5 && (9..18).contains(&hour)
}

#[test]
fn a_cpu_is_short_where_processes_wait_for_it() {
    let cpu = |value: f64| series("system_cpu_utilization_ratio", move |_| value);
    let cores = || (0..16).map(|n| series(&format!("system_cpu_core_utilization_ratio{{cpu=\"{n}\"}}"), |_| 0.9)).collect::<Vec<_>>();
    let load = |value: f64| series("system_cpu_load_average_1m", move |_| value);
    let with = |more: Vec<Series>| ids(400, 1, &cores().into_iter().chain(more).collect::<Vec<_>>());
    assert_eq!(with(vec![cpu(0.95), load(40.0)]), ["cpu_saturated"]);
    assert_eq!(with(vec![cpu(0.95), load(17.0)]), [""; 0], "a machine that builds with a process for each core");
    assert_eq!(with(vec![cpu(0.85), load(40.0)]), [""; 0], "processes that wait for something else count into the load as well");
    assert_eq!(with(vec![cpu(0.93)]), [""; 0], "busy, and nothing says that anything waits");
    let pressure = series("system_pressure_ratio{resource=\"cpu\",kind=\"some\"}", |_| 0.95);
    assert_eq!(with(vec![cpu(0.95), pressure]), ["cpu_saturated"]);
}

#[test]
fn most_of_it_is_said_of_what_used_more_than_half() {
    let all = |workers: usize, each: f64| {
        let mut all = vec![series("system_cpu_utilization_ratio", |_| 0.99), series("system_cpu_load_average_1m", |_| 40.0)];
        all.extend((0..16).map(|n| series(&format!("system_cpu_core_utilization_ratio{{cpu=\"{n}\"}}"), |_| 0.99)));
        all.extend(
            (0..workers)
                .map(|n| series(&format!("process_cpu_utilization_ratio{{process=\"worker{n}\"}}"), move |_| each - n as f64 / 100.0)),
        );
        let mut finding = found(400, 1, &all).remove(0);
        let cores = finding.evidence.pop().unwrap();
        assert_eq!((cores.name.as_str(), cores.unit.as_str()), ("mean of worker0, in cores", "count"));
        (finding.why, finding.action)
    };
    let (why, action) = all(10, 0.9);
    assert!(!action.contains("worker0") && action.contains("run fewer of them at once"), "{action}");
    assert!(why.contains("No one process used most of it; the most was used by worker0: 0.9 cores"), "{why}");
    let (why, action) = all(1, 12.0);
    assert!(action.starts_with("Run fewer of worker0 at once"), "{action}");
    assert!(why.contains("Most of it was worker0: 12 cores on average, of 15.8 that were busy"), "{why}");
}

#[test]
fn a_process_is_measured_over_the_time_that_was_measured() {
    // 200 of the last 1,440 minutes.
    let all = [series("system_cpu_utilization_ratio", |_| 0.97), series("process_cpu_utilization_ratio{process=\"cargo\"}", |_| 3.8)];
    let found = found(200, 1, &all);
    assert!(found[0].evidence.iter().any(|e| e.name == "mean of cargo, in cores" && (e.value - 3.8).abs() < 0.01), "{found:?}");
}

#[test]
fn machines_are_not_mixed() {
    let on = |host: &str, metric: &str, value: f64| series(&format!("{metric}{{instance=\"{host}\"}}"), move |_| value);
    let mut all = vec![on("a", "system_cpu_utilization_ratio", 0.05), on("b", "system_cpu_utilization_ratio", 0.99)];
    all.extend([on("a", "system_memory_utilization_ratio", 0.97), on("b", "system_memory_utilization_ratio", 0.2)]);
    for (host, process, bytes) in [("b", "big-on-b", 3e10), ("a", "small-on-a", 3e9)] {
        all.push(series(&format!("process_memory_usage_bytes{{process=\"{process}\",instance=\"{host}\"}}"), move |_| bytes));
    }
    let found = found(400, 1, &all);
    assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["cpu_saturated on b", "memory_tight on a"]);
    assert!(found[1].action.starts_with("small-on-a held"), "{}", found[1].action);
}

#[test]
fn disks_of_other_machines_have_advice_and_no_series_of_this_one() {
    let rising = |minute: i64| 0.5 + minute as f64 / DAY as f64 * 0.1 + chance(minute) / 1e3;
    let of = |host: &'static str| series(&format!("system_filesystem_utilization_ratio{{mountpoint=\"/\",instance=\"{host}\"}}"), rising);
    let found = found(2 * DAY, 5, &[of("a"), of("b")]);
    assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["disk_filling:/ on a", "disk_filling:/ on b"]);
    assert!(times_to_full(&found).is_empty());
}

#[test]
fn memory_is_short_where_processes_wait_or_nothing_is_left() {
    let used = |value: fn(i64) -> f64| series("system_memory_utilization_ratio", value);
    let waits = |value: f64| series("system_pressure_ratio{resource=\"memory\",kind=\"some\"}", move |_| value);
    assert_eq!(ids(400, 1, &[used(|_| 0.97)]), ["memory_tight"]);
    assert_eq!(ids(400, 1, &[used(|_| 0.7), waits(0.3)]), ["memory_tight"]);
    for (name, healthy) in [
        ("88 % by design", (|_| 0.88) as fn(i64) -> f64),
        ("a heap that is cleared each 20 minutes", |minute| 0.7 + 0.2 * (minute % 20) as f64 / 20.0),
        ("an hour above", |minute| if minute < 50 { 0.97 } else { 0.6 }),
    ] {
        assert_eq!(ids(400, 1, &[used(healthy), waits(0.01)]), [""; 0], "{name}");
    }
}

#[test]
fn memory_of_a_machine_that_goes_up_and_down_has_no_date_and_one_that_leaves_what_it_was_has() {
    let wander = |minute: i64| 0.6 + 0.1 * (minute as f64 / 400.0).sin() + 0.06 * (minute as f64 / 1_700.0).sin() + 0.01 * chance(minute);
    let used =
        |leak: f64| series("system_memory_utilization_ratio", move |m| wander(m) + leak * ((m - 8 * DAY).max(0) as f64 / DAY as f64));
    let dated = |hour: i64, leak: f64| {
        ids(8 * DAY + hour * 60, 5, &[used(leak)]).contains(&"memory_filling:system_memory_utilization_ratio".to_owned())
    };
    assert_eq!((0..48).filter(|hour| dated(*hour, 0.0)).collect::<Vec<_>>(), [0; 0]);
    let first = (0..60).find(|hour| dated(*hour, 0.15));
    assert!(first.is_some_and(|hour| hour < 48), "a leak that is full after about 50 hours: {first:?}");
}

#[test]
fn processes_that_the_kernel_ended_are_named_once() {
    let kills = |at: i64| move |minute: i64| if minute < at { 3.0 } else { 4.0 };
    let unit = series("container_oom_kills_total{unit=\"shop.service\"}", kills(300));
    assert_eq!(
        ids(400, 1, &[unit, series("system_oom_kills_total", kills(300))]),
        ["oom_killed:container_oom_kills_total{unit=\"shop.service\"}"]
    );
    assert_eq!(ids(400, 1, &[series("system_oom_kills_total", kills(300))]), ["oom_killed"]);
    assert_eq!(ids(3 * DAY, 5, &[series("system_oom_kills_total", kills(300))]), [""; 0], "two days ago");
    assert_eq!(ids(400, 1, &[series("system_oom_kills_total", |_| 7.0)]), [""; 0], "before the service began to look");
}

#[test]
fn what_does_not_answer_is_named_with_the_share_of_the_day_in_which_it_did() {
    let since = |at: i64| move |minute: i64| if minute < at { 1.0 } else { 0.0 };
    let probe = |at: i64| series("probe_success{target=\"shop\"}", since(at));
    let down = found(DAY, 1, &[probe(DAY - 144)]);
    assert_eq!(down[0].id, "probe_down:shop");
    assert!(down[0].why.contains("for 2 h 24 min. It was up 90.1 % of the last day"), "{}", down[0].why);
    // A probe that is eleven minutes old.
    let new = found(12, 1, &[series("probe_success{target=\"new\"}", |minute| f64::from(u8::from(minute == 0)))]);
    assert!(new[0].why.contains("for 11 min. It was up 10 % of the last 12 min that it was watched"), "{}", new[0].why);
    assert_eq!(new[0].evidence[1].name, "share of the time watched in which it was up");
    let never = found(30, 1, &[series("probe_success{target=\"new\"}", |_| 0.0)]);
    assert!(never[0].why.contains("since it has been watched, for 30 min. It was up 0 % of"), "{}", never[0].why);
    assert_eq!(ids(DAY, 1, &[probe(DAY - 5)]), [""; 0], "five minutes are for alerts");
    assert_eq!(ids(DAY, 1, &[series("probe_success{target=\"shop\"}", |m| f64::from(u8::from(m % 3 > 0)))]), [""; 0], "it comes back");
    assert_eq!(
        ids(DAY, 1, &[gapped("probe_success{target=\"shop\"}", |m| (m < DAY - 60).then_some(0.0))]),
        [""; 0],
        "nobody asks it any more"
    );
    assert_eq!(
        ids(DAY, 1, &[series("up{job=\"api\",instance=\"h:1\"}", since(DAY - 30))]),
        ["target_down:up{instance=\"h:1\",job=\"api\"}"]
    );
    assert_eq!(ids(DAY, 1, &[series("taskpulse_source_up{source=\"github\"}", since(DAY - 90))]), ["source_silent:github"]);
    assert_eq!(ids(DAY, 1, &[series("taskpulse_source_up{source=\"github\"}", since(DAY - 30))]), [""; 0]);
}

#[test]
fn certificates_that_end_soon_are_named() {
    let ends = |days: f64| {
        series("probe_ssl_earliest_cert_expiry{target=\"shop\"}", move |_| (MONDAY + DAY * MINUTE) as f64 / 1e3 + days * 86_400.0)
    };
    for (days, severity) in [(10.0, Severity::Warning), (2.0, Severity::Error), (-1.0, Severity::Error)] {
        let found = found(DAY, 5, &[ends(days)]);
        assert_eq!((found[0].id.as_str(), found[0].severity), ("certificate_ends:shop", severity), "{days}");
    }
    assert_eq!(ids(DAY, 5, &[ends(20.0)]), [""; 0]);
}

#[test]
fn a_unit_that_starts_over_and_over_is_named() {
    let unit = |every: i64| series("container_cpu_time_seconds_total{unit=\"shop.service\"}", move |minute| (minute % every) as f64 + 1.0);
    assert_eq!(ids(400, 1, &[unit(10)]), ["restart_loop:container_cpu_time_seconds_total{unit=\"shop.service\"}"]);
    assert_eq!(ids(400, 1, &[unit(50)]), [""; 0], "twice in two hours");
}

#[test]
fn agents_that_wait_or_go_in_circles_are_named() {
    let waiting = |share: f64| series("agent_waiting_seconds_total{agent=\"codex\"}", move |minute| 60.0 * share * minute as f64);
    assert_eq!(ids(2 * DAY, 5, &[waiting(0.1)]), ["agent_waits:codex"]);
    assert_eq!(ids(2 * DAY, 5, &[waiting(0.01)]), [""; 0], "a quarter of an hour a day");
    let looping = |kind: &str, minutes: i64| {
        series(&format!("agent_findings{{agent=\"codex\",kind=\"{kind}\"}}"), move |minute| f64::from(u8::from(minute % 60 < minutes)))
    };
    assert_eq!(ids(400, 1, &[looping("loop", 12)]), ["agent_loops:codex"]);
    assert_eq!(ids(400, 1, &[looping("loop", 2)]), [""; 0], "it found out by itself");
    assert_eq!(ids(400, 1, &[looping("waits", 12)]), [""; 0]);
    assert_eq!(ids(400, 1, &[looping("rewrites", 12)]), ["agent_loops:codex"]);
    let both = found(400, 1, &[looping("loop", 12), looping("no_progress", 20)]);
    assert_eq!((both.len(), both[0].evidence.len()), (1, 2), "{both:?}");
    assert!(both[0].why.contains("the same failing call") && both[0].why.contains("nothing came of it"), "{}", both[0].why);
}

#[test]
fn disks_that_all_wait_for_are_named_with_who_uses_them() {
    let waits = |value: f64| series("system_pressure_ratio{resource=\"io\",kind=\"full\"}", move |_| value);
    let io = series("process_disk_io_bytes_per_second{process=\"restic\",direction=\"read\"}", |_| 2e8);
    let found = found(300, 1, &[waits(0.4), io]);
    assert_eq!(found[0].id, "disk_waits");
    assert!(found[0].why.contains("restic"), "{}", found[0].why);
    assert_eq!(ids(300, 1, &[waits(0.05)]), [""; 0]);
}

/// A metric of a board.
pub(super) fn board(metric: &str, more: &str, value: impl Fn(i64) -> f64 + 'static) -> Series {
    series(&format!("{metric}{{project=\"app\",tag=\"master\"{more}}}"), value)
}

pub(super) fn status(status: &str, value: impl Fn(i64) -> f64 + 'static) -> Series {
    board("taskmaster_tasks", &format!(",status=\"{status}\""), value)
}

#[test]
fn a_board_is_stalled_where_it_rests_longer_than_it_does() {
    // A move each working hour until a time.
    let worked = |until: i64| move |minute: i64| (0..minute.min(until)).step_by(60).filter(|m| office(*m)).count() as f64;
    let open = || status("pending", |_| 4.0);
    let monday_morning = 21 * DAY + 10 * 60;
    assert_eq!(ids(monday_morning, 15, &[open(), status("done", worked(i64::MAX))]), [""; 0], "at work");
    let friday = 18 * DAY + 17 * 60;
    assert_eq!(ids(21 * DAY + 8 * 60, 15, &[open(), status("done", worked(friday))]), [""; 0], "Monday before work");
    assert_eq!(
        ids(24 * DAY, 15, &[open(), status("done", worked(friday))]),
        ["board_stalled:app:master"],
        "since Friday, and it is Wednesday night"
    );
    assert_eq!(ids(24 * DAY, 15, &[status("done", worked(friday))]), [""; 0], "nothing is left to do");
    assert_eq!(ids(24 * DAY, 15, &[status("deferred", |_| 4.0), status("done", worked(friday))]), [""; 0], "what is left is put off");
    // Without habits yet: longer than a weekend.
    assert_eq!(ids(2 * DAY, 15, &[open(), status("done", |_| 2.0)]), [""; 0]);
    assert_eq!(ids(4 * DAY, 15, &[open(), status("done", |_| 2.0)]), ["board_stalled:app:master"]);
    let subtasks = board("taskmaster_subtasks", ",status=\"done\"", |minute| (minute / 60) as f64);
    assert_eq!(ids(4 * DAY, 15, &[open(), status("done", |_| 2.0), subtasks]), [""; 0], "its subtasks move");
}

#[test]
fn what_to_do_about_a_stalled_board_follows_from_what_is_open() {
    let action = |all: Vec<Series>| found(4 * DAY, 15, &all).remove(0).action;
    let ready = |count: f64| board("taskmaster_ready_tasks", "", move |_| count);
    assert!(action(vec![status("in-progress", |_| 2.0), ready(1.0)]).starts_with("Look at the tasks in progress"));
    assert_eq!(action(vec![status("review", |_| 3.0), ready(0.0)]), "Review the 3 that wait for it.");
    assert_eq!(action(vec![status("pending", |_| 4.0), ready(3.0)]), "Start one of the 3 tasks that are ready.");
    assert!(action(vec![status("blocked", |_| 4.0), ready(0.0)]).starts_with("No task is ready"));
    assert_eq!(action(vec![status("pending", |_| 4.0)]), "See what the open tasks wait for.");
}

#[test]
fn a_forecast_that_leaves_its_own_interval_slips() {
    let days = 21 * DAY;
    let forecast =
        |share: &str, value: fn(i64) -> f64| board("taskmaster_forecast_done_timestamp_seconds", &format!(",quantile=\"{share}\""), value);
    let later = |m: i64| MONDAY as f64 / 1e3 + 30.0 * 86_400.0 + if m > 21 * DAY - 3 * DAY { 10.0 * 86_400.0 } else { 0.0 };
    let bound = |_: i64| MONDAY as f64 / 1e3 + 34.0 * 86_400.0;
    let wide = |_: i64| MONDAY as f64 / 1e3 + 45.0 * 86_400.0;
    assert_eq!(ids(days, 15, &[forecast("0.5", later), forecast("0.95", bound)]), ["forecast_slips:app:master"]);
    assert_eq!(ids(days, 15, &[forecast("0.5", later), forecast("0.95", wide)]), [""; 0], "within what was said");
}

#[test]
fn too_much_in_progress_is_measured_by_what_gets_done() {
    let days = 8 * DAY;
    let done = |a_day: f64| board("taskmaster_throughput_tasks_per_day", "", move |_| a_day);
    // Something moves, so that the board is not stalled.
    let moves = || status("done", |minute| (minute / 300) as f64);
    assert_eq!(ids(days, 15, &[status("in-progress", |_| 9.0), done(0.8), moves()]), ["too_much_in_progress:app:master"]);
    assert_eq!(ids(days, 15, &[status("in-progress", |_| 9.0), done(6.0), moves()]), [""; 0], "agents that work at once");
    assert_eq!(ids(days, 15, &[status("in-progress", |_| 2.0), done(0.1), moves()]), [""; 0], "two long tasks");
}

#[test]
fn the_service_names_what_burdens_it() {
    let days = 8 * DAY;
    assert_eq!(ids(days, 15, &[series("taskpulse_store_series", |m| 10_000.0 + 40_000.0 * m as f64 / (8 * DAY) as f64)]), ["series_grow"]);
    assert_eq!(ids(days, 15, &[series("taskpulse_store_series", |m| 100.0 + m as f64 / 10.0)]), [""; 0]);
    let restarts = |every: i64| series("taskpulse_actor_restarts_total{actor=\"github\"}", move |m| (m / every) as f64);
    assert_eq!(ids(days, 15, &[restarts(240)]), ["actor_restarts:github"]);
    assert_eq!(ids(days, 15, &[restarts(5_000)]), [""; 0]);
}

#[test]
fn what_an_advisor_lacks_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), MONDAY).unwrap();
    let mut batch = Batch::default();
    batch.push(Labels::metric("system_cpu_utilization_ratio", &[]), MONDAY, 0.5);
    store.append(&batch, MONDAY).unwrap();
    let states = advisors(&store, &Money::default(), MONDAY).unwrap();
    let of = |name: &str| states.iter().find(|state| state.name == name).unwrap();
    assert!(of("cpu_saturated").missing.is_empty());
    assert_eq!(of("cpu_saturated").too_little, Some((3 * 3_600_000, 0)));
    assert_eq!(of("probe_down").unsaid().unwrap(), "there is no probe_success");
    assert_eq!(of("probe_down").missing, ["probe_success"]);
    assert!(states.len() >= 20 && states.iter().all(|state| !state.about.is_empty()));
}

#[test]
fn what_cannot_be_judged_yet_is_no_sign_that_all_is_well() {
    let unsaid = |minutes: i64| {
        let (_dir, store, now) = kept(minutes, 1, &[series("system_cpu_utilization_ratio", |_| 0.5)], |_| {});
        let states = advisors(&store, &Money::default(), now).unwrap();
        states.iter().find(|state| state.name == "cpu_saturated").unwrap().unsaid()
    };
    assert_eq!(unsaid(15).unwrap(), "too little history: it needs 3 h, and there are 15 min");
    assert_eq!(unsaid(200), None);
}
