//! Reading the settings: a mistake is reported with its file, its key and what would be right.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use config::{Config, Environment, File, FileFormat, Source, ValueKind};
use taskpulse_actors::files;
use taskpulse_engine::model::Selector;
use taskpulse_engine::rules::{Profile, RuleSpec, shipped};
use taskpulse_engine::span::Span;

use super::heartbeats::HeartbeatSpec;
use super::probes::ProbeSpec;
use super::secret::{explain, explain_syntax, exposed, secrets};
use super::sections::{Ask, LogLines, Server, Store, TraceSpans};
use super::sources::{CommandSpec, ScrapeTarget, each};
use super::{Settings, actions, agents, ask, github, mcp, money, notify, place};
use crate::cli::Cli;
use crate::options::rule_book;
use crate::rule_files;

const FILE: &str = "Settings.toml";
const ENVIRONMENT: &str = "TASKPULSE";
/// Settings that are lists; in the environment their items are separated by commas.
const LISTS: [&str; 11] = [
    "agents.keep",
    "anomaly.series",
    "server.allowed_hosts",
    "server.trusted_proxies",
    "taskmaster.projects",
    "costs.tokens",
    "costs.money",
    "costs.active_seconds",
    "github.repositories",
    "alerts.rule_files",
    "notify.group_by",
];
/// Keys whose tables are named by the user.
pub(super) const OPEN_TABLES: [&str; 13] = [
    "actions.bind",
    "alerts.rules",
    "store.retentions",
    "scrape.targets",
    "commands.run",
    "costs.budgets",
    "costs.prices",
    "probes.check",
    "heartbeats.expect",
    "mcp.tokens",
    "notify.channels",
    "notify.inhibit",
    "notify.maintenance",
];

/// Largest settings file.
const MAX_BYTES: u64 = 4 << 20;

/// The settings in force, and warnings about them.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub warnings: Vec<String>,
}

/// The settings in force for a command line.
pub fn load(cli: &Cli) -> anyhow::Result<Loaded> {
    let file = match &cli.config {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(FILE)).filter(|path| path.exists()),
    };
    let environment = Environment::with_prefix(ENVIRONMENT).prefix_separator("__").separator("__");
    let Loaded { mut settings, mut warnings } = merge(file.as_deref(), environment)?;
    // Patterns of rule files are relative to the settings.
    let folder = file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    for pattern in &mut settings.alerts.rule_files {
        *pattern = folder.join(&*pattern).to_string_lossy().into_owned();
        if rule_files::matching(Path::new(""), pattern).is_ok_and(|paths| paths.is_empty()) {
            warnings.push(format!("alerts.rule_files: no file matches {pattern}"));
        }
    }
    if let Some(port) = cli.port {
        settings.server.port = port;
    }
    if let Some(dir) = &cli.data_dir {
        settings.store.data_dir = Some(dir.clone());
    }
    if cli.no_advanced {
        settings.optimizer.enabled = false;
        settings.anomaly.enabled = false;
        settings.actions.enabled = false;
        settings.ask = Ask::default();
    }
    let origin = file.as_ref().map_or_else(|| "settings".to_owned(), |path| path.display().to_string());
    validate(&settings).map_err(|error| {
        let text = file.as_ref().and_then(|path| files::read_text(path, MAX_BYTES).ok());
        let place = text.and_then(|text| place::of_template(&text, &error)).map(|place| format!(": {place}")).unwrap_or_default();
        error.context(format!("{origin}{place}"))
    })?;
    Ok(Loaded { settings, warnings })
}

