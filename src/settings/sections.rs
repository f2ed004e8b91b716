//! Every setting, with its type, its default and the comment that `Settings.toml` shows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use super::probes::ProbeSpec;
use super::secret::Secret;
use super::sources::{CommandSpec, ScrapeTarget};
use serde::{Deserialize, Serialize};
use taskpulse_engine::model::Selector;
use taskpulse_engine::rules::{RuleSpec, shipped};
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
    /// The rules on retention as the store takes them. Selectors were checked when the settings were read.
    pub fn overrides(&self) -> Vec<(Selector, i64)> {
        self.retentions.values().filter_map(|rule| Some((Selector::parse_pattern(&rule.pattern).ok()?, rule.keep.ms()))).collect()
    }
}

impl OtlpReceiver {
    pub fn options(&self) -> taskpulse_engine::otlp::Options {
        taskpulse_engine::otlp::Options { scope_labels: self.scope_labels, resource_labels: self.resource_labels.clone() }
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

const PREFACE: &str = "# Every setting of Taskpulse with its default. Keep what you change, leave out the rest.
# An environment variable TASKPULSE__SECTION__KEY passes over this file, a flag over both.
# Lengths of time are written like 500ms, 30s, 5m, 1h30m, 7d.
";

fn comment(doc: &str) -> String {
    format!("#{}\n", doc.trim_end())
}

/// One setting as a line, a table of rules as tables; what is unset by default as a comment.
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
        /// Secret of at least 16 characters that clients must show (`Authorization: Bearer …`, or the login page). Unset: none is asked for.
        token: Option<Secret> = None,
        /// Further names by which browsers may reach it, such as the name of a reverse proxy. `localhost` and addresses are known.
        allowed_hosts: Vec<String> = Vec::new(),
        /// How long a login on the login page lasts; 5m to 365d.
        session_lifetime: Span = Span::secs(30 * 86_400),
        /// Addresses of reverse proxies, or networks such as `10.0.0.0/8`, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        trusted_proxies: Vec<String> = Vec::new(),
        /// Also listen on 8091 (WebSocket at `/` too), 8092 (API) and 8080 (analytics), for links that expect them.
        split_ports: bool = false,
        /// Largest body of a request, in bytes; 1024 to 1073741824.
        max_body_bytes: usize = 8 << 20,
        /// WebSocket sessions at the same time; 1 to 100000.
        max_sessions: usize = 1_000,
        /// A client that takes nothing of its answer, or sends too little of its request, for so long is cut off; 1s to 1h.
        slow_client_timeout: Span = Span::secs(30),
    }

    /// How samples are kept.
    store: Store {
        /// Where; unset: `.taskmaster/taskpulse` where the working directory has a `.taskmaster`, else `taskpulse-data`. The same as `--data-dir`.
        data_dir: Option<PathBuf> = None,
        /// How long samples and events are kept; 1d to 3650d.
        retention: Span = Span::secs(30 * 86_400),
        /// How long some samples are kept instead, shorter or longer. A table a rule, the first by name that matches counts: `[store.retentions.probes]`, `match = "probe_*"`, `keep = "7d"`.
        retentions: BTreeMap<String, RetentionRule> = BTreeMap::new(),
        /// How long windows of 1h, 6h and 24h are kept; shorter ones are made from samples, for as long as those are kept; 1d to 3650d.
        windows_retention: Span = Span::secs(400 * 86_400),
        /// Bytes of the data directory beyond which the oldest days go, after all that sealing and compaction give back; 0 for no bound, else at least 16777216.
        max_bytes: u64 = 0,
        /// How far behind the newest sample of its series a sample may be; 0 to 7d.
        out_of_order: Span = Span::secs(3_600),
        /// How far ahead of this machine's clock a sample may be; 0 to 1d.
        max_ahead: Span = Span::secs(3_600),
        /// Series at the most; new ones beyond are refused; 1 to 10000000.
        max_series: usize = 1_000_000,
        /// Files of days open at the same time, the least recently used closed first; 16 to 65536.
        max_open_files: usize = 512,
        /// Page cache of the catalog, in bytes; 1048576 to 1073741824.
        cache_bytes: u64 = 4 << 20,
        /// Longest time until samples go from the journal into chunks; 1m to 6h.
        seal_interval: Span = Span::secs(1_800),
        /// Samples in memory that bring the next seal forward; 10000 to 100000000.
        max_head_samples: u64 = 500_000,
        /// A day that is over is written anew, smaller, once nothing came for it for so long; 1s to 1d.
        compact_after: Span = Span::secs(20),
        /// Part of one core that this may take; 0.01 to 1.
        compaction_share: f64 = 0.5,
    }

