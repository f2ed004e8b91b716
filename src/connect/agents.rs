//! What each agent needs, and where it goes: one function an agent. Names and places are those of the agents' own documentation.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use taskpulse_engine::model::fnv1a;

use super::fragment::Fragment;

/// The agents that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Agent {
    /// Claude Code
    Claude,
    /// Codex CLI
    Codex,
    /// Gemini CLI
    Gemini,
    /// OpenCode
    Opencode,
}

/// What an agent is connected to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address of the service.
    pub base: String,
    /// This program.
    pub program: PathBuf,
    /// This machine.
    pub host: String,
    /// Whether the service asks for a token.
    pub token: bool,
}

/// The files of an agent and what is to be said about them.
pub struct Plan {
    /// The agent's name.
    pub name: &'static str,
    pub files: Vec<Planned>,
    pub notes: Vec<String>,
}

/// One file.
pub struct Planned {
    pub path: PathBuf,
    pub content: Content,
}

/// What is done with a file.
pub enum Content {
    /// Merged into a JSON file.
    Json(Fragment),
    /// Merged into a TOML file.
    Toml(Fragment),
    /// A file of its own.
    Whole(String),
}

const OPENCODE: &str = include_str!("opencode.js");
/// How long an agent waits for a hook, in seconds.
const PATIENCE_S: u32 = 2;
/// Environment variable with the token of the service.
const TOKEN: &str = "TASKPULSE__SERVER__TOKEN";

/// What connecting an agent takes; `project` is the folder of a project, or none for all of the user's.
///
/// # Errors
/// Where the user has no home directory.
pub fn plan(agent: Agent, target: &Target, project: Option<&Path>) -> anyhow::Result<Plan> {
    let mut plan = match agent {
        Agent::Claude => claude(target, project)?,
        Agent::Codex => codex(target, project)?,
        Agent::Gemini => gemini(target, project)?,
        Agent::Opencode => opencode(target, project)?,
    };
    if target.token {
        plan.notes.push(format!(
            "The service asks for a token, which is written into no file. Set it where the agent is started:\n  export {TOKEN}=…\n  \
             export OTEL_EXPORTER_OTLP_HEADERS=\"Authorization=Bearer ${TOKEN}\""
        ));
    }
    plan.notes.push("Sessions that run already go on without; the next one has it.".to_owned());
    Ok(plan)
}

/// `taskpulse …` for a shell.
fn command(target: &Target, words: &str) -> String {
    format!("{} {words} --url {}", quoted(&target.program.to_string_lossy()), quoted(&target.base))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A handler that runs a command.
fn runs(target: &Target, agent: &str, timeout: u32) -> Value {
    json!({"type": "command", "command": command(target, &format!("hook --agent {agent}")), "timeout": timeout})
}

/// <https://code.claude.com/docs/en/monitoring-usage>, `/hooks`, `/statusline`, `/settings`
fn claude(target: &Target, project: Option<&Path>) -> anyhow::Result<Plan> {
    const EVENTS: [&str; 14] = [
        "UserPromptSubmit",
        "PreToolUse",
        "PostToolUse",
        "PostToolUseFailure",
        "PermissionRequest",
        "Notification",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "SessionEnd",
        "TaskCreated",
        "TaskCompleted",
        "PreCompact",
    ];
    let base = target.base.as_str();
    let values = [
        ("CLAUDE_CODE_ENABLE_TELEMETRY", "1"),
        ("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA", "1"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", base),
        // With it, a commit says its id.
        ("OTEL_LOG_TOOL_DETAILS", "1"),
    ];
    let status = json!({"type": "command", "command": command(target, "statusline")});
    let mut values: Vec<(Vec<&str>, Value)> = values.into_iter().map(|(name, value)| (vec!["env", name], json!(value))).collect();
    values.push((vec!["statusLine"], status));
    let mut url = reqwest::Url::parse(&format!("{base}/hooks/agent")).with_context(|| format!("--url {base}"))?;
    if !target.host.is_empty() {
        url.query_pairs_mut().append_pair("host", &target.host);
    }
    let mut post = json!({"type": "http", "url": url.as_str(), "timeout": PATIENCE_S});
    if target.token {
        post["headers"] = json!({"Authorization": format!("Bearer ${TOKEN}")});
        post["allowedEnvVars"] = json!([TOKEN]);
    }
    // Claude Code posts no SessionStart.
    let mut hooks = vec![("SessionStart", runs(target, "claude-code", PATIENCE_S))];
    hooks.extend(EVENTS.map(|event| (event, post.clone())));
    let path = match project {
        // The one of the two files of a project that is not committed: an address is of this machine.
        Some(folder) => folder.join(".claude/settings.local.json"),
        None => folder_of("CLAUDE_CONFIG_DIR", ".claude")?.join("settings.json"),
    };
    let files = vec![Planned { path, content: Content::Json(Fragment { values, hooks, matcher: true, comments: false }) }];
    Ok(Plan { name: "Claude Code", files, notes: Vec::new() })
}

/// <https://developers.openai.com/codex/hooks>, `/config-reference`
fn codex(target: &Target, project: Option<&Path>) -> anyhow::Result<Plan> {
    const EVENTS: [&str; 11] = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PermissionRequest",
        "PostToolUse",
        "PreCompact",
        "SubagentStart",
        "SubagentStop",
        "Stop",
        "Interrupt",
        "SessionEnd",
    ];
    let to = |path: &str| json!({"otlp-http": {"endpoint": format!("{}{path}", target.base), "protocol": "json"}});
    let values = vec![
        (vec!["otel", "exporter"], to("/v1/logs")),
        (vec!["otel", "trace_exporter"], to("/v1/traces")),
        // Left out, metrics go to the vendor.
        (vec!["otel", "metrics_exporter"], to("/v1/metrics")),
    ];
    let folder = match project {
        Some(folder) => folder.join(".codex"),
        None => folder_of("CODEX_HOME", ".codex")?,
    };
    let hooks = EVENTS.map(|event| (event, runs(target, "codex", PATIENCE_S))).to_vec();
    let mut files = vec![Planned { path: folder.join("hooks.json"), content: Content::Json(Fragment { hooks, ..Fragment::default() }) }];
    let mut notes = vec!["Codex runs hooks once they are trusted: it asks at its next start, or open /hooks.".to_owned()];
    if project.is_some() {
        notes.push("Codex takes [otel] from the user's config.toml only: for telemetry, connect it without --project as well.".to_owned());
    } else {
        files.insert(0, Planned { path: folder.join("config.toml"), content: Content::Toml(Fragment { values, ..Fragment::default() }) });
    }
    Ok(Plan { name: "Codex", files, notes })
}

/// `docs/hooks/reference.md` and `docs/cli/telemetry.md` of google-gemini/gemini-cli
fn gemini(target: &Target, project: Option<&Path>) -> anyhow::Result<Plan> {
    // PreCompress is left out: it comes in each turn, whether anything is compressed or not.
    const EVENTS: [&str; 7] = ["SessionStart", "BeforeAgent", "BeforeTool", "AfterTool", "Notification", "AfterAgent", "SessionEnd"];
    let values = [
        ("enabled", json!(true)),
        ("target", json!("local")),
        ("otlpEndpoint", json!(target.base)),
        ("otlpProtocol", json!("http")),
        // Gemini CLI sends them unless it is told not to.
        ("logPrompts", json!(false)),
    ];
    let values = values.into_iter().map(|(name, value)| (vec!["telemetry", name], value)).collect();
    let mut handler = runs(target, "gemini-cli", PATIENCE_S * 1_000);
    handler["name"] = json!("taskpulse");
    let hooks = EVENTS.map(|event| (event, handler.clone())).to_vec();
    let home = match (project, std::env::var_os("GEMINI_CLI_HOME").filter(|home| !home.is_empty())) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(home)) => PathBuf::from(home),
        (None, None) => home()?,
    };
    let path = home.join(".gemini/settings.json");
    let files = vec![Planned { path, content: Content::Json(Fragment { values, hooks, matcher: false, comments: true }) }];
    Ok(Plan { name: "Gemini CLI", files, notes: Vec::new() })
}

