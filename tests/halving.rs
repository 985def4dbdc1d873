//! Successive halving: what runs how far, what is recorded, and that nothing of it is lost.

mod common;

use std::collections::BTreeMap;

use common::{Lab, SMALL};
use serde_json::{Value, json};

/// Nine trials of ALS, halved.
fn halved(keys: &str) -> String {
    SMALL.replace(
        "factors.grid = [4, 8]\nregularization = 1.0",
        "factors.grid = [2, 4, 8]\nregularization.grid = [0.1, 1.0, 10.0]\niterations = 9",
    ) + &format!("\n[search.halving]\n{keys}\n")
}

/// How many trials of ALS have a record on validation, by what `of` says of the record's result.
fn counts(lab: &Lab, of: impl Fn(&Value) -> Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for result in lab.results("reports/small").values() {
        if result["role"] == "validation" && result["definition"]["model"]["als"].is_object() {
            *counts.entry(of(result).to_string()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn steps_are_halved_and_the_rest_is_as_ever() {
    let lab = Lab::small();
    lab.write("small.toml", halved("least = 1"));
    lab.done(&["sweep", "small.toml"]);
    let iterations = |result: &Value| result["definition"]["model"]["als"]["iterations"].clone();
    let expected = [("1", 9), ("3", 3), ("9", 1)].map(|(steps, n)| (steps.to_owned(), n));
    assert_eq!(counts(&lab, iterations), expected.into());
    let report = lab.report("reports/small");
    let trials = report["trials"].as_array().expect("trials");
    let stopped: Vec<&Value> = trials.iter().filter(|t| t["stopped"].is_string()).collect();
    assert_eq!(stopped.len(), 8);
    let after = |steps: usize| {
        let text = format!("stopped after {steps} of 9 iterations");
        stopped.iter().filter(|t| t["stopped"] == text).count()
    };
    assert_eq!((after(1), after(3)), (6, 2));
    // The survivors of a rung had the highest values on it.
    let least_kept = trials
        .iter()
        .filter(|t| t["variant"] == "als" && t["stopped"].is_null())
        .count();
    assert_eq!(least_kept, 1);
    // What is chosen was run to the end.
    let chosen = trials
        .iter()
        .find(|t| t["chosen"] == true && t["variant"] == "als");
    assert!(chosen.expect("a trial")["stopped"].is_null());
    let again = lab.done(&["sweep", "small.toml"]);
    again.says(&["nothing to do"]);
    // On a rung, a trial is what it is with so many iterations.
    let on_rungs = lab.results("reports/small");
    let setting = [
        "--set",
        "model.als.iterations=1",
        "--set",
        "search.halving.least=1",
    ];
    let out = ["--out", "short"];
    lab.write("short.toml", halved("").replace("[search.halving]", ""));
    lab.done(&[&["sweep", "short.toml"], &setting[..2], &out].concat());
    let short = lab.results("short/small");
    let common = on_rungs
        .iter()
        .filter(|(name, _)| short.contains_key(*name));
    let common: Vec<_> = common.collect();
    assert!(common.len() >= 9, "{}", common.len());
    for (name, result) in common {
        assert_eq!(*result, short[name]);
    }
}

#[test]
fn users_are_halved_and_their_trials_can_be_run_again() {
    let lab = Lab::small();
    lab.write(
        "small.toml",
        halved("resource = \"users\"\nreduction = 2\nleast = 0.5"),
    );
    lab.done(&["sweep", "small.toml"]);
    let users = |result: &Value| result["users_share"].clone();
    let shares = counts(&lab, users);
    assert_eq!(shares.get("0.5"), Some(&9), "{shares:?}");
    assert_eq!(shares.get("null"), Some(&4), "{shares:?}");
    let asked = |share: Value| {
        let results = lab.results("reports/small");
        let mut of_share = results
            .values()
            .filter(|r| r["role"] == "validation" && r["users_share"] == share);
        of_share.next().expect("a record")["users"]
            .as_u64()
            .expect("a number")
    };
    assert!(asked(json!(0.5)) < asked(Value::Null));
    lab.done(&["verify", "reports/small", "--all"]);
}

#[test]
fn a_sweep_that_is_halved_goes_on_where_it_was() {
    let lab = Lab::small();
    lab.write("small.toml", halved("least = 1"));
    lab.done(&["sweep", "small.toml", "--out", "whole"]);
    lab.done(&["sweep", "small.toml"]);
    let whole = lab.results("whole/small");
    assert_eq!(lab.results("reports/small"), whole);
    // Without one rung's record after the other, only that is run again.
    for name in whole.keys() {
        let record = lab.path("reports/small/records").join(name);
        std::fs::remove_file(record).expect("a record");
        let ended = lab.done(&["sweep", "small.toml"]);
        assert_eq!(ended.err.matches("running 1 trials").count(), 1, "{ended}");
    }
    assert_eq!(lab.results("reports/small"), whole);
}

#[test]
fn what_fails_on_a_rung_is_a_failure() {
    let lab = Lab::small();
    let definition =
        halved("least = 1").replace("[0.1, 1.0, 10.0]", "1.0\nalpha.grid = [1.0, 1e300]");
    lab.write("small.toml", definition);
    for _ in 0..2 {
        lab.run(&["sweep", "small.toml"])
            .expect(1)
            .says(&["error: 3 trials failed"]);
        let report = lab.report("reports/small");
        let trials = report["trials"].as_array().expect("trials").iter();
        let failed = trials.filter(|trial| trial["failure"].is_string()).count();
        assert_eq!(failed, 3);
    }
    lab.run(&["sweep", "small.toml", "--retry-failed"])
        .expect(1)
        .says(&["validation: als (factors=2, alpha=1e+300, after "]);
}
