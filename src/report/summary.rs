//! What a report says, before it takes a form: leaderboard, trials, verdict.

use std::collections::BTreeMap;

use musicrec_api::derive_seed;
use ndarray::Array2;
use serde::Serialize;

use super::audit::{self, Finding};
use super::segments::{self, InSegment};
use super::selection::Selection;
use super::table::Table;
use super::verdict::verdict;
use crate::compare::{Estimate, bootstrap, estimate, holm, mean_sd, p_chance};
use crate::exit::Failure;
use crate::records::looks::looks;
use crate::records::{Outcome, Record, SCHEMA, Store};
use crate::sweep::{Overview, PlanTrial, PlanVariant, choose};

/// Fewer users than this with a difference say nothing about a difference (protocol P27).
pub(crate) const INFORMATIVE: usize = 10;

/// The report's content; `report.json` is this.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) schema: u32,
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
    /// All trials in the order of the definition.
    pub(crate) trials: Vec<TrialRow>,
    /// Data, plan and floor.
    #[serde(flatten)]
    pub(crate) overview: Overview,
}

/// One variant on the leaderboard.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) variant: String,
    /// What distinguishes the chosen trial from the others of the variant.
    pub(crate) settings: String,
    /// The place of the chosen trial's alternative of the cleaners in `cleanings`.
    pub(crate) cleaning: usize,
    /// How many trials were chosen from.
    pub(crate) trials: usize,
    /// How many seeds its values are means over: 1 if the model is not stochastic.
    pub(crate) seeds: usize,
    /// The standard deviation over these seeds, by metric; empty for one seed.
    pub(crate) seed_sd: BTreeMap<String, f64>,
    /// The place among variants that are better than chance; none for what chance explains.
    pub(crate) rank: Option<usize>,
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
    /// The same, adjusted for the number of variants by Holm's method.
    pub(crate) p_chance_holm: f64,
    pub(crate) users: usize,
    /// Users with a target in their list.
    pub(crate) users_hit: f64,
    /// Users whose last place was decided by item id.
    pub(crate) users_tied: f64,
    pub(crate) fit_seconds: f64,
    pub(crate) rank_seconds: f64,
    /// The records on test, one a seed.
    pub(crate) records: Vec<String>,
}

/// A paired difference over users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Difference {
    #[serde(flatten)]
    pub(crate) estimate: Estimate,
    /// Users who do better, equally well and worse.
    pub(crate) wins: usize,
    pub(crate) ties: usize,
    pub(crate) losses: usize,
}

impl Difference {
    /// Whether enough users differ for the interval to mean anything.
    pub(crate) fn informative(&self) -> bool {
        self.wins + self.losses >= INFORMATIVE
    }

    /// Whether it is shown to be above 0.
    pub(crate) fn is_gain(&self) -> bool {
        self.informative() && self.estimate.low > 0.0
    }
}

/// One trial of the grid.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrialRow {
    pub(crate) variant: String,
    pub(crate) settings: String,
    /// Whether it represents its variant.
    pub(crate) chosen: bool,
    pub(crate) validation: BTreeMap<String, f64>,
    /// On test: of the chosen trial, and of all where the definition asks for them.
    pub(crate) test: BTreeMap<String, f64>,
    pub(crate) fit_seconds: Option<f64>,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

