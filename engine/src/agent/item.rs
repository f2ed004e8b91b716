//! Countable facts: a request to a model, a call of a tool, a data point.

use serde::{Deserialize, Serialize};

use super::signal::{TaskRef, Way};
use crate::model::TimestampMs;

/// A sum, and of how many parts. Without parts it is unknown, not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Parts that are known.
    #[serde(rename = "n")]
    pub parts: u64,
    /// What they add up to.
    #[serde(rename = "v")]
    pub value: u64,
}

impl Sum {
    /// The sum, where any part is known.
    #[must_use]
    pub const fn known(self) -> Option<u64> {
        if self.parts == 0 { None } else { Some(self.value) }
    }

    pub(super) fn add(&mut self, part: Option<u64>) {
        let Some(part) = part else { return };
        self.parts += 1;
        self.value = self.value.saturating_add(part);
    }

    pub(super) const fn add_all(&mut self, other: Self) {
        *self = Self { parts: self.parts + other.parts, value: self.value.saturating_add(other.value) };
    }

    /// Zero instead of unknown where all together is known.
    pub(super) const fn zero_where_known(&mut self, total: Self) {
        if self.parts == 0 && total.parts > 0 {
            self.parts = 1;
        }
    }

    pub(super) fn take_out(&mut self, part: Option<u64>) {
        let Some(part) = part else { return };
        self.parts = self.parts.saturating_sub(1);
        self.value = self.value.saturating_sub(part);
    }
}

/// Kinds of tokens.
pub(super) const KINDS_OF_TOKENS: [&str; 5] = ["input", "output", "cache_read", "cache_creation", "reasoning"];

/// Tokens by kind, as the client counts them. Codex and Gemini count cached ones within `input` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Sent to the model.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Answered.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Read from the cache of prompts.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Written to it.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub cache_creation: Option<u64>,
    /// Thought, where that is counted apart.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// Whether none is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Each kind, in the order of [`KINDS_OF_TOKENS`].
    const fn by_kind(&self) -> [Option<u64>; 5] {
        [self.input, self.output, self.cache_read, self.cache_creation, self.reasoning]
    }

    const fn of_kinds([input, output, cache_read, cache_creation, reasoning]: [Option<u64>; 5]) -> Self {
        Self { input, output, cache_read, cache_creation, reasoning }
    }

    fn merge(&mut self, other: &Self) {
        let (own, other) = (self.by_kind(), other.by_kind());
        *self = Self::of_kinds(std::array::from_fn(|kind| own[kind].max(other[kind])));
    }
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Kind {
    /// A request that the model answered.
    #[default]
    Request,
    /// A request that failed.
    Error,
    /// A call of a tool.
    Tool,
    /// A call of a tool that a hook says without its id, so that it cannot be told which record is of the same.
    ToolHeard,
    /// Whether a tool might be used.
    Decision,
    /// A prompt.
    Prompt,
    /// A commit.
    Commit,
    /// Time that a tool waited for a person.
    Wait,
    /// What was used since the point before.
    Delta,
    /// What was used so far.
    Total,
    /// An attempt of a request, answered or not, of a client that counts them apart.
    Attempt,
    /// CPU time of its processes within a minute.
    Cpu,
}

/// How a call of a tool ended. The later one counts where two ways disagree: a client may call a command that failed a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Well.
    Ok,
    /// A person or a rule did not allow it.
    Refused,
    /// With an error.
    Failed,
}

/// A countable fact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// When.
    #[serde(rename = "a")]
    pub at: TimestampMs,
    /// The ways it came, as bits.
    #[serde(rename = "y")]
    pub ways: u8,
    /// The tool, the commit, or what a data point counts.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Of a tool or a decision.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The model.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Money, in millionths of a dollar.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// Tokens.
    #[serde(rename = "u", default, skip_serializing_if = "Tokens::is_unknown")]
    pub tokens: Tokens,
    /// How long it took, or another count of a data point.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// How often a request was tried again.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u64>,
    /// The task that it was for, where the client said so.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskRef>,
    /// The branch, where it is known.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The prompt that it belongs to.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The subagent that did it.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
}

impl Item {
    /// Whether a hook said it.
    pub(super) const fn is_of_hook(&self) -> bool {
        self.ways & Way::Hook.bit() != 0
    }

    /// Whether a log record said it.
    pub(super) const fn is_of_line(&self) -> bool {
        self.ways & Way::Line.bit() != 0
    }

    /// What is added up of it: money, then tokens by kind.
    pub(super) const fn amounts(&self) -> [Option<u64>; 6] {
        let [input, output, cache_read, cache_creation, reasoning] = self.tokens.by_kind();
        [self.micros, input, output, cache_read, cache_creation, reasoning]
    }

    /// With these amounts.
    pub(super) const fn with_amounts(mut self, amounts: [Option<u64>; 6]) -> Self {
        let [micros, input, output, cache_read, cache_creation, reasoning] = amounts;
        self.micros = micros;
        self.tokens = Tokens::of_kinds([input, output, cache_read, cache_creation, reasoning]);
        self
    }

    /// Adds what another way says of the same. The same in any order.
    pub(super) fn merge(&mut self, other: Self) {
        self.at = self.at.min(other.at);
        self.ways |= other.ways;
        // Codex calls a tool one name in its hooks and another in its records.
        if self.name < other.name {
            self.name = other.name;
        }
        self.outcome = self.outcome.max(other.outcome);
        self.model = self.model.take().max(other.model);
        self.micros = self.micros.max(other.micros);
        self.tokens.merge(&other.tokens);
        self.millis = self.millis.max(other.millis);
        self.retries = self.retries.max(other.retries);
        self.task = self.task.take().max(other.task);
        self.branch = self.branch.take().max(other.branch);
        self.prompt = self.prompt.take().max(other.prompt);
        self.subagent = self.subagent.take().max(other.subagent);
    }
}
