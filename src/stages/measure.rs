//! Metrics over ranked lists: one value a user and metric, kept for the statistics, and their means.

use musicrec_api::{Result, UserView};
use ndarray::Array2;

use super::bound::bind;
use super::fold::FoldData;
use super::rank::Lists;
use crate::experiment::Metrics;

/// What a trial reached on a fold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    /// Users asked × metrics.
    pub(crate) per_user: Array2<f64>,
    /// The mean over the users asked, by metric.
    pub(crate) means: Vec<f64>,
    /// Users with at least one target in their list, as deep as the deepest metric looks.
    pub(crate) users_hit: usize,
    /// Users whose last place that a metric looks at was decided by item id.
    pub(crate) users_tied: usize,
}

/// Measures the list of every user asked.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn measure(metrics: &Metrics, fold: &FoldData, lists: &Lists) -> Result<Measured> {
    let measures = bind(metrics, fold)?;
    let users = fold.asked.len();
    let mut per_user = Array2::zeros((users, measures.len()));
    let (mut users_hit, mut users_tied) = (0, 0);
    let depth = metrics.depth();
    let (mut items, mut gains) = (Vec::new(), Vec::new());
    for user in 0..users {
        let targets = fold.reachable.get(user);
        items.clear();
        gains.clear();
        for &(item, _) in lists.ranked.get(user) {
            items.push(item);
            gains.push(gain(targets, item));
        }
        users_hit += usize::from(gains.iter().take(depth).any(|&g| g > 0.0));
        users_tied += usize::from(lists.tied_at(user, depth));
        let view = UserView::new(&items, &gains, fold.targets.get(user));
        for (at, measure) in measures.iter().enumerate() {
            per_user[[user, at]] = measure.user(&view, || fold.name_of(user))?;
        }
    }
    Ok(Measured {
        means: means(&per_user),
        per_user,
        users_hit,
        users_tied,
    })
}

/// The gain of an item for a user whose targets, ascending by item, are given; 0 if it is none.
pub(super) fn gain(targets: &[(u32, f64)], item: u32) -> f64 {
    targets
        .binary_search_by_key(&item, |t| t.0)
        .map_or(0.0, |at| targets[at].1)
}

/// Column means, summed in the order of rows.
pub(crate) fn means(per_user: &Array2<f64>) -> Vec<f64> {
    let n = per_user.nrows() as f64;
    per_user
        .columns()
        .into_iter()
        .map(|column| column.iter().sum::<f64>() / n)
        .collect()
}
