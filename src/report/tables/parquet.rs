//! Tables as Parquet, which notebooks read with the types of the columns.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Column, Columns, Values};
use crate::records::SCHEMA;

impl Columns {
    /// The same as [`Columns::csv`], and nothing where that has an empty cell for no value. The version of
    /// the columns stands in the file under `musicrec_lab_schema`.
    pub(crate) fn parquet(&self) -> Vec<u8> {
        self.written().expect("writing plain columns to memory")
    }

    fn written(&self) -> Result<Vec<u8>> {
        let fields = self.0.iter().map(field).collect::<Result<Vec<TypePtr>>>()?;
        let schema = Type::group_type_builder("table")
            .with_fields(fields)
            .build()?;
        let version = KeyValue::new("musicrec_lab_schema".to_owned(), SCHEMA.to_string());
        let properties = WriterProperties::builder()
            .set_key_value_metadata(Some(vec![version]))
            .build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for column in &self.0 {
            match &column.values {
                Values::Text(values) => {
                    let bytes = |text: &String| ByteArray::from(text.as_str());
                    write::<ByteArrayType, _>(&mut group, values, bytes)?;
                }
                Values::Integer(values) => write::<Int64Type, _>(&mut group, values, |v| *v)?,
                Values::Number(values) => write::<DoubleType, _>(&mut group, values, |v| *v)?,
                Values::Flag(values) => write::<BoolType, _>(&mut group, values, |v| *v)?,
            }
        }
        group.close()?;
        writer.into_inner()
    }
}

/// What a column is called and what is in it.
fn field(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.values {
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Values::Integer(_) => (Physical::INT64, None),
        Values::Number(_) => (Physical::DOUBLE, None),
        Values::Flag(_) => (Physical::BOOLEAN, None),
    };
    let field = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

/// Writes the next column: the values that are there, and where they are.
fn write<D: DataType, V>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[Option<V>],
    of: impl Fn(&V) -> D::T,
) -> Result<()> {
    let there: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
    let values: Vec<D::T> = values.iter().flatten().map(of).collect();
    let Some(mut column) = group.next_column()? else {
        return Ok(());
    };
    column
        .typed::<D>()
        .write_batch(&values, Some(&there), None)?;
    column.close()
}
