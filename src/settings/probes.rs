//! `[probes.check.NAME]`: its keys, and what the collector gets of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail, ensure};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use taskpulse_actors::collectors::probe::{Check, CheckKind, HttpCheck, TcpCheck, Tls};
use taskpulse_engine::model::{Labels, NAME_LABEL};
use taskpulse_engine::probe::{Expected, Limits, Statuses};
use taskpulse_engine::re2::{Regex, Scope};
use taskpulse_engine::span::Span;

use super::secret::{Secret, without_secrets};
use super::sources::{CommandLine, Times};

/// One or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn list(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// A status or a range of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StatusWord {
    Number(u16),
    Text(String),
}

/// `[probes.check.NAME]`. A key with an `Option` has a default, and is refused where it would have no effect.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeSpec {
    pub parent: Option<String>,
    pub url: Option<String>,
    pub tcp: Option<String>,
    pub command: Option<CommandLine>,
    pub interval: Option<Span>,
    pub timeout: Option<Span>,
    pub labels: BTreeMap<String, String>,
    pub max_latency: Option<Span>,
    pub method: Option<String>,
    pub headers: Option<BTreeMap<String, Secret>>,
    pub body: Option<Secret>,
    pub status: Option<OneOrMore<StatusWord>>,
    pub body_matches: Option<OneOrMore<String>>,
    pub body_not_matches: Option<OneOrMore<String>>,
    pub follow_redirects: Option<bool>,
    pub max_bytes: Option<usize>,
    pub tls: Option<bool>,
    pub tls_verify: Option<bool>,
    pub ca_file: Option<PathBuf>,
    pub min_cert_lifetime: Option<Span>,
    pub send: Option<Secret>,
    pub expect: Option<String>,
    pub pass_environment: Option<Vec<String>>,
}

fn regexes(list: Option<&OneOrMore<String>>) -> anyhow::Result<Vec<Regex>> {
    let one = |text: &String| Regex::new(text, Scope::Anywhere).map_err(|error| anyhow!("`{text}` is no regex: {error}"));
    list.map(OneOrMore::list).unwrap_or_default().iter().map(one).collect()
}

impl ProbeSpec {
    /// The check of the table `name`.
    pub fn check(&self, name: &str) -> anyhow::Result<Check> {
        let at = |key: &str| format!("probes.check.{name}{key}");
        let kind = match (&self.url, &self.tcp, &self.command) {
            (Some(url), None, None) => CheckKind::Http(Box::new(self.http(url, &at)?)),
            (None, Some(address), None) => CheckKind::Tcp(self.tcp(address, &at)?),
            (None, None, Some(line)) => CheckKind::Command(line.words()),
            _ => {
                bail!("{}: needs one of url = \"https://host/path\", tcp = \"host:port\" and command = [\"program\", \"argument\"]", at(""))
            }
        };
        if let CheckKind::Command(words) = &kind {
            ensure!(words.first().is_some_and(|word| !word.is_empty()), "{} names no program", at(".command"));
        }
        self.refuse_useless_keys(&kind, &at)?;
        let times = Times::new(self.interval, self.timeout, Span::secs(30), self.max_latency).with_context(|| at(""))?;
        for own in ["target", "phase", NAME_LABEL] {
            ensure!(!self.labels.contains_key(own), "{}: `{own}` is set by the probe; choose another name", at(".labels"));
        }
        let pairs = self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        Labels::new(pairs.chain([(NAME_LABEL, "probe_success"), ("target", name)])).with_context(|| at(".labels"))?;
        if let Some(limit) = self.max_latency {
            ensure!(
                limit >= Span::millis(1) && limit <= times.timeout,
                "{} = {limit}: must be 1ms to the {}, {}",
                at(".max_latency"),
                if self.timeout.is_some() { "timeout" } else { "interval" },
                times.timeout
            );
        }
        if let Some(limit) = self.min_cert_lifetime {
            let (low, high) = (Span::secs(3_600), Span::secs(3_650 * 86_400));
            ensure!(limit >= low && limit <= high, "{} = {limit}: must be {low} to {high}", at(".min_cert_lifetime"));
        }
        let limits = Limits { max_latency: self.max_latency, min_cert_lifetime: self.min_cert_lifetime };
        let pass_environment = self.pass_environment.clone().unwrap_or_default();
        Ok(Check {
            name: name.to_owned(),
            kind,
            interval: times.interval.duration(),
            timeout: times.timeout.duration(),
            labels: self.labels.clone(),
            limits,
            pass_environment,
        })
    }

