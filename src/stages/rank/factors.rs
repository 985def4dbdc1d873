//! The best items of users whose scores are inner products of factors, without computing all of them.
//!
//! By Cauchy and Schwarz `u · y ≤ |u| |y|`, in whatever basis the two are (`bound.rs`). Items are taken by falling
//! norm, and a user is done as soon as the bound of those that are left is below the last place of the list: none of
//! them can get on it, nor tie with it.
//! Which scores are computed is all that this changes. Each is one running sum over the factors from the first
//! to the last, whatever is computed beside it, so lists are those of a ranking of all items to the last bit.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::cmp::Ordering;

use musicrec_api::arithmetic::portable;
use ndarray::ArrayRef2;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::bound::{Bounds, Length};
use super::kernel::{Fused, Kernel, Plain};
use super::{Asked, Cut, Lists, SORTED};

/// Items that are scored together: two of the widest registers.
pub(super) const PANEL: usize = 32;
/// Users who are scored together: as many sums as the registers of AVX2 hold, with room for the factors.
pub(super) const TOGETHER: usize = 6;
/// Users of one thread at a time: a bit each of what says whether an item was heard.
const BATCH: usize = u64::BITS as usize;

/// Items by falling norm, in panels that hold for each factor the values of all items in them.
pub(super) struct Catalogue<'a> {
    users: &'a ArrayRef2<f32>,
    factors: usize,
    /// Numbers of the items in their order.
    order: Vec<u32>,
    panels: Vec<f32>,
    /// The largest norm in each panel.
    norms: Vec<f64>,
    bounds: Bounds,
}

impl<'a> Catalogue<'a> {
    /// `None` if some score might not be a finite number.
    pub(super) fn new(users: &'a ArrayRef2<f32>, items: &ArrayRef2<f32>) -> Option<Self> {
        let factors = items.ncols();
        let (bounds, norms) = Bounds::of(users, items)?;
        let mut order: Vec<u32> = (0..items.nrows() as u32).collect();
        let norm_of = |item: &u32| norms[*item as usize];
        order.sort_by(|a, b| norm_of(b).total_cmp(&norm_of(a)).then(a.cmp(b)));
        let mut panels = vec![0.0; order.len().div_ceil(PANEL) * PANEL * factors];
        if factors > 0 {
            let panels = panels.par_chunks_exact_mut(PANEL * factors);
            panels.zip(order.par_chunks(PANEL)).for_each(|(panel, of)| {
                for (lane, &item) in of.iter().enumerate() {
                    for (at, &value) in items.row(item as usize).iter().enumerate() {
                        panel[at * PANEL + lane] = value;
                    }
                }
            });
        }
        Some(Self {
            users,
            factors,
            norms: order.chunks(PANEL).map(|of| norm_of(&of[0])).collect(),
            order,
            panels,
            bounds,
        })
    }

    /// Lists of `depth` for each of `users`.
    pub(super) fn rank<'l>(
        &self,
        users: &[u32],
        asked: impl Into<Asked<'l>>,
        depth: usize,
    ) -> Lists {
        let Asked {
            heard,
            targets,
            limits,
        } = asked.into();
        let arch = Arch::new();
        let batches = users.par_chunks(BATCH).enumerate().map_init(
            || {
                let mut own = Batch::new(self.order.len(), depth);
                // As if everybody had heard them, and for all batches.
                for &item in &limits.hidden {
                    own.marks[item as usize] = u64::MAX;
                }
                own
            },
            |own, (batch, users)| {
                let asked = |at: usize| heard.get(batch * BATCH + at);
                for at in 0..users.len() {
                    for &item in asked(at) {
                        own.marks[item as usize] |= 1 << at;
                    }
                }
                arch.dispatch(Walk {
                    catalogue: self,
                    users,
                    own,
                });
                let mut lists = Lists::new(targets.is_some());
                for (at, &user) in users.iter().enumerate() {
                    let tied = lists.add(own.growing[at].best(&mut own.best), depth);
                    if let Some(targets) = targets.filter(|_| tied) {
                        let equal = self.equal_behind(arch, user, lists.last());
                        let unheard = equal.filter(|item| own.marks[*item as usize] & 1 << at == 0);
                        let cut = Cut::of(unheard, targets.get(batch * BATCH + at));
                        lists.cut_off(cut);
                    }
                }
                for at in 0..users.len() {
                    for &item in asked(at) {
                        own.marks[item as usize] = 0;
                    }
                }
                lists
            },
        );
        Lists::joined(batches.collect(), targets.is_some())
    }

    /// All items of the same score as the last place of a full list that are not on it, ascending.
    fn equal_behind(
        &self,
        arch: Arch,
        user: u32,
        (last, score): (u32, f64),
    ) -> impl Iterator<Item = u32> + use<> {
        let mut equal = arch.dispatch(Equal {
            catalogue: self,
            user,
            score: score as f32,
        });
        // Of equal scores those on the list are the smaller ones.
        equal.retain(|&item| item > last);
        equal.sort_unstable();
        equal.into_iter()
    }

    fn panel(&self, at: usize) -> &[f32] {
        let size = PANEL * self.factors;
        &self.panels[at * size..][..size]
    }

    fn factors_of(&self, user: u32) -> &[f32] {
        let row = self.users.row(user as usize);
        row.to_slice().expect("factors are in standard layout")
    }
}

/// What a thread needs for a batch of users, whatever their number.
struct Batch {
    /// By item, which of the users heard it; 0 between batches, but for items that nobody is shown.
    marks: Vec<u64>,
    growing: Vec<Growing>,
    active: Vec<usize>,
    best: Vec<(u32, f64)>,
}

