//! What a model promises.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array2;

use super::logs::{alone, events};
use super::promises::{Promises, THREADS, on_threads};
use super::{saving, sharing, steps};
use crate::{
    Error, Events, FitContext, Model, ReadyLists, Recommender, Result, Scores, Shape, Train, Users,
};

pub(super) const SEED: u64 = 7;

/// Whether it could be tried at all.
pub(super) fn behavior(model: &dyn Model, folder: &Path, promises: &mut Promises) -> bool {
    let train = weighed(&events(), |event| 1.0 + (event % 3) as f64);
    names_its_files(model, folder, promises);
    let scores = score(model, &train, folder, "the kit's log", promises);
    if let Some(scores) = &scores {
        if same_again(model, &train, folder, scores, promises) {
            whoever_is_asked(model, &train, folder, scores, promises);
            sharing::behavior(model, (&train, folder), scores, promises);
            saving::behavior(model, (&train, folder), scores, promises);
            steps::behavior(model, folder, promises);
        }
        stops(model, &train, folder, promises);
        folds_in(model, folder, promises);
    }
    odd(model, folder, promises);
    costs(model, promises);
    scores.is_some()
}

/// What it reads is called the same each time.
fn names_its_files(model: &dyn Model, folder: &Path, promises: &mut Promises) {
    let mut name = || promises.fallible("naming its files", || model.fingerprint(folder));
    let (first, again) = (name(), name());
    promises.that(first == again, || {
        format!("its fingerprint was {first:?}, then {again:?}: records would not be found")
    });
}

fn weighed(events: &Events, weight: impl Fn(usize) -> f64) -> Train {
    let (events, _, _) = events.compact();
    let weights: Vec<f64> = (0..events.len()).map(weight).collect();
    Train::new(events, &weights)
}

/// Data that a model may refuse, but must not choke on.
fn odd(model: &dyn Model, folder: &Path, promises: &mut Promises) {
    let whole = events();
    let pick = |holds: &dyn Fn(usize) -> bool| -> Events {
        let chosen = (0..whole.len()).filter(|&e| holds(e));
        alone(&whole, &chosen.map(|e| e as u32).collect::<Vec<_>>())
    };
    let pairs = Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")]);
    let nobody = |e: usize| f64::from(whole.user[e] != 0 && whole.item[e] != 0);
    let cases = [
        (
            "no interactions at all",
            weighed(&Events::default(), |_| 1.0),
        ),
        ("events that all have weight 0", weighed(&whole, |_| 0.0)),
        (
            "a user and an item without any interaction",
            weighed(&whole, nobody),
        ),
        (
            "a single user",
            weighed(&pick(&|e| whole.user[e] == 0), |_| 1.0),
        ),
        (
            "a single item",
            weighed(&pick(&|e| whole.item[e] == 0), |_| 1.0),
        ),
        ("a single interaction", weighed(&pick(&|e| e == 0), |_| 1.0)),
        (
            "pairs of users and items and nothing else",
            weighed(&pairs, |_| 1.0),
        ),
        (
            "very small and very large weights",
            weighed(&whole, |e| [1e-6, 1.0, 1e6][e % 3]),
        ),
    ];
    for (what, train) in cases {
        score(model, &train, folder, what, promises);
    }
}

/// The scores of everybody, unless the data is refused. They must be finite and as many as asked.
fn score(
    model: &dyn Model,
    train: &Train,
    folder: &Path,
    what: &str,
    promises: &mut Promises,
) -> Option<Array2<f64>> {
    let recommender = promises.fallible(&format!("fitting on {what}"), || {
        on_threads(1, || {
            model.fit(train, &FitContext::new(SEED).with_base(folder))
        })
    })?;
    let everybody: Vec<u32> = (0..train.n_users() as u32).collect();
    let doing = format!("scoring after {what}");
    promises.fallible(&doing, || rows(&*recommender, &[], train).map(|_| ()));
    let scores = promises.fallible(&doing, || rows(&*recommender, &everybody, train))?;
    match scores {
        Err(wrong) => {
            promises.that(false, || format!("{doing}: {wrong}"));
            None
        }
        Ok(scores) => {
            let bad = scores.iter().find(|s| !s.is_finite());
            promises.that(bad.is_none(), || {
                format!("{doing}: a score is {}", bad.unwrap_or(&f64::NAN))
            });
            Some(scores)
        }
    }
}