    /// The way of samples to the store.
    pipeline: Pipeline {
        /// Samples of a batch; 1 to 100000.
        batch_size: usize = 100,
        /// Longest wait of a sample for its batch; 100ms to 1m.
        flush_interval: Span = Span::secs(5),
        /// Samples that may wait when the store is slow; the oldest are dropped and counted beyond; 1000 to 100000000.
        backlog: usize = 100_000,
        /// Messages that may wait for an actor; 16 to 100000.
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
        /// Samples that one query may read; 1000 to 10000000000.
        max_samples: usize = 50_000_000,
        /// Memory that one query may take while it is worked out, in bytes; as many as there are workers take it at the same time; 1048576 to 1099511627776.
        max_bytes: usize = 268_435_456,
        /// Metric names that functions take away go at the end of a query only, so that `label_replace` still sees them: Prometheus' feature `promql-delayed-name-removal`.
        delayed_name_removal: bool = false,
    }

    /// Time windows of 1m, 5m, 15m, 1h, 6h and 24h.
    windows: Windows {
        /// A window closes when its series has moved so far past its end; later samples are left to the raw history; 0 to 1h.
        allowed_lateness: Span = Span::secs(30),
        /// A series that has been silent for so long no longer holds its last windows open; 1m to 1d.
        idle_after: Span = Span::secs(300),
    }

    /// What is measured of the machine.
    system: System {
        /// `false` leaves the machine unmeasured.
        enabled: bool = true,
        /// Time between looks; 1s to 1h.
        interval: Span = Span::secs(5),
    }

    /// Task Master boards.
    taskmaster: Taskmaster {
        /// `false` leaves boards alone.
        enabled: bool = true,
        /// Root folders of projects, each with a `.taskmaster` folder in it.
        projects: Vec<PathBuf> = vec![PathBuf::from(".")],
        /// Time between looks, beside the watching of the files; 1s to 1h.
        interval: Span = Span::secs(5),
        /// Tags of a board that are watched; those beyond are left out and named in its source's status; 1 to 10000.
        max_tags: usize = 100,
        /// Tasks and subtasks of a board; one with more is not taken; 1 to 1000000.
        max_tasks: usize = 10_000,
    }

    /// GitHub Actions.
    github: Github {
        /// `false` leaves CI unwatched.
        enabled: bool = true,
        /// The repositories, `owner/name` each. Empty: the one that the working folder's git remote names.
        repositories: Vec<String> = Vec::new(),
        /// Token that may read their Actions. Unset: GITHUB_TOKEN, else what `gh auth token` prints, else none (public repositories, 60 requests an hour).
        token: Option<Secret> = None,
        /// The REST interface; of GitHub Enterprise `https://HOST/api/v3`.
        api_url: String = "https://api.github.com".to_owned(),
        /// Time between looks; one at which nothing is new costs nothing; 1s to 1h.
        interval: Span = Span::secs(60),
        /// How far back runs are read, in the background, when a repository is seen first; 1d to 90d. No further than `store.retention`.
        backfill: Span = Span::secs(30 * 86_400),
        /// Part of the token's hourly limit that may be used; 0.01 to 1.
        share: f64 = 0.1,
        /// Secret of the webhook that posts to `/hooks/github`, of at least 16 characters. Unset: none are taken.
        webhook_secret: Option<Secret> = None,
    }

