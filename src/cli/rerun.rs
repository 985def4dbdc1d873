//! `musicrec-lab rerun`: one trial once more, from its record alone.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::again::{How, why};
use super::print;
use crate::after::name_of_part;
use crate::exit::Failure;
use crate::records::{Outcome, Record, Store};
use crate::report::table;

/// Run one trial of a report folder again, from its record alone, and compare every number
///
/// The record names definition, data, seeds and code; the definition's file is not needed. Data of
/// another content and code of other revisions are refused. Nothing in the folder changes. Ids are the
/// names in records/, those of the leaderboard stand in leaderboard.csv.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab rerun reports/quickstart --trial 9d80d3d2
  musicrec-lab rerun reports/my_log --trial 9d80d3d2 --source /data/moved/listens.csv")]
pub(super) struct Arguments {
    /// A folder that a sweep has written
    folder: PathBuf,

    /// The trial's id, or the beginning of it
    #[arg(long, value_name = "ID")]
    trial: String,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = Store::new(arguments.folder.clone());
    let old = find(&store, &arguments.trial)?;
    let records = [old];
    let ran = arguments.how.run(&store, &records)?;
    let [old] = records;
    let Some(ran) = ran.into_iter().next() else {
        return Err(Failure::Differs(format!("trial {} did not run", old.id)));
    };
    print(&format!("trial {}: {}\n\n", old.id, name_of_part(&old)))?;
    let header = ["metric", "then", "now", ""].map(str::to_owned);
    print(&format!(
        "{}\n",
        table(&header, &rows(&old, &ran.record), 1)
    ))?;
    if ran.differs.is_empty() {
        return print(&format!("\n{}\n", all_equal(&old)));
    }
    let mut text = String::new();
    for differing in &ran.differs {
        let (what, old, new) = (&differing.what, &differing.old, &differing.new);
        let _ = writeln!(text, "\n{what}:\n  then {old}\n  now  {new}");
    }
    print(&text)?;
    Err(Failure::Differs(format!(
        "trial {} does not give what its record says: {}",
        old.id,
        why(&old, &ran.record)
    )))
}

/// The record of a trial by its id or the beginning of it.
pub(super) fn find(store: &Store, id: &str) -> Result<Record, Failure> {
    let ids = store.known()?;
    let fits: Vec<&String> = ids.iter().filter(|own| own.starts_with(id)).collect();
    let folder = store.folder().display();
    match fits.as_slice() {
        [one] => store.record(one)?.ok_or_else(|| {
            Failure::Data(format!("the record of {one} has just gone from {folder}"))
        }),
        [] if id.chars().all(|c| c.is_ascii_hexdigit()) && store.failed(id)?.is_some() => {
            Err(Failure::Definition(format!(
                "trial {id} failed, so there is nothing to compare with; a sweep with --retry-failed tries it again"
            )))
        }
        [] => Err(Failure::Definition(format!(
            "no trial of {folder} has an id that begins with `{id}`; ids are the names of the files in \
             {folder}/records"
        ))),
        several => Err(Failure::Definition(format!(
            "the ids of {} trials of {folder} begin with `{id}`: {}; give more of it",
            several.len(),
            several
                .iter()
                .take(5)
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

/// Every metric, then and now.
fn rows(old: &Record, new: &Record) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let Outcome::Done { metrics, .. } = &old.result.outcome else {
        return rows;
    };
    for (label, value) in metrics {
        let now = new.metric(label);
        rows.push(vec![
            label.clone(),
            value.to_string(),
            now.map_or("-".to_owned(), |v| v.to_string()),
            if now.map(f64::to_bits) == Some(value.to_bits()) {
                "equal".to_owned()
            } else {
                "differs".to_owned()
            },
        ]);
    }
    rows
}

/// What was compared.
fn all_equal(record: &Record) -> String {
    let Outcome::Done {
        metrics,
        periods,
        attachments,
        ..
    } = &record.result.outcome
    else {
        return "Equal.".to_owned();
    };
    let tables: Vec<&str> = attachments.keys().map(String::as_str).collect();
    let several = if periods.is_empty() {
        String::new()
    } else {
        format!(", {} periods", periods.len())
    };
    format!(
        "All numbers are equal bit for bit: {} metrics, users{several}, and the tables {}.",
        metrics.len(),
        tables.join(", ")
    )
}
