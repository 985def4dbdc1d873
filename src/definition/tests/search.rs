//! Random search: what is drawn, what it depends on, and what it does not.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{checked, good, read, request};
use crate::experiment::{DrawnModel, Experiment, Scale};

const ALS: &str = r#"
source = "synthetic"
seed = 3
[search.random]
trials = 20
[model.als]
factors = { uniform = [8, 128] }
regularization = { log_uniform = [1e-4, 1.0] }
alpha.grid = [1.0, 10.0]
"#;

/// What tells trials of a model apart, in order: parameters, weighting, cleaning.
fn drawn(experiment: &Experiment, model: &str) -> Vec<(Value, Value, usize)> {
    experiment
        .trials()
        .iter()
        .filter(|trial| trial.model.label == model)
        .map(|t| {
            let weighting = t.weighting.resolved.clone();
            (t.model.resolved.clone(), weighting, t.cleaning)
        })
        .collect()
}

fn of<'a>(experiment: &'a Experiment, model: &str) -> &'a DrawnModel {
    let search = experiment.search.as_ref().and_then(|s| s.random.as_ref());
    search
        .and_then(|random| random.of(model))
        .expect("a random search")
}

fn numbers(experiment: &Experiment, parameter: &str) -> Vec<f64> {
    let trials = drawn(experiment, "als").into_iter();
    trials
        .filter_map(|(model, _, _)| model["als"][parameter].as_f64())
        .collect()
}

#[test]
fn a_budget_is_drawn_from_the_intervals_and_no_setting_twice() {
    let experiment = good(ALS, &[]);
    let all = drawn(&experiment, "als");
    assert_eq!(all.len(), 20);
    let distinct: HashSet<String> = all.iter().map(|(m, _, _)| m.to_string()).collect();
    assert_eq!(distinct.len(), 20);
    let factors = numbers(&experiment, "factors");
    assert!(
        factors
            .iter()
            .all(|f| (8.0..=128.0).contains(f) && f.fract() == 0.0)
    );
    assert!(factors.iter().any(|f| *f < 40.0) && factors.iter().any(|f| *f > 90.0));
    let regularization = numbers(&experiment, "regularization");
    assert!(regularization.iter().all(|r| (1e-4..=1.0).contains(r)));
    // Each order of magnitude gets its share: of 20 uniform draws about 2 were below 0.1.
    assert!(regularization.iter().filter(|r| **r < 0.1).count() >= 10);
    assert!(
        regularization.iter().all(|r| r.to_string().len() <= 9),
        "{regularization:?}"
    );
    let alpha: BTreeSet<String> = numbers(&experiment, "alpha")
        .iter()
        .map(f64::to_string)
        .collect();
    assert_eq!(alpha.len(), 2);
    let search = of(&experiment, "als");
    assert_eq!((search.trials, search.settings), (20, None));
    let factors = &search.axes["model.als.factors"];
    assert_eq!(
        (factors.lowest, factors.highest, factors.scale),
        (8.0, 128.0, Some(Scale::Uniform))
    );
    // What the lab adds has nothing to draw.
    assert_eq!(of(&experiment, "popularity").settings, Some(1));
    assert_eq!(experiment.trials().len(), 21);
}

#[test]
fn a_larger_budget_begins_with_the_settings_of_a_smaller_one() {
    let small = drawn(&good(ALS, &[]), "als");
    let large = drawn(&good(ALS, &["search.random.trials=50"]), "als");
    assert_eq!(large.len(), 50);
    assert_eq!(large[..20], small[..]);
}

