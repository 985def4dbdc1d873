//! What a splitter promises.

use super::logs::events;
use super::promises::{Promises, THREADS, on_threads};
use crate::{Events, Fold, Role, Series, Splitter, fold_faults};

const SEED: u64 = 7;

/// Whether it could be tried at all.
pub(super) fn behavior(splitter: &dyn Splitter, promises: &mut Promises) -> bool {
    let whole = events();
    let Some(folds) = promises.fallible("splitting the kit's log", || splitter.split(&whole, SEED))
    else {
        odd(splitter, &whole, promises);
        return false;
    };
    folds_hold(splitter, &whole, &folds, "the kit's log", promises);
    let validation = folds.iter().any(|f| f.role == Role::Validation);
    let word = promises.calm("telling whether it makes a validation part", || {
        splitter.makes_validation()
    });
    promises.that(word.flatten().is_none_or(|word| word == validation), || {
        let made = if validation { "one" } else { "none" };
        format!("`makes_validation` says {word:?}, but it made {made}")
    });
    for threads in THREADS {
        let again = promises.fallible("splitting again", || {
            on_threads(threads, || splitter.split(&whole, SEED))
        });
        promises.that(again.is_none_or(|again| again == folds), || {
            format!("the same seed, on {threads} threads, gives other folds")
        });
    }
    odd(splitter, &whole, promises);
    true
}

/// Logs that need not be possible to split, but must not be split wrongly.
fn odd(splitter: &dyn Splitter, whole: &Events, promises: &mut Promises) {
    let of_user = |user: u32| -> Vec<u32> {
        (0..whole.len() as u32)
            .filter(|&e| whole.user[e as usize] == user)
            .collect()
    };
    let mut at_once = whole.clone();
    at_once.time = vec![at_once.time.at(0); whole.len()].into();
    let mut backwards = whole.clone();
    backwards.time = whole.time.iter().rev().collect();
    let mut timeless = whole.clone();
    timeless.time = Series::default();
    let mut without_log = whole.clone();
    without_log.log = None;
    let cases = [
        ("no events at all", Events::default()),
        ("none of the events", whole.select(&[])),
        ("a single event", whole.select(&[0])),
        ("two events", whole.select(&[0, 1])),
        ("a single user", whole.select(&of_user(0))),
        ("events of one and the same time", at_once),
        ("events that do not come in the order of time", backwards),
        ("events without times", timeless),
        ("events without a log behind them", without_log),
    ];
    for (what, events) in cases {
        let folds = promises.fallible(&format!("splitting {what}"), || {
            splitter.split(&events, SEED)
        });
        if let Some(folds) = folds {
            folds_hold(splitter, &events, &folds, what, promises);
        }
    }
}

fn folds_hold(
    splitter: &dyn Splitter,
    events: &Events,
    folds: &[Fold],
    what: &str,
    promises: &mut Promises,
) {
    for fault in fold_faults(events, folds, splitter.uses_the_future()) {
        promises.that(false, || format!("splitting {what}: {fault}"));
    }
}
