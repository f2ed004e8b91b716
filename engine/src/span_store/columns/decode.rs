//! The bodies of a block of spans put together again: shape by shape, and only those that are wanted.

use super::super::column::{Class, Reader};
use super::super::row::{self, HAS_PARENT, Parts, walk};
use super::{DAMAGED, MOST_BYTES, take_numbers, take_pack, take_shared};
use crate::codec::{CodecError, push_varint, take_varint, unzigzag};
use crate::logs::store::rows::{Rows, push_bytes, take_array, take_bytes};

/// A body that is put together.
struct Together<'a, 'b> {
    skeleton: &'a [u8],
    columns: std::slice::IterMut<'b, Reader<'a>>,
    parent: [u8; 8],
    out: &'b mut Vec<u8>,
}

impl Together<'_, '_> {
    fn raw(&mut self) -> Result<(), CodecError> {
        let value = self.columns.next().ok_or(DAMAGED)?.next()?;
        self.out.extend_from_slice(value);
        Ok(())
    }
}

impl Parts for Together<'_, '_> {
    fn flags(&mut self) -> Result<u8, CodecError> {
        let [flags] = take_array(&mut self.skeleton)?;
        self.out.push(flags);
        Ok(flags)
    }

    fn count(&mut self) -> Result<usize, CodecError> {
        let count = take_varint(&mut self.skeleton)?;
        push_varint(self.out, count);
        usize::try_from(count).map_err(|_| DAMAGED)
    }

    fn name(&mut self) -> Result<(), CodecError> {
        push_bytes(self.out, take_bytes(&mut self.skeleton)?);
        Ok(())
    }

    fn number(&mut self) -> Result<(), CodecError> {
        self.raw()
    }

    fn text(&mut self) -> Result<(), CodecError> {
        let value = self.columns.next().ok_or(DAMAGED)?.next()?;
        push_bytes(self.out, value);
        Ok(())
    }

    fn link(&mut self) -> Result<(), CodecError> {
        self.raw()
    }

    fn parent(&mut self) -> Result<(), CodecError> {
        self.out.extend_from_slice(&self.parent);
        Ok(())
    }
}

/// Which columns a shape has.
struct Classes<'a> {
    skeleton: &'a [u8],
    classes: Vec<Class>,
}

impl Parts for Classes<'_> {
    fn flags(&mut self) -> Result<u8, CodecError> {
        let [flags] = take_array(&mut self.skeleton)?;
        Ok(flags)
    }

    fn count(&mut self) -> Result<usize, CodecError> {
        usize::try_from(take_varint(&mut self.skeleton)?).map_err(|_| DAMAGED)
    }

    fn name(&mut self) -> Result<(), CodecError> {
        take_bytes(&mut self.skeleton).map(drop)
    }

    fn number(&mut self) -> Result<(), CodecError> {
        self.classes.push(Class::Number);
        Ok(())
    }

    fn text(&mut self) -> Result<(), CodecError> {
        self.classes.push(Class::Text);
        Ok(())
    }

    fn link(&mut self) -> Result<(), CodecError> {
        self.classes.push(Class::Link);
        Ok(())
    }

    fn parent(&mut self) -> Result<(), CodecError> {
        Ok(())
    }
}

/// A shape that is read.
struct Open<'a> {
    skeleton: &'a [u8],
    classes: Vec<Class>,
    columns: Vec<Reader<'a>>,
    has_parent: bool,
    /// Rows of this shape.
    rows: usize,
    /// Rows of this shape that were passed over and that its columns are behind.
    behind: usize,
}

/// Fills the bodies of rows whose ids are there; those of rows that are not wanted stay empty.
pub(crate) fn decode_bodies(mut bytes: &[u8], rows: &mut Rows, wanted: impl Fn(usize) -> bool) -> Result<(), CodecError> {
    let count = rows.len();
    let (plain, strangers) = (take_pack(&mut bytes)?, take_pack(&mut bytes)?);
    let rest = &mut plain.as_slice();
    let shared = take_shared(rest, count)?;
    let mut shapes = take_shapes(rest)?;
    let of_rows = take_numbers(rest, count, shapes.len() as u64)?;
    of_rows.iter().for_each(|shape| shapes[*shape as usize].rows += 1);
    let mut parents = take_bytes(rest)?;
    for shape in &mut shapes {
        let columns = &mut take_bytes(rest)?;
        for class in &shape.classes {
            shape.columns.push(Reader::take(columns, *class, shape.rows)?);
        }
        if !columns.is_empty() {
            return Err(DAMAGED);
        }
    }
    let (mut strangers, whole) = (strangers.as_chunks::<8>().0.iter(), rest.is_empty() && bytes.is_empty());
    for (at, shape) in of_rows.iter().enumerate() {
        let shape = &mut shapes[*shape as usize];
        let parent = match shape.has_parent {
            true => take_parent(&mut parents, &mut strangers, at, rows)?,
            false => [0; 8],
        };
        if wanted(at) {
            let behind = std::mem::take(&mut shape.behind);
            shape.columns.iter_mut().try_for_each(|column| column.skip(behind))?;
            let mut together = Together { skeleton: shape.skeleton, columns: shape.columns.iter_mut(), parent, out: &mut rows.bodies };
            walk(&mut together)?;
        } else {
            shape.behind += 1;
        }
        if rows.bodies.len() > MOST_BYTES {
            return Err(CodecError::Damaged("more spans than a block may have"));
        }
        rows.body_ends.push(rows.bodies.len() as u32);
    }
    rows.shared = shared;
    if whole && parents.is_empty() && strangers.len() == 0 { Ok(()) } else { Err(DAMAGED) }
}

fn take_parent(parents: &mut &[u8], strangers: &mut std::slice::Iter<'_, [u8; 8]>, at: usize, rows: &Rows) -> Result<[u8; 8], CodecError> {
    let Some(delta) = take_varint(parents)?.checked_sub(1) else { return strangers.next().copied().ok_or(DAMAGED) };
    let there = (at as i64).checked_sub(unzigzag(delta)).and_then(|there| usize::try_from(there).ok()).filter(|there| *there < rows.len());
    Ok(row::ids_of(rows.details(there.ok_or(DAMAGED)?)).ok_or(DAMAGED)?.1)
}

fn take_shapes<'a>(rest: &mut &'a [u8]) -> Result<Vec<Open<'a>>, CodecError> {
    let mut shapes = Vec::new();
    for _ in 0..take_varint(rest)? {
        let skeleton = take_bytes(rest)?;
        let mut classes = Classes { skeleton, classes: Vec::new() };
        walk(&mut classes)?;
        let has_parent = skeleton.first().is_some_and(|flags| flags & HAS_PARENT != 0);
        if !classes.skeleton.is_empty() {
            return Err(DAMAGED);
        }
        shapes.push(Open { skeleton, classes: classes.classes, columns: Vec::new(), has_parent, rows: 0, behind: 0 });
    }
    Ok(shapes)
}