impl Summary {
    /// Reads the store.
    pub(crate) fn read(store: &Store) -> Result<Self, Failure> {
        let overview: Overview = store.read(Overview::FILE)?.ok_or_else(|| {
            Failure::Data(format!(
                "{} holds no sweep: there is no {}",
                store.folder().display(),
                Overview::FILE
            ))
        })?;
        let mut rows = Vec::new();
        let mut tables = Vec::new();
        let mut trials = Vec::new();
        for variant in &overview.variants {
            let chosen = choose(&overview, variant, store)?;
            trials.extend(trial_rows(
                variant,
                chosen.as_ref().map(|c| c.of_variant),
                overview.exhibit_test,
                store,
            )?);
            let Some(chosen) = chosen else { continue };
            let trial = &variant.trials[chosen.of_variant];
            if let Some((row, table)) = row(variant, trial, store)? {
                rows.push(row);
                tables.push(table);
            }
        }
        compare(&overview, &mut rows, tables, store)?;
        let segments = segments::read(&overview, &rows, store)?;
        let audit = audit::findings(&overview, &rows);
        let selection = Selection::of(&overview, &trials, looks(store));
        let mut warnings = overview.warnings();
        warnings.extend(audit::warning(&rows));
        warnings.extend(selection.warnings(rows.len()));
        Ok(Self {
            schema: SCHEMA,
            verdict: verdict(&overview, &rows),
            warnings,
            selection,
            audit,
            segments,
            leaderboard: rows,
            trials,
            overview,
        })
    }
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

fn trial_rows(
    variant: &PlanVariant,
    chosen: Option<usize>,
    exhibit_test: bool,
    store: &Store,
) -> Result<Vec<TrialRow>, Failure> {
    let mut rows = Vec::new();
    for (at, trial) in variant.trials.iter().enumerate() {
        let mut row = TrialRow {
            variant: variant.name.clone(),
            settings: trial.settings.clone(),
            chosen: chosen == Some(at),
            validation: BTreeMap::new(),
            test: BTreeMap::new(),
            fit_seconds: None,
            failure: None,
        };
        for id in trial.ids() {
            if let Some(failed) = store.failed(id)?
                && let Outcome::Failed { message } = failed.result.outcome
            {
                row.failure = Some(format!("{}: {message}", failed.result.key.role.name()));
            }
        }
        let validation = records(&trial.validation, store)?.unwrap_or_default();
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
            (!timed.is_empty()).then(|| mean_of(&timed, |record| record.run.fit_seconds));
        rows.push(row);
    }
    Ok(rows)
}

/// The row of a variant and the values by user, both means over the seeds of its chosen trial.
fn row(
    variant: &PlanVariant,
    trial: &PlanTrial,
    store: &Store,
) -> Result<Option<(Row, Table)>, Failure> {
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
        users = *asked;
        hit.push(*users_hit as f64);
        tied.push(*users_tied as f64);
        tables.push(Table::read(store, per_user)?);
    }
    let Some(table) = Table::mean(tables) else {
        return Ok(None);
    };
    // The intervals follow once all variants are known.
    let point = |value: f64| Estimate {
        value,
        low: value,
        high: value,
    };
    let values = means(&test).into_iter();
    let test_values = values.map(|(label, value)| (label, point(value)));
    let row = Row {
        variant: variant.name.clone(),
        settings: trial.settings.clone(),
        cleaning: trial.cleaning,
        trials: variant.trials.len(),
        seeds: test.len(),
        seed_sd: seed_sd(&test),
        rank: None,
        best_on_validation: false,
        validation: means(&records(&trial.validation, store)?.unwrap_or_default()),
        test: test_values.collect(),
        difference: None,
        best_minus_this: None,
        p_chance: 1.0,
        p_chance_holm: 1.0,
        users,
        users_hit: mean_sd(&hit).0,
        users_tied: mean_sd(&tied).0,
        fit_seconds: mean_of(&test, |record| record.run.fit_seconds),
        rank_seconds: mean_of(&test, |record| record.run.rank_seconds),
        records: test.into_iter().map(|record| record.id).collect(),
    };
    Ok(Some((row, table)))
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

/// Intervals, differences and chance; then the order of the leaderboard.
fn compare(
    overview: &Overview,
    rows: &mut [Row],
    tables: Vec<Table>,
    store: &Store,
) -> Result<(), Failure> {
    let Some(first) = tables.first() else {
        return Ok(());
    };
    let (users, labels) = (first.users.clone(), first.labels.clone());
    // Row by row the same user, for differences are taken user by user.
    let same = |table: Table| table.ordered(&users).filter(|t| t.labels == labels);
    let Some(tables) = tables.into_iter().map(same).collect::<Option<Vec<_>>>() else {
        return Err(Failure::Data(format!(
            "the records in {} are over different users or metrics and cannot be compared; set the \
             folder aside with --fresh",
            store.folder().display()
        )));
    };
    let width = labels.len();
    let all = Array2::from_shape_fn((users.len(), rows.len() * width), |(user, column)| {
        tables[column / width].values[[user, column % width]]
    });
    let seed = overview.shared["seed"].as_u64().unwrap_or(0);
    let samples = bootstrap(&all, overview.resamples, derive_seed(seed, "bootstrap"));
    for (at, row) in rows.iter_mut().enumerate() {
        for (metric, label) in labels.iter().enumerate() {
            if let Some(known) = row.test.get_mut(label) {
                *known = estimate(known.value, samples[at * width + metric].clone());
            }
        }
    }
    let position = |name: Option<&String>| rows.iter().position(|r| Some(&r.variant) == name);
    let baseline = position(overview.baseline.as_ref());
    let best = best_on_validation(overview, rows);
    if let Some(select) = labels.iter().position(|l| *l == overview.select) {
        let column = |of: usize| of * width + select;
        for (at, row) in rows.iter_mut().enumerate() {
            let minus = |a: usize, b: usize| difference(&all, &samples, column(a), column(b));
            let others = |of: Option<usize>| of.filter(|of| *of != at);
            row.difference = others(baseline).map(|base| minus(at, base));
            row.best_minus_this = others(best).map(|best| minus(best, at));
        }
    }
    if let Some(best) = best {
        rows[best].best_on_validation = true;
    }
    chance(overview, rows, store)?;
    let value = |row: &Row| row.test.get(&overview.select).map_or(0.0, |e| e.value);
    rows.sort_by(|a, b| value(b).total_cmp(&value(a)));
    let better = rows.iter_mut().filter(|r| r.p_chance_holm < 0.05);
    for (place, row) in better.enumerate() {
        row.rank = Some(place + 1);
    }
    Ok(())
}

/// The row that did best on validation, the first of the definition among equals.
fn best_on_validation(overview: &Overview, rows: &[Row]) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (at, row) in rows.iter().enumerate() {
        if let Some(&value) = row.validation.get(&overview.select)
            && best.is_none_or(|(known, _)| value > known)
        {
            best = Some((value, at));
        }
    }
    best.map(|(_, at)| at)
}

