//! Events and documents: `catalog.log`, and the index built from it.

use super::*;

/// Kind of a log record: changes that are applied together.
pub(super) const CHANGES: u8 = 1;

/// Entries read from or written to an index at a time.
pub(super) const PAGE: Limit = Limit { entries: 1_000, bytes: 1 << 20, last_first: false };
/// The log is rewritten when it is longer than this and more than twice the size of its content.
pub(super) const REWRITE_BYTES: u64 = 1 << 20;
/// About the size of an entry in the log without key and value.
pub(super) const ENTRY_COST: u64 = 40;
/// Time from a failure to the next attempt to build an index.
pub(super) const RETRY: Duration = Duration::from_secs(60);
/// Number of hung databases after which no other is tried: each leaves a thread behind.
pub(super) const MAX_HUNG: u32 = 3;
/// Free disk space without which no database is opened or flushed: sled can damage or hang itself on a full disk.
pub(super) const ROOM: u64 = 16 << 20;
/// A longer log is not applied to a new index during the start.
pub(super) const QUICK_BYTES: u64 = 4 << 20;

/// Events and documents: their log and their index.
pub(super) struct Entries {
    pub(super) data_dir: PathBuf,
    pub(super) identity: Identity,
    pub(super) cache_bytes: u64,
    pub(super) log: Log,
    /// `None` if the last one failed and the log could not be read either.
    pub(super) index: Option<Index>,
    /// When to try a new database, if there is none.
    pub(super) retry: Instant,
    /// Number of databases that hung.
    pub(super) hung: u32,
}

impl Entries {
    pub(super) fn open(data_dir: &Path, identity: Identity, cache_bytes: u64, problems: &Problems) -> std::io::Result<Self> {
        let opened = Log::open(data_dir, "catalog", identity, |_, kind, _| match kind {
            CHANGES => Ok(()),
            _ => Err(CodecError::Damaged("an unknown kind of record")),
        })?;
        let mut entries =
            Self { data_dir: data_dir.to_owned(), identity, cache_bytes, log: opened.log, index: None, retry: Instant::now(), hung: 0 };
        let folders = entries.folders();
        let newest = folders.last();
        // A log with an index cannot have been empty.
        let gone = (entries.log.len() == 0 && newest.is_some()).then(|| "it is missing".to_owned());
        let damage = opened.damage.or(gone).map(|damage| (damage, opened.damaged_to));
        for stale in &folders[..folders.len().saturating_sub(1)] {
            remove_folder(stale);
        }
        if let Some(folder) = newest.filter(|_| entries.has_room() || damage.is_some()) {
            match entries.adopt(folder, damage.as_ref().map(|damage| damage.1)) {
                Ok(disk) => entries.index = Some(Index::Disk(disk)),
                Err(IndexError::Stale) => log::info!("{} does not match the log and is rebuilt", folder.display()),
                Err(error) if error.is_full() => log::warn!("{}: {error}", folder.display()),
                Err(IndexError::Hung) => {
                    entries.hung += 1;
                    entries.report_failure(folder, &IndexError::Hung, problems);
                }
                Err(error) => entries.report_failure(folder, &error, problems),
            }
        }
        if let Some((what, damaged_to)) = damage {
            entries.repair(&what, damaged_to, problems);
        }
        if entries.index.is_none() {
            entries.index = Some(Index::Memory(entries.in_memory()?));
            if entries.log.len() < QUICK_BYTES {
                entries.try_new_database();
            }
        }
        Ok(entries)
    }

    /// Opens a database of an earlier process and applies the rest of the log to it.
    fn adopt(&self, folder: &Path, damaged_to: Option<u64>) -> Result<DiskIndex, IndexError> {
        let mut disk = DiskIndex::open(folder, self.cache_bytes, self.identity)?;
        let (generation, len) = self.log.position();
        let position = disk.tally().position;
        // Without a log the database is the only source.
        let alone = damaged_to.is_some() && len == 0;
        let fresh = disk.tally() == Tally::default();
        if !fresh && (position.0 != generation && !alone || position.1 > len && damaged_to.is_none()) {
            return Err(IndexError::Stale);
        }
        if damaged_to.is_some() {
            disk.check()?;
        } else {
            disk.begin_check();
        }
        let mut result = Ok(());
        self.log.read_from(position.1, |end, kind, payload| {
            if result.is_ok() && kind == CHANGES {
                result = decode(payload).map_err(|_| IndexError::Wrong).and_then(|changes| disk.apply(changes, (generation, end)));
            }
        })?;
        result.map(|()| disk)
    }

