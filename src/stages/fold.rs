//! One fold ready for all trials: what may be learned from, what is given of users who are held out,
//! who is asked, what counts as a hit, what was heard. None of it depends on the weighting or the
//! model under test.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use musicrec_api::{
    Cleaner, Error, Events, Fold, Ids, MISSING, On, Result, Role, Weighting, cell_weights,
};
use rustc_hash::FxHashSet;

use super::Failed;
use super::given::Given;
pub(crate) use super::heardings::Heardings;
use super::pairs::pairs;
use super::prepare::Step;
use super::rules::{Limits, Obeyed, RulesUse};
use super::segments::Divided;
pub(crate) use super::summary::{Part, Summary};
use crate::experiment::{ColdItems, ColdUsers, Evaluation, Heard, Ties};

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
        &self.values[self.range(index)]
    }

    /// Where a list lies among all values.
    pub(crate) fn range(&self, index: usize) -> Range<usize> {
        self.starts[index]..self.starts[index + 1]
    }

    /// Where each list begins among all values, and where the last one ends.
    pub(crate) fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// All lists, end to end.
    pub(crate) fn all(&self) -> &[T] {
        &self.values
    }

    /// Adds all lists of another.
    pub(crate) fn append(&mut self, other: Self) {
        let before = self.values.len();
        self.values.extend(other.values);
        let ends = other.starts.iter().skip(1).map(|end| before + end);
        self.starts.extend(ends);
    }
}

/// An item that a user is to be recommended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Target {
    /// In the numbering of the whole log.
    pub(crate) item: u32,
    /// In the numbering of the fit part; [`MISSING`] where nobody heard it there.
    pub(crate) local: u32,
    pub(crate) gain: f64,
}

/// A fold in the numbering of its fit part.
#[derive(Debug)]
pub(crate) struct FoldData {
    /// Events to learn from, with tables of the users and items that occur in them.
    pub(crate) fit: Arc<Events>,
    /// All items of the log, those that no model could name included.
    pub(crate) items: Arc<Ids>,
    /// All users of the log.
    pub(crate) users: Arc<Ids>,
    /// What is told of users who are held out whole.
    pub(crate) given: Option<Given>,
    /// Users to ask, in the numbering of the whole log, ascending.
    pub(crate) who: Vec<u32>,
    /// For each user asked the index among the fit part's users, or, for users held out, that number of
    /// users plus the index among those given; [`MISSING`] for users without a past.
    pub(crate) asked: Vec<u32>,
    /// For each user asked what a value counts in means over all periods: one vote a user, shared by
    /// the periods that ask.
    pub(crate) votes: Vec<f64>,
    /// For each user asked, the items that this one is not shown, ascending: those heard before, or where heard is
    /// kept, those that `[rules] avoid`s. None of them is among those that nobody is shown.
    pub(crate) heard: Ragged<u32>,
    /// What else lists must not hold.
    pub(crate) limits: Limits,
    /// For each user asked, all targets, ascending by item.
    pub(crate) wanted: Ragged<Target>,
    /// For each user asked, the targets that can be named and their gains, ascending by item.
    pub(crate) reachable: Ragged<(u32, f64)>,
    /// For each user asked, the gains of all targets, descending.
    pub(crate) targets: Ragged<f64>,
    /// What a list is worth whose items have equal scores.
    pub(crate) ties: Ties,
    /// How the users asked and their targets are divided; nothing of what is not the test part.
    pub(crate) segments: Vec<Divided>,
    pub(crate) summary: Summary,
}

