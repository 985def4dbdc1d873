//! `[evaluation]` and `[recommendations]`: how trials are judged and what is exported.

use musicrec_api::{Better, Kind};

use super::checks::{Checks, book};
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Place, Value};
use super::typed::{lenient, typed};
use super::{Variant, axes, list, plain, plugins};
use crate::experiment::{Compared, Evaluation, Metrics, Recommendations, resolved};

/// Fewer random rankings or bootstrap samples give no band worth the name, more tell nothing new.
const DRAWS: std::ops::RangeInclusive<usize> = 100..=1_000_000;

/// What the test part is divided by in any case.
const ALWAYS: [&str; 4] = ["activity", "targets", "popularity", "history"];

/// How many seeds may be asked for.
const SEEDS: std::ops::RangeInclusive<usize> = 1..=1_000;

/// The largest difference that may be asked for: far above any metric's.
const LARGEST_EFFECT: f64 = 1e9;

/// The names that may stand for a row of the leaderboard: rows, and models, whose first row is
/// meant.
#[derive(Debug)]
pub(super) struct Rows(Vec<String>);

impl Rows {
    /// Where rows are models and no more is known of these than their labels.
    pub(super) fn of_labels(labels: Vec<String>) -> Self {
        Self(labels)
    }

    pub(super) fn new(variants: &[Variant]) -> Self {
        let rows = variants.iter().map(|v| v.name.clone());
        let models = variants.iter().map(|v| v.model.clone());
        let mut names: Vec<String> = rows.chain(models).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Self(names)
    }
}

/// What tells rows apart, read before everything else of `[evaluation]`; the default where it is
/// faulty, which [`evaluation`] says.
pub(super) fn compare(entry: Option<&Entry>) -> Vec<Compared> {
    entry
        .and_then(|e| e.node.get("compare"))
        .and_then(|e| plain(e, &mut Faults::new(0)))
        .unwrap_or_else(|| Evaluation::default().compare)
}

/// Whether popularity is to be added, read likewise.
pub(super) fn add_popularity(entry: Option<&Entry>) -> bool {
    entry
        .and_then(|e| e.node.get("add_popularity"))
        .and_then(|e| plain(e, &mut Faults::new(0)))
        .unwrap_or_else(|| Evaluation::default().add_popularity)
}

/// Comparing what does not vary is probably a slip. `alternatives`: how many weightings and cleanings.
pub(super) fn warn_of_compare(
    entry: Option<&Entry>,
    compare: &[Compared],
    alternatives: (usize, usize),
    faults: &mut Faults,
) {
    let Some(written) = entry.and_then(|e| e.node.get("compare")) else {
        return;
    };
    for (word, compared, alternatives) in [
        ("weighting", Compared::Weighting, alternatives.0),
        ("cleaners", Compared::Cleaners, alternatives.1),
    ] {
        if compare.contains(&compared) && alternatives == 1 {
            let message = format!("`compare` names \"{word}\", but there is one alternative only");
            faults.push(Fault::at(written.node.place.clone(), message).warning());
        }
    }
}