fn merge(file: Option<&Path>, environment: Environment) -> anyhow::Result<Loaded> {
    let mut builder = Config::builder();
    let mut warnings = Vec::new();
    if let Some(path) = file {
        let text = files::read_text(path, MAX_BYTES)?;
        if let Err(error) = toml::from_str::<toml::Table>(&text) {
            bail!("{}: {}", path.display(), explain_syntax(&text, &error, is_known));
        }
        let source = File::from_str(&text, FileFormat::Toml);
        let table = source.collect().map_err(|error| anyhow!("{}: {}", path.display(), explain(&error)))?;
        check_keys(&table, &path.display().to_string())?;
        warnings.extend(exposed(path, &secrets(&table)));
        builder = builder.add_source(source);
    }
    // The environment gives flat keys: `server.port`.
    let variables = environment.collect().context("environment")?;
    for path in variables.keys() {
        let (section, key) = path.split_once('.').unwrap_or((path, ""));
        check_key(section, key, "environment")?;
    }
    builder = builder.add_source(environment);
    for key in LISTS {
        if let Some(text) = variables.get(key) {
            let items: Vec<String> =
                text.to_string().split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
            builder = builder.set_override(key, items)?;
        }
    }
    let config = builder.build()?;
    let mut settings: Settings = config.try_deserialize().map_err(|error| {
        let origin = file.map_or_else(|| "environment".to_owned(), |path| format!("{} or environment", path.display()));
        anyhow!("{origin}: {}", explain(&error))
    })?;
    // The file's rules join those that ship; one of the same name replaces it. What is as `Settings.toml` shows it was not changed.
    let unchanged = shipped(Profile::default());
    settings.alerts.rules.retain(|name, rule| unchanged.get(name) != Some(rule));
    let mut rules = shipped(settings.alerts.profile);
    for (name, given) in std::mem::take(&mut settings.alerts.rules) {
        let rule = match rules.get(&name) {
            Some(shipped) if given.expr.is_none() && given.absent.is_none() && given.logql.is_none() => changed(shipped, &given)?,
            _ => given,
        };
        rules.insert(name, rule);
    }
    settings.alerts.rules = rules;
    Ok(Loaded { settings, warnings })
}

/// A shipped rule with the keys of a table that has no condition of its own: `enabled = false` is enough to switch one off.
fn changed(shipped: &RuleSpec, given: &RuleSpec) -> anyhow::Result<RuleSpec> {
    let (mut rule, given) = (serde_json::to_value(shipped)?, serde_json::to_value(given)?);
    // Only what is not as usual is written.
    for (key, value) in given.as_object().into_iter().flatten() {
        rule[key] = value.clone();
    }
    Ok(serde_json::from_value(rule)?)
}

/// Whether a word is a key of some section.
fn is_known(key: &str) -> bool {
    let known = toml::Value::try_from(Settings::default()).ok();
    known.is_some_and(|known| {
        let sections = known.as_table().into_iter().flat_map(toml::Table::keys);
        sections.into_iter().any(|section| known_keys(&known, section).iter().any(|known| known == key))
    })
}

/// Refuses keys that no setting has.
fn check_keys(table: &config::Map<String, config::Value>, origin: &str) -> anyhow::Result<()> {
    for (section, value) in table {
        match &value.kind {
            ValueKind::Table(entries) => entries.keys().try_for_each(|key| check_key(section, key, origin))?,
            _ => check_key(section, "", origin)?,
        }
    }
    Ok(())
}

fn check_key(section: &str, key: &str, origin: &str) -> anyhow::Result<()> {
    let known = toml::Value::try_from(Settings::default())?;
    let keys = known_keys(&known, section);
    if keys.is_empty() {
        let sections: Vec<String> = known.as_table().map(|t| t.keys().cloned().collect()).unwrap_or_default();
        bail!("{origin}: there is no section `{section}`; sections are {}", sections.join(", "));
    }
    if key.is_empty() {
        bail!("{origin}: `{section}` is a section: write [{section}] and keys below it");
    }
    let open = OPEN_TABLES.iter().any(|table| format!("{section}.{key}").starts_with(table));
    ensure!(open || keys.iter().any(|k| k == key), "{origin}: there is no setting `{section}.{key}`; [{section}] has {}", keys.join(", "));
    Ok(())
}

/// The keys of a section: those with a default, and those that are unset by default.
fn known_keys(known: &toml::Value, section: &str) -> Vec<String> {
    let mut keys: Vec<String> = known.get(section).and_then(toml::Value::as_table).map(|t| t.keys().cloned().collect()).unwrap_or_default();
    let unset: &[&str] = match section {
        "server" => &["token"],
        "store" => &["data_dir"],
        "alerts" => &["file_path"],
        "notify" => &["external_url", "timezone"],
        "costs" => &["timezone"],
        "github" => &["token", "webhook_secret"],
        "ask" => &["url", "model", "api_key", "api_key_file"],
        "mcp" => &["token"],
        _ => &[],
    };
    keys.extend(unset.iter().map(ToString::to_string));
    keys
}

