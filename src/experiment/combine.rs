//! From models, weightings and cleanings to trials and the rows of the leaderboard.

use std::collections::HashMap;

use musicrec_api::Splitter;
use serde_json::Value;

use super::{Cleaning, Compared, Model, Recommendations, Setting, Variant, Weighting};
use crate::settings::{among_namesakes, nesting};

/// Why a definition cannot run, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// Every model with every cleaning and every weighting that it reads, and the rows of the
/// leaderboard that these trials make up.
pub(crate) fn combine(
    models: &[Model],
    weightings: &[Weighting],
    cleanings: &[Cleaning],
    compare: &[Compared],
) -> (Vec<Variant>, Vec<Setting>) {
    let mut picks = Vec::new();
    for (model, of) in models.iter().enumerate() {
        let read = if of.plugin.reads_weights() {
            weightings.len()
        } else {
            1
        };
        for weighting in 0..read.min(weightings.len()) {
            picks.extend((0..cleanings.len()).map(|cleaning| Pick {
                model,
                weighting,
                cleaning,
            }));
        }
    }
    rows(models, weightings, cleanings, compare, &picks)
}

/// What a trial is made of, before it is known which row of the leaderboard it belongs to: places in
/// lists of models, weightings and cleanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pick {
    pub(crate) model: usize,
    /// The first, if the model does not read the strength of interactions.
    pub(crate) weighting: usize,
    pub(crate) cleaning: usize,
}

/// The rows of the leaderboard that trials make up.
pub(crate) fn rows(
    models: &[Model],
    weightings: &[Weighting],
    cleanings: &[Cleaning],
    compare: &[Compared],
    picks: &[Pick],
) -> (Vec<Variant>, Vec<Setting>) {
    let weighting_names = weighting_labels(weightings);
    let mut variants: Vec<Variant> = Vec::new();
    let mut places: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut settings = Vec::new();
    for &Pick {
        model,
        weighting,
        cleaning,
    } in picks
    {
        let of = &models[model];
        let mut name = vec![of.label.as_str()];
        if compare.contains(&Compared::Weighting) && of.plugin.reads_weights() {
            name.push(&weighting_names[weighting]);
        }
        if compare.contains(&Compared::Cleaners) {
            name.push(&cleanings[cleaning].label);
        }
        name.retain(|part| !part.is_empty());
        // By parts: a label may look like the name of another row, which is refused then.
        let variant = *places.entry(name).or_insert_with_key(|name| {
            variants.push(Variant {
                name: name.join(" / "),
                model: of.label.clone(),
                plugin: of.plugin.typetag_name().to_owned(),
                added: of.added,
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
    // What the lab adds does not compete for the recommendations.
    let own = variants.iter().filter(|v| !v.added).count();
    if own > 1 && recommendations.export && recommendations.variant.is_none() {
        return Some(Reason {
            message: format!(
                "{own} variants compete, but the splitter `{splitter}` makes no validation part to \
                 choose one for recommendations.csv"
            ),
            remedy: format!(
                "give it a validation part, or name the one to recommend with: [recommendations] \
                 variant = \"{}\", or make none: export = false",
                variants[0].name
            ),
        });
    }
    None
}
