//! A second run goes on where the first one stopped, or says why it cannot; and a run that was
//! stopped leaves only whole files behind.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{Ended, Lab, SMALL, comparable, json};
use serde_json::Value;

/// When each record was written and says it began.
fn stamps(lab: &Lab, folder: &str) -> Vec<(String, SystemTime, Value)> {
    lab.records(folder)
        .into_iter()
        .map(|(name, record)| {
            let path = lab.path(folder).join("records").join(&name);
            let written = fs::metadata(path)
                .and_then(|m| m.modified())
                .expect("a time");
            (name, written, record["run"]["started"].clone())
        })
        .collect()
}

/// Every file with its bytes.
fn bytes(lab: &Lab, folder: &str) -> Vec<(String, Vec<u8>)> {
    lab.files(folder)
        .into_iter()
        .map(|name| {
            let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
            (name, bytes)
        })
        .collect()
}

#[test]
fn the_second_run_runs_nothing_again() {
    let lab = Lab::small();
    let first = lab.done(&["sweep", "small.toml"]);
    let before = stamps(&lab, "reports/small");
    let report = lab.report("reports/small");
    let recommended = fs::read(lab.path("reports/small/recommendations.csv")).expect("a file");
    let log = fs::read(lab.path("reports/small/trials.jsonl")).expect("a log");
    let second = lab
        .done(&["sweep", "small.toml"])
        .says(&["nothing to do: definition, data and code are those of the sweep of "]);
    for what in ["running", "recommending", "reading", "drawing"] {
        assert!(!second.err.contains(what), "{second}");
    }
    assert_eq!(stamps(&lab, "reports/small"), before);
    assert_eq!(first.out, second.out);
    let again = lab.report("reports/small");
    // The seconds are those of the records, so nothing but the date differs.
    assert_eq!(again["leaderboard"], report["leaderboard"]);
    assert_eq!(comparable(again), comparable(report));
    let file = |name: &str| fs::read(lab.path("reports/small").join(name)).expect("a file");
    assert_eq!(file("recommendations.csv"), recommended);
    assert_eq!(file("trials.jsonl"), log);
}

#[test]
fn a_wider_grid_runs_only_what_is_new() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let before = stamps(&lab, "reports/small");
    let wider = "model.als.factors={grid=[4,8,12,16]}";
    lab.done(&["sweep", "small.toml", "--set", wider]).says(&[
        "validation: 3 of 5 trials have a record already",
        "validation: running 2 trials",
    ]);
    let after = stamps(&lab, "reports/small");
    for stamp in &before {
        assert!(after.contains(stamp), "{} was run again", stamp.0);
    }
    let report = lab.report("reports/small");
    assert_eq!(report["trials"].as_array().expect("trials").len(), 5);
    // The same as in a folder of its own.
    lab.done(&["sweep", "small.toml", "--set", wider, "--out", "fresh"]);
    let fresh = lab.report("fresh/small");
    assert_eq!(comparable(report), comparable(fresh));
}

#[test]
fn what_would_be_lost_needs_a_word() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let before = bytes(&lab, "reports");
    let narrower = [
        "sweep",
        "small.toml",
        "--set",
        "model.als.factors={grid=[8,16]}",
    ];
    lab.run(&narrower).expect(5).says(&[
        "error: reports/small holds a sweep of the same name over something else (since 20",
        "  no longer: 1 trial: als (factors=4)",
        "  new: 1 trial: als (factors=16)",
        "--fresh sets the folder aside",
        "--keep goes on in it, runs nothing again that still matches",
    ]);
    assert!(bytes(&lab, "reports") == before);
    lab.done(&[&narrower[..], &["--keep"]].concat()).says(&[
        "changed since the sweep of 20",
        "validation: 2 of 3 trials have a record already",
    ]);
    // What does not match stays, but is no part of the report.
    let names = lab.records("reports/small").len();
    assert_eq!(names, 7, "one more on validation and one more on test");
    let report = lab.report("reports/small");
    assert_eq!(report["trials"].as_array().expect("trials").len(), 3);
    // Another split: none of it matches, and all of it stays.
    let other = [
        "sweep",
        "small.toml",
        "--set",
        "splitter.global_time.test=0.3",
    ];
    lab.run(&other).expect(5).says(&[
        "splitter.global_time.test: 0.2 -> 0.3",
        "none of its 7 records matches",
    ]);
    lab.done(&[&other[..], &["--keep"]].concat())
        .says(&["validation: running 3 trials"]);
    assert!(lab.records("reports/small").len() > 7);
}

