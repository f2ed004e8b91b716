//! The model that translates a question which the grammar does not have: a request to an OpenAI-compatible API.
//!
//! It never answers: what it says is read by the grammar, or not at all. One request at a time, a few wait, so many a minute; each is
//! bounded in time and in the size of its answer. Its key is in no message.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use taskpulse_engine::ask::{NoTranslation, translation};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::collectors::fetch;
use crate::{files, redact};

/// Questions that may wait while another one is translated.
const MOST_WAITING: usize = 4;
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 256 << 10;
/// Bytes of a file that holds a key.
const MAX_KEY: u64 = 64 << 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Where the key of the API comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum ApiKey {
    /// It needs none.
    None,
    /// From the settings.
    Text(String),
    /// From a file, read anew for each request.
    File(PathBuf),
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Text(_) => "Text(…)",
            Self::File(_) => "File(…)",
        })
    }
}

/// Where the model is, and what it may cost.
#[derive(Debug, Clone)]
pub struct ModelOptions {
    /// The address that requests go to.
    pub url: String,
    /// Its name there.
    pub model: String,
    /// The key.
    pub key: ApiKey,
    /// Longest time of a translation, with the wait for its turn.
    pub timeout: Duration,
    /// Requests a minute, at the most.
    pub per_minute: usize,
}

/// Why there is no translation.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Others wait.
    #[error("{} questions wait for it already", MOST_WAITING + 1)]
    Busy,
    /// It was asked too often.
    #[error("it was asked {0} times within a minute, the most that `ask.per_minute` allows")]
    Often(usize),
    /// Time is up.
    #[error("it did not answer within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// The key cannot be read.
    #[error("its key cannot be read: {0}")]
    Key(String),
    /// The request failed.
    #[error("{0}")]
    Failed(String),
    /// It refused.
    #[error("it answered with status {0}{1}")]
    Status(u16, String),
    /// Its answer is something else.
    #[error("its answer is no chat completion")]
    Shape,
    /// Its answer has no question.
    #[error(transparent)]
    NoTranslation(#[from] NoTranslation),
}

impl ModelError {
    /// Whether whoever runs the service should know.
    fn is_fault(&self) -> bool {
        !matches!(self, Self::Busy | Self::Often(_) | Self::NoTranslation(_))
    }
}

/// The answer of the API, as far as it is read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

/// See the module.
pub struct Translator {
    options: ModelOptions,
    turn: Semaphore,
    waiting: Semaphore,
    /// When the requests of the last minute were sent.
    sent: Mutex<VecDeque<Instant>>,
}

impl Translator {
    /// One that has sent nothing yet.
    #[must_use]
    pub fn new(options: ModelOptions) -> Self {
        Self { options, turn: Semaphore::new(1), waiting: Semaphore::new(MOST_WAITING + 1), sent: Mutex::default() }
    }

    /// A question of the grammar that means the same, as far as the model knows.
    ///
    /// # Errors
    /// [`ModelError`] where there is none.
    pub async fn translate(&self, instructions: &str, question: &str) -> Result<String, ModelError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| ModelError::Busy)?;
        let limit = self.options.timeout;
        let found = timeout(limit, self.in_turn(instructions, question)).await.unwrap_or(Err(ModelError::Slow(limit)));
        if let Some(fault) = found.as_ref().err().filter(|error| error.is_fault()) {
            log::warn!("ask: the model at {} does not translate: {fault}", redact::address(&self.options.url));
        }
        found
    }

    async fn in_turn(&self, instructions: &str, question: &str) -> Result<String, ModelError> {
        let _turn = self.turn.acquire().await.map_err(|_| ModelError::Busy)?;
        self.count()?;
        let key = self.key().await?;
        let body = json!({
            "model": self.options.model,
            "messages": [{"role": "system", "content": instructions}, {"role": "user", "content": question}],
            "stream": false,
        });
        // Redirects are not followed: what is sent is meant for the address of the settings.
        let client = fetch::client_without_redirects().await.map_err(|error| ModelError::Failed(error.to_string()))?;
        let mut request = client.post(&self.options.url).header(CONTENT_TYPE, "application/json").body(body.to_string());
        if let Some(key) = &key {
            request = request.bearer_auth(key);
        }
        let answer = fetch::read(request, MAX_ANSWER).await.map_err(|error| ModelError::Failed(error.to_string()))?;
        let secrets: Vec<String> = key.into_iter().collect();
        if !(200..300).contains(&answer.status) {
            let said = fetch::beginning(redact::output(&String::from_utf8_lossy(&answer.body), &secrets).as_bytes());
            return Err(ModelError::Status(answer.status, if said.is_empty() { String::new() } else { format!(": {said}") }));
        }
        let completion: Completion = serde_json::from_slice(&answer.body).map_err(|_| ModelError::Shape)?;
        let said = completion.choices.into_iter().next().and_then(|choice| choice.message.content).ok_or(ModelError::Shape)?;
        Ok(translation(&redact::output(&said, &secrets))?)
    }

    /// Counts a request, unless there were enough within a minute.
    fn count(&self) -> Result<(), ModelError> {
        let (now, most) = (Instant::now(), self.options.per_minute);
        let mut sent = self.sent.lock();
        while sent.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            sent.pop_front();
        }
        if sent.len() >= most {
            return Err(ModelError::Often(most));
        }
        sent.push_back(now);
        Ok(())
    }

    async fn key(&self) -> Result<Option<String>, ModelError> {
        let path = match &self.options.key {
            ApiKey::None => return Ok(None),
            ApiKey::Text(key) => return Ok(Some(key.clone())),
            ApiKey::File(path) => path.clone(),
        };
        let read = spawn_blocking(move || files::read_text(&path, MAX_KEY)).await.map_err(|error| ModelError::Key(error.to_string()))?;
        let text = read.map_err(|error| ModelError::Key(error.to_string()))?;
        let key = text.trim();
        let right = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
        if right { Ok(Some(key.to_owned())) } else { Err(ModelError::Key("it must be printable ASCII without spaces".to_owned())) }
    }
}
