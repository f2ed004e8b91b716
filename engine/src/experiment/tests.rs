//! What becomes of experiments on series whose true change is known.

use rustc_hash::FxHashSet;

use super::*;
use crate::effect::{Followed, MAX_DAYS, follow};
use crate::forecast::random::Random;
use crate::model::SeriesId;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const T0: i64 = 1_795_478_400_000;

/// Hours of four weeks on either side of [`T0`] with the rhythm of days and weeks, multiplied by `1 + shift` from then on.
fn generated(random: &mut Random, memory: f64, spread: f64, shift: f64) -> Hours {
    let mut noise = random.normal();
    (T0 / HOUR - 28 * 24..T0 / HOUR + 28 * 24)
        .map(|hour| {
            noise = memory * noise + (1.0 - memory * memory).sqrt() * random.normal();
            let rhythm = (1.0 + 0.4 * (-((((hour % 24) as f64) - 14.0) / 4.0).powi(2)).exp()) * if hour / 24 % 7 >= 5 { 0.6 } else { 1.0 };
            let changed = if hour * HOUR >= T0 { 1.0 + shift } else { 1.0 };
            (hour, 100.0 * rhythm * changed * (spread * noise).exp())
        })
        .collect()
}

fn draft(title: &str, expr: &str, at: TimestampMs) -> Draft {
    Draft { title: title.to_owned(), expr: expr.to_owned(), control: None, better: Better::Lower, at, days: 28, advised: None }
}

/// An experiment at [`T0`], judged so many days later by what came until then.
fn judged_after(days: i64, series: &Hours, better: Better) -> Judgment {
    let mut book = Book::default();
    let experiment = book.add(Draft { better, ..draft("Cache", "x", T0) }, T0).unwrap();
    let now = T0 + days * DAY;
    let known: Hours = series.range(..now / HOUR).map(|(hour, mean)| (*hour, *mean)).collect();
    judge(&experiment, Ok((&known, None)), now)
}

#[test]
fn all_looks_together_claim_no_more_than_one() {
    for (memory, spread) in [(0.0, 0.1), (0.5, 0.2), (0.9, 0.2)] {
        let (random, trials) = (&mut Random::new(17), 200);
        let wrong = (0..trials).filter(|_| {
            let series = generated(random, memory, spread, 0.0);
            (5..=MAX_DAYS).any(|days| {
                let effect = follow(&series, None, T0, T0 + days * DAY, MAX_DAYS).unwrap();
                effect.difference.low > 0.0 || effect.difference.high < 0.0
            })
        });
        let share = wrong.count() as f64 / f64::from(trials);
        assert!(share <= 0.07, "with a memory of {memory}: {share}");
    }
}

#[test]
fn each_state_has_its_series() {
    let random = &mut Random::new(3);
    let (fell, rose) = (generated(random, 0.3, 0.05, -0.3), generated(random, 0.3, 0.05, 0.3));
    let (calm, wild) = (generated(random, 0.3, 0.05, 0.0), generated(random, 0.95, 0.6, 0.0));
    for (series, better, days, state, words) in [
        (&fell, Better::Lower, 2, State::TooEarly, "it can be judged from 2026-11-"),
        (&fell, Better::Lower, 8, State::Verified, "by 3"),
        (&fell, Better::Higher, 8, State::Regressed, "by 3"),
        (&rose, Better::Lower, 8, State::Regressed, "rose from "),
        (&rose, Better::Higher, 8, State::Verified, "rose from "),
        (&calm, Better::Lower, 8, State::Ineffective, "a change by 20 % or more is ruled out"),
        (&wild, Better::Lower, 8, State::Inconclusive, "a change by 20 % is not ruled out"),
    ] {
        let judgment = judged_after(days, series, better);
        assert_eq!(judgment.state, state, "{judgment:?}");
        assert!(judgment.sentence.contains(words), "{}", judgment.sentence);
        assert_eq!(judgment.missing.is_some(), matches!(state, State::TooEarly | State::Inconclusive), "{judgment:?}");
        assert_eq!(judgment.judged_from, Some(T0 + 5 * DAY));
        assert!(!judgment.is_final);
    }
}

