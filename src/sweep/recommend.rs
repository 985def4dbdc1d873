//! The product at the end: the best variant, fitted on everything, and its next songs for everybody.

use musicrec_api::{FitContext, On, Role, derive_seed};
use serde_json::json;

use super::trial::{csv_text, weigh};
use super::{Event, Listener, Recommended, Sweep, choose};
use crate::exit::Failure;
use crate::experiment::{Heard, Trial};
use crate::records::{Key, hex};
use crate::stages::fold::Ragged;
use crate::stages::prepare::Step;
use crate::stages::rank::rank;

/// Where the recommendations of a sweep are.
const FILE: &str = "recommendations.csv";

impl Sweep<'_> {
    /// Writes the best items for every user by the variant that did best on validation (or the one
    /// the definition names), fitted on the whole log. Skipped if they are there already.
    pub(super) fn recommend(
        &mut self,
        pool: &rayon::ThreadPool,
        trials: &[Trial],
        listener: &Listener,
    ) -> Result<(), Failure> {
        let Some((variant, settings, trial)) = self.best(trials)? else {
            return Ok(());
        };
        let key = Key::new(self.experiment, &trial, Role::Test, &self.fingerprint);
        let count = self.experiment.recommendations.count.get();
        let id = hex(&json!(["recommendations", key, count]).to_string());
        let earlier = self.store.read::<Recommended>("recommendations.json")?;
        if let Some(earlier) = earlier.filter(|e| e.id == id && self.store.path(FILE).exists()) {
            self.overview.recommended = Some(earlier);
            return self.store.write_json(super::Overview::FILE, &self.overview);
        }
        listener(Event::Recommending);
        let (text, users) = pool.install(|| self.best_items(&trial, &key, count))?;
        self.store.write(FILE, text.as_bytes())?;
        let recommended = Recommended {
            id,
            variant,
            settings,
            users,
            count,
        };
        self.store
            .write_json("recommendations.json", &recommended)?;
        self.overview.recommended = Some(recommended);
        self.store.write_json(super::Overview::FILE, &self.overview)
    }

    /// The variant to recommend with: the one named, else the best on validation.
    fn best<'t>(
        &self,
        trials: &[Trial<'t>],
    ) -> Result<Option<(String, String, Trial<'t>)>, Failure> {
        let wanted = &self.experiment.recommendations.variant;
        let mut best: Option<(Option<f64>, (String, String, Trial))> = None;
        for variant in &self.overview.variants {
            if wanted.as_ref().is_some_and(|w| *w != variant.name) {
                continue;
            }
            let Some(chosen) = choose(&self.overview, variant, &self.store)? else {
                continue;
            };
            if best.as_ref().is_none_or(|(v, _)| chosen.validation > *v) {
                let settings = variant.trials[chosen.of_variant].settings.clone();
                let found = (variant.name.clone(), settings, trials[chosen.index]);
                best = Some((chosen.validation, found));
            }
        }
        Ok(best.map(|(_, found)| found))
    }

    fn best_items(
        &self,
        trial: &Trial,
        key: &Key,
        count: usize,
    ) -> Result<(String, usize), Failure> {
        let events = &self.prepared.events;
        let mut rows: Vec<u32> = (0..events.len() as u32).collect();
        if let Some(log) = &events.log {
            let mut part = log.select(&events.row);
            for cleaner in self
                .experiment
                .cleaners
                .iter()
                .filter(|c| c.on() == On::Fit)
            {
                Step::clean(&**cleaner, &mut part)?;
            }
            let left: rustc_hash::FxHashSet<u64> = part.numbers().iter().copied().collect();
            rows.retain(|&e| left.contains(&log.numbers()[events.row[e as usize] as usize]));
        }
        let (fit, _, _) = events.select(&rows).compact();
        let train = weigh(trial.weighting, &fit)?;
        let seed = derive_seed(self.experiment.seed, &key.seed_name("recommend"));
        let context = FitContext::new(seed).with_cancel(self.cancel);
        let recommender = trial.model.plugin.fit(&train, &context)?;
        let users: Vec<u32> = (0..train.n_users() as u32).collect();
        let mut of_user = vec![Vec::new(); users.len()];
        if self.experiment.evaluation.heard == Heard::Mask {
            for (&user, &item) in fit.user.iter().zip(&fit.item) {
                of_user[user as usize].push(item);
            }
        }
        let mut heard = Ragged::default();
        for mut items in of_user {
            items.sort_unstable();
            items.dedup();
            heard.push(items);
        }
        let lists = rank(
            &*recommender,
            &users,
            &heard,
            (train.n_items(), count),
            &|user| fit.users.get(user).to_owned(),
        )?;
        let rows = users.iter().flat_map(|&user| {
            let ranked = lists.ranked.get(user as usize).iter().enumerate();
            let fit = &fit;
            ranked.map(move |(rank, &(item, score))| {
                vec![
                    fit.users.get(user).to_owned(),
                    (rank + 1).to_string(),
                    fit.items.get(item).to_owned(),
                    score.to_string(),
                ]
            })
        });
        let text = csv_text(["user", "rank", "item", "score"], rows);
        Ok((text, users.len()))
    }
}
