//! The log of a worktree: each time its `HEAD` changed, from which commit to which, and by what.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use taskpulse_engine::model::TimestampMs;

use super::place::Place;
use crate::files::{self, DO_NOT_WAIT, ReadError};

/// The end of the log that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Times that can be.
const MAX_SECONDS: i64 = 1 << 40;

/// A change of `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) old: String,
    pub(super) new: String,
    pub(super) at: TimestampMs,
    /// What git says that it did.
    pub(super) action: String,
    /// The branch on which it happened; none where `HEAD` was detached.
    pub(super) branch: Option<String>,
}

impl Step {
    /// Whether it made its new commit, rather than go to one that was there.
    pub(super) fn makes_a_commit(&self) -> bool {
        let (what, text) = self.action.split_once(':').unwrap_or((&self.action, ""));
        let (verb, more) = what.split_once(' ').unwrap_or((what, ""));
        let goes = match verb {
            "checkout" | "reset" | "clone" | "branch" | "Branch" | "fetch" | "switch" | "restore" => true,
            // `rebase (pick)` makes one, `rebase (start)` does not; so do `rebase -i (start)` and `pull --rebase (finish)`.
            "rebase" | "pull" => {
                let moves = ["(start)", "(finish)", "(abort)", "finished"].iter().any(|word| more.contains(word));
                moves || is_fast_forward(text) || (verb == "rebase" && text.contains("returning to"))
            }
            "merge" => is_fast_forward(text),
            _ => false,
        };
        // A log begins with the commit that its worktree began with.
        let begins = self.old.bytes().all(|digit| digit == b'0') && verb != "commit";
        !goes && !begins && self.new != self.old
    }

    /// Whether its new commit stands in the place of its old one.
    pub(super) fn replaces(&self) -> bool {
        self.action.starts_with("commit (amend)")
            || (self.action.starts_with("rebase")
                && ["(reword)", "(squash)", "(fixup)", "(edit)"].iter().any(|word| self.action.contains(word)))
    }
}

fn is_fast_forward(text: &str) -> bool {
    text.trim_start().starts_with("Fast-forward")
}

/// The steps of a worktree, the oldest first; none where it keeps no log. Blocking.
pub(super) fn read(place: &Place, branch: Option<&str>) -> Result<Option<Vec<Step>>, ReadError> {
    let path = place.own.join("logs/HEAD");
    match end_of(&path) {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => Ok(Some(parse(&bytes, branch))),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn end_of(path: &Path) -> Result<Vec<u8>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let size = files::metadata(path)?.len();
    if size <= MAX_BYTES {
        return files::read(path, MAX_BYTES);
    }
    let mut file = OpenOptions::new().read(true).custom_flags(DO_NOT_WAIT).open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(size - MAX_BYTES)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    // The first line is cut.
    let whole = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    Ok(bytes.split_off(whole))
}

/// Reads lines; `branch` is the one of now. What is no line is left out.
pub(super) fn parse(bytes: &[u8], branch: Option<&str>) -> Vec<Step> {
    let text = String::from_utf8_lossy(bytes);
    let mut branch = branch.map(str::to_owned);
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines().rev() {
        let Some(step) = step_of(line, branch.clone()) else { continue };
        // Before a checkout it was where that came from.
        if let Some((from, _)) = step.action.strip_prefix("checkout: moving from ").and_then(|rest| rest.split_once(" to ")) {
            branch = Some(from.to_owned()).filter(|from| !is_id(from));
        }
        steps.push(step);
    }
    steps.reverse();
    steps
}

/// `OLD NEW NAME <MAIL> SECONDS ZONE\tACTION`
fn step_of(line: &str, branch: Option<String>) -> Option<Step> {
    let (head, action) = line.split_once('\t').unwrap_or((line, ""));
    let (old, rest) = head.split_once(' ')?;
    let (new, rest) = rest.split_once(' ')?;
    let mut end = rest.rsplit(' ');
    let (_zone, seconds) = (end.next()?, end.next()?.parse::<i64>().ok().filter(|at| (0..MAX_SECONDS).contains(at))?);
    (is_id(old) && is_id(new)).then(|| Step {
        old: old.to_owned(),
        new: new.to_owned(),
        at: seconds * 1_000,
        action: action.to_owned(),
        branch,
    })
}

/// Whether a text is the whole id of an object.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
