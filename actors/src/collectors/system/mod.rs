//! The machine: CPU, memory, swap, file systems, disks, network, load, temperatures, and the busiest processes.
//!
//! Four parts are read apart, each on a thread of its own and never on the arbiter: what the kernel says of the whole machine
//! ([`overview`]), [`processes`], [`file_systems`] and [`temperatures`]. Within a part each file,
//! process, chip and mount has a time limit of its own ([`crate::crew`]). So a mount or a sensor that does not answer takes its own
//! figures away and no others; the source names it. CPU shares need two looks: the first sample of them comes a second
//! after the start. Figures that the machine does not give are left out.

mod file_systems;
mod overview;
mod processes;
mod temperatures;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use taskpulse_engine::model::{Batch, Labels, NAME_LABEL};
use tokio::sync::oneshot;

use super::Outbox;
use super::collector::StalenessTracker;
use crate::clock::now_ms;
use crate::crew::{Crew, Missed};
use crate::files;
use crate::messages::Collected;
use crate::shared::Shared;
use crate::supervisor::{Ctx, Mailbox, Schedule, ServiceActor};

/// The name of this source.
pub const SOURCE: &str = "system";
/// The wait between the two looks that the first CPU figures need.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// How long the overview waits for the processes of the same look: an alert on its figures names them.
const TOGETHER: Duration = Duration::from_millis(500);
/// How long one file, process, chip or mount may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Of one of the kernel's files.
const MAX_FILE: u64 = 16 << 20;
/// Of what is wrong, so much is told; the rest is counted.
const MOST_PROBLEMS: usize = 5;

/// What a part gave.
#[derive(Debug, Default)]
struct Reading {
    samples: Vec<(Labels, f64)>,
    problems: Vec<String>,
}

impl Reading {
    fn push(&mut self, name: &str, labels: &[(&str, &str)], v: f64) {
        // A name that is no label value (longer than any has) has no samples.
        if let Ok(labels) = Labels::new(labels.iter().copied().chain([(NAME_LABEL, name)])) {
            self.samples.push((labels, v));
        }
    }

    /// What was read, or nothing and why.
    fn take<T>(&mut self, what: impl std::fmt::Display, read: Result<Result<T, String>, Missed>) -> Option<T> {
        match read {
            Ok(Ok(read)) => return Some(read),
            Ok(Err(why)) => self.problems.push(why),
            Err(missed) => self.problems.push(format!("{what} {missed}")),
        }
        None
    }
}

/// A part of the machine; it may take long and does not hang.
trait Part: Send {
    fn read(&mut self) -> Reading;
}

/// Files as text; `None` where there is no such file.
type Texts = Vec<(PathBuf, Result<Result<Option<String>, String>, Missed>)>;

/// Reads files of the kernel's.
fn texts(crew: &Crew<PathBuf>, paths: &[&str]) -> Texts {
    crew.each(paths.iter().map(PathBuf::from).collect(), |path| match files::read(path, MAX_FILE) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.to_string()),
    })
}

/// Who reads what. Each has a bound of its own, so that many mounts that hang leave threads for everything else.
#[derive(Debug, Clone)]
struct Crews {
    /// Files of the kernel's and lists of things.
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

/// Which part, and how it is made.
type MakePart = fn(&Crews) -> Box<dyn Part>;

/// Where the first two stand in [`PARTS`].
const OVERVIEW: usize = 0;
const PROCESSES: usize = 1;

const PARTS: [(&str, MakePart); 4] = [
    ("overview", |crews| Box::new(overview::Overview::new(crews.clone()))),
    ("processes", |crews| Box::new(processes::Processes::new(crews.clone(), Path::new("/proc")))),
    ("file systems", |crews| Box::new(file_systems::FileSystems::new(crews.clone()))),
    ("sensors", |crews| Box::new(temperatures::Temperatures::new(crews.clone()))),
];

/// What is known of a part between looks.
#[derive(Default)]
struct Slot {
    /// Away while it is read.
    part: Option<Box<dyn Part>>,
    staleness: StalenessTracker,
    problems: Vec<String>,
    /// Whether its last look gave samples; none before the first.
    gave: Option<bool>,
}

/// See the module.
pub struct SystemCollector {
    shared: Arc<Shared>,
    every: Duration,
    outbox: Outbox,
    /// Kept also after a panic: what hangs is known for as long as it does.
    crews: Crews,
    slots: [Slot; PARTS.len()],
    /// An overview that waits for the processes.
    waiting: Option<(Box<dyn Part>, Reading)>,
}

impl SystemCollector {
    /// A collector that looks `every` so often.
    #[must_use]
    pub fn new(shared: Arc<Shared>, every: Duration, batcher: Mailbox<Collected>) -> Self {
        let outbox = Outbox::new(batcher, Arc::clone(&shared), SOURCE);
        let mut collector = Self { shared, every, outbox, crews: Crews::new(PATIENCE), slots: Default::default(), waiting: None };
        collector.make_parts();
        collector
    }

    fn make_parts(&mut self) {
        for (slot, (_, make)) in self.slots.iter_mut().zip(PARTS) {
            slot.part.get_or_insert_with(|| make(&self.crews));
        }
    }

