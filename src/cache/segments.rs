//! A cleaned log on disk: so many rows at a time, each column of them by itself, so that a column is read without
//! the others and a log is written that no memory holds.
//!
//! ```text
//! head (JSON: columns, roles, rows) | segment...
//! segment: row numbers | for each column: bytes (u64) | kind of cells (u8) | cells
//! ```
//!
//! What is written depends on the rows alone: the distinct texts of a segment stand in the order of their first
//! appearance, whatever the log held before.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use musicrec_api::{Cells, Column, Error, Log, MISSING, Roles, Stored, Text, Texts, View};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::bytes::{Reader, Writer, broken, ensure};

/// Rows of a segment of a whole log; few in tests, so that there are several.
pub(crate) const ROWS: usize = if cfg!(test) { 1 << 15 } else { 1 << 18 };

/// What cells are, before those of each column.
const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const TIME: u8 = 2;

/// With more texts than so many for each row, those of the rows are looked up.
const DENSE: usize = 4;

/// What stands before the segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) columns: Vec<String>,
    pub(crate) roles: Roles,
    pub(crate) rows: usize,
}

impl Head {
    pub(crate) fn of(log: &Log) -> Self {
        Self {
            columns: log.names().map(str::to_owned).collect(),
            roles: log.roles().clone(),
            rows: log.rows(),
        }
    }
}

/// Writes all rows of a log.
pub(crate) fn write(to: &mut Writer, log: &Log) -> io::Result<()> {
    to.json(&Head::of(log))?;
    let rows: Vec<u32> = (0..log.rows() as u32).collect();
    if rows.is_empty() {
        // Its columns are of some type all the same.
        return segment(to, log, &rows);
    }
    rows.chunks(ROWS)
        .try_for_each(|rows| segment(to, log, rows))
}

/// Writes some rows of a log, in the order given, as a segment.
pub(crate) fn segment(to: &mut Writer, log: &Log, rows: &[u32]) -> io::Result<()> {
    let numbers: Vec<u64> = rows.iter().map(|&row| log.number(row as usize)).collect();
    to.numbers(&numbers)?;
    let mut block = Vec::new();
    for view in log.views() {
        block.clear();
        cells(&mut Writer::new(&mut block), view, rows)?;
        to.count(block.len())?;
        to.raw(&block)?;
    }
    Ok(())
}

fn cells(to: &mut Writer, view: View<'_>, rows: &[u32]) -> io::Result<()> {
    let rows = rows.iter().map(|&row| row as usize);
    match view {
        View::Text(text) => {
            // Of few rows of a log with many texts only the texts of these rows are worth room.
            let dense = text.values().len() <= DENSE * rows.len();
            let mut all = vec![MISSING; if dense { text.values().len() } else { 0 }];
            let mut some: FxHashMap<u32, u32> = FxHashMap::default();
            let mut values = Texts::default();
            let codes = rows.map(|row| match text.code(row) {
                MISSING => MISSING,
                code => {
                    let new = match all.get_mut(code as usize) {
                        Some(new) => new,
                        None => some.entry(code).or_insert(MISSING),
                    };
                    if *new == MISSING {
                        *new = values.len() as u32;
                        values.push(&text.values()[code as usize]);
                    }
                    *new
                }
            });
            let codes: Vec<u32> = codes.collect();
            to.number(TEXT)?;
            to.numbers(&codes)?;
            to.texts(&values)
        }
        View::Number(numbers) => {
            to.number(NUMBER)?;
            to.numbers(&rows.map(|row| numbers.get(row)).collect::<Vec<f64>>())
        }
        View::Time(times) => {
            to.number(TIME)?;
            to.numbers(&rows.map(|row| times.get(row)).collect::<Vec<i64>>())
        }
    }
}

/// Reads a segment as a log, whose rows are numbered on from a row.
pub(crate) fn read_segment(from: &mut Reader, head: &Head, after: u64) -> io::Result<Log> {
    let mut numbers: Vec<u64> = from.numbers()?;
    for number in &mut numbers {
        *number = number
            .checked_add(after)
            .ok_or_else(|| broken("a row beyond all numbers"))?;
    }
    let columns = head.columns.iter().map(|name| {
        from.count(1)?;
        let cells = read_cells(from, numbers.len())?;
        let name = name.clone();
        Ok(Column { name, cells })
    });
    let columns = columns.collect::<io::Result<Vec<Column>>>()?;
    Ok(Log::new(columns, numbers, head.roles.clone()))
}

fn read_cells(from: &mut Reader, rows: usize) -> io::Result<Cells> {
    Ok(match from.number()? {
        TEXT => {
            let codes: Vec<u32> = from.exactly(rows)?;
            let values = from.texts()?;
            let of_a_value = |code: &u32| *code == MISSING || (*code as usize) < values.len();
            ensure(codes.iter().all(of_a_value), "a code without its value")?;
            Cells::Text(Text { codes, values })
        }
        NUMBER => Cells::Number(from.exactly(rows)?),
        TIME => Cells::Time(from.exactly(rows)?),
        _ => return Err(broken("cells of no known kind")),
    })
}

