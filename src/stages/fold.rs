//! One fold ready for all trials: what may be learned from, who is asked, what counts as a hit,
//! what was heard. None of it depends on the weighting or the model under test.

use musicrec_api::{Cleaner, Error, Events, Fold, On, Result, Role, Weighting, cell_weights};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::prepare::Step;
use crate::experiment::{ColdItems, Evaluation, Heard};

/// Lists of `T`, one an index, stored end to end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ragged<T> {
    starts: Vec<usize>,
    values: Vec<T>,
}

impl<T> Default for Ragged<T> {
    fn default() -> Self {
        Self {
            starts: vec![0],
            values: Vec::new(),
        }
    }
}

impl<T> Ragged<T> {
    pub(crate) fn push(&mut self, list: impl IntoIterator<Item = T>) {
        self.values.extend(list);
        self.starts.push(self.values.len());
    }

    pub(crate) fn get(&self, index: usize) -> &[T] {
        &self.values[self.starts[index]..self.starts[index + 1]]
    }
}

/// Counts and dates of a set of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// First time in seconds since 1970; absent without times.
    pub(crate) from: Option<i64>,
    /// Last time.
    pub(crate) until: Option<i64>,
    pub(crate) events: usize,
    pub(crate) users: usize,
    pub(crate) items: usize,
    /// Distinct user-item pairs.
    pub(crate) pairs: usize,
}

impl Part {
    /// Counts the given events.
    pub(crate) fn of(events: &Events) -> Self {
        let distinct = |codes: &[u32]| codes.iter().collect::<FxHashSet<_>>().len();
        let pairs: FxHashSet<(u32, u32)> = pairs(events).collect();
        let period = events.period();
        Self {
            from: period.map(|p| p.0),
            until: period.map(|p| p.1),
            events: events.len(),
            users: distinct(&events.user),
            items: distinct(&events.item),
            pairs: pairs.len(),
        }
    }
}

fn pairs(events: &Events) -> impl Iterator<Item = (u32, u32)> {
    events.user.iter().copied().zip(events.item.iter().copied())
}

/// What the report says of a fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) role: Role,
    /// What models learn from.
    pub(crate) fit: Part,
    /// What they are asked to foretell.
    pub(crate) evaluated: Part,
    /// Items that can be recommended: those of the fit part.
    pub(crate) candidates: usize,
    /// Users with at least one target, whom every mean is over.
    pub(crate) users: usize,
    /// Their targets.
    pub(crate) targets: usize,
    /// User-item pairs that would be targets, had the user not heard the item before.
    pub(crate) heard_removed: usize,
    /// Targets that nobody heard in the fit part: kept as misses, or dropped.
    pub(crate) cold_items: usize,
    /// Users with targets but without a past: not asked.
    pub(crate) cold_users: usize,
    /// Users of the evaluated part that are left without a target.
    pub(crate) users_without_target: usize,
    /// Events of the fit part that are not before all that is foretold from it.
    pub(crate) fit_not_before: usize,
    /// What cleaners of the fit part did.
    pub(crate) cleaned: Vec<Step>,
}

/// A fold in the numbering of its fit part.
#[derive(Debug)]
pub(crate) struct FoldData {
    /// Events to learn from, with tables of the users and items that occur in them.
    pub(crate) fit: Events,
    /// Users to ask, ascending indices into the fit part's users.
    pub(crate) asked: Vec<u32>,
    /// For each user asked, the items heard before, ascending; empty lists where heard is kept.
    pub(crate) heard: Ragged<u32>,
    /// For each user asked, the targets that can be named and their gains, ascending by item.
    pub(crate) reachable: Ragged<(u32, f64)>,
    /// For each user asked, the gains of all targets, descending.
    pub(crate) targets: Ragged<f64>,
    pub(crate) summary: Summary,
}