/// <https://opencode.ai/docs/plugins>
fn opencode(target: &Target, project: Option<&Path>) -> anyhow::Result<Plan> {
    let folder = match project {
        Some(folder) => folder.join(".opencode"),
        None => match std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder).join("opencode"),
            None => home()?.join(".config/opencode"),
        },
    };
    let files = vec![Planned { path: folder.join("plugins/taskpulse.js"), content: Content::Whole(plugin(&target.base)) }];
    let notes = vec![format!(
        "OpenCode sends log lines and spans where an environment variable says so; set it where it is started:\n  \
         export OTEL_EXPORTER_OTLP_ENDPOINT={}",
        target.base
    )];
    Ok(Plan { name: "OpenCode", files, notes })
}

/// The plug-in for a service, with a checksum by which it is known while nobody changed it.
pub fn plugin(base: &str) -> String {
    let text = OPENCODE.replacen("\"SERVICE\"", &json!(base).to_string(), 1);
    format!("{}\n{text}", head_of_plugin(&text))
}

fn head_of_plugin(text: &str) -> String {
    let sum = fnv1a(text.bytes());
    format!("// Made by `taskpulse connect opencode` ({sum:016x}); `taskpulse connect opencode --undo` removes it.")
}

/// The service of a plug-in that is as this program wrote it, of whatever version; none where somebody changed it.
pub fn base_of_plugin(text: &str) -> Option<String> {
    let (head, text) = text.split_once('\n')?;
    let base = text.lines().find_map(|line| line.strip_prefix("const service = "))?;
    serde_json::from_str(base).ok().filter(|_| head == head_of_plugin(text))
}

fn folder_of(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    match std::env::var_os(variable).filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(home()?.join(name)),
    }
}

fn home() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    Ok(PathBuf::from(home.context("HOME is not set: there is no place for the settings of a user; use --project")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_reach_it_as_they_are() {
        for (word, expected) in
            [("/usr/bin/taskpulse", "/usr/bin/taskpulse"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'"), ("[::1]", "'[::1]'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_plugin_is_known_while_nobody_changed_it() {
        let text = plugin("http://a:1");
        assert!(text.contains("const service = \"http://a:1\"\n"));
        assert_eq!(base_of_plugin(&text).as_deref(), Some("http://a:1"));
        assert_eq!(base_of_plugin(&text.replace("2000", "9000")), None);
        let (_, of_another_version) = text.split_once('\n').unwrap();
        let of_another_version = of_another_version.replace("2000", "1000");
        let whole = format!("{}\n{of_another_version}", head_of_plugin(&of_another_version));
        assert_eq!(base_of_plugin(&whole).as_deref(), Some("http://a:1"));
        assert_eq!(base_of_plugin("export const Mine = 1\n"), None);
    }
}
