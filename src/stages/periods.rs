//! Several folds of one role: periods, each foretold by itself. A user's value is the mean over the
//! periods that ask them, so that every user has one vote in what is averaged over users.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use musicrec_api::{Result, derive_seed};
use ndarray::Array2;

use super::chance::{self, Chance};
use super::fold::FoldData;
use super::measure::{Measured, means};
use crate::experiment::Metrics;

/// Numbers the periods of one role and shares each user's vote among those that ask them. To be done
/// anew whenever somebody is no longer asked.
pub(crate) fn number(periods: &mut [&mut FoldData]) {
    let mut asks: BTreeMap<u32, usize> = BTreeMap::new();
    for user in periods.iter().flat_map(|fold| &fold.who) {
        *asks.entry(*user).or_default() += 1;
    }
    let all = periods.len();
    for (at, fold) in periods.iter_mut().enumerate() {
        (fold.summary.period, fold.summary.periods) = (at + 1, all);
        let votes = fold.who.iter().map(|user| 1.0 / asks[user] as f64);
        fold.votes = votes.collect();
    }
}

/// The seed of a period: that of the whole for the first, so that a single period is nothing special.
pub(crate) fn seed(of_all: u64, period: usize) -> u64 {
    match period {
        1 => of_all,
        later => derive_seed(of_all, &format!("period {later}")),
    }
}

/// What a trial reached on all periods.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Together {
    /// Everybody who is asked in some period, in the numbering of the whole log, ascending.
    pub(crate) who: Vec<u32>,
    /// Those users × the metrics that give each user a value: means over the periods that ask them.
    pub(crate) per_user: Array2<f64>,
    /// The mean over these users, by metric; of metrics over all lists the mean over the periods.
    pub(crate) means: Vec<f64>,
    /// Users with a target in some list.
    pub(crate) users_hit: usize,
    /// Users who had a last place decided by item id.
    pub(crate) users_tied: usize,
}

impl Together {
    /// Of each period what was measured.
    pub(crate) fn of(metrics: &Metrics, periods: &[&FoldData], measured: &[Measured]) -> Self {
        let mut places: BTreeMap<u32, Vec<(usize, usize)>> = BTreeMap::new();
        for (period, fold) in periods.iter().enumerate() {
            for (at, &user) in fold.who.iter().enumerate() {
                places.entry(user).or_default().push((period, at));
            }
        }
        let columns = measured.first().map_or(0, |m| m.per_user.ncols());
        let mut per_user = Array2::zeros((places.len(), columns));
        for (mut row, places) in per_user.rows_mut().into_iter().zip(places.values()) {
            for &(period, at) in places {
                row += &measured[period].per_user.row(at);
            }
            row /= places.len() as f64;
        }
        let some = |holds: &dyn Fn(&Measured, usize) -> bool| {
            let users = places.values();
            let of = |user: &&Vec<(usize, usize)>| {
                user.iter()
                    .any(|&(period, at)| holds(&measured[period], at))
            };
            users.filter(of).count()
        };
        let mut of_users = means(&per_user).into_iter();
        let over_lists = metrics.0.iter().map(|metric| metric.nature().over_lists);
        let of_metric = |(at, over_lists): (usize, bool)| {
            if over_lists {
                measured.iter().map(|m| m.means[at]).sum::<f64>() / measured.len() as f64
            } else {
                of_users.next().expect("a column a metric of users")
            }
        };
        Self {
            means: over_lists.enumerate().map(of_metric).collect(),
            per_user,
            users_hit: some(&|m, at| m.hit[at]),
            users_tied: some(&|m, at| m.tied[at]),
            who: places.into_keys().collect(),
        }
    }
}

/// Floor and ceiling over all periods: each drawn ranking covers all of them. The draws are ascending.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn chance(
    metrics: &Metrics,
    periods: &[&FoldData],
    rankings: usize,
    of_all: u64,
    cancel: &AtomicBool,
) -> Result<Chance> {
    let of_each: Vec<Chance> = (1..)
        .zip(periods)
        .map(|(period, fold)| chance::chance(metrics, fold, rankings, seed(of_all, period), cancel))
        .collect::<Result<_>>()?;
    Ok(pooled(metrics, periods, of_each))
}

