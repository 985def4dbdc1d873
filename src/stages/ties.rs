//! Tie-averaging (`McSherry` and Najork, ECIR 2008): what a metric of hits gives on average if items of equal
//! score stand in random order, those included that the cut of the list left out.
//!
//! A group of equal scores holds so many targets of each gain and so many misses, and so many places of
//! the list. What matters is which gain stands on which place. Where there are at most [`MOST`] such
//! arrangements, the expectation is exact; else it is the mean of [`DRAWS`] arrangements, drawn from a
//! seed of the user's id alone, so that all models draw the same.

use musicrec_api::{Result, derive_seed, rng};
use rand::RngExt as _;

/// More arrangements than this are not enumerated.
const MOST: f64 = 4096.0;
/// How many are drawn then.
const DRAWS: usize = 1000;

/// The rest of a group of equal scores that the end of a list cut through.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cut {
    /// How many of its items are behind the end.
    pub(crate) items: usize,
    /// The gains of the targets among them.
    pub(crate) gains: Vec<f64>,
}

/// Whether the gains on the first `depth` places of a list are the same in whatever order items of equal score
/// stand: nearly always, so it is worth looking before [`Orders`] are made.
pub(crate) fn one_order(list: &[(u32, f64)], gains: &[f64], cut: &Cut, depth: usize) -> bool {
    let mut start = 0;
    for group in list.chunk_by(|a, b| a.1 == b.1) {
        if start >= depth {
            break;
        }
        let end = start + group.len();
        let behind = end == list.len() && cut.items > 0;
        let gain = gains[start];
        let alike = gains[start..end].iter().all(|other| *other == gain);
        let behind_alike = || match cut.gains.as_slice() {
            [] => gain == 0.0,
            some => some.len() == cut.items && some.iter().all(|other| *other == gain),
        };
        if !alike || (behind && !behind_alike()) {
            return false;
        }
        start = end;
    }
    true
}

/// The orders that the head of a list may have, its scores being what they are.
#[derive(Debug)]
pub(crate) struct Orders {
    groups: Vec<Group>,
    places: usize,
}

/// Items of one score.
#[derive(Debug, Clone)]
struct Group {
    /// How many of the places looked at they share.
    places: usize,
    /// Distinct gains and how many items have them.
    gains: Vec<(f64, usize)>,
}

impl Group {
    fn new(places: usize, listed: &[f64], cut: &Cut) -> Self {
        let mut gains: Vec<f64> = listed.iter().chain(&cut.gains).copied().collect();
        gains.sort_by(|a, b| b.total_cmp(a));
        let mut kinds: Vec<(f64, usize)> = Vec::new();
        let mut add = |gain: f64, items: usize| match kinds.last_mut() {
            Some(last) if last.0 == gain => last.1 += items,
            _ if items > 0 => kinds.push((gain, items)),
            _ => {}
        };
        for &gain in &gains {
            add(gain, 1);
        }
        add(0.0, cut.items - cut.gains.len());
        let gains = kinds;
        Self { places, gains }
    }

    fn items(&self) -> usize {
        self.gains.iter().map(|kind| kind.1).sum()
    }

    /// In how many ways gains can stand on the places.
    fn arrangements(&self) -> f64 {
        if let [_] = self.gains.as_slice() {
            return 1.0;
        }
        // How many sequences of each length the kinds so far make.
        let mut ways = vec![0.0; self.places + 1];
        ways[0] = 1.0;
        for &(_, items) in &self.gains {
            let mut next = vec![0.0; self.places + 1];
            for (length, so_far) in ways.iter().enumerate() {
                let mut choose = 1.0;
                for more in 0..=items.min(self.places - length) {
                    if more > 0 {
                        choose *= (length + more) as f64 / more as f64;
                    }
                    next[length + more] += so_far * choose;
                }
            }
            ways = next;
        }
        ways[self.places]
    }
}

impl Orders {
    /// Of a list of items and scores with their gains, and what its end cut off, down to `depth`.
    pub(crate) fn of(list: &[(u32, f64)], gains: &[f64], cut: &Cut, depth: usize) -> Self {
        let places = depth.min(list.len());
        let mut groups = Vec::new();
        let mut start = 0;
        for group in list.chunk_by(|a, b| a.1 == b.1) {
            if start >= places {
                break;
            }
            let end = start + group.len();
            let none = Cut::default();
            let behind = if end == list.len() { cut } else { &none };
            groups.push(Group::new(
                end.min(places) - start,
                &gains[start..end],
                behind,
            ));
            start = end;
        }
        Self { groups, places }
    }

