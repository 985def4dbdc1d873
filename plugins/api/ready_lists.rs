//! Lists that are ready.

/// The items that a model recommends to each user, and no others: an item that is not in a user's list is
/// not recommended, whatever else there is.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyLists {
    starts: Vec<usize>,
    entries: Vec<(u32, f64)>,
}

impl ReadyLists {
    /// One list for each user of what was learned from (or folded in), in their order; empty for users
    /// to whom nothing is recommended. Entries are items and their scores, in any order: the lab ranks
    /// them, the higher score first and equal ones by item.
    pub fn new<L: IntoIterator<Item = (u32, f64)>>(lists: impl IntoIterator<Item = L>) -> Self {
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for list in lists {
            entries.extend(list);
            starts.push(entries.len());
        }
        Self { starts, entries }
    }

    /// How many users have a list, an empty one perhaps.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The list of a user; `None` beyond the last.
    pub fn get(&self, user: u32) -> Option<&[(u32, f64)]> {
        let (from, to) = (
            *self.starts.get(user as usize)?,
            *self.starts.get(user as usize + 1)?,
        );
        Some(&self.entries[from..to])
    }

    /// What is wrong with the list of a user, if something is: an item that there is not, one that
    /// stands there twice, a score that is no finite number.
    pub fn fault(&self, user: u32, n_items: usize) -> Option<String> {
        let Some(list) = self.get(user) else {
            return Some("there is none".to_owned());
        };
        if let Some((item, _)) = list.iter().find(|(item, _)| *item as usize >= n_items) {
            return Some(format!("item number {item} of {n_items}"));
        }
        if let Some((item, score)) = list.iter().find(|(_, score)| !score.is_finite()) {
            return Some(format!(
                "the score of item number {item} is {score}, not a finite number"
            ));
        }
        let mut items: Vec<u32> = list.iter().map(|(item, _)| *item).collect();
        items.sort_unstable();
        let twice = items.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(format!("item number {} stands there twice", twice[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::ReadyLists;

    #[test]
    fn lists_are_those_of_their_users_and_faults_are_told() {
        let lists = ReadyLists::new([
            vec![(1, 2.0), (0, 3.0)],
            vec![],
            vec![(2, f64::NAN)],
            vec![(0, 1.0), (1, 1.0), (0, 2.0)],
        ]);
        assert_eq!(lists.len(), 4);
        assert_eq!(lists.get(0), Some(&[(1, 2.0), (0, 3.0)][..]));
        assert_eq!(lists.get(1), Some(&[][..]));
        assert_eq!(lists.get(4), None);
        let fault = |user, items| lists.fault(user, items);
        assert_eq!((fault(0, 2), fault(1, 2)), (None, None));
        for (user, items, words) in [
            (0, 1, "item number 1 of 1"),
            (2, 3, "NaN, not a finite number"),
            (3, 2, "item number 0 stands there twice"),
            (4, 2, "there is none"),
        ] {
            assert!(fault(user, items).unwrap().contains(words));
        }
    }
}
