//! Sentences about what is not known any more, because its source is gone.

use super::figure::date;
use super::subject::{of_rule, short, subject};
use crate::metrics;
use crate::model::{Labels, TimestampMs};

/// An alert whose source sends nothing any more.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    /// The rule, where it judges the result of a query.
    pub queried: Option<&'a str>,
    /// The series, or the labels of the result.
    pub series: &'a Labels,
    /// The time of the newest sample.
    pub since: TimestampMs,
    /// What was said of it before.
    pub before: &'a str,
}

/// `CPU is not known any more: the source system gives no samples since 2026-11-27 08:00 UTC. Before: CPU 87 % for 4 min, above 80 %`.
#[must_use]
pub fn lost(lost: &Lost<'_>) -> String {
    let name = lost.queried.map_or_else(|| subject(lost.series), |rule| of_rule(rule, lost.series));
    let before = if lost.before.is_empty() { String::new() } else { format!(". Before: {}", lost.before) };
    format!("{name} is not known any more: {} since {}{before}", silent(lost), date(lost.since.div_euclid(1_000) as f64))
}

/// Who is silent, as far as the labels and the metric say it.
fn silent(lost: &Lost<'_>) -> String {
    if lost.queried.is_some() {
        return "what it is worked out from gives no samples".to_owned();
    }
    let own = metrics::source(lost.series.name());
    match (lost.series.get("job"), lost.series.get("instance"), own) {
        (Some(_), Some(instance), _) => format!("the target {} gives no samples", short(instance)),
        (None, Some(instance), _) => format!("the machine {} gives no samples", short(instance)),
        (_, None, Some(source)) => format!("the source {source} gives no samples"),
        (_, None, None) => "no samples".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_names_its_source_and_what_was_known() {
        let cpu = Labels::metric("system_cpu_utilization_ratio", &[]);
        let of_other = Labels::metric("system_cpu_utilization_ratio", &[("instance", "db-1")]);
        let queue = Labels::metric("queue_depth", &[("job", "shop"), ("instance", "a:9100")]);
        let pushed = Labels::metric("queue_depth", &[]);
        let result = Labels::of(vec![("q", "mail")]);
        for (queried, series, before, said) in [
            (
                None,
                &cpu,
                "CPU 87 %, above 80 %",
                "CPU is not known any more: the source system gives no samples since 2026-11-25 14:02 UTC. Before: CPU 87 %, above 80 %",
            ),
            (None, &of_other, "", "CPU on db-1 is not known any more: the machine db-1 gives no samples since 2026-11-25 14:02 UTC"),
            (
                None,
                &queue,
                "",
                "Queue depth · a:9100 · shop is not known any more: the target a:9100 gives no samples since 2026-11-25 14:02 UTC",
            ),
            (None, &pushed, "", "Queue depth is not known any more: no samples since 2026-11-25 14:02 UTC"),
            (
                Some("long_queue"),
                &result,
                "",
                "Long queue · mail is not known any more: what it is worked out from gives no samples since 2026-11-25 14:02 UTC",
            ),
        ] {
            assert_eq!(lost(&Lost { queried, series, since: 1_795_615_323_000, before }), said);
        }
    }
}