/// One row of scores for each user asked, or what is wrong with their shape.
pub(super) fn rows(
    recommender: &dyn Recommender,
    asked: &[u32],
    train: &Train,
) -> Result<std::result::Result<Array2<f64>, String>> {
    let (users, items) = (train.n_users(), train.n_items());
    let shape = (asked.len(), items);
    Ok(match recommender.scores(&Users::new(asked))? {
        Scores::Everybody(scores) if scores.len() == items => {
            Ok(Array2::from_shape_fn(shape, |(_, item)| scores[item]))
        }
        Scores::Everybody(scores) => Err(format!("{} scores for {items} items", scores.len())),
        Scores::Factors { users: x, items: y } => {
            if (x.nrows(), y.nrows()) != (users, items) || x.ncols() != y.ncols() {
                Err(format!(
                    "factors of {:?} and {:?} for {users} users and {items} items",
                    x.dim(),
                    y.dim()
                ))
            } else {
                Ok(Array2::from_shape_fn(shape, |(at, item)| {
                    let user = x.row(asked[at] as usize);
                    user.iter()
                        .zip(y.row(item))
                        .map(|(a, b)| f64::from(*a) * f64::from(*b))
                        .sum()
                }))
            }
        }
        Scores::Rows(scorer) => {
            // What is left unfilled shows as NaN.
            let mut out = Array2::from_elem(shape, f32::NAN);
            scorer.score(asked, out.view_mut());
            Ok(out.mapv(f64::from))
        }
        Scores::Lists(lists) => ready(lists, asked, shape),
    })
}

/// Lists as rows, in which what is not recommended is below all that is.
fn ready(
    lists: &ReadyLists,
    asked: &[u32],
    shape: (usize, usize),
) -> std::result::Result<Array2<f64>, String> {
    let mut out = Array2::from_elem(shape, f64::MIN);
    for (mut row, &user) in out.rows_mut().into_iter().zip(asked) {
        if let Some(fault) = lists.fault(user, shape.1) {
            return Err(format!("the list of user number {user}: {fault}"));
        }
        for &(item, score) in lists.get(user).into_iter().flatten() {
            row[item as usize] = score;
        }
    }
    Ok(out)
}

fn same_again(
    model: &dyn Model,
    train: &Train,
    folder: &Path,
    scores: &Array2<f64>,
    promises: &mut Promises,
) -> bool {
    let everybody: Vec<u32> = (0..train.n_users() as u32).collect();
    let mut with = |seed: u64, train: &Train, threads: usize| {
        let scores = promises.fallible("fitting again", || {
            on_threads(threads, || {
                let recommender = model.fit(train, &FitContext::new(seed).with_base(folder))?;
                rows(&*recommender, &everybody, train)
            })
        });
        scores.and_then(std::result::Result::ok)
    };
    let mut differ = Vec::new();
    for threads in THREADS {
        if !with(SEED, train, threads).is_some_and(|again| same(&again, scores)) {
            differ.push(threads.to_string());
        }
    }
    let other = with(SEED + 1, train, 1);
    let seed_matters = other.is_some_and(|other| !same(&other, scores));
    let reweighed = Train::new(train.events.clone(), &vec![5.0; train.events.len()]);
    let weights_matter = with(SEED, &reweighed, 1).is_some_and(|other| !same(&other, scores));
    promises.that(differ.is_empty(), || {
        format!(
            "fitted again with the same seed it gives other scores (threads: {}); draw only from \
             `musicrec_api::rng(context.seed)`, and sum in an order that no thread decides",
            differ.join(", ")
        )
    });
    let steady = differ.is_empty();
    if steady {
        promises.that(model.is_stochastic() || !seed_matters, || {
            "another seed gives other scores, but `is_stochastic` says that it does not".to_owned()
        });
        promises.that(!model.is_stochastic() || seed_matters, || {
            "`is_stochastic` says that another seed gives other scores, but it does not".to_owned()
        });
        promises.that(model.reads_weights() || !weights_matter, || {
            "other weights give other scores, but `reads_weights` says that they do not matter"
                .to_owned()
        });
    }
    steady
}

/// A user's scores do not depend on who else is asked.
fn whoever_is_asked(
    model: &dyn Model,
    train: &Train,
    folder: &Path,
    scores: &Array2<f64>,
    promises: &mut Promises,
) {
    let groups: [Vec<u32>; 3] = [
        vec![0],
        (0..train.n_users() as u32).skip(1).step_by(2).collect(),
        vec![train.n_users() as u32 - 1],
    ];
    for asked in groups {
        let found = promises.fallible("scoring some users", || {
            let recommender = model.fit(train, &FitContext::new(SEED).with_base(folder))?;
            rows(&*recommender, &asked, train)
        });
        let Some(Ok(found)) = found else { continue };
        let alike = asked.iter().zip(found.rows()).all(|(&user, row)| {
            let whole = scores.row(user as usize);
            row.iter()
                .zip(whole)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        });
        promises.that(alike, || {
            "a user's scores depend on which other users are asked in the same call".to_owned()
        });
    }
}

