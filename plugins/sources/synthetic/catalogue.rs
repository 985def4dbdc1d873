//! Songs with their artists and genres, and how popular each is.

use std::ops::Range;

use musicrec_api::arithmetic::powf;
use rustc_hash::FxHashSet;

use super::Synthetic;
use super::dice::{Alias, Dice};

const GENRES: [&str; 20] = [
    "r&b",
    "metal",
    "country",
    "hip-hop",
    "rock",
    "edm",
    "classical",
    "pop",
    "k-pop",
    "indie",
    "jazz",
    "latin",
    "soul",
    "folk",
    "reggae",
    "punk",
    "blues",
    "techno",
    "gospel",
    "ambient",
];

pub(super) struct Song {
    /// The number in its id.
    pub(super) id: u32,
    pub(super) artist: u32,
    /// Seconds since the start of the log.
    released: u32,
}

pub(super) struct Artist {
    /// The number in its id.
    pub(super) id: u32,
    pub(super) genre: u32,
    songs: Range<u32>,
}

pub(super) struct Genre {
    pub(super) name: String,
    /// The name in title case.
    pub(super) title: String,
    songs: Range<u32>,
}

/// All songs, ordered by genre and artist, so that those of an artist or a genre are a range.
pub(super) struct Catalogue {
    pub(super) songs: Vec<Song>,
    pub(super) artists: Vec<Artist>,
    pub(super) genres: Vec<Genre>,
    of_all: Alias,
    of_genre: Alias,
    of_artist: Alias,
    releases: bool,
}

impl Catalogue {
    pub(super) fn new(parameters: &Synthetic, seconds: u32, dice: &mut Dice) -> Self {
        let songs = parameters.songs.get();
        let artists = parameters.artists.get();
        let genres = parameters.genres.get();
        let mut genre_of = spread(artists, genres, dice);
        genre_of.sort_unstable();
        // Artists are ordered by genre, hence songs that are ordered by artist are so, too.
        let mut artist_of = spread(songs, artists, dice);
        artist_of.sort_unstable();

        let mut weights: Vec<f64> = (0..songs)
            .map(|rank| powf(f64::from(rank + 1), -parameters.popularity.get()))
            .collect();
        dice.shuffle(&mut weights);

        let song_ranges = ranges(&artist_of, artists);
        let artist_ranges = ranges(&genre_of, genres);
        let genre_ranges: Vec<Range<u32>> = artist_ranges
            .iter()
            .map(|r| song_ranges[r.start as usize].start..song_ranges[r.end as usize - 1].end)
            .collect();
        let artist_ids = ids(artists, 5, dice);
        let song_ids = ids(songs, 6, dice);
        let mut released = vec![0; songs as usize];
        for at in &mut released {
            if dice.unit() < parameters.releases.get() {
                *at = dice.below(seconds);
            }
        }
        // Somebody must have something to hear from the first second on.
        released[dice.below(songs) as usize] = 0;

        Self {
            of_all: Alias::new(&weights, std::iter::once(0..songs)),
            of_genre: Alias::new(&weights, genre_ranges.iter().cloned()),
            of_artist: Alias::new(&weights, song_ranges.iter().cloned()),
            songs: song_ids
                .into_iter()
                .zip(artist_of)
                .zip(released)
                .map(|((id, artist), released)| Song {
                    id,
                    artist,
                    released,
                })
                .collect(),
            artists: artist_ids
                .into_iter()
                .zip(genre_of)
                .zip(song_ranges)
                .map(|((id, genre), songs)| Artist { id, genre, songs })
                .collect(),
            genres: genre_ranges
                .into_iter()
                .enumerate()
                .map(|(index, songs)| {
                    let name = GENRES
                        .get(index)
                        .map_or_else(|| format!("genre-{}", index + 1), |&name| name.to_owned());
                    Genre {
                        title: title_case(&name),
                        name,
                        songs,
                    }
                })
                .collect(),
            releases: parameters.releases.get() > 0.0,
        }
    }

    /// The genre of a song.
    pub(super) fn genre(&self, song: u32) -> u32 {
        self.artists[self.songs[song as usize].artist as usize].genre
    }

    /// A song by its popularity among all, out at the time given.
    pub(super) fn any(&self, time: u32, dice: &mut Dice) -> u32 {
        self.out(time, &self.of_all, &(0..self.songs.len() as u32), dice)
    }

    /// A song by its popularity in its genre.
    pub(super) fn in_genre(&self, genre: u32, time: u32, dice: &mut Dice) -> u32 {
        let range = &self.genres[genre as usize].songs;
        self.out(time, &self.of_genre, range, dice)
    }