#[test]
fn draws_depend_on_seed_and_header_and_on_nothing_else() {
    let plain = drawn(&good(ALS, &[]), "als");
    let with =
        |more: &str, settings: &[&str]| drawn(&good(&format!("{ALS}\n{more}"), settings), "als");
    let other_model = "[model.random]\n[[model.popularity]]\nlabel = \"p\"";
    assert_eq!(with(other_model, &[]), plain);
    // Another axis changes nothing of the others.
    let longer = good(&format!("{ALS}\niterations.grid = [5, 10]"), &[]);
    assert_eq!(
        numbers(&longer, "factors"),
        numbers(&good(ALS, &[]), "factors")
    );
    // A second header of the plugin is drawn by a name of its own.
    let text = ALS.replace("[model.als]", "[[model.als]]");
    let copy = text.split("[[model.als]]").nth(1).unwrap();
    let two = good(&format!("{text}\n[[model.als]]{copy}"), &[]);
    assert_eq!(drawn(&two, "als-1"), plain);
    assert_ne!(drawn(&two, "als-2"), plain);
    assert_ne!(with("", &["seed=4"]), plain);
    assert_eq!(with("", &["seed=4", "search.random.seed=3"]), plain);
    assert_ne!(with("label = \"mine\"", &[]), plain);
}

#[test]
fn a_space_that_is_smaller_than_the_budget_is_a_grid() {
    let grid = r#"
        source = "synthetic"
        [weighting.binary]
        [weighting.recency]
        half_life_days.grid = [15, 60]
        [model.als]
        factors = { range = [8, 32], scale = "log2" }
        iterations.grid = [5, 10]
        [[cleaners]]
        grid = ["off", "drop_duplicates"]
    "#;
    let every = good(grid, &[]);
    assert_eq!(every.trials().len(), 36 + 2);
    for (budget, trials) in [(36, 36), (100, 36), (35, 35)] {
        let random = good(grid, &[&format!("search.random.trials={budget}")]);
        let own = drawn(&random, "als");
        assert_eq!(own.len(), trials);
        assert_eq!(of(&random, "als").settings, Some(36));
        // Popularity has the cleaners to draw from.
        assert_eq!(of(&random, "popularity").settings, Some(2));
        if trials == 36 {
            assert_eq!(own, drawn(&every, "als"));
        }
        let distinct: HashSet<String> = own.iter().map(|t| format!("{t:?}")).collect();
        assert_eq!(distinct.len(), trials);
        let listed = drawn(&every, "als");
        assert!(own.iter().all(|setting| listed.contains(setting)));
    }
}

#[test]
fn what_is_rarely_drawn_comes_in_the_end() {
    // All but one of 1,200 whole numbers on a logarithmic scale: the last ones hardly ever come up.
    let text = r#"
        source = "synthetic"
        search.random.trials = 1199
        [model.als]
        factors = { log_uniform = [1, 1200] }
    "#;
    let experiment = good(text, &[]);
    let factors: BTreeSet<u64> = numbers(&experiment, "factors")
        .iter()
        .map(|f| *f as u64)
        .collect();
    assert_eq!(factors.len(), 1199);
    assert_eq!(of(&experiment, "als").settings, Some(1200));
}

#[test]
fn weightings_are_drawn_with_the_models_that_read_them() {
    let text = r#"
        source = "synthetic"
        search.random.trials = 30
        [weighting.binary]
        [weighting.recency]
        of.plays = { cap = { uniform = [1, 20] } }
        half_life_days = { log_uniform = [5, 500] }
        [model.popularity]
        [model.als]
        factors = { uniform = [4, 32] }
    "#;
    let experiment = good(text, &[]);
    let own = drawn(&experiment, "als");
    assert_eq!(own.len(), 30);
    let binary = own
        .iter()
        .filter(|(_, w, _)| w["binary"].is_object())
        .count();
    assert!((8..=22).contains(&binary), "{binary}");
    // One trial whatever is drawn, and with a weighting that does not hang on draws.
    let popularity = drawn(&experiment, "popularity");
    assert_eq!(popularity.len(), 1);
    assert!(popularity[0].1["binary"].is_object());
    let declared = &of(&experiment, "als").axes["weighting.recency.half_life_days"];
    assert_eq!((declared.lowest, declared.highest), (5.0, 500.0));
    assert!(
        of(&experiment, "als")
            .axes
            .contains_key("weighting.recency.of.plays.cap")
    );
}

