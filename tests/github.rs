//! GitHub Actions against the stand-in for its REST interface: figures, faults, cost, backfill, webhooks, trouble.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;
#[path = "github/files.rs"]
mod files;
#[path = "github/odd.rs"]
mod odd;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::github::{Fake, Truth, truth, unix};
use common::http::{Server, respond};
use common::{Folder, Service, eventually, within};
use serde_json::{Value, json};

const SECRET: &str = "a-secret-of-webhooks";
const STANDARD: [&str; 5] = ["queued", "in_progress", "waiting", "requested", "pending"];

fn source(service: &Service, name: &str) -> Value {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().find(|s| s["source"] == name).cloned().unwrap_or(Value::Null)
}

fn reason(service: &Service, name: &str) -> String {
    source(service, name)["reason"].as_str().unwrap_or_default().to_owned()
}

fn repository(service: &Service, repo: &str) -> Option<Value> {
    service.data("/api/v1/ci/runs")["repositories"].as_array().unwrap().iter().find(|r| r["repo"] == repo).cloned()
}

/// Waits until everything of a repository was read.
fn whole(service: &Service, repo: &str) -> Value {
    within(Duration::from_secs(120), "all of the history", || {
        repository(service, repo).filter(|r| r["whole"] == true && r["jobs_wanted"] == 0)
    })
}

fn number(row: &Value) -> f64 {
    row["value"][1].as_str().unwrap().parse().unwrap()
}

fn by(service: &Service, query: &str, label: &str) -> BTreeMap<String, f64> {
    let rows = service.query(query);
    rows.iter().map(|row| (row["metric"][label].as_str().unwrap_or("").to_owned(), number(row))).filter(|(_, v)| *v != 0.0).collect()
}

fn one(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first().map(number)
}

/// The figures of a workflow as the service's series have them.
fn reported(service: &Service, repo: &str, workflow: &str) -> Truth {
    let of = format!("{{repo=\"{repo}\",workflow=\"{workflow}\"}}");
    let sums = |metric: &str| by(service, &format!("sum by (conclusion) (sum_over_time({metric}{of}[40d]))"), "conclusion");
    let counts = by(service, &format!("sum by (conclusion) (count_over_time(github_actions_run_duration_seconds{of}[40d]))"), "conclusion");
    let runs = by(service, &format!("github_actions_runs_total{of}"), "conclusion");
    assert_eq!(counts, runs, "{workflow}: a sample for each run that was counted");
    Truth {
        success_ratio: one(service, &format!("github_actions_success_ratio{of}")),
        flaky_ratio: one(service, &format!("github_actions_flaky_ratio{of}")),
        active: by(service, &format!("github_actions_active_runs{of}"), "status"),
        runs,
        durations: sums("github_actions_run_duration_seconds"),
        queues: sums("github_actions_run_queue_seconds"),
        job_seconds: one(service, &format!("github_actions_job_seconds_total{of}")).unwrap_or(0.0),
        wasted_seconds: one(service, &format!("github_actions_wasted_seconds_total{of}")).unwrap_or(0.0),
    }
}

/// Sums of nothing but zeros are as good as none.
fn plain(mut truth: Truth) -> Truth {
    for sums in [&mut truth.durations, &mut truth.queues] {
        sums.retain(|_, v| *v != 0.0);
    }
    truth
}

