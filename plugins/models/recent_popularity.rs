//! The same list for everybody: what most people hear of late.

use musicrec_api::{
    CheckContext, Cost, FitContext, InteractionMatrix, Model, Positive, Problem, Recommender,
    Result, Shape, Tensors, Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::amount;
use crate::popularity::{Popular, PopularityBy};
use crate::times::{Present, faded, no_times};

/// Popularity of late, the same for every user: within a window, fading with age, or both. Often much better than
/// popularity of all times, and as cheap.
///
/// Formula, by the parameter `by`, with f(e) what is left of an event e:
/// - `users`: `score(i) = Σ_u max f(e)` over the events e of user u with item i: a user counts once, by the latest event;
/// - `plays`: `score(i) = Σ plays(e) f(e)` over the events with item i, where a missing count is 1;
/// - `weight`: `score(i) = Σ w(e) f(e)`, with the strength w that the weighting gave the event.
///
/// The age of an event is the time from it to the last event of the fit part, which is the present as far as a model may
/// know it. `f(e) = 0.5 ^ (age / half_life_days)`, and 0 where the age is `window_days` or more; without a half-life
/// nothing fades, without a window nothing is too old. With neither of them the window is 30 days. The log must have
/// times.
///
/// A grid that finds a good setting on most data: `window_days.grid = [1, 3, 7, 14, 30, 90]`; likewise
/// `half_life_days`. A short window has many equal counts, a half-life few. The plain count of all times is the model `popularity`.
///
/// Source: Ji, Sun, Zhang, Li, "A Re-visit of the Popularity Baseline in Recommender Systems", SIGIR 2020 (`RecentPop`,
/// `DecayPop`).
///
/// ```toml
/// [model.recent_popularity]
/// window_days = 14
/// by = "users"
/// ```
///
/// ```toml
/// [model.recent_popularity]
/// half_life_days = 7
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecentPopularity {
    /// What is counted. Default `users`.
    pub by: PopularityBy,
    /// Events of this age or more do not count; above 0. Default 30, or none where there is a half-life.
    #[schemars(extend("x-unit" = "days"))]
    pub window_days: Option<Positive>,
    /// The age at which an event counts half; above 0. Default none: nothing fades.
    #[schemars(extend("x-unit" = "days"))]
    pub half_life_days: Option<Positive>,
}

/// The window where neither a window nor a half-life is named.
const WINDOW_DAYS: f64 = 30.0;

#[typetag::serde(name = "recent_popularity")]
impl Model for RecentPopularity {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        let scores = self.counts(train)?;
        Ok(Box::new(Popular { scores }))
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        Popular::load(saved, interactions.cols())
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        no_times(context, "").into_iter().collect()
    }

    fn reads_weights(&self) -> bool {
        self.by == PopularityBy::Weight
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let cells = shape.cells as f64;
        Some(Cost {
            // A power of each event, and two passes that sort them by pair.
            operations: 30.0 * cells,
            bytes: 8.0 * cells + 8.0 * shape.items as f64,
        })
    }
}

register!(Model, RecentPopularity, "recent_popularity", revision = 1);

impl RecentPopularity {
    fn counts(&self, train: &Train) -> Result<Vec<f64>> {
        let present = Present::of(train, "recent_popularity")?;
        let events = &train.events;
        let left = |event: u32| self.left(present.age(event));
        let mut scores = vec![0.0; train.n_items()];
        if self.by == PopularityBy::Users {
            let pair = |event: u32| (events.user[event as usize], events.item[event as usize]);
            let order = events.by_pair();
            for cell in order.chunk_by(|a, b| pair(*a) == pair(*b)) {
                let most = cell.iter().map(|&event| left(event)).fold(0.0, f64::max);
                scores[pair(cell[0]).1 as usize] += most;
            }
        } else {
            for (event, &item) in (0..).zip(&events.item) {
                scores[item as usize] += amount(train, self.by, event) * left(event);
            }
        }
        Ok(scores)
    }

