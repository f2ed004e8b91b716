//! Opening a day: which of its files count, which others have replaced, which nobody can explain.
//!
//! Every file says what it is and which files it was made of; the manifest says what there was at its last change. A file
//! counts when the manifest names it, when it began after the manifest was written, or when it was made of files that the
//! manifest names. One that a sound file was made of is replaced, and goes once that file is checked. Whatever else there is
//! goes into quarantine. Nothing is deleted that is not proven to be in another file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::day_file::{Expected, FileKind, OpenError};
use super::file::ChunkFile;
use super::files;
use super::hot::PagesFile;
use super::identity::Identity;
use super::manifest::{self, Manifest};
use super::partition::{Day, PartitionError};
use super::pread::{Pread, Stretch};
use super::problems::Problems;

/// A file that is not whole yet.
pub(super) const TEMPORARY: &str = ".tmp";

/// Where a day lies and who it belongs to.
#[derive(Clone)]
pub(super) struct DayPlace {
    pub(super) data_dir: PathBuf,
    pub(super) dir: PathBuf,
    pub(super) identity: Identity,
    pub(super) day: Day,
    pub(super) problems: Arc<Problems>,
}

impl DayPlace {
    pub(super) fn note(&self, what: &str) {
        self.problems.note(format!("partition {}: {what}", self.day.name()));
    }

    pub(super) fn path(&self, kind: FileKind, number: u64) -> PathBuf {
        self.dir.join(file_name(kind, number))
    }

    pub(super) fn expected(&self, kind: FileKind, number: u64) -> Expected {
        Expected { identity: self.identity, day: self.day, number, kind }
    }

    /// Moves a file of the day into quarantine and tells why; false where it has to stay.
    pub(super) fn set_aside(&self, path: &Path, why: &str) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match files::set_aside(&self.data_dir, path, &format!("{}-{name}", self.day.name())) {
            Ok(to) => {
                self.note(&format!("{name}: {why}; it was set aside as {}", to.display()));
                true
            }
            Err(error) => {
                self.note(&format!("{name}: {why}; it is not used and cannot be set aside: {error}"));
                false
            }
        }
    }
}

pub(super) fn file_name(kind: FileKind, number: u64) -> String {
    match kind {
        FileKind::Chunks => format!("{number}.chunks"),
        FileKind::Pages => format!("{number}.pages"),
    }
}

/// Whether a file of this name can be one of a day's files.
pub(super) fn is_day_file(name: &str) -> bool {
    parse_name(name).is_some()
}

fn parse_name(name: &str) -> Option<(FileKind, u64)> {
    let (number, kind) = name.split_once('.')?;
    let kind = match kind {
        "chunks" => FileKind::Chunks,
        "pages" => FileKind::Pages,
        _ => return None,
    };
    let number = number.parse().ok()?;
    (file_name(kind, number) == name).then_some((kind, number))
}

/// The files of a day that count.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) files: Vec<Arc<ChunkFile>>,
    pub(super) hot: Vec<Arc<PagesFile>>,
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

/// What is in a day's folder.
#[derive(Default)]
struct Folder {
    sound: BTreeMap<u64, Opened>,
    /// Files that cannot be opened.
    bad: Vec<(PathBuf, Option<u64>, OpenError)>,
    foreign: Vec<(PathBuf, Identity)>,
    unfinished: Vec<PathBuf>,
    unknown: Vec<PathBuf>,
}

/// Opens what counts of a day, and puts the rest in order.
///
/// # Errors
/// [`PartitionError::Foreign`] where all of it belongs to another data directory; the system's where something cannot be
/// read for the moment.
pub(super) fn resolve(place: &DayPlace) -> Result<Resolved, PartitionError> {
    let loaded = manifest::load(&place.dir, place.identity, place.day)?;
    let folder = read_folder(place, loaded.manifest.as_ref())?;
    if let ([(_, other), ..], true, true) = (&folder.foreign[..], folder.sound.is_empty(), loaded.manifest.is_none()) {
        return Err(PartitionError::Foreign(*other));
    }
    if let Some(problem) = &loaded.problem {
        place.note(problem);
    }
    let mut resolved = Resolved {
        keep_before: loaded.newest,
        changed: loaded.problem.is_some(),
        // One was written that cannot be read.
        generation: loaded.manifest.as_ref().map_or(0, |manifest| manifest.generation) + u64::from(!loaded.newest),
        next: loaded.manifest.as_ref().map_or(1, |manifest| manifest.next),
        last_record: loaded.manifest.as_ref().map_or(0, |manifest| manifest.through),
        ..Resolved::default()
    };
    let highest = folder.sound.keys().copied().chain(folder.bad.iter().filter_map(|bad| bad.1)).max().unwrap_or(0);
    resolved.next = resolved.next.max(highest + 1).max(1);
    decide(place, loaded.manifest.as_ref(), loaded.newest, folder, &mut resolved);
    Ok(resolved)
}

