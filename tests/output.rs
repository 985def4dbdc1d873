//! What comes out: the report on standard output, progress on standard error, and tables that no
//! text of others can break.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use common::{Ended, Lab, SMALL, log, pairs, time};

#[test]
fn the_report_goes_out_and_progress_goes_to_err() {
    let lab = Lab::small();
    let ended = lab.done(&["sweep", "small.toml"]);
    for part in [
        "Cleaning\n",
        "Split\n",
        "Leaderboard on test\n",
        "Verdict: ",
        "Report: ",
    ] {
        assert!(ended.out.contains(part), "{part}: {ended}");
        assert!(!ended.err.contains(part.trim()), "{part}: {ended}");
    }
    for line in [
        "reading and cleaning small.toml",
        "validation: running 3 trials",
    ] {
        assert!(ended.err.contains(line), "{line}: {ended}");
        assert!(!ended.out.contains(line), "{line}: {ended}");
    }
    let path = ended
        .out
        .lines()
        .last()
        .and_then(|l| l.strip_prefix("Report: "));
    let report = lab.path(path.expect("the last line names the report"));
    assert!(report.is_file(), "{}", report.display());
}

#[test]
fn what_is_piped_has_no_colors_and_no_bars() {
    let lab = Lab::small();
    let good = lab.done(&["sweep", "small.toml"]);
    let bad = lab
        .run(&["sweep", "small.toml", "--set", "sede=1"])
        .expect(2);
    let help = lab.done(&["sweep", "--help"]);
    let usage = lab.run(&["sweep"]).expect(2);
    for ended in [good, bad, help, usage] {
        for text in [&ended.out, &ended.err] {
            assert!(!text.contains('\u{1b}'), "an escape code: {ended}");
            assert!(!text.contains('\r'), "a carriage return: {ended}");
            for c in ['█', '⠁', '⠙'] {
                assert!(!text.contains(c), "a bar: {ended}");
            }
            assert!(
                !text.contains("[=") && !text.contains("=>"),
                "a bar: {ended}"
            );
        }
    }
}

#[test]
fn quiet_says_the_result_only() {
    let lab = Lab::small();
    let ended = lab.done(&["sweep", "small.toml", "--quiet"]);
    assert_eq!(ended.err, "");
    assert!(ended.out.starts_with("Leaderboard on test\n"), "{ended}");
    assert!(ended.out.contains("Verdict: "), "{ended}");
    lab.run(&["sweep", "small.toml", "-q", "--set", "seed=9"])
        .expect(5)
        .says(&["error: "]);
}

/// Runs the program, reads one line of what it says, and closes the pipe.
fn head(lab: &Lab, arguments: &[&str], err_too: bool) -> Ended {
    let mut command = lab.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut err = child.stderr.take().expect("a pipe");
    let mut first = String::new();
    if err_too {
        // Nobody listens from the start.
        drop(err);
        drop(lines);
        let output = child.wait_with_output().expect("an end");
        return Ended::new(arguments, &output);
    }
    lines.read_line(&mut first).expect("a line");
    drop(lines);
    let mut said = Vec::new();
    err.read_to_end(&mut said).expect("what it says");
    let mut output = child.wait_with_output().expect("an end");
    output.stderr = said;
    Ended::new(arguments, &output)
}

#[test]
fn a_reader_who_has_seen_enough_stops_nothing() {
    let lab = Lab::small();
    for arguments in [
        &["sweep", "small.toml"] as &[&str],
        &["plugins"],
        &["plugins", "als"],
        &["--help"],
        &["synth", "--out", "new.csv", "--rows", "100", "--force"],
    ] {
        head(&lab, arguments, false).expect(0);
        head(&lab, arguments, true).expect(0);
    }
    assert!(lab.path("reports/small/report.md").is_file());
    // `2>&1 | head` of a sweep that has everything to do.
    head(&lab, &["sweep", "small.toml", "--out", "deaf"], true).expect(0);
    assert!(lab.path("deaf/small/report.md").is_file());
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let lab = Lab::new();
    let help = lab.done(&["--help"]);
    for code in [
        "  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  130",
    ] {
        assert!(help.out.contains(code), "{code}: {help}");
    }
    for command in ["sweep", "synth", "clean"] {
        let help = lab.done(&[command, "--help"]);
        let example = format!("  musicrec-lab {command} ");
        assert!(help.out.contains("Examples:"), "{help}");
        assert!(help.out.matches(&example).count() >= 2, "{help}");
    }
    let version = lab.done(&["--version"]);
    assert_eq!(
        version.out.trim(),
        format!("musicrec-lab {}", env!("CARGO_PKG_VERSION"))
    );
}

