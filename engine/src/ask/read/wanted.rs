//! What is wanted of a subject.

use super::{Ask, Atom, FUTURE, Kind, Refusal, Said, Subject, Wanted, measure};
use crate::ask::{Stat, Trend};

pub(super) type Found = Result<(Wanted, Subject), Refusal>;

const OF_ONE_TASK: &str = "Of one task its state, its cost, its tokens and its time can be asked for";
pub(super) const NOT_TOGETHER: &str = "That is not asked in this way";

impl Said<'_> {
    pub(super) fn wanted(&self, subject: Subject) -> Found {
        let slots = self.slots;
        if subject == Subject::Grammar {
            return Ok((Wanted::Help, subject));
        }
        if slots.since && slots.limit.is_none() {
            return self.since_when(subject);
        }
        if let Some(found) = self.of_few_ways(subject) {
            return found;
        }
        if self.has(Atom::Idle) && !self.asks_whether_idle() {
            return Err(Refusal::new("How idle it is, is not measured; how busy it is can be asked for"));
        }
        if self.has(Atom::Stable) && (slots.trend.is_some() || slots.extreme.is_some() || slots.limit.is_some()) {
            return Err(Refusal::new("How flaky it is, is measured; ask for flakier or less flaky"));
        }
        if slots.prior && subject == Subject::Alerts {
            return Ok((Wanted::BeforeAlert, subject));
        }
        if self.why() {
            return self.why_wanted(subject);
        }
        if self.asks_forecast(subject) {
            return forecast(subject);
        }
        if slots.will {
            return Err(Refusal::new(FUTURE));
        }
        let states = matches!(subject, Subject::Probe | Subject::Heartbeat | Subject::Scraped);
        if self.is(Ask::When) && slots.trend.is_some() && slots.limit.is_none() && !states {
            return self.moment(subject);
        }
        if slots.than || slots.before || !slots.other.is_empty() || self.is(Ask::Compare) || self.compares_change(self.atoms) {
            return self.compared(subject);
        }
        if let Some((above, quantity)) = slots.limit {
            return self.crossed(subject, above, quantity);
        }
        // "When did the shop go down".
        if slots.trend.is_some() && !(states && slots.trend == Some(Trend::Down)) {
            return self.compared(subject);
        }
        if slots.task.is_some() {
            return self.of_task(subject);
        }
        match subject {
            Subject::CiCost => self.ci_cost(),
            Subject::Alerts => self.alerts(),
            Subject::Events | Subject::Anomalies => {
                Ok((if self.asks(&[Ask::HowMany, Ask::HowOften]) { Wanted::Count } else { Wanted::Happened }, subject))
            }
            Subject::Advice => Ok((if self.is(Ask::HowMany) { Wanted::Count } else { Wanted::List }, subject)),
            Subject::Probe
            | Subject::Heartbeat
            | Subject::Scraped
            | Subject::Sources
            | Subject::Everything
            | Subject::UnitState
            | Subject::CiState => self.state(subject),
            Subject::CiFailures | Subject::CiSuccesses | Subject::CiRuns | Subject::CiCancelled => self.runs(subject),
            Subject::CiQueue if self.is(Ask::HowMany) || (self.is(Ask::Yes) && !self.atoms.any(&[Atom::Duration, Atom::Slow])) => {
                Ok((Wanted::Count, Subject::CiActive))
            }
            // "How long did the last build take": that one, not a median.
            Subject::CiDuration if self.last_one() => Ok((Wanted::LastTime, Subject::CiRuns)),
            Subject::CiQueue | Subject::TaskTime | Subject::ReviewTime if self.last_one() => Err(Refusal::new(NOT_TOGETHER)),
            Subject::CiActive if self.asks(&[Ask::Which, Ask::What, Ask::Show]) => Ok((Wanted::List, subject)),
            Subject::CiActive => Ok((Wanted::Count, subject)),
            Subject::Cost | Subject::Tokens if self.has(Atom::Task) && slots.extreme.is_none() && !self.is(Ask::Which) => {
                Err(Refusal::new("Of which task is missing; say `task 7`, or leave out the tasks"))
            }
            Subject::Tasks | Subject::Subtasks => self.tasks(subject),
            Subject::BoardEnd => Ok((Wanted::Forecast, subject)),
            Subject::Certificate => Ok((self.certificate(), subject)),
            _ => self.figure(subject),
        }
    }

    /// "Since when is the build red".
    fn since_when(&self, subject: Subject) -> Found {
        let state = !self.atoms.any(&[Atom::Down, Atom::Fail, Atom::Wrong, Atom::Red]);
        match subject {
            Subject::CiState | Subject::CiFailures | Subject::CiSuccesses => Ok((Wanted::State(state), Subject::CiState)),
            Subject::Probe => Ok((Wanted::State(state), Subject::Probe)),
            Subject::Alerts => Ok((Wanted::List, Subject::Alerts)),
            Subject::Uptime => Ok((Wanted::Value(Stat::Usual), Subject::Uptime)),
            _ => Err(Refusal::new("Since when can be asked of CI, targets of probes, alerts and the machine's start")),
        }
    }

    /// "Is the machine idle": how busy it is answers that.
    fn asks_whether_idle(&self) -> bool {
        let slots = self.slots;
        let plain = slots.extreme.is_none() && slots.trend.is_none() && slots.limit.is_none() && !slots.than && !slots.before;
        plain && self.asks(&[Ask::Yes, Ask::How])
    }

    /// "The last build": one of those that ended.
    fn last_one(&self) -> bool {
        let slots = self.slots;
        self.has(Atom::Last) && slots.time.is_empty() && slots.count.is_none() && slots.extreme.is_none() && slots.stat.is_none()
    }

    fn why_wanted(&self, subject: Subject) -> Found {
        let fits = measure(subject).is_some() || matches!(subject, Subject::Alerts | Subject::Any | Subject::CiState | Subject::Everything);
        let slots = self.slots;
        if !fits || slots.limit.is_some() {
            return Err(Refusal::new("What moved together with it can be said of figures and alerts"));
        }
        let subject = match subject {
            Subject::CiState => Subject::CiFailures,
            other => other,
        };
        let fails = self.atoms.any(&[Atom::Fail, Atom::Full, Atom::Busy, Atom::Slow]) && slots.trend.is_none();
        Ok((Wanted::Why(slots.trend.or(fails.then_some(Trend::Up))), subject))
    }

    /// "When will the disk be full", "when is the board done", "will memory run out".
    fn asks_forecast(&self, subject: Subject) -> bool {
        let slots = self.slots;
        let ends = match subject {
            Subject::Disk | Subject::Memory | Subject::DiskFree | Subject::MemoryFree => self.has(Atom::Full) || self.has(Atom::End),
            Subject::Tasks => self.has(Atom::Done) || self.has(Atom::Left),
            Subject::BoardEnd | Subject::Certificate => true,
            _ => false,
        };
        let when = self.is(Ask::When) && !slots.was && slots.extreme.is_none() && slots.limit.is_none() && !self.has(Atom::Last);
        ends && (slots.will || when || self.has(Atom::End))
    }

    fn compared(&self, subject: Subject) -> Found {
        let figures = measure(subject).is_some_and(|measure| !matches!(measure.kind, Kind::Flag | Kind::Date));
        let others = matches!(
            subject,
            Subject::Any | Subject::Cost | Subject::CiCost | Subject::Tokens | Subject::AgentTime | Subject::Alerts | Subject::Probe
        );
        if self.is(Ask::HowFast) && !super::LASTING.contains(&subject) {
            return self.growth(subject);
        }
        if !figures && !others {
            return Err(Refusal::new("Two times can be compared of figures, costs and alerts"));
        }
        // "How many tasks are done, more than last week": done in that time.
        let subject = match subject {
            Subject::Tasks if self.has(Atom::Done) => Subject::Completed,
            other => other,
        };
        Ok((Wanted::Compared(self.slots.trend), subject))
    }

    fn of_task(&self, subject: Subject) -> Found {
        if let (Subject::Tasks, Some(dependents)) = (subject, self.slots.waiting()) {
            return self.waiting(dependents);
        }
        match subject {
            Subject::Tasks if self.is(Ask::When) => Err(Refusal::new("When a single task will be or was done is shown by the time line")),
            // "How many tasks are blocked by task 3", "how long has task 3 been blocked", "what does task 3 block".
            Subject::Tasks
                if self.asks(&[Ask::HowMany, Ask::HowLong, Ask::HowOften, Ask::HowFast, Ask::Which, Ask::Who, Ask::Where])
                    || (self.is(Ask::What) && self.has(Atom::Blocked)) =>
            {
                Err(Refusal::new(OF_ONE_TASK))
            }
            Subject::Tasks | Subject::Cost | Subject::Tokens | Subject::TaskTime => {
                let subject = if subject == Subject::Tasks { Subject::Task } else { subject };
                Ok((Wanted::Value(Stat::Usual), subject))
            }
            _ => Err(Refusal::new(OF_ONE_TASK)),
        }
    }

    fn alerts(&self) -> Found {
        let wanted = if self.has(Atom::Noise) || self.slots.extreme == Some(true) {
            Wanted::Most
        } else if self.asks(&[Ask::HowMany, Ask::HowOften]) {
            Wanted::Count
        } else if self.asks(&[Ask::When, Ask::HowLong]) || (self.has(Atom::Last) && self.slots.time.is_empty()) {
            Wanted::LastTime
        } else {
            Wanted::List
        };
        Ok((wanted, Subject::Alerts))
    }

    fn state(&self, subject: Subject) -> Found {
        let slots = self.slots;
        let down = self.atoms.any(&[Atom::Down, Atom::Fail, Atom::Wrong, Atom::Red]) || slots.trend == Some(Trend::Down);
        if subject == Subject::Everything && self.has(Atom::Machine) && self.has(Atom::Down) {
            return Err(Refusal::new("Which machines are up is not what is measured"));
        }
        let calls = subject == Subject::Heartbeat && self.atoms.any(&[Atom::Run, Atom::Last, Atom::Success]) && !down;
        let called = calls && self.is(Ask::Yes);
        let wanted = match slots.ask {
            _ if subject == Subject::CiState => match slots.ask {
                // "When was the build last green": the last run that was so.
                Some(Ask::When) => return Ok((Wanted::LastTime, if down { Subject::CiFailures } else { Subject::CiSuccesses })),
                Some(Ask::HowLong | Ask::HowOften) => return Err(Refusal::new(NOT_TOGETHER)),
                _ if slots.ever => return Err(Refusal::new(NOT_TOGETHER)),
                _ => Wanted::State(!down),
            },
            Some(Ask::HowLong | Ask::HowOften) if down => Wanted::Downtime,
            Some(Ask::HowMany) if down && self.named => Wanted::Downtime,
            Some(Ask::HowMany) if subject == Subject::Everything && self.has(Atom::Machine) => {
                return Err(Refusal::new("How many machines there are is not what is measured"));
            }
            // "How many times did the backup run": its calls in a time.
            Some(Ask::HowMany | Ask::HowOften) if calls && !slots.time.is_empty() => Wanted::LastTime,
            Some(Ask::HowMany | Ask::HowOften) if calls => {
                return Err(Refusal::new("Calls are counted within a time, such as \"last week\""));
            }
            Some(Ask::HowMany) => Wanted::Count,
            Some(Ask::When) => Wanted::LastTime,
            _ if called => Wanted::LastTime,
            _ if self.has(Atom::Last) && subject == Subject::Heartbeat => Wanted::LastTime,
            _ if slots.extreme.is_some() && down => Wanted::Most,
            _ if self.atoms.any(&[Atom::Availability, Atom::Uptime, Atom::Share]) || self.is(Ask::HowMuch) => Wanted::Value(Stat::Usual),
            Some(Ask::HowOften | Ask::HowFast) => return Err(Refusal::new(NOT_TOGETHER)),
            _ => Wanted::State(!down),
        };
        let without_history = matches!(subject, Subject::Sources | Subject::Everything | Subject::UnitState | Subject::CiState);
        if without_history && matches!(wanted, Wanted::Downtime | Wanted::Most | Wanted::Value(_) | Wanted::LastTime) {
            return Err(Refusal::new("How long or how often is kept for targets of probes, jobs with heartbeats and scraped targets"));
        }
        Ok((wanted, subject))
    }

    fn runs(&self, subject: Subject) -> Found {
        let slots = self.slots;
        let workflows = self.asks(&[Ask::Which, Ask::What]) && self.has(Atom::Workflow);
        let ranked = slots.extreme.is_some() || workflows;
        let last = self.has(Atom::Last) && slots.time.is_empty() && slots.count.is_none() && slots.extreme.is_none();
        let judged = matches!(subject, Subject::CiFailures | Subject::CiSuccesses);
        if subject == Subject::CiRuns && slots.extreme.is_some() && !self.atoms.any(&[Atom::Run, Atom::Last]) {
            return Err(Refusal::new("Most or least of what is missing, such as slowest or flakiest"));
        }
        // "Which workflows are failing".
        if judged && workflows && slots.extreme.is_none() && slots.time.is_empty() && !slots.was && !slots.lately && !self.has(Atom::Last) {
            return Ok((Wanted::State(subject == Subject::CiSuccesses), Subject::CiState));
        }
        let wanted = if self.is(Ask::When) {
            Wanted::LastTime
        } else if judged
            && self.is(Ask::Yes)
            && (last || (slots.time.is_empty() && !slots.lately && !self.has(Atom::Anything) && !slots.ever))
        {
            // "Did the last build pass", "is the build broken".
            return Ok((Wanted::State(subject == Subject::CiSuccesses), Subject::CiState));
        } else if last {
            Wanted::LastTime
        } else if ranked {
            if slots.extreme == Some(false) { Wanted::Least } else { Wanted::Most }
        } else if self.asks(&[Ask::HowMany, Ask::HowOften, Ask::HowMuch, Ask::Yes]) || slots.ask.is_none() && slots.count.is_none() {
            Wanted::Count
        } else if self.is(Ask::How) && subject == Subject::CiRuns {
            return Ok((Wanted::State(true), Subject::CiState));
        } else if self.asks(&[Ask::HowLong, Ask::HowFast, Ask::Who, Ask::Where, Ask::How]) {
            return Err(Refusal::new(NOT_TOGETHER));
        } else {
            Wanted::List
        };
        Ok((wanted, subject))
    }

    fn tasks(&self, subject: Subject) -> Found {
        let slots = self.slots;
        if self.has(Atom::Depend) {
            return Err(Refusal::new("Of which task is missing; say `task 7`"));
        }
        if slots.extreme.is_some() {
            return Err(Refusal::new("Most or least of what is missing: tasks are ranked by time, by cost and by tokens"));
        }
        if self.asks(&[Ask::HowLong, Ask::HowOften, Ask::HowFast, Ask::When, Ask::Who, Ask::Where]) {
            return Err(Refusal::new(NOT_TOGETHER));
        }
        let past = !slots.time.is_empty() || slots.lately;
        if past && subject == Subject::Tasks {
            if !self.has(Atom::Done) {
                return if self.is(Ask::HowMany) || slots.ask.is_none() {
                    Ok((Wanted::Value(Stat::Usual), Subject::Tasks))
                } else {
                    Err(Refusal::new("Of the past the number of tasks is kept, and which ones became done"))
                };
            }
            let listed = self.asks(&[Ask::Which, Ask::What, Ask::Show]);
            return Ok((if listed { Wanted::List } else { Wanted::Value(Stat::Total) }, Subject::Completed));
        }
        if past {
            return Err(Refusal::new("Of subtasks the present state can be asked for"));
        }
        if self.is(Ask::HowMuch) && (self.has(Atom::Done) || (self.has(Atom::Board) && !self.has(Atom::Left) && !self.has(Atom::Open))) {
            return Ok((Wanted::Value(Stat::Usual), Subject::Completion));
        }
        // "How far are we", "how is the board".
        if self.is(Ask::How) && !self.has(Atom::Task) {
            return Ok((Wanted::Value(Stat::Usual), Subject::Completion));
        }
        let listed = self.asks(&[Ask::Which, Ask::What, Ask::Show]);
        Ok((if listed { Wanted::List } else { Wanted::Count }, subject))
    }

    /// What alerts are about: "the CPU alert".
    pub(super) fn topic(&self, subject: Subject) -> Option<&'static str> {
        let topics = [
            (Atom::Cpu, "cpu"),
            (Atom::Memory, "memory"),
            (Atom::Disk, "disk"),
            (Atom::Load, "load"),
            (Atom::Network, "network"),
            (Atom::Ci, "ci"),
            (Atom::Probe, "probe"),
        ];
        if subject == Subject::Budget {
            return if self.has(Atom::Ci) { Some("ci") } else { self.has(Atom::Agent).then_some("agents") };
        }
        // A rule or a target that is named says more.
        let named = self.named && self.has(Atom::Probe);
        let mut found = topics.into_iter().filter(|(atom, _)| self.has(*atom)).map(|(_, topic)| topic);
        found.next().filter(|_| subject == Subject::Alerts && !named)
    }

    /// A status of tasks.
    pub(super) fn status(&self, subject: Subject) -> Option<&'static str> {
        if subject == Subject::CiActive {
            return self.has(Atom::Queue).then_some("queued");
        }
        if subject == Subject::TaskTime {
            // "Which task has been in progress longest": one that is not done.
            let under_way = self.has(Atom::InProgress) && !self.has(Atom::Done) && self.slots.task.is_none();
            return under_way.then_some("in-progress");
        }
        if subject == Subject::Advice {
            let statuses = [(Atom::Dismissed, "dismissed"), (Atom::Accepted, "accepted"), (Atom::Applied, "applied")];
            return statuses.into_iter().find(|(atom, _)| self.has(*atom)).map(|(_, status)| status);
        }
        if !matches!(subject, Subject::Tasks | Subject::Subtasks) {
            return None;
        }
        let statuses = [
            (Atom::Done, "done"),
            (Atom::Ready, "ready"),
            (Atom::Blocked, "blocked"),
            (Atom::Pending, "pending"),
            (Atom::InProgress, "in-progress"),
            (Atom::Active, "in-progress"),
            (Atom::Review, "review"),
            (Atom::Deferred, "deferred"),
            (Atom::Cancelled, "cancelled"),
            (Atom::Open, "open"),
            (Atom::Left, "open"),
        ];
        statuses.into_iter().find(|(atom, _)| self.has(*atom)).map(|(_, status)| status)
    }
}

fn forecast(subject: Subject) -> Found {
    let subject = match subject {
        Subject::Tasks => Subject::BoardEnd,
        Subject::DiskFree => Subject::Disk,
        Subject::MemoryFree => Subject::Memory,
        other => other,
    };
    Ok((Wanted::Forecast, subject))
}
