//! How much an event says that its user likes its item.

use std::collections::BTreeMap;

use musicrec_api::{
    CheckContext, Events, Finite, MISSING, NonNegative, Positive, Problem, Result, Tensors, Weigh,
    Weighting, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amounts::amounts;

/// Kinds of event that a message names.
const SHOWN: usize = 10;

/// How much an event says: its plays up to a cap, plus a bonus for what kind of event it was.
///
/// Formula: `w(event) = max(0, min(plays, play_cap) + bonus(kind))`; a cell is the sum over its
/// events. Each event is floored at 0 by itself, so a skip takes nothing from a like of the same
/// song. Kinds of event without a bonus (a plain `play`, say) and events of unknown kind get none.
/// A log without a column of events, of plays, or of both is fine: the other half of the formula is
/// left. A negative number of plays is a fault; the cleaner `limit_range` mends it.
///
/// Names are compared as they are, so let the cleaner `map_labels` unify spellings first.
///
/// ```toml
/// [weighting.event_strength]
/// play_cap = 10
/// like = 3
/// skip = -2
/// events = { share = 1.5 }   # bonuses for further kinds of event
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventStrength {
    /// The most plays one event may count, above 0. Default 10.
    #[schemars(extend("x-unit" = "plays"))]
    pub play_cap: Positive,
    /// Plays of an event whose number is missing, at least 0. Default 1.
    #[schemars(extend("x-unit" = "plays"))]
    pub missing_plays: NonNegative,
    /// Bonus of a `like`, in plays, of either sign. Default 3.
    #[schemars(extend("x-unit" = "plays"))]
    pub like: Finite,
    /// Bonus of an `add_to_playlist`, in plays, of either sign. Default 2.
    #[schemars(extend("x-unit" = "plays"))]
    pub add_to_playlist: Finite,
    /// Bonus of a `replay`, in plays, of either sign. Default 1.
    #[schemars(extend("x-unit" = "plays"))]
    pub replay: Finite,
    /// Bonus of a `skip`, in plays, of either sign. Default -2.
    #[schemars(extend("x-unit" = "plays"))]
    pub skip: Finite,
    /// Bonuses of further kinds of event by name, in plays, of either sign. Every name must be a kind
    /// of event of the log. Default: none.
    #[schemars(extend("x-unit" = "plays"))]
    pub events: BTreeMap<String, Finite>,
}

impl Default for EventStrength {
    fn default() -> Self {
        let finite = |value| Finite::new(value).expect("a finite constant");
        Self {
            play_cap: Positive::new(10.0).expect("10 is above 0"),
            missing_plays: NonNegative::new(1.0).expect("1 is above 0"),
            like: finite(3.0),
            add_to_playlist: finite(2.0),
            replay: finite(1.0),
            skip: finite(-2.0),
            events: BTreeMap::new(),
        }
    }
}

impl EventStrength {
    fn own(&self, kind: &str) -> Option<Finite> {
        match kind {
            "like" => Some(self.like),
            "add_to_playlist" => Some(self.add_to_playlist),
            "replay" => Some(self.replay),
            "skip" => Some(self.skip),
            _ => None,
        }
    }

    fn bonus(&self, kind: &str) -> f64 {
        self.own(kind)
            .or_else(|| self.events.get(kind).copied())
            .map_or(0.0, Finite::get)
    }

    /// A log of several kinds of event, none of which this knows, wants `map_labels`.
    fn unmapped(&self, known: &[&str]) -> Option<Problem> {
        let meant = |kind: &&str| {
            *kind == "play" || self.own(kind).is_some() || self.events.contains_key(*kind)
        };
        if known.len() < 2 || known.iter().any(meant) {
            return None;
        }
        let message = format!(
            "the log has the events {}{}, but none of play, like, add_to_playlist, replay, skip",
            known[..known.len().min(SHOWN)].join(", "),
            if known.len() > SHOWN { ", …" } else { "" }
        );
        Some(Problem::new(message).remedy(
            "give them these names with the cleaner `map_labels`, or name their bonuses with \
             `events = { … }`",
        ))
    }

    /// Names the definition gives must mean something, or its author believes in a bonus that
    /// nothing gets. What is known of the log is its kinds of event, or that it has none at all.
    fn meaningless(&self, known: Known) -> Vec<Problem> {
        let problem = |name: &String| {
            let place = format!("events.{name}");
            if self.own(name).is_some() {
                let message = format!("`{name}` has a parameter of its own");
                let remedy = format!("write `{name} = …` beside `events`, not in it");
                return Some(Problem::at(place, message).remedy(remedy));
            }
            match known {
                Known::Nothing => None,
                Known::NoKinds => {
                    let message =
                        format!("`events` names `{name}`, but the log does not tell events apart");
                    Some(
                        Problem::at(place, message)
                            .remedy("name its column of events in the source, or remove `events`"),
                    )
                }
                Known::Kinds(kinds) if kinds.contains(&name.as_str()) => None,
                Known::Kinds(kinds) => {
                    let message = format!(
                        "`events` names `{name}`, but the log has no such event; it has {}",
                        kinds.join(", ")
                    );
                    Some(Problem::at(place, message).suggest(name, kinds.iter().copied()))
                }
            }
        };
        self.events.keys().filter_map(problem).collect()
    }
}

/// What is known of the kinds of event in the log.
#[derive(Clone, Copy)]
enum Known<'a> {
    Nothing,
    NoKinds,
    Kinds(&'a [&'a str]),
}

