//! What the alert actor promises, over a real store and by a clock of its own.

use std::collections::BTreeMap;

use taskpulse_engine::model::Labels;
use taskpulse_engine::rules::{AlertState, GroupSpec, RuleBook, RuleOptions, RuleSpec, Severity};
use taskpulse_engine::span::Span;
use taskpulse_engine::store::Stored;

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, Stage, on_stage};

/// The actor, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<AlertActor>,
    documents: Inbox<ChangeDocuments>,
    events: Inbox<RecordEvents>,
    notifier: Inbox<Notify>,
    _append: Inbox<Append>,
    texts: Inbox<Describe>,
    _hub: Inbox<Publish>,
}

/// Above 100 for a minute, and above 200 at once.
fn specs() -> BTreeMap<String, RuleSpec> {
    let rule = |expr: &str, hold| RuleSpec { hold: Span::secs(hold), ..RuleSpec::alerting(expr, Severity::Warning) };
    BTreeMap::from([("warm".to_owned(), rule("heat > 100", 60)), ("burning".to_owned(), rule("heat > 200", 0))])
}

/// Publishes rules as the service does before the actor starts.
fn enforce(stage: &Stage, book: RuleBook) {
    let set = book.rules().unwrap();
    stage.publishers.rules.send_replace(Arc::new(RuleStates::new(Arc::new(book), set)));
}

/// As after a start of the service: what is kept is in the store, everything else is new.
fn setup(stage: &Stage, name: &str) -> Setup {
    let (make, inboxes) = prepare(stage);
    inboxes(stage.start(name, make))
}

/// How the actor is made, and its inboxes once it is there.
fn prepare(stage: &Stage) -> (impl Fn() -> AlertActor + Send + 'static, impl FnOnce(ActorHandle<AlertActor>) -> Setup) {
    let store = stage.writer();
    let documents = stage
        .inbox(move |message: &ChangeDocuments| store.change_documents(message.kind, message.changes.clone()).map_err(AppendError::from));
    let (events, notifier, hub) = (stage.inbox(|_: &RecordEvents| ()), stage.inbox(|_: &Notify| ()), stage.inbox(|_: &Publish| ()));
    let texts = stage.inbox(|_: &Describe| ());
    let (writer, clock) = (stage.writer(), stage.clock.clone());
    let append = stage.inbox(move |message: &Append| Ok(Arc::new(writer.append(&message.0, clock.now_ms())?)));
    let outputs = AlertOutputs {
        documents: documents.mailbox(),
        events: events.mailbox(),
        append: append.mailbox(),
        notifier: notifier.mailbox(),
        texts: texts.mailbox(),
        hub: hub.mailbox(),
    };
    if stage.views.rules().set.rules().is_empty() {
        enforce(stage, RuleBook::new(vec![GroupSpec::of_settings(&specs())], RuleOptions::default()));
    }
    let limits = EvaluationLimits {
        lookback: 300_000,
        delayed_names: false,
        max_samples: 1_000_000,
        max_bytes: 64 << 20,
        timeout: Duration::from_secs(10),
        cancelled: Arc::default(),
    };
    let (clock, store, alerts, rules) =
        (stage.clock.clone(), stage.store.clone(), stage.publishers.alerts.clone(), stage.publishers.rules.clone());
    let reasons: Reasons = Arc::new(|series| series.get("target").map(|target| format!("{target} refuses")));
    let make = move || {
        let (alerts, rules, limits, outputs) = (alerts.clone(), rules.clone(), limits.clone(), outputs.clone());
        AlertActor::new(clock.clone(), store.clone(), alerts, rules, Arc::clone(&reasons), limits, outputs)
    };
    (make, move |actor| Setup { actor, documents, events, notifier, _append: append, texts, _hub: hub })
}

fn heat() -> Labels {
    Labels::metric("heat", &[])
}

impl Setup {
    /// Announces what the store keeps.
    async fn hear(&self, stage: &Stage, stored: Arc<Stored>) {
        self.actor.mailbox().try_send(StoredBatch(stored)).unwrap();
        stage.settle().await;
    }

