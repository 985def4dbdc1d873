//! `musicrec-lab sweep`: run an experiment and report.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use musicrec_api::arithmetic;

use super::cache::Place;
use super::changes::Changes;
use super::progress::{Form, Progress};
use super::{on_interrupt, print, threads};
use crate::exit::Failure;
use crate::report;
use crate::sweep::{Options, Sweep};

/// Run every trial of an experiment, choose on validation, score on test, and write a report
///
/// The definition names a source, cleaners, a splitter, weightings, models and metrics; see
/// experiments/README.md. Results go to a folder of the experiment's name below OUT: the same command
/// again runs only what is missing there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab sweep experiments/quickstart.toml
  musicrec-lab sweep experiments/messy_sample.toml --set source.csv.path=listens.csv
  musicrec-lab sweep my.toml --set model.als.factors='{ grid = [16, 32] }' --set seed=7")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// The experiment's definition, a TOML file
    definition: PathBuf,

    #[command(flatten)]
    changes: Changes,

    /// The folder that gets a folder for the experiment
    #[arg(long, default_value = "reports")]
    out: PathBuf,

    /// Set an earlier sweep of the same name aside (it is renamed, not deleted) and start anew
    #[arg(long)]
    fresh: bool,

    /// Go on in a folder that holds a sweep over something else: what still matches is not run again,
    /// the rest stays there but is no part of the report
    #[arg(long, conflicts_with = "fresh")]
    keep: bool,

    /// Try again what failed in an earlier run; otherwise a failed trial stays failed
    #[arg(long)]
    retry_failed: bool,

    /// Stop at the first trial that fails
    #[arg(long)]
    fail_fast: bool,

    /// Threads to use in all [default: as many as the machine has]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Fits that run at once, each on an equal part of the threads [default: as ends soonest: many small
    /// ones get a thread each, few large ones share all]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Memory that the program may use, for example 16GB: a fit waits until there is room by its own
    /// estimate, and one that can never fit fails at once [default: 90 % of what is free]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,

    /// How progress is told on standard error: for people, or one JSON object a line for programs
    #[arg(long, value_enum, default_value_t)]
    log: Form,

    /// Compute so that every machine gives the same bits: slower, and other trials than without
    #[arg(long)]
    portable: bool,

    #[command(flatten)]
    place: Place,

    /// Print nothing but the leaderboard, the verdict and errors
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arithmetic::set_portable(arguments.portable);
    let experiment = arguments
        .changes
        .load(&arguments.definition, arguments.quiet)?;
    let options = Options {
        fresh: arguments.fresh,
        keep: arguments.keep,
        retry_failed: arguments.retry_failed,
        fail_fast: arguments.fail_fast,
        jobs: arguments.jobs.map(usize::from),
        memory: arguments.memory.map(|size| size.as_u64()),
        command: command_line(),
        cache: arguments.place.open(arguments.quiet),
        ..Options::new(arguments.out.clone(), threads(arguments.threads))
    };
    // All that is not a trial: chance, statistics, recommendations.
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global()
        .map_err(|e| Failure::Output(format!("cannot start {} threads: {e}", options.threads)))?;
    let cancel = on_interrupt()?;
    let progress = Progress::new(arguments.log, arguments.quiet);
    let mut sweep = Sweep::open(&experiment, &options, cancel, &|event| progress.on(event))?;
    if !arguments.quiet {
        print(&report::data_tables(sweep.overview()))?;
        print("\n")?;
    }
    if sweep.finished() {
        progress.says(&format!(
            "nothing to do: definition, data and code are those of the sweep of {} (--fresh does it all \
             again, --retry-failed what failed)",
            sweep.overview().date
        ));
    }
    progress.names(sweep.overview());
    let ended = sweep.run(&|event| progress.on(event));
    let ended = match ended {
        // The report of what there is.
        Ok(failed) => Ok(failed),
        Err(failure @ (Failure::Interrupted(_) | Failure::Stopped(_))) => Err(failure),
        Err(failure) => return Err(failure),
    };
    progress.says("comparing the variants");
    let summary = report::write(sweep.store())?;
    print(&report::leaderboard(&summary))?;
    print(&format!(
        "\nReport: {}\n",
        sweep.store().path("report.md").display()
    ))?;
    match ended? {
        0 => Ok(()),
        failed => Err(Failure::Trials(failed)),
    }
}

/// The command line as one would type it again.
fn command_line() -> String {
    let quoted = std::env::args().enumerate().map(|(at, argument)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
        if at == 0 {
            "musicrec-lab".to_owned()
        } else if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
