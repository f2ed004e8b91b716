use std::collections::BTreeMap;

use serde_json::json;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::Batch;
use taskpulse_engine::rules::{AlertState, Severity};
use taskpulse_engine::store::{StoreOptions, StoreWriter};

use super::*;
use crate::alert::HISTORY;

const S: i64 = 1_000;
const FROM: i64 = 1_795_500_000_000;
const TO: i64 = FROM + 300 * S;

/// A firing alert of a rule, for a series.
pub(super) fn alert(metric: &Labels, expr: &str, pending: TimestampMs, fired: TimestampMs) -> Alert {
    Alert {
        id: "00000000000000aa".to_owned(),
        rule: "hot".to_owned(),
        key: "hot".to_owned(),
        group: "taskpulse".to_owned(),
        severity: Severity::Warning,
        state: AlertState::Firing,
        metric: metric.clone(),
        value: 0.95,
        op: None,
        threshold: None,
        expr: expr.to_owned(),
        over_lines: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        remediation: Vec::new(),
        hold_ms: 0,
        cooldown_ms: 0,
        pending_since: pending,
        firing_since: Some(fired),
        keep_firing_since: None,
        unknown_since: None,
        resolved_at: None,
        last_sample: fired,
        recent: 0,
        summary: "CPU 95 %, above 80 %".to_owned(),
        acked_at: None,
        note: None,
        reason: None,
        source_reason: None,
        explanation: None,
    }
}

fn cpu() -> Labels {
    Labels::metric("system_cpu_utilization_ratio", &[])
}

/// A machine of four cores over seven hours, whose CPU is busy since `FROM`: `rustc` took most of it until just before the end.
fn machine() -> (tempfile::TempDir, StoreWriter) {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: 86_400_000, ..StoreOptions::default() }, TO).unwrap();
    let mut batch = Batch::default();
    let process = |name: &str, of: &str| Labels::metric(name, &[("process", of)]);
    for t in (FROM - 7 * 3_600 * S..=TO).step_by(5_000) {
        let busy = t >= FROM;
        let jitter = (t / 5_000 % 7) as f64 / 100.0;
        batch.push(cpu(), t, if busy { 0.95 } else { 0.1 } + jitter / 10.0);
        for core in ["0", "1", "2", "3"] {
            batch.push(Labels::metric("system_cpu_core_utilization_ratio", &[("cpu", core)]), t, 0.5);
        }
        if busy && t < TO {
            batch.push(process("process_cpu_utilization_ratio", "rustc"), t, 3.0);
            batch.push(process("process_count", "rustc"), t, 4.0);
        }
        batch.push(process("process_cpu_utilization_ratio", "node"), t, 0.08);
        batch.push(process("process_children_cpu_utilization_ratio", "bash"), t, if busy { 0.4 } else { 0.0 });
        batch.push(
            Labels::metric("container_cpu_time_seconds_total", &[("unit", "session-3.scope")]),
            t,
            (t - FROM).max(0) as f64 / 1e3 * 3.5,
        );
        batch.push(
            Labels::metric("system_network_io_bytes_total", &[("device", "eth0"), ("direction", "receive")]),
            t,
            100.0 * jitter + t as f64 / 1e6,
        );
        batch.push(Labels::metric("queue_depth", &[("queue", "mail")]), t, if busy { 40.0 } else { 3.0 } + jitter);
    }
    store.append(&batch, TO).unwrap();
    (dir, store)
}

/// What is known of one alert.
fn explained(store: &StoreReader, alert: Alert, until: TimestampMs) -> Explanation {
    explain(store, vec![Asked { alert, until, lines: None }], Duration::from_secs(60)).remove(0).explanation
}

fn who_of(store: &StoreWriter, alert: &Alert) -> Explanation {
    let reader = store.reader();
    let mut found = who(&mut Moment::new(&reader, std::iter::once(alert)), alert);
    found.lines = words::explanation(&found);
    found
}

#[test]
fn processes_are_counted_over_the_whole_time_and_the_rest_is_said_to_be_unseen() {
    let (_dir, store) = machine();
    let found = who_of(&store, &alert(&cpu(), "system_cpu_utilization_ratio > 0.8", FROM, TO));
    assert_eq!(words::busiest(&found), ["rustc (4 processes) 73.8 %", "short-lived children of bash 10 %", "node 2 %"]);
    assert_eq!(
        found.lines,
        ["Most CPU over 5 min 5 s: rustc (4 processes) 73.8 %, short-lived children of bash 10 %, node 2 %; 9.52 % not seen by name"]
    );
    // By the last sample alone, `node` would have been named.
    let at_the_end = who_of(&store, &alert(&cpu(), "system_cpu_utilization_ratio > 0.8", TO, TO));
    assert_eq!(words::busiest(&at_the_end), ["short-lived children of bash 10 %", "node 2 %"]);
    let by_query = who_of(&store, &alert(&Labels::none(), "avg(system_cpu_utilization_ratio) > 0.8", FROM, TO));
    assert_eq!(by_query.used, found.used);
    assert!(who_of(&store, &alert(&Labels::metric("queue_depth", &[]), "queue_depth > 9", FROM, TO)).lines.is_empty());
}

