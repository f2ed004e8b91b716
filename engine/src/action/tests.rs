//! How runs go from state to state, by tables and at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::span::Span;

const MINUTE: i64 = 60_000;

fn binding(advisor: &str, mode: Mode) -> Binding {
    let guard = Guard { query: "errors".to_owned(), worse: Worse::Higher, limit: Limit::Share(0.1), watch_ms: 10 * MINUTE };
    Binding { advisor: advisor.to_owned(), mode, guard, cooldown_ms: 60 * MINUTE }
}

fn bindings() -> Vec<Binding> {
    vec![binding("disk_filling", Mode::Ask), binding("ci_queued", Mode::Auto { after_ms: 5 * MINUTE })]
}

fn book() -> ActionBook {
    ActionBook::new(bindings(), 10 * MINUTE, None, &[])
}

fn advice(id: &str) -> Advice {
    let text = String::new;
    Advice { id: id.to_owned(), kind: text(), title: text(), why: text(), action: text(), severity: text(), query: text(), created: 0 }
}

fn report(step: Step, code: Option<i32>) -> Report {
    let text = code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
    Report { step, started: 0, ended: 0, exit: Exit { code, text }, output: String::new() }
}

/// Drops what a call gives: the book says how it went.
/// In ms.
const DAY: i64 = 86_400_000;

fn ignore<T>(_: T) {}

/// What happens to a run.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Ends(Step, Option<i32>),
    Measured(Option<f64>),
    Judged(Option<f64>),
    Over(f64),
    NotKept,
    PersonUndoes,
    Restart,
}
use Happens::*;

fn happen(book: &mut ActionBook, id: &str, what: Happens) {
    let read = |value: Option<f64>| value.ok_or_else(|| "it gives no series".to_owned());
    match what {
        Ends(step, code) => ignore(book.ended(id, report(step, code), 1)),
        Measured(value) => ignore(book.measured(id, read(value), 1)),
        Judged(value) => ignore(book.judged(id, read(value), false, 1)),
        Over(value) => ignore(book.judged(id, Ok(value), true, 1)),
        NotKept => ignore(book.not_kept(id, "the disk is full", 1)),
        PersonUndoes => ignore(book.undo(id, 1)),
        Restart => ignore(book.restarted(1)),
    }
}

const DRY: Happens = Ends(Step::DryRun, Some(0));
const RAN: Happens = Ends(Step::Run, Some(0));
const TAKEN_BACK: Happens = Ends(Step::Undo, Some(0));

