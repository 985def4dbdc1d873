//! `[rules]`: what no list may hold, for every model that is linked, in what is judged and in what is exported.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use common::{Lab, pairs, time};
use musicrec_api::{Kind, registrations};
// Links the built-in plugins.
use musicrec_lab as _;
use serde_json::Value;

/// The kind of event of a row.
fn kind(row: usize) -> &'static str {
    match row % 9 {
        2 => "skip",
        7 => "dislike",
        _ => "play",
    }
}

/// The artist of an item; some have none.
fn artist(item: u64) -> String {
    match item % 10 {
        0 => String::new(),
        rest => format!("a{}", rest / 3),
    }
}

/// The log of all tests, with kinds and artists.
fn log() -> String {
    let mut text = "user_id,song_id,timestamp,event_type,artist_id\n".to_owned();
    for (row, (user, item)) in pairs(600).enumerate() {
        let (time, kind, artist) = (time(row), kind(row), artist(item));
        let _ = writeln!(text, "u{user},s{item},{time},{kind},{artist}");
    }
    text
}

const RULES: &str = r#"
[rules]
allow = "allowed.csv"
block = ["s3", "s41", "nobody's"]
avoid = ["dislike", "skip"]
at_most = { artist_id = 1 }
"#;

/// Items that may be recommended by `allowed.csv`.
fn allowed(item: &str) -> bool {
    item.len() < 3 || !item.ends_with('5')
}

/// A definition of some models, with what stands behind it.
fn definition(models: &str, more: &str) -> String {
    format!(
        r#"name = "small"
seed = 3

[source.csv]
path = "log.csv"

[[cleaners]]
parse_timestamps = {{ formats = ["unix"] }}

[splitter.global_time]
validation = 0.2
test = 0.2

[weighting.binary]

{models}

[evaluation]
targets = "binary"
heard = "keep"
depth = 5
null_rankings = 100
resamples = 100
seeds = 1
{more}"#
    )
}

fn lab(definition: &str) -> Lab {
    let lab = Lab::new();
    lab.write("small.toml", definition);
    lab.write("log.csv", log());
    let items: BTreeSet<u64> = pairs(600).map(|(_, item)| item).collect();
    let mut list = "why,song_id\n".to_owned();
    for item in items.iter().map(|item| format!("s{item}")) {
        if allowed(&item) {
            let _ = writeln!(list, "ours,{item}");
        }
    }
    list.push_str("ours,s999\n");
    lab.write("allowed.csv", list);
    lab
}

const TWO: &str = "[model.popularity]\n[model.als]\nfactors = 4\nregularization = 1.0";

/// Every list of a table with the columns user, rank, item and score, by user.
fn lists(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let list = lists.entry(cells[0].to_owned()).or_default();
        list.push(cells[2].to_owned());
    }
    lists
}

/// Looks at lists that were made of the first `rows` of the log.
fn obey(lists: &BTreeMap<String, Vec<String>>, rows: usize, what: &str) {
    let before = pairs(600).take(rows).enumerate();
    let avoided: BTreeSet<(String, String)> = before
        .filter(|(row, _)| kind(*row) != "play")
        .map(|(_, (user, item))| (format!("u{user}"), format!("s{item}")))
        .collect();
    assert!(!lists.is_empty(), "{what}: no lists");
    for (user, list) in lists {
        let mut artists = BTreeSet::new();
        for item in list {
            let what = format!("{what}: {item} for {user}");
            assert!(
                allowed(item) && !["s3", "s41"].contains(&item.as_str()),
                "{what}"
            );
            assert!(
                !avoided.contains(&(user.clone(), item.clone())),
                "{what} was avoided"
            );
            let artist = artist(item[1..].parse().expect("a number"));
            assert!(
                artist.is_empty() || artists.insert(artist),
                "{what}: two of an artist"
            );
        }
    }
}

#[test]
fn no_list_of_any_model_breaks_a_rule() {
    // All models that need no parameter.
    let models = registrations()
        .into_iter()
        .filter(|plugin| plugin.kind == Kind::Model);
    let models = models.filter(|plugin| (plugin.defaults)().is_some());
    let models: Vec<&str> = models.map(|plugin| plugin.name).collect();
    assert!(models.len() >= 10, "{models:?}");
    let headers: String = models.iter().fold(String::new(), |mut all, name| {
        let _ = writeln!(all, "[model.{name}]");
        if *name == "segment_popularity" {
            // The log has no column of countries.
            all += "columns = [\"event_type\"]\n";
        }
        all
    });
    let lab = lab(&definition(&headers, RULES));
    lab.done(&["sweep", "small.toml", "--out", "out"]);
    let mut seen = BTreeSet::new();
    for (name, record) in lab.records("out/small") {
        let lists_of = record["result"]["attachments"]["lists"].as_str();
        let text = fs::read_to_string(lab.path("out/small").join(lists_of.expect("lists")));
        // Neither part is cut later than its first target.
        let rows = match record["result"]["role"].as_str() {
            Some("validation") => 360,
            _ => 480,
        };
        let lists = lists(&text.expect("a table"));
        obey(&lists, rows, &name);
        assert!(lists.values().any(|list| list.len() > 3), "{name}");
        seen.insert(
            record["run"]["variant"]
                .as_str()
                .expect("a name")
                .to_owned(),
        );
    }
    assert_eq!(seen, models.iter().map(|m| (*m).to_owned()).collect());
    let exported = fs::read_to_string(lab.path("out/small/recommendations.csv"));
    obey(&lists(&exported.expect("a table")), 600, "recommendations");
}

