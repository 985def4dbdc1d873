//! Models of others in whole sweeps: `process` and `lists` beside built-in ones.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Ended, Lab};
use serde_json::Value;

/// The most popular items that the user has not heard: what `popularity` recommends. Of `sh`, which
/// `process` needs itself.
const POPULAR: &str = r#"
tail -n +2 train.csv | cut -d , -f 2 | sort | uniq -c | LC_ALL=C sort -k 1,1nr -k 2,2 > popular
echo user,item,score > answer.csv
items=$(sed -n 's/.*"items": \([0-9]*\).*/\1/p' request.json)
tail -n +2 users.csv | while read -r user; do
    grep "^$user," masked.csv | cut -d , -f 2 > heard
    while read -r count item; do
        grep -qx "$item" heard || echo "$user,$item,$count"
    done < popular | head -n "$items"
done >> answer.csv
echo a fit >> "$LOG"
"#;

/// The model of [`POPULAR`], beside what the lab has: to be completed.
const DEFINITION: &str = r#"
name = "foreign"
seed = 3

[source.csv]
path = "log.csv"

[[cleaners]]
parse_timestamps = { formats = ["unix"] }

[splitter.global_time]
validation = 0.2
test = 0.2

[weighting.binary]

[model.popularity]

[model.process]
label = "foreign"
command = ["sh", "model.sh"]
stochastic = false
environment = { LOG = "LOG_FILE" }

[evaluation]
targets = "binary"
null_rankings = 100
resamples = 200
"#;

fn lab(script: &str) -> Lab {
    let lab = Lab::new();
    lab.write("log.csv", common::log());
    lab.write("model.sh", script);
    let log = lab.path("fits").display().to_string();
    lab.write("foreign.toml", DEFINITION.replace("LOG_FILE", &log));
    lab
}

const SWEEP: [&str; 2] = ["sweep", "foreign.toml"];
const FOLDER: &str = "reports/foreign";

fn sweep(lab: &Lab, more: &[&str]) -> Ended {
    lab.run(&[&SWEEP[..], more].concat())
}

/// How often the script ran.
fn fits(lab: &Lab) -> usize {
    let log = fs::read_to_string(lab.path("fits")).unwrap_or_default();
    log.lines().count()
}

/// The records of done trials of a model on a part.
fn records(lab: &Lab, plugin: &str, role: &str) -> Vec<Value> {
    let all = lab.records(FOLDER).into_values();
    let of = |record: &Value| {
        let result = &record["result"];
        result["role"] == role && !result["definition"]["model"][plugin].is_null()
    };
    all.filter(of).collect()
}

fn lists(lab: &Lab, record: &Value) -> String {
    let name = record["result"]["attachments"]["lists"].as_str();
    let path = lab.path(FOLDER).join(name.expect("lists"));
    fs::read_to_string(path).expect("an attachment")
}

#[test]
fn a_foreign_popularity_is_popularity_and_nothing_is_done_twice() {
    let lab = lab(POPULAR);
    sweep(&lab, &[]).expect(0);
    for role in ["validation", "test"] {
        let own = &records(&lab, "popularity", role)[0];
        let foreign = &records(&lab, "process", role)[0];
        assert_eq!(own["result"]["metrics"], foreign["result"]["metrics"]);
        assert_eq!(own["result"]["users_tied"], foreign["result"]["users_tied"]);
        assert_eq!(lists(&lab, own), lists(&lab, foreign));
        assert!(foreign["run"].get("notes").is_none(), "{foreign}");
    }
    let before = fits(&lab);
    // Validation, test, and perhaps the recommendations.
    assert!((2..=3).contains(&before), "{before} fits");
    let results = lab.results(FOLDER);
    sweep(&lab, &[]).expect(0);
    // Another metric, other comparisons: the same trials.
    sweep(&lab, &["--set", "evaluation.resamples=100"]).expect(0);
    assert_eq!(fits(&lab), before);
    assert_eq!(lab.results(FOLDER), results);
    // In processes of their own, the same results.
    sweep(&lab, &["--isolate", "--out", "apart"]).expect(0);
    assert_eq!(lab.results("apart/foreign"), results);
}

