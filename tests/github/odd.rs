//! What GitHub does with repositories, workflows and runs besides the usual: renames, names that are shared, approvals, short pages.

use std::sync::{Arc, Mutex};

use super::*;
use common::http::Asked;

fn iso(ago: i64) -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - ago).unwrap().to_string()
}

/// A run that was created so many seconds ago and took 300 of them.
fn run(id: u64, ago: i64, conclusion: &str) -> Value {
    json!({
        "id": id, "name": "CI", "path": ".github/workflows/ci.yml@main", "workflow_id": 1_000, "head_sha": format!("{id:040}"), "run_number": id,
        "status": "completed", "conclusion": conclusion, "run_attempt": 1, "created_at": iso(ago), "run_started_at": iso(ago),
        "updated_at": iso(ago - 300), "head_branch": null, "head_commit": null, "repository": {"full_name": "Octo/New"},
    })
}

fn job(started: &str, completed: &str) -> Value {
    json!({"status": "completed", "conclusion": "success", "run_attempt": 1, "started_at": started, "completed_at": completed})
}

/// One page of runs, the newest first: one run of each page that is followed by another is hidden, as GitHub does by what a token may see.
fn listing(asked: &Asked, runs: &[Value]) -> (Value, String) {
    let url = reqwest::Url::parse(&format!("http://{}{}", asked.headers["host"], asked.path)).unwrap();
    let of = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned());
    let (per, page) = (100, of("page").map_or(1, |page| page.parse::<usize>().unwrap()));
    let created = of("created");
    let (from, to) = created.as_deref().and_then(|range| range.split_once("..")).unwrap_or(("", "9"));
    let mut fitting: Vec<&Value> = runs.iter().filter(|run| (from..=to).contains(&run["created_at"].as_str().unwrap())).collect();
    fitting.sort_by_key(|run| std::cmp::Reverse(run["created_at"].to_string()));
    let more = page * per < fitting.len();
    let mut shown: Vec<&Value> = fitting.iter().skip((page - 1) * per).take(per).copied().collect();
    if more {
        shown.pop();
    }
    let link = if more { format!("Link: <http://elsewhere.example/?page={}>; rel=\"next\"\r\n", page + 1) } else { String::new() };
    (json!({"total_count": fitting.len(), "workflow_runs": shown}), link)
}

/// A stand-in that knows these runs, and jobs by the number of their run.
fn github(runs: Arc<Mutex<Vec<Value>>>, jobs: impl Fn(&str) -> Vec<Value> + Send + Sync + 'static) -> Server {
    Server::start(move |asked, stream| {
        let runs = runs.lock().unwrap().clone();
        let number = asked.path.split("/runs/").nth(1).and_then(|rest| rest.split(['/', '?']).next());
        let (status, body, headers) = match number {
            Some(id) if asked.path.contains("/jobs") => {
                let jobs = jobs(id);
                ("200 OK", json!({"total_count": jobs.len(), "jobs": jobs}), String::new())
            }
            Some(id) => match runs.iter().find(|run| run["id"].as_u64() == id.parse().ok()) {
                Some(run) => ("200 OK", run.clone(), String::new()),
                None => ("404 Not Found", json!({"message": "Not Found"}), String::new()),
            },
            None if asked.path.contains("/workflows") => ("200 OK", json!({"total_count": 0, "workflows": []}), String::new()),
            None => {
                let (body, link) = listing(asked, &runs);
                ("200 OK", body, link)
            }
        };
        respond(stream, status, &headers, body.to_string().as_bytes());
    })
}

fn settings(server: &Server, repositories: &[&str]) -> String {
    format!(
        "[system]\nenabled = false\n[github]\nrepositories = {repositories:?}\napi_url = \"{}\"\ninterval = \"1s\"\ntoken = \"t0ken\"\nshare = 1.0\nwebhook_secret = \"{SECRET}\"\n",
        server.url("")
    )
}

