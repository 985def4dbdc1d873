//! One experiment, checked and typed: what a definition says once short forms and grids are spelled out.

mod combine;
mod evaluation;
pub(crate) mod report;
mod rules;
mod search;

use std::path::{Path, PathBuf};

use musicrec_api::{Cleaner, Kind, Source, Splitter, registrations};
use serde::Serialize;
use serde_json::{Value, json};

use crate::definition::{Node, Written};

pub(crate) use combine::{Pick, Reason, combine, needs_validation, rows};
pub(crate) use evaluation::{
    ColdItems, ColdUsers, Compared, Evaluation, Heard, Metrics, Recommendations, Ties, row,
};
pub(crate) use report::ReportSettings;
pub(crate) use rules::{ItemList, ProductRules, Rules};
pub(crate) use search::{
    Declared, DrawnModel, EarlyStopping, Halving, Random, RandomSearch, Resource, Scale, Search,
    Searched,
};

/// The model that every comparison has.
pub(crate) const POPULARITY: &str = "popularity";

/// Parameters of these names hold paths of files.
pub(crate) const PATHS: [&str; 2] = ["path", "files"];

/// A whole definition.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) name: String,
    pub(crate) seed: u64,
    /// Relative paths of the definition start here.
    pub(crate) base: PathBuf,
    /// The definition's file.
    pub(crate) path: PathBuf,
    /// What was written, for faults that only the data can tell.
    pub(crate) written: Written,
    pub(crate) source: Box<dyn Source>,
    /// How it is written.
    pub(crate) source_written: Node,
    /// The alternatives of the list of cleaners; one where none of its entries is an axis.
    pub(crate) cleanings: Vec<Cleaning>,
    pub(crate) splitter: Box<dyn Splitter>,
    /// How it is written, if the definition names it.
    pub(crate) splitter_written: Option<Node>,
    pub(crate) weightings: Vec<Weighting>,
    /// All models, with the label of the header that each stands under.
    pub(crate) models: Vec<Model>,
    /// The rows of the leaderboard.
    pub(crate) variants: Vec<Variant>,
    /// What runs, in the order of the definition.
    pub(crate) settings: Vec<Setting>,
    pub(crate) evaluation: Evaluation,
    /// What no list may hold, whatever the model.
    pub(crate) rules: ProductRules,
    pub(crate) recommendations: Recommendations,
    /// How its report is drawn; its paths start at `base`.
    pub(crate) report: ReportSettings,
    /// How its trials came about, if not every point of a grid is one.
    pub(crate) search: Option<Searched>,
    /// The conditions of `--only`, if only a part runs.
    pub(crate) only: Vec<String>,
}

/// A row of the leaderboard: what `[evaluation] compare` says is one, by default a model header with
/// all its grids, weightings and cleanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The label of its model.
    pub(crate) model: String,
    /// The name of its model's plugin.
    pub(crate) plugin: String,
    /// Whether no definition names it: the lab adds popularity to every comparison.
    pub(crate) added: bool,
}

/// One alternative of the list of cleaners.
#[derive(Debug)]
pub(crate) struct Cleaning {
    /// What tells it from the other alternatives: `drop_duplicates=off`; empty if it is the only one.
    pub(crate) label: String,
    pub(crate) cleaners: Vec<Box<dyn Cleaner>>,
    /// How each of them is written, for what goes wrong while it works.
    pub(crate) written: Vec<Node>,
}

/// A concrete model and its parameters as JSON, defaults included.
#[derive(Debug)]
pub(crate) struct Model {
    /// The name of the header it stands under.
    pub(crate) label: String,
    pub(crate) plugin: Box<dyn musicrec_api::Model>,
    pub(crate) resolved: Value,
    /// The same without the parameter that counts steps of learning: what models have in common that
    /// are points on the way of one fit.
    pub(crate) fitted_as: Value,
    /// What names the content of the files that it reads or runs, if it does: part of its trials' ids.
    pub(crate) files: Option<String>,
    /// Whether the lab added it.
    pub(crate) added: bool,
}

