//! `[agents]`: what is kept of what coding agents send.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use taskpulse_actors::notify::AckKey;
use taskpulse_engine::privacy::{Digest, Kept, Kinds};

use super::sections::Agents;

/// The words of `names`.
const SHORT: &str = "short";
const AS_SENT: &str = "as sent";

/// The filter that the settings ask for.
pub fn kept(agents: &Agents, digest: Digest) -> anyhow::Result<Kept> {
    let mut kinds = Kinds::NONE;
    for name in &agents.keep {
        let Some(kind) = Kinds::named(name) else {
            bail!("agents.keep: {name:?} is no kind; kinds are {}", Kinds::NAMES.map(|(name, _)| name).join(", "));
        };
        kinds = kinds.and(kind);
    }
    let names = agents.names.as_str();
    ensure!(matches!(names, SHORT | AS_SENT), "agents.names = {names:?}: must be {SHORT:?} or {AS_SENT:?}");
    Kept::new(kinds, &agents.redact, names == SHORT, digest).context("agents.redact")
}

/// Whether the settings ask for one.
pub fn check(agents: &Agents) -> anyhow::Result<()> {
    kept(agents, Arc::new(str::to_owned)).map(|_| ())
}

/// Digits by the key of the data directory.
pub fn digest_by(key: &AckKey) -> Digest {
    let key = key.clone();
    Arc::new(move |text| key.fingerprint(&format!("of an agent\0{text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<()> {
        check(&toml::from_str(text)?)
    }

    #[test]
    fn what_is_kept_is_named() {
        assert!(read("").is_ok());
        let patterns = vec!["\"a\""; 33].join(",");
        for (text, part) in [
            ("keep = [\"prompts\", \"answers\", \"tool_inputs\", \"tool_outputs\"]\nredact = ['ACME-\\d{6}']\nnames = \"as sent\"", ""),
            ("keep = [\"prompt\"]", "\"prompt\" is no kind; kinds are prompts, answers"),
            ("names = \"long\"", "must be \"short\" or \"as sent\""),
            ("redact = [\"(\"]", "agents.redact: \"(\""),
            ("redact = [\"x*\"]", "\"x*\" matches a text without letters"),
            (&format!("redact = [\"{}\"]", "x".repeat(1_001)), "1001 characters"),
            (&format!("redact = [{patterns}]"), "there are 33; must be at most 32"),
            ("redact = ['\\pL{1000}']", "compiled it is larger"),
        ] {
            match read(text) {
                Ok(()) => assert_eq!(part, "", "{text}"),
                Err(error) => assert!(!part.is_empty() && format!("{error:#}").contains(part), "{text}: {error:#}"),
            }
        }
    }

    #[test]
    fn names_are_the_same_as_long_as_the_key_is() {
        let dir = tempfile::tempdir().unwrap();
        let of = |text: &str| digest_by(&AckKey::of(dir.path()).unwrap())(text);
        assert_eq!(of("me@example.com"), of("me@example.com"));
        assert_ne!(of("me@example.com"), of("you@example.com"));
        assert_ne!(of("me"), digest_by(&AckKey::random().unwrap())("me"));
        assert!(of("me").len() >= 8);
    }
}
