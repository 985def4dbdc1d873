//! `[rules]` as a log understands them: which items nobody is shown, which ones a user is not, and of which a
//! list holds few. Built once from the rules and a cleaned log ([`Obeyed`]), then for each fit part
//! ([`Limits`]).

use musicrec_api::{Asked, Error, Events, ItemValues, Log, MISSING, Problem, Result, Roles};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::{By, Failed};
use crate::experiment::ProductRules;

/// Rules in the numbering of a whole log.
#[derive(Debug, Default)]
pub(crate) struct Obeyed {
    /// What the lists came to.
    pub(crate) lists: Vec<ListUse>,
    /// By item, whether nobody is shown it; empty if no list says so.
    hidden: Vec<bool>,
    /// Kinds of event after which an item is avoided.
    avoid: Vec<u32>,
    /// Columns, and how many items of one value a list holds.
    at_most: Vec<(String, usize)>,
}

/// What is known of a list of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct ListUse {
    /// `allow` or `block`.
    pub(crate) rule: String,
    /// Its file, or the rule again if it stands in the definition.
    pub(crate) name: String,
    /// How many ids it has, each counted once.
    pub(crate) ids: usize,
    /// How many of them the cleaned log does not have.
    pub(crate) unknown: usize,
    /// Where the first of these stands.
    pub(crate) first_unknown: Option<String>,
}

/// What rules changed about what is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct RulesUse {
    /// The lists of items.
    pub(crate) lists: Vec<ListUse>,
    /// Items of the fit part that nobody is shown, by `allow` and `block`.
    pub(crate) hidden_items: usize,
    /// User-item pairs that would be targets, were their item one that is shown.
    pub(crate) hidden_removed: usize,
    /// User-item pairs that would be targets, had the user not had an event with the item before that
    /// `avoid` names.
    pub(crate) avoided_removed: usize,
}

impl Obeyed {
    /// Of rules and a cleaned log, which calls its items by a column of that name.
    ///
    /// # Errors
    /// If a rule asks for what the log does not have.
    pub(crate) fn of(rules: &ProductRules, events: &Events, items: &str) -> Result<Self, Failed> {
        let mut obeyed = Self::default();
        let mut allowed: Option<Vec<bool>> = None;
        let mut blocked = Vec::new();
        let numbers: FxHashMap<&str, u32> = if rules.lists.is_empty() {
            FxHashMap::default()
        } else {
            events.items.iter().zip(0..).collect()
        };
        for list in &rules.lists {
            let failed = |text| By::Rules(list.rule).failed(Error::definition(text));
            let mut named = vec![false; events.items.len()];
            let mut met = FxHashSet::default();
            let (mut unknown, mut first) = (0, None);
            for (at, id) in list.ids(items).map_err(failed)? {
                if met.contains(&id) {
                    continue;
                }
                if let Some(&item) = numbers.get(&*id) {
                    named[item as usize] = true;
                } else {
                    unknown += 1;
                    first = first.or_else(|| Some(list.place(at)));
                }
                met.insert(id);
            }
            if list.rule == "allow" && !named.contains(&true) {
                return Err(failed(format!(
                    "`allow` leaves nothing to recommend: none of its {} ids is an item of the cleaned log, as \
                     its column `{items}` calls them",
                    met.len()
                )));
            }
            obeyed.lists.push(ListUse {
                rule: list.rule.to_owned(),
                name: list.name().to_owned(),
                ids: met.len(),
                unknown,
                first_unknown: first,
            });
            match list.rule {
                "allow" => allowed = Some(named),
                _ => blocked = named,
            }
        }
        if !rules.lists.is_empty() {
            let item = |item: usize| {
                blocked.get(item) == Some(&true) || allowed.as_ref().is_some_and(|a| !a[item])
            };
            obeyed.hidden = (0..events.items.len()).map(item).collect();
            let block = obeyed.lists.iter().find(|list| list.rule == "block");
            let all = !events.is_empty() && !obeyed.hidden.contains(&false);
            if let Some(block) = block.filter(|_| all) {
                return Err(By::Rules("block").failed(blocks_all(block, allowed.is_some())));
            }
        }
        for kind in &rules.written.avoid {
            obeyed.avoid.push(code(kind, events)?);
        }
        let caps = rules.written.at_most.iter();
        obeyed.at_most = caps.map(|(c, most)| (c.clone(), most.get())).collect();
        if let Some(log) = &events.log {
            for (column, _) in &obeyed.at_most {
                of_items(log, column).map_err(|error| By::Rules("at_most").failed(error))?;
            }
        }
        Ok(obeyed)
    }

