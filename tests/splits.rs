//! Whole sweeps over several test periods, over users who are held out whole, and with users of whom
//! nothing is known: what is written is what the log says.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use common::{Lab, SMALL, json, log, pairs};
use serde_json::Value;

const GLOBAL: &str = "[splitter.global_time]\nvalidation = 0.2\ntest = 0.2\n";

fn definition(splitter: &str) -> String {
    assert!(SMALL.contains(GLOBAL));
    SMALL.replace(GLOBAL, splitter)
}

/// Users and items of the log, in the order of time.
fn rows() -> Vec<(String, String)> {
    let named = |(user, item)| (format!("u{user}"), format!("s{item}"));
    pairs(600).map(named).collect()
}

fn attachment(
    lab: &Lab,
    folder: &str,
    record: &Value,
    what: &str,
) -> Vec<BTreeMap<String, String>> {
    let file = record["attachments"][what].as_str().expect("an attachment");
    let mut reader = csv::Reader::from_path(lab.path(folder).join(file)).expect("a table");
    let rows = reader.deserialize().map(|row| row.expect("a row"));
    rows.collect()
}

/// Items by user.
type Items = BTreeMap<String, BTreeSet<String>>;

fn by_user(rows: &[(String, String)]) -> Items {
    let mut items = Items::new();
    for (user, item) in rows {
        items.entry(user.clone()).or_default().insert(item.clone());
    }
    items
}

/// What is foretold of users who are known, less what they heard.
fn targets(known: &Items, future: &Items) -> Items {
    let of = |(user, items): (&String, &BTreeSet<String>)| {
        let left: BTreeSet<String> = items.difference(known.get(user)?).cloned().collect();
        (!left.is_empty()).then(|| (user.clone(), left))
    };
    future.iter().filter_map(of).collect()
}

/// Recall at 3 of every user with targets, from the lists of a record.
fn recall(lists: &[BTreeMap<String, String>], targets: &Items) -> BTreeMap<String, f64> {
    let hits = |user: &String, items: &BTreeSet<String>| {
        let own = lists.iter().filter(|row| row["user"] == *user);
        let listed: Vec<&String> = own.map(|row| &row["item"]).collect();
        assert_eq!(listed.len(), 3, "{user}");
        listed.iter().filter(|item| items.contains(**item)).count()
    };
    let of = |(user, items): (&String, &BTreeSet<String>)| {
        (user.clone(), hits(user, items) as f64 / items.len() as f64)
    };
    targets.iter().map(of).collect()
}

fn assert_near(got: &Value, expected: f64) {
    let got = got.as_f64().expect("a number");
    assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
}

fn mean<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// The values of `recall@3` by user, as the record has them.
fn per_user(lab: &Lab, folder: &str, record: &Value) -> BTreeMap<String, f64> {
    let rows = attachment(lab, folder, record, "per_user");
    rows.into_iter()
        .map(|row| {
            (
                row["user"].clone(),
                row["recall@3"].parse().expect("a number"),
            )
        })
        .collect()
}

