//! The statistics of a summary: intervals, differences, rank groups and chance, from the values by
//! user.
//!
//! Three families of questions are asked on the deciding metric, each adjusted for its own size: is a
//! variant another than the baseline, is it another than each other one, is it better than chance.
//! The other metrics are exploratory: they have intervals and no p-values (protocol P24, P28).

use musicrec_api::derive_seed;
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use super::summary::Row;
use super::table::Table;
use crate::compare::{
    Correction, Difference, Estimate, LEVEL, Pairs, bca, bootstrap, informative, letters, p_chance,
    wilson,
};
use crate::exit::Failure;
use crate::records::Store;
use crate::sweep::Overview;

/// What was compared and by which rules; the results stand with the variants and in [`Pair`].
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Comparison {
    /// The deciding metric.
    pub(crate) metric: String,
    /// The variant that all others are compared with, if it has a result.
    pub(crate) baseline: Option<String>,
    /// How p-values are adjusted within each family.
    pub(crate) correction: Correction,
    /// An adjusted p-value below this is a claim.
    pub(crate) level: f64,
    /// The least difference that is worth having.
    pub(crate) min_effect: f64,
    /// How many questions each family has: variants against the baseline,
    pub(crate) family_baseline: usize,
    /// all pairs of variants,
    pub(crate) family_pairs: usize,
    /// and variants against chance.
    pub(crate) family_chance: usize,
}

/// Two variants on the deciding metric.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Pair {
    /// The one higher up on the leaderboard.
    pub(crate) a: String,
    pub(crate) b: String,
    /// The first less the second.
    #[serde(flatten)]
    pub(crate) difference: Difference,
}

/// Puts the rows in order, best first by the deciding metric, and fills in what takes all of them.
pub(super) fn compare(
    overview: &Overview,
    rows: &mut Vec<Row>,
    tables: Vec<Vec<Table>>,
    store: &Store,
) -> Result<(Comparison, Vec<Pair>), Failure> {
    if let Some(best) = best_on_validation(overview, rows) {
        rows[best].best_on_validation = true;
    }
    let value = |row: &Row| row.test.get(&overview.select).map_or(0.0, |e| e.value);
    let mut both: Vec<(Row, Vec<Table>)> = rows.drain(..).zip(tables).collect();
    both.sort_by(|a, b| value(&b.0).total_cmp(&value(&a.0)));
    let (sorted, tables): (Vec<Row>, Vec<Vec<Table>>) = both.into_iter().unzip();
    *rows = sorted;
    let position = |name: Option<&String>| rows.iter().position(|r| Some(&r.variant) == name);
    let baseline = position(overview.baseline.as_ref());
    let count = rows.len();
    let comparison = Comparison {
        metric: overview.select.clone(),
        baseline: baseline.map(|at| rows[at].variant.clone()),
        correction: overview.correction,
        level: LEVEL,
        min_effect: overview.min_effect,
        family_baseline: baseline.map_or(0, |_| count - 1),
        family_pairs: count * count.saturating_sub(1) / 2,
        family_chance: count,
    };
    let pairs = match all_values(tables, store)? {
        Some(values) => values.compare(overview, rows, baseline, &comparison),
        None => Vec::new(),
    };
    chance(overview, rows, store)?;
    let better = rows.iter_mut().filter(|r| r.p_chance_adjusted < LEVEL);
    for (place, row) in better.enumerate() {
        row.rank = Some(place + 1);
    }
    Ok((comparison, pairs))
}

