//! A log: a file of frames that is the source of truth for data kept elsewhere as an index (series, events, documents).
//!
//! ```text
//! NAME.log       frames, numbered from 0; the first is the header: format u32 · identity of the directory · generation u64
//! NAME.synced    the mark: generation, durable length, one number of the owner
//! ```
//!
//! A record is durable when [`Log::append`] returns. A rewrite creates a new file with the next generation. An unfinished write at
//! the end, left by a crash, is cut off. Any other bad record is damage; the owner repairs it by a rewrite from what else it knows.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::files;
use super::frame::{self, Found, HEADER};
use super::identity::{FORMAT, Identity};
use super::mark::Mark;
use crate::codec::CodecError;

/// The kind of the first frame.
const HEADER_KIND: u8 = 0;
/// Damaged places named in one message.
const NAMED: usize = 3;

/// An open log. One user at a time.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    identity: Identity,
    generation: u64,
    /// Opened for the first append.
    file: Option<File>,
    /// Length that counts; what follows was never acknowledged.
    len: u64,
    /// The number of the next frame.
    number: u64,
    mark: Mark,
    /// A number of the owner, kept in the mark.
    note: u64,
}

/// Result of [`Log::open`].
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) log: Log,
    /// Describes what is damaged or missing; `None` if nothing is.
    pub(super) damage: Option<String>,
    /// Where the last damage ends; an index whose position is at or past it misses nothing.
    pub(super) damaged_to: u64,
    /// The owner's number from the mark; 0 where there is none.
    pub(super) note: u64,
}

/// Damaged places of a log, bounded in number.
#[derive(Default)]
struct Damage {
    places: Vec<String>,
    more: usize,
    to: u64,
}

impl Damage {
    fn add(&mut self, place: String) {
        if self.places.len() < NAMED { self.places.push(place) } else { self.more += 1 }
    }

    fn reaches(&mut self, to: u64) {
        self.to = self.to.max(to);
    }

    fn text(mut self) -> Option<String> {
        if self.more > 0 {
            self.places.push(format!("and at {} more places", self.more));
        }
        (!self.places.is_empty()).then(|| self.places.join("; "))
    }
}

impl Log {
    /// Opens the log `NAME.log` of a data directory and passes each record to `record`: where it ends, its kind, its payload.
    ///
    /// # Errors
    /// An I/O error other than a missing file.
    pub(super) fn open(
        data_dir: &Path,
        name: &str,
        identity: Identity,
        record: impl FnMut(u64, u8, &[u8]) -> Result<(), CodecError>,
    ) -> std::io::Result<Opened> {
        let path = data_dir.join(format!("{name}.log"));
        let (mark, found) = Mark::open(&data_dir.join(format!("{name}.synced")));
        let mut damage = Damage::default();
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut header = header(&bytes);
        if header.is_some_and(|(theirs, _)| theirs != identity) {
            let moved = files::set_aside(data_dir, &path, &format!("{name}.log"));
            damage.add(format!("it belongs to another data directory; {}", files::outcome("it was moved to", moved)));
            (bytes, header) = (Vec::new(), None);
        }
        let marked = found.numbers();
        let generation = header.map(|header| header.1).or(marked.map(|m| m[0])).unwrap_or(1);
        // The length of another generation does not apply to this file.
        let durable = marked.filter(|m| m[0] == generation).map(|m| m[1]);
        let Scanned { len, number, after_damage } = scan(&bytes, durable, &mut damage, record);
        if let Some([newest, durable, _]) = marked
            && (newest > generation || newest == generation && len < durable && !after_damage)
        {
            let has = if bytes.is_empty() { "it is missing or empty".to_owned() } else { format!("it ends at byte {len}") };
            damage.add(format!("{has}, but {durable} bytes were written"));
            damage.reaches(if newest == generation { durable } else { u64::MAX });
        }
        if found.damaged || (marked.is_none() && len > 0) {
            damage.add(format!("its mark {name}.synced is damaged or missing"));
        }
        if marked.is_none() && len == 0 {
            // From now on a missing mark is damage.
            mark.set([generation, 0, 0]);
            mark.sync();
        }
        let note = marked.map_or(0, |m| m[2]);
        let log = Self { path, identity, generation, file: None, len, number, mark, note };
        let damaged_to = damage.to;
        Ok(Opened { log, damage: damage.text(), damaged_to, note })
    }

