//! `plan`, `show`, `check` and `--only` through the program.

mod common;

use common::Lab;
use serde_json::Value;

const PLAN: &str = r#"
source = { synthetic = { users = 60, rows = 1500, songs = 80, artists = 10, genres = 4, mess = { scale = 0 } } }
cleaners = ["parse_numbers", "parse_timestamps"]
weighting = { grid = ["binary", "plays"] }

[model.popularity]

[[model.als]]
label = "small"
factors.grid = [2, 4]
iterations = 2

[[model.als]]
label = "twin"
factors = 2
iterations = 2

[evaluation]
null_rankings = 100
resamples = 100
seeds = 1
"#;

/// The rows of the plan's table, as cells.
fn rows(out: &str) -> Vec<Vec<String>> {
    out.lines()
        .skip_while(|line| !line.contains("---+"))
        .skip(1)
        .take_while(|line| line.contains('|'))
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn column(out: &str, at: usize) -> Vec<String> {
    rows(out).into_iter().map(|row| row[at].clone()).collect()
}

#[test]
fn a_plan_says_what_a_sweep_then_does() {
    let lab = Lab::new();
    lab.write("x.toml", PLAN);
    let plan = lab.done(&["plan", "x.toml"]);
    assert!(!lab.path("reports").exists(), "a plan writes nothing");
    // popularity once, small 2 × 2 weightings, twin 2, which small has already.
    assert_eq!(
        column(&plan.out, 3),
        [
            "runs",
            "runs",
            "runs",
            "runs",
            "runs",
            "same as 2",
            "same as 3"
        ]
    );
    for words in [
        "popularity: one trial instead of 2",
        "trial 6 (twin) is the same as trial 2 (small)",
        "0 trials on validation; left to do: 5",
        "measured just now",
        "memory:",
        "seconds: an estimate, on one thread",
    ] {
        assert!(plan.out.contains(words), "no `{words}` in:\n{plan}");
    }
    let swept = lab.done(&["sweep", "x.toml"]);
    assert!(swept.err.contains("running 5 trials"), "{swept}");
    let after = lab.done(&["plan", "x.toml"]);
    assert_eq!(
        column(&after.out, 3),
        [
            "done",
            "done",
            "done",
            "done",
            "done",
            "same as 2",
            "same as 3"
        ]
    );
    for words in [
        "5 trials on validation; left to do: 0",
        "als: 6 recorded fits of it",
        "nothing left to do",
    ] {
        assert!(after.out.contains(words), "no `{words}` in:\n{after}");
    }
    // A larger grid: only what is new is left.
    let more = ["--set", "model.als.0.factors={ grid = [2, 4, 8] }"];
    let more = lab.done(&[&["plan", "x.toml"][..], &more].concat());
    let runs = column(&more.out, 3).iter().filter(|s| *s == "runs").count();
    assert_eq!(runs, 2, "{more}");
}

#[test]
fn a_part_runs_alone_and_is_not_run_again() {
    let lab = Lab::new();
    lab.write("x.toml", PLAN);
    let part = lab.done(&[
        "sweep",
        "x.toml",
        "--only",
        "model=small",
        "--only",
        "factors=4",
    ]);
    assert!(part.err.contains("running 2 trials"), "{part}");
    assert!(!part.out.contains("| popularity"), "{part}");
    assert!(part.out.contains("--only leaves it out"), "{part}");
    let whole = lab.done(&["sweep", "x.toml"]);
    assert!(
        whole.err.contains("2 of 5 trials have a record already"),
        "{whole}"
    );
    lab.run(&["sweep", "x.toml", "--only", "model=smal"])
        .expect(2)
        .says(&[
            "no trial has model = smal",
            "did you mean `small`",
            "--only",
        ]);
}

#[test]
fn what_show_prints_is_the_same_experiment() {
    let lab = Lab::new();
    lab.write("x.toml", PLAN);
    lab.done(&["sweep", "x.toml", "--set", "seed=3"]);
    let shown = lab.done(&["show", "x.toml", "--set", "seed=3"]);
    lab.write("full.toml", &shown.out);
    // Same name, same folder, nothing left to do.
    let again = lab.done(&["sweep", "full.toml"]);
    assert!(
        again.err.contains("5 of 5 trials have a record already"),
        "{again}"
    );
    lab.run(&["show", "x.toml", "--set", "model.als.0.factor=3"])
        .expect(2)
        .says(&["unknown field `factor`"]);
}

#[test]
fn findings_for_programs_are_one_document() {
    let lab = Lab::new();
    lab.write("x.toml", PLAN);
    lab.write("bad.toml", PLAN.replace("iterations", "iteration"));
    lab.write("odd.toml", PLAN.replace("[2, 4]", "[2, 2]"));
    let read = |files: &[&str], code: i32| -> Value {
        let ended = lab.run(&[&["check", "--format", "json"], files].concat());
        assert_eq!(ended.code, code, "{ended}");
        serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {ended}"))
    };
    let findings = read(&["x.toml", "bad.toml", "odd.toml", "none.toml"], 2);
    let files = findings["files"].as_array().unwrap();
    let count = |at: usize| files[at]["faults"].as_array().unwrap().len();
    assert_eq!((0..4).map(count).collect::<Vec<_>>(), [1, 2, 2, 1]);
    assert_eq!(files[0]["trials"], 7);
    assert_eq!(files[1]["trials"], Value::Null);
    let fault = &files[1]["faults"][0];
    assert_eq!(fault["file"], "bad.toml");
    assert_eq!(fault["line"], 11);
    assert_eq!(fault["label"], "did you mean `iterations`?");
    assert_eq!(files[2]["faults"][0]["severity"], "warning");
    read(&["x.toml", "odd.toml"], 0);
}

#[test]
fn a_part_without_what_is_recommended_recommends_nothing_and_says_so() {
    let lab = Lab::new();
    let wanted = format!("{PLAN}\n[recommendations]\nvariant = \"small\"\n");
    lab.write("x.toml", wanted);
    let part = lab.done(&["sweep", "x.toml", "--only", "model=popularity"]);
    assert!(part.err.contains("`variant` names `small`"), "{part}");
    assert!(
        part.out.contains("this is a part of the experiment"),
        "{part}"
    );
    assert!(!lab.path("reports/x/recommendations.csv").exists());
    lab.done(&["sweep", "x.toml"]);
    assert!(lab.path("reports/x/recommendations.csv").exists());
}

#[test]
fn what_failed_is_left_alone_unless_it_is_asked_for() {
    let lab = Lab::small();
    let diverges = [
        "--set",
        "model.als={ factors = 4, alpha.grid = [1e300, 1.0] }",
    ];
    lab.run(&[&["sweep", "small.toml"][..], &diverges].concat())
        .expect(1);
    let plan = [&["plan", "small.toml"][..], &diverges].concat();
    let after = lab.done(&plan);
    assert_eq!(column(&after.out, 3), ["done", "failed", "done"], "{after}");
    assert_eq!(column(&after.out, 4), ["done", "failed", "done"], "{after}");
    for words in [
        "nothing left to do",
        "2 trials on validation, 1 failed (tried again only with --retry-failed); left to do: 0",
    ] {
        assert!(after.out.contains(words), "no `{words}` in:\n{after}");
    }
    let retried = lab.done(&[&plan[..], &["--retry-failed"]].concat());
    assert_eq!(
        column(&retried.out, 3),
        ["done", "runs", "done"],
        "{retried}"
    );
    assert!(retried.out.contains("left to do: 1"), "{retried}");
    assert!(!retried.out.contains("nothing left"), "{retried}");
}
