//! `[notify]`: the channels that people are notified over, and what the notifier gets of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use taskpulse_actors::notify::{Channel, Console, ExternalUrl, Format, HttpChannel, JsonLines, NotifierOptions, Transport};
use taskpulse_engine::notices::{ChannelPlan, Filter, FlapLimits, Grouping, MatcherSpec, QueueLimits};
use taskpulse_engine::rules::Severity;
use taskpulse_engine::span::Span;

use super::Settings;
use super::secret::Secret;
use super::sections::Notify;
use crate::options::TASKMASTER;

/// Names of the built-in channels.
const BUILT_IN: [&str; 2] = ["console", "file"];
const DAY: Span = Span::secs(86_400);
/// Where alerts may come from.
const SOURCES: [&str; 10] =
    ["system", "taskmaster", "github", "probes", "scrape", "containers", "heartbeats", "commands", "taskpulse", "other"];

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    Webhook,
}

/// `[notify.channels.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelSpec {
    pub kind: Option<ChannelKind>,
    pub url: Option<Secret>,
    pub headers: BTreeMap<String, Secret>,
    pub timeout: Option<Span>,
    pub severity: Option<Severity>,
    pub sources: Vec<String>,
    #[serde(rename = "match")]
    pub matchers: Vec<String>,
    pub group_by: Option<Vec<String>>,
    pub group_wait: Option<Span>,
    pub group_interval: Option<Span>,
    pub repeat_interval: Option<Span>,
    pub send_resolved: Option<bool>,
    pub per_minute: Option<u32>,
    pub keep: Option<Span>,
}

/// What the notifier gets of the settings. `listening` is where the service listens, once it does.
pub fn options(settings: &Settings, data_dir: &Path, listening: ExternalUrl) -> anyhow::Result<NotifierOptions> {
    let notify = &settings.notify;
    let external_url = match notify.external_url.clone() {
        Some(url) => Arc::new(move || url.clone()),
        None => listening,
    };
    let mut channels = logs(settings, data_dir);
    for (name, spec) in &notify.channels {
        channels.push(spec.channel(name, notify, &external_url).with_context(|| format!("notify.channels.{name}"))?);
    }
    let flaps = FlapLimits { firings: notify.flap_after, window_ms: notify.flap_window.ms() };
    Ok(NotifierOptions { channels, flaps })
}

/// Refuses settings that cannot be used.
pub fn validate(settings: &Settings) -> anyhow::Result<()> {
    let notify = &settings.notify;
    if let Some(url) = &notify.external_url {
        let parsed = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        ensure!(parsed.is_some(), "notify.external_url = {url:?}: must begin with http:// or https://");
    }
    ensure!(notify.flap_after <= 50, "notify.flap_after = {}: must be 0 to 50", notify.flap_after);
    let window = notify.flap_window;
    ensure!(window >= Span::secs(60) && window <= DAY, "notify.flap_window = {window}: must be 1m to {DAY}");
    grouping(notify, &ChannelSpec::default()).context("notify")?;
    options(settings, Path::new("."), Arc::new(String::new)).map(|_| ())
}

/// The console and the file, where they are switched on.
fn logs(settings: &Settings, data_dir: &Path) -> Vec<Channel> {
    let alerts = &settings.alerts;
    let channel = |name: &str, transport: Arc<dyn Transport>| Channel {
        plan: ChannelPlan { name: name.to_owned(), filter: Filter::default(), grouping: Grouping::of_log() },
        limits: QueueLimits { per_minute: 0, keep_ms: 7 * DAY.ms() },
        transport,
    };
    let mut channels = Vec::new();
    if alerts.console {
        channels.push(channel("console", Arc::new(Console)));
    }
    if alerts.file {
        let path = alerts.file_path.clone().unwrap_or_else(|| default_file(data_dir));
        channels.push(channel("file", Arc::new(JsonLines { path })));
    }
    channels
}

