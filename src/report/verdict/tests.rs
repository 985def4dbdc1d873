//! What the verdict says of which results.

use serde_json::json;

use super::verdict;
use crate::compare::{Difference, Estimate};
use crate::report::summary::Row;
use crate::sweep::Overview;

pub(super) fn overview() -> Overview {
    let part =
        json!({"from": null, "until": null, "events": 1, "users": 1, "items": 1, "pairs": 1});
    let log = |label: &str, chance: f64| {
        let floor = json!({"expected": chance, "exact": true, "low": 0.005, "high": 0.015,
            "sd": 0.002, "detectable": chance + 0.005, "ceiling": 1.0});
        json!({"label": label, "log": part, "kinds": [],
            "columns": {"user": "u", "item": "i", "time": null, "event": null, "plays": null,
                "seconds": null}, "funnel": [], "folds": [],
            "floor": {"rankings": 2000, "metrics": {"ndcg@3": floor}, "users_hit": 1.0,
                "ceiling_users_hit": 1, "null": ""}})
    };
    serde_json::from_value(json!({
        "schema": 2, "name": "x", "definition": "x.toml", "command": "", "date": "",
        "provenance": {"version": "", "commit": "", "rustc": "", "machine": "", "threads": 1,
            "wall_seconds": 0.0, "cpu_seconds": null},
        "shared": {}, "fingerprint": "", "test_part": "", "cleanings": [log("", 0.01), log("strict", 0.03)],
        "uses_the_future": false, "metrics": [], "select": "ndcg@3",
        "baseline": "popularity", "changes": [], "only": [], "resamples": 100,
        "min_effect": 0.0, "correction": "holm", "exhibit_test": false, "variants": [],
        "recommended": null, "recommendations_failed": null,
    }))
    .unwrap()
}

pub(super) fn row(variant: &str, value: f64, rank: Option<usize>, best: bool) -> Row {
    let estimate = Estimate::point(value);
    Row {
        variant: variant.into(),
        settings: String::new(),
        cleaning: 0,
        trials: 1,
        seeds: 1,
        seed_sd: [].into(),
        periods: Vec::new(),
        rank,
        group: String::new(),
        best_on_validation: best,
        validation: [].into(),
        test: [("ndcg@3".to_owned(), estimate)].into(),
        difference: None,
        best_minus_this: None,
        p_chance: 0.5,
        p_chance_adjusted: rank.map_or(0.5, |_| 0.001),
        users: 100,
        users_hit: 10.0,
        users_tied: 0.0,
        fit_seconds: 0.0,
        rank_seconds: 0.0,
        fit_cpu_seconds: None,
        peak_bytes: None,
        definition: serde_json::Value::Null,
        records: Vec::new(),
    }
}

/// Two variants, of which ALS was best on validation and has the difference given.
fn said(difference: Difference) -> String {
    let mut als = row("als", 0.05, Some(1), true);
    als.difference = Some(difference);
    verdict(&overview(), &[als, row("popularity", 0.04, Some(2), false)])
}

#[test]
fn what_chance_explains_is_not_ranked() {
    let rows = [
        row("als", 0.012, None, true),
        row("popularity", 0.009, None, false),
    ];
    let text = verdict(&overview(), &rows);
    assert!(
        text.contains("must not be ranked") && text.contains("0.0150"),
        "{text}"
    );
    assert!(!text.contains("better than"), "{text}");
}

#[test]
fn a_difference_is_named_only_when_it_is_shown() {
    let better = said(Difference::example(0.01, 0.005, 50, 0.01));
    assert!(
        better.contains("better than `popularity` by +0.0100 (+25 %)"),
        "{better}"
    );
    assert!(better.ends_with("p = 0.010."), "{better}");
    let worse = said(Difference::example(-0.02, 0.01, 50, 0.01));
    assert!(worse.contains("worse than `popularity`"), "{worse}");
    let few = said(Difference::example(0.01, 0.005, 9, 0.01));
    assert!(few.contains("only 9 users differ"), "{few}");
}

#[test]
fn decisions_use_the_adjusted_p_and_not_the_interval() {
    let d = Difference::example(0.01, 0.009, 50, 0.2);
    assert!(d.low.is_some_and(|low| low > 0.0));
    let text = said(d);
    assert!(text.contains("cannot be told from `popularity`"), "{text}");
    // 1.4 × .009 would have been found; (.0126 / .01)² × 100 users.
    assert!(text.contains("0.0126 would have been found"), "{text}");
    assert!(text.contains("about 160 users"), "{text}");
}

