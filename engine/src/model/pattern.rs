//! Patterns of matchers: compiled once, shared, counted.
//!
//! A pattern must match a whole label value. Most are no more than a few words (`a|b|c`), a prefix (`foo.*`) or anything
//! (`.+`): those need no regular expression. The others are compiled by [`crate::re2`], within a size that is bounded for each
//! pattern, for each request ([`Budget`]) and for the whole process. Compiled ones are kept in a cache of bounded size.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::shown;
use crate::re2::{Prepared, Regex, RegexError, Scope, SyntaxError};

/// Longest text of a pattern that needs a regular expression: what is parsed takes two hundred times as much memory as its
/// text for a moment. Lists of words may be longer.
pub const MAX_REGEX_TEXT: usize = 128 << 10;
/// Memory that the regular expressions of one request may take, compiled.
pub const REQUEST_BYTES: usize = 40 << 20;
/// Patterns of one request that are more than lists of words: each is held against all values of its label.
pub const REQUEST_PATTERNS: usize = 1_024;
/// Memory that all compiled regular expressions of the process may take.
pub const TOTAL_BYTES: usize = 128 << 20;
/// Memory and number of the compiled regular expressions that are kept for the next request.
const CACHE_BYTES: usize = 32 << 20;
const CACHE_ENTRIES: usize = 1_024;

/// Sizes that a regular expression is compiled to, the smallest that is enough: what it takes is charged by that.
const SIZES: [usize; 7] = [2 << 10, 8 << 10, 32 << 10, 128 << 10, 512 << 10, 2 << 20, 16 << 20];
/// Memory of the matcher, and the fixed part of each pattern.
const BESIDE_BYTES: usize = 12 << 10;

/// What all living patterns take.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// Why a pattern is not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("regular expression `{0}`: {1}")]
    Invalid(String, SyntaxError),
    /// It is larger than one may be.
    #[error("regular expression `{0}`: {1}")]
    Large(String, String),
    /// Those of the request are too large together.
    #[error(
        "the regular expressions of one request may take {} MiB compiled, these take more; list words (a|b|c), use prefixes (a.*), or ask in parts",
        REQUEST_BYTES >> 20
    )]
    TooLarge,
    /// The request has too many.
    #[error("one request may have {REQUEST_PATTERNS} patterns that are more than lists of words (a|b|c), this one has more; ask in parts")]
    TooMany,
    /// The process has too many at this time.
    #[error("all regular expressions in use take {} MiB, as much as is allowed; try again later", TOTAL_BYTES >> 20)]
    Busy,
    /// It is not in the cache, and compiling it was not allowed here.
    #[error("the regular expression is not compiled yet")]
    NotCompiled,
}

/// What the patterns of one request, or of one session, may still take.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    patterns: usize,
    /// Whether patterns that are not in the cache are compiled: that takes milliseconds.
    compile: bool,
    /// Those that are paid: one that comes again costs nothing.
    paid: FxHashMap<Key, Arc<Pattern>>,
}

/// The key of a compiled pattern in the cache.
type Key = (Scope, Box<str>);

impl Default for Budget {
    fn default() -> Self {
        Self::of(REQUEST_BYTES, REQUEST_PATTERNS)
    }
}

impl Budget {
    /// What is left of a larger one: so many bytes and patterns.
    #[must_use]
    pub fn of(bytes: usize, patterns: usize) -> Self {
        Self { bytes, patterns, compile: true, paid: FxHashMap::default() }
    }

    /// The bytes and patterns that are left.
    #[must_use]
    pub fn left(&self) -> (usize, usize) {
        (self.bytes, self.patterns)
    }

    /// For a thread that others wait for: what is not in the cache is refused with [`PatternError::NotCompiled`].
    pub(crate) fn cached_only() -> Self {
        Self { compile: false, ..Self::default() }
    }

