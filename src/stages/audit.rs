//! The protocol audit of a fold: what the lab promises about leaks, candidates, targets and means is
//! counted here from the events themselves, not taken from the stages that see to it.

mod rules;

use musicrec_api::{Error, Events, Fold, MISSING, Result, Role, time_text};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fold::{FoldData, Summary};
use super::pairs::Pairs;
use super::prepare::Step;
use crate::experiment::{ColdItems, ColdUsers, Evaluation, Heard};
use crate::text::{counted, percent};

pub(crate) use rules::audit_rules;

/// Whether a check found all as it should be.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// In order.
    Ok,
    /// Worth knowing.
    Note,
    /// To be looked at before the numbers are trusted.
    Warning,
}

/// One thing that was looked at. What must never be stops the sweep and is no check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Check {
    /// What was looked at: `time_order`.
    #[serde(rename = "check")]
    pub(crate) name: String,
    pub(crate) state: State,
    /// What was counted, by name.
    pub(crate) counts: Map<String, Value>,
    /// The finding in one sentence.
    pub(crate) says: String,
}

impl Check {
    pub(crate) fn new(name: &str, state: State, counts: Value, says: String) -> Self {
        let Value::Object(counts) = counts else {
            unreachable!("counts have names");
        };
        Self {
            name: name.to_owned(),
            state,
            counts,
            says,
        }
    }
}

/// What the audit of a fold looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audited<'a> {
    /// What the splitter said.
    pub(crate) fold: &'a Fold,
    /// The whole cleaned log.
    pub(crate) events: &'a Events,
    /// What became of the fold.
    pub(crate) data: &'a FoldData,
    /// What cleaners did before the split.
    pub(crate) funnel: &'a [Step],
    pub(crate) evaluation: &'a Evaluation,
    /// Whether the splitter says that models may learn from what is later than a user's targets.
    pub(crate) uses_the_future: bool,
    /// Whether there is a validation part.
    pub(crate) validated: bool,
}

/// Looks at a fold.
///
/// # Errors
/// If something is there that must never be: a bug of the lab or of a plugin.
pub(crate) fn audit(of: &Audited) -> Result<Vec<Check>> {
    let past = Past::of(of);
    let mut checks = vec![time_order(of, &past), duplicates(of, &past)];
    checks.extend([heard(of, &past)?, repeats(of, &past), fitted(of)]);
    checks.extend(refit(of));
    checks.extend([
        cold_users(of),
        cold_items(of),
        candidates(of),
        targets(of),
        users(of),
    ]);
    Ok(checks)
}

impl Audited<'_> {
    fn summary(&self) -> &Summary {
        &self.data.summary
    }

    /// `test part`, or the name of a period.
    fn part(&self) -> String {
        self.summary().part()
    }

    /// The rows of all that happened before: what is learned from and what is given.
    fn before(&self) -> impl Iterator<Item = u32> + '_ {
        self.fold.fit.iter().chain(&self.fold.given).copied()
    }
}

/// The evaluated part beside what happened before, in the numbering of the whole log.
pub(super) struct Past {
    /// Different pairs of user and item in the evaluated part.
    pairs: usize,
    /// Those of them that were heard before.
    pub(super) repeats: FxHashSet<(u32, u32)>,
    /// The rows before that are of those.
    again: Vec<u32>,
    /// The users asked.
    pub(super) asked: Vec<u32>,
}

impl Past {
    pub(super) fn of(of: &Audited) -> Self {
        let Audited { events, data, .. } = of;
        let pair = |&row: &u32| (events.user[row as usize], events.item[row as usize]);
        let targets = || of.fold.targets.iter().map(pair);
        let evaluated = Pairs::distinct(events.users.len(), targets);
        let evaluated_too = |row: &u32| {
            let (user, item) = pair(row);
            evaluated.contains(user, item)
        };
        let again: Vec<u32> = of.before().filter(evaluated_too).collect();
        Self {
            repeats: again.iter().map(pair).collect(),
            again,
            pairs: evaluated.len(),
            asked: data.who.clone(),
        }
    }

    /// How many targets were heard before.
    fn heard_targets(&self, data: &FoldData) -> usize {
        let heard = |(at, &user): (usize, &u32)| {
            let targets = data.wanted.get(at).iter();
            targets
                .filter(|t| self.repeats.contains(&(user, t.item)))
                .count()
        };
        self.asked.iter().enumerate().map(heard).sum()
    }
}