    /// Refuses keys that would have no effect.
    fn refuse_useless_keys(&self, kind: &CheckKind, at: &impl Fn(&str) -> String) -> anyhow::Result<()> {
        let http = matches!(kind, CheckKind::Http(_));
        let tcp = matches!(kind, CheckKind::Tcp(_));
        let tls = http || matches!(kind, CheckKind::Tcp(TcpCheck { tls: Some(_), .. }));
        for (key, given, fits, with) in [
            ("method", self.method.is_some(), http, "url"),
            ("headers", self.headers.is_some(), http, "url"),
            ("body", self.body.is_some(), http, "url"),
            ("status", self.status.is_some(), http, "url"),
            ("body_matches", self.body_matches.is_some(), http, "url"),
            ("body_not_matches", self.body_not_matches.is_some(), http, "url"),
            ("follow_redirects", self.follow_redirects.is_some(), http, "url"),
            ("max_bytes", self.max_bytes.is_some(), http, "url"),
            ("tls", self.tls.is_some(), tcp, "tcp"),
            ("send", self.send.is_some(), tcp, "tcp"),
            ("expect", self.expect.is_some(), tcp, "tcp"),
            ("pass_environment", self.pass_environment.is_some(), matches!(kind, CheckKind::Command(_)), "command"),
            ("tls_verify", self.tls_verify.is_some(), tls, "url, or tcp and tls = true"),
            ("ca_file", self.ca_file.is_some(), tls, "url, or tcp and tls = true"),
            ("min_cert_lifetime", self.min_cert_lifetime.is_some(), tls, "url, or tcp and tls = true"),
        ] {
            ensure!(fits || !given, "{}: {key} means something only with {with}", at(""));
        }
        Ok(())
    }

    fn with_tls(&self) -> Tls {
        Tls { verify: self.tls_verify.unwrap_or(true), ca_file: self.ca_file.clone() }
    }

    fn http(&self, url: &str, at: &impl Fn(&str) -> String) -> anyhow::Result<HttpCheck> {
        let shown = without_secrets(url);
        let url = Url::parse(url).with_context(|| format!("{} = {shown:?}", at(".url")))?;
        ensure!(matches!(url.scheme(), "http" | "https"), "{}: {shown} must begin with http:// or https://", at(".url"));
        ensure!(
            url.username().is_empty() && url.password().is_none(),
            "{}: addresses are shown to everyone; give name and password as headers = {{ Authorization = \"Basic …\" }}",
            at(".url")
        );
        let method = self.method.as_deref().unwrap_or("GET");
        let method = method.parse().map_err(|_| anyhow!("{} = {method:?}: must be a method such as GET, HEAD or POST", at(".method")))?;
        let headers = self.headers.iter().flatten().map(|(name, value)| {
            let key = || format!("{}.{name}", at(".headers"));
            let mut value = value.parse::<HeaderValue>().with_context(key)?;
            value.set_sensitive(true);
            Ok((name.parse::<HeaderName>().with_context(key)?, value))
        });
        let statuses = match &self.status {
            None => Statuses::default(),
            Some(list) => {
                let words = list.list().iter().map(|word| match word {
                    StatusWord::Number(status) => status.to_string(),
                    StatusWord::Text(text) => text.clone(),
                });
                let text = words.collect::<Vec<_>>().join(",");
                Statuses::parse(&text).map_err(|why| anyhow!("{}: {why}", at(".status")))?
            }
        };
        let max_bytes = self.max_bytes.unwrap_or(1 << 20);
        ensure!(max_bytes <= 1 << 26, "{} = {max_bytes}: must be 0 to {}", at(".max_bytes"), 1 << 26);
        Ok(HttpCheck {
            method,
            headers: headers.collect::<anyhow::Result<_>>()?,
            body: self.body.as_deref().unwrap_or_default().to_owned(),
            follow_redirects: self.follow_redirects.unwrap_or(true),
            expected: Expected {
                statuses,
                matches: regexes(self.body_matches.as_ref()).with_context(|| at(".body_matches"))?,
                not_matches: regexes(self.body_not_matches.as_ref()).with_context(|| at(".body_not_matches"))?,
            },
            tls: self.with_tls(),
            max_bytes,
            url,
        })
    }

    fn tcp(&self, address: &str, at: &impl Fn(&str) -> String) -> anyhow::Result<TcpCheck> {
        let parts = address.rsplit_once(':').and_then(|(host, port)| {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Some((host.to_owned(), port.parse::<u16>().ok().filter(|port| *port > 0)?)).filter(|(host, _)| !host.is_empty())
        });
        let (host, port) = parts.with_context(|| format!("{} = {address:?}: must be host:port", at(".tcp")))?;
        let expect = match &self.expect {
            Some(text) => regexes(Some(&OneOrMore::One(text.clone()))).with_context(|| at(".expect"))?.pop(),
            None => None,
        };
        Ok(TcpCheck {
            host,
            port,
            tls: self.tls.unwrap_or(false).then(|| self.with_tls()),
            send: self.send.as_deref().map(str::to_owned),
            expect,
        })
    }
}
