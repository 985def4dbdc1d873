//! ALS against the golden reference and against brute force.

use musicrec_api::{FitContext, InteractionMatrix, StartingFactors};
use ndarray::{Array1, Array2};
use serde_json::Value;

use super::{Als, als, fit, largest_difference, losses_of, matrix, scattered, start, train, wide};

struct Golden {
    als: Als,
    cells: InteractionMatrix,
    heard: Vec<Vec<usize>>,
    start: [Array2<f64>; 2],
    run: Value,
}

fn dense(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn golden() -> Option<Vec<Golden>> {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = format!("{shared}/golden/als_reference.json");
    if !std::path::Path::new(shared).exists() {
        assert!(
            std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
            "{shared} is not there, but MUSICREC_REQUIRE_SHARED is set"
        );
        eprintln!("SKIPPED: ../shared is not there");
        return None;
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let r = dense(&file["R"]);
    let runs = file["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4);
    let heard: Vec<Vec<usize>> = r
        .rows()
        .into_iter()
        .map(|row| (0..row.len()).filter(|&i| row[i] > 0.0).collect())
        .collect();
    let cases = runs.iter().map(|run| {
        let alpha = run["alpha"].as_f64().unwrap();
        // Where the reference took c = alpha·r, ours is the same with r − 1/alpha in the stored cells.
        let shift = match run["confidence"].as_str().unwrap() {
            "1+alpha*r" => 0.0,
            "alpha*r" => 1.0 / alpha,
            other => panic!("unknown confidence {other}"),
        };
        let stored: Vec<_> = r
            .indexed_iter()
            .filter(|(_, r)| **r > 0.0)
            .map(|((user, item), r)| (user, item, (r - shift) as f32))
            .collect();
        Golden {
            als: als(&serde_json::json!({
                "factors": 2,
                "alpha": alpha,
                "regularization": run["lambda"],
                "iterations": run["iterations"],
                "solver": "exact",
            })),
            cells: matrix(r.dim(), &stored),
            heard: heard.clone(),
            start: [dense(&file["X0"]), dense(&file["Y0"])],
            run: run.clone(),
        }
    });
    Some(cases.collect())
}

#[test]
fn exact_equals_the_reference_in_f64_with_its_loss_after_every_half_step() {
    for Golden {
        als,
        cells,
        start,
        run,
        ..
    } in golden().unwrap_or_default()
    {
        let [mut users, mut items] = start;
        let losses = losses_of(&als, &cells, &mut users, &mut items);
        assert!(largest_difference(&users, &dense(&run["X"])) < 1e-9);
        assert!(largest_difference(&items, &dense(&run["Y"])) < 1e-9);
        let scores = users.dot(&items.t());
        assert!(largest_difference(&scores, &dense(&run["scores"])) < 1e-9);
        let wanted: Vec<f64> = serde_json::from_value(run["loss_by_half_step"].clone()).unwrap();
        assert_eq!(losses.len(), wanted.len());
        for (loss, wanted) in losses.iter().zip(&wanted) {
            assert!((loss / wanted - 1.0).abs() < 1e-9, "{loss} {wanted}");
        }
    }
}

#[test]
fn exact_equals_the_reference_in_f32_through_the_plugin() {
    for Golden {
        als,
        cells,
        heard,
        start,
        run,
    } in golden().unwrap_or_default()
    {
        let [users, items] = start.map(|factors| factors.mapv(|x| x as f32));
        let from = StartingFactors { users, items };
        let context = FitContext::new(0).with_start(&from);
        let (users, items) = fit(&als, &train(cells), &context);
        for (found, name) in [
            (&users, "X"),
            (&items, "Y"),
            (&users.dot(&items.t()), "scores"),
        ] {
            let wanted = dense(&run[name]);
            assert!(largest_difference(&wide(found), &wanted) < 1e-4, "{name}");
        }
        let scores = users.dot(&items.t());
        for (user, wanted) in dense(&run["top2_unseen_items_per_user"])
            .rows()
            .into_iter()
            .enumerate()
        {
            let heard = &heard[user];
            let mut unseen: Vec<usize> = (0..5).filter(|item| !heard.contains(item)).collect();
            unseen.sort_by(|&a, &b| scores[(user, b)].total_cmp(&scores[(user, a)]));
            assert_eq!(unseen[..2], wanted.mapv(|i| i as usize).to_vec());
        }
    }
}

/// Solves a small dense system by Gauss–Jordan elimination with row pivots.
pub(super) fn gauss(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&i, &j| a[(i, column)].abs().total_cmp(&a[(j, column)].abs()))
            .unwrap();
        for j in 0..n {
            a.swap((column, j), (pivot, j));
        }
        b.swap(column, pivot);
        for row in (0..n).filter(|&row| row != column) {
            let factor = a[(row, column)] / a[(column, column)];
            for j in 0..n {
                let above = a[(column, j)];
                a[(row, j)] -= factor * above;
            }
            let above = b[column];
            b[row] -= factor * above;
        }
    }
    Array1::from_shape_fn(n, |i| b[i] / a[(i, i)])
}

/// One side from the paper's formula, over the dense matrix: `(YᵀCY + λI)⁻¹ YᵀCp`.
fn brute_force(r: &Array2<f64>, fixed: &Array2<f64>, alpha: f64, lambda: f64) -> Array2<f64> {
    let factors = fixed.ncols();
    let mut out = Array2::zeros((r.nrows(), factors));
    for (strengths, mut x) in r.rows().into_iter().zip(out.rows_mut()) {
        let count = strengths.iter().filter(|r| **r > 0.0).count();
        if count > 0 {
            let mut a = Array2::<f64>::eye(factors) * (lambda * count as f64);
            let mut b = Array1::<f64>::zeros(factors);
            for (&strength, y) in strengths.iter().zip(fixed.rows()) {
                let preference = if strength > 0.0 { 1.0 } else { 0.0 };
                let confidence = 1.0 + alpha * strength;
                for i in 0..factors {
                    b[i] += confidence * preference * y[i];
                    for j in 0..factors {
                        a[(i, j)] += confidence * y[i] * y[j];
                    }
                }
            }
            x.assign(&gauss(a, b));
        }
    }
    out
}

#[test]
fn regularization_scaled_by_counts_equals_brute_force() {
    let cells = scattered(40, 30, 0.2);
    let als = als(&serde_json::json!({
        "solver": "exact",
        "factors": 5, "regularization": 0.05, "alpha": 3.0, "iterations": 2,
        "scale_regularization_by_counts": true,
    }));
    let mut users = start((40, 5), |x| x);
    let mut items = start((30, 5), |x| x);
    let r = Array2::from_shape_fn((40, 30), |(u, i)| {
        cells.get(u, i).map_or(0.0, |&r| f64::from(r))
    });
    let (mut wanted_users, mut wanted_items) = (users.clone(), items.clone());
    for _ in 0..2 {
        wanted_users = brute_force(&r, &wanted_items, 3.0, 0.05);
        wanted_items = brute_force(&r.t().to_owned(), &wanted_users, 3.0, 0.05);
    }
    let losses = losses_of(&als, &cells, &mut users, &mut items);
    assert!(largest_difference(&users, &wanted_users) < 1e-9);
    assert!(largest_difference(&items, &wanted_items) < 1e-9);
    assert!(
        losses.is_sorted_by(|before, after| before >= after),
        "{losses:?}"
    );
    assert!(users.row(3).iter().chain(items.row(5)).all(|&x| x == 0.0));
}
