//! `[notify]`: the channels that people are notified over, and what the notifier gets of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use taskpulse_actors::files;
use taskpulse_actors::notify::{
    AckKey, AlertmanagerChannel, Channel, CommandChannel, Console, Email, EmailOptions, Encryption, ExternalUrl, Format, Heartbeat,
    HttpChannel, JsonLines, NotifierOptions, RESEND_MS, Transport,
};
use taskpulse_engine::notices::render::Template;
use taskpulse_engine::notices::{
    ChannelPlan, Digest, Filter, FlapLimits, Grouping, MAX_ALERTS, MaintenanceWindows, MatcherSpec, QueueLimits, Schedule,
};
use taskpulse_engine::rules::{Profile, Severity};
use taskpulse_engine::span::Span;

use super::Settings;
use super::inhibit;
use super::secret::Secret;
use super::sections::Notify;
use crate::options::TASKMASTER;

/// Largest file with certificates.
const MAX_CA_BYTES: u64 = 1 << 20;
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
    Slack,
    Discord,
    Teams,
    Ntfy,
    Template,
    Email,
    Alertmanager,
    Command,
    Heartbeat,
}

/// How often a digest is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestRhythm {
    Daily,
    Weekly,
}

/// How a mail server is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailTls {
    #[default]
    StartTls,
    Tls,
    None,
}

/// `[notify.channels.NAME]`. A key with an `Option` has a default, and is refused where it would have no effect.
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
    pub times: Vec<String>,
    pub group_by: Option<Vec<String>>,
    pub group_wait: Option<Span>,
    pub group_interval: Option<Span>,
    pub repeat_interval: Option<Span>,
    pub send_resolved: Option<bool>,
    pub edit: Option<bool>,
    pub digest: Option<DigestRhythm>,
    pub digest_at: Option<String>,
    pub per_minute: Option<u32>,
    pub keep: Option<Span>,
    pub topic: Option<String>,
    pub template: Option<String>,
    pub content_type: Option<String>,
    pub command: Option<Vec<Secret>>,
    pub interval: Option<Span>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: Option<EmailTls>,
    pub ca_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub from: Option<String>,
    pub to: Option<Vec<String>>,
}

/// What the notifier gets of the settings. `listening` is where the service listens, once it does; `key` signs links that acknowledge.
pub fn options(settings: &Settings, data_dir: &Path, listening: ExternalUrl, key: &AckKey) -> anyhow::Result<NotifierOptions> {
    let notify = &settings.notify;
    let external_url: ExternalUrl = match notify.external_url.clone() {
        Some(url) => Arc::new(move || url.clone()),
        None => listening,
    };
    let (mut channels, mut heartbeats) = (logs(settings, data_dir), Vec::new());
    for (name, spec) in &notify.channels {
        let at = || format!("notify.channels.{name}");
        spec.check_name(name).and_then(|()| spec.check_keys()).with_context(at)?;
        if spec.kind == Some(ChannelKind::Heartbeat) {
            heartbeats.push(spec.heartbeat(name).with_context(at)?);
        } else {
            channels.push(spec.channel(name, settings, key, &external_url).with_context(at)?);
        }
    }
    MaintenanceWindows::new(&notify.maintenance).map_err(|(name, error)| anyhow::anyhow!("notify.maintenance.{name}: {error}"))?;
    Ok(NotifierOptions {
        channels,
        flaps: FlapLimits { firings: notify.flap_after, window_ms: notify.flap_window.ms() },
        inhibit: inhibit::rules(settings)?,
        maintenance: notify.maintenance.clone(),
        heartbeats,
        external_url,
    })
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
    let key = AckKey::random().context("random numbers")?;
    options(settings, Path::new("."), Arc::new(String::new), &key).map(|_| ())
}

/// The console and the file, where they are switched on.
fn logs(settings: &Settings, data_dir: &Path) -> Vec<Channel> {
    let alerts = &settings.alerts;
    let channel = |name: &str, filter: Filter, transport: Arc<dyn Transport>| Channel {
        plan: ChannelPlan { name: name.to_owned(), filter, grouping: Grouping::of_log(), times: None },
        limits: QueueLimits { per_minute: 0, keep_ms: 7 * DAY.ms() },
        transport,
        digest: None,
        edits: false,
    };
    let mut channels = Vec::new();
    if alerts.console {
        let filter = match alerts.profile {
            Profile::Server => Filter::default(),
            Profile::Workstation => Filter { severity: alerts.profile.announced(), ..Filter::default() },
        };
        channels.push(channel("console", filter, Arc::new(Console)));
    }
    if alerts.file {
        let path = alerts.file_path.clone().unwrap_or_else(|| default_file(data_dir));
        channels.push(channel("file", Filter::default(), Arc::new(JsonLines { path })));
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
        resends: false,
        most: MAX_ALERTS,
    };
    ensure!(grouping.repeat_ms == 0 || grouping.repeat_ms >= 60_000, "repeat_interval: must be 0 for never, or at least 1m");
    Ok(grouping)
}

