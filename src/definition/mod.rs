//! From a TOML file to checked, expanded trials. Nothing runs before all of it has been checked.

mod expand;
mod fault;
mod overrides;
mod tree;
mod typed;

use std::path::{Path, PathBuf};

use musicrec_api::{Kind, Metric};
use serde::de::DeserializeOwned;

use crate::exit::Failure;
use crate::experiment::{
    Evaluation, Experiment, Metrics, Model, Recommendations, Variant, Weighting,
};
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
        faults.absorb(overrides::apply(
            &mut root,
            setting,
            &mut sources,
            Path::new(""),
        ));
    }
    if faults.is_empty() {
        match typed(&root) {
            Ok(parameters) => return Ok(parameters),
            Err(found) => faults = found,
        }
    }
    Err(Failure::Faults(faults.render(&sources, color)))
}

fn parse(path: &Path, settings: &[String], sources: &mut Sources) -> Result<Experiment, Faults> {
    let mut root = Node::parse(sources, 0)?;
    let working_dir = std::env::current_dir().unwrap_or_default();
    let mut faults = Faults::default();
    for setting in settings {
        faults.absorb(overrides::apply(&mut root, setting, sources, &working_dir));
    }
    match experiment(root, path) {
        Ok(experiment) if faults.is_empty() => Ok(experiment),
        Ok(_) => Err(faults),
        Err(more) => {
            faults.extend(more);
            Err(faults)
        }
    }
}

fn experiment(mut root: Node, path: &Path) -> Result<Experiment, Faults> {
    let mut faults = Faults::default();
    let start = Place {
        source: 0,
        start: 0,
        end: 0,
    };
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
    let name = faults.absorb(name(root.take("name"), path));
    let seed = faults.absorb(seed(root.take("seed").as_ref()));
    let source = match root.take("source") {
        Some(entry) => faults.absorb(
            expand::one(&entry.node, Kind::Source, "a comparison has one source")
                .and_then(|named| typed(&named.into_node())),
        ),
        None => {
            faults.push(
                Fault::nowhere("`source` is missing: the definition does not say what to read")
                    .help("for example [source.csv] with path = \"listens.csv\""),
            );
            None
        }
    };
    let cleaners = faults.absorb(cleaners(root.take("cleaners").as_ref()));
    let splitter_entry = root.take("splitter");
    let splitter_place = splitter_entry.as_ref().map(|e| e.place.clone());
    let splitter = faults.absorb(
        expand::one(
            &splitter_entry.map_or_else(|| text(&start, "global_time"), |e| e.node),
            Kind::Splitter,
            "all trials of a comparison share one split",
        )
        .and_then(|named| typed(&named.into_node())),
    );
    let weighting_node = root
        .take("weighting")
        .map_or_else(|| text(&start, "event_strength"), |e| e.node);
    let weightings = faults.absorb(weightings(&weighting_node));
    let variants = match root.take("model") {
        Some(entry) => faults.absorb(variants(&entry)),
        None => {
            faults.push(
                Fault::nowhere("`model` is missing: the definition does not say what to compare")
                    .help("for example [model.popularity] and [model.als]"),
            );
            None
        }
    };
    let known: Vec<String> = variants
        .iter()
        .flatten()
        .map(|v: &Variant| v.name.clone())
        .collect();
    let evaluation = faults.absorb(evaluation(root.take("evaluation"), &start, &known));
    let recommendations = faults.absorb(recommendations(root.take("recommendations"), &known));
    if !faults.is_empty() {
        return Err(faults);
    }
    let base = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let complete = (|| {
        Some(Experiment {
            name: name?,
            seed: seed?,
            base,
            path: path.to_path_buf(),
            source: source?,
            cleaners: cleaners?,
            splitter: splitter?,
            splitter_given: splitter_place.is_some(),
            weightings: weightings?,
            variants: variants?,
            evaluation: evaluation?,
            recommendations: recommendations?,
        })
    })();
    complete.ok_or_else(|| Fault::nowhere("the definition is incomplete").into())
}

