//! `taskpulse connect`: agents' own settings are merged into, never lost, and are as they were after `--undo`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::receiver::Receiver;
use common::{BINARY, Folder, eventually};
use serde_json::{Value, json};

/// A user's home directory and a folder that commands run in.
struct Home {
    folder: Folder,
}

impl Home {
    fn new() -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("home").join(path)
    }

    fn put(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Exit code and what was printed.
    fn connect(&self, args: &[&str]) -> (Option<i32>, String) {
        self.connect_with(args, &[])
    }

    fn connect_with(&self, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = self.folder.command();
        for name in ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        let home = self.folder.path().join("home");
        let output = command.current_dir(self.folder.path().join("project")).env("HOME", home).arg("connect").args(args);
        let output = output.envs(env.iter().copied()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), text)
    }

    /// All files below the home directory and the project, with their texts.
    fn files(&self) -> Vec<(PathBuf, String)> {
        fn walk(at: &Path, found: &mut Vec<(PathBuf, String)>) {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push((path.clone(), fs::read_to_string(&path).unwrap())) }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), &mut found);
        found.sort();
        found
    }
}

const CLAUDE: &str = r#"{
    "model": "opus",
    "permissions": {"allow": ["Bash(git:*)"]},
    "hooks": {
        "Stop": [{"hooks": [{"type": "command", "command": "notify-send done"}]}]
    }
}
"#;
const CODEX: &str = "# mine\nmodel = \"gpt-5.5\"  # the large one\n\n[mcp_servers.docs]\ncommand = \"docs\"\n";
const GEMINI: &str = "{\n  // mine\n  \"ui\": { \"theme\": \"dark\" }\n}\n";

#[test]
fn nothing_is_written_without_being_asked_to() {
    let home = Home::new();
    for (agent, parts) in [
        (
            "claude",
            &["CLAUDE_CODE_ENABLE_TELEMETRY", "\"type\": \"http\"", "\"timeout\": 2", "taskpulse statusline --url http://there:1"][..],
        ),
        ("codex", &["[otel]", "endpoint = \"http://there:1/v1/metrics\", protocol = \"json\"", "hooks.json", "/hooks"]),
        ("gemini", &["\"otlpEndpoint\": \"http://there:1\"", "hook --agent gemini-cli --url http://there:1", "\"timeout\": 2000"]),
        ("opencode", &["const service = \"http://there:1\"", "OTEL_EXPORTER_OTLP_ENDPOINT=http://there:1"]),
    ] {
        let (code, text) = home.connect(&[agent, "--url", "http://there:1/"]);
        assert_eq!(code, Some(0), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "{agent}: {part}: {text}"));
    }
    assert_eq!(home.files(), Vec::new());
    for url in ["there", "ftp://there", "http://there?x=1", ""] {
        let (code, text) = home.connect(&["claude", "--url", url]);
        assert!(code == Some(2) && text.contains("--url"), "{url}: {text}");
    }
}

#[test]
fn what_was_there_stays_and_is_there_again_after_undo() {
    let home = Home::new();
    let files = [(".claude/settings.json", CLAUDE), (".codex/config.toml", CODEX), (".gemini/settings.json", GEMINI)];
    files.iter().for_each(|(path, text)| drop(home.put(path, text)));
    let before = home.files();
    let agents = ["claude", "codex", "gemini", "opencode"];
    for agent in agents {
        let (code, text) = home.connect(&[agent, "--write"]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("is connected to http://127.0.0.1:8090"), "{text}");
    }
    let connected = home.files();
    for (path, text) in files {
        assert_eq!(home.read(&format!("{path}.before-taskpulse")), text, "kept beside");
    }
    let claude: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!((&claude["model"], &claude["permissions"]), (&json!("opus"), &json!({"allow": ["Bash(git:*)"]})));
    assert_eq!(claude["hooks"]["Stop"][0]["hooks"][0]["command"], "notify-send done");
    let host = String::from_utf8(Command::new("uname").arg("-n").output().unwrap().stdout).unwrap();
    let posted = json!({"type": "http", "url": format!("http://127.0.0.1:8090/hooks/agent?host={}", host.trim()), "timeout": 2});
    assert_eq!(claude["hooks"]["Stop"][1]["hooks"], json!([posted]));
    assert_eq!(
        claude["hooks"]["SessionStart"][0]["hooks"][0]["command"],
        format!("{BINARY} hook --agent claude-code --url http://127.0.0.1:8090")
    );
    assert_eq!(claude["statusLine"]["command"], format!("{BINARY} statusline --url http://127.0.0.1:8090"));
    assert!(home.read(".codex/config.toml").starts_with(CODEX) && home.read(".gemini/settings.json").contains("// mine"));
    // Twice is once.
    for agent in agents {
        let (code, text) = home.connect(&[agent, "--write"]);
        assert!(code == Some(0) && text.contains("has it already"), "{text}");
    }
    assert_eq!(home.files(), connected);
    for agent in agents {
        let (code, text) = home.connect(&[agent, "--undo"]);
        assert_eq!(code, Some(0), "{text}");
    }
    assert_eq!(home.files(), before);
}

