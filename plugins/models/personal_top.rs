//! What a listener plays most.

use std::borrow::Cow;

use musicrec_api::{
    CheckContext, Cost, FitContext, InteractionMatrix, Model, Positive, Problem, Recommender,
    Result, RowScorer, Scores, Shape, Tensors, Train, Users, register,
};
use ndarray::ArrayViewMut2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::{amount, of_items};
use crate::popularity::PopularityBy;
use crate::products::{cells, from_rows};
use crate::times::{ensure_times, faded_by_user, no_times, weights, with_weights};

/// A listener's own most played items: people mostly hear again what they heard before. It is for definitions that keep
/// heard items (`[evaluation] heard = "keep"`); where these are taken out of the lists, what is left is popularity.
///
/// Formula: `amount(u, i) = Σ x(e) 0.5 ^ (age(e) / half_life_days)` over the events e of user u with item i, where, by the
/// parameter `by`, x is 1 (for a skip too: where events differ, count by weight), the plays (a missing count is 1), or the
/// strength that the weighting gave. Without a half-life nothing fades. The age is that before the user's own last event
/// (of an x above 0): days before the present would order a user's items in the same way. Items are ordered
/// - first those with an amount above 0, by amount, and at equal amounts by popularity (distinct users with any event);
/// - then all others, by popularity. So a listener of whom nothing is known gets what is popular.
///
/// A score is the place in that order, counted from below: 1, 2, 3, … for the user's own items, where equal amounts of
/// equally popular items share a place, and `users(i) / (users + 1)`, which is below 1, for all others.
/// Times are needed for a half-life only. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `half_life_days.grid = [7, 30, 90, 365]`, `by.grid = ["events", "plays"]`.
///
/// Source: Reiter-Haas, Parada-Cabaleiro, Schedl, Motamedi, Tkalcic, Lex, "Predicting Music Relistening Behavior Using the
/// ACT-R Framework", `RecSys` 2021 (what was played most, and most of late); Anderson, Kumar, Tomkins, Vassilvitskii,
/// "The Dynamics of Repeat Consumption", WWW 2014.
///
/// ```toml
/// [model.personal_top]
/// by = "events"
/// half_life_days = 30
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PersonalTop {
    /// What is added up. Default `events`.
    pub by: PersonalBy,
    /// The age at which an event counts half; above 0. Default none: nothing fades.
    #[schemars(extend("x-unit" = "days"))]
    pub half_life_days: Option<Positive>,
}

/// How much an event counts for its listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PersonalBy {
    /// Each 1.
    #[default]
    Events,
    /// Its play count; a missing count is one play.
    Plays,
    /// The strength that the weighting gave.
    Weight,
}

#[typetag::serde(name = "personal_top")]
impl Model for PersonalTop {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        let users = train.n_users() as f64 + 1.0;
        let popularity = of_items(train, PopularityBy::Users);
        let popularity: Vec<f32> = popularity.iter().map(|n| (n / users) as f32).collect();
        Ok(Box::new(Own {
            places: self.places(train, &popularity)?,
            popularity: Cow::Owned(popularity),
            model: self.clone(),
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let popularity = saved.take_list32("popularity", interactions.cols())?;
        Ok(Box::new(Own {
            places: saved.take_sparse("places", interactions.shape())?,
            popularity: Cow::Owned(popularity),
            model: self.clone(),
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let fading = self.half_life_days.is_some();
        let problem = fading.then(|| no_times(context, "half_life_days"));
        problem.flatten().into_iter().collect()
    }

    fn reads_weights(&self) -> bool {
        self.by == PersonalBy::Weight
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let cells = shape.cells as f64;
        Some(Cost {
            // Sorting by pair, powers, and an order for each user.
            operations: 60.0 * cells,
            bytes: 40.0 * cells + 4.0 * shape.items as f64,
        })
    }
}

register!(Model, PersonalTop, "personal_top", revision = 1);

impl PersonalTop {
    /// What each event counts for.
    fn amounts(&self, train: &Train) -> Result<Vec<f64>> {
        let events = &train.events;
        let amounts = match self.by {
            PersonalBy::Events => vec![1.0; events.len()],
            PersonalBy::Plays => {
                let all = 0..events.len() as u32;
                all.map(|event| amount(train, PopularityBy::Plays, event))
                    .collect()
            }
            PersonalBy::Weight => weights(train),
        };
        let Some(half_life_days) = self.half_life_days else {
            return Ok(amounts);
        };
        ensure_times(events, "personal_top with `half_life_days`")?;
        Ok(faded_by_user(events, &amounts, half_life_days))
    }

    /// The scores of each user's own items.
    fn places(&self, train: &Train, popularity: &[f32]) -> Result<InteractionMatrix> {
        let amounts = with_weights(train, &self.amounts(train)?);
        let rows = (0..amounts.rows()).map(|user| {
            let (items, amounts) = cells(&amounts, user);
            let mut own: Vec<(f32, f32, u32)> = items
                .iter()
                .zip(amounts)
                .map(|(&item, &amount)| (amount, popularity[item as usize], item))
                .collect();
            own.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let mut places = Vec::with_capacity(own.len());
            for (place, alike) in own.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).enumerate() {
                places.extend(alike.iter().map(|own| (own.2, 1.0 + place as f32)));
            }
            places.sort_unstable_by_key(|(item, _)| *item);
            places
        });
        Ok(from_rows(amounts.cols(), rows))
    }
}

/// Each user's own items in their order, above what is popular.
struct Own<'a> {
    places: InteractionMatrix,
    popularity: Cow<'a, [f32]>,
    model: PersonalTop,
}

impl Recommender for Own<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Own {
            places: self.model.places(given, &self.popularity)?,
            popularity: Cow::Borrowed(&*self.popularity),
            model: self.model.clone(),
        })))
    }

    /// Its places too, for events of weight 0 have some, and the interactions do not tell them.
    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert_sparse("places", &self.places);
        saved.insert("popularity", vec![self.popularity.len()], &*self.popularity);
        Some(saved)
    }
}

