//! Dictionary coding of a column as it is read.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use musicrec_api::{MISSING, Text, Texts};
use rustc_hash::FxBuildHasher;

/// Why a cell cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadCell {
    NotUtf8,
    Nul,
}

impl BadCell {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Nul => "NUL byte",
        }
    }
}

/// One column of a chunk. A value that is known costs a hash and a comparison, no allocation, and
/// only new values are checked for UTF-8.
#[derive(Debug)]
pub(super) struct Interner {
    codes: Vec<u32>,
    values: Texts,
    table: HashTable<u32>,
    /// Codes of the values of one byte, and at 256 of the empty one: flags and counts are the most
    /// frequent cells of a log.
    short: Box<[u32; 257]>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            codes: Vec::new(),
            values: Texts::default(),
            table: HashTable::new(),
            short: Box::new([MISSING; 257]),
        }
    }
}

impl Interner {
    /// Appends a cell.
    pub(super) fn push(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let code = match cell {
            [] => self.short(256, cell)?,
            [byte] => self.short(usize::from(*byte), cell)?,
            _ => self.long(cell)?,
        };
        self.codes.push(code);
        Ok(())
    }

    fn short(&mut self, slot: usize, cell: &[u8]) -> Result<u32, BadCell> {
        if self.short[slot] == MISSING {
            self.short[slot] = add(&mut self.values, cell)?;
        }
        Ok(self.short[slot])
    }

    fn long(&mut self, cell: &[u8]) -> Result<u32, BadCell> {
        let hash = FxBuildHasher.hash_one(cell);
        let known = self
            .table
            .find(hash, |&code| self.values[code as usize].as_bytes() == cell);
        if let Some(&code) = known {
            return Ok(code);
        }
        let code = add(&mut self.values, cell)?;
        self.table.insert_unique(hash, code, |&code| {
            FxBuildHasher.hash_one(self.values[code as usize].as_bytes())
        });
        Ok(code)
    }

    /// Takes back cells until `rows` are left.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.codes.truncate(rows);
    }

    /// The cells so far; the next chunk begins with an empty dictionary.
    pub(super) fn take(&mut self) -> Text {
        self.table.clear();
        self.short.fill(MISSING);
        Text {
            codes: std::mem::take(&mut self.codes),
            values: std::mem::take(&mut self.values),
        }
    }
}

fn add(values: &mut Texts, cell: &[u8]) -> Result<u32, BadCell> {
    let text = std::str::from_utf8(cell).map_err(|_| BadCell::NotUtf8)?;
    if text.contains('\0') {
        return Err(BadCell::Nul);
    }
    values.push(text);
    Ok(values.len() as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::{BadCell, Interner};

    #[test]
    fn values_are_coded_once_and_bad_bytes_are_refused() {
        let mut column = Interner::default();
        for cell in ["", "1", "play", "1", "", "play"] {
            column.push(cell.as_bytes()).unwrap();
        }
        assert_eq!(column.push(b"\xe9t\xe9"), Err(BadCell::NotUtf8));
        assert_eq!(column.push(b"\xe9"), Err(BadCell::NotUtf8));
        assert_eq!(column.push(b"a\0"), Err(BadCell::Nul));
        let text = column.take();
        assert_eq!(text.values, ["", "1", "play"]);
        assert_eq!(text.codes, [0, 1, 2, 1, 0, 2]);
        column.push(b"skip").unwrap();
        assert_eq!(column.take().values, ["skip"]);
    }
}
