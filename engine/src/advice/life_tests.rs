//! The life of recommendations: what evidence, people and experiments make of them.

use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::experiment::{Better, State};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const T0: TimestampMs = 1_795_478_400_000;
/// Its effect is measured, and the first of its figures is a ratio that is worse the larger it is.
const SLOWER: &str = "ci_slower:octo/site:CI";
/// Its effect is not measured, and it goes with its evidence; the less of the second figure the worse.
const DOWN: &str = "probe_down:web";

pub(super) fn finding(id: &str, figure: f64) -> Finding {
    Finding {
        id: id.to_owned(),
        topic: Topic::Ci,
        title: "t".to_owned(),
        why: String::new(),
        action: String::new(),
        severity: Severity::Notice,
        evidence: vec![Evidence::counted("first", figure, "ratio"), Evidence::counted("second", figure, "ratio")],
        query: "m{repo=\"octo/site\",workflow=\"CI\"}".to_owned(),
        start: 0,
        end: 1,
        lasts_ms: 0,
    }
}

fn one(tracker: &RecommendationTracker, id: &str) -> Recommendation {
    tracker.all.get(id).cloned().unwrap()
}

fn found(tracker: &mut RecommendationTracker, id: &str, figure: f64, now: TimestampMs) -> Status {
    tracker.update(vec![finding(id, figure)], now);
    one(tracker, id).status
}

fn verdict(state: State, is_final: bool) -> Verdict {
    Verdict {
        state,
        since: T0,
        sentence: format!("it is {}", state.name()),
        judged_from: None,
        missing: None,
        is_final,
        means: Some((2.0, 1.0)),
        ratio: None,
        difference: None,
    }
}

fn baseline(at: TimestampMs) -> Baseline {
    let measure = Measure { query: "frozen".to_owned(), better: Better::Lower, control: None };
    Baseline { at, measure, before: [(1, 2.0)].into(), control_before: crate::effect::Hours::new() }
}

/// Does what is due, as the actor would; returns the ids of experiments that were made and of those that ended.
fn settle(tracker: &mut RecommendationTracker) -> (Vec<String>, Vec<String>) {
    let (mut made, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        for (id, due) in tracker.due() {
            match due {
                Due::Freeze(_, at) => drop(tracker.froze(&id, baseline(at))),
                Due::Follow(draft) => {
                    made.push(draft.id());
                    tracker.follows(&id, &draft, Ok(draft.id()));
                }
                Due::End(experiment) => {
                    tracker.ended(&id, &experiment);
                    ended.push(experiment);
                }
            }
        }
    }
    assert!(tracker.due().is_empty());
    (made, ended)
}

#[test]
fn a_recommendation_lives_until_its_evidence_is_gone() {
    let mut tracker = RecommendationTracker::default();
    assert_eq!(tracker.update(vec![finding("x", 1.0)], 1)[0].status, Status::Open);
    assert!(tracker.update(vec![finding("x", 1.01)], 2).is_empty());
    assert_eq!(tracker.decide("x", &Decision::Accept, 3).unwrap().status, Status::Accepted);
    let changed = tracker.update(vec![finding("x", 2.0)], 4);
    assert_eq!((changed[0].status, changed[0].created, changed[0].updated, changed[0].life.since), (Status::Accepted, 1, 4, 3));
    assert_eq!(tracker.update(vec![], 5)[0].status, Status::Withdrawn);
    assert!(tracker.current().is_empty());
    assert_eq!(tracker.decide("x", &Decision::Accept, 6), Err(DecideError::NotFound("x".to_owned())));
    let again = tracker.update(vec![finding("x", 1.0)], 7)[0].clone();
    assert_eq!((again.created, again.status, again.life.accepted_at), (7, Status::Open, None));
}