/// Names that somebody may give a song or a listener to break what shows them.
fn hostile() -> Vec<String> {
    [
        "<script>alert('x')</script>",
        "\"quoted\"",
        "a,comma",
        "pipe|pipe",
        "`tick`",
        "two\nlines",
        "carriage\r\nreturn",
        "🎵🎶",
        "👩‍🎤",
        "شبكة الموسيقى",
        "\u{202e}drawkcab",
        "**bold** _it_ [a](http://x) ~~s~~",
        "# heading",
        "=1+1",
        "\\",
        "-->",
        "&amp;",
        "\u{1b}[31mred",
        "\u{7}bell",
        "{{ x }}",
        "'; DROP TABLE songs; --",
        "ä",
        "a\u{308}",
        "NULL",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([format!("long{}", "x".repeat(296))])
    .collect()
}

/// The small log with hostile names for some users and items, and one in a column of its own.
fn hostile_log() -> Vec<u8> {
    let names = hostile();
    let name = |kind: char, number: u64| match names.get(number as usize) {
        Some(name) => format!("{name}{kind}"),
        None => format!("{kind}{number}"),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fine = "writing to memory";
    writer
        .write_record(["user_id", "song_id", "timestamp", "event_type"])
        .expect(fine);
    for (row, (user, item)) in pairs(600).enumerate() {
        let event = &names[row % names.len()];
        writer
            .write_record([
                &name('u', user),
                &name('s', item),
                &time(row).to_string(),
                event,
            ])
            .expect(fine);
    }
    writer.into_inner().expect(fine)
}

fn rows(lab: &Lab, path: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(lab.path(path)).expect("a file");
    reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect()
}

/// The number of cells of a line of a Markdown table; an escaped `|` separates none.
fn cells(line: &str) -> usize {
    line.replace("\\\\", "")
        .replace("\\|", "")
        .matches('|')
        .count()
        - 1
}

#[test]
fn hostile_names_go_through_and_break_nothing() {
    let lab = Lab::new();
    lab.write("log.csv", hostile_log());
    lab.write("hostile.toml", SMALL);
    let ended = lab.done(&["sweep", "hostile.toml", "--set", "name=hostile"]);
    assert!(!ended.out.contains('\u{1b}'), "{ended}");

    // Every name comes out as it went in.
    let log = rows(&lab, "log.csv");
    let given = |column: &str| {
        log.iter()
            .map(|r| r[column].clone())
            .collect::<BTreeSet<_>>()
    };
    let recommended = rows(&lab, "reports/hostile/recommendations.csv");
    let users: BTreeSet<String> = recommended.iter().map(|r| r["user"].clone()).collect();
    assert_eq!(users, given("user_id"));
    let items: BTreeSet<String> = recommended.iter().map(|r| r["item"].clone()).collect();
    assert!(items.is_subset(&given("song_id")), "{items:?}");
    let odd = items
        .iter()
        .filter(|i| hostile().iter().any(|h| i.starts_with(h)));
    assert!(odd.count() >= 5, "{items:?}");

    tables_are_whole(&lab, "reports/hostile/report.md");
}

/// Every table of a report has one width, and no line of it holds live markup or control codes.
fn tables_are_whole(lab: &Lab, path: &str) {
    let report = fs::read_to_string(lab.path(path)).expect("a report");
    // Between backticks nothing is markup.
    let live: String = report.split('`').step_by(2).collect();
    assert!(
        report.matches('`').count().is_multiple_of(2),
        "a backtick without its twin: {report}"
    );
    assert!(!live.contains("<script"), "{report}");
    for c in ['\u{1b}', '\u{7}', '\r'] {
        assert!(!report.contains(c), "{c:?} in the report");
    }
    let mut width = None;
    let mut tables = 0;
    for line in report.lines() {
        if line.starts_with('|') {
            let count = cells(line);
            tables += usize::from(width.is_none());
            assert_eq!(*width.get_or_insert(count), count, "{line}");
            assert!(line.ends_with('|'), "{line}");
        } else {
            width = None;
        }
    }
    assert!(tables >= 4, "{tables} tables");
    // Headings are the report's own.
    let headings: Vec<&str> = report.lines().filter(|l| l.starts_with('#')).collect();
    assert_eq!(
        headings.iter().filter(|h| h.starts_with("# ")).count(),
        1,
        "{headings:?}"
    );
}

#[test]
fn hostile_cells_and_labels_break_no_table() {
    let lab = Lab::new();
    lab.write("log.csv", hostile_log());
    // Samples of what cleaners met and dropped are shown; labels and settings are the user's words.
    let definition = SMALL
        .replace(
            "[splitter.global_time]",
            "[[cleaners]]\nnormalize_ids = { columns = [\"user_id\", \"song_id\"] }\n\n\
             [[cleaners]]\nmissing_markers = { columns = [\"event_type\"], markers = [\"NULL\", \
             \"pipe|pipe\", \"two\\nlines\", \"`tick`\", \"<script>alert('x')</script>\"] }\n\n\
             [[cleaners]]\ndrop_missing = { columns = [\"event_type\"] }\n\n\
             [splitter.global_time]",
        )
        .replace(
            "[model.als]",
            "[model.als]\nlabel = \"a|b `c` <script> | # x\"",
        );
    lab.write("small.toml", definition);
    let ended = lab.done(&["sweep", "small.toml"]);
    assert!(ended.out.contains("drop_missing"), "{ended}");
    tables_are_whole(&lab, "reports/small/report.md");
}

#[test]
fn recommendations_are_complete_and_new_to_their_users() {
    for count in [3_usize, 5] {
        let lab = Lab::small();
        let set = format!("recommendations.count={count}");
        lab.done(&["sweep", "small.toml", "--set", &set]);
        let log = rows(&lab, "log.csv");
        let heard: BTreeSet<(String, String)> = log
            .iter()
            .map(|r| (r["user_id"].clone(), r["song_id"].clone()))
            .collect();
        let songs: BTreeSet<&String> = log.iter().map(|r| &r["song_id"]).collect();
        let mut of_user: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
        for row in rows(&lab, "reports/small/recommendations.csv") {
            of_user.entry(row["user"].clone()).or_default().push(row);
        }
        assert_eq!(of_user.len(), 20);
        for (user, list) in &of_user {
            let ranks: Vec<String> = list.iter().map(|r| r["rank"].clone()).collect();
            let expected: Vec<String> = (1..=count).map(|r| r.to_string()).collect();
            assert_eq!(ranks, expected, "{user}");
            let score =
                |row: &BTreeMap<String, String>| row["score"].parse::<f64>().expect("a number");
            assert!(list.is_sorted_by(|a, b| score(a) >= score(b)), "{list:?}");
            let items: BTreeSet<&String> = list.iter().map(|r| &r["item"]).collect();
            assert_eq!(items.len(), count, "{user}: {items:?}");
            for item in items {
                assert!(songs.contains(item), "{item}");
                assert!(
                    !heard.contains(&(user.clone(), item.clone())),
                    "{user} heard {item}"
                );
            }
        }
    }
    // A change of the count alone makes them anew, and nothing else.
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let set = "recommendations.count=2";
    let again = lab.done(&["sweep", "small.toml", "--set", set]);
    assert!(!again.err.contains("running"), "{again}");
    assert_eq!(rows(&lab, "reports/small/recommendations.csv").len(), 40);
    assert_eq!(log().lines().count(), 601);
}

#[test]
fn files_agree_with_each_other() {
    let lab = Lab::small();
    let ended = lab.done(&["sweep", "small.toml"]);
    let report = lab.report("reports/small");
    let verdict = report["verdict"].as_str().expect("a verdict");
    assert!(ended.out.contains(verdict), "{ended}");
    let board = rows(&lab, "reports/small/leaderboard.csv");
    for row in report["leaderboard"].as_array().expect("rows") {
        let name = row["variant"].as_str().expect("a name");
        let line = board.iter().find(|r| r["variant"] == name).expect(name);
        for metric in ["recall@3", "precision@3", "ndcg@3"] {
            let value = row["test"][metric]["value"].as_f64().expect("a number");
            let written: f64 = line[&format!("test_{metric}")].parse().expect("a number");
            assert_eq!(written.to_bits(), value.to_bits(), "{name} {metric}");
            // The mean is that of the attachment's values.
            let record = row["records"][0].as_str().expect("an id");
            let results = lab.results("reports/small");
            let result = &results[&format!("{record}.json")];
            let attachment = result["attachments"]["per_user"].as_str().expect("a name");
            let values: Vec<f64> = rows(&lab, &format!("reports/small/{attachment}"))
                .iter()
                .map(|r| r[metric].parse().expect("a number"))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!(
                (mean - value).abs() < 1e-12,
                "{name} {metric}: {mean} {value}"
            );
        }
    }
    let log = fs::read_to_string(lab.path("reports/small/trials.jsonl")).expect("a log");
    let mut logged: Vec<String> = log
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).expect("a record");
            format!("{}.json", record["id"].as_str().expect("an id"))
        })
        .collect();
    logged.sort();
    assert_eq!(
        logged,
        lab.records("reports/small").into_keys().collect::<Vec<_>>()
    );
}

