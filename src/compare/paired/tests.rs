//! Paired comparisons, with numbers from elsewhere.

use ndarray::{Array2, Axis};

use super::{AFFORDABLE, Difference, FLIPS, Method, Pairs, every_pair, pair};
use crate::compare::{Correction, bootstrap};

const A: [f64; 12] = [
    0.5, 0.63, 1.0, 0.0, 0.0, 0.39, 0.31, 0.5, 0.77, 0.0, 0.2, 0.9,
];
const B: [f64; 12] = [0.31, 0.5, 0.2, 0.0, 0.1, 0.1, 0.31, 0.0, 0.5, 0.3, 0.0, 0.4];

fn columns(columns: &[&[f64]]) -> Array2<f64> {
    Array2::from_shape_fn((columns[0].len(), columns.len()), |(user, column)| {
        columns[column][user]
    })
}

/// The p-values of all pairs of columns.
fn randomization(values: &Array2<f64>, seed: u64) -> Option<Vec<f64>> {
    let pairs = every_pair(values.ncols());
    super::randomization(values, &pairs, FLIPS.max(100 * pairs.len()), seed)
}

/// Each column a variant without seeds.
fn pairs(values: &Array2<f64>) -> Pairs {
    let columns = (0..values.ncols()).map(|at| values.select(Axis(1), &[at]));
    Pairs::new(columns.collect(), 1)
}

fn difference(values: &Array2<f64>, a: usize, b: usize) -> Difference {
    let samples = bootstrap(values, 2_000, 4);
    pairs(values).difference(a, b, &samples[a], &samples[b])
}

#[test]
fn p_is_that_of_all_sign_flips() {
    // scipy 1.17.1: permutation_test((a - b,), mean, permutation_type="samples",
    // n_resamples=inf).pvalue, all 4,096 flips.
    let p = randomization(&columns(&[&A, &B]), 1).expect("affordable")[0];
    assert!((p - 0.035_156_25).abs() < 0.006, "{p}");
    // Every flip of a tie in absolute value counts: of +1 and -1 all four flips reach 0.
    let tied = columns(&[&[1.0, 0.0], &[0.0, 1.0]]);
    assert_eq!(randomization(&tied, 1), Some(vec![1.0]));
    // Ten users who all gain the same: 2 of 1,024 flips reach it.
    let same = columns(&[&[0.63; 10], &[0.5; 10]]);
    let p = randomization(&same, 1).expect("affordable")[0];
    assert!((p - 2.0 / 1_024.0).abs() < 0.001_5, "{p}");
}

#[test]
fn flips_do_not_depend_on_what_else_is_compared() {
    let c: Vec<f64> = A.iter().map(|a| a * a).collect();
    let two = randomization(&columns(&[&A, &B]), 3).expect("affordable");
    let three = randomization(&columns(&[&A, &B, &c]), 3).expect("affordable");
    assert_eq!(two[0], three[pair(0, 1)]);
    assert_ne!(two[0], three[pair(1, 2)]);
}

#[test]
fn many_variants_get_enough_flips_for_their_adjustment() {
    // 20 variants, of which each gains on all 40 users over the one before: 190 pairs.
    let values = Array2::from_shape_fn((40, 20), |(user, column)| {
        (column * 50 + user) as f64 / 1_000.0
    });
    let p = randomization(&values, 1).expect("affordable");
    assert!(p.iter().all(|p| *p < 1.0 / 19_000.0), "{p:?}");
    let p: Vec<Option<f64>> = p.into_iter().map(Some).collect();
    let adjusted = Correction::Holm.adjust(&p);
    assert!(adjusted.iter().all(|p| p.is_some_and(|p| p < 0.02)));
}

#[test]
fn t_answers_where_flips_cost_too_much() {
    let values = columns(&[&A, &B]);
    let flips = AFFORDABLE / 20 + 1;
    assert_eq!(super::randomization(&values, &[(0, 1)], flips, 1), None);
    let pairs = pairs(&values);
    // scipy 1.17.1: ttest_rel(a, b).pvalue
    let p = pairs.t()[0].expect("a p-value");
    assert!((p - 0.035_130_976_478_300_85).abs() < 1e-9, "{p}");
}

