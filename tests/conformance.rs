//! Every built-in plugin keeps the promises of its kind.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use musicrec_api::{Cleaner, Kind, conformance, registrations};
// Links the built-in plugins.
use musicrec_lab as _;

/// All broken promises of a kind's plugins at once.
fn every(kind: Kind) {
    let names: Vec<&str> = registrations()
        .iter()
        .filter(|r| r.kind == kind)
        .map(|r| r.name)
        .filter(|name| (kind, *name) != (Kind::Model, "process") || python())
        .collect();
    assert!(!names.is_empty(), "no {kind:?} is linked");
    let folder = tempfile::tempdir().expect("a temporary folder");
    files_of_the_examples(folder.path());
    let broken: Vec<String> = names
        .iter()
        .flat_map(|name| conformance::broken_in(kind, name, folder.path()))
        .collect();
    assert!(broken.is_empty(), "\n- {}", broken.join("\n- "));
}

/// Whether there is a Python, which the examples of `process` need; said aloud if not.
fn python() -> bool {
    let there = Command::new("python3").arg("--version").output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: the promises of the model `process`, for there is no python3");
    }
    there
}

/// The script of the examples of `process`: the most popular items, of those that the user has not heard.
const SCRIPT: &str = r#"
import collections, csv, json

request = json.load(open("request.json"))
rows = lambda name: csv.DictReader(open(name, newline=""))
popular = collections.Counter({row["item"]: 0.0 for row in rows("items.csv")})
for row in rows("train.csv"):
    popular[row["item"]] += float(row["weight"])
masked = collections.defaultdict(set)
for row in rows("masked.csv"):
    masked[row["user"]].add(row["item"])
with open("answer.csv", "w", newline="") as file:
    answer = csv.writer(file)
    answer.writerow(["user", "item", "score"])
    for row in rows("users.csv"):
        left = [item for item in popular if item not in masked[row["user"]]]
        left.sort(key=lambda item: -popular[item])
        for item in left[: request["items"]]:
            answer.writerow([row["user"], item, popular[item]])
"#;

/// Parquet files that pyarrow wrote: three rows, of users, songs and times, and the same with other names.
const LISTENS: &[u8] = include_bytes!("../plugins/sources/parquet/tests/zstd_pages_v1.parquet");
const PLAYS: &[u8] = include_bytes!("../plugins/sources/parquet/tests/plays.parquet");

/// The files that the examples of sources, `process` and `lists` read.
fn files_of_the_examples(folder: &std::path::Path) {
    let packed = |name: &str, text: &str| {
        let file = fs::File::create(folder.join(name)).expect("a file");
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        file.write_all(text.as_bytes()).expect("bytes");
        file.finish().expect("the end of a file");
    };
    packed(
        "listens.csv.gz",
        "user_id,song_id,timestamp\nu1,s1,1\nu2,s1,2\n",
    );
    packed("train.tsv.gz", "u1\ts1\nu2\ts1\n");
    packed("test.tsv.gz", "u1\ts2\n");
    packed(
        "listens.jsonl.gz",
        "{\"user_id\": \"u1\", \"song_id\": 7}\n{\"user_id\": \"u2\", \"song_id\": null}\n",
    );
    for name in ["lastfm", "logs", "listenbrainz", "anna", "ben", "plays"] {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    packed("logs/2025-01.csv.gz", "user_id,song_id\nu1,s1\n");
    packed("logs/2025-02.csv.gz", "user_id,song_id\nu2,s1\n");
    fs::write(folder.join("lastfm/plays.tsv"), "u1\ta1\t3\nu1\t\"a2\t4\n").expect("a file");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    let listen = r#"{"user_name": "a", "listened_at": 1, "track_metadata": {"track_name": "t", "artist_name": "b"}}"#;
    write("listenbrainz/1.listens", listen);
    let stream = r#"[{"ts": "2024-07-27T20:34:47Z", "spotify_track_uri": "s"}]"#;
    write("anna/Streaming_History_Audio_2024_0.json", stream);
    write("ben/Streaming_History_Audio_2024_0.json", stream);
    let parquet = |name: &str, bytes| fs::write(folder.join(name), bytes).expect("a file");
    parquet("listens.parquet", LISTENS);
    parquet("plays/part-0.parquet", PLAYS);
    parquet("plays/part-1.parquet", PLAYS);
    write("my_model.py", SCRIPT);
    write("my_library.py", "");
    fs::create_dir(folder.join("theirs")).expect("a folder");
    write(
        "theirs/validation.csv",
        "user,item,score\nu00,s01,2\nu00,s03,1\nu04,s02,1\n",
    );
    write(
        "theirs/test.csv",
        "user,item,score\nu00,s01,2\nu00,s03,1\nu04,s02,1\n",
    );
    write(
        "theirs/week-1.csv",
        "listener,track,place\nu00,s01,1\nu00,s03,2\n",
    );
}

#[test]
fn sources() {
    every(Kind::Source);
}

#[test]
fn cleaners() {
    every(Kind::Cleaner);
}

#[test]
fn splitters() {
    every(Kind::Splitter);
}

#[test]
fn weightings() {
    every(Kind::Weighting);
}

#[test]
fn models() {
    every(Kind::Model);
}

#[test]
fn metrics() {
    every(Kind::Metric);
}

/// None of the built-in cleaners goes on changing what it has cleaned.
#[test]
fn cleaning_twice_is_cleaning_once() {
    for definition in [
        r#"{"normalize_ids": {}}"#,
        r#"{"missing_markers": {}}"#,
        r#"{"map_labels": {"column": "event_type", "labels": {"play": ["like"]}, "unknown": "keep"}}"#,
        r#"{"parse_numbers": {}}"#,
        r#"{"parse_timestamps": {"invalid": "missing"}}"#,
        r#"{"limit_range": {"column": "listen_seconds", "max": 100}}"#,
        r#"{"drop_duplicates": {}}"#,
        r#"{"drop_missing": {}}"#,
        r#"{"keep_rows": {"column": "country", "values": ["DE"]}}"#,
        r#"{"min_interactions": {"users": 8, "items": 8}}"#,
    ] {
        let cleaner: Box<dyn Cleaner> = serde_json::from_str(definition).expect(definition);
        conformance::cleans_once(&*cleaner);
    }
}
