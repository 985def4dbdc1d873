//! `musicrec-lab sweep`: run an experiment and report.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use musicrec_api::arithmetic;

use super::cache::Place;
use super::changes::Changes;
use super::progress::{Form, Progress};
use super::{
    launch, on_interrupt, on_stop, print, print_view, say, terminal_width, threads, worker,
};
use crate::cluster::{self, Asked};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::records::Store;
use crate::report::{self, formats};
use crate::sweep::{Isolation, Limits, Options, Sweep};

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

    /// Run each fit in a process of its own, so that one that crashes, or goes beyond --timeout or
    /// --memory-per-job, costs its own trials and nothing else: after a crash it is tried three times in
    /// all, then its trials fail with what was seen. Each job holds the log for itself
    #[arg(long)]
    isolate: bool,

    /// With --isolate, or on a cluster: seconds after which a fit (with the ranking and measuring of all trials that it
    /// serves) is stopped, and its trials fail
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,

    /// With --isolate, or on a cluster: memory that the process of a fit may hold, for example 4GB, the log included; it
    /// is looked at 20 times a second (on Linux only)
    #[arg(long, value_name = "SIZE")]
    memory_per_job: Option<ByteSize>,

    #[command(flatten)]
    launcher: launch::Launching,

    /// With a launcher for a cluster: end once all is submitted
    #[arg(long)]
    detach: bool,

    /// Be a worker of the sweep that started this process
    #[arg(long, hide = true)]
    worker: bool,

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

impl Arguments {
    pub(super) fn experiment(&self, quiet: bool) -> Result<Experiment, Failure> {
        self.changes.load(&self.definition, quiet)
    }

    /// What units on other machines must know.
    fn asked(&self) -> Asked {
        let request = self.changes.request();
        Asked {
            command: command_line(),
            definition: self.definition.clone(),
            settings: request.settings,
            only: request.only,
            yes: request.yes,
            portable: self.portable,
            keep: self.keep,
            prepare_units: self.launcher.prepare_units(),
            threads: self.threads.map(usize::from),
            timeout_seconds: self.timeout.map(u64::from),
            memory_bytes: self.memory_per_job.map(|size| size.as_u64()),
        }
    }

    /// Refuses what would be without effect.
    fn check(&self, elsewhere: bool) -> Result<(), Failure> {
        let here = [
            (
                "--isolate",
                self.isolate,
                "every unit has a process of its own",
            ),
            (
                "--jobs",
                self.jobs.is_some(),
                "how much runs at once is set in the cluster file",
            ),
            (
                "--memory",
                self.memory.is_some(),
                "memory of a unit is set in the cluster file",
            ),
            (
                "--cache",
                Place::is_typed("--cache"),
                "what units share is kept in the store",
            ),
            (
                "--cache-limit",
                Place::is_typed("--cache-limit"),
                "what units share is kept in the store",
            ),
            (
                "--fail-fast",
                self.fail_fast,
                "units do not know of each other",
            ),
        ];
        let alone = [
            (
                "--detach",
                self.detach,
                "it ends a command that only looks on, with --launcher for a cluster",
            ),
            (
                "--timeout",
                self.timeout.is_some() && !self.isolate,
                "only a process of its own can be ended: add --isolate",
            ),
            (
                "--memory-per-job",
                self.memory_per_job.is_some() && !self.isolate,
                "only a process of its own can be ended: add --isolate",
            ),
        ];
        let (wrong, place) = if elsewhere {
            (&here[..], "on a cluster")
        } else {
            (&alone[..], "here")
        };
        match wrong.iter().find(|(_, given, _)| *given) {
            Some((option, _, why)) => Err(Failure::Definition(format!(
                "{option} has no effect {place}: {why}"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn options(&self, quiet: bool) -> Options {
        let isolation = || Isolation {
            arguments: worker::arguments(),
            limits: Limits {
                time: self
                    .timeout
                    .map(|seconds| Duration::from_secs(seconds.into())),
                memory: self.memory_per_job.map(|size| size.as_u64()),
            },
        };
        Options {
            fresh: self.fresh,
            keep: self.keep,
            retry_failed: self.retry_failed,
            fail_fast: self.fail_fast,
            jobs: self.jobs.map(usize::from),
            memory: self.memory.map(|size| size.as_u64()),
            isolate: self.isolate.then(isolation),
            command: command_line(),
            cache: self.place.open(quiet),
            ..Options::new(self.out.clone(), threads(self.threads))
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let progress = Progress::new(arguments.log, arguments.quiet);
    arithmetic::set_portable(arguments.portable);
    if arguments.worker {
        worker::run(arguments);
        return Ok(());
    }
    let launcher = arguments.launcher.launcher()?;
    arguments.check(launcher.is_elsewhere())?;
    let experiment = arguments.experiment(arguments.quiet)?;
    let options = arguments.options(arguments.quiet);
    global_threads(options.threads)?;
    if launcher.is_elsewhere() {
        let cancel = on_stop("no longer looking on")?;
        let (asked, detach) = (arguments.asked(), arguments.detach);
        return launch::launch(
            &experiment,
            &options,
            asked,
            &launcher,
            &progress,
            cancel,
            detach,
        );
    }
    let cancel = on_interrupt()?;
    for at_work in cluster::at_work(&Store::new(options.out.join(&experiment.name))) {
        say(&format!(
            "note: {} still has {} of this folder and goes on beside this sweep (`musicrec-lab cancel` ends it)",
            at_work.host, at_work.command
        ));
    }
    let mut sweep = Sweep::open(&experiment, &options, cancel, &|event| progress.on(event))?;
    if !arguments.quiet {
        print_view(&report::data_tables(sweep.overview(), terminal_width()))?;
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
    let summary = sweep.report()?;
    print_view(&report::leaderboard(&summary, terminal_width()))?;
    let report = sweep.store().path(formats::main_file(&summary.overview));
    print_view(&format!("\nReport: {}\n", report.display()))?;
    progress.end(&summary, &report);
    ended?.ended()
}

/// The threads of all that is not a trial: reading, chance, statistics, recommendations.
pub(super) fn global_threads(threads: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Failure::Output(format!("cannot start {threads} threads: {e}")))
}

/// The command line as one would type it to go on: without what would set aside what is there.
fn command_line() -> String {
    let arguments = std::env::args().filter(|argument| argument != "--fresh");
    let quoted = arguments.enumerate().map(|(at, argument)| {
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