/// Makes a fold of the splitter ready. `validation` are the events of the validation part, which the
/// test's fit part loses when trials are not to be refitted.
pub(crate) fn ready(
    fold: &Fold,
    validation: Option<&[u32]>,
    events: &Events,
    cleaners: &[Box<dyn Cleaner>],
    evaluation: &Evaluation,
) -> Result<FoldData> {
    // All that happened before counts as heard, whether or not it is learned from.
    let past = events.select(&fold.fit);
    let (fit_rows, cleaned) = fit_rows(fold, validation, events, cleaners, evaluation)?;
    let (fit, users, items) = events.select(&fit_rows).compact();
    let future = events.select(&fold.targets);
    let wanted = wanted(&past, &future, &*evaluation.targets)?;

    let local_item: FxHashMap<u32, u32> = items.iter().copied().zip(0..).collect();
    let local_user: FxHashMap<u32, u32> = users.iter().copied().zip(0..).collect();
    let mask = evaluation.heard == Heard::Mask;
    let heard_pairs: FxHashSet<(u32, u32)> = if mask {
        pairs(&past).collect()
    } else {
        FxHashSet::default()
    };
    let mut data = FoldData {
        asked: Vec::new(),
        heard: Ragged::default(),
        reachable: Ragged::default(),
        targets: Ragged::default(),
        summary: Summary {
            role: fold.role,
            fit: Part::of(&fit),
            evaluated: Part::of(&future),
            candidates: items.len(),
            users: 0,
            targets: 0,
            heard_removed: 0,
            cold_items: 0,
            cold_users: 0,
            users_without_target: 0,
            fit_not_before: not_before(&fit, &future),
            cleaned,
        },
        fit,
    };
    let mut heard_of: Vec<Vec<u32>> = vec![Vec::new(); users.len()];
    for (user, item) in &heard_pairs {
        if let (Some(&user), Some(&item)) = (local_user.get(user), local_item.get(item)) {
            heard_of[user as usize].push(item);
        }
    }
    // `wanted` is sorted by user, so the users asked come out ascending.
    for of_user in wanted.chunk_by(|a, b| a.0 == b.0) {
        let user = of_user[0].0;
        let summary = &mut data.summary;
        let fresh: Vec<&(u32, u32, f64)> = of_user
            .iter()
            .filter(|(user, item, _)| !heard_pairs.contains(&(*user, *item)))
            .collect();
        summary.heard_removed += of_user.len() - fresh.len();
        let mut reachable: Vec<(u32, f64)> = fresh
            .iter()
            .filter_map(|(_, item, gain)| Some((*local_item.get(item)?, *gain)))
            .collect();
        let cold = fresh.len() - reachable.len();
        let mut gains: Vec<f64> = match evaluation.cold_items {
            ColdItems::Miss => fresh.iter().map(|(_, _, gain)| *gain).collect(),
            ColdItems::Drop => reachable.iter().map(|(_, gain)| *gain).collect(),
        };
        if gains.is_empty() {
            continue;
        }
        let Some(&local) = local_user.get(&user) else {
            summary.cold_users += 1;
            continue;
        };
        gains.sort_by(|a, b| b.total_cmp(a));
        reachable.sort_by_key(|(item, _)| *item);
        summary.users += 1;
        summary.targets += gains.len();
        summary.cold_items += cold;
        data.asked.push(local);
        let mut heard = std::mem::take(&mut heard_of[local as usize]);
        heard.sort_unstable();
        data.heard.push(heard);
        data.reachable.push(reachable);
        data.targets.push(gains);
    }
    let summary = &mut data.summary;
    summary.users_without_target = summary.evaluated.users - summary.users - summary.cold_users;
    if summary.users == 0 {
        return Err(Error::data(format!(
            "no user has anything to foretell in the {} part: of its {} users {} are unknown to the \
             fit part and {} pairs were heard before; cut the log elsewhere (splitter), or keep \
             heard items ([evaluation] heard = \"keep\")",
            fold.role.name(),
            summary.evaluated.users,
            summary.cold_users,
            summary.heard_removed,
        )));
    }
    Ok(data)
}

/// The events to learn from: without the validation part where trials are not refitted, and after
/// the cleaners that see the fit part only.
fn fit_rows(
    fold: &Fold,
    validation: Option<&[u32]>,
    events: &Events,
    cleaners: &[Box<dyn Cleaner>],
    evaluation: &Evaluation,
) -> Result<(Vec<u32>, Vec<Step>)> {
    let mut rows = fold.fit.clone();
    if let (Role::Test, false, Some(validation)) = (fold.role, evaluation.refit, validation) {
        let left_out: FxHashSet<u32> = validation.iter().copied().collect();
        rows.retain(|row| !left_out.contains(row));
    }
    let mut steps = Vec::new();
    let mut cleaners = cleaners.iter().filter(|c| c.on() == On::Fit).peekable();
    if let (Some(_), Some(log)) = (cleaners.peek(), &events.log) {
        let of_log: Vec<u32> = rows.iter().map(|&e| events.row[e as usize]).collect();
        let mut part = log.select(&of_log);
        for cleaner in cleaners {
            steps.push(Step::clean(&**cleaner, &mut part)?);
        }
        let left: FxHashSet<u64> = part.numbers().iter().copied().collect();
        rows.retain(|&e| left.contains(&log.numbers()[events.row[e as usize] as usize]));
        if rows.is_empty() {
            return Err(Error::data(format!(
                "the cleaners of the fit part left nothing to learn from for {}; loosen {}",
                fold.role.name(),
                steps
                    .iter()
                    .map(|s| s.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            )));
        }
    }
    Ok((rows, steps))
}

/// User, item and summed target weight of every pair of the evaluated part whose weight is above 0,
/// sorted by user and item.
fn wanted(past: &Events, future: &Events, targets: &dyn Weighting) -> Result<Vec<(u32, u32, f64)>> {
    let weights = targets.fit(past)?.weigh(future)?;
    let (cells, sums) = cell_weights(future, &weights);
    let mut wanted: Vec<(u32, u32, f64)> = pairs(future)
        .zip(cells)
        .map(|((user, item), cell)| (user, item, sums[cell as usize]))
        .filter(|(_, _, weight)| *weight > 0.0)
        .collect();
    wanted.sort_by_key(|&(user, item, _)| (user, item));
    wanted.dedup_by_key(|&mut (user, item, _)| (user, item));
    Ok(wanted)
}

/// How many events of the fit part are not before the first event that is foretold.
fn not_before(fit: &Events, future: &Events) -> usize {
    let Some((first, _)) = future.period() else {
        return 0;
    };
    fit.time.iter().filter(|&&t| t >= first).count()
}
