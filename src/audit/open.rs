//! From what was named on the command line to a source whose columns are known.

use std::path::{Path, PathBuf};

use musicrec_api::{Source, SourceContext};
use musicrec_sources::Csv;
use serde_json::{Map, Value, json};

use super::roles::{Guess, guess};
use crate::definition::{self, Request};
use crate::exit::Failure;

/// Delimiters that are tried on text files.
const DELIMITERS: [&str; 4] = [",", "\t", ";", "|"];

/// A log to be audited.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) source: Box<dyn Source>,
    /// Relative paths are relative to this folder.
    pub(super) base: PathBuf,
    pub(super) seed: u64,
    /// The columns' parts.
    pub(super) guess: Guess,
    /// The source as a definition writes it: name of the plugin and parameters, without the parts of
    /// columns; paths are relative to `base`.
    pub(super) plugin: String,
    pub(super) parameters: Map<String, Value>,
    /// Columns whose part the command line says.
    pub(super) said: Guess,
    /// Whether parts were guessed, not said by a definition.
    pub(super) guessed: bool,
}

/// What the command line says of how to read a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// Columns whose part is said.
    pub(crate) said: Guess,
    pub(crate) delimiter: Option<String>,
    /// The first line is a row.
    pub(crate) no_header: bool,
}

/// Opens a log, or the source of a definition.
pub(super) fn open(path: &Path, reading: &Reading, color: bool) -> Result<Opened, Failure> {
    if path.extension().is_some_and(|e| e == "toml") {
        return of_definition(path, color);
    }
    // A name that is not there may be a pattern.
    if !path.exists() && !is_pattern(path) {
        return Err(Failure::Definition(format!(
            "{}: there is no such file",
            path.display()
        )));
    }
    let base =
        std::env::current_dir().map_err(|e| Failure::Data(format!("no working directory: {e}")))?;
    let shown = path.display().to_string();
    let (plugin, parameters) = found(&shown, &base, reading)?;
    let context = SourceContext::new(&base, 0);
    let unread = plug(&plugin, &parameters)?;
    let names = if let Some(names) = unread.columns(&context) {
        names
    } else {
        // Says what is wrong.
        unread.fingerprint(&context)?;
        Vec::new()
    };
    let mut guess = Guess::or(reading.said.clone(), guess(&names));
    if reading.no_header || parameters.get("header") == Some(&json!(false)) {
        // Nothing is known of columns without a name but their order.
        guess.user = guess.user.or(names.first().cloned());
        guess.item = guess.item.or(names.get(1).cloned());
    }
    for (part, column) in guess.parts() {
        match column {
            Some(column) if !names.is_empty() && !names.contains(column) => {
                let near = musicrec_api::nearest(column, names.iter().map(String::as_str));
                return Err(Failure::Definition(format!(
                    "{shown} has no column `{column}` (--{part}); it has {}{}",
                    names.join(", "),
                    near.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
                )));
            }
            None if part == "user" || part == "item" => {
                return Err(Failure::Definition(format!(
                    "which column of {shown} tells {}? None has a name that tells it: {}; say --{part} COLUMN{}",
                    if part == "user" {
                        "who listened"
                    } else {
                        "what was listened to"
                    },
                    names.join(", "),
                    if names.len() == 1 {
                        " (if this is no single column: --delimiter CHARACTER; what is before the header must go, and \
                         `::` must become a tab)"
                    } else {
                        ""
                    }
                )));
            }
            _ => {}
        }
    }
    let mut whole = parameters.clone();
    for (part, column) in guess.parts() {
        if let Some(column) = column {
            whole.insert(part.to_owned(), json!(column));
        }
    }
    Ok(Opened {
        source: plug(&plugin, &whole)?,
        base,
        seed: 0,
        guess,
        plugin,
        parameters,
        said: reading.said.clone(),
        guessed: true,
    })
}

