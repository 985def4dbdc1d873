//! The definitions over published data: they run as they stand, and a model of taste is above
//! popularity.

mod common;

use common::{Lab, als_is_above, experiment, row, set_path, shared};
use serde_json::Value;

/// Runs a definition with a smaller grid and checks that ALS is above popularity.
fn sweep(name: &str, data: &str, settings: &[&str]) -> Option<Value> {
    let data = shared(data)?;
    let lab = Lab::new();
    let path = set_path("source.csv.path", &data);
    let definition = experiment(name);
    let mut arguments = vec!["sweep", &definition, "--set", &path];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    lab.done(&arguments);
    let report = lab.report(&format!("reports/{name}"));
    assert!(als_is_above(&report), "{}", report["verdict"]);
    Some(report)
}

#[test]
fn last_fm_without_times() {
    let settings = [
        "model.als.factors=32",
        "model.als.regularization=1.0",
        "model.als.iterations=8",
    ];
    let Some(report) = sweep("lastfm", "data/lastfm_2k/plays.tsv", &settings) else {
        return;
    };
    // Rows, listeners and artists as the data's own README counts them.
    assert_eq!(report["cleanings"][0]["log"]["events"], 92_834);
    assert_eq!(report["cleanings"][0]["log"]["users"], 1_892);
    assert_eq!(report["cleanings"][0]["log"]["items"], 17_632);
    // A random split learns from the future, and says so.
    assert_eq!(report["uses_the_future"], true);
    assert_eq!(report["cleanings"][0]["log"]["from"], Value::Null);
}

#[test]
fn movielens_cut_once_through_time() {
    let settings = [
        "model.als.factors=16",
        "model.als.regularization={grid=[1.0,10.0]}",
        "model.als.alpha=1.0",
    ];
    let Some(report) = sweep(
        "movielens_100k",
        "data/movielens_100k/ratings.tsv",
        &settings,
    ) else {
        return;
    };
    assert_eq!(report["cleanings"][0]["log"]["events"], 100_000);
    assert_eq!(report["cleanings"][0]["log"]["users"], 943);
    assert_eq!(report["cleanings"][0]["log"]["items"], 1_682);
    assert_eq!(report["uses_the_future"], false);
    for fold in report["cleanings"][0]["folds"].as_array().expect("folds") {
        assert_eq!(fold["fit_not_before"], 0);
    }
}

#[test]
fn a_published_split_in_packed_files() {
    let (Some(train), Some(test)) = (
        shared("data/gowalla/train.tsv.gz"),
        shared("data/gowalla/test.tsv.gz"),
    ) else {
        return;
    };
    let lab = Lab::new();
    lab.write(
        "gowalla.toml",
        r#"
splitter = "given"
weighting = "binary"
[source.csv]
delimiter = "\t"
header = false
columns = ["user", "item"]
user = "user"
item = "item"
files = {}
[model.popularity]
[evaluation]
targets = "binary"
metrics = ["precision@20", "recall@20", "ndcg@20"]
null_rankings = 100
resamples = 100
seeds = 1
"#,
    );
    let files = format!(
        "source.csv.files={{ train = '{}', test = '{}' }}",
        train.display(),
        test.display()
    );
    lab.done(&["sweep", "gowalla.toml", "--set", &files]);
    let report = lab.report("reports/gowalla");
    let fold = &report["cleanings"][0]["folds"][0];
    // Counts and values as `../shared/data/README.md` gives them for the published split.
    assert_eq!(fold["fit"]["events"], 810_128);
    assert_eq!(fold["evaluated"]["events"], 217_242);
    assert_eq!(report["cleanings"][0]["log"]["users"], 29_858);
    assert_eq!(report["cleanings"][0]["log"]["items"], 40_981);
    assert_eq!(fold["heard_removed"], 0);
    // Ties move the last digit or two.
    let test = &row(&report, "popularity")["test"];
    for (metric, published) in [
        ("precision@20", 0.013_88),
        ("recall@20", 0.041_63),
        ("ndcg@20", 0.031_69),
    ] {
        let value = test[metric]["value"].as_f64().expect("a number");
        assert!((value - published).abs() < 3e-5, "{metric} {value}");
    }
}
