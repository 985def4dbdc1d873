//! `watch`: a sweep in one process as another one sees it, while it runs, when it is killed, when it has
//! ended; and that looking changes nothing.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Lab, SMALL};
use serde_json::Value;

/// [`SMALL`] with a fit that nobody waits for, beside popularity.
fn endless() -> String {
    SMALL.replace(
        "factors.grid = [4, 8]",
        "factors = 16\niterations = 100000000",
    )
}

fn start(lab: &Lab, arguments: &[&str]) -> Child {
    lab.command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

fn end(child: Child) -> Ended {
    Ended::new(&["watch"], &child.wait_with_output().expect("an end"))
}

/// Waits until something is so; far longer than it takes.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(300), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn once(lab: &Lab, code: i32) -> Value {
    let ended = lab.run(&["watch", "reports/small", "--once", "--format", "json"]);
    serde_json::from_str(&ended.expect(code).out).expect("JSON")
}

/// Every file below the reports with its bytes; `running/` is of whoever works there.
fn bytes(lab: &Lab) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = fs::read(lab.path("reports").join(&name)).expect("a file");
        (name, bytes)
    };
    lab.files("reports").into_iter().map(read).collect()
}

/// A sweep whose popularity is done on validation and whose ALS never is.
fn at_work(lab: &Lab) -> Child {
    lab.write("small.toml", endless());
    let sweep = start(
        lab,
        &["sweep", "small.toml", "--threads", "2", "--jobs", "2"],
    );
    let log = lab.path("reports/small/fits.jsonl");
    let lines = |path: &Path, word: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter(|line| line.contains(word)).count()
    };
    until("popularity has ended and als has begun", || {
        lines(&log, "\"begin\"") == 2 && lines(&log, "\"end\"") == 1
    });
    sweep
}

#[test]
fn a_sweep_at_work_is_seen_and_so_is_its_death() {
    let lab = Lab::small();
    let mut sweep = at_work(&lab);
    let view = once(&lab, 0);
    assert_eq!(view["state"], "running", "{view}");
    assert_eq!(
        (&view["name"], &view["part"]),
        (&"small".into(), &"validation".into())
    );
    let [worker] = &view["workers"].as_array().expect("workers")[..] else {
        panic!("{view}")
    };
    assert_eq!(worker["pid"], sweep.id());
    let command = worker["command"].as_str().expect("a command");
    assert!(
        command.starts_with("musicrec-lab sweep small.toml"),
        "{command}"
    );
    let [validation, test] = &view["parts"].as_array().expect("parts")[..] else {
        panic!("{view}")
    };
    for (key, count) in [
        ("trials", 2),
        ("done", 1),
        ("running", 1),
        ("failed", 0),
        ("to_do", 0),
    ] {
        assert_eq!(validation[key], count, "{key}: {view}");
    }
    assert_eq!((&test["to_do"], &test["done"]), (&2.into(), &0.into()));
    assert_eq!(view["running"][0]["variant"], "als");
    assert_eq!(view["best"]["variant"], "popularity");
    let best = view["best"]["value"].as_f64().expect("a value");
    // Nothing tells yet how long ALS takes, and that is said.
    assert_eq!(view["seconds_unknown"], serde_json::json!(["als"]));
    assert!(view["verdict"].is_null());

    // Anything may be half there while somebody writes it.
    let path = lab.path("reports/small/experiment.json");
    let whole = fs::read(&path).expect("a file");
    for torn in [&whole[..whole.len() / 2], b"", b"nonsense"] {
        fs::write(&path, torn).expect("a file to write");
        assert_eq!(once(&lab, 0)["state"], "preparing");
    }
    fs::write(&path, &whole).expect("a file to write");

    // Looking changes nothing.
    let before = bytes(&lab);
    let text = lab.done(&["watch", "reports/small", "--once"]).out;
    for phrase in [
        "trials run on validation",
        "1 of 2 trials done, 1 running",
        "runs:   als",
        "best so far: popularity, ndcg@3 ",
    ] {
        assert!(text.contains(phrase), "{phrase}: {text}");
    }
    assert!(bytes(&lab) == before);

    // Another one watches, and ends when the sweep is killed.
    let watch = start(&lab, &["watch", "reports/small", "--interval", "0.1"]);
    sweep.kill().expect("a signal");
    sweep.wait().expect("an end");
    let ended = end(watch).expect(130).says(&[
        "interrupted: the sweep in reports/small has not ended, and nobody works there",
        "goes on with it: musicrec-lab sweep small.toml",
    ]);
    assert!(
        ended.out.contains("it was interrupted or killed"),
        "{ended}"
    );
    let view = once(&lab, 130);
    assert_eq!(view["state"], "interrupted");
    assert_eq!(view["workers"], serde_json::json!([]));
    // What began and never ended runs no more.
    assert_eq!(view["running"], serde_json::json!([]));
    assert_eq!(view["parts"][0]["to_do"], 1);
    assert_eq!(view["best"]["value"].as_f64(), Some(best));
}

