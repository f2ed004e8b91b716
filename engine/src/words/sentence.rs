//! Sentences about a breach of a limit and about an unusual value.

use super::figure::{figure, figure_beside, lasted};
use super::subject::{channel, filled, of_rule, phrase, short};
use crate::metrics::is_counter;
use crate::model::{Comparison, Labels, clipped};

/// Longest reason in a sentence, in characters.
const MAX_REASON: usize = 200;

/// Metrics whose 1 is good and whose 0 is not: what 0 means, now and when it is over.
const DOWN: [(&str, &str, &str); 5] = [
    ("probe_success", "is down", "was down"),
    ("up", "is down", "was down"),
    ("heartbeat_up", "is late", "was late"),
    ("taskpulse_source_up", "cannot be read", "could not be read"),
    ("taskpulse_actor_up", "does not run", "did not run"),
];

/// A value that is compared with a limit.
#[derive(Debug, Clone, Copy)]
pub struct Breach<'a> {
    /// Of which series.
    pub series: &'a Labels,
    /// The newest value; none where it is not known.
    pub value: Option<f64>,
    /// How values are compared.
    pub op: Comparison,
    /// With what.
    pub limit: f64,
    /// How long the breach has lasted, ms.
    pub lasted_ms: i64,
    /// Whether it is over.
    pub over: bool,
    /// Why it is so, where the source says it: `connection refused`.
    pub reason: Option<&'a str>,
}

/// Whether a comparison of a metric means that something is down: its source may say why.
#[must_use]
pub fn says_down(metric: &str, op: Comparison, limit: f64) -> bool {
    down(metric, op, limit).is_some()
}

/// What a comparison of a metric means, now and when it is over, where it means that something is down.
fn down(metric: &str, op: Comparison, limit: f64) -> Option<(&'static str, &'static str)> {
    let means_down = op == Comparison::Equal && limit == 0.0 || op == Comparison::Less && limit == 1.0;
    DOWN.iter().find(|(name, ..)| *name == metric && means_down).map(|(_, is, was)| (*is, *was))
}

/// `CPU 87 % for 4 min, above 80 %`, `database is down: connection refused`, `CPU was above 80 % for 4 min`.
#[must_use]
pub fn breach(b: &Breach<'_>) -> String {
    let metric = b.series.name();
    let phrase = phrase(b.series);
    let why = b.reason.map(|reason| format!(": {}", clipped(reason, MAX_REASON))).unwrap_or_default();
    let span = if b.lasted_ms >= 1_000 { format!(" for {}", lasted(b.lasted_ms)) } else { String::new() };
    if let Some((is, was)) = down(metric, b.op, b.limit) {
        let (is, was) = if channel(b.series).is_some() { ("cannot deliver", "could not deliver") } else { (is, was) };
        return if b.over { format!("{phrase} {was}{span}") } else { format!("{phrase} {is}{span}{why}") };
    }
    let relation = relation(b.op);
    let (value, limit) = match b.value {
        Some(value) => figure_beside(metric, value, b.limit),
        None => ("an unknown value".to_owned(), figure(metric, b.limit)),
    };
    let has_place = phrase.contains("{value}");
    if b.over {
        // `CI on octo/site: fewer than …` would need a phrase of its own: the value, and that it is over, say the same.
        let subject = super::subject(b.series);
        return if has_place {
            format!("{subject}: {relation} {limit}{span}, now over")
        } else {
            format!("{subject} was {relation} {limit}{span}")
        };
    }
    let said = if has_place { phrase.replacen("{value}", &value, 1) } else { format!("{phrase} {value}") };
    format!("{said}{span}, {relation} {limit}{why}")
}

/// A sentence of a rule's own: the labels of the series, `{lasted}` and `{value}`, as a value of `metric`, are put into it. What ends
/// in a time that is over has ended.
#[must_use]
pub fn told(text: &str, series: &Labels, metric: &str, value: f64, lasted_ms: i64) -> String {
    let text = if value < 0.0 { text.replacen("ends in {value}", "ended {value} ago", 1) } else { text.to_owned() };
    let said = filled(&text.replacen("{lasted}", &lasted(lasted_ms), 1), series);
    let said = said.replacen("{value}", &figure(metric, value.abs()), 1);
    match series.get("instance") {
        Some(instance) if !text.contains("{instance}") => format!("{}: {said}", short(instance)),
        _ => said,
    }
}

/// A result of a query that a rule is about. Of the metric nothing is left, so the rule's name says what it is.
#[derive(Debug, Clone, Copy)]
pub struct QueryResult<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The labels of the result.
    pub series: &'a Labels,
    /// Its value.
    pub value: f64,
    /// What values are compared with, where that is a number.
    pub compares: Option<(Comparison, f64)>,
    /// Whether it says that samples are missing.
    pub absent: bool,
    /// How long it has been so, ms.
    pub lasted_ms: i64,
    /// Whether it is over.
    pub over: bool,
}

