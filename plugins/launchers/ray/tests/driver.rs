//! The driver on this machine: with a pretended Ray that runs tasks at once, and its guard alone.

use std::fs::{read_to_string, write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use musicrec_api::{Step, Work};

use super::super::{DRIVER, GUARD, Ray};

/// Enough of Ray for the driver: a task runs when it is submitted.
const FAKE: &str = r#"
import json, os
def note(*what):
    with open(os.environ["NOTES"], "a") as file: print(json.dumps(what), file=file)
def init(**how): note("init", how["address"])
def nodes(): return [{"Alive": True, "Resources": {"CPU": 7.0, "memory": 9e9}}, {"Alive": False, "Resources": {"CPU": 64.0}}]
class Task:
    def __init__(self, function): self.function = function
    def options(self, **options):
        options["retry_exceptions"] = [kind.__name__ for kind in options["retry_exceptions"]]
        note("options", options)
        return self
    def remote(self, *arguments):
        reference = Task(None)
        try: reference.result = self.function(*arguments)
        except Exception as error: reference.result = error
        return reference
def remote(function): return Task(function)
def wait(references, num_returns, timeout):
    note("wait", len(references))
    return references[:1], references[1:]
def get(reference):
    if isinstance(reference.result, Exception): raise reference.result
    return reference.result
"#;

/// A unit whose number says how it ends.
const UNIT: &str = r#"#!/bin/sh
echo "unit $4 of $2 for $MUSICREC_JOB with $MUSICREC_THREADS on ${MUSICREC_NODE:?}"
echo "to $MUSICREC_OUTPUT" >&2
case $4 in
    9) kill -KILL $$ ;;
    *) exit "$4" ;;
esac
"#;

/// Whether the driver can run here. Ray runs nowhere without Python, the lab does.
fn python() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: there is no python3");
    }
    there
}

fn program(path: &Path, text: &str) {
    write(path, text).unwrap();
    let mode = Command::new("chmod").arg("+x").arg(path).status();
    assert!(mode.unwrap().success());
}

/// Runs units in one step after a first of its own, with the units that need `mem`.
fn drive(folder: &Path, units: Vec<u32>, mem: &str) -> Output {
    let path = |name: &str| folder.join(name);
    let step = |name: &str, units| Step {
        name: name.to_owned(),
        units,
    };
    program(&path("lab"), UNIT);
    write(path("ray.py"), FAKE).unwrap();
    let narrow = DRIVER.replace("WINDOW = 4000", "WINDOW = 2");
    assert_ne!(narrow, DRIVER);
    write(path("the job.py"), narrow).unwrap();
    write(path("the job.guard.py"), GUARD).unwrap();
    let steps = vec![step("first", vec![0]), step("second", units)];
    let places = (path("store"), path("lab"), folder.to_owned());
    let ray = Ray {
        mem: Some(mem.into()),
        ..Ray::default()
    };
    write(
        path("the job.json"),
        ray.steps(&Work::new("x", places, steps), "job"),
    )
    .unwrap();
    let mut command = Command::new("python3");
    command.arg(path("the job.py")).arg(path("the job.json"));
    command
        .env("PYTHONPATH", folder)
        .env("NOTES", path("notes"));
    command.output().unwrap()
}

