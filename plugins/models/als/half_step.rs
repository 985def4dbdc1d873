//! Solving for all users with the items held fast, or for all items with the users held fast.

use musicrec_api::InteractionMatrix;
use ndarray::{Array2, ArrayBase, ArrayRef2, ArrayViewMut2, Axis, Data, Ix2};
use pulp::Arch;
use rayon::prelude::*;

use super::basis::Basis;
use super::conjugate_gradients::improve;
use super::equations::Equations;
use super::gram::gram;
use super::real::Real;
use super::{Als, Solver, conjugate_gradients, exact};

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

    /// Overwrites `out` by the solution for `fixed`. Rows are independent of each other, so their
    /// distribution over threads changes no bit.
    pub(super) fn solve<T: Real>(
        &self,
        fixed: &ArrayBase<impl Data<Elem = T>, Ix2>,
        out: &mut Array2<T>,
    ) -> Result<(), Unsolvable> {
        let gram = gram(&fixed.view());
        if !gram.sum().is_finite() {
            return Err(Unsolvable::NotFinite);
        }
        let basis = self.basis(fixed, &gram)?;
        let strong = match self.als.solver {
            Solver::Exact if self.strongest(self.cells.data()) > T::STRONGEST => {
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
        let batches: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BATCH).collect();
        let failed = batches.into_par_iter().enumerate().map_init(
            || BatchScratch::new(&step),
            |scratch, (batch, rows)| step.solve(batch * BATCH, rows, scratch).err(),
        );
        first(failed.collect())
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

    /// What regularization by counts adds to the diagonal of a row of so many cells.
    fn added(&self, count: usize) -> f64 {
        if self.als.scale_regularization_by_counts {
            self.als.regularization_of(count)
        } else {
            0.0
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
    /// Solves for the rows from number `first` on.
    fn solve(
        &self,
        first: usize,
        mut rows: ArrayViewMut2<T>,
        scratch: &mut BatchScratch<T>,
    ) -> Result<(), Unsolvable> {
        let Self {
            half, arch, basis, ..
        } = self;
        let BatchScratch {
            batch,
            approximate,
            exact: exact_scratch,
            strong,
        } = scratch;
        let (mut batch, _) = batch.view_mut().split_at(Axis(0), rows.nrows());
        if half.als.solver == Solver::ConjugateGradients {
            // From where the rows stand.
            basis.enter(&rows, &mut batch);
        }
        let mut exactly = Vec::new();
        for (at, v) in batch.axis_iter_mut(Axis(0)).enumerate() {
            let v = v.into_slice().expect("rows are contiguous");
            let equations = half.equations(first + at, basis);
            if equations.columns.is_empty() || self.is_strong(&equations) {
                v.fill(T::zero());
                continue;
            }
            match half.als.solver {
                Solver::ConjugateGradients => {
                    improve(*arch, equations, v, half.als.cg_steps.get(), approximate);
                }
                Solver::Exact => exactly.push((equations, v)),
            }
        }
        exact::solve(*arch, &mut exactly, exact_scratch)?;
        basis.leave(&batch, &mut rows);
        if let (Some(basis), Some(scratch)) = (&self.strong, strong) {
            for (at, mut row) in rows.rows_mut().into_iter().enumerate() {
                let equations = half.equations(first + at, basis);
                if self.is_strong(&equations) {
                    let mut v = Array2::zeros((1, basis.width));
                    let mut x = Array2::zeros((1, row.len()));
                    let of_row = v.as_slice_mut().expect("new and in standard layout");
                    exact::solve(*arch, &mut [(equations, of_row)], scratch)?;
                    basis.leave(&v, &mut x);
                    row.zip_mut_with(&x.row(0), |to, &from| *to = T::narrow(from));
                }
            }
        }
        rows.rows()
            .into_iter()
            .try_for_each(|row| check_finite(row.to_slice().expect("rows are contiguous")))
    }

    /// Whether a row needs f64.
    fn is_strong<U>(&self, equations: &Equations<U>) -> bool {
        self.strong.is_some() && self.half.strongest(equations.strengths) > T::STRONGEST
    }
}

impl HalfStep<'_> {
    fn equations<'b, T: Real>(&'b self, row: usize, basis: &'b Basis<T>) -> Equations<'b, T> {
        let range = self.cells.indptr().outer_inds_sz(row);
        Equations {
            fixed: basis.fixed.as_slice(),
            columns: &self.cells.indices()[range.clone()],
            strengths: &self.cells.data()[range.clone()],
            alpha: self.als.alpha.get(),
            diagonal: &basis.diagonal,
            added: T::narrow(self.added(range.len())),
        }
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
    batch: Array2<T>,
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
            batch: Array2::zeros((BATCH, width)),
            approximate: conjugate_gradients::Scratch::new(width),
            exact: exact::Scratch::new(of_exact),
            strong: step.strong.as_ref().map(|b| exact::Scratch::new(b.width)),
        }
    }
}

/// The first row that failed, not the first to be noticed: messages are reproducible too.
fn first(failed: Vec<Option<Unsolvable>>) -> Result<(), Unsolvable> {
    failed.into_iter().flatten().next().map_or(Ok(()), Err)
}
