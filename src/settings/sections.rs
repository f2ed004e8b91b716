//! Every setting, with its type, its default and the comment that `Settings.toml` shows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use super::actions::ActionSpec;
use super::heartbeats::HeartbeatSpec;
use super::inhibit::InhibitSpec;
use super::mcp::McpTokenSpec;
use super::money::{BudgetSpec, PriceSpec};
use super::notify::ChannelSpec;
use super::probes::ProbeSpec;
use super::secret::Secret;
use super::sources::{CommandSpec, ScrapeTarget};
use serde::{Deserialize, Serialize};
use taskpulse_actors::collectors::anomaly::AnomalyOptions;
use taskpulse_engine::anomaly::Tuning;
use taskpulse_engine::board::cost::AgentMetrics;
use taskpulse_engine::model::Selector;
use taskpulse_engine::notices::MaintenanceSpec;
use taskpulse_engine::rules::{Profile, RuleSpec, shipped};
use taskpulse_engine::span::Span;

/// How long the samples of some series are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Which: a selector, or a metric name with `*`.
    #[serde(rename = "match")]
    pub pattern: String,
    /// How long.
    pub keep: Span,
}

impl Store {
    /// The retention rules in the form of the store. Selectors were checked when the settings were read.
    pub fn overrides(&self) -> Vec<(Selector, i64)> {
        self.retentions.values().filter_map(|rule| Some((Selector::parse_pattern(&rule.pattern).ok()?, rule.keep.ms()))).collect()
    }
}

impl Anomaly {
    /// The options of the collector. Selectors were checked when the settings were read.
    #[must_use]
    pub fn options(&self) -> AnomalyOptions {
        let tuning = Tuning::default();
        AnomalyOptions {
            series: self.series.iter().filter_map(|text| Selector::parse_pattern(text).ok()).collect(),
            max_series: self.max_series,
            tuning: Tuning { bar: tuning.bar - (self.sensitivity as f32).ln(), ..tuning },
        }
    }
}

impl CostNames {
    /// The metrics that are joined.
    #[must_use]
    pub fn metrics(&self) -> AgentMetrics {
        AgentMetrics { tokens: self.tokens.clone(), money: self.money.clone(), active: self.active_seconds.clone() }
    }
}

impl OtlpReceiver {
    pub fn options(&self) -> taskpulse_engine::otlp::Options {
        taskpulse_engine::otlp::Options {
            scope_labels: self.scope_labels,
            resource_labels: self.resource_labels.clone(),
            stream_labels: self.stream_labels.clone(),
        }
    }
}

/// Declares sections: a struct each, its default, and its part of the documentation.
macro_rules! sections {
    ($($(#[doc = $about:literal])* $section:ident: $name:ident { $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr,)* })*) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $name { $($(#[doc = $doc])* pub $key: $type,)* }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($key: $default,)* }
                }
            }
        )*

        /// All settings.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Settings { $($(#[doc = $about])* pub $section: $name,)* }

        impl Settings {
            /// The text of `Settings.toml`: every setting with its default and its comment.
            pub fn documented() -> String {
                let mut out = String::from(PREFACE);
                $(
                    let values = toml::Value::try_from($name::default()).unwrap_or_else(|_| toml::Value::Table(toml::Table::new()));
                    out.push('\n');
                    $(out.push_str(&comment($about));)*
                    let _ = writeln!(out, "[{}]", stringify!($section));
                    $(
                        $(out.push_str(&comment($doc));)*
                        out.push_str(&entry(stringify!($section), stringify!($key), values.get(stringify!($key))));
                    )*
                )*
                out
            }
        }
    };
}

/// What usually matters of the four sources.
fn watched_series() -> Vec<String> {
    [
        "system_cpu_utilization_ratio",
        "system_memory_utilization_ratio",
        "system_network_io_bytes_total",
        "system_disk_io_bytes_total",
        "probe_duration_seconds",
        "github_actions_run_duration_seconds",
        "github_actions_run_queue_seconds",
        "taskmaster_task_execution_seconds",
    ]
    .map(str::to_owned)
    .to_vec()
}

const PREFACE: &str = "# Every setting of Taskpulse with its default. Keep what you change, leave out the rest.
# An environment variable TASKPULSE__SECTION__KEY overrides this file, a flag overrides both.
# Durations are written like 500ms, 30s, 5m, 1h30m, 7d.
";

fn comment(doc: &str) -> String {
    format!("#{}\n", doc.trim_end())
}