fn assert_figures(service: &Service, repo: &str, expected: &BTreeMap<String, Truth>) {
    whole(service, repo);
    for (workflow, expected) in expected {
        let expected = plain(expected.clone());
        let mut last = Truth::default();
        for _ in 0..200 {
            last = reported(service, repo, workflow);
            if last == expected {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(last, expected, "{workflow}");
    }
}

#[test]
fn figures_are_those_that_follow_from_the_answers() {
    for profile in ["plain", "odd"] {
        let fake = Fake::start(&["--speed", "0", "--profile", profile, "--token", "t0ken", "--seed", "7"]);
        let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
        let service = folder.start();
        let expected = truth(&fake, "octo/app");
        assert_figures(&service, "octo/app", &expected);
        let shown = repository(&service, "octo/app").unwrap();
        let first = &fake.runs("octo/app")[0];
        let (newest, status) = (&shown["runs"][0], &first["status"]);
        assert_eq!((&newest["id"], &newest["status"], &newest["sha"]), (&first["id"], status, &first["head_sha"]));
        assert_eq!((&newest["url"], &newest["conclusion"]), (&first["html_url"], &first["conclusion"]));
        for workflow in shown["workflows"].as_array().unwrap() {
            let expected = &expected[workflow["workflow"].as_str().unwrap()];
            let apart = workflow["success_ratio"].as_f64().unwrap_or(9.0) - expected.success_ratio.unwrap_or(9.0);
            assert!(apart.abs() < 1e-9, "{workflow}");
            let active: f64 = expected.active.iter().filter(|(status, _)| STANDARD.contains(&status.as_str())).map(|(_, n)| n).sum();
            assert_eq!(workflow["active"].as_f64(), Some(active));
            assert!(workflow["p50_seconds"].is_number() && workflow["state"] == "active");
        }
        assert!(one(&service, "github_rate_limit_remaining").is_some_and(|left| left > 4_000.0));
        // Counters have a history from before the first poll, and never fall.
        let falls = one(&service, "sum(resets(github_actions_runs_total[40d])) + sum(resets(github_actions_job_seconds_total[40d]))");
        assert_eq!(falls, Some(0.0));
        let before = one(&service, "sum(github_actions_runs_total offset 3d)");
        assert!(before.is_none(), "a sample an end, not more");
        assert!(one(&service, "sum(last_over_time(github_actions_runs_total[40d] offset 1d))").is_some_and(|v| v > 10.0));
    }
}

/// Each fault hits the first poll, and then the backfill.
fn figures_survive(faults: &[(&str, usize, &str)], seed: &str) {
    let fake = Fake::start(&["--speed", "0", "--profile", "odd", "--token", "t0ken", "--runs", "110", "--seed", seed]);
    let expected = truth(&fake, "octo/app");
    for (fault, count, reported) in faults {
        fake.fault(fault, *count);
        let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
        let service = folder.start();
        eventually("the newest runs", || repository(&service, "octo/app").filter(|r| r["runs_known"].as_u64() > Some(0)));
        assert_eq!(fake.faults_left(), 0, "{fault}: the first poll hit it");
        assert!(service.log().contains(reported), "{fault}: {}", service.log());
        fake.fault(fault, *count);
        assert_figures(&service, "octo/app", &expected);
        eventually("the backfill hit it", || (fake.faults_left() == 0).then_some(()));
        eventually("it is up again", || (source(&service, "github octo/app")["up"] == true).then_some(()));
    }
}

#[test]
fn after_errors_and_delays_the_figures_are_the_same() {
    figures_survive(&[("500", 2, "status 500 Server Error"), ("502", 2, "status 502"), ("garbage", 2, "not JSON"), ("slow", 1, "")], "3");
}

#[test]
fn after_limits_and_cuts_the_figures_are_the_same() {
    let (limit, pause) = ("rate limit is used up until", "GitHub asks to wait until");
    figures_survive(&[("ratelimit", 1, limit), ("secondary", 2, pause), ("truncate", 2, "failing: "), ("reset", 2, "failing: ")], "4");
}

#[test]
fn polling_costs_nothing_while_nothing_changes() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "200"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
    let service = folder.start();
    let shown = whole(&service, "octo/app");
    let known = shown["runs_known"].as_u64().unwrap();
    // The newest page, what is before it, the jobs of each run, the workflows and their files.
    eventually("the workflows", || fake.served().0.get("/repos/octo/app/actions/workflows").map(|_| ()));
    eventually("their files", || fake.served().0.get("/repos/octo/app/contents/.github/workflows").map(|_| ()));
    let spent = fake.paid();
    assert!(spent <= known + 5, "{spent} requests for {known} runs");
    let polls = |fake: &Fake| fake.served().1;
    let begun = polls(&fake);
    // As many polls as a quarter of an hour has by default.
    within(Duration::from_secs(60), "polls", || (polls(&fake) >= begun + 15).then_some(()));
    println!("{known} runs: {spent} requests for the backfill; then {} polls, {} paid", polls(&fake) - begun, fake.paid() - spent);
    assert_eq!(fake.paid(), spent, "a poll at which nothing is new costs nothing");
    // A restart asks once for the newest page and the workflows, and knows all the rest.
    service.kill();
    let service = folder.start();
    whole(&service, "octo/app");
    let begun = polls(&fake);
    within(Duration::from_secs(60), "polls", || (polls(&fake) >= begun + 3).then_some(()));
    assert!(fake.paid() <= spent + 2, "{} after {spent}", fake.paid());
    let own = service.get("/metrics").text().unwrap();
    let count = |outcome: &str| {
        let name = format!("taskpulse_github_requests_total{{outcome=\"{outcome}\"}} ");
        own.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    assert!(count("paid") <= 2.0 && count("unchanged") >= 3.0, "it counts the same: {own}");
}

#[test]
fn no_more_than_its_share_of_the_limit_is_used_and_what_is_known_is_shown() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "90"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], "share = 0.01\n"));
    let service = folder.start();
    eventually("it says why it waits", || {
        let why = reason(&service, "github octo/app");
        (why.contains("more is read later: the 50 requests an hour") && why.contains("github.share")).then_some(())
    });
    let shown = repository(&service, "octo/app").unwrap();
    assert!(shown["whole"] == true && shown["jobs_wanted"].as_u64() > Some(20), "{}", shown["jobs_wanted"]);
    let reported = |metric: &str| one(&service, &format!("sum(count_over_time({metric}[40d]))")).unwrap_or(0.0);
    let before = reported("github_actions_success_ratio");
    eventually("figures continue", || (reported("github_actions_success_ratio") >= before + 4.0).then_some(()));
    assert!(fake.paid() <= 50, "{} requests", fake.paid());
    assert!(reported("github_actions_runs_total") > 0.0);
    assert_eq!(reported("github_actions_job_seconds_total"), 0.0, "a sum with unknown parts is not published");
    assert_eq!(source(&service, "github octo/app")["up"], true);
}

