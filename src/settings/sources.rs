//! Scrape targets and commands, one named table each: their keys, and what the collectors get of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use taskpulse_actors::collectors::command::{Output, Program};
use taskpulse_actors::collectors::scrape::{Credentials, Target};
use taskpulse_engine::model::{Labels, NAME_LABEL};
use taskpulse_engine::relabel::{Rule, RuleSpec};
use taskpulse_engine::span::Span;

use super::secret::{Secret, without_secrets};

/// `[scrape.targets.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeTarget {
    pub parent: Option<String>,
    pub url: Option<String>,
    pub urls: Vec<String>,
    pub job: Option<String>,
    pub interval: Option<Span>,
    pub timeout: Option<Span>,
    pub labels: BTreeMap<String, String>,
    pub bearer_token: Option<Secret>,
    pub bearer_token_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub max_bytes: usize,
    pub max_samples: usize,
    pub relabel: Vec<RuleSpec>,
}

impl Default for ScrapeTarget {
    fn default() -> Self {
        Self {
            parent: None,
            url: None,
            urls: Vec::new(),
            job: None,
            interval: None,
            timeout: None,
            labels: BTreeMap::new(),
            bearer_token: None,
            bearer_token_file: None,
            username: None,
            password: None,
            honor_labels: false,
            honor_timestamps: true,
            max_bytes: 16 << 20,
            max_samples: 50_000,
            relabel: Vec::new(),
        }
    }
}

/// Timeout of a poll where none is set and the interval allows it.
const DEFAULT_TIMEOUT: Span = Span::secs(10);

/// Poll interval and timeout of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    pub interval: Span,
    pub timeout: Span,
}

impl Times {
    /// Fills in what is not set, so that a default never conflicts with a value that is. `longest_answer` is a further limit
    /// (`max_latency`) that the timeout must allow.
    ///
    /// # Errors
    /// Which value is out of its range, and the range.
    pub fn new(
        interval: Option<Span>,
        timeout: Option<Span>,
        default_interval: Span,
        longest_answer: Option<Span>,
    ) -> anyhow::Result<Self> {
        let (shortest, longest) = (Span::secs(1), Span::secs(86_400));
        if let Some(interval) = interval {
            ensure!(interval >= shortest && interval <= longest, "interval = {interval}: must be {shortest} to {longest}");
        }
        if let Some(timeout) = timeout {
            let (most, of) = interval.map_or((longest, ""), |interval| (interval, "the interval, "));
            ensure!(timeout >= Span::millis(100) && timeout <= most, "timeout = {timeout}: must be 100ms to {of}{most}");
        }
        // A poll must end before the next one.
        let needed = [timeout, longest_answer].into_iter().flatten().fold(default_interval, Span::max).min(longest);
        let interval = interval.unwrap_or(needed);
        let timeout = timeout.unwrap_or_else(|| longest_answer.map_or(DEFAULT_TIMEOUT, |answer| answer.max(DEFAULT_TIMEOUT)).min(interval));
        Ok(Self { interval, timeout })
    }
}

/// Labels that every series of a source gets: as a series may have them, and without a metric name.
fn check_labels(labels: &BTreeMap<String, String>) -> anyhow::Result<()> {
    ensure!(!labels.contains_key(NAME_LABEL), "labels: `{NAME_LABEL}` is the name of a metric; choose another label");
    let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    Labels::new(pairs.chain([(NAME_LABEL, "up")])).context("labels")?;
    Ok(())
}

/// The host and port of an address, as the label `instance` has it.
fn instance(url: &str) -> anyhow::Result<String> {
    let shown = without_secrets(url);
    let parsed = reqwest::Url::parse(url).with_context(|| format!("url = {shown:?}"))?;
    ensure!(matches!(parsed.scheme(), "http" | "https"), "url = {shown:?}: must begin with http:// or https://");
    let host = parsed.host_str().with_context(|| format!("url = {shown:?}: names no host"))?;
    Ok(format!("{host}:{}", parsed.port_or_known_default().unwrap_or(80)))
}

