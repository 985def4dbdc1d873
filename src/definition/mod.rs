//! From a TOML file to checked, expanded trials. Nothing runs before all of it has been checked.

mod axes;
mod checks;
mod cleaners;
mod cluster;
mod drawn;
mod evaluation;
mod fault;
mod include;
mod keys;
mod labels;
mod models;
mod only;
mod overrides;
mod plugins;
mod report;
mod rules;
mod search;
mod show;
mod tree;
mod trials;
mod typed;
mod words;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use musicrec_api::{Kind, SourceContext, Splitter};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::experiment::{Compared, Experiment, POPULARITY, Variant, Weighting, needs_validation};
use checks::Checks;
use evaluation::Rows;
use fault::{COMMAND_LINE, Fault, Faults, Sources};
use tree::Entry;
use typed::{lenient, typed};

use keys::{list, name, plain, required, unknown_keys};

pub(crate) use cluster::launcher;
pub(crate) use fault::{Files, Finding};
pub(crate) use tree::{Node, Place};

/// The keys a definition may have, in the order of the docs.
const KEYS: [&str; 13] = [
    "include",
    "name",
    "seed",
    "source",
    "cleaners",
    "splitter",
    "weighting",
    "model",
    "search",
    "evaluation",
    "rules",
    "recommendations",
    "report",
];

/// A sweep of more trials than this is a slip of the keys, unless the user says `--yes`.
const MOST_TRIALS: usize = 10_000;

/// More than these do not fit in memory as a plan.
const MOST_TRIALS_IF_MEANT: usize = 1_000_000;

/// What the command line adds to a definition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// `--set key=value`.
    pub(crate) settings: Vec<String>,
    /// `--only key=value`.
    pub(crate) only: Vec<String>,
    /// `--yes`: more than 10,000 trials are meant.
    pub(crate) yes: bool,
    /// Whether a definition may name no model, as where it is only cleaned by: popularity stands in.
    pub(crate) without_model: bool,
    /// Texts that files of the definition had once; the others are read.
    pub(crate) files: Files,
    /// The columns of the log, where it has been read before and need not be there any more.
    pub(crate) read: Option<ReadBefore>,
}

/// What is known of a log that has been read before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadBefore {
    /// The names of its columns, where its source can tell them.
    columns: Option<Vec<String>>,
}

impl ReadBefore {
    /// The log of an experiment, which is there now.
    pub(crate) fn of(experiment: &Experiment) -> Self {
        let context = SourceContext::new(&experiment.base, experiment.seed);
        Self {
            columns: experiment.source.columns(&context),
        }
    }
}

/// A definition that has been looked at.
#[derive(Debug)]
pub(crate) struct Checked {
    sources: Sources,
    faults: Faults,
    /// What was written, with includes and settings in it; `None` where that is no TOML.
    tree: Option<Node>,
    /// `None` only with an error.
    experiment: Option<Experiment>,
}

/// The texts of a definition, to show faults in them that only the data can tell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    sources: Sources,
    color: bool,
}

impl Written {
    /// The files of the definition with their texts.
    pub(crate) fn files(&self) -> &Files {
        self.sources.files()
    }

    /// What weightings say once the kinds of event in the log are known.
    pub(crate) fn check_weightings(
        &self,
        experiment: &Experiment,
        weightings: &[&Weighting],
        events: &[String],
    ) -> Option<Failure> {
        // What was made from records was not written.
        if self.sources.count() == 0 {
            return None;
        }
        let checks = Checks::new(&experiment.base).with_events(events);
        let mut faults = Faults::new(MOST_TRIALS);
        for weighting in weightings {
            checks.weighting(&weighting.written, &mut faults);
        }
        (faults.errors() > 0).then(|| faults.failure(&self.sources, self.color))
    }