#[test]
fn the_history_is_read_on_after_a_crash_and_no_run_is_counted_twice() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "230", "--seed", "5"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
    let expected = truth(&fake, "octo/app");
    let before = fake.paid();
    for part in [60, 140] {
        let service = folder.start();
        eventually("a part of the jobs", || {
            let shown = repository(&service, "octo/app")?;
            let (known, wanted) = (shown["runs_known"].as_u64()?, shown["jobs_wanted"].as_u64()?);
            (known > 150 && known - wanted >= part).then_some(())
        });
        service.kill();
    }
    let service = folder.start();
    assert_figures(&service, "octo/app", &expected);
    let spent = fake.paid() - before;
    assert!(spent < 230 + 2 * 60 + 20, "{spent} requests: what was read is not read again");
}

/// Signs a body as GitHub does.
fn signature(body: &str) -> String {
    let program =
        "import hmac, hashlib, sys; print('sha256=' + hmac.new(sys.argv[1].encode(), sys.stdin.buffer.read(), hashlib.sha256).hexdigest())";
    let mut child = Command::new("python3").args(["-c", program, SECRET]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), body.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn webhooks_move_the_figures_at_once_and_only_signed_ones_do() {
    // Five minutes a second: runs begin and end during the test.
    let fake = Fake::start(&["--speed", "300", "--token", "t0ken", "--runs", "60", "--seed", "12"]);
    let hooks = format!("webhook_secret = \"{SECRET}\"\n");
    let settings = fake.settings(&["octo/app"], &hooks).replace("interval = \"1s\"", "interval = \"1h\"");
    let folder = Folder::with_settings(&(settings + "[server]\ntoken = \"0123456789abcdef\"\n"));
    let service = folder.start();
    let get = |path: &str| -> Value {
        let answer = service.client.get(service.url(path)).bearer_auth("0123456789abcdef").send().unwrap();
        answer.json::<Value>().unwrap()["data"].take()
    };
    let shown = || get("/api/v1/ci/runs")["repositories"].as_array().unwrap().first().cloned();
    within(Duration::from_secs(60), "the history", || shown().filter(|r| r["whole"] == true && r["jobs_wanted"] == 0));
    let known: Vec<Value> = shown().unwrap()["runs"].as_array().unwrap().clone();
    let is_known = |run: &Value| known.iter().any(|k| k["id"] == run["id"] && k["status"] == "completed");
    // One that ended since. The service does not know it: it polls once an hour.
    let run = eventually("a run ends", || fake.runs("octo/app").into_iter().find(|run| run["status"] == "completed" && !is_known(run)));
    let asked = fake.served().0["/repos/octo/app/actions/runs"];
    let url = service.url("/hooks/github");
    let post = || fake.control(&json!({"webhook": {"url": url, "secret": SECRET, "run": run["id"]}}))["sent"].clone();
    assert_eq!(post(), json!([200, 200, 200]), "no token of the service is needed");
    let ended =
        eventually("its end", || shown()?["runs"].as_array()?.iter().find(|r| r["id"] == run["id"] && r["status"] == "completed").cloned());
    assert_eq!((&ended["conclusion"], ended["job_seconds"].is_number()), (&run["conclusion"], true));
    assert_eq!(ended["duration_seconds"], (unix(&run["updated_at"]) - unix(&run["run_started_at"])) as f64);
    let counted = |event: &str, outcome: &str| {
        let text = service.client.get(service.url("/metrics")).bearer_auth("0123456789abcdef").send().unwrap().text().unwrap();
        let name = format!("taskpulse_webhooks_total{{event=\"{event}\",outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    assert_eq!(counted("workflow_run", "accepted"), 3.0);
    assert_eq!(post(), json!([200, 200, 200]));
    assert_eq!(counted("workflow_run", "replayed"), 3.0, "the same deliveries again");
    let sent = fake.control(&json!({"webhook": {"url": url, "secret": "another-secret-here", "run": run["id"]}}));
    assert!(sent["sent"].as_array().unwrap().iter().all(|answer| answer.to_string().contains("401")), "{sent}");
    assert_eq!(counted("workflow_run", "refused"), 3.0);

    let deliver = |event: &str, id: &str, body: &str, signed: &str| {
        let request = service.client.post(&url).header("x-github-event", event).header("x-hub-signature-256", signed);
        let answer = request.header("x-github-delivery", id).body(body.to_owned()).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    assert_eq!(deliver("ping", "1", "{}", &signature("{}")).0, 200);
    assert!(deliver("star", "2", "{}", &signature("{}")).1.contains("ignored"));
    assert_eq!((counted("ping", "accepted"), counted("other", "ignored")), (1.0, 1.0));
    assert_eq!(deliver("ping", "3", "{} ", &signature("{}")).0, 401, "a body that was changed");
    assert_eq!(deliver("ping", "4", "{}", "").0, 401);
    let (status, text) = deliver("workflow_run", "5", "{", &signature("{"));
    assert!(status == 400 && text.contains("not JSON"), "{text}");
    let other = json!({"repository": {"full_name": "evil/repo"}, "workflow_run": {"id": 1, "name": "CI", "status": "queued", "created_at": "2026-11-24T00:00:00Z"}}).to_string();
    assert!(deliver("workflow_run", "6", &other, &signature(&other)).1.contains("ignored"), "a repository that nobody watches");
    let own = other.replace("evil/repo", "octo/app");
    assert!(deliver("workflow_run", "7", &own, &signature(&own)).1.contains("accepted"));
    assert!(
        deliver("workflow_run", "8", &own, &signature(&own)).1.contains("replayed"),
        "the same body under another id, which is not signed"
    );
    let foreign = service.client.post(&url).header("host", "evil.example").body("{}").send().unwrap();
    assert_eq!(foreign.status(), 403, "the host is checked all the same");
    assert_eq!(service.client.get(&url).send().unwrap().status(), 405);
    assert_eq!(fake.served().0["/repos/octo/app/actions/runs"], asked, "no poll was needed");
    assert!(!service.log().contains(SECRET) && !get("/api/v1/status").to_string().contains(SECRET));

    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let answer = service.client.post(service.url("/hooks/github")).body("{}").send().unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.text().unwrap().contains("github.webhook_secret"));
}

#[test]
fn while_webhooks_come_polling_is_rarer_and_the_figures_continue() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "20"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], &format!("webhook_secret = \"{SECRET}\"\n")));
    let service = folder.start();
    whole(&service, "octo/app");
    let polls = || fake.served().0["/repos/octo/app/actions/runs"];
    let reported = || one(&service, "sum(count_over_time(github_actions_success_ratio{workflow=\"CI\"}[5m]))").unwrap_or(0.0);
    let (begun, before) = (polls(), reported());
    eventually("a poll a second", || (polls() >= begun + 3 && reported() >= before + 3.0).then_some(()));
    let newest = fake.runs("octo/app")[0]["id"].clone();
    fake.control(&json!({"webhook": {"url": service.url("/hooks/github"), "secret": SECRET, "run": newest}}));
    eventually("it came", || repository(&service, "octo/app").filter(|r| r["webhooks"]["last"].is_number()));
    let (begun, before) = (polls(), reported());
    eventually("figures continue", || (reported() >= before + 6.0).then_some(()));
    // One that was due, and at the most one after ten seconds.
    assert!(polls() <= begun + 2, "{} polls", polls() - begun);
}