#[test]
fn what_moved_happened_and_was_before_is_found() {
    let (_dir, store) = machine();
    let task = json!({"project": "app", "tag": "master", "title": "Build it", "from": "pending", "to": "in-progress"});
    let run = json!({"repo": "octo/site", "workflow": "ci.yml", "number": 12});
    let events = [
        Event::new(FROM - 3_600 * S, "taskmaster", "task_status", "7", "task 7 pending → in-progress").with_data(task),
        Event::new(FROM - 60 * S, "github", "run_started", "99", "run ci.yml #12 started").with_data(run),
    ];
    store.add_events(&events).unwrap();
    let cpu_alert = alert(&cpu(), "system_cpu_utilization_ratio > 0.8", FROM, TO);
    let (fired, ended) = (FROM - 86_400 * S, FROM - 86_400 * S + 720 * S);
    let used =
        vec![Used { by: UsedBy::Process, name: "cc".to_owned(), mean: 3.6, share: Some(0.9), cpu_seconds: Some(9.0), processes: None }];
    let earlier = Alert {
        state: AlertState::Resolved,
        firing_since: Some(fired),
        resolved_at: Some(ended),
        explanation: Some(Explanation { resource: Some(Resource::Cpu), used, ..Explanation::default() }.into()),
        ..cpu_alert.clone()
    };
    let key = format!("{ended:020}-{}", earlier.id);
    let kept = serde_json::to_vec(&earlier).unwrap();
    store.change_documents(HISTORY, vec![(key, Some(kept)), (format!("{:020}-other", ended + 1), Some(b"{}".to_vec()))]).unwrap();

    let found = explained(&store.reader(), cpu_alert, TO);
    let moved: Vec<&str> = found.moved.iter().map(|moved| moved.metric.name()).collect();
    assert_eq!((moved, found.compared), (vec!["queue_depth"], Some(2)), "{found:?}");
    assert_eq!(found.containers[0].name, "session-3.scope");
    assert_eq!(
        found.in_progress.iter().map(|progress| progress.what.as_str()).collect::<Vec<_>>(),
        ["run ci.yml #12 on octo/site", "task 7 of app master"]
    );
    assert_eq!(found.lines.len(), 3, "{:?}", found.lines);
    assert!(found.lines[0].ends_with("; 9.52 % not seen by name; session-3.scope 86.1 % in all"), "{:?}", found.lines);
    assert_eq!(found.lines[1], "Moved together, which may be chance: Queue depth · mail 40, usually 3.03");
    assert_eq!(
        found.lines[2],
        "Shortly before: run ci.yml #12 started (1 min earlier). The last one like it, 2026-11-23T06:00Z, lasted 12 min until its value \
         went back (most by cc 90 %)"
    );
    // Once more, without anything that moves or happened.
    let other = alert(&Labels::metric("queue_depth", &[]), "x > 1", FROM - 1_800 * S, FROM - 1_700 * S);
    let quiet = explained(&store.reader(), Alert { id: "00000000000000bb".to_owned(), ..other }, FROM - 1_700 * S);
    assert!(quiet.moved.is_empty() && quiet.last.is_none(), "{quiet:?}");
    assert_eq!(quiet.lines, ["Nothing else moved with it among 10 series; why cannot be said from what is measured"]);
}

#[test]
fn alerts_of_one_moment_are_each_explained_as_if_alone_and_the_first_ones_are_compared() {
    let (_dir, store) = machine();
    let fired = |n: usize| {
        // Windows and series of several kinds.
        let (metric, expr) = if n.is_multiple_of(2) {
            (cpu(), "system_cpu_utilization_ratio > 0.8")
        } else {
            (Labels::metric("queue_depth", &[("queue", "mail")]), "queue_depth > 9")
        };
        let pending = FROM + 60 * S * (n % 3) as i64;
        Asked { alert: Alert { id: format!("{n:016x}"), ..alert(&metric, expr, pending, TO) }, until: TO, lines: None }
    };
    let together = explain(&store.reader(), (0..COMPARED + 5).map(fired).collect(), Duration::from_secs(60));
    for (n, one) in together.iter().enumerate() {
        let alone = explained(&store.reader(), fired(n).alert, TO);
        assert_eq!(
            (&one.explanation.used, one.explanation.seen_ms, &one.explanation.containers),
            (&alone.used, alone.seen_ms, &alone.containers),
            "{n}"
        );
        assert_eq!((one.alert.id.clone(), one.cut), (format!("{n:016x}"), false));
        if n < COMPARED {
            assert_eq!(one.explanation, alone, "{n}");
        } else {
            assert_eq!((one.explanation.compared, one.explanation.lines.get(1)), (None, None), "{n} is not compared, and does not say so");
        }
    }
    let hurried = explain(&store.reader(), vec![fired(0)], Duration::ZERO).remove(0);
    assert!(hurried.cut && hurried.explanation.compared == Some(0) && hurried.explanation.left_out > 0);
}
