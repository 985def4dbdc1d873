//! What was tried of each parameter, and which trials stand at an end of it: the best value may then
//! lie outside.

use std::collections::BTreeMap;

use musicrec_api::{Kind, registrations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::experiment::Trial;
use crate::reference::plain;
use crate::settings::{flatten, nesting};

/// The values that the trials of a variant have for a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    /// `factors`, or `weighting.half_life_days`.
    pub(crate) parameter: String,
    /// Ascending if they are numbers, else in the order of the definition.
    pub(crate) values: Vec<String>,
}

/// A parameter that has its lowest or highest value of those tried, where a lower or higher one is
/// possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub(crate) parameter: String,
    pub(crate) value: String,
    pub(crate) end: End,
}

/// Which end of what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Lowest,
    Highest,
}

/// A trial's parameters of model and weighting by name. Those of different weightings are different
/// parameters.
fn parameters(trial: &Trial) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for (prefix, plugin) in [
        ("", &trial.model.resolved),
        ("weighting.", &trial.weighting.resolved),
    ] {
        if prefix == "weighting." && !trial.model.plugin.reads_weights() {
            continue;
        }
        let Some((name, own)) = plugin.as_object().and_then(|m| m.iter().next()) else {
            continue;
        };
        for (path, _) in flatten(own)
            .into_iter()
            .filter(|(path, _)| !path.is_empty())
        {
            if let Some(value) = own.pointer(&format!("/{}", path.replace('.', "/"))) {
                let of = if prefix.is_empty() {
                    name.clone()
                } else {
                    nesting(plugin)
                };
                all.insert((of, format!("{prefix}{path}")), value.clone());
            }
        }
    }
    all
}

/// What the trials of a variant tried, and for each of them the ends that it stands at.
pub(super) fn ranges(trials: &[Trial]) -> (Vec<Range>, Vec<Vec<Edge>>) {
    let own: Vec<_> = trials.iter().map(parameters).collect();
    let mut tried: BTreeMap<&(String, String), Vec<&Value>> = BTreeMap::new();
    for (parameter, value) in own.iter().flatten() {
        let values = tried.entry(parameter).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    tried.retain(|_, values| values.len() > 1);
    for values in tried.values_mut() {
        values.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => std::cmp::Ordering::Equal,
        });
    }
    let mut open = BTreeMap::new();
    for (parameter, values) in &tried {
        let numbers: Option<Vec<f64>> = values.iter().map(|v| v.as_f64()).collect();
        if let Some([lowest, .., highest]) = numbers.as_deref() {
            open.insert(*parameter, ends(parameter, *lowest, *highest));
        }
    }
    let edges = own.iter().map(|own| {
        let at = open.iter().flat_map(|(parameter, ends)| {
            let value = own.get(*parameter);
            let stands = ends
                .iter()
                .filter(move |(at, _)| value.and_then(Value::as_f64) == Some(*at));
            stands.map(move |(_, end)| Edge {
                parameter: parameter.1.clone(),
                value: value.map(Value::to_string).unwrap_or_default(),
                end: *end,
            })
        });
        at.collect()
    });
    let edges = edges.collect();
    let ranges = tried.into_iter().map(|(parameter, values)| Range {
        parameter: parameter.1.clone(),
        values: values.into_iter().map(word).collect(),
    });
    (ranges.collect(), edges)
}

fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The ends of what was tried beyond which the parameter could go.
fn ends((plugin, path): &(String, String), lowest: f64, highest: f64) -> Vec<(f64, End)> {
    let bounds = bounds(plugin, path);
    let mut ends = Vec::new();
    if bounds.0.is_none_or(|least| least < lowest) {
        ends.push((lowest, End::Lowest));
    }
    if bounds.1.is_none_or(|most| most > highest) {
        ends.push((highest, End::Highest));
    }
    ends
}

/// The least and the greatest value that a parameter may have, where its schema says.
fn bounds(plugin: &str, path: &str) -> (Option<f64>, Option<f64>) {
    let (kind, path) = match path.strip_prefix("weighting.") {
        Some(path) => (Kind::Weighting, path),
        None => (Kind::Model, path),
    };
    // `of.plays.cap` is the `cap` of the nested `plays`.
    let mut words: Vec<&str> = path.split('.').collect();
    let parameter = words.pop().unwrap_or_default();
    let outermost = plugin.split('(').next().unwrap_or_default();
    let name = words.last().copied().unwrap_or(outermost);
    let all = registrations();
    let Some(found) = all.iter().find(|r| r.kind == kind && r.name == name) else {
        return (None, None);
    };
    let schema = plain::parameters(found);
    let of = &schema["properties"][parameter];
    let bound = |key: &str| of.get(key).and_then(Value::as_f64);
    (bound("minimum"), bound("maximum"))
}

#[cfg(test)]
mod tests {
    use super::{Edge, End, ranges};
    use crate::experiment::{Model, Trial, Weighting};

    fn model(json: &str) -> Model {
        Model::new("als".into(), serde_json::from_str(json).unwrap())
    }

    #[test]
    fn ends_that_can_be_extended_are_named() {
        let weighting: Box<dyn musicrec_api::Weighting> =
            serde_json::from_str(r#"{"binary": {}}"#).unwrap();
        let nowhere = crate::definition::Place::new(0, &(0..0));
        let weighting = Weighting::new(weighting, crate::definition::Node::empty(nowhere));
        let models = [
            r#"{"als": {"factors": 1, "alpha": 5.0, "solver": "conjugate_gradients"}}"#,
            r#"{"als": {"factors": 8, "alpha": 5.0, "solver": "exact"}}"#,
            r#"{"als": {"factors": 4, "alpha": 5.0, "solver": "conjugate_gradients"}}"#,
        ]
        .map(model);
        let trials: Vec<Trial> = models
            .iter()
            .enumerate()
            .map(|(index, model)| Trial {
                index,
                variant: 0,
                model,
                weighting: &weighting,
                cleaning: 0,
            })
            .collect();
        let (ranges, edges) = ranges(&trials);
        let tried = |at: usize| (ranges[at].parameter.as_str(), ranges[at].values.join(" "));
        assert_eq!(ranges.len(), 2);
        assert_eq!(tried(0), ("factors", "1 4 8".to_owned()));
        assert_eq!(tried(1), ("solver", "conjugate_gradients exact".to_owned()));
        // Fewer than one factor there cannot be.
        assert!(edges[0].is_empty() && edges[2].is_empty(), "{edges:?}");
        let highest = Edge {
            parameter: "factors".into(),
            value: "8".into(),
            end: End::Highest,
        };
        assert_eq!(edges[1], [highest]);
    }
}
