//! Silences: what people do not want to be notified of for a while. The rules of changes are Alertmanager's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::matcher::all_accept;
use super::{MatcherError, MatcherSpec, NoticeAlert};
use crate::model::{Budget, Matcher, TimestampMs};
use crate::store::DocumentChange;

/// Silences that are kept.
const MAX_SILENCES: usize = 10_000;
/// Matchers of one silence.
const MAX_MATCHERS: usize = 32;
/// Longest comment, author, name or value, in bytes.
const MAX_TEXT: usize = 4_096;
/// How long a silence is kept after its end.
const KEEP_MS: i64 = 5 * 86_400_000;
const SILENCE: &str = "silence/";

/// Where a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceState {
    /// Its start is in the future.
    Pending,
    /// It holds notices back.
    Active,
    /// It is over.
    Expired,
}

impl SilenceState {
    /// As Alertmanager writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

/// What someone asks for. Times are ms UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct SilenceDraft {
    /// The silence that is changed; none for a new one.
    pub id: Option<String>,
    /// All must accept an alert.
    pub matchers: Vec<MatcherSpec>,
    /// From when on.
    pub starts_at: TimestampMs,
    /// Until when.
    pub ends_at: TimestampMs,
    /// Who asks.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// A silence. It is kept as a document, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID.
    pub id: String,
    /// All must accept an alert.
    pub matchers: Vec<MatcherSpec>,
    /// From when on.
    pub starts_at: TimestampMs,
    /// Until when.
    pub ends_at: TimestampMs,
    /// Who asked.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// When it was last changed.
    pub updated_at: TimestampMs,
}

impl Silence {
    /// Where it stands.
    #[must_use]
    pub fn state(&self, now: TimestampMs) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }
}

/// Why a silence was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none of that id.
    #[error("silence {0} not found")]
    NotFound(String),
    /// It is over already.
    #[error("silence {0} already expired")]
    Expired(String),
    /// What is asked for cannot be.
    #[error("silence invalid: {0}")]
    Invalid(String),
    /// There is no room.
    #[error("there are {MAX_SILENCES} silences; expire some, they are removed five days later")]
    TooMany,
}

impl From<MatcherError> for SilenceError {
    fn from(error: MatcherError) -> Self {
        Self::Invalid(error.to_string())
    }
}

#[derive(Debug, Clone)]
struct Entry {
    silence: Silence,
    matchers: Vec<Matcher>,
}

/// All silences.
#[derive(Debug, Clone, Default)]
pub struct Silences {
    entries: BTreeMap<String, Entry>,
    changed: BTreeSet<String>,
}

fn compile(specs: &[MatcherSpec]) -> Result<Vec<Matcher>, MatcherError> {
    let mut budget = Budget::default();
    specs.iter().map(|spec| spec.compile(&mut budget)).collect()
}

impl Silences {
    /// Takes over kept documents.
    pub fn restore(&mut self, documents: &[(String, Vec<u8>)]) {
        for (_, bytes) in documents.iter().filter(|(key, _)| key.starts_with(SILENCE)) {
            let Ok(silence) = serde_json::from_slice::<Silence>(bytes) else { continue };
            match compile(&silence.matchers) {
                Ok(matchers) => {
                    self.entries.insert(silence.id.clone(), Entry { silence, matchers });
                }
                Err(error) => log::error!("silence {}: {error}", silence.id),
            }
        }
    }

