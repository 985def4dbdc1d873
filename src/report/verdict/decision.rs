//! The decision in two lines: which variant to ship, and how sure that is. It rests on the same
//! questions in the same order as the verdict, which says it in full.

use serde::Serialize;

use super::{
    INFORMATIVE, chosen_less, differing, p_is, probability, signed, value, without_result,
};
use crate::compare::{Difference, LEVEL};
use crate::report::summary::Row;
use crate::sweep::Overview;

/// See the module. Names of variants stand between backticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Decision {
    /// What to do: "Ship `als`".
    pub(crate) ship: String,
    /// How sure that is, and on what it rests.
    pub(crate) sure: String,
    pub(crate) tone: Tone,
    /// The row whose numbers tell it: the variant to ship, else the one that was chosen.
    pub(crate) row: Option<usize>,
}

/// How sure the decision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    /// Shown beyond reasonable doubt.
    Sure,
    /// Something can be shipped, but it is hardly shown, or not at all, to be better than what there is.
    Open,
    /// Nothing can be concluded.
    Nothing,
}

/// How sure one may be of what is shown: one in a hundred would be a surprise, one in twenty hardly.
fn tone(p: Option<f64>) -> Tone {
    if p.is_some_and(|p| p < 0.01) {
        Tone::Sure
    } else {
        Tone::Open
    }
}

/// The same as a word.
fn how_sure(p: Option<f64>) -> &'static str {
    match tone(p) {
        Tone::Sure => "Sure",
        _ => "Fairly sure",
    }
}

/// What the rows of the leaderboard come to.
pub(crate) fn decision(overview: &Overview, rows: &[Row]) -> Decision {
    let chosen = rows.iter().position(|row| row.best_on_validation);
    let chosen = chosen.unwrap_or(0);
    let nothing = |sure: String| Decision {
        ship: "Ship none of them yet".to_owned(),
        sure,
        tone: Tone::Nothing,
        row: (!rows.is_empty()).then_some(chosen),
    };
    let floor = overview.floor(rows.first().map_or(0, |row| row.cleaning));
    let (Some(floor), Some(row)) = (floor, rows.get(chosen)) else {
        return nothing("Nothing has been scored on the test part.".to_owned());
    };
    if floor.ceiling.is_some_and(|c| floor.expected >= c) {
        return nothing(format!(
            "Every ranking gives the same {}: it cannot tell models apart.",
            overview.select
        ));
    }
    if row.users < INFORMATIVE {
        return nothing(format!("Only {} users could be asked.", row.users));
    }
    if rows.iter().all(|row| row.rank.is_none()) {
        return nothing(
            "Sure of nothing: a random ranking does as well, as far as this data can show."
                .to_owned(),
        );
    }
    let found = Found {
        overview,
        rows,
        chosen: row,
    };
    if row.rank.is_none() {
        // Among those that are better than chance the baseline counts first, as in the verdict.
        let shown = |of: &&Row| of.rank.is_some() && found.less(of).is_some_and(|d| d.is_loss());
        let others = || rows.iter().filter(shown);
        let baseline = |of: &&Row| Some(&of.variant) == overview.baseline.as_ref();
        let Some(better) = others().find(baseline).or_else(|| others().next()) else {
            return nothing(
                "Validation and test disagree: what was chosen cannot be told from a random ranking, \
                 though others can."
                    .to_owned(),
            );
        };
        return found.other(better, "cannot be told from a random ranking");
    }
    found.against_baseline()
}

/// A chosen variant that is better than chance.
struct Found<'r> {
    overview: &'r Overview,
    rows: &'r [Row],
    chosen: &'r Row,
}

