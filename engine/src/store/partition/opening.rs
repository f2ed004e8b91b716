//! Opening a day: which of its files count, which ones others have replaced, which ones nothing explains.
//!
//! Every file says what it is and which files it was made of; the manifest says what there was at its last change. A file
//! counts when the manifest names it, when it began after the manifest was written, or when it was made of files that the
//! manifest names. One that a sound file was made of is replaced, and goes once that file is checked. Whatever else there is
//! goes into quarantine. Nothing is deleted that is not proven to be in another file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::chunk_file::ChunkFile;
use super::super::day_file::{FileKind, OpenError};
use super::super::identity::Identity;
use super::super::manifest::{self, Loaded, Manifest};
use super::super::pages_file::PagesFile;
use super::super::pread::{Pread, Stretch};
use super::PartitionError;
use super::place::{DayPlace, TEMPORARY, parse_name};

/// The files of a day that count.
#[derive(Default)]
pub(super) struct DayFiles {
    pub(super) chunks: Vec<Arc<ChunkFile>>,
    pub(super) pages: Vec<Arc<PagesFile>>,
    /// Files that others have replaced.
    pub(super) replaced: Vec<u64>,
    /// Higher than the number of any file.
    pub(super) next: u64,
    /// The last journal record that any file is known to have had.
    pub(super) last_record: u64,
    /// Something that was there is gone: the journal may still have it.
    pub(super) lost: bool,
    pub(super) generation: u64,
    /// The manifest on the disk says something else.
    pub(super) changed: bool,
    /// The manifest on the disk is sound.
    pub(super) keep_before: bool,
}

enum Opened {
    Chunks(ChunkFile),
    Pages(PagesFile),
}

impl Opened {
    fn len(&self) -> u64 {
        match self {
            Self::Chunks(file) => file.len(),
            Self::Pages(file) => file.len(),
        }
    }

    fn lost(&self) -> bool {
        match self {
            Self::Chunks(file) => file.lost,
            Self::Pages(file) => file.lost,
        }
    }

    /// The last journal record in it.
    fn through(&self) -> u64 {
        match self {
            Self::Chunks(file) => file.header.through,
            Self::Pages(file) => file.through(),
        }
    }
}

/// A file that cannot be opened: its path, its number where it is its own, and why.
type BadFile = (PathBuf, Option<u64>, OpenError);

/// What is in a day's folder.
#[derive(Default)]
struct Folder {
    sound: BTreeMap<u64, Opened>,
    bad: Vec<BadFile>,
    foreign: Vec<(PathBuf, Identity)>,
    unfinished: Vec<PathBuf>,
    unknown: Vec<PathBuf>,
}

/// Opens what counts of a day, and puts the rest in order.
///
/// # Errors
/// [`PartitionError::Foreign`] where all of it belongs to another data directory; the system's where something cannot be
/// read for the moment.
pub(super) fn open_files(place: &DayPlace) -> Result<DayFiles, PartitionError> {
    let loaded = manifest::load(&place.dir, place.identity, place.day)?;
    let folder = read_folder(place, &loaded)?;
    if let ([(_, other), ..], true, true) = (&folder.foreign[..], folder.sound.is_empty(), loaded.manifest.is_none()) {
        return Err(PartitionError::Foreign(*other));
    }
    if let Some(problem) = &loaded.problem {
        place.note(problem);
    }
    let mut files = DayFiles {
        keep_before: loaded.newest,
        changed: loaded.problem.is_some(),
        // One was written that cannot be read.
        generation: loaded.manifest.as_ref().map_or(0, |manifest| manifest.generation) + u64::from(!loaded.newest),
        next: loaded.manifest.as_ref().map_or(1, |manifest| manifest.next),
        last_record: loaded.manifest.as_ref().map_or(0, |manifest| manifest.through),
        ..DayFiles::default()
    };
    let highest = folder.sound.keys().copied().chain(folder.bad.iter().filter_map(|bad| bad.1)).max().unwrap_or(0);
    files.next = files.next.max(highest + 1).max(1);
    let sources = sources(&folder.sound);
    let mut decision = Decision { place, manifest: loaded.manifest.as_ref(), newest: loaded.newest, sources, files };
    decision.decide(folder);
    Ok(decision.files)
}

