//! A sweep where an engine runs it: which units a step has follows from the records of the steps before, so
//! every process finds the same without being told, and reads nothing of the data for that.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use musicrec_api::Role;

use super::apart;
use super::meter::Meter;
use super::overview::make;
use super::search::rungs;
use super::steps::{PREPARED, Step, distinct};
use super::unit::Job;
use super::units::{Unit, units};
use super::{Event, Listener, Options, Overview, PREPARE, REPORT, Sweep, resume};
use crate::cache::cleaned::are_kept;
use crate::exit::Failure;
use crate::experiment::{Experiment, Trial};
use crate::records::{Claim, Key, Store};
use crate::stages::unless_cancelled;

/// How often a unit looks whether another process is through with it.
const WAIT: Duration = Duration::from_millis(200);

/// Which trials have come to an end, by the names of files alone.
pub(super) struct Ended {
    done: BTreeSet<String>,
    failed: BTreeSet<String>,
    unreached: BTreeSet<String>,
}

impl Ended {
    pub(super) fn fate(&self, id: &str) -> Fate {
        match () {
            () if self.done.contains(id) => Fate::Done,
            () if self.failed.contains(id) => Fate::Failed,
            () if self.unreached.contains(id) => Fate::Unreached,
            () => Fate::Open,
        }
    }

    fn all(&self, keys: &[(Key, Trial)]) -> bool {
        keys.iter()
            .all(|(key, _)| self.fate(&key.id()) != Fate::Open)
    }
}

/// How far a unit of a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitState {
    /// What its attempts are called.
    pub(crate) id: String,
    /// Its trials by the ids of their records; of a step without trials one by its name.
    pub(crate) trials: Vec<(String, Fate)>,
}

impl UnitState {
    /// Whether something of it is left to do.
    pub(crate) fn is_open(&self) -> bool {
        self.trials.iter().any(|(_, fate)| *fate == Fate::Open)
    }
}

/// What has become of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has a record.
    Done,
    /// It failed.
    Failed,
    /// Its fit ended before it.
    Unreached,
    /// It has not ended.
    Open,
}

impl<'a> Sweep<'a> {
    /// A sweep of whose data nothing is read: what its folder tells is enough to know its units. Without a
    /// folder that has been prepared it only knows how to prepare it.
    pub(crate) fn unread(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
        data: &str,
    ) -> Result<Self, Failure> {
        let store = Store::new(options.out.join(&experiment.name));
        let identity = resume::identity(experiment, data);
        let overview = store.read::<Overview>(Overview::FILE)?;
        let overview = overview.filter(|overview| overview.identity == identity);
        let overview = overview.unwrap_or_else(|| make(experiment, options, data, &[]));
        let opening = Self::opening_of(experiment, options, cancel, store, data.to_owned());
        let mut sweep = opening.without_data(overview, false);
        // What failed before is over, until somebody says that it is to be tried again.
        sweep.began = String::new();
        Ok(sweep)
    }

    /// Whether the first step is done.
    pub(crate) fn is_prepared(&self) -> bool {
        let cleanings = &self.overview.cleanings;
        !cleanings.is_empty()
            && cleanings.iter().all(|cleaning| cleaning.floor.is_some())
            && are_kept(self.experiment, &self.fingerprint, &self.options.cache)
    }

    /// Whether the last step is done.
    pub(crate) fn is_reported(&self) -> bool {
        self.overview.finished
    }

    /// Takes back that all is done, where something is to be done again.
    pub(crate) fn reopen(&mut self) -> Result<(), Failure> {
        if !self.overview.finished {
            return Ok(());
        }
        self.overview.finished = false;
        self.store.keep_json(Overview::FILE, &self.overview)
    }

    /// Does the first step: the data has been read and kept, and what random rankings reach is noted.
    pub(super) fn keep_prepared(&mut self) -> Result<(), Failure> {
        self.floors()?;
        if !are_kept(self.experiment, &self.fingerprint, &self.options.cache) {
            return Err(Failure::Output(format!(
                "the cleaned log could not be kept in {}; is there room?",
                self.store.path(PREPARED).display()
            )));
        }
        Ok(())
    }

