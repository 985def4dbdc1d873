//! The next songs of loved artists.

use std::borrow::Cow;

use musicrec_api::{
    CheckContext, Cost, Error, FitContext, InteractionMatrix, ItemValues, MISSING, Model, Problem,
    Reasons, Recommender, Result, RowScorer, Scores, Shape, ShareOrZero, Tensors, Train, Users,
    register,
};
use ndarray::ArrayViewMut2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::{of_items, shares};
use crate::neighbors::reasons;
use crate::popularity::PopularityBy;
use crate::products::{cells, from_rows, transposed};

/// The next songs of the artists that a listener loves: what a fan would name. On music logs hard to beat where songs are
/// new to the listener and artists are not.
///
/// Formula: `score(u, j) = (1 − smoothing) P(a | u) P(j | a) + smoothing p(j)` with a the artist of item j;
/// `P(a | u) = Σ r(u, i) / Σ r(u, k)`, the strength of the user's interactions with items i of the artist by those with all
/// items k that have one; `P(j | a)` the popularity of j by that of all items of the artist, `p(j)` by that of all items, counted by
/// `by`. So a list ends with what is popular, and who has no history gets that alone.
///
/// An item's artist is the value of the column `column` that its events in the fit part have most often, among equally frequent
/// ones the smallest text. An item whose events never tell has no artist: it is no sign of love for any, and is
/// recommended for its popularity alone. People are folded in by their history. `column` may as well be a genre or an album.
///
/// Little is to be tuned: `by.grid = ["users", "weight"]`, `smoothing.grid = [0.001, 0.01, 0.1]`; how strong love is the
/// weighting says.
///
/// Source: the baseline "same artist, greatest hits" of `McFee`, Bertin-Mahieux, Ellis, Lanckriet, "The Million Song Dataset
/// Challenge", WWW Companion 2012, with artists weighted by love; smoothing as of Jelinek, Mercer, 1980.
///
/// ```toml
/// [model.artist_top]
/// column = "artist_id"
/// by = "users"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArtistTop {
    /// The column of the log that names an item's artist. Default `artist_id`.
    pub column: String,
    /// What makes a song popular. Default `users`.
    pub by: PopularityBy,
    /// The part that popularity among all items has in a score, at least 0 and below 1. Default 0.01.
    pub smoothing: ShareOrZero,
}

impl Default for ArtistTop {
    fn default() -> Self {
        Self {
            column: "artist_id".to_owned(),
            by: PopularityBy::default(),
            smoothing: ShareOrZero::new(0.01).expect("a share"),
        }
    }
}

