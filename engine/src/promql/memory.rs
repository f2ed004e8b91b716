//! The memory that a query takes while it is worked out, and its bound.
//!
//! It is reckoned, not measured: what an expression makes is counted before it is made, and once the expression is worked out,
//! what is left is its value. So a query that would take more than it may ends before it does.

use std::cell::Cell;

use super::error::EvalError;
use super::eval::Evaluator;
use super::value::{ABSENT, Grid, Value};
use crate::model::Labels;

/// What a row takes beside its values and its labels: itself, and its places in what finds it by its labels.
const PER_ROW: usize = 112;
/// A value at an instant.
const PER_VALUE: usize = size_of::<f64>();

/// What a query holds at this time.
pub(super) struct Memory {
    held: Cell<usize>,
    most: usize,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self { held: Cell::new(0), most }
    }

    /// What is held at this time, for [`Memory::settle`].
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// Counts what is made next.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), EvalError> {
        self.held.set(self.held.get().saturating_add(bytes));
        if self.held.get() > self.most { Err(EvalError::TooMuchMemory(self.most)) } else { Ok(()) }
    }

    /// What was held is gone.
    pub(super) fn release(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// Of all that was held since there was so much of it, this value is left.
    pub(super) fn settle(&self, before: usize, value: &Value) -> Result<(), EvalError> {
        self.held.set(before);
        self.hold(match value {
            Value::Scalar(values) => values.capacity() * PER_VALUE,
            Value::Text(text) => text.capacity(),
            Value::Vector(rows) => rows.iter().map(|row| bytes(&row.labels, row.values.capacity())).sum(),
        })
    }
}

/// What a row with so many values takes.
fn bytes(labels: &Labels, values: usize) -> usize {
    let own = if labels.are_shared() { 0 } else { labels.as_bytes().len() };
    own + PER_ROW + values.saturating_mul(PER_VALUE)
}

impl Evaluator<'_> {
    /// Counts a row of the grid that is made next.
    pub(super) fn hold_row(&self, labels: &Labels, grid: &Grid) -> Result<(), EvalError> {
        self.memory.hold(bytes(labels, grid.count))
    }

    /// Counts labels that are made next, or were just now, without values.
    pub(super) fn hold_labels(&self, labels: &Labels) -> Result<(), EvalError> {
        self.memory.hold(bytes(labels, 0))
    }

    /// Counts so many values that are made next.
    pub(super) fn hold_values(&self, count: usize) -> Result<(), EvalError> {
        self.memory.hold(count.saturating_mul(PER_VALUE))
    }

    /// One value at each instant.
    pub(super) fn constant(&self, v: f64, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        self.hold_values(grid.count)?;
        Ok(vec![v; grid.count])
    }

    /// No value at any instant yet, for a row of these labels.
    pub(super) fn empty_row(&self, labels: &Labels, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        self.hold_row(labels, grid)?;
        Ok(vec![ABSENT; grid.count])
    }

    /// A value for each instant.
    pub(super) fn each_instant(&self, grid: &Grid, f: impl FnMut(usize) -> f64) -> Result<Vec<f64>, EvalError> {
        self.hold_values(grid.count)?;
        Ok((0..grid.count).map(f).collect())
    }
}