#[test]
fn a_run_ends_as_the_table_says() {
    let watched = [DRY, Measured(Some(10.0)), RAN];
    let with = |more: &[Happens]| [&watched, more].concat();
    for (happens, state, next, reason) in [
        (vec![], State::Planned, Next::DryRun, ""),
        (vec![DRY], State::Planned, Next::Measure, ""),
        (vec![DRY, Measured(Some(10.0))], State::Running, Next::Run, ""),
        (with(&[]), State::Watching, Next::Watch, ""),
        (with(&[Judged(Some(11.0)), Over(9.0)]), State::Kept, Next::Nothing, ""),
        // Nothing was begun.
        (vec![Ends(Step::DryRun, Some(2))], State::Refused, Next::Nothing, "The dry run ended with code 2"),
        (vec![Ends(Step::DryRun, None)], State::Refused, Next::Nothing, "ended with a signal"),
        (vec![DRY, Measured(None)], State::Refused, Next::Nothing, "cannot be judged: it gives no series"),
        (vec![NotKept], State::Refused, Next::Nothing, "the disk is full"),
        (vec![DRY, Measured(Some(10.0)), NotKept], State::Refused, Next::Nothing, "the disk is full"),
        (vec![DRY, Restart], State::Refused, Next::Nothing, "The service ended in between; the command was not run"),
        // The safe side.
        (vec![DRY, Measured(Some(10.0)), Ends(Step::Run, Some(1))], State::Undoing, Next::Undo, "The command ended with code 1."),
        (with(&[Judged(Some(11.1))]), State::Undoing, Next::Undo, "The guard was 11.1, beyond 11"),
        (with(&[Judged(None)]), State::Undoing, Next::Undo, "The guard cannot be judged: it gives no series."),
        (with(&[Over(12.0)]), State::Undoing, Next::Undo, "beyond 11"),
        (with(&[PersonUndoes]), State::Undoing, Next::Undo, "A person asked for it."),
        (with(&[NotKept]), State::Watching, Next::Watch, ""),
        (with(&[Judged(None), TAKEN_BACK]), State::Undone, Next::Nothing, "cannot be judged"),
        (with(&[Over(10.0), PersonUndoes, TAKEN_BACK]), State::Undone, Next::Nothing, "A person"),
        // After a restart.
        (vec![DRY, Measured(Some(10.0)), Restart], State::Undoing, Next::Undo, "The service ended in between."),
        (with(&[Restart]), State::Undoing, Next::Undo, "The service ended in between."),
        (with(&[Restart, TAKEN_BACK, Restart]), State::Undone, Next::Nothing, "The service ended in between."),
        (with(&[Over(10.0), Restart]), State::Kept, Next::Nothing, ""),
        (with(&[Restart, Restart, Restart]), State::Undoing, Next::Undo, "The service ended in between."),
        (with(&[Restart, Restart, Restart, Restart]), State::Failed, Next::Nothing, "begun 3 times"),
        // A person is needed.
        (with(&[Judged(None), Ends(Step::Undo, Some(1))]), State::Failed, Next::Nothing, "The undo command ended with code 1: see to it"),
        (with(&[Judged(None), Ends(Step::Undo, Some(1)), PersonUndoes, TAKEN_BACK]), State::Undone, Next::Nothing, "A person"),
    ] {
        let mut book = book();
        let id = book.plan("disk_filling", advice("disk_filling:/"), By::Person, 0).unwrap().id.clone();
        happens.iter().for_each(|what| happen(&mut book, &id, *what));
        let run = book.get(&id).unwrap();
        assert_eq!((run.state, run.next()), (state, next), "{happens:?}: {run:?}");
        assert!(run.reason.contains(reason) && run.reason.is_empty() == reason.is_empty(), "{happens:?}: {}", run.reason);
    }
}

#[test]
fn what_the_settings_no_longer_name_is_not_run_and_a_person_is_called() {
    let mut book = book();
    let id = book.plan("disk_filling", advice("disk_filling:/"), By::Person, 0).unwrap().id.clone();
    [DRY, Measured(Some(10.0)), RAN].into_iter().for_each(|what| happen(&mut book, &id, what));
    let kept: Vec<(String, Vec<u8>)> = book.runs().into_iter().map(|run| (id.clone(), run.document().1.unwrap())).collect();
    let mut without = ActionBook::new(Vec::new(), 0, None, &kept);
    without.restarted(1);
    assert_eq!((without.get(&id).unwrap().state, without.next()), (State::Failed, Next::Nothing));
    assert!(without.get(&id).unwrap().reason.contains("name no binding of `disk_filling`"));
    assert!(matches!(without.undo(&id, 2), Err(ActionError::NotBound(_))));
    assert_eq!(without.resolve(&id, 3).unwrap().state, State::Resolved);
    // Off, it stays as it is, for the time when actions are on again.
    let mut off = ActionBook::new(bindings(), 0, Some("a switch"), &kept);
    assert_eq!((off.restarted(1), off.get(&id).unwrap().state, off.next()), (Vec::new(), State::Watching, Next::Nothing));
    assert_eq!(off.undo(&id, 2), Err(ActionError::Off("a switch")));
    assert_eq!(off.plan("disk_filling", advice("disk_filling:/"), By::Person, 2), Err(ActionError::Off("a switch")));
}

