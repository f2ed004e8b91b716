//! `/api/v1/ask` on the real binary: answers over a history whose figures are known, and refusals in words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::{Duration, Instant};

use common::remote::now_ms;
use common::{Folder, Service, eventually, within};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// The start of today, and of this week.
fn starts() -> (i64, i64) {
    let today = now_ms() / DAY * DAY;
    let since_monday = (today / DAY + 3) % 7;
    (today, today - since_monday * DAY)
}

struct History(String);

impl History {
    fn add(&mut self, name: &str, labels: Value, samples: impl IntoIterator<Item = (i64, f64)>) {
        let (times, values): (Vec<i64>, Vec<f64>) = samples.into_iter().unzip();
        let mut metric = labels;
        metric["__name__"] = json!(name);
        self.0.push_str(&format!("{}\n", json!({"metric": metric, "values": values, "timestamps": times})));
    }
}

/// What happened, with figures that can be checked by hand.
fn import(service: &Service) {
    let now = now_ms();
    let (today, monday) = starts();
    let yesterday = today - DAY;
    let mut history = History(String::new());
    // 30 % all day, 60 % in the evening of yesterday with one sample of 95 % at 21:00, 20 % today.
    let cpu = |t: i64| match t {
        t if t == yesterday + 21 * HOUR => 0.95,
        t if (yesterday + 18 * HOUR..today).contains(&t) => 0.6,
        t if t >= today => 0.2,
        _ => 0.3,
    };
    let minutes = |from: i64, to: i64| (0..(to - from) / MINUTE).map(move |n| from + n * MINUTE);
    history.add("system_cpu_utilization_ratio", json!({}), minutes(yesterday, now).map(|t| (t, cpu(t))));
    history.add("system_cpu_utilization_ratio", json!({"instance": "db-1"}), minutes(yesterday, today).map(|t| (t, 0.77)));
    for (process, gib) in [("chrome", 3.0), ("node", 1.0), ("rustc", 2.0)] {
        history.add("process_memory_usage_bytes", json!({"process": process}), [(now - MINUTE, gib * GIB)]);
    }
    for (mount, used) in [("/", 0.42), ("/data", 0.91)] {
        history.add("system_filesystem_utilization_ratio", json!({"mountpoint": mount}), [(now - MINUTE, used)]);
    }
    // Ten minutes down yesterday at noon.
    let down = |t: i64| (yesterday + 12 * HOUR..yesterday + 12 * HOUR + 10 * MINUTE).contains(&t);
    history.add("probe_success", json!({"target": "shop"}), minutes(yesterday, now).map(|t| (t, f64::from(u8::from(!down(t))))));
    let labels =
        |workflow: &str, conclusion: &str| json!({"repo": "octo/app", "workflow": workflow, "workflow_id": "1", "conclusion": conclusion});
    let runs = |from: i64, count: i64, seconds: f64| (0..count).map(move |n| (from + n * HOUR, seconds + n as f64));
    let metric = "github_actions_run_duration_seconds";
    // Two weeks ago: 600 s; last week: 720 s with a failure in each day of it.
    history.add(metric, labels("Build", "success"), runs(monday - 14 * DAY, 21, 590.0).chain(runs(monday - 7 * DAY, 21, 710.0)));
    history.add(metric, labels("Build", "failure"), (0..7).map(|n| (monday - 7 * DAY + n * DAY + 30 * HOUR / 2, 100.0)));
    history.add(metric, labels("Deploy", "success"), runs(monday - 7 * DAY, 5, 60.0));
    history.add("process_cpu_utilization_ratio", json!({"process": "rustc"}), [(now - MINUTE, 0.5)]);
    // What the kernel ended, of a unit alone; and traffic, most of it of the machine with itself.
    history.add("container_oom_kills_total", json!({"unit": "db.service"}), [(yesterday - MINUTE, 1.0), (yesterday + HOUR, 3.0)]);
    for (device, bytes) in [("lo", 9.0 * GIB), ("eth0", GIB)] {
        let labels = json!({"device": device, "direction": "receive"});
        history.add("system_network_io_bytes_total", labels, [(yesterday - MINUTE, 0.0), (yesterday + HOUR, bytes)]);
    }
    // 10 each hour: 240 yesterday.
    let counted = json!({"queue": "mail"});
    history.add("mails_sent_total", counted, (0..=24).map(|n| (yesterday - MINUTE + n * HOUR, n as f64 * 10.0)));
    let answer = service.client.post(service.url("/api/v1/import?format=jsonl")).body(history.0).send().unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().unwrap());
}