    /// Does the last step: nothing is left to fit.
    pub(super) fn conclude(&mut self, planned: &str) -> Result<(), Failure> {
        self.run(&|_| {})?;
        let since = planned.parse::<Timestamp>().ok();
        let since = since.map(|planned| Timestamp::now().duration_since(planned));
        // This process is not the sweep.
        let cpu = self.cpu_of_records()?;
        let provenance = &mut self.overview.provenance;
        provenance.cpu_seconds = cpu;
        if let Some(since) = since {
            provenance.wall_seconds = since.as_secs_f64();
        }
        self.report().map(drop)
    }

    /// Processor seconds of all records that were needed.
    fn cpu_of_records(&self) -> Result<Option<f64>, Failure> {
        let mut all = Some(0.0);
        for id in &self.overview.ran {
            if let Some(record) = self.store.record(id)? {
                let stages = &record.run.stages;
                let own = [&stages.weigh, &stages.fit, &stages.rank, &stages.measure];
                for spent in own {
                    all = all.zip(spent.cpu_seconds).map(|(all, own)| all + own);
                }
            }
        }
        Ok(all)
    }

    /// Calls `look` with the units of a step of trials, which are the same in every process; `None` while
    /// the step before it is not over.
    pub(super) fn in_step<T>(
        &mut self,
        step: Step,
        look: impl FnOnce(&Self, &[Unit], &Ended) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if self.overview.cleanings.is_empty() {
            return Ok(None);
        }
        let (done, failed) = self.store.listed();
        let unreached = self.all_unreached()?.into_keys().collect();
        let ended = Ended {
            done,
            failed,
            unreached,
        };
        let trials = self.experiment.trials();
        let mut alive = self.all_alive();
        let halved = rungs(&self.overview.variants);
        let rungs = if self.overview.validated() {
            halved.unwrap_or(1)
        } else {
            0
        };
        for rung in 0..rungs {
            let climbers = self.climbers(rung, &alive);
            let named = climbers
                .iter()
                .map(|climber| self.keys_of(climber, &trials));
            let named: Vec<_> = named.collect();
            if step == Step::Validation(rung) {
                let all = distinct(named.iter().flatten().cloned());
                return look(self, &units(all), &ended).map(Some);
            }
            if !named.iter().all(|keys| ended.all(keys)) {
                return Ok(None);
            }
            self.select(rung, &climbers, &named, &mut alive)?;
        }
        if halved.is_none() {
            self.note_unreached()?;
        }
        let chosen = self.keys(Role::Test, &self.to_test(&trials)?);
        match step {
            Step::Test => look(self, &units(distinct(chosen.into_iter())), &ended).map(Some),
            Step::Report if ended.all(&chosen) => look(self, &[], &ended).map(Some),
            // A rung of a validation part that is none.
            Step::Validation(_) => look(self, &[], &ended).map(Some),
            Step::Divide | Step::Clean | Step::Prepare | Step::Report => Ok(None),
        }
    }

    /// What the units of a step stand at; `None` while the step before it is not over.
    pub(crate) fn states(&mut self, step: Step) -> Result<Option<Vec<UnitState>>, Failure> {
        let of_step = |name: &str, over: bool| {
            let fate = if over { Fate::Done } else { Fate::Open };
            vec![UnitState {
                id: name.to_owned(),
                trials: vec![(name.to_owned(), fate)],
            }]
        };
        match step {
            Step::Divide | Step::Clean => return Ok(Some(self.states_of_parts(step))),
            Step::Prepare => return Ok(Some(of_step(PREPARE, self.is_prepared()))),
            Step::Report if self.is_reported() => return Ok(Some(of_step(REPORT, true))),
            _ => {}
        }
        self.in_step(step, |_, units, ended| {
            if step == Step::Report {
                return Ok(of_step(REPORT, false));
            }
            let states = units.iter().map(|unit| {
                let trials = unit.members.iter().map(|member| {
                    let id = member.key.id();
                    let fate = ended.fate(&id);
                    (id, fate)
                });
                UnitState {
                    id: unit.id.clone(),
                    trials: trials.collect(),
                }
            });
            Ok(states.collect())
        })
    }