    /// The rule that whatever a person had one of these kinds of event with is avoided, and no other. Kinds that the
    /// events do not have avoid nothing.
    pub(crate) fn avoiding(kinds: &[String], events: &Events) -> Self {
        let kinds = kinds.iter();
        let codes = kinds.filter_map(|kind| events.kinds.iter().position(|known| known == kind));
        Self {
            avoid: codes.map(|code| code as u32).collect(),
            ..Self::default()
        }
    }

    /// Whether there is no rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.avoid.is_empty() && self.at_most.is_empty()
    }

    /// Whether nobody is shown an item.
    pub(crate) fn hides(&self, item: u32) -> bool {
        self.hidden.get(item as usize) == Some(&true)
    }

    /// Whether an event of some is one after which its user is not shown its item.
    pub(super) fn avoids(&self, events: &Events, event: usize) -> bool {
        let kind = events.kind.get(event);
        kind.is_some_and(|kind| self.avoid.contains(&kind))
    }

    /// Whether some kind of event is avoided.
    pub(super) fn avoids_any(&self) -> bool {
        !self.avoid.is_empty()
    }

    /// The limits of lists of items of a fit part. `old_items` holds for each of these the number in the whole log.
    ///
    /// # Errors
    /// If there is no such column.
    pub(crate) fn limits(&self, fit: &Events, old_items: &[u32]) -> Result<Limits> {
        let hidden = (0..).zip(old_items).filter(|(_, old)| self.hides(**old));
        let hidden: Vec<u32> = hidden.map(|(item, _)| item).collect();
        let caps = self.at_most.iter().map(|(column, most)| {
            let values = ItemValues::of(fit, column)?;
            let values = (values.of_item, values.values.len());
            Ok(Cap::by(column, *most, values, &hidden))
        });
        Ok(Limits {
            caps: caps.collect::<Result<_>>()?,
            hidden,
        })
    }
}

/// That a list of blocked items leaves none, of those that are allowed or of all.
fn blocks_all(block: &ListUse, allowed: bool) -> Error {
    let of = if allowed { " that `allow` names" } else { "" };
    let problem = Problem::at(
        "block",
        format!(
            "`block` leaves nothing to recommend: its {} ids ({}) hold all items of the cleaned log{of}",
            block.ids, block.name
        ),
    );
    problem
        .remedy("list those that nobody shall be shown, or name with `allow` those that may be")
        .error("")
}

/// That a column may say something of items.
fn of_items(log: &Log, column: &str) -> Result<()> {
    log.view(column)?;
    of_no_item(log.roles(), column).map_or(Ok(()), |problem| Err(problem.error("")))
}

/// What is wrong with a column of which a list shall hold few items of a value, if it says nothing of items. Who
/// listened, what to, and when does not: each item would be of a value of its own, or of that of some listener.
pub(crate) fn of_no_item(roles: &Roles, column: &str) -> Option<Problem> {
    let parts = [
        (Some(&roles.user), "who listened"),
        (Some(&roles.item), "what was listened to"),
        (roles.time.as_ref(), "when it was"),
    ];
    let mut parts = parts.into_iter();
    let (_, what) = parts.find(|(name, _)| name.is_some_and(|name| name == column))?;
    let message = format!(
        "`at_most` bounds how many items of a value a list holds, and column `{column}` says {what}"
    );
    let problem = Problem::at("at_most", message);
    Some(problem.remedy("name one that many items share, such as that of artists"))
}

/// The code of a kind of event.
fn code(kind: &str, events: &Events) -> Result<u32, Failed> {
    if let Some(code) = events.kinds.iter().position(|known| known == kind) {
        return Ok(code as u32);
    }
    Err(By::Rules("avoid").failed(no_kind(kind, &events.kinds).error("")))
}

/// That the cleaned log does not have a kind of event, but these.
pub(crate) fn no_kind(kind: &str, known: &[String]) -> Problem {
    let message = format!("no event of the cleaned log is a `{kind}`");
    let kinds = known.join(", ");
    Problem::at("avoid", message)
        .suggest(kind, known.iter().map(String::as_str))
        .remedy(if kinds.is_empty() {
            "it has no kinds of event: name the column that has them in [source]".to_owned()
        } else {
            format!("it has {kinds}")
        })
}

/// How many times as many places a model of ready lists is asked for where a list holds few items of a value.
const DEEPER: usize = 4;

/// What lists may hold besides what users heard or avoid, in the numbering of a fit part.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Limits {
    /// Items that nobody is shown, ascending.
    pub(crate) hidden: Vec<u32>,
    /// Of which items a list holds few.
    pub(crate) caps: Vec<Cap>,
}

/// No limits.
pub(crate) static UNLIMITED: Limits = Limits {
    hidden: Vec::new(),
    caps: Vec::new(),
};

