//! Whatever is wrong, the program ends with one message that names the place and the remedy, with
//! the exit code of the table in `src/exit.rs`, and without a half-written file.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Command;

use common::{Ended, Lab, SMALL, json, log};

/// One thing wrong. The definition is [`SMALL`] with `change` made in it, the log `log.csv`.
struct Case {
    name: &'static str,
    /// Text of the definition and what stands there instead.
    change: (&'static str, &'static str),
    /// The bytes of the log; none for no file.
    log: Option<Vec<u8>>,
    code: i32,
    /// What standard error must hold.
    says: &'static [&'static str],
}

/// A change that changes nothing.
const AS_IT_IS: (&str, &str) = ("", "");

fn good() -> Option<Vec<u8>> {
    Some(log().into_bytes())
}

fn with(more: &[u8]) -> Option<Vec<u8>> {
    Some([log().as_bytes(), more].concat())
}

fn packed() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(log().as_bytes()).expect("packing in memory");
    gzip.finish().expect("packing in memory")
}

impl Case {
    fn log(
        name: &'static str,
        log: Option<Vec<u8>>,
        code: i32,
        says: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            change: AS_IT_IS,
            log,
            code,
            says,
        }
    }

    fn definition(
        name: &'static str,
        change: (&'static str, &'static str),
        says: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            change,
            log: good(),
            code: 2,
            says,
        }
    }

    fn check(&self) {
        let lab = Lab::new();
        if let Some(log) = &self.log {
            lab.write("log.csv", log);
        }
        let (old, new) = self.change;
        assert!(SMALL.contains(old), "{}: nothing to change", self.name);
        lab.write("small.toml", SMALL.replacen(old, new, 1));
        let ended = lab.run(&["sweep", "small.toml", "--out", "out"]);
        assert_eq!(ended.code, self.code, "{}: {ended}", self.name);
        for phrase in self.says {
            assert!(
                ended.err.contains(phrase),
                "{}: `{phrase}` is not said: {ended}",
                self.name
            );
        }
        let messages = ended.err.lines().filter(|l| l.starts_with("error")).count();
        assert_eq!(messages, 1, "{}: {ended}", self.name);
        assert_eq!(ended.out, "", "{}: {ended}", self.name);
        assert!(
            !lab.path("out").exists(),
            "{}: something is in --out",
            self.name
        );
    }
}

