//! Lists for everybody who is asked: those a model has learned from, those who are held out whole
//! and folded in, and those without a past, whom popularity answers.

use musicrec_api::{
    Error, Events, MISSING, Purpose, Recommender, Result, Role, Scores, Train, Users,
};

use super::fold::{FoldData, Ragged};
use super::pairs::Pairs;
use super::rank::{Asked, Lists, rank_cut};

/// What a model is told of whom it will be asked about: those it learns from.
pub(crate) fn asked(fold: &FoldData, depth: usize) -> musicrec_api::Asked<'_> {
    let learned = fold.fit.users.len() as u32;
    let purpose = match fold.summary.role {
        Role::Validation => Purpose::Validation,
        Role::Test => Purpose::Test,
    };
    let users = fold.asked.iter().enumerate();
    let known = users.filter(|(_, user)| **user < learned);
    let each = known.map(|(at, user)| (*user, fold.heard.get(at)));
    let asked = musicrec_api::Asked::new(purpose, depth, each);
    fold.limits.ask(asked).in_period(fold.summary.period)
}

/// The `depth` best items of each user asked, and on demand what ties at their ends are made up of.
/// `given` is what is told of users held out, and `model` names the model for messages.
///
/// # Errors
/// If a score is not a finite number, or the model cannot answer for users it has not learned from.
pub(crate) fn lists(
    recommender: &dyn Recommender,
    fold: &FoldData,
    given: Option<&Train>,
    shape: (usize, bool),
    model: &str,
) -> Result<Lists> {
    let learned = fold.fit.users.len() as u32;
    let ask = |recommender: &dyn Recommender, places: &[usize], users: &[u32]| {
        ask(recommender, fold, shape, places, users)
    };
    let (mut known, mut held_out) = (Vec::new(), Vec::new());
    for (at, &user) in fold.asked.iter().enumerate() {
        match user {
            MISSING => {}
            user if user >= learned => held_out.push(at),
            _ => known.push(at),
        }
    }
    let mut groups = Vec::new();
    if !known.is_empty() {
        let users: Vec<u32> = known.iter().map(|&at| fold.asked[at]).collect();
        groups.push((ask(recommender, &known, &users)?, known));
    }
    if !held_out.is_empty() {
        let folded = match given {
            Some(given) => recommender.fold_in(given)?,
            None => None,
        };
        let folded = folded.ok_or_else(|| cannot_fold_in(model, held_out.len()))?;
        let users = held_out.iter().map(|&at| fold.asked[at] - learned);
        let users: Vec<u32> = users.collect();
        groups.push((ask(&*folded, &held_out, &users)?, held_out));
    }
    groups.extend(of_cold_users(fold, shape)?);
    Ok(merged(groups))
}

/// The lists of the users asked who have no past, which are the same whatever the model, and the places
/// of these users among all who are asked; `None` where everybody has a past.
///
/// # Errors
/// If a score is not a finite number, which counts always are.
pub(super) fn of_cold_users(
    fold: &FoldData,
    shape: (usize, bool),
) -> Result<Option<(Lists, Vec<usize>)>> {
    let cold = fold.asked.iter().enumerate();
    let cold = cold.filter(|(_, user)| **user == MISSING);
    let cold: Vec<usize> = cold.map(|(at, _)| at).collect();
    if cold.is_empty() {
        return Ok(None);
    }
    // All get the same scores, so their numbers do not matter.
    let users: Vec<u32> = (0..cold.len() as u32).collect();
    let lists = ask(&Popular::of(&fold.fit), fold, shape, &cold, &users)?;
    Ok(Some((lists, cold)))
}

/// Asks for some users, whose places among all who are asked are given, and by which numbers the
/// recommender knows them.
fn ask(
    recommender: &dyn Recommender,
    fold: &FoldData,
    (depth, ties): (usize, bool),
    places: &[usize],
    users: &[u32],
) -> Result<Lists> {
    let (mut heard, mut targets) = (Ragged::default(), Ragged::default());
    let (heard, targets) = if places.len() == fold.asked.len() {
        (&fold.heard, &fold.reachable)
    } else {
        for &at in places {
            heard.push(fold.heard.get(at).iter().copied());
            targets.push(fold.reachable.get(at).iter().copied());
        }
        (&heard, &targets)
    };
    let name_of = |user: u32| {
        let at = users.iter().position(|&other| other == user);
        at.map_or(String::new(), |at| fold.name_of(places[at]).to_owned())
    };
    let asked = Asked {
        heard,
        targets: ties.then_some(targets),
        limits: &fold.limits,
    };
    let shape = (fold.fit.items.len(), depth);
    rank_cut(recommender, users, asked, shape, &name_of)
}

fn cannot_fold_in(model: &str, users: usize) -> Error {
    Error::model(format!(
        "the model `{model}` cannot answer for users it has not learned from, and the splitter holds \
         {users} users out whole; leave the model out, or take a splitter that holds nobody out (a \
         model of your own can by `Recommender::fold_in`)"
    ))
}

/// The lists of several groups, of which each knows the places of its users, in the order of places.
fn merged(mut groups: Vec<(Lists, Vec<usize>)>) -> Lists {
    if groups.len() == 1 {
        return groups.swap_remove(0).0;
    }
    let mut places: Vec<(usize, usize, usize)> = Vec::new();
    for (group, (_, own)) in groups.iter().enumerate() {
        places.extend(
            own.iter()
                .enumerate()
                .map(|(at, &place)| (place, group, at)),
        );
    }
    places.sort_unstable();
    let mut lists = Lists::default();
    for (_, group, at) in places {
        let from = &groups[group].0;
        lists.ranked.push(from.ranked.get(at).iter().copied());
        lists.tied.push(from.tied[at]);
        if let Some(cut) = &from.cut {
            lists.cut.get_or_insert_default().push(cut[at].clone());
        }
    }
    lists
}

