//! `--portable`: the same numbers everywhere, in trials of their own.
//!
//! That other processors give the same bits is shown by `benches/agreement/portable.sh`, which needs an
//! emulator; here is what can be seen on one machine.

mod common;

use common::{Lab, SMALL};
use serde_json::Value;

/// Weightings and metrics that take logarithms and powers, and ALS both ways.
fn definition() -> String {
    SMALL
        .replace(
            "[weighting.binary]",
            "[weighting.bm25]\nof = \"plays\"\n\n[weighting.recency]\nof.log.of = \"plays\"",
        )
        .replace(
            "factors.grid = [4, 8]",
            "factors = 40\nsolver.grid = [\"exact\", \"conjugate_gradients\"]",
        )
        .replace(
            "[evaluation]",
            "[evaluation]\nmetrics = [\"ndcg@3\", \"recall@3\", \"novelty@3\"]",
        )
}

#[test]
fn portable_trials_are_others_are_verified_and_hang_on_no_threads() {
    let lab = Lab::small();
    lab.write("small.toml", definition());
    let sweep = |out: &str, more: &[&str]| {
        lab.done(&[&["sweep", "small.toml", "--quiet", "--out", out], more].concat());
        lab.records(&format!("{out}/small"))
    };
    let ordinary = sweep("ordinary", &[]);
    let one = sweep("one", &["--portable", "--threads", "1"]);
    let three = sweep("three", &["--portable", "--threads", "3"]);
    assert_eq!(ordinary.len(), one.len());
    assert!(
        one.keys().all(|id| !ordinary.contains_key(id)),
        "ids are others"
    );
    let results = |records: &std::collections::BTreeMap<String, Value>| -> Vec<Value> {
        records.values().map(|r| r["result"].clone()).collect()
    };
    assert_eq!(results(&one), results(&three));
    assert!(
        one.values()
            .all(|r| r["result"]["arithmetic"] == "portable")
    );
    assert!(
        ordinary
            .values()
            .all(|r| r["result"]["arithmetic"].is_null())
    );
    // Rounded otherwise, they are the same for all practical purposes.
    let value = |folder: &str| {
        let report = lab.report(folder);
        common::row(&report, "als")["test"]["ndcg@3"]["value"]
            .as_f64()
            .expect("a value")
    };
    assert!((value("one/small") - value("ordinary/small")).abs() < 0.05);
    // The record says how it was computed, so it is computed so again, beside those of the other kind.
    sweep("ordinary", &["--portable", "--keep"]);
    let ended = lab.done(&["verify", "ordinary/small", "--all", "--quiet"]);
    assert!(
        ended.out.contains(&format!("All {} trials", 2 * one.len())),
        "{ended}"
    );
    let report = std::fs::read_to_string(lab.path("one/small/report.md")).expect("a report");
    assert!(
        report.contains("(portable: records have the same bits"),
        "{report}"
    );
    let known = lab.done(&["plan", "small.toml", "--out", "one", "--portable"]);
    let unknown = lab.done(&["plan", "small.toml", "--out", "one", "--keep"]);
    assert_ne!(known.out, unknown.out);
    // A difference is no matter of the machine.
    let id = one.keys().next().expect("a record");
    let path = lab.path("one/small/records").join(id);
    let mut record = common::json(&path);
    record["result"]["users_hit"] = 99.into();
    record["run"]["instructions"] = "vax".into();
    std::fs::write(&path, record.to_string()).expect("a record");
    let ended = lab
        .run(&["verify", "one/small", "--all", "--quiet"])
        .expect(1);
    assert!(
        ended
            .out
            .contains("portable numbers are the same everywhere"),
        "{ended}"
    );
}
