//! People in segments, in segments of these, and so on: what is counted of them, and who is in which.

use musicrec_api::{Error, EventValues, Events, InteractionMatrix, MISSING, Result, Tensors};

use super::SegmentPopularity;
use crate::products::cells;

/// The one segment of all people.
pub(super) const ALL: u32 = 0;
/// No segment.
const NONE: u64 = u64::MAX;

/// A segment of the level above with a value; [`NONE`] where either is missing.
pub(super) fn key(parent: u32, value: u32) -> u64 {
    if parent == MISSING || value == MISSING {
        return NONE;
    }
    u64::from(parent) << 32 | u64::from(value)
}

pub(super) fn keys(parents: &[u32], values: &[u32]) -> Vec<u64> {
    let pairs = parents.iter().zip(values);
    pairs.map(|(&parent, &value)| key(parent, value)).collect()
}

pub(super) fn distinct(keys: &[u64]) -> Vec<u64> {
    let mut segments: Vec<u64> = keys.iter().copied().filter(|&key| key != NONE).collect();
    segments.sort_unstable();
    segments.dedup();
    segments
}

/// Segments by one column more than those of the level before.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// The column's values, in the order of their text.
    pub(super) values: Vec<String>,
    /// What each segment is, see [`key`]; ascending.
    pub(super) segments: Vec<u64>,
    /// Of each segment.
    pub(super) users: Vec<f64>,
    /// Segments × items.
    pub(super) counts: InteractionMatrix,
}

/// What is popular in each segment.
#[derive(Debug, Clone)]
pub(super) struct Divided {
    pub(super) model: SegmentPopularity,
    /// Scores of items for all people.
    pub(super) everybody: Vec<f64>,
    pub(super) levels: Vec<Level>,
}

impl Divided {
    /// The segments that each of these people is in, from the largest to the smallest of those that are large enough.
    pub(super) fn chains(&self, events: &Events) -> Result<Vec<Vec<u32>>> {
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

    /// What everybody gets, and the levels one by one.
    pub(super) fn save(&self) -> Tensors<'_> {
        let mut saved = Tensors::default();
        let everybody = &self.everybody;
        saved.insert("everybody", vec![everybody.len()], &everybody[..]);
        for (at, level) in self.levels.iter().enumerate() {
            let mut own = Tensors::default();
            own.insert_texts("values", level.values.iter().map(String::as_str));
            own.insert("segments", vec![level.segments.len()], &level.segments[..]);
            own.insert("users", vec![level.users.len()], &level.users[..]);
            own.insert_sparse("counts", &level.counts);
            saved.nest(&format!("levels.{at}"), own);
        }
        saved
    }

    pub(super) fn load(
        model: SegmentPopularity,
        saved: &mut Tensors,
        items: usize,
    ) -> Result<Self> {
        let everybody = saved.take_list("everybody", items)?;
        let mut levels: Vec<Level> = Vec::new();
        for at in 0..model.columns.len() {
            let mut own = saved.take_nested(&format!("levels.{at}"));
            let values = own.take_texts("values")?;
            let (_, segments) = own.take_u64("segments")?;
            let users = own.take_list("users", segments.len())?;
            let counts = own.take_sparse("counts", (segments.len(), items))?;
            // They are looked for by halving.
            let ordered = values.is_sorted_by(|a, b| a < b) && segments.is_sorted_by(|a, b| a < b);
            if !ordered {
                return Err(Error::data(format!(
                    "the segments by column `{}` are not in their order",
                    model.columns[at]
                )));
            }
            levels.push(Level {
                values,
                segments,
                users,
                counts,
            });
        }
        Ok(Self {
            model,
            everybody,
            levels,
        })
    }

    /// The segments of so many people, as they were saved.
    pub(super) fn saved_chains(&self, saved: &mut Tensors, people: usize) -> Result<Vec<Vec<u32>>> {
        let (shape, all) = saved.take_u32("chains")?;
        let depth = self.levels.len();
        let unfit = || Error::data("the segments of users do not fit those there are");
        if shape != [people, depth] {
            return Err(unfit());
        }
        let rows = (0..people).map(|user| {
            let row = &all[user * depth..(user + 1) * depth];
            let chain: Vec<u32> = row.iter().copied().take_while(|s| *s != MISSING).collect();
            let mut known = chain.iter().zip(&self.levels);
            let fits = known.all(|(segment, level)| (*segment as usize) < level.segments.len());
            let ended = row[chain.len()..].iter().all(|s| *s == MISSING);
            if fits && ended {
                Ok(chain)
            } else {
                Err(unfit())
            }
        });
        rows.collect()
    }

    /// The scores of who is in these segments.
    pub(super) fn score(&self, chain: &[u32]) -> Vec<f64> {
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
