//! What the collectors of all repositories share: options, token, rate limit, and where they send and publish.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::money::prices::Prices;
use taskpulse_engine::store::{ResolvedBatch, StoreReader};
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use super::GithubCollector;
use super::api::Api;
use super::credentials::Credentials;
use super::state::SharedWebhooks;
use crate::agents::Agents;
use crate::clock::Clock;
use crate::messages::{AppendResolved, ChangeDocuments, RecordEvents};
use crate::pipeline_stats::PipelineStats;
use crate::published::{CommitsByRepository, JobsByRepository, RepositoriesByName, RunsByRepository};
use crate::sources::SourceRegistry;
use crate::supervisor::Mailbox;

/// How repositories are watched.
#[derive(Clone)]
pub struct GithubOptions {
    /// `owner/name`; empty: the repository of the working folder.
    pub repositories: Vec<String>,
    /// The token from the settings.
    pub token: Option<String>,
    /// Address of the REST API.
    pub api_url: String,
    /// Time between polls.
    pub interval: Duration,
    /// Length of the backfill, ms.
    pub backfill_ms: i64,
    /// Share of the hourly rate limit that may be used.
    pub share: f64,
    /// What minutes of runners cost.
    pub prices: Arc<Prices>,
}

/// Where a collector sends and publishes. Samples go to the store directly because they may be of any age.
#[derive(Clone)]
pub struct GithubOutputs {
    /// Samples.
    pub append: Mailbox<AppendResolved>,
    /// Documents.
    pub documents: Mailbox<ChangeDocuments>,
    /// Events.
    pub events: Mailbox<RecordEvents>,
    /// The views of repositories.
    pub repositories: watch::Sender<RepositoriesByName>,
    /// The jobs of runs.
    pub jobs: watch::Sender<JobsByRepository>,
    /// Runs, for the costs of tasks.
    pub runs: watch::Sender<RunsByRepository>,
    /// What is known of commits, for those of coding agents.
    pub commits: watch::Sender<CommitsByRepository>,
    /// Coding agents: pull requests are read for their commits.
    pub agents: Agents,
    /// The state of sources.
    pub sources: SourceRegistry,
    /// Counts of requests.
    pub stats: Arc<PipelineStats>,
}

/// What the collectors of all repositories share.
pub struct GithubContext {
    pub(super) options: GithubOptions,
    pub(super) clock: Clock,
    pub(super) api: Api,
    pub(super) hooks: SharedWebhooks,
    pub(super) store: StoreReader,
    pub(super) outputs: GithubOutputs,
}

impl GithubContext {
    /// A context for the repositories of `options`.
    #[must_use]
    pub fn new(options: GithubOptions, clock: Clock, hooks: SharedWebhooks, store: StoreReader, outputs: GithubOutputs) -> Self {
        let credentials = Credentials::new(options.token.clone(), &options.api_url);
        let api = Api::new(&options.api_url, credentials, options.share, clock.clone());
        Self { options, clock, api, hooks, store, outputs }
    }

    /// A collector for each repository.
    #[must_use]
    pub fn collectors(context: &Arc<Self>) -> Vec<GithubCollector> {
        let collector = |repo: Option<String>| GithubCollector::new(Arc::clone(context), repo);
        if context.options.repositories.is_empty() {
            return vec![collector(None)];
        }
        context.options.repositories.iter().map(|repo| collector(Some(repo.clone()))).collect()
    }

    /// Resolves the series of a batch on the blocking pool; samples of any age are accepted.
    pub(super) async fn resolve(&self, batch: Batch) -> Result<ResolvedBatch, JoinError> {
        let (store, now) = (self.store.clone(), self.clock.now_ms());
        let work = move || {
            let mut resolver = store.resolver(now);
            resolver.accept_any_order();
            // Series by series, each in the order of time, as the store keeps them.
            let mut rows: Vec<usize> = (0..batch.len()).collect();
            rows.sort_by(|a, b| {
                let key = |at: usize| (batch.labels[at].as_bytes(), batch.times[at]);
                key(*a).cmp(&key(*b))
            });
            let mut current: Option<&Labels> = None;
            for at in rows {
                let labels = &batch.labels[at];
                if current != Some(labels) {
                    resolver.series(labels);
                    current = Some(labels);
                }
                resolver.push(batch.times[at], batch.values[at]);
            }
            resolver.finish()
        };
        spawn_blocking(work).await
    }
}
