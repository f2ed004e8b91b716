//! What collectors read: files of the machine, boards, answers of GitHub.

use super::run;
use crate::board::{Board, Figures, Watcher, parse_complexity, parse_state};
use crate::cgroup::{self, Group, Scope};
use crate::ci;
use crate::ci::tracker::{ReportedBy, RunTracker};
use crate::machine::{mounts, proc};

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_and_folders_of_control_groups() {
    let id = "4f3c".repeat(16);
    let corpus = [
        b"usage_usec 1234567\nuser_usec 1000000\noom_kill 3\n".to_vec(),
        b"8:0 rbytes=18446744073709551615 wbytes=20 rios=3\n8:16 rbytes=1 wbytes=2\n".to_vec(),
        format!("system.slice/docker-{id}.scope").into_bytes(),
        format!("user.slice/user@1000.service/app.slice/x.service/libpod-{id}.scope").into_bytes(),
        format!("web-7d4_front_nginx-{id}.log").into_bytes(),
    ];
    run("control groups", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = (cgroup::keyed(&text, "usage_usec"), cgroup::single(&text), cgroup::io_bytes(&text), cgroup::kubernetes_log(&text));
        let folders: Vec<&str> = text.split('/').collect();
        for scope in [Scope::top(), Scope::Unit, Scope::Foreign] {
            let _ = scope.look_inside(&folders, text.lines());
            if let (Some(Group::Container { id, .. }), _) = scope.enter(&folders) {
                assert!(Group::short(&id).len() <= id.len());
            }
        }
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_of_the_machine() {
    let corpus = [
        b"cpu  100 10 50 800 40 1 2 3 90 5\ncpu0 50 5 25 400 20 0 1 1 0 0\n".to_vec(),
        b"MemTotal:       16000 kB\nMemAvailable:    4000 kB\n".to_vec(),
        b" eth0: 1296 16 0 0 0 0 0 0 1297 16 0 0 0 0 0 0\n 259 0 nvme0n1 5 1 38943220 1 9 1 462375378 4 0 1 4\n".to_vec(),
        b"42 () R 1 () S 1 2 2 0 -1 4194560 1 2 3 4 700 30 0 0 20 0 1 0 98765 11931648 443 18446744073709551615\n".to_vec(),
        b"28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n40 28 0:51 / /a\\040b rw - fuse.x\\134.AppImage x ro\n31 28 8:3 / / rw - xfs b rw\n".to_vec(),
    ];
    run("files of the machine", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for (_, times) in proc::cpu_times(&text) {
            assert!(times.busy <= times.total);
        }
        let _ = (proc::load_average(&text), proc::process_io(&text), proc::disks(&text), proc::Process::parse(bytes));
        let found = mounts::file_systems(bytes);
        let devices: std::collections::BTreeSet<_> = found.iter().map(|fs| fs.device).collect();
        assert_eq!(devices.len(), found.len(), "each once");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn answers_of_github() {
    let of = |id: u64, rest: &str| {
        format!(
            r#"{{"id":{id},"name":"CI","path":".github/workflows/ci.yml","status":"completed","conclusion":"success","run_attempt":2,"head_sha":"a{id}","created_at":"2026-11-24T00:00:00Z","run_started_at":"2026-11-24T00:00:05Z","updated_at":"2026-11-24T00:01:00Z"{rest}}}"#
        )
    };
    let corpus: Vec<Vec<u8>> = [
        format!(r#"{{"total_count":2,"workflow_runs":[{},{}]}}"#, of(1, r#","head_commit":null"#), of(2, r#","html_url":"https://x/y""#)),
        format!(r#"{{"action":"completed","repository":{{"full_name":"o/r"}},"workflow_run":{}}}"#, of(3, "")),
        r#"{"jobs":[{"run_attempt":1,"status":"completed","started_at":"2026-11-24T00:00:07Z","completed_at":"2026-11-24T00:00:59Z"}]}"#
            .to_owned(),
        r#"{"workflows":[{"name":"CI","state":"active"}],"message":"no","resources":{"core":{"remaining":5}}}"#.to_owned(),
        "[remote \"origin\"]\n\turl = git@github.com:o/r.git\n[remote \"x\"]\n\turl = https://u:p@github.com:443/o/r".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec();
    let now = 1_795_478_400_000;
    run("answers of GitHub", &corpus, |bytes| {
        let mut tracker = RunTracker::restore("o/r", 30 * 86_400_000, &[("o/r".to_owned(), bytes.to_vec())]);
        if let Ok(page) = ci::parse::workflows(bytes) {
            tracker.observe_workflows(&page.items);
        }
        if let Ok(page) = ci::parse::runs(bytes) {
            assert!(page.items.len() + page.skipped == page.length);
            tracker.observe_newest_page(ci::parse::Page { more: true, ..page.clone() }, now);
            tracker.observe_gap_page(page, now);
        }
        if let Ok(ci::parse::Delivery::Run { run, .. }) = ci::parse::delivery("workflow_run", bytes) {
            tracker.observe(*run, ReportedBy::Webhook, now);
        }
        let jobs = ci::parse::jobs(bytes).ok();
        let figures_of = |run: &ci::parse::WorkflowRun| {
            jobs.as_ref().map(|page| ci::jobs::JobFigures { ended: true, ..ci::jobs::JobFigures::new(&page.items, run, true) })
        };
        while let Some((run, _)) = tracker.next_run_without_jobs(now) {
            tracker.observe_jobs((run.id, run.attempt), figures_of(&run), now);
        }
        tracker.push_samples(now);
        let changes = tracker.take_changes();
        assert!(changes.batch.times.iter().all(|t| *t <= now + 1_000));
        let again = RunTracker::restore(
            "o/r",
            30 * 86_400_000,
            &changes.documents.into_iter().filter_map(|(k, v)| Some((k, v?))).collect::<Vec<_>>(),
        );
        assert_eq!(again.records().count(), tracker.records().count());
        let _ = (ci::parse::message(bytes), ci::parse::remaining(bytes), ci::parse::repository(bytes));
        let _ = ci::paging::has_next_page(std::str::from_utf8(bytes).ok(), None, 1, 1, 1);
        let _ = ci::remote::repository(&String::from_utf8_lossy(bytes), &["github.com".to_owned()]);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn boards() {
    let corpus = [
        &br#"{"master":{"tasks":[{"id":1,"title":"Ship it \ud83d","status":"done","dependencies":["2.1",null,{"id":3}],"updatedAt":1764000000000},
            {"id":"2","title":"\ud83d\ude00 \\ud83d","status":"in-progress","subtasks":[{"id":1},{"id":"2.1"},"text",null],"updatedAt":"2026-11-25T20:00:00Z"}],"metadata":{}}}"#[..],
        br#"{"version":"1.0","tasks":[{"id":1e999,"dependencies":"1"},{"id":1},{"id":1,"subtasks":{}},5,{"title":"x"}],"v2":{"metadata":{}}}"#,
        b"\xEF\xBB\xBF{\"m\":{\"tasks\":[{\"id\":-1.5E3,\"title\":\"Caf\xe9\",\"priority\":\"high\",\"dependencies\":[1,2]}]},\"n\":{\"tasks\":null}}",
        br#"{"complexityAnalysis":[{"taskId":3,"complexityScore":7}],"currentTag":"x\udfff"}"#,
    ]
    .map(<[u8]>::to_vec);
    let mut watcher = Watcher::default();
    let mut now = 1_795_478_400_000;
    run("boards", &corpus, |bytes| {
        let _ = (parse_state(bytes), parse_complexity(bytes).is_ok());
        let Ok(board) = Board::parse(bytes, None) else { return };
        now += 1_000;
        let before: Vec<_> = board.tags.keys().map(|tag| watcher.counters(tag)).collect();
        watcher.observe(&board, now);
        for ((name, tag), before) in board.tags.iter().zip(before) {
            let (figures, after) = (Figures::of(tag), watcher.counters(name));
            assert_eq!(figures.tasks.values().sum::<u64>(), tag.tasks.len() as u64);
            assert!(after.completed >= before.completed && after.reopened >= before.reopened);
            assert!(after.completed + after.reopened <= before.completed + before.reopened + tag.tasks.len() as u64);
        }
        assert!(board.findings.first.len() <= board.findings.count);
        let again = watcher.observe(&board, now + 1);
        assert!(again.transitions.is_empty() && again.switched.is_empty());
    });
}
