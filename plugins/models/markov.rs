//! What comes next, after the last items.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use musicrec_api::{
    CheckContext, Cost, FitContext, Fraction, InteractionMatrix, Model, NonNegative, Positive,
    Problem, Reasons, Recommender, Result, RowScorer, Scores, Shape, Tensors, Train, Users,
    register,
};
use ndarray::ArrayViewMut2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::{of_items, shares};
use crate::neighbors::{multiply, nearest, reasons};
use crate::popularity::PopularityBy;
use crate::products::{Accumulator, BLOCK, cells, from_rows};
use crate::times::{ensure_times, in_order, no_times};
use crate::train::ensure_interactions;

/// The next item from the last ones: what followed them most often, in anybody's listening.
///
/// A user's events of a weight above 0 are taken in the order of time, equal times in the order of the log; successive
/// events with the same item are one. With `session_gap_hours`, a longer pause ends a session, and nothing follows across
/// it.
///
/// Formula: `c(i, j) = Σ 1/d` over all pairs of events of a session where j comes d places after i, `d ≤ ahead`, `i ≠ j`;
/// `P(j | i) = (c(i, j) + shrink p(j)) / (Σ_k c(i, k) + shrink)`, with p(j) the share of item j in all pairs of users and items
/// that have an event (of weight 0 too),
/// so that what followed a rare item once does not win; of the c(i, j) of an item i the `followers` largest are kept (of
/// equal ones the smaller id);
/// `score(u, j) = Σ_n decay^n P(j | i_n) / Σ_n decay^n`, with i₀ the user's last item, i₁ the one before, up to `last` of them (of
/// whatever session). So a list ends with what is popular, and who has no history gets that alone. With `ahead = 1`,
/// `last = 1` and little `shrink` it is a Markov chain of the first order, with a larger `ahead` sequential rules. The log must
/// have times. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `ahead.grid = [1, 3, 10]`, `last.grid = [1, 3, 10]`,
/// `decay.grid = [0.5, 0.8, 1.0]`, `shrink.grid = [1, 10, 100]`.
///
/// Source: Ludewig, Jannach, "Evaluation of Session-based Recommendation Algorithms", User Modeling and User-Adapted
/// Interaction 28, 2018 (MC and SR, with weights 1/d); Rendle, Freudenthaler, Schmidt-Thieme, "Factorizing Personalized
/// Markov Chains for Next-Basket Recommendation", WWW 2010 (the chain that is not factorized); backing off to popularity as
/// in `MacKay`, Peto, "A Hierarchical Dirichlet Language Model", Natural Language Engineering 1(3), 1995.
///
/// ```toml
/// [model.markov]
/// ahead = 3
/// last = 5
/// decay = 0.8
/// session_gap_hours = 8
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Markov {
    /// How many places behind an item something still follows it; at least 1, default 1.
    pub ahead: NonZeroUsize,
    /// From how many of a user's last items it is told what comes next; at least 1, default 3.
    pub last: NonZeroUsize,
    /// How much an item counts by the one after it, from 0 (the last alone) to 1 (all alike). Default 0.8.
    pub decay: Fraction,
    /// A longer pause ends a session; above 0. Default none: a user's whole history is one session.
    #[schemars(extend("x-unit" = "hours"))]
    pub session_gap_hours: Option<Positive>,
    /// How many followers of an item are kept; at least 1, default 200.
    pub followers: NonZeroUsize,
    /// How many followers are added to those of each item, of which each item has its share; at least 0, default 10.
    pub shrink: NonNegative,
}

impl Default for Markov {
    fn default() -> Self {
        Self {
            ahead: NonZeroUsize::MIN,
            last: NonZeroUsize::new(3).expect("not zero"),
            decay: Fraction::new(0.8).expect("from 0 to 1"),
            session_gap_hours: None,
            followers: NonZeroUsize::new(200).expect("not zero"),
            shrink: NonNegative::new(10.0).expect("not negative"),
        }
    }
}

