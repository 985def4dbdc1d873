//! `musicrec-lab verify`: does a report folder still hold what its trials give?

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::again::{How, Ran, why};
use super::print;
use crate::after::{check, name_of_part, refused, sample};
use crate::exit::Failure;
use crate::records::{Outcome, Record, Store};
use crate::sweep::Overview;
use crate::text::counted;

/// Run trials of a report folder again and compare every number with their records
///
/// Looks first at all files: ids, hashes, and whether records agree with their attachments and with
/// experiment.json. Then it runs a sample of the trials again, spread over variants and roles; the data
/// is read and cleaned once. Nothing in the folder changes. Ends with 0 if all is equal, else with 1 and a
/// list of what differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab verify reports/quickstart
  musicrec-lab verify reports/my_log --all --source /data/moved/listens.csv
  musicrec-lab verify reports/my_log --sample 20 --seed 1
  musicrec-lab verify reports/my_log --sample 0       # files only; nothing is run")]
pub(super) struct Arguments {
    /// A folder that a sweep has written
    folder: PathBuf,

    /// Run all trials again
    #[arg(long, conflicts_with = "sample")]
    all: bool,

    /// How many trials are run again
    #[arg(long, value_name = "N", default_value_t = 5)]
    sample: usize,

    /// The seed by which they are drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = Store::new(arguments.folder.clone());
    let (records, findings) = check(&store)?;
    let mut text = format!(
        "files: {} and their attachments, {}\n",
        counted(records.len(), "record"),
        match findings.len() {
            0 => "all as they were written".to_owned(),
            count => format!("of which {count} are not as they should be"),
        }
    );
    for finding in &findings {
        let _ = writeln!(text, "  {}: {}", finding.file, finding.says);
    }
    print(&text)?;
    let done = |r: &&Record| matches!(r.result.outcome, Outcome::Done { .. });
    let records: Vec<Record> = records.iter().filter(done).cloned().collect();
    // A folder keeps what earlier code gave, and what was swept before its data changed.
    let data = store.read::<Value>(Overview::FILE).ok().flatten();
    let data = data.as_ref().and_then(|e| e["fingerprint"].as_str());
    let runs = |r: &Record| {
        let same_data = data.is_none_or(|data| data == r.result.key.data);
        same_data && refused(r).is_none()
    };
    let (records, earlier): (Vec<Record>, Vec<Record>) = records.into_iter().partition(runs);
    if let Some(first) = earlier.first() {
        if records.is_empty()
            && let Some(failure) = refused(first)
        {
            return Err(failure);
        }
        print(&format!(
            "left out: {} of other code or other data than experiment.json names\n",
            counted(earlier.len(), "record")
        ))?;
    }
    let chosen: Vec<Record> = if arguments.all {
        records
    } else {
        let count = arguments.sample;
        let places = sample(&records, count, arguments.seed);
        print(&format!(
            "sample: {} of {}, drawn by seed {}\n",
            counted(places.len(), "trial"),
            records.len(),
            arguments.seed
        ))?;
        places.into_iter().map(|at| records[at].clone()).collect()
    };
    let ran = if chosen.is_empty() {
        Vec::new()
    } else {
        arguments.how.run(&store, &chosen)?
    };
    let differ: Vec<&Ran> = ran.iter().filter(|r| !r.differs.is_empty()).collect();
    if differ.is_empty() && findings.is_empty() {
        return print(&match ran.len() {
            0 => "Nothing was run.\n".to_owned(),
            1 => "The trial gave every number of its record again, bit for bit.\n".to_owned(),
            count => {
                format!(
                    "All {count} trials gave every number of their records again, bit for bit.\n"
                )
            }
        });
    }
    print(&list(&differ, &chosen))?;
    Err(Failure::Differs(format!(
        "{} is not as its trials left it: {} about its files, and {} of {} run again give other numbers",
        store.folder().display(),
        counted(findings.len(), "finding"),
        differ.len(),
        counted(ran.len(), "trial"),
    )))
}

/// What differs, trial by trial.
fn list(differ: &[&Ran], records: &[Record]) -> String {
    let mut text = String::new();
    for ran in differ {
        let old = &records[ran.at];
        let _ = writeln!(text, "{} {}", old.id, name_of_part(old));
        for differing in &ran.differs {
            let _ = writeln!(
                text,
                "  {}: {} then, {} now",
                differing.what, differing.old, differing.new
            );
        }
        let (then, now) = (&old.run, &ran.record.run);
        let _ = writeln!(
            text,
            "  then on {} ({}), now on {} ({})",
            then.machine, then.origin.instructions, now.machine, now.origin.instructions
        );
        let _ = writeln!(text, "  {}", why(old, &ran.record));
    }
    text
}
