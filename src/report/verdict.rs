//! The conclusion in words. It never ranks what chance explains.
//!
//! Every claim rests on a p-value that is adjusted for its family of questions; intervals only say how
//! large what is claimed may be.

mod decision;

use super::differences::{differing, percent};
use super::summary::Row;
use super::text::{mean_count, probability, signed, value};
use crate::compare::{Difference, INFORMATIVE};
use crate::sweep::{FloorMetric, Overview};

pub(super) use decision::{Decision, decision};

/// Some sentences about the variant to use: the best on validation, else the best on test.
pub(super) fn verdict(overview: &Overview, rows: &[Row]) -> String {
    let own = of_rows(overview, rows);
    let open = match (&overview.joined, overview.finished) {
        (_, true) => "",
        (None, false) => "This sweep has not ended. ",
        (Some(_), false) => "Not all of these sweeps have ended. ",
    };
    let joined = overview.joined.as_ref();
    let by_test_alone = joined.is_some_and(|joined| !joined.same_validation)
        && rows.iter().any(|row| row.rank.is_some());
    let flatters = if by_test_alone {
        " The validation parts of these experiments differ, so nothing but the test part itself chose \
         among them, which flatters what is highest there: confirm it on a later part of the log."
    } else {
        ""
    };
    format!("{open}{own}{flatters}")
}

fn of_rows(overview: &Overview, rows: &[Row]) -> String {
    let select = &overview.select;
    // Chance differs between the alternatives of the cleaners.
    let Some(floor) = overview.floor(rows.first().map_or(0, |row| row.cleaning)) else {
        return "Nothing has been scored on the test part yet.".to_owned();
    };
    let Some(first) = rows.first() else {
        if !overview.finished {
            return "Nothing has been scored on the test part yet.".to_owned();
        }
        return "No variant reached the test part: all trials failed.".to_owned();
    };
    if let Some(ceiling) = floor.ceiling.filter(|c| floor.expected >= *c) {
        return format!(
            "{select} is {} for every ranking of this split, so it cannot tell models apart; choose \
             another metric or depth.",
            value(ceiling)
        );
    }
    if first.users < INFORMATIVE {
        return format!(
            "Only {} users could be asked, too few to conclude anything about any model; a longer \
             log or a larger test part is needed.",
            first.users
        );
    }
    let better: Vec<&Row> = rows.iter().filter(|r| r.rank.is_some()).collect();
    if better.is_empty() {
        return indistinct(overview, floor, first, rows.len());
    }
    let chosen = rows.iter().find(|r| r.best_on_validation).unwrap_or(first);
    let how = if chosen.best_on_validation {
        "chosen on validation"
    } else {
        "highest on test"
    };
    let name = &chosen.variant;
    let own = chosen.test.get(select).map_or(0.0, |e| e.value);
    let chance = overview.floor(chosen.cleaning).unwrap_or(floor).expected;
    if chosen.rank.is_none() {
        return format!(
            "`{name}` ({how}) cannot be told from a random ranking on test ({select} {}, chance {}){}",
            value(own),
            value(chance),
            disagreement(overview, &better, chosen),
        );
    }
    let seeds = if chosen.seeds > 1 {
        format!(", mean of {} seeds", chosen.seeds)
    } else {
        String::new()
    };
    let p = probability(chosen.p_chance_adjusted);
    format!(
        "`{name}` ({how}{seeds}) is better than a random ranking: {select} {} on test, {} times what \
         chance gives ({}){}{}",
        value(own),
        times(own / chance),
        p_is(&p),
        against_baseline(overview, rows, chosen),
        against_others(overview, rows, chosen)
    )
}

/// The chosen variant less another. What is said of the baseline rests on the comparisons with the
/// baseline, as in the table, whichever of the two was chosen; all else on those of all pairs.
fn chosen_less(overview: &Overview, chosen: &Row, other: &Row) -> Option<Difference> {
    let is_baseline = |row: &Row| Some(&row.variant) == overview.baseline.as_ref();
    if is_baseline(other) {
        chosen.difference
    } else if is_baseline(chosen) {
        let base = other.test.get(&overview.select)?.value;
        Some(other.difference?.reversed(base))
    } else {
        other.best_minus_this
    }
}

