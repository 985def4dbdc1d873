//! Random lists: which of a user's candidates stand on their places.

use rand::{Rng, RngExt as _};

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

/// The items behind the numbers that are drawn for a user: first the targets that can be listed, then all
/// others that can, in ascending order. So hits are drawn alike whether or not a metric reads items.
pub(super) struct Others<'a> {
    targets: &'a [(u32, f64)],
    /// Targets and masked items, ascending.
    not: Vec<u32>,
}

impl<'a> Others<'a> {
    /// For a user with these targets and masked items, both ascending and without a common one.
    pub(super) fn new(targets: &'a [(u32, f64)], masked: &[u32]) -> Self {
        let mut not: Vec<u32> = targets.iter().map(|t| t.0).collect();
        not.extend(masked);
        not.sort_unstable();
        Self { targets, not }
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
        other + low as u32
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::rng;

    use super::{Others, places};

    #[test]
    fn each_candidate_has_one_number() {
        let targets = [(2, 1.0), (7, 3.0)];
        let others = Others::new(&targets, &[0, 1, 5, 8]);
        let items: Vec<u32> = (0..6).map(|number| others.item(number)).collect();
        assert_eq!(items, [2, 7, 3, 4, 6, 9]);
        let all = Others::new(&[], &[]);
        assert_eq!([0, 5].map(|number| all.item(number)), [0, 5]);
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
