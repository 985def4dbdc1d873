//! What a fit takes, counted in the loops of the half steps.

use musicrec_api::{Cost, Shape};

use super::half_step::BATCH;
use super::{Als, Solver};
use super::{exact, gram};

/// Threads whose working space is counted: how many there will be is not known to a plan.
const THREADS: f64 = 8.0;

/// Operations done in the time of one of a plain loop, by wide instructions that multiply and add at once: measured on
/// `MovieLens-1M` and Gowalla, 64 and 128 factors. Conjugate gradients wait for memory more often than tiles of sums do.
const AT_ONCE: f64 = 4.0;
const AT_ONCE_IN_TILES: f64 = 6.0;

pub(super) fn cost(als: &Als, shape: &Shape) -> Cost {
    let (users, items) = (shape.users as f64, shape.items as f64);
    let (cells, rows) = (shape.cells as f64, users + items);
    let factors = als.factors.get() as f64;
    let square = factors * factors;
    // Each iteration solves for all users and for all items: each cell and each row twice over.
    let gram = rows * square / 2.0;
    let (solved, scratch) = match als.solver {
        Solver::Exact => {
            // As if all rows had more cells than factors: how many do not is not known, and they are solved faster.
            let system = square / 2.0 + 8.0 * factors;
            let factorized = factors * square / 6.0 + square;
            let operations = 2.0 * cells * system + rows * factorized;
            let scratch = exact::scratch(factors) + BATCH as f64 * factors;
            (operations / AT_ONCE_IN_TILES, 4.0 * scratch)
        }
        Solver::ConjugateGradients => {
            // The residual at the start is a product with the matrix too: an inner product and a sum a cell.
            let products = als.cg_steps.get() as f64 + 1.0;
            let of_cells = 2.0 * cells * 2.0 * products * factors;
            // A row is put into other coordinates, taken back, and put into those of the other side's step.
            let of_rows = rows * (3.0 * square + 8.0 * products * factors);
            let scratch = 4.0 * (BATCH as f64 + 5.0) * factors;
            ((of_cells + of_rows) / AT_ONCE, scratch)
        }
    };
    let parts = gram::PARTS as f64 + 1.0;
    // The matrix by item is a copy: the index and strength of each cell, and where rows begin.
    let by_item = 8.0 * (cells + items + 1.0);
    let coordinates = 4.0 * users.max(items) * factors;
    let held = 4.0 * rows * factors + coordinates + by_item;
    Cost {
        operations: als.iterations.get() as f64 * (gram + solved),
        bytes: held + 8.0 * parts * square + THREADS * scratch,
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Model, Shape};

    use crate::Als;

    fn als(parameters: &serde_json::Value) -> Als {
        serde_json::from_value(parameters.clone()).unwrap()
    }

    fn operations(parameters: &serde_json::Value, shape: &Shape) -> f64 {
        als(parameters).cost(shape).unwrap().operations
    }

    #[test]
    fn operations_and_bytes_are_those_counted_by_hand() {
        let shape = Shape::new(2, 1, 2);
        // Gram: 3 rows × 2. Exact: 4 × (2 + 16) for the cells, 3 × (8 / 6 + 4) for the rows.
        let exact = serde_json::json!({"factors": 2, "iterations": 3, "solver": "exact"});
        let wanted = 3.0 * (6.0 + (72.0 + 16.0) / 6.0);
        assert!((operations(&exact, &shape) - wanted).abs() < 1e-9);
        // Factors 24, coordinates 16, Gram 17 × 32, by item 32; for each of 8 threads 4 bytes of 16 × 48 × (48 + 2 + 1)
        // for systems in lanes, of 2 vectors, and of a batch of 128 rows.
        let bytes = als(&exact).cost(&shape).unwrap().bytes;
        let scratch = 8.0 * 4.0 * (39_168.0 + 4.0 + 256.0);
        assert_eq!(bytes, 24.0 + 16.0 + 544.0 + 32.0 + scratch);
        // One step is two products. Gram 6; each of 2 × 2 cells 2 × 2 × 2, each of 3 rows 3 × 4 + 8 × 2 × 2.
        let steps = serde_json::json!(
            {"factors": 2, "iterations": 1, "solver": "conjugate_gradients", "cg_steps": 1}
        );
        let cost = als(&steps).cost(&shape).unwrap();
        assert_eq!(cost.operations, 6.0 + (4.0 * 8.0 + 3.0 * 44.0) / 4.0);
        // Factors 24, coordinates 16, by item 32, Gram 544, scratch 8 × 4 × 133 × 2.
        assert_eq!(cost.bytes, 24.0 + 16.0 + 32.0 + 544.0 + 8512.0);
    }

    #[test]
    fn nothing_to_learn_from_costs_no_operation_and_absurd_sizes_are_finite() {
        assert_eq!(
            operations(&serde_json::json!({}), &Shape::new(0, 0, 0)),
            0.0
        );
        let huge = als(&serde_json::json!({"factors": usize::MAX, "iterations": usize::MAX}));
        let cost = huge
            .cost(&Shape::new(usize::MAX, usize::MAX, usize::MAX))
            .unwrap();
        assert!(cost.operations.is_finite() && cost.bytes.is_finite());
    }
}
