//! Rows to chunks.

use std::ops::Range;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use musicrec_api::{Error, Ledger, Log, Result, Sample};

use super::Csv;
use crate::common::chunk::Chunk;
use crate::common::fault::Fault;
use crate::common::input::Input;
use crate::common::interner::{BadCell, Interner};
use crate::common::parameters::BadRows;
use crate::common::stream::{BUFFER, LONGEST_ROW, RowTooLong, Stream};
use crate::common::{self, OfFiles as _, SHOWN, differ, in_short};

/// Delimiters within a cell of several lines that make it look like rows.
const SWALLOWED: usize = 3;

type Rows = csv::Reader<Stream>;

/// A reader of a file's lines, the header included.
fn rows(csv: &Csv, input: &Input) -> Result<Rows, Fault> {
    let text = input.open()?;
    Ok(ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(csv.delimiter.byte())
        .quoting(csv.quotes)
        .buffer_capacity(text.buffer)
        .from_reader(text))
}

/// The first line of a file.
pub(super) fn first(csv: &Csv, input: &Input) -> Result<ByteRecord, Fault> {
    let mut first = ByteRecord::new();
    next(csv, &mut rows(csv, input)?, &mut first, input)?;
    Ok(first)
}

/// Reads the next line into `record`; false at the end of the file.
fn next(csv: &Csv, rows: &mut Rows, record: &mut ByteRecord, input: &Input) -> Result<bool, Fault> {
    let begins = rows.position().byte();
    rows.get_mut().begin_row(begins);
    let read = rows.read_byte_record(record);
    let ends = rows.position().byte();
    match read {
        Ok(more) if rows.get_ref().length(ends) <= LONGEST_ROW => Ok(more),
        Ok(_) => Err(too_long(csv, input, begins)),
        Err(e) => {
            let (said, line) = (e.to_string(), rows.position().line());
            Err(match e.into_kind() {
                ErrorKind::Io(e)
                    if e.get_ref()
                        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<RowTooLong>) =>
                {
                    too_long(csv, input, begins)
                }
                ErrorKind::Io(e) => input.failed(e, rows.get_ref().packed.then_some(line)),
                _ => Fault::data(
                    &input.parameter,
                    format!("{}: {said}", input.shown()),
                    "mend the file",
                ),
            })
        }
    }
}

/// The fault of a row of which too much was read.
fn too_long(csv: &Csv, input: &Input, begins: u64) -> Fault {
    let line = match input.line_at(begins) {
        Ok(line) => line,
        Err(fault) => return fault,
    };
    let quotes = if csv.quotes {
        ", or, if a quote was left open there, mend it or set `source.csv.quotes = false`"
    } else {
        ""
    };
    Fault::data(
        &input.parameter,
        format!(
            "{}: the row that begins in line {line} has more than {} MiB",
            input.shown(),
            LONGEST_ROW >> 20
        ),
        format!("see whether the file is a log whose rows end in line breaks{quotes}"),
    )
}

/// A line as it may be shown: cut, in one line, and with marks where bytes are not UTF-8.
pub(super) fn shown(record: &ByteRecord, between: &str) -> String {
    let mut text = String::new();
    for (at, cell) in record.iter().enumerate() {
        if at > 0 {
            text += between;
        }
        // A character has no more than four bytes.
        text += &String::from_utf8_lossy(&cell[..cell.len().min(4 * SHOWN + 4)]);
        if text.len() > 4 * SHOWN {
            break;
        }
    }
    in_short(&text)
}

/// A line as it was before it was split, but for its quotes; `None` if it is no text, or too long to be
/// guessed about.
pub(super) fn joined(record: &ByteRecord, delimiter: char) -> Option<String> {
    let text = std::str::from_utf8(record.as_slice()).ok()?;
    if text.len() > BUFFER {
        return None;
    }
    let mut joined = String::with_capacity(text.len() + record.len());
    for (at, range) in (0..record.len()).map(|at| (at, record.range(at))) {
        if at > 0 {
            joined.push(delimiter);
        }
        joined += text.get(range?)?;
    }
    Some(joined)
}

