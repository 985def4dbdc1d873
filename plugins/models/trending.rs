//! The same list for everybody: what is heard more than before.

use std::num::NonZeroUsize;

use musicrec_api::{
    CheckContext, Cost, FitContext, InteractionMatrix, Model, Positive, Problem, Recommender,
    Result, Shape, Tensors, Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::cells;
use crate::popularity::{Popular, PopularityBy};
use crate::times::{Present, no_times};

/// What grows: popularity in the last window against the windows before it, the same for every user.
///
/// Formula: a(i) is what item i counts for in the last `window_days` before the present (the last event of the fit part),
/// b(i) the sum of what it counts for in each of the `windows_before` windows before that, and `ρ = Σ a / Σ b`, so that a
/// log that grows as a whole makes nothing trend. Each item is given `smoothing` events more that grew like everything,
/// so that rare items do not win by chance:
/// - `z_score`: `score(i) = (a − ρ b) / √(ρ (a + b + smoothing))`, how many standard errors the count is above what was to be
///   expected, if both are Poisson counts;
/// - `ratio`: `score(i) = (a + c) / (ρ b + c)` with `c = smoothing ρ / (1 + ρ)`, how many times as much it was.
///
/// Counted are, by the parameter `by`, distinct users in each window, plays (a missing count is 1), or the strength that
/// the weighting gave. Where there is nothing in the windows before, `ρ = 1 / windows_before`, and what is most popular
/// now comes first. Older events do not count. The log must have times.
///
/// A grid that finds a good setting on most data: `window_days.grid = [1, 3, 7, 14, 30]`, `windows_before.grid = [1, 4]`.
/// `z_score` still favors what many hear, `ratio` finds newcomers.
///
/// Source: the score test for the ratio of two Poisson rates, as in Gu, Ng, Tang, Schucany, "Testing the Ratio of Two
/// Poisson Rates", Biometrical Journal 50(2), 2008, after Przyborowski, Wilenski, Biometrika 31, 1940; additive
/// smoothing of the counts as of Lidstone, 1920.
///
/// ```toml
/// [model.trending]
/// window_days = 7
/// windows_before = 4
/// growth = "z_score"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Trending {
    /// What is counted. Default `users`.
    pub by: PopularityBy,
    /// How long a window is, above 0. Default 7.
    #[schemars(extend("x-unit" = "days"))]
    pub window_days: Positive,
    /// How many windows before the last it is compared with; at least 1, default 4.
    pub windows_before: NonZeroUsize,
    /// How growth is measured. Default `z_score`.
    pub growth: Growth,
    /// How many events that grew like everything are added to each item, above 0. Default 10.
    pub smoothing: Positive,
}

/// How growth is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Growth {
    /// By standard errors.
    #[default]
    ZScore,
    /// By how many times as much it is.
    Ratio,
}

impl Default for Trending {
    fn default() -> Self {
        Self {
            by: PopularityBy::default(),
            window_days: Positive::new(7.0).expect("above 0"),
            windows_before: NonZeroUsize::new(4).expect("not zero"),
            growth: Growth::default(),
            smoothing: Positive::new(10.0).expect("above 0"),
        }
    }
}

#[typetag::serde(name = "trending")]
impl Model for Trending {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        let (after, before) = self.counts(train)?;
        let scores = self.scores(&after, &before);
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
            operations: 30.0 * cells,
            bytes: 8.0 * cells + 24.0 * shape.items as f64,
        })
    }
}

register!(Model, Trending, "trending", revision = 1);

impl Trending {
    /// What each item counts for in the last window, and in those before.
    fn counts(&self, train: &Train) -> Result<(Vec<f64>, Vec<f64>)> {
        let present = Present::of(train, "trending")?;
        let window_of = |event: u32| {
            let window = present.age(event) / self.window_days.get();
            // At least one window is compared with, so what is not below is too old.
            (window < self.windows_before.get() as f64 + 1.0).then_some(window as u32)
        };
        let (mut after, mut before) = (vec![0.0; train.n_items()], vec![0.0; train.n_items()]);
        cells(train, self.by, window_of, |_, item, window, count| {
            let counts = if window == 0 { &mut after } else { &mut before };
            counts[item as usize] += count;
        });
        Ok((after, before))
    }

