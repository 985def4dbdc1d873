//! What a sweep would do: which trials, which of them are done, and what the rest takes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use musicrec_api::Role;

use crate::exit::Failure;
use crate::experiment::{Experiment, Trial};
use crate::sweep::estimate::{Speeds, memory};
use crate::sweep::memory;
use crate::sweep::outlook::{Ahead, Fate, Outlook};
use crate::sweep::{Overview, Sweep};
use crate::text::counted;

/// The plan of a sweep.
#[derive(Debug)]
pub(crate) struct Plan {
    /// All trials in the order of the definition.
    pub(crate) trials: Vec<Planned>,
    /// What is done once for several trials, in words.
    pub(crate) shared: Vec<String>,
    /// Trials that are one, in words.
    pub(crate) folded: Vec<String>,
    /// How far rows that are halved have got, in words.
    pub(crate) halved: Vec<String>,
    /// Whether the folder is this sweep and nothing is left to do.
    pub(crate) finished: bool,
    pub(crate) estimate: Estimate,
}

/// A trial of the plan.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) variant: String,
    /// What distinguishes it from the other trials of its variant.
    pub(crate) settings: String,
    /// `None` where there is no validation part.
    pub(crate) validation: Option<State>,
    pub(crate) test: State,
    /// Seconds of fitting and ranking it to its end on one thread with all seeds that have no record yet,
    /// or with all if none is missing; on validation if there is such a part; `None` where nothing tells.
    pub(crate) seconds: Option<f64>,
    /// The same on test.
    on_test: Option<f64>,
}

impl Planned {
    fn runs(&self) -> bool {
        let runs = |state: &State| matches!(state, State::Runs | State::Waits | State::IfChosen);
        self.validation.as_ref().map_or(runs(&self.test), runs)
    }
}

/// What becomes of a trial on a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It has a record.
    Done,
    /// It will run.
    Runs,
    /// It is the same as an earlier one, whose place from 1 this is.
    Same(usize),
    /// It runs on test if it is the best of its variant on validation.
    IfChosen,
    /// Another one of its variant was chosen.
    NotChosen,
    /// It ran on a rung of halving where others have not yet; it goes on if it is among the best.
    Waits,
    /// Halving stopped it, or its fit ended before it.
    Stopped,
    /// It failed, and a sweep does not try it again.
    Failed,
}

impl From<Fate> for State {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Done => Self::Done,
            Fate::Runs => Self::Runs,
            Fate::Waits => Self::Waits,
            Fate::Stopped => Self::Stopped,
            Fate::Failed => Self::Failed,
        }
    }
}

/// Time and memory of what is left to do.
#[derive(Debug)]
pub(crate) struct Estimate {
    /// Seconds of trials if each ran on one thread.
    pub(crate) seconds: f64,
    /// The same with the threads given.
    pub(crate) wall: f64,
    /// Trials that nothing is known of.
    pub(crate) unknown: usize,
    /// What it rests on.
    pub(crate) basis: Vec<String>,
    /// Bytes of the matrices and factors of as many trials as run at once.
    pub(crate) bytes: f64,
    /// Bytes that reading, cleaning and splitting took just now.
    pub(crate) peak: Option<f64>,
}

/// Makes the plan of a sweep that has been prepared.
pub(crate) fn make(
    experiment: &Experiment,
    sweep: &Sweep,
    threads: usize,
) -> Result<Plan, Failure> {
    let overview = sweep.overview();
    let known = sweep.known()?;
    let all = experiment.trials();
    let speeds = Speeds::learn(overview, &all, &known);
    let (outlook, finished) = (sweep.outlook()?, sweep.nothing_left()?);
    let mut left = Left::default();
    // Rows that are halved have a fate of their own for what is equal.
    let mut seen: HashMap<(&str, Option<usize>), usize> = HashMap::new();
    let mut trials: Vec<Planned> = Vec::new();
    for (row, variant) in overview.variants.iter().enumerate() {
        let first = trials.len();
        for plan in &variant.trials {
            let number = trials.len() + 1;
            let missing = |ids: &[String]| ids.iter().filter(|id| !known.contains_key(*id)).count();
            let choice =
                variant.trials.len() > 1 && !plan.validation.is_empty() && !overview.exhibit_test;
            let mut validation: Option<State> =
                outlook.fates.get(&plan.index).map(|fate| (*fate).into());
            let mut test = match validation {
                _ if missing(&plan.test) == 0 => State::Done,
                // What has no value there is not chosen.
                Some(State::Stopped) => State::Stopped,
                Some(State::Failed) if !overview.exhibit_test => State::Failed,
                _ if any_failed(sweep, &plan.test)? => State::Failed,
                _ if choice && finished => State::NotChosen,
                _ if choice => State::IfChosen,
                _ => State::Runs,
            };
            let halved = variant.halving.as_ref().map(|_| row);
            let earlier = *seen
                .entry((plan.test[0].as_str(), halved))
                .or_insert(number);
            if earlier < number {
                validation = validation.map(|_| State::Same(earlier));
                test = State::Same(earlier);
            }
            // What is left of its seeds, or all of them where nothing is; each on all periods.
            let folds = &overview.cleanings[plan.cleaning].folds;
            let of = |role, ids: &[String]| -> Option<f64> {
                let periods = folds.iter().filter(|f| f.role == role);
                let seconds = periods.map(|fold| speeds.seconds(&all[plan.index], fold));
                let seeds = match missing(ids) {
                    0 => ids.len(),
                    missing => missing,
                };
                Some(seconds.sum::<Option<f64>>()? * seeds as f64)
            };
            let on_test = of(Role::Test, &plan.test);
            let seconds = match validation {
                Some(_) => of(Role::Validation, &plan.validation),
                None => on_test,
            };
            let planned = Planned {
                variant: variant.name.clone(),
                settings: plan.settings.clone(),
                validation,
                test,
                seconds,
                on_test,
            };
            if planned.runs() && !finished {
                left.estimated |= !speeds.recorded(&all[plan.index]);
                let bytes = folds.iter().map(|fold| memory(&all[plan.index], fold));
                left.bytes.extend(bytes.max_by(f64::total_cmp));
            }
            trials.push(planned);
        }
        left.variant(&trials[first..]);
    }
    for ahead in &outlook.ahead {
        left.ahead(ahead, all[ahead.trial], overview, &speeds);
    }
    Ok(Plan {
        shared: shared(experiment, overview, &all),
        folded: folded(experiment, &trials),
        halved: progress(overview, &outlook),
        finished,
        trials,
        estimate: left.estimate(threads, &speeds),
    })
}

