//! What the tests of ALS share.

use musicrec_api::{Events, FitContext, InteractionMatrix, Model, Scores, Train, Users};
use ndarray::Array2;
use serde_json::Value;

mod agreement;
mod directly;
mod hostile;
mod itself;

use super::{Als, Then};

fn als(parameters: &Value) -> Als {
    serde_json::from_value(parameters.clone()).unwrap()
}

/// Stored cells exactly as given, explicit zeros too.
fn matrix(shape: (usize, usize), cells: &[(usize, usize, f32)]) -> InteractionMatrix {
    let mut indptr = vec![0];
    for row in 0..shape.0 {
        indptr.push(indptr[row] + cells.iter().filter(|c| c.0 == row).count());
    }
    let mut cells = cells.to_vec();
    cells.sort_by_key(|c| (c.0, c.1));
    let columns = cells.iter().map(|c| c.1 as u32).collect();
    InteractionMatrix::new(shape, indptr, columns, cells.iter().map(|c| c.2).collect())
}

/// A reproducible matrix without meaning; a few users and items stay without interactions.
fn scattered(users: usize, items: usize, share: f64) -> InteractionMatrix {
    let mut state = 12345u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut cells = Vec::new();
    for user in 0..users {
        for item in 0..items {
            if next() < share && user % 17 != 3 && item % 19 != 5 {
                cells.push((user, item, (1.0 + 4.0 * next()) as f32));
            }
        }
    }
    matrix((users, items), &cells)
}

fn train(interactions: InteractionMatrix) -> Train {
    let mut train = Train::new(Events::default(), &[]);
    train.interactions = interactions;
    train
}

fn fit(als: &Als, train: &Train, context: &FitContext) -> (Array2<f32>, Array2<f32>) {
    let fitted = als.fit(train, context).unwrap();
    match fitted.scores(&Users::new(&[])).unwrap() {
        Scores::Factors { users, items } => (users.to_owned(), items.to_owned()),
        _ => panic!("ALS has factors"),
    }
}

fn start<T: Clone>(shape: (usize, usize), value: impl Fn(f64) -> T) -> Array2<T> {
    Array2::from_shape_fn(shape, |(i, j)| {
        value(0.01 * (((i * 37 + j * 11) % 101) as f64 / 101.0))
    })
}

fn largest_difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    (a - b).iter().fold(0.0, |most, d| f64::max(most, d.abs()))
}

fn loss(als: &Als, cells: &InteractionMatrix, users: &Array2<f64>, items: &Array2<f64>) -> f64 {
    super::loss::loss(als, cells, &users.view(), &items.view())
}

/// Fits from the factors given; the losses before the first half iteration and after each.
fn losses_of(
    als: &Als,
    cells: &InteractionMatrix,
    users: &mut Array2<f64>,
    items: &mut Array2<f64>,
) -> Vec<f64> {
    let mut losses = Vec::new();
    let by_item = crate::products::transposed(cells);
    als.iterate(
        [cells, &by_item],
        users,
        items,
        |halves, users, items, told| {
            assert_eq!(halves, losses.len());
            let wanted = loss(als, cells, users, items);
            if halves > 0 {
                let off = (told / wanted - 1.0).abs();
                assert!(off < 1e-8, "{halves} halves: told {told}, wanted {wanted}");
            }
            losses.push(wanted);
            Ok(Then::GoOn)
        },
    )
    .unwrap();
    losses
}

fn wide(a: &Array2<f32>) -> Array2<f64> {
    a.mapv(f64::from)
}
