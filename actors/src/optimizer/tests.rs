//! What the optimizer promises, over a real store and by a clock of its own.

use taskpulse_engine::advice::Decision;
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::StoreOptions;

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, evaluation_limits, on_stage, on_stage_with};

const EVERY: Duration = Duration::from_secs(60);

/// The actor, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<OptimizerActor>,
    documents: Inbox<ChangeDocuments>,
    events: Inbox<RecordEvents>,
    append: Inbox<Append>,
    hub: Inbox<Publish>,
    experiments: Inbox<ChangeExperiment>,
}

fn setup(stage: &Stage, name: &str, every: Option<Duration>) -> Setup {
    let store = stage.writer();
    let documents = stage
        .inbox(move |message: &ChangeDocuments| store.change_documents(message.kind, message.changes.clone()).map_err(AppendError::from));
    let (events, hub) = (stage.inbox(|_: &RecordEvents| ()), stage.inbox(|_: &Publish| ()));
    let (writer, at) = (stage.writer(), stage.clock.clone());
    let append = stage.inbox(move |message: &Append| Ok(Arc::new(writer.append(&message.0, at.now_ms())?)));
    let experiments = stage.inbox(|_: &ChangeExperiment| Err(AppendError::Restarted));
    let outputs = OptimizerOutputs {
        documents: documents.mailbox(),
        events: events.mailbox(),
        append: append.mailbox(),
        hub: hub.mailbox(),
        undated: stage.publishers.undated.clone(),
        capacity: stage.publishers.capacity.clone(),
        budgets: stage.publishers.budgets.clone(),
        money: Arc::default(),
        agents: Agents::default(),
        work: stage.publishers.work.subscribe(),
        experiments: experiments.mailbox(),
        verdicts: stage.publishers.verdicts.subscribe(),
        limits: evaluation_limits(),
    };
    let (clock, store, current) = (stage.clock.clone(), stage.store.clone(), stage.publishers.recommendations.clone());
    let make = move || OptimizerActor::new(clock.clone(), store.clone(), current.clone(), every, outputs.clone());
    Setup { actor: stage.start(name, make), documents, events, append, hub, experiments }
}

/// A day of a file system that grows by a tenth of its size.
fn on_stage_with_a_filling_disk(test: impl AsyncFnOnce(Stage)) {
    let options = StoreOptions { out_of_order_ms: 2 * 86_400_000, ..StoreOptions::default() };
    on_stage_with(options, async |stage| {
        let labels = Labels::metric("system_filesystem_utilization_ratio", &[("mountpoint", "/srv")]);
        let mut batch = Batch::default();
        for minute in 0..1_430 {
            let jitter = f64::from(minute % 7) * 1e-4;
            batch.push(labels.clone(), NOON + (i64::from(minute) - 1_440) * 60_000, 0.7 + f64::from(minute) / 14_400.0 + jitter);
        }
        stage.writer().append(&batch, NOON).unwrap();
        stage.writer().commit().unwrap();
        test(stage).await;
    });
}

/// Timers and assessments together: each assessment is two pieces of work.
fn work(stage: &Stage) -> u64 {
    stage.status("optimizer").handled
}

#[test]
fn the_first_assessment_comes_after_five_seconds_and_is_kept_told_and_shown() {
    on_stage_with_a_filling_disk(async |stage| {
        let s = setup(&stage, "optimizer", Some(EVERY));
        let kept = s.documents.next().await;
        assert_eq!(stage.seconds(), 5.0);
        assert_eq!((kept.kind, kept.changes[0].0.as_str()), (KIND, "disk_filling:/srv"));
        assert_eq!(stage.views.recommendations()[0].id, "disk_filling:/srv");
        let Publish::Recommendations(published) = s.hub.next().await else { panic!("other news") };
        assert_eq!(published.len(), 1);
        assert_eq!(s.events.next().await.0[0].kind, "recommendation_open");
        let times = s.append.next().await;
        let (series, sample) = times.0.rows().next().unwrap();
        assert_eq!(series.to_string(), "system_filesystem_time_to_full_seconds{mountpoint=\"/srv\"}");
        assert!(sample.v > 86_400.0 && sample.v < 5.0 * 86_400.0, "{sample:?}");
    });
}

#[test]
fn further_assessments_come_each_interval_and_say_nothing_that_is_not_new() {
    on_stage_with_a_filling_disk(async |stage| {
        let s = setup(&stage, "optimizer", Some(EVERY));
        for (passed, expected) in [(6, 2), (53, 2), (2, 4), (60, 6)] {
            stage.pass(Duration::from_secs(passed)).await;
            assert_eq!(work(&stage), expected, "after {} s", stage.seconds());
        }
        assert_eq!((s.documents.taken().len(), s.hub.taken().len()), (1, 1));
    });
}

