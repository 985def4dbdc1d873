//! Files as other programs write them, and damaged ones.

mod refused;

use std::path::Path;
use std::sync::Arc;

use musicrec_api::{Cells, CheckContext, Ledger, Log, Result, Source as _, SourceContext};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use tempfile::TempDir;

use super::Parquet;
use crate::common::testing::cells;

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// Writes a column of a group; `None` is null, which only optional columns may have.
fn write<T: DataType>(group: &mut Group, values: &[Option<T::T>])
where
    T::T: Clone,
{
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
    let there: Vec<T::T> = values.iter().flatten().cloned().collect();
    column
        .typed::<T>()
        .write_batch(&there, Some(&levels), None)
        .unwrap();
    column.close().unwrap();
}

fn texts(values: &[&str]) -> Vec<Option<ByteArray>> {
    let text = |text: &&str| (*text != "~").then(|| ByteArray::from(*text));
    values.iter().map(text).collect()
}

fn field(name: &str, physical: Physical, logical: Option<LogicalType>) -> Type {
    let length = if physical == Physical::FIXED_LEN_BYTE_ARRAY {
        16
    } else {
        -1
    };
    let (precision, scale) = match &logical {
        Some(LogicalType::Decimal(number)) => (number.precision, number.scale),
        _ => (-1, -1),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_length(length)
        .with_precision(precision)
        .with_scale(scale)
        .build()
        .unwrap()
}

fn schema(fields: Vec<Type>) -> Arc<Type> {
    let schema = Type::group_type_builder("schema");
    let fields = fields.into_iter().map(Arc::new).collect();
    Arc::new(schema.with_fields(fields).build().unwrap())
}

fn file(
    fields: Vec<Type>,
    properties: WriterProperties,
    groups: &[&dyn Fn(&mut Group)],
) -> Vec<u8> {
    let schema = schema(fields);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut open = writer.next_row_group().unwrap();
        group(&mut open);
        open.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn packed(compression: Compression) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(compression)
        .build()
}

/// A file of two columns of texts, in groups of rows.
fn plain(properties: WriterProperties, groups: &[&[[&str; 2]]]) -> Vec<u8> {
    let fields = ["user_id", "song_id"];
    let fields = fields.map(|f| field(f, Physical::BYTE_ARRAY, Some(LogicalType::String)));
    let schema = schema(fields.into());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        for at in 0..2 {
            let column: Vec<&str> = rows.iter().map(|row| row[at]).collect();
            write::<ByteArrayType>(&mut group, &texts(&column));
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn read(base: &Path, definition: serde_json::Value) -> Result<Log> {
    let source: Parquet = serde_json::from_value(definition).unwrap();
    let context = SourceContext::new(base, 0);
    let problems = source.check(&CheckContext::new(base));
    let print = source.fingerprint(&context);
    assert!(
        problems.is_empty() == print.is_ok(),
        "{problems:?} but {print:?}"
    );
    print?;
    let mut chunks = Vec::new();
    source.read(&context, &mut Ledger::default(), &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    let log = Log::concat(chunks)?.expect("a log without rows is an error");
    let names: Vec<String> = log.names().map(str::to_owned).collect();
    assert_eq!(source.columns(&context), Some(names));
    Ok(log)
}

fn read_bytes(bytes: &[u8], definition: &str) -> Result<Log> {
    let folder = folder(&[("a.parquet", bytes)]);
    let mut definition = json(definition);
    definition["path"] = "a.parquet".into();
    read(folder.path(), definition)
}

fn said(bytes: &[u8], definition: &str, words: &[&str]) {
    let text = read_bytes(bytes, definition).unwrap_err().to_string();
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

/// Two files that pyarrow wrote with `compression="zstd"`, one column by a dictionary and two without.
const ZSTD: [&[u8]; 2] = [
    include_bytes!("tests/zstd_pages_v1.parquet"),
    include_bytes!("tests/zstd_pages_v2.parquet"),
];

/// Columns of every type that can be read, and what their two rows (the second all null) come to.
fn every_type() -> (Vec<u8>, Vec<(&'static str, &'static str)>) {
    let logical = |name: &str, physical, logical| field(name, physical, Some(logical));
    let time = |unit| LogicalType::timestamp(true, unit);
    let fields = vec![
        field("user_id", Physical::INT64, None),
        logical("song_id", Physical::BYTE_ARRAY, LogicalType::String),
        logical("timestamp", Physical::INT64, time(TimeUnit::MICROS)),
        field("play_count", Physical::INT32, None),
        field("listen_seconds", Physical::FLOAT, None),
        logical("millis", Physical::INT64, time(TimeUnit::MILLIS)),
        logical(
            "nanos",
            Physical::INT64,
            LogicalType::timestamp(false, TimeUnit::NANOS),
        ),
        field("old", Physical::INT96, None),
        logical("day", Physical::INT32, LogicalType::Date),
        field("flag", Physical::BOOLEAN, None),
        field("ratio", Physical::DOUBLE, None),
        logical("large", Physical::INT64, LogicalType::integer(64, false)),
        logical("small", Physical::INT32, LogicalType::integer(32, false)),
        logical("price", Physical::INT32, LogicalType::decimal(2, 9)),
        logical("id", Physical::FIXED_LEN_BYTE_ARRAY, LogicalType::Uuid),
        field("bytes", Physical::BYTE_ARRAY, None),
    ];
    let rows = |group: &mut Group| {
        write::<Int64Type>(group, &[Some(9_007_199_254_740_993), None]);
        write::<ByteArrayType>(group, &texts(&["sé", "~"]));
        write::<Int64Type>(group, &[Some(1_762_815_420_900_000), None]);
        write::<Int32Type>(group, &[Some(-3), None]);
        write::<FloatType>(group, &[Some(0.5), None]);
        write::<Int64Type>(group, &[Some(-1), None]);
        write::<Int64Type>(group, &[Some(1_762_815_420_000_000_001), None]);
        let mut old = Int96::new();
        old.set_data(0, 0, 2_440_589);
        write::<Int96Type>(group, &[Some(old), None]);
        write::<Int32Type>(group, &[Some(20_402), None]);
        write::<BoolType>(group, &[Some(true), None]);
        write::<DoubleType>(group, &[Some(12_345.0), Some(f64::NAN)]);
        write::<Int64Type>(group, &[Some(-1), None]);
        write::<Int32Type>(group, &[Some(-1), None]);
        write::<Int32Type>(group, &[Some(-5), None]);
        let id = FixedLenByteArray::from((0..16).collect::<Vec<u8>>());
        write::<FixedLenByteArrayType>(group, &[Some(id), None]);
        write::<ByteArrayType>(group, &texts(&["plain", "~"]));
    };
    let expected = vec![
        ("user_id", "9007199254740993"),
        ("song_id", "sé"),
        ("timestamp", "2025-11-10T22:57:00Z"),
        ("play_count", "-3"),
        ("listen_seconds", "0.5"),
        ("millis", "1969-12-31T23:59:59Z"),
        ("nanos", "2025-11-10T22:57:00Z"),
        ("old", "1970-01-02T00:00:00Z"),
        ("day", "2025-11-10T00:00:00Z"),
        ("flag", "true"),
        ("ratio", "12345"),
        ("large", "18446744073709551615"),
        ("small", "4294967295"),
        ("price", "-0.05"),
        ("id", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("bytes", "plain"),
    ];
    (
        file(fields, packed(Compression::SNAPPY), &[&rows]),
        expected,
    )
}

#[test]
fn every_type_becomes_cells_and_null_a_missing_one() {
    let (bytes, expected) = every_type();
    let log = read_bytes(&bytes, "{}").unwrap();
    let shown = cells(&log);
    for (at, (name, value)) in expected.iter().enumerate() {
        assert_eq!(
            (log.columns()[at].name.as_str(), shown[0][at].as_str()),
            (*name, *value)
        );
        assert_eq!(shown[1][at], "~", "{name}");
    }
    let kind = |name: &str| match log.column(name).unwrap() {
        Cells::Text(_) => "text",
        Cells::Number(_) => "number",
        Cells::Time(_) => "time",
    };
    for number in ["play_count", "listen_seconds"] {
        assert_eq!(kind(number), "number");
    }
    for time in ["timestamp", "millis", "nanos", "old", "day"] {
        assert_eq!(kind(time), "time");
    }
    for text in ["user_id", "ratio", "large", "flag", "price"] {
        assert_eq!(kind(text), "text");
    }
}

#[test]
fn columns_are_chosen_in_the_order_named() {
    let (bytes, _) = every_type();
    let log = read_bytes(
        &bytes,
        r#"{"columns": ["song_id", "price", "user_id"], "plays": "price"}"#,
    );
    let log = log.unwrap();
    assert_eq!(cells(&log)[0], ["sé", "-0.05", "9007199254740993"]);
    assert!(matches!(log.column("price").unwrap(), Cells::Number(_)));
    said(
        &bytes,
        r#"{"columns": ["song_id", "user_ids"]}"#,
        &["no column `user_ids`", "did you mean `user_id`"],
    );
    said(
        &bytes,
        r#"{"columns": ["song_id", "flag"]}"#,
        &[
            "no column `user_id`; it has song_id, flag",
            "add `user_id` to `source.parquet.columns`",
        ],
    );
    said(
        &bytes,
        r#"{"columns": ["song_id", "song_id"]}"#,
        &["names `song_id` twice"],
    );
}

#[test]
fn row_groups_pages_and_packings_do_not_matter() {
    let rows: Vec<[String; 2]> = (0..5000)
        .map(|at| {
            [
                format!("u{}", at % 7),
                if at % 5 == 0 {
                    "~".to_owned()
                } else {
                    format!("s{at}")
                },
            ]
        })
        .collect();
    let rows: Vec<[&str; 2]> = rows
        .iter()
        .map(|row| row.each_ref().map(String::as_str))
        .collect();
    let (one, two) = rows.split_at(1234);
    let gzip = Compression::GZIP(parquet::basic::GzipLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = WriterProperties::builder()
                .set_compression(compression)
                .set_writer_version(version)
                .set_dictionary_enabled(version == WriterVersion::PARQUET_1_0)
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(50);
            let properties = if version == WriterVersion::PARQUET_2_0 {
                properties.set_encoding(Encoding::DELTA_BYTE_ARRAY)
            } else {
                properties
            };
            let log = read_bytes(&plain(properties.build(), &[one, &[], two]), "{}").unwrap();
            assert!(cells(&log) == rows, "{compression} {version:?}");
            assert_eq!(log.numbers()[4999], 5000);
        }
    }
}

#[test]
fn pages_of_zstandard_are_unpacked() {
    let expected = [
        ["u1", "1", "2025-11-10T22:57:00Z"],
        ["u2", "~", "~"],
        ["u1", "3", "1969-12-31T23:59:59Z"],
    ];
    for bytes in ZSTD {
        assert_eq!(cells(&read_bytes(bytes, "{}").unwrap()), expected);
    }
}

#[test]
fn several_files_must_be_alike() {
    let one = plain(packed(Compression::SNAPPY), &[&[["u1", "s1"]]]);
    let fields = |physical| {
        vec![
            field("user_id", Physical::INT32, None),
            field("song_id", physical, None),
        ]
    };
    let rows = |group: &mut Group| {
        write::<Int32Type>(group, &[Some(7)]);
        write::<Int64Type>(group, &[Some(8)]);
    };
    let two = file(
        fields(Physical::INT64),
        packed(Compression::UNCOMPRESSED),
        &[&rows],
    );
    let folder = folder(&[("a-2.parquet", &two), ("a-1.parquet", &one)]);
    let log = read(folder.path(), json(r#"{"path": "a-*.parquet"}"#)).unwrap();
    assert_eq!(cells(&log), [["u1", "s1"], ["7", "8"]]);
    let log = read(
        folder.path(),
        json(r#"{"files": {"train": "a-2.parquet", "test": "a-1.parquet"}}"#),
    );
    assert_eq!(
        cells(&log.unwrap()),
        [["7", "8", "train"], ["u1", "s1", "test"]]
    );
    // The same names, but times in one and texts in the other.
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let fields = vec![
        field("user_id", Physical::INT32, None),
        field("song_id", Physical::INT64, Some(time)),
    ];
    let odd = file(fields, packed(Compression::UNCOMPRESSED), &[&rows]);
    std::fs::write(folder.path().join("a-3.parquet"), odd).unwrap();
    let error = read(folder.path(), json(r#"{"path": "a-*.parquet"}"#))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`song_id` holds times, but text in"),
        "{error}"
    );
}