#[typetag::serde(name = "artist_top")]
impl Model for ArtistTop {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let key = format!("artist_top/artists/{}", self.column);
        let artists = context.shared(&key, || ItemValues::of(&train.events, &self.column))?;
        let counts = of_items(train, self.by);
        let mut of_artist = vec![0.0; artists.values.len()];
        let known = || artists.of_item.iter().zip(&counts);
        for (&artist, &count) in known().filter(|(artist, _)| **artist != MISSING) {
            of_artist[artist as usize] += count;
        }
        let smoothing = self.smoothing.get();
        let songs = known().map(|(&artist, &count)| match of_artist.get(artist as usize) {
            Some(&all) if all > 0.0 => {
                vec![(artist, ((1.0 - smoothing) * count / all) as f32)]
            }
            _ => Vec::new(),
        });
        let songs = transposed(&from_rows(artists.values.len(), songs));
        let popular = shares(counts);
        Ok(Box::new(Fans {
            love: love(&train.interactions, &artists.of_item),
            songs: Cow::Owned(songs),
            popular: popular.iter().map(|p| (smoothing * p) as f32).collect(),
            artist_of: artists.of_item.clone().into(),
            histories: None,
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let items = interactions.cols();
        let (shape, artist_of) = saved.take_u32("artist_of")?;
        if shape != [items] {
            return Err(Error::data(format!(
                "`artist_of` is of {shape:?}, not of {items} items"
            )));
        }
        let known = artist_of.iter().filter(|artist| **artist != MISSING);
        let artists = known.max().map_or(0, |last| *last as usize + 1);
        Ok(Box::new(Fans {
            love: love(&interactions, &artist_of),
            songs: Cow::Owned(saved.take_sparse("songs", (artists, items))?),
            popular: saved.take_list32("popular", items)?.into(),
            artist_of: artist_of.into(),
            histories: Some(interactions),
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context.missing_column("column", &self.column);
        column.into_iter().collect()
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let (cells, items) = (shape.cells as f64, shape.items as f64);
        Some(Cost {
            // Most is looking for the artists.
            operations: 60.0 * cells,
            bytes: 32.0 * cells + 32.0 * items,
        })
    }
}

register!(Model, ArtistTop, "artist_top", revision = 1);

/// The artists of each row's items, with their parts in the strength of all that have one; ascending.
fn love(interactions: &InteractionMatrix, artist_of: &[u32]) -> Vec<Vec<(u32, f32)>> {
    let row = |user| {
        let (items, strengths) = cells(interactions, user);
        let told = items.iter().zip(strengths);
        let told = told.map(|(&item, &strength)| (artist_of[item as usize], f64::from(strength)));
        let mut told: Vec<(u32, f64)> = told.filter(|(artist, _)| *artist != MISSING).collect();
        let all: f64 = told.iter().map(|(_, strength)| strength).sum();
        // Stable: strengths are added in the order of items.
        told.sort_by_key(|(artist, _)| *artist);
        let same = told.chunk_by(|a, b| a.0 == b.0);
        same.map(|same| {
            let sum: f64 = same.iter().map(|(_, strength)| strength).sum();
            // Where strengths are too small for f32 nothing is told.
            (same[0].0, if all > 0.0 { (sum / all) as f32 } else { 0.0 })
        })
        .collect()
    };
    (0..interactions.rows()).map(row).collect()
}

/// Whom people love, and what of it comes first.
struct Fans<'a> {
    love: Vec<Vec<(u32, f32)>>,
    /// Artists × items.
    songs: Cow<'a, InteractionMatrix>,
    popular: Cow<'a, [f32]>,
    artist_of: Cow<'a, [u32]>,
    /// To say why; nobody asks a sweep.
    histories: Option<InteractionMatrix>,
}

impl Recommender for Fans<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Fans {
            love: love(&given.interactions, &self.artist_of),
            songs: Cow::Borrowed(&*self.songs),
            popular: Cow::Borrowed(&*self.popular),
            artist_of: Cow::Borrowed(&*self.artist_of),
            histories: Some(given.interactions.clone()),
        })))
    }

    /// Whose love it is follows from the interactions.
    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert_sparse("songs", &self.songs);
        saved.insert("popular", vec![self.popular.len()], &*self.popular);
        saved.insert("artist_of", vec![self.artist_of.len()], &*self.artist_of);
        Some(saved)
    }

    /// What the songs heard of an artist have in the score of another of the same, by their strengths; what everybody
    /// has, popularity among all items, is left.
    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let Some(histories) = &self.histories else {
            return Ok(None);
        };
        let (heard, strengths) = cells(histories, user as usize);
        let told = heard.iter().zip(strengths);
        let told = told.filter(|(item, _)| self.artist_of[**item as usize] != MISSING);
        let all: f64 = told.map(|(_, strength)| f64::from(*strength)).sum();
        Ok(Some(reasons(histories, user, items, |from, to| {
            let artist = self.artist_of[from as usize];
            if artist == MISSING || artist != self.artist_of[to as usize] {
                return None;
            }
            let (songs, parts) = cells(&self.songs, artist as usize);
            let at = songs.binary_search(&to).ok()?;
            Some(f64::from(parts[at]) / all)
        })))
    }
}

