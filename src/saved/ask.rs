//! Who is asked for what, and the answer.

use musicrec_api::{Error, Reasons, Recommender, Result};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Saved;
use super::history::{History, Told, of_a_file};
use crate::exit::Failure;
use crate::experiment::Heard;
use crate::stages::ask::Popular;
use crate::stages::fold::Ragged;
use crate::stages::rank::{Lists, rank};

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Who, in the order of the answer; everybody whom the model has learned from if nobody is named.
    pub(crate) users: Option<Vec<&'a str>>,
    /// Songs a list.
    pub(crate) count: usize,
    /// How many reasons of each song.
    pub(crate) why: Option<usize>,
    /// Whether heard songs are left out, if not as the definition says.
    pub(crate) heard: Option<Heard>,
    /// What is done with users of whom nothing is known.
    pub(crate) unknown: Unknown,
    /// What people heard whom the model has not learned from. Who is in it is known by that alone.
    pub(crate) history: Option<&'a History>,
}

/// What is done with users of whom nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unknown {
    /// They get no list, and are named
    Skip,
    /// They get what most users heard
    Popularity,
}

/// The lists, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Answer<'a> {
    pub(crate) recommendations: Vec<Recommendation<'a>>,
    /// Of whom nothing is known, as they were named.
    pub(crate) unknown: Vec<&'a str>,
    /// Of whom a history is known, of which all events weigh 0: they are answered as those of whom nothing is.
    pub(crate) weightless: Vec<&'a str>,
    /// How many events of the history are with items that the model does not know.
    pub(crate) left_out: usize,
    /// How many users got a list of which the model cannot say why, where it can say so of others.
    pub(crate) unexplained: usize,
}

/// A song on a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Recommendation<'a> {
    pub(crate) user: &'a str,
    /// From 1.
    pub(crate) rank: u32,
    pub(crate) item: &'a str,
    pub(crate) score: f64,
    /// Heard songs and what they contributed to the score, the largest first.
    pub(crate) because: Vec<(&'a str, f64)>,
}

/// Lists of users of one kind.
struct Group {
    lists: Lists,
    /// For each list and each of its items; none where nobody can tell.
    why: Vec<Option<Vec<Reasons>>>,
}

/// What a model or a weighting cannot make of a history.
fn unusable(error: &Error) -> Failure {
    Failure::Data(format!("the history cannot be used: {}", of_a_file(error)))
}

/// By whom a user is answered, and at which place.
#[derive(Clone, Copy)]
enum Place {
    Learned(u32),
    Told(u32),
    /// Told of, but nothing that weighs anything.
    Weightless(u32),
    Unknown,
}

