//! Definitions in the documentation and in `experiments/` run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::common::{self, Lab, set_path, shared};
use crate::{Block, blocks, project, read};

/// Settings that keep a definition's run short and change nothing that is tested here.
const QUICK: [&str; 4] = [
    "--set",
    "evaluation.null_rankings=100",
    "--set",
    "evaluation.resamples=100",
];

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
        let needed = ["user", "item", "time"].map(Some).contains(&key);
        let wanted = given.as_ref().map_or_else(
            || needed || renamed.is_some() || block.text.contains(own),
            |given| given.contains(&name),
        );
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

/// Definitions of data that is not part of the project, and where it is among the shared data.
pub(crate) const EXTERNAL: [(&str, &str); 3] = [
    ("lastfm", "data/lastfm_2k/plays.tsv"),
    ("messy_sample", "data/music_interactions_messy.csv"),
    ("movielens_100k", "data/movielens_100k/ratings.tsv"),
];

pub(crate) fn definitions() -> BTreeSet<String> {
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
        let parse = |path: &str| -> Table { toml::from_str(&read(Path::new(path))).expect("TOML") };
        let mut table = parse(&path);
        if let Some(base) = table.get("include").and_then(Value::as_str) {
            let base = base.trim_end_matches(".toml").to_owned();
            for (key, value) in parse(&common::experiment(&base)) {
                table.entry(key).or_insert(value);
            }
        }
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
