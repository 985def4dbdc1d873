//! Golden cases: the table of `protocol.md` for each metric, all rankings of a small catalog for the
//! expectation under chance, and every case of `../shared/golden/golden_cases.json`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use std::sync::Arc;

use musicrec_api::{
    Cells, ChanceView, Column, Events, Kind, Log, Metric, MetricContext, Roles, Text, UserView,
    registrations,
};
use serde_json::{Value, json};

/// One row of the table: items are letters.
pub(crate) struct Row {
    ranked: &'static str,
    targets: &'static str,
    pub(crate) recall: f64,
    pub(crate) capped: f64,
    pub(crate) precision: f64,
    pub(crate) returned: f64,
    pub(crate) ndcg: f64,
    pub(crate) average: f64,
    pub(crate) average_min: f64,
    pub(crate) reciprocal: f64,
    pub(crate) hit: f64,
}

const fn row(ranked: &'static str, targets: &'static str, values: [f64; 9]) -> Row {
    let [
        recall,
        capped,
        precision,
        returned,
        ndcg,
        average,
        average_min,
        reciprocal,
        hit,
    ] = values;
    Row {
        ranked,
        targets,
        recall,
        capped,
        precision,
        returned,
        ndcg,
        average,
        average_min,
        reciprocal,
        hit,
    }
}

