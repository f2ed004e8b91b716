//! What the hub promises to sessions, over a real store and by a clock of its own.

use std::sync::atomic::AtomicBool;

use serde_json::Value;
use taskpulse_engine::event;
use taskpulse_engine::model::{Labels, Selector};
use taskpulse_engine::windows::{LEVELS, Level};

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, on_stage};

const SLOW_AFTER: Duration = Duration::from_secs(10);

fn hub(stage: &Stage) -> ActorHandle<HubActor> {
    hub_of(stage, &Agents::default())
}

fn hub_of(stage: &Stage, agents: &Agents) -> ActorHandle<HubActor> {
    let agents = agents.clone();
    let (clock, store, views, stats) = (stage.clock.clone(), stage.store.clone(), stage.views.clone(), Arc::clone(&stage.stats));
    let reporter = Arc::new(stage.reporter());
    let (status, followed): (StatusSource, _) = (Arc::new(move || reporter.status()), stage.followed.clone());
    let make = move || {
        let (store, status, stats) = (store.clone(), Arc::clone(&status), Arc::clone(&stats));
        HubActor::new(clock.clone(), store, views.clone(), status, stats, followed.clone(), SLOW_AFTER).with_agents(agents.clone())
    };
    stage.start("hub", make)
}

/// A client of the live stream.
struct Session {
    number: SessionId,
    pushes: Inbox<Push>,
    ended: Arc<AtomicBool>,
}

fn session(stage: &Stage, number: SessionId) -> Session {
    Session { number, pushes: stage.inbox_with_room(1, |_: &Push| ()), ended: Arc::default() }
}

impl Session {
    fn subscribe(&self, id: u64, topic: Topic, patterns: &[&str]) -> Subscribe {
        let ended = Arc::clone(&self.ended);
        let selectors = patterns.iter().map(|pattern| Selector::parse(pattern).unwrap()).collect();
        Subscribe {
            session: self.number,
            id,
            topic,
            patterns: patterns.iter().map(ToString::to_string).collect(),
            filter: Filter::of_selectors(selectors),
            to: self.pushes.recipient(),
            drop_slow: DropSlow(Arc::new(move || ended.store(true, Ordering::Relaxed))),
        }
    }

    /// Kind, number and data of what came since the last time.
    fn got(&self) -> Vec<(FrameKind, u64, Value)> {
        self.pushes.taken().into_iter().map(|push| (push.kind, push.seq, serde_json::from_str(&push.data).unwrap())).collect()
    }

    fn kinds(&self) -> Vec<(FrameKind, u64)> {
        self.got().into_iter().map(|(kind, seq, _)| (kind, seq)).collect()
    }
}

/// Measures, keeps and announces a sample.
async fn feed(stage: &Stage, hub: &ActorHandle<HubActor>, metric: &str, v: f64) {
    let stored = stage.append(&Labels::metric(metric, &[]), v);
    hub.mailbox().try_send(StoredBatch(stored)).unwrap();
    stage.settle().await;
}

fn values(data: &Value) -> Vec<&str> {
    data.as_array()
        .unwrap()
        .iter()
        .flat_map(|series| series["values"].as_array().unwrap())
        .map(|point| point[1].as_str().unwrap())
        .collect()
}

#[test]
fn a_subscription_begins_with_a_snapshot_and_goes_on_with_updates() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        feed(&stage, &hub, "heat", 1.0).await;
        hub.mailbox().send(session.subscribe(7, Topic::Samples, &["heat"])).await.unwrap().unwrap();
        feed(&stage, &hub, "heat", 2.0).await;
        feed(&stage, &hub, "rain", 3.0).await;
        feed(&stage, &hub, "heat", 4.0).await;
        let got = session.got();
        let seen: Vec<_> = got.iter().map(|(kind, seq, data)| (*kind, *seq, values(data))).collect();
        assert_eq!(seen, [(FrameKind::Snapshot, 0, vec!["1"]), (FrameKind::Update, 1, vec!["2"]), (FrameKind::Update, 2, vec!["4"])]);
        assert_eq!(got[0].2[0]["metric"].to_string(), r#"{"__name__":"heat"}"#);
    });
}

