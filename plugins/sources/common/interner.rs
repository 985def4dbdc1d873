//! Dictionary coding of a column as it is read.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use musicrec_api::{MISSING, Text, Texts};
use rustc_hash::FxBuildHasher;

/// Why a cell cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadCell {
    NotUtf8,
    Nul,
}

impl BadCell {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Nul => "NUL byte",
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::NotUtf8 => "convert the file (iconv -f LATIN1 -t UTF-8)",
            Self::Nul => "remove such bytes (tr -d '\\000' < FILE > COPY)",
        }
    }
}

/// One column of a chunk. A value that is known costs a hash and a comparison, no allocation, and
/// only new values are checked for UTF-8.
#[derive(Debug)]
pub(crate) struct Interner {
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
    /// Appends a cell. True if it is a value of several lines that was not known before.
    #[inline]
    pub(crate) fn push(&mut self, cell: &[u8]) -> Result<bool, BadCell> {
        let (code, lines) = match cell {
            [] => self.short(256, cell)?,
            [byte] => self.short(usize::from(*byte), cell)?,
            _ => self.long(cell)?,
        };
        self.codes.push(code);
        Ok(lines)
    }

    /// Appends a missing cell.
    pub(crate) fn push_missing(&mut self) {
        self.codes.push(MISSING);
    }

    fn short(&mut self, slot: usize, cell: &[u8]) -> Result<(u32, bool), BadCell> {
        if self.short[slot] == MISSING {
            self.short[slot] = add(&mut self.values, cell)?.0;
        }
        Ok((self.short[slot], false))
    }

    fn long(&mut self, cell: &[u8]) -> Result<(u32, bool), BadCell> {
        let hash = FxBuildHasher.hash_one(cell);
        let known = self
            .table
            .find(hash, |&code| self.values[code as usize].as_bytes() == cell);
        if let Some(&code) = known {
            return Ok((code, false));
        }
        let (code, lines) = add(&mut self.values, cell)?;
        self.table.insert_unique(hash, code, |&code| {
            FxBuildHasher.hash_one(self.values[code as usize].as_bytes())
        });
        Ok((code, lines))
    }

    /// Takes back cells until `rows` are left.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.codes.truncate(rows);
    }

    /// The cells so far; the next chunk begins with an empty dictionary.
    pub(crate) fn take(&mut self) -> Text {
        self.table.clear();
        self.short.fill(MISSING);
        Text {
            codes: std::mem::take(&mut self.codes),
            values: std::mem::take(&mut self.values),
        }
    }
}

/// The code of a new value, and whether it has several lines.
fn add(values: &mut Texts, cell: &[u8]) -> Result<(u32, bool), BadCell> {
    let text = std::str::from_utf8(cell).map_err(|_| BadCell::NotUtf8)?;
    let mut lines = false;
    for byte in cell {
        match byte {
            0 => return Err(BadCell::Nul),
            b'\n' | b'\r' => lines = true,
            _ => {}
        }
    }
    values.push(text);
    Ok((values.len() as u32 - 1, lines))
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
        assert_eq!(
            ["a\nb", "a\nb", "ab"].map(|cell| column.push(cell.as_bytes())),
            [Ok(true), Ok(false), Ok(false)]
        );
        column.truncate(6);
        let text = column.take();
        assert_eq!(text.values, ["", "1", "play", "a\nb", "ab"]);
        assert_eq!(text.codes, [0, 1, 2, 1, 0, 2]);
        column.push(b"skip").unwrap();
        assert_eq!(column.take().values, ["skip"]);
    }
}
