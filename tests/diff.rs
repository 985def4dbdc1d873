//! `musicrec-lab diff`: what differs between two report folders, and the gate.

mod common;

use common::{Ended, Lab, SMALL, log};
use serde_json::Value;

/// `a/small` and `b/small`, of which the second was swept with these settings.
fn two(settings: &[&str]) -> Lab {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "a"]);
    let mut arguments = vec!["sweep", "small.toml", "--quiet", "--out", "b"];
    arguments.extend(settings.iter().flat_map(|s| ["--set", s]));
    lab.done(&arguments);
    lab
}

fn diff(lab: &Lab, more: &[&str]) -> Ended {
    lab.run(&[&["diff", "a/small", "b/small"], more].concat())
}

fn as_json(lab: &Lab) -> Value {
    let ended = diff(lab, &["--format", "json"]).expect(0);
    serde_json::from_str(&ended.out).expect("JSON")
}

#[test]
fn a_folder_does_not_differ_from_itself() {
    let lab = two(&[]);
    let text = diff(&lab, &["--fail-if", "ndcg@3 != 0", "--format", "text"]);
    text.expect(2);
    let ended = diff(
        &lab,
        &["--fail-if", "ndcg@3 < 0", "--fail-if", "recall@3 > 0%"],
    )
    .expect(0);
    for phrase in [
        "Definition: the same",
        "Data: the same",
        "Code: the same",
        "the same records",
    ] {
        assert!(ended.out.contains(phrase), "{phrase}: {ended}");
    }
    let json = as_json(&lab);
    for list in [
        "definition",
        "data",
        "code",
        "machine",
        "only_a",
        "only_b",
        "failed",
    ] {
        assert_eq!(json[list], serde_json::json!([]), "{list}");
    }
    let metrics = json["variants"][0]["metrics"].as_array().expect("metrics");
    assert_eq!(metrics.len(), 3);
    assert!(
        metrics
            .iter()
            .all(|m| m["difference"] == 0.0 && m["relative"] == 0.0)
    );
}

#[test]
fn two_seeds_differ_where_seeds_matter_and_are_paired() {
    let lab = two(&["seed=4"]);
    let json = as_json(&lab);
    assert_eq!(
        json["definition"],
        serde_json::json!([{"key": "seed", "a": "3", "b": "4"}])
    );
    assert_eq!(json["paired"], true);
    let variant = |name: &str| -> &Value {
        let all = json["variants"].as_array().expect("variants");
        all.iter()
            .find(|v| v["variant"] == name)
            .expect("a variant")
    };
    assert_eq!(variant("popularity")["difference"]["value"], 0.0);
    let als = variant("als");
    let ndcg = als["metrics"].as_array().expect("metrics");
    let ndcg = ndcg
        .iter()
        .find(|m| m["metric"] == "ndcg@3")
        .expect("a metric");
    // The mean over users of what `comparisons.csv` calls a difference, from both leaderboards.
    let value = |folder: &str| {
        let report = lab.report(folder);
        common::row(&report, "als")["test"]["ndcg@3"]["value"]
            .as_f64()
            .expect("a value")
    };
    let (a, b) = (value("a/small"), value("b/small"));
    assert_ne!(a, b);
    assert_eq!((ndcg["a"].as_f64(), ndcg["b"].as_f64()), (Some(a), Some(b)));
    let difference = als["difference"]["value"].as_f64().expect("a difference");
    assert!((difference - (b - a)).abs() < 1e-12);
    assert!((ndcg["relative"].as_f64().expect("a share") - (b - a) / a).abs() < 1e-12);
    let text = diff(&lab, &[]).expect(0).out;
    assert!(text.contains("compared user by user"), "{text}");
    let markdown = diff(&lab, &["--format", "markdown"]).expect(0).out;
    assert!(markdown.contains("| seed | 3 | 4 |"), "{markdown}");
    assert!(markdown.contains("| variant | metric | a | b | b - a | relative |"));
}

#[test]
fn a_gate_opens_and_closes() {
    let lab = two(&["seed=4"]);
    let report = |folder: &str| {
        common::row(&lab.report(folder), "als")["test"]["ndcg@3"]["value"]
            .as_f64()
            .expect("a value")
    };
    let change = report("b/small") - report("a/small");
    // A little above and a little below what happened.
    let (above, below) = (change + 1e-6, change - 1e-6);
    let gate = |condition: &str| diff(&lab, &["--fail-if", condition]);
    gate(&format!("als: ndcg@3 < {above}"))
        .expect(1)
        .says(&["als: ndcg@3 changed by"]);
    gate(&format!("als: ndcg@3 < {below}")).expect(0);
    gate(&format!("als: ndcg@3 > {below}")).expect(1);
    gate(&format!("als: ndcg@3 >= {above}")).expect(0);
    let percent = 100.0 * change / report("a/small");
    gate(&format!("als:ndcg@3<{}%", percent + 0.01))
        .expect(1)
        .says(&[" %, from "]);
    gate(&format!("als : ndcg@3 < {} %", percent - 0.01)).expect(0);
    // Every variant of both: popularity does not change.
    let all = gate("ndcg@3 <= 1000%").expect(1);
    assert!(
        all.err.contains("popularity: ndcg@3") && all.err.contains("als: ndcg@3"),
        "{all}"
    );
    // Twenty users and another seed are noise.
    gate("ndcg@3 <= 1000% significant").expect(0);
    let out = gate("ndcg@3 <= 1000%").out;
    assert!(out.contains("Failed conditions"), "{out}");
}

