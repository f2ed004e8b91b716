//! The machine: CPU, memory, swap, file systems, disks, network, load, temperatures, and the busiest processes.
//!
//! Four parts are read apart, each on a thread of its own: [`overview`] (the kernel's figures of the whole machine),
//! [`processes`], [`file_systems`] and [`temperatures`]. Within a part each file, process, chip and mount has a time limit of
//! its own ([`crate::crew`]). A mount or sensor that does not answer therefore costs its own samples only, and the source
//! names it. CPU shares need two readings: the first samples of them come a second after the start. A figure that the
//! machine does not give has no sample.

mod file_systems;
mod overview;
mod processes;
mod temperatures;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use tokio::sync::oneshot::{self, Receiver};
use tokio::time::timeout;

use super::collector::{CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::clock::Clock;
use crate::crew::{Crew, Missed};
use crate::files::{self, ReadError};

/// The name of this source.
pub const SOURCE: &str = "system";
/// Wait between the two readings that the first CPU shares need.
const SECOND_READING: Duration = Duration::from_secs(1);
/// How long a part waits for the other parts of its group: an alert on the overview names the busiest processes.
const TOGETHER: Duration = Duration::from_millis(500);
/// Longest wait for a part. What comes later is collected the next time.
const LATE: Duration = Duration::from_secs(8);
/// How long one file, process, chip or mount may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Largest file of the kernel, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Most problems that are named; the rest is counted.
const MOST_PROBLEMS: usize = 5;

/// What a part gave.
#[derive(Debug, Default)]
struct Reading {
    samples: Vec<(Labels, f64)>,
    problems: Vec<String>,
}

impl Reading {
    fn push(&mut self, name: &str, labels: &[(&str, &str)], v: f64) {
        // A name that is too long for a label has no samples.
        if let Ok(labels) = Labels::new(labels.iter().copied().chain([(NAME_LABEL, name)])) {
            self.samples.push((labels, v));
        }
    }

    /// What was read; none after a failure, which is added to the problems.
    fn accept<T, E: Display>(&mut self, what: impl Display, read: Result<Result<T, E>, Missed>) -> Option<T> {
        match read {
            Ok(Ok(read)) => return Some(read),
            Ok(Err(why)) => self.problems.push(why.to_string()),
            Err(missed) => self.problems.push(format!("{what} {missed}")),
        }
        None
    }
}

/// A part of the machine. Reading may take long; it does not hang.
trait Part: Send {
    fn read(&mut self) -> Reading;
}

/// Files as text; `None` where there is no such file.
type Texts = Vec<(PathBuf, Result<Result<Option<String>, ReadError>, Missed>)>;

/// Reads files of the kernel.
fn texts(crew: &Crew<PathBuf>, paths: &[&str]) -> Texts {
    crew.each(paths.iter().map(PathBuf::from).collect(), |path| match files::read(path, MAX_FILE) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    })
}

/// The threads that read. Each crew has a bound of its own, so many hanging mounts leave threads for everything else.
#[derive(Debug, Clone)]
pub struct Crews {
    /// Files of the kernel and lists of folders.
    files: Crew<PathBuf>,
    processes: Crew<PathBuf>,
    mounts: Crew<PathBuf>,
    chips: Crew<PathBuf>,
}

impl Crews {
    fn new(patience: Duration) -> Self {
        let crew = || Crew::new(patience);
        Self { files: crew(), processes: crew(), mounts: crew(), chips: crew() }
    }
}

