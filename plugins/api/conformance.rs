//! Checks of what every plugin promises, for the tests of any plugin: one line, called by name.
//!
//! ```no_run
//! musicrec_api::conformance::metric("hit_rate");
//! ```
//!
//! A test that calls it fails with all promises that are broken, each in a sentence. What is checked:
//!
//! * of every plugin: it is documented, and so is every parameter; its examples parse; its name is
//!   that of its file; its parameters survive being written and read; unknown ones are refused; what
//!   its `check` complains about are parameters it has;
//! * of its kind: see [`source()`], [`cleaner()`], [`splitter()`], [`weighting()`], [`model()`], [`metric()`].
//!
//! A plugin is tried with its defaults, if it has any for all parameters, and with the parameters of
//! every example in its docs: an example that uses the columns of the kit's log ([`COLUMNS`]) is also
//! a test. Other parameters are tried with `model_instance` and the like.
//!
//! Only with the feature `conformance`, which belongs into `[dev-dependencies]`.

mod cleaner;
mod docs;
mod examples;
mod launcher;
mod logs;
mod metric;
mod model;
mod parameters;
mod promises;
mod saving;
mod sharing;
mod source;
mod splitter;
mod steps;
mod weighting;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    CheckContext, Cleaner, Kind, Launcher, Metric, Model, Problem, Registration, Source, Splitter,
    Weighting, registrations,
};
pub use logs::{COLUMNS, KINDS};
use parameters::Setting;
use promises::Promises;

/// Checks the source called `name`: the same rows and fingerprint each time, row numbers that
/// ascend, columns as announced. For sources that read files see [`source_in`].
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn source(name: &str) {
    check(Kind::Source, name);
}

/// Like [`source()`], with `folder` as the place that relative paths of the examples start from: put
/// the files that the examples name there.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn source_in(name: &str, folder: &Path) {
    require(&broken_in(Kind::Source, name, folder));
}

/// Checks the cleaner called `name`: the ledger accounts for every row dropped, no row is invented,
/// a log without rows and one without any cell are no trouble, and it needs to see no more at once
/// than its reach says.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn cleaner(name: &str) {
    check(Kind::Cleaner, name);
}

/// Checks the splitter called `name`: there is a test fold, nothing is learned from or given that is
/// asked for, users are held out whole or not at all, nothing of the test part is seen before, and it
/// keeps its word on the future and on validation (see [`fold_faults`](crate::fold_faults)).
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn splitter(name: &str) {
    check(Kind::Splitter, name);
}

/// Checks the weighting called `name`: one finite weight of at least 0 for each event, learned from
/// the fit part and from nothing else. If it can be [saved](crate::Weigh::save), what is loaded weighs
/// the events of others as it does.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn weighting(name: &str) {
    check(Kind::Weighting, name);
}

/// Checks the model called `name`: the same finite scores for the same seed, for any number of
/// threads and whoever else is asked; users without history, a single user, a single item and no
/// interactions at all are no trouble. If it answers for users it has not learned from
/// ([`fold_in`](crate::Recommender::fold_in)), then likewise. If it learns in
/// [`steps`](crate::Model::steps), its state after each is what a fit with so many steps ends with; and
/// nothing that it [shares](crate::FitContext::shared) with other fits, before or at the same time and
/// with other parameters, changes a score. If it can be [saved](crate::Recommender::save), what is loaded gives
/// the same scores bit for bit, and if it says [why](crate::Recommender::why), it is of the history and adds up.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn model(name: &str) {
    check(Kind::Model, name);
}

/// Like [`model()`], with `folder` as the place that relative paths of the examples start from: put the
/// files that the examples name there.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn model_in(name: &str, folder: &Path) {
    require(&broken_in(Kind::Model, name, folder));
}

/// Checks the metric called `name`: a finite value for any list, which depends on nothing below its
/// depth; it is of the nature that it says it is; no list is better than a perfect one, where higher is
/// better and hits are all that counts; and what it says of chance is what drawing gives.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn metric(name: &str) {
    check(Kind::Metric, name);
}