#[test]
fn sessions_of_agents_are_sent_once_a_second_where_they_changed() {
    on_stage(async |stage| {
        let agents = Agents::default();
        let (hub, session) = (hub_of(&stage, &agents), session(&stage, 1));
        let hook = |id: &str, event: &str| {
            let body = format!(r#"{{"session_id":"{id}","hook_event_name":"{event}"}}"#);
            let now = stage.clock.now_ms();
            let signals = taskpulse_engine::agent::hook("", body.as_bytes(), now).unwrap().signals;
            agents.change(|book| book.apply(signals, &stage.store, now));
        };
        hook("a", "UserPromptSubmit");
        hook("b", "UserPromptSubmit");
        hub.mailbox().send(session.subscribe(7, Topic::Agents, &[])).await.unwrap().unwrap();
        stage.settle().await;
        let names = |got: &[(FrameKind, u64, Value)]| -> Vec<Vec<String>> {
            let of = |data: &Value| data.as_array().unwrap().iter().map(|one| format!("{} {}", one["id"], one["state"])).collect();
            got.iter().map(|(_, _, data)| of(data)).collect()
        };
        let first = session.got();
        assert_eq!((first.len(), first[0].0, first[0].2.as_array().unwrap().len()), (1, FrameKind::Snapshot, 2));
        stage.pass(Duration::from_secs(5)).await;
        assert_eq!(session.got(), [], "nothing changed");
        hook("b", "PermissionRequest");
        hook("b", "PostToolUse");
        hook("b", "Stop");
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!(names(&session.got()), [[r#""b" "idle""#]]);
        stage.pass(Duration::from_secs(40 * 60)).await;
        assert_eq!(names(&session.got()), [[r#""a" "lost""#]], "it gave no sign for half an hour");
    });
}

#[test]
fn a_snapshot_has_no_sample_that_is_older_than_five_minutes() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        feed(&stage, &hub, "heat", 1.0).await;
        stage.pass(Duration::from_secs(301)).await;
        feed(&stage, &hub, "rain", 2.0).await;
        hub.mailbox().send(session.subscribe(7, Topic::Samples, &[])).await.unwrap().unwrap();
        stage.settle().await;
        assert_eq!(values(&session.got()[0].2), ["2"]);
    });
}

#[test]
fn an_announcement_that_was_lost_is_made_up_for_by_a_snapshot() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        feed(&stage, &hub, "heat", 1.0).await;
        hub.mailbox().send(session.subscribe(7, Topic::Samples, &["heat"])).await.unwrap().unwrap();
        stage.settle().await;
        session.got();
        stage.append(&Labels::metric("heat", &[]), 2.0);
        feed(&stage, &hub, "rain", 3.0).await;
        let got = session.got();
        assert_eq!((got.len(), got[0].0, values(&got[0].2)), (1, FrameKind::Snapshot, vec!["2"]));
        feed(&stage, &hub, "heat", 4.0).await;
        assert_eq!(session.kinds(), [(FrameKind::Update, 2)]);
    });
}

#[test]
fn a_session_that_was_slow_gets_a_snapshot_after_a_gap_in_the_numbers() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        hub.mailbox().send(session.subscribe(7, Topic::Samples, &["heat"])).await.unwrap().unwrap();
        stage.settle().await;
        session.got();
        session.pushes.stop_taking().await;
        for v in 1..=5 {
            feed(&stage, &hub, "heat", f64::from(v)).await;
        }
        session.pushes.take_again().await;
        let before = session.kinds();
        assert!(!before.is_empty() && before.len() < 5, "{before:?}");
        feed(&stage, &hub, "heat", 6.0).await;
        let got = session.got();
        assert_eq!((got.len(), got[0].0, got[0].1, values(&got[0].2)), (1, FrameKind::Snapshot, 6, vec!["6"]));
        assert_eq!(stage.stats.skipped_frames.load(Ordering::Relaxed), 5 - before.len() as u64);
        assert!(!session.ended.load(Ordering::Relaxed));
    });
}

#[test]
fn a_session_that_takes_nothing_for_too_long_is_ended_and_others_go_on() {
    on_stage(async |stage| {
        let (hub, slow, quick) = (hub(&stage), session(&stage, 1), session(&stage, 2));
        for session in [&slow, &quick] {
            hub.mailbox().send(session.subscribe(7, Topic::Samples, &["heat"])).await.unwrap().unwrap();
        }
        stage.settle().await;
        slow.pushes.stop_taking().await;
        // The first few go into its mailbox.
        for v in 0..5 {
            feed(&stage, &hub, "heat", f64::from(v)).await;
        }
        stage.pass(SLOW_AFTER - Duration::from_secs(1)).await;
        feed(&stage, &hub, "heat", 5.0).await;
        assert!(!slow.ended.load(Ordering::Relaxed), "not before its time");
        stage.pass(Duration::from_secs(2)).await;
        feed(&stage, &hub, "heat", 6.0).await;
        assert!(slow.ended.load(Ordering::Relaxed));
        assert!(!quick.ended.load(Ordering::Relaxed));
        assert_eq!(quick.kinds().last(), Some(&(FrameKind::Update, 7)));
        let skipped = stage.stats.skipped_frames.load(Ordering::Relaxed);
        feed(&stage, &hub, "heat", 7.0).await;
        assert_eq!(stage.stats.skipped_frames.load(Ordering::Relaxed), skipped, "it is forgotten");
    });
}