/// Kinds of event that have a name.
fn named(kinds: &[String]) -> Vec<&str> {
    let kinds = kinds.iter().map(String::as_str);
    kinds.filter(|kind| !kind.trim().is_empty()).collect()
}

#[typetag::serde(name = "event_strength")]
impl Weighting for EventStrength {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        let kinds = named(&events.kinds);
        let known = match (events.is_empty(), events.kind.is_empty()) {
            (true, _) => Known::Nothing,
            (false, true) => Known::NoKinds,
            (false, false) => Known::Kinds(&kinds),
        };
        let unmapped = self.unmapped(&kinds);
        match unmapped.or_else(|| self.meaningless(known).into_iter().next()) {
            Some(problem) => Err(problem.error("event_strength: ")),
            None => Ok(Box::new(self.clone())),
        }
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let kinds = context.events.map(named);
        let known = match &kinds {
            None => Known::Nothing,
            Some(kinds) if kinds.is_empty() => Known::NoKinds,
            Some(kinds) => Known::Kinds(kinds),
        };
        let unmapped = kinds.as_ref().and_then(|kinds| self.unmapped(kinds));
        unmapped
            .into_iter()
            .chain(self.meaningless(known))
            .collect()
    }

    fn load(&self, _: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weigh for EventStrength {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        let bonuses: Vec<f64> = events.kinds.iter().map(|kind| self.bonus(kind)).collect();
        let missing = self.missing_plays.get();
        let plays = amounts(events, &events.plays, missing, |roles| roles.plays.as_ref())?;
        let weight = |(event, plays): (usize, f64)| {
            let bonus = match events.kind.get(event) {
                None | Some(MISSING) => 0.0,
                Some(kind) => bonuses[kind as usize],
            };
            (plays.min(self.play_cap.get()) + bonus).max(0.0)
        };
        Ok(plays.into_iter().enumerate().map(weight).collect())
    }

    /// It learns nothing.
    fn save(&self) -> Option<Tensors<'_>> {
        Some(Tensors::default())
    }
}

