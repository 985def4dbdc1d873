//! `musicrec-lab cache`: what is kept between runs; and where it is, for every command that reads a log.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use jiff::{Span, Timestamp, Zoned};
use serde::Serialize;

use super::{print, say};
use crate::cache::folder::{self, Entry};
use crate::cache::{Cache, Stage};
use crate::exit::Failure;
use crate::report::{count, table};
use crate::text::counted;

/// `--cache`, `--cache-limit`.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The folder that keeps what is slow to compute from one run to the next (cleaned logs, random
    /// rankings, ranked lists), or `off` [default: musicrec-lab in the system's folder of caches]
    // One word for both, so that the variable can turn it off too; a folder of that name is `./off`.
    #[arg(
        long,
        value_name = "DIR",
        env = "MUSICREC_CACHE",
        hide_env_values = true
    )]
    cache: Option<OsString>,

    /// How large it may grow; what was not used for longest goes first
    #[arg(
        long,
        value_name = "SIZE",
        env = "MUSICREC_CACHE_LIMIT",
        hide_env_values = true,
        default_value = "10 GB"
    )]
    cache_limit: ByteSize,

    /// What is computed in fewer seconds is not kept
    #[arg(
        long,
        value_name = "SECONDS",
        env = "MUSICREC_CACHE_MIN_SECONDS",
        hide = true,
        default_value_t = Cache::LEAST_SECONDS
    )]
    cache_min_seconds: f64,
}

impl Place {
    /// Whether an option of it stands on the command line; the environment speaks to all commands alike.
    pub(super) fn is_typed(option: &str) -> bool {
        std::env::args().any(|word| word.split('=').next() == Some(option))
    }

    /// The folder, if the cache is not off.
    fn folder(&self) -> Option<PathBuf> {
        match &self.cache {
            Some(name) if name == "off" => None,
            Some(name) if !name.is_empty() => Some(name.into()),
            _ => Cache::usual(),
        }
    }

    /// The cache there, which says what it does unless `quiet`.
    pub(super) fn open(&self, quiet: bool) -> Cache {
        // What is no time is more than anything takes, or nothing.
        let least = Duration::try_from_secs_f64(self.cache_min_seconds.max(0.0));
        let cache = Cache::open(self.folder(), self.cache_limit.as_u64())
            .keeping_from(least.unwrap_or(Duration::MAX));
        if quiet { cache } else { cache.telling(say) }
    }
}

/// Show or clear what is kept between runs: cleaned logs, random rankings, ranked lists
///
/// Nothing there is ever needed: what is missing is computed again, with the same result.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  musicrec-lab cache
  musicrec-lab cache --format json | jq '.stages[]'
  musicrec-lab cache clear --older-than 30d
  du -sh \"$(musicrec-lab cache path)\"")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,

    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a table
    Text,
    /// For programs: one JSON document
    Json,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Remove what is kept, or a part of it
    Clear {
        #[command(flatten)]
        place: Place,

        /// Only of this stage
        #[arg(long, value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::name)))]
        stage: Option<String>,

        /// Only what was not used for so long, for example `30d`, `2w` or `12h`
        #[arg(long, value_name = "TIME")]
        older_than: Option<Span>,
    },
    /// Print the folder
    Path {
        #[command(flatten)]
        place: Place,
    },
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    /// Absent if the cache is off.
    folder: Option<PathBuf>,
    limit: u64,
    entries: usize,
    bytes: u64,
    stages: Vec<Kept>,
}

/// What is kept of a stage.
#[derive(Debug, Serialize)]
struct Kept {
    stage: String,
    entries: usize,
    bytes: u64,
    #[serde(serialize_with = "as_text")]
    oldest_use: Timestamp,
    #[serde(serialize_with = "as_text")]
    newest_use: Timestamp,
}

fn as_text<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        None => show(&arguments.place, arguments.format),
        Some(Action::Path { place }) => print(&format!("{}\n", there(place)?.display())),
        Some(Action::Clear {
            place,
            stage,
            older_than,
        }) => {
            let before = older_than.as_ref().map(long_ago).transpose()?;
            clear(&there(place)?, stage.as_deref(), before)
        }
    }
}

