//! What is popular among people of the same kind.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use musicrec_api::{
    CheckContext, Cost, EventValues, Events, FitContext, InteractionMatrix, MISSING, Model,
    NonNegative, Problem, Recommender, Result, RowScorer, Scores, Shape, Train, Users, register,
};
use ndarray::ArrayViewMut2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts;
use crate::popularity::PopularityBy;
use crate::products::{cells, from_rows};

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
            let of_user = self::keys(&segment_of_user, &of_user);
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

/// The one segment of all people.
const ALL: u32 = 0;
/// No segment.
const NONE: u64 = u64::MAX;

/// A segment of the level above with a value; [`NONE`] where either is missing.
fn key(parent: u32, value: u32) -> u64 {
    if parent == MISSING || value == MISSING {
        return NONE;
    }
    u64::from(parent) << 32 | u64::from(value)
}

fn keys(parents: &[u32], values: &[u32]) -> Vec<u64> {
    let pairs = parents.iter().zip(values);
    pairs.map(|(&parent, &value)| key(parent, value)).collect()
}

fn distinct(keys: &[u64]) -> Vec<u64> {
    let mut segments: Vec<u64> = keys.iter().copied().filter(|&key| key != NONE).collect();
    segments.sort_unstable();
    segments.dedup();
    segments
}

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

/// Segments by one column more than those of the level before.
#[derive(Debug, Clone)]
struct Level {
    /// The column's values, in the order of their text.
    values: Vec<String>,
    /// What each segment is, see [`key`]; ascending.
    segments: Vec<u64>,
    /// Of each segment.
    users: Vec<f64>,
    /// Segments × items.
    counts: InteractionMatrix,
}

/// What is popular in each segment.
#[derive(Debug, Clone)]
struct Divided {
    model: SegmentPopularity,
    /// Scores of items for all people.
    everybody: Vec<f64>,
    levels: Vec<Level>,
}

impl Divided {
    /// The segments that each of these people is in, from the largest to the smallest of those that are large enough.
    fn chains(&self, events: &Events) -> Result<Vec<Vec<u32>>> {
        let mut chains = vec![Vec::new(); events.users.len()];
        if events.is_empty() {
            // There may be no log behind nobody's events.
            return Ok(chains);
        }
        for (depth, (level, column)) in self.levels.iter().zip(&self.model.columns).enumerate() {
            let told = EventValues::of(events, column)?;
            let known = |text: &String| level.values.binary_search(text).ok();
            let known: Vec<Option<usize>> = told.values.iter().map(known).collect();
            let of_user = told.most_frequent(&events.user, events.users.len());
            for (chain, value) in chains.iter_mut().zip(of_user) {
                if chain.len() < depth || value == MISSING {
                    continue;
                }
                let Some(value) = known[value as usize] else {
                    continue;
                };
                let parent = chain.last().copied().unwrap_or(ALL);
                let segment = level.segments.binary_search(&key(parent, value as u32));
                if let Ok(segment) = segment
                    && level.users[segment] >= self.model.min_users.get() as f64
                {
                    chain.push(segment as u32);
                }
            }
        }
        Ok(chains)
    }