/// Deeper lists are for those who read them; what is measured stays the same.
#[test]
fn lists_may_be_deeper_than_metrics_look() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    lab.done(&[
        "sweep",
        "small.toml",
        "--set",
        "evaluation.depth=20",
        "--out",
        "deep",
    ]);
    let (plain, deep) = (lab.report("reports/small"), lab.report("deep/small"));
    for (plain, deep) in [(&plain, &deep)].into_iter().flat_map(|(a, b)| {
        let rows = |r: &serde_json::Value| r["leaderboard"].as_array().expect("rows").clone();
        rows(a).into_iter().zip(rows(b))
    }) {
        for key in [
            "variant",
            "settings",
            "test",
            "validation",
            "p_chance",
            "users_hit",
            "users_tied",
        ] {
            assert_eq!(plain[key], deep[key], "{key}");
        }
        let lists = |folder: &str, record: &serde_json::Value| {
            let record = format!("{}.json", record.as_str().expect("an id"));
            let results = lab.results(folder);
            let name = results[&record]["attachments"]["lists"]
                .as_str()
                .expect("a name");
            rows(&lab, &format!("{folder}/{name}"))
        };
        let (short, long) = (
            lists("reports/small", &plain["records"][0]),
            lists("deep/small", &deep["records"][0]),
        );
        let of = |rows: &[BTreeMap<String, String>],
                  most: usize|
         -> Vec<BTreeMap<String, String>> {
            let within =
                |r: &&BTreeMap<String, String>| r["rank"].parse::<usize>().expect("a rank") <= most;
            rows.iter().filter(within).cloned().collect()
        };
        assert_eq!(of(&long, 3), short);
        assert!(long.iter().any(|r| r["rank"] == "20"));
        assert!(long.iter().all(|r| r["rank"] != "21"));
    }
    // Metrics that look deeper than any list can be are said.
    let ended = lab.done(&[
        "sweep",
        "small.toml",
        "--set",
        "evaluation.metrics=[\"ndcg@3\", \"ndcg@100\"]",
        "--out",
        "deeper",
    ]);
    let warning = "warning: ndcg@100 looks at 100 places, but only 60 items can be recommended";
    assert!(ended.out.contains(warning), "{ended}");
    assert!(!ended.out.contains("ndcg@3 looks"), "{ended}");
}

