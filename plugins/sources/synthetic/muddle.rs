//! Plants the mess: spoils the cells of clean rows and makes copies of rows.

use super::dice::{Dice, Odds};
use super::mess::Mess;
use super::row::{CellForm, IdForm, Plays, Row, TimeForm};

/// How a copy differs from its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// Not at all.
    Exact,
    /// In spelling only.
    Respelled,
    /// In a cell that is not part of the key.
    Conflicting(Conflict),
    /// The song is lost.
    SongLost,
}

/// The cell in which a conflicting copy disagrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    Plays,
    Seconds,
    Device,
    Country,
    Artist,
    Genre,
}

/// Three spaces are rarer than one, as in the sample.
const PADDING_SHARES: [f64; 3] = [0.45, 0.41, 0.14];
const MARKER_SHARES: [f64; 3] = [0.5, 0.27, 0.23];
/// The order of [`Conflict`].
const CONFLICT_SHARES: [f64; 6] = [0.17, 0.07, 0.15, 0.25, 0.13, 0.23];
/// A copy arrives up to so many seconds after its row.
const DELAY: u32 = 3_600;

/// Spoils rows. Copies apart, no two rows of what it has touched agree in user, song, event and
/// time, so the number of duplicates is the number of copies.
pub(super) struct Muddler {
    dice: Dice,
    seen: Seen,
    user_placeholder: [Odds; 4],
    song_placeholder: [Odds; 4],
    bad_time: [Odds; 4],
    user_padding: Odds,
    user_upper: Odds,
    song_padding: Odds,
    song_upper: Odds,
    label: Odds,
    plays: [Odds; 4],
    plays_of_skips: Odds,
    seconds: [Odds; 2],
    device_missing: Odds,
    country_missing: Odds,
    artist_missing: Odds,
    genre_missing: Odds,
    device_spelling: Odds,
    genre_case: Odds,
    even: Odds,
    paddings: [Odds; 3],
    markers: [Odds; 3],
    conflicts: [Odds; 6],
}

impl Muddler {
    pub(super) fn new(mess: &Mess, rows: u64, seed: u64) -> Self {
        let odds = |rate| Odds::new(mess.rate(rate));
        // Copies and what they are copies of keep their keys, so the others make up for them.
        let others = 1.0 - 2.0 * mess.duplicates().iter().sum::<f64>();
        let key_odds = |rate| Odds::new(mess.rate(rate) / others.max(1e-9));
        Self {
            dice: Dice::new(seed, "mess"),
            seen: Seen::new(rows),
            user_placeholder: [
                mess.user_blank,
                mess.user_guest,
                mess.user_test,
                mess.user_zeros,
            ]
            .map(key_odds),
            song_placeholder: [
                mess.song_blank,
                mess.song_unknown,
                mess.song_nines,
                mess.song_zeros,
            ]
            .map(key_odds),
            bad_time: [
                mess.time_blank,
                mess.time_text,
                mess.time_impossible,
                mess.time_slashes,
            ]
            .map(key_odds),
            user_padding: odds(mess.user_padding),
            user_upper: odds(mess.user_upper_case),
            song_padding: odds(mess.song_padding),
            song_upper: odds(mess.song_upper_case),
            label: odds(mess.event_labels),
            plays: [
                mess.plays_word,
                mess.plays_blank,
                mess.plays_padding,
                mess.plays_outlier,
            ]
            .map(odds),
            plays_of_skips: odds(mess.plays_of_skips),
            seconds: [mess.seconds_negative, mess.seconds_outlier].map(odds),
            device_missing: odds(mess.device_missing),
            country_missing: odds(mess.country_missing),
            artist_missing: odds(mess.artist_missing),
            genre_missing: odds(mess.genre_missing),
            device_spelling: odds(mess.device_spelling),
            genre_case: odds(mess.genre_case),
            even: Odds::new(0.5),
            paddings: Odds::all(PADDING_SHARES),
            markers: Odds::all(MARKER_SHARES),
            conflicts: Odds::all(CONFLICT_SHARES),
        }
    }

