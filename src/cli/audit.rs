//! `musicrec-lab audit`: know a log before trusting anything learned from it.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};

use super::progress::bar;
use super::whole_file::{in_one_step, writable};
use super::{color, no_color, print, print_rendered, say};
use crate::audit::{
    Audit, Document, Guess, Reading, Settings, Severity, audit, compare, html, markdown, of_audit,
    terminal,
};
use crate::exit::Failure;
use crate::text::counted;

/// Look at a log before anything is learned from it: what is wrong, what it would do to a recommender,
/// and what mends it
///
/// One pass over the log, however large it is. What the columns mean is guessed by their names
/// (`user_id`, `userId`, `track`, `ts`, `msPlayed` and so on) and can be said with the options below. Findings
/// come worst first, each with its rows, some of them by number, and the cleaner that mends it;
/// `--write` writes a whole definition with these cleaners, which `musicrec-lab sweep` runs as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab audit listens.csv
  musicrec-lab audit listens.csv.gz --write experiments/listens.toml
  musicrec-lab audit plays.tsv --no-header --user column_1 --item column_2 --plays column_3
  musicrec-lab audit listens.csv --format html --out audit.html
  musicrec-lab audit listens.csv --quarantine wrong.csv
  musicrec-lab audit listens.csv --format json | jq '.alerts[] | select(.severity == \"error\")'
  musicrec-lab audit export.csv --fail-on error        # in a pipeline: exit code 1
  musicrec-lab audit --compare before.csv after.csv")]
pub(super) struct Arguments {
    /// The log: a file that a source can read, or a definition whose source is meant; two with --compare
    #[arg(required = true, num_args = 1..=2, value_name = "LOG")]
    logs: Vec<PathBuf>,

    /// Tell what differs between two logs, a cleaned one and what it was before, say
    #[arg(long, conflicts_with_all = ["write", "quarantine", "fail_on"])]
    compare: bool,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write a definition that cleans the log by what was found and compares models on it
    #[arg(long, value_name = "FILE.toml")]
    write: Option<PathBuf>,

    /// Write each cell and row that is wrong to a CSV file: row, rule, column, before, after
    #[arg(long, value_name = "FILE.csv")]
    quarantine: Option<PathBuf>,

    /// End with exit code 1 if there is a finding of this severity or worse
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,

    /// Replace files that are there already
    #[arg(long)]
    force: bool,

    /// The column that tells who listened
    #[arg(long, value_name = "COLUMN")]
    user: Option<String>,

    /// The column that tells what was listened to
    #[arg(long, value_name = "COLUMN")]
    item: Option<String>,

    /// The column that tells when
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,

    /// The column that tells what happened: play, like, skip
    #[arg(long, value_name = "COLUMN")]
    event: Option<String>,

    /// The column of how many plays a row stands for
    #[arg(long, value_name = "COLUMN")]
    plays: Option<String>,

    /// The column of how many seconds were listened
    #[arg(long, value_name = "COLUMN")]
    seconds: Option<String>,

    /// What separates the cells of a text file [default: the one that makes most columns]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,

    /// The first line is a row; columns are called `column_1`, `column_2` and so on [default: by what it holds]
    #[arg(long)]
    no_header: bool,

    /// The present time, for what is in the future: 2025-11-10T22:57:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal, or a pipe
    Text,
    /// Markdown
    Md,
    /// One page that needs nothing but a browser
    Html,
    /// For programs: one JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What is learned or measured would be wrong
    Error,
    /// It costs data or accuracy
    Warning,
    /// Anything
    Note,
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match (&arguments.logs[..], arguments.compare) {
        ([log], false) => one(log, arguments),
        ([before, after], true) => two(before, after, arguments),
        (_, true) => Err(Failure::Definition(
            "--compare takes two logs: before and after".to_owned(),
        )),
        (logs, false) => Err(Failure::Definition(format!(
            "{} logs at once: audit one after the other, compare them with --compare, or name them with a \
             pattern in quotes (\"logs/*.csv\") if they are parts of one",
            logs.len()
        ))),
    }
}