    /// The expectation of a value of the gains on the places; `name` is the user's.
    pub(crate) fn expectation(
        mut self,
        name: &str,
        mut value: impl FnMut(&[f64]) -> Result<f64>,
    ) -> Result<f64> {
        let arrangements: f64 = self.groups.iter().map(Group::arrangements).product();
        let mut gains = Vec::with_capacity(self.places);
        let mut sum = 0.0;
        if arrangements <= MOST {
            let mut visit = |gains: &[f64], probability: f64| {
                sum += probability * value(gains)?;
                Ok(())
            };
            walk(&mut self.groups, (0, 0), &mut gains, 1.0, &mut visit)?;
            return Ok(sum);
        }
        let mut random = rng(derive_seed(0, &format!("ties of {name}")));
        for _ in 0..DRAWS {
            gains.clear();
            for mut group in self.groups.iter().cloned() {
                let items = group.items();
                for place in 0..group.places {
                    let mut at = random.random_range(0..items - place);
                    for (gain, left) in &mut group.gains {
                        if at < *left {
                            *left -= 1;
                            gains.push(*gain);
                            break;
                        }
                        at -= *left;
                    }
                }
            }
            sum += value(&gains)?;
        }
        Ok(sum / DRAWS as f64)
    }
}

/// Visits every arrangement of the groups with its probability, from a place of a group on.
fn walk(
    groups: &mut [Group],
    (group, place): (usize, usize),
    gains: &mut Vec<f64>,
    probability: f64,
    visit: &mut dyn FnMut(&[f64], f64) -> Result<()>,
) -> Result<()> {
    if group == groups.len() {
        return visit(gains, probability);
    }
    if place == groups[group].places {
        return walk(groups, (group + 1, 0), gains, probability, visit);
    }
    let left = groups[group].items() as f64;
    for kind in 0..groups[group].gains.len() {
        let (gain, items) = groups[group].gains[kind];
        if items == 0 {
            continue;
        }
        groups[group].gains[kind].1 -= 1;
        gains.push(gain);
        let here = probability * (items as f64 / left);
        walk(groups, (group, place + 1), gains, here, visit)?;
        gains.pop();
        groups[group].gains[kind].1 += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Cut, DRAWS, MOST, Orders};

    fn listed(scores: &[f64]) -> Vec<(u32, f64)> {
        (0..).zip(scores.iter().copied()).collect()
    }

    /// The share of orders in which the first place holds a target, and how often it was asked.
    fn first_hits(orders: Orders) -> (f64, usize) {
        let mut asked = 0;
        let value = |gains: &[f64]| {
            asked += 1;
            Ok(f64::from(gains[0] > 0.0))
        };
        (orders.expectation("ann", value).unwrap(), asked)
    }

    #[test]
    fn without_ties_there_is_one_order() {
        let list = listed(&[3.0, 2.0, 1.0]);
        let orders = Orders::of(&list, &[0.0, 1.0, 0.0], &Cut::default(), 3);
        assert_eq!(first_hits(orders), (0.0, 1));
        // Nor where equal scores are equally good.
        let list = listed(&[3.0, 3.0, 1.0]);
        let orders = Orders::of(&list, &[2.0, 2.0, 0.0], &Cut::default(), 3);
        assert_eq!(first_hits(orders), (1.0, 1));
        let orders = Orders::of(&[], &[], &Cut::default(), 3);
        let places = orders.expectation("ann", |gains| Ok(gains.len() as f64));
        assert_eq!(places.unwrap(), 0.0);
    }

    #[test]
    fn what_the_cut_left_out_shares_the_places() {
        let list = listed(&[2.0, 1.0, 1.0]);
        let cut = Cut {
            items: 2,
            gains: vec![5.0],
        };
        // Places 2 and 3 of one target and three misses: two of twelve orders have it on each.
        let mut of_place = [0.0; 3];
        for (place, share) in of_place.iter_mut().enumerate() {
            let orders = Orders::of(&list, &[1.0, 0.0, 0.0], &cut, 3);
            let value = |gains: &[f64]| Ok(gains[place]);
            *share = orders.expectation("ann", value).unwrap();
        }
        assert_eq!(of_place, [1.0, 1.25, 1.25]);
        // A metric that looks at the first place only has no tie.
        let orders = Orders::of(&list, &[1.0, 0.0, 0.0], &cut, 1);
        assert_eq!(first_hits(orders), (1.0, 1));
    }

    #[test]
    fn few_arrangements_are_enumerated_and_many_are_drawn() {
        let (list, gains) = (listed(&[1.0; 10]), [1.0; 10]);
        let cut = |items| Cut {
            items,
            gains: Vec::new(),
        };
        // Ten hits and two misses on ten places: at most 2 misses shown.
        let few = Orders::of(&list, &gains, &cut(2), 10);
        assert_eq!(few.groups[0].arrangements(), 1.0 + 10.0 + 45.0);
        let (share, asked) = first_hits(few);
        assert_eq!(asked, 56);
        assert!((share - 10.0 / 12.0).abs() < 1e-12, "{share}");
        let (list, gains) = (listed(&[1.0; 30]), [1.0; 30]);
        let many = Orders::of(&list, &gains, &cut(30), 30);
        assert!(many.groups[0].arrangements() > MOST);
        let (share, asked) = first_hits(many);
        assert_eq!(asked, DRAWS);
        // Standard error of a half: .016.
        assert!((share - 0.5).abs() < 0.08, "{share}");
        let again = Orders::of(&list, &gains, &cut(30), 30);
        assert_eq!(first_hits(again).0, share);
    }
}
