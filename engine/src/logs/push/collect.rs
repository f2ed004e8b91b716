//! Lines of a request, by stream, within bounds: what is too long is cut, what is too much is dropped, and the answer says both.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::PushError;
use crate::logs::record::{self, Lines, MAX_BODY, MAX_NAME, MAX_VALUE, Record, StreamLines, TimeNs};
use crate::model::Labels;
use crate::privacy::is_message;

/// Most attributes of a line, beside the one that counts those that were dropped.
pub(super) const MAX_ATTRIBUTES: usize = record::MAX_ATTRIBUTES - 1;
/// Most bytes of all attributes of a line.
const MAX_ATTRIBUTE_BYTES: usize = 256 << 10;
/// Most memory that the lines of a request take, in bytes.
const MAX_MEMORY: usize = 128 << 20;
/// Reasons that an answer names.
const MAX_NAMED: usize = 5;
/// What a line takes beside its texts.
const LINE_BYTES: usize = size_of::<Record>();
/// What an attribute takes beside its texts.
const ATTRIBUTE_BYTES: usize = size_of::<(String, String)>();

/// Names and values.
pub(super) type Pairs = Vec<(String, String)>;

/// What a request gave.
#[derive(Debug, Default)]
pub struct Taken {
    /// The lines, by stream.
    pub lines: Lines,
    /// How many there are.
    pub count: usize,
    /// The time of the newest, 0 without any.
    pub newest: TimeNs,
    /// Lines that were refused.
    pub refused: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    /// What was cut or dropped of the others.
    pub warnings: Vec<String>,
}

/// Attributes within the bounds, sorted, each name once.
#[derive(Debug, Default)]
pub(super) struct Bounded {
    pairs: Pairs,
    bytes: usize,
    /// How many did not fit.
    dropped: u64,
}

impl Bounded {
    /// Adds sorted attributes of other names, as many as fit. Returns how many do not.
    fn add(&mut self, shared: &Pairs) -> usize {
        let own = std::mem::take(&mut self.pairs);
        let mut room = MAX_ATTRIBUTES.saturating_sub(own.len());
        let mut gone = 0;
        self.pairs.reserve(own.len() + shared.len().min(room) + 1);
        let mut rest = shared.iter().peekable();
        let mut take = |this: &mut Self, pair: &(String, String)| {
            let size = pair.0.len() + pair.1.len();
            if room == 0 || this.bytes + size > MAX_ATTRIBUTE_BYTES {
                gone += 1;
                return;
            }
            room -= 1;
            this.bytes += size;
            this.pairs.push(pair.clone());
        };
        for pair in own {
            while let Some(other) = rest.next_if(|other| other.0 < pair.0) {
                take(self, other);
            }
            rest.next_if(|other| other.0 == pair.0);
            self.pairs.push(pair);
        }
        rest.for_each(|other| take(self, other));
        gone
    }
}

/// What was cut or dropped, with an example.
#[derive(Default)]
struct Cut {
    count: u64,
    first: String,
}

impl Cut {
    fn note(&mut self, first: impl FnOnce() -> String) {
        self.count += 1;
        if self.count == 1 {
            self.first = first();
        }
    }

    fn warn(self, warnings: &mut Vec<String>) {
        match self.count {
            0 => {}
            1 => warnings.push(self.first),
            count => warnings.push(format!("{} (and {} more)", self.first, count - 1)),
        }
    }
}

/// Collects the lines of a request.
#[derive(Default)]
pub(super) struct Collector {
    taken: Taken,
    /// Where each stream is in the list.
    places: FxHashMap<Labels, usize>,
    memory: usize,
    bodies: Cut,
    values: Cut,
    dropped: Cut,
}

impl Collector {
    /// The place of a stream.
    pub(super) fn stream(&mut self, labels: Labels) -> Result<usize, PushError> {
        if let Some(place) = self.places.get(&labels) {
            return Ok(*place);
        }
        self.reserve(labels.as_bytes().len() + 4 * size_of::<StreamLines>())?;
        let place = self.taken.lines.len();
        self.taken.lines.push(StreamLines { labels: labels.clone(), records: Vec::new() });
        self.places.insert(labels, place);
        Ok(place)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), PushError> {
        self.memory += bytes;
        if self.memory > MAX_MEMORY { Err(PushError::TooLarge) } else { Ok(()) }
    }

    /// Lines cannot be kept.
    pub(super) fn refuse(&mut self, lines: u64, why: impl FnOnce() -> String) {
        if lines == 0 {
            return;
        }
        self.taken.refused += lines;
        match self.taken.reasons.len() {
            MAX_NAMED => self.taken.reasons.push("and others".to_owned()),
            named if named < MAX_NAMED => self.taken.reasons.push(why()),
            _ => {}
        }
    }

