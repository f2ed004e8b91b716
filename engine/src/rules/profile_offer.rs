//! Whether the other profile would have halved the notices.

use super::noise::{Kept, fired};
use super::shipped::{CPU_RULES, CPU_SHORTAGE, Profile, shipped};
use super::{Alert, notices_of};
use crate::model::{Columns, Labels, Selector};
use crate::promql::{EvalError, SeriesSink};

/// Fewer alerts a week are no flood.
const MIN_FLOOD: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// What is kept since this long ago is a week of history: seven days, of which the first was begun.
const WEEK_MS: (i64, i64) = (7 * DAY_MS, 6 * DAY_MS);
/// The series that says since when the machine is watched.
const CPU: &str = "system_cpu_utilization_ratio";

/// What another profile would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileOffer {
    /// The profile.
    pub profile: Profile,
    /// Alerts that fired, without those of no weight.
    pub fired: usize,
    /// How many would have with it.
    pub fired_then: usize,
    /// About how many notices they made for a channel.
    pub notices: usize,
    /// How many there would have been with it.
    pub notices_then: usize,
}

impl Kept<'_> {
    /// The profile that would have halved the notices of this time; none where the other one would not, there was no flood, or less than a week is kept.
    #[must_use]
    pub fn offer(&self) -> Option<ProfileOffer> {
        if self.book.get(CPU_SHORTAGE).is_some() || !self.has_a_week() {
            return None;
        }
        let heard = || fired(self.alerts, self.range).filter(|alert| alert.severity >= Profile::Workstation.announced());
        let is_of_cpu = |alert: &&Alert| CPU_RULES.contains(&alert.rule.as_str());
        let (fired, of_cpu) = (heard().count(), heard().filter(is_of_cpu).count());
        // Only what the profile changes can be less.
        if fired < MIN_FLOOD || 2 * (fired - of_cpu) > fired {
            return None;
        }
        let rules = shipped(Profile::Workstation);
        let shortage = self.tried(CPU_SHORTAGE, rules.get(CPU_SHORTAGE)?).ok()?;
        let of_shortage = notices_of(shortage.firings.iter().map(|firing| (firing.fired_at, firing.resolved_at)), self.notice_interval);
        let offer = ProfileOffer {
            profile: Profile::Workstation,
            fired,
            fired_then: fired - of_cpu + shortage.fired,
            notices: self.notices(heard()),
            notices_then: self.notices(heard().filter(|alert| !is_of_cpu(alert))) + of_shortage,
        };
        (2 * offer.notices_then <= offer.notices).then_some(offer)
    }

    /// Notices of alerts, those of each rule by themselves.
    fn notices<'a>(&self, alerts: impl Iterator<Item = &'a Alert>) -> usize {
        let mut alerts: Vec<&Alert> = alerts.collect();
        alerts.sort_by(|a, b| a.rule.cmp(&b.rule));
        let of_rule = |alerts: &[&Alert]| {
            let firings = alerts.iter().filter_map(|alert| Some((alert.firing_since?, alert.resolved_at)));
            notices_of(firings, self.notice_interval)
        };
        alerts.chunk_by(|a, b| a.rule == b.rule).map(of_rule).sum()
    }

    /// Whether the machine was watched a week ago, as far as this time reaches back.
    fn has_a_week(&self) -> bool {
        let (from, to) = ((self.range.1 - WEEK_MS.0).max(self.range.0), self.range.1 - WEEK_MS.1);
        let Ok(selector) = Selector::parse(CPU) else { return false };
        let mut seen = Seen(false);
        from <= to && self.source.read(std::slice::from_ref(&selector.matchers), from, to, &mut seen).is_ok() && seen.0
    }
}

/// Whether there are samples.
struct Seen(bool);

impl SeriesSink for Seen {
    fn begin(&mut self, _labels: &Labels) -> Result<(), EvalError> {
        Ok(())
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        self.0 |= !columns.times.is_empty();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::noise::tests::{alert, book};
    use super::super::{EvaluationLimits, RuleSpec};
    use super::*;
    use crate::model::TimestampMs;
    use crate::promql::tests::Memory;

    const S: i64 = 1_000;

    /// The CPU each hour since so many days.
    fn cpu(days: i64) -> Memory {
        let times: Vec<TimestampMs> = (0..days * 24).map(|hour| (7 - days) * DAY_MS + hour * 3_600 * S).collect();
        let values = vec![0.9; times.len()];
        Memory(vec![(Labels::metric(CPU, &[]), Columns { times, values })])
    }

    #[test]
    fn a_workstation_is_offered_where_the_cpu_is_most_of_what_fires() {
        let limits = EvaluationLimits::for_tests();
        // One each hour, so that each makes two notices.
        let fired = |rule: &str, severity: &str, count: i64| -> Vec<Alert> {
            (0..count).map(|n| alert(rule, severity, n * 3_600 * S, 600 * S, false)).collect()
        };
        let offer = |profile: Profile, alerts: Vec<Alert>, days: i64| {
            let rules: Vec<(String, RuleSpec)> = shipped(profile).into_iter().collect();
            let rules: Vec<(&str, RuleSpec)> = rules.iter().map(|(name, spec)| (name.as_str(), spec.clone())).collect();
            let (book, source) = (book(&rules), cpu(days));
            let kept = Kept {
                book: &book,
                alerts: &alerts,
                source: &source,
                limits: &limits,
                notice_interval: 300 * S,
                range: (0, 7 * DAY_MS),
                deadline: Instant::now(),
            };
            kept.offer()
        };
        let of_cpu = || fired("high_cpu_usage", "warning", 20);
        let of_both = || [of_cpu(), fired("probe_down", "error", 5)].concat();
        let expected = ProfileOffer { profile: Profile::Workstation, fired: 25, fired_then: 5, notices: 50, notices_then: 10 };
        assert_eq!(offer(Profile::Server, of_both(), 7), Some(expected));
        assert_eq!(offer(Profile::Server, of_both(), 5), None, "less than a week is kept");
        assert_eq!(offer(Profile::Server, [of_cpu(), fired("probe_down", "error", 30)].concat(), 7), None, "it would change little");
        assert_eq!(offer(Profile::Server, fired("high_cpu_usage", "warning", 3), 7), None, "no flood");
        assert_eq!(offer(Profile::Workstation, of_cpu(), 7), None, "it is one");
    }
}