    /// Runs what is left of the unit at a place of a step, in a process of its own. `false` if the step
    /// before it is not over yet.
    pub(crate) fn run_placed(
        &mut self,
        step: Step,
        at: usize,
        planned: &str,
        listener: &Listener,
    ) -> Result<bool, Failure> {
        unless_cancelled(self.cancel)?;
        match step {
            Step::Divide | Step::Clean => return self.part_placed(step, at, listener),
            Step::Prepare if self.is_prepared() => {
                listener(Event::Note("nothing to do: the log is prepared already"));
                return Ok(true);
            }
            Step::Prepare if !self.has_parts() => return Ok(false),
            Step::Prepare => {
                let (_claim, waited) = self.claimed(PREPARE)?;
                if !(waited && self.again()?.is_prepared()) {
                    self.prepare_apart(listener)?;
                }
                return Ok(true);
            }
            Step::Report if self.is_reported() => {
                listener(Event::Note("nothing to do: the report is there already"));
                return Ok(true);
            }
            _ => {}
        }
        let came = self.in_step(step, |sweep, units, _| {
            if step == Step::Report {
                let (_claim, waited) = sweep.claimed(REPORT)?;
                if waited && sweep.again()?.is_reported() {
                    return Ok(());
                }
                return sweep.report_apart(planned, listener);
            }
            // There may be fewer than were thought of.
            let Some(unit) = units.get(at) else {
                listener(Event::Note(
                    "nothing to do: fewer units are needed than were planned",
                ));
                return Ok(());
            };
            sweep.unit_placed(unit, listener)
        })?;
        Ok(came.is_some())
    }

    /// Prepares a part of the log, unless that is done. `false` if the step before is not over.
    fn part_placed(&self, step: Step, at: usize, listener: &Listener) -> Result<bool, Failure> {
        let open = |step| self.states_of_parts(step).iter().any(UnitState::is_open);
        if step == Step::Clean && open(Step::Divide) {
            return Ok(false);
        }
        let name = apart::name(step, at);
        let (_claim, _) = self.claimed(&name)?;
        let states = self.states_of_parts(step);
        if states.get(at).is_some_and(UnitState::is_open) {
            self.part_apart(&name, listener)?;
        } else {
            listener(Event::Note(
                "nothing to do: this part of the log is there already",
            ));
        }
        Ok(true)
    }

    /// Whether other units have prepared their parts, if there are any.
    fn has_parts(&self) -> bool {
        let steps = [Step::Divide, Step::Clean];
        let mut states = steps.iter().flat_map(|step| self.states_of_parts(*step));
        states.all(|state| !state.is_open())
    }

    /// Claims a unit, and waits where another process has it: that may end without having done it. Returns
    /// whether it waited.
    fn claimed(&self, unit: &str) -> Result<(Claim, bool), Failure> {
        let mut waited = false;
        loop {
            if let Some(claim) = self.store.claim(unit)? {
                return Ok((claim, waited));
            }
            unless_cancelled(self.cancel)?;
            waited = true;
            std::thread::sleep(WAIT);
        }
    }

    /// The same sweep as its folder is now.
    fn again(&self) -> Result<Self, Failure> {
        Self::unread(
            self.experiment,
            self.options,
            self.cancel,
            &self.fingerprint,
        )
    }

    /// Runs what has no end yet of a unit.
    fn unit_placed(&self, unit: &Unit, listener: &Listener) -> Result<(), Failure> {
        let (_claim, _) = self.claimed(&unit.id)?;
        let mut left = unit.clone();
        let mut open = Vec::new();
        for member in left.members {
            let id = member.key.id();
            if self.store.whole_record(&id)?.is_none() && self.store.failed(&id)?.is_none() {
                open.push(member);
            }
        }
        left.members = open;
        let unreached = self.unreached(&left)?;
        left.members
            .retain(|member| !unreached.contains(&member.key.id()));
        if left.members.is_empty() {
            listener(Event::Note(
                "nothing to do: each trial of the unit has an end already",
            ));
            return Ok(());
        }
        let begun = Instant::now();
        let job = Job {
            meter: Meter::idle(),
            threads: self.options.threads,
            jobs: 1,
            attempt: 1,
        };
        let ended = self.fit_apart(&left, (0, 0.0), &job, listener);
        listener(Event::Note(&format!(
            "{}: {:.1} s",
            self.experiment.variant(left.fitted()),
            begun.elapsed().as_secs_f64()
        )));
        ended
    }
}
