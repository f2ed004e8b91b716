//! All rules that are in force.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::condition::Condition;
use super::group::{GroupSpec, NamedRule, RuleGroup};
use super::index::RuleIndex;
use super::rule::{Rule, RuleError};
use super::spec::RuleSpec;
use crate::model::Labels;
use crate::span::Span;

/// Most rules of all files together.
pub const MAX_RULES: usize = 20_000;

/// What all rules have in common.
#[derive(Debug, Clone, Copy)]
pub struct RuleOptions {
    /// How long samples are kept.
    pub retention: Span,
    /// Time between evaluations of a group that has no interval of its own.
    pub evaluation_interval: Span,
    /// Whether rules that compare a selector with a number judge each sample. Else all are evaluated at instants, as in Prometheus.
    pub on_samples: bool,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self { retention: Span::secs(30 * 86_400), evaluation_interval: Span::secs(15), on_samples: true }
    }
}

/// All rules that are switched on, in groups.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    groups: Vec<RuleGroup>,
    rules: Vec<Rule>,
    /// Where a rule is, by its key.
    places: FxHashMap<String, usize>,
    index: RuleIndex,
}

impl RuleSet {
    /// Reads rules.
    ///
    /// # Errors
    /// [`RuleError`] names the first rule that cannot be used, also among those that are switched off.
    pub fn new(groups: &[GroupSpec], options: RuleOptions) -> Result<Self, RuleError> {
        Self::after(groups, options, None)
    }

    /// As [`RuleSet::new`]; rules that the set `before` has as they are, of the same groups and with the same options, are not read again.
    pub(super) fn after(groups: &[GroupSpec], options: RuleOptions, before: Option<&Self>) -> Result<Self, RuleError> {
        let (mut rules, mut read): (Vec<Rule>, Vec<RuleGroup>) = (Vec::new(), Vec::new());
        let mut keys: FxHashMap<String, usize> = FxHashMap::default();
        for (at, group) in groups.iter().enumerate() {
            let first = rules.len();
            for named in &group.rules {
                let known = before.and_then(|before| before.same(named, group));
                let mut rule = match known {
                    Some(known) => Rule { key: group.key(&named.name), group: at, ..known.clone() },
                    None => Rule::new(named, group, at, options)?,
                };
                if !named.spec.enabled {
                    continue;
                }
                // A file may have several rules of one name.
                let before = keys.entry(rule.key.clone()).or_default();
                *before += 1;
                if *before > 1 {
                    rule.key = format!("{};{before}", rule.key);
                }
                rules.push(rule);
            }
            read.push(RuleGroup {
                name: group.name.clone(),
                file: group.file.clone(),
                interval: group.interval.unwrap_or(options.evaluation_interval),
                query_offset: group.query_offset.unwrap_or(Span::secs(0)),
                limit: group.limit,
                rules: first..rules.len(),
            });
        }
        if rules.len() > MAX_RULES {
            return Err(RuleError::TooMany(rules.len()));
        }
        let index = RuleIndex::new(&rules);
        let places = rules.iter().enumerate().map(|(at, rule)| (rule.key.clone(), at)).collect();
        Ok(Self { groups: read, rules, places, index })
    }

    /// A rule of a group, where the set has it as it is written.
    fn same(&self, named: &NamedRule, group: &GroupSpec) -> Option<&Rule> {
        let rule = &self.rules[self.place_of(&group.key(&named.name))?];
        let of = self.groups.get(rule.group)?;
        (of.file == group.file && of.name == group.name && rule.spec == named.spec).then_some(rule)
    }

    /// The rules of the settings alone.
    ///
    /// # Errors
    /// As [`RuleSet::new`].
    pub fn of_settings(rules: &BTreeMap<String, RuleSpec>, options: RuleOptions) -> Result<Self, RuleError> {
        Self::new(&[GroupSpec::of_settings(rules)], options)
    }

