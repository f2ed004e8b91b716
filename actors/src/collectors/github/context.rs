//! What all repositories share: settings, token and limit, and the outputs to the store.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{ResolvedBatch, StoreReader};
use tokio::task::spawn_blocking;

use super::GithubCollector;
use super::api::Api;
use super::credentials::Credentials;
use super::state::SharedWebhooks;
use crate::clock::now_ms;
use crate::collectors::collector::Collector;
use crate::messages::{AppendResolved, ChangeDocuments, RecordEvents};
use crate::shared::Shared;
use crate::supervisor::Mailbox;

/// How repositories are watched.
#[derive(Clone)]
pub struct GithubOptions {
    /// `owner/name`; none: that of the working folder.
    pub repositories: Vec<String>,
    /// The token of the settings.
    pub token: Option<String>,
    /// The REST interface.
    pub api_url: String,
    /// Time between looks.
    pub interval: Duration,
    /// How far back runs are read at the first look, ms.
    pub backfill_ms: i64,
    /// Share of the hourly limit that may be used.
    pub share: f64,
}

/// What all repositories share.
pub struct GithubContext {
    pub(super) options: GithubOptions,
    pub(super) api: Api,
    pub(super) hooks: SharedWebhooks,
    pub(super) shared: Arc<Shared>,
    pub(super) store: StoreReader,
    pub(super) append: Mailbox<AppendResolved>,
    pub(super) documents: Mailbox<ChangeDocuments>,
    pub(super) events: Mailbox<RecordEvents>,
}

impl GithubContext {
    /// A context whose sources keep what they see through these outputs.
    #[must_use]
    pub fn new(
        options: GithubOptions,
        hooks: SharedWebhooks,
        shared: Arc<Shared>,
        store: StoreReader,
        append: Mailbox<AppendResolved>,
        documents: Mailbox<ChangeDocuments>,
        events: Mailbox<RecordEvents>,
    ) -> Self {
        let credentials = Credentials::new(options.token.clone(), &options.api_url);
        let api = Api::new(&options.api_url, credentials, options.share);
        Self { options, api, hooks, shared, store, append, documents, events }
    }

    /// The sources: one for each repository.
    #[must_use]
    pub fn sources(context: &Arc<Self>) -> Vec<Box<dyn Collector>> {
        let source = |repo: Option<String>| Box::new(GithubCollector::new(Arc::clone(context), repo)) as Box<dyn Collector>;
        if context.options.repositories.is_empty() {
            return vec![source(None)];
        }
        context.options.repositories.iter().map(|repo| source(Some(repo.clone()))).collect()
    }

    /// Labels are made to ids off the arbiter; history of any age is taken.
    pub(super) async fn resolve(&self, batch: Batch) -> Result<ResolvedBatch, String> {
        let store = self.store.clone();
        let work = move || {
            let mut resolver = store.resolver(now_ms());
            resolver.accept_any_order();
            // Series by series, each from its beginning: that is how the store holds them.
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
        spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}