fn any_failed(sweep: &Sweep, ids: &[String]) -> Result<bool, Failure> {
    for id in ids {
        if sweep.stays_failed(id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How far rows that are halved have got, in words.
fn progress(overview: &Overview, outlook: &Outlook) -> Vec<String> {
    let rows = overview.variants.iter().zip(&outlook.rungs);
    let rows = rows.filter(|(variant, _)| variant.halving.is_some());
    rows.map(|(variant, rungs)| {
        let rungs = rungs.iter().enumerate();
        let rungs: Vec<String> = rungs
            .map(|(at, rung)| format!("{} of {} on rung {}", rung.done, rung.of, at + 1))
            .collect();
        format!("halving of {}: {}", variant.name, rungs.join(", "))
    })
    .collect()
}

/// What is left to do, added up.
#[derive(Debug, Default)]
struct Left {
    seconds: f64,
    unknown: usize,
    /// Whether any trial is of a model that no record tells of.
    estimated: bool,
    /// Of each trial that runs.
    bytes: Vec<f64>,
    /// The longest of the fits on validation that are points on one way, by that way.
    longest: HashMap<String, f64>,
    /// The records on validation that were added: from this chance on each is sure to be there.
    added: BTreeMap<String, f64>,
}

/// What trials have in common that one fit serves.
fn way(trial: &Trial) -> String {
    let parts = (&trial.model.fitted_as, &trial.weighting.resolved);
    format!("{} {} {}", parts.0, parts.1, trial.cleaning)
}

impl Left {
    /// Adds what a trial takes on a rung, or on validation as a whole.
    fn ahead<'a>(
        &mut self,
        ahead: &'a Ahead,
        mut trial: Trial<'a>,
        overview: &Overview,
        speeds: &Speeds,
    ) {
        if let Some(model) = &ahead.model {
            trial.model = model;
        }
        // Equal ones run once; some are equal only as far as a rung goes.
        let mut seeds = 0.0;
        for id in &ahead.missing {
            let added = self.added.entry(id.clone()).or_default();
            seeds += (ahead.chance - *added).max(0.0);
            *added = added.max(ahead.chance);
        }
        if seeds == 0.0 {
            return;
        }
        let folds = overview.cleanings[trial.cleaning].folds.iter();
        let folds = folds.filter(|fold| fold.role == Role::Validation);
        let fit = folds.clone().map(|fold| speeds.fit(&trial, fold));
        let Some(fit) = fit.sum::<Option<f64>>() else {
            self.unknown += usize::from(ahead.rung == 0);
            return;
        };
        // Models take about as much longer as they are asked of more users.
        let share = seeds * ahead.users;
        let rank: f64 = folds.map(|fold| speeds.rank(fold)).sum();
        self.seconds += (fit + rank) * share;
        self.fit(format!("{} {}", ahead.rung, way(&trial)), fit * share);
    }

    /// Adds the test of a variant: the trials that are sure to run there, and the dearest of those that
    /// may be chosen for it.
    fn variant(&mut self, trials: &[Planned]) {
        let mut add = |seconds: Option<f64>| {
            self.seconds += seconds.unwrap_or(0.0);
            self.unknown += usize::from(seconds.is_none());
        };
        let validating = |t: &Planned| matches!(t.validation, Some(State::Runs | State::Waits));
        // What is stopped or failed on validation never was on test.
        let tested = |t: &Planned| match t.test {
            State::Done => true,
            State::Failed => t.validation == Some(State::Done),
            _ => false,
        };
        let settled = !trials.iter().any(validating) && trials.iter().any(tested);
        for trial in trials.iter().filter(|t| t.test == State::Runs) {
            add(trial.on_test);
        }
        let tested = |t: &&Planned| t.test == State::IfChosen;
        let dearest = trials
            .iter()
            .filter(tested)
            .max_by(|a, b| a.on_test.partial_cmp(&b.on_test).unwrap_or(Ordering::Equal));
        if let Some(dearest) = dearest.filter(|_| !settled) {
            add(dearest.on_test);
        }
    }

    /// Takes off the seconds of a fit on validation that another one on the same way includes.
    fn fit(&mut self, way: String, seconds: f64) {
        let longest = self.longest.entry(way).or_default();
        self.seconds -= longest.min(seconds);
        *longest = longest.max(seconds);
    }

    fn estimate(mut self, threads: usize, speeds: &Speeds) -> Estimate {
        self.bytes.sort_by(|a, b| b.total_cmp(a));
        let at_once = threads.min(self.bytes.len().max(1));
        Estimate {
            seconds: self.seconds.max(0.0),
            wall: self.seconds.max(0.0) / at_once as f64,
            unknown: self.unknown,
            basis: speeds.basis(self.estimated),
            // Adding nothing gives -0.
            bytes: self.bytes.iter().take(at_once).sum::<f64>().max(0.0),
            peak: memory::peak().map(|bytes| bytes as f64),
        }
    }
}

fn shared(experiment: &Experiment, overview: &Overview, all: &[Trial]) -> Vec<String> {
    let mut lines = Vec::new();
    let cleanings = experiment.cleanings.len();
    lines.push(if cleanings == 1 {
        "reading, cleaning and splitting: once for all trials".to_owned()
    } else {
        format!("reading, cleaning and splitting: once for each of {cleanings} alternatives")
    });
    if let Some(random) = experiment.search.as_ref().and_then(|s| s.random.as_ref()) {
        lines.push(random.what());
        lines.extend(
            random
                .spaces()
                .into_iter()
                .map(|space| format!("  {space}")),
        );
    }
    for variant in &overview.variants {
        if let Some(halved) = &variant.halving {
            lines.push(format!(
                "halving of {}: {}",
                variant.name,
                halved.plan_words()
            ));
        }
        if let Some(early) = &variant.early {
            let rule = early.rule_words();
            lines.push(format!("early stopping of {}: {rule}", variant.name));
        }
    }
    let folds = overview.cleanings.first().map_or(0, |c| c.folds.len());
    let weighings: BTreeSet<(String, usize)> = all
        .iter()
        .map(|t| (t.weighting.resolved.to_string(), t.cleaning))
        .collect();
    lines.push(format!(
        "weighing: {} for {}, on each of {}",
        match weighings.len() {
            1 => "1 matrix".to_owned(),
            n => format!("{n} matrices"),
        },
        counted(all.len(), "trial"),
        counted(folds, "part")
    ));
    let ways: BTreeSet<String> = all.iter().map(way).collect();
    if ways.len() < all.len() {
        lines.push(format!(
            "fitting: {} for {} (those that differ in the number of steps alone are one fit)",
            counted(ways.len(), "fit"),
            counted(all.len(), "trial")
        ));
    }
    let stochastic = all.iter().map(|trial| trial.model);
    let stochastic: BTreeSet<&str> = stochastic
        .filter(|model| model.plugin.is_stochastic())
        .map(|model| model.label.as_str())
        .collect();
    let evaluation = &experiment.evaluation;
    if !stochastic.is_empty() && evaluation.seeds.max(evaluation.validation_seeds).get() > 1 {
        let names: Vec<&str> = stochastic.into_iter().collect();
        lines.push(format!(
            "seeds: {} on validation and {} on test for what is stochastic ({})",
            evaluation.validation_seeds,
            evaluation.seeds,
            names.join(", ")
        ));
    }
    lines.push(format!(
        "random rankings: {} for {}",
        experiment.evaluation.null_rankings,
        if cleanings == 1 {
            "all trials"
        } else {
            "each alternative of the cleaners"
        }
    ));
    lines
}

fn folded(experiment: &Experiment, planned: &[Planned]) -> Vec<String> {
    let mut lines = Vec::new();
    // What is drawn is not multiplied.
    let random = experiment.search.as_ref().and_then(|s| s.random.as_ref());
    if experiment.weightings.len() > 1 && random.is_none() {
        let mut named = BTreeSet::new();
        for model in experiment.trials().iter().map(|trial| trial.model) {
            if !model.plugin.reads_weights() && named.insert(&model.label) {
                lines.push(format!(
                    "{}: one trial instead of {}, for it does not read the strength of interactions",
                    model.label,
                    experiment.weightings.len()
                ));
            }
        }
    }
    for (at, trial) in planned.iter().enumerate() {
        let role = trial.validation.as_ref().unwrap_or(&trial.test);
        if let State::Same(first) = role {
            lines.push(format!(
                "trial {} ({}) is the same as trial {first} ({}) and is run once",
                at + 1,
                trial.variant,
                planned[first - 1].variant
            ));
        }
    }
    lines
}
