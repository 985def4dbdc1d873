//! A trial's model, fitted on everything there is: for recommendations, and to be saved.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use musicrec_api::{
    Asked, Error, Events, FitContext, Ids, Purpose, Recommender, Result, Train, Weigh, derive_seed,
    nearest,
};

use super::again::same_data;
use super::cleaned::blame;
use super::opening::unchanged_since;
use super::trains::weights;
use super::{Overview, choose};
use crate::cache::{Cache, cleaned::prepared};
use crate::exit::Failure;
use crate::experiment::{Experiment, Heard, Trial};
use crate::records::{Key, Record, Store};
use crate::stages::fold::{Heardings, Ragged, inverse, learnable};
use crate::stages::rules::{Limits, Obeyed};
use crate::stages::unless_cancelled;
use crate::text::panic_text;

/// For how many places a model is asked that is to be saved, whose lists nobody has asked for yet.
const DEPTH: usize = 100;

/// See the module.
pub(crate) struct Everything {
    /// What was learned from, and its tables of users and items.
    pub(crate) train: Train,
    /// What each user is not shown though others are, ascending: what they heard, unless that is kept, and what
    /// they avoid.
    pub(crate) masked: Ragged<u32>,
    /// What each user avoids, ascending.
    pub(crate) avoided: Ragged<u32>,
    /// What lists may hold besides.
    pub(crate) limits: Limits,
    /// How strengths were told, fitted on the same.
    pub(crate) weigh: Box<dyn Weigh>,
    pub(crate) recommender: Box<dyn Recommender>,
    /// The seed of the fit.
    pub(crate) seed: u64,
}

impl Everything {
    /// Fits the model of a trial on all events of its cleaning that may be learned from. The key is that of the
    /// trial's first seed on test. What was heard is masked or kept as
    /// is said, the product rules are those, and `count` places of a list will be asked for.
    pub(super) fn fit(
        (experiment, trial, key): (&Experiment, &Trial, &Key),
        events: &Events,
        (heard, rules): (Heard, &Obeyed),
        count: usize,
        cancel: &AtomicBool,
    ) -> Result<Self> {
        let all: Vec<u32> = (0..events.len() as u32).collect();
        let cleaners = &experiment.cleanings[trial.cleaning].cleaners;
        let (rows, _) = learnable(all.into(), events, cleaners)?;
        let learned = if rows.len() == events.len() {
            events.clone()
        } else {
            events.select(&rows)
        };
        let (fit, users, items) = learned.into_compact();
        drop(rows);
        let fit = Arc::new(fit);
        let weigh = trial.weighting.plugin.fit(&fit)?;
        let strengths = weights(trial.weighting, &*weigh, &fit)?;
        let train = Train::new(fit, &strengths);
        let seed = derive_seed(experiment.seed, &key.seed_name("recommend", trial.model));
        let limits = rules.limits(&train.events, &items)?;
        let local_item = inverse(&items, events.items.len());
        let shown = |heard: Heard| {
            let heardings = Heardings::of(&[events], heard, rules);
            let mut lists = Ragged::default();
            for &user in &users {
                let list = heardings.by(user, &local_item);
                lists.push(list.filter(|item| limits.shows(*item)));
            }
            lists
        };
        let (masked, avoided) = (shown(heard), shown(Heard::Keep));
        let everybody = (0..).zip(0..train.n_users());
        let each = everybody.map(|(user, at)| (user, masked.get(at)));
        let question = limits.ask(Asked::new(Purpose::Recommendations, count, each));
        let base = &experiment.base;
        let context = FitContext::new(seed)
            .with_cancel(cancel)
            .with_asked(&question)
            .with_base(base);
        let recommender = trial.model.plugin.fit(&train, &context)?;
        trial.model.same_files(base)?;
        drop(question);
        Ok(Self {
            train,
            masked,
            avoided,
            limits,
            weigh,
            recommender,
            seed,
        })
    }

    /// Fits the trial of a record that the only one of an experiment is about.
    ///
    /// # Errors
    /// If the data is not that of the record, or if it cannot be fitted.
    pub(crate) fn of_record(
        experiment: &Experiment,
        key: &Key,
        cancel: &AtomicBool,
    ) -> Result<Self, Failure> {
        same_data(experiment, &[key])?;
        let trials = experiment.trials();
        let trial = trials.first().expect("made of a record");
        let cleaning = &experiment.cleanings[trial.cleaning];
        let prepared = prepared(
            experiment,
            cleaning,
            &key.data,
            (&Cache::off(), None, None),
            cancel,
        )
        .map_err(|failed| blame(experiment, cleaning, failed))?;
        unless_cancelled(cancel)?;
        unchanged_since(experiment, &key.data)?;
        let (events, items) = (&prepared.events, &prepared.columns.item);
        let rules = Obeyed::of(&experiment.rules, events, items)
            .map_err(|failed| blame(experiment, cleaning, failed))?;
        let of = (experiment, trial, key);
        let fitted = catch_unwind(AssertUnwindSafe(|| {
            Self::fit(of, &prepared.events, (Heard::Mask, &rules), DEPTH, cancel)
        }));
        let fitted = fitted.unwrap_or_else(|panic| Err(Error::model(panic_text(&*panic))));
        Ok(fitted?)
    }

    /// The users that were learned from.
    pub(crate) fn users(&self) -> &Ids {
        &self.train.events.users
    }

    /// The items that were learned from.
    pub(crate) fn items(&self) -> &Ids {
        &self.train.events.items
    }
}

/// The record on test of the trial that stands for a variant: the one named, else the one that the folder
/// recommends with, else the one that did best on validation. And the variant and its settings, in words.
///
/// # Errors
/// If there is no such variant, or none of its trials has a result.
pub(crate) fn chosen_record(
    store: &Store,
    overview: &Overview,
    variant: Option<&str>,
) -> Result<(Record, String, String), Failure> {
    let recommended = overview.recommended.as_ref().map(|r| r.variant.as_str());
    let wanted = variant.or(recommended);
    let mut best: Option<(_, (Record, String, String))> = None;
    let own = overview.variants.iter();
    for variant in own.filter(|own| wanted.is_none_or(|wanted| wanted == own.name)) {
        let Some(chosen) = choose(overview, variant, store)? else {
            continue;
        };
        let trial = &variant.trials[chosen.of_variant];
        let Some(id) = trial.test.first() else {
            continue;
        };
        let Some(record) = store.record(id)? else {
            continue;
        };
        let merit = (!variant.added, chosen.validation);
        if best.as_ref().is_none_or(|(known, _)| merit > *known) {
            best = Some((
                merit,
                (record, variant.name.clone(), trial.settings.clone()),
            ));
        }
    }
    best.map(|(_, found)| found).ok_or_else(|| {
        let folder = store.folder().display();
        let names: Vec<&str> = overview.variants.iter().map(|v| v.name.as_str()).collect();
        Failure::Definition(match wanted {
            Some(wanted) if !names.contains(&wanted) => format!(
                "{folder} has no variant `{wanted}`; it has {}{}",
                names.join(", "),
                nearest(wanted, names.iter().copied())
                    .map_or(String::new(), |name| format!("; is `{name}` meant?"))
            ),
            wanted => format!(
                "{} in {folder} has a result on test yet; let the sweep end first",
                wanted.map_or("no variant".to_owned(), |name| format!(
                    "no trial of the variant `{name}`"
                ))
            ),
        })
    })
}