#[test]
fn another_script_is_another_trial() {
    let lab = lab(POPULAR);
    sweep(&lab, &[]).expect(0);
    let (before, id) = (
        fits(&lab),
        records(&lab, "process", "test")[0]["id"].clone(),
    );
    lab.write("model.sh", format!("{POPULAR}\n# another\n"));
    sweep(&lab, &[]).says(&["--keep", "--fresh"]);
    sweep(&lab, &["--keep"]).expect(0);
    assert!(fits(&lab) >= before + 2);
    let ids: Vec<_> = records(&lab, "process", "test")
        .iter()
        .map(|r| r["id"].clone())
        .collect();
    assert!(ids.len() == 2 && ids.contains(&id), "{ids:?}");
    // The earlier trial is not to be had again with the script of now.
    let id = id.as_str().unwrap();
    lab.run(&["rerun", FOLDER, "--trial", id])
        .says(&["cannot be run again", "have changed"]);
    lab.write("model.sh", POPULAR);
    lab.done(&["rerun", FOLDER, "--trial", id]);
}

#[test]
fn the_cache_of_lists_knows_scripts_too() {
    let lab = lab(POPULAR);
    let cached = |out: &str| {
        let arguments = ["--out", out, "--cache", "cache"];
        sweep(&lab, &arguments).expect(0);
        fits(&lab)
    };
    let first = cached("a");
    lab.write("model.sh", format!("{POPULAR}\n# another\n"));
    assert!(cached("b") >= first + 2);
}

#[test]
fn a_failing_model_is_a_failed_trial_and_others_go_on() {
    let lab = lab("echo no module named x >&2; exit 3");
    assert_ne!(sweep(&lab, &[]).code, 0);
    let failed = fs::read_dir(lab.path(FOLDER).join("failed")).expect("a folder");
    let failed: Vec<Value> = failed
        .map(|entry| common::json(&entry.expect("an entry").path()))
        .collect();
    let [record] = failed.as_slice() else {
        panic!("not one failed trial: {failed:?}");
    };
    let message = record["result"]["message"].as_str().unwrap();
    for words in [
        "`sh model.sh` failed with exit code 3",
        "the last it said: no module named x",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(record["run"]["notes"][0]["what"], "stderr");
    assert_eq!(record["run"]["notes"][0]["text"], "no module named x\n");
    assert_eq!(records(&lab, "popularity", "test").len(), 1);
}

#[test]
fn recommendations_are_made_by_a_foreign_model_that_is_named() {
    let lab = lab(&format!(
        "{POPULAR}\ngrep '\"part\"' request.json >> \"$LOG\""
    ));
    let named = ["--set", "recommendations.variant=\"foreign\""];
    sweep(&lab, &named).expect(0);
    let log = fs::read_to_string(lab.path("fits")).unwrap();
    for part in ["validation", "test", "recommendations"] {
        assert!(log.contains(&format!("\"part\": \"{part}\"")), "{log}");
    }
    let made = fs::read_to_string(lab.path(FOLDER).join("recommendations.csv")).unwrap();
    assert!(made.lines().count() > 20, "{made}");
}

#[test]
fn when_the_lab_is_killed_so_is_the_command() {
    let lab = lab("sleep 60 & pwd > \"$LOG.folder\"; echo $! > \"$LOG\"; wait");
    let mut sweep = lab.command(&SWEEP).spawn().expect("the program");
    let begun = Instant::now();
    let number = || fs::read_to_string(lab.path("fits")).unwrap_or_default();
    while number().trim().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it never started"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    sweep.kill().expect("a process to kill");
    sweep.wait().expect("its end");
    let process = Path::new("/proc").join(number().trim()).join("stat");
    let lives = || fs::read_to_string(&process).is_ok_and(|state| !state.contains(") Z "));
    let died = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !lives()
    });
    assert!(died);
    let folder = fs::read_to_string(lab.path("fits.folder")).expect("where it worked");
    let gone = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !Path::new(folder.trim()).exists()
    });
    assert!(gone, "{folder}");
}