/// One setting as a line, a table of rules as tables, a setting without a default as a comment.
fn entry(section: &str, key: &str, value: Option<&toml::Value>) -> String {
    let mut out = String::new();
    match value {
        None => {
            let _ = writeln!(out, "# {key} =");
        }
        Some(toml::Value::Table(entries)) => {
            for (name, fields) in entries {
                let _ = writeln!(out, "[{section}.{key}.{name}]");
                for (field, value) in fields.as_table().into_iter().flatten() {
                    let _ = writeln!(out, "{field} = {value}");
                }
            }
        }
        Some(value) => {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
    out
}

sections! {
    /// How the service is reached.
    server: Server {
        /// Address to listen on. Any other than a loopback address needs `token`.
        listen: IpAddr = IpAddr::from([127, 0, 0, 1]),
        /// Port; 1 to 65535, or 0 for any free one.
        port: u16 = 8090,
        /// Secret of at least 16 characters that clients must show (`Authorization: Bearer …`, or the login page). Unset: no token is needed.
        token: Option<Secret> = None,
        /// Further host names under which browsers may reach the service, such as that of a reverse proxy. `localhost` and IP addresses are always allowed.
        allowed_hosts: Vec<String> = Vec::new(),
        /// How long a login on the login page lasts; 5m to 365d.
        session_lifetime: Span = Span::secs(30 * 86_400),
        /// Addresses of reverse proxies, or networks such as `10.0.0.0/8`, whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
        trusted_proxies: Vec<String> = Vec::new(),
        /// Also listen on 8091 (WebSocket at `/` too), 8092 (API) and 8080 (analytics), for links that expect them.
        split_ports: bool = false,
        /// Largest body of a request, in bytes; 1024 to 1073741824.
        max_body_bytes: usize = 8 << 20,
        /// Most WebSocket sessions at the same time; 1 to 100000.
        max_sessions: usize = 1_000,
        /// Disconnect a client that reads nothing of its answer, or sends too little of its request, for this long; 1s to 1h.
        slow_client_timeout: Span = Span::secs(30),
    }

    /// How samples are kept.
    store: Store {
        /// Directory of the store; unset: `.taskmaster/taskpulse` where the working directory has a `.taskmaster`, else `taskpulse-data`. The same as `--data-dir`.
        data_dir: Option<PathBuf> = None,
        /// How long samples and events are kept; 1d to 3650d.
        retention: Span = Span::secs(30 * 86_400),
        /// How long the samples of some series are kept instead. One table per rule; the first by name that matches applies: `[store.retentions.probes]`, `match = "probe_*"`, `keep = "7d"`.
        retentions: BTreeMap<String, RetentionRule> = BTreeMap::new(),
        /// How long windows of 1h, 6h and 24h are kept; shorter ones are made from samples, for as long as those are kept; 1d to 3650d.
        windows_retention: Span = Span::secs(400 * 86_400),
        /// Most bytes of the data directory; beyond it the oldest days are deleted, once sealing and compaction can free no more; 0 for no bound, else at least 16777216.
        max_bytes: u64 = 0,
        /// How far behind the newest sample of its series a sample may be; 0 to 7d.
        out_of_order: Span = Span::secs(3_600),
        /// How far ahead of this machine's clock a sample may be; 0 to 1d.
        max_ahead: Span = Span::secs(3_600),
        /// Most series; further new ones are refused; 1 to 10000000.
        max_series: usize = 1_000_000,
        /// Most exemplars; beyond it the oldest go; 0 keeps none, at most 10000000.
        max_exemplars: usize = 100_000,
        /// Most exemplars of one series within an hour; beyond it those close to others go; 2 to 600.
        exemplars_per_hour: usize = 60,
        /// Most files of days that are open at the same time; the least recently used is closed first; 16 to 65536.
        max_open_files: usize = 512,
        /// Page cache of the catalog, in bytes; 1048576 to 1073741824.
        cache_bytes: u64 = 4 << 20,
        /// Longest time until samples go from the journal into chunks; 1m to 6h.
        seal_interval: Span = Span::secs(1_800),
        /// Samples in memory at which a seal starts early; 10000 to 100000000.
        max_head_samples: u64 = 500_000,
        /// Compact a finished day once no sample came for it for this long; 1s to 1d.
        compact_after: Span = Span::secs(20),
        /// Share of one core that compaction may use; 0.01 to 1.
        compaction_share: f64 = 0.5,
    }

    /// How log lines are kept.
    logs: LogLines {
        /// How long log lines are kept, and how far ahead of this machine's clock they may be; 1d to 3650d.
        retention: Span = Span::secs(14 * 86_400),
        /// Most bytes of the files of log lines; beyond it the oldest days are deleted; 0 for no bound, else at least 16777216.
        max_bytes: u64 = 0,
        /// Longest time until log lines go from the journal into compressed files; 1m to 6h.
        seal_interval: Span = Span::secs(1_800),
        /// Memory of lines that wait for that, in bytes, at which it starts early; 1048576 to 1073741824.
        max_head_bytes: usize = 32 << 20,
        /// Most streams of a day; the lines of further ones are kept in one stream of their service, with their labels as attributes; 1 to 1000000.
        max_streams: usize = 10_000,
    }

    /// How spans are kept.
    traces: TraceSpans {
        /// How long spans are kept, and how far ahead of this machine's clock they may begin; 1d to 3650d.
        retention: Span = Span::secs(14 * 86_400),
        /// Most bytes of the files of spans; beyond it the oldest days are deleted; 0 for no bound, else at least 16777216.
        max_bytes: u64 = 0,
        /// Longest time until spans go from the journal into compressed files; 1m to 6h.
        seal_interval: Span = Span::secs(1_800),
        /// Memory of spans that wait for that, in bytes, at which it starts early; 1048576 to 1073741824.
        max_head_bytes: usize = 32 << 20,
        /// Most services of a day; the spans of further ones are kept together; 1 to 1000000.
        max_services: usize = 10_000,
    }

    /// How samples get to the store.
    pipeline: Pipeline {
        /// Samples per batch; 1 to 100000.
        batch_size: usize = 100,
        /// Longest wait of a sample for its batch; 100ms to 1m.
        flush_interval: Span = Span::secs(5),
        /// Most samples that wait while the store is slow; beyond it the oldest are dropped and counted; 1000 to 100000000.
        backlog: usize = 100_000,
        /// Most messages that wait for an actor; 16 to 100000.
        mailbox: usize = 256,
        /// Threads that serve requests; 1 to 64.
        workers: usize = 2,
    }

    /// Queries.
    query: Query {
        /// How old a sample may be to count at an instant; 1s to 1d. A request may ask for another with `lookback_delta`.
        lookback: Span = Span::secs(300),
        /// Longest time of a query; 1s to 1h. A request may ask for less with `timeout`.
        timeout: Span = Span::secs(30),
        /// Most samples that one query reads; 1000 to 10000000000.
        max_samples: usize = 50_000_000,
        /// Most memory of one query, in bytes; up to `pipeline.workers` queries run at the same time; 1048576 to 1099511627776.
        max_bytes: usize = 268_435_456,
        /// Drop metric names at the end of evaluation (delayed name removal), so that `label_replace` still sees them: Prometheus' feature `promql-delayed-name-removal`.
        delayed_name_removal: bool = false,
    }

    /// Time windows of 1m, 5m, 15m, 1h, 6h and 24h.
    windows: Windows {
        /// A window closes once its series is this far past the window's end; later samples change the raw history alone; 0 to 1h.
        allowed_lateness: Span = Span::secs(30),
        /// After this long without samples the last windows of a series close; 1m to 1d.
        idle_after: Span = Span::secs(300),
    }

    /// What is measured of the machine.
    system: System {
        /// `false`: do not measure the machine.
        enabled: bool = true,
        /// Poll interval; 1s to 1h.
        interval: Span = Span::secs(5),
    }

    /// Task Master boards.
    taskmaster: Taskmaster {
        /// `false`: do not read boards.
        enabled: bool = true,
        /// Root folders of projects, each with a `.taskmaster` folder in it.
        projects: Vec<PathBuf> = vec![PathBuf::from(".")],
        /// Poll interval, in addition to watching the files; 1s to 1h.
        interval: Span = Span::secs(5),
        /// Most tags of a board; further ones are left out and named in the status of the source; 1 to 10000.
        max_tags: usize = 100,
        /// Most tasks and subtasks of a board; a larger board is refused; 1 to 1000000.
        max_tasks: usize = 10_000,
    }

    /// GitHub Actions.
    github: Github {
        /// `false`: do not read CI.
        enabled: bool = true,
        /// Repositories as `owner/name`. Empty: that of the git remote of the working folder.
        repositories: Vec<String> = Vec::new(),
        /// Token with read access to their Actions. Unset: GITHUB_TOKEN, else what `gh auth token` prints, else none (public repositories, 60 requests an hour).
        token: Option<Secret> = None,
        /// Address of the REST API; `https://HOST/api/v3` for GitHub Enterprise.
        api_url: String = "https://api.github.com".to_owned(),
        /// Poll interval; a poll that finds nothing new does not count against the rate limit; 1s to 1h.
        interval: Span = Span::secs(60),
        /// How far back runs are read (backfill) when a repository is first seen; 1d to 90d, at most `store.retention`.
        backfill: Span = Span::secs(30 * 86_400),
        /// Share of the token's hourly rate limit that may be used; 0.01 to 1.
        share: f64 = 0.1,
        /// Secret of the webhook that posts to `/hooks/github`, of at least 16 characters. Unset: webhooks are refused.
        webhook_secret: Option<Secret> = None,
    }

    /// Programs that expose metrics as Prometheus text or OpenMetrics. One table per target: `[scrape.targets.node]`, `url = "http://localhost:9100/metrics"`;
    /// further keys are in docs/OPERATIONS.md.
    scrape: Scrape {
        /// The targets by name, which is their label `job`.
        targets: BTreeMap<String, ScrapeTarget> = BTreeMap::new(),
    }

    /// Programs that are run and print metrics. One table per program: `[commands.run.queue]`, `command = ["queue-depth", "--prometheus"]`;
    /// further keys are in docs/OPERATIONS.md.
    commands: Commands {
        /// The programs by name.
        run: BTreeMap<String, CommandSpec> = BTreeMap::new(),
    }

    /// OpenTelemetry metrics, logs and traces that programs send to `/v1/metrics`, `/v1/logs` and `/v1/traces`.
    otlp: OtlpReceiver {
        /// Add the labels of the instrumentation scope (`otel_scope_name` …) to each series. Prometheus' receiver leaves them out by default too.
        scope_labels: bool = false,
        /// Resource attributes that become labels of all its series, besides `job` and `instance`: `["deployment.environment.name"]`.
        resource_labels: Vec<String> = Vec::new(),
        /// Resource attributes that become labels of its streams of log lines, besides those in docs/LOGS.md: `["service.instance.id"]`. Of few values each.
        stream_labels: Vec<String> = Vec::new(),
    }

    /// Probes: whether what users need answers. One table per target: `[probes.check.shop]`, `url = "https://shop.example"`, or `tcp = "db.example:5432"`,
    /// or `command = ["pg_isready", "-q"]`; further keys are in docs/OPERATIONS.md.
    probes: Probes {
        /// The checks by name, which is their label `target`.
        check: BTreeMap<String, ProbeSpec> = BTreeMap::new(),
    }

    /// Calls of jobs that must come in: `POST /api/v1/heartbeats/backup` says that the backup works. One table per job: `[heartbeats.expect.backup]`,
    /// `every = "1d"`, and `grace`, how late a call may be (a tenth of `every`, at least `1m`).
    heartbeats: Heartbeats {
        /// The jobs by name.
        expect: BTreeMap<String, HeartbeatSpec> = BTreeMap::new(),
    }

    /// Resources of systemd units and containers, from cgroup v2.
    containers: Containers {
        /// `false`: do not measure them.
        enabled: bool = true,
        /// Poll interval; 1s to 1h.
        interval: Span = Span::secs(10),
        /// Most units and containers that are measured: the busiest by CPU and by memory; 1 to 200.
        max_groups: usize = 20,
        /// Root of the machine's file system; for example `/host` in a container that has it mounted there.
        root: PathBuf = PathBuf::from("/"),
    }

    /// What things cost: metrics of coding agents that are joined with tasks by time, prices of CI, and budgets.
    costs: CostNames {
        /// Counters of tokens; their label `type` is the kind of token.
        tokens: Vec<String> = vec!["claude_code_token_usage_tokens_total".to_owned()],
        /// Counters of money.
        money: Vec<String> = vec!["claude_code_cost_usage_USD_total".to_owned()],
        /// Counters of seconds that an agent was active.
        active_seconds: Vec<String> = vec!["claude_code_active_time_seconds_total".to_owned()],
        /// Time zone in which days, weeks and months of budgets begin, such as `Europe/Berlin`; unset: that of the machine.
        timezone: Option<String> = None,
        /// What a minute of a runner of CI costs, and since when; without a price no money is said. One table per row: `[costs.prices.linux]`, `from = "2026-01-01"`, `runner = "ubuntu-*"`, `per_minute = 0.008`,
        /// `currency = "USD"`; all keys are in docs/OPERATIONS.md, *Prices and budgets*.
        prices: BTreeMap<String, PriceSpec> = BTreeMap::new(),
        /// What may be spent: `[costs.budgets.agents]`, `amount = 20`, `currency = "USD"`, `per = "day"` (or week, month; or task, tag, project: for each of them in all), `of = ["agents"]` (or ci, or both).
        budgets: BTreeMap<String, BudgetSpec> = BTreeMap::new(),
    }

    /// What is kept of what coding agents send (docs/OPERATIONS.md, *What is kept of coding agents*).
    agents: Agents {
        /// Texts that are kept: `prompts`, `answers`, `tool_inputs`, `tool_outputs`. None by default: what was done, by what, how long and for how much stays without them.
        keep: Vec<String> = Vec::new(),
        /// Patterns (RE2) of what is hidden in all that is kept of them, beside what looks like a key, a token or a password; at most 32.
        redact: Vec<String> = Vec::new(),
        /// `short`: people, accounts and installations have names such as `user-3f9a17c2`, always the same; `as sent`: those that the agent sends.
        names: String = "short".to_owned(),
        /// Tell an agent in the answer to its hook, once a cause, when CI failed on its commit, a probe went down after it, or a budget is used up.
        tell: bool = true,
        /// Read the logs of the git repositories in which agents work, for commits that they do not name themselves.
        read_repositories: bool = true,
    }

    /// Alerts. A rule fires when its condition has held for `for`, at most once per `cooldown` and series.
    alerts: Alerts {
        /// What the machine is for: `server`, where a busy CPU is a warning; `workstation`, where it is `info`, `cpu_shortage` fires when something suffers from it, and channels announce `notice` and worse.
        profile: Profile = Profile::Server,
        /// Write alerts to the console.
        console: bool = true,
        /// Write alerts to a file, one line of JSON each.
        file: bool = true,
        /// Path of that file; unset: `.taskmaster/alerts.log` where there is a `.taskmaster`, else `alerts.log` in the data directory.
        file_path: Option<PathBuf> = None,
        /// Time between evaluations of rules that are not judged on each sample (`selector op number` is); 1s to 1h.
        evaluation_interval: Span = Span::secs(15),
        /// Prometheus rule files, as patterns (`["rules/*.yml"]`) relative to the folder of this file. They are read at the start; docs/OPERATIONS.md, *Rule files*.
        rule_files: Vec<String> = Vec::new(),
        /// Rules by name. Add a table for a rule of your own; `enabled = false` turns a rule off. All keys are in docs/OPERATIONS.md, *Alert rules*. Severities: debug, info, notice, warning, error, critical.
        rules: BTreeMap<String, RuleSpec> = shipped(Profile::Server),
    }

    /// Anomalies: what is unusual for a series beside its own history. They stand on the time line and at `/api/v1/anomalies`; a rule on `taskpulse_anomaly_score` makes alerts of them.
    anomaly: Anomaly {
        /// `false`: nothing is judged. The same as `--no-advanced`.
        enabled: bool = true,
        /// The series that are judged, by their windows of five minutes: selectors. Counters count by their rate.
        series: Vec<String> = watched_series(),
        /// Most series that are judged, at about 16 KiB each; 1 to 10000.
        max_series: usize = 200,
        /// How much is reported: 2 reports what is half as unusual, 0.5 only what is twice as unusual; 0.25 to 4.
        sensitivity: f64 = 1.0,
    }

    /// Notifications of alerts. The console and the file of [alerts] get every change at once; further channels are tables of their own: `[notify.channels.ops]`,
    /// `kind = "webhook"`, `url = "https://…"`; kinds and further keys are in docs/OPERATIONS.md, *Notifications*.
    notify: Notify {
        /// Address of this service in links of notifications; unset: the first one that it listens on.
        external_url: Option<String> = None,
        /// Alerts that agree in these labels go together in one notification; `["..."]`: each alert by itself.
        group_by: Vec<String> = vec!["alertname".to_owned()],
        /// How long the first notification of a group waits for more alerts; 0s to 1h.
        group_wait: Span = Span::millis(100),
        /// Shortest time between two notifications of a group; 0s to 1d.
        group_interval: Span = Span::secs(300),
        /// After how long a notification is repeated while its alerts fire and nobody acknowledged them; 1m to 31d, or 0s for never.
        repeat_interval: Span = Span::secs(4 * 3_600),
        /// An alert that fires so often within `flap_window` is announced as flapping, and then only when it has settled; 0 (off) to 50.
        flap_after: usize = 4,
        /// The time over which `flap_after` counts; 1m to 1d.
        flap_window: Span = Span::secs(1_800),
        /// Time zone of `times` and `digest_at` of channels, such as `Europe/Berlin`; unset: that of the machine.
        timezone: Option<String> = None,
        /// Hold back what follows from another alert: `high_cpu_usage` while `critical_cpu_usage` fires, `degraded_performance` while what lowers the score fires itself, and the like (docs/OPERATIONS.md).
        inhibit_shipped: bool = true,
        /// Channels by name.
        channels: BTreeMap<String, ChannelSpec> = BTreeMap::new(),
        /// Rules of your own: while an alert that `source` matches fires, those that `target` matches are held back, if both agree in the labels of `equal`: `[notify.inhibit.disk]`.
        inhibit: BTreeMap<String, InhibitSpec> = BTreeMap::new(),
        /// Times that come again, during which notifications are held back: `[notify.maintenance.backup]`, `times = ["sun 02:00-04:00"]`.
        maintenance: BTreeMap<String, MaintenanceSpec> = BTreeMap::new(),
    }

    /// Recommendations.
    optimizer: Optimizer {
        /// `false`: no recommendations. The same as `--no-advanced`.
        enabled: bool = true,
        /// Time between evaluations of the history; 10s to 1d.
        interval: Span = Span::secs(60),
    }

    /// Commands that carry advice out, watched by a guard and undone where that is the safe side (docs/ACTIONS.md). One table per advisor:
    /// `[actions.bind.disk_filling]` with `dry_run`, `command`, `undo` and `guard`. Nothing runs that is not named here.
    actions: Actions {
        /// `true`: carry out what `bind` names. `--no-advanced` switches it off.
        enabled: bool = false,
        /// Shortest time between two runs, of whatever advisor; 0s to 31d.
        cooldown: Span = Span::secs(3_600),
        /// The commands by advisor.
        bind: BTreeMap<String, ActionSpec> = BTreeMap::new(),
    }

    /// Questions in plain words. A model behind an OpenAI-compatible API may translate those that the grammar does not have into it; it never answers itself.
    /// Where it is set, it gets those questions, names of what is watched and titles of tasks (docs/OPERATIONS.md, *Questions*).
    ask: Ask {
        /// Address of the API, such as `http://localhost:11434/v1`; `/chat/completions` is added. Unset: nothing is sent. `--no-advanced` switches it off.
        url: Option<String> = None,
        /// Name of the model there.
        model: Option<String> = None,
        /// Key that is sent as `Authorization: Bearer …`. Unset: none is.
        api_key: Option<Secret> = None,
        /// File that holds the key instead; read anew for each question.
        api_key_file: Option<PathBuf> = None,
        /// Longest time of a translation, with the wait for its turn; 1s to 15s.
        timeout: Span = Span::secs(10),
        /// Most questions that are translated in a minute; 1 to 600.
        per_minute: usize = 10,
    }

    /// The server of the Model Context Protocol at `/mcp`: coding agents ask there what is going on (docs/MCP.md).
    mcp: ModelContext {
        /// `false`: nobody is answered there.
        enabled: bool = true,
        /// `true`: agents may write marks on the time line (the tool `note`). All other tools change nothing.
        write: bool = false,
        /// Secret of at least 16 characters that opens `/mcp` and nothing else, for agents that are not to hold `server.token`; needs that one to be set.
        token: Option<Secret> = None,
        /// Further secrets by name, each for some tools only: `[mcp.tokens.ci-bot]` with `token`, `tools = ["ci", "status"]` (all if left out) and `write = true` for those that change something.
        tokens: BTreeMap<String, McpTokenSpec> = BTreeMap::new(),
    }

    /// Restarts of actors that panic.
    supervision: Supervision {
        /// Most restarts within `window`; after that an actor stays down; 0 to 1000.
        max_restarts: usize = 10,
        /// The time over which `max_restarts` counts; 1s to 1h.
        window: Span = Span::secs(60),
        /// An actor without progress for this long is reported as stuck; 1s to 1h.
        stuck_after: Span = Span::secs(30),
    }

    /// The log, on standard error.
    log: Log {
        /// Level: off, error, warn, info, debug or trace. RUST_LOG overrides it.
        level: String = "info".to_owned(),
    }
}
