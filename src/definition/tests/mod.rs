//! Every kind of fault as a person sees it (`tests/faults`), and what short forms and grids become.

mod axes;
mod files;
mod search;

use std::path::Path;

use super::fault::{Faults, Sources};
use super::{Checked, MOST_TRIALS, Request, check, parse};
use crate::experiment::{Experiment, resolved};

fn checked(text: &str, request: &Request) -> Checked {
    let mut sources = Sources::default();
    sources.add("x.toml", text);
    parse(
        Path::new("x.toml"),
        request,
        sources,
        Faults::new(MOST_TRIALS),
    )
}

fn request(settings: &[&str], only: &[&str]) -> Request {
    let owned = |texts: &[&str]| texts.iter().map(|&s| s.to_owned()).collect();
    Request {
        settings: owned(settings),
        only: owned(only),
        ..Request::default()
    }
}

fn read(text: &str, settings: &[&str]) -> Result<Experiment, String> {
    let checked = checked(text, &request(settings, &[]));
    match checked.experiment() {
        Some(_) => Ok(checked.experiment.expect("just seen")),
        None => Err(checked.render(false)),
    }
}

fn good(text: &str, settings: &[&str]) -> Experiment {
    read(text, settings).unwrap_or_else(|faults| panic!("{faults}"))
}

/// How many trials the definition itself asks for, without the popularity that the lab adds.
fn own(experiment: &Experiment) -> usize {
    let trials = experiment.trials();
    trials.iter().filter(|t| !t.model.added).count()
}

/// The faults of each `tests/faults/*.toml` stand beside it in a `.txt`, rewritten by
/// `UPDATE=1 cargo test`.
#[test]
fn faults_read_as_they_should() {
    // Cargo runs tests in the package's folder, so that the paths shown are the same everywhere.
    let folder = Path::new("tests/faults");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 120);
    for path in files {
        let faults = check(&path, &Request::default()).render(false) + "\n";
        assert!(faults.len() > 1, "{} is faultless", path.display());
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &faults).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(faults, expected, "{}", golden.display());
    }
}

const SHORT: &str = "
source = \"synthetic\"
weighting = \"binary\"
model = \"popularity\"
";

#[test]
fn a_short_definition_gets_every_default() {
    let experiment = good(SHORT, &[]);
    assert_eq!(experiment.name, "x");
    assert_eq!(experiment.trials().len(), 1);
    let labels = experiment.evaluation.metrics.labels();
    assert_eq!(labels, ["recall@3", "precision@3", "ndcg@3"]);
    assert_eq!(experiment.evaluation.select(), "ndcg@3");
    let variants = &experiment.variants;
    assert_eq!(experiment.evaluation.baseline(variants), Some("popularity"));
    assert!(experiment.resolved(&experiment.trials()[0])["splitter"]["global_time"].is_object());
}

