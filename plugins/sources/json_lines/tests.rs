//! Objects as they come, good and bad.

use std::path::Path;

use musicrec_api::{CheckContext, Ledger, Log, Result, Source as _, SourceContext};
use tempfile::TempDir;

use super::JsonLines;
use crate::common::testing::cells;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn read(base: &Path, definition: serde_json::Value) -> Result<(Log, Ledger)> {
    let source: JsonLines = serde_json::from_value(definition).unwrap();
    let context = SourceContext::new(base, 0);
    let problems = source.check(&CheckContext::new(base));
    let print = source.fingerprint(&context);
    assert_eq!(
        problems.is_empty(),
        print.is_ok(),
        "{problems:?} but {print:?}"
    );
    print?;
    let (mut ledger, mut chunks) = (Ledger::default(), Vec::new());
    source.read(&context, &mut ledger, &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    let log = Log::concat(chunks)?.expect("a log without rows is an error");
    let names: Vec<String> = log.names().map(str::to_owned).collect();
    assert_eq!(source.columns(&context), Some(names));
    Ok((log, ledger))
}

fn read_text(text: &str, mut definition: serde_json::Value) -> Result<(Log, Ledger)> {
    let folder = folder(&[("a.json", text)]);
    definition["path"] = "a.json".into();
    read(folder.path(), definition)
}

const LINES: &str = r#"{"user_id": 1, "song_id": "s\u00e9\n", "x": {"y": 1}, "ok": true, "n": null, "f": 1.50e1}
{"song_id": "s2", "user_id": "u2", "f": -0.0, "new": 3}

{"user_id": "", "song_id": "\"s\"", "ok": false, "n": "n"}
"#;

#[test]
fn values_are_taken_as_they_are_written() {
    let (log, _) = read_text(LINES, json("{}")).unwrap();
    let names: Vec<&str> = log.names().collect();
    assert_eq!(names, ["user_id", "song_id", "ok", "n", "f"]);
    let expected = [
        ["1", "sé\n", "true", "~", "1.50e1"],
        ["u2", "s2", "~", "~", "-0.0"],
        ["", "\"s\"", "false", "n", "~"],
    ];
    assert_eq!(cells(&log), expected);
    assert_eq!(log.numbers(), [1, 2, 3]);
}

#[test]
fn an_array_is_read_like_lines() {
    let expected = cells(&read_text(LINES, json("{}")).unwrap().0);
    let entries: Vec<&str> = LINES.lines().filter(|line| !line.is_empty()).collect();
    for array in [
        format!("[{}]", entries.join(",")),
        format!("\u{feff} [\n{}\n]\n", entries.join("\n,\n")),
        format!("[{}]", entries.join(",").replace(", ", ",\r\n  ")),
    ] {
        let (log, _) = read_text(&array, json("{}")).unwrap();
        assert_eq!(cells(&log), expected, "{array}");
    }
    let brackets = r#"[{"user_id": "]},{", "song_id": "\\\"]"}]"#;
    let (log, _) = read_text(brackets, json("{}")).unwrap();
    assert_eq!(cells(&log), [["]},{", "\\\"]"]]);
}

#[test]
fn fields_are_found_by_their_paths() {
    let text = r#"{"who": {"name": "u1", "age": 3}, "tracks": [{"id": "s0"}, {"id": "s1"}]}
{"who": null, "tracks": []}
{"tracks": [1, {"id": null}], "who": {"name": "u3"}}
"#;
    let definition = json(
        r#"{"fields": {"user_id": "who.name", "song_id": "tracks.1.id", "again": "who.name"}}"#,
    );
    let (log, _) = read_text(text, definition.clone()).unwrap();
    let expected = [["u1", "s1", "u1"], ["~", "~", "~"], ["u3", "~", "u3"]];
    assert_eq!(cells(&log), expected);
    let wrong = text.replace("{\"name\": \"u3\"}", "17");
    let error = read_text(&wrong, definition).unwrap_err().to_string();
    assert!(
        error.contains("line 3 (row 3): `who` is a number, no object"),
        "{error}"
    );
}

#[test]
fn histories_of_spotify_are_one_log_of_several_people() {
    let entry = |time: &str, track: &str, skipped: &str| {
        format!(
            r#"  {{
    "ts": "{time}",
    "platform": "ios",
    "ms_played": 35422,
    "conn_country": "DE",
    "master_metadata_track_name": "A song",
    "spotify_track_uri": {track},
    "episode_name": null,
    "reason_start": "trackdone",
    "skipped": {skipped}
  }}"#
        )
    };
    let file = |entries: &[String]| format!("[\n{}\n]", entries.join(",\n"));
    let one = entry("2024-07-27T20:34:47Z", "\"spotify:track:1\"", "false");
    let two = entry("2024-07-27T20:39:47Z", "null", "null");
    let files = [
        (
            "anna/Streaming_History_Audio_2024-2025_1.json",
            file(&[two.clone(), one.clone()]),
        ),
        (
            "anna/Streaming_History_Audio_2023-2024_0.json",
            file(std::slice::from_ref(&one)),
        ),
        (
            "anna/Streaming_History_Video_2023.json",
            file(std::slice::from_ref(&one)),
        ),
        ("ben/Streaming_History_Audio_2024_0.json", file(&[one])),
    ];
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let definition = json(
        r#"{"files": {"anna": "anna/Streaming_History_Audio_*.json",
                      "ben": "ben/Streaming_History_Audio_*.json"},
            "part_column": "user_id", "item": "song", "time": "ts",
            "fields": {"ts": "ts", "song": "spotify_track_uri", "skipped": "skipped"}}"#,
    );
    let (log, _) = read(folder.path(), definition).unwrap();
    let expected = [
        ["2024-07-27T20:34:47Z", "spotify:track:1", "false", "anna"],
        ["2024-07-27T20:39:47Z", "~", "~", "anna"],
        ["2024-07-27T20:34:47Z", "spotify:track:1", "false", "anna"],
        ["2024-07-27T20:34:47Z", "spotify:track:1", "false", "ben"],
    ];
    assert_eq!(cells(&log), expected);
    assert_eq!(log.roles().user, "user_id");
}

