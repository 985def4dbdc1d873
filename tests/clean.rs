//! `musicrec-lab clean`: the file, the ledger beside it, and the quarantine.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, PROJECT, experiment, json, set_path, shared};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

/// Two users are one, a song is missing, a row is there twice, one number and one time cannot be read.
const LOG: &str = "\
user_id,song_id,timestamp,play_count,genre
u1,a,100,1,pop
 U1,b,200, 2,Pop
u2,,300,1,pop
u1,a,100,1,pop
u3,c,soon,many,\"r,b\"
";

/// A source and cleaners; no model, no splitter.
const ONLY_CLEANERS: &str = r#"
source.csv.path = "log.csv"

[[cleaners]]
normalize_ids = { columns = ["user_id", "song_id"] }

[[cleaners]]
map_labels = { column = "genre", labels = { pop = ["Pop"] }, unknown = "keep" }

[[cleaners]]
parse_numbers = { columns = ["play_count"], invalid = "missing" }

[[cleaners]]
parse_timestamps = { formats = ["unix"], invalid = "missing" }

[[cleaners]]
drop_missing = { columns = ["user_id", "song_id"] }

[[cleaners]]
drop_duplicates = { by = ["user_id", "song_id", "timestamp"] }

[[cleaners]]
min_interactions = { users = 2, items = 1 }
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("log.csv", LOG);
    lab.write("mine.toml", ONLY_CLEANERS);
    lab
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file to read")
}

#[test]
fn a_log_larger_than_memory_is_cleaned_to_the_same_files() {
    let lab = Lab::new();
    lab.done(&[
        "synth", "--seed", "5", "--users", "1500", "--rows", "60000", "--out", "log.csv",
    ]);
    let definition = ONLY_CLEANERS
        .replace("play_count", "listen_seconds")
        .replace(
            "formats = [\"unix\"]",
            "formats = [\"%Y-%m-%d %H:%M:%S\"], zone = \"UTC\"",
        )
        .replace("items = 1 }", "items = 1, on = \"all\" }");
    lab.write("mine.toml", &definition);
    let clean = |memory: &str, out: &str| {
        let arguments = [
            "clean",
            "mine.toml",
            "--force",
            "--memory",
            memory,
            "--out",
            out,
        ];
        let said = lab.done(&arguments).err;
        (
            fs::read(lab.path(out)).expect("the log"),
            json(&lab.path(format!("{out}.ledger.json"))),
            said,
        )
    };
    for out in ["clean.csv", "clean.parquet"] {
        let (whole, ledger, said) = clean("64GB", out);
        assert!(!said.contains("in parts"), "{said}");
        let (parts, of_parts, said) = clean("2MB", out);
        assert!(said.contains("is cleaned in parts"), "{said}");
        assert!(parts == whole, "{out} has other bytes");
        assert_eq!(of_parts, ledger);
        assert!(whole.len() > 500_000);
    }
}

/// Counts by step, what, rule and column.
type Books = BTreeMap<(String, String, String, String), u64>;

fn of_quarantine(path: &Path) -> Books {
    let mut books = Books::new();
    let mut reader = csv::Reader::from_path(path).expect("a file");
    for record in reader.records() {
        let record = record.expect("a line");
        let cell = |at: usize| record[at].to_owned();
        *books
            .entry((cell(1), cell(2), cell(3), cell(4)))
            .or_default() += 1;
    }
    books
}

fn of_ledger(ledger: &Value) -> Books {
    let mut books = Books::new();
    for step in ledger["steps"].as_array().expect("steps") {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let name = format!("{} {}", step["number"], text(&step["name"]));
        for what in ["dropped", "changed"] {
            for account in step[what].as_array().expect("accounts") {
                let key = (
                    name.clone(),
                    what.to_owned(),
                    text(&account["what"]),
                    text(&account["column"]),
                );
                *books.entry(key).or_default() += account["rows"].as_u64().expect("a count");
            }
        }
    }
    books
}

