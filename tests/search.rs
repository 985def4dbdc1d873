//! Random search and the plan of successive halving, through the program.

mod common;

use common::Lab;

const SEARCH: &str = r#"
source = { synthetic = { users = 60, rows = 1500, songs = 80, artists = 10, genres = 4, mess = { scale = 0 } } }
cleaners = ["parse_numbers", "parse_timestamps"]

[search.random]
trials = 3

[weighting.binary]
[weighting.recency]
half_life_days = { log_uniform = [5, 200] }

[model.popularity]

[model.als]
factors = { uniform = [2, 40] }
regularization = { log_uniform = [1e-3, 10.0] }
iterations = 9

[evaluation]
null_rankings = 100
resamples = 100
seeds = 1
"#;

#[test]
fn a_larger_budget_keeps_what_was_run_and_no_thread_changes_it() {
    let lab = Lab::new();
    lab.write("x.toml", SEARCH);
    lab.done(&["sweep", "x.toml", "--threads", "1"]);
    let few = lab.results("reports/x");
    let larger = ["--set", "search.random.trials=6"];
    let more = lab.done(&[&["sweep", "x.toml", "--threads", "2"][..], &larger].concat());
    assert!(
        more.err
            .contains("4 of 7 trials have a record already and are not run again"),
        "{more}"
    );
    let all = lab.results("reports/x");
    assert!(few.iter().all(|(id, result)| all.get(id) == Some(result)));
    lab.done(
        &[
            &["sweep", "x.toml", "--threads", "1", "--out", "other"][..],
            &larger,
        ]
        .concat(),
    );
    let anew = lab.results("other/x");
    assert!(anew.iter().all(|(id, result)| all.get(id) == Some(result)));

    let report = lab.report("reports/x");
    let random = &report["search"]["random"];
    assert_eq!((&random["trials"], &random["seed"]), (&6.into(), &0.into()));
    let of_als = random["models"].as_array().and_then(|m| m.last());
    let of_als = of_als.expect("als");
    assert!(of_als["settings"].is_null(), "{of_als}");
    let factors = &of_als["axes"]["model.als.factors"];
    assert_eq!(factors["highest"], 40.0);
    let markdown = std::fs::read_to_string(lab.path("reports/x/report.md")).expect("a report");
    for words in [
        "Random search: 6 settings of each row that can vary, drawn with seed 0 – als: 6 of any number",
        "factors 2 to 40 (uniform)",
        "Changed rule: not every setting was tried, random search",
    ] {
        assert!(markdown.contains(words), "no `{words}`");
    }
}

#[test]
fn a_plan_says_what_is_drawn_and_how_it_is_halved() {
    let lab = Lab::new();
    lab.write("x.toml", SEARCH);
    let twenty = ["--set", "search.random.trials=20"];
    let halving = ["--set", "search.halving={}"];
    let plan = lab.done(&[&["plan", "x.toml"][..], &twenty, &halving].concat());
    for words in [
        "random search: 20 settings of each row that can vary, drawn with seed 0",
        "als: 20 of any number of settings",
        "halving of als: 20 trials with 3 iterations, 6 with 9",
    ] {
        assert!(plan.out.contains(words), "no `{words}` in:\n{plan}");
    }
    assert!(!plan.out.contains("halving of popularity"), "{plan}");
}
