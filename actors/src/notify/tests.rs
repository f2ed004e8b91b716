use std::collections::VecDeque;

use parking_lot::Mutex;
use taskpulse_engine::model::Labels;
use taskpulse_engine::notices::{ChannelPlan, Filter, Grouping, QueueLimits};
use taskpulse_engine::rules::{Alert, Severity};

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{NOON, Stage, on_stage};

/// A channel that answers as the test says, and keeps what it got.
#[derive(Default)]
struct Fake {
    answers: Mutex<VecDeque<Result<(), DeliveryError>>>,
    taken: Mutex<Vec<Notice>>,
    /// The messages that were edited, as far as one was.
    edited: Mutex<Vec<Option<String>>>,
}

impl Transport for Arc<Fake> {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn target(&self) -> String {
        String::new()
    }

    fn deliver(&self, notice: &Notice, edits: Option<&str>) -> Delivery {
        let outcome = self.answers.lock().pop_front().unwrap_or(Ok(()));
        let mut taken = self.taken.lock();
        if outcome.is_ok() {
            taken.push(notice.clone());
            self.edited.lock().push(edits.map(str::to_owned));
        }
        let id = edits.map_or_else(|| format!("m{}", taken.len()), str::to_owned);
        Box::pin(async move { outcome.map(|()| Some(id)) })
    }
}

fn alert(state: AlertState, fired: i64) -> Alert {
    Alert {
        id: "3f2a".to_owned(),
        rule: "cpu".to_owned(),
        key: "cpu".to_owned(),
        group: "taskpulse".to_owned(),
        expr: "cpu > 0.8".to_owned(),
        over_lines: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        remediation: Vec::new(),
        keep_firing_since: None,
        unknown_since: None,
        recent: 0,
        severity: Severity::Warning,
        state,
        metric: Labels::metric("cpu", &[("host", "a")]),
        value: 1.0,
        op: None,
        threshold: None,
        hold_ms: 0,
        cooldown_ms: 0,
        pending_since: fired,
        firing_since: Some(fired),
        resolved_at: (state == AlertState::Resolved).then_some(fired + 1_000),
        last_sample: fired,
        summary: "CPU 87 %".to_owned(),
        acked_at: None,
        note: None,
        reason: None,
        source_reason: None,
        explanation: None,
    }
}

fn start(stage: &Stage, fake: &Arc<Fake>, documents: Mailbox<ChangeDocuments>) -> ActorHandle<NotifierActor> {
    let grouping =
        Grouping { by: Vec::new(), wait_ms: 100, interval_ms: 60_000, repeat_ms: 0, send_resolved: true, resends: false, most: 256 };
    let channel = Channel {
        plan: ChannelPlan { name: "ops".to_owned(), filter: Filter::default(), grouping, times: None },
        limits: QueueLimits { per_minute: 0, keep_ms: 86_400_000 },
        transport: Arc::new(Arc::clone(fake)),
        digest: None,
        edits: true,
    };
    let options = NotifierOptions {
        channels: vec![channel],
        flaps: FlapLimits { firings: 0, window_ms: 0 },
        inhibit: Vec::new(),
        maintenance: BTreeMap::new(),
        heartbeats: Vec::new(),
        external_url: Arc::new(|| "http://here".to_owned()),
    };
    let outputs = NotifierOutputs {
        store: stage.store.clone(),
        documents,
        sources: stage.publishers.sources.clone(),
        alerts: stage.publishers.alerts.subscribe(),
        channels: stage.publishers.channels.clone(),
        stats: Arc::default(),
        works: Arc::new(|| true),
    };
    let clock = stage.clock.clone();
    stage.start("notifier", move || NotifierActor::new(clock.clone(), options.clone(), outputs.clone()))
}

