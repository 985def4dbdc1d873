//! `report A B …`: several experiments in one report have the numbers of one that has all their variants;
//! what cannot be compared is refused with every reason, and nothing is written into any folder.

mod common;

use std::fs;

use common::{Ended, Lab, SMALL, row};
use serde_json::{Value, json};

/// A log that is large enough for p-values.
const COMMON: &str = r#"seed = 7

[source.synthetic]
users = 300
rows = 9000

[[cleaners]]
parse_timestamps = { formats = ["%Y-%m-%d %H:%M:%S"], zone = "UTC", invalid = "missing" }

[[cleaners]]
parse_numbers = { columns = ["play_count", "listen_seconds"] }

[[cleaners]]
drop_missing = { columns = ["user_id", "song_id", "timestamp"] }

[splitter.global_time]
validation = 0.16
test = 0.2

[weighting.binary]

[evaluation]
targets = "binary"
null_rankings = 200
resamples = 500
seeds = 2
"#;

const ALS: &str = "[model.als]\nfactors.grid = [4, 8]\nregularization = 1.0\n";
const RANDOM: &str = "[model.random]\n";

/// Sweeps experiments of these names and models over one log.
fn swept(experiments: &[(&str, &str)]) -> Lab {
    let lab = Lab::new();
    for (name, models) in experiments {
        let file = format!("{name}.toml");
        lab.write(&file, format!("name = \"{name}\"\n{COMMON}\n{models}"));
        lab.done(&["sweep", &file, "--quiet"]);
    }
    lab
}

fn as_json(lab: &Lab, folders: &[&str]) -> Value {
    let arguments = [&["report"], folders, &["--format", "json"]].concat();
    serde_json::from_str(&lab.done(&arguments).out).expect("JSON")
}

/// Every file below a folder with its bytes.
fn bytes(lab: &Lab, folder: &str) -> Vec<(String, Vec<u8>)> {
    let names = lab.files(folder).into_iter();
    let read = |name: String| {
        let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
        (name, bytes)
    };
    names.map(read).collect()
}

/// What does not hang on when, where and in how many sweeps it was computed.
fn numbers(report: &Value, list: &str) -> Value {
    let mut list = report[list].clone();
    for row in list.as_array_mut().expect("a list") {
        for key in [
            "fit_seconds",
            "rank_seconds",
            "fit_cpu_seconds",
            "peak_bytes",
            "index",
        ] {
            row[key] = Value::Null;
        }
    }
    list
}

#[test]
fn joined_numbers_are_those_of_one_experiment_that_has_all_variants() {
    let both = format!("{ALS}\n{RANDOM}");
    let lab = swept(&[("a", ALS), ("b", RANDOM), ("all", &both)]);
    let before = bytes(&lab, "reports");
    let joined = as_json(&lab, &["reports/a", "reports/b"]);
    let one = as_json(&lab, &["reports/all"]);
    let names = |report: &Value| -> Vec<Value> {
        let rows = report["leaderboard"].as_array().expect("rows");
        rows.iter().map(|row| row["variant"].clone()).collect()
    };
    assert_eq!(names(&joined).len(), 3);
    assert_eq!(names(&joined), names(&one));
    // Intervals, differences, p, letters, chance, segments, and what is said of them.
    assert_eq!(
        numbers(&joined, "leaderboard"),
        numbers(&one, "leaderboard")
    );
    for key in [
        "comparison",
        "pairs",
        "segments",
        "verdict",
        "cleanings",
        "metrics",
        "baseline",
        "test_part",
    ] {
        assert_eq!(joined[key], one[key], "{key}");
    }
    assert!(
        joined["pairs"]
            .as_array()
            .expect("pairs")
            .iter()
            .any(|pair| pair["p_adjusted"].is_number()),
        "nothing was tested: {}",
        joined["pairs"]
    );
    // The trials of `a`, then those that only `b` has.
    let mut trials = numbers(&one, "trials");
    let trials = trials.as_array_mut().expect("trials");
    let mut own = numbers(&joined, "trials");
    let own = own.as_array_mut().expect("trials");
    let by_name = |a: &Value| (a["variant"].to_string(), a["settings"].to_string());
    trials.sort_by_key(by_name);
    own.sort_by_key(by_name);
    assert_eq!(own, trials);
    let csv = |folders: &[&str]| {
        let arguments = [&["report"], folders, &["--format", "comparisons.csv"]].concat();
        lab.done(&arguments).out
    };
    assert_eq!(csv(&["reports/a", "reports/b"]), csv(&["reports/all"]));
    // Popularity, which both have, is one row, and it is said whose.
    assert_eq!(
        joined["joined"]["experiments"],
        json!([
            {"label": "a", "folder": "reports/a", "finished": true, "variants": ["als", "popularity"]},
            {"label": "b", "folder": "reports/b", "finished": true, "variants": ["popularity", "random"]},
        ])
    );
    assert_eq!(joined["joined"]["same_validation"], true);
    assert!(one["joined"].is_null());
    let text = lab.done(&["report", "reports/a", "reports/b"]).out;
    for phrase in [
        "Leaderboard on test",
        "`popularity` is the same in a and b: one row",
        "Comparison by ndcg@3",
        "Verdict: ",
    ] {
        assert!(text.contains(phrase), "{phrase}: {text}");
    }
    // Looks add up, whichever folder they lie in.
    let looks = &joined["selection"]["test_looks"];
    assert_eq!((&looks["here"], &looks["total"]), (&json!(3), &json!(3)));
    // Nothing is written into the folders, and elsewhere what was asked for.
    lab.done(&[
        "report",
        "reports/a",
        "reports/b",
        "--output",
        "both/",
        "--format",
        "csv",
    ]);
    assert!(lab.files("both").contains(&"leaderboard.csv".to_owned()));
    assert!(bytes(&lab, "reports") == before);
}