impl Batch {
    fn new(items: usize, depth: usize) -> Self {
        Self {
            marks: vec![0; items],
            growing: (0..BATCH).map(|_| Growing::new(depth + 1)).collect(),
            active: Vec::with_capacity(BATCH),
            best: Vec::new(),
        }
    }
}

/// A list as it grows: of scores and items, best first, one longer than asked for, which tells ties.
struct Growing {
    list: Vec<(f32, u32)>,
    length: usize,
    /// What a score must reach to get on the list.
    least: f32,
}

impl Growing {
    fn new(length: usize) -> Self {
        Self {
            list: Vec::new(),
            length,
            least: f32::NEG_INFINITY,
        }
    }

    fn add(&mut self, score: f32, item: u32) {
        if self.length > SORTED {
            self.collect(score, item);
            return;
        }
        let before =
            |&(other, number): &(f32, u32)| other > score || (other == score && number < item);
        let at = self.list.partition_point(before);
        if at == self.length {
            return;
        }
        if self.list.len() == self.length {
            self.list.pop();
        }
        self.list.insert(at, (score, item));
        if self.list.len() == self.length {
            self.least = self.list[self.length - 1].0;
        }
    }

    /// The same of a long list: in any order, and cut down to its length when it is twice as long.
    fn collect(&mut self, score: f32, item: u32) {
        if score < self.least {
            return;
        }
        self.list.push((score, item));
        if self.list.len() == 2 * self.length {
            self.list
                .select_nth_unstable_by(self.length - 1, |a, b| order(*a, *b));
            self.list.truncate(self.length);
            self.least = self.list[self.length - 1].0;
        }
    }

    /// Items and scores, best first.
    fn best<'b>(&mut self, best: &'b mut Vec<(u32, f64)>) -> &'b [(u32, f64)] {
        best.clear();
        if self.length > SORTED {
            self.list.sort_unstable_by(|a, b| order(*a, *b));
            self.list.truncate(self.length);
        }
        let list = self.list.iter();
        best.extend(list.map(|&(score, item)| (item, f64::from(score))));
        best
    }

    /// Empty again.
    fn clear(&mut self) {
        self.list.clear();
        self.least = f32::NEG_INFINITY;
    }
}

/// The better score first, of equal ones the smaller item.
fn order(a: (f32, u32), b: (f32, u32)) -> Ordering {
    let by_score = b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
    by_score.then(a.1.cmp(&b.1))
}

/// The lists of a batch of users, which go to `own.growing`.
struct Walk<'a, 'c> {
    catalogue: &'a Catalogue<'c>,
    users: &'a [u32],
    own: &'a mut Batch,
}

impl WithSimd for Walk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Without an instruction for it, multiplying and adding in one step would be a slow function.
        if S::IS_SCALAR || portable() {
            self.walk(Plain);
        } else {
            self.walk(Fused(simd));
        }
    }
}

impl Walk<'_, '_> {
    #[inline(always)]
    fn walk(self, kernel: impl Kernel) {
        let Self {
            catalogue,
            users,
            own:
                Batch {
                    marks,
                    growing,
                    active,
                    ..
                },
        } = self;
        let mut rows: [&[f32]; BATCH] = [&[]; BATCH];
        for (row, &user) in rows.iter_mut().zip(users) {
            *row = catalogue.factors_of(user);
        }
        let mut lengths = [Length::default(); BATCH];
        catalogue.bounds.lengths(&rows[..users.len()], &mut lengths);
        active.clear();
        for at in 0..users.len() {
            growing[at].clear();
            // All scores of a user without factors are 0: the first items that were not heard.
            if lengths[at].is_zero() {
                let unheard = (0..marks.len()).filter(|&item| marks[item] & 1 << at == 0);
                for item in unheard.take(growing[at].length) {
                    growing[at].add(0.0, item as u32);
                }
            } else {
                active.push(at);
            }
        }
        for (panel, items) in catalogue.order.chunks(PANEL).enumerate() {
            let norm = catalogue.norms[panel];
            active.retain(|&at| lengths[at].bound(norm) >= f64::from(growing[at].least));
            if active.is_empty() {
                break;
            }
            for group in active.chunks(TOGETHER) {
                let of: [&[f32]; TOGETHER] =
                    std::array::from_fn(|at| rows[group[at.min(group.len() - 1)]]);
                let least = std::array::from_fn(|at| match group.get(at) {
                    Some(&user) => growing[user].least,
                    None => f32::INFINITY,
                });
                kernel.scores(catalogue.panel(panel), &of, &least, |at, lane, score| {
                    let (Some(&user), Some(&item)) = (group.get(at), items.get(lane)) else {
                        return;
                    };
                    if marks[item as usize] & 1 << user == 0 {
                        growing[user].add(score, item);
                    }
                });
            }
        }
    }
}

/// All items of one score.
struct Equal<'a, 'c> {
    catalogue: &'a Catalogue<'c>,
    user: u32,
    score: f32,
}

impl WithSimd for Equal<'_, '_> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<u32> {
        if S::IS_SCALAR || portable() {
            self.find(Plain)
        } else {
            self.find(Fused(simd))
        }
    }
}

impl Equal<'_, '_> {
    #[inline(always)]
    fn find(self, kernel: impl Kernel) -> Vec<u32> {
        let row = self.catalogue.factors_of(self.user);
        let mut least = [f32::INFINITY; TOGETHER];
        least[0] = self.score;
        let mut equal = Vec::new();
        for (panel, items) in self.catalogue.order.chunks(PANEL).enumerate() {
            let panel = self.catalogue.panel(panel);
            kernel.scores(panel, &[row; TOGETHER], &least, |at, lane, score| {
                if at == 0 && lane < items.len() && score == self.score {
                    equal.push(items[lane]);
                }
            });
        }
        equal
    }
}

#[cfg(test)]
mod tests;