#[test]
fn all_units_run_in_their_order_however_they_end() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let ended = drive(folder.path(), vec![3, 9, 75, 130, 143], "1G");
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "step first: 1 units",
        "step second: 5 units",
        "unit 3 ended with exit code 3; its output is in unit-3.out",
        "unit 9 was lost, ChildProcessError: killed by signal 9",
    ];
    assert_eq!(lines[..4], expected, "{said}");
    let summary: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    for (what, count) in [
        ("done", 1),
        ("troubled", 1),
        ("lost", 1),
        ("too_early", 1),
        ("released", 2),
    ] {
        assert_eq!(summary[what], count, "{said}");
    }
    let state = read_to_string(path("the job.state")).unwrap();
    assert_eq!(state, r#"{"left": 0, "room": 7, "says": []}"#);
    let output = read_to_string(path("unit-75.out")).unwrap();
    let store = path("store").display().to_string();
    assert!(
        output.starts_with(&format!("unit 75 of {store} for job with 1 on ")),
        "{output}"
    );
    let own = path("unit-75.out").display().to_string();
    assert!(output.ends_with(&format!("to {own}\n")), "{output}");
    let notes = read_to_string(path("notes")).unwrap();
    let notes: Vec<&str> = notes.lines().collect();
    let waits = notes.iter().filter(|note| note.contains("wait"));
    let expected = ["1", "2", "2", "2", "2", "1"].map(|left| format!(r#"["wait", {left}]"#));
    assert!(waits.eq(&expected), "{notes:?}");
    assert_eq!(notes[0], r#"["init", "auto"]"#);
    assert_eq!(
        notes[1],
        r#"["options", {"name": "unit-0", "retry_exceptions": ["ChildProcessError"], "num_cpus": 1, "max_retries": 3, "memory": 1073741824}]"#
    );
}

#[test]
fn a_sweep_without_trouble_succeeds_and_says_when_no_node_is_large_enough() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = drive(folder.path(), vec![75], "16G");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let state = read_to_string(folder.path().join("the job.state")).unwrap();
    let expected = "no node of the Ray cluster has what a unit wants (CPU 1, 16 GiB of memory): units wait for one";
    assert!(state.contains(expected), "{state}");
}

/// A guard that runs a script of shell, and gives it little time.
fn guard(folder: &Path, script: &str) -> Child {
    let path = folder.join("guard.py");
    let hasty = GUARD.replace("GRACE = 10.0", "GRACE = 0.2");
    assert_ne!(hasty, GUARD);
    write(&path, hasty).unwrap();
    let mut command = Command::new("python3");
    command.args(["-I", "-S"]).arg(path).arg(folder.join("out"));
    command.args(["sh", "-c", script]).current_dir(folder);
    command.stdin(Stdio::piped()).spawn().unwrap()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn lives(process: &str) -> bool {
    let status = read_to_string(format!("/proc/{}/stat", process.trim()));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[test]
fn a_guard_passes_the_exit_code_on() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (script, code) in [
        ("exit 75", 75),
        ("kill -ABRT $$", 134),
        ("exec /no/such", 127),
    ] {
        let mut guard = guard(folder.path(), script);
        let _pipe = guard.stdin.take();
        assert_eq!(guard.wait().unwrap().code(), Some(code), "{script}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_process_outlives_its_worker() {
    if !python() {
        return;
    }
    // One gives its trial back, one does not hear, one has started something: each when the worker closes
    // the pipe (it died), and when the guard that the worker knows is killed besides.
    let scripts = [
        "trap 'echo back >released; exit 143' TERM; sleep 60 & echo $$ $! >pids; wait",
        "trap '' TERM; sleep 60 & echo $$ $! >pids; wait",
        "sleep 60 & echo $$ $! >pids; exec sleep 60",
    ];
    for (script, killed) in scripts
        .iter()
        .flat_map(|script| [(script, false), (script, true)])
    {
        let folder = tempfile::tempdir().unwrap();
        let mut guard = guard(folder.path(), script);
        let pids = || read_to_string(folder.path().join("pids")).unwrap_or_default();
        until("started", || pids().ends_with('\n'));
        let pids = pids();
        assert!(pids.split_whitespace().all(lives), "{script}");
        if killed {
            guard.kill().unwrap();
        }
        drop(guard.stdin.take());
        until(script, || !pids.split_whitespace().any(lives));
        let code = guard.wait().unwrap().code();
        let expected = if script.contains("''") { 137 } else { 143 };
        assert_eq!(code, (!killed).then_some(expected), "{script}");
        let back = read_to_string(folder.path().join("released")).unwrap_or_default();
        assert_eq!(back.is_empty(), !script.contains("back"), "{script}");
    }
}