/// `protocol.md`, golden cases at k = 3 (binary NDCG where the case is graded), then the cold and the
/// seen target with and without the classic bug.
const TABLE: [Row; 18] = [
    row("abc", "abc", [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    row(
        "axy",
        "a",
        [1.0, 1.0, 0.333_333, 0.333_333, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    row(
        "xay",
        "a",
        [1.0, 1.0, 0.333_333, 0.333_333, 0.630_93, 0.5, 0.5, 0.5, 1.0],
    ),
    row(
        "xya",
        "a",
        [
            1.0, 1.0, 0.333_333, 0.333_333, 0.5, 0.333_333, 0.333_333, 0.333_333, 1.0,
        ],
    ),
    row("xyz", "ab", [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    row(
        "axb",
        "abcde",
        [
            0.4, 0.666_667, 0.666_667, 0.666_667, 0.703_918, 0.333_333, 0.555_556, 1.0, 1.0,
        ],
    ),
    row(
        "xab",
        "ab",
        [
            1.0, 1.0, 0.666_667, 0.666_667, 0.693_426, 0.583_333, 0.583_333, 0.5, 1.0,
        ],
    ),
    row(
        "axb",
        "abcd",
        [
            0.5, 0.666_667, 0.666_667, 0.666_667, 0.703_918, 0.416_667, 0.555_556, 1.0, 1.0,
        ],
    ),
    row(
        "a",
        "abcd",
        [
            0.25, 0.333_333, 0.333_333, 1.0, 0.469_279, 0.25, 0.333_333, 1.0, 1.0,
        ],
    ),
    row(
        "xa",
        "a",
        [1.0, 1.0, 0.333_333, 0.5, 0.630_93, 0.5, 0.5, 0.5, 1.0],
    ),
    row("", "a", [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    row("xyza", "a", [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    row(
        "abx",
        "ab",
        [1.0, 1.0, 0.666_667, 0.666_667, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    row(
        "bxa",
        "abc",
        [
            0.666_667, 0.666_667, 0.666_667, 0.666_667, 0.703_918, 0.555_556, 0.555_556, 1.0, 1.0,
        ],
    ),
    row(
        "dcx",
        "abcd",
        [
            0.5, 0.666_667, 0.666_667, 0.666_667, 0.765_361, 0.5, 0.666_667, 1.0, 1.0,
        ],
    ),
    row(
        "axy",
        "aC",
        [
            0.5, 0.5, 0.333_333, 0.333_333, 0.613_147, 0.5, 0.5, 1.0, 1.0,
        ],
    ),
    row(
        "bcd",
        "b",
        [1.0, 1.0, 0.333_333, 0.333_333, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    row(
        "bcd",
        "ab",
        [
            0.5, 0.5, 0.333_333, 0.333_333, 0.613_147, 0.5, 0.5, 1.0, 1.0,
        ],
    ),
];

/// Four users and four items: all heard item 0 (one of them twice), two item 1, one each 2 and 3. The
/// artist x made 0 and 1, y made 2, and of 3 nobody knows.
pub(crate) fn four_items() -> Events {
    let rows = [
        ("u1", "i0", Some("x")),
        ("u1", "i0", Some("x")),
        ("u2", "i0", Some("x")),
        ("u3", "i0", Some("x")),
        ("u4", "i0", Some("x")),
        ("u1", "i1", Some("x")),
        ("u2", "i1", Some("x")),
        ("u3", "i2", Some("y")),
        ("u4", "i3", None),
    ];
    let column = |name: &str, cells: [Option<&str>; 9]| Column {
        name: name.to_owned(),
        cells: Cells::Text(
            cells
                .into_iter()
                .map(|c| c.map(str::to_owned))
                .collect::<Text>(),
        ),
    };
    let columns = vec![
        column("user", rows.map(|r| Some(r.0))),
        column("item", rows.map(|r| Some(r.1))),
        column("artist", rows.map(|r| r.2)),
    ];
    let roles = Roles {
        user: "user".into(),
        item: "item".into(),
        time: None,
        event: None,
        plays: None,
        seconds: None,
    };
    Events::from_log(Arc::new(Log::new(columns, (1..=9).collect(), roles))).unwrap()
}

/// The value over lists of [`four_items`], nothing of which is a target.
pub(crate) fn of_lists(metric: &dyn Metric, lists: &[&[u32]]) -> f64 {
    of_lists_without(metric, lists, &[])
}

/// The same where nobody is shown some of the items.
pub(crate) fn of_lists_without(metric: &dyn Metric, lists: &[&[u32]], hidden: &[u32]) -> f64 {
    let fit = four_items();
    let gains = [0.0; 4];
    let views: Vec<UserView> = lists
        .iter()
        .map(|list| UserView::new(list, &gains[..list.len()], &[1.0]))
        .collect();
    metric
        .bind(&MetricContext::new(4 - hidden.len(), &fit).with_hidden(hidden))
        .unwrap()
        .value(&views)
}

/// The value over users with lists and targets in letters.
pub(crate) fn pooled(metric: &dyn Metric, users: &[(&str, &str)]) -> f64 {
    let all = users.iter().map(|(ranked, targets)| {
        let gains = letters(targets).into_iter().map(|t| (t, 1.0)).collect();
        (letters(ranked), gains)
    });
    value_over(metric, &all.collect::<Vec<_>>())
}

/// A ranked list and the gains of all targets, by item name.
type Judged = (Vec<String>, BTreeMap<String, f64>);

fn value_over(metric: &dyn Metric, users: &[Judged]) -> f64 {
    struct Lists {
        items: Vec<u32>,
        gains: Vec<f64>,
        targets: Vec<f64>,
    }
    let lists = users.iter().map(|(ranked, gains)| {
        let mut targets: Vec<f64> = gains.values().copied().collect();
        targets.sort_by(|a, b| b.total_cmp(a));
        let gain = |item| gains.get(item).copied().unwrap_or(0.0);
        Lists {
            items: (0..ranked.len() as u32).collect(),
            gains: ranked.iter().map(gain).collect(),
            targets,
        }
    });
    let lists: Vec<Lists> = lists.collect();
    let views: Vec<UserView> = lists
        .iter()
        .map(|l| UserView::new(&l.items, &l.gains, &l.targets))
        .collect();
    let fit = Events::default();
    let bound = metric.bind(&MetricContext::new(26, &fit)).unwrap();
    bound.value(&views)
}

/// The metric has this value, but for rounding, for a list of letters and targets of some weight.
pub(crate) fn assert_graded(
    metric: &dyn Metric,
    ranked: &str,
    targets: &[(&str, f64)],
    expected: f64,
) {
    let gains = targets.iter().map(|&(item, gain)| (item.to_owned(), gain));
    let value = value_of(metric, &letters(ranked), &gains.collect());
    assert!(
        (value - expected).abs() < 1e-12,
        "{value} is not {expected}"
    );
}

/// One user's value for a ranked list and the gains of all targets, by item name.
fn value_of(metric: &dyn Metric, ranked: &[String], gains: &BTreeMap<String, f64>) -> f64 {
    value_over(metric, &[(ranked.to_vec(), gains.clone())])
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
                    let fit = Events::default();
                    let context = MetricContext::new(candidates as usize, &fit);
                    let measure = metric.bind(&context).unwrap();
                    let total: f64 = rankings
                        .iter()
                        .map(|ranking| {
                            let list = &ranking[..k.min(ranking.len())];
                            // Items below `reachable` are the targets.
                            let gains: Vec<f64> = list
                                .iter()
                                .map(|&item| f64::from(u8::from(item < reachable)))
                                .collect();
                            measure.value(&[UserView::new(list, &gains, &targets)])
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
    let fit = Events::default();
    let measure = metric(NonZeroUsize::new(3).unwrap());
    let measure = measure.bind(&MetricContext::new(10, &fit)).unwrap();
    let chance = |candidates, reachable: &[f64]| {
        measure
            .chance(&ChanceView::new(candidates, reachable, &[1.0, 1.0]))
            .unwrap()
    };
    assert!((chance(10, &[1.0, 1.0]) - golden).abs() < 1e-15);
    assert_eq!(chance(0, &[]), 0.0);
}

fn plugin(definition: &Value) -> Box<dyn Metric> {
    serde_json::from_value(definition.clone()).unwrap()
}

/// The protocol's own three, by the names that the golden file has for them nearly everywhere.
fn metrics() -> [(&'static str, Box<dyn Metric>); 3] {
    ["recall", "precision", "ndcg"].map(|name| {
        let label = match name {
            "recall" => "recall@3",
            "precision" => "precision@3",
            _ => "ndcg@3",
        };
        (label, plugin(&json!({ name: {} })))
    })
}

/// All expectations of a case, and the metric that each is of.
fn of_cases() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("recall@3", "recall@3", json!({"recall": {}})),
        (
            "recall_capped@3",
            "recall_capped@3",
            json!({"recall_capped": {}}),
        ),
        ("precision@3", "precision@3", json!({"precision": {}})),
        (
            "precision_returned@3",
            "precision_returned@3",
            json!({"precision": {"divide_by": "returned"}}),
        ),
        ("hr@3", "hit_rate@3", json!({"hit_rate": {}})),
        ("mrr@3", "mrr@3", json!({"mrr": {}})),
        ("ap@3_rel", "map@3", json!({"map": {}})),
        (
            "ap@3_min",
            "map_min@3",
            json!({"map": {"divide_by": "min_k_targets"}}),
        ),
        ("ap@3_k", "map_k@3", json!({"map": {"divide_by": "k"}})),
        (
            "ap@3_hits",
            "map_hits@3",
            json!({"map": {"divide_by": "hits"}}),
        ),
        ("ndcg@3_binary", "ndcg@3", json!({"ndcg": {}})),
        (
            "ndcg@3_linear",
            "ndcg_linear@3",
            json!({"ndcg": {"gain": "linear"}}),
        ),
        (
            "ndcg@3_exp",
            "ndcg_exponential@3",
            json!({"ndcg": {"gain": "exponential"}}),
        ),
        (
            "ndcg@3_ideal_k",
            "ndcg_ideal_k@3",
            json!({"ndcg": {"ideal": "k"}}),
        ),
        (
            "ndcg@3_ideal_retrieved",
            "ndcg_ideal_retrieved@3",
            json!({"ndcg": {"ideal": "retrieved"}}),
        ),
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
        let expected = case["expected"].as_object().unwrap();
        assert_eq!(expected.len(), of_cases().len());
        for (key, label, definition) in of_cases() {
            let metric = plugin(&definition);
            assert_eq!(metric.identity().label, label);
            let value = value_of(&*metric, &names(&case["ranked"]), &gains(&case["rel"]));
            assert_close(value, &expected[key], &format!("{} {key}", case["name"]));
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

/// `micro_vs_macro`: what implicit prints is reproduced on purpose.
#[test]
fn the_numbers_of_implicit() {
    let Some(golden) = golden_cases() else { return };
    let cases = golden["protocol_cases"].as_array().unwrap();
    let case = cases
        .iter()
        .find(|c| c["name"] == "micro_vs_macro")
        .unwrap();
    let users = case["users"].as_object().unwrap().values();
    let users: Vec<Judged> = users
        .map(|user| (names(&user["ranked"]), gains(&user["rel"])))
        .collect();
    for (key, definition) in [
        (
            "precision",
            json!({"micro_precision": {"divide_by": "min_k_targets"}}),
        ),
        ("map", json!({"map": {"divide_by": "min_k_targets"}})),
        ("ndcg", json!({"ndcg": {}})),
    ] {
        let value = value_over(&*plugin(&definition), &users);
        assert_close(value, &case["implicit_actual"][key], key);
    }
}

#[test]
fn chance_of_the_golden_file() {
    let Some(golden) = golden_cases() else { return };
    let case = &golden["random_expectation"];
    let candidates = case["N"].as_u64().unwrap() as usize;
    let targets = vec![1.0; case["R"].as_u64().unwrap() as usize];
    let fit = Events::default();
    for (key, name) in [
        ("recall", "recall"),
        ("precision", "precision"),
        ("ndcg", "ndcg"),
        ("hr", "hit_rate"),
    ] {
        let bound = plugin(&json!({ name: {} })).bind(&MetricContext::new(candidates, &fit));
        let view = ChanceView::new(candidates, &targets, &targets);
        assert_close(bound.unwrap().chance(&view).unwrap(), &case[key], key);
    }
}

#[test]
fn metrics_are_registered_with_their_defaults_and_tell_their_identity() {
    let of_kind = || {
        registrations()
            .into_iter()
            .filter(|r| r.kind == Kind::Metric)
    };
    assert_eq!(of_kind().count(), 17);
    for registration in of_kind() {
        let name = registration.name;
        // Only diversity has no default: of what?
        let Some(defaults) = (registration.defaults)() else {
            assert_eq!(name, "diversity");
            continue;
        };
        assert_eq!(defaults["k"], 3, "{name}");
        let metric = plugin(&json!({ name: {} }));
        assert_eq!(metric.depth(), 3);
        assert_eq!(metric.identity().label, format!("{name}@3"));
        let zero = serde_json::from_value::<Box<dyn Metric>>(json!({ name: { "k": 0 } }));
        assert!(zero.unwrap_err().to_string().contains("nonzero"));
    }
}
