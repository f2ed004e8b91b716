//! Scraping: metrics from programs that expose them as Prometheus text or OpenMetrics.
//!
//! 1. scrapes each target at its own interval, as Prometheus does (same headers, labels `job` and `instance`),
//! 2. parses the text on the blocking pool; labels of series that were seen before are cached,
//! 3. adds `up` and the metrics of the scrape itself, and ends missing series with stale markers.
//!
//! A scrape with a line that cannot be parsed fails: nothing of it is kept. Series beyond a limit, and a second value of a
//! series at one time, are left out and named.

mod cache;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::exposition::{self, Format};
use taskpulse_engine::model::{Batch, TimestampMs};
use taskpulse_engine::relabel::Rule;
use tokio::task::{JoinError, spawn_blocking};

use self::cache::{ScrapeError, SeriesCache, report};
use super::collector::{Carried, CollectFuture, Collection, Collector, Outcome};
use super::fetch::{self, FetchError};
use crate::clock::Clock;
use crate::files::{self, ReadError, WaitError};
use crate::metadata::MetadataRegistry;
use crate::standstill::{self, TRIES};

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1";

/// Credentials for a target.
#[derive(Clone)]
pub enum Credentials {
    /// None.
    None,
    /// `Authorization: Bearer …`
    Bearer(String),
    /// The same, read from a file for each scrape.
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
    /// Address of its metrics.
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
    /// Its credentials.
    pub credentials: Credentials,
    /// Labels of the target win over those of the settings.
    pub honor_labels: bool,
    /// Timestamps of the target are used.
    pub honor_timestamps: bool,
    /// Most bytes of an answer, after inflation.
    pub max_bytes: usize,
    /// Most samples of a scrape.
    pub max_samples: usize,
    /// Relabelling rules for its series.
    pub relabel: Arc<Vec<Rule>>,
}

impl Target {
    /// Labels of all its series, each name once: those of the settings, then `job` and `instance`.
    fn own_labels(&self) -> Vec<(&str, &str)> {
        let given = self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let others = [("job", self.job.as_str()), ("instance", self.instance.as_str())];
        given.chain(others.into_iter().filter(|(name, _)| !self.labels.contains_key(*name))).collect()
    }
}

/// Why a scrape failed before its text was parsed.
#[derive(Debug, thiserror::Error)]
enum TargetError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("bearer_token_file: {0}")]
    Token(#[from] ReadError),
    #[error("bearer_token_file: {0}")]
    TokenHangs(#[from] WaitError),
    #[error("bearer_token_file: reading it panicked: {0}")]
    TokenPanicked(#[from] JoinError),
    #[error("the target answers with status {status}: {beginning}")]
    Status { status: u16, beginning: String },
    #[error(
        "the answer does not say how long it is and its last line does not end, so it may be cut off; \
         end the text with a new line, or send Content-Length"
    )]
    CutOff,
    #[error("{0}")]
    Text(String),
}

/// Scrapes one target.
pub struct ScrapeCollector {
    target: Arc<Target>,
    clock: Clock,
    metadata: MetadataRegistry,
    cache: Carried<SeriesCache>,
}

impl ScrapeCollector {
    /// A collector that scrapes a target.
    #[must_use]
    pub fn new(target: Target, clock: Clock, metadata: MetadataRegistry) -> Self {
        Self { target: Arc::new(target), clock, metadata, cache: Carried::default() }
    }

    async fn fetch(&self) -> Result<(String, Format), TargetError> {
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
                let read = move || {
                    let file = path.clone();
                    files::within(&path, files::PATIENCE, move || files::read_text(&file, files::MAX_SHORT))
                };
                let token = spawn_blocking(read).await???;
                request.bearer_auth(token.trim())
            }
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
        };
        let answer = fetch::read(request, target.max_bytes).await?;
        if answer.status != 200 {
            return Err(TargetError::Status { status: answer.status, beginning: fetch::beginning(&answer.body) });
        }
        let kind = answer.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
        let format = Format::from_content_type(kind);
        if format == Format::Prometheus && answer.until_close && answer.body.last().is_some_and(|byte| *byte != b'\n') {
            return Err(TargetError::CutOff);
        }
        let text = exposition::decode_text(answer.body).map_err(|error| TargetError::Text(error.to_string()))?;
        Ok((text, format))
    }

    /// Fetches once; again if the machine stood still meanwhile. When it began, and the text.
    async fn fetch_awake(&self, now: TimestampMs) -> (TimestampMs, Instant, Result<(String, Format), TargetError>) {
        let (mut now, mut begun, mut fetched) = (now, Instant::now(), self.fetch().await);
        for _ in 1..TRIES {
            // A machine that stood still says nothing about the target.
            if !standstill::spoiled(begun) {
                break;
            }
            (now, begun, fetched) = (self.clock.now_ms(), Instant::now(), self.fetch().await);
        }
        (now, begun, fetched)
    }
}

/// Parses what was fetched. The outcome of a scrape that began at `now`.
fn parse(
    cache: &mut SeriesCache,
    target: &Target,
    metadata: &MetadataRegistry,
    (now, begun, fetched): (TimestampMs, Instant, Result<(String, Format), TargetError>),
) -> Outcome {
    let parsed = match fetched {
        Ok((text, format)) => cache.parse(&text, format, target, now, metadata).map_err(|error: ScrapeError| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let seconds = begun.elapsed().as_secs_f64();
    match parsed {
        Ok(scraped) => {
            let mut batch = scraped.batch;
            report(target, now, seconds, Some(scraped.counts), &mut batch);
            match scraped.left_out {
                None => Outcome::Complete(Collection::from(batch)),
                Some(left_out) => Outcome::Partial(left_out, Collection::from(batch)),
            }
        }
        Err(why) => {
            let mut batch = Batch::default();
            cache.end_all(&mut batch, now);
            report(target, now, seconds, None, &mut batch);
            Outcome::Failed(why, Collection::from(batch))
        }
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
        // The request has a time limit of its own, whose end is a result; it may be repeated.
        self.target.timeout * TRIES + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let fetched = self.fetch_awake(now).await;
            let (target, metadata) = (Arc::clone(&self.target), self.metadata.clone());
            let parse = move |cache: &mut SeriesCache| parse(cache, &target, &metadata, fetched);
            self.cache.run_or_else(SeriesCache::default, parse).await.unwrap_or_else(Outcome::failed)
        })
    }
}
