//! The columns of a block of spans: bodies by their shape, and ids.
//!
//! Spans of one operation of one service have the same name and the same names of attributes: their *shape*. A shape is kept once; what
//! differs (durations, values, texts) lies together, value by value, where it compresses well and can be passed over.
//!
//! ```text
//! bodies   pack of: parts in common · which one each row has · shapes · which one each row has · where parents are · columns of each shape
//!          · pack of the parents that are not spans of the block
//! ids      pack of: for each row how many traces ago its trace came, 0 for a new one · pack of the traces · pack of the spans
//! pack     0 or 1, length, [length once compressed], bytes: zstd where that is worth it; ids are random, and are not
//! ```

mod decode;

use rustc_hash::FxHashMap;

pub(crate) use self::decode::decode_bodies;
use super::column::{Class, Column};
use super::row::{self, IDS, Parts, walk};
use crate::codec::{CodecError, push_varint, take_varint, zigzag};
use crate::logs::store::rows::{Rows, push_bytes, take_array, take_bytes};
use crate::logs::store::shared::Shared;

/// The level of zstd.
const LEVEL: i32 = 3;
/// Most bytes of a pack once it is decompressed, and of all bodies of a block: damage cannot ask for more memory. A block has less, even
/// with a span that is all that a request may have.
const MOST_BYTES: usize = 160 << 20;

pub(super) const DAMAGED: CodecError = CodecError::Damaged("the columns of spans");

/// Appends bytes, compressed where that saves a tenth.
fn push_pack(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CodecError> {
    let packed = zstd::bulk::compress(bytes, LEVEL).map_err(|error| CodecError::Compression(error.to_string()))?;
    let worth = packed.len() < bytes.len() - bytes.len() / 10;
    out.push(u8::from(worth));
    push_varint(out, bytes.len() as u64);
    push_bytes(out, if worth { &packed } else { bytes });
    Ok(())
}

fn take_pack(rest: &mut &[u8]) -> Result<Vec<u8>, CodecError> {
    let [packed] = take_array(rest)?;
    let length = usize::try_from(take_varint(rest)?).ok().filter(|length| *length <= MOST_BYTES).ok_or(DAMAGED)?;
    let bytes = take_bytes(rest)?;
    let plain = match packed {
        0 => bytes.to_vec(),
        _ => zstd::bulk::decompress(bytes, length).map_err(|error| CodecError::Compression(error.to_string()))?,
    };
    if plain.len() == length { Ok(plain) } else { Err(DAMAGED) }
}

/// The ids of a block.
pub(crate) fn encode_ids(rows: &Rows, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let (mut codes, mut traces, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    let mut known: FxHashMap<[u8; 16], u64> = FxHashMap::default();
    for at in 0..rows.len() {
        let (trace, span) = row::ids_of(rows.details(at)).ok_or(DAMAGED)?;
        let count = known.len() as u64;
        match known.get(&trace) {
            Some(number) => push_varint(&mut codes, count - number),
            None => {
                codes.push(0);
                known.insert(trace, count);
                traces.extend_from_slice(&trace);
            }
        }
        spans.extend_from_slice(&span);
    }
    [codes, traces, spans].iter().try_for_each(|part| push_pack(out, part))
}

/// Fills the details of `count` rows.
pub(crate) fn decode_ids(mut bytes: &[u8], count: usize, rows: &mut Rows) -> Result<(), CodecError> {
    let (codes, traces, spans) = (take_pack(&mut bytes)?, take_pack(&mut bytes)?, take_pack(&mut bytes)?);
    let (traces, spans) = (traces.as_chunks::<16>(), spans.as_chunks::<8>());
    if !bytes.is_empty() || !traces.1.is_empty() || !spans.1.is_empty() || spans.0.len() != count {
        return Err(DAMAGED);
    }
    let (mut rest, mut seen) = (codes.as_slice(), 0usize);
    rows.details.reserve(count * IDS);
    for span in spans.0 {
        let back = usize::try_from(take_varint(&mut rest)?).map_err(|_| DAMAGED)?;
        seen += usize::from(back == 0);
        let number = seen.checked_sub(back.max(1)).ok_or(DAMAGED)?;
        rows.details.extend_from_slice(traces.0.get(number).ok_or(DAMAGED)?);
        rows.details.extend_from_slice(span);
        rows.detail_ends.push(rows.details.len() as u32);
    }
    if rest.is_empty() && seen == traces.0.len() { Ok(()) } else { Err(DAMAGED) }
}

/// A body that is taken apart.
#[derive(Default)]
struct Apart<'a> {
    body: &'a [u8],
    skeleton: Vec<u8>,
    values: Vec<(Class, &'a [u8])>,
    parent: Option<[u8; 8]>,
}

impl<'a> Apart<'a> {
    fn take(&mut self, body: &'a [u8]) -> Result<(), CodecError> {
        self.body = body;
        self.skeleton.clear();
        self.values.clear();
        self.parent = None;
        walk(self)?;
        if self.body.is_empty() { Ok(()) } else { Err(DAMAGED) }
    }

    fn varint(&mut self) -> Result<&'a [u8], CodecError> {
        let before = self.body;
        take_varint(&mut self.body)?;
        Ok(&before[..before.len() - self.body.len()])
    }
}

impl Parts for Apart<'_> {
    fn flags(&mut self) -> Result<u8, CodecError> {
        let [flags] = take_array(&mut self.body)?;
        self.skeleton.push(flags);
        Ok(flags)
    }

    fn count(&mut self) -> Result<usize, CodecError> {
        let count = take_varint(&mut self.body)?;
        push_varint(&mut self.skeleton, count);
        usize::try_from(count).map_err(|_| DAMAGED)
    }

    fn name(&mut self) -> Result<(), CodecError> {
        push_bytes(&mut self.skeleton, take_bytes(&mut self.body)?);
        Ok(())
    }

    fn number(&mut self) -> Result<(), CodecError> {
        let number = self.varint()?;
        self.values.push((Class::Number, number));
        Ok(())
    }

    fn text(&mut self) -> Result<(), CodecError> {
        self.values.push((Class::Text, take_bytes(&mut self.body)?));
        Ok(())
    }

    fn link(&mut self) -> Result<(), CodecError> {
        let (ids, rest) = self.body.split_at_checked(IDS).ok_or(DAMAGED)?;
        self.body = rest;
        self.values.push((Class::Link, ids));
        Ok(())
    }

    fn parent(&mut self) -> Result<(), CodecError> {
        self.parent = Some(take_array(&mut self.body)?);
        Ok(())
    }
}