    /// Makes a silence, or changes one; `new_id` is the id of a new one. A change that would rewrite the past ends the old silence and
    /// makes a new one. Returns the id in force.
    ///
    /// # Errors
    /// [`SilenceError`] says why nothing changed.
    pub fn set(&mut self, draft: SilenceDraft, new_id: String, now: TimestampMs) -> Result<String, SilenceError> {
        let matchers = check(&draft, now)?;
        let known = match &draft.id {
            Some(id) => Some(self.entries.get(id).ok_or_else(|| SilenceError::NotFound(id.clone()))?.silence.clone()),
            None => None,
        };
        let stays = known.filter(|known| may_change(known, &draft, now));
        let id = stays.as_ref().map_or(new_id, |known| known.id.clone());
        if stays.is_none() {
            if self.entries.len() >= MAX_SILENCES {
                return Err(SilenceError::TooMany);
            }
            if let Some(old) = &draft.id {
                let _ = self.expire(old, now);
            }
        }
        let starts_at = if stays.is_some() { draft.starts_at } else { draft.starts_at.max(now) };
        let SilenceDraft { matchers: specs, ends_at, created_by, comment, .. } = draft;
        let silence = Silence { id: id.clone(), matchers: specs, starts_at, ends_at, created_by, comment, updated_at: now };
        self.entries.insert(id.clone(), Entry { silence, matchers });
        self.changed.insert(id.clone());
        Ok(id)
    }

    /// Ends a silence now.
    ///
    /// # Errors
    /// [`SilenceError`] where there is none, or it is over.
    pub fn expire(&mut self, id: &str, now: TimestampMs) -> Result<(), SilenceError> {
        let entry = self.entries.get_mut(id).ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        match entry.silence.state(now) {
            SilenceState::Expired => return Err(SilenceError::Expired(id.to_owned())),
            SilenceState::Pending => (entry.silence.starts_at, entry.silence.ends_at) = (now, now),
            SilenceState::Active => entry.silence.ends_at = now,
        }
        entry.silence.updated_at = now;
        self.changed.insert(id.to_owned());
        Ok(())
    }

    /// All that are kept, by id.
    pub fn all(&self) -> impl Iterator<Item = &Silence> {
        self.entries.values().map(|entry| &entry.silence)
    }

    /// The ids of those that hold an alert back.
    pub fn silencing<'a>(&'a self, alert: &'a NoticeAlert, now: TimestampMs) -> impl Iterator<Item = &'a str> {
        let active = self.entries.values().filter(move |entry| entry.silence.state(now) == SilenceState::Active);
        active.filter(|entry| all_accept(&entry.matchers, alert)).map(|entry| entry.silence.id.as_str())
    }

    /// Drops those that ended long ago.
    pub fn forget(&mut self, now: TimestampMs) {
        let gone = self.entries.extract_if(.., |_, entry| now.saturating_sub(entry.silence.ends_at) > KEEP_MS);
        self.changed.extend(gone.map(|(id, _)| id));
    }

    /// The documents that changed since the last call.
    pub fn take_changes(&mut self) -> Vec<DocumentChange> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed
            .map(|id| (format!("{SILENCE}{id}"), self.entries.get(&id).and_then(|entry| serde_json::to_vec(&entry.silence).ok())))
            .collect()
    }

    /// Puts back keys whose documents could not be written.
    pub fn put_back(&mut self, keys: impl IntoIterator<Item = String>) {
        self.changed.extend(keys.into_iter().filter_map(|key| Some(key.strip_prefix(SILENCE)?.to_owned())));
    }
}

/// Whether a silence can be changed in place: what it held back already stays held back.
fn may_change(known: &Silence, draft: &SilenceDraft, now: TimestampMs) -> bool {
    known.matchers == draft.matchers
        && match known.state(now) {
            SilenceState::Active => known.starts_at == draft.starts_at,
            SilenceState::Pending => draft.starts_at >= now,
            SilenceState::Expired => false,
        }
}

