//! Early stopping: where fits end, what is recorded and chosen, and that nothing of it is lost.

mod common;

use std::collections::BTreeMap;

use common::{Lab, SMALL};
use serde_json::Value;

/// Two settings of ALS, each measured after 1 to 12 iterations.
fn stopping(keys: &str) -> String {
    SMALL.replace(
        "factors.grid = [4, 8]\nregularization = 1.0",
        "factors.grid = [4, 8]\niterations.grid = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]",
    ) + keys
}

const RULE: &str = "\n[search.early_stopping]\npatience = 2\n";

/// The values on validation by factors, iterations and seed.
fn values(lab: &Lab, folder: &str) -> BTreeMap<(u64, u64, u64), f64> {
    let mut values = BTreeMap::new();
    for result in lab.results(folder).values() {
        let als = &result["definition"]["model"]["als"];
        if result["role"] == "validation" && als.is_object() {
            let number = |value: &Value| value.as_u64().expect("a number");
            let of = (
                number(&als["factors"]),
                number(&als["iterations"]),
                result["repeat"].as_u64().unwrap_or(0),
            );
            let value = result["metrics"]["ndcg@3"].as_f64().expect("a value");
            assert_eq!(values.insert(of, value), None);
        }
    }
    values
}

/// The text of a file.
fn read(lab: &Lab, file: &str) -> String {
    std::fs::read_to_string(lab.path(file)).expect("a file")
}

/// What of all values is looked at with a patience of 2.
fn looked_at(all: &BTreeMap<(u64, u64, u64), f64>) -> BTreeMap<(u64, u64, u64), f64> {
    let mut looked = BTreeMap::new();
    let mut fits: BTreeMap<(u64, u64), Vec<(u64, f64)>> = BTreeMap::new();
    for (&(factors, iterations, seed), &value) in all {
        let fit = fits.entry((factors, seed)).or_default();
        fit.push((iterations, value));
    }
    for ((factors, seed), points) in fits {
        for (at, &(iterations, value)) in points.iter().enumerate() {
            let before = |end: usize| points[..end].iter().map(|point| point.1);
            let worse = |point: usize| {
                point > 0 && points[point].1 <= before(point).fold(f64::MIN, f64::max)
            };
            // Two before it in a row that bettered nothing.
            if (2..=at).any(|end| worse(end - 1) && worse(end - 2)) {
                break;
            }
            looked.insert((factors, iterations, seed), value);
        }
    }
    looked
}

#[test]
fn fits_end_where_the_rule_says_and_what_was_measured_is_what_it_is_without() {
    let lab = Lab::small();
    lab.write("small.toml", stopping(""));
    lab.done(&["sweep", "small.toml", "--out", "whole"]);
    let all = values(&lab, "whole/small");
    let expected = looked_at(&all);
    assert!(expected.len() < all.len() - 2, "nothing would be stopped");
    lab.write("small.toml", stopping(RULE));
    let ended = lab.done(&["sweep", "small.toml"]);
    assert_eq!(values(&lab, "reports/small"), expected);
    let report = lab.report("reports/small");
    let trials = report["trials"].as_array().expect("trials");
    let stopped = trials.iter().filter(|t| t["stopped"].is_string());
    assert_eq!(stopped.count(), all.len() - expected.len());
    // The first of the best that were reached, also if a later one would have been better.
    let best = |of: &BTreeMap<(u64, u64, u64), f64>| {
        let best = of.values().copied().fold(f64::MIN, f64::max);
        let mut first = of.iter().filter(|(_, value)| **value == best);
        let ((factors, iterations, _), _) = first.next().expect("a value");
        format!("factors={factors}, iterations={iterations}")
    };
    let mut chosen = trials
        .iter()
        .filter(|t| t["chosen"] == true && t["variant"] == "als");
    assert_eq!(chosen.next().expect("one")["settings"], best(&expected));
    let said = format!(
        "als: {} of 24 trials not reached: a fit ends after 2 values in a row that did not better its best",
        all.len() - expected.len()
    );
    assert!(ended.out.contains(&said), "{ended}");
    for form in ["report.md", "report.html"] {
        let text = read(&lab, &format!("reports/small/{form}"));
        assert!(text.contains("Early stopping:"), "{form}");
    }
    // One fit a setting did it all.
    let fits = read(&lab, "reports/small/fits.jsonl");
    let begun = fits.lines().filter(|line| {
        line.contains("\"begin\"") && line.contains("validation") && line.contains("\"steps\":[1,")
    });
    assert_eq!(begun.count(), 2, "{fits}");
    lab.done(&["sweep", "small.toml"]).says(&["nothing to do"]);
    lab.done(&["verify", "reports/small", "--all"]);
}

#[test]
fn a_sweep_goes_on_where_it_was() {
    let lab = Lab::small();
    lab.write("small.toml", stopping(RULE));
    lab.done(&["sweep", "small.toml", "--out", "whole"]);
    lab.done(&["sweep", "small.toml"]);
    let whole = lab.results("whole/small");
    assert_eq!(lab.results("reports/small"), whole);
    // Without one record after the other, also in the middle of a fit, that one comes again and no more.
    for name in whole.keys() {
        let record = lab.path("reports/small/records").join(name);
        std::fs::remove_file(record).expect("a record");
        let ended = lab.done(&["sweep", "small.toml"]);
        assert_eq!(lab.results("reports/small"), whole, "{name}: {ended}");
    }
}

#[test]
fn seeds_end_by_themselves_and_a_trial_needs_all_of_them() {
    let lab = Lab::small();
    let three = stopping(RULE).replace("seeds = 1", "seeds = 3\nvalidation_seeds = 3");
    lab.write("small.toml", three.replace(RULE, ""));
    lab.done(&["sweep", "small.toml", "--out", "whole"]);
    let expected = looked_at(&values(&lab, "whole/small"));
    lab.write("small.toml", &three);
    lab.done(&["sweep", "small.toml"]);
    assert_eq!(values(&lab, "reports/small"), expected);
    let seeds_of = |factors: u64, iterations: u64| {
        let of = (0..3).filter(|seed| expected.contains_key(&(factors, iterations, *seed)));
        of.count()
    };
    let some = |count: usize| (0..3).contains(&count) && count > 0;
    assert!(
        [4, 8]
            .iter()
            .any(|&f| (1..=12).any(|i| some(seeds_of(f, i)))),
        "all seeds end together: the test sees nothing"
    );
    for trial in lab.report("reports/small")["trials"]
        .as_array()
        .expect("trials")
    {
        if trial["variant"] == "als" {
            let number = |name: &str| {
                let own = trial["parameters"].as_array().expect("parameters");
                let found = own.iter().find(|parameter| parameter["name"] == name);
                found.expect("a parameter")["value"]
                    .as_u64()
                    .expect("a number")
            };
            let all = seeds_of(number("factors"), number("iterations")) == 3;
            assert_eq!(trial["stopped"].is_null(), all, "{trial}");
        }
    }
}

#[test]
fn workers_stop_too_and_the_plan_knows() {
    let lab = Lab::small();
    lab.write("small.toml", stopping(RULE));
    lab.done(&["sweep", "small.toml"]);
    lab.done(&["sweep", "small.toml", "--isolate", "--out", "apart"]);
    assert_eq!(lab.results("apart/small"), lab.results("reports/small"));
    let plan = lab.done(&["plan", "small.toml"]);
    let said = "early stopping of als: a fit ends after 2 values in a row";
    for said in [said, "stopped early; left to do: 0"] {
        assert!(plan.out.contains(said), "{plan}");
    }
}
