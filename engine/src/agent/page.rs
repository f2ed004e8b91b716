//! The countable facts of one session in one hour: what is read and written together.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::signal::SessionKey;
use crate::model::TimestampMs;

/// Most items of an hour of a session; what comes beyond is refused and counted.
pub(super) const MAX_ITEMS: usize = 20_000;
/// How much work the packing is: texts repeat a lot.
const LEVEL: i32 = 3;
/// Most bytes of a page that is read.
const MAX_BYTES: u64 = 64 << 20;
const HOUR_MS: i64 = 3_600_000;
/// Begins the key of a page.
const PREFIX: &str = "hour/";

/// Items by identity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Page {
    /// The session.
    pub session: Option<SessionKey>,
    /// By identity.
    pub items: BTreeMap<u64, Item>,
}

impl Page {
    /// The keys of the pages of a range of time: from the first to before the second.
    #[must_use]
    pub fn keys(start: TimestampMs, end: TimestampMs) -> (String, String) {
        page_range(start, end)
    }

    /// As it is kept: JSON, packed.
    pub(super) fn packed(&self) -> Option<Vec<u8>> {
        zstd::encode_all(serde_json::to_vec(self).ok()?.as_slice(), LEVEL).ok()
    }

    /// From what was kept; none where it cannot be read.
    #[must_use]
    pub fn unpacked(bytes: &[u8]) -> Option<Self> {
        serde_json::from_reader(zstd::Decoder::new(bytes).ok()?.take(MAX_BYTES)).ok()
    }
}

/// The hour of a time.
pub(super) const fn hour_of(at: TimestampMs) -> i64 {
    at.div_euclid(HOUR_MS)
}

/// The key of a page. Keys are ordered by time.
pub(super) fn page_key(hour: i64, session: &SessionKey) -> String {
    format!("{PREFIX}{hour:08}/{}/{}@{}", session.agent, session.id, session.host)
}

/// The keys of the pages of a range of time: from the first to before the second.
pub(super) fn page_range(start: TimestampMs, end: TimestampMs) -> (String, String) {
    (format!("{PREFIX}{:08}/", hour_of(start).max(0)), format!("{PREFIX}{:08}/", hour_of(end).max(0) + 1))
}
