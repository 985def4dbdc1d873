//! The protocol audit and the segments of whole sweeps, against counts made here from the log alone.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use common::{Lab, SMALL, experiment, log, set_path, shared};
use serde_json::{Value, json};

/// The finding of a check on the test part.
fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let findings = report["audit"].as_array().expect("a list");
    let mut of_test = findings.iter().filter(|f| f["part"] != "validation");
    of_test.find(|f| f["check"] == name).expect(name)
}

/// Users and items of the log before the test part and in it.
fn parts(lab: &Lab) -> [Vec<(String, String)>; 2] {
    let report = lab.report("reports/small");
    let from = check(&report, "time_order")["counts"]["evaluated_from"].as_i64();
    let from = from.expect("a time");
    let text = std::fs::read_to_string(lab.path("log.csv")).expect("the log");
    let mut parts = [Vec::new(), Vec::new()];
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let late = cells[2].parse::<i64>().expect("a time") >= from;
        parts[usize::from(late)].push((cells[0].to_owned(), cells[1].to_owned()));
    }
    parts
}

/// The small log and, in the test part, a user and an item that nobody knows, and a genre for each song
/// and a country for each user.
fn lab() -> Lab {
    let lab = Lab::small();
    let mut text = log();
    for row in ["newcomer,s1", "u1,unheard", "u2,unheard"] {
        let _ = writeln!(text, "{row},1700100000");
    }
    let mut lines = text.lines();
    let mut wide = lines.next().expect("a header").to_owned() + ",genre,country\n";
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |cell: &str| cell[1..].parse::<u64>().unwrap_or(0);
        let (genre, country) = (number(cells[1]) / 20, number(cells[0]) % 2);
        let _ = writeln!(wide, "{line},genre{genre},country{country}");
    }
    lab.write("log.csv", wide);
    let with_segments = format!("{SMALL}segments = [\"genre\", \"country\"]\n");
    lab.write("small.toml", with_segments);
    lab
}

#[test]
fn the_audit_counts_what_the_log_holds() {
    let lab = lab();
    let ended = lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let [fit, test] = parts(&lab);
    let distinct = |of: &[(String, String)]| of.iter().cloned().collect::<BTreeSet<_>>();
    let (before, pairs) = (distinct(&fit), distinct(&test));
    let users: BTreeSet<&String> = fit.iter().map(|(user, _)| user).collect();
    let items: BTreeSet<&String> = fit.iter().map(|(_, item)| item).collect();
    let repeats = pairs.intersection(&before).count();
    let repeated = check(&report, "repeats");
    assert_eq!(repeated["counts"]["repeats"], repeats);
    assert_eq!(repeated["counts"]["pairs"], pairs.len());
    let new: Vec<_> = pairs.difference(&before).collect();
    let cold: BTreeSet<&String> = new
        .iter()
        .map(|(user, _)| user)
        .filter(|user| !users.contains(user))
        .collect();
    assert_eq!(
        check(&report, "cold_users")["counts"]["cold_users"],
        cold.len()
    );
    assert_eq!(
        (cold.len(), check(&report, "cold_users")["state"].as_str()),
        (1, Some("note"))
    );
    let asked: Vec<_> = new
        .iter()
        .filter(|(user, _)| users.contains(user))
        .collect();
    assert_eq!(check(&report, "targets")["counts"]["targets"], asked.len());
    let unknown = asked
        .iter()
        .filter(|(_, item)| !items.contains(item))
        .count();
    assert_eq!(
        check(&report, "cold_items")["counts"]["cold_targets"],
        unknown
    );
    assert_eq!(unknown, 2);
    let asked: BTreeSet<_> = asked.iter().map(|(user, _)| user).collect();
    assert_eq!(check(&report, "users")["counts"]["users"], asked.len());
    assert_eq!(
        check(&report, "candidates")["counts"]["candidates"],
        items.len()
    );
    assert_eq!(
        check(&report, "heard_targets")["counts"]["heard_targets"],
        0
    );
    assert_eq!(check(&report, "lists")["state"], "ok");
    assert_eq!(check(&report, "baselines")["state"], "ok");
    // Each fold keeps its own, and the forms for people say the same.
    let folds = report["cleanings"][0]["folds"].as_array().expect("folds");
    assert!(
        folds
            .iter()
            .all(|fold| !fold["audit"].as_array().expect("checks").is_empty())
    );
    let findings = report["audit"].as_array().expect("a list");
    let fine = findings.iter().filter(|f| f["state"] == "ok").count();
    let short = format!("{fine} checks passed, {} to look at", findings.len() - fine);
    let markdown = std::fs::read_to_string(lab.path("reports/small/report.md")).expect("a report");
    assert!(
        markdown.contains(&format!("## Protocol audit\n\n{short}")),
        "{markdown}"
    );
    assert!(
        ended.out.contains(&format!("protocol audit: {short}")),
        "{ended}"
    );
    assert!(
        ended.out.contains("note: 1 of 19 users with targets"),
        "{ended}"
    );
}