impl Found<'_> {
    fn less(&self, other: &Row) -> Option<Difference> {
        chosen_less(self.overview, self.chosen, other)
    }

    fn make(&self, ship: String, sure: String, tone: Tone, of: &Row) -> Decision {
        Decision {
            ship,
            sure,
            tone,
            row: self.rows.iter().position(|r| r.variant == of.variant),
        }
    }

    /// Another variant than the chosen one, which is worse.
    fn other(&self, better: &Row, but: &str) -> Decision {
        let p = self.less(better).and_then(|d| d.p_adjusted).unwrap_or(1.0);
        self.make(
            format!("Ship `{}`", better.variant),
            format!(
                "Fairly sure: `{}` did best on validation, but {but} on test and is worse than `{}` there \
                 ({}).",
                self.chosen.variant,
                better.variant,
                p_is(&probability(p))
            ),
            Tone::Open,
            better,
        )
    }

    fn against_baseline(&self) -> Decision {
        let Self {
            overview, chosen, ..
        } = self;
        let name = &chosen.variant;
        let ship = format!("Ship `{name}`");
        let above = p_is(&probability(chosen.p_chance_adjusted));
        let Some(baseline) = &overview.baseline else {
            return self.make(
                ship,
                format!(
                    "Sure that it is better than a random ranking ({above}); no baseline is named."
                ),
                Tone::Open,
                chosen,
            );
        };
        if baseline == name {
            return self.is_baseline(&above);
        }
        let Some(d) = &chosen.difference else {
            return self.make(
                ship,
                format!(
                    "Sure that it is better than a random ranking ({above}); the baseline `{baseline}` has \
                     no result."
                ),
                Tone::Open,
                chosen,
            );
        };
        let simpler = format!("Ship the simpler of `{name}` and `{baseline}`");
        if !d.informative {
            let sure = format!(
                "Cannot tell: only {} of {} users differ between the two.",
                differing(d),
                chosen.users
            );
            return self.make(simpler, sure, Tone::Open, chosen);
        }
        if d.is_gain() {
            let sure = format!(
                "{}: better than `{baseline}` by {}.{}",
                how_sure(d.p_adjusted),
                span(d),
                self.alike()
            );
            return self.make(ship, sure, tone(d.p_adjusted), chosen);
        }
        if d.is_loss() {
            let row = self.rows.iter().find(|r| r.variant == *baseline);
            return match row {
                Some(row) => self.other(row, "does worse"),
                None => self.make(ship, String::new(), Tone::Open, chosen),
            };
        }
        let sure = format!("Cannot tell them apart: they differ by {}.", span(d));
        self.make(simpler, sure, Tone::Open, chosen)
    }

    /// The chosen variant is the baseline: what the others make of that.
    fn is_baseline(&self, above: &str) -> Decision {
        let name = &self.chosen.variant;
        let others = self.rows.iter().filter(|row| row.variant != *name);
        let others: Vec<(&Row, Difference)> = others
            .filter_map(|row| Some((row, self.less(row)?)))
            .collect();
        if let Some((better, _)) = others.iter().find(|(_, d)| d.is_loss()) {
            return self.other(better, "does worse");
        }
        if others.is_empty() {
            let missing = without_result(self.overview, self.rows);
            let (ship, with) = if missing.is_empty() {
                (format!("Ship `{name}`"), "nothing".to_owned())
            } else {
                let ship = format!("Ship `{name}`, or mend what failed first");
                (ship, format!("no result of {missing}"))
            };
            return self.make(
                ship,
                format!(
                    "Better than a random ranking ({above}); there is {with} to compare it with."
                ),
                Tone::Open,
                self.chosen,
            );
        }
        if others.iter().all(|(_, d)| d.is_gain()) {
            let most = others.iter().filter_map(|(_, d)| d.p_adjusted);
            let most = most.fold(0.0, f64::max);
            return self.make(
                format!("Ship `{name}`"),
                format!(
                    "{}: the baseline is better than every other variant ({} or less).",
                    how_sure(Some(most)),
                    p_is(&probability(most))
                ),
                tone(Some(most)),
                self.chosen,
            );
        }
        self.make(
            format!("Ship the simplest of `{name}` and those like it"),
            format!(
                "`{name}`, the baseline, did best on validation, and {} cannot be told from it.",
                listed(
                    others
                        .iter()
                        .filter(|(_, d)| !d.is_gain())
                        .map(|(row, _)| *row)
                )
            ),
            Tone::Open,
            self.chosen,
        )
    }

    /// The variants that a chosen one is not shown to differ from, as a further sentence.
    fn alike(&self) -> String {
        let alike = self.rows.iter().filter(|row| {
            row.variant != self.chosen.variant && self.less(row).is_some_and(|d| !d.is_shown())
        });
        let worse = self.rows.iter().filter(|row| {
            Some(&row.variant) != self.overview.baseline.as_ref()
                && self.less(row).is_some_and(|d| d.is_loss())
        });
        let (alike, worse) = (listed(alike), listed(worse));
        let mut text = String::new();
        if !worse.is_empty() {
            text = format!(" But on test it is worse than {worse}.");
        }
        if !alike.is_empty() {
            text = format!("{text} It cannot be told from {alike}.");
        }
        text
    }
}

/// Up to so many variants are named.
const NAMED: usize = 3;

fn listed<'r>(rows: impl Iterator<Item = &'r Row>) -> String {
    let names: Vec<String> = rows.map(|row| format!("`{}`", row.variant)).collect();
    match names.len() {
        n if n > NAMED => format!("{n} others"),
        _ => names.join(", "),
    }
}

/// A difference with its interval and p.
fn span(d: &Difference) -> String {
    let p = d.p_adjusted.unwrap_or(1.0);
    let interval = d.low.zip(d.high).map_or_else(String::new, |(low, high)| {
        format!(" (95 % interval {} to {})", signed(low), signed(high))
    });
    let often = if p < 0.001 {
        "less than once in 1,000 times".to_owned()
    } else if p < LEVEL {
        match (1000.0 * p).round() {
            1.0 => "once in 1,000 times".to_owned(),
            n => format!("{n} times in 1,000"),
        }
    } else {
        format!("{} times in 100", (100.0 * p).round())
    };
    format!(
        "{}{interval}; were they alike, a difference this large would come up {often}, {}",
        if d.value.abs() < 0.00005 {
            value(0.0)
        } else {
            signed(d.value)
        },
        p_is(&probability(p))
    )
}

#[cfg(test)]
mod tests;