fn text(place: &Place, text: &str) -> Node {
    Node {
        place: place.clone(),
        value: Value::Scalar(toml::Value::String(text.to_owned())),
    }
}

/// The experiment's name is a folder under `reports/`, so it must be fit for one.
fn name(entry: Option<Entry>, path: &Path) -> Result<String, Faults> {
    let (name, place) = match &entry {
        Some(entry) => (
            typed::<String>(&entry.node)?,
            Some(entry.node.place.clone()),
        ),
        None => (
            path.file_stem().map_or_else(
                || "experiment".to_owned(),
                |s| s.to_string_lossy().into_owned(),
            ),
            None,
        ),
    };
    let fit = !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fit {
        return Ok(name);
    }
    let message =
        format!("`{name}` cannot name an experiment, for it names a folder under reports/");
    let fault = match place {
        Some(place) => Fault::at(place, message),
        None => Fault::nowhere(message),
    };
    Err(fault
        .help("use name = \"…\" of up to 100 letters, digits, `-`, `_` and `.`, starting with a letter or digit")
        .into())
}

fn seed(entry: Option<&Entry>) -> Result<u64, Faults> {
    entry.map_or(Ok(0), |entry| typed(&entry.node))
}

fn cleaners(entry: Option<&Entry>) -> Result<Vec<Box<dyn musicrec_api::Cleaner>>, Faults> {
    list(entry, |node| {
        let named = expand::one(
            node,
            Kind::Cleaner,
            "an entry of a list names exactly one; start another [[cleaners]] for it",
        )?;
        typed(&named.into_node())
    })
}