#[test]
fn a_renamed_repository_is_followed_under_its_new_name() {
    let world = Arc::new(Mutex::new(vec![run(1, 900, "success")]));
    let moved = github(world, |_| Vec::new());
    let port = moved.port;
    let server = Server::start(move |asked, stream| {
        let to = match asked.path.strip_prefix("/repos/octo/") {
            Some(rest) if rest.starts_with("old/") => format!("http://{}/repositories/77/{}", asked.headers["host"], &rest[4..]),
            Some(rest) if rest.starts_with("away/") => format!("http://localhost:{port}/{rest}"),
            // All else is as it is under the new name.
            _ => {
                let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
                let answer = client.get(format!("http://127.0.0.1:{port}{}", asked.path)).send().unwrap();
                let status = answer.status().to_string();
                return respond(stream, &status, "", &answer.bytes().unwrap());
            }
        };
        respond(stream, "301 Moved Permanently", &format!("Location: {to}\r\n"), b"{\"message\":\"Moved Permanently\"}");
    });
    let folder = Folder::with_settings(&settings(&server, &["octo/old", "octo/away"]));
    let service = folder.start();
    let shown = whole(&service, "octo/old");
    assert_eq!((&shown["now_named"], &shown["runs_known"]), (&json!("Octo/New"), &json!(1)));
    eventually("the new name is reported", || {
        reason(&service, "github octo/old").contains("octo/old is now Octo/New: write that into github.repositories").then_some(())
    });
    eventually("another host is refused", || reason(&service, "github octo/away").contains("which is not followed").then_some(()));
    let count = |part: &str| server.asked.lock().unwrap().iter().filter(|path| path.starts_with(part)).count();
    eventually("it is asked by its new name", || (count("/repos/Octo/New/actions/runs") >= 3).then_some(()));
    assert!(count("/repos/octo/old/") <= 2 && count("/repositories/77/") <= 2, "once for its workflows, once for its runs");
    eventually("each redirect is paid for", || {
        let own = service.get("/metrics").text().unwrap();
        let paid = own.lines().find_map(|line| line.strip_prefix("taskpulse_github_requests_total{outcome=\"paid\"} ")?.parse().ok());
        (paid == Some(count("/") as f64)).then_some(())
    });
    let deliver = |repo: &str, id: u64| {
        let body = json!({"repository": {"full_name": repo}, "workflow_run": run(id, 60, "success")}).to_string();
        let request = service.client.post(service.url("/hooks/github")).header("x-github-event", "workflow_run");
        let request = request.header("x-hub-signature-256", signature(&body)).header("x-github-delivery", format!("{repo} {id}"));
        request.body(body).send().unwrap().text().unwrap()
    };
    assert!(deliver("octo/new", 2).contains("accepted") && deliver("octo/old", 3).contains("accepted"));
    assert!(deliver("octo/other", 4).contains("ignored"));
    service.kill();

    // Both names are in the settings: it is watched once.
    let folder = Folder::with_settings(&settings(&server, &["octo/old", "octo/new"]));
    let service = folder.start();
    whole(&service, "octo/new");
    let absent = eventually("it is watched already", || Some(source(&service, "github octo/old")).filter(|s| s["up"].is_null()));
    let reported = (absent["reason"].as_str().unwrap(), absent["hint"].as_str().unwrap());
    assert_eq!(reported, ("octo/old is now Octo/New, which is watched already", "take octo/old out of github.repositories"));
    assert!(repository(&service, "octo/old").is_none());
}

