//! Input that must neither panic nor give numbers without meaning.

use std::sync::atomic::AtomicBool;

use musicrec_api::{Error, FitContext, Model, NonNegative, StartingFactors, Train};
use ndarray::Array2;

use super::{als, fit, matrix, train};
use crate::{Als, Solver};

fn refusal(als: &Als, train: &Train, context: &FitContext) -> Error {
    als.fit(train, context).err().expect("must be refused")
}

#[test]
fn tiny_matrices_and_more_factors_than_items_are_fine() {
    for (shape, cells) in [
        ((1, 1), vec![(0, 0, 1.0)]),
        ((1, 4), vec![(0, 1, 2.0), (0, 3, 1.0)]),
        ((4, 1), vec![(2, 0, 1.0)]),
        ((2, 2), vec![(0, 0, 352_698.0), (1, 1, 1.0)]),
    ] {
        for solver in [Solver::Exact, Solver::ConjugateGradients] {
            let als = Als {
                solver,
                ..Als::default()
            };
            let (users, items) = fit(&als, &train(matrix(shape, &cells)), &FitContext::new(3));
            assert_eq!((users.dim(), items.dim()), ((shape.0, 64), (shape.1, 64)));
            let scores = users.dot(&items.t());
            for &(user, item, _) in &cells {
                let score = scores[(user, item)];
                assert!((score - 1.0).abs() < 0.1, "{shape:?} {solver:?}: {score}");
            }
        }
    }
}

#[test]
fn singular_equations_are_an_error_with_its_remedy_and_never_nan() {
    // Two items with the same listeners and no regularization: more factors than equations.
    let train = train(matrix(
        (3, 2),
        &[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0)],
    ));
    let als = als(&serde_json::json!({"factors": 6, "regularization": 0.0}));
    let error = refusal(&als, &train, &FitContext::new(1));
    assert!(matches!(error, Error::Model(_)));
    assert!(
        error
            .to_string()
            .contains("raise `regularization` (now 0.0)"),
        "{error}"
    );
}

#[test]
fn divergence_is_an_error_with_its_remedy() {
    let train = train(matrix((1, 2), &[(0, 0, f32::INFINITY), (0, 1, 1.0)]));
    for solver in [Solver::Exact, Solver::ConjugateGradients] {
        let als = Als {
            solver,
            ..Als::default()
        };
        let error = refusal(&als, &train, &FitContext::new(1)).to_string();
        assert!(
            error.contains("als diverged") && error.contains("lower `alpha`"),
            "{error}"
        );
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let context = FitContext::new(1);
    let empty = refusal(&Als::default(), &train(matrix((2, 3), &[])), &context);
    assert!(
        empty
            .to_string()
            .contains("no interaction of weight above 0"),
        "{empty}"
    );

    let train = train(matrix((2, 3), &[(0, 0, 1.0)]));
    let huge = als(&serde_json::json!({"factors": 1_000_000_000_000_u64}));
    let error = refusal(&huge, &train, &context).to_string();
    assert!(error.contains("fewer `factors`"), "{error}");

    let from = StartingFactors {
        users: Array2::zeros((2, 64)),
        items: Array2::zeros((2, 64)),
    };
    let error = refusal(
        &Als::default(),
        &train,
        &FitContext::new(1).with_start(&from),
    )
    .to_string();
    assert!(
        error.contains("[(2, 64), (2, 64)]") && error.contains("[(2, 64), (3, 64)]"),
        "{error}"
    );

    let stop = AtomicBool::new(true);
    let error = refusal(
        &Als::default(),
        &train,
        &FitContext::new(1).with_cancel(&stop),
    );
    assert!(matches!(error, Error::Cancelled));
}

#[test]
fn parameters_out_of_range_are_faults_of_the_definition() {
    for bad in [
        r#"{"als": {"factors": 0}}"#,
        r#"{"als": {"regularization": -0.1}}"#,
        r#"{"als": {"iterations": 0}}"#,
        r#"{"als": {"solver": "cholesky"}}"#,
        r#"{"als": {"factor": 8}}"#,
    ] {
        assert!(
            serde_json::from_str::<Box<dyn Model>>(bad).is_err(),
            "{bad}"
        );
    }
    assert_eq!(NonNegative::new(0.01), Some(Als::default().regularization));
}