#[typetag::serde(name = "markov")]
impl Model for Markov {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, NAME)?;
        ensure_times(&train.events, NAME)?;
        let sequences = self.sequences(train);
        let popular = shares(of_items(train, PopularityBy::Users));
        let (followers, rest) = self.followers(train.n_items(), &sequences, context)?;
        Ok(Box::new(Next {
            last: self.last_items(train.n_items(), &sequences),
            followers: Cow::Owned(followers),
            rest: Cow::Owned(rest),
            popular: popular.iter().map(|&p| p as f32).collect(),
            model: self.clone(),
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let items = interactions.cols();
        Ok(Box::new(Next {
            last: saved.take_sparse("last", interactions.shape())?,
            followers: Cow::Owned(saved.take_sparse("followers", (items, items))?),
            rest: saved.take_list32("rest", items)?.into(),
            popular: saved.take_list32("popular", items)?.into(),
            model: self.clone(),
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        no_times(context, "").into_iter().collect()
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let (cells, items) = (shape.cells as f64, shape.items as f64);
        let pairs = cells * self.ahead.get() as f64;
        let kept = pairs.min(items * self.followers.get() as f64);
        Some(Cost {
            // Sorting by time, and an addition somewhere in memory for each pair.
            operations: 40.0 * cells + 8.0 * pairs,
            bytes: 28.0 * cells + 16.0 * kept + 12.0 * items,
        })
    }
}

register!(Model, Markov, "markov", revision = 1);

const NAME: &str = "markov";

/// What users heard one after the other, all behind each other.
struct Sequences {
    items: Vec<u32>,
    /// The session of each item: the same number for those of one.
    session: Vec<u32>,
    /// Where each user's items begin, and where the last one's end.
    starts: Vec<usize>,
}

impl Markov {
    fn sequences(&self, train: &Train) -> Sequences {
        let events = &train.events;
        let gap = self
            .session_gap_hours
            .map_or(f64::INFINITY, |hours| hours.get() * 3600.0);
        let mut found = Sequences {
            items: Vec::new(),
            session: Vec::new(),
            starts: vec![0],
        };
        let mut session = 0;
        for own in in_order(events) {
            let mut before: Option<(u32, i64)> = None;
            for event in own {
                let at = event as usize;
                if train.weights.at(at) <= 0.0 {
                    continue;
                }
                let (item, time) = (events.item[at], events.time.at(at));
                let pause = before.map_or(0.0, |(_, last)| time.saturating_sub(last) as f64);
                let ended = pause > gap;
                session += u32::from(ended);
                if ended || before.is_none_or(|(last, _)| last != item) {
                    found.items.push(item);
                    found.session.push(session);
                }
                before = Some((item, time));
            }
            session += 1;
            found.starts.push(found.items.len());
        }
        found
    }

    /// For each item what follows it, with its part of all that follows and of what is added, and the part of the latter.
    fn followers(
        &self,
        items: usize,
        sequences: &Sequences,
        context: &FitContext,
    ) -> Result<(InteractionMatrix, Vec<f32>)> {
        let Sequences {
            items: heard,
            session,
            ..
        } = sequences;
        let (starts, places) = by_item(heard, items);
        let of_item = |item: usize, sums: &mut Accumulator| {
            let mut all = 0.0;
            for &place in &places[starts[item]..starts[item + 1]] {
                let first = place as usize;
                let behind = (first + 1..heard.len()).take(self.ahead.get());
                for next in behind.take_while(|&next| session[next] == session[first]) {
                    if heard[next] as usize != item {
                        let weight = 1.0 / (next - first) as f64;
                        sums.add(heard[next], weight);
                        all += weight;
                    }
                }
            }
            let shrink = self.shrink.get();
            // Where nothing follows and nothing is added, popularity is all there is.
            let rest = if all + shrink > 0.0 {
                shrink / (all + shrink)
            } else {
                1.0
            };
            let part = |sum| (sum / (all + shrink)) as f32;
            let parts = sums.drain(part, |parts| nearest(parts, self.followers.get()));
            (parts, rest as f32)
        };
        let blocks = (0..items.div_ceil(BLOCK)).into_par_iter().map_init(
            || Accumulator::new(items),
            |sums, block| {
                context.check_cancelled()?;
                let block = block * BLOCK..items.min((block + 1) * BLOCK);
                Ok(block.map(|item| of_item(item, sums)).collect::<Vec<_>>())
            },
        );
        let blocks: Vec<Vec<_>> = blocks.collect::<Result<_>>()?;
        let (rows, rest): (Vec<_>, Vec<f32>) = blocks.into_iter().flatten().unzip();
        Ok((from_rows(items, rows), rest))
    }

    /// For each user the last items, with what they count for.
    fn last_items(&self, items: usize, sequences: &Sequences) -> InteractionMatrix {
        let rows = sequences.starts.windows(2).map(|range| {
            let own = &sequences.items[range[0]..range[1]];
            let last = own.iter().rev().take(self.last.get());
            let (mut counts, mut count, mut all) = (Vec::new(), 1.0, 0.0);
            for &item in last {
                counts.push((item, count));
                all += count;
                count *= self.decay.get();
            }
            // Stable: of an item the last time is added first.
            counts.sort_by_key(|(item, _)| *item);
            let same = counts.chunk_by(|a, b| a.0 == b.0);
            same.map(|same| {
                let sum: f64 = same.iter().map(|(_, count)| count).sum();
                (same[0].0, (sum / all) as f32)
            })
            .collect()
        });
        from_rows(items, rows)
    }
}

/// Where each item stands: where its places begin in the list of places, which ascend.
fn by_item(heard: &[u32], items: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; items + 1];
    for &item in heard {
        starts[item as usize + 1] += 1;
    }
    for item in 0..items {
        starts[item + 1] += starts[item];
    }
    let (mut next, mut places) = (starts.clone(), vec![0; heard.len()]);
    for (place, &item) in (0..).zip(heard) {
        let next = &mut next[item as usize];
        places[*next] = place;
        *next += 1;
    }
    (starts, places)
}

/// What comes after whose last items.
struct Next<'a> {
    /// Users × items.
    last: InteractionMatrix,
    /// Items × items, by the item that is followed.
    followers: Cow<'a, InteractionMatrix>,
    /// For each item how much of what follows it is told by popularity alone.
    rest: Cow<'a, [f32]>,
    popular: Cow<'a, [f32]>,
    model: Markov,
}

impl Recommender for Next<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        ensure_times(&given.events, NAME)?;
        let sequences = self.model.sequences(given);
        Ok(Some(Box::new(Next {
            last: self.model.last_items(given.n_items(), &sequences),
            followers: Cow::Borrowed(&*self.followers),
            rest: Cow::Borrowed(&*self.rest),
            popular: Cow::Borrowed(&*self.popular),
            model: self.model.clone(),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert_sparse("last", &self.last);
        saved.insert_sparse("followers", &self.followers);
        saved.insert("rest", vec![self.rest.len()], &*self.rest);
        saved.insert("popular", vec![self.popular.len()], &*self.popular);
        Some(saved)
    }

    /// The part of each of the last items i in the score of j, `count(i) P(j | i)`; the popularity in P included.
    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        Ok(Some(reasons(&self.last, user, items, |from, to| {
            let (others, parts) = cells(&self.followers, from as usize);
            let follows = others
                .binary_search(&to)
                .map_or(0.0, |at| f64::from(parts[at]));
            let [rest, popular] = [self.rest[from as usize], self.popular[to as usize]];
            Some(follows + f64::from(rest) * f64::from(popular))
        })))
    }
}

impl RowScorer for Next<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        multiply(&self.last, &self.followers, users, out.view_mut());
        for (&user, mut out) in users.iter().zip(out.rows_mut()) {
            let (items, counts) = cells(&self.last, user as usize);
            let told = items.iter().zip(counts);
            let rest = if items.is_empty() {
                1.0
            } else {
                told.map(|(&item, count)| count * self.rest[item as usize])
                    .sum()
            };
            for (out, &popular) in out.iter_mut().zip(&*self.popular) {
                *out += rest * popular;
            }
        }
    }
}

#[cfg(test)]
mod tests;
