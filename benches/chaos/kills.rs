//! SIGKILL at any moment: of a start, a write, a seal, a compaction, a retention, a snapshot, a restore.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::Random;
use crate::service::{Service, Setup};
use crate::truth::{self, Difference, Samples};
use crate::{Outcome, Plan, Report};

const STEP_MS: i64 = 20_000;
const HOURS: i64 = 50;
const WRITERS: usize = 2;
const SERIES: usize = 10;
const PER_REQUEST: i64 = 5;
/// Requests of a writer until a new set of series begins.
const REQUESTS: i64 = HOURS * 3_600_000 / STEP_MS / PER_REQUEST;

/// What one writer got acknowledged.
struct Writer {
    epoch: usize,
    next: i64,
    truth: Samples,
    start: i64,
}

impl Writer {
    fn metric(&self, number: usize) -> String {
        format!("chaos_{number}_{}", self.epoch)
    }

    /// Writes until the service is gone. Samples of a series whose retention is a day are written too, and not held against it.
    fn write(&mut self, number: usize, port: u16, stop: &AtomicBool) -> u64 {
        let Ok(mut http) = crate::client::Http::connect(port) else { return 0 };
        let mut acknowledged = 0;
        while !stop.load(Ordering::Relaxed) {
            let times: Vec<i64> = (0..PER_REQUEST).map(|i| self.start + (self.next * PER_REQUEST + i) * STEP_MS).collect();
            let metric = self.metric(number);
            if truth::write(&mut http, &metric, 0..SERIES, &times, &mut self.truth).is_err() {
                break;
            }
            acknowledged += SERIES as u64 * PER_REQUEST as u64;
            self.next += 1;
            if self.next == REQUESTS {
                (self.epoch, self.next) = (self.epoch + 1, 0);
            }
            if self.next % 10 == 0 && truth::write(&mut http, "short", number..number + 1, &times, &mut Samples::new()).is_err() {
                break;
            }
        }
        acknowledged
    }

    /// Compares what is there with what was acknowledged; `everything` includes earlier sets of series.
    fn verify(&self, number: usize, service: &Service, everything: bool) -> Outcome<Difference> {
        let mut difference = Difference::default();
        let first = if everything { 0 } else { self.epoch.saturating_sub(1) };
        for epoch in first..=self.epoch {
            let metric = format!("chaos_{number}_{epoch}");
            let there = truth::export(service, &[&metric])?;
            let prefix = format!("{metric}/");
            let wanted = self.truth.iter().filter(|(series, _)| series.starts_with(&prefix)).map(|(s, v)| (s.clone(), v.clone())).collect();
            let (from, to) = (self.start + self.next * PER_REQUEST * STEP_MS, self.start + (self.next + 1) * PER_REQUEST * STEP_MS);
            // The request that was not answered may be there, whole or in part.
            difference += truth::compare(&wanted, &there, |_, t| epoch == self.epoch && t >= from && t < to);
        }
        Ok(difference)
    }
}

