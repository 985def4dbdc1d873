//! Users are held out whole: part of their history is given, the rest foretold.

use musicrec_api::{
    CheckContext, Error, Events, Fold, Problem, Result, Role, Share, ShareOrZero, Splitter,
    derive_seed, register, rng, time_text,
};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{
    by_user, check_events, check_times, default_shares, floor_share, round_share, too_large,
    train_share,
};

/// Strong generalization: some users are held out whole. Models learn from the others only, are then
/// told of part of a held-out user's history, and foretell the rest of it. It asks what a model can do
/// for people who came after it was fitted, without fitting it anew, so only models that can answer for
/// such people (by `Recommender::fold_in`) can be tried: `als`,
/// `popularity`, `random`.
///
/// Formula: users are put in an order drawn by the seed of the experiment and their ids; the first
/// `round(test * users)` are held out for test, the next `round(validation * users)` for validation,
/// halves rounded up. Of a held-out user's `n` events in the order of time (equal times in the order of
/// the log; drawn by lot where the log has no times) the first `round(given * n)` are given, but at
/// least one and not all. A user with one event cannot be held out and is always learned from. For
/// validation models learn from the train users; for test from them and the validation users (with
/// `refit = false` from the train users only).
///
/// By default this uses the future, and the report says so: what the other users did later than a
/// held-out user's targets is learned from. With `cut = "time"` it does not: with the events in the
/// order of time, `T` is the time of the event at index `floor(given * n)` of all `n`, and `V` that at
/// `floor(given * m)` of the `m` events before `T`. For test models learn from what the other users did
/// before `T`, are told what the held-out users did before `T`, and foretell what those do from `T` on;
/// for validation the same with `V`, up to before `T`. Then any user can be held out, but only
/// those can be asked who have events on both sides. The log must have times.
///
/// Source: Marlin, "Collaborative Filtering: A Machine Learning Perspective", 2004; Liang et al.,
/// "Variational Autoencoders for Collaborative Filtering", WWW 2018 (arXiv 1802.05814).
///
/// ```toml
/// [splitter.held_out_users]
/// validation = 0.16    # shares of the users
/// test = 0.2
/// given = 0.8          # share of a held-out user's history
/// ```
///
/// ```toml
/// [splitter.held_out_users]
/// cut = "time"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeldOutUsers {
    /// Share of the users who are held out for choosing settings, below 1; 0 for none, which will do
    /// where there is nothing to choose. Default 0.16.
    pub validation: ShareOrZero,
    /// Share of the users who are held out for the final score, between 0 and 1. Default 0.2.
    pub test: Share,
    /// Share of a held-out user's history that models are told, between 0 and 1; with `cut = "time"`
    /// the share of the log before the cut. Default 0.8.
    pub given: Share,
    /// Where a held-out user's history is cut. Default `user`.
    pub cut: Cut,
}

/// Where the history of a held-out user is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Cut {
    /// Each user's own history at the share `given` of it.
    #[default]
    User,
    /// All histories at one time, before which all that is learned from lies.
    Time,
}

impl Default for HeldOutUsers {
    fn default() -> Self {
        let (validation, test) = default_shares();
        Self {
            validation,
            test,
            given: Share::new(0.8).expect("0.8 is a share"),
            cut: Cut::User,
        }
    }
}

/// What a user is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Train,
    HeldOut(Role),
}

