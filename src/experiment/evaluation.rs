//! How trials are judged and what is exported: `[evaluation]` and `[recommendations]`.

use std::num::NonZeroUsize;

use musicrec_api::{Metric, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{POPULARITY, Variant, resolved};
use crate::compare::Correction;
use crate::text::counted;

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

/// With fewer seeds on test than this, the spread of a stochastic model is not known well enough
/// (protocol P21).
const SEEDS: usize = 5;

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
    /// The variant that others are compared with; popularity if not named.
    pub(crate) baseline: Option<String>,
    /// Whether popularity is added as a row of its own where no model is popularity.
    pub(crate) add_popularity: bool,
    /// An item of the evaluated part is a target if its summed weight by this is above 0.
    #[schemars(skip)]
    pub(crate) targets: Box<dyn musicrec_api::Weighting>,
    /// How many items are ranked for a user and kept in `lists`; as deep as the deepest metric if
    /// not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth: Option<NonZeroUsize>,
    /// Columns of the log by which the test part is divided into segments, besides those that are
    /// always there.
    pub(crate) segments: Vec<String>,
    /// What is done with items that a user already heard in the fit part.
    pub(crate) heard: Heard,
    /// What is done with targets that nobody heard in the fit part.
    pub(crate) cold_items: ColdItems,
    /// What is done with users of whom the fit part knows nothing.
    pub(crate) cold_users: ColdUsers,
    /// What a list is worth whose items have equal scores.
    pub(crate) ties: Ties,
    /// Whether the chosen trials learn from train and validation together before the test.
    pub(crate) refit: bool,
    /// With how many seeds a stochastic model is scored on test; its value is their mean.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) seeds: NonZeroUsize,
    /// With how many seeds a stochastic model is scored on validation.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) validation_seeds: NonZeroUsize,
    /// The least difference in the deciding metric that is worth having.
    #[schemars(range(min = 0.0, max = 1e9))]
    pub(crate) min_effect: f64,
    /// How p-values are adjusted for the number of comparisons.
    pub(crate) correction: Correction,
    /// Whether every trial is scored on test for the comparison of validation with test, not only
    /// the chosen ones. This is peeking, and counted as such.
    pub(crate) exhibit_test: bool,
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
            add_popularity: true,
            targets,
            depth: None,
            segments: Vec::new(),
            heard: Heard::Mask,
            cold_items: ColdItems::Miss,
            cold_users: ColdUsers::Skip,
            ties: Ties::ItemId,
            refit: true,
            seeds: NonZeroUsize::new(SEEDS).expect("not zero"),
            validation_seeds: NonZeroUsize::MIN,
            min_effect: 0.0,
            correction: Correction::Holm,
            exhibit_test: false,
            null_rankings: NonZeroUsize::new(2_000).expect("not zero"),
            resamples: NonZeroUsize::new(10_000).expect("not zero"),
        }
    }
}

impl Evaluation {
    /// The label of the deciding metric: the one named, else the first NDCG, else the first that can
    /// choose trials. A definition has one.
    pub(crate) fn select(&self) -> String {
        let able = self.metrics.able();
        self.select.clone().unwrap_or_else(|| {
            let ndcg = able.iter().find(|l| l.starts_with("ndcg"));
            ndcg.or(able.first()).cloned().unwrap_or_default()
        })
    }

    /// How many items are ranked for a user.
    pub(crate) fn depth(&self) -> usize {
        let deepest = self.metrics.depth();
        self.depth.map_or(deepest, |d| d.get().max(deepest))
    }

    /// With how many seeds a model is scored on a part.
    pub(crate) fn repeats(&self, model: &dyn musicrec_api::Model, role: Role) -> usize {
        match role {
            _ if !model.is_stochastic() => 1,
            Role::Validation => self.validation_seeds.get(),
            Role::Test => self.seeds.get(),
        }
    }

