//! Money: what runs of CI cost by a dated table of prices, and budgets of them and of coding agents.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::github::{Fake, unix};
use common::otlp::{JSON, nanos};
use common::remote::now_ms;
use common::{Folder, Service, eventually, within};
use serde_json::{Value, json};

/// A time zone in which it is about noon: no period ends during a test.
fn noon() -> String {
    let hour = now_ms() / 3_600_000 % 24;
    // The sign is that of POSIX: west is positive.
    format!("Etc/GMT{:+}", hour - 12)
}

/// The day so many days ago.
fn day(ago: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms() - ago * 86_400_000).unwrap().strftime("%Y-%m-%d").to_string()
}

fn number(row: &Value) -> f64 {
    row["value"][1].as_str().unwrap().parse().unwrap()
}

fn one(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first().map(number)
}

fn budget(service: &Service, name: &str) -> Option<Value> {
    service.data("/api/v1/budgets").as_array().unwrap().iter().find(|budget| budget["name"] == name).cloned()
}

/// What all runs cost by their answers: an old price, and a new one from a day on.
fn cost(fake: &Fake, (old, new): (f64, f64), from: &str) -> f64 {
    let from = unix(&json!(format!("{from}T00:00:00Z")));
    let of_run = |run: &Value| {
        let answer = fake.get(&format!("/repos/octo/app/actions/runs/{}/jobs?per_page=100", run["id"]));
        let jobs = answer["jobs"].as_array().unwrap();
        let (updated, last) = (unix(&run["updated_at"]), jobs.iter().map(|job| unix(&job["completed_at"])).max().unwrap());
        let end = if updated - last > 600 { last } else { updated };
        let minutes: i64 = jobs.iter().map(|job| (unix(&job["completed_at"]) - unix(&job["started_at"]) + 59) / 60).sum();
        minutes as f64 * if end >= from { new } else { old }
    };
    fake.runs("octo/app").iter().filter(|run| run["status"] == "completed").map(of_run).sum()
}

#[test]
fn runs_cost_what_the_price_of_their_day_says_and_budgets_say_what_is_spent() {
    let fake = Fake::start(&["--speed", "0", "--profile", "plain", "--seed", "7"]);
    let from = day(5);
    let more = format!(
        "[optimizer]\ninterval = \"10s\"\n[costs]\ntimezone = {:?}\n\
         [costs.prices.old]\nfrom = \"2020-01-01\"\nrunner = \"ubuntu-*\"\nper_minute = 0.008\ncurrency = \"USD\"\n\
         [costs.prices.new]\nfrom = {from:?}\nrunner = \"ubuntu-*\"\nper_minute = 0.02\ncurrency = \"USD\"\n\
         [costs.budgets.agents]\namount = 20\ncurrency = \"USD\"\nper = \"day\"\nof = [\"agents\"]\n\
         [costs.budgets.all]\namount = 1000\ncurrency = \"USD\"\nper = \"month\"\n",
        noon()
    );
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], &more));
    let service = folder.start();
    let expected = cost(&fake, (0.008, 0.02), &from);
    let told = || one(&service, "sum(sum_over_time(github_actions_run_cost{currency=\"USD\"}[40d]))");
    within(Duration::from_secs(120), "what all runs cost", || told().filter(|told| (told - expected).abs() < 1e-6));

    let none = eventually("budgets", || budget(&service, "agents").filter(|one| one["missing"] != "not added up yet"));
    assert_eq!((&none["used"], &none["forecast"]), (&Value::Null, &Value::Null), "{none}");
    assert!(none["missing"].as_str().unwrap().contains("no samples of claude_code_cost_usage_USD_total"), "{none}");

    let sample = json!({"name": "claude_code_cost_usage_USD_total", "labels": {"session_id": "s"}, "value": 25.5});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&json!({"samples": [sample]})).send().unwrap().status().is_success());
    let over = within(Duration::from_secs(40), "the budget", || budget(&service, "agents").filter(|one| one["used"] == 25.5));
    assert_eq!(
        (&over["limit"], &over["per"], &over["of"], &over["currency"]),
        (&json!(20.0), &json!("day"), &json!(["agents"]), &json!("USD"))
    );
    assert!(over["crossed_at"].is_number() && over["end"].as_f64().unwrap() - over["start"].as_f64().unwrap() == 86_400.0, "{over}");
    assert!(over["missing"].as_str().unwrap().contains("cannot be told yet"), "{over}");
    assert_eq!(
        eventually("the gauge", || one(&service, "taskpulse_budget_used{budget=\"agents\",currency=\"USD\"}").filter(|v| *v > 0.0)),
        25.5
    );
    assert_eq!(one(&service, "taskpulse_budget_limit{budget=\"all\"}"), Some(1_000.0));

    let all = eventually("both together", || budget(&service, "all").filter(|one| one["used"].as_f64() > Some(25.0)));
    let start = all["start"].as_f64().unwrap();
    let age = now_ms() / 1_000 - start as i64;
    let of_month = one(&service, &format!("sum(sum_over_time(github_actions_run_cost[{age}s]))")).unwrap_or(0.0);
    assert!((all["used"].as_f64().unwrap() - 25.5 - of_month).abs() < 1e-6, "{all} {of_month}");

    let advice = |service: &Service| {
        let all = service.data("/api/v1/recommendations");
        let ours = all.as_array().unwrap().iter().filter(|one| one["id"].as_str().unwrap().starts_with("budget:agents:"));
        ours.cloned().collect::<Vec<Value>>()
    };
    let said = eventually("the advice", || Some(advice(&service)).filter(|all| !all.is_empty()));
    assert_eq!((said.len(), &said[0]["severity"]), (1, &json!("warning")), "{said:?}");
    assert!(said[0]["why"].as_str().unwrap().starts_with("25.50 USD of 20.00 USD were spent since"), "{said:?}");

    // After a kill nothing is charged twice, and the advice is no news.
    service.kill();
    let service = folder.start();
    within(Duration::from_secs(40), "the budget again", || budget(&service, "agents").filter(|one| one["used"] == 25.5));
    assert_eq!(one(&service, "sum(sum_over_time(github_actions_run_cost[40d]))").map(|told| (told - expected).abs() < 1e-6), Some(true));
    let opened = service.data("/api/v1/events?source=advice");
    let opened = opened.as_array().unwrap().iter().filter(|event| event["subject"] == said[0]["id"]).count();
    assert_eq!((advice(&service).len(), opened), (1, 1));
}