#[test]
fn runs_wait_for_each_other_and_for_their_cooldown() {
    let mut book = book();
    let plan =
        |book: &mut ActionBook, advisor: &str, at: i64| book.plan(advisor, advice(advisor), By::Person, at).map(|run| run.id.clone());
    let finish = |book: &mut ActionBook, id: &str, at: i64| {
        book.ended(id, report(Step::DryRun, Some(0)), at);
        book.measured(id, Ok(1.0), at);
        book.ended(id, report(Step::Run, Some(0)), at);
        book.judged(id, Ok(1.0), true, at);
    };
    assert_eq!(plan(&mut book, "cpu_saturated", 0), Err(ActionError::NotBound("cpu_saturated".to_owned())));
    let first = plan(&mut book, "disk_filling", 0).unwrap();
    assert_eq!(plan(&mut book, "ci_queued", 0), Err(ActionError::Busy(first.clone())));
    // What was refused does not count.
    book.ended(&first, report(Step::DryRun, Some(1)), 0);
    let second = plan(&mut book, "disk_filling", 0).unwrap();
    finish(&mut book, &second, 0);
    let cooldown = |ago: i64, of: i64| Err(ActionError::Cooldown { ago: Span::secs(ago * 60), cooldown: Span::secs(of * 60) });
    assert_eq!(plan(&mut book, "ci_queued", 9 * MINUTE), cooldown(9, 10));
    assert_eq!(plan(&mut book, "disk_filling", 59 * MINUTE), cooldown(59, 60));
    assert_eq!(plan(&mut book, "disk_filling", -MINUTE), cooldown(1, 60), "a clock that was set back");
    let bound = book.bindings().next().cloned();
    assert_eq!(bound.and_then(|binding| book.ready_at(&binding, MINUTE)), Some(10 * MINUTE), "the other one");
    assert!(plan(&mut book, "disk_filling", 60 * MINUTE).is_ok());
}

#[test]
fn a_binding_whose_run_needs_a_person_rests_until_somebody_saw_to_it() {
    let mut book = book();
    let id = book.plan("disk_filling", advice("disk_filling:/"), By::Person, 0).unwrap().id.clone();
    [DRY, Measured(Some(1.0)), Ends(Step::Run, None), Ends(Step::Undo, None)].into_iter().for_each(|what| happen(&mut book, &id, what));
    let day = 24 * 60 * MINUTE;
    assert_eq!(book.plan("disk_filling", advice("disk_filling:/"), By::Person, day), Err(ActionError::Unresolved(id.clone())));
    book.resolve(&id, day).unwrap();
    assert!(book.plan("disk_filling", advice("disk_filling:/"), By::Person, day).is_ok());
    let nothing = ActionError::Nothing { id: id.clone(), state: "resolved", verb: "undo" };
    assert_eq!(book.undo(&id, day), Err(nothing));
}

#[test]
fn a_run_that_was_undone_by_itself_calls_a_person_until_that_is_seen_or_a_later_one_is_kept() {
    let undone = |book: &mut ActionBook, at: i64| {
        let id = book.plan("disk_filling", advice("disk_filling"), By::Person, at).unwrap().id.clone();
        book.ended(&id, report(Step::DryRun, Some(0)), at);
        book.measured(&id, Ok(1.0), at);
        book.ended(&id, report(Step::Run, Some(1)), at);
        book.ended(&id, report(Step::Undo, Some(0)), at);
        assert_eq!(book.get(&id).unwrap().state, State::Undone);
        id
    };
    let needs = |book: &ActionBook, id: &str| book.needs_person(book.get(id).unwrap());
    let mut book = ActionBook::new(bindings(), 0, None, &[]);
    let first = undone(&mut book, 0);
    assert!(needs(&book, &first));
    book.resolve(&first, DAY).unwrap();
    assert!(!needs(&book, &first) && book.get(&first).unwrap().state == State::Undone);
    assert!(book.resolve(&first, DAY).is_err());
    let second = undone(&mut book, 10 * DAY);
    let kept = book.plan("disk_filling", advice("disk_filling"), By::Person, 20 * DAY).unwrap().id.clone();
    book.ended(&kept, report(Step::DryRun, Some(0)), 20 * DAY);
    book.measured(&kept, Ok(1.0), 20 * DAY);
    book.ended(&kept, report(Step::Run, Some(0)), 20 * DAY);
    assert!(needs(&book, &second), "it is not known yet whether the next one stays");
    book.judged(&kept, Ok(1.0), true, 21 * DAY);
    assert!(!needs(&book, &second) && !needs(&book, &kept));
    // A person asked for it, and it failed.
    book.undo(&kept, 22 * DAY).unwrap();
    book.ended(&kept, report(Step::Undo, Some(1)), 22 * DAY);
    assert!(needs(&book, &kept));
    book.resolve(&kept, 23 * DAY).unwrap();
    assert!(!needs(&book, &kept) && book.get(&kept).unwrap().state == State::Resolved);
}