    /// A pattern, compiled or from the cache, paid from this budget.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn pattern(&mut self, text: &str) -> Result<Arc<Pattern>, PatternError> {
        match simple(text) {
            Some(kind) => {
                self.patterns = match kind {
                    Kind::Words(_) => self.patterns,
                    _ => self.patterns.checked_sub(1).ok_or(PatternError::TooMany)?,
                };
                Ok(Arc::new(Pattern { kind, bytes: 0 }))
            }
            None => self.compiled(Scope::Value, text),
        }
    }

    /// A pattern whose groups are needed, paid from this budget: the text between `^(?s:` and `)$`, as Prometheus compiles it
    /// for functions. Its working memory goes with it.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn regex(&mut self, text: &str) -> Result<Regex, PatternError> {
        self.compiled(Scope::Wrapped, text)?.regex().ok_or(PatternError::NotCompiled)
    }

    /// A pattern that may match any part of a text, paid from this budget. Its working memory goes with it.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn search(&mut self, text: &str) -> Result<Regex, PatternError> {
        self.compiled(Scope::Anywhere, text)?.regex().ok_or(PatternError::NotCompiled)
    }

    fn compiled(&mut self, scope: Scope, text: &str) -> Result<Arc<Pattern>, PatternError> {
        let key = (scope, text.into());
        if let Some(paid) = self.paid.get(&key) {
            return Ok(Arc::clone(paid));
        }
        self.patterns = self.patterns.checked_sub(1).ok_or(PatternError::TooMany)?;
        let pattern = self.cached_or_new(&key)?;
        self.bytes = self.bytes.checked_sub(pattern.bytes).ok_or(PatternError::TooLarge)?;
        self.paid.insert(key, Arc::clone(&pattern));
        Ok(pattern)
    }

    fn cached_or_new(&self, key: &Key) -> Result<Arc<Pattern>, PatternError> {
        if let Some(known) = CACHE.lock().get(key) {
            return Ok(known);
        }
        if !self.compile {
            return Err(PatternError::NotCompiled);
        }
        let (regex, bytes) = compile(key, self.bytes)?;
        let mut cache = CACHE.lock();
        if LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes > TOTAL_BYTES {
            // What is kept for later goes first.
            cache.make_room(CACHE_BYTES, 0);
            if LIVE.load(Ordering::Relaxed) > TOTAL_BYTES {
                LIVE.fetch_sub(bytes, Ordering::Relaxed);
                return Err(PatternError::Busy);
            }
        }
        let pattern = Arc::new(Pattern { kind: Kind::Regex(regex), bytes });
        cache.keep(key, &pattern);
        Ok(pattern)
    }
}

/// Compiles a text within the smallest size that is enough; also what that is charged with.
fn compile((scope, text): &Key, left: usize) -> Result<(Regex, usize), PatternError> {
    let large = |why: String| PatternError::Large(shown(text).into_owned(), why);
    if text.len() > MAX_REGEX_TEXT {
        return Err(large(format!(
            "it has {} bytes; at most {MAX_REGEX_TEXT} are compiled, lists of words (a|b|c) may be longer",
            text.len()
        )));
    }
    let prepared = Prepared::new(text, *scope).map_err(|error| PatternError::Invalid(shown(text).into_owned(), error))?;
    for size in SIZES {
        let bytes = size * 2 + BESIDE_BYTES;
        if bytes > left {
            return Err(PatternError::TooLarge);
        }
        match prepared.compile(size) {
            Ok(regex) => return Ok((regex, bytes)),
            Err(RegexError::TooLarge(limit)) if limit < SIZES[SIZES.len() - 1] => {}
            Err(error) => return Err(large(error.to_string())),
        }
    }
    Err(PatternError::TooLarge)
}

/// A pattern that a whole value must match.
#[derive(Debug)]
pub struct Pattern {
    kind: Kind,
    bytes: usize,
}

#[derive(Debug)]
enum Kind {
    /// Any of these words.
    Words(FxHashSet<Box<str>>),
    /// Any value that begins so.
    Prefix(Box<str>),
    /// Any value that has it somewhere.
    Contains(Box<str>),
    /// Any value with at least one character.
    NotEmpty,
    Regex(Regex),
}