/// What to do where the chosen variant cannot be told from chance and `better` ones can.
fn disagreement(overview: &Overview, better: &[&Row], chosen: &Row) -> String {
    let shown = better.iter().filter_map(|row| {
        let d = chosen_less(overview, chosen, row)?;
        d.is_loss().then_some((*row, d))
    });
    let shown: Vec<(&Row, Difference)> = shown.collect();
    let of_baseline = |of: &&(&Row, Difference)| Some(&of.0.variant) == overview.baseline.as_ref();
    // The rows are in order of the values on test.
    let Some((better_one, d)) = shown.iter().find(of_baseline).or_else(|| shown.first()) else {
        let names: Vec<String> = better.iter().map(|r| format!("`{}`", r.variant)).collect();
        return format!(
            ", although {} can: validation and test disagree, so prefer none of them yet. A longer \
             validation part or a split into several periods would show which of them to believe.",
            names.join(", "),
        );
    };
    let name = &better_one.variant;
    let others: Vec<String> = shown
        .iter()
        .filter(|(row, _)| row.variant != *name)
        .map(|(row, d)| listed(row, d))
        .collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(" It is also worse than {}.", others.join(", "))
    };
    format!(
        " and is worse than `{name}` there: {}. Use `{name}`, or widen the grid.{also}",
        span(d)
    )
}

/// A variant with its difference and p, or with how many users differ where these are too few.
fn listed(row: &Row, d: &Difference) -> String {
    let name = &row.variant;
    match d.p_adjusted {
        Some(p) => format!("`{name}` ({}, {})", signed(d.value), p_is(&probability(p))),
        None => format!("`{name}` ({} differ)", differing(d)),
    }
}

/// Up to so many variants are named, each with its numbers.
const NAMED: usize = 6;

/// Which further variants the chosen one is better than, and which it is not; what to do about it if
/// it is the baseline, for else that is said already.
fn against_others(overview: &Overview, rows: &[Row], chosen: &Row) -> String {
    let is_baseline = |row: &Row| Some(&row.variant) == overview.baseline.as_ref();
    let others = rows
        .iter()
        .filter(|row| row.variant != chosen.variant && !is_baseline(row));
    let others: Vec<(&Row, Difference)> = others
        .filter_map(|row| Some((row, chosen_less(overview, chosen, row)?)))
        .collect();
    let also = if is_baseline(chosen) { "" } else { "also " };
    let mut text = String::new();
    let mut say = |words: &str, holds: fn(&Difference) -> bool, advice: &dyn Fn(&[_]) -> String| {
        let found = others.iter().copied().filter(|(_, d)| holds(d));
        let found: Vec<(&Row, Difference)> = found.collect();
        let names: Vec<String> = found.iter().map(|(row, d)| listed(row, d)).collect();
        match names.len() {
            0 => return,
            1..=NAMED => text = format!("{text} {words} {}.", names.join(", ")),
            n => text = format!("{text} {words} {n} other variants."),
        }
        if is_baseline(chosen) {
            text += &advice(&found);
        }
    };
    say(
        &format!("It is {also}better than"),
        Difference::is_gain,
        &|_| String::new(),
    );
    say(
        "It cannot be told from",
        |d| d.informative && !d.is_shown(),
        &|found| match found {
            [(_, d)] => format!(" {}", next(d, chosen.users, overview.min_effect)),
            _ => " Use the simplest of them.".to_owned(),
        },
    );
    say(
        "Too few users differ to tell it from",
        |d| !d.informative,
        &|_| " Use the simpler one, or ask more users.".to_owned(),
    );
    say("On test it is worse than", Difference::is_loss, &|found| {
        let Some((row, d)) = found.first() else {
            return String::new();
        };
        let own = chosen.test.get(&overview.select).map_or(0.0, |e| e.value);
        let worth = worth(&d.reversed(own), overview.min_effect);
        format!("{worth} Use `{}`.", row.variant)
    });
    text
}

/// What to say where chance explains every value.
fn indistinct(overview: &Overview, floor: &FloorMetric, first: &Row, variants: usize) -> String {
    let subject = if variants == 1 {
        format!("`{}` cannot be told from a random ranking", first.variant)
    } else {
        "No model can be told from a random ranking, so they must not be ranked".to_owned()
    };
    format!(
        "{subject}: the highest {} is {} (`{}`, {} of {} users with a hit, {} after {}), chance alone \
         gives {} and, in 95 % of random rankings, {} to {}. A model would have had to reach about {} to \
         be told from chance four times in five; more data, another split, or a better source is needed \
         before any choice.",
        overview.select,
        value(first.test.get(&overview.select).map_or(0.0, |e| e.value)),
        first.variant,
        mean_count(first.users_hit),
        first.users,
        p_is(&probability(first.p_chance_adjusted)),
        overview.correction.name(),
        value(floor.expected),
        value(floor.low),
        value(floor.high),
        value(floor.detectable),
    )
}

/// `p = .03` or `p < .001`.
pub(super) fn p_is(p: &str) -> String {
    match p.strip_prefix('<') {
        Some(below) => format!("p < {below}"),
        None => format!("p = {p}"),
    }
}

