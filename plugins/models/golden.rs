//! Scores of a small matrix against those that `NumPy` computes by the formulas, written down once more:
//! `benches/agreement/zoo.py --golden plugins/models/golden.json` makes the file.

use musicrec_api::{Events, FitContext, Model, Recommender, Scores, Train, Users};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cells: Vec<(u32, u32, f64)>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    model: serde_json::Value,
    scores: Vec<Vec<f64>>,
}

fn train(cells: &[(u32, u32, f64)]) -> Train {
    let pairs = cells
        .iter()
        .map(|(user, item, _)| (user.to_string(), item.to_string()));
    let strengths: Vec<f64> = cells.iter().map(|(_, _, strength)| *strength).collect();
    let pairs: Vec<_> = pairs.collect();
    let pairs = pairs.iter().map(|(u, i)| (u.as_str(), i.as_str()));
    Train::new(Events::from_pairs(pairs), &strengths)
}

fn rows(recommender: &dyn Recommender, users: usize, items: usize) -> Array2<f32> {
    let users: Vec<u32> = (0..users as u32).collect();
    match recommender.scores(&Users::new(&users)).unwrap() {
        Scores::Rows(scorer) => {
            let mut out = Array2::from_elem((users.len(), items), f32::NAN);
            scorer.score(&users, out.view_mut());
            out
        }
        Scores::Factors { users, items } => users.dot(&items.t()),
        Scores::Everybody(_) | Scores::Lists(_) => panic!("these models score every pair"),
    }
}

fn close(found: &Array2<f32>, expected: &[Vec<f64>], what: &str) {
    for (user, row) in expected.iter().enumerate() {
        for (item, &score) in row.iter().enumerate() {
            let found = f64::from(found[(user, item)]);
            assert!(
                (found - score).abs() < 1e-5 * score.abs().max(1.0),
                "{what}: user {user}, item {item}: {found} instead of {score}"
            );
        }
    }
}

#[test]
fn scores_are_those_of_the_formulas() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let train = train(&golden.cells);
    for case in golden.cases {
        let what = case.model.to_string();
        let model: Box<dyn Model> = serde_json::from_value(case.model).unwrap();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let found = rows(&*fitted, train.n_users(), train.n_items());
        close(&found, &case.scores, &what);
        // Who is told a history that was learned from gets the scores of that history, but for neighbors of users,
        // where somebody else with the same history is a neighbor too.
        if !what.contains("user_knn") {
            let folded = fitted.fold_in(&train).unwrap().unwrap();
            let told = rows(&*folded, train.n_users(), train.n_items());
            assert_eq!(told, found, "{what}");
        }
    }
}

/// Somebody who heard what user 1 heard, told to a fit that has room for all neighbors, has user 1 as a neighbor
/// and else those of user 1.
#[test]
fn who_is_told_has_neighbors_like_anybody_else() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let train = train(&golden.cells);
    for weighting in ["none", "tf_idf", "bm25"] {
        let model =
            serde_json::json!({"user_knn": {"neighbors": 9, "feature_weighting": weighting}});
        let model: Box<dyn Model> = serde_json::from_value(model).unwrap();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let (users, items) = (train.n_users(), train.n_items());
        let found = rows(&*fitted, users, items);
        let told = rows(&*fitted.fold_in(&train).unwrap().unwrap(), users, items);
        for user in 0..users {
            // The difference is the user's own history, times a similarity with oneself.
            let own = (0..items).map(|item| {
                let strength = train.interactions.get(user, item).copied().unwrap_or(0.0);
                (strength, told[(user, item)] - found[(user, item)])
            });
            let itself: Vec<f32> = own
                .clone()
                .filter(|(strength, _)| *strength > 0.0)
                .map(|(strength, more)| more / strength)
                .collect();
            for more in &itself {
                assert!((more - itself[0]).abs() < 1e-5 && *more > 0.0, "{itself:?}");
            }
            assert!(
                own.filter(|(strength, _)| *strength == 0.0)
                    .all(|(_, more)| more.abs() < 1e-6)
            );
        }
    }
}
