//! How long a part will take from now on, from what its fits took so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use musicrec_api::Role;

use super::fits::Span;
use super::seconds;

/// How soon a guess at how many fits run at once is better than counting those that run now.
const SOON_SECONDS: f64 = 1.0;

/// What is asked about.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    pub(super) role: Role,
    /// The variants of the trials that nobody has begun, one entry a trial.
    pub(super) to_do: Vec<&'a str>,
    /// All fits that are known, whoever did them.
    pub(super) fits: &'a [Span],
    /// Those of the processes that work now.
    pub(super) mine: Vec<&'a Span>,
    pub(super) now: Timestamp,
}

/// Wall seconds until the part is through.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Left {
    /// `None` as long as nothing tells.
    pub(super) seconds: Option<f64>,
    /// The variants that are not in it, for none of their fits has ended yet.
    pub(super) unknown: BTreeSet<String>,
}

impl Ahead<'_> {
    /// `variant` of an id.
    pub(super) fn left<'n>(&self, variant: impl Fn(&str) -> Option<&'n str>) -> Left {
        let costs = self.costs(&variant);
        let cost_of = |name: &str| costs.get(name).copied();
        let mut left = Left::default();
        let (mut work, mut longest) = (0.0, 0.0_f64);
        let mut known = false;
        for name in &self.to_do {
            match cost_of(name) {
                Some(cost) => {
                    work += cost;
                    known = true;
                }
                None => drop(left.unknown.insert((*name).to_owned())),
            }
        }
        for span in self.running() {
            let name = span.trials.first().and_then(|id| variant(id));
            match name.and_then(cost_of) {
                Some(cost) => {
                    let rest = cost * span.trials.len() as f64 - span.seconds(self.now);
                    work += rest.max(0.0);
                    longest = longest.max(rest);
                    known = true;
                }
                None => left.unknown.extend(name.map(str::to_owned)),
            }
        }
        left.seconds = known.then(|| (work / self.at_once()).max(longest));
        left
    }

    fn running(&self) -> impl Iterator<Item = &&Span> {
        let running = self.mine.iter();
        running.filter(|span| span.over.is_none() && span.role == self.role)
    }

    /// Seconds of a trial by variant, the mean over the fits of this part that went well, else of the
    /// other part. What one fit serves shares its time.
    fn costs<'n>(&self, variant: &impl Fn(&str) -> Option<&'n str>) -> BTreeMap<&'n str, f64> {
        let mut costs = BTreeMap::new();
        for role in [Role::Validation, Role::Test] {
            let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
            for span in self.fits.iter().filter(|span| span.role == role) {
                if let Some((_, true)) = span.over
                    && let Some(name) = span.trials.first().and_then(|id| variant(id))
                {
                    let sum = sums.entry(name).or_default();
                    sum.0 += span.seconds(self.now);
                    sum.1 += span.trials.len();
                }
            }
            for (name, (seconds, trials)) in sums {
                let cost = seconds / trials.max(1) as f64;
                if role == self.role {
                    costs.insert(name, cost);
                } else {
                    costs.entry(name).or_insert(cost);
                }
            }
        }
        costs
    }

    /// How many fits run at once, as it was so far.
    fn at_once(&self) -> f64 {
        let mine = || self.mine.iter().filter(|span| span.role == self.role);
        let began = mine().map(|span| span.began).min();
        let wall = began.map_or(0.0, |began| seconds(began, self.now));
        let busy: f64 = mine().map(|span| span.seconds(self.now)).sum();
        if wall < SOON_SECONDS || busy <= 0.0 {
            return self.running().count().max(1) as f64;
        }
        (busy / wall).max(0.1)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use musicrec_api::Role;

    use super::{Ahead, Left, Span};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn span(trials: &[&str], role: Role, began: i64, over: Option<(i64, bool)>) -> Span {
        Span {
            unit: trials[0].to_owned(),
            role,
            trials: trials.iter().map(|&id| id.to_owned()).collect(),
            pid: 1,
            began: at(began),
            over: over.map(|(second, well)| (at(second), well)),
        }
    }

    /// Ids are their variant's letter and a number.
    fn variant(id: &str) -> Option<&'static str> {
        [("a", "als"), ("p", "popularity"), ("i", "item_knn")]
            .into_iter()
            .find(|(letter, _)| id.starts_with(letter))
            .map(|(_, name)| name)
    }

    fn left(fits: &[Span], role: Role, to_do: &[&'static str], now: i64) -> Left {
        let ahead = Ahead {
            role,
            to_do: to_do.to_vec(),
            fits,
            mine: fits.iter().collect(),
            now: at(now),
        };
        ahead.left(variant)
    }

    #[test]
    fn nothing_is_known_before_a_fit_has_ended() {
        let begun = [span(&["a1"], Role::Validation, 0, None)];
        let left = left(&begun, Role::Validation, &["als", "popularity"], 5);
        assert_eq!(left.seconds, None);
        assert_eq!(
            left.unknown.into_iter().collect::<Vec<_>>(),
            ["als", "popularity"]
        );
    }

    #[test]
    fn what_is_left_costs_what_its_variant_cost_so_far() {
        use Role::{Test, Validation};
        let fits = [
            // Two trials on the way of one fit share its time: 5 s each.
            span(&["a1", "a2"], Validation, 0, Some((10, true))),
            // What failed says nothing of what the next takes.
            span(&["a3"], Validation, 10, Some((11, false))),
            span(&["p1"], Validation, 11, Some((12, true))),
        ];
        // One at a time: 12 s of work in 12 s.
        let of = |to_do: &[&'static str]| left(&fits, Validation, to_do, 12);
        assert_eq!(of(&["als", "als", "popularity"]).seconds, Some(11.0));
        let some = of(&["als", "item_knn"]);
        assert_eq!(some.seconds, Some(5.0));
        assert_eq!(some.unknown.into_iter().collect::<Vec<_>>(), ["item_knn"]);
        // On test nothing has ended yet, so the other part tells; 4 s of 5 are gone.
        let running = [&fits[..], &[span(&["a9"], Test, 20, None)]].concat();
        let left = left(&running, Test, &["popularity"], 24);
        assert_eq!(left.seconds, Some(2.0));
    }

    #[test]
    fn two_at_once_take_half_as_long() {
        use Role::Validation;
        let fits = [
            span(&["a1"], Validation, 0, Some((10, true))),
            span(&["a2"], Validation, 0, Some((10, true))),
        ];
        let left = left(&fits, Validation, &["als"; 4], 10);
        assert_eq!(left.seconds, Some(20.0));
    }
}