/// Where the columns of a log lie in a file.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) head: Head,
    /// The numbers of all rows, as runs of numbers that follow each other: the first, and how many.
    runs: Vec<(u64, u64)>,
    /// For each segment how many rows it has, and the place and length of each column, counted in bytes from the
    /// begin of what was read.
    segments: Vec<(usize, Vec<(u64, u64)>)>,
}

impl Layout {
    /// Reads past a log, and notes where its columns are.
    pub(crate) fn read(from: &mut Reader) -> io::Result<Self> {
        let head: Head = from.json()?;
        let (mut runs, mut rows): (Vec<(u64, u64)>, usize) = (Vec::new(), 0);
        let mut segments = Vec::new();
        while segments.is_empty() || rows < head.rows {
            let own: Vec<u64> = from.numbers()?;
            ensure(!own.is_empty() || head.rows == 0, "a segment without rows")?;
            let columns = head.columns.iter().map(|_| {
                let bytes = from.count(1)? as u64;
                let place = from.place();
                from.skip(bytes)?;
                Ok((place, bytes))
            });
            segments.push((own.len(), columns.collect::<io::Result<_>>()?));
            rows += own.len();
            for number in own {
                match runs.last_mut() {
                    Some((first, count)) if first.checked_add(*count) == Some(number) => {
                        *count += 1;
                    }
                    _ => runs.push((number, 1)),
                }
            }
        }
        ensure(rows == head.rows, "it has other rows than it says")?;
        Ok(Self {
            head,
            runs,
            segments,
        })
    }

    /// The log, whose columns are read from a file when somebody looks at them. What was read by [`Layout::read`]
    /// begins there at a place.
    pub(crate) fn log(self, file: File, begins: u64) -> Log {
        let Self {
            head,
            runs,
            segments,
        } = self;
        let columns = Columns {
            file: Mutex::new(file),
            begins,
            segments,
        };
        let stored: Arc<dyn Stored> = Arc::new(columns);
        let numbers = runs.iter().flat_map(|&(first, count)| first..first + count);
        Log::stored(head.columns, numbers, head.roles, &stored)
    }
}

/// The columns of a log in a file.
#[derive(Debug)]
struct Columns {
    file: Mutex<File>,
    begins: u64,
    segments: Vec<(usize, Vec<(u64, u64)>)>,
}

impl Stored for Columns {
    fn read(
        &self,
        column: usize,
        sink: &mut dyn FnMut(Cells) -> musicrec_api::Result<()>,
    ) -> musicrec_api::Result<()> {
        let failed = |e| Error::io("cannot read a column of the cleaned log", e);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for (rows, places) in &self.segments {
            let (place, bytes) = places[column];
            file.seek(SeekFrom::Start(self.begins + place))
                .map_err(failed)?;
            let mut buffer = BufReader::with_capacity(1 << 20, (&mut *file).take(bytes));
            sink(read_cells(&mut Reader::new(&mut buffer, bytes), *rows).map_err(failed)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{MISSING, Roles};

    use super::{Head, TEXT, read_segment};
    use crate::cache::bytes::{Reader, Writer};

    #[test]
    fn cells_that_cannot_be_are_not_read() {
        let head = Head {
            columns: vec!["user".to_owned()],
            roles: Roles {
                user: "user".into(),
                item: "item".into(),
                time: None,
                event: None,
                plays: None,
                seconds: None,
            },
            rows: 3,
        };
        let read = |codes: &[u32], rows: &[u64], kind: u8| {
            let (mut bytes, mut block) = (Vec::new(), Vec::new());
            let mut to = Writer::new(&mut block);
            to.number(kind).unwrap();
            to.numbers(codes).unwrap();
            to.texts(&["a", "b"].into_iter().collect()).unwrap();
            let mut to = Writer::new(&mut bytes);
            to.numbers(rows).unwrap();
            to.count(block.len()).unwrap();
            to.raw(&block).unwrap();
            read_segment(
                &mut Reader::new(&mut &bytes[..], bytes.len() as u64),
                &head,
                0,
            )
        };
        let log = read(&[0, 1, MISSING], &[1, 2, 3], TEXT).unwrap();
        assert_eq!((log.rows(), log.number(2)), (3, 3));
        assert!(
            read(&[0, 2, MISSING], &[1, 2, 3], TEXT).is_err(),
            "a code of nothing"
        );
        assert!(
            read(&[0, 1], &[1, 2, 3], TEXT).is_err(),
            "a column too short"
        );
        assert!(read(&[0, 1, 1], &[1, 2, 3], 7).is_err(), "cells of no kind");
    }
}