/// Does all that is learned from come before all that is foretold (P1, P2)?
fn time_order(of: &Audited, past: &Past) -> Check {
    const NAME: &str = "time_order";
    let summary = of.summary();
    let (Some(until), Some(from)) = (summary.fit.until, summary.evaluated.from) else {
        let says = "the log has no times, so nothing shows that what is learned from happened \
                    before what is foretold";
        if of.uses_the_future {
            let says = format!(
                "{says}, and the split does not see to it: values are likely higher than those of \
                 foretelling what is heard next"
            );
            return Check::new(NAME, State::Warning, json!({}), says);
        }
        return Check::new(NAME, State::Note, json!({}), says.to_owned());
    };
    let late = summary.fit_not_before;
    let mut counts = json!({ "fit_until": until, "evaluated_from": from, "fit_not_before": late });
    if !of.uses_the_future {
        let (until, from) = (time_text(until), time_text(from));
        return if late == 0 {
            let says = format!("what is learned from ends {until}, what is foretold begins {from}");
            Check::new(NAME, State::Ok, counts, says)
        } else {
            let fit = counted(summary.fit.events, "event");
            let says = format!(
                "{late} of {fit} that are learned from are not before the first that is foretold \
                 ({from})"
            );
            Check::new(NAME, State::Warning, counts, says)
        };
    }
    let share = share_later(of, past);
    counts["share_later"] = json!(share);
    let state = if share > 0.0 {
        State::Warning
    } else {
        State::Note
    };
    let says = format!(
        "this split lets models learn from events later than what they foretell; results are higher \
         than they would be in use. Of the events learned from, {} are later than a user's first \
         evaluated one (mean over the users asked in the {})",
        percent(share),
        of.part()
    );
    Check::new(NAME, state, counts, says)
}

/// The share of the fit part's events that are later than a user's first evaluated event, as a mean
/// over the users asked.
fn share_later(of: &Audited, past: &Past) -> f64 {
    let mut first = vec![i64::MAX; of.events.users.len()];
    for &row in &of.fold.targets {
        let user = &mut first[of.events.user[row as usize] as usize];
        *user = (*user).min(of.events.time.at(row as usize));
    }
    let mut times = of.data.fit.time.to_vec();
    times.sort_unstable();
    let later = |&user: &u32| {
        let until = times.partition_point(|&time| time <= first[user as usize]);
        (times.len() - until) as f64 / times.len() as f64
    };
    past.asked.iter().map(later).sum::<f64>() / past.asked.len() as f64
}

/// Are rows of the evaluated part copies of rows of the fit part?
fn duplicates(of: &Audited, past: &Past) -> Check {
    const NAME: &str = "duplicates";
    let events = of.events;
    if events.time.is_empty() {
        let says =
            "without times a row that stands in both parts cannot be told from listening again";
        return Check::new(NAME, State::Note, json!({}), says.to_owned());
    }
    let key = |row: u32| {
        let at = row as usize;
        let kind = events.kind.get(at).unwrap_or(MISSING);
        (events.user[at], events.item[at], events.time.at(at), kind)
    };
    let rows = &of.fold.targets;
    // A copy is of the same user and item, so only rows of pairs that come again can be one.
    let before: FxHashSet<_> = past.again.iter().map(|&row| key(row)).collect();
    let copies = rows.iter().filter(|&&row| before.contains(&key(row)));
    let copies = copies.count();
    let counts = json!({ "copies": copies, "evaluated": rows.len() });
    let (all, part) = (counted(rows.len(), "event"), of.part());
    match (copies, of.evaluation.heard) {
        (0, _) => {
            let says = format!(
                "none of {all} of the {part} stands before it too (same user, item, time and kind)"
            );
            Check::new(NAME, State::Ok, counts, says)
        }
        (_, heard) => {
            let (state, harm) = match heard {
                Heard::Mask => (State::Note, "as heard items they are no targets"),
                Heard::Keep => (
                    State::Warning,
                    "they count as targets; add `drop_duplicates`",
                ),
            };
            let says = format!(
                "{copies} of {all} of the {part} stand before it too, where models learn or are told \
                 (same user, item, time and kind); {harm}"
            );
            Check::new(NAME, state, counts, says)
        }
    }
}

