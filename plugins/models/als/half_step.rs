//! Solving for all users with the items held fast, or for all items with the users held fast.

use musicrec_api::InteractionMatrix;
use ndarray::{Array2, ArrayBase, ArrayRef2, Data, Ix2};
use pulp::Arch;
use rayon::prelude::*;

use super::basis::Basis;
use super::conjugate_gradients::improve;
use super::equations::Equations;
use super::gram::gram;
use super::{Als, Solver, conjugate_gradients, exact};
use crate::aligned::Aligned;
use crate::real::Real;

/// Rows whose coordinates are changed by one matrix product.
pub(super) const BATCH: usize = 128;

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

    /// Overwrites `out` by the solution for `fixed`, and returns the loss. Rows are independent of each other, so
    /// their distribution over threads changes no bit.
    pub(super) fn solve<T: Real>(
        &self,
        fixed: &ArrayBase<impl Data<Elem = T>, Ix2>,
        out: &mut Array2<T>,
    ) -> Result<f64, Unsolvable> {
        let gram = gram(&fixed.view());
        if !gram.sum().is_finite() {
            return Err(Unsolvable::NotFinite);
        }
        let basis = self.basis(fixed, &gram)?;
        let strong = match self.als.solver {
            Solver::Exact if !exact::bears::<T>(self.strongest(self.cells.data())) => {
                Some(self.basis(&fixed.mapv(Real::wide), &gram)?)
            }
            _ => None,
        };
        let step = Step {
            half: self,
            arch: Arch::new(),
            basis,
            strong,
        };
        let batches = out
            .as_slice_mut()
            .expect("factors are in standard layout")
            .par_chunks_mut(BATCH * fixed.ncols());
        let losses = batches.enumerate().map_init(
            || BatchScratch::new(&step),
            |scratch, (batch, rows)| step.solve(batch * BATCH, rows, scratch),
        );
        let losses: Vec<Result<f64, Unsolvable>> = losses.collect();
        // Added up in order, and of failures the first batch's, not the first to be noticed.
        losses
            .into_iter()
            .try_fold(self.cost_of(fixed, &gram), |sum, loss| Ok(sum + loss?))
    }

    /// What the regularization of the fixed side adds to the loss.
    fn cost_of<T: Real>(&self, fixed: &ArrayRef2<T>, gram: &Array2<f64>) -> f64 {
        if !self.als.scale_regularization_by_counts {
            return self.als.regularization_of(1) * gram.diag().sum();
        }
        let mut counts = vec![0; fixed.nrows()];
        for &column in self.cells.indices() {
            counts[column as usize] += 1;
        }
        let rows = fixed.rows().into_iter().zip(counts);
        rows.map(|(row, count)| {
            let square: f64 = row.iter().map(|x| x.wide().powi(2)).sum();
            self.als.regularization_of(count) * square
        })
        .sum()
    }

    /// The coordinates in which the rows are solved for.
    fn basis<T: Real>(
        &self,
        fixed: &ArrayRef2<T>,
        gram: &Array2<f64>,
    ) -> Result<Basis<T>, Unsolvable> {
        if self.als.scale_regularization_by_counts {
            Ok(Basis::eigenvectors(fixed, gram))
        } else {
            Basis::whitened(fixed, gram, self.als.regularization_of(1))
                .map_err(|_| Unsolvable::NotPositiveDefinite)
        }
    }

    /// The greatest weight of cells of such strengths.
    fn strongest(&self, strengths: &[f32]) -> f64 {
        let strongest = strengths.iter().fold(0.0, |most, &r| f32::max(most, r));
        self.als.alpha.get() * f64::from(strongest)
    }

    /// Those of a row, in the coordinates of `basis`.
    fn equations<'b, T: Real>(&'b self, row: usize, basis: &'b Basis<T>) -> Equations<'b, T> {
        let range = self.cells.indptr().outer_inds_sz(row);
        let added = if self.als.scale_regularization_by_counts {
            self.als.regularization_of(range.len())
        } else {
            0.0
        };
        Equations {
            fixed: basis.fixed.as_slice(),
            columns: &self.cells.indices()[range.clone()],
            strengths: &self.cells.data()[range],
            alpha: self.als.alpha.get(),
            diagonal: &basis.diagonal,
            added: T::narrow(added),
        }
    }
}

