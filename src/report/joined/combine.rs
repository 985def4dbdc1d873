//! One overview of several experiments, as if one had had all of their variants.
//!
//! The first experiment decides what there can be only one of: the baseline, resamples, correction,
//! seed of the statistics, least effect. What differs from it in the others is said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use musicrec_api::Role;
use serde_json::{Value, json};

use super::Experiment;
use super::refusals::{differences, listed};
use crate::experiment::ReportSettings;
use crate::records::hex;
use crate::sweep::{CleanedLog, Joined, JoinedPart, Overview, PlanVariant, Provenance};

/// An overview of all, and which variants of each experiment are in it: what another one before has with
/// the very same trials is in it once.
pub(super) struct Combined {
    pub(super) overview: Overview,
    pub(super) kept: Vec<Vec<bool>>,
}

/// A variant that is in the report.
struct Taken {
    /// The experiment that it is taken from.
    of: usize,
    /// Its own name.
    name: String,
    variant: PlanVariant,
    /// All experiments that have it, with what it is called there.
    having: Vec<(usize, String)>,
}

pub(super) fn combine(experiments: &[Experiment]) -> Combined {
    let first = &experiments[0].overview;
    let labels = labels(experiments);
    let (cleanings, places) = cleanings(experiments, &labels);
    let (taken, kept) = taken(experiments, &places);
    let names = names(&taken, &labels);
    let same_validation = same_validation(experiments);
    let all = || experiments.iter().map(|e| &e.overview);
    let joined = Joined {
        experiments: parts(experiments, &labels, &taken, &names),
        same_validation,
        notes: notes(experiments, &labels, &taken, &names, same_validation),
        warnings: warnings(experiments, &labels),
    };
    let baseline = first.baseline.as_ref().and_then(|own| {
        let is_it = |taken: &Taken| taken.having.contains(&(0, own.clone()));
        taken.iter().position(is_it)
    });
    let joined_texts = |of: fn(&Overview) -> &str, between: &str| {
        let mut texts: Vec<&str> = Vec::new();
        for text in all().map(of).filter(|text| !text.is_empty()) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts.join(between)
    };
    let checks = all().flat_map(|o| &o.checks);
    let overview = Overview {
        name: labels.join(" + "),
        definition: joined_texts(|o| &o.definition, ", "),
        command: joined_texts(|o| &o.command, " && "),
        date: all().map(|o| o.date.clone()).max().unwrap_or_default(),
        provenance: provenance(experiments),
        finished: all().all(|o| o.finished),
        ran: all().flat_map(|o| o.ran.iter().cloned()).collect(),
        identity: hex(&json!(all().map(|o| &o.identity).collect::<Vec<_>>()).to_string()),
        revisions: revisions(experiments),
        cleanings,
        uses_the_future: all().any(|o| o.uses_the_future),
        baseline: baseline.map(|at| names[at].clone()),
        changes: said(&all().map(|o| &o.changes).collect::<Vec<_>>(), &labels),
        search: Some(first.search.clone())
            .filter(|search| all().all(|o| o.search == *search))
            .flatten(),
        only: distinct(all().flat_map(|o| &o.only)),
        // Where validation parts differ there is no order on validation to be right about.
        exhibit_test: same_validation && all().any(|o| o.exhibit_test),
        checks: distinct(checks),
        variants: taken
            .into_iter()
            .zip(names)
            .map(|(taken, name)| PlanVariant {
                name,
                ..taken.variant
            })
            .collect(),
        recommended: None,
        recommendations_failed: None,
        report: ReportSettings {
            show_ids: all().all(|o| o.report.show_ids),
            ..first.report.clone()
        },
        // Chosen for the variants of one experiment, by their names there.
        examples_attachment: None,
        joined: Some(joined),
        ..first.clone()
    };
    Combined { overview, kept }
}

/// Revisions of all code; of what an earlier one has, its own.
fn revisions(experiments: &[Experiment]) -> BTreeMap<String, u64> {
    let latest_first = experiments.iter().rev();
    let all = latest_first.flat_map(|e| e.overview.revisions.clone());
    all.collect()
}

/// What the experiments are called: their names, or where these are the same as much of their folders as
/// tells them apart.
fn labels(experiments: &[Experiment]) -> Vec<String> {
    let unique = |labels: &[String]| labels.iter().collect::<BTreeSet<_>>().len() == labels.len();
    let names: Vec<String> = experiments
        .iter()
        .map(|e| e.overview.name.clone())
        .collect();
    if unique(&names) {
        return names;
    }
    let end = |path: &Path, parts: usize| {
        let all: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        all[all.len().saturating_sub(parts)..].join("/")
    };
    let longest = experiments.iter().map(|e| e.store.folder().iter().count());
    let longest = longest.max().unwrap_or(1);
    let of = |parts| -> Vec<String> {
        let folders = experiments.iter().map(|e| e.store.folder());
        folders.map(|folder| end(folder, parts)).collect()
    };
    let found = (1..=longest).map(of).find(|labels| unique(labels));
    found.unwrap_or_else(|| experiments.iter().map(Experiment::folder).collect())
}

