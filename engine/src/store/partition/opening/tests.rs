use super::*;
use crate::codec::Effort;
use crate::model::{Columns, Labels, SeriesId};
use crate::store::chunk_file::FileWriter;
use crate::store::identity::Identity;
use crate::store::manifest::Entry;
use crate::store::page::PageBuilder;
use crate::store::pages_file::{Named, NewPage};
use crate::store::partition::Day;
use crate::store::partition::{Compaction, Outcome, Partition};
use crate::store::problems::Problems;
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
