//! Why experiments cannot be compared in one report: all reasons at once, each with what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Experiment;
use crate::records::SCHEMA;
use crate::settings::flatten;
use crate::sweep::Overview;

/// Rules of measuring: what is measured besides, how deep lists are kept and how the test part is
/// divided changes no value of what both measure.
const MEASURED: [&str; 3] = ["metrics", "depth", "segments"];

/// Values that a reason lists before it only counts.
const LISTED: usize = 6;

/// A sentence for everything in which one differs from the first; nothing if they may be compared.
pub(super) fn refusals(experiments: &[Experiment]) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for experiment in experiments {
        let folder = experiment.store.folder();
        let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if !seen.insert(full) {
            reasons.push(format!(
                "{} is named twice; name each folder once",
                folder.display()
            ));
        }
        reasons.extend(alone(experiment));
    }
    if let Some((first, others)) = experiments.split_first() {
        for other in others {
            let (a, b) = (first.folder(), other.folder());
            let differs = beside(&first.overview, &other.overview, &a);
            reasons.extend(differs.into_iter().map(|reason| format!("{b} {reason}")));
        }
    }
    reasons
}

/// What an experiment lacks to be compared with any other.
fn alone(experiment: &Experiment) -> Option<String> {
    let (folder, overview) = (experiment.folder(), &experiment.overview);
    if overview.schema != SCHEMA {
        return Some(format!(
            "{folder} was written in another form (schema {}, this is {SCHEMA}); sweep it again with \
             this program",
            overview.schema
        ));
    }
    let floors = overview.cleanings.iter().all(|log| log.floor.is_some());
    (!floors || overview.cleanings.is_empty()).then(|| {
        format!(
            "{folder} has not come as far as the test part; go on with it: {}",
            overview.command
        )
    })
}

/// In what one differs from the first, whose folder is named.
fn beside(first: &Overview, other: &Overview, a: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    if first.fingerprint != other.fingerprint {
        reasons.push(format!(
            "is about other data than {a} (content {} and {}); sweep both over the same file",
            short(&other.fingerprint),
            short(&first.fingerprint)
        ));
    } else if first.test_part != other.test_part {
        let asked = ["seed", "source", "cleaners", "splitter"];
        let part = |of: &Overview| {
            let mut part = json!({ "evaluation": rules(of) });
            for key in asked {
                part[key] = of.shared[key].clone();
            }
            part
        };
        let differs = differences(&part(other), &part(first));
        reasons.push(format!(
            "asks other users or other targets on test than {a}{}; sweep it again with the split, the \
             cleaners and the rules of {a}",
            listed(&differs)
        ));
    } else {
        let differs = differences(&rules(other), &rules(first));
        if !differs.is_empty() {
            reasons.push(format!(
                "is evaluated by other rules than {a}{}; sweep it again with the same [evaluation]{}",
                listed(&differs),
                match (first.shared.get("rules"), other.shared.get("rules")) {
                    (None, None) => "",
                    _ => " and [rules]",
                }
            ));
        }
    }
    reasons.extend(metrics(first, other, a));
    if first.select != other.select {
        reasons.push(format!(
            "is decided by {} and {a} by {}, and settings were chosen by it; sweep it again with \
             `--set evaluation.select={}`, which runs only what is then chosen",
            other.select, first.select, first.select
        ));
    }
    let code = code(first, other);
    if !code.is_empty() {
        reasons.push(format!(
            "was computed by another revision of the code than {a}{}; sweep both again with one program",
            listed(&code)
        ));
    }
    reasons
}

/// Metrics that only one of them measures, or that are not the same under one label.
fn metrics(first: &Overview, other: &Overview, a: &str) -> Vec<String> {
    let by_label = |overview: &Overview| -> BTreeMap<String, Value> {
        let metrics = overview.metrics.iter();
        let named = metrics.map(|m| (m.identity.label.clone(), json!(m)));
        named.collect()
    };
    let (own, firsts) = (by_label(other), by_label(first));
    let mut reasons = Vec::new();
    let only = |these: &BTreeMap<String, Value>, those: &BTreeMap<String, Value>| {
        let labels = these.keys().filter(|label| !those.contains_key(*label));
        labels.cloned().collect::<Vec<_>>()
    };
    let (more, less) = (only(&own, &firsts), only(&firsts, &own));
    if !more.is_empty() || !less.is_empty() {
        let words = [("not", less), ("besides", more)].into_iter();
        let words = words.filter(|(_, labels)| !labels.is_empty());
        let words = words.map(|(how, labels)| format!("{how} {}", labels.join(", ")));
        reasons.push(format!(
            "measures something else than {a} ({}); sweep it again with the same `metrics`: lists that \
             are in the cache are measured without a fit",
            words.collect::<Vec<_>>().join("; ")
        ));
    }
    for (label, own) in &own {
        if let Some(firsts) = firsts.get(label).filter(|firsts| *firsts != own) {
            reasons.push(format!(
                "means something else by {label} than {a}{}; sweep both with the same metric",
                listed(&differences(own, firsts))
            ));
        }
    }
    let depth = |of: &Overview| {
        let deepest = of.metrics.iter().map(|m| m.depth as u64).max();
        of.shared["evaluation"]["depth"].as_u64().max(deepest)
    };
    if reasons.is_empty() && depth(first) != depth(other) {
        let number = |of: &Overview| depth(of).unwrap_or(0);
        reasons.push(format!(
            "ranks {} items for a user and {a} ranks {}; sweep it again with the same `depth`",
            number(other),
            number(first)
        ));
    }
    reasons
}

/// Revisions that differ of what both use. Models and weightings are what is compared.
fn code(first: &Overview, other: &Overview) -> Vec<String> {
    let compared = ["model.", "weighting."];
    let own = other.revisions.iter();
    let shared = own.filter(|(name, _)| !compared.iter().any(|kind| name.starts_with(kind)));
    let both = shared.filter_map(|(name, own)| Some((name, own, first.revisions.get(name)?)));
    both.filter(|(_, own, firsts)| own != firsts)
        .map(|(name, own, firsts)| format!("{name}: {own}, there {firsts}"))
        .collect()
}

/// What of the evaluation decides what a value is.
fn rules(overview: &Overview) -> Value {
    let mut rules = overview.shared["evaluation"].clone();
    if let Some(rules) = rules.as_object_mut() {
        rules.retain(|key, _| !MEASURED.contains(&key.as_str()));
        if let Some(of_lists) = overview.shared.get("rules") {
            rules.insert("rules".to_owned(), of_lists.clone());
        }
    }
    rules
}

/// `key: own, there other` for every value that differs.
pub(super) fn differences(own: &Value, other: &Value) -> Vec<String> {
    let flat = |value: &Value| -> BTreeMap<String, String> { flatten(value).into_iter().collect() };
    let (own, other) = (flat(own), flat(other));
    let keys: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
    let value = |of: &BTreeMap<String, String>, key: &String| {
        of.get(key).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    let both = keys
        .into_iter()
        .map(|key| (key, value(&own, key), value(&other, key)));
    both.filter(|(_, own, other)| own != other)
        .map(|(key, own, other)| format!("{key}: {own}, there {other}"))
        .collect()
}

/// In parentheses, the first of them; nothing where there are none.
pub(super) fn listed(differences: &[String]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = differences
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect();
    let more = match differences.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(" ({}{more})", shown.join("; "))
}

/// The first digits of a hash, as people compare them.
fn short(hash: &str) -> String {
    let digits = hash.split_once(':').map_or(hash, |(_, digits)| digits);
    digits.chars().take(16).collect()
}