fn within<T: PartialOrd + std::fmt::Display>(key: &str, value: T, low: T, high: T) -> anyhow::Result<()> {
    ensure!(value >= low && value <= high, "{key} = {value}: must be {low} to {high}");
    Ok(())
}

const SECOND: Span = Span::secs(1);
const MINUTE: Span = Span::secs(60);
const HOUR: Span = Span::secs(3_600);
const DAY: Span = Span::secs(86_400);
const TEN_YEARS: Span = Span::secs(3_650 * 86_400);
const NONE: Span = Span::secs(0);

fn validate(s: &Settings) -> anyhow::Result<()> {
    validate_server(&s.server)?;
    mcp::tokens(s)?;
    validate_store(&s.store)?;
    validate_logs(&s.logs)?;
    validate_traces(&s.traces)?;
    validate_pipeline(s)?;
    validate_sources(s)?;
    for text in &s.anomaly.series {
        Selector::parse_pattern(text).with_context(|| format!("anomaly.series: {text:?}"))?;
    }
    within("anomaly.max_series", s.anomaly.max_series, 1, 10_000)?;
    within("anomaly.sensitivity", s.anomaly.sensitivity, 0.25, 4.0)?;
    within("optimizer.interval", s.optimizer.interval, Span::secs(10), DAY)?;
    actions::options(s)?;
    ask::options(&s.ask)?;
    within("supervision.max_restarts", s.supervision.max_restarts, 0, 1_000)?;
    within("supervision.window", s.supervision.window, SECOND, HOUR)?;
    within("supervision.stuck_after", s.supervision.stuck_after, SECOND, HOUR)?;
    ensure!(
        s.log.level.parse::<log::LevelFilter>().is_ok(),
        "log.level = {:?}: must be off, error, warn, info, debug or trace",
        s.log.level
    );
    within("alerts.evaluation_interval", s.alerts.evaluation_interval, SECOND, HOUR)?;
    rule_book(s).map(|_| ())?;
    notify::validate(s)
}

fn validate_server(server: &Server) -> anyhow::Result<()> {
    within("server.max_body_bytes", server.max_body_bytes, 1_024, 1 << 30)?;
    within("server.max_sessions", server.max_sessions, 1, 100_000)?;
    within("server.session_lifetime", server.session_lifetime, Span::secs(300), Span::secs(365 * 86_400))?;
    taskpulse_web::Proxies::parse(&server.trusted_proxies).context("server.trusted_proxies")?;
    within("server.slow_client_timeout", server.slow_client_timeout, SECOND, HOUR)?;
    if let Some(token) = &server.token {
        validate_token("server.token", token)?;
    }
    ensure!(
        server.listen.is_loopback() || server.token.is_some(),
        "server.listen = {}: beyond this machine only with server.token set; set TASKPULSE__SERVER__TOKEN, or listen on 127.0.0.1",
        server.listen
    );
    Ok(())
}

pub(super) fn validate_token(key: &str, token: &str) -> anyhow::Result<()> {
    let length = token.chars().count();
    ensure!(length >= 16, "{key} has {length} characters: must be at least 16; `openssl rand -hex 16` makes one");
    ensure!(token.bytes().all(|b| b.is_ascii_graphic()), "{key}: must be printable ASCII without spaces");
    Ok(())
}

/// A bound in bytes, or none.
fn none_or_enough(name: &str, bytes: u64) -> anyhow::Result<()> {
    const LEAST: u64 = 16 << 20;
    ensure!(bytes == 0 || bytes >= LEAST, "{name} = {bytes}: must be 0 for no bound, or at least {LEAST}");
    Ok(())
}

fn validate_traces(traces: &TraceSpans) -> anyhow::Result<()> {
    within("traces.retention", traces.retention, DAY, TEN_YEARS)?;
    none_or_enough("traces.max_bytes", traces.max_bytes)?;
    within("traces.seal_interval", traces.seal_interval, MINUTE, Span::secs(6 * 3_600))?;
    within("traces.max_head_bytes", traces.max_head_bytes, 1 << 20, 1 << 30)?;
    within("traces.max_services", traces.max_services, 1, 1_000_000)
}

