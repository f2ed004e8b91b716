//! A figure: its value, who has most of it, or when it was at its highest.

use super::wanted::{Found, NOT_TOGETHER};
use super::{Ask, Atom, Kind, LASTING, Meaning, Refusal, Said, Stat, Subject, Wanted, measure};

/// Figures that are numbers of something.
const COUNTABLE: [Subject; 17] = [
    Subject::Processes,
    Subject::OomKills,
    Subject::Completed,
    Subject::Reopened,
    Subject::Throughput,
    Subject::Tokens,
    Subject::Series,
    Subject::Samples,
    Subject::CriticalPath,
    Subject::Complexity,
    Subject::Any,
    Subject::CiJobTime,
    Subject::CiWasted,
    Subject::CiJobFailures,
    Subject::Cost,
    Subject::CiFailure,
    Subject::CiSuccess,
];

impl Said<'_> {
    pub(super) fn certificate(&self) -> Wanted {
        let first = self.slots.extreme.is_some() || (self.has(Atom::Next) || self.has(Atom::Anything) || self.asks(&[Ask::Which]));
        if first { Wanted::List } else { Wanted::Forecast }
    }

    /// A figure: its value, who has most of it, or when it was at its highest.
    pub(super) fn figure(&self, subject: Subject) -> Found {
        let slots = self.slots;
        let by = measure(subject).map(|measure| measure.by).unwrap_or_default();
        let asked_who = self.asks(&[Ask::Which, Ask::Who, Ask::Where])
            || (self.is(Ask::What) && self.atoms.any(&[Atom::Use, Atom::Read, Atom::Write]) && !self.has(Atom::Io) && !self.named);
        let entity = match subject {
            Subject::ProcessCpu | Subject::ProcessMemory | Subject::ProcessIo | Subject::ProcessRead | Subject::ProcessWrite => !self.named,
            Subject::UnitCpu | Subject::UnitMemory | Subject::UnitIo => !self.named,
            Subject::CiJobs | Subject::CiJobFailures => !self.named,
            Subject::Disk => self.has(Atom::Full) && !self.named,
            Subject::ProbeTime => !self.named,
            Subject::TaskTime | Subject::Cost | Subject::Tokens => self.has(Atom::Task),
            _ => self.has(Atom::Workflow),
        };
        if subject == Subject::Processes
            && (slots.extreme.is_some()
                || !self.asks(&[Ask::HowMany, Ask::What, Ask::Show]) && slots.ask.is_some() && !self.asks(&[Ask::Yes]))
        {
            return if slots.extreme == Some(true) {
                Ok((Wanted::Most, Subject::ProcessCpu))
            } else {
                Err(Refusal::new("What is asked of the processes is missing: CPU, memory or disk I/O"))
            };
        }
        if subject == Subject::Processes && self.named {
            return Err(Refusal::new("What is asked of the process is missing: CPU, memory or disk I/O"));
        }
        let ranked = matches!(subject, Subject::Cost | Subject::Tokens | Subject::TaskTime | Subject::CiJobs | Subject::CiJobFailures)
            || !by.is_empty();
        let wanted = match (slots.extreme, slots.ask) {
            (Some(high), Some(Ask::When)) => Wanted::TimeOf(if high { Stat::Highest } else { Stat::Lowest }),
            (Some(high), _) if ranked && (asked_who || entity) => {
                if high {
                    Wanted::Most
                } else {
                    Wanted::Least
                }
            }
            (Some(high), _) => Wanted::Value(if high { Stat::Highest } else { Stat::Lowest }),
            (None, Some(Ask::Which | Ask::Who | Ask::Where)) if ranked => Wanted::Most,
            (None, _) if asked_who && ranked => Wanted::Most,
            (None, Some(Ask::Which | Ask::Who | Ask::Where)) => return Err(Refusal::new(NOT_TOGETHER)),
            (None, Some(Ask::Show)) if entity => Wanted::Most,
            (None, Some(Ask::When)) if subject == Subject::Uptime => Wanted::Value(Stat::Usual),
            (None, Some(Ask::HowMany)) if !COUNTABLE.contains(&subject) => {
                return Err(Refusal::new("How many of them there are is not what is measured"));
            }
            (None, Some(Ask::When)) => return Err(Refusal::new("When what? A highest or lowest value, or a limit, has a time")),
            (None, Some(Ask::HowLong | Ask::HowFast))
                if !LASTING.contains(&subject) && !matches!(subject, Subject::Uptime | Subject::CiJobTime | Subject::CiWasted) =>
            {
                return Err(Refusal::new("How long what? A limit is missing, such as \"above 90 %\""));
            }
            (None, Some(Ask::HowOften))
                if !matches!(
                    subject,
                    Subject::OomKills
                        | Subject::Reopened
                        | Subject::CiFailure
                        | Subject::CiSuccess
                        | Subject::CiFlaky
                        | Subject::CiJobFailures
                ) =>
            {
                return Err(Refusal::new("How often what? A limit is missing, such as \"above 90 %\""));
            }
            (None, None | Some(Ask::What | Ask::HowMany)) if matches!(subject, Subject::CiJobs | Subject::CiJobFailures) && !self.named => {
                Wanted::Most
            }
            (None, _) => Wanted::Value(slots.stat.unwrap_or(Stat::Usual)),
        };
        if matches!(wanted, Wanted::Value(Stat::Highest | Stat::Lowest) | Wanted::TimeOf(_)) {
            if slots.stat.is_some() {
                return Err(Refusal::new("A mean and a highest or lowest value are asked for together"));
            }
            let kind = measure(subject).map_or(Some(Kind::Gauge).filter(|_| subject == Subject::Any), |measure| Some(measure.kind));
            let counted = matches!(subject, Subject::CiFailure | Subject::CiSuccess);
            if counted || !matches!(kind, Some(Kind::Gauge | Kind::Events | Kind::Counter)) {
                return Err(Refusal::new("A highest or lowest value can be asked for of levels, rates and durations"));
            }
        }
        if self.has(Atom::Total) && slots.stat.is_none() && !matches!(subject, Subject::Cost | Subject::Tokens) {
            return Err(Refusal::new(NOT_TOGETHER));
        }
        Ok((wanted, subject))
    }
}

