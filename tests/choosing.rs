//! How settings are chosen and scored: seeds of stochastic models, looks at the test part, and what
//! the grid leaves open.

mod common;

use common::{Lab, row};
use serde_json::Value;

/// The records of a role and model, by seed.
fn seeds(lab: &Lab, folder: &str, role: &str, factors: u64) -> Vec<Value> {
    let mut found: Vec<Value> = lab
        .records(folder)
        .into_values()
        .filter(|record| {
            let result = &record["result"];
            result["role"] == role && result["definition"]["model"]["als"]["factors"] == factors
        })
        .collect();
    found.sort_by_key(|record| record["result"]["repeat"].as_u64());
    found
}

fn mean(records: &[Value], metric: &str) -> f64 {
    let values = records.iter().map(|r| &r["result"]["metrics"][metric]);
    values.map(|v| v.as_f64().unwrap()).sum::<f64>() / records.len() as f64
}

/// How many warnings are about tuning and looks at the test part.
fn warned(report: &Value) -> usize {
    let warnings = report["warnings"].as_array().expect("a list");
    let about = |w: &&Value| {
        let text = w.as_str().expect("text");
        text.contains("unequal tuning") || text.contains("on this test part")
    };
    warnings.iter().filter(about).count()
}

#[test]
fn a_stochastic_model_counts_by_the_mean_of_its_seeds() {
    let lab = Lab::small();
    let sweep = |settings: &[&str]| {
        let mut arguments = vec!["sweep", "small.toml"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        lab.done(&arguments)
    };
    let ended = sweep(&["evaluation.seeds=3", "evaluation.validation_seeds=2"]);
    let folder = "reports/small";
    // Two seeds for both settings of ALS and one for popularity; three for the chosen one.
    assert!(
        ended.err.contains("validation: running 5 trials"),
        "{ended}"
    );
    assert!(ended.err.contains("test: running 4 trials"), "{ended}");
    let report = lab.report(folder);
    let als = row(&report, "als");
    let (small, large) = (
        seeds(&lab, folder, "validation", 4),
        seeds(&lab, folder, "validation", 8),
    );
    assert_eq!((small.len(), large.len()), (2, 2));
    let metric = "ndcg@3";
    assert_ne!(
        small[0]["result"]["metrics"], small[1]["result"]["metrics"],
        "another seed gives another result"
    );
    let factors = if mean(&small, metric) >= mean(&large, metric) {
        4
    } else {
        8
    };
    assert_eq!(als["settings"], format!("factors={factors}"));
    let test = seeds(&lab, folder, "test", factors);
    assert_eq!(test.len(), 3);
    assert_eq!(als["seeds"], 3);
    let value = als["test"][metric]["value"].as_f64().unwrap();
    assert!((value - mean(&test, metric)).abs() < 1e-12);
    let values: Vec<f64> = test
        .iter()
        .map(|r| r["result"]["metrics"][metric].as_f64().unwrap())
        .collect();
    let squares: f64 = values.iter().map(|v| (v - value).powi(2)).sum();
    let sd = als["seed_sd"][metric].as_f64().unwrap();
    assert!((sd - (squares / 2.0).sqrt()).abs() < 1e-12 && sd > 0.0);
    assert!(ended.out.contains("als: mean of 3 seeds"), "{ended}");
    let popularity = row(&report, "popularity");
    assert_eq!(
        (&popularity["seeds"], &popularity["seed_sd"]),
        (&1.into(), &serde_json::json!({}))
    );
    // More seeds run what is missing only.
    let ended = sweep(&["evaluation.seeds=4", "evaluation.validation_seeds=2"]);
    assert!(
        ended
            .err
            .contains("test: 4 of 5 trials have a record already"),
        "{ended}"
    );
    assert!(ended.err.contains("test: running 1 trials"), "{ended}");
    assert_eq!(row(&lab.report(folder), "als")["seeds"], 4);
}

#[test]
fn what_is_scored_on_test_is_counted_over_all_folders() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let looks = &report["selection"]["test_looks"];
    assert_eq!((&looks["total"], &looks["here"]), (&2.into(), &2.into()));
    assert_eq!(warned(&report), 0);
    // Another experiment on the same test part looks at it with what it chooses.
    let set = |setting| ["--set", setting];
    let mut arguments = vec!["sweep", "small.toml"];
    arguments.extend(set("name=peek"));
    arguments.extend(set("evaluation.exhibit_test=true"));
    let ended = lab.done(&arguments);
    let report = lab.report("reports/peek");
    let looks = &report["selection"]["test_looks"];
    assert_eq!((&looks["total"], &looks["here"]), (&3.into(), &3.into()));
    assert_eq!(
        looks["elsewhere"],
        serde_json::json!([{"folder": "small", "looks": 2}])
    );
    assert!(
        ended
            .out
            .contains("3 settings have been scored on this test part"),
        "{ended}"
    );
    for trial in report["trials"].as_array().unwrap() {
        assert!(trial["test"]["ndcg@3"].is_number(), "{trial}");
    }
    let rank = &report["selection"]["rank_correlation"];
    assert_eq!(rank["trials"], 3);
    assert!(report["changes"].as_array().unwrap().iter().any(|c| {
        c.as_str()
            .unwrap()
            .contains("every trial was scored on test")
    }));
    let said = |folder: &str| {
        std::fs::read_to_string(lab.path(format!("{folder}/report.md"))).expect("a report")
    };
    assert!(said("reports/peek").contains("All others were scored on test too"));
    assert!(said("reports/small").contains("Only that one was scored on test."));
    // Another cut of the same log asks something else.
    let mut arguments = vec!["sweep", "small.toml"];
    arguments.extend(set("name=cut"));
    arguments.extend(set("splitter.global_time.test=0.3"));
    lab.done(&arguments);
    let looks = lab.report("reports/cut")["selection"]["test_looks"].clone();
    assert_eq!(
        (&looks["total"], &looks["other_parts"]),
        (&2.into(), &3.into())
    );
    // Without --exhibit only the chosen trials show a value on test.
    let shown = lab.report("reports/small");
    let shown = shown["trials"].as_array().unwrap();
    let on_test = shown.iter().filter(|t| t["test"]["ndcg@3"].is_number());
    assert_eq!(on_test.count(), 2);
}

