//! Rows to chunks.

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use musicrec_api::{Cells, Column, Error, Ledger, Log, Result, Roles, Sample};

use super::columns::differ;
use super::fault::Fault;
use super::input::{Input, Stream};
use super::interner::Interner;
use super::{BadRows, Csv, first};

/// Rows of a chunk: large enough that a dictionary pays, small enough for any memory.
const CHUNK_ROWS: usize = 65_536;
/// Characters of a row that a sample or a message shows.
const SHOWN: usize = 120;

pub(super) type Rows = csv::Reader<Stream>;

/// A reader of a file's lines, the header included.
pub(super) fn rows(csv: &Csv, input: &Input) -> Result<Rows, Fault> {
    Ok(ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(csv.delimiter.byte())
        .quoting(csv.quotes)
        .buffer_capacity(1 << 18)
        .from_reader(input.open()?))
}

/// Reads the next line into `record`; false at the end of the file.
pub(super) fn next(rows: &mut Rows, record: &mut ByteRecord, input: &Input) -> Result<bool, Fault> {
    rows.read_byte_record(record).map_err(|e| {
        let said = e.to_string();
        match e.into_kind() {
            ErrorKind::Io(e) => input.failed(e, rows.get_ref().packed),
            _ => Fault::data(
                &input.parameter,
                format!("{}: {said}", input.shown()),
                "mend the file",
            ),
        }
    })
}

