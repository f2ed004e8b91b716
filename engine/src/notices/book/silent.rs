//! Alerts of which nothing is known any more, because their source is gone.
//!
//! Each of them gets one notice that says so, unless its channel announces that the source itself is gone: a scrape target that is
//! down, a machine that sends nothing, a source that cannot be read. That covers all alerts of the source. The notice waits
//! [`UNKNOWN_WAIT_MS`]: rules about sources fire later than alerts are lost, and what comes back soon is no news.

use rustc_hash::FxHashMap;

use crate::metrics;
use crate::model::TimestampMs;
use crate::notices::{ChannelPlan, NoticeAlert};

/// How long the notice of a loss waits. An alert is lost 5 minutes after its last sample; `host_silent` fires up to 11 minutes after it.
pub(super) const UNKNOWN_WAIT_MS: i64 = 420_000;
/// How long an alert about a source covers others after its end: their next samples may come a little later.
const RECOVERY_MS: i64 = 120_000;
/// The rule about machines that send nothing any more.
const HOST_SILENT: &str = "host_silent";

/// The firing alerts that say that a source is gone, by that source.
#[derive(Debug, Default)]
pub(super) struct SilentSources(FxHashMap<Source, Vec<NoticeAlert>>);

/// What names a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    /// A scrape target, by job and instance.
    Target(String, String),
    /// A machine, by instance.
    Machine(String),
    /// Sources of this service, by kind.
    Own(String),
}

impl Source {
    /// A source of this service. A source is `probe shop`, and what probes give is of `probes`.
    fn own(kind: &str) -> Self {
        Self::Own(kind.trim_end_matches('s').to_owned())
    }
}

impl SilentSources {
    /// Those among these alerts.
    pub(super) fn among<'a>(alerts: impl Iterator<Item = &'a NoticeAlert> + Clone, now: TimestampMs) -> Self {
        let mut silent = Self::default();
        if alerts.clone().any(NoticeAlert::is_unknown) {
            let lately = alerts.filter(|alert| alert.ends_at.is_none_or(|end| now.saturating_sub(end) < RECOVERY_MS));
            for alert in lately.filter(|alert| !alert.is_unknown()) {
                if let Some(source) = gone(alert) {
                    silent.0.entry(source).or_default().push(alert.clone());
                }
            }
        }
        silent
    }

    /// Whether the channel announces that the source of an alert is gone.
    pub(super) fn covers(&self, plan: &ChannelPlan, alert: &NoticeAlert) -> bool {
        let announces = |source: Source| self.0.get(&source).is_some_and(|alerts| alerts.iter().any(|alert| plan.filter.accepts(alert)));
        !self.0.is_empty() && sources(alert).into_iter().flatten().any(announces)
    }
}

fn label(alert: &NoticeAlert, name: &str) -> String {
    alert.labels.get(name).cloned().unwrap_or_default()
}

/// The source that an alert says is gone.
fn gone(alert: &NoticeAlert) -> Option<Source> {
    match alert.metric.as_str() {
        "up" => Some(Source::Target(label(alert, "job"), label(alert, "instance"))),
        // `github octo/site` is one of several sources of a kind.
        "taskpulse_source_up" => label(alert, "source").split(' ').next().map(Source::own),
        _ if alert.rule == HOST_SILENT => Some(Source::Machine(label(alert, "instance"))),
        _ => None,
    }
}

/// The sources that the samples of an alert come from.
fn sources(alert: &NoticeAlert) -> [Option<Source>; 2] {
    let (job, instance) = (label(alert, "job"), label(alert, "instance"));
    if instance.is_empty() {
        // What others send is of no source of this service.
        return [metrics::source(&alert.metric).map(Source::own), None];
    }
    [Some(Source::Machine(instance.clone())), (!job.is_empty()).then_some(Source::Target(job, instance))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::Filter;
    use crate::notices::alert::tests::{ended, firing};
    use crate::notices::book::tests::plan;
    use crate::rules::Severity;

    fn of(metric: &str, rule: &str, labels: &[(&str, &str)]) -> NoticeAlert {
        let mut alert = firing(rule, "", 0);
        alert.metric = metric.to_owned();
        alert.labels.remove("instance");
        alert.labels.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        alert
    }

    #[test]
    fn an_alert_about_a_source_covers_what_comes_from_it() {
        let lost = |metric: &str, labels: &[(&str, &str)]| NoticeAlert { unknown_since: Some(5), ..of(metric, "own", labels) };
        let target = &[("job", "node"), ("instance", "a:9100")][..];
        let down = of("up", "scrape_target_down", target);
        for (about, lost, covered) in [
            (&down, lost("queue_depth", target), true),
            (&ended(&down, 900_000), lost("queue_depth", target), true),
            (&ended(&down, 800_000), lost("queue_depth", target), false),
            (&down, lost("queue_depth", &[("job", "node"), ("instance", "b:9100")]), false),
            (&down, lost("queue_depth", &[]), false),
            (&of("", HOST_SILENT, &[("instance", "db-1")]), lost("system_cpu_utilization_ratio", &[("instance", "db-1")]), true),
            (&of("", HOST_SILENT, &[("instance", "db-1")]), lost("system_cpu_utilization_ratio", &[]), false),
            (&of("taskpulse_source_up", "source_failing", &[("source", "github a/b")]), lost("github_actions_success_ratio", &[]), true),
            (&of("taskpulse_source_up", "source_failing", &[("source", "system")]), lost("system_cpu_utilization_ratio", &[]), true),
            (
                &of("taskpulse_source_up", "source_failing", &[("source", "system")]),
                lost("system_cpu_utilization_ratio", &[("instance", "db-1")]),
                false,
            ),
            (&of("taskpulse_source_up", "source_failing", &[("source", "probe shop")]), lost("probe_success", &[]), true),
            (&of("taskpulse_source_up", "source_failing", &[("source", "github")]), lost("queue_depth", &[]), false),
        ] {
            let alerts = [about.clone(), lost.clone()];
            let silent = SilentSources::among(alerts.iter(), 1_000_000);
            assert_eq!(silent.covers(&plan("ops"), &lost), covered, "{:?} of {:?}", lost.labels, about.labels);
            let errors = ChannelPlan { filter: Filter { severity: Severity::Error, ..Filter::default() }, ..plan("ops") };
            assert!(!silent.covers(&errors, &lost), "a channel that does not get the one gets the other");
        }
    }
}
