//! Where rules come from: groups of the settings and of files, which do not change while the service runs, and single rules that
//! were given to it, which are kept, versioned, and take the place of those of the settings that have the same name.
//!
//! The rules are read once, and at a change only what has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group::{GIVEN_FILE, GroupSpec, NamedRule, SETTINGS_FILE};
use super::{RuleError, RuleOptions, RuleSet, RuleSpec};
use crate::model::TimestampMs;

/// Rules that are given at the most.
const MAX_GIVEN: usize = 2_000;
/// Longest name of a rule, in characters.
const MAX_NAME: usize = 200;

/// A rule that was given, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GivenRule {
    /// What it says.
    pub spec: RuleSpec,
    /// How often it was given, from 1 on.
    pub version: u64,
    /// When it was given last.
    pub updated_at: TimestampMs,
}

/// A rule by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownRule {
    /// What it says.
    pub spec: RuleSpec,
    /// The file that it comes from.
    pub file: String,
    /// Version and time, where it was given.
    pub given: Option<(u64, TimestampMs)>,
}

/// Why a rule cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A name that no rule may have.
    #[error("a rule is named by 1 to {MAX_NAME} characters without `/` and control characters")]
    BadName,
    /// There is no such rule.
    #[error("there is no rule `{0}`; /api/v1/rules lists them")]
    Unknown(String),
    /// It comes from a file.
    #[error("rule `{name}` is in {file}: change it there, or replace it by one with `enabled` = false")]
    OfFile {
        /// The rule.
        name: String,
        /// The file.
        file: String,
    },
    /// Somebody else changed it.
    #[error("rule `{name}` has version {current}, and the change is of version {given}; read it again")]
    Conflict {
        /// The rule.
        name: String,
        /// Its version; 0 where it was not given yet.
        current: u64,
        /// The version that was changed.
        given: u64,
    },
    /// More than there may be.
    #[error("{MAX_GIVEN} rules were given, as many as there may be; remove one")]
    TooMany,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    groups: Vec<GroupSpec>,
    given: BTreeMap<String, GivenRule>,
    options: RuleOptions,
    /// All rules that are switched on; none where they were not read since the last change.
    read: Option<Arc<RuleSet>>,
}

impl RuleBook {
    /// The rules of the settings and of files.
    #[must_use]
    pub fn new(groups: Vec<GroupSpec>, options: RuleOptions) -> Self {
        Self { groups, given: BTreeMap::new(), options, read: None }
    }

    /// Reads the rules, so that [`RuleBook::rules`] and later changes need not.
    ///
    /// # Errors
    /// [`RuleError`] names the first rule that cannot be used.
    pub fn read(&mut self) -> Result<Arc<RuleSet>, RuleError> {
        let rules = self.rules()?;
        self.read = Some(Arc::clone(&rules));
        Ok(rules)
    }

    /// What all rules have in common.
    #[must_use]
    pub fn options(&self) -> RuleOptions {
        self.options
    }

    /// Restores rules that were given. Returns why some of them cannot be used any more; they are left out.
    pub fn restore(&mut self, kept: impl IntoIterator<Item = (String, GivenRule)>) -> Vec<RuleError> {
        let mut refused = Vec::new();
        for (name, rule) in kept {
            match self.check(&name, &rule.spec) {
                Ok(()) => _ = self.given.insert(name, rule),
                Err(error) => refused.push(error),
            }
        }
        // Too many all together is found by whoever puts them in force.
        self.read = self.rules_after(self.read.as_deref()).ok().map(Arc::new);
        refused
    }

    fn check(&self, name: &str, spec: &RuleSpec) -> Result<(), RuleError> {
        let rules = vec![NamedRule { name: name.to_owned(), spec: spec.clone() }];
        RuleSet::new(&[GroupSpec { file: GIVEN_FILE.to_owned(), rules, ..GroupSpec::default() }], self.options).map(drop)
    }

    /// All rules that are switched on.
    ///
    /// # Errors
    /// [`RuleError`] names the first rule that cannot be used.
    pub fn rules(&self) -> Result<Arc<RuleSet>, RuleError> {
        self.read.clone().map_or_else(|| self.rules_after(None).map(Arc::new), Ok)
    }

