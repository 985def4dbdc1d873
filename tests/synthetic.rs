//! The built-in log: taste that ALS finds, a control on which it must not, and a file on disk that
//! is the same log.

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Lab, als_is_above, comparable, experiment, json};
use serde_json::Value;

/// Runs the first experiment over another log of the generator.
fn quickstart(settings: &[&str]) -> Value {
    let lab = Lab::new();
    let definition = experiment("quickstart");
    let mut arguments = vec!["sweep", &definition, "--quiet"];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    lab.done(&arguments);
    lab.report("reports/quickstart")
}

#[test]
fn als_finds_the_planted_taste_on_five_of_five_seeds() {
    for seed in 1..=5 {
        let report = quickstart(&[&format!("source.synthetic.seed={seed}")]);
        assert!(als_is_above(&report), "seed {seed}: {}", report["verdict"]);
        let verdict = report["verdict"].as_str().expect("a verdict");
        assert!(verdict.contains("better than `popularity`"), "{verdict}");
    }
}

#[test]
fn without_taste_als_is_above_on_at_most_one_of_twenty_seeds() {
    let above = (1..=20)
        .filter(|seed| {
            als_is_above(&quickstart(&[
                &format!("source.synthetic.seed={seed}"),
                "source.synthetic.taste=0",
                "model.als.factors={grid=[8,16]}",
                "model.als.alpha=1.0",
                "evaluation.null_rankings=100",
                "evaluation.resamples=2000",
            ]))
        })
        .count();
    assert!(above <= 1, "{above} of 20");
}

#[test]
fn where_all_songs_are_alike_hardly_anything_is_ranked() {
    // The harder control: with neither taste nor popularity to find, ALS and popularity are equals,
    // and the level of 5 % lets about one sweep in twenty rank something.
    let reports: Vec<Value> = (1..=20)
        .map(|seed| {
            quickstart(&[
                &format!("source.synthetic.seed={seed}"),
                "source.synthetic.taste=0",
                "source.synthetic.popularity=0",
                "model.als.factors=8",
                "model.als.alpha=1.0",
                "evaluation.null_rankings=1000",
                "evaluation.resamples=2000",
            ])
        })
        .collect();
    let above = reports.iter().filter(|r| als_is_above(r)).count();
    assert!(above <= 1, "{above} of 20");
    let ranked = reports.iter().filter(|report| {
        let rows = report["leaderboard"].as_array().expect("rows");
        rows.iter().any(|row| row["rank"] != Value::Null)
    });
    let ranked = ranked.count();
    assert!(ranked <= 2, "{ranked} of 20");
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let lab = Lab::new();
    let synth = |out: &str, seed: &str| {
        let rows = ["--users", "50", "--rows", "2000"];
        let mut arguments = vec!["synth", "--out", out, "--seed", seed];
        arguments.extend(rows);
        lab.run(&arguments)
    };
    synth("a.csv", "4").expect(0);
    synth("b.csv", "4").expect(0);
    synth("c.csv", "5").expect(0);
    let bytes = |name: &str| fs::read(lab.path(name)).expect(name);
    assert_eq!(bytes("a.csv"), bytes("b.csv"));
    assert_eq!(bytes("a.csv.truth.json"), bytes("b.csv.truth.json"));
    assert_ne!(bytes("a.csv"), bytes("c.csv"));
    let text = String::from_utf8(bytes("a.csv")).expect("text");
    assert_eq!(text.lines().count(), 2_001);
    let header = text.lines().next().expect("a header");
    assert_eq!(
        header,
        "user_id,song_id,event_type,play_count,liked,added_to_playlist,skipped,listen_seconds,\
         timestamp,device,country,artist_id,genre"
    );
    let files = lab.files(".");
    assert_eq!(files.len(), 6, "{files:?}");
}

#[test]
fn what_is_there_is_not_replaced_without_force() {
    let lab = Lab::new();
    lab.write("log.csv", "mine");
    let arguments = ["synth", "--out", "log.csv", "--rows", "100"];
    lab.run(&arguments)
        .expect(4)
        .says(&["log.csv is there already", "--force"]);
    assert_eq!(fs::read(lab.path("log.csv")).expect("a file"), b"mine");
    // A truth without its log belongs to somebody too.
    fs::rename(lab.path("log.csv"), lab.path("log.csv.truth.json")).expect("a new name");
    lab.run(&arguments)
        .expect(4)
        .says(&["log.csv.truth.json is there already"]);
    assert_eq!(lab.files("."), ["log.csv.truth.json"]);
    lab.done(&["synth", "--out", "log.csv", "--rows", "100", "--force"]);
    assert_eq!(json(&lab.path("log.csv.truth.json"))["rows"], 100);
}

