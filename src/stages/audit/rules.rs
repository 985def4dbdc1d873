//! Do `[rules]` hold, and what do they change? Counted from the events and the rules themselves.

use musicrec_api::{Error, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::json;

use super::{Audited, Check, State};
use crate::experiment::Heard;
use crate::stages::rules::{Cap, Obeyed};
use crate::text::counted;

/// A finding a rule. All are worth knowing, for a rule changes what is asked or what can be reached.
///
/// # Errors
/// If a target is one that its user is never shown: a bug of the lab.
pub(crate) fn audit_rules(of: &Audited, rules: &Obeyed) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    if !rules.lists.is_empty() {
        checks.push(lists(of, rules)?);
    }
    if rules.avoids_any() {
        checks.push(avoid(of, rules)?);
    }
    checks.extend(of.data.limits.caps.iter().map(|cap| at_most(of, cap)));
    Ok(checks)
}

/// An error if one of the user asked for an item is not shown it.
fn refuse(of: &Audited, rule: &str, is: impl Fn(u32, u32) -> bool) -> Result<()> {
    for (at, &user) in of.data.who.iter().enumerate() {
        let mut targets = of.data.wanted.get(at).iter();
        if let Some(target) = targets.find(|target| is(user, target.item)) {
            return Err(Error::model(format!(
                "the {} asks user `{}` for item `{}`, which {rule} keeps from every list: a bug of the lab",
                of.part(),
                of.data.users.get(user),
                of.data.items.get(target.item),
            )));
        }
    }
    Ok(())
}

/// Items that nobody is shown.
fn lists(of: &Audited, rules: &Obeyed) -> Result<Check> {
    refuse(of, "[rules] allow or block", |_, item| rules.hides(item))?;
    let used = of.data.summary.rules.clone().unwrap_or_default();
    let named = rules.lists.iter().map(|list| {
        let what = match &list.first_unknown {
            None => "all of them items of the log".to_owned(),
            Some(first) => format!(
                "of which the cleaned log does not have {} (the first: {first})",
                list.unknown
            ),
        };
        let ids = counted(list.ids, "id");
        format!("`{}` names {ids}, {what}", list.rule)
    });
    let says = format!(
        "{}; {} of {} of the fit part are recommended to nobody, and {} of the {} {} removed with them",
        named.collect::<Vec<_>>().join("; "),
        used.hidden_items,
        counted(of.data.fit.items.len(), "item"),
        counted(used.hidden_removed, "target"),
        of.part(),
        if used.hidden_removed == 1 {
            "was"
        } else {
            "were"
        },
    );
    let counts = json!({
        "ids": rules.lists.iter().map(|list| list.ids).sum::<usize>(),
        "unknown_ids": rules.lists.iter().map(|list| list.unknown).sum::<usize>(),
        "hidden_items": used.hidden_items, "removed": used.hidden_removed,
    });
    let mostly_unknown = rules.lists.iter().any(|list| 2 * list.unknown > list.ids);
    let state = if mostly_unknown {
        State::Warning
    } else {
        State::Note
    };
    Ok(Check::new("listed_items", state, counts, says))
}

/// Items that a user is not shown because of an event with them.
fn avoid(of: &Audited, rules: &Obeyed) -> Result<Check> {
    let avoided: FxHashSet<(u32, u32)> = of
        .before()
        .map(|row| row as usize)
        .filter(|row| rules.avoids(of.events, *row))
        .map(|row| (of.events.user[row], of.events.item[row]))
        .collect();
    refuse(of, "[rules] avoid", |user, item| {
        avoided.contains(&(user, item))
    })?;
    let asked: FxHashSet<u32> = of.data.who.iter().copied().collect();
    let pairs = avoided.iter().filter(|(user, _)| asked.contains(user));
    let users: FxHashSet<u32> = pairs.clone().map(|(user, _)| *user).collect();
    let (pairs, users) = (pairs.count(), users.len());
    let removed = of
        .data
        .summary
        .rules
        .as_ref()
        .map_or(0, |used| used.avoided_removed);
    let says = format!(
        "{users} of {} of the {} avoid {} that they had such an event with before; {}",
        counted(asked.len(), "user"),
        of.part(),
        counted(pairs, "item"),
        match of.evaluation.heard {
            Heard::Mask => "as heard items these are masked anyway".to_owned(),
            Heard::Keep => format!(
                "they are not shown them again, and {} removed",
                match removed {
                    1 => "1 target was".to_owned(),
                    removed => format!("{removed} targets were"),
                }
            ),
        }
    );
    let counts = json!({ "users": users, "pairs": pairs, "removed": removed });
    Ok(Check::new("avoided_items", State::Note, counts, says))
}

/// Targets of a user that cannot be on one list.
fn at_most(of: &Audited, cap: &Cap) -> Check {
    let (mut users, mut targets, mut all) = (0, 0, 0);
    for at in 0..of.data.who.len() {
        let wanted = of.data.reachable.get(at);
        let mut by_value: FxHashMap<u32, usize> = FxHashMap::default();
        for (item, _) in wanted {
            *by_value.entry(cap.of_item[*item as usize]).or_insert(0) += 1;
        }
        let over = by_value
            .iter()
            .filter(|(value, _)| (**value as usize) < cap.values());
        let over: usize = over.map(|(_, count)| count.saturating_sub(cap.most)).sum();
        users += usize::from(over > 0);
        targets += over;
        all += wanted.len();
    }
    let candidates = of.data.summary.candidates;
    let values = counted(cap.values(), "value");
    let says = format!(
        "a list holds at most {} of the same `{}`: {}; {targets} of {} of the {} that models can name do not fit \
         on a list with the others of their user ({users} of {}), and stay targets: the best possible ranking \
         {}",
        cap.most,
        cap.column,
        if cap.limited() == candidates {
            format!(
                "all {} that can be recommended have one of {values}",
                counted(candidates, "item")
            )
        } else {
            format!(
                "{} of {} that can be recommended have one of {values}, the others are not limited",
                cap.limited(),
                counted(candidates, "item")
            )
        },
        counted(all, "target"),
        of.part(),
        counted(of.data.who.len(), "user"),
        if of.data.limits.caps.len() == 1 {
            "counts what fits"
        } else {
            "counts, for each user, what fits by the strictest column, which no list exceeds"
        },
    );
    let counts = json!({
        "at_most": cap.most, "values": cap.values(), "limited_items": cap.limited(),
        "users": users, "targets": targets,
    });
    Check::new(
        &format!("at_most_{}", cap.column),
        State::Note,
        counts,
        says,
    )
}