/// The quarantine has a line for whatever the ledger counts, and as many as it says itself.
fn agree(lab: &Lab) -> Value {
    let ledger = json(&lab.path("clean.csv.ledger.json"));
    let books = of_quarantine(&lab.path("rows.csv"));
    assert_eq!(books, of_ledger(&ledger));
    for what in ["dropped", "changed"] {
        let lines = books.iter().filter(|(key, _)| key.1 == what);
        let lines: u64 = lines.map(|(_, lines)| lines).sum();
        assert!(lines > 0);
        assert_eq!(ledger["quarantine"][what], lines, "{what}");
    }
    assert_eq!(ledger["quarantine"]["notes"], Value::Array(Vec::new()));
    let schema = json(&Path::new(PROJECT).join("reports/ledger.schema.json"));
    let schema = jsonschema::draft202012::new(&schema).expect("a schema");
    let faults = schema.iter_errors(&ledger);
    let faults: Vec<String> = faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert_eq!(faults, [""; 0]);
    ledger
}

#[test]
fn a_definition_of_cleaners_alone_gives_file_ledger_and_quarantine() {
    let lab = lab();
    let arguments = [
        "clean",
        "mine.toml",
        "--out",
        "clean.csv",
        "--quarantine",
        "rows.csv",
    ];
    let ended = lab.done(&arguments);
    let left_out = "not applied: min_interactions, which acts on the fit part of a split only";
    assert!(ended.out.contains(left_out), "{ended}");
    ended.says(&[
        "3 rows in clean.csv",
        "2 lines of dropped rows and 6 of changed cells in rows.csv",
    ]);
    assert_eq!(
        text(&lab.path("clean.csv")),
        "user_id,song_id,timestamp,play_count,genre\n\
         u1,a,1970-01-01T00:01:40Z,1,pop\n\
         u1,b,1970-01-01T00:03:20Z,2,pop\n\
         u3,c,,,\"r,b\"\n"
    );
    assert_eq!(
        text(&lab.path("rows.csv")),
        "row,step,what,rule,column,before,after,read.user_id,read.song_id,read.timestamp,\
         read.play_count,read.genre\n\
         2,1 normalize_ids,changed,\"trimmed, case folded\",user_id, U1,u1,,,,,\n\
         2,2 map_labels,changed,spelling,genre,Pop,pop,,,,,\n\
         2,3 parse_numbers,changed,padded,play_count, 2,2,,,,,\n\
         3,1 normalize_ids,changed,blank,song_id,,,,,,,\n\
         3,5 drop_missing,dropped,missing,song_id,,,u2,,300,1,pop\n\
         5,3 parse_numbers,changed,not a number,play_count,many,,,,,,\n\
         5,4 parse_timestamps,changed,no format fits,timestamp,soon,,,,,,\n\
         4,6 drop_duplicates,dropped,copy,,,,u1,a,100,1,pop\n"
    );
    let ledger = agree(&lab);
    let of = |at: usize, key: &str| ledger["steps"][at]["ids"][key].clone();
    assert_eq!(of(0, "users_out"), 4, "u1 in two spellings");
    assert_eq!(
        (of(1, "users_in"), of(1, "users_out")),
        (4.into(), 3.into())
    );
    assert_eq!(
        (of(5, "users_out"), of(5, "items_out")),
        (2.into(), 3.into())
    );
    assert_eq!(ledger["not_applied"][0]["min_interactions"]["users"], 2);
    let parameters = &ledger["steps"][3]["plugin"]["parse_numbers"];
    assert_eq!(parameters["invalid"], "missing");
    assert_eq!(ledger["events"], Value::Null, "a time is missing");
    assert_eq!(
        ledger["output"]["bytes"],
        text(&lab.path("clean.csv")).len()
    );
    // The same again: nothing is replaced unless that is wanted, and then the bytes are the same.
    let before = lab.files(".").into_iter().map(|name| text(&lab.path(name)));
    let before: Vec<String> = before.collect();
    lab.run(&arguments)
        .expect(4)
        .says(&["clean.csv is there already", "--force"]);
    lab.done(&[&arguments[..], &["--force"]].concat());
    let after = lab.files(".").into_iter().map(|name| text(&lab.path(name)));
    assert_eq!(before, after.collect::<Vec<_>>());
}

