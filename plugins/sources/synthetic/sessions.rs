//! A day of listening: who starts a session when, and what is heard in it.

use super::Synthetic;
use super::catalogue::Catalogue;
use super::dice::{Dice, Odds};
use super::listeners::{Listeners, TasteOdds};
use super::row::{CellForm, Event, IdForm, Plays, Row, TimeForm};

pub(super) const DAY: u32 = 86_400;
/// Rows of a user and day, on average, up to which songs last as long as songs do.
const DENSE: f64 = 60.0;
/// Rows of a user and day at most, as long as songs last as long as songs do.
const ROOM: f64 = 300.0;

/// How a song came to be heard, which decides what is done with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Liking {
    /// Heard lately and wanted again.
    Again,
    /// To the listener's taste.
    Liked,
    /// Not.
    Indifferent,
}

impl Liking {
    fn index(self) -> usize {
        self as usize
    }
}

/// Shares of events in the order of [`Event::ALL`], by [`Liking`].
const EVENTS: [[f64; 6]; 3] = [
    [0.68, 0.02, 0.08, 0.05, 0.16, 0.01],
    [0.75, 0.03, 0.12, 0.07, 0.01, 0.02],
    [0.66, 0.31, 0.01, 0.01, 0.005, 0.005],
];
/// Shares of 1, 2, … plays for a row that counts plays, by [`Liking`].
const PLAYS: [[f64; 6]; 3] = [
    [0.62, 0.27, 0.08, 0.02, 0.007, 0.003],
    [0.70, 0.22, 0.06, 0.015, 0.004, 0.001],
    [0.85, 0.12, 0.03, 0.0, 0.0, 0.0],
];

/// The listeners at work.
pub(super) struct Simulation<'a> {
    catalogue: &'a Catalogue,
    listeners: Listeners,
    dice: Dice,
    /// User, first second and number of songs of each session of the day.
    sessions: Vec<(u32, u32, u32)>,
    /// Shortens everything where more is heard than a day has room for.
    pace: f64,
    room: u32,
    days: u32,
    total_seconds: f64,
    drift: f64,
    own_choice: Odds,
    repeat: Odds,
    even: Odds,
    long_session: Odds,
    other_device: Odds,
    taste: TasteOdds,
    events: [[Odds; 6]; 3],
    plays: [[Odds; 6]; 3],
}

impl<'a> Simulation<'a> {
    pub(super) fn new(parameters: &Synthetic, catalogue: &'a Catalogue, seed: u64) -> Self {
        let per_user_and_day = parameters.rows.get() as f64
            / f64::from(parameters.users.get())
            / f64::from(parameters.days.get());
        let pace = (DENSE / per_user_and_day).min(1.0);
        let mut dice = Dice::new(seed, "listeners");
        Self {
            catalogue,
            listeners: Listeners::new(parameters, catalogue, &mut dice),
            dice: Dice::new(seed, "listening"),
            sessions: Vec::new(),
            pace,
            room: (ROOM / pace) as u32,
            days: parameters.days.get(),
            total_seconds: f64::from(parameters.days.get()) * f64::from(DAY),
            drift: parameters.drift.get(),
            own_choice: Odds::new(parameters.taste.get()),
            repeat: Odds::new(parameters.repeats.get()),
            even: Odds::new(0.5),
            long_session: Odds::new(0.3),
            other_device: Odds::new(0.2),
            taste: TasteOdds::new(),
            events: EVENTS.map(Odds::all),
            plays: PLAYS.map(Odds::all),
        }
    }

    /// Appends `count` rows of sessions that begin on the day given. No user starts two songs in the
    /// same second, on this or any other day.
    pub(super) fn day(&mut self, day: u32, count: u32, rows: &mut Vec<Row>) {
        self.sessions.clear();
        let mut left = count;
        let mut sure = self.listeners.sure_of(day, self.days);
        while left > 0 {
            let user = match sure.next() {
                Some(place) => self.listeners.at(place),
                None => self.listeners.start_session(day, self.room, &mut self.dice),
            };
            let mut length = 1 + self.dice.below(5);
            if self.dice.hit(self.long_session) {
                length += self.dice.below(10);
            }
            let length = length.min(left);
            left -= length;
            let listener = &mut self.listeners.all[user as usize];
            let before = if listener.day == day {
                listener.today
            } else {
                0
            };
            (listener.day, listener.today) = (day, before + length);
            let around = f64::from(listener.habit) + 2.2 * 3_600.0 * self.dice.normal();
            let start = day * DAY + around.rem_euclid(f64::from(DAY)) as u32;
            self.sessions.push((user, start, length));
        }
        self.sessions.sort_unstable();
        for session in std::mem::take(&mut self.sessions) {
            self.session(session, rows);
        }
    }

    fn session(&mut self, (user, start, length): (u32, u32, u32), rows: &mut Vec<Row>) {
        let listener = &self.listeners.all[user as usize];
        let device = listener.devices[usize::from(self.dice.hit(self.other_device))];
        let country = listener.country;
        let mut time = start.max(listener.free_at);
        for _ in 0..length {
            let (song, liking) = self.choose(user, time);
            let event = Event::ALL[self.dice.weighted(&self.events[liking.index()])];
            let plays = match event {
                Event::Play | Event::Replay => {
                    1 + self.dice.weighted(&self.plays[liking.index()]) as u16
                }
                _ => 1,
            };
            let seconds = self.seconds(event, liking);
            rows.push(Row {
                arrival: time,
                time,
                user,
                song,
                seconds,
                event,
                label: 0,
                device,
                country,
                plays: Plays::Number(plays),
                user_form: IdForm::CLEAN,
                song_form: IdForm::CLEAN,
                time_form: TimeForm::Valid,
                device_form: CellForm::Plain,
                country_form: CellForm::Plain,
                artist_form: CellForm::Plain,
                genre_form: CellForm::Plain,
            });
            let gap = f64::from(20 + i32::from(seconds)) + f64::from(self.dice.below(120));
            time += ((gap * self.pace) as u32).max(1);
        }
        self.listeners.all[user as usize].free_at = time;
    }

