use super::{Half, KEPT, Products, Sides, from_rows, mirror};
use musicrec_api::FitContext;
use std::sync::Arc;

/// Rows 0 to 2 in columns, of three users.
fn sides() -> Sides {
    Sides::of_columns(&from_rows(
        3,
        [
            vec![(0, 1.0), (1, 2.0)],
            vec![(0, 3.0), (1, 0.0), (2, 0.5)],
            vec![(1, -1.0), (2, -4.0)],
        ],
    ))
}

#[test]
fn products_are_those_of_all_pairs_kept_or_not() {
    let context = FitContext::new(0);
    let kept = Products::new(Arc::new(sides()), &context).unwrap();
    assert_eq!(
        kept.kept().unwrap(),
        ndarray::array![[10.0, 2.0, 1.5], [2.0, 5.0, 4.0], [1.5, 4.0, 16.25]]
    );
    let computed = Products {
        sides: Arc::new(sides()),
        kept: None,
    };
    let rows = |products: &Products| {
        let sorted = |_, others: &mut dyn Iterator<Item = (u32, f32)>| {
            let mut others: Vec<_> = others.collect();
            others.sort_by_key(|(other, _)| *other);
            others
        };
        products.each_row(&context, sorted).unwrap()
    };
    assert_eq!(rows(&kept), rows(&computed));
    assert_eq!(rows(&kept)[0], [(1, 2.0), (2, 1.5)]);
}

/// More rows than are kept: what is computed a row at a time is what would have been kept.
#[test]
fn beyond_the_limit_nothing_is_kept() {
    let wide = from_rows(
        KEPT + 1,
        (0..40_u32).map(|user| {
            let items = (0..=KEPT as u32).filter(|item| (item * 7 + user) % 97 == 0);
            items.map(|item| (item, 1.0 + (item % 3) as f32)).collect()
        }),
    );
    let context = FitContext::new(0);
    let products = Products::new(Arc::new(Sides::of_columns(&wide)), &context).unwrap();
    assert!(products.kept().is_none());
    let sums = products.each_row(&context, |_, others| {
        others.map(|(_, p)| f64::from(p)).sum()
    });
    let sums: Vec<f64> = sums.unwrap();
    let whole = super::symmetric::<f64>(&products.sides, &context).unwrap();
    for (row, sum) in sums.iter().enumerate() {
        assert_eq!(*sum, whole.row(row).sum() - whole[(row, row)], "{row}");
    }
}

#[test]
fn either_half_makes_the_whole() {
    let size = 131;
    let value = |row: usize, column: usize| (row.max(column) * 1000 + row.min(column)) as f32;
    for half in [Half::Upper, Half::Lower] {
        let holds = |row, column| match half {
            Half::Upper => row <= column,
            Half::Lower => row >= column,
        };
        let cell = |at: usize| (at / size, at % size);
        let mut matrix: Vec<f32> = (0..size * size)
            .map(|at| match cell(at) {
                (row, column) if holds(row, column) => value(row, column),
                _ => f32::NAN,
            })
            .collect();
        mirror(&mut matrix, size, half);
        for (at, &found) in matrix.iter().enumerate() {
            let (row, column) = cell(at);
            assert_eq!(found, value(row, column), "{half:?} {row} {column}");
        }
    }
}
