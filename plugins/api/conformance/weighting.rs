//! What a weighting promises.

use super::logs::{alone, events};
use super::promises::{Promises, THREADS, on_threads};
use crate::{Events, Result, Series, Weighting};

/// Whether it could be tried at all.
pub(super) fn behavior(weighting: &dyn Weighting, promises: &mut Promises) -> bool {
    let whole = events();
    let cut = whole.len() as u32 * 7 / 10;
    let past: Vec<u32> = (0..cut).collect();
    let later: Vec<u32> = (cut..whole.len() as u32).collect();
    let fit = whole.select(&past);
    let Some(weights) = weigh(weighting, &fit, &fit, "the kit's log", promises) else {
        odd(weighting, &whole, promises);
        return false;
    };
    for threads in THREADS {
        let again = promises.fallible("weighing again", || {
            on_threads(threads, || weights_of(weighting, &fit, &fit))
        });
        promises.that(again.is_none_or(|again| same(&again, &weights)), || {
            format!("weighing again, on {threads} threads, gives other weights")
        });
    }
    // The fit part as it would be if the rest had never happened.
    let alone = alone(&whole, &past);
    let blind = weigh(weighting, &alone, &alone, "a fit part alone", promises);
    promises.that(blind.is_none_or(|blind| same(&blind, &weights)), || {
        "its weights depend on the part that is to be foretold: it reads the tables of users, items \
         or kinds, or the log behind the events, beyond the events it is given"
            .to_owned()
    });
    let later = whole.select(&later);
    weigh(
        weighting,
        &fit,
        &later,
        "events after the fit part",
        promises,
    );
    weigh(
        weighting,
        &fit,
        &fit.select(&[]),
        "none of the events",
        promises,
    );
    saves(weighting, &whole, promises);
    odd(weighting, &whole, promises);
    true
}

/// What was loaded weighs the events of people it has not learned from as what was fitted does.
fn saves(weighting: &dyn Weighting, whole: &Events, promises: &mut Promises) {
    let of = |odd: u32| {
        let all = 0..whole.len() as u32;
        let of = all.filter(|&event| whole.user[event as usize] % 2 == odd);
        whole.select(&of.collect::<Vec<_>>())
    };
    let (learned, history) = (of(0), of(1));
    let (fit, _, items) = learned.compact();
    let (told, left, _) = history.told_to(&fit, &items);
    let saved = promises.fallible("saving", || {
        let fitted = weighting.fit(&fit)?;
        Ok(fitted.save().map(crate::Tensors::into_owned))
    });
    let Some(saved) = saved.flatten() else {
        return;
    };
    let direct = promises.fallible("weighing others", || {
        weights_of(weighting, &learned, &history.select(&left))
    });
    let loaded = promises.calm("loading", || weighting.load(saved)?.weigh(&told));
    let (Some(direct), Some(loaded)) = (direct, loaded) else {
        return;
    };
    let alike = loaded.as_ref().is_ok_and(|loaded| same(loaded, &direct));
    promises.that(alike, || match loaded {
        Err(error) => format!("what it saved cannot be loaded and used: {error}"),
        Ok(_) => {
            "saved and loaded it gives people it has not learned from other weights".to_owned()
        }
    });
}

/// Logs that a weighting may refuse, but must not weigh wrongly.
fn odd(weighting: &dyn Weighting, whole: &Events, promises: &mut Promises) {
    let without = |change: fn(&mut Events)| {
        let mut events = whole.clone();
        change(&mut events);
        events
    };
    let cases = [
        ("no events at all", Events::default()),
        ("none of the events", whole.select(&[])),
        ("a single event", alone(whole, &[0])),
        (
            "pairs of users and items and nothing else",
            Events::from_pairs([("u", "a"), ("u", "b"), ("v", "a"), ("u", "a")]),
        ),
        (
            "events without times",
            without(|e| e.time = Series::default()),
        ),
        (
            "events without kinds",
            without(|e| e.kind = Series::default()),
        ),
        (
            "events without plays",
            without(|e| e.plays = Series::default()),
        ),
        (
            "events without seconds",
            without(|e| e.seconds = Series::default()),
        ),
        (
            "events without a log behind them",
            without(|e| e.log = None),
        ),
        (
            "events whose plays and seconds are all missing",
            without(|e| {
                e.plays = vec![f32::NAN; e.len()].into();
                e.seconds = vec![f32::NAN; e.len()].into();
            }),
        ),
        (
            "events whose kinds are all missing",
            without(|e| e.kind = vec![crate::MISSING; e.len()].into()),
        ),
    ];
    for (what, events) in cases {
        weigh(weighting, &events, &events, what, promises);
    }
}

fn weights_of(weighting: &dyn Weighting, fit: &Events, events: &Events) -> Result<Vec<f64>> {
    weighting.fit(fit)?.weigh(events)
}

/// Weights, unless they are refused; they must be numbers that can be summed.
fn weigh(
    weighting: &dyn Weighting,
    fit: &Events,
    events: &Events,
    what: &str,
    promises: &mut Promises,
) -> Option<Vec<f64>> {
    let weights = promises.fallible(&format!("weighing {what}"), || {
        weights_of(weighting, fit, events)
    })?;
    promises.that(weights.len() == events.len(), || {
        format!(
            "weighing {what}: {} weights for {} events",
            weights.len(),
            events.len()
        )
    });
    let bad = weights.iter().find(|w| !w.is_finite() || **w < 0.0);
    promises.that(bad.is_none(), || {
        format!(
            "weighing {what}: a weight is {}; weights are finite and at least 0",
            bad.unwrap_or(&f64::NAN)
        )
    });
    Some(weights)
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
