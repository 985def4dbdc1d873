use std::num::NonZeroUsize;

use musicrec_api::{Events, FitContext, Fraction, Model, NonNegative, Train};
use ndarray::{Array2, array};

use super::Markov;
use crate::times::tests::{positive, train};
use crate::train::tests::{scores, told};

/// u: a b b a c; v: b c a; both a day apart, v with a pause of three days before a. w: c.
const LOG: [(&str, &str, i64); 9] = [
    ("u", "c", 5),
    ("u", "b", 2),
    ("u", "a", 1),
    ("u", "b", 3),
    ("u", "a", 4),
    ("v", "b", 1),
    ("v", "a", 5),
    ("v", "c", 2),
    ("w", "c", 9),
];

fn model(ahead: usize, last: usize) -> Markov {
    Markov {
        ahead: NonZeroUsize::new(ahead).unwrap(),
        last: NonZeroUsize::new(last).unwrap(),
        decay: Fraction::new(0.5).unwrap(),
        shrink: NonNegative::new(0.0).unwrap(),
        ..Markov::default()
    }
}

fn fitted(model: &Markov) -> Array2<f32> {
    let train = train(&LOG);
    scores(&*model.fit(&train, &FitContext::new(0)).unwrap(), &train)
}

#[test]
fn a_chain_counts_what_comes_next() {
    // a: b, c; b: a, c; c: a.
    let chain = array![[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]];
    assert_eq!(fitted(&model(1, 1)), chain);
    // The last two, of which the earlier counts a third: c and a, a and c, c.
    let two = array![
        [2.0 / 3.0, 0.5 / 3.0, 0.5 / 3.0],
        [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
        [1.0, 0.0, 0.0]
    ];
    let apart = (fitted(&model(1, 2)) - two).mapv(f32::abs);
    assert!(apart.iter().all(|&apart| apart < 1e-6), "{apart}");
}

#[test]
fn rules_look_further_ahead_and_an_item_does_not_follow_itself() {
    // a: b 1, c 1 (and after b, a: c 1/3); b: a 1 + 1/2, c 1/2 + 1; c: a 1.
    let rules = fitted(&model(3, 1));
    let a = 7.0 / 3.0;
    let expected = array![
        [1.0, 0.0, 0.0],
        [0.0, 1.0 / a, 4.0 / 3.0 / a],
        [1.0, 0.0, 0.0]
    ];
    let apart = (rules - expected).mapv(f32::abs);
    assert!(apart.iter().all(|&apart| apart < 1e-6), "{apart}");
}

#[test]
fn nothing_follows_across_a_pause() {
    let days = |days: f64| Markov {
        session_gap_hours: Some(positive(24.0 * days)),
        ..model(1, 1)
    };
    // Three days end nothing if that much is allowed; else nothing comes after c.
    assert_eq!(fitted(&days(3.0)), fitted(&model(1, 1)));
    // Of seven pairs of users and items two are with a, two with b, three with c.
    let popular = [2.0 / 7.0, 2.0 / 7.0, 3.0 / 7.0];
    assert_eq!(
        fitted(&days(2.9)),
        array![popular, [0.0, 0.5, 0.5], popular]
    );
}

#[test]
fn the_rest_of_a_list_is_what_is_popular() {
    let shrunk = Markov {
        shrink: NonNegative::new(2.0).unwrap(),
        followers: NonZeroUsize::MIN,
        ..model(1, 1)
    };
    // Of four followers of a, two added ones included, one is b, and as many are c, of which the first is kept.
    let [a, b, c] = [2.0 / 7.0, 2.0 / 7.0, 3.0 / 7.0];
    let third = 2.0 / 3.0;
    let after_c = [1.0 / 3.0 + third * a, third * b, third * c];
    let expected: Array2<f32> = array![after_c, [0.5 * a, 0.25 + 0.5 * b, 0.5 * c], after_c];
    let apart = (fitted(&shrunk) - expected).mapv(f32::abs);
    assert!(apart.iter().all(|&apart| apart < 1e-6), "{apart}");
}

#[test]
fn events_of_weight_0_are_no_part_of_a_sequence() {
    let mut events = Events::from_pairs([("u", "a"), ("u", "b"), ("u", "c")]);
    events.time = vec![1, 2, 3].into();
    let train = Train::new(events, &[1.0, 0.0, 1.0]);
    let fitted = model(1, 5).fit(&train, &FitContext::new(0)).unwrap();
    // After a, which counts a third, c; after c popularity alone, in which b has its share.
    let of = 2.0 / 3.0 / 3.0;
    let apart = (scores(&*fitted, &train) - array![[of, of, 1.0 / 3.0 + of]]).mapv(f32::abs);
    assert!(apart.iter().all(|&apart| apart < 1e-6), "{apart}");
}

#[test]
fn reasons_are_the_last_items() {
    let train = train(&LOG);
    let fitted = model(1, 2).fit(&train, &FitContext::new(0)).unwrap();
    // u's last is c, which a follows, and before that a, which b and c follow and which counts a third.
    let reasons = fitted.why(0, &[0, 1]).unwrap().unwrap();
    let [after_c, after_a] = [reasons[0][0], reasons[1][0]];
    assert_eq!((after_c.0, after_a.0), (2, 0));
    assert!((after_c.1 - 2.0 / 3.0).abs() < 1e-6, "{reasons:?}");
    assert!((after_a.1 - 0.5 / 3.0).abs() < 1e-6, "{reasons:?}");
}

#[test]
fn people_are_folded_in_by_their_last_items() {
    let train = train(&LOG);
    let fitted = model(1, 1).fit(&train, &FitContext::new(0)).unwrap();
    let given = told(&train, &[("x", "a", 7), ("x", "b", 6), ("y", "c", 8)]);
    let folded = fitted.fold_in(&given).unwrap().unwrap();
    let expected = array![[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]];
    assert_eq!(scores(&*folded, &given), expected);
}
