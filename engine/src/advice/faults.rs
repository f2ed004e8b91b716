//! What advisors once said wrongly, each kind with the history that showed it. Others of these are held beside what they are about:
//!
//! * "most of it" of what used little, processes measured over time that was not, machines and their disks that were mixed: `cases`
//! * what to do about a board where tasks wait for a review, and one whose subtasks move: `cases`
//! * a forecast after half an hour: `board::forecast`, *what cannot be known yet is refused with its reason*; the pace of a new tag:
//!   `board::tests::watching`

use super::cases::{DAY, MINUTE, MONDAY, Series, chance, found, gapped, ids, office, series, status};
use super::*;
use crate::model::Batch;
use crate::store::{StoreOptions, StoreWriter};

/// How often recommendations of an advisor open while it is asked each hour, and for how many of these hours one is there.
fn opened(days: i64, step: i64, name: &str, horizon: Horizon, all: &[Series]) -> (usize, usize) {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, MONDAY).unwrap();
    let (mut tracker, mut opened, mut there) = (RecommendationTracker::default(), 0, 0);
    for hour in 1..=days * 24 {
        let now = MONDAY + hour * 60 * MINUTE;
        let mut batch = Batch::default();
        for minute in ((hour - 1) * 60..hour * 60).step_by(step as usize) {
            for (labels, value) in all {
                value(minute).into_iter().for_each(|v| batch.push(labels.clone(), MONDAY + minute * MINUTE, v));
            }
        }
        store.append(&batch, now).unwrap();
        let found = assess(&store, &Money::default(), horizon, now).unwrap().findings;
        let ours = found.into_iter().filter(|finding| finding.id.starts_with(name)).collect();
        opened += tracker.update(ours, now).iter().filter(|one| one.status == Status::Open && one.created == now).count();
        there += tracker.current().len();
    }
    (opened, there)
}

#[test]
fn a_machine_that_builds_now_and_then_does_not_open_and_withdraw_advice() {
    // Busy for a third of the time, in stretches of some minutes, with half of these short of CPU.
    let busy = |minute: i64| chance(minute / 7) < 0.35;
    let cpu = series("system_cpu_utilization_ratio", move |m| if busy(m) { 0.97 } else { 0.2 });
    let pressure =
        series(
            "system_pressure_ratio{resource=\"cpu\",kind=\"some\"}",
            move |m| if busy(m) && chance(m / 7 + 9_999) < 0.7 { 0.9 } else { 0.1 },
        );
    let (opened, there) = opened(5, 1, "cpu_saturated", Horizon::Day, &[cpu, pressure]);
    assert!(opened <= 1, "opened {opened} times, there for {there} hours");
}

#[test]
fn a_board_that_rests_at_night_is_not_stalled() {
    let works = status("done", |minute| (0..minute).step_by(180).filter(|m| office(*m)).count() as f64);
    let open = status("pending", |_| 4.0);
    assert_eq!(opened(12, 60, "board_stalled", Horizon::Month, &[works, open]).0, 0);
}

#[test]
fn a_slow_board_that_rests_by_chance_is_not_stalled() {
    // About one move on each working day.
    let moves =
        |seed: i64| move |minute: i64| (0..minute).step_by(60).filter(|m| office(*m) && chance(m + seed * 77_777) < 0.11).count() as f64;
    let stalled = |seed: &i64| ids(28 * DAY, 60, &[status("pending", |_| 4.0), status("done", moves(*seed))]) != [""; 0];
    assert_eq!((0..12).filter(stalled).count(), 0);
}

#[test]
fn a_new_tag_is_judged_by_its_own_time() {
    let of = |tag: &str, status: &str, value: Box<dyn Fn(i64) -> Option<f64>>| {
        gapped(&format!("taskmaster_tasks{{project=\"app\",tag={tag:?},status={status:?}}}"), value)
    };
    let since = |begin: i64| move |m: i64| (m >= begin).then_some(3.0);
    let all = [
        of("master", "pending", Box::new(|_| Some(4.0))),
        of("master", "done", Box::new(|m| Some((m / 100) as f64))),
        of("new", "pending", Box::new(since(20 * DAY))),
        of("new", "done", Box::new(since(20 * DAY))),
    ];
    assert_eq!(ids(22 * DAY, 20, &all), [""; 0], "the tag is there for two days, the project for three weeks");
    assert_eq!(ids(24 * DAY, 20, &all), ["board_stalled:app:new"]);
}

