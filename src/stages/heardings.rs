//! What users are not shown because of what they did before.

use musicrec_api::{Events, MISSING};

use super::pairs::{Pairs, pairs};
use super::rules::Obeyed;
use crate::experiment::Heard;

/// What users are not shown, in the numbering of the whole log: what they heard, or where heard items are kept, what
/// rules avoid.
pub(crate) struct Heardings(Pairs);

impl Heardings {
    /// What the users of `past` are not shown; all events are in the numbering of one log.
    pub(crate) fn of(past: &[&Events], rule: Heard, rules: &Obeyed) -> Self {
        let users = past.iter().map(|past| past.users.len()).max().unwrap_or(0);
        Self(match rule {
            // What is avoided was heard.
            Heard::Mask => Pairs::distinct(users, || past.iter().flat_map(|past| pairs(past))),
            Heard::Keep if rules.avoids_any() => Pairs::distinct(users, || {
                past.iter().flat_map(|past| {
                    let all = pairs(past).enumerate();
                    let avoided = all.filter(|(event, _)| rules.avoids(past, *event));
                    avoided.map(|(_, pair)| pair)
                })
            }),
            Heard::Keep => Pairs::distinct(users, std::iter::empty),
        })
    }

    pub(super) fn contains(&self, user: u32, item: u32) -> bool {
        self.0.contains(user, item)
    }

    /// What a user heard, in the numbering of a fit part, ascending: both numberings have one order.
    pub(crate) fn by(&self, user: u32, local_item: &[u32]) -> impl Iterator<Item = u32> {
        let items = self.0.of_user(user).iter();
        let items = items.map(|&item| local_item[item as usize]);
        items.filter(|item| *item != MISSING)
    }
}