/// What is popular: the number of distinct users of each item, the same for everybody.
pub(crate) struct Popular(Vec<f64>);

impl Popular {
    fn of(fit: &Events) -> Self {
        Self::counting(fit.items.len(), Pairs::of(fit).items())
    }

    /// Of so many items, each as often as it is named: once for each user who heard it.
    pub(crate) fn counting(items: usize, heard: &[u32]) -> Self {
        let mut counts = vec![0.0; items];
        for &item in heard {
            counts[item as usize] += 1.0;
        }
        Self(counts)
    }
}

impl Recommender for Popular {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Fold, MISSING, Recommender, Result, Role, Scores, Train, Users};

    use super::lists;
    use crate::experiment::{ColdUsers, Evaluation};
    use crate::stages::fold::{FoldData, ready};

    /// Knows scores for those it has learned from, and others for those folded in.
    struct Two([Vec<f64>; 2]);

    impl Recommender for Two {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0[0]))
        }

        fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
            assert_eq!((given.n_users(), given.n_items()), (1, 3));
            Ok(Some(Box::new(Self([self.0[1].clone(), Vec::new()]))))
        }
    }

    /// Can do nothing but score.
    struct Plain(Vec<f64>);

    impl Recommender for Plain {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0))
        }
    }

    /// u and v are learned from, x and y are given, of y an unknown item only, and z is unknown.
    fn fold(cold_users: ColdUsers) -> FoldData {
        let learned = [("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")];
        let given = [("x", "a"), ("x", "NEW"), ("y", "NEW")];
        let targets = [("u", "c"), ("x", "b"), ("x", "a"), ("y", "a"), ("z", "b")];
        let events = Events::from_pairs(learned.into_iter().chain(given).chain(targets));
        let fold = Fold::new(Role::Test, (0..4).collect(), (7..12).collect());
        let fold = fold.with_given(vec![4, 5, 6]);
        let evaluation = Evaluation {
            targets: serde_json::from_str(r#"{"binary": {}}"#).unwrap(),
            cold_users,
            ..Evaluation::default()
        };
        ready(&fold, None, &events, &[], &evaluation).unwrap()
    }

    fn told(fold: &FoldData) -> Train {
        let history = fold.given.as_ref().unwrap().history.clone();
        let weights = vec![1.0; history.len()];
        Train::new(history, &weights)
    }

    fn names(fold: &FoldData) -> Vec<&str> {
        (0..fold.who.len()).map(|at| fold.name_of(at)).collect()
    }

    #[test]
    fn who_is_asked_and_what_is_known_of_them() {
        let skip = fold(ColdUsers::Skip);
        assert_eq!(names(&skip), ["u", "x"]);
        assert_eq!(skip.asked, [0, 2]);
        // What is given counts as heard.
        let summary = &skip.summary;
        assert_eq!((summary.targets, summary.heard_removed), (2, 1));
        assert_eq!((summary.cold_users, summary.cold_asked), (2, 0));
        let given = summary.given.as_ref().unwrap();
        assert_eq!((given.users, given.events), (1, 1));
        let all = fold(ColdUsers::Popularity);
        assert_eq!(names(&all), ["u", "x", "y", "z"]);
        assert_eq!(all.asked, [0, 2, MISSING, MISSING]);
        let summary = &all.summary;
        assert_eq!((summary.users, summary.targets), (4, 4));
        assert_eq!((summary.cold_users, summary.cold_asked), (2, 2));
        assert_eq!(summary.users_without_target, 0);
    }

    #[test]
    fn each_group_is_answered_in_its_way_and_keeps_its_place() {
        let fold = fold(ColdUsers::Popularity);
        let model = Two([vec![3.0, 2.0, 1.0], vec![1.0, 2.0, 3.0]]);
        let lists = lists(&model, &fold, Some(&told(&fold)), (3, false), "two").unwrap();
        let items = |at: usize| -> String {
            let list = lists.ranked.get(at).iter();
            list.map(|(item, _)| fold.fit.items.get(*item)).collect()
        };
        // u heard a and b; x heard a; b is heard by two, and ties go to the smaller id.
        assert_eq!([0, 1, 2, 3].map(items), ["c", "cb", "bac", "bac"]);
        assert_eq!(lists.tied, [false; 4]);
    }

    #[test]
    fn a_model_that_cannot_answer_is_named() {
        let fold = fold(ColdUsers::Skip);
        let model = Plain(vec![0.0; 3]);
        let error = lists(&model, &fold, Some(&told(&fold)), (3, false), "plain").unwrap_err();
        for words in [
            "the model `plain` cannot answer",
            "holds 1 users out",
            "`Recommender::fold_in`",
        ] {
            assert!(
                error.to_string().contains(words),
                "no `{words}` in: {error}"
            );
        }
    }

    #[test]
    fn a_target_that_is_masked_is_an_error() {
        let mut fold = fold(ColdUsers::Skip);
        assert!(fold.refuse_masked().is_ok());
        // By hand, for no fold that is made ready can be like this.
        fold.heard = crate::stages::fold::Ragged::default();
        fold.heard.push([0, 1, 2]);
        fold.heard.push([0]);
        let error = fold.refuse_masked().unwrap_err().to_string();
        for words in ["the test part asks user `u` for item `c`", "masked"] {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    }
}