#[test]
fn logs_that_cannot_be_read() {
    let ragged = with(b"u1,s1\n");
    let mut truncated = packed();
    truncated.truncate(truncated.len() / 2);
    for case in [
        Case::log(
            "missing file",
            None,
            2,
            &["log.csv: there is no such file", "source.csv.path"],
        ),
        Case::log(
            "empty file",
            Some(Vec::new()),
            3,
            &["log.csv is empty", "source.csv.path"],
        ),
        Case::log(
            "blank lines only",
            Some(b"\n\n\n".to_vec()),
            3,
            &["log.csv", "nothing but empty lines", "source.csv.path"],
        ),
        Case::log(
            "header only",
            Some(b"user_id,song_id,timestamp\n".to_vec()),
            3,
            &["log.csv has a header but no row", "source.csv.path"],
        ),
        Case::log(
            "missing column",
            Some(log().replace("song_id", "song").into_bytes()),
            2,
            &[
                "log.csv has no column `song_id`",
                "user_id, song, timestamp",
                "source.csv.item = \"song\"",
            ],
        ),
        Case::log(
            "ragged row",
            ragged,
            3,
            &[
                "log.csv, line 602 (row 601): 2 cells where the header has 3",
                "source.csv.bad_rows = \"drop\"",
            ],
        ),
        Case::log(
            "not UTF-8",
            with(b"u1,s\xff,1700099999\n"),
            3,
            &[
                "log.csv, line 602 (row 601), column `song_id`: not UTF-8",
                "iconv",
            ],
        ),
        Case::log(
            "not UTF-8 in the header",
            Some(
                [
                    b"user_id,song_id,timestamp,d\xe9vice\n".as_slice(),
                    b"a,b,1,d\n",
                ]
                .concat(),
            ),
            3,
            &["log.csv: the header is not UTF-8", "iconv"],
        ),
        Case::log(
            "truncated gzip",
            Some(truncated),
            3,
            &[
                "log.csv: the packed data is damaged or ends early",
                "pack the file again",
            ],
        ),
        Case::log(
            "a column twice",
            Some(b"user_id,song_id,song_id,timestamp\na,b,c,1\n".to_vec()),
            3,
            &["log.csv", "`song_id`"],
        ),
        Case::log(
            "only impossible times",
            Some(log().replace(",17", ",x17").into_bytes()),
            3,
            &["timestamp"],
        ),
        Case::log(
            "no user with a test item: everybody is new every minute",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for row in 0..100 {
                    let _ = writeln!(text, "u{row},s{},{}", row % 7, common::time(row));
                }
                text.into_bytes()
            }),
            3,
            &[
                "no user has anything to foretell in the validation part",
                "unknown to the fit part",
                "splitter",
            ],
        ),
        Case::log(
            "no user with a test item: all is heard already",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for row in 0..100 {
                    let _ = writeln!(text, "u{},s{},{}", row % 3, row % 3, common::time(row));
                }
                text.into_bytes()
            }),
            3,
            &[
                "no user has anything to foretell",
                "heard before",
                "heard = \"keep\"",
            ],
        ),
        Case::log(
            "one moment only, so that no cut is possible",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for (user, item) in common::pairs(100) {
                    let _ = writeln!(text, "u{user},s{item},1700000000");
                }
                text.into_bytes()
            }),
            3,
            &["global_time", "empty"],
        ),
    ] {
        case.check();
    }
}

#[test]
fn a_packed_log_is_read_so_the_broken_one_is_to_blame() {
    let lab = Lab::small();
    lab.write("log.csv", packed());
    lab.done(&["sweep", "small.toml"]);
}

#[test]
fn a_folder_instead_of_a_file() {
    let lab = Lab::small();
    fs::create_dir(lab.path("folder")).expect("a folder");
    let set = "source.csv.path=folder";
    lab.run(&["sweep", "small.toml", "--set", set, "--out", "out"])
        .expect(2)
        .says(&["folder is a folder, not a file", "source.csv.path"]);
    assert!(!lab.path("out").exists());
}