/// A line as it may be shown: cut, in one line, and with marks where bytes are not UTF-8.
pub(super) fn shown(record: &ByteRecord, between: &str) -> String {
    let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
    let text = cells.join(between).replace(['\n', '\r'], " ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Reads all files.
pub(super) fn read(
    csv: &Csv,
    inputs: &[Input],
    ledger: &mut Ledger,
    sink: &mut dyn FnMut(Log) -> Result<()>,
) -> Result<()> {
    let mut chunk: Option<Chunk> = None;
    let mut row = 0;
    for input in inputs {
        let mut rows = rows(csv, input)?;
        let mut record = ByteRecord::new();
        let mut more = next(&mut rows, &mut record, input)?;
        let names = csv.names_from(&record, input)?;
        let chunk = match &mut chunk {
            None => {
                let roles = csv.roles(&names, input).map_err(first)?;
                chunk.insert(Chunk::new(names, roles))
            }
            Some(chunk) if chunk.names == names => chunk,
            Some(chunk) => {
                return Err(differ(&names, input, &chunk.names, &inputs[0]).into());
            }
        };
        if csv.header {
            more = next(&mut rows, &mut record, input)?;
        }
        let (before, mut taken) = (row, 0);
        while more {
            row += 1;
            match chunk.push(&record, input.part.as_deref(), row) {
                Ok(()) => taken += 1,
                Err(bad) => match csv.bad_rows {
                    BadRows::Error => return Err(bad.into_error(csv, input, &record, row)),
                    BadRows::Drop => {
                        let sample = Sample {
                            row,
                            before: shown(&record, &char::from(csv.delimiter.byte()).to_string()),
                            after: None,
                        };
                        ledger.dropped(&bad.column, bad.what, 1, Some(sample));
                    }
                },
            }
            if chunk.numbers.len() == CHUNK_ROWS {
                sink(chunk.take())?;
            }
            let begins = record.position().map_or(0, csv::Position::byte);
            let open_ended = csv.quotes && ends_within_lines(&record);
            more = next(&mut rows, &mut record, input)?;
            // The parser takes the end of the file for the end of a quoted cell.
            if !more && open_ended && rows.get_ref().last != Some(b'"') {
                return Err(Error::data(format!(
                    "{}, line {}: a cell begins with a quote that is never closed; mend it, or set \
                     `source.csv.quotes = false` if quotes are characters like any other",
                    input.shown(),
                    input.line_at(begins)?
                )));
            }
        }
        if taken == 0 {
            return Err(nothing(csv, input, row - before));
        }
    }
    if let Some(mut chunk) = chunk
        && !chunk.numbers.is_empty()
    {
        sink(chunk.take())?;
    }
    Ok(())
}

fn ends_within_lines(record: &ByteRecord) -> bool {
    record
        .iter()
        .next_back()
        .is_some_and(|cell| cell.contains(&b'\n') || cell.contains(&b'\r'))
}

fn nothing(csv: &Csv, input: &Input, dropped: u64) -> Error {
    let (shown, key) = (input.shown(), input.key());
    Error::data(if dropped > 0 {
        format!(
            "{shown}: each of its {dropped} rows is bad, so `source.csv.bad_rows = \"drop\"` left \
             none; remove that to see what is wrong with the first"
        )
    } else if csv.header {
        format!("{shown} has a header but no row; set `{key}` to a file with rows")
    } else {
        format!("{shown} has no row; set `{key}` to a file with rows")
    })
}

/// Why a row is bad.
struct BadRow {
    /// The column with the bad cell; empty if it is the whole row.
    column: String,
    what: &'static str,
    /// Cells the row has and should have.
    cells: (usize, usize),
}

impl BadRow {
    fn into_error(self, csv: &Csv, input: &Input, record: &ByteRecord, row: u64) -> Error {
        let begins = record.position().map_or(0, csv::Position::byte);
        let line = match input.line_at(begins) {
            Ok(line) => line,
            Err(error) => return error,
        };
        let place = format!("{}, line {line} (row {row})", input.shown());
        let drop = "set `source.csv.bad_rows = \"drop\"` to drop and count such rows";
        if !self.column.is_empty() {
            return Error::data(format!(
                "{place}, column `{}`: {}; convert the file (iconv -f LATIN1 -t UTF-8), or {drop}",
                self.column, self.what
            ));
        }
        let (have, want) = self.cells;
        let by = if csv.header {
            "the header"
        } else {
            "`source.csv.columns`"
        };
        let quote = if csv.quotes && record.as_slice().contains(&b'\n') {
            "; it spans several lines: if quotes are characters like any other, set \
             `source.csv.quotes = false`"
        } else {
            ""
        };
        Error::data(format!(
            "{place}: {have} cells where {by} has {want} ({}); mend the line, or {drop}{quote}",
            shown(record, ", ")
        ))
    }
}

/// Rows on their way to the sink.
struct Chunk {
    names: Vec<String>,
    roles: Roles,
    columns: Vec<Interner>,
    numbers: Vec<u64>,
}

impl Chunk {
    fn new(names: Vec<String>, roles: Roles) -> Self {
        Self {
            columns: names.iter().map(|_| Interner::default()).collect(),
            names,
            roles,
            numbers: Vec::new(),
        }
    }

    fn push(&mut self, record: &ByteRecord, part: Option<&str>, row: u64) -> Result<(), BadRow> {
        let want = self.columns.len() - usize::from(part.is_some());
        if record.len() != want {
            return Err(BadRow {
                column: String::new(),
                what: "wrong number of cells",
                cells: (record.len(), want),
            });
        }
        let cells = record.iter().chain(part.map(str::as_bytes));
        for (at, (column, cell)) in self.columns.iter_mut().zip(cells).enumerate() {
            if let Err(bad) = column.push(cell) {
                for column in &mut self.columns {
                    column.truncate(self.numbers.len());
                }
                return Err(BadRow {
                    column: self.names[at].clone(),
                    what: bad.name(),
                    cells: (want, want),
                });
            }
        }
        self.numbers.push(row);
        Ok(())
    }

    fn take(&mut self) -> Log {
        let columns = self
            .names
            .iter()
            .zip(&mut self.columns)
            .map(|(name, column)| Column {
                name: name.clone(),
                cells: Cells::Text(column.take()),
            })
            .collect();
        Log::new(
            columns,
            std::mem::take(&mut self.numbers),
            self.roles.clone(),
        )
    }
}