fn validate_logs(logs: &LogLines) -> anyhow::Result<()> {
    within("logs.retention", logs.retention, DAY, TEN_YEARS)?;
    none_or_enough("logs.max_bytes", logs.max_bytes)?;
    within("logs.seal_interval", logs.seal_interval, MINUTE, Span::secs(6 * 3_600))?;
    within("logs.max_head_bytes", logs.max_head_bytes, 1 << 20, 1 << 30)?;
    within("logs.max_streams", logs.max_streams, 1, 1_000_000)
}

fn validate_store(store: &Store) -> anyhow::Result<()> {
    within("store.retention", store.retention, DAY, TEN_YEARS)?;
    for (name, rule) in &store.retentions {
        Selector::parse_pattern(&rule.pattern).with_context(|| format!("store.retentions.{name}.match = {:?}", rule.pattern))?;
        within(&format!("store.retentions.{name}.keep"), rule.keep, DAY, TEN_YEARS)?;
    }
    within("store.windows_retention", store.windows_retention, DAY, TEN_YEARS)?;
    none_or_enough("store.max_bytes", store.max_bytes)?;
    within("store.compact_after", store.compact_after, SECOND, DAY)?;
    within("store.compaction_share", store.compaction_share, 0.01, 1.0)?;
    within("store.out_of_order", store.out_of_order, NONE, Span::secs(7 * 86_400))?;
    within("store.max_ahead", store.max_ahead, NONE, DAY)?;
    within("store.max_series", store.max_series, 1, 10_000_000)?;
    within("store.max_exemplars", store.max_exemplars, 0, 10_000_000)?;
    within("store.exemplars_per_hour", store.exemplars_per_hour, 2, 600)?;
    within("store.max_open_files", store.max_open_files, 16, 65_536)?;
    within("store.cache_bytes", store.cache_bytes, 1 << 20, 1 << 30)?;
    within("store.seal_interval", store.seal_interval, MINUTE, Span::secs(6 * 3_600))?;
    within("store.max_head_samples", store.max_head_samples, 10_000, 100_000_000)
}

/// What happens to samples between the sources and the answers: batches, queries, windows.
fn validate_pipeline(s: &Settings) -> anyhow::Result<()> {
    within("pipeline.batch_size", s.pipeline.batch_size, 1, 100_000)?;
    within("pipeline.flush_interval", s.pipeline.flush_interval, Span::millis(100), MINUTE)?;
    within("pipeline.backlog", s.pipeline.backlog, 1_000, 100_000_000)?;
    within("pipeline.mailbox", s.pipeline.mailbox, 16, 100_000)?;
    within("pipeline.workers", s.pipeline.workers, 1, 64)?;
    within("query.lookback", s.query.lookback, SECOND, DAY)?;
    within("query.timeout", s.query.timeout, SECOND, HOUR)?;
    within("query.max_samples", s.query.max_samples, 1_000, 10_000_000_000)?;
    within("query.max_bytes", s.query.max_bytes, 1 << 20, 1 << 40)?;
    within("windows.allowed_lateness", s.windows.allowed_lateness, NONE, HOUR)?;
    within("windows.idle_after", s.windows.idle_after, MINUTE, DAY)
}

fn validate_sources(s: &Settings) -> anyhow::Result<()> {
    for (key, attributes) in [("resource_labels", &s.otlp.resource_labels), ("stream_labels", &s.otlp.stream_labels)] {
        ensure!(
            attributes.len() <= 32 && attributes.iter().all(|key| (1..=256).contains(&key.len())),
            "otlp.{key} has {} attributes: must be at most 32, each of 1 to 256 characters",
            attributes.len()
        );
    }
    within("system.interval", s.system.interval, SECOND, HOUR)?;
    within("taskmaster.interval", s.taskmaster.interval, SECOND, HOUR)?;
    within("taskmaster.max_tags", s.taskmaster.max_tags, 1, 10_000)?;
    within("taskmaster.max_tasks", s.taskmaster.max_tasks, 1, 1_000_000)?;
    github::options(&s.github)?;
    money::money(&s.costs)?;
    agents::check(&s.agents)?;
    each(&s.scrape.targets, ScrapeTarget::targets)?;
    each(&s.commands.run, CommandSpec::program)?;
    each(&s.probes.check, ProbeSpec::check)?;
    each(&s.heartbeats.expect, HeartbeatSpec::expected)?;
    within("containers.interval", s.containers.interval, SECOND, HOUR)?;
    within("containers.max_groups", s.containers.max_groups, 1, 200)
}