    fn rules_after(&self, before: Option<&RuleSet>) -> Result<RuleSet, RuleError> {
        let mut groups = self.groups.clone();
        for group in groups.iter_mut().filter(|group| group.file == SETTINGS_FILE) {
            group.rules.retain(|rule| !self.given.contains_key(&rule.name));
        }
        let rules = self.given.iter().map(|(name, rule)| NamedRule { name: name.clone(), spec: rule.spec.clone() });
        groups.push(GroupSpec { name: GIVEN_FILE.to_owned(), file: GIVEN_FILE.to_owned(), rules: rules.collect(), ..GroupSpec::default() });
        groups.retain(|group| !group.rules.is_empty());
        RuleSet::after(&groups, self.options, before)
    }

    /// Changes what was given. Where the rules cannot be used then, nothing is changed.
    fn change(&mut self, name: &str, rule: Option<GivenRule>) -> Result<(), RuleError> {
        let put = |given: &mut BTreeMap<String, GivenRule>, rule: Option<GivenRule>| match rule {
            Some(rule) => given.insert(name.to_owned(), rule),
            None => given.remove(name),
        };
        let before = put(&mut self.given, rule);
        match self.rules_after(self.read.as_deref()) {
            Ok(rules) => {
                self.read = Some(Arc::new(rules));
                Ok(())
            }
            Err(error) => {
                put(&mut self.given, before);
                Err(error)
            }
        }
    }