impl Saved {
    /// Answers.
    ///
    /// # Errors
    /// If the model or the weighting cannot: not for people it has not learned from, or not why.
    pub(crate) fn answer<'a>(&'a self, asked: &'a Asked) -> Result<Answer<'a>, Failure> {
        let told = asked
            .history
            .map(|history| self.told(history))
            .transpose()?;
        let folded = told.as_ref().map(|told| self.fold_in(told)).transpose()?;
        let users = match &asked.users {
            Some(users) => users.clone(),
            None => self.users.iter().collect(),
        };
        let places = self.places(&users, asked.history, told.as_ref());
        let ascending = |wanted: fn(&Place) -> Option<u32>| -> Vec<u32> {
            let mut users: Vec<u32> = places.iter().filter_map(wanted).collect();
            users.sort_unstable();
            users.dedup();
            users
        };
        let learned = ascending(|place| match place {
            Place::Learned(user) => Some(*user),
            _ => None,
        });
        let newcomers = ascending(|place| match place {
            Place::Told(user) => Some(*user),
            _ => None,
        });
        let weightless = ascending(|place| match place {
            Place::Weightless(user) => Some(*user),
            _ => None,
        });
        let name = |user: u32| self.users.get(user).to_owned();
        let masks = (&self.heard, &self.avoided);
        let why = asked.why;
        let of_learned = self.group(&*self.recommender, &learned, masks, (asked, why), &name)?;
        let of_told = match (&folded, &told) {
            (Some(folded), Some(told)) => {
                let name = |user: u32| told.train.events.users.get(user).to_owned();
                let masks = (&told.heard, &told.avoided);
                Some(self.group(&**folded, &newcomers, masks, (asked, why), &name)?)
            }
            _ => None,
        };
        let of_weightless = match &told {
            Some(told) if asked.unknown == Unknown::Popularity => {
                let name = |user: u32| told.train.events.users.get(user).to_owned();
                let masks = (&told.heard, &told.avoided);
                let popular = Popular::counting(self.items.len(), self.heard.all());
                Some(self.group(&popular, &weightless, masks, (asked, None), &name)?)
            }
            _ => None,
        };
        let of_told = of_told.as_ref();
        let unexplained = self.unexplained([Some(&of_learned), of_told].into_iter().flatten())?;
        let popular = (asked.unknown == Unknown::Popularity)
            .then(|| self.popular(asked))
            .transpose()?;
        let mut answer = Answer {
            left_out: told.as_ref().map_or(0, |told| told.left_out),
            unexplained,
            ..Answer::default()
        };
        for (user, place) in users.into_iter().zip(places) {
            let (group, at) = match place {
                Place::Learned(own) => (Some(&of_learned), learned.binary_search(&own)),
                Place::Told(own) => (of_told, newcomers.binary_search(&own)),
                Place::Weightless(own) => {
                    answer.weightless.push(user);
                    (of_weightless.as_ref(), weightless.binary_search(&own))
                }
                Place::Unknown => (popular.as_ref(), Ok(0)),
            };
            match group {
                Some(group) => {
                    let at = at.expect("whoever has a place was ranked");
                    self.add(&mut answer, user, group, at);
                }
                None if matches!(place, Place::Unknown) => answer.unknown.push(user),
                None => {}
            }
        }
        Ok(answer)
    }

    fn told(&self, history: &History) -> Result<Told, Failure> {
        let Some(weigh) = &self.weigh else {
            return Err(Failure::Definition(format!(
                "the weighting {} of this model cannot be saved, so nobody knows how strong the events of a \
                 history are (a weighting of your own can by `Weigh::save` and `Weighting::load`)",
                self.about.key.definition["weighting"]
            )));
        };
        let avoid = &self.about.key.definition["rules"]["avoid"];
        let avoid: Vec<String> = serde_json::from_value(avoid.clone()).unwrap_or_default();
        let told = history.told(&self.items, &**weigh, &avoid);
        told.map_err(|error| unusable(&error))
    }

