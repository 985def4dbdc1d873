//! What is kept between runs changes no result, is not needed, and can be seen and cleared.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use common::{Ended, Lab, SMALL, comparable, log};
use serde_json::Value;

const SWEEP: [&str; 2] = ["sweep", "small.toml"];
const FROM_CACHE: &str = "from the cache, ";

/// The small lab's log with a column of genres, in which some rows stand twice.
fn wide_log() -> String {
    let mut text = String::new();
    for (at, line) in log().lines().enumerate() {
        let genre = match at {
            0 => "genre".to_owned(),
            _ => format!("g{}", at * 7 % 5),
        };
        let _ = writeln!(text, "{line},{genre}");
        if at > 300 && at % 9 == 0 {
            let _ = writeln!(text, "{line},{genre}");
        }
    }
    text
}

/// Runs the program with a cache that keeps everything, however quick it was.
fn cached(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut command = lab.command(arguments);
    command
        .env("MUSICREC_CACHE", lab.path("cache"))
        .env("MUSICREC_CACHE_MIN_SECONDS", "0");
    Ended::new(arguments, &command.output().expect("the program"))
}

fn sweep(lab: &Lab, out: &str) -> Ended {
    cached(lab, &[&SWEEP[..], &["--out", out]].concat()).expect(0)
}

/// How many entries each stage has.
fn kept(lab: &Lab) -> BTreeMap<String, u64> {
    let ended = cached(lab, &["cache", "--format", "json"]).expect(0);
    let document: Value = serde_json::from_str(&ended.out).expect("JSON");
    let stages = document["stages"].as_array().expect("a list").iter();
    let of = |stage: &Value| {
        let name = stage["stage"].as_str().expect("a name").to_owned();
        (name, stage["entries"].as_u64().expect("a count"))
    };
    // How many lists there are hangs on how many trials there are.
    let some = stages.map(of).filter(|(name, _)| name != "lists");
    some.collect()
}

/// All that a sweep left but what differs from run to run.
fn left(lab: &Lab, folder: &str) -> (Value, BTreeMap<String, Value>, Vec<String>) {
    let attachments = lab.files(&format!("{folder}/attachments"));
    (
        comparable(lab.report(folder)),
        lab.results(folder),
        attachments,
    )
}

/// Sweeps without a cache, with an empty one and with a full one, and compares.
fn changes_nothing(definition: &str, log: &str, cleanings: u64) {
    let lab = Lab::new();
    lab.write("small.toml", definition);
    lab.write("log.csv", log);
    lab.done(&[&SWEEP[..], &["--out", "without"]].concat());
    let first = sweep(&lab, "first");
    assert!(!first.err.contains(FROM_CACHE), "{first}");
    let expected = BTreeMap::from([
        ("chance".to_owned(), cleanings),
        ("cleaned".to_owned(), cleanings),
    ]);
    assert_eq!(kept(&lab), expected);
    let second = sweep(&lab, "second");
    let told = second.err.matches(FROM_CACHE).count() as u64;
    assert_eq!(told, cleanings, "{second}");
    assert_eq!(kept(&lab), expected);
    let alike = left(&lab, "without/small");
    for folder in ["first", "second"] {
        let (report, results, attachments) = left(&lab, &format!("{folder}/small"));
        assert_eq!(results, alike.1, "{folder}");
        assert_eq!(report, alike.0, "{folder}");
        assert_eq!(attachments, alike.2, "{folder}");
    }
}

#[test]
fn a_small_sweep_is_the_same() {
    changes_nothing(SMALL, &log(), 1);
}

#[test]
fn alternatives_of_cleaners_segments_and_metrics_that_read_columns_are_the_same() {
    let cleaners =
        "[[cleaners]]\ngrid = [\"off\", { drop_duplicates = {} }]\n\n[splitter.global_time]";
    let evaluation = "[evaluation]\ncompare = [\"model\", \"cleaners\"]\nsegments = [\"genre\"]\n\
                      metrics = [\"ndcg@3\", { diversity = { k = 3, column = \"genre\" } }, \"coverage@3\"]";
    let definition = SMALL
        .replace("[splitter.global_time]", cleaners)
        .replace("[evaluation]", evaluation);
    changes_nothing(&definition, &wide_log(), 2);
}

