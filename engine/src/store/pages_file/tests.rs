use super::*;
use crate::codec::Effort;
use crate::store::day_file::FileKind;
use crate::store::identity::Identity;
use crate::store::page::PageBuilder;
use crate::store::partition::Day;

const EXPECTED: Expected = Expected { identity: Identity([5; 16]), day: Day(0), number: 1, kind: FileKind::Pages };
/// Rows of a series in one seal.
const ROWS: i64 = 20;
const IDS: [u32; 4] = [1, 4, 5, 9];

fn labels(id: SeriesId) -> Option<Labels> {
    Some(Labels::metric("load", &[("n", &id.0.to_string())]))
}

fn value(id: u32, t: i64) -> f64 {
    ((t * 31 + i64::from(id)) % 97) as f64 / 10.0
}

/// The n-th seal: two series a page.
fn seal(file: &PagesFile, n: i64) -> std::io::Result<()> {
    let times: Vec<i64> = (n * ROWS..(n + 1) * ROWS).map(|i| i * 1_000 + i % 3).collect();
    let pages = IDS.chunks(2).map(|ids| {
        let mut builder = PageBuilder::new(Effort::Quick);
        for id in ids {
            let values: Vec<f64> = times.iter().map(|t| value(*id, *t)).collect();
            builder.samples(SeriesId(*id), &times, &values).unwrap();
        }
        NewPage { ids: [SeriesId(ids[0]), SeriesId(ids[1])], span: (times[0], times[times.len() - 1]), bytes: builder.finish() }
    });
    let ids = IDS.map(SeriesId);
    file.seal(pages.collect(), &Named { ids: &ids, labels: &labels }, n as u64 + 10)
}

/// The bytes of a file with two seals.
pub(crate) fn example() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("1.pages"), 2);
    std::fs::read(dir.path().join("1.pages")).unwrap()
}

/// Opens a file with and without a noted length, and reads all that is in it.
pub(crate) fn read_anything(path: &Path) {
    for durable in [None, Some(0), Some(300)] {
        let Ok(file) = PagesFile::open(path, &EXPECTED, durable, &Arc::default()) else { continue };
        let _ = file.samples(SeriesId(4), i64::MIN, i64::MAX, &mut Vec::new());
        let _ = (file.base.for_each_labels(|_, _| ()), file.base.verify(|| ()));
    }
}

/// Reads the end of a seal.
pub(crate) fn read_end(bytes: &[u8]) {
    drop(SealEnd::decode(bytes, 1_000, &EXPECTED));
}

fn write(path: &Path, seals: i64) -> Vec<u64> {
    let file = PagesFile::create(path, &EXPECTED, &Arc::default()).unwrap();
    let ends = (0..seals).map(|n| seal(&file, n).map(|()| file.len()).unwrap());
    std::iter::once(file.len()).chain(ends).collect()
}

/// Samples that are left; panics at one that was never written.
fn left(file: &PagesFile) -> usize {
    let mut left = 0;
    for id in IDS {
        let mut runs = Vec::new();
        file.samples(SeriesId(id), i64::MIN, i64::MAX, &mut runs).unwrap();
        for sample in runs.iter().flat_map(Columns::iter) {
            assert_eq!(sample.v.to_bits(), value(id, sample.t).to_bits());
            left += 1;
        }
    }
    file.base.for_each_labels(|id, found| assert_eq!(Some(found), labels(id))).unwrap();
    left
}

const OF_A_SEAL: usize = IDS.len() * ROWS as usize;

#[test]
fn seals_survive_reopening_and_labels_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.pages");
    let ends = write(&path, 2);
    let problems = Arc::<Problems>::default();
    let file = PagesFile::open(&path, &EXPECTED, Some(ends[2]), &problems).unwrap();
    assert_eq!((left(&file), file.seals(), file.through(), file.lost), (2 * OF_A_SEAL, 2, 11, false));
    seal(&file, 2).unwrap();
    let mut named = Vec::new();
    file.base.for_each_labels(|id, _| named.push(id.0)).unwrap();
    assert_eq!(named, IDS);
    assert!(file.base.verify(|| ()).unwrap());
    let file = PagesFile::open(&path, &EXPECTED, Some(ends[2]), &problems).unwrap();
    assert_eq!((left(&file), file.through()), (3 * OF_A_SEAL, 12), "a whole seal behind the noted length counts");
    assert_eq!(problems.list(), Vec::<String>::new());
}

