//! Slurm pretended: programs of its names that take everything and run nothing, with a part of what the real one
//! said (`samples/`).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::common::{Ended, Lab};

/// A lab with the programs of Slurm, each a script. `sbatch` counts from 1; `submitted` has what it was given.
struct Slurm {
    lab: Lab,
}

impl Slurm {
    fn new() -> Self {
        let slurm = Self { lab: Lab::small() };
        slurm.program("scontrol", "echo 'MaxArraySize = 1001'");
        slurm.program("scancel", "true");
        slurm.program("sbatch", "echo \"$*\" >>submitted; wc -l <submitted");
        // Everything waits.
        slurm.program(
            "squeue",
            "test -e submitted || exit 0\n\
             n=0; while read -r line; do n=$((n + 1)); set -- $line; echo \"$n|PENDING|${2#--comment=}|Priority\"; done <submitted",
        );
        slurm
    }

    fn program(&self, name: &str, script: &str) {
        let path = self
            .lab
            .write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let old = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{old}", self.lab.path("bin").display());
        let ended = self.lab.command(arguments).env("PATH", path).output();
        Ended::new(arguments, &ended.expect("the program"))
    }

    fn sweep(&self, more: &[&str]) -> Ended {
        let launched = ["sweep", "small.toml", "--launcher", "slurm", "--detach"];
        self.run(&[&launched[..], more].concat())
    }

    fn status(&self) -> Value {
        let status = self.run(&["status", "reports/small", "--format", "json"]);
        serde_json::from_str(&status.expect(0).out).expect("JSON")
    }
}

#[test]
fn what_units_used_stands_beside_what_they_had() {
    let slurm = Slurm::new();
    slurm.sweep(&[]).expect(0).says(&["slurm has 7 units"]);
    // No accounting is nobody's fault.
    slurm.program(
        "sacct",
        "echo 'Slurm accounting storage is disabled' >&2; exit 1",
    );
    let submission = slurm.status()["submissions"][0].clone();
    assert_eq!(
        (&submission["usage"], &submission["waiting"]),
        (&Value::Null, &4.into())
    );
    assert_eq!(submission["says"], serde_json::json!([]));
    // What nobody answers is said, and the rest too.
    slurm.program("sacct", "echo 'Connection refused' >&2; exit 1");
    let text = slurm.run(&["status", "reports/small"]).expect(0).out;
    assert!(
        text.contains("what units used is not known") && text.contains("4 waiting"),
        "{text}"
    );

    let jobs = fs::read_to_string(slurm.lab.path("submitted")).expect("jobs");
    let token = jobs
        .split_whitespace()
        .find(|word| word.starts_with("--comment="))
        .expect("one");
    let row = |id: &str, state: &str, numbers: &str| {
        format!(
            "{id}|{state}|0:0|n1|{numbers}|cpu=4,mem=8G,node=1||sbatch {token} x\\n{id}.batch|{state}|0:0|n1|{numbers}|cpu=4||\\n"
        )
    };
    let said = row("1_0", "COMPLETED", "100|60|400|01:40|2G")
        + &row("2_2", "NODE_FAIL", "300|60|1200|05:00|1G")
        + &row("2_2", "RUNNING", "9|60|36|00:00|")
        + &row("9_9", "COMPLETED", "999|60|999|01:40|9G");
    slurm.program("sacct", &format!("printf '{said}'"));
    let text = slurm.run(&["status", "reports/small"]).expect(0).out;
    for line in [
        "2 runs of units ended: 1 COMPLETED, 1 NODE_FAIL",
        "processors: 6.7 min used of 26.7 min reserved (25.0 %)",
        "memory: at most 2.0 GiB of 8.0 GiB reserved (25.0 %), by unit 0 on n1",
        "time: at most 5.0 min of 60.0 min allowed (8.3 %), by unit 3 on n1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let usage = slurm.status()["submissions"][0]["usage"].clone();
    assert_eq!(usage["runs"].as_array().map(Vec::len), Some(3), "{usage}");
    assert_eq!(usage["memory"]["used"], 2.0 * 1024.0 * 1024.0 * 1024.0);
}

#[test]
fn a_refusal_names_the_file_and_the_setting() {
    let slurm = Slurm::new();
    let cluster = ["--cluster", "cluster.toml"];
    slurm
        .lab
        .write("cluster.toml", "[launcher.slurm]\npartition = \"nosuch\"\n");
    slurm.program(
        "sbatch",
        "echo 'sbatch: error: invalid partition specified: nosuch' >&2; exit 1",
    );
    slurm.sweep(&cluster).expect(7).says(&[
        "invalid partition specified",
        "`partition` in [launcher.slurm]",
        "settings are those of cluster.toml",
    ]);
    let submission = slurm.status()["submissions"][0].clone();
    let refused = submission["refused"].as_str().expect("it was");
    assert!(refused.contains("`partition`"), "{refused}");
    slurm
        .sweep(&[])
        .expect(7)
        .says(&["there is no cluster file"]);
}

#[test]
fn threads_beside_processors_are_remarked_on() {
    let slurm = Slurm::new();
    slurm
        .lab
        .write("cluster.toml", "[launcher.slurm]\ncpus = 4\n");
    let with = |threads: &str| {
        let arguments = ["--cluster", "cluster.toml", "--threads", threads];
        let ended = slurm.sweep(&arguments).expect(0);
        slurm.run(&["cancel", "reports/small"]).expect(0);
        ended.err
    };
    let said = with("2");
    assert!(
        said.contains("is given 4 processors") && said.contains("uses 2 threads"),
        "{said}"
    );
    assert!(!with("4").contains("note:"));
}
