//! Links that acknowledge one firing of one alert, and nothing else, without the token of the service.
//!
//! A phone that shows a notice has no token, and none may go through the servers of others. A link is signed (HMAC-SHA256) with a key that is
//! made at the first start and stays in the data directory. It holds for the firing that it was sent for, for [`LIFETIME_MS`].

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, Mac};
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use taskpulse_engine::model::{TimestampMs, hex};
use taskpulse_engine::notices::NoticeAlert;

/// The file in the data directory.
const FILE: &str = "acknowledge.key";
const KEY_BYTES: usize = 32;
/// How long a link holds.
pub const LIFETIME_MS: i64 = 7 * 86_400_000;

/// The key that signs links.
#[derive(Clone)]
pub struct AckKey([u8; KEY_BYTES]);

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckLink<'a> {
    /// The alert.
    pub id: &'a str,
    /// When it fired.
    pub fired: TimestampMs,
    /// When the link ends.
    pub until: TimestampMs,
}

impl AckKey {
    /// The key of a data directory; it is made where there is none. Where it can neither be read nor kept, it is one for this run: its links
    /// end with the service.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        if let Ok(bytes) = fs::read(&path)
            && let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes)
        {
            return Ok(Self(key));
        }
        let key = Self::random()?;
        if let Err(error) = key.keep(&path) {
            log::warn!("{}: not kept: {error}; buttons of notices that acknowledge work until the service stops", path.display());
        }
        Ok(key)
    }

    /// A key that is not kept.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom(&mut key, GetRandomFlags::empty())?;
        Ok(Self(key))
    }

    fn keep(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&self.0)?;
        file.sync_all()
    }

    /// The address that acknowledges an alert, of a service at `external_url`.
    #[must_use]
    pub fn address(&self, alert: &NoticeAlert, external_url: &str, now: TimestampMs) -> String {
        let link = AckLink { id: &alert.id, fired: alert.starts_at, until: now.saturating_add(LIFETIME_MS) };
        let (base, signature) = (external_url.trim_end_matches('/'), self.signature(&link));
        format!("{base}/api/v1/alerts/{}/ack?fired={}&until={}&signature={signature}", link.id, link.fired, link.until)
    }

    fn signature(&self, link: &AckLink<'_>) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(b"taskpulse acknowledge ");
        mac.update(&link.fired.to_be_bytes());
        mac.update(&link.until.to_be_bytes());
        mac.update(link.id.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// What shows whether a text is the same as before, and nothing else of it.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(b"taskpulse fingerprint ");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes()[..8])
    }

    /// Whether this key signed a link that has not ended.
    #[must_use]
    pub fn accepts(&self, link: &AckLink<'_>, signature: &str, now: TimestampMs) -> bool {
        let expected = self.signature(link);
        now < link.until && !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(signature.as_bytes()))
    }
}

impl std::fmt::Debug for AckKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AckKey")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LINK: AckLink<'static> = AckLink { id: "00000000000000aa", fired: 1_000, until: 9_000 };

    #[test]
    fn a_link_holds_for_one_firing_of_one_alert_until_it_ends() {
        let (key, other) = (AckKey([7; KEY_BYTES]), AckKey([8; KEY_BYTES]));
        let signature = key.signature(&LINK);
        for (what, link, given, now, accepted) in [
            ("as signed", LINK, signature.as_str(), 8_999, true),
            ("after its end", LINK, &signature, 9_000, false),
            ("longer", AckLink { until: 10_000, ..LINK }, &signature, 8_999, false),
            ("of another alert", AckLink { id: "00000000000000ab", ..LINK }, &signature, 8_999, false),
            ("of another firing", AckLink { fired: 1_001, ..LINK }, &signature, 8_999, false),
            ("of another key", LINK, &other.signature(&LINK), 8_999, false),
            ("cut", LINK, &signature[..63], 8_999, false),
            ("without", LINK, "", 8_999, false),
        ] {
            assert_eq!(key.accepts(&link, given, now), accepted, "{what}");
        }
    }

    #[test]
    fn the_key_stays_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (first, again) = (AckKey::of(dir.path()).unwrap(), AckKey::of(dir.path()).unwrap());
        assert!(again.accepts(&LINK, &first.signature(&LINK), 0));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // What is damaged is made anew.
        fs::write(dir.path().join(FILE), b"short").unwrap();
        assert!(!AckKey::of(dir.path()).unwrap().accepts(&LINK, &first.signature(&LINK), 0));
        // Where nothing can be kept there is a key all the same.
        let nowhere = AckKey::of(&dir.path().join("none")).unwrap();
        assert!(nowhere.accepts(&LINK, &nowhere.signature(&LINK), 0));
    }
}
