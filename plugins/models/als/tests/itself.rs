//! What must hold of ALS whatever the data.

use musicrec_api::{
    Checkpoints, FitContext, Losses, Model, NonNegative, Recommender, Scores, SharedParts,
    StartingFactors, Train, Users,
};
use ndarray::Array2;

use super::{als, fit, largest_difference, losses_of, scattered, start, train, wide};
use crate::als::half_step::HalfStep;
use crate::{Als, Solver};

#[test]
fn the_loss_never_rises_and_f32_stays_close_to_f64() {
    let cells = scattered(300, 120, 0.1);
    let als = Als {
        factors: 9.try_into().unwrap(),
        ..Als::default()
    };
    let (mut users, mut items) = (start((300, 9), |x| x), start((120, 9), |x| x));
    let losses = losses_of(&als, &cells, &mut users, &mut items);
    assert_eq!(losses.len(), 31);
    assert!(
        losses.is_sorted_by(|before, after| before >= after),
        "{losses:?}"
    );
    let from = StartingFactors {
        users: start((300, 9), |x| x as f32),
        items: start((120, 9), |x| x as f32),
    };
    let train = train(cells);
    let (users32, items32) = fit(&als, &train, &FitContext::new(0).with_start(&from));
    let loss32 = als.loss(&train.interactions, &users32.view(), &items32.view());
    assert!((loss32 / losses[30] - 1.0).abs() < 1e-4);
    let scores = users.dot(&items.t());
    let scores32 = wide(&users32).dot(&wide(&items32).t());
    assert!(largest_difference(&scores, &scores32) < 1e-3);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    // Enough rows for several parts of the Gram matrix and several chunks of rows.
    let train = train(scattered(2500, 150, 0.05));
    for solver in [Solver::Exact, Solver::ConjugateGradients] {
        let als = Als {
            factors: 17.try_into().unwrap(),
            iterations: 3.try_into().unwrap(),
            solver,
            ..Als::default()
        };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| fit(&als, &train, &FitContext::new(5)))
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(5));
    }
}

#[test]
fn many_steps_of_conjugate_gradients_are_exact_and_few_are_near() {
    let cells = scattered(200, 90, 0.15);
    // The coordinates are others where regularization is scaled, and their width is more than 8.
    for (scale, regularization) in [(false, 0.01), (true, 0.001), (true, 0.05)] {
        let run = |solver: &str, steps: usize| {
            let als = als(&serde_json::json!({
                "factors": 8, "iterations": 5, "solver": solver, "cg_steps": steps,
                "scale_regularization_by_counts": scale, "regularization": regularization,
            }));
            let (mut users, mut items) = (start((200, 8), |x| x), start((90, 8), |x| x));
            let losses = losses_of(&als, &cells, &mut users, &mut items);
            let loss = losses[losses.len() - 1];
            (users, items, loss)
        };
        let exact = run("exact", 1);
        let many = run("conjugate_gradients", 60);
        assert!(largest_difference(&many.0, &exact.0) < 1e-7);
        assert!(largest_difference(&many.1, &exact.1) < 1e-7);
        let three = run("conjugate_gradients", 3);
        // Another path to the same valley; after five iterations either may be a little ahead.
        let ahead = three.2 / exact.2 - 1.0;
        assert!(ahead.abs() < 0.02, "{} {}", three.2, exact.2);
    }
}

/// All widths for which there is code of its own, those between and beyond; in f32, and to its precision.
#[test]
fn every_number_of_factors_is_solved_alike() {
    for factors in [1, 16, 17, 32, 40, 64, 90, 100, 128, 130] {
        let cells = scattered(80, 60, 0.3);
        let train = train(cells);
        let run = |solver: Solver, steps: usize| {
            let als = Als {
                factors: factors.try_into().unwrap(),
                regularization: NonNegative::new(1.0).unwrap(),
                iterations: 2.try_into().unwrap(),
                solver,
                cg_steps: steps.try_into().unwrap(),
                ..Als::default()
            };
            let (users, items) = fit(&als, &train, &FitContext::new(3));
            users.dot(&items.t()).mapv(f64::from)
        };
        let exact = run(Solver::Exact, 1);
        let many = run(Solver::ConjugateGradients, 100);
        let off = largest_difference(&many, &exact);
        assert!(off < 2e-3, "{factors} factors: scores differ by {off}");
    }
}

#[test]
fn seeds_decide_and_nothing_else() {
    let train = train(scattered(50, 40, 0.2));
    let als = Als {
        factors: 4.try_into().unwrap(),
        ..Als::default()
    };
    let fit = |seed| fit(&als, &train, &FitContext::new(seed));
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
    assert!(als.is_stochastic());
}

/// Whoever is folded in gets what one more half step would give a user of the train part.
#[test]
fn folding_in_a_row_of_the_train_part_is_half_an_iteration_more() {
    let train = train(scattered(60, 40, 0.2));
    for (solver, scale) in [
        (Solver::Exact, false),
        (Solver::Exact, true),
        (Solver::ConjugateGradients, false),
    ] {
        let als = Als {
            factors: 7.try_into().unwrap(),
            iterations: 4.try_into().unwrap(),
            solver,
            scale_regularization_by_counts: scale,
            ..Als::default()
        };
        let fitted = als.fit(&train, &FitContext::new(5)).unwrap();
        let folded = fitted.fold_in(&train).unwrap().unwrap();
        let Scores::Factors { users, items } = folded.scores(&Users::new(&[])).unwrap() else {
            panic!("ALS has factors");
        };
        let exact = Als {
            solver: Solver::Exact,
            ..als.clone()
        };
        let (mut half, fixed) = fit(&als, &train, &FitContext::new(5));
        assert_eq!(items, fixed);
        HalfStep::new(&exact, &train.interactions)
            .solve(&fixed, &mut half)
            .unwrap();
        assert_eq!(users, half);
        // Who has no history has zeros, as in the train part.
        assert!(users.row(3).iter().all(|&x| x == 0.0));
    }
}

