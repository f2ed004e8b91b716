//! The store of log lines, as other parts of the service reach it. Its actor is a [`RecordStoreActor`].

use taskpulse_engine::logs::Lines;
use taskpulse_engine::logs::store::{Appended, LogReader};
use taskpulse_engine::logs::templates::Notes;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::{LogWriter, StoreError};

use crate::log_followers::Followers;
use crate::log_templates::LogTemplates;
use crate::messages::{AppendError, AppendLines};
use crate::records::{Answer, RecordStoreActor, Records};
use crate::supervisor::{Ctx, Mailbox, Receive};

/// How clients reach the store of lines.
#[derive(Clone)]
pub struct LogDoor {
    reader: LogReader,
    append: Mailbox<AppendLines>,
    listeners: LogListeners,
}

/// Receivers of lines that are durable.
#[derive(Debug, Clone, Default)]
pub struct LogListeners {
    /// Those who follow lines as they come in.
    pub followers: Followers,
    /// The templates of error lines.
    pub templates: LogTemplates,
}

impl LogDoor {
    /// From a reader, the mailbox of the actor, and the receivers of lines.
    #[must_use]
    pub fn new(reader: LogReader, append: Mailbox<AppendLines>, listeners: LogListeners) -> Self {
        Self { reader, append, listeners }
    }

    /// The templates of error lines.
    #[must_use]
    pub fn templates(&self) -> &LogTemplates {
        &self.listeners.templates
    }

    /// Those who follow lines as they come in.
    #[must_use]
    pub fn followers(&self) -> &Followers {
        &self.listeners.followers
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
pub type LogStoreActor = RecordStoreActor<LogListeners>;

impl Records for LogListeners {
    type Writer = LogWriter;
    type Batch = Lines;
    /// Notes for the templates, and the lines where somebody follows.
    type Followed = (Notes, Option<Lines>);
    const HOLDS: &'static str = "log lines";

    fn append(&self, writer: &LogWriter, lines: Lines, now: TimestampMs) -> Result<(Appended, Option<Self::Followed>), StoreError> {
        let (notes, mut copy) = (Notes::of(&lines), self.followers.copy(&lines));
        let (done, new) = writer.append_new(lines, now)?;
        if let Some(lines) = &mut copy {
            // Who follows gets what is new: neither lines that were refused, nor those that were there already.
            let mut new = new.into_iter();
            lines.iter_mut().for_each(|stream| stream.records.retain(|_| new.next().unwrap_or_default()));
            lines.retain(|stream| !stream.records.is_empty());
        }
        Ok((done, Some((notes, copy.filter(|lines| !lines.is_empty())))))
    }

    fn pass_on(&self, (notes, lines): Self::Followed) {
        self.templates.take_in(notes);
        if let Some(lines) = lines {
            self.followers.publish(lines);
        }
    }
}

impl Receive<AppendLines> for LogStoreActor {
    type Reply = Answer;

    fn receive(&mut self, AppendLines { lines }: AppendLines, ctx: &mut Ctx<Self>) -> Self::Reply {
        self.keep(lines, ctx)
    }
}
