//! Is there anything to learn from a log?

mod chance;
mod companions;
mod popularity;
mod repeats;
mod stability;
mod swaps;
mod taste;
#[cfg(test)]
mod tests;
mod words;

use musicrec_api::derive_seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Interactions, Pairs};
pub(crate) use popularity::Popularity;
pub(super) use popularity::{gini, top};
pub(crate) use repeats::Repeats;
pub(crate) use stability::Stability;
pub(crate) use taste::Taste;

/// What is found at this level is said to be there.
const LEVEL: f64 = 0.001;
/// Less unevenness than this no recommender profits from, however sure it is.
const MATTERS: f64 = 0.05;
/// Fewer pairs than this cannot show anything.
const PAIRS: usize = 200;

/// What there is to learn, the best of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Found {
    /// The log is too short to tell.
    #[default]
    TooLittle,
    /// Users and items look drawn independently and uniformly.
    Nothing,
    /// Users come back to what they have had; else nothing.
    Repeats,
    /// Some items are more popular than others; who the user is does not matter.
    Popularity,
    /// Users' items go together: personal recommendations are possible.
    Taste,
}

/// How strong it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strength {
    /// Not there.
    #[default]
    None,
    /// There, but hard to make use of.
    Weak,
    /// Enough to tell good models from bad ones, given users enough.
    Moderate,
    /// Plain.
    Strong,
}

/// What there is to learn from a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Signal {
    /// The best that was found.
    pub(crate) found: Found,
    /// How strong that is.
    pub(crate) strength: Strength,
    /// The same as a plain statement.
    pub(crate) statement: String,
    /// Rows that were looked at.
    pub(crate) rows: u64,
    /// Are some items more popular than others?
    pub(crate) popularity: Option<Popularity>,
    /// Does that last?
    pub(crate) stability: Option<Stability>,
    /// Do users' items go together?
    pub(crate) taste: Option<Taste>,
    /// Do users come back to what they have had?
    pub(crate) repeats: Option<Repeats>,
}

/// Asks whether there is anything to learn. The same for the same log and seed, for any number of
/// threads.
pub(crate) fn signal(log: &Interactions, pairs: &Pairs, seed: u64) -> Signal {
    let mut signal = Signal {
        rows: log.len() as u64,
        popularity: Popularity::of(pairs),
        stability: Stability::of(log, pairs),
        taste: Taste::of(pairs, derive_seed(seed, "taste")),
        repeats: Repeats::of(log, pairs),
        ..Signal::default()
    };
    if pairs.active_users() < 2 {
        // Nothing is shared, popularity and taste are one.
        signal.statement = match pairs.active_users() {
            0 => "Nothing to learn from: no row is left.".to_owned(),
            _ => {
                "One user: nothing to compare. What others like is what a recommender learns from."
                    .to_owned()
            }
        };
        return signal;
    }
    (signal.found, signal.strength) = signal.judge(pairs.len());
    signal.statement = signal.verdict();
    signal
}

impl Signal {
    fn judge(&self, pairs: usize) -> (Found, Strength) {
        let strength = |p: f64, size: f64, moderate: f64, strong: f64| match size {
            _ if p >= LEVEL || size < MATTERS => Strength::None,
            size if size < moderate => Strength::Weak,
            size if size < strong => Strength::Moderate,
            _ => Strength::Strong,
        };
        let taste = self
            .taste
            .as_ref()
            .map_or(Strength::None, |t| strength(t.p, t.unevenness, 0.1, 0.2));
        let popularity = self
            .popularity
            .as_ref()
            .map_or(Strength::None, |p| strength(p.p, p.unevenness, 0.2, 0.5));
        let repeats = self.repeats.as_ref().map_or(Strength::None, |r| {
            strength(r.p, r.share - r.share_by_chance, 0.1, 0.25)
        });
        match (taste, popularity, repeats) {
            (Strength::None, Strength::None, Strength::None) if pairs < PAIRS => {
                (Found::TooLittle, Strength::None)
            }
            (Strength::None, Strength::None, Strength::None) => (Found::Nothing, Strength::None),
            (Strength::None, Strength::None, repeats) => (Found::Repeats, repeats),
            (Strength::None, popularity, _) => (Found::Popularity, popularity),
            (taste, _, _) => (Found::Taste, taste),
        }
    }

    /// Whether users come back to what they have had, more than by chance.
    fn repeated(&self) -> bool {
        let more = |r: &Repeats| r.p < LEVEL && r.share - r.share_by_chance >= 0.01;
        self.repeats.as_ref().is_some_and(more)
    }

    /// Whether popularity is there, and that of the past plainly says nothing about that to come: it
    /// would have been seen.
    fn unstable(&self) -> bool {
        let (Some(popularity), Some(stability)) = (&self.popularity, &self.stability) else {
            return false;
        };
        // Of what differs between items in a half, this share is popularity; the rest is chance. It
        // is about the correlation of two halves if popularity lasts.
        let popular = popularity.unevenness.powi(2);
        let lasting = popular / (popular + 2.0 / popularity.mean);
        let would_be = lasting * (stability.items as f64 - 1.0).sqrt();
        popularity.p < LEVEL && would_be > 6.0 && stability.p > 0.01
    }
}