impl HeldOutUsers {
    /// What each user is for. Only users of enough events may be held out.
    fn roles(&self, events: &Events, of_user: &[Vec<u32>], seed: u64) -> Result<Vec<For>> {
        let fewest = match self.cut {
            Cut::User => 2,
            Cut::Time => 1,
        };
        let seed = derive_seed(seed, "users held out");
        let mut lots: Vec<(u64, usize)> = events
            .users
            .iter()
            .enumerate()
            .filter(|(user, _)| of_user[*user].len() >= fewest)
            .map(|(user, id)| (derive_seed(seed, id), user))
            .collect();
        lots.sort_unstable();
        let users = of_user.iter().filter(|own| !own.is_empty()).count();
        let test = round_share(self.test.get(), users);
        let validation = round_share(self.validation.get(), users);
        for (part, held, share) in [
            ("test", test, self.test.get()),
            ("validation", validation, self.validation.get()),
        ] {
            if held == 0 && share > 0.0 {
                return Err(Error::data(format!(
                    "held_out_users: no user would be held out for {part}: `{part} = {share}` of \
                     {users} users comes to none; raise `{part}`"
                )));
            }
        }
        // Somebody must be left to learn from.
        if test + validation > lots.len() || test + validation >= users {
            return Err(Error::data(format!(
                "held_out_users: {} users cannot be held out: there are {users}, of whom {} have \
                 {fewest} events or more; lower `test` or `validation`",
                test + validation,
                lots.len()
            )));
        }
        let mut roles = vec![For::Train; of_user.len()];
        for (place, (_, user)) in lots.into_iter().enumerate() {
            if place < test {
                roles[user] = For::HeldOut(Role::Test);
            } else if place < test + validation {
                roles[user] = For::HeldOut(Role::Validation);
            }
        }
        Ok(roles)
    }

    /// Each held-out user's history cut at a share of it.
    fn by_user(&self, events: &Events, of_user: Vec<Vec<u32>>, roles: &[For], seed: u64) -> Held {
        let mut held = Held::default();
        for ((user, mut own), &role) in (0..).zip(of_user).zip(roles) {
            let For::HeldOut(role) = role else {
                held.train.extend(own);
                continue;
            };
            if events.time.is_empty() {
                // Sorting by random keys is a shuffle that no version of a library can change.
                let mut draw = rng(derive_seed(seed, events.users.get(user)));
                own.sort_by_cached_key(|_| draw.next_u64());
            } else {
                // Stable: equal times keep the order of the log.
                own.sort_by_key(|&event| events.time.at(event as usize));
            }
            let given = round_share(self.given.get(), own.len()).clamp(1, own.len() - 1);
            let targets = own.split_off(given);
            let part = held.part(role);
            part.0.extend(own);
            part.1.extend(targets);
        }
        held
    }

    /// All histories cut at one time for each role.
    fn by_time(&self, events: &Events, of_user: &[Vec<u32>], roles: &[For]) -> Result<Vec<Fold>> {
        let mut times = events.time.to_vec();
        times.sort_unstable();
        let given = self.given.get();
        let test_from = times[floor_share(given, times.len())];
        let before = times.partition_point(|&t| t < test_from);
        let mut cuts = vec![(Role::Test, test_from, None)];
        if self.validation.get() > 0.0 {
            let index = floor_share(given, before);
            cuts.insert(0, (Role::Validation, times[index], Some(test_from)));
        }
        let mut folds = Vec::new();
        for (role, from, until) in cuts {
            let (mut fit, mut history, mut targets) = (Vec::new(), Vec::new(), Vec::new());
            for (own, &of) in of_user.iter().zip(roles) {
                let held = of == For::HeldOut(role);
                // Those who are held out for test are unknown before it.
                let learned = of == For::Train
                    || (role == Role::Test && of == For::HeldOut(Role::Validation));
                for &event in own {
                    let time = events.time.at(event as usize);
                    if time < from && learned {
                        fit.push(event);
                    } else if time < from && held {
                        history.push(event);
                    } else if held && time >= from && until.is_none_or(|until| time < until) {
                        targets.push(event);
                    }
                }
            }
            for (part, list) in [("fit", &fit), ("given", &history), ("evaluated", &targets)] {
                if list.is_empty() {
                    return Err(Error::data(format!(
                        "held_out_users: the {part} part for {} would be empty: the cut falls on {}; \
                         try another share `given`, or hold out more users",
                        role.name(),
                        time_text(from),
                    )));
                }
            }
            folds.push(Fold::new(role, fit, targets).with_given(history));
        }
        Ok(folds)
    }
}

/// The events of train users, and what is given and asked of those held out.
#[derive(Debug, Default)]
struct Held {
    train: Vec<u32>,
    validation: (Vec<u32>, Vec<u32>),
    test: (Vec<u32>, Vec<u32>),
}

