//! Do users come back to what they have had?

use musicrec_api::arithmetic::{exp, ln_1p};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::pairs::by_user;
use super::super::{Interactions, Pairs};
use super::chance::normal_tail;

/// Rows of an item that the user has had before, against chance.
///
/// Rows of the same user, item and second are one: a copy, or several things that happened at once.
///
/// By chance: the items of all rows are dealt out anew, so that users have as many rows and items as
/// many rows as before. The number of repeats is then about Poisson distributed; its square root is
/// compared (Anscombe 1948).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Repeats {
    /// Rows of an item that the user has had before.
    pub(crate) rows: u64,
    /// As a share of all rows, those of one second being one.
    pub(crate) share: f64,
    /// What that share is by chance.
    pub(crate) share_by_chance: f64,
    /// How far the rows are from chance, in standard deviations.
    pub(crate) z: f64,
    /// The probability of so many or more by chance.
    pub(crate) p: f64,
}

impl Repeats {
    /// `None` of an empty log.
    pub(crate) fn of(log: &Interactions, pairs: &Pairs) -> Option<Self> {
        if log.len() == 0 {
            return None;
        }
        let (rows_of_user, rows_of_item) = rows_apart(log, pairs);
        let apart: u64 = rows_of_user.iter().map(|&rows| u64::from(rows)).sum();
        let (all, rows) = (apart as f64, apart - pairs.len() as u64);
        let (users, items) = (levels(&rows_of_user), levels(&rows_of_item));
        let mut distinct = 0.0;
        for &(user_rows, users) in &users {
            // The probability that none of an item's rows falls to the user: (1 − n / N)^r.
            let miss = ln_1p(-(user_rows / all).min(1.0));
            let of_user: f64 = items
                .iter()
                .map(|&(item_rows, items)| items * (1.0 - exp(miss * item_rows)))
                .sum();
            distinct += users * of_user.min(user_rows);
        }
        let by_chance = (all - distinct).max(0.0);
        let root = |count: f64| 2.0 * (count + 0.375).sqrt();
        let z = root(rows as f64) - root(by_chance);
        Some(Self {
            rows,
            share: rows as f64 / all,
            share_by_chance: by_chance / all,
            z,
            p: normal_tail(z),
        })
    }
}

/// The rows of each user and of each item, those of the same user, item and second being one.
fn rows_apart(log: &Interactions, pairs: &Pairs) -> (Vec<u32>, Vec<u32>) {
    let (mut users, mut items) = (pairs.rows_of_user.clone(), pairs.rows_of_item.clone());
    if log.times.is_empty() {
        return (users, items);
    }
    let (offsets, order) = by_user(log);
    let mut of_user: Vec<(u32, i64)> = Vec::new();
    for (user, bounds) in offsets.windows(2).enumerate() {
        of_user.clear();
        for &row in &order[bounds[0]..bounds[1]] {
            of_user.push((log.items[row as usize], log.times[row as usize]));
        }
        of_user.sort_unstable();
        for copies in of_user.chunk_by(|a, b| a == b) {
            let more = copies.len() as u32 - 1;
            users[user] -= more;
            items[copies[0].0 as usize] -= more;
        }
    }
    (users, items)
}

/// How often each count occurs: exactly for small ones, beyond 256 in steps of a 64th of their size.
/// As (mean count of the step, how many).
fn levels(counts: &[u32]) -> Vec<(f64, f64)> {
    let step = |count: u32| {
        let shift = (32 - count.leading_zeros()).saturating_sub(7);
        (count >> shift) << shift
    };
    let mut counts: Vec<u32> = counts.iter().copied().filter(|&count| count > 0).collect();
    counts.sort_unstable();
    let mean = |same: &[u32]| {
        let sum: f64 = same.iter().map(|&count| f64::from(count)).sum();
        (sum / same.len() as f64, same.len() as f64)
    };
    let same = |a: &u32, b: &u32| {
        if *b < 256 {
            a == b
        } else {
            step(*a) == step(*b)
        }
    };
    counts.chunk_by(same).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Plan, log};
    use super::{Pairs, Repeats, levels};

    #[test]
    fn levels_keep_sums() {
        let counts: Vec<u32> = (0..3000).map(|i| i * i % 5000).collect();
        let levels = levels(&counts);
        let sum: f64 = levels.iter().map(|(count, times)| count * times).sum();
        assert!((sum - counts.iter().map(|&c| f64::from(c)).sum::<f64>()).abs() < 1e-6 * sum);
        assert!(levels.len() < 600, "{}", levels.len());
    }

    #[test]
    fn chance_is_what_shuffling_gives() {
        let plan = Plan {
            users: 80,
            items: 60,
            rows: 3000,
            popularity: 0.8,
            taste: 0.0,
            activity: 0.7,
        };
        for seed in 0..20 {
            let log = plan.log(seed);
            let repeats = Repeats::of(&log, &Pairs::of(&log)).unwrap();
            assert!(repeats.z.abs() < 3.0, "{repeats:?}");
            assert!(
                (repeats.share - repeats.share_by_chance).abs() < 0.02,
                "{repeats:?}"
            );
        }
    }

    #[test]
    fn two_rows_of_one_moment_are_one() {
        let plan = Plan {
            users: 80,
            items: 60,
            rows: 3000,
            popularity: 0.8,
            taste: 0.0,
            activity: 0.7,
        };
        let of = |log| Repeats::of(&log, &Pairs::of(&log)).unwrap();
        for seed in 0..3 {
            let once = plan.log(seed);
            let rows: Vec<(u32, u32, i64)> = (0..2 * once.len())
                .map(|row| row / 2)
                .map(|row| (once.users[row], once.items[row], once.times[row]))
                .collect();
            assert_eq!(of(log(&rows)), of(once));
        }
    }

    #[test]
    fn who_comes_back_is_seen() {
        let mut rows = Vec::new();
        for user in 0..50 {
            for time in 0..20 {
                rows.push((user, (user * 7 + time / 2) % 200, i64::from(time)));
            }
        }
        // A copy is no repeat.
        rows.push(rows[0]);
        let log = log(&rows);
        let repeats = Repeats::of(&log, &Pairs::of(&log)).unwrap();
        assert_eq!((repeats.rows, repeats.share), (500, 0.5));
        assert!(
            repeats.p < 1e-9 && repeats.share_by_chance < 0.1,
            "{repeats:?}"
        );
    }
}