#[test]
fn an_optimum_at_the_edge_of_its_grid_and_unequal_tuning_are_said() {
    let lab = Lab::small();
    let ended = lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let budgets = report["selection"]["budgets"].as_array().unwrap();
    let als = budgets.iter().find(|b| b["variant"] == "als").unwrap();
    assert_eq!(als["trials"], 2);
    assert_eq!(
        als["ranges"],
        serde_json::json!([{"parameter": "factors", "values": ["4", "8"]}])
    );
    let chosen = row(&report, "als")["settings"].as_str().unwrap().to_owned();
    let (end, beyond) = match chosen.as_str() {
        "factors=4" => ("lowest", "below 4"),
        "factors=8" => ("highest", "above 8"),
        other => panic!("{other}"),
    };
    assert_eq!(als["edges"][0]["end"], end);
    assert!(
        ended.out.contains(&format!("extend the grid {beyond}")),
        "{ended}"
    );
    // Popularity has nothing to tune; a second ALS of one setting has.
    assert_eq!(warned(&report), 0);
    let untuned =
        "[[model.als]]\nlabel = \"untuned\"\nfactors = 4\n\n[[model.als]]\nlabel = \"als\"";
    lab.write("two.toml", common::SMALL.replace("[model.als]", untuned));
    let ended = lab.done(&["sweep", "two.toml", "--out", "two"]);
    assert_eq!(warned(&lab.report("two/small")), 1);
    let unequal = "unequal tuning: `als` was chosen from 2 settings, `untuned` from 1 setting";
    assert!(ended.out.contains(unequal), "{ended}");
}
