//! `musicrec-lab report`: what goes where, what is left alone, and what is said of what cannot be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use unicode_width::UnicodeWidthStr as _;

use crate::FULL;
use crate::common::{Lab, SMALL};
use crate::swept::list;

/// A sweep of a few milliseconds.
fn small() -> Lab {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet"]);
    lab
}

const FOLDER: &str = "reports/small";

/// Every file of a folder with its bytes.
fn bytes(lab: &Lab, folder: &str) -> Vec<(String, Vec<u8>)> {
    let names = lab.files(folder).into_iter();
    let read = |name: String| {
        let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
        (name, bytes)
    };
    names.map(read).collect()
}

#[test]
fn drawn_again_every_file_is_what_the_sweep_wrote() {
    let lab = Lab::small();
    let all = "report.formats=[\"html\",\"md\",\"json\",\"csv\",\"latex\",\"parquet\"]";
    let sweep = lab.done(&["sweep", "small.toml", "--quiet", "--set", all]);
    let before = bytes(&lab, FOLDER);
    let again = lab.done(&["report", FOLDER]);
    assert!(bytes(&lab, FOLDER) == before);
    assert_eq!(again.out, sweep.out);
    // What is gone comes back.
    for name in ["report.html", "leaderboard.csv", "per_user.parquet"] {
        fs::remove_file(lab.path(FOLDER).join(name)).expect("it is there");
    }
    lab.done(&["report", FOLDER]);
    assert!(bytes(&lab, FOLDER) == before);
}

#[test]
fn the_report_that_is_named_is_one_that_was_written() {
    for (formats, named) in [
        ("[\"json\"]", "report.json"),
        ("[\"latex\"]", "leaderboard.tex"),
        ("[\"md\", \"html\"]", "report.html"),
    ] {
        let lab = Lab::small();
        let set = format!("report.formats={formats}");
        let ended = lab.done(&["sweep", "small.toml", "--quiet", "--set", &set]);
        let last = format!("Report: {FOLDER}/{named}\n");
        assert!(ended.out.ends_with(&last), "{ended}");
        assert!(lab.path(FOLDER).join(named).is_file());
        assert!(lab.done(&["report", FOLDER]).out.ends_with(&last));
    }
}

#[test]
fn one_form_goes_to_standard_output_and_several_need_a_place() {
    let full = FULL.get();
    let trials = full
        .lab
        .done(&["report", full.folder, "--format", "trials.csv"]);
    assert_eq!(
        (trials.out, trials.err),
        (full.text("trials.csv"), String::new())
    );
    let csv = full.lab.done(&["report", full.folder, "--format", "csv"]);
    assert_eq!(csv.out, full.text("leaderboard.csv"));
    csv.says(&[
        "this is leaderboard.csv",
        "--output FOLDER",
        "trials.csv, comparisons.csv, segments.csv",
    ]);
    let parquet = full
        .lab
        .command(&["report", full.folder, "--format", "trials.parquet"])
        .output()
        .expect("the program");
    assert!(parquet.stdout == full.bytes("trials.parquet"));
    let ended = full
        .lab
        .run(&["report", full.folder, "--format", "md", "--format", "json"]);
    let ended = ended.expect(2).says(&["several formats", "--output"]);
    assert_eq!(ended.out, "");
    // Twice the same is one.
    let twice = [
        "report",
        full.folder,
        "--format",
        "md",
        "--format",
        "report.md",
    ];
    assert_eq!(full.lab.done(&twice).out, full.text("report.md"));
    let ended = full.lab.run(&["report", full.folder, "--format", "docx"]);
    ended.expect(2).says(&["docx", "parquet"]);
}

