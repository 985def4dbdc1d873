//! Summaries by hand: every number is a formula, so that drawings are the same everywhere.

use serde_json::{Value, json};

use crate::compare::{Correction, Estimate, IntervalMethod};
use crate::records::looks::Looks;
use crate::report::comparison::Comparison;
use crate::report::periods::InPeriod;
use crate::report::segments::InSegment;
use crate::report::selection::{Correlation, Selection};
use crate::report::summary::{Row, Summary, TrialRow};
use crate::stages::segments::Of;
use crate::sweep::{Overview, Parameter};

pub(super) const SELECT: &str = "ndcg@3";

/// What a trial tries.
pub(super) type Tried = Vec<(&'static str, Value)>;

/// A summary of variants, each with what its trials try, best first.
pub(super) fn summary(variants: &[(&str, Vec<Tried>)]) -> Summary {
    let mut trials: Vec<TrialRow> = Vec::new();
    for (at, (name, tried)) in variants.iter().enumerate() {
        for (of_variant, tried) in tried.iter().enumerate() {
            let value = 0.04 - 0.006 * at as f64 + 0.001 * ((7 * of_variant) % 10) as f64;
            let mut row = trial(trials.len(), name, tried);
            row.chosen = (7 * of_variant) % 10 == 9 || tried.is_empty();
            row.validation = [(SELECT.to_owned(), value)].into();
            if row.chosen {
                row.test = [(SELECT.to_owned(), 0.9 * value)].into();
            }
            trials.push(row);
        }
    }
    let rows = variants.iter().enumerate();
    let rows: Vec<Row> = rows
        .map(|(at, (name, tried))| {
            let value = 0.04 - 0.012 * at as f64;
            row(name, estimate(value), at, tried.len())
        })
        .collect();
    let baseline = rows.last().map(|row| row.variant.clone());
    Summary {
        masked: None,
        published: Vec::new(),
        verdict: String::new(),
        warnings: Vec::new(),
        audit: Vec::new(),
        selection: Selection {
            budgets: Vec::new(),
            rank_correlation: Some(Correlation {
                trials: 20,
                spearman: 0.5,
            }),
            test_looks: Looks::default(),
        },
        segments: rows.iter().flat_map(segments).collect(),
        comparison: Comparison {
            metric: SELECT.to_owned(),
            baseline: baseline.clone(),
            correction: Correction::default(),
            level: 0.05,
            min_effect: 0.0,
            family_baseline: 1,
            family_pairs: 1,
            family_chance: 2,
        },
        pairs: Vec::new(),
        differing: Vec::new(),
        examples: None,
        leaderboard: rows,
        trials,
        overview: overview(variants, baseline.as_deref()),
    }
}

fn estimate(value: f64) -> Estimate {
    Estimate {
        value,
        low: Some(value - 0.009),
        high: Some(value + 0.01),
        interval: IntervalMethod::Bca,
    }
}

fn row(name: &str, test: Estimate, at: usize, trials: usize) -> Row {
    let better = test.value > 0.02;
    let period = |period: usize, value: f64| InPeriod {
        period,
        from: Some(1_700_000_000 + 2_592_000 * period as i64),
        until: Some(1_702_000_000 + 2_592_000 * period as i64),
        users: 40,
        metrics: [(SELECT.to_owned(), value)].into(),
    };
    Row {
        variant: name.to_owned(),
        settings: String::new(),
        cleaning: 0,
        trials,
        seeds: 1,
        seed_sd: [].into(),
        periods: vec![
            period(1, test.value),
            period(2, test.value + 0.01),
            period(3, 0.03),
        ],
        rank: better.then_some(at + 1),
        group: String::new(),
        best_on_validation: at == 0,
        validation: [(SELECT.to_owned(), test.value)].into(),
        test: [(SELECT.to_owned(), test)].into(),
        difference: None,
        best_minus_this: None,
        p_chance: if better { 0.001 } else { 0.4 },
        p_chance_adjusted: if better { 0.001 } else { 0.4 },
        users: 120,
        users_hit: 12.0,
        users_tied: 0.0,
        fit_seconds: [4.0, 0.02, 0.3][at % 3],
        rank_seconds: 0.1,
        fit_cpu_seconds: None,
        peak_bytes: Some(120_000_000 - 20_000_000 * (at as u64).min(5)),
        definition: Value::Null,
        records: Vec::new(),
    }
}

fn segments(row: &Row) -> Vec<InSegment> {
    let names = [("light", 64), ("regular", 41), ("heavy", 15)];
    let of = |(at, (name, users)): (usize, (&str, usize))| InSegment {
        by: "activity".to_owned(),
        of: Of::Users,
        segment: name.to_owned(),
        what: format!("{} to {} events", 5 * at + 1, 5 * at + 5),
        variant: row.variant.clone(),
        users,
        few: users < 30,
        test: Estimate {
            value: row.test[SELECT].value + 0.005 * at as f64,
            ..row.test[SELECT]
        },
        difference: None,
    };
    names.into_iter().enumerate().map(of).collect()
}

fn trial(index: usize, variant: &str, tried: &Tried) -> TrialRow {
    let settings = tried.iter().map(|(name, value)| format!("{name}={value}"));
    let parameters = tried.iter().map(|(name, value)| Parameter {
        name: (*name).to_owned(),
        value: value.clone(),
    });
    TrialRow {
        index,
        variant: variant.to_owned(),
        settings: settings.collect::<Vec<_>>().join(", "),
        parameters: parameters.collect(),
        chosen: false,
        validation: [].into(),
        test: [].into(),
        fit_seconds: Some(0.5),
        peak_bytes: None,
        failure: None,
        stopped: None,
        stopped_at: None,
    }
}

fn overview(variants: &[(&str, Vec<Tried>)], baseline: Option<&str>) -> Overview {
    let part =
        json!({"from": null, "until": null, "events": 1, "users": 1, "items": 1, "pairs": 1});
    let step = |name: &str, before: u64, after: u64| {
        json!({"name": name, "reach": "row", "on": "log", "rows_in": before, "rows_out": after,
            "dropped": [], "changed": [], "leaks": []})
    };
    let floor = json!({"expected": 0.01, "exact": true, "low": 0.004, "high": 0.018,
        "sd": 0.002, "detectable": 0.015, "ceiling": 0.93});
    let events = |from: usize, until: usize| -> Vec<u64> {
        let of = |bin: usize| {
            if (from..until).contains(&bin) {
                40 + 9 * (bin as u64 % 5)
            } else {
                0
            }
        };
        (0..30).map(of).collect()
    };
    // A Monday.
    let start = 1_735_516_800_i64;
    let week = 604_800_i64;
    let log = json!({"label": "", "log": part, "kinds": [],
        "columns": {"user": "u", "item": "i", "time": null, "event": null, "plays": null,
            "seconds": null},
        "funnel": [step("csv", 5180, 5180), step("drop_missing", 5180, 4984),
            step("parse_numbers", 4984, 4984), step("drop_duplicates", 4984, 4809)],
        "folds": [],
        "timeline": {"from": start, "step": week, "parts": [
            {"part": "fit", "events": events(0, 20)},
            {"part": "validation", "events": events(19, 25)},
            {"part": "test", "events": events(25, 30)}],
            "cuts": [{"time": start + 19 * week + 86_400, "what": "validation"},
                {"time": start + 25 * week, "what": "test"}]},
        "floor": {"rankings": 2000, "metrics": {"ndcg@3": floor}, "users_hit": 1.0,
            "ceiling_users_hit": 1, "null": ""}});
    let plans = variants.iter().map(|(name, tried)| {
        let trials = (0..tried.len()).map(|index| {
            json!({"index": index, "cleaning": 0, "settings": "", "validation": [], "test": []})
        });
        json!({"name": name, "added": false, "ranges": [], "tunable": true,
            "trials": trials.collect::<Vec<_>>()})
    });
    serde_json::from_value(json!({
        "schema": 4, "name": "x", "definition": "x.toml", "command": "", "date": "",
        "provenance": {"version": "", "commit": "", "rustc": "", "machine": "", "threads": 1,
            "wall_seconds": 0.0, "cpu_seconds": null},
        "shared": {}, "fingerprint": "", "test_part": "", "cleanings": [log],
        "uses_the_future": false, "metrics": [], "select": SELECT,
        "baseline": baseline, "changes": [], "only": [], "resamples": 100,
        "min_effect": 0.0, "correction": "holm", "exhibit_test": false,
        "variants": plans.collect::<Vec<_>>(),
        "recommended": null, "recommendations_failed": null,
    }))
    .unwrap()
}

/// A grid of three parameters: numbers evenly and by multiples apart, and words.
pub(super) fn grid() -> Vec<Tried> {
    let mut grid = Vec::new();
    for factors in [8, 16, 32] {
        for alpha in [1.0, 5.0, 10.0] {
            for weighting in ["log(plays)", "event_strength"] {
                grid.push(vec![
                    ("alpha", json!(alpha)),
                    ("factors", json!(factors)),
                    ("weighting", json!(weighting)),
                ]);
            }
        }
    }
    grid
}