fn assert_same(got: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>) {
    assert_eq!(
        got.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (user, expected) in expected {
        assert!((got[user] - expected).abs() < 1e-12, "{user}");
    }
}

fn tests_of(lab: &Lab, folder: &str) -> Vec<Value> {
    let results = lab.results(folder).into_values();
    let tests: Vec<Value> = results.filter(|r| r["role"] == "test").collect();
    assert_eq!(tests.len(), 2);
    tests
}

#[test]
fn every_period_is_foretold_from_all_before_it() {
    let lab = Lab::small();
    let rolling = "[splitter.rolling_time]\nperiods = 2\ntest = 0.2\nvalidation = 0.2\n";
    lab.write("small.toml", definition(rolling));
    lab.done(&["sweep", "small.toml", "--out", "out"]);
    let rows = rows();
    for record in tests_of(&lab, "out/small") {
        let lists = attachment(&lab, "out/small", &record, "lists");
        let mut of_user: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (period, (from, until)) in [(480, 540), (540, 600)].into_iter().enumerate() {
            let number = (period + 1).to_string();
            let own: Vec<_> = lists
                .iter()
                .filter(|row| row["period"] == number)
                .cloned()
                .collect();
            let targets = targets(&by_user(&rows[..from]), &by_user(&rows[from..until]));
            let values = recall(&own, &targets);
            let said = &record["periods"][period];
            assert_eq!(
                (&said["period"], &said["users"]),
                (&(period + 1).into(), &values.len().into())
            );
            assert_eq!(said["from"], 1_700_000_000 + 60 * from);
            assert_eq!(said["until"], 1_700_000_000 + 60 * (until - 1));
            assert_near(&said["metrics"]["recall@3"], mean(values.values()));
            for (user, value) in values {
                of_user.entry(user).or_default().push(value);
            }
        }
        assert!(of_user.values().any(|values| values.len() == 2));
        let means = of_user
            .iter()
            .map(|(user, values)| (user.clone(), mean(values.iter())));
        let expected: BTreeMap<String, f64> = means.collect();
        assert_same(&per_user(&lab, "out/small", &record), &expected);
        assert_near(&record["metrics"]["recall@3"], mean(expected.values()));
        assert_eq!(record["users"], expected.len());
    }
    let overview = json(&lab.path("out/small/experiment.json"));
    let folds = overview["cleanings"][0]["folds"].as_array().expect("folds");
    let named = folds
        .iter()
        .map(|f| format!("{} {} of {}", f["role"], f["period"], f["periods"]));
    let expected = [
        r#""validation" 1 of 1"#,
        r#""test" 1 of 2"#,
        r#""test" 2 of 2"#,
    ];
    assert_eq!(named.collect::<Vec<_>>(), expected);
    let report = fs::read_to_string(lab.path("out/small/report.md")).expect("a report");
    assert!(report.contains("test period 2 of 2"), "{report}");
    for words in [
        "## Periods",
        "| mean |",
        "| standard deviation |",
        "There are 2 test periods",
    ] {
        assert!(report.contains(words), "no `{words}` in {report}");
    }
    assert!(!report.contains(" events before |"), "{report}");
    let said = json(&lab.path("out/small/report.json"));
    for row in said["leaderboard"].as_array().expect("rows") {
        let id = row["records"][0].as_str().expect("an id");
        let record = json(&lab.path(format!("out/small/records/{id}.json")));
        let mut expected = record["result"]["periods"].clone();
        for period in expected.as_array_mut().expect("periods") {
            period
                .as_object_mut()
                .expect("a period")
                .remove("users_hit");
        }
        assert_eq!(row["periods"], expected);
        let values = [0, 1].map(|at| expected[at]["metrics"]["ndcg@3"].as_f64().expect("a value"));
        let mean = format!("{:.4}", f64::midpoint(values[0], values[1]));
        let line = report.lines().find(|line| line.starts_with("| mean |"));
        assert!(line.is_some_and(|line| line.contains(&mean)), "{line:?}");
    }
}

#[test]
fn users_are_held_out_whole_and_known_by_what_is_given() {
    let lab = Lab::small();
    let held_out = "[splitter.held_out_users]\ntest = 0.3\nvalidation = 0.2\ngiven = 0.5\n";
    lab.write("small.toml", definition(held_out));
    let ended = lab.done(&["sweep", "small.toml", "--out", "out"]);
    assert!(
        ended.err.contains("held out whole") || ended.out.contains("held out whole"),
        "{ended}"
    );
    let rows = rows();
    for record in tests_of(&lab, "out/small") {
        let values = per_user(&lab, "out/small", &record);
        assert_eq!(values.len(), 6);
        let (mut given, mut asked) = (Vec::new(), Vec::new());
        for user in values.keys() {
            let own: Vec<_> = rows.iter().filter(|row| row.0 == *user).cloned().collect();
            // Half of it, rounded, halves up.
            let (first, last) = own.split_at(own.len().div_ceil(2));
            given.extend_from_slice(first);
            asked.extend_from_slice(last);
        }
        let given = by_user(&given);
        let lists = attachment(&lab, "out/small", &record, "lists");
        assert!(
            lists
                .iter()
                .all(|row| !given[&row["user"]].contains(&row["item"]))
        );
        assert!(lists.iter().all(|row| !row.contains_key("period")));
        assert_same(&values, &recall(&lists, &targets(&given, &by_user(&asked))));
        assert_eq!(record["periods"], Value::Null);
        // All but popularity give everybody a list of their own.
        let distinct: BTreeSet<Vec<&String>> = values
            .keys()
            .map(|user| {
                let own = lists.iter().filter(|row| row["user"] == *user);
                own.map(|row| &row["score"]).collect()
            })
            .collect();
        let als = record["definition"]["model"].get("als").is_some();
        assert!(!als || distinct.len() == 6, "{distinct:?}");
    }
    let overview = json(&lab.path("out/small/experiment.json"));
    let test = &overview["cleanings"][0]["folds"][1];
    assert_eq!(
        (&test["fit"]["users"], &test["given"]["users"]),
        (&14.into(), &6.into())
    );
    assert_eq!(overview["uses_the_future"], true);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let lab = Lab::small();
    for (name, splitter) in [
        (
            "rolling",
            "[splitter.rolling_time]\nperiods = 3\nvalidation_periods = 2\n",
        ),
        ("held", "[splitter.held_out_users]\n"),
        (
            "honest",
            "[splitter.held_out_users]\ncut = \"time\"\ntest = 0.4\n",
        ),
    ] {
        let text = definition(splitter).replace("name = \"small\"", &format!("name = \"{name}\""));
        let file = format!("{name}.toml");
        lab.write(&file, text);
        lab.done(&["check", &file]);
        let plan = lab.done(&["plan", &file, "--out", "none"]);
        assert!(plan.out.contains("popularity"), "{plan}");
        assert!(!lab.path("none").exists());
        for threads in ["1", "2"] {
            lab.done(&["sweep", &file, "--threads", threads, "--out", threads]);
        }
        let (one, two) = (format!("1/{name}"), format!("2/{name}"));
        assert_eq!(lab.results(&one), lab.results(&two), "{name}");
        assert_eq!(lab.files(&one), lab.files(&two), "{name}");
        let overview = json(&lab.path(one).join("experiment.json"));
        assert_eq!(overview["uses_the_future"], name == "held", "{name}");
        // Nothing is left to do.
        let plan = lab.done(&["plan", &file, "--out", "1"]);
        assert!(plan.out.contains("left to do: 0"), "{plan}");
    }
}

#[test]
fn users_without_a_past_are_answered_by_popularity_if_asked_for() {
    let lab = Lab::small();
    let mut text = log();
    // Of the last hour, so in the test part.
    for (user, item) in [("new", "s1"), ("new", "s2"), ("newer", "s3")] {
        let _ = writeln!(text, "{user},{item},{}", 1_700_000_000 + 60 * 599);
    }
    lab.write("log.csv", text);
    let fold = |out: &str| {
        let overview = json(&lab.path(out).join("small/experiment.json"));
        let folds = overview["cleanings"][0]["folds"].clone();
        (folds[1].clone(), overview["changes"].clone())
    };
    lab.done(&["sweep", "small.toml", "--out", "skip"]);
    let popularity = "evaluation.cold_users=\"popularity\"";
    lab.done(&["sweep", "small.toml", "--out", "asked", "--set", popularity]);
    let ((skip, _), (asked, changes)) = (fold("skip"), fold("asked"));
    assert_eq!(
        (&skip["cold_users"], &skip["cold_asked"]),
        (&2.into(), &0.into())
    );
    assert_eq!(
        (&asked["cold_users"], &asked["cold_asked"]),
        (&2.into(), &2.into())
    );
    let users = |fold: &Value| fold["users"].as_u64().expect("a count");
    assert_eq!(users(&asked), users(&skip) + 2);
    assert!(
        changes
            .to_string()
            .contains("users without a past are asked too"),
        "{changes}"
    );
    let records = tests_of(&lab, "asked/small");
    // Whatever the model, both get the list of the most popular items.
    let mut seen = BTreeSet::new();
    for record in &records {
        let lists = attachment(&lab, "asked/small", record, "lists");
        for user in ["new", "newer"] {
            let own = lists.iter().filter(|row| row["user"] == user);
            let list: Vec<(String, String)> = own
                .map(|row| (row["item"].clone(), row["score"].clone()))
                .collect();
            assert_eq!(list.len(), 3);
            seen.insert(list);
        }
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    let report = fs::read_to_string(lab.path("asked/small/report.md")).expect("a report");
    assert!(
        report.contains("2 users without a past are answered by popularity"),
        "{report}"
    );
}

#[test]
fn a_random_model_is_no_better_than_chance_where_popularity_answers_for_many() {
    let lab = Lab::small();
    let als = "[model.als]\nfactors.grid = [4, 8]\nregularization = 1.0\n";
    assert!(SMALL.contains(als));
    lab.write("small.toml", SMALL.replace(als, "[model.random]\n"));
    // Of 660 rows the last fifth is the test part. Twenty users of whom nothing is known ask for what is
    // popular.
    let mut heard: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (user, item) in &rows()[..528] {
        heard.entry(item.clone()).or_default().insert(user.clone());
    }
    let mut popular: Vec<(String, usize)> = heard.into_iter().map(|(i, u)| (i, u.len())).collect();
    popular.sort_by_key(|(_, users)| std::cmp::Reverse(*users));
    let mut text = log();
    for user in 0..20 {
        for (item, _) in &popular[..3] {
            let _ = writeln!(text, "new{user},{item},{}", 1_700_000_000 + 60 * 599);
        }
    }
    lab.write("log.csv", text);
    let popularity = "evaluation.cold_users=\"popularity\"";
    lab.done(&["sweep", "small.toml", "--out", "out", "--set", popularity]);
    let report = json(&lab.path("out/small/report.json"));
    let rows = report["leaderboard"].as_array().expect("rows");
    let random = rows.iter().find(|row| row["variant"] == "random");
    let random = random.expect("a row");
    let value = random["test"]["ndcg@3"]["value"].as_f64();
    assert!(value.expect("a value") > 0.4, "{random}");
    assert_eq!(random["rank"], Value::Null, "{random}");
    let p = random["p_chance"].as_f64().expect("a probability");
    assert!(p > 0.05, "{random}");
    let expected = &report["cleanings"][0]["floor"]["metrics"]["ndcg@3"];
    assert_eq!(expected["exact"], true);
    assert!(
        expected["expected"].as_f64().expect("a number") > 0.4,
        "{expected}"
    );
    let warnings = report["warnings"].to_string();
    let (cold, asked) = (20, random["users"].as_u64().expect("a count"));
    let says = format!("{cold} of {asked} users with targets in the test part");
    assert!(warnings.contains(&says), "{warnings}");
    assert!(
        warnings.contains("answered by popularity whatever the model"),
        "{warnings}"
    );
}

#[test]
fn equal_scores_that_are_averaged_are_no_warning() {
    let lab = Lab::small();
    // All but one item are heard by one user each, so their order is that of ids.
    let mut text = "user_id,song_id,timestamp\n".to_owned();
    for row in 0..200 {
        let (user, item) = (row % 10, row % 100);
        let _ = writeln!(text, "u{user},s{item},{}", 1_700_000_000 + 60 * row);
    }
    lab.write("log.csv", text);
    let only = ["--only", "model=popularity"];
    let ties = |out: &str, more: &[&str]| {
        let heard = "evaluation.heard=\"keep\"";
        let arguments = ["sweep", "small.toml", "--out", out, "--set", heard];
        lab.done(&[&arguments[..], &only, more].concat());
        let report = json(&lab.path(out).join("small/report.json"));
        let mut audit = report["audit"].as_array().expect("findings").iter();
        let check = audit.find(|c| c["check"] == "ties").expect("a check");
        (check.clone(), report["warnings"].to_string())
    };
    let (check, warnings) = ties("by_id", &[]);
    assert_eq!(check["state"], "warning", "{check}");
    assert!(warnings.contains("decided by item id"), "{warnings}");
    let (check, warnings) = ties("averaged", &["--set", "evaluation.ties=\"expected\""]);
    assert_eq!(check["state"], "ok", "{check}");
    assert!(
        check["says"]
            .to_string()
            .contains("averaged over the orders"),
        "{check}"
    );
    assert!(!warnings.contains("item id"), "{warnings}");
}
