//! Files that others may have written: boards, token files, authorities, files of container engines.
//!
//! A repository may hold a link to `/dev/zero`, a pipe instead of a file, or a file that grows while it is read; a network
//! file system may not answer at all. Therefore
//!
//! * [`read`] accepts regular files only, names what else it finds, and reads up to a bound,
//! * [`within`] gives such work a time limit. A read that hangs cannot be cancelled: it stays on its thread, and no other is
//!   begun for the same key meanwhile. So there is at most one such thread per key.

use std::collections::BTreeMap;
use std::fs::{FileType, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::OFlags;

use crate::standstill;

/// Longest time that a collector waits for files.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Largest file that holds a token or another short text.
pub const MAX_SHORT: u64 = 1 << 16;
/// Flags for opening: do not wait for the other end of a FIFO, and take no controlling terminal.
#[allow(clippy::cast_possible_wrap, reason = "flags of open(2) are small")]
pub const DO_NOT_WAIT: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits() as i32;
/// Most memory that is reserved before a file is read; more is allocated as bytes come.
const FIRST_ROOM: u64 = 1 << 20;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("{}: there is no such file", .0.display())]
    Missing(PathBuf),
    /// It is no regular file.
    #[error("{} is a {kind}; only regular files are read", .path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// It is longer than the bound.
    #[error("{} is longer than {most} bytes, which is the most that is read of it", .path.display())]
    TooLong {
        /// Where.
        path: PathBuf,
        /// The bound.
        most: u64,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// The system gives an error.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ReadError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    fn of(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::NotFound => Self::Missing(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}

fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "folder"
    } else if kind.is_fifo() {
        "FIFO"
    } else if kind.is_char_device() {
        "character device"
    } else if kind.is_block_device() {
        "block device"
    } else if kind.is_socket() {
        "socket"
    } else {
        "special file"
    }
}

fn regular(path: &Path, meta: Metadata) -> Result<Metadata, ReadError> {
    match meta.is_file() {
        true => Ok(meta),
        false => Err(ReadError::NotAFile { path: path.to_owned(), kind: kind_of(meta.file_type()) }),
    }
}

/// The metadata of a regular file.
///
/// # Errors
/// [`ReadError`], also if it is no regular file.
pub fn metadata(path: &Path) -> Result<Metadata, ReadError> {
    regular(path, std::fs::metadata(path).map_err(|error| ReadError::of(path, error))?)
}

/// The bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// [`ReadError`]
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let failed = |error| ReadError::of(path, error);
    // Checked before it is opened: opening some devices has effects.
    metadata(path)?;
    // O_NONBLOCK: do not wait if it was replaced by a FIFO meanwhile. It changes nothing for regular files.
    let file = OpenOptions::new().read(true).custom_flags(DO_NOT_WAIT).open(path).map_err(failed)?;
    let size = regular(path, file.metadata().map_err(failed)?)?.len();
    let too_long = || ReadError::TooLong { path: path.to_owned(), most };
    if size > most {
        return Err(too_long());
    }
    // Files of the kernel have size 0, and others grow while they are read: only the bytes that come count.
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(FIRST_ROOM)).unwrap_or(0));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most { Err(too_long()) } else { Ok(bytes) }
}

/// As [`read`], for text.
///
/// # Errors
/// [`ReadError`]
pub fn read_text(path: &Path, most: u64) -> Result<String, ReadError> {
    String::from_utf8(read(path, most)?).map_err(|_| ReadError::NotText(path.to_owned()))
}

/// Work under way, by key: when it began.
static UNDER_WAY: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());

/// Frees the key when its work ends, also by a panic.
struct Turn(PathBuf);

impl Drop for Turn {
    fn drop(&mut self) {
        UNDER_WAY.lock().remove(&self.0);
    }
}

/// Why work on files has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// It has not returned for this long.
    #[error("{}: a read has not come back for {} s; does its file system answer?", .key.display(), .since.as_secs())]
    Hangs {
        /// The key of the work.
        key: PathBuf,
        /// How long.
        since: Duration,
    },
    /// It panicked.
    #[error("{}: reading it ended in a panic", .0.display())]
    Panicked(PathBuf),
    /// The system gives no thread.
    #[error("{}: no thread to read it: {error}", .key.display())]
    NoThread {
        /// The key of the work.
        key: PathBuf,
        /// Why.
        error: String,
    },
}