#[test]
fn without_prices_no_money_is_said_and_without_budgets_there_are_none() {
    let fake = Fake::start(&["--speed", "0", "--profile", "plain", "--seed", "7"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], ""));
    let service = folder.start();
    within(Duration::from_secs(120), "the jobs of all runs", || {
        one(&service, "sum(last_over_time(github_actions_job_seconds_total[40d]))").filter(|seconds| *seconds > 0.0)
    });
    assert_eq!(service.query("last_over_time({__name__=~\"github_actions_run_cost|taskpulse_budget_.*\"}[40d])"), Vec::<Value>::new());
    assert_eq!(service.data("/api/v1/budgets"), json!([]));
}

#[test]
fn settings_that_contradict_each_other_are_refused_with_the_place() {
    let budget = "[costs.budgets.all]\namount = 20\nper = \"day\"\ncurrency = \"EUR\"\n";
    let folder = Folder::with_settings(budget);
    let (code, said) = folder.run(&[], &[]);
    assert!(code != Some(0) && said.contains("costs.budgets.all: currency = \"EUR\", but money of coding agents is in USD"), "{said}");
}

fn post(service: &Service, path: &str, body: &Value) -> Value {
    let sent = service.client.post(service.url(path)).header("content-type", JSON).body(body.to_string()).send().unwrap();
    assert_eq!(sent.status(), 200, "{path}");
    common::json_of(sent)
}

/// A request of a session that cost so much.
fn spend(service: &Service, session: &str, request: &str, micros: i64) {
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let attributes = json!([
        attribute("session.id", json!({"stringValue": session})),
        attribute("event.name", json!({"stringValue": "api_request"})),
        attribute("request_id", json!({"stringValue": request})),
        attribute("model", json!({"stringValue": "m"})),
        attribute("cost_usd_micros", json!({"intValue": micros})),
    ]);
    let record = json!({"timeUnixNano": nanos(now_ms()), "attributes": attributes});
    let resource = json!({"attributes": [attribute("service.name", json!({"stringValue": "claude-code"}))]});
    post(service, "/v1/logs", &json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}));
}

