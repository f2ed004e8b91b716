//! Which notions make which subject.

use super::lexicon::{ATOMS, Atom};
use super::measures::Subject;

/// Some notions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const fn of(atoms: &[Atom]) -> Self {
        let (mut set, mut at) = (0, 0);
        while at < atoms.len() {
            set |= 1u128 << atoms[at] as u32;
            at += 1;
        }
        Self(set)
    }

    pub(super) fn add(&mut self, atom: Atom) {
        self.0 |= 1 << atom as u32;
    }

    pub(super) fn remove(&mut self, atom: Atom) {
        self.0 &= !(1 << atom as u32);
    }

    pub(super) const fn has(self, atom: Atom) -> bool {
        self.0 & (1 << atom as u32) != 0
    }

    pub(super) fn any(self, atoms: &[Atom]) -> bool {
        self.0 & Self::of(atoms).0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn atoms(self) -> impl Iterator<Item = Atom> {
        ATOMS.iter().copied().filter(move |atom| self.has(*atom))
    }
}

/// A subject, and the notions that it needs and that may stand beside them.
struct Pattern(&'static [Atom], &'static [Atom], Subject);

/// What may stand beside most figures.
const FIGURE: Set = Set::of(&[Usage, Use, Used, Total, Share, Machine, Exist, Last, Owner]);
/// What may stand beside a state.
const STATE: Set = Set::of(&[Up, Down, Ok, Wrong, Everything, Anything, Health, Active, Exist, Last, Availability, Owner]);

use Atom::*;

const STATUS_ONLY: &[Atom] = &[];

