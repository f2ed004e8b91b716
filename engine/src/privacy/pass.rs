//! What is done to an attribute and to a text.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use rustc_hash::FxHashMap;

use super::kinds::{SHORT, is_error, names_tool, of_agent, of_gen_ai, of_person, plain};
use super::{Kept, Kinds, LEFT_OUT, json, secrets};

/// Longest list of what was left out, in bytes.
const MAX_NOTE: usize = 1_000;
/// Digits of a short name.
const DIGITS: usize = 8;

/// Mail addresses, but for the user of a remote repository.
static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}\b").ok());

/// Whose attributes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A coding agent's; of a record about a tool or not.
    Agent { tool: bool },
    /// Another's.
    Other,
}

impl Of {
    /// An agent's record with these attributes.
    pub(super) fn agent(attributes: &[(String, String)]) -> Self {
        let mut name = String::new();
        let tool = attributes.iter().any(|(key, value)| {
            plain(key, &mut name);
            names_tool(&name) || (name == "event_name" && value.contains("tool"))
        });
        Self::Agent { tool }
    }
}

/// What becomes of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Stays,
    /// Another text stands in its place.
    Instead(String),
    /// It is left out.
    Goes,
}

/// One pass over the records of a request.
pub(super) struct Pass<'k> {
    pub(super) kept: &'k Kept,
    /// Short names that were made: most records of a request are of one person.
    names: FxHashMap<String, String>,
    plain: String,
}

impl<'k> Pass<'k> {
    pub(super) fn new(kept: &'k Kept) -> Self {
        Self { kept, names: FxHashMap::default(), plain: String::new() }
    }

    /// Whether all kinds that a text may hold are kept.
    pub(super) fn keeps(&self, kinds: Kinds) -> bool {
        self.kept.kinds.has(kinds)
    }

    /// What becomes of the value of an attribute.
    pub(super) fn fate(&mut self, name: &str, value: &str, of: Of) -> Fate {
        let mut known = std::mem::take(&mut self.plain);
        plain(name, &mut known);
        let fate = self.fate_of(&known, value, of);
        self.plain = known;
        fate
    }

    fn fate_of(&mut self, plain: &str, value: &str, of: Of) -> Fate {
        let Of::Agent { tool } = of else {
            let kinds = of_gen_ai(plain);
            return match kinds {
                Kinds::NONE => Fate::Stays,
                kinds if self.keeps(kinds) => self.cleaned(value),
                _ => Fate::Goes,
            };
        };
        if value.is_empty() {
            return Fate::Stays;
        }
        if self.kept.short_names
            && let Some(beginning) = of_person(plain)
        {
            let name = self.short_name(beginning, value);
            return if name == value { Fate::Stays } else { Fate::Instead(name) };
        }
        let kinds = match of_agent(plain) {
            Kinds::NONE if tool && is_error(plain) => Kinds::TOOL_OUTPUTS,
            Kinds::NONE if !is_plain_text(value) => Kinds::ALL,
            kinds => kinds,
        };
        if !self.keeps(kinds) {
            return Fate::Goes;
        }
        let is_fact = || value.parse::<f64>().is_ok() || value == "true" || value == "false";
        if secrets::is_named(plain) && !is_fact() { Fate::Instead("…".to_owned()) } else { self.cleaned(value) }
    }

    /// The short name of a person or an account; one that has its form stays, so that lines which were exported can come back.
    fn short_name(&mut self, beginning: &str, value: &str) -> String {
        let digits = value.strip_prefix(beginning).and_then(|rest| rest.strip_prefix('-'));
        if digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())) {
            return value.to_owned();
        }
        // A mail address is the same in large and small letters.
        let same = if value.contains('@') { value.to_lowercase() } else { value.to_owned() };
        self.digest(beginning, same)
    }

    /// A short name of a text of whatever meaning.
    pub(super) fn digest(&mut self, beginning: &str, text: String) -> String {
        let kept = self.kept;
        let digits = self.names.entry(text).or_insert_with_key(|text| {
            let mut digits = (kept.digest)(text);
            digits.truncate(digits.floor_char_boundary(DIGITS));
            digits
        });
        format!("{beginning}-{digits}")
    }

    /// A text that is kept, without secrets and mail addresses.
    pub(super) fn cleaned(&mut self, text: &str) -> Fate {
        let mut out = secrets::hidden(text);
        for pattern in &self.kept.more {
            // What stands in its place is never longer than three times what was there.
            if pattern.is_match(&out)
                && let Some(changed) = pattern.replace_all(&out, "…", out.len().saturating_mul(4))
            {
                out = Cow::Owned(changed);
            }
        }
        if self.kept.short_names
            && out.contains('@')
            && let Some(mail) = MAIL.as_ref()
        {
            let changed = mail.replace_all(&out, |found: &Captures<'_>| match &found[0] {
                remote if remote.starts_with("git@") => remote.to_owned(),
                address => self.short_name("user", address),
            });
            let changed = changed.into_owned();
            out = Cow::Owned(changed);
        }
        match out {
            Cow::Owned(changed) if changed != text => Fate::Instead(changed),
            _ => Fate::Stays,
        }
    }

    /// Attributes of a record. What is left out of them, and further names of that, are named in an attribute.
    pub(super) fn attributes(&mut self, attributes: &mut Vec<(String, String)>, of: Of, mut gone: Vec<&'static str>) {
        let mut names: Vec<String> = Vec::new();
        attributes.retain_mut(|(name, value)| match self.fate(name, value, of) {
            Fate::Stays => true,
            Fate::Instead(other) => {
                *value = other;
                true
            }
            Fate::Goes => {
                names.push(std::mem::take(name));
                false
            }
        });
        names.extend(gone.drain(..).map(str::to_owned));
        if names.is_empty() {
            return;
        }
        // What came from an export has a list already.
        let at = attributes.binary_search_by(|(name, _)| name.as_str().cmp(LEFT_OUT));
        if let Ok(at) = at {
            names.extend(attributes[at].1.split(' ').map(str::to_owned));
        }
        names.sort_unstable();
        names.dedup();
        let mut note = names.join(" ");
        note.truncate(note.floor_char_boundary(MAX_NOTE));
        match at {
            Ok(at) => attributes[at].1 = note,
            Err(at) => attributes.insert(at, (LEFT_OUT.to_owned(), note)),
        }
    }

    /// A text of an agent that has no name: the body of a line, what is said of how a span ended. Short ones are kept, and of JSON what
    /// its fields may keep.
    pub(super) fn text(&mut self, text: &str) -> Fate {
        if text.trim_start().starts_with(['{', '['])
            && let Some(fate) = json::filtered(self, text)
        {
            return fate;
        }
        if is_plain_text(text) || self.keeps(Kinds::ALL) { self.cleaned(text) } else { Fate::Goes }
    }

    /// Applies [`Pass::text`] to a text; whether it went.
    pub(super) fn text_in(&mut self, text: &mut String) -> bool {
        if text.is_empty() {
            return false;
        }
        match self.text(text) {
            Fate::Stays => false,
            Fate::Instead(other) => {
                *text = other;
                false
            }
            Fate::Goes => {
                text.clear();
                true
            }
        }
    }
}

/// Whether it is short and on one line.
pub(super) fn is_plain_text(value: &str) -> bool {
    value.len() <= SHORT && !value.trim_end().contains('\n')
}