/// The folder, which one must have to do something with it.
fn there(place: &Place) -> Result<PathBuf, Failure> {
    place.folder().ok_or_else(|| {
        Failure::Definition(
            "the cache is off (--cache, or the variable MUSICREC_CACHE), so there is no folder"
                .into(),
        )
    })
}

/// The time that was so long ago.
fn long_ago(span: &Span) -> Result<SystemTime, Failure> {
    let wrong = |why: String| Failure::Definition(format!("--older-than {span}: {why}"));
    if span.is_negative() {
        return Err(wrong("a time must not be negative".into()));
    }
    let then = Zoned::now().checked_sub(*span);
    Ok(then.map_err(|e| wrong(e.to_string()))?.timestamp().into())
}

fn clear(at: &Path, stage: Option<&str>, before: Option<SystemTime>) -> Result<(), Failure> {
    let of_stage = |entry: &Entry| stage.is_none_or(|stage| entry.stage == stage);
    let is_old = |entry: &Entry| before.is_none_or(|before| entry.used < before);
    let (mut entries, mut bytes) = (0, 0);
    for entry in folder::entries(at) {
        if of_stage(&entry) && is_old(&entry) {
            let removed = entry.remove();
            removed.map_err(|e| {
                Failure::Output(format!("cannot remove {}: {e}", entry.path.display()))
            })?;
            entries += 1;
            bytes += entry.bytes;
        }
    }
    folder::sweep_up(at);
    print(&format!(
        "removed {} ({}) from {}\n",
        entries_of(entries),
        ByteSize(bytes).display().si(),
        at.display()
    ))
}

fn show(place: &Place, format: Format) -> Result<(), Failure> {
    let document = look(place.folder(), place.cache_limit.as_u64());
    if format == Format::Json {
        let text = serde_json::to_string_pretty(&document).expect("plain data");
        return print(&format!("{text}\n"));
    }
    let Some(at) = &document.folder else {
        return print("the cache is off\n");
    };
    let size = |bytes| ByteSize(bytes).display().si().to_string();
    print(&format!(
        "{}: {}, {} of at most {}\n",
        at.display(),
        entries_of(document.entries),
        size(document.bytes),
        size(document.limit)
    ))?;
    if document.stages.is_empty() {
        return Ok(());
    }
    let header = ["stage", "entries", "size", "oldest use", "newest use"];
    let rows = document.stages.iter().map(|kept| {
        // To the minute, in the time zone of the machine.
        let time = |at: Timestamp| {
            let at = at.to_zoned(jiff::tz::TimeZone::system());
            at.strftime("%Y-%m-%d %H:%M").to_string()
        };
        vec![
            kept.stage.clone(),
            count(kept.entries),
            size(kept.bytes),
            time(kept.oldest_use),
            time(kept.newest_use),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    print(&format!(
        "{}\n",
        table(&header.map(str::to_owned), &rows, 1)
    ))
}

fn entries_of(entries: usize) -> String {
    match entries {
        1 => counted(1, "entry"),
        n => format!("{} entries", count(n)),
    }
}

fn look(folder: Option<PathBuf>, limit: u64) -> Document {
    let entries = folder.as_deref().map(folder::entries).unwrap_or_default();
    let mut stages: BTreeMap<&str, Kept> = BTreeMap::new();
    // From the least to the most recently used.
    for entry in &entries {
        let used = Timestamp::try_from(entry.used).unwrap_or(Timestamp::UNIX_EPOCH);
        let kept = stages.entry(&entry.stage).or_insert_with(|| Kept {
            stage: entry.stage.clone(),
            entries: 0,
            bytes: 0,
            oldest_use: used,
            newest_use: used,
        });
        kept.entries += 1;
        kept.bytes += entry.bytes;
        kept.newest_use = used;
    }
    Document {
        schema: 1,
        folder,
        limit,
        entries: entries.len(),
        bytes: entries.iter().map(|entry| entry.bytes).sum(),
        stages: stages.into_values().collect(),
    }
}