/// Alerts that an Alertmanager gets at the most.
const ALERTMANAGER_ALERTS: usize = 100_000;

impl ChannelSpec {
    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        ensure!((1..=64).contains(&name.len()) && name.chars().all(plain), "a name has at most 64 letters, digits, `_` and `-`");
        ensure!(!BUILT_IN.contains(&name), "`{name}` is built in: alerts.{name} switches it; choose another name");
        Ok(())
    }

    /// Refuses keys that have no effect on a channel of this kind.
    fn check_keys(&self) -> anyhow::Result<()> {
        use ChannelKind::{Alertmanager, Command, Discord, Email, Heartbeat, Ntfy, Template};
        let kind =
            self.kind.context("needs kind: webhook, slack, discord, teams, ntfy, template, email, alertmanager, command or heartbeat")?;
        let grouped =
            self.group_by.is_some() || self.group_wait.is_some() || self.group_interval.is_some() || self.repeat_interval.is_some();
        let mail = self.host.is_some() || self.port.is_some() || self.tls.is_some() || self.ca_file.is_some();
        let mail = mail || self.username.is_some() || self.password.is_some() || self.from.is_some() || self.to.is_some();
        let own_groups = matches!(kind, Alertmanager | Heartbeat);
        for (given, right, keys) in [
            (self.url.is_some() || !self.headers.is_empty(), !matches!(kind, Email | Command), "url and headers"),
            (self.topic.is_some(), kind == Ntfy, "topic"),
            (self.template.is_some() || self.content_type.is_some(), kind == Template, "template and content_type"),
            (self.command.is_some(), kind == Command, "command"),
            (self.interval.is_some(), kind == Heartbeat, "interval"),
            (mail, kind == Email, "host, port, tls, ca_file, username, password, from and to"),
            (grouped, !own_groups, "group_by, group_wait, group_interval and repeat_interval"),
            (self.digest.is_some() || self.digest_at.is_some(), !own_groups, "digest and digest_at"),
            (self.send_resolved.is_some(), !own_groups, "send_resolved"),
            (self.edit.is_some(), matches!(kind, Discord | Ntfy), "edit"),
            (!self.times.is_empty() || self.per_minute.is_some() || self.keep.is_some(), kind != Heartbeat, "times, per_minute and keep"),
        ] {
            ensure!(!given || right, "{keys}: have no effect on a channel of this kind");
        }
        Ok(())
    }

    fn filter(&self, least: Severity) -> anyhow::Result<Filter> {
        if let Some(source) = self.sources.iter().find(|source| !SOURCES.contains(&source.as_str())) {
            bail!("sources: there is no source `{source}`; take some of {}", SOURCES.join(", "));
        }
        Ok(Filter {
            severity: self.severity.unwrap_or(least),
            sources: self.sources.clone(),
            matchers: MatcherSpec::compile_all(&self.matchers).context("match")?,
        })
    }

    fn channel(&self, name: &str, settings: &Settings, key: &AckKey, external_url: &ExternalUrl) -> anyhow::Result<Channel> {
        let notify = &settings.notify;
        let keep = self.keep.unwrap_or(Span::secs(7 * 86_400));
        ensure!(keep >= Span::secs(60) && keep <= Span::secs(31 * 86_400), "keep = {keep}: must be 1m to 31d");
        let per_minute = self.per_minute.unwrap_or(30);
        ensure!(per_minute <= 6_000, "per_minute = {per_minute}: must be 0 for no limit, or at most 6000");
        let zone = notify.timezone.as_deref();
        let times = (!self.times.is_empty()).then(|| Schedule::parse(&self.times, zone)).transpose().context("times")?;
        let at = self.digest_at.as_deref().unwrap_or("08:00");
        let digest = self.digest.map(|rhythm| Digest::new(rhythm == DigestRhythm::Weekly, at, zone)).transpose().context("digest_at")?;
        ensure!(self.digest_at.is_none() || digest.is_some(), "digest_at: has no effect without digest");
        let mut grouping = grouping(notify, self)?;
        if self.kind == Some(ChannelKind::Alertmanager) {
            // It groups by itself; what is not sent again is over for it.
            grouping = Grouping {
                by: Vec::new(),
                wait_ms: 0,
                interval_ms: 0,
                repeat_ms: RESEND_MS,
                send_resolved: true,
                resends: true,
                most: ALERTMANAGER_ALERTS,
            };
        }
        let transport = self.transport(key, external_url)?;
        // A message that is not brought up to date at an end would go on saying that its alerts fire. A digest is news each time.
        let edits = transport.can_edit() && self.edit.unwrap_or(true) && grouping.send_resolved && digest.is_none();
        Ok(Channel {
            plan: ChannelPlan { name: name.to_owned(), filter: self.filter(settings.alerts.profile.announced())?, grouping, times },
            limits: QueueLimits { per_minute, keep_ms: keep.ms() },
            transport,
            digest,
            edits,
        })
    }

    fn timeout(&self) -> anyhow::Result<Duration> {
        let timeout = self.timeout.unwrap_or(Span::secs(10));
        ensure!(timeout >= Span::millis(100) && timeout <= Span::secs(120), "timeout = {timeout}: must be 100ms to 2m");
        Ok(timeout.duration())
    }

    fn http_url(&self) -> anyhow::Result<String> {
        let url = self.url.as_ref().context("needs url = \"https://…\"")?;
        let parsed = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        ensure!(parsed.is_some(), "url: must begin with http:// or https://");
        Ok(url.to_string())
    }

    fn transport(&self, key: &AckKey, external_url: &ExternalUrl) -> anyhow::Result<Arc<dyn Transport>> {
        let (timeout, external_url) = (self.timeout()?, Arc::clone(external_url));
        let mut headers = self.header_map()?;
        let format = match self.kind.context("needs kind")? {
            ChannelKind::Email => return self.email(timeout, external_url),
            ChannelKind::Command => return self.program(timeout, external_url),
            ChannelKind::Alertmanager => {
                let url = format!("{}/api/v2/alerts", self.http_url()?.trim_end_matches('/'));
                return Ok(Arc::new(AlertmanagerChannel { url, headers, timeout, external_url }));
            }
            ChannelKind::Webhook | ChannelKind::Heartbeat => Format::Webhook,
            ChannelKind::Slack => Format::Slack,
            ChannelKind::Discord => Format::Discord,
            ChannelKind::Teams => Format::Teams,
            ChannelKind::Ntfy => {
                let topic = self.topic.clone().filter(|topic| !topic.is_empty()).context("needs topic")?;
                Format::Ntfy { topic, key: key.clone() }
            }
            ChannelKind::Template => {
                let kind = self.content_type.as_deref().unwrap_or("application/json");
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).context("content_type")?);
                Format::Template(Template::parse(self.template.as_deref().context("needs template")?).context("template")?)
            }
        };
        Ok(Arc::new(HttpChannel { format, url: self.http_url()?, headers, timeout, external_url }))
    }

    fn heartbeat(&self, name: &str) -> anyhow::Result<Heartbeat> {
        let interval = self.interval.unwrap_or(Span::secs(60));
        ensure!(interval >= Span::secs(1) && interval <= DAY, "interval = {interval}: must be 1s to {DAY}");
        let filter = self.filter(Severity::Critical)?;
        Ok(Heartbeat { name: name.to_owned(), url: self.http_url()?, every: interval.duration(), timeout: self.timeout()?, filter })
    }

    fn email(&self, timeout: Duration, external_url: ExternalUrl) -> anyhow::Result<Arc<dyn Transport>> {
        let encryption = match self.tls.unwrap_or_default() {
            EmailTls::StartTls => Encryption::StartTls,
            EmailTls::Tls => Encryption::Tls,
            EmailTls::None => Encryption::None,
        };
        let usual = if encryption == Encryption::Tls { 465 } else { 587 };
        let credentials = match (&self.username, &self.password) {
            (Some(user), Some(password)) => Some((user.clone(), password.to_string())),
            (None, None) => None,
            _ => bail!("username and password: give both or none"),
        };
        ensure!(credentials.is_none() || encryption != Encryption::None, "password: would be sent as it is; set tls to starttls or tls");
        let address = |text: &str| text.parse().with_context(|| format!("{text:?} is no mail address"));
        let to = self.to.as_deref().unwrap_or_default();
        ensure!((1..=100).contains(&to.len()), "needs to = [\"me@example.org\"], at most 100 addresses");
        let options = EmailOptions {
            host: self.host.clone().context("needs host")?,
            port: self.port.unwrap_or(usual),
            encryption,
            authorities: self.ca_file.as_ref().map(|path| files::read(path, MAX_CA_BYTES).context("ca_file")).transpose()?,
            credentials,
            from: address(self.from.as_deref().context("needs from")?).context("from")?,
            to: to.iter().map(|text| address(text)).collect::<anyhow::Result<_>>().context("to")?,
            timeout,
        };
        Ok(Arc::new(Email::new(options, external_url).map_err(|error| anyhow::anyhow!("ca_file: {error}"))?))
    }

    fn program(&self, timeout: Duration, external_url: ExternalUrl) -> anyhow::Result<Arc<dyn Transport>> {
        let words: Vec<String> = self.command.iter().flatten().map(|word| word.to_string()).collect();
        ensure!(words.first().is_some_and(|program| !program.is_empty()), "needs command = [\"program\", \"argument\"]");
        let parts = words.iter().map(|word| Template::parse(word)).collect::<Result<Vec<_>, _>>().context("command")?;
        // A shell would run what an alert says.
        let for_shell = words.iter().position(|word| word == "-c").and_then(|at| words.get(at + 1));
        ensure!(
            for_shell.is_none_or(|line| !line.contains("{{")),
            "command: a shell would run what an alert says; use its variables instead, such as \"$NOTICE_TITLE\""
        );
        Ok(Arc::new(CommandChannel { command: parts, shown: words, timeout, external_url }))
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
