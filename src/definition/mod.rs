//! From a TOML file to checked, expanded trials. Nothing runs before all of it has been checked.

mod evaluation;
mod expand;
mod fault;
mod overrides;
mod tree;
mod typed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use musicrec_api::Kind;
use serde::de::DeserializeOwned;

use crate::exit::Failure;
use crate::experiment::{Cleaning, Experiment, Model, Recommendations, Weighting, combine};
use expand::Named;
use fault::{Fault, Faults, Sources};
use tree::{Entry, Node, Place, Value};
use typed::typed;

/// The keys a definition may have, in the order of the docs.
const KEYS: [&str; 9] = [
    "name",
    "seed",
    "source",
    "cleaners",
    "splitter",
    "weighting",
    "model",
    "evaluation",
    "recommendations",
];

/// Reads and checks a definition.
///
/// `settings` are the `--set key=value` of the command line. All faults of the definition are
/// reported at once, each with its place.
pub(crate) fn load(path: &Path, settings: &[String], color: bool) -> Result<Experiment, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let remedy = match e.kind() {
            std::io::ErrorKind::NotFound => {
                "; give the path of a TOML file, for example experiments/quickstart.toml"
            }
            std::io::ErrorKind::InvalidData => "; a definition is a TOML file in UTF-8",
            std::io::ErrorKind::IsADirectory => "; give the path of a TOML file in it",
            _ => "",
        };
        Failure::Definition(format!(
            "cannot read the definition {}: {e}{remedy}",
            path.display()
        ))
    })?;
    let mut sources = Sources::default();
    sources.add(path.display().to_string(), text);
    parse(path, settings, &mut sources)
        .map_err(|faults| Failure::Faults(faults.render(&sources, color)))
}

/// The parameters of one plugin from `key=value` settings alone.
pub(crate) fn parameters<T: DeserializeOwned>(
    settings: &[String],
    color: bool,
) -> Result<T, Failure> {
    let mut sources = Sources::default();
    let source = sources.add("on the command line", "");
    let mut root = Node::empty(Place::new(source, &(0..0)));
    let mut faults = Faults::default();
    for setting in settings {
        overrides::apply(&mut root, setting, &mut sources, Path::new(""), &mut faults);
    }
    let parameters = typed(&root, &mut faults);
    parameters
        .filter(|_| faults.is_empty())
        .ok_or_else(|| Failure::Faults(faults.render(&sources, color)))
}

fn parse(path: &Path, settings: &[String], sources: &mut Sources) -> Result<Experiment, Faults> {
    let mut root = Node::parse(sources, 0)?;
    let working_dir = std::env::current_dir().unwrap_or_default();
    let mut faults = Faults::default();
    for setting in settings {
        overrides::apply(&mut root, setting, sources, &working_dir, &mut faults);
    }
    experiment(root, path, &mut faults)
        .filter(|_| faults.is_empty())
        .ok_or(faults)
}

/// Every part is looked at, whatever is wrong with the others; `None` only with a fault.
fn experiment(mut root: Node, path: &Path, faults: &mut Faults) -> Option<Experiment> {
    // Defaults stand at the start of the file.
    let start = Place::new(0, &(0..0));
    if let Value::Table(entries) = &root.value {
        for entry in entries.iter().filter(|e| !KEYS.contains(&e.key.as_str())) {
            faults.push(
                Fault::at(
                    entry.place.clone(),
                    format!(
                        "unknown key `{}`, expected one of {}",
                        entry.key,
                        KEYS.join(", ")
                    ),
                )
                .suggest(&entry.key, KEYS),
            );
        }
    }
    let name = name(root.take("name").as_ref(), path, faults);
    let seed = match root.take("seed") {
        Some(entry) => plain(&entry, faults),
        None => Some(0),
    };
    let source = required(&mut root, "source", faults).and_then(|entry| {
        plugin(
            &entry.node,
            Kind::Source,
            "a comparison has one source",
            faults,
        )
    });
    let cleaners = list(root.take("cleaners").as_ref(), faults, |node, faults| {
        let why = "an entry of a list names exactly one; start another [[cleaners]] for it";
        plugin(node, Kind::Cleaner, why, faults)
    });
    let splitter_entry = root.take("splitter");
    let splitter_given = splitter_entry.is_some();
    let splitter = plugin(
        &splitter_entry.map_or_else(|| text(&start, "global_time"), |e| e.node),
        Kind::Splitter,
        "all trials of a comparison share one split",
        faults,
    );
    let weighting = root
        .take("weighting")
        .map_or_else(|| text(&start, "event_strength"), |e| e.node);
    let weightings: Vec<Weighting> = expand::place(&weighting, Kind::Weighting, faults)
        .iter()
        .filter_map(|node| typed(node, faults).map(Weighting::new))
        .collect();
    let before = faults.len();
    let models = required(&mut root, "model", faults)
        .map(|entry| models(&entry, faults))
        .unwrap_or_default();
    let cleanings = vec![Cleaning {
        label: String::new(),
        cleaners,
    }];
    let (variants, settings) = combine(&models, &weightings, &cleanings, &[]);
    // Where a model is not understood, a name of it would only be a second fault.
    let names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
    let names = (faults.len() == before).then_some(names.as_slice());
    expand::too_many(models.len() * weightings.len(), &start, faults);
    let evaluation = evaluation::evaluation(root.take("evaluation"), &start, names, faults);
    let recommendations = match root.take("recommendations") {
        Some(entry) => evaluation::recommendations(&entry.node, names, faults),
        None => Some(Recommendations::default()),
    };
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    Some(Experiment {
        name: name?,
        seed: seed?,
        base,
        path: path.to_path_buf(),
        source: source?,
        cleanings,
        splitter: splitter?,
        splitter_given,
        weightings,
        models,
        variants,
        settings,
        evaluation: evaluation?,
        recommendations: recommendations?,
    })
}