    fn collect(&mut self, ctx: &mut Ctx<Self>) {
        // The processes are away then when the overview comes back.
        for at in (0..PARTS.len()).rev() {
            self.collect_part(at, ctx);
        }
    }

    fn collect_part(&mut self, at: usize, ctx: &mut Ctx<Self>) {
        // Away while a look is under way; a slow look makes the next one wait.
        let Some(mut part) = self.slots[at].part.take() else { return };
        let (name, make) = PARTS[at];
        let (reply, answer) = oneshot::channel();
        // Not of the runtime's pool: that waits for its threads at the end.
        let reading = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let reading = part.read();
            let _ = reply.send((part, reading));
        });
        let no_thread = reading.err().map(|error| format!("{name}: no thread to read it: {error}"));
        ctx.run(name, answer, move |this, answer, ctx| {
            let (part, reading) = answer.unwrap_or_else(|_| {
                let why = no_thread.unwrap_or_else(|| format!("{name}: reading it ended in a panic"));
                (make(&this.crews), Reading { samples: Vec::new(), problems: vec![why] })
            });
            if at == OVERVIEW && this.slots[PROCESSES].part.is_none() {
                this.waiting = Some((part, reading));
                ctx.after(TOGETHER, "overview", |this, _| this.take_in_waiting());
                return;
            }
            this.take_in(at, part, reading);
            if at == PROCESSES {
                this.take_in_waiting();
            }
        });
    }

    fn take_in_waiting(&mut self) {
        if let Some((part, reading)) = self.waiting.take() {
            self.take_in(OVERVIEW, part, reading);
        }
    }

    fn take_in(&mut self, at: usize, part: Box<dyn Part>, reading: Reading) {
        let now = now_ms();
        let mut batch = Batch::default();
        for (labels, v) in reading.samples {
            batch.push(labels, now, v);
        }
        let samples = batch.len();
        let slot = &mut self.slots[at];
        (slot.part, slot.problems, slot.gave) = (Some(part), reading.problems, Some(samples > 0));
        slot.staleness.mark(&mut batch, now);
        if let Some(repeated) = self.outbox.send(batch) {
            self.slots[at].problems.push(repeated);
        }
        let problems: Vec<&str> = self.slots.iter().flat_map(|slot| &slot.problems).map(String::as_str).collect();
        let more = problems.len().saturating_sub(MOST_PROBLEMS);
        let mut why = problems.iter().take(MOST_PROBLEMS).copied().collect::<Vec<_>>().join("; ");
        if more > 0 {
            why.push_str(&format!("; and {more} more"));
        }
        let sources = &self.shared.sources;
        if self.slots.iter().all(|slot| slot.gave == Some(false)) {
            sources.failing(SOURCE, format!("the machine cannot be read: {why}"));
        } else if why.is_empty() {
            sources.up(SOURCE, samples, now);
        } else {
            sources.partly(SOURCE, samples, now, why);
        }
    }
}

impl ServiceActor for SystemCollector {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.collect(ctx);
        ctx.after(FIRST_LOOK, "due", |this, ctx| this.collect(ctx));
        ctx.every(self.every, "due", |this, ctx| this.collect(ctx));
    }

    /// Samples that wait for room in the batcher are not lost with a panic. What hangs stays known for as long as it does.
    fn inherit(&mut self, previous: Self) {
        (self.outbox, self.crews, self.slots) = (previous.outbox, previous.crews, previous.slots);
        self.make_parts();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_look_claims_no_change_and_the_second_gives_every_figure_in_range() {
        let crews = Crews::new(Duration::from_secs(10));
        let mut parts: Vec<Box<dyn Part>> = PARTS.iter().map(|(_, make)| make(&crews)).collect();
        let mut look = || -> Vec<(Labels, f64)> { parts.iter_mut().flat_map(|part| part.read().samples).collect() };
        let named = |samples: &[(Labels, f64)], name: &str| samples.iter().filter(|(l, _)| l.name() == name).count();
        let first = look();
        let changes = ["system_cpu_utilization_ratio", "process_cpu_utilization_ratio", "process_disk_io_bytes_per_second"];
        assert_eq!(changes.map(|name| named(&first, name)), [0, 0, 0]);
        thread::sleep(Duration::from_millis(200));
        let second = look();
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
    fn what_cannot_be_read_is_named_and_what_is_not_there_is_not_missed() {
        let crew = Crew::new(Duration::from_secs(10));
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::create_dir(path("folder")).unwrap();
        let mut reading = Reading::default();
        for (path, read) in texts(&crew, &[&path("folder"), &path("none"), "/proc/self/stat"]) {
            reading.take(path.display(), read).flatten().into_iter().for_each(|_| reading.push("x", &[], 1.0));
        }
        assert_eq!(reading.samples.len(), 1);
        assert!(reading.problems.len() == 1 && reading.problems[0].contains("is a folder"), "{:?}", reading.problems);
        assert_eq!(reading.take("/mnt", Err::<Result<(), String>, _>(Missed::Hangs(Duration::from_secs(7)))), None);
        assert_eq!(reading.problems[1], "/mnt has not answered for 7 s");
    }
}
