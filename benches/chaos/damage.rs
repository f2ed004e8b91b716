//! One damaged byte in any file of a data directory: it starts, serves nothing wrong, loses no more than what lay there, and
//! says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Random;
use crate::service::{Setup, warnings};
use crate::truth::{self, Difference, Samples};
use crate::{Outcome, Plan, Report};

const SERIES: usize = 20;
const METRICS: [&str; 3] = ["old", "hot", "journal"];
const PER_REQUEST: i64 = 60;
const DAY_MS: i64 = 86_400_000;
/// A damaged byte costs the record that it lies in: a request in the journal, a chunk of one series elsewhere.
const MOST_LOST: u64 = 1_400;

/// A directory with finished days, a hot day in several seals, a journal, events and documents; and what is in it.
fn base(dir: &Path) -> Outcome<(Setup, Samples)> {
    let setup = Setup::busy(dir).with("STORE__MAX_HEAD_SAMPLES", "100000").with("STORE__SEAL_INTERVAL", "6h");
    let mut truth = Samples::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let today = now / DAY_MS * DAY_MS;
    let service = setup.start()?;
    let mut http = service.http()?;
    for day in [3, 2] {
        for from in (0..1_400).step_by(200) {
            let times: Vec<i64> = (from..from + 200).map(|minute| today - day * DAY_MS + minute * 60_000).collect();
            truth::write(&mut http, "old", 0..SERIES, &times, &mut truth)?;
        }
    }
    seal(&service)?;
    let chunks = || files(&setup.data).map(|all| all.iter().filter(|file| file.ends_with(".chunks")).count());
    for _ in 0..1_200 {
        if chunks()? >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    if chunks()? < 2 {
        return Err("the finished days were not compacted within a minute".into());
    }
    let recent = |minutes: i64| (0..PER_REQUEST).map(move |i| now - minutes * 60_000 + i * 1_000).collect::<Vec<i64>>();
    for part in 0..3 {
        truth::write(&mut http, "hot", 0..SERIES, &recent(20 - part), &mut truth)?;
        seal(&service)?;
    }
    for part in 0..5 {
        truth::write(&mut http, "journal", 0..SERIES, &recent(10 - part), &mut truth)?;
    }
    service.kill()?;
    let snapshots = setup.data.join("snapshots");
    if snapshots.exists() {
        fs::remove_dir_all(snapshots)?;
    }
    Ok((setup, truth))
}

/// A snapshot seals first.
fn seal(service: &crate::service::Service) -> Outcome<()> {
    match service.post("/api/v1/admin/snapshot")? {
        (200, _) => Ok(()),
        other => Err(format!("snapshot: {other:?}").into()),
    }
}

/// All files below a folder, by their paths from it.
fn files(dir: &Path) -> Outcome<Vec<String>> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(dir.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    for file in files(from)? {
        let target = to.join(&file);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from.join(&file), target)?;
    }
    Ok(())
}

/// The kind of a file: its path without what is different in each directory.
fn kind(path: &str) -> String {
    let plain: String = path.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut kind = String::new();
    for c in plain.chars() {
        if c != '0' || !kind.ends_with('0') {
            kind.push(c);
        }
    }
    kind.replace("partitions/0-0-0", "DAY").replace('0', "N")
}

#[derive(Default)]
struct Tally {
    trials: u64,
    reported: u64,
    costly: u64,
    most: u64,
}

pub fn run(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let rounds = plan.rounds(500, 60);
    let dir = tempfile::tempdir()?;
    let (setup, truth) = base(dir.path())?;
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(&setup.data)? {
        let not_damaged = ["lock", "alerts.log", ".gitignore"].iter().any(|name| file.ends_with(name));
        if fs::metadata(setup.data.join(&file))?.len() > 0 && !not_damaged {
            kinds.entry(kind(&file)).or_default().push(file);
        }
    }
    let mut random = Random(plan.seed);
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let trial = Setup { data: dir.path().join("trial"), log: dir.path().join("trial.log"), ..setup.clone() };
    let mut all = Difference::default();
    for round in 0..rounds {
        let (name, of) = kinds.iter().nth(round % kinds.len()).ok_or("no files")?;
        let file = &of[random.next() as usize % of.len()];
        copy(&setup.data, &trial.data)?;
        let path = trial.data.join(file);
        let mut bytes = fs::read(&path)?;
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |last| last + 1);
        let (at, flip) = (random.next() as usize % used, (random.next() % 255 + 1) as u8);
        bytes[at] ^= flip;
        fs::write(&path, &bytes)?;
        let what = format!("damage: {file}, byte {at} ^ {flip:#04x}");
        let logged = fs::metadata(&trial.log).map_or(0, |meta| meta.len());
        let tally = tallies.entry(name.clone()).or_default();
        tally.trials += 1;
        let service = match trial.start() {
            Ok(service) => service,
            Err(error) => {
                report.broken(format!("{what}: {error}"));
                continue;
            }
        };
        let there = truth::export(&service, &METRICS)?;
        let difference = truth::compare(&truth, &there, |_, _| false);
        let reported = !service.problems()?.is_empty() && service.health()?.0 == 503;
        let logged = !warnings(&trial.log, logged)?.is_empty();
        service.kill()?;
        tally.reported += u64::from(reported || logged);
        tally.costly += u64::from(difference.lost > 0);
        tally.most = tally.most.max(difference.lost);
        all += difference;
        if difference.wrong + difference.foreign > 0 {
            report.broken(format!("{what}: {difference:?}"));
        }
        if difference.lost > MOST_LOST {
            report.broken(format!("{what}: {} samples lost", difference.lost));
        }
        if difference.lost > 0 && !(reported && logged) {
            report.broken(format!(
                "{what}: {} samples lost, reported by health and status: {reported}, in the log: {logged}",
                difference.lost
            ));
        }
    }
    report.put(&format!("{rounds} damaged bytes: wrong or foreign samples"), (all.wrong + all.foreign).to_string());
    for (name, tally) in tallies {
        let Tally { trials, reported, costly, most } = tally;
        report.put(
            &format!("of them in `{name}`"),
            format!("{trials}: reported {reported}, cost samples {costly} times, at the most {most}"),
        );
    }
    Ok(())
}
