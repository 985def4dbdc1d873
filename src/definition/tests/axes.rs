//! What axes become: ranges, zips, alternatives of cleaners and metrics, rows of the leaderboard.

use serde_json::{Value, json};

use super::super::fault::Faults;
use super::{checked, good, own, read, request};
use crate::experiment::{Experiment, resolved};

/// The values of a parameter of ALS, trial by trial.
fn als(experiment: &Experiment, parameter: &str) -> Vec<Value> {
    let models = experiment.models.iter();
    models
        .filter(|m| !m.added)
        .map(|m| m.resolved["als"][parameter].clone())
        .collect()
}

fn with_als(parameters: &str) -> Experiment {
    good(
        &format!("source = \"synthetic\"\n[model.als]\n{parameters}"),
        &[],
    )
}

#[test]
fn a_range_is_its_values() {
    let doubling = with_als("factors = { range = [8, 128], scale = \"log2\" }");
    assert_eq!(als(&doubling, "factors"), [8, 16, 32, 64, 128]);
    let five = with_als("factors = { range = [8, 128], scale = \"log2\", steps = 5 }");
    assert_eq!(als(&five, "factors"), als(&doubling, "factors"));
    let tens = with_als("regularization = { range = [0.001, 10.0], scale = \"log10\" }");
    assert_eq!(als(&tens, "regularization"), [0.001, 0.01, 0.1, 1.0, 10.0]);
    // 0.1 + 0.2 is 0.30000000000000004: noise of binary fractions is not shown to anybody.
    let even = with_als("regularization = { range = [0.1, 0.5], steps = 5 }");
    assert_eq!(als(&even, "regularization"), [0.1, 0.2, 0.3, 0.4, 0.5]);
    // The parameter's type tells whether values are rounded, not how the ends are written.
    let alpha = with_als("alpha = { range = [1, 10], scale = \"log10\", steps = 3 }");
    assert_eq!(als(&alpha, "alpha"), [1.0, 3.162_277_660_17, 10.0]);
    let rounded = with_als("factors = { range = [10, 100], scale = \"log10\", steps = 4 }");
    assert_eq!(als(&rounded, "factors"), [10, 22, 46, 100]);
}

#[test]
fn zipped_parameters_move_together_and_multiply_with_others() {
    let experiment = with_als(
        "zip = { factors = [16, 32, 64], iterations = { range = [10, 30], steps = 3 } }\n\
         alpha.grid = [1, 5]",
    );
    assert_eq!(als(&experiment, "factors"), [16, 16, 32, 32, 64, 64]);
    assert_eq!(als(&experiment, "iterations"), [10, 10, 20, 20, 30, 30]);
    assert_eq!(als(&experiment, "alpha"), [1.0, 5.0, 1.0, 5.0, 1.0, 5.0]);
}

#[test]
fn a_zip_may_move_what_a_weighting_nests() {
    let experiment = good(
        r#"
        source = "synthetic"
        model = "als"
        [weighting.bm25]
        zip = { k1 = [1, 100], of = ["plays", { log = { of.plays = {} } }] }
        "#,
        &[],
    );
    let nested: Vec<bool> = experiment
        .weightings
        .iter()
        .map(|w| w.resolved["bm25"]["of"]["log"].is_object())
        .collect();
    assert_eq!(nested, [false, true]);
}

const CLEANERS: &str = r#"
    source = "synthetic"
    model = ["x"]
    [[cleaners]]
    grid = ["off", "drop_duplicates"]
    [[cleaners]]
    parse_timestamps = { invalid = "missing" }
    [[cleaners]]
    min_interactions = { users = { grid = [2, 5] } }
"#;