impl ScrapeTarget {
    /// The targets of the table `name`.
    pub fn targets(&self, name: &str) -> anyhow::Result<Vec<Target>> {
        let at = || format!("scrape.targets.{name}");
        let urls: Vec<&String> = self.url.iter().chain(&self.urls).collect();
        ensure!(!urls.is_empty(), "{}: needs url = \"http://host:port/metrics\", or urls = [...]", at());
        let times = Times::new(self.interval, self.timeout, Span::secs(15), None).with_context(at)?;
        ensure!(
            self.max_bytes >= 1_024 && self.max_bytes <= 1 << 30,
            "{}.max_bytes = {}: must be 1024 to {}",
            at(),
            self.max_bytes,
            1 << 30
        );
        ensure!(
            self.max_samples >= 1 && self.max_samples <= 10_000_000,
            "{}.max_samples = {}: must be 1 to 10000000",
            at(),
            self.max_samples
        );
        check_labels(&self.labels).with_context(at)?;
        let relabel = self.relabel.iter().map(Rule::new).collect::<Result<Vec<_>, _>>().with_context(|| format!("{}.relabel", at()))?;
        let relabel = Arc::new(relabel);
        let credentials = match (&self.bearer_token, &self.bearer_token_file, &self.username) {
            (None, None, None) => Credentials::None,
            (Some(token), None, None) => Credentials::Bearer(token.to_string()),
            (None, Some(path), None) => Credentials::BearerFile(path.clone()),
            (None, None, Some(user)) => Credentials::Basic(user.clone(), self.password.as_deref().unwrap_or_default().to_owned()),
            _ => bail!("{}: give one of bearer_token, bearer_token_file and username", at()),
        };
        let one = urls.len() == 1;
        let target = |url: &String| {
            let instance = instance(url).with_context(at)?;
            Ok(Target {
                name: if one { name.to_owned() } else { format!("{name} {instance}") },
                url: url.clone(),
                job: self.job.clone().unwrap_or_else(|| name.to_owned()),
                instance,
                labels: self.labels.clone(),
                interval: times.interval.duration(),
                timeout: times.timeout.duration(),
                credentials: credentials.clone(),
                honor_labels: self.honor_labels,
                honor_timestamps: self.honor_timestamps,
                max_bytes: self.max_bytes,
                max_samples: self.max_samples,
                relabel: Arc::clone(&relabel),
            })
        };
        urls.into_iter().map(target).collect()
    }
}

/// A program and its arguments, or a line for `sh -c`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandLine {
    Line(String),
    Words(Vec<String>),
}

impl CommandLine {
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Line(line) => ["sh", "-c", line].map(str::to_owned).to_vec(),
            Self::Words(words) => words.clone(),
        }
    }
}

/// `[commands.run.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandSpec {
    pub command: CommandLine,
    pub interval: Option<Span>,
    pub timeout: Option<Span>,
    pub format: String,
    pub labels: BTreeMap<String, String>,
    pub max_bytes: usize,
    pub pass_environment: Vec<String>,
}

impl Default for CommandSpec {
    fn default() -> Self {
        Self {
            command: CommandLine::Words(Vec::new()),
            interval: None,
            timeout: None,
            format: "prometheus".to_owned(),
            labels: BTreeMap::new(),
            max_bytes: 1 << 20,
            pass_environment: Vec::new(),
        }
    }
}

impl CommandSpec {
    /// The program of the table `name`.
    pub fn program(&self, name: &str) -> anyhow::Result<Program> {
        let at = || format!("commands.run.{name}");
        let command = self.command.words();
        ensure!(
            command.first().is_some_and(|program| !program.is_empty()),
            "{}: needs command = [\"program\", \"argument\"], or a line for sh",
            at()
        );
        let times = Times::new(self.interval, self.timeout, Span::secs(60), None).with_context(at)?;
        check_labels(&self.labels).with_context(at)?;
        let output = match self.format.as_str() {
            "prometheus" => Output::Prometheus,
            "json" => Output::Json,
            other => bail!("{}.format = {other:?}: must be prometheus or json", at()),
        };
        ensure!(self.max_bytes >= 64 && self.max_bytes <= 1 << 26, "{}.max_bytes = {}: must be 64 to {}", at(), self.max_bytes, 1 << 26);
        Ok(Program {
            name: name.to_owned(),
            command,
            interval: times.interval.duration(),
            timeout: times.timeout.duration(),
            output,
            labels: self.labels.clone(),
            max_bytes: self.max_bytes,
            pass_environment: self.pass_environment.clone(),
        })
    }
}

