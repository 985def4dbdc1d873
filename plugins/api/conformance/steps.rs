//! What a model promises that learns in steps: measured on the way it is what it says.

use std::path::Path;

use ndarray::Array2;
use serde_json::{Value, json};

use super::model::{SEED, held_out, rows, same};
use super::promises::{Promises, on_threads};
use crate::{Checkpoints, Error, FitContext, Model, Recommender, Result, Steps, Train, Users};

/// So many steps are tried, if the model can have so many.
const FEW: usize = 4;

/// What the error says that is to end a fit.
const STOP: &str = "whoever looks at the fit has seen enough";

/// What people are recommended after so many steps.
struct State {
    scores: Array2<f64>,
    /// For people it has not learned from, if it answers for them.
    folded: Option<Array2<f64>>,
}

pub(super) fn behavior(model: &dyn Model, folder: &Path, promises: &mut Promises) {
    let Some(Some(steps)) = promises.calm("telling its steps", || model.steps()) else {
        return;
    };
    if !counted(model, steps, promises) {
        return;
    }
    let parameter = steps.parameter;
    let of_steps = |count: usize| with(model, parameter, &json!(count));
    let few = of_steps(FEW).map_or(steps.count, |_| FEW);
    let Some(whole) =
        of_steps(few).filter(|whole| counted(&**whole, Steps::new(parameter, few), promises))
    else {
        return;
    };
    let data = held_out(|_| true);
    let mut fitted = Vec::new();
    for count in 1..=few {
        let state = of_steps(count).and_then(|model| {
            promises.fallible(&format!("fitting with `{parameter}` = {count}"), || {
                on_threads(1, || {
                    state_of(
                        &*model.fit(&data.0, &FitContext::new(SEED).with_base(folder))?,
                        &data,
                    )
                })
            })
        });
        fitted.push(state);
    }
    if few == 1 {
        return;
    }
    let before_last: Vec<usize> = (1..few).collect();
    let mut kept = true;
    for (wanted, threads) in [(before_last.as_slice(), 1), (&[few / 2], 2)] {
        kept &= looked_at(&*whole, wanted, threads, (&data, folder), &fitted, promises);
    }
    if kept {
        stopped(&*whole, &before_last, (&data.0, folder), promises);
    }
}

/// The parameter is there and holds the count.
fn counted(model: &dyn Model, steps: Steps, promises: &mut Promises) -> bool {
    let Steps { parameter, count } = steps;
    let value = parameters(model).and_then(|all| all.get(parameter).cloned());
    let is_count = value.as_ref().and_then(Value::as_u64) == Some(count as u64);
    let says = model.steps();
    promises.that(is_count && count > 0 && says == Some(steps), || match &value {
        None => format!("its `steps` names the parameter `{parameter}`, which it does not have"),
        Some(value) => format!(
            "its `steps` says {says:?} where its parameter `{parameter}` is {value}; the two must \
             be one whole number of at least 1"
        ),
    });
    is_count && count > 0 && says == Some(steps)
}

/// Fits while somebody wants to see the state after some steps; compares these with fits of so many
/// steps.
fn looked_at(
    model: &dyn Model,
    wanted: &[usize],
    threads: usize,
    (data, folder): (&(Train, Train), &Path),
    fitted: &[Option<State>],
    promises: &mut Promises,
) -> bool {
    let mut seen = Vec::new();
    let ended = promises.calm("fitting while it is looked at", || {
        let checkpoints = Checkpoints::new(wanted.iter().copied(), |step, state| {
            seen.push((step, state_of(state, data)?));
            Ok(())
        });
        on_threads(threads, || {
            let context = FitContext::new(SEED)
                .with_base(folder)
                .with_checkpoints(&checkpoints);
            state_of(&*model.fit(&data.0, &context)?, data)
        })
    });
    let last = fitted.len();
    let refused = fitted[last - 1].is_none();
    let ended = match ended {
        Some(Ok(state)) => state,
        Some(Err(error)) if !refused => {
            promises.that(false, || {
                format!("looked at after the steps {wanted:?} of {last} its fit fails: {error}")
            });
            return false;
        }
        _ => return false,
    };
    let shown: Vec<usize> = seen.iter().map(|(step, _)| *step).collect();
    promises.that(shown == wanted, || {
        format!(
            "asked for its states after the steps {wanted:?} of {last} it shows those after \
             {shown:?}; after each step it must ask `context.wants(step)` and, if so, call \
             `context.checkpoint(step, …)?`"
        )
    });
    for (step, state) in &seen {
        let Some(fitted) = &fitted[step - 1] else {
            continue;
        };
        let difference = difference(state, fitted);
        promises.that(difference.is_none(), || {
            format!(
                "its state after step {step} of {last} is not that of a fit of {step}: {} differ",
                difference.unwrap_or_default()
            )
        });
    }
    let difference = fitted[last - 1]
        .as_ref()
        .and_then(|fitted| difference(&ended, fitted));
    promises.that(difference.is_none(), || {
        format!(
            "that somebody looks at it on the way changes what it ends with: {} differ",
            difference.unwrap_or_default()
        )
    });
    shown == wanted
}

/// Who looks at it may end the fit.
fn stopped(
    model: &dyn Model,
    wanted: &[usize],
    (train, folder): (&Train, &Path),
    promises: &mut Promises,
) {
    let mut calls = 0;
    let ended = promises.calm("being stopped at a checkpoint", || {
        let checkpoints = Checkpoints::new(wanted.iter().copied(), |_, _| {
            calls += 1;
            Err(Error::model(STOP))
        });
        let context = FitContext::new(SEED)
            .with_base(folder)
            .with_checkpoints(&checkpoints);
        model.fit(train, &context).map(|_| ())
    });
    let as_told = matches!(&ended, Some(Err(Error::Model(text))) if text == STOP);
    promises.that(ended.is_none() || (as_told && calls == 1), || {
        "an error of `context.checkpoint(…)` does not end its fit with that error; give it back \
         with `?`"
            .to_owned()
    });
}

fn state_of(recommender: &dyn Recommender, (train, given): &(Train, Train)) -> Result<State> {
    let all = |of: &Train| (0..of.n_users() as u32).collect::<Vec<_>>();
    let scores = |of: &dyn Recommender, train: &Train| {
        // Asked for nobody, it may answer nothing at all.
        of.scores(&Users::new(&[]))?;
        rows(of, &all(train), train)?.map_err(Error::model)
    };
    let folded = recommender.fold_in(given)?;
    Ok(State {
        scores: scores(recommender, train)?,
        folded: folded.map(|folded| scores(&*folded, given)).transpose()?,
    })
}

/// In what two states differ, if they do.
fn difference(a: &State, b: &State) -> Option<&'static str> {
    if !same(&a.scores, &b.scores) {
        return Some("the scores");
    }
    match (&a.folded, &b.folded) {
        (None, None) => None,
        (Some(a), Some(b)) if same(a, b) => None,
        _ => Some("the scores of users who are held out"),
    }
}

/// The parameters of a model, defaults included.
pub(super) fn parameters(model: &dyn Model) -> Option<Value> {
    let mut tagged = serde_json::to_value(model).ok()?;
    tagged.get_mut(model.typetag_name()).map(Value::take)
}

/// The model with one parameter changed, if it takes that value.
pub(super) fn with(model: &dyn Model, parameter: &str, value: &Value) -> Option<Box<dyn Model>> {
    let mut tagged = serde_json::to_value(model).ok()?;
    *tagged.get_mut(model.typetag_name())?.get_mut(parameter)? = value.clone();
    serde_json::from_value(tagged).ok()
}
