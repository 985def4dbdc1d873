//! `musicrec-lab recommend`: the next songs of anybody, by a saved model.

use std::fs;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use musicrec_api::arithmetic;
use serde_json::json;

use super::{print, print_raw, say, start_threads};
use crate::exit::Failure;
use crate::experiment::Heard;
use crate::records::temporary_beside;
use crate::report::{Columns, Values};
use crate::saved::{Answer, Asked, History, Saved, Unknown};
use crate::text::{Csv, counted, one_line};

/// Recommend with a model that `fit` saved, to those it has learned from and to others by their history
///
/// Only the model's file is read, not the log. Lists are those of recommendations.csv: heard songs are left out as
/// the definition says, its rules hold, also with --heard keep, and ties go to the smaller id. With --why each song comes with those heard songs that contributed
/// most to its score; models whose scores are no such sums say so.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").args(["users", "all", "history"]).required(true).multiple(true))]
#[command(after_help = "Examples:
  musicrec-lab recommend --model best.safetensors --users u1,u2 --k 3 --why
  musicrec-lab recommend --model best.safetensors --users @listeners.txt --format jsonl
  cut -d, -f1 new.csv | musicrec-lab recommend --model best.safetensors --users - --unknown popularity
  musicrec-lab recommend --model best.safetensors --all --k 50 --out lists.parquet
  musicrec-lab recommend --model best.safetensors --history new_listeners.csv --k 10

A history is a CSV file with the columns user and item, and those of time (seconds since 1970 or RFC 3339), event,
plays and seconds that the model's weighting reads; or with the columns of the log that the model comes from. Its ids
are those that cleaning leaves. Who is in it is answered by it alone, also where the model knows the user.")]
pub(super) struct Arguments {
    /// The model, a file that `fit` has written
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// For whom: ids with commas between, @FILE with an id a line, or - for such lines on standard input
    #[arg(long, value_name = "IDS")]
    users: Option<String>,

    /// For everybody whom the model has learned from
    #[arg(long, conflicts_with_all = ["users", "history"])]
    all: bool,

    /// What people heard whom the model has not learned from: for these, unless --users names others
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,

    /// Songs a list
    #[arg(long, short, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,

    /// Say which heard songs each one is recommended for, and what they contributed to its score: the N largest
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    why: Option<u32>,

    /// What is done with songs that a user already heard [default: as the definition says]
    #[arg(long, value_enum)]
    heard: Option<HeardSongs>,

    /// What is done with users of whom nothing is known
    #[arg(long, value_enum, default_value_t = Unknown::Skip)]
    unknown: Unknown,

    /// How lists are written [default: by the ending of --out, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Threads to use [default: as many as the machine has]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HeardSongs {
    /// They are left out
    Mask,
    /// They may be recommended again
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a song: user, rank, item, score; with --why also `because_1`, `contribution_1` and so on
    Csv,
    /// A JSON object a line: user, rank, item, score; with --why also `because`, a list of objects
    Jsonl,
    /// The columns of csv, with their types
    Parquet,
}

/// Users of whom nothing is known that are named before they are only counted.
const NAMED: usize = 10;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments.format.unwrap_or_else(|| {
        let ending = arguments.out.as_deref().and_then(Path::extension);
        let ending = ending.and_then(|ending| ending.to_str()).unwrap_or("csv");
        Format::from_str(ending, true).unwrap_or(Format::Csv)
    });
    let terminal = arguments.out.is_none() && std::io::stdout().is_terminal();
    if format == Format::Parquet && terminal {
        return Err(Failure::Definition(
            "parquet is no text to show on a terminal; name a file with --out".to_owned(),
        ));
    }
    let saved = Saved::read(&arguments.model)?;
    arithmetic::set_portable(saved.about.key.is_portable());
    start_threads(arguments.threads)?;
    let source = &saved.about.key.definition["source"];
    let history = arguments.history.as_deref();
    let history = history
        .map(|path| History::read(path, source))
        .transpose()?;
    let named = arguments.users.as_deref().map(ids).transpose()?;
    let users: Option<Vec<&str>> = match (&named, &history) {
        (Some(named), _) => Some(named.iter().map(String::as_str).collect()),
        (None, Some(history)) => Some(history.users().collect()),
        (None, None) => None,
    };
    let asked = Asked {
        users,
        count: arguments.k as usize,
        why: arguments.why.map(|n| n as usize),
        heard: arguments.heard.map(|heard| match heard {
            HeardSongs::Mask => Heard::Mask,
            HeardSongs::Keep => Heard::Keep,
        }),
        unknown: arguments.unknown,
        history: history.as_ref(),
    };
    let answer = saved.answer(&asked)?;
    let text = match format {
        Format::Csv => csv(&answer, asked.why).into_bytes(),
        Format::Jsonl => jsonl(&answer, asked.why.is_some()).into_bytes(),
        Format::Parquet => columns(&answer, asked.why).parquet(),
    };
    match &arguments.out {
        Some(path) => write(path, &text)?,
        None if terminal => print(&String::from_utf8_lossy(&text))?,
        None => print_raw(&text)?,
    }
    if answer.left_out > 0 {
        say(&format!(
            "{} of the history left out: the model does not know their items",
            counted(answer.left_out, "event")
        ));
    }
    if answer.unexplained > 0 {
        say(&format!(
            "no reasons for {}: whatever answers them in the model has scores that are no sums over the songs \
             that they heard",
            counted(answer.unexplained, "list")
        ));
    }
    unknown(&answer, arguments.unknown, history.is_some())
}