/// Whoever asks it to stop gets that, or a result, but nothing else.
fn stops(model: &dyn Model, train: &Train, folder: &Path, promises: &mut Promises) {
    let flag = AtomicBool::new(true);
    let ended = promises.calm("being stopped", || {
        let context = FitContext::new(SEED).with_base(folder).with_cancel(&flag);
        model.fit(train, &context).map(|_| ())
    });
    promises.that(
        matches!(ended, None | Some(Ok(()) | Err(Error::Cancelled))),
        || {
            "asked to stop, it fails with an error of its own; give that of \
         `context.check_cancelled()?` back"
                .to_owned()
        },
    );
}

/// What is learned from half of the people, and what is told of those others who are chosen.
pub(super) fn held_out(chosen: impl Fn(u32) -> bool) -> (Train, Train) {
    let whole = events();
    let of = |holds: &dyn Fn(u32) -> bool| -> Vec<u32> {
        let all = 0..whole.len() as u32;
        all.filter(|&e| holds(whole.user[e as usize])).collect()
    };
    let (fit, _, items) = whole.select(&of(&|user| user % 2 == 0)).compact();
    let weights: Vec<f64> = (0..fit.len()).map(|e| 1.0 + (e % 3) as f64).collect();
    let train = Train::new(fit, &weights);
    let history = whole.select(&of(&|user| user % 2 == 1 && chosen(user)));
    let (told, _, users) = history.told_to(&train.events, &items);
    // A person's weights are the same whoever else there is; those of user 1 are 0.
    let weight = |&user: &u32| f64::from(users[user as usize] != 1) * 2.0;
    let weights: Vec<f64> = told.user.iter().map(weight).collect();
    (train, Train::new(told, &weights))
}

/// People it has not learned from, if it answers for them.
fn folds_in(model: &dyn Model, folder: &Path, promises: &mut Promises) {
    let (train, all) = held_out(|_| true);
    let given = |holds: fn(u32) -> bool| held_out(holds).1;
    let mut fold_in = |given: &Train, threads: usize, what: &str| -> Option<Array2<f64>> {
        let everybody: Vec<u32> = (0..given.n_users() as u32).collect();
        let doing = format!("folding in {what}");
        let scores = promises.fallible(&doing, || {
            on_threads(threads, || {
                let fitted = model.fit(&train, &FitContext::new(SEED).with_base(folder))?;
                let folded = fitted.fold_in(given)?;
                folded
                    .map(|folded| rows(&*folded, &everybody, given))
                    .transpose()
            })
        });
        let scores = scores.flatten()?;
        let bad = scores
            .as_ref()
            .ok()
            .and_then(|s| s.iter().find(|s| !s.is_finite()));
        promises.that(bad.is_none(), || {
            format!("{doing}: a score is {}", bad.unwrap_or(&f64::NAN))
        });
        promises.that(scores.is_ok(), || {
            format!(
                "{doing}: {}",
                scores.as_ref().err().map_or("", |wrong| wrong)
            )
        });
        scores.ok()
    };
    let Some(scores) = fold_in(&all, 1, "people it has not learned from") else {
        return;
    };
    fold_in(&given(|_| false), 1, "nobody");
    let again: Vec<_> = THREADS
        .map(|threads| fold_in(&all, threads, "the same people again"))
        .into();
    let some = given(|user| user % 4 == 1);
    let of_some = fold_in(&some, 1, "some of the people");
    let steady = again
        .iter()
        .all(|again| again.as_ref().is_some_and(|again| same(again, &scores)));
    promises.that(steady, || {
        "folding in the same people again, or on more threads, gives other scores".to_owned()
    });
    let place = |id: &str| all.events.users.iter().position(|other| other == id);
    let alike = of_some.is_some_and(|of_some| {
        let rows = some.events.users.iter().zip(of_some.rows());
        rows.into_iter().all(|(id, row)| {
            let whole = place(id).map(|at| scores.row(at));
            whole.is_some_and(|whole| {
                row.iter()
                    .zip(whole)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            })
        })
    });
    promises.that(alike || !steady, || {
        "the scores of a person who is folded in depend on who else is".to_owned()
    });
}

fn costs(model: &dyn Model, promises: &mut Promises) {
    for shape in [
        Shape::new(0, 0, 0),
        Shape::new(1, 1, 1),
        Shape::new(100_000, 1_000_000, 10_000_000),
    ] {
        let cost = promises.calm("telling what a fit costs", || model.cost(&shape));
        if let Some(Some(cost)) = cost {
            let fine = |v: f64| v.is_finite() && v >= 0.0;
            promises.that(fine(cost.operations) && fine(cost.bytes), || {
                format!("the cost of {shape:?} is {cost:?}")
            });
        }
    }
}

pub(super) fn same(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