/// `Slow requests · shop: 6 for 4 min, above 2`, `Nightly backup · db: no samples for 2 h`.
#[must_use]
pub fn result(r: &QueryResult<'_>) -> String {
    let name = of_rule(r.rule, r.series);
    let span = if r.lasted_ms >= 1_000 { format!(" for {}", lasted(r.lasted_ms)) } else { String::new() };
    if r.absent {
        return if r.over { format!("{name}: samples come again, after none{span}") } else { format!("{name}: no samples{span}") };
    }
    let metric = r.series.name();
    match r.compares {
        Some((op, limit)) => {
            let (value, limit) = figure_beside(metric, r.value, limit);
            let relation = relation(op);
            if r.over { format!("{name} was {relation} {limit}{span}") } else { format!("{name}: {value}{span}, {relation} {limit}") }
        }
        None if r.over => {
            format!("{name}: over{}", if span.is_empty() { span } else { format!(", after{}", span.trim_start_matches(" for")) })
        }
        None => format!("{name}: {}{span}", figure(metric, r.value)),
    }
}

fn relation(op: Comparison) -> &'static str {
    match op {
        Comparison::Greater => "above",
        Comparison::GreaterEqual => "at or above",
        Comparison::Less => "below",
        Comparison::LessEqual => "at or below",
        Comparison::Equal => "equal to",
        Comparison::NotEqual => "other than",
    }
}

/// Where a value was expected, and how often the series is that unusual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// Lowest expected value.
    pub low: f64,
    /// Highest expected value.
    pub high: f64,
    /// In how many of the stretches before it the series was as unusual.
    pub reached_by: u32,
    /// How much was compared, ms.
    pub compared_ms: i64,
}

