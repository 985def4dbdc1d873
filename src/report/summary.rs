//! What a report says, before it takes a form: leaderboard, trials, verdict.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::audit::{self, Finding};
use super::comparison::{Comparison, Pair, compare};
use super::conflicts;
use super::differing::{Differing, differing};
use super::examples::{Examples, Known};
use super::masking::mask;
use super::periods::{self, InPeriod};
use super::published::{Beside, beside};
use super::segments::{self, InSegment};
use super::selection::{Selection, fit_seconds};
use super::table::Table;
use super::verdict::verdict;
use crate::compare::{Difference, Estimate, mean_sd};
use crate::exit::Failure;
use crate::records::looks::looks;
use crate::records::{Outcome, Record, Store};
use crate::settings::trial_name;
use crate::sweep::{Overview, Parameter, PlanTrial, PlanVariant, choose};
use crate::text::counted;

/// The report's content; `report.json` is this.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct Summary {
    /// The conclusion in words.
    pub(crate) verdict: String,
    /// What to look at before trusting it.
    pub(crate) warnings: Vec<String>,
    /// What was verified, and what was found.
    pub(crate) audit: Vec<Finding>,
    /// The variants, best first by the deciding metric on test.
    pub(crate) leaderboard: Vec<Row>,
    /// How settings were chosen.
    pub(crate) selection: Selection,
    /// What the variants reach in segments of the test part.
    pub(crate) segments: Vec<InSegment>,
    /// By which rules they were compared.
    pub(crate) comparison: Comparison,
    /// All pairs of variants on the deciding metric.
    pub(crate) pairs: Vec<Pair>,
    /// All trials in the order of the definition.
    pub(crate) trials: Vec<TrialRow>,
    /// In what the definitions of the chosen trials differ.
    pub(crate) differing: Vec<Differing>,
    /// What others published, beside what came out here; as the definition lists it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) published: Vec<Beside>,
    /// Some users with their history and their lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) examples: Option<Examples>,
    /// What of the log is not shown, in words; none with `show_ids = true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) masked: Option<String>,
    /// Data, plan and floor.
    #[serde(flatten)]
    pub(crate) overview: Overview,
}

/// One variant on the leaderboard.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct Row {
    pub(crate) variant: String,
    /// What distinguishes the chosen trial from the others of the variant.
    pub(crate) settings: String,
    /// The place of the chosen trial's alternative of the cleaners in `cleanings`.
    pub(crate) cleaning: usize,
    /// How many trials it was chosen from: those that were measured, on a rung at least.
    pub(crate) trials: usize,
    /// How many seeds its values are means over: 1 if the model is not stochastic.
    pub(crate) seeds: usize,
    /// The standard deviation over these seeds, by metric; empty for one seed.
    pub(crate) seed_sd: BTreeMap<String, f64>,
    /// What it reaches in each test period where there are several.
    pub(crate) periods: Vec<InPeriod>,
    /// The place among variants that are better than chance; none for what chance explains.
    pub(crate) rank: Option<usize>,
    /// Variants with a letter in common cannot be told apart on the deciding metric.
    pub(crate) group: String,
    /// Whether it did best on validation.
    pub(crate) best_on_validation: bool,
    /// What the chosen trial had on validation, by metric.
    pub(crate) validation: BTreeMap<String, f64>,
    /// What it has on test, by metric.
    pub(crate) test: BTreeMap<String, Estimate>,
    /// Difference to the baseline on the deciding metric.
    pub(crate) difference: Option<Difference>,
    /// The variant that did best on validation less this one, on the deciding metric.
    pub(crate) best_minus_this: Option<Difference>,
    /// The probability that a random ranking does as well on the deciding metric.
    pub(crate) p_chance: f64,
    /// The same, adjusted for the number of variants.
    pub(crate) p_chance_adjusted: f64,
    pub(crate) users: usize,
    /// Users with a target in their list.
    pub(crate) users_hit: f64,
    /// Users whose last place was decided by item id.
    pub(crate) users_tied: f64,
    pub(crate) fit_seconds: f64,
    pub(crate) rank_seconds: f64,
    /// Processor seconds of fitting, the mean over the seeds, where the system tells.
    pub(crate) fit_cpu_seconds: Option<f64>,
    /// The most that the process held in any stage of its records on test, where the system tells.
    pub(crate) peak_bytes: Option<u64>,
    /// The resolved definition of the chosen trial.
    pub(crate) definition: Value,
    /// The records on test, one a seed.
    pub(crate) records: Vec<String>,
}