#[test]
fn a_damaged_byte_costs_at_most_one_chunk_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.pages");
    let ends = write(&path, 3);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= [1, 0x10, 0xff][at % 3];
        std::fs::write(&path, &bytes).unwrap();
        let problems = Arc::<Problems>::default();
        let open = || PagesFile::open(&path, &EXPECTED, Some(ends[3]), &problems);
        let file = open().unwrap_or_else(|error| panic!("byte {at}: {error}"));
        assert!(left(&file) >= 3 * OF_A_SEAL - ROWS as usize, "byte {at}: {} left", left(&file));
        assert!(file.through() == 12 && file.len() == ends[3], "byte {at}");
        assert!(!file.base.verify(|| ()).unwrap() && !problems.list().is_empty(), "byte {at}: not reported");
        if at % 5 == 0 {
            // It goes on.
            seal(&file, 3).unwrap();
            let before = left(&file);
            drop(file);
            assert_eq!(left(&open().unwrap()), before, "byte {at}: after another seal");
        }
    }
}

#[test]
fn a_truncated_file_keeps_its_whole_seals_and_a_lost_one_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.pages");
    let ends = write(&path, 3);
    let whole = std::fs::read(&path).unwrap();
    for len in ends[0] as usize..whole.len() {
        std::fs::write(&path, &whole[..len]).unwrap();
        let whole_seals = ends.iter().filter(|end| **end <= len as u64).count() - 1;
        // What was not known to be durable goes in silence.
        let problems = Arc::<Problems>::default();
        let file = PagesFile::open(&path, &EXPECTED, Some(ends[whole_seals]), &problems).unwrap();
        assert_eq!((left(&file), problems.list().len(), file.lost), (whole_seals * OF_A_SEAL, 0, false), "cut at {len}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), ends[whole_seals]);
        std::fs::write(&path, &whole[..len]).unwrap();
        let file = PagesFile::open(&path, &EXPECTED, Some(ends[3]), &problems).unwrap();
        assert!(left(&file) >= whole_seals * OF_A_SEAL && file.lost && !problems.list().is_empty(), "cut at {len}");
    }
}

#[test]
fn an_unfinished_seal_is_cut_off_and_the_next_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.pages");
    let ends = write(&path, 2);
    let whole = std::fs::read(&path).unwrap();
    let second = ends[1] as usize;
    for hole in (second..whole.len()).step_by(7) {
        // The end reached the disk, a part in the middle did not.
        let mut bytes = whole.clone();
        let to = (hole + 40).min(whole.len());
        bytes[hole..to].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let problems = Arc::<Problems>::default();
        let file = PagesFile::open(&path, &EXPECTED, Some(ends[1]), &problems).unwrap();
        assert_eq!((left(&file), file.len(), problems.list().len()), (OF_A_SEAL, ends[1], 0), "hole at {hole}");
        seal(&file, 5).unwrap();
        drop(file);
        let file = PagesFile::open(&path, &EXPECTED, Some(ends[1]), &problems).unwrap();
        assert_eq!((left(&file), file.through()), (2 * OF_A_SEAL, 15));
    }
}

#[test]
fn without_a_known_length_everything_intact_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.pages");
    let ends = write(&path, 2);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 3);
    std::fs::write(&path, &bytes).unwrap();
    let problems = Arc::<Problems>::default();
    let file = PagesFile::open(&path, &EXPECTED, None, &problems).unwrap();
    assert!(left(&file) >= OF_A_SEAL && file.len() >= ends[1], "{}", file.len());
}
