//! The product at the end: the best variant, fitted on everything, and its next songs for everybody.

use std::panic::{AssertUnwindSafe, catch_unwind};

use musicrec_api::{Error, Result, Role};
use serde_json::json;

use super::everything::Everything;
use super::isolate::Recommendations;
use super::outcome::{LIST_HEADER, add_lists};
use super::{Event, Listener, Overview, Recommended, Sweep, choose};
use crate::exit::Failure;
use crate::experiment::{Trial, row};
use crate::records::{Key, hex};
use crate::stages::rank::rank;
use crate::text::{Csv, panic_text};

impl Sweep<'_> {
    /// Writes the best items for every user by the variant that did best on validation (or the one
    /// the definition names), fitted on the whole log. Skipped if they are there already.
    pub(super) fn recommend(
        &mut self,
        trials: &[Trial],
        listener: &Listener,
    ) -> Result<(), Failure> {
        if !self.experiment.recommendations.export {
            return Ok(());
        }
        let Some((variant, settings, trial)) = self.best(trials)? else {
            return Ok(());
        };
        let key = Key::new(self.experiment, &trial, Role::Test, &self.fingerprint, 0);
        let count = self.experiment.recommendations.count.get();
        let id = hex(&json!(["recommendations", key, count]).to_string());
        // Whatever is wrong with an earlier export, it is made anew.
        let earlier = self.store.read::<Recommended>("recommendations.json").ok();
        let same = |e: &Recommended| e.id == id && e.is_in(&self.store);
        if let Some(earlier) = earlier.flatten().filter(same) {
            self.overview.recommended = Some(earlier);
            return self.store.keep_json(Overview::FILE, &self.overview);
        }
        listener(Event::Recommending);
        let made = match self.options.isolate {
            Some(_) => self.recommend_apart(&key.id(), count, listener)?,
            None => self.recommend_here(&trial, &key, count)?,
        };
        let Recommendations { content, users } = match made {
            Ok(made) => made,
            // The report is worth having without.
            Err(why) => {
                self.overview.recommended = None;
                self.overview.recommendations_failed = Some(format!("{variant}: {why}"));
                return self.store.keep_json(Overview::FILE, &self.overview);
            }
        };
        let recommended = Recommended {
            id,
            content,
            variant,
            settings,
            users,
            count,
        };
        self.store.keep_json("recommendations.json", &recommended)?;
        self.overview.recommended = Some(recommended);
        self.store.keep_json(Overview::FILE, &self.overview)
    }

    /// Writes the best items in this process. An error says why there are none.
    pub(super) fn recommend_here(
        &self,
        trial: &Trial,
        key: &Key,
        count: usize,
    ) -> Result<Result<Recommendations, String>, Failure> {
        let made = catch_unwind(AssertUnwindSafe(|| self.best_items(trial, key, count)))
            .unwrap_or_else(|panic| Err(Error::model(panic_text(&*panic))));
        let (text, users) = match made {
            Ok(made) => made,
            Err(Error::Cancelled) => return Err(Error::Cancelled.into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
        self.store.write(Recommended::LISTS, text.as_bytes())?;
        let content = hex(&text);
        Ok(Ok(Recommendations { content, users }))
    }

    /// The variant to recommend with: the one named, else the best on validation. What the lab added
    /// to compare with is nobody's choice: it recommends only if it is named, or nothing else has a
    /// result.
    fn best<'t>(
        &self,
        trials: &[Trial<'t>],
    ) -> Result<Option<(String, String, Trial<'t>)>, Failure> {
        let wanted = match &self.experiment.recommendations.variant {
            None => None,
            Some(name) => match row(&self.experiment.variants, name) {
                // `--only` leaves it out.
                None => return Ok(None),
                known => known,
            },
        };
        let mut best: Option<(_, (String, String, Trial))> = None;
        for variant in &self.overview.variants {
            if wanted.is_some_and(|name| name != variant.name) {
                continue;
            }
            let Some(chosen) = choose(&self.overview, variant, &self.store)? else {
                continue;
            };
            let merit = (!variant.added, chosen.validation);
            if best.as_ref().is_none_or(|(known, _)| merit > *known) {
                let settings = variant.trials[chosen.of_variant].settings.clone();
                let found = (variant.name.clone(), settings, trials[chosen.index]);
                best = Some((merit, found));
            }
        }
        Ok(best.map(|(_, found)| found))
    }

    fn best_items(&self, trial: &Trial, key: &Key, count: usize) -> Result<(String, usize)> {
        let events = &self.cleaned[trial.cleaning].prepared.events;
        let of = (self.experiment, trial, key);
        let rule = self.experiment.evaluation.heard;
        let obeyed = (rule, &self.cleaned[trial.cleaning].rules);
        let all = Everything::fit(of, events, obeyed, count, self.cancel)?;
        let asked: Vec<u32> = (0..all.train.n_users() as u32).collect();
        let lists = rank(
            &*all.recommender,
            &asked,
            (&all.masked, &all.limits),
            (all.train.n_items(), count),
            &|user| all.users().get(user).to_owned(),
        )?;
        let mut csv = Csv::new(LIST_HEADER);
        add_lists(&mut csv, None, all.users().iter(), all.items(), &lists);
        Ok((csv.into_text(), asked.len()))
    }
}
