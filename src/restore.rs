//! `taskpulse restore`: a data directory from a snapshot. The new directory is complete or not there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::store::Store;

use crate::console;
use crate::service;
use crate::settings::Settings;

/// Copies a snapshot to the data directory of the settings, and opens it to see that it is whole.
pub fn restore(snapshot: &Path, settings: &Settings, replace: bool) -> anyhow::Result<()> {
    ensure!(snapshot.join("catalog").is_dir(), "{}: not a snapshot, there is no catalog in it", snapshot.display());
    let target = service::data_dir(settings);
    let taken = fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_some());
    if taken && !replace {
        bail!("{} is not empty; give another folder with --data-dir, or --replace to move it out of the way", target.display());
    }
    if taken {
        // Refuses a directory that a service has open.
        drop(Store::open(&target, service::store_options(settings), now_ms())?);
    }
    let beside = |what: &str| PathBuf::from(format!("{}.{what}", target.display()));
    let (temporary, before) = (beside("restoring"), beside(&format!("before-{}", now_ms())));
    if temporary.exists() {
        fs::remove_dir_all(&temporary).with_context(|| temporary.display().to_string())?;
    }
    copy(snapshot, &temporary).with_context(|| format!("copying {} to {}", snapshot.display(), temporary.display()))?;
    let status = Store::open(&temporary, service::store_options(settings), now_ms()).map(|store| (store.status(), store.problems()));
    let (status, problems) = status.with_context(|| format!("the copy of {} cannot be opened; nothing was changed", snapshot.display()))?;
    if taken {
        fs::rename(&target, &before).with_context(|| target.display().to_string())?;
        console::print(&format!("what was there is in {}\n", before.display()))?;
    } else if target.exists() {
        fs::remove_dir(&target).with_context(|| target.display().to_string())?;
    }
    fs::rename(&temporary, &target).with_context(|| target.display().to_string())?;
    let notes: String = problems.iter().map(|problem| format!("note: {problem}\n")).collect();
    let done = format!("restored {} series over {} days into {}\n", status.series, status.partitions.len(), target.display());
    console::print(&format!("{notes}{done}"))?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    fs::File::open(to)?.sync_all()
}
