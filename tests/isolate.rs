//! `sweep --isolate`: fits in processes of their own. What comes of them is the same; what ends them,
//! from outside or by a limit, is a record; and no process outlives the sweep.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Lab, SMALL, comparable};
use serde_json::Value;

/// [`SMALL`] with these parameters of ALS.
fn definition(als: &str) -> String {
    SMALL.replace("factors.grid = [4, 8]", als)
}

/// A fit that nobody waits for.
const ENDLESS: &str = "factors = 16\niterations = 100000000";

fn start(lab: &Lab, arguments: &[&str]) -> Child {
    lab.command(
        &[
            &["sweep", "small.toml", "--isolate", "--threads", "1"],
            arguments,
        ]
        .concat(),
    )
    .process_group(0)
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the program")
}

fn end(child: Child) -> Ended {
    let output = child.wait_with_output().expect("an end");
    Ended::new(&["sweep", "small.toml", "--isolate"], &output)
}

fn kill(signal: &str, target: &str) {
    let sent = Command::new("kill").args([signal, "--", target]).status();
    assert!(sent.expect("kill").success(), "kill {signal} {target}");
}

/// The lines of the log of fits that are whole.
fn fits(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.path("reports/small/fits.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Those that begin a fit of ALS.
fn begun(lab: &Lab) -> Vec<Value> {
    let all = fits(lab).into_iter();
    all.filter(|fit| fit["event"] == "begin" && fit["steps"] != serde_json::json!([]))
        .collect()
}

fn wait<T>(child: &mut Child, until: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = until() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "in vain");
        let ended = child.try_wait().expect("a state");
        assert!(
            ended.is_none(),
            "ended before it could be disturbed: {ended:?}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process is there and no zombie.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z"))
    })
}

fn pid(fit: &Value) -> String {
    fit["pid"].as_u64().expect("a process").to_string()
}

/// The records of failures.
fn failures(lab: &Lab) -> Vec<Value> {
    let entries = fs::read_dir(lab.path("reports/small/failed")).expect("a folder");
    entries
        .map(|entry| common::json(&entry.expect("an entry").path()))
        .collect()
}

#[test]
fn nothing_differs_but_the_process() {
    let lab = Lab::small();
    let several = definition("factors.grid = [4, 8]\niterations.grid = [2, 5]")
        .replace(
            "[weighting.binary]",
            "[weighting.binary]\n\n[weighting.log]\nof.plays = {}",
        )
        .replace("seeds = 1", "seeds = 2");
    lab.write("small.toml", several);
    lab.done(&["sweep", "small.toml", "--out", "plain", "--threads", "1"]);
    let results = lab.results("plain/small");
    let report = comparable(lab.report("plain/small"));
    let file = |folder: &str, name: &str| fs::read(lab.path(folder).join(name)).expect("a file");
    for (jobs, threads) in [("1", "1"), ("1", "2"), ("2", "2")] {
        let out = format!("jobs{jobs}threads{threads}");
        let folder = format!("{out}/small");
        lab.done(&[
            "sweep",
            "small.toml",
            "--out",
            &out,
            "--isolate",
            "--jobs",
            jobs,
            "--threads",
            threads,
            "--timeout",
            "600",
            "--memory-per-job",
            "8GB",
        ]);
        assert_eq!(lab.results(&folder), results, "{out}");
        assert_eq!(comparable(lab.report(&folder)), report, "{out}");
        for name in ["recommendations.csv", "comparisons.csv"] {
            assert_eq!(file(&folder, name), file("plain/small", name), "{out}");
        }
        for (name, record) in lab.records(&folder) {
            let run = &record["run"];
            assert!(run["stages"]["fit"]["peak_bytes"].is_u64(), "{name}: {run}");
            assert!(
                run["attempts"].is_null() && run["stderr"].is_null(),
                "{name}: {run}"
            );
        }
        let log = String::from_utf8(file(&folder, "fits.jsonl")).expect("text");
        let fits = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut processes: Vec<String> = fits.map(|fit| pid(&fit)).collect();
        processes.sort();
        processes.dedup();
        // One a job, for the whole sweep, and none of them is there any more.
        assert!(
            (1..=jobs.parse().expect("a number")).contains(&processes.len()),
            "{processes:?}"
        );
        assert!(!processes.iter().any(|process| lives(process)));
        assert_eq!(lab.files(&format!("{folder}/running")), ["opening.lock"]);
    }
    // What a worker finds in a cache is the same too, and another metric needs no fit there either.
    let cached = |out: &str, metric: &str| {
        let metrics = format!("evaluation.metrics=[\"ndcg@3\", \"{metric}\"]");
        lab.done(&[
            "sweep",
            "small.toml",
            "--isolate",
            "--cache",
            "cache",
            "--cache-min-seconds",
            "0",
            "--set",
            &metrics,
            "--out",
            out,
        ]);
        lab.results(&format!("{out}/small"))
    };
    let first = cached("first", "mrr@3");
    let second = cached("second", "map@3");
    let values = |results: &std::collections::BTreeMap<String, Value>| {
        let of = |result: &Value| result["metrics"]["ndcg@3"].to_string();
        let mut values: Vec<String> = results.values().map(of).collect();
        values.sort();
        values
    };
    assert_eq!(values(&first), values(&results));
    assert_eq!(values(&second), values(&results));
    // The second sweep has nothing to do, and needs no worker for that.
    let folder = "jobs1threads1/small";
    let before = file(folder, "fits.jsonl");
    lab.done(&["sweep", "small.toml", "--out", "jobs1threads1", "--isolate"]);
    assert_eq!(file(folder, "fits.jsonl"), before);
}