fn board(folder: &Folder) {
    let task =
        |id: u32, title: &str, status: &str, after: &[u32]| json!({"id": id, "title": title, "status": status, "dependencies": after});
    let tasks = json!({"master": {"tasks": [
        task(1, "plan", "done", &[]), task(2, "dig", "done", &[1]), task(3, "build", "in-progress", &[2]),
        task(4, "paint", "pending", &[3]), task(5, "plant trees", "pending", &[2]), task(6, "dance", "cancelled", &[]),
    ]}});
    std::fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    std::fs::write(folder.path().join(".taskmaster/tasks/tasks.json"), tasks.to_string()).unwrap();
}

#[test]
fn answers_have_the_figures_of_the_history_and_nothing_else() {
    let folder = Folder::with_settings("[system]\nenabled = false\n[github]\nenabled = false\n");
    board(&folder);
    let service = folder.start();
    import(&service);
    eventually("the board", || service.data("/api/v1/tasks")["boards"].as_array().filter(|boards| !boards.is_empty()).map(|_| ()));
    // 359 samples of 60 % and one of 95 %: 60.1 %.
    for (question, parts) in [
        ("cpu yesterday evening", &["60.1 % on average", "60 % to 95 %"][..]),
        ("what was the highest cpu yesterday?", &["highest at ", " 21:00: 95 %"]),
        ("when was the cpu highest yesterday", &[" 21:00: 95 %"]),
        ("when was cpu above 90% yesterday", &["1 time, for 1 min", " 21:00"]),
        ("how long was the cpu above 50 % yesterday", &["for 6 h"]),
        ("was cpu above 99% yesterday", &["No: ", "never above 99 %"]),
        ("cpu of db-1 yesterday", &["CPU on db-1 was 77 % on average"]),
        ("which process uses most memory?", &["chrome 3 GiB; rustc 2 GiB; node 1 GiB"]),
        ("top 2 processes by memory", &["chrome 3 GiB; rustc 2 GiB"]),
        ("how full is /data", &["Disk /data: 91 %"]),
        ("which disk is fullest", &["/data 91 %; / 42 %"]),
        ("is the shop up", &["shop is up"]),
        ("how long was the shop down yesterday", &["shop was down 1 time, for 10 min together", " 12:00"]),
        ("slowest workflows last week", &["Build 11 min 57 s (median of 28)", "Deploy 1 min 2 s (median of 5)"]),
        ("how many builds failed last week", &["7 of 33 runs failed", "21.2 %"]),
        ("which workflow failed most last week", &["Build: 7 of 28 runs failed; Deploy: 0 of 5"]),
        ("how many tasks are done", &["2 of 6 tasks are done"]),
        ("how many tasks are open", &["3 of 6 tasks are open"]),
        ("which tasks are ready", &["task 5 plant trees"]),
        ("which tasks are blocked", &["task 4 paint"]),
        ("what is in progress", &["1 of 6 tasks is in-progress", "task 3 build"]),
        ("status of task 4", &["Task 4 of ", " is pending, after 3: paint"]),
        ("mails sent yesterday", &["240, on "]),
        ("is the cpu higher today than yesterday", &["No: CPU: 20 % since ", "% less than ", " on "]),
        ("compare cpu of db-1 yesterday with today", &["Nothing to compare"]),
        ("was the shop ever down", &["shop was down 1 time, for 10 min together", "in the last 30 d"]),
        ("how many probes were down yesterday", &["1 of 1 were down: shop was down 1 time"]),
        ("why was the shop down yesterday", &["shop was last down from ", " 12:00, for 10 min"]),
        ("when was the last time the cpu was over 90 %", &["CPU was last above 90 % at ", " 21:00, for 1 min"]),
        ("is the cpu idle", &["CPU: 20 %, now"]),
        ("which workflow ran most often last week", &["Build: 28 of 28 runs ended; Deploy: 5 of 5"]),
        ("are there any blocked tasks", &["1 of 6 tasks is blocked"]),
        ("disk io yesterday", &["Nothing of it is measured"]),
        ("mails sent on 1 January 2020", &["No samples of mails sent on 2020-01-01; the newest is of "]),
        ("availability of shop yesterday", &["shop was up 99.3 % of the time"]),
        ("cpu yesterday compared with today", &["CPU: 20 % since ", "% less than ", " on "]),
        ("cpu of rustc", &["CPU of rustc: 0.5 cores, now"]),
        ("how many oom kills yesterday", &["Processes ended for want of memory of db.service: 2, on "]),
        ("how much did we download yesterday", &["Received by eth0: 1 GiB, on "]),
        ("which tasks depend on task 3", &["1 task depends on task 3 of ", "task 4 paint (pending)"]),
        ("what blocks task 4", &["waits for 1 open task of what it depends on (3): task 3 build (in-progress)"]),
        ("what blocks task 5", &["Nothing blocks task 5"]),
        ("is anything wrong", &[" not well: workflow Build failed 6 times in a row, since "]),
        ("is the disk ok", &[" about disk", "Disk /data: 91 %"]),
        ("is db-1 alive", &["db-1 is "]),
        ("any alerts?", &["No alert fires now"]),
        ("what should I do", &["ecommendation"]),
    ] {
        let answer = service.ask(question);
        let sentence = answer["sentence"].as_str().unwrap();
        assert_eq!(answer["understood"], true, "{question}: {answer}");
        parts.iter().for_each(|part| assert!(sentence.contains(part), "{question}: {sentence}"));
    }
    // A chart's worth of data: the query that is shown gives what the sentence says.
    let answer = service.ask("average cpu yesterday");
    let chart = &answer["charts"][0];
    let params: Vec<(&str, String)> = vec![
        ("query", chart["query"].as_str().unwrap().to_owned()),
        ("start", chart["start"].to_string()),
        ("end", chart["end"].to_string()),
        ("step", chart["step"].to_string()),
    ];
    let range: Value = service.client.get(service.url("/api/v1/query_range")).query(&params).send().unwrap().json().unwrap();
    assert_eq!(range["data"]["result"].as_array().unwrap().len(), 2, "{range}");
    let (today, _) = starts();
    assert_eq!((chart["start"].as_f64(), chart["end"].as_f64()), (Some((today - DAY) as f64 / 1e3), Some(today as f64 / 1e3)));
    speed(&service);
}

