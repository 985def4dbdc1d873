//! One trial on one role: for each of its periods weigh, fit, rank and measure; one record of all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use musicrec_api::{Error, FitContext, Result, Role, derive_seed};

use super::Sweep;
use super::trains::Trains;
use crate::exit::Failure;
use crate::experiment::{Ties, Trial, resolved};
use crate::records::{Key, Origin, Outcome, PeriodResult, Record, Run, SCHEMA, TrialResult};
use crate::stages::ask::lists;
use crate::stages::bound::bind;
use crate::stages::fold::FoldData;
use crate::stages::measure::{Measured, measure_by};
use crate::stages::periods::{self, Together};
use crate::stages::rank::Lists;
use crate::stages::segments::{self, Line};
use crate::text::{csv_text, panic_text};

/// What a trial came to in each period, and the seconds that fitting and ranking took in all.
#[derive(Default)]
struct Scored {
    lists: Vec<Lists>,
    measured: Vec<Measured>,
    /// On test, what it came to in each segment.
    segments: Vec<Vec<Line>>,
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
        let folds = self.cleaned[trial.cleaning].periods(key.role);
        let started = jiff::Timestamp::now().to_string();
        let scored = catch_unwind(AssertUnwindSafe(|| self.score(&folds, key, trial, trains)))
            .unwrap_or_else(|panic| Err(Error::model(panic_text(&*panic))));
        let (outcome, seconds) = match scored {
            Ok(scored) => {
                let seconds = scored.seconds;
                (self.outcome(&folds, scored)?, seconds)
            }
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
                origin: Origin::new(self.experiment, key),
            },
        })
    }

    fn score(
        &self,
        folds: &[&FoldData],
        key: &Key,
        trial: &Trial,
        trains: &Trains,
    ) -> Result<Scored> {
        let evaluation = &self.experiment.evaluation;
        let model = &trial.model.plugin;
        let seed = derive_seed(self.experiment.seed, &key.seed_name("fit"));
        let mut scored = Scored::default();
        for fold in folds {
            let seed = periods::seed(seed, fold.summary.period);
            let context = FitContext::new(seed).with_cancel(self.cancel);
            context.check_cancelled()?;
            let weighed = trains.get(trial.cleaning, trial.weighting, fold);
            let weighed = match weighed.get().expect("initialized when fetched") {
                Ok(weighed) => weighed,
                Err(message) => return Err(Error::model(message.clone())),
            };
            let begun = Instant::now();
            let recommender = model.fit(&weighed.train, &context)?;
            let fitted = Instant::now();
            let given = weighed.given.as_ref();
            let name = model.typetag_name();
            let shape = (evaluation.depth(), evaluation.ties == Ties::Expected);
            let lists = lists(&*recommender, fold, given, shape, name)?;
            let metrics = bind(&evaluation.metrics, fold)?;
            let measured = measure_by(&metrics, fold, &lists)?;
            scored.seconds.0 += (fitted - begun).as_secs_f64();
            scored.seconds.1 += fitted.elapsed().as_secs_f64();
            if key.role == Role::Test {
                let of_users = &measured.per_user;
                let lines = segments::measure(&metrics, fold, &lists, of_users)?;
                scored.segments.push(lines);
            }
            scored.measured.push(measured);
            scored.lists.push(lists);
        }
        Ok(scored)
    }

    fn outcome(&self, folds: &[&FoldData], scored: Scored) -> Result<Outcome, Failure> {
        let metrics = &self.experiment.evaluation.metrics;
        let (labels, of_users) = (metrics.labels(), metrics.labels_of_users());
        let together = Together::of(metrics, folds, &scored.measured);
        let named = |means: &[f64]| labels.iter().cloned().zip(means.iter().copied()).collect();
        let mut attachments = vec![
            ("per_user", per_user(folds, &of_users, &together)),
            ("lists", lists_csv(folds, &scored.lists)),
        ];
        if !scored.segments.is_empty() {
            let lines = segments::combine(scored.segments);
            attachments.push(("segments", segments::csv(&of_users, &lines)));
        }
        let attachments = attachments
            .into_iter()
            .map(|(what, text)| Ok((what.to_owned(), self.store.attach(&text, "csv")?)))
            .collect::<Result<_, Failure>>()?;
        let periods = folds.iter().zip(&scored.measured);
        let periods = periods.map(|(fold, measured)| PeriodResult {
            period: fold.summary.period,
            from: fold.summary.evaluated.from,
            until: fold.summary.evaluated.until,
            users: fold.summary.users,
            users_hit: measured.users_hit,
            metrics: named(&measured.means),
        });
        Ok(Outcome::Done {
            metrics: named(&together.means),
            users: together.who.len(),
            users_hit: together.users_hit,
            users_tied: together.users_tied,
            periods: periods.filter(|_| folds.len() > 1).collect(),
            attachments,
        })
    }
}

/// One line a user: `user`, then the metrics that give each user a value.
fn per_user(folds: &[&FoldData], labels: &[String], together: &Together) -> String {
    let header = std::iter::once("user").chain(labels.iter().map(String::as_str));
    let rows = together.who.iter().zip(together.per_user.rows());
    csv_text(
        header,
        rows.map(|(&user, values)| {
            std::iter::once(folds[0].users.get(user).to_owned())
                .chain(values.iter().map(f64::to_string))
                .collect()
        }),
    )
}

/// One line a recommendation: `period` if there are several, `user`, `rank` from 1, `item`, `score`.
fn lists_csv(folds: &[&FoldData], lists: &[Lists]) -> String {
    let several = folds.len() > 1;
    let rows = folds.iter().zip(lists).flat_map(|(fold, lists)| {
        let users = fold.who.iter().map(|&user| fold.users.get(user));
        let period = several.then(|| fold.summary.period.to_string());
        list_rows(users, |item| fold.fit.items.get(item), lists)
            .map(move |row| period.iter().cloned().chain(row).collect())
    });
    let period = several.then_some("period");
    csv_text(period.into_iter().chain(LIST_HEADER), rows)
}

/// The columns of lists.
pub(super) const LIST_HEADER: [&str; 4] = ["user", "rank", "item", "score"];

/// A row of these columns for each recommendation.
pub(super) fn list_rows<'a>(
    users: impl Iterator<Item = &'a str>,
    item: impl Fn(u32) -> &'a str + Copy,
    lists: &'a Lists,
) -> impl Iterator<Item = [String; 4]> {
    users.enumerate().flat_map(move |(at, user)| {
        let ranked = lists.ranked.get(at).iter().enumerate();
        ranked.map(move |(rank, &(id, score))| {
            let rank = (rank + 1).to_string();
            [
                user.to_owned(),
                rank,
                item(id).to_owned(),
                score.to_string(),
            ]
        })
    })
}
