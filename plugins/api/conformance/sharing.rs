//! What a model promises that shares: nobody can tell from the results.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use ndarray::Array2;
use rayon::ThreadPoolBuilder;
use serde_json::{Value, json};

use super::docs::{self, parts};
use super::model::{SEED, rows, same};
use super::promises::{Promises, on_threads};
use super::steps::{parameters, with};
use crate::{Error, FitContext, Kind, Model, Result, SharedParts, Train, registrations};

/// The name of the threads of two fits at the same time.
const AT_ONCE: &str = "one of two fits at once";

/// `data` is what it learns from and the folder that relative paths start from, `alone` what it scores where it
/// shares with nobody.
pub(super) fn behavior(
    model: &dyn Model,
    data: (&Train, &Path),
    alone: &Array2<f64>,
    promises: &mut Promises,
) {
    let store = SharedParts::new();
    let mut fit = |threads: usize| {
        promises.calm("fitting with parts to share", || {
            on_threads(threads, || scores(model, data, Some(&store)))
        })
    };
    let first = fit(1);
    if asked(&store) == 0 {
        compare("with a store of shared parts", first, alone, promises);
    } else {
        let second = fit(2);
        let both = promises.calm("fitting twice at the same time", || at_once(model, data));
        compare("with a store of shared parts", first, alone, promises);
        let when = "sharing the parts that an equal fit has made";
        compare(when, second, alone, promises);
        for scores in both.into_iter().flatten() {
            let when = "sharing with an equal fit at the same time";
            compare(when, Some(scores), alone, promises);
        }
    }
    for (name, value, other) in others(model) {
        let before = asked(&store);
        let set = format!("`{name}` = {value}");
        let fit = |parts| on_threads(1, || scores(&*other, data, parts));
        let shared = promises.calm(&format!("fitting with {set}"), || fit(Some(&store)));
        if asked(&store) > before
            && let Some(Ok(alone)) = promises.calm(&format!("fitting with {set}"), || fit(None))
        {
            let when = format!(
                "with {set}, sharing the parts of fits with other parameters (a key must name all \
                 parameters that its part depends on)"
            );
            compare(&when, shared, &alone, promises);
        }
    }
}

fn compare(
    when: &str,
    shared: Option<Result<Array2<f64>>>,
    alone: &Array2<f64>,
    promises: &mut Promises,
) {
    let wrong = match shared {
        None => None,
        Some(Ok(scores)) => {
            (!same(&scores, alone)).then(|| "gives other scores than without sharing".to_owned())
        }
        Some(Err(error)) => Some(format!("fails, which it does not without sharing: {error}")),
    };
    promises.that(wrong.is_none(), || {
        format!("{when} it {}", wrong.unwrap_or_default())
    });
}

fn scores(
    model: &dyn Model,
    (train, folder): (&Train, &Path),
    parts: Option<&SharedParts>,
) -> Result<Array2<f64>> {
    let context = FitContext::new(SEED).with_base(folder);
    let context = match parts {
        Some(parts) => context.with_shared(parts),
        None => context,
    };
    let everybody: Vec<u32> = (0..train.n_users() as u32).collect();
    rows(&*model.fit(train, &context)?, &everybody, train)?.map_err(Error::model)
}

/// Two fits that share a store from the start, each on a pool of its own.
fn at_once(model: &dyn Model, data: (&Train, &Path)) -> Vec<Result<Array2<f64>>> {
    let store = SharedParts::new();
    let start = Barrier::new(2);
    let fit = || {
        let pool = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| AT_ONCE.to_owned())
            .build()
            .expect("a machine has a few threads");
        start.wait();
        pool.install(|| scores(model, data, Some(&store)))
    };
    thread::scope(|scope| {
        let fits = [scope.spawn(fit), scope.spawn(fit)];
        fits.map(|fit| fit.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .into()
    })
}

/// How often parts were asked for.
fn asked(store: &SharedParts) -> usize {
    store.counts().iter().map(|part| part.asked).sum()
}

/// The model with each of its parameters changed in turn, if it takes another value.
fn others(model: &dyn Model) -> Vec<(String, Value, Box<dyn Model>)> {
    let name = model.typetag_name();
    let plugin = registrations()
        .into_iter()
        .find(|plugin| plugin.kind == Kind::Model && plugin.name == name);
    let schema = plugin.map_or(Value::Null, docs::schema);
    let mut found = Vec::new();
    let Some(Value::Object(all)) = parameters(model) else {
        return found;
    };
    for (name, value) in all {
        for other in values(&value, &words(&schema, &name)) {
            if let Some(changed) = with(model, &name, &other)
                && other != value
            {
                found.push((name.clone(), other, changed));
                break;
            }
        }
    }
    found
}

/// Values to put in the place of one.
fn values(value: &Value, words: &[Value]) -> Vec<Value> {
    let mut values = match value {
        Value::Bool(yes) => vec![json!(!yes)],
        Value::Number(number) => match (number.as_i64(), number.as_f64().unwrap_or(0.0)) {
            (Some(whole), _) => vec![
                json!(whole.saturating_add(1)),
                json!(whole.saturating_sub(1)),
            ],
            (None, 0.0) => vec![json!(0.5), json!(-0.5)],
            (None, real) => vec![json!(real / 2.0), json!(real * 2.0)],
        },
        Value::Null => vec![json!(1), json!(0.5), json!(true)],
        _ => Vec::new(),
    };
    values.extend_from_slice(words);
    values
}

/// The words that a parameter may be.
fn words(schema: &Value, name: &str) -> Vec<Value> {
    let mut words = Vec::new();
    for table in parts(schema, schema) {
        for part in parts(schema, &table["properties"][name]) {
            words.extend(part["enum"].as_array().into_iter().flatten().cloned());
            words.extend(part.get("const").cloned());
        }
    }
    words
}
