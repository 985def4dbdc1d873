//! `{ range = [8, 128], scale = "log2", steps = 5 }`: numbers between two ends.

use serde_json::Value as Schema;

use super::{RANGE, number, only_keys};
use crate::definition::fault::{Fault, Faults};
use crate::definition::tree::{Entry, Node, Value};

/// How the values of a range are spaced.
const SCALES: [&str; 3] = ["linear", "log2", "log10"];

/// The most values of a range.
const MOST_STEPS: i64 = 1_000;

/// The values of a range; `None` where it is faulty.
///
/// Values are rounded where the parameter is a whole number; where that is not known, where both
/// ends are.
pub(super) fn range(
    node: &Node,
    range: &Entry,
    schema: &Schema,
    faults: &mut Faults,
) -> Option<Vec<Node>> {
    only_keys(node, &RANGE, faults);
    let given = node.get("steps");
    let given = given.map(|steps| given_steps(&steps.node, faults));
    let scale = scale(node, faults);
    let example = "for example { range = [0.01, 1.0], scale = \"log10\", steps = 3 }";
    let (from, to, whole_ends) = ends(&range.node, "a range", example, faults)?;
    let (scale, whole) = (scale?, is_whole(schema).unwrap_or(whole_ends));
    if whole && !whole_ends {
        faults.push(
            Fault::at(
                range.node.place.clone(),
                "both ends must be whole numbers, as the parameter is one",
            )
            .help("write them without a decimal point"),
        );
        return None;
    }
    if scale != "linear" && from <= 0.0 {
        faults.push(Fault::at(
            range.node.place.clone(),
            format!("both ends must be above 0 for the scale {scale}"),
        ));
        return None;
    }
    let steps = match given {
        Some(steps) => steps?,
        None => match whole_steps(from, to, scale) {
            Ok(steps) => steps,
            Err(message) => {
                faults.push(Fault::at(range.node.place.clone(), message).help(
                    "say how many values, both ends included, for example { range = [8, 128], \
                     scale = \"log2\", steps = 5 }",
                ));
                return None;
            }
        },
    };
    let values: Vec<f64> = (0..steps)
        .map(|at| between(from, to, scale, at, steps))
        .collect();
    let of = |value: f64| Node {
        place: range.node.place.clone(),
        value: Value::Scalar(if whole {
            toml::Value::Integer(value.round() as i64)
        } else {
            toml::Value::Float(value)
        }),
    };
    let mut nodes: Vec<Node> = values.into_iter().map(of).collect();
    let before = nodes.len();
    nodes.dedup_by(|next, kept| next.plain() == kept.plain());
    if nodes.len() < before {
        faults.push(
            Fault::at(
                range.node.place.clone(),
                format!(
                    "rounded to whole numbers, {before} steps give {} different values",
                    nodes.len()
                ),
            )
            .help("take fewer steps")
            .warning(),
        );
    }
    Some(nodes)
}

/// Whether a parameter is a whole number; `None` where its schema does not say.
pub(super) fn is_whole(schema: &Schema) -> Option<bool> {
    let kinds: Vec<&str> = match &schema["type"] {
        Schema::String(kind) => vec![kind],
        Schema::Array(kinds) => kinds.iter().filter_map(Schema::as_str).collect(),
        _ => return None,
    };
    let is = |kind| kinds.contains(&kind);
    (is("integer") || is("number")).then(|| !is("number"))
}

/// How the values of a range are spaced; evenly unless it says otherwise.
fn scale(node: &Node, faults: &mut Faults) -> Option<&'static str> {
    let Some(scale) = node.get("scale") else {
        return Some("linear");
    };
    let written = scale.node.as_str().unwrap_or_default();
    let known = SCALES.into_iter().find(|known| *known == written);
    if known.is_none() {
        faults.push(
            Fault::at(scale.node.place.clone(), "there is no such scale")
                .suggest(written, SCALES)
                .help("there are: \"linear\", \"log2\", \"log10\""),
        );
    }
    known
}

fn given_steps(node: &Node, faults: &mut Faults) -> Option<usize> {
    if let Value::Scalar(toml::Value::Integer(steps)) = &node.value
        && (2..=MOST_STEPS).contains(steps)
    {
        return Some(*steps as usize);
    }
    let message = format!("`steps` is a whole number from 2 to {MOST_STEPS}");
    faults.push(
        Fault::at(node.place.clone(), message).help("it counts the values, both ends included"),
    );
    None
}

/// Both ends of what `name` is, and whether they are whole numbers.
pub(super) fn ends(
    node: &Node,
    name: &str,
    example: &str,
    faults: &mut Faults,
) -> Option<(f64, f64, bool)> {
    let whole = |node: &Node| matches!(node.value, Value::Scalar(toml::Value::Integer(_)));
    if let Value::Array(items) = &node.value
        && let [first, last] = items.as_slice()
        && let (Some(from), Some(to)) = (number(first), number(last))
    {
        if from < to {
            return Some((from, to, whole(first) && whole(last)));
        }
        faults.push(Fault::at(
            node.place.clone(),
            format!("the first end of {name} is the lower one"),
        ));
        return None;
    }
    faults.push(
        Fault::at(
            node.place.clone(),
            format!("{name} has two numbers, its ends"),
        )
        .help(example),
    );
    None
}

/// How many values there are, where every doubling or power of ten is one.
fn whole_steps(from: f64, to: f64, scale: &str) -> Result<usize, String> {
    let (times, word) = match scale {
        "log2" => ((to / from).log2(), "doublings"),
        "log10" => ((to / from).log10(), "powers of ten"),
        _ => return Err("a linear range needs `steps`".to_owned()),
    };
    if (times - times.round()).abs() < 1e-9 && times.round() >= 1.0 {
        Ok(times.round() as usize + 1)
    } else {
        Err(format!(
            "without `steps`, a range of scale {scale} goes in whole {word}, and {from} does not come \
             to {to} so"
        ))
    }
}

/// Value number `at` of `steps`, with at most 12 digits: 0.3, not 0.30000000000000004.
fn between(from: f64, to: f64, scale: &str, at: usize, steps: usize) -> f64 {
    if at == 0 {
        return from;
    }
    if at + 1 == steps {
        return to;
    }
    let share = at as f64 / (steps - 1) as f64;
    let value = if scale == "linear" {
        from + (to - from) * share
    } else {
        from * (to / from).powf(share)
    };
    format!("{value:.11e}").parse().unwrap_or(value)
}