impl Limits {
    /// What a model is told of whom it will be asked about: nobody is shown what is hidden, and where a list holds few
    /// items of a value, more of them are needed.
    pub(crate) fn ask<'a>(&self, asked: Asked<'a>) -> Asked<'a> {
        let mut asked = asked.without(&self.hidden);
        if !self.caps.is_empty() {
            asked.depth = asked.depth.saturating_mul(DEEPER);
        }
        asked
    }

    /// Whether some list may hold an item.
    pub(crate) fn shows(&self, item: u32) -> bool {
        self.hidden.binary_search(&item).is_err()
    }
}

/// How many items of the same value a list holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cap {
    /// The column that tells the values.
    pub(crate) column: String,
    /// How many.
    pub(crate) most: usize,
    /// Each item's value; [`MISSING`] where nothing tells it, which is not limited.
    pub(crate) of_item: Vec<u32>,
    /// How many items that may be shown have each value.
    sizes: Vec<usize>,
    /// No list is longer than this.
    longest: usize,
}

impl Cap {
    /// By the values of items, of which there are so many.
    pub(crate) fn by(
        column: &str,
        most: usize,
        (of_item, values): (Vec<u32>, usize),
        hidden: &[u32],
    ) -> Self {
        let mut sizes = vec![0; values];
        let mut free = 0;
        for (item, &value) in (0..).zip(&of_item) {
            if hidden.binary_search(&item).is_err() {
                *sizes.get_mut(value as usize).unwrap_or(&mut free) += 1;
            }
        }
        Self {
            column: column.to_owned(),
            most,
            of_item,
            longest: free + sizes.iter().map(|size| most.min(*size)).sum::<usize>(),
            sizes,
        }
    }

    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        self.sizes.len()
    }

    /// How many items that may be shown have a value.
    pub(crate) fn limited(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// No list of a user is longer, who is not shown some items besides the hidden ones.
    pub(crate) fn longest(&self, masked: &[u32]) -> usize {
        let mut gone: FxHashMap<u32, usize> = FxHashMap::default();
        for &item in masked {
            *gone.entry(self.of_item[item as usize]).or_insert(0) += 1;
        }
        let lost = gone
            .iter()
            .map(|(&value, gone)| match self.sizes.get(value as usize) {
                Some(&size) => self.most.min(size) - self.most.min(size - gone),
                None => *gone,
            });
        self.longest - lost.sum::<usize>()
    }
}

/// What is on a list so far, by the values of its items.
#[derive(Debug)]
pub(crate) struct Quota<'c> {
    caps: &'c [Cap],
    used: Vec<FxHashMap<u32, usize>>,
}

impl<'c> Quota<'c> {
    /// Of an empty list.
    pub(crate) fn new(caps: &'c [Cap]) -> Self {
        Self {
            caps,
            used: vec![FxHashMap::default(); caps.len()],
        }
    }

    /// Of an empty list again.
    pub(crate) fn clear(&mut self) {
        self.used.iter_mut().for_each(FxHashMap::clear);
    }

    /// Whether an item may be added, if so many items of its value are taken off before.
    pub(crate) fn room(&self, item: u32, off: impl Fn(&Cap, u32) -> usize) -> bool {
        self.caps.iter().zip(&self.used).all(|(cap, used)| {
            let value = cap.of_item[item as usize];
            value == MISSING || used.get(&value).copied().unwrap_or(0) - off(cap, value) < cap.most
        })
    }

    /// Adds an item if it may be.
    pub(crate) fn take(&mut self, item: u32) -> bool {
        if !self.room(item, |_, _| 0) {
            return false;
        }
        for (cap, used) in self.caps.iter().zip(&mut self.used) {
            let value = cap.of_item[item as usize];
            if value != MISSING {
                *used.entry(value).or_insert(0) += 1;
            }
        }
        true
    }
}

/// Limits by hand: items that nobody is shown, and for each column how many of a value and the value of each item.
#[cfg(test)]
pub(crate) fn limits_of<'c>(
    hidden: Vec<u32>,
    columns: impl IntoIterator<Item = (usize, &'c Vec<Option<u64>>)>,
) -> Limits {
    let caps = columns.into_iter().map(|(most, column)| {
        let values = column.iter().flatten().max().map_or(0, |most| most + 1);
        let of_item = column
            .iter()
            .map(|value| value.map_or(MISSING, |v| v as u32));
        let values = (of_item.collect(), values as usize);
        Cap::by("column", most, values, &hidden)
    });
    Limits {
        caps: caps.collect(),
        hidden,
    }
}

#[cfg(test)]
mod tests;
