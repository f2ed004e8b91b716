//! Which settings changed between two starts.
//!
//! What is kept for that are fingerprints of the values that are not as usual, made with a key of the data directory: no value can be read from
//! them. Of a secret it is kept only that it is set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskpulse_actors::notify::AckKey;
use taskpulse_engine::advice::SETTINGS_CHANGED;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::shipped;

use super::Settings;
use super::load::OPEN_TABLES;
use super::secret::is_secret;

/// Documents of what was in force.
pub const KIND: &str = "settings";
/// The key of the document of the last start.
pub const LAST_START: &str = "last_start";
/// What stands for a secret, and for a usual value that is not there.
const SET: &str = "set";
const UNSET: &str = "unset";
/// Keys that an event names at the most.
const MOST_KEYS: usize = 100;

/// The settings in force at a start, as fingerprints of what is not as usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The fingerprint of nothing: of another key, all are different.
    key: String,
    values: BTreeMap<String, String>,
}

impl InForce {
    /// The settings of a service.
    #[must_use]
    pub fn new(settings: &Settings, key: &AckKey) -> Self {
        let mut usual = Settings::default();
        usual.alerts.rules = shipped(settings.alerts.profile);
        let (usual, given) = (leaves_of(&usual), leaves_of(settings));
        let mut values = BTreeMap::new();
        for (name, value) in given.iter().filter(|(name, value)| usual.get(*name) != Some(value)) {
            let shown = if is_secret(name) { SET.to_owned() } else { key.fingerprint(&format!("{name}\0{value}")) };
            values.insert(name.clone(), shown);
        }
        let unset = usual.into_keys().filter(|name| !given.contains_key(name));
        values.extend(unset.map(|name| (name, UNSET.to_owned())));
        Self { key: key.fingerprint(""), values }
    }

    /// The keys whose values are others than at an earlier start; none where that cannot be said.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        if self.key != before.key {
            return Vec::new();
        }
        let (now, then) = (&self.values, &before.values);
        let mut changed: BTreeMap<String, usize> = BTreeMap::new();
        let differs = |name: &&String| now.get(*name) != then.get(*name);
        for name in now.keys().chain(then.keys().filter(|name| !now.contains_key(*name))).filter(differs) {
            // What is new or gone as a whole is one change, not one for each of its keys.
            let whole = entry_of(name).filter(|entry| !(has(now, entry) && has(then, entry)));
            *changed.entry(whole.unwrap_or(name).to_owned()).or_default() += 1;
        }
        let single = |entry: &str| now.keys().chain(then.keys()).find(|name| entry_of(name) == Some(entry)).cloned();
        let named = |(name, count): (String, usize)| if count == 1 { single(&name).unwrap_or(name) } else { name };
        let mut changed: Vec<String> = changed.into_iter().map(named).collect();
        changed.sort_unstable();
        changed
    }
}

/// The table that the user named which a key is of: `scrape.targets.node` of `scrape.targets.node.url`.
fn entry_of(key: &str) -> Option<&str> {
    let table = OPEN_TABLES.iter().find(|table| key.strip_prefix(*table).is_some_and(|rest| rest.starts_with('.')))?;
    let end = key.rfind('.').filter(|end| *end > table.len())?;
    // A name with a dot is cut there: then it is less than a whole table that is named.
    let first = key[table.len() + 1..end].find('.').map_or(end, |at| table.len() + 1 + at);
    Some(&key[..first])
}

/// Whether an entry has keys.
fn has(values: &BTreeMap<String, String>, entry: &str) -> bool {
    values.keys().any(|name| name.strip_prefix(entry).is_some_and(|rest| rest.starts_with('.')))
}

/// Every value by its key, without those that are not set.
fn leaves_of(settings: &Settings) -> BTreeMap<String, Value> {
    fn walk(at: &str, value: Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let key = if at.is_empty() { name } else { format!("{at}.{name}") };
                    walk(&key, value, found);
                }
            }
            Value::Null => {}
            value => drop(found.insert(at.to_owned(), value)),
        }
    }
    let mut found = BTreeMap::new();
    walk("", serde_json::to_value(settings).unwrap_or_default(), &mut found);
    found
}

/// The event that settings changed, by their keys.
pub fn event(mut keys: Vec<String>, version: &str, now: TimestampMs) -> Option<Event> {
    let first = keys.first()?;
    let title = match keys.len() - 1 {
        0 => format!("settings changed since the last start: {first}"),
        more => format!("settings changed since the last start: {first} and {more} more"),
    };
    let count = keys.len();
    keys.truncate(MOST_KEYS);
    let event = Event::new(now, "service", SETTINGS_CHANGED, version, title);
    Some(event.with_data(json!({"keys": keys, "count": count})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load::tests::read;

    fn changed(before: &str, after: &str) -> Vec<String> {
        let key = AckKey::random().unwrap();
        let [before, after] = [before, after].map(|text| InForce::new(&read(text, &[]).unwrap(), &key));
        let kept: InForce = serde_json::from_slice(&serde_json::to_vec(&before).unwrap()).unwrap();
        after.changed_since(&kept)
    }

    #[test]
    fn what_changed_is_named_and_what_did_not_is_not() {
        for (before, after, keys) in [
            ("", "", vec![]),
            ("", "[store]\nretention = \"30d\"", vec![]),
            ("", "[store]\nretention = \"90d\"", vec!["store.retention"]),
            ("[store]\nretention = \"60d\"", "[store]\nretention = \"90d\"", vec!["store.retention"]),
            ("[store]\nretention = \"60d\"", "", vec!["store.retention"]),
            ("", "[alerts.rules.high_cpu_usage]\nenabled = false", vec!["alerts.rules.high_cpu_usage.enabled"]),
            ("", "[alerts.rules.high_cpu_usage]\nfor = \"1h\"", vec!["alerts.rules.high_cpu_usage.for"]),
            ("", "[alerts]\nprofile = \"workstation\"", vec!["alerts.profile"]),
            ("", "[scrape.targets.node]\nurl = \"http://a\"", vec!["scrape.targets.node"]),
            ("[server]\ntoken = \"0123456789abcdef\"", "[server]\ntoken = \"fedcba9876543210\"", vec![]),
            ("", "[server]\ntoken = \"fedcba9876543210\"", vec!["server.token"]),
        ] {
            assert_eq!(changed(before, after), keys, "{before} {after}");
        }
    }

    #[test]
    fn no_value_is_kept_and_those_of_another_key_are_not_compared() {
        let text = "[server]\ntoken = \"0123456789abcdef\"\n[probes.check.a]\nurl = \"http://a\"\nheaders = { Cookie = \"hunter2hunter2\" }\n[github]\napi_url = \"https://api.example/hidden\"";
        let settings = read(text, &[]).unwrap();
        let kept = serde_json::to_string(&InForce::new(&settings, &AckKey::random().unwrap())).unwrap();
        for value in ["0123456789abcdef", "hunter2", "hidden"] {
            assert!(!kept.contains(value), "{kept}");
        }
        assert!(kept.contains("\"server.token\":\"set\"") && kept.contains("probes.check.a.headers.Cookie"), "{kept}");
        let [one, other] = [text, ""].map(|text| InForce::new(&read(text, &[]).unwrap(), &AckKey::random().unwrap()));
        assert_eq!(other.changed_since(&one), [""; 0]);
    }
}
