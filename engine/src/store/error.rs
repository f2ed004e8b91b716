//! Errors of the store. Each message says what failed, where, and what would fix it.

use std::path::PathBuf;

use crate::codec::CodecError;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be created or written.
    #[error("data directory {path}: {source}; give a folder that this user may write with --data-dir")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error("data directory {path} is in use by another taskpulse (process {pid}); stop that one or give another folder with --data-dir")]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process id in its lock file.
        pid: String,
    },
    /// The directory has the format of another version.
    #[error("data directory {path} has format {found}, this version knows {known}; use the version that wrote it or another folder")]
    Format {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this version.
        known: u32,
    },
    /// The disk is full.
    #[error("no room left on the disk that holds {path}; new samples are refused until some is free, stored ones can be read")]
    DiskFull {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory, or a part of it, was removed or replaced.
    #[error("{path} {what}; new samples are refused until this is repaired, which the service does by itself if it can")]
    Missing {
        /// What is missing.
        path: PathBuf,
        /// How it differs.
        what: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or its folder.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A record or chunk cannot be read.
    #[error("{place}: {source}")]
    Damaged {
        /// Where.
        place: String,
        /// The damage.
        source: CodecError,
    },
    /// Samples or log lines arrive faster than they can be sealed, or sealing fails.
    #[error("{waiting} {what} wait to be sealed; new {what} are refused until sealing works (the log says why it fails)")]
    Backlog {
        /// How many wait.
        waiting: u64,
        /// What waits.
        what: &'static str,
    },
    /// Series were removed between resolving the samples of a request and storing them.
    #[error("a series of this request was just removed by retention; send the request again")]
    Removed,
    /// The thread that worked on it panicked.
    #[error("{0} was cut short by a fault of the program, which the log has")]
    Interrupted(&'static str),
    /// A read exceeded its limit of samples.
    #[error("the query reads more than {0} samples; ask for less time or fewer series")]
    TooManySamples(usize),
    /// A read exceeded its time limit.
    #[error("the query took longer than its time limit; ask for less time or fewer series")]
    Deadline,
}

impl StoreError {
    /// Wraps an I/O error with its path; a full disk becomes [`StoreError::DiskFull`].
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull { path: path.to_owned() },
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}