#[test]
fn what_an_import_brings_is_assessed_within_minutes() {
    let options = StoreOptions { out_of_order_ms: 40 * 86_400_000, ..StoreOptions::default() };
    on_stage_with(options, async |stage| {
        let s = setup(&stage, "optimizer", Some(EVERY));
        stage.pass(Duration::from_secs(65)).await;
        assert_eq!(stage.views.recommendations().len(), 0);
        // A target that has been slow for seven of 28 days.
        let labels = Labels::metric("probe_duration_seconds", &[("target", "shop")]);
        let mut batch = Batch::default();
        for number in 0..28 * 24 * 20_i64 {
            let slow = number >= 21 * 24 * 20;
            let jitter = 0.9 + ((number * 7_919) % 101) as f64 / 505.0;
            batch.push(labels.clone(), NOON + number * 180_000 - 28 * 86_400_000, if slow { 0.3 } else { 0.12 } * jitter);
        }
        stage.writer().append(&batch, NOON).unwrap();
        stage.writer().commit().unwrap();
        stage.pass(Duration::from_secs(240)).await;
        let found: Vec<String> = stage.views.recommendations().iter().map(|one| one.id.clone()).collect();
        assert_eq!(found, ["latency_shifted:shop"]);
        drop(s);
    });
}

#[test]
fn two_assessments_never_run_at_once() {
    on_stage(async |stage| {
        let _s = setup(&stage, "optimizer", Some(EVERY));
        stage.settle().await;
        let disk = stage.hold_pool().await;
        stage.jump(Duration::from_secs(5)).await;
        assert_eq!(work(&stage), 2, "the timer, and an assessment that waits for the disk");
        stage.jump(EVERY).await;
        assert_eq!(work(&stage), 3, "the timer alone");
        drop(disk);
        stage.pass(EVERY).await;
        assert_eq!(work(&stage), 5, "the next one comes with the next interval");
    });
}

#[test]
fn without_an_interval_it_gives_no_advice_but_keeps_what_there_is() {
    on_stage_with_a_filling_disk(async |stage| {
        let before = setup(&stage, "optimizer", Some(EVERY));
        before.documents.next().await;
        stage.publishers.recommendations.send_replace(Arc::default());
        let after = setup(&stage, "off", None);
        stage.pass(EVERY * 2).await;
        assert_eq!(stage.status("off").handled, 0);
        assert_eq!(stage.views.recommendations().len(), 1);
        let id = "disk_filling:/srv".to_owned();
        assert!(after.actor.mailbox().send(Decide { id, decision: Decision::Dismiss(String::new()) }).await.unwrap().unwrap().is_ok());
    });
}

#[test]
fn a_decision_is_answered_when_it_is_durable_and_outlives_a_restart() {
    on_stage_with_a_filling_disk(async |stage| {
        let s = setup(&stage, "optimizer", Some(EVERY));
        s.documents.next().await;
        s.documents.stop_answering();
        let id = "disk_filling:/srv".to_owned();
        let (mailbox, decide) = (s.actor.mailbox(), Decide { id, decision: Decision::Accept });
        let decided = actix_rt::spawn(async move { mailbox.send(decide).await.unwrap() });
        stage.pass(Duration::from_secs(10)).await;
        assert!(!decided.is_finished());
        s.documents.answer_again();
        assert_eq!(decided.await.unwrap().unwrap().unwrap().status, view::RecommendationStatus::Accepted);
        let unknown = s.actor.mailbox().send(Decide { id: "none".to_owned(), decision: Decision::Accept }).await.unwrap();
        assert!(unknown.unwrap().is_err());
        let _after = setup(&stage, "after", None);
        stage.settle().await;
        assert_eq!(stage.views.recommendations()[0].status, view::RecommendationStatus::Accepted);
        s.documents.answer_with(|_| Err(AppendError::DiskHangs));
        let failed = s
            .actor
            .mailbox()
            .send(Decide { id: "disk_filling:/srv".to_owned(), decision: Decision::Dismiss(String::new()) })
            .await
            .unwrap();
        assert_eq!(failed.unwrap_err().to_string(), AppendError::DiskHangs.to_string());
    });
}

#[test]
fn what_was_applied_is_followed_by_an_experiment_and_that_is_tried_again_where_it_fails() {
    on_stage_with_a_filling_disk(async |stage| {
        let s = setup(&stage, "optimizer", Some(EVERY));
        s.documents.next().await;
        let id = "disk_filling:/srv".to_owned();
        let decided = s.actor.mailbox().send(Decide { id: id.clone(), decision: Decision::Applied(None) }).await.unwrap().unwrap().unwrap();
        assert_eq!(
            (decided.status, decided.verdict_missing.as_deref()),
            (view::RecommendationStatus::Applied, Some("the comparison begins"))
        );
        let mut drafts = Vec::new();
        for _ in 0..2 {
            let ChangeExperiment::Make(draft) = s.experiments.next().await else { panic!("nothing is to be removed") };
            let advised = draft.advised.clone().unwrap();
            assert_eq!((advised.recommendation, advised.before.len() >= 23), (id.clone(), true));
            drafts.push((draft.id(), stage.seconds()));
        }
        assert_eq!(drafts[0].0, drafts[1].0);
        assert!(drafts[1].1 - drafts[0].1 >= 60.0, "{drafts:?}");
        // What it says is taken over, and what is undone ends it.
        s.experiments.answer_with(|message| match message {
            ChangeExperiment::Make(_) => Err(AppendError::Restarted),
            _ => Ok(Err(taskpulse_engine::experiment::ExperimentError::NotFound(String::new()))),
        });
        let undone = s.actor.mailbox().send(Decide { id, decision: Decision::Undo }).await.unwrap().unwrap().unwrap();
        assert_eq!((undone.status, undone.applied_at), (view::RecommendationStatus::Open, None));
        stage.pass(EVERY).await;
        assert!(s.experiments.taken().is_empty(), "there was none yet");
    });
}
