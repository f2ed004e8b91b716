//! Messages that can be edited: the last one of each group, where its channel can edit.
//!
//! A notice that reports changes of what a message already announced (ends, values, an acknowledgement, a repetition) edits that message, which
//! makes no sound. One with a new alert, or with an alert whose severity rose, is a new message. Messages are kept as documents, so an
//! edit works after a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Notice, NoticeAlert};
use crate::model::TimestampMs;
use crate::store::DocumentChange;

const MESSAGE: &str = "message/";
/// Messages that are remembered; beyond that the oldest are forgotten.
const MAX_MESSAGES: usize = 10_000;
/// After so long without a change a message is not edited any more.
const REMEMBER_MS: i64 = 31 * 86_400_000;

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Message {
    /// Its id at the receiver.
    id: String,
    /// What it shows now.
    notice: Notice,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Messages {
    /// By the key of their group.
    sent: BTreeMap<String, Message>,
    changed: BTreeSet<String>,
}

/// How a notice is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Sending {
    /// As a new message.
    New,
    /// By an edit of the message `id`, which then shows `notice`.
    Edit {
        /// The id of the message at the receiver.
        id: String,
        /// What the message showed before, with what changed.
        notice: Notice,
    },
    /// Not at all: it could only edit a message that is not known any more.
    Nothing,
}

impl Messages {
    /// Takes over kept documents of channels that can edit.
    pub fn restore(&mut self, documents: &[(String, Vec<u8>)], edits: impl Fn(&str) -> bool) {
        for (key, bytes) in documents {
            let Some(group) = key.strip_prefix(MESSAGE) else { continue };
            match serde_json::from_slice::<Message>(bytes) {
                Ok(message) if edits(&message.notice.channel) => {
                    self.sent.insert(group.to_owned(), message);
                }
                _ => self.touch(group),
            }
        }
    }

    fn touch(&mut self, group: &str) {
        self.changed.insert(format!("{MESSAGE}{group}"));
    }

    /// How a notice of a channel that can edit is sent.
    #[must_use]
    pub fn sending(&self, notice: &Notice) -> Sending {
        match self.sent.get(&notice.group) {
            Some(message) if message.announced(notice) => Sending::Edit { id: message.id.clone(), notice: notice.edited(&message.notice) },
            _ if notice.only_edits => Sending::Nothing,
            _ => Sending::New,
        }
    }

    /// A notice was sent. `id` is that of its message, where that can be edited.
    pub fn sent(&mut self, notice: &Notice, id: Option<String>) {
        self.touch(&notice.group);
        // Nothing is left to change in a message whose alerts are all over.
        match id.filter(|_| notice.is_firing() || notice.more > 0) {
            Some(id) => self.sent.insert(notice.group.clone(), Message { id, notice: notice.clone() }),
            None => self.sent.remove(&notice.group),
        };
        if self.sent.len() > MAX_MESSAGES
            && let Some(oldest) = self.sent.iter().min_by_key(|(_, message)| message.notice.at).map(|(group, _)| group.clone())
        {
            self.sent.remove(&oldest);
            self.touch(&oldest);
        }
    }

    /// Edits that show the newest state of an alert: it was acknowledged, or that was taken back.
    #[must_use]
    pub fn acknowledged(&self, alert: &NoticeAlert, now: TimestampMs) -> Vec<Notice> {
        let differs = |known: &NoticeAlert| {
            known.id == alert.id && known.starts_at == alert.starts_at && !known.is_over() && known.acked_at != alert.acked_at
        };
        let edit = |message: &Message| {
            let notice = &message.notice;
            let known = notice.alerts.iter().find(|known| differs(known))?;
            let changed = NoticeAlert { flapping: known.flapping, ..alert.clone() };
            let mut edit = Notice::new(&notice.channel, &notice.group, notice.labels.clone(), now, vec![changed]);
            edit.only_edits = true;
            Some(edit)
        };
        self.sent.values().filter_map(edit).collect()
    }

    /// Drops messages that were not changed for long.
    pub fn forget(&mut self, now: TimestampMs) {
        let old = self.sent.extract_if(.., |_, message| now.saturating_sub(message.notice.at) > REMEMBER_MS);
        self.changed.extend(old.map(|(group, _)| format!("{MESSAGE}{group}")));
    }

    /// The documents that changed since the last call.
    pub fn take_changes(&mut self) -> Vec<DocumentChange> {
        let changed = std::mem::take(&mut self.changed);
        let bytes = |key: &str| serde_json::to_vec(self.sent.get(key.strip_prefix(MESSAGE)?)?).ok();
        changed.into_iter().map(|key| (key.clone(), bytes(&key))).collect()
    }

    /// Puts back keys whose documents could not be written.
    pub fn put_back(&mut self, keys: impl IntoIterator<Item = String>) {
        self.changed.extend(keys.into_iter().filter(|key| key.starts_with(MESSAGE)));
    }
}

