//! Dense item-to-item weights, laid out for scoring.
//!
//! A row of scores is a sum of rows of B, one for each item heard. Computed for 64 columns at a time, the sums stay in
//! registers, and the part of B that a batch of users reads stays in the cache: that part is stored in one piece.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::borrow::Cow;
use std::sync::Arc;

use musicrec_api::{
    Error, InteractionMatrix, Numbers, Reasons, Recommender, Result, RowScorer, Scores, Tensors,
    Train, Users,
};
use ndarray::{Array2, ArrayViewMut2};
use pulp::Arch;
use rayon::prelude::*;

use crate::kernel::{self, Kernel, MOST_PARTS, Work};
use crate::neighbors::reasons;
use crate::products::{cells, in_words};
use crate::real::{LANES, Real};

/// Columns of a panel.
const WIDTH: usize = 64;

/// Numbers that a model can be saved in.
pub(super) trait Stored: Real + 'static {
    fn numbers(values: &[Self]) -> Numbers<'_>;
    fn take(saved: &mut Tensors, name: &str) -> Result<(Vec<usize>, Vec<Self>)>;
}

impl Stored for f32 {
    fn numbers(values: &[Self]) -> Numbers<'_> {
        values.into()
    }

    fn take(saved: &mut Tensors, name: &str) -> Result<(Vec<usize>, Vec<Self>)> {
        saved.take_f32(name)
    }
}

impl Stored for f64 {
    fn numbers(values: &[Self]) -> Numbers<'_> {
        values.into()
    }

    fn take(saved: &mut Tensors, name: &str) -> Result<(Vec<usize>, Vec<Self>)> {
        saved.take_f64(name)
    }
}

/// What EASE learned, and whose histories it is asked about.
pub(super) struct Weights<'a, T> {
    histories: Cow<'a, InteractionMatrix>,
    panels: Arc<Panels<T>>,
    arch: Arch,
}

/// B by panels of columns: all rows of the first panel, then all of the next. The last may be narrower.
struct Panels<T> {
    items: usize,
    values: Vec<T>,
}

impl<T: Stored> Weights<'static, T> {
    /// B made of `−P`, in its place.
    pub(super) fn new(train: &Train, negative: Array2<T>) -> Self {
        Self {
            histories: Cow::Owned(train.interactions.clone()),
            panels: Arc::new(Panels::new(negative)),
            arch: Arch::new(),
        }
    }

    /// What [`Recommender::save`] gave, under the histories that it was learned from.
    pub(super) fn load(
        mut saved: Tensors,
        histories: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let items = histories.cols();
        let mut values = Vec::new();
        for first in (0..items).step_by(WIDTH) {
            let name = name_of(first);
            let (shape, panel) = T::take(&mut saved, &name)?;
            if shape != [items, WIDTH.min(items - first)] {
                return Err(Error::data(format!(
                    "`{name}` is of {shape:?}, which are no weights of {items} items"
                )));
            }
            let all = items.checked_mul(items).filter(|_| values.is_empty());
            if all.is_some_and(|all| values.try_reserve_exact(all).is_err()) {
                return Err(Error::model(
                    in_words(items, size_of::<T>()) + ", which do not fit in memory",
                ));
            }
            values.extend(panel);
        }
        Ok(Box::new(Self {
            histories: Cow::Owned(histories),
            panels: Arc::new(Panels { items, values }),
            arch: Arch::new(),
        }))
    }
}

/// A panel as a saved model calls it: by its first column.
fn name_of(first: usize) -> String {
    format!("weights.{first:07}")
}