#[test]
fn parquet_is_typed_and_standard_output_is_csv() {
    let lab = lab();
    lab.done(&["clean", "mine.toml", "--out", "clean.parquet", "--quiet"]);
    let file = fs::File::open(lab.path("clean.parquet")).expect("a file");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let rows: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row| {
            let row = row.expect("a row");
            row.get_column_iter()
                .map(|(_, field)| field.clone())
                .collect()
        })
        .collect();
    let string = |text: &str| Field::Str(text.to_owned());
    assert_eq!(
        rows,
        [
            [
                string("u1"),
                string("a"),
                Field::TimestampMillis(100_000),
                Field::Double(1.0),
                string("pop")
            ],
            [
                string("u1"),
                string("b"),
                Field::TimestampMillis(200_000),
                Field::Double(2.0),
                string("pop")
            ],
            [
                string("u3"),
                string("c"),
                Field::Null,
                Field::Null,
                string("r,b")
            ],
        ]
    );
    lab.done(&["clean", "mine.toml", "--out", "clean.csv", "--quiet"]);
    let ended = lab.done(&[
        "clean",
        "mine.toml",
        "--out",
        "-",
        "--ledger",
        "ledger.json",
    ]);
    assert_eq!(ended.out, text(&lab.path("clean.csv")));
    ended.says(&["drop_duplicates"]);
    let (mut one, other) = (
        json(&lab.path("clean.csv.ledger.json")),
        json(&lab.path("ledger.json")),
    );
    one["output"] = Value::Null;
    assert_eq!(one, other);
    lab.run(&["clean", "mine.toml", "--out", "clean.txt"])
        .expect(2)
        .says(&["--out clean.txt", ".csv or .parquet"]);
    lab.run(&[
        "clean",
        "mine.toml",
        "--out",
        "a.csv",
        "--quarantine",
        "a.csv",
    ])
    .expect(2)
    .says(&["must be different files"]);
}

#[test]
fn one_of_several_alternatives_is_chosen() {
    let lab = lab();
    let axis = "{ by = [\"user_id\", \"song_id\", \"timestamp\"] }";
    let compared = ONLY_CLEANERS.replace(
        &format!("drop_duplicates = {axis}"),
        &format!("grid = [\"off\", {{ drop_duplicates = {axis} }}]"),
    );
    lab.write("compared.toml", compared);
    let ended = lab.run(&["clean", "compared.toml", "--out", "clean.csv"]);
    let ended = ended.expect(2);
    let ended = ended.says(&["2 alternatives of its cleaners", "choose one"]);
    assert!(!lab.path("clean.csv").exists());
    // What it offers works.
    let offered: Vec<&str> = ended
        .err
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--only '")?.strip_suffix('\''))
        .collect();
    let mut rows = Vec::new();
    for (at, only) in offered.iter().enumerate() {
        let out = format!("clean{at}.csv");
        lab.done(&["clean", "compared.toml", "--out", &out, "--only", only]);
        let ledger = json(&lab.path(format!("{out}.ledger.json")));
        assert_eq!(
            format!("cleaners={}", ledger["label"].as_str().expect("a label")),
            *only
        );
        rows.push(ledger["rows"].as_u64().expect("a count"));
    }
    assert_eq!(rows, [4, 3]);
}

#[test]
fn what_cannot_be_cleaned_or_written_leaves_nothing() {
    let lab = lab();
    let there = lab.files(".");
    let clean = ["clean", "mine.toml", "--quarantine", "rows.csv", "--out"];
    lab.run(&[&clean[..], &["none/clean.csv"]].concat())
        .expect(4)
        .says(&["cannot write none/clean.csv", "its folder does not exist"]);
    let set = [
        "clean.csv",
        "--set",
        "cleaners.4.drop_missing.columns=[\"song\"]",
    ];
    lab.run(&[&clean[..], &set].concat())
        .expect(2)
        .says(&["no column `song`", "did you mean `song_id`?"]);
    let error = [
        "clean.csv",
        "--set",
        "cleaners.3.parse_timestamps.invalid=error",
    ];
    lab.run(&[&clean[..], &error].concat())
        .expect(3)
        .says(&["row 5, column `timestamp`", "mine.toml"]);
    assert_eq!(lab.files("."), there);
}

