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

use super::chunk_file::ChunkFile;
use super::day_file::{Expected, FileKind, OpenError};
use super::files;
use super::identity::Identity;
use super::manifest::{self, Loaded, Manifest};
use super::pages_file::PagesFile;
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
    let folder = read_folder(place, &loaded)?;
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
    let is_source = |number: &u64, file: &Opened| sources.get(number).is_some_and(|(len, _)| file.len() <= *len);
    let mut replaced: BTreeSet<u64> = sound.iter().filter(|(number, file)| is_source(number, file)).map(|(n, _)| *n).collect();
    let mut kept: BTreeSet<u64> = BTreeSet::new();
    let mut damaged: BTreeSet<u64> = BTreeSet::new();
    for by in replaced.iter().filter_map(|number| Some(sources.get(number)?.1)).collect::<BTreeSet<_>>() {
        if is_whole(&sound, by) {
            continue;
        }
        damaged.insert(by);
        let Some(Opened::Chunks(file)) = sound.get(&by) else { continue };
        let made_of: Vec<u64> = file.header.sources.iter().map(|source| source.0).collect();
        if made_of.iter().all(|number| replaced.contains(number)) {
            // All that it was made of is still there and may be sound.
            place.set_aside(file.path(), "it is damaged, and all that it was made of is still there");
            sound.remove(&by);
            made_of.iter().for_each(|number| _ = replaced.remove(number));
            kept.extend(made_of);
            resolved.changed = true;
        }
    }
    let troubled = resolved.lost || !newest;
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
                let path = path_of(file);
                if sources.get(&number).is_some_and(|(_, by)| damaged.contains(by)) {
                    place.set_aside(&path, "another file has replaced it, but that one is damaged");
                } else {
                    log::info!("{}: removing what another file has replaced", path.display());
                    remove(&path);
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
mod tests {
    use super::*;
    use crate::codec::Effort;
    use crate::model::{Columns, Labels, SeriesId};
    use crate::store::chunk_file::FileWriter;
    use crate::store::manifest::Entry;
    use crate::store::page::PageBuilder;
    use crate::store::pages_file::{Named, NewPage};
    use crate::store::partition::{Compaction, Outcome, Partition};
    use crate::store::read::merge;

    const ID: SeriesId = SeriesId(3);
    const WHOLE: Outcome = Outcome { whole: true, finished: true, thinned_ms: 0 };

    fn labels(id: SeriesId) -> Option<Labels> {
        Some(Labels::metric("load", &[("n", &id.0.to_string())]))
    }

    /// A day in a data directory of its own.
    struct Folder {
        dir: tempfile::TempDir,
        problems: Arc<Problems>,
    }

    impl Folder {
        fn new() -> Self {
            let folder = Self { dir: tempfile::tempdir().unwrap(), problems: Arc::default() };
            fs::create_dir(folder.dir.path().join("partitions")).unwrap();
            Partition::create(&folder.place()).unwrap();
            folder
        }

        fn place(&self) -> DayPlace {
            let day = Day(20_000);
            let data_dir = self.dir.path().to_owned();
            let dir = data_dir.join("partitions").join(day.name());
            DayPlace { data_dir, dir, identity: Identity([2; 16]), day, problems: Arc::clone(&self.problems) }
        }

        fn open(&self) -> Partition {
            Partition::open(&self.place()).unwrap()
        }

        fn path(&self, name: &str) -> PathBuf {
            self.place().dir.join(name)
        }

        fn names(&self) -> Vec<String> {
            let all = fs::read_dir(self.place().dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
            let mut names: Vec<String> = all.filter(|name| !name.starts_with("manifest")).collect();
            names.sort();
            names
        }

        fn quarantine(&self) -> Vec<String> {
            let Ok(entries) = fs::read_dir(self.dir.path().join("quarantine")) else { return Vec::new() };
            let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    /// Seals one sample of the series.
    fn seal(partition: &Partition, second: i64, v: f64, through: u64) {
        let t = Day(20_000).start() + second * 1_000;
        let mut builder = PageBuilder::new(Effort::Quick);
        builder.samples(ID, &[t], &[v]).unwrap();
        let page = NewPage { ids: [ID; 2], span: (t, t), bytes: builder.finish() };
        partition.seal(vec![page], &Named { ids: &[ID], labels: &labels }, through).unwrap();
    }

    fn read(partition: &Partition) -> Vec<f64> {
        let mut out = Vec::new();
        partition.samples(ID, i64::MIN, i64::MAX, None, &mut out).unwrap();
        merge(out).values
    }

    /// Writes the file of a compaction, which is all that the partition has.
    fn write(partition: &Partition, outcome: Outcome) -> Compaction {
        let compaction = partition.begin_compaction(outcome);
        let mut runs: Vec<Columns> = Vec::new();
        compaction.parts.files.iter().for_each(|file| file.samples(ID, i64::MIN, i64::MAX, None, &mut runs).unwrap());
        compaction.parts.hot.iter().for_each(|hot| hot.samples(ID, i64::MIN, i64::MAX, &mut runs).unwrap());
        let columns = merge(runs);
        let mut writer = FileWriter::create(&compaction.temporary, compaction.header.clone()).unwrap();
        writer.samples(ID, &columns.times, &columns.values).unwrap();
        writer.end_pages().unwrap();
        writer.labels(ID, &labels(ID).unwrap()).unwrap();
        writer.finish().unwrap();
        compaction
    }

    fn compact(partition: &Partition, outcome: Outcome) {
        let compaction = write(partition, outcome);
        partition.end_compaction(&compaction).unwrap();
    }

    #[test]
    fn a_compaction_that_ended_between_any_two_steps_leaves_the_same_samples() {
        // (what was done after the file was written, the files that are left)
        type Step = fn(&Folder, &Partition, &Compaction);
        let steps: [(&str, Step, &[&str]); 5] = [
            ("written", |_, _, _| (), &["1.pages"]),
            ("renamed", |folder, _, c| fs::rename(&c.temporary, folder.path("2.chunks")).unwrap(), &["2.chunks"]),
            (
                "renamed, and sealed to another file",
                |folder, partition, c| {
                    seal(partition, 9, 9.0, 30);
                    fs::rename(&c.temporary, folder.path("2.chunks")).unwrap();
                },
                &["2.chunks", "3.pages"],
            ),
            (
                "in the manifest, and nothing removed",
                |folder, partition, c| {
                    let copy = fs::read(folder.path("1.pages")).unwrap();
                    partition.end_compaction(c).unwrap();
                    fs::write(folder.path("1.pages"), copy).unwrap();
                },
                &["2.chunks"],
            ),
            (
                "in the manifest, and sealed to another file",
                |_, partition, c| {
                    partition.end_compaction(c).unwrap();
                    seal(partition, 9, 9.0, 30);
                },
                &["2.chunks", "3.pages"],
            ),
        ];
        for (what, step, names) in steps {
            let folder = Folder::new();
            let partition = folder.open();
            seal(&partition, 1, 1.0, 10);
            seal(&partition, 2, 2.0, 20);
            let compaction = write(&partition, WHOLE);
            step(&folder, &partition, &compaction);
            let (before, through) = (read(&partition), partition.sealed_through());
            drop(partition);
            for _ in 0..2 {
                let partition = folder.open();
                assert_eq!((read(&partition), partition.sealed_through()), (before.clone(), through), "{what}");
                assert_eq!(folder.names(), names, "{what}");
            }
            assert_eq!((folder.problems.list(), folder.quarantine()), (vec![], vec![]), "{what}");
        }
    }

    #[test]
    fn a_damaged_new_file_gives_way_to_what_it_was_made_of() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        let compaction = write(&partition, WHOLE);
        let mut bytes = fs::read(&compaction.temporary).unwrap();
        bytes[100] ^= 1;
        fs::write(folder.path("2.chunks"), bytes).unwrap();
        drop(partition);
        let partition = folder.open();
        assert_eq!((read(&partition), folder.names()), (vec![1.0], vec!["1.pages".to_owned()]));
        assert_eq!(folder.quarantine().len(), 1);
        assert!(!folder.problems.list().is_empty());
    }

    #[test]
    fn a_file_that_grew_after_another_was_made_of_it_still_counts() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        let compaction = write(&partition, WHOLE);
        drop(partition);
        fs::rename(&compaction.temporary, folder.path("2.chunks.kept")).unwrap();
        fs::rename(folder.path("2.chunks.kept"), folder.dir.path().join("2.chunks")).unwrap();
        let partition = folder.open();
        seal(&partition, 2, 2.0, 20);
        drop(partition);
        fs::rename(folder.dir.path().join("2.chunks"), folder.path("2.chunks")).unwrap();
        assert_eq!(read(&folder.open()), [1.0, 2.0]);
        assert_eq!(folder.names(), ["1.pages", "2.chunks"]);
    }

    #[test]
    fn a_missing_file_is_told_and_the_journal_is_asked_for_what_it_had() {
        for removed in ["1.pages", "2.pages"] {
            let folder = Folder::new();
            let partition = folder.open();
            seal(&partition, 1, 1.0, 10);
            partition.begin_compaction(WHOLE);
            drop(partition);
            let partition = folder.open();
            partition.begin_compaction(WHOLE);
            seal(&partition, 2, 2.0, 20);
            drop(partition);
            let [first, second] = &folder.names()[..] else { panic!("{:?}", folder.names()) };
            fs::remove_file(folder.path(if removed == "1.pages" { first } else { second })).unwrap();
            let partition = folder.open();
            assert_eq!(read(&partition), [if removed == "1.pages" { 2.0 } else { 1.0 }]);
            assert_eq!((partition.sealed_through(), partition.last_record()), (0, 20));
            assert!(folder.problems.list()[0].contains("is missing"), "{:?}", folder.problems.list());
        }
    }

    #[test]
    fn a_manifest_that_names_other_numbers_loses_nothing_and_is_told() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        drop(partition);
        let loaded = manifest::load(&folder.place().dir, folder.place().identity, folder.place().day).unwrap();
        let mut wrong = loaded.manifest.unwrap();
        wrong.pages = vec![Entry { number: 3, bytes: 100 }];
        wrong.next = 4;
        manifest::replace(&folder.place().dir, &wrong, true).unwrap();
        let partition = folder.open();
        assert_eq!((read(&partition), folder.names()), (vec![1.0], vec!["1.pages".to_owned()]));
        assert!(folder.problems.list()[0].contains("file 3, which its manifest names, is missing"));
        seal(&partition, 2, 2.0, 20);
        assert_eq!(read(&folder.open()), [1.0, 2.0]);
    }

    #[test]
    fn a_file_that_came_back_is_not_read_again() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        let copy = fs::read(folder.path("1.pages")).unwrap();
        compact(&partition, WHOLE);
        seal(&partition, 1, 5.0, 20);
        compact(&partition, WHOLE);
        drop(partition);
        // Its sample was replaced since.
        fs::write(folder.path("1.pages"), copy).unwrap();
        assert_eq!(read(&folder.open()), [5.0]);
        assert_eq!(folder.quarantine(), [format!("{}-1.pages", Day(20_000).name())]);
        assert!(folder.problems.list()[0].contains("nothing explains"), "{:?}", folder.problems.list());
    }

    #[test]
    fn an_empty_folder_is_told_and_goes_on() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        drop(partition);
        fs::remove_dir_all(folder.place().dir).unwrap();
        fs::create_dir(folder.place().dir).unwrap();
        let partition = folder.open();
        assert!(folder.problems.list()[0].contains("its manifest is missing"), "{:?}", folder.problems.list());
        seal(&partition, 2, 2.0, 20);
        assert_eq!(read(&folder.open()), [2.0]);
    }

    #[test]
    fn damage_to_both_manifests_and_to_a_file_costs_no_more_than_the_file() {
        let folder = Folder::new();
        let partition = folder.open();
        seal(&partition, 1, 1.0, 10);
        compact(&partition, WHOLE);
        seal(&partition, 2, 2.0, 20);
        drop(partition);
        fs::write(folder.path(manifest::NAME), "?").unwrap();
        fs::remove_file(folder.path(manifest::OLD)).unwrap();
        fs::write(folder.path("2.chunks"), "?").unwrap();
        let partition = folder.open();
        assert_eq!((read(&partition), partition.sealed_through()), (vec![2.0], 0));
        assert_eq!(folder.quarantine(), [format!("{}-2.chunks", Day(20_000).name())]);
        assert_eq!(folder.problems.list().len(), 2, "{:?}", folder.problems.list());
        drop(partition);
        let after = Arc::<Problems>::default();
        Partition::open(&DayPlace { problems: Arc::clone(&after), ..folder.place() }).unwrap();
        assert_eq!(after.list(), Vec::<String>::new(), "told by the process that found it");
    }
}
