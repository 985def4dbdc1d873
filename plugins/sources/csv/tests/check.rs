//! What is told before anything runs, and that the run says the same.

use std::path::Path;

use musicrec_api::{CheckContext, Problem, Source, SourceContext};

use super::{GOOD, GZIP, folder, json};
use crate::Csv;

fn check(base: &Path, definition: &str) -> Vec<Problem> {
    let csv: Csv = serde_json::from_value(json(definition)).unwrap();
    let problems = csv.check(&CheckContext::new(base));
    let context = SourceContext::new(base, 0);
    // Nothing is told that would not stop the run, and what stops it is told first.
    match csv.fingerprint(&context) {
        Ok(_) => assert!(problems.iter().all(|p| p.message.contains("other columns"))),
        Err(error) => {
            let text = error.to_string();
            let told = |p: &Problem| text.contains(p.message.split(": ").next().unwrap());
            assert!(problems.iter().any(told), "{problems:?} but {text}");
        }
    }
    problems
}

/// The problems with a file `a.csv` of these bytes: where they are and what each suggests.
fn places(bytes: &[u8], parameters: &str) -> Vec<(String, String)> {
    let folder = folder(&[("a.csv", bytes)]);
    let comma = if parameters.is_empty() { "" } else { "," };
    let definition = format!(r#"{{"path": "a.csv"{comma} {parameters}}}"#);
    of(check(folder.path(), &definition))
}

fn of(problems: Vec<Problem>) -> Vec<(String, String)> {
    let place = |p: Problem| (p.parameter, p.suggestion.unwrap_or_default());
    problems.into_iter().map(place).collect()
}

fn are(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(p, s)| (&**p, &**s)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_good_file_is_no_problem_and_names_its_columns() {
    for bytes in [GOOD.as_bytes(), &GZIP] {
        are(&places(bytes, ""), &[]);
        let folder = folder(&[("a.csv", bytes)]);
        let csv: Csv = serde_json::from_str(r#"{"path": "a.csv"}"#).unwrap();
        let columns = csv.columns(&SourceContext::new(folder.path(), 0));
        assert_eq!(columns.unwrap(), ["user_id", "song_id", "play_count"]);
    }
    let csv: Csv = serde_json::from_str(r#"{"path": "none.csv"}"#).unwrap();
    assert_eq!(csv.columns(&SourceContext::new(Path::new("."), 0)), None);
}

#[test]
fn no_more_than_the_first_line_is_read() {
    are(
        &places(b"user_id,song_id\n\xff\xff,\"never closed", ""),
        &[],
    );
}

#[test]
fn paths_that_lead_nowhere_are_told_with_their_neighbors() {
    let folder = folder(&[("listens.csv", GOOD.as_bytes())]);
    let one = |definition: &str| {
        let mut problems = check(folder.path(), definition);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.remove(0)
    };
    let near = one(r#"{"path": "listen.csv"}"#);
    assert_eq!(near.parameter, "path");
    assert!(near.message.ends_with("listen.csv: there is no such file"));
    assert_eq!(near.suggestion.as_deref(), Some("listens.csv"));
    assert!(
        near.remedy
            .unwrap()
            .starts_with("correct `source.csv.path` (a relative path")
    );
    let far = one(r#"{"path": "x/listens.csv"}"#);
    assert!(far.message.contains("nor a folder") && far.suggestion.is_none());
    let is_folder = one(r#"{"path": "."}"#);
    assert!(is_folder.message.contains("is a folder, not a file"));
    let unreadable = one(r#"{"path": "a\u0000b"}"#);
    assert!(unreadable.message.contains("cannot read"), "{unreadable:?}");
    if Path::new("/dev/null").exists() {
        let device = one(r#"{"path": "/dev/null"}"#);
        assert!(device.message.contains("is not a regular file"));
    }
    let neither = one("{}");
    assert_eq!(
        (&*neither.parameter, &*neither.message),
        ("", "the source `csv` needs a file")
    );
    let both = one(r#"{"path": "listens.csv", "files": {"a": "listens.csv"}}"#);
    assert_eq!(both.parameter, "files");
}

#[test]
fn every_file_is_looked_at() {
    let folder = folder(&[
        ("a.csv", b"user_id,song_id\n"),
        ("b.csv", b"user_id,song_id,part\n"),
        ("c.csv", b"user_id\n"),
    ]);
    let files = r#"{"files": {"train": "a.csv", "valid": "b.csv", "test": "c.csv", "x": "d.csv"}}"#;
    let problems = check(folder.path(), files);
    let expected = [
        ("part_column", ""),
        ("files.test", ""),
        ("files.x", "a.csv"),
    ];
    are(&of(problems.clone()), &expected);
    assert!(
        problems[1].message.contains("other columns than"),
        "{problems:?}"
    );
    let twice = r#"{"files": {"a": "a.csv", "b": "a.csv"}, "user": "usr_id", "header": true}"#;
    are(&of(check(folder.path(), twice)), &[("user", "user_id")]);
    let unnamed = r#"{"files": {"a": "a.csv", "b": "b.csv"}, "header": false}"#;
    are(&of(check(folder.path(), unnamed)), &[("header", "")]);
}

#[test]
fn files_that_are_no_text_are_told() {
    let bytes: [&[u8]; 5] = [
        b"",
        b"\n\n",
        b"PK\x03\x04...",
        b"\xff\xfeu\0",
        b"caf\xe9,b\n",
    ];
    for bytes in bytes {
        are(&places(bytes, ""), &[("path", "")]);
    }
    are(&places(&GZIP[..20], ""), &[("path", "")]);
}

#[test]
fn columns_must_be_as_the_file_has_them() {
    are(
        &places(b"user_id,song_id\n", r#""columns": ["a", "b"]"#),
        &[("columns", "")],
    );
    are(&places(b"1,2\n", r#""header": false"#), &[("header", "")]);
    let short = r#""header": false, "columns": ["user_id", "song_id", "user_id"]"#;
    are(
        &places(b"1,2\n", short),
        &[("columns.2", ""), ("columns", "")],
    );
    are(&places(b"user_id,song_id,x,x\n", ""), &[("path", "")]);
    // A column that is missing is told though the columns are wrong in another way too.
    let both = r#""header": false, "columns": ["user_id", "song", "user_id"]"#;
    are(
        &places(b"1,2,3\n", both),
        &[("columns.2", ""), ("item", "")],
    );
    // What contradicts itself is told though the file is not there.
    let nowhere = r#"{"path": "b.csv", "header": false, "columns": ["a", "b", "a"]}"#;
    let folder = folder(&[]);
    are(
        &of(check(folder.path(), nowhere)),
        &[("columns.2", ""), ("path", "")],
    );
}

#[test]
fn every_part_that_is_no_column_is_told() {
    let header = b"user_id,track,timestamp,plays\n";
    let wrong = r#""user": "usr_id", "item": "nothing", "time": "when", "event": "plas""#;
    let expected = [
        ("user", "user_id"),
        ("item", ""),
        ("time", ""),
        ("event", "plays"),
    ];
    are(&places(header, wrong), &expected);
    // What was not written was not misspelled: no suggestion at a place that is none.
    let folder = folder(&[("a.csv", b"user_ids,song_id\n")]);
    let problems = check(folder.path(), r#"{"path": "a.csv"}"#);
    are(&of(problems.clone()), &[("user", "")]);
    let remedy = problems[0].remedy.as_deref().unwrap();
    assert!(
        remedy.contains("set `source.csv.user = \"user_ids\"`"),
        "{remedy}"
    );
    // Another delimiter is one mistake, not two.
    are(&places(b"user_id;song_id\n", ""), &[("delimiter", "")]);
}

#[test]
fn two_parts_on_a_column_are_told_where_one_was_written() {
    let header = b"user_id,song_id,timestamp\n";
    are(&places(header, r#""item": "user_id""#), &[("item", "")]);
    are(&places(header, r#""user": "song_id""#), &[("user", "")]);
    let thrice = r#""item": "user_id", "plays": "user_id", "user": "timestamp""#;
    are(&places(header, thrice), &[("user", ""), ("plays", "")]);
}