#[test]
fn who_waits_for_a_sweep_sees_it_to_its_end() {
    let lab = Lab::small();
    let grid: Vec<String> = (1..=40).map(|factors| factors.to_string()).collect();
    let grid = format!("factors.grid = [{}]", grid.join(", "));
    lab.write("small.toml", SMALL.replace("factors.grid = [4, 8]", &grid));
    let watch = ["watch", "reports/small", "--wait", "--interval", "0.1"];
    let text = start(&lab, &watch);
    let json = start(&lab, &[&watch[..], &["--format", "json"]].concat());
    lab.done(&["sweep", "small.toml", "--quiet", "--threads", "1"]);
    let text = end(text).expect(0).says(&["waiting for reports/small"]);
    let verdict = lab.report("reports/small")["verdict"].clone();
    let verdict = verdict.as_str().expect("a verdict");
    assert!(
        text.out.ends_with(&format!("\nVerdict: {verdict}\n")),
        "{text}"
    );
    assert!(text.out.contains("nobody works there"), "{text}");
    // No line is said twice in a row: each is something new.
    let lines: Vec<&str> = text.out.lines().collect();
    assert!(lines.windows(2).all(|two| two[0] != two[1]), "{text}");
    let json = end(json).expect(0);
    let views: Vec<Value> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let last = views.last().expect("something was seen");
    assert_eq!(
        (&last["state"], &last["verdict"]),
        (&"ended".into(), &verdict.into())
    );
    assert_eq!(last["parts"][0]["done"], 41);
    assert_eq!(last["parts"][1]["done"], 2);
    let report = lab.report("reports/small");
    let trials = report["trials"].as_array().expect("trials").iter();
    let values = trials.filter_map(|trial| trial["validation"]["ndcg@3"].as_f64());
    assert_eq!(last["best"]["value"].as_f64(), values.reduce(f64::max));
    // Trials only become more.
    let done = views
        .iter()
        .filter_map(|view| view["parts"][0]["done"].as_u64());
    assert!(done.collect::<Vec<_>>().is_sorted());
}

#[test]
fn failures_are_told_and_end_with_1() {
    let lab = Lab::small();
    let diverges = "model.als={ factors = 4, alpha.grid = [1e300, 1.0] }";
    lab.run(&["sweep", "small.toml", "--quiet", "--set", diverges])
        .expect(1);
    let before = bytes(&lab);
    let ended = lab
        .run(&["watch", "reports/small"])
        .expect(1)
        .says(&["error: one trial failed"]);
    assert!(ended.out.contains("failed: als (alpha="), "{ended}");
    assert!(ended.out.contains("lower `alpha`"), "{ended}");
    assert!(ended.out.contains("Verdict: "), "{ended}");
    let view = once(&lab, 1);
    assert_eq!(
        (&view["state"], &view["failed"]),
        (&"ended".into(), &1.into())
    );
    assert_eq!(view["failures"][0]["part"], "validation");
    assert!(bytes(&lab) == before);
    // Without its report, which a killed sweep may not have drawn, the verdict is worked out.
    let verdict = view["verdict"].clone();
    fs::remove_file(lab.path("reports/small/report.json")).expect("a file");
    assert_eq!(once(&lab, 1)["verdict"], verdict);
    assert!(!lab.path("reports/small/report.json").exists());
}

#[test]
fn halving_is_counted_too() {
    let lab = Lab::small();
    let grid = "factors.grid = [2, 3, 4, 5, 6, 7, 8, 9, 10]\niterations = 9";
    let definition = SMALL.replace("factors.grid = [4, 8]", grid) + "\n[search.halving]\n";
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml", "--quiet"]);
    let view = once(&lab, 0);
    let part = &view["parts"][0];
    let sum = ["done", "failed", "stopped", "running", "to_do"]
        .iter()
        .filter_map(|key| part[key].as_u64())
        .sum::<u64>();
    assert_eq!((part["trials"].as_u64(), sum), (Some(10), 10), "{part}");
    let stopped = lab.report("reports/small")["trials"].clone();
    let stopped = stopped.as_array().expect("trials").iter();
    let stopped = stopped.filter(|trial| trial["stopped"].is_string()).count();
    assert!(stopped > 0);
    assert_eq!(part["stopped"], stopped);
    assert_eq!(part["to_do"], 0);
}

#[test]
fn a_folder_that_holds_no_sweep_is_said() {
    let lab = Lab::small();
    lab.run(&["watch", "reports/small"])
        .expect(3)
        .says(&["there is no folder reports/small", "--wait waits for that"]);
    lab.done(&["sweep", "small.toml", "--quiet"]);
    lab.run(&["watch", "reports", "--once"])
        .expect(3)
        .says(&["reports holds no sweep", "for example reports/small"]);
    lab.run(&["watch", "small.toml"])
        .expect(3)
        .says(&["small.toml holds no sweep: it is a file"]);
    lab.run(&["watch", "reports/small", "--interval", "0"])
        .expect(2)
        .says(&["between 0.1 and 3600 seconds"]);
    // An edited overview is no sweep in progress that will mend it.
    fs::write(lab.path("reports/small/experiment.json"), "nonsense").expect("a file");
    lab.run(&["watch", "reports/small"])
        .expect(5)
        .says(&["experiment.json cannot be understood"]);
}
