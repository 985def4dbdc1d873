//! Sweeps that an engine runs, without an engine: what is planned, what each unit does, and what becomes of it
//! when units are killed, given back or run twice. Real engines are in tests/cluster.

#![cfg(target_os = "linux")]

mod common;
#[path = "cluster/pretended.rs"]
mod pretended;

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Lab, SMALL, json};
use serde_json::Value;

const PLAN: [&str; 5] = ["sweep", "small.toml", "--launcher", "manual", "--detach"];

/// [`SMALL`] has 3 trials on validation: units 1 to 3 behind the preparation, two rows on test, and the report.
const UNITS: std::ops::RangeInclusive<u32> = 0..=6;

fn unit_arguments(number: u32) -> [String; 4] {
    let number = number.to_string();
    ["unit", "reports/small", "--index", &number].map(str::to_owned)
}

fn unit(lab: &Lab, number: u32) -> Ended {
    let arguments = unit_arguments(number);
    lab.run(&arguments.each_ref().map(String::as_str))
}

fn start(lab: &Lab, number: u32) -> Child {
    let arguments = unit_arguments(number);
    lab.command(&arguments.each_ref().map(String::as_str))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

fn end(child: Child) -> Ended {
    Ended::new(&["unit"], &child.wait_with_output().expect("an end"))
}

/// The attempts at units, by the names of their files.
fn attempts(lab: &Lab) -> Vec<Value> {
    let names = lab.files("reports/small/attempts").into_iter();
    let names = names.filter(|name| !name.starts_with(".part-") && !name.contains('/'));
    names
        .map(|name| json(&lab.path("reports/small/attempts").join(name)))
        .collect()
}

fn wait(until: impl Fn() -> bool) {
    let begun = Instant::now();
    while !until() {
        assert!(begun.elapsed() < Duration::from_secs(120), "in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, pid: u32) {
    let sent = std::process::Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// A sweep whose unit 2 never ends, prepared.
fn with_an_endless_fit() -> Lab {
    let lab = Lab::small();
    let endless = "factors = 16\niterations = 100000000";
    lab.write(
        "small.toml",
        SMALL.replace("factors.grid = [4, 8]", endless),
    );
    lab.done(&PLAN);
    unit(&lab, 0).expect(0);
    lab
}

/// The processes of this lab's units.
fn left(lab: &Lab) -> usize {
    let folder = lab.path("").display().to_string();
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let of_lab = all.filter(|entry| {
        let cwd = fs::read_link(entry.path().join("cwd"));
        cwd.is_ok_and(|cwd| {
            cwd.display()
                .to_string()
                .starts_with(folder.trim_end_matches('/'))
        })
    });
    of_lab.count()
}

#[test]
fn units_in_any_order_come_to_what_a_local_sweep_does() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--out", "local", "--threads", "1"]);
    let planned = lab.done(&PLAN).says(&["submission 1 is yours to run"]);
    assert!(
        planned.out.contains("unit ") && planned.out.contains("units 1-3"),
        "{planned}"
    );
    unit(&lab, 2).expect(75).says(&["run it again later"]);
    unit(&lab, 7).expect(2).says(&["this sweep has 7, from 0"]);
    unit(&lab, 0).expect(0);
    // The definition may be on its way to the next sweep.
    lab.write("small.toml", "nonsense");
    let both = [start(&lab, 3), start(&lab, 3)];
    for child in both {
        // Whoever of them ends, with 0, the trial has its record.
        end(child).expect(0);
        assert_eq!(lab.records("reports/small").len(), 1);
    }
    unit(&lab, 4).expect(75);
    for number in [2, 1, 1] {
        unit(&lab, number).expect(0);
    }
    unit(&lab, 6).expect(75);
    for number in [5, 4, 6] {
        unit(&lab, number).expect(0);
    }
    for (number, why) in [
        (0, "the log is prepared already"),
        (1, "each trial of the unit has an end already"),
        (6, "the report is there already"),
    ] {
        unit(&lab, number).expect(0).says(&["nothing to do", why]);
    }
    assert_eq!(lab.results("reports/small"), lab.results("local/small"));
    let name = "recommendations.csv";
    let [here, there] = ["reports/small", "local/small"].map(|f| lab.path(f).join(name));
    assert_eq!(fs::read(here).unwrap(), fs::read(there).unwrap());
    let records = lab.records("reports/small");
    assert!(
        records
            .values()
            .all(|record| record["run"]["placed"]["node"].is_string())
    );
    let status = lab.done(&["status", "reports/small", "--format", "json"]);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["finished"], true);
    let done: Vec<_> = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["done"])
        .collect();
    assert_eq!(done, [1, 3, 2, 1]);
    let status = lab.done(&["status", "reports/small"]);
    assert!(
        status.out.contains("1-3") && status.out.contains("4-5"),
        "{status}"
    );
    let waited = lab.done(&["wait", "reports/small"]);
    assert!(waited.out.contains("Leaderboard on test"), "{waited}");
    assert_eq!(left(&lab), 0);
}

/// Who is chosen on the way follows from the records alone, so one pass over the units is enough.
#[test]
fn every_way_to_search_comes_to_what_a_local_sweep_does() {
    let grids = "factors.grid = [2, 4, 8]\nregularization.grid = [0.1, 1.0]\niterations = 8";
    let steps = "factors = 4\niterations.grid = [1, 2, 4, 8, 16, 32]";
    let cases = [
        (grids, "[search.halving]\nresource = \"steps\"\nleast = 2"),
        (grids, "[search.halving]\nresource = \"users\"\nleast = 0.5"),
        (grids, "[search.random]\ntrials = 3"),
        (grids, ""),
        (steps, "[search.early_stopping]\npatience = 1"),
    ];
    for (als, search) in cases {
        let lab = Lab::small();
        let definition = SMALL.replace("factors.grid = [4, 8]\nregularization = 1.0", als);
        let seeds = definition.replace("seeds = 1", "seeds = 2");
        let seeds = if search.is_empty() {
            seeds.replace("seeds = 2", "seeds = 2\nexhibit_test = true")
        } else {
            seeds
        };
        lab.write("small.toml", format!("{seeds}\n{search}\n"));
        lab.done(&["sweep", "small.toml", "--out", "local"]);
        lab.done(&PLAN);
        let plan = json(&lab.path("reports/small/plan.json"));
        let last = plan["steps"]
            .as_array()
            .and_then(|steps| steps.last())
            .unwrap();
        for number in 0..=last["first"].as_u64().unwrap() {
            unit(&lab, number as u32).expect(0);
        }
        let [here, there] = ["reports/small", "local/small"].map(|folder| {
            let mut overview = json(&lab.path(folder).join("experiment.json"));
            for own in ["command", "date", "provenance"] {
                overview[own] = Value::Null;
            }
            (lab.results(folder), overview)
        });
        assert_eq!(here, there, "{search}");
        assert_eq!(here.1["finished"], true);
    }
}

#[test]
fn the_store_is_one_for_clusters_and_for_this_machine() {
    let lab = Lab::small();
    lab.done(&PLAN);
    for number in [0, 1] {
        unit(&lab, number).expect(0);
    }
    lab.done(&["sweep", "small.toml"])
        .says(&["1 of 3 trials have a record already"]);
    // Nothing is left but what units on other nodes rest on, and that is not needed any more.
    for number in UNITS {
        unit(&lab, number).expect(0);
    }
    assert_eq!(lab.records("reports/small").len(), 5);
    lab.done(&["sweep", "small.toml"]).says(&["nothing to do"]);
}

#[test]
fn a_unit_that_is_given_back_does_not_count_as_tried() {
    let lab = with_an_endless_fit();
    for times in 1..=4 {
        let child = start(&lab, 2);
        wait(|| {
            attempts(&lab)
                .iter()
                .filter(|a| a["unit"] != "prepare")
                .count()
                == times
        });
        kill("-TERM", child.id());
        end(child).expect(130).says(&["given back"]);
    }
    let attempts = attempts(&lab)
        .into_iter()
        .filter(|a| a["unit"] != "prepare");
    for attempt in attempts {
        assert_eq!(
            (&attempt["how"], &attempt["number"]),
            (&"released".into(), &1.into())
        );
    }
    assert_eq!(left(&lab), 0);
    let files = lab.files("reports/small/failed");
    assert!(files.is_empty(), "{files:?}");
}

/// A process and all that it has started, the latest first.
fn family(pid: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()
    };
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let below = |at: u32| std::iter::successors(Some(at), |at| parent(*at)).any(|at| at == pid);
    let mut family: Vec<u32> = pids.filter(|at| below(*at)).collect();
    family.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
    family
}

