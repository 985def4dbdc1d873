//! Fitted models as files, and what one asks of them: the next songs of anybody, without the log.
//!
//! A file ([`mod@file`]) holds what was learned (`model.*`), the tables of users and items, what each user heard, the
//! matrix that was learned from, what of the weighting it takes to weigh other histories (`weighting.*`), and where
//! it all comes from ([`About`]).

mod ask;
mod file;
mod history;
mod limits;

use std::path::Path;
use std::sync::Arc;

use musicrec_api::{Error, Ids, Model, Recommender, Result, Tensors, Weigh, Weighting};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::Failure;
use crate::experiment::{Heard, revisions};
use crate::records::Key;
use crate::stages::fold::Ragged;
use crate::stages::rules::Limits;
use crate::sweep::everything::Everything;

pub(crate) use ask::{Answer, Asked, Unknown};
pub(crate) use history::History;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    /// How the file is written.
    pub(crate) format: u32,
    /// The lab's version.
    pub(crate) version: String,
    /// The commit that the program was built from.
    pub(crate) commit: String,
    /// The experiment that it was chosen in.
    pub(crate) experiment: String,
    /// The variant that it is.
    pub(crate) variant: String,
    /// What tells it from the other trials of that, in words.
    pub(crate) settings: String,
    /// The trial's id on test.
    pub(crate) trial: String,
    /// What the trial is: definition with model and weighting, data, revisions.
    pub(crate) key: Key,
    /// The seed of the fit.
    pub(crate) seed: u64,
}

impl About {
    /// Of a trial's key, its variant and settings.
    pub(crate) fn new(
        experiment: String,
        (variant, settings): (String, String),
        key: Key,
        seed: u64,
    ) -> Self {
        Self {
            format: file::FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("MUSICREC_COMMIT").to_owned(),
            experiment,
            variant,
            settings,
            trial: key.id(),
            key,
            seed,
        }
    }

    /// The name of its model's plugin.
    pub(crate) fn plugin(&self) -> &str {
        let model = self.key.definition["model"].as_object();
        let name = model.and_then(|model| model.keys().next());
        name.map_or("?", String::as_str)
    }
}

/// What there is of a model that cannot be saved.
const INSTEAD: &str = "recommendations.csv of a sweep has its lists";

/// That a model may be saved, as far as it can tell before it is fitted.
///
/// # Errors
/// If not: with the reason.
pub(crate) fn can_be_saved(model: &dyn Model) -> Result<(), Failure> {
    match model.unsaved() {
        None => Ok(()),
        Some(why) => Err(Failure::Definition(format!(
            "the model `{}` cannot be saved: {why}; {INSTEAD}",
            model.typetag_name()
        ))),
    }
}

/// Writes a model that was fitted on everything.
///
/// # Errors
/// If the model cannot be saved, or the file not be written.
pub(crate) fn save(path: &Path, about: &About, all: &Everything) -> Result<(), Failure> {
    let Some(model) = all.recommender.save() else {
        return Err(Failure::Definition(format!(
            "the model `{}` cannot be saved (a model of your own can by `Recommender::save` and \
             `Model::load`); {INSTEAD}",
            about.plugin()
        )));
    };
    let mut tensors = Tensors::default();
    tensors.nest("model", model);
    tensors.insert_texts("users", all.users().iter());
    tensors.insert_texts("items", all.items().iter());
    insert_lists(&mut tensors, "heard", &all.masked);
    insert_lists(&mut tensors, "avoided", &all.avoided);
    limits::insert(&mut tensors, &all.limits);
    tensors.insert_sparse("interactions", &all.train.interactions);
    let weighting = all.weigh.save();
    // Without it, nobody new can be told of.
    tensors.insert("weighted", vec![1], vec![u64::from(weighting.is_some())]);
    tensors.nest("weighting", weighting.unwrap_or_default());
    file::write(path, about, &tensors)
}

/// A list of items for each user.
fn insert_lists<'t>(tensors: &mut Tensors<'t>, name: &str, lists: &'t Ragged<u32>) {
    let starts = lists.starts().iter().map(|&start| start as u64);
    let starts: Vec<u64> = starts.collect();
    tensors.insert(&format!("{name}.starts"), vec![starts.len()], starts);
    let items = lists.all();
    tensors.insert(&format!("{name}.items"), vec![items.len()], items);
}