#[test]
fn rungs_of_halving_and_portable_sums_are_known_to_workers() {
    for keys in [
        "least = 1",
        "resource = \"users\"\nreduction = 2\nleast = 0.5",
    ] {
        let lab = Lab::small();
        let halved = definition("factors.grid = [2, 4, 8]\niterations = 9");
        lab.write(
            "small.toml",
            format!("{halved}\n[search.halving]\n{keys}\n"),
        );
        let arguments = ["sweep", "small.toml", "--portable", "--out"];
        lab.done(&[&arguments[..], &["plain"]].concat());
        lab.done(&[&arguments[..], &["apart", "--isolate"]].concat());
        let results = lab.results("plain/small");
        let rungs = results.values().filter(|result| {
            let iterations = result["definition"]["model"]["als"]["iterations"].as_u64();
            iterations.is_some_and(|n| n < 9) || !result["users_share"].is_null()
        });
        assert!(rungs.count() > 0, "{keys}");
        assert_eq!(lab.results("apart/small"), results, "{keys}");
        let report = |folder| comparable(lab.report(folder));
        assert_eq!(report("apart/small"), report("plain/small"), "{keys}");
    }
}

#[test]
fn a_fit_that_is_killed_once_is_done_again_and_what_it_had_stored_stays() {
    let lab = Lab::small();
    lab.write(
        "small.toml",
        definition("factors = 16\niterations.grid = [1, 8000]"),
    );
    lab.done(&["sweep", "small.toml", "--out", "plain"]);
    let mut child = start(&lab, &[]);
    let records = lab.path("reports/small/records");
    let worker = wait(&mut child, || {
        let fit = begun(&lab).into_iter().next()?;
        let first = fit["trials"][0].as_str().expect("an id");
        records
            .join(format!("{first}.json"))
            .exists()
            .then(|| pid(&fit))
    });
    kill("-KILL", &worker);
    end(child)
        .expect(0)
        .says(&["als: the process that ran the fit ended with signal: 9 (SIGKILL); it is tried again (2 of 3)"]);
    assert_eq!(lab.results("reports/small"), lab.results("plain/small"));
    let fits = begun(&lab);
    assert_eq!(fits[0]["trials"].as_array().expect("trials").len(), 2);
    // Only the one that was missing.
    assert_eq!(fits[1]["steps"], serde_json::json!([8000]));
    let second = lab.path(format!(
        "reports/small/records/{}.json",
        fits[1]["trials"][0].as_str().expect("an id")
    ));
    assert_eq!(common::json(&second)["run"]["attempts"], 2);
}

