//! Hands to an engine what of a sweep is missing.

use std::sync::atomic::AtomicBool;

use musicrec_api::{Engine, Error, Launcher, Step as Units, Work};

use super::plan::{Asked, Plan, apart, prepared};
use super::submissions::{self, Submission};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::records::{Store, now};
use crate::sweep::steps::{Step, Width, widths};
use crate::sweep::{Event, Listener, Options, PREPARE, REPORT, Sweep, begin_folder, data_of};
use crate::text::counted;

/// What came of launching.
#[derive(Debug)]
pub(crate) enum Launched {
    /// Everything is done.
    Nothing,
    /// An earlier submission still lives: its number, and why this command would do something else.
    Lives(u32, Option<&'static str>),
    /// A new one: its number, how many units it has, and what is to be done by hand.
    Submitted(u32, usize, Option<String>),
    /// The engine took nothing: why.
    Refused(String),
}

/// Submits what is missing of an experiment, unless an earlier submission still lives.
pub(crate) fn launch(
    experiment: &Experiment,
    options: &Options,
    asked: Asked,
    launcher: &dyn Launcher,
    cancel: &AtomicBool,
    listener: &Listener,
) -> Result<Launched, Failure> {
    let engine = launcher.engine().expect("who has none runs here");
    let store = Store::new(options.out.join(&experiment.name));
    if options.fresh {
        refuse_living(&store)?;
    }
    let data = data_of(experiment)?;
    // Units on other nodes may be writing, and not every file system lets locks reach that far: then nothing
    // is repaired.
    let mut busy = false;
    for mut earlier in submissions::all(&store)? {
        // An engine that cannot tell now will be asked again below.
        busy |= earlier.look(&store).map_or(true, |look| look.lives());
    }
    let _presence = begin_folder(experiment, options, (&store, busy), &data, listener)?;
    store.exclusively(|| {
        let known = Plan::of(&store)?;
        let full = Store::at(store.folder())?;
        let planned = known.as_ref().map_or_else(now, |known| known.planned.clone());
        let mut plan = Plan::new(asked, experiment, &data, &planned)?;
        let same = known.as_ref().is_some_and(|known| known.identity == plan.identity);
        for mut earlier in submissions::all(&store)? {
            if !earlier.look(&store)?.lives() {
                continue;
            }
            let settings = serde_json::to_value(launcher).expect("settings are plain data");
            if same {
                let other = match () {
                    () if settings != earlier.launcher => Some("with other settings than now"),
                    () if options.retry_failed => Some("and what failed is not tried again meanwhile"),
                    () => None,
                };
                return Ok(Launched::Lives(earlier.number, other));
            }
            return Err(Failure::Changed(format!(
                "submission {} of an earlier plan still lives in {}; end it with `musicrec-lab cancel {1}`, \
                 or wait until it is over",
                earlier.number,
                store.folder().display()
            )));
        }
        store.probe()?;
        if !same {
            plan.planned = now();
        }
        plan.keep(&store)?;
        if options.retry_failed {
            begin_anew(&store)?;
        }
        let options = plan.options(&full, options.threads);
        let mut sweep = Sweep::unread(experiment, &options, cancel, &data)?;
        let steps = missing(&plan.steps, &mut sweep)?;
        if steps.is_empty() {
            return Ok(Launched::Nothing);
        }
        sweep.reopen()?;
        for step in [PREPARE, REPORT] {
            store.forget_attempts(step)?;
        }
        for part in sweep.parts() {
            store.forget_attempts(&part)?;
        }
        let units = steps.iter().map(|step| step.units.len()).sum();
        let mut submission = Submission::begin(&store, launcher)?;
        let work = work(experiment, &full, &submission.logs(), steps)?;
        listener(Event::Note(&format!(
            "submitting {} in {}",
            counted(units, "unit"),
            counted(work.steps.len(), "step")
        )));
        if let Some(why) = submit(engine, &work, &mut submission, &store)? {
            return Ok(Launched::Refused(why));
        }
        // Who cannot tell what becomes of units does not run them.
        let by_hand = engine.look(&submission.jobs)?.unknown;
        let commands = by_hand.then(|| engine.draft(&work)).transpose()?;
        Ok(Launched::Submitted(submission.number, units, commands))
    })
}

/// What [`launch`] would submit, as a person reads it; nothing is written.
pub(crate) fn draft(
    experiment: &Experiment,
    options: &Options,
    units: Option<u16>,
    launcher: &dyn Launcher,
    cancel: &AtomicBool,
) -> Result<Option<String>, Failure> {
    let Some(engine) = launcher.engine() else {
        return Ok(None);
    };
    let data = data_of(experiment)?;
    let store = Store::at(&options.out.join(&experiment.name))?;
    let apart = apart(experiment, units)?;
    let own = Options {
        cache: prepared(&store),
        apart,
        ..Options::new(options.out.clone(), options.threads)
    };
    let mut sweep = Sweep::unread(experiment, &own, cancel, &data)?;
    let steps = missing(&widths(experiment, &data, apart), &mut sweep)?;
    let logs = format!("{}/N", submissions::FOLDER);
    let work = work(experiment, &store, &logs, steps)?;
    if work.steps.is_empty() {
        return Ok(Some("nothing: all is done\n".to_owned()));
    }
    Ok(Some(engine.draft(&work)?))
}

fn work(
    experiment: &Experiment,
    store: &Store,
    logs: &str,
    steps: Vec<Units>,
) -> Result<Work, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Failure::Output(format!("this program does not know its own path: {e}")))?;
    let places = (store.folder().to_path_buf(), program, store.path(logs));
    Ok(Work::new(experiment.name.clone(), places, steps))
}

