//! Questions that a model translated: answered by the grammar, or refused with what became of the translation.

use taskpulse_engine::ask::{Names, Refusal, instructions};
use taskpulse_engine::model::clipped;

use super::{AskError, Asker, SHOWN_CHARS};
use crate::view::Answer;

/// Said beside an answer.
const TRANSLATED: &str = "A model made this question of yours";

impl Asker {
    /// The instructions for a model that translates a question: the grammar, and names of what is watched.
    #[must_use]
    pub fn instructions(&self, question: &str, names: &Names) -> String {
        let boards = self.views.boards();
        let in_use = boards.iter().filter(|board| board.current);
        let mut tasks: Vec<(String, String)> =
            in_use.flat_map(|board| board.items.iter().map(|task| (task.id.clone(), task.title.clone())).collect::<Vec<_>>()).collect();
        tasks.dedup();
        instructions(question, names, &tasks, &self.clock)
    }

    /// The answer to a question that was refused, with what a model made of it or why it made nothing.
    ///
    /// # Errors
    /// [`AskError`] where the history cannot be read.
    pub fn translated(
        &self,
        question: &str,
        refusal: &Refusal,
        names: &Names,
        translation: Result<String, String>,
    ) -> Result<Answer, AskError> {
        let refused = |more: String| {
            let mut answer = self.refusal(question, refusal, names);
            answer.sentence = format!("{}. {more}", answer.sentence);
            answer
        };
        let translation = match translation {
            Ok(translation) => clipped(&translation, SHOWN_CHARS),
            Err(why) => return Ok(refused(format!("The model that translates questions did not help: {why}"))),
        };
        match self.understand(&translation, names) {
            Ok(meaning) => {
                let mut answer = self.answer(question, &meaning)?;
                answer.understood_as = Some(translation);
                answer.notes.insert(0, TRANSLATED.to_owned());
                Ok(answer)
            }
            Err(again) => Ok(refused(format!("The translation of the model, \"{translation}\", is not understood either: {}", again.why))),
        }
    }
}