#[test]
fn definitions_with_a_typo() {
    for case in [
        Case::definition(
            "a plugin's key",
            ("regularization = 1.0", "regularisation = 1.0"),
            &[
                "unknown field `regularisation`",
                "small.toml:20:1",
                "regularisation = 1.0",
                "^^^^^^^^^^^^^^",
                "did you mean `regularization`?",
            ],
        ),
        Case::definition(
            "a key under a grid",
            ("factors.grid", "factor.grid"),
            &[
                "unknown field `factor`",
                "small.toml:19:1",
                "did you mean `factors`?",
            ],
        ),
        Case::definition(
            "a key of the definition",
            ("seed = 3", "sede = 3"),
            &[
                "unknown key `sede`",
                "small.toml:2:1",
                "did you mean `seed`?",
            ],
        ),
        Case::definition(
            "a plugin",
            ("[model.popularity]", "[model.popularty]"),
            &[
                "there is no model plugin `popularty`",
                "small.toml:16:8",
                "did you mean `popularity`?",
                "there are: als, popularity, random",
            ],
        ),
        Case::definition(
            "a source",
            ("[source.csv]", "[source.cvs]"),
            &[
                "there is no source plugin `cvs`",
                "small.toml:4:9",
                "csv, synthetic",
            ],
        ),
        Case::definition(
            "a cleaner",
            ("parse_timestamps =", "parse_timestamp ="),
            &[
                "there is no cleaner plugin `parse_timestamp`",
                "small.toml:8:1",
                "did you mean `parse_timestamps`?",
            ],
        ),
        Case::definition(
            "a metric",
            (
                "[evaluation]",
                "[evaluation]\nmetrics = [\"recall@3\", \"ndgc@3\"]",
            ),
            &[
                "there is no metric plugin `ndgc`",
                "small.toml:23:24",
                "did you mean `ndcg`?",
            ],
        ),
        Case::definition(
            "the deciding metric",
            ("[evaluation]", "[evaluation]\nselect = \"ndcg@5\""),
            &[
                "`select` names no metric of this definition: `ndcg@5`",
                "small.toml:23:10",
                "did you mean `ndcg@3`?",
                "recall@3, precision@3, ndcg@3",
            ],
        ),
        Case::definition(
            "the baseline",
            ("[evaluation]", "[evaluation]\nbaseline = \"popular\""),
            &[
                "`baseline` names no model variant: `popular`",
                "small.toml:23:12",
                "did you mean `popularity`?",
            ],
        ),
        Case::definition(
            "not TOML",
            ("name = \"small\"", "name = \"small"),
            &["small.toml:1:", "name = \"small", "^"],
        ),
        Case::definition(
            "the wrong type",
            ("seed = 3", "seed = \"three\""),
            &["small.toml:2:8", "three"],
        ),
        Case::definition(
            "out of range",
            ("regularization = 1.0", "regularization = -1.0"),
            &["`regularization`: -1 is out of range", "small.toml:20:18"],
        ),
        Case::definition(
            "not a number",
            ("regularization = 1.0", "regularization = nan"),
            &["`regularization`: NaN is out of range", "small.toml:20:18"],
        ),
        Case::definition(
            "no depth",
            ("[evaluation]", "[evaluation]\nmetrics = [\"ndcg@0\"]"),
            &["`k`", "small.toml:23:12"],
        ),
        Case::definition(
            "an empty grid",
            ("[4, 8]", "[]"),
            &["a grid needs at least one value", "small.toml:19:16"],
        ),
        Case::definition(
            "a grid where all trials share one value",
            ("test = 0.2", "test.grid = [0.1, 0.2]"),
            &["a grid cannot stand here", "small.toml:12:"],
        ),
        Case::definition(
            "a name that is a path",
            ("name = \"small\"", "name = \"../small\""),
            &["`../small` cannot name an experiment", "small.toml:1:8"],
        ),
        Case::definition(
            "no source",
            ("[source.csv]\npath = \"log.csv\"", ""),
            &["`source` is missing", "[source.csv]"],
        ),
    ] {
        case.check();
    }
}

#[test]
fn all_typos_at_once() {
    let lab = Lab::small();
    let wrong = SMALL
        .replace("regularization =", "regularisation =")
        .replace("seed =", "sede =")
        .replace("[weighting.binary]", "[weighting.binry]");
    lab.write("small.toml", wrong);
    let ended = lab.run(&["sweep", "small.toml"]).expect(2).says(&[
        "`sede`",
        "small.toml:2:1",
        "`binry`",
        "small.toml:14:12",
        "`regularisation`",
        "small.toml:20:1",
    ]);
    let messages = ended.err.lines().filter(|l| l.starts_with("error")).count();
    assert_eq!(messages, 3, "{ended}");
    assert!(!lab.path("reports").exists());
}

#[test]
fn splits_that_cannot_be() {
    let times = (
        "[[cleaners]]\nparse_timestamps = { formats = [\"unix\"] }",
        "",
    );
    for case in [
        Case::definition(
            "a grid without validation",
            ("validation = 0.2", "validation = 0"),
            &[
                "variant `als` has 2 trials to choose from",
                "no validation part",
                "give the splitter a validation part, or each variant one setting",
            ],
        ),
        Case::definition("no test part", ("\ntest = 0.2", "\ntest = 0.0"), &["test"]),
        Case::definition(
            "shares that leave nothing to learn from",
            ("validation = 0.2", "validation = 0.8"),
            &["global_time", "validation", "test"],
        ),
        Case {
            name: "a validation part of one row, heard before",
            change: ("validation = 0.2", "validation = 0.000001"),
            log: good(),
            code: 3,
            says: &[
                "anything to foretell in the validation part",
                "splitter",
                "heard",
            ],
        },
        Case {
            name: "a log without times",
            change: times,
            log: Some(
                log()
                    .lines()
                    .fold(String::new(), |mut text, line| {
                        let (cells, _) = line.rsplit_once(',').expect("a column of times");
                        let _ = writeln!(text, "{cells}");
                        text
                    })
                    .into_bytes(),
            ),
            code: 2,
            says: &["global_time", "times", "random"],
        },
    ] {
        case.check();
    }
}

