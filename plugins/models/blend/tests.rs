use std::path::Path;

use musicrec_api::{
    CheckContext, Events, FitContext, Model, ReadyLists, Recommender, Result, Scores, SharedParts,
    Train, Users,
};
use ndarray::Array2;

use super::{Blend, BlendBy, Blended, Fitted, Rule};
use crate::{Popularity, PopularityBy};

fn train() -> Train {
    let pairs = [
        ("u", "a"),
        ("u", "b"),
        ("v", "b"),
        ("v", "c"),
        ("w", "b"),
        ("w", "d"),
    ];
    Train::new(Events::from_pairs(pairs), &[1.0, 2.0, 1.0, 4.0, 1.0, 8.0])
}

/// By users: b 3, the others 1. By weight: d 8, c 4, b 4, a 1.
fn blend(by: BlendBy, weights: &[f64]) -> Blend {
    let popularity = |by| Box::new(Popularity { by }) as Box<dyn Model>;
    Blend {
        of: vec![
            popularity(PopularityBy::Users),
            popularity(PopularityBy::Weight),
        ],
        weights: weights.to_vec(),
        by,
        offset: 1.0,
        ..Blend::default()
    }
}

fn scores(fitted: &dyn Recommender, users: &[u32]) -> Array2<f32> {
    let Scores::Rows(scorer) = fitted.scores(&Users::new(users)).unwrap() else {
        panic!("a blend scores rows");
    };
    let mut out = Array2::from_elem((users.len(), 4), f32::NAN);
    scorer.score(users, out.view_mut());
    out
}

fn near(found: &Array2<f32>, expected: &[[f64; 4]]) {
    assert_eq!(found.nrows(), expected.len());
    for (found, expected) in found.rows().into_iter().zip(expected) {
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{found}, {expected}"
            );
        }
    }
}

#[test]
fn places_count_by_their_reciprocals_and_what_was_heard_pushes_nothing_down() {
    let fitted = blend(BlendBy::Rank, &[])
        .fit(&train(), &FitContext::new(0))
        .unwrap();
    // u heard a and b. By users: b is on place 1, a too, c too, d 2. By weight: d 1, b 2, c 2, a 3.
    let of_u = [
        0.5 + 0.25,
        0.5 + 1.0 / 3.0,
        0.5 + 1.0 / 3.0,
        1.0 / 3.0 + 0.5,
    ];
    // v heard b and c. By users: b 1, a 1, c 2, d 2. By weight: d 1, b 2, c 2, a 2.
    let third = 1.0 / 3.0;
    let of_v = [0.5 + third, 0.5 + third, third + third, third + 0.5];
    near(&scores(&*fitted, &[0, 1]), &[of_u, of_v]);
    let fitted = Blend {
        depth: std::num::NonZeroUsize::MIN,
        ..blend(BlendBy::Rank, &[1.0, 3.0])
    };
    let fitted = fitted.fit(&train(), &FitContext::new(0)).unwrap();
    near(&scores(&*fitted, &[0]), &[[0.5, 0.5, 0.5, 1.5]]);
}

#[test]
fn scores_count_in_standard_deviations() {
    let fitted = blend(BlendBy::Score, &[2.0, 1.0])
        .fit(&train(), &FitContext::new(0))
        .unwrap();
    // 1, 3, 1, 1: mean 1.5, deviation the root of 0.75. 1, 4, 4, 8: mean 4.25, deviation the root of 6.1875.
    let (one, two) = (0.75_f64.sqrt(), 6.1875_f64.sqrt());
    let expected = [
        -1.0 / one - 3.25 / two,
        3.0 / one - 0.25 / two,
        -1.0 / one - 0.25 / two,
        -1.0 / one + 3.75 / two,
    ];
    near(&scores(&*fitted, &[0]), &[expected]);
    near(&scores(&*fitted, &[1, 2]), &[expected, expected]);
}

#[test]
fn what_does_not_depend_on_the_seed_is_fitted_once() {
    let (train, parts) = (train(), SharedParts::new());
    for weights in [[1.0, 2.0], [2.0, 1.0]] {
        let context = FitContext::new(1).with_shared(&parts);
        blend(BlendBy::Rank, &weights)
            .fit(&train, &context)
            .unwrap();
    }
    let of_nested: Vec<_> = parts
        .counts()
        .into_iter()
        .filter(|part| part.key.starts_with("nested/"))
        .collect();
    assert_eq!(of_nested.len(), 2);
    assert!(
        of_nested
            .iter()
            .all(|part| (part.asked, part.made) == (2, 1)),
        "{of_nested:?}"
    );
}

#[test]
fn people_are_folded_in_if_all_models_do_it() {
    let train = train();
    let given = Train::new(train.events.select(&[3]), &[1.0]);
    let fitted = blend(BlendBy::Rank, &[])
        .fit(&train, &FitContext::new(0))
        .unwrap();
    assert!(fitted.fold_in(&given).unwrap().is_some());
}

/// Recommends c, then b, to everybody.
struct Given(ReadyLists);

impl Recommender for Given {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Lists(&self.0))
    }
}

#[test]
fn ready_lists_count_by_rank_and_what_they_lack_has_no_place() {
    let train = train();
    let blended = |by| {
        let lists = ReadyLists::new([[(2, 9.0), (1, 4.0)]; 3]);
        let model = blend(by, &[]);
        Blended {
            models: vec![Fitted::Own(Box::new(Given(lists)) as Box<dyn Recommender>)],
            rule: Rule {
                weights: vec![1.0],
                ..model.rule()
            },
            histories: train.interactions.clone(),
        }
    };
    // u heard a and b; nobody is above c, and c is above b.
    near(
        &scores(&blended(BlendBy::Rank), &[0]),
        &[[0.0, 1.0 / 3.0, 0.5, 0.0]],
    );
    let refused = blended(BlendBy::Score);
    let refused = refused
        .scores(&Users::new(&[0]))
        .err()
        .expect("lists have no scores");
    assert!(refused.to_string().contains("by = \"rank\""), "{refused}");
}

#[test]
fn what_cannot_be_is_said_with_its_place() {
    let context = CheckContext::new(Path::new(""));
    let of = |json: &str| {
        let blend: Blend = serde_json::from_str(json).unwrap();
        let problems = blend.check(&context).into_iter();
        problems.map(|p| p.parameter).collect::<Vec<_>>()
    };
    assert_eq!(of("{}"), [""; 0]);
    assert_eq!(of(r#"{"weights": [1.0]}"#), ["weights"]);
    assert_eq!(of(r#"{"weights": [1.0, -1.0]}"#), ["weights.1"]);
    assert_eq!(of(r#"{"weights": [0.0, 0.0]}"#), ["weights"]);
    assert_eq!(of(r#"{"offset": -1.0}"#), ["offset"]);
    assert_eq!(of(r#"{"of": [{"als": {}}]}"#), ["of"]);
}
