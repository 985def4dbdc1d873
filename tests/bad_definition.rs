//! Definitions with a fault: its place, a caret under it, and a suggestion; nothing runs.

mod common;

use common::case::Case;
use common::{Lab, SMALL};

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn definitions_with_a_typo() {
    for case in [
        Case::definition(
            "a plugin's key",
            ("regularization = 1.0", "regularisation = 1.0"),
            &[
                "unknown field `regularisation`",
                "small.toml:20:1",
                "regularisation = 1.0",
                "^^^^^^^^^^^^^^",
                "did you mean `regularization`?",
            ],
        ),
        Case::definition(
            "a key under a grid",
            ("factors.grid", "factor.grid"),
            &[
                "unknown field `factor`",
                "small.toml:19:1",
                "did you mean `factors`?",
            ],
        ),
        Case::definition(
            "a key of the definition",
            ("seed = 3", "sede = 3"),
            &[
                "unknown key `sede`",
                "small.toml:2:1",
                "did you mean `seed`?",
            ],
        ),
        Case::definition(
            "a plugin",
            ("[model.popularity]", "[model.popularty]"),
            &[
                "there is no model plugin `popularty`",
                "small.toml:16:8",
                "did you mean `popularity`?",
                "there are: als, artist_top, blend, bpr, ease, fallback, item_knn, lists, markov, p3_alpha, personal_top, popularity, process, pure_svd, random, recency_knn, recent_popularity, rp3_beta, segment_popularity, slim, trending, user_knn",
            ],
        ),
        Case::definition(
            "a source",
            ("[source.csv]", "[source.cvs]"),
            &[
                "there is no source plugin `cvs`",
                "small.toml:4:9",
                "csv, json_lines, parquet, synthetic",
            ],
        ),
        Case::definition(
            "a cleaner",
            ("parse_timestamps =", "parse_timestamp ="),
            &[
                "there is no cleaner plugin `parse_timestamp`",
                "small.toml:8:1",
                "did you mean `parse_timestamps`?",
            ],
        ),
        Case::definition(
            "a metric",
            (
                "[evaluation]",
                "[evaluation]\nmetrics = [\"recall@3\", \"ndgc@3\"]",
            ),
            &[
                "there is no metric plugin `ndgc`",
                "small.toml:23:24",
                "did you mean `ndcg`?",
            ],
        ),
        Case::definition(
            "the deciding metric",
            ("[evaluation]", "[evaluation]\nselect = \"ndcg@5\""),
            &[
                "`select` names no metric of this definition: `ndcg@5`",
                "small.toml:23:10",
                "did you mean `ndcg@3`?",
                "recall@3, precision@3, ndcg@3",
            ],
        ),
        Case::definition(
            "the baseline",
            ("[evaluation]", "[evaluation]\nbaseline = \"popular\""),
            &[
                "`baseline` names no model variant: `popular`",
                "small.toml:23:12",
                "did you mean `popularity`?",
            ],
        ),
        Case::definition(
            "not TOML",
            ("name = \"small\"", "name = \"small"),
            &["small.toml:1:", "name = \"small", "^"],
        ),
        Case::definition(
            "the wrong type",
            ("seed = 3", "seed = \"three\""),
            &["small.toml:2:8", "three"],
        ),
        Case::definition(
            "out of range",
            ("regularization = 1.0", "regularization = -1.0"),
            &["`regularization`: -1 is out of range", "small.toml:20:18"],
        ),
        Case::definition(
            "not a number",
            ("regularization = 1.0", "regularization = nan"),
            &["`regularization`: NaN is out of range", "small.toml:20:18"],
        ),
        Case::definition(
            "no depth",
            ("[evaluation]", "[evaluation]\nmetrics = [\"ndcg@0\"]"),
            &["`k`", "small.toml:23:12"],
        ),
        Case::definition(
            "an empty grid",
            ("[4, 8]", "[]"),
            &["a grid needs at least one value", "small.toml:19:16"],
        ),
        Case::definition(
            "a grid where all trials share one value",
            ("test = 0.2", "test.grid = [0.1, 0.2]"),
            &["a grid cannot stand here", "small.toml:12:"],
        ),
        Case::definition(
            "a name that is a path",
            ("name = \"small\"", "name = \"../small\""),
            &["`../small` cannot name an experiment", "small.toml:1:8"],
        ),
        Case::definition(
            "no source",
            ("[source.csv]\npath = \"log.csv\"", ""),
            &["`source` is missing", "[source.csv]"],
        ),
    ] {
        case.check();
    }
}

#[test]
fn all_typos_at_once() {
    let lab = Lab::small();
    let wrong = SMALL
        .replace("regularization =", "regularisation =")
        .replace("seed =", "sede =")
        .replace("[weighting.binary]", "[weighting.binry]");
    lab.write("small.toml", wrong);
    let ended = lab.run(&["sweep", "small.toml"]).expect(2).says(&[
        "`sede`",
        "small.toml:2:1",
        "`binry`",
        "small.toml:14:12",
        "`regularisation`",
        "small.toml:20:1",
    ]);
    let messages = ended.err.lines().filter(|l| l.starts_with("error")).count();
    assert_eq!(messages, 3, "{ended}");
    assert!(!lab.path("reports").exists());
}

/// `check` finds what `sweep` would, in all files, and touches nothing.
#[test]
fn definitions_are_checked_without_running() {
    let lab = Lab::small();
    lab.write("bad.toml", "source = \"csv\"\n[model.alz]\n");
    let fine = lab.done(&["check", "small.toml"]);
    assert!(
        fine.out.contains("small.toml: no error; 2 variants, "),
        "{fine}"
    );
    lab.run(&["check", "bad.toml", "small.toml", "none.toml"])
        .expect(2)
        .says(&[
            "there is no model plugin `alz`",
            "bad.toml:2:8",
            "cannot read the definition none.toml",
        ]);
    lab.run(&["check", "small.toml", "--set", "seed=-1"])
        .expect(2)
        .says(&["`seed`", "on the command line"]);
    assert_eq!(lab.files("."), ["bad.toml", "log.csv", "small.toml"]);
}