#[test]
fn a_channel_that_fails_shows_and_is_tried_again_until_it_works() {
    on_stage(async |stage| {
        let fake = Arc::<Fake>::default();
        fake.answers.lock().extend([Err(DeliveryError::channel("status 500")), Err(DeliveryError::channel("status 500"))]);
        let store = stage.inbox(|_: &ChangeDocuments| Ok(()));
        let notifier = start(&stage, &fake, store.mailbox());
        notifier.mailbox().try_send(Notify(vec![alert(AlertState::Firing, NOON)])).unwrap();
        stage.pass(Duration::from_millis(300)).await;
        let shown = stage.views.channels()[0].clone();
        assert_eq!((shown.state, shown.waiting, shown.last_error.as_deref()), (view::DeliveryState::Failing, 1, Some("status 500")));
        assert_eq!(stage.views.sources_of("channel").len(), 1);
        stage.pass(Duration::from_secs(10)).await;
        assert_eq!(fake.taken.lock().len(), 1);
        let shown = stage.views.channels()[0].clone();
        assert_eq!((shown.sent, shown.failed, shown.waiting, shown.last_error), (1, 2, 0, None));
        assert!(stage.views.sources_of("channel").is_empty());
        notifier.mailbox().try_send(Notify(vec![alert(AlertState::Resolved, NOON)])).unwrap();
        stage.pass(Duration::from_secs(30)).await;
        assert_eq!(fake.taken.lock().len(), 1, "one notice an interval");
        stage.pass(Duration::from_secs(60)).await;
        assert_eq!(fake.taken.lock()[1].status(), "resolved");
        assert_eq!(*fake.edited.lock(), [None, Some("m1".to_owned())], "an end edits the message");
    });
}

#[test]
fn an_acknowledgement_edits_the_message_at_once_also_after_a_restart() {
    on_stage(async |stage| {
        let fake = Arc::<Fake>::default();
        let writer = stage.writer();
        let documents = {
            let writer = Arc::clone(&writer);
            stage.inbox(move |change: &ChangeDocuments| {
                writer.change_documents(change.kind, change.changes.clone()).unwrap();
                Ok(())
            })
        };
        let firing = alert(AlertState::Firing, NOON);
        let first = start(&stage, &fake, documents.mailbox());
        first.mailbox().try_send(Notify(vec![firing.clone()])).unwrap();
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!(fake.taken.lock().len(), 1);
        let second = start(&stage, &fake, documents.mailbox());
        stage.pass(Duration::from_secs(1)).await;
        for acked_at in [Some(NOON + 5), Some(NOON + 5), None] {
            second.mailbox().try_send(crate::messages::Describe(Alert { acked_at, ..firing.clone() })).unwrap();
            stage.pass(Duration::from_millis(200)).await;
        }
        let shown: Vec<bool> = fake.taken.lock().iter().map(Notice::is_acknowledged).collect();
        assert_eq!(shown, [false, true, false], "the same state again changes nothing");
        assert!(fake.edited.lock()[1..].iter().all(|edited| edited.as_deref() == Some("m1")), "{:?}", fake.edited.lock());
    });
}

#[test]
fn a_store_that_refuses_documents_holds_no_notice_up() {
    on_stage(async |stage| {
        let fake = Arc::<Fake>::default();
        let store = stage.inbox(|_: &ChangeDocuments| Err(crate::messages::AppendError::DiskHangs));
        let notifier = start(&stage, &fake, store.mailbox());
        notifier.mailbox().try_send(Notify(vec![alert(AlertState::Firing, NOON)])).unwrap();
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!(fake.taken.lock().len(), 1);
        stage.pass(Duration::from_secs(20)).await;
        assert_eq!(fake.taken.lock().len(), 1, "sent once");
    });
}

#[test]
fn what_a_lost_message_said_is_found_in_the_kept_alerts() {
    on_stage(async |stage| {
        let fake = Arc::<Fake>::default();
        let (writer, store) = (stage.writer(), stage.inbox(|_: &ChangeDocuments| Ok(())));
        let keep = |kind: &str, key: &str, alert: Option<Alert>| {
            writer.change_documents(kind, vec![(key.to_owned(), alert.map(|alert| serde_json::to_vec(&alert).unwrap()))]).unwrap();
        };
        keep(ACTIVE, "3f2a", Some(alert(AlertState::Firing, NOON)));
        let _notifier = start(&stage, &fake, store.mailbox());
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!(fake.taken.lock().len(), 1);
        keep(ACTIVE, "3f2a", None);
        keep(HISTORY, "1", Some(alert(AlertState::Resolved, NOON)));
        stage.pass(Duration::from_secs(300)).await;
        let taken = fake.taken.lock();
        assert_eq!((taken.len(), taken[1].status(), taken[1].alerts[0].ends_at), (2, "resolved", Some(NOON + 1_000)));
    });
}
