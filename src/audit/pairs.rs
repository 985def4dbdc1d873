//! Who has which item: the distinct pairs of a log, user by user.

use super::Interactions;

/// The distinct pairs of user and item, those of a user together, by item.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    /// Where the pairs of each user begin; one more than users.
    pub(crate) starts: Vec<usize>,
    /// The item of each pair; ascending within a user.
    pub(crate) items: Vec<u32>,
    /// The first row of each pair by time (by the log's order if there are no times): a place in
    /// [`Interactions`].
    pub(crate) first: Vec<u32>,
    /// How many rows each pair has.
    pub(crate) counts: Vec<u32>,
    /// How many rows each user has.
    pub(crate) rows_of_user: Vec<u32>,
    /// How many rows each item has.
    pub(crate) rows_of_item: Vec<u32>,
    /// How many users each item has.
    pub(crate) users_of_item: Vec<u32>,
}

impl Pairs {
    /// The pairs of a log. In memory, 20 bytes a row at most.
    pub(crate) fn of(log: &Interactions) -> Self {
        let (users, items) = (log.user_ids.len(), log.item_ids.len());
        let (offsets, order) = by_user(log);
        let mut pairs = Self {
            starts: Vec::with_capacity(users + 1),
            rows_of_user: offsets.windows(2).map(|w| (w[1] - w[0]) as u32).collect(),
            rows_of_item: vec![0; items],
            users_of_item: vec![0; items],
            ..Self::default()
        };
        for &item in &log.items {
            pairs.rows_of_item[item as usize] += 1;
        }
        let mut of_user: Vec<(u32, u32)> = Vec::new();
        pairs.starts.push(0);
        for bounds in offsets.windows(2) {
            of_user.clear();
            let rows = &order[bounds[0]..bounds[1]];
            of_user.extend(rows.iter().map(|&row| (log.items[row as usize], row)));
            if log.times.is_empty() {
                of_user.sort_unstable();
            } else {
                of_user.sort_unstable_by_key(|&(item, row)| (item, log.times[row as usize], row));
            }
            for same in of_user.chunk_by(|a, b| a.0 == b.0) {
                let (item, row) = same[0];
                pairs.items.push(item);
                pairs.first.push(row);
                pairs.counts.push(same.len() as u32);
                pairs.users_of_item[item as usize] += 1;
            }
            pairs.starts.push(pairs.items.len());
        }
        pairs
    }

    /// How many pairs.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many users there may be, those without a row included.
    pub(crate) fn users(&self) -> usize {
        self.rows_of_user.len()
    }

    /// The items of a user, ascending.
    pub(crate) fn items_of(&self, user: usize) -> &[u32] {
        &self.items[self.starts[user]..self.starts[user + 1]]
    }

    /// Users that have a row.
    pub(crate) fn active_users(&self) -> usize {
        self.rows_of_user.iter().filter(|&&rows| rows > 0).count()
    }

    /// Items that have a row.
    pub(crate) fn active_items(&self) -> usize {
        self.rows_of_item.iter().filter(|&&rows| rows > 0).count()
    }
}

/// The rows of each user: where they begin, one more than users, and the rows in the order of the log.
pub(crate) fn by_user(log: &Interactions) -> (Vec<usize>, Vec<u32>) {
    grouped(log.users.iter().copied(), log.user_ids.len())
}

/// The places of each of `many` users among the users of rows: where they begin, one more than users,
/// and the places, ascending for each.
pub(super) fn grouped(
    users: impl ExactSizeIterator<Item = u32> + Clone,
    many: usize,
) -> (Vec<usize>, Vec<u32>) {
    let mut offsets = vec![0usize; many + 1];
    for user in users.clone() {
        offsets[user as usize + 1] += 1;
    }
    for at in 1..offsets.len() {
        offsets[at] += offsets[at - 1];
    }
    let mut next = offsets.clone();
    let mut order = vec![0u32; users.len()];
    for (place, user) in (0..).zip(users) {
        let at = &mut next[user as usize];
        order[*at] = place;
        *at += 1;
    }
    (offsets, order)
}

#[cfg(test)]
mod tests {
    use super::super::testing::log;
    use super::Pairs;

    #[test]
    fn a_pair_counts_once_and_its_first_row_is_the_earliest() {
        let log = log(&[(1, 5, 30), (0, 2, 10), (1, 5, 20), (1, 3, 40), (1, 5, 20)]);
        let pairs = Pairs::of(&log);
        assert_eq!(pairs.starts, [0, 1, 3]);
        assert_eq!(pairs.items, [2, 3, 5]);
        assert_eq!(pairs.first, [1, 3, 2]);
        assert_eq!(pairs.counts, [1, 1, 3]);
        assert_eq!(pairs.rows_of_user, [1, 4]);
        assert_eq!(pairs.rows_of_item, [0, 0, 1, 1, 0, 3]);
        assert_eq!(pairs.users_of_item, [0, 0, 1, 1, 0, 1]);
        assert_eq!((pairs.active_users(), pairs.active_items()), (2, 3));
    }
}