/// The factors, and those of the users of the train part folded in.
fn state_of(fitted: &dyn Recommender, train: &Train) -> [Array2<f32>; 3] {
    let both = |recommender: &dyn Recommender| match recommender.scores(&Users::new(&[])).unwrap() {
        Scores::Factors { users, items } => (users.to_owned(), items.to_owned()),
        _ => panic!("ALS has factors"),
    };
    let (users, items) = both(fitted);
    let (folded, _) = both(&*fitted.fold_in(train).unwrap().unwrap());
    [users, items, folded]
}

#[test]
fn the_state_after_so_many_iterations_is_that_of_a_fit_of_so_many() {
    let train = train(scattered(60, 40, 0.2));
    for solver in [Solver::Exact, Solver::ConjugateGradients] {
        let fit_of = |iterations: usize, context: &FitContext| {
            let als = Als {
                factors: 7.try_into().unwrap(),
                iterations: iterations.try_into().unwrap(),
                solver,
                ..Als::default()
            };
            let fitted = als.fit(&train, context).unwrap();
            state_of(&*fitted, &train)
        };
        let mut seen = Vec::new();
        let checkpoints = Checkpoints::new([1, 2, 4], |step, state| {
            seen.push((step, state_of(state, &train)));
            Ok(())
        });
        let last = fit_of(6, &FitContext::new(5).with_checkpoints(&checkpoints));
        assert_eq!(checkpoints.missing(), [0; 0]);
        drop(checkpoints);
        assert_eq!(
            seen.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
            [1, 2, 4]
        );
        seen.push((6, last));
        for (step, state) in seen {
            assert!(
                state == fit_of(step, &FitContext::new(5)),
                "{solver:?}, step {step}"
            );
        }
    }
}

#[test]
fn fits_share_the_matrix_by_item() {
    let train = train(scattered(60, 40, 0.2));
    let parts = SharedParts::new();
    for factors in [3, 7] {
        let als = Als {
            factors: factors.try_into().unwrap(),
            ..Als::default()
        };
        let alone = fit(&als, &train, &FitContext::new(5));
        let sharing = fit(&als, &train, &FitContext::new(5).with_shared(&parts));
        assert!(alone == sharing);
    }
    let counts = parts.counts();
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].asked, counts[0].made), (2, 1));
}

/// The losses told are those of the factors, and a fit that ends by tolerance is one of so many iterations.
#[test]
fn a_fit_ends_where_its_loss_stops_falling_and_tells_each_loss() {
    let train = train(scattered(200, 90, 0.15));
    for (solver, scale) in [
        (Solver::Exact, false),
        (Solver::ConjugateGradients, false),
        (Solver::ConjugateGradients, true),
    ] {
        let als = |iterations: usize, tolerance: f64| Als {
            factors: 8.try_into().unwrap(),
            iterations: iterations.try_into().unwrap(),
            tolerance: NonNegative::new(tolerance).unwrap(),
            solver,
            scale_regularization_by_counts: scale,
            regularization: NonNegative::new(0.05).unwrap(),
            ..Als::default()
        };
        let told = |als: &Als, checkpoints: &Checkpoints| {
            let losses = Losses::new();
            let context = FitContext::new(5)
                .with_losses(&losses)
                .with_checkpoints(checkpoints);
            let factors = fit(als, &train, &context);
            let wanted = als.loss(&train.interactions, &factors.0.view(), &factors.1.view());
            let losses = losses.until(usize::MAX);
            let off = losses[losses.len() - 1] / wanted - 1.0;
            assert!(off.abs() < 1e-5, "{solver:?}: off by {off}");
            (losses, factors)
        };
        let nothing = || Checkpoints::new([], |_, _| Ok(()));
        let (all, _) = told(&als(60, 0.0), &nothing());
        assert_eq!(all.len(), 60);
        let tolerance = 0.01;
        let falls = |at: usize| (all[at - 1] - all[at]) / all[at - 1];
        let ended = (1..60).find(|&at| falls(at) < tolerance).unwrap() + 1;
        assert!((3..50).contains(&ended), "{solver:?}: {all:?}");
        // Who asks for later states gets the last one there is.
        let mut seen = Vec::new();
        let checkpoints = Checkpoints::new([2, ended + 1, 59], |step, state| {
            seen.push((step, state_of(state, &train)));
            Ok(())
        });
        let (losses, factors) = told(&als(60, tolerance), &checkpoints);
        assert_eq!(checkpoints.missing(), [0; 0]);
        drop(checkpoints);
        assert_eq!(losses, all[..ended]);
        assert!(factors == fit(&als(ended, 0.0), &train, &FitContext::new(5)));
        assert!(seen[0].0 == 2 && seen[0].1[0] != factors.0);
        assert!(seen[1..].iter().all(|(_, state)| state[0] == factors.0));
    }
}