    /// What is left of an event of so many days.
    fn left(&self, age: f64) -> f64 {
        let window = match (self.window_days, self.half_life_days) {
            (Some(days), _) => days.get(),
            (None, None) => WINDOW_DAYS,
            (None, Some(_)) => f64::INFINITY,
        };
        if age >= window {
            return 0.0;
        }
        self.half_life_days.map_or(1.0, |days| faded(age, days))
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, FitContext, Model, Scores, Train, Users};

    use super::RecentPopularity;
    use crate::popularity::PopularityBy;
    use crate::times::tests::{DAY, positive};

    /// The present is day 60. Item a: u on day 0 and 30; b: u on day 40, v on day 60; c: v on day 30 and a bit.
    fn train() -> Train {
        let pairs = [("u", "a"), ("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")];
        let mut events = Events::from_pairs(pairs);
        events.time = vec![0, 30 * DAY, 40 * DAY, 60 * DAY, 30 * DAY + 1].into();
        events.plays = vec![8.0, 4.0, f32::NAN, 2.0, 16.0].into();
        Train::new(events, &[1.0, 3.0, 0.5, 0.25, 5.0])
    }

    fn scores(model: &RecentPopularity) -> Vec<f64> {
        let fitted = model.fit(&train(), &FitContext::new(0)).unwrap();
        let Scores::Everybody(scores) = fitted.scores(&Users::new(&[0])).unwrap() else {
            panic!("the same for everybody");
        };
        scores.to_vec()
    }

    #[test]
    fn what_is_as_old_as_the_window_does_not_count() {
        // A window of 30 days is the default.
        let by = |by| RecentPopularity {
            by,
            ..RecentPopularity::default()
        };
        assert_eq!(scores(&by(PopularityBy::Users)), [0.0, 2.0, 1.0]);
        assert_eq!(scores(&by(PopularityBy::Plays)), [0.0, 3.0, 16.0]);
        assert_eq!(scores(&by(PopularityBy::Weight)), [0.0, 0.75, 5.0]);
        let wide = RecentPopularity {
            window_days: Some(positive(31.0)),
            ..RecentPopularity::default()
        };
        assert_eq!(scores(&wide), [1.0, 2.0, 1.0]);
    }

    #[test]
    fn events_fade_and_of_a_user_the_latest_counts() {
        let fading = |by, window_days| RecentPopularity {
            by,
            half_life_days: Some(positive(10.0)),
            window_days,
        };
        let c = (-(30.0 * 86_400.0 - 1.0) / 864_000.0_f64).exp2();
        let users = fading(PopularityBy::Users, None);
        assert_eq!(scores(&users), [0.125, 1.25, c]);
        let plays = fading(PopularityBy::Plays, None);
        let a = 8.0 / 64.0 + 4.0 / 8.0;
        assert_eq!(scores(&plays), [a, 2.25, 16.0 * c]);
        let both = fading(PopularityBy::Weight, Some(positive(20.0)));
        assert_eq!(scores(&both), [0.0, 0.25, 0.0]);
    }

    #[test]
    fn whoever_it_has_not_learned_from_gets_the_same() {
        let train = train();
        let model = RecentPopularity::default();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let given = Train::new(Events::default(), &[]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        let Scores::Everybody(scores) = folded.scores(&Users::new(&[])).unwrap() else {
            panic!("the same for everybody");
        };
        assert_eq!(scores, [0.0, 2.0, 1.0]);
    }

    #[test]
    fn without_times_it_says_what_to_do() {
        let train = Train::new(Events::from_pairs([("u", "a")]), &[1.0]);
        let model = RecentPopularity::default();
        let Err(error) = model.fit(&train, &FitContext::new(0)) else {
            panic!("it has no times");
        };
        assert!(error.to_string().contains("name its column"), "{error}");
    }
}
