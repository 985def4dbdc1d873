//! One experiment, checked and typed: what a definition says once short forms and grids are spelled out.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use musicrec_api::{Cleaner, Kind, Metric, Source, Splitter, registrations};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::definition::{Node, Written};
use crate::settings::{among_namesakes, nesting};

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
    /// The alternatives of the list of cleaners; one where none of its entries is an axis.
    pub(crate) cleanings: Vec<Cleaning>,
    pub(crate) splitter: Box<dyn Splitter>,
    /// Whether the definition names the splitter itself.
    pub(crate) splitter_given: bool,
    pub(crate) weightings: Vec<Weighting>,
    /// All models, with the label of the header that each stands under.
    pub(crate) models: Vec<Model>,
    /// The rows of the leaderboard.
    pub(crate) variants: Vec<Variant>,
    /// What runs, in the order of the definition.
    pub(crate) settings: Vec<Setting>,
    pub(crate) evaluation: Evaluation,
    pub(crate) recommendations: Recommendations,
}

/// A row of the leaderboard: what `[evaluation] compare` says is one, by default a model header with
/// all its grids, weightings and cleanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The label of its model.
    pub(crate) model: String,
}

/// Why a definition cannot run, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// One alternative of the list of cleaners.
#[derive(Debug)]
pub(crate) struct Cleaning {
    /// What tells it from the other alternatives: `drop_duplicates=off`; empty if it is the only one.
    pub(crate) label: String,
    pub(crate) cleaners: Vec<Box<dyn Cleaner>>,
}

/// A concrete model and its parameters as JSON, defaults included.
#[derive(Debug)]
pub(crate) struct Model {
    /// The name of the header it stands under.
    pub(crate) label: String,
    pub(crate) plugin: Box<dyn musicrec_api::Model>,
    pub(crate) resolved: Value,
}

impl Model {
    pub(crate) fn new(label: String, plugin: Box<dyn musicrec_api::Model>) -> Self {
        let resolved = resolved(&plugin);
        Self {
            label,
            plugin,
            resolved,
        }
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

/// What may tell rows of the leaderboard apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compared {
    /// The model headers.
    Model,
    /// The weightings, for models that read them.
    Weighting,
    /// The alternatives of the cleaners.
    Cleaners,
}

/// A plugin with all its parameters, as records keep it.
pub(crate) fn resolved<T: Serialize + ?Sized>(plugin: &T) -> Value {
    serde_json::to_value(plugin).expect("parameters of plugins are plain data")
}

/// How trials are judged. Every default is a rule of the protocol; the report prints what a
/// definition changes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Evaluation {
    /// What is measured.
    #[schemars(skip)]
    pub(crate) metrics: Metrics,
    /// What tells rows of the leaderboard apart; everything else is chosen on validation.
    pub(crate) compare: Vec<Compared>,
    /// The metric that chooses trials and that verdicts speak of.
    pub(crate) select: Option<String>,
    /// The variant that others are compared with; `popularity` if there is one of that name.
    pub(crate) baseline: Option<String>,
    /// An item of the evaluated part is a target if its summed weight by this is above 0.
    #[schemars(skip)]
    pub(crate) targets: Box<dyn musicrec_api::Weighting>,
    /// How many items are ranked for a user and kept in `lists`; as deep as the deepest metric if
    /// not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth: Option<NonZeroUsize>,
    /// What is done with items that a user already heard in the fit part.
    pub(crate) heard: Heard,
    /// What is done with targets that nobody heard in the fit part.
    pub(crate) cold_items: ColdItems,
    /// Whether the chosen trials learn from train and validation together before the test.
    pub(crate) refit: bool,
    /// How many complete random rankings the chance row draws.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub(crate) null_rankings: NonZeroUsize,
    /// How many bootstrap resamples an interval rests on.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub(crate) resamples: NonZeroUsize,
}

