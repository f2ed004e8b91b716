//! Answers to questions in plain words.

use serde::Serialize;
use utoipa::ToSchema;

/// `/api/v1/ask`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// The question as it was asked; clipped where it is too long.
    pub question: String,
    /// Whether it was understood.
    pub understood: bool,
    /// The question of the grammar that a model made of it, where one did.
    #[schema(required = true)]
    pub understood_as: Option<String>,
    /// The answer, or why there is none, in a sentence.
    #[schema(example = "CPU: 42 % on average, 87 % at most, 2026-11-26 18:00 to 24:00")]
    pub sentence: String,
    /// What the question means; `null` where it was not understood.
    #[schema(required = true)]
    pub meaning: Option<AnswerMeaning>,
    /// What should be known beside the sentence, such as words that were read as others, or how much of the time has samples.
    pub notes: Vec<String>,
    /// What is missing for an answer, and why; `null` where nothing is.
    #[schema(required = true, example = "no CI source is configured")]
    pub missing: Option<String>,
    /// The word for which the question was refused.
    #[schema(required = true)]
    pub refused_word: Option<String>,
    /// The query behind the answer, PromQL; `null` where it comes from no series.
    #[schema(required = true)]
    pub query: Option<String>,
    /// What a chart shows of it; two ranges where two times are compared.
    pub charts: Vec<AnswerChart>,
    /// The parts of the answer, in the order of the question.
    pub rows: Vec<AnswerRow>,
    /// Questions that are understood, near one that was not.
    pub nearest: Vec<String>,
    /// The page that shows more of it.
    #[schema(required = true, example = "tasks")]
    pub page: Option<String>,
}

/// What a question means.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnswerMeaning {
    /// What is wanted: `value`, `highest`, `most`, `compare up`, `why`, `forecast`, …
    #[schema(example = "highest")]
    pub wanted: String,
    /// Of what.
    #[schema(example = "cpu")]
    pub subject: String,
    /// The names in it, each with its kind.
    pub names: Vec<AnswerName>,
    /// From when; `null` for now.
    #[schema(required = true)]
    pub start: Option<f64>,
    /// Until when.
    #[schema(required = true)]
    pub end: Option<f64>,
    /// From when the time is that is compared with; `null` where nothing is compared.
    #[schema(required = true)]
    pub compared_start: Option<f64>,
    /// Until when that is.
    #[schema(required = true)]
    pub compared_end: Option<f64>,
    /// In a line.
    #[schema(example = "highest cpu @ 2026-11-26 00:00..2026-11-27 00:00")]
    pub text: String,
}

/// A name in a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnswerName {
    /// What it is of.
    #[schema(example = "probe")]
    pub kind: String,
    /// The name.
    #[schema(example = "shop")]
    pub name: String,
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnswerChart {
    /// PromQL.
    pub query: String,
    /// From when.
    pub start: f64,
    /// Until when.
    pub end: f64,
    /// From one instant to the next, seconds.
    pub step: f64,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnswerRow {
    /// What it is about.
    #[schema(example = "chrome")]
    pub name: String,
    /// As it is said.
    #[schema(example = "3 GiB")]
    pub text: String,
    /// The figure; `null` where it is none.
    #[schema(required = true)]
    pub value: Option<f64>,
    /// The figure of the time that is compared with.
    #[schema(required = true)]
    pub compared: Option<f64>,
    /// Its unit, as metrics have it: `ratio`, `bytes`, `seconds`, …; empty for a plain number.
    pub unit: String,
    /// When.
    #[schema(required = true)]
    pub time: Option<f64>,
}
