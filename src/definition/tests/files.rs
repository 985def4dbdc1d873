//! Definitions of several files, and definitions shown in full.

use std::fs;
use std::path::Path;

use super::super::{Checked, check};
use super::request;
use crate::experiment::{Experiment, resolved};

/// Writes files into a folder and checks the first.
fn read(folder: &Path, files: &[(&str, &str)], settings: &[&str]) -> Checked {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    check(&folder.join(files[0].0), &request(settings, &[]))
}

fn faultless(checked: Checked) -> Experiment {
    checked
        .into_experiment(false)
        .unwrap_or_else(|faults| panic!("{}", faults.message()))
        .0
}

const COMMON: &str = r#"
    seed = 4
    cleaners = ["drop_duplicates"]
    weighting = "binary"
    model = "popularity"
    [source.csv]
    path = "data/log.csv"
    time = "at"
    [splitter.random]
    test = 0.3
    [evaluation]
    metrics = ["ndcg@3"]
    resamples = 500
"#;

#[test]
fn a_file_extends_what_it_includes() {
    let folder = tempfile::tempdir().unwrap();
    let own = r#"
        include = "base/common.toml"
        seed = 5
        cleaners = []
        splitter.random.validation = 0.1
        [weighting.bm25]
        [model.als]
        factors.grid = [4, 8]
        [evaluation]
        metrics = ["recall@3"]
    "#;
    let log = "user_id,song_id,at\nu,s,2025-01-01 00:00:00\n";
    let experiment = faultless(read(
        folder.path(),
        &[
            ("my.toml", own),
            ("base/common.toml", COMMON),
            ("base/data/log.csv", log),
        ],
        &[],
    ));
    assert_eq!(experiment.seed, 5);
    let names: Vec<&str> = experiment
        .variants
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    assert_eq!(names, ["popularity", "als"]);
    // One plugin is merged where both name it, replaced where they do not; a list is replaced.
    let splitter = resolved(&experiment.splitter);
    assert_eq!(splitter["random"]["test"], 0.3);
    assert_eq!(splitter["random"]["validation"], 0.1);
    assert_eq!(experiment.weightings.len(), 1);
    assert!(experiment.weightings[0].resolved["bm25"].is_object());
    assert!(experiment.cleanings[0].cleaners.is_empty());
    assert_eq!(experiment.evaluation.metrics.labels(), ["recall@3"]);
    assert_eq!(experiment.evaluation.resamples.get(), 500);
    // Paths of an included file start at its own folder.
    let source = resolved(&experiment.source);
    let path = source["csv"]["path"].as_str().unwrap();
    assert_eq!(Path::new(path), Path::new("base").join("data/log.csv"));
}

#[test]
fn lists_of_items_start_at_the_file_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let own = "include = \"base/common.toml\"\nmodel = \"als\"\n[rules]\nallow = [\"a\", 7]";
    let common = "source = \"synthetic\"\n[rules]\nblock = \"x.txt\"\navoid = [\"skip\"]\n\
                  [evaluation]\nheard = \"keep\"";
    let files = [
        ("my.toml", own),
        ("base/common.toml", common),
        ("base/x.txt", "a\nb\n"),
    ];
    let experiment = faultless(read(folder.path(), &files, &[]));
    let lists = experiment.rules.lists.iter();
    let ids = lists.map(|list| list.ids("song_id").unwrap().len());
    assert_eq!(ids.collect::<Vec<_>>(), [2, 2]);
    assert_eq!(experiment.rules.written.avoid, ["skip"]);
}

#[test]
fn of_several_includes_the_later_wins_and_cycles_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = faultless(read(
        folder.path(),
        &[
            (
                "my.toml",
                "include = [\"a.toml\", \"b.toml\"]\nmodel = \"als\"",
            ),
            ("a.toml", "seed = 1\nsource = \"synthetic\""),
            ("b.toml", "seed = 2"),
        ],
        &[],
    ));
    assert_eq!(experiment.seed, 2);
    let checked = read(
        folder.path(),
        &[
            ("my.toml", "include = \"c.toml\"\nmodel = \"als\""),
            ("c.toml", "include = \"./d.toml\""),
            ("d.toml", "include = \"my.toml\"\n[model.alz]"),
        ],
        &[],
    );
    let faults = checked.render(false);
    assert!(faults.contains("my.toml includes itself"), "{faults}");
    assert!(faults.contains("d.toml:1:11"), "{faults}");
}