#[test]
fn what_is_worth_having_is_told_from_what_is_real() {
    let said = |value, half, p, min_effect| {
        let mut overview = overview();
        overview.min_effect = min_effect;
        let mut als = row("als", 0.05, Some(1), true);
        als.difference = Some(Difference::example(value, half, 50, p));
        verdict(&overview, &[als, row("popularity", 0.04, Some(2), false)])
    };
    for (value, half, p, min_effect, words) in [
        (0.01, 0.002, 0.01, 0.02, "ends below the 0.02 that is worth"),
        (0.01, 0.002, 0.01, 0.005, "begins at no less than the 0.005"),
        (0.01, 0.006, 0.01, 0.005, "begins below 0.005 (min_effect)"),
        (0.001, 0.002, 0.3, 0.005, "ends within 0.005 on either side"),
        (
            0.001,
            0.009,
            0.9,
            0.005,
            "to show a difference worth having, about 640",
        ),
    ] {
        let text = said(value, half, p, min_effect);
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn other_variants_are_spoken_of_too() {
    let mut als = row("als", 0.05, Some(1), true);
    als.difference = Some(Difference::example(0.01, 0.005, 50, 0.01));
    let mut near = row("near", 0.049, Some(2), false);
    near.best_minus_this = Some(Difference::example(0.001, 0.01, 50, 0.8));
    let mut far = row("far", 0.02, Some(3), false);
    far.best_minus_this = Some(Difference::example(0.03, 0.01, 50, 0.01));
    let mut above = row("above", 0.08, Some(3), false);
    above.best_minus_this = Some(Difference::example(-0.03, 0.01, 50, 0.01));
    let mut rare = row("rare", 0.045, Some(3), false);
    rare.best_minus_this = Some(Difference::example(0.005, 0.01, 9, 0.9));
    let baseline = row("popularity", 0.04, Some(4), false);
    let text = verdict(&overview(), &[als, near, far, above, rare, baseline]);
    for words in [
        "also better than `far` (+0.0300, p = 0.010).",
        "cannot be told from `near` (+0.0010, p = 0.800).",
        "Too few users differ to tell it from `rare` (9 differ).",
        "On test it is worse than `above` (-0.0300, p = 0.010).",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn chance_is_that_of_the_rows_own_cleaners() {
    let mut als = row("als", 0.12, Some(1), true);
    let popularity = row("popularity", 0.04, Some(2), false);
    let times = |als: &Row| verdict(&overview(), &[als.clone(), popularity.clone()]);
    assert!(times(&als).contains("12 times"), "{}", times(&als));
    als.cleaning = 1;
    assert!(times(&als).contains("4.0 times"), "{}", times(&als));
    als.rank = None;
    assert!(times(&als).contains("chance 0.0300"), "{}", times(&als));
    let text = verdict(&overview(), &[als]);
    assert!(text.contains("to reach about 0.0350 to be told"), "{text}");
}

#[test]
fn a_choice_that_fails_on_test_is_said() {
    let rows = [
        row("popularity", 0.05, Some(1), false),
        row("als", 0.01, None, true),
    ];
    let text = verdict(&overview(), &rows);
    assert!(text.contains("validation and test disagree"), "{text}");
}

#[test]
fn a_baseline_that_was_chosen_is_judged_by_the_comparisons_with_it() {
    let mut popularity = row("popularity", 0.04, Some(1), true);
    popularity.best_on_validation = true;
    let said = |d: Difference| {
        let mut als = row("als", 0.04 + d.value, Some(2), false);
        als.difference = Some(d);
        // The family of all pairs is larger and would say something else.
        als.best_minus_this = Some(Difference::example(-d.value, 0.01, 50, 0.065));
        verdict(&overview(), &[popularity.clone(), als])
    };
    for (d, words) in [
        (
            Difference::example(-0.01, 0.005, 50, 0.044),
            "It is better than `als` (+0.0100, p = 0.044).",
        ),
        (
            Difference::example(0.01, 0.005, 50, 0.044),
            "On test it is worse than `als` (-0.0100, p = 0.044). Use `als`.",
        ),
        (
            Difference::example(0.01, 0.005, 50, 0.3),
            "It cannot be told from `als` (-0.0100, p = 0.300). With 100 users a difference of \
             0.0070 would have been found",
        ),
        (
            Difference::example(0.01, 0.005, 9, 0.3),
            "Too few users differ to tell it from `als` (9 differ). Use the simpler one",
        ),
    ] {
        let text = said(d);
        assert!(text.contains("it is the baseline itself"), "{text}");
        assert!(text.contains(words), "{words}: {text}");
        assert!(!text.contains("0.065"), "{text}");
    }
}

#[test]
fn a_choice_that_fails_on_test_yields_to_what_is_shown_better() {
    let mut als = row("als", 0.01, None, true);
    als.difference = Some(Difference::example(-0.03, 0.01, 50, 0.01));
    let popularity = row("popularity", 0.04, Some(2), false);
    let mut knn = row("knn", 0.05, Some(1), false);
    knn.best_minus_this = Some(Difference::example(-0.04, 0.01, 50, 0.02));
    let text = verdict(&overview(), &[knn.clone(), popularity.clone(), als.clone()]);
    for words in [
        "cannot be told from a random ranking on test",
        "is worse than `popularity` there: -0.0300",
        "p = 0.010. Use `popularity`",
        "also worse than `knn` (-0.0400, p = 0.020).",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("prefer none"), "{text}");
    als.difference = Some(Difference::example(-0.03, 0.01, 50, 0.2));
    let text = verdict(&overview(), &[knn, popularity, als]);
    assert!(text.contains("Use `knn`"), "{text}");
}
