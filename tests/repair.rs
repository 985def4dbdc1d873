//! What a killed program, a crash of the machine or a second sweep leaves in a folder is seen, said and
//! put right, and nothing that is whole is lost.

mod common;

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Lab, SMALL, json};
use serde_json::Value;

const FOLDER: &str = "reports/small";

fn log(lab: &Lab) -> String {
    fs::read_to_string(lab.path(FOLDER).join("trials.jsonl")).expect("a log")
}

/// The name of a record on this part.
fn record_on(lab: &Lab, role: &str) -> String {
    let results = lab.results(FOLDER).into_iter();
    let mut on = results.filter(|(_, result)| result["role"] == role);
    on.next().expect("a record").0
}

#[test]
fn a_log_that_was_torn_is_whole_again() {
    let lab = Lab::small();
    // With several, a trial that ended first may be logged second.
    lab.done(&["sweep", "small.toml", "--threads", "1"]);
    let whole = log(&lab);
    let path = lab.path(FOLDER).join("trials.jsonl");
    // As `kill -9` in the middle of a line, and a crash of the machine, leave it.
    let (before, last) = whole.trim_end().rsplit_once('\n').expect("several lines");
    let half = &last[..last.len() / 2];
    fs::write(&path, format!("\0\0\0\0\n{before}\n{half}")).expect("a log");
    lab.done(&["sweep", "small.toml"]).says(&[
        "note: reports/small/trials.jsonl: 1 record without a line got one",
        "note: reports/small/trials.jsonl: 2 torn lines moved to damaged/trials.1.jsonl",
    ]);
    assert!(log(&lab) == whole);
    let torn = fs::read_to_string(lab.path(FOLDER).join("damaged/trials.1.jsonl"));
    assert_eq!(torn.expect("lines"), format!("\0\0\0\0\n{half}\n"));
    fs::remove_file(&path).expect("a log");
    lab.done(&["sweep", "small.toml", "--quiet"])
        .says(&["note: reports/small/trials.jsonl was missing; written again from 5 records"]);
    assert!(log(&lab) == whole);
    let third = lab.done(&["sweep", "small.toml"]);
    assert!(!third.err.contains("note:"), "{third}");
}

#[test]
fn the_log_is_in_the_order_of_finishing() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--threads", "1"]);
    let lines = log(&lab);
    let lines = lines.lines().map(serde_json::from_str);
    let ended = lines.map(|line| {
        let line: Value = line.expect("a line");
        let [started, ended] = ["started", "ended"].map(|key| line["run"][key].clone());
        let [started, ended] = [started, ended].map(|time| time.as_str().map(str::to_owned));
        assert!(started <= ended, "{line}");
        ended.expect("a time")
    });
    let ended: Vec<String> = ended.collect();
    assert!(ended.is_sorted(), "{ended:?}");
    // To the microsecond, or texts would not be in the order of time.
    assert!(
        ended
            .iter()
            .all(|time| time.len() == "2026-11-24T12:00:00.000000Z".len())
    );
}

#[test]
fn what_a_crash_cut_short_is_computed_again() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let results = lab.results(FOLDER);
    for (role, done) in [
        ("validation", "2 trials on validation; left to do: 1"),
        ("test", "  1 trial on test"),
    ] {
        let name = record_on(&lab, role);
        let file = format!("{FOLDER}/records/{name}");
        let whole = fs::read(lab.path(&file)).expect("a record");
        for torn in [&whole[..whole.len() / 2], &[], &[0; 400]] {
            lab.write(&file, torn);
            // It does not count as done.
            let plan = lab.done(&["plan", "small.toml"]);
            assert!(plan.out.contains(done), "{plan}");
            lab.done(&["sweep", "small.toml"]).says(&[
                &format!("note: {file} was cut short"),
                "moved to damaged/",
                &format!("{role}: running 1 trials"),
            ]);
            assert_eq!(lab.results(FOLDER), results);
        }
        assert_eq!(lab.files(&format!("{FOLDER}/damaged")).len() % 3, 0);
    }
    // What the folder is about, too.
    let report = lab.report(FOLDER);
    lab.write("reports/small/experiment.json", [0; 100]);
    lab.done(&["sweep", "small.toml"])
        .says(&["note: reports/small/experiment.json was cut short"]);
    let again = lab.report(FOLDER);
    assert_eq!(common::comparable(again), common::comparable(report));
    assert_eq!(log(&lab).lines().count(), results.len() + 6);
}