    /// The name of the baseline among the variants, if there is one: what the definition names, else
    /// the popularity that the lab added, else what is called so, else what is so.
    pub(crate) fn baseline<'a>(&self, variants: &'a [Variant]) -> Option<&'a str> {
        if let Some(name) = &self.baseline {
            return row(variants, name);
        }
        let first = |is: &dyn Fn(&Variant) -> bool| {
            let found = variants.iter().find(|v| is(v));
            found.map(|v| v.name.as_str())
        };
        first(&|v| v.added)
            .or_else(|| row(variants, POPULARITY))
            .or_else(|| first(&|v| v.plugin == POPULARITY))
    }

    /// Rules of the protocol that this definition changes, in words.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        let targets = resolved(&self.targets);
        if targets != resolved(&Self::default().targets) {
            changes.push(format!(
                "what counts as a target is weighed by {} (targets)",
                in_words(&targets)
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
        if self.ties == Ties::Expected {
            changes.push(
                "metrics of hits are averaged over the orders of equal scores (ties = \"expected\")"
                    .into(),
            );
        }
        if self.cold_users == ColdUsers::Popularity {
            changes.push(
                "users without a past are asked too, and get what is popular whatever the model \
                 (cold_users = \"popularity\")"
                    .into(),
            );
        }
        if !self.add_popularity {
            changes
                .push("popularity is not added to the comparison (add_popularity = false)".into());
        }
        if !self.refit {
            changes.push(
                "chosen trials are not refitted on train + validation (refit = false)".into(),
            );
        }
        if self.seeds.get() < SEEDS {
            changes.push(format!(
                "stochastic models are scored with {} on test, fewer than {SEEDS} (seeds)",
                counted(self.seeds.get(), "seed")
            ));
        }
        if self.correction == Correction::BenjaminiHochberg {
            changes.push(
                "p-values are adjusted by Benjamini & Hochberg, which bounds the share of false \
                 claims, not the chance of any (correction)"
                    .into(),
            );
        }
        if self.exhibit_test {
            changes.push(
                "every trial was scored on test, not only the chosen ones (exhibit_test = true)"
                    .into(),
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
    pub(super) fn of_a_trial(&self) -> Value {
        let mut all = resolved(self);
        if let Some(map) = all.as_object_mut() {
            for key in [
                "compare",
                "select",
                "baseline",
                "add_popularity",
                "seeds",
                "validation_seeds",
                "min_effect",
                "correction",
                "exhibit_test",
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

    /// The labels of those that trials can be chosen by: each user has a value, and higher is better.
    pub(crate) fn able(&self) -> Vec<String> {
        let able = self.0.iter().filter(|m| m.nature().can_choose());
        able.map(|m| m.identity().label).collect()
    }

    /// The labels of those that give each user a value, in order.
    pub(crate) fn labels_of_users(&self) -> Vec<String> {
        let of_users = self.0.iter().filter(|m| !m.nature().over_lists);
        of_users.map(|m| m.identity().label).collect()
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

/// What a list is worth whose items have equal scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ties {
    /// Items of equal score stand in the order of their ids, and that list is measured.
    ItemId,
    /// A metric of hits is its expectation over a random order of items of equal score, those that the
    /// end of the list cut off included. Exported lists stay in the order of ids.
    Expected,
}

/// What is done with users of whom the fit part knows nothing, and nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColdUsers {
    /// They are not asked.
    Skip,
    /// They are asked, and get the items of the most users whatever the model.
    Popularity,
}

/// What is exported at the end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Recommendations {
    /// Whether there are any: they take one more fit, on the whole log.
    pub(crate) export: bool,
    /// Whose recommendations; the variant that did best on validation if not named.
    pub(crate) variant: Option<String>,
    /// How many items a user gets.
    pub(crate) count: NonZeroUsize,
}

impl Default for Recommendations {
    fn default() -> Self {
        Self {
            export: true,
            variant: None,
            count: NonZeroUsize::new(3).expect("not zero"),
        }
    }
}
/// A plugin in words: its name, and its parameters if it has any.
fn in_words(plugin: &Value) -> String {
    let of = plugin.as_object().into_iter().flatten();
    let of = of.map(|(name, parameters)| match parameters.as_object() {
        Some(none) if none.is_empty() => format!("`{name}`"),
        _ => format!("`{name}` {parameters}"),
    });
    of.collect()
}
