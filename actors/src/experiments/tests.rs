//! What the experiments actor promises, over a real store and by a clock of its own.

use taskpulse_engine::experiment::{Better, Draft};
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::StoreOptions;

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, evaluation_limits, on_stage_with};

const HOUR: i64 = 3_600_000;

/// The actor, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<ExperimentsActor>,
    documents: Inbox<ChangeDocuments>,
    events: Inbox<RecordEvents>,
}

fn setup(stage: &Stage, name: &str) -> Setup {
    let store = stage.writer();
    let documents = stage
        .inbox(move |message: &ChangeDocuments| store.change_documents(message.kind, message.changes.clone()).map_err(AppendError::from));
    let events = stage.inbox(|_: &RecordEvents| ());
    let outputs =
        ExperimentOutputs { documents: documents.mailbox(), events: events.mailbox(), verdicts: stage.publishers.verdicts.clone() };
    let (clock, store, current) = (stage.clock.clone(), stage.store.clone(), stage.publishers.experiments.clone());
    let make = move || ExperimentsActor::new(clock.clone(), store.clone(), current.clone(), evaluation_limits(), outputs.clone());
    Setup { actor: stage.start(name, make), documents, events }
}

/// A sample each half hour of a range of hours around noon: 10 before it, 7 after, by a few percent more or less.
fn write(stage: &Stage, hours: std::ops::Range<i64>) {
    let mut batch = Batch::default();
    for half in hours.start * 2..hours.end * 2 {
        let jitter = 1.0 + 0.02 * ((half * 7_919).rem_euclid(13) as f64 - 6.0) / 6.0;
        batch.push(Labels::metric("m", &[]), NOON + half * HOUR / 2 + 60_000, jitter * if half < 0 { 10.0 } else { 7.0 });
    }
    stage.writer().append(&batch, NOON + hours.end * HOUR).unwrap();
    stage.writer().commit().unwrap();
}

fn draft() -> Draft {
    Draft { title: "cache".to_owned(), expr: "m".to_owned(), control: None, better: Better::Lower, at: NOON, days: 28, advised: None }
}

fn on_stage_with_a_week(test: impl AsyncFnOnce(Stage)) {
    let options = StoreOptions { out_of_order_ms: 30 * 86_400_000, ..StoreOptions::default() };
    on_stage_with(options, async |stage| {
        write(&stage, -7 * 24..0);
        test(stage).await;
    });
}

async fn make(s: &Setup) -> view::Experiment {
    s.actor.mailbox().send(ChangeExperiment::Make(draft())).await.unwrap().unwrap().unwrap()
}

#[test]
fn an_experiment_is_judged_each_hour_and_its_result_is_said_once() {
    on_stage_with_a_week(async |stage| {
        let s = setup(&stage, "experiments");
        let made = make(&s).await;
        assert_eq!((made.state, made.judged_from), (view::ExperimentState::TooEarly, Some(view::seconds(NOON + 5 * 24 * HOUR))));
        for hour in 0..5 * 24 + 3 {
            write(&stage, hour..hour + 1);
            stage.pass(EVERY).await;
        }
        let judged = stage.views.experiments()[0].clone();
        assert_eq!(judged.state, view::ExperimentState::Verified, "{judged:?}");
        let ratio = judged.ratio.unwrap();
        assert!(ratio.low < 0.71 && ratio.high > 0.69, "{ratio:?}");
        let events: Vec<Event> = s.events.taken().into_iter().flat_map(|message| message.0).collect();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].kind.as_str(), events[0].source.as_str()), ("experiment_verified", "advice"));
        assert!(events[0].title.starts_with("Did it help? cache: M fell from 10"), "{}", events[0].title);
        // What is kept is what is shown.
        stage.publishers.experiments.send_replace(Arc::default());
        let _after = setup(&stage, "after");
        stage.settle().await;
        assert_eq!(stage.views.experiments()[0], judged);
    });
}

#[test]
fn a_change_that_cannot_be_kept_is_not_made() {
    on_stage_with_a_week(async |stage| {
        let s = setup(&stage, "experiments");
        s.documents.answer_with(|_| Err(AppendError::DiskHangs));
        let failed = s.actor.mailbox().send(ChangeExperiment::Make(draft())).await.unwrap();
        assert!(failed.is_err() && stage.views.experiments().is_empty());
        s.documents.answer_again();
        let store = stage.writer();
        s.documents.answer_with(move |message| store.change_documents(message.kind, message.changes.clone()).map_err(AppendError::from));
        let id = make(&s).await.id;
        s.documents.answer_with(|_| Err(AppendError::DiskHangs));
        assert!(s.actor.mailbox().send(ChangeExperiment::Remove(id.clone())).await.unwrap().is_err());
        assert_eq!(stage.views.experiments()[0].id, id);
    });
}

#[test]
fn a_removed_experiment_comes_back_with_its_result() {
    on_stage_with_a_week(async |stage| {
        let s = setup(&stage, "experiments");
        let made = make(&s).await;
        s.actor.mailbox().send(ChangeExperiment::Remove(made.id.clone())).await.unwrap().unwrap().unwrap();
        assert!(stage.views.experiments().is_empty());
        let _after = setup(&stage, "after");
        stage.settle().await;
        assert!(stage.views.experiments().is_empty(), "removed, also after a restart");
        let back = s.actor.mailbox().send(ChangeExperiment::Restore(made.id.clone())).await.unwrap().unwrap().unwrap();
        assert_eq!((back.id, back.state), (made.id, made.state));
    });
}