#[test]
fn runs_that_come_and_end_are_events_and_are_sampled_once() {
    let fake = Fake::start(&["--speed", "300", "--token", "t0ken", "--runs", "40", "--seed", "12"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
    let service = folder.start();
    let events = |service: &Service, kind: &str| -> Vec<Value> {
        let events = service.data("/api/v1/events?source=github");
        events.as_array().unwrap().iter().filter(|e| e["kind"] == kind).cloned().collect()
    };
    whole(&service, "octo/app");
    eventually("the end of a run", || (!events(&service, "run_finished").is_empty()).then_some(()));
    service.kill();
    let service = folder.start();
    eventually("more of them", || (events(&service, "run_finished").len() >= 3).then_some(()));
    let finished = events(&service, "run_finished");
    let mut subjects: Vec<String> = finished.iter().map(|e| format!("{} {}", e["subject"], e["data"]["attempt"])).collect();
    subjects.sort();
    let all = subjects.len();
    subjects.dedup();
    assert_eq!(subjects.len(), all, "each end once: {subjects:?}");
    let title = finished[0]["title"].as_str().unwrap();
    assert!(title.starts_with("run ") && title.contains(" ended: "), "{title}");
    assert!(events(&service, "run_started").iter().any(|e| e["title"].as_str().unwrap().ends_with("started")));
    // The figures at rest are those of the answers, whatever was seen on the way.
    within(Duration::from_secs(90), "all ends are counted and sampled once", || {
        let runs = fake.runs("octo/app");
        let (ended, all) = (runs.iter().filter(|run| run["status"] == "completed").count(), Some(runs.len() as f64));
        let counted = one(&service, "sum(github_actions_runs_total)");
        let sampled = one(&service, "sum(count_over_time(github_actions_run_duration_seconds[40d] offset -2h))");
        (ended == runs.len() && counted == all && sampled == all).then_some(())
    });
}

#[test]
fn trouble_is_reported_in_one_line_and_delays_no_other_repository() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "20"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/none", "octo/site"], ""));
    let service = folder.start();
    eventually("a repository that is gone", || {
        let why = reason(&service, "github octo/none");
        (why.contains("octo/none is not at http://127.0.0.1") && why.contains("github.repositories") && !why.contains('\n')).then_some(())
    });
    whole(&service, "octo/site");
    assert_eq!(source(&service, "github octo/site")["up"], true);
    drop(service);

    let wrong = fake.settings(&["octo/app"], "").replace("t0ken", "wr0ng");
    let folder = Folder::with_settings(&wrong);
    let service = folder.start();
    eventually("a wrong token", || {
        let why = reason(&service, "github octo/app");
        (why.contains("refuses the token (github.token): 401 Bad credentials; set github.token")).then_some(())
    });
    assert!(service.query("{__name__=~\"github_actions_.*\"}").is_empty(), "nothing is made up");
    assert!(!service.log().contains("wr0ng") && !service.status().to_string().contains("wr0ng"));
    drop(service);

    // The token of the environment, where the settings have none.
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], "").replace("token = \"t0ken\"\n", ""));
    let service = folder.start_with(&[], &[("GITHUB_TOKEN", "t0ken")]);
    whole(&service, "octo/app");
    drop(service);
    // That of the command line `gh`, where neither has one.
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let script = "#!/bin/sh\n[ \"$1 $2 $3 $4\" = \"auth token --hostname 127.0.0.1\" ] && echo t0ken\n";
    fs::write(bin.join("gh"), script).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(bin.join("gh")).status().unwrap().success());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    fs::remove_dir_all(folder.path().join("taskpulse-data")).unwrap();
    let service = folder.start_with(&[], &[("GITHUB_TOKEN", ""), ("PATH", &path)]);
    whole(&service, "octo/app");
    drop(service);
    let service = folder.start_with(&[], &[("GITHUB_TOKEN", "wr0ng")]);
    eventually("a wrong token of the environment", || reason(&service, "github octo/app").contains("(GITHUB_TOKEN)").then_some(()));
}

