//! How popular items are in the fit part.

use musicrec_api::Events;

/// How many users heard each item.
#[derive(Debug)]
pub(crate) struct Popular {
    /// By item.
    pub(crate) heard_by: Vec<u32>,
    /// How many users there are.
    pub(crate) users: usize,
}

impl Popular {
    pub(crate) fn of(fit: &Events) -> Self {
        let mut pairs: Vec<(u32, u32)> = fit
            .item
            .iter()
            .copied()
            .zip(fit.user.iter().copied())
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut heard_by = vec![0; fit.items.len()];
        for (item, _) in &pairs {
            heard_by[*item as usize] += 1;
        }
        Self {
            heard_by,
            users: fit.users.len(),
        }
    }

    /// The share of users who heard an item.
    pub(crate) fn share(&self, item: u32) -> f64 {
        f64::from(self.heard_by[item as usize]) / self.users as f64
    }

    /// All items, those heard by most users first, among equals the smaller number.
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.heard_by.len() as u32).collect();
        order.sort_by_key(|&item| (std::cmp::Reverse(self.heard_by[item as usize]), item));
        order
    }
}

/// The mean over the first `k` listed items, 0 for an empty list.
pub(crate) fn mean_over(list: &[u32], k: usize, of: impl Fn(u32) -> f64) -> f64 {
    let listed = &list[..k.min(list.len())];
    if listed.is_empty() {
        return 0.0;
    }
    listed.iter().map(|&item| of(item)).sum::<f64>() / listed.len() as f64
}

#[cfg(test)]
mod tests {
    use super::Popular;
    use crate::golden::four_items;

    #[test]
    fn a_user_counts_once_however_often_they_heard_an_item() {
        let popular = Popular::of(&four_items());
        assert_eq!(
            (&popular.heard_by[..], popular.users),
            (&[4, 2, 1, 1][..], 4)
        );
        assert_eq!(popular.share(1), 0.5);
        assert_eq!(popular.order(), [0, 1, 2, 3]);
    }
}