#[test]
fn only_a_binding_that_says_so_runs_by_itself_and_once_for_each_recommendation() {
    let mut book = book();
    let open =
        || [("disk_filling", advice("disk_filling:/")), ("cpu_saturated", advice("cpu_saturated")), ("ci_queued", advice("ci_queued:a:b"))];
    assert_eq!(book.due(open(), 5 * MINUTE - 1), None);
    let (advisor, due) = book.due(open(), 5 * MINUTE).unwrap();
    assert_eq!((advisor, due.id.as_str()), ("ci_queued", "ci_queued:a:b"));
    let id = book.plan(advisor, due, By::Service, 5 * MINUTE).unwrap().id.clone();
    assert_eq!(book.due(open(), 6 * MINUTE), None, "one at a time");
    happen(&mut book, &id, Ends(Step::DryRun, Some(1)));
    let later = 24 * 60 * MINUTE;
    assert_eq!(book.due(open(), later), None, "what failed is not tried again without a person");
    let anew = [("ci_queued", Advice { created: later, ..advice("ci_queued:a:b") })];
    assert!(book.due(anew, later + 5 * MINUTE).is_some());
}

#[test]
fn a_guard_trips_on_the_side_that_is_worse_and_on_what_is_no_number() {
    let guard = |worse, limit| Guard { worse, limit, ..binding("a", Mode::Ask).guard };
    for (worse, limit, baseline, value, trips) in [
        (Worse::Higher, Limit::Share(0.1), 10.0, 11.0, false),
        (Worse::Higher, Limit::Share(0.1), 10.0, 11.01, true),
        (Worse::Higher, Limit::Share(0.1), 10.0, 0.0, false),
        (Worse::Higher, Limit::Share(0.1), -10.0, -9.5, false),
        (Worse::Higher, Limit::Share(0.1), 0.0, 0.1, true),
        (Worse::Lower, Limit::Share(0.5), 10.0, 5.0, false),
        (Worse::Lower, Limit::Share(0.5), 10.0, 4.9, true),
        (Worse::Higher, Limit::Amount(2.0), 0.0, 2.0, false),
        (Worse::Higher, Limit::Amount(2.0), 0.0, 2.1, true),
        (Worse::Lower, Limit::Amount(2.0), 0.0, f64::NAN, true),
        (Worse::Higher, Limit::Amount(2.0), f64::NAN, 0.0, true),
    ] {
        assert_eq!(guard(worse, limit).trips(baseline, value), trips, "{worse:?} {limit:?} {baseline} {value}");
    }
}

#[test]
fn the_history_is_bounded() {
    let mut book = ActionBook::new(bindings(), 0, None, &[]);
    for at in 0..MAX_RUNS as i64 + 5 {
        let id = book.plan("disk_filling", advice("disk_filling:/"), By::Person, at).unwrap().id.clone();
        happen(&mut book, &id, Ends(Step::DryRun, Some(1)));
    }
    let ids: Vec<String> = book.runs().iter().rev().take(5).map(|run| run.id.clone()).collect();
    assert_eq!(book.forget_oldest(), ids);
    assert_eq!((book.runs().len(), book.forget_oldest()), (MAX_RUNS, Vec::new()));
}

