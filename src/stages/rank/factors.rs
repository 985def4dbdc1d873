//! The best items of users whose scores are inner products of factors, without computing all of them.
//!
//! By Cauchy and Schwarz `u · y ≤ |u| |y|`. Items are taken by falling norm, and a user is done as soon as the
//! bound of those that are left is below the last place of the list: none of them can get on it, nor tie with it.
//! Which scores are computed is all that this changes. Each is one running sum over the factors from the first
//! to the last, whatever is computed beside it, so lists are those of a ranking of all items to the last bit.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use musicrec_api::arithmetic::portable;
use ndarray::{ArrayRef1, ArrayRef2};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::kernel::{Fused, Kernel, Plain};
use super::{Best, Cut, Targets, cut};
use crate::stages::fold::Ragged;

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
    /// By how much rounding may raise a score above its bound.
    slack: f64,
}

impl<'a> Catalogue<'a> {
    /// `None` if some score might not be a finite number.
    pub(super) fn new(users: &'a ArrayRef2<f32>, items: &ArrayRef2<f32>) -> Option<Self> {
        let factors = items.ncols();
        let norms: Vec<f64> = items.rows().into_iter().map(|row| norm(&row)).collect();
        let lengths = users.rows().into_iter().map(|row| norm(&row));
        let most = largest(norms.iter().copied())? * largest(lengths)?;
        if most > f64::from(f32::MAX) / 2.0 {
            return None;
        }
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
            // Each of so many additions and multiplications is off by half a unit of the last place at most; the
            // norms are f64.
            slack: 1.0 + (factors + 4) as f64 * f64::from(f32::EPSILON),
        })
    }

    /// Lists of `depth` for each of `users`.
    pub(super) fn rank(
        &self,
        users: &[u32],
        (heard, targets): (&Ragged<u32>, Option<&Targets>),
        depth: usize,
    ) -> Vec<Best> {
        let arch = Arch::new();
        let batches = users.par_chunks(BATCH).enumerate().map_init(
            || vec![0; self.order.len()],
            |marks: &mut Vec<u64>, (batch, users)| {
                let asked = |at: usize| heard.get(batch * BATCH + at);
                for at in 0..users.len() {
                    for &item in asked(at) {
                        marks[item as usize] |= 1 << at;
                    }
                }
                let mut lists = arch.dispatch(Walk {
                    catalogue: self,
                    users,
                    marks,
                    depth,
                });
                if let Some(targets) = targets {
                    for (at, best) in lists.iter_mut().enumerate().filter(|(_, best)| best.tied) {
                        let equal = self.equal_behind(arch, users[at], best, depth);
                        let unheard = equal.filter(|item| marks[*item as usize] & 1 << at == 0);
                        best.cut = Cut::of(unheard, targets.get(batch * BATCH + at));
                    }
                }
                for at in 0..users.len() {
                    for &item in asked(at) {
                        marks[item as usize] = 0;
                    }
                }
                lists
            },
        );
        let batches: Vec<Vec<Best>> = batches.collect();
        batches.into_iter().flatten().collect()
    }

    /// All items of the same score as the last place of a full list that are not on it, ascending.
    fn equal_behind(
        &self,
        arch: Arch,
        user: u32,
        best: &Best,
        depth: usize,
    ) -> impl Iterator<Item = u32> + use<> {
        let (last, score) = best.items[depth - 1];
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

fn norm(row: &ArrayRef1<f32>) -> f64 {
    let squares = row.iter().map(|&x| f64::from(x) * f64::from(x));
    squares.sum::<f64>().sqrt()
}

/// The largest of norms; `None` if one of them is not finite.
fn largest(mut norms: impl Iterator<Item = f64>) -> Option<f64> {
    norms.try_fold(0.0, |most, norm| {
        norm.is_finite().then(|| f64::max(most, norm))
    })
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

    fn best(self, depth: usize) -> Best {
        let items = self
            .list
            .into_iter()
            .map(|(score, item)| (item, f64::from(score)));
        let mut items: Vec<(u32, f64)> = items.collect();
        let tied = cut(&mut items, depth);
        Best {
            items,
            tied,
            cut: Cut::default(),
        }
    }
}

/// The lists of a batch of users.
struct Walk<'a, 'c> {
    catalogue: &'a Catalogue<'c>,
    users: &'a [u32],
    /// By item, which of the users heard it.
    marks: &'a [u64],
    depth: usize,
}

impl WithSimd for Walk<'_, '_> {
    type Output = Vec<Best>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<Best> {
        // Without an instruction for it, multiplying and adding in one step would be a slow function.
        if S::IS_SCALAR || portable() {
            self.walk(Plain)
        } else {
            self.walk(Fused(simd))
        }
    }
}

impl Walk<'_, '_> {
    #[inline(always)]
    fn walk(self, kernel: impl Kernel) -> Vec<Best> {
        let Self {
            catalogue,
            users,
            marks,
            depth,
        } = self;
        let rows: Vec<&[f32]> = users.iter().map(|&u| catalogue.factors_of(u)).collect();
        let lengths: Vec<f64> = users
            .iter()
            .map(|&u| norm(&catalogue.users.row(u as usize)) * catalogue.slack)
            .collect();
        let mut growing: Vec<Growing> = users.iter().map(|_| Growing::new(depth + 1)).collect();
        let mut active: Vec<usize> = Vec::new();
        for at in 0..users.len() {
            // All scores of a user without factors are 0: the first items that were not heard.
            if lengths[at] == 0.0 {
                let unheard = (0..marks.len()).filter(|&item| marks[item] & 1 << at == 0);
                for item in unheard.take(depth + 1) {
                    growing[at].add(0.0, item as u32);
                }
            } else {
                active.push(at);
            }
        }
        for (panel, items) in catalogue.order.chunks(PANEL).enumerate() {
            let norm = catalogue.norms[panel];
            active.retain(|&at| norm * lengths[at] >= f64::from(growing[at].least));
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
        growing.into_iter().map(|list| list.best(depth)).collect()
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
