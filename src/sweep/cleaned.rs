//! The log under each alternative of the cleaners, and its folds.

use std::sync::atomic::AtomicBool;

use musicrec_api::{Error, Events, Fold, Role, derive_seed, fold_faults};

use crate::cache::cleaned::{are_kept, prepared};
use crate::exit::Failure;
use crate::experiment::{Cleaning, Experiment};
use crate::stages::audit::{Audited, audit, audit_rules};
use crate::stages::common::restrict;
use crate::stages::fold::{FoldData, ready_under};
use crate::stages::hashes;
use crate::stages::periods;
use crate::stages::prepare::Prepared;
use crate::stages::rules::Obeyed;
use crate::stages::segments::divide;
use crate::stages::{By, Failed};

use super::Options;
use super::timeline::{Timeline, timeline};

/// What one alternative of the cleaners makes of the source.
#[derive(Debug)]
pub(super) struct Cleaned {
    pub(super) prepared: Prepared,
    /// `[rules]` as this log understands them.
    pub(super) rules: Obeyed,
    pub(super) folds: Vec<FoldData>,
    /// What the splitter said, fold by fold, until the audit has seen it.
    split: Vec<Fold>,
    /// The events by time and part; absent without times.
    pub(super) timeline: Option<Timeline>,
}

impl Cleaned {
    /// The folds of a role: its periods, in order.
    pub(super) fn periods(&self, role: Role) -> Vec<&FoldData> {
        let folds = self.folds.iter();
        folds.filter(|f| f.summary.role == role).collect()
    }

    /// Reads, cleans and splits for every alternative the source, whose fingerprint is given, or takes
    /// from the cache what is kept of it. They are not restricted to what they have in common yet.
    pub(super) fn all(
        experiment: &Experiment,
        data: &str,
        options: &Options,
        cancel: &AtomicBool,
    ) -> Result<Vec<Self>, Failure> {
        let cache = &options.cache;
        if options.prepared.is_some() && !are_kept(experiment, data, cache) {
            return Err(Failure::Changed(
                "the cleaned log is not in the store any more, or this is another program than the one \
                 that prepared it; run the same command again, which prepares it anew"
                    .to_owned(),
            ));
        }
        let of = |cleaning: &Cleaning| {
            let prepared = prepared(
                experiment,
                cleaning,
                data,
                (cache, options.memory, options.apart),
                cancel,
            )?;
            let (events, columns) = (&prepared.events, &prepared.columns);
            let rules = Obeyed::of(&experiment.rules, events, &columns.item)?;
            let (split, folds) = split(experiment, cleaning, &prepared, &rules)?;
            Ok(Self {
                prepared,
                rules,
                folds,
                split,
                timeline: None,
            })
        };
        let cleanings = experiment.cleanings.iter();
        cleanings
            .map(|cleaning| of(cleaning).map_err(|failed| blame(experiment, cleaning, failed)))
            .collect()
    }

    /// Looks at all folds again, as they are asked, and divides those of the test part into segments.
    pub(super) fn audit(experiment: &Experiment, all: &mut [Self]) -> Result<(), Failure> {
        for of in all {
            let validated = !of.periods(Role::Validation).is_empty();
            let split = std::mem::take(&mut of.split);
            let in_time = !experiment.splitter.uses_the_future();
            of.timeline = timeline(&of.prepared.events, &split, in_time);
            for (fold, data) in split.iter().zip(&mut of.folds) {
                let audited = Audited {
                    fold,
                    events: &of.prepared.events,
                    data,
                    funnel: &of.prepared.funnel,
                    evaluation: &experiment.evaluation,
                    uses_the_future: experiment.splitter.uses_the_future(),
                    validated,
                };
                let mut checks = audit(&audited)?;
                checks.extend(audit_rules(&audited, &of.rules)?);
                let segments = match fold.role {
                    Role::Test => divide(&audited)?,
                    Role::Validation => Vec::new(),
                };
                data.summary.hash = hashes::of_fold(fold);
                data.summary.audit = checks;
                let divisions = segments.iter().map(|s| s.division().clone());
                data.summary.segments = divisions.collect();
                data.segments = segments;
            }
        }
        Ok(())
    }

    /// Lets all of them ask the same.
    pub(super) fn restrict(experiment: &Experiment, all: &mut [Self]) -> Result<(), Failure> {
        restrict_all(experiment, all.iter_mut().map(|of| &mut of.folds))
    }
}

