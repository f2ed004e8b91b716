//! The store of log lines, as other parts of the service reach it. Its actor is a [`RecordStoreActor`].

use taskpulse_engine::logs::Lines;
use taskpulse_engine::logs::store::{Appended, LogReader};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::{LogWriter, StoreError};

use crate::log_followers::Followers;
use crate::messages::{AppendError, AppendLines};
use crate::records::{Answer, RecordStoreActor, Records};
use crate::supervisor::{Ctx, Mailbox, Receive};

/// How clients reach the store of lines.
#[derive(Clone)]
pub struct LogDoor {
    reader: LogReader,
    append: Mailbox<AppendLines>,
    followers: Followers,
}

impl LogDoor {
    /// From a reader, the mailbox of the actor, and those who follow lines.
    #[must_use]
    pub fn new(reader: LogReader, append: Mailbox<AppendLines>, followers: Followers) -> Self {
        Self { reader, append, followers }
    }

    /// Those who follow lines as they come in.
    #[must_use]
    pub fn followers(&self) -> &Followers {
        &self.followers
    }

    /// Reads lines.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Has lines kept; answered when they are durable.
    ///
    /// # Errors
    /// [`AppendError`] if they were not kept.
    pub async fn append(&self, lines: Lines) -> Result<Appended, AppendError> {
        match self.append.send(AppendLines { lines }).await {
            Ok(outcome) => outcome,
            Err(error) => Err(error.into()),
        }
    }
}

/// Keeps log lines.
pub type LogStoreActor = RecordStoreActor<Followers>;

impl Records for Followers {
    type Writer = LogWriter;
    type Batch = Lines;
    type Followed = Lines;
    const HOLDS: &'static str = "log lines";

    fn append(&self, writer: &LogWriter, lines: Lines, now: TimestampMs) -> Result<(Appended, Option<Lines>), StoreError> {
        let followed = self.copy(&lines);
        Ok((writer.append(lines, now)?, followed))
    }

    fn pass_on(&self, lines: Lines) {
        self.publish(lines);
    }
}

impl Receive<AppendLines> for LogStoreActor {
    type Reply = Answer;

    fn receive(&mut self, AppendLines { lines }: AppendLines, ctx: &mut Ctx<Self>) -> Self::Reply {
        self.keep(lines, ctx)
    }
}