#[test]
fn three_crashes_are_a_failure_that_can_be_tried_again() {
    let lab = Lab::small();
    lab.write("small.toml", definition("factors = 16\niterations = 8000"));
    lab.done(&["sweep", "small.toml", "--out", "plain"]);
    let mut child = start(&lab, &[]);
    for attempt in 0..3 {
        let worker = wait(&mut child, || begun(&lab).get(attempt).map(pid));
        kill("-KILL", &worker);
    }
    end(child).expect(1).says(&[
        "it is tried again (3 of 3)",
        "validation: als failed: the process that ran the fit ended with signal: 9 (SIGKILL) in the last \
         of 3 attempts",
        "--retry-failed",
    ]);
    assert_eq!(begun(&lab).len(), 3);
    let [failed] = &failures(&lab)[..] else {
        panic!("one trial fails")
    };
    assert_eq!(failed["run"]["attempts"], 3);
    // Popularity went on.
    assert_eq!(lab.results("reports/small").len(), 2);
    // It stays failed, and is mended when that is wanted.
    end(start(&lab, &[]))
        .expect(1)
        .says(&["nothing to do", "--retry-failed what failed"]);
    assert_eq!(begun(&lab).len(), 3);
    end(start(&lab, &["--retry-failed"])).expect(0);
    assert_eq!(lab.results("reports/small"), lab.results("plain/small"));
    assert!(failures(&lab).is_empty());
}

#[test]
fn time_and_memory_have_limits() {
    let lab = Lab::small();
    lab.write("small.toml", definition(ENDLESS));
    end(start(&lab, &["--timeout", "1"])).expect(1).says(&[
        "als failed: the fit was stopped: it was not done after 1 second, which is what --timeout allows",
        "validation: popularity",
    ]);
    // A limit that somebody set is no accident: one attempt.
    assert_eq!(begun(&lab).len(), 1);
    assert!(failures(&lab)[0]["run"]["attempts"].is_null());
    let hoard = [
        "--fresh",
        "--memory-per-job",
        "150MB",
        "--set",
        "model.als.factors=9000",
        "--set",
        "model.als.iterations=1",
    ];
    end(start(&lab, &hoard)).expect(1).says(&[
        "als failed: the fit was stopped: its process held 0.",
        "and --memory-per-job allows 0.15 GB, the log included",
        "validation: popularity",
    ]);
    assert!(begun(&lab).len() <= 2);
    end(start(&lab, &["--fresh", "--memory-per-job", "1MB"]))
        .expect(2)
        .says(&["the log alone", "raise it"]);
    // The first failure ends it, where that is wanted.
    let ended = end(start(&lab, &["--fresh", "--timeout", "1", "--fail-fast"])).expect(1);
    let ended = ended.says(&["stopped at the first trial that failed"]);
    assert!(!ended.err.contains("test:"), "{ended}");
    for limit in [["--timeout", "3"], ["--memory-per-job", "1GB"]] {
        let alone = [&["sweep", "small.toml"], &limit[..]].concat();
        lab.run(&alone).expect(2).says(&["--isolate"]);
    }
}

#[test]
fn ctrl_c_lets_the_fit_end_and_a_killed_sweep_leaves_no_process() {
    let lab = Lab::small();
    lab.write(
        "small.toml",
        definition("factors.grid = [16, 17, 18]\niterations = 8000"),
    );
    let mut child = start(&lab, &[]);
    let worker = wait(&mut child, || begun(&lab).first().map(pid));
    // As a terminal does: to all that were started together.
    kill("-INT", &format!("-{}", child.id()));
    end(child).expect(130).says(&[
        "stopping: what runs is finished and reported",
        "run the same command again",
    ]);
    assert!(!lives(&worker));
    let fits = fits(&lab);
    let events: Vec<&str> = fits
        .iter()
        .filter_map(|fit| fit["event"].as_str())
        .collect();
    assert_eq!(events, ["begin", "end"]);
    assert_eq!(lab.results("reports/small").len(), 1);
    // Killed, or told twice: its worker ends in the middle of an endless fit.
    lab.write("small.toml", definition(ENDLESS));
    for signals in [&["-KILL"][..], &["-INT", "-INT"]] {
        let mut child = start(&lab, &["--fresh"]);
        let worker = wait(&mut child, || {
            begun(&lab).last().map(pid).filter(|pid| lives(pid))
        });
        for signal in signals {
            kill(signal, &child.id().to_string());
            std::thread::sleep(Duration::from_millis(200));
        }
        let output = child.wait_with_output().expect("an end");
        assert!(!output.status.success());
        let begun = Instant::now();
        while lives(&worker) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{worker} lives on"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