    /// Rewrites a damaged log from what is known, and reports it.
    fn repair(&mut self, what: &str, damaged_to: u64, problems: &Problems) {
        let path = self.log.path().to_owned();
        let kept = keep_damaged(&self.data_dir, &path, "catalog.log");
        let from = match &self.index {
            Some(index) if index.tally().position.1 >= damaged_to => "it was rewritten from its index and nothing is lost",
            Some(_) => "it was rewritten; events and documents in the damaged part are lost unless the index had them",
            None => "it was rewritten; events and documents in the damaged part are lost",
        };
        if self.index.is_none() {
            self.index = self.in_memory().map(Index::Memory).ok();
        }
        let problem = match self.rewrite() {
            Ok(()) => format!("{} was damaged ({what}); {kept}; {from}", path.display()),
            Err(error) => format!("{} is damaged ({what}) and cannot be rewritten: {error}", path.display()),
        };
        problems.note(problem);
    }

    /// All entries, from the log.
    fn in_memory(&self) -> std::io::Result<MemoryIndex> {
        let mut memory = MemoryIndex::default();
        let generation = self.log.position().0;
        self.log.read_from(0, |end, kind, payload| {
            if kind == CHANGES
                && let Ok(changes) = decode(payload)
            {
                memory.apply(changes, (generation, end));
            }
        })?;
        Ok(memory)
    }

    pub(super) fn tally(&self) -> Tally {
        self.index.as_ref().map(Index::tally).unwrap_or_default()
    }

    pub(super) fn change(&mut self, changes: Vec<Change>, problems: &Problems) -> std::io::Result<()> {
        self.log.append(&[(CHANGES, encode(&changes))], 0)?;
        let position = self.log.position();
        self.with_index(problems, |index| index.apply(changes.clone(), position), |index| index.tally().position >= position, ())?;
        if self.log.len() > REWRITE_BYTES {
            let tally = self.tally();
            if self.log.len() > 2 * (tally.bytes + tally.count * ENTRY_COST)
                && let Err(error) = self.rewrite()
            {
                // Not fatal: the log is only larger than it needs to be.
                log::warn!("cannot rewrite {}: {error}", self.log.path().display());
            }
        }
        // Nobody waits for this: the log is durable. A nearly current index can replace a log that gets damaged.
        self.begin_flush();
        Ok(())
    }

    pub(super) fn page(&mut self, range: Range, limit: Limit, problems: &Problems) -> std::io::Result<Vec<Entry>> {
        self.with_index(problems, |index| index.page(range.clone(), limit), |_| false, Vec::new())
    }

    /// Runs `work` on the index, and on one in memory if the database fails. `is_done` returns whether a freshly built index already
    /// has the change; `done` is then the result.
    fn with_index<T>(
        &mut self,
        problems: &Problems,
        mut work: impl FnMut(&mut Index) -> Result<T, IndexError>,
        is_done: impl Fn(&Index) -> bool,
        done: T,
    ) -> std::io::Result<T> {
        if matches!(self.index, Some(Index::Memory(_))) && Instant::now() >= self.retry {
            self.try_new_database();
        }
        if let Some(index) = &mut self.index {
            if is_done(index) {
                return Ok(done);
            }
            match work(index) {
                Ok(result) => return Ok(result),
                Err(error) => self.give_up(&error, problems),
            }
        }
        let mut index = Index::Memory(self.in_memory()?);
        let result = if is_done(&index) { Ok(done) } else { work(&mut index).map_err(std::io::Error::other) };
        self.index = Some(index);
        result
    }

    /// Closes a database that failed.
    fn give_up(&mut self, error: &IndexError, problems: &Problems) {
        self.retry = Instant::now() + RETRY;
        let Some(Index::Disk(disk)) = self.index.take() else { return };
        let folder = disk.folder().to_owned();
        if matches!(error, IndexError::Hung) {
            disk.abandon()
        } else {
            drop(disk)
        }
        if error.is_full() {
            log::warn!("{}: {error}; events and documents are served from memory", folder.display());
        } else {
            self.report_failure(&folder, error, problems);
        }
    }

    /// Quarantines a failed database, unless a thread still hangs in it, and reports why.
    fn report_failure(&self, folder: &Path, error: &IndexError, problems: &Problems) {
        let kept = match error {
            IndexError::Hung => "it was left in place".to_owned(),
            _ => {
                let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                files::outcome("it was moved to", files::set_aside(&self.data_dir, folder, &format!("catalog-{name}")))
            }
        };
        problems.note(format!("the index of the catalog in {} failed: {error}; {kept} and is rebuilt from catalog.log", folder.display()));
    }