impl Drop for Pattern {
    fn drop(&mut self) {
        LIVE.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Pattern {
    /// A pattern that matches these words alone.
    #[must_use]
    pub fn words(words: impl IntoIterator<Item = Box<str>>) -> Self {
        Self { kind: Kind::Words(words.into_iter().collect()), bytes: 0 }
    }

    /// A pattern that matches what begins with a prefix.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self { kind: Kind::Prefix(prefix.into()), bytes: 0 }
    }

    /// Whether it matches all of a value.
    #[must_use]
    pub fn is_match(&self, value: &str) -> bool {
        match &self.kind {
            Kind::Words(words) => words.contains(value),
            Kind::Prefix(prefix) => value.starts_with(&**prefix),
            Kind::Contains(part) => value.contains(&**part),
            Kind::NotEmpty => !value.is_empty(),
            Kind::Regex(regex) => regex.is_match(value),
        }
    }

    /// The words that it matches, where those are all that it matches.
    #[must_use]
    pub fn as_words(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.kind {
            Kind::Words(words) => Some(words.iter().map(|word| &**word)),
            _ => None,
        }
    }

    /// The regular expression, for those that need its groups; a copy whose working memory goes with it.
    #[must_use]
    pub fn regex(&self) -> Option<Regex> {
        match &self.kind {
            Kind::Regex(regex) => Some(regex.clone()),
            _ => None,
        }
    }
}

/// What needs no regular expression. `.` matches line ends too.
fn simple(text: &str) -> Option<Kind> {
    match text {
        ".*" => return Some(Kind::Prefix("".into())),
        ".+" => return Some(Kind::NotEmpty),
        _ => {}
    }
    if let Some(rest) = text.strip_suffix(".*")
        && !rest.ends_with('\\')
    {
        return match rest.strip_prefix(".*") {
            Some(part) => word(part).map(|word| Kind::Contains(word.into())),
            None => word(rest).map(|word| Kind::Prefix(word.into())),
        };
    }
    // Grafana puts the values of a variable into parentheses.
    let inner =
        text.strip_prefix("(?:").or_else(|| text.strip_prefix('(')).and_then(|t| t.strip_suffix(')')).filter(|t| !t.ends_with('\\'));
    alternatives(inner.unwrap_or(text)).map(|words| Kind::Words(words.into_iter().map(Into::into).collect()))
}

/// A text without alternatives.
fn word(text: &str) -> Option<String> {
    alternatives(text).filter(|words| words.len() == 1)?.pop()
}

/// The words of `a|b|c`, where none of them is more than a word.
fn alternatives(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '|' => words.push(std::mem::take(&mut word)),
            '\\' => word.push(chars.next().filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric())?),
            '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            other => word.push(other),
        }
    }
    words.push(word);
    Some(words)
}

#[derive(Default)]
struct Cache {
    entries: FxHashMap<Key, (Arc<Pattern>, u64)>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    fn get(&mut self, key: &Key) -> Option<Arc<Pattern>> {
        self.uses += 1;
        let (pattern, used) = self.entries.get_mut(key)?;
        *used = self.uses;
        Some(Arc::clone(pattern))
    }

    fn keep(&mut self, key: &Key, pattern: &Arc<Pattern>) {
        self.make_room(pattern.bytes, 1);
        self.uses += 1;
        self.bytes += pattern.bytes;
        if let Some((before, _)) = self.entries.insert(key.clone(), (Arc::clone(pattern), self.uses)) {
            self.bytes -= before.bytes;
        }
    }