/// How long answers take; printed, not judged.
fn speed(service: &Service) {
    let corpus = include_str!("../engine/src/ask/tests/corpus.txt");
    let mut times: Vec<Duration> = Vec::new();
    for question in corpus.lines().filter_map(|line| line.split_once(" => ")).map(|(question, _)| question) {
        let since = Instant::now();
        let answer = service.ask(question);
        times.push(since.elapsed());
        // Names of metrics stand in `query`; in a sentence only where the question has them.
        let sentence = answer["sentence"].as_str().unwrap();
        let raw = |word: &&str| (word.contains('_') || word.contains('{')) && !question.contains(word.trim_matches(['`', ',', '"', '.']));
        assert_eq!(sentence.split_whitespace().find(raw), None, "{question}: {sentence}");
    }
    times.sort();
    eprintln!(
        "{} questions: median {:?}, p95 {:?}, longest {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() * 95 / 100],
        times[times.len() - 1]
    );
}

/// A time zone in which it is about noon: no day ends during a test. The sign is that of POSIX.
fn noon() -> String {
    format!("Etc/GMT{:+}", now_ms() / HOUR % 24 - 12)
}

#[test]
fn budgets_and_calls_are_those_of_the_settings_and_switched_off_advice_is_called_so() {
    let settings = format!(
        "[system]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\nenabled = false\n[optimizer]\ninterval = \"10s\"\n\
         [heartbeats.expect.backup]\nevery = \"1d\"\n[heartbeats.expect.hasty]\nevery = \"10s\"\ngrace = \"0s\"\n[costs]\ntimezone = {:?}\n\
         [costs.budgets.agents]\namount = 5\ncurrency = \"USD\"\nper = \"day\"\nof = [\"agents\"]\n",
        noon()
    );
    let folder = Folder::with_settings(&settings);
    let service = folder.start();
    let said = |service: &Service, question: &str| service.ask(question)["sentence"].as_str().unwrap().to_owned();
    let sample = json!({"name": "claude_code_cost_usage_USD_total", "labels": {"session_id": "s"}, "value": 5.28});
    assert!(service.client.post(service.url("/api/v1/ingest")).json(&json!({"samples": [sample]})).send().unwrap().status().is_success());
    within(Duration::from_secs(60), "the budget", || {
        service.data("/api/v1/budgets").as_array()?.iter().find(|budget| budget["used"] == 5.28).map(|_| ())
    });
    for question in ["what's the budget", "how much of the budget is used", "are we over budget"] {
        let sentence = said(&service, question);
        assert!(sentence.contains("Budget agents: 5.28 of 5.00 USD spent since "), "{question}: {sentence}");
        assert!(sentence.contains("106 %, over budget since "), "{question}: {sentence}");
    }
    let never = said(&service, "when did backup last call");
    assert!(never.contains("backup is configured and not called yet; its first call is late from "), "{never}");
    let late = within(Duration::from_secs(60), "a late call", || {
        Some(said(&service, "which heartbeats are late")).filter(|said| said.contains("hasty is late"))
    });
    assert!(late.contains("1 of 2 are late: hasty is late (configured and never called), since "), "{late}");
    let wrong = said(&service, "is anything wrong");
    assert!(wrong.contains("hasty it never called, and its call is late"), "{wrong}");
    service.kill();
    let service = folder.start_with(&["--no-advanced"], &[]);
    let off = said(&service, "what should I do");
    assert!(off.to_lowercase().contains("advice is switched off"), "{off}");
}

