//! Golden cases: the table of `protocol.md` for each metric, all rankings of a small catalog for the
//! expectation under chance, and every case of `../shared/golden/golden_cases.json`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use musicrec_api::{ChanceView, Kind, Metric, MetricContext, UserView, registrations};
use serde_json::Value;

use crate::{Ndcg, Precision, Recall};

/// One row of the table: items are letters.
pub(crate) struct Row {
    ranked: &'static str,
    targets: &'static str,
    pub(crate) recall: f64,
    pub(crate) precision: f64,
    pub(crate) ndcg: f64,
}

const fn row(
    ranked: &'static str,
    targets: &'static str,
    recall: f64,
    precision: f64,
    ndcg: f64,
) -> Row {
    Row {
        ranked,
        targets,
        recall,
        precision,
        ndcg,
    }
}

/// `protocol.md`, golden cases at k = 3 (binary NDCG where the case is graded), then the cold and the
/// seen target with and without the classic bug.
const TABLE: [Row; 18] = [
    row("abc", "abc", 1.0, 1.0, 1.0),
    row("axy", "a", 1.0, 0.333_333, 1.0),
    row("xay", "a", 1.0, 0.333_333, 0.630_930),
    row("xya", "a", 1.0, 0.333_333, 0.5),
    row("xyz", "ab", 0.0, 0.0, 0.0),
    row("axb", "abcde", 0.4, 0.666_667, 0.703_918),
    row("xab", "ab", 1.0, 0.666_667, 0.693_426),
    row("axb", "abcd", 0.5, 0.666_667, 0.703_918),
    row("a", "abcd", 0.25, 0.333_333, 0.469_279),
    row("xa", "a", 1.0, 0.333_333, 0.630_930),
    row("", "a", 0.0, 0.0, 0.0),
    row("xyza", "a", 0.0, 0.0, 0.0),
    row("abx", "ab", 1.0, 0.666_667, 1.0),
    row("bxa", "abc", 0.666_667, 0.666_667, 0.703_918),
    row("dcx", "abcd", 0.5, 0.666_667, 0.765_361),
    row("axy", "aC", 0.5, 0.333_333, 0.613_147),
    row("bcd", "b", 1.0, 0.333_333, 1.0),
    row("bcd", "ab", 0.5, 0.333_333, 0.613_147),
];

/// One user's value for a ranked list and the gains of all targets, by item name.
fn value_of(metric: &dyn Metric, ranked: &[String], gains: &BTreeMap<String, f64>) -> f64 {
    let list: Vec<u32> = (0..ranked.len() as u32).collect();
    let listed: Vec<f64> = ranked
        .iter()
        .map(|item| gains.get(item).copied().unwrap_or(0.0))
        .collect();
    let mut targets: Vec<f64> = gains.values().copied().collect();
    targets.sort_by(|a, b| b.total_cmp(a));
    metric
        .bind(&MetricContext::new(26))
        .user(&UserView::new(&list, &listed, &targets))
}

fn letters(items: &str) -> Vec<String> {
    items.chars().map(String::from).collect()
}

fn value_of_letters(metric: &dyn Metric, ranked: &str, targets: &str) -> f64 {
    let gains = letters(targets).into_iter().map(|t| (t, 1.0)).collect();
    value_of(metric, &letters(ranked), &gains)
}

/// The metric has exactly this value.
pub(crate) fn assert_value(metric: &dyn Metric, ranked: &str, targets: &str, expected: f64) {
    assert_eq!(value_of_letters(metric, ranked, targets), expected);
}

/// The metric agrees with a column of the table to its printed digits.
pub(crate) fn assert_table(metric: &dyn Metric, column: impl Fn(&Row) -> f64) {
    for row in &TABLE {
        let value = value_of_letters(metric, row.ranked, row.targets);
        assert!(
            (value - column(row)).abs() < 5.1e-7,
            "{:?} {} for {}: {value}",
            metric,
            row.ranked,
            row.targets
        );
    }
}

fn permutations(n: u32) -> Vec<Vec<u32>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    permutations(n - 1)
        .into_iter()
        .flat_map(|shorter| {
            (0..n as usize).map(move |at| {
                let mut longer = shorter.clone();
                longer.insert(at, n - 1);
                longer
            })
        })
        .collect()
}

/// The closed form equals the mean over all rankings of 1 to 5 candidates, for every number of
/// reachable and unreachable targets, for lists shorter than the depth too; and the golden value for
/// 10 candidates, 2 targets, k = 3.
pub(crate) fn assert_chance_is_exact(
    metric: impl Fn(NonZeroUsize) -> Box<dyn Metric>,
    golden: f64,
) {
    for candidates in 1..=5u32 {
        let rankings = permutations(candidates);
        for reachable in 0..=candidates {
            for unreachable in 0..3 {
                let targets = vec![1.0; (reachable + unreachable) as usize];
                if targets.is_empty() {
                    continue;
                }
                for k in 1..=6 {
                    let metric = metric(NonZeroUsize::new(k).unwrap());
                    let measure = metric.bind(&MetricContext::new(candidates as usize));
                    let total: f64 = rankings
                        .iter()
                        .map(|ranking| {
                            let list = &ranking[..k.min(ranking.len())];
                            // Items below `reachable` are the targets.
                            let gains: Vec<f64> = list
                                .iter()
                                .map(|&item| f64::from(u8::from(item < reachable)))
                                .collect();
                            measure.user(&UserView::new(list, &gains, &targets))
                        })
                        .sum();
                    let view = ChanceView::new(
                        candidates as usize,
                        &targets[..reachable as usize],
                        &targets,
                    );
                    let chance = measure.chance(&view).unwrap();
                    let mean = total / rankings.len() as f64;
                    assert!(
                        (chance - mean).abs() < 1e-12,
                        "{metric:?}, {candidates} candidates, {reachable} + {unreachable} targets: \
                         {chance} is not {mean}"
                    );
                }
            }
        }
    }
    let measure = metric(NonZeroUsize::new(3).unwrap()).bind(&MetricContext::new(10));
    let chance = |candidates, reachable: &[f64]| {
        measure
            .chance(&ChanceView::new(candidates, reachable, &[1.0, 1.0]))
            .unwrap()
    };
    assert!((chance(10, &[1.0, 1.0]) - golden).abs() < 1e-15);
    assert_eq!(chance(0, &[]), 0.0);
}