#[test]
fn a_trial_whose_attachments_were_damaged_runs_again() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let results = lab.results(FOLDER);
    for role in ["validation", "test"] {
        let result = &results[&record_on(&lab, role)];
        for (what, name) in result["attachments"].as_object().expect("a table") {
            let file = format!("{FOLDER}/{}", name.as_str().expect("a name"));
            let whole = fs::read(lab.path(&file)).expect("an attachment");
            let mut other = whole.clone();
            *other.last_mut().expect("a byte") = b' ';
            for damaged in [&whole[..whole.len() / 2], &[], &other] {
                lab.write(&file, damaged);
                lab.done(&["sweep", "small.toml"])
                    .says(&[&format!("{role}: running")]);
                assert!(
                    fs::read(lab.path(&file)).expect("a file") == whole,
                    "{what}"
                );
            }
        }
    }
    assert_eq!(lab.results(FOLDER), results);
}

#[test]
fn a_second_result_that_differs_is_said_loudly() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let name = record_on(&lab, "validation");
    let file = format!("{FOLDER}/records/{name}");
    let mut record = json(&lab.path(&file));
    // A result that nobody can get again, whose trial runs again because a file is gone.
    record["result"]["metrics"]["ndcg@3"] = 0.987_654_321.into();
    lab.write(&file, record.to_string());
    let first = fs::read(lab.path(&file)).expect("a record");
    let lists = record["result"]["attachments"]["lists"].as_str();
    fs::remove_file(lab.path(FOLDER).join(lists.expect("a name"))).expect("an attachment");
    let id = name.trim_end_matches(".json");
    let aside = format!("conflicts/{id}.1.json");
    lab.done(&["sweep", "small.toml", "--quiet"]).says(&[
        "warning: validation: ",
        "came to another result than its record, which stays",
        &format!("reports/small/{aside}"),
    ]);
    assert!(fs::read(lab.path(&file)).expect("a record") == first);
    let second = json(&lab.path(FOLDER).join(&aside));
    assert_ne!(second["result"]["metrics"], record["result"]["metrics"]);
    assert_eq!(second["id"], id);
    // Also later, until somebody has decided.
    let ended = lab.done(&["sweep", "small.toml"]);
    assert!(ended.out.contains("0.987654321, then "), "{ended}");
    let warned = |lab: &Lab| {
        let report = lab.report(FOLDER);
        let warnings = report["warnings"].as_array().expect("a list").clone();
        let mut warnings = warnings.iter().filter_map(Value::as_str);
        warnings.any(|w| w.contains(&aside) && w.contains("second result"))
    };
    assert!(warned(&lab));
    // The advice is good.
    fs::remove_file(lab.path(&file)).expect("a record");
    fs::remove_file(lab.path(FOLDER).join(&aside)).expect("a record");
    lab.done(&["sweep", "small.toml"])
        .says(&["validation: running 1 trials"]);
    assert!(!warned(&lab));
    assert_eq!(lab.results(FOLDER)[&name], second["result"]);
}