impl Model {
    pub(crate) fn new(label: String, plugin: Box<dyn musicrec_api::Model>) -> Self {
        let resolved = resolved(&plugin);
        let mut fitted_as = resolved.clone();
        if let Some(steps) = plugin.steps()
            && let Some(own) = fitted_as[plugin.typetag_name()].as_object_mut()
        {
            own.remove(steps.parameter);
        }
        Self {
            label,
            plugin,
            resolved,
            fitted_as,
            files: None,
            added: false,
        }
    }

    /// The same with the content of its files, which lie in the folder given.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(crate) fn with_files(self, base: &Path) -> musicrec_api::Result<Self> {
        let files = self.plugin.fingerprint(base)?;
        Ok(Self { files, ..self })
    }

    /// Fails if its files are not what they were when the trial was named after them.
    pub(crate) fn same_files(&self, base: &Path) -> musicrec_api::Result<()> {
        if self.plugin.fingerprint(base)? == self.files {
            return Ok(());
        }
        Err(musicrec_api::Error::model(format!(
            "the files of `{}` changed while the sweep was running, so its result is that of neither; \
             start it again",
            self.plugin.typetag_name()
        )))
    }

    /// The same model after so many of its steps.
    pub(crate) fn after(&self, steps: usize) -> Self {
        let mut parameters = self.resolved.clone();
        let name = self.plugin.typetag_name();
        if let Some(counted) = self.plugin.steps() {
            parameters[name][counted.parameter] = steps.into();
        }
        let plugin = serde_json::from_value(parameters)
            .expect("fewer steps, but at least one, are as sound as many");
        Self {
            files: self.files.clone(),
            added: self.added,
            ..Self::new(self.label.clone(), plugin)
        }
    }

    /// The popularity that stands in every comparison (protocol P6), unless some of the models given
    /// is popularity already. A label of a definition has no parentheses, so its name is free.
    pub(crate) fn popularity(models: &[Self]) -> Option<Self> {
        if models.iter().any(|m| m.plugin.typetag_name() == POPULARITY) {
            return None;
        }
        let taken = models.iter().any(|m| m.label == POPULARITY);
        let label = if taken {
            format!("{POPULARITY} (added)")
        } else {
            POPULARITY.to_owned()
        };
        let plugin = serde_json::from_value(json!({ POPULARITY: {} }))
            .expect("the built-in models are linked");
        Some(Self {
            added: true,
            ..Self::new(label, plugin)
        })
    }
}

/// A concrete weighting and its parameters as JSON, defaults included.
#[derive(Debug)]
pub(crate) struct Weighting {
    pub(crate) plugin: Box<dyn musicrec_api::Weighting>,
    pub(crate) resolved: Value,
    /// How it is written.
    pub(crate) written: Node,
}

impl Weighting {
    pub(crate) fn new(plugin: Box<dyn musicrec_api::Weighting>, written: Node) -> Self {
        let resolved = resolved(&plugin);
        Self {
            plugin,
            resolved,
            written,
        }
    }
}

/// What a trial is made of, as places in the lists of its experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) variant: usize,
    pub(crate) model: usize,
    pub(crate) weighting: usize,
    pub(crate) cleaning: usize,
}

/// A plugin with all its parameters, as records keep it.
pub(crate) fn resolved<T: Serialize + ?Sized>(plugin: &T) -> Value {
    serde_json::to_value(plugin).expect("parameters of plugins are plain data")
}

/// One concrete setting of one variant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial<'a> {
    /// Its place among all trials of the experiment.
    pub(crate) index: usize,
    /// The place of its variant among all.
    pub(crate) variant: usize,
    pub(crate) model: &'a Model,
    pub(crate) weighting: &'a Weighting,
    /// The place of its cleaning among all.
    pub(crate) cleaning: usize,
}

