//! Groups of rules over samples in memory, evaluated as Prometheus evaluates them: at instants, rule by rule.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::memory::Samples;
use crate::model::{Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs};
use crate::promql::syntax::Grid;
use crate::promql::{Answer, Params, Query, evaluate};
use crate::rules::{GroupSpec, NamedRule};
use crate::template::{Data, Expansion, Template, TemplateSample};

/// How old a sample may be to count at an instant.
const LOOKBACK_MS: i64 = 300_000;

/// What all evaluations of a test have in common.
pub(super) struct Context {
    /// `$externalLabels`
    pub(super) external_labels: Arc<BTreeMap<String, String>>,
    /// `$externalURL`
    pub(super) external_url: Arc<str>,
    /// Step of subqueries without one.
    pub(super) default_step: i64,
    /// When to give up.
    pub(super) deadline: Instant,
}

impl Context {
    /// The result of an expression at an instant.
    ///
    /// # Errors
    /// In words of Prometheus.
    pub(super) fn ask(&self, samples: &Samples, text: &str, t: TimestampMs) -> Result<Vec<(Labels, f64)>, String> {
        let query = Query::parse(text, Grid::default()).map_err(|error| error.to_string())?;
        self.answer(samples, &query, t)
    }

    fn answer(&self, samples: &Samples, query: &Query, t: TimestampMs) -> Result<Vec<(Labels, f64)>, String> {
        let params = Params {
            start: t,
            end: t,
            step: 1,
            lookback: LOOKBACK_MS,
            default_step: self.default_step,
            delayed_names: false,
            use_windows: false,
            max_samples: 50_000_000,
            max_bytes: 1 << 30,
            deadline: self.deadline,
            cancelled: Arc::new(AtomicBool::new(false)),
        };
        match evaluate(query, &params, samples).map_err(|error| error.to_string())?.0 {
            Answer::Vector(rows) => Ok(rows.into_iter().filter_map(|row| Some((row.labels, *row.values.first()?))).collect()),
            Answer::Scalar(values) => Ok(values.into_iter().map(|(_, v)| (Labels::none(), v)).collect()),
            Answer::Text(_) | Answer::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }
}

/// An alert that is pending or fires.
#[derive(Debug, Clone)]
struct Active {
    since: TimestampMs,
    fires: bool,
    /// Since when its condition no longer holds.
    ended: Option<TimestampMs>,
    annotations: BTreeMap<String, String>,
}

/// A rule, and what it wrote and keeps.
pub(super) struct TestRule {
    pub(super) rule: NamedRule,
    query: Query,
    labels: BTreeMap<String, Template>,
    annotations: BTreeMap<String, Template>,
    active: FxHashMap<Labels, Active>,
    /// The series of its last evaluation.
    written: FxHashSet<Labels>,
}

/// A group of a rule file.
pub(super) struct TestGroup {
    offset_ms: i64,
    limit: usize,
    pub(super) rules: Vec<TestRule>,
}

impl TestGroup {
    /// Prepares a group whose file has no faults.
    ///
    /// # Errors
    /// What a rule of such a file never gives.
    pub(super) fn new(group: &GroupSpec) -> Result<Self, String> {
        let mut rules = Vec::with_capacity(group.rules.len());
        for rule in &group.rules {
            let mut rule = rule.clone();
            let mut labels = group.labels.clone();
            labels.append(&mut rule.spec.labels);
            rule.spec.labels = labels;
            rules.push(TestRule::new(rule)?);
        }
        let offset_ms = group.query_offset.map_or(0, crate::span::Span::ms);
        Ok(Self { offset_ms, limit: group.limit, rules })
    }

    /// Evaluates its rules in order; each sees what those before it wrote. Returns the errors of its rules.
    pub(super) fn evaluate(&mut self, context: &Context, samples: &mut Samples, t: TimestampMs) -> Vec<String> {
        let mut errors = Vec::new();
        for rule in &mut self.rules {
            if let Err(error) = rule.evaluate(context, samples, t, self.offset_ms, self.limit) {
                errors.push(format!("rule: {}, err: {error}", rule.rule.name));
            }
        }
        errors
    }
}

fn templates(texts: &BTreeMap<String, String>) -> Result<BTreeMap<String, Template>, String> {
    let parsed = |(name, text): (&String, &String)| Ok((name.clone(), Template::parse(text).map_err(|error| error.to_string())?));
    texts.iter().map(parsed).collect()
}

impl TestRule {
    fn new(rule: NamedRule) -> Result<Self, String> {
        if rule.spec.logql.is_some() {
            return Err(format!(
                "{}: its `logql` reads log lines, and a test file has none; its syntax is checked",
                super::super::files::title(&rule)
            ));
        }
        let query = Query::parse(rule.spec.expr.as_deref().unwrap_or_default(), Grid::default()).map_err(|error| error.to_string())?;
        let (labels, annotations) = if rule.spec.record.is_some() {
            Default::default()
        } else {
            (templates(&rule.spec.labels)?, templates(&rule.spec.annotations)?)
        };
        Ok(Self { rule, query, labels, annotations, active: FxHashMap::default(), written: FxHashSet::default() })
    }