/// Is any target among what the user heard before (P11)?
fn heard(of: &Audited, past: &Past) -> Result<Check> {
    const NAME: &str = "heard_targets";
    let summary = of.summary();
    let (heard, targets) = (past.heard_targets(of.data), summary.targets);
    let removed = summary.heard_removed;
    let counts = json!({ "heard_targets": heard, "targets": targets, "removed": removed });
    let all = counted(targets, "target");
    match of.evaluation.heard {
        Heard::Mask if heard > 0 => Err(Error::model(format!(
            "{heard} of {all} of the {} were heard before, although heard items are masked: a \
             bug of the lab",
            of.part()
        ))),
        Heard::Mask => {
            let says = format!(
                "none of {all} of the {} was heard before by its user; {removed} that were have \
                 been removed, from the lists too",
                of.part()
            );
            Ok(Check::new(NAME, State::Ok, counts, says))
        }
        Heard::Keep => {
            let says = format!(
                "heard items may be recommended: {heard} of {all} of the {} ({}) were heard \
                 before",
                of.part(),
                percent(share(heard, targets))
            );
            Ok(Check::new(NAME, State::Note, counts, says))
        }
    }
}

/// How much of what is evaluated is listening again (P11)?
fn repeats(of: &Audited, past: &Past) -> Check {
    let repeats = past.repeats.len();
    let of_all = share(repeats, past.pairs);
    let masked = of.evaluation.heard == Heard::Mask;
    let counts = json!({ "repeats": repeats, "pairs": past.pairs, "share": of_all });
    let mostly = masked && of_all > 0.5;
    let state = if mostly { State::Note } else { State::Ok };
    let says = format!(
        "{repeats} of {} of the {} ({}) repeat what the user did before, the others are new{}",
        counted(past.pairs, "user-item pair"),
        of.part(),
        percent(of_all),
        if mostly {
            "; what is asked is the smaller part of what users do: heard = \"keep\" asks the rest too"
        } else {
            ""
        }
    );
    Check::new("repeats", state, counts, says)
}

/// Has anything that is fitted seen a later part (P4)?
fn fitted(of: &Audited) -> Check {
    const NAME: &str = "fitted_on_the_fit_part";
    let steps = of.funnel.iter().chain(&of.summary().cleaned);
    let leak = |step: &Step| {
        let leaks = step.leaks.iter();
        let named = leaks.map(|leak| format!("{}: {leak}", step.name));
        named.collect::<Vec<_>>()
    };
    let leaks: Vec<String> = steps.flat_map(leak).collect();
    let fit = of.summary().fit.events;
    let counts = json!({ "fit_events": fit, "leaks": leaks.len() });
    if leaks.is_empty() {
        let says = format!(
            "weightings and models are given {} of the fit part and nothing else, and no cleaner says \
             that it looked further",
            counted(fit, "event")
        );
        return Check::new(NAME, State::Ok, counts, says);
    }
    Check::new(NAME, State::Warning, counts, leaks.join("; "))
}

/// What chosen trials learn from before the test (P3).
fn refit(of: &Audited) -> Option<Check> {
    if of.fold.role != Role::Test || !of.validated {
        return None;
    }
    let counts = json!({ "fit_events": of.summary().fit.events });
    let (state, says) = if of.evaluation.refit {
        (
            State::Ok,
            "chosen trials are fitted again on train and validation together before the test",
        )
    } else {
        (
            State::Note,
            "chosen trials are not fitted again: nothing of the validation part is learned from \
             (refit = false)",
        )
    };
    Some(Check::new("refit", state, counts, says.to_owned()))
}

/// Users without a past (P10).
fn cold_users(of: &Audited) -> Check {
    const NAME: &str = "cold_users";
    let s = of.summary();
    let cold = s.cold_users;
    let all = s.users + cold - s.cold_asked;
    let part = of.part();
    let counts =
        json!({ "cold_users": cold, "cold_asked": s.cold_asked, "users_with_targets": all });
    if cold == 0 {
        let says = format!("every user with a target in the {part} has a past");
        return Check::new(NAME, State::Ok, counts, says);
    }
    let (state, fate) = match of.evaluation.cold_users {
        ColdUsers::Skip => (cold_state(cold, all), "are not asked"),
        // What is alike for all variants hides how they differ, even where it is not the most.
        ColdUsers::Popularity if 10 * cold > all => (
            State::Warning,
            "are answered by popularity whatever the model, so they cannot tell variants apart",
        ),
        ColdUsers::Popularity => (State::Note, "are answered by popularity whatever the model"),
    };
    let says = format!(
        "{cold} of {} with targets in the {part} ({}) have no past and {fate}",
        counted(all, "user"),
        percent(share(cold, all))
    );
    Check::new(NAME, state, counts, says)
}

