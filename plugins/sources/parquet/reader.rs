//! Row groups to chunks.

use std::ops::Range;

use musicrec_api::{Error, Log, Result};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;

use super::Parquet;
use super::file::{Column, Opened, open, said};
use super::pages::{calmly, pages};
use super::values::{Gathered, Meaning, Value};
use crate::common::chunk::Chunk;
use crate::common::input::Input;
use crate::common::{self, OfFiles as _, differ};

/// Rows that are read of each column at a time: few enough that long texts do not fill the memory
/// before a chunk ends.
const BATCH: usize = 1024;

/// Reads those of all files that are `wanted`, and gives how many rows they have.
pub(super) fn read(
    source: &Parquet,
    inputs: &[Input],
    wanted: Range<usize>,
    sink: &mut dyn FnMut(Log) -> Result<()>,
) -> Result<u64> {
    // The first file decides, even if it is not read.
    let mut chunk = match inputs.first().filter(|_| wanted.start > 0) {
        Some(first) => Some(begin(source, first)?.0),
        None => None,
    };
    let mut row = 0;
    for input in &inputs[wanted] {
        let (own, opened, columns) = begin(source, input)?;
        let chunk = match &mut chunk {
            None => chunk.insert(own),
            Some(chunk) if chunk.names == own.names => {
                same_kinds(chunk, &own.columns, input, &inputs[0])?;
                chunk
            }
            Some(chunk) => return Err(differ(&own.names, input, &chunk.names, &inputs[0]).into()),
        };
        let before = row;
        for (at, group) in opened.metadata.row_groups().iter().enumerate() {
            let damaged = |column: &Column, what: &str| {
                Error::data(format!(
                    "{}, row group {}, column `{}`: {what}; fetch or write the file again (`{}`)",
                    input.shown(),
                    at + 1,
                    column.name,
                    input.key()
                ))
            };
            let mut readers = Vec::with_capacity(columns.len());
            for column in &columns {
                let pages = calmly(|| pages(&opened.file, group, column.place))
                    .map_err(|e| damaged(column, &said(&e)))?;
                let description = group.column(column.place).column_descr_ptr();
                readers.push(Leaf::new(
                    get_column_reader(description, pages),
                    column.meaning,
                ));
            }
            let mut left = u64::try_from(group.num_rows()).unwrap_or(0);
            while left > 0 {
                let rows = (BATCH.min(chunk.room()) as u64).min(left) as usize;
                let mut bytes = 0;
                for ((leaf, column), cells) in
                    readers.iter_mut().zip(&columns).zip(&mut chunk.columns)
                {
                    match leaf.read(rows, cells) {
                        Ok(more) => bytes += more,
                        Err(Bad::Damaged(what)) => return Err(damaged(column, &what)),
                        Err(Bad::Value(place, what)) => {
                            return Err(Error::data(format!(
                                "{}, row {}, column `{}`: {what}, or list other columns in \
                                 `source.parquet.columns`",
                                input.shown(),
                                row + 1 + place as u64,
                                column.name
                            )));
                        }
                    }
                }
                if let (Some(part), Some(Gathered::Texts(last))) =
                    (&input.part, chunk.columns.last_mut())
                {
                    for _ in 0..rows {
                        // What a definition says is a text.
                        let _ = last.push(part.as_bytes());
                    }
                }
                for _ in 0..rows {
                    row += 1;
                    chunk.end_row(row, bytes / rows);
                }
                left -= rows as u64;
                if chunk.is_full() {
                    sink(chunk.take())?;
                }
            }
        }
        if row == before {
            return Err(Error::data(format!(
                "{} has no row; set `{}` to a file with rows",
                input.shown(),
                input.key()
            )));
        }
    }
    if let Some(mut chunk) = chunk
        && chunk.rows() > 0
    {
        sink(chunk.take())?;
    }
    Ok(row)
}

