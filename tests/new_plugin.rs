//! `musicrec-lab new-plugin`, and the guide for those who write plugins: crates are made, built,
//! tested and used.
//!
//! They are built in the target folder of this project, so that libraries are built once, with the
//! lab optimized as it is for its own tests. Crates stay between runs under `target/new-plugin`.

mod common;
mod workshop;

use std::fs;
use std::path::Path;

use common::{Lab, PROJECT};
use workshop::{Workshop, blocks};

const KINDS: [&str; 7] = [
    "source",
    "cleaner",
    "splitter",
    "weighting",
    "model",
    "metric",
    "launcher",
];

/// What is made for each kind works as it is: no warning, its own tests and the conformance checks
/// pass, and its experiment runs.
#[test]
fn a_made_plugin_of_each_kind_builds_is_tested_and_sweeps() {
    let workshop = Workshop::new("kinds");
    let crates: Vec<String> = KINDS
        .iter()
        .map(|kind| workshop.make(kind, &format!("my_{kind}")))
        .collect();
    workshop.gather(&crates);
    let tested = workshop.done("", "cargo test --workspace");
    for kind in KINDS {
        let passed = format!("test my_{kind}::tests::it_keeps_the_promises_of_a_{kind} ... ok");
        assert!(tested.out.contains(&passed), "{passed}: {tested}");
    }
    assert!(!tested.err.contains("warning"), "{tested}");
    workshop.done("", "cargo build --workspace");
    for kind in KINDS {
        let lab = workshop.program(&format!("my-{kind}-lab"));
        let name = format!("my_{kind}");
        let mut arguments = vec!["sweep", "experiment.toml", "--fresh", "--set", "name='run'"];
        if kind == "launcher" {
            arguments.extend(["--launcher", &name, "--cluster", "cluster.toml"]);
        }
        let swept = workshop.run_program(&lab, &name, &arguments);
        assert_eq!(swept.code, 0, "{swept}");
        // A launcher is in no record: the same trials run anywhere.
        let kept = match kind {
            "launcher" => "submissions",
            _ => "records",
        };
        let kept = workshop.path(&format!("{name}/reports/run")).join(kept);
        assert!(used(&kept, &name), "{swept}");
        let page = workshop.run_program(&lab, &name, &["plugins", &name]);
        assert!(page.out.contains(&name) && page.code == 0, "{page}");
    }
}

/// Whether a JSON file of a folder has the plugin: of records, which hold all that went into a trial.
fn used(folder: &Path, plugin: &str) -> bool {
    let key = format!("\"{plugin}\"");
    let all = fs::read_dir(folder).expect("a folder");
    let paths = all.map(|entry| entry.expect("an entry").path());
    let mut paths = paths.filter(|path| path.extension().is_some_and(|e| e == "json"));
    paths.any(|path| fs::read_to_string(path).expect("a text").contains(&key))
}

/// Words with one space between them: how wide the columns of a table are does not matter.
fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A reader who does what the guide says gets what the guide says.
#[test]
fn the_guide_holds() {
    let guide = fs::read_to_string(format!("{PROJECT}/plugins/GUIDE.md")).expect("the guide");
    let workshop = Workshop::new("guide");
    workshop.clear();
    let mut folder = String::new();
    let mut said = String::new();
    let mut seen = [0; 3];
    for block in blocks(&guide) {
        match (block.language, block.rest) {
            ("sh", expected) => {
                seen[0] += 1;
                let code = match expected {
                    "" => 0,
                    text => text
                        .strip_prefix("exit code ")
                        .and_then(|code| code.parse().ok())
                        .unwrap_or_else(|| panic!("what is `{text}` in the guide?")),
                };
                said.clear();
                for command in block.text.lines() {
                    if let Some(into) = command.strip_prefix("cd ") {
                        folder = format!("{folder}{into}/");
                        continue;
                    }
                    let ended = workshop.run(&folder, command);
                    assert_eq!(ended.code, code, "{ended}");
                    said += &ended.out;
                    said += &ended.err;
                }
            }
            ("text", "") => {
                seen[1] += 1;
                let said = one_spaced(&said);
                let mut rest = said.as_str();
                // `…` stands for what the guide leaves out.
                for piece in block.text.lines().flat_map(|line| line.split('…')) {
                    let piece = one_spaced(piece);
                    let Some(at) = rest.find(&piece) else {
                        panic!("the guide promises `{piece}`, in this order, but:\n{said}");
                    };
                    rest = &rest[at + piece.len()..];
                }
            }
            ("rust" | "toml", file) if !file.is_empty() => {
                seen[2] += 1;
                workshop.write(&format!("{folder}{file}"), block.text);
            }
            (language, rest) => panic!("no test runs this block of the guide: {language} {rest}"),
        }
    }
    assert!(seen.iter().all(|&n| n >= 4), "blocks seen: {seen:?}");
}