#[test]
fn a_log_that_was_stopped_leaves_nothing() {
    let lab = Lab::new();
    let child = lab
        .command(&["synth", "--out", "big.csv", "--rows", "50000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // Under its temporary name, it has begun to grow.
    let begun = Instant::now();
    let grown = |lab: &Lab| {
        let files = lab.files(".");
        files
            .iter()
            .any(|f| fs::metadata(lab.path(f)).is_ok_and(|m| m.len() > 0))
    };
    while !grown(&lab) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing grows");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    let output = child.wait_with_output().expect("an end");
    Ended::new(&["synth"], &output)
        .expect(130)
        .says(&["interrupted: big.csv was not written"]);
    assert_eq!(lab.files("."), [""; 0]);
}

#[test]
fn the_file_the_source_and_the_truth_are_one_log() {
    let lab = Lab::new();
    let definition = experiment("quickstart");
    lab.done(&["synth", "--out", "log.csv", "--seed", "11"]);
    let grid = "model.als.factors=8";
    lab.done(&[
        "sweep",
        &definition,
        "--set",
        "source.synthetic.seed=11",
        "--set",
        grid,
        "--out",
        "memory",
    ]);
    let source = format!(
        "source={{ csv = {{ path = '{}' }} }}",
        lab.path("log.csv").display()
    );
    lab.done(&[
        "sweep",
        &definition,
        "--set",
        &source,
        "--set",
        grid,
        "--out",
        "file",
    ]);
    let memory = comparable(lab.report("memory/quickstart"));
    let file = comparable(lab.report("file/quickstart"));
    assert_eq!(memory["cleanings"][0]["log"], file["cleanings"][0]["log"]);
    assert_eq!(
        memory["cleanings"][0]["folds"],
        file["cleanings"][0]["folds"]
    );
    assert_eq!(memory["verdict"], file["verdict"]);
    // The sources have other names, hence the records other ids.
    let without_source = |report: &Value| {
        let mut rows = report["leaderboard"].clone();
        for row in rows.as_array_mut().expect("a list") {
            row["records"] = Value::Null;
            row["definition"]["source"] = Value::Null;
        }
        rows
    };
    assert_eq!(without_source(&memory), without_source(&file));
    let steps =
        |report: &Value| report["cleanings"][0]["funnel"].as_array().expect("steps")[1..].to_vec();
    assert_eq!(steps(&memory), steps(&file));
    let recommended = |folder: &str| {
        fs::read(lab.path(format!("{folder}/quickstart/recommendations.csv"))).expect("a file")
    };
    assert_eq!(recommended("memory"), recommended("file"));

    let truth = json(&lab.path("log.csv.truth.json"));
    let planted: Vec<u64> = truth["funnel"]
        .as_array()
        .expect("a funnel")
        .iter()
        .map(|step| step["dropped"].as_u64().expect("a count"))
        .collect();
    let found: Vec<u64> = steps(&file)
        .iter()
        .flat_map(|step| {
            let rows = |key: &str| step[key].as_u64().expect("a count");
            let dropped = step["dropped"].as_array().expect("a list").clone();
            let one = vec![rows("rows_in") - rows("rows_out")];
            match step["name"].as_str().expect("a name") {
                "drop_missing" => dropped
                    .iter()
                    .map(|a| a["rows"].as_u64().expect("a count"))
                    .collect(),
                "drop_duplicates" => one,
                _ => Vec::new(),
            }
        })
        .collect();
    assert_eq!(found, planted);
    assert_eq!(
        file["cleanings"][0]["log"]["events"],
        truth["clean"]["rows"]
    );
    assert_eq!(
        file["cleanings"][0]["log"]["users"],
        truth["clean"]["users"]
    );
    assert_eq!(
        file["cleanings"][0]["log"]["items"],
        truth["clean"]["songs"]
    );
}
