//! `musicrec-lab audit`: what it finds against what is known to be wrong, and how it behaves as a command.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use common::{Ended, Lab, json, shared};
use serde_json::Value;

const LOG: &str = "data/music_interactions_messy.csv";

/// An audit as JSON.
fn audited(lab: &Lab, log: &str) -> Value {
    let ended = lab.done(&[
        "audit",
        log,
        "--format",
        "json",
        "--now",
        "2026-01-01T00:00:00Z",
    ]);
    serde_json::from_str(&ended.out).expect("JSON")
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a count, not {value}"))
}

fn alert<'a>(audit: &'a Value, id: &str) -> Option<&'a Value> {
    audit["alerts"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|alert| alert["id"] == id)
}

fn rows(audit: &Value, id: &str) -> u64 {
    alert(audit, id).map_or(0, |alert| number(&alert["rows"]))
}

/// The entry of a list whose key has a value.
fn entry<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list
        .as_array()
        .expect("a list")
        .iter()
        .find(|entry| entry[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value}"))
}

/// Rows of a pair in a list of pairs.
fn paired(list: &Value, name: &str) -> u64 {
    let all = list.as_array().expect("a list").iter();
    all.filter(|pair| pair[0] == name)
        .map(|pair| number(&pair[1]))
        .sum()
}

/// What the audit says of a defect by its name in the truth; `None` if it does not count that.
fn found(audit: &Value, defect: &str) -> Option<u64> {
    let (column, kind) = defect.split_once('.')?;
    let columns = &audit["columns"];
    let ids = || entry(&audit["ids"], "column", column);
    let placeholder = |id: &str| {
        let all = ids()["placeholders"].as_array().expect("a list").iter();
        let sure = all.filter(|p| p["certain"] == true && p["id"] == id);
        sure.map(|p| number(&p["rows"])).sum::<u64>()
    };
    let figures = |key: &str| number(&entry(columns, "name", column)["numbers"][key]);
    let duplicates = |key: &str| number(&audit["duplicates"][key]);
    Some(match (column, kind) {
        ("user_id" | "song_id", "whitespace") => rows(audit, &format!("{column}.padded")),
        ("user_id" | "song_id", "uppercase") => rows(audit, &format!("{column}.upper_case")),
        ("user_id" | "song_id", "sentinel.any") => rows(audit, &format!("{column}.placeholder")),
        ("user_id" | "song_id", "sentinel.blank") => placeholder(""),
        ("user_id" | "song_id", kind) if kind.starts_with("sentinel.") => {
            placeholder(&kind["sentinel.".len()..])
        }
        ("row", "sentinel.any") => {
            number(&audit["funnel"]["no_user"]) + number(&audit["funnel"]["no_item"])
        }
        ("event_type", "variants") => {
            rows(audit, "event_type.spelling") + rows(audit, "event_type.synonym")
        }
        ("event_type", "unmapped_by_notebook") => {
            let share = entry(
                &entry(&audit["labels"], "column", column)["clusters"],
                "name",
                "share",
            );
            number(&entry(&share["spellings"], "label", "shared")["rows"])
        }
        ("play_count", "word") => rows(audit, "play_count.word"),
        ("play_count", "blank") => rows(audit, "play_count.missing"),
        ("play_count", "whitespace") => rows(audit, "play_count.padded"),
        ("play_count", "outlier") => rows(audit, "play_count.outlier"),
        ("listen_seconds", "outlier") => rows(audit, "listen_seconds.outlier"),
        ("listen_seconds", "negative") => rows(audit, "listen_seconds.negative"),
        ("listen_seconds", "zero") => figures("zero"),
        ("timestamp", "blank") => rows(audit, "timestamp.missing"),
        ("timestamp", "invalid.any") => {
            rows(audit, "timestamp.missing") + rows(audit, "timestamp.invalid")
        }
        ("timestamp", text) => paired(&audit["times"]["invalid"], text),
        (_, "missing") => rows(audit, &format!("{column}.missing")),
        ("device", "case_or_spelling") => rows(audit, "device.spelling"),
        ("genre", "case") => rows(audit, "genre.spelling"),
        ("row", "duplicate.exact") => duplicates("exact"),
        ("row", "duplicate.normalized") => duplicates("normalized"),
        ("row", "duplicate.key" | "duplicate.key_after_drops") => duplicates("key"),
        ("row", kind) if kind.starts_with("duplicate.hidden") => duplicates("hidden"),
        ("flags", "inconsistent") => {
            let flags = audit["consistency"]["flags"].as_array().expect("a list");
            assert_eq!(flags.len(), 3, "each flag is held against its event");
            flags
                .iter()
                .map(|flag| number(&flag["unset"]) + number(&flag["unmatched"]))
                .sum()
        }
        ("skip", "high_play_count") => rows(audit, "rows.skips_with_plays"),
        _ => return None,
    })
}