#[test]
fn two_plugins_of_one_name_are_refused_at_start() {
    let workshop = Workshop::new("twice");
    let made = workshop.make("model", "als_too");
    let file = format!("{made}/src/als_too.rs");
    let text = fs::read_to_string(workshop.path(&file)).expect("the plugin");
    workshop.write(&file, &text.replace("\"als_too\"", "\"als\""));
    workshop.done(&made, "cargo build");
    let lab = workshop.program("als-too-lab");
    for arguments in [vec!["plugins"], vec!["sweep", "experiment.toml"]] {
        let ended = workshop.run_program(&lab, &made, &arguments);
        assert_eq!(ended.code, 2, "{ended}");
        for phrase in [
            "`model.als`",
            "musicrec_models::als",
            "als_too_lab::als_too",
            "rename",
        ] {
            assert!(
                ended.err.contains(phrase),
                "`{phrase}` is not said: {ended}"
            );
        }
        assert_eq!(ended.out, "", "{ended}");
    }
    assert!(!workshop.path(&format!("{made}/reports")).exists());
    // Help is help.
    let help = workshop.run_program(&lab, &made, &["--help"]);
    assert_eq!(help.code, 0, "{help}");
}

#[test]
fn what_cannot_be_made_is_refused_with_a_way_out() {
    let lab = Lab::new();
    lab.write("full/notes.txt", "mine");
    for (arguments, code, phrases) in [
        (
            ["model", "als", "--path", "x"],
            2,
            ["model.als already", "`my_als`"],
        ),
        (
            ["metrics", "nDCG", "--path", "x"],
            2,
            ["lower-case", "`n_dcg`"],
        ),
        (
            ["cleaners", "match", "--path", "x"],
            2,
            ["keyword of Rust", "`my_match`"],
        ),
        (
            ["metrix", "hit", "--path", "x"],
            2,
            ["possible values", "'metric'"],
        ),
        (
            ["metric", "hit", "--path", "full"],
            4,
            ["not empty", "by hand"],
        ),
        (
            ["metric", "hit", "--path", "full/notes.txt"],
            4,
            ["is a file", "--path"],
        ),
    ] {
        let ended = lab.run(&[&["new-plugin"], &arguments[..]].concat());
        assert_eq!(ended.code, code, "{ended}");
        ended.says(&phrases);
    }
    let gone = [
        "new-plugin",
        "metric",
        "hit",
        "--path",
        "x",
        "--lab",
        "full",
    ];
    lab.run(&gone)
        .expect(2)
        .says(&["not the folder of musicrec-lab", "Cargo.toml", "--lab"]);
    let inside = format!("{PROJECT}/plugins/hit");
    lab.run(&["new-plugin", "metric", "hit", "--path", &inside])
        .expect(2)
        .says(&["among the lab's own plugins"]);
    assert_eq!(lab.files(""), ["full/notes.txt"]);
    lab.done(&[
        "new-plugin",
        "metric",
        "hit",
        "--path",
        "x/y",
        "--lab",
        PROJECT,
    ]);
    assert!(lab.path("x/y/src/hit.rs").is_file());
}
