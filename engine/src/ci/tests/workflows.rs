//! What a workflow is known by and called, and which series it has.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::is_stale_marker;

/// One of many runs, of a workflow with this number, file and name.
fn of_workflow(id: u64, workflow_id: u64, path: &str, name: &str, outcome: &str) -> WorkflowRun {
    let sha = (id / 2).to_string();
    let text = json!({"total_count": 1, "workflow_runs": [{
        "id": id, "workflow_id": workflow_id, "path": path, "name": name, "status": "completed", "conclusion": outcome, "head_sha": sha,
        "run_attempt": 1, "created_at": "2026-11-24T00:00:00Z", "updated_at": "2026-11-24T00:01:00Z",
    }]});
    let mut run = parse::runs(text.to_string().as_bytes()).unwrap().items.remove(0);
    (run.created, run.started) = (T0 + id as i64 * 60_000, T0 + id as i64 * 60_000);
    run.updated = Some(run.created + 30_000);
    run
}

fn names(tracker: &RunTracker) -> Vec<(String, String)> {
    let name = |key: &WorkflowKey| (tracker.names().name(key).to_owned(), tracker.names().path(key).to_owned());
    tracker.figures().keys().map(name).collect()
}

fn published(tracker: &mut RunTracker, now: i64) -> BTreeMap<String, f64> {
    tracker.push_samples(T0 + now * 1_000);
    tracker.take_changes().batch.rows().map(|(labels, sample)| (labels.to_string(), sample.v)).collect()
}

#[test]
fn two_files_of_one_name_are_two_workflows() {
    let runs = (0..10).map(|n| {
        let (workflow, path, outcome) = if n % 2 == 0 { (1, "a", "failure") } else { (2, "b", "success") };
        of_workflow(n, workflow, &format!(".github/workflows/{path}.yml"), "CI", outcome)
    });
    let mut tracker = known(runs.collect(), 100_000);
    let figures: Vec<_> = tracker.figures().into_values().map(|f| (f.success_ratio, f.flaky_ratio, f.wasted_seconds)).collect();
    assert_eq!(figures, [(Some(0.0), Some(0.0), 0.0), (Some(1.0), Some(0.0), 0.0)]);
    let published = published(&mut tracker, 100_000);
    for (path, id, conclusion) in [("a", 1, "failure"), ("b", 2, "success")] {
        let labels = format!("workflow=\"CI\",workflow_id=\"{id}\",workflow_path=\".github/workflows/{path}.yml\"}}");
        let series = format!("github_actions_runs_total{{conclusion=\"{conclusion}\",repo=\"o/r\",{labels}");
        assert_eq!(published.get(&series), Some(&5.0), "{series} in {published:?}");
    }
}

#[test]
fn runs_of_a_broken_file_belong_to_their_workflow() {
    let path = ".github/workflows/ci.yml";
    for broken_first in [true, false] {
        let run = |n: u64| of_workflow(n, 7, path, if (n < 3) == broken_first { path } else { "CI" }, "failure");
        let tracker = known((0..6).map(run).collect(), 100_000);
        assert_eq!(names(&tracker), [("CI".to_owned(), path.to_owned())]);
        assert_eq!(tracker.figures().into_values().next().unwrap().runs["failure"], 6);
    }
    // Nobody ever read a name.
    let tracker = known(vec![of_workflow(1, 7, path, path, "failure")], 100_000);
    assert_eq!(names(&tracker), [(path.to_owned(), path.to_owned())]);
}