    /// A song by its popularity among those of its artist.
    pub(super) fn by_artist(&self, artist: u32, time: u32, dice: &mut Dice) -> u32 {
        let range = &self.artists[artist as usize].songs;
        self.out(time, &self.of_artist, range, dice)
    }

    fn out(&self, time: u32, table: &Alias, range: &Range<u32>, dice: &mut Dice) -> u32 {
        let mut song = table.pick(dice, range);
        if self.releases {
            let is_out = |song: u32| self.songs[song as usize].released <= time;
            for _ in 0..16 {
                if is_out(song) {
                    return song;
                }
                song = table.pick(dice, range);
            }
            // Of an artist who has nothing out yet one hears whatever comes next on the shelf.
            let count = self.songs.len() as u32;
            while !is_out(song) {
                song = (song + 1) % count;
            }
        }
        song
    }
}

/// A group for each of `count` members, at random, but none stays empty.
fn spread(count: u32, groups: u32, dice: &mut Dice) -> Vec<u32> {
    (0..count)
        .map(|member| {
            if member < groups {
                member
            } else {
                dice.below(groups)
            }
        })
        .collect()
}

/// The range of members of each group, of members sorted by group.
fn ranges(group_of: &[u32], groups: u32) -> Vec<Range<u32>> {
    (0..groups)
        .map(|group| {
            let start = group_of.partition_point(|&g| g < group) as u32;
            start..group_of.partition_point(|&g| g <= group) as u32
        })
        .collect()
}

/// Digits that leave room for `count` ids at random, and at least `least` of them.
pub(super) fn digits(count: u32, least: u32) -> u32 {
    least.max((u64::from(count) * 4).ilog10() + 1)
}

/// Different random numbers for ids. All zeros and all nines stay out: a cleaner is right to take
/// such an id for a placeholder.
pub(super) fn ids(count: u32, least_digits: u32, dice: &mut Dice) -> Vec<u32> {
    let last = 10u32.pow(digits(count, least_digits)) - 1;
    let mut taken = FxHashSet::default();
    (0..count)
        .map(|_| {
            loop {
                let id = 1 + dice.below(last - 1);
                if taken.insert(id) {
                    return id;
                }
            }
        })
        .collect()
}

/// `hip-hop` as `Hip-Hop`.
fn title_case(name: &str) -> String {
    let mut previous = ' ';
    name.chars()
        .map(|letter| {
            let first = !previous.is_alphanumeric();
            previous = letter;
            if first {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, digits, ids, title_case};
    use crate::synthetic::Synthetic;
    use crate::synthetic::dice::Dice;

    #[test]
    fn every_artist_has_a_song_and_every_draw_stays_where_it_belongs() {
        let mut dice = Dice::new(5, "catalogue");
        let catalogue = Catalogue::new(&Synthetic::default(), 1_000, &mut dice);
        for (index, artist) in catalogue.artists.iter().enumerate() {
            assert!(!artist.songs.is_empty());
            let song = catalogue.by_artist(index as u32, 0, &mut dice);
            assert_eq!(catalogue.songs[song as usize].artist, index as u32);
        }
        for genre in 0..catalogue.genres.len() as u32 {
            let song = catalogue.in_genre(genre, 0, &mut dice);
            assert_eq!(catalogue.genre(song), genre);
        }
    }

    #[test]
    fn nobody_hears_a_song_before_it_is_out() {
        let parameters: Synthetic =
            serde_json::from_str(r#"{"releases": 1.0, "songs": 50, "artists": 20}"#).unwrap();
        let mut dice = Dice::new(6, "releases");
        let catalogue = Catalogue::new(&parameters, 1_000, &mut dice);
        for time in 0..1_000 {
            let song = catalogue.by_artist(time % 20, time, &mut dice);
            assert!(catalogue.songs[song as usize].released <= time);
        }
    }

    #[test]
    fn ids_differ_and_have_room() {
        let mut many = ids(30_000, 5, &mut Dice::new(7, "ids"));
        many.sort_unstable();
        many.dedup();
        assert_eq!(many.len(), 30_000);
        assert_eq!((digits(1_000, 5), digits(30_000, 5)), (5, 6));
        assert!(many[0] > 0 && many[29_999] < 999_999);
    }

    #[test]
    fn title_case_is_that_of_the_sample() {
        let titles = ["r&b", "hip-hop", "edm"].map(title_case);
        assert_eq!(titles, ["R&B", "Hip-Hop", "Edm"]);
    }
}
