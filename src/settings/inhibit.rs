//! `[notify.inhibit.NAME]` and `parent`: which alerts hold others back.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use taskpulse_engine::notices::{Dependency, InhibitRule, MatcherSpec, shipped_inhibitions};
use taskpulse_engine::span::Span;

use super::Settings;

/// `[notify.inhibit.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InhibitSpec {
    pub source: Vec<String>,
    pub target: Vec<String>,
    pub equal: Vec<String>,
    pub linger: Option<Span>,
}

/// All rules: those that ship, those of the settings, and what follows from dependencies.
pub fn rules(settings: &Settings) -> anyhow::Result<Vec<InhibitRule>> {
    let notify = &settings.notify;
    let mut rules = if notify.inhibit_shipped { shipped_inhibitions() } else { Vec::new() };
    for (name, spec) in &notify.inhibit {
        rules.push(spec.rule().with_context(|| format!("notify.inhibit.{name}"))?);
    }
    rules.extend(dependencies(settings)?.iter().map(Dependency::rule));
    Ok(rules)
}

/// Which probe or scrape target depends on which.
fn dependencies(settings: &Settings) -> anyhow::Result<Vec<Dependency>> {
    let probes = settings.probes.check.iter().map(|(name, spec)| ("probes.check", "target", name, &spec.parent));
    let scraped = settings.scrape.targets.iter().map(|(name, spec)| ("scrape.targets", "job", name, &spec.parent));
    let mut found: Vec<Dependency> = Vec::new();
    for (section, label, name, parent) in probes.chain(scraped) {
        let Some(parent) = parent else { continue };
        let parent = if settings.probes.check.contains_key(parent) {
            ("target", parent.clone())
        } else if settings.scrape.targets.contains_key(parent) {
            ("job", parent.clone())
        } else {
            bail!("{section}.{name}.parent = {parent:?}: there is no probe and no scrape target of that name");
        };
        found.push(Dependency { label, name: name.clone(), parent });
    }
    for start in &found {
        let (mut at, mut steps) = (start, 0);
        while let Some(next) = found.iter().find(|other| (other.label, &other.name) == (at.parent.0, &at.parent.1)) {
            (at, steps) = (next, steps + 1);
            ensure!(steps <= found.len(), "parent: `{}` depends on itself, so that no notice would name it", start.name);
        }
    }
    Ok(found)
}

impl InhibitSpec {
    fn rule(&self) -> anyhow::Result<InhibitRule> {
        ensure!(!self.source.is_empty() && !self.target.is_empty(), "needs source and target, each a list of matchers");
        let linger = self.linger.unwrap_or(Span::secs(0));
        ensure!(linger <= Span::secs(600), "linger = {linger}: must be 0s to 10m");
        Ok(InhibitRule {
            source: MatcherSpec::compile_all(&self.source).context("source")?,
            target: MatcherSpec::compile_all(&self.target).context("target")?,
            equal: self.equal.clone(),
            linger_ms: linger.ms(),
        })
    }
}