#[test]
fn the_repository_is_that_of_the_git_remote_and_none_is_no_failure() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "20"]);
    let settings = fake.settings(&[], "");
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let absent = eventually("absent", || Some(source(&service, "github")).filter(|s| s["up"].is_null() && !s["reason"].is_null()));
    assert!(absent["hint"].as_str().unwrap().contains("github.repositories"), "{absent}");
    assert_eq!(service.get("/healthz").status(), 200);
    assert_eq!(service.data("/api/v1/ci/runs")["repositories"], json!([]));
    // A clone that comes later is found without a restart.
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    let config =
        "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@127.0.0.1:octo/site.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n";
    fs::write(folder.path().join(".git/config"), config).unwrap();
    whole(&service, "octo/site");
    assert_eq!(source(&service, "github"), Value::Null, "it has its name now");
    drop(service);
    fs::write(folder.path().join(".git/config"), "[remote \"origin\"]\nurl = https://me:s3cret@gitlab.com/a/b.git\n").unwrap();
    let service = folder.start();
    eventually("another host", || {
        let why = reason(&service, "github");
        (why.contains("is on gitlab.com") && !why.contains("s3cret")).then_some(())
    });
}

#[test]
fn an_enterprise_server_is_asked_below_its_base_and_odd_answers_are_survived() {
    let server = Server::start(|asked, stream| {
        let body = if asked.path.contains("/jobs") {
            json!({"total_count": 0, "jobs": []})
        } else if asked.path.contains("/workflows") {
            json!({"workflows": [{"name": null, "path": ".github/workflows/build.yml", "state": "disabled_manually"}]})
        } else {
            json!({"total_count": 4, "workflow_runs": [
                {"id": 1, "name": "build", "status": "completed", "conclusion": "success", "created_at": "2026-11-24T00:00:00Z", "updated_at": "2026-11-24T00:01:00Z"},
                {"id": 2, "name": "build", "status": "levitating", "created_at": jiff::Timestamp::now().to_string(), "head_commit": null},
                {"name": "no number"}, 5,
            ]})
        };
        let token = asked.headers.get("authorization").cloned().unwrap_or_default();
        let status = if token == "Bearer ent" { "200 OK" } else { "401 Unauthorized" };
        respond(stream, status, "Content-Type: application/json\r\n", body.to_string().as_bytes());
    });
    let settings = format!(
        "[system]\nenabled = false\n[github]\nrepositories = [\"team/tool\"]\napi_url = \"{}\"\ntoken = \"ent\"\ninterval = \"1s\"\nbackfill = \"90d\"\n[store]\nretention = \"400d\"\n",
        server.url("/api/v3/")
    );
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let shown = whole(&service, "team/tool");
    let workflow = &shown["workflows"][0];
    assert_eq!((&workflow["statuses"]["levitating"], &workflow["active"]), (&json!(1), &json!(0)));
    eventually("what is odd is reported", || reason(&service, "github team/tool").contains("2 of the newest runs").then_some(()));
    eventually("its own status", || one(&service, "github_actions_active_runs{status=\"levitating\"}").filter(|v| *v == 1.0));
    assert!(server.asked.lock().unwrap().iter().all(|path| path.starts_with("/api/v3/repos/team/tool/")));
}