    /// Measures, keeps and announces a sample.
    async fn feed(&self, stage: &Stage, v: f64) {
        let stored = stage.append(&heat(), v);
        self.hear(stage, stored).await;
    }

    /// What people were notified of since the last time.
    fn notified(&self) -> Vec<(String, view::AlertState)> {
        self.notifier.taken().into_iter().flat_map(|Notify(alerts)| alerts).map(|alert| (alert.rule, alert.state.into())).collect()
    }
}

fn of_rule(rule: &str, state: AlertState) -> (String, view::AlertState) {
    (rule.to_owned(), state.into())
}

/// What everybody sees.
fn shown(stage: &Stage) -> Vec<(String, view::AlertState)> {
    stage.views.alerts().iter().map(|alert| (alert.details.rule.clone(), alert.details.state)).collect()
}

#[test]
fn an_alert_is_pending_fires_after_its_time_and_is_resolved() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 150.0).await;
        assert_eq!(shown(&stage), [of_rule("warm", AlertState::Pending)]);
        stage.pass(Duration::from_secs(50)).await;
        s.feed(&stage, 150.0).await;
        assert_eq!((shown(&stage), s.notified()), (vec![of_rule("warm", AlertState::Pending)], vec![]));
        stage.pass(Duration::from_secs(10)).await;
        s.feed(&stage, 150.0).await;
        assert_eq!((shown(&stage), s.notified()), (vec![of_rule("warm", AlertState::Firing)], vec![of_rule("warm", AlertState::Firing)]));
        s.feed(&stage, 50.0).await;
        assert_eq!((shown(&stage), s.notified()), (vec![], vec![of_rule("warm", AlertState::Resolved)]));
        let kinds: Vec<String> = s.events.taken().into_iter().flat_map(|RecordEvents(events)| events).map(|event| event.kind).collect();
        assert_eq!(kinds, ["alert_firing", "alert_resolved"]);
        assert_eq!(stage.store.documents(HISTORY).unwrap().len(), 1);
    });
}

#[test]
fn the_first_notice_of_an_alert_has_its_explanation_and_there_is_no_second_one() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 250.0).await;
        let Notify(sent) = s.notifier.next().await;
        let [first] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!((first.rule.as_str(), first.state), ("burning", AlertState::Firing));
        assert!(first.explanation.as_ref().is_some_and(|explanation| explanation.compared == Some(0)));
        let shown = stage.views.alerts().iter().find(|alert| alert.details.rule == "burning").cloned().unwrap();
        assert_eq!(shown.details.explanation.and_then(|explanation| explanation.compared), Some(0));
        s.feed(&stage, 260.0).await;
        assert_eq!(s.notified(), [], "it is explained once");
        stage.pass(Duration::from_secs(61)).await;
        let Describe(again) = s.texts.next().await;
        let compared_to = again.explanation.and_then(|explanation| explanation.moved_to);
        assert_eq!(compared_to, Some(again.pending_since + 60_000), "a minute of it has been seen");
        stage.pass(Duration::from_secs(120)).await;
        assert!(s.texts.taken().is_empty() && s.notified().is_empty());
    });
}

#[test]
fn a_notice_waits_for_its_explanation_only_so_long_and_an_end_never_comes_before_its_beginning() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        let pool = stage.hold_pool().await;
        let judge = |v: f64| s.actor.mailbox().try_send(StoredBatch(stage.append(&heat(), v))).unwrap();
        judge(250.0);
        stage.jump(Duration::ZERO).await;
        assert_eq!((shown(&stage).len(), s.notified()), (2, vec![]), "it is shown at once");
        stage.jump(Duration::from_millis(590)).await;
        assert_eq!(s.notified(), []);
        stage.jump(Duration::from_millis(20)).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Firing)], "as it is");
        drop(pool);
        let Describe(late) = s.texts.next().await;
        assert!(late.explanation.is_some());
        s.feed(&stage, 50.0).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Resolved)]);

        let pool = stage.hold_pool().await;
        stage.jump(Duration::from_secs(1)).await;
        judge(250.0);
        stage.jump(Duration::ZERO).await;
        assert_eq!(s.notified(), []);
        stage.jump(Duration::from_millis(100)).await;
        judge(50.0);
        stage.jump(Duration::from_millis(100)).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Firing), of_rule("burning", AlertState::Resolved)]);
        drop(pool);
        stage.pass(Duration::from_secs(2)).await;
        assert_eq!((s.notified(), s.texts.taken().len()), (vec![], 0), "what is over needs no explanation");
    });
}

