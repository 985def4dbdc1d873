//! What a model promises that can be saved, or say why.

use std::path::Path;

use ndarray::Array2;

use super::model::{SEED, held_out, rows, same};
use super::promises::Promises;
use crate::{FitContext, Model, Recommender, Result, Tensor, Tensors, Train};

/// What was loaded scores like what was fitted; reasons are of the history and come to the score.
pub(super) fn behavior(
    model: &dyn Model,
    (train, folder): (&Train, &Path),
    scores: &Array2<f64>,
    promises: &mut Promises,
) {
    folded_in(model, folder, promises);
    let Some(saved) = saved(model, (train, folder), promises) else {
        return;
    };
    promises.that(model.unsaved().is_none(), || {
        "`unsaved` says that it cannot be saved, but it can".to_owned()
    });
    let everybody: Vec<u32> = (0..train.n_users() as u32).collect();
    let again = loaded(model, &saved, train, promises, |loaded| {
        let wrong = wrong_reasons(loaded, train, false)?;
        Ok((rows(loaded, &everybody, train)?, wrong))
    });
    let Some((again, wrong)) = again else {
        return;
    };
    explained(wrong, promises);
    let alike = again.is_ok_and(|again| same(&again, scores));
    promises.that(alike, || {
        "saved and loaded it gives other scores".to_owned()
    });
    damaged(model, &saved, train, promises);
}

/// What it saves, copied as a file would be; nothing if it cannot be saved.
fn saved(
    model: &dyn Model,
    (train, folder): (&Train, &Path),
    promises: &mut Promises,
) -> Option<Tensors<'static>> {
    let saved = promises.fallible("saving", || {
        let fitted = model.fit(train, &FitContext::new(SEED).with_base(folder))?;
        Ok(fitted.save().map(Tensors::into_owned))
    });
    saved.flatten()
}

fn loaded<T>(
    model: &dyn Model,
    saved: &Tensors<'static>,
    train: &Train,
    promises: &mut Promises,
    then: impl FnOnce(&dyn Recommender) -> Result<T>,
) -> Option<T> {
    let done = promises.calm("loading what it saved", || {
        let loaded = model.load(saved.clone(), train.interactions.clone())?;
        then(&*loaded)
    })?;
    promises.that(done.is_ok(), || {
        let why = done
            .as_ref()
            .err()
            .map_or(String::new(), ToString::to_string);
        format!("what it saved cannot be loaded and used: {why}")
    });
    done.ok()
}

/// Loading what is not whole fails and does not panic.
fn damaged(model: &dyn Model, saved: &Tensors<'static>, train: &Train, promises: &mut Promises) {
    let all: Vec<(&str, &Tensor)> = saved.iter().collect();
    for (name, _) in &all {
        let others = all.iter().filter(|(other, _)| other != name);
        let rest: Tensors = others
            .map(|(other, tensor)| ((*other).to_owned(), (*tensor).clone()))
            .collect();
        let emptied = Tensor::new(vec![0], Vec::<u8>::new());
        let other: Tensors = rest
            .iter()
            .map(|(other, tensor)| (other.to_owned(), tensor.clone()))
            .chain([((*name).to_owned(), emptied)])
            .collect();
        for (what, saved) in [("without", rest), ("with another", other)] {
            let doing = format!("loading {what} `{name}`");
            let done = promises.calm(&doing, || {
                model.load(saved, train.interactions.clone()).map(|_| ())
            });
            if matches!(done, Some(Ok(()))) {
                promises.that(false, || format!("{doing} is no error"));
                return;
            }
        }
    }
}

/// People it has not learned from get the same from what was loaded.
fn folded_in(model: &dyn Model, folder: &Path, promises: &mut Promises) {
    let (train, given) = held_out(|_| true);
    let everybody: Vec<u32> = (0..given.n_users() as u32).collect();
    let told = |fitted: &dyn Recommender| -> Result<_> {
        let Some(folded) = fitted.fold_in(&given)? else {
            return Ok((None, None));
        };
        let wrong = wrong_reasons(&*folded, &given, true)?;
        Ok((rows(&*folded, &everybody, &given)?.ok(), wrong))
    };
    let before = promises.fallible("folding in and saying why", || {
        told(&*model.fit(&train, &FitContext::new(SEED).with_base(folder))?)
    });
    let Some((before, wrong)) = before else {
        return;
    };
    explained(wrong, promises);
    let Some(saved) = saved(model, (&train, folder), promises) else {
        return;
    };
    let Some((after, wrong)) = loaded(model, &saved, &train, promises, told) else {
        return;
    };
    explained(wrong, promises);
    let alike = match (&before, &after) {
        (Some(before), Some(after)) => same(before, after),
        (before, after) => before.is_none() && after.is_none(),
    };
    promises.that(alike, || {
        "saved and loaded it gives people who are folded in other scores".to_owned()
    });
}

/// The items of a user's history.
fn cells(train: &Train, user: u32) -> Vec<u32> {
    let history = train.interactions.outer_view(user as usize);
    history.map_or(Vec::new(), |history| history.indices().to_vec())
}

fn explained(wrong: Option<String>, promises: &mut Promises) {
    promises.that(wrong.is_none(), || {
        format!("asked why: {}", wrong.unwrap_or_default())
    });
}

/// What is wrong with the reasons of everybody for every item. `exact`: contributions come to the score, or to what
/// is left of it without what somebody without a history has.
fn wrong_reasons(
    recommender: &dyn Recommender,
    train: &Train,
    exact: bool,
) -> Result<Option<String>> {
    let items: Vec<u32> = (0..train.n_items() as u32).collect();
    let heard = |user: u32| cells(train, user);
    let mut everybody = 0..train.n_users() as u32;
    let without = match everybody.find(|&user| heard(user).is_empty()) {
        Some(user) => rows(recommender, &[user], train)?.ok(),
        None => None,
    };
    for user in 0..train.n_users() as u32 {
        let Some(all) = recommender.why(user, &items)? else {
            continue;
        };
        if all.len() != items.len() {
            return Ok(Some(format!(
                "reasons for {} of {} items",
                all.len(),
                items.len()
            )));
        }
        let Ok(scores) = rows(recommender, &[user], train)? else {
            // Said elsewhere.
            return Ok(None);
        };
        let largest = scores
            .iter()
            .fold(0.0, |largest: f64, score| largest.max(score.abs()));
        let history = heard(user);
        for (item, (reasons, &score)) in all.iter().zip(scores.row(0)).enumerate() {
            if let Some((item, _)) = reasons.iter().find(|(item, _)| !history.contains(item)) {
                return Ok(Some(format!("item {item} is a reason, but was not heard")));
            }
            if !reasons.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0)) {
                return Ok(Some(
                    "reasons are not ordered, the largest first".to_owned(),
                ));
            }
            let sum: f64 = reasons.iter().map(|(_, contribution)| contribution).sum();
            let size: f64 = reasons
                .iter()
                .map(|(_, contribution)| contribution.abs())
                .sum();
            let near = |score: f64| (sum - score).abs() <= 1e-4 * size.max(largest);
            let more = without.as_ref().map_or(0.0, |scores| scores[(0, item)]);
            if exact && !near(score) && !near(score - more) {
                return Ok(Some(format!(
                    "contributions are {sum} in all, the score is {score}"
                )));
            }
        }
    }
    Ok(None)
}
