//! Running trials of a finished folder again: what `rerun` and `verify` share.

use std::path::PathBuf;
use std::sync::Mutex;

use clap::Args;
use musicrec_api::arithmetic;

use super::{on_interrupt, say, start_threads, threads};
use crate::after::{Differing, alike, differing, experiment, name_of_part};
use crate::exit::Failure;
use crate::records::{Outcome, Record, Store};
use crate::sweep::{self, Options};

/// How trials are run again.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Where the data is now: its file, or the folder of it; for a source of several files once for
    /// each, in their order [default: where the record says]
    #[arg(long, value_name = "PATH")]
    source: Vec<PathBuf>,

    /// Threads to use [default: as many as the machine has]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Print nothing but the result and errors
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// A trial that was run again.
#[derive(Debug)]
pub(super) struct Ran {
    /// Its place among the records given.
    pub(super) at: usize,
    pub(super) record: Record,
    pub(super) differs: Vec<Differing>,
}

impl How {
    /// Where the data is now, if the user says so.
    pub(super) fn source(&self) -> &[PathBuf] {
        &self.source
    }

    /// Starts the threads.
    pub(super) fn pool(&self) -> Result<(), Failure> {
        start_threads(self.threads)
    }

    /// Runs the trials of records again, what they share once, and compares. Nothing in the store
    /// changes. They come in the order of the records.
    pub(super) fn run(&self, store: &Store, records: &[Record]) -> Result<Vec<Ran>, Failure> {
        let scratch = tempfile::tempdir().map_err(|e| Failure::output("a temporary folder", &e))?;
        let options = Options::new(scratch.path().to_owned(), threads(self.threads));
        self.pool()?;
        let beside = Store::new(options.out.clone());
        let cancel = on_interrupt()?;
        let ran: Mutex<Vec<Ran>> = Mutex::default();
        for group in alike(records) {
            let of_group: Vec<&Record> = group.records.iter().map(|&at| &records[at]).collect();
            // Nothing else computes meanwhile.
            arithmetic::set_portable(group.portable);
            let experiment = experiment(&of_group, &self.source)?;
            if !self.quiet {
                say("reading and cleaning the data");
            }
            let keys: Vec<_> = of_group.iter().map(|r| &r.result.key).collect();
            sweep::again(&experiment, &keys, &options, cancel, &|place, record| {
                let at = group.records[place];
                let old = &records[at];
                let differs = differing((old, store), (record, &beside));
                let mut ran = ran.lock().expect("nothing panics while it holds this");
                ran.push(Ran {
                    at,
                    record: record.clone(),
                    differs,
                });
                if !self.quiet {
                    let last = ran.last().expect("just pushed");
                    say(&format!(
                        "{} of {}: {} {} {}",
                        ran.len(),
                        records.len(),
                        old.id,
                        name_of_part(old),
                        said(last)
                    ));
                }
                Ok(())
            })
            .map_err(|failure| with_hint(failure, &self.source))?;
        }
        let mut ran = ran
            .into_inner()
            .expect("nothing panics while it holds this");
        ran.sort_by_key(|ran| ran.at);
        Ok(ran)
    }
}

fn said(ran: &Ran) -> String {
    match (&ran.record.result.outcome, ran.differs.len()) {
        (Outcome::Failed { message }, _) => format!("failed: {message}"),
        (_, 0) => "is equal".to_owned(),
        (_, 1) => "differs in one value".to_owned(),
        (_, count) => format!("differs in {count} values"),
    }
}

/// Data that is not where it was is found by `--source`.
pub(super) fn with_hint(failure: Failure, source: &[PathBuf]) -> Failure {
    match failure {
        Failure::Definition(text) if source.is_empty() && !text.contains("--source") => {
            Failure::Data(format!(
                "{text}; name the file with --source if it lies elsewhere now"
            ))
        }
        failure => failure,
    }
}

/// Why numbers of a record may be others here, if its machine says so.
pub(super) fn why(old: &Record, new: &Record) -> String {
    let portable = old.result.key.is_portable();
    let (old, new) = (&old.run.origin, &new.run.origin);
    let (then, now) = (&old.instructions, &new.instructions);
    if then.is_empty() && !portable {
        "the record does not name the instruction-set class that it was computed with; another class \
         is a probable reason"
            .to_owned()
    } else if then == now || portable {
        let same = if portable {
            "portable numbers are the same everywhere".to_owned()
        } else {
            format!("both were computed with {now}")
        };
        format!(
            "{same}, so this is no matter of the machine: the record or its \
             attachments were changed, or the code was without a raised revision (then commit {}, now \
             {})",
            known(&old.commit),
            known(&new.commit)
        )
    } else {
        format!(
            "another instruction-set class ({then} then, {now} now) is the probable reason, for sums \
             are rounded otherwise; numbers of `sweep --portable` are the same everywhere"
        )
    }
}

fn known(commit: &str) -> &str {
    if commit.is_empty() { "unknown" } else { commit }
}