impl FoldData {
    /// Asks one more user about the targets given, which are ascending by item and at least one.
    fn ask(
        &mut self,
        (who, asked): (u32, u32),
        heard: impl IntoIterator<Item = u32>,
        targets: &[Target],
    ) {
        self.who.push(who);
        self.asked.push(asked);
        self.votes.push(1.0);
        self.heard.push(heard);
        self.wanted.push(targets.iter().copied());
        let reachable = targets.iter().filter(|t| t.local != MISSING);
        let mut reachable: Vec<(u32, f64)> = reachable.map(|t| (t.local, t.gain)).collect();
        reachable.sort_by_key(|(item, _)| *item);
        self.reachable.push(reachable);
        let mut gains: Vec<f64> = targets.iter().map(|t| t.gain).collect();
        gains.sort_by(|a, b| b.total_cmp(a));
        self.targets.push(gains);
        self.summary.users += 1;
        self.summary.cold_asked += usize::from(asked == MISSING);
        self.summary.targets += targets.len();
    }

    /// Every user asked with the targets.
    pub(crate) fn questions(&self) -> impl Iterator<Item = (&str, &[Target])> {
        let asked = self.who.iter().enumerate();
        asked.map(|(at, &user)| (self.users.get(user), self.wanted.get(at)))
    }

    /// The id of a user asked.
    pub(crate) fn name_of(&self, asked: usize) -> &str {
        self.users.get(self.who[asked])
    }

    /// Keeps only the targets that `gain` gives a value, with that value, and only the users who are
    /// left with any; what is lost is counted.
    pub(crate) fn keep(&mut self, gain: impl Fn(&str, &str) -> Option<f64>) {
        let asked = std::mem::take(&mut self.asked);
        let who = std::mem::take(&mut self.who);
        let heard = std::mem::take(&mut self.heard);
        let wanted = std::mem::take(&mut self.wanted);
        self.votes = Vec::new();
        self.reachable = Ragged::default();
        self.targets = Ragged::default();
        let before = (self.summary.users, self.summary.targets);
        (self.summary.users, self.summary.targets) = (0, 0);
        let cold_asked = std::mem::take(&mut self.summary.cold_asked);
        for (at, user) in who.into_iter().zip(asked).enumerate() {
            let all = wanted.get(at);
            let name = self.users.get(user.0);
            let kept: Vec<Target> = all
                .iter()
                .filter_map(|&target| {
                    let gain = gain(name, self.items.get(target.item))?;
                    Some(Target { gain, ..target })
                })
                .collect();
            // Where cold items are dropped, none of them is a target, and their count stays.
            self.summary.cold_items -= cold(all) - cold(&kept);
            if !kept.is_empty() {
                self.ask(user, heard.get(at).iter().copied(), &kept);
            }
        }
        self.summary.cold_users -= cold_asked - self.summary.cold_asked;
        self.summary.lost_users += before.0 - self.summary.users;
        self.summary.lost_targets += before.1 - self.summary.targets;
    }

    /// An error if a target cannot be recommended because it is masked: then every model would miss it.
    pub(super) fn refuse_masked(&self) -> Result<()> {
        for (at, name) in self
            .who
            .iter()
            .map(|&user| self.users.get(user))
            .enumerate()
        {
            let masked = [self.heard.get(at), &self.limits.hidden];
            let is_masked = |item: &u32| masked.iter().any(|of| of.binary_search(item).is_ok());
            let mut targets = self.reachable.get(at).iter();
            if let Some((item, _)) = targets.find(|(item, _)| is_masked(item)) {
                return Err(Error::data(format!(
                    "the {} asks user `{name}` for item `{}`, which is masked because it was \
                     heard before or [rules] say so (a bug of the lab); please report it, and set [evaluation] \
                     heard = \"keep\" and leave [rules] out until it is mended",
                    self.summary.part(),
                    self.fit.items.get(*item),
                )));
            }
        }
        Ok(())
    }
}

fn cold(targets: &[Target]) -> usize {
    targets.iter().filter(|t| t.local == MISSING).count()
}

/// Makes a fold of the splitter ready. `validation` are the events of the validation part, with what
/// is given of its users, which the test's fit part loses when trials are not to be refitted; ascending.
/// There are no `[rules]`.
pub(crate) fn ready(
    fold: &Fold,
    validation: Option<&[u32]>,
    events: &Events,
    cleaners: &[Box<dyn Cleaner>],
    evaluation: &Evaluation,
) -> Result<FoldData, Failed> {
    let rules = Obeyed::default();
    ready_under(fold, validation, events, cleaners, (evaluation, &rules))
}