impl Held {
    fn part(&mut self, role: Role) -> &mut (Vec<u32>, Vec<u32>) {
        match role {
            Role::Validation => &mut self.validation,
            Role::Test => &mut self.test,
        }
    }

    /// Models learn from the validation users too before the test.
    fn folds(self) -> Vec<Fold> {
        let mut folds = Vec::new();
        let (given, targets) = self.validation;
        let fit = [&self.train[..], &given, &targets].concat();
        if !targets.is_empty() {
            folds.push(Fold::new(Role::Validation, self.train, targets).with_given(given));
        }
        folds.push(Fold::new(Role::Test, fit, self.test.1).with_given(self.test.0));
        folds
    }
}

#[typetag::serde(name = "held_out_users")]
impl Splitter for HeldOutUsers {
    fn split(&self, events: &Events, seed: u64) -> Result<Vec<Fold>> {
        train_share("held_out_users", self.validation, self.test)?;
        match self.cut {
            Cut::User => check_events("held_out_users", events)?,
            Cut::Time => check_times("held_out_users", events)?,
        }
        let of_user = by_user(events);
        let roles = self.roles(events, &of_user, seed)?;
        match self.cut {
            Cut::User => Ok(self.by_user(events, of_user, &roles, seed).folds()),
            Cut::Time => self.by_time(events, &of_user, &roles),
        }
    }

    fn uses_the_future(&self) -> bool {
        self.cut == Cut::User
    }

    fn makes_validation(&self) -> Option<bool> {
        Some(self.validation.get() > 0.0)
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        too_large(self.validation, self.test).into_iter().collect()
    }
}