#[test]
fn output_is_a_file_or_a_folder() {
    let lab = small();
    let before = bytes(&lab, FOLDER);
    let report = |more: &[&str]| lab.run(&[&["report", FOLDER], more].concat());
    let file = report(&["--format", "md", "--output", "deep/er/mine.md"]).expect(0);
    assert_eq!(file.out, "deep/er/mine.md\n");
    // It is there now, so it is written over.
    report(&["--format", "md", "--output", "deep/er/mine.md"]).expect(0);
    for (place, written) in [
        ("deep", "deep/report.md"),
        ("new/", "new/report.md"),
        ("no_extension", "no_extension/report.md"),
    ] {
        let ended = report(&["--format", "md", "--output", place]).expect(0);
        assert_eq!(ended.out, format!("{written}\n"));
        assert!(lab.path(written).is_file());
    }
    let two = [
        "--format",
        "csv",
        "--format",
        "trials.csv",
        "--format",
        "latex",
        "--output",
    ];
    let ended = report(&[&two[..], &["tables.v2"]].concat()).expect(0);
    assert_eq!(ended.out.lines().count(), 6, "{ended}");
    assert_eq!(lab.files("tables.v2").len(), 6);
    for file in ["table.csv", "deep/er/mine.md"] {
        report(&[&two[..], &[file]].concat()).expect(2).says(&[
            file,
            "is one file",
            "leaderboard.csv",
            "--format leaderboard.csv",
        ]);
    }
    // The usual files of the folder, elsewhere.
    report(&["--output", "copy/"]).expect(0);
    for name in lab.files("copy") {
        let own = fs::read(lab.path("copy").join(&name)).expect("a file");
        let other = fs::read(lab.path(FOLDER).join(&name)).expect("a file");
        assert!(own == other, "{name}");
    }
    report(&["--format", "md", "--output", "small.toml/x.md"])
        .expect(4)
        .says(&["cannot write small.toml"]);
    assert!(bytes(&lab, FOLDER) == before);
}

#[test]
fn what_holds_no_sweep_is_told_from_what_lies_beside_one() {
    let lab = small();
    fs::create_dir(lab.path("empty")).expect("a folder");
    for (folder, says) in [
        ("nowhere", "there is no such folder"),
        ("empty", "there is no experiment.json in it"),
        (
            "small.toml",
            "it is a file; name the folder that a sweep has written",
        ),
        (
            "reports",
            "name one of the folders in it, for example reports/small",
        ),
        (
            "reports/small/report.json",
            "it is a file of one; name its folder, reports/small",
        ),
        (
            "reports/small/records",
            "it is a part of one; name its folder, reports/small",
        ),
    ] {
        let ended = lab.run(&["report", folder]).expect(3);
        ended.says(&[&format!("{folder} holds no sweep: "), says]);
    }
    assert!(lab.files("empty").is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_points_elsewhere() {
    let lab = small();
    // What stands in the way of a file is in the way of everybody, and permissions are not of root.
    let page = lab.path(FOLDER).join("report.html");
    fs::remove_file(&page).expect("it is there");
    fs::create_dir_all(page.join("in/the/way")).expect("a folder");
    let refused = |lab: &Lab| {
        let ended = lab.run(&["report", FOLDER]).expect(4);
        ended.says(&["cannot write", "--output FOLDER", "--format FORMAT"]);
    };
    refused(&lab);
    fs::remove_dir_all(&page).expect("ours");
    lab.done(&["report", FOLDER]);
    let mode = |mode| {
        let folder = lab.path(FOLDER);
        for path in [folder.join("running"), folder] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
        }
    };
    mode(0o555);
    if fs::write(lab.path(FOLDER).join("probe"), "").is_err() {
        refused(&lab);
    }
    lab.done(&["report", FOLDER, "--format", "md"]);
    mode(0o755);
}

#[test]
fn where_nothing_opens_a_page_its_path_is_said() {
    let lab = small();
    fs::create_dir(lab.path("empty")).expect("a folder");
    let mut command = lab.command(&["report", FOLDER, "--open", "--output", "page/"]);
    let output = command
        .env("PATH", lab.path("empty"))
        .output()
        .expect("the program");
    let ended = crate::common::Ended::new(&["report", "--open"], &output).expect(0);
    let path = lab.path("page/report.html");
    assert!(path.is_file());
    ended.says(&["open this in a browser: ", &path.display().to_string()]);
}

#[test]
fn a_sweep_that_has_not_ended_is_reported_as_far_as_it_is() {
    let lab = small();
    let row = crate::common::row(&lab.report(FOLDER), "als").clone();
    for id in list(&row["records"]) {
        let name = format!("{FOLDER}/records/{}.json", id.as_str().expect("an id"));
        fs::remove_file(lab.path(name)).expect("a record");
    }
    let path = lab.path(FOLDER).join("experiment.json");
    let whole = fs::read_to_string(&path).expect("a file");
    assert!(whole.contains("\"finished\": true"));
    fs::write(
        &path,
        whole.replace("\"finished\": true", "\"finished\": false"),
    )
    .expect("written");
    let ended = lab.done(&["report", FOLDER]);
    for phrase in [
        "warning: this sweep has not ended",
        "1 of 2 variants on test",
        "popularity",
    ] {
        assert!(ended.out.contains(phrase), "{phrase}: {ended}");
    }
    let report = lab.report(FOLDER);
    assert_eq!(report["finished"], false);
    assert_eq!(list(&report["leaderboard"]).len(), 1);
    for format in ["html", "md", "csv", "latex", "terminal", "per_user.parquet"] {
        let mut command = lab.command(&["report", FOLDER, "--format", format]);
        let output = command.output().expect("the program");
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{format}: {output:?}"
        );
    }
}