#[test]
fn grids_multiply_in_order_and_nested_places_are_axes() {
    let experiment = good(
        r#"
        source = "synthetic"
        [weighting.binary]
        [weighting.log]
        of.plays.cap.grid = [5, 10]
        of.event_strength = {}
        [model.als]
        factors.grid = [16, 32]
        alpha.grid = [1, 10]
        "#,
        &[],
    );
    let weightings: Vec<String> = experiment
        .weightings
        .iter()
        .map(|w| w.resolved.to_string())
        .collect();
    assert_eq!(weightings.len(), 4, "{weightings:?}");
    assert!(weightings[1].contains(r#""cap":5.0"#), "{weightings:?}");
    assert!(weightings[3].contains("event_strength"), "{weightings:?}");
    let als: Vec<(i64, f64)> = experiment
        .models
        .iter()
        .filter(|m| !m.added)
        .map(|m| {
            let als = &m.resolved["als"];
            (
                als["factors"].as_i64().unwrap(),
                als["alpha"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(als, [(16, 1.0), (16, 10.0), (32, 1.0), (32, 10.0)]);
    assert_eq!(own(&experiment), 16);
}

#[test]
fn popularity_is_in_every_comparison() {
    let rows = |text: &str| {
        let experiment = good(&format!("source = \"synthetic\"\n{text}"), &[]);
        let variants = experiment.variants.iter();
        let names: Vec<(String, bool)> = variants.map(|v| (v.name.clone(), v.added)).collect();
        let baseline = experiment.evaluation.baseline(&experiment.variants);
        (names, baseline.map(str::to_owned))
    };
    let row = |name: &str, added| (name.to_owned(), added);
    let als = || row("als", false);
    let added = "popularity".to_owned();
    assert_eq!(
        rows("model = \"als\""),
        (vec![als(), row("popularity", true)], Some(added))
    );
    // Nothing is added where some model is popularity, whatever it is called.
    let called = "[model.als]\n[model.popularity]\nlabel = \"pop\"";
    assert_eq!(
        rows(called),
        (vec![als(), row("pop", false)], Some("pop".to_owned()))
    );
    // Another model may be called popularity.
    let (names, baseline) = rows("[model.als]\nlabel = \"popularity\"");
    let added = "popularity (added)";
    assert_eq!(names, [row("popularity", false), row(added, true)]);
    assert_eq!(baseline.as_deref(), Some(added));
    let off = "model = \"als\"\n[evaluation]\nadd_popularity = false";
    assert_eq!(rows(off), (vec![als()], None));
    let named = "model = \"als\"\n[evaluation]\nbaseline = \"popularity\"";
    assert_eq!(rows(named).1.as_deref(), Some("popularity"));
    // It is a row of each alternative that rows are told apart by, and reads no weighting.
    let (names, _) = rows(
        "cleaners = [{ drop_missing.columns.grid = [[\"user_id\"], [\"song_id\"]] }]\n\
         weighting = { grid = [\"binary\", \"plays\"] }\nmodel = \"als\"\n\
         [evaluation]\ncompare = [\"model\", \"weighting\", \"cleaners\"]",
    );
    assert_eq!(
        names.iter().filter(|(_, added)| *added).count(),
        2,
        "{names:?}"
    );
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn what_is_added_needs_no_validation_part() {
    let text = "source = \"synthetic\"\nsplitter.global_time.validation = 0.0\n";
    let one = good(&format!("{text}model = \"als\""), &[]);
    assert_eq!(one.variants.len(), 2);
    let two = read(&format!("{text}[model.als]\n[model.random]"), &[]).unwrap_err();
    assert!(two.contains("2 variants compete"), "{two}");
}

#[test]
fn two_settings_of_a_model_are_two_variants() {
    let experiment = good(
        r#"
        source = "synthetic"
        [[model.als]]
        factors = 16
        [[model.als]]
        factors = 32
        label = "large"
        [model.popularity]
        "#,
        &[],
    );
    let names: Vec<&str> = experiment
        .variants
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    assert_eq!(names, ["als-1", "large", "popularity"]);
}

#[test]
fn settings_change_any_key_and_say_where_they_are_wrong() {
    let settings = [
        "seed=9",
        "model.popularity.by=weight",
        "model.als.factors={ grid = [2, 4] }",
        "source.synthetic.mess.scale=0",
    ];
    let experiment = good(SHORT, &settings);
    assert_eq!((experiment.seed, experiment.trials().len()), (9, 3));
    let resolved = experiment.resolved(&experiment.trials()[0]);
    assert_eq!(resolved["model"]["popularity"]["by"], "weight");
    assert_eq!(resolved["source"]["synthetic"]["mess"]["scale"], 0.0);
    let faults = read(SHORT, &["model.popularity.bye=weight", "seed"]).unwrap_err();
    for words in [
        "unknown field `bye`",
        "did you mean `by`",
        "on the command line",
        "takes key=value",
    ] {
        assert!(faults.contains(words), "no `{words}` in:\n{faults}");
    }
}

#[test]
fn a_path_on_the_command_line_starts_at_the_working_directory() {
    let text = "source.csv.path = \"tests/faults/log.csv\"\nmodel = \"popularity\"";
    let path = |settings: &[&str]| {
        let experiment = good(text, settings);
        resolved(&experiment.source)["csv"]["path"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(path(&[]), "tests/faults/log.csv");
    let here = std::env::current_dir()
        .unwrap()
        .join("tests/faults/log.csv");
    assert_eq!(
        path(&["source.csv.path=tests/faults/log.csv"]),
        here.to_string_lossy()
    );
}
