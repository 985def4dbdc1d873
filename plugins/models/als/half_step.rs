//! Solving for all users with the items held fast, or for all items with the users held fast.

use musicrec_api::InteractionMatrix;
use musicrec_api::arithmetic::general_mat_mul;
use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};
use rayon::prelude::*;

use super::cholesky::{factorize, substitute};
use super::conjugate_gradients::{self, Operator, improve};
use super::real::{Real, add_scaled};
use super::{Als, Solver};

/// Rows gathered for one matrix product: few enough to stay in the cache.
pub(super) const PANEL: usize = 128;

/// The rows of the Gram matrix are cut in at most so many parts, which are then summed in order:
/// how many depends on the data alone, never on the number of threads.
pub(super) const GRAM_PARTS: usize = 16;

/// Why a row has no solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsolvable {
    /// Its matrix is singular in double precision.
    NotPositiveDefinite,
    /// Its matrix or its solution holds infinities or NaN.
    NotFinite,
}

/// One side's half of an iteration.
pub(super) struct HalfStep<'a> {
    als: &'a Als,
    /// The side that is solved for in rows, the other in columns.
    cells: &'a InteractionMatrix,
}

impl<'a> HalfStep<'a> {
    pub(super) fn new(als: &'a Als, cells: &'a InteractionMatrix) -> Self {
        Self { als, cells }
    }

    /// Overwrites `out` by the solution for `fixed`. Rows are independent of each other, so their
    /// distribution over threads changes no bit.
    pub(super) fn solve<T: Real>(
        &self,
        fixed: &ArrayBase<impl Data<Elem = T>, Ix2>,
        out: &mut Array2<T>,
    ) -> Result<(), Unsolvable> {
        let factors = fixed.ncols();
        let gram = gram(&fixed.view());
        let fixed = fixed.as_slice().expect("factors are in standard layout");
        let out = out
            .as_slice_mut()
            .expect("factors are in standard layout")
            .par_chunks_exact_mut(factors)
            .enumerate()
            .with_min_len(8);
        let failed = match self.als.solver {
            Solver::Exact => {
                let new = || ExactScratch::new(factors);
                out.map_init(new, |scratch, (row, x)| {
                    self.exact(row, &gram, fixed, x, scratch).err()
                })
                .collect::<Vec<_>>()
            }
            Solver::ConjugateGradients => {
                let gram: Vec<T> = gram.iter().map(|&g| T::narrow(g)).collect();
                let new = || CgScratch::new(factors);
                out.map_init(new, |scratch, (row, x)| {
                    self.approximate(row, &gram, fixed, x, scratch).err()
                })
                .collect()
            }
        };
        // The first row that failed, not the first to be noticed: messages are reproducible too.
        failed.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    /// Solves a row by Cholesky factorization, in f64 throughout: with strong confidence
    /// (plays in the thousands times alpha) f32 would lose the regularization altogether.
    fn exact<T: Real>(
        &self,
        row: usize,
        gram: &Array2<f64>,
        fixed: &[T],
        x: &mut [T],
        scratch: &mut ExactScratch,
    ) -> Result<(), Unsolvable> {
        let ExactScratch { matrix, panel, b } = scratch;
        let factors = x.len();
        let count = self.cells.indptr().nnz_in_outer_sz(row);
        if count == 0 {
            x.fill(T::zero());
            return Ok(());
        }
        matrix.assign(gram);
        let regularization = self.als.regularization_of(count);
        matrix.diag_mut().mapv_inplace(|d| d + regularization);
        b.fill(0.0);
        let mut cells = self.row(row);
        for start in (0..count).step_by(PANEL) {
            let filled = PANEL.min(count - start);
            let (mut panel, _) = panel.view_mut().split_at(Axis(0), filled);
            for (mut gathered, (weight, other)) in panel.rows_mut().into_iter().zip(&mut cells) {
                let y = &fixed[other * factors..][..factors];
                let root = weight.sqrt();
                for ((gathered, b), &y) in gathered.iter_mut().zip(&mut *b).zip(y) {
                    let y = y.wide();
                    *gathered = root * y;
                    *b += (1.0 + weight) * y;
                }
            }
            general_mat_mul(1.0, &panel.t(), &panel, 1.0, matrix);
        }
        let is_finite = matrix.diag().sum().is_finite();
        factorize(matrix).map_err(|_| {
            if is_finite {
                Unsolvable::NotPositiveDefinite
            } else {
                Unsolvable::NotFinite
            }
        })?;
        substitute(matrix, b);
        for (x, &solved) in x.iter_mut().zip(&*b) {
            *x = T::narrow(solved);
        }
        check_finite(x)
    }

    /// Improves a row by conjugate gradients from where it stands.
    fn approximate<'f, T: Real>(
        &self,
        row: usize,
        gram: &[T],
        fixed: &'f [T],
        x: &mut [T],
        scratch: &mut CgScratch<'f, T>,
    ) -> Result<(), Unsolvable> {
        let CgScratch { b, cells, vectors } = scratch;
        let factors = x.len();
        cells.clear();
        b.fill(T::zero());
        for (weight, other) in self.row(row) {
            let y = &fixed[other * factors..][..factors];
            add_scaled(b, T::narrow(1.0 + weight), y);
            cells.push((T::narrow(weight), y));
        }
        if cells.is_empty() {
            x.fill(T::zero());
            return Ok(());
        }
        let operator = Operator {
            gram,
            regularization: T::narrow(self.als.regularization_of(cells.len())),
            cells,
        };
        improve(&operator, b, x, self.als.cg_steps.get(), vectors);
        check_finite(x)
    }