#[test]
fn what_was_dismissed_is_raised_again_only_once_it_is_worse_by_half() {
    for (id, then, same, worse) in [(SLOWER, 1.4, 2.0, 2.2), (DOWN, 0.9, 0.7, 0.6), ("of_no_advisor", 1.0, 9.0, f64::NAN)] {
        let mut tracker = RecommendationTracker::default();
        found(&mut tracker, id, then, T0);
        tracker.decide(id, &Decision::Dismiss(" it is meant to be so ".to_owned()), T0 + 1).unwrap();
        assert_eq!(found(&mut tracker, id, same, T0 + 2), Status::Dismissed, "{id}");
        // Gone, and the same again months later: nobody wants to know.
        assert_eq!(
            tracker.update(vec![], T0 + 3).iter().map(|one| (one.status, one.life.since)).collect::<Vec<_>>(),
            [(Status::Withdrawn, T0 + 1)]
        );
        assert_eq!(found(&mut tracker, id, same, T0 + 90 * DAY), Status::Dismissed, "{id}");
        if worse.is_nan() {
            continue;
        }
        assert_eq!(found(&mut tracker, id, worse, T0 + 91 * DAY), Status::Open, "{id}");
        let raised = one(&tracker, id);
        assert_eq!((raised.created, raised.life.dismissed), (T0 + 91 * DAY, None));
        let attempt = &raised.life.attempts[0];
        assert_eq!((attempt.outcome, attempt.at, attempt.sentence.as_str()), (Outcome::Dismissed, T0 + 1, "it is meant to be so"));
    }
}

#[test]
fn a_dismissal_can_be_undone_even_when_nothing_is_left_to_see() {
    let mut tracker = RecommendationTracker::default();
    found(&mut tracker, SLOWER, 1.4, T0);
    tracker.decide(SLOWER, &Decision::Dismiss(String::new()), T0 + 1).unwrap();
    tracker.update(vec![], T0 + 2);
    assert_eq!(tracker.decide(SLOWER, &Decision::Undo, T0 + 3).unwrap().status, Status::Withdrawn);
    assert_eq!(found(&mut tracker, SLOWER, 1.4, T0 + 4), Status::Open);
}

#[test]
fn each_decision_can_be_undone_step_by_step() {
    use Decision::{Accept, Applied, Reopen, Undo};
    let dismiss = || Decision::Dismiss("no".to_owned());
    for (decisions, expected) in [
        (vec![Accept, Undo], Status::Open),
        (vec![Accept, Applied(None), Undo], Status::Accepted),
        (vec![Accept, Applied(None), Undo, Undo], Status::Open),
        (vec![Applied(None), Undo], Status::Open),
        (vec![Accept, dismiss(), Undo], Status::Accepted),
        (vec![dismiss(), Undo], Status::Open),
        (vec![Accept, Applied(None), Reopen], Status::Open),
        (vec![Applied(None), Accept], Status::Accepted),
        (vec![dismiss(), Applied(None)], Status::Applied),
    ] {
        let mut tracker = RecommendationTracker::default();
        found(&mut tracker, SLOWER, 1.4, T0);
        let (mut made, mut ended) = (Vec::new(), Vec::new());
        for (step, decision) in decisions.iter().enumerate() {
            tracker.decide(SLOWER, decision, T0 + step as i64 + 1).unwrap();
            let (more, gone) = settle(&mut tracker);
            made.extend(more);
            ended.extend(gone);
        }
        let left = one(&tracker, SLOWER);
        assert_eq!(left.status, expected, "{decisions:?}");
        assert_eq!(left.life.experiment.is_some(), expected == Status::Applied, "{decisions:?}");
        made.retain(|experiment| left.life.experiment.as_ref() != Some(experiment));
        assert_eq!(made, ended, "{decisions:?}");
        assert_eq!(left.life.baseline.is_some(), expected != Status::Open, "{decisions:?}");
        if expected == Status::Open {
            assert!(matches!(tracker.decide(SLOWER, &Undo, T0 + 99), Err(DecideError::Invalid(_))));
        }
    }
}

#[test]
fn what_cannot_be_decided_is_refused() {
    let mut tracker = RecommendationTracker::default();
    found(&mut tracker, SLOWER, 1.4, T0);
    for (decision, text) in [
        (Decision::Dismiss("x".repeat(501)), "`reason`: 501 characters"),
        (Decision::Applied(Some(T0 + 2)), "`at` is in the future"),
        (Decision::Applied(Some(T0 - 40 * DAY)), "`at` is more than 28 days ago"),
        (Decision::Undo, "there is nothing to undo"),
    ] {
        let refused = tracker.decide(SLOWER, &decision, T0 + 1).unwrap_err().to_string();
        assert!(refused.contains(text), "{refused}");
    }
    assert_eq!(one(&tracker, SLOWER).status, Status::Open);
}