pub fn run(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let rounds = plan.rounds(1_000, 40);
    let dir = tempfile::tempdir()?;
    let settings = dir.path().join("Settings.toml");
    std::fs::write(&settings, "[store.retentions.short]\nmatch = \"short\"\nkeep = \"1d\"\n")?;
    let setup = Setup::busy(dir.path());
    let mut random = Random(plan.seed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let start = now - HOURS * 3_600_000;
    let mut writers: Vec<Writer> = (0..WRITERS).map(|_| Writer { epoch: 0, next: 0, truth: Samples::new(), start }).collect();
    let (mut all, mut acknowledged) = (Difference::default(), 0);
    let (mut ready, mut restores, mut snapshots) = (Vec::new(), 0, 0);
    for round in 0..rounds {
        if random.next().is_multiple_of(5) {
            // In the middle of the start.
            let service = setup.spawn()?;
            std::thread::sleep(Duration::from_micros(random.next() % 120_000));
            service.kill()?;
        }
        let mut service = setup.spawn()?;
        ready.push(service.until_served(Duration::from_secs(30))?.as_secs_f64() * 1e3);
        let everything = round % 50 == 49 || round + 1 == rounds;
        for (number, writer) in writers.iter().enumerate() {
            let difference = writer.verify(number, &service, everything)?;
            if !difference.is_none() {
                report.broken(format!("kills: round {round}, writer {number}: {difference:?}"));
                all += difference;
            }
        }
        let problems = service.problems()?;
        if !problems.is_empty() {
            report.broken(format!("kills: round {round}: a kill alone is reported as damage: {problems:?}"));
        }
        let lifetime = Duration::from_millis(20 + random.next() % 900);
        let snapshot = random.next().is_multiple_of(4).then(|| Duration::from_millis(random.next() % 400));
        let (stop, taken) = (AtomicBool::new(false), Mutex::new(None));
        std::thread::scope(|scope| -> Outcome<()> {
            let port = service.port;
            let threads: Vec<_> = writers
                .iter_mut()
                .enumerate()
                .map(|(number, writer)| {
                    let stop = &stop;
                    scope.spawn(move || writer.write(number, port, stop))
                })
                .collect();
            if let Some(after) = snapshot {
                let taken = &taken;
                scope.spawn(move || {
                    std::thread::sleep(after);
                    let made =
                        crate::client::Http::connect(port).and_then(|mut http| http.send("POST /api/v1/admin/snapshot HTTP/1.1", &[]));
                    if let Ok((200, body)) = made
                        && let Ok(mut taken) = taken.lock()
                    {
                        *taken = serde_json::from_slice::<serde_json::Value>(&body).ok();
                    }
                });
            }
            std::thread::sleep(lifetime);
            service.kill()?;
            stop.store(true, Ordering::Relaxed);
            for thread in threads {
                acknowledged += thread.join().map_err(|_| "a writer panicked")?;
            }
            Ok(())
        })?;
        let taken = taken.into_inner().ok().flatten();
        if let Some(path) = taken.as_ref().and_then(|answer| answer["data"]["path"].as_str()) {
            snapshots += 1;
            restores += restore(&setup, &dir.path().join(path), dir.path(), &mut random, report)?;
            std::fs::remove_dir_all(dir.path().join(path))?;
        }
    }
    ready.sort_by(f64::total_cmp);
    let (p50, most) = (ready[ready.len() / 2], ready[ready.len() - 1]);
    report.put(&format!("{rounds} SIGKILLs: acknowledged samples lost, wrong, foreign"), {
        format!("{}, {}, {} of {acknowledged}", all.lost, all.wrong, all.foreign)
    });
    report.put("ready after a SIGKILL, p50 / longest, ms", format!("{p50:.0} / {most:.0}"));
    report.put(
        "snapshots taken meanwhile, of them restored and verified after a restore that was killed",
        format!("{snapshots}, {restores}"),
    );
    Ok(())
}

/// Restores a snapshot: killed on the way, then to the end; the copy has to open and serve. Returns how many were verified.
fn restore(setup: &Setup, snapshot: &Path, dir: &Path, random: &mut Random, report: &mut Report) -> Outcome<usize> {
    let to: PathBuf = dir.join("restored");
    let texts = [snapshot, &to].map(|path| path.to_string_lossy().into_owned());
    let arguments = ["restore", texts[0].as_str(), "--data-dir", texts[1].as_str()];
    let mut child = setup.begin(&arguments)?;
    std::thread::sleep(Duration::from_micros(random.next() % 80_000));
    child.kill()?;
    child.wait()?;
    if to.exists() {
        // It ended before the kill.
        std::fs::remove_dir_all(&to)?;
    }
    let begun = Instant::now();
    let code = setup.run(&arguments)?;
    if code != Some(0) {
        report.broken(format!("kills: a snapshot that was acknowledged cannot be restored: exit code {code:?}"));
        return Ok(0);
    }
    let restored = Setup { data: to.clone(), ..setup.clone() };
    let service = restored.start()?;
    let metrics = service.http()?.query("count(count_over_time({__name__=~\"chaos.*\"}[60h]))", 0)?;
    let problems = service.problems()?;
    if !problems.is_empty() {
        report.broken(format!("kills: a restored snapshot has problems: {problems:?} ({metrics})"));
    }
    service.kill()?;
    std::fs::remove_dir_all(&to)?;
    if begun.elapsed() > Duration::from_secs(30) {
        report.broken("kills: a restore took over 30 s");
    }
    Ok(1)
}
