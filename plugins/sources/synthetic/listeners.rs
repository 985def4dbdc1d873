//! Who listens: how much, when, from where, and what each of them likes.

use std::ops::Range;

use musicrec_api::arithmetic::exp;

use super::Synthetic;
use super::catalogue::{Catalogue, ids};
use super::dice::{Alias, Dice, Odds};
use super::row::{COUNTRIES, DEVICES};

/// How much of somebody's own choice falls on the first, second and third favourite genre.
const GENRE_SHARES: [f64; 3] = [0.6, 0.3, 0.1];
/// How many songs stay in mind to be heard again.
const RECENT: usize = 8;

/// What somebody likes at one time.
pub(super) struct Taste {
    genres: [u32; 3],
    artists: [u32; 4],
}

impl Taste {
    fn new(catalogue: &Catalogue, dice: &mut Dice) -> Self {
        let genre_odds = Odds::all(GENRE_SHARES);
        // A popular song stands for its genre and artist: what many hear, many like.
        let genres = std::array::from_fn(|_| catalogue.genre(catalogue.any(u32::MAX, dice)));
        let artists = std::array::from_fn(|_| {
            let genre = genres[dice.weighted(&genre_odds)];
            catalogue.songs[catalogue.in_genre(genre, u32::MAX, dice) as usize].artist
        });
        Self { genres, artists }
    }

    /// Whether a song is of a favourite genre.
    pub(super) fn fits(&self, genre: u32) -> bool {
        self.genres.contains(&genre)
    }

    /// A song to this taste: every second one by a favourite artist, the others from a favourite
    /// genre.
    pub(super) fn choose(
        &self,
        catalogue: &Catalogue,
        time: u32,
        odds: &TasteOdds,
        dice: &mut Dice,
    ) -> u32 {
        if dice.hit(odds.artist) {
            let artist = self.artists[dice.below(self.artists.len() as u32) as usize];
            catalogue.by_artist(artist, time, dice)
        } else {
            catalogue.in_genre(self.genres[dice.weighted(&odds.genres)], time, dice)
        }
    }
}

/// The odds that are the same for every taste.
pub(super) struct TasteOdds {
    artist: Odds,
    genres: [Odds; 3],
}

impl TasteOdds {
    pub(super) fn new() -> Self {
        Self {
            artist: Odds::new(0.5),
            genres: Odds::all(GENRE_SHARES),
        }
    }
}

/// One listener, and what has become of them so far.
pub(super) struct Listener {
    /// At the start and at the end of the log.
    pub(super) tastes: [Taste; 2],
    pub(super) country: u8,
    /// The device of choice and the other one.
    pub(super) devices: [u8; 2],
    /// The second of the day around which sessions begin.
    pub(super) habit: u32,
    /// No song can start before.
    pub(super) free_at: u32,
    /// The day of which `today` tells the number of rows.
    pub(super) day: u32,
    pub(super) today: u32,
    recent: [u32; RECENT],
    remembered: u8,
    oldest: u8,
}

impl Listener {
    /// A song heard lately, if there is any.
    pub(super) fn remembered(&self, dice: &mut Dice) -> Option<u32> {
        (self.remembered > 0).then(|| self.recent[dice.below(u32::from(self.remembered)) as usize])
    }

    /// Keeps a song in mind, for which the oldest one may be forgotten.
    pub(super) fn remember(&mut self, song: u32) {
        let known = usize::from(self.remembered);
        if self.recent[..known].contains(&song) {
            return;
        }
        if known < RECENT {
            self.recent[known] = song;
            self.remembered += 1;
        } else {
            self.recent[usize::from(self.oldest)] = song;
            self.oldest = (self.oldest + 1) % RECENT as u8;
        }
    }
}

/// All listeners.
pub(super) struct Listeners {
    pub(super) all: Vec<Listener>,
    activity: Alias,
    /// Everybody, in the order in which each is sure of a session.
    order: Vec<u32>,
}

