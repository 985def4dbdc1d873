//! What the documentation says holds: its definitions run, its links lead somewhere, its tables and
//! samples are those of the program.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ended, Lab, PROJECT, set_path, shared};
use toml::{Table, Value};

/// Settings that keep a definition's run short and change nothing that is tested here.
const QUICK: [&str; 4] = [
    "--set",
    "evaluation.null_rankings=50",
    "--set",
    "evaluation.resamples=50",
];

fn project(name: &str) -> PathBuf {
    Path::new(PROJECT).join(name)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

// --- Definitions in the documentation ---------------------------------------------------------

/// A fenced block of a Markdown text.
struct Block {
    language: String,
    line: usize,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in markdown.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                found.push(Block {
                    language: language.to_owned(),
                    line: at + 1,
                    text: String::new(),
                });
            }
        } else if let Some(block) = found.last_mut().filter(|_| inside) {
            let _ = writeln!(block.text, "{line}");
        }
    }
    found
}

/// The columns of the synthetic log that have a meaning to the lab, and the keys that rename them.
const MEANINGS: [(&str, &str); 6] = [
    ("user", "user_id"),
    ("item", "song_id"),
    ("time", "timestamp"),
    ("event", "event_type"),
    ("plays", "play_count"),
    ("seconds", "listen_seconds"),
];

/// Writes the files that a block reads, made from the synthetic log: with the names, columns and
/// delimiter that the block gives, and with its mess only where the block deals with it.
fn write_log(lab: &Lab, block: &Block, csv: &Table) {
    let mess = if block.text.contains("normalize_ids") {
        "mess.scale=1"
    } else {
        "mess.scale=0"
    };
    let size = ["--users", "150", "--rows", "3000", "--force"];
    lab.done(
        &[
            &["synth", "--out", "synthetic.csv", "--set", mess][..],
            &size,
        ]
        .concat(),
    );
    let mut reader = csv::Reader::from_path(lab.path("synthetic.csv")).expect("a log");
    let header = reader.headers().expect("a header").clone();
    let given: Option<Vec<&str>> = csv.get("columns").and_then(Value::as_array).map(|names| {
        let names = names.iter().map(|n| n.as_str().expect("a name"));
        names.collect()
    });
    let mut columns: Vec<(String, usize)> = Vec::new();
    for (at, own) in header.iter().enumerate() {
        let key = MEANINGS.iter().find(|m| m.1 == own).map(|m| m.0);
        let renamed = key.and_then(|key| csv.get(key)?.as_str());
        let name = renamed.unwrap_or(own);
        let wanted = match &given {
            Some(given) => given.contains(&name),
            None => {
                let needed = ["user", "item", "time"].map(Some).contains(&key);
                needed || renamed.is_some() || block.text.contains(own)
            }
        };
        if wanted {
            columns.push((name.to_owned(), at));
        }
    }
    if let Some(given) = &given {
        columns.sort_by_key(|(name, _)| given.iter().position(|g| g == name));
        assert_eq!(columns.len(), given.len(), "line {}: columns", block.line);
    }
    let rows: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    let delimiter = csv.get("delimiter").and_then(Value::as_str).unwrap_or(",");
    let headless = csv.get("header").and_then(Value::as_bool) == Some(false);
    let files: Vec<&str> = match csv.get("files").and_then(Value::as_table) {
        Some(files) => files
            .values()
            .map(|f| f.as_str().expect("a name"))
            .collect(),
        None => vec![csv["path"].as_str().expect("a name")],
    };
    for (file, part) in files
        .iter()
        .zip(rows.chunks(rows.len().div_ceil(files.len())))
    {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter.as_bytes()[0])
            .from_path(lab.path(file))
            .expect("a file");
        if !headless {
            writer
                .write_record(columns.iter().map(|c| &c.0))
                .expect("a line");
        }
        for row in part {
            writer
                .write_record(columns.iter().map(|c| &row[c.1]))
                .expect("a line");
        }
    }
}