    fn scores(&self, after: &[f64], before: &[f64]) -> Vec<f64> {
        let (all_after, all_before): (f64, f64) = (after.iter().sum(), before.iter().sum());
        if all_after == 0.0 {
            // Nothing is heard now, as far as the weighting tells.
            return vec![0.0; after.len()];
        }
        let rate = if all_before > 0.0 {
            all_after / all_before
        } else {
            1.0 / self.windows_before.get() as f64
        };
        let more = self.smoothing.get();
        let score = |(&a, &b): (&f64, &f64)| match self.growth {
            Growth::ZScore => (a - rate * b) / (rate * (a + b + more)).sqrt(),
            Growth::Ratio => {
                let more = more * rate / (1.0 + rate);
                (a + more) / (rate * b + more)
            }
        };
        after.iter().zip(before).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use musicrec_api::{Events, FitContext, Model, Scores, Train, Users};

    use super::{Growth, Trending};
    use crate::popularity::PopularityBy;
    use crate::times::tests::{positive, train};

    fn model(by: PopularityBy, growth: Growth) -> Trending {
        Trending {
            by,
            window_days: positive(10.0),
            windows_before: NonZeroUsize::new(2).unwrap(),
            growth,
            smoothing: positive(1.5),
        }
    }

    fn scores(model: &Trending, train: &Train) -> Vec<f64> {
        let fitted = model.fit(train, &FitContext::new(0)).unwrap();
        let Scores::Everybody(scores) = fitted.scores(&Users::new(&[0])).unwrap() else {
            panic!("the same for everybody");
        };
        scores.to_vec()
    }

    /// Day 40 is the present: days 31 to 40 are now, 21 to 30 and 11 to 20 before, day 10 is too old.
    const LOG: [(&str, &str, i64); 9] = [
        ("u", "a", 40),
        ("u", "a", 31),
        ("v", "b", 35),
        ("u", "b", 30),
        ("u", "b", 21),
        ("u", "b", 20),
        ("v", "b", 11),
        ("v", "c", 11),
        ("w", "c", 10),
    ];

    #[test]
    fn distinct_users_are_counted_window_by_window() {
        let counts = |by| model(by, Growth::Ratio).counts(&train(&LOG)).unwrap();
        let users = (vec![1.0, 1.0, 0.0], vec![0.0, 3.0, 1.0]);
        assert_eq!(counts(PopularityBy::Users), users);
        let plays = (vec![2.0, 1.0, 0.0], vec![0.0, 4.0, 1.0]);
        assert_eq!(counts(PopularityBy::Plays), plays);
        assert_eq!(counts(PopularityBy::Weight), plays);
    }

    #[test]
    fn growth_is_its_formula() {
        // ρ = 2 / 4, c = 1.5 · .5 / 1.5 = .5.
        let ratio = scores(&model(PopularityBy::Users, Growth::Ratio), &train(&LOG));
        assert_eq!(ratio, [1.5 / 0.5, 1.5 / 2.0, 0.5 / 1.0]);
        let z = scores(&model(PopularityBy::Users, Growth::ZScore), &train(&LOG));
        let expected = [
            1.0 / (0.5 * 2.5_f64).sqrt(),
            -0.5 / (0.5 * 5.5_f64).sqrt(),
            -0.5 / (0.5 * 2.5_f64).sqrt(),
        ];
        assert_eq!(z, expected);
    }

    #[test]
    fn a_rare_newcomer_does_not_beat_what_grew_for_many() {
        let counts = (vec![1.0, 60.0, 39.0], vec![0.0, 30.0, 70.0]);
        for growth in [Growth::ZScore, Growth::Ratio] {
            let model = Trending {
                growth,
                ..Trending::default()
            };
            let scores = model.scores(&counts.0, &counts.1);
            assert!(scores[1] > scores[0] && scores[0] > scores[2], "{scores:?}");
        }
    }

    #[test]
    fn without_anything_before_the_popular_come_first_and_without_anything_now_nobody_does() {
        let young = [("u", "a", 1), ("u", "b", 1), ("v", "b", 1), ("v", "c", 1)];
        for growth in [Growth::ZScore, Growth::Ratio] {
            let model = model(PopularityBy::Users, growth);
            let scores = scores(&model, &train(&young));
            assert!(
                scores[1] > scores[0] && scores[0] == scores[2],
                "{scores:?}"
            );
        }
        let mut events = Events::from_pairs([("u", "a"), ("u", "b")]);
        events.time = vec![0, 90].into();
        let silent = Train::new(events, &[0.0, 0.0]);
        let model = model(PopularityBy::Weight, Growth::ZScore);
        assert_eq!(scores(&model, &silent), [0.0, 0.0]);
    }
}
