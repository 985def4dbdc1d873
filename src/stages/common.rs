//! What all alternatives of the cleaners ask. Only what each of them makes a target can be compared:
//! otherwise rows of one leaderboard would answer different questions.

use musicrec_api::{Error, Result};
use rustc_hash::FxHashMap;

use super::fold::{FoldData, not_before};

/// Restricts the folds of one role, one for each alternative of the cleaners, to the targets that
/// they have in common. Users and items are the same if their ids are. A target is worth what the
/// alternative that thinks least of it says, so that it is worth the same under all.
///
/// `labels` name the alternatives.
///
/// # Errors
/// If an alternative would lose more than half of its users or of its targets.
pub(crate) fn restrict(labels: &[&str], folds: &mut [&mut FoldData]) -> Result<()> {
    if folds.len() < 2 {
        return Ok(());
    }
    let began = folds.iter().filter_map(|f| f.summary.evaluated.from).min();
    for fold in folds.iter_mut() {
        fold.summary.ahead = began.map_or(0, |began| not_before(&fold.fit, began));
    }
    let codes = Codes::of(folds);
    let common = codes.common(folds);
    refuse_apart(labels, folds, &codes, &common)?;
    for fold in folds {
        fold.keep(|user, item| common.get(&codes.pair(user, item)?).copied());
    }
    Ok(())
}

/// Users and items of all folds under one numbering.
#[derive(Default)]
struct Codes {
    users: FxHashMap<String, u32>,
    items: FxHashMap<String, u32>,
}

impl Codes {
    fn of(folds: &[&mut FoldData]) -> Self {
        let mut codes = Self::default();
        for fold in folds {
            for (user, targets) in fold.questions() {
                code(&mut codes.users, user);
                for target in targets {
                    code(&mut codes.items, fold.items.get(target.item));
                }
            }
        }
        codes
    }

    fn pair(&self, user: &str, item: &str) -> Option<(u32, u32)> {
        Some((*self.users.get(user)?, *self.items.get(item)?))
    }

    /// The targets of a fold with their gains.
    fn targets<'a>(&'a self, fold: &'a FoldData) -> impl Iterator<Item = ((u32, u32), f64)> + 'a {
        fold.questions().flat_map(move |(user, targets)| {
            targets.iter().map(move |target| {
                let pair = self.pair(user, fold.items.get(target.item));
                (pair.expect("all are numbered"), target.gain)
            })
        })
    }

    /// The targets of every fold, with the least gain that any gives them.
    fn common(&self, folds: &[&mut FoldData]) -> FxHashMap<(u32, u32), f64> {
        let mut folds = folds.iter();
        let mut common: FxHashMap<(u32, u32), f64> = folds
            .next()
            .map(|first| self.targets(first).collect())
            .unwrap_or_default();
        for fold in folds {
            let known = self.targets(fold);
            common = known
                .filter_map(|(pair, gain)| Some((pair, common.get(&pair)?.min(gain))))
                .collect();
        }
        common
    }
}

fn code(codes: &mut FxHashMap<String, u32>, id: &str) {
    if !codes.contains_key(id) {
        let next = codes.len() as u32;
        codes.insert(id.to_owned(), next);
    }
}

/// Users and targets of a fold that are among the pairs given.
fn among(fold: &FoldData, codes: &Codes, pairs: &FxHashMap<(u32, u32), f64>) -> (usize, usize) {
    let (mut users, mut targets) = (0, 0);
    for (user, wanted) in fold.questions() {
        let shared = |item: u32| {
            let pair = codes.pair(user, fold.items.get(item));
            pair.is_some_and(|pair| pairs.contains_key(&pair))
        };
        let found = wanted.iter().filter(|t| shared(t.item)).count();
        users += usize::from(found > 0);
        targets += found;
    }
    (users, targets)
}