/// Half an iteration, prepared.
struct Step<'a, T> {
    half: &'a HalfStep<'a>,
    arch: Arch,
    basis: Basis<T>,
    /// The same in f64, if there are rows that need it.
    strong: Option<Basis<f64>>,
}

impl<T: Real> Step<'_, T> {
    /// Solves for the rows from number `first` on, and returns what they add to the loss.
    fn solve(
        &self,
        first: usize,
        rows: &mut [T],
        scratch: &mut BatchScratch<T>,
    ) -> Result<f64, Unsolvable> {
        let Self {
            half, arch, basis, ..
        } = self;
        let BatchScratch {
            batch,
            approximate,
            exact: exact_scratch,
            strong,
        } = scratch;
        let factors = half.als.factors.get();
        let batch = &mut batch.as_mut_slice()[..rows.len() / factors * basis.width];
        if half.als.solver == Solver::ConjugateGradients {
            // From where the rows stand.
            basis.enter(*arch, rows, batch);
        }
        let (mut exactly, mut loss) = (Vec::new(), 0.0);
        for (at, v) in batch.chunks_exact_mut(basis.width).enumerate() {
            let equations = half.equations(first + at, basis);
            if equations.columns.is_empty() || self.is_strong(&equations) {
                v.fill(T::zero());
                continue;
            }
            match half.als.solver {
                Solver::ConjugateGradients => {
                    let steps = half.als.cg_steps.get();
                    loss += improve(*arch, equations, v, steps, approximate);
                }
                Solver::Exact => exactly.push((equations, v)),
            }
        }
        loss += exact::solve(*arch, &mut exactly, exact_scratch)?;
        basis.leave(*arch, batch, rows);
        if let (Some(basis), Some(scratch)) = (&self.strong, strong) {
            for (at, row) in rows.chunks_exact_mut(factors).enumerate() {
                let equations = half.equations(first + at, basis);
                if self.is_strong(&equations) {
                    let (mut v, mut x) = (vec![0.0; basis.width], vec![0.0; factors]);
                    loss += exact::solve(*arch, &mut [(equations, &mut v)], scratch)?;
                    basis.leave(*arch, &v, &mut x);
                    for (to, from) in row.iter_mut().zip(x) {
                        *to = T::narrow(from);
                    }
                }
            }
        }
        check_finite(rows)?;
        Ok(loss)
    }

    /// Whether a row needs f64.
    fn is_strong<U>(&self, equations: &Equations<U>) -> bool {
        self.strong.is_some() && !exact::bears::<T>(self.half.strongest(equations.strengths))
    }
}

fn check_finite<T: Real>(x: &[T]) -> Result<(), Unsolvable> {
    if x.iter().all(|x| x.wide().is_finite()) {
        Ok(())
    } else {
        Err(Unsolvable::NotFinite)
    }
}

/// What one thread needs.
struct BatchScratch<T> {
    /// Rows in the coordinates they are solved in.
    batch: Aligned<T>,
    approximate: conjugate_gradients::Scratch<T>,
    exact: exact::Scratch<T>,
    strong: Option<exact::Scratch<f64>>,
}

impl<T: Real> BatchScratch<T> {
    fn new(step: &Step<T>) -> Self {
        let width = step.basis.width;
        let of_exact = match step.half.als.solver {
            Solver::Exact => width,
            Solver::ConjugateGradients => 0,
        };
        Self {
            batch: Aligned::zeros(BATCH * width),
            approximate: conjugate_gradients::Scratch::new(width),
            exact: exact::Scratch::new(of_exact),
            strong: step.strong.as_ref().map(|b| exact::Scratch::new(b.width)),
        }
    }
}
