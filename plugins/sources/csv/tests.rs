//! Files as they come, good and bad.

mod check;
mod malformed;
mod patterns;

use std::path::Path;

use musicrec_api::{Error, Ledger, Log, Result, Source, SourceContext};
use tempfile::TempDir;

use super::Csv;

const GOOD: &str = "user_id,song_id,play_count\n u1,s1,1\nu2,\"s,2\",\n";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn read(base: &Path, definition: serde_json::Value) -> Result<(Log, Ledger)> {
    let csv: Csv = serde_json::from_value(definition).unwrap();
    let context = SourceContext::new(base, 0);
    csv.fingerprint(&context)?;
    let (mut ledger, mut chunks) = (Ledger::default(), Vec::new());
    csv.read(&context, &mut ledger, &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    let log = Log::concat(chunks)?;
    Ok((log.expect("a log without rows is an error"), ledger))
}

fn read_bytes(bytes: &[u8], mut definition: serde_json::Value) -> Result<(Log, Ledger)> {
    let folder = folder(&[("a.csv", bytes)]);
    definition["path"] = "a.csv".into();
    read(folder.path(), definition)
}

fn fault(bytes: &[u8], definition: serde_json::Value, words: &[&str]) -> Error {
    let error = read_bytes(bytes, definition).unwrap_err();
    for word in words {
        assert!(error.to_string().contains(word), "no `{word}` in: {error}");
    }
    error
}

fn cells(log: &Log) -> Vec<Vec<String>> {
    (0..log.rows())
        .map(|row| {
            let show = |c: &musicrec_api::Column| c.cells.show(row).into_owned();
            log.columns().into_iter().map(show).collect()
        })
        .collect()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The two halves of `GOOD`, each packed with `gzip -n`, one behind the other.
const GZIP: [u8; 83] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x2b, 0x2d, 0x4e, 0x2d, 0x8a, 0xcf,
    0x4c, 0xd1, 0x29, 0xce, 0xcf, 0x4b, 0x07, 0xd1, 0x05, 0x39, 0x89, 0x95, 0xf1, 0xc9, 0xf9, 0xa5,
    0x79, 0x25, 0x5c, 0x0a, 0xa5, 0x86, 0x00, 0x76, 0xc6, 0x9a, 0xd6, 0x1e, 0x00, 0x00, 0x00, 0x1f,
    0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xd3, 0x29, 0x36, 0xd4, 0x31, 0xe4, 0x2a,
    0x35, 0xd2, 0x51, 0x2a, 0xd6, 0x31, 0x52, 0xd2, 0xe1, 0x02, 0x00, 0x4c, 0x42, 0x6d, 0xee, 0x10,
    0x00, 0x00, 0x00,
];

/// The same with `zstd`, and between them a skippable frame, as pzstd writes it.
const ZSTD: [u8; 82] = [
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0xf1, 0x00, 0x00, 0x75, 0x73, 0x65, 0x72, 0x5f, 0x69, 0x64,
    0x2c, 0x73, 0x6f, 0x6e, 0x67, 0x5f, 0x69, 0x64, 0x2c, 0x70, 0x6c, 0x61, 0x79, 0x5f, 0x63, 0x6f,
    0x75, 0x6e, 0x74, 0x0a, 0x20, 0x75, 0x31, 0xa8, 0x3a, 0x6d, 0x28, 0x50, 0x2a, 0x4d, 0x18, 0x02,
    0x00, 0x00, 0x00, 0x07, 0x07, 0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x81, 0x00, 0x00, 0x2c, 0x73,
    0x31, 0x2c, 0x31, 0x0a, 0x75, 0x32, 0x2c, 0x22, 0x73, 0x2c, 0x32, 0x22, 0x2c, 0x0a, 0x55, 0x77,
    0xa5, 0xc1,
];

#[test]
fn cells_are_taken_as_they_stand() {
    let (log, _) = read_bytes(GOOD.as_bytes(), json("{}")).unwrap();
    assert_eq!(cells(&log), [[" u1", "s1", "1"], ["u2", "s,2", ""]]);
    assert_eq!(log.numbers(), [1, 2]);
    assert!(!log.column("play_count").unwrap().is_missing(1));
    assert_eq!(log.roles().plays.as_deref(), Some("play_count"));
    assert_eq!(log.roles().time, None);
}

#[test]
fn marks_line_ends_and_empty_lines_do_not_matter() {
    let expected = cells(&read_bytes(GOOD.as_bytes(), json("{}")).unwrap().0);
    for other in [
        GOOD.replace('\n', "\r\n"),
        GOOD.replace('\n', "\r"),
        GOOD.replace('\n', "\n\n"),
        GOOD.trim_end().to_owned(),
        format!("\u{feff}{GOOD}"),
        GOOD.replace("user_id,", "user_id ,"),
    ] {
        let (log, _) = read_bytes(other.as_bytes(), json("{}")).unwrap();
        assert_eq!(cells(&log), expected, "{other:?}");
    }
}

#[test]
fn packed_files_are_unpacked_all_members_of_them() {
    let expected = cells(&read_bytes(GOOD.as_bytes(), json("{}")).unwrap().0);
    for packed in [&GZIP[..], &ZSTD] {
        let (log, _) = read_bytes(packed, json("{}")).unwrap();
        assert_eq!(cells(&log), expected);
    }
}

#[test]
fn damaged_packed_files_are_noticed() {
    for (packed, checksum) in [(&GZIP[..], 6), (&ZSTD, 2)] {
        let short = &packed[..packed.len() - 3];
        let words = ["packed data is damaged or ends early", "source.csv.path"];
        fault(short, json("{}"), &words);
        let mut wrong = packed.to_vec();
        wrong[packed.len() - checksum] ^= 1;
        fault(&wrong, json("{}"), &["packed data is damaged"]);
    }
}

#[test]
fn several_files_are_one_log_with_a_column_for_their_part() {
    let folder = folder(&[
        ("a.tsv", b"1\t2\n3\t4\n"),
        ("b.tsv", b"5\t6\n"),
        ("c.tsv", b"5\n"),
    ]);
    let definition = |files: &str| {
        json(&format!(
            r#"{{"files": {files}, "delimiter": "\t", "header": false,
                "columns": ["user_id", "song_id"]}}"#
        ))
    };
    let good = definition(r#"{"train": "a.tsv", "test": "b.tsv"}"#);
    let (log, _) = read(folder.path(), good.clone()).unwrap();
    let expected = [["1", "2", "train"], ["3", "4", "train"], ["5", "6", "test"]];
    assert_eq!(cells(&log), expected);
    assert_eq!(log.numbers(), [1, 2, 3]);
    assert_eq!(log.columns()[2].name, "part");

    let csv: Csv = serde_json::from_value(good.clone()).unwrap();
    let context = SourceContext::new(folder.path(), 0);
    assert_eq!(csv.pieces(&context).unwrap(), 2);
    let mut last = Vec::new();
    let rows = csv.read_piece(&context, 1, &mut Ledger::default(), &mut |chunk| {
        last.push((cells(&chunk), chunk.numbers().to_vec()));
        Ok(())
    });
    assert_eq!(rows.unwrap(), 1);
    assert_eq!(
        last,
        [(
            vec![vec!["5".to_owned(), "6".into(), "test".into()]],
            vec![1]
        )]
    );
    let gone = csv.read_piece(&context, 2, &mut Ledger::default(), &mut |_| Ok(()));
    assert!(
        gone.unwrap_err()
            .to_string()
            .contains("no file 3 any more, but 2")
    );

    let mut taken = good.clone();
    taken["part_column"] = "song_id".into();
    let error = read(folder.path(), taken).unwrap_err().to_string();
    assert!(error.contains("source.csv.part_column"), "{error}");
    let error = read(folder.path(), definition(r#"{"a": "b.tsv", "b": "c.tsv"}"#)).unwrap_err();
    assert!(error.to_string().contains("c.tsv has 1 cells"), "{error}");
}

#[test]
fn the_fingerprint_is_that_of_sha256sum() {
    let folder = folder(&[("a.csv", GOOD.as_bytes()), ("b.csv", GOOD.as_bytes())]);
    let print = |definition: &str| {
        let csv: Csv = serde_json::from_str(definition).unwrap();
        csv.fingerprint(&SourceContext::new(folder.path(), 0))
            .unwrap()
    };
    // Printed by sha256sum.
    let expected = "sha256:b0ed3c3c3ce01b6f2d002396af5938c607bbf70a7a45077237a4e0ac25b38e2e";
    assert_eq!(print(r#"{"path": "a.csv"}"#), expected);
    let one = print(r#"{"files": {"a": "a.csv", "b": "b.csv"}}"#);
    assert_ne!(one, print(r#"{"files": {"b": "a.csv", "a": "b.csv"}}"#));
}

#[test]
fn a_ragged_row_is_an_error_with_its_line_or_dropped_and_counted() {
    // Two empty lines and a cell with a line break stand before the ragged row.
    let text = "user_id,song_id\n\n\nu1,\"s\n1\"\nu2\nu3,s3\n";
    for ends in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', ends);
        let words = [
            "line 6 (row 2)",
            "1 cells where the header has 2",
            "bad_rows",
        ];
        fault(text.as_bytes(), json("{}"), &words);
        let (log, ledger) = read_bytes(text.as_bytes(), json(r#"{"bad_rows": "drop"}"#)).unwrap();
        assert_eq!(log.numbers(), [1, 3]);
        let drop = ledger.drops().next().unwrap();
        assert_eq!(
            (drop.what.as_str(), drop.rows),
            ("wrong number of cells", 1)
        );
        assert_eq!(
            (drop.samples[0].row, drop.samples[0].before.as_str()),
            (2, "u2")
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error_with_their_line_or_dropped_and_counted() {
    let latin = b"user_id,song_id\nu1,Caf\xe9\nu2,s2\n";
    let words = ["line 2 (row 1)", "column `song_id`: not UTF-8", "iconv"];
    fault(latin, json("{}"), &words);
    let (log, ledger) = read_bytes(latin, json(r#"{"bad_rows": "drop"}"#)).unwrap();
    assert_eq!(cells(&log), [["u2", "s2"]]);
    let drop = ledger.drops().next().unwrap();
    assert_eq!((drop.column.as_str(), drop.rows), ("song_id", 1));
    let all = b"user_id,song_id\n\xe9,1\n";
    fault(
        all,
        json(r#"{"bad_rows": "drop"}"#),
        &["each of its 1 rows is bad"],
    );
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let text = b"user_id,song_id\nu1,\"s1\nu2,s2\nu3,s3\n";
    fault(
        text,
        json("{}"),
        &["line 2", "never closed", "source.csv.quotes = false"],
    );
    let (log, _) = read_bytes(text, json(r#"{"quotes": false}"#)).unwrap();
    assert_eq!(cells(&log)[0], ["u1", "\"s1"]);
    let closed = b"user_id,song_id\nu1,\"s1\nx\"";
    assert_eq!(
        cells(&read_bytes(closed, json("{}")).unwrap().0),
        [["u1", "s1\nx"]]
    );
}

#[test]
fn files_without_rows_say_so() {
    fault(b"", json("{}"), &["is empty", "source.csv.path"]);
    // `gzip -n` of nothing.
    let nothing = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    fault(nothing, json("{}"), &["holds nothing"]);
    fault(b"\n\n", json("{}"), &["nothing but empty lines"]);
    fault(
        b"user_id,song_id\n",
        json("{}"),
        &["has a header but no row"],
    );
}

#[test]
fn files_that_are_no_utf8_text_say_what_they_are() {
    fault(b"\xff\xfeu\0s\0", json("{}"), &["is UTF-16", "iconv"]);
    fault(b"\0\x01\0\0", json("{}"), &["NUL bytes"]);
    fault(b"PK\x03\x04...", json("{}"), &["zip archive"]);
    fault(
        b"caf\xe9,b\n1,2\n",
        json("{}"),
        &["the header is not UTF-8"],
    );
}

#[test]
fn paths_that_lead_nowhere_are_faults_of_the_definition() {
    let folder = folder(&[("listens.csv", GOOD.as_bytes())]);
    let error = |definition: &str| {
        let error = read(folder.path(), json(definition)).unwrap_err();
        assert!(matches!(error.bare(), Error::Definition(_)), "{error:?}");
        error.to_string()
    };
    let text = error(r#"{"path": "listen.csv"}"#);
    assert!(text.contains("did you mean `listens.csv`?"), "{text}");
    assert!(error(r#"{"path": "x/listens.csv"}"#).contains("nor a folder"));
    assert!(error(r#"{"path": "."}"#).contains("is a folder, not a file"));
    assert!(error("{}").contains("needs a file"));
    assert!(error(r#"{"path": "a", "files": {"a": "b"}}"#).contains("remove one"));
}

#[test]
fn columns_that_are_not_there_are_faults_of_the_definition() {
    let is_definition = |text: &[u8], definition: &str, words: &[&str]| {
        let error = fault(text, json(definition), words);
        assert!(matches!(error.bare(), Error::Definition(_)), "{error:?}");
    };
    let text = b"user,track\n1,2\n";
    is_definition(
        text,
        "{}",
        &[
            "no column `user_id`; it has user, track",
            "source.csv.user = \"user\"",
        ],
    );
    is_definition(
        text,
        r#"{"user": "user"}"#,
        &["`song_id`", "source.csv.item = \"…\""],
    );
    is_definition(
        text,
        r#"{"user": "user", "item": "track", "time": "when"}"#,
        &["no column `when`", "correct `source.csv.time`"],
    );
    is_definition(
        text,
        r#"{"user": "user", "item": "user"}"#,
        &["both the column `user`"],
    );
    is_definition(b"user_id\tsong_id\n1\t2\n", "{}", &["delimiter = \"\\t\""]);
    is_definition(
        text,
        r#"{"columns": ["a", "b"]}"#,
        &["source.csv.header = false"],
    );
    is_definition(
        text,
        r#"{"header": false}"#,
        &["has 2 columns", "source.csv.columns"],
    );
    is_definition(
        text,
        r#"{"header": false, "columns": ["a"]}"#,
        &["has 1 names", "has 2 cells"],
    );
    is_definition(
        text,
        r#"{"header": false, "columns": ["a", "a"]}"#,
        &["`a` twice"],
    );
    fault(
        b"3,3\n1,2\n",
        json("{}"),
        &["names the column `3` twice", "header = false"],
    );
}

#[test]
fn a_log_of_several_chunks_is_one_log() {
    use std::fmt::Write as _;
    let mut text = "user_id,song_id\n".to_owned();
    for row in 0..70_000 {
        writeln!(text, "u{},s{row}", row % 7).unwrap();
    }
    let (log, _) = read_bytes(text.as_bytes(), json("{}")).unwrap();
    assert_eq!(log.rows(), 70_000);
    assert_eq!(log.numbers()[69_999], 70_000);
    assert_eq!(log.column("song_id").unwrap().show(69_999), "s69999");
    assert_eq!(log.column("user_id").unwrap().show(69_999), "u6");
}
