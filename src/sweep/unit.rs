//! One unit of work: for each period of a part weigh, fit, and at every point on the way that is a trial
//! rank and measure; a record a trial, stored as soon as its last period is measured.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use musicrec_api::{
    Checkpoints, Error, FitContext, Losses, Note, Notes, Recommender, Result, Role, derive_seed,
};

use super::Sweep;
use super::meter::{Meter, Moment};
use super::outcome::Scored;
use super::trains::Weighed;
use super::units::{Member, Unit};
use crate::cache::{Fitted, Stage, keys};
use crate::early_stopping::{Point, Watch};
use crate::exit::Failure;
use crate::experiment::{Ties, resolved};
use crate::panics::{Broken, caught};
use crate::records::{Origin, Outcome, Record, Run, SCHEMA, Spent, Stages, TrialResult, now};
use crate::stages::ask::{asked, lists};
use crate::stages::bound::{Bound, bind};
use crate::stages::fold::FoldData;
use crate::stages::measure::measure_by;
use crate::stages::periods;
use crate::stages::rank::Lists;
use crate::stages::segments;

/// Where a unit runs.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) meter: Meter,
    /// Its threads.
    pub(super) threads: usize,
    /// How many units run at once.
    pub(super) jobs: usize,
    /// How often the unit has been tried, this time included.
    pub(super) attempt: u32,
}

/// Lists that were kept, and the seconds of fitting and of ranking that they took.
pub(super) type Kept = (Lists, Fitted);

/// What takes a record.
pub(super) type Done<'d> = dyn Fn(&Record) -> Result<(), Failure> + Sync + 'd;

/// A trial on its way through the periods.
struct Way<'w, 'a> {
    member: &'w Member<'a>,
    scored: Scored<'w>,
    stages: Stages,
    /// Whether its lists were those of an earlier run.
    kept: bool,
    /// It is stored, as done or as failed.
    ended: bool,
}

/// All that a unit's trials share while they run.
struct Walk<'w, 'a> {
    sweep: &'w Sweep<'w>,
    unit: &'w Unit<'a>,
    job: &'w Job,
    folds: Vec<&'w FoldData>,
    started: String,
    estimated: Option<u64>,
    done: &'w Done<'w>,
    /// What its fits say.
    notes: Notes,
    state: Mutex<State<'w, 'a>>,
}

struct State<'w, 'a> {
    ways: Vec<Way<'w, 'a>>,
    /// What stops the sweep, not just a trial.
    stopped: Option<Failure>,
    /// What was spent on ranking and measuring since the fit began.
    off: Spent,
    /// How good the fit has been so far, where it may end early.
    watch: Option<Watch>,
}

/// One period of a part, ready to be learned from and measured.
struct Period<'p, 'w> {
    at: usize,
    fold: &'w FoldData,
    weighed: &'p Weighed,
    metrics: Vec<Bound>,
    /// What its fit tells.
    losses: &'p Losses,
    /// When its fit began.
    begun: Moment,
}

impl State<'_, '_> {
    /// Takes what came of a trial with so many steps; an error ends the fit, for what is left of it is not worth
    /// reaching.
    fn go_on(&mut self, steps: usize, came: Point) -> Result<()> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        watch.measured(steps, came);
        if self.enough() && self.ways.iter().any(|way| !way.ended) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Whether the fit has not become better for so long that it ends.
    fn enough(&self) -> bool {
        let watch = self.watch.as_ref();
        watch.is_some_and(|watch| watch.ended().is_some())
    }
}

