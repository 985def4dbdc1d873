//! Metrics over ranked lists: one value a user and metric, kept for the statistics, and their means; one
//! value for all lists together where a metric is over these.

use musicrec_api::{MISSING, Result, UserView};
use ndarray::Array2;
use rayon::prelude::*;

use super::bound::Bound;
use super::fold::FoldData;
use super::rank::Lists;
use super::ties::{Cut, Orders, one_order};

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

/// Users measured by one thread at a time. Fixed, so that the first of several faults is always the same.
const BATCH: usize = 256;

/// Measures the list of every user asked by metrics bound to the fold. Where the lists say how ties at their ends are made up,
/// metrics of hits have their expectation over the orders of ties.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn measure_by(measures: &[Bound], fold: &FoldData, lists: &Lists) -> Result<Measured> {
    let of_users: Vec<&Bound> = measures.iter().filter(|m| !m.nature.over_lists).collect();
    let users = fold.asked.len();
    let columns = of_users.len();
    let depth = measures.iter().map(|m| m.depth).max().unwrap_or(1);
    let hits = Hits::of(fold, lists);
    let mut per_user = Array2::zeros((users, columns));
    if columns > 0 {
        let values = per_user.as_slice_mut().expect("it is new");
        let batches = values.par_chunks_mut(BATCH * columns).enumerate();
        let measured = batches.map_init(Blind::default, |blind, (batch, values)| {
            let users = batch * BATCH..users.min((batch + 1) * BATCH);
            for (column, measure) in of_users.iter().enumerate() {
                measure.guarded(|| {
                    for (row, user) in users.clone().enumerate() {
                        let value = hits.of_user(user).value(measure, blind)?;
                        values[row * columns + column] = value;
                    }
                    Ok(())
                })?;
            }
            Ok(())
        });
        measured
            .collect::<Vec<Result<()>>>()
            .into_iter()
            .collect::<Result<()>>()?;
    }
    let hit: Vec<bool> = (0..users)
        .map(|user| hits.of_user(user).hit(depth))
        .collect();
    let tied: Vec<bool> = (0..users).map(|user| lists.tied_at(user, depth)).collect();
    let views: Vec<UserView> = if columns < measures.len() {
        (0..users).map(|user| hits.of_user(user).view()).collect()
    } else {
        Vec::new()
    };
    let mut means_of_users = means(&per_user).into_iter();
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

/// What is listed to the users asked, and what of it is hit.
pub(super) struct Hits<'a> {
    fold: &'a FoldData,
    lists: &'a Lists,
    /// As long as all lists together: the items, and the gain of each to its user.
    items: Vec<u32>,
    gains: Vec<f64>,
}

impl<'a> Hits<'a> {
    /// Of a list for each user asked.
    pub(super) fn of(fold: &'a FoldData, lists: &'a Lists) -> Self {
        let listed = lists.ranked.all();
        let mut gains = Vec::with_capacity(listed.len());
        for user in 0..fold.asked.len() {
            let targets = fold.reachable.get(user);
            gains.extend(
                lists
                    .ranked
                    .get(user)
                    .iter()
                    .map(|(item, _)| gain(targets, *item)),
            );
        }
        Self {
            fold,
            lists,
            items: listed.iter().map(|(item, _)| *item).collect(),
            gains,
        }
    }

    /// The list of a user, by the place among those asked.
    pub(super) fn of_user(&self, user: usize) -> Listed<'_> {
        let range = self.lists.ranked.range(user);
        Listed {
            fold: self.fold,
            user,
            ranked: self.lists.ranked.get(user),
            cut: self.lists.cut.as_ref().map(|cut| &cut[user]),
            items: &self.items[range.clone()],
            gains: &self.gains[range],
        }
    }
}

/// As many items that nobody needs to know as the longest list so far.
#[derive(Debug, Default)]
pub(super) struct Blind(Vec<u32>);

impl Blind {
    pub(super) fn items(&mut self, length: usize) -> &[u32] {
        if self.0.len() < length {
            self.0.resize(length, MISSING);
        }
        &self.0[..length]
    }
}

/// The list of a user and what is hit in it.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) fold: &'a FoldData,
    /// The place of the user among those asked.
    pub(super) user: usize,
    pub(super) ranked: &'a [(u32, f64)],
    pub(super) cut: Option<&'a Cut>,
    pub(super) items: &'a [u32],
    pub(super) gains: &'a [f64],
}

impl<'a> Listed<'a> {
    /// Whether a target is among the first `depth`.
    pub(super) fn hit(&self, depth: usize) -> bool {
        self.gains.iter().take(depth).any(|&gain| gain > 0.0)
    }

    /// As a metric sees it.
    pub(super) fn view(&self) -> UserView<'a> {
        self.view_of(self.items, self.gains)
    }

    fn view_of<'v>(&self, items: &'v [u32], gains: &'v [f64]) -> UserView<'v>
    where
        'a: 'v,
    {
        let view = UserView::new(items, gains, self.fold.targets.get(self.user));
        view.with_masked(self.fold.heard.get(self.user))
    }

    /// What it is worth by a metric that gives each user a value.
    pub(super) fn value(&self, measure: &Bound, blind: &mut Blind) -> Result<f64> {
        let name = || self.fold.name_of(self.user);
        let cut = match self.cut {
            Some(cut) if !measure.nature.reads_items => cut,
            _ => return measure.unguarded(&self.view(), name),
        };
        // Which items they are does not matter to a metric of hits.
        let items = blind.items(self.gains.len());
        let value =
            |gains: &[f64]| measure.unguarded(&self.view_of(&items[..gains.len()], gains), name);
        if one_order(self.ranked, self.gains, cut, measure.depth) {
            // As a sum of one share, which is never -0.
            return Ok(0.0 + value(&self.gains[..measure.depth.min(self.gains.len())])?);
        }
        Orders::of(self.ranked, self.gains, cut, measure.depth).expectation(name(), value)
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