#[test]
fn an_alert_that_did_not_hold_long_enough_is_told_to_nobody() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 150.0).await;
        stage.pass(Duration::from_secs(30)).await;
        s.feed(&stage, 50.0).await;
        assert_eq!((shown(&stage), s.notified()), (vec![], vec![]));
        assert!(s.events.taken().is_empty() && stage.store.documents(HISTORY).unwrap().is_empty());
    });
}

#[test]
fn an_alert_whose_series_falls_silent_is_unknown_and_is_kept() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 250.0).await;
        s.notifier.taken();
        stage.pass(Duration::from_secs(299)).await;
        assert!(s.notifier.taken().is_empty());
        stage.pass(Duration::from_secs(7)).await;
        let sent = s.notifier.taken();
        let [burning] = &sent.iter().flat_map(|Notify(alerts)| alerts).collect::<Vec<_>>()[..] else { panic!("{sent:?}") };
        let reason = "no sample for 5m: its source is gone, or sends nothing";
        assert_eq!((burning.state, burning.reason.as_deref()), (AlertState::Unknown, Some(reason)));
        assert_eq!(shown(&stage), [of_rule("burning", AlertState::Unknown)]);
        // It is heard again: it goes on, and ends as others do.
        s.feed(&stage, 250.0).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Firing)]);
        s.feed(&stage, 50.0).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Resolved)]);
    });
}

#[test]
fn a_template_that_cannot_be_expanded_is_noted_at_its_rule() {
    on_stage(async |stage| {
        let annotations = BTreeMap::from([("note".to_owned(), "{{ query \"none\" | first | value }}".to_owned())]);
        let rule = RuleSpec { annotations, ..RuleSpec::alerting("heat > 200", Severity::Warning) };
        let group = GroupSpec::of_settings(&BTreeMap::from([("burning".to_owned(), rule)]));
        enforce(&stage, RuleBook::new(vec![group], RuleOptions::default()));
        let s = setup(&stage, "alerts");
        s.feed(&stage, 250.0).await;
        stage.pass(Duration::from_secs(2)).await;
        let fault = stage.views.rules().rules[0].template_fault.clone().unwrap();
        assert!(fault.starts_with("annotations \"note\": its template cannot be expanded: "), "{fault}");
    });
}

#[test]
fn a_restart_keeps_what_fires_and_tells_it_once() {
    on_stage(async |stage| {
        let before = setup(&stage, "before");
        before.feed(&stage, 250.0).await;
        assert_eq!(before.notified(), [of_rule("burning", AlertState::Firing)]);
        stage.publishers.alerts.send_replace(Arc::default());
        let kept = kept_alerts(&stage.store, &stage.views.rules().set, stage.clock.now_ms());
        assert_eq!(kept.len(), 2, "they can be shown before the actor has started");
        let after = setup(&stage, "after");
        stage.settle().await;
        assert_eq!(shown(&stage), [of_rule("burning", AlertState::Firing), of_rule("warm", AlertState::Pending)]);
        after.feed(&stage, 250.0).await;
        assert_eq!(after.notified(), []);
        after.feed(&stage, 50.0).await;
        assert_eq!(after.notified(), [of_rule("burning", AlertState::Resolved)]);
    });
}

#[test]
fn what_was_stored_while_it_was_off_is_judged_at_the_start() {
    on_stage(async |stage| {
        let before = setup(&stage, "before");
        before.feed(&stage, 150.0).await;
        stage.pass(Duration::from_secs(60)).await;
        stage.append(&heat(), 150.0);
        let after = setup(&stage, "after");
        stage.settle().await;
        assert_eq!(after.notified(), [of_rule("warm", AlertState::Firing)], "pending since before the start");
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_loses_no_alert_and_no_sample_and_tells_nothing_twice() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 150.0).await;
        stage.pass(Duration::from_secs(60)).await;
        // The message that breaks it is lost, the sample is in the store.
        stage.break_next("alerts");
        s.feed(&stage, 250.0).await;
        assert_eq!(s.notified(), []);
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!(stage.status("alerts").restarts, 1);
        let mut all = s.notified();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(all, [of_rule("burning", AlertState::Firing), of_rule("warm", AlertState::Firing)]);
        s.feed(&stage, 250.0).await;
        assert_eq!(s.notified(), []);
    });
}