    /// All rules, group by group.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The place in [`RuleSet::rules`] of the rule with a key.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> &[RuleGroup] {
        &self.groups
    }

    /// The group of a rule.
    #[must_use]
    pub fn group_of(&self, rule: &Rule) -> Option<&RuleGroup> {
        self.groups.get(rule.group)
    }

    /// The places of the rules that judge the samples of a series.
    #[must_use]
    pub fn watching(&self, labels: &Labels) -> Vec<usize> {
        let judges = |at: &usize| matches!(&self.rules[*at].condition, Condition::Sample(condition) if condition.selector.accepts(labels));
        let mut found: Vec<usize> = self.index.candidates(labels).filter(judges).collect();
        found.sort_unstable();
        found
    }

    /// Whether a sample may start an alert, so that it should not wait for its batch.
    #[must_use]
    pub fn is_urgent(&self, labels: &Labels, v: f64) -> bool {
        self.index.candidates(labels).any(|at| match &self.rules[at].condition {
            Condition::Sample(condition) => condition.limit.op.holds(v, condition.limit.threshold) && condition.selector.accepts(labels),
            Condition::Query(_) | Condition::Lines(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Profile, Severity, shipped};
    use super::*;

    fn read(rules: &str) -> Result<RuleSet, RuleError> {
        let specs: BTreeMap<String, RuleSpec> = serde_json::from_str(rules).unwrap();
        RuleSet::of_settings(&specs, RuleOptions { retention: Span::secs(600), ..RuleOptions::default() })
    }

    #[test]
    fn the_shipped_rules_can_be_read() {
        let set = RuleSet::of_settings(&shipped(Profile::Server), RuleOptions::default()).unwrap();
        assert_eq!(set.rules().len(), shipped(Profile::Server).len());
        let cpu = Labels::metric("system_cpu_utilization_ratio", &[]);
        assert_eq!(set.watching(&cpu).len(), 2);
        assert!(set.is_urgent(&cpu, 0.81) && !set.is_urgent(&cpu, 0.8));
    }

    #[test]
    fn a_rule_that_cannot_be_used_says_why() {
        for (rule, error) in [
            (r#""expr": "cpu > 1", "for": "1000s""#, "for = 16m40s is longer than the retention of 10m; use at most 10m"),
            (r#""for": "1s""#, "it has no condition; give it `expr`, `absent` or `logql`"),
            (r#""expr": "cpu > 1", "absent": "cpu""#, "it has both `expr` and `absent`; give it one of them"),
            (r#""expr": "cpu >", "enabled": false"#, "expr: 1:6: parse error: unexpected end of input"),
            (r#""expr": "cpu{a=~\"(\"} > 1""#, "expr: 1:5: parse error: error parsing regexp: missing closing ): `(`"),
            (r#""expr": "sum(cpu{a=~\"(\"}) > 1""#, "expr: 1:9: parse error: error parsing regexp: missing closing ): `(`"),
            (r#""expr": "cpu[5m]""#, "expr: its result is a range vector; a rule needs a vector or a scalar"),
            (r#""absent": "rate(cpu[5m])""#, "absent: a function is not supported here"),
            (r#""expr": "sum(cpu)", "clear": 1"#, "clear: a number needs an `expr` that ends in a comparison with a number"),
            (r#""expr": "cpu > 1", "clear": "cpu <""#, "clear: 1:6: parse error"),
            (r#""expr": "cpu", "record": "a b""#, "record: `a b` is no metric name"),
            (r#""expr": "cpu", "record": "a", "for": "1m""#, "`for` is for alerts; a recording rule has none"),
            (r#""expr": "cpu > 1", "unless": "cpu <""#, "unless: 1:6: parse error"),
            (r#""expr": "1 > bool 0", "unless": "cpu""#, "unless: 1:1: parse error"),
            (r#""expr": "cpu", "record": "a", "unless": "b""#, "`unless` is for alerts; a recording rule has none"),
            (r#""expr": "cpu > 1", "logql": "vector(1)""#, "it has both `expr` and `logql`; give it one of them"),
            (r#""logql": "{a=\"b\"}""#, "logql: lines are no values; put a function around them"),
            (r#""logql": "sum(cpu) > 1""#, "logql: 1:5: parse error: `cpu` would be a metric of PromQL"),
            (r#""logql": "vector(1)", "clear": 1"#, "clear: a number needs an `expr` that ends in a comparison with a number"),
            (r#""logql": "vector(1) > 0", "clear": "{a=\"b\"}""#, "clear: lines are no values"),
            (r#""expr": "cpu", "labels": {"": "x"}"#, r#"labels: it cannot be named """#),
        ] {
            let shown = read(&format!(r#"{{"hot": {{{rule}}}}}"#)).unwrap_err().to_string();
            assert!(shown.starts_with(&format!("rule `hot`: {error}")), "{rule}: {shown}");
        }
    }

    #[test]
    fn what_its_shape_allows_is_judged_on_the_sample_and_the_rest_by_query() {
        for (rule, on_sample) in [
            (r#""expr": "cpu{a=\"b\"} > 0.9""#, true),
            (r#""expr": "cpu > 0.9", "clear": 0.8"#, true),
            (r#""expr": "cpu > 0.9", "clear": "cpu < 0.8""#, false),
            (r#""expr": "cpu > bool 0.9""#, false),
            (r#""expr": "cpu > 0.9", "unless": "memory < 0.5""#, false),
            (r#""expr": "cpu > 0.9", "record": "hot""#, false),
            (r#""expr": "cpu > memory""#, false),
            (r#""expr": "(rate(cpu[5m])) > -2", "clear": 1"#, false),
            (r#""absent": "cpu{a=\"b\"}""#, false),
            (r#""expr": "vector(1)""#, false),
        ] {
            let set = read(&format!(r#"{{"hot": {{{rule}}}}}"#)).unwrap();
            assert_eq!(matches!(set.rules()[0].condition, Condition::Sample(_)), on_sample, "{rule}");
        }
    }

    #[test]
    fn a_series_meets_every_rule_that_accepts_it_and_no_other() {
        let rules: Vec<String> = [
            r#"cpu{host="a"} > 1"#,
            "cpu > 1",
            r#"{__name__=~"c.*",host="b"} > 1"#,
            r#"cpu{host!="a"} > 1"#,
            r#"memory{host="a"} > 1"#,
            r#"cpu{host="a",zone=""} > 1"#,
        ]
        .iter()
        .enumerate()
        .map(|(at, expr)| format!(r#""r{at}": {{"expr": {}}}"#, serde_json::to_string(expr).unwrap()))
        .collect();
        let set = read(&format!("{{{}}}", rules.join(","))).unwrap();
        for (name, labels, expected) in [
            ("cpu", vec![("host", "a")], vec![0, 1, 5]),
            ("cpu", vec![("host", "b")], vec![1, 2, 3]),
            ("cpu", vec![("host", "a"), ("zone", "x")], vec![0, 1]),
            ("cpu", vec![], vec![1, 3]),
            ("memory", vec![("host", "a")], vec![4]),
            ("disk", vec![("host", "a")], vec![]),
        ] {
            let series = Labels::metric(name, &labels);
            assert_eq!(set.watching(&series), expected, "{series}");
            assert_eq!(set.is_urgent(&series, 2.0), !expected.is_empty(), "{series}");
        }
    }

    #[test]
    fn labels_and_severity_come_from_the_rule_before_its_group() {
        let rule = |name: &str, spec: RuleSpec| NamedRule { name: name.to_owned(), spec };
        let labels = |severity: &str| BTreeMap::from([("severity".to_owned(), severity.to_owned())]);
        let group = GroupSpec {
            name: "g".to_owned(),
            file: "rules.yml".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "x".to_owned()), ("severity".to_owned(), "page".to_owned())]),
            rules: vec![
                rule("a", RuleSpec { labels: labels("info"), ..RuleSpec::default() }),
                rule("a", RuleSpec { labels: labels("odd"), ..RuleSpec::default() }),
                rule("b", RuleSpec::default()),
                rule("c", RuleSpec::recording("sum:x", "sum(x)")),
            ],
            ..GroupSpec::default()
        };
        let mut group = group;
        for rule in &mut group.rules {
            rule.spec.expr = Some("x > 1".to_owned());
        }
        let set = RuleSet::new(&[group], RuleOptions::default()).unwrap();
        let shown: Vec<_> = set
            .rules()
            .iter()
            .map(|rule| (rule.key.as_str(), rule.name.as_str(), rule.severity, rule.labels["severity"].as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("rules.yml;g;a", "a", Severity::Info, "info"),
                ("rules.yml;g;a;2", "a", Severity::Warning, "odd"),
                ("rules.yml;g;b", "b", Severity::Critical, "page"),
                ("rules.yml;g;c", "sum:x", Severity::Critical, "page"),
            ]
        );
        assert!(set.rules().iter().all(|rule| rule.labels["team"] == "x") && set.rules()[3].is_recording());
        let group = &set.groups()[0];
        for now in [0, 7_000, 123_456_789] {
            let at = group.instant(now);
            assert!(at <= now && now - at < 15_000 && group.instant(at) == at);
        }
    }
}