    /// A rule by its name: one that was given before one of the settings before one of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<KnownRule> {
        if let Some(rule) = self.given.get(name) {
            let given = Some((rule.version, rule.updated_at));
            return Some(KnownRule { spec: rule.spec.clone(), file: GIVEN_FILE.to_owned(), given });
        }
        self.groups.iter().find_map(|group| {
            let rule = group.rules.iter().find(|rule| rule.name == name)?;
            Some(KnownRule { spec: rule.spec.clone(), file: group.file.clone(), given: None })
        })
    }

    /// The version of a rule that was given; 0 for all others.
    fn version(&self, name: &str) -> u64 {
        self.given.get(name).map_or(0, |rule| rule.version)
    }

    fn check_version(&self, name: &str, changed: Option<u64>) -> Result<(), ChangeError> {
        let current = self.version(name);
        match changed.filter(|given| *given != current) {
            Some(given) => Err(ChangeError::Conflict { name: name.to_owned(), current, given }),
            None => Ok(()),
        }
    }

    /// Gives it a rule. `changed` is the version that is replaced, where that matters.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then.
    pub fn put(&mut self, name: &str, spec: RuleSpec, changed: Option<u64>, now: TimestampMs) -> Result<GivenRule, ChangeError> {
        if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(|c| c == '/' || c.is_control()) {
            return Err(ChangeError::BadName);
        }
        self.check_version(name, changed)?;
        if self.given.len() >= MAX_GIVEN && !self.given.contains_key(name) {
            return Err(ChangeError::TooMany);
        }
        let rule = GivenRule { spec, version: self.version(name) + 1, updated_at: now };
        self.change(name, Some(rule.clone()))?;
        Ok(rule)
    }

    /// Takes back a rule that was given; one of the settings that it had replaced is in force again.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then.
    pub fn remove(&mut self, name: &str, changed: Option<u64>) -> Result<(), ChangeError> {
        self.check_version(name, changed)?;
        if self.given.contains_key(name) {
            return Ok(self.change(name, None)?);
        }
        match self.get(name) {
            Some(KnownRule { file, .. }) => Err(ChangeError::OfFile { name: name.to_owned(), file }),
            None => Err(ChangeError::Unknown(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Profile, Severity, shipped};
    use super::*;

    fn book() -> RuleBook {
        RuleBook::new(vec![GroupSpec::of_settings(&shipped(Profile::Server))], RuleOptions::default())
    }

    #[test]
    fn a_given_rule_takes_the_place_of_one_of_the_settings_until_it_is_taken_back() {
        let (mut book, all) = (book(), shipped(Profile::Server).len());
        let expr = |book: &RuleBook| {
            let set = book.rules().unwrap();
            let rule = set.rules().iter().find(|rule| rule.key == "high_cpu_usage").unwrap();
            (rule.spec.expr.clone().unwrap(), set.rules().len(), set.group_of(rule).unwrap().name.clone())
        };
        let spec = RuleSpec::alerting("system_cpu_utilization_ratio > 0.5", Severity::Info);
        let given = book.put("high_cpu_usage", spec.clone(), None, 7).unwrap();
        assert_eq!((given.version, given.updated_at), (1, 7));
        assert_eq!(expr(&book), ("system_cpu_utilization_ratio > 0.5".to_owned(), all, "rest".to_owned()));
        assert_eq!(book.get("high_cpu_usage").unwrap().given, Some((1, 7)));
        assert_eq!(book.put("high_cpu_usage", spec.clone(), Some(1), 8).unwrap().version, 2);
        let conflict = book.put("high_cpu_usage", spec.clone(), Some(1), 9).unwrap_err();
        assert_eq!(conflict.to_string(), "rule `high_cpu_usage` has version 2, and the change is of version 1; read it again");
        assert!(book.remove("high_cpu_usage", Some(1)).is_err());
        book.remove("high_cpu_usage", Some(2)).unwrap();
        assert_eq!(expr(&book), ("system_cpu_utilization_ratio > 0.80".to_owned(), all, "taskpulse".to_owned()));
        // Off is off.
        book.put("high_cpu_usage", RuleSpec { enabled: false, ..spec }, Some(0), 9).unwrap();
        assert_eq!(book.rules().unwrap().rules().len(), all - 1);
    }

    #[test]
    fn a_change_that_cannot_be_changes_nothing_and_says_why() {
        let mut book = book();
        let broken = RuleSpec::alerting("cpu >", Severity::Info);
        for (name, part) in [("x", "rule `x`: expr: 1:6: parse error"), ("", "a rule is named by"), ("a/b", "a rule is named by")] {
            assert!(book.put(name, broken.clone(), None, 0).unwrap_err().to_string().starts_with(part), "{name}");
        }
        assert_eq!(book.remove("none", None).unwrap_err().to_string(), "there is no rule `none`; /api/v1/rules lists them");
        assert!(book.remove("high_cpu_usage", None).unwrap_err().to_string().contains("is in Settings.toml: change it there"));
        assert_eq!(book.rules().unwrap().rules().len(), shipped(Profile::Server).len());
        let kept = GivenRule { spec: broken, version: 3, updated_at: 1 };
        assert_eq!(book.restore([("old".to_owned(), kept)]).len(), 1);
        assert!(book.get("old").is_none() && book.get("none").is_none());
    }

    #[test]
    fn a_change_reads_what_has_changed_and_gives_what_reading_all_would() {
        let mut book = book();
        book.read().unwrap();
        let spec = |limit: f64| RuleSpec::alerting(&format!("sum(rate(http_errors_total[5m])) > {limit}"), Severity::Info);
        let query = |book: &RuleBook, key: &str| {
            let set = book.rules().unwrap();
            match &set.rules()[set.place_of(key).unwrap()].condition {
                super::super::Condition::Query(condition) => Arc::clone(&condition.query),
                super::super::Condition::Sample(_) | super::super::Condition::Lines(_) => panic!("{key} is a query"),
            }
        };
        let shipped = query(&book, "swapping");
        for change in 0..6 {
            // New, changed, the same again, replacing a shipped one, and taken back.
            match change {
                0 => _ = book.put("errors", spec(1.0), None, 0).unwrap(),
                1 => _ = book.put("errors", spec(2.0), None, 1).unwrap(),
                2 => _ = book.put("errors", spec(2.0), None, 2).unwrap(),
                3 => _ = book.put("oom_kill", spec(3.0), None, 3).unwrap(),
                4 => book.remove("errors", None).unwrap(),
                _ => book.remove("oom_kill", None).unwrap(),
            }
            let (set, anew) = (book.rules().unwrap(), book.rules_after(None).unwrap());
            let shown = |set: &RuleSet| -> Vec<String> {
                set.rules().iter().map(|rule| format!("{} {} {:?}", rule.key, rule.group, rule.spec)).collect()
            };
            assert_eq!(shown(&set), shown(&anew), "change {change}");
            assert!(Arc::ptr_eq(&shipped, &query(&book, "swapping")), "change {change} reads no other rule");
        }
        assert_eq!(query(&book, "oom_kill").text, "changes(system_oom_kills_total[10m]) > 0");
    }
}