fn one(log: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let to: Vec<&Path> = [&arguments.out, &arguments.write, &arguments.quarantine]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    if to.contains(&Path::new("-")) {
        return Err(Failure::Definition(
            "`-` is no file; without --out the report goes to standard output".to_owned(),
        ));
    }
    writable(&to, &[log], arguments.force)?;
    let (found, written) = audited(log, arguments)?;
    if let Some(path) = &arguments.write {
        whole(path, found.definition.as_bytes())?;
        say(&format!(
            "the definition is in {}; look at its comments, then: musicrec-lab sweep {}",
            path.display(),
            path.display()
        ));
    }
    if let Some(path) = &arguments.quarantine {
        say(&format!(
            "{} in {}",
            counted(written as usize, "wrong cell or row"),
            path.display()
        ));
    }
    deliver(&of_audit(&found), &found, arguments)?;
    let Some(worst) = arguments.fail_on else {
        return Ok(());
    };
    let those = found
        .alerts
        .iter()
        .filter(|alert| alert.severity <= worst.severity())
        .count();
    if those == 0 {
        return Ok(());
    }
    Err(Failure::Differs(format!(
        "{} of severity {} or worse (--fail-on)",
        counted(those, "finding"),
        worst.severity().name()
    )))
}

fn two(before: &Path, after: &Path, arguments: &Arguments) -> Result<(), Failure> {
    writable(
        &Vec::from_iter(arguments.out.as_deref()),
        &[before, after],
        arguments.force,
    )?;
    let (before, _) = audited(before, arguments)?;
    let (after, _) = audited(after, arguments)?;
    let found = compare(&before, &after);
    deliver(&found.document(), &found, arguments)
}

/// Columns of the terminal, if the report goes there.
fn width(arguments: &Arguments) -> Option<usize> {
    let on_terminal = arguments.out.is_none() && std::io::stdout().is_terminal();
    on_terminal
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(width, _)| usize::from(width.0))
}

/// Draws it in the form that was asked for, JSON from the value itself.
fn deliver(
    document: &Document,
    value: &impl serde::Serialize,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let text = &match arguments.format {
        Format::Text => terminal(document, width(arguments)),
        Format::Md => markdown(document),
        Format::Html => html(document),
        Format::Json => serde_json::to_string_pretty(value).expect("an audit is plain data") + "\n",
    };
    match &arguments.out {
        Some(path) => {
            whole(path, text.as_bytes())?;
            say(&format!("the audit is in {}", path.display()));
            Ok(())
        }
        None if arguments.format == Format::Text
            && std::io::stdout().is_terminal()
            && !no_color() =>
        {
            print_rendered(&colored(text))
        }
        None => print(text),
    }
}

/// The same with colors, which say nothing that the words do not.
fn colored(text: &str) -> String {
    let line = |line: &str| {
        for (word, code) in [("error  ", "31"), ("warning  ", "33"), ("note  ", "36")] {
            if let Some(rest) = line.strip_prefix(word) {
                return format!("\u{1b}[{code}m{word}\u{1b}[0m{rest}");
            }
        }
        line.to_owned()
    };
    crate::text::visible(text)
        .split_inclusive('\n')
        .map(line)
        .collect()
}

/// Writes a file that is never half there.
fn whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    in_one_step(path, super::on_interrupt()?, |file| {
        file.write_all(bytes)
            .map_err(|e| Failure::output(path.display(), &e))
    })
}

fn audited(log: &Path, arguments: &Arguments) -> Result<(Audit, u64), Failure> {
    let stop = super::on_interrupt()?;
    let reading = Reading {
        said: Guess {
            user: arguments.user.clone(),
            item: arguments.item.clone(),
            time: arguments.time.clone(),
            event: arguments.event.clone(),
            plays: arguments.plays.clone(),
            seconds: arguments.seconds.clone(),
            milliseconds: None,
        },
        delimiter: arguments.delimiter.as_deref().map(|d| {
            if d == "\\t" {
                "\t".to_owned()
            } else {
                d.to_owned()
            }
        }),
        no_header: arguments.no_header,
    };
    let home = arguments
        .write
        .as_deref()
        .and_then(Path::parent)
        .filter(|folder| !folder.as_os_str().is_empty());
    let settings = Settings {
        reading: &reading,
        now: arguments
            .now
            .unwrap_or_else(jiff::Timestamp::now)
            .as_second(),
        home: home.unwrap_or(Path::new(".")),
        color: color(),
    };
    let bar = bar(None, "{spinner} {human_pos} rows, {per_sec}");
    let tell = |rows: u64| {
        bar.set_position(rows);
        if stop.load(Ordering::Relaxed) {
            return Err(musicrec_api::Error::Cancelled);
        }
        Ok(())
    };
    let interrupted = |failure: Failure| match failure {
        Failure::Interrupted(_) => Failure::Interrupted("nothing was written".to_owned()),
        other => other,
    };
    let found = match &arguments.quarantine {
        Some(path) => in_one_step(path, stop, |file| {
            audit(log, &settings, Some(file), tell).map_err(interrupted)
        })?,
        None => audit(log, &settings, None, tell).map_err(interrupted)?,
    };
    bar.finish_and_clear();
    Ok(found)
}