fn check(draft: &SilenceDraft, now: TimestampMs) -> Result<Vec<Matcher>, SilenceError> {
    let invalid = |why: &str| Err(SilenceError::Invalid(why.to_owned()));
    if draft.matchers.is_empty() {
        return invalid("at least one matcher required");
    }
    if draft.matchers.len() > MAX_MATCHERS {
        return invalid("more than 32 matchers");
    }
    let texts = draft.matchers.iter().flat_map(|matcher| [&matcher.name, &matcher.value]).chain([&draft.comment, &draft.created_by]);
    if texts.into_iter().any(|text| text.len() > MAX_TEXT) {
        return invalid("a text of more than 4096 bytes");
    }
    if draft.matchers.iter().any(|matcher| matcher.name.is_empty()) {
        return invalid("a matcher without a label name");
    }
    if draft.ends_at <= draft.starts_at {
        return invalid("end time must not be before start time");
    }
    if draft.ends_at <= now {
        return invalid("end time can't be in the past");
    }
    let matchers = compile(&draft.matchers)?;
    if matchers.iter().all(|matcher| matcher.accepts("")) {
        return invalid("at least one matcher must not match the empty string");
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::firing;

    fn draft(id: Option<&str>, matcher: &str, starts_at: TimestampMs, ends_at: TimestampMs) -> SilenceDraft {
        let matchers = vec![MatcherSpec::parse(matcher).unwrap()];
        SilenceDraft { id: id.map(str::to_owned), matchers, starts_at, ends_at, created_by: "me".to_owned(), comment: "why".to_owned() }
    }

    fn silencing(silences: &Silences, now: TimestampMs) -> Vec<String> {
        silences.silencing(&firing("cpu", "a", 0), now).map(str::to_owned).collect()
    }

    #[test]
    fn a_silence_holds_back_what_it_matches_between_its_times_and_survives_a_restart() {
        let mut silences = Silences::default();
        assert_eq!(silences.set(draft(None, "instance=~\"a|b\"", 100, 200), "1".to_owned(), 50), Ok("1".to_owned()));
        assert_eq!(silences.set(draft(None, "instance=b", 0, 200), "2".to_owned(), 50), Ok("2".to_owned()));
        let kept: Vec<(String, Vec<u8>)> = silences.take_changes().into_iter().map(|(key, bytes)| (key, bytes.unwrap())).collect();
        let mut silences = Silences::default();
        silences.restore(&kept);
        for (now, by) in [(99, vec![]), (100, vec!["1"]), (199, vec!["1"]), (200, vec![])] {
            assert_eq!(silencing(&silences, now), by, "{now}");
        }
        silences.expire("1", 150).unwrap();
        assert_eq!((silencing(&silences, 150).len(), silences.expire("1", 151)), (0, Err(SilenceError::Expired("1".to_owned()))));
        silences.forget(201 + KEEP_MS);
        assert_eq!((silences.all().count(), silences.take_changes().len()), (0, 2));
    }

    #[test]
    fn a_change_that_would_rewrite_the_past_makes_a_new_silence() {
        for (matcher, starts_at, ends_at, in_force) in
            [("instance=a", 100, 300, "1"), ("instance=a", 120, 300, "new"), ("instance=~a", 100, 300, "new")]
        {
            let mut silences = Silences::default();
            silences.set(draft(None, "instance=a", 100, 200), "1".to_owned(), 50).unwrap();
            let id = silences.set(draft(Some("1"), matcher, starts_at, ends_at), "new".to_owned(), 150).unwrap();
            assert_eq!((id.as_str(), silencing(&silences, 250)), (in_force, vec![in_force.to_owned()]));
            let old = silences.all().find(|silence| silence.id == "1").unwrap();
            assert_eq!(old.ends_at, if in_force == "1" { 300 } else { 150 });
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let mut silences = Silences::default();
        for (draft, why) in [
            (draft(Some("9"), "instance=a", 0, 200), "silence 9 not found"),
            (draft(None, "instance=a", 0, 40), "silence invalid: end time can't be in the past"),
            (draft(None, "instance=a", 300, 200), "silence invalid: end time must not be before start time"),
            (draft(None, "instance=~\".*\"", 0, 200), "silence invalid: at least one matcher must not match the empty string"),
            (SilenceDraft { matchers: vec![], ..draft(None, "a=b", 0, 200) }, "silence invalid: at least one matcher required"),
        ] {
            assert_eq!(silences.set(draft, "1".to_owned(), 50).unwrap_err().to_string(), why);
        }
        let error = silences.set(draft(None, "instance=~\"(\"", 0, 200), "1".to_owned(), 50).unwrap_err().to_string();
        assert!(error.starts_with("silence invalid: ") && silences.take_changes().is_empty(), "{error}");
    }
}
