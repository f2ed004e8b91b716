//! What holds for each recommendation of an advisor: why it matters, what it takes, how sure it is, and how its effect is measured.

use serde::{Deserialize, Serialize};

use super::{Finding, Recommendation, advisors};
use crate::experiment::Better;
use crate::machine::OTHERS;
use crate::model::{MatchOp, Selector, go_quoted};
use crate::rules::Severity;

/// The part of an advisor's row that people read.
#[derive(Debug, Clone, Copy)]
pub struct Counsel {
    /// Why it matters: what happens while nobody acts.
    pub matters: &'static str,
    /// The steps after the one that a finding names itself.
    pub then: &'static [&'static str],
    /// How much work it usually is.
    pub effort: Effort,
    /// How sure the advice is.
    pub confidence: Confidence,
    /// What would show that it is wrong.
    pub refuted_by: &'static str,
    /// What it brings.
    pub expects: Expects,
    /// How its effect is measured.
    pub measure: Measures,
    /// The label by which series like it differ, such as other workflows; they are the control where they move alike.
    pub sibling: Option<&'static str>,
    /// Which of its figures says that it became worse.
    pub worse: Worse,
}

/// How much work it usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A setting, a command.
    Minutes,
    /// A search for the cause.
    Hours,
    /// Work to be planned.
    Days,
}

/// How sure advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// What was seen has other usual causes, or goes away by itself.
    Low,
    /// A forecast, or a difference beyond chance.
    Medium,
    /// It was counted: it is so.
    High,
}

/// What advice brings.
#[derive(Debug, Clone, Copy)]
pub enum Expects {
    /// The first figure is now over before: at best it goes back to what it was. Says what becomes smaller.
    GoesBack(&'static str),
    /// The figure of this number is saved at best. Says what it is saved of, and why it cannot be more.
    UpTo(usize, &'static str, &'static str),
    /// The evidence does not say, and why.
    Unknown(&'static str),
}

/// How an effect is measured.
#[derive(Debug, Clone, Copy)]
pub enum Measures {
    /// By the series of the finding, which is one.
    Series(Better),
    /// By a query that is made of the finding and gives one series.
    Query(Better, fn(&Finding) -> Option<String>),
    /// By nothing, and why.
    Nothing(&'static str),
}

/// The figure of a finding, by its number, that shows whether what it is about became worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// More of it is worse.
    More(usize),
    /// Less of it is worse.
    Less(usize),
}

/// The effect to expect, as a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// What becomes less.
    pub what: String,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// As [`super::Evidence::unit`].
    pub unit: String,
    /// What the range is taken from.
    pub basis: String,
}

/// What is compared before and after the advice is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// A query that gives one series.
    pub query: String,
    /// What would be an improvement.
    pub better: Better,
    /// A query for series like it that the change does not touch.
    #[serde(default)]
    pub control: Option<String>,
}

impl Counsel {
    /// What a finding brings.
    pub(super) fn expected(&self, finding: &Finding) -> Option<Expected> {
        match self.expects {
            Expects::GoesBack(what) => {
                let ratio = finding.evidence.first()?;
                let saved = |ratio: f64| 1.0 - 1.0 / ratio;
                let (low, high) = (saved(ratio.low?), saved(ratio.high?));
                let basis = "what it was before: the rise is taken back, within the interval of the rise".to_owned();
                (low > 0.0 && high.is_finite()).then(|| Expected { what: what.to_owned(), low, high, unit: "ratio".to_owned(), basis })
            }
            Expects::UpTo(number, what, basis) => {
                let most = finding.evidence.get(number).filter(|figure| figure.value > 0.0)?;
                let (unit, basis) = (most.unit.clone(), basis.to_owned());
                Some(Expected { what: what.to_owned(), low: 0.0, high: most.value, unit, basis })
            }
            Expects::Unknown(_) => None,
        }
    }

    /// How the effect of a finding is measured.
    pub(super) fn measure(&self, finding: &Finding) -> Option<Measure> {
        let (query, better) = match self.measure {
            Measures::Series(better) => (one_machine(&finding.query)?, better),
            Measures::Query(better, of) => (of(finding)?, better),
            Measures::Nothing(_) => return None,
        };
        let control = self.sibling.and_then(|label| siblings(&finding.query, &query, label));
        Some(Measure { query, better, control })
    }

