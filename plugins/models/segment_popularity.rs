//! What is popular among people of the same kind.

mod divided;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::num::NonZeroUsize;

use musicrec_api::{
    CheckContext, Cost, EventValues, FitContext, InteractionMatrix, MISSING, Model, NonNegative,
    Problem, Recommender, Result, RowScorer, Scores, Shape, Tensors, Train, Users, register,
};
use ndarray::ArrayViewMut2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts;
use crate::popularity::PopularityBy;
use crate::products::from_rows;
use divided::{ALL, Divided, Level, distinct, keys};

/// Popularity in the segment of a listener: in the same country, on the same device, among those who hear the same genre.
///
/// A user's value of a column is the one that most of the user's events in the fit part have, among equally frequent ones the
/// smallest text. The first column divides all people into segments, the second each of these, and so on: with
/// `columns = ["country", "device"]` there are all people, those of a country, and those of a country on a device.
///
/// Formula: `s₀(i) = n₀(i) / U₀` for all people, and in a segment `s(i) = (n(i) + shrink s′(i)) / (U + shrink)`, where n(i) is what
/// item i counts for in the segment, by the parameter `by` (distinct users, plays, or the strength that the weighting
/// gave), U how many users the segment has, and s′ the score in the segment that it is a part of. So `shrink` users of the larger
/// segment are added to the smaller one. A user's score is that of the smallest segment of at least `min_users`
/// users: who has no value of a column, one that nobody else has, or one of too few people, stays in the larger segment.
///
/// With `among = "events"` n counts only events that have the segment's values themselves, and U is how many users have such
/// events: what is heard on a phone, by whomever, for those who mostly use a phone.
///
/// People are folded in by the values of what is given of them. If the log lacks a column, that is an error which lists
/// those there are.
///
/// A grid that finds a good setting on most data: `shrink.grid = [0, 10, 100, 1000]`, and each column by itself.
///
/// Source: demographic recommendation as in Krulwich, "Lifestyle Finder", AI Magazine 18(2), 1997; backing off to the larger
/// segment as in `MacKay`, Peto, "A Hierarchical Dirichlet Language Model", Natural Language Engineering 1(3), 1995.
///
/// ```toml
/// [model.segment_popularity]
/// columns = ["country", "device"]
/// shrink = 20
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentPopularity {
    /// The columns of the log that people are divided by, the coarsest first; at least one. Default `["country"]`.
    pub columns: Vec<String>,
    /// Whose events count. Default `listeners`.
    pub among: Among,
    /// What is counted. Default `users`.
    pub by: PopularityBy,
    /// How many users of the larger segment are added to each smaller one; at least 0, default 20.
    #[schemars(extend("x-unit" = "users"))]
    pub shrink: NonNegative,
    /// Segments of fewer users are none; at least 1, default 5.
    #[schemars(extend("x-unit" = "users"))]
    pub min_users: NonZeroUsize,
}

/// Whose events count in a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Among {
    /// All events of the segment's users.
    #[default]
    Listeners,
    /// The events that have the segment's values, of whichever users.
    Events,
}

impl Default for SegmentPopularity {
    fn default() -> Self {
        Self {
            columns: vec!["country".to_owned()],
            among: Among::default(),
            by: PopularityBy::default(),
            shrink: NonNegative::new(20.0).expect("not negative"),
            min_users: NonZeroUsize::new(5).expect("not zero"),
        }
    }
}