/// The row that did best on validation, the first of the definition among equals.
fn best_on_validation(overview: &Overview, rows: &[Row]) -> Option<usize> {
    let joined = overview.joined.as_ref();
    if joined.is_some_and(|joined| !joined.same_validation) {
        return None;
    }
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

/// The values of all variants by user.
struct AllValues {
    labels: Vec<String>,
    /// For each variant its tables, one a seed.
    seeds: Vec<Vec<Table>>,
    /// Means over the seeds: a row a user, for each variant its metrics.
    values: Array2<f64>,
}

/// Row by row the same user, for differences are taken user by user; `None` without any variant.
fn all_values(tables: Vec<Vec<Table>>, store: &Store) -> Result<Option<AllValues>, Failure> {
    let Some(first) = tables.iter().flatten().next() else {
        return Ok(None);
    };
    let (users, labels) = (first.users.clone(), first.labels.clone());
    let same = |table: Table| table.ordered(&users)?.labeled(&labels);
    let of_variant = |tables: Vec<Table>| tables.into_iter().map(same).collect();
    let Some(seeds) = tables
        .into_iter()
        .map(of_variant)
        .collect::<Option<Vec<Vec<Table>>>>()
    else {
        return Err(Failure::Data(format!(
            "the records in {} are over different users or metrics and cannot be compared; set the \
             folder aside with --fresh",
            store.folder().display()
        )));
    };
    let width = labels.len();
    let mut values = Array2::zeros((users.len(), seeds.len() * width));
    for (mut columns, tables) in values
        .axis_chunks_iter_mut(Axis(1), width.max(1))
        .zip(&seeds)
    {
        for table in tables {
            columns += &table.values;
        }
        columns /= tables.len() as f64;
    }
    Ok(Some(AllValues {
        labels,
        seeds,
        values,
    }))
}

impl AllValues {
    /// Intervals of every metric, and on the deciding one all pairs, differences and groups.
    fn compare(
        &self,
        overview: &Overview,
        rows: &mut [Row],
        baseline: Option<usize>,
        comparison: &Comparison,
    ) -> Vec<Pair> {
        let seed = overview.shared["seed"].as_u64().unwrap_or(0);
        let seed_of = |name: &str| derive_seed(seed, name);
        let width = self.labels.len();
        let samples = bootstrap(&self.values, overview.resamples, seed_of("bootstrap"));
        for (at, row) in rows.iter_mut().enumerate() {
            for (metric, label) in self.labels.iter().enumerate() {
                let column = at * width + metric;
                if let Some(known) = row.test.get_mut(label) {
                    let is_share = overview.proportion(label);
                    *known = self.estimate(is_share, known.value, column, &samples[column]);
                }
            }
        }
        let Some(select) = self.labels.iter().position(|l| *l == overview.select) else {
            return Vec::new();
        };
        let deciding: Vec<usize> = (0..rows.len()).map(|at| at * width + select).collect();
        let by_seed = self.seeds.iter().map(|tables| column_of(tables, select));
        let tests = Pairs::new(by_seed.collect(), seed_of("randomization"));
        let difference = |a: usize, b: usize| {
            tests.difference(a, b, &samples[deciding[a]], &samples[deciding[b]])
        };
        let correction = comparison.correction;
        let all: Vec<(usize, usize)> = (0..rows.len())
            .flat_map(|b| (0..b).map(move |a| (a, b)))
            .collect();
        let all: Vec<((usize, usize), Difference)> = all
            .par_iter()
            .map(|&(a, b)| ((a, b), difference(a, b)))
            .collect();
        let all = in_family(correction, all);
        let differ = |a: usize, b: usize| all[b * (b - 1) / 2 + a].1.is_shown();
        let groups = letters(rows.len(), differ);
        for (row, group) in rows.iter_mut().zip(groups) {
            row.group = group;
        }
        if let Some(base) = baseline {
            let others = (0..rows.len()).filter(|at| *at != base);
            let against = others.map(|at| (at, difference(at, base))).collect();
            for (at, difference) in in_family(correction, against) {
                rows[at].difference = Some(difference);
            }
        }
        if let Some(best) = rows.iter().position(|r| r.best_on_validation) {
            for &((a, b), difference) in &all {
                if a == best {
                    rows[b].best_minus_this = Some(difference);
                } else if b == best {
                    rows[a].best_minus_this = Some(difference.reversed(tests.mean(a)));
                }
            }
        }
        let name = |at: usize| rows[at].variant.clone();
        let pair = |&((a, b), difference): &((usize, usize), Difference)| Pair {
            a: name(a),
            b: name(b),
            difference,
        };
        all.iter().map(pair).collect()
    }

    /// The interval of one variant on one metric.
    fn estimate(&self, is_share: bool, value: f64, column: usize, samples: &[f64]) -> Estimate {
        // Means over seeds or periods of what is 0 or 1 are anything between, and vary less.
        let hit_or_not = |v: &f64| *v == 0.0 || *v == 1.0;
        if is_share && self.values.column(column).iter().all(hit_or_not) {
            wilson(value, self.values.nrows())
        } else {
            let width = self.labels.len();
            let seeds = column_of(&self.seeds[column / width], column % width);
            let informative = informative(&seeds.view());
            bca(
                value,
                informative,
                &self.values.column(column),
                samples.to_vec(),
            )
        }
    }
}

/// One metric by user and seed.
fn column_of(tables: &[Table], metric: usize) -> Array2<f64> {
    let users = tables.first().map_or(0, |t| t.values.nrows());
    Array2::from_shape_fn((users, tables.len()), |(user, seed)| {
        tables[seed].values[[user, metric]]
    })
}

/// Differences with what their family makes of them.
fn in_family<T>(correction: Correction, of: Vec<(T, Difference)>) -> Vec<(T, Difference)> {
    let p: Vec<Option<f64>> = of.iter().map(|(_, d)| d.p).collect();
    let size = of.len();
    let adjusted = correction.adjust(&p);
    let both = of.into_iter().zip(adjusted);
    both.map(|((at, d), p)| (at, d.in_family(p, size)))
        .collect()
}

fn chance(overview: &Overview, rows: &mut [Row], store: &Store) -> Result<(), Failure> {
    let mut nulls = Vec::new();
    for log in &overview.cleanings {
        let Some(floor) = &log.floor else {
            return Ok(());
        };
        nulls.push(Table::read_null(store, &floor.null, &overview.select)?);
    }
    let p: Vec<Option<f64>> = rows
        .iter()
        .map(|row| {
            let value = row.test.get(&overview.select).map_or(0.0, |e| e.value);
            Some(p_chance(value, &nulls[row.cleaning]))
        })
        .collect();
    let adjusted = overview.correction.adjust(&p);
    for ((row, p), adjusted) in rows.iter_mut().zip(p).zip(adjusted) {
        row.p_chance = p.unwrap_or(1.0);
        row.p_chance_adjusted = adjusted.unwrap_or(1.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{AllValues, Table};
    use crate::compare::IntervalMethod;

    #[test]
    fn a_mean_of_hits_over_seeds_is_no_share_of_users() {
        let users: Vec<String> = (0..40).map(|user| format!("u{user}")).collect();
        let table = |hits: usize| Table {
            users: users.clone(),
            labels: vec!["hit_rate@3".to_owned()],
            values: Array2::from_shape_fn((40, 1), |(user, _)| f64::from(user < hits)),
        };
        let estimate = |hits: &[usize]| {
            let seeds: Vec<Table> = hits.iter().map(|&hits| table(hits)).collect();
            let mut values = Array2::zeros((40, 1));
            for table in &seeds {
                values += &table.values;
            }
            values /= seeds.len() as f64;
            let all = AllValues {
                labels: vec!["hit_rate@3".to_owned()],
                seeds: vec![seeds],
                values,
            };
            all.estimate(true, 0.3, 0, &[0.2, 0.3, 0.4])
        };
        assert_eq!(estimate(&[12]).interval, IntervalMethod::Wilson);
        assert_eq!(estimate(&[12, 12]).interval, IntervalMethod::Wilson);
        assert_eq!(estimate(&[12, 14]).interval, IntervalMethod::Bca);
    }
}