impl Default for Evaluation {
    fn default() -> Self {
        let metrics = ["recall", "precision", "ndcg"].map(|name| {
            serde_json::from_value(json!({ name: {} })).expect("the built-in metrics are linked")
        });
        let targets = serde_json::from_value(json!({ "event_strength": {} }))
            .expect("the built-in weightings are linked");
        Self {
            metrics: Metrics(metrics.into()),
            compare: vec![Compared::Model],
            select: None,
            baseline: None,
            targets,
            depth: None,
            heard: Heard::Mask,
            cold_items: ColdItems::Miss,
            refit: true,
            null_rankings: NonZeroUsize::new(2_000).expect("not zero"),
            resamples: NonZeroUsize::new(10_000).expect("not zero"),
        }
    }
}

impl Evaluation {
    /// The label of the deciding metric: the one named, else the first NDCG, else the first.
    pub(crate) fn select(&self) -> String {
        let labels = self.metrics.labels();
        self.select.clone().unwrap_or_else(|| {
            labels
                .iter()
                .find(|l| l.starts_with("ndcg"))
                .unwrap_or(&labels[0])
                .clone()
        })
    }

    /// How many items are ranked for a user.
    pub(crate) fn depth(&self) -> usize {
        let deepest = self.metrics.depth();
        self.depth.map_or(deepest, |d| d.get().max(deepest))
    }

    /// The name of the baseline among the variants, if there is one.
    pub(crate) fn baseline<'a>(&self, variants: &'a [Variant]) -> Option<&'a str> {
        row(variants, self.baseline.as_deref().unwrap_or("popularity"))
    }

    /// Rules of the protocol that this definition changes, in words.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        let targets = resolved(&self.targets);
        if targets != resolved(&Self::default().targets) {
            changes.push(format!(
                "what counts as a target is weighed by {targets} (targets)"
            ));
        }
        if self.heard == Heard::Keep {
            changes.push(
                "heard items may be recommended and count as targets (heard = \"keep\")".into(),
            );
        }
        if self.cold_items == ColdItems::Drop {
            changes.push(
                "targets that no model could name are left out (cold_items = \"drop\")".into(),
            );
        }
        if !self.refit {
            changes.push(
                "chosen trials are not refitted on train + validation (refit = false)".into(),
            );
        }
        if self.null_rankings.get() < 2_000 {
            changes.push(format!(
                "the chance row rests on {} random rankings only",
                self.null_rankings
            ));
        }
        changes
    }

    /// What of this decides a trial's result: not how trials are compared afterwards.
    fn of_a_trial(&self) -> Value {
        let mut all = resolved(self);
        if let Some(map) = all.as_object_mut() {
            for key in [
                "compare",
                "select",
                "baseline",
                "null_rankings",
                "resamples",
            ] {
                map.remove(key);
            }
        }
        all
    }
}

/// The row of the leaderboard that is meant by a name: a row's own, or a model's, of which the first
/// row is meant.
pub(crate) fn row<'a>(variants: &'a [Variant], name: &str) -> Option<&'a str> {
    let own = variants.iter().find(|v| v.name == name);
    let first = || variants.iter().find(|v| v.model == name);
    own.or_else(first).map(|v| v.name.as_str())
}

/// The metrics of an evaluation.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metrics(pub(crate) Vec<Box<dyn Metric>>);

impl Metrics {
    /// Their labels in order: `recall@3`, …
    pub(crate) fn labels(&self) -> Vec<String> {
        self.0.iter().map(|m| m.identity().label).collect()
    }

    /// The deepest look any of them takes.
    pub(crate) fn depth(&self) -> usize {
        self.0.iter().map(|m| m.depth()).max().unwrap_or(1)
    }
}

/// What is done with items that a user already heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Heard {
    /// Taken out of the lists and of the targets.
    Mask,
    /// Left in both.
    Keep,
}

/// What is done with targets that nobody heard in the fit part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColdItems {
    /// They stay targets and are always missed.
    Miss,
    /// They are no targets.
    Drop,
}

