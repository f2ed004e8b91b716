//! Questions about budgets, runners, machines, commits and the like, of which each has few forms.

use super::wanted::{Found, NOT_TOGETHER};
use super::{Ask, Atom, Refusal, Said, Stat, Subject, Wanted};
use crate::ask::Trend;

/// Sizes whose growth can be asked for, by the subject of the question.
const SIZES: [(Subject, Subject); 8] = [
    (Subject::Disk, Subject::DiskUsed),
    (Subject::DiskUsed, Subject::DiskUsed),
    (Subject::Memory, Subject::MemoryUsed),
    (Subject::MemoryUsed, Subject::MemoryUsed),
    (Subject::Swap, Subject::Swap),
    (Subject::ProcessMemory, Subject::ProcessMemory),
    (Subject::UnitMemory, Subject::UnitMemory),
    (Subject::StoreSize, Subject::StoreSize),
];

impl Said<'_> {
    /// Whether neither a comparison nor a limit nor a statistic is asked for.
    fn plain(&self) -> bool {
        let slots = self.slots;
        let compared = slots.than || slots.before || !slots.other.is_empty() || slots.trend.is_some();
        !compared && slots.limit.is_none() && slots.stat.is_none() && slots.better.is_none() && !self.why()
    }

    /// What is wanted of subjects with few forms of questions; none of all others.
    pub(super) fn of_few_ways(&self, subject: Subject) -> Option<Found> {
        let slots = self.slots;
        let plain = self.plain() && slots.extreme.is_none();
        let one = |fits: bool, wanted: Wanted| Some(if fits { Ok((wanted, subject)) } else { Err(Refusal::new(NOT_TOGETHER)) });
        let value = Wanted::Value(Stat::Usual);
        match subject {
            Subject::Budget => {
                let ahead = slots.will || self.asks(&[Ask::When, Ask::HowLong]);
                one(plain && !self.is(Ask::HowOften), if ahead { Wanted::Forecast } else { value })
            }
            Subject::Runners => one(plain && !slots.will && slots.time.is_empty(), value),
            Subject::Verdicts => one(plain && !slots.will && slots.time.is_empty(), Wanted::List),
            Subject::CiBroken => {
                let which = self.asks(&[Ask::Which, Ask::What, Ask::Who, Ask::Show]) || slots.ask.is_none();
                one(plain && which && !slots.will && slots.time.is_empty(), value)
            }
            Subject::HostState => {
                if slots.was || !slots.time.is_empty() || slots.ever || slots.lately {
                    return Some(Err(Refusal::new(
                        "Whether a machine was up at another time is not kept; whether it sends samples now is",
                    )));
                }
                let down = self.has(Atom::Down);
                one(plain && !slots.will && (self.asks(&[Ask::Yes, Ask::How, Ask::What]) || slots.ask.is_none()), Wanted::State(!down))
            }
            Subject::Slower => {
                let fits = slots.trend == Some(Trend::Up) && slots.limit.is_none() && slots.stat.is_none() && slots.extreme.is_none();
                let asked = self.asks(&[Ask::What, Ask::Which, Ask::Yes]) && !slots.will;
                one(fits && asked && !self.why(), Wanted::Compared(slots.trend))
            }
            Subject::Cpu | Subject::Load | Subject::Memory | Subject::Disk if self.has(Atom::Ok) => {
                one(plain && slots.time.is_empty() && !slots.was && self.asks(&[Ask::Yes, Ask::How]), Wanted::State(true))
            }
            _ => None,
        }
    }

    /// Money of CI runs.
    pub(super) fn ci_cost(&self) -> Found {
        let slots = self.slots;
        if self.has(Atom::Last) && slots.time.is_empty() {
            return Err(Refusal::new("What a single run cost is not said; what all of a time cost is"));
        }
        if !matches!(slots.stat, None | Some(Stat::Total))
            || self.asks(&[Ask::HowMany, Ask::HowLong, Ask::HowOften, Ask::HowFast, Ask::When])
        {
            return Err(Refusal::new(NOT_TOGETHER));
        }
        let wanted = match (slots.extreme, self.asks(&[Ask::Which, Ask::Who])) {
            (Some(false), _) => Wanted::Least,
            (Some(true), _) | (None, true) => Wanted::Most,
            (None, false) => Wanted::Value(slots.stat.unwrap_or(Stat::Usual)),
        };
        Ok((wanted, Subject::CiCost))
    }

    /// "When did CI get slower": since which commit. Of other things no such moment is known.
    pub(super) fn moment(&self, subject: Subject) -> Found {
        match (subject, self.slots.trend) {
            (Subject::CiDuration, Some(Trend::Up)) if self.slots.time.is_empty() => Ok((Wanted::Value(Stat::Usual), Subject::CiShifted)),
            _ => Err(Refusal::new(
                "When it became more or less is not worked out; two times can be compared, and a limit such as \"above 90 %\" has times",
            )),
        }
    }

    /// "How fast is the disk filling".
    pub(super) fn growth(&self, subject: Subject) -> Found {
        let slots = self.slots;
        let found = SIZES.iter().find(|(asked, _)| *asked == subject).map(|(_, size)| *size);
        match found {
            Some(size) if !slots.than && !slots.before && slots.other.is_empty() => Ok((Wanted::Growth, size)),
            _ => Err(Refusal::new("How fast a level changes is said of sizes; two times of it can be compared")),
        }
    }

    /// "Which tasks depend on task 3", "what blocks task 4".
    pub(super) fn waiting(&self, dependents: bool) -> Found {
        if self.asks(&[Ask::HowLong, Ask::HowOften, Ask::HowFast, Ask::When, Ask::Why]) {
            return Err(Refusal::new("Which tasks wait for one, and which it waits for, can be asked for"));
        }
        let subject = if dependents { Subject::Dependents } else { Subject::Dependencies };
        Ok((if self.is(Ask::HowMany) { Wanted::Count } else { Wanted::List }, subject))
    }
}