impl Sweep<'_> {
    /// Runs a unit. The failure of a trial, a panic included, is its record; only what stops the
    /// sweep is an error. To be called on a thread of the job's pool.
    pub(super) fn run_unit(
        &self,
        unit: &Unit,
        job: &Job,
        estimated: Option<u64>,
        done: &Done,
    ) -> Result<(), Failure> {
        let walk = Walk::new(self, unit, job, estimated, done);
        walk.state().watch = self.watch(unit)?;
        for period in 0..walk.folds.len() {
            walk.through(period)?;
        }
        Ok(())
    }

    /// The lists of every trial of a unit in every period, if all of them are kept in the cache: then
    /// nothing has to be fitted to measure them, by other metrics perhaps.
    pub(super) fn kept(&self, unit: &Unit) -> Option<Vec<Vec<Kept>>> {
        // Who wants everything done again does not want it from a cache.
        let cache = &self.options.cache;
        if self.options.fresh || cache.folder().is_none() || !cache.keeps(Stage::Lists) {
            return None;
        }
        let periods = self.periods_of(unit);
        let of = |member: &Member, fold: &FoldData| {
            let key = keys::lists(&member.key, fold, &self.experiment.evaluation)?;
            let size = (fold.asked.len(), fold.fit.items.len());
            self.options.cache.get_lists(&key, size)
        };
        let members = unit.members.iter();
        members
            .map(|member| periods.iter().map(|fold| of(member, fold)).collect())
            .collect()
    }

    /// Measures the trials of a unit by lists that were kept.
    pub(super) fn measure_kept(
        &self,
        unit: &Unit,
        lists: Vec<Vec<Kept>>,
        job: &Job,
        done: &Done,
    ) -> Result<(), Failure> {
        let walk = Walk::new(self, unit, job, None, done);
        let mut state = walk.state();
        for (way, lists) in state.ways.iter_mut().zip(lists) {
            let measured = caught(|| {
                for (fold, (lists, fitted)) in walk.folds.iter().zip(lists) {
                    way.stages.fit.seconds += fitted.fit;
                    way.stages.rank.seconds += fitted.rank;
                    way.scored.told(fitted.losses);
                    let metrics = bind(&self.experiment.evaluation.metrics, fold)?;
                    walk.take(way, fold, &metrics, lists)?;
                }
                Ok(())
            });
            way.ended = true;
            way.kept = true;
            match measured {
                Ok(()) => {
                    let outcome = self.outcome(&walk.folds, std::mem::take(&mut way.scored))?;
                    walk.store(way, outcome, None)?;
                }
                Err(broken) => walk.store_failure(way, &broken)?,
            }
        }
        Ok(())
    }

    /// Stores the failures of a unit that is not even begun, or of which nothing came back.
    pub(super) fn refuse_unit(
        &self,
        unit: &Unit,
        job: &Job,
        estimated: Option<u64>,
        broken: &Broken,
        done: &Done,
    ) -> Result<(), Failure> {
        for member in &unit.members {
            let made = Made {
                started: now(),
                estimated,
                ..Made::default()
            };
            let message = broken.error.to_string();
            let outcome = Outcome::Failed { message };
            done(&self.record_of((unit, member), job, made, outcome, Some(broken)))?;
        }
        Ok(())
    }
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(
        sweep: &'w Sweep<'w>,
        unit: &'w Unit<'a>,
        job: &'w Job,
        estimated: Option<u64>,
        done: &'w Done<'w>,
    ) -> Self {
        let way = |member| Way {
            member,
            scored: Scored::default(),
            stages: Stages::default(),
            kept: false,
            ended: false,
        };
        Self {
            sweep,
            unit,
            job,
            folds: sweep.periods_of(unit),
            started: now(),
            estimated,
            done,
            notes: Notes::new(),
            state: Mutex::new(State {
                ways: unit.members.iter().map(way).collect(),
                stopped: None,
                off: Spent::default(),
                watch: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'w, 'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trials that still go on.
    fn going(&self) -> Vec<&'w Member<'a>> {
        let state = self.state();
        let going = state.ways.iter().filter(|way| !way.ended);
        going.map(|way| way.member).collect()
    }

    /// Takes all that still go on through a period by one fit.
    fn through(&self, at: usize) -> Result<(), Failure> {
        let going = self.going();
        let Some((last, before)) = going.split_last() else {
            return Ok(());
        };
        let (fold, meter, trial) = (self.folds[at], &self.job.meter, last.trial);
        let begun = meter.begin();
        let shared = self.sweep.trains.get(trial.cleaning, trial.weighting, fold);
        let made = caught(|| match shared.get().expect("made when fetched") {
            Ok(weighed) => Ok((
                weighed,
                bind(&self.sweep.experiment.evaluation.metrics, fold)?,
            )),
            Err(error) => Err(Error::model(error.to_string())),
        });
        let spent = meter.end(begun);
        for way in self.state().ways.iter_mut().filter(|way| !way.ended) {
            way.stages.weigh += spent;
        }
        let (weighed, metrics) = match made {
            Ok(made) => made,
            Err(broken) => return self.break_off(&broken),
        };
        self.state().off = Spent::default();
        let losses = Losses::new();
        let period = Period {
            losses: &losses,
            at,
            fold,
            weighed,
            metrics,
            begun: meter.begin(),
        };
        let on_the_way =
            |steps: usize, recommender: &dyn Recommender| self.measure(steps, recommender, &period);
        let steps = before.iter().map(|member| member.steps);
        let checkpoints = Checkpoints::new(steps, on_the_way);
        let seed = last.key.seed_name("fit", trial.model);
        let seed = derive_seed(self.sweep.experiment.seed, &seed);
        let depth = self.sweep.experiment.evaluation.depth();
        let (asked, base) = (asked(fold, depth), &self.sweep.experiment.base);
        let context = FitContext::new(periods::seed(seed, fold.summary.period))
            .with_asked(&asked)
            .with_base(base)
            .with_notes(&self.notes)
            .with_cancel(&self.sweep.abort)
            .with_checkpoints(&checkpoints)
            .with_losses(&losses)
            .with_shared(&weighed.parts);
        let ended = caught(|| {
            context.check_cancelled()?;
            let recommender = trial.model.plugin.fit(&weighed.train, &context)?;
            if let Some(step) = checkpoints.missing().first() {
                return Err(Error::model(format!(
                    "the model says that it learns in steps, but did not show its state after step \
                     {step} (a bug of the plugin)"
                )));
            }
            trial.model.same_files(base)?;
            self.measure(last.steps, &*recommender, &period)
        });
        if let Some(failure) = self.state().stopped.take() {
            return Err(failure);
        }
        if self.state().enough() {
            return Ok(());
        }
        match ended {
            Ok(()) => Ok(()),
            Err(Broken {
                error: Error::Cancelled,
                ..
            }) => Err(Error::Cancelled.into()),
            Err(broken) => self.break_off(&broken),
        }
    }

    /// Ranks and measures what was fitted in so many steps. A failure is that of the trial, which
    /// others on the way do not share.
    fn measure(
        &self,
        steps: usize,
        recommender: &dyn Recommender,
        of: &Period<'_, 'w>,
    ) -> Result<()> {
        let (meter, arrived) = (&self.job.meter, self.job.meter.now());
        let mut fit = meter.end(of.begun);
        let mut state = self.state();
        fit.seconds -= state.off.seconds;
        fit.cpu_seconds = match (fit.cpu_seconds, state.off) {
            (Some(all), Spent { cpu_seconds, .. }) => Some(all - cpu_seconds.unwrap_or(0.0)),
            (None, _) => None,
        };
        let mut ways = state.ways.iter_mut();
        let way = ways
            .find(|way| !way.ended && way.member.steps == steps)
            .ok_or_else(|| {
                Error::model(format!("a state after {steps} steps was not asked for"))
            })?;
        way.stages.fit += fit;
        let mut came = Point::Open;
        let stored = match caught(|| self.score(recommender, of, fit, way)) {
            Ok(()) if of.at + 1 == self.folds.len() => {
                way.ended = true;
                let scored = std::mem::take(&mut way.scored);
                let outcome = self.sweep.outcome(&self.folds, scored);
                outcome.and_then(|outcome| {
                    let value = outcome.metric(&self.sweep.overview.select);
                    came = value.map_or(Point::Failed, Point::Value);
                    self.store(way, outcome, None)
                })
            }
            Ok(()) => Ok(()),
            Err(broken) => {
                way.ended = true;
                came = Point::Failed;
                self.store_failure(way, &broken)
            }
        };
        let spent = meter.since(arrived);
        state.off.seconds += spent.seconds;
        state.off.cpu_seconds = spent.cpu_seconds.map(|cpu| {
            let before = state.off.cpu_seconds;
            before.unwrap_or(0.0) + cpu
        });
        // The fit goes on, and its peak is its own again.
        meter.begin();
        if let Err(failure) = stored {
            state.stopped = Some(failure);
            return Err(Error::Cancelled);
        }
        state.go_on(steps, came)
    }

    fn score(
        &self,
        recommender: &dyn Recommender,
        of: &Period<'_, 'w>,
        fit: Spent,
        way: &mut Way<'w, 'a>,
    ) -> Result<()> {
        let (meter, fold) = (&self.job.meter, of.fold);
        let losses = of.losses.until(way.member.steps);
        let evaluation = &self.sweep.experiment.evaluation;
        let begun = meter.begin();
        let given = of.weighed.given.as_ref();
        let name = way.member.trial.model.plugin.typetag_name();
        let shape = (evaluation.depth(), evaluation.ties == Ties::Expected);
        let lists = lists(recommender, fold, given, shape, name)?;
        let ranking = meter.end(begun);
        way.stages.rank += ranking;
        let cache = &self.sweep.options.cache;
        let took = fit.seconds + ranking.seconds;
        if cache.wants(Stage::Lists, Duration::from_secs_f64(took.max(0.0)))
            && let Some(key) = keys::lists(&way.member.key, fold, evaluation)
        {
            let fitted = Fitted {
                fit: fit.seconds,
                rank: ranking.seconds,
                losses: losses.clone(),
            };
            cache.put_lists(&key, &lists, &fitted);
        }
        way.scored.told(losses);
        self.take(way, fold, &of.metrics, lists)
    }

    /// Measures the lists of a trial in a period.
    fn take(
        &self,
        way: &mut Way<'w, 'a>,
        fold: &'w FoldData,
        metrics: &[Bound],
        lists: Lists,
    ) -> Result<()> {
        let meter = &self.job.meter;
        let begun = meter.begin();
        let measured = measure_by(metrics, fold, &lists)?;
        if self.unit.role() == Role::Test {
            let of_users = &measured.per_user;
            let lines = segments::measure(metrics, fold, &lists, of_users)?;
            way.scored.segments.push(lines);
        }
        way.stages.measure += meter.end(begun);
        way.scored.measured.push(measured);
        way.scored.lists.push(lists);
        Ok(())
    }

    /// Stores the failure of all that still go on.
    fn break_off(&self, broken: &Broken) -> Result<(), Failure> {
        for way in self.state().ways.iter_mut().filter(|way| !way.ended) {
            way.ended = true;
            self.store_failure(way, broken)?;
        }
        Ok(())
    }

    fn store_failure(&self, way: &Way, broken: &Broken) -> Result<(), Failure> {
        let message = broken.error.to_string();
        self.store(way, Outcome::Failed { message }, Some(broken))
    }

    fn store(&self, way: &Way, outcome: Outcome, broken: Option<&Broken>) -> Result<(), Failure> {
        let made = Made {
            started: self.started.clone(),
            stages: way.stages,
            kept: way.kept,
            estimated: self.estimated,
            notes: self.notes.all(),
        };
        let record = self
            .sweep
            .record_of((self.unit, way.member), self.job, made, outcome, broken);
        (self.done)(&record)
    }
}

/// How a record came about.
#[derive(Debug, Default)]
struct Made {
    started: String,
    stages: Stages,
    kept: bool,
    estimated: Option<u64>,
    notes: Vec<Note>,
}

impl Sweep<'_> {
    fn record_of(
        &self,
        (unit, member): (&Unit, &Member),
        job: &Job,
        made: Made,
        outcome: Outcome,
        broken: Option<&Broken>,
    ) -> Record {
        let experiment = self.experiment;
        Record {
            schema: SCHEMA,
            id: member.key.id(),
            result: TrialResult {
                key: member.key.clone(),
                outcome,
            },
            run: Run {
                variant: experiment.variant(&member.trial).to_owned(),
                started: made.started,
                ended: now(),
                stages: made.stages,
                kept: made.kept,
                estimated_bytes: made.estimated,
                unit: unit.id.clone(),
                placed: self.options.placed.clone(),
                threads: job.threads,
                jobs: job.jobs,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                machine: Run::machine(),
                source: resolved(&experiment.source),
                rules: (!experiment.rules.is_empty()).then(|| experiment.rules.written.clone()),
                origin: Origin::new(experiment, &member.key, member.trial.model),
                backtrace: broken.and_then(|broken| broken.backtrace.clone()),
                attempts: job.attempt,
                stderr: broken.and_then(|broken| broken.stderr.clone()),
                held_bytes: broken.and_then(|broken| broken.held),
                notes: made.notes,
            },
        }
    }
}