#[test]
fn a_result_is_final_when_all_days_and_late_samples_are_in() {
    let series = generated(&mut Random::new(3), 0.3, 0.05, -0.3);
    assert!(!judged_after(28, &series, Better::Lower).is_final);
    assert!(judged_after(29, &series, Better::Lower).is_final);
    let experiment = Book::default().add(draft("", "x", T0), T0).unwrap();
    let failed = |days: i64| judge(&experiment, Err("the disk hangs".to_owned()), T0 + days * DAY);
    assert_eq!((failed(29).state, failed(29).is_final, failed(31).is_final), (State::Unknown, false, true));
}

#[test]
fn what_the_history_before_allows_is_compared() {
    let whole = generated(&mut Random::new(3), 0.3, 0.05, -0.3);
    let since = |days: i64| -> Hours { whole.range(T0 / HOUR - days * 24..).map(|(hour, mean)| (*hour, *mean)).collect() };
    // Nine days before the change: it is compared with its week, however long it runs.
    let effect = follow(&since(9), None, T0, T0 + 25 * DAY, MAX_DAYS).unwrap();
    assert_eq!((effect.before, effect.after), ((T0 - 7 * DAY, T0), (T0, T0 + 7 * DAY)));
    // With five, a whole week is needed after it; with four it can never be judged.
    assert_eq!(Followed::new(&since(5), None, T0, MAX_DAYS).start().unwrap().judged_from, T0 + 7 * DAY);
    let judgment = judged_after(3, &since(4), Better::Lower);
    assert_eq!((judgment.state, judgment.judged_from), (State::Unknown, None));
    assert_eq!(judgment.missing.unwrap(), "the series has samples in 8 of the 14 half days before it that are compared; 10 are needed");
    // A control counts as well.
    let why = Followed::new(&whole, Some(&since(1)), T0, MAX_DAYS).start().unwrap_err().to_string();
    assert!(why.starts_with("the control has samples in 2 of the 14 half days"), "{why}");
}

#[test]
fn a_series_that_vanished_is_unknown_and_says_since_when() {
    let mut series = generated(&mut Random::new(3), 0.3, 0.05, -0.3);
    series.retain(|hour, _| *hour < T0 / HOUR + 4 * 24);
    let judgment = judged_after(9, &series, Better::Lower);
    assert_eq!(judgment.state, State::Unknown);
    assert!(judgment.sentence.ends_with("; the newest sample is from before 2026-11-28 00:00 UTC"), "{}", judgment.sentence);
}

/// A book with experiments on queries, judged ten days after [`T0`] on one series that fell by 30 %.
fn book(of: &[(&str, &str, i64)]) -> (Book, Vec<Experiment>) {
    let (mut book, series) = (Book::default(), generated(&mut Random::new(3), 0.3, 0.05, -0.3));
    let judged = of.iter().map(|(title, expr, at)| {
        let experiment = book.add(draft(title, expr, *at), T0 + 10 * DAY).unwrap();
        let judgment = judge(&experiment, Ok((&series, None)), T0 + 10 * DAY);
        Experiment { judgment, ..experiment }
    });
    let judged = judged.collect();
    (book, judged)
}

fn states(book: &Book) -> Vec<(&str, State)> {
    book.current().iter().map(|experiment| (experiment.title.as_str(), experiment.judgment.state)).collect()
}

#[test]
fn changes_of_one_series_in_each_others_time_are_confounded_until_one_is_removed() {
    let (mut book, judged) = book(&[("cache", "a", T0), ("runners", "sum(a)", T0 + DAY), ("elsewhere", "b", T0)]);
    let sets = [("a", 1), ("sum(a)", 1), ("b", 2)].map(|(expr, id)| (expr.to_owned(), FxHashSet::from_iter([SeriesId(id)])));
    let beside = Beside { series: sets.into_iter().collect(), further: Vec::new() };
    let changed = book.conclude(judged, &beside, T0 + 10 * DAY);
    assert_eq!(states(&book), [("runners", State::Confounded), ("cache", State::Confounded), ("elsewhere", State::Verified)]);
    assert!(changed.iter().all(|(_, is_new)| *is_new) && changed.len() == 3);
    let cache = changed.iter().find(|(experiment, _)| experiment.title == "cache").unwrap().0.clone();
    assert!(cache.judgment.sentence.contains("what else changed: \"runners\" of 2026-11-2"), "{}", cache.judgment.sentence);
    assert_eq!(cache.judgment.others[0].title, "runners");
    // The same once more is no news.
    assert!(book.conclude(Vec::new(), &beside, T0 + 11 * DAY).is_empty());
    let runners = book.current()[0].id.clone();
    book.remove(&runners, T0 + 11 * DAY).unwrap();
    let changed = book.conclude(Vec::new(), &beside, T0 + 12 * DAY);
    assert_eq!(states(&book), [("cache", State::Verified), ("elsewhere", State::Verified)]);
    assert_eq!((changed.len(), changed[0].1, changed[0].0.judgment.since), (1, true, T0 + 12 * DAY));
    book.restore(&runners).unwrap();
    book.conclude(Vec::new(), &beside, T0 + 12 * DAY);
    assert_eq!(states(&book)[1], ("cache", State::Confounded));
}

