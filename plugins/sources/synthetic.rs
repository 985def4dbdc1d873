//! Makes a listening log: planted taste, planted mess, and the truth about both.

mod account;
mod catalogue;
mod dice;
mod listeners;
mod mess;
mod muddle;
#[cfg(test)]
mod recount;
mod row;
mod sessions;
mod start;
mod tally;
mod truth;
mod writer;

use std::fmt::Write;
use std::num::{NonZeroU32, NonZeroU64};

use musicrec_api::{
    CheckContext, Error, Fraction, Ledger, Log, NonNegative, Problem, Result, Roles, Source,
    SourceContext, derive_seed, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use mess::Mess;
pub use start::StartDate;
pub use truth::{Clean, Defect, Step, Truth};
pub use writer::write_csv;

/// Raised whenever the same parameters and seed make another log.
const REVISION: u32 = 1;

/// Makes a listening log of any length from a seed: a data set to learn with whose truth is known.
///
/// Every song has an artist and every artist a genre; songs are popular by Zipf's law (the weight of
/// rank r is `r^-popularity`). Every listener has three favourite genres and four favourite artists,
/// at first and, drifting there bit by bit, others at the end. Listeners are active by a log-normal
/// law and open sessions at their hour of the day. Each song of a session is, with probability
/// `taste`, the listener's own choice (with probability `repeats` one heard lately, else one by a
/// favourite artist or from a favourite genre), and else whatever is popular. What they like, add or
/// play often matches their taste, what they skip does not. With `taste = 0.0` neither songs nor
/// events depend on the listener: a negative control, on which no model can beat popularity; with
/// `popularity = 0.0` as well, all songs are alike.
///
/// Over this the defects of a real messy log are planted, each at its own rate (`mess`). Rows come in
/// the order of time, apart from late copies; a row's cells are those of a CSV file with the columns
/// `user_id, song_id, event_type, play_count, liked, added_to_playlist, skipped, listen_seconds,
/// timestamp, device, country, artist_id, genre`. Memory grows with users, songs and the rows of
/// one day, not with the length of the log.
///
/// ```toml
/// [source.synthetic]
/// users = 1000
/// rows = 25000
/// taste = 0.9           # 0.0: a negative control
/// mess.scale = 1.0      # 0.0: a clean log
/// mess.event_labels = 0.5
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Synthetic {
    /// Number of listeners (at least 1, default 1000). All turn up, unless the log is too short.
    pub users: NonZeroU32,
    /// Number of rows, copies included (at least 1, default 25000).
    pub rows: NonZeroU64,
    /// Number of songs (at least `artists`, default 1500). In a short log not all are heard.
    pub songs: NonZeroU32,
    /// Number of artists (at least `genres`, default 100).
    pub artists: NonZeroU32,
    /// Number of genres (at least 1, default 16).
    pub genres: NonZeroU32,
    /// Length of the log in days (1 to 36500, default 120).
    #[schemars(range(max = 36_500), extend("x-unit" = "days"))]
    pub days: NonZeroU32,
    /// First day of the log (default 2025-09-01).
    pub start: StartDate,
    /// Seed of everything random (default: derived from the experiment's seed).
    pub seed: Option<u64>,
    /// How much of the listening is the listener's own choice, not mere popularity (0 to 1, default
    /// 0.9; 0 is a negative control).
    pub taste: Fraction,
    /// Exponent of Zipf's law for the popularity of songs (at least 0, default 0.6; 0 makes all songs
    /// alike).
    pub popularity: NonNegative,
    /// How much of a taste is another one at the end of the log (0 to 1, default 0.2).
    pub drift: Fraction,
    /// How many of the songs of own choice were heard lately (0 to 1, default 0.25).
    pub repeats: Fraction,
    /// Share of songs that come out during the log instead of before (0 to 1, default 0).
    pub releases: Fraction,
    /// How unequal listeners are in activity: the standard deviation of its logarithm (at least 0,
    /// default 0.8; 0 makes all alike).
    pub activity: NonNegative,
    /// Rates of planted defects.
    pub mess: Mess,
}

impl Default for Synthetic {
    fn default() -> Self {
        let count = |n| NonZeroU32::new(n).expect("a default count is not 0");
        let fraction = |f| Fraction::new(f).expect("a default fraction is from 0 to 1");
        let amount = |a| NonNegative::new(a).expect("a default amount is at least 0");
        Self {
            users: count(1_000),
            rows: NonZeroU64::new(25_000).expect("25,000 is not 0"),
            songs: count(1_500),
            artists: count(100),
            genres: count(16),
            days: count(120),
            start: StartDate::parse("2025-09-01").expect("the default start is a date"),
            seed: None,
            taste: fraction(0.9),
            popularity: amount(0.6),
            drift: fraction(0.2),
            repeats: fraction(0.25),
            releases: fraction(0.0),
            activity: amount(0.8),
            mess: Mess::default(),
        }
    }
}

impl Synthetic {
    /// The seed in effect within an experiment: the source's own one, else a derived one.
    pub fn seed_in(&self, context: &SourceContext) -> u64 {
        self.seed
            .unwrap_or_else(|| derive_seed(context.seed, "synthetic"))
    }

    /// Fails where [`Self::contradictions`] finds something.
    fn checked(&self) -> Result<()> {
        match self.contradictions().first() {
            Some(problem) => Err(problem.error("source synthetic: ")),
            None => Ok(()),
        }
    }

    /// What the types cannot rule out.
    fn contradictions(&self) -> Vec<Problem> {
        let default = Self::default();
        let (users, songs) = (self.users.get(), self.songs.get());
        let (artists, genres, days) = (self.artists.get(), self.genres.get(), self.days.get());
        // Which of two was written is not known here, but a default was not.
        let either = |one, is_default: bool, other| if is_default { other } else { one };
        let mut problems = Vec::new();
        let mut problem = |place: &str, message: String, remedy: &str| {
            problems.push(Problem::at(place, message).remedy(remedy));
        };
        if artists > songs {
            problem(
                either("songs", self.songs == default.songs, "artists"),
                format!(
                    "songs = {songs} is below artists = {artists}, but every artist has a song"
                ),
                "lower artists",
            );
        }
        if genres > artists {
            problem(
                either("genres", self.genres == default.genres, "artists"),
                format!(
                    "artists = {artists} is below genres = {genres}, but every genre has an artist"
                ),
                "lower genres",
            );
        }
        for (name, count, most) in [
            ("users", users, 100_000_000),
            ("songs", songs, 100_000_000),
            ("days", days, 36_500),
        ] {
            if count > most {
                problem(
                    name,
                    format!("{name} = {count} is above {most}"),
                    "lower it",
                );
            }
        }
        // 2,000 rows a user and day leave some 30 seconds between two rows.
        let most = u64::from(users) * u64::from(days) * 2_000;
        if self.rows.get() > most {
            let few = either("users", self.users == default.users, "days");
            problem(
                either("rows", self.rows == default.rows, few),
                format!(
                    "{users} users cannot hear {} songs in {days} days (at most 2000 a user and \
                     day, {most} in all)",
                    self.rows
                ),
                "raise users or days, or lower rows",
            );
        }
        problems.extend(self.mess.contradictions());
        problems
    }
}

#[typetag::serde(name = "synthetic")]
impl Source for Synthetic {
    fn fingerprint(&self, context: &SourceContext) -> Result<String> {
        self.checked()?;
        let parameters = Self {
            seed: Some(self.seed_in(context)),
            ..self.clone()
        };
        let text = serde_json::to_string(&parameters)
            .map_err(|e| Error::definition(format!("source synthetic: {e}")))?;
        let mut hash = Sha256::new();
        hash.update(format!("synthetic {REVISION}\n{text}"));
        let mut name = String::new();
        for byte in hash.finalize() {
            write!(name, "{byte:02x}").expect("a text grows without fail");
        }
        Ok(name)
    }

    fn read(
        &self,
        context: &SourceContext,
        _: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()> {
        writer::read(self, self.seed_in(context), sink)
    }

    fn columns(&self, _: &SourceContext) -> Option<Vec<String>> {
        Some(row::COLUMNS.map(str::to_owned).to_vec())
    }

    fn parts(&self, _: &SourceContext) -> Option<Roles> {
        Some(row::roles())
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        self.contradictions()
    }
}

register!(Source, Synthetic, "synthetic", revision = 1);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sha2::{Digest, Sha256};

    use super::{REVISION, Synthetic, write_csv};
    use musicrec_api::{CheckContext, Error, Ledger, Log, Source, SourceContext, registrations};

    fn csv(parameters: &Synthetic, seed: u64) -> String {
        let mut out = Vec::new();
        let mut told = 0;
        let truth = write_csv(parameters, seed, &mut out, &mut |rows| told = rows).unwrap();
        assert_eq!((truth.rows, told), (parameters.rows.get(), truth.rows));
        String::from_utf8(out).unwrap()
    }

    fn context(seed: u64) -> SourceContext<'static> {
        SourceContext::new(Path::new("."), seed)
    }

    fn with(parameters: &str) -> Synthetic {
        serde_json::from_str(parameters).unwrap()
    }

    #[test]
    fn the_log_has_exactly_the_rows_asked_for_and_the_same_seed_makes_it_again() {
        for rows in [1, 2, 119, 5_180] {
            let parameters = with(&format!(r#"{{"rows": {rows}}}"#));
            assert_eq!(csv(&parameters, 3).lines().count(), rows + 1);
        }
        let parameters = with(r#"{"rows": 2000}"#);
        assert_eq!(csv(&parameters, 3), csv(&parameters, 3));
        assert_ne!(csv(&parameters, 3), csv(&parameters, 4));
    }

    #[test]
    fn reading_gives_the_cells_of_the_file_whatever_the_chunks() {
        // More than one chunk.
        let parameters = with(r#"{"rows": 70000, "seed": 11}"#);
        let mut chunks = Vec::new();
        parameters
            .read(&context(0), &mut Ledger::default(), &mut |chunk| {
                chunks.push(chunk);
                Ok(())
            })
            .unwrap();
        assert_eq!(chunks.len(), 2);
        let log = Log::concat(chunks).unwrap().unwrap();
        assert_eq!(log.rows(), 70_000);
        assert!(log.numbers().iter().copied().eq(1..=70_000));
        let text = csv(&parameters, 11);
        for (row, line) in text.lines().skip(1).enumerate() {
            let cells: Vec<_> = log.columns().iter().map(|c| c.cells.show(row)).collect();
            assert_eq!(cells.join(","), line, "row {}", row + 1);
        }
    }

    #[test]
    fn rows_come_in_the_order_of_time_but_for_late_copies() {
        let text = csv(&with(r#"{"mess": {"scale": 0.0}}"#), 5);
        let times: Vec<&str> = text
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(8).unwrap())
            .collect();
        assert!(times.is_sorted());
        assert!(times[0].starts_with("2025-09-01 "));
        // The last session may run past midnight.
        assert!(("2025-12-29".."2025-12-31").contains(&times[times.len() - 1]));
    }

    #[test]
    fn mess_does_not_change_what_is_heard() {
        let songs = |scale: f64| {
            let parameters = format!(
                r#"{{"rows": 1000, "mess": {{"scale": {scale}, "duplicate_exact": 0,
                "duplicate_spelling": 0, "duplicate_conflict": 0, "duplicate_hidden": 0}}}}"#
            );
            let text = csv(&with(&parameters), 8);
            text.lines()
                .map(|line| line.split(',').nth(1).unwrap().trim().to_lowercase())
                .collect::<Vec<_>>()
        };
        let (clean, messy) = (songs(0.0), songs(1.0));
        let same = clean.iter().zip(&messy).filter(|(a, b)| a == b).count();
        assert!(same > 950, "{same}");
    }

    /// If this fails, the same parameters make another log: raise the revision, here and in
    /// `register!`, so that no record of the old log is taken for one of the new.
    #[test]
    fn a_revision_makes_the_same_bytes_for_ever() {
        let hash = Sha256::digest(csv(&with(r#"{"rows": 3000}"#), 1));
        assert_eq!((REVISION, &hash[..4]), (1, &[112, 196, 57, 26][..]));
    }

    #[test]
    fn the_fingerprint_tells_parameters_and_seeds_apart() {
        let of = |parameters: &str, seed| with(parameters).fingerprint(&context(seed)).unwrap();
        assert_eq!(of("{}", 1), of("{}", 1));
        assert_ne!(of("{}", 1), of("{}", 2));
        assert_ne!(of("{}", 1), of(r#"{"taste": 0.5}"#, 1));
        assert_ne!(of("{}", 1), of(r#"{"mess": {"time_blank": 0.5}}"#, 1));
        assert_eq!(of(r#"{"seed": 9}"#, 1), of(r#"{"seed": 9}"#, 2));
    }

    #[test]
    fn parameters_that_contradict_each_other_are_faults_with_a_remedy() {
        for (parameters, remedy) in [
            (r#"{"songs": 90}"#, "lower artists"),
            (r#"{"genres": 300}"#, "lower genres"),
            (r#"{"users": 1, "days": 1}"#, "raise users or days"),
            (r#"{"days": 40000}"#, "lower it"),
            (r#"{"mess": {"scale": 50.0}}"#, "lower them or mess.scale"),
        ] {
            let source = with(parameters);
            let error = source.fingerprint(&context(0)).unwrap_err();
            assert!(matches!(error.bare(), Error::Definition(_)));
            assert!(error.to_string().contains(remedy), "{error}");
            let mut file = Vec::new();
            assert!(write_csv(&source, 0, &mut file, &mut |_| ()).is_err());
            assert!(file.is_empty(), "nothing is half written");
        }
    }

    #[test]
    fn what_is_registered_are_the_defaults_and_the_revision_of_the_truth() {
        let all = registrations();
        let here = all.iter().find(|r| r.name == "synthetic").unwrap();
        assert_eq!(here.revision, REVISION);
        let defaults = (here.defaults)().unwrap();
        assert_eq!(with(&defaults.to_string()), Synthetic::default());
    }

    #[test]
    fn every_contradiction_is_told_before_the_run() {
        for (parameters, places) in [
            (r#"{"songs": 90}"#, &["songs"][..]),
            (r#"{"artists": 2000}"#, &["artists"]),
            (r#"{"genres": 300}"#, &["genres"]),
            (r#"{"artists": 10}"#, &["artists"]),
            (r#"{"users": 1, "days": 1}"#, &["users"]),
            (r#"{"rows": 1000000000000}"#, &["rows"]),
            (
                r#"{"genres": 200, "songs": 90, "days": 40000, "mess": {"time_text": 1.0}}"#,
                &["songs", "genres", "days", "mess.time_text"],
            ),
            ("{}", &[]),
        ] {
            let source: Box<dyn Source> =
                serde_json::from_str(&format!(r#"{{"synthetic": {parameters}}}"#)).unwrap();
            let problems = source.check(&CheckContext::new(Path::new("")));
            let found: Vec<&str> = problems.iter().map(|p| p.parameter.as_str()).collect();
            assert_eq!(found, places, "{parameters}");
            if let Some(problem) = problems.first() {
                let error = source.fingerprint(&context(0)).unwrap_err().to_string();
                assert_eq!(error, format!("source synthetic: {problem}"));
            }
        }
    }

    #[test]
    fn the_columns_are_those_of_the_log() {
        let source = with(r#"{"rows": 100}"#);
        let mut names = Vec::new();
        let mut sink = |log: Log| {
            names = log.columns().iter().map(|c| c.name.clone()).collect();
            Ok(())
        };
        source
            .read(&context(0), &mut Ledger::default(), &mut sink)
            .unwrap();
        assert_eq!(source.columns(&context(0)).unwrap(), names);
    }
}
