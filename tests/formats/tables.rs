//! The tables for programs: CSV against `report.json`, Parquet against CSV.

use std::collections::BTreeMap;
use std::fs::File;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value, json};

use crate::swept::{Swept, labels, list, text};

/// Rows as maps from column to cell.
type Rows = Vec<Map<String, Value>>;

/// A table: its columns in order, and its cells as text.
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn read(csv: &str) -> Self {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = owned(reader.headers().expect("a header"));
        let rows = reader.records().map(|row| owned(&row.expect("a row")));
        Self {
            rows: rows.collect(),
            header,
        }
    }
}

/// What of a CSV table is not what `report.json` says, to the last digit.
pub(crate) fn csv_faults(name: &str, report: &Value, csv: &str) -> Vec<String> {
    let expected = match name {
        "leaderboard" => leaderboard(report),
        "trials" => trials(report),
        "comparisons" => comparisons(report),
        "segments" => segments(report),
        other => panic!("{other}"),
    };
    let table = Table::read(csv);
    let mut faults = Vec::new();
    if table.rows.len() != expected.len() {
        faults.push(format!("{name}: {} rows", table.rows.len()));
    }
    for (at, (row, expected)) in table.rows.iter().zip(&expected).enumerate() {
        let columns: Vec<&String> = expected.keys().collect();
        if columns != table.header.iter().collect::<Vec<_>>() {
            faults.push(format!(
                "{name}: columns {:?}, not {columns:?}",
                table.header
            ));
        }
        for ((column, expected), cell) in expected.iter().zip(row) {
            let same = match expected {
                Value::Null => cell.is_empty(),
                Value::String(text) => cell == text,
                Value::Number(n) if n.is_f64() => cell.parse() == Ok(n.as_f64().expect("it is")),
                Value::Number(n) => cell.parse().ok() == n.as_i64(),
                Value::Bool(flag) => cell.parse() == Ok(*flag),
                other => panic!("{column}: {other}"),
            };
            if !same {
                faults.push(format!("{name} row {at} {column}: {cell}, not {expected}"));
            }
        }
    }
    faults
}

/// What of a Parquet table is not as in CSV, in value or type.
pub(crate) fn parquet_faults(
    name: &str,
    csv: &str,
    parquet: &[Vec<(String, Field)>],
) -> Vec<String> {
    let table = Table::read(csv);
    let mut faults = Vec::new();
    if table.rows.len() != parquet.len() {
        faults.push(format!("{name}: {} rows", parquet.len()));
    }
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    for (at, (row, fields)) in table.rows.iter().zip(parquet).enumerate() {
        let columns: Vec<&String> = fields.iter().map(|(column, _)| column).collect();
        if columns != table.header.iter().collect::<Vec<_>>() {
            faults.push(format!("{name}: columns {columns:?}"));
        }
        for ((column, field), cell) in fields.iter().zip(row) {
            let (kind, same) = match field {
                Field::Null => ("", cell.is_empty()),
                Field::Str(text) => ("text", text == cell),
                Field::Long(number) => ("integer", cell.parse() == Ok(*number)),
                Field::Double(number) => ("number", cell.parse() == Ok(*number)),
                Field::Bool(flag) => ("flag", cell.parse() == Ok(*flag)),
                other => panic!("{column}: {other:?}"),
            };
            let known = types.entry(column).or_insert(kind);
            if known.is_empty() {
                *known = kind;
            }
            if !same || (!kind.is_empty() && *known != kind) {
                faults.push(format!("{name} row {at} {column}: {field:?}, not {cell}"));
            }
        }
    }
    for (column, kind) in types {
        // A column of nothing has no type to see, and a parameter may be anything.
        if !kind.is_empty() && !column.starts_with("parameter_") && kind != expected_type(column) {
            faults.push(format!("{name}: {column} is a {kind}"));
        }
    }
    faults
}

fn expected_type(column: &str) -> &'static str {
    let counts = [
        "trial",
        "trials",
        "seeds",
        "seed",
        "rank",
        "users",
        "wins",
        "ties",
        "losses",
        "peak_bytes",
    ];
    let texts = [
        "variant", "settings", "group", "records", "family", "metric", "a", "b", "method", "by",
        "of", "segment", "failure", "stopped", "user",
    ];
    match column {
        column if counts.contains(&column) => "integer",
        column if texts.contains(&column) => "text",
        "few" | "informative" | "chosen" => "flag",
        _ => "number",
    }
}

