//! Which trials of the validation part run, and how far: all of them, or by successive halving those that
//! are still among the best of their row.

use musicrec_api::{Role, derive_seed};

use super::cleaned::{blame, number_periods, restrict_all, split_rows};
use super::units::Unit;
use super::{Event, Listener, Overview, PlanVariant, Sweep};
use crate::compare::mean_sd;
use crate::exit::Failure;
use crate::experiment::{Model, Resource, Trial};
use crate::halving::{Contender, full};
use crate::records::Key;
use crate::stages::fold::{FoldData, ready_under};
use crate::stages::hashes;
use crate::text::percent;

/// The validation part with a share of the users.
#[derive(Debug)]
pub(super) struct Sample {
    share: f64,
    /// Its periods under each alternative of the cleaners.
    folds: Vec<Vec<FoldData>>,
}

/// A trial on a rung: which row and which trial it is of, and what runs of it.
pub(super) struct Climber {
    pub(super) row: usize,
    pub(super) trial: usize,
    /// With as many steps as the rung has; none if these are all.
    pub(super) model: Option<Model>,
    /// The share of the users that the rung has; none if these are all.
    pub(super) users: Option<f64>,
    /// How far the trial would go.
    pub(super) full: f64,
}

/// How many rungs the highest ladder has; `None` without halving.
pub(super) fn rungs(rows: &[PlanVariant]) -> Option<usize> {
    let rungs = rows.iter();
    let rungs = rungs.filter_map(|row| Some(row.halving.as_ref()?.rungs.len()));
    rungs.max()
}

