//! Users who are one user under two names.

use musicrec_api::arithmetic::ln;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Interactions, Pairs};
use super::{Clock, KEPT, Reading};

/// Sets of fewer items may be equal by chance.
const ITEMS: usize = 5;
/// Shared items over all items of two users (Jaccard), from which on they are nearly the same.
const ALIKE: f64 = 0.9;
/// How surprising it must be that two of all users share so many items: once in a thousand logs.
const SURPRISE: f64 = 1e-3;
/// Users of an item who are looked at beside each of its users; the rest of a very popular one is
/// passed over.
const BESIDE: usize = 200;
/// The share of common items that both have first at the same time, from which on rows were copied.
const TIMES: f64 = 0.5;

/// A user who has what another one has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Copy {
    /// The user's id.
    pub(crate) user: String,
    /// The id of the user it is like, who comes earlier in the log.
    pub(crate) of: String,
    /// Items that both have.
    pub(crate) shared: u64,
    /// Shared items over all items of the two.
    pub(crate) alike: f64,
    /// Shared items that both have first at the same time, as a share; none without fine times.
    pub(crate) same_times: Option<f64>,
    /// All rows of the user.
    pub(crate) rows: u64,
    /// The user's first row, counted from 1 without the header.
    pub(crate) row: u64,
}

/// Users who are nearly or wholly like another one: five items or more, nine tenths of them shared,
/// and so many that chance and popularity do not bring it about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Copies {
    /// Users who have the items of an earlier user at the same times.
    pub(crate) copied_users: u64,
    /// All rows of these.
    pub(crate) copied_rows: u64,
    /// Users who have the items of an earlier user at other times, or where times do not tell.
    pub(crate) alike_users: u64,
    /// All rows of these.
    pub(crate) alike_rows: u64,
    /// Such users, copied ones first, those with most rows first; a hundred of each at most.
    pub(crate) found: Vec<Copy>,
}

impl Copies {
    pub(super) fn of(log: &Interactions, pairs: &Pairs, clock: &Clock) -> Self {
        let finest = matches!(clock.reading, Reading::Events | Reading::Entry);
        let users = pairs.active_users() as f64;
        let surprise = |shared: &[u32]| -> f64 {
            shared
                .iter()
                .map(|&item| ln(users / f64::from(pairs.users_of_item[item as usize])))
                .sum()
        };
        let enough = ln(users * users / 2.0 / SURPRISE);
        let mut found: Vec<(bool, Copy)> = Vec::new();
        for (user, of) in nearest(pairs) {
            let (mut shared, mut same) = (Vec::new(), 0usize);
            for_shared(pairs, user, of, |item, a, b| {
                shared.push(item);
                same += usize::from(finest && log.times[a as usize] == log.times[b as usize]);
            });
            let same_times = finest.then(|| same as f64 / shared.len() as f64);
            let copied = same >= ITEMS && same_times.is_some_and(|share| share >= TIMES);
            if !copied && surprise(&shared) < enough {
                continue;
            }
            let sizes = pairs.items_of(user).len() + pairs.items_of(of).len();
            let first = pairs.first[pairs.starts[user]..pairs.starts[user + 1]]
                .iter()
                .min();
            found.push((
                copied,
                Copy {
                    user: log.user_ids[user].to_owned(),
                    of: log.user_ids[of].to_owned(),
                    shared: shared.len() as u64,
                    alike: shared.len() as f64 / (sizes - shared.len()) as f64,
                    same_times,
                    rows: u64::from(pairs.rows_of_user[user]),
                    row: first.map_or(0, |&row| log.rows[row as usize]),
                },
            ));
        }
        found.sort_by_key(|(copied, copy)| (!copied, std::cmp::Reverse(copy.rows)));
        let sum = |of: bool| {
            let of = found.iter().filter(|(copied, _)| *copied == of);
            of.fold((0, 0), |(users, rows), (_, copy)| {
                (users + 1, rows + copy.rows)
            })
        };
        let ((copied_users, copied_rows), (alike_users, alike_rows)) = (sum(true), sum(false));
        let kept = |of: bool| {
            found
                .iter()
                .filter(move |(copied, _)| *copied == of)
                .take(KEPT)
        };
        Self {
            copied_users,
            copied_rows,
            alike_users,
            alike_rows,
            found: kept(true)
                .chain(kept(false))
                .map(|(_, copy)| copy.clone())
                .collect(),
        }
    }
}

/// Each user who is like an earlier one, with the one it is most like.
///
/// Two sets of which nine tenths are shared have one of their rarest items in common (the prefix
/// filter of Bayardo, Ma & Srikant, "Scaling up all pairs similarity search", WWW 2007): of a set of d
/// items, the d − ⌈0.9 d⌉ + 1 that fewest users have.
fn nearest(pairs: &Pairs) -> Vec<(usize, usize)> {
    let mut holders: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut found = Vec::new();
    let mut rarest: Vec<u32> = Vec::new();
    let mut candidates: Vec<u32> = Vec::new();
    for user in 0..pairs.users() {
        let items = pairs.items_of(user);
        if items.len() < ITEMS {
            continue;
        }
        let prefix = items.len() - (ALIKE * items.len() as f64).ceil() as usize + 1;
        rarest.clear();
        rarest.extend_from_slice(items);
        let rarity = |&item: &u32| (pairs.users_of_item[item as usize], item);
        rarest.select_nth_unstable_by_key(prefix - 1, rarity);
        candidates.clear();
        for item in &rarest[..prefix] {
            let known = holders.entry(*item).or_default();
            let near = |&&other: &&u32| {
                let (a, b) = (
                    items.len() as f64,
                    pairs.items_of(other as usize).len() as f64,
                );
                a.min(b) >= ALIKE * a.max(b)
            };
            candidates.extend(known.iter().rev().take(BESIDE).filter(near));
            known.push(user as u32);
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut best: Option<(f64, usize)> = None;
        for &other in &candidates {
            let mut shared = 0;
            for_shared(pairs, user, other as usize, |_, _, _| shared += 1);
            let all = items.len() + pairs.items_of(other as usize).len() - shared;
            let alike = shared as f64 / all as f64;
            if alike >= ALIKE && best.is_none_or(|(so_far, _)| alike > so_far) {
                best = Some((alike, other as usize));
            }
        }
        found.extend(best.map(|(_, other)| (user, other)));
    }
    found
}

/// Calls with each item that two users share, and the first row of either.
fn for_shared(pairs: &Pairs, a: usize, b: usize, mut with: impl FnMut(u32, u32, u32)) {
    let (mut x, mut y) = (pairs.starts[a], pairs.starts[b]);
    while x < pairs.starts[a + 1] && y < pairs.starts[b + 1] {
        let (p, q) = (pairs.items[x], pairs.items[y]);
        if p == q {
            with(p, pairs.first[x], pairs.first[y]);
        }
        x += usize::from(p <= q);
        y += usize::from(q <= p);
    }
}