#[test]
fn many_failures_are_an_alert() {
    let fake = Fake::start(&["--speed", "0", "--profile", "odd", "--token", "t0ken", "--runs", "60", "--seed", "7"]);
    let rule = "[alerts.rules.github_failure_rate]\nexpr = \"github_actions_success_ratio < 0.9\"\nfor = \"2s\"\nseverity = \"warning\"\n";
    let folder = Folder::with_settings(&(fake.settings(&["octo/app"], "") + rule));
    let service = folder.start();
    let alert = within(Duration::from_secs(60), "the alert", || {
        let alerts = service.data("/api/v1/alerts")["alerts"].take();
        alerts.as_array().unwrap().iter().find(|a| a["rule"] == "github_failure_rate" && a["state"] == "firing").cloned()
    });
    assert!(alert["summary"].as_str().unwrap().contains("below 90 %"), "{alert}");
}

#[test]
fn a_task_in_progress_shows_the_runs_of_commits_made_meanwhile() {
    let fake = Fake::start(&["--speed", "0", "--token", "t0ken", "--runs", "60"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
    fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    let write = |status: &str, at: i64| {
        let updated = jiff::Timestamp::from_second(at).unwrap().to_string();
        let tasks = json!({"master": {"tasks": [{"id": 1, "title": "one", "status": status, "updatedAt": updated}]}});
        common::replace(&folder.path().join(".taskmaster/tasks/tasks.json"), tasks.to_string().as_bytes());
    };
    let now = jiff::Timestamp::now().as_second();
    let (from, to) = (now - 5 * 3_600, now - 10);
    write("pending", now - 9 * 3_600);
    let service = folder.start();
    let task = || service.data("/api/v1/tasks")["boards"][0]["items"][0].clone();
    eventually("the board", || (task()["status"] == "pending").then_some(()));
    write("in-progress", from);
    eventually("its start", || task()["in_progress_since"].as_f64());
    whole(&service, "octo/app");
    write("done", to);
    let committed = |run: &&Value| {
        let at = unix(if run["head_commit"].is_null() { &run["created_at"] } else { &run["head_commit"]["timestamp"] });
        at > from && at <= to
    };
    let expected = fake.runs("octo/app").iter().filter(committed).count();
    assert!(expected > 0);
    within(Duration::from_secs(90), "runs of the task", || {
        let cost = task()["cost"].clone();
        (cost["ci_runs"] == expected as f64 && cost["ci_job_seconds"].as_f64() > Some(0.0)).then_some(())
    });
}