/// The users named.
fn ids(users: &str) -> Result<Vec<String>, Failure> {
    let lines = |text: String| -> Vec<String> {
        let lines = text.lines().map(str::trim_end);
        lines
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let ids = match users.strip_prefix('@') {
        Some(path) => lines(
            fs::read_to_string(path)
                .map_err(|e| Failure::Data(format!("cannot read the users of {path}: {e}")))?,
        ),
        None if users == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|e| {
                Failure::Data(format!("cannot read users from standard input: {e}"))
            })?;
            lines(text)
        }
        None => {
            let ids = users.split(',').map(str::trim);
            ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
        }
    };
    if ids.is_empty() {
        return Err(Failure::Definition(
            "--users names nobody; give ids with commas between, or --all".to_owned(),
        ));
    }
    Ok(ids)
}

/// Tells of whom nothing is known.
fn unknown(answer: &Answer, asked: Unknown, history: bool) -> Result<(), Failure> {
    let weightless = (!answer.weightless.is_empty()).then(|| {
        format!(
            "all that the history has of {} weighs 0, as the model's weighting has it",
            some(&answer.weightless)
        )
    });
    if let (Some(what), Unknown::Popularity) = (&weightless, asked) {
        say(&format!("{what}; they have what most users heard"));
        return Ok(());
    }
    let unknown = (!answer.unknown.is_empty()).then(|| {
        let what = if history {
            "neither the model nor the history (with items that the model knows) has"
        } else {
            "the model has not learned from"
        };
        format!("{what} {}", some(&answer.unknown))
    });
    let whom: Vec<String> = unknown.into_iter().chain(weightless).collect();
    if whom.is_empty() {
        return Ok(());
    }
    Err(Failure::Unknown(format!(
        "{}; the others have their lists; --unknown popularity gives them what most users heard{}",
        whom.join("; "),
        if history {
            ""
        } else {
            ", --history FILE tells what they heard"
        }
    )))
}

/// Some of the users, and how many there are besides.
fn some(users: &[&str]) -> String {
    let names = users.iter().take(NAMED);
    let names: Vec<String> = names.map(|user| one_line(user)).collect();
    let more = users.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    names.join(", ") + &more
}

fn csv(answer: &Answer, why: Option<usize>) -> String {
    let reasons = why.unwrap_or(0);
    let more: Vec<String> = (1..=reasons)
        .flat_map(|at| [format!("because_{at}"), format!("contribution_{at}")])
        .collect();
    let header = ["user", "rank", "item", "score"].into_iter();
    let mut csv = Csv::new(header.chain(more.iter().map(String::as_str)));
    for song in &answer.recommendations {
        csv.text(song.user);
        csv.number(song.rank);
        csv.text(song.item);
        csv.number(song.score);
        for at in 0..reasons {
            let reason = song.because.get(at);
            csv.text(reason.map_or("", |(item, _)| item));
            csv.text(&reason.map_or(String::new(), |(_, part)| part.to_string()));
        }
        csv.end();
    }
    csv.into_text()
}

fn jsonl(answer: &Answer, why: bool) -> String {
    let mut text = String::new();
    for song in &answer.recommendations {
        let mut line = json!({
            "user": song.user,
            "rank": song.rank,
            "item": song.item,
            "score": song.score,
        });
        if why {
            let because = song.because.iter();
            line["because"] = because
                .map(|(item, contribution)| json!({ "item": item, "contribution": contribution }))
                .collect();
        }
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn columns(answer: &Answer, why: Option<usize>) -> Columns {
    let all = &answer.recommendations;
    let mut columns = Columns::default();
    columns.push(
        "user",
        all.iter().map(|song| Some(song.user)).collect::<Values>(),
    );
    let ranks = all.iter().map(|song| Some(i64::from(song.rank)));
    columns.push("rank", ranks.collect::<Values>());
    columns.push(
        "item",
        all.iter().map(|song| Some(song.item)).collect::<Values>(),
    );
    columns.push(
        "score",
        all.iter().map(|song| Some(song.score)).collect::<Values>(),
    );
    for at in 0..why.unwrap_or(0) {
        let own = || all.iter().map(|song| song.because.get(at));
        let items = own().map(|reason| reason.map(|(item, _)| *item));
        columns.push(format!("because_{}", at + 1), items.collect::<Values>());
        let parts = own().map(|reason| reason.map(|(_, part)| *part));
        columns.push(
            format!("contribution_{}", at + 1),
            parts.collect::<Values>(),
        );
    }
    columns
}

/// Writes a file in one step.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::output(path.display(), &e);
    let mut file = temporary_beside(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}
