//! What goes wrong on the way: models that diverge, command lines, files that cannot be written.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Ended, Lab, SMALL, experiment, json, log};

/// ALS with two settings, of which the first cannot be solved in double precision.
const DIVERGES: &str = "model.als={ factors = 4, alpha.grid = [1e300, 1.0] }";

#[test]
fn a_model_that_diverges_fails_alone() {
    let lab = Lab::small();
    let ended = lab
        .run(&["sweep", "small.toml", "--set", DIVERGES])
        .expect(1)
        .says(&[
            "validation: als (alpha=",
            ") failed: ",
            "error: one trial failed",
        ]);
    assert!(ended.out.contains("failed: als (alpha="), "{ended}");
    assert!(ended.out.contains("Verdict: "), "{ended}");
    let report = lab.report("reports/small");
    let rows = report["leaderboard"].as_array().expect("rows");
    // What failed could not be chosen.
    let chosen_from: Vec<_> = rows.iter().map(|row| &row["trials"]).collect();
    assert_eq!(chosen_from, [1, 1]);
    assert!(!ended.out.contains("chosen from"), "{ended}");
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
    // It stays failed, until somebody wants it tried again.
    let again = ["sweep", "small.toml", "--set", DIVERGES];
    let ended = lab.run(&again).expect(1).says(&["nothing to do"]);
    assert!(!ended.err.contains("running"), "{ended}");
    lab.run(&[&again[..], &["--set", "evaluation.resamples=300"]].concat())
        .expect(1)
        .says(&["1 of 3 trials failed before and are not tried again (--retry-failed"]);
    // Then it fails again, but only it runs.
    lab.run(&[&again[..], &["--retry-failed"]].concat())
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
    // What the lab adds recommends when nothing else has a result.
    lab.run(&["sweep", "small.toml", "--set", "model.als.alpha=1e300"])
        .expect(1)
        .says(&["error: 2 trials failed"]);
    let report = lab.report("reports/small");
    assert_eq!(report["recommended"]["variant"], "popularity");
    assert_eq!(report["variants"][1]["added"], true);
    let alone = [
        "sweep",
        "small.toml",
        "--fresh",
        "--set",
        "model.als.alpha=1e300",
        "--set",
        "evaluation.add_popularity=false",
    ];
    let ended = lab.run(&alone).expect(1).says(&["error: 2 trials failed"]);
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
            .says(&["error: way", "a file stands in its way", "--out"]);
    }
    assert_eq!(fs::read(lab.path("way")).expect("a file"), b"mine");
    lab.run(&["synth", "--out", "way/log.csv", "--rows", "100"])
        .expect(4)
        .says(&["error: cannot write way/log.csv"]);
    assert_eq!(lab.files("."), ["log.csv", "small.toml", "way"]);
}

/// Runs the program as somebody who may write only where permissions say so, which root need not.
fn ordinary(lab: &Lab, arguments: &[&str]) -> Ended {
    use std::os::unix::fs::MetadataExt as _;
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return lab.run(arguments);
    }
    let output = Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(env!("CARGO_BIN_EXE_musicrec-lab"))
        .args(arguments)
        .current_dir(lab.path("."))
        .output()
        .expect("setpriv of util-linux");
    Ended::new(arguments, &output)
}

/// Changes the permissions of folders.
fn permit(lab: &Lab, folders: &[&str], mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    for folder in folders {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(lab.path(folder), mode).expect("permissions");
    }
}

#[test]
fn a_read_only_folder_is_said_and_left_as_it_is() {
    let lab = Lab::small();
    let arguments = ["sweep", "small.toml"];
    fs::create_dir(lab.path("reports")).expect("a folder");
    permit(&lab, &["reports"], 0o555);
    ordinary(&lab, &arguments)
        .expect(4)
        .says(&["error: cannot write reports/small", "Permission denied"]);
    assert_eq!(lab.files("reports"), [""; 0]);
    permit(&lab, &["reports"], 0o755);
    ordinary(&lab, &arguments).expect(0);
    let read = |name: &String| fs::read(lab.path("reports").join(name)).expect("a file");
    let files = lab.files("reports");
    let before: Vec<Vec<u8>> = files.iter().map(read).collect();
    let below = ["records", "attachments", "failed", "running"];
    let below = below.map(|name| format!("reports/small/{name}"));
    let mut folders = vec!["reports", "reports/small"];
    folders.extend(below.iter().map(String::as_str));
    permit(&lab, &folders, 0o555);
    // Wider, so that there is something to write.
    let wider = "model.als.factors={grid=[4,8,12]}";
    for more in [&[][..], &["--set", wider], &["--fresh"]] {
        ordinary(&lab, &[&arguments, more].concat())
            .expect(4)
            .says(&["error: cannot write reports/small", "Permission denied"]);
        assert_eq!(lab.files("reports"), files, "{more:?}");
        assert!(files.iter().map(read).eq(before.iter().cloned()));
    }
    permit(&lab, &folders, 0o755);
    ordinary(&lab, &[&arguments[..], &["--set", wider]].concat()).expect(0);
}

