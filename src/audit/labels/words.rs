//! When two words are one.

use musicrec_cleaners::fold;
use strsim::damerau_levenshtein;

/// Names of events with what else people call them, folded.
const EVENTS: &[(&str, &[&str])] = &[
    (
        "play",
        &[
            "listen",
            "listened",
            "listening",
            "stream",
            "streamed",
            "streaming",
            "start",
            "playback",
            "trackplayed",
            "songplayed",
            "playsong",
            "complete",
            "completed",
            "nextsong",
            "scrobble",
        ],
    ),
    (
        "like",
        &[
            "thumbsup",
            "thumbup",
            "love",
            "loved",
            "favorite",
            "favourite",
            "favorited",
            "fav",
            "heart",
            "upvote",
            "star",
        ],
    ),
    (
        "dislike",
        &[
            "thumbsdown",
            "thumbdown",
            "ban",
            "banned",
            "hate",
            "downvote",
            "unlike",
        ],
    ),
    ("skip", &["next", "skipsong", "skiptrack", "forward", "fwd"]),
    ("replay", &["repeat", "repeated", "loop", "playagain"]),
    ("share", &["send", "sharesong"]),
    (
        "add_to_playlist",
        &[
            "addedtoplaylist",
            "playlistadd",
            "save",
            "saved",
            "addtolibrary",
            "libraryadd",
            "add",
        ],
    ),
];

/// The name that the vocabulary has for an event.
pub(in crate::audit) fn event_name(folded: &str) -> Option<&'static str> {
    let of = |(name, others): &&(&'static str, &[&str])| {
        let name = fold(name);
        folded == name
            || others.contains(&folded)
            || inflected(folded, &name)
            || near(folded, &name)
    };
    EVENTS.iter().find(of).map(|(name, _)| *name)
}

/// Why two labels are one, if they are.
/// Whether a letter or two make the difference.
pub(super) fn near(a: &str, b: &str) -> bool {
    let length = a.chars().count().min(b.chars().count());
    let most = match length {
        0..=5 => 0,
        6..=8 => 1,
        _ => 2,
    };
    a != b && damerau_levenshtein(a, b) <= most
}

/// Whether a word is a form of another: `skipped` of `skip`, `shared` of `share`.
pub(super) fn inflected(word: &str, of: &str) -> bool {
    if of.len() < 3 {
        return false;
    }
    let ending = |stem: &str| {
        let rest = word.strip_prefix(stem);
        rest.is_some_and(|rest| matches!(rest, "s" | "d" | "ed" | "ing"))
    };
    let last = of.chars().next_back().unwrap_or_default();
    let doubled = format!("{of}{last}");
    ending(of)
        || (word.starts_with(&doubled) && ending(&doubled))
        || (last == 'e' && ending(&of[..of.len() - 1]))
}

/// Whether one slip makes the difference: a letter too many, too few, another, or two exchanged.
pub(super) fn typo(a: &str, b: &str) -> bool {
    a != b && a.chars().count().min(b.chars().count()) >= 3 && damerau_levenshtein(a, b) == 1
}
