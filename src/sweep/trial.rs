//! One trial on one fold: weigh, fit, rank, measure, record.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use musicrec_api::{Error, Events, FitContext, Result, Role, Train, derive_seed};

use super::Sweep;
use crate::exit::Failure;
use crate::experiment::{Trial, Weighting, resolved};
use crate::records::{Key, Outcome, Record, Run, SCHEMA, TrialResult};
use crate::stages::fold::FoldData;
use crate::stages::measure::{Measured, measure};
use crate::stages::rank::{Lists, rank};
use crate::stages::segments::{self, Line};
use crate::text::{csv_text, panic_text};

/// What trials of a role learn from, one a cleaning and distinct weighting, made when first needed.
#[derive(Debug, Default)]
pub(super) struct Trains(Mutex<HashMap<(usize, String), Arc<Shared>>>);

/// A result that several trials wait for. Errors are kept as text, for each waiting trial.
type Shared = OnceLock<Result<Train, String>>;

impl Trains {
    fn get(&self, cleaning: usize, weighting: &Weighting, fit: &Events) -> Arc<Shared> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (cleaning, weighting.resolved.to_string());
            Arc::clone(known.entry(key).or_default())
        };
        cell.get_or_init(|| weigh(weighting, fit).map_err(|e| e.to_string()));
        cell
    }
}

/// The fit part as a model sees it under a weighting.
pub(super) fn weigh(weighting: &Weighting, fit: &Events) -> Result<Train> {
    let weights = weighting.plugin.fit(fit)?.weigh(fit)?;
    if let Some(event) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
        return Err(Error::model(format!(
            "the weighting {} gives an event of user {} the weight {}, but weights are finite and at \
             least 0; choose less extreme parameters",
            weighting.resolved,
            fit.users.get(fit.user[event]),
            weights[event]
        )));
    }
    Ok(Train::new(fit.clone(), &weights))
}

/// What a trial came to, and the seconds that fitting and ranking took.
struct Scored {
    lists: Lists,
    measured: Measured,
    /// On test, what it came to in each segment.
    segments: Option<Vec<Line>>,
    seconds: (f64, f64),
}

impl Sweep<'_> {
    /// Runs a trial. Its own failure, a panic included, is a record; only what stops the sweep is
    /// an error.
    pub(super) fn run_one(
        &self,
        key: &Key,
        trial: &Trial,
        trains: &Trains,
        threads: usize,
    ) -> Result<Record, Failure> {
        let fold = self.fold(trial.cleaning, key.role);
        let started = jiff::Timestamp::now().to_string();
        let scored = catch_unwind(AssertUnwindSafe(|| self.score(fold, key, trial, trains)))
            .unwrap_or_else(|panic| Err(Error::model(panic_text(&*panic))));
        let (outcome, seconds) = match scored {
            Ok(scored) => (self.outcome(fold, &scored)?, scored.seconds),
            Err(Error::Cancelled) => return Err(Error::Cancelled.into()),
            Err(error) => {
                let message = error.to_string();
                (Outcome::Failed { message }, (0.0, 0.0))
            }
        };
        Ok(Record {
            schema: SCHEMA,
            id: key.id(),
            result: TrialResult {
                key: key.clone(),
                outcome,
            },
            run: Run {
                variant: self.experiment.variant(trial).to_owned(),
                started,
                fit_seconds: seconds.0,
                rank_seconds: seconds.1,
                threads,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                machine: Run::machine(),
                source: resolved(&self.experiment.source),
            },
        })
    }

    fn score(&self, fold: &FoldData, key: &Key, trial: &Trial, trains: &Trains) -> Result<Scored> {
        let context = FitContext::new(derive_seed(self.experiment.seed, &key.seed_name("fit")))
            .with_cancel(self.cancel);
        context.check_cancelled()?;
        let train = trains.get(trial.cleaning, trial.weighting, &fold.fit);
        let train = match train.get().expect("initialized when fetched") {
            Ok(train) => train,
            Err(message) => return Err(Error::model(message.clone())),
        };
        let begun = Instant::now();
        let recommender = trial.model.plugin.fit(train, &context)?;
        let fitted = Instant::now();
        let evaluation = &self.experiment.evaluation;
        let lists = rank(
            &*recommender,
            &fold.asked,
            &fold.heard,
            (train.n_items(), evaluation.depth()),
            &|user| fold.fit.users.get(user).to_owned(),
        )?;
        let measured = measure(&evaluation.metrics, fold, &lists)?;
        let seconds = (
            (fitted - begun).as_secs_f64(),
            fitted.elapsed().as_secs_f64(),
        );
        let segments = (key.role == Role::Test)
            .then(|| segments::measure(&evaluation.metrics, fold, &lists, &measured.per_user))
            .transpose()?;
        Ok(Scored {
            lists,
            measured,
            segments,
            seconds,
        })
    }

    fn outcome(&self, fold: &FoldData, scored: &Scored) -> Result<Outcome, Failure> {
        let labels = self.experiment.evaluation.metrics.labels();
        let measured = &scored.measured;
        let mut attachments = vec![
            ("per_user", per_user(fold, &labels, measured)),
            ("lists", lists_csv(&fold.fit, &fold.asked, &scored.lists)),
        ];
        if let Some(lines) = &scored.segments {
            attachments.push(("segments", segments::csv(&labels, lines)));
        }
        let attachments = attachments
            .into_iter()
            .map(|(what, text)| Ok((what.to_owned(), self.store.attach(&text, "csv")?)))
            .collect::<Result<_, Failure>>()?;
        Ok(Outcome::Done {
            metrics: labels
                .iter()
                .cloned()
                .zip(measured.means.iter().copied())
                .collect(),
            users: fold.asked.len(),
            users_hit: measured.users_hit,
            users_tied: measured.users_tied,
            attachments,
        })
    }
}

/// One line a user: `user`, then the metrics.
fn per_user(fold: &FoldData, labels: &[String], measured: &Measured) -> String {
    let header = std::iter::once("user").chain(labels.iter().map(String::as_str));
    let rows = fold.asked.iter().zip(measured.per_user.rows());
    csv_text(
        header,
        rows.map(|(&user, values)| {
            std::iter::once(fold.fit.users.get(user).to_owned())
                .chain(values.iter().map(f64::to_string))
                .collect()
        }),
    )
}

/// One line a recommendation: `user`, `rank` from 1, `item`, `score`.
pub(super) fn lists_csv(fit: &Events, asked: &[u32], lists: &Lists) -> String {
    let rows = asked.iter().enumerate().flat_map(|(at, &user)| {
        let ranked = lists.ranked.get(at).iter().enumerate();
        ranked.map(move |(rank, &(item, score))| {
            vec![
                fit.users.get(user).to_owned(),
                (rank + 1).to_string(),
                fit.items.get(item).to_owned(),
                score.to_string(),
            ]
        })
    });
    csv_text(["user", "rank", "item", "score"], rows)
}