/// Each period's means count by the votes cast in it: their sums over the number of users are what a
/// mean over users of means over periods is. Metrics over all lists have no users: periods count alike.
fn pooled(of: &Metrics, periods: &[&FoldData], mut of_each: Vec<Chance>) -> Chance {
    let mut whole = if of_each.len() == 1 {
        of_each.swap_remove(0)
    } else {
        let votes = periods.iter().map(|fold| fold.votes.iter().sum());
        let votes: Vec<f64> = votes.collect();
        let users: f64 = votes.iter().sum();
        let over_lists: Vec<bool> = of.0.iter().map(|m| m.nature().over_lists).collect();
        let mean = |metric: usize, value: &dyn Fn(&Chance) -> f64| {
            let values = of_each.iter().zip(&votes);
            if over_lists[metric] {
                values.map(|(c, _)| value(c)).sum::<f64>() / votes.len() as f64
            } else {
                values.map(|(c, votes)| votes * value(c)).sum::<f64>() / users
            }
        };
        let metrics = 0..of_each[0].expected.len();
        let rankings = |metric: usize| 0..of_each[0].null[metric].len();
        let refuted = |metric: usize| of_each.iter().any(|c| c.refuted[metric].is_some());
        let said = |c: &Chance, metric: usize| c.refuted[metric].unwrap_or(c.expected[metric]);
        let mut missed: BTreeMap<u32, f64> = BTreeMap::new();
        let mut hittable: BTreeMap<u32, bool> = BTreeMap::new();
        for (fold, chance) in periods.iter().zip(&of_each) {
            for (at, &user) in fold.who.iter().enumerate() {
                *missed.entry(user).or_insert(1.0) *= 1.0 - chance.hit[at];
                *hittable.entry(user).or_default() |= !fold.reachable.get(at).is_empty();
            }
        }
        let hit: Vec<f64> = missed.values().map(|missed| 1.0 - missed).collect();
        Chance {
            expected: metrics
                .clone()
                .map(|m| mean(m, &|c| c.expected[m]))
                .collect(),
            exact: metrics
                .clone()
                .map(|m| of_each.iter().all(|c| c.exact[m]))
                .collect(),
            refuted: metrics
                .clone()
                .map(|m| refuted(m).then(|| mean(m, &|c| said(c, m))))
                .collect(),
            null: metrics
                .clone()
                .map(|m| rankings(m).map(|at| mean(m, &|c| c.null[m][at])).collect())
                .collect(),
            users_hit: hit.iter().sum(),
            hit,
            ceiling: metrics
                .map(|m| {
                    let known = of_each.iter().all(|c| c.ceiling[m].is_some());
                    known.then(|| mean(m, &|c| c.ceiling[m].unwrap_or_default()))
                })
                .collect(),
            ceiling_users_hit: hittable.values().filter(|hit| **hit).count(),
        }
    };
    for null in &mut whole.null {
        null.sort_by(f64::total_cmp);
    }
    whole
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Fold, Recommender, Result, Role, Scores, Users};

    use super::{Together, chance, number, seed};
    use crate::experiment::Evaluation;
    use crate::stages::ask::lists;
    use crate::stages::fold::{FoldData, ready};
    use crate::stages::measure::measure;

    /// The later an item in the order of ids, the better.
    struct Later(Vec<f64>);

    impl Recommender for Later {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0))
        }
    }

    /// Two periods: u is asked for b, then u for c and v for d; w heard all that can be recommended.
    fn periods() -> (Vec<FoldData>, Evaluation) {
        let past = [("u", "a"), ("v", "a"), ("v", "b"), ("w", "c"), ("w", "d")];
        let pairs = past.into_iter().chain([("u", "b"), ("u", "c"), ("v", "d")]);
        let events = Events::from_pairs(pairs);
        let evaluation = Evaluation::default();
        let folds = [
            Fold::new(Role::Test, (0..5).collect(), vec![5]),
            Fold::new(Role::Test, (0..6).collect(), vec![6, 7]),
        ];
        let ready = |fold: &Fold| ready(fold, None, &events, &[], &evaluation).unwrap();
        let mut folds: Vec<FoldData> = folds.iter().map(ready).collect();
        number(&mut folds.iter_mut().collect::<Vec<_>>());
        (folds, evaluation)
    }

    /// The NDCG of a single target at the second place.
    const SECOND: f64 = 0.630_929_753_571_457_4;

    fn near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
        }
    }

    #[test]
    fn a_user_is_one_vote_however_often_they_are_asked() {
        let (folds, evaluation) = periods();
        let folds: Vec<&FoldData> = folds.iter().collect();
        assert_eq!(
            (&folds[0].votes[..], &folds[1].votes[..]),
            (&[0.5][..], &[0.5, 1.0][..])
        );
        let names: Vec<String> = folds.iter().map(|f| f.summary.name()).collect();
        assert_eq!(names, ["test period 1 of 2", "test period 2 of 2"]);
        let model = Later(vec![1.0, 2.0, 3.0, 4.0]);
        let measured: Vec<_> = folds
            .iter()
            .map(|fold| {
                let lists = lists(&model, fold, None, (3, false), "later").unwrap();
                measure(&evaluation.metrics, fold, &lists).unwrap()
            })
            .collect();
        // u finds b third of d, c, b; then c second of d, c. v finds d first.
        let of_periods = [measured[0].means[2], measured[1].means[2]];
        near(&of_periods, &[0.5, f64::midpoint(SECOND, 1.0)]);
        let together = Together::of(&evaluation.metrics, &folds, &measured);
        assert_eq!(together.who, [0, 1]);
        let u = f64::midpoint(0.5, SECOND);
        near(&together.per_user.column(2).to_vec(), &[u, 1.0]);
        near(&together.means[2..], &[f64::midpoint(u, 1.0)]);
        assert_eq!((together.users_hit, together.users_tied), (2, 0));
    }

    #[test]
    fn chance_and_ceiling_count_votes_too() {
        let (folds, evaluation) = periods();
        let folds: Vec<&FoldData> = folds.iter().collect();
        let metrics = &evaluation.metrics;
        let pooled = chance(metrics, &folds, 20_000, 1, &false.into()).unwrap();
        // One of three places at random, then one of two.
        let (first, second) = ((1.0 + SECOND + 0.5) / 3.0, f64::midpoint(1.0, SECOND));
        let expected = f64::midpoint(f64::midpoint(first, second), second);
        assert!((pooled.expected[2] - expected).abs() < 1e-12, "{pooled:?}");
        assert_eq!(
            (&pooled.exact[..], &pooled.refuted[..]),
            (&[true; 3][..], &[None; 3][..])
        );
        let drawn = pooled.null[2].iter().sum::<f64>() / 20_000.0;
        assert!(
            (drawn - expected).abs() < 0.005,
            "{drawn} is not {expected}"
        );
        assert!(pooled.null.iter().all(|null| null.is_sorted()));
        // Every list holds all that is left, so everybody hits, each counted once.
        assert!(
            (pooled.users_hit - 2.0).abs() < 1e-12,
            "{}",
            pooled.users_hit
        );
        assert_eq!(pooled.ceiling_users_hit, 2);
        assert!((pooled.ceiling[2].unwrap() - 1.0).abs() < 1e-15);
        // Periods draw for themselves: the same draws would make u's values depend on each other.
        assert_ne!(seed(1, 1), seed(1, 2));
    }

    #[test]
    fn a_single_period_is_nothing_special() {
        let (mut folds, evaluation) = periods();
        let mut last = folds.pop().unwrap();
        number(&mut [&mut last]);
        assert_eq!(
            (&last.votes[..], last.summary.name()),
            (&[1.0; 2][..], "test".to_owned())
        );
        let alone = chance::chance(&evaluation.metrics, &last, 500, 3, &false.into()).unwrap();
        let mut pooled = chance(&evaluation.metrics, &[&last], 500, 3, &false.into()).unwrap();
        let mut null = alone.null.clone();
        for null in &mut null {
            null.sort_by(f64::total_cmp);
        }
        assert_eq!(pooled.null, null);
        pooled.null.clone_from(&alone.null);
        assert_eq!(pooled, alone);
    }
}
