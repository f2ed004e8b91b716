use super::entries::{RETRY, REWRITE_BYTES};
use super::*;

const ME: Identity = Identity([7; Identity::LEN]);

fn open(dir: &Path) -> (Catalog, Arc<Problems>) {
    let problems = Arc::<Problems>::default();
    let opened = Catalog::open(dir, ME, 1 << 20, Arc::clone(&problems), |_, _| {}).unwrap();
    (opened.catalog, problems)
}

fn event(n: i64) -> Event {
    Event::new(n, "service", "start", n.to_string(), "started")
}

/// Events 1 to 3 and two documents, in five records.
fn filled(dir: &Path) {
    let (catalog, _) = open(dir);
    (1..=3).for_each(|n| assert_eq!(catalog.add_events(&[event(n)]).unwrap().len(), 1));
    catalog.change_documents("alerts", vec![("a".into(), Some(b"1".to_vec())), ("gone".into(), Some(b"x".to_vec()))]).unwrap();
    catalog.change_documents("alerts", vec![("b".into(), Some(b"2".to_vec())), ("gone".into(), None)]).unwrap();
}

fn subjects(catalog: &Catalog) -> Vec<String> {
    catalog.events(0, i64::MAX - 1, 100, |_| true).unwrap().into_iter().map(|(_, event)| event.subject).collect()
}

fn documents(catalog: &Catalog) -> Vec<String> {
    let documents = catalog.documents("alerts").unwrap();
    documents.into_iter().map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(&value))).collect()
}

fn is_whole(catalog: &Catalog) -> bool {
    subjects(catalog) == ["3", "2", "1"] && documents(catalog) == ["a=1", "b=2"]
}

fn on_disk(catalog: &Catalog) -> bool {
    matches!(catalog.entries.lock().index, Some(Index::Disk(_)))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), &to).map(drop).unwrap() }
    }
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { found.extend(files_below(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn a_restart_keeps_everything_with_and_without_its_index() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let (catalog, problems) = open(dir.path());
    assert!(is_whole(&catalog) && on_disk(&catalog) && problems.list().is_empty());
    assert_eq!(catalog.events(2, 3, 1, |_| true).unwrap()[0].1.subject, "3");
    assert_eq!(catalog.events(0, 9, 9, |event| event.subject != "2").unwrap().len(), 2);
    drop(catalog);
    fs::remove_dir_all(dir.path().join("catalog")).unwrap();
    let (catalog, problems) = open(dir.path());
    assert!(is_whole(&catalog) && on_disk(&catalog) && problems.list().is_empty(), "{:?}", problems.list());
}

#[test]
fn every_damaged_byte_of_the_log_is_reported_and_restored_from_the_index() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let len = fs::metadata(dir.path().join("catalog.log")).unwrap().len() as usize;
    for at in (0..len).step_by(3) {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let path = copied.path().join("catalog.log");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 2;
        fs::write(&path, &bytes).unwrap();
        let (catalog, problems) = open(copied.path());
        assert!(is_whole(&catalog), "byte {at}: {:?} {:?}", subjects(&catalog), problems.list());
        let reported = problems.list();
        assert!(reported.len() == 1 && reported[0].contains("nothing is lost"), "byte {at}: {reported:?}");
        drop(catalog);
        let (catalog, problems) = open(copied.path());
        assert!(is_whole(&catalog) && problems.list().is_empty(), "byte {at}: {:?}", problems.list());
    }
}

#[test]
fn without_an_index_damage_costs_one_record() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    fs::remove_dir_all(dir.path().join("catalog")).unwrap();
    let whole = fs::read(dir.path().join("catalog.log")).unwrap();
    for at in 0..whole.len() {
        for bytes in [whole[..at].to_vec(), {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x80;
            flipped
        }] {
            let copied = tempfile::tempdir().unwrap();
            copy(dir.path(), copied.path());
            fs::write(copied.path().join("catalog.log"), &bytes).unwrap();
            let problems = Problems::default();
            // Only the log: building a database for each byte would take too long.
            let mut found = Entries {
                data_dir: copied.path().to_owned(),
                identity: ME,
                cache_bytes: 1 << 20,
                log: Log::open(copied.path(), "catalog", ME, |_, _, _| Ok(())).unwrap().log,
                index: None,
                retry: Instant::now() + RETRY,
                hung: 0,
            };
            let all = (Bound::Unbounded, Bound::Unbounded);
            let left = found.page(all, PAGE, &problems).unwrap();
            if bytes.len() == whole.len() {
                assert!(left.len() >= 4, "byte {at}: {} entries", left.len());
            }
            assert!(left.iter().all(|(key, _)| key[0] == EVENT || key.starts_with(b"dalerts\0")), "byte {at}");
        }
    }
}

