//! Scraping: metrics from programs that expose them as Prometheus text or OpenMetrics.
//!
//! 1. asks each target in its own time, as Prometheus does (same headers, labels `job` and `instance`),
//! 2. takes the text apart off the arbiter; labels of series that were seen before are remembered,
//! 3. adds `up` and what the scrape cost, and ends the series that a target no longer gives with stale markers.
//!
//! A scrape of which a line cannot be read is a failed scrape: nothing of it is kept. Series that are over a limit are left
//! out and told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::relabel::{self, Rule};
use tokio::task::spawn_blocking;

use super::fetch;
use super::source::{Findings, Look, Looking, Source};
use crate::clock::now_ms;
use crate::files;
use crate::shared::{Metadata, Shared};
use crate::standstill::{self, TRIES};

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1";
/// Metadata is read again after so long.
const METADATA_EVERY: Duration = Duration::from_secs(600);

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

/// What becomes of a series.
enum Fate {
    /// It is kept under these labels.
    Kept(Labels),
    /// A rule drops it.
    Dropped,
    /// It cannot be kept, for this reason.
    LeftOut(String),
}

/// A series that was seen before.
struct Seen {
    fate: Fate,
    scrape: u64,
    /// It came with a time of its own: it needs no marker.
    timed: bool,
}

/// What is remembered of a target's series, by their text.
#[derive(Default)]
struct Memory {
    series: FxHashMap<String, Seen>,
    scrape: u64,
    metadata_at: Option<Instant>,
}

/// What a scrape came to.
struct Scraped {
    batch: Batch,
    samples: usize,
    kept: usize,
    added: usize,
    left_out: Option<String>,
}

/// Scrapes one target.
pub struct ScrapeSource {
    target: Arc<Target>,
    shared: Arc<Shared>,
    memory: Option<Memory>,
}

impl ScrapeSource {
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
        let format = Format::of_content_type(kind);
        let text = String::from_utf8(answer.body).map_err(|error| format!("not UTF-8 after byte {}", error.utf8_error().valid_up_to()))?;
        Ok((text, format))
    }
}

/// What becomes of a series of a target.
fn fate_of(series: &str, target: &Target) -> Fate {
    match labels_of(series, target) {
        Ok(Some(labels)) => Fate::Kept(labels),
        Ok(None) => Fate::Dropped,
        Err(why) => Fate::LeftOut(why),
    }
}

/// The labels of a series of a target; none where a rule drops it.
fn labels_of(series: &str, target: &Target) -> Result<Option<Labels>, String> {
    let own = exposition::labels(series)?;
    let mut labels: Vec<(String, String)> = own.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    let ours = [("job", target.job.as_str()), ("instance", target.instance.as_str())];
    for (name, value) in ours.into_iter().chain(target.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))) {
        if let Some((clash, there)) = labels.iter_mut().find(|(n, v)| n == name && !v.is_empty()) {
            if target.honor_labels {
                continue;
            }
            let exported = format!("exported_{clash}");
            let there = std::mem::take(there);
            relabel::set(&mut labels, &exported, there);
        }
        relabel::set(&mut labels, name, value.to_owned());
    }
    if !relabel::apply(&target.relabel, &mut labels) {
        return Ok(None);
    }
    Labels::new(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map(Some).map_err(|error| error.to_string())
}

impl Memory {
    /// Takes a scrape's text apart.
    fn take(&mut self, text: &str, format: Format, target: &Target, now: TimestampMs, shared: &Shared) -> Result<Scraped, String> {
        self.scrape += 1;
        let with_metadata = self.metadata_at.is_none_or(|at| at.elapsed() >= METADATA_EVERY);
        let mut out = Scraped { batch: Batch::default(), samples: 0, kept: 0, added: 0, left_out: None };
        let mut left_out = 0usize;
        let mut first_left_out = None;
        let mut metadata = Metadata::default();
        for line in exposition::lines(text, format) {
            let (series, value, time) = match line.map_err(|error| error.to_string())? {
                Line::Sample { series, value, time } => (series, value, time.filter(|_| target.honor_timestamps)),
                other => {
                    if with_metadata {
                        metadata.note(&other);
                    }
                    continue;
                }
            };
            out.samples += 1;
            if out.samples > target.max_samples {
                return Err(format!("more than {} samples; raise max_samples, or drop some at the target", target.max_samples));
            }
            let scrape = self.scrape;
            let seen = match self.series.get_mut(series) {
                Some(seen) => seen,
                None => {
                    let fate = fate_of(series, target);
                    out.added += usize::from(matches!(fate, Fate::Kept(_)));
                    self.series.entry(series.to_owned()).or_insert(Seen { fate, scrape: 0, timed: false })
                }
            };
            (seen.scrape, seen.timed) = (scrape, time.is_some());
            match &seen.fate {
                Fate::Kept(labels) => {
                    out.batch.push(labels.clone(), time.unwrap_or(now), value);
                    out.kept += 1;
                }
                Fate::Dropped => {}
                Fate::LeftOut(why) => {
                    left_out += 1;
                    first_left_out.get_or_insert_with(|| why.clone());
                }
            }
        }
        if with_metadata {
            self.metadata_at = Some(Instant::now());
            shared.metadata.learn(metadata);
        }
        out.left_out = first_left_out.map(|why| format!("{left_out} series left out, the first: {why}"));
        self.end(&mut out.batch, now);
        Ok(out)
    }

    /// Marks the series that the last scrape had and this one has not, and forgets them.
    fn end(&mut self, batch: &mut Batch, now: TimestampMs) {
        let scrape = self.scrape;
        self.series.retain(|_, seen| {
            let there = seen.scrape == scrape;
            if let (Fate::Kept(labels), false, false) = (&seen.fate, there, seen.timed) {
                batch.push(labels.clone(), now, f64::from_bits(STALE_NAN_BITS));
            }
            there
        });
    }

    /// Marks everything: the target did not answer.
    fn end_all(&mut self, batch: &mut Batch, now: TimestampMs) {
        self.scrape += 1;
        self.end(batch, now);
    }
}

/// What a scrape says of itself.
fn report(target: &Target, now: TimestampMs, seconds: f64, scraped: Option<(usize, usize, usize)>, batch: &mut Batch) {
    let base = [("job", target.job.as_str()), ("instance", target.instance.as_str())];
    let labels = || base.into_iter().chain(target.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let (samples, kept, added) = scraped.unwrap_or_default();
    for (name, v) in [
        ("up", f64::from(scraped.is_some())),
        ("scrape_duration_seconds", seconds),
        ("scrape_samples_scraped", samples as f64),
        ("scrape_samples_post_metric_relabeling", kept as f64),
        ("scrape_series_added", added as f64),
    ] {
        if let Ok(labels) = Labels::new(labels().chain([(NAME_LABEL, name)])) {
            batch.push(labels, now, v);
        }
    }
}

impl Source for ScrapeSource {
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

    fn look(&mut self, now: TimestampMs) -> Looking<'_> {
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
                        report(&target, now, seconds, Some((scraped.samples, scraped.kept, scraped.added)), &mut batch);
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
                    let found = Findings { batch, ..Findings::default() };
                    match note {
                        Ok(None) => Look::Found(found),
                        Ok(Some(left_out)) => Look::Partly(left_out, found),
                        Err(why) => Look::Failed(why, found),
                    }
                }
                Err(error) => Look::Failed(format!("the text could not be taken apart: {error}"), Findings::default()),
            }
        })
    }
}
