//! What chance makes of a log: users keep how many items they have, items how many users.

use musicrec_api::rng;
use rand::{Rng, seq::SliceRandom as _};

/// Sets of items, one a user.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    /// Where each user's items begin; one more than users.
    pub(super) starts: Vec<usize>,
    /// Items, ascending within a user.
    pub(super) items: Vec<u32>,
}

impl Sets {
    pub(super) fn users(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub(super) fn of(&self, user: usize) -> &[u32] {
        &self.items[self.starts[user]..self.starts[user + 1]]
    }

    pub(super) fn push(&mut self, items: impl IntoIterator<Item = u32>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.items.extend(items);
        self.starts.push(self.items.len());
    }
}

/// Users that may trade with one another.
///
/// Only users of about the same activity trade: in a log without any taste the busy ones have more
/// of the less popular items (what is popular they have already), and that is no taste.
pub(super) struct Strata(Vec<Vec<u32>>);

/// About how many users a stratum has: enough to mix well, few enough to be alike.
const STRATUM: usize = 64;

impl Strata {
    pub(super) fn of(sets: &Sets) -> Self {
        let mut users: Vec<u32> = (0..sets.users() as u32).collect();
        users.sort_by_key(|&user| (sets.of(user as usize).len(), user));
        let strata = (users.len() / STRATUM).max(1);
        let size = users.len().div_ceil(strata).max(1);
        Self(users.chunks(size).map(<[u32]>::to_vec).collect())
    }
}

/// Trades a user takes part in between two draws: half of what two users do not share changes hands
/// in each, so that a sixty-fourth is where it was.
const PASSES: usize = 6;

/// Draws from all ways to give the items to the users of each stratum in which every user has as many
/// items as before and every item as many users; all ways are alike.
///
/// By trades of two users who put together what only one of them has, and draw anew (Strona et al.,
/// "A fast and unbiased procedure to randomize ecological binary matrices", Nature Communications 5,
/// 2014; that all ways are alike: Carstens, Physical Review E 91, 2015).
pub(super) fn trade(sets: &mut Sets, strata: &Strata, seed: u64) {
    let mut random = rng(seed);
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for stratum in &strata.0 {
        let mut users = stratum.clone();
        for _ in 0..PASSES {
            users.shuffle(&mut random);
            for two in users.chunks_exact(2) {
                let (a, b) = (two[0].min(two[1]) as usize, two[0].max(two[1]) as usize);
                let (left, right) = sets.items.split_at_mut(sets.starts[b]);
                let a = &mut left[sets.starts[a]..sets.starts[a + 1]];
                let b = &mut right[..sets.starts[b + 1] - sets.starts[b]];
                trade_of_two(a, b, &mut random, (&mut mine, &mut theirs));
            }
        }
    }
}

/// Deals out anew what only one of two users has.
fn trade_of_two(
    a: &mut [u32],
    b: &mut [u32],
    random: &mut impl Rng,
    (mine, theirs): (&mut Vec<u32>, &mut Vec<u32>),
) {
    let shared = shared(a, b);
    let mut left = (a.len() + b.len() - 2 * shared) as u64;
    let mut wanted = (a.len() - shared) as u64;
    if wanted == 0 || wanted == left {
        return;
    }
    mine.clear();
    theirs.clear();
    let (mut x, mut y) = (0, 0);
    while x < a.len() || y < b.len() {
        let (of_a, of_b) = (a.get(x).copied(), b.get(y).copied());
        let item = match (of_a, of_b) {
            (Some(p), Some(q)) if p == q => {
                mine.push(p);
                theirs.push(p);
                x += 1;
                y += 1;
                continue;
            }
            (Some(p), Some(q)) if p < q => {
                x += 1;
                p
            }
            (Some(p), None) => {
                x += 1;
                p
            }
            (_, Some(q)) => {
                y += 1;
                q
            }
            (None, None) => break,
        };
        // Each of those left is as likely as any other to be among those wanted.
        if (u64::from(random.next_u32()) * left) >> 32 < wanted {
            mine.push(item);
            wanted -= 1;
        } else {
            theirs.push(item);
        }
        left -= 1;
    }
    a.copy_from_slice(mine);
    b.copy_from_slice(theirs);
}

/// How many items two ascending lists share.
fn shared(a: &[u32], b: &[u32]) -> usize {
    let (mut x, mut y, mut shared) = (0, 0, 0);
    while x < a.len() && y < b.len() {
        let (p, q) = (a[x], b[y]);
        shared += usize::from(p == q);
        x += usize::from(p <= q);
        y += usize::from(q <= p);
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Sets, Strata, trade};

    /// All 3 x 3 tables of zeros and ones with these margins turn up equally often.
    #[test]
    fn all_ways_are_alike() {
        let mut sets = Sets::default();
        for items in [vec![0], vec![0, 1], vec![1, 2]] {
            sets.push(items);
        }
        let strata = Strata::of(&sets);
        let mut seen: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for seed in 0..6000 {
            let mut drawn = sets.clone();
            // Three users make one trade a pass: a few more passes than a log needs.
            for more in 0..5 {
                trade(&mut drawn, &strata, 10 * seed + more);
            }
            let count = |item| drawn.items.iter().filter(|&&i| i == item).count();
            assert_eq!([count(0), count(1), count(2)], [2, 2, 1]);
            assert!((0..3).all(|u| drawn.of(u).is_sorted_by(|a, b| a < b)));
            *seen.entry(drawn.items).or_default() += 1;
        }
        // One item for the first, two for each of the others: with 0, the others are {0,1} and {1,2}
        // in two orders; with 1, {0,1} and {0,2}; with 2, {0,1} twice.
        assert_eq!(seen.len(), 5);
        for (items, times) in seen {
            // 1,200 expected, with a standard deviation of 31.
            assert!((1075..1325).contains(&times), "{items:?}: {times}");
        }
    }

    #[test]
    fn only_users_of_about_the_same_activity_trade() {
        let mut sets = Sets::default();
        for user in 0..200u32 {
            let items = if user < 100 { 0..2 } else { 10..40 };
            sets.push(items.map(|i| i + user % 7));
        }
        let strata = Strata::of(&sets);
        assert_eq!(
            strata.0.iter().map(Vec::len).collect::<Vec<_>>(),
            [67, 67, 66]
        );
        trade(&mut sets, &strata, 5);
        assert!((0..67).all(|user| sets.of(user).iter().all(|&item| item < 10)));
    }
}