    /// What went wrong with a plugin while it worked, at the place where it is written. What is
    /// neither the definition's nor the data's fault stays as it is.
    pub(crate) fn failure(&self, plugin: &Node, failure: Failure) -> Failure {
        if self.sources.count() == 0 {
            return failure;
        }
        let place = checks::place_of(plugin, "");
        let fault = match failure {
            Failure::Definition(text) => Fault::at(place, text),
            Failure::Data(text) => Fault::at(place, text).of_data(),
            failure => return failure,
        };
        let mut faults = Faults::new(MOST_TRIALS);
        faults.push(fault);
        faults.failure(&self.sources, self.color)
    }
}

/// Reads and checks a definition. All faults of it are found at once, each with its place.
pub(crate) fn check(path: &Path, request: &Request) -> Checked {
    let mut sources = Sources::of_then(request.files.clone());
    let mut faults = Faults::new(if request.yes {
        MOST_TRIALS_IF_MEANT
    } else {
        MOST_TRIALS
    });
    let text = match sources.read(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(unreadable(path, &error));
            String::new()
        }
    };
    sources.add(path.display().to_string(), without_mark(&text));
    if faults.errors() == 0 {
        return parse(path, request, sources, faults);
    }
    Checked {
        sources,
        faults,
        tree: None,
        experiment: None,
    }
}

/// A text without the byte order mark that some editors put in front of it.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    let fault = Fault::nowhere(format!(
        "cannot read the definition {}: {error}",
        path.display()
    ));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            fault.help("give the path of a TOML file, for example experiments/quickstart.toml")
        }
        std::io::ErrorKind::InvalidData => fault.help("a definition is a TOML file in UTF-8"),
        std::io::ErrorKind::IsADirectory => fault.help("give the path of a TOML file in it"),
        _ => fault,
    }
}

impl Checked {
    /// The experiment, and its warnings as text if there are any.
    ///
    /// # Errors
    /// All faults, rendered.
    pub(crate) fn into_experiment(self, color: bool) -> Result<(Experiment, String), Failure> {
        let rendered = self.render(color);
        match self.experiment {
            Some(mut experiment) if self.faults.errors() == 0 => {
                experiment.written = Written {
                    sources: self.sources,
                    color,
                };
                Ok((experiment, rendered))
            }
            _ => Err(self.faults.failure(&self.sources, color)),
        }
    }

    /// Whether the definition is right and only the data that it names is not.
    pub(crate) fn of_data(&self) -> bool {
        self.faults.of_data()
    }

    /// Why there is no experiment.
    pub(crate) fn failure(&self, color: bool) -> Failure {
        self.faults.failure(&self.sources, color)
    }

    /// The experiment, if there is no error.
    pub(crate) fn experiment(&self) -> Option<&Experiment> {
        let faultless = self.faults.errors() == 0;
        self.experiment.as_ref().filter(|_| faultless)
    }

    /// Errors and warnings as a person reads them.
    pub(crate) fn render(&self, color: bool) -> String {
        self.faults.render(&self.sources, color)
    }

    /// Errors and warnings as programs read them.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.faults.findings(&self.sources)
    }
}

/// Reads and checks a definition that is to run; warnings come as text.
pub(crate) fn load(
    path: &Path,
    request: &Request,
    color: bool,
) -> Result<(Experiment, String), Failure> {
    check(path, request).into_experiment(color)
}

/// The parameters of one plugin from `key=value` settings alone.
pub(crate) fn parameters<T: DeserializeOwned>(
    settings: &[String],
    color: bool,
) -> Result<T, Failure> {
    let mut sources = Sources::default();
    let source = sources.add(COMMAND_LINE, "");
    let mut root = Node::empty(Place::new(source, &(0..0)));
    let mut faults = Faults::new(1);
    for setting in settings {
        overrides::apply(&mut root, setting, &mut sources, Path::new(""), &mut faults);
    }
    let parameters = typed(&root, &mut faults);
    parameters
        .filter(|_| faults.errors() == 0)
        .ok_or_else(|| faults.failure(&sources, color))
}

/// What is wrong with a text of the command line, at its place.
pub(crate) fn slip(
    option: &str,
    text: &str,
    slip: &crate::after::diff::Slip,
    color: bool,
) -> Failure {
    let mut sources = Sources::default();
    let source = sources.add(format!("{COMMAND_LINE} {option}"), text);
    let mut fault = Fault::at(Place::new(source, &slip.place), slip.message.as_str());
    if let Some(name) = &slip.nearest {
        fault = fault.label(format!("did you mean `{name}`?"));
    }
    let mut faults = Faults::new(1);
    faults.push(fault.help(slip.help.as_str()));
    faults.failure(&sources, color)
}