/// Every whole definition of a text runs, one whose output is shown fails just so, and the rest is
/// TOML.
fn check_definitions(name: &str) {
    let blocks = blocks(&read(&project(name)));
    let mut whole = 0;
    for (at, block) in blocks.iter().enumerate() {
        if block.language != "toml" {
            continue;
        }
        let place = format!("{name}:{}", block.line);
        let table: Table = toml::from_str(&block.text).unwrap_or_else(|e| panic!("{place}: {e}"));
        let (Some(source), Some(_)) = (table.get("source"), table.get("model")) else {
            continue;
        };
        whole += 1;
        let lab = Lab::new();
        lab.write("my.toml", &block.text);
        let shown = blocks.get(at + 1).filter(|b| b.text.starts_with("error:"));
        if let Some(shown) = shown {
            let ended = lab.run(&["sweep", "my.toml"]).expect(2);
            assert_eq!(ended.err.trim_end(), shown.text.trim_end(), "{place}");
            continue;
        }
        if let Some(csv) = source.get("csv").and_then(Value::as_table) {
            write_log(&lab, block, csv);
        }
        let mut arguments = vec!["sweep", "my.toml"];
        arguments.extend(QUICK);
        if source.as_str() == Some("synthetic") {
            arguments.extend(["--set", "source.synthetic.rows=3000"]);
            arguments.extend(["--set", "source.synthetic.users=150"]);
        }
        eprintln!("{place}");
        let ended = lab.run(&arguments);
        assert_eq!(ended.code, 0, "the definition at {place} fails: {ended}");
    }
    assert!(whole > 0, "{name} has no whole definition any more");
}

#[test]
fn definitions_in_the_tutorial_run() {
    check_definitions("experiments/README.md");
}

#[test]
fn definitions_in_the_readme_run() {
    check_definitions("README.md");
}

// --- Definitions in experiments/ --------------------------------------------------------------

/// Definitions of data that is not part of the project, and where it is among the shared data.
const EXTERNAL: [(&str, &str); 3] = [
    ("lastfm", "data/lastfm_2k/plays.tsv"),
    ("messy_sample", "data/music_interactions_messy.csv"),
    ("movielens_100k", "data/movielens_100k/ratings.tsv"),
];

