//! How the comparison is written: its table, what was asked and what could have been shown.

use super::Summary;
use super::comparison::Pair;
use super::text::{count, ends, mean_count, owned, probability, signed, value};
use crate::compare::{Difference, INFORMATIVE, Method};
use crate::text::counted;

/// A table of differences: header and rows, of which the first so many columns are words.
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) words: usize,
}

impl Table {
    /// What could have been shown is in the notes, too: where there is little room, its column goes.
    pub(super) fn without_last(&mut self) {
        if self.header.len() <= self.words {
            return;
        }
        self.header.pop();
        for row in &mut self.rows {
            row.pop();
        }
    }
}

/// Pairs up to this many are shown to people; `comparisons.csv` has all.
pub(super) const PAIRS: usize = 45;

/// The header of a difference and what belongs to it.
const DIFFERENCE: [&str; 7] = [
    "95 % interval",
    "relative",
    "dz",
    "p adj.",
    "differ",
    "better/equal/worse",
    "could show",
];

/// A difference's cells, itself first.
fn cells(d: &Difference) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        signed(d.value),
        or_dash(d.low.zip(d.high).map(ends)),
        or_dash(d.relative.map(percent)),
        or_dash(d.dz.map(|dz| format!("{dz:+.2}"))),
        match d.p_adjusted {
            Some(p) => probability(p),
            None => "too few".to_owned(),
        },
        differing(d),
        format!("{}/{}/{}", count(d.wins), count(d.ties), count(d.losses)),
        or_dash(d.detectable.map(value)),
    ]
}

/// How many users differ with one seed of each; never rounded up to what would be enough.
pub(crate) fn differing(d: &Difference) -> String {
    mean_count((10.0 * d.differing).floor() / 10.0)
}

/// `+25 %`; with a digit behind the point if it is small.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent.abs() < 9.95 {
        format!("{percent:+.1} %")
    } else {
        format!("{percent:+.0} %")
    }
}

/// Every variant with its group, and its difference to the baseline, or to the best on validation
/// where there is no baseline; none with one variant alone.
pub(super) fn variants(summary: &Summary) -> Option<Table> {
    let rows = &summary.leaderboard;
    if rows.len() < 2 {
        return None;
    }
    let best = || rows.iter().find(|r| r.best_on_validation);
    let baseline = summary.comparison.baseline.as_ref();
    let mut header = owned(["variant", "group"]);
    let reference = baseline.or_else(|| best().map(|r| &r.variant));
    if let Some(reference) = reference {
        header.push(format!("vs {reference}"));
        header.extend(owned(DIFFERENCE));
    }
    let rows = rows.iter().map(|row| {
        let mut line = vec![row.variant.clone(), row.group.clone()];
        let to_best = || {
            // Which way round it is told is a matter of words: the best has its own mean.
            let own = row.test.get(&summary.comparison.metric)?.value;
            Some(
                row.best_minus_this?
                    .reversed(own + row.best_minus_this?.value),
            )
        };
        let difference = match baseline {
            Some(_) => row.difference,
            None => to_best(),
        };
        match difference {
            Some(d) => line.extend(cells(&d)),
            None => line.resize(header.len(), String::new()),
        }
        line
    });
    Some(Table {
        rows: rows.collect(),
        header,
        words: 2,
    })
}

/// All pairs of variants.
pub(super) fn pairs(pairs: &[Pair]) -> Table {
    let mut header = owned(["variant", "against"]);
    header.push("difference".to_owned());
    header.extend(owned(DIFFERENCE));
    let rows = pairs.iter().map(|pair| {
        let mut line = vec![pair.a.clone(), pair.b.clone()];
        line.extend(cells(&pair.difference));
        line
    });
    Table {
        header,
        rows: rows.collect(),
        words: 2,
    }
}

/// What was asked, of whom, and how the answers were adjusted.
pub(super) fn asked(summary: &Summary) -> Vec<String> {
    let c = &summary.comparison;
    let Some(users) = summary.leaderboard.first().map(|r| r.users) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let users = counted(users, "user");
    if let Some(baseline) = &c.baseline {
        lines.push(format!(
            "{} with `{baseline}` on {}, user by user over {users}; p by {}, adjusted by {} for {}",
            if c.family_baseline == 1 {
                "The other variant is compared"
            } else {
                "Every other variant is compared"
            },
            c.metric,
            tests(summary),
            c.correction.name(),
            counted(c.family_baseline, "comparison"),
        ));
    }
    lines.push(format!(
        "Variants with a letter (group) in common cannot be told apart: {}, adjusted by {}",
        counted(c.family_pairs, "pair"),
        c.correction.name()
    ));
    if let Some((least, most)) = could_show(summary) {
        let span = if value(least) == value(most) {
            value(least)
        } else {
            format!(
                "{} to {}, for it depends on how much the two vary user by user",
                value(least),
                value(most)
            )
        };
        lines.push(format!(
            "The smallest difference in {} that these users could have shown (power 80 %, after the \
             adjustment): {span}",
            c.metric
        ));
    }
    lines.push(if c.min_effect > 0.0 {
        format!(
            "Worth having is a difference of at least {} (min_effect)",
            c.min_effect
        )
    } else {
        "Any difference counts as worth having, however small (min_effect = 0)".to_owned()
    });
    if summary.pairs.iter().any(|p| !p.difference.informative) {
        lines.push(format!(
            "Too few: fewer than {INFORMATIVE} users differ, which is too little for an interval or a \
             p-value. What counts is how many differ with one seed of each (differ), not how many means \
             over seeds do (better/equal/worse)"
        ));
    }
    lines
}

/// The tests in use, in words.
fn tests(summary: &Summary) -> &'static str {
    let used = |method| summary.pairs.iter().any(|p| p.difference.method == method);
    if used(Method::T) {
        "the paired t-test"
    } else {
        "paired randomization (random sign flips)"
    }
}

/// The least and the largest of what the comparisons with the baseline (without one: the pairs) could
/// have shown.
fn could_show(summary: &Summary) -> Option<(f64, f64)> {
    let against = summary.leaderboard.iter().filter_map(|r| r.difference);
    let mut known: Vec<f64> = against.filter_map(|d| d.detectable).collect();
    if summary.comparison.baseline.is_none() {
        known = summary
            .pairs
            .iter()
            .filter_map(|p| p.difference.detectable)
            .collect();
    }
    known.sort_by(f64::total_cmp);
    Some((*known.first()?, *known.last()?))
}