/// The rows of a Parquet file.
pub(crate) fn parquet(swept: &Swept, name: &str) -> Vec<Vec<(String, Field)>> {
    let path = swept.lab.path(swept.folder).join(name);
    let reader = SerializedFileReader::new(File::open(path).expect("a file")).expect("Parquet");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row").into_columns()).collect()
}

/// What of `per_user.parquet` is not row by row in the attachments of the records on the leaderboard.
pub(crate) fn per_user_faults(swept: &Swept, rows: &[Vec<(String, Field)>]) -> Vec<String> {
    let ids_shown = swept.report["report"]["show_ids"] == true;
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut expected: Vec<Vec<Field>> = Vec::new();
    let mut header: Vec<String> = Vec::new();
    for row in list(&swept.report["leaderboard"]) {
        for id in list(&row["records"]) {
            let record = swept.record(text(id));
            let table =
                Table::read(&swept.text(text(&record["result"]["attachments"]["per_user"])));
            header = [
                &["variant".to_owned(), "seed".to_owned()],
                &table.header[..],
            ]
            .concat();
            for cells in table.rows {
                let next = numbers.len() + 1;
                let number = *numbers.entry(cells[0].clone()).or_insert(next);
                let user = if ids_shown {
                    cells[0].clone()
                } else {
                    format!("user {number}")
                };
                let seed = record["result"]["repeat"].as_i64().expect("a seed");
                let mut fields = vec![
                    Field::Str(text(&row["variant"]).to_owned()),
                    Field::Long(seed),
                    Field::Str(user),
                ];
                let values = cells[1..]
                    .iter()
                    .map(|cell| cell.parse().expect("a number"));
                fields.extend(values.map(Field::Double));
                expected.push(fields);
            }
        }
    }
    let mut faults = Vec::new();
    if rows.len() != expected.len() || rows.is_empty() {
        faults.push(format!(
            "per_user: {} rows, not {}",
            rows.len(),
            expected.len()
        ));
    }
    for (at, (row, expected)) in rows.iter().zip(&expected).enumerate() {
        let columns: Vec<&String> = row.iter().map(|(column, _)| column).collect();
        if columns != header.iter().collect::<Vec<_>>() {
            faults.push(format!("per_user: columns {columns:?}, not {header:?}"));
        }
        if row.iter().map(|(_, field)| field).ne(expected) {
            faults.push(format!("per_user row {at}: {row:?}, not {expected:?}"));
        }
    }
    faults
}

fn leaderboard(report: &Value) -> Rows {
    let labels = labels(report);
    let of_row = |row: &Value| {
        let mut cells = Map::new();
        for key in ["variant", "settings", "trials", "seeds", "rank", "group"] {
            cells.insert(key.to_owned(), row[key].clone());
        }
        for label in &labels {
            let test = &row["test"][label];
            cells.insert(format!("test_{label}"), test["value"].clone());
            cells.insert(format!("test_{label}_low"), test["low"].clone());
            cells.insert(format!("test_{label}_high"), test["high"].clone());
        }
        for (name, key) in [("seed_sd", "seed_sd"), ("validation", "validation")] {
            for label in &labels {
                cells.insert(format!("{name}_{label}"), row[key][label].clone());
            }
        }
        for key in ["difference", "best_minus_this"] {
            cells.insert(key.to_owned(), row[key]["value"].clone());
            for end in ["low", "high", "p_adjusted"] {
                cells.insert(format!("{key}_{end}"), row[key][end].clone());
            }
        }
        for key in [
            "p_chance",
            "p_chance_adjusted",
            "users",
            "users_hit",
            "users_tied",
            "fit_seconds",
            "rank_seconds",
            "fit_cpu_seconds",
            "peak_bytes",
        ] {
            cells.insert(key.to_owned(), row[key].clone());
        }
        let records: Vec<&str> = list(&row["records"]).iter().map(text).collect();
        cells.insert("records".to_owned(), records.join(" ").into());
        cells
    };
    let mut rows: Rows = list(&report["leaderboard"]).iter().map(of_row).collect();
    let empty: Map<String, Value> = rows[0].keys().map(|k| (k.clone(), Value::Null)).collect();
    for log in list(&report["cleanings"]) {
        let floor = &log["floor"];
        let (mut random, mut best) = (empty.clone(), empty.clone());
        let label = match text(&log["label"]) {
            "" => String::new(),
            label => format!(" {label}"),
        };
        random["variant"] = format!("(random ranking){label}").into();
        best["variant"] = format!("(best possible){label}").into();
        random["users_hit"] = floor["users_hit"].clone();
        best["users_hit"] = json!(floor["ceiling_users_hit"].as_f64());
        for label in &labels {
            let metric = &floor["metrics"][label];
            random[&format!("test_{label}")] = metric["expected"].clone();
            random[&format!("test_{label}_low")] = metric["low"].clone();
            random[&format!("test_{label}_high")] = metric["high"].clone();
            best[&format!("test_{label}")] = metric["ceiling"].clone();
        }
        rows.extend([random, best]);
    }
    rows
}

