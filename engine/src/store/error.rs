//! What can go wrong with the store, in words that say what, where and what would be right.

use std::path::PathBuf;

use crate::codec::CodecError;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be made or written.
    #[error("data directory {path}: {source}; give a folder that this user may write with --data-dir")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("data directory {path} is in use by another taskpulse (process {pid}); stop that one or give another folder with --data-dir")]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, as it wrote itself.
        pid: String,
    },
    /// Written by another version.
    #[error("data directory {path} has format {found}, this version knows {known}; use the version that wrote it or another folder")]
    Format {
        /// The folder.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What is known.
        known: u32,
    },
    /// No room on the disk.
    #[error("no room left on the disk that holds {path}; until some is free nothing new is kept, what was kept can be read")]
    DiskFull {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory, or a part of it, is no longer where it was.
    #[error("{path} {what}; nothing new is kept until that is put right, which the service does by itself where it can")]
    Vanished {
        /// What is not as it was.
        path: PathBuf,
        /// How.
        what: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or its folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A record or chunk cannot be read.
    #[error("{place}: {source}")]
    Damaged {
        /// Where.
        place: String,
        /// How.
        source: CodecError,
    },
    /// Samples come faster than they can be written, or writing fails.
    #[error("{waiting} samples wait to be written into chunks; nothing new is kept until that works (the log says what is in its way)")]
    Backlog {
        /// How many.
        waiting: u64,
    },
    /// Series were removed between the time when samples were taken in and when they were to be kept.
    #[error("a series of this request left its retention just now; send the request again")]
    Removed,
    /// The thread that worked on it panicked.
    #[error("{0} was cut short by a fault of the program, which the log has")]
    Interrupted(&'static str),
    /// A read was stopped by its limits.
    #[error("the query reads more than {0} samples; ask for less time or fewer series")]
    TooManySamples(usize),
    /// A read took too long.
    #[error("the query took longer than its time limit; ask for less time or fewer series")]
    Deadline,
}

impl StoreError {
    /// An error of the file system at a place in the data directory.
    pub(super) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull { path: path.to_owned() },
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}