#[test]
fn a_difference_has_its_size() {
    let d = difference(&columns(&[&A, &B]), 0, 1);
    // numpy: d.mean(), d.mean() / d.std(ddof=1), d.mean() / b.mean()
    assert!((d.value - 0.206_666_666_666_666_67).abs() < 1e-12);
    assert!((d.dz.expect("dz") - 0.693_291_378_155_520_2).abs() < 1e-9);
    assert!((d.relative.expect("relative") - 0.911_764_705_882_352_9).abs() < 1e-9);
    assert_eq!((d.wins, d.ties, d.losses), (8, 2, 2));
    assert_eq!((d.informative, d.method), (true, Method::Randomization));
    let (low, high) = (d.low.expect("low"), d.high.expect("high"));
    assert!((low + high - 2.0 * d.value).abs() < 1e-12 && low > 0.0 && high < 0.42);
    let back = difference(&columns(&[&A, &B]), 1, 0);
    let base = A.iter().sum::<f64>() / 12.0;
    let reversed = d.reversed(base);
    assert!((back.value - reversed.value).abs() < 1e-12 && back.p == reversed.p);
    assert!((back.low.expect("low") - reversed.low.expect("low")).abs() < 1e-12);
    assert_eq!((back.wins, back.losses), (reversed.wins, reversed.losses));
    assert!((back.relative.expect("r") - reversed.relative.expect("r")).abs() < 1e-12);
}

#[test]
fn few_who_differ_give_no_answer() {
    let d = difference(&columns(&[&A[..10], &B[..10]]), 0, 1);
    assert_eq!(
        (d.wins + d.losses, d.informative, d.p, d.low),
        (8, false, None, None)
    );
    assert_eq!(d.method, Method::None);
    let same = difference(&columns(&[&A, &A]), 0, 1);
    assert_eq!((same.value, same.dz, same.p), (0.0, None, None));
    let nothing = difference(&columns(&[&A, &[0.0; 12]]), 0, 1);
    assert_eq!(nothing.relative, None);
}

#[test]
fn seeds_are_not_users() {
    // With each of five seeds four other users of 100 have a hit, and nobody without seeds.
    let five = Array2::from_shape_fn((100, 5), |(user, seed)| f64::from(user / 4 == seed));
    let pairs = Pairs::new(vec![five, Array2::zeros((100, 1))], 1);
    let d = pairs.difference(0, 1, &[0.04; 10], &[0.0; 10]);
    assert_eq!((d.wins, d.differing, d.p), (20, 4.0, None));
    assert!(!d.informative);
    assert!((d.value - 0.04).abs() < 1e-12);
}

#[test]
fn rounding_is_a_tie() {
    // The same three seeds in another order, for 50 users; 12 of the others do differ.
    let of = |seeds: [f64; 3], plus: f64| {
        let value = (seeds[0] + seeds[1] + seeds[2]) / 3.0;
        Array2::from_shape_fn((100, 1), |(user, _)| match user {
            0..50 => value,
            50..62 => 0.5 + plus,
            _ => 0.0,
        })
    };
    let of = |plus| vec![of([0.1, 0.2, 0.3], 0.0), of([0.3, 0.2, 0.1], plus)];
    let difference = |plus| {
        let pairs = Pairs::new(of(plus), 1);
        pairs.difference(0, 1, &[0.0; 10], &[0.0; 10])
    };
    let none = difference(0.0);
    assert_eq!((none.wins, none.ties, none.losses), (0, 100, 0));
    assert_eq!(
        (none.differing, none.informative, none.p),
        (0.0, false, None)
    );
    assert_eq!((none.value, none.dz), (0.0, None));
    let some = difference(0.25);
    assert_eq!((some.wins, some.ties, some.losses), (0, 88, 12));
    assert_eq!((some.differing, some.informative), (12.0, true));
}

#[test]
fn a_mean_over_seeds_needs_what_one_seed_shows() {
    // With each seed ten other users have a hit, with the single run four: 10 against 4.
    let of = |seeds: usize| {
        let hits = |(user, seed): (usize, usize)| f64::from(user / 10 == seed);
        let five = Array2::from_shape_fn((100, seeds), hits);
        let single = Array2::from_shape_fn((100, 1), |(user, _)| f64::from(user >= 96));
        let pairs = Pairs::new(vec![five, single], 1);
        pairs.difference(0, 1, &[0.1; 10], &[0.04; 10])
    };
    let p = |seeds| of(seeds).p.expect("enough users differ");
    // scipy 1.17.1: binomtest(4, 14).pvalue
    assert!((p(1) - 0.179_565).abs() < 0.015, "{}", p(1));
    // Means over the seeds alone would say .015, by 200,000 flips of NumPy.
    assert!((p(5) - 0.179_565).abs() < 0.015, "{}", p(5));
}

#[test]
fn what_could_have_been_shown_grows_with_the_family() {
    let d = difference(&columns(&[&A, &B]), 0, 1);
    let error = d.value / d.dz.expect("dz") / 12.0_f64.sqrt();
    let multiple = |family| d.in_family(Some(0.04), family).detectable.expect("it") / error;
    // scipy 1.17.1: norm.ppf(1 - .025 / m) + norm.ppf(.8), m = 1 and 10
    assert!((multiple(1) - 2.801_585_218).abs() < 1e-6);
    assert!(
        (multiple(10) - 3.648_655_002).abs() < 1e-6,
        "{}",
        multiple(10)
    );
    assert!(d.in_family(Some(0.04), 1).is_gain());
    assert!(!d.in_family(Some(0.06), 1).is_gain());
}
