//! The section `[github]`: its keys, and what the collector gets of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use taskpulse_actors::collectors::github::GithubOptions;
use taskpulse_engine::ci::remote::is_repository;
use taskpulse_engine::span::Span;

use super::secret::without_secrets;
use super::sections::Github;

/// The options of the collector.
pub fn options(github: &Github) -> anyhow::Result<GithubOptions> {
    for repo in &github.repositories {
        ensure!(is_repository(repo), "github.repositories: `{repo}` is no repository; write owner/name");
    }
    let (second, hour, day) = (Span::secs(1), Span::secs(3_600), Span::secs(86_400));
    ensure!(github.interval >= second && github.interval <= hour, "github.interval = {}: must be {second} to {hour}", github.interval);
    let most = Span::secs(90 * 86_400);
    ensure!(github.backfill >= day && github.backfill <= most, "github.backfill = {}: must be {day} to {most}", github.backfill);
    ensure!(github.share >= 0.01 && github.share <= 1.0, "github.share = {}: must be 0.01 to 1", github.share);
    let right = "must be https://api.github.com, or https://HOST/api/v3 of GitHub Enterprise";
    let shown = without_secrets(&github.api_url);
    let url = reqwest::Url::parse(&github.api_url).with_context(|| format!("github.api_url = {shown:?}: {right}"))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    ensure!(matches!(url.scheme(), "http" | "https") && url.has_host() && plain, "github.api_url = {shown:?}: {right}");
    if let Some(token) = &github.token {
        let graphic = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        ensure!(graphic, "github.token: must be printable ASCII without spaces; leave it out to use GITHUB_TOKEN or gh");
    }
    if let Some(secret) = &github.webhook_secret {
        let length = secret.chars().count();
        ensure!(length >= 16, "github.webhook_secret has {length} characters: must be at least 16; `openssl rand -hex 16` makes one");
    }
    let mut seen = BTreeSet::new();
    Ok(GithubOptions {
        // Repository names of GitHub are not case-sensitive.
        repositories: github.repositories.iter().filter(|repo| seen.insert(repo.to_lowercase())).cloned().collect(),
        token: github.token.as_deref().map(str::to_owned),
        api_url: github.api_url.clone(),
        interval: github.interval.duration(),
        backfill_ms: github.backfill.ms(),
        share: github.share,
        prices: Arc::default(),
    })
}
