//! The conclusion in words. It never ranks what chance explains.

use super::summary::Row;
use super::text::{probability, signed, value};
use crate::sweep::Overview;

/// One or two sentences about the variant to use: the best on validation, else the best on test.
pub(super) fn verdict(overview: &Overview, rows: &[Row]) -> String {
    let select = &overview.select;
    let Some(floor) = overview.floor.as_ref().and_then(|f| f.metrics.get(select)) else {
        return "Nothing has been scored on the test part yet.".to_owned();
    };
    let Some(first) = rows.first() else {
        return "No variant reached the test part: all trials failed.".to_owned();
    };
    let of = |row: &Row| row.test.get(select).map_or(0.0, |e| e.value);
    let better: Vec<&Row> = rows.iter().filter(|r| r.rank.is_some()).collect();
    if better.is_empty() {
        let subject = if rows.len() == 1 {
            format!("`{}` cannot be told from a random ranking", first.variant)
        } else {
            "No model can be told from a random ranking, so they must not be ranked".to_owned()
        };
        return format!(
            "{subject}: the highest {select} is {} (`{}`, p = {} by Holm), chance alone gives {} \
             and, in 95 % of random rankings, {} to {}. Below {} this data could not have shown a \
             difference; more data, another split, or a better source is needed before any choice.",
            value(of(first)),
            first.variant,
            probability(first.p_chance_holm),
            value(floor.expected),
            value(floor.low),
            value(floor.high),
            value(floor.detectable),
        );
    }
    let chosen = rows.iter().find(|r| r.best_on_validation).unwrap_or(first);
    let how = if chosen.best_on_validation {
        "chosen on validation"
    } else {
        "highest on test"
    };
    let name = &chosen.variant;
    if chosen.rank.is_none() {
        let names: Vec<String> = better.iter().map(|r| format!("`{}`", r.variant)).collect();
        return format!(
            "`{name}` ({how}) cannot be told from a random ranking on test ({select} {}, chance {}), \
             although {} can: validation and test disagree, so prefer none of them yet.",
            value(of(chosen)),
            value(floor.expected),
            names.join(", "),
        );
    }
    let against_chance = format!(
        "`{name}` ({how}) reaches {select} {} on test, {} times what a random ranking gives",
        value(of(chosen)),
        times(of(chosen) / floor.expected),
    );
    let Some(baseline) = &overview.baseline else {
        return format!("{against_chance}; no baseline is named to compare it with.");
    };
    let Some(difference) = &chosen.difference else {
        return if *baseline == *name {
            format!(
                "{against_chance}. It is the baseline itself: no other variant did better on \
                 validation."
            )
        } else {
            format!("{against_chance}; the baseline `{baseline}` has no result to compare it with.")
        };
    };
    let e = &difference.estimate;
    let base = rows.iter().find(|r| r.variant == *baseline).map_or(0.0, of);
    let span = format!(
        "{}, 95 % interval {} to {}",
        signed(e.value),
        signed(e.low),
        signed(e.high)
    );
    let conclusion = if !difference.informative() {
        format!(
            "only {} users differ from `{baseline}`, too few to tell the two apart",
            difference.wins + difference.losses
        )
    } else if e.low > 0.0 {
        let relative = if base > 0.0 {
            format!(" ({:+.0} %)", 100.0 * e.value / base)
        } else {
            String::new()
        };
        format!("better than `{baseline}` by {span}{relative}")
    } else if e.high < 0.0 {
        format!("worse than `{baseline}` on test ({span}): use `{baseline}`")
    } else {
        format!("it cannot be told from `{baseline}` ({span}): the simpler of the two will do")
    };
    format!("{against_chance}; {conclusion}.")
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}
