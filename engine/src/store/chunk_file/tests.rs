use super::*;
use crate::store::day_file::FileKind;
use crate::store::identity::Identity;
use crate::store::partition::Day;
use crate::windows::{self, Level};

const EXPECTED: Expected = Expected { identity: Identity([5; 16]), day: Day(0), number: 1, kind: FileKind::Chunks };

const FLIPS: [u8; 3] = [1, 0x10, 0xff];

fn header() -> FileHeader {
    let Expected { identity, day, number, kind } = EXPECTED;
    FileHeader { kind, identity, day, number, sources: vec![(7, 70)], through: 9, finished: true, thinned_ms: 3 }
}

fn labels(id: u32) -> Labels {
    Labels::metric("load", &[("n", &id.to_string())])
}

fn open(path: &Path) -> Result<(ChunkFile, Arc<Problems>), OpenError> {
    let problems = Arc::new(Problems::default());
    Ok((ChunkFile::open(path, &EXPECTED, &problems)?, problems))
}

fn samples(file: &ChunkFile, id: u32, start: i64, end: i64) -> Columns {
    let mut out = Vec::new();
    file.samples(SeriesId(id), start, end, None, &mut out).unwrap();
    crate::store::read::merge(out)
}

#[test]
fn a_file_finds_each_series_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.chunks");
    let times: Vec<i64> = (0..200).map(|i| i * 10_000).collect();
    let values = |id: u32| (0..200).map(|i| f64::from(i * id)).collect::<Vec<f64>>();
    let ids: Vec<u32> = (0..500).map(|i| i * 3).collect();
    let hours = windows::from_samples(Level::H1, &Columns { times: times.clone(), values: values(3) });
    let mut writer = FileWriter::create(&path, header()).unwrap();
    for &id in &ids {
        writer.samples(SeriesId(id), &times, &values(id)).unwrap();
        if id == 3 {
            writer.hours(SeriesId(id), &hours).unwrap();
        }
    }
    writer.end_pages().unwrap();
    (0..2_000).for_each(|id| writer.labels(SeriesId(id), &labels(id)).unwrap());
    assert!(writer.unnamed.is_empty());
    writer.finish().unwrap();
    let (file, problems) = open(&path).unwrap();
    assert_eq!((&file.header, file.lost), (&header(), false));
    let chunks = file.pages().into_iter().map(|page| file.base.directory(&page).unwrap().unwrap().chunks.len());
    assert_eq!(chunks.sum::<usize>(), 501);
    assert!(file.overlaps(0, 5) && !file.overlaps(2_000_000, 3_000_000));
    for id in [0, 3, 747, 1_497] {
        assert_eq!(samples(&file, id, 0, i64::MAX), Columns { times: times.clone(), values: values(id) });
        assert_eq!(samples(&file, id, 10_001, 30_000).times, [20_000, 30_000]);
    }
    let mut rows = Vec::new();
    file.hours(SeriesId(3), 0, 10, &mut rows).unwrap();
    assert_eq!((samples(&file, 1, 0, 10).times.len(), rows), (0, hours));
    let mut named = Vec::new();
    file.base.for_each_labels(|id, found| named.push((id.0, found == labels(id.0)))).unwrap();
    assert_eq!(named, ids.iter().map(|id| (*id, true)).collect::<Vec<_>>());
    assert!(file.base.verify(|| ()).unwrap());
    assert_eq!(problems.list(), Vec::<String>::new());
}

/// Two series with several blocks of rows and one with its own times, in two pages.
fn small_file(path: &Path) -> Vec<(u32, Columns)> {
    let times: Vec<i64> = (0..700).map(|i| i * 10_000 + i * i % 5).collect();
    let column = |id: u32, times: &[i64]| {
        let values = (0..times.len() as u32).map(|i| f64::from(i * 7_919 % (100 + id)) / 10.0).collect();
        (id, Columns { times: times.to_vec(), values })
    };
    let all = [column(1, &times), column(4, &times), column(9, &[5, 8])].to_vec();
    let mut writer = FileWriter::create(path, header()).unwrap();
    for (id, columns) in &all {
        writer.samples(SeriesId(*id), &columns.times, &columns.values).unwrap();
        if *id == 4 {
            writer.end_pages().unwrap();
        }
    }
    writer.end_pages().unwrap();
    all.iter().for_each(|(id, _)| writer.labels(SeriesId(*id), &labels(*id)).unwrap());
    writer.finish().unwrap();
    all
}

