//! A disk that fills and empties again under a running, stopping and starting service.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::Random;
use crate::service::{Service, Setup};
use crate::truth::{self, Difference, Samples};
use crate::{Outcome, Plan, Report};

/// Rounds on one data directory.
const TOGETHER: usize = 10;
const STEP_MS: i64 = 1_000;
const METRIC: &str = "filled";
const SERIES: usize = 50;
const PER_REQUEST: i64 = 60;

/// A small file system of its own; gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Outcome<Option<Self>> {
        fs::create_dir_all(at)?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).output()?;
        Ok(mounted.status.success().then_some(Self(at)))
    }

    /// Takes all room but `free` bytes.
    fn fill(&self, free: u64) -> Outcome<()> {
        let path = self.0.join("filler");
        let mut file = File::create(&path)?;
        while file.write_all(&[1; 4_096]).is_ok() {}
        let length = file.metadata()?.len().saturating_sub(free);
        Ok(file.set_len(length)?)
    }

    fn empty(&self) -> Outcome<()> {
        Ok(fs::remove_file(self.0.join("filler"))?)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

struct Feed {
    next: i64,
    truth: Samples,
    /// Times of requests that were refused or not answered: some of it may be there.
    open: Vec<(i64, i64)>,
    /// Why the last of them was refused.
    why: String,
}

impl Feed {
    /// Sends a request; whether it was acknowledged.
    fn send(&mut self, service: &Service) -> bool {
        let times: Vec<i64> = (0..PER_REQUEST).map(|i| self.next + i * STEP_MS).collect();
        let sent = service.http().and_then(|mut http| truth::write(&mut http, METRIC, 0..SERIES, &times, &mut self.truth));
        if let Err(why) = &sent {
            self.open.push((self.next, self.next + PER_REQUEST * STEP_MS));
            self.why = why.to_string();
        }
        self.next += PER_REQUEST * STEP_MS;
        sent.is_ok()
    }

    fn compare(&self, service: &Service) -> Outcome<Difference> {
        let there = truth::export(service, &[METRIC])?;
        Ok(truth::compare(&self.truth, &there, |_, t| self.open.iter().any(|(from, to)| t >= *from && t < *to)))
    }
}

pub fn run(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let rounds = plan.rounds(200, 12);
    let dir = tempfile::tempdir()?;
    let place = dir.path().join("small");
    let mut random = Random(plan.seed);
    let (mut all, mut hangs, mut slow, mut longest, mut refused) = (Difference::default(), 0, 0, 0.0f64, 0);
    let mut done = 0;
    while done < rounds {
        let Some(disk) = SmallDisk::mount(&place)? else {
            report.skipped("a disk that fills", "this user may not mount a small file system");
            return Ok(());
        };
        let setup = Setup { data: place.join("data"), ..Setup::busy(dir.path()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        let mut feed = Feed { next: now - 20 * 3_600_000, truth: Samples::new(), open: Vec::new(), why: String::new() };
        let mut service = Some(setup.start()?);
        for _ in 0..TOGETHER.min(rounds - done) {
            done += 1;
            let running = match service.take() {
                Some(running) => running,
                None => setup.start()?,
            };
            for _ in 0..3 {
                feed.send(&running);
            }
            disk.fill(random.next() % 600_000)?;
            // Until it is refused: the room is measured once a second.
            let filled = Instant::now();
            while feed.send(&running) && filled.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(20));
            }
            refused += u64::from(filled.elapsed() < Duration::from_secs(3));
            for _ in 0..4 {
                feed.send(&running);
                if random.next().is_multiple_of(3) {
                    // Refused or made, but answered.
                    let asked = Instant::now();
                    let answered = running.post("/api/v1/admin/snapshot");
                    if answered.is_err() || asked.elapsed() > Duration::from_secs(20) {
                        hangs += 1;
                        report.broken(format!("disk: round {done}: a snapshot on a full disk was not answered: {answered:?}"));
                    }
                }
            }
            // Stopped or killed while the disk is full, and started on it; or neither.
            let mut running = match random.next() % 3 {
                0 => {
                    if running.stop(Duration::from_secs(15))?.is_none() {
                        hangs += 1;
                        report.broken(format!("disk: round {done}: it does not stop on a full disk"));
                    }
                    setup.start()?
                }
                1 => {
                    running.kill()?;
                    setup.start()?
                }
                _ => running,
            };
            if !running.lives()? {
                return Err(format!("round {done}: the service ended").into());
            }
            let full = feed.compare(&running)?;
            // Snapshots are room too.
            let snapshots = setup.data.join("snapshots");
            if snapshots.exists() {
                fs::remove_dir_all(snapshots)?;
            }
            disk.empty()?;
            let freed = Instant::now();
            while !feed.send(&running) && freed.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(100));
            }
            let took = freed.elapsed().as_secs_f64();
            longest = longest.max(took);
            if took > 10.0 {
                slow += 1;
                report.broken(format!("disk: round {done}: {took:.1} s from room to the first acknowledged write: {}", feed.why));
            }
            let difference = feed.compare(&running)?;
            for (when, difference) in [("while it is full", full), ("with room again", difference)] {
                if !difference.is_none() {
                    report.broken(format!("disk: round {done}, {when}: {difference:?}"));
                    all += difference;
                }
            }
            service = Some(running);
        }
        if let Some(service) = service {
            service.kill()?;
        }
        let service = setup.start()?;
        all += feed.compare(&service)?;
        drop(service);
        drop(disk);
    }
    report.put(&format!("{rounds} rounds of a disk that fills: writes refused; hangs"), format!("{refused}; {hangs}"));
    report.put("acknowledged samples lost, wrong, foreign", format!("{}, {}, {}", all.lost, all.wrong, all.foreign));
    report.put("from room to the first acknowledged write, longest, s; over 10 s", format!("{longest:.1}; {slow}"));
    Ok(())
}