#[test]
fn a_grid_over_iterations_is_one_fit() {
    let lab = Lab::small();
    let definition = SMALL.replace(
        "factors.grid = [4, 8]",
        "factors = 4\niterations.grid = [2, 5, 3]",
    );
    lab.write("small.toml", &definition);
    lab.done(&["sweep", "small.toml"])
        .says(&["validation: running 4 trials by 2 fits"]);
    let log = fs::read_to_string(lab.path("reports/small/fits.jsonl")).expect("a log of fits");
    let fits: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect();
    let on_validation = |fit: &&Value| fit["event"] == "begin" && fit["role"] == "validation";
    let steps: Vec<&Value> = fits
        .iter()
        .filter(on_validation)
        .map(|fit| &fit["steps"])
        .collect();
    assert!(steps.contains(&&serde_json::json!([2, 3, 5])), "{steps:?}");
    assert_eq!(steps.len(), 2);
    // Each by itself comes to the same.
    let shared = lab.results("reports/small");
    for iterations in [2, 3, 5] {
        let setting = format!("model.als.iterations={iterations}");
        let out = format!("alone-{iterations}");
        lab.done(&["sweep", "small.toml", "--set", &setting, "--out", &out]);
        for (name, result) in lab.results(&format!("{out}/small")) {
            let role = result["role"].as_str().expect("a role");
            if role == "validation" {
                assert_eq!(shared[&name], result, "{iterations}");
            }
        }
    }
}

#[test]
fn equal_trials_run_once() {
    let lab = Lab::small();
    let twice = SMALL.replace(
        "[model.als]\nfactors.grid = [4, 8]",
        "[[model.als]]\nlabel = \"small\"\nfactors.grid = [4, 6]\nregularization = 1.0\n\n\
         [[model.als]]\nlabel = \"large\"\nfactors.grid = [4, 8]",
    );
    lab.write("small.toml", &twice);
    lab.done(&["sweep", "small.toml"]).says(&[
        "validation: 1 of 5 trials are equal to others and are not run twice",
        "validation: running 4 trials",
        "validation: small (factors=4)",
        "validation: large (factors=8)",
    ]);
    let log = fs::read_to_string(lab.path("reports/small/trials.jsonl")).expect("a log");
    assert_eq!(log.lines().count(), lab.records("reports/small").len());
    let report = lab.report("reports/small");
    let of = |variant: &str| {
        let trials = report["trials"].as_array().expect("trials").iter();
        let mut own = trials.filter(|t| t["variant"] == variant);
        own.find(|t| t["settings"] == "factors=4")
            .expect("a trial")
            .clone()
    };
    assert_eq!(of("small")["validation"], of("large")["validation"]);
    assert!(of("large")["validation"]["ndcg@3"].is_number());
    // Two rows of one trial are one record on test too.
    let same = twice.replace("[4, 6]", "[4]").replace("[4, 8]", "[4]");
    lab.write("small.toml", &same);
    lab.run(&["sweep", "small.toml"]).expect(5).says(&[
        "  no longer: 2 trials: small (factors=6); large (factors=8)",
        "--keep",
    ]);
    lab.done(&["sweep", "small.toml", "--keep"])
        .says(&["test: 1 of 3 trials are equal to others and are not run twice"]);
    let report = lab.report("reports/small");
    let (small, large) = (common::row(&report, "small"), common::row(&report, "large"));
    assert_eq!(small["records"], large["records"]);
    assert_eq!(small["test"], large["test"]);
    // A name is no part of a trial.
    let before = stamps(&lab, "reports/small");
    lab.write("small.toml", same.replace("\"large\"", "\"other\""));
    lab.done(&["sweep", "small.toml"]);
    assert_eq!(stamps(&lab, "reports/small"), before);
}

