//! `musicrec-lab plan`: what a sweep would do.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use musicrec_api::arithmetic;

use super::cache::Place;
use super::changes::Changes;
use super::{launch, on_interrupt, print, say, threads};
use crate::cluster;
use crate::exit::Failure;
use crate::plan::{self, Plan, Planned, State};
use crate::report::table;
use crate::sweep::{Options, Sweep};
use crate::text::counted;

/// Rows that are shown without `--all`.
const ROWS: usize = 50;

/// What is said of trials that failed.
const FAILED: &str = "failed (tried again only with --retry-failed)";

/// Show what a sweep would do: its trials, what is done already, an estimate of time and memory
///
/// Reads, cleans and splits the log as a sweep does, fits nothing and writes nothing but to the cache. With
/// --launcher of a cluster it shows what would be submitted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab plan experiments/quickstart.toml
  musicrec-lab plan my.toml --set model.als.factors='{ range = [8, 256], scale = \"log2\" }' --all")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// The experiment's definition, a TOML file
    definition: PathBuf,

    #[command(flatten)]
    changes: Changes,

    /// The folder that holds a folder for the experiment
    #[arg(long, default_value = "reports")]
    out: PathBuf,

    /// Threads that the sweep will use [default: as many as the machine has]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    #[command(flatten)]
    place: Place,

    /// Plan for a sweep with --fresh: nothing that is there counts
    #[arg(long)]
    fresh: bool,

    /// Plan for a sweep with --keep: what still matches counts
    #[arg(long, conflicts_with = "fresh")]
    keep: bool,

    /// Plan for a sweep with --retry-failed: what failed is left to do
    #[arg(long)]
    retry_failed: bool,

    /// Plan for a sweep with --portable, whose trials are others
    #[arg(long)]
    portable: bool,

    /// Show every trial, however many there are
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    launcher: launch::Launching,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arithmetic::set_portable(arguments.portable);
    let experiment = arguments.changes.load(&arguments.definition, false)?;
    let options = Options {
        fresh: arguments.fresh,
        keep: arguments.keep,
        retry_failed: arguments.retry_failed,
        cache: arguments.place.open(false),
        ..Options::new(arguments.out.clone(), threads(arguments.threads))
    };
    let launcher = arguments.launcher.launcher()?;
    let units = arguments.launcher.prepare_units();
    let draft = cluster::draft(
        &experiment,
        &options,
        units,
        &*launcher.launcher,
        on_interrupt()?,
    )?;
    if let Some(draft) = draft {
        return print(&draft);
    }
    say(&format!(
        "reading and cleaning {}",
        experiment.path.display()
    ));
    let sweep = Sweep::prepare(&experiment, &options, on_interrupt()?)?;
    let plan = plan::make(&experiment, &sweep, options.threads)?;
    let folder = sweep.store().folder().display().to_string();
    print(&draw(&plan, arguments.all, options.threads, &folder))
}

fn draw(plan: &Plan, all: bool, threads: usize, folder: &str) -> String {
    let mut out = String::new();
    let shown = if all { plan.trials.len() } else { ROWS };
    let validated = plan.trials.iter().any(|t| t.validation.is_some());
    let mut header = vec!["#", "variant", "settings"];
    if validated {
        header.push("validation");
    }
    header.extend(["test", "seconds"]);
    let header: Vec<String> = header.into_iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = plan
        .trials
        .iter()
        .take(shown)
        .enumerate()
        .map(|(at, trial)| row(at, trial))
        .collect();
    let _ = writeln!(out, "Trials\n{}", table(&header, &rows, header.len() - 1));
    if plan.trials.len() > shown {
        let _ = writeln!(
            out,
            "  and {} more; --all shows them",
            plan.trials.len() - shown
        );
    }
    let _ = writeln!(
        out,
        "  seconds: an estimate, on one thread, of the trial run to its end{}",
        if validated { " on validation" } else { "" }
    );
    for line in &plan.folded {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "\nShared");
    for line in &plan.shared {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "\nDone already in {folder}");
    for line in done(plan, validated) {
        let _ = writeln!(out, "  {line}");
    }
    out + &estimate(plan, threads)
}

/// What is done and what is left.
fn done(plan: &Plan, validated: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if plan.finished {
        lines.push("nothing left to do".to_owned());
    }
    let count = |state: &dyn Fn(&Planned) -> bool| plan.trials.iter().filter(|t| state(t)).count();
    let more = |count: usize, what: &str| match count {
        0 => String::new(),
        count => format!(", {count} {what}"),
    };
    if validated {
        let on = |state: State| count(&|t| t.validation.as_ref() == Some(&state));
        lines.push(format!(
            "{} on validation{}{}; left to do: {}{}",
            counted(on(State::Done), "trial"),
            more(on(State::Stopped), "stopped early"),
            more(on(State::Failed), FAILED),
            on(State::Runs),
            match on(State::Waits) {
                0 => String::new(),
                waiting => format!(", then the best of these and of {waiting} more go on"),
            }
        ));
    }
    lines.extend(plan.halved.iter().cloned());
    let tested = count(&|t| t.test == State::Done);
    let failed = |t: &Planned| t.test == State::Failed && t.validation != Some(State::Failed);
    lines.push(format!(
        "{} on test{}",
        counted(tested, "trial"),
        more(count(&failed), FAILED)
    ));
    lines
}

fn row(at: usize, trial: &Planned) -> Vec<String> {
    let state = |state: &State| match state {
        State::Done => "done".to_owned(),
        State::Runs => "runs".to_owned(),
        State::Same(first) => format!("same as {first}"),
        State::IfChosen => "if chosen".to_owned(),
        State::NotChosen => "not chosen".to_owned(),
        State::Waits => "if among the best".to_owned(),
        State::Stopped => "stopped".to_owned(),
        State::Failed => "failed".to_owned(),
    };
    let mut cells = vec![
        (at + 1).to_string(),
        trial.variant.clone(),
        trial.settings.clone(),
    ];
    cells.extend(trial.validation.as_ref().map(state));
    cells.push(state(&trial.test));
    cells.push(trial.seconds.map_or("unknown".to_owned(), seconds));
    cells
}

fn estimate(plan: &Plan, threads: usize) -> String {
    let estimate = &plan.estimate;
    let mut out = String::from("\nEstimate of what is left\n");
    let _ = writeln!(
        out,
        "  fitting and ranking: {} on {threads} threads ({} on one){}",
        seconds(estimate.wall),
        seconds(estimate.seconds),
        match estimate.unknown {
            0 => String::new(),
            n => format!(", without {n} trials of models that do not tell their cost"),
        }
    );
    for basis in &estimate.basis {
        let _ = writeln!(out, "    {basis}");
    }
    let _ = writeln!(
        out,
        "    not in it: reading and cleaning, random rankings, intervals, recommendations"
    );
    let megabytes = |bytes: f64| format!("{:.0} MB", (bytes / 1e6).ceil());
    let peak = estimate.peak.map_or(String::new(), |peak| {
        format!(
            "; reading, cleaning and splitting held {} just now",
            megabytes(peak)
        )
    });
    let _ = writeln!(
        out,
        "  memory: {} for the trials that run at once{peak}",
        megabytes(estimate.bytes)
    );
    out
}

/// Seconds as one would say them.
fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => "<0.01 s".to_owned(),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}