#[test]
fn cleaners_of_the_fit_part_and_users_held_out_are_the_same() {
    let fit = "[[cleaners]]\nmin_interactions = { users = 2, items = 4 }\n\n";
    let definition = SMALL
        .replace(
            "[splitter.global_time]\n",
            &format!("{fit}[splitter.held_out_users]\n"),
        )
        .replace(
            "[evaluation]",
            "[evaluation]\nties = \"expected\"\ncold_users = \"popularity\"",
        );
    changes_nothing(&definition, &log(), 1);
}

#[test]
fn another_metric_needs_no_fit() {
    let lab = Lab::small();
    sweep(&lab, "one");
    let fits = |folder: &str| {
        let log = fs::read_to_string(lab.path(folder).join("small/fits.jsonl"));
        log.map_or(0, |log| log.lines().count())
    };
    assert!(fits("one") > 0);
    let more = SMALL.replace(
        "[evaluation]",
        "[evaluation]\nmetrics = [\"ndcg@3\", \"mrr@3\"]",
    );
    lab.write("small.toml", more);
    sweep(&lab, "two");
    assert_eq!(fits("two"), 0);
    lab.done(&[&SWEEP[..], &["--out", "without"]].concat());
    assert!(fits("without") > 0);
    assert_eq!(left(&lab, "two/small"), left(&lab, "without/small"));
    for record in lab.records("two/small").values() {
        assert_eq!(record["run"]["kept"], true);
        // What the fit told of its losses is kept too.
        let result = &record["result"];
        if result["definition"]["model"]["als"].is_null() {
            assert!(result["losses"].is_null(), "{result}");
            continue;
        }
        let losses: Vec<Vec<f64>> = serde_json::from_value(result["losses"].clone()).unwrap();
        assert_eq!((losses.len(), losses[0].len()), (1, 15));
        assert!(losses[0].is_sorted_by(|before, after| before > after));
    }
    // Deeper lists are others, and whoever wants all of it again gets it.
    lab.write(
        "small.toml",
        SMALL.replace("[evaluation]", "[evaluation]\nmetrics = [\"ndcg@4\"]"),
    );
    sweep(&lab, "three");
    assert!(fits("three") > 0);
    let fresh = [&SWEEP[..], &["--out", "three", "--fresh"]].concat();
    cached(&lab, &fresh).expect(0);
    assert!(fits("three") > 0);
}

#[test]
fn another_log_or_another_step_is_read_anew_and_a_fit_step_is_not() {
    let lab = Lab::small();
    sweep(&lab, "one");
    let text = log();
    let (all_but_the_last, _) = text.trim_end().rsplit_once('\n').expect("lines");
    lab.write("log.csv", format!("{all_but_the_last}\n"));
    let other = sweep(&lab, "two");
    assert!(!other.err.contains(FROM_CACHE), "{other}");
    lab.write("log.csv", text);
    let step = |cleaner: &str| {
        let entry = format!("[[cleaners]]\n{cleaner}\n\n[splitter.global_time]");
        lab.write(
            "small.toml",
            SMALL.replace("[splitter.global_time]", &entry),
        );
    };
    step("drop_duplicates = {}");
    let other = sweep(&lab, "three");
    assert!(!other.err.contains(FROM_CACHE), "{other}");
    assert_eq!(kept(&lab)["cleaned"], 3);
    step("min_interactions = { users = 2, items = 2 }");
    sweep(&lab, "four").says(&["cleaned log: from the cache, 600 rows in ", "--cache off"]);
    assert_eq!(kept(&lab)["cleaned"], 3);
}