/// The logs of all, equal ones once, and for each experiment where its own are among them. What random
/// rankings reach is that of the first, whose seed and number of draws count.
fn cleanings(experiments: &[Experiment], labels: &[String]) -> (Vec<CleanedLog>, Vec<Vec<usize>>) {
    let bare = |log: &CleanedLog| CleanedLog {
        label: String::new(),
        floor: None,
        ..log.clone()
    };
    let mut all: Vec<CleanedLog> = Vec::new();
    // Which experiments have each, and what it is called there.
    let mut having: Vec<Vec<(usize, String)>> = Vec::new();
    let mut places = Vec::new();
    for (at, experiment) in experiments.iter().enumerate() {
        let mut own = Vec::new();
        for log in &experiment.overview.cleanings {
            let known = all.iter().position(|known| bare(known) == bare(log));
            let place = known.unwrap_or(all.len());
            if known.is_none() {
                all.push(log.clone());
                having.push(Vec::new());
            }
            having[place].push((at, log.label.clone()));
            own.push(place);
        }
        places.push(own);
    }
    if all.len() > experiments[0].overview.cleanings.len() {
        for (log, having) in all.iter_mut().zip(&having) {
            let names = having.iter().map(|(at, own)| match own.as_str() {
                "" => labels[*at].clone(),
                own => format!("{}, {own}", labels[*at]),
            });
            log.label = names.collect::<Vec<_>>().join(" + ");
        }
    }
    (all, places)
}

/// The variants of all, those with the very same trials once.
fn taken(experiments: &[Experiment], places: &[Vec<usize>]) -> (Vec<Taken>, Vec<Vec<bool>>) {
    let mut taken: Vec<Taken> = Vec::new();
    let mut kept = Vec::new();
    let mut offset = 0;
    let ids = |variant: &PlanVariant| -> Vec<Vec<String>> {
        let trials = variant.trials.iter();
        trials
            .map(|t| t.ids().map(str::to_owned).collect())
            .collect()
    };
    for (at, experiment) in experiments.iter().enumerate() {
        let mut own = Vec::new();
        let variants = &experiment.overview.variants;
        for variant in variants {
            let having = (at, variant.name.clone());
            // Two variants of one experiment stay two, as in its own report.
            let same = |known: &&mut Taken| {
                known.having.iter().all(|(of, _)| *of != at) && ids(&known.variant) == ids(variant)
            };
            if let Some(known) = taken.iter_mut().find(same) {
                known.having.push(having);
                known.variant.added &= variant.added;
                own.push(false);
                continue;
            }
            taken.push(Taken {
                of: at,
                name: variant.name.clone(),
                variant: moved(variant, offset, &places[at]),
                having: vec![having],
            });
            own.push(true);
        }
        let trials = variants.iter().flat_map(|v| &v.trials);
        offset += trials.map(|trial| trial.index + 1).max().unwrap_or(0);
        kept.push(own);
    }
    (taken, kept)
}

/// A variant with its trials at other places among all trials and all logs.
fn moved(variant: &PlanVariant, offset: usize, places: &[usize]) -> PlanVariant {
    let mut variant = variant.clone();
    for trial in &mut variant.trials {
        trial.index += offset;
        trial.cleaning = places
            .get(trial.cleaning)
            .copied()
            .unwrap_or(trial.cleaning);
    }
    if let Some(halved) = &mut variant.halving {
        shift(&mut halved.stopped, offset);
        shift(&mut halved.failed, offset);
    }
    if let Some(early) = &mut variant.early {
        shift(&mut early.stopped, offset);
    }
    variant
}

/// What is known of trials, at their places among all.
fn shift<T>(of_trials: &mut BTreeMap<usize, T>, offset: usize) {
    let all = std::mem::take(of_trials).into_iter();
    *of_trials = all.map(|(at, what)| (at + offset, what)).collect();
}

/// A variant's own name where no other has it, else with its experiment in front.
fn names(taken: &[Taken], labels: &[String]) -> Vec<String> {
    let name = |one: &Taken| {
        let namesakes = taken.iter().filter(|other| other.name == one.name);
        if namesakes.count() == 1 {
            one.name.clone()
        } else {
            format!("{}/{}", labels[one.of], one.name)
        }
    };
    taken.iter().map(name).collect()
}

fn parts(
    experiments: &[Experiment],
    labels: &[String],
    taken: &[Taken],
    names: &[String],
) -> Vec<JoinedPart> {
    let part = |(at, experiment): (usize, &Experiment)| {
        let own = taken.iter().zip(names);
        let own = own.filter(|(taken, _)| taken.having.iter().any(|(of, _)| *of == at));
        JoinedPart {
            label: labels[at].clone(),
            folder: experiment.folder(),
            finished: experiment.overview.finished,
            variants: own.map(|(_, name)| name.clone()).collect(),
        }
    };
    experiments.iter().enumerate().map(part).collect()
}