/// Numbers that no list or grid can have are refused or cost nothing; none of them is a crash.
#[test]
fn absurd_numbers_do_no_harm() {
    let lab = Lab::small();
    let deep = lab.done(&[
        "sweep",
        "small.toml",
        "--set",
        "evaluation.metrics=[\"ndcg@9223372036854775807\"]",
        "--set",
        "recommendations.count=1000000000000",
    ]);
    assert!(deep.out.contains("ndcg@9223372036854775807"), "{deep}");
    let values: Vec<String> = (1..=200).map(|n| n.to_string()).collect();
    let grid = format!("{{ grid = [{}] }}", values.join(", "));
    lab.run(&[
        "sweep",
        "small.toml",
        "--set",
        &format!("model.als.factors={grid}"),
        "--set",
        &format!("model.als.iterations={grid}"),
    ])
    .expect(2)
    .says(&["40000 settings: a sweep takes more than 10000 only with --yes"]);
    lab.run(&["sweep", "small.toml", "--threads", "1000000"])
        .expect(2)
        .says(&["--threads"]);
}

#[test]
fn who_wants_no_recommendations_gets_none_and_may_let_variants_compete() {
    let lab = Lab::small();
    let none = format!("{SMALL}\n[recommendations]\nexport = false\n")
        .replace("validation = 0.2", "validation = 0.0")
        .replace("factors.grid = [4, 8]", "factors = 4");
    lab.write("small.toml", &none);
    lab.done(&["sweep", "small.toml"]);
    assert!(!lab.path("reports/small/recommendations.csv").exists());
    lab.done(&["sweep", "small.toml"]).says(&["nothing to do"]);
    // With an export, it would have to be said of whom.
    lab.write("small.toml", none.replace("export = false", ""));
    let refused = lab.run(&["check", "small.toml"]);
    assert!(
        refused.err.contains("or make none: export = false"),
        "{refused}"
    );
}