impl RowScorer for Own<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        for (&user, mut out) in users.iter().zip(out.rows_mut()) {
            for (out, &popularity) in out.iter_mut().zip(&*self.popularity) {
                *out = popularity;
            }
            let (items, places) = cells(&self.places, user as usize);
            for (&item, &place) in items.iter().zip(places) {
                out[item as usize] = place;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, FitContext, Model, Train};
    use ndarray::{Array2, array};

    use super::{PersonalBy, PersonalTop};
    use crate::times::tests::{DAY, positive};
    use crate::train::tests::{scores, told};

    /// u hears a twice, long ago, and b and c once; v hears b; w hears b, c and d, the latter with weight and plays 0.
    fn train() -> Train {
        let pairs = ["ua", "ua", "ub", "uc", "vb", "wb", "wc", "wd"];
        let mut events = Events::from_pairs(pairs.iter().map(|pair| pair.split_at(1)));
        events.time = [0, 0, 30, 30, 0, 0, 30, 60]
            .map(|day| day * DAY)
            .to_vec()
            .into();
        events.plays = vec![1.0, 1.0, 1.0, 9.0, f32::NAN, 2.0, 1.0, 0.0].into();
        Train::new(events, &[1.0, 1.0, 4.0, 0.5, 1.0, 1.0, 2.0, 0.0])
    }

    fn of(by: PersonalBy, half_life_days: Option<f64>) -> Array2<f32> {
        let model = PersonalTop {
            by,
            half_life_days: half_life_days.map(positive),
        };
        scores(
            &*model.fit(&train(), &FitContext::new(0)).unwrap(),
            &train(),
        )
    }

    #[test]
    fn own_items_come_first_and_ties_and_the_rest_go_by_popularity() {
        // Of three users 1, 3, 2 and 1 heard a, b, c and d.
        let [a, c, d] = [0.25, 0.5, 0.25];
        let events = array![[3.0, 2.0, 1.0, d], [a, 1.0, c, d], [a, 3.0, 2.0, 1.0]];
        assert_eq!(of(PersonalBy::Events, None), events);
        let plays = array![[2.0, 1.0, 3.0, d], [a, 1.0, c, d], [a, 2.0, 1.0, d]];
        assert_eq!(of(PersonalBy::Plays, None), plays);
        let weight = array![[2.0, 3.0, 1.0, d], [a, 1.0, c, d], [a, 1.0, 2.0, d]];
        assert_eq!(of(PersonalBy::Weight, None), weight);
    }

    #[test]
    fn what_was_long_ago_fades() {
        let [a, c, d] = [0.25, 0.5, 0.25];
        // After 30 days two of a are as much as one of b, and b is more popular; after 15 they are less than one of c.
        let slowly = array![[1.0, 3.0, 2.0, d], [a, 1.0, c, d], [a, 1.0, 2.0, 3.0]];
        assert_eq!(of(PersonalBy::Events, Some(30.0)), slowly);
        let never = array![[3.0, 2.0, 1.0, d], [a, 1.0, c, d], [a, 1.0, 2.0, 3.0]];
        assert_eq!(of(PersonalBy::Events, Some(1e3)), never);
    }

    #[test]
    fn equal_amounts_of_equally_popular_items_are_equal() {
        let train = Train::new(Events::from_pairs([("u", "a"), ("u", "b")]), &[1.0; 2]);
        let fitted = PersonalTop::default().fit(&train, &FitContext::new(0));
        assert_eq!(scores(&*fitted.unwrap(), &train), array![[1.0, 1.0]]);
    }

    #[test]
    fn people_are_folded_in_by_their_history_and_what_all_others_hear() {
        let train = train();
        let fitted = PersonalTop::default()
            .fit(&train, &FitContext::new(0))
            .unwrap();
        let given = told(&train, &[("x", "d", 0), ("x", "d", 1), ("x", "a", 2)]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        assert_eq!(scores(&*folded, &given), array![[1.0, 0.75, 0.5, 2.0]]);
    }

    #[test]
    fn only_fading_needs_times() {
        let train = Train::new(Events::from_pairs([("u", "a")]), &[1.0]);
        let fit = |half_life_days| {
            let model = PersonalTop {
                half_life_days,
                ..PersonalTop::default()
            };
            model.fit(&train, &FitContext::new(0)).map(|_| ())
        };
        assert!(fit(None).is_ok());
        let error = fit(Some(positive(1.0))).unwrap_err().to_string();
        assert!(
            error.contains("`half_life_days`: the log has no times"),
            "{error}"
        );
    }
}