    /// Spoils a clean row. One that is to be copied keeps its user, song and time.
    pub(super) fn spoil(&mut self, row: &mut Row, to_be_copied: bool) {
        if !to_be_copied {
            self.spoil_key(row);
        }
        self.spoil_plays(row);
        match self.dice.one_of(&self.seconds) {
            Some(0) => row.seconds = -1 - self.dice.below(118) as i16,
            Some(_) => row.seconds = 5_097 + self.dice.below(14_813) as i16,
            None => {}
        }
        row.device_form = self.missing(self.device_missing);
        row.country_form = self.missing(self.country_missing);
        row.artist_form = self.missing(self.artist_missing);
        row.genre_form = self.missing(self.genre_missing);
        self.spell(row);
    }

    fn spoil_key(&mut self, row: &mut Row) {
        let mut spoiled = false;
        if let Some(which) = self.dice.one_of(&self.user_placeholder) {
            row.user_form = IdForm::Placeholder(which as u8);
            spoiled = true;
        }
        if let Some(which) = self.dice.one_of(&self.song_placeholder) {
            row.song_form = IdForm::Placeholder(which as u8);
            spoiled = true;
        }
        if let Some(which) = self.dice.one_of(&self.bad_time) {
            row.time_form = TimeForm::Bad(which as u8);
            spoiled = true;
        }
        // Two such rows might agree in their whole key by chance, and be a duplicate that nobody
        // planted: the second one stays clean.
        if spoiled && self.seen.before(key(row)) {
            row.user_form = IdForm::CLEAN;
            row.song_form = IdForm::CLEAN;
            row.time_form = TimeForm::Valid;
        }
    }

    fn spoil_plays(&mut self, row: &mut Row) {
        let first = self.dice.hit(self.even);
        match self.dice.one_of(&self.plays) {
            Some(0) => row.plays = if first { Plays::One } else { Plays::Ten },
            Some(1) => row.plays = Plays::Blank,
            Some(2) if first => row.plays = Plays::PaddedTwo,
            Some(2) => row.plays = Plays::PaddedThree,
            Some(_) => row.plays = Plays::Number(72 + self.dice.below(263) as u16),
            None if row.event == super::row::Event::Skip && self.dice.hit(self.plays_of_skips) => {
                row.plays = Plays::Number(3 + self.dice.below(4) as u16);
            }
            None => {}
        }
    }

    fn missing(&mut self, odds: Odds) -> CellForm {
        if self.dice.hit(odds) {
            CellForm::Missing(self.dice.weighted(&self.markers) as u8)
        } else {
            CellForm::Plain
        }
    }

    /// Spells anew what can be spelled in several ways.
    fn spell(&mut self, row: &mut Row) {
        if row.user_form.is_real() {
            row.user_form = self.id(self.user_padding, self.user_upper);
        }
        if row.song_form.is_real() {
            row.song_form = self.id(self.song_padding, self.song_upper);
        }
        row.label = if self.dice.hit(self.label) {
            1 + self.dice.below(row.event.labels().len() as u32 - 1) as u8
        } else {
            0
        };
        row.device_form = self.style(row.device_form, self.device_spelling);
        row.genre_form = self.style(row.genre_form, self.genre_case);
    }

    fn id(&mut self, padding: Odds, upper: Odds) -> IdForm {
        let padding = if self.dice.hit(padding) {
            1 + self.dice.weighted(&self.paddings) as u8
        } else {
            0
        };
        let upper = self.dice.hit(upper);
        IdForm::Real { padding, upper }
    }

    fn style(&mut self, form: CellForm, odds: Odds) -> CellForm {
        match form {
            CellForm::Missing(_) => form,
            _ if self.dice.hit(odds) => CellForm::Restyled,
            _ => CellForm::Plain,
        }
    }