register!(Weighting, EventStrength, "event_strength", revision = 1);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::EventStrength;
    use crate::nested::tests::{cells, kinds, parse, plays, weigh};
    use musicrec_api::{CheckContext, Events, MISSING};

    #[test]
    fn capped_plays_and_bonus_are_floored_by_event() {
        let mut events = kinds(&[
            ("play", 3.0),
            ("play", 72.0),
            ("like", f32::NAN),
            ("add_to_playlist", 1.0),
            ("replay", 2.0),
            ("skip", 1.0),
            ("skip", 5.0),
            ("share", 1.0),
            ("like", 1.0),
        ]);
        let mut kinds = events.kind.to_vec();
        kinds[8] = MISSING;
        events.kind = kinds.into();
        let expected = [3.0, 10.0, 4.0, 3.0, 3.0, 0.0, 3.0, 1.0, 1.0];
        assert_eq!(weigh(&EventStrength::default(), &events), expected);
        assert_eq!(cells(&EventStrength::default(), &events), [28.0]);
    }

    #[test]
    fn every_number_is_a_parameter() {
        let events = kinds(&[("play", 9.0), ("like", f32::NAN), ("share", 1.0)]);
        let weighting = parse(
            r#"{"event_strength": {"play_cap": 4, "missing_plays": 0, "like": 0.5,
                "events": {"share": 1.5, "play": -5}}}"#,
        );
        assert_eq!(weigh(&*weighting, &events), [0.0, 0.5, 2.5]);
    }

    #[test]
    fn a_log_without_events_or_plays_is_weighed_by_what_there_is() {
        let weighting = EventStrength::default();
        assert_eq!(
            weigh(&weighting, &plays(&[("u", "a", 4.0), ("u", "b", 40.0)])),
            [4.0, 10.0]
        );
        assert_eq!(
            weigh(&weighting, &Events::from_pairs([("u", "a"), ("u", "a")])),
            [1.0, 1.0]
        );
    }

    #[test]
    fn a_bonus_that_nothing_gets_is_a_fault() {
        let fault = |events: &Events, names: &str| {
            parse(&format!(
                r#"{{"event_strength": {{"events": {{{names}}}}}}}"#
            ))
            .fit(events)
            .unwrap_err()
            .to_string()
        };
        let events = kinds(&[("play", 1.0), ("share", 1.0)]);
        let error = fault(&events, r#""shared": 1"#);
        assert!(
            error.contains("it has play, share; did you mean `share`?"),
            "{error}"
        );
        let error = fault(&events, r#""like": 1"#);
        assert!(error.contains("write `like = …`"), "{error}");
        let error = fault(&plays(&[("u", "a", 1.0)]), r#""share": 1"#);
        assert!(error.contains("does not tell events apart"), "{error}");
    }

    #[test]
    fn names_that_mean_nothing_are_told_before_the_run() {
        let weighting = parse(
            r#"{"event_strength": {"events": {"like": 1, "shared": 2, "share": 3, "zap": 4}}}"#,
        );
        let context = CheckContext::new(Path::new(""));
        let places = |kinds: Option<&[&str]>| {
            let kinds: Option<Vec<String>> =
                kinds.map(|kinds| kinds.iter().map(|&kind| kind.to_owned()).collect());
            let context = match &kinds {
                Some(kinds) => context.with_events(kinds),
                None => context,
            };
            let problems = weighting.check(&context).into_iter();
            let place = problems.map(|p| (p.parameter, p.suggestion.unwrap_or_default()));
            place.collect::<Vec<(String, String)>>()
        };
        let own = ("events.like".to_owned(), String::new());
        assert_eq!(places(None), std::slice::from_ref(&own));
        let shared = ("events.shared".to_owned(), "share".to_owned());
        let zap = ("events.zap".to_owned(), String::new());
        assert_eq!(places(Some(&["play", "share"])), [own, shared, zap]);
        assert_eq!(places(Some(&[])).len(), 4);

        let kinds = ["Heard", "Starred"].map(str::to_owned);
        let problems = parse(r#"{"event_strength": {}}"#).check(&context.with_events(&kinds));
        let message = "the log has the events Heard, Starred, but none of play, like, \
                       add_to_playlist, replay, skip";
        assert_eq!(problems[0].message, message);
    }
}
