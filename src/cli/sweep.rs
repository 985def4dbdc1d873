//! `musicrec-lab sweep`: run an experiment and report.

use std::path::PathBuf;

use clap::Args;

use super::cache::Place;
use super::changes::Changes;
use super::progress::Progress;
use super::{on_interrupt, print, say, threads};
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

    /// Threads to use [default: as many as the machine has]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    #[command(flatten)]
    place: Place,

    /// Print nothing but the leaderboard, the verdict and errors
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let experiment = arguments
        .changes
        .load(&arguments.definition, arguments.quiet)?;
    let options = Options {
        out: arguments.out.clone(),
        fresh: arguments.fresh,
        threads: threads(arguments.threads),
        command: command_line(),
        cache: arguments.place.open(arguments.quiet),
    };
    // All that is not a trial: chance, statistics, recommendations.
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global()
        .map_err(|e| Failure::Output(format!("cannot start {} threads: {e}", options.threads)))?;
    let cancel = on_interrupt()?;
    if !arguments.quiet {
        say(&format!(
            "reading and cleaning {}",
            experiment.path.display()
        ));
    }
    let mut sweep = Sweep::open(&experiment, &options, cancel)?;
    if !arguments.quiet {
        print(&report::data_tables(sweep.overview()))?;
        print("\n")?;
    }
    let progress = Progress::new(sweep.overview(), arguments.quiet);
    let failed = sweep.run(&|event| progress.on(event))?;
    if !arguments.quiet {
        say("comparing the variants");
    }
    let summary = report::write(sweep.store())?;
    print(&report::leaderboard(&summary))?;
    print(&format!(
        "\nReport: {}\n",
        sweep.store().path("report.md").display()
    ))?;
    if failed > 0 {
        return Err(Failure::Trials(failed));
    }
    Ok(())
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