#[test]
fn names_and_files_are_those_that_github_shows() {
    for (id, path, name, expected) in [
        (7, ".github/workflows/ci.yml@main", "CI", ("CI", ".github/workflows/ci.yml")),
        (7, "o/r/.github/workflows/ci.yaml@refs/heads/x", "CI", ("CI", "o/r/.github/workflows/ci.yaml")),
        (7, "dynamic/pages/pages-build-deployment", "", ("pages-build-deployment", "dynamic/pages/pages-build-deployment")),
        (7, "dynamic/dependabot/updates", "Dependabot Updates", ("Dependabot Updates", "dynamic/dependabot/updates")),
        (7, "", ".github/workflows/ci.yml", (".github/workflows/ci.yml", ".github/workflows/ci.yml")),
        (7, "", "", ("#7", "")),
        (0, "", "CI", ("CI", "")),
        (0, ".github/workflows/ci.yml", "CI", ("CI", ".github/workflows/ci.yml")),
    ] {
        let tracker = known(vec![of_workflow(1, id, path, name, "success")], 100_000);
        assert_eq!(names(&tracker), [(expected.0.to_owned(), expected.1.to_owned())], "{id} {path} {name}");
    }
    let nothing = json!({"workflow_runs": [{"id": 1, "workflow_id": 0, "status": "queued", "created_at": "2026-11-24T00:00:00Z"}]});
    assert_eq!(parse::runs(nothing.to_string().as_bytes()).unwrap().skipped, 1, "of no workflow");
}

#[test]
fn a_workflow_that_gets_another_name_goes_on_and_its_old_series_end() {
    let path = ".github/workflows/ci.yml";
    let mut tracker = known((0..4).map(|n| of_workflow(n, 7, path, "CI", "success")).collect(), 100_000);
    published(&mut tracker, 100_000);
    tracker.observe(of_workflow(8, 7, path, "Build", "success"), ReportedBy::Api, T0 + 100_001_000);
    let changed = published(&mut tracker, 100_010);
    let total = |name: &str| {
        let rest = format!("repo=\"o/r\",workflow=\"{name}\",workflow_id=\"7\",workflow_path=\"{path}\"}}");
        changed.get(&format!("github_actions_runs_total{{conclusion=\"success\",{rest}")).copied()
    };
    assert_eq!(total("Build"), Some(5.0), "the count goes on");
    assert!(total("CI").is_some_and(is_stale_marker), "{changed:?}");
    let again = published(&mut tracker, 100_020);
    assert!(again.keys().all(|labels| labels.contains("Build")), "it ends once: {again:?}");

    // The name on the default branch counts, whatever a run of another branch is called.
    let listed = br#"{"workflows":[{"id":7,"name":"Main","path":".github/workflows/ci.yml","state":"active"}]}"#;
    tracker.observe_workflows(&parse::workflows(listed).unwrap().items);
    tracker.observe(of_workflow(9, 7, path, "Tried", "success"), ReportedBy::Api, T0 + 100_021_000);
    assert_eq!(names(&tracker)[0].0, "Main");
    let broken = listed.map_name("Main", path);
    tracker.observe_workflows(&parse::workflows(&broken).unwrap().items);
    assert_eq!(names(&tracker)[0].0, "Main", "a file that cannot be read any more keeps its name");
}

trait MapName {
    fn map_name(&self, from: &str, to: &str) -> Vec<u8>;
}

impl MapName for [u8] {
    fn map_name(&self, from: &str, to: &str) -> Vec<u8> {
        String::from_utf8_lossy(self).replace(from, to).into_bytes()
    }
}

#[test]
fn what_was_kept_in_another_form_is_read_anew() {
    let record = br#"{"id":1,"attempt":1,"workflow":"CI","status":"completed","conclusion":"success","branch":"","sha":"","event":"","number":1,"title":"","url":"","fork":false,"created":1,"started":1,"updated":2,"committed":null,"at":2,"live":false,"jobs_known":true,"queue":null,"job_seconds":null}"#;
    let documents = [
        ("o/r".to_owned(), br#"{"opened":5,"seen_to":5,"told_runs":true}"#.to_vec()),
        ("o/r/00000000000000000001.1".to_owned(), record.to_vec()),
        ("o/rest/00000000000000000001.1".to_owned(), record.to_vec()),
    ];
    let mut tracker = RunTracker::restore("o/r", KEEP, &documents);
    assert_eq!((tracker.is_complete(), tracker.records().count()), (false, 0));
    let changes = tracker.take_changes().documents;
    let gone: BTreeSet<_> = changes.iter().filter(|(_, bytes)| bytes.is_none()).map(|(key, _)| key.as_str()).collect();
    assert_eq!(gone, BTreeSet::from(["o/r", "o/r/00000000000000000001.1"]));
    assert!(changes.last().is_some_and(|(key, bytes)| key == "o/r" && bytes.is_some()));
}