/// Targets that nobody heard in the fit part (P9).
fn cold_items(of: &Audited) -> Check {
    let summary = of.summary();
    let (cold, part) = (summary.cold_items, of.part());
    let (all, fate) = match of.evaluation.cold_items {
        ColdItems::Miss => (
            summary.targets,
            "no model can name them, and they count as missed",
        ),
        ColdItems::Drop => (summary.targets + cold, "they are left out"),
    };
    let says = if cold == 0 {
        format!("every target of the {part} is in the fit part, so a model can name it")
    } else {
        format!(
            "{cold} of {} of the {part} ({}) are not in the fit part: {fate}",
            counted(all, "target"),
            percent(share(cold, all))
        )
    };
    let counts = json!({ "cold_targets": cold, "targets": all });
    Check::new("cold_items", cold_state(cold, all), counts, says)
}

/// Some cold ones are worth knowing; where they are most, something else is measured than one thinks.
fn cold_state(cold: usize, all: usize) -> State {
    match cold {
        0 => State::Ok,
        _ if 2 * cold > all => State::Warning,
        _ => State::Note,
    }
}

/// What can be recommended (P8).
fn candidates(of: &Audited) -> Check {
    let data = of.data;
    let candidates = of.summary().candidates;
    let depth = of.evaluation.depth();
    let left = |at: usize| candidates - data.heard.get(at).len();
    let users = 0..data.asked.len();
    let fewest = users.clone().map(left).min().unwrap_or(candidates);
    let short = users.filter(|&at| left(at) < depth).count();
    let counts = json!({
        "candidates": candidates, "fewest_left": fewest, "users_with_short_lists": short,
    });
    let says = format!(
        "{} can be recommended, all of the fit part{} and no others, whatever the model; {fewest} are \
         left to the user with the fewest",
        counted(candidates, "item"),
        if data.limits.hidden.is_empty() {
            ""
        } else {
            " that [rules] allow"
        }
    );
    if short == 0 {
        return Check::new("candidates", State::Ok, counts, says);
    }
    let says = format!(
        "{says}; the lists of {} are shorter than {depth}",
        counted(short, "user")
    );
    Check::new("candidates", State::Note, counts, says)
}

/// What counts as a hit (P12).
fn targets(of: &Audited) -> Check {
    let data = of.data;
    let users = 0..data.asked.len();
    let gains = users.clone().flat_map(|at| data.targets.get(at).iter());
    let mut gains: Vec<f64> = gains.copied().collect();
    gains.sort_by(f64::total_cmp);
    let mut sizes: Vec<usize> = users.map(|at| data.targets.get(at).len()).collect();
    sizes.sort_unstable();
    let (least, median) = (gains[0], gains[gains.len() / 2]);
    let a_user = sizes[sizes.len() / 2];
    let counts = json!({
        "targets": gains.len(), "least_weight": least, "median_weight": median,
        "median_a_user": a_user,
    });
    let says = format!(
        "{} of the {}, {a_user} a user in the median; their weight is above 0: {least} at least, \
         {median} in the median",
        counted(gains.len(), "target"),
        of.part()
    );
    Check::new("targets", State::Ok, counts, says)
}

/// Who is in each mean, and who is not (P13).
fn users(of: &Audited) -> Check {
    let s = of.summary();
    let all = s.evaluated.users;
    let counts = json!({
        "users": s.users, "evaluated_users": all, "without_target": s.users_without_target,
        "cold_users": s.cold_users, "cold_asked": s.cold_asked, "lost_users": s.lost_users,
    });
    let mut left = Vec::new();
    for (count, why) in [
        (s.users_without_target, "without a target"),
        (s.cold_users - s.cold_asked, "without a past"),
        (
            s.lost_users,
            "not asked about under every alternative of the cleaners",
        ),
    ] {
        if count > 0 {
            left.push(format!("{count} {why}"));
        }
    }
    let says = format!(
        "{} of {} of the {} are in every mean, whatever a model returns{}",
        s.users,
        counted(all, "user"),
        of.part(),
        if left.is_empty() {
            String::new()
        } else {
            format!("; left out: {}", left.join(", "))
        }
    );
    let state = if 2 * s.users < all {
        State::Note
    } else {
        State::Ok
    };
    Check::new("users", state, counts, says)
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 / all as f64
    }
}

#[cfg(test)]
mod tests;