    /// Passes the records from a byte position on to `record`, as [`Log::open`] does.
    ///
    /// # Errors
    /// Any I/O error.
    pub(super) fn read_from(&self, from: u64, mut record: impl FnMut(u64, u8, &[u8])) -> std::io::Result<()> {
        if from >= self.len {
            return Ok(());
        }
        let mut file = File::open(&self.path)?;
        file.seek(std::io::SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(self.len - from).read_to_end(&mut bytes)?;
        for found in frame::scan(&bytes) {
            if let Found::Frame { at, header, payload } = found
                && header.kind != HEADER_KIND
            {
                record(from + (at + header.frame_len()) as u64, header.kind, payload);
            }
        }
        Ok(())
    }

    /// Length of the log in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Generation of the log and its length in bytes.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.generation, self.len)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file or its mark was removed while the log was open.
    pub(super) fn is_gone(&self) -> bool {
        self.len > 0 && !self.path.exists() || self.mark.is_gone()
    }

    /// Appends records durably; `note` goes into the mark. On failure the log is unchanged.
    ///
    /// # Errors
    /// An I/O error, or a record that is too long.
    pub(super) fn append(&mut self, records: &[(u8, Vec<u8>)], note: u64) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let mut number = self.number;
        if self.len == 0 {
            number = 0;
            push(&mut bytes, HEADER_KIND, number, &header_payload(self.identity, self.generation))?;
            number += 1;
        }
        for (kind, payload) in records {
            push(&mut bytes, *kind, number, payload)?;
            number += 1;
        }
        let written = self.writer().and_then(|file| {
            fail::fail_point!("store::log", |_| Err(std::io::Error::other("failpoint")));
            file.write_all(&bytes)?;
            file.sync_data()
        });
        if let Err(error) = written {
            // The next append opens the file again and truncates it.
            if let Some(file) = self.file.take()
                && let Err(error) = file.set_len(self.len)
            {
                log::warn!("cannot truncate {} to {} bytes yet: {error}", self.path.display(), self.len);
            }
            return Err(error);
        }
        (self.len, self.number, self.note) = (self.len + bytes.len() as u64, number, note);
        self.mark.set([self.generation, self.len, note]);
        Ok(())
    }

    /// The file, open at the end of what counts.
    fn writer(&mut self) -> std::io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
                if file.metadata()?.len() != self.len {
                    file.set_len(self.len)?;
                }
                if self.len == 0 {
                    self.path.parent().map_or(Ok(()), super::partition::sync_dir)?;
                }
                file
            }
        };
        Ok(self.file.insert(file))
    }

    /// Replaces the log by a new file with the records that `write` passes on.
    ///
    /// # Errors
    /// An I/O error, or the error of `write`; the log is unchanged then.
    pub(super) fn rewrite<E: From<std::io::Error>>(
        &mut self,
        note: u64,
        write: impl FnOnce(&mut Rewrite) -> Result<(), E>,
    ) -> Result<(), E> {
        let temporary = files::temporary_of(&self.path);
        let generation = self.generation + 1;
        let made = || -> Result<Rewrite, E> {
            let mut out = Rewrite { file: BufWriter::new(File::create(&temporary)?), len: 0, number: 0 };
            out.push(HEADER_KIND, &header_payload(self.identity, generation))?;
            write(&mut out)?;
            out.file.flush()?;
            out.file.get_ref().sync_all()?;
            files::put_in_place(&temporary, &self.path)?;
            Ok(out)
        };
        match made() {
            Ok(Rewrite { len, number, .. }) => {
                (self.file, self.generation, self.len, self.number, self.note) = (None, generation, len, number, note);
                self.mark.reopen();
                self.mark.set([generation, len, note]);
                Ok(())
            }
            Err(error) => {
                if let Err(error) = fs::remove_file(&temporary)
                    && error.kind() != ErrorKind::NotFound
                {
                    log::warn!("cannot remove {}: {error}", temporary.display());
                }
                Err(error)
            }
        }
    }

    /// Copies the log and its mark into another folder.
    ///
    /// # Errors
    /// Any I/O error.
    pub(super) fn copy_to(&self, folder: &Path) -> std::io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let name = self.path.file_name().unwrap_or_default();
        let to = folder.join(name);
        fs::copy(&self.path, &to)?;
        let copy = OpenOptions::new().write(true).open(&to)?;
        copy.set_len(self.len)?;
        copy.sync_all()?;
        let mark = Mark::open(&to.with_extension("synced")).0;
        mark.set([self.generation, self.len, self.note]);
        mark.sync();
        Ok(())
    }
}