#[test]
fn alternatives_of_cleaners_are_cleanings_and_say_what_differs() {
    let text = CLEANERS.replace("model = [\"x\"]", "");
    let text = format!("{text}\n[model.popularity]\n[model.als]\n[evaluation]\n");
    let tuned = good(&text, &[]);
    let labels: Vec<&str> = tuned.cleanings.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "drop_duplicates=off, min_interactions.users=2",
            "drop_duplicates=off, min_interactions.users=5",
            "drop_duplicates=on, min_interactions.users=2",
            "drop_duplicates=on, min_interactions.users=5",
        ]
    );
    let steps: Vec<usize> = tuned.cleanings.iter().map(|c| c.cleaners.len()).collect();
    assert_eq!(steps, [2, 2, 3, 3]);
    assert_eq!((tuned.variants.len(), tuned.settings.len()), (2, 8));

    let compared = good(&format!("{text}compare = [\"model\", \"cleaners\"]"), &[]);
    assert_eq!((compared.variants.len(), compared.settings.len()), (8, 8));
    let name = "popularity / drop_duplicates=off, min_interactions.users=2";
    assert_eq!(compared.variants[0].name, name);
    // A model's name alone means its first row.
    assert_eq!(compared.evaluation.baseline(&compared.variants), Some(name));
    let trial = compared.trials()[3];
    let definition = compared.resolved(&trial);
    assert_eq!(definition["cleaners"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        definition["compared_cleaners"].as_array().map(Vec::len),
        Some(4)
    );
}

#[test]
fn one_list_of_cleaners_leaves_definitions_as_they_are() {
    let experiment = good(
        "source = \"synthetic\"\ncleaners = [\"drop_duplicates\"]\nmodel = \"als\"",
        &[],
    );
    let definition = experiment.resolved(&experiment.trials()[0]);
    assert!(definition.get("compared_cleaners").is_none());
    assert_eq!(
        definition["cleaners"],
        resolved(&experiment.cleanings[0].cleaners)
    );
}

#[test]
fn rows_may_be_weightings_of_the_models_that_read_them() {
    let text = r#"
        source = "synthetic"
        [weighting.binary]
        [weighting.recency]
        half_life_days.grid = [15, 60]
        [model.popularity]
        [model.als]
        alpha.grid = [1, 5]
        [evaluation]
        compare = ["model", "weighting"]
    "#;
    let experiment = good(text, &[]);
    let rows: Vec<&str> = experiment
        .variants
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    assert_eq!(
        rows,
        [
            "popularity",
            "als / binary",
            "als / recency(event_strength) half_life_days=15.0",
            "als / recency(event_strength) half_life_days=60.0",
        ]
    );
    let of_each: Vec<usize> = (0..rows.len())
        .map(|row| {
            experiment
                .settings
                .iter()
                .filter(|s| s.variant == row)
                .count()
        })
        .collect();
    assert_eq!(of_each, [1, 2, 2, 2]);
}

#[test]
fn an_axis_among_metrics_is_measured_in_full() {
    let experiment = good(
        r#"
        source = "synthetic"
        model = "als"
        [evaluation]
        metrics = [{ ndcg = { k = { grid = [1, 3] } } }, { grid = ["recall@3", "recall@10"] }]
        depth = 10
        "#,
        &[],
    );
    let labels = experiment.evaluation.metrics.labels();
    assert_eq!(labels, ["ndcg@1", "ndcg@3", "recall@3", "recall@10"]);
    assert_eq!(own(&experiment), 1);
}

#[test]
fn only_keeps_a_part_and_refuses_what_names_nothing() {
    let text = r#"
        source = "synthetic"
        [weighting.binary]
        [weighting.plays]
        [model.popularity]
        [model.als]
        factors.grid = [8, 16]
    "#;
    let part = |only: &[&str]| {
        let checked = checked(text, &request(&[], only));
        match checked.experiment() {
            Some(experiment) => Ok(experiment
                .trials()
                .iter()
                .map(|trial| {
                    let factors = trial.model.resolved["als"]["factors"].clone();
                    (experiment.variant(trial).to_owned(), factors)
                })
                .collect::<Vec<_>>()),
            None => Err(checked.render(false)),
        }
    };
    let als = |factors: u64| ("als".to_owned(), json!(factors));
    assert_eq!(
        part(&["model=als", "weighting=plays"]),
        Ok(vec![als(8), als(16)])
    );
    assert_eq!(part(&["factors=16"]), Ok(vec![als(16), als(16)]));
    assert_eq!(
        part(&["model.als.factors = 16.0", "weighting=binary"]),
        Ok(vec![als(16)])
    );
    assert_eq!(part(&["model=als", "model=popularity"]).unwrap().len(), 5);
    for (only, words) in [
        ("model=alz", "did you mean `als`"),
        ("factor=8", "did you mean `factors`"),
        ("factors=9", "there are: 16, 8"),
        ("als", "takes key=value"),
    ] {
        let faults = part(&[only]).unwrap_err();
        assert!(faults.contains(words), "no `{words}` in:\n{faults}");
    }
    let faults = part(&["model=popularity", "factors=8"]).unwrap_err();
    assert!(faults.contains("no trial fits all"), "{faults}");
}