/// The variants that were to be tried and have no result.
fn without_result(overview: &Overview, rows: &[Row]) -> String {
    let names = overview.variants.iter().map(|variant| &variant.name);
    let names = names.filter(|name| rows.iter().all(|row| row.variant != **name));
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// How the variant compares with the baseline, as the rest of a sentence and what to do about it.
fn against_baseline(overview: &Overview, rows: &[Row], chosen: &Row) -> String {
    let Some(baseline) = &overview.baseline else {
        return if overview.only.is_empty() {
            "; no baseline is named to compare it with.".to_owned()
        } else {
            "; no baseline is in this part of the experiment to compare it with.".to_owned()
        };
    };
    let Some(d) = &chosen.difference else {
        return if *baseline != chosen.variant {
            format!("; the baseline `{baseline}` has no result to compare it with.")
        } else if rows.len() == 1 && overview.variants.len() > 1 {
            let others = without_result(overview, rows);
            format!(
                "; it is the baseline itself, and there is no result of {others} to compare it with."
            )
        } else if rows.len() == 1 {
            "; it is the baseline itself, and nothing else was tried.".to_owned()
        } else if !chosen.best_on_validation {
            "; it is the baseline itself, and no other variant is above it on test.".to_owned()
        } else {
            "; it is the baseline itself, and no other variant did better on validation.".to_owned()
        };
    };
    if !d.informative {
        // With several seeds more users differ in the mean, but not with any one of them.
        let seeds = if d.wins + d.losses < INFORMATIVE {
            ""
        } else {
            ", with one seed of each,"
        };
        return format!(
            "; only {} users differ{seeds} from `{baseline}`, too few to tell the two apart: use the \
             simpler one, or ask more users.",
            differing(d)
        );
    }
    let span = span(d);
    if d.is_gain() {
        format!(
            "; better than `{baseline}` by {span}.{}",
            worth(d, overview.min_effect)
        )
    } else if d.is_loss() {
        format!("; worse than `{baseline}` on test: {span}. Use `{baseline}`, or widen the grid.")
    } else {
        format!(
            "; it cannot be told from `{baseline}`: {span}. {}",
            next(d, chosen.users, overview.min_effect)
        )
    }
}

/// `+0.0100 (+25 %), 95 % interval +0.0050 to +0.0150, p = 0.010`.
fn span(d: &Difference) -> String {
    let interval = d.low.zip(d.high).map_or(String::new(), |(low, high)| {
        format!(", 95 % interval {} to {}", signed(low), signed(high))
    });
    let relative = d.relative.map(|r| format!(" ({})", percent(r)));
    format!(
        "{}{}{interval}, {}",
        signed(d.value),
        relative.unwrap_or_default(),
        p_is(&probability(d.p_adjusted.unwrap_or(1.0)))
    )
}

/// Whether a gain that is shown is worth having.
fn worth(d: &Difference, min_effect: f64) -> String {
    if min_effect <= 0.0 {
        return String::new();
    }
    let (low, high) = d.low.zip(d.high).unwrap_or((d.value, d.value));
    if high < min_effect {
        format!(
            " It is real, but the 95 % interval ends below the {min_effect} that is worth having \
             (min_effect)."
        )
    } else if d.value < min_effect {
        format!(
            " It is real, but what was measured is less than the {min_effect} that is worth having \
             (min_effect), which the 95 % interval still holds."
        )
    } else if low >= min_effect {
        format!(
            " The 95 % interval begins at no less than the {min_effect} that is worth having (min_effect)."
        )
    } else {
        format!(
            " It is real and as measured worth having, but the 95 % interval begins below {min_effect} \
             (min_effect)."
        )
    }
}

/// What to do where a difference is not shown.
fn next(d: &Difference, users: usize, min_effect: f64) -> String {
    if min_effect > 0.0
        && d.low.is_some_and(|l| l > -min_effect)
        && d.high.is_some_and(|h| h < min_effect)
    {
        return format!(
            "The 95 % interval ends within {min_effect} on either side, the least that is worth having \
             (min_effect): use the simpler of the two."
        );
    }
    let detectable = d.detectable.unwrap_or(f64::INFINITY);
    // What is looked for: a difference worth having if that is said, else one like that seen.
    let (sought, words) = if min_effect > 0.0 {
        (min_effect, "a difference worth having")
    } else {
        (d.value.abs(), "one of this size, if it is real")
    };
    // The standard error falls with the root of the number of users.
    let factor = (detectable / sought).powi(2);
    let more = if factor <= 1.0 {
        "use the simpler of the two".to_owned()
    } else if factor < 100.0 {
        format!(
            "use the simpler of the two until there are more; to show {words}, about {} users are \
             needed",
            round_up(users as f64 * factor)
        )
    } else {
        "use the simpler of the two".to_owned()
    };
    format!(
        "With {users} users a difference of {} would have been found four times in five: {more}.",
        value(detectable)
    )
}

/// Two leading digits, rounded up.
fn round_up(count: f64) -> String {
    let step = 10_f64.powf((count.log10().floor() - 1.0).max(0.0));
    super::text::count((count / step).ceil() as u64 * step as u64)
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}

#[cfg(test)]
mod tests;