/// What a scan of a log found besides damage.
#[derive(Default)]
struct Scanned {
    /// End of the last intact record.
    len: u64,
    /// The number of the next frame.
    number: u64,
    /// Damage follows the last intact record.
    after_damage: bool,
}

/// Reads the records of a log whose first `durable` bytes are known to be durable, if that is known.
fn scan(
    bytes: &[u8],
    durable: Option<u64>,
    damage: &mut Damage,
    mut record: impl FnMut(u64, u8, &[u8]) -> Result<(), CodecError>,
) -> Scanned {
    let mut scanned = Scanned::default();
    for found in frame::scan(bytes) {
        match found {
            Found::Frame { at, header, payload } => {
                if header.number != scanned.number && !scanned.after_damage {
                    damage.add(format!("records before byte {at} are missing"));
                    damage.reaches(u64::MAX);
                }
                (scanned.number, scanned.after_damage) = (header.number.wrapping_add(1), false);
                scanned.len = (at + header.frame_len()) as u64;
                if header.kind != HEADER_KIND
                    && let Err(error) = record(scanned.len, header.kind, payload)
                {
                    damage.add(format!("at byte {at}: {error}"));
                    damage.reaches(scanned.len);
                }
            }
            // A write at the end that a crash cut short was never acknowledged.
            Found::Damage { from, to, .. } if to == bytes.len() && durable.is_some_and(|durable| from as u64 >= durable) => {}
            Found::Damage { from, to, why } => {
                damage.add(format!("at byte {from}: {why}"));
                // If the end is cut off, more is lost than is visible.
                damage.reaches(if to == bytes.len() { durable.unwrap_or(u64::MAX).max(to as u64) } else { to as u64 });
                scanned.after_damage = true;
            }
        }
    }
    scanned
}

/// The next generation of a log while it is written.
pub(super) struct Rewrite {
    file: BufWriter<File>,
    len: u64,
    number: u64,
}

impl Rewrite {
    /// Writes a record.
    ///
    /// # Errors
    /// An I/O error, or a record that is too long.
    pub(super) fn push(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        let header = frame::Header::of(kind, self.number, payload).ok_or_else(too_long)?;
        self.file.write_all(&header.to_bytes())?;
        self.file.write_all(payload)?;
        self.len += header.frame_len() as u64;
        self.number += 1;
        Ok(())
    }
}

fn push(out: &mut Vec<u8>, kind: u8, number: u64, payload: &[u8]) -> std::io::Result<()> {
    if frame::push(out, kind, number, payload) { Ok(()) } else { Err(too_long()) }
}

fn too_long() -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidInput, "a record is longer than 4 GiB")
}

fn header_payload(identity: Identity, generation: u64) -> Vec<u8> {
    let mut payload = FORMAT.to_le_bytes().to_vec();
    payload.extend_from_slice(&identity.0);
    payload.extend_from_slice(&generation.to_le_bytes());
    payload
}

/// Identity and generation from the header of a log; `None` if the header is damaged.
fn header(bytes: &[u8]) -> Option<(Identity, u64)> {
    let head = frame::Header::read(bytes)?;
    let payload = bytes.get(HEADER..head.frame_len())?;
    if head.kind != HEADER_KIND || head.check(payload).is_err() {
        return None;
    }
    let (identity, rest) = payload.get(4..)?.split_first_chunk::<{ Identity::LEN }>()?;
    Some((Identity(*identity), u64::from_le_bytes(*rest.first_chunk()?)))
}

/// Reads the identity from a log, for a directory whose `identity` file is lost.
pub(super) fn identity_of(path: &Path) -> Option<Identity> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(256).read_to_end(&mut bytes).ok()?;
    header(&bytes).map(|header| header.0)
}

#[cfg(test)]
mod tests;