#[test]
fn what_is_missing_is_said_and_what_is_not_understood_is_refused() {
    let folder = Folder::with_settings("[system]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\nenabled = false\n");
    let service = folder.start();
    for (question, missing) in [
        ("how busy is the cpu", "nothing of it is measured"),
        ("is ci slower than last week", "no CI source is configured"),
        ("how many tasks are done", "no task board is watched"),
        ("when will the disk be full", "nothing of it is measured"),
        ("what did task 7 cost", "no task board is watched"),
        ("how much did we spend today", "no money of coding agents"),
        ("what changed before the cpu alert yesterday", "no CPU alert began to fire"),
        ("how high was the load yesterday", "no samples of load over 1 minute are kept"),
        ("how long did builds wait for a runner", "no samples of queue time are kept"),
        ("how flaky is the build", "no CI source is configured"),
    ] {
        let answer = service.ask(question);
        assert_eq!(answer["understood"], true, "{question}: {answer}");
        let why = answer["missing"].as_str().unwrap_or_else(|| panic!("{question}: {answer}"));
        assert!(why.contains(missing), "{question}: {why}");
        assert!(answer["rows"].as_array().unwrap().is_empty(), "{answer}");
    }
    let long = "cpu ".repeat(2_500);
    for (question, word) in [
        ("which tasks are not done", "`not`"),
        ("how busy is the gpu", "`gpu`"),
        ("is the flurb up", "`flurb`"),
        ("node_memory_MemFree_bytes yesterday", "`node_memory_MemFree_bytes`"),
        ("sum(rate(http_requests_total[5m]))", "PromQL"),
        ("<script>alert(1)</script>", "`<`"),
        ("cpu\u{0}\u{7}\u{1b}[31m", "PromQL"),
        ("what will the cpu be tomorrow", "future"),
        (long.as_str(), "10000 characters"),
    ] {
        let answer = service.ask(question);
        assert_eq!(answer["understood"], false, "{question}: {answer}");
        assert!(answer["sentence"].as_str().unwrap().contains(word), "{question}: {answer}");
        assert_eq!(answer["nearest"].as_array().unwrap().len(), 3, "{answer}");
    }
    let response = service.get("/api/v1/ask");
    assert_eq!(response.status(), 400);
    assert!(response.text().unwrap().contains("parameter `q` is missing"));
    let zone = service.data("/api/v1/ask?q=cpu&tz=Mars%2FBase");
    assert!(zone["sentence"].as_str().unwrap().contains("`Mars/Base` is not known"), "{zone}");
}