#[test]
fn lists_of_an_earlier_sweep_are_what_they_were() {
    let lab = lab(POPULAR);
    sweep(&lab, &[]).expect(0);
    for role in ["validation", "test"] {
        let own = &records(&lab, "popularity", role)[0];
        lab.write(&format!("theirs/{role}.csv"), lists(&lab, own));
    }
    let definition = fs::read_to_string(lab.path("foreign.toml")).unwrap();
    let (before, rest) = definition.split_once("[model.process]").unwrap();
    let (_, evaluation) = rest.split_once("[evaluation]").unwrap();
    let lists_model =
        "[model.lists]\nvalidation = \"theirs/validation.csv\"\ntest = \"theirs/test.csv\"\n";
    let listed = format!("{before}{lists_model}[evaluation]{evaluation}");
    lab.write("foreign.toml", &listed);
    sweep(&lab, &["--keep"]).expect(0);
    for role in ["validation", "test"] {
        let own = &records(&lab, "popularity", role)[0];
        let theirs = &records(&lab, "lists", role)[0];
        assert_eq!(own["result"]["metrics"], theirs["result"]["metrics"]);
    }
    // It has nothing to recommend.
    let ended = sweep(&lab, &["--set", "recommendations.variant=\"lists\""]);
    let words = "failed: recommendations by lists: `lists` has the lists of the parts it was given";
    assert!(ended.out.contains(words), "{ended}");
    let said = ended
        .expect(1)
        .says(&["error: the recommendations could not be made"]);
    assert!(!said.err.contains("trial failed"), "{said}");
    // What is missing is found before anything runs.
    fs::remove_file(lab.path("theirs/test.csv")).unwrap();
    lab.write(
        "foreign.toml",
        listed.replace("validation = \"theirs/validation.csv\"\n", ""),
    );
    lab.run(&["check", "foreign.toml"]).says(&[
        "there is no file theirs/test.csv",
        "the splitter makes a validation part, for which there are no lists",
    ]);
}

/// The program in experiments/foreign/README.md does what it says.
#[test]
fn the_program_of_the_docs_works() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no python3");
        return;
    }
    let docs = fs::read_to_string(format!("{}/experiments/foreign/README.md", common::PROJECT));
    let docs = docs.expect("the docs");
    let (_, code) = docs.split_once("```python\n").expect("a program");
    let (code, _) = code.split_once("```").expect("its end");
    let lab = lab("");
    lab.write("my_model.py", code);
    let definition = fs::read_to_string(lab.path("foreign.toml")).expect("the definition");
    lab.write(
        "foreign.toml",
        definition.replace(r#"["sh", "model.sh"]"#, r#"["python3", "my_model.py"]"#),
    );
    sweep(&lab, &[]).expect(0);
    let users = |plugin: &str| {
        let record = &records(&lab, plugin, "test")[0];
        (
            record["result"]["users"].clone(),
            record["result"]["users_short"].clone(),
        )
    };
    assert_eq!(users("process"), users("popularity"));
}

#[test]
fn short_lists_are_counted_and_the_report_warns() {
    // Everybody gets the first item alone, if it was not heard.
    let lab = lab("echo user,item > answer.csv
        item=$(sed -n 2p items.csv)
        tail -n +2 users.csv | while read -r user; do echo \"$user,$item\"; done >> answer.csv");
    sweep(&lab, &[]).expect(0);
    let record = &records(&lab, "process", "test")[0]["result"];
    let lists = records(&lab, "popularity", "test")[0]["result"].clone();
    assert_eq!(record["users_short"], record["users"], "all of them");
    assert!(lists.get("users_short").is_none(), "{lists}");
    let report = lab.report(FOLDER);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("`foreign` gives") && warnings.contains("missing places count as misses"),
        "{warnings}"
    );
}
