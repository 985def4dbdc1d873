use std::io::Write as _;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::json;

use super::trials::typed;
use super::{Columns, Values};

fn table() -> Columns {
    let mut table = Columns::default();
    let words = [Some("als, \"x\"\n🎵"), None, Some("")];
    table.push("word", words.into_iter().collect());
    table.push("count", [Some(3), None, Some(-1)].into_iter().collect());
    table.push(
        "value",
        [Some(0.1 + 0.2), None, Some(1e-7)].into_iter().collect(),
    );
    table.push(
        "flag",
        [Some(true), None, Some(false)].into_iter().collect(),
    );
    table
}

#[test]
fn csv_leaves_cells_of_nothing_empty_and_keeps_every_digit() {
    let expected = "word,count,value,flag\n\"als, \"\"x\"\"\n🎵\",3,0.30000000000000004,true\n,,,\n,-1,0.0000001,false\n";
    assert_eq!(table().csv(), expected);
}

#[test]
fn numbers_of_hundreds_of_digits_have_an_exponent() {
    let mut table = Columns::default();
    let values = [1e300, -1e-300, 0.0, 1e19, f64::MAX];
    table.push("x", values.into_iter().map(Some).collect());
    let expected = "x\n1e300\n-1e-300\n0\n10000000000000000000\n1.7976931348623157e308\n";
    assert_eq!(table.csv(), expected);
}

#[test]
fn parquet_has_types_and_tells_nothing_from_empty() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&table().parquet()).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .into_columns()
                .into_iter()
                .map(|(_, f)| f)
                .collect()
        })
        .collect();
    let expected = [
        vec![
            Field::Str("als, \"x\"\n🎵".to_owned()),
            Field::Long(3),
            Field::Double(0.1 + 0.2),
            Field::Bool(true),
        ],
        vec![Field::Null, Field::Null, Field::Null, Field::Null],
        vec![
            Field::Str(String::new()),
            Field::Long(-1),
            Field::Double(1e-7),
            Field::Bool(false),
        ],
    ];
    assert_eq!(rows, expected);
    assert_eq!(table().parquet(), table().parquet());
    assert!(!Columns::default().parquet().is_empty());
}

#[test]
fn parameters_become_the_narrowest_type_that_holds_them() {
    let of = |values: &[serde_json::Value]| {
        typed(
            values
                .iter()
                .map(|v| Some(v.clone()).filter(|v| !v.is_null()))
                .collect(),
        )
    };
    assert!(matches!(of(&[json!(true), json!(null)]), Values::Flag(_)));
    assert!(matches!(of(&[json!(16), json!(null)]), Values::Integer(v) if v == [Some(16), None]));
    assert!(
        matches!(of(&[json!(16), json!(0.5)]), Values::Number(v) if v == [Some(16.0), Some(0.5)])
    );
    let Values::Text(text) = of(&[json!("log"), json!(2), json!(["a"])]) else {
        panic!("text")
    };
    let text: Vec<String> = text.into_iter().flatten().collect();
    assert_eq!(text, ["log", "2", "[\"a\"]"]);
}
