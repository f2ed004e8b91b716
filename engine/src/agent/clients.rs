//! The names that each agent uses: one table, one place.

/// An agent whose telemetry is understood.
#[derive(Debug)]
pub struct Client {
    /// Its name here.
    pub name: &'static str,
    /// What `service.name` begins with.
    service: &'static str,
    /// What the scope of its records begins with; empty where it says nothing.
    scope: &'static str,
    /// The attribute with the id of the session, with `_` for what no label's name may have.
    pub(super) session: &'static str,
    /// What its names of events and metrics begin with.
    pub(super) prefix: &'static str,
    /// Whether `service.version` is its own: that of Gemini CLI is the version of Node.
    pub(super) says_version: bool,
    /// What its program is called.
    program: &'static str,
}

/// Claude Code.
pub(super) const CLAUDE: &str = "claude-code";
/// Codex CLI.
pub(super) const CODEX: &str = "codex";
/// Gemini CLI.
pub(super) const GEMINI: &str = "gemini-cli";

const CLIENTS: &[Client] = &[
    Client {
        name: CLAUDE,
        service: "claude-code",
        scope: "com.anthropic.claude_code",
        session: "session_id",
        prefix: "claude_code.",
        says_version: true,
        program: "claude",
    },
    Client {
        name: CODEX,
        service: "codex",
        scope: "codex_otel",
        session: "conversation_id",
        prefix: "codex.",
        says_version: true,
        program: "codex",
    },
    Client {
        name: GEMINI,
        service: "gemini-cli",
        scope: "gemini-cli",
        session: "session_id",
        prefix: "gemini_cli.",
        says_version: false,
        program: "gemini",
    },
    Client {
        name: "opencode",
        service: "opencode",
        scope: "opencode",
        session: "session_id",
        prefix: "opencode.",
        says_version: true,
        program: "opencode",
    },
];

/// The names of all of them.
pub fn client_names() -> impl Iterator<Item = &'static str> {
    CLIENTS.iter().map(|client| client.name)
}

/// Each of them with what its program is called.
pub fn client_programs() -> impl Iterator<Item = (&'static str, &'static str)> {
    CLIENTS.iter().map(|client| (client.name, client.program))
}

/// The agent of this name.
#[must_use]
pub fn client_named(name: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.name == name)
}

/// The agent whose metric this is, by the name that OTLP gives it.
#[must_use]
pub fn agent_of_metric(metric: &str) -> Option<&'static str> {
    let begins = |client: &&Client| metric.strip_prefix(client.prefix.trim_end_matches('.')).is_some_and(|rest| rest.starts_with('_'));
    CLIENTS.iter().find(begins).map(|client| client.name)
}

/// Programs that run the scripts of agents.
const RUNTIMES: [&str; 3] = ["node", "bun", "deno"];

/// The agent that runs as a process of this name, with these arguments: by its program, or by the script that a runtime has as its first
/// argument that is no option.
pub(super) fn client_run_as(name: &str, arguments: &[String]) -> Option<&'static Client> {
    if let Some(client) = CLIENTS.iter().find(|client| client.program == name) {
        return Some(client);
    }
    let file = |path: &str| path.rsplit('/').next().unwrap_or("").to_owned();
    let (runtime, rest) = arguments.split_first()?;
    if !RUNTIMES.contains(&file(runtime).as_str()) {
        return None;
    }
    let script = rest.iter().find(|argument| !argument.starts_with('-'))?;
    let stem = file(script);
    let stem = stem.split('.').next().unwrap_or("");
    CLIENTS.iter().find(|client| stem == client.program || script.split('/').any(|folder| folder == client.name))
}

/// Whether a name begins with another, as a word: `codex_exec` begins with `codex`, a shop that is called `codexes` does not.
fn begins(name: &str, beginning: &str) -> bool {
    let (Some(begun), Some(rest)) = (name.get(..beginning.len()), name.get(beginning.len()..)) else { return false };
    begun.eq_ignore_ascii_case(beginning) && !rest.starts_with(|next: char| next.is_alphanumeric())
}

/// The agent that sends as this service, or whose library made the records: users may give a service any name.
pub(super) fn client_of(service: &str, scope: &str) -> Option<&'static Client> {
    let by_scope = CLIENTS.iter().find(|client| begins(scope, client.scope));
    by_scope.or_else(|| CLIENTS.iter().find(|client| begins(service, client.service)))
}

/// Whether a service, or the scope of its records, is an agent.
#[must_use]
pub fn is_agent(name: &str) -> bool {
    CLIENTS
        .iter()
        .any(|client| begins(name, client.scope) || begins(name, client.service) || begins(name, client.prefix.trim_end_matches('.')))
}

impl Client {
    /// The name of an event or a metric without what all of them begin with.
    pub(super) fn bare<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(self.prefix).unwrap_or(name)
    }
}