    /// The cells of a row: what confidence each adds to 1, and which row of the fixed side.
    fn row(&self, row: usize) -> impl Iterator<Item = (f64, usize)> {
        let alpha = self.als.alpha.get();
        let range = self.cells.indptr().outer_inds_sz(row);
        let columns = &self.cells.indices()[range.clone()];
        let strengths = &self.cells.data()[range];
        columns
            .iter()
            .zip(strengths)
            .map(move |(&column, &r)| (alpha * f64::from(r), column as usize))
    }
}

fn check_finite<T: Real>(x: &[T]) -> Result<(), Unsolvable> {
    if x.iter().all(|x| x.wide().is_finite()) {
        Ok(())
    } else {
        Err(Unsolvable::NotFinite)
    }
}

/// What one thread needs to solve exactly.
struct ExactScratch {
    matrix: Array2<f64>,
    panel: Array2<f64>,
    b: Vec<f64>,
}

impl ExactScratch {
    fn new(factors: usize) -> Self {
        Self {
            matrix: Array2::zeros((factors, factors)),
            panel: Array2::zeros((PANEL, factors)),
            b: vec![0.0; factors],
        }
    }
}

/// What one thread needs to solve by conjugate gradients.
struct CgScratch<'f, T> {
    b: Vec<T>,
    cells: Vec<(T, &'f [T])>,
    vectors: conjugate_gradients::Scratch<T>,
}

impl<T: Real> CgScratch<'_, T> {
    fn new(factors: usize) -> Self {
        Self {
            b: vec![T::zero(); factors],
            cells: Vec::new(),
            vectors: conjugate_gradients::Scratch::new(factors),
        }
    }
}

/// `YᵀY` in f64.
pub(super) fn gram<T: Real>(y: &ArrayView2<T>) -> Array2<f64> {
    let factors = y.ncols();
    let part = y.nrows().div_ceil(GRAM_PARTS).max(4 * PANEL);
    let parts: Vec<ArrayView2<T>> = y.axis_chunks_iter(Axis(0), part).collect();
    let parts: Vec<Array2<f64>> = parts
        .into_par_iter()
        .map(|part| {
            let mut sum = Array2::zeros((factors, factors));
            for rows in part.axis_chunks_iter(Axis(0), PANEL) {
                let rows = rows.mapv(Real::wide);
                general_mat_mul(1.0, &rows.t(), &rows, 1.0, &mut sum);
            }
            sum
        })
        .collect();
    let mut total = Array2::zeros((factors, factors));
    for part in parts {
        total += &part;
    }
    total
}
