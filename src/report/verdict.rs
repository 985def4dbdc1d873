//! The conclusion in words. It never ranks what chance explains.

use super::summary::{INFORMATIVE, Row};
use super::text::{probability, signed, value};
use crate::sweep::{FloorMetric, Overview};

/// One or two sentences about the variant to use: the best on validation, else the best on test.
pub(super) fn verdict(overview: &Overview, rows: &[Row]) -> String {
    let select = &overview.select;
    // Chance differs between the alternatives of the cleaners.
    let Some(floor) = overview.floor(rows.first().map_or(0, |row| row.cleaning)) else {
        return "Nothing has been scored on the test part yet.".to_owned();
    };
    let Some(first) = rows.first() else {
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
    let of = |row: &Row| row.test.get(select).map_or(0.0, |e| e.value);
    let better: Vec<&Row> = rows.iter().filter(|r| r.rank.is_some()).collect();
    if better.is_empty() {
        return indistinct(select, floor, first, rows.len());
    }
    let chosen = rows.iter().find(|r| r.best_on_validation).unwrap_or(first);
    let how = if chosen.best_on_validation {
        "chosen on validation"
    } else {
        "highest on test"
    };
    let name = &chosen.variant;
    let chance = overview.floor(chosen.cleaning).unwrap_or(floor).expected;
    if chosen.rank.is_none() {
        let names: Vec<String> = better.iter().map(|r| format!("`{}`", r.variant)).collect();
        return format!(
            "`{name}` ({how}) cannot be told from a random ranking on test ({select} {}, chance {}), \
             although {} can: validation and test disagree, so prefer none of them yet.",
            value(of(chosen)),
            value(chance),
            names.join(", "),
        );
    }
    let against_chance = format!(
        "`{name}` ({how}) reaches {select} {} on test, {} times what a random ranking gives",
        value(of(chosen)),
        times(of(chosen) / chance),
    );
    format!(
        "{against_chance}{}.{}",
        against_baseline(overview, rows, chosen),
        against_others(overview, rows)
    )
}

/// Which further variants the best on validation is better than, and which it is not.
fn against_others(overview: &Overview, rows: &[Row]) -> String {
    let names = |gain: bool| -> Vec<String> {
        rows.iter()
            .filter(|r| Some(&r.variant) != overview.baseline.as_ref())
            .filter(|r| r.best_minus_this.is_some_and(|d| d.is_gain() == gain))
            .map(|r| format!("`{}`", r.variant))
            .collect()
    };
    let mut text = String::new();
    for (gain, words) in [
        (true, "It is also better than"),
        (false, "It is not shown to be better than"),
    ] {
        let names = names(gain);
        if !names.is_empty() {
            text = format!("{text} {words} {}.", names.join(", "));
        }
    }
    text
}

/// What to say where chance explains every value.
fn indistinct(select: &str, floor: &FloorMetric, first: &Row, variants: usize) -> String {
    let subject = if variants == 1 {
        format!("`{}` cannot be told from a random ranking", first.variant)
    } else {
        "No model can be told from a random ranking, so they must not be ranked".to_owned()
    };
    format!(
        "{subject}: the highest {select} is {} (`{}`, p = {} by Holm), chance alone gives {} and, in \
         95 % of random rankings, {} to {}. Below {} this data could not have shown a difference; \
         more data, another split, or a better source is needed before any choice.",
        value(first.test.get(select).map_or(0.0, |e| e.value)),
        first.variant,
        probability(first.p_chance_holm),
        value(floor.expected),
        value(floor.low),
        value(floor.high),
        value(floor.detectable),
    )
}

/// How the variant compares with the baseline, as the second half of a sentence.
fn against_baseline(overview: &Overview, rows: &[Row], chosen: &Row) -> String {
    let of = |row: &Row| row.test.get(&overview.select).map_or(0.0, |e| e.value);
    let Some(baseline) = &overview.baseline else {
        return if overview.only.is_empty() {
            "; no baseline is named to compare it with".to_owned()
        } else {
            "; no baseline is in this part of the experiment to compare it with".to_owned()
        };
    };
    let Some(difference) = &chosen.difference else {
        return if *baseline != chosen.variant {
            format!("; the baseline `{baseline}` has no result to compare it with")
        } else if rows.len() == 1 {
            "; it is the baseline itself, and nothing else was tried".to_owned()
        } else {
            "; it is the baseline itself, and no other variant did better on validation".to_owned()
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
    if !difference.informative() {
        let differ = difference.wins + difference.losses;
        format!("; only {differ} users differ from `{baseline}`, too few to tell the two apart")
    } else if difference.is_gain() {
        let relative = if base > 0.0 {
            format!(" ({:+.0} %)", 100.0 * e.value / base)
        } else {
            String::new()
        };
        format!("; better than `{baseline}` by {span}{relative}")
    } else if e.high < 0.0 {
        format!("; worse than `{baseline}` on test ({span}): use `{baseline}`")
    } else {
        format!("; it cannot be told from `{baseline}` ({span}): the simpler of the two will do")
    }
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::verdict;
    use crate::compare::Estimate;
    use crate::report::summary::{Difference, Row};
    use crate::sweep::Overview;

    fn overview() -> Overview {
        let part =
            json!({"from": null, "until": null, "events": 1, "users": 1, "items": 1, "pairs": 1});
        let log = |label: &str, chance: f64| {
            let floor = json!({"expected": chance, "exact": true, "low": 0.005, "high": 0.015,
                "sd": 0.002, "detectable": chance + 0.005, "ceiling": 1.0});
            json!({"label": label, "log": part, "kinds": [],
                "columns": {"user": "u", "item": "i", "time": null, "event": null, "plays": null,
                    "seconds": null}, "funnel": [], "folds": [],
                "floor": {"rankings": 2000, "metrics": {"ndcg@3": floor}, "users_hit": 1.0,
                    "ceiling_users_hit": 1, "null": ""}})
        };
        serde_json::from_value(json!({
            "schema": 2, "name": "x", "definition": "x.toml", "command": "", "date": "",
            "provenance": {"version": "", "commit": "", "rustc": "", "machine": "", "threads": 1,
                "wall_seconds": 0.0, "cpu_seconds": null},
            "shared": {}, "fingerprint": "", "test_part": "", "cleanings": [log("", 0.01), log("strict", 0.03)],
            "uses_the_future": false, "metrics": [], "select": "ndcg@3",
            "baseline": "popularity", "changes": [], "only": [], "resamples": 100,
            "min_effect": 0.0, "correction": "holm", "exhibit_test": false, "variants": [],
            "recommended": null, "recommendations_failed": null,
        }))
        .unwrap()
    }

    fn row(variant: &str, value: f64, rank: Option<usize>, best: bool) -> Row {
        let estimate = Estimate {
            value,
            low: value,
            high: value,
        };
        Row {
            variant: variant.into(),
            settings: String::new(),
            cleaning: 0,
            trials: 1,
            seeds: 1,
            seed_sd: [].into(),
            rank,
            best_on_validation: best,
            validation: [].into(),
            test: [("ndcg@3".to_owned(), estimate)].into(),
            difference: None,
            best_minus_this: None,
            p_chance: 0.5,
            p_chance_holm: 0.5,
            users: 100,
            users_hit: 10.0,
            users_tied: 0.0,
            fit_seconds: 0.0,
            rank_seconds: 0.0,
            records: Vec::new(),
        }
    }

    fn against(low: f64, value: f64, high: f64, differing: usize) -> Difference {
        let estimate = Estimate { value, low, high };
        Difference {
            estimate,
            wins: differing,
            ties: 0,
            losses: 0,
        }
    }

    /// Two variants, of which ALS was best on validation and has the difference given.
    fn said(difference: Difference) -> String {
        let mut als = row("als", 0.05, Some(1), true);
        als.difference = Some(difference);
        verdict(&overview(), &[als, row("popularity", 0.04, Some(2), false)])
    }

    #[test]
    fn what_chance_explains_is_not_ranked() {
        let rows = [
            row("als", 0.012, None, true),
            row("popularity", 0.009, None, false),
        ];
        let text = verdict(&overview(), &rows);
        assert!(
            text.contains("must not be ranked") && text.contains("0.0150"),
            "{text}"
        );
        assert!(!text.contains("better than"), "{text}");
    }

    #[test]
    fn a_difference_is_named_only_when_it_is_shown() {
        let better = said(against(0.005, 0.01, 0.015, 50));
        assert!(
            better.contains("better than `popularity`") && better.contains("+25 %"),
            "{better}"
        );
        let unclear = said(against(-0.005, 0.01, 0.015, 50));
        assert!(
            unclear.contains("cannot be told from `popularity`"),
            "{unclear}"
        );
        let worse = said(against(-0.03, -0.02, -0.01, 50));
        assert!(worse.contains("worse than `popularity`"), "{worse}");
        let few = said(against(0.005, 0.01, 0.015, 9));
        assert!(few.contains("only 9 users differ"), "{few}");
    }

    #[test]
    fn other_variants_are_spoken_of_too() {
        let mut als = row("als", 0.05, Some(1), true);
        als.difference = Some(against(0.005, 0.01, 0.015, 50));
        let mut near = row("near", 0.049, Some(2), false);
        near.best_minus_this = Some(against(-0.01, 0.001, 0.01, 50));
        let mut far = row("far", 0.02, Some(3), false);
        far.best_minus_this = Some(against(0.01, 0.03, 0.04, 50));
        let rows = [als, near, far, row("popularity", 0.04, Some(4), false)];
        let text = verdict(&overview(), &rows);
        assert!(text.contains("also better than `far`."), "{text}");
        assert!(
            text.contains("not shown to be better than `near`."),
            "{text}"
        );
    }

    #[test]
    fn chance_is_that_of_the_rows_own_cleaners() {
        let mut als = row("als", 0.12, Some(1), true);
        let popularity = row("popularity", 0.04, Some(2), false);
        let times = |als: &Row| verdict(&overview(), &[als.clone(), popularity.clone()]);
        assert!(times(&als).contains("12 times"), "{}", times(&als));
        als.cleaning = 1;
        assert!(times(&als).contains("4.0 times"), "{}", times(&als));
        als.rank = None;
        assert!(times(&als).contains("chance 0.0300"), "{}", times(&als));
        let text = verdict(&overview(), &[als]);
        assert!(text.contains("Below 0.0350"), "{text}");
    }

    #[test]
    fn a_choice_that_fails_on_test_is_said() {
        let rows = [
            row("popularity", 0.05, Some(1), false),
            row("als", 0.01, None, true),
        ];
        let text = verdict(&overview(), &rows);
        assert!(text.contains("validation and test disagree"), "{text}");
    }
}