/// As Slurm does it: every process of the unit is told, and a foreign model dies of that first.
#[test]
fn a_unit_whose_processes_are_all_told_to_end_is_given_back() {
    let lab = Lab::small();
    lab.write("slow.sh", "touch \"$1\"; sleep 300\n");
    let begun = lab.path("begun");
    let model = format!(
        "[model.process]\ncommand = [\"sh\", \"slow.sh\", '{}']\nstochastic = false\n\n[evaluation]",
        begun.display()
    );
    lab.write("small.toml", SMALL.replace("[evaluation]", &model));
    lab.done(&PLAN);
    unit(&lab, 0).expect(0);
    for _ in 1..=4 {
        let _ = fs::remove_file(&begun);
        let child = start(&lab, 4);
        wait(|| begun.exists());
        let family = family(child.id());
        assert!(family.len() >= 3, "{family:?}");
        // Some end before they are told.
        for pid in family {
            let _ = std::process::Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        end(child).expect(130).says(&["given back"]);
    }
    for attempt in attempts(&lab)
        .into_iter()
        .filter(|a| a["unit"] != "prepare")
    {
        assert_eq!(
            (&attempt["how"], &attempt["number"]),
            (&"released".into(), &1.into())
        );
    }
    let failed = lab.files("reports/small/failed");
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_unit_whose_node_dies_three_times_is_closed_and_may_begin_anew() {
    let lab = with_an_endless_fit();
    for times in 1..=3 {
        let mut child = start(&lab, 2);
        wait(|| {
            attempts(&lab)
                .iter()
                .filter(|a| a["unit"] != "prepare")
                .count()
                == times
        });
        child.kill().expect("it runs");
        child.wait().expect("an end");
        // The process that fits ends with the one that watches it.
        wait(|| left(&lab) == 0);
    }
    unit(&lab, 2).expect(0).says(&["tried 3 times"]);
    let [failed] = &lab.files("reports/small/failed")[..] else {
        panic!("one trial failed")
    };
    let record = json(&lab.path("reports/small/failed").join(failed));
    let became = record["run"]["stderr"].as_str().unwrap();
    assert_eq!(became.lines().count(), 3, "{became}");
    // Closed is closed, until somebody says otherwise.
    unit(&lab, 2).expect(0);
    unit(&lab, 1).expect(0);
    let retry = lab
        .run(&["retry", "reports/small", "--failed", "--detach"])
        .expect(0);
    assert!(
        retry.err.contains("still lives"),
        "what is by hand cannot be known: {retry}"
    );
    lab.done(&["cancel", "reports/small"]);
    lab.done(&["retry", "reports/small", "--failed", "--detach"])
        .says(&["submission 2"]);
    assert!(
        lab.files("reports/small/failed")
            .iter()
            .all(|name| name.contains("forgotten"))
    );
    let child = start(&lab, 2);
    let open = || attempts(&lab).into_iter().find(|a| a["ended"].is_null());
    wait(|| open().is_some());
    assert_eq!(open().unwrap()["number"], 1);
    kill("-TERM", child.id());
    end(child).expect(130);
}

/// Who is chosen is open again then, and may be the same.
#[test]
fn what_is_done_on_test_is_told_while_failures_run_again() {
    let lab = Lab::small();
    let model = "[model.process]\ncommand = [\"false\"]\nstochastic = false\n\n[evaluation]";
    lab.write("small.toml", SMALL.replace("[evaluation]", model));
    lab.done(&PLAN);
    let plan = json(&lab.path("reports/small/plan.json"));
    let last = plan["steps"].as_array().and_then(|steps| steps.last());
    for number in 0..=last.expect("a step")["first"].as_u64().expect("a number") {
        unit(&lab, number as u32).expect(0);
    }
    let test = || {
        let status = lab.done(&["status", "reports/small", "--format", "json"]);
        let status: Value = serde_json::from_str(&status.out).expect("JSON");
        let step = &status["steps"][2];
        assert_eq!(step["name"], "test");
        (step["known"].clone(), step["done"].clone())
    };
    assert_eq!(test(), (true.into(), 2.into()));
    lab.done(&["cancel", "reports/small"]);
    lab.done(&["retry", "reports/small", "--failed", "--detach"]);
    assert_eq!(test(), (false.into(), 2.into()));
}

#[test]
fn a_second_result_that_differs_has_an_exit_code_of_its_own() {
    let lab = Lab::small();
    lab.done(&PLAN);
    for number in [0, 1] {
        unit(&lab, number).expect(0);
    }
    let records = lab.records("reports/small");
    let (name, mut record) = records.into_iter().next().expect("one");
    record["result"]["users_hit"] = 10_000.into();
    lab.write(&format!("reports/small/records/{name}"), record.to_string());
    // What its lists were is lost, so it is run again.
    for file in lab.files("reports/small/attachments") {
        fs::remove_file(lab.path("reports/small/attachments").join(file)).unwrap();
    }
    unit(&lab, 1)
        .expect(6)
        .says(&["conflicts/", "came to something else"]);
    assert_eq!(lab.files("reports/small/conflicts").len(), 1);
}

#[test]
fn what_would_be_without_effect_or_is_misspelt_is_refused() {
    let lab = Lab::small();
    let with = |more: &[&str]| {
        lab.run(&[&["sweep", "small.toml"], more].concat())
            .expect(2)
    };
    with(&["--launcher", "slrum"]).says(&["did you mean `slurm`?"]);
    with(&["--launcher", "manual", "--jobs", "2"]).says(&["--jobs has no effect on a cluster"]);
    with(&["--launcher", "manual", "--cache-limit", "1GB"])
        .says(&["--cache-limit has no effect on a cluster", "in the store"]);
    with(&["--launcher", "manual", "--isolate"]).says(&["--isolate"]);
    with(&["--detach"]).says(&["--detach has no effect here"]);
    with(&["--timeout", "3"]).says(&["add --isolate"]);
    lab.write("cluster.toml", "[launcher.slurm]\npartitoin = \"short\"\n");
    with(&["--launcher", "slurm", "--cluster", "cluster.toml"])
        .says(&["cluster.toml:2:1", "did you mean `partition`?"]);
    assert!(!lab.path("reports").exists());
    lab.run(&["unit", "nowhere", "--index", "0"])
        .expect(3)
        .says(&["is not there"]);
    let plan = lab.done(&["plan", "small.toml", "--launcher", "slurm"]);
    assert!(
        plan.out.contains("--array=0-2") && plan.out.contains("afterany:JOB1"),
        "{plan}"
    );
    assert!(!lab.path("reports").exists());
}

/// Two stages of preparation: three files are read by a unit each, and two units clean the users.
#[test]
fn units_that_prepare_the_log_together_come_to_what_one_does() {
    let lab = Lab::new();
    let log = common::log();
    let (header, rows) = log.split_once('\n').expect("rows");
    let rows: Vec<&str> = rows.lines().collect();
    for (at, rows) in rows.chunks(250).enumerate() {
        lab.write(
            &format!("log-{at}.csv"),
            format!("{header}\n{}\n", rows.join("\n")),
        );
    }
    let copies = "[[cleaners]]\ndrop_duplicates = { by = [\"user_id\", \"song_id\"] }\n\n[splitter";
    let definition = SMALL
        .replace("path = \"log.csv\"", "path = \"log-*.csv\"")
        .replacen("[splitter", copies, 1);
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml", "--out", "local", "--threads", "1"]);
    let planned = lab.done(&[&PLAN[..], &["--prepare-units", "2"]].concat());
    for step in ["divide: units 0-2", "clean: units 3-4", "prepare: units 5"] {
        assert!(planned.out.contains(step), "{step}: {planned}");
    }
    unit(&lab, 3).expect(75).says(&["run it again later"]);
    unit(&lab, 5).expect(75);
    for number in [2, 0, 1] {
        unit(&lab, number).expect(0);
    }
    unit(&lab, 1)
        .expect(0)
        .says(&["this part of the log is there already"]);
    // Who cleans does not need the log.
    for at in 0..3 {
        fs::rename(
            lab.path(format!("log-{at}.csv")),
            lab.path(format!("away-{at}.csv")),
        )
        .expect("a log");
    }
    for number in [4, 3] {
        unit(&lab, number).expect(0);
    }
    for at in 0..3 {
        fs::rename(
            lab.path(format!("away-{at}.csv")),
            lab.path(format!("log-{at}.csv")),
        )
        .expect("a log");
    }
    for number in 5..12 {
        unit(&lab, number).expect(0);
    }
    lab.done(&["wait", "reports/small", "--quiet"]);
    assert_eq!(lab.results("reports/small"), lab.results("local/small"));
    let cleaned = |folder: &str| lab.report(folder)["log"].clone();
    assert_eq!(cleaned("reports/small"), cleaned("local/small"));
    assert_eq!(left(&lab), 0);
    let refused = ["sweep", "small.toml", "--prepare-units", "2"];
    lab.run(&refused)
        .expect(2)
        .says(&["no effect without --launcher"]);
}

#[test]
fn the_log_is_read_once_and_not_needed_after() {
    let lab = Lab::small();
    lab.done(&PLAN);
    fs::copy(lab.path("log.csv"), lab.path("kept")).unwrap();
    lab.write("log.csv", "user_id,song_id,timestamp\nu1,s1,1700000000\n");
    unit(&lab, 0).expect(5).says(&["the data has changed"]);
    fs::rename(lab.path("kept"), lab.path("log.csv")).unwrap();
    unit(&lab, 0).expect(0);
    fs::remove_file(lab.path("log.csv")).unwrap();
    for number in 1..=5 {
        unit(&lab, number).expect(0);
    }
    fs::remove_dir_all(lab.path("reports/small/prepared")).unwrap();
    let lost = unit(&lab, 6);
    assert_ne!(lost.code, 0, "{lost}");
    lost.says(&["run the same command again"]);
}
