//! What was tried of each parameter, and which trials stand at an end of it: the best value may then
//! lie outside.

use std::collections::BTreeMap;

use musicrec_api::{Kind, registrations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::experiment::{Declared, DrawnModel, Trial};
use crate::reference::plain;
use crate::settings::{flatten, nesting};

/// The values that the trials of a variant have for a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Range {
    /// `factors`, or `weighting.half_life_days`.
    pub(crate) parameter: String,
    /// Ascending if they are numbers, else in the order of the definition.
    pub(crate) values: Vec<String>,
    /// The interval that they were drawn from, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<Declared>,
}

/// A parameter that has its lowest or highest value of those tried, where a lower or higher one is
/// possible. Of what random search draws, the ends of what it may draw are meant, not the extreme draws:
/// beyond these nothing is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Edge {
    pub(crate) parameter: String,
    pub(crate) value: String,
    pub(crate) end: End,
    /// The end of the interval that the value is drawn from and lies near to; absent where values are
    /// listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) near: Option<String>,
}

/// A parameter of a trial that does not have one value in all trials of its variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Parameter {
    /// As in [`Range::parameter`]; or `weighting` or `cleaners`, where several of these are tried.
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// Which end of what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Lowest,
    Highest,
}

/// A trial's parameters of model and weighting by name. Those of different weightings are different
/// parameters.
pub(super) fn parameters(trial: &Trial) -> BTreeMap<(String, String), Value> {
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

/// What the trials of a variant tried, and for each of them the ends that it stands at. `drawn`: what
/// random search drew them from.
pub(super) fn ranges(trials: &[Trial], drawn: Option<&DrawnModel>) -> (Vec<Range>, Vec<Vec<Edge>>) {
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
    let declared = |parameter: &(String, String)| drawn?.axes.get(&path(parameter));
    let mut open = BTreeMap::new();
    for (parameter, values) in &tried {
        let numbers: Option<Vec<f64>> = values.iter().map(|v| v.as_f64()).collect();
        if let Some([lowest, .., highest]) = numbers.as_deref() {
            let listed = Declared {
                lowest: *lowest,
                highest: *highest,
                scale: None,
            };
            let declared = declared(parameter).cloned().unwrap_or(listed);
            open.insert(*parameter, (ends(parameter, &declared), declared));
        }
    }
    let edges = own.iter().map(|own| {
        let at = open.iter().flat_map(|(parameter, (open, declared))| {
            let value = own.get(*parameter);
            let number = value.and_then(Value::as_f64);
            let (low, high) = number.map_or((false, false), |number| declared.at_ends(number));
            let stands = [(End::Lowest, low), (End::Highest, high)].into_iter();
            let stands = stands.filter(|(end, stands)| *stands && open.contains(end));
            stands.map(move |(end, _)| Edge {
                parameter: parameter.1.clone(),
                value: value.map(Value::to_string).unwrap_or_default(),
                end,
                near: declared.scale.map(|_| match end {
                    End::Lowest => declared.lowest.to_string(),
                    End::Highest => declared.highest.to_string(),
                }),
            })
        });
        at.collect()
    });
    let edges = edges.collect();
    let ranges = tried.into_iter().map(|(parameter, values)| Range {
        parameter: parameter.1.clone(),
        values: values.into_iter().map(word).collect(),
        interval: declared(parameter).filter(|d| d.scale.is_some()).cloned(),
    });
    (ranges.collect(), edges)
}

/// The path of a parameter in a definition: `model.als.factors`.
fn path((plugin, parameter): &(String, String)) -> String {
    let outermost = plugin.split('(').next().unwrap_or_default();
    match parameter.strip_prefix("weighting.") {
        Some(parameter) => format!("weighting.{outermost}.{parameter}"),
        None => format!("model.{outermost}.{parameter}"),
    }
}

fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The ends of what could be tried beyond which the parameter could go.
fn ends((plugin, path): &(String, String), declared: &Declared) -> Vec<End> {
    let bounds = bounds(plugin, path);
    let mut ends = Vec::new();
    if bounds.0.is_none_or(|least| least < declared.lowest) {
        ends.push(End::Lowest);
    }
    if bounds.1.is_none_or(|most| most > declared.highest) {
        ends.push(End::Highest);
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
    use std::collections::BTreeMap;

    use super::{Edge, End, ranges};
    use crate::experiment::{Declared, DrawnModel, Model, Scale, Trial, Weighting};

    fn model(json: &str) -> Model {
        Model::new("als".into(), serde_json::from_str(json).unwrap())
    }

    fn binary() -> Weighting {
        let weighting: Box<dyn musicrec_api::Weighting> =
            serde_json::from_str(r#"{"binary": {}}"#).unwrap();
        let nowhere = crate::definition::Place::new(0, &(0..0));
        Weighting::new(weighting, crate::definition::Node::empty(nowhere))
    }

    fn trials<'a>(models: &'a [Model], weighting: &'a Weighting) -> Vec<Trial<'a>> {
        let trial = |(index, model): (usize, &'a Model)| Trial {
            index,
            variant: 0,
            model,
            weighting,
            cleaning: 0,
        };
        models.iter().enumerate().map(trial).collect()
    }

    #[test]
    fn ends_that_can_be_extended_are_named() {
        let weighting = binary();
        let models = [
            r#"{"als": {"factors": 1, "alpha": 5.0, "solver": "conjugate_gradients"}}"#,
            r#"{"als": {"factors": 8, "alpha": 5.0, "solver": "exact"}}"#,
            r#"{"als": {"factors": 4, "alpha": 5.0, "solver": "conjugate_gradients"}}"#,
        ]
        .map(model);
        let (ranges, edges) = ranges(&trials(&models, &weighting), None);
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
            near: None,
        };
        assert_eq!(edges[1], [highest]);
    }

    #[test]
    fn of_draws_the_ends_are_those_of_the_interval() {
        let weighting = binary();
        let models = [
            r#"{"als": {"factors": 21, "alpha": 0.5, "regularization": 0.02}}"#,
            r#"{"als": {"factors": 127, "alpha": 2.0, "regularization": 0.5}}"#,
            r#"{"als": {"factors": 60, "alpha": 8.0, "regularization": 0.0}}"#,
        ]
        .map(model);
        let of = |lowest, highest, scale| Declared {
            lowest,
            highest,
            scale,
        };
        let drawn = DrawnModel {
            model: "als".into(),
            trials: 3,
            settings: None,
            axes: BTreeMap::from([
                (
                    "model.als.factors".into(),
                    of(8.0, 128.0, Some(Scale::Uniform)),
                ),
                // A grid, of whose values the highest was not drawn.
                ("model.als.alpha".into(), of(0.5, 32.0, None)),
                (
                    "model.als.regularization".into(),
                    of(0.0, 1.0, Some(Scale::Uniform)),
                ),
            ]),
        };
        let (ranges, edges) = ranges(&trials(&models, &weighting), Some(&drawn));
        let edge = |parameter: &str, value: &str, end, near: Option<&str>| Edge {
            parameter: parameter.into(),
            value: value.into(),
            end,
            near: near.map(str::to_owned),
        };
        // 21 is the lowest draw, but more than a tenth of the interval lies below it.
        assert_eq!(edges[0], [edge("alpha", "0.5", End::Lowest, None)]);
        assert_eq!(
            edges[1],
            [edge("factors", "127", End::Highest, Some("128"))]
        );
        // Below 0 there is no regularization.
        assert_eq!(edges[2], []);
        let factors = ranges.iter().find(|r| r.parameter == "factors").unwrap();
        assert_eq!(factors.interval, Some(of(8.0, 128.0, Some(Scale::Uniform))));
        let alpha = ranges.iter().find(|r| r.parameter == "alpha").unwrap();
        assert_eq!((&alpha.interval, alpha.values.len()), (&None, 3));
    }
}