/// Runs the program where no file may grow beyond `kilobytes`: as on a full disk, the write fails.
fn limited(lab: &Lab, kilobytes: u32, arguments: &[&str]) -> Ended {
    let limit = format!("trap '' XFSZ; ulimit -f {kilobytes} && exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &limit, env!("CARGO_BIN_EXE_musicrec-lab")])
        .args(arguments)
        .current_dir(lab.path("."))
        .env("MUSICREC_CACHE", "off")
        .output()
        .expect("bash");
    Ended::new(arguments, &output)
}

/// The lines of a log, all of them records.
fn whole_log(path: &Path) -> usize {
    let text = fs::read_to_string(path).expect("a log");
    assert!(text.is_empty() || text.ends_with('\n'), "a torn last line");
    for line in text.lines() {
        let record: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(record.is_ok(), "a torn line in trials.jsonl: {line}");
    }
    text.lines().count()
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
            if Path::new(&name).extension().is_some_and(|e| e == "json") {
                json(&lab.path(&out).join(name));
            } else if name.ends_with("/trials.jsonl") {
                whole_log(&lab.path(&out).join(name));
            }
        }
        // With room again, the same command goes on.
        lab.done(&["sweep", "small.toml", "--out", &out]);
        let logged = whole_log(&lab.path(&out).join("small/trials.jsonl"));
        assert_eq!(logged, lab.records(&format!("{out}/small")).len());
        assert!(!lab.path(&out).join("small/damaged").exists());
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

/// What only a plugin at work can tell is said at the place where it is written, once.
#[test]
fn what_goes_wrong_with_a_plugin_at_work_has_its_place() {
    let text = "[[cleaners]]\nlimit_range = { column = \"song_id\", max = 9 }\n";
    let whole = "[[cleaners]]\nmin_interactions = { users = 1000 }\n";
    let fit = "[[cleaners]]\nmin_interactions = { users = 1000, on = \"fit\" }\n";
    let axis = "[[cleaners]]\nlimit_range = { column = \"song_id\", max.grid = [8, 9] }\n";
    let times = "[[cleaners]]\nparse_timestamps = { formats = [\"unix\"] }\n";
    for (cleaners, code, says) in [
        (
            text,
            2,
            [
                "error: `limit_range` needs numbers, but column `song_id` is text",
                "--> small.toml:11:1",
                "limit_range = { column",
            ],
        ),
        (
            whole,
            3,
            [
                "error: `min_interactions` leaves no row",
                "--> small.toml:11:1",
                "min_interactions = { users",
            ],
        ),
        (
            fit,
            3,
            [
                "error: `min_interactions` leaves no row",
                "--> small.toml:11:1",
                "on = \"fit\"",
            ],
        ),
        (
            axis,
            2,
            [
                "error: with the cleaners of `limit_range.max=8.0`: `limit_range` needs numbers",
                "--> small.toml:11:1",
                "max.grid",
            ],
        ),
    ] {
        let lab = Lab::small();
        assert!(SMALL.contains(times));
        let cleaners = format!("{times}\n{cleaners}");
        lab.write("small.toml", SMALL.replace(times, &cleaners));
        let ended = lab
            .run(&["sweep", "small.toml"])
            .expect(code)
            .says(&says)
            .says(&["^"]);
        assert_eq!(ended.err.matches("error").count(), 1, "{ended}");
        assert_eq!(lab.files("."), ["log.csv", "small.toml"]);
    }
    // The same where it stands on the command line.
    let lab = Lab::small();
    let setting = "cleaners=[{ limit_range = { column = \"song_id\", max = 9 } }]";
    lab.run(&["sweep", "small.toml", "--set", setting])
        .expect(2)
        .says(&["is text", "--> on the command line: --set", "^^^"]);
    // And for a splitter, unless nobody wrote it.
    let untimed: String = log()
        .lines()
        .map(|line| line.rsplit_once(',').expect("three columns").0.to_owned() + "\n")
        .collect();
    let lab = Lab::small();
    lab.write("log.csv", untimed);
    let definition = SMALL.replace(times, "");
    lab.write("small.toml", &definition);
    lab.run(&["sweep", "small.toml"]).expect(2).says(&[
        "the log has no times",
        "--> small.toml:8:11",
        "[splitter.global_time]",
    ]);
    let splitter = "[splitter.global_time]\nvalidation = 0.2\ntest = 0.2\n";
    assert!(definition.contains(splitter));
    lab.write("small.toml", definition.replace(splitter, ""));
    let ended = lab
        .run(&["sweep", "small.toml"])
        .expect(2)
        .says(&["the log has no times", "names no splitter"]);
    assert!(!ended.err.contains("-->"), "{ended}");
}

#[test]
fn what_failed_altogether_is_named_where_a_model_is_advised() {
    let lab = Lab::new();
    let all = "model.als={ factors = 4, alpha.grid = [1e300, 1e299] }";
    let ended = lab
        .run(&["sweep", &experiment("quickstart"), "--set", all])
        .expect(1);
    let missing = "it is the baseline itself, and there is no result of `als` to compare it with";
    assert!(ended.out.contains(missing), "{ended}");
    let page = fs::read_to_string(lab.path("reports/quickstart/report.html")).expect("a page");
    assert!(page.contains("or mend what failed first"), "{ended}");
}