    /// The scores of who is in these segments.
    fn score(&self, chain: &[u32]) -> Vec<f64> {
        let shrink = self.model.shrink.get();
        let mut scores = self.everybody.clone();
        for (level, &segment) in self.levels.iter().zip(chain) {
            let all = level.users[segment as usize] + shrink;
            for score in &mut scores {
                *score *= shrink / all;
            }
            let (items, counts) = cells(&level.counts, segment as usize);
            for (&item, &count) in items.iter().zip(counts) {
                scores[item as usize] += f64::from(count) / all;
            }
        }
        scores
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use musicrec_api::{CheckContext, Events, FitContext, Model, NonNegative, Train};
    use ndarray::{Array2, array};

    use super::{Among, SegmentPopularity};
    use crate::popularity::PopularityBy;
    use crate::train::tests::{logged, scores};

    const COLUMNS: [&str; 4] = ["user", "item", "country", "device"];
    /// u and v are of DE, w and x of FR, y of neither; u and w use the web, v and x a phone; v was once in FR.
    const LOG: [[&str; 4]; 10] = [
        ["u", "a", "DE", "web"],
        ["u", "b", "DE", "web"],
        ["v", "a", "DE", "phone"],
        ["v", "a", "DE", "phone"],
        ["v", "c", "FR", "phone"],
        ["w", "c", "FR", "web"],
        ["w", "c", "FR", ""],
        ["x", "b", "FR", "phone"],
        ["x", "c", "", "phone"],
        ["y", "d", "", "web"],
    ];

    fn train() -> Train {
        let events = logged(&COLUMNS, &LOG);
        let weights: Vec<f64> = (0..events.len()).map(|event| 1.0 + event as f64).collect();
        Train::new(events, &weights)
    }

    fn model(columns: &[&str]) -> SegmentPopularity {
        SegmentPopularity {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            shrink: NonNegative::new(2.0).unwrap(),
            min_users: NonZeroUsize::MIN,
            ..SegmentPopularity::default()
        }
    }

    fn of(model: &SegmentPopularity) -> Array2<f32> {
        scores(
            &*model.fit(&train(), &FitContext::new(0)).unwrap(),
            &train(),
        )
    }

    fn assert_near(found: &Array2<f32>, expected: &Array2<f64>) {
        let apart = (found.mapv(f64::from) - expected).mapv(f64::abs);
        assert!(apart.iter().all(|&apart| apart < 1e-6), "{found}");
    }

    #[test]
    fn segments_are_mixed_with_what_they_are_a_part_of() {
        // Of five users 2, 2, 3 and 1 hear a, b, c and d. DE: 2, 1, 1, 0; FR: 0, 1, 2, 0.
        let all = [0.4, 0.4, 0.6, 0.2];
        let mix = |n: [f64; 4], users: f64, s: [f64; 4]| -> [f64; 4] {
            std::array::from_fn(|i| (n[i] + 2.0 * s[i]) / (users + 2.0))
        };
        let de = mix([2.0, 1.0, 1.0, 0.0], 2.0, all);
        let fr = mix([0.0, 1.0, 2.0, 0.0], 2.0, all);
        assert_near(&of(&model(&["country"])), &array![de, de, fr, fr, all]);
        let fine = array![
            mix([1.0, 1.0, 0.0, 0.0], 1.0, de),
            mix([1.0, 0.0, 1.0, 0.0], 1.0, de),
            mix([0.0, 0.0, 1.0, 0.0], 1.0, fr),
            mix([0.0, 1.0, 1.0, 0.0], 1.0, fr),
            all
        ];
        assert_near(&of(&model(&["country", "device"])), &fine);
        // Segments of one user are too small.
        let large = SegmentPopularity {
            min_users: NonZeroUsize::new(2).unwrap(),
            ..model(&["country", "device"])
        };
        assert_eq!(of(&large), of(&model(&["country"])));
    }

    #[test]
    fn events_may_count_where_they_were() {
        // In FR c was heard by v and w, b by x.
        let events = SegmentPopularity {
            among: Among::Events,
            shrink: NonNegative::new(0.0).unwrap(),
            ..model(&["country"])
        };
        let de = [1.0, 0.5, 0.0, 0.0];
        let fr = [0.0, 1.0 / 3.0, 2.0 / 3.0, 0.0];
        let all = [0.4, 0.4, 0.6, 0.2];
        assert_near(&of(&events), &array![de, de, fr, fr, all]);
        let weights = SegmentPopularity {
            by: PopularityBy::Weight,
            ..events
        };
        // Weights are 1, 2, 3, … in the order of the log.
        let de = [4.0, 1.0, 0.0, 0.0];
        let fr = [0.0, 8.0 / 3.0, 18.0 / 3.0, 0.0];
        let all = [8.0 / 5.0, 2.0, 27.0 / 5.0, 2.0];
        assert_near(&of(&weights), &array![de, de, fr, fr, all]);
    }

    #[test]
    fn people_are_folded_in_by_the_values_of_what_is_given() {
        let given = [
            ["p", "a", "FR", "web"],
            ["p", "b", "DE", "web"],
            ["q", "b", "US", "phone"],
        ];
        let whole = logged(&COLUMNS, &[&LOG[..], &given[..]].concat());
        let (fit, _, items) = whole.select(&(0..10).collect::<Vec<_>>()).compact();
        let (told, _, _) = whole.select(&[10, 11, 12]).told_to(&fit, &items);
        let model = model(&["country", "device"]);
        let fit = Train::new(fit, &[1.0; 10]);
        let told = Train::new(told, &[1.0; 3]);
        let fitted = model.fit(&fit, &FitContext::new(0)).unwrap();
        let learned = scores(&*fitted, &fit);
        let folded = scores(&*fitted.fold_in(&told).unwrap().unwrap(), &told);
        // Of DE and FR the smaller text, on the web: like u. In the US nobody else is: like y.
        assert_eq!(folded.row(0), learned.row(0));
        assert_eq!(folded.row(1), learned.row(4));
    }

    #[test]
    fn a_column_that_the_log_lacks_is_found_early_or_at_the_latest_when_it_is_looked_for() {
        let model = model(&["country", "devise"]);
        let columns = COLUMNS.map(str::to_owned);
        let context = CheckContext::new(Path::new("")).with_columns(&columns);
        let problems = model.check(&context);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].parameter, "columns.1");
        let fit = |train: &Train| match model.fit(train, &FitContext::new(0)) {
            Ok(_) => panic!("there is no such column"),
            Err(error) => error.to_string(),
        };
        let error = fit(&train());
        assert!(
            error.contains("`devise`; it has user, item, country, device"),
            "{error}"
        );
        let error = fit(&Train::new(Events::from_pairs([("u", "a")]), &[1.0]));
        assert!(error.contains("no log"), "{error}");
    }

    #[test]
    fn without_a_column_it_says_what_to_do() {
        let model = model(&[]);
        let problems = model.check(&CheckContext::new(Path::new("")));
        assert_eq!(problems[0].parameter, "columns");
        let Err(error) = model.fit(&train(), &FitContext::new(0)) else {
            panic!("there are no segments");
        };
        assert!(error.to_string().contains("`popularity`"), "{error}");
    }
}
