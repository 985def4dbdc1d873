//! The leading eigenvectors of `XᵀX`, which are the right singular vectors of X.

use musicrec_api::{FitContext, InteractionMatrix, Result, derive_seed, rng};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView1};
use rand::RngExt;
use rayon::prelude::*;

use crate::products::cells;

/// Residual of a vector, by the largest eigenvalue, at which it is good enough.
const TOLERANCE: f64 = 1e-8;
/// What is left of a vector that lies in the space there is already, but for rounding.
const NOTHING: f64 = 1e-10;
/// Steps between two looks at how good they are.
const PATIENCE: usize = 10;

/// The `count` leading ones in columns, or as many as there are dimensions.
///
/// Lanczos' method, each vector made orthogonal to all before it twice. Where the space is used up before, it goes on from
/// another direction, so that eigenvalues that are equal are all found.
pub(super) fn leading(
    by_user: &InteractionMatrix,
    by_item: &InteractionMatrix,
    count: usize,
    context: &FitContext,
) -> Result<Array2<f32>> {
    let items = by_user.cols();
    let count = count.min(items);
    // A fixed start: what comes of it does not depend on it but for rounding.
    let mut rng = rng(derive_seed(0, "pure_svd"));
    let mut draw = || -> Vec<f64> { (0..items).map(|_| rng.random::<f64>() - 0.5).collect() };
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    let mut next = draw();
    let mut length = norm(&next);
    // The largest eigenvalue is at most the sum of them all.
    let all: f64 = by_user.data().iter().map(|&x| f64::from(x).powi(2)).sum();
    loop {
        context.check_cancelled()?;
        for x in &mut next {
            *x /= length;
        }
        basis.push(next);
        let current = basis.last().expect("just put there");
        next = product(by_item, &product(by_user, current));
        diagonal.push(dot(current, &next));
        orthogonalize(&mut next, &basis);
        length = norm(&next);
        let steps = basis.len();
        let full = steps == items;
        // `None` where the space is used up.
        let residual = (length > NOTHING * all).then_some(length);
        if full || (steps >= count && (steps.is_multiple_of(PATIENCE) || residual.is_none())) {
            let (values, vectors) = eigen(&diagonal, &beside);
            let good = |at: usize| {
                let last = vectors[(steps - 1, at)].abs();
                residual.is_none_or(|residual| residual * last <= TOLERANCE * values[0])
            };
            // Where the space is used up, another direction may have larger ones still, unless there is nothing.
            let last = diagonal.last().copied().unwrap_or(0.0);
            let enough = (residual.is_some() || last <= NOTHING * all) && (0..count).all(good);
            if full || enough {
                return Ok(combine(&basis, &vectors, count));
            }
        }
        if residual.is_none() {
            beside.push(0.0);
            next = draw();
            orthogonalize(&mut next, &basis);
            length = norm(&next);
        } else {
            beside.push(length);
        }
    }
}

/// Eigenvalues, the largest first, and vectors in columns, of a matrix of three diagonals.
fn eigen(diagonal: &[f64], beside: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
    let size = diagonal.len();
    let matrix = DMatrix::from_fn(size, size, |row, column| match row.abs_diff(column) {
        0 => diagonal[row],
        1 => beside[row.min(column)],
        _ => 0.0,
    });
    let found = SymmetricEigen::new(matrix);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| found.eigenvalues[b].total_cmp(&found.eigenvalues[a]));
    let values = order.iter().map(|&at| found.eigenvalues[at]).collect();
    let vectors = DMatrix::from_fn(size, size, |row, column| {
        found.eigenvectors[(row, order[column])]
    });
    (values, vectors)
}

fn combine(basis: &[Vec<f64>], vectors: &DMatrix<f64>, count: usize) -> Array2<f32> {
    let items = basis[0].len();
    let mut combined = Array2::zeros((items, count));
    combined
        .as_slice_mut()
        .expect("a new matrix")
        .par_chunks_mut(count)
        .enumerate()
        .for_each(|(item, out)| {
            for (column, out) in out.iter_mut().enumerate() {
                let parts = basis.iter().enumerate();
                let sum: f64 = parts.map(|(at, q)| q[item] * vectors[(at, column)]).sum();
                *out = sum as f32;
            }
        });
    combined
}

fn product(matrix: &InteractionMatrix, vector: &[f64]) -> Vec<f64> {
    let rows = (0..matrix.rows()).into_par_iter().map(|row| {
        let (columns, values) = cells(matrix, row);
        let products = columns.iter().zip(values);
        products
            .map(|(&column, &value)| f64::from(value) * vector[column as usize])
            .sum()
    });
    rows.collect()
}

fn orthogonalize(vector: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for other in basis {
            let along = dot(vector, other);
            for (x, &y) in vector.iter_mut().zip(other) {
                *x -= along * y;
            }
        }
    }
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    ArrayView1::from(a).dot(&ArrayView1::from(b))
}

#[cfg(test)]
mod tests {
    use super::leading;
    use crate::products::{from_rows, transposed};
    use musicrec_api::FitContext;
    use ndarray::{Array2, array};

    fn of(rows: &[[f32; 4]], count: usize) -> Array2<f32> {
        let cells = rows.iter().map(|row| {
            let cells = (0..).zip(row).filter(|(_, x)| **x != 0.0);
            cells.map(|(at, &x)| (at, x)).collect()
        });
        let matrix = from_rows(4, cells);
        let vectors = leading(&matrix, &transposed(&matrix), count, &FitContext::new(0)).unwrap();
        // V Vᵀ, for signs and the order of equal ones do not matter.
        vectors.dot(&vectors.t())
    }

    fn close(a: &Array2<f32>, b: &Array2<f32>) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn equal_singular_values_are_all_found() {
        // 2, 2, 2 and 1 along the axes: three of four.
        let rows = [
            [2.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 2.0, 0.0],
            [0.0, 0.0, 0.0, 2.0],
        ];
        let found = of(&rows, 3);
        let expected = Array2::from_diag(&array![1.0, 0.0, 1.0, 1.0]);
        assert!(close(&found, &expected), "{found}");
    }

    #[test]
    fn of_less_rank_there_is_the_whole_space() {
        let found = of(&[[1.0, 1.0, 0.0, 0.0]], 1);
        let half = array![
            [0.5, 0.5, 0.0, 0.0],
            [0.5, 0.5, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0]
        ];
        assert!(close(&found, &half), "{found}");
        let all = of(&[[1.0, 1.0, 0.0, 0.0]], 9);
        assert!(close(&all, &Array2::eye(4)), "{all}");
    }
}