/// Whether settings were chosen on the same questions everywhere: the same log, cut alike. (That the
/// rules are the same was seen to before.)
fn same_validation(experiments: &[Experiment]) -> bool {
    let asked = |experiment: &Experiment| -> Option<Vec<Vec<String>>> {
        let logs = experiment.overview.cleanings.iter().map(|log| {
            let folds = log.folds.iter().filter(|f| f.role == Role::Validation);
            let hashes = folds.map(|fold| fold.hash.clone());
            let all: Vec<String> = std::iter::once(log.hash.clone()).chain(hashes).collect();
            // Folders of earlier versions do not tell.
            all.iter().all(|hash| !hash.is_empty()).then_some(all)
        });
        let mut logs: Vec<Vec<String>> = logs.collect::<Option<_>>()?;
        logs.sort();
        Some(logs)
    };
    let validated = experiments.iter().any(|e| e.overview.validated());
    let first = asked(&experiments[0]);
    !validated || first.is_some() && experiments.iter().all(|e| asked(e) == first)
}

/// How it was done and what it means.
fn notes(
    experiments: &[Experiment],
    labels: &[String],
    taken: &[Taken],
    names: &[String],
    same_validation: bool,
) -> Vec<String> {
    let first = &experiments[0].overview;
    let mut notes = vec![format!(
        "compared user by user on the same test part: {}",
        labels
            .iter()
            .zip(experiments)
            .map(|(label, e)| format!("{label} ({})", e.folder()))
            .collect::<Vec<_>>()
            .join(", ")
    )];
    for (taken, name) in taken.iter().zip(names) {
        if taken.having.len() > 1 {
            let of = taken.having.iter().map(|(at, own)| {
                if own == name {
                    labels[*at].clone()
                } else {
                    format!("{} (`{own}`)", labels[*at])
                }
            });
            notes.push(format!(
                "`{name}` is the same in {}: one row",
                of.collect::<Vec<_>>().join(" and ")
            ));
        }
    }
    notes.push(
        "p-values are adjusted for all variants of all experiments together, so they may be larger than \
         in the reports of each"
            .to_owned(),
    );
    notes.push(if same_validation {
        "settings were chosen within each variant on the same validation part, so values there compare"
            .to_owned()
    } else {
        "settings were chosen within each experiment on its own validation part, and these parts differ: \
         values on validation of different experiments do not compare, and no variant is called the best \
         there"
            .to_owned()
    });
    for (experiment, label) in experiments.iter().zip(labels).skip(1) {
        let differs = differences(&statistics(&experiment.overview), &statistics(first));
        if !differs.is_empty() {
            notes.push(format!(
                "the rules of comparison are those of {}; {label} has others{}",
                labels[0],
                listed(&differs)
            ));
        }
    }
    notes
}

/// By what variants are compared, which changes no trial.
fn statistics(overview: &Overview) -> Value {
    let rankings = overview
        .cleanings
        .first()
        .and_then(|log| log.floor.as_ref());
    json!({
        "baseline": overview.baseline,
        "correction": overview.correction.name(),
        "min_effect": overview.min_effect,
        "null_rankings": rankings.map(|floor| floor.rankings),
        "resamples": overview.resamples,
        "seed": overview.shared["seed"],
    })
}

fn warnings(experiments: &[Experiment], labels: &[String]) -> Vec<String> {
    let open = experiments.iter().zip(labels);
    let open = open.filter(|(e, _)| !e.overview.finished);
    open.map(|(experiment, label)| {
        format!(
            "the sweep of {label} has not ended, so some of its variants or trials may be missing; go on \
             with it: {}",
            experiment.overview.command
        )
    })
    .collect()
}

/// What each says; with the experiments in front that say it, unless all do.
fn said(texts: &[&Vec<String>], labels: &[String]) -> Vec<String> {
    let of = |text: String| {
        let saying = texts.iter().zip(labels);
        let saying = saying.filter(|(own, _)| own.contains(&text));
        let saying: Vec<&str> = saying.map(|(_, label)| label.as_str()).collect();
        if saying.len() == labels.len() {
            text
        } else {
            format!("in {}: {text}", saying.join(", "))
        }
    };
    let distinct = distinct(texts.iter().copied().flatten());
    distinct.into_iter().map(of).collect()
}

fn distinct<'t, T: Clone + PartialEq + 't>(all: impl Iterator<Item = &'t T>) -> Vec<T> {
    let mut distinct: Vec<T> = Vec::new();
    for one in all {
        if !distinct.contains(one) {
            distinct.push(one.clone());
        }
    }
    distinct
}

/// Where all of them come from.
fn provenance(experiments: &[Experiment]) -> Provenance {
    let all = || experiments.iter().map(|e| &e.overview.provenance);
    let texts = |of: fn(&Provenance) -> &String| distinct(all().map(of)).join("; ");
    Provenance {
        version: texts(|p| &p.version),
        commit: texts(|p| &p.commit),
        rustc: texts(|p| &p.rustc),
        machine: texts(|p| &p.machine),
        instructions: texts(|p| &p.instructions),
        portable: all().all(|p| p.portable),
        threads: all().map(|p| p.threads).max().unwrap_or(1),
        wall_seconds: all().map(|p| p.wall_seconds).sum(),
        cpu_seconds: all().map(|p| p.cpu_seconds).sum(),
    }
}