#[test]
fn dumps_of_listenbrainz_are_read() {
    let text = r#"{"user_id": 7, "user_name": "anna", "timestamp": 1442349800, "recording_msid": "m-1", "track_metadata": {"track_name": "Ei, du", "artist_name": "A", "additional_info": {"duration_ms": 1000}}}
{"user_id": 8, "user_name": "ben", "timestamp": 1442349900, "track_metadata": {"track_name": "Ei, du", "artist_name": "A"}, "recording_msid": "m-1"}
"#;
    let folder = folder(&[("2024/1.listens", text), ("2024/2.listens", text)]);
    let definition = json(
        r#"{"path": "*/*.listens", "fields": {"user_id": "user_id", "song_id": "recording_msid",
            "timestamp": "timestamp", "artist": "track_metadata.artist_name",
            "length": "track_metadata.additional_info.duration_ms"}}"#,
    );
    let (log, _) = read(folder.path(), definition).unwrap();
    assert_eq!(log.rows(), 4);
    assert_eq!(cells(&log)[0], ["7", "m-1", "1442349800", "A", "1000"]);
    assert_eq!(cells(&log)[3], ["8", "m-1", "1442349900", "A", "~"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place_or_dropped_and_counted() {
    let good = r#"{"user_id": "u", "song_id": "s"}"#;
    let line = |bad: &str| format!("{good}\n\n{bad}\n{good}\n");
    let array = |bad: &str| format!("[{good},\n\n{bad},{good}]");
    let cases: [(&str, &[&str]); 9] = [
        (
            r#"{"user_id": "u", "song_id"}"#,
            &["line 3 (row 2): expected `:` at character 27"],
        ),
        (
            r#"{"user_id": 01, "song_id": "s"}"#,
            &["line 3 (row 2): invalid number"],
        ),
        (
            r#"["u", "s"]"#,
            &["line 3 (row 2): a list where an object is expected"],
        ),
        ("null", &["line 3 (row 2): `null` where an object"]),
        ("17", &["line 3 (row 2): a number where an object"]),
        (
            r#"{"user_id": {"id": 1}, "song_id": "s"}"#,
            &["line 3 (row 2), column `user_id`: it holds an object; name a field"],
        ),
        (
            r#"{"user_id": "u", "song_id": ["s"]}"#,
            &["line 3 (row 2), column `song_id`: it holds a list"],
        ),
        (
            r#"{"user_id": "u", "user_id": "v", "song_id": "s"}"#,
            &["the field `user_id` is there twice"],
        ),
        (
            r#"{"user_id": "\ud800", "song_id": "s"}"#,
            &["column `user_id`: it holds a text with an escape"],
        ),
    ];
    for (bad, words) in cases {
        for text in [line(bad), array(bad)] {
            let error = read_text(&text, json("{}")).unwrap_err().to_string();
            for word in words.iter().chain(&["a.json", "bad_rows = \"drop\""]) {
                assert!(error.contains(word), "no `{word}` in: {error}");
            }
            let (log, ledger) = read_text(&text, json(r#"{"bad_rows": "drop"}"#)).unwrap();
            assert_eq!(log.numbers(), [1, 3], "{text}");
            assert_eq!(ledger.drops().next().unwrap().rows, 1);
        }
    }
    let nul = line(r#"{"user_id": "\u0000", "song_id": "s"}"#);
    let error = read_text(&nul, json("{}")).unwrap_err().to_string();
    assert!(error.contains("column `user_id`: a NUL byte"), "{error}");
}

#[test]
fn a_bad_first_object_is_dropped_if_the_fields_are_given() {
    let text = "{\n{\"a\": 1, \"b\": 2}\n";
    let fields = r#""fields": {"user_id": "a", "song_id": "b"}"#;
    let (log, ledger) =
        read_text(text, json(&format!("{{{fields}, \"bad_rows\": \"drop\"}}"))).unwrap();
    assert_eq!(
        (cells(&log), log.numbers()),
        (vec![vec!["1".to_owned(), "2".to_owned()]], &[2_u64][..])
    );
    assert_eq!(ledger.drops().next().unwrap().rows, 1);
    let error = read_text(text, json(&format!("{{{fields}}}")))
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 1: EOF while parsing"), "{error}");
}

#[test]
fn files_that_are_no_rows_of_objects_say_so() {
    let long = "x".repeat(17 << 20);
    let good = r#"{"user_id": "u", "song_id": "s"}"#;
    let pretty = "{\n  \"user_id\": \"u\",\n  \"song_id\": \"s\"\n}\n";
    let cases: [(String, &[&str]); 12] = [
        (String::new(), &["is empty"]),
        (
            " \n\n".to_owned(),
            &["holds no object", "source.json_lines.path"],
        ),
        ("[ ]".to_owned(), &["holds no object"]),
        (
            pretty.to_owned(),
            &["line 1: EOF while parsing an object", "must not span lines"],
        ),
        (
            "user_id,song_id\nu,s\n".to_owned(),
            &["line 1: expected value", "one JSON object a line"],
        ),
        (
            format!("[{good}, {{\"user_id\": "),
            &[
                "the array ends within the entry that begins in line 1",
                "fetch the file again",
            ],
        ),
        (format!("[{good}"), &["the array ends within the entry"]),
        (
            format!("[{good}]\n{good}"),
            &["line 2: there is more behind the end of the array"],
        ),
        (
            format!("[{good},]"),
            &["line 1 (row 2): EOF while parsing a value"],
        ),
        (
            format!("{good}\n{{\"user_id\": \"{long}\"}}"),
            &["the object that begins in line 2 has more than 16 MiB"],
        ),
        (
            format!("[{good},\n{{\"user_id\": \"{long}\"}}]"),
            &["the entry that begins in line 2 has more than 16 MiB"],
        ),
        (
            r#"{"user": "u", "song": "s"}"#.to_owned(),
            &[
                "no column `user_id`; it has user, song",
                "source.json_lines.user = \"user\"",
            ],
        ),
    ];
    for (text, words) in cases {
        let error = read_text(&text, json("{}")).unwrap_err().to_string();
        assert!(error.len() < 1000);
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
    }
}

#[test]
fn paths_that_lead_nowhere_are_told() {
    let of = |fields: &str| {
        let definition = format!(r#"{{"fields": {fields}}}"#);
        read_text(LINES, json(&definition)).unwrap_err().to_string()
    };
    let error = of(r#"{"user_id": "user_id", "song_id": "x.z"}"#);
    assert!(
        error.contains("no object has a field `x.z` (`source.json_lines.fields.song_id`)"),
        "{error}"
    );
    assert!(error.contains("has user_id, song_id, ok, n, f"), "{error}");
    let error = of(r#"{"user_id": "user_id", "song_id": "song_id", "x": "x", "y": "x.y"}"#);
    assert!(
        error.contains("`x` cannot be a column, for `x.y` is a field within it"),
        "{error}"
    );
    let error = of(r#"{"user_id": "a..b", "song_id": "song_id"}"#);
    assert!(error.contains("has an empty name in it"), "{error}");
}
