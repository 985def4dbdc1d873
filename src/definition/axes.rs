//! Axes: values of which a definition wants each, on the tree, before any plugin sees it, so that
//! parameters of plugins stay plainly typed.
//!
//! * `{ grid = [ … ] }`: these values.
//! * `{ range = [8, 128], scale = "log2", steps = 5 }`: numbers between two ends.
//! * `zip = { a = [ … ], b = [ … ] }` beside the parameters of a plugin: these move together.

use musicrec_api::Kind;

use super::fault::{Fault, Faults};
use super::plugins;
use super::tree::{Entry, Node, Place, Value};

/// What may stand in the table of a range.
const RANGE: [&str; 3] = ["range", "scale", "steps"];

/// How the values of a range are spaced.
const SCALES: [&str; 3] = ["linear", "log2", "log10"];

/// The most values of a range.
const MOST_STEPS: i64 = 1_000;

/// All concrete parameter tables of a plugin: the product of the axes in it, the last key fastest.
pub(super) fn of_plugin(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Node> {
    match node.get("zip") {
        Some(zip) if matches!(node.value, Value::Table(_)) => zipped(node, zip, faults)
            .iter()
            .flat_map(|node| expand(node, kind, faults))
            .collect(),
        _ => expand(node, kind, faults),
    }
}

fn expand(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Node> {
    let of = |value: Value| Node {
        place: node.place.clone(),
        value,
    };
    match &node.value {
        Value::Scalar(_) => vec![node.clone()],
        Value::Array(items) => {
            let choices: Vec<_> = items.iter().map(|i| expand(i, kind, faults)).collect();
            let rows = product(&choices, &node.place, faults).into_iter();
            rows.map(|items| of(Value::Array(items))).collect()
        }
        Value::Table(entries) => {
            if let Some(values) = axis(node, faults) {
                return values
                    .iter()
                    .flat_map(|value| expand(value, kind, faults))
                    .collect();
            }
            // An entry without any value has been a fault; the others are still looked at.
            let (entries, choices): (Vec<&Entry>, Vec<_>) = entries
                .iter()
                .map(|entry| {
                    let values = if entry.key == plugins::NESTED && kind == Kind::Weighting {
                        plugins::place(&entry.node, kind, faults)
                    } else {
                        expand(&entry.node, kind, faults)
                    };
                    (entry, values)
                })
                .filter(|(_, values)| !values.is_empty())
                .unzip();
            let table = |values: Vec<Node>| {
                let entries = entries.iter().zip(values);
                entries.map(|(&entry, node)| Entry {
                    node,
                    ..entry.clone()
                })
            };
            let rows = product(&choices, &node.place, faults).into_iter();
            rows.map(|values| of(Value::Table(table(values).collect())))
                .collect()
        }
    }
}

/// The values of a table that is an axis; `None` for any other node. A faulty axis has no values.
pub(super) fn axis(node: &Node, faults: &mut Faults) -> Option<Vec<Node>> {
    if let Some(entry) = node.get("grid") {
        return Some(grid(node, entry, faults));
    }
    let entry = node.get("range")?;
    Some(range(node, entry, faults).unwrap_or_default())
}

fn grid(node: &Node, grid: &Entry, faults: &mut Faults) -> Vec<Node> {
    only_keys(node, &["grid"], faults);
    let place = grid.node.place.clone();
    let Value::Array(items) = &grid.node.value else {
        let found = grid.node.describe();
        faults.push(
            Fault::at(
                place,
                format!("a grid is a list of values; this is a value of type {found}"),
            )
            .help("for example factors.grid = [16, 32, 64]"),
        );
        return Vec::new();
    };
    if items.is_empty() {
        faults.push(Fault::at(place.clone(), "a grid needs at least one value"));
    }
    if too_many(items.len(), &place, faults) {
        return Vec::new();
    }
    if items.len() == 1 {
        faults.push(
            Fault::at(place, "a grid of one value tries nothing")
                .help("write the value without `grid`, or add others")
                .warning(),
        );
    }
    distinct(items.clone(), faults)
}

/// Each value once; those that repeat an earlier one are warnings.
fn distinct(values: Vec<Node>, faults: &mut Faults) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(values.len());
    for value in values {
        if kept.iter().any(|earlier| same(earlier, &value)) {
            faults.push(
                Fault::at(value.place.clone(), "this value stands in the axis already")
                    .help("it is tried once")
                    .warning(),
            );
        } else {
            kept.push(value);
        }
    }
    kept
}

/// Whether two values are one: 1 and 1.0 are.
fn same(a: &Node, b: &Node) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.plain() == b.plain(),
    }
}

/// The number that a node is, if it is a finite one.
fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Scalar(toml::Value::Integer(number)) => Some(*number as f64),
        Value::Scalar(toml::Value::Float(number)) if number.is_finite() => Some(*number),
        _ => None,
    }
}

/// Refuses what stands beside the keys of an axis.
fn only_keys(node: &Node, keys: &[&str], faults: &mut Faults) {
    if let Value::Table(entries) = &node.value {
        for other in entries.iter().filter(|e| !keys.contains(&e.key.as_str())) {
            let message = format!("`{}` cannot stand beside `{}`", other.key, keys[0]);
            faults.push(
                Fault::at(other.place.clone(), message).suggest(&other.key, keys.iter().copied()),
            );
        }
    }
}

