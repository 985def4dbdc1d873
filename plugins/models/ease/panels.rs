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

use musicrec_api::{InteractionMatrix, Recommender, Result, RowScorer, Scores, Train, Users};
use ndarray::{Array2, ArrayViewMut2};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::products::{Number, cells};

/// Columns of a panel.
const WIDTH: usize = 64;

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

impl<T: Number> Weights<'static, T> {
    /// B made of `−P`, in its place.
    pub(super) fn new(train: &Train, negative: Array2<T>) -> Self {
        Self {
            histories: Cow::Owned(train.interactions.clone()),
            panels: Arc::new(Panels::new(negative)),
            arch: Arch::new(),
        }
    }
}

impl<T: Number> Panels<T> {
    fn new(negative: Array2<T>) -> Self {
        let items = negative.nrows();
        let diagonal = negative.diag().to_owned();
        let (mut values, _) = negative.into_raw_vec_and_offset();
        // P is symmetric, so rows of it are columns, which are only to be laid the other way.
        values
            .par_chunks_mut(WIDTH * items)
            .enumerate()
            .for_each_init(Vec::new, |rows, (panel, values)| {
                rows.clear();
                rows.extend_from_slice(values);
                let width = values.len() / items;
                let first = panel * WIDTH;
                for (item, row) in values.chunks_exact_mut(width).enumerate() {
                    for (at, weight) in row.iter_mut().enumerate() {
                        let to = first + at;
                        *weight = if item == to {
                            T::zero()
                        } else {
                            T::zero() - rows[at * items + item] / diagonal[to]
                        };
                    }
                }
            });
        Self { items, values }
    }
}

impl<T: Lanes + 'static> Recommender for Weights<'_, T> {
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
}

impl<T: Lanes> RowScorer for Weights<'_, T> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        let items = self.panels.items;
        for (panel, weights) in self.panels.values.chunks(WIDTH * items).enumerate() {
            let first = panel * WIDTH;
            let (rows, _) = weights.as_chunks::<WIDTH>();
            for (&user, mut out) in users.iter().zip(out.rows_mut()) {
                let (heard, strengths) = cells(&self.histories, user as usize);
                if rows.len() == items {
                    let sums = self.arch.dispatch(Sums {
                        rows,
                        heard,
                        strengths,
                    });
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
                        *sum = *sum + T::of(f64::from(strength)) * weight;
                    }
                }
                for (out, sum) in out.iter_mut().skip(first).zip(sums) {
                    *out = sum.wide() as f32;
                }
            }
        }
    }
}

/// Numbers that a panel may be made of.
pub(super) trait Lanes: Number {
    /// Sums of the rows heard, in the order of items, in registers. Nothing is fused, so they have the same bits
    /// on every machine.
    fn sums<S: Simd>(
        simd: S,
        rows: &[[Self; WIDTH]],
        heard: &[u32],
        strengths: &[f32],
    ) -> [Self; WIDTH];
}

/// The body of [`Lanes::sums`]: left to itself the compiler does not keep the sums in registers.
macro_rules! sums {
    ($simd:ident, $rows:ident, $heard:ident, $strengths:ident, $number:ty,
     $lanes:ident, $as:ident, $as_mut:ident, $splat:ident, $multiply:ident, $add:ident) => {{
        let parts = const { WIDTH / S::$lanes };
        let mut sums = [$simd.$splat(0.0); WIDTH];
        for (&item, &strength) in $heard.iter().zip($strengths) {
            let strength = $simd.$splat(<$number>::from(strength));
            let (row, _) = S::$as(&$rows[item as usize]);
            for at in 0..parts {
                sums[at] = $simd.$add(sums[at], $simd.$multiply(strength, row[at]));
            }
        }
        let mut out = [0.0; WIDTH];
        S::$as_mut(&mut out).0.copy_from_slice(&sums[..parts]);
        out
    }};
}

impl Lanes for f32 {
    #[inline(always)]
    fn sums<S: Simd>(
        simd: S,
        rows: &[[Self; WIDTH]],
        heard: &[u32],
        strengths: &[f32],
    ) -> [Self; WIDTH] {
        sums!(
            simd,
            rows,
            heard,
            strengths,
            f32,
            F32_LANES,
            as_simd_f32s,
            as_mut_simd_f32s,
            splat_f32s,
            mul_f32s,
            add_f32s
        )
    }
}

impl Lanes for f64 {
    #[inline(always)]
    fn sums<S: Simd>(
        simd: S,
        rows: &[[Self; WIDTH]],
        heard: &[u32],
        strengths: &[f32],
    ) -> [Self; WIDTH] {
        sums!(
            simd,
            rows,
            heard,
            strengths,
            f64,
            F64_LANES,
            as_simd_f64s,
            as_mut_simd_f64s,
            splat_f64s,
            mul_f64s,
            add_f64s
        )
    }
}

/// A call of [`Lanes::sums`], for the instructions that there are.
struct Sums<'a, T> {
    rows: &'a [[T; WIDTH]],
    heard: &'a [u32],
    strengths: &'a [f32],
}

impl<T: Lanes> WithSimd for Sums<'_, T> {
    type Output = [T; WIDTH];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [T; WIDTH] {
        T::sums(simd, self.rows, self.heard, self.strengths)
    }
}