/// Converts each table of a section.
pub fn each<S, T>(specs: &BTreeMap<String, S>, make: impl Fn(&S, &str) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
    specs.iter().map(|(name, spec)| make(spec, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::super::probes::ProbeSpec;
    use super::*;

    #[test]
    fn an_interval_or_a_limit_that_is_not_set_follows_what_is() {
        let read = |text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| text.parse::<Span>().unwrap());
        for (interval, timeout, latency, expected) in [
            ("", "", "", ("30s", "10s")),
            ("5s", "", "", ("5s", "5s")),
            ("1s", "", "", ("1s", "1s")),
            ("10s", "", "", ("10s", "10s")),
            ("1h", "", "", ("1h", "10s")),
            ("5s", "3s", "", ("5s", "3s")),
            ("", "1m", "", ("1m", "1m")),
            ("", "20s", "", ("30s", "20s")),
            ("", "", "15s", ("30s", "15s")),
            ("", "", "45s", ("45s", "45s")),
            ("20s", "", "15s", ("20s", "15s")),
            ("5s", "", "15s", ("5s", "5s")),
        ] {
            let times = Times::new(read(interval), read(timeout), Span::secs(30), read(latency)).unwrap();
            assert_eq!(
                (times.interval.to_string(), times.timeout.to_string()),
                (expected.0.to_owned(), expected.1.to_owned()),
                "{interval} {timeout} {latency}"
            );
        }
        for (interval, timeout, expected) in [
            ("5s", "10s", "timeout = 10s: must be 100ms to the interval, 5s"),
            ("5s", "50ms", "timeout = 50ms: must be 100ms to the interval, 5s"),
            ("", "2d", "timeout = 2d: must be 100ms to 1d"),
            ("500ms", "", "interval = 500ms: must be 1s to 1d"),
            ("2d", "1s", "interval = 2d: must be 1s to 1d"),
        ] {
            assert_eq!(Times::new(read(interval), read(timeout), Span::secs(30), None).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn every_key_of_a_source_is_in_its_part_of_the_documentation() {
        let text = include_str!("../../docs/OPERATIONS.md");
        let part = |title: &str| text.split("\n## ").find(|part| part.starts_with(title)).map(str::to_owned).unwrap_or_default();
        for (title, keys) in [
            ("Scraping", [keys::<ScrapeTarget>(), keys::<RuleSpec>()].concat()),
            ("Programs", keys::<CommandSpec>()),
            ("Probes", keys::<ProbeSpec>()),
        ] {
            assert!(keys.len() >= 5, "{title}: {keys:?}");
            let missing: Vec<_> = keys.iter().filter(|key| !part(title).contains(&format!("`{key}`"))).collect();
            assert!(missing.is_empty(), "docs/OPERATIONS.md, {title}: {missing:?} are missing");
        }
    }

    #[test]
    fn labels_of_a_source_are_those_that_a_series_may_have() {
        let long = "x".repeat(20_000);
        for (labels, part) in [
            ("{ zone = \"eu\", job = \"j\", instance = \"i\", \"a.b\" = \"c\" }", None),
            ("{ __name__ = \"x\" }", Some("is the name of a metric")),
            ("{ \"\" = \"x\" }", Some("is empty")),
            (&format!("{{ zone = \"{long}\" }}"), Some("20000 bytes")),
        ] {
            let scraped =
                toml::from_str::<ScrapeTarget>(&format!("url = \"http://localhost:1/\"\nlabels = {labels}")).unwrap().targets("t").err();
            let run = toml::from_str::<CommandSpec>(&format!("command = \"true\"\nlabels = {labels}")).unwrap().program("t").err();
            for error in [scraped, run] {
                let error = error.map(|error| format!("{error:#}"));
                assert_eq!(error.is_some(), part.is_some(), "{error:?}");
                assert!(part.is_none_or(|part| error.as_deref().is_some_and(|error| error.contains(part))), "{error:?}");
            }
        }
    }
}
