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
    let definition = halved("least = 1").replace(
        "regularization.grid = [0.1, 1.0, 10.0]",
        "regularization = 1.0\nalpha.grid = [1.0, 1e300]",
    );
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
        .says(&["validation: als (alpha=1e+300, factors=2, after 3 iterations) failed"]);
}

/// The lines of a plan, and how many of the trials in its table are of a state on validation.
fn planned(lab: &Lab) -> (String, impl Fn(&str) -> usize) {
    let out = lab.done(&["plan", "small.toml"]).out;
    let table = out.split("\nShared").next().unwrap_or_default().to_owned();
    let count = move |state: &str| {
        let cells = table.lines().filter_map(|line| line.split('|').nth(3));
        cells.filter(|cell| cell.trim() == state).count()
    };
    (out, count)
}

/// Seconds as the program writes them.
fn seconds(text: &str) -> f64 {
    let number = text.trim().strip_suffix(" s");
    let number = number.unwrap_or_else(|| panic!("`{text}` are no seconds"));
    let number = number.trim_start_matches('<').parse();
    number.unwrap_or_else(|e| panic!("`{text}`: {e}"))
}

/// Seconds on one thread that a plan expects for all that is left, and those of its trials of ALS to their
/// end.
fn expected(out: &str) -> (f64, f64) {
    let line = out
        .lines()
        .find(|line| line.contains("fitting and ranking:"));
    let line = line.unwrap_or_else(|| panic!("no estimate in {out}"));
    let (before, _) = line
        .split_once(" on one")
        .expect("what it is on one thread");
    let (_, all) = before.split_once('(').expect("a bracket");
    let rows = out.lines().filter(|line| line.contains("| als "));
    let cells = rows.filter_map(|line| line.rsplit('|').next());
    (seconds(all), cells.map(seconds).sum())
}

#[test]
fn a_plan_knows_the_rungs() {
    let lab = Lab::small();
    lab.write("small.toml", halved("least = 1"));
    let (out, count) = planned(&lab);
    assert!(
        out.contains("halving of als: 9 trials with 1 iterations, 3 with 3, 1 with 9"),
        "{out}"
    );
    assert!(
        out.contains("0 trials on validation; left to do: 10"),
        "{out}"
    );
    assert!(
        out.contains("halving of als: 0 of 9 on rung 1, 0 of 3 on rung 2, 0 of 1 on rung 3"),
        "{out}"
    );
    assert_eq!(count("runs"), 10, "{out}");
    lab.done(&["sweep", "small.toml"]);
    let (out, count) = planned(&lab);
    assert!(out.contains("nothing left to do"), "{out}");
    assert!(
        out.contains("2 trials on validation, 8 stopped early; left to do: 0"),
        "{out}"
    );
    assert_eq!(
        (count("done"), count("stopped"), count("runs")),
        (2, 8, 0),
        "{out}"
    );
    assert!(out.contains("(<0.01 s on one)"), "{out}");
    // As a sweep leaves it that is killed in the second rung: one of three is missing, and the last rung.
    let of_als = |iterations: usize| {
        let mut names = Vec::new();
        for (name, result) in lab.results("reports/small") {
            if result["definition"]["model"]["als"]["iterations"] == iterations {
                names.push(name);
            }
        }
        names
    };
    for name in of_als(9).iter().chain(&of_als(3)[..1]) {
        let record = lab.path("reports/small/records").join(name);
        std::fs::remove_file(record).expect("a record");
    }
    let (out, count) = planned(&lab);
    assert!(!out.contains("nothing left to do"), "{out}");
    assert!(
        out.contains("1 trial on validation, 6 stopped early; left to do: 1, then"),
        "{out}"
    );
    assert!(
        out.contains("halving of als: 9 of 9 on rung 1, 2 of 3 on rung 2, 0 of 1 on rung 3"),
        "{out}"
    );
    assert_eq!(
        (count("runs"), count("if among the best"), count("stopped")),
        (1, 2, 6),
        "{out}"
    );
    let again = lab.done(&["sweep", "small.toml"]);
    // One of three on the second rung, one on the third, that one on test.
    assert_eq!(again.err.matches("running 1 trials").count(), 3, "{again}");
    assert_eq!(planned(&lab).1("stopped"), 8);
}

#[test]
fn the_estimate_of_a_plan_counts_the_rungs() {
    let lab = Lab::small();
    // So large that seconds show; none of it runs. What a plan says is measured anew by each, so one is
    // compared with itself.
    let large = |keys: &str| halved(keys).replace("[2, 4, 8]", "[512, 513, 514]");
    lab.write("small.toml", large("least = 1"));
    let out = planned(&lab).0;
    let (all, trials) = expected(&out);
    // 9 × 1 + 3 × 3 + 1 × 9 iterations on validation and 9 on test, of 9 × 9.
    let share = all / trials;
    assert!((0.37..0.52).contains(&share), "{share}: {out}");
    let whole = large("");
    let whole = whole.split("\n[search").next().expect("a text");
    lab.write("small.toml", whole);
    let out = planned(&lab).0;
    let (all, trials) = expected(&out);
    // Each to its end, and one on test.
    let share = all / trials;
    assert!((1.0..1.25).contains(&share), "{share}: {out}");
}

#[test]
fn the_report_counts_fits_on_rungs() {
    let lab = Lab::small();
    lab.write("small.toml", halved("least = 1"));
    lab.done(&["sweep", "small.toml"]);
    let mut spent = 0.0;
    for record in lab.records("reports/small").values() {
        let als = record["result"]["definition"]["model"]["als"].is_object();
        if als && record["result"]["role"] == "validation" {
            spent += record["run"]["stages"]["fit"]["seconds"]
                .as_f64()
                .expect("seconds");
        }
    }
    let report = lab.report("reports/small");
    let budgets = report["selection"]["budgets"].as_array().expect("budgets");
    let als = budgets.iter().find(|b| b["variant"] == "als").expect("als");
    let said = als["fit_seconds"].as_f64().expect("seconds");
    assert!(
        (said - spent).abs() < 1e-9 * spent.max(1.0),
        "{said} {spent}"
    );
}