/// Whether every line fits.
fn fits(view: &str, width: usize) {
    for line in view.lines() {
        assert!(
            line.width() <= width,
            "{} of {width}: {line}\n{view}",
            line.width()
        );
    }
}

#[test]
fn every_line_fits_the_width_asked_for() {
    let full = FULL.get();
    let view = |folder: &str, lab: &Lab, width: usize| {
        let width = width.to_string();
        lab.done(&["report", folder, "--format", "terminal", "--width", &width])
            .out
    };
    for width in [40, 80, 97, 200] {
        fits(&view(full.folder, &full.lab, width), width);
    }
    let lab = Lab::new();
    lab.write("log.csv", crate::common::log());
    let long = "x".repeat(60);
    let models = format!(
        "[[model.als]]\nlabel = \"{long}\"\nfactors = 4\n\n[[model.als]]\nlabel = \"🎵 شبكة الموسيقى 音楽の名前 and words \
         \\u202e\"\nfactors = 8\n"
    );
    let definition = SMALL
        .replace(
            "[model.als]\nfactors.grid = [4, 8]\nregularization = 1.0\n",
            &models,
        )
        .replace(
            "[model.popularity]",
            "[[model.popularity]]\nlabel = \"50% & $5 of a baseline of many words\"",
        )
        .replace(
            "targets = \"binary\"",
            "targets = \"binary\"\nmetrics = [\"ndcg@3\", \"popularity_bias@1000\"]",
        );
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml", "--quiet"]);
    for width in [40, 80, 97, 200] {
        let view = view(FOLDER, &lab, width);
        fits(&view, width);
        assert!(!view.contains('\u{202e}'));
    }
    let ended = lab.run(&["report", FOLDER, "--width", "39"]);
    ended.expect(2).says(&["39"]);
}

#[test]
fn what_is_piped_hangs_on_nothing_around() {
    let full = FULL.get();
    let piped = |variables: &[(&str, &str)]| {
        let mut command = full
            .lab
            .command(&["report", full.folder, "--format", "terminal"]);
        let output = command
            .envs(variables.iter().copied())
            .output()
            .expect("the program");
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let usual = piped(&[]);
    assert!(!usual.contains(&b'\x1b'));
    for variables in [
        [("COLUMNS", "40"), ("TERM", "dumb")],
        [("COLUMNS", "300"), ("TERM", "xterm-256color")],
        [("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1")],
        [("NO_COLOR", "1"), ("LINES", "1")],
    ] {
        assert!(piped(&variables) == usual, "{variables:?}");
    }
}
