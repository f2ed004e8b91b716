//! Claude Code.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::model::{Model, Served, Step};
use super::{Home, host, served, service, session};
use crate::common::peer::npm_program;
use crate::common::{Service, eventually};

pub const MODEL: &str = "claude-sonnet-4-5";

pub fn program() -> Option<PathBuf> {
    npm_program("@anthropic-ai/claude-code@2.1.328", "claude", &[])
}

/// Claude Code past its first start, with the stand-in as its model.
pub fn command(home: &Home, claude: &Path, model: &Model, folder: &Path) -> Command {
    let mut command = home.agent(claude);
    command.env("ANTHROPIC_BASE_URL", model.server.url("")).env("ANTHROPIC_API_KEY", "a-key-of-nobody");
    command.envs([("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_AUTOUPDATER", "1")]);
    command.current_dir(folder).args(["--model", MODEL]);
    command
}

/// Answers the questions of the first start.
pub fn is_known(home: &Home, folders: &[&Path]) {
    let trusted = json!({"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true});
    let projects: serde_json::Map<String, Value> = folders.iter().map(|path| (path.display().to_string(), trusted.clone())).collect();
    let known = json!({
        "hasCompletedOnboarding": true, "theme": "dark", "projects": projects,
        "customApiKeyResponses": {"approved": ["a-key-of-nobody"], "rejected": []},
    });
    home.put(".claude.json", &known.to_string());
}

pub fn bash(command: &str) -> Step {
    Step::Call("Bash", json!({"command": command, "description": "a step"}))
}

/// What an answer costs by the provider's list of prices, in micro-dollars: the cached part is a tenth of the input, writing the cache
/// a quarter more.
fn micros(served: &Served) -> u64 {
    let (input, output) = match served.model.as_str() {
        model if model.contains("haiku") => (1, 5),
        model if model.contains("sonnet") => (3, 15),
        model => panic!("no price of {model}"),
    };
    let tokens = served.tokens;
    tokens.input * input + tokens.output * output + tokens.read * input / 10 + tokens.written * input * 5 / 4
}

struct Run {
    id: String,
    child: Child,
}

fn run(home: &Home, claude: &Path, model: &Model, play: &str, id: &str, folder: &Path) -> Run {
    let mut command = command(home, claude, model, folder);
    command.args(["-p", &format!("Do it. [play {play}]"), "--session-id", id, "--output-format", "json"]);
    command.args(["--allowedTools", "Bash(*)", "Write", "Task", "Agent"]);
    Run { id: id.to_owned(), child: command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() }
}

#[test]
fn three_sessions_at_once_cost_what_each_was_served() {
    let Some(claude) = program() else { return };
    let (_folder, service) = service();
    let home = Home::new();
    let file = home.path("second/new.txt");
    let model = Model::start(&[
        ("commit", vec![Step::Hold, bash("git commit -q --allow-empty -m 'Do it' && git log -1 --oneline"), Step::Say("Committed.")]),
        (
            "trouble",
            vec![
                Step::Hold,
                Step::Fail(529),
                bash("cat no-such-file"),
                Step::Call("Write", json!({"file_path": file, "content": "one\ntwo\n"})),
                Step::Say("Written."),
            ],
        ),
        (
            "delegate",
            vec![
                Step::Hold,
                Step::Call("Task", json!({"description": "a helper", "prompt": "Help. [play help]", "subagent_type": "general-purpose"})),
                Step::Say("Delegated."),
            ],
        ),
        ("help", vec![bash("echo helped"), Step::Say("Helped.")]),
    ]);
    let folders = ["work", "second", "third"].map(|name| home.repository(name));
    is_known(&home, &folders.each_ref().map(PathBuf::as_path));
    home.connect("claude", &service);
    let plays = ["commit", "trouble", "delegate"];
    let id = |n: usize| format!("00000000-0000-4000-8000-00000000000{n}");
    let runs: Vec<Run> = (0..3).map(|n| run(&home, &claude, &model, plays[n], &id(n), &folders[n])).collect();
    eventually("all three wait for the model", || (model.held() == 3).then_some(()));
    for run in &runs {
        session(&service, "it works", |session| session["id"] == run.id.as_str() && session["state"] == "working");
    }
    model.open();
    for (run, folder) in runs.into_iter().zip(&folders) {
        let output = run.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let result: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        let of_it = served(&model, |served| served.session.as_deref() == Some(run.id.as_str()));
        let sum = |of: fn(&Served) -> u64| of_it.iter().map(of).sum::<u64>();
        let known = session(&service, "it ended, with all of its requests", |session| {
            session["id"] == run.id.as_str() && session["state"] == "ended" && session["requests"] == of_it.len()
        });
        let micros = sum(micros);
        assert_eq!((known["cost_usd"].as_f64().unwrap() * 1e6).round() as u64, micros, "{known}");
        assert_eq!((result["total_cost_usd"].as_f64().unwrap() * 1e6).round() as u64, micros, "{result}");
        let tokens = json!({
            "input": sum(|served| served.tokens.input), "output": sum(|served| served.tokens.output),
            "cache_read": sum(|served| served.tokens.read), "cache_creation": sum(|served| served.tokens.written),
        });
        assert_eq!((&known["tokens"], &known["folder"], &known["host"]), (&tokens, &json!(folder), &json!(host())), "{known}");
    }
    its_work_is_known(&service, &id, &folders);
    let costs = service.data("/api/v1/costs?by=session");
    assert_eq!(costs["total"]["cost_usd_micros"], model.served().iter().map(micros).sum::<u64>(), "{costs}");
}

#[test]
fn a_tool_of_the_service_answers_the_model() {
    let Some(claude) = program() else { return };
    let (folder, service) = service();
    folder.pending_tasks(3);
    let home = Home::new();
    let work = home.path("work");
    let model = Model::start(&[("ask", vec![Step::Call("mcp__taskpulse__tasks", json!({"status": "all"})), Step::Say("So it is.")])]);
    is_known(&home, &[&work]);
    let added = command(&home, &claude, &model, &work);
    let mut added = home.agent(Path::new(added.get_program()));
    let added = added.args(["mcp", "add", "--transport", "http", "taskpulse", &service.url("/mcp")]).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    eventually("the board is read", || (service.data("/api/v1/tasks")["boards"][0]["queue_depth"] == 3).then_some(()));
    let mut asks = command(&home, &claude, &model, &work);
    let asked = asks.args(["-p", "Ask. [play ask]", "--allowedTools", "mcp__taskpulse__*"]).output().unwrap();
    assert!(asked.status.success(), "{}{}", String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&asked.stderr));
    let results = model.results();
    assert!(results.iter().any(|result| result.contains("task 2") && result.contains("pending")), "{results:?}");
}

fn its_work_is_known(service: &Service, id: &dyn Fn(usize) -> String, folders: &[PathBuf]) {
    let tool = |name: &str, ok: u64, failed: u64| json!({"name": name, "ok": ok, "failed": failed, "refused": 0});
    let of = |n: usize| session(service, "it is known", |session| session["id"] == id(n).as_str());
    let head = std::fs::read_to_string(folders[0].join(".git/refs/heads/main")).unwrap();
    let (commits, trouble, delegates) = (of(0), of(1), of(2));
    assert_eq!((&commits["commits"][0]["id"], &commits["branch"]), (&json!(head.trim()), &json!("main")), "{commits}");
    assert_eq!(trouble["tools"], json!([tool("Bash", 0, 1), tool("Write", 1, 0)]), "a command that failed: {trouble}");
    assert!(trouble["lines_added"].as_u64().is_some_and(|lines| lines > 0), "{trouble}");
    assert_eq!(delegates["tools"], json!([tool("Agent", 1, 0), tool("Bash", 1, 0)]), "{delegates}");
    let helpers = delegates["subagents"].as_array().unwrap();
    let times = helpers.iter().map(|one| one["ended"].as_f64().unwrap() - one["started"].as_f64().unwrap()).collect::<Vec<f64>>();
    assert!(times.len() == 1 && times[0] >= 0.0 && helpers[0]["kind"] == "general-purpose", "{delegates}");
    assert!([commits, trouble].iter().all(|session| session["subagents"] == json!([])), "they are of the session that asked them");
}