#[test]
fn judging_differently_runs_nothing_again() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let before = stamps(&lab, "reports/small");
    for setting in [
        "evaluation.resamples=300",
        "evaluation.baseline=als",
        "evaluation.null_rankings=150",
    ] {
        lab.done(&["sweep", "small.toml", "--set", setting]);
        assert_eq!(stamps(&lab, "reports/small"), before, "{setting}");
    }
}

#[test]
fn something_else_under_the_same_name_is_refused() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let mut other = common::log();
    other.push_str("u1,s1,1800000000\n");
    lab.write("other.csv", other);
    let before = bytes(&lab, "reports");
    let cases: [(&str, &[&str]); 7] = [
        (
            "source.csv.path=other.csv",
            &["  data: sha256:", " -> sha256:"],
        ),
        (
            "splitter.global_time.test=0.3",
            &["  splitter.global_time.test: 0.2 -> 0.3"],
        ),
        (
            "splitter=leave_last",
            &["  splitter.leave_last.test: (absent) -> 1"],
        ),
        ("seed=4", &["  seed: 3 -> 4"]),
        (
            "cleaners.0.parse_timestamps.formats=[\"unix\",\"rfc3339\"]",
            &["  cleaners"],
        ),
        (
            "evaluation.metrics=[\"ndcg@5\"]",
            &[
                "  evaluation.metrics: recall@3, precision@3, ndcg@3 -> ndcg@5",
                "measured without a fit",
            ],
        ),
        (
            "evaluation.heard=\"keep\"",
            &["  evaluation.heard: mask -> keep"],
        ),
    ];
    for (setting, phrases) in cases {
        let ended = lab
            .run(&["sweep", "small.toml", "--set", setting])
            .expect(5)
            .says(phrases)
            .says(&["error: reports/small holds a sweep", "--fresh"]);
        assert_eq!(ended.out, "", "{setting}");
        assert!(
            bytes(&lab, "reports") == before,
            "{setting} touched the folder"
        );
    }
}

#[test]
fn the_same_name_is_told_from_a_file_whose_content_changed() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let log = fs::read_to_string(lab.path("log.csv")).expect("the log");
    lab.write("log.csv", log.replacen("u1,", "u2,", 1));
    lab.run(&["sweep", "small.toml"])
        .expect(5)
        .says(&["  data: sha256:"]);
}

#[test]
fn fresh_renames_the_old_folder() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let before = bytes(&lab, "reports/small");
    lab.done(&["sweep", "small.toml", "--set", "seed=4", "--fresh"]);
    assert!(bytes(&lab, "reports/small.old-1") == before);
    assert_eq!(lab.report("reports/small")["shared"]["seed"], 4);
    lab.done(&["sweep", "small.toml", "--fresh"]);
    assert_eq!(lab.report("reports/small.old-2")["shared"]["seed"], 4);
    // What cannot run sets nothing aside.
    let state = bytes(&lab, "reports");
    let missing = "source.csv.path=nothing.csv";
    lab.run(&["sweep", "small.toml", "--set", missing, "--fresh"])
        .expect(2);
    assert!(bytes(&lab, "reports") == state);
}

#[test]
fn the_command_to_go_on_sets_nothing_aside() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--fresh", "--threads", "1"]);
    let command = lab.report("reports/small")["command"].clone();
    assert_eq!(command, "musicrec-lab sweep small.toml --threads 1");
}