/// Reads those of all files that are `wanted`, and gives how many rows they have, dropped ones included.
pub(super) fn read(
    csv: &Csv,
    inputs: &[Input],
    wanted: Range<usize>,
    ledger: &mut Ledger,
    sink: &mut dyn FnMut(Log) -> Result<()>,
) -> Result<u64> {
    let begin = |names: Vec<String>, input: &Input| -> Result<Chunk<Interner>> {
        let roles = csv.roles(&names, input).map_err(common::first)?;
        let columns = names.iter().map(|_| Interner::default()).collect();
        Ok(Chunk::new(names, roles, columns))
    };
    // The first file decides, even if it is not read.
    let mut chunk = match inputs.first().filter(|_| wanted.start > 0) {
        Some(first) => Some(begin(csv.look_at(first).sound()?, first)?),
        None => None,
    };
    let mut row = 0;
    for input in &inputs[wanted] {
        let mut rows = rows(csv, input)?;
        let mut record = ByteRecord::new();
        let mut more = next(csv, &mut rows, &mut record, input)?;
        let names = csv.columns_in(&record, input).sound()?;
        let chunk = match &mut chunk {
            None => chunk.insert(begin(names, input)?),
            Some(chunk) if chunk.names == names => chunk,
            Some(chunk) => {
                return Err(differ(&names, input, &chunk.names, &inputs[0]).into());
            }
        };
        if csv.header {
            more = next(csv, &mut rows, &mut record, input)?;
        }
        let (before, mut taken) = (row, 0);
        while more {
            row += 1;
            match push(chunk, &record, input.part.as_deref(), row, csv) {
                Ok(()) => taken += 1,
                Err(bad) => match csv.bad_rows {
                    BadRows::Error => return Err(bad.into_error(csv, input, &record, row)),
                    BadRows::Drop => {
                        let sample = Sample {
                            row,
                            before: shown(&record, &char::from(csv.delimiter.byte()).to_string()),
                            after: None,
                        };
                        let (column, what) = bad.named(&chunk.names);
                        ledger.dropped(column, what, 1, Some(sample));
                    }
                },
            }
            if chunk.is_full() {
                sink(chunk.take())?;
            }
            let begins = record.position().map_or(0, csv::Position::byte);
            let open_ended = csv.quotes && ends_within_lines(&record);
            more = next(csv, &mut rows, &mut record, input)?;
            // The parser takes the end of the file for the end of a quoted cell.
            if !more && open_ended && rows.get_ref().last != Some(b'"') {
                return Err(Error::data(format!(
                    "{}, line {}: a cell begins with a quote that is never closed",
                    input.shown(),
                    input.line_at(begins)?
                ))
                .with_remedy(
                    "mend it, or set `source.csv.quotes = false` if quotes are characters like any other",
                ));
            }
        }
        if taken == 0 {
            return Err(nothing(csv, input, row - before));
        }
    }
    if let Some(mut chunk) = chunk
        && chunk.rows() > 0
    {
        sink(chunk.take())?;
    }
    Ok(row)
}

fn ends_within_lines(record: &ByteRecord) -> bool {
    record
        .iter()
        .next_back()
        .is_some_and(|cell| cell.contains(&b'\n') || cell.contains(&b'\r'))
}

fn nothing(csv: &Csv, input: &Input, dropped: u64) -> Error {
    let (shown, key) = (input.shown(), input.key());
    if dropped > 0 {
        return Error::data(format!(
            "{shown}: each of its {dropped} rows is bad, so `source.csv.bad_rows = \"drop\"` left none"
        ))
        .with_remedy("remove that to see what is wrong with the first");
    }
    let what = if csv.header {
        "has a header but no row"
    } else {
        "has no row"
    };
    Error::data(format!("{shown} {what}")).with_remedy(format!("set `{key}` to a file with rows"))
}

/// Adds a row to a chunk, or says why it is bad.
fn push(
    chunk: &mut Chunk<Interner>,
    record: &ByteRecord,
    part: Option<&str>,
    row: u64,
    csv: &Csv,
) -> Result<(), BadRow> {
    let want = chunk.columns.len() - usize::from(part.is_some());
    if record.len() != want {
        return Err(BadRow::Cells(record.len(), want));
    }
    let cells = record.iter().chain(part.map(str::as_bytes));
    let mut lines = false;
    for (at, (column, cell)) in chunk.columns.iter_mut().zip(cells).enumerate() {
        match column.push(cell) {
            Ok(several) => lines |= several,
            Err(bad) => {
                chunk.undo_row();
                return Err(BadRow::Cell(at, bad));
            }
        }
    }
    if lines
        && csv.quotes
        && let Some(at) = (0..want).find(|at| swallows(record, *at, csv.delimiter.byte()))
    {
        chunk.undo_row();
        return Err(BadRow::Quote(at));
    }
    chunk.end_row(row, record.as_slice().len());
    Ok(())
}

