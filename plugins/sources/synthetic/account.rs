//! Puts what was counted in the terms of an audit: an id, a rule and a severity for each defect.

use std::collections::BTreeMap;

use super::muddle::Conflict;
use super::row::{
    BAD_TIMES, DEVICES, Event, MISSING_MARKERS, SONG_PLACEHOLDERS, USER_PLACEHOLDERS,
};
use super::tally::{Tally, named};
use super::truth::Defect;

impl Tally {
    /// Every kind of defect with its number of rows.
    pub(super) fn defects(&self) -> Vec<Defect> {
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