#[test]
fn one_change_seen_by_two_measures_is_one_and_advice_of_that_moment_is_it() {
    let (mut book, judged) = book(&[("cache", "a", T0), ("cache", "rate(a)", T0), ("", "max(a)", T0)]);
    let set = || FxHashSet::from_iter([SeriesId(1)]);
    let sets = ["a", "rate(a)", "max(a)", "advised"].map(|expr| (expr.to_owned(), set()));
    let advice = |at| OtherChange { kind: "recommendation".to_owned(), id: "slow".to_owned(), title: "Cache the builds".to_owned(), at };
    let mut beside = Beside { series: sets.into_iter().collect(), further: vec![(advice(T0 + 60_000), "advised".to_owned())] };
    book.conclude(judged, &beside, T0 + 10 * DAY);
    assert!(states(&book).iter().all(|(_, state)| *state == State::Verified), "{:?}", states(&book));
    beside.further = vec![(advice(T0 + 2 * DAY), "advised".to_owned())];
    book.conclude(Vec::new(), &beside, T0 + 10 * DAY);
    assert!(states(&book).iter().all(|(_, state)| *state == State::Confounded), "{:?}", states(&book));
}

#[test]
fn what_cannot_be_is_refused_and_the_same_again_is_the_same() {
    let mut book = Book::default();
    for (bad, why) in [
        (draft("", "x", T0 + 1), "`at` is in the future"),
        (draft(&"x".repeat(201), "x", T0), "201 characters"),
        (Draft { days: 4, ..draft("", "x", T0) }, "`days`: 4; use 5 to 28"),
    ] {
        let refused = book.add(bad, T0).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let first = book.add(draft("a", "x", T0), T0).unwrap();
    let again = book.add(Draft { better: Better::Higher, ..draft("a", "x", T0) }, T0 + 5).unwrap();
    assert_eq!((&again.id, again.created_at, again.better, book.current().len()), (&first.id, T0, Better::Higher, 1));
    for number in 1..MAX_EXPERIMENTS {
        book.add(draft(&number.to_string(), "x", T0), T0).unwrap();
    }
    assert_eq!(book.add(draft("more", "x", T0), T0), Err(ExperimentError::TooMany));
    book.remove(&first.id, T0).unwrap();
    assert_eq!(book.remove(&first.id, T0).unwrap_err(), ExperimentError::NotFound(first.id.clone()));
    book.add(draft("more", "x", T0), T0).unwrap();
    assert_eq!(book.restore(&first.id).unwrap_err(), ExperimentError::TooMany);
    assert_eq!(book.forget_removed(T0 + KEEP_REMOVED_MS), Vec::<String>::new());
    assert_eq!(book.forget_removed(T0 + KEEP_REMOVED_MS + 1), std::slice::from_ref(&first.id));
    assert_eq!(book.restore(&first.id).unwrap_err(), ExperimentError::NotFound(first.id));
}

#[test]
fn a_kept_document_gives_the_same_experiment() {
    let (mut book, judged) = book(&[("cache", "a", T0)]);
    book.conclude(judged, &Beside::default(), T0 + 10 * DAY);
    let kept = book.current()[0].clone();
    let (id, bytes) = kept.document();
    let restored = Book::new(&[(id, bytes.unwrap()), ("damaged".to_owned(), b"{".to_vec())]);
    assert_eq!(restored.current(), [&kept]);
}