impl RowScorer for Fans<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        for (&user, mut out) in users.iter().zip(out.rows_mut()) {
            for (out, &popular) in out.iter_mut().zip(&*self.popular) {
                *out = popular;
            }
            for &(artist, love) in &self.love[user as usize] {
                let (items, parts) = cells(&self.songs, artist as usize);
                for (&item, &part) in items.iter().zip(parts) {
                    out[item as usize] += love * part;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use musicrec_api::{CheckContext, FitContext, InteractionMatrix, Model, ShareOrZero, Train};
    use ndarray::{Array2, array};

    use super::ArtistTop;
    use crate::popularity::PopularityBy;
    use crate::train::tests::{assert_near, logged, scores, told};

    const COLUMNS: [&str; 3] = ["user", "song", "artist_id"];
    /// Artist x has a and b, y has c; nobody knows whose d is.
    const LOG: [[&str; 3]; 8] = [
        ["u", "a", "x"],
        ["u", "c", "y"],
        ["v", "a", "x"],
        ["v", "b", "x"],
        ["v", "b", "y"],
        ["v", "b", "x"],
        ["v", "d", ""],
        ["w", "d", ""],
    ];

    fn train() -> Train {
        let weights = [1.0, 3.0, 2.0, 0.5, 0.5, 1.0, 4.0, 8.0];
        Train::new(logged(&COLUMNS, &LOG), &weights)
    }

    fn of(by: PopularityBy, smoothing: f64) -> Array2<f32> {
        let model = ArtistTop {
            by,
            smoothing: ShareOrZero::new(smoothing).unwrap(),
            ..ArtistTop::default()
        };
        scores(
            &*model.fit(&train(), &FitContext::new(0)).unwrap(),
            &train(),
        )
    }

    #[test]
    fn songs_go_by_love_of_the_artist_and_popularity_within() {
        // u loves x by a quarter and y by three; v loves x alone. Two know a, one knows b.
        let (two, one) = (2.0 / 3.0, 1.0 / 3.0);
        let expected = array![
            [0.25 * two, 0.25 * one, 0.75, 0.0],
            [two, one, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0]
        ];
        assert_near(&of(PopularityBy::Users, 0.0), &expected);
        // By weight a has 3, b 2, c 3 and d 12 of 20.
        let expected = array![
            [0.125 * 0.6 + 0.075, 0.125 * 0.4 + 0.05, 0.375 + 0.075, 0.3],
            [0.5 * 0.6 + 0.075, 0.5 * 0.4 + 0.05, 0.075, 0.3],
            [0.075, 0.05, 0.075, 0.3]
        ];
        assert_near(&of(PopularityBy::Weight, 0.5), &expected);
    }

    #[test]
    fn people_are_folded_in_by_their_history() {
        let train = train();
        let model = ArtistTop {
            smoothing: ShareOrZero::new(0.0).unwrap(),
            ..ArtistTop::default()
        };
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        // A history is all it takes: nothing of a log is asked.
        let given = told(&train, &[("p", "b", 0), ("p", "c", 0), ("q", "d", 0)]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        let expected = array![[1.0 / 3.0, 0.5 / 3.0, 0.5, 0.0], [0.0; 4]];
        assert_near(&scores(&*folded, &given), &expected);
    }

    #[test]
    fn reasons_are_songs_of_the_same_artist() {
        let train = train();
        let model = ArtistTop::default();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let saved = fitted.save().unwrap();
        let loaded = model.load(saved, train.interactions.clone()).unwrap();
        // v heard a by 2 and b by 2, both of x; d is nobody's.
        let reasons = loaded.why(1, &[0, 3]).unwrap().unwrap();
        let part = f64::from(0.99_f32 * (2.0 / 3.0)) / 2.0;
        let expected = [(0, part), (1, part)];
        for (reason, expected) in reasons[0].iter().zip(expected) {
            assert_eq!(reason.0, expected.0);
            assert!((reason.1 - expected.1).abs() < 1e-6, "{reasons:?}");
        }
        assert_eq!((reasons[0].len(), reasons[1].len()), (2, 0));
    }

    #[test]
    fn love_of_nobody_is_no_fault() {
        let nothing = InteractionMatrix::zero((2, 3));
        assert_eq!(super::love(&nothing, &[0, 0, 1]), [vec![], vec![]]);
    }

    #[test]
    fn a_column_that_the_log_lacks_is_found_early_or_at_the_latest_when_it_is_looked_for() {
        let model = ArtistTop {
            column: "artist".to_owned(),
            ..ArtistTop::default()
        };
        let columns = COLUMNS.map(str::to_owned);
        let context = CheckContext::new(Path::new("")).with_columns(&columns);
        assert_eq!(model.check(&context)[0].parameter, "column");
        let Err(error) = model.fit(&train(), &FitContext::new(0)) else {
            panic!("there is no such column");
        };
        assert!(
            error.to_string().contains("it has user, song, artist_id"),
            "{error}"
        );
    }
}
