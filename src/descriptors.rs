//! How many files and connections the process may have open, and who gets how many.
//!
//! A connection that takes the last descriptor would keep the store from beginning its next journal file. Connections therefore
//! get what is left after the store and the sources have theirs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside those that are open at the start and the days: journal, snapshots, and what sources open.
const RESERVE: u64 = 32;
/// Files of days for which there are descriptors in any case.
const MIN_FILES: u64 = 64;
/// Connections for which there is room in any case.
const MIN_CONNECTIONS: u64 = 16;

/// Raises the limit of open files as far as this user may.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        log::warn!("the limit of open files stays at {}: {error}", current.unwrap_or(0));
    }
}

/// Files of days that the store may have open; fewer than `wanted` where the limit is low.
pub fn for_files(wanted: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return wanted };
    wanted.min(usize::try_from((limit / 8).max(MIN_FILES)).unwrap_or(usize::MAX))
}

/// Connections for which there are descriptors besides those of the store for `files` files of days; fewer than `wanted` where
/// the limit is low.
pub fn for_connections(wanted: usize, files: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return wanted };
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    let (room, least) = (limit.saturating_sub(open + RESERVE + (files as u64).max(MIN_FILES)), limit.saturating_sub(open) / 3);
    let connections = usize::try_from(room.max(least).max(MIN_CONNECTIONS)).unwrap_or(usize::MAX).min(wanted);
    if connections < wanted {
        log::warn!(
            "at most {limit} files may be open, which leaves room for {connections} connections of {wanted}; raise the limit (ulimit -n, LimitNOFILE=)"
        );
    }
    connections
}