#[test]
fn the_synthetic_log_is_accounted_for_row_by_row_and_reads_back_as_it_was() {
    let lab = Lab::new();
    let quickstart = experiment("quickstart");
    let small = [
        "--set",
        "source.synthetic.rows=4000",
        "--set",
        "source.synthetic.users=200",
        "--set",
        "source.synthetic.songs=300",
    ];
    let clean = [
        "clean",
        &quickstart,
        "--out",
        "clean.csv",
        "--quarantine",
        "rows.csv",
    ];
    lab.done(&[&clean[..], &small].concat());
    let ledger = agree(&lab);
    // What is written needs no more cleaning than to be read, and is the same log then.
    lab.write(
        "again.toml",
        r#"source.csv = { path = "clean.csv" }

[[cleaners]]
missing_markers = { columns = ["device", "country", "artist_id", "genre"], markers = [""] }

[[cleaners]]
parse_numbers = { columns = ["play_count", "listen_seconds"] }

[[cleaners]]
parse_timestamps = { formats = ["rfc3339"] }
"#,
    );
    lab.done(&["clean", "again.toml", "--out", "again.csv"]);
    assert_eq!(text(&lab.path("again.csv")), text(&lab.path("clean.csv")));
    let again = json(&lab.path("again.csv.ledger.json"));
    assert!(ledger["events"].is_string());
    assert_eq!(again["events"], ledger["events"]);
    // It is the log that a sweep over the definition learns from.
    let quick = [
        "--only",
        "model=popularity",
        "--set",
        "evaluation.null_rankings=100",
        "--set",
        "report.show_ids=true",
    ];
    lab.done(&[&["sweep", &quickstart, "--quiet"][..], &small, &quick].concat());
    let report = lab.report("reports/quickstart");
    let log = &report["cleanings"][0];
    assert_eq!(log["hash"], ledger["events"]);
    let steps = log["funnel"].as_array().expect("steps");
    for (step, own) in steps.iter().zip(ledger["steps"].as_array().expect("steps")) {
        for (key, value) in step.as_object().expect("a step") {
            assert_eq!(own[key], *value, "{key} of {}", step["name"]);
        }
    }
    let last = &steps.last().expect("a step")["ids"];
    assert_eq!(last["users_out"], log["log"]["users"]);
    assert_eq!(last["items_out"], log["log"]["items"]);
}

#[test]
fn the_messy_sample_has_the_funnel_of_the_protocol() {
    let Some(log) = shared("data/music_interactions_messy.csv") else {
        return;
    };
    let lab = Lab::new();
    let path = set_path("source.csv.path", &log);
    let clean = ["clean", &experiment("messy_sample"), "--set", &path];
    let files = ["--out", "clean.csv", "--quarantine", "rows.csv"];
    let ended = lab.done(&[&clean[..], &files].concat());
    let funnel = "user_id missing 46 (5,134 left); song_id missing 54 (5,080 left); timestamp missing 96 \
                  (4,984 left)";
    assert!(ended.out.contains(funnel), "{ended}");
    ended.says(&[
        "4,809 rows in clean.csv",
        "371 lines of dropped rows and 6,776 of changed cells",
    ]);
    let ledger = agree(&lab);
    assert_eq!(ledger["rows"], 4_809);
    let ids = &ledger["steps"][1]["ids"];
    assert_eq!(
        (&ids["users_out"], &ids["items_out"]),
        (&220.into(), &649.into())
    );
    // Whole rows as they were read: those dropped as copies have all cells of the source.
    let source: Vec<String> = text(&log).lines().map(str::to_owned).collect();
    let rows = text(&lab.path("rows.csv"));
    let dropped = rows.lines().filter(|line| line.contains(",dropped,"));
    let mut count = 0;
    for line in dropped {
        let number: usize = line
            .split(',')
            .next()
            .expect("a row")
            .parse()
            .expect("a number");
        assert!(line.ends_with(&source[number]), "{line}");
        count += 1;
    }
    assert_eq!(count, 371);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_file() {
    let lab = Lab::new();
    let rows = ["--set", "source.synthetic.rows=400000"];
    let quickstart = experiment("quickstart");
    let clean = [
        "clean",
        &quickstart,
        "--out",
        "clean.csv",
        "--quarantine",
        "rows.csv",
    ];
    let mut child = lab
        .command(&[&clean[..], &rows].concat())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    let begun = Instant::now();
    while lab.files(".").is_empty() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill").success());
    let ended = child.wait().expect("an end");
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("text");
    assert_eq!(ended.code(), Some(130), "{said}");
    assert!(said.contains("rows.csv was not written"), "{said}");
    assert_eq!(lab.files("."), [""; 0]);
}