fn trials(report: &Value) -> Rows {
    let labels = labels(report);
    let trials = list(&report["trials"]);
    let mut parameters: Vec<&str> = Vec::new();
    for parameter in trials.iter().flat_map(|trial| list(&trial["parameters"])) {
        let name = text(&parameter["name"]);
        if !parameters.contains(&name) {
            parameters.push(name);
        }
    }
    let of_trial = |trial: &Value| {
        let mut cells = Map::new();
        cells.insert("trial".to_owned(), trial["index"].clone());
        for key in ["variant", "settings"] {
            cells.insert(key.to_owned(), trial[key].clone());
        }
        for name in &parameters {
            let mut own = list(&trial["parameters"]).iter();
            let value = own.find(|p| p["name"] == *name).map(|p| p["value"].clone());
            cells.insert(format!("parameter_{name}"), value.unwrap_or_default());
        }
        for part in ["validation", "test"] {
            for label in &labels {
                cells.insert(format!("{part}_{label}"), trial[part][label].clone());
            }
        }
        for key in [
            "fit_seconds",
            "peak_bytes",
            "chosen",
            "failure",
            "stopped",
            "stopped_at",
        ] {
            cells.insert(key.to_owned(), trial[key].clone());
        }
        cells
    };
    trials.iter().map(of_trial).collect()
}

fn comparisons(report: &Value) -> Rows {
    let compared = &report["comparison"];
    let line = |family: &str, a: &Value, b: &Value, difference: &Value| {
        let mut cells = Map::new();
        cells.insert("family".to_owned(), family.into());
        cells.insert("metric".to_owned(), compared["metric"].clone());
        cells.insert("a".to_owned(), a.clone());
        cells.insert("b".to_owned(), b.clone());
        cells.insert("difference".to_owned(), difference["value"].clone());
        for key in [
            "low",
            "high",
            "relative",
            "dz",
            "wins",
            "ties",
            "losses",
            "differing",
            "informative",
            "p",
            "p_adjusted",
            "method",
            "detectable",
        ] {
            cells.insert(key.to_owned(), difference[key].clone());
        }
        cells
    };
    let rows = list(&report["leaderboard"]).iter();
    let against = rows.filter(|row| row["difference"].is_object()).map(|row| {
        line(
            "baseline",
            &row["variant"],
            &compared["baseline"],
            &row["difference"],
        )
    });
    let pairs = list(&report["pairs"]).iter();
    let pairs = pairs.map(|pair| line("pairs", &pair["a"], &pair["b"], pair));
    against.chain(pairs).collect()
}

fn segments(report: &Value) -> Rows {
    let line = |said: &Value| {
        let mut cells = Map::new();
        for key in ["by", "of", "segment", "variant", "users", "few"] {
            cells.insert(key.to_owned(), said[key].clone());
        }
        for key in ["value", "low", "high"] {
            cells.insert(key.to_owned(), said["test"][key].clone());
        }
        cells.insert("difference".to_owned(), said["difference"]["value"].clone());
        for key in ["low", "high"] {
            cells.insert(format!("difference_{key}"), said["difference"][key].clone());
        }
        cells
    };
    list(&report["segments"]).iter().map(line).collect()
}
