//! Who writes: the processes of a machine that wrote most while one of its file systems filled.
//!
//! The kernel counts what a process writes to disks, not to which file system, and the collector keeps the ten processes with most of it. What is said
//! here says so, and names nobody whose writes do not explain the growth.

use super::history::{History, host_of, named_on};
use super::levels::Used;
use super::{Evidence, TimestampMs};
use crate::model::NAME_LABEL;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::{date, figure};

/// A rise of a file system up to now.
pub(super) struct Growth {
    /// Since when.
    pub(super) since: TimestampMs,
    /// The share of the whole that was filled.
    pub(super) share: f64,
}

/// A smaller rise is none.
const LEAST_SHARE: f64 = 0.001;
/// What all processes wrote together must be this share of the growth at the least, or nobody is named.
const EXPLAINS: f64 = 0.5;
/// What wrote a smaller share of all that was written is not named, and so many at the most.
const NAMED_SHARE: f64 = 0.1;
const NAMED: usize = 3;
/// Processes that wrote most.
const WRITES: &str = "process_disk_io_bytes_per_second{direction=\"write\"}";

/// Who wrote during a growth, as sentences and as figures. `counts_bytes` is false where what grew is a number of files.
pub(super) fn during(
    history: &History<'_>,
    used: &Used,
    growth: &Growth,
    counts_bytes: bool,
) -> Result<(String, Vec<Evidence>), StoreError> {
    if growth.share < LEAST_SHARE {
        return Ok(("It did not grow within the last day, so nobody who writes to it can be named.".to_owned(), Vec::new()));
    }
    let (since, wrote) = (date(growth.since), written(history, &used.host, growth.since)?);
    let all: f64 = wrote.iter().map(|(_, bytes)| bytes).sum();
    if all <= 0.0 {
        let of = named_on("processes that write", &used.host);
        return Ok((format!("Who writes to it is not known: there are no figures of {of} since {since}."), Vec::new()));
    }
    let grown = if counts_bytes { bytes(history, used)?.map(|whole| whole * growth.share) } else { None };
    let mut evidence: Vec<Evidence> =
        grown.iter().map(|grown| Evidence::counted("growth since its lowest level of the last day", *grown, "bytes")).collect();
    let grew = grown.map_or_else(|| "It has grown".to_owned(), |grown| format!("It has grown by {}", figure("_bytes", grown)));
    if let Some(grown) = grown.filter(|grown| all < EXPLAINS * grown) {
        evidence.push(Evidence::counted("written by all processes seen in that time", all, "bytes"));
        let (all, grown) = (figure("_bytes", all), figure("_bytes", grown));
        return Ok((
            format!(
                "Who writes to it is not known: since {since} it has grown by {grown}, and all processes that were seen wrote {all} to disks."
            ),
            evidence,
        ));
    }
    let most: Vec<&(String, f64)> = wrote.iter().filter(|(_, bytes)| *bytes >= NAMED_SHARE * all).take(NAMED).collect();
    evidence.extend(most.iter().map(|(process, bytes)| Evidence::counted(format!("written by {process} in that time"), *bytes, "bytes")));
    let named: Vec<String> = most.iter().map(|(process, bytes)| format!("{process} ({})", figure("_bytes", *bytes))).collect();
    let doubt = if counts_bytes { "to which file system is not known" } else { "who makes the files is not known" };
    let host = if used.host.is_empty() { String::new() } else { format!(" on {}", used.host) };
    Ok((
        format!("{grew} since {since}. Of the processes seen{host}, most was written in that time by {}; {doubt}.", named.join(", ")),
        evidence,
    ))
}

/// All bytes of a file system.
fn bytes(history: &History<'_>, used: &Used) -> Result<Option<f64>, StoreError> {
    if let Some((total, _)) = used.total {
        return Ok(Some(total));
    }
    let mut whole = 0.0;
    for state in ["used", "free"] {
        let series = used.labels.with(NAME_LABEL, "system_filesystem_usage_bytes").with("state", state);
        let Some(part) = history.latest(&series, super::history::HOUR_MS)? else { return Ok(None) };
        whole += part;
    }
    Ok(Some(whole))
}

/// Bytes that the processes of a machine wrote since a time, the most first. A process has figures only while it is among the ten that write most: each
/// figure stands for the time between two of them, not for all of its window.
fn written(history: &History<'_>, host: &str, since: TimestampMs) -> Result<Vec<(String, f64)>, StoreError> {
    let length = Level::M5.ms();
    let mut rows: Vec<(String, Vec<WindowRow>)> = Vec::new();
    for (id, labels) in history.series(WRITES).into_iter().filter(|(_, labels)| host_of(labels) == host) {
        let Some(process) = labels.get("process") else { continue };
        rows.push((process.to_owned(), history.store.windows(id, Level::M5, since.div_euclid(length) * length, history.now)?));
    }
    let most = rows.iter().flat_map(|(_, rows)| rows).map(|row| row.count).fold(1.0, f64::max);
    let seconds = length as f64 / 1e3 / most;
    let mut wrote: Vec<(String, f64)> =
        rows.into_iter().map(|(process, rows)| (process, rows.iter().map(|row| row.sum * seconds).sum())).collect();
    wrote.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(wrote)
}
