//! What an alert, its explanation, an anomaly or an event says to people: one plain sentence. The only place where such sentences are built; console,
//! files, REST and dashboard show them as they are.
//!
//! The name of a metric and its selector never stand in a sentence, except where nothing else is known of a metric. Names of others
//! are cut to a readable length. Pure, but for what is learned of the metrics of others ([`learn`]).

mod effect;
mod experiment;
mod explained;
mod figure;
mod help;
mod lost;
mod measured;
mod said;
mod sentence;
mod subject;
mod undated;

pub use self::effect::effect;
pub use self::experiment::{date, did_it_help, experiment};
pub use self::explained::{busiest, explanation, moved, used};
pub use self::figure::{counted, figure, lasted, money};
pub use self::help::learn;
pub use self::lost::{Lost, lost};
pub use self::measured::{Measured, measured};
pub use self::said::log_news;
pub use self::sentence::{Breach, Expectation, QueryResult, breach, result, says_down, told, unusual};
pub use self::subject::{CHANNEL_SOURCE, rule_name, subject};
pub use self::undated::undated;
