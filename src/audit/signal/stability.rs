//! Is what is popular early popular later?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Interactions, Pairs};
use super::chance::normal_tail;

/// How well the popularity of the earlier half of the log foretells that of the later one.
///
/// Each pair of user and item counts once, when it is first seen, so that a user who repeats himself
/// makes nothing popular. Only items seen in the earlier half are asked: whether an item turns up at
/// all is then no part of the question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stability {
    /// Where the halves part, seconds since 1970: the time of the row in the middle.
    pub(crate) cut: i64,
    /// Items seen in the earlier half.
    pub(crate) items: u64,
    /// Spearman's rank correlation of their new users in both halves.
    pub(crate) correlation: f64,
    /// How far that is from 0 in standard deviations, if the labels of items were shuffled.
    pub(crate) z: f64,
    /// The probability of such a correlation or a larger one by chance.
    pub(crate) p: f64,
    /// New users in the later half that a top tenth item of the earlier half has, over those of an
    /// item on average: 1 if the earlier half says nothing.
    pub(crate) lift_of_top: f64,
}

impl Stability {
    /// `None` without times, with a single time, or with fewer than ten items in the earlier half.
    pub(crate) fn of(log: &Interactions, pairs: &Pairs) -> Option<Self> {
        let mut times = log.times.clone();
        if times.is_empty() {
            return None;
        }
        let middle = times.len() / 2;
        let cut = *times.select_nth_unstable(middle).1;
        drop(times);
        let (mut early, mut late) = (
            vec![0u32; pairs.users_of_item.len()],
            vec![0u32; pairs.users_of_item.len()],
        );
        for (&item, &row) in pairs.items.iter().zip(&pairs.first) {
            let half = if log.times[row as usize] < cut {
                &mut early
            } else {
                &mut late
            };
            half[item as usize] += 1;
        }
        let mut both: Vec<(u32, u32)> = early.into_iter().zip(late).filter(|b| b.0 > 0).collect();
        let later: f64 = both.iter().map(|b| f64::from(b.1)).sum();
        if both.len() < 10 || later == 0.0 {
            return None;
        }
        both.sort_unstable_by(|a, b| b.cmp(a));
        let n = both.len() as f64;
        let correlation = correlation(
            &ranks(&both.iter().map(|b| b.0).collect::<Vec<_>>()),
            &ranks(&both.iter().map(|b| b.1).collect::<Vec<_>>()),
        )?;
        // With shuffled labels a correlation of ranks has the variance 1 / (n − 1), ties or not.
        let z = correlation * (n - 1.0).sqrt();
        Some(Self {
            cut,
            items: both.len() as u64,
            correlation,
            z,
            p: normal_tail(z),
            lift_of_top: lift(&both) / (later / n),
        })
    }
}

/// The mean of the second number over the tenth with the largest first numbers; those equal at the
/// border count in part, all alike. Descending by the first number.
fn lift(both: &[(u32, u32)]) -> f64 {
    let places = both.len() as f64 / 10.0;
    let (mut sum, mut taken) = (0.0, 0.0);
    for same in both.chunk_by(|a, b| a.0 == b.0) {
        let size = same.len() as f64;
        let share = ((places - taken) / size).clamp(0.0, 1.0);
        sum += share * same.iter().map(|b| f64::from(b.1)).sum::<f64>();
        taken += size;
    }
    sum / places
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[u32]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by_key(|&at| values[at as usize]);
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for same in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
        let rank = below as f64 + f64::midpoint(1.0, same.len() as f64);
        for &at in same {
            ranks[at as usize] = rank;
        }
        below += same.len();
    }
    ranks
}

/// Pearson's correlation; `None` if one side is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        ab += (x - mean_a) * (y - mean_b);
        aa += (x - mean_a).powi(2);
        bb += (y - mean_b).powi(2);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Plan, log};
    use super::{Pairs, Stability, lift, ranks};

    const PLAN: Plan = Plan {
        users: 300,
        items: 200,
        rows: 6000,
        popularity: 0.0,
        taste: 0.0,
        activity: 0.0,
    };

    #[test]
    fn ranks_and_lifts_by_hand() {
        assert_eq!(ranks(&[5, 1, 5, 9]), [2.5, 1.0, 2.5, 4.0]);
        // A tenth of 20 is two places: the first, and one of the two that are equal.
        let mut both = vec![(9, 6), (5, 4), (5, 0)];
        both.extend([(1, 1); 17]);
        assert_eq!(lift(&both), 4.0);
    }

    #[test]
    fn popularity_that_lasts_is_told_from_none_and_from_one_that_turns() {
        let of = |plan: Plan, seed| {
            let log = plan.log(seed);
            Stability::of(&log, &Pairs::of(&log)).unwrap()
        };
        let lasting = of(
            Plan {
                popularity: 0.7,
                ..PLAN
            },
            1,
        );
        assert!(lasting.z > 6.0 && lasting.lift_of_top > 1.5, "{lasting:?}");
        let none = of(PLAN, 2);
        assert!(none.z.abs() < 3.0, "{none:?}");
        // Each half has songs of its own.
        let turned = Plan {
            popularity: 0.7,
            ..PLAN
        }
        .log(3);
        let rows: Vec<(u32, u32, i64)> = (0..turned.len())
            .map(|row| {
                let item = turned.items[row];
                let item = if row < 3000 { item } else { 199 - item };
                (turned.users[row], item, turned.times[row])
            })
            .collect();
        let turned = log(&rows);
        let turned = Stability::of(&turned, &Pairs::of(&turned)).unwrap();
        assert!(
            turned.correlation < 0.0 && turned.lift_of_top < 1.0,
            "{turned:?}"
        );
    }

    #[test]
    fn nothing_is_said_without_times() {
        let mut log = PLAN.log(1);
        log.times.fill(7);
        assert_eq!(Stability::of(&log, &Pairs::of(&log)), None);
        log.times.clear();
        assert_eq!(Stability::of(&log, &Pairs::of(&log)), None);
    }
}
