//! What a trial came to, as its record keeps it.

use std::collections::BTreeSet;

use musicrec_api::Ids;

use super::Sweep;
use crate::exit::Failure;
use crate::records::{Outcome, PeriodResult};
use crate::stages::fold::FoldData;
use crate::stages::measure::Measured;
use crate::stages::periods::Together;
use crate::stages::rank::Lists;
use crate::stages::segments::{self, Lines};
use crate::text::Csv;

/// What a trial came to in each period so far.
#[derive(Debug, Default)]
pub(super) struct Scored<'f> {
    pub(super) lists: Vec<Lists>,
    pub(super) measured: Vec<Measured>,
    /// What the model told of its losses; nothing where it told nothing.
    pub(super) losses: Vec<Vec<f64>>,
    /// On test, what it came to in each segment.
    pub(super) segments: Vec<Lines<'f>>,
}

impl Scored<'_> {
    /// Takes what the fit of a period told of its losses.
    pub(super) fn told(&mut self, losses: Vec<f64>) {
        if !losses.is_empty() {
            self.losses.push(losses);
        }
    }
}

impl Sweep<'_> {
    /// The outcome of a trial that has been scored in all periods; its attachments are stored.
    pub(super) fn outcome(&self, folds: &[&FoldData], scored: Scored) -> Result<Outcome, Failure> {
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
            users_short: short(folds, &scored.lists, self.experiment.evaluation.depth()),
            periods: periods.filter(|_| folds.len() > 1).collect(),
            losses: scored.losses,
            attachments,
        })
    }
}

/// How many users have a list with fewer items than places in some period, though more could stand in it.
fn short(folds: &[&FoldData], lists: &[Lists], depth: usize) -> usize {
    let of_period = |(fold, lists): (&&FoldData, &Lists)| -> Vec<u32> {
        let (limits, items) = (&fold.limits, fold.fit.items.len());
        let left = |at: usize| {
            let heard = fold.heard.get(at);
            match &limits.caps[..] {
                [] => items - limits.hidden.len() - heard.len(),
                [cap] => cap.longest(heard),
                // Only a bound is known.
                _ => 0,
            }
        };
        let places = |at: usize| depth.min(left(at));
        let users = fold.who.iter().enumerate();
        let short = users.filter(|(at, _)| lists.ranked.get(*at).len() < places(*at));
        short.map(|(_, &user)| user).collect()
    };
    let all = folds.iter().zip(lists).flat_map(of_period);
    all.collect::<BTreeSet<u32>>().len()
}

/// One line a user: `user`, then the metrics that give each user a value.
fn per_user(folds: &[&FoldData], labels: &[String], together: &Together) -> String {
    let mut csv = Csv::new(std::iter::once("user").chain(labels.iter().map(String::as_str)));
    for (&user, values) in together.who.iter().zip(together.per_user.rows()) {
        csv.text(folds[0].users.get(user));
        for value in values {
            csv.number(value);
        }
        csv.end();
    }
    csv.into_text()
}

/// One line a recommendation: `period` if there are several, `user`, `rank` from 1, `item`, `score`.
fn lists_csv(folds: &[&FoldData], lists: &[Lists]) -> String {
    let several = folds.len() > 1;
    let period = several.then_some("period");
    let mut csv = Csv::new(period.into_iter().chain(LIST_HEADER));
    for (fold, lists) in folds.iter().zip(lists) {
        let period = several.then_some(fold.summary.period);
        let users = fold.who.iter().map(|&user| fold.users.get(user));
        add_lists(&mut csv, period, users, &fold.fit.items, lists);
    }
    csv.into_text()
}

/// The columns of lists.
pub(super) const LIST_HEADER: [&str; 4] = ["user", "rank", "item", "score"];

/// Adds a row of these columns for each recommendation, behind the period where there are several.
pub(super) fn add_lists<'a>(
    csv: &mut Csv,
    period: Option<usize>,
    users: impl Iterator<Item = &'a str>,
    items: &Ids,
    lists: &Lists,
) {
    for (at, user) in users.enumerate() {
        for (rank, &(item, score)) in (1..).zip(lists.ranked.get(at)) {
            if let Some(period) = period {
                csv.number(period);
            }
            csv.text(user);
            csv.number::<u32>(rank);
            csv.text(items.get(item));
            csv.number(score);
            csv.end();
        }
    }
}
