//! Scraping: metrics from programs that expose them as Prometheus text or OpenMetrics.
//!
//! 1. asks each target in its own time, as Prometheus does (same headers, labels `job` and `instance`),
//! 2. takes the text apart off the arbiter; labels of series that were seen before are remembered,
//! 3. adds `up` and what the scrape cost, and ends the series that a target no longer gives with stale markers.
//!
//! A scrape of which a line cannot be read is a failed scrape: nothing of it is kept. Series that are over a limit, and a second
//! value of a series at one time, are left out and reported.

mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::exposition::{self, Format};
use taskpulse_engine::model::{Batch, TimestampMs};
use taskpulse_engine::relabel::Rule;
use tokio::task::spawn_blocking;

use self::memory::{Memory, report};
use super::collector::{CollectFuture, Collection, Collector, Outcome};
use super::fetch;
use crate::clock::now_ms;
use crate::files;
use crate::shared::Shared;
use crate::standstill::{self, TRIES};

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1";

/// How a target shows that it may ask.
#[derive(Clone)]
pub enum Credentials {
    /// None asked for.
    None,
    /// `Authorization: Bearer …`
    Bearer(String),
    /// The same, read anew for each scrape.
    BearerFile(std::path::PathBuf),
    /// User name and password.
    Basic(String, String),
}

impl std::fmt::Debug for Credentials {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::BearerFile(_) => "BearerFile(…)",
            Self::Basic(..) => "Basic(…)",
        })
    }
}

/// One target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in status.
    pub name: String,
    /// Where it exposes its metrics.
    pub url: String,
    /// The label `job`.
    pub job: String,
    /// The label `instance`.
    pub instance: String,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Time between scrapes.
    pub interval: Duration,
    /// Longest time of one.
    pub timeout: Duration,
    /// What it is asked with.
    pub credentials: Credentials,
    /// Labels of the target's own win against ours.
    pub honor_labels: bool,
    /// Times that the target gives count.
    pub honor_timestamps: bool,
    /// Bytes of an answer, after inflation.
    pub max_bytes: usize,
    /// Samples of a scrape.
    pub max_samples: usize,
    /// Rules for its series.
    pub relabel: Arc<Vec<Rule>>,
}

impl Target {
    /// The labels that all its series get, one of each name: `job`, `instance`, and what the settings give, which comes first.
    fn own_labels(&self) -> Vec<(&str, &str)> {
        let given = self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let others = [("job", self.job.as_str()), ("instance", self.instance.as_str())];
        given.chain(others.into_iter().filter(|(name, _)| !self.labels.contains_key(*name))).collect()
    }
}

/// Scrapes one target.
pub struct ScrapeCollector {
    target: Arc<Target>,
    shared: Arc<Shared>,
    memory: Option<Memory>,
}

impl ScrapeCollector {
    /// A source that scrapes a target.
    #[must_use]
    pub fn new(target: Target, shared: Arc<Shared>) -> Self {
        Self { target: Arc::new(target), shared, memory: Some(Memory::default()) }
    }

    async fn fetch(&self) -> Result<(String, Format), String> {
        let target = &self.target;
        let mut request = fetch::client()
            .await?
            .get(&target.url)
            .timeout(target.timeout)
            .header("accept", ACCEPT)
            .header("x-prometheus-scrape-timeout-seconds", target.timeout.as_secs_f64().to_string());
        request = match &target.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token),
            Credentials::BearerFile(path) => {
                let path = path.clone();
                let token = spawn_blocking(move || {
                    let file = path.clone();
                    let read = move || files::read_text(&file, files::MAX_SHORT).map_err(|error| error.to_string());
                    files::within(&path, files::PATIENCE, read).and_then(|read| read).map_err(|why| format!("bearer_token_file: {why}"))
                });
                let token = token.await.map_err(|error| error.to_string())??;
                request.bearer_auth(token.trim())
            }
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
        };
        let answer = fetch::read(request, target.max_bytes).await?;
        if answer.status != 200 {
            return Err(format!("the target answers with status {}: {}", answer.status, fetch::beginning(&answer.body)));
        }
        let kind = answer.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
        let format = Format::from_content_type(kind);
        if format == Format::Prometheus && answer.until_close && answer.body.last().is_some_and(|byte| *byte != b'\n') {
            return Err("the answer does not say how long it is and its last line does not end, so it may be cut off; \
                        end the text with a new line, or send Content-Length"
                .to_owned());
        }
        let text = exposition::decode_text(answer.body).map_err(|error| error.to_string())?;
        Ok((text, format))
    }
}

impl Collector for ScrapeCollector {
    fn name(&self) -> String {
        format!("scrape {}", self.target.name)
    }

    fn every(&self) -> Duration {
        self.target.interval
    }

    fn timeout(&self) -> Duration {
        // The request has a limit of its own, after which there is still something to say; it may be made anew.
        self.target.timeout * TRIES + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let (mut now, mut begun, mut fetched) = (now, Instant::now(), self.fetch().await);
            for _ in 1..TRIES {
                // A machine that stood still in the middle says nothing of the target.
                if !standstill::spoiled(begun) {
                    break;
                }
                (now, begun, fetched) = (now_ms(), Instant::now(), self.fetch().await);
            }
            // Gone only if a look before was cut off in its middle.
            let mut memory = self.memory.take().unwrap_or_default();
            let (target, shared) = (Arc::clone(&self.target), Arc::clone(&self.shared));
            let work = spawn_blocking(move || {
                let mut batch = Batch::default();
                let outcome = fetched.and_then(|(text, format)| memory.take(&text, format, &target, now, &shared));
                let seconds = begun.elapsed().as_secs_f64();
                let note = match outcome {
                    Ok(scraped) => {
                        batch = scraped.batch;
                        report(&target, now, seconds, Some(scraped.counts), &mut batch);
                        Ok(scraped.left_out)
                    }
                    Err(why) => {
                        memory.end_all(&mut batch, now);
                        report(&target, now, seconds, None, &mut batch);
                        Err(why)
                    }
                };
                (memory, batch, note)
            });
            match work.await {
                Ok((memory, batch, note)) => {
                    self.memory = Some(memory);
                    let found = Collection { batch, ..Collection::default() };
                    match note {
                        Ok(None) => Outcome::Complete(found),
                        Ok(Some(left_out)) => Outcome::Partial(left_out, found),
                        Err(why) => Outcome::Failed(why, found),
                    }
                }
                Err(error) => Outcome::Failed(format!("the text could not be taken apart: {error}"), Collection::default()),
            }
        })
    }
}
