//! `musicrec-lab unit`: what an engine runs.

use std::path::PathBuf;

use clap::Args;

use super::sweep::global_threads;
use super::{on_stop, say, threads};
use crate::cluster;
use crate::exit::Failure;
use crate::records::{Outcome, Store};
use crate::sweep::steps::Step;
use crate::sweep::{Event, stopped};

/// Run one unit of a sweep that was planned for a cluster; this is what Slurm and Ray are given
///
/// `musicrec-lab sweep DEFINITION --launcher NAME` plans a sweep; its units have the numbers that
/// `musicrec-lab status STORE` shows. Any engine may run them, in any order within a step, as often as it
/// likes and on as many machines as it likes: what has a record is not run again, and of two records the
/// first stays. SIGTERM gives the unit back: it ends at once, with 130, and begins anew when it is run next.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends with 0 once every trial of the unit has a record, of success or of failure; with 75 \
if the step before is not over: run it again later; with 6 if a trial came to something else than its record.

The environment may say MUSICREC_JOB, MUSICREC_NODE and MUSICREC_OUTPUT, which records then name, and
MUSICREC_THREADS.

Examples:
  musicrec-lab unit /shared/reports/x --index 0
  seq 1 40 | xargs -P 4 -n 1 musicrec-lab unit /shared/reports/x --index"
)]
pub(super) struct Arguments {
    /// The report folder, which holds the plan
    store: PathBuf,

    /// The number of the unit, from 0
    #[arg(long, value_name = "N", required_unless_present = "worker")]
    index: Option<u32>,

    /// Threads to use [default: as many as this place has]
    #[arg(long, env = "MUSICREC_THREADS", hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Be the process that fits, for the unit that started it
    #[arg(long, hide = true)]
    worker: bool,

    /// Read the source
    #[arg(long, hide = true, requires = "worker")]
    anew: bool,

    /// Read a piece of the source
    #[arg(long, hide = true, requires = "worker")]
    divide: Option<usize>,

    /// Clean the rows of a group of users
    #[arg(long, hide = true, requires = "worker")]
    clean: Option<usize>,
}

impl Arguments {
    /// The part of the log that is to be prepared.
    fn part(&self) -> Option<(Step, usize)> {
        let divide = self.divide.map(|at| (Step::Divide, at));
        divide.or(self.clean.map(|at| (Step::Clean, at)))
    }
}

/// A process that fits ends at the first signal, before it could store what only failed because an engine that
/// wants the place back told all processes at once.
fn end_at_once() -> Result<(), Failure> {
    ctrlc::set_handler(|| std::process::exit(130))
        .map_err(|e| Failure::Output(format!("cannot listen for signals: {e}")))
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let threads = threads(arguments.threads);
    let store = Store::at(&arguments.store)?;
    let Some(number) = arguments.index.filter(|_| !arguments.worker) else {
        end_at_once()?;
        let served = global_threads(threads)
            .and_then(|()| cluster::serve_unit(&store, threads, arguments.anew, arguments.part()));
        if let Err(failure) = served {
            stopped(failure);
        }
        return Ok(());
    };
    let cancel = on_stop("giving the unit back")?;
    cluster::run(&store, number, threads, cancel, &|event| match event {
        Event::Note(text) | Event::Alarm(text) => say(text),
        Event::Trial(record, _) => {
            let variant = &record.run.variant;
            match &record.result.outcome {
                Outcome::Failed { message } => {
                    say(&format!("{variant}: trial {} failed: {message}", record.id));
                }
                Outcome::Done { .. } => {
                    say(&format!("{variant}: trial {} has a record", record.id));
                }
            }
        }
        Event::Conflict(record, path) => say(&format!(
            "warning: {}: trial {} came to something else than its record; it is kept as {}",
            record.run.variant,
            record.id,
            path.display()
        )),
        _ => {}
    })
}