/// Whether a path may stand for several files.
fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn of_definition(path: &Path, color: bool) -> Result<Opened, Failure> {
    let (experiment, _) = definition::check(path, &Request::default()).into_experiment(color)?;
    let seed = musicrec_api::derive_seed(experiment.seed, "source");
    let value = serde_json::to_value(&experiment.source).expect("a plugin is plain data");
    let (plugin, parameters) = match value {
        Value::Object(map) => map.into_iter().next().unwrap_or_default(),
        _ => (String::new(), Value::Null),
    };
    let Value::Object(parameters) = parameters else {
        return Err(Failure::Definition(format!(
            "{} names no source with parameters",
            path.display()
        )));
    };
    Ok(Opened {
        source: experiment.source,
        base: experiment.base,
        seed,
        guess: Guess::default(),
        plugin,
        parameters,
        said: Guess::default(),
        guessed: false,
    })
}

/// The plugin that reads a file, and its parameters.
fn found(
    shown: &str,
    base: &Path,
    reading: &Reading,
) -> Result<(String, Map<String, Value>), Failure> {
    let lower = shown.to_lowercase();
    let plain = lower.trim_end_matches(".gz").trim_end_matches(".zst");
    let mut parameters = Map::new();
    parameters.insert("path".to_owned(), json!(shown));
    let ends = |endings: &[&str]| endings.iter().any(|ending| plain.ends_with(ending));
    if ends(&[".parquet", ".pq"]) {
        return Ok(("parquet".to_owned(), parameters));
    }
    // Ragged and broken rows are something that an audit finds, not something that ends it.
    parameters.insert("bad_rows".to_owned(), json!("drop"));
    if ends(&[".jsonl", ".ndjson", ".json", ".listens"]) {
        return Ok(("json_lines".to_owned(), parameters));
    }
    delimited(&mut parameters, base, reading)?;
    Ok(("csv".to_owned(), parameters))
}

/// How a text file separates its cells, and whether it has a header.
fn delimited(
    parameters: &mut Map<String, Value>,
    base: &Path,
    reading: &Reading,
) -> Result<(), Failure> {
    let tried: Vec<&str> = reading
        .delimiter
        .as_deref()
        .map_or(DELIMITERS.to_vec(), |said| vec![said]);
    let mut best: Option<(&str, Vec<String>)> = None;
    for delimiter in tried {
        let mut with = parameters.clone();
        with.insert("delimiter".to_owned(), json!(delimiter));
        let csv: Csv = serde_json::from_value(Value::Object(with))
            .map_err(|e| Failure::Definition(format!("--delimiter: {e}")))?;
        let first = csv.first_line(base)?;
        if best
            .as_ref()
            .is_none_or(|(_, most)| first.len() > most.len())
        {
            best = Some((delimiter, first));
        }
    }
    let (delimiter, first) = best.unwrap_or((",", Vec::new()));
    if delimiter != "," {
        parameters.insert("delimiter".to_owned(), json!(delimiter));
    }
    if reading.no_header || is_data(&first) {
        let columns: Vec<String> = (1..=first.len())
            .map(|column| format!("column_{column}"))
            .collect();
        parameters.insert("header".to_owned(), json!(false));
        parameters.insert("columns".to_owned(), json!(columns));
    }
    Ok(())
}

/// Whether a first line is a row: it has a number or a time, which no header has.
fn is_data(first: &[String]) -> bool {
    let mut clock = super::times::Clock::default();
    first.iter().any(|cell| {
        let cell = cell.trim();
        musicrec_cleaners::read_number(cell).is_some_and(|(_, mended)| mended != Some("word"))
            || matches!(clock.read(cell), super::times::Read::Time(..))
    })
}

/// A source of that name with those parameters.
fn plug(plugin: &str, parameters: &Map<String, Value>) -> Result<Box<dyn Source>, Failure> {
    serde_json::from_value(json!({ plugin: parameters }))
        .map_err(|error| Failure::Definition(format!("source `{plugin}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::is_data;

    #[test]
    fn a_line_with_a_number_or_a_time_is_no_header() {
        let of = |line: &str| is_data(&line.split('|').map(str::to_owned).collect::<Vec<_>>());
        assert!(of("u1|s2|3"));
        assert!(of("u1|s2|2025-01-01 10:00:00"));
        assert!(!of("user_id|song_id|play_count"));
        assert!(!of("one|two"));
    }
}