/// The bytes of a small file.
pub(crate) fn example() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    small_file(&dir.path().join("1.chunks"));
    std::fs::read(dir.path().join("1.chunks")).unwrap()
}

/// Opens a file and reads all of it.
pub(crate) fn read_anything(path: &Path) {
    let Ok((file, _)) = open(path) else { return };
    for page in file.pages() {
        let Ok(Some(directory)) = file.base.directory(&page) else { continue };
        directory.chunks.iter().for_each(|chunk| _ = file.base.samples(&directory, &page, chunk, crate::store::page::ALWAYS));
    }
    let _ = (file.base.for_each_labels(|_, _| ()), file.base.verify(|| ()));
}

/// Reads an index.
pub(crate) fn read_index(bytes: &[u8]) {
    drop(Index::decode(bytes));
}

/// Reads the remaining samples of the file and returns how many are lost; panics at one that was never written.
fn lost(file: &ChunkFile, all: &[(u32, Columns)]) -> usize {
    let mut lost = 0;
    for (id, columns) in all {
        let read = samples(file, *id, i64::MIN, i64::MAX);
        let mut rows = 0..columns.times.len();
        for sample in read.iter() {
            let row = rows.find(|row| columns.times[*row] == sample.t).expect("a time that was written");
            assert_eq!(sample.v.to_bits(), columns.values[row].to_bits());
        }
        lost += columns.times.len() - read.times.len();
    }
    file.base.for_each_labels(|id, found| assert_eq!(found, labels(id.0))).unwrap();
    lost
}

#[test]
fn a_damaged_byte_costs_at_most_one_block_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.chunks");
    let all = small_file(&path);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= FLIPS[at % FLIPS.len()];
        std::fs::write(&path, &bytes).unwrap();
        let (file, problems) = open(&path).unwrap_or_else(|error| panic!("byte {at}: {error}"));
        assert_eq!(file.header, header(), "byte {at}");
        let lost = lost(&file, &all);
        assert!(lost <= crate::codec::PAGE_ROWS, "byte {at}: {lost} samples lost");
        assert!(lost == 0 || !problems.list().is_empty(), "byte {at}");
        assert!(!file.base.verify(|| ()).unwrap() && !problems.list().is_empty(), "byte {at}: not reported");
    }
}

#[test]
fn a_truncated_file_gives_its_remaining_pages_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.chunks");
    let all = small_file(&path);
    let whole = std::fs::read(&path).unwrap();
    let mut opened = 0;
    for len in (0..whole.len()).step_by(3) {
        std::fs::write(&path, &whole[..len]).unwrap();
        let Ok((file, problems)) = open(&path) else { continue };
        opened += 1;
        let lost = lost(&file, &all);
        assert!(!problems.list().is_empty() && (lost == 0 || file.lost), "{len} bytes");
    }
    assert!(opened > whole.len() / 3 - 60, "with its header it opens: {opened}");
}

#[test]
fn a_file_of_another_directory_day_or_number_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.chunks");
    small_file(&path);
    let open = |expected: Expected| ChunkFile::open(&path, &expected, &Arc::default()).err().map(|error| error.to_string());
    assert_eq!(open(EXPECTED), None);
    assert!(open(Expected { identity: Identity([6; 16]), ..EXPECTED }).unwrap().contains("belongs to the data directory 0505"));
    assert!(open(Expected { number: 2, ..EXPECTED }).unwrap().contains("file 1 of 1970-01-01"));
    assert!(open(Expected { day: Day(1), ..EXPECTED }).is_some() && open(Expected { kind: FileKind::Pages, ..EXPECTED }).is_some());
}
