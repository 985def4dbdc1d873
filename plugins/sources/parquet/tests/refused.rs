//! What cannot be read, and damaged files.

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::schema::types::Type;

use super::{Group, ZSTD, cells, field, file, packed, plain, read_bytes, said, texts, write};

#[test]
fn what_cannot_be_read_is_told_with_its_column() {
    let list = Type::primitive_type_builder("tags", Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REPEATED)
        .build()
        .unwrap();
    let inner = Type::group_type_builder("artist")
        .with_repetition(Repetition::REQUIRED)
        .with_fields(vec![std::sync::Arc::new(field(
            "name",
            Physical::BYTE_ARRAY,
            None,
        ))])
        .build()
        .unwrap();
    let text = |name: &str| field(name, Physical::BYTE_ARRAY, Some(LogicalType::String));
    let rows = |group: &mut Group| {
        write::<ByteArrayType>(group, &texts(&["u1"]));
        write::<ByteArrayType>(group, &texts(&["name"]));
        write::<ByteArrayType>(group, &texts(&["s1"]));
    };
    let nested = file(
        vec![text("user_id"), inner, text("song_id")],
        packed(Compression::SNAPPY),
        &[&rows],
    );
    said(
        &nested,
        "{}",
        &[
            "the column `artist` holds columns or lists",
            "source.parquet.columns",
        ],
    );
    let log = read_bytes(&nested, r#"{"columns": ["user_id", "song_id"]}"#).unwrap();
    assert_eq!(cells(&log), [["u1", "s1"]]);
    let repeated = file(
        vec![text("user_id"), list],
        packed(Compression::SNAPPY),
        &[],
    );
    said(
        &repeated,
        "{}",
        &["the column `tags` holds columns or lists"],
    );
    let clock = field(
        "at",
        Physical::INT64,
        Some(LogicalType::time(true, TimeUnit::MICROS)),
    );
    said(
        &file(
            vec![text("user_id"), clock],
            packed(Compression::SNAPPY),
            &[],
        ),
        "{}",
        &["the column `at` holds values of the type Time"],
    );
    let twice = file(vec![text("x"), text("x")], packed(Compression::SNAPPY), &[]);
    said(&twice, "{}", &["two columns `x`"]);
    let empty = plain(packed(Compression::SNAPPY), &[]);
    said(
        &empty,
        "{}",
        &["a.parquet has no row", "source.parquet.path"],
    );
}

#[test]
fn values_that_cannot_be_cells_are_told_with_their_row() {
    let text = |name: &str| field(name, Physical::BYTE_ARRAY, Some(LogicalType::String));
    let bad = |group: &mut Group| {
        write::<ByteArrayType>(
            group,
            &[Some(ByteArray::from("u")), Some(ByteArray::from("u"))],
        );
        write::<ByteArrayType>(
            group,
            &[
                Some(ByteArray::from("s")),
                Some(ByteArray::from(vec![0xe9])),
            ],
        );
    };
    let bad = file(
        vec![text("user_id"), text("song_id")],
        packed(Compression::SNAPPY),
        &[&bad],
    );
    said(
        &bad,
        "{}",
        &["a.parquet, row 2, column `song_id`: not UTF-8"],
    );
    let late = |group: &mut Group| {
        write::<ByteArrayType>(group, &texts(&["u"]));
        write::<Int64Type>(group, &[Some(i64::MAX)]);
    };
    let time = field(
        "song_id",
        Physical::INT64,
        Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
    );
    let late = file(
        vec![text("user_id"), time],
        packed(Compression::SNAPPY),
        &[&late],
    );
    said(
        &late,
        "{}",
        &["row 1, column `song_id`: a time", "beyond the years"],
    );
}

#[test]
fn damaged_files_are_refused() {
    said(
        b"",
        "{}",
        &["a.parquet is no Parquet file, or it was cut short"],
    );
    said(
        b"user_id,song_id\nu1,s1\n",
        "{}",
        &["no Parquet file", "[source.csv]"],
    );
    let good = plain(
        packed(Compression::SNAPPY),
        &[&[["u1", "s1"], ["u2", "s2"]]],
    );
    said(
        &good[..good.len() - 9],
        "{}",
        &["cut short", "source.parquet.path"],
    );
    // Whatever byte is changed, the file is read or refused; no panic gets out.
    for good in [good.as_slice(), ZSTD[0], ZSTD[1]] {
        let mut refused = 0;
        for at in 0..good.len() {
            for change in [1, 0x80] {
                let mut other = good.to_vec();
                other[at] ^= change;
                refused += u32::from(read_bytes(&other, "{}").is_err());
            }
        }
        assert!(refused > 100, "{refused}");
    }
}