/// ALS with two settings, of which the first cannot be solved in double precision.
const DIVERGES: &str = "model.als={ factors = 4, alpha.grid = [1e300, 1.0] }";

#[test]
fn a_model_that_diverges_fails_alone() {
    let lab = Lab::small();
    let ended = lab
        .run(&["sweep", "small.toml", "--set", DIVERGES])
        .expect(1)
        .says(&["validation: als failed: ", "error: one trial failed"]);
    assert!(ended.out.contains("failed: als (alpha="), "{ended}");
    assert!(ended.out.contains("Verdict: "), "{ended}");
    let report = lab.report("reports/small");
    assert_eq!(report["leaderboard"].as_array().expect("rows").len(), 2);
    let failures: Vec<&str> = report["trials"]
        .as_array()
        .expect("trials")
        .iter()
        .filter_map(|t| t["failure"].as_str())
        .collect();
    let [failure] = failures[..] else {
        panic!("{failures:?}")
    };
    // The message says what to do about it.
    assert!(failure.contains("regularization"), "{failure}");
    assert!(failure.contains("lower `alpha`"), "{failure}");
    let markdown = fs::read_to_string(lab.path("reports/small/report.md")).expect("a report");
    assert!(markdown.contains("lower `alpha`") || markdown.contains("lower \\`alpha"));
    let failed: Vec<String> = lab.files("reports/small/failed");
    let [name] = &failed[..] else {
        panic!("{failed:?}")
    };
    let record = json(&lab.path("reports/small/failed").join(name));
    assert_eq!(record["result"]["status"], "failed");
    assert_eq!(lab.records("reports/small").len(), 4);
    // It is tried again, and fails again, but only it.
    lab.run(&["sweep", "small.toml", "--set", DIVERGES])
        .expect(1)
        .says(&["2 of 3 trials have a record", "running 1 trials"]);
    // Once it is out of the definition, nothing is wrong.
    lab.done(&[
        "sweep",
        "small.toml",
        "--set",
        "model.als={ factors = 4, alpha = 1.0 }",
    ]);
}

#[test]
fn all_trials_may_fail() {
    let lab = Lab::small();
    lab.write("small.toml", SMALL.replace("[model.popularity]\n", ""));
    let ended = lab
        .run(&["sweep", "small.toml", "--set", "model.als.alpha=1e300"])
        .expect(1)
        .says(&["error: 2 trials failed"]);
    assert!(ended.out.contains("all trials failed"), "{ended}");
    let report = lab.report("reports/small");
    assert_eq!(report["leaderboard"].as_array().expect("rows").len(), 0);
    assert!(!lab.path("reports/small/recommendations.csv").exists());
    assert_eq!(lab.files("reports/small/failed").len(), 2);
}