/// Reads `[evaluation]`. `rows` are the names it may mean; `None` where the models are not
/// understood.
pub(super) fn evaluation(
    entry: Option<Entry>,
    start: &Place,
    rows: Option<&Rows>,
    checks: &Checks,
    faults: &mut Faults,
) -> Option<Evaluation> {
    let mut node = entry.map_or_else(|| Node::empty(start.clone()), |e| e.node);
    let before = faults.errors();
    if let Value::Table(entries) = &mut node.value {
        entries.retain_mut(|entry| spell_out(entry, faults));
    }
    if let Some(targets) = node.get("targets") {
        checks.weighting(&targets.node, faults);
    }
    let place = |key| node.get(key).map(|e| e.node.place.clone());
    let (select, baseline) = (place("select"), place("baseline"));
    let metrics = match node.get("metrics") {
        Some(entry) => plain(entry, faults),
        None => Some(Evaluation::default().metrics),
    };
    // Where a metric is not understood, `select` may well name it.
    let understood = faults.errors() == before;
    if let (Some(entry), Some(metrics)) = (node.get("metrics"), &metrics) {
        check_metrics(entry, metrics, checks, faults);
    }
    // Whatever is wrong with one key, the others are looked at.
    let whole = faults.errors();
    let evaluation: Evaluation = lenient(&node, false, faults)?;
    let whole = faults.errors() == whole;
    for (key, count, range) in [
        ("null_rankings", evaluation.null_rankings, DRAWS),
        ("resamples", evaluation.resamples, DRAWS),
        ("seeds", evaluation.seeds, SEEDS),
        ("validation_seeds", evaluation.validation_seeds, SEEDS),
    ] {
        if let Some(place) = place(key).filter(|_| !range.contains(&count.get())) {
            let (least, most) = (range.start(), range.end());
            let message = format!("`{key}` is {count}, expected {least} to {most}");
            faults.push(Fault::at(place, message));
        }
    }
    let effect = evaluation.min_effect;
    if let Some(place) = place("min_effect").filter(|_| !(0.0..=LARGEST_EFFECT).contains(&effect)) {
        let message = format!(
            "`min_effect` is {effect}, expected a number of at least 0 in units of the deciding metric"
        );
        faults.push(Fault::at(place, message));
    }
    if let (Some(chosen), Some(place)) = (&evaluation.select, select)
        && understood
    {
        check_select(chosen, place, &evaluation.metrics, faults);
    }
    if let (Some(chosen), Some(place)) = (&evaluation.baseline, baseline) {
        check_row("baseline", chosen, place, rows, faults);
    }
    if let Some(entry) = node.get("segments").filter(|_| whole) {
        check_segments(entry, &evaluation.segments, checks, faults);
    }
    // Entries that were left out would shift the others.
    if let Some(entry) = node.get("compare").filter(|_| whole) {
        check_compare(entry, &evaluation.compare, faults);
    }
    if let (Some(depth), Some(entry)) = (evaluation.depth, node.get("metrics"))
        && whole
    {
        check_depths(entry, &evaluation.metrics, depth.get(), faults);
    }
    let deepest = evaluation.metrics.depth();
    if let (Some(depth), Some(place), None) =
        (evaluation.depth, place("depth"), node.get("metrics"))
        && depth.get() < deepest
    {
        let message = format!(
            "`depth` is {depth}, but the metrics, which are the default ones, look at {deepest} places"
        );
        faults.push(
            Fault::at(place, message)
                .help("name metrics that look less deep, or leave `depth` out"),
        );
    }
    Some(evaluation).filter(|_| whole)
}

/// Writes the short forms of plugins in an entry of `[evaluation]` in full, and each alternative of
/// a metric. What is not understood is a fault and is left out.
fn spell_out(entry: &mut Entry, faults: &mut Faults) -> bool {
    let before = faults.errors();
    match entry.key.as_str() {
        "metrics" => {
            let metrics = list(Some(entry), faults, |item, faults| {
                Some(alternatives(item, faults))
            });
            let metrics: Vec<Node> = metrics.into_iter().flatten().collect();
            let left = !metrics.is_empty();
            entry.node.value = Value::Array(metrics);
            left || faults.errors() == before
        }
        "targets" => {
            let why = "targets have one definition";
            match plugins::one(&entry.node, Kind::Weighting, why, faults) {
                Some(named) => entry.node = named.into_node(),
                None => return false,
            }
            faults.errors() == before
        }
        _ => axes::none(&entry.node, faults),
    }
}

/// All metrics that an entry of the list stands for: an axis of them is all of them, each measured.
fn alternatives(item: &Node, faults: &mut Faults) -> Vec<Node> {
    let all = plugins::entry(item, Kind::Metric, faults);
    if all.iter().any(Option::is_none) {
        faults.push(
            Fault::at(
                item.place.clone(),
                "\"off\" changes nothing in a list of metrics",
            )
            .help("each alternative of a metric is measured, and trials are the same")
            .warning(),
        );
    }
    all.into_iter().flatten().collect()
}

/// Rows are models at least, and each word stands once.
fn check_compare(entry: &Entry, compare: &[Compared], faults: &mut Faults) {
    if !compare.contains(&Compared::Model) {
        faults.push(
            Fault::at(entry.node.place.clone(), "`compare` lacks \"model\"")
                .help("a row of the leaderboard is a model at least: compare = [\"model\", …]"),
        );
    }
    if let Value::Array(items) = &entry.node.value {
        for (at, item) in items.iter().enumerate() {
            if compare[..at].contains(&compare[at]) {
                faults.push(Fault::at(item.place.clone(), "this is listed twice"));
            }
        }
    }
}

/// Segments are by columns that the log has, each once, and not by what has a segment anyway.
fn check_segments(entry: &Entry, columns: &[String], checks: &Checks, faults: &mut Faults) {
    let Value::Array(items) = &entry.node.value else {
        return;
    };
    for (at, (column, item)) in columns.iter().zip(items).enumerate() {
        let place = || item.place.clone();
        if columns[..at].contains(column) {
            faults.push(Fault::at(place(), "this is listed twice"));
        }
        if ALWAYS.contains(&column.as_str()) {
            let message = format!("`{column}` is the name of segments that are always there");
            faults.push(Fault::at(place(), message).help("give the column another name"));
        }
        if let Some(problem) = checks.context().missing_column("segments", column) {
            let mut fault = Fault::at(place(), problem.message);
            if let Some(name) = problem.suggestion {
                fault = fault.label(format!("did you mean `{name}`?"));
            }
            if let Some(remedy) = problem.remedy {
                fault = fault.help(remedy);
            }
            faults.push(fault);
        }
    }
}