#[test]
fn a_missing_log_is_restored_from_its_index_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    for gone in [&["catalog.log"][..], &["catalog.log", "catalog.synced"]] {
        gone.iter().for_each(|name| fs::remove_file(dir.path().join(name)).unwrap());
        let (catalog, problems) = open(dir.path());
        assert!(is_whole(&catalog) && problems.list().len() == 1, "{:?}", problems.list());
        drop(catalog);
        let (catalog, problems) = open(dir.path());
        assert!(is_whole(&catalog) && problems.list().is_empty(), "{:?}", problems.list());
    }
}

#[test]
fn no_damage_to_a_file_of_the_index_loses_anything_or_prevents_the_start() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let folder = dir.path().join("catalog/index-1");
    for file in files_below(&folder) {
        let whole = fs::read(&file).unwrap();
        let used = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
        let flips = (0..used).step_by((used / 24).max(1)).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 8;
            Some(bytes)
        });
        let cuts = [Some(Vec::new()), Some(whole[..used / 2].to_vec()), None];
        for damaged in flips.chain(cuts) {
            let copied = tempfile::tempdir().unwrap();
            copy(dir.path(), copied.path());
            let file = copied.path().join(file.strip_prefix(dir.path()).unwrap());
            match damaged {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let (catalog, problems) = open(copied.path());
            assert!(is_whole(&catalog), "{}: {:?} {:?}", file.display(), subjects(&catalog), problems.list());
            catalog.add_events(&[event(4)]).unwrap();
            drop(catalog);
            let (catalog, _) = open(copied.path());
            assert_eq!(subjects(&catalog).len(), 4);
        }
    }
}

#[test]
fn the_log_shrinks_when_most_of_it_is_past_and_old_events_go() {
    let dir = tempfile::tempdir().unwrap();
    let (catalog, _) = open(dir.path());
    let long = vec![7; 60_000];
    for n in 0..60u8 {
        catalog.change_documents("boards", vec![((n % 5).to_string(), Some(vec![n; 60_000]))]).unwrap();
    }
    let len = catalog.entries.lock().log.len();
    assert!(len < 2 * REWRITE_BYTES, "{len} bytes");
    catalog.add_events(&(0..2_500).map(event).collect::<Vec<_>>()).unwrap();
    catalog.trim_events(2_000).unwrap();
    drop(catalog);
    let (catalog, problems) = open(dir.path());
    assert_eq!((subjects(&catalog).len(), problems.list().len()), (100, 0));
    assert_eq!(catalog.events(0, 9_999, 9_999, |_| true).unwrap().len(), 500);
    let boards = catalog.documents("boards").unwrap();
    assert_eq!(
        boards.iter().map(|(key, value)| (key.as_str(), value[0], value.len())).collect::<Vec<_>>(),
        [("0", 55, long.len()), ("1", 56, long.len()), ("2", 57, long.len()), ("3", 58, long.len()), ("4", 59, long.len())]
    );
}

#[test]
fn a_removed_series_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let series: Vec<(SeriesId, Labels)> = (0..3).map(|n| (SeriesId(n), Labels::metric("m", &[("n", &n.to_string())]))).collect();
    {
        let (catalog, _) = open(dir.path());
        catalog.add_series(&series, 3).unwrap();
        catalog.remove_series(&[SeriesId(2)]).unwrap();
    }
    let mut found = Vec::new();
    let opened = Catalog::open(dir.path(), ME, 1 << 20, Arc::default(), |id, labels| found.push((id, labels))).unwrap();
    assert_eq!((found.as_slice(), opened.catalog.next_series()), (&series[..2], 3));
    assert!(opened.catalog.is_removed(SeriesId(2)) && opened.series_damage.is_none());
}

#[test]
fn changes_come_back_as_they_were_and_any_bytes_are_read_or_refused() {
    let changes = vec![
        Change { key: b"e1".to_vec(), value: Some(Vec::new()) },
        Change { key: b"dx\0y".to_vec(), value: None },
        Change { key: b"d".to_vec(), value: Some(vec![1; 300]) },
    ];
    let bytes = encode(&changes);
    assert_eq!(decode(&bytes).unwrap(), changes);
    for at in 0..bytes.len() {
        let _ = decode(&bytes[..at]);
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        let _ = decode(&damaged);
    }
}