/// One trial of the grid.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct TrialRow {
    /// Its place among all trials of the experiment.
    pub(crate) index: usize,
    pub(crate) variant: String,
    pub(crate) settings: String,
    /// The values of what is varied in the variant.
    pub(crate) parameters: Vec<Parameter>,
    /// Whether it represents its variant.
    pub(crate) chosen: bool,
    pub(crate) validation: BTreeMap<String, f64>,
    /// On test: of the chosen trial, and of all where the definition asks for them.
    pub(crate) test: BTreeMap<String, f64>,
    pub(crate) fit_seconds: Option<f64>,
    /// The most that the process held in any of its stages, where the system tells.
    pub(crate) peak_bytes: Option<u64>,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    /// Where halving stopped it, if it did: `stopped after 5 of 15 iterations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
    /// What it had reached there by the deciding metric on validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped_at: Option<f64>,
}

impl TrialRow {
    /// Whether it could be chosen: it has a value on validation, or had one where it was stopped. Without a
    /// validation part the chosen one is the only one.
    fn measured(&self) -> bool {
        self.chosen || !self.validation.is_empty() || self.stopped.is_some()
    }
}

impl Summary {
    /// Reads the store.
    pub(crate) fn read(store: &Store) -> Result<Self, Failure> {
        let overview = Overview::read(store)?;
        let spent = fit_seconds(&overview.variants, &overview.ran, store)?;
        Self::of(overview, store, &spent)
    }

    /// From an overview, a store that has the records that it names, and what fitting took by variant.
    pub(super) fn of(
        mut overview: Overview,
        store: &Store,
        spent: &[f64],
    ) -> Result<Self, Failure> {
        let masked = mask(&mut overview);
        let labels = overview.labels();
        let mut rows = Vec::new();
        let mut tables = Vec::new();
        let mut trials = Vec::new();
        let mut equal = Vec::new();
        for variant in &overview.variants {
            let chosen = choose(&overview, variant, store)?;
            let own = trial_rows(
                variant,
                chosen.as_ref().map(|c| c.of_variant),
                overview.exhibit_test,
                store,
            )?;
            let measured = own.iter().filter(|trial| trial.measured()).count();
            trials.extend(own);
            let Some(chosen) = chosen else { continue };
            let trial = &variant.trials[chosen.of_variant];
            if let Some((mut row, table)) = row(variant, trial, &labels, store)? {
                row.trials = measured;
                if let Some(known) = of_another(&overview, &rows, &row) {
                    equal.push(format!(
                        "`{}` and `{}` chose the same trial: one row, `{}`",
                        known.variant, row.variant, known.variant
                    ));
                    continue;
                }
                rows.push(row);
                tables.push(table);
            }
        }
        if let Some(joined) = &mut overview.joined {
            joined.notes.extend(equal);
        }
        let known = Known::read(&overview, &rows, &tables, store)?;
        let (comparison, pairs) = compare(&overview, &mut rows, tables, store)?;
        let segments = segments::read(&overview, &rows, store)?;
        let audit = audit::findings(&overview, &rows);
        let selection = Selection::of(&overview, &trials, spent, looks(store));
        let mut warnings = match &overview.joined {
            Some(joined) => joined.warnings.clone(),
            None => conflicts::warnings(store)?,
        };
        warnings.extend(unfinished(&overview, &trials, rows.len()));
        warnings.extend(lost(&overview, store)?);
        warnings.extend(short_lists(&rows, store)?);
        warnings.extend(overview.warnings());
        warnings.extend(audit::warning(&overview, &rows));
        warnings.extend(selection.warnings(rows.len()));
        Ok(Self {
            verdict: verdict(&overview, &rows),
            warnings,
            selection,
            audit,
            segments,
            differing: differing(&rows),
            published: beside(&overview, &rows),
            examples: known.and_then(|known| known.examples(&overview, &rows)),
            masked,
            leaderboard: rows,
            comparison,
            pairs,
            trials,
            overview,
        })
    }
}

/// The row of another experiment that has the very same trial, where there are several.
fn of_another<'r>(overview: &Overview, rows: &'r [Row], row: &Row) -> Option<&'r Row> {
    let joined = overview.joined.as_ref()?;
    let own = joined.with(&row.variant);
    let mut equal = rows.iter().filter(|known| known.records == row.records);
    equal.find(|known| {
        joined
            .with(&known.variant)
            .iter()
            .all(|of| !own.contains(of))
    })
}

