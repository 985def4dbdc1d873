//! Lists that hold at most so many items of a value (`[rules.at_most]`): those that come of going down the whole
//! ranking and leaving out each item of whose value there are so many already. Only so much of the ranking is looked
//! at as it takes: first a few places more than asked for, and where that is not enough, four times as many.

use rayon::prelude::*;

use super::{Asked, Lists, best};
use crate::stages::fold::Ragged;
use crate::stages::rules::{Limits, Quota};

/// Places of longer lists that are held at once, of all users that these are ranked for.
const HELD: usize = 1 << 22;

/// How many times deeper is looked where it was not deep enough.
const DEEPER: usize = 4;

/// Goes down rankings.
pub(super) struct Greedy<'l> {
    limits: &'l Limits,
    quota: Quota<'l>,
    list: Vec<(u32, f64)>,
}

/// A list, and whether there is a tie at its end.
type Found = (Vec<(u32, f64)>, bool);

/// How deep a ranking is looked at first for a list of so many places.
fn first_look(places: usize) -> usize {
    2 * places + 8
}

impl<'l> Greedy<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            quota: Quota::new(&limits.caps),
            list: Vec::new(),
        }
    }

    /// How long the list of a user with these masked items can be at most, of `depth` places.
    pub(super) fn limit(&self, masked: &[u32], depth: usize) -> usize {
        let caps = self.limits.caps.iter();
        let longest = caps.map(|cap| cap.longest(masked)).min();
        longest.map_or(depth, |longest| longest.min(depth))
    }

    /// The list of up to `limit` items of a ranking, and whether items of equal score decided what is on its last
    /// place by their ids: one that is not on the list could be there, too, were its id smaller. `None` if what
    /// is behind the items given may matter, which are not the `whole` ranking.
    pub(super) fn list(
        &mut self,
        ranking: impl Iterator<Item = (u32, f64)>,
        whole: bool,
        limit: usize,
    ) -> Option<(&[(u32, f64)], bool)> {
        self.list.clear();
        self.quota.clear();
        if limit == 0 {
            return Some((&self.list, false));
        }
        // Where the items of the last score begin in the list, and whether another was left out for one of them.
        let (mut group, mut tied, mut last) = (0, false, f64::INFINITY);
        let mut tied_before = false;
        for (item, score) in ranking {
            let full = self.list.len() == limit;
            if score != last {
                if full {
                    return Some((&self.list, tied));
                }
                if group < self.list.len() {
                    tied_before = tied;
                }
                (group, tied, last) = (self.list.len(), false, score);
            }
            if !full && self.quota.take(item) {
                self.list.push((item, score));
                continue;
            }
            let equal = &self.list[group..];
            // Had none of equal score been before it.
            tied |= self.quota.room(item, |cap, value| {
                let of = |(other, _): &&(u32, f64)| cap.of_item[*other as usize] == value;
                equal.iter().filter(of).count()
            });
            if full && tied {
                return Some((&self.list, true));
            }
        }
        if !whole {
            return None;
        }
        // The last score may be one of which nothing is on the list.
        let own = group < self.list.len();
        Some((&self.list, if own { tied } else { tied_before }))
    }

    /// The same for a row of scores whose masked entries are minus infinity; `found` is room for the head of the
    /// ranking.
    pub(super) fn of_row(
        &mut self,
        row: &[f32],
        limit: usize,
        found: &mut Vec<(u32, f64)>,
    ) -> (&[(u32, f64)], bool) {
        let mut deep = first_look(limit).min(row.len());
        loop {
            best(row, deep, found);
            let whole = found.len() <= deep;
            if let Some((_, tied)) = self.list(found.iter().copied(), whole, limit) {
                return (&self.list, tied);
            }
            deep = deep.saturating_mul(DEEPER).min(row.len());
        }
    }
}

/// The lists of users whose rankings are cheaper, the less deep they go: `ranked` gives those of some users with their
/// masked items down to a depth. Who comes short is ranked again.
pub(super) fn deeper(
    ranked: impl Fn(&[u32], &Ragged<u32>, usize) -> Lists,
    users: &[u32],
    asked: Asked,
    (n_items, depth): (usize, usize),
) -> Lists {
    let limits = asked.limits;
    let mut lists: Vec<Option<Found>> = vec![None; users.len()];
    let mut left: Vec<usize> = (0..users.len()).collect();
    let mut deep = first_look(depth).min(n_items);
    while !left.is_empty() {
        let mut short = Vec::new();
        for places in left.chunks((HELD / deep.max(1)).max(super::BATCH)) {
            let of: Vec<u32> = places.iter().map(|&at| users[at]).collect();
            let mut heard = Ragged::default();
            for &at in places {
                heard.push(asked.heard.get(at).iter().copied());
            }
            let heads = ranked(&of, &heard, deep);
            let found = (0..places.len()).into_par_iter();
            let found = found.map_init(
                || Greedy::new(limits),
                |greedy, at| {
                    let head = heads.ranked.get(at);
                    let whole = head.len() < deep || deep == n_items;
                    let limit = greedy.limit(heard.get(at), depth);
                    let list = greedy.list(head.iter().copied(), whole, limit);
                    list.map(|(list, tied)| (list.to_vec(), tied))
                },
            );
            for (&at, list) in places.iter().zip(found.collect::<Vec<_>>()) {
                match list {
                    Some(list) => lists[at] = Some(list),
                    None => short.push(at),
                }
            }
        }
        left = short;
        deep = deep.saturating_mul(DEEPER).min(n_items);
    }
    let mut all = Lists::default();
    for (list, tied) in lists.iter().flatten() {
        all.put((list, *tied));
    }
    all
}

#[cfg(test)]
mod tests;