    /// Why nothing is expected, where nothing is.
    #[must_use]
    pub const fn nothing_expected(&self) -> &'static str {
        match self.expects {
            Expects::Unknown(why) => why,
            Expects::GoesBack(_) | Expects::UpTo(..) => "the figures do not give one",
        }
    }

    /// Why the effect cannot be measured, where it cannot.
    #[must_use]
    pub const fn not_measured(&self) -> &'static str {
        match self.measure {
            Measures::Nothing(why) => why,
            Measures::Series(_) | Measures::Query(..) => "it names no single series",
        }
    }

    /// How much it matters times how sure it is, 1 to 9: the order of recommendations, and nothing else.
    #[must_use]
    pub const fn priority(&self, severity: Severity) -> u8 {
        let impact = match severity {
            Severity::Debug | Severity::Info | Severity::Notice => 1,
            Severity::Warning => 2,
            Severity::Error | Severity::Critical => 3,
        };
        let sure = match self.confidence {
            Confidence::Low => 1,
            Confidence::Medium => 2,
            Confidence::High => 3,
        };
        impact * sure
    }
}

impl Recommendation {
    /// What its advisor says of all its recommendations; none of an advisor that is no more.
    #[must_use]
    pub fn counsel(&self) -> Option<&'static Counsel> {
        advisors::of(&self.id).map(|advisor| &advisor.counsel)
    }

    /// See [`Counsel::priority`]; 0 for advice of an advisor that is no more.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.counsel().map_or(0, |counsel| counsel.priority(self.severity))
    }
}

/// The mean of the samples of each hour, of all series of a metric with these labels.
pub(super) fn hourly_mean(metric: &str, labels: &[(&str, &str)]) -> String {
    format!("avg(avg_over_time({}[1h]))", selector(metric, labels))
}

/// What counters rose by within each hour, all together.
pub(super) fn hourly_rise(metric: &str, labels: &[(&str, &str)]) -> String {
    format!("sum(increase({}[1h]))", selector(metric, labels))
}

/// The same of several counters, as a query has them: `a or b`.
pub(super) fn hourly_rises(query: &str) -> String {
    let rise = |counter: &str| format!("sum(increase({counter}[1h]))");
    let counters: Vec<&str> = query.split(" or ").collect();
    let [counter] = counters.as_slice() else {
        // Sums have no labels: each needs one of its own, or `or` would drop it.
        let named = |(number, counter): (usize, &&str)| format!("label_replace({}, \"counter\", \"{number}\", \"\", \"\")", rise(counter));
        return format!("sum({})", counters.iter().enumerate().map(named).collect::<Vec<_>>().join(" or "));
    };
    rise(counter)
}

/// The same of one counter of a machine, by its selector.
pub(super) fn rise_of_machine(query: &str) -> String {
    format!("sum(increase({}[1h]))", one_machine(query).unwrap_or_default())
}

fn selector(metric: &str, labels: &[(&str, &str)]) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", go_quoted(value))).collect();
    format!("{metric}{{{}}}", labels.join(","))
}

/// The value that a selector names for a label.
pub(super) fn named(query: &str, label: &str) -> Option<String> {
    Selector::parse(query).ok()?.matchers.into_iter().find_map(|matcher| match matcher.op {
        MatchOp::Equal(value) if matcher.name == label => Some(value),
        _ => None,
    })
}

/// How much of the time some process of the machine of a selector waited for a resource; where that is not known, another figure of it.
pub(super) fn pressure_or(query: &str, resource: &str, other: &str) -> String {
    // Series of this machine have none of these labels.
    let machine: Vec<(&str, String)> = OTHERS.iter().map(|label| (*label, named(query, label).unwrap_or_default())).collect();
    let machine = || machine.iter().map(|(label, value)| (*label, value.as_str()));
    let pressure: Vec<(&str, &str)> = [("resource", resource), ("kind", "some")].into_iter().chain(machine()).collect();
    let other = selector(other, &machine().collect::<Vec<_>>());
    // The names stay: they say which of the two it is, and its unit.
    format!("max by (__name__, resource) ({}) or on () max by (__name__) ({other})", selector("system_pressure_ratio", &pressure))
}