#[test]
fn rows_of_one_model_have_the_same_draws() {
    let text = r#"
        source = "synthetic"
        search.random.trials = 5
        [weighting.binary]
        [weighting.plays]
        [model.als]
        factors = { uniform = [4, 320] }
        [[cleaners]]
        grid = ["off", "drop_duplicates"]
        [evaluation]
        compare = ["model", "weighting", "cleaners"]
    "#;
    let experiment = good(text, &[]);
    let rows = experiment.variants.iter().enumerate();
    let own: Vec<usize> = rows
        .filter(|(_, variant)| variant.model == "als")
        .map(|(at, _)| {
            experiment
                .settings
                .iter()
                .filter(|s| s.variant == at)
                .count()
        })
        .collect();
    assert_eq!(own, [5, 5, 5, 5]);
    let factors: BTreeSet<u64> = numbers(&experiment, "factors")
        .iter()
        .map(|f| *f as u64)
        .collect();
    assert_eq!(factors.len(), 5);
}

#[test]
fn a_part_is_a_part_of_what_was_drawn() {
    let whole = drawn(&good(ALS, &[]), "als");
    let part = checked(ALS, &request(&[], &["alpha=10", "model=als"]));
    let part = part
        .experiment()
        .unwrap_or_else(|| panic!("{}", part.render(false)));
    let own = drawn(part, "als");
    assert!(own.len() > 3 && own.len() < 20);
    assert!(own.iter().all(|setting| whole.contains(setting)));
}

#[test]
fn what_is_shown_is_the_same_experiment() {
    let text = format!("{ALS}\n[weighting.recency]\nhalf_life_days = {{ log_uniform = [5, 500] }}");
    let one = checked(&text, &request(&["search.random.trials=7"], &[]));
    let shown = one.show().unwrap();
    assert!(
        shown.contains("factors = { uniform = [8, 128] }"),
        "{shown}"
    );
    let again = good(&shown, &[]);
    assert_eq!(
        drawn(&again, "als"),
        drawn(one.experiment().unwrap(), "als")
    );
    assert_eq!(drawn(&again, "als").len(), 7);
}

#[test]
fn the_limit_is_on_what_is_drawn() {
    // A million points and more, of which five are drawn.
    let text = r#"
        source = "synthetic"
        search.random.trials = 5
        [model.als]
        factors = { range = [1, 900], steps = 900 }
        iterations = { range = [1, 900], steps = 900 }
        alpha = { range = [1, 900], steps = 900 }
    "#;
    assert_eq!(of(&good(text, &[]), "als").settings, Some(900 * 900 * 900));
    let faults = read(text, &["search.random.trials=20000"]).unwrap_err();
    assert!(faults.contains("20000 settings"), "{faults}");
    assert!(faults.contains("lower `trials`"), "{faults}");
}

#[test]
fn every_point_has_its_number() {
    use super::super::axes::Listing;
    use super::super::fault::{Faults, Sources};
    use super::super::plugins;
    use super::super::tree::Node;

    let mut sources = Sources::default();
    let text = "binary = {}\n[[recency]]\nhalf_life_days.grid = [1, 2]\nof.log.of.plays.cap.grid = [3, 4, 5]\n\
        [[recency]]\nzip = { half_life_days = [7, 8], of = [\"plays\", \"binary\"] }";
    let source = sources.add("x.toml", text);
    let node = Node::parse(&sources, source).unwrap();
    let mut faults = Faults::new(100);
    let space = plugins::place(&node, musicrec_api::Kind::Weighting, &mut faults);
    let all = space.all(Listing::Grid, &mut faults);
    assert_eq!(faults.errors(), 0, "{}", faults.render(&sources, false));
    assert_eq!((all.len(), space.size()), (9, Some(9)));
    for (at, node) in all.iter().enumerate() {
        let nth = space.nth(at as u64).unwrap();
        assert_eq!(nth.plain(), node.plain(), "{at}");
    }
    assert!(space.nth(9).is_none());
}