/// The same under `[rules]`.
pub(crate) fn ready_under(
    fold: &Fold,
    validation: Option<&[u32]>,
    events: &Events,
    cleaners: &[Box<dyn Cleaner>],
    (evaluation, rules): (&Evaluation, &Obeyed),
) -> Result<FoldData, Failed> {
    // All that happened before counts as heard, whether or not it is learned from.
    let past = events.select(&fold.fit);
    let history = events.select(&fold.given);
    let heard = Heardings::of(&[&past, &history], evaluation.heard, rules);
    let mut rows = Cow::Borrowed(&*fold.fit);
    if let (Role::Test, false, Some(validation)) = (fold.role, evaluation.refit, validation) {
        rows.to_mut()
            .retain(|row| validation.binary_search(row).is_err());
    }
    let (rows, cleaned) = learnable(rows, events, cleaners)?;
    let future = events.select(&fold.targets);
    let wanted = wanted(&past, &future, &*evaluation.targets)?;
    let learned = match rows {
        Cow::Borrowed(_) => past,
        Cow::Owned(rows) => {
            drop(past);
            events.select(&rows)
        }
    };
    let wide = (!history.is_empty()).then(|| learned.clone());
    let (fit, users, items) = learned.into_compact();
    let (given, held_out) = Given::of(wide, &history, &fit, &items);
    // Users held out are numbered behind those of the fit part, which has none of them.
    let users: Vec<u32> = users.into_iter().chain(held_out).collect();
    let local_user = inverse(&users, events.users.len());
    let local_item = inverse(&items, events.items.len());
    let limits = rules.limits(&fit, &items)?;
    let mut data = FoldData {
        items: Arc::clone(&events.items),
        users: Arc::clone(&events.users),
        who: Vec::new(),
        asked: Vec::new(),
        votes: Vec::new(),
        heard: Ragged::default(),
        wanted: Ragged::default(),
        reachable: Ragged::default(),
        targets: Ragged::default(),
        ties: evaluation.ties,
        segments: Vec::new(),
        summary: Summary::new(
            fold,
            (&fit, given.as_ref(), &future),
            items.len() - limits.hidden.len(),
            cleaned,
        ),
        limits,
        fit: Arc::new(fit),
        given,
    };
    let mut used = RulesUse {
        lists: rules.lists.clone(),
        hidden_items: data.limits.hidden.len(),
        ..RulesUse::default()
    };
    let with_weight = wanted.chunk_by(|a, b| a.0 == b.0).count();
    // `wanted` is sorted by user, so the users asked come out ascending.
    for of_user in wanted.chunk_by(|a, b| a.0 == b.0) {
        let user = of_user[0].0;
        let summary = &mut data.summary;
        let (mut targets, masked) = unmasked(of_user, &heard, rules, &local_item);
        match evaluation.heard {
            Heard::Mask => summary.heard_removed += masked,
            Heard::Keep => used.avoided_removed += masked,
        }
        used.hidden_removed += of_user.len() - targets.len() - masked;
        let cold = cold(&targets);
        if evaluation.cold_items == ColdItems::Drop {
            targets.retain(|t| t.local != MISSING);
        }
        if targets.is_empty() {
            continue;
        }
        let local = local_user[user as usize];
        if local == MISSING {
            summary.cold_users += 1;
            if evaluation.cold_users == ColdUsers::Skip {
                continue;
            }
        }
        summary.cold_items += cold;
        let masked = heard.by(user, &local_item);
        let masked: Vec<u32> = masked.filter(|item| data.limits.shows(*item)).collect();
        data.ask((user, local), masked, &targets);
    }
    data.refuse_masked()?;
    let summary = &mut data.summary;
    summary.rules = (!rules.is_empty()).then_some(used);
    let cold_skipped = summary.cold_users - summary.cold_asked;
    summary.users_without_target = summary.evaluated.users - summary.users - cold_skipped;
    if summary.users == 0 {
        return Err(nobody(summary, with_weight).into());
    }
    Ok(data)
}