impl<T: Real> Panels<T> {
    fn new(negative: Array2<T>) -> Self {
        let items = negative.nrows();
        let diagonal = negative.diag().to_owned();
        let (mut values, _) = negative.into_raw_vec_and_offset();
        // P is symmetric, so rows of it are columns, which are only to be laid the other way.
        values
            .par_chunks_mut(WIDTH * items)
            .enumerate()
            .for_each_init(Vec::new, |rows, (panel, values)| {
                let first = panel * WIDTH;
                rows.clear();
                for (row, &d) in values.chunks_exact(items).zip(diagonal.iter().skip(first)) {
                    rows.extend(row.iter().map(|&x| T::zero() - x / d));
                }
                let width = values.len() / items;
                for (item, row) in values.chunks_exact_mut(width).enumerate() {
                    for (weight, own) in row.iter_mut().zip(rows.chunks_exact(items)) {
                        *weight = own[item];
                    }
                }
                for at in 0..width {
                    values[(first + at) * width + at] = T::zero();
                }
            });
        Self { items, values }
    }

    /// B(from, to).
    fn weight(&self, from: u32, to: u32) -> T {
        let (from, to) = (from as usize, to as usize);
        let first = to / WIDTH * WIDTH;
        let width = WIDTH.min(self.items - first);
        self.values[first * self.items + from * width + to - first]
    }
}

impl<T: Stored> Recommender for Weights<'_, T> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Weights {
            histories: Cow::Owned(given.interactions.clone()),
            panels: Arc::clone(&self.panels),
            arch: self.arch,
        })))
    }

    /// A panel an array, so that nothing is copied: side by side they are B.
    fn save(&self) -> Option<Tensors<'_>> {
        let items = self.panels.items;
        let mut saved = Tensors::default();
        for (panel, values) in self.panels.values.chunks(WIDTH * items.max(1)).enumerate() {
            let shape = vec![items, values.len() / items];
            saved.insert(&name_of(panel * WIDTH), shape, T::numbers(values));
        }
        Some(saved)
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        Ok(Some(reasons(&self.histories, user, items, |from, to| {
            (from != to).then(|| self.panels.weight(from, to).wide())
        })))
    }
}

impl<T: Real> RowScorer for Weights<'_, T> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        let items = self.panels.items;
        for (panel, weights) in self.panels.values.chunks(WIDTH * items).enumerate() {
            let first = panel * WIDTH;
            let (rows, _) = weights.as_chunks::<WIDTH>();
            for (&user, mut out) in users.iter().zip(out.rows_mut()) {
                let (heard, strengths) = cells(&self.histories, user as usize);
                if rows.len() == items {
                    let work = Sums {
                        rows,
                        heard,
                        strengths,
                    };
                    let sums = kernel::run(self.arch, work);
                    for (out, sum) in out.iter_mut().skip(first).zip(sums) {
                        *out = sum.wide() as f32;
                    }
                    continue;
                }
                // The last panel is narrower.
                let width = weights.len() / items;
                let mut sums = [T::zero(); WIDTH];
                for (&item, &strength) in heard.iter().zip(strengths) {
                    let row = &weights[item as usize * width..][..width];
                    for (sum, &weight) in sums.iter_mut().zip(row) {
                        *sum = *sum + T::narrow(f64::from(strength)) * weight;
                    }
                }
                for (out, sum) in out.iter_mut().skip(first).zip(sums) {
                    *out = sum.wide() as f32;
                }
            }
        }
    }
}

/// Sums of the rows heard, in the order of items, in registers. Nothing is fused, so they have the same bits on
/// every machine.
struct Sums<'a, T> {
    rows: &'a [[T; WIDTH]],
    heard: &'a [u32],
    strengths: &'a [f32],
}

impl<T: Real> Work for Sums<'_, T> {
    type Output = [T; WIDTH];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> [T; WIDTH] {
        let registers = WIDTH / LANES * K::parts::<T>();
        let mut sums = [kernel.splat(T::zero()); WIDTH / LANES * MOST_PARTS];
        for (&item, &strength) in self.heard.iter().zip(self.strengths) {
            let strength = kernel.splat(T::narrow(f64::from(strength)));
            let row = K::registers(&self.rows[item as usize]);
            for at in 0..registers {
                sums[at] = kernel.add(sums[at], kernel.multiply(strength, row[at]));
            }
        }
        let mut out = [T::zero(); WIDTH];
        K::registers_mut(&mut out).copy_from_slice(&sums[..registers]);
        out
    }
}