#[cfg(test)]
pub mod tests {
    use taskpulse_engine::rules::Severity;

    use super::*;

    /// The settings of a file and an environment.
    pub fn read(toml: &str, env: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join(FILE);
        std::fs::write(&path, toml)?;
        let pairs = env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let environment = Environment::with_prefix(ENVIRONMENT).prefix_separator("__").separator("__").source(Some(pairs));
        let settings = merge(Some(&path), environment)?.settings;
        validate(&settings)?;
        Ok(settings)
    }

    #[test]
    fn the_file_in_the_project_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let documented = Settings::documented();
        if std::env::var_os("UPDATE_SETTINGS").is_some() {
            std::fs::write(&path, &documented).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), documented, "run the test again with UPDATE_SETTINGS=1");
        assert_eq!(read(&documented, &[]).unwrap(), Settings::default());
    }

    #[test]
    fn later_sources_override_earlier_ones() {
        let settings = read("[server]\nport = 9000\n[store]\nretention = \"7d\"", &[("TASKPULSE__SERVER__PORT", "9001")]).unwrap();
        assert_eq!((settings.server.port, settings.store.retention), (9001, Span::secs(7 * 86_400)));
        let settings = read("", &[("TASKPULSE__SERVER__TOKEN", "0123456789abcdef")]).unwrap();
        assert_eq!(settings.server.token.as_deref(), Some("0123456789abcdef"));
        let settings = read("", &[("TASKPULSE__SERVER__TOKEN", "1234567890123456")]).unwrap();
        assert_eq!(settings.server.token.as_deref(), Some("1234567890123456"));
        let settings = read("", &[("TASKPULSE__TASKMASTER__PROJECTS", "/a, /b"), ("TASKPULSE__OPTIMIZER__ENABLED", "false")]).unwrap();
        assert_eq!((settings.taskmaster.projects.len(), settings.optimizer.enabled), (2, false));
    }

    #[test]
    fn a_short_interval_is_enough_for_every_kind_of_source() {
        let sources =
            ["[probes.check.x]\nurl = \"http://a\"", "[scrape.targets.x]\nurl = \"http://a\"", "[commands.run.x]\ncommand = \"ls\""];
        for source in sources {
            for times in ["interval = \"5s\"", "interval = \"1s\"", "timeout = \"5m\"", "timeout = \"100ms\""] {
                let settings = read(&format!("{source}\n{times}\n"), &[]);
                assert!(settings.is_ok(), "{source} {times}: {settings:?}");
            }
        }
    }

    #[test]
    fn a_rule_may_be_set_by_environment_variables() {
        let variables = [
            ("TASKPULSE__ALERTS__RULES__HOT__EXPR", "x > 1"),
            ("TASKPULSE__ALERTS__RULES__HOT__SEVERITY", "notice"),
            ("TASKPULSE__ALERTS__RULES__HOT__FOR", "0"),
            ("TASKPULSE__ALERTS__RULES__HOT__ENABLED", "false"),
        ];
        let settings = read("", &variables).unwrap();
        assert!(!settings.alerts.rules["hot"].enabled);
    }

    #[test]
    fn a_rule_of_ones_own_joins_those_that_ship() {
        let settings = read("[alerts.rules.hot]\nexpr = \"x > 1\"\nseverity = \"notice\"\n[alerts.rules.high_cpu_usage]\nexpr = \"system_cpu_utilization_ratio > 0.5\"\nseverity = \"info\"", &[]).unwrap();
        assert_eq!(settings.alerts.rules.len(), shipped(Profile::Server).len() + 1);
        assert!(settings.alerts.rules["high_cpu_usage"].expr.as_ref().unwrap().ends_with("0.5"));
    }

    #[test]
    fn a_shipped_rule_is_switched_off_or_changed_without_its_condition() {
        let toml = "[alerts.rules.high_cpu_usage]\nenabled = false\n[alerts.rules.memory_pressure]\nseverity = \"info\"\nfor = \"1h\"\n";
        let rules = read(toml, &[]).unwrap().alerts.rules;
        let shipped = shipped(Profile::Server);
        let off = RuleSpec { enabled: false, ..shipped["high_cpu_usage"].clone() };
        let calm = RuleSpec { severity: Some(Severity::Info), hold: Span::secs(3_600), ..shipped["memory_pressure"].clone() };
        assert_eq!((&rules["high_cpu_usage"], &rules["memory_pressure"]), (&off, &calm));
        assert!(read("[alerts.rules.mine]\nenabled = false\n", &[]).is_err(), "a rule of one's own needs a condition");
    }

    #[test]
    fn a_workstation_has_its_rules_beside_those_that_were_changed() {
        let all = Settings::documented().replace("profile = \"server\"", "profile = \"workstation\"");
        let changed =
            "[alerts]\nprofile = \"workstation\"\n[alerts.rules.high_memory_usage]\nexpr = \"system_memory_utilization_ratio > 0.99\"\n";
        for (toml, memory) in [(all.as_str(), "0.85"), (changed, "0.99"), ("[alerts]\nprofile = \"workstation\"\n", "0.85")] {
            let rules = read(toml, &[]).unwrap().alerts.rules;
            let severity = |name: &str| rules[name].severity;
            assert_eq!([severity("high_cpu_usage"), severity("critical_cpu_usage")], [Some(Severity::Info); 2]);
            assert_eq!(severity("cpu_shortage"), Some(Severity::Warning));
            assert!(rules["high_memory_usage"].expr.as_ref().unwrap().ends_with(memory), "{toml}");
        }
        assert!(!read("", &[]).unwrap().alerts.rules.contains_key("cpu_shortage"));
        let odd = format!("{:#}", read("[alerts]\nprofile = \"laptop\"", &[]).unwrap_err());
        assert!(odd.contains("alerts.profile") && odd.contains("workstation"), "{odd}");
    }

    #[test]
    fn no_message_shows_a_secret() {
        let secret = "Hunter2Hunter2Hunter2";
        let good = format!(
            "[server]\ntoken = \"{secret}\"\n[github]\nwebhook_secret = '{secret}'\n[scrape.targets.a]\nurl = \"http://a\"\nusername = \"me\"\npassword = \"\"\"{secret}\"\"\"\n[probes.check.a]\nurl = \"http://a\"\nheaders = {{ Authorization = \"{secret}\" }}\n"
        );
        let settings = read(&good, &[]).unwrap();
        assert_eq!(settings.server.token.as_deref(), Some(secret));
        assert!(!format!("{settings:?}").contains(secret));
        let show_no_secret = |toml: &str| {
            if let Err(error) = read(toml, &[]) {
                let error = format!("{error:#}");
                assert!(!error.contains("unter2H"), "{toml}\n{error}");
            }
        };
        for at in (0..=good.len()).filter(|at| good.is_char_boundary(*at)) {
            show_no_secret(&good[..at]);
            for odd in ["\"", "'", "\n", "=", "[", "{", "\\", "\u{1}", "#", "x = 1\n"] {
                show_no_secret(&format!("{}{odd}{}", &good[..at], &good[at..]));
            }
            if let Some(rest) = good.get(at + 1..) {
                show_no_secret(&format!("{}{rest}", &good[..at]));
            }
        }
        for (toml, part) in [
            ("[server]\nport = 1\ntoken = SECRET\n", "Settings.toml: line 3, column 9, key `token`: "),
            ("[server]\ntoken = [\"SECRET\"]\n", "for key `server.token`"),
            ("[server]\ntoken = { a = \"SECRET\" }\n", "for key `server.token`"),
            ("[github]\napi_url = \"https://me:SECRET@host/?key=SECRET\"\n", "github.api_url"),
            ("[scrape.targets.a]\nurl = \"ftp://me:SECRET@host\"\n", "must begin with http"),
            ("[probes.check.a]\nurl = \"http://a\"\nheaders = { Cookie = \"SECRET\\u0001\" }\n", "headers.Cookie"),
            ("[probes.check.a]\nurl = \"http://a\"\nheaders = { Cookie = [\"SECRET\"] }\n", "headers"),
        ] {
            let error = format!("{:#}", read(&toml.replace("SECRET", secret), &[]).unwrap_err());
            assert!(error.contains(part) && !error.contains(secret), "{toml}: {error}");
        }
        // A number that may be one.
        let error = read("[server]\ntoken = 1234.5\n", &[]).map(|s| s.server.token.is_some());
        assert!(error.is_err_and(|error| !format!("{error:#}").contains("1234")));
    }

    #[test]
    fn mistakes_are_reported_with_key_and_what_would_be_right() {
        for (toml, env, parts) in [
            ("[server]\nprt = 1", None, vec!["Settings.toml", "`server.prt`", "listen, "]),
            ("[sever]\nport = 1", None, vec!["section `sever`", "server"]),
            ("port = 1", None, vec!["section `port`"]),
            ("[server]\nport = 70000", None, vec!["Settings.toml", "server.port", "70000"]),
            ("[server]\nport = \"x\"", None, vec!["server.port"]),
            ("[store]\nretention = \"5\"", None, vec!["`5` is not a length of time", "store.retention"]),
            ("[store]\nretention = \"1h\"", None, vec!["store.retention = 1h: must be 1d to 3650d"]),
            ("[store.retentions.x]\nmatch = \"{\"\nkeep = \"7d\"", None, vec!["store.retentions.x.match"]),
            ("[store.retentions.x]\nmatch = \"up\"\nkeep = \"1h\"", None, vec!["store.retentions.x.keep = 1h: must be 1d"]),
            ("[store]\nmax_bytes = 5", None, vec!["store.max_bytes = 5: must be 0"]),
            ("[server]\nlisten = \"0.0.0.0\"", None, vec!["server.listen", "server.token"]),
            ("[server]\ntoken = \"short\"", None, vec!["server.token has 5 characters"]),
            ("[otlp]\nresource_labels = [\"\"]", None, vec!["otlp.resource_labels", "at most 32"]),
            ("[otlp]\nstream_labels = [\"\"]", None, vec!["otlp.stream_labels", "at most 32"]),
            ("[log]\nlevel = \"loud\"", None, vec!["log.level", "debug"]),
            ("[alerts.rules.x]\nexpr = \"up >\"\nseverity = \"info\"", None, vec!["rule `x`"]),
            ("[alerts.rules.x]\nexpr = \"up > 1\"\nseverity = \"info\"\nfro = \"1m\"", None, vec!["fro"]),
            ("[scrape.targets.x]\njob = \"y\"", None, vec!["scrape.targets.x: needs url"]),
            ("[scrape.targets.x]\nurl = \"ftp://y\"", None, vec!["scrape.targets.x", "http://"]),
            (
                "[scrape.targets.x]\nurl = \"http://y\"\ninterval = \"15s\"\ntimeout = \"1m\"",
                None,
                vec!["scrape.targets.x", "timeout = 1m: must be 100ms to the interval, 15s"],
            ),
            (
                "[commands.run.x]\ncommand = \"ls\"\ninterval = \"5s\"\ntimeout = \"6s\"",
                None,
                vec!["commands.run.x", "timeout = 6s: must be 100ms to the interval, 5s"],
            ),
            (
                "[probes.check.x]\nurl = \"http://a\"\ninterval = \"5s\"\nmax_latency = \"6s\"",
                None,
                vec!["probes.check.x.max_latency = 6s: must be 1ms to the interval, 5s"],
            ),
            (
                "[probes.check.x]\nurl = \"http://a\"\ntimeout = \"5s\"\nmax_latency = \"6s\"",
                None,
                vec!["probes.check.x.max_latency = 6s: must be 1ms to the timeout, 5s"],
            ),
            ("[scrape.targets.x]\nurl = \"http://y\"\nintervall = \"1m\"", None, vec!["intervall"]),
            (
                "[[scrape.targets.x.relabel]]\nregex = \"(\"\naction = \"keep\"\n[scrape.targets.x]\nurl = \"http://y\"",
                None,
                vec!["scrape.targets.x.relabel", "regex `(`"],
            ),
            ("[probes.check.x]\ninterval = \"1m\"", None, vec!["probes.check.x: needs one of url", "tcp", "command"]),
            ("[probes.check.x]\nurl = \"http://a\"\ntcp = \"a:1\"", None, vec!["probes.check.x: needs one of url"]),
            ("[probes.check.x]\nurl = \"ftp://a\"", None, vec!["probes.check.x.url", "http:// or https://"]),
            ("[probes.check.x]\nurl = \"http://me:secret@a\"", None, vec!["probes.check.x.url", "Authorization"]),
            (
                "[probes.check.x]\nurl = \"http://a\"\nstatus = \"2xx\"",
                None,
                vec!["probes.check.x.status", "`2xx` is no status", "200-299"],
            ),
            ("[probes.check.x]\nurl = \"http://a\"\nbody_matches = [\"(\"]", None, vec!["probes.check.x.body_matches", "`(`"]),
            ("[probes.check.x]\nurl = \"http://a\"\nmethod = \"GE T\"", None, vec!["probes.check.x.method", "GET"]),
            ("[probes.check.x]\nurl = \"http://a\"\nsend = \"x\"", None, vec!["probes.check.x: send", "tcp"]),
            ("[probes.check.x]\ntcp = \"a\"", None, vec!["probes.check.x.tcp", "host:port"]),
            ("[probes.check.x]\ntcp = \"a:1\"\nstatus = 200", None, vec!["probes.check.x: status", "url"]),
            ("[probes.check.x]\ncommand = \"true\"\nmin_cert_lifetime = \"1d\"", None, vec!["probes.check.x: min_cert_lifetime"]),
            ("[heartbeats.expect.x]\ngrace = \"1m\"", None, vec!["heartbeats.expect.x: needs every = \"1d\""]),
            ("[heartbeats.expect.x]\nevery = \"1s\"", None, vec!["heartbeats.expect.x.every = 1s: must be 10s to 366d"]),
            ("[heartbeats.expect.\"a/b\"]\nevery = \"1d\"", None, vec!["heartbeats.expect.a/b: a name has"]),
            ("[probes.check.x]\nurl = \"http://a\"\nlabels = { target = \"y\" }", None, vec!["probes.check.x.labels", "target"]),
            ("[containers]\nmax_groups = 0", None, vec!["containers.max_groups = 0: must be 1 to 200"]),
            ("[github]\nrepositories = [\"octo\"]", None, vec!["github.repositories: `octo`", "owner/name"]),
            ("[github]\napi_url = \"api.github.com\"", None, vec!["github.api_url", "https://"]),
            ("[github]\ninterval = \"1ms\"", None, vec!["github.interval = 1ms: must be 1s to 1h"]),
            ("[github]\nbackfill = \"1h\"", None, vec!["github.backfill = 1h: must be 1d to 90d"]),
            ("[github]\nshare = 2.0", None, vec!["github.share = 2: must be 0.01 to 1"]),
            ("[github]\ntoken = \"a b\"", None, vec!["github.token"]),
            ("[github]\nwebhook_secret = \"short\"", None, vec!["github.webhook_secret has 5 characters"]),
            ("[commands.run.x]\ncommand = []", None, vec!["commands.run.x: needs command"]),
            ("[commands.run.x]\ncommand = \"ls\"\nformat = \"xml\"", None, vec!["commands.run.x.format", "prometheus or json"]),
            ("[actions.bind.x]\ncommand = [\"ls\"]", None, vec!["actions.bind.x", "no advisor has this name", "disk_filling"]),
            ("[actions]\ncooldown = \"60d\"", None, vec!["actions.cooldown = 60d: must be 0s to 31d"]),
            ("[server", None, vec!["Settings.toml"]),
            ("", Some(("TASKPULSE__SERVER__PRT", "1")), vec!["environment", "`server.prt`"]),
        ] {
            let error = format!("{:#}", read(toml, env.as_slice()).unwrap_err());
            for part in parts {
                assert!(error.contains(part), "{toml}: {error}");
            }
        }
    }
}