/// Submits, and where that fails in the middle ends what was taken; returns why it failed.
fn submit(
    engine: &dyn Engine,
    work: &Work,
    submission: &mut Submission,
    store: &Store,
) -> Result<Option<String>, Failure> {
    let mut kept = Ok(());
    let submitted = engine.submit(work, &mut |job| {
        submission.jobs.push(job);
        // What is taken is known even if this process dies now.
        kept = submission.keep(store);
        match &kept {
            Ok(()) => Ok(()),
            Err(failure) => Err(musicrec_api::Error::engine(failure.message())),
        }
    });
    let Err(error) = submitted else {
        return Ok(None);
    };
    let canceled = match &submission.jobs[..] {
        [] => Ok(()),
        taken => engine.cancel(taken),
    };
    kept?;
    if let Err(why) = canceled {
        return Err(Failure::Engine(format!(
            "{error}; and what had been submitted before could not be ended: {why}; end it with \
             `musicrec-lab cancel {}`",
            store.folder().display()
        )));
    }
    submission.over = true;
    submission.refused = Some(error.to_string());
    submission.keep(store)?;
    match error {
        Error::Engine(why) => Ok(Some(why)),
        error => Err(error.into()),
    }
}

/// The units that are left to do, step by step.
fn missing(widths: &[Width], sweep: &mut Sweep) -> Result<Vec<Units>, Failure> {
    let mut steps = Vec::new();
    for width in widths {
        let all = width.first..width.first + width.units;
        let units: Vec<u32> = match sweep.states(width.step)? {
            Some(states) => all
                .zip(&states)
                .filter(|(_, state)| state.is_open())
                .map(|(unit, _)| unit)
                .collect(),
            None => all.collect(),
        };
        // What is fitted again may change what was reported.
        let again = width.step == Step::Report && !steps.is_empty();
        let units = if again { vec![width.first] } else { units };
        if !units.is_empty() {
            steps.push(Units {
                name: width.name(),
                units,
            });
        }
    }
    Ok(steps)
}

/// Lets all that failed begin anew.
fn begin_anew(store: &Store) -> Result<(), Failure> {
    for id in store.listed().1 {
        if let Some(record) = store.failed(&id)? {
            store.forget_attempts(&record.run.unit)?;
        }
        store.forget_failure(&id)?;
    }
    Ok(())
}

/// What an engine still has would write into a folder that is set aside.
fn refuse_living(store: &Store) -> Result<(), Failure> {
    for mut earlier in submissions::all(store)? {
        let look = earlier.look(store)?;
        if look.lives() && !look.unknown {
            return Err(Failure::Changed(format!(
                "submission {} still has {} in {}: end it first with `musicrec-lab cancel {2}`",
                earlier.number,
                counted(look.running + look.waiting, "unit"),
                store.folder().display()
            )));
        }
    }
    Ok(())
}

impl Launched {
    /// In words.
    pub(crate) fn words(&self, engine: &str) -> String {
        match self {
            Self::Nothing => "nothing to do: every trial has a record".to_owned(),
            Self::Lives(number, None) => {
                format!("submission {number} still lives; nothing is submitted anew")
            }
            Self::Lives(number, Some(other)) => format!(
                "submission {number} still lives, {other}: nothing is submitted anew. End it first \
                 (`musicrec-lab cancel` with the report folder) or wait until it is over, then give the same \
                 command again"
            ),
            Self::Refused(why) => why.clone(),
            Self::Submitted(number, units, None) => {
                format!(
                    "submission {number}: {engine} has {}",
                    counted(*units, "unit")
                )
            }
            Self::Submitted(number, _, Some(_)) => format!(
                "submission {number} is yours to run: the commands are on standard output; `musicrec-lab wait` \
                 looks on"
            ),
        }
    }
}