impl Listeners {
    pub(super) fn new(parameters: &Synthetic, catalogue: &Catalogue, dice: &mut Dice) -> Self {
        let users = parameters.users.get();
        let spread = parameters.activity.get();
        let weights: Vec<f64> = (0..users).map(|_| exp(spread * dice.normal())).collect();
        let mut order: Vec<u32> = (0..users).collect();
        dice.shuffle(&mut order);
        Self {
            order,
            activity: Alias::new(&weights, std::iter::once(0..users)),
            all: (0..users).map(|_| listener(catalogue, dice)).collect(),
        }
    }

    /// Those who listen on a day of `days` whatever their activity, so that everybody turns up once.
    pub(super) fn sure_of(&self, day: u32, days: u32) -> Range<usize> {
        let upto = |day: u32| self.order.len() * day as usize / days as usize;
        upto(day)..upto(day + 1)
    }

    /// The listener at a place of that order.
    pub(super) fn at(&self, place: usize) -> u32 {
        self.order[place]
    }

    /// Who starts another session of a day: a listener by activity, of those who have not filled
    /// the day with `room` rows.
    pub(super) fn start_session(&mut self, day: u32, room: u32, dice: &mut Dice) -> u32 {
        let count = self.all.len() as u32;
        let mut user = self.activity.pick(dice, &(0..count));
        let full = |l: &Listener| l.day == day && l.today >= room;
        for _ in 0..64 {
            if !full(&self.all[user as usize]) {
                break;
            }
            user = self.activity.pick(dice, &(0..count));
        }
        while full(&self.all[user as usize]) {
            user = (user + 1) % count;
        }
        user
    }
}

fn listener(catalogue: &Catalogue, dice: &mut Dice) -> Listener {
    // Most people listen in the evening, some in the morning or by night.
    let hour = [7, 8, 12, 15, 17, 18, 19, 20, 20, 21, 22, 0][dice.below(12) as usize];
    let devices = std::array::from_fn(|_| dice.below(DEVICES.len() as u32) as u8);
    Listener {
        tastes: std::array::from_fn(|_| Taste::new(catalogue, dice)),
        country: dice.below(COUNTRIES.len() as u32) as u8,
        devices,
        habit: hour * 3_600 + dice.below(3_600),
        free_at: 0,
        day: 0,
        today: 0,
        recent: [0; RECENT],
        remembered: 0,
        oldest: 0,
    }
}

/// The numbers in the ids of the listeners.
pub(super) fn user_ids(parameters: &Synthetic, dice: &mut Dice) -> Vec<u32> {
    ids(parameters.users.get(), 5, dice)
}

#[cfg(test)]
mod tests {
    use super::Listeners;
    use crate::synthetic::Synthetic;
    use crate::synthetic::catalogue::Catalogue;
    use crate::synthetic::dice::Dice;

    #[test]
    fn only_the_last_few_different_songs_are_remembered() {
        let parameters = Synthetic::default();
        let mut dice = Dice::new(8, "listeners");
        let catalogue = Catalogue::new(&parameters, 1_000, &mut dice);
        let mut listeners = Listeners::new(&parameters, &catalogue, &mut dice);
        let listener = &mut listeners.all[0];
        assert_eq!(listener.remembered(&mut dice), None);
        for song in (0..20).flat_map(|song| [song, song]) {
            listener.remember(song);
        }
        for _ in 0..200 {
            assert!(listener.remembered(&mut dice).unwrap() >= 12);
        }
    }

    #[test]
    fn a_full_day_goes_to_somebody_else() {
        let parameters: Synthetic = serde_json::from_str(r#"{"users": 3}"#).unwrap();
        let mut dice = Dice::new(9, "listeners");
        let catalogue = Catalogue::new(&parameters, 1_000, &mut dice);
        let mut listeners = Listeners::new(&parameters, &catalogue, &mut dice);
        for user in [0, 2] {
            listeners.all[user].day = 4;
            listeners.all[user].today = 10;
        }
        for _ in 0..100 {
            assert_eq!(listeners.start_session(4, 10, &mut dice), 1);
        }
    }
}