/// A model that was read from its file.
pub(crate) struct Saved {
    pub(crate) about: About,
    users: Ids,
    items: Arc<Ids>,
    /// What each user heard or avoids, ascending.
    heard: Ragged<u32>,
    /// What each user avoids, ascending.
    avoided: Ragged<u32>,
    /// What lists may hold besides.
    limits: Limits,
    /// Whether that is left out of lists, as the definition says.
    rule: Heard,
    recommender: Box<dyn Recommender>,
    /// Whether strengths of events matter to the model.
    reads_weights: bool,
    /// How strong what others heard is; `None` if the weighting cannot tell.
    weigh: Option<Box<dyn Weigh>>,
}

impl Saved {
    /// Reads a model.
    ///
    /// # Errors
    /// If the file is none, or damaged, or of code that computes something else.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let (about, tensors) = file::read(path)?;
        let named = |what: String| Failure::Data(format!("{}: {what}", path.display()));
        same_code(&about).map_err(named)?;
        Self::of(about, tensors).map_err(|error| named(error.to_string()))
    }

    fn of(about: About, mut tensors: Tensors) -> Result<Self> {
        let definition = &about.key.definition;
        let model: Box<dyn Model> = part(&definition["model"], "model")?;
        let weighting: Box<dyn Weighting> = part(&definition["weighting"], "weighting")?;
        let rule: Heard = part(&definition["evaluation"]["heard"], "evaluation.heard")?;
        let users = Ids::in_order(tensors.take_texts("users")?)?;
        let items = Ids::in_order(tensors.take_texts("items")?)?;
        let shape = (users.len(), items.len());
        let heard = take_lists(&mut tensors, "heard", shape)?;
        let avoided = take_lists(&mut tensors, "avoided", shape)?;
        let limits = limits::take(&mut tensors, items.len())?;
        let interactions = tensors.take_sparse("interactions", shape)?;
        let of_weighting = tensors.take_nested("weighting");
        let weigh = match tensors.take_integer("weighted")? {
            0 => None,
            _ => Some(weighting.load(of_weighting)?),
        };
        let recommender = model.load(tensors.take_nested("model"), interactions)?;
        Ok(Self {
            about,
            users,
            items: Arc::new(items),
            heard,
            avoided,
            limits,
            rule,
            recommender,
            reads_weights: model.reads_weights(),
            weigh,
        })
    }
}

fn part<T: DeserializeOwned>(value: &Value, key: &str) -> Result<T> {
    T::deserialize(value).map_err(|error| {
        Error::data(format!(
            "this program does not understand its `{key}`: {error}"
        ))
    })
}

fn take_lists(
    tensors: &mut Tensors,
    name: &str,
    (users, items): (usize, usize),
) -> Result<Ragged<u32>> {
    let unfit = || Error::data(format!("its lists `{name}` do not fit the users and items"));
    let (_, starts) = tensors.take_u64(&format!("{name}.starts"))?;
    let (_, all) = tensors.take_u32(&format!("{name}.items"))?;
    if starts.len() != users + 1 || starts[0] != 0 || starts[users] != all.len() as u64 {
        return Err(unfit());
    }
    let mut heard = Ragged::default();
    for pair in starts.windows(2) {
        let list = all
            .get(pair[0] as usize..pair[1] as usize)
            .ok_or_else(unfit)?;
        let fits =
            list.is_sorted_by(|a, b| a < b) && list.last().is_none_or(|l| (*l as usize) < items);
        if !fits {
            return Err(unfit());
        }
        heard.push(list.iter().copied());
    }
    Ok(heard)
}

/// That this program computes of the file what the one that wrote it would.
fn same_code(about: &About) -> Result<(), String> {
    let now = revisions(&about.key.definition);
    for kind in ["model", "weighting"] {
        let then = about.key.revisions.as_object().into_iter().flatten();
        for (name, revision) in then.filter(|(name, _)| name.split('.').next() == Some(kind)) {
            let known = &now[name.as_str()];
            if known == revision {
                continue;
            }
            let known = match known {
                Value::Null => "is not in this program".to_owned(),
                known => format!("has revision {known} in this program"),
            };
            return Err(format!(
                "it was fitted with revision {revision} of `{name}`, which {known}; use version {} \
                 with its plugins, or fit the model anew",
                about.version
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
