//! Solving for all users with the items held fast, or for all items with the users held fast.

use musicrec_api::InteractionMatrix;
use musicrec_api::arithmetic::general_mat_mul;
use ndarray::{Array2, ArrayBase, ArrayView2, ArrayViewMut2, Axis, Data, Ix2};
use pulp::Arch;
use rayon::prelude::*;

use super::basis::Basis;
use super::cholesky::{factorize, substitute};
use super::conjugate_gradients::{Equations, Scratch, improve};
use super::real::Real;
use super::{Als, Solver};

/// Rows gathered for one matrix product: few enough to stay in the cache.
pub(super) const PANEL: usize = 128;

/// Rows whose coordinates are changed by one matrix product.
pub(super) const BATCH: usize = 128;

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
        let gram = gram(&fixed.view());
        match self.als.solver {
            Solver::Exact => self.exactly(fixed, &gram, out),
            Solver::ConjugateGradients => self.approximately(fixed, gram, out),
        }
    }

    fn exactly<T: Real>(
        &self,
        fixed: &ArrayBase<impl Data<Elem = T>, Ix2>,
        gram: &Array2<f64>,
        out: &mut Array2<T>,
    ) -> Result<(), Unsolvable> {
        let factors = fixed.ncols();
        let fixed = fixed.as_slice().expect("factors are in standard layout");
        let out = out
            .as_slice_mut()
            .expect("factors are in standard layout")
            .par_chunks_exact_mut(factors)
            .enumerate()
            .with_min_len(8);
        let new = || ExactScratch::new(factors);
        let failed = out.map_init(new, |scratch, (row, x)| {
            self.exact(row, gram, fixed, x, scratch).err()
        });
        first(failed.collect())
    }

    /// Improves each row from where it stands, in the coordinates of the fixed side's Gram matrix.
    fn approximately<T: Real>(
        &self,
        fixed: &ArrayBase<impl Data<Elem = T>, Ix2>,
        gram: Array2<f64>,
        out: &mut Array2<T>,
    ) -> Result<(), Unsolvable> {
        if !gram.sum().is_finite() {
            return Err(Unsolvable::NotFinite);
        }
        let basis = if self.als.scale_regularization_by_counts {
            Basis::eigenvectors(fixed, &gram)
        } else {
            Basis::whitened(fixed, gram, self.als.regularization_of(1))
                .map_err(|_| Unsolvable::NotPositiveDefinite)?
        };
        let arch = Arch::new();
        let new = || CgScratch::new(basis.width);
        let batches: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BATCH).collect();
        let failed = batches
            .into_par_iter()
            .enumerate()
            .map_init(new, |scratch, (batch, rows)| {
                self.approximate(batch * BATCH, &basis, arch, rows, scratch)
                    .err()
            });
        first(failed.collect())
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

    /// Improves rows from number `first` on by conjugate gradients.
    fn approximate<T: Real>(
        &self,
        first: usize,
        basis: &Basis<T>,
        arch: Arch,
        mut rows: ArrayViewMut2<T>,
        scratch: &mut CgScratch<T>,
    ) -> Result<(), Unsolvable> {
        let CgScratch { batch, vectors } = scratch;
        let (mut batch, _) = batch.view_mut().split_at(Axis(0), rows.nrows());
        basis.enter(&rows, &mut batch);
        let fixed = basis.fixed.as_slice().expect("new and in standard layout");
        for (at, mut v) in batch.rows_mut().into_iter().enumerate() {
            let v = v.as_slice_mut().expect("rows are contiguous");
            let range = self.cells.indptr().outer_inds_sz(first + at);
            if range.is_empty() {
                v.fill(T::zero());
                continue;
            }
            let added = if self.als.scale_regularization_by_counts {
                self.als.regularization_of(range.len())
            } else {
                0.0
            };
            let equations = Equations {
                fixed,
                columns: &self.cells.indices()[range.clone()],
                strengths: &self.cells.data()[range],
                alpha: T::narrow(self.als.alpha.get()),
                diagonal: &basis.diagonal,
                added: T::narrow(added),
            };
            improve(arch, equations, v, self.als.cg_steps.get(), vectors);
        }
        basis.leave(&batch, &mut rows);
        rows.rows()
            .into_iter()
            .try_for_each(|row| check_finite(row.to_slice().expect("rows are contiguous")))
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
struct CgScratch<T> {
    batch: Array2<T>,
    vectors: Scratch<T>,
}

impl<T: Real> CgScratch<T> {
    fn new(width: usize) -> Self {
        Self {
            batch: Array2::zeros((BATCH, width)),
            vectors: Scratch::new(width),
        }
    }
}

/// The first row that failed, not the first to be noticed: messages are reproducible too.
fn first(failed: Vec<Option<Unsolvable>>) -> Result<(), Unsolvable> {
    failed.into_iter().flatten().next().map_or(Ok(()), Err)
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