#[test]
fn the_baseline_is_frozen_when_advice_is_accepted_and_the_experiment_goes_by_it() {
    let mut tracker = RecommendationTracker::default();
    found(&mut tracker, SLOWER, 1.4, T0);
    tracker.decide(SLOWER, &Decision::Accept, T0 + DAY).unwrap();
    let Some((_, Due::Freeze(measure, at))) = tracker.due().pop() else { panic!("{:?}", tracker.due()) };
    assert_eq!((at, measure.better), (T0 + DAY, Better::Lower));
    assert!(tracker.froze(SLOWER, baseline(at + 1)).is_none(), "that of another moment");
    tracker.froze(SLOWER, baseline(at)).unwrap();
    assert!(tracker.due().is_empty());
    tracker.decide(SLOWER, &Decision::Applied(None), T0 + 3 * DAY).unwrap();
    let Some((_, Due::Follow(draft))) = tracker.due().pop() else { panic!("{:?}", tracker.due()) };
    assert_eq!((draft.expr.as_str(), draft.at, draft.title.as_str()), ("frozen", T0 + 3 * DAY, "t"));
    assert_eq!(draft.advised.as_ref().unwrap().before, [(1, 2.0)].into());
    // It was undone while the experiment was made: that is removed again.
    tracker.decide(SLOWER, &Decision::Undo, T0 + 4 * DAY).unwrap();
    tracker.follows(SLOWER, &draft, Ok("e".to_owned()));
    assert_eq!(tracker.due(), [(SLOWER.to_owned(), Due::End("e".to_owned()))]);
    // There is no room for one.
    tracker.ended(SLOWER, "e");
    tracker.decide(SLOWER, &Decision::Applied(None), T0 + 5 * DAY).unwrap();
    let Some((_, Due::Follow(draft))) = tracker.due().pop() else { panic!("{:?}", tracker.due()) };
    let refused = tracker.follows(SLOWER, &draft, Err("there are 100 experiments".to_owned())).unwrap();
    assert_eq!((refused.no_verdict(), tracker.due().len()), (Some("there are 100 experiments"), 0));
}

#[test]
fn advice_that_was_applied_waits_for_its_verdict_though_its_cause_is_gone() {
    for (state, again) in [(State::Verified, true), (State::Ineffective, false), (State::Confounded, true)] {
        let mut tracker = RecommendationTracker::default();
        found(&mut tracker, SLOWER, 1.4, T0);
        tracker.decide(SLOWER, &Decision::Applied(None), T0 + 1).unwrap();
        let experiment = settle(&mut tracker).0.remove(0);
        let gone = tracker.update(vec![], T0 + DAY)[0].clone();
        assert_eq!((gone.status, gone.life.gone_at), (Status::Applied, Some(T0 + DAY)));
        assert!(tracker.update(vec![], T0 + 2 * DAY).is_empty());
        let of = |state, is_final| [(experiment.clone(), verdict(state, is_final))].into();
        let judged = tracker.judged(&of(State::TooEarly, false), T0 + 3 * DAY);
        assert_eq!((judged.len(), judged[0].life.since), (1, T0 + 1), "a verdict is news of its experiment");
        assert!(tracker.judged(&of(State::TooEarly, false), T0 + 4 * DAY).is_empty());
        tracker.judged(&of(state, true), T0 + 29 * DAY);
        let over = tracker.update(vec![], T0 + 29 * DAY)[0].clone();
        assert_eq!((over.status, over.life.verdict.unwrap().state), (Status::Withdrawn, state));
        if again {
            found(&mut tracker, SLOWER, 1.4, T0 + 40 * DAY);
            let back = one(&tracker, SLOWER);
            assert_eq!((back.status, back.life.applied_at), (Status::Open, None));
            let attempt = &back.life.attempts[0];
            assert_eq!((attempt.at, attempt.outcome, &attempt.experiment), (T0 + 1, Outcome::Judged(state), &Some(experiment.clone())));
            assert_eq!(back.applications(), [T0 + 1]);
        }
    }
}