/// Opens a file, and begins a chunk with the columns that are wanted of it.
fn begin(source: &Parquet, input: &Input) -> Result<(Chunk<Gathered>, Opened, Vec<Column>)> {
    let names = source.look_at(input).sound()?;
    let opened = open(input)?;
    let columns = opened.wanted(&source.columns, input)?;
    let roles = source.roles(&names, input).map_err(common::first)?;
    let number = |name: &str| {
        [&roles.plays, &roles.seconds]
            .into_iter()
            .flatten()
            .any(|n| n == name)
    };
    let gathered = columns.iter().map(|c| c.meaning.cells(number(&c.name)));
    let part = input.part.iter().map(|_| Meaning::Text.cells(false));
    let gathered: Vec<Gathered> = gathered.chain(part).collect();
    Ok((Chunk::new(names, roles, gathered), opened, columns))
}

/// A column must have the same kind of cells in each file.
fn same_kinds(
    chunk: &Chunk<Gathered>,
    gathered: &[Gathered],
    input: &Input,
    first: &Input,
) -> Result<()> {
    for ((name, known), new) in chunk.names.iter().zip(&chunk.columns).zip(gathered) {
        if known.kind() != new.kind() {
            return Err(Error::data(format!(
                "{}: the column `{name}` holds {}, but {} in {}; files that are read together must \
                 have columns of the same types",
                input.shown(),
                new.kind(),
                known.kind(),
                first.shown()
            )));
        }
    }
    Ok(())
}

/// Why a batch of values could not be taken.
enum Bad {
    /// The file is damaged.
    Damaged(String),
    /// The value of that row of the batch, counted from 0, cannot be a cell.
    Value(usize, String),
}

impl From<ParquetError> for Bad {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(said(&error))
    }
}

/// A column of a row group, and room for what is read of it.
struct Leaf {
    reader: ColumnReader,
    meaning: Meaning,
    levels: Vec<i16>,
    text: String,
}

impl Leaf {
    fn new(reader: ColumnReader, meaning: Meaning) -> Self {
        Self {
            reader,
            meaning,
            levels: Vec::new(),
            text: String::new(),
        }
    }

    /// Reads so many rows; how many bytes of text they have.
    fn read(&mut self, rows: usize, cells: &mut Gathered) -> Result<usize, Bad> {
        let (levels, text, meaning) = (&mut self.levels, &mut self.text, self.meaning);
        let to = (meaning, cells);
        match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::Int32ColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::Int64ColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::Int96ColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::FloatColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::DoubleColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::ByteArrayColumnReader(reader) => take(reader, rows, levels, text, to),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                take(reader, rows, levels, text, to)
            }
        }
    }
}

/// Reads so many rows of a column. A level of 1 says that there is a value, one of 0 that there is none;
/// columns that have always one have no levels.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    levels: &mut Vec<i16>,
    text: &mut String,
    (meaning, cells): (Meaning, &mut Gathered),
) -> Result<usize, Bad>
where
    T::T: Value,
{
    levels.clear();
    let mut values: Vec<T::T> = Vec::with_capacity(rows);
    while levels.len().max(values.len()) < rows {
        let left = rows - levels.len().max(values.len());
        let read = || reader.read_records(left, Some(&mut *levels), None, &mut values);
        let (read, ..) = calmly(read)?;
        if read == 0 {
            break;
        }
    }
    let always = levels.is_empty() && values.len() == rows;
    let there = levels.iter().filter(|level| **level > 0).count();
    if !always && (levels.len() != rows || there != values.len()) {
        return Err(Bad::Damaged(
            "it has fewer values than its row group has rows".to_owned(),
        ));
    }
    if always {
        levels.resize(rows, 1);
    }
    let mut bytes = 0;
    let mut values = values.iter();
    for (row, level) in levels.iter().enumerate() {
        if *level > 0 {
            let value = values.next().expect("one for each level");
            let put = value.put(meaning, cells, text);
            bytes += put.map_err(|what| Bad::Value(row, what))?;
        } else {
            cells.missing();
        }
    }
    Ok(bytes)
}