#[test]
fn a_gap_in_the_numbers_of_batches_is_caught_up_from_the_store() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 50.0).await;
        stage.pass(Duration::from_secs(10)).await;
        stage.append(&heat(), 250.0);
        stage.pass(Duration::from_secs(10)).await;
        let other = stage.append(&Labels::metric("rain", &[]), 1.0);
        assert_eq!(s.notified(), [], "its announcement was lost");
        s.hear(&stage, other).await;
        assert_eq!(s.notified(), [of_rule("burning", AlertState::Firing)]);
        // Once more a gap: what was judged is not sent again.
        stage.append(&heat(), 250.0);
        let other = stage.append(&Labels::metric("rain", &[]), 1.0);
        s.hear(&stage, other).await;
        assert_eq!(s.notified(), []);
    });
}

#[test]
fn the_history_of_alerts_is_cut_to_its_bound_each_hour_and_the_oldest_go() {
    on_stage(async |stage| {
        let changes = (0..MAX_HISTORY + 3).map(|n| (publish::history_key(n as i64, "some"), Some(b"{}".to_vec()))).collect();
        stage.writer().change_documents(HISTORY, changes).unwrap();
        let _s = setup(&stage, "alerts");
        stage.pass(TRIM - Duration::from_secs(10)).await;
        assert_eq!(stage.store.documents(HISTORY).unwrap().len(), MAX_HISTORY + 3);
        stage.pass(Duration::from_secs(20)).await;
        let left = stage.store.documents(HISTORY).unwrap();
        assert_eq!((left.len(), left[0].0.as_str()), (MAX_HISTORY, publish::history_key(3, "some").as_str()));
    });
}

fn seen(id: String) -> Acknowledge {
    Acknowledge { id, acknowledgement: Acknowledgement::Seen { note: None } }
}

#[test]
fn an_acknowledgement_is_answered_when_it_is_durable() {
    on_stage(async |stage| {
        let s = setup(&stage, "alerts");
        s.feed(&stage, 250.0).await;
        let id = stage.views.alerts()[0].details.id.clone();
        s.documents.stop_answering();
        let (mailbox, own) = (s.actor.mailbox(), id.clone());
        let acknowledged = actix_rt::spawn(async move { mailbox.send(seen(own)).await.unwrap() });
        stage.pass(Duration::from_secs(20)).await;
        assert!(!acknowledged.is_finished());
        s.documents.answer_again();
        let at = acknowledged.await.unwrap().unwrap().unwrap().details.acked_at;
        assert!(at.is_some());
        let kept = stage.store.documents(ACTIVE).unwrap().into_iter().find(|(key, _)| *key == id).unwrap().1;
        assert_eq!(serde_json::from_slice::<Alert>(&kept).unwrap().acked_at.map(view::seconds), at);
        let unknown = s.actor.mailbox().send(seen("none".to_owned())).await.unwrap();
        assert!(unknown.unwrap().is_none());
        s.documents.answer_with(|_| Err(AppendError::DiskHangs));
        let failed = s.actor.mailbox().send(seen(id)).await.unwrap();
        assert_eq!(failed.unwrap_err().to_string(), AppendError::DiskHangs.to_string());
    });
}

#[test]
fn after_a_panic_the_book_hears_of_standstills_again_and_the_time_line_does_not() {
    on_stage(async |stage| {
        let (make, _inboxes) = prepare(&stage);
        let (mut before, mut after) = (make(), make());
        (before.tracked_standstill, before.recorded_standstill) = (3, 3);
        after.inherit(before);
        assert_eq!((after.tracked_standstill, after.recorded_standstill), (0, 3));
    });
}
