//! One row as it will be written: what happened, and how each cell spells it.

use musicrec_api::Roles;

/// The thirteen columns in their order.
pub(super) const COLUMNS: [&str; 13] = [
    "user_id",
    "song_id",
    "event_type",
    "play_count",
    "liked",
    "added_to_playlist",
    "skipped",
    "listen_seconds",
    "timestamp",
    "device",
    "country",
    "artist_id",
    "genre",
];

/// Which of them plays which part.
pub(super) fn roles() -> Roles {
    Roles {
        user: "user_id".to_owned(),
        item: "song_id".to_owned(),
        time: Some("timestamp".to_owned()),
        event: Some("event_type".to_owned()),
        plays: Some("play_count".to_owned()),
        seconds: Some("listen_seconds".to_owned()),
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Play,
    Skip,
    Like,
    AddToPlaylist,
    Replay,
    Share,
}

impl Event {
    pub(super) const ALL: [Self; 6] = [
        Self::Play,
        Self::Skip,
        Self::Like,
        Self::AddToPlaylist,
        Self::Replay,
        Self::Share,
    ];

    /// The labels in use for it, the canonical one first.
    pub(super) fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Play => &["play", "Play", "PLAY", "listen"],
            Self::Skip => &["skip", "SKIP", "skipped"],
            Self::Like => &["like", "LIKE", "thumbs_up"],
            Self::AddToPlaylist => &["add_to_playlist", "add2playlist", "AddToPlaylist"],
            Self::Replay => &["replay", "REPLAY", "repeat"],
            Self::Share => &["share", "SHARE", "shared"],
        }
    }
}

pub(super) const USER_PLACEHOLDERS: [&str; 4] = ["", "guest", "U-TEST", "u00000"];
pub(super) const SONG_PLACEHOLDERS: [&str; 4] = ["", "UNKNOWN", "s-999999", "s000000"];
/// Spaces before and behind an id.
pub(super) const PADDINGS: [(&str, &str); 4] = [("", ""), (" ", ""), ("", " "), ("  ", "  ")];
pub(super) const BAD_TIMES: [&str; 4] = [
    "",
    "not_a_time",
    "2025-13-40 99:99:99",
    "2025/09/31 12:61:00",
];
pub(super) const MISSING_MARKERS: [&str; 3] = ["", "NA", "null"];
pub(super) const DEVICES: [(&str, &str); 6] = [
    ("android", "ANDROID"),
    ("ios", "IOS"),
    ("smart_tv", "SMARTTV"),
    ("car", "CAR"),
    ("web", "WEB"),
    ("console", "CONSOLE"),
];
pub(super) const COUNTRIES: [&str; 12] = [
    "US", "GB", "DE", "FR", "BR", "IN", "JP", "KR", "CA", "AU", "MX", "ES",
];

/// How an id is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdForm {
    /// The id itself, with spaces from [`PADDINGS`], in upper case or not.
    Real { padding: u8, upper: bool },
    /// A placeholder by its place in the list of them.
    Placeholder(u8),
}

impl IdForm {
    pub(super) const CLEAN: Self = Self::Real {
        padding: 0,
        upper: false,
    };

    pub(super) fn is_real(self) -> bool {
        matches!(self, Self::Real { .. })
    }
}

/// How a number of plays is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plays {
    Number(u16),
    Blank,
    One,
    Ten,
    PaddedTwo,
    PaddedThree,
}

impl Plays {
    /// The number meant.
    pub(super) fn value(self) -> Option<u16> {
        match self {
            Self::Number(n) => Some(n),
            Self::Blank => None,
            Self::One => Some(1),
            Self::Ten => Some(10),
            Self::PaddedTwo => Some(2),
            Self::PaddedThree => Some(3),
        }
    }
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeForm {
    Valid,
    /// One of [`BAD_TIMES`].
    Bad(u8),
}

/// How a cell of a category is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellForm {
    Plain,
    /// In the wrong case or spelling.
    Restyled,
    /// One of [`MISSING_MARKERS`].
    Missing(u8),
}

impl CellForm {
    pub(super) fn is_missing(self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// A row. Times are seconds since the start of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// When the log gets to know of it: rows are written in this order.
    pub(super) arrival: u32,
    pub(super) time: u32,
    pub(super) user: u32,
    pub(super) song: u32,
    pub(super) seconds: i16,
    pub(super) event: Event,
    pub(super) label: u8,
    pub(super) device: u8,
    pub(super) country: u8,
    pub(super) plays: Plays,
    pub(super) user_form: IdForm,
    pub(super) song_form: IdForm,
    pub(super) time_form: TimeForm,
    pub(super) device_form: CellForm,
    pub(super) country_form: CellForm,
    pub(super) artist_form: CellForm,
    pub(super) genre_form: CellForm,
}