fn definitions() -> BTreeSet<String> {
    fs::read_dir(project("experiments"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn every_definition_of_the_folder_runs() {
    for name in definitions() {
        let path = common::experiment(&name);
        let mut arguments = vec!["sweep", &path];
        arguments.extend(QUICK);
        let table: Table = toml::from_str(&read(Path::new(&path))).expect("TOML");
        let known = EXTERNAL.iter().find(|e| e.0 == name);
        let data;
        if let Some((_, file)) = known {
            let Some(file) = shared(file) else { continue };
            data = set_path("source.csv.path", &file);
            arguments.extend(["--set", &data]);
        } else {
            let synthetic = table["source"].get("synthetic").is_some();
            assert!(synthetic, "{name}.toml: say in EXTERNAL where its data is");
            arguments.extend(["--set", "source.synthetic.rows=3000"]);
            arguments.extend(["--set", "source.synthetic.users=150"]);
        }
        // One setting in place of the grid.
        let als = table["model"].get("als").and_then(Value::as_table);
        for key in als.into_iter().flat_map(Table::keys) {
            match key.as_str() {
                "factors" => arguments.extend(["--set", "model.als.factors=8"]),
                "regularization" => arguments.extend(["--set", "model.als.regularization=1"]),
                "alpha" => arguments.extend(["--set", "model.als.alpha=1"]),
                _ => {}
            }
        }
        eprintln!("experiments/{name}.toml");
        Lab::new().done(&arguments);
    }
}

#[test]
fn the_tutorial_lists_every_definition() {
    let text = read(&project("experiments/README.md"));
    for name in definitions() {
        let link = format!("| [{name}.toml]({name}.toml) |");
        assert!(
            text.contains(&link),
            "no row `{link}` in experiments/README.md"
        );
    }
}

// --- Tables that the program knows better -----------------------------------------------------

/// The names in backticks that a fault lists as expected.
fn expected_keys(definition: &str) -> BTreeSet<String> {
    let lab = Lab::new();
    lab.write("x.toml", definition);
    let ended: Ended = lab.run(&["sweep", "x.toml"]).expect(2);
    let line = ended.err.lines().find(|l| l.contains("expected one of"));
    let (_, list) = line
        .and_then(|l| l.split_once("expected one of "))
        .expect("a list");
    let names = list
        .split(", ")
        .map(|name| name.trim().trim_matches('`').to_owned());
    names.collect()
}

#[test]
fn the_reference_has_every_key() {
    let text = read(&project("experiments/README.md"));
    for key in expected_keys("xyz = 1\nsource = \"synthetic\"\nmodel = \"als\"\n") {
        assert!(
            text.contains(&format!("### `{key}`\n")),
            "no section on `{key}`"
        );
    }
    for table in ["evaluation", "recommendations"] {
        let definition = format!("source = \"synthetic\"\nmodel = \"als\"\n[{table}]\nxyz = 1\n");
        let (_, section) = text
            .split_once(&format!("### `{table}`\n"))
            .expect("a section");
        let section = section.split("\n#").next().expect("a section");
        let keys = if table == "evaluation" {
            expected_keys(&definition)
        } else {
            // Of two keys serde says "expected `variant` or `count`".
            ["variant", "count"].map(str::to_owned).into()
        };
        for key in keys {
            assert!(
                section.contains(&format!("| `{key}` |")),
                "no row on {table}.{key}"
            );
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Lab::new().done(&["--help"]).out;
    let (_, table) = help
        .split_once("Exit codes:\n")
        .expect("a table of exit codes");
    let codes: Vec<(String, String)> = table
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code.to_owned(), meaning.trim().to_owned()))
        .collect();
    let text = read(&project("experiments/README.md"));
    let (_, section) = text.split_once("### Exit codes\n").expect("a section");
    let documented: Vec<(String, String)> = section
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    assert!(codes.len() >= 7, "{codes:?}");
    assert_eq!(documented, codes);
}

/// `reports/README.md` names every file and column that a sweep writes.
#[test]
fn the_reports_are_documented() {
    let text = read(&project("reports/README.md"));
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    for name in lab.files("reports/small") {
        let top = name.split('/').next().expect("a name");
        assert!(text.contains(&format!("`{top}")), "{top} is not documented");
    }
    for name in lab
        .files("reports/small")
        .iter()
        .filter(|n| n.ends_with(".csv"))
    {
        if *name != "leaderboard.csv" {
            let table = read(&lab.path("reports/small").join(name));
            let columns = table.lines().next().expect("a header").split(',');
            for column in columns.filter(|c| !c.contains('@')) {
                assert!(
                    text.contains(&format!("`{column}`")),
                    "{name}: {column} is not documented"
                );
            }
        }
    }
    let board = read(&lab.path("reports/small/leaderboard.csv"));
    for column in board.lines().next().expect("a header").split(',') {
        let column = column.replace("recall@3", "M").replace("precision@3", "M");
        let column = column.replace("ndcg@3", "M");
        assert!(
            text.contains(&format!("`{column}`")),
            "{column} is not documented"
        );
    }
    for record in lab.records("reports/small").values() {
        for part in ["result", "run"] {
            for key in record[part].as_object().expect("an object").keys() {
                assert!(
                    text.contains(&format!("`{key}`")),
                    "{part}.{key} is not documented"
                );
            }
        }
    }
    for key in lab
        .report("reports/small")
        .as_object()
        .expect("an object")
        .keys()
    {
        assert!(
            text.contains(&format!("`{key}`")),
            "report.json: {key} is not documented"
        );
    }
}

// --- The sample report ------------------------------------------------------------------------

/// Runs the quickstart as the README says and returns `report.md` and `leaderboard.csv`.
fn quickstart() -> [(&'static str, String); 2] {
    let lab = Lab::new();
    let out = lab.path("reports");
    let out = out.to_str().expect("a path in UTF-8");
    let arguments = ["sweep", "experiments/quickstart.toml", "--out", out];
    let output = lab.command(&arguments).current_dir(PROJECT).output();
    Ended::new(&arguments, &output.expect("the program")).expect(0);
    let of = |name: &'static str| {
        let text = read(&lab.path("reports/quickstart").join(name));
        (name, text.replace(&format!(" --out {out}"), ""))
    };
    [of("report.md"), of("leaderboard.csv")]
}

/// A sample without what differs from run to run: seconds, date and version.
fn reproducible(name: &str, text: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = if Path::new(name).extension().is_some_and(|e| e == "csv") {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().ok().cloned().into_iter();
        let rows = header.chain(reader.into_records().map(|r| r.expect("a line")));
        rows.map(|row| row.iter().map(str::to_owned).collect())
            .collect()
    } else {
        let lines = text.lines().filter(|l| !l.starts_with("- musicrec-lab "));
        lines.map(cells).collect()
    };
    let mut hidden: Vec<usize> = Vec::new();
    let mut kept = Vec::new();
    for row in rows {
        let seconds: Vec<usize> = (0..row.len()).filter(|&at| is_seconds(&row[at])).collect();
        // A header says which columns to hide, until the table ends.
        if row.len() == 1 || !seconds.is_empty() {
            hidden = seconds;
        }
        let shown = row.into_iter().enumerate();
        let shown = shown.filter(|(at, _)| !hidden.contains(at));
        kept.push(shown.map(|(_, cell)| cell).collect());
    }
    kept
}

fn is_seconds(header: &str) -> bool {
    ["fit s", "rank s", "fit_seconds", "rank_seconds"].contains(&header)
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
    for (name, text) in quickstart() {
        let path = project("reports/sample").join(name);
        let sample = fs::read_to_string(&path).unwrap_or_default();
        let (old, new) = (reproducible(name, &sample), reproducible(name, &text));
        if old == new {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(project("reports/sample")).expect("a folder");
            fs::write(&path, text).expect("the sample");
            continue;
        }
        let differing = old.iter().zip(&new).position(|(a, b)| a != b);
        let at = differing.unwrap_or(old.len().min(new.len()));
        panic!(
            "reports/sample/{name} is stale from line {} on: {:?}, now {:?}; if the change is meant: \
             UPDATE=1 cargo test --test docs",
            at + 1,
            old.get(at),
            new.get(at)
        );
    }
}

#[test]
fn only_seconds_date_and_version_are_left_out_of_the_comparison() {
    for name in ["report.md", "leaderboard.csv"] {
        let text = read(&project("reports/sample").join(name));
        let kept = reproducible(name, &text);
        let all = || kept.iter().flatten();
        assert!(!all().any(|cell| is_seconds(cell)), "{name}");
        assert!(all().any(|cell| cell.contains("ndcg@3")), "{name}");
        // Any other number counts, the last as well as the first.
        for number in ["0.0", "552"] {
            let (before, after) = text.rsplit_once(number).expect(number);
            let changed = reproducible(name, &format!("{before}999{after}"));
            assert_ne!(kept, changed, "{name}: {number}");
        }
    }
}

// --- Links ------------------------------------------------------------------------------------

/// All `README.md` of the project.
fn readmes(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                readmes(&path, found);
            }
        } else if name == "README.md" {
            found.push(path);
        }
    }
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    markdown.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !fence && !inside
    })
}

#[test]
fn links_between_readmes_lead_somewhere() {
    let mut files = Vec::new();
    readmes(Path::new(PROJECT), &mut files);
    let mut dead = Vec::new();
    let mut checked = 0;
    for file in &files {
        let text = read(file);
        for (at, line) in prose(&text) {
            for link in line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
            {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                checked += 1;
                let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if target.is_empty() {
                    file.clone()
                } else {
                    file.parent().expect("a folder").join(target)
                };
                let leads = target.exists()
                    && (anchor.is_empty()
                        || prose(&read(&target)).any(|(_, line)| {
                            line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor
                        }));
                if !leads {
                    dead.push(format!("{}:{}: {link}", file.display(), at + 1));
                }
            }
        }
    }
    assert!(checked > 10, "only {checked} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}
