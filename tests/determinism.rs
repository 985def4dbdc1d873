//! The same definition gives the same bits, whatever the threads and the order.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Lab, SMALL, comparable, experiment};
use serde_json::Value;

/// Every file of the report folder that must not depend on how it was computed, with its bytes.
fn fixed(lab: &Lab, folder: &str) -> BTreeMap<String, Vec<u8>> {
    lab.files(folder)
        .into_iter()
        .filter(|name| name.starts_with("attachments/") || name.starts_with("recommendations"))
        .map(|name| {
            let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
            (name, bytes)
        })
        .collect()
}

/// The leaderboard's CSV without its columns of seconds and memory.
fn leaderboard(lab: &Lab, folder: &str) -> Vec<Vec<String>> {
    let path = lab.path(folder).join("leaderboard.csv");
    let mut reader = csv::Reader::from_path(path).expect("a leaderboard");
    let header = reader.headers().expect("a header").clone();
    let timeless = |row: &csv::StringRecord| {
        header
            .iter()
            .zip(row)
            .filter(|(name, _)| !name.ends_with("_seconds") && *name != "peak_bytes")
            .map(|(_, cell)| cell.to_owned())
            .collect::<Vec<_>>()
    };
    let mut rows = vec![timeless(&header)];
    rows.extend(reader.records().map(|r| timeless(&r.expect("a row"))));
    rows
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    let lab = Lab::new();
    let definition = experiment("quickstart");
    let runs = ["1", "2", "3"].map(|threads| {
        lab.done(&[
            "sweep",
            &definition,
            "--threads",
            threads,
            "--out",
            threads,
            "--set",
            "model.als.factors={grid=[8,16]}",
            "--set",
            // Large enough for a thread pool to have something to divide.
            "source.synthetic.rows=40000",
        ]);
        format!("{threads}/quickstart")
    });
    let [one, others @ ..] = &runs;
    let results = lab.results(one);
    assert!(results.len() >= 5, "{} records", results.len());
    for other in others {
        assert_eq!(results, lab.results(other), "{other}");
        assert_eq!(lab.files(one), lab.files(other));
        assert_eq!(fixed(&lab, one), fixed(&lab, other), "{other}");
        assert_eq!(leaderboard(&lab, one), leaderboard(&lab, other));
        assert_eq!(
            comparable(lab.report(one)),
            comparable(lab.report(other)),
            "{other}"
        );
    }
    // The records do say how they were made.
    let threads = |folder: &str| -> Vec<Value> {
        let records = lab.records(folder);
        records
            .values()
            .map(|r| r["run"]["threads"].clone())
            .collect()
    };
    assert!(threads(one).iter().all(|t| *t == 1));
}

#[test]
fn one_trial_divided_among_threads_gives_the_same_bits() {
    let lab = Lab::new();
    let quickstart = fs::read_to_string(experiment("quickstart")).expect("a definition");
    // A sweep gives each trial a thread of its own, unless there are more threads than trials.
    let lonely = quickstart
        .replace("[model.popularity]\n", "")
        .replace("baseline = \"popularity\"", "")
        .replace("name = \"quickstart\"", "name = \"lonely\"");
    lab.write("lonely.toml", lonely);
    let setting = "model.als={ factors = 16, iterations = 5 }";
    for threads in ["1", "3"] {
        lab.done(&[
            "sweep",
            "lonely.toml",
            "--set",
            setting,
            "--set",
            "evaluation={ add_popularity = false, seeds = 1 }",
            "--threads",
            threads,
            "--out",
            threads,
        ]);
    }
    let records = lab.records("3/lonely");
    assert_eq!(records.len(), 2);
    assert!(records.values().all(|r| r["run"]["threads"] == 3));
    assert_eq!(lab.results("1/lonely"), lab.results("3/lonely"));
    assert_eq!(fixed(&lab, "1/lonely"), fixed(&lab, "3/lonely"));
}

/// What each trial came to, by fold and parameters, without what names the seed.
fn outcomes(lab: &Lab, folder: &str) -> BTreeMap<String, Value> {
    lab.results(folder)
        .into_values()
        .map(|result| {
            let model = &result["definition"]["model"];
            let key = format!("{} {model}", result["role"]);
            (key, result["attachments"].clone())
        })
        .collect()
}

#[test]
fn the_seed_changes_als_and_not_popularity() {
    let lab = Lab::small();
    for seed in ["1", "2"] {
        let set = format!("seed={seed}");
        let one = "model.als.factors=8";
        lab.done(&[
            "sweep",
            "small.toml",
            "--set",
            &set,
            "--set",
            one,
            "--out",
            seed,
        ]);
    }
    let (first, second) = (outcomes(&lab, "1/small"), outcomes(&lab, "2/small"));
    assert_eq!(first.len(), 4);
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>()
    );
    for (trial, attachments) in &first {
        let same = *attachments == second[trial];
        assert_eq!(same, trial.contains("popularity"), "{trial}");
    }
}

#[test]
fn the_order_of_headers_changes_no_result() {
    let lab = Lab::small();
    let start = SMALL.find("[model.popularity]").expect("a header");
    let end = SMALL.find("[evaluation]").expect("a header");
    let (popularity, als) = SMALL[start..end].split_once("\n\n").expect("two headers");
    let turned = format!("{}{als}{popularity}\n\n{}", &SMALL[..start], &SMALL[end..]);
    assert_ne!(turned, SMALL);
    lab.write("turned.toml", turned);
    lab.done(&["sweep", "small.toml", "--out", "a"]);
    lab.done(&["sweep", "turned.toml", "--out", "b"]);
    assert_eq!(lab.results("a/small"), lab.results("b/small"));
    assert_eq!(fixed(&lab, "a/small"), fixed(&lab, "b/small"));
    assert_eq!(leaderboard(&lab, "a/small"), leaderboard(&lab, "b/small"));
}