/// Checks the definition that is source 0.
fn parse(path: &Path, request: &Request, mut sources: Sources, mut faults: Faults) -> Checked {
    let mut tree = include::read(path, &mut sources, &mut faults);
    let mut experiment = None;
    if let Some(root) = &mut tree {
        let working_dir = std::env::current_dir().unwrap_or_default();
        for setting in &request.settings {
            overrides::apply(root, setting, &mut sources, &working_dir, &mut faults);
        }
        if request.without_model {
            let start = Place::new(0, &(0..0));
            root.add("model", &start, || Node::text(&start, POPULARITY));
        }
        let part = !request.only.is_empty();
        experiment = self::experiment(
            root.clone(),
            path,
            (part, request.read.as_ref()),
            &mut faults,
        );
        if let Some(experiment) = experiment.as_mut().filter(|_| part && faults.errors() == 0) {
            only::keep(experiment, &request.only, &mut sources, &mut faults);
            if experiment.splitter.makes_validation() == Some(false)
                && let Some(reason) = experiment.needs_validation()
            {
                faults.push(Fault::nowhere(reason.message).help(reason.remedy));
            }
        }
    }
    Checked {
        sources,
        faults,
        tree,
        experiment,
    }
}

/// Every part is looked at, whatever is wrong with the others; `None` only with a fault. `part`: only
/// some of its trials will run. `read`: the columns of a log that has been read before.
fn experiment(
    mut root: Node,
    path: &Path,
    (part, read): (bool, Option<&ReadBefore>),
    faults: &mut Faults,
) -> Option<Experiment> {
    // Defaults stand at the start of the file.
    let start = Place::new(0, &(0..0));
    unknown_keys(&root, faults);
    let name = name(root.take("name").as_ref(), path, faults);
    let seed = match root.take("seed") {
        Some(entry) => plain(&entry, faults),
        None => Some(0),
    };
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let mut checks = Checks::new(&base);
    let source = required(&mut root, "source", faults)
        .and_then(|entry| source(&entry, read, &mut checks, faults));
    let cleanings = cleaners::cleanings(root.take("cleaners").as_ref(), &start, &checks, faults);
    let splitter_entry = root.take("splitter");
    let splitter_given = splitter_entry.is_some();
    let splitter_node =
        splitter_entry.map_or_else(|| Node::text(&start, "global_time"), |e| e.node);
    let splitter = splitter(&splitter_node, &mut checks, faults);
    let evaluation = root.take("evaluation");
    let asked = trials::Asked {
        search: search::search(root.take("search"), &start, faults),
        seed: seed.unwrap_or_default(),
        compare: evaluation::compare(evaluation.as_ref()),
        add_popularity: evaluation::add_popularity(evaluation.as_ref()),
    };
    let weighting = root
        .take("weighting")
        .map_or_else(|| Node::text(&start, "event_strength"), |e| e.node);
    let weightings = trials::Weightings::read(&weighting, &asked, &checks, faults);
    let alternatives = (weightings.alternatives(), cleanings.len());
    let before = faults.errors();
    let (headers, mut labels) = required(&mut root, "model", faults)
        .map(|entry| models::headers(&entry, faults))
        .unwrap_or_default();
    let understood = faults.errors() == before;
    let trials::Trials {
        models,
        weightings,
        variants,
        settings,
        random,
        understood,
    } = trials::trials(
        &asked, headers, understood, weightings, &cleanings, &checks, &start, faults,
    );
    if asked.add_popularity
        && let Some(labels) = &mut labels
    {
        labels.push(POPULARITY.to_owned());
    }
    evaluation::warn_of_compare(evaluation.as_ref(), &asked.compare, alternatives, faults);
    one_name_a_row(&variants, faults);
    // Where a model is not known, a name of it would only be a second fault.
    let rows = if understood {
        Some(Rows::new(&variants))
    } else {
        let by_model = asked.compare == [Compared::Model];
        labels.filter(|_| by_model).map(Rows::of_labels)
    };
    let evaluation = evaluation::evaluation(evaluation, &start, rows.as_ref(), &checks, faults);
    let rules = rules::rules(&mut root, &cleanings, evaluation.as_ref(), &checks, faults);
    if understood {
        let exhibit_test = evaluation.as_ref().is_some_and(|e| e.exhibit_test);
        asked
            .search
            .check_rows(&variants, &settings, &models, exhibit_test, faults);
    }
    let recommendations = evaluation::recommendations(&mut root, rows.as_ref(), faults);
    let report = report::report(&mut root, &base, rows.as_ref(), evaluation.as_ref(), faults);
    if let (Some((node, splitter)), Some(recommendations), true) =
        (&splitter, &recommendations, understood)
        && !part
        && splitter.makes_validation() == Some(false)
        && let Some(reason) = needs_validation(&**splitter, &variants, &settings, recommendations)
    {
        let place = checks::place_of(node, "validation");
        faults.push(Fault::at(place, reason.message).help(reason.remedy));
    }
    let (source_written, source) = source?;
    let (splitter_written, splitter) = splitter?;
    Some(Experiment {
        name: name?,
        seed: seed?,
        base,
        path: path.to_path_buf(),
        written: Written::default(),
        source_written,
        source,
        cleanings,
        splitter,
        splitter_written: splitter_given.then_some(splitter_written),
        weightings,
        models,
        variants,
        settings,
        evaluation: evaluation?,
        rules: rules?,
        recommendations: recommendations?,
        report: report?,
        search: asked.search.became(random),
        only: Vec::new(),
    })
}