fn required(root: &mut Node, key: &str, faults: &mut Faults) -> Option<Entry> {
    let found = root.take(key);
    if found.is_none() {
        let (what, example) = match key {
            "source" => (
                "what to read",
                "for example [source.csv] with path = \"listens.csv\"",
            ),
            _ => (
                "what to compare",
                "for example [model.popularity] and [model.als]",
            ),
        };
        faults.push(
            Fault::nowhere(format!(
                "`{key}` is missing: the definition does not say {what}"
            ))
            .help(example),
        );
    }
    found
}

/// The typed plugin of a place that names exactly one.
fn plugin<T: DeserializeOwned>(
    node: &Node,
    kind: Kind,
    why: &str,
    faults: &mut Faults,
) -> Option<T> {
    let named = expand::one(node, kind, why, faults)?;
    typed(&named.into_node(), faults)
}

fn text(place: &Place, text: &str) -> Node {
    Node {
        place: place.clone(),
        value: Value::Scalar(toml::Value::String(text.to_owned())),
    }
}

/// A value that is no plugin; faults name its key.
fn plain<T: DeserializeOwned>(entry: &Entry, faults: &mut Faults) -> Option<T> {
    if !expand::no_grid(&entry.node, faults) {
        return None;
    }
    let node = Node::single(&entry.key, entry.place.clone(), entry.node.clone());
    let mut values: BTreeMap<String, T> = typed(&node, faults)?;
    values.remove(&entry.key)
}

/// The experiment's name is a folder under `reports/`, so it must be fit for one.
fn name(entry: Option<&Entry>, path: &Path, faults: &mut Faults) -> Option<String> {
    let (name, place) = match entry {
        Some(entry) => (
            plain::<String>(entry, faults)?,
            Some(entry.node.place.clone()),
        ),
        None => (path.file_stem()?.to_string_lossy().into_owned(), None),
    };
    let fit = !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fit {
        return Some(name);
    }
    let message =
        format!("`{name}` cannot name an experiment, for it names a folder under reports/");
    let fault = match place {
        Some(place) => Fault::at(place, message),
        None => Fault::nowhere(message),
    };
    faults.push(fault.help(
        "use name = \"…\" of up to 100 letters, digits, `-`, `_` and `.`, starting with a letter \
         or digit",
    ));
    None
}

/// The entries of a list that can be understood; the others are faults.
fn list<T>(
    entry: Option<&Entry>,
    faults: &mut Faults,
    parse: impl Fn(&Node, &mut Faults) -> Option<T>,
) -> Vec<T> {
    let Some(entry) = entry else {
        return Vec::new();
    };
    let Value::Array(items) = &entry.node.value else {
        faults.push(
            Fault::at(
                entry.place.clone(),
                format!(
                    "`{}` is a list; this is a value of type {}",
                    entry.key,
                    entry.node.describe()
                ),
            )
            .help(format!(
                "write [[{}]] before each entry, or a list in brackets",
                entry.key
            )),
        );
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| parse(item, faults))
        .collect()
}

/// Every model that is named is a variant: a row of the leaderboard, with the trials of its grids.
fn models(entry: &Entry, faults: &mut Faults) -> Vec<Model> {
    let named = expand::named(&entry.node, Kind::Model, faults);
    let mut models: Vec<Model> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    for (at, plugin) in named.iter().enumerate() {
        let twins = named.iter().filter(|n| n.name == plugin.name).count();
        let before = named[..at].iter().filter(|n| n.name == plugin.name).count();
        let mut plugin = plugin.clone();
        let label = plugin.parameters.take("label");
        let name = match &label {
            Some(label) => plain(label, faults),
            None if twins > 1 => Some(format!("{}-{}", plugin.name, before + 1)),
            None => Some(plugin.name.clone()),
        };
        let Some(name) = name else { continue };
        let free = |c: char| !c.is_control() && !"()*".contains(c);
        if name.trim().is_empty() || name.chars().count() > 60 || !name.chars().all(free) {
            let place = label.map_or(plugin.place, |l| l.node.place);
            faults.push(
                Fault::at(place, "this cannot name a row of the leaderboard").help(
                    "a label is a text of up to 60 characters in one line, without ( ) and *",
                ),
            );
            continue;
        }
        if labels.contains(&name) {
            let place = label.map_or(plugin.place, |l| l.node.place);
            faults.push(
                Fault::at(place, format!("two variants are called `{name}`"))
                    .help("give each its own `label`"),
            );
            continue;
        }
        for parameters in expand::parameters(&plugin.parameters, Kind::Model, faults) {
            let node = Named {
                parameters,
                ..plugin.clone()
            }
            .into_node();
            models.extend(typed(&node, faults).map(|plugin| Model::new(name.clone(), plugin)));
        }
        labels.push(name);
    }
    models
}

#[cfg(test)]
mod tests;