#[test]
fn what_is_damaged_is_computed_again() {
    let lab = Lab::small();
    sweep(&lab, "one");
    let mut entries = lab.files("cache");
    entries.retain(|name| name != "CACHEDIR.TAG");
    // Chance, the cleaned log, and the lists of five trials.
    assert_eq!(entries.len(), 7, "{entries:?}");
    for (at, name) in entries.iter().enumerate() {
        let path = lab.path("cache").join(name);
        let mut bytes = fs::read(&path).expect("an entry");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes.truncate(bytes.len() - at % 3);
        fs::write(path, bytes).expect("an entry");
    }
    let again = sweep(&lab, "two");
    assert!(!again.err.contains(FROM_CACHE), "{again}");
    assert_eq!(left(&lab, "one/small"), left(&lab, "two/small"));
    sweep(&lab, "three").says(&[FROM_CACHE]);
}

#[test]
fn a_cache_that_cannot_be_is_said_once_and_is_no_failure() {
    let lab = Lab::small();
    lab.write("cache", "a file in the way");
    let ended = sweep(&lab, "one");
    let said = ended
        .err
        .matches("nothing can be kept in the cache")
        .count();
    assert_eq!(said, 1, "{ended}");
    lab.done(&[&SWEEP[..], &["--out", "without"]].concat());
    assert_eq!(left(&lab, "one/small"), left(&lab, "without/small"));
}

#[test]
fn it_is_shown_and_cleared() {
    let lab = Lab::small();
    let at = lab.path("cache");
    let path = cached(&lab, &["cache", "path"]).expect(0);
    assert_eq!(path.out, format!("{}\n", at.display()));
    assert!(!at.exists(), "looking makes nothing");
    let empty = cached(&lab, &["cache"]).expect(0);
    assert!(empty.out.contains("0 entries"), "{empty}");
    // A plan fills it too, with what it reads.
    cached(&lab, &["plan", "small.toml"]).expect(0);
    assert_eq!(kept(&lab), BTreeMap::from([("cleaned".to_owned(), 1)]));
    sweep(&lab, "one").says(&[FROM_CACHE]);
    let shown = cached(&lab, &["cache"]).expect(0);
    for words in [
        "7 entries",
        "of at most 10.0 GB",
        "cleaned",
        "chance",
        "newest use",
    ] {
        assert!(shown.out.contains(words), "no `{words}`: {shown}");
    }
    let old = cached(&lab, &["cache", "clear", "--older-than", "30d"]).expect(0);
    assert!(old.out.starts_with("removed 0 entries"), "{old}");
    let stage = cached(&lab, &["cache", "clear", "--stage", "chance"]).expect(0);
    assert!(stage.out.starts_with("removed 1 entry ("), "{stage}");
    assert_eq!(kept(&lab), BTreeMap::from([("cleaned".to_owned(), 1)]));
    cached(&lab, &["cache", "clear"]).expect(0);
    assert_eq!(kept(&lab), BTreeMap::new());
}

#[test]
fn it_can_be_off_or_elsewhere() {
    let lab = Lab::small();
    let sweep = |out, place: &str| {
        cached(
            &lab,
            &["sweep", "small.toml", "--out", out, "--cache", place],
        )
        .expect(0)
    };
    sweep("one", "off");
    assert!(!lab.path("cache").exists() && !lab.path("off").exists());
    sweep("two", "./elsewhere");
    assert!(!lab.path("cache").exists());
    sweep("three", "./elsewhere").says(&[FROM_CACHE]);
    let path = cached(&lab, &["cache", "path", "--cache", "off"]).expect(2);
    assert!(
        path.out.is_empty() && path.err.contains("the cache is off"),
        "{path}"
    );
    let quiet = cached(
        &lab,
        &[
            "sweep",
            "small.toml",
            "--out",
            "four",
            "--cache",
            "./elsewhere",
            "--quiet",
        ],
    );
    assert!(!quiet.expect(0).err.contains(FROM_CACHE));
    cached(&lab, &["cache", "clear", "--older-than=-3d"]).expect(2);
}
