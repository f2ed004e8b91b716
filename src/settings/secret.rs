//! Secrets: how they are held, which keys have them, and messages about settings that leave them out.

use std::fmt;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use config::{ConfigError, Map, Value, ValueKind};
use serde::{Deserialize, Serialize};

/// A text that is shown in no message and no log.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"…\"")
    }
}

/// The last words of keys whose values are secret.
const NAMES: [&str; 7] = ["api_key", "token", "webhook_secret", "bearer_token", "password", "body", "send"];
/// A table all of whose values may be secret.
const TABLE: &str = "headers";

/// Addresses and commands of channels hold what allows to post there, commands of actions what allows to act.
const OF_TABLES: [(&str, &[&str]); 2] =
    [("notify.channels.", &[".url", ".command"]), ("actions.bind.", &[".dry_run", ".command", ".undo"])];

/// Whether the value of a key (`server.token`, `probes.check.shop.headers.Authorization`) is secret.
pub fn is_secret(key: &str) -> bool {
    let mut words = key.rsplit('.');
    let of_table = OF_TABLES.iter().any(|(table, ends)| key.starts_with(table) && ends.iter().any(|end| key.ends_with(end)));
    of_table || words.next().is_some_and(|last| NAMES.contains(&last)) || key.split('.').any(|word| word == TABLE)
}

/// The keys of a settings file that have secrets.
pub fn secrets(table: &Map<String, Value>) -> Vec<String> {
    fn walk(at: &str, table: &Map<String, Value>, found: &mut Vec<String>) {
        for (name, value) in table {
            let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match &value.kind {
                ValueKind::Table(inner) => walk(&key, inner, found),
                ValueKind::Nil => {}
                _ => found.extend(is_secret(&key).then_some(key)),
            }
        }
    }
    let mut found = Vec::new();
    walk("", table, &mut found);
    found.sort_unstable();
    found
}

/// What is wrong with a value, without the value where it is a secret.
pub fn explain(error: &ConfigError) -> String {
    match error {
        ConfigError::Type { key: Some(key), expected, .. } if is_secret(key) => {
            format!("invalid type, expected {expected} for key `{key}`")
        }
        ConfigError::At { key: Some(key), .. } if is_secret(key) => format!("not understood, for key `{key}`"),
        other => other.to_string(),
    }
}

/// What is wrong with the text of a settings file: where, the key if it is a known one, and why. Never the line itself, which
/// may hold a secret.
pub fn explain_syntax(text: &str, error: &toml::de::Error, known: impl Fn(&str) -> bool) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or(text);
    let (above, start) = before.rsplit_once('\n').map_or(("", before), |(above, start)| (above, start));
    let line = if above.is_empty() && !before.contains('\n') { 1 } else { above.matches('\n').count() + 2 };
    let whole = text.lines().nth(line - 1).unwrap_or("");
    let key = whole.split('=').next().map(str::trim).filter(|key| known(key)).map(|key| format!(", key `{key}`")).unwrap_or_default();
    // The first line says what is wrong; those that follow may quote.
    let why = error.message().lines().next().unwrap_or("not TOML");
    format!("line {line}, column {}{key}: {why}", start.chars().count() + 1)
}

/// An address without user name, password and query.
pub fn without_secrets(url: &str) -> String {
    let text = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").map_or((String::new(), text), |(scheme, rest)| (format!("{scheme}://"), rest));
    let host = rest.split('/').next().unwrap_or_default();
    match host.rfind('@') {
        Some(at) => format!("{scheme}…@{}", &rest[at + 1..]),
        None => format!("{scheme}{rest}"),
    }
}

/// A warning about a file with secrets that other users may read, and what to do about it.
pub fn exposed(path: &Path, secrets: &[String]) -> Option<String> {
    let first = secrets.first()?;
    let meta = std::fs::metadata(path).ok()?;
    let mode = meta.mode() & 0o777;
    // Packages install the file as root's, readable by the group of the service.
    let by_group = meta.uid() != rustix::process::geteuid().as_raw();
    let (open, right) = if by_group { (mode & 0o007 != 0, "640") } else { (mode & 0o077 != 0, "600") };
    open.then(|| format!("{0} holds {first} and others may read it (mode {mode:o}): chmod {right} {0}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!((&*secret, format!("{secret:?}")), ("hunter2", "\"…\"".to_owned()));
        for (key, expected) in [
            ("server.token", true),
            ("github.webhook_secret", true),
            ("scrape.targets.a.bearer_token", true),
            ("probes.check.a.headers.Authorization", true),
            ("ask.api_key", true),
            ("ask.api_key_file", false),
            ("scrape.targets.a.bearer_token_file", false),
            ("costs.tokens", false),
            ("notify.channels.ops.url", true),
            ("notify.external_url", false),
            ("actions.bind.disk_filling.undo", true),
            ("actions.bind.disk_filling.mode", false),
            ("scrape.targets.a.url", false),
        ] {
            assert_eq!(is_secret(key), expected, "{key}");
        }
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_secret_in_it() {
        for (url, shown) in [
            ("https://me:secret@host:1/path?key=secret#x", "https://…@host:1/path"),
            ("ftp://host/a@b", "ftp://host/a@b"),
            ("me:secret@host", "…@host"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn a_file_with_secrets_that_others_may_read_is_mentioned_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Settings.toml");
        write(&path, "").unwrap();
        let secrets = ["server.token".to_owned()];
        for (mode, open) in [(0o644, true), (0o640, true), (0o604, true), (0o600, false), (0o400, false)] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let said = exposed(&path, &secrets);
            assert_eq!(said.is_some(), open, "{mode:o}: {said:?}");
            assert!(said.is_none_or(|said| said.contains("holds server.token") && said.contains("chmod 600 ")));
            assert_eq!(exposed(&path, &[]), None, "without a secret anybody may read it");
        }
    }
}