    /// A line of a stream, with attributes of its own and those that it shares with others. `dropped` are those that the sender dropped.
    pub(super) fn line(
        &mut self,
        place: usize,
        mut line: Record,
        body: Cow<'_, [u8]>,
        shared: &Bounded,
        dropped: u32,
    ) -> Result<(), PushError> {
        let whole = body.len();
        if whole > MAX_BODY {
            line.body = beginning(&body).to_vec();
            let gone = whole - line.body.len();
            self.bodies.note(|| format!("a line was cut to {} of its {whole} bytes", line.body.len()));
            line.attributes.insert(0, ("dropped_body_bytes".to_owned(), gone.to_string()));
        } else {
            line.body = body.into_owned();
        }
        let mut attributes = self.bounded(std::mem::take(&mut line.attributes), shared);
        attributes.dropped += u64::from(dropped);
        if attributes.dropped > 0 {
            insert(&mut attributes.pairs, "dropped_attributes_count", attributes.dropped.to_string());
        }
        line.attributes = attributes.pairs;
        self.reserve(LINE_BYTES + line.body.len() + line.attributes.len() * ATTRIBUTE_BYTES + attributes.bytes)?;
        self.taken.count += 1;
        self.taken.newest = self.taken.newest.max(line.time);
        self.taken.lines[place].records.push(line);
        Ok(())
    }

    /// Attributes with those that they share with others, within the bounds. Their own come first: of one name they count. Each attribute
    /// of a request comes through here.
    pub(super) fn bounded(&mut self, mut own: Pairs, shared: &Bounded) -> Bounded {
        let mut out = Bounded { dropped: shared.dropped, ..Bounded::default() };
        let given = own.len();
        own.truncate(MAX_ATTRIBUTES);
        own.retain_mut(|(name, value)| {
            self.cut(name, value);
            let size = name.len() + value.len();
            let fits = !name.is_empty() && name.len() <= MAX_NAME && out.bytes + size <= MAX_ATTRIBUTE_BYTES;
            out.bytes += if fits { size } else { 0 };
            fits
        });
        let mut gone = given - own.len();
        // Stable: values of one name keep their order.
        own.sort_by(|a, b| a.0.cmp(&b.0));
        own.dedup_by(|later, first| {
            let twice = later.0 == first.0;
            if twice && later.1 != first.1 {
                first.1.push(';');
                first.1.push_str(&later.1);
            }
            twice
        });
        out.pairs = own;
        if !shared.pairs.is_empty() {
            gone += out.add(&shared.pairs);
        }
        if gone > 0 {
            out.dropped += gone as u64;
            let kib = MAX_ATTRIBUTE_BYTES >> 10;
            self.dropped.note(|| format!("{gone} attributes were dropped; a line keeps {MAX_ATTRIBUTES} of them and {kib} KiB"));
        }
        out
    }

    fn cut(&mut self, name: &str, value: &mut String) {
        if value.len() > MAX_VALUE {
            let whole = value.len();
            value.truncate(value.floor_char_boundary(MAX_VALUE));
            // Gemini CLI sends the instructions of its model with each request, and shows its user what a receiver says of it.
            if is_message(name) {
                return;
            }
            self.values.note(|| format!("attribute `{}` was cut to {} of its {whole} bytes", short(name), value.len()));
        }
    }

    /// What was collected.
    pub(super) fn finish(mut self) -> Taken {
        self.taken.lines.retain(|stream| !stream.records.is_empty());
        for cut in [self.bodies, self.values, self.dropped] {
            cut.warn(&mut self.taken.warnings);
        }
        self.taken
    }
}

/// Sets an attribute in a sorted list.
fn insert(pairs: &mut Pairs, name: &str, value: String) {
    match pairs.binary_search_by(|(other, _)| other.as_str().cmp(name)) {
        Ok(at) => pairs[at].1 = value,
        Err(at) => pairs.insert(at, (name.to_owned(), value)),
    }
}

/// The beginning of a text that is too long, up to a whole letter.
fn beginning(body: &[u8]) -> &[u8] {
    let end = (MAX_BODY - 3..=MAX_BODY).rev().find(|end| body[*end] & 0xc0 != 0x80).unwrap_or(MAX_BODY);
    &body[..end]
}

/// The beginning of a name, for a message.
pub(super) fn short(name: &str) -> String {
    name.chars().take(60).collect()
}
