//! Both tables of a fixed summary to the letter, and what must hold of every table.

use std::path::Path;

use serde_json::json;

use self::fixture::{SELECT, summary};
use super::{comparisons, leaderboard};
use crate::compare::Estimate;
use crate::report::Summary;

#[allow(
    dead_code,
    clippy::duplicate_mod,
    reason = "figures have it, too, and use more of it"
)]
#[path = "../figures/tests/fixture.rs"]
mod fixture;

/// Three variants, the names of which want to be more than text, and two metrics.
fn hostile() -> Summary {
    let names = [
        "a_b & 50% of $x$ #1 {y}~^\\end{tabular}",
        "[<b>|\"q\" `t` 🎵 שלום\u{202e}",
        "x".repeat(60).leak(),
    ];
    let variants = names.map(|name| (name, vec![vec![]]));
    let mut summary = summary(&variants);
    summary.overview.name = "of & 50%_{x}\nnew line".to_owned();
    let metric = |label: &str, formula: &str| {
        json!({"label": label, "formula": formula, "averaged_over": "users with a target",
            "source": "nowhere", "better": "higher", "reads_items": false, "proportion": false,
            "over_lists": false, "depth": 3})
    };
    let labels = [SELECT, "diversity_50% & <b>@3"];
    let metrics = json!([
        metric(labels[0], "Σ of `hits` / all"),
        metric(labels[1], "pairs with another `50% & <b>`")
    ]);
    summary.overview.metrics = serde_json::from_value(metrics).unwrap();
    let floors = summary.overview.cleanings.iter_mut();
    for floor in floors.filter_map(|log| log.floor.as_mut()) {
        let mut other = floor.metrics[SELECT].clone();
        other.ceiling = None;
        floor.metrics.insert(labels[1].to_owned(), other);
    }
    for (at, row) in summary.leaderboard.iter_mut().enumerate() {
        row.group = ["a", "ab", "b"][at].to_owned();
        row.settings = "factors=8".to_owned();
        let value = Estimate::point(0.5 + 0.1 * at as f64);
        row.test.insert(labels[1].to_owned(), value);
    }
    summary
}

fn drawn() -> [(&'static str, String); 2] {
    let summary = hostile();
    let folder = Path::new("reports/x");
    [
        ("leaderboard.tex", leaderboard(&summary, folder)),
        ("comparisons.tex", comparisons(&summary, folder)),
    ]
}

#[test]
fn tables_are_drawn_as_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/latex/golden");
    for (name, tex) in drawn() {
        let path = folder.join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &tex).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == tex,
            "{} is drawn otherwise; if that is meant: UPDATE=1 cargo test --lib",
            path.display()
        );
    }
}

/// What is not a comment, character by character with what is escaped taken out.
fn bare(tex: &str) -> String {
    let lines = tex.lines().filter(|line| !line.starts_with('%'));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('&' | '%' | '$' | '#' | '_' | '{' | '}' | ',') => {}
                Some(next) => out.extend(['\\', next]),
                None => panic!("a backslash at the end"),
            },
            c => out.push(c),
        }
    }
    out
}

#[test]
fn braces_are_balanced_and_rows_have_the_columns_that_are_declared() {
    for (name, tex) in drawn() {
        let bare = bare(&tex);
        let mut depth = 0_i32;
        for c in bare.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            assert!(depth >= 0, "{name}: {tex}");
        }
        assert_eq!(depth, 0, "{name}: {tex}");
        for environment in ["table", "tabular", "minipage"] {
            let count = |what: &str| bare.matches(&format!("\\{what}{{{environment}}}")).count();
            assert_eq!(count("begin"), count("end"), "{name}: {environment}");
        }
        let (_, table) = bare.split_once("\\begin{tabular}{@{}").expect("a table");
        let (columns, table) = table.split_once("@{}}").expect("columns");
        let (_, table) = table.split_once("\\toprule\n").expect("a rule");
        let (table, _) = table.split_once("\\bottomrule").expect("an end");
        for row in table.lines().filter(|line| *line != "\\midrule") {
            assert!(row.ends_with(" \\\\"), "{name}: {row}");
            assert_eq!(
                row.matches(" & ").count(),
                row.matches('&').count(),
                "{row}"
            );
            assert_eq!(
                row.matches(" & ").count() + 1,
                columns.len(),
                "{name}: {row}"
            );
            for special in ['#', '^', '~', '_', '"', '|', '%'] {
                let bare = row.replace("$d_z$", "");
                assert!(!bare.contains(special), "{name}: {special} in {row}");
            }
            assert!(row.matches('$').count().is_multiple_of(2), "{row}");
        }
        assert!(
            !tex.contains('🎵') || tex.find('🎵') < tex.find("\\begin"),
            "{name}"
        );
    }
}

#[test]
fn without_anything_to_compare_there_is_no_table() {
    let mut summary = hostile();
    summary.leaderboard.truncate(1);
    let tex = comparisons(&summary, Path::new("x"));
    assert!(tex.lines().all(|line| line.starts_with('%')), "{tex}");
}
