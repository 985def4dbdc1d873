//! Distinct pairs of users and items, by counting: with as many events as a log has, a hash table of
//! their pairs would take longer and several times the memory.

use musicrec_api::Events;

/// Distinct pairs: for each user the items, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Where the items of each user begin, and where those of the last one end.
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Pairs {
    /// The distinct ones of `all`, whose users are below `users`. They are gone through twice.
    pub(super) fn distinct<I: Iterator<Item = (u32, u32)>>(
        users: usize,
        all: impl Fn() -> I,
    ) -> Self {
        let mut starts = vec![0usize; users + 1];
        for (user, _) in all() {
            starts[user as usize + 1] += 1;
        }
        for user in 0..users {
            starts[user + 1] += starts[user];
        }
        let mut items = vec![0u32; starts[users]];
        let mut free = starts.clone();
        for (user, item) in all() {
            let place = &mut free[user as usize];
            items[*place] = item;
            *place += 1;
        }
        // Each user's items are sorted, and those that come again fall away in place.
        let (mut begins, mut kept) = (0, 0);
        for user in 0..users {
            let ends = starts[user + 1];
            items[begins..ends].sort_unstable();
            starts[user] = kept;
            for at in begins..ends {
                if at == begins || items[at] != items[at - 1] {
                    items[kept] = items[at];
                    kept += 1;
                }
            }
            begins = ends;
        }
        starts[users] = kept;
        items.truncate(kept);
        items.shrink_to_fit();
        Self { starts, items }
    }

    /// The distinct pairs of events.
    pub(super) fn of(events: &Events) -> Self {
        Self::distinct(events.users.len(), || pairs(events))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items of a user, ascending.
    pub(super) fn of_user(&self, user: u32) -> &[u32] {
        let user = user as usize;
        match self.starts.get(user + 1) {
            Some(&ends) => &self.items[self.starts[user]..ends],
            None => &[],
        }
    }

    pub(super) fn contains(&self, user: u32, item: u32) -> bool {
        self.of_user(user).binary_search(&item).is_ok()
    }

    /// The item of each pair.
    pub(super) fn items(&self) -> &[u32] {
        &self.items
    }
}

/// User and item of each event.
pub(super) fn pairs(events: &Events) -> impl Iterator<Item = (u32, u32)> {
    events.user.iter().copied().zip(events.item.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use musicrec_api::rng;
    use rand::RngExt as _;

    use super::Pairs;

    #[test]
    fn they_are_those_of_a_set() {
        let mut random = rng(5);
        for (users, items, count) in [(1, 1, 0), (3, 2, 50), (40, 30, 600), (500, 1000, 900)] {
            let all: Vec<(u32, u32)> = (0..count)
                .map(|_| (random.random_range(0..users), random.random_range(0..items)))
                .collect();
            let set: BTreeSet<(u32, u32)> = all.iter().copied().collect();
            let pairs = Pairs::distinct(users as usize, || all.iter().copied());
            let listed = (0..users)
                .flat_map(|user| pairs.of_user(user).iter().map(move |&item| (user, item)));
            assert!(listed.eq(set.iter().copied()));
            assert_eq!(pairs.len(), set.len());
            assert!(set.iter().all(|&(user, item)| pairs.contains(user, item)));
            assert!(!pairs.contains(0, items) && pairs.of_user(users + 1).is_empty());
        }
    }
}
