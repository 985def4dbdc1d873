//! The parameters of planted mess: one rate a kind of defect.

use musicrec_api::{Fraction, NonNegative, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! rates {
    ($($(#[$doc:meta])* $name:ident = $default:literal;)*) => {
        /// How often each kind of defect is planted. The defaults are near the rates of a real messy
        /// sample. `mess.scale = 0.0` plants none.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Mess {
            /// Multiplies all rates below (at least 0, default 1.0; 0 is a clean log).
            pub scale: NonNegative,
            $($(#[$doc])* pub $name: Fraction,)*
        }

        impl Default for Mess {
            fn default() -> Self {
                let rate = |value| Fraction::new(value).expect("a default rate is a fraction");
                Self {
                    scale: NonNegative::new(1.0).expect("1 is at least 0"),
                    $($name: rate($default),)*
                }
            }
        }

        impl Mess {
            /// A rate by its name.
            fn named(&self, name: &str) -> Fraction {
                match name {
                    $(stringify!($name) => self.$name,)*
                    _ => unreachable!("{name} is no rate"),
                }
            }
        }
    };
}

rates! {
    /// Share of user ids with spaces before or behind (0 to 1, default 0.114).
    user_padding = 0.114;
    /// Share of user ids in upper case: `U12345` (0 to 1, default 0.0635).
    user_upper_case = 0.0635;
    /// Share of rows whose user id is blank (0 to 1, default 0.0014).
    user_blank = 0.0014;
    /// Share of rows whose user is `guest` (0 to 1, default 0.0033).
    user_guest = 0.0033;
    /// Share of rows whose user is `U-TEST` (0 to 1, default 0.0021).
    user_test = 0.0021;
    /// Share of rows whose user is `u00000` (0 to 1, default 0.0021).
    user_zeros = 0.0021;
    /// Share of song ids with spaces before or behind (0 to 1, default 0.114).
    song_padding = 0.114;
    /// Share of song ids in upper case (0 to 1, default 0.0705).
    song_upper_case = 0.0705;
    /// Share of rows whose song id is blank (0 to 1, default 0.0017).
    song_blank = 0.0017;
    /// Share of rows whose song is `UNKNOWN` (0 to 1, default 0.0035).
    song_unknown = 0.0035;
    /// Share of rows whose song is `s-999999` (0 to 1, default 0.0027).
    song_nines = 0.0027;
    /// Share of rows whose song is `s000000` (0 to 1, default 0.0025).
    song_zeros = 0.0025;
    /// Share of event labels in another case, spelling or word: `PLAY`, `add2playlist`,
    /// `thumbs_up` (0 to 1, default 0.728).
    event_labels = 0.728;
    /// Share of play counts that are the word `one` or `ten` (0 to 1, default 0.0127).
    plays_word = 0.0127;
    /// Share of play counts that are blank (0 to 1, default 0.0048).
    plays_blank = 0.0048;
    /// Share of play counts with spaces around, `2 ` or ` 3` (0 to 1, default 0.0137).
    plays_padding = 0.0137;
    /// Share of play counts from 72 to 334 (0 to 1, default 0.0037).
    plays_outlier = 0.0037;
    /// Share of skip rows with 3 to 6 plays, besides those the rates above bring about (0 to 1,
    /// default 0.005).
    plays_of_skips = 0.005;
    /// Share of listening times from −118 to −1 seconds (0 to 1, default 0.0089).
    seconds_negative = 0.0089;
    /// Share of listening times from 5,097 to 19,909 seconds (0 to 1, default 0.0041).
    seconds_outlier = 0.0041;
    /// Share of timestamps that are blank (0 to 1, default 0.0042).
    time_blank = 0.0042;
    /// Share of timestamps that are `not_a_time` (0 to 1, default 0.0062).
    time_text = 0.0062;
    /// Share of timestamps that are `2025-13-40 99:99:99` (0 to 1, default 0.006).
    time_impossible = 0.006;
    /// Share of timestamps that are `2025/09/31 12:61:00`: another format, and impossible as well
    /// (0 to 1, default 0.0029).
    time_slashes = 0.0029;
    /// Share of devices that are blank, `NA` or `null` (0 to 1, default 0.0394).
    device_missing = 0.0394;
    /// Share of countries that are blank, `NA` or `null` (0 to 1, default 0.0344).
    country_missing = 0.0344;
    /// Share of artist ids that are blank, `NA` or `null` (0 to 1, default 0.0183).
    artist_missing = 0.0183;
    /// Share of genres that are blank, `NA` or `null` (0 to 1, default 0.0471).
    genre_missing = 0.0471;
    /// Share of devices (of those that are there) in upper case: `IOS`, `SMARTTV` (0 to 1, default
    /// 0.0943).
    device_spelling = 0.0943;
    /// Share of genres (of those that are there) in title case: `Hip-Hop` (0 to 1, default 0.0999).
    genre_case = 0.0999;
    /// Extra copies with all cells equal, as a share of all rows (0 to 1, default 0.0017).
    duplicate_exact = 0.0017;
    /// Extra copies that are equal once spelling is repaired (0 to 1, default 0.0224).
    duplicate_spelling = 0.0224;
    /// Extra copies with the same user, song, event and time of which another cell disagrees (0 to
    /// 1, default 0.0097).
    duplicate_conflict = 0.0097;
    /// Extra copies whose song is lost to a placeholder (0 to 1, default 0.0006).
    duplicate_hidden = 0.0006;
}

impl Mess {
    /// A rate with the scale applied.
    pub(super) fn rate(&self, rate: Fraction) -> f64 {
        (rate.get() * self.scale.get()).min(1.0)
    }

    /// The rates of extra copies: exact, respelled, conflicting, with the song lost.
    pub(super) fn duplicates(&self) -> [f64; 4] {
        [
            self.duplicate_exact,
            self.duplicate_spelling,
            self.duplicate_conflict,
            self.duplicate_hidden,
        ]
        .map(|rate| self.rate(rate))
    }

    /// Rates that exclude each other and leave no room.
    pub(super) fn contradictions(&self) -> Vec<Problem> {
        let groups: [(&[&str], f64); 6] = [
            (
                &["user_blank", "user_guest", "user_test", "user_zeros"],
                1.0,
            ),
            (
                &["song_blank", "song_unknown", "song_nines", "song_zeros"],
                1.0,
            ),
            (
                &[
                    "plays_word",
                    "plays_blank",
                    "plays_padding",
                    "plays_outlier",
                ],
                1.0,
            ),
            (&["seconds_negative", "seconds_outlier"], 1.0),
            (
                &["time_blank", "time_text", "time_impossible", "time_slashes"],
                1.0,
            ),
            // Every copy needs a row of its own to be a copy of.
            (
                &[
                    "duplicate_exact",
                    "duplicate_spelling",
                    "duplicate_conflict",
                    "duplicate_hidden",
                ],
                0.5,
            ),
        ];
        let crowded = |(names, most): (&[&str], f64)| {
            let rates = names.iter().map(|name| self.named(name).get());
            let sum = rates.sum::<f64>() * self.scale.get();
            if sum <= most + 1e-9 {
                return None;
            }
            let (last, others) = names.split_last().expect("a group has rates");
            let message = format!(
                "mess.{} and {last} times mess.scale add up to {sum:.3}, which is more than {most}",
                others.join(", ")
            );
            // Those that were left alone are not to blame.
            let default = Self::default();
            let place = names
                .iter()
                .filter(|name| self.named(name) != default.named(name))
                .max_by(|a, b| self.named(a).get().total_cmp(&self.named(b).get()))
                .unwrap_or(&"scale");
            Some(Problem::at(format!("mess.{place}"), message).remedy("lower them or mess.scale"))
        };
        groups.into_iter().filter_map(crowded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Mess;

    #[test]
    fn rates_that_exclude_each_other_must_leave_room() {
        assert!(Mess::default().contradictions().is_empty());
        let crowded: Mess =
            serde_json::from_str(r#"{"time_blank": 0.6, "time_text": 0.6}"#).unwrap();
        let problem = &crowded.contradictions()[0];
        assert_eq!(problem.parameter, "mess.time_text");
        let error = problem.error("").to_string();
        assert!(
            error.contains("mess.time_blank") && error.contains("lower"),
            "{error}"
        );
        let scaled: Mess = serde_json::from_str(r#"{"scale": 20.0}"#).unwrap();
        assert_eq!(scaled.contradictions()[0].parameter, "mess.scale");
    }
}