impl Default for Crews {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

/// How a part is made.
type MakePart = fn(&Crews) -> Box<dyn Part>;

/// A part's place in the state of the whole source, its thread's name, and how it is made.
type PartSpec = (usize, &'static str, MakePart);

/// The parts in groups; those of one group are collected together.
const GROUPS: [&[PartSpec]; 3] = [
    &[
        (0, "processes", |crews| Box::new(processes::Processes::new(crews.clone(), Path::new("/proc")))),
        (1, "overview", |crews| Box::new(overview::Overview::new(crews.clone()))),
    ],
    &[(2, "file systems", |crews| Box::new(file_systems::FileSystems::new(crews.clone())))],
    &[(3, "sensors", |crews| Box::new(temperatures::Temperatures::new(crews.clone())))],
];

/// Result of a part's last reading.
#[derive(Debug, Default)]
struct PartState {
    problems: Vec<String>,
    /// Whether it had samples; none before the first reading.
    has_samples: Option<bool>,
}

/// The states of all parts: together they make the state of the source.
type PartStates = Arc<Mutex<[PartState; 4]>>;

/// What a part's thread brings back.
struct Read {
    part: Box<dyn Part>,
    reading: Reading,
    at: TimestampMs,
}

/// A part between and during readings.
struct Slot {
    spec: PartSpec,
    /// None while it is read.
    part: Option<Box<dyn Part>>,
    /// The reading under way, or the reason that there is none. Kept here, so an abandoned collection does not lose it.
    under_way: Option<Result<Receiver<Read>, String>>,
    /// The reading was begun by an earlier collection.
    late: bool,
    staleness: StalenessTracker,
}

impl Slot {
    /// Begins to read the part, unless it is still being read.
    fn begin(&mut self, clock: &Clock) {
        let Some(mut part) = self.part.take() else { return };
        let (reply, answer) = oneshot::channel();
        let clock = clock.clone();
        // Not on the runtime's pool, which waits for its threads at the end.
        let reading = thread::Builder::new().name(self.spec.1.to_owned()).spawn(move || {
            let reading = part.read();
            let _ = reply.send(Read { part, reading, at: clock.now_ms() });
        });
        self.under_way = Some(reading.map(|_| answer).map_err(|error| format!("{}: no thread to read it: {error}", self.spec.1)));
    }

    /// Waits for the reading. It can be abandoned and called again.
    async fn finish(&mut self, crews: &Crews, clock: &Clock) -> Option<(Reading, TimestampMs)> {
        let why = match self.under_way.as_mut()? {
            Ok(answer) => match answer.await {
                Ok(Read { part, reading, at }) => {
                    (self.part, self.under_way) = (Some(part), None);
                    return Some((reading, at));
                }
                Err(_) => format!("{}: reading it ended in a panic", self.spec.1),
            },
            Err(why) => std::mem::take(why),
        };
        (self.part, self.under_way) = (Some(self.spec.2(crews)), None);
        Some((Reading { samples: Vec::new(), problems: vec![why] }, clock.now_ms()))
    }
}

/// Collects one group of parts.
pub struct SystemCollector {
    every: Duration,
    clock: Clock,
    crews: Crews,
    states: PartStates,
    slots: Vec<Slot>,
    first: bool,
}

impl SystemCollector {
    /// The collectors of all groups. `crews` are kept over restarts: they know what hangs.
    #[must_use]
    pub fn all(every: Duration, clock: &Clock, crews: &Crews) -> Vec<Self> {
        let states = PartStates::default();
        GROUPS.iter().map(|specs| Self::new(specs, every, clock, crews, &states)).collect()
    }

    fn new(specs: &[PartSpec], every: Duration, clock: &Clock, crews: &Crews, states: &PartStates) -> Self {
        let slot = |spec: &PartSpec| Slot {
            spec: *spec,
            part: Some(spec.2(crews)),
            under_way: None,
            late: false,
            staleness: StalenessTracker::default(),
        };
        let slots = specs.iter().map(slot).collect();
        Self { every, clock: clock.clone(), crews: crews.clone(), states: Arc::clone(states), slots, first: true }
    }

    async fn read(&mut self) -> Batch {
        self.slots.iter_mut().for_each(|slot| slot.begin(&self.clock));
        let mut batch = Batch::default();
        let (crews, clock, states) = (&self.crews, &self.clock, &self.states);
        let (done, first_done) = tokio::sync::watch::channel(false);
        let waits = self.slots.iter_mut().map(|slot| {
            let (mut first_done, done) = (first_done.clone(), &done);
            async move {
                let others_done = async {
                    let _ = first_done.wait_for(|done| *done).await;
                    tokio::time::sleep(TOGETHER).await;
                };
                let read = tokio::select! {
                    biased;
                    read = timeout(LATE, slot.finish(crews, clock)) => read.ok().flatten()?,
                    () = others_done => return None,
                };
                done.send_replace(true);
                Some((slot, read))
            }
        });
        let readings: Vec<_> = join_all(waits).await.into_iter().flatten().collect();
        // One time for all: an alert on the overview finds the processes up to its sample's time.
        let now = clock.now_ms();
        for (slot, (reading, read_at)) in readings {
            let at = if std::mem::take(&mut slot.late) { read_at } else { now };
            let mut own = Batch::default();
            reading.samples.into_iter().for_each(|(labels, v)| own.push(labels, at, v));
            states.lock()[slot.spec.0] = PartState { problems: reading.problems, has_samples: Some(!own.is_empty()) };
            slot.staleness.mark(&mut own, at);
            batch.extend(own);
        }
        self.slots.iter_mut().for_each(|slot| slot.late = slot.under_way.is_some());
        batch
    }

    /// The outcome for the whole source, by the last readings of all parts.
    fn outcome(&self, found: Collection) -> Outcome {
        let states = self.states.lock();
        let problems: Vec<&str> = states.iter().flat_map(|state| &state.problems).map(String::as_str).collect();
        let mut why = problems.iter().take(MOST_PROBLEMS).copied().collect::<Vec<_>>().join("; ");
        let more = problems.len().saturating_sub(MOST_PROBLEMS);
        if more > 0 {
            why.push_str(&format!("; and {more} more"));
        }
        if states.iter().all(|state| state.has_samples == Some(false)) {
            Outcome::Failed(format!("the machine cannot be read: {why}"), found)
        } else if why.is_empty() {
            Outcome::Complete(found)
        } else {
            Outcome::Partial(why, found)
        }
    }
}

impl Collector for SystemCollector {
    fn name(&self) -> String {
        SOURCE.to_owned()
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn collect(&mut self, _: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let batch = self.read().await;
            let next_in = std::mem::take(&mut self.first).then(|| SECOND_READING.min(self.every));
            self.outcome(Collection { next_in, ..Collection::from(batch) })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_reading_has_no_changes_and_the_second_has_every_figure_in_range() {
        let crews = Crews::new(Duration::from_secs(10));
        let mut parts: Vec<Box<dyn Part>> = GROUPS.iter().copied().flatten().map(|(_, _, make)| make(&crews)).collect();
        let mut read = || -> Vec<(Labels, f64)> { parts.iter_mut().flat_map(|part| part.read().samples).collect() };
        let named = |samples: &[(Labels, f64)], name: &str| samples.iter().filter(|(l, _)| l.name() == name).count();
        let first = read();
        let changes = ["system_cpu_utilization_ratio", "process_cpu_utilization_ratio", "process_disk_io_bytes_per_second"];
        assert_eq!(changes.map(|name| named(&first, name)), [0, 0, 0]);
        thread::sleep(Duration::from_millis(200));
        let second = read();
        assert_eq!(named(&second, "system_cpu_utilization_ratio"), 1);
        assert!(named(&second, "system_memory_utilization_ratio") == 1 && named(&second, "system_processes") == 1);
        assert!(named(&second, "process_memory_usage_bytes") > 0 && named(&second, "process_count") > 0);
        let series: BTreeSet<&[u8]> = second.iter().map(|(labels, _)| labels.as_bytes()).collect();
        assert_eq!(series.len(), second.len(), "each series once");
        for (labels, v) in &second {
            assert!(taskpulse_engine::metrics::describe(labels.name()).is_some(), "{labels} is not described");
            assert!(v.is_finite() && (*v >= 0.0 || labels.name() == "system_temperature_celsius"), "{labels} {v}");
            if labels.name().starts_with("system_") && labels.name().ends_with("_ratio") {
                assert!(*v <= 1.0, "{labels} {v}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_what_is_missing_is_not() {
        let crew = Crew::new(Duration::from_secs(10));
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::create_dir(path("folder")).unwrap();
        let mut reading = Reading::default();
        for (path, read) in texts(&crew, &[&path("folder"), &path("none"), "/proc/self/stat"]) {
            reading.accept(path.display(), read).flatten().into_iter().for_each(|_| reading.push("x", &[], 1.0));
        }
        assert_eq!(reading.samples.len(), 1);
        assert!(reading.problems.len() == 1 && reading.problems[0].contains("is a folder"), "{:?}", reading.problems);
        assert_eq!(reading.accept("/mnt", Err::<Result<(), String>, _>(Missed::Hangs(Duration::from_secs(7)))), None);
        assert_eq!(reading.problems[1], "/mnt has not answered for 7 s");
    }

    /// Opens once the test lets the slow part go on.
    static GATE: Mutex<bool> = Mutex::new(false);

    struct Quick;
    struct Slow;
    struct Broken;

    fn one(name: &str) -> Reading {
        let mut reading = Reading::default();
        reading.push(name, &[], 1.0);
        reading
    }

    impl Part for Quick {
        fn read(&mut self) -> Reading {
            one("quick")
        }
    }

    impl Part for Slow {
        fn read(&mut self) -> Reading {
            while !*GATE.lock() {
                thread::yield_now();
            }
            one("slow")
        }
    }

    impl Part for Broken {
        fn read(&mut self) -> Reading {
            assert_eq!(1, 2, "a planned fault");
            Reading::default()
        }
    }

    #[tokio::test]
    async fn a_slow_part_delays_no_other_and_comes_with_a_later_collection() {
        let parts: [PartSpec; 3] =
            [(0, "slow", |_| Box::new(Slow)), (1, "quick", |_| Box::new(Quick)), (2, "broken", |_| Box::new(Broken))];
        let mut collector =
            SystemCollector::new(&parts, Duration::from_secs(5), &Clock::system(), &Crews::default(), &PartStates::default());
        let names = |outcome: Outcome| match outcome {
            Outcome::Partial(why, found) => (why, found.batch.labels.iter().map(|l| l.name().to_owned()).collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        };
        let (why, first) = names(collector.collect(0).await);
        assert_eq!(first, ["quick"]);
        assert_eq!(why, "broken: reading it ended in a panic");
        *GATE.lock() = true;
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        let mut later = first;
        while !later.contains(&"slow".to_owned()) {
            assert!(std::time::Instant::now() < deadline, "the slow part is lost");
            later = names(collector.collect(0).await).1;
        }
        assert!(later.contains(&"quick".to_owned()), "{later:?}");
    }
}
