//! What whole-program tests share: a folder of its own for each, the real binary, and reading what
//! it wrote.

#![allow(dead_code, reason = "no test file uses all of it")]

pub(crate) mod case;
pub(crate) mod hostile;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The folder of the project.
pub(crate) const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// A definition that runs on [`log`] in a few milliseconds.
pub(crate) const SMALL: &str = r#"name = "small"
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

[model.als]
factors.grid = [4, 8]
regularization = 1.0

[evaluation]
targets = "binary"
null_rankings = 100
resamples = 200
seeds = 1
"#;

/// A log of 600 rows: 20 users and 60 items, in the order of time.
pub(crate) fn log() -> String {
    let mut text = "user_id,song_id,timestamp\n".to_owned();
    for (row, (user, item)) in pairs(600).enumerate() {
        let _ = writeln!(text, "u{user},s{item},{}", time(row));
    }
    text
}

/// Users below 20 and items below 60, drawn by a linear congruential generator; each user prefers a
/// third of the items.
pub(crate) fn pairs(rows: usize) -> impl Iterator<Item = (u64, u64)> {
    let mut state = 12_345_u64;
    let mut draw = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..rows).map(move |_| {
        let user = draw(20);
        let item = 20 * (user % 3) + draw(20);
        (user, if draw(4) == 0 { draw(60) } else { item })
    })
}

/// The time of a row, a minute after the one before.
pub(crate) fn time(row: usize) -> usize {
    1_700_000_000 + 60 * row
}

/// A temporary folder to run the program in.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// With [`SMALL`] as `small.toml` and [`log`] as `log.csv`.
    pub(crate) fn small() -> Self {
        let lab = Self::new();
        lab.write("small.toml", SMALL);
        lab.write("log.csv", log());
        lab
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(&path, content).expect("a file to read");
        path
    }

    /// The program, about to start in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_musicrec-lab"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("NO_COLOR")
            .env("MUSICREC_CACHE", "off")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the program");
        Ended::new(arguments, &output)
    }

    /// Runs it and wants success.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        self.run(arguments).expect(0)
    }

    /// The names of all files below a folder, sorted, with `/` between.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        let root = self.path(folder);
        collect(&root, &root, &mut names);
        names.sort();
        names
    }

    pub(crate) fn report(&self, folder: &str) -> Value {
        json(&self.path(folder).join("report.json"))
    }

    /// The `result` part of every record, by file name.
    pub(crate) fn results(&self, folder: &str) -> BTreeMap<String, Value> {
        self.records(folder)
            .into_iter()
            .map(|(name, mut record)| (name, record["result"].take()))
            .collect()
    }

    /// Every record, by file name.
    pub(crate) fn records(&self, folder: &str) -> BTreeMap<String, Value> {
        let folder = self.path(folder).join("records");
        fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|entry| {
                let entry = entry.expect("an entry");
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, json(&entry.path()))
            })
            .collect()
    }
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, names);
        } else {
            let name = path.strip_prefix(root).expect("below the root");
            names.push(name.to_string_lossy().into_owned());
        }
    }
}

/// How a run of the program ended.
pub(crate) struct Ended {
    arguments: Vec<String>,
    /// The exit code, or minus the signal that ended it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn new(arguments: &[&str], output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text in UTF-8");
        let signal = || -output.status.signal().expect("a code or a signal");
        let ended = Self {
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            code: output.status.code().unwrap_or_else(signal),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        assert!(!ended.err.contains("panicked"), "{ended}");
        assert!(!ended.err.contains("RUST_BACKTRACE"), "{ended}");
        ended
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert!(self.code == code, "expected exit code {code}: {self}");
        self
    }

    pub(crate) fn says(self, phrases: &[&str]) -> Self {
        for phrase in phrases {
            assert!(
                self.err.contains(phrase),
                "`{phrase}` is not said on stderr: {self}"
            );
        }
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            f,
            "{} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.arguments.join(" "),
            self.code,
            self.out,
            self.err
        )
    }
}

pub(crate) fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The row of a variant on the leaderboard of a report.
pub(crate) fn row<'r>(report: &'r Value, variant: &str) -> &'r Value {
    report["leaderboard"]
        .as_array()
        .and_then(|rows| rows.iter().find(|r| r["variant"] == variant))
        .unwrap_or_else(|| panic!("`{variant}` is not on the leaderboard"))
}

/// A report without what differs from run to run: times, machine, command, date and looks at the test part.
pub(crate) fn comparable(mut report: Value) -> Value {
    for key in ["command", "date", "provenance"] {
        report[key] = Value::Null;
    }
    for list in ["leaderboard", "trials"] {
        for row in report[list].as_array_mut().expect("a list") {
            for key in [
                "fit_seconds",
                "fit_cpu_seconds",
                "rank_seconds",
                "peak_bytes",
            ] {
                row[key] = Value::Null;
            }
        }
    }
    let budgets = report["selection"]["budgets"].as_array_mut();
    for budget in budgets.expect("a list") {
        budget["fit_seconds"] = Value::Null;
    }
    // Looks are what happened before, here and in the folders beside.
    report["selection"]["test_looks"] = Value::Null;
    let warnings = report["warnings"].as_array_mut().expect("a list");
    warnings.retain(|w| !w.as_str().is_some_and(|w| w.contains("on this test part")));
    report
}

/// Whether ALS is shown to be above popularity.
pub(crate) fn als_is_above(report: &Value) -> bool {
    let difference = &row(report, "als")["difference"];
    let value = difference["value"].as_f64();
    let p = difference["p_adjusted"].as_f64();
    value.expect("a difference to the baseline") > 0.0 && p.is_some_and(|p| p < 0.05)
}

/// A file of the published data and golden values, which live outside the repository. `None`, said
/// aloud, where they are not there, unless `MUSICREC_REQUIRE_SHARED` is set.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = Path::new(PROJECT).join("../shared");
    if folder.is_dir() {
        return Some(folder.join(name));
    }
    assert!(
        std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
        "../shared is not there, but MUSICREC_REQUIRE_SHARED is set"
    );
    eprintln!("SKIPPED: ../shared is not there");
    None
}

/// A definition of `experiments/`.
pub(crate) fn experiment(name: &str) -> String {
    format!("{PROJECT}/experiments/{name}.toml")
}

/// `key=value` with the value as a TOML literal string, as a path needs it.
pub(crate) fn set_path(key: &str, path: &Path) -> String {
    format!("{key}='{}'", path.display())
}
