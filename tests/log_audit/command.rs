//! The audit as a command: forms, files, exit codes, what it says of what it cannot read.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use serde_json::Value;

use crate::common::{Ended, Lab};
use crate::{audited, entry, number, rows};

#[test]
fn the_quarantine_has_each_fault_that_is_counted() {
    let lab = Lab::new();
    lab.done(&[
        "synth", "--out", "log.csv", "--users", "100", "--rows", "4000", "--seed", "2",
    ]);
    let ended = lab.done(&[
        "audit",
        "log.csv",
        "--format",
        "json",
        "--quarantine",
        "wrong.csv",
    ]);
    let audit: Value = serde_json::from_str(&ended.out).expect("JSON");
    let text = fs::read_to_string(lab.path("wrong.csv")).expect("a file");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let lines: Vec<[String; 5]> = reader
        .deserialize()
        .map(|line| line.expect("five cells"))
        .collect();
    let count = |rule: &str, column: &str| {
        lines
            .iter()
            .filter(|line| line[1] == rule && line[2] == column)
            .count() as u64
    };
    for (rule, column, id) in [
        ("padded", "user_id", "user_id.padded"),
        ("upper_case", "song_id", "song_id.upper_case"),
        ("placeholder", "user_id", "user_id.placeholder"),
        ("placeholder", "song_id", "song_id.placeholder"),
        ("spelling", "event_type", "event_type.spelling"),
        ("synonym", "event_type", "event_type.synonym"),
        ("missing", "genre", "genre.missing"),
        ("no_time", "timestamp", "timestamp.invalid"),
        ("outlier", "listen_seconds", "listen_seconds.outlier"),
        ("negative", "listen_seconds", "listen_seconds.negative"),
        ("word", "play_count", "play_count.word"),
        ("duplicate_key", "", "rows.duplicate_key"),
    ] {
        assert!(rows(&audit, id) > 0, "{id} was planted");
        assert_eq!(count(rule, column), rows(&audit, id), "{id}");
    }
    let word = lines.iter().find(|line| line[1] == "word").expect("a word");
    assert!(
        ["one", "ten"].contains(&word[3].as_str()) && ["1", "10"].contains(&word[4].as_str()),
        "{word:?}"
    );
    // The row's number is that of the file, the header not counted.
    let log = fs::read_to_string(lab.path("log.csv")).expect("a log");
    let row: usize = word[0].parse().expect("a number");
    let cells: Vec<&str> = log.lines().nth(row).expect("a row").split(',').collect();
    assert_eq!(cells[3], word[3]);
}

/// A log with something wrong, written as text.
fn small(lab: &Lab) -> Ended {
    lab.write("log.csv", "user_id,song_id\nu1,s1\n u1,s2\nguest,s1\n");
    lab.done(&["audit", "log.csv"])
}

#[test]
fn exit_codes_serve_pipelines() {
    let lab = Lab::new();
    small(&lab);
    lab.run(&["audit", "log.csv", "--fail-on", "error"])
        .expect(1)
        .says(&["of severity error or worse"]);
    lab.write("fine.csv", "user_id,song_id\nu1,s1\nu2,s2\n");
    lab.done(&["audit", "fine.csv", "--fail-on", "error"]);
}

#[test]
fn every_form_tells_the_same_findings() {
    let lab = Lab::new();
    let text = small(&lab).out;
    assert!(
        text.contains("user_id.placeholder") && text.contains("`guest` (1)"),
        "{text}"
    );
    let md = lab.done(&["audit", "log.csv", "--format", "md"]).out;
    assert!(
        md.contains("```toml\n[[cleaners]]\nnormalize_ids = { columns = [\"user_id\"]"),
        "{md}"
    );
    lab.done(&[
        "audit",
        "log.csv",
        "--format",
        "html",
        "--out",
        "audit.html",
    ]);
    let html = fs::read_to_string(lab.path("audit.html")).expect("a page");
    assert!(html.contains("user_id.placeholder") && html.contains("default-src 'none'"));
    let again = lab
        .run(&[
            "audit",
            "log.csv",
            "--format",
            "html",
            "--out",
            "audit.html",
        ])
        .expect(4);
    assert!(again.err.contains("--force"), "{again}");
}