impl Experiment {
    /// All trials, in the order of the definition.
    pub(crate) fn trials(&self) -> Vec<Trial<'_>> {
        let trial = |(index, setting): (usize, &Setting)| Trial {
            index,
            variant: setting.variant,
            model: &self.models[setting.model],
            weighting: &self.weightings[setting.weighting],
            cleaning: setting.cleaning,
        };
        self.settings.iter().enumerate().map(trial).collect()
    }

    /// Keeps the trials whose place is true, and the rows that still have one.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.settings.retain(|_| kept.next() == Some(&true));
        let mut new_place: Vec<Option<usize>> = vec![None; self.variants.len()];
        for setting in &self.settings {
            new_place[setting.variant] = Some(0);
        }
        let still = new_place.iter_mut().flatten();
        still.enumerate().for_each(|(at, place)| *place = at);
        for setting in &mut self.settings {
            setting.variant = new_place[setting.variant].expect("set above");
        }
        let mut still = new_place.iter();
        self.variants
            .retain(|_| still.next().is_some_and(Option::is_some));
    }

    /// Why this experiment cannot do without a validation part, if it cannot.
    pub(crate) fn needs_validation(&self) -> Option<Reason> {
        needs_validation(
            &*self.splitter,
            &self.variants,
            &self.settings,
            &self.recommendations,
        )
    }

    /// The name of a trial's row of the leaderboard.
    pub(crate) fn variant(&self, trial: &Trial) -> &str {
        &self.variants[trial.variant].name
    }

    /// What all trials share, as records and the report folder keep it. Paths are left out: the
    /// fingerprint names what is read, wherever it lies.
    pub(crate) fn shared(&self) -> Value {
        let mut source = resolved(&self.source);
        for parameters in source
            .as_object_mut()
            .into_iter()
            .flat_map(|s| s.values_mut())
        {
            if let Some(parameters) = parameters.as_object_mut() {
                parameters.retain(|key, _| !PATHS.contains(&key.as_str()));
            }
        }
        let mut shared = json!({
            "seed": self.seed,
            "source": source,
            "cleaners": self.cleaners(),
            "splitter": resolved(&self.splitter),
            "evaluation": self.evaluation.of_a_trial(),
        });
        if let Some(rules) = self.rules.identity() {
            shared["rules"] = rules;
        }
        shared
    }

    /// The cleaners as they are shared by all trials: the one list, or `{ grid = [ … ] }` of all
    /// alternatives.
    fn cleaners(&self) -> Value {
        match self.cleanings.as_slice() {
            [one] => resolved(&one.cleaners),
            all => {
                let all: Vec<Value> = all.iter().map(|c| resolved(&c.cleaners)).collect();
                json!({ "grid": all })
            }
        }
    }

    /// The fully resolved definition of one trial. What trials are asked is common to all
    /// alternatives of the cleaners, so where there are several, a trial depends on all of them:
    /// they stand under `compared_cleaners`.
    pub(crate) fn resolved(&self, trial: &Trial) -> Value {
        let mut all = self.shared();
        if self.cleanings.len() > 1 {
            all["compared_cleaners"] = all["cleaners"]["grid"].take();
            all["cleaners"] = resolved(&self.cleanings[trial.cleaning].cleaners);
        }
        all["weighting"] = trial.weighting.resolved.clone();
        all["model"] = trial.model.resolved.clone();
        if let Some(files) = &trial.model.files {
            all["model_files"] = files.as_str().into();
        }
        all
    }
}

/// The revisions of all plugins that a resolved definition names, as `kind.name: revision`.
pub(crate) fn revisions(definition: &Value) -> Value {
    fn mentioned(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    names.push(key.clone());
                    mentioned(value, names);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| mentioned(item, names)),
            _ => {}
        }
    }
    let mut found = serde_json::Map::new();
    for registration in registrations() {
        let mut names = Vec::new();
        let kind = registration.kind;
        let part = match kind {
            Kind::Metric => &definition["evaluation"]["metrics"],
            kind => &definition[kind.key()],
        };
        mentioned(part, &mut names);
        if kind == Kind::Cleaner {
            mentioned(&definition["compared_cleaners"], &mut names);
        }
        if kind == Kind::Weighting {
            mentioned(&definition["evaluation"]["targets"], &mut names);
        }
        if names.iter().any(|n| n == registration.name) {
            found.insert(
                format!("{}.{}", kind.key(), registration.name),
                registration.revision.into(),
            );
        }
    }
    Value::Object(found)
}