#[test]
fn ten_thousand_trials_are_a_slip_unless_meant() {
    let text = "source = \"synthetic\"\n[model.als]\n\
                factors = { range = [1, 200], steps = 200 }\nalpha = { range = [1, 60], steps = 60 }";
    let refused = read(text, &[]).unwrap_err();
    assert!(
        refused.contains("12000 settings") && refused.contains("--yes"),
        "{refused}"
    );
    let checked = super::parse(
        std::path::Path::new("x.toml"),
        &request(&[], &[]),
        {
            let mut sources = super::Sources::default();
            sources.add("x.toml", text);
            sources
        },
        Faults::new(super::super::MOST_TRIALS_IF_MEANT),
    );
    assert_eq!(checked.experiment().map(own), Some(12_000));
}

#[test]
fn what_is_probably_not_meant_is_a_warning_and_runs() {
    let text = "source = \"synthetic\"\n[model.als]\nfactors.grid = [8]\nalpha.grid = [1, 5, 1]\n";
    let checked = checked(text, &request(&[], &[]));
    assert_eq!(checked.experiment().map(own), Some(2));
    let warnings = checked.render(false);
    assert!(
        warnings.contains("warning: a grid of one value"),
        "{warnings}"
    );
    assert!(
        warnings.contains("warning: this value stands in the axis already"),
        "{warnings}"
    );
    assert!(!warnings.contains("error"), "{warnings}");
}

#[test]
fn rows_of_one_name_are_refused() {
    let text = r#"
        source = "synthetic"
        weighting = { grid = ["binary", "plays"] }
        [model.popularity]
        label = "als / binary"
        [model.als]
        [evaluation]
        compare = ["model", "weighting"]
    "#;
    let faults = read(text, &[]).unwrap_err();
    assert!(
        faults.contains("two rows would be called `als / binary`"),
        "{faults}"
    );
}

#[test]
fn equal_alternatives_are_one_however_they_are_written() {
    let text = r#"
        source = "synthetic"
        weighting = { grid = ["binary", { binary = {} }] }
        model = "als"
        [[cleaners]]
        grid = ["drop_duplicates", { drop_duplicates = { keep = "first" } }, "off"]
    "#;
    let checked = checked(text, &request(&[], &[]));
    let experiment = checked
        .experiment()
        .unwrap_or_else(|| panic!("{}", checked.render(false)));
    assert_eq!(
        (experiment.weightings.len(), experiment.cleanings.len()),
        (1, 2)
    );
    let warnings = checked.render(false);
    assert_eq!(
        warnings.matches("in the axis already").count(),
        2,
        "{warnings}"
    );
}

#[test]
fn only_by_weighting_keeps_what_reads_none_and_says_what_it_leaves_out() {
    let text = r#"
        source = "synthetic"
        weighting = { grid = ["binary", { recency = {} }] }
        [model.popularity]
        [model.als]
        [evaluation]
        baseline = "als"
        [recommendations]
        variant = "als"
    "#;
    for weighting in [
        "weighting=binary",
        "weighting=recency",
        "weighting=recency(event_strength)",
    ] {
        let checked = checked(text, &request(&[], &[weighting]));
        let experiment = checked
            .experiment()
            .unwrap_or_else(|| panic!("{}", checked.render(false)));
        assert_eq!(experiment.settings.len(), 2, "{weighting}");
        assert_eq!(experiment.only, [weighting]);
    }
    let checked = checked(text, &request(&[], &["model=popularity"]));
    let warnings = checked.render(false);
    assert_eq!(
        warnings.matches("which `--only` leaves out").count(),
        2,
        "{warnings}"
    );
}

#[test]
fn a_part_may_do_without_the_validation_that_the_whole_needs() {
    let text = "source = \"synthetic\"\nsplitter.leave_last.validation = 0\n[model.als]\nfactors.grid = [2, 4]";
    let faults = read(text, &[]).unwrap_err();
    assert!(faults.contains("no validation part"), "{faults}");
    let part = checked(text, &request(&[], &["factors=2"]));
    assert!(part.experiment().is_some(), "{}", part.render(false));
}