/// In this order: the first that fits counts.
const PATTERNS: &[Pattern] = &[
    Pattern(&[Grammar], &[Anything, Happen, Everything], Subject::Grammar),
    Pattern(&[Budget], &[Cost, Full, Left, End, Ok, Ci, Agent, Everything, Number], Subject::Budget),
    Pattern(&[Runner], &[Ci, Queue], Subject::Runners),
    Pattern(&[Helped], &[Advice, Applied], Subject::Verdicts),
    // Who uses what.
    Pattern(&[Process, Oom], &[Use, Last], Subject::OomKills),
    Pattern(&[Process, Cpu], &[Active, Busy], Subject::ProcessCpu),
    Pattern(&[Process, Memory], &[Active, Size], Subject::ProcessMemory),
    Pattern(&[Process, Write], &[Io, Disk], Subject::ProcessWrite),
    Pattern(&[Process, Read], &[Io, Disk], Subject::ProcessRead),
    Pattern(&[Process, Io], &[Disk], Subject::ProcessIo),
    Pattern(&[Process, Busy], &[Active], Subject::ProcessCpu),
    Pattern(&[Process], &[Active], Subject::Processes),
    Pattern(&[Unit, Cpu], &[Active, Busy, Duration], Subject::UnitCpu),
    Pattern(&[Unit, Memory], &[Active, Size], Subject::UnitMemory),
    Pattern(&[Unit, Io], &[Disk], Subject::UnitIo),
    Pattern(&[Unit, Busy], &[], Subject::UnitCpu),
    Pattern(&[Unit], &[Up, Down, Ok, Active, Everything, Health, Owner], Subject::UnitState),
    Pattern(&[Service, Cpu], &[], Subject::ServiceCpu),
    Pattern(&[Service, Memory], &[], Subject::ServiceMemory),
    Pattern(&[Service, Health], &[Ok, Up], Subject::Health),
    // The service's store.
    Pattern(&[Series], &[Store, Service, Number], Subject::Series),
    Pattern(&[Samples], &[Store, Service, Number], Subject::Samples),
    Pattern(&[Store], &[Size, Disk, Service, Full], Subject::StoreSize),
    // The machine.
    Pattern(&[Pressure, Cpu], &[], Subject::CpuPressure),
    Pattern(&[Pressure, Memory], &[], Subject::MemoryPressure),
    Pattern(&[Pressure, Io], &[Disk], Subject::IoPressure),
    Pattern(&[Pressure, Disk], &[], Subject::IoPressure),
    Pattern(&[Pressure], &[], Subject::Pressure),
    Pattern(&[Temperature], &[Cpu, Core], Subject::Temperature),
    Pattern(&[Oom], &[Happen, Memory], Subject::OomKills),
    Pattern(&[Core], &[Cpu, Busy], Subject::Core),
    Pattern(&[Cpu], &[Busy, Ok], Subject::Cpu),
    Pattern(&[Load], &[Ok], Subject::Load),
    Pattern(&[Busy], &[], Subject::Cpu),
    Pattern(&[Idle], &[Cpu], Subject::Cpu),
    Pattern(&[Memory, Free], &[Left, Size], Subject::MemoryFree),
    Pattern(&[Memory, Left], &[Size], Subject::MemoryFree),
    Pattern(&[Memory, Used, Size], &[], Subject::MemoryUsed),
    Pattern(&[Memory, Use, Size], &[], Subject::MemoryUsed),
    Pattern(&[Memory, Availability], &[], Subject::MemoryFree),
    Pattern(&[Memory], &[Full, Ok], Subject::Memory),
    Pattern(&[Swap], &[], Subject::Swap),
    Pattern(&[Disk, Read], &[Io], Subject::DiskRead),
    Pattern(&[Disk, Write], &[Io], Subject::DiskWrite),
    Pattern(&[Io, Read, Write], &[Disk], Subject::DiskIo),
    Pattern(&[Io, Read], &[], Subject::DiskRead),
    Pattern(&[Io, Write], &[], Subject::DiskWrite),
    Pattern(&[Io], &[Disk, Busy], Subject::DiskIo),
    Pattern(&[Disk, Busy], &[], Subject::DiskIo),
    Pattern(&[Disk, Free], &[Left, Size], Subject::DiskFree),
    Pattern(&[Disk, Left], &[Size], Subject::DiskFree),
    Pattern(&[Disk, Used, Size], &[], Subject::DiskUsed),
    Pattern(&[Disk, Use, Size], &[], Subject::DiskUsed),
    Pattern(&[Disk, Availability], &[], Subject::DiskFree),
    Pattern(&[Disk], &[Full, Anything, Everything, Ok], Subject::Disk),
    Pattern(&[Full], &[Anything], Subject::Disk),
    Pattern(&[Receive], &[Network, Size], Subject::NetworkIn),
    Pattern(&[Send], &[Network, Size], Subject::NetworkOut),
    Pattern(&[Network], &[Busy], Subject::Network),
    Pattern(&[Uptime, Probe], &[], Subject::Probe),
    Pattern(&[Uptime], &[Up, Active], Subject::Uptime),
    Pattern(&[Up, Machine], &[], Subject::Uptime),
    // CI.
    Pattern(&[Job, Fail], &[Ci, Share], Subject::CiJobFailures),
    Pattern(&[Job, Heartbeat], &[Up, Down, Ok, Active, Everything, Ci], Subject::Heartbeat),
    Pattern(&[Job, Queue], &[Ci, Duration, Slow], Subject::CiQueue),
    Pattern(&[Job], &[Ci, Slow, Duration, JobTime], Subject::CiJobs),
    Pattern(&[Ci, JobTime], &[Duration], Subject::CiJobTime),
    Pattern(&[Ci, Waste], &[Duration, JobTime, Job], Subject::CiWasted),
    Pattern(&[Waste], &[Duration], Subject::CiWasted),
    Pattern(&[Ci, Queue], &[Duration, Slow], Subject::CiQueue),
    Pattern(&[Queue], &[Duration, Slow, Job], Subject::CiQueue),
    Pattern(&[Commit, Fail], &[Ci], Subject::CiBroken),
    Pattern(&[Ci, Cost], &[], Subject::CiCost),
    Pattern(&[Flaky], &[Ci, Commit, Fail, Stable], Subject::CiFlaky),
    Pattern(&[Ci, Cancelled], &[Number], Subject::CiCancelled),
    Pattern(&[Fail, Share], &[Ci], Subject::CiFailure),
    Pattern(&[Ci, Fail], &[Happen, Wrong, Anything], Subject::CiFailures),
    Pattern(&[Success, Share], &[Ci], Subject::CiSuccess),
    Pattern(&[Ci, Success], &[], Subject::CiSuccesses),
    Pattern(&[Ci, Green], &[], Subject::CiState),
    Pattern(&[Ci, Red], &[], Subject::CiState),
    Pattern(&[Ci, Duration], &[Slow], Subject::CiDuration),
    Pattern(&[Ci, Slow], &[], Subject::CiDuration),
    Pattern(&[Ci, InProgress], &[Active], Subject::CiActive),
    Pattern(&[Ci, Active], &[Anything], Subject::CiActive),
    Pattern(&[Ci, Ok], &[Everything, Health], Subject::CiState),
    Pattern(&[Ci, Up], &[], Subject::CiState),
    Pattern(&[Ci, Down], &[], Subject::CiState),
    Pattern(&[Ci, Health], &[Everything], Subject::CiState),
    Pattern(&[Ci, Wrong], &[Anything, Everything], Subject::CiState),
    Pattern(&[Ci, Everything], &[], Subject::CiState),
    Pattern(&[Ci], &[Done, Number, Busy], Subject::CiRuns),
    // Boards.
    Pattern(
        &[Subtask],
        &[Done, Open, Pending, InProgress, Blocked, Ready, Review, Deferred, Cancelled, Left, Task, Number, Anything],
        Subject::Subtasks,
    ),
    Pattern(&[Task, Cost], &[Agent], Subject::Cost),
    Pattern(&[Task, Tokens], &[Agent, Cost], Subject::Tokens),
    Pattern(&[Task, Review, Duration], &[Slow], Subject::ReviewTime),
    Pattern(&[Task, Review, Slow], &[], Subject::ReviewTime),
    Pattern(&[Task, Duration], &[Slow, Done, InProgress], Subject::TaskTime),
    Pattern(&[Task, Slow], &[Done, InProgress], Subject::TaskTime),
    Pattern(&[Throughput], &[Task, Board, Done, Number], Subject::Throughput),
    Pattern(&[Reopen], &[Task, Board], Subject::Reopened),
    Pattern(&[CriticalPath], &[Task, Board], Subject::CriticalPath),
    Pattern(&[Complexity], &[Task, Board, Open, Left], Subject::Complexity),
    Pattern(&[Progress], &[Task, Board, Done], Subject::Completion),
    Pattern(&[End], &[Task, Board, Done], Subject::BoardEnd),
    Pattern(
        &[Task],
        &[
            Done, Open, Pending, InProgress, Blocked, Ready, Review, Deferred, Cancelled, Left, Number, Everything, Next, Active, Anything,
            Depend,
        ],
        Subject::Tasks,
    ),
    Pattern(&[Board], &[Done, Open, Left, Ready, Blocked, InProgress, Pending, Review], Subject::Tasks),
    Pattern(&[Done], STATUS_ONLY, Subject::Tasks),
    Pattern(&[Ready], &[Next], Subject::Tasks),
    Pattern(&[Blocked], STATUS_ONLY, Subject::Tasks),
    Pattern(&[InProgress], STATUS_ONLY, Subject::Tasks),
    Pattern(&[Review], STATUS_ONLY, Subject::Tasks),
    Pattern(&[Open], STATUS_ONLY, Subject::Tasks),
    // Costs.
    Pattern(&[Agent, Tokens], &[Cost], Subject::Tokens),
    Pattern(&[Tokens], &[Cost], Subject::Tokens),
    Pattern(&[Agent, Cost], &[], Subject::Cost),
    Pattern(&[Cost], &[], Subject::Cost),
    Pattern(&[Agent, Active], &[Duration], Subject::AgentTime),
    Pattern(&[Agent, Duration], &[], Subject::AgentTime),
    // Targets and jobs.
    Pattern(&[Certificate], &[Expire, End, Probe, Up, Ok, Last, Next, Anything], Subject::Certificate),
    Pattern(&[Probe, Expire], &[End], Subject::Certificate),
    Pattern(&[Probe, StatusCode], &[Everything], Subject::ProbeStatus),
    Pattern(&[Probe, Duration], &[Slow], Subject::ProbeTime),
    Pattern(&[Probe, Slow], &[Target], Subject::ProbeTime),
    Pattern(&[Target, Slow], &[Duration], Subject::ProbeTime),
    Pattern(&[Probe, Fail, Share], &[], Subject::Probe),
    Pattern(&[Probe], &[Fail, Target], Subject::Probe),
    Pattern(&[Availability], &[], Subject::Probe),
    Pattern(&[Heartbeat], &[Ci, Run, Fail, Success], Subject::Heartbeat),
    Pattern(&[Scrape], &[Target, Fail], Subject::Scraped),
    Pattern(&[Source], &[Fail, Service], Subject::Sources),
    // Alerts, the time line, advice.
    Pattern(&[Noise], &[Alert, Fire], Subject::Alerts),
    Pattern(
        &[Alert],
        &[Fire, Active, Last, Happen, Open, Anything, Exist, Everything, Cpu, Memory, Disk, Ci, Probe, Full, Load, Network, Moved, Event],
        Subject::Alerts,
    ),
    Pattern(&[Fire], &[Anything, Active, Last], Subject::Alerts),
    Pattern(&[Anomaly], &[Happen, Anything, Machine, Event], Subject::Anomalies),
    Pattern(&[Advice], &[Anything, Wrong, Open, Everything, Machine, Next, Dismissed, Accepted, Applied], Subject::Advice),
    Pattern(&[Event], &[Happen, Anything, Everything, Machine, Last], Subject::Events),
    Pattern(&[Happen], &[Anything, Machine, Everything], Subject::Events),
    Pattern(&[Health], &[Machine, Everything], Subject::Health),
    // All of it.
    Pattern(&[Target], &[Fail], Subject::Everything),
    Pattern(&[Machine], &[Ok, Wrong, Health, Everything, Anything], Subject::Everything),
    Pattern(&[Ok], &[Everything, Anything], Subject::Everything),
    Pattern(&[Wrong], &[Everything, Anything], Subject::Everything),
    Pattern(&[Down], &[Everything, Anything], Subject::Everything),
    Pattern(&[Up], &[Everything, Anything], Subject::Everything),
    Pattern(&[Fail], &[Everything, Anything], Subject::Everything),
    Pattern(&[Everything], &[Service], Subject::Everything),
    Pattern(&[Slow], &[Anything, Everything], Subject::Slower),
];

/// Subjects that a state may be asked of.
const WITH_STATE: [Subject; 5] = [Subject::Probe, Subject::Heartbeat, Subject::Scraped, Subject::Sources, Subject::Everything];
/// Subjects that are figures: "usage" and the like say no more.
const NO_FIGURE: [Subject; 11] = [
    Subject::Slower,
    Subject::Verdicts,
    Subject::Probe,
    Subject::Heartbeat,
    Subject::Scraped,
    Subject::Sources,
    Subject::Everything,
    Subject::Alerts,
    Subject::Events,
    Subject::Advice,
    Subject::Grammar,
];

/// The subject that these notions make.
pub(super) fn subject(atoms: Set) -> Option<Subject> {
    PATTERNS.iter().find(|pattern| pattern.fits(atoms)).map(|pattern| pattern.2)
}

impl Pattern {
    fn fits(&self, atoms: Set) -> bool {
        let Self(needs, may, subject) = self;
        let mut all = Set::of(needs).with(Set::of(may));
        if WITH_STATE.contains(subject) {
            all = all.with(STATE);
        }
        if !NO_FIGURE.contains(subject) {
            all = all.with(FIGURE);
        }
        Set::of(needs).within(atoms) && atoms.within(all)
    }
}