    fn fold_in<'t>(&'t self, told: &Told) -> Result<Box<dyn Recommender + 't>, Failure> {
        let folded = self.recommender.fold_in(&told.train);
        folded.map_err(|error| unusable(&error))?.ok_or_else(|| {
            Failure::Definition(format!(
                "the model `{}` cannot answer for people it has not learned from, so --history is of \
                 no use to it; sweep and fit it on a log that has them",
                self.about.plugin()
            ))
        })
    }

    /// By whom each user is answered. Who is in the history is answered by that.
    fn places(&self, users: &[&str], history: Option<&History>, told: Option<&Told>) -> Vec<Place> {
        let known: FxHashMap<&str, u32> = self.users.iter().zip(0..).collect();
        let of_told: FxHashMap<&str, u32> = match told {
            Some(told) => told.train.events.users.iter().zip(0..).collect(),
            None => FxHashMap::default(),
        };
        // Where strengths do not matter, events of weight 0 tell as much as others.
        let weighs = |own: u32| !self.reads_weights || told.is_some_and(|told| told.weighs(own));
        let history: FxHashSet<&str> = match history {
            Some(history) => history.users().collect(),
            None => FxHashSet::default(),
        };
        let place = |user: &&str| match (of_told.get(user), known.get(user)) {
            (Some(&own), _) if weighs(own) => Place::Told(own),
            (Some(&own), _) => Place::Weightless(own),
            (None, Some(&own)) if !history.contains(user) => Place::Learned(own),
            _ => Place::Unknown,
        };
        users.iter().map(place).collect()
    }

    fn group(
        &self,
        recommender: &dyn Recommender,
        users: &[u32],
        (heard, avoided): (&Ragged<u32>, &Ragged<u32>),
        (asked, why_count): (&Asked, Option<usize>),
        name: &(dyn Fn(u32) -> String + Sync),
    ) -> Result<Group, Failure> {
        if users.is_empty() {
            let (lists, why) = (Lists::default(), Vec::new());
            return Ok(Group { lists, why });
        }
        let masked = asked.heard.unwrap_or(self.rule) == Heard::Mask;
        let mut own = Ragged::default();
        for &user in users {
            let of = if masked { heard } else { avoided };
            let own_mask = of.get(user as usize);
            own.push(
                own_mask
                    .iter()
                    .copied()
                    .filter(|item| self.limits.shows(*item)),
            );
        }
        let shape = (self.items.len(), asked.count);
        let lists = rank(recommender, users, (&own, &self.limits), shape, name)?;
        let mut why = Vec::new();
        if let Some(count) = why_count {
            let all = users.par_iter().enumerate().map(|(at, &user)| {
                let items = lists.ranked.get(at).iter().map(|(item, _)| *item);
                let mut all = recommender.why(user, &items.collect::<Vec<_>>())?;
                // Whoever heard much has as many reasons for each song.
                for reasons in all.iter_mut().flatten() {
                    reasons.truncate(count);
                    reasons.shrink_to_fit();
                }
                Ok(all)
            });
            why = all.collect::<Result<_>>()?;
        }
        Ok(Group { lists, why })
    }

    /// Of how many lists nobody can say why.
    ///
    /// # Errors
    /// If there are such and no others: then the model cannot.
    fn unexplained<'g>(&self, groups: impl Iterator<Item = &'g Group>) -> Result<usize, Failure> {
        let all = groups.flat_map(|group| &group.why);
        let (told, not): (Vec<_>, Vec<_>) = all.partition(|why| why.is_some());
        if told.is_empty() && !not.is_empty() {
            return Err(Failure::Definition(format!(
                "the model `{}` cannot say why: its scores are no sums over the songs that a user heard; \
                 leave --why out",
                self.about.plugin()
            )));
        }
        Ok(not.len())
    }

    /// One list of what most users heard.
    fn popular(&self, asked: &Asked) -> Result<Group, Failure> {
        let popular = Popular::counting(self.items.len(), self.heard.all());
        let mut nothing = Ragged::default();
        nothing.push([]);
        let (masks, shape) = ((&nothing, &self.limits), (self.items.len(), asked.count));
        let lists = rank(&popular, &[0], masks, shape, &|_| String::new())?;
        let none = lists.ranked.get(0).iter().map(|_| Vec::new()).collect();
        let why = vec![Some(none)];
        Ok(Group { lists, why })
    }

    fn add<'a>(&'a self, answer: &mut Answer<'a>, user: &'a str, group: &Group, at: usize) {
        let list = group.lists.ranked.get(at);
        let reasons = group.why.get(at).and_then(Option::as_ref);
        for (place, &(item, score)) in list.iter().enumerate() {
            let reasons = reasons.map_or(&[][..], |of_list| &of_list[place][..]);
            let because = reasons
                .iter()
                .map(|&(item, part)| (self.items.get(item), part));
            answer.recommendations.push(Recommendation {
                user,
                rank: place as u32 + 1,
                item: self.items.get(item),
                score,
                because: because.collect(),
            });
        }
    }
}