#[test]
fn a_wrong_condition_is_shown_with_its_place() {
    let lab = two(&[]);
    let cases = [
        ("ndgc@3 < -1%", "ndgc@3", "did you mean `ndcg@3`?"),
        ("ndcg@3 < much", "much", "`much` is no number"),
        ("ndcg@3 <", "<", "no threshold"),
        ("< 3", "<", "no metric in front"),
        ("ndcg@3 = 3", "ndcg@3 = 3", "compares nothing"),
        ("asl: ndcg@3 < 0", "asl", "did you mean `als`?"),
        (
            "recall@3 < 0 significant",
            "significant",
            "only the deciding metric, ndcg@3",
        ),
        ("ndcg@3 < nan", "nan", "is no number"),
    ];
    for (condition, place, says) in cases {
        let ended = diff(&lab, &["--fail-if", condition])
            .expect(2)
            .says(&["--fail-if", says]);
        assert_eq!(ended.out, "", "{ended}");
        // The carets stand under the place.
        let lines: Vec<&str> = ended.err.lines().collect();
        let at = lines.iter().position(|l| l.contains('^')).expect("carets");
        let from = lines[at].find('^').expect("a caret");
        let count = lines[at].matches('^').count();
        assert_eq!(&lines[at - 1][from..from + count], place, "{ended}");
    }
}

#[test]
fn other_data_is_compared_without_pairs_and_variants_come_and_go() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "a"]);
    lab.write("log.csv", log().replacen("u1,", "u2,", 40));
    let renamed = SMALL
        .replace("factors.grid = [4, 8]", "label = \"mf\"\nfactors = 12")
        .replace("[model.popularity]", "[model.popularity]\n\n[model.random]");
    lab.write("small.toml", renamed);
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "b"]);
    let json = as_json(&lab);
    assert_eq!(json["paired"], false);
    assert!(
        json["pairing"]
            .as_str()
            .expect("words")
            .contains("the data is another")
    );
    assert_eq!(json["only_a"], serde_json::json!(["als"]));
    assert_eq!(json["only_b"], serde_json::json!(["random", "mf"]));
    let popularity = &json["variants"][0];
    assert_eq!(popularity["variant"], "popularity");
    assert!(popularity["difference"].is_null() && popularity["unpaired"].is_object());
    assert!(
        json["definition"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|c| { c["key"] == "variants.mf.factors" && c["a"].is_null() && c["b"] == "12" })
    );
    let keys: Vec<&str> = json["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["key"].as_str())
        .collect();
    assert!(
        keys.contains(&"content") && keys.contains(&"test part"),
        "{keys:?}"
    );
    diff(&lab, &["--fail-if", "als: ndcg@3 < 0"])
        .expect(2)
        .says(&["no variant that both"]);
    lab.run(&["diff", "a/small", "nowhere"])
        .expect(3)
        .says(&["holds no sweep"]);
}

#[test]
fn a_renamed_variant_is_recognized_and_a_lost_result_fails_the_gate() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "a"]);
    lab.write(
        "small.toml",
        SMALL.replace("factors.grid", "label = \"mf\"\nfactors.grid"),
    );
    lab.done(&["sweep", "small.toml", "--quiet", "--out", "b"]);
    let json = as_json(&lab);
    let all = json["variants"].as_array().expect("variants");
    let renamed = all
        .iter()
        .find(|v| v["variant_b"] == "mf")
        .expect("a variant");
    assert_eq!(
        (&renamed["variant"], &renamed["same_records"]),
        (&"als".into(), &true.into())
    );
    // Without its record on test the variant has no result.
    lab.write("x.toml", SMALL);
    lab.done(&["sweep", "x.toml", "--quiet", "--out", "c"]);
    for (name, record) in lab.records("c/small") {
        if record["run"]["variant"] == "als" && record["result"]["role"] == "test" {
            std::fs::remove_file(lab.path("c/small/records").join(name)).expect("a record");
        }
    }
    let ended = lab.run(&["diff", "a/small", "c/small", "--fail-if", "ndcg@3 < -50%"]);
    ended
        .expect(1)
        .says(&["als: has a result in a and none in b"]);
}
