//! What the values of a column mean, and the cells that they become.

use std::fmt::Write as _;

use musicrec_api::{Cells, MISSING_TIME};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescriptor;

use crate::common::chunk::Growing;
use crate::common::interner::Interner;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The Julian day of 1 January 1970, from which days of INT96 are counted.
const EPOCH: i64 = 2_440_588;
/// The first and the last second that can be written, of the years -9999 and 9999.
const SECONDS: (i64, i64) = (-377_705_023_201, 253_402_207_200);

/// What the values of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Flag,
    Whole,
    /// Whole numbers that are never negative, so that the highest bit is one like the others.
    Unsigned,
    /// Whole numbers with so many digits behind the point.
    Decimal(u8),
    Fractional,
    Text,
    Uuid,
    /// Days since 1970.
    Date,
    /// Time since 1970, so many of it a second.
    Time(i64),
    /// A time as a day and nanoseconds, in 12 bytes.
    Old,
}

impl Meaning {
    /// What a column's values mean, or what they are if they cannot be read.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        let decimal = |scale: i32| match u8::try_from(scale) {
            Ok(scale) if scale <= 38 => Ok(Self::Decimal(scale)),
            _ => Err("decimals of an impossible scale".to_owned()),
        };
        let whole = matches!(column.physical_type(), Type::INT32 | Type::INT64);
        let bytes = column.physical_type() == Type::BYTE_ARRAY;
        match column.logical_type_ref() {
            Some(LogicalType::Uuid) if column.type_length() == 16 => return Ok(Self::Uuid),
            Some(LogicalType::Timestamp(time)) if column.physical_type() == Type::INT64 => {
                return Ok(Self::Time(match time.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                }));
            }
            Some(LogicalType::Date) if column.physical_type() == Type::INT32 => {
                return Ok(Self::Date);
            }
            Some(LogicalType::Decimal(number)) if whole => return decimal(number.scale),
            Some(LogicalType::Integer(number)) if whole => {
                return Ok(if number.is_signed {
                    Self::Whole
                } else {
                    Self::Unsigned
                });
            }
            Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) if bytes => {
                return Ok(Self::Text);
            }
            None | Some(LogicalType::Unknown) => {}
            Some(other) => return Err(format!("values of the type {other:?}")),
        }
        match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS if column.physical_type() == Type::INT64 => {
                return Ok(Self::Time(1_000));
            }
            ConvertedType::TIMESTAMP_MICROS if column.physical_type() == Type::INT64 => {
                return Ok(Self::Time(1_000_000));
            }
            ConvertedType::DATE if column.physical_type() == Type::INT32 => return Ok(Self::Date),
            ConvertedType::DECIMAL if whole => return decimal(column.type_scale()),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64
                if whole =>
            {
                return Ok(Self::Unsigned);
            }
            ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64
            | ConvertedType::UTF8
            | ConvertedType::ENUM
            | ConvertedType::JSON
            | ConvertedType::NONE => {}
            other => return Err(format!("values of the type {other}")),
        }
        match column.physical_type() {
            Type::BOOLEAN => Ok(Self::Flag),
            Type::INT32 | Type::INT64 => Ok(Self::Whole),
            Type::FLOAT | Type::DOUBLE => Ok(Self::Fractional),
            // Older programs do not say that bytes are text.
            Type::BYTE_ARRAY => Ok(Self::Text),
            Type::INT96 => Ok(Self::Old),
            Type::FIXED_LEN_BYTE_ARRAY => Err("bytes that are no text".to_owned()),
        }
    }

    /// What such values are gathered in: numbers stay numbers only where that is wanted.
    pub(super) fn cells(self, numbers: bool) -> Gathered {
        match self {
            Self::Date | Self::Time(_) | Self::Old => Gathered::Times(Vec::new()),
            Self::Whole | Self::Unsigned | Self::Fractional | Self::Decimal(_) if numbers => {
                Gathered::Numbers(Vec::new())
            }
            _ => Gathered::Texts(Interner::default()),
        }
    }
}

/// The cells of a column, as they come.
pub(super) enum Gathered {
    Texts(Interner),
    Numbers(Vec<f64>),
    Times(Vec<i64>),
}

impl Gathered {
    /// What the cells are, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Texts(_) => "text",
            Self::Numbers(_) => "numbers",
            Self::Times(_) => "times",
        }
    }

    pub(super) fn missing(&mut self) {
        match self {
            Self::Texts(texts) => texts.push_missing(),
            Self::Numbers(numbers) => numbers.push(f64::NAN),
            Self::Times(times) => times.push(MISSING_TIME),
        }
    }
}

impl Growing for Gathered {
    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Texts(texts) => texts.truncate(rows),
            Self::Numbers(numbers) => numbers.truncate(rows),
            Self::Times(times) => times.truncate(rows),
        }
    }

    fn take(&mut self) -> Cells {
        match self {
            Self::Texts(texts) => Cells::Text(texts.take()),
            Self::Numbers(numbers) => Cells::Number(std::mem::take(numbers)),
            Self::Times(times) => Cells::Time(std::mem::take(times)),
        }
    }
}

/// A value on its way from the file to a cell. `text` is there to be written in; given back is how many
/// bytes of text the cell took.
pub(super) trait Value {
    fn put(
        &self,
        meaning: Meaning,
        cells: &mut Gathered,
        text: &mut String,
    ) -> Result<usize, String>;
}

/// What came together that does not belong together: types that contradict each other.
fn odd() -> Result<usize, String> {
    Err("its type is not what the file says".to_owned())
}