    /// Forgets those that were not used for the longest time.
    fn make_room(&mut self, bytes: usize, entries: usize) {
        while self.bytes + bytes > CACHE_BYTES || self.entries.len() + entries > CACHE_ENTRIES {
            let Some(oldest) = self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone()) else { return };
            if let Some((pattern, _)) = self.entries.remove(&oldest) {
                self.bytes -= pattern.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Arc<Pattern> {
        Budget::default().pattern(text).unwrap()
    }

    #[test]
    fn words_prefixes_and_anything_need_no_regular_expression() {
        for (text, yes, no) in [
            ("a", "a", "ab"),
            ("a|b|", "", "c"),
            ("(a|b)", "b", "(a"),
            ("(?:host-1\\.example:9100|host-2)", "host-1.example:9100", "host-1xexample:9100"),
            ("foo.*", "foo\nbar", "fo"),
            (".*oo.*", "foobar", "fo"),
            (".*", "", "\u{0}never"),
            (".+", "\n", ""),
        ] {
            let pattern = pattern(text);
            assert!(pattern.regex().is_none(), "{text}");
            assert!(pattern.is_match(yes), "{text}");
            assert!(!pattern.is_match(no) || text == ".*", "{text}");
        }
        let hosts = (0..6_000).map(|n| format!("host-{n}\\.example\\.com:9100")).collect::<Vec<_>>().join("|");
        assert!(hosts.len() > MAX_REGEX_TEXT);
        assert!(pattern(&hosts).is_match("host-5999.example.com:9100"));
        for text in ["a.b", "a\\d", "(a)(b)", "(a|b)c", "(a)|(b)", "a\\.*", "[ab]", "a?", "^a$", "(?i)a", "a{2}", ".*a\\.*"] {
            assert!(pattern(text).regex().is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_simple_matches_as_a_regular_expression_does(
            text in r"(\(|\(\?:)?(\.\*)?[a-c|.\\\-]{0,6}(\.\*|\.\+)?\)?", values in prop::collection::vec("[a-c.|\n-]{0,4}", 20)
        ) {
            if let (Some(kind), Ok(regex)) = (simple(&text), Regex::new(&text, Scope::Value)) {
                let pattern = Pattern { kind, bytes: 0 };
                for value in values.iter().map(String::as_str).chain([text.as_str(), ""]) {
                    prop_assert_eq!(pattern.is_match(value), regex.is_match(value), "{} on {:?}", text, value);
                }
            }
        }
    }

    #[test]
    fn a_request_has_a_budget_for_its_patterns() {
        let mut budget = Budget::default();
        let refused = (0..2_000).find_map(|n| budget.pattern(&format!("[ab]+{n}")).err().map(|error| (n, error)));
        let Some((n, PatternError::TooMany)) = refused else { panic!("{refused:?}") };
        assert_eq!(n, REQUEST_PATTERNS);
        assert!(budget.pattern("[ab]+7").is_ok(), "it is paid already");
        let mut budget = Budget::default();
        let large = (0..20).map_while(|n| budget.pattern(&format!("(\\pL{{1,30}}){n}")).ok()).count();
        assert!((2..=10).contains(&large), "{large} large patterns fit");
        let large = budget.pattern("(\\pL{1,30})x").unwrap_err();
        assert!(large.to_string().contains("40 MiB"), "{large}");
    }

    #[test]
    fn what_is_too_large_or_nests_too_deeply_is_refused() {
        for (text, part) in [
            ("(\\pL{1,200}){1,5}".to_owned(), "larger than"),
            (format!("{}a{}", "(".repeat(120), ")".repeat(120)), "nest"),
            (format!("[ab]{}", "x".repeat(MAX_REGEX_TEXT)), "at most"),
            ("(".to_owned(), "missing closing ): `(`"),
            ("x**".to_owned(), "invalid nested repetition operator: `**`"),
        ] {
            let error = Budget::default().pattern(&text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(error.len() < 2_000, "{}", error.len());
        }
    }

    #[test]
    fn what_is_in_the_cache_is_not_compiled_again() {
        assert_eq!(Budget::cached_only().pattern("in-the-[c]ache").unwrap_err(), PatternError::NotCompiled);
        let first = pattern("in-the-[c]ache");
        assert!(Arc::ptr_eq(&first, &Budget::cached_only().pattern("in-the-[c]ache").unwrap()));
    }

    #[test]
    fn the_cache_is_bounded() {
        let of = |_: usize, bytes| {
            LIVE.fetch_add(bytes, Ordering::Relaxed);
            Arc::new(Pattern { kind: Kind::NotEmpty, bytes })
        };
        let key = |n: usize| (Scope::Value, n.to_string().into());
        let of = |n: usize, bytes| (key(n), of(n, bytes));
        let mut cache = Cache::default();
        (0..3_000).map(|n| of(n, 1)).for_each(|(key, pattern)| cache.keep(&key, &pattern));
        assert_eq!((cache.entries.len(), cache.bytes), (CACHE_ENTRIES, CACHE_ENTRIES));
        assert!(cache.get(&key(2_999)).is_some() && cache.get(&key(0)).is_none());
        (0..100).map(|n| of(n, 1 << 20)).for_each(|(key, pattern)| cache.keep(&key, &pattern));
        assert!(cache.bytes <= CACHE_BYTES);
        assert_eq!(cache.entries.values().map(|(pattern, _)| pattern.bytes).sum::<usize>(), cache.bytes);
    }
}
