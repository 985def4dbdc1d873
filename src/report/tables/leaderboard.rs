//! The leaderboard: a line a variant, then floor and ceiling of each alternative of the cleaners.

use super::{Columns, Values, count};
use crate::compare::{Difference, Estimate};
use crate::report::Summary;
use crate::report::summary::Row;
use crate::sweep::{CleanedLog, Floor, FloorMetric};

/// A line of the table.
enum Line<'s> {
    Variant(&'s Row),
    Random(&'s CleanedLog, &'s Floor),
    Best(&'s CleanedLog, &'s Floor),
}

struct Lines<'s>(Vec<Line<'s>>);

impl<'s> Lines<'s> {
    fn of(summary: &'s Summary) -> Self {
        let variants = summary.leaderboard.iter().map(Line::Variant);
        let logs = summary.overview.cleanings.iter();
        let floors = logs.filter_map(|log| Some((log, log.floor.as_ref()?)));
        let floors =
            floors.flat_map(|(log, floor)| [Line::Random(log, floor), Line::Best(log, floor)]);
        Self(variants.chain(floors).collect())
    }

    /// What only variants have.
    fn of_variants<T>(&self, of: impl Fn(&'s Row) -> Option<T>) -> Values
    where
        Values: FromIterator<Option<T>>,
    {
        let lines = self.0.iter();
        let cell = |line: &Line<'s>| match *line {
            Line::Variant(row) => of(row),
            Line::Random(..) | Line::Best(..) => None,
        };
        lines.map(cell).collect()
    }

    /// Something of a metric: of the estimate of a variant, or of what random rankings do.
    fn of_metric(
        &self,
        label: &str,
        of: fn(&Estimate) -> Option<f64>,
        of_floor: fn(&FloorMetric) -> Option<f64>,
        of_ceiling: fn(&FloorMetric) -> Option<f64>,
    ) -> Values {
        let cell = |line: &Line| match line {
            Line::Variant(row) => row.test.get(label).and_then(of),
            Line::Random(_, floor) => floor.metrics.get(label).and_then(of_floor),
            Line::Best(_, floor) => floor.metrics.get(label).and_then(of_ceiling),
        };
        self.0.iter().map(cell).collect()
    }
}

pub(in crate::report) fn leaderboard(summary: &Summary) -> Columns {
    let labels = summary.overview.labels();
    let lines = Lines::of(summary);
    let mut table = Columns::default();
    let name = |line: &Line| match line {
        Line::Variant(row) => Some(row.variant.clone()),
        Line::Random(log, _) => Some(log.labeled("(random ranking)")),
        Line::Best(log, _) => Some(log.labeled("(best possible)")),
    };
    table.push("variant", lines.0.iter().map(name).collect());
    table.push(
        "settings",
        lines.of_variants(|row| Some(row.settings.as_str())),
    );
    table.push("trials", lines.of_variants(|row| count(row.trials)));
    table.push("seeds", lines.of_variants(|row| count(row.seeds)));
    table.push("rank", lines.of_variants(|row| row.rank.and_then(count)));
    table.push("group", lines.of_variants(|row| Some(row.group.as_str())));
    for label in &labels {
        let values = lines.of_metric(
            label,
            |e| Some(e.value),
            |m| Some(m.expected),
            |m| m.ceiling,
        );
        table.push(format!("test_{label}"), values);
        let low = lines.of_metric(label, |e| e.low, |m| Some(m.low), |_| None);
        table.push(format!("test_{label}_low"), low);
        let high = lines.of_metric(label, |e| e.high, |m| Some(m.high), |_| None);
        table.push(format!("test_{label}_high"), high);
    }
    for label in &labels {
        let sd = lines.of_variants(|row| row.seed_sd.get(label).copied());
        table.push(format!("seed_sd_{label}"), sd);
    }
    for label in &labels {
        let validation = lines.of_variants(|row| row.validation.get(label).copied());
        table.push(format!("validation_{label}"), validation);
    }
    let to_baseline = |row: &Row| row.difference;
    let to_best = |row: &Row| row.best_minus_this;
    for (name, of) in [
        ("difference", to_baseline as fn(&Row) -> Option<Difference>),
        ("best_minus_this", to_best),
    ] {
        table.push(name, lines.of_variants(|row| Some(of(row)?.value)));
        table.push(format!("{name}_low"), lines.of_variants(|row| of(row)?.low));
        table.push(
            format!("{name}_high"),
            lines.of_variants(|row| of(row)?.high),
        );
        let p = lines.of_variants(|row| of(row)?.p_adjusted);
        table.push(format!("{name}_p_adjusted"), p);
    }
    table.push("p_chance", lines.of_variants(|row| Some(row.p_chance)));
    let p = lines.of_variants(|row| Some(row.p_chance_adjusted));
    table.push("p_chance_adjusted", p);
    table.push("users", lines.of_variants(|row| count(row.users)));
    let hit = |line: &Line| match line {
        Line::Variant(row) => Some(row.users_hit),
        Line::Random(_, floor) => Some(floor.users_hit),
        Line::Best(_, floor) => Some(floor.ceiling_users_hit as f64),
    };
    table.push("users_hit", lines.0.iter().map(hit).collect());
    table.push("users_tied", lines.of_variants(|row| Some(row.users_tied)));
    table.push(
        "fit_seconds",
        lines.of_variants(|row| Some(row.fit_seconds)),
    );
    table.push(
        "rank_seconds",
        lines.of_variants(|row| Some(row.rank_seconds)),
    );
    table.push(
        "fit_cpu_seconds",
        lines.of_variants(|row| row.fit_cpu_seconds),
    );
    table.push(
        "peak_bytes",
        lines.of_variants(|row| row.peak_bytes.and_then(count)),
    );
    table.push(
        "records",
        lines.of_variants(|row| Some(row.records.join(" "))),
    );
    table
}