/// That records of a finished sweep are gone, or were torn, if so.
fn lost(overview: &Overview, store: &Store) -> Result<Option<String>, Failure> {
    if !overview.finished {
        return Ok(None);
    }
    let mut lost = 0;
    for id in &overview.ran {
        lost += usize::from(store.record(id)?.is_none() && store.failed(id)?.is_none());
    }
    Ok((lost > 0).then(|| {
        format!(
            "{} of this sweep cannot be read any more, so this report is of the others; the same command runs \
             what is missing again",
            counted(lost, "record")
        )
    }))
}

/// Which rows have lists that are shorter than they could be.
fn short_lists(rows: &[Row], store: &Store) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for row in rows {
        let mut most = 0;
        for id in &row.records {
            if let Some(Outcome::Done { users_short, .. }) =
                store.record(id)?.map(|record| record.result.outcome)
            {
                most = most.max(users_short);
            }
        }
        if most > 0 {
            warnings.push(format!(
                "`{}` gives {most} of {} fewer items than their lists have places, though more are left for \
                 them; missing places count as misses",
                row.variant,
                counted(row.users, "user")
            ));
        }
    }
    Ok(warnings)
}

/// That the sweep was interrupted, if it was.
fn unfinished(overview: &Overview, trials: &[TrialRow], tested: usize) -> Option<String> {
    // Of several it is said which, among their own warnings.
    if overview.finished || overview.joined.is_some() {
        return None;
    }
    let known = trials.iter().filter(|trial| !trial.validation.is_empty());
    let value = |trial: &&TrialRow| trial.validation.get(&overview.select).copied();
    let validation = if overview.validated() {
        format!(
            "{} of {} have a result on validation, and ",
            known.clone().count(),
            counted(trials.len(), "trial")
        )
    } else {
        String::new()
    };
    let best = known.max_by(|a, b| value(a).partial_cmp(&value(b)).unwrap_or(Ordering::Equal));
    let best = best.and_then(|best| {
        let name = trial_name(&best.variant, &best.settings);
        let value = value(&best)?;
        Some(format!(
            "; so far the best there is {name}, {} {value:.4}",
            overview.select
        ))
    });
    Some(format!(
        "this sweep has not ended: {validation}{tested} of {} on test; the same command goes on with it{}",
        counted(overview.variants.len(), "variant"),
        best.unwrap_or_default()
    ))
}

/// The mean of each metric over the records of a trial's seeds.
fn means(records: &[Record]) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for record in records {
        if let Outcome::Done { metrics, .. } = &record.result.outcome {
            for (label, &value) in metrics {
                all.entry(label).or_default().push(value);
            }
        }
    }
    all.into_iter()
        .map(|(label, values)| (label.clone(), mean_sd(&values).0))
        .collect()
}

/// The records of all seeds of a trial; `None` if one is missing.
fn records(ids: &[String], store: &Store) -> Result<Option<Vec<Record>>, Failure> {
    ids.iter().map(|id| store.record(id)).collect()
}

fn mean_of(records: &[Record], of: impl Fn(&Record) -> f64) -> f64 {
    let values: Vec<f64> = records.iter().map(of).collect();
    mean_sd(&values).0
}

/// Processor seconds of fitting, if the system told of all of them.
fn fit_cpu_seconds(records: &[Record]) -> Option<f64> {
    let each = records
        .iter()
        .map(|record| record.run.stages.fit.cpu_seconds);
    let each: Vec<f64> = each.collect::<Option<_>>()?;
    (!each.is_empty()).then(|| mean_sd(&each).0)
}

/// The most that the process held in any stage.
fn peak_bytes(records: &[Record]) -> Option<u64> {
    let stages = records.iter().flat_map(|record| {
        let all = &record.run.stages;
        [all.weigh, all.fit, all.rank, all.measure]
    });
    stages.filter_map(|stage| stage.peak_bytes).max()
}

