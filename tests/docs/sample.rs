//! The sample report and the leaderboards shown are what the quickstart writes.

use std::fs;

use crate::common::{Ended, Lab, PROJECT};
use crate::{blocks, extension, project, read};

/// What the quickstart writes and prints, run as the README says.
struct Quickstart {
    files: [(&'static str, String); 2],
    out: String,
}

fn quickstart() -> Quickstart {
    let lab = Lab::new();
    let folder = lab.path("reports");
    let folder = folder.to_str().expect("a path in UTF-8");
    let arguments = ["sweep", "experiments/quickstart.toml", "--out", folder];
    let output = lab.command(&arguments).current_dir(PROJECT).output();
    let ended = Ended::new(&arguments, &output.expect("the program")).expect(0);
    let file = |name: &'static str| {
        let text = read(&lab.path("reports/quickstart").join(name));
        (name, text.replace(&format!(" --out {folder}"), ""))
    };
    Quickstart {
        files: [file("report.md"), file("leaderboard.csv")],
        out: ended.out,
    }
}

/// Whether stale samples are to be written anew.
fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

const REMEDY: &str = "if the change is meant: UPDATE=1 cargo test --test docs";

/// A sample without what differs from run to run: seconds, date, version and
/// machine.
fn reproducible(name: &str, text: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = if extension(name) == "csv" {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().ok().cloned().into_iter();
        let rows = header.chain(reader.into_records().map(|r| r.expect("a line")));
        rows.map(|row| row.iter().map(str::to_owned).collect())
            .collect()
    } else {
        let run = |line: &&str| line.starts_with("- program: ") || line.starts_with("- machine: ");
        let lines = text.lines().filter(|line| !run(line));
        lines.map(cells).collect()
    };
    let mut hidden: Vec<usize> = Vec::new();
    let mut kept = Vec::new();
    for row in rows {
        let cost: Vec<usize> = (0..row.len()).filter(|&at| is_cost(&row[at])).collect();
        // A header says which columns to hide, until the table ends.
        if row.len() == 1 || !cost.is_empty() {
            hidden = cost;
        }
        let shown = row.into_iter().enumerate();
        let shown = shown.filter(|(at, _)| !hidden.contains(at));
        kept.push(shown.map(|(_, cell)| cell).collect());
    }
    kept
}

/// Whether a column holds seconds or memory.
fn is_cost(header: &str) -> bool {
    [
        "fit s",
        "fit s, all",
        "rank s",
        "fit_seconds",
        "rank_seconds",
        "fit_cpu_seconds",
        "peak_bytes",
    ]
    .contains(&header)
}

/// The cells of a row of a Markdown table; any other line is one cell.
fn cells(line: &str) -> Vec<String> {
    match line.strip_prefix("| ").and_then(|l| l.strip_suffix(" |")) {
        Some(row) => row.split(" | ").map(str::to_owned).collect(),
        None => vec![line.to_owned()],
    }
}

#[test]
fn the_sample_is_what_the_quickstart_writes() {
    let ran = quickstart();
    for (name, text) in ran.files {
        let path = project("reports/sample").join(name);
        let sample = fs::read_to_string(&path).unwrap_or_default();
        let (old, new) = (reproducible(name, &sample), reproducible(name, &text));
        if old == new {
            continue;
        }
        if update() {
            fs::create_dir_all(project("reports/sample")).expect("a folder");
            fs::write(&path, text).expect("the sample");
            continue;
        }
        let differing = old.iter().zip(&new).position(|(a, b)| a != b);
        let at = differing.unwrap_or(old.len().min(new.len()));
        panic!(
            "reports/sample/{name} is stale from line {} on: {:?}, now {:?}; {REMEDY}",
            at + 1,
            old.get(at),
            new.get(at)
        );
    }
    for name in ["README.md", "reports/README.md"] {
        check_shown(name, &ran.out);
    }
}

/// The leaderboard that a text shows is the one printed, seconds and line breaks aside.
fn check_shown(name: &str, printed: &str) {
    let path = project(name);
    let text = read(&path);
    let block = blocks(&text)
        .into_iter()
        .find(|b| b.text.contains("(random ranking)"))
        .unwrap_or_else(|| panic!("{name} shows no leaderboard"));
    let shown = printed_as_in(&block.text, printed);
    if words(&shown) == words(&block.text) {
        return;
    }
    assert!(
        update(),
        "the leaderboard in {name} is stale; {REMEDY}\n{}\n{shown}",
        block.text
    );
    fs::write(&path, text.replace(&block.text, &shown)).expect("the text");
}

/// The part of what was printed that a block shows: from its first line to the end of the table's
/// notes, and the comparison and the verdict if it has them.
fn printed_as_in(block: &str, printed: &str) -> String {
    let first = block.lines().next().unwrap_or_default();
    let same = |line: &&str| line.split_whitespace().next() == first.split_whitespace().next();
    let mut lines = printed.lines().skip_while(|line| !same(line));
    let mut out = String::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        out += line.trim_end();
        out.push('\n');
    }
    if block.contains("\nComparison by ") {
        out.push('\n');
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            out += line.trim_end();
            out.push('\n');
        }
    }
    if block.contains("Verdict:") {
        out.push('\n');
        let mut width = 0;
        let verdict = lines.find(|line| line.starts_with("Verdict:"));
        for word in verdict.unwrap_or_default().split(' ') {
            let before = if width == 0 { "" } else { " " };
            let before = if width + word.len() > 115 {
                "\n"
            } else {
                before
            };
            width = if before == "\n" { 0 } else { width } + 1 + word.len();
            out += before;
            out += word;
        }
        out.push('\n');
    }
    out
}

/// The words of a shown leaderboard; of its table without the seconds at the end and the rule.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("---"));
    let kept = lines.map(|line| match line.matches(" | ").count() {
        0 => line,
        _ => line.rsplitn(3, '|').last().unwrap_or(line),
    });
    kept.flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[test]
fn only_seconds_date_and_version_are_left_out_of_the_comparison() {
    for name in ["report.md", "leaderboard.csv"] {
        let text = read(&project("reports/sample").join(name));
        let kept = reproducible(name, &text);
        let all = || kept.iter().flatten();
        assert!(!all().any(|cell| is_cost(cell)), "{name}");
        assert!(all().any(|cell| cell.contains("ndcg@3")), "{name}");
        // Any other number counts, the last as well as the first.
        for number in ["0.0", "552"] {
            let (before, after) = text.rsplit_once(number).expect(number);
            let changed = reproducible(name, &format!("{before}999{after}"));
            assert_ne!(kept, changed, "{name}: {number}");
        }
    }
}