#[test]
fn advice_that_was_carried_out_in_vain_is_open_again_with_what_was_tried() {
    let mut tracker = RecommendationTracker::default();
    found(&mut tracker, SLOWER, 1.4, T0);
    tracker.decide(SLOWER, &Decision::Applied(None), T0 + 1).unwrap();
    let experiment = settle(&mut tracker).0.remove(0);
    tracker.judged(&[(experiment, verdict(State::Ineffective, false))].into(), T0 + 7 * DAY);
    assert_eq!(found(&mut tracker, SLOWER, 1.4, T0 + 7 * DAY), Status::Applied, "it is not final");
    // Tried once more before that: the first attempt is kept.
    tracker.decide(SLOWER, &Decision::Applied(None), T0 + 8 * DAY).unwrap();
    let second = settle(&mut tracker).0.remove(0);
    let tried = one(&tracker, SLOWER);
    assert_eq!((tried.life.attempts[0].outcome, tried.life.applied_at), (Outcome::Judged(State::Ineffective), Some(T0 + 8 * DAY)));
    tracker.judged(&[(second, verdict(State::Regressed, true))].into(), T0 + 37 * DAY);
    assert_eq!(found(&mut tracker, SLOWER, 1.4, T0 + 37 * DAY), Status::Open);
    let outcomes: Vec<Outcome> = one(&tracker, SLOWER).life.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Judged(State::Ineffective), Outcome::Judged(State::Regressed)]);
}

#[test]
fn what_cannot_be_measured_says_so_and_what_became_of_its_cause() {
    let mut tracker = RecommendationTracker::default();
    found(&mut tracker, DOWN, 0.5, T0);
    tracker.decide(DOWN, &Decision::Applied(None), T0).unwrap();
    assert!(tracker.due().is_empty());
    assert!(one(&tracker, DOWN).no_verdict().unwrap().contains("seen at once"));
    let gone = tracker.update(vec![], T0 + 3 * 60 * MINUTE)[0].clone();
    let attempt = &gone.life.attempts[0];
    assert_eq!((gone.status, attempt.outcome), (Status::Withdrawn, Outcome::Unmeasured));
    assert!(attempt.sentence.starts_with("Its cause was gone 3 h after it was applied"), "{}", attempt.sentence);
    found(&mut tracker, DOWN, 0.5, T0 + DAY);
    tracker.decide(DOWN, &Decision::Applied(None), T0 + DAY).unwrap();
    assert_eq!(found(&mut tracker, DOWN, 0.5, T0 + 7 * DAY), Status::Applied);
    assert_eq!(found(&mut tracker, DOWN, 0.5, T0 + 8 * DAY), Status::Open);
    assert!(one(&tracker, DOWN).life.attempts[1].sentence.starts_with("Its cause was still there 7 d"));
}

#[test]
fn what_looks_as_if_it_was_done_is_offered_and_never_assumed() {
    let event = |source: &str, kind: &str, subject: &str, data| Event::new(T0 + 5, source, kind, subject, "x").with_data(data);
    let task = |to: &str, title: &str| {
        event("taskmaster", "task_status", "7", serde_json::json!({"project": "app", "tag": "master", "to": to, "title": title}))
    };
    let run = |workflow: &str, title: &str| {
        let data =
            serde_json::json!({"repo": "octo/site", "workflow": workflow, "workflow_path": ".github/workflows/ci.yml", "title": title});
        event("github", "run_started", "1", data)
    };
    let mut tracker = RecommendationTracker::default();
    for (id, event, seems) in [
        ("task_cost:app:master:7", task("done", "Split it"), true),
        ("task_cost:app:master:7", task("in-progress", "Split it"), false),
        ("task_cost:app:master:77", task("done", "Split it"), false),
        (SLOWER, task("done", "See to ci_slower:octo/site:CI"), true),
        (SLOWER, run("CI", "Cache the toolchain in ci.yml"), true),
        (SLOWER, run("Release", "Cache the toolchain in ci.yml"), false),
        (SLOWER, run("CI", "Fix a typo"), false),
    ] {
        tracker.update(vec![finding(id, 1.0)], T0);
        let mut advice = Recommendation { kind: "ci".to_owned(), ..one(&tracker, id) };
        assert_eq!(seems_applied(&advice, &event).is_some(), seems, "{id} {event:?}");
        advice.created = T0 + 6;
        assert_eq!(seems_applied(&advice, &event), None, "before it was given");
    }
    let seen = SeemsApplied { at: T0 + 5, what: "a commit".to_owned() };
    let changed = tracker.seem_applied(vec![(SLOWER.to_owned(), seen.clone())], T0 + 9);
    assert_eq!((changed[0].status, &changed[0].life.seems_applied), (Status::Open, &Some(seen)));
}