/// `CPU 87 % is unusual: 10 % to 40 % was expected; as unusual once before in 30 d`. Values of a counter are rates.
#[must_use]
pub fn unusual(series: &Labels, value: f64, expected: Option<&Expectation>) -> String {
    let metric = series.name();
    let per_second = is_counter(metric);
    let shown = |v: f64| if per_second { format!("{}/s", figure(metric, v)) } else { figure(metric, v) };
    let phrase = phrase(series);
    let said = if phrase.contains("{value}") { phrase.replacen("{value}", &shown(value), 1) } else { format!("{phrase} {}", shown(value)) };
    let Some(e) = expected else { return format!("{said} is unusual") };
    let often = match e.reached_by {
        0 => format!("never so unusual in {}", lasted(e.compared_ms)),
        1 => format!("as unusual once before in {}", lasted(e.compared_ms)),
        n => format!("as unusual {n} times before in {}", lasted(e.compared_ms)),
    };
    let inside = value >= e.low && value <= e.high;
    let (low, high) = (shown(e.low), shown(e.high));
    // A value inside its band is unusual by its course: a leak, a shape, a calm.
    let course = if inside { "by its course; " } else { "" };
    let range = if low == high { low } else { format!("{low} to {high}") };
    format!("{said} is unusual{}{course}{range} was expected; {often}", if inside { " " } else { ": " })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_is_one_plain_sentence() {
        let labels = |name: &str, pairs: &[(&str, &str)]| Labels::metric(name, pairs);
        let (cpu, ci) = (labels("system_cpu_utilization_ratio", &[]), labels("github_actions_success_ratio", &[("repo", "octo/site")]));
        let (probe, unknown) = (labels("probe_success", &[("target", "database")]), labels("queue_depth", &[("queue", "mail")]));
        let source = |name: &str| labels("taskpulse_source_up", &[("source", name)]);
        let at = |series, value, op, limit| Breach { series, value: Some(value), op, limit, lasted_ms: 240_000, over: false, reason: None };
        for (breach_of, text) in [
            (at(&cpu, 0.87, Comparison::Greater, 0.8), "CPU 87 % for 4 min, above 80 %"),
            (at(&cpu, 0.800_04, Comparison::Greater, 0.8), "CPU 80.004 % for 4 min, above 80 %"),
            (Breach { lasted_ms: 0, ..at(&cpu, 0.87, Comparison::Greater, 0.8) }, "CPU 87 %, above 80 %"),
            (Breach { over: true, ..at(&cpu, 0.3, Comparison::Greater, 0.8) }, "CPU was above 80 % for 4 min"),
            (Breach { value: None, ..at(&cpu, 0.0, Comparison::Greater, 0.8) }, "CPU an unknown value for 4 min, above 80 %"),
            (at(&ci, 0.895, Comparison::Less, 0.9), "CI on octo/site: 89.5 % of runs succeed for 4 min, below 90 %"),
            (
                Breach { lasted_ms: 0, reason: Some("connection refused"), ..at(&probe, 0.0, Comparison::Equal, 0.0) },
                "database is down: connection refused",
            ),
            (Breach { over: true, ..at(&probe, 1.0, Comparison::Less, 1.0) }, "database was down for 4 min"),
            (
                Breach { lasted_ms: 0, reason: Some("status 500"), ..at(&source("channel ops"), 0.0, Comparison::Equal, 0.0) },
                "Channel ops cannot deliver: status 500",
            ),
            (Breach { over: true, ..at(&source("channel ops"), 1.0, Comparison::Equal, 0.0) }, "Channel ops could not deliver for 4 min"),
            (at(&source("github a/b"), 0.0, Comparison::Equal, 0.0), "Source github a/b cannot be read for 4 min"),
            (at(&unknown, 12.0, Comparison::GreaterEqual, 10.0), "Queue depth · mail 12 for 4 min, at or above 10"),
        ] {
            assert_eq!(breach(&breach_of), text);
        }
    }

    #[test]
    fn a_metric_of_others_is_named_by_its_help_text() {
        crate::words::learn("sentence_test_bytes", "Size of what waits.");
        let series = Labels::metric("sentence_test_bytes", &[("queue", "out"), ("instance", "a:1")]);
        let at = Breach {
            series: &series,
            value: Some(2_048.0),
            op: Comparison::Greater,
            limit: 1_024.0,
            lasted_ms: 0,
            over: false,
            reason: None,
        };
        assert_eq!(breach(&at), "Size of what waits · a:1 · out: 2 KiB, above 1 KiB");
        assert_eq!(
            breach(&Breach { over: true, lasted_ms: 60_000, ..at }),
            "Size of what waits · a:1 · out: above 1 KiB for 1 min, now over"
        );
        assert_eq!(unusual(&series, 2_048.0, None), "Size of what waits · a:1 · out: 2 KiB is unusual");
    }

    #[test]
    fn a_result_of_a_query_is_named_by_its_rule_and_its_labels() {
        let queue = Labels::of(vec![("q", "mail")]);
        let none = Labels::none();
        let compares = Some((Comparison::Greater, 2.0));
        for (series, value, compares, absent, over, said) in [
            (&queue, 6.0, compares, false, false, "Long queue · mail: 6 for 4 min, above 2"),
            (&queue, 1.0, compares, false, true, "Long queue · mail was above 2 for 4 min"),
            (&none, 6.0, None, false, false, "Long queue: 6 for 4 min"),
            (&none, 6.0, None, false, true, "Long queue: over, after 4 min"),
            (&queue, 1.0, None, true, false, "Long queue · mail: no samples for 4 min"),
            (&queue, 1.0, None, true, true, "Long queue · mail: samples come again, after none for 4 min"),
        ] {
            let result = QueryResult { rule: "long_queue", series, value, compares, absent, lasted_ms: 240_000, over };
            assert_eq!(super::result(&result), said);
        }
    }

    #[test]
    fn a_sentence_names_the_machine_of_others() {
        let cpu = Labels::metric("system_cpu_utilization_ratio", &[("instance", "db-1")]);
        let breach =
            Breach { series: &cpu, value: Some(0.87), op: Comparison::Greater, limit: 0.8, lasted_ms: 0, over: false, reason: None };
        assert_eq!(super::breach(&breach), "CPU on db-1 87 %, above 80 %");
        assert_eq!(told("The kernel ended a process", &cpu, "", 1.0, 0), "db-1: The kernel ended a process");
        assert_eq!(told("Nothing comes from {instance}", &cpu, "", 1.0, 0), "Nothing comes from db-1");
    }

    #[test]
    fn a_sentence_of_a_rule_has_labels_value_and_length() {
        let series = Labels::of(vec![("target", "shop")]);
        let ends = "The certificate of {target} ends in {value}";
        for (text, metric, value, shown) in [
            (ends, "_seconds", 259_200.0, "The certificate of shop ends in 3 d"),
            (ends, "_seconds", -7_200.0, "The certificate of shop ended 2 h ago"),
            ("Nothing came from {target} for {lasted}", "", 1.0, "Nothing came from shop for 4 min"),
            ("The machine reads {value} back", "_bytes_per_second", 5_242_880.0, "The machine reads 5 MiB/s back"),
        ] {
            assert_eq!(told(text, &series, metric, value, 240_000), shown);
        }
    }

    #[test]
    fn an_unusual_value_says_what_was_expected_and_how_rare_it_is() {
        let expected = Expectation { low: 0.1, high: 0.4, reached_by: 1, compared_ms: 30 * 86_400_000 };
        let cpu = Labels::metric("system_cpu_utilization_ratio", &[]);
        let net = Labels::metric("system_network_io_bytes_total", &[("device", "eth0"), ("direction", "receive")]);
        for (series, value, expected, text) in [
            (&cpu, 0.87, Some(expected), "CPU 87 % is unusual: 10 % to 40 % was expected; as unusual once before in 30 d"),
            (
                &cpu,
                0.87,
                Some(Expectation { reached_by: 0, ..expected }),
                "CPU 87 % is unusual: 10 % to 40 % was expected; never so unusual in 30 d",
            ),
            (
                &cpu,
                0.3,
                Some(Expectation { reached_by: 4, ..expected }),
                "CPU 30 % is unusual by its course; 10 % to 40 % was expected; as unusual 4 times before in 30 d",
            ),
            (&net, 2048.0, None, "Network eth0 receive 2 KiB/s is unusual"),
        ] {
            assert_eq!(unusual(series, value, expected.as_ref()), text);
        }
    }
}