    pub(super) fn records(&self) -> bool {
        self.rule.spec.record.is_some()
    }

    /// Labels and annotations of the alerts that fire.
    pub(super) fn firing(&self) -> impl Iterator<Item = (&Labels, &BTreeMap<String, String>)> {
        self.active.iter().filter(|(_, active)| active.fires).map(|(labels, active)| (labels, &active.annotations))
    }

    fn evaluate(&mut self, context: &Context, samples: &mut Samples, t: TimestampMs, offset: i64, limit: usize) -> Result<(), String> {
        let at = t - offset;
        let results = context.answer(samples, &self.query, at)?;
        let rows = if self.records() { self.record(results, limit)? } else { self.alert(context, samples, results, t, limit)? };
        let written: FxHashSet<Labels> = rows.iter().map(|(labels, _)| labels.clone()).collect();
        rows.iter().for_each(|(labels, v)| samples.append(labels, at, *v));
        // A series that is no longer written ends.
        let stale = f64::from_bits(STALE_NAN_BITS);
        self.written.difference(&written).for_each(|labels| samples.append(labels, at, stale));
        self.written = written;
        Ok(())
    }

    fn record(&self, results: Vec<(Labels, f64)>, limit: usize) -> Result<Vec<(Labels, f64)>, String> {
        let count = results.len();
        let mut seen = FxHashSet::default();
        let mut rows = Vec::with_capacity(count);
        for (labels, v) in results {
            let labels = self
                .rule
                .spec
                .labels
                .iter()
                .fold(labels.with(NAME_LABEL, &self.rule.name), |labels, (name, value)| labels.with(name, value));
            if !seen.insert(labels.clone()) {
                return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
            }
            rows.push((labels, v));
        }
        if limit > 0 && count > limit {
            return Err(format!("exceeded limit of {limit} with {count} series"));
        }
        Ok(rows)
    }

    /// The samples of `ALERTS` and `ALERTS_FOR_STATE`.
    fn alert(
        &mut self,
        context: &Context,
        samples: &Samples,
        results: Vec<(Labels, f64)>,
        t: TimestampMs,
        limit: usize,
    ) -> Result<Vec<(Labels, f64)>, String> {
        let mut holding = FxHashMap::default();
        for (labels, v) in results {
            let (labels, annotations) = self.expand(context, samples, &labels, v, t);
            if holding.insert(labels, annotations).is_some() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        let (hold, keep) = (self.rule.spec.hold.ms(), self.rule.spec.keep_firing_for.ms());
        self.active.retain(|labels, active| {
            let holds = holding.contains_key(labels);
            active.ended = if holds { None } else { active.ended.or(Some(t)) };
            holds || active.fires && active.ended.is_some_and(|ended| t - ended < keep)
        });
        for (labels, annotations) in holding {
            let fresh = Active { since: t, fires: false, ended: None, annotations: BTreeMap::new() };
            let active = self.active.entry(labels).or_insert(fresh);
            active.annotations = annotations;
            active.fires |= t - active.since >= hold;
        }
        if limit > 0 && self.active.len() > limit {
            let count = self.active.len();
            self.active.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        let rows = self.active.iter().flat_map(|(labels, active)| {
            let state = if active.fires { "firing" } else { "pending" };
            [
                (labels.with(NAME_LABEL, "ALERTS").with("alertstate", state), 1.0),
                (labels.with(NAME_LABEL, "ALERTS_FOR_STATE"), active.since.div_euclid(1_000) as f64),
            ]
        });
        Ok(rows.collect())
    }

    /// Labels and annotations of the alert of a result.
    fn expand(&self, context: &Context, samples: &Samples, series: &Labels, v: f64, t: TimestampMs) -> (Labels, BTreeMap<String, String>) {
        let data = Data {
            labels: Arc::new(series.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            external_labels: context.external_labels.clone(),
            external_url: context.external_url.clone(),
            value: v,
        };
        let name = format!("__alert_{}", self.rule.name);
        let expanded = |template: &Template| {
            let mut queries = |text: &str| {
                let results = context.ask(samples, text, t)?;
                let sample = |(labels, value): (Labels, f64)| TemplateSample {
                    labels: Arc::new(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
                    value,
                };
                Ok(results.into_iter().map(sample).collect())
            };
            template.expand_or_error(Expansion { name: &name, data: data.clone(), now: t, queries: &mut queries })
        };
        let labels = self.labels.iter().fold(series.without(&[NAME_LABEL]), |labels, (name, text)| labels.with(name, &expanded(text)));
        let annotations = self.annotations.iter().map(|(name, text)| (name.clone(), expanded(text))).collect();
        (labels.with("alertname", &self.rule.name), annotations)
    }
}
