//! A clock that jumps, while the service runs and before it starts: nothing that was kept is lost.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Random;
use crate::service::Setup;
use crate::truth::{self, Difference, Samples};
use crate::{Outcome, Plan, Report};

const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];
const DAY_MS: i64 = 86_400_000;
const METRIC: &str = "timed";
const SERIES: usize = 10;
/// Days from the true time to which the clock leaps.
const LEAPS: [i64; 10] = [60, -2, 400, 0, -400, 31, 3_650, -20_000, 1, 500];

pub fn run(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let leaps = plan.rounds(50, 6);
    let Some(library) = LIBRARIES.iter().find(|path| Path::new(path).exists()) else {
        report.skipped("leaping clocks", "Debian's package faketime is not installed");
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let offset = dir.path().join("offset");
    let leap = |days: i64| fs::write(&offset, format!("{days:+}d\n"));
    leap(0)?;
    let mut setup = Setup::busy(dir.path());
    for (key, value) in [
        ("LD_PRELOAD", (*library).to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_string_lossy().into_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ] {
        setup.env.push((key.to_owned(), value));
    }
    // What the machine itself measures carries the leaping clock too.
    setup = setup.with("SYSTEM__ENABLED", "true").with("SYSTEM__INTERVAL", "1s").with("PIPELINE__FLUSH_INTERVAL", "1s");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let mut truth = Samples::new();
    let mut service = setup.start()?;
    let mut http = service.http()?;
    for day in (0..5).rev() {
        let times: Vec<i64> = (0..200).map(|i| now - day * DAY_MS - 3_600_000 + i * 10_000).collect();
        truth::write(&mut http, METRIC, 0..SERIES, &times, &mut truth)?;
    }
    let mut random = Random(plan.seed);
    let mut all = Difference::default();
    let wait = if plan.short { Duration::from_secs(3) } else { Duration::from_secs(8) };
    for number in 0..leaps {
        let days = LEAPS[(random.next() % LEAPS.len() as u64) as usize];
        let restart = random.next().is_multiple_of(3);
        if restart {
            // Killed with samples in the journal, and started in the wrong time.
            service.kill()?;
            leap(days)?;
            service = setup.start()?;
        } else {
            leap(days)?;
        }
        std::thread::sleep(wait);
        if !service.lives()? {
            return Err(format!("leap {number} by {days} days: it ended").into());
        }
        leap(0)?;
        std::thread::sleep(wait / 4);
        let difference = truth::compare(&truth, &truth::export(&service, &[METRIC])?, |_, _| false);
        if !difference.is_none() {
            report.broken(format!("clock: leap {number} by {days} days, restarted: {restart}: {difference:?}"));
            all += difference;
        }
        // Samples of the true time are still accepted.
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64 / 1_000 * 1_000;
        if let Err(error) = truth::write(&mut service.http()?, METRIC, 0..SERIES, &[at], &mut truth) {
            report.broken(format!("clock: leap {number} by {days} days: a sample of the true time is refused: {error}"));
        }
    }
    service.kill()?;
    let mut plain = setup;
    plain.env.retain(|(key, _)| !key.starts_with("FAKETIME") && key != "LD_PRELOAD");
    let service = plain.start()?;
    let difference = truth::compare(&truth, &truth::export(&service, &[METRIC])?, |_, _| false);
    if !difference.is_none() {
        report.broken(format!("clock: after all leaps, with the true time: {difference:?}"));
        all += difference;
    }
    report
        .put(&format!("{leaps} leaps of the clock: samples lost, wrong, foreign"), format!("{}, {}, {}", all.lost, all.wrong, all.foreign));
    Ok(())
}
