//! The manifest of a day: which files belong to it as of its last change, and their durable lengths.
//!
//! One line of JSON and its crc32, replaced as a whole. The previous generation stays beside it as `manifest.old`. The files
//! describe themselves too (`day_file`); comparing them with the manifest shows what is missing, what was truncated, and what a
//! crash left behind. Without a manifest the day is restored from its files.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::partition::Day;
use super::pread::is_bad_sector;

pub(super) const NAME: &str = "manifest";
pub(super) const OLD: &str = "manifest.old";
pub(super) const TEMPORARY: &str = "manifest.tmp";

/// A file that belongs to the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// Durable length in bytes.
    pub(super) bytes: u64,
}

/// What belongs to a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) identity: String,
    pub(super) day: String,
    /// Rises by one with each change.
    pub(super) generation: u64,
    pub(super) chunks: Vec<Entry>,
    pub(super) pages: Vec<Entry>,
    /// Numbers of files that were replaced by others and may still exist.
    pub(super) leaving: Vec<u64>,
    /// This number and all higher ones are unused, as far as this manifest knows.
    pub(super) next: u64,
    /// The last journal record in any file.
    pub(super) through: u64,
}

impl Manifest {
    fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(format!("\n{crc:08x}\n").as_bytes());
        Ok(bytes)
    }

    fn decode(bytes: &[u8], identity: Identity, day: Day) -> Result<Self, &'static str> {
        const DAMAGED: &str = "damaged";
        let body = bytes.len().checked_sub(10).ok_or(DAMAGED)?;
        let (body, tail) = bytes.split_at(body);
        if tail != format!("\n{:08x}\n", crc32fast::hash(body)).as_bytes() {
            return Err(DAMAGED);
        }
        let manifest: Self = serde_json::from_slice(body).map_err(|_| DAMAGED)?;
        if manifest.identity != identity.to_string() {
            return Err("of another data directory");
        }
        if manifest.day != day.name() {
            return Err("of another day");
        }
        Ok(manifest)
    }

    /// Whether it lists a file.
    pub(super) fn names(&self, number: u64) -> bool {
        self.bytes_of(number).is_some()
    }

    /// Durable length of a file, if it is listed.
    pub(super) fn bytes_of(&self, number: u64) -> Option<u64> {
        self.chunks.iter().chain(&self.pages).find(|entry| entry.number == number).map(|entry| entry.bytes)
    }
}

/// Result of [`load`].
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The newest intact manifest.
    pub(super) manifest: Option<Manifest>,
    /// Whether it is the last one that was written, as far as can be determined.
    pub(super) newest: bool,
    /// Describes what is wrong.
    pub(super) problem: Option<String>,
}

/// Reads the manifest of a day.
pub(super) fn load(dir: &Path, identity: Identity, day: Day) -> std::io::Result<Loaded> {
    let read = |name: &str| match fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Manifest::decode(&bytes, identity, day)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Err("missing")),
        Err(error) if is_bad_sector(&error) => Ok(Err("on a bad sector")),
        Err(error) => Err(error),
    };
    Ok(match (read(NAME)?, read(OLD)?) {
        (Ok(manifest), Ok(_) | Err("missing")) => Loaded { manifest: Some(manifest), newest: true, problem: None },
        (Ok(manifest), Err(why)) => {
            let problem = format!("{OLD} is {why}; the manifest is intact, nothing is lost");
            Loaded { manifest: Some(manifest), newest: true, problem: Some(problem) }
        }
        (Err(why), Ok(manifest)) => {
            let problem = format!("its manifest is {why}; the previous one and the files show what belongs to it");
            Loaded { manifest: Some(manifest), newest: false, problem: Some(problem) }
        }
        (Err(why), Err(_)) => {
            Loaded { manifest: None, newest: false, problem: Some(format!("its manifest is {why}; its files show what belongs to it")) }
        }
    })
}

/// Replaces the manifest; durable once the folder is synced. The current one becomes `manifest.old`, unless it is damaged.
pub(super) fn replace(dir: &Path, manifest: &Manifest, keep_before: bool) -> std::io::Result<()> {
    let (temporary, path, old) = (dir.join(TEMPORARY), dir.join(NAME), dir.join(OLD));
    let mut file = File::create(&temporary)?;
    file.write_all(&manifest.encode()?)?;
    file.sync_all()?;
    if keep_before && path.exists() {
        if let Err(error) = fs::remove_file(&old)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
        // Some file systems have no hard links.
        fs::hard_link(&path, &old).or_else(|_| fs::copy(&path, &old).map(drop))?;
    }
    fs::rename(&temporary, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity = Identity([3; 16]);
    const DAY: Day = Day(20_000);

    fn manifest(generation: u64) -> Manifest {
        Manifest {
            identity: IDENTITY.to_string(),
            day: DAY.name(),
            generation,
            chunks: vec![Entry { number: 2, bytes: 1_000 }],
            pages: vec![Entry { number: 3, bytes: 77 }],
            leaving: vec![1],
            next: 4,
            through: 9,
        }
    }

    #[test]
    fn any_damaged_byte_falls_back_to_the_previous_generation_and_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(dir.path(), IDENTITY, DAY).unwrap().manifest.is_none());
        (1..=3).for_each(|generation| replace(dir.path(), &manifest(generation), true).unwrap());
        let loaded = load(dir.path(), IDENTITY, DAY).unwrap();
        assert_eq!((loaded.manifest, loaded.newest, loaded.problem), (Some(manifest(3)), true, None));
        for (name, left, newest) in [(NAME, 2, false), (OLD, 3, true)] {
            let whole = fs::read(dir.path().join(name)).unwrap();
            let check = |bytes: &[u8], what: &str| {
                fs::write(dir.path().join(name), bytes).unwrap();
                let loaded = load(dir.path(), IDENTITY, DAY).unwrap();
                assert_eq!(
                    (loaded.manifest, loaded.newest, loaded.problem.is_some()),
                    (Some(manifest(left)), newest, true),
                    "{name}: {what}"
                );
            };
            for at in 0..whole.len() {
                for flip in [1, 0x20, 0x80] {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flip;
                    check(&bytes, &format!("byte {at}"));
                }
                check(&whole[..at], &format!("cut at {at}"));
            }
            fs::write(dir.path().join(name), whole).unwrap();
        }
        fs::remove_file(dir.path().join(NAME)).unwrap();
        assert_eq!(load(dir.path(), IDENTITY, DAY).unwrap().manifest, Some(manifest(2)));
        assert!(load(dir.path(), Identity([4; 16]), DAY).unwrap().problem.unwrap().contains("missing"));
        assert!(load(dir.path(), IDENTITY, Day(1)).unwrap().manifest.is_none());
    }
}