/// Holds an audit against the truth about its log: every defect with its rows.
fn agrees(audit: &Value, truth: &Value) {
    let mut wrong = Vec::new();
    for defect in truth["defects"].as_array().expect("a list") {
        let id = defect["id"].as_str().expect("a name");
        if let Some(column) = id.strip_suffix(".distinct") {
            let ids = entry(&audit["ids"], "column", column);
            let detail = &defect["detail"];
            for (ours, theirs) in [
                ("raw", "raw"),
                ("normalized", "trim_lower"),
                ("real", "real"),
            ] {
                assert_eq!(ids[ours], detail[theirs], "{id}");
            }
            continue;
        }
        // A cell is counted where it is, not as the words of the table that says nothing is wrong.
        if id == "encoding" {
            assert_eq!(audit["unreadable"].as_array().map(Vec::len), Some(0));
            continue;
        }
        match found(audit, id) {
            Some(rows) if rows == number(&defect["rows"]) => {}
            rows => wrong.push(format!("{id}: {rows:?} instead of {}", defect["rows"])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_of_the_truth_table_of_the_messy_sample() {
    let (Some(log), Some(truth)) = (shared(LOG), shared("golden/audit_truth.json")) else {
        return;
    };
    let lab = Lab::new();
    let audit = audited(&lab, &log.display().to_string());
    let truth = json(&truth);
    agrees(&audit, &truth);
    // Each cluster of events has the rows of its spellings.
    let clusters = &entry(&audit["labels"], "column", "event_type")["clusters"];
    for (name, spellings) in truth["event_type_clusters"].as_object().expect("a table") {
        let cluster = entry(clusters, "name", name);
        for (label, rows) in spellings.as_object().expect("a table") {
            assert_eq!(
                &entry(&cluster["spellings"], "label", label)["rows"],
                rows,
                "{label}"
            );
        }
    }
    // Every song that breaks the rule of one artist is a placeholder, with that as evidence.
    let placeholders = &entry(&audit["ids"], "column", "song_id")["placeholders"];
    for (song, values) in truth["functional_dependency_song_to_artist_violations"]
        .as_object()
        .expect("a table")
    {
        let evidence = entry(placeholders, "id", song)["evidence"].to_string();
        let expected = format!("{values} different values of `artist_id`");
        assert!(evidence.contains(&expected), "{song}: {evidence}");
    }
    assert_eq!(audit["signal"]["found"], "nothing");
    // Rows are counted from 1 in an audit and from 0 in the truth: the first example of a rule is that row.
    let outliers = &alert(&audit, "song_id.padded").expect("an alert")["examples"];
    assert_eq!(outliers[0]["row"], 3);
}

#[test]
fn the_definition_written_for_the_sample_gives_the_documented_funnel() {
    let Some(log) = shared(LOG) else { return };
    let lab = Lab::new();
    let log = log.display().to_string();
    lab.write("experiments/.keep", "");
    lab.done(&[
        "audit",
        &log,
        "--write",
        "experiments/my_log.toml",
        "--out",
        "audit.txt",
    ]);
    let quick = [
        "--set",
        "evaluation.null_rankings=100",
        "--set",
        "evaluation.resamples=200",
    ];
    let mut arguments = vec!["sweep", "experiments/my_log.toml"];
    arguments.extend(quick);
    lab.done(&arguments);
    let report = lab.report("reports/music_interactions_messy");
    let funnel = report["cleanings"][0]["funnel"]
        .as_array()
        .expect("a funnel");
    let step = |name: &str| {
        funnel
            .iter()
            .find(|step| step["name"] == name)
            .expect("a step")
    };
    let dropped: Vec<u64> = ["user_id", "song_id", "timestamp"]
        .iter()
        .map(|column| number(&entry(&step("drop_missing")["dropped"], "column", column)["rows"]))
        .collect();
    assert_eq!(dropped, [46, 54, 96]);
    assert_eq!(step("drop_duplicates")["rows_in"], 4_984);
    assert_eq!(step("drop_duplicates")["rows_out"], 4_809);
    let changed = |name: &str, column: &str| -> u64 {
        let of = funnel.iter().filter(|step| step["name"] == name);
        let accounts = of.flat_map(|step| step["changed"].as_array().expect("a list"));
        accounts
            .filter(|account| account["column"] == column)
            .map(|account| number(&account["rows"]))
            .sum()
    };
    assert_eq!(changed("map_labels", "event_type"), 3_772);
    assert_eq!(changed("map_labels", "device"), 469);
    assert_eq!(changed("limit_range", "listen_seconds"), 46 + 21);
}

/// Logs of the generator at other rates, sizes and seeds.
#[test]
fn what_the_generator_planted_is_found_kind_by_kind() {
    for (seed, settings) in [
        ("3", &["rows=6000", "mess.scale=0.5"][..]),
        (
            "4",
            &[
                "rows=9000",
                "mess.scale=1.5",
                "mess.user_guest=0.02",
                "mess.song_nines=0.01",
            ],
        ),
        ("5", &["rows=5000", "mess.scale=0"]),
    ] {
        let lab = Lab::new();
        let mut arguments = vec![
            "synth", "--out", "log.csv", "--users", "300", "--seed", seed,
        ];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        lab.done(&arguments);
        let audit = audited(&lab, "log.csv");
        let truth = json(&lab.path("log.csv.truth.json"));
        agrees(&audit, &truth);
        let steps = truth["funnel"].as_array().expect("a list");
        let left = steps.last().expect("a step")["left"].clone();
        assert_eq!(audit["funnel"]["left"], left, "seed {seed}");
        assert_eq!(audit["signal"]["found"], "taste", "seed {seed}");
        if settings.contains(&"mess.scale=0") {
            let all = audit["alerts"].as_array().expect("a list").iter();
            let bad: Vec<&Value> = all.filter(|alert| alert["severity"] == "error").collect();
            assert!(bad.is_empty(), "false alarms on a clean log: {bad:?}");
        }
    }
}

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
