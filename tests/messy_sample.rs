//! The real messy log, from bytes to verdict: every number is from `../shared/protocol.md` or was
//! computed there by other programs.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Ended, Lab, experiment, json, row, set_path, shared};
use serde_json::{Value, json};

const LOG: &str = "data/music_interactions_messy.csv";

fn sweep() -> Option<(Lab, Ended)> {
    let log = shared(LOG)?;
    let lab = Lab::new();
    let path = set_path("source.csv.path", &log);
    let ended = lab.done(&["sweep", &experiment("messy_sample"), "--set", &path]);
    Some((lab, ended))
}

fn step<'r>(report: &'r Value, name: &str) -> &'r Value {
    let funnel = report["cleanings"][0]["funnel"]
        .as_array()
        .expect("a funnel");
    funnel.iter().find(|s| s["name"] == name).expect(name)
}

/// Rows dropped by a step, by column.
fn dropped(step: &Value, column: &str) -> u64 {
    let accounts = step["dropped"].as_array().expect("a list");
    let of_column = accounts.iter().filter(|a| a["column"] == column);
    of_column
        .map(|a| a["rows"].as_u64().expect("a count"))
        .sum()
}

fn near(value: &Value, expected: f64, within: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - expected).abs() < within, "{value} != {expected}");
}

#[test]
fn the_funnel_of_the_protocol() {
    let Some((lab, _)) = sweep() else { return };
    let report = lab.report("reports/messy_sample");
    let funnel = report["cleanings"][0]["funnel"]
        .as_array()
        .expect("a funnel");
    assert_eq!(funnel.first().expect("a step")["rows_in"], 5_180);
    assert_eq!(funnel.last().expect("a step")["rows_out"], 4_809);
    let missing = step(&report, "drop_missing");
    assert_eq!(dropped(missing, "user_id"), 46);
    assert_eq!(dropped(missing, "song_id"), 54);
    assert_eq!(dropped(missing, "timestamp"), 96);
    let duplicates = step(&report, "drop_duplicates");
    assert_eq!(duplicates["rows_in"], 4_984);
    assert_eq!(duplicates["rows_out"], 4_984 - 175);
    // The log is the one that the truth is about, and the cells repaired are those it counts.
    let truth = json(&shared("golden/audit_truth.json").expect("it was there"));
    let sha256 = truth["sha256"].as_str().expect("a hash");
    assert_eq!(report["fingerprint"], format!("sha256:{sha256}"));
    let changed = step(&report, "map_labels")["changed"].as_array();
    let labels: u64 = changed
        .expect("a list")
        .iter()
        .map(|a| a["rows"].as_u64().expect("a count"))
        .sum();
    assert_eq!(labels, 3_772);
    let log = &report["cleanings"][0]["log"];
    for (key, count) in [
        ("events", 4_809),
        ("users", 220),
        ("items", 649),
        ("pairs", 4_731),
    ] {
        assert_eq!(log[key], count, "{key}");
    }
}

#[test]
fn the_split_of_the_protocol() {
    let Some((lab, _)) = sweep() else { return };
    let report = lab.report("reports/messy_sample");
    let fold = |role: &str| {
        let folds = report["cleanings"][0]["folds"].as_array().expect("folds");
        folds.iter().find(|f| f["role"] == role).expect(role)
    };
    assert_eq!(fold("validation")["evaluated"]["from"], 1_763_429_351);
    let test = fold("test");
    assert_eq!(test["evaluated"]["from"], 1_764_980_009);
    for (key, count) in [
        ("users", 215),
        ("targets", 825),
        ("heard_removed", 21),
        ("cold_items", 4),
        ("cold_users", 0),
        ("fit_not_before", 0),
    ] {
        assert_eq!(test[key], count, "{key}");
    }
}

#[test]
fn popularity_reaches_what_it_must_and_nothing_is_ranked() {
    let Some((lab, ended)) = sweep() else { return };
    let report = lab.report("reports/messy_sample");
    let test = &row(&report, "popularity")["test"];
    near(&test["recall@3"]["value"], 0.005_703_2, 5e-8);
    near(&test["precision@3"]["value"], 0.006_201_6, 5e-8);
    near(&test["ndcg@3"]["value"], 0.007_168_4, 5e-8);
    let floor = &report["cleanings"][0]["floor"]["metrics"];
    near(&floor["recall@3"]["ceiling"], 0.7875, 5e-5);
    near(&floor["precision@3"]["ceiling"], 0.8837, 5e-5);
    near(&floor["ndcg@3"]["ceiling"], 1.0, 1e-12);
    near(&floor["ndcg@3"]["expected"], 0.0064, 5e-5);
    assert_eq!(floor["ndcg@3"]["exact"], true);
    assert_eq!(report["cleanings"][0]["floor"]["rankings"], 2_000);
    let verdict = report["verdict"].as_str().expect("a verdict");
    let said = "No model can be told from a random ranking";
    assert!(verdict.starts_with(said), "{verdict}");
    assert!(ended.out.contains(said), "{ended}");
    for row in report["leaderboard"].as_array().expect("rows") {
        assert_eq!(row["rank"], Value::Null, "{}", row["variant"]);
    }
}

#[test]
fn a_path_of_the_command_line_starts_at_the_working_directory() {
    let Some(log) = shared(LOG) else { return };
    let project = PathBuf::from(common::PROJECT);
    let lab = Lab::new();
    let out = lab.path("reports");
    let arguments = [
        "sweep",
        "experiments/messy_sample.toml",
        "--set",
        "source.csv.path=../shared/data/music_interactions_messy.csv",
        "--set",
        "model.als.factors=4",
        "--out",
        out.to_str().expect("a path in UTF-8"),
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_musicrec-lab"))
        .args(arguments)
        .current_dir(&project)
        .env("MUSICREC_CACHE", "off")
        .output()
        .expect("the program");
    Ended::new(&arguments, &output).expect(0);
    let relative = lab.report("reports/messy_sample");
    // The same bytes under an absolute path are the same data.
    let arguments = [
        "sweep",
        &experiment("messy_sample"),
        "--set",
        &set_path("source.csv.path", &log),
        "--out",
        "absolute",
    ];
    lab.done(&arguments);
    let absolute = lab.report("absolute/messy_sample");
    assert_eq!(relative["fingerprint"], absolute["fingerprint"]);
    assert_eq!(
        relative["cleanings"][0]["funnel"],
        absolute["cleanings"][0]["funnel"]
    );
    assert_eq!(
        row(&relative, "popularity")["test"],
        row(&absolute, "popularity")["test"]
    );
    assert_ne!(relative["fingerprint"], json!(null));
}