/// Work that was begun, or why it was not.
pub struct Begun<T> {
    key: PathBuf,
    result: Result<Receiver<T>, WaitError>,
}

/// Begins work that may wait for files, on a thread of its own. No other work is begun for the same key (a file or a folder)
/// until it returns.
pub fn begin<T: Send + 'static>(key: &Path, work: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
    let key = key.to_owned();
    {
        let mut under_way = UNDER_WAY.lock();
        if let Some(since) = under_way.get(&key) {
            let hangs = WaitError::Hangs { key: key.clone(), since: since.elapsed() };
            return Begun { key, result: Err(hangs) };
        }
        under_way.insert(key.clone(), Instant::now());
    }
    let turn = Turn(key.clone());
    let (send, receive) = sync_channel(1);
    let reading = thread::Builder::new().name("files".to_owned()).spawn(move || {
        let done = work();
        // The key is free before the result arrives, so the receiver may begin the next work.
        drop(turn);
        let _ = send.send(done);
    });
    let result = reading.map(|_| receive).map_err(|error| WaitError::NoThread { key: key.clone(), error: error.to_string() });
    Begun { key, result }
}

impl<T> Begun<T> {
    /// Waits for its end, for at most `limit`. Blocking.
    ///
    /// # Errors
    /// [`WaitError`]
    pub fn wait(self, limit: Duration) -> Result<T, WaitError> {
        let Self { key, result } = self;
        let receiver = result?;
        loop {
            let begun = Instant::now();
            return match receiver.recv_timeout(limit) {
                Ok(done) => Ok(done),
                // The reading thread stood still as well.
                Err(RecvTimeoutError::Timeout) if standstill::spoiled(begun) => continue,
                Err(RecvTimeoutError::Timeout) => Err(WaitError::Hangs { key, since: limit }),
                Err(RecvTimeoutError::Disconnected) => Err(WaitError::Panicked(key)),
            };
        }
    }
}

/// [`begin`] and [`Begun::wait`].
///
/// # Errors
/// [`WaitError`]
pub fn within<T: Send + 'static>(key: &Path, limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, WaitError> {
    begin(key, work).wait(limit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn why(path: &Path, most: u64) -> String {
        read(path, most).unwrap_err().to_string()
    }

    #[test]
    fn everything_but_regular_files_is_refused_by_kind_and_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, socket, link) = (dir.path().join("pipe"), dir.path().join("socket"), dir.path().join("link"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, kind) in [(&pipe, "is a FIFO"), (&socket, "is a socket"), (&link, "is a character device")] {
            assert!(why(path, 10).contains(kind), "{}", why(path, 10));
        }
        assert!(why(dir.path(), 10).contains("is a folder"));
        assert!(read(&dir.path().join("none"), 10).unwrap_err().is_missing());
    }

    #[test]
    fn no_more_is_read_than_the_bound_also_of_files_with_size_zero() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert!(why(&file, 4).contains("longer than 4 bytes"));
        let kernel = Path::new("/proc/self/status");
        assert_eq!(metadata(kernel).unwrap().len(), 0);
        assert!(read_text(kernel, 1 << 16).unwrap().contains("Pid:"));
        assert!(why(kernel, 10).contains("longer than 10 bytes"));
        std::fs::write(&file, [0xff]).unwrap();
        assert!(read_text(&file, 5).unwrap_err().to_string().contains("not UTF-8"));
    }

    #[test]
    fn work_that_hangs_is_left_behind_and_blocks_its_key_until_it_returns() {
        let key = Path::new("/hangs");
        let (release, wait) = channel::<()>();
        let soon = Duration::from_millis(20);
        let why = within(key, soon, move || wait.recv()).unwrap_err().to_string();
        assert!(why.contains("/hangs") && why.contains("has not come back"), "{why}");
        assert!(matches!(within(key, soon, || panic!("it must not be begun")), Err(WaitError::Hangs { .. })));
        assert_eq!(within(Path::new("/other"), PATIENCE, || 5), Ok(5), "others go on");
        release.send(()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while within(key, PATIENCE, || 6) != Ok(6) {
            assert!(Instant::now() < deadline, "it came back and the key is still taken");
        }
        assert_eq!(within(key, PATIENCE, || assert_eq!(1, 2)), Err(WaitError::Panicked(key.to_owned())));
        assert_eq!(within(key, PATIENCE, || 7), Ok(7), "a panic gives the key back");
    }
}
