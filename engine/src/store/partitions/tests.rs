use super::*;
use crate::store::pages_file::{Named, NewPage};
use crate::store::partition::DAY_MS;

const IDENTITY: Identity = Identity([9; 16]);

fn open(dir: &Path) -> Partitions {
    Partitions::open(dir, IDENTITY, 2).unwrap()
}

fn page(id: u32, t: TimestampMs) -> NewPage {
    let mut builder = crate::store::page::PageBuilder::new(crate::codec::Effort::Quick);
    builder.samples(SeriesId(id), &[t], &[1.0]).unwrap();
    NewPage { ids: [SeriesId(id); 2], span: (t, t), bytes: builder.finish() }
}

fn seal(partition: &Partition, id: u32, t: TimestampMs, through: u64) {
    let labels = |id: SeriesId| Some(Labels::metric("load", &[("n", &id.0.to_string())]));
    partition.seal(vec![page(id, t)], &Named { ids: &[SeriesId(id)], labels: &labels }, through).unwrap();
}

fn read(partition: &Partition, id: u32) -> usize {
    let mut out = Vec::new();
    partition.samples(SeriesId(id), i64::MIN, i64::MAX, None, &mut out).unwrap();
    out.len()
}

#[test]
fn few_partitions_stay_open_and_all_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let partitions = open(dir.path());
    for day in 0..5 {
        let partition = partitions.get(Day(day), true).unwrap().unwrap();
        seal(&partition, 1, day * DAY_MS, day as u64 + 1);
    }
    assert!(partitions.open_count() <= 2);
    for day in partitions.days_within(0, i64::MAX) {
        let partition = partitions.get(day, false).unwrap().unwrap();
        assert_eq!((read(&partition, 1), read(&partition, 2)), (1, 0));
        assert_eq!(partition.sealed_through(), day.0 as u64 + 1);
    }
    let gone = std::iter::from_fn(|| partitions.drop_oldest(|day| day.0 < 2).unwrap()).collect::<Vec<_>>();
    assert_eq!(gone, ["1970-01-01", "1970-01-02"]);
    assert_eq!(partitions.days().len(), 3);
    let mut named = Vec::new();
    partitions.for_each_labels(|id, labels| named.push((id, labels.to_string()))).unwrap();
    assert_eq!(named, vec![(SeriesId(1), r#"load{n="1"}"#.to_owned()); 3]);
    assert_eq!(partitions.problems(), Vec::<String>::new());
}

#[test]
fn a_day_of_another_directory_is_set_aside_and_what_nothing_explains_too() {
    let dir = tempfile::tempdir().unwrap();
    let day = Day(20_000);
    seal(&Partitions::open(dir.path(), Identity([8; 16]), 2).unwrap().get(day, true).unwrap().unwrap(), 1, day.start(), 5);
    fs::write(dir.path().join("partitions/notes.txt"), "mine").unwrap();
    let partitions = open(dir.path());
    assert!(partitions.get(day, false).unwrap().is_none());
    let problems = partitions.problems();
    assert!(problems[0].contains("it belongs to the data directory 0808"), "{problems:?}");
    assert!(problems[1].contains("notes.txt: nothing explains"), "{problems:?}");
    let quarantine = dir.path().join("quarantine");
    assert!(quarantine.join(day.name()).join("1.pages").exists() && quarantine.join("notes.txt").exists());
    seal(&partitions.get(day, true).unwrap().unwrap(), 2, day.start(), 1);
    assert_eq!(read(&open(dir.path()).get(day, false).unwrap().unwrap(), 2), 1);
}

#[test]
fn a_file_that_nothing_explains_is_kept_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let day = Day(20_000);
    seal(&open(dir.path()).get(day, true).unwrap().unwrap(), 1, day.start(), 5);
    let at = dir.path().join("partitions").join(day.name());
    fs::write(at.join("9.chunks"), "what is this").unwrap();
    fs::create_dir_all(at.join("hot-9")).unwrap();
    fs::write(at.join("8.chunks.tmp"), "left by a crash").unwrap();
    let partitions = open(dir.path());
    let partition = partitions.get(day, false).unwrap().unwrap();
    assert_eq!((read(&partition, 1), partition.sealed_through()), (1, 0), "the journal may have what was in it");
    assert_eq!(partition.last_record(), 5);
    assert_eq!(partitions.problems().len(), 2, "{:?}", partitions.problems());
    let quarantine = dir.path().join("quarantine");
    assert_eq!(fs::read(quarantine.join(format!("{}-9.chunks", day.name()))).unwrap(), b"what is this");
    assert!(quarantine.join(format!("{}-hot-9", day.name())).exists());
    assert_eq!(fs::read_dir(&at).unwrap().count(), 3, "1.pages and two manifests");
}
