//! What a trial came to, as its record keeps it.

use super::Sweep;
use crate::exit::Failure;
use crate::records::{Outcome, PeriodResult};
use crate::stages::fold::FoldData;
use crate::stages::measure::Measured;
use crate::stages::periods::Together;
use crate::stages::rank::Lists;
use crate::stages::segments::{self, Line};
use crate::text::csv_text;

/// What a trial came to in each period so far.
#[derive(Debug, Default)]
pub(super) struct Scored {
    pub(super) lists: Vec<Lists>,
    pub(super) measured: Vec<Measured>,
    /// On test, what it came to in each segment.
    pub(super) segments: Vec<Vec<Line>>,
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
