//! Tests of rules, as promtool runs them: samples, and the alerts and results that are expected of them.
//!
//! ```yaml
//! rule_files: [rules.yml]
//! tests:
//! - interval: 1m
//!   input_series:
//!   - {series: 'up{job="a"}', values: 1 0x10}
//!   alert_rule_test:
//!   - {eval_time: 10m, alertname: Down, exp_alerts: [{exp_labels: {job: a}}]}
//!   promql_expr_test:
//!   - {expr: sum(up), eval_time: 0m, exp_samples: [{labels: '{}', value: 1}]}
//! ```
//!
//! Reads no files: the caller finds the rule files that a test file names.

mod group;
mod memory;
mod read;
mod run;
mod series;
#[cfg(test)]
mod tests;

pub use read::{AlertTest, ExprTest, UnitTest, UnitTestFile, parse};
pub use series::MAX_SAMPLES;