fn put_text(cells: &mut Gathered, bytes: &[u8]) -> Result<usize, String> {
    let Gathered::Texts(texts) = cells else {
        return odd();
    };
    texts.push(bytes).map_err(|bad| match bad.name() {
        "not UTF-8" => "not UTF-8; write the file again with this column as text".to_owned(),
        name => format!("a {name}; write the file again without"),
    })?;
    Ok(bytes.len())
}

fn put_time(cells: &mut Gathered, seconds: i64) -> Result<usize, String> {
    let Gathered::Times(times) = cells else {
        return odd();
    };
    if seconds < SECONDS.0 || seconds > SECONDS.1 {
        return Err(format!(
            "a time {seconds} seconds from 1970, beyond the years -9999 to 9999"
        ));
    }
    times.push(seconds);
    Ok(0)
}

/// A whole number of whatever width; `unsigned` is the same bits without a sign.
fn put_whole(
    (signed, unsigned): (i64, u64),
    meaning: Meaning,
    cells: &mut Gathered,
    text: &mut String,
) -> Result<usize, String> {
    match (meaning, &mut *cells) {
        (Meaning::Date, _) => return put_time(cells, signed.saturating_mul(DAY)),
        (Meaning::Time(a_second), _) => return put_time(cells, signed.div_euclid(a_second)),
        (Meaning::Whole, Gathered::Numbers(numbers)) => numbers.push(signed as f64),
        (Meaning::Unsigned, Gathered::Numbers(numbers)) => numbers.push(unsigned as f64),
        // Both are exact, so the quotient is the number nearest to what was written.
        (Meaning::Decimal(digits), Gathered::Numbers(numbers)) if digits <= 22 => {
            numbers.push(signed as f64 / 10f64.powi(i32::from(digits)));
        }
        (meaning, Gathered::Texts(_)) => {
            text.clear();
            let written = match meaning {
                Meaning::Unsigned => write!(text, "{unsigned}"),
                Meaning::Decimal(digits) => {
                    decimal(text, signed, usize::from(digits));
                    Ok(())
                }
                _ => write!(text, "{signed}"),
            };
            written.map_err(|e| e.to_string())?;
            return put_text(cells, text.as_bytes());
        }
        _ => return odd(),
    }
    Ok(0)
}

/// A whole number with a point before the last digits.
fn decimal(text: &mut String, number: i64, digits: usize) {
    let sign = if number < 0 { "-" } else { "" };
    let plain = format!("{:0>width$}", number.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = plain.split_at(plain.len() - digits);
    *text += sign;
    *text += whole;
    if digits > 0 {
        text.push('.');
        *text += fraction;
    }
}

fn put_fractional(
    number: f64,
    written: &dyn std::fmt::Display,
    cells: &mut Gathered,
    text: &mut String,
) -> Result<usize, String> {
    if number.is_nan() {
        cells.missing();
        return Ok(0);
    }
    match cells {
        Gathered::Numbers(_) if number.is_infinite() => {
            Err("an infinite number; write the file again without".to_owned())
        }
        Gathered::Numbers(numbers) => {
            numbers.push(number);
            Ok(0)
        }
        Gathered::Texts(_) => {
            text.clear();
            write!(text, "{written}").map_err(|e| e.to_string())?;
            put_text(cells, text.as_bytes())
        }
        Gathered::Times(_) => odd(),
    }
}

impl Value for bool {
    fn put(&self, _: Meaning, cells: &mut Gathered, _: &mut String) -> Result<usize, String> {
        put_text(cells, if *self { b"true" } else { b"false" })
    }
}

impl Value for i32 {
    fn put(
        &self,
        meaning: Meaning,
        cells: &mut Gathered,
        text: &mut String,
    ) -> Result<usize, String> {
        let both = (i64::from(*self), u64::from(self.cast_unsigned()));
        put_whole(both, meaning, cells, text)
    }
}

impl Value for i64 {
    fn put(
        &self,
        meaning: Meaning,
        cells: &mut Gathered,
        text: &mut String,
    ) -> Result<usize, String> {
        put_whole((*self, self.cast_unsigned()), meaning, cells, text)
    }
}

impl Value for f32 {
    fn put(&self, _: Meaning, cells: &mut Gathered, text: &mut String) -> Result<usize, String> {
        put_fractional(f64::from(*self), self, cells, text)
    }
}

impl Value for f64 {
    fn put(&self, _: Meaning, cells: &mut Gathered, text: &mut String) -> Result<usize, String> {
        put_fractional(*self, self, cells, text)
    }
}

impl Value for Int96 {
    fn put(&self, _: Meaning, cells: &mut Gathered, _: &mut String) -> Result<usize, String> {
        let parts = self.data();
        let nanoseconds = u64::from(parts[1]) << 32 | u64::from(parts[0]);
        let days = i64::from(parts[2].cast_signed()) - EPOCH;
        put_time(cells, days * DAY + (nanoseconds / 1_000_000_000) as i64)
    }
}

impl Value for ByteArray {
    fn put(&self, _: Meaning, cells: &mut Gathered, _: &mut String) -> Result<usize, String> {
        put_text(cells, self.data())
    }
}

impl Value for FixedLenByteArray {
    fn put(
        &self,
        meaning: Meaning,
        cells: &mut Gathered,
        text: &mut String,
    ) -> Result<usize, String> {
        if meaning != Meaning::Uuid {
            return odd();
        }
        text.clear();
        for (at, byte) in self.data().iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            write!(text, "{byte:02x}").map_err(|e| e.to_string())?;
        }
        put_text(cells, text.as_bytes())
    }
}
