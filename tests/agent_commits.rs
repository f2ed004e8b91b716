//! Commits of coding agents that do not name them: from the log of the repository to CI and what became of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::http::{Server, respond};
use common::otlp::JSON;
use common::{Folder, Service, within};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Repositories are looked at every 15 s.
const LOOKED: Duration = Duration::from_secs(60);

fn git(folder: &Path, args: &str) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).args(args.split(' ')).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Ada Lovelace").env(format!("GIT_{who}_EMAIL"), "ada@example.org");
    }
    let done = git.output().unwrap();
    assert!(done.status.success(), "git {args}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Commits a file; the id.
fn commit(folder: &Path, name: &str) -> String {
    std::fs::write(folder.join(name), name).unwrap();
    git(folder, &format!("add {name}"));
    git(folder, &format!("commit -q -m {name}"));
    git(folder, "rev-parse HEAD")
}

fn hook(service: &Service, session: &str, folder: &Path, event: &str) {
    let event = json!({"session_id": session, "cwd": folder, "hook_event_name": event});
    let client = reqwest::blocking::Client::new();
    let response = client.post(service.url("/hooks/agent")).header("content-type", JSON).body(event.to_string()).send().unwrap();
    assert_eq!(response.status(), 200);
}

fn commits(service: &Service, session: &str) -> Vec<Value> {
    let all = service.data("/api/v1/agents")["sessions"].as_array().unwrap().clone();
    let found = all.into_iter().find(|one| one["id"] == session);
    found.map(|session| session["commits"].as_array().unwrap().clone()).unwrap_or_default()
}

/// Waits until a session has these commits: their ids, and how they are known.
fn wait_for(service: &Service, session: &str, wanted: &[(&str, &str)]) -> Vec<Value> {
    let mut last = Vec::new();
    within(LOOKED, &format!("{session}: {wanted:?}"), || {
        last = commits(service, session);
        let all = last.iter().map(|commit| (commit["id"].as_str().unwrap(), commit["how"].as_str().unwrap()));
        all.eq(wanted.iter().copied()).then(|| last.clone())
    })
}

#[test]
fn commits_are_found_in_the_worktree_in_which_they_were_made() {
    let place = Folder::new();
    let service = place.start();
    let (app, side) = (place.path().join("app"), place.path().join("side"));
    std::fs::create_dir(&app).unwrap();
    git(&app, "init -q -b main");
    git(&app, "-c user.name=x -c user.email=x@example.org commit -q --allow-empty -m before --date=2020-01-01T00:00:00Z");
    git(&app, "worktree add -q ../side -b side");
    for (session, folder) in [("s1", &app), ("s2", &app), ("s3", &side)] {
        hook(&service, session, folder, "UserPromptSubmit");
    }
    let (here, there) = (commit(&app, "a"), commit(&side, "b"));
    wait_for(&service, "s1", &[(&here, "shared")]);
    wait_for(&service, "s2", &[(&here, "shared")]);
    let found = wait_for(&service, "s3", &[(&there, "by_folder_and_time")]);
    assert_eq!((&found[0]["branch"], &found[0]["outcome"], &found[0]["ci"]), (&json!("side"), &json!("open"), &Value::Null));
    // An amend, then a rebase: the new one stands for the old.
    std::fs::write(side.join("b"), "more").unwrap();
    git(&side, "commit -q -a --amend --no-edit");
    git(&side, "rebase -q main");
    let moved = git(&side, "rev-parse HEAD");
    assert_ne!(moved, there);
    wait_for(&service, "s3", &[(&moved, "by_folder_and_time")]);
    git(&app, "merge -q --ff-only side");
    within(LOOKED, "the merge", || (commits(&service, "s3")[0]["outcome"] == "merged").then_some(()));
    assert_eq!(commits(&service, "s1").len(), 1, "a fast-forward makes no commit");
    git(&app, &format!("revert --no-edit {here}"));
    let revert = git(&app, "rev-parse HEAD");
    let found = wait_for(&service, "s1", &[(&here, "shared"), (&revert, "shared")]);
    assert_eq!(found[0]["outcome"], "reverted");
    let kept = service.get("/api/v1/agents").text().unwrap();
    assert!(!kept.contains("Ada") && !kept.contains("ada@"), "{kept}");
    let service = {
        assert_eq!(service.stop(), Some(0));
        place.start()
    };
    assert_eq!(commits(&service, "s1").len(), 2, "kept");
}

#[test]
fn a_damaged_repository_and_one_that_is_not_to_be_read_harm_nothing() {
    let place = Folder::new();
    let service = place.start();
    let (bad, good) = (place.path().join("bad"), place.path().join("good"));
    for folder in [&bad, &good] {
        std::fs::create_dir(folder).unwrap();
        git(folder, "init -q -b main");
        hook(&service, folder.file_name().unwrap().to_str().unwrap(), folder, "UserPromptSubmit");
    }
    hook(&service, "gone", &place.path().join("gone"), "UserPromptSubmit");
    let lost = commit(&bad, "a");
    std::fs::remove_file(bad.join(format!(".git/objects/{}/{}", &lost[..2], &lost[2..]))).unwrap();
    std::fs::write(bad.join(".git/packed-refs"), [0xff; 100]).unwrap();
    let found = commit(&good, "a");
    wait_for(&service, "good", &[(&found, "by_folder_and_time")]);
    assert!(commits(&service, "bad").is_empty() && commits(&service, "gone").is_empty());
    assert_eq!(service.stop(), Some(0));
    place.settings("[agents]\nread_repositories = false\n");
    let service = place.start();
    hook(&service, "good", &good, "UserPromptSubmit");
    commit(&good, "b");
    std::thread::sleep(Duration::from_secs(17));
    wait_for(&service, "good", &[(&found, "by_folder_and_time")]);
}

/// GitHub, as far as it is asked: one run of a commit with its job, and a pull request.
fn github(sha: Arc<Mutex<(String, &'static str)>>) -> Server {
    Server::start(move |asked, stream| {
        let (sha, state) = sha.lock().clone();
        let repo = json!({"full_name": "octo/app"});
        let at = |ago: i64| jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - ago).unwrap().to_string();
        let run = json!({
            "id": 1, "run_attempt": 1, "run_number": 1, "workflow_id": 5, "path": ".github/workflows/ci.yml", "name": "CI", "status": "completed",
            "conclusion": "failure", "head_branch": "work", "head_sha": sha, "event": "push", "display_title": "x",
            "html_url": "https://github.com/octo/app/actions/runs/1", "repository": repo, "head_repository": repo, "created_at": at(100),
            "run_started_at": at(100), "updated_at": at(30), "pull_requests": [{"number": 7}],
        });
        let pull = json!({
            "number": 7, "state": if state == "open" { "open" } else { "closed" }, "html_url": "https://github.com/octo/app/pull/7",
            "merged_at": if state == "merged" { json!(at(1)) } else { Value::Null },
            "head": {"sha": sha, "ref": "work", "repo": repo}, "base": {"repo": repo}, "merge_commit_sha": "f".repeat(40),
        });
        let job = json!({
            "id": 1, "name": "test", "status": "completed", "conclusion": "failure", "run_attempt": 1, "labels": ["ubuntu-latest"],
            "created_at": at(100), "started_at": at(95), "completed_at": at(35),
        });
        let path = asked.path.split('?').next().unwrap_or("");
        let body = if path.ends_with("/pulls") {
            json!([pull])
        } else if path.ends_with("/jobs") {
            json!({"total_count": 1, "jobs": [job]})
        } else if path.ends_with("/actions/runs") && !sha.is_empty() {
            json!({"total_count": 1, "workflow_runs": [run]})
        } else if path.ends_with("/actions/workflows") {
            json!({"total_count": 0, "workflows": []})
        } else {
            json!({"total_count": 0, "workflow_runs": []})
        };
        respond(stream, "200 OK", "content-type: application/json\r\n", body.to_string().as_bytes());
    })
}

#[test]
fn a_commit_leads_to_its_runs_their_time_and_money_and_its_pull_request() {
    let sha = Arc::new(Mutex::new((String::new(), "open")));
    let fake = github(Arc::clone(&sha));
    let settings = format!(
        "[github]\nrepositories = [\"octo/app\"]\napi_url = \"{}\"\ntoken = \"t0ken\"\ninterval = \"1s\"\n\
         [costs.prices.linux]\nfrom = \"2026-01-01\"\nrunner = \"ubuntu-*\"\nper_minute = 0.01\ncurrency = \"USD\"\n",
        fake.url("")
    );
    let place = Folder::with_settings(&settings);
    let service = place.start();
    let app = place.path().join("app");
    std::fs::create_dir(&app).unwrap();
    git(&app, "init -q -b main");
    git(&app, "-c user.name=x -c user.email=x@example.org commit -q --allow-empty -m before --date=2020-01-01T00:00:00Z");
    git(&app, "checkout -q -b work");
    hook(&service, "s1", &app, "UserPromptSubmit");
    let (first, second) = (commit(&app, "a"), commit(&app, "b"));
    *sha.lock() = (second.clone(), "open");
    let by_time = "by_folder_and_time";
    wait_for(&service, "s1", &[(&first, by_time), (&second, by_time)]);
    let found = within(LOOKED, "CI and the pull request", || {
        let found = commits(&service, "s1");
        (found[1]["ci"]["cost_usd"].is_number() && found[1]["pull_request"]["state"] == "open").then_some(found)
    });
    let ci = json!({"runs": 1, "failed": 1, "running": 0, "job_seconds": 60.0, "cost_usd": 0.01});
    let pull = json!({"number": 7, "url": "https://github.com/octo/app/pull/7", "state": "open"});
    assert_eq!((&found[1]["ci"], &found[1]["outcome"], &found[1]["pull_request"]), (&ci, &json!("failing"), &pull));
    assert_eq!((&found[0]["ci"], &found[0]["outcome"], &found[0]["pull_request"]), (&Value::Null, &json!("open"), &pull));
    for by in ["commit", "session", "branch", "task"] {
        let costs = service.data(&format!("/api/v1/costs?by={by}"));
        let rows = costs["rows"].as_array().unwrap();
        assert_eq!((&costs["total"]["ci_seconds"], &costs["total"]["ci_cost_usd"]), (&json!(60.0), &json!(0.01)), "{by}: {costs}");
        assert_eq!(rows.iter().filter(|row| row["ci_seconds"] == 60.0).count(), 1, "{by}: {costs}");
    }
    // The agent is told of it.
    let event = json!({"session_id": "s1", "cwd": app, "hook_event_name": "PostToolUse", "tool_name": "Bash"});
    let client = reqwest::blocking::Client::new();
    let answer = client.post(service.url("/hooks/agent")).header("content-type", JSON).body(event.to_string()).send().unwrap();
    let answer = common::json_of(answer).to_string();
    assert!(answer.contains(&format!("CI failed on your commit {}", &second[..7])), "{answer}");
    assert_eq!(service.stop(), Some(0));
}
