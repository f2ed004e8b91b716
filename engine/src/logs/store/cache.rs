//! Directories of files that were read last: a day of many streams has one of megabytes, so not all are in memory.

use std::sync::Arc;

use parking_lot::Mutex;

use super::directory::Directory;
use super::file::BlocksFile;
use crate::store::page::PageError;

/// Bytes of directories that are kept.
const KEPT_BYTES: usize = 16 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Directories {
    /// The id of the file, what it has; the one that was wanted last is the last.
    read: Mutex<Vec<(u64, Arc<Directory>)>>,
}

impl Directories {
    pub(super) fn get(&self, file: &BlocksFile) -> Result<Arc<Directory>, PageError> {
        {
            let mut read = self.read.lock();
            if let Some(at) = read.iter().rposition(|(id, _)| *id == file.id) {
                let found = read.remove(at);
                let directory = Arc::clone(&found.1);
                read.push(found);
                return Ok(directory);
            }
        }
        let directory = Arc::new(file.directory()?);
        let mut read = self.read.lock();
        read.push((file.id, Arc::clone(&directory)));
        let mut bytes = 0;
        let keep = read.iter().rev().take_while(|(_, directory)| {
            bytes += directory.memory();
            bytes <= KEPT_BYTES
        });
        let keep = keep.count().max(1);
        let gone = read.len() - keep;
        read.drain(..gone);
        Ok(directory)
    }

    /// Forgets files that are no more.
    pub(super) fn forget(&self, files: &[Arc<BlocksFile>]) {
        self.read.lock().retain(|(id, _)| files.iter().all(|file| file.id != *id));
    }
}
