//! Runs the tests of a unit-test file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::group::{Context, TestGroup};
use super::memory::Samples;
use super::read::{AlertTest, ExprTest, UnitTest, UnitTestFile};
use crate::model::{Labels, TimestampMs, format_value, go_quoted};
use crate::promql::syntax::duration_text;
use crate::rules::GroupSpec;
use crate::span::Span;
use crate::yaml::{Fault, Place};

/// Most evaluations of a test.
const MAX_EVALUATIONS: i64 = 1_000_000;

/// Labels and annotations of alerts, in order.
type Alerts = Vec<(BTreeMap<String, String>, BTreeMap<String, String>)>;

impl UnitTestFile {
    /// Runs all tests with the groups of their rule files. Returns what fails, with its place in the file.
    #[must_use]
    pub fn run(&self, groups: &[GroupSpec], deadline: Instant) -> Vec<Fault> {
        self.tests.iter().flat_map(|test| self.run_test(test, groups, deadline)).collect()
    }

    /// Groups in the order that the file asks for; those that it does not name come with the first.
    fn ordered(&self, groups: &[GroupSpec]) -> Result<Vec<TestGroup>, String> {
        let place = |group: &GroupSpec| self.group_order.iter().position(|name| *name == group.name).unwrap_or(0);
        let mut sorted: Vec<&GroupSpec> = groups.iter().collect();
        sorted.sort_by_key(|group| place(group));
        sorted.into_iter().map(TestGroup::new).collect()
    }

    fn run_test(&self, test: &UnitTest, groups: &[GroupSpec], deadline: Instant) -> Vec<Fault> {
        let mut run = Run { fuzzy: self.fuzzy, name: test.name.clone(), failures: Vec::new() };
        let context = Context {
            external_labels: Arc::new(test.external_labels.clone()),
            external_url: test.external_url.as_str().into(),
            default_step: self.interval.ms(),
            deadline,
        };
        let mut groups = match self.ordered(groups) {
            Ok(groups) => groups,
            Err(error) => {
                run.fail(Place::START, error);
                return run.failures;
            }
        };
        let mut samples = loaded(test);
        let length =
            test.alerts.iter().map(|test| test.at).chain(test.exprs.iter().map(|test| test.at)).max().unwrap_or(Span::secs(0)).ms();
        let interval = self.interval.ms();
        if length / interval > MAX_EVALUATIONS {
            let message = format!("evaluations every {} up to {} are more than {MAX_EVALUATIONS}", self.interval, Span::millis(length));
            run.fail(Place::START, message);
            return run.failures;
        }
        for after in (0..=length / interval).map(|n| n * interval) {
            samples.until = test.start.saturating_add(after);
            let now = samples.until;
            let errors: Vec<String> = groups.iter_mut().flat_map(|group| group.evaluate(&context, &mut samples, now)).collect();
            for error in &errors {
                run.fail(Place::START, format!("{error} (at {})", Span::millis(after)));
            }
            if !errors.is_empty() {
                return run.failures;
            }
            let due = test.alerts.iter().filter(|alert| (after..after + interval).contains(&alert.at.ms()));
            due.for_each(|alert| run.check_alerts(alert, &groups));
        }
        test.exprs.iter().for_each(|expr| run.check_expr(expr, &context, &samples, test));
        run.failures
    }
}

fn loaded(test: &UnitTest) -> Samples {
    let mut samples = Samples::default();
    samples.until = TimestampMs::MIN;
    for (labels, values) in &test.series {
        for (n, v) in values.iter().enumerate() {
            if let Some(v) = v {
                samples.append(labels, test.start.saturating_add(test.interval.ms().saturating_mul(n as i64)), *v);
            }
        }
    }
    samples
}

/// The run of one test.
struct Run {
    fuzzy: bool,
    name: String,
    failures: Vec<Fault>,
}

impl Run {
    fn fail(&mut self, place: Place, message: String) {
        let message = if self.name.is_empty() { message } else { format!("name: {}, {message}", self.name) };
        self.failures.push(Fault { place, message });
    }

    fn check_alerts(&mut self, test: &AlertTest, groups: &[TestGroup]) {
        let owned = |labels: &Labels| labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| !rule.records() && rule.rule.name == test.name);
        let mut got: Alerts = rules
            .flat_map(|rule| rule.firing().map(|(labels, annotations)| (owned(labels), annotations.clone())).collect::<Vec<_>>())
            .collect();
        let mut expected: Alerts = test.expected.clone();
        got.sort();
        expected.sort();
        if got != expected {
            let time = duration_text(test.at.ms());
            let message = format!("alertname: {}, time: {time},\n    exp: {}\n    got: {}", test.name, shown(&expected), shown(&got));
            self.fail(test.place, message);
        }
    }

    fn check_expr(&mut self, test: &ExprTest, context: &Context, samples: &Samples, of: &UnitTest) {
        let time = duration_text(test.at.ms());
        let title = format!("expr: {}, time: {time},", go_quoted(&test.expr));
        let mut got = match context.ask(samples, &test.expr, of.start.saturating_add(test.at.ms())) {
            Ok(got) => got,
            Err(error) => return self.fail(test.place, format!("{title} err: {error}")),
        };
        let mut expected = test.expected.clone();
        got.sort_by(|a, b| a.0.cmp_pairs(&b.0));
        expected.sort_by(|a, b| a.0.cmp_pairs(&b.0));
        let same = |a: &(Labels, f64), b: &(Labels, f64)| a.0 == b.0 && self.equal(a.1, b.1);
        if got.len() == expected.len() && got.iter().zip(&expected).all(|(a, b)| same(a, b)) {
            return;
        }
        self.fail(test.place, format!("{title}\n    exp: {}\n    got: {}", samples_shown(&expected), samples_shown(&got)));
    }

    /// As in promtool NaN equals nothing; use `exp_samples` of an expression without it.
    #[allow(clippy::float_cmp, reason = "a test expects a value, not one near it")]
    fn equal(&self, a: f64, b: f64) -> bool {
        a == b || self.fuzzy && (a.next_down() == b || a.next_up() == b)
    }
}

fn shown(alerts: &Alerts) -> String {
    let map = |map: &BTreeMap<String, String>| {
        let pairs: Vec<String> = map.iter().map(|(name, value)| format!("{name}={}", go_quoted(value))).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    if alerts.is_empty() {
        return "no alert".to_owned();
    }
    let one = |(labels, annotations): &(BTreeMap<String, String>, BTreeMap<String, String>)| {
        format!("\n      labels {} annotations {}", map(labels), map(annotations))
    };
    alerts.iter().map(one).collect()
}

fn samples_shown(samples: &[(Labels, f64)]) -> String {
    if samples.is_empty() {
        return "nothing".to_owned();
    }
    samples.iter().map(|(labels, v)| format!("{} {}", labels.in_braces(), format_value(*v))).collect::<Vec<_>>().join(", ")
}