impl Sweep<'_> {
    /// Runs the trials on validation.
    pub(super) fn validate(&mut self, listener: &Listener) -> Result<(), Failure> {
        let Some(most) = rungs(&self.overview.variants) else {
            let trials = self.experiment.trials();
            let mut keys = self.keys(Role::Validation, &trials);
            // What an earlier run of this sweep did not reach is not asked for again.
            let unreached = self.all_unreached()?;
            keys.retain(|(key, _)| !unreached.contains_key(&key.id()));
            self.run_trials(keys, listener)?;
            return self.note_unreached();
        };
        let mut alive = self.all_alive();
        for rung in 0..most {
            let climbers = self.climbers(rung, &alive);
            for share in climbers.iter().filter_map(|climber| climber.users) {
                self.sample(share)?;
            }
            let trials = self.experiment.trials();
            let named = climbers
                .iter()
                .map(|climber| self.keys_of(climber, &trials));
            let named: Vec<_> = named.collect();
            self.tell_rung((rung, most), &climbers, &named, listener);
            self.run_trials(named.iter().flatten().cloned().collect(), listener)?;
            self.select(rung, &climbers, &named, &mut alive)?;
            self.samples.clear();
            // A report of what there is should know.
            self.store.keep_json(Overview::FILE, &self.overview)?;
        }
        Ok(())
    }

    /// Before the first rung: the trials of each row, none of which was stopped.
    pub(super) fn all_alive(&mut self) -> Vec<Vec<usize>> {
        for row in &mut self.overview.variants {
            if let Some(halved) = &mut row.halving {
                halved.stopped.clear();
                halved.failed.clear();
            }
        }
        let own = |row: &super::PlanVariant| row.trials.iter().map(|trial| trial.index).collect();
        self.overview.variants.iter().map(own).collect()
    }

    /// After a rung: who goes on, by the records.
    pub(super) fn select(
        &mut self,
        rung: usize,
        climbers: &[Climber],
        named: &[Vec<(Key, Trial)>],
        alive: &mut [Vec<usize>],
    ) -> Result<(), Failure> {
        let values: Vec<Option<f64>> = named
            .iter()
            .map(|keys| self.reached(keys))
            .collect::<Result<_, _>>()?;
        for (climber, keys) in climbers.iter().zip(named) {
            for (key, _) in keys {
                let id = key.id();
                if let Some(halved) = &mut self.overview.variants[climber.row].halving
                    && self.store.failed(&id)?.is_some()
                {
                    halved.failed.insert(climber.trial, id);
                }
            }
        }
        for (at, row) in self.overview.variants.iter_mut().enumerate() {
            let contenders = climbers.iter().zip(&values);
            let contenders = contenders.filter(|(climber, _)| climber.row == at);
            let contenders: Vec<Contender> = contenders
                .map(|(climber, value)| Contender {
                    trial: climber.trial,
                    full: climber.full,
                    value: *value,
                })
                .collect();
            if let Some(halved) = row.halving.as_mut().filter(|h| rung < h.rungs.len()) {
                alive[at] = halved.go_on(rung, &contenders);
            }
        }
        Ok(())
    }

    fn tell_rung(
        &self,
        (rung, most): (usize, usize),
        climbers: &[Climber],
        named: &[Vec<(Key, Trial)>],
        listener: &Listener,
    ) {
        let rows = self.overview.variants.iter();
        let of = |row: &super::PlanVariant| {
            let halved = row.halving.as_ref().filter(|h| rung < h.rungs.len())?;
            Some(format!("{}: {}", row.name, halved.rung_words(rung)))
        };
        let words: Vec<String> = rows.filter_map(of).collect();
        let words = format!("rung {} of {most}: {}", rung + 1, words.join("; "));
        let mut names = Vec::new();
        for (climber, keys) in climbers.iter().zip(named) {
            let row = &self.overview.variants[climber.row];
            let trial = row.trials.iter().find(|trial| trial.index == climber.trial);
            let settings = trial.map_or("", |trial| &trial.settings);
            let far = match (&climber.model, climber.users) {
                (Some(model), _) => model
                    .plugin
                    .steps()
                    .map(|steps| format!("after {} {}", steps.count, steps.parameter)),
                (None, Some(share)) => Some(format!("with {} of the users", percent(share))),
                (None, None) => None,
            };
            let parts = [Some(settings.to_owned()).filter(|s| !s.is_empty()), far];
            let settings = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let ids = keys.iter().map(|(key, _)| key.id());
            names.extend(ids.map(|id| (id, row.name.clone(), settings.clone())));
        }
        listener(Event::Rung(&words, &names));
    }

    /// What runs on a rung: rows that are not halved run in full on the first.
    pub(super) fn climbers(&self, rung: usize, alive: &[Vec<usize>]) -> Vec<Climber> {
        let trials = self.experiment.trials();
        let search = self.experiment.search.as_ref();
        let halving = search.and_then(|search| search.halving.as_ref());
        let mut climbers = Vec::new();
        for (row, own) in alive.iter().enumerate() {
            let halved = self.overview.variants[row].halving.as_ref();
            if rung >= halved.map_or(1, |halved| halved.rungs.len()) {
                continue;
            }
            for &trial in own {
                let model = trials[trial].model;
                let mut climber = Climber {
                    row,
                    trial,
                    model: None,
                    users: None,
                    full: 0.0,
                };
                if let Some((halved, halving)) = halved.zip(halving) {
                    climber.full = full(halving, model).unwrap_or_default();
                    let resource = halved.at(rung, climber.full);
                    match halving.resource {
                        _ if resource >= climber.full => {}
                        Resource::Steps => climber.model = Some(model.after(resource as usize)),
                        Resource::Users => climber.users = Some(resource),
                    }
                }
                climbers.push(climber);
            }
        }
        climbers
    }

    /// The keys of a trial on a rung, one a seed.
    pub(super) fn keys_of<'t>(
        &self,
        climber: &'t Climber,
        trials: &[Trial<'t>],
    ) -> Vec<(Key, Trial<'t>)> {
        let mut trial = trials[climber.trial];
        trial.model = climber.model.as_ref().unwrap_or(trial.model);
        let mut keys = self.keys(Role::Validation, &[trial]);
        for (key, _) in &mut keys {
            key.users_share = climber.users;
        }
        keys
    }

    /// The mean of the deciding metric over the seeds; `None` if one of them failed.
    pub(super) fn reached(&self, keys: &[(Key, Trial)]) -> Result<Option<f64>, Failure> {
        let values = keys.iter().map(|(key, _)| {
            let record = self.store.record(&key.id())?;
            Ok(record.and_then(|record| record.metric(&self.overview.select)))
        });
        let values: Option<Vec<f64>> = values.collect::<Result<_, Failure>>()?;
        Ok(values.map(|values| mean_sd(&values).0))
    }

    /// Makes the validation part with a share of the users ready. Who is in a smaller share is in a
    /// larger one too.
    pub(super) fn sample(&mut self, share: f64) -> Result<(), Failure> {
        if self.samples.iter().any(|sample| sample.share == share) {
            return Ok(());
        }
        let experiment = self.experiment;
        let mut all = Vec::new();
        for (of, cleaning) in self.cleaned.iter().zip(&experiment.cleanings) {
            let events = &of.prepared.events;
            let drawn = |id: &str| {
                let drawn = derive_seed(experiment.seed, &format!("halving user {id}"));
                drawn as f64 / 2.0_f64.powi(64) < share
            };
            let drawn: Vec<bool> = events.users.iter().map(drawn).collect();
            let stays = |row: &u32| drawn[events.user[*row as usize] as usize];
            let make = || {
                let mut folds = Vec::new();
                for mut fold in split_rows(experiment, events)? {
                    if fold.role == Role::Validation {
                        fold.fit.retain(stays);
                        fold.given.retain(stays);
                        fold.targets.retain(stays);
                        let (cleaners, rules) =
                            (&cleaning.cleaners, (&experiment.evaluation, &of.rules));
                        let mut data = ready_under(&fold, None, events, cleaners, rules)?;
                        data.summary.hash = hashes::of_fold(&fold);
                        folds.push(data);
                    }
                }
                number_periods(&mut folds);
                Ok(folds)
            };
            let folds = make().map_err(|failed| match blame(experiment, cleaning, failed) {
                Failure::Definition(text) | Failure::Data(text) => Failure::Definition(format!(
                    "with {share:.3} of the users, as successive halving begins: {text}; raise \
                         `least` in [search.halving]"
                )),
                failure => failure,
            })?;
            all.push(folds);
        }
        restrict_all(experiment, all.iter_mut())?;
        self.samples.push(Sample { share, folds: all });
        Ok(())
    }

    /// The periods that a unit is asked.
    pub(super) fn periods_of(&self, unit: &Unit) -> Vec<&FoldData> {
        let cleaning = unit.fitted().cleaning;
        match unit.members[0].key.users_share {
            None => self.cleaned[cleaning].periods(unit.role()),
            Some(share) => {
                let sample = self.samples.iter().find(|sample| sample.share == share);
                let sample = sample.expect("samples are made before trials on them run");
                sample.folds[cleaning].iter().collect()
            }
        }
    }
}