/// Checks a launcher of a name: documented, its parameters read as they are written, and a draft names every step
/// and the program, is the same each time, and writes nothing. Nothing is submitted: what an engine does must be
/// tested with the engine.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn launcher(name: &str) {
    check(Kind::Launcher, name);
}

/// Checks every plugin of a kind that is linked: one line for a crate with several.
///
/// # Panics
/// If a promise is broken, or there is no plugin of the kind; the message has all that are.
pub fn every(kind: Kind) {
    let plugins = registrations().into_iter().filter(|r| r.kind == kind);
    let names: Vec<&str> = plugins.map(|r| r.name).collect();
    assert!(!names.is_empty(), "no {kind:?} is linked");
    let broken: Vec<String> = names.iter().flat_map(|name| broken(kind, name)).collect();
    require(&broken);
}

/// Checks the plugin called `name`, whatever its kind.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn check(kind: Kind, name: &str) {
    require(&broken(kind, name));
}

/// What is broken of the promises of a plugin, a sentence each: [`check`] without its panic.
pub fn broken(kind: Kind, name: &str) -> Vec<String> {
    broken_in(kind, name, &nowhere())
}

/// Nothing is here: examples that name files are known to have none.
fn nowhere() -> PathBuf {
    std::env::temp_dir().join("musicrec-lab has no files here")
}

/// Like [`broken`], with a folder that relative paths start from.
pub fn broken_in(kind: Kind, name: &str, folder: &Path) -> Vec<String> {
    let key = kind.key();
    let found: Vec<_> = registrations()
        .into_iter()
        .filter(|r| r.kind == kind && r.name == name)
        .collect();
    match found.as_slice() {
        [] => vec![format!(
            "{key}.{name}: no such plugin is linked: is there a line `register!({kind:?}, …, \
             \"{name}\", revision = 1)`, and a `mod` line for its file?"
        )],
        [plugin] => by_kind(plugin, folder),
        _ => {
            let modules: Vec<_> = found.iter().map(|r| r.module).collect();
            vec![format!(
                "{key}.{name}: several plugins have this name: {}",
                modules.join(", ")
            )]
        }
    }
}

/// Checks a source with the parameters it has; relative paths start from `folder`.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn source_instance(source: &dyn Source, folder: &Path) {
    instance(source.typetag_name(), Kind::Source, |promises| {
        source::behavior(source, folder, promises)
    });
}

/// Checks a cleaner with the parameters it has.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn cleaner_instance(cleaner: &dyn Cleaner) {
    instance(cleaner.typetag_name(), Kind::Cleaner, |promises| {
        cleaner::behavior(cleaner, promises)
    });
}

/// Checks that cleaning what a cleaner has cleaned changes nothing. No cleaner must promise it (one
/// that drops everybody's first row cannot), most that tidy up do.
///
/// # Panics
/// If it changes something.
pub fn cleans_once(cleaner: &dyn Cleaner) {
    instance(cleaner.typetag_name(), Kind::Cleaner, |promises| {
        cleaner::once(cleaner, promises)
    });
}

/// Checks a splitter with the parameters it has.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn splitter_instance(splitter: &dyn Splitter) {
    instance(splitter.typetag_name(), Kind::Splitter, |promises| {
        splitter::behavior(splitter, promises)
    });
}

/// Checks a weighting with the parameters it has.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn weighting_instance(weighting: &dyn Weighting) {
    instance(weighting.typetag_name(), Kind::Weighting, |promises| {
        weighting::behavior(weighting, promises)
    });
}

/// Checks a model with the parameters it has. For models that read files see [`model_in`].
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn model_instance(model: &dyn Model) {
    instance(model.typetag_name(), Kind::Model, |promises| {
        model::behavior(model, &nowhere(), promises)
    });
}

/// Checks a metric with the parameters it has.
///
/// # Panics
/// If a promise is broken; the message has all that are.
pub fn metric_instance(metric: &dyn Metric) {
    instance(metric.typetag_name(), Kind::Metric, |promises| {
        metric::behavior(metric, promises)
    });
}

