//! A random share of each user's events is foretold.

use musicrec_api::{
    CheckContext, Events, Fold, Problem, Result, Share, ShareOrZero, Splitter, derive_seed,
    register, rng,
};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{
    Parts, by_user, check_events, default_shares, round_share, too_large, train_share,
};

/// A random share of each user's events is foretold from the others; for logs without times.
///
/// Of a user's `n` events `round(test * n)` drawn at random are test, `round(validation * n)` of the
/// others validation, the rest train; halves are rounded up. At least one event of a user stays in
/// train: validation gives way first, then test, so a user with one event stays in train, and with
/// the default shares a user needs three events to be evaluated. The draw depends on the seed of the
/// experiment, the user's id and the order of the user's own events only: users that come or go change
/// nothing for the others.
///
/// Uses the future: a model learns from events that are later than those it foretells; the report
/// says so. Events are drawn, not items: a song heard twice may be heard in train and again in test.
///
/// ```toml
/// [splitter.random]
/// validation = 0.16    # shares of each user's events
/// test = 0.2
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    /// Share of a user's events for choosing settings, below 1; 0 for no validation part, which will
    /// do where there is nothing to choose. Default 0.16.
    pub validation: ShareOrZero,
    /// Share of a user's events for the final score, between 0 and 1. Default 0.2.
    pub test: Share,
}

impl Default for Random {
    fn default() -> Self {
        let (validation, test) = default_shares();
        Self { validation, test }
    }
}

#[typetag::serde(name = "random")]
impl Splitter for Random {
    fn split(&self, events: &Events, seed: u64) -> Result<Vec<Fold>> {
        train_share("random", self.validation, self.test)?;
        check_events("random", events)?;
        let mut parts = Parts::default();
        let mut most = 0;
        for (user, own) in events.users.iter().zip(by_user(events)) {
            let n = own.len();
            if n == 0 {
                continue;
            }
            most = most.max(n);
            let test = round_share(self.test.get(), n).min(n - 1);
            let validation = round_share(self.validation.get(), n).min(n - 1 - test);
            // Sorting by random keys is a shuffle that no version of a library can change.
            let mut draw = rng(derive_seed(seed, user));
            let mut keyed: Vec<(u64, u32)> = own
                .into_iter()
                .map(|event| (draw.next_u64(), event))
                .collect();
            keyed.sort_unstable();
            let mut shuffled = keyed.into_iter().map(|(_, event)| event);
            parts.test.extend(shuffled.by_ref().take(test));
            parts.validation.extend(shuffled.by_ref().take(validation));
            parts.train.extend(shuffled);
        }
        parts.folds("random", self.validation.get() > 0.0, |part| {
            format!(
                "no user has more than {most} events, too few for the share to come to one event \
                 beside one to learn from; raise `{part}`, or use `global_time` if the log has times"
            )
        })
    }

    fn uses_the_future(&self) -> bool {
        true
    }

    fn makes_validation(&self) -> Option<bool> {
        Some(self.validation.get() > 0.0)
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        too_large(self.validation, self.test).into_iter().collect()
    }
}

register!(Splitter, Random, "random", revision = 1);

#[cfg(test)]
mod tests {
    use super::Random;
    use crate::parts::tests::{parse, parts};
    use musicrec_api::{Events, Splitter};

    fn log(users: &[(&str, usize)]) -> Events {
        let items: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let pairs = users
            .iter()
            .flat_map(|&(user, n)| items[..n].iter().map(move |item| (user, item.as_str())));
        Events::from_pairs(pairs)
    }

    /// Sizes of train, validation and test for one user with `n` events beside one with many.
    fn sizes(json: &str, n: usize) -> [usize; 3] {
        let events = log(&[("u", n), ("v", 100)]);
        let splitter = parse(&format!(r#"{{"random": {json}}}"#));
        let (train, validation, test) = parts(&splitter.split(&events, 7).unwrap());
        [train, validation, test].map(|part| part.iter().filter(|&&e| (e as usize) < n).count())
    }

    #[test]
    fn shares_are_rounded_by_user_and_one_event_stays_in_train() {
        let expected = [
            (1, [1, 0, 0]),
            (2, [2, 0, 0]),
            (3, [2, 0, 1]),
            (4, [2, 1, 1]),
            (5, [3, 1, 1]),
            (10, [6, 2, 2]),
            (100, [64, 16, 20]),
        ];
        for (n, sizes_of_n) in expected {
            assert_eq!(sizes("{}", n), sizes_of_n, "{n}");
        }
        let greedy = r#"{"validation": 0.05, "test": 0.9}"#;
        assert_eq!(sizes(greedy, 2), [1, 0, 1]);
        assert_eq!(sizes(greedy, 1), [1, 0, 0]);
        assert_eq!(sizes(r#"{"validation": 0, "test": 0.5}"#, 3), [1, 0, 2]);
    }

    #[test]
    fn the_seed_and_the_users_id_decide_and_nothing_else() {
        let chosen = |users: &[(&str, usize)], who: &str, seed| {
            let events = log(users);
            let splitter = Random::default();
            let (_, _, test) = parts(&splitter.split(&events, seed).unwrap());
            let items = test
                .into_iter()
                .map(|e| e as usize)
                .filter(|&e| events.users.get(events.user[e]) == who)
                .map(|e| events.items.get(events.item[e]).to_owned());
            items.collect::<Vec<_>>()
        };
        let alone = chosen(&[("u", 50)], "u", 7);
        assert_eq!(alone.len(), 10);
        assert_eq!(alone, chosen(&[("a", 100), ("u", 50), ("z", 3)], "u", 7));
        assert_ne!(alone, chosen(&[("u", 50)], "u", 8));
        assert_ne!(alone, chosen(&[("w", 50)], "w", 7));
        // Recorded once: if this changes, so do the results of users, and the revision must be raised.
        let recorded = ["7", "8", "10", "11", "24", "32", "34", "39", "42", "48"];
        assert_eq!(alone, recorded);
    }

    #[test]
    fn every_event_is_drawn_equally_often() {
        let events = log(&[("u", 10)]);
        let mut drawn = [0u32; 10];
        for seed in 0..2000 {
            let (_, _, test) = parts(&Random::default().split(&events, seed).unwrap());
            for event in test {
                drawn[event as usize] += 1;
            }
        }
        // 400 expected each, standard deviation 17.9.
        assert!(drawn.iter().all(|&n| (320..480).contains(&n)), "{drawn:?}");
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_remedy() {
        let fault = |json: &str, events: &Events| {
            let splitter = parse(&format!(r#"{{"random": {json}}}"#));
            splitter.split(events, 7).unwrap_err().to_string()
        };
        let error = fault(r#"{"validation": 0.8, "test": 0.2}"#, &log(&[("u", 9)]));
        assert!(error.contains("together they must be below 1"), "{error}");
        let error = fault("{}", &log(&[("u", 3), ("v", 1)]));
        assert!(error.contains("validation part would be empty"), "{error}");
        assert!(error.contains("more than 3 events"), "{error}");
        assert!(fault("{}", &Events::default()).contains("no event"));
    }
}