/// A selector of a figure of a machine, which must not give those of other machines as well.
pub(super) fn one_machine(query: &str) -> Option<String> {
    let of_machines = ["system_", "process_", "container_"].iter().any(|start| query.starts_with(start));
    let missing = OTHERS.iter().filter(|label| of_machines && named(query, label).is_none());
    let more: Vec<String> = missing.map(|label| format!("{label}=\"\"")).collect();
    if query.is_empty() {
        return None;
    }
    if more.is_empty() {
        return Some(query.to_owned());
    }
    Some(match query.strip_suffix('}') {
        Some(start) => format!("{start},{}}}", more.join(",")),
        None => format!("{query}{{{}}}", more.join(",")),
    })
}

/// The same query for the series that differ in a label.
fn siblings(of: &str, query: &str, label: &str) -> Option<String> {
    let value = go_quoted(&named(of, label)?);
    let own = format!("{label}={value}");
    query.contains(&own).then(|| format!("avg({})", query.replace(&own, &format!("{label}!={value}"))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::super::ADVISORS;
    use super::*;
    use crate::advice::{Evidence, Topic};
    use crate::promql::Query;
    use crate::promql::syntax::Grid;

    fn finding(id: &str, query: &str) -> Finding {
        Finding {
            id: id.to_owned(),
            topic: Topic::Ci,
            title: String::new(),
            why: String::new(),
            action: String::new(),
            severity: Severity::Notice,
            evidence: vec![Evidence::estimated("now over before", 1.5, (1.25, 2.0), "ratio")],
            query: query.to_owned(),
            start: 0,
            end: 0,
            lasts_ms: 0,
        }
    }

    #[test]
    fn every_advisor_says_what_people_ask_and_ids_lead_back_to_it() {
        let grid = Grid { step: 3_600_000, range: 86_400_000 };
        for advisor in ADVISORS {
            let counsel = &advisor.counsel;
            for text in [counsel.matters, counsel.refuted_by].iter().chain(counsel.then) {
                assert!(text.ends_with('.') && text.len() > 20, "{}: {text:?}", advisor.name);
            }
            for id in [advisor.name.to_owned(), format!("{}:a:b", advisor.name), format!("{} on b", advisor.name)] {
                assert_eq!(advisors::of(&id).unwrap().name, advisor.name);
            }
            let query = "m{repo=\"o/s\",workflow=\"C \\\"I\\\"\",project=\"app\",tag=\"master\",target=\"web\",unit=\"u\",host=\"h\"}";
            if let Some(measure) = counsel.measure(&finding(advisor.name, query)) {
                for query in [Some(&measure.query), measure.control.as_ref()].into_iter().flatten() {
                    assert!(Query::parse(query, grid).is_ok(), "{}: {query}", advisor.name);
                }
                assert_eq!(counsel.sibling.is_some(), measure.control.is_some(), "{}", advisor.name);
            } else {
                assert!(matches!(counsel.measure, Measures::Nothing(_)), "{}", advisor.name);
            }
        }
        assert!(advisors::of("cpu_saturatedly").is_none());
    }

    #[test]
    fn measures_are_of_one_machine_and_siblings_leave_out_the_own_one() {
        for (query, one) in [
            ("system_x", "system_x{instance=\"\",host=\"\",host_name=\"\"}"),
            ("system_x{host=\"b\"}", "system_x{host=\"b\",instance=\"\",host_name=\"\"}"),
            ("probe_x{target=\"b\"}", "probe_x{target=\"b\"}"),
        ] {
            assert_eq!(one_machine(query).unwrap(), one);
        }
        assert_eq!(one_machine(""), None);
        let slower = advisors::of("ci_slower:a:b").unwrap().counsel;
        let measure = slower.measure(&finding("ci_slower:a:b", "m{repo=\"a\",workflow=\"b\"}")).unwrap();
        assert!(measure.query.contains("workflow=\"b\",conclusion=\"success\""), "{measure:?}");
        assert!(measure.control.unwrap().contains("repo=\"a\",workflow!=\"b\""));
    }

    #[test]
    fn a_range_is_expected_only_where_the_figures_give_one() {
        let slower = advisors::of("ci_slower:a:b").unwrap().counsel;
        let expected = slower.expected(&finding("ci_slower:a:b", "m")).unwrap();
        assert!((expected.low - 0.2).abs() < 1e-9 && (expected.high - 0.5).abs() < 1e-9, "{expected:?}");
        let mut unsure = finding("ci_slower:a:b", "m");
        unsure.evidence[0].low = None;
        assert_eq!(slower.expected(&unsure), None);
        assert_eq!(advisors::of("oom_killed").unwrap().counsel.expected(&finding("oom_killed", "m")), None);
    }
}
