//! Lists for everybody who is asked: those a model has learned from, those who are held out whole
//! and folded in, and those without a past, whom popularity answers.

use musicrec_api::{Error, Events, MISSING, Recommender, Result, Scores, Train, Users};
use rustc_hash::FxHashSet;

use super::fold::{FoldData, Ragged};
use super::rank::{Lists, rank};

/// The `depth` best items of each user asked. `given` is what is told of users held out, and `model`
/// names the model for messages.
///
/// # Errors
/// If a score is not a finite number, or the model cannot answer for users it has not learned from.
pub(crate) fn lists(
    recommender: &dyn Recommender,
    fold: &FoldData,
    given: Option<&Train>,
    depth: usize,
    model: &str,
) -> Result<Lists> {
    let n_items = fold.fit.items.len();
    let learned = fold.fit.users.len() as u32;
    let shape = (n_items, depth);
    let ask = |recommender: &dyn Recommender, places: &[usize], users: &[u32]| {
        let mut heard = Ragged::default();
        for &at in places {
            heard.push(fold.heard.get(at).iter().copied());
        }
        let name_of = |user: u32| {
            let at = users.iter().position(|&other| other == user);
            at.map_or(String::new(), |at| fold.name_of(places[at]).to_owned())
        };
        rank(recommender, users, &heard, shape, &name_of)
    };
    let (mut known, mut held_out, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for (at, &user) in fold.asked.iter().enumerate() {
        match user {
            MISSING => cold.push(at),
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
    if !cold.is_empty() {
        // All get the same scores, so their numbers do not matter.
        let users: Vec<u32> = (0..cold.len() as u32).collect();
        groups.push((ask(&Popular::of(&fold.fit), &cold, &users)?, cold));
    }
    Ok(merged(groups))
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
    }
    lists
}

/// What is popular in a fit part: the number of distinct users of each item.
struct Popular(Vec<f64>);

impl Popular {
    fn of(fit: &Events) -> Self {
        let mut counts = vec![0.0; fit.items.len()];
        let pairs = fit.user.iter().zip(&fit.item);
        for (_, &item) in pairs.collect::<FxHashSet<_>>() {
            // Counts are whole numbers, so the order of a set does not matter.
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