/// The check of this name of the test part.
fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let audit = report["audit"].as_array().expect("a list").iter();
    let mut of_test = audit.filter(|c| c["check"] == name && c["part"] == "test");
    of_test
        .next()
        .unwrap_or_else(|| panic!("no check `{name}`"))
}

#[test]
fn the_report_says_which_rules_held_and_what_they_touched() {
    let lab = lab(&definition(TWO, RULES));
    let ended = lab.done(&["sweep", "small.toml", "--out", "out"]);
    let report = lab.report("out/small");
    // Counted anew: targets are the distinct pairs of the last fifth.
    let before: BTreeSet<(u64, u64)> = pairs(600)
        .enumerate()
        .take(480)
        .filter(|(row, _)| kind(*row) != "play")
        .map(|(_, pair)| pair)
        .collect();
    let targets: BTreeSet<(u64, u64)> = pairs(600).skip(480).collect();
    let avoided = targets.iter().filter(|pair| before.contains(pair)).count();
    let hidden = |item: u64| !allowed(&format!("s{item}")) || item == 3 || item == 41;
    let left = targets.iter().filter(|pair| !before.contains(pair));
    let hidden = left.clone().filter(|(_, item)| hidden(*item)).count();
    assert!(avoided > 3 && hidden > 3);
    let used = &report["cleanings"][0]["folds"][1];
    assert_eq!(used["rules"]["avoided_removed"], avoided);
    assert_eq!(used["rules"]["hidden_removed"], hidden);
    assert_eq!(used["targets"], targets.len() - avoided - hidden);
    assert_eq!(check(&report, "listed_items")["counts"]["removed"], hidden);
    assert_eq!(check(&report, "listed_items")["counts"]["unknown_ids"], 2);
    assert_eq!(
        check(&report, "avoided_items")["counts"]["removed"],
        avoided
    );
    let at_most = check(&report, "at_most_artist_id");
    assert_eq!(at_most["counts"]["values"], 4);
    assert!(at_most["counts"]["targets"].as_u64() > Some(0));
    // Nothing is exact where lists hold few of an artist, and the best ranking is below that without the rule.
    let floor = &report["cleanings"][0]["floor"]["metrics"]["recall@3"];
    assert_eq!(floor["exact"], false);
    for file in ["report.md", "report.html"] {
        let text = fs::read_to_string(lab.path("out/small").join(file)).expect("a report");
        for words in [
            "only items of a list may be recommended (allowed.csv)",
            "items of a list are never recommended (given in the definition)",
            "the best 1 at most",
            "the cleaned log does not have 1 (the first: ",
            "removed as avoided",
        ] {
            assert!(text.contains(words), "no `{words}` in {file}");
        }
        assert!(!text.contains("nobody's"), "an id in {file}");
    }
    for words in [
        "note: `allow` names",
        "a list holds at most 1 of the same `artist_id`",
    ] {
        let said = format!("{}{}", ended.out, ended.err);
        assert!(
            said.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(words),
            "{said}"
        );
    }
}

#[test]
fn rules_are_part_of_what_a_trial_is() {
    let plain = definition(TWO, "");
    let lab = lab(&plain);
    let ids = |folder: &str| {
        lab.records(&format!("{folder}/small"))
            .into_keys()
            .collect::<Vec<_>>()
    };
    lab.done(&["sweep", "small.toml", "--out", "without"]);
    // An empty table is no rule, and no trial is another.
    lab.write("small.toml", format!("{plain}\n[rules]\n"));
    lab.done(&["sweep", "small.toml", "--out", "empty"]);
    assert_eq!(ids("without"), ids("empty"));
    assert_eq!(lab.results("without/small"), lab.results("empty/small"));
    lab.write("small.toml", definition(TWO, RULES));
    lab.done(&["sweep", "small.toml", "--out", "with"]);
    assert!(ids("with").iter().all(|id| !ids("without").contains(id)));
    lab.run(&["sweep", "small.toml", "--out", "without"])
        .expect(5)
        .says(&["rules.at_most.artist_id: ", "rules.allow.sha256: "]);
    // Records alone are enough to run them again, with the list as it was.
    lab.done(&["verify", "with/small", "--all"]);
    let list = fs::read_to_string(lab.path("allowed.csv")).expect("a list");
    fs::create_dir(lab.path("moved")).expect("a folder");
    for file in ["log.csv", "allowed.csv"] {
        fs::rename(lab.path(file), lab.path("moved").join(file)).expect("a file");
    }
    lab.done(&["verify", "with/small", "--all", "--source", "moved"]);
    lab.write("log.csv", log());
    lab.write("allowed.csv", list.replacen("ours,s7\n", "", 1));
    lab.run(&["verify", "with/small", "--all"])
        .expect(3)
        .says(&["do not hold what they did when it was run"]);
    lab.run(&["sweep", "small.toml", "--out", "with"])
        .expect(5)
        .says(&["rules.allow.sha256: "]);
}

