//! What is counted of a fold, for the report.

use musicrec_api::{Events, Fold, Role};
use serde::{Deserialize, Serialize};

use super::audit::Check;
use super::fold::not_before;
use super::given::Given;
use super::pairs::Pairs;
use super::prepare::Step;
use super::rules::RulesUse;
use super::segments::Division;

/// Counts and dates of a set of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
        let distinct = |codes: &[u32], all: usize| {
            let mut met = vec![false; all];
            for &code in codes {
                met[code as usize] = true;
            }
            met.into_iter().filter(|met| *met).count()
        };
        let period = events.period();
        Self {
            from: period.map(|p| p.0),
            until: period.map(|p| p.1),
            events: events.len(),
            users: distinct(&events.user, events.users.len()),
            items: distinct(&events.item, events.items.len()),
            pairs: Pairs::of(events).len(),
        }
    }
}

/// What the report says of a fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Summary {
    pub(crate) role: Role,
    /// Which period of its role it is, from 1.
    pub(crate) period: usize,
    /// How many periods its role has.
    pub(crate) periods: usize,
    /// Hash of which events of the cleaned log are learned from, given and foretold.
    #[serde(default)]
    pub(crate) hash: String,
    /// What models learn from.
    pub(crate) fit: Part,
    /// What they are told of users who are held out whole, if there are any: their events with items
    /// of the fit part.
    pub(crate) given: Option<Part>,
    /// What they are asked to foretell.
    pub(crate) evaluated: Part,
    /// Items that can be recommended: those of the fit part that `[rules]` do not keep from everybody.
    pub(crate) candidates: usize,
    /// Users with at least one target, whom every mean is over.
    pub(crate) users: usize,
    /// Their targets.
    pub(crate) targets: usize,
    /// User-item pairs that would be targets, had the user not heard the item before.
    pub(crate) heard_removed: usize,
    /// What `[rules]` changed about what is asked, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<RulesUse>,
    /// Targets that nobody heard in the fit part: kept as misses, or dropped.
    pub(crate) cold_items: usize,
    /// Users with targets but without a past.
    pub(crate) cold_users: usize,
    /// Those of them who are asked all the same, and answered by popularity.
    pub(crate) cold_asked: usize,
    /// Users of the evaluated part that are left without a target.
    pub(crate) users_without_target: usize,
    /// Events of the fit part that are not before all that is foretold from it.
    pub(crate) fit_not_before: usize,
    /// Users who are not asked because some alternative of the cleaners asks nothing of them that
    /// this one asks too.
    pub(crate) lost_users: usize,
    /// Targets that are none because they are not targets under every alternative of the cleaners.
    pub(crate) lost_targets: usize,
    /// Events of the fit part that are not before all that any alternative of the cleaners foretells.
    pub(crate) ahead: usize,
    /// What cleaners of the fit part did.
    pub(crate) cleaned: Vec<Step>,
    /// What was found when all of this was looked at again.
    #[serde(default)]
    pub(crate) audit: Vec<Check>,
    /// The segments that the test part is divided into.
    #[serde(default)]
    pub(crate) segments: Vec<Division>,
}

impl Summary {
    /// Of a fold of which nobody is asked yet. `candidates` are the items of its fit part, and
    /// `cleaned` is what cleaners of that did.
    pub(super) fn new(
        fold: &Fold,
        (fit, given, future): (&Events, Option<&Given>, &Events),
        candidates: usize,
        cleaned: Vec<Step>,
    ) -> Self {
        Self {
            role: fold.role,
            period: 1,
            periods: 1,
            hash: String::new(),
            fit: Part::of(fit),
            given: given.map(|given| Part::of(&given.history)),
            evaluated: Part::of(future),
            candidates,
            users: 0,
            targets: 0,
            heard_removed: 0,
            rules: None,
            cold_items: 0,
            cold_users: 0,
            cold_asked: 0,
            users_without_target: 0,
            fit_not_before: future.period().map_or(0, |p| not_before(fit, p.0)),
            lost_users: 0,
            lost_targets: 0,
            ahead: 0,
            cleaned,
            audit: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// `test`, or `test period 2 of 4`.
    pub(crate) fn name(&self) -> String {
        match self.periods {
            1 => self.role.name().to_owned(),
            all => format!("{} period {} of {all}", self.role.name(), self.period),
        }
    }

    /// `test part`, or `test period 2 of 4`.
    pub(crate) fn part(&self) -> String {
        match self.periods {
            1 => format!("{} part", self.role.name()),
            _ => self.name(),
        }
    }
}