#[test]
fn a_report_says_which_records_it_lacks() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let folder = lab.path("reports/small/records");
    let mut names = lab.files("reports/small/records");
    let path = folder.join(names.remove(0));
    let text = fs::read_to_string(&path).expect("a record");
    fs::write(&path, &text[..100]).expect("a torn one");
    let ended = lab.done(&["report", "reports/small", "--format", "terminal"]);
    let words = "1 record of this sweep cannot be read any more";
    assert!(ended.out.contains(words), "{ended}");
    let path = lab.path("reports/small/experiment.json");
    let text = fs::read_to_string(&path).expect("an overview");
    fs::write(&path, &text[..100]).expect("a torn one");
    lab.run(&["report", "reports/small"])
        .expect(3)
        .says(&["experiment.json was cut short"]);
}

#[test]
fn a_record_that_was_deleted_is_made_again() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let before = stamps(&lab, "reports/small");
    let results = lab.results("reports/small");
    for (name, result) in &results {
        let role = result["role"].as_str().expect("a role");
        fs::remove_file(lab.path("reports/small/records").join(name)).expect("a record");
        lab.done(&["sweep", "small.toml"])
            .says(&[&format!("{role}: running 1 trials")]);
        assert_eq!(lab.results("reports/small"), results);
    }
    assert_eq!(before.len(), 5);
}

#[test]
fn a_record_that_was_changed_is_said() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let name = lab
        .records("reports/small")
        .into_keys()
        .next()
        .expect("a record");
    let record = format!("reports/small/records/{name}");
    lab.write(&record, "{\"schema\": 1}");
    lab.run(&["sweep", "small.toml"]).expect(5).says(&[
        &record,
        "cannot be understood",
        "remove it",
        "--fresh",
    ]);
    // The advice is good.
    fs::remove_file(lab.path(&record)).expect("a record");
    lab.done(&["sweep", "small.toml"]);
}

#[test]
fn a_record_whose_numbers_were_changed_is_said() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let mut records = lab.records("reports/small").into_iter();
    let (name, whole) = records
        .find(|(_, record)| record["result"]["role"] == "test")
        .expect("a record on test");
    let file = format!("reports/small/records/{name}");
    let changes: [fn(&mut serde_json::Value); 3] = [
        |result| result["metrics"]["ndcg@3"] = 0.99.into(),
        |result| result["metrics"] = serde_json::json!({}),
        |result| result["users"] = 1.into(),
    ];
    for change in changes {
        let mut record = whole.clone();
        change(&mut record["result"]);
        lab.write(&file, record.to_string());
        let ended = lab.run(&["sweep", "small.toml"]).expect(5);
        ended.says(&[&file, "does not agree with its attachments", "remove it"]);
    }
    fs::remove_file(lab.path(&file)).expect("a record");
    lab.done(&["sweep", "small.toml"]);
}

/// A definition whose trials take a while, each in steps that can be stopped between.
fn long() -> String {
    SMALL
        .replace("name = \"small\"", "name = \"long\"")
        .replace(
            "factors.grid = [4, 8]",
            "factors.grid = [16, 17, 18, 19, 20, 21]\niterations = 400",
        )
}