#[test]
fn variants_that_chose_the_same_trial_are_one_row() {
    let lab = swept(&[("a", ALS)]);
    let settings = row(&lab.report("reports/a"), "als")["settings"].clone();
    let settings = settings.as_str().expect("settings");
    let factors = settings.strip_prefix("factors=").expect("what was varied");
    let alone = format!("[model.als]\nfactors = {factors}\nregularization = 1.0\n");
    lab.write("b.toml", format!("name = \"b\"\n{COMMON}\n{alone}"));
    lab.done(&["sweep", "b.toml", "--quiet"]);
    let joined = as_json(&lab, &["reports/a", "reports/b"]);
    assert_eq!(joined["leaderboard"].as_array().expect("rows").len(), 2);
    let als = row(&joined, "a/als");
    assert_eq!(
        als["records"],
        row(&lab.report("reports/b"), "als")["records"]
    );
    let notes = joined["joined"]["notes"].to_string();
    let note = "`a/als` and `b/als` chose the same trial: one row, `a/als`";
    assert!(notes.contains(note), "{notes}");
    // What each could choose from stays apart.
    let budgets = joined["selection"]["budgets"].as_array().expect("budgets");
    let of = |name: &str| budgets.iter().find(|b| b["variant"] == name).expect("one");
    assert_eq!(
        (&of("a/als")["trials"], &of("b/als")["trials"]),
        (&json!(2), &json!(1))
    );
}

/// `small` in `a` as it is and in `b` with these settings.
fn two(settings: &[&str]) -> Lab {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "a"]);
    let set = settings.iter().flat_map(|set| ["--set", set]);
    let sweep = ["sweep", "small.toml", "--quiet", "--out", "b"].into_iter();
    lab.done(&sweep.chain(set).collect::<Vec<_>>());
    lab
}

fn report(lab: &Lab) -> Ended {
    lab.run(&["report", "a/small", "b/small"])
}