/// One column of per-user values less another, with its bootstrap interval.
fn difference(all: &Array2<f64>, samples: &[Vec<f64>], a: usize, b: usize) -> Difference {
    let (own, theirs) = (all.column(a), all.column(b));
    let users = all.nrows() as f64;
    let value = own.iter().zip(theirs).map(|(a, b)| a - b).sum::<f64>() / users;
    let resampled = samples[a].iter().zip(&samples[b]).map(|(a, b)| a - b);
    let count = |holds: fn(&f64, &f64) -> bool| {
        let pairs = own.iter().zip(theirs);
        pairs.filter(|(a, b)| holds(a, b)).count()
    };
    Difference {
        estimate: estimate(value, resampled.collect()),
        wins: count(|a, b| a > b),
        ties: count(|a, b| a == b),
        losses: count(|a, b| a < b),
    }
}

fn chance(overview: &Overview, rows: &mut [Row], store: &Store) -> Result<(), Failure> {
    let mut nulls = Vec::new();
    for log in &overview.cleanings {
        let Some(floor) = &log.floor else {
            return Ok(());
        };
        nulls.push(Table::read_null(store, &floor.null, &overview.select)?);
    }
    let p: Vec<f64> = rows
        .iter()
        .map(|row| {
            let value = row.test.get(&overview.select).map_or(0.0, |e| e.value);
            p_chance(value, &nulls[row.cleaning])
        })
        .collect();
    for ((row, p), adjusted) in rows.iter_mut().zip(&p).zip(holm(&p)) {
        row.p_chance = *p;
        row.p_chance_holm = adjusted;
    }
    Ok(())
}