impl Message {
    /// Whether it announced each firing alert of a notice, at least at its severity now.
    fn announced(&self, notice: &Notice) -> bool {
        let same = |alert: &NoticeAlert, known: &NoticeAlert| {
            known.id == alert.id && known.starts_at == alert.starts_at && !known.is_over() && known.severity >= alert.severity
        };
        let known = |alert: &NoticeAlert| self.notice.alerts.iter().any(|known| same(alert, known));
        notice.more <= self.notice.more && notice.alerts.iter().filter(|alert| !alert.is_over()).all(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::{ended, firing};
    use crate::rules::Severity;

    fn notice(alerts: &[NoticeAlert]) -> Notice {
        Notice::new("ops", "ops/1", BTreeMap::new(), 9, alerts.to_vec())
    }

    fn sent(alerts: &[NoticeAlert]) -> Messages {
        let mut messages = Messages::default();
        messages.sent(&notice(alerts), Some("m1".to_owned()));
        messages
    }

    fn severe(alert: &NoticeAlert, severity: Severity) -> NoticeAlert {
        NoticeAlert { severity, ..alert.clone() }
    }

    #[test]
    fn changes_edit_the_message_and_news_are_a_new_one() {
        let (a, b, c) = (firing("cpu", "a", 1), firing("cpu", "b", 2), firing("cpu", "c", 3));
        let messages = sent(&[a.clone(), b.clone()]);
        let again = firing("cpu", "a", 7);
        for (what, alerts, edits) in [
            ("an end", vec![ended(&a, 8)], true),
            ("an end beside what goes on", vec![ended(&a, 8), b.clone()], true),
            ("a repetition", vec![a.clone(), b], true),
            ("a new value", vec![NoticeAlert { value: Some(0.95), ..a.clone() }], true),
            ("a lower severity", vec![severe(&a, Severity::Info)], true),
            ("a higher severity", vec![severe(&a, Severity::Error)], false),
            ("a new alert", vec![a.clone(), c.clone()], false),
            ("a new alert beside an end", vec![ended(&a, 8), c], false),
            ("the same alert once more", vec![again], false),
        ] {
            let sending = messages.sending(&notice(&alerts));
            assert_eq!(matches!(sending, Sending::Edit { ref id, .. } if id == "m1"), edits, "{what}: {sending:?}");
        }
        let other = Notice { group: "ops/2".to_owned(), ..notice(&[ended(&a, 8)]) };
        assert_eq!(messages.sending(&other), Sending::New, "another group");
    }

    #[test]
    fn an_edited_message_shows_what_it_showed_with_what_changed() {
        let (a, b) = (firing("cpu", "a", 1), firing("cpu", "b", 2));
        let mut messages = sent(&[a.clone(), b.clone()]);
        let Sending::Edit { id, notice: shown } = messages.sending(&notice(&[ended(&a, 8)])) else { panic!("an edit") };
        assert_eq!(shown.alerts, [b.clone(), ended(&a, 8)], "what is held back is still shown");
        messages.sent(&shown, Some(id));
        let Sending::Edit { id, notice: shown } = messages.sending(&notice(&[ended(&b, 9)])) else { panic!("an edit") };
        assert_eq!((shown.status(), shown.counts()), ("resolved", (0, 2)));
        messages.sent(&shown, Some(id));
        // A message whose alerts are over is forgotten.
        assert!(messages.sent.is_empty() && messages.take_changes() == [("message/ops/1".to_owned(), None)]);
    }

    #[test]
    fn an_acknowledgement_edits_and_is_never_a_message_of_its_own() {
        let a = firing("cpu", "a", 1);
        let (mut messages, acked) = (sent(std::slice::from_ref(&a)), NoticeAlert { acked_at: Some(5), ..a.clone() });
        assert!(messages.acknowledged(&a, 6).is_empty(), "nothing changed");
        assert!(messages.acknowledged(&NoticeAlert { starts_at: 4, ..acked.clone() }, 6).is_empty(), "another firing");
        let edits = messages.acknowledged(&acked, 6);
        let Sending::Edit { id, notice: shown } = messages.sending(&edits[0]) else { panic!("an edit") };
        assert_eq!(shown.alerts, [acked]);
        messages.sent(&shown, Some(id));
        assert_eq!(messages.acknowledged(&a, 7).len(), 1, "it was taken back");
        messages.sent(&shown, None);
        assert_eq!(messages.sending(&edits[0]), Sending::Nothing, "the message is gone");
    }

    #[test]
    fn messages_survive_a_restart_and_are_bounded() {
        let a = firing("cpu", "a", 1);
        let mut messages = sent(std::slice::from_ref(&a));
        let kept: Vec<(String, Vec<u8>)> = messages.take_changes().into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
        let mut restarted = Messages::default();
        restarted.restore(&kept, |channel| channel == "ops");
        assert!(matches!(restarted.sending(&notice(&[ended(&a, 8)])), Sending::Edit { .. }));
        restarted.forget(REMEMBER_MS + 10);
        assert_eq!(restarted.take_changes(), [("message/ops/1".to_owned(), None)]);
        let mut without = Messages::default();
        without.restore(&kept, |_| false);
        assert_eq!(without.take_changes(), [("message/ops/1".to_owned(), None)], "its channel cannot edit any more");
        for n in 0..MAX_MESSAGES + 5 {
            let at = i64::try_from(n).unwrap();
            messages.sent(&Notice { group: n.to_string(), at, ..notice(std::slice::from_ref(&a)) }, Some(n.to_string()));
        }
        assert!(messages.sent.len() == MAX_MESSAGES && messages.sent.contains_key("10004"));
    }
}