#[test]
fn faults_of_rules_are_found_before_anything_runs() {
    for (rules, code, says) in [
        (
            "avoid = [\"skipp\"]",
            2,
            &[
                "no event of the cleaned log is a `skipp`",
                "did you mean `skip`?",
                "it has play, skip, dislike",
                "small.toml:29:9",
            ][..],
        ),
        (
            "at_most = { artist = 1 }",
            2,
            &[
                "the log has no column `artist`",
                "did you mean `artist_id`?",
                "it has user_id, song_id",
                "small.toml:29:13",
            ],
        ),
        (
            "at_most = { song_id = 2 }",
            2,
            &[
                "column `song_id` says what was listened to",
                "name one that many items share",
                "small.toml:29:13",
            ],
        ),
        (
            "at_most = { artist_id = 0 }",
            2,
            &["expected a whole number of at least 1", "small.toml:29:25"],
        ),
        (
            "alow = \"allowed.csv\"",
            2,
            &["unknown field `alow`", "did you mean `allow`?"],
        ),
        (
            "block = 7",
            2,
            &[
                "expected the path of a file of item ids or a list of them",
                "small.toml:29:9",
            ],
        ),
        (
            "block = \"nowhere.txt\"",
            2,
            &["cannot read nowhere.txt", "one a line", "small.toml:29:9"],
        ),
        (
            "allow = [\"x\", \"y\"]",
            2,
            &[
                "`allow` leaves nothing to recommend: none of its 2 ids",
                "small.toml:29:9",
            ],
        ),
        (
            "block = \"log.csv\"",
            2,
            &[
                "`block` leaves nothing to recommend: its 60 ids (log.csv) hold all items",
                "small.toml:29:9",
            ],
        ),
    ] {
        let lab = lab(&definition(TWO, &format!("[rules]\n{rules}\n")));
        let ended = lab.run(&["sweep", "small.toml", "--out", "out"]);
        assert_eq!(ended.code, code, "{rules}: {ended}");
        for words in says {
            assert!(ended.err.contains(words), "{rules}: no `{words}`: {ended}");
        }
        assert!(!lab.path("out").exists(), "{rules}");
    }
    let ties = definition(TWO, RULES).replace("depth = 5", "ties = \"expected\"");
    lab(&ties)
        .run(&["check", "small.toml"])
        .expect(2)
        .says(&["ties = \"expected\" cannot be together with [rules.at_most]"]);
    let masked = definition(TWO, RULES).replace("heard = \"keep\"", "heard = \"mask\"");
    lab(&masked)
        .done(&["check", "small.toml"])
        .says(&["`avoid` changes nothing while heard items are masked"]);
}

#[test]
fn a_saved_model_obeys_for_whomever() {
    let lab = lab(&definition(TWO, RULES));
    lab.done(&["sweep", "small.toml"]);
    lab.done(&[
        "fit",
        "reports/small",
        "--variant",
        "popularity",
        "--out",
        "model.st",
    ]);
    let all = lab.done(&["recommend", "--model", "model.st", "--all", "--k", "5"]);
    obey(&lists(&all.out), 600, "saved");
    let told = |item: &str, event: &str| {
        let history = format!("user,item,time,event\nnew,{item},1700000000,{event}\n");
        lab.write("history.csv", history);
        let asked = [
            "recommend",
            "--model",
            "model.st",
            "--history",
            "history.csv",
        ];
        lists(&lab.done(&asked).out).remove("new").expect("a list")
    };
    let first = told("s1", "play").remove(0);
    assert!(
        told(&first, "play").contains(&first),
        "heard items are kept"
    );
    for event in ["skip", "dislike"] {
        assert!(!told(&first, event).contains(&first), "{event} {first}");
    }
}

#[test]
fn who_gets_all_there_is_has_no_short_list() {
    let rules = "[rules]\nallow = [\"s1\", \"s2\"]\n";
    let lab = lab(&definition(TWO, rules));
    lab.done(&["sweep", "small.toml"]);
    let report = fs::read_to_string(lab.path("reports/small/report.md")).expect("a report");
    assert!(!report.contains("though more are left"), "{report}");
}
