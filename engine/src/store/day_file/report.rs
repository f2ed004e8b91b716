//! Reports damage of one file, each finding once.

use super::*;

/// Reports damage of one file.
pub(in crate::store) struct Report {
    problems: Arc<Problems>,
    /// Day and name of the file.
    name: String,
    known: Mutex<BTreeSet<(u32, i64)>>,
    /// Something in it cannot be read.
    damaged: AtomicBool,
}

/// Findings that are remembered; beyond that they may be reported again, which the list of problems bounds.
pub(super) const MAX_KNOWN: usize = 4_096;

impl Report {
    pub(in crate::store) fn new(problems: Arc<Problems>, day: Day, name: &str) -> Self {
        let name = format!("partition {}: {name}", day.name());
        Self { problems, name, known: Default::default(), damaged: false.into() }
    }

    /// Whether any damage was found in the file so far.
    pub(in crate::store) fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed)
    }

    /// Reports that something cannot be read.
    pub(in crate::store) fn lost(&self, what: &str) {
        self.damaged.store(true, Relaxed);
        self.problems.note(format!("{}: {what}", self.name));
    }

    /// Reports that something is damaged of which there is a second copy.
    pub(in crate::store) fn mended(&self, what: &str) {
        self.damaged.store(true, Relaxed);
        self.problems.note(format!("{}: {what}; its second copy is used, nothing is lost", self.name));
    }

    /// Reports that rows of a series cannot be read. Labels are looked up only the first time.
    pub(in crate::store) fn lost_rows(&self, id: SeriesId, what: &str, span: Within, why: &str, labels: impl FnOnce() -> Option<Labels>) {
        self.damaged.store(true, Relaxed);
        {
            let mut known = self.known.lock();
            if !known.insert((id.0, span.0)) {
                return;
            }
            if known.len() > MAX_KNOWN {
                known.clear();
            }
        }
        let series = labels().map_or_else(|| format!("series {}", id.0), |labels| labels.to_string());
        let (from, to) = (instant(span.0), instant(span.1));
        self.problems.note(format!("{}: {what} of {series} from {from} to {to} cannot be read and are left out{why}", self.name));
    }
}

pub(super) fn instant(t: i64) -> String {
    jiff::Timestamp::from_millisecond(t).map_or_else(|_| format!("{t} ms"), |t| t.to_string())
}