#[test]
fn documents_of_an_earlier_version_are_read() {
    let old = r#"{"id":"ci_slower:a:b","kind":"ci","title":"t","why":"","action":"a","severity":"notice","status":"STATUS","created":1,
        "updated":5,"evidence":[{"name":"n","value":1.4,"low":null,"high":null,"unit":"ratio"}],"query":"m","start":0,"end":1}"#;
    for (status, dismissed, applied) in [("open", None, None), ("dismissed", Some(Some(1.4)), None), ("applied", None, Some(5))] {
        let read: Recommendation = serde_json::from_str(&old.replace("STATUS", status)).unwrap();
        let tracker = RecommendationTracker::new([(read.id.clone(), read)].into(), 9);
        let read = one(&tracker, "ci_slower:a:b");
        assert_eq!(read.life.dismissed.as_ref().map(|dismissed| dismissed.figure), dismissed, "{status}");
        assert_eq!(read.life.applied_at, applied, "{status}");
        assert_eq!(read.priority(), 2);
        assert!(read.counsel().is_some());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Found(f64),
    Gone,
    Decide(u8),
    Settle,
    Judge(bool),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0.1_f64..9.0).prop_map(Step::Found),
        1 => Just(Step::Gone),
        3 => (0_u8..5).prop_map(Step::Decide),
        2 => Just(Step::Settle),
        1 => any::<bool>().prop_map(Step::Judge),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..60)
}

fn decision(number: u8) -> Decision {
    match number {
        0 => Decision::Accept,
        1 => Decision::Dismiss("no".to_owned()),
        2 => Decision::Applied(None),
        3 => Decision::Reopen,
        _ => Decision::Undo,
    }
}

proptest! {
    /// Whatever happens, an experiment is never left behind, an attempt never lost but for the oldest, and what is kept gives the same again.
    #[test]
    fn no_experiment_is_left_behind_and_no_attempt_lost(steps in steps()) {
        let mut tracker = RecommendationTracker::default();
        let (mut running, mut attempts, mut now) = (BTreeSet::new(), 0, T0);
        for step in steps {
            now += DAY;
            match step {
                Step::Found(figure) => drop(tracker.update(vec![finding(SLOWER, figure)], now)),
                Step::Gone => drop(tracker.update(Vec::new(), now)),
                Step::Decide(number) => drop(tracker.decide(SLOWER, &decision(number), now)),
                Step::Settle => {}
                Step::Judge(is_final) => {
                    let said = running.iter().map(|id: &String| (id.clone(), verdict(State::Ineffective, is_final))).collect();
                    tracker.judged(&said, now);
                }
                Step::Restart => {
                    let kept = serde_json::to_vec(&tracker.all).unwrap();
                    let read: std::collections::BTreeMap<String, Recommendation> = serde_json::from_slice(&kept).unwrap();
                    prop_assert_eq!(&read, &tracker.all);
                    tracker = RecommendationTracker::new(read, now);
                }
            }
            let (made, ended) = settle(&mut tracker);
            running.extend(made);
            ended.iter().for_each(|id| { running.remove(id); });
            let Some(one) = tracker.all.get(SLOWER) else { continue };
            let known: Vec<&String> = one.life.attempts.iter().filter_map(|attempt| attempt.experiment.as_ref()).chain(&one.life.experiment).collect();
            prop_assert!(running.iter().all(|id| known.contains(&id)) || one.life.attempts.len() == 20);
            prop_assert!(one.life.attempts.len() >= attempts);
            attempts = one.life.attempts.len();
            prop_assert_eq!(one.status == Status::Applied, one.life.applied_at.is_some() && one.status != Status::Withdrawn);
            prop_assert!(one.status != Status::Applied || one.life.experiment.is_some());
            prop_assert!(one.status != Status::Dismissed || one.life.dismissed.is_some());
        }
    }
}
