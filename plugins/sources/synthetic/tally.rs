//! Counts defects row by row while a log is made.

use std::collections::BTreeMap;

use super::Synthetic;
use super::muddle::Copied;
use super::row::{CellForm, Event, IdForm, Plays, Row, TimeForm};

/// What is counted of an id column.
pub(super) struct Ids {
    pub(super) padded: u64,
    pub(super) upper: u64,
    pub(super) placeholders: [u64; 4],
    /// The spellings seen of each id, one bit each.
    pub(super) spellings: Vec<u8>,
    /// Whether a row that survives cleaning has the id.
    pub(super) survives: Vec<bool>,
}

impl Ids {
    fn new(count: u32) -> Self {
        Self {
            padded: 0,
            upper: 0,
            placeholders: [0; 4],
            spellings: vec![0; count as usize],
            survives: vec![false; count as usize],
        }
    }

    fn count(&mut self, id: u32, form: IdForm, survives: bool) {
        match form {
            IdForm::Real { padding, upper } => {
                self.padded += u64::from(padding > 0);
                self.upper += u64::from(upper);
                self.spellings[id as usize] |= 1 << (padding + 4 * u8::from(upper));
                self.survives[id as usize] |= survives;
            }
            IdForm::Placeholder(which) => self.placeholders[usize::from(which)] += 1,
        }
    }

    /// How many different ids there are as they are written, without spelling, and real ones.
    pub(super) fn distinct(&self) -> BTreeMap<String, u64> {
        let spellings: u64 = self
            .spellings
            .iter()
            .map(|s| u64::from(s.count_ones()))
            .sum();
        let real = self.spellings.iter().filter(|&&s| s != 0).count() as u64;
        let placeholders = self.placeholders.iter().filter(|&&n| n > 0).count() as u64;
        named([
            ("raw", spellings + placeholders),
            ("trim_lower", real + placeholders),
            ("real", real),
        ])
    }

    /// How many ids survive cleaning.
    pub(super) fn surviving(&self) -> u64 {
        self.survives.iter().filter(|&&s| s).count() as u64
    }
}

/// Counts rows as they are written.
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) users: Ids,
    pub(super) songs: Ids,
    pub(super) any_placeholder: u64,
    pub(super) labels: [[u64; 4]; 6],
    /// Word one, word ten, blank, padded two, padded three, outlier.
    pub(super) plays: [u64; 6],
    pub(super) skips_with_plays: u64,
    pub(super) negative: u64,
    pub(super) outlier: u64,
    pub(super) zero: [u64; 6],
    pub(super) bad_times: [u64; 4],
    /// Device, country, artist, genre by marker.
    pub(super) missing: [[u64; 3]; 4],
    pub(super) device_spelling: [u64; 6],
    pub(super) genre_case: u64,
    pub(super) exact: u64,
    pub(super) respelled: u64,
    pub(super) conflicts: [u64; 6],
    pub(super) song_lost: u64,
    /// Rows that honest cleaning drops for user, song and time, each counted once.
    pub(super) funnel: [u64; 3],
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Tally {
    pub(super) fn new(parameters: &Synthetic) -> Self {
        Self {
            rows: 0,
            users: Ids::new(parameters.users.get()),
            songs: Ids::new(parameters.songs.get()),
            any_placeholder: 0,
            labels: [[0; 4]; 6],
            plays: [0; 6],
            skips_with_plays: 0,
            negative: 0,
            outlier: 0,
            zero: [0; 6],
            bad_times: [0; 4],
            missing: [[0; 3]; 4],
            device_spelling: [0; 6],
            genre_case: 0,
            exact: 0,
            respelled: 0,
            conflicts: [0; 6],
            song_lost: 0,
            funnel: [0; 3],
            first: u32::MAX,
            last: 0,
        }
    }

    /// Counts an extra copy, besides its row.
    pub(super) fn copy(&mut self, copied: Copied) {
        match copied {
            Copied::Exact => self.exact += 1,
            Copied::Respelled => self.respelled += 1,
            Copied::Conflicting(conflict) => self.conflicts[conflict as usize] += 1,
            Copied::SongLost => self.song_lost += 1,
        }
    }

    /// Counts a row.
    pub(super) fn row(&mut self, row: &Row) {
        self.rows += 1;
        let dropped_for = if !row.user_form.is_real() {
            Some(0)
        } else if !row.song_form.is_real() {
            Some(1)
        } else if row.time_form != TimeForm::Valid {
            Some(2)
        } else {
            None
        };
        if let Some(step) = dropped_for {
            self.funnel[step] += 1;
        }
        self.any_placeholder += u64::from(matches!(dropped_for, Some(0 | 1)));
        self.users
            .count(row.user, row.user_form, dropped_for.is_none());
        self.songs
            .count(row.song, row.song_form, dropped_for.is_none());
        self.labels[row.event as usize][usize::from(row.label)] += 1;
        match row.plays {
            Plays::One => self.plays[0] += 1,
            Plays::Ten => self.plays[1] += 1,
            Plays::Blank => self.plays[2] += 1,
            Plays::PaddedTwo => self.plays[3] += 1,
            Plays::PaddedThree => self.plays[4] += 1,
            Plays::Number(n) => self.plays[5] += u64::from(n > 10),
        }
        let many = row.plays.value().is_some_and(|n| n >= 3);
        self.skips_with_plays += u64::from(row.event == Event::Skip && many);
        self.negative += u64::from(row.seconds < 0);
        self.outlier += u64::from(row.seconds > 3_600);
        self.zero[row.event as usize] += u64::from(row.seconds == 0);
        match row.time_form {
            TimeForm::Valid => {
                self.first = self.first.min(row.time);
                self.last = self.last.max(row.time);
            }
            TimeForm::Bad(which) => self.bad_times[usize::from(which)] += 1,
        }
        let cells = [
            row.device_form,
            row.country_form,
            row.artist_form,
            row.genre_form,
        ];
        for (counts, form) in self.missing.iter_mut().zip(cells) {
            if let CellForm::Missing(marker) = form {
                counts[usize::from(marker)] += 1;
            }
        }
        let restyled = |form| u64::from(form == CellForm::Restyled);
        self.device_spelling[usize::from(row.device)] += restyled(row.device_form);
        self.genre_case += restyled(row.genre_form);
    }

    /// Rows by event and label, of labels in use.
    pub(super) fn clusters(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
        Event::ALL
            .into_iter()
            .map(|event| {
                let counts = self.labels[event as usize];
                let labels = event.labels().iter().copied().zip(counts);
                (event.labels()[0], labels.filter(|l| l.1 > 0).collect())
            })
            .filter(|(_, labels): &(_, BTreeMap<_, _>)| !labels.is_empty())
            .collect()
    }
}

/// Counts by name.
pub(super) fn named<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts
        .into_iter()
        .map(|(name, rows)| (name.to_owned(), rows))
        .collect()
}