#[test]
fn a_command_line_that_is_wrong() {
    let lab = Lab::small();
    fs::create_dir(lab.path("folder")).expect("a folder");
    let cases: [(&[&str], &[&str]); 11] = [
        (&[], &["Usage: musicrec-lab"]),
        (&["swep"], &["swep", "sweep"]),
        (&["sweep"], &["<DEFINITION>"]),
        (&["sweep", "small.toml", "--nope"], &["--nope"]),
        (&["sweep", "small.toml", "--threads", "0"], &["--threads"]),
        (
            &["sweep", "nothing.toml"],
            &["cannot read the definition nothing.toml"],
        ),
        (&["sweep", "folder"], &["cannot read the definition folder"]),
        (
            &["sweep", "small.toml", "--set", "seed"],
            &["--set", "key=value"],
        ),
        (
            &[
                "sweep",
                "small.toml",
                "--set",
                "cleaners.7.parse_timestamps.zone=UTC",
            ],
            &["`7` names no entry of a list of 1"],
        ),
        (
            &["synth", "--out", "x.csv", "--set", "user=3"],
            &["unknown field `user`", "did you mean `users`?"],
        ),
        (&["plugins", "asl"], &["asl"]),
    ];
    for (arguments, says) in cases {
        let ended = lab.run(arguments).expect(2);
        for phrase in says {
            assert!(
                ended.err.contains(phrase),
                "`{phrase}` is not said: {ended}"
            );
        }
        assert_eq!(ended.out, "", "{ended}");
    }
    assert_eq!(lab.files("."), ["log.csv", "small.toml"]);
}

#[test]
fn a_file_in_the_way_of_the_report() {
    let lab = Lab::small();
    lab.write("way", "mine");
    for out in ["way", "way/below"] {
        lab.run(&["sweep", "small.toml", "--out", out])
            .expect(4)
            .says(&["error: cannot write to way", "is a file", "--out"]);
    }
    assert_eq!(fs::read(lab.path("way")).expect("a file"), b"mine");
    lab.run(&["synth", "--out", "way/log.csv", "--rows", "100"])
        .expect(4)
        .says(&["error: cannot write way/log.csv"]);
    assert_eq!(lab.files("."), ["log.csv", "small.toml", "way"]);
}

/// Runs the program where no file may grow beyond `kilobytes`: as on a full disk, the write fails.
fn limited(lab: &Lab, kilobytes: u32, arguments: &[&str]) -> Ended {
    let limit = format!("trap '' XFSZ; ulimit -f {kilobytes} && exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &limit, env!("CARGO_BIN_EXE_musicrec-lab")])
        .args(arguments)
        .current_dir(lab.path("."))
        .output()
        .expect("bash");
    Ended::new(arguments, &output)
}

#[test]
fn a_full_disk_leaves_whole_files_only() {
    let lab = Lab::small();
    limited(&lab, 20, &["synth", "--out", "big.csv", "--rows", "5000"])
        .expect(4)
        .says(&["error: ", "File too large"]);
    assert_eq!(lab.files("."), ["log.csv", "small.toml"]);
    // Somewhere between the first record and the last file of the report.
    for kilobytes in [1, 5, 6, 7, 8] {
        let out = format!("out{kilobytes}");
        limited(&lab, kilobytes, &["sweep", "small.toml", "--out", &out])
            .expect(4)
            .says(&["error: cannot write ", "File too large"]);
        for name in lab.files(&out) {
            assert!(!name.contains(".part-"), "{name} is left over");
            if name.ends_with(".json") {
                json(&lab.path(&out).join(name));
            }
        }
        // With room again, the same command goes on.
        lab.done(&["sweep", "small.toml", "--out", &out]);
        let log = lab.path(&out).join("small/trials.jsonl");
        for line in fs::read_to_string(log).expect("a log").lines() {
            let record: Result<serde_json::Value, _> = serde_json::from_str(line);
            assert!(record.is_ok(), "a torn line in trials.jsonl: {line}");
        }
    }
    lab.done(&["sweep", "small.toml", "--out", "roomy"]);
    assert_eq!(lab.results("out1/small"), lab.results("roomy/small"));
}

#[test]
fn standard_output_that_is_full_is_said() {
    let lab = Lab::small();
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let arguments = ["sweep", "small.toml"];
    let output = lab
        .command(&arguments)
        .stdout(full.expect("/dev/full"))
        .output()
        .expect("the program");
    Ended::new(&arguments, &output)
        .expect(4)
        .says(&["error: cannot write standard output"]);
}