    fn choose(&mut self, user: u32, time: u32) -> (u32, Liking) {
        let Self {
            catalogue, dice, ..
        } = self;
        let listener = &mut self.listeners.all[user as usize];
        let moved = self.drift * f64::from(time) / self.total_seconds;
        let taste = &listener.tastes[usize::from(dice.unit() < moved)];
        if dice.hit(self.own_choice) {
            if dice.hit(self.repeat)
                && let Some(song) = listener.remembered(dice)
            {
                return (song, Liking::Again);
            }
            let song = taste.choose(catalogue, time, &self.taste, dice);
            listener.remember(song);
            return (song, Liking::Liked);
        }
        let song = catalogue.any(time, dice);
        // Without taste nothing may tell of it: neither the songs nor what is done with them.
        let liked = if dice.hit(self.own_choice) {
            taste.fits(catalogue.genre(song))
        } else {
            dice.hit(self.even)
        };
        let liking = if liked {
            Liking::Liked
        } else {
            Liking::Indifferent
        };
        (song, liking)
    }

    fn seconds(&mut self, event: Event, liking: Liking) -> i16 {
        let (mean, deviation) = match (event, liking) {
            (Event::Skip, _) => (10.0, 7.5),
            (Event::Replay, _) => (160.0, 62.0),
            (_, Liking::Indifferent) => (90.0, 55.0),
            _ => (120.0, 58.0),
        };
        (mean + deviation * self.dice.normal()).max(0.0) as i16
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DAY, Simulation};
    use crate::synthetic::Synthetic;
    use crate::synthetic::catalogue::Catalogue;
    use crate::synthetic::dice::Dice;
    use crate::synthetic::row::{Event, Row};

    fn rows(parameters: &str) -> (Vec<Row>, Vec<u32>) {
        let parameters: Synthetic = serde_json::from_str(parameters).unwrap();
        let days = parameters.days.get();
        let mut dice = Dice::new(1, "catalogue");
        let catalogue = Catalogue::new(&parameters, days * DAY, &mut dice);
        let mut simulation = Simulation::new(&parameters, &catalogue, 1);
        let mut rows = Vec::new();
        for day in 0..days {
            simulation.day(day, (parameters.rows.get() as u32) / days, &mut rows);
        }
        let genres = rows.iter().map(|r| catalogue.genre(r.song)).collect();
        (rows, genres)
    }

    #[test]
    fn nobody_starts_two_songs_at_once_however_dense_the_log() {
        for parameters in [
            r#"{"users": 50, "rows": 20000, "days": 10}"#,
            r#"{"users": 5, "rows": 20000, "days": 2}"#,
        ] {
            let (rows, _) = rows(parameters);
            assert_eq!(rows.len(), 20_000);
            let starts: HashSet<_> = rows.iter().map(|r| (r.user, r.time)).collect();
            assert_eq!(starts.len(), rows.len());
            let last = rows.iter().map(|r| r.time).max().unwrap();
            let days = if parameters.contains("10") { 10 } else { 2 };
            assert!(last < (days + 1) * DAY, "{last}");
        }
    }

    /// Share of rows whose genre is the user's most frequent one: 1/16 at chance and a little more
    /// because the most frequent one is looked for.
    fn favourite_share(parameters: &str) -> f64 {
        let (rows, genres) = rows(parameters);
        let mut counts = vec![[0u32; 16]; 100];
        for (row, genre) in rows.iter().zip(genres) {
            counts[row.user as usize][genre as usize] += 1;
        }
        let top: u32 = counts.iter().map(|c| c.iter().max().unwrap()).sum();
        f64::from(top) / rows.len() as f64
    }

    #[test]
    fn users_stick_to_their_genres_only_if_taste_is_on() {
        let on = favourite_share(r#"{"users": 100, "rows": 40000, "days": 20}"#);
        let off = r#"{"users": 100, "rows": 40000, "days": 20, "taste": 0.0, "popularity": 0.0}"#;
        let off = favourite_share(off);
        assert!(on > 0.4 && off < 0.2, "{on} {off}");
    }

    #[test]
    fn skips_are_short_and_fall_on_what_does_not_fit() {
        let (rows, _) = rows(r#"{"rows": 24000}"#);
        let mean = |event: Event| {
            let of = rows.iter().filter(|r| r.event == event);
            let (sum, n) = of.fold((0.0, 0.0), |(sum, n), r| {
                (sum + f64::from(r.seconds), n + 1.0)
            });
            (sum / n, n / rows.len() as f64)
        };
        let (skip_seconds, skip_share) = mean(Event::Skip);
        let (play_seconds, play_share) = mean(Event::Play);
        assert!((8.0..13.0).contains(&skip_seconds) && (0.05..0.2).contains(&skip_share));
        assert!((95.0..130.0).contains(&play_seconds) && (0.6..0.8).contains(&play_share));
    }
}
