//! Changing rules while the service runs.

use std::future::ready;
use std::sync::Arc;

use actix::ResponseFuture;
use taskpulse_engine::model::Batch;
use taskpulse_engine::rules::{ChangeError, GivenRule, RuleBook, RuleSet};
use taskpulse_engine::store::DocumentChange;

use super::{AlertActor, RULES};
use crate::messages::{Append, ChangeRule, ChangeRuleError};
use crate::rule_states::RuleStates;
use crate::store::change;
use crate::supervisor::{Ctx, Receive};

impl AlertActor {
    /// Puts the rules of a book in force. Returns the samples with which the series of rules end that are no more.
    fn enforce(&mut self, book: RuleBook, rules: Arc<RuleSet>) -> Batch {
        let book = Arc::new(book);
        let ended = self.tracker.lock().replace_rules(Arc::clone(&rules), self.clock.now_ms());
        let batch = self.drop_recorded(&rules);
        self.watching.clear();
        self.unwatched.clear();
        self.rules = Arc::clone(&rules);
        self.states = RuleStates::new(book, rules);
        self.schedule_groups();
        self.published.send_replace(Arc::new(self.states.clone()));
        self.publish(ended);
        self.publish_active();
        batch
    }

    /// The rule as it is now, and the change of its document.
    fn changed(&mut self, message: ChangeRule) -> Result<(Option<GivenRule>, DocumentChange, Batch), ChangeError> {
        let mut book = (*self.states.book).clone();
        let given = match message.spec {
            Some(spec) => Some(book.put(&message.name, spec, message.version, self.clock.now_ms())?),
            None => {
                book.remove(&message.name, message.version)?;
                None
            }
        };
        let rules = book.rules()?;
        let batch = self.enforce(book, rules);
        let bytes = given.as_ref().and_then(|rule| serde_json::to_vec(rule).ok());
        Ok((given, (message.name, bytes), batch))
    }
}

impl Receive<ChangeRule> for AlertActor {
    type Reply = ResponseFuture<Result<Option<GivenRule>, ChangeRuleError>>;

    fn receive(&mut self, message: ChangeRule, _: &mut Ctx<Self>) -> Self::Reply {
        let (given, document, batch) = match self.changed(message) {
            Ok(changed) => changed,
            Err(error) => return Box::pin(ready(Err(error.into()))),
        };
        let (documents, append) = (self.outputs.documents.clone(), self.outputs.append.clone());
        Box::pin(async move {
            change(&documents, RULES, vec![document]).await?;
            if !batch.is_empty() && !matches!(append.send(Append(Arc::new(batch))).await, Ok(Ok(_))) {
                log::warn!("alerts: the series of a rule that is no more were not ended; they end by themselves");
            }
            Ok(given)
        })
    }
}