/// Whether a cell looks like the rest of its row, whole rows, and the beginning of a row up to the same
/// column, as it does if a quote was left open and the next one in that column closes it: each of its
/// lines has as many delimiters as that part of a row. That two or three lines of text do so is no
/// wonder, so there must be several delimiters, or a quote in the last line, where the cell that really
/// began there ended.
fn swallows(record: &ByteRecord, at: usize, delimiter: u8) -> bool {
    let cell = &record[at];
    let columns = record.len();
    let lines = || {
        let lines = cell.split(|byte| matches!(byte, b'\n' | b'\r'));
        lines.filter(|line| !line.is_empty())
    };
    let within = |line: &[u8]| line.split(|byte| *byte == delimiter).count() - 1;
    let count = lines().count();
    if count < 2 || columns < 2 {
        return false;
    }
    let as_rows = lines().enumerate().all(|(line, text)| {
        let want = match line {
            0 => columns - 1 - at,
            line if line == count - 1 => at,
            _ => columns - 1,
        };
        within(text) == want
    });
    let closed = || lines().next_back().is_some_and(|line| line.contains(&b'"'));
    as_rows && (within(cell) >= SWALLOWED || (within(cell) > 0 && closed()))
}

/// Why a row is bad.
enum BadRow {
    /// The cells that it has and should have.
    Cells(usize, usize),
    /// The cell at that place.
    Cell(usize, BadCell),
    /// The cell at that place begins with a quote that was closed rows later.
    Quote(usize),
}

impl BadRow {
    /// The column to blame, empty if it is the whole row, and what is wrong.
    fn named<'a>(&self, names: &'a [String]) -> (&'a str, &'static str) {
        match self {
            Self::Cells(..) => ("", "wrong number of cells"),
            Self::Cell(at, bad) => (&names[*at], bad.name()),
            Self::Quote(at) => (&names[*at], "a quote left open"),
        }
    }

    fn into_error(self, csv: &Csv, input: &Input, record: &ByteRecord, row: u64) -> Error {
        let begins = record.position().map_or(0, csv::Position::byte);
        let line = match input.line_at(begins) {
            Ok(line) => line,
            Err(fault) => return fault.into(),
        };
        let place = format!("{}, line {line} (row {row})", input.shown());
        let drop = "set `source.csv.bad_rows = \"drop\"` to drop and count such rows";
        let column = |at: usize| match csv.look_at(input).names {
            Some(names) => format!("column `{}`", names[at]),
            None => format!("cell {}", at + 1),
        };
        let (what, remedy) = match self {
            Self::Cell(at, bad) => (
                format!("{place}, {}: {}", column(at), bad.name()),
                format!("{}, or {drop}", bad.remedy()),
            ),
            Self::Quote(at) => {
                let lines = record[at].split(|byte| matches!(byte, b'\n' | b'\r'));
                let below = lines.filter(|line| !line.is_empty()).count() - 1;
                let what = format!(
                    "{place}, {}: a quote is left open and closed {below} lines further down, and \
                     what is between looks like rows",
                    column(at)
                );
                let remedy = format!(
                    "mend it, or set `source.csv.quotes = false` if quotes are characters like any \
                     other, or {drop}"
                );
                (what, remedy)
            }
            Self::Cells(have, want) => {
                let by = if csv.header {
                    "the header"
                } else {
                    "`source.csv.columns`"
                };
                let quote = if csv.quotes && record.as_slice().contains(&b'\n') {
                    "; it spans several lines: if quotes are characters like any other, set \
                     `source.csv.quotes = false`"
                        .to_owned()
                } else {
                    csv.mixed(record, want)
                };
                let what = format!(
                    "{place}: {have} cells where {by} has {want} ({})",
                    shown(record, ", ")
                );
                (what, format!("mend the line, or {drop}{quote}"))
            }
        };
        Error::data(what).with_remedy(remedy)
    }
}
