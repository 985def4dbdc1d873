//! Random lists: which of a user's candidates stand on their places.

use rand::{Rng, RngExt as _};
use rustc_hash::FxHashMap;

/// Draws the first places of a random order of `candidates` numbers.
pub(super) fn places(
    random: &mut impl Rng,
    candidates: usize,
    depth: usize,
    drawn: &mut Vec<usize>,
) {
    drawn.clear();
    let places = depth.min(candidates);
    if places * 3 > candidates {
        // Most numbers are drawn, so drawing again on a repeat would go on for long.
        drawn.extend(0..candidates);
        for place in 0..places {
            drawn.swap(place, random.random_range(place..candidates));
        }
        drawn.truncate(places);
        return;
    }
    for _ in 0..places {
        // Lists are short, so drawing again on a repeat is cheaper than a shuffle.
        let item = loop {
            let item = random.random_range(0..candidates);
            if !drawn.contains(&item) {
                break item;
            }
        };
        drawn.push(item);
    }
}

/// A random order of numbers, of which only as many are made as are asked for.
pub(super) struct Order {
    numbers: usize,
    /// How many were asked for.
    asked: usize,
    /// What stands on a place instead of its own number.
    moved: FxHashMap<usize, usize>,
}

impl Order {
    pub(super) fn new(numbers: usize) -> Self {
        Self {
            numbers,
            asked: 0,
            moved: FxHashMap::default(),
        }
    }

    /// The next number; `None` when all have been.
    pub(super) fn next(&mut self, random: &mut impl Rng) -> Option<usize> {
        if self.asked == self.numbers {
            return None;
        }
        let place = self.asked;
        self.asked += 1;
        let from = random.random_range(place..self.numbers);
        let own = self.moved.remove(&place).unwrap_or(place);
        if from == place {
            return Some(own);
        }
        Some(self.moved.insert(from, own).unwrap_or(from))
    }
}

/// The items behind the numbers that are drawn for a user: first the targets that can be listed, then all
/// others that can, in ascending order. So hits are drawn alike whether or not a metric reads items.
pub(super) struct Others<'a> {
    targets: &'a [(u32, f64)],
    /// Targets and masked items, ascending, by their places among those that are shown at all.
    not: Vec<u32>,
    /// The items that are shown at all, ascending; `None` if all are.
    shown: Option<&'a [u32]>,
}

impl<'a> Others<'a> {
    /// For a user with these targets and masked items, both ascending and without a common one.
    pub(super) fn new(targets: &'a [(u32, f64)], masked: &[u32], shown: Option<&'a [u32]>) -> Self {
        let mut not: Vec<u32> = targets.iter().map(|t| t.0).collect();
        not.extend(masked);
        not.sort_unstable();
        if let Some(shown) = shown {
            for item in &mut not {
                *item = shown.partition_point(|other| other < item) as u32;
            }
        }
        Self {
            targets,
            not,
            shown,
        }
    }

    /// The item behind a number.
    pub(super) fn item(&self, number: usize) -> u32 {
        if let Some((item, _)) = self.targets.get(number) {
            return *item;
        }
        let other = (number - self.targets.len()) as u32;
        // Of the items up to the one meant, so many are left out.
        let (mut low, mut high) = (0, self.not.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.not[middle] - middle as u32 <= other {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let place = other + low as u32;
        self.shown.map_or(place, |shown| shown[place as usize])
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::rng;

    use super::{Order, Others, places};

    #[test]
    fn each_candidate_has_one_number() {
        let targets = [(2, 1.0), (7, 3.0)];
        let others = Others::new(&targets, &[0, 1, 5, 8], None);
        let items: Vec<u32> = (0..6).map(|number| others.item(number)).collect();
        assert_eq!(items, [2, 7, 3, 4, 6, 9]);
        let all = Others::new(&[], &[], None);
        assert_eq!([0, 5].map(|number| all.item(number)), [0, 5]);
        // Where 4 and 6 are shown to nobody.
        let shown = [0, 1, 2, 3, 5, 7, 8, 9];
        let others = Others::new(&targets, &[0, 1, 5, 8], Some(&shown));
        let items: Vec<u32> = (0..4).map(|number| others.item(number)).collect();
        assert_eq!(items, [2, 7, 3, 9]);
    }

    #[test]
    fn an_order_has_each_number_once_and_all_orders_are_equally_frequent() {
        let mut random = rng(2);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..12_000 {
            let mut order = Order::new(4);
            let all: Vec<usize> = std::iter::from_fn(|| order.next(&mut random)).collect();
            *counts.entry(all).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        for (order, count) in counts {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            // Five standard deviations of 500.
            assert!((i32::abs(count - 500)) < 112, "{order:?}: {count}");
        }
    }

    #[test]
    fn every_number_is_equally_frequent_on_every_place() {
        let mut random = rng(1);
        // Of many candidates, and of few, which are shuffled.
        for (candidates, depth) in [(12, 3), (4, 3), (3, 5), (1, 3), (0, 3)] {
            let mut counts = vec![vec![0; candidates]; depth.min(candidates)];
            let mut drawn = Vec::new();
            for _ in 0..12_000 {
                places(&mut random, candidates, depth, &mut drawn);
                assert_eq!(drawn.len(), depth.min(candidates));
                for (place, number) in drawn.iter().enumerate() {
                    assert!(!drawn[..place].contains(number));
                    counts[place][*number] += 1;
                }
            }
            for count in counts.iter().flatten() {
                let expected = 12_000.0 / candidates as f64;
                // Five standard deviations.
                assert!((f64::from(*count) - expected).abs() < 5.0 * expected.sqrt() + 1.0);
            }
        }
    }
}