/// Lets the folds of all alternatives of the cleaners ask the same.
pub(super) fn restrict_all<'f>(
    experiment: &Experiment,
    folds: impl Iterator<Item = &'f mut Vec<FoldData>>,
) -> Result<(), Failure> {
    let mut all: Vec<&mut Vec<FoldData>> = folds.collect();
    let labels = experiment.cleanings.iter().map(|c| c.label.as_str());
    let labels: Vec<&str> = labels.collect();
    for role in [Role::Validation, Role::Test] {
        let count = |folds: &&mut Vec<FoldData>| {
            let of_role = folds.iter().filter(|fold| fold.summary.role == role);
            of_role.count()
        };
        let counts: Vec<usize> = all.iter().map(count).collect();
        if let Some(other) = counts.iter().position(|count| *count != counts[0]) {
            return Err(Failure::Definition(format!(
                "the splitter `{}` makes {} {role} periods with the cleaners of `{}` and {} with \
                 those of `{}`, so their results could not be compared; compare them in \
                 experiments of their own",
                experiment.splitter.typetag_name(),
                counts[0],
                labels[0],
                counts[other],
                labels[other],
                role = role.name(),
            )));
        }
        for period in 1..=counts.first().copied().unwrap_or(0) {
            let folds = all.iter_mut().flat_map(|of| of.iter_mut());
            let of_period =
                |f: &&mut FoldData| (f.summary.role, f.summary.period) == (role, period);
            let mut folds: Vec<&mut FoldData> = folds.filter(of_period).collect();
            restrict(&labels, &mut folds)?;
        }
    }
    for of in all {
        number_periods(of);
    }
    Ok(())
}

/// Says under which alternative of the cleaners the data cannot be used.
pub(super) fn naming(label: &str, failure: Failure) -> Failure {
    let named = |text| format!("with the cleaners of `{label}`: {text}");
    match failure {
        failure if label.is_empty() => failure,
        Failure::Definition(text) => Failure::Definition(named(text)),
        Failure::Data(text) => Failure::Data(named(text)),
        failure => failure,
    }
}

/// What went wrong under an alternative of the cleaners, at the place of the plugin at work.
pub(crate) fn blame(experiment: &Experiment, cleaning: &Cleaning, failed: Failed) -> Failure {
    let Failed { error, by } = failed;
    if by == Some(By::Source) {
        return of_source(experiment, error);
    }
    let failure = match Failure::from(error) {
        Failure::Definition(text)
            if by == Some(By::Splitter) && experiment.splitter_written.is_none() =>
        {
            Failure::Definition(format!(
                "{text} (the definition names no splitter, so global_time is used)"
            ))
        }
        failure => failure,
    };
    let failure = naming(&cleaning.label, failure);
    let plugin = match by {
        Some(By::Cleaner(at)) => cleaning.written.get(at),
        Some(By::Splitter) => experiment.splitter_written.as_ref(),
        Some(By::Rules(key)) => {
            let rules = experiment.rules.node.as_ref();
            rules
                .and_then(|rules| rules.get(key))
                .map(|entry| &entry.node)
        }
        _ => None,
    };
    match plugin {
        Some(node) => experiment.written.failure(node, failure),
        None => failure,
    }
}

/// What is wrong with the source. Where that is its data, the message has a place in that already.
pub(super) fn of_source(experiment: &Experiment, error: Error) -> Failure {
    match Failure::from(error) {
        failure @ Failure::Definition(_) => {
            let source = &experiment.source_written;
            experiment.written.failure(source, failure)
        }
        failure => failure,
    }
}

fn split(
    experiment: &Experiment,
    cleaning: &Cleaning,
    prepared: &Prepared,
    rules: &Obeyed,
) -> Result<(Vec<Fold>, Vec<FoldData>), Failed> {
    let events = &prepared.events;
    let split = split_rows(experiment, events)?;
    let validation = split.iter().filter(|f| f.role == Role::Validation);
    let mut validation: Vec<u32> = validation
        .flat_map(|f| f.given.iter().chain(&f.targets))
        .copied()
        .collect();
    validation.sort_unstable();
    let mut folds: Vec<FoldData> = split
        .iter()
        .map(|fold| {
            ready_under(
                fold,
                Some(&validation),
                events,
                &cleaning.cleaners,
                (&experiment.evaluation, rules),
            )
        })
        .collect::<Result<_, _>>()?;
    number_periods(&mut folds);
    Ok((split, folds))
}

/// What the splitter says: validation first, periods of a role in order.
pub(super) fn split_rows(experiment: &Experiment, events: &Events) -> Result<Vec<Fold>, Failed> {
    let seed = derive_seed(experiment.seed, "split");
    let folds = experiment.splitter.split(events, seed);
    let mut split = folds.map_err(|error| By::Splitter.failed(error))?;
    refuse_faulty(experiment, events, &split).map_err(|error| By::Splitter.failed(error))?;
    // Stable: periods of a role stay in order.
    split.sort_by_key(|fold| fold.role == Role::Test);
    Ok(split)
}

pub(super) fn number_periods(folds: &mut [FoldData]) {
    for role in [Role::Validation, Role::Test] {
        let of_role = folds.iter_mut().filter(|f| f.summary.role == role);
        periods::number(&mut of_role.collect::<Vec<_>>());
    }
}

/// A splitter that breaks its promises makes every result worthless.
fn refuse_faulty(experiment: &Experiment, events: &Events, folds: &[Fold]) -> Result<(), Error> {
    let splitter = &experiment.splitter;
    let faults = fold_faults(events, folds, splitter.uses_the_future());
    if faults.is_empty() {
        return Ok(());
    }
    let name = splitter.typetag_name();
    Err(Error::definition(format!(
        "the splitter `{name}` breaks its promises, so nothing could be trusted that rests on it: {}; \
         use another splitter until this is mended (its author finds it with \
         musicrec_api::conformance::splitter(\"{name}\"))",
        faults.join("; ")
    )))
}