/// A service that carries runs out and is killed now and then: what it keeps, and what it did.
#[derive(Default)]
struct World {
    kept: BTreeMap<String, Vec<u8>>,
    /// Runs whose command began, and whether its effect is there.
    effects: BTreeMap<String, bool>,
}

impl World {
    fn keep(&mut self, book: &ActionBook) {
        let documents = book.runs().into_iter().map(Run::document);
        self.kept.extend(documents.filter_map(|(id, bytes)| Some((id, bytes?))));
    }

    fn restart(&mut self) -> ActionBook {
        let kept: Vec<(String, Vec<u8>)> = self.kept.clone().into_iter().collect();
        let mut book = ActionBook::new(bindings(), 0, None, &kept);
        book.restarted(0);
        self.keep(&book);
        book
    }

    /// Does what comes next with this luck; false where the service is killed meanwhile.
    fn carry_out(&mut self, book: &mut ActionBook, luck: u8, at: i64) -> bool {
        let Some(id) = book.active().map(|run| run.id.clone()) else { return true };
        let kept: Run = serde_json::from_slice(&self.kept[&id]).unwrap();
        let (killed, code) = (luck.is_multiple_of(5), if luck.is_multiple_of(3) { None } else { Some(0) });
        match book.next() {
            Next::Nothing => {}
            Next::DryRun if !killed => ignore(book.ended(&id, report(Step::DryRun, code), at)),
            Next::Measure if !killed => ignore(book.measured(&id, code.map(|_| 1.0).ok_or_else(String::new), at)),
            Next::Run => {
                assert_eq!(kept.state, State::Running, "kept before it began");
                self.effects.insert(id.clone(), true);
                if !killed {
                    book.ended(&id, report(Step::Run, code), at);
                }
            }
            Next::Watch if !killed => ignore(book.judged(&id, Ok(f64::from(luck % 4)), luck.is_multiple_of(2), at)),
            Next::Undo => {
                assert_eq!(kept.state, State::Undoing, "kept before it began");
                if code.is_some() {
                    self.effects.insert(id.clone(), false);
                }
                if !killed {
                    book.ended(&id, report(Step::Undo, code), at);
                }
            }
            _ => {}
        }
        if !killed {
            self.keep(book);
        }
        !killed
    }
}

proptest! {
    #[test]
    fn never_two_runs_at_once_and_each_that_began_is_kept_or_undone_or_calls_a_person(
        steps in proptest::collection::vec((0_u8..6, any::<u8>()), 0..200)
    ) {
        let (mut world, mut book) = (World::default(), ActionBook::new(bindings(), 0, None, &[]));
        for (at, (what, luck)) in steps.into_iter().enumerate() {
            let at = at as i64;
            match what {
                0 => {
                    let advisor = ["disk_filling", "ci_queued", "other"][usize::from(luck % 3)];
                    if book.plan(advisor, advice(advisor), By::Person, at).is_ok() {
                        world.keep(&book);
                    }
                }
                1 => {
                    let ids: Vec<String> = book.runs().iter().map(|run| run.id.clone()).collect();
                    if let Some(id) = ids.get(usize::from(luck) % ids.len().max(1)) {
                        let _ = book.undo(id, at);
                        world.keep(&book);
                    }
                }
                _ => {
                    if !world.carry_out(&mut book, luck, at) {
                        book = world.restart();
                    }
                }
            }
            prop_assert!(book.runs().iter().filter(|run| run.state.is_active()).count() <= 1);
        }
        for at in 0..10 {
            // With luck alone.
            world.carry_out(&mut book, 22, 1_000 + at);
        }
        prop_assert_eq!(book.next(), Next::Nothing);
        for run in book.runs() {
            let effect = world.effects.get(&run.id).copied();
            match run.state {
                State::Kept => prop_assert_eq!(effect, Some(true)),
                State::Undone => prop_assert_ne!(effect, Some(true)),
                State::Refused => prop_assert_eq!(effect, None),
                State::Failed => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        let began: BTreeSet<&String> = world.effects.keys().collect();
        prop_assert!(began.into_iter().all(|id| book.get(id).is_some()));
    }
}