fn read_folder(place: &DayPlace, manifest: Option<&Manifest>) -> Result<Folder, PartitionError> {
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
                // What the manifest does not name was begun after it.
                let durable = manifest.map(|manifest| manifest.bytes_of(number).unwrap_or(0));
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

fn decide(place: &DayPlace, manifest: Option<&Manifest>, newest: bool, folder: Folder, resolved: &mut Resolved) {
    let Folder { mut sound, bad, foreign, unfinished, unknown } = folder;
    let mut sources: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for opened in sound.values() {
        if let Opened::Chunks(file) = opened {
            sources.extend(file.header.sources.iter().map(|(source, len)| (*source, (*len, file.number()))));
        }
    }
    let named = |number: u64| manifest.is_some_and(|manifest| manifest.names(number));
    let is_there = |number: u64| sound.contains_key(&number) || bad.iter().any(|bad| bad.1 == Some(number));
    let all = manifest.into_iter().flat_map(|manifest| manifest.chunks.iter().chain(&manifest.pages));
    let missing: Vec<u64> = all.map(|entry| entry.number).filter(|n| !is_there(*n) && !sources.contains_key(n)).collect();
    for number in &missing {
        place.note(&format!("file {number}, which its manifest names, is missing; what was in it is lost"));
    }
    resolved.lost |= !missing.is_empty();
    for (path, number, error) in bad {
        // A pages file that was begun when the process ended: nothing in it ever counted.
        let begun = number.is_some_and(|number| manifest.is_some_and(|manifest| newest && number >= manifest.next));
        if begun && path.extension().is_some_and(|kind| kind == "pages") && has_no_frame(&path) {
            log::info!("{}: removing a file that a crash left", path.display());
            remove(&path);
            continue;
        }
        resolved.lost |= number.is_none_or(|number| !sources.contains_key(&number));
        place.set_aside(&path, &error.to_string());
        resolved.changed = true;
    }
    for (path, other) in foreign {
        place.set_aside(&path, &OpenError::Foreign(other).to_string());
        resolved.changed = true;
    }
    for path in unknown {
        place.set_aside(&path, "nothing explains this file");
    }
    for path in unfinished {
        // What it was to be made of is still there, unless something is missing.
        if missing.is_empty() {
            log::info!("{}: removing what a compaction left", path.display());
            remove(&path);
        } else {
            place.set_aside(&path, "it is not finished, and something else is missing");
        }
    }
    let replaced: BTreeSet<u64> =
        sound.iter().filter(|(number, file)| sources.get(number).is_some_and(|(len, _)| file.len() <= *len)).map(|(n, _)| *n).collect();
    let troubled = resolved.lost || !newest;
    let mut checked: BTreeMap<u64, bool> = BTreeMap::new();
    for number in sound.keys().copied().collect::<Vec<_>>() {
        let Some(file) = sound.get(&number) else { continue };
        resolved.last_record = resolved.last_record.max(file.through());
        let verdict = if replaced.contains(&number) { Verdict::Replaced } else { verdict(manifest, number, file, troubled, &named) };
        match verdict {
            Verdict::Counts => {
                resolved.lost |= file.lost();
                resolved.changed |= manifest.is_none_or(|manifest| manifest.bytes_of(number) != Some(file.len()));
                match sound.remove(&number) {
                    Some(Opened::Chunks(file)) => resolved.files.push(Arc::new(file)),
                    Some(Opened::Pages(file)) => resolved.hot.push(Arc::new(file)),
                    None => {}
                }
                continue;
            }
            Verdict::Replaced => {
                let by = sources.get(&number).map(|(_, by)| *by);
                let whole = by.is_none_or(|by| *checked.entry(by).or_insert_with(|| is_whole(&resolved.files, &sound, by)));
                let path = path_of(file);
                if whole {
                    log::info!("{}: removing what another file has replaced", path.display());
                    remove(&path);
                } else {
                    place.set_aside(&path, "another file has replaced it, but that one is damaged");
                }
                resolved.replaced.push(number);
            }
            Verdict::Unused => {
                log::info!("{}: removing a file without a seal", path_of(file).display());
                remove(&path_of(file));
            }
            Verdict::Unexplained => {
                place.set_aside(&path_of(file), "its manifest does not name it, and nothing explains why it is there");
            }
        }
        resolved.changed = true;
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

fn verdict(manifest: Option<&Manifest>, number: u64, file: &Opened, troubled: bool, named: &impl Fn(u64) -> bool) -> Verdict {
    let Some(manifest) = manifest else { return Verdict::Counts };
    if named(number) {
        return Verdict::Counts;
    }
    match file {
        Opened::Pages(file) if file.seals() == 0 && !file.lost => return Verdict::Unused,
        Opened::Chunks(file) if !file.header.sources.is_empty() && file.header.sources.iter().all(|(source, _)| named(*source)) => {
            return Verdict::Counts;
        }
        _ => {}
    }
    // Where something is missing or the manifest is not the last one, what is sound is better than nothing.
    if number >= manifest.next || troubled {
        return Verdict::Counts;
    }
    if manifest.leaving.contains(&number) { Verdict::Replaced } else { Verdict::Unexplained }
}

/// Whether a file that replaces others is sound to the last byte.
fn is_whole(files: &[Arc<ChunkFile>], sound: &BTreeMap<u64, Opened>, number: u64) -> bool {
    let open = files.iter().find(|file| file.number() == number).map(|file| &**file);
    let file = open.or(match sound.get(&number) {
        Some(Opened::Chunks(file)) => Some(file),
        _ => None,
    });
    file.is_some_and(|file| matches!(file.base.verify(), Ok(true)))
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