fn read_folder(place: &DayPlace, loaded: &Loaded) -> Result<Folder, PartitionError> {
    let mut folder = Folder::default();
    for entry in fs::read_dir(&place.dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if [manifest::NAME, manifest::OLD, manifest::TEMPORARY].contains(&name.as_str()) {
            continue;
        }
        let is_file = entry.file_type()?.is_file();
        let Some((kind, number)) = parse_name(&name).filter(|_| is_file) else {
            let unfinished = is_file && name.strip_suffix(TEMPORARY).is_some_and(|name| parse_name(name).is_some());
            if unfinished {
                folder.unfinished.push(path)
            } else {
                folder.unknown.push(path)
            }
            continue;
        };
        let expected = place.expected(kind, number);
        let opened = match kind {
            FileKind::Chunks => ChunkFile::open(&path, &expected, &place.problems).map(Opened::Chunks),
            FileKind::Pages => {
                // What the last manifest does not name was begun after it.
                let durable = loaded.manifest.as_ref().filter(|_| loaded.newest);
                let durable = durable.map(|manifest| manifest.bytes_of(number).unwrap_or(0));
                PagesFile::open(&path, &expected, durable, &place.problems).map(Opened::Pages)
            }
        };
        match opened {
            Ok(opened) => drop(folder.sound.insert(number, opened)),
            Err(OpenError::Foreign(other)) => folder.foreign.push((path, other)),
            Err(OpenError::Io(error)) => return Err(error.into()),
            Err(error) => folder.bad.push((path, Some(number).filter(|_| !matches!(error, OpenError::Misplaced { .. })), error)),
        }
    }
    Ok(folder)
}

/// For each file that another was made of: its length then, and the number of the other.
type Sources = BTreeMap<u64, (u64, u64)>;

fn sources(sound: &BTreeMap<u64, Opened>) -> Sources {
    let mut sources = Sources::new();
    for opened in sound.values() {
        if let Opened::Chunks(file) = opened {
            sources.extend(file.header.sources.iter().map(|(source, len)| (*source, (*len, file.number()))));
        }
    }
    sources
}

/// Decides what becomes of each file of a day.
struct Decision<'a> {
    place: &'a DayPlace,
    manifest: Option<&'a Manifest>,
    /// The manifest is the last one that was written.
    newest: bool,
    sources: Sources,
    files: DayFiles,
}