/// What is exported at the end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Recommendations {
    /// Whose recommendations; the variant that did best on validation if not named.
    pub(crate) variant: Option<String>,
    /// How many items a user gets.
    pub(crate) count: NonZeroUsize,
}

impl Default for Recommendations {
    fn default() -> Self {
        Self {
            variant: None,
            count: NonZeroUsize::new(3).expect("not zero"),
        }
    }
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

/// Every model with every cleaning and every weighting that it reads, and the rows of the
/// leaderboard that these trials make up.
pub(crate) fn combine(
    models: &[Model],
    weightings: &[Weighting],
    cleanings: &[Cleaning],
    compare: &[Compared],
) -> (Vec<Variant>, Vec<Setting>) {
    let weighting_names = weighting_labels(weightings);
    let mut variants: Vec<Variant> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut settings = Vec::new();
    for (model, of) in models.iter().enumerate() {
        let reads_weights = of.plugin.reads_weights();
        let read = if reads_weights { weightings.len() } else { 1 };
        for (weighting, weighting_name) in weighting_names.iter().enumerate().take(read) {
            for (cleaning, cleaned) in cleanings.iter().enumerate() {
                let mut name = vec![of.label.as_str()];
                if compare.contains(&Compared::Weighting) && reads_weights {
                    name.push(weighting_name);
                }
                if compare.contains(&Compared::Cleaners) {
                    name.push(&cleaned.label);
                }
                name.retain(|part| !part.is_empty());
                let name = name.join(" / ");
                let variant = *places.entry(name).or_insert_with_key(|name| {
                    variants.push(Variant {
                        name: name.clone(),
                        model: of.label.clone(),
                    });
                    variants.len() - 1
                });
                settings.push(Setting {
                    variant,
                    model,
                    weighting,
                    cleaning,
                });
            }
        }
    }
    (variants, settings)
}

/// What tells each weighting from the others; empty if there is one.
fn weighting_labels(weightings: &[Weighting]) -> Vec<String> {
    if weightings.len() == 1 {
        return vec![String::new()];
    }
    let all: Vec<&Value> = weightings.iter().map(|w| &w.resolved).collect();
    let differing = among_namesakes(&all, "");
    all.iter()
        .zip(differing)
        .map(|(weighting, differing)| {
            let mut words = vec![nesting(weighting)];
            words.extend(differing);
            words.join(" ")
        })
        .collect()
}

/// Why an experiment cannot do without a validation part, if it cannot: settings are chosen on
/// validation, never on test.
pub(crate) fn needs_validation(
    splitter: &dyn Splitter,
    variants: &[Variant],
    settings: &[Setting],
    recommendations: &Recommendations,
) -> Option<Reason> {
    let splitter = splitter.typetag_name();
    for (at, variant) in variants.iter().enumerate() {
        let trials = settings.iter().filter(|s| s.variant == at).count();
        if trials > 1 {
            return Some(Reason {
                message: format!(
                    "variant `{}` has {trials} trials to choose from, but the splitter `{splitter}` \
                     makes no validation part, and choosing on the test part would flatter the result",
                    variant.name
                ),
                remedy: "give the splitter a validation part, or each variant one setting"
                    .to_owned(),
            });
        }
    }
    if variants.len() > 1 && recommendations.variant.is_none() {
        return Some(Reason {
            message: format!(
                "{} variants compete, but the splitter `{splitter}` makes no validation part to \
                 choose one for recommendations.csv",
                variants.len()
            ),
            remedy: format!(
                "give it a validation part, or name the one to recommend with: [recommendations] \
                 variant = \"{}\"",
                variants[0].name
            ),
        });
    }
    None
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
        json!({
            "seed": self.seed,
            "source": source,
            "cleaners": self.cleaners(),
            "splitter": resolved(&self.splitter),
            "evaluation": self.evaluation.of_a_trial(),
        })
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
