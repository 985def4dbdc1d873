//! What is left if users and items with few pairs are dropped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Pairs;

/// How many pairs each user and item keeps at least.
const LEAST: [u32; 5] = [2, 3, 5, 10, 20];

/// The k-core: the most users and items of which each has at least k pairs among those left. What
/// `min_interactions = { users = k, items = k }` leaves of the whole log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Core {
    /// Each user and item has at least so many.
    pub(crate) k: u32,
    /// Rows left.
    pub(crate) rows: u64,
    /// As a share of all rows.
    pub(crate) share_of_rows: f64,
    /// Pairs left.
    pub(crate) pairs: u64,
    /// Users left.
    pub(crate) users: u64,
    /// Items left.
    pub(crate) items: u64,
}

/// The cores, each peeled off the one before: every pair is taken away once at most.
pub(super) fn cores(pairs: &Pairs) -> Vec<Core> {
    let all: u64 = pairs.counts.iter().map(|&count| u64::from(count)).sum();
    let mut peel = Peel::of(pairs);
    LEAST
        .iter()
        .map(|&k| {
            peel.down_to(pairs, k);
            Core {
                k,
                share_of_rows: peel.rows as f64 / all.max(1) as f64,
                rows: peel.rows,
                pairs: peel.pairs,
                users: peel.users,
                items: peel.items,
            }
        })
        .collect()
}

/// What is left, and who is next to go. Ends of pairs are numbered, users first, then items.
struct Peel {
    /// Where the pairs of each item begin in `of_item`.
    starts: Vec<usize>,
    /// The user and the place of each pair, item by item.
    of_item: Vec<(u32, u32)>,
    /// Pairs left of each end.
    degrees: Vec<u32>,
    /// Ends that are gone, or waiting to go.
    listed: Vec<bool>,
    /// Ends that are gone.
    gone: Vec<bool>,
    rows: u64,
    pairs: u64,
    users: u64,
    items: u64,
}

impl Peel {
    fn of(pairs: &Pairs) -> Self {
        let mut starts = vec![0usize; pairs.users_of_item.len() + 1];
        for (item, &users) in pairs.users_of_item.iter().enumerate() {
            starts[item + 1] = starts[item] + users as usize;
        }
        let (mut next, mut of_item) = (starts.clone(), vec![(0, 0); pairs.len()]);
        for user in 0..pairs.users() {
            for pair in pairs.starts[user]..pairs.starts[user + 1] {
                let next = &mut next[pairs.items[pair] as usize];
                of_item[*next] = (user as u32, pair as u32);
                *next += 1;
            }
        }
        let of_user = pairs.starts.windows(2).map(|w| (w[1] - w[0]) as u32);
        let degrees: Vec<u32> = of_user.chain(pairs.users_of_item.iter().copied()).collect();
        let listed: Vec<bool> = degrees.iter().map(|&degree| degree == 0).collect();
        Self {
            starts,
            of_item,
            gone: listed.clone(),
            listed,
            degrees,
            rows: pairs.counts.iter().map(|&count| u64::from(count)).sum(),
            pairs: pairs.len() as u64,
            users: pairs.active_users() as u64,
            items: pairs.active_items() as u64,
        }
    }

    /// Takes away who has fewer than `k` until nobody has.
    fn down_to(&mut self, pairs: &Pairs, k: u32) {
        let users = pairs.users();
        let few = |one: &usize| !self.listed[*one] && self.degrees[*one] < k;
        let mut waiting: Vec<usize> = (0..self.degrees.len()).filter(few).collect();
        for &one in &waiting {
            self.listed[one] = true;
        }
        while let Some(one) = waiting.pop() {
            self.gone[one] = true;
            if let Some(item) = one.checked_sub(users) {
                self.items -= 1;
                for at in self.starts[item]..self.starts[item + 1] {
                    let (user, pair) = self.of_item[at];
                    self.part(user as usize, pairs.counts[pair as usize], k, &mut waiting);
                }
            } else {
                self.users -= 1;
                for pair in pairs.starts[one]..pairs.starts[one + 1] {
                    let item = users + pairs.items[pair] as usize;
                    self.part(item, pairs.counts[pair], k, &mut waiting);
                }
            }
        }
    }

    /// Takes a pair from its other end, unless it left with that.
    fn part(&mut self, other: usize, rows: u32, k: u32, waiting: &mut Vec<usize>) {
        if self.gone[other] {
            return;
        }
        self.rows -= u64::from(rows);
        self.pairs -= 1;
        self.degrees[other] -= 1;
        if self.degrees[other] < k && !self.listed[other] {
            self.listed[other] = true;
            waiting.push(other);
        }
    }
}