    /// Builds a database from what is in memory, in the next folder.
    fn try_new_database(&mut self) {
        let Some(Index::Memory(memory)) = &self.index else { return };
        if self.log.len() == 0 {
            return;
        }
        if self.hung >= MAX_HUNG || !self.has_room() {
            self.retry = Instant::now() + RETRY;
            return;
        }
        let older = self.folders();
        let folder = self.folder_after(older.last());
        match self.database_of(memory, &folder) {
            Ok(disk) => {
                self.index = Some(Index::Disk(disk));
                older.iter().for_each(|folder| remove_folder(folder));
            }
            Err(error) => {
                self.retry = Instant::now() + RETRY;
                log::warn!("{}: {error}; events and documents are served from memory", folder.display());
                if matches!(error, IndexError::Hung) { self.hung += 1 } else { remove_folder(&folder) }
            }
        }
    }

    fn database_of(&self, memory: &MemoryIndex, folder: &Path) -> Result<DiskIndex, IndexError> {
        files::create_private_dir(folder)?;
        let mut disk = DiskIndex::open(folder, self.cache_bytes, self.identity)?;
        let mut from = Bound::Unbounded;
        loop {
            let entries = memory.page((from, Bound::Unbounded), PAGE);
            let Some((last, _)) = entries.last() else { break };
            from = Bound::Excluded(last.clone());
            // The position is written with the last part only: until then the database is invalid.
            disk.apply(entries.into_iter().map(|(key, value)| Change { key, value: Some(value) }).collect(), (0, 0))?;
        }
        disk.apply(Vec::new(), memory.tally().position)?;
        disk.flush()?;
        Ok(disk)
    }

    /// Rewrites the log with the current entries.
    fn rewrite(&mut self) -> Result<(), IndexError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        self.log.rewrite(0, |out: &mut Rewrite| -> Result<(), IndexError> {
            let mut from = Bound::Included(vec![DOCUMENT]);
            loop {
                let entries = index.page((from, Bound::Excluded(vec![EVENT + 1])), PAGE)?;
                let Some((last, _)) = entries.last() else { return Ok(()) };
                from = Bound::Excluded(last.clone());
                for (key, value) in entries {
                    out.push(CHANGES, &encode(&[Change { key, value: Some(value) }]))?;
                }
            }
        })?;
        index.apply(Vec::new(), self.log.position())?;
        self.begin_flush();
        Ok(())
    }

    /// Recreates log and database. A database whose files were removed can still read them while it has them open.
    pub(super) fn renew(&mut self) -> Result<(), IndexError> {
        let memory = match self.index.take() {
            Some(Index::Memory(memory)) => memory,
            Some(Index::Disk(disk)) => {
                let memory = entries_of(&disk);
                disk.abandon();
                memory
            }
            None => MemoryIndex::default(),
        };
        self.index = Some(Index::Memory(memory));
        if self.log.len() > 0 {
            self.rewrite()?;
        }
        self.try_new_database();
        Ok(())
    }

    pub(super) fn begin_flush(&self) {
        if let Some(Index::Disk(disk)) = &self.index
            && self.has_room()
        {
            disk.begin_flush();
        }
    }

    fn has_room(&self) -> bool {
        // If the system gives no figures, the writes will fail.
        rustix::fs::statvfs(&self.data_dir).map_or(true, |stat| stat.f_bavail.saturating_mul(stat.f_frsize) >= ROOM)
    }

    /// Folders of databases, by rising number.
    fn folders(&self) -> Vec<PathBuf> {
        let catalog = self.data_dir.join("catalog");
        let mut numbers: Vec<u64> = fs::read_dir(&catalog)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("index-")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| catalog.join(format!("index-{number}"))).collect()
    }

    fn folder_after(&self, last: Option<&PathBuf>) -> PathBuf {
        let number = last.and_then(|path| path.file_name()?.to_str()?.strip_prefix("index-")?.parse::<u64>().ok());
        self.data_dir.join("catalog").join(format!("index-{}", number.map_or(1, |number| number.saturating_add(1))))
    }
}

/// All entries that can be read from a database.
pub(super) fn entries_of(disk: &DiskIndex) -> MemoryIndex {
    let mut memory = MemoryIndex::default();
    let mut from = Bound::Unbounded;
    loop {
        let entries = match disk.page((from, Bound::Unbounded), PAGE) {
            Ok(entries) => entries,
            Err(error) => {
                log::error!("{}: some events or documents cannot be read: {error}", disk.folder().display());
                return memory;
            }
        };
        let Some((last, _)) = entries.last() else { return memory };
        from = Bound::Excluded(last.clone());
        let changes = entries.into_iter().filter(|(key, _)| matches!(key.first(), Some(&EVENT | &DOCUMENT)));
        memory.apply(changes.map(|(key, value)| Change { key, value: Some(value) }).collect(), (0, 0));
    }
}

/// Removes a folder whose content exists elsewhere.
pub(super) fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        log::warn!("cannot remove {}: {error}", folder.display());
    }
}