#[test]
fn hostile_cells_are_text_in_every_form() {
    let lab = Lab::new();
    let log = "user_id,song_id,genre\n<script>alert(1)</script>,s1,\u{1b}[31mred\n\"a|b`c\",s1,<b>x</b>\n";
    lab.write("log.csv", log.repeat(3));
    for format in ["text", "md", "html"] {
        let out = lab.done(&["audit", "log.csv", "--format", format]).out;
        assert!(
            !out.contains("<script>") || format == "text",
            "{format}: {out}"
        );
        assert!(!out.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn columns_by_other_names_are_guessed_and_written() {
    let lab = Lab::new();
    let mut log = "userId;track;msPlayed;ts\n".to_owned();
    for row in 0..400 {
        let _ = writeln!(
            log,
            "u{};t{};{};{}",
            row % 20,
            (row * 7) % 50,
            1000 * row,
            1_700_000_000 + 60 * row
        );
    }
    lab.write("export.csv", log);
    lab.done(&["audit", "export.csv", "--write", "export.toml"]);
    let text = fs::read_to_string(lab.path("export.toml")).expect("a definition");
    for line in [
        "delimiter = \";\"",
        "user = \"userId\"",
        "item = \"track\"",
        "time = \"ts\"",
        "formats = [\"unix\"]",
        "milliseconds",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    lab.done(&["check", "export.toml"]);
}

#[test]
fn what_cannot_be_guessed_is_asked() {
    let lab = Lab::new();
    lab.write("log.csv", "who,what\na,b\n");
    lab.run(&["audit", "log.csv"])
        .expect(2)
        .says(&["who listened", "who, what", "--user COLUMN"]);
    lab.run(&["audit", "log.csv", "--user", "wo", "--item", "what"])
        .expect(2)
        .says(&["no column `wo`", "did you mean `who`?"]);
    lab.done(&["audit", "log.csv", "--user", "who", "--item", "what"]);
    lab.run(&["audit", "missing.csv"])
        .expect(2)
        .says(&["missing.csv: there is no such file"]);
}

#[test]
fn a_definition_is_audited_by_its_source() {
    let lab = Lab::small();
    let out = lab.done(&["audit", "small.toml"]).out;
    assert!(out.contains("600 rows"), "{out}");
}

#[test]
fn two_logs_are_compared() {
    let lab = Lab::new();
    small(&lab);
    lab.write("clean.csv", "user_id,song_id\nu1,s1\nu1,s2\n");
    let ended = lab.done(&[
        "audit",
        "--compare",
        "log.csv",
        "clean.csv",
        "--format",
        "json",
    ]);
    let found: Value = serde_json::from_str(&ended.out).expect("JSON");
    let padded = entry(&found["findings"], "what", "user_id.padded");
    assert_eq!(
        (&padded["before"], &padded["after"]),
        (&Value::from(1), &Value::from(0))
    );
    lab.run(&["audit", "--compare", "log.csv"]).expect(2);
}

#[test]
fn malformed_files_get_a_clear_answer() {
    let lab = Lab::new();
    let rows = "user_id,song_id\n".to_owned() + &"u1,s1\n".repeat(2000);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(rows.as_bytes()).expect("in memory");
    let packed = packed.finish().expect("in memory");
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(rows.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let wide = format!("user_id,song_id{}\n", ",x".repeat(70_000));
    for (name, content, says) in [
        (
            "cut.csv.gz",
            &packed[..packed.len() / 2],
            &["cut.csv.gz", "ends early"][..],
        ),
        ("utf16.csv", &utf16, &["utf16.csv", "UTF-16"]),
        (
            "header.csv",
            b"user_id,song_id\n",
            &["header.csv", "no row"],
        ),
        ("empty.csv", b"", &["empty.csv"]),
        (
            "quote.csv",
            b"user_id,song_id\nu1,\"s1\nu2,s2\nu3,s3\n",
            &["quote.csv, line 2"],
        ),
        ("wide.csv", wide.as_bytes(), &["wide.csv", "70002 cells"]),
    ] {
        lab.write(name, content);
        let ended = lab.run(&["audit", name]);
        assert!((2..=3).contains(&ended.code), "{name}: {ended}");
        ended.says(says);
    }
    // What can be read is audited; what cannot is a finding with its rows.
    lab.write(
        "ragged.csv",
        "user_id,song_id\nu1,s1\nu2\nu3,s3,x\nu4,s\0\n",
    );
    let audit = audited(&lab, "ragged.csv");
    assert_eq!(rows_of(&audit, "rows.unreadable"), 3);
}

/// Rows of all alerts of a name.
fn rows_of(audit: &Value, id: &str) -> u64 {
    let all = audit["alerts"].as_array().expect("a list").iter();
    let those = all.filter(|alert| alert["id"] == id);
    those.map(|alert| number(&alert["rows"])).sum()
}

#[test]
fn no_command_writes_over_what_it_reads() {
    let lab = Lab::new();
    small(&lab);
    lab.done(&["audit", "log.csv", "--write", "my.toml"]);
    let before = fs::read_to_string(lab.path("log.csv")).expect("a log");
    for arguments in [
        &["audit", "log.csv", "--out", "log.csv", "--force"][..],
        &["audit", "log.csv", "--write", "log.csv", "--force"],
        &["audit", "log.csv", "--out", "a", "--quarantine", "a"],
        &["clean", "my.toml", "--out", "log.csv", "--force"],
        &[
            "clean", "my.toml", "--out", "c.csv", "--ledger", "my.toml", "--force",
        ],
    ] {
        let ended = lab.run(arguments);
        assert!(ended.code == 4 || ended.code == 2, "{ended}");
    }
    let after = fs::read_to_string(lab.path("log.csv")).expect("a log");
    assert_eq!(before, after);
    // A link stays one, and what it leads to is written.
    lab.write("real.txt", "old");
    std::os::unix::fs::symlink("real.txt", lab.path("link.txt")).expect("a link");
    lab.done(&["audit", "log.csv", "--out", "link.txt", "--force"]);
    assert!(lab.path("link.txt").is_symlink());
    let real = fs::read_to_string(lab.path("real.txt")).expect("a report");
    assert!(real.contains("user_id.placeholder"), "{real}");
}

#[test]
fn what_an_audit_promises_its_definition_keeps() {
    let lab = Lab::new();
    // Seconds among milliseconds, a zero, the far future; words for events that nobody knows; decimal commas.
    let mut log = "user;track;ts;action;secs\n".to_owned();
    for row in 0..900_u64 {
        let ts = match row % 100 {
            7 => 1_700_000_000 + row,
            50 => 0,
            80 => 9_000_000_000_000,
            _ => 1000 * (1_700_000_000 + 60 * row),
        };
        let action = ["gespielt", "gefällt"][(row % 2) as usize];
        let _ = writeln!(
            log,
            "u{};t{};{ts};{action};{},5",
            row % 30,
            (row * row + 7 * row) % 97,
            row % 200
        );
    }
    lab.write("log.csv", log);
    let ended = lab.done(&[
        "audit",
        "log.csv",
        "--event",
        "action",
        "--seconds",
        "secs",
        "--write",
        "my.toml",
        "--format",
        "json",
    ]);
    let audit: Value = serde_json::from_str(&ended.out).expect("JSON");
    lab.done(&["clean", "my.toml", "--out", "clean.csv", "--quiet"]);
    let clean = fs::read_to_string(lab.path("clean.csv")).expect("a log");
    let left = clean.lines().count() as u64 - 1;
    assert_eq!(left, number(&audit["funnel"]["left"]));
    assert_eq!(left, 900 - 2 * 9, "a zero and the future are no times");
    assert!(
        clean.contains(",0.5") && !clean.contains(",1970"),
        "{clean}"
    );
    let quick = [
        "--set",
        "evaluation.null_rankings=100",
        "--set",
        "evaluation.resamples=200",
    ];
    lab.done(&[&["sweep", "my.toml"][..], &quick].concat());
}