    /// An extra copy of a spoiled row, and how it differs.
    pub(super) fn copy(&mut self, row: &Row, kind: usize) -> (Row, Copied) {
        let mut copy = *row;
        let copied = match kind {
            0 => Copied::Exact,
            1 => {
                self.spell(&mut copy);
                if copy == *row
                    && let IdForm::Real { padding, upper } = copy.user_form
                {
                    copy.user_form = IdForm::Real {
                        padding,
                        upper: !upper,
                    };
                }
                Copied::Respelled
            }
            2 => {
                self.spell(&mut copy);
                Copied::Conflicting(self.disagree(&mut copy))
            }
            _ => {
                self.spell(&mut copy);
                copy.song_form = IdForm::Placeholder(self.dice.below(4) as u8);
                Copied::SongLost
            }
        };
        copy.arrival = row.arrival + 1 + self.dice.below(DELAY);
        (copy, copied)
    }

    fn disagree(&mut self, copy: &mut Row) -> Conflict {
        let which = self.dice.weighted(&self.conflicts);
        let marker = self.dice.weighted(&self.markers) as u8;
        let flip = |form: &mut CellForm| {
            *form = if form.is_missing() {
                CellForm::Plain
            } else {
                CellForm::Missing(marker)
            };
        };
        match which {
            0 => {
                copy.plays = Plays::Number(copy.plays.value().unwrap_or(0) + 1);
                Conflict::Plays
            }
            1 => {
                // A negative time stays negative and an outlier one: it is an error of its own.
                copy.seconds += if copy.seconds < 0 { -1 } else { 1 };
                Conflict::Seconds
            }
            2 => {
                flip(&mut copy.device_form);
                Conflict::Device
            }
            3 => {
                flip(&mut copy.country_form);
                Conflict::Country
            }
            4 => {
                flip(&mut copy.artist_form);
                Conflict::Artist
            }
            _ => {
                flip(&mut copy.genre_form);
                Conflict::Genre
            }
        }
    }

    /// The stream of draws, for what else depends on the mess.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        self.dice.below(n)
    }
}

/// What makes two rows the same event, as a number.
fn key(row: &Row) -> u64 {
    let id = |form, id: u32| match form {
        IdForm::Real { .. } => u64::from(id) + 4,
        IdForm::Placeholder(which) => u64::from(which),
    };
    let time = match row.time_form {
        TimeForm::Valid => u64::from(row.time) + 4,
        TimeForm::Bad(which) => u64::from(which),
    };
    let parts = [
        id(row.user_form, row.user),
        id(row.song_form, row.song),
        time,
        row.event as u64,
    ];
    parts.into_iter().fold(0, |hash, part| mix(hash ^ part))
}

/// The finalizer of splitmix64.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A Bloom filter of keys: it never forgets one, but may take a new one for known. That suits
/// a log of any length in bounded memory, because a false alarm only leaves a row clean.
struct Seen {
    bits: Vec<u64>,
}

impl Seen {
    fn new(rows: u64) -> Self {
        // Two bits a row, when a few rows in a hundred are spoiled; 32 MB at most.
        let words = (rows / 32).next_power_of_two().clamp(1 << 10, 1 << 22);
        Self {
            bits: vec![0; words as usize],
        }
    }

    /// Whether the key may have been there before; from now on it has.
    fn before(&mut self, key: u64) -> bool {
        let mut known = true;
        let (mut at, step) = (key, mix(key) | 1);
        for _ in 0..4 {
            let word = (at >> 6) as usize & (self.bits.len() - 1);
            let bit = 1 << (at & 63);
            known &= self.bits[word] & bit != 0;
            self.bits[word] |= bit;
            at = at.wrapping_add(step);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, mix};

    #[test]
    fn a_key_is_never_forgotten_and_seldom_mistaken() {
        let mut seen = Seen::new(100_000);
        let mistaken = (0..4_000).filter(|&k| seen.before(mix(k))).count();
        assert!(mistaken < 40, "{mistaken}");
        assert!((0..4_000).all(|k| seen.before(mix(k))));
    }
}
