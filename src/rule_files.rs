//! Rule files: those of the settings, and `taskpulse check-rules` and `taskpulse test-rules`, which need no settings.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use taskpulse_actors::files::{ReadError, read_text};
use taskpulse_engine::rules::files::{self, RuleFile};
use taskpulse_engine::rules::{GroupSpec, unit_tests};
use taskpulse_engine::yaml::{Faults, MAX_BYTES, Place};

use crate::console;

/// Prints what is wrong with rule files. Returns whether nothing is.
pub fn check(files: &[impl AsRef<Path>]) -> anyhow::Result<bool> {
    let mut all_valid = true;
    for file in files {
        let name = file.as_ref().display();
        console::print(&format!("Checking {name}\n"))?;
        match read(file.as_ref()) {
            Ok(read) => {
                let rules: usize = read.groups.iter().map(|group| group.rules.len()).sum();
                read.warnings.iter().for_each(|warning| console::print_error(&format!("{name}:{warning} (a warning)\n")));
                console::print(&format!("  SUCCESS: {rules} rules found\n\n"))?;
            }
            Err(faults) => {
                all_valid = false;
                faults.list().iter().for_each(|fault| console::print_error(&format!("{name}:{fault}\n")));
                console::print(&format!("  FAILED: {} faults\n\n", faults.list().len()))?;
            }
        }
    }
    Ok(all_valid)
}

/// Time that the tests of a file may take.
const TEST_TIME: Duration = Duration::from_secs(600);

/// Runs unit tests of rules and prints what fails. Returns whether nothing does.
pub fn test(files: &[PathBuf]) -> anyhow::Result<bool> {
    let mut all_pass = true;
    for file in files {
        console::print(&format!("Unit testing {}\n", file.display()))?;
        let failures = failures_of(file);
        all_pass &= failures.is_empty();
        failures.iter().for_each(|failure| console::print_error(&format!("{failure}\n")));
        console::print(if failures.is_empty() { "  SUCCESS\n\n" } else { "  FAILED\n\n" })?;
    }
    Ok(all_pass)
}

/// What fails in a unit-test file, a fault of it or of its rule files included.
fn failures_of(file: &Path) -> Vec<String> {
    let tests = match text_of(file).and_then(|text| unit_tests::parse(&text)) {
        Ok(tests) => tests,
        Err(faults) => return placed(file, &faults),
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut groups, mut failures): (Vec<GroupSpec>, Vec<String>) = (Vec::new(), Vec::new());
    for pattern in &tests.rule_files {
        match matching(folder, pattern) {
            Ok(paths) if paths.is_empty() => console::print_error(&format!("  WARNING: no file matches the pattern {pattern}\n")),
            Ok(paths) => paths.iter().for_each(|path| match read(path) {
                Ok(read) => groups.extend(read.groups),
                Err(faults) => failures.extend(placed(path, &faults)),
            }),
            Err(error) => failures.push(format!("{}: {pattern}: {error}", file.display())),
        }
    }
    if failures.is_empty() {
        let failed = tests.run(&groups, Instant::now() + TEST_TIME);
        failures.extend(failed.iter().map(|failure| format!("{}:{failure}", file.display())));
    }
    failures
}

/// The files that a pattern stands for (`rules/*.yml`), relative to a folder, in order of their names.
///
/// # Errors
/// What is wrong with the pattern.
pub fn matching(folder: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let whole = if Path::new(pattern).is_absolute() { PathBuf::from(pattern) } else { folder.join(pattern) };
    // A folder of the way that cannot be read has no files.
    Ok(glob::glob(&whole.to_string_lossy())?.flatten().collect())
}

/// The groups of all files that patterns stand for; a file that several stand for counts once.
///
/// # Errors
/// All faults of all files: `FILE:LINE:COLUMN: what is wrong`.
pub fn groups(patterns: &[String]) -> anyhow::Result<Vec<GroupSpec>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        for path in matching(Path::new(""), pattern).with_context(|| pattern.clone())? {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    let (mut groups, mut faults): (Vec<GroupSpec>, Vec<String>) = (Vec::new(), Vec::new());
    for path in &paths {
        match read(path) {
            Ok(read) => groups.extend(read.groups),
            Err(found) => faults.extend(placed(path, &found)),
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(groups)
}

/// Faults with their file.
fn placed(path: &Path, faults: &Faults) -> Vec<String> {
    faults.list().iter().map(|fault| format!("{}:{fault}", path.display())).collect()
}

/// Reads a rule file.
///
/// # Errors
/// All of its faults; why it cannot be read is one.
pub fn read(file: &Path) -> Result<RuleFile, Faults> {
    text_of(file).and_then(|text| files::parse(&text, &file.to_string_lossy()))
}

/// The text of a file that is not too long.
fn text_of(file: &Path) -> Result<String, Faults> {
    let refused = |message: String| {
        let mut faults = Faults::default();
        faults.add(Place::START, message);
        faults
    };
    read_text(file, MAX_BYTES as u64).map_err(|error| match error {
        ReadError::Missing(_) => refused("cannot be read: No such file or directory".to_owned()),
        other => refused(format!("cannot be read: {other}")),
    })
}