#[test]
fn short_pages_do_not_end_the_history_and_two_files_of_one_name_are_two_workflows() {
    let mut runs: Vec<Value> = (0..250).map(|n| run(1_000 + n, 3_600 + n as i64 * 1_800, "success")).collect();
    for (n, run) in runs.iter_mut().enumerate() {
        run["head_sha"] = json!(format!("{:040}", n / 2));
        let (id, path, conclusion) = if n % 2 == 0 { (1, "a", "failure") } else { (2, "b", "success") };
        run["workflow_id"] = json!(id);
        run["path"] = json!(format!(".github/workflows/{path}.yml"));
        run["conclusion"] = json!(conclusion);
        if n < 5 {
            // A file that GitHub cannot read any more.
            run["name"] = run["path"].clone();
        }
    }
    let odd = |id: &str| match id {
        "1000" => vec![job("0001-01-01T00:00:00Z", &iso(3_400)), job(&iso(3_500), &iso(3_400))],
        _ => Vec::new(),
    };
    let server = github(Arc::new(Mutex::new(runs)), odd);
    let folder = Folder::with_settings(&settings(&server, &["octo/app"]));
    let service = folder.start();
    let shown = whole(&service, "octo/app");
    assert_eq!((&shown["runs_known"], &shown["jobs_without_times"]), (&json!(250), &json!(1)));
    let figures: Vec<Value> =
        shown["workflows"].as_array().unwrap().iter().map(|w| json!([w["workflow"], w["workflow_id"], w["runs"]])).collect();
    assert_eq!(figures, [json!(["CI", 1, {"failure": 125}]), json!(["CI", 2, {"success": 125}])]);
    eventually("figures", || (by(&service, "github_actions_runs_total > 0", "workflow_path").len() == 2).then_some(()));
    let paths = by(&service, "github_actions_runs_total > 0", "workflow_path");
    assert_eq!(paths, BTreeMap::from([(".github/workflows/a.yml".to_owned(), 125.0), (".github/workflows/b.yml".to_owned(), 125.0)]));
    assert_eq!(one(&service, "max(github_actions_flaky_ratio)"), Some(0.0), "no commit is flaky because another file failed");
    assert_eq!(one(&service, "max(github_actions_job_seconds_total)"), Some(100.0), "a job of the year 1 has no seconds");
    eventually("it is named", || {
        reason(&service, "github octo/app").contains("1 jobs have times that are missing or cannot be").then_some(())
    });
    assert!(server.asked.lock().unwrap().iter().all(|path| path.starts_with("/repos/")), "no link is followed elsewhere");
}

#[test]
fn a_run_that_is_approved_is_seen_to_continue_and_to_end() {
    let world = Arc::new(Mutex::new(vec![run(7, 900, "action_required")]));
    let server = github(Arc::clone(&world), |_| Vec::new());
    let folder = Folder::with_settings(&settings(&server, &["octo/app"]));
    let service = folder.start();
    whole(&service, "octo/app");
    let runs = |service: &Service| by(service, "github_actions_runs_total", "conclusion");
    eventually("it waits", || (runs(&service) == BTreeMap::from([("action_required".to_owned(), 1.0)])).then_some(()));
    let change = |status: &str, conclusion: Value, ago: i64| {
        let mut world = world.lock().unwrap();
        (world[0]["status"], world[0]["conclusion"], world[0]["updated_at"]) = (json!(status), conclusion, json!(iso(ago)));
    };
    change("queued", Value::Null, 60);
    eventually("it is queued", || one(&service, "github_actions_active_runs{status=\"queued\"}").filter(|v| *v == 1.0));
    let titles = |service: &Service| -> Option<Vec<String>> {
        let events = service.data("/api/v1/events?source=github");
        Some(events.as_array()?.iter().filter_map(|event| event["title"].as_str().map(str::to_owned)).collect())
    };
    // What is not on the time line yet is not known after a kill.
    let goes_on = "run CI #7 goes on after action_required";
    eventually("that it goes on", || (titles(&service)? == [goes_on]).then_some(()));
    service.kill();
    let service = folder.start();
    change("completed", json!("failure"), 0);
    let expected = BTreeMap::from([("action_required".to_owned(), 1.0), ("failure".to_owned(), 1.0)]);
    eventually("its end", || (runs(&service) == expected).then_some(()));
    assert_eq!(one(&service, "github_actions_success_ratio"), Some(0.0));
    eventually("both events, each once", || (titles(&service)? == ["run CI #7 ended: failure", goes_on]).then_some(()));
}