#[test]
fn other_validation_parts_leave_no_best_on_validation() {
    let lab = two(&["splitter.global_time.validation=0.1"]);
    let joined = as_json(&lab, &["a/small", "b/small"]);
    assert_eq!(joined["joined"]["same_validation"], false);
    let rows = joined["leaderboard"].as_array().expect("rows");
    assert_eq!(
        rows.len(),
        4,
        "both have another split, so no trial is the same"
    );
    for row in rows {
        assert_eq!(row["best_on_validation"], false, "{row}");
        assert!(row["best_minus_this"].is_null(), "{row}");
        assert!(row["validation"]["ndcg@3"].is_number(), "{row}");
    }
    let names: Vec<&str> = rows.iter().filter_map(|r| r["variant"].as_str()).collect();
    for name in ["a/small/als", "b/small/als", "a/small/popularity"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(joined["baseline"], "a/small/popularity");
    let text = report(&lab).expect(0).out;
    let note = "values on validation of different experiments do not compare";
    assert!(text.contains(note), "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_every_reason() {
    let other_log = common::log() + "u1,s1,1700099999\n";
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["splitter.global_time.test=0.3"],
            &[
                "b/small asks other users or other targets on test than a/small \
                 (splitter.global_time.test: 0.3, there 0.2)",
                "sweep it again with the split",
            ],
        ),
        (
            &["source.csv.path=other.csv"],
            &[
                "b/small is about other data than a/small (content ",
                "over the same file",
            ],
        ),
        (
            &["evaluation.metrics=[\"ndcg@3\", \"recall@5\"]"],
            &[
                "b/small measures something else than a/small (not precision@3, recall@3; besides recall@5)",
            ],
        ),
        (
            &["evaluation.select=recall@3"],
            &[
                "b/small is decided by recall@3 and a/small by ndcg@3",
                "--set evaluation.select=ndcg@3",
            ],
        ),
        (
            &["evaluation.depth=10"],
            &["b/small ranks 10 items for a user and a/small ranks 3"],
        ),
        (
            &["evaluation.refit=false", "evaluation.select=recall@3"],
            &[
                "b/small is evaluated by other rules than a/small (refit: false, there true)",
                "b/small is decided by recall@3",
            ],
        ),
    ];
    for (settings, phrases) in cases {
        let lab = Lab::small();
        lab.write("other.csv", &other_log);
        lab.done(&["sweep", "small.toml", "--quiet", "--out", "a"]);
        let set = settings.iter().flat_map(|set| ["--set", set]);
        let sweep = ["sweep", "small.toml", "--quiet", "--out", "b"].into_iter();
        lab.done(&sweep.chain(set).collect::<Vec<_>>());
        report(&lab).expect(2).says(phrases);
    }
    let lab = two(&[]);
    lab.run(&["report", "a/small", "b/small", "a/../a/small"])
        .expect(2)
        .says(&["a/../a/small is named twice"]);
    lab.run(&["report", "a/small", "b/nothing"])
        .expect(3)
        .says(&["b/nothing holds no sweep"]);
}

#[test]
fn a_metric_of_another_meaning_and_other_code_are_refused() {
    let lab = two(&[]);
    let path = lab.path("b/small/experiment.json");
    let whole = fs::read_to_string(&path).expect("a file");
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut overview: Value = serde_json::from_str(&whole).expect("JSON");
        edit(&mut overview);
        fs::write(&path, overview.to_string()).expect("a file to write");
        report(&lab).expect(2)
    };
    edited(&|overview| overview["metrics"][2]["formula"] = "another".into())
        .says(&["b/small means something else by ndcg@3 than a/small (formula: another, there "]);
    edited(&|overview| overview["revisions"]["metrics.ndcg"] = 99.into())
        .says(&["another revision of the code than a/small (metrics.ndcg: 99, there "]);
    edited(&|overview| overview["cleanings"][0]["floor"] = Value::Null)
        .says(&["b/small has not come as far as the test part; go on with it: musicrec-lab sweep"]);
    // A model is what is compared: its revision may differ.
    let mut overview: Value = serde_json::from_str(&whole).expect("JSON");
    overview["revisions"]["model.als"] = 99.into();
    fs::write(&path, overview.to_string()).expect("a file to write");
    report(&lab).expect(0);
}

#[test]
fn what_one_sweep_has_not_finished_and_what_two_differ_in_is_said() {
    let lab = two(&["evaluation.resamples=300"]);
    let text = report(&lab).expect(0).out;
    assert!(
        text.contains("the rules of comparison are those of a/small; b/small has others (resamples: 300, there 200)"),
        "{text}"
    );
    let path = lab.path("b/small/experiment.json");
    let whole = fs::read_to_string(&path).expect("a file");
    fs::write(
        &path,
        whole.replace("\"finished\": true", "\"finished\": false"),
    )
    .expect("written");
    let text = report(&lab).expect(0).out;
    assert!(
        text.contains("Verdict: Not all of these sweeps have ended."),
        "{text}"
    );
    assert!(
        text.contains("warning: the sweep of b/small has not ended"),
        "{text}"
    );
    // The same trial with two results: somebody has to find out which is wrong.
    let records = lab.records("b/small");
    let name = records.keys().next().expect("a record");
    let path = lab.path("b/small/records").join(name);
    let record = fs::read_to_string(&path).expect("a record");
    let mut record: Value = serde_json::from_str(&record).expect("JSON");
    record["result"]["users_hit"] = 999.into();
    fs::write(&path, record.to_string()).expect("written");
    let text = report(&lab).expect(0).out;
    assert!(
        text.contains("has another result in b/small than in a/small"),
        "{text}"
    );
    assert!(SMALL.contains("resamples = 200"));
}