/// The source, which says what columns there are whatever is wrong with it.
fn source(
    entry: &Entry,
    read: Option<&ReadBefore>,
    checks: &mut Checks,
    faults: &mut Faults,
) -> Option<(Node, Box<dyn musicrec_api::Source>)> {
    let why = "a comparison has one source";
    let node = plugins::one(&entry.node, Kind::Source, why, faults)?.into_node();
    let before = faults.errors();
    let source: Box<dyn musicrec_api::Source> = lenient(&node, false, faults)?;
    let whole = faults.errors() == before;
    if let Some(read) = read {
        checks.have(read.columns.clone());
    } else {
        if whole {
            checks::book(source.check(&checks.context()), &node, faults);
        }
        let (columns, parts) = {
            let context = SourceContext::new(checks.base(), 0);
            (source.columns(&context), source.parts(&context))
        };
        checks.have(columns);
        checks.know(parts);
    }
    whole.then_some((node, source))
}

/// The splitter, which may say whether there will be a validation part.
fn splitter(
    node: &Node,
    checks: &mut Checks,
    faults: &mut Faults,
) -> Option<(Node, Box<dyn Splitter>)> {
    let why = "all trials of a comparison share one split";
    let (node, splitter): (Node, Box<dyn Splitter>) = plugin(node, Kind::Splitter, why, faults)?;
    checks::book(splitter.check(&checks.context()), &node, faults);
    checks.validation(&*splitter);
    Some((node, splitter))
}

/// A label may look like the name of another row.
fn one_name_a_row(variants: &[Variant], faults: &mut Faults) {
    let mut seen = HashSet::new();
    for variant in variants.iter().filter(|v| !seen.insert(v.name.as_str())) {
        faults.push(
            Fault::nowhere(format!("two rows would be called `{}`", variant.name))
                .help("give the model another `label`"),
        );
    }
}

/// The typed plugin of a place that names exactly one, with `{ name = { … } }`.
fn plugin<T: DeserializeOwned>(
    node: &Node,
    kind: Kind,
    why: &str,
    faults: &mut Faults,
) -> Option<(Node, T)> {
    let named = plugins::one(node, kind, why, faults)?.into_node();
    let typed = typed(&named, faults)?;
    Some((named, typed))
}

#[cfg(test)]
mod tests;