/// Whether a mean, a quantile or a total can be said of what is meant.
pub(super) fn stat_fits(stat: Stat, meaning: &Meaning) -> bool {
    let kind = match meaning.subject {
        Subject::CiFailure | Subject::CiSuccess | Subject::CiRuns | Subject::CiFailures | Subject::CiSuccesses | Subject::CiCancelled => {
            return false;
        }
        Subject::Cost | Subject::CiCost | Subject::Tokens | Subject::AgentTime => {
            return stat == Stat::Total && matches!(meaning.wanted, Wanted::Value(_));
        }
        Subject::CiJobs => return stat == Stat::Mean,
        Subject::Any if meaning.metric.as_ref().is_some_and(|metric| metric.ends_with("_total")) => Kind::Counter,
        Subject::Any => Kind::Gauge,
        subject => match measure(subject) {
            Some(measure) => measure.kind,
            None => return false,
        },
    };
    let median = matches!(stat, Stat::Quantile(q) if (q - 0.5).abs() < 1e-9);
    match (meaning.wanted, kind) {
        (Wanted::Value(_), _) if meaning.time.is_none() => false,
        (Wanted::Value(_), Kind::Events) => meaning.task.is_none(),
        (Wanted::Value(_), Kind::Gauge) => stat != Stat::Total,
        (Wanted::Value(_), Kind::Counter) => matches!(stat, Stat::Total | Stat::Mean),
        (Wanted::Value(_), Kind::Flag) => stat == Stat::Mean,
        (Wanted::Most | Wanted::Least | Wanted::Compared(_), Kind::Gauge) => stat == Stat::Mean && meaning.time.is_some(),
        (Wanted::Most | Wanted::Least | Wanted::Compared(_), Kind::Events) => median,
        (Wanted::Most | Wanted::Least | Wanted::Compared(_), Kind::Counter) => stat == Stat::Total,
        _ => false,
    }
}
