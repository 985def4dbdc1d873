//! A log as a file: CSV or Parquet, all columns in their order.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use musicrec_api::{Log, MISSING, MISSING_TIME, View};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::cache::segments::ROWS;
use crate::stages::prepare::OnDisk;

/// Rows of a row group: what is held at once beside the log. As many as those of a part of one that is on disk, so that
/// both are written alike.
const GROUP: usize = ROWS;

/// The forms that a log is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text; times as RFC 3339 in UTC, missing cells empty.
    Csv,
    /// Typed; missing cells are null.
    Parquet,
}

impl Form {
    /// The form of a file by the ending of its name.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Writes a log; `progress` is told how many rows are written.
    pub(crate) fn write<W: Write + Send>(
        self,
        rows: Rows,
        to: W,
        progress: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        match self {
            Self::Csv => csv(rows, to, progress),
            Self::Parquet => parquet(rows, to, progress),
        }
    }
}

/// The rows that are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'l> {
    /// A log in memory.
    Held(&'l Log),
    /// One that is too large for that.
    OnDisk(&'l OnDisk),
}

impl Rows<'_> {
    /// Gives them in their order, in parts of which all but the last fill whole groups.
    fn each(self, sink: &mut dyn FnMut(&Log) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Held(log) => sink(log),
            Self::OnDisk(log) => log.each(sink),
        }
    }
}

fn csv(rows: Rows, to: impl Write, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(1 << 16)
        .from_writer(to);
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    };
    let mut before = None;
    rows.each(&mut |part| {
        if before.is_none() {
            writer.write_record(part.names()).map_err(failed)?;
        }
        let written = before.unwrap_or(0);
        let views: Vec<View> = part.views().collect();
        for row in 0..part.rows() {
            for view in &views {
                writer.write_field(&*view.show(row)).map_err(failed)?;
            }
            writer.write_record(None::<&[u8]>).map_err(failed)?;
            if row % GROUP == 0 {
                progress(written + row);
            }
        }
        before = Some(written + part.rows());
        Ok(())
    })?;
    writer.flush()
}

fn parquet<W: Write + Send>(rows: Rows, to: W, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
    let failed = |error: ParquetError| match error {
        ParquetError::External(error) => io::Error::other(error),
        error => io::Error::other(error),
    };
    let mut to = Some(to);
    let mut writer = None;
    let mut written = 0;
    rows.each(&mut |part| {
        if let Some(to) = to.take() {
            writer = Some(begin(part, to).map_err(failed)?);
        }
        let writer = writer.as_mut().expect("just made");
        for start in (0..part.rows()).step_by(GROUP) {
            let end = part.rows().min(start + GROUP);
            group(writer, part, start..end).map_err(failed)?;
            progress(written + start);
        }
        written += part.rows();
        Ok(())
    })?;
    writer
        .map_or(Ok(()), |writer| writer.close().map(drop))
        .map_err(failed)
}

/// A file for a log with the columns of one.
fn begin<W: Write + Send>(like: &Log, to: W) -> Result<SerializedFileWriter<W>> {
    let fields = like.names().zip(like.views());
    let fields = fields.map(|(name, view)| field(name, view));
    let schema = Type::group_type_builder("log")
        .with_fields(fields.collect::<Result<Vec<TypePtr>>>()?)
        .build()?;
    let properties = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED);
    let properties = Arc::new(properties.build());
    SerializedFileWriter::new(to, Arc::new(schema), properties)
}

/// Writes some rows.
fn group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    log: &Log,
    rows: Range<usize>,
) -> Result<()> {
    let mut group = writer.next_row_group()?;
    for view in log.views() {
        let rows = rows.clone();
        match view {
            View::Text(text) => {
                let values = text.values();
                let codes = rows.map(|row| Some(text.code(row)).filter(|c| *c != MISSING));
                let bytes = |code: u32| ByteArray::from(&values[code as usize]);
                column::<ByteArrayType, _, _>(&mut group, codes, bytes)?;
            }
            View::Number(numbers) => {
                let numbers = rows.map(|row| Some(numbers.get(row)).filter(|n| !n.is_nan()));
                column::<DoubleType, _, _>(&mut group, numbers, |number| number)?;
            }
            View::Time(times) => {
                let times = rows.map(|row| times.get(row));
                let times = times.map(|time| Some(time).filter(|t| *t != MISSING_TIME));
                let milliseconds = |time: i64| time.saturating_mul(1000);
                column::<Int64Type, _, _>(&mut group, times, milliseconds)?;
            }
        }
    }
    group.close()?;
    Ok(())
}

/// What a column is called and what is in it.
fn field(name: &str, view: View) -> Result<TypePtr> {
    let (physical, logical) = match view {
        View::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        View::Number(_) => (Physical::DOUBLE, None),
        // The coarsest unit there is; further from today than it reaches there are no dates.
        View::Time(_) => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        ),
    };
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

/// Writes the next column of a group.
fn column<D: DataType, V, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: impl Iterator<Item = Option<V>>,
    of: impl Fn(V) -> D::T,
) -> Result<()> {
    let (mut there, mut values) = (Vec::new(), Vec::new());
    for cell in cells {
        there.push(i16::from(cell.is_some()));
        values.extend(cell.map(&of));
    }
    let Some(mut column) = group.next_column()? else {
        return Ok(());
    };
    column
        .typed::<D>()
        .write_batch(&values, Some(&there), None)?;
    column.close()
}
