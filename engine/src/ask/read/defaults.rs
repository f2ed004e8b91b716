//! The times of a question, and those that stand where none was said.

use super::{Kind, Range, Refusal, Said, Subject, Wanted, in_place_of, measure};
use crate::ask::when::Clock;
use crate::ask::{CrossingAs, Stat};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

impl Said<'_> {
    /// When, and compared with when.
    pub(super) fn times(
        &self,
        wanted: Wanted,
        subject: Subject,
        metric: Option<&str>,
        clock: &Clock,
    ) -> Result<(Option<Range>, Option<Range>), Refusal> {
        let slots = self.slots;
        let said = match slots.time.is_empty() {
            true => None,
            false => Some(
                slots
                    .time
                    .range(clock)
                    .ok_or_else(|| Refusal::new("The time makes no range; say it as \"yesterday\" or \"between 9 and 12\""))?,
            ),
        };
        let other = match slots.other.is_empty() {
            true => None,
            false => Some(slots.other.range(clock).ok_or_else(|| Refusal::new("The time that is compared with makes no range"))?),
        };
        if wanted == Wanted::Forecast {
            // "Will the disk be full this week" has a time of the future, which the answer names.
            return if said.is_some() { Err(Refusal::new("A forecast says when; leave out the time")) } else { Ok((None, None)) };
        }
        for range in [said, other].into_iter().flatten() {
            if range.start >= clock.now {
                return Err(Refusal::new("That time is in the future, and nothing is known of it"));
            }
            if range.start < 0 {
                return Err(Refusal::new("That time is before all times that are kept"));
            }
        }
        let clamped = |range: Range| Range { end: range.end.min(clock.now), ..range };
        let (said, other) = (said.map(clamped), other.map(clamped));
        if matches!(wanted, Wanted::Compared(_)) {
            return self.compared_times(subject, said, other, clock);
        }
        if let Wanted::Why(_) = wanted {
            if other.is_some() || slots.before {
                return self.compared_times(subject, said, other, clock);
            }
            let time = said.unwrap_or_else(|| {
                last(
                    if events(subject) {
                        WEEK
                    } else if flag(subject) {
                        DAY
                    } else {
                        HOUR
                    },
                    clock,
                )
            });
            let time = if subject == Subject::Alerts { said } else { Some(time) };
            return Ok((time, None));
        }
        if matches!(wanted, Wanted::State(_) | Wanted::Help) && said.is_none() {
            // "Was the shop down", "has it ever been down".
            let past = (slots.was && !slots.now && !slots.since) || slots.lately || slots.ever;
            let asked = matches!(wanted, Wanted::State(_)) && (flag(subject) || subject == Subject::Everything);
            return Ok(((past && asked).then(|| last(if slots.ever { 30 * DAY } else { DAY }, clock)), None));
        }
        Ok((said.or_else(|| self.usual(wanted, subject, metric, clock)), None))
    }

    /// What stands where no time was said; none for now, or for all that is kept.
    fn usual(&self, wanted: Wanted, subject: Subject, metric: Option<&str>, clock: &Clock) -> Option<Range> {
        let slots = self.slots;
        let past = slots.was || slots.lately;
        let kind = measure(subject).map(|measure| measure.kind);
        let counter = kind == Some(Kind::Counter) || metric.is_some_and(|metric| metric.ends_with("_total"));
        match wanted {
            Wanted::Growth => Some(last(DAY, clock)),
            _ if matches!(subject, Subject::Budget | Subject::CiBroken | Subject::CiShifted | Subject::Runners | Subject::Verdicts) => None,
            Wanted::Crossed(crossing) if crossing.wanted == CrossingAs::LastTime => Some(last(30 * DAY, clock)),
            Wanted::Value(_) | Wanted::Most | Wanted::Least | Wanted::Count | Wanted::Downtime if slots.ever && slots.task.is_none() => {
                Some(last(30 * DAY, clock))
            }
            Wanted::Count if past && flag(subject) => Some(last(DAY, clock)),
            Wanted::LastTime | Wanted::Help | Wanted::Forecast | Wanted::State(_) => None,
            Wanted::Happened | Wanted::BeforeAlert if slots.prior => None,
            Wanted::Happened => Some(last(DAY, clock)),
            Wanted::Crossed(crossing) if crossing.wanted == CrossingAs::Whether && slots.now && !past && !events(subject) => None,
            Wanted::Crossed(_) if slots.ever => Some(last(30 * DAY, clock)),
            Wanted::Crossed(crossing) if crossing.wanted == CrossingAs::Whether && !past && !events(subject) => None,
            Wanted::Crossed(_) | Wanted::Downtime => Some(last(if events(subject) { WEEK } else { DAY }, clock)),
            _ if slots.task.is_some() => None,
            Wanted::Most | Wanted::Least
                if matches!(subject, Subject::Cost | Subject::Tokens | Subject::TaskTime | Subject::Complexity) =>
            {
                None
            }
            Wanted::Most if subject == Subject::Alerts => Some(last(WEEK, clock)),
            Wanted::Most if matches!(subject, Subject::Probe | Subject::Heartbeat | Subject::Scraped) => Some(last(DAY, clock)),
            _ if events(subject) => Some(last(WEEK, clock)),
            _ if matches!(subject, Subject::Completed | Subject::Reopened) => Some(last(WEEK, clock)),
            // "Disk I/O now": the rate of the last minutes.
            Wanted::Value(Stat::Usual) | Wanted::Most | Wanted::Least if counter && slots.now && !past && has_rate(subject) => None,
            _ if counter || matches!(subject, Subject::Cost | Subject::Tokens | Subject::AgentTime) => Some(last(DAY, clock)),
            Wanted::TimeOf(_) => Some(last(DAY, clock)),
            Wanted::Value(stat) if stat != Stat::Usual && !slots.now => Some(last(DAY, clock)),
            Wanted::Value(_) if self.has_availability(subject) => Some(last(DAY, clock)),
            Wanted::List | Wanted::Count if subject == Subject::Alerts && !past && !self.fired_before() => None,
            Wanted::List | Wanted::Count if subject == Subject::Alerts => Some(last(DAY, clock)),
            Wanted::Count if subject == Subject::Anomalies || subject == Subject::Events => Some(last(DAY, clock)),
            Wanted::Value(_) | Wanted::Most | Wanted::Least if past && !current(subject) => Some(last(DAY, clock)),
            _ => None,
        }
    }

    fn has_availability(&self, subject: Subject) -> bool {
        matches!(subject, Subject::Probe | Subject::Heartbeat | Subject::Scraped)
    }

    /// "How many alerts fired": those of the past.
    fn fired_before(&self) -> bool {
        self.slots.count.is_some()
    }

    fn compared_times(
        &self,
        subject: Subject,
        said: Option<Range>,
        other: Option<Range>,
        clock: &Clock,
    ) -> Result<(Option<Range>, Option<Range>), Refusal> {
        let slots = self.slots;
        let before = |range: Range| slots.time.before(clock).unwrap_or(Range { start: range.start - range.length(), end: range.start });
        let (time, compared) = match (said, other) {
            (Some(time), Some(other)) => (time, other),
            (None, Some(other)) => {
                let time = in_place_of(&slots.other, clock);
                let time = time.ok_or_else(|| Refusal::new("What is compared with that time is missing; say both times"))?;
                (time, other)
            }
            (Some(time), None) => (time, before(time)),
            (None, None)
                if events(subject)
                    || matches!(subject, Subject::Completed | Subject::Throughput | Subject::Cost | Subject::Tokens | Subject::Alerts) =>
            {
                (last(WEEK, clock), Range { start: clock.now - 2 * WEEK, end: clock.now - WEEK })
            }
            // Against the week before: what is usual.
            (None, None) => {
                let length = if slots.before && !slots.now { DAY } else { HOUR };
                let start = clock.now - length;
                (last(length, clock), Range { start: start - WEEK, end: start })
            }
        };
        // "From last week to this one": the earlier time is what is compared with, unless the question says which is the more of both.
        let compare = slots.ask == Some(super::Ask::Compare) || slots.trend.is_none();
        let (time, compared) = if compare && time.start < compared.start { (compared, time) } else { (time, compared) };
        if time == compared {
            return Err(Refusal::new("Both times are the same"));
        }
        Ok((Some(time), Some(compared)))
    }
}

fn last(length: i64, clock: &Clock) -> Range {
    Range { start: clock.now - length, end: clock.now }
}

fn events(subject: Subject) -> bool {
    measure(subject).is_some_and(|measure| measure.kind == Kind::Events)
        || matches!(subject, Subject::CiJobs | Subject::CiJobFailures | Subject::CiCost | Subject::Slower)
}

fn flag(subject: Subject) -> bool {
    measure(subject).is_some_and(|measure| measure.kind == Kind::Flag)
}

/// Counters of which a rate is said.
fn has_rate(subject: Subject) -> bool {
    matches!(
        subject,
        Subject::DiskIo
            | Subject::DiskRead
            | Subject::DiskWrite
            | Subject::Network
            | Subject::NetworkIn
            | Subject::NetworkOut
            | Subject::UnitCpu
            | Subject::UnitIo
            | Subject::ServiceCpu
            | Subject::Any
    )
}

/// Subjects that are about now, however they are asked for.
fn current(subject: Subject) -> bool {
    matches!(subject, Subject::Uptime | Subject::Completion)
}
