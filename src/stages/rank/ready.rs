//! Lists that are ready, ranked like all others: what is masked is left out, the higher score comes first
//! and ties go to the smaller item. What is not in a list is not recommended, so lists may be short.

use musicrec_api::{Error, ReadyLists, Result};
use rayon::prelude::*;

use super::capped::Greedy;
use super::{Asked, BATCH, Cut, Lists, best_first};

/// The `depth` best of each user's list that are not masked.
///
/// # Errors
/// If a user has no list, or one that no list can be: names the user.
pub(super) fn rank(
    ready: &ReadyLists,
    users: &[u32],
    asked: Asked,
    (n_items, depth): (usize, usize),
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    let Asked {
        heard,
        targets,
        limits,
    } = asked;
    let batches = users.par_chunks(BATCH).enumerate();
    let own = || (Vec::new(), Greedy::new(limits));
    let batches = batches.map_init(own, |(unheard, greedy), (batch, users)| {
        let mut lists = Lists::new(targets.is_some());
        for (at, &user) in (batch * BATCH..).zip(users) {
            if let Some(fault) = ready.fault(user, n_items) {
                return Err(Error::model(format!(
                    "the list for user {}: {fault}",
                    name_of(user)
                )));
            }
            let heard = heard.get(at);
            unheard.clear();
            let list = ready.get(user).into_iter().flatten();
            let may = |item: &u32| heard.binary_search(item).is_err() && limits.shows(*item);
            unheard.extend(list.filter(|(item, _)| may(item)));
            unheard.sort_unstable_by(best_first);
            if !limits.caps.is_empty() {
                let limit = greedy.limit(heard, depth);
                let found = greedy.list(unheard.iter().copied(), true, limit);
                lists.put(found.expect("there is nothing behind the whole list"));
                continue;
            }
            let best = &unheard[..unheard.len().min(depth + 1)];
            let tied = lists.add(best, depth);
            if let Some(targets) = targets.filter(|_| tied) {
                let (_, last) = lists.last();
                let behind = unheard[depth..].iter();
                let equal = behind.take_while(|(_, score)| *score == last);
                lists.cut_off(Cut::of(equal.map(|(item, _)| *item), targets.get(at)));
            }
        }
        Ok(lists)
    });
    let batches = batches.collect::<Vec<Result<Lists>>>().into_iter();
    Ok(Lists::joined(
        batches.collect::<Result<_>>()?,
        targets.is_some(),
    ))
}

#[cfg(test)]
mod tests {
    use musicrec_api::{ReadyLists, Recommender, Result, Scores, Users};

    use crate::stages::fold::Ragged;
    use crate::stages::rank::{Asked, Lists, Targets, rank_cut};
    use crate::stages::rules::limits_of;

    struct Given(ReadyLists);

    impl Recommender for Given {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Lists(&self.0))
        }
    }

    /// Scores of everything, the same for the only user.
    struct Whole(Vec<f64>);

    impl Recommender for Whole {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0))
        }
    }

    fn one<T>(list: impl IntoIterator<Item = T>) -> Ragged<T> {
        let mut lists = Ragged::default();
        lists.push(list);
        lists
    }

    fn ranked(model: &dyn Recommender, heard: &[u32], depth: usize) -> Result<Lists> {
        let heard = one(heard.iter().copied());
        let targets: Targets = one([(3, 1.0)]);
        let asked = (&heard, Some(&targets)).into();
        rank_cut(model, &[0], asked, (5, depth), &|_| "ann".to_owned())
    }

    #[test]
    fn a_list_of_everything_is_ranked_as_scores_of_everything_are() {
        for scores in [
            [1.0, 1.0, 2.0, 1.0, -1.0],
            [0.0, -0.0, 0.0, -0.0, 0.0],
            [5.0, 4.0, 3.0, 2.0, 1.0],
        ] {
            // In any order.
            let list = [4, 1, 3, 0, 2].map(|item: u32| (item, scores[item as usize]));
            for heard in [&[][..], &[2], &[0, 2, 4]] {
                for depth in 1..=5 {
                    let all = scores.map(|score| score + 0.0).to_vec();
                    assert_eq!(
                        ranked(&Given(ReadyLists::new([list])), heard, depth).unwrap(),
                        ranked(&Whole(all), heard, depth).unwrap(),
                        "{scores:?} {heard:?} {depth}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_short_list_stays_short() {
        let lists = Given(ReadyLists::new([[(1, 3.0), (4, 5.0), (2, 9.0)]]));
        let ranked = ranked(&lists, &[2], 3).unwrap();
        assert_eq!(ranked.ranked.get(0), [(4, 5.0), (1, 3.0)]);
        assert_eq!(ranked.tied, [false]);
    }

    #[test]
    fn rules_hold_for_lists_too() {
        let lists = Given(ReadyLists::new([[
            (0, 5.0),
            (1, 4.0),
            (2, 3.0),
            (3, 2.0),
            (4, 1.0),
        ]]));
        let heard = one([2]);
        // Nobody is shown 1; 0 and 3 have one value, of which a list holds one item.
        let values = vec![Some(0), None, None, Some(0), Some(1)];
        let limits = limits_of(vec![1], [(1, &values)]);
        let asked = Asked::from((&heard, &limits));
        let ranked = rank_cut(&lists, &[0], asked, (5, 3), &|_| String::new()).unwrap();
        assert_eq!(ranked.ranked.get(0), [(0, 5.0), (4, 1.0)]);
    }

    #[test]
    fn impossible_lists_name_their_user() {
        for (list, words) in [
            (vec![(1, 3.0), (1, 2.0)], "item number 1 stands there twice"),
            (vec![(5, 3.0)], "item number 5 of 5"),
            (vec![(1, f64::INFINITY)], "inf, not a finite number"),
        ] {
            let lists = Given(ReadyLists::new([list]));
            let error = ranked(&lists, &[], 3).unwrap_err().to_string();
            assert!(
                error.contains("user ann") && error.contains(words),
                "{error}"
            );
        }
    }
}
