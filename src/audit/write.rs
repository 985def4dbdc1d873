//! A definition that cleans a log by what was found, runs as it is, and says why.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::open::Opened;
use super::plan::{Entry, quoted};
use super::{Audit, Severity};
use crate::report::count;
use crate::text::counted;

/// The definition; `home` is the folder it will stand in.
pub(super) fn definition(
    audit: &Audit,
    opened: &Opened,
    cleaners: &[Entry],
    home: &Path,
) -> String {
    let mut text = String::new();
    // Editors look for the schema beside the definition.
    if home.join("experiment.schema.json").exists() {
        text.push_str("#:schema ./experiment.schema.json\n\n");
    }
    let name = name(&audit.log);
    let errors = audit
        .alerts
        .iter()
        .filter(|alert| alert.severity == Severity::Error)
        .count();
    let _ = writeln!(
        text,
        "# Written by `musicrec-lab audit` for {}, {} rows. It found {} that a recommender would learn wrong from.",
        audit.log,
        count(audit.rows),
        counted(errors, "thing")
    );
    text.push_str("# Read the comments, change what you know better, and run\n#\n");
    let _ = writeln!(text, "#     musicrec-lab sweep THIS_FILE\n");
    if let Some(statement) = audit.signal.statement.split(". ").next() {
        for line in textwrap::wrap(&format!("Is there anything to learn? {statement}."), 100) {
            let _ = writeln!(text, "# {line}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "name = {}\nseed = 1\n", quoted(&name));
    if audit.view.users < 2 || audit.view.pairs < 50 {
        let what = format!(
            "This log cannot be swept: {} and {} are too little to compare models on.",
            counted(audit.view.users as usize, "user"),
            counted(audit.view.pairs as usize, "different pair")
        );
        let _ = writeln!(text, "# {what}\n");
    }
    source(&mut text, audit, opened, home);
    for entry in cleaners {
        text.push_str(&entry.commented());
        text.push('\n');
    }
    proposals(&mut text, audit);
    funnel(&mut text, audit);
    splitter(&mut text, audit);
    let strength = weighting(&mut text, audit);
    text.push_str(
        "# Each header is a row of the leaderboard; each grid is tuned on validation.\n[model.popularity]\n\n\
         [model.item_knn]\n\n[model.als]\nfactors.grid = [16, 32]\nregularization.grid = [1.0, 10.0]\n\n\
         [evaluation]\nmetrics = [\"recall@3\", \"precision@3\", \"ndcg@3\"]\nselect = \"ndcg@3\"\n\
         baseline = \"popularity\"\n",
    );
    if !strength {
        text.push_str("# What happened at all is a target, however often.\ntargets = \"binary\"\n");
    }
    text
}

/// A name for an experiment, after the file.
fn name(log: &str) -> String {
    let file = Path::new(log)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = file.split('.').next().unwrap_or_default();
    // A pattern says nothing; its folder may.
    let folder = Path::new(log).parent().and_then(Path::file_name);
    let stem = if stem.contains(|c: char| c.is_ascii_alphanumeric()) {
        stem.to_owned()
    } else {
        folder.unwrap_or_default().to_string_lossy().into_owned()
    };
    let kept: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if kept.is_empty() {
        "log".to_owned()
    } else {
        kept
    }
}

fn source(text: &mut String, audit: &Audit, opened: &Opened, home: &Path) {
    let _ = writeln!(text, "[source.{}]", opened.plugin);
    for (key, value) in &opened.parameters {
        let unset = value.is_null()
            || value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        if unset {
            continue;
        }
        let value = match (key.as_str(), value) {
            ("path", Value::String(path)) => Value::String(from(home, &opened.base.join(path))),
            // What the audit read, the sweep should read; nothing was dropped.
            ("bad_rows", _) if audit.unreadable.is_empty() => continue,
            (_, value) => value.clone(),
        };
        if let Ok(value) = toml::Value::try_from(&value) {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    if opened.guessed {
        let usual = [
            ("user", "user_id"),
            ("item", "song_id"),
            ("time", "timestamp"),
            ("event", "event_type"),
            ("plays", "play_count"),
            ("seconds", "listen_seconds"),
        ];
        for (part, usual) in usual {
            let column = audit.columns.iter().find(|column| column.part == part);
            if let Some(column) = column.filter(|column| column.name != usual) {
                let said = opened.said.parts().contains(&(part, Some(&column.name)));
                let why = if said { "" } else { "   # guessed" };
                let _ = writeln!(text, "{part} = {}{why}", quoted(&column.name));
            }
        }
        let guess = &opened.guess;
        if let (Some(column), None) = (&guess.milliseconds, &guess.seconds) {
            let _ = writeln!(
                text,
                "# `{column}` holds milliseconds; the lab counts seconds, so it plays no part here."
            );
        }
    }
    text.push('\n');
}

/// A path as seen from a folder: relative where both have a beginning in common.
fn from(home: &Path, path: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // The folder may not be there yet, and a pattern is no file.
    let (folder, file) = (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    );
    let (home, path) = (whole(home), whole(folder).join(file));
    let (mut a, mut b) = (home.components().peekable(), path.components().peekable());
    let mut common = 0;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        if x != y {
            break;
        }
        common += usize::from(matches!(x, Component::Normal(_)));
        a.next();
        b.next();
    }
    if common == 0 {
        return path.display().to_string();
    }
    let mut relative = PathBuf::new();
    a.for_each(|_| relative.push(".."));
    b.for_each(|part| relative.push(part));
    relative.display().to_string()
}

/// Cleaners that drop what may be meant: a decision, so they stand there as comments.
fn proposals(text: &mut String, audit: &Audit) {
    for alert in &audit.alerts {
        if alert.toml.is_empty() || text.contains(&alert.toml) {
            continue;
        }
        for line in textwrap::wrap(&format!("PROPOSED, for {}: {}.", alert.id, alert.what), 100) {
            let _ = writeln!(text, "# {line}");
        }
        for line in alert.toml.lines() {
            let _ = writeln!(text, "# {line}");
        }
        text.push('\n');
    }
}

fn funnel(text: &mut String, audit: &Audit) {
    let funnel = &audit.funnel;
    let mut left = funnel.rows;
    let steps = [
        ("user names nobody", funnel.no_user),
        ("item names nothing", funnel.no_item),
        ("time is none", funnel.no_time),
        ("written twice", funnel.duplicates),
    ];
    let mut line = left.to_string();
    for (what, rows) in steps {
        if rows > 0 {
            left -= rows;
            let _ = write!(line, " - {rows} ({what}) = {left}");
        }
    }
    let of = if audit.one_in > 1 {
        format!(", of the rows of one user in {}", audit.one_in)
    } else {
        String::new()
    };
    for line in textwrap::wrap(&format!("What this leaves{of}: {line} rows."), 100) {
        let _ = writeln!(text, "# {line}");
    }
    text.push('\n');
}

fn splitter(text: &mut String, audit: &Audit) {
    if audit.times.as_ref().is_some_and(|times| times.rows > 0) {
        text.push_str("# Learn from the first 64 % of the log, choose settings on the next 16 %, score on the last 20 %.\n[splitter.global_time]\nvalidation = 0.16\ntest = 0.2\n\n");
    } else {
        text.push_str("# Without times no split can follow them: what is held out is drawn, and may lie before what is learned.\n[splitter.random]\nvalidation = 0.16\ntest = 0.2\n\n");
    }
}

/// Says how strong an interaction is; true if kinds of events tell.
fn weighting(text: &mut String, audit: &Audit) -> bool {
    let part = |part: &str| audit.columns.iter().find(|column| column.part == part);
    let events: Vec<&str> = audit
        .labels
        .iter()
        .filter(|l| l.event)
        .flat_map(|l| &l.clusters)
        .map(|c| c.name.as_str())
        .collect();
    let known = ["like", "add_to_playlist", "replay", "skip", "play"];
    let plays = part("plays").and_then(|column| column.numbers.as_ref());
    if events.iter().any(|event| known.contains(event)) {
        text.push_str("# How strong an interaction is: plays up to 10, plus 3 for a like, 2 for a playlist, less 2 for a skip.\n");
        let others: Vec<&str> = events
            .iter()
            .copied()
            .filter(|event| !known.contains(event))
            .collect();
        if !others.is_empty() {
            let _ = writeln!(
                text,
                "# Events without a bonus of their own: {} (`events = {{ {} = 1.0 }}` gives one).",
                others.join(", "),
                others[0]
            );
        }
        text.push_str("[weighting.event_strength]\nplay_cap = 10\n\n");
        return true;
    }
    if plays.is_some_and(|plays| plays.most > 20.0 * plays.quantiles[3].max(1.0)) {
        text.push_str("# Plays have a long tail: what counts is their order of magnitude.\n[weighting.log]\nof.plays = {}\n\n");
    } else if plays.is_some() {
        text.push_str("[weighting.plays]\n\n");
    } else {
        text.push_str(
            "# The log says that something happened, not how much of it.\n[weighting.binary]\n\n",
        );
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{from, name};
    use std::path::Path;

    #[test]
    fn paths_are_relative_to_the_definition() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/experiments")).unwrap();
        std::fs::create_dir_all(root.join("a/data")).unwrap();
        let path = from(&root.join("a/experiments"), &root.join("a/data/log.csv"));
        assert_eq!(Path::new(&path), Path::new("../data/log.csv"));
        assert_eq!(from(&root.join("a"), &root.join("a/log*.csv")), "log*.csv");
    }

    #[test]
    fn an_experiment_is_named_after_the_file() {
        assert_eq!(name("data/my log.csv.gz"), "my_log");
        assert_eq!(name("logs/*.csv"), "logs");
        assert_eq!(name("/"), "log");
    }
}