#[test]
fn a_fault_in_an_included_file_is_shown_there() {
    let folder = tempfile::tempdir().unwrap();
    let checked = read(
        folder.path(),
        &[
            ("my.toml", "include = \"a.toml\"\nmodel = \"als\""),
            ("a.toml", "source = \"synthetic\"\n[model.als]\nfactor = 3"),
        ],
        &[],
    );
    let faults = checked.render(false);
    assert!(faults.contains("a.toml:3:1"), "{faults}");
    assert!(faults.contains("did you mean `factors`"), "{faults}");
    let findings = serde_json::to_value(checked.findings()).unwrap();
    assert_eq!(findings[0]["line"], 3);
    assert_eq!(findings[0]["column"], 1);
    assert_eq!(findings[0]["end_column"], 7);
    assert_eq!(findings[0]["severity"], "error");
    assert_eq!(findings[0]["label"], "did you mean `factors`?");
}

#[test]
fn what_is_shown_gives_the_same_trials() {
    let folder = tempfile::tempdir().unwrap();
    let own = r#"
        include = "base/common.toml"
        weighting = { grid = ["plays", { log = { of.recency = {} } }] }
        [[cleaners]]
        grid = ["off", { limit_range = { column = "plays", max = { grid = [5, 9] } } }]
        [[cleaners]]
        [cleaners.map_labels]
        column = "event"
        labels = { "odd.key" = ["a b"] }
        [[model.als]]
        label = "small"
        zip = { factors = [4, 8], iterations = [2, 3] }
        [[model.als]]
        alpha = { range = [1.0, 100.0], scale = "log10" }
        [evaluation]
        compare = ["model", "cleaners"]
        targets.plays = {}
    "#;
    let log = "user_id,song_id,at,plays,event\nu,s,2025-01-01 00:00:00,1,a\n";
    let checked = read(
        folder.path(),
        &[
            ("my.toml", own),
            ("base/common.toml", COMMON),
            ("base/data/log.csv", log),
        ],
        &["seed=9"],
    );
    let shown = checked
        .show()
        .unwrap_or_else(|| panic!("{}", checked.render(false)));
    for words in ["my.toml:", "common.toml:", "# default", "--set seed=9"] {
        assert!(shown.contains(words), "no `{words}` in:\n{shown}");
    }
    let again = faultless(read(folder.path(), &[("shown.toml", &shown)], &[]));
    let first = faultless(checked);
    let trials = |experiment: &Experiment| -> Vec<_> {
        let all = experiment.trials();
        all.iter()
            .map(|t| (experiment.variant(t).to_owned(), experiment.resolved(t)))
            .collect()
    };
    assert_eq!(trials(&first).len(), 5 * 2 * 3 + 3);
    assert_eq!(trials(&first), trials(&again));
    assert_eq!(first.name, again.name);
}

#[test]
fn only_paths_of_the_source_are_paths() {
    let folder = tempfile::tempdir().unwrap();
    let common = r#"
        source.csv.path = "log.csv"
        [[cleaners]]
        map_labels = { column = "event", labels = { path = ["road"], files = ["papers"] } }
    "#;
    let log = "user_id,song_id,event\nu,s,road\n";
    let files = [
        (
            "my.toml",
            "include = \"sub/common.toml\"\nmodel = \"popularity\"\nsplitter = \"random\"",
        ),
        ("sub/common.toml", common),
        ("sub/log.csv", log),
        ("other.csv", log),
    ];
    let experiment = faultless(read(folder.path(), &files, &[]));
    let labels = &resolved(&experiment.cleanings[0].cleaners)[0]["map_labels"]["labels"];
    assert_eq!(labels["path"][0], "road");
    assert_eq!(labels["files"][0], "papers");
    // A path in a table given on the command line starts at the working directory, as one given alone.
    let other = folder.path().join("other.csv");
    let setting = format!("source.csv={{ path = {:?} }}", other.to_str().unwrap());
    let experiment = faultless(read(folder.path(), &files, &[&setting]));
    let path = resolved(&experiment.source)["csv"]["path"].clone();
    assert_eq!(path, other.to_str().unwrap());
    let relative = read(
        folder.path(),
        &files,
        &["source={ csv = { path = \"other.csv\" } }"],
    );
    let here = std::env::current_dir().unwrap().join("other.csv");
    let faults = relative.render(false);
    assert!(
        faults.contains(&format!("{}: there is no such file", here.display())),
        "{faults}"
    );
    for setting in ["include=x", "include.0=x", "model.als.factors=3\nalpha=4"] {
        let checked = read(folder.path(), &files, &[setting]);
        assert!(checked.experiment().is_none(), "{setting} is accepted");
    }
}

#[test]
fn a_zip_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = faultless(read(
        folder.path(),
        &[
            (
                "my.toml",
                "include = \"base.toml\"\n[model.als]\nzip = { alpha = [1, 2, 3] }",
            ),
            (
                "base.toml",
                "source = \"synthetic\"\n[model.als]\nzip = { factors = [2, 3], iterations = [1, 2] }",
            ),
        ],
        &[],
    ));
    assert_eq!(super::own(&experiment), 3);
}
