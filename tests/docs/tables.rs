//! Tables in the documentation that the program knows better.

use std::collections::BTreeSet;

use crate::common::{Ended, Lab};
use crate::{extension, project, read};

/// The names in backticks that a fault lists as expected.
fn expected_keys(definition: &str) -> BTreeSet<String> {
    let lab = Lab::new();
    lab.write("x.toml", definition);
    let ended: Ended = lab.run(&["sweep", "x.toml"]).expect(2);
    let line = ended.err.lines().find(|l| l.contains("expected one of"));
    let (_, list) = line
        .and_then(|l| l.split_once("expected one of "))
        .expect("a list");
    let names = list
        .split(", ")
        .map(|name| name.trim().trim_matches('`').to_owned());
    names.collect()
}

#[test]
fn the_reference_has_every_key() {
    let text = read(&project("experiments/README.md"));
    for key in expected_keys("xyz = 1\nsource = \"synthetic\"\nmodel = \"als\"\n") {
        assert!(
            text.contains(&format!("### `{key}`\n")),
            "no section on `{key}`"
        );
    }
    for table in ["evaluation", "recommendations"] {
        let definition = format!("source = \"synthetic\"\nmodel = \"als\"\n[{table}]\nxyz = 1\n");
        let (_, section) = text
            .split_once(&format!("### `{table}`\n"))
            .expect("a section");
        let section = section.split("\n#").next().expect("a section");
        let keys = if table == "evaluation" {
            expected_keys(&definition)
        } else {
            // Of two keys serde says "expected `variant` or `count`".
            ["variant", "count"].map(str::to_owned).into()
        };
        for key in keys {
            assert!(
                section.contains(&format!("| `{key}` |")),
                "no row on {table}.{key}"
            );
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Lab::new().done(&["--help"]).out;
    let (_, table) = help
        .split_once("Exit codes:\n")
        .expect("a table of exit codes");
    let codes: Vec<(String, String)> = table
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code.to_owned(), meaning.trim().to_owned()))
        .collect();
    let text = read(&project("experiments/README.md"));
    let (_, section) = text.split_once("### Exit codes\n").expect("a section");
    let documented: Vec<(String, String)> = section
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    assert!(codes.len() >= 7, "{codes:?}");
    assert_eq!(documented, codes);
}

/// `reports/README.md` names every file and column that a sweep writes.
#[test]
fn the_reports_are_documented() {
    let text = read(&project("reports/README.md"));
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    for name in lab.files("reports/small") {
        let top = name.split('/').next().expect("a name");
        assert!(text.contains(&format!("`{top}")), "{top} is not documented");
    }
    for name in lab
        .files("reports/small")
        .iter()
        .filter(|n| extension(n) == "csv")
    {
        if *name != "leaderboard.csv" {
            let table = read(&lab.path("reports/small").join(name));
            let columns = table.lines().next().expect("a header").split(',');
            for column in columns.filter(|c| !c.contains('@')) {
                let column = match column.strip_prefix("parameter_") {
                    Some(_) => "parameter_NAME",
                    None => column,
                };
                assert!(
                    text.contains(&format!("`{column}`")),
                    "{name}: {column} is not documented"
                );
            }
        }
    }
    let board = read(&lab.path("reports/small/leaderboard.csv"));
    for column in board.lines().next().expect("a header").split(',') {
        let column = column.replace("recall@3", "M").replace("precision@3", "M");
        let column = column.replace("ndcg@3", "M");
        assert!(
            text.contains(&format!("`{column}`")),
            "{column} is not documented"
        );
    }
    for record in lab.records("reports/small").values() {
        for part in ["result", "run"] {
            for key in record[part].as_object().expect("an object").keys() {
                assert!(
                    text.contains(&format!("`{key}`")),
                    "{part}.{key} is not documented"
                );
            }
        }
    }
    let report = lab.report("reports/small");
    for (place, of) in [
        ("", &report),
        ("cleanings.", &report["cleanings"][0]),
        ("folds.", &report["cleanings"][0]["folds"][0]),
        ("floor.", &report["cleanings"][0]["floor"]),
        ("metrics.", &report["metrics"][0]),
        ("leaderboard.", &report["leaderboard"][0]),
        ("comparison.", &report["comparison"]),
        ("pairs.", &report["pairs"][0]),
        ("test.", &report["leaderboard"][0]["test"]["ndcg@3"]),
        ("variants.trials.", &report["variants"][0]["trials"][0]),
    ] {
        for key in of.as_object().expect("an object").keys() {
            assert!(
                text.contains(&format!("`{key}`")),
                "report.json: {place}{key} is not documented"
            );
        }
    }
}