/// A sweep that takes a while, once it has its first record.
fn at_work(lab: &Lab) -> Child {
    let long = SMALL.replace(
        "factors.grid = [4, 8]",
        "factors.grid = [16, 17, 18]\niterations = 1500",
    );
    lab.write("long.toml", long);
    let child = lab
        .command(&["sweep", "long.toml", "--threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let begun = Instant::now();
    let log = lab.path(FOLDER).join("trials.jsonl");
    while !log.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no record");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_second_sweep_sees_the_first_and_leaves_it_alone() {
    let lab = Lab::small();
    let mut first = at_work(&lab);
    let part = format!("{FOLDER}/records/.part-of-the-first");
    lab.write(&part, "half");
    let who = format!("another sweep (process {} on ", first.id());
    let command = "`musicrec-lab sweep long.toml --threads 1`";
    let fresh = lab.run(&["sweep", "long.toml", "--fresh"]);
    assert!(
        first.try_wait().expect("a state").is_none(),
        "ended too early"
    );
    fresh.expect(5).says(&[
        &format!("error: {who}"),
        command,
        "works in reports/small, so it cannot be set aside",
        "--out",
    ]);
    assert!(!lab.path("reports/small.old-1").exists());
    // Another question is refused as ever.
    lab.run(&["sweep", "long.toml", "--set", "seed=4"])
        .expect(5)
        .says(&["  seed: 3 -> 4"]);
    let models = "model=\"popularity\"";
    let second = lab.run(&["sweep", "long.toml", "--quiet", "--keep", "--set", models]);
    assert!(
        first.try_wait().expect("a state").is_none(),
        "ended too early"
    );
    second.expect(0).says(&[&format!("note: {who}"), command]);
    assert!(lab.path(&part).exists());
    let output = first.wait_with_output().expect("an end");
    Ended::new(&["the first"], &output).expect(0);
    let alone = lab
        .done(&["sweep", "long.toml"])
        .says(&["1 unfinished file"]);
    assert!(!alone.err.contains("another sweep"), "{alone}");
    assert!(!lab.path(&part).exists());
    assert_eq!(log(&lab).lines().count(), lab.results(FOLDER).len());
}

#[test]
fn where_nothing_has_ended_there_is_nothing_to_mix_with() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let other = ["sweep", "small.toml", "--set", "seed=4"];
    lab.run(&other).expect(5);
    for name in lab.results(FOLDER).keys() {
        fs::remove_file(lab.path(FOLDER).join("records").join(name)).expect("a record");
    }
    lab.done(&other);
    assert_eq!(lab.report(FOLDER)["shared"]["seed"], 4);
    lab.run(&["sweep", "small.toml"]).expect(5);
}

#[test]
fn a_sweep_that_was_killed_is_nobody() {
    let lab = Lab::small();
    let mut first = at_work(&lab);
    first.kill().expect("a signal");
    first.wait().expect("an end");
    let left = fs::read_dir(lab.path(FOLDER).join("running")).expect("a folder");
    assert!(left.count() > 1, "it left nothing");
    let fresh = lab.done(&["sweep", "small.toml", "--fresh"]);
    assert!(!fresh.err.contains("another sweep"), "{fresh}");
    assert!(lab.path("reports/small.old-1").exists());
}

#[test]
fn of_two_that_ask_different_things_at_the_same_moment_one_is_refused() {
    let lab = Lab::small();
    for round in 0..8 {
        let out = format!("out{round}");
        let start = |seed: &str| {
            lab.command(&["sweep", "small.toml", "--out", &out, "--set", seed])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program")
        };
        let ended = [start("seed=4"), start("seed=5")].map(|child| {
            let output = child.wait_with_output().expect("an end");
            Ended::new(&["one of two"], &output)
        });
        let mut codes = ended.each_ref().map(|e| e.code);
        codes.sort_unstable();
        assert_eq!(codes, [0, 5], "{}\n{}", ended[0], ended[1]);
        let [won] = ended.iter().filter(|e| e.code == 0).collect::<Vec<_>>()[..] else {
            unreachable!()
        };
        assert!(won.out.contains("Report: "), "{won}");
        let seed = lab.report(&format!("{out}/small"))["shared"]["seed"].clone();
        for result in lab.results(&format!("{out}/small")).values() {
            assert_eq!(result["definition"]["seed"], seed);
        }
    }
}
