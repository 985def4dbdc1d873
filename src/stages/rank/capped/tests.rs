//! Lists under `[rules]` against going down the complete ranking.

use musicrec_api::{Recommender, Result, RowScorer, Scores, Users};
use ndarray::{Array2, ArrayViewMut2};

use super::super::{Asked, rank, rank_cut};
use crate::stages::fold::Ragged;
use crate::stages::rules::{Cap, Limits, limits_of};

/// The same scores, told in each of the ways in which models tell them.
enum Told {
    Factors(Array2<f32>, Array2<f32>),
    Rows(Array2<f32>),
    Everybody(Vec<f64>),
}

impl RowScorer for Told {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        let Self::Rows(rows) = self else {
            unreachable!("asked for rows")
        };
        for (mut out, &user) in out.rows_mut().into_iter().zip(users) {
            out.assign(&rows.row(user as usize));
        }
    }
}

impl Recommender for Told {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(match self {
            Self::Factors(users, items) => Scores::Factors {
                users: users.view(),
                items: items.view(),
            },
            Self::Rows(_) => Scores::Rows(self),
            Self::Everybody(scores) => Scores::Everybody(scores),
        })
    }
}

/// All of a ranking: the better first, of equal ones the smaller item.
fn ranking(scores: &[f64], masked: &[u32], limits: &Limits) -> Vec<(u32, f64)> {
    let all = (0..).zip(scores.iter().copied());
    let shown = |item: &u32| !masked.contains(item) && !limits.hidden.contains(item);
    let mut all: Vec<(u32, f64)> = all.filter(|(item, _)| shown(item)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

/// Going down a ranking, and leaving out an item of whose value there are so many already.
fn filtered(ranking: &[(u32, f64)], caps: &[Cap], depth: usize) -> Vec<(u32, f64)> {
    let mut list: Vec<(u32, f64)> = Vec::new();
    for &(item, score) in ranking {
        let full = |cap: &Cap| {
            let value = cap.of_item[item as usize];
            let same = |(other, _): &&(u32, f64)| cap.of_item[*other as usize] == value;
            value != u32::MAX && list.iter().filter(same).count() >= cap.most
        };
        if list.len() < depth && !caps.iter().any(full) {
            list.push((item, score));
        }
    }
    list
}

/// Whether some item that is not on the list would be there, were it the first of its score, and that is the score of
/// the last place.
fn tied(ranking: &[(u32, f64)], caps: &[Cap], depth: usize) -> bool {
    let list = filtered(ranking, caps, depth);
    let Some(&(_, last)) = list.last() else {
        return false;
    };
    let out = ranking
        .iter()
        .filter(|of| of.1 == last && !list.contains(of));
    out.copied().any(|of| {
        let (mut before, after): (Vec<_>, Vec<_>) =
            ranking.iter().partition(|(_, score)| *score > last);
        before.push(of);
        before.extend(after.into_iter().filter(|other| *other != of));
        filtered(&before, caps, depth).contains(&of)
    })
}

/// Reproducible numbers without meaning.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

#[test]
fn lists_are_those_of_the_complete_ranking_gone_down() {
    let mut next = numbers();
    for (n_users, n_items, values, spread, depth) in [
        (1, 1, 1, 1, 1),
        (5, 9, 2, 2, 3),
        (70, 60, 5, 3, 4),
        (66, 300, 40, 50, 10),
        // Few values of many items: lists stay short, and for two columns it cannot be told how short.
        (40, 900, 3, 4, 10),
        // Deeper than lists are kept in order.
        (9, 1500, 700, 9, 400),
        (65, 120, 1, 2, 120),
    ] {
        let whole = |rows: usize, next: &mut dyn FnMut(u64) -> u64| {
            Array2::from_shape_fn((rows, 3), |_| next(2 * spread + 1) as f32 - spread as f32)
        };
        let (users, items) = (whole(n_users, &mut next), whole(n_items, &mut next));
        let product = users.dot(&items.t());
        let first: Vec<f64> = product.row(0).iter().map(|s| f64::from(*s)).collect();
        let column = |next: &mut dyn FnMut(u64) -> u64| -> Vec<Option<u64>> {
            let value = |_| Some(next(values)).filter(|_| next(6) > 0);
            (0..n_items).map(value).collect()
        };
        let columns = [column(&mut next), column(&mut next)];
        let hidden: Vec<u32> = (0..n_items as u32).filter(|_| next(5) == 0).collect();
        let asked: Vec<u32> = (0..n_users as u32 + 3)
            .map(|user| user * 7 % n_users as u32)
            .collect();
        for (hide, mosts) in [
            (false, vec![1]),
            (true, vec![2]),
            (true, vec![1, 2]),
            (true, vec![]),
        ] {
            let hidden = if hide { hidden.clone() } else { Vec::new() };
            let limits = limits_of(hidden, mosts.into_iter().zip(&columns));
            let mut heard = Ragged::default();
            for at in 0..asked.len() {
                // One has heard everything, some nothing.
                let share = [0, 3, 8][at % 3];
                let all = 0..n_items as u32;
                heard.push(all.filter(|i| limits.shows(*i) && (at == 4 || next(10) < share)));
            }
            for model in [
                Told::Factors(users.clone(), items.clone()),
                Told::Rows(product.clone()),
                Told::Everybody(first.clone()),
            ] {
                let name = |user: u32| user.to_string();
                let shape = (n_items, depth);
                let lists = rank(&model, &asked, (&heard, &limits), shape, &name).unwrap();
                assert_eq!(lists.tied.len(), asked.len());
                for (at, &user) in asked.iter().enumerate() {
                    let scores: Vec<f64> = match model {
                        Told::Everybody(_) => first.clone(),
                        _ => product
                            .row(user as usize)
                            .iter()
                            .map(|s| f64::from(*s))
                            .collect(),
                    };
                    let ranking = ranking(&scores, heard.get(at), &limits);
                    let what = format!("{n_items} items, {} rules, user {at}", limits.caps.len());
                    let list = filtered(&ranking, &limits.caps, depth);
                    assert_eq!(lists.ranked.get(at), list, "{what}");
                    let is_tied = if limits.caps.is_empty() {
                        ranking.len() > depth && ranking[depth].1 == ranking[depth - 1].1
                    } else {
                        tied(&ranking, &limits.caps, depth)
                    };
                    assert_eq!(lists.tied[at], is_tied, "{what}");
                }
            }
        }
    }
}

#[test]
fn what_few_items_of_a_value_cut_off_is_not_told() {
    let column = vec![Some(0), Some(0)];
    let limits = limits_of(Vec::new(), [(1, &column)]);
    let mut heard = Ragged::default();
    heard.push([]);
    let mut targets = Ragged::default();
    targets.push([(0, 1.0)]);
    let asked = Asked {
        heard: &heard,
        targets: Some(&targets),
        limits: &limits,
    };
    let model = Told::Everybody(vec![1.0, 1.0]);
    let error = rank_cut(&model, &[0], asked, (2, 1), &|_| String::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot be together with [rules.at_most]"),
        "{error}"
    );
}