struct Shape {
    skeleton: Vec<u8>,
    columns: Vec<Column>,
}

/// Where the parents of a block's spans are: how many rows before, or what they are where the block does not have them.
struct Parents {
    rows: FxHashMap<[u8; IDS], usize>,
    places: Vec<u8>,
    strangers: Vec<u8>,
}

impl Parents {
    fn of(rows: &Rows) -> Self {
        let rows = (0..rows.len()).filter_map(|at| Some((*rows.details(at).first_chunk()?, at))).collect();
        Self { rows, places: Vec::new(), strangers: Vec::new() }
    }

    fn push(&mut self, at: usize, details: &[u8], parent: [u8; 8]) -> Result<(), CodecError> {
        let mut ids = [0; IDS];
        ids[..16].copy_from_slice(details.get(..16).ok_or(DAMAGED)?);
        ids[16..].copy_from_slice(&parent);
        match self.rows.get(&ids) {
            Some(there) => push_varint(&mut self.places, zigzag(at as i64 - *there as i64) + 1),
            None => {
                self.places.push(0);
                self.strangers.extend_from_slice(&parent);
            }
        }
        Ok(())
    }
}

/// The shapes of a block.
#[derive(Default)]
struct Shapes {
    known: FxHashMap<Vec<u8>, usize>,
    shapes: Vec<Shape>,
}

impl Shapes {
    fn push(&mut self, skeleton: &[u8], values: &[(Class, &[u8])]) -> usize {
        let shape = match self.known.get(skeleton) {
            Some(shape) => *shape,
            None => {
                let columns = values.iter().map(|(class, _)| Column::new(*class)).collect();
                self.shapes.push(Shape { skeleton: skeleton.to_vec(), columns });
                self.known.insert(skeleton.to_vec(), self.shapes.len() - 1);
                self.shapes.len() - 1
            }
        };
        self.shapes[shape].columns.iter_mut().zip(values).for_each(|(column, (_, value))| column.push(value));
        shape
    }
}

/// The bodies of a block.
pub(crate) fn encode_bodies(rows: &Rows, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let (mut shapes, mut parents, mut of_rows) = (Shapes::default(), Parents::of(rows), Vec::new());
    let mut apart = Apart::default();
    for at in 0..rows.len() {
        apart.take(rows.body(at))?;
        if let Some(parent) = apart.parent {
            parents.push(at, rows.details(at), parent)?;
        }
        push_varint(&mut of_rows, shapes.push(&apart.skeleton, &apart.values) as u64);
    }
    let mut plain = Vec::with_capacity(rows.bodies.len() / 2);
    push_shared(&mut plain, rows);
    push_varint(&mut plain, shapes.shapes.len() as u64);
    shapes.shapes.iter().for_each(|shape| push_bytes(&mut plain, &shape.skeleton));
    plain.extend_from_slice(&of_rows);
    push_bytes(&mut plain, &parents.places);
    for shape in shapes.shapes {
        let mut columns = Vec::new();
        shape.columns.into_iter().for_each(|column| column.finish(&mut columns));
        push_bytes(&mut plain, &columns);
    }
    push_pack(out, &plain)?;
    push_pack(out, &parents.strangers)
}

/// Parts in common are kept in one list for blocks and for records of the journal.
pub(crate) fn push_shared(out: &mut Vec<u8>, rows: &Rows) {
    push_varint(out, rows.shared.parts() as u64);
    (0..rows.shared.parts()).for_each(|part| push_bytes(out, rows.shared.part(part)));
    (0..rows.len()).for_each(|at| push_varint(out, rows.shared.number(at).map_or(0, |number| number as u64 + 1)));
}

/// Reads what [`push_shared`] wrote for `count` rows.
pub(crate) fn take_shared(rest: &mut &[u8], count: usize) -> Result<Shared, CodecError> {
    let parts = take_varint(rest)?;
    let mut list = Vec::new();
    for _ in 0..parts {
        list.push(take_bytes(rest)?);
    }
    let of_rows = take_numbers(rest, count, parts.saturating_add(1))?;
    Ok(Shared::from_parts(list.into_iter(), of_rows))
}

/// `count` numbers below `end`.
fn take_numbers(rest: &mut &[u8], count: usize, end: u64) -> Result<Vec<u32>, CodecError> {
    if count > rest.len() {
        return Err(DAMAGED);
    }
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let number = Some(take_varint(rest)?).filter(|number| *number < end).ok_or(DAMAGED)?;
        numbers.push(u32::try_from(number).map_err(|_| DAMAGED)?);
    }
    Ok(numbers)
}