#[typetag::serde(name = "segment_popularity")]
impl Model for SegmentPopularity {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        if let Some(problem) = self.no_column() {
            return Err(problem.error("segment_popularity: "));
        }
        let people = train.n_users().max(1) as f64;
        let mut everybody = counts::of_items(train, self.by);
        for count in &mut everybody {
            *count /= people;
        }
        let mut divided = Divided {
            model: self.clone(),
            everybody,
            levels: Vec::new(),
        };
        let mut segment_of_user = vec![ALL; train.n_users()];
        let mut segment_of_event = vec![ALL; train.events.len()];
        for column in &self.columns {
            context.check_cancelled()?;
            let values = EventValues::of(&train.events, column)?;
            let of_user = values.most_frequent(&train.events.user, train.n_users());
            let keys = match self.among {
                Among::Listeners => keys(&segment_of_user, &of_user),
                Among::Events => keys(&segment_of_event, &values.of_event),
            };
            let segments = distinct(&keys);
            let place = |key: &u64| match segments.binary_search(key) {
                Ok(place) => place as u32,
                Err(_) => MISSING,
            };
            let of_user = divided::keys(&segment_of_user, &of_user);
            segment_of_user = of_user.iter().map(place).collect();
            segment_of_event = match self.among {
                Among::Listeners => {
                    let users = train.events.user.iter();
                    users.map(|&user| segment_of_user[user as usize]).collect()
                }
                Among::Events => keys.iter().map(place).collect(),
            };
            let (users, counts) = self.count(train, &segment_of_event, segments.len());
            divided.levels.push(Level {
                values: values.values,
                segments,
                users,
                counts,
            });
        }
        let chains = divided.chains(&train.events)?;
        Ok(Box::new(Segments {
            divided: Cow::Owned(divided),
            chains,
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let divided = Divided::load(self.clone(), &mut saved, interactions.cols())?;
        let chains = divided.saved_chains(&mut saved, interactions.rows())?;
        Ok(Box::new(Segments {
            divided: Cow::Owned(divided),
            chains,
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn reads_weights(&self) -> bool {
        self.by == PopularityBy::Weight
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let columns = self.columns.iter().enumerate();
        let unknown =
            columns.filter_map(|(at, name)| context.missing_column(format!("columns.{at}"), name));
        self.no_column().into_iter().chain(unknown).collect()
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let (cells, columns) = (shape.cells as f64, self.columns.len() as f64);
        Some(Cost {
            // Sorting by values, by pair, and by segment, for each column.
            operations: (columns + 1.0) * 60.0 * cells,
            // Counts stay; the rest is of one column at a time.
            bytes: 40.0 * cells + columns * 8.0 * cells + 8.0 * shape.items as f64,
        })
    }
}

register!(Model, SegmentPopularity, "segment_popularity", revision = 1);

impl SegmentPopularity {
    fn no_column(&self) -> Option<Problem> {
        let problem = || {
            Problem::at("columns", "no column is named")
                .remedy("name one, or use the model `popularity`")
        };
        self.columns.is_empty().then(problem)
    }

    /// How many users each segment has, and what items count for in it.
    fn count(
        &self,
        train: &Train,
        segment_of_event: &[u32],
        segments: usize,
    ) -> (Vec<f64>, InteractionMatrix) {
        let mut users = vec![0.0; segments];
        let mut counted_last = vec![MISSING; segments];
        let mut found: Vec<(u32, u32, f64)> = Vec::new();
        let segment_of = |event: u32| {
            let segment = segment_of_event[event as usize];
            (segment != MISSING).then_some(segment)
        };
        counts::cells(train, self.by, segment_of, |user, item, segment, count| {
            let last = &mut counted_last[segment as usize];
            if std::mem::replace(last, user) != user {
                users[segment as usize] += 1.0;
            }
            found.push((segment, item, count));
        });
        // Stable: counts are added in the order of users.
        found.sort_by_key(|&(segment, item, _)| (segment, item));
        let mut rows = vec![Vec::new(); segments];
        for same in found.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let sum: f64 = same.iter().map(|(_, _, count)| count).sum();
            rows[same[0].0 as usize].push((same[0].1, sum as f32));
        }
        (users, from_rows(train.n_items(), rows))
    }
}

/// People with their segments.
struct Segments<'a> {
    divided: Cow<'a, Divided>,
    chains: Vec<Vec<u32>>,
}

impl Recommender for Segments<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Segments {
            divided: Cow::Borrowed(&*self.divided),
            chains: self.divided.chains(&given.events)?,
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = self.divided.save();
        let depth = self.divided.levels.len();
        let missing = std::iter::repeat(&MISSING);
        let chains = self.chains.iter();
        let chains: Vec<u32> = chains
            .flat_map(|chain| chain.iter().chain(missing.clone()).take(depth))
            .copied()
            .collect();
        saved.insert("chains", vec![self.chains.len(), depth], chains);
        Some(saved)
    }
}

impl RowScorer for Segments<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        // Each segment once.
        let chain = |at: &usize| &self.chains[users[*at] as usize];
        let mut order: Vec<usize> = (0..users.len()).collect();
        order.sort_by_key(chain);
        for same in order.chunk_by(|a, b| chain(a) == chain(b)) {
            let scores = self.divided.score(chain(&same[0]));
            for &at in same {
                for (out, &score) in out.row_mut(at).iter_mut().zip(&scores) {
                    *out = score as f32;
                }
            }
        }
    }
}
