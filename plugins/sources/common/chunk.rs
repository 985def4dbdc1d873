//! Rows on their way to the sink.

use musicrec_api::{Cells, Column, Log, Roles};

use super::interner::Interner;

/// Rows of a chunk: large enough that a dictionary pays, small enough for any memory.
const ROWS: usize = 65_536;
/// Cells of a chunk, which has fewer rows if there are more than 256 columns.
const CELLS: usize = 1 << 24;
/// Bytes of text after which a chunk ends, however few rows it has.
const BYTES: usize = 1 << 28;
/// How many columns a log may have.
pub(crate) const MOST_COLUMNS: usize = 1 << 16;

/// One column of a chunk as it grows.
pub(crate) trait Growing {
    /// Takes back cells until `rows` are left.
    fn truncate(&mut self, rows: usize);

    /// The cells so far; the next chunk begins with none.
    fn take(&mut self) -> Cells;
}

impl Growing for Interner {
    fn truncate(&mut self, rows: usize) {
        Interner::truncate(self, rows);
    }

    fn take(&mut self) -> Cells {
        Cells::Text(Interner::take(self))
    }
}

/// Rows on their way to the sink.
pub(crate) struct Chunk<G> {
    pub(crate) names: Vec<String>,
    pub(crate) roles: Roles,
    pub(crate) columns: Vec<G>,
    numbers: Vec<u64>,
    most_rows: usize,
    bytes: usize,
}

impl<G: Growing> Chunk<G> {
    pub(crate) fn new(names: Vec<String>, roles: Roles, columns: Vec<G>) -> Self {
        Self {
            most_rows: (CELLS / columns.len().max(1)).clamp(1, ROWS),
            names,
            roles,
            columns,
            numbers: Vec::new(),
            bytes: 0,
        }
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> usize {
        self.numbers.len()
    }

    /// How many rows more it takes.
    pub(crate) fn room(&self) -> usize {
        self.most_rows - self.numbers.len()
    }

    /// Ends a row of which each column has a cell, with about so many bytes of text.
    pub(crate) fn end_row(&mut self, number: u64, bytes: usize) {
        self.numbers.push(number);
        self.bytes += bytes;
    }

    /// Takes back the cells of a row that was not ended.
    pub(crate) fn undo_row(&mut self) {
        let rows = self.numbers.len();
        self.columns.iter_mut().for_each(|c| c.truncate(rows));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.numbers.len() >= self.most_rows || self.bytes >= BYTES
    }

    /// The rows so far as a part of the log.
    pub(crate) fn take(&mut self) -> Log {
        self.bytes = 0;
        let columns = self
            .names
            .iter()
            .zip(&mut self.columns)
            .map(|(name, column)| Column {
                name: name.clone(),
                cells: column.take(),
            })
            .collect();
        Log::new(
            columns,
            std::mem::take(&mut self.numbers),
            self.roles.clone(),
        )
    }
}