/// A comparison over less than half of what an alternative would ask is none.
fn refuse_apart(
    labels: &[&str],
    folds: &[&mut FoldData],
    codes: &Codes,
    common: &FxHashMap<(u32, u32), f64>,
) -> Result<()> {
    for (at, fold) in folds.iter().enumerate() {
        let summary = &fold.summary;
        let (users, targets) = among(fold, codes, common);
        if 2 * users >= summary.users && 2 * targets >= summary.targets {
            continue;
        }
        let farthest = (0..folds.len())
            .filter(|&other| other != at)
            .min_by_key(|&other| {
                let theirs = codes.targets(folds[other]).collect();
                among(fold, codes, &theirs).1
            });
        let other = farthest.expect("there are several alternatives");
        let theirs = &folds[other].summary;
        return Err(Error::definition(format!(
            "the alternatives of the cleaners ask different questions, so their results could not be \
             compared: the {part} of `{}` asks {} users about {} targets, of which only {users} \
             users and {targets} targets are asked by every alternative; the farthest from it is \
             `{}`, which asks {} users about {} targets. If the step can be limited to what models \
             learn from, do that, and all alternatives keep one {part} (min_interactions: on = \
             \"fit\"); else compare them in experiments of their own, or leave one of the two out",
            labels[at],
            summary.users,
            summary.targets,
            labels[other],
            theirs.users,
            theirs.targets,
            part = summary.part(),
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Fold, Role};

    use super::restrict;
    use crate::experiment::{ColdItems, Evaluation, Heard};
    use crate::stages::fold::{FoldData, ready};

    /// A fold that learns from the first pairs and foretells the others.
    fn fold(past: &[(&str, &str)], future: &[(&str, &str)], evaluation: &Evaluation) -> FoldData {
        let events = Events::from_pairs(past.iter().chain(future).copied());
        let all = past.len() + future.len();
        let targets = (past.len() as u32..all as u32).collect();
        let fold = Fold::new(Role::Test, (0..past.len() as u32).collect(), targets);
        ready(&fold, None, &events, &[], evaluation).unwrap()
    }

    fn binary() -> Evaluation {
        Evaluation {
            targets: serde_json::from_str(r#"{"binary": {}}"#).unwrap(),
            ..Evaluation::default()
        }
    }

    /// Users asked with the ids of their targets.
    fn asked(fold: &FoldData) -> Vec<(&str, Vec<&str>)> {
        let questions = fold.questions();
        let items = questions.map(|(user, targets)| {
            let items = targets.iter().map(|t| fold.items.get(t.item)).collect();
            (user, items)
        });
        items.collect()
    }

    const PAST: [(&str, &str); 5] = [("u", "a"), ("v", "a"), ("w", "b"), ("u", "c"), ("v", "d")];

    #[test]
    fn only_what_every_alternative_asks_is_asked() {
        let evaluation = binary();
        let mut one = fold(
            &PAST,
            &[
                ("u", "b"),
                ("u", "d"),
                ("v", "b"),
                ("v", "COLD"),
                ("w", "a"),
            ],
            &evaluation,
        );
        // w heard `a` here, so it is no target; u's `b` was cleaned away; x is new.
        let past: Vec<_> = PAST.into_iter().chain([("w", "a"), ("x", "a")]).collect();
        let mut other = fold(
            &past,
            &[
                ("u", "d"),
                ("v", "b"),
                ("v", "COLD"),
                ("w", "a"),
                ("x", "c"),
            ],
            &evaluation,
        );
        restrict(&["one", "other"], &mut [&mut one, &mut other]).unwrap();
        let expected = [("u", vec!["d"]), ("v", vec!["COLD", "b"])];
        assert_eq!(asked(&one), expected);
        assert_eq!(asked(&other), expected);
        let counts = |f: &FoldData| {
            let s = &f.summary;
            [
                s.users,
                s.targets,
                s.cold_items,
                s.lost_users,
                s.lost_targets,
            ]
        };
        assert_eq!(counts(&one), [2, 3, 1, 1, 2]);
        assert_eq!(counts(&other), [2, 3, 1, 1, 1]);
        // Masks and candidates stay those of the alternative, in the numbering of its own fit part.
        let heard = |fold: &FoldData| {
            let names = |at| fold.heard.get(at).iter().map(|&i| fold.fit.items.get(i));
            (0..2)
                .map(|at| names(at).collect::<String>())
                .collect::<Vec<_>>()
        };
        assert_eq!(heard(&one), ["ac", "ad"]);
        assert_eq!(heard(&other), ["ac", "ad"]);
        assert_eq!(one.reachable.get(1), [(1, 1.0)]);
        assert_eq!(one.targets.get(1), [1.0, 1.0]);
    }

    #[test]
    fn dropped_cold_items_are_counted_and_never_asked() {
        let evaluation = Evaluation {
            cold_items: ColdItems::Drop,
            ..binary()
        };
        let future = [("u", "b"), ("u", "COLD"), ("v", "b")];
        let mut one = fold(&PAST, &future, &evaluation);
        // Here `b` is cold too, and for v there is nothing left to ask.
        let past: Vec<_> = PAST.into_iter().filter(|p| p.1 != "b").collect();
        let future: Vec<_> = future.into_iter().chain([("u", "d"), ("v", "c")]).collect();
        let mut other = fold(&past, &future, &evaluation);
        let error = restrict(&["one", "other"], &mut [&mut one, &mut other]).unwrap_err();
        assert!(
            error.to_string().contains("only 0 users and 0 targets"),
            "{error}"
        );
        assert_eq!(one.summary.cold_items, 1);
        assert_eq!(other.summary.cold_items, 3);
    }

    #[test]
    fn ids_in_another_order_are_the_same_ids() {
        let evaluation = binary();
        // All integers are ordered by number; with one more id that is none, by text.
        let past = [("9", "9"), ("10", "10"), ("9", "10"), ("10", "8")];
        let future = [("9", "8"), ("10", "9")];
        let mut numbers = fold(&past, &future, &evaluation);
        let past: Vec<_> = past.into_iter().chain([("x", "x")]).collect();
        let mut texts = fold(&past, &future, &evaluation);
        restrict(&["numbers", "texts"], &mut [&mut numbers, &mut texts]).unwrap();
        assert_eq!(asked(&numbers), [("9", vec!["8"]), ("10", vec!["9"])]);
        assert_eq!(asked(&texts), [("10", vec!["9"]), ("9", vec!["8"])]);
        for fold in [&numbers, &texts] {
            assert_eq!((fold.summary.lost_users, fold.summary.lost_targets), (0, 0));
            for (at, (_, targets)) in fold.questions().enumerate() {
                let reachable = fold.reachable.get(at)[0].0;
                let name = fold.items.get(targets[0].item);
                assert_eq!(fold.fit.items.get(reachable), name);
            }
        }
    }

    #[test]
    fn a_target_is_worth_the_same_under_all() {
        let plays: Evaluation = Evaluation {
            targets: serde_json::from_str(r#"{"binary": {}}"#).unwrap(),
            heard: Heard::Keep,
            ..Evaluation::default()
        };
        let with = |weights: [f64; 2]| {
            let mut data = fold(&PAST, &[("u", "a"), ("u", "b")], &plays);
            data.keep(|_, item| Some(weights[usize::from(item == "b")]));
            data
        };
        let (mut one, mut other) = (with([3.0, 1.0]), with([2.0, 5.0]));
        restrict(&["one", "other"], &mut [&mut one, &mut other]).unwrap();
        for fold in [&one, &other] {
            assert_eq!(fold.targets.get(0), [2.0, 1.0]);
        }
    }

    #[test]
    fn what_is_too_far_apart_is_refused_with_the_reason() {
        let evaluation = binary();
        let past = [("u", "a"), ("v", "a"), ("w", "b"), ("u", "c"), ("v", "d")];
        let wide = [("u", "b"), ("u", "d"), ("u", "e"), ("v", "b"), ("w", "a")];
        let mut one = fold(&past, &wide, &evaluation);
        let mut two = fold(&past, &wide, &evaluation);
        let mut three = fold(&past, &[("u", "b"), ("v", "b")], &evaluation);
        let labels = ["one", "two", "three"];
        let error = restrict(&labels, &mut [&mut one, &mut two, &mut three]).unwrap_err();
        for words in [
            "the test part of `one` asks 3 users about 5 targets",
            "only 2 users and 2 targets",
            "`three`, which asks 2 users about 2 targets",
            "on = \"fit\"",
        ] {
            assert!(
                error.to_string().contains(words),
                "no `{words}` in: {error}"
            );
        }
        // Half is enough.
        let mut half = fold(&past, &[("u", "b"), ("u", "d"), ("v", "b")], &evaluation);
        restrict(&["one", "half"], &mut [&mut one, &mut half]).unwrap();
        assert_eq!((one.summary.lost_users, one.summary.lost_targets), (1, 2));
        assert_eq!((half.summary.lost_users, half.summary.lost_targets), (0, 0));
    }

    #[test]
    fn learning_from_later_events_than_another_alternative_is_counted() {
        let evaluation = binary();
        let cut = |at: usize| {
            let pairs = [
                ("u", "a"),
                ("v", "b"),
                ("u", "c"),
                ("v", "c"),
                ("u", "b"),
                ("v", "a"),
            ];
            let mut events = Events::from_pairs(pairs);
            events.time = (0..6).collect();
            let fold = Fold::new(
                Role::Test,
                (0..at as u32).collect(),
                (at as u32..6).collect(),
            );
            ready(&fold, None, &events, &[], &evaluation).unwrap()
        };
        let (mut early, mut late) = (cut(3), cut(4));
        restrict(&["early", "late"], &mut [&mut early, &mut late]).unwrap();
        assert_eq!((early.summary.ahead, late.summary.ahead), (0, 1));
        assert_eq!(asked(&early), [("u", vec!["b"]), ("v", vec!["a"])]);
        assert_eq!(asked(&late), asked(&early));
        // A single alternative is asked all it has.
        let mut alone = cut(3);
        let before = alone.summary.clone();
        restrict(&[""], &mut [&mut alone]).unwrap();
        assert_eq!(alone.summary, before);
    }
}