/// The targets of a user that neither what the user did before nor a list of items keeps from every list, and how many
/// others the former does.
fn unmasked(
    of_user: &[(u32, u32, f64)],
    heard: &Heardings,
    rules: &Obeyed,
    local_item: &[u32],
) -> (Vec<Target>, usize) {
    let masked = of_user.iter();
    let masked = masked.filter(|(user, item, _)| heard.contains(*user, *item));
    let others = of_user
        .iter()
        .filter(|(user, item, _)| !heard.contains(*user, *item) && !rules.hides(*item));
    let targets = others.map(|&(_, item, gain)| Target {
        item,
        local: local_item[item as usize],
        gain,
    });
    (targets.collect(), masked.count())
}

/// Why nobody is asked, so many users having events that weigh something.
fn nobody(summary: &Summary, with_weight: usize) -> Error {
    let rules = summary.rules.as_ref();
    let by_rules = rules.map_or(0, |used| used.hidden_removed + used.avoided_removed);
    Error::data(format!(
        "no user has anything to foretell in the {} part: of its {} users {} have no event of \
         weight above 0 ([evaluation] targets) and {} are unknown to the fit part, and {} pairs \
         were heard before{}; cut the log elsewhere (splitter), weigh targets otherwise, ask users \
         without a past too ([evaluation] cold_users = \"popularity\"), or keep heard items (heard = \
         \"keep\")",
        summary.role.name(),
        summary.evaluated.users,
        summary.evaluated.users - with_weight,
        summary.cold_users,
        summary.heard_removed,
        match by_rules {
            0 => String::new(),
            pairs => format!(" and {pairs} are kept from their users by [rules]"),
        }
    ))
}

/// For each old index the new one, [`MISSING`] where there is none. `old` holds the old one of each
/// new one.
pub(crate) fn inverse(old: &[u32], size: usize) -> Vec<u32> {
    let mut new = vec![MISSING; size];
    for (index, &old) in old.iter().enumerate() {
        new[old as usize] = index as u32;
    }
    new
}

/// The events that are left to learn from by the cleaners that see the fit part only, and what those
/// did.
pub(crate) fn learnable<'r>(
    mut rows: Cow<'r, [u32]>,
    events: &Events,
    cleaners: &[Box<dyn Cleaner>],
) -> Result<(Cow<'r, [u32]>, Vec<Step>), Failed> {
    let all = cleaners.iter().enumerate();
    let cleaners: Vec<_> = all.filter(|(_, c)| c.on() == On::Fit).collect();
    let Some(log) = events.log.as_ref().filter(|_| !cleaners.is_empty()) else {
        return Ok((rows, Vec::new()));
    };
    let of_log: Vec<u32> = rows.iter().map(|&e| events.row.at(e as usize)).collect();
    let mut part = log.select(&of_log);
    let steps: Vec<Step> = cleaners
        .iter()
        .map(|(at, cleaner)| Step::clean(*at, &***cleaner, &mut part))
        .collect::<Result<_, _>>()?;
    let left: FxHashSet<u64> = part.numbers().iter().copied().collect();
    rows.to_mut()
        .retain(|&e| left.contains(&log.number(events.row.at(e as usize) as usize)));
    if rows.is_empty() {
        let names: Vec<&str> = steps.iter().map(|s| s.name.as_str()).collect();
        return Err(Error::data(format!(
            "the cleaners of the fit part left nothing to learn from; loosen {}",
            names.join(", ")
        ))
        .into());
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

/// How many events of the fit part are not before a time.
pub(crate) fn not_before(fit: &Events, time: i64) -> usize {
    fit.time.iter().filter(|&t| t >= time).count()
}