register!(Splitter, HeldOutUsers, "held_out_users", revision = 1);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::parts::tests::{parse, timed};
    use musicrec_api::{Events, Fold, Role, Series};

    /// Ten users of five events each, user after user; times go round the users.
    fn log() -> Events {
        let ids: Vec<String> = (0..10).map(|u| format!("u{u}")).collect();
        let cells: Vec<(&str, i64)> = (0..50)
            .map(|at| (ids[at / 5].as_str(), (at % 5 * 10 + at / 5) as i64))
            .collect();
        timed(&cells)
    }

    fn split(json: &str, events: &Events, seed: u64) -> Vec<Fold> {
        let splitter = parse(&format!(r#"{{"held_out_users": {json}}}"#));
        splitter.split(events, seed).unwrap()
    }

    fn users<'a>(events: &'a Events, of: &[u32]) -> BTreeSet<&'a str> {
        of.iter()
            .map(|&e| events.users.get(events.user[e as usize]))
            .collect()
    }

    fn times(events: &Events, of: &[u32]) -> Vec<i64> {
        of.iter().map(|&e| events.time.at(e as usize)).collect()
    }

    #[test]
    fn users_are_held_out_whole_and_the_first_of_their_events_given() {
        let events = log();
        let folds = split(
            r#"{"validation": 0.2, "test": 0.3, "given": 0.6}"#,
            &events,
            7,
        );
        let [validation, test] = &folds[..] else {
            panic!("two folds")
        };
        assert_eq!((validation.role, test.role), (Role::Validation, Role::Test));
        for (fold, held, learned) in [(validation, 2, 5), (test, 3, 7)] {
            let given = users(&events, &fold.given);
            assert_eq!(given, users(&events, &fold.targets));
            assert_eq!(given.len(), held);
            let fit = users(&events, &fold.fit);
            assert_eq!(fit.len(), learned);
            assert!(fit.is_disjoint(&given));
            assert_eq!(fold.fit.len(), 5 * learned);
            // Three of five are given: those of the tens 0, 1, 2.
            assert!(times(&events, &fold.given).iter().all(|&t| t < 30));
            assert!(times(&events, &fold.targets).iter().all(|&t| t >= 30));
            assert_eq!((fold.given.len(), fold.targets.len()), (3 * held, 2 * held));
        }
        let validated = users(&events, &validation.given);
        assert!(validated.is_subset(&users(&events, &test.fit)));
    }

    #[test]
    fn seed_and_ids_decide_who_is_held_out() {
        let events = log();
        let held = |seed| {
            let folds = split("{}", &events, seed);
            users(&events, &folds[1].given)
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(held(7), held(7));
        assert!((1..20).any(|seed| held(seed) != held(7)));
        // Recorded once: if this changes, so do the results of users, and the revision must be raised.
        assert_eq!(held(7), ["u1", "u7"]);
    }

    #[test]
    fn one_event_is_too_few_to_be_held_out_and_nobody_gives_all() {
        let cells = [
            ("a", 1),
            ("b", 2),
            ("b", 3),
            ("c", 4),
            ("c", 5),
            ("c", 6),
            ("d", 7),
        ];
        let events = timed(&cells);
        for seed in 0..20 {
            let folds = split(
                r#"{"validation": 0.25, "test": 0.25, "given": 0.99}"#,
                &events,
                seed,
            );
            for fold in &folds {
                assert_eq!(fold.targets.len(), 1);
                assert!(fold.targets == [2] || fold.targets == [5]);
            }
        }
    }

    #[test]
    fn without_times_lots_decide_what_is_given() {
        let mut events = log();
        events.time = Series::default();
        let one = split(r#"{"given": 0.4}"#, &events, 7);
        assert_eq!(one, split(r#"{"given": 0.4}"#, &events, 7));
        let test = &one[1];
        assert_eq!((test.given.len(), test.targets.len()), (4, 6));
        // Not the first two of both users.
        assert!(test.given.iter().any(|e| e % 5 > 1));
    }

    #[test]
    fn a_cut_in_time_uses_no_future() {
        let events = log();
        let json = r#"{"validation": 0.2, "test": 0.3, "given": 0.6, "cut": "time"}"#;
        let folds = split(json, &events, 7);
        let [validation, test] = &folds[..] else {
            panic!("two folds")
        };
        // T is the time of event 30 of 50, that is 30; V of event 18 of 30.
        let (t, v) = (30, 18);
        assert!(times(&events, &test.fit).iter().all(|&time| time < t));
        assert!(times(&events, &test.given).iter().all(|&time| time < t));
        assert!(times(&events, &test.targets).iter().all(|&time| time >= t));
        assert_eq!(test.fit.len(), 7 * 3);
        assert_eq!((test.given.len(), test.targets.len()), (3 * 3, 3 * 2));
        assert!(times(&events, &validation.fit).iter().all(|&time| time < v));
        assert!(
            times(&events, &validation.given)
                .iter()
                .all(|&time| time < v)
        );
        let asked = times(&events, &validation.targets);
        assert!(asked.iter().all(|time| (v..t).contains(time)));
        // The same users as without.
        let folds = split(r#"{"validation": 0.2, "test": 0.3}"#, &events, 7);
        assert_eq!(users(&events, &folds[1].given), users(&events, &test.given));
        assert!(folds[1].targets != test.targets);
        let future = |cut| parse(&format!(r#"{{"held_out_users": {{"cut": "{cut}"}}}}"#));
        assert!(!future("time").uses_the_future());
        assert!(future("user").uses_the_future());
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_remedy() {
        let fault = |json: &str, events: &Events| {
            let splitter = parse(&format!(r#"{{"held_out_users": {json}}}"#));
            splitter.split(events, 7).unwrap_err().to_string()
        };
        let few = timed(&[("a", 1), ("a", 2), ("b", 3)]);
        let error = fault("{}", &few);
        assert!(error.contains("`test = 0.2` of 2 users"), "{error}");
        let error = fault(r#"{"test": 0.5, "validation": 0.49}"#, &few);
        assert!(error.contains("of whom 1 have 2 events"), "{error}");
        let error = fault(r#"{"cut": "time"}"#, &Events::from_pairs([("u", "a")]));
        assert!(error.contains("no times"), "{error}");
        let mut at_once = log();
        at_once.time = vec![5; 50].into();
        let error = fault(r#"{"cut": "time", "validation": 0}"#, &at_once);
        assert!(
            error.contains("the fit part for test would be empty"),
            "{error}"
        );
    }
}
