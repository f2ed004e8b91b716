//! Pull requests: asked for only while coding agents make commits, since only those say what became of theirs.

use std::time::Duration;

use taskpulse_engine::ci::budget::Purpose;
use taskpulse_engine::ci::pulls::{self, PullRequest};
use taskpulse_engine::model::TimestampMs;
use tokio::task::spawn_blocking;

use super::api::{Reply, RequestError};
use super::{GithubCollector, due};
use crate::collectors::collector::BlockingError;

/// The newest changes are asked for this often at the most; an unchanged answer is free.
const EVERY: Duration = Duration::from_secs(60);
/// A token that may not read them is tried again after this.
const REFUSED_FOR: Duration = Duration::from_secs(86_400);
/// What failed is asked again after this.
const FAILED_FOR: Duration = Duration::from_secs(600);

/// What is known of them.
#[derive(Default)]
pub(super) struct Pulls {
    etag: Option<String>,
    pub(super) newest: Vec<PullRequest>,
    not_before: TimestampMs,
}

impl GithubCollector {
    /// Reads the pull requests that changed last. Runs do not wait for it, and nothing fails with it.
    pub(super) async fn poll_pulls(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        // Without a token each question counts against sixty an hour.
        let wanted = self.context.api.credentials.known() && self.context.outputs.agents.have_commits(now);
        if !wanted || !due(self.pulls.not_before, now, REFUSED_FOR) {
            return Ok(());
        }
        let path = format!("/repos/{}/pulls?state=all&sort=updated&direction=desc&per_page=100", self.current_name(repo));
        let wait = match self.get(&path, self.pulls.etag.as_deref(), Purpose::Now).await {
            Ok(Reply::Unchanged) => EVERY,
            Ok(Reply::Found(found)) => match spawn_blocking(move || pulls::parse(&found.body)).await.map_err(BlockingError::from)? {
                Ok(newest) => {
                    (self.pulls.newest, self.pulls.etag) = (newest, found.etag);
                    EVERY
                }
                Err(_) => FAILED_FOR,
            },
            Err(RequestError::Gone | RequestError::Refused(_)) => REFUSED_FOR,
            // The next poll has its turn.
            Err(RequestError::Wait(_)) => return Ok(()),
            Err(error) => {
                log::debug!("github: pull requests of {repo}: {}", error.explain(repo, &self.context.api));
                FAILED_FOR
            }
        };
        self.pulls.not_before = now + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        Ok(())
    }
}