impl Decision<'_> {
    fn decide(&mut self, folder: Folder) {
        let Folder { mut sound, bad, foreign, unfinished, unknown } = folder;
        let missing = self.missing(&sound, &bad);
        for number in &missing {
            self.place.note(&format!("file {number}, which its manifest names, is missing; what was in it is lost"));
        }
        self.files.lost |= !missing.is_empty();
        bad.into_iter().for_each(|(path, number, error)| self.set_bad_aside(&path, number, &error));
        for (path, other) in foreign {
            self.place.set_aside(&path, &OpenError::Foreign(other).to_string());
            self.files.changed = true;
        }
        for path in unknown {
            self.place.set_aside(&path, "nothing explains this file");
        }
        for path in unfinished {
            // What it was to be made of is still there, unless something is missing.
            if missing.is_empty() {
                log::info!("{}: removing what a compaction left", path.display());
                remove(&path);
            } else {
                self.place.set_aside(&path, "it is not finished, and something else is missing");
            }
        }
        let (replaced, damaged) = self.replaced(&mut sound);
        self.settle(sound, &replaced, &damaged);
    }

    /// Files that the manifest names, that are not there, and that no other file was made of.
    fn missing(&self, sound: &BTreeMap<u64, Opened>, bad: &[BadFile]) -> Vec<u64> {
        let is_there = |number: &u64| sound.contains_key(number) || bad.iter().any(|bad| bad.1 == Some(*number));
        let named = self.manifest.into_iter().flat_map(|manifest| manifest.chunks.iter().chain(&manifest.pages));
        named.map(|entry| entry.number).filter(|number| !is_there(number) && !self.sources.contains_key(number)).collect()
    }

    fn set_bad_aside(&mut self, path: &Path, number: Option<u64>, error: &OpenError) {
        // A pages file that was begun when the process ended: nothing in it ever counted.
        let begun = number.is_some_and(|number| self.manifest.is_some_and(|manifest| self.newest && number >= manifest.next));
        if begun && path.extension().is_some_and(|kind| kind == "pages") && has_no_frame(path) {
            log::info!("{}: removing a file that a crash left", path.display());
            remove(path);
            return;
        }
        self.files.lost |= number.is_none_or(|number| !self.sources.contains_key(&number));
        self.place.set_aside(path, &error.to_string());
        self.files.changed = true;
    }

    /// The files that others have replaced, and the others that are damaged. A damaged one all of whose sources are there is set
    /// aside: its sources count again.
    fn replaced(&mut self, sound: &mut BTreeMap<u64, Opened>) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let is_source = |number: &u64, file: &Opened| self.sources.get(number).is_some_and(|(len, _)| file.len() <= *len);
        let mut replaced: BTreeSet<u64> = sound.iter().filter(|(number, file)| is_source(number, file)).map(|(n, _)| *n).collect();
        let mut damaged: BTreeSet<u64> = BTreeSet::new();
        for by in replaced.iter().filter_map(|number| Some(self.sources.get(number)?.1)).collect::<BTreeSet<_>>() {
            if is_whole(sound, by) {
                continue;
            }
            damaged.insert(by);
            let Some(Opened::Chunks(file)) = sound.get(&by) else { continue };
            let made_of: Vec<u64> = file.header.sources.iter().map(|source| source.0).collect();
            if made_of.iter().all(|number| replaced.contains(number)) {
                self.place.set_aside(file.path(), "it is damaged, and all that it was made of is still there");
                sound.remove(&by);
                made_of.iter().for_each(|number| _ = replaced.remove(number));
                self.files.changed = true;
            }
        }
        (replaced, damaged)
    }

    /// Takes the sound files that count; removes the others or sets them aside.
    fn settle(&mut self, sound: BTreeMap<u64, Opened>, replaced: &BTreeSet<u64>, damaged: &BTreeSet<u64>) {
        let doubtful = self.files.lost || !self.newest;
        for (number, file) in sound {
            self.files.last_record = self.files.last_record.max(file.through());
            let path = path_of(&file);
            match if replaced.contains(&number) { Verdict::Replaced } else { verdict(self.manifest, number, &file, doubtful) } {
                Verdict::Counts => {
                    self.count(number, file);
                    continue;
                }
                Verdict::Replaced => {
                    if self.sources.get(&number).is_some_and(|(_, by)| damaged.contains(by)) {
                        self.place.set_aside(&path, "another file has replaced it, but that one is damaged");
                    } else {
                        log::info!("{}: removing what another file has replaced", path.display());
                        remove(&path);
                    }
                    self.files.replaced.push(number);
                }
                Verdict::Unused => {
                    log::info!("{}: removing a file without a seal", path.display());
                    remove(&path);
                }
                Verdict::Unexplained => {
                    self.place.set_aside(&path, "its manifest does not name it, and nothing explains why it is there");
                }
            }
            self.files.changed = true;
        }
    }

    fn count(&mut self, number: u64, file: Opened) {
        self.files.lost |= file.lost();
        self.files.changed |= self.manifest.is_none_or(|manifest| manifest.bytes_of(number) != Some(file.len()));
        match file {
            Opened::Chunks(file) => self.files.chunks.push(Arc::new(file)),
            Opened::Pages(file) => self.files.pages.push(Arc::new(file)),
        }
    }
}

enum Verdict {
    Counts,
    /// What is in it is in another file.
    Replaced,
    /// There is nothing in it.
    Unused,
    Unexplained,
}

fn verdict(manifest: Option<&Manifest>, number: u64, file: &Opened, doubtful: bool) -> Verdict {
    let Some(manifest) = manifest else { return Verdict::Counts };
    if manifest.names(number) {
        return Verdict::Counts;
    }
    match file {
        Opened::Pages(file) if file.seals() == 0 && !file.lost => return Verdict::Unused,
        Opened::Chunks(file)
            if !file.header.sources.is_empty() && file.header.sources.iter().all(|(source, _)| manifest.names(*source)) =>
        {
            return Verdict::Counts;
        }
        _ => {}
    }
    // Where something is missing or the manifest is not the last one, what is sound is better than nothing.
    if number >= manifest.next || doubtful {
        return Verdict::Counts;
    }
    if manifest.leaving.contains(&number) { Verdict::Replaced } else { Verdict::Unexplained }
}

/// Whether a file that replaces others is sound to the last byte.
fn is_whole(sound: &BTreeMap<u64, Opened>, number: u64) -> bool {
    matches!(sound.get(&number), Some(Opened::Chunks(file)) if matches!(file.base.verify(|| ()), Ok(true)))
}

fn path_of(file: &Opened) -> PathBuf {
    match file {
        Opened::Chunks(file) => file.path().to_owned(),
        Opened::Pages(file) => file.base.path.clone(),
    }
}

fn has_no_frame(path: &Path) -> bool {
    let Ok(file) = Pread::open(path) else { return false };
    file.frames(0).all(|stretch| matches!(stretch, Ok(Stretch::Damage { .. })))
}

/// Removes a file that is not needed; one that stays is met again at the next opening.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        log::warn!("{} cannot be removed yet: {error}", path.display());
    }
}

#[cfg(test)]
mod tests;