#[test]
fn undo_takes_the_own_entries_out_of_a_file_that_changed_since() {
    let home = Home::new();
    home.put(".claude/settings.json", CLAUDE);
    home.put(".codex/config.toml", CODEX);
    home.connect(&["claude", "--write", "--url", "http://there:1"]);
    home.connect(&["codex", "--write", "--url", "http://there:1"]);
    let text =
        home.read(".claude/settings.json").replace("\"opus\"", "\"haiku\"").replace("\"env\": {", "\"env\": {\n    \"MINE\": \"1\",");
    home.put(".claude/settings.json", &text);
    home.put(".codex/config.toml", &format!("{}\n[tui]\nanimations = false # calm\n", home.read(".codex/config.toml")));
    // Without the address: it is known by the entries.
    let (code, text) = home.connect(&["claude", "--undo"]);
    assert!(code == Some(0) && text.contains("all others stayed"), "{text}");
    home.connect(&["codex", "--undo"]);
    let mut expected: Value = serde_json::from_str(CLAUDE).unwrap();
    expected["model"] = json!("haiku");
    expected["env"] = json!({"MINE": "1"});
    assert_eq!(serde_json::from_str::<Value>(&home.read(".claude/settings.json")).unwrap(), expected);
    assert_eq!(home.read(".codex/config.toml"), format!("{CODEX}\n[tui]\nanimations = false # calm\n"));
    assert!(!home.path(".codex/hooks.json").exists());
    let (code, text) = home.connect(&["claude", "--undo"]);
    assert!(code == Some(0) && text.contains("has nothing of taskpulse"), "{text}");
}

#[test]
fn another_address_takes_the_place_of_the_first() {
    let home = Home::new();
    for agent in ["claude", "codex", "gemini", "opencode"] {
        home.connect(&[agent, "--write", "--url", "http://first:1"]);
        let (code, text) = home.connect(&[agent, "--write", "--url", "http://second:2"]);
        assert_eq!(code, Some(0), "{text}");
    }
    for (path, text) in home.files() {
        assert!(!text.contains("first") && text.contains("second"), "{}: {text}", path.display());
    }
}

