//! Limits: whether, when, how long and how often something passed one.

use super::wanted::Found;
use super::{Ask, Atom, Crossing, CrossingAs, Kind, Quantity, Refusal, Said, Subject, Wanted, measure};

/// Notions that say where tasks are that are not done.
const UNFINISHED: [Atom; 9] =
    [Atom::Open, Atom::Pending, Atom::InProgress, Atom::Blocked, Atom::Ready, Atom::Review, Atom::Deferred, Atom::Left, Atom::Active];

impl Said<'_> {
    pub(super) fn crossed(&self, subject: Subject, above: bool, quantity: Quantity) -> Found {
        let unfinished = self.atoms.any(&UNFINISHED);
        if unfinished && matches!((subject, quantity), (Subject::Tasks | Subject::TaskTime, Quantity::Seconds(_))) {
            return Err(Refusal::new("How long tasks have been where they are is not compared with a limit; of done tasks it is"));
        }
        // A number of tasks or runs is a sum of several series.
        if matches!(subject, Subject::Tasks | Subject::Subtasks | Subject::CiActive) && !matches!(quantity, Quantity::Seconds(_)) {
            return Err(Refusal::new("Whether there are so many is not asked; how many there are is"));
        }
        let subject = match (subject, quantity) {
            (Subject::CiRuns, Quantity::Seconds(_)) => Subject::CiDuration,
            (Subject::Tasks, Quantity::Seconds(_)) => Subject::TaskTime,
            (Subject::Probe, Quantity::Seconds(_)) => Subject::ProbeTime,
            (other, _) => other,
        };
        let wanted = match self.slots.ask {
            Some(Ask::When) if self.has(Atom::Last) => CrossingAs::LastTime,
            Some(Ask::When) => CrossingAs::When,
            Some(Ask::HowLong) => CrossingAs::HowLong,
            Some(Ask::HowOften | Ask::HowMany) => CrossingAs::HowOften,
            _ => CrossingAs::Whether,
        };
        let unit = measure(subject).map(|measure| limit_of(measure.metric, measure.kind, quantity));
        let limit = match (subject, unit) {
            (Subject::Any, _) => match quantity {
                Quantity::Plain(v) | Quantity::Bytes(v) | Quantity::Seconds(v) | Quantity::Degrees(v) => Some(v),
                Quantity::Percent(v) => Some(v / 100.0),
            },
            (_, Some(limit)) => limit,
            _ => return Err(Refusal::new("A limit can be asked for of figures")),
        };
        let Some(limit) = limit else { return Err(Refusal::new("The unit of the limit is not that of what is asked for")) };
        let kind = measure(subject).map(|measure| measure.kind);
        let shares = matches!(
            subject,
            Subject::CiSuccess | Subject::CiFailure | Subject::CiFailures | Subject::CiSuccesses | Subject::CiRuns | Subject::CiCancelled
        );
        if matches!(kind, Some(Kind::Flag | Kind::Date | Kind::Counter)) || shares {
            return Err(Refusal::new("A limit can be asked for of levels and durations"));
        }
        Ok((Wanted::Crossed(Crossing { above, limit, wanted }), subject))
    }
}

/// A limit in the unit of a metric; none where the units do not fit.
fn limit_of(metric: &str, kind: Kind, quantity: Quantity) -> Option<f64> {
    let unit = crate::metrics::describe(metric).map(|metric| metric.unit).unwrap_or_default();
    Some(match (unit, quantity) {
        ("ratio", Quantity::Percent(v)) => v / 100.0,
        ("ratio", Quantity::Plain(v)) if metric.starts_with("process_cpu") => v,
        ("ratio", Quantity::Plain(v)) => {
            if v <= 1.0 {
                v
            } else {
                v / 100.0
            }
        }
        ("bytes" | "bytes_per_second", Quantity::Bytes(v))
        | ("seconds", Quantity::Seconds(v))
        | ("celsius", Quantity::Degrees(v) | Quantity::Plain(v)) => v,
        ("", Quantity::Plain(v)) => v,
        ("seconds", Quantity::Plain(_)) if kind == Kind::Events => return None,
        _ => return None,
    })
}
