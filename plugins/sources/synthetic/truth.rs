//! What was planted, exactly: the account that goes with a log.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Synthetic;
use super::muddle::{Conflict, Copied};
use super::row::{
    BAD_TIMES, COLUMNS, CellForm, DEVICES, Event, IdForm, MISSING_MARKERS, Plays, Row,
    SONG_PLACEHOLDERS, TimeForm, USER_PLACEHOLDERS,
};

/// The truth about a synthetic log, counted while it was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// What made the log: always `synthetic`.
    pub generator: &'static str,
    /// Revision of the generator; another one makes another log of the same parameters.
    pub revision: u32,
    /// What it was asked for.
    pub parameters: Synthetic,
    /// The seed it used.
    pub seed: u64,
    /// Rows without the header, copies included.
    pub rows: u64,
    /// The columns in their order.
    pub columns: [&'static str; 13],
    /// Every kind of defect with its number of rows, in the terms of an audit.
    pub defects: Vec<Defect>,
    /// What an honest cleaning drops, step by step.
    pub funnel: Vec<Step>,
    /// What it leaves.
    pub clean: Clean,
    /// Rows by event and label.
    pub event_type_clusters: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// First and last valid timestamp; `None` if there is none.
    pub timestamp_range_valid: Option<[String; 2]>,
}

impl Truth {
    /// The number of rows with a defect; `None` if no such defect is known.
    pub fn rows_with(&self, id: &str) -> Option<u64> {
        self.defects.iter().find(|d| d.id == id).map(|d| d.rows)
    }
}

/// One kind of defect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Defect {
    /// Its name, `column.kind`.
    pub id: String,
    /// The column it is in.
    pub column: &'static str,
    /// When a row counts.
    pub rule: &'static str,
    /// Rows that have it.
    pub rows: u64,
    /// The same in percent of all rows.
    pub pct: f64,
    /// What to do about it: `repair`, `drop`, or `info` for nothing.
    pub severity: &'static str,
    /// The same rows by kind, where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, u64>,
}

/// One step of honest cleaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it drops.
    pub step: &'static str,
    /// How many rows it drops.
    pub dropped: u64,
    /// How many rows are left.
    pub left: u64,
}

/// What honest cleaning leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clean {
    /// Rows.
    pub rows: u64,
    /// Different users.
    pub users: u64,
    /// Different songs.
    pub songs: u64,
}

/// What is counted of an id column.
struct Ids {
    padded: u64,
    upper: u64,
    placeholders: [u64; 4],
    /// The spellings seen of each id, one bit each.
    spellings: Vec<u8>,
    /// Whether a row that survives cleaning has the id.
    survives: Vec<bool>,
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

    fn distinct(&self) -> BTreeMap<String, u64> {
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

    fn surviving(&self) -> u64 {
        self.survives.iter().filter(|&&s| s).count() as u64
    }
}

/// Counts rows as they are written.
pub(super) struct Tally {
    rows: u64,
    users: Ids,
    songs: Ids,
    any_placeholder: u64,
    labels: [[u64; 4]; 6],
    /// Word one, word ten, blank, padded two, padded three, outlier.
    plays: [u64; 6],
    skips_with_plays: u64,
    negative: u64,
    outlier: u64,
    zero: [u64; 6],
    bad_times: [u64; 4],
    /// Device, country, artist, genre by marker.
    missing: [[u64; 3]; 4],
    device_spelling: [u64; 6],
    genre_case: u64,
    exact: u64,
    respelled: u64,
    conflicts: [u64; 6],
    song_lost: u64,
    /// Rows that honest cleaning drops for user, song and time, each counted once.
    funnel: [u64; 3],
    first: u32,
    last: u32,
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

    /// The account; `time` writes a number of seconds since the start of the log.
    pub(super) fn truth(
        self,
        parameters: &Synthetic,
        seed: u64,
        time: impl Fn(u32) -> String,
    ) -> Truth {
        let conflicting: u64 = self.conflicts.iter().sum();
        let duplicates = self.exact + self.respelled + conflicting;
        let mut left = self.rows;
        let funnel: Vec<Step> = [
            ("user is a placeholder", self.funnel[0]),
            ("song is a placeholder", self.funnel[1]),
            ("timestamp is no time", self.funnel[2]),
            ("same user, song, event and timestamp", duplicates),
        ]
        .into_iter()
        .map(|(step, dropped)| {
            left -= dropped;
            Step {
                step,
                dropped,
                left,
            }
        })
        .collect();
        Truth {
            generator: "synthetic",
            revision: super::REVISION,
            parameters: parameters.clone(),
            seed,
            rows: self.rows,
            columns: COLUMNS,
            clean: Clean {
                rows: left,
                users: self.users.surviving(),
                songs: self.songs.surviving(),
            },
            event_type_clusters: self.clusters(),
            timestamp_range_valid: (self.first <= self.last)
                .then(|| [time(self.first), time(self.last)]),
            defects: self.defects(),
            funnel,
        }
    }

