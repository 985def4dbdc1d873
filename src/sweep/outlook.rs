//! What a sweep would find of the validation part and what it would run of it: the walk through the rungs
//! that [`super::search`] makes, over the records that are there.

use std::collections::{BTreeMap, BTreeSet};

use super::search::Climber;
use super::{PlanVariant, Sweep, resume};
use crate::early_stopping::Unreached;
use crate::exit::Failure;
use crate::experiment::Model;
use crate::halving::{Contender, Halved};

/// What becomes of a trial on validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has all records, and was run to its end.
    Done,
    /// It runs next.
    Runs,
    /// It has run on a rung where others have not; it goes on if it is among the best.
    Waits,
    /// Halving stopped it, or its fit ended before it.
    Stopped,
    /// It failed and is not tried again.
    Failed,
}

/// A trial that runs, or may run, on a rung.
#[derive(Debug)]
pub(crate) struct Ahead {
    pub(crate) rung: usize,
    /// Its place among all of the experiment.
    pub(crate) trial: usize,
    /// With as many steps as the rung has; none if these are all.
    pub(crate) model: Option<Model>,
    /// The share of the users.
    pub(crate) users: f64,
    /// The ids of the records that are missing, one a seed.
    pub(crate) missing: Vec<String>,
    /// How likely it is to get there, if any of the trials before is as likely as the others.
    pub(crate) chance: f64,
}

/// How many trials of a rung have run, and how many will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) done: usize,
    pub(crate) of: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// By the place of the trial among all; empty where there is no validation part.
    pub(crate) fates: BTreeMap<usize, Fate>,
    pub(crate) ahead: Vec<Ahead>,
    /// By row; one entry a rung. A row that is not halved has one.
    pub(crate) rungs: Vec<Vec<Progress>>,
}

impl Sweep<'_> {
    /// What there is to do on validation.
    pub(crate) fn outlook(&self) -> Result<Outlook, Failure> {
        let mut outlook = Outlook::default();
        if self.overview.validated() {
            // What will be set aside does not count.
            let unreached = if self.options.fresh {
                BTreeMap::new()
            } else {
                self.all_unreached()?
            };
            for (at, row) in self.overview.variants.iter().enumerate() {
                self.look(at, row, &unreached, &mut outlook)?;
            }
        }
        Ok(outlook)
    }

    /// Whether a sweep would find that the folder is this one, with nothing left to do.
    pub(crate) fn nothing_left(&self) -> Result<bool, Failure> {
        let identity = &self.overview.identity;
        Ok(!self.options.fresh && resume::finished(identity, &self.store, self.options)?.is_some())
    }

    /// Whether a trial failed before and is not tried again.
    pub(crate) fn stays_failed(&self, id: &str) -> Result<bool, Failure> {
        let counts = !self.options.fresh && !self.options.retry_failed;
        Ok(counts && self.store.whole_record(id)?.is_none() && self.store.failed(id)?.is_some())
    }

    fn look(
        &self,
        at: usize,
        row: &PlanVariant,
        unreached: &BTreeMap<String, Unreached>,
        outlook: &mut Outlook,
    ) -> Result<(), Failure> {
        let some_seed = |ids: &[String]| ids.iter().any(|id| unreached.contains_key(id));
        let not_reached = row
            .trials
            .iter()
            .filter(|trial| some_seed(&trial.validation));
        let not_reached: BTreeSet<usize> = not_reached.map(|trial| trial.index).collect();
        let mut halved = row.halving.clone();
        let mut alive: Vec<usize> = row.trials.iter().map(|trial| trial.index).collect();
        let mut rungs = Vec::new();
        for rung in 0..halved.as_ref().map_or(1, |halved| halved.rungs.len()) {
            let climbers = self.climbers_of(at, rung, &alive);
            let mut progress = Progress {
                done: 0,
                of: climbers.len(),
            };
            let mut contenders = Vec::new();
            let mut open = false;
            for climber in climbers {
                let (trial, full) = (climber.trial, climber.full);
                if not_reached.contains(&trial) {
                    outlook.fates.insert(trial, Fate::Stopped);
                    continue;
                }
                let (fate, ahead, value) = self.stands(rung, climber)?;
                progress.done += usize::from(fate == Fate::Done);
                open |= fate == Fate::Runs;
                outlook.fates.insert(trial, fate);
                outlook.ahead.extend(ahead);
                contenders.push(Contender { trial, full, value });
            }
            rungs.push(progress);
            let Some(halved) = &mut halved else { break };
            if open {
                self.guess(at, (rung, halved), &contenders, (outlook, &mut rungs))?;
                break;
            }
            alive = halved.go_on(rung, &contenders);
            let stopped = halved.stopped.keys().map(|trial| (*trial, Fate::Stopped));
            outlook.fates.extend(stopped);
        }
        outlook.rungs.push(rungs);
        Ok(())
    }

    /// How a trial stands on a rung, what is to run of it there, and its value.
    fn stands(
        &self,
        rung: usize,
        climber: Climber,
    ) -> Result<(Fate, Option<Ahead>, Option<f64>), Failure> {
        let trials = self.experiment.trials();
        let keys = self.keys_of(&climber, &trials);
        let (mut missing, mut failed) = (Vec::new(), false);
        for (key, _) in &keys {
            let id = key.id();
            if self.stays_failed(&id)? {
                failed = true;
            } else if self.options.fresh || self.store.whole_record(&id)?.is_none() {
                missing.push(id);
            }
        }
        if missing.is_empty() {
            return Ok(if failed {
                (Fate::Failed, None, None)
            } else {
                (Fate::Done, None, self.reached(&keys)?)
            });
        }
        drop(keys);
        let ahead = Ahead {
            rung,
            trial: climber.trial,
            model: climber.model,
            users: climber.users.unwrap_or(1.0),
            missing,
            chance: 1.0,
        };
        Ok((Fate::Runs, Some(ahead), None))
    }

    /// The rungs after one that is not through: who gets there is not known yet, only how many do.
    fn guess(
        &self,
        at: usize,
        (rung, halved): (usize, &Halved),
        contenders: &[Contender],
        (outlook, rungs): (&mut Outlook, &mut Vec<Progress>),
    ) -> Result<(), Failure> {
        for contender in contenders {
            let fate = outlook.fates.get_mut(&contender.trial);
            if let Some(fate @ Fate::Done) = fate
                && halved.at(rung, contender.full) < contender.full
            {
                *fate = Fate::Waits;
            }
        }
        let may = contenders.iter().map(|contender| contender.trial);
        let may: Vec<usize> = may
            .filter(|trial| outlook.fates.get(trial) != Some(&Fate::Failed))
            .collect();
        for (rung, next) in halved.rungs.iter().enumerate().skip(rung + 1) {
            let of = next.trials.min(may.len());
            rungs.push(Progress { done: 0, of });
            for climber in self.climbers_of(at, rung, &may) {
                if let (_, Some(mut ahead), _) = self.stands(rung, climber)? {
                    ahead.chance = of as f64 / may.len() as f64;
                    outlook.ahead.push(ahead);
                }
            }
        }
        Ok(())
    }

    fn climbers_of(&self, row: usize, rung: usize, alive: &[usize]) -> Vec<Climber> {
        let mut rows = vec![Vec::new(); self.overview.variants.len()];
        rows[row] = alive.to_vec();
        self.climbers(rung, &rows)
    }
}
