//! `sweep --isolate` with a model that breaks in every way there is: it is made, built and used here, and
//! is no part of the lab.

mod common;
mod workshop;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use common::{Lab, SMALL, json};
use serde_json::Value;
use workshop::Workshop;

const PLUGIN: &str = r#"//! A model that breaks.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use musicrec_api::{Error, FitContext, Model, Recommender, Result, Scores, Train, Users, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Breaks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Breaking {
    /// How.
    pub how: String,
    /// A file that is made where it is not there; then it breaks once.
    pub marker: PathBuf,
}

fn deep(n: u64) -> u64 {
    let here = black_box([n; 1000]);
    if n == u64::MAX { 0 } else { deep(n + 1) + here[7] }
}

#[typetag::serde(name = "breaking")]
impl Model for Breaking {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        print!("half a line");
        eprintln!("about to do `{}`", self.how);
        match self.how.as_str() {
            "works" => {}
            "abort" => std::process::abort(),
            "abort_once" if self.marker.exists() => {}
            "abort_once" => {
                std::fs::write(&self.marker, "").expect("a marker");
                std::process::abort();
            }
            "overflow" => drop(black_box(deep(1))),
            "exit" => std::process::exit(7),
            "panic" => panic!("no such thing"),
            "endless" => loop {
                std::thread::sleep(Duration::from_millis(5));
            },
            "hoard" => {
                let mut all = Vec::new();
                while all.len() < 200 {
                    all.push(black_box(vec![1_u8; 10_000_000]));
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            how => return Err(Error::model(format!("what is `{how}`?"))),
        }
        Ok(Box::new(Fitted(vec![0.5; train.n_items()])))
    }

    fn is_stochastic(&self) -> bool {
        false
    }
}

register!(Model, Breaking, "breaking", revision = 1);

struct Fitted(Vec<f64>);

impl Recommender for Fitted {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}
"#;

const WAYS: [&str; 8] = [
    "works",
    "abort",
    "abort_once",
    "overflow",
    "exit",
    "panic",
    "endless",
    "hoard",
];

/// The record of a variant on validation, done or failed.
fn record(lab: &Lab, variant: &str) -> Value {
    let folders = ["records", "failed"].map(|name| lab.path("out/small").join(name));
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let mut records = files.map(|entry| json(&entry.expect("an entry").path()));
    records
        .find(|r| r["run"]["variant"] == variant && r["result"]["role"] == "validation")
        .unwrap_or_else(|| panic!("`{variant}` has no record"))
}

#[test]
fn every_way_to_break_is_a_record() {
    let workshop = Workshop::new("breaking");
    let made = workshop.make("model", "breaking");
    workshop.write(&format!("{made}/src/breaking.rs"), PLUGIN);
    workshop.done(&made, "cargo build");
    let lab = Lab::small();
    let mut models = String::new();
    for how in WAYS {
        let _ = writeln!(
            models,
            "[[model.breaking]]\nlabel = \"{how}\"\nhow = \"{how}\"\nmarker = \"marker\"\n"
        );
    }
    let start = SMALL.find("[model.als]").expect("a header");
    let end = SMALL.find("[evaluation]").expect("a header");
    lab.write(
        "small.toml",
        format!("{}{models}{}", &SMALL[..start], &SMALL[end..]),
    );
    let output = Command::new(workshop.program("breaking-lab"))
        .args([
            "sweep",
            "small.toml",
            "--out",
            "out",
            "--isolate",
            "--timeout",
            "3",
        ])
        .args(["--memory-per-job", "400MB", "--threads", "2"])
        .current_dir(lab.path(""))
        .env("MUSICREC_CACHE", "off")
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for phrase in [
        "it is tried again (2 of 3)",
        "it is tried again (3 of 3)",
        "error: 6 trials failed",
    ] {
        assert!(said.contains(phrase), "{said}");
    }
    // What was seen, how often it was tried, and what stands in its last lines.
    for (variant, seen, attempts, last) in [
        ("abort", "SIGABRT", 3, "about to do `abort`"),
        ("overflow", "SIGABRT", 3, "has overflowed its stack"),
        ("exit", "exit status: 7", 3, "about to do `exit`"),
        ("endless", "after 3 seconds", 1, "about to do `endless`"),
        (
            "hoard",
            "--memory-per-job allows 0.40 GB",
            0,
            "about to do `hoard`",
        ),
    ] {
        let record = record(&lab, variant);
        let message = record["result"]["message"].as_str().expect("a message");
        assert!(
            message.contains(seen) && message.contains("--retry-failed"),
            "{message}"
        );
        let tried = record["run"]["attempts"].as_u64().unwrap_or(1);
        match attempts {
            // Again only where the process had done something before.
            0 => assert!((1..=2).contains(&tried), "{variant}: {tried}"),
            attempts => assert_eq!(tried, attempts, "{variant}"),
        }
        let lines = record["run"]["stderr"].as_str().expect("last lines");
        assert!(lines.contains(last), "{variant}: {lines}");
        assert_eq!(record["run"]["backtrace"], Value::Null);
    }
    // A panic is caught where it happens.
    let record_of_panic = record(&lab, "panic");
    let message = record_of_panic["result"]["message"]
        .as_str()
        .expect("a message");
    assert!(message.contains("no such thing"), "{message}");
    let trace = record_of_panic["run"]["backtrace"]
        .as_str()
        .expect("a backtrace");
    assert!(trace.contains("src/breaking.rs:"), "{trace}");
    assert!(
        record_of_panic["run"]["attempts"].is_null() && record_of_panic["run"]["stderr"].is_null()
    );
    // Who breaks beside others harms nobody; who breaks once is done.
    assert_eq!(record(&lab, "abort_once")["run"]["attempts"], 2);
    for variant in ["works", "abort_once", "popularity"] {
        let record = record(&lab, variant);
        assert_eq!(record["result"]["status"], "done", "{variant}");
        assert!(record["result"]["metrics"]["ndcg@3"].is_number());
    }
    let report = fs::read_to_string(lab.path("out/small/report.md")).expect("a report");
    for seen in ["SIGABRT", "--timeout", "--memory-per-job", "no such thing"] {
        assert!(report.contains(seen), "{seen}: {report}");
    }
}