#[test]
fn an_id_is_for_one_subscription_at_a_time() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        hub.mailbox().send(session.subscribe(7, Topic::Alerts, &[])).await.unwrap().unwrap();
        let refused = hub.mailbox().send(session.subscribe(7, Topic::Events, &[])).await.unwrap().unwrap_err();
        assert_eq!(refused, SubscribeError::IdInUse(7));
        hub.mailbox().send(Unsubscribe { session: 1, id: Some(7) }).await.unwrap();
        hub.mailbox().send(session.subscribe(7, Topic::Events, &[])).await.unwrap().unwrap();
    });
}

#[test]
fn filters_of_all_subscriptions_together_are_bounded() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        session.pushes.stop_taking().await;
        let subscribe = |id: u64, patterns: Vec<String>| Subscribe { patterns, ..session.subscribe(id, Topic::Alerts, &[]) };
        let distinct = |count: usize, length: usize| (0..count).map(|n| n.to_string().repeat(length)).collect::<Vec<_>>();
        let refusal = |answer: Result<(), SubscribeError>| answer == Err(SubscribeError::TooManyFilters);
        assert!(refusal(hub.mailbox().send(subscribe(0, distinct(MAX_SELECTORS + 1, 1))).await.unwrap()), "selectors");
        assert!(refusal(hub.mailbox().send(subscribe(0, distinct(5, MAX_FILTER_BYTES / 4))).await.unwrap()), "bytes");
        for id in 0..MAX_GROUPS as u64 {
            hub.mailbox().send(subscribe(id, vec![id.to_string()])).await.unwrap().unwrap();
        }
        assert!(refusal(hub.mailbox().send(subscribe(5_000, vec!["other".to_owned()])).await.unwrap()), "groups");
        hub.mailbox().send(subscribe(5_000, vec!["7".to_owned()])).await.unwrap().unwrap();
        hub.mailbox().send(Unsubscribe { session: 1, id: Some(8) }).await.unwrap();
        hub.mailbox().send(subscribe(5_001, vec!["other".to_owned()])).await.unwrap().unwrap();
    });
}

#[test]
fn which_windows_somebody_follows_is_known_to_those_who_work_them_out() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        let count = || Level::ALL.into_iter().filter(|level| stage.followed.contains(*level)).count();
        assert_eq!(count(), 0);
        hub.mailbox().send(session.subscribe(1, Topic::Windows(Some(Level::H1)), &[])).await.unwrap().unwrap();
        assert!(count() == 1 && stage.followed.contains(Level::H1));
        hub.mailbox().send(session.subscribe(2, Topic::Windows(None), &[])).await.unwrap().unwrap();
        assert_eq!(count(), LEVELS);
        hub.mailbox().send(Unsubscribe { session: 1, id: None }).await.unwrap();
        assert_eq!(count(), 0);
    });
}

#[test]
fn news_go_to_those_who_follow_their_topic_and_status_each_five_seconds() {
    on_stage(async |stage| {
        let (hub, events, status) = (hub(&stage), session(&stage, 1), session(&stage, 2));
        hub.mailbox().send(events.subscribe(1, Topic::Events, &[])).await.unwrap().unwrap();
        hub.mailbox().send(status.subscribe(1, Topic::Status, &[])).await.unwrap().unwrap();
        stage.settle().await;
        assert_eq!((events.kinds(), status.kinds()), (vec![(FrameKind::Snapshot, 0)], vec![(FrameKind::Snapshot, 0)]));
        let news = Publish::Events(vec![Event::new("1", &event::Event::new(NOON, "test", "test", "it", "an event"))]);
        hub.mailbox().try_send(news).unwrap();
        stage.settle().await;
        assert_eq!((events.got()[0].2[0]["title"].as_str(), status.kinds()), (Some("an event"), vec![]));
        stage.pass(STATUS_EVERY * 2 + Duration::from_secs(1)).await;
        assert_eq!((events.kinds(), status.kinds()), (vec![], vec![(FrameKind::Update, 1), (FrameKind::Update, 2)]));
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn after_a_panic_sessions_are_asked_to_connect_anew() {
    on_stage(async |stage| {
        let (hub, session) = (hub(&stage), session(&stage, 1));
        hub.mailbox().send(session.subscribe(7, Topic::Windows(None), &[])).await.unwrap().unwrap();
        feed(&stage, &hub, "heat", 1.0).await;
        session.got();
        stage.break_next("hub");
        stage.pass(STATUS_EVERY + Duration::from_secs(1)).await;
        assert_eq!(stage.status("hub").restarts, 1);
        assert_eq!(session.kinds(), [(FrameKind::Reset, 0)]);
        assert!(!stage.followed.contains(Level::M1));
        hub.mailbox().send(session.subscribe(7, Topic::Samples, &[])).await.unwrap().unwrap();
        feed(&stage, &hub, "heat", 2.0).await;
        assert_eq!(session.kinds(), [(FrameKind::Snapshot, 0), (FrameKind::Update, 1)]);
    });
}