/// Tasks of a board of four weeks: three a working day, each with its time and complexity.
fn tasks(of: impl Fn(i64, i64) -> (f64, f64) + Clone + 'static) -> [Series; 2] {
    let at = |minute: i64| {
        let (day, left) = (minute / DAY, minute % DAY);
        (day % 7 < 5 && [600, 780, 960].contains(&left)).then_some((day, left))
    };
    let named = |metric: &str| format!("{metric}{{project=\"app\",tag=\"master\",priority=\"high\"}}");
    let second = of.clone();
    [
        gapped(&named("taskmaster_task_execution_seconds"), move |m| at(m).map(|(day, left)| of(day, left).0)),
        gapped(&named("taskmaster_task_complexity"), move |m| at(m).map(|(day, left)| second(day, left).1)),
    ]
}

/// About normally distributed.
fn noise(seed: i64) -> f64 {
    (0..12).map(|n| chance(seed * 131 + n)).sum::<f64>() - 6.0
}

fn rises(histories: impl Fn(i64) -> Vec<Series>) -> usize {
    (0..25).filter(|seed| ids(28 * DAY, 60, &histories(*seed)) != [""; 0]).count()
}

#[test]
fn durations_that_only_scatter_or_follow_harder_weeks_do_not_rise() {
    let scatter = |seed: i64| {
        let took = move |day: i64, left: i64| (3_600.0 * (0.6 * noise(seed * 100_000 + day * 2_000 + left)).exp(), 5.0);
        let [durations, _] = tasks(took);
        vec![durations]
    };
    let scattered = rises(scatter);
    assert!(scattered <= 1, "{scattered} of 25");
    // The tasks of a day are like those of the day before.
    let hard_days = |seed: i64| {
        let mut hard = vec![0.0];
        (1..28).for_each(|day| hard.push(0.7 * hard[day as usize - 1] + 0.3 * noise(seed * 55_000 + day)));
        let took = move |day: i64, left: i64| (3_600.0 * (hard[day as usize] + 0.4 * noise(seed * 90_000 + day * 2_000 + left)).exp(), 5.0);
        let [durations, _] = tasks(took);
        vec![durations]
    };
    // Two in a hundred are taken for a rise over a thousand such boards; some of those are among these.
    let hard = rises(hard_days);
    assert!(hard <= 3, "{hard} of 25");
}

#[test]
fn tasks_that_only_became_more_complex_do_not_take_longer_than_they_did() {
    for in_proportion in [true, false] {
        let harder = |slower: f64| {
            move |seed: i64| {
                let took = move |day: i64, left: i64| {
                    let score =
                        (if day < 21 { 3.0 } else { 6.0 } + 1.4 * noise(seed * 70_000 + day * 2_000 + left)).round().clamp(1.0, 10.0);
                    let seconds = if in_proportion { 1_200.0 * score } else { 1_500.0 * (0.25 * score).exp() };
                    (seconds * if day < 21 { 1.0 } else { slower } * (0.4 * noise(seed * 80_000 + day * 3_000 + left)).exp(), score)
                };
                tasks(took).into()
            }
        };
        let unchanged = rises(harder(1.0));
        assert!(unchanged <= 1, "in proportion: {in_proportion}, {unchanged} of 25");
        let slower = rises(harder(2.5));
        assert!(slower >= 20, "in proportion: {in_proportion}, found {slower} of 25");
    }
    let took = |day: i64, left: i64| (if day < 21 { 3_000.0 } else { 9_000.0 } * (0.3 * noise(day * 2_000 + left)).exp(), 5.0);
    let [durations, complexity] = tasks(took);
    let why = found(28 * DAY, 60, &[durations, complexity]).remove(0).why;
    assert!(why.contains("What their complexity explains is left out"), "{why}");
    let [durations, _] = tasks(took);
    assert!(found(28 * DAY, 60, &[durations]).remove(0).why.contains("How complex they were is not known"));
}

#[test]
fn memory_that_goes_up_and_down_has_no_date_in_its_first_days_either() {
    let level = |seed: i64| {
        let mut values = vec![0.0_f64];
        (1..5 * 288).for_each(|at| values.push(0.975 * values[at as usize - 1] + 0.22 * noise(seed * 33_000 + at)));
        move |minute: i64| 0.6 + 0.08 * values[(minute / 5) as usize].clamp(-2.0, 2.0)
    };
    for seed in 0..6 {
        let used = series("system_memory_utilization_ratio", level(seed));
        assert_eq!(opened(4, 5, "memory_filling", Horizon::Day, &[used]), (0, 0), "seed {seed}");
    }
    // Full now and then, for the first time.
    let flaps = |m: i64| if m > DAY && chance(m / 13) < 0.5 { 0.97 } else { 0.6 + 0.01 * chance(m) };
    assert_eq!(opened(2, 5, "memory_filling", Horizon::Day, &[series("system_memory_utilization_ratio", flaps)]).0, 0);
}