fn list<T>(
    entry: Option<&Entry>,
    parse: impl Fn(&Node) -> Result<T, Faults>,
) -> Result<Vec<T>, Faults> {
    let Some(entry) = entry else {
        return Ok(Vec::new());
    };
    let Value::Array(items) = &entry.node.value else {
        return Err(Fault::at(
            entry.place.clone(),
            format!("`{}` is a list, not a {}", entry.key, entry.node.describe()),
        )
        .help(format!(
            "write [[{}]] before each entry, or a list in brackets",
            entry.key
        ))
        .into());
    };
    let mut faults = Faults::default();
    let values = items
        .iter()
        .filter_map(|item| faults.absorb(parse(item)))
        .collect();
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

fn weightings(node: &Node) -> Result<Vec<Weighting>, Faults> {
    let mut faults = Faults::default();
    let weightings = expand::place(node, Kind::Weighting)?
        .iter()
        .filter_map(|node| faults.absorb(typed(node)).map(Weighting::new))
        .collect();
    if faults.is_empty() {
        Ok(weightings)
    } else {
        Err(faults)
    }
}

/// Every model that is named is a variant: a row of the leaderboard, with the trials of its grids.
fn variants(entry: &Entry) -> Result<Vec<Variant>, Faults> {
    let mut faults = Faults::default();
    let named = expand::named(&entry.node, Kind::Model)?;
    let mut variants: Vec<Variant> = Vec::new();
    for (at, plugin) in named.iter().enumerate() {
        let twins = named.iter().filter(|n| n.name == plugin.name).count();
        let before = named[..at].iter().filter(|n| n.name == plugin.name).count();
        let mut plugin = plugin.clone();
        let label = plugin.parameters.take("label");
        let name = match &label {
            Some(label) => faults.absorb(typed::<String>(&label.node)),
            None if twins > 1 => Some(format!("{}-{}", plugin.name, before + 1)),
            None => Some(plugin.name.clone()),
        };
        let Some(name) = name else { continue };
        if variants.iter().any(|v| v.name == name) {
            let place = label.map_or(plugin.place, |l| l.node.place);
            faults.push(
                Fault::at(place, format!("two variants are called `{name}`"))
                    .help("give each its own `label`"),
            );
            continue;
        }
        if let Some(models) = faults.absorb(models(&plugin)) {
            variants.push(Variant { name, models });
        }
    }
    if faults.is_empty() {
        Ok(variants)
    } else {
        Err(faults)
    }
}

fn models(plugin: &Named) -> Result<Vec<Model>, Faults> {
    let mut faults = Faults::default();
    let models = expand::parameters(&plugin.parameters, Kind::Model)?
        .into_iter()
        .filter_map(|parameters| {
            let node = Named {
                parameters,
                ..plugin.clone()
            }
            .into_node();
            faults.absorb(typed(&node)).map(Model::new)
        })
        .collect();
    if faults.is_empty() {
        Ok(models)
    } else {
        Err(faults)
    }
}

fn evaluation(
    entry: Option<Entry>,
    start: &Place,
    variants: &[String],
) -> Result<Evaluation, Faults> {
    let mut faults = Faults::default();
    let mut node = entry.map_or_else(|| Node::empty(start.clone()), |e| e.node);
    faults.absorb(expand::no_grid(&node));
    // Short forms are spelled out here; the rest is plainly typed.
    let metrics = node.take("metrics").map(|entry| {
        list(Some(&entry), |item| {
            typed::<Box<dyn Metric>>(&expand::metric(item)?.into_node())
                .map(|metric| (metric, item.place.clone()))
        })
        .and_then(|metrics| {
            if metrics.is_empty() {
                return Err(
                    Fault::at(entry.node.place.clone(), "at least one metric is needed").into(),
                );
            }
            Ok(metrics)
        })
    });
    let targets = node.take("targets").map(|entry| {
        expand::one(&entry.node, Kind::Weighting, "targets have one definition")
            .and_then(|named| typed(&named.into_node()))
    });
    let select = node.get("select").map(|e| e.node.place.clone());
    let baseline = node.get("baseline").map(|e| e.node.place.clone());
    let metrics = metrics.and_then(|m| faults.absorb(m));
    let targets = targets.and_then(|t| faults.absorb(t));
    let mut evaluation: Evaluation = match faults.absorb(typed(&node)) {
        Some(evaluation) if faults.is_empty() => evaluation,
        _ => return Err(faults),
    };
    if let Some(metrics) = metrics {
        let mut labels: Vec<String> = Vec::new();
        for (metric, place) in &metrics {
            let label = metric.identity().label;
            if labels.contains(&label) {
                faults.push(Fault::at(
                    place.clone(),
                    format!("`{label}` is listed twice"),
                ));
            }
            labels.push(label);
        }
        evaluation.metrics = Metrics(metrics.into_iter().map(|(metric, _)| metric).collect());
    }
    if let Some(targets) = targets {
        evaluation.targets = targets;
    }
    let labels = evaluation.metrics.labels();
    match (&evaluation.select, select) {
        (Some(chosen), Some(place)) if !labels.contains(chosen) => faults.push(
            Fault::at(
                place,
                format!("`select` names no metric of this definition: `{chosen}`"),
            )
            .suggest(chosen, labels.iter().map(String::as_str))
            .help(format!("there are: {}", labels.join(", "))),
        ),
        _ => {}
    }
    if let (Some(chosen), Some(place)) = (&evaluation.baseline, baseline)
        && !variants.contains(chosen)
        && !variants.is_empty()
    {
        faults.push(no_variant("baseline", chosen, place, variants));
    }
    if faults.is_empty() {
        Ok(evaluation)
    } else {
        Err(faults)
    }
}

fn no_variant(key: &str, name: &str, place: Place, variants: &[String]) -> Fault {
    Fault::at(place, format!("`{key}` names no model variant: `{name}`"))
        .suggest(name, variants.iter().map(String::as_str))
        .help(format!("there are: {}", variants.join(", ")))
}

fn recommendations(entry: Option<Entry>, variants: &[String]) -> Result<Recommendations, Faults> {
    let Some(entry) = entry else {
        return Ok(Recommendations::default());
    };
    expand::no_grid(&entry.node)?;
    let parsed: Recommendations = typed(&entry.node)?;
    if let (Some(name), Some(at)) = (&parsed.variant, entry.node.get("variant"))
        && !variants.contains(name)
        && !variants.is_empty()
    {
        return Err(no_variant("variant", name, at.node.place.clone(), variants).into());
    }
    Ok(parsed)
}
