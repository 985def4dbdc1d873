//! Alternatives of the cleaners: rows of one leaderboard that are asked the same, or a refusal.

mod common;

use std::fmt::Write as _;
use std::fs;

use common::{Lab, SMALL, log, row};
use serde_json::Value;

const ENTRY: &str = "[splitter.global_time]";

/// [`SMALL`] with another entry of the cleaners, and what rows are.
fn definition(entry: &str, compare: &str) -> String {
    SMALL
        .replace(ENTRY, &format!("[[cleaners]]\n{entry}\n\n{ENTRY}"))
        .replace(
            "[evaluation]",
            &format!("[evaluation]\ncompare = {compare}"),
        )
}

const DUPLICATES: &str = "grid = [\"off\", { drop_duplicates = {} }]";
const ROWS: &str = r#"["model", "cleaners"]"#;

/// The log, of which some rows of the second half are there twice.
fn log_with_copies() -> String {
    let mut text = String::new();
    for (at, line) in log().lines().enumerate() {
        let _ = writeln!(text, "{line}");
        if at > 300 && at % 9 == 0 {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The label of each alternative, and the name of its row of a model.
fn labels(report: &Value) -> Vec<&str> {
    let cleanings = report["cleanings"].as_array().expect("a list");
    let labels = cleanings.iter().map(|c| c["label"].as_str());
    labels.collect::<Option<_>>().expect("labels")
}

#[test]
fn a_step_that_changes_nothing_changes_no_number() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--out", "alone"]);
    lab.write("small.toml", definition(DUPLICATES, ROWS));
    let ended = lab
        .done(&["sweep", "small.toml", "--out", "both"])
        .says(&["validation: running 6 trials", "test: running 4 trials"]);
    let (alone, both) = (lab.report("alone/small"), lab.report("both/small"));
    let labels = labels(&both);
    assert_eq!(labels.len(), 2);
    for model in ["popularity", "als"] {
        let single = row(&alone, model);
        for label in &labels {
            let compared = row(&both, &format!("{model} / {label}"));
            for key in [
                "settings",
                "trials",
                "validation",
                "test",
                "p_chance",
                "users",
                "users_hit",
                "users_tied",
            ] {
                assert_eq!(compared[key], single[key], "{model} / {label}: {key}");
            }
        }
    }
    for (at, label) in labels.iter().enumerate() {
        let cleaned = &both["cleanings"][at];
        for key in ["log", "folds", "floor", "columns"] {
            assert_eq!(cleaned[key], alone["cleanings"][0][key], "{label}: {key}");
        }
        assert!(ended.out.contains(&format!("(random ranking) {label}")));
        assert!(ended.out.contains(&format!("(best possible) {label}")));
    }
    assert!(!ended.out.contains("left out"), "{ended}");
    // Rows are called otherwise where there are several alternatives.
    let warnings = |report: &Value| -> Vec<Value> {
        let all = report["warnings"].as_array().expect("a list").iter();
        let of_ties = |w: &&Value| w.as_str().is_some_and(|w| w.contains("item id"));
        all.filter(|w| !of_ties(w)).cloned().collect()
    };
    assert_eq!(warnings(&both), warnings(&alone));
}

#[test]
fn every_row_is_over_the_same_users_and_targets() {
    let lab = Lab::new();
    lab.write("log.csv", log_with_copies());
    lab.write("small.toml", definition(DUPLICATES, ROWS));
    let ended = lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let test = |at: usize| &report["cleanings"][at]["folds"][1];
    for key in ["users", "targets"] {
        assert_eq!(test(0)[key], test(1)[key]);
    }
    assert_ne!(test(0)["fit"]["events"], test(1)["fit"]["events"]);
    let lost = [0, 1].map(|at| test(at)["lost_targets"].as_u64().expect("a count"));
    assert!(lost.iter().any(|l| *l > 0), "{lost:?}");
    assert!(
        ended
            .out
            .contains("targets are left out, for not every alternative")
    );
    assert!(ended.out.contains("are cut at different times"), "{ended}");
    let users = |record: &Value| {
        let name = format!(
            "reports/small/{}",
            record["attachments"]["per_user"].as_str().unwrap()
        );
        let text = fs::read_to_string(lab.path(name)).expect("a table");
        let users = text
            .lines()
            .skip(1)
            .map(|l| l.split(',').next().unwrap().to_owned());
        users.collect::<std::collections::BTreeSet<_>>()
    };
    let results = lab.results("reports/small");
    let of_test = results.values().filter(|r| r["role"] == "test");
    let tables: Vec<_> = of_test.map(users).collect();
    assert_eq!(tables.len(), 4);
    assert!(tables.iter().all(|t| *t == tables[0]));
    // Every trial names all alternatives, for what is asked depends on them.
    for result in results.values() {
        let all = &result["definition"]["compared_cleaners"];
        assert_eq!(all.as_array().map(Vec::len), Some(2), "{result}");
    }
    // Another set of alternatives asks something else, so records are not mixed.
    lab.write("small.toml", definition("drop_duplicates = {}", ROWS));
    lab.run(&["sweep", "small.toml"])
        .expect(5)
        .says(&["  cleaners."]);
}

#[test]
fn a_models_name_means_its_first_row() {
    let lab = Lab::small();
    let named = "\n[recommendations]\nvariant = \"popularity\"\n";
    lab.write("small.toml", definition(DUPLICATES, ROWS) + named);
    lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let first = format!("popularity / {}", labels(&report)[0]);
    assert_eq!(report["recommended"]["variant"], first.as_str());
    assert_eq!(report["baseline"], first.as_str());
    assert!(lab.path("reports/small/recommendations.csv").is_file());
}

#[test]
fn what_is_no_row_is_chosen_on_validation() {
    let lab = Lab::new();
    lab.write("log.csv", log_with_copies());
    lab.write("small.toml", definition(DUPLICATES, r#"["model"]"#));
    lab.done(&["sweep", "small.toml"])
        .says(&["validation: running 6 trials"]);
    let report = lab.report("reports/small");
    let rows = report["leaderboard"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let cleaning = row["cleaning"].as_u64().expect("a place") as usize;
        let label = labels(&report)[cleaning];
        assert!(
            row["settings"].as_str().expect("a text").contains(label),
            "{row}"
        );
    }
}

#[test]
fn what_asks_too_different_things_is_refused() {
    let lab = Lab::small();
    let entry =
        "grid = [\"off\", { keep_rows = { column = \"user_id\", values = [\"u1\", \"u2\"] } }]";
    lab.write("small.toml", definition(entry, ROWS));
    let ended = lab.run(&["sweep", "small.toml"]).expect(2).says(&[
        "error: the alternatives of the cleaners ask different questions",
        "on = \"fit\"",
        "in experiments of their own",
    ]);
    assert_eq!(ended.out, "");
    assert!(!lab.path("reports").exists());
}
