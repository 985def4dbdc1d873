//! `musicrec-lab status`, `wait`, `retry` and `cancel`: a sweep that a cluster runs.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use musicrec_api::ranges;

use super::launch;
use super::progress::{Form, Progress};
use super::{on_stop, print, say, threads};
use crate::cluster::{self, Asked, Measured, Plan, Status};
use crate::exit::Failure;
use crate::records::Store;
use crate::report::table;
use crate::sweep::Options;
use crate::text::counted;

/// Show how far a sweep is that a cluster runs: done, failed, running, waiting, time left
///
/// Looks at the store and asks the engine; nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab status reports/x
  musicrec-lab status reports/x --format json")]
pub(super) struct StatusArguments {
    /// The report folder
    store: PathBuf,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object
    Json,
}

/// Wait until a sweep is over that a cluster runs, and show its leaderboard
///
/// Shows the usual progress. Ends as the sweep does: with 0, with 1 if trials failed, with 7 if nothing that
/// was submitted is left and trials are missing. Ctrl-C ends only the waiting.
#[derive(Debug, Args)]
pub(super) struct WaitArguments {
    /// The report folder
    store: PathBuf,

    /// How progress is told on standard error: for people, or one JSON object a line for programs
    #[arg(long, value_enum, default_value_t)]
    log: Form,

    /// Print nothing but the leaderboard, the verdict and errors
    #[arg(long, short)]
    quiet: bool,
}

/// Submit again what is missing of a sweep that a cluster runs
///
/// The same as the command that began it, without having to know it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab retry reports/x --failed")]
pub(super) struct RetryArguments {
    /// The report folder
    store: PathBuf,

    /// Also what failed; otherwise a failed trial stays failed
    #[arg(long)]
    failed: bool,

    /// Do not wait for it
    #[arg(long)]
    detach: bool,

    #[command(flatten)]
    place: launch::Launching,

    /// How progress is told on standard error: for people, or one JSON object a line for programs
    #[arg(long, value_enum, default_value_t)]
    log: Form,

    /// Print nothing but the leaderboard, the verdict and errors
    #[arg(long, short)]
    quiet: bool,
}

/// End what a cluster still has of a sweep
///
/// What has a record stays; the command that began the sweep goes on where it stopped.
#[derive(Debug, Args)]
pub(super) struct CancelArguments {
    /// The report folder
    store: PathBuf,
}

pub(super) fn status(arguments: &StatusArguments) -> Result<(), Failure> {
    let cancel = on_stop("stopping")?;
    let status = cluster::status(&Store::at(&arguments.store)?, cancel)?;
    match arguments.format {
        Format::Json => print(&(serde_json::to_string(&status).expect("plain data") + "\n")),
        Format::Text => print(&draw(&status)),
    }
}

fn draw(status: &Status) -> String {
    let mut out = format!("{}\n", status.folder);
    let header = ["step", "units", "done", "failed", "to do"].map(str::to_owned);
    let rows: Vec<Vec<String>> = status
        .steps
        .iter()
        .map(|step| {
            let most = if step.known { "" } else { "at most " };
            vec![
                step.name.clone(),
                ranges(&(step.first_unit..step.first_unit + step.units).collect::<Vec<_>>()),
                step.done.to_string(),
                step.failed.to_string(),
                format!("{most}{}", step.open),
            ]
        })
        .collect();
    let _ = writeln!(out, "{}", table(&header, &rows, 2));
    for submission in &status.submissions {
        let number = |count: Option<usize>| count.map_or("?".to_owned(), |n| n.to_string());
        let state = if let Some(why) = &submission.refused {
            format!("refused: {why}")
        } else if submission.lives {
            format!(
                "{} running, {} waiting",
                number(submission.running),
                number(submission.waiting)
            )
        } else {
            "over".to_owned()
        };
        let _ = writeln!(
            out,
            "submission {} to {} of {}: {state}",
            submission.number, submission.engine, submission.time
        );
        for line in submission.usage.iter().flat_map(Measured::lines) {
            let _ = writeln!(out, "  {line}");
        }
        for says in &submission.says {
            let _ = writeln!(out, "  {says}");
        }
    }
    if status.conflicts > 0 {
        let _ = writeln!(
            out,
            "{} in conflicts/: trials that came to something else than their record",
            counted(status.conflicts, "file")
        );
    }
    let failed: usize = status.steps.iter().map(|step| step.failed).sum();
    let lives = status.submissions.iter().any(|submission| submission.lives);
    let last = match (status.finished, lives) {
        (true, _) if failed > 0 => format!(
            "all is over and reported; {} failed: `musicrec-lab retry` with this folder and --failed tries again\n",
            counted(failed, "trial")
        ),
        (true, _) => "all is done: the report is there\n".to_owned(),
        (false, true) => status.seconds_left.map_or(String::new(), |seconds| {
            format!("about {:.0} s left of the step at work\n", seconds.ceil())
        }),
        (false, false) => {
            "nothing that was submitted runs or waits: the command that began the sweep, or `musicrec-lab \
             retry` with this folder, submits what is missing\n"
                .to_owned()
        }
    };
    out + &last
}

pub(super) fn wait(arguments: &WaitArguments) -> Result<(), Failure> {
    let progress = Progress::new(arguments.log, arguments.quiet);
    let cancel = on_stop("no longer waiting")?;
    launch::follow(&arguments.store, &progress, cancel)
}

pub(super) fn retry(arguments: &RetryArguments) -> Result<(), Failure> {
    let progress = Progress::new(arguments.log, arguments.quiet);
    let cancel = on_stop("no longer looking on")?;
    let store = Store::at(&arguments.store)?;
    let plan = Plan::read(&store)?;
    let launcher = if arguments.place.is_given() {
        arguments.place.launcher()?
    } else {
        launch::Chosen::last(&store)?
    };
    if !launcher.is_elsewhere() {
        return Err(Failure::Definition(
            "a sweep of the launcher `local` is run again by its own command".to_owned(),
        ));
    }
    let experiment = plan.experiment_with_log()?;
    let folder = store.folder();
    let out = folder.parent().unwrap_or(folder).to_path_buf();
    let options = Options {
        retry_failed: arguments.failed,
        keep: plan.asked.keep,
        command: plan.asked.command.clone(),
        ..Options::new(out, threads(None))
    };
    let asked = Asked {
        prepare_units: arguments.place.prepare_units().or(plan.asked.prepare_units),
        ..plan.asked.clone()
    };
    launch::launch(
        &experiment,
        &options,
        asked,
        &launcher,
        &progress,
        cancel,
        arguments.detach,
    )
}

pub(super) fn cancel(arguments: &CancelArguments) -> Result<(), Failure> {
    let store = Store::new(arguments.store.clone());
    Plan::read(&store)?;
    let ended = cluster::cancel(&store)?;
    if ended.is_empty() {
        say("nothing that was submitted is left");
    }
    for submission in ended {
        say(&format!(
            "submission {} to {} is ended; what has a record stays",
            submission.number,
            submission.engine()
        ));
    }
    Ok(())
}