fn range(node: &Node, range: &Entry, faults: &mut Faults) -> Option<Vec<Node>> {
    only_keys(node, &RANGE, faults);
    let (from, to, whole) = ends(&range.node, faults)?;
    let scale = scale(node, faults)?;
    if scale != "linear" && from <= 0.0 {
        faults.push(Fault::at(
            range.node.place.clone(),
            format!("both ends must be above 0 for the scale {scale}"),
        ));
        return None;
    }
    let steps = match node.get("steps") {
        Some(steps) => given_steps(&steps.node, faults)?,
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
            .help("take fewer steps, or write an end with a decimal point for fractions")
            .warning(),
        );
    }
    Some(nodes)
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

/// Both ends and whether they are whole numbers.
fn ends(node: &Node, faults: &mut Faults) -> Option<(f64, f64, bool)> {
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
            "the first end of a range is the lower one",
        ));
        return None;
    }
    faults.push(
        Fault::at(node.place.clone(), "a range has two numbers, its ends")
            .help("for example { range = [0.01, 1.0], scale = \"log10\", steps = 3 }"),
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

/// The tables of a plugin with `zip`, each with one value of every zipped key.
fn zipped(node: &Node, zip: &Entry, faults: &mut Faults) -> Vec<Node> {
    let (Value::Table(entries), Value::Table(keys)) = (&node.value, &zip.node.value) else {
        faults.push(
            Fault::at(zip.node.place.clone(), "`zip` is a table of lists")
                .help("for example zip = { factors = [16, 64], iterations = [30, 10] }"),
        );
        return Vec::new();
    };
    let before = faults.errors();
    let mut columns: Vec<(&Entry, Vec<Node>)> = Vec::new();
    for key in keys {
        if let Some(beside) = entries.iter().find(|e| e.key == key.key) {
            let message = format!("`{}` stands in `zip` too", key.key);
            faults.push(
                Fault::at(beside.place.clone(), message)
                    .help("a parameter is set in one of the two"),
            );
        }
        let values = match &key.node.value {
            Value::Array(items) => Some(items.clone()),
            _ => axis(&key.node, faults),
        };
        match values {
            Some(values) => columns.push((key, values)),
            None => faults.push(Fault::at(
                key.node.place.clone(),
                format!("`zip` takes a list or a range for `{}`", key.key),
            )),
        }
    }
    if keys.is_empty() {
        faults.push(Fault::at(zip.place.clone(), "`zip` holds no key"));
    }
    if let Some(((first, values), others)) = columns.split_first() {
        if values.is_empty() {
            faults.push(Fault::at(first.node.place.clone(), "the list is empty"));
        }
        for (key, others) in others.iter().filter(|(_, v)| v.len() != values.len()) {
            faults.push(Fault::at(
                key.node.place.clone(),
                format!(
                    "`{}` has {} values, but `{}` has {}; what moves together is equally long",
                    key.key,
                    others.len(),
                    first.key,
                    values.len()
                ),
            ));
        }
    }
    if faults.errors() > before {
        return Vec::new();
    }
    let rows = columns[0].1.len();
    (0..rows)
        .map(|row| {
            let rest = entries.iter().filter(|e| e.key != "zip").cloned();
            let chosen = columns.iter().map(|(key, values)| Entry {
                node: values[row].clone(),
                ..(*key).clone()
            });
            Node {
                place: node.place.clone(),
                value: Value::Table(rest.chain(chosen).collect()),
            }
        })
        .collect()
}

/// Refuses axes where all trials must share one value; says whether there is none.
pub(super) fn none(node: &Node, faults: &mut Faults) -> bool {
    let before = faults.errors();
    match &node.value {
        Value::Scalar(_) => {}
        Value::Array(items) => {
            for item in items {
                none(item, faults);
            }
        }
        Value::Table(entries) => {
            let named = |key: &str| {
                node.get(key)
                    .filter(|e| matches!(e.node.value, Value::Array(_)))
            };
            let grid = named("grid").filter(|_| entries.len() == 1);
            let range = named("range").filter(|_| {
                let known = |e: &Entry| RANGE.contains(&e.key.as_str());
                entries.iter().all(known)
            });
            if let Some(axis) = grid.or(range) {
                let message = format!("a {} cannot stand here", axis.key);
                faults.push(Fault::at(axis.place.clone(), message).help(
                    "all trials of a comparison share source, splitter and rules of evaluation; axes \
                     belong in [model.…], [weighting.…] and the entries of cleaners and metrics",
                ));
            } else {
                for entry in entries {
                    none(&entry.node, faults);
                }
            }
        }
    }
    faults.errors() == before
}

/// Books a fault where `count` settings are more than a sweep takes.
pub(super) fn too_many(count: usize, place: &Place, faults: &mut Faults) -> bool {
    let most = faults.most_trials;
    if count <= most {
        return false;
    }
    let (message, help) = if most < super::MOST_TRIALS_IF_MEANT {
        (
            format!("{count} settings: a sweep takes more than {most} only with --yes"),
            "thin the axes out; or, if that many are meant, say --yes",
        )
    } else {
        (
            format!("{count} settings are more than the {most} a sweep takes"),
            "thin the axes out, or make several experiments of this one",
        )
    };
    faults.push(Fault::at(place.clone(), message).help(help));
    true
}

/// One of each, in every combination, the last fastest; none where there are too many.
pub(super) fn product<T: Clone>(
    choices: &[Vec<T>],
    place: &Place,
    faults: &mut Faults,
) -> Vec<Vec<T>> {
    let count = choices.iter().map(Vec::len).fold(1, usize::saturating_mul);
    if too_many(count, place, faults) {
        return Vec::new();
    }
    let mut all = vec![Vec::new()];
    for choice in choices {
        all = all
            .into_iter()
            .flat_map(|before: Vec<T>| {
                choice.iter().map(move |value| {
                    let mut row = before.clone();
                    row.push(value.clone());
                    row
                })
            })
            .collect();
    }
    all
}