fn by_kind(plugin: &Registration, folder: &Path) -> Vec<String> {
    match plugin.kind {
        Kind::Source => by_name::<Box<dyn Source>>(
            plugin,
            |source, context| source.check(context),
            |source, promises| source::behavior(&**source, folder, promises),
        ),
        Kind::Cleaner => by_name::<Box<dyn Cleaner>>(
            plugin,
            |cleaner, context| cleaner.check(context),
            |cleaner, promises| cleaner::behavior(&**cleaner, promises),
        ),
        Kind::Splitter => by_name::<Box<dyn Splitter>>(
            plugin,
            |splitter, context| splitter.check(context),
            |splitter, promises| splitter::behavior(&**splitter, promises),
        ),
        Kind::Weighting => by_name::<Box<dyn Weighting>>(
            plugin,
            |weighting, context| weighting.check(context),
            |weighting, promises| weighting::behavior(&**weighting, promises),
        ),
        Kind::Model => by_name::<Box<dyn Model>>(
            plugin,
            |model, context| model.check(context),
            |model, promises| model::behavior(&**model, folder, promises),
        ),
        Kind::Metric => by_name::<Box<dyn Metric>>(
            plugin,
            |metric, context| metric.check(context),
            |metric, promises| metric::behavior(&**metric, promises),
        ),
        Kind::Launcher => by_name::<Box<dyn Launcher>>(
            plugin,
            |launcher, context| launcher.check(context),
            |launcher, promises| launcher::behavior(&**launcher, folder, promises),
        ),
    }
}

/// Docs, parameters and behavior of a plugin, with each of its settings.
fn by_name<T: Serialize + DeserializeOwned>(
    plugin: &Registration,
    check: impl Fn(&T, &CheckContext) -> Vec<Problem>,
    behavior: impl Fn(&T, &mut Promises) -> bool,
) -> Vec<String> {
    let mut promises = Promises::of(plugin.kind, plugin.name);
    docs::check(plugin, &mut promises);
    let schema = docs::schema(plugin);
    let mut works = false;
    let mut tried: Vec<serde_json::Value> = Vec::new();
    for setting in Setting::all(plugin, &mut promises) {
        promises.with(&setting.origin);
        let checked = parameters::check::<T>(&setting, &schema, &mut promises);
        let Some((instance, written)) = checked.filter(|(_, written)| !tried.contains(written))
        else {
            continue;
        };
        parameters::problems(&schema, &mut promises, |context| check(&instance, context));
        tried.push(written);
        works |= behavior(&instance, &mut promises);
    }
    promises.with("");
    let refusal = promises.refusal();
    promises.that(works || tried.is_empty(), || {
        let remedy = match plugin.kind {
            Kind::Source => {
                "if it reads files, put those that an example names into a folder and call \
                 `conformance::source_in`"
                    .to_owned()
            }
            Kind::Model => format!(
                "give its docs an example for a log with the columns {}; if it reads files, put those \
                 that an example names into a folder and call `conformance::model_in`",
                COLUMNS.join(", ")
            ),
            _ => format!(
                "give its docs an example for a log with the columns {}, whose events are {}",
                COLUMNS.join(", "),
                KINDS.join(", ")
            ),
        };
        format!("neither its defaults nor any of its examples could be tried{refusal}; {remedy}")
    });
    promises.broken()
}

fn instance(name: &str, kind: Kind, behavior: impl FnOnce(&mut Promises) -> bool) {
    let mut promises = Promises::of(kind, name);
    let works = behavior(&mut promises);
    let refusal = promises.refusal();
    promises.that(works, || {
        format!("with these parameters it works on none of the kit's data{refusal}")
    });
    require(&promises.broken());
}

/// # Panics
/// If the list is not empty, with the whole list.
fn require(broken: &[String]) {
    let count = broken.len();
    let s = if count == 1 { "" } else { "s" };
    assert!(
        broken.is_empty(),
        "{count} broken promise{s}:\n  - {}\n",
        broken.join("\n  - ")
    );
}
