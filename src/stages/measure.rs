//! Metrics over ranked lists: one value a user and metric, kept for the statistics, and their means; one
//! value for all lists together where a metric is over these.

use musicrec_api::{MISSING, Result, UserView};
use ndarray::Array2;

use super::bound::Bound;
use super::fold::{FoldData, Ragged};
use super::rank::Lists;
use super::ties::{Cut, Orders};

/// What a trial reached on a fold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    /// Users asked × metrics that give each user a value.
    pub(crate) per_user: Array2<f64>,
    /// By metric: the mean over the users asked, or the value over all their lists.
    pub(crate) means: Vec<f64>,
    /// Users with at least one target in their list, as deep as the deepest metric looks.
    pub(crate) users_hit: usize,
    /// Users whose last place that a metric looks at was decided by item id.
    pub(crate) users_tied: usize,
    /// For each user asked, whether they are among those.
    pub(crate) hit: Vec<bool>,
    pub(crate) tied: Vec<bool>,
}

/// The same as [`measure_by`], for one who measures once.
///
/// # Errors
/// If a metric panics or gives no finite number.
#[cfg(test)]
pub(crate) fn measure(
    metrics: &crate::experiment::Metrics,
    fold: &FoldData,
    lists: &Lists,
) -> Result<Measured> {
    measure_by(&super::bound::bind(metrics, fold)?, fold, lists)
}

/// Measures the list of every user asked by metrics bound to the fold. Where the lists say how ties at their ends are made up,
/// metrics of hits have their expectation over the orders of ties.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn measure_by(measures: &[Bound], fold: &FoldData, lists: &Lists) -> Result<Measured> {
    let of_users: Vec<&Bound> = measures.iter().filter(|m| !m.nature.over_lists).collect();
    let users = fold.asked.len();
    let mut per_user = Array2::zeros((users, of_users.len()));
    let (mut hit, mut tied) = (Vec::with_capacity(users), Vec::with_capacity(users));
    let depth = measures.iter().map(|m| m.depth).max().unwrap_or(1);
    let (mut items, mut gains) = (Ragged::default(), Ragged::default());
    for user in 0..users {
        let listed = Listed::of(fold, user, lists, user);
        hit.push(listed.hit(depth));
        tied.push(lists.tied_at(user, depth));
        for (at, measure) in of_users.iter().enumerate() {
            per_user[[user, at]] = listed.value(measure)?;
        }
        items.push(listed.items);
        gains.push(listed.gains);
    }
    let view = |user| {
        UserView::new(items.get(user), gains.get(user), fold.targets.get(user))
            .with_masked(fold.heard.get(user))
    };
    let mut means_of_users = means(&per_user).into_iter();
    let views: Vec<UserView> = (0..users).map(view).collect();
    let of_metric = |measure: &Bound| {
        if measure.nature.over_lists {
            measure.over_lists(&views)
        } else {
            Ok(means_of_users.next().expect("a column a metric of users"))
        }
    };
    Ok(Measured {
        means: measures.iter().map(of_metric).collect::<Result<_>>()?,
        per_user,
        users_hit: hit.iter().filter(|hit| **hit).count(),
        users_tied: tied.iter().filter(|tied| **tied).count(),
        hit,
        tied,
    })
}

/// The list of a user and what is hit in it.
pub(super) struct Listed<'a> {
    fold: &'a FoldData,
    /// The place of the user among those asked.
    user: usize,
    ranked: &'a [(u32, f64)],
    cut: Option<&'a Cut>,
    pub(super) items: Vec<u32>,
    pub(super) gains: Vec<f64>,
}

impl<'a> Listed<'a> {
    /// The list at a place of some lists, which is that of a user asked.
    pub(super) fn of(fold: &'a FoldData, user: usize, lists: &'a Lists, at: usize) -> Self {
        let ranked = lists.ranked.get(at);
        let targets = fold.reachable.get(user);
        let gain = |&(item, _): &(u32, f64)| gain(targets, item);
        Self {
            fold,
            user,
            ranked,
            cut: lists.cut.as_ref().map(|cut| &cut[at]),
            items: ranked.iter().map(|&(item, _)| item).collect(),
            gains: ranked.iter().map(gain).collect(),
        }
    }

    /// Whether a target is among the first `depth`.
    pub(super) fn hit(&self, depth: usize) -> bool {
        self.gains.iter().take(depth).any(|&gain| gain > 0.0)
    }

    /// What it is worth by a metric that gives each user a value.
    pub(super) fn value(&self, measure: &Bound) -> Result<f64> {
        let (fold, user) = (self.fold, self.user);
        let name = || fold.name_of(user);
        let value = |items: &[u32], gains: &[f64]| {
            let view = UserView::new(items, gains, fold.targets.get(user));
            measure.user(&view.with_masked(fold.heard.get(user)), name)
        };
        match self.cut {
            Some(cut) if !measure.nature.reads_items => {
                let orders = Orders::of(self.ranked, &self.gains, cut, measure.depth);
                // Which items they are does not matter to a metric of hits.
                let items = vec![MISSING; self.gains.len()];
                orders.expectation(name(), |gains| value(&items[..gains.len()], gains))
            }
            _ => value(&self.items, &self.gains),
        }
    }
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