fn default_file(data_dir: &Path) -> PathBuf {
    let taskmaster = Path::new(TASKMASTER);
    if taskmaster.is_dir() { taskmaster.join("alerts.log") } else { data_dir.join("alerts.log") }
}

/// How the alerts of a channel are grouped: its own settings before those of all channels.
fn grouping(notify: &Notify, spec: &ChannelSpec) -> anyhow::Result<Grouping> {
    let within = |name: &str, own: Option<Span>, of_all: Span, low: Span, high: Span| {
        let span = own.unwrap_or(of_all);
        ensure!(span >= low && span <= high, "{name} = {span}: must be {low} to {high}");
        Ok(span.ms())
    };
    let none = Span::secs(0);
    let grouping = Grouping {
        by: spec.group_by.clone().unwrap_or_else(|| notify.group_by.clone()),
        wait_ms: within("group_wait", spec.group_wait, notify.group_wait, none, Span::secs(3_600))?,
        interval_ms: within("group_interval", spec.group_interval, notify.group_interval, none, DAY)?,
        repeat_ms: within("repeat_interval", spec.repeat_interval, notify.repeat_interval, none, Span::secs(31 * 86_400))?,
        send_resolved: spec.send_resolved.unwrap_or(true),
    };
    ensure!(grouping.repeat_ms == 0 || grouping.repeat_ms >= 60_000, "repeat_interval: must be 0 for never, or at least 1m");
    Ok(grouping)
}

impl ChannelSpec {
    fn channel(&self, name: &str, notify: &Notify, external_url: &ExternalUrl) -> anyhow::Result<Channel> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        ensure!((1..=64).contains(&name.len()) && name.chars().all(plain), "a name has at most 64 letters, digits, `_` and `-`");
        ensure!(!BUILT_IN.contains(&name), "`{name}` is built in: alerts.{name} switches it; choose another name");
        if let Some(source) = self.sources.iter().find(|source| !SOURCES.contains(&source.as_str())) {
            bail!("sources: there is no source `{source}`; take some of {}", SOURCES.join(", "));
        }
        let filter = Filter {
            severity: self.severity.unwrap_or(Severity::Info),
            sources: self.sources.clone(),
            matchers: MatcherSpec::compile_all(&self.matchers).context("match")?,
        };
        let keep = self.keep.unwrap_or(Span::secs(7 * 86_400));
        ensure!(keep >= Span::secs(60) && keep <= Span::secs(31 * 86_400), "keep = {keep}: must be 1m to 31d");
        let per_minute = self.per_minute.unwrap_or(30);
        ensure!(per_minute <= 6_000, "per_minute = {per_minute}: must be 0 for no limit, or at most 6000");
        Ok(Channel {
            plan: ChannelPlan { name: name.to_owned(), filter, grouping: grouping(notify, self)? },
            limits: QueueLimits { per_minute, keep_ms: keep.ms() },
            transport: self.transport(external_url)?,
        })
    }

    fn transport(&self, external_url: &ExternalUrl) -> anyhow::Result<Arc<dyn Transport>> {
        let kind = self.kind.context("needs kind: webhook")?;
        let timeout = self.timeout.unwrap_or(Span::secs(10));
        ensure!(timeout >= Span::millis(100) && timeout <= Span::secs(120), "timeout = {timeout}: must be 100ms to 2m");
        let url = self.url.as_ref().context("needs url = \"https://…\"")?;
        let parsed = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        ensure!(parsed.is_some(), "url: must begin with http:// or https://");
        let format = match kind {
            ChannelKind::Webhook => Format::Webhook,
        };
        Ok(Arc::new(HttpChannel {
            format,
            url: url.to_string(),
            headers: self.header_map()?,
            timeout: timeout.duration(),
            external_url: Arc::clone(external_url),
        }))
    }

    fn header_map(&self) -> anyhow::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::try_from(name.as_str()).with_context(|| format!("headers.{name}: not the name of a header"))?;
            let mut value = HeaderValue::try_from(&**value).map_err(|_| anyhow::anyhow!("headers.{name}: not the value of a header"))?;
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        Ok(headers)
    }
}