/// Segments of one kind: for each segment the number of users and the value of popularity.
fn of_popularity(report: &Value, by: &str) -> BTreeMap<String, (u64, f64)> {
    let segments = report["segments"].as_array().expect("a list");
    let own = segments
        .iter()
        .filter(|s| s["by"] == by && s["variant"] == "popularity");
    own.map(|s| {
        let name = s["segment"].as_str().expect("a name").to_owned();
        let users = s["users"].as_u64().expect("a count");
        assert_eq!(s["few"], users < 30);
        (name, (users, s["test"]["value"].as_f64().expect("a value")))
    })
    .collect()
}

#[test]
fn segments_of_users_make_up_the_whole() {
    let lab = lab();
    lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let row = common::row(&report, "popularity");
    let users = row["users"].as_u64().expect("a count");
    let mean = row["test"]["ndcg@3"]["value"].as_f64().expect("a value");
    for by in ["activity", "targets", "country"] {
        let segments = of_popularity(&report, by);
        let counted: u64 = segments.values().map(|s| s.0).sum();
        assert_eq!(counted, users, "{by}: {segments:?}");
        let sum: f64 = segments.values().map(|(n, v)| *n as f64 * v).sum();
        assert!(
            (sum / users as f64 - mean).abs() < 1e-12,
            "{by}: {segments:?}"
        );
    }
    assert_eq!(of_popularity(&report, "country").len(), 2);
    // Nobody hears what is not in the fit part.
    assert_eq!(of_popularity(&report, "popularity")["cold"], (2, 0.0));
    // Songs have a genre, and the users of a genre are those with a target of it.
    let [fit, test] = parts(&lab);
    let known: BTreeSet<&String> = fit.iter().map(|(user, _)| user).collect();
    let heard: BTreeSet<&(String, String)> = fit.iter().collect();
    let mut of_genre: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for pair in test
        .iter()
        .filter(|pair| known.contains(&pair.0) && !heard.contains(pair))
    {
        let genre = match pair.1[1..].parse::<u64>() {
            Ok(number) => format!("genre{}", number / 20),
            Err(_) => "(missing)".to_owned(),
        };
        of_genre.entry(genre).or_default().insert(&pair.0);
    }
    let of_genre: BTreeMap<String, u64> = of_genre
        .into_iter()
        .map(|(genre, users)| (genre, users.len() as u64))
        .collect();
    let found = of_popularity(&report, "genre");
    let found: BTreeMap<String, u64> = found.into_iter().map(|(g, (n, _))| (g, n)).collect();
    assert_eq!(found, of_genre);
    let of = |by: &str| {
        let segments = report["segments"].as_array().expect("a list");
        segments.iter().find(|s| s["by"] == by).expect("a segment")["of"].clone()
    };
    assert_eq!(
        (of("genre"), of("country")),
        (json!("targets"), json!("users"))
    );
    // The same in the table for spreadsheets and in the report for people.
    let csv = std::fs::read_to_string(lab.path("reports/small/segments.csv")).expect("a table");
    assert_eq!(
        csv.lines().count(),
        1 + report["segments"].as_array().expect("a list").len()
    );
    let markdown = std::fs::read_to_string(lab.path("reports/small/report.md")).expect("a report");
    for words in ["## Segments", "### By genre", "(n < 30)*"] {
        assert!(markdown.contains(words), "no `{words}` in {markdown}");
    }
}

#[test]
fn a_segment_of_nothing_is_a_fault_with_its_place() {
    let lab = lab();
    let settings = "evaluation.segments=[\"gnre\"]";
    lab.run(&["sweep", "small.toml", "--set", settings])
        .expect(2)
        .says(&["the log has no column `gnre`", "did you mean `genre`?"]);
    let settings = "evaluation.segments=[\"genre\", \"genre\", \"activity\"]";
    lab.run(&["sweep", "small.toml", "--set", settings])
        .expect(2)
        .says(&["listed twice", "always there"]);
}

/// Counts of the protocol, and its shares of the two kinds of target.
#[test]
fn the_messy_sample() {
    let Some(path) = shared("data/music_interactions_messy.csv") else {
        return;
    };
    let lab = Lab::new();
    lab.done(&[
        "sweep",
        &experiment("messy_sample"),
        "--set",
        &set_path("source.csv.path", &path),
        "--set",
        "evaluation.segments=[\"genre\", \"country\", \"device\"]",
        "--set",
        "evaluation.seeds=1",
    ]);
    let report = lab.report("reports/messy_sample");
    let counts = |name: &str| &check(&report, name)["counts"];
    assert_eq!(
        counts("heard_targets"),
        &json!({"heard_targets": 0, "targets": 825, "removed": 21})
    );
    assert_eq!(counts("cold_items")["cold_targets"], 4);
    assert_eq!(counts("cold_users")["cold_users"], 0);
    assert_eq!(counts("users")["users"], 215);
    assert_eq!(counts("candidates")["candidates"], 647);
    assert_eq!(check(&report, "time_order")["state"], "ok");
    for by in ["activity", "targets", "country", "device"] {
        let segments = of_popularity(&report, by);
        assert_eq!(
            segments.values().map(|s| s.0).sum::<u64>(),
            215,
            "{by}: {segments:?}"
        );
    }
    let segments = report["segments"].as_array().expect("a list");
    let genre = segments
        .iter()
        .find(|s| s["by"] == "genre")
        .expect("a segment");
    assert_eq!(genre["of"], "targets");
}