#[test]
fn values_of_the_user_are_left_and_named() {
    let home = Home::new();
    home.put(
        ".claude/settings.json",
        r#"{"env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://mine:4318"}, "statusLine": {"type": "command", "command": "mine.sh"}}"#,
    );
    let (code, text) = home.connect(&["claude", "--write"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("env.OTEL_EXPORTER_OTLP_ENDPOINT is \"http://mine:4318\" and was left so; taskpulse needs"), "{text}");
    let there: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!(
        (&there["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"], &there["statusLine"]["command"]),
        (&json!("http://mine:4318"), &json!("mine.sh"))
    );
    assert_eq!(there["env"]["OTEL_LOGS_EXPORTER"], "otlp");
    home.put(".config/opencode/plugins/taskpulse.js", "export const Mine = 1\n");
    for flag in ["--write", "--undo"] {
        let (code, text) = home.connect(&["opencode", flag]);
        assert!(code == Some(2) && text.contains("is not as taskpulse wrote it"), "{text}");
    }
    assert_eq!(home.read(".config/opencode/plugins/taskpulse.js"), "export const Mine = 1\n");
}

#[test]
fn a_file_that_cannot_be_read_is_refused_with_its_line_before_anything_is_written() {
    let home = Home::new();
    for (agent, path, text, why) in [
        (
            "claude",
            ".claude/settings.json",
            "{\n  // mine\n}\n",
            "line 2, column 3: Comments are not allowed; the agent cannot read it either",
        ),
        ("claude", ".claude/settings.json", "{\n  \"model\": \"opus\"\n  \"env\": {}\n}\n", "line 2, column 18"),
        ("codex", ".codex/config.toml", "model = \"x\"\n[otel\n", "line 2"),
        ("codex", ".codex/hooks.json", "{\"hooks\": [}", "line 1, column 12"),
        ("gemini", ".gemini/settings.json", "{\"hooks\": {\"BeforeTool\": \"x\"}}", "hooks.BeforeTool must be a list"),
    ] {
        home.put(path, text);
        let before = home.files();
        let (code, printed) = home.connect(&[agent, "--write"]);
        assert!(code == Some(2) && printed.contains(path) && printed.contains(why), "{printed}");
        assert_eq!(home.files(), before);
        fs::remove_file(home.path(path)).unwrap();
    }
    let broken = home.path(".claude/settings.json");
    fs::write(&broken, b"{\n\"a\": \"\xff\"}").unwrap();
    let (code, printed) = home.connect(&["claude", "--write"]);
    assert!(code == Some(2) && printed.contains("line 2: this is no UTF-8"), "{printed}");
}

#[test]
fn files_keep_their_permissions_and_their_links() {
    let home = Home::new();
    let real = home.put("dotfiles/claude.json", CLAUDE);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(home.path(".claude")).unwrap();
    std::os::unix::fs::symlink("../dotfiles/claude.json", home.path(".claude/settings.json")).unwrap();
    home.connect(&["claude", "--write"]);
    assert!(home.path(".claude/settings.json").is_symlink() && fs::read_to_string(&real).unwrap().contains("/hooks/agent"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    home.connect(&["claude", "--undo"]);
    assert!(home.path(".claude/settings.json").is_symlink() && fs::read_to_string(&real).unwrap() == CLAUDE);
    fs::remove_file(&real).unwrap();
    let (code, text) = home.connect(&["claude", "--write"]);
    assert!(code == Some(2) && text.contains("is a link to a file that is not there"), "{text}");
}

#[test]
fn places_follow_the_agents_own_variables_and_the_project() {
    let home = Home::new();
    let elsewhere = |name: &str| home.path(name).to_str().unwrap().to_owned();
    for (agent, variable, file) in [
        ("claude", "CLAUDE_CONFIG_DIR", "a/settings.json"),
        ("codex", "CODEX_HOME", "a/config.toml"),
        ("gemini", "GEMINI_CLI_HOME", "a/.gemini/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "a/opencode/plugins/taskpulse.js"),
    ] {
        home.connect_with(&[agent, "--write"], &[(variable, &elsewhere("a"))]);
        assert!(home.path(file).is_file(), "{file}");
    }
    let project = home.folder.path().join("project");
    for (agent, file) in [
        ("claude", ".claude/settings.local.json"),
        ("codex", ".codex/hooks.json"),
        ("gemini", ".gemini/settings.json"),
        ("opencode", ".opencode/plugins/taskpulse.js"),
    ] {
        let (code, text) = home.connect(&[agent, "--write", "--project"]);
        assert!(code == Some(0) && project.join(file).is_file(), "{text}");
        assert_eq!(text.contains("connect it without --project as well"), agent == "codex", "{text}");
    }
    assert!(!project.join(".codex/config.toml").exists(), "Codex does not take [otel] from there");
}

#[test]
fn a_token_is_written_into_no_file() {
    let home = Home::new();
    for agent in ["claude", "codex", "gemini", "opencode"] {
        let (_, text) = home.connect_with(&[agent, "--write"], &[("TASKPULSE__SERVER__TOKEN", "a-token-of-sixteen")]);
        assert!(text.contains("export TASKPULSE__SERVER__TOKEN=") && !text.contains("a-token-of-sixteen"), "{text}");
    }
    assert!(home.files().iter().all(|(_, text)| !text.contains("a-token-of-sixteen")));
    let claude: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    let handler = &claude["hooks"]["Stop"][0]["hooks"][0];
    assert_eq!(handler["headers"]["Authorization"], "Bearer $TASKPULSE__SERVER__TOKEN");
    assert_eq!(handler["allowedEnvVars"], json!(["TASKPULSE__SERVER__TOKEN"]));
}

/// Events as OpenCode 1.18 gives them to a plug-in.
const OPENCODE_SESSION: &str = r#"
const { Taskpulse } = await import(process.argv[2])
const plugin = await Taskpulse({ directory: "/home/dev/app", worktree: "/home/dev/app" })
const event = (type, properties) => plugin.event({ event: { type, properties } })
const answer = { id: "msg_1", sessionID: "ses_1", role: "assistant", modelID: "m", providerID: "p", cost: 0.25,
  time: { created: 1, completed: 2 }, tokens: { input: 10, output: 2, reasoning: 1, cache: { read: 5, write: 3 } } }
await event("session.created", { info: { id: "ses_1" } })
await plugin["chat.message"]({ sessionID: "ses_1" }, { parts: [{ text: "a secret" }] })
await plugin["tool.execute.before"]({ tool: "bash", sessionID: "ses_1", callID: "c" }, { args: { command: "a secret" } })
await event("permission.asked", { id: "per_1", sessionID: "ses_1", permission: "bash" })
await event("permission.replied", { requestID: "per_1", sessionID: "ses_1", reply: "once" })
await event("permission.replied", { requestID: "per_2", sessionID: "ses_1", reply: "reject" })
await plugin["tool.execute.after"]({ tool: "bash", sessionID: "ses_1", callID: "c" }, { output: "a secret", metadata: { exit: 1 } })
await event("message.updated", { info: { ...answer, time: { created: 1 } } })
await event("message.updated", { info: answer })
await event("message.updated", { info: answer })
await event("session.idle", { sessionID: "ses_1" })
await event("something.new", {})
await event(undefined)
"#;

#[test]
fn the_plugin_of_opencode_says_what_a_session_does_and_no_content() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: node is not installed");
        return;
    }
    let (home, receiver) = (Home::new(), Receiver::new());
    home.connect(&["opencode", "--write", "--url", &receiver.server.url("")]);
    let (plugin, script) = (home.path("taskpulse.mjs"), home.put("session.mjs", OPENCODE_SESSION));
    fs::copy(home.path(".config/opencode/plugins/taskpulse.js"), &plugin).unwrap();
    let output = Command::new("node").arg(script).arg(&plugin).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Each is a request of its own, so their order is not kept.
    let taken = eventually("all events are there", || Some(receiver.taken()).filter(|taken| taken.len() >= 8));
    let is_ours = |taken: &Value| taken["path"].as_str().is_some_and(|path| path.starts_with("/hooks/agent?agent=opencode&host="));
    assert!(taken.iter().all(|taken| is_ours(taken) && !taken["body"].to_string().contains("secret")));
    let mut bodies: Vec<&Value> = taken.iter().map(|taken| &taken["body"]).collect();
    bodies.sort_by_key(|body| body["hook_event_name"].as_str().map(str::to_owned));
    let names: Vec<&Value> = bodies.iter().map(|body| &body["hook_event_name"]).collect();
    assert_eq!(
        names,
        [
            "AssistantMessage",
            "PermissionRequest",
            "PostToolUseFailure",
            "PreToolUse",
            "PreToolUse",
            "SessionStart",
            "Stop",
            "UserPromptSubmit"
        ]
    );
    assert_eq!(bodies[0]["cost_usd"], 0.25);
    assert_eq!(bodies[0]["tokens"], json!({"input": 10, "output": 2, "reasoning": 1, "cache_read": 5, "cache_creation": 3}));
    assert_eq!((&bodies[1]["tool_name"], &bodies[2]["exit_code"]), (&json!("bash"), &json!(1)));
    assert_eq!((&bodies[6]["session_id"], &bodies[6]["cwd"]), (&json!("ses_1"), &json!("/home/dev/app")));
}