fn metrics() -> [(&'static str, Box<dyn Metric>); 3] {
    [
        ("recall@3", Box::new(Recall::default())),
        ("precision@3", Box::new(Precision::default())),
        ("ndcg@3", Box::new(Ndcg::default())),
    ]
}

/// `../shared/golden/golden_cases.json`, or `None` with a line that says so.
fn golden_cases() -> Option<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/golden/golden_cases.json"
    );
    match std::fs::read_to_string(path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(
                std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
                "{path}: {error}"
            );
            eprintln!("SKIPPED: ../shared is not there");
            None
        }
    }
}

/// Names in a list, or gains by name.
fn names(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn gains(value: &Value) -> BTreeMap<String, f64> {
    if value.is_array() {
        return names(value).into_iter().map(|name| (name, 1.0)).collect();
    }
    serde_json::from_value(value.clone()).unwrap()
}

fn assert_close(value: f64, expected: &Value, of: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (value - expected).abs() < 1e-12,
        "{of}: {value}, {expected}"
    );
}

#[test]
fn every_case_of_the_golden_file() {
    let Some(golden) = golden_cases() else { return };
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        assert_eq!(case["k"], 3);
        for (label, metric) in metrics() {
            let key = if label == "ndcg@3" {
                "ndcg@3_binary"
            } else {
                label
            };
            let value = value_of(&*metric, &names(&case["ranked"]), &gains(&case["rel"]));
            assert_close(
                value,
                &case["expected"][key],
                &format!("{} {label}", case["name"]),
            );
        }
    }
}

#[test]
fn lists_of_tied_scores_in_item_order() {
    let Some(golden) = golden_cases() else { return };
    let cases = golden["ties"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let by_item = &case["item_asc"];
        for (label, metric) in metrics() {
            // The file gives no precision for ties.
            if let Some(expected) = by_item.get(label) {
                let value = value_of(&*metric, &names(&by_item["ranked"]), &gains(&case["rel"]));
                assert_close(value, expected, &format!("{} {label}", case["name"]));
            }
        }
    }
}

#[test]
fn means_over_users_as_the_protocol_has_them() {
    let Some(golden) = golden_cases() else { return };
    let mut checked = 0;
    for case in golden["protocol_cases"].as_array().unwrap() {
        let Some(users) = case["users"].as_object() else {
            continue;
        };
        let expected = &case["expected"];
        for (label, metric) in metrics() {
            let macro_label = format!("{label} macro");
            let Some(expected) = [
                &expected["keep"][label],
                &expected[label],
                &expected[macro_label],
            ]
            .into_iter()
            .find(|v| !v.is_null()) else {
                continue;
            };
            // Users without targets are not measured.
            let values: Vec<f64> = users
                .values()
                .map(|user| (names(&user["ranked"]), gains(&user["rel"])))
                .filter(|(_, gains)| !gains.is_empty())
                .map(|(ranked, gains)| value_of(&*metric, &ranked, &gains))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert_close(mean, expected, &format!("{} {label}", case["name"]));
            checked += 1;
        }
    }
    assert_eq!(checked, 9);
}

#[test]
fn a_seen_target_filtered_on_both_sides_or_on_none() {
    let Some(golden) = golden_cases() else { return };
    let case = golden["protocol_cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["name"] == "seen_item_target")
        .unwrap();
    for (way, expected) in case["expected"].as_object().unwrap() {
        for (label, metric) in metrics() {
            if let Some(wanted) = expected.get(label) {
                let ranked = names(&expected["ranked"]);
                let value = value_of(&*metric, &ranked, &gains(&expected["targets"]));
                assert_close(value, wanted, &format!("{way} {label}"));
            }
        }
    }
}

#[test]
fn chance_of_the_golden_file() {
    let Some(golden) = golden_cases() else { return };
    let case = &golden["random_expectation"];
    let candidates = case["N"].as_u64().unwrap() as usize;
    let targets = vec![1.0; case["R"].as_u64().unwrap() as usize];
    for (label, metric) in metrics() {
        let chance = metric
            .bind(&MetricContext::new(candidates))
            .chance(&ChanceView::new(candidates, &targets, &targets))
            .unwrap();
        assert_close(chance, &case[label.trim_end_matches("@3")], label);
    }
}

#[test]
fn metrics_are_registered_with_their_defaults_and_tell_their_identity() {
    let registered: Vec<_> = registrations()
        .into_iter()
        .filter(|r| r.kind == Kind::Metric)
        .map(|r| (r.name, (r.defaults)().unwrap()["k"].clone()))
        .collect();
    let three = Value::from(3);
    assert_eq!(
        registered,
        ["ndcg", "precision", "recall"].map(|name| (name, three.clone()))
    );
    for (label, metric) in metrics() {
        let identity = metric.identity();
        assert_eq!(identity.label, label);
        assert!(identity.formula.contains('3') && identity.source.contains("trec_eval"));
        assert_eq!(metric.depth(), 3);
    }
    let zero = serde_json::from_str::<Box<dyn Metric>>(r#"{"ndcg": {"k": 0}}"#);
    assert!(zero.unwrap_err().to_string().contains("nonzero"));
}