/// No metric looks deeper than items are ranked.
fn check_depths(entry: &Entry, metrics: &Metrics, depth: usize, faults: &mut Faults) {
    let Value::Array(items) = &entry.node.value else {
        return;
    };
    for (metric, item) in metrics.0.iter().zip(items) {
        if metric.depth() > depth {
            faults.push(
                Fault::at(
                    item.place.clone(),
                    format!(
                        "`{}` looks at {} items, but only {depth} are ranked",
                        metric.identity().label,
                        metric.depth()
                    ),
                )
                .help("raise `depth` of [evaluation], or leave it out to rank as deep as needed"),
            );
        }
    }
}

/// Trials are chosen by a metric of the definition that each user has a value of, and of which higher
/// values are better.
fn check_select(chosen: &str, place: Place, metrics: &Metrics, faults: &mut Faults) {
    let (labels, able) = (metrics.labels(), metrics.able());
    let Some(metric) = labels.iter().position(|label| label == chosen) else {
        let message = format!("`select` names no metric of this definition: `{chosen}`");
        faults.push(
            Fault::at(place, message)
                .suggest(chosen, labels.iter().map(String::as_str))
                .help(format!(
                    "there are: {}",
                    if able.is_empty() { &labels } else { &able }.join(", ")
                )),
        );
        return;
    };
    let nature = metrics.0[metric].nature();
    let why = match nature.better {
        _ if nature.over_lists => {
            "is one number for all lists, so nothing is known of how sure it is"
        }
        Better::Lower => "is the better, the lower it is",
        Better::Neither => "describes lists and does not judge them",
        Better::Higher => return,
    };
    let mut fault = Fault::at(
        place,
        format!("trials cannot be chosen by `{chosen}`: it {why}"),
    );
    if !able.is_empty() {
        fault = fault.help(format!("choose by one of: {}", able.join(", ")));
    }
    faults.push(fault);
}

fn check_metrics(entry: &Entry, metrics: &Metrics, checks: &Checks, faults: &mut Faults) {
    let labels = metrics.labels();
    if !labels.is_empty() && metrics.able().is_empty() {
        faults.push(
            Fault::at(
                entry.node.place.clone(),
                "none of these metrics can choose trials: that takes a value of each user, and higher \
                 values that are better",
            )
            .help("add one that can, for example \"ndcg@3\""),
        );
    }
    if labels.is_empty() {
        faults.push(Fault::at(
            entry.node.place.clone(),
            "at least one metric is needed",
        ));
    }
    let Value::Array(items) = &entry.node.value else {
        return;
    };
    for (metric, item) in metrics.0.iter().zip(items) {
        book(metric.check(&checks.context()), item, faults);
    }
    for (at, (label, item)) in labels.iter().zip(items).enumerate() {
        let Some(earlier) = labels[..at].iter().position(|l| l == label) else {
            continue;
        };
        let same = resolved(&metrics.0[earlier]) == resolved(&metrics.0[at]);
        faults.push(if same {
            Fault::at(item.place.clone(), format!("`{label}` is listed twice"))
        } else {
            Fault::at(
                item.place.clone(),
                format!("two metrics with different parameters are both called `{label}`"),
            )
            .help(
                "the label that a metric gives itself in `identity` must tell its parameters apart",
            )
        });
    }
}

/// Refuses a name that no row has, if the rows are known.
pub(super) fn check_row(
    key: &str,
    name: &str,
    place: Place,
    rows: Option<&Rows>,
    faults: &mut Faults,
) {
    if let Some(Rows(names)) = rows
        && !names.iter().any(|known| known == name)
    {
        faults.push(
            Fault::at(place, format!("`{key}` names no model variant: `{name}`"))
                .suggest(name, names.iter().map(String::as_str))
                .help(format!("there are: {}", names.join(", "))),
        );
    }
}

/// Reads `[recommendations]`.
pub(super) fn recommendations(
    root: &mut Node,
    rows: Option<&Rows>,
    faults: &mut Faults,
) -> Option<Recommendations> {
    let Some(Entry { node, .. }) = root.take("recommendations") else {
        return Some(Recommendations::default());
    };
    if !axes::none(&node, faults) {
        return None;
    }
    let parsed: Recommendations = typed(&node, faults)?;
    if let (Some(name), Some(at)) = (&parsed.variant, node.get("variant")) {
        check_row("variant", name, at.node.place.clone(), rows, faults);
    }
    Some(parsed)
}