fn trial_rows(
    variant: &PlanVariant,
    chosen: Option<usize>,
    exhibit_test: bool,
    store: &Store,
) -> Result<Vec<TrialRow>, Failure> {
    let mut rows = Vec::new();
    for (at, trial) in variant.trials.iter().enumerate() {
        let mut row = TrialRow {
            index: trial.index,
            variant: variant.name.clone(),
            settings: trial.settings.clone(),
            parameters: trial.parameters.clone(),
            chosen: chosen == Some(at),
            validation: BTreeMap::new(),
            test: BTreeMap::new(),
            fit_seconds: None,
            peak_bytes: None,
            failure: None,
            stopped: None,
            stopped_at: None,
        };
        (row.stopped, row.stopped_at) = variant.stopped_words(trial.index).unzip();
        let on_a_rung = variant.failed_on_a_rung(trial.index);
        for id in trial.ids().chain(on_a_rung.map(String::as_str)) {
            if let Some(failed) = store.failed(id)?
                && let Outcome::Failed { message } = failed.result.outcome
            {
                row.failure = Some(format!("{}: {message}", failed.result.key.role.name()));
            }
        }
        // What was stopped may have been run to the end by an earlier sweep, which is not this one.
        let validation = match row.stopped {
            Some(_) => Vec::new(),
            None => records(&trial.validation, store)?.unwrap_or_default(),
        };
        row.validation = means(&validation);
        let mut timed = validation;
        if row.chosen || exhibit_test {
            let test = records(&trial.test, store)?.unwrap_or_default();
            row.test = means(&test);
            if timed.is_empty() {
                timed = test;
            }
        }
        row.fit_seconds =
            (!timed.is_empty()).then(|| mean_of(&timed, |record| record.run.fit_seconds()));
        row.peak_bytes = peak_bytes(&timed);
        rows.push(row);
    }
    Ok(rows)
}

/// The row of a variant, which has means over the seeds of its chosen trial, and the values by user,
/// a table a seed.
fn row(
    variant: &PlanVariant,
    trial: &PlanTrial,
    labels: &[String],
    store: &Store,
) -> Result<Option<(Row, Vec<Table>)>, Failure> {
    let Some(test) = records(&trial.test, store)? else {
        return Ok(None);
    };
    let mut tables = Vec::new();
    let (mut users, mut hit, mut tied) = (0, Vec::new(), Vec::new());
    for record in &test {
        let Outcome::Done {
            users: asked,
            users_hit,
            users_tied,
            attachments,
            ..
        } = &record.result.outcome
        else {
            return Ok(None);
        };
        let Some(per_user) = attachments.get("per_user") else {
            return Ok(None);
        };
        let table = Table::read(store, per_user)?;
        if *asked != table.users.len() || !agrees(record, &table, labels) {
            return Err(store.disagrees(&record.id));
        }
        users = *asked;
        hit.push(*users_hit as f64);
        tied.push(*users_tied as f64);
        tables.push(table);
    }
    // The intervals follow once all variants are known.
    let values = means(&test).into_iter();
    let test_values = values.map(|(label, value)| (label, Estimate::point(value)));
    let row = Row {
        variant: variant.name.clone(),
        settings: trial.settings.clone(),
        cleaning: trial.cleaning,
        trials: 1,
        seeds: test.len(),
        seed_sd: seed_sd(&test),
        periods: periods::of(&test),
        rank: None,
        group: String::new(),
        best_on_validation: false,
        validation: means(&records(&trial.validation, store)?.unwrap_or_default()),
        test: test_values.collect(),
        difference: None,
        best_minus_this: None,
        p_chance: 1.0,
        p_chance_adjusted: 1.0,
        users,
        users_hit: mean_sd(&hit).0,
        users_tied: mean_sd(&tied).0,
        fit_seconds: mean_of(&test, |record| record.run.fit_seconds()),
        rank_seconds: mean_of(&test, |record| record.run.rank_seconds()),
        fit_cpu_seconds: fit_cpu_seconds(&test),
        peak_bytes: peak_bytes(&test),
        definition: test
            .first()
            .map_or(Value::Null, |record| record.result.key.definition.clone()),
        records: test.into_iter().map(|record| record.id).collect(),
    };
    Ok(Some((row, tables)))
}

/// Whether a record has every metric, and the means that its values by user have.
fn agrees(record: &Record, table: &Table, labels: &[String]) -> bool {
    let known = labels.iter().all(|label| record.metric(label).is_some());
    let columns = table.labels.iter().zip(table.values.columns());
    let means = columns.map(|(label, column)| (label, column.mean().unwrap_or(0.0)));
    let same = |(label, mean): (&String, f64)| {
        let said = record.metric(label);
        said.is_some_and(|said| (said - mean).abs() <= 1e-9 * (1.0 + mean.abs()))
    };
    known && means.into_iter().all(same)
}

/// How much each metric varies from seed to seed; nothing where there is one seed.
fn seed_sd(records: &[Record]) -> BTreeMap<String, f64> {
    if records.len() < 2 {
        return BTreeMap::new();
    }
    let labels = means(records).into_keys();
    labels
        .map(|label| {
            let values = records.iter().filter_map(|record| record.metric(&label));
            let sd = mean_sd(&values.collect::<Vec<_>>()).1;
            (label, sd)
        })
        .collect()
}