    /// Programs that expose metrics as Prometheus text or OpenMetrics. A table a target: `[scrape.targets.node]`, `url = "http://localhost:9100/metrics"`;
    /// further keys are in docs/OPERATIONS.md.
    scrape: Scrape {
        /// The targets by name, which is their label `job`.
        targets: BTreeMap<String, ScrapeTarget> = BTreeMap::new(),
    }

    /// Programs that are run and print metrics. A table a program: `[commands.run.queue]`, `command = ["queue-depth", "--prometheus"]`;
    /// further keys are in docs/OPERATIONS.md.
    commands: Commands {
        /// The programs by name.
        run: BTreeMap<String, CommandSpec> = BTreeMap::new(),
    }

    /// OpenTelemetry metrics that programs send to `/v1/metrics`.
    otlp: OtlpReceiver {
        /// Series have the labels of their instrumentation scope (`otel_scope_name` …). Prometheus' receiver leaves them out too unless told.
        scope_labels: bool = false,
        /// Attributes of the resource that all its series have as labels, beside `job` and `instance`: `["deployment.environment.name"]`.
        resource_labels: Vec<String> = Vec::new(),
    }

    /// What users need and whether it answers. A table a target: `[probes.check.shop]`, `url = "https://shop.example"`, or `tcp = "db.example:5432"`,
    /// or `command = ["pg_isready", "-q"]`; further keys are in docs/OPERATIONS.md.
    probes: Probes {
        /// The checks by name, which is their label `target`.
        check: BTreeMap<String, ProbeSpec> = BTreeMap::new(),
    }

    /// What systemd's units and containers use, by cgroup v2.
    containers: Containers {
        /// `false` leaves them unmeasured.
        enabled: bool = true,
        /// Time between looks; 1s to 1h.
        interval: Span = Span::secs(10),
        /// Units and containers with samples at a time, the busiest by CPU and by memory; 1 to 200.
        max_groups: usize = 20,
        /// Where the machine's files are; `/host` where the service runs in a container that has the machine's root there.
        root: PathBuf = PathBuf::from("/"),
    }

    /// What went on while a task was in progress: the metrics of coding agents that are joined with tasks by time.
    costs: CostNames {
        /// Counters of tokens; their label `type` tells kinds apart.
        tokens: Vec<String> = vec!["claude_code_token_usage_tokens_total".to_owned()],
        /// Counters of money.
        money: Vec<String> = vec!["claude_code_cost_usage_USD_total".to_owned()],
        /// Counters of seconds that an agent was active.
        active_seconds: Vec<String> = vec!["claude_code_active_time_seconds_total".to_owned()],
    }

    /// Alerts. A rule fires when `expr` (a selector, a comparison, a number) has held for `for`, at most once per `cooldown` and series.
    alerts: Alerts {
        /// Tell alerts on the console.
        console: bool = true,
        /// Tell alerts in a file.
        file: bool = true,
        /// That file; unset: `.taskmaster/alerts.log` where there is a `.taskmaster`, else `alerts.log` in the data directory.
        file_path: Option<PathBuf> = None,
        /// The rules by name; a rule of your own is one more table, `enabled = false` switches one off. Severities: debug, info, notice, warning, error, critical.
        rules: BTreeMap<String, RuleSpec> = shipped(),
    }

    /// Recommendations.
    optimizer: Optimizer {
        /// `false` gives none. The same as `--no-advanced`.
        enabled: bool = true,
        /// Time between looks at the history; 10s to 1d.
        interval: Span = Span::secs(60),
    }

    /// How actors that panic are treated.
    supervision: Supervision {
        /// Restarts within `window` before an actor stays down; 0 to 1000.
        max_restarts: usize = 10,
        /// See `max_restarts`; 1s to 1h.
        window: Span = Span::secs(60),
        /// An actor without progress for so long is reported as stuck; 1s to 1h.
        stuck_after: Span = Span::secs(30),
    }

    /// The log, on standard error.
    log: Log {
        /// off, error, warn, info, debug or trace. RUST_LOG passes over it.
        level: String = "info".to_owned(),
    }
}