#[test]
fn budgets_of_tasks_count_what_sessions_say_once_and_tell_the_agent_that_used_one_up() {
    let settings = format!(
        "[system]\nenabled = false\n[github]\nenabled = false\n[optimizer]\ninterval = \"10s\"\n[costs]\ntimezone = {:?}\n\
         [costs.budgets.agents]\namount = 100\ncurrency = \"USD\"\nper = \"day\"\nof = [\"agents\"]\n\
         [costs.budgets.each]\namount = 2\ncurrency = \"USD\"\nper = \"task\"\n\
         [costs.budgets.tag]\namount = 50\ncurrency = \"USD\"\nper = \"week\"\ntag = \"master\"\n\
         [costs.budgets.other]\namount = 50\ncurrency = \"USD\"\nper = \"project\"\nproject = \"elsewhere\"\n",
        noon()
    );
    let folder = Folder::with_settings(&settings);
    std::fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    let board = json!({"master": {"tasks": [{"id": 7, "title": "Pay", "status": "in-progress"}]}});
    common::replace(&folder.path().join(".taskmaster/tasks/tasks.json"), board.to_string().as_bytes());
    let service = folder.start();
    eventually("the board", || service.data("/api/v1/tasks")["boards"].as_array().unwrap().first().cloned());
    let hook = |event: &str| json!({"session_id": "s", "cwd": folder.path(), "hook_event_name": event, "prompt_id": "p"});
    assert_eq!(post(&service, "/hooks/agent", &hook("UserPromptSubmit")), json!({}));
    let away = json!({"session_id": "away", "cwd": "/elsewhere", "hook_event_name": "UserPromptSubmit", "prompt_id": "q"});
    assert_eq!(post(&service, "/hooks/agent", &away), json!({}));
    let known = || service.data("/api/v1/agents")["sessions"].as_array().unwrap().iter().filter(|one| one["folder"].is_string()).count();
    eventually("the folders of both sessions", || (known() == 2).then_some(()));
    spend(&service, "s", "r1", 1_500_000);
    spend(&service, "s", "r2", 750_000);
    spend(&service, "s", "r2", 750_000);
    spend(&service, "away", "r3", 40_000);
    // The same money as a counter of the session, and one of a session that says nothing itself.
    let counter =
        |session: &str, value: f64| json!({"name": "claude_code_cost_usage_USD_total", "labels": {"session_id": session}, "value": value});
    post(&service, "/api/v1/ingest", &json!({"samples": [counter("s", 2.25), counter("old", 10.0)]}));

    let used = |name: &str, wanted: f64| {
        let near = |one: &Value| one["used"].as_f64().is_some_and(|used| (used - wanted).abs() < 1e-9);
        within(Duration::from_secs(60), name, || budget(&service, name).filter(near))
    };
    used("agents", 2.29 + 10.0);
    let each = used("each", 2.25);
    let costs = service.data("/api/v1/costs?by=task");
    let task = costs["rows"].as_array().unwrap().iter().find(|row| !row["key"]["task"].is_null()).unwrap().clone();
    assert_eq!((&task["cost_usd_micros"], &each["subject"]), (&json!(2_250_000), &task["key"]["task"]), "{costs}");
    assert_eq!((each["over"].as_array().unwrap().len(), &each["over"][0]["name"]), (1, &task["key"]["task"]));
    assert_eq!((&each["end"], &each["forecast"], &each["per"]), (&Value::Null, &Value::Null, &json!("task")));
    used("tag", 2.25);
    assert_eq!(budget(&service, "other").map(|one| (one["used"].clone(), one["subject"].clone())), Some((json!(0.0), Value::Null)));
    let gauge = |name: &str| one(&service, &format!("taskpulse_budget_used{{budget={name:?}}}"));
    eventually("the gauge", || gauge("each").filter(|used| (used - 2.25).abs() < 1e-9));
    assert_eq!(service.query("taskpulse_budget_used{budget=\"each\"}").len(), 1, "one series, however many tasks");

    let told = post(&service, "/hooks/agent", &hook("PostToolUse"));
    let text = told["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned();
    assert!(text.contains("The budget each is used up by your task ") && text.contains("2.25 of 2.00 USD"), "{text}");
    assert_eq!(post(&service, "/hooks/agent", &hook("PostToolUse")), json!({}), "once");
    let advice = eventually("the advice", || {
        let all = service.data("/api/v1/recommendations");
        all.as_array().unwrap().iter().find(|one| one["id"].as_str().unwrap().starts_with("budget:each:")).cloned()
    });
    assert!(advice["title"].as_str().unwrap().starts_with("The budget each is used up by task "), "{advice}");
    let said = service.ask("are we over budget")["sentence"].as_str().unwrap().to_owned();
    assert!(said.contains("Budget each: 2.25 of 2.00 USD spent by task "), "{said}");
}
