//! Rows of several files, put together again in their order.

use musicrec_api::{Cells, Column, KnownTexts, Log, MISSING, Result, Text};

use super::scratch::Pieces;
use crate::cache::segments::Head;

/// A file that rows are taken from, one after the other.
pub(super) struct Input<'s> {
    pieces: Pieces<'s>,
    piece: Log,
    /// The next row of the piece.
    at: usize,
    /// For each column the codes that a batch has for its texts, as far as they are known.
    codes: Vec<Vec<u32>>,
}

impl<'s> Input<'s> {
    /// `None` without rows.
    pub(super) fn new(mut pieces: Pieces<'s>) -> Result<Option<Self>> {
        let piece = pieces.next()?;
        Ok(piece.map(|piece| Self {
            pieces,
            piece,
            at: 0,
            codes: Vec::new(),
        }))
    }

    /// The number of the next row.
    pub(super) fn number(&self) -> u64 {
        self.piece.number(self.at)
    }

    /// Takes the next row, and tells its place in the piece.
    pub(super) fn take(&mut self) -> u32 {
        self.at += 1;
        self.at as u32 - 1
    }

    /// Whether all rows of the piece are taken.
    pub(super) fn is_spent(&self) -> bool {
        self.at == self.piece.rows()
    }

    /// Reads the next piece; false if there is none.
    pub(super) fn read_on(&mut self) -> Result<bool> {
        self.codes.clear();
        let Some(piece) = self.pieces.next()? else {
            return Ok(false);
        };
        (self.piece, self.at) = (piece, 0);
        Ok(true)
    }

    /// Forgets the codes of a batch that is full.
    pub(super) fn forget(&mut self) {
        self.codes.clear();
    }
}

/// Rows that were put together. Texts are numbered by their first appearance.
#[derive(Default)]
pub(super) struct Batch {
    numbers: Vec<u64>,
    columns: Vec<Growing>,
}

/// A column of a batch.
enum Growing {
    Text(Text, KnownTexts),
    Number(Vec<f64>),
    Time(Vec<i64>),
}

impl Batch {
    pub(super) fn rows(&self) -> usize {
        self.numbers.len()
    }

    /// Appends rows: the number of an input each, and a row of its piece.
    pub(super) fn copy(&mut self, inputs: &mut [Input], picks: &[(u32, u32)]) {
        let mut codes: Vec<Vec<Vec<u32>>> = inputs
            .iter_mut()
            .map(|input| std::mem::take(&mut input.codes))
            .collect();
        let pieces: Vec<Vec<&Column>> = inputs.iter().map(|input| input.piece.columns()).collect();
        if self.columns.is_empty()
            && let Some(&(first, _)) = picks.first()
        {
            self.columns = pieces[first as usize]
                .iter()
                .map(|c| Growing::like(&c.cells))
                .collect();
        }
        let number = |&(input, row): &(u32, u32)| inputs[input as usize].piece.number(row as usize);
        self.numbers.extend(picks.iter().map(number));
        for &(input, _) in picks {
            let (codes, piece) = (&mut codes[input as usize], &pieces[input as usize]);
            if codes.is_empty() {
                *codes = piece.iter().map(|column| unknown(&column.cells)).collect();
            }
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            for &(input, row) in picks {
                let cells = &pieces[input as usize][at].cells;
                column.push(cells, row as usize, &mut codes[input as usize][at]);
            }
        }
        for (input, codes) in inputs.iter_mut().zip(codes) {
            input.codes = codes;
        }
    }

    pub(super) fn finish(self, head: &Head) -> Log {
        let columns = head
            .columns
            .iter()
            .zip(self.columns)
            .map(|(name, cells)| Column {
                name: name.clone(),
                cells: match cells {
                    Growing::Text(text, _) => Cells::Text(text),
                    Growing::Number(numbers) => Cells::Number(numbers),
                    Growing::Time(times) => Cells::Time(times),
                },
            });
        Log::new(columns.collect(), self.numbers, head.roles.clone())
    }
}

/// A code for each text of a column, none of which is known yet.
fn unknown(cells: &Cells) -> Vec<u32> {
    match cells {
        Cells::Text(text) => vec![MISSING; text.values.len()],
        Cells::Number(_) | Cells::Time(_) => Vec::new(),
    }
}

impl Growing {
    /// A column of the type of `cells`, without any.
    fn like(cells: &Cells) -> Self {
        match cells {
            Cells::Text(_) => Self::Text(Text::default(), KnownTexts::default()),
            Cells::Number(_) => Self::Number(Vec::new()),
            Cells::Time(_) => Self::Time(Vec::new()),
        }
    }

    /// Appends the cell of a row. All files hold a column as one type: they were written from one log.
    fn push(&mut self, cells: &Cells, row: usize, codes: &mut [u32]) {
        match (self, cells) {
            (Self::Text(all, known), Cells::Text(text)) => {
                let code = text.codes[row];
                if code == MISSING {
                    all.codes.push(MISSING);
                    return;
                }
                let own = &mut codes[code as usize];
                if *own == MISSING {
                    *own = known.code(&mut all.values, &text.values[code as usize]);
                }
                all.codes.push(*own);
            }
            (Self::Number(all), Cells::Number(numbers)) => all.push(numbers[row]),
            (Self::Time(all), Cells::Time(times)) => all.push(times[row]),
            _ => unreachable!("a column is of one type in all files"),
        }
    }
}
