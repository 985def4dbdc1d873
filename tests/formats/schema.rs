//! `report.json` of several kinds of experiments is what its schema says, and nothing else is.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::common::{Lab, PROJECT, SMALL, json as read};
use crate::{FULL, PERIODS};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = read(&std::path::Path::new(PROJECT).join("reports/report.schema.json"));
    jsonschema::draft202012::new(&schema).expect("a schema")
});

/// What is wrong, each with its place.
fn faults(report: &Value) -> Vec<String> {
    let faults = VALIDATOR.iter_errors(report);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

#[test]
fn reports_of_every_kind_are_valid() {
    let full = FULL.get();
    let periods = PERIODS.get();
    for swept in [&*full, &*periods] {
        assert_eq!(faults(&swept.report), [""; 0], "{}", swept.folder);
    }
    let lab = Lab::small();
    let sweeps: [(&str, &[&str]); 5] = [
        ("usual", &[]),
        ("alone", &["--only", "model=popularity"]),
        (
            "unvalidated",
            &[
                "--set",
                "splitter.global_time.validation=0",
                "--set",
                "model.als.factors=4",
                "--set",
                "recommendations.variant=popularity",
            ],
        ),
        ("left", &["--set", "splitter=leave_last"]),
        (
            "shown",
            &[
                "--set",
                "report.show_ids=true",
                "--set",
                "evaluation.exhibit_test=true",
            ],
        ),
    ];
    for (name, more) in sweeps {
        let usual = ["sweep", "small.toml", "--quiet", "--out", name];
        lab.done(&[&usual[..], more].concat());
        assert_eq!(
            faults(&lab.report(&format!("{name}/small"))),
            [""; 0],
            "{name}"
        );
    }
    let halved = SMALL.replace(
        "[evaluation]",
        "[search.halving]\nresource = \"users\"\nreduction = 2\n\n[evaluation]",
    );
    lab.write(
        "halved.toml",
        halved.replace("name = \"small\"", "name = \"halved\""),
    );
    lab.done(&["sweep", "halved.toml", "--quiet"]);
    assert_eq!(faults(&lab.report("reports/halved")), [""; 0]);
    let joined = ["report", "usual/small", "shown/small", "--format", "json"];
    let joined: Value = serde_json::from_str(&lab.done(&joined).out).expect("JSON");
    assert_eq!(faults(&joined), [""; 0]);
}

type Change = fn(&mut Value);

#[test]
fn a_field_too_much_too_few_or_of_another_type_is_refused() {
    let full = FULL.get();
    let changes: [(&str, Change); 9] = [
        ("one more", |r| r["more"] = json!(1)),
        ("one more in a row", |r| {
            r["leaderboard"][0]["more"] = json!(1);
        }),
        ("one more in a difference", |r| {
            r["pairs"][0]["more"] = json!(1);
        }),
        ("one more in a trial", |r| r["trials"][0]["more"] = json!(1)),
        ("a number as text", |r| {
            r["leaderboard"][0]["users"] = json!("304");
        }),
        ("no number", |r| {
            r["leaderboard"][0]["test"]["ndcg@3"]["value"] = json!(null);
        }),
        ("an unknown word", |r| {
            r["pairs"][0]["method"] = json!("guess");
        }),
        ("a part of a count", |r| r["pairs"][0]["wins"] = json!(1.5)),
        ("a list as a table", |r| r["segments"] = json!({})),
    ];
    for (what, change) in changes {
        let mut report = full.report.clone();
        change(&mut report);
        assert!(!faults(&report).is_empty(), "{what} is accepted");
    }
    for key in full.report.as_object().expect("a table").keys() {
        let mut report = full.report.clone();
        report.as_object_mut().expect("a table").shift_remove(key);
        // What is absent where there is nothing to say.
        let may_be =
            ["masked", "examples", "joined", "examples_attachment"].contains(&key.as_str());
        assert!(
            may_be || !faults(&report).is_empty(),
            "{key} may be missing"
        );
    }
}
