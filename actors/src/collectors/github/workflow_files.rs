//! The files of workflows on the default branch: asked for when a commit has had its first run, since a change of them comes with one.

use std::time::Duration;

use taskpulse_engine::ci::budget::Purpose;
use taskpulse_engine::ci::parse;
use taskpulse_engine::model::TimestampMs;
use tokio::task::spawn_blocking;

use super::api::{Reply, RequestError};
use super::{GithubCollector, due};
use crate::collectors::collector::BlockingError;

/// A token that may not read them, or a repository without such a folder, is asked again after this.
const REFUSED_FOR: Duration = Duration::from_secs(86_400);
/// What failed is asked again after this.
const FAILED_FOR: Duration = Duration::from_secs(600);

/// What is known of these files.
#[derive(Default)]
pub(super) struct WorkflowFiles {
    etag: Option<String>,
    /// They may have changed since the last answer.
    may_differ: bool,
    /// They are not asked for before this.
    not_before: TimestampMs,
}

impl GithubCollector {
    /// Sees whether files of workflows changed. Runs do not wait for it, and nothing fails with it.
    pub(super) async fn poll_files(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        // Without a token each question counts against sixty an hour.
        if !self.context.api.credentials.known() {
            return Ok(());
        }
        self.workflow_files.may_differ |= self.with(|tracker| tracker.take_new_commit()).await?;
        if !self.workflow_files.may_differ || !due(self.workflow_files.not_before, now, REFUSED_FOR) {
            return Ok(());
        }
        let path = format!("/repos/{}/contents/.github/workflows", self.current_name(repo));
        let wait = match self.get(&path, self.workflow_files.etag.as_deref(), Purpose::Now).await {
            Ok(Reply::Unchanged) => None,
            Ok(Reply::Found(found)) => {
                match spawn_blocking(move || parse::workflow_files(&found.body)).await.map_err(BlockingError::from)? {
                    Ok(files) => {
                        self.workflow_files.etag = found.etag;
                        self.with(move |tracker| tracker.observe_files(files, now)).await?;
                        None
                    }
                    Err(_) => Some(FAILED_FOR),
                }
            }
            Err(RequestError::Gone | RequestError::Refused(_)) => Some(REFUSED_FOR),
            // The next poll has its turn.
            Err(RequestError::Wait(_)) => return Ok(()),
            Err(error) => {
                log::debug!("github: files of {repo}: {}", error.explain(repo, &self.context.api));
                Some(FAILED_FOR)
            }
        };
        match wait {
            None => self.workflow_files.may_differ = false,
            Some(wait) => self.workflow_files.not_before = now + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2),
        }
        Ok(())
    }
}