    fn clusters(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
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

    fn defects(&self) -> Vec<Defect> {
        let mut list = List {
            total: self.rows,
            defects: Vec::new(),
        };
        self.id_defects(&mut list);
        self.event_defects(&mut list);
        self.number_defects(&mut list);
        self.time_defects(&mut list);
        self.category_defects(&mut list);
        self.row_defects(&mut list);
        list.defects
    }

    fn id_defects(&self, list: &mut List) {
        for (column, ids, values, prefix) in [
            ("user_id", &self.users, USER_PLACEHOLDERS, "user_id"),
            ("song_id", &self.songs, SONG_PLACEHOLDERS, "song_id"),
        ] {
            let mut add = |kind: &str, rule, rows, severity| {
                list.add(&format!("{prefix}.{kind}"), column, rule, rows, severity);
            };
            add(
                "whitespace",
                "leading/trailing spaces",
                ids.padded,
                "repair",
            );
            add(
                "uppercase",
                "an upper-case letter (sentinels excluded)",
                ids.upper,
                "repair",
            );
            add(
                "distinct",
                "distinct raw -> trim+lower -> real ids",
                0,
                "repair",
            );
            list.detail(ids.distinct());
            for (value, rows) in values.into_iter().zip(ids.placeholders) {
                let (kind, rule) = if value.is_empty() {
                    ("blank".to_owned(), "blank id")
                } else {
                    (value.to_lowercase(), "placeholder id")
                };
                list.add(
                    &format!("{prefix}.sentinel.{kind}"),
                    column,
                    rule,
                    rows,
                    "drop",
                );
            }
            list.add(
                &format!("{prefix}.sentinel.any"),
                column,
                "any of the above",
                ids.placeholders.iter().sum(),
                "drop",
            );
        }
        list.add(
            "row.sentinel.any",
            "user_id",
            "user or song is a placeholder",
            self.any_placeholder,
            "drop",
        );
    }

    fn event_defects(&self, list: &mut List) {
        let variants = self.labels.iter().map(|l| l[1..].iter().sum::<u64>()).sum();
        list.add(
            "event_type.variants",
            "event_type",
            "label differs from its canonical form",
            variants,
            "repair",
        );
        let clusters = self.clusters();
        let labels = || clusters.values().flat_map(BTreeMap::keys);
        let mut folded: Vec<String> = labels().map(|l| l.to_lowercase()).collect();
        folded.sort();
        folded.dedup();
        list.detail(named([
            ("raw_labels", labels().count() as u64),
            ("casefold_labels", folded.len() as u64),
            ("canonical", clusters.len() as u64),
        ]));
    }

    fn number_defects(&self, list: &mut List) {
        let [one, ten, blank, two, three, outlier] = self.plays;
        let plays = "play_count";
        list.add(
            "play_count.word",
            plays,
            "number as a word",
            one + ten,
            "repair",
        );
        list.detail(named([("one", one), ("ten", ten)]));
        list.add("play_count.blank", plays, "blank", blank, "repair");
        list.add(
            "play_count.whitespace",
            plays,
            "spaces around a number",
            two + three,
            "repair",
        );
        list.detail(named([("'2 '", two), ("' 3'", three)]));
        list.add("play_count.outlier", plays, "> 10", outlier, "repair");
        list.add(
            "skip.high_play_count",
            plays,
            "skip rows whose weight stays > 0 under min(plays, 10) - 2 > 0",
            self.skips_with_plays,
            "info",
        );
        let seconds = "listen_seconds";
        list.add(
            "listen_seconds.negative",
            seconds,
            "< 0",
            self.negative,
            "repair",
        );
        list.add(
            "listen_seconds.outlier",
            seconds,
            "> 3600",
            self.outlier,
            "repair",
        );
        list.add(
            "listen_seconds.zero",
            seconds,
            "= 0 (plausible; report, do not repair)",
            self.zero.iter().sum(),
            "info",
        );
        list.detail(named(
            Event::ALL.map(|e| (e.labels()[0], self.zero[e as usize])),
        ));
    }

    fn time_defects(&self, list: &mut List) {
        let time = "timestamp";
        for (value, rows) in BAD_TIMES.into_iter().zip(self.bad_times) {
            let kind = if value.is_empty() { "blank" } else { value };
            let rule = match kind {
                "blank" => "blank",
                "not_a_time" => "literal text",
                "2025-13-40 99:99:99" => "right shape, impossible date",
                _ => "slash format and impossible: cannot be repaired by adding the format",
            };
            list.add(&format!("timestamp.{kind}"), time, rule, rows, "drop");
        }
        list.add(
            "timestamp.invalid.any",
            time,
            "does not parse with %Y-%m-%d %H:%M:%S",
            self.bad_times.iter().sum(),
            "drop",
        );
    }

    fn category_defects(&self, list: &mut List) {
        let columns = ["device", "country", "artist_id", "genre"];
        for (column, counts) in columns.into_iter().zip(self.missing) {
            list.add(
                &format!("{column}.missing"),
                column,
                "blank, 'NA' or 'null'",
                counts.iter().sum(),
                "repair",
            );
            let markers = MISSING_MARKERS.map(|m| if m.is_empty() { "blank" } else { m });
            list.detail(named(std::array::from_fn::<_, 3, _>(|i| {
                (markers[i], counts[i])
            })));
        }
        list.add(
            "device.case_or_spelling",
            "device",
            "upper case or SMARTTV for smart_tv",
            self.device_spelling.iter().sum(),
            "repair",
        );
        list.detail(named(std::array::from_fn::<_, 6, _>(|i| {
            (DEVICES[i].1, self.device_spelling[i])
        })));
        list.add(
            "genre.case",
            "genre",
            "title case",
            self.genre_case,
            "repair",
        );
    }

    fn row_defects(&self, list: &mut List) {
        let conflicting: u64 = self.conflicts.iter().sum();
        let normalized = self.exact + self.respelled;
        for (id, rule, rows, severity) in [
            (
                "row.duplicate.exact",
                "all 13 raw cells equal (extra rows)",
                self.exact,
                "drop",
            ),
            (
                "row.duplicate.normalized",
                "all 13 cells equal after normalisation (extra rows)",
                normalized,
                "drop",
            ),
            (
                "row.duplicate.key",
                "same (user,song,event,timestamp) after normalisation, all rows (extra rows)",
                normalized + conflicting,
                "drop",
            ),
            (
                "row.duplicate.key_after_drops",
                "same key among rows with real ids and a valid timestamp (extra rows)",
                normalized + conflicting,
                "drop",
            ),
        ] {
            list.add(id, "user_id", rule, rows, severity);
        }
        let conflict = |c: Conflict| self.conflicts[c as usize];
        list.detail(named([
            ("play_count", conflict(Conflict::Plays)),
            ("listen_seconds", conflict(Conflict::Seconds)),
            ("device", conflict(Conflict::Device)),
            ("country", conflict(Conflict::Country)),
            ("artist_id", conflict(Conflict::Artist)),
            ("genre", conflict(Conflict::Genre)),
        ]));
        list.add(
            "row.duplicate.hidden_by_sentinel",
            "song_id",
            "same user and timestamp, song lost to a placeholder",
            self.song_lost,
            "info",
        );
        list.add(
            "flags.inconsistent",
            "liked",
            "liked/added_to_playlist/skipped disagree with event_type",
            0,
            "info",
        );
    }
}

/// Defects in the making.
struct List {
    total: u64,
    defects: Vec<Defect>,
}

impl List {
    fn add(
        &mut self,
        id: &str,
        column: &'static str,
        rule: &'static str,
        rows: u64,
        severity: &'static str,
    ) {
        let pct = (rows as f64 * 1e5 / self.total as f64).round() / 1e3;
        self.defects.push(Defect {
            id: id.to_owned(),
            column,
            rule,
            rows,
            pct,
            severity,
            detail: BTreeMap::new(),
        });
    }

    /// Tells the kinds of the defect that was added last; kinds that do not occur stay out.
    fn detail(&mut self, detail: BTreeMap<String, u64>) {
        if let Some(defect) = self.defects.last_mut() {
            defect.detail = detail.into_iter().filter(|(_, rows)| *rows > 0).collect();
        }
    }
}

fn named<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts
        .into_iter()
        .map(|(name, rows)| (name.to_owned(), rows))
        .collect()
}