fn start(lab: &Lab, out: &str) -> Child {
    lab.command(&["sweep", "long.toml", "--threads", "1", "--out", out])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

/// Waits until there are `count` records, and then sends a signal.
fn stop(lab: &Lab, mut child: Child, out: &str, count: usize, signal: &str) -> Ended {
    let records = lab.path(out).join("long/records");
    let begun = Instant::now();
    let whole = |path: &Path| path.extension().is_some_and(|e| e == "json");
    loop {
        let found = fs::read_dir(&records).map_or(0, |entries| {
            entries
                .filter(|e| e.as_ref().is_ok_and(|e| whole(&e.path())))
                .count()
        });
        if found >= count {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{found} records");
        let ended = child.try_wait().expect("a state");
        assert!(
            ended.is_none(),
            "ended before it could be stopped: {ended:?}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("an end");
    Ended::new(&["sweep", "long.toml", signal], &output)
}

/// Everything in a report folder is whole: JSON parses, and a record's attachments are there.
fn whole(lab: &Lab, folder: &str, leftovers: bool) {
    for name in lab.files(folder) {
        let path = lab.path(folder).join(&name);
        if name.contains(".part-") {
            assert!(leftovers, "{name} is left over");
            continue;
        }
        if path.extension().is_some_and(|e| e == "json") {
            json(&path);
        }
        if name == "trials.jsonl" {
            for line in fs::read_to_string(&path).expect("a log").lines() {
                serde_json::from_str::<Value>(line).expect("a line of the log");
            }
        }
    }
    for result in lab.results(folder).values() {
        for attachment in result["attachments"].as_object().expect("a table").values() {
            let name = attachment.as_str().expect("a name");
            assert!(lab.path(folder).join(name).is_file(), "{name}");
        }
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_and_ends_the_same() {
    let lab = Lab::small();
    lab.write("long.toml", long());
    lab.done(&["sweep", "long.toml", "--threads", "1", "--out", "whole"]);
    let undisturbed = comparable(lab.report("whole/long"));
    let results = lab.results("whole/long");
    let recommended = fs::read(lab.path("whole/long/recommendations.csv")).expect("a file");
    for (out, signal, code) in [
        ("int", "-INT", 130),
        ("term", "-TERM", 130),
        ("kill", "-KILL", -9),
    ] {
        let folder = format!("{out}/long");
        let ended = stop(&lab, start(&lab, out), out, 3, signal).expect(code);
        if code == 130 {
            let ended = ended.says(&[
                "stopping: what runs is finished and reported",
                "interrupted: ",
                "of the 7 validation trials have a record in ",
                "run the same command again to go on",
            ]);
            assert!(!ended.err.contains("error"), "{ended}");
        }
        whole(&lab, &folder, signal == "-KILL");
        let stopped = lab.records(&folder).len();
        assert!(
            (3..7).contains(&stopped),
            "{stopped} records after {signal}"
        );
        // The report of what there is: nothing was scored on test yet.
        let report = lab.path(&folder).join("report.json");
        assert_eq!(report.exists(), code == 130);
        if code == 130 {
            let report = json(&report);
            assert_eq!(report["leaderboard"], serde_json::json!([]));
            assert_eq!(report["finished"], false);
        }
        lab.done(&["sweep", "long.toml", "--threads", "1", "--out", out])
            .says(&[&format!("validation: {stopped} of 7 trials have a record")]);
        // What the killed one left is gone.
        whole(&lab, &folder, false);
        let log = fs::read_to_string(lab.path(&folder).join("trials.jsonl"));
        assert_eq!(log.expect("a log").lines().count(), results.len());
        let running = lab.path(&folder).join("running");
        let running = fs::read_dir(running).expect("a folder").flatten();
        let running: Vec<_> = running.map(|entry| entry.file_name()).collect();
        assert_eq!(running, ["opening.lock"]);
        assert_eq!(lab.results(&folder), results, "{signal}");
        assert_eq!(comparable(lab.report(&folder)), undisturbed, "{signal}");
        let path = lab.path(&folder).join("recommendations.csv");
        assert_eq!(fs::read(path).expect("a file"), recommended);
    }
}

#[test]
fn two_runs_at_once_share_a_folder() {
    let lab = Lab::small();
    lab.write(
        "long.toml",
        long().replace("iterations = 400", "iterations = 60"),
    );
    lab.done(&["sweep", "long.toml", "--out", "alone"]);
    let children = [start(&lab, "both"), start(&lab, "both")];
    for child in children {
        let output = child.wait_with_output().expect("an end");
        Ended::new(&["two at once"], &output).expect(0);
    }
    whole(&lab, "both/long", false);
    assert_eq!(lab.results("both/long"), lab.results("alone/long"));
    let log = fs::read_to_string(lab.path("both/long/trials.jsonl")).expect("a log");
    assert_eq!(log.lines().count(), lab.results("alone/long").len());
}
