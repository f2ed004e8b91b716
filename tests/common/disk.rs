//! A disk that fills, as a history that is kept: what gives advice at the first look.

use std::time::{SystemTime, UNIX_EPOCH};

use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{StoreOptions, StoreWriter};

use super::Folder;

const MINUTE: i64 = 60_000;

/// A day of a file system that grows by a tenth of its size, kept as the service keeps it.
pub fn keep_a_filling_disk(folder: &Folder) {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let options = StoreOptions { out_of_order_ms: 2 * 86_400_000, ..StoreOptions::default() };
    let store = StoreWriter::open(&folder.path().join("taskpulse-data"), options, now).unwrap();
    let labels = Labels::metric("system_filesystem_utilization_ratio", &[("mountpoint", "/srv/data")]);
    let mut batch = Batch::default();
    for minute in 0..1_430 {
        let jitter = f64::from(minute % 7) * 1e-4;
        batch.push(labels.clone(), now - 1_440 * MINUTE + i64::from(minute) * MINUTE, 0.7 + f64::from(minute) / 14_400.0 + jitter);
    }
    store.append(&batch, now).unwrap();
    store.commit().unwrap();
}
