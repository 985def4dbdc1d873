//! Which column plays which part.

use musicrec_api::{Roles, nearest};

use super::fault::Fault;
use super::input::Input;
use super::listed;

/// The parts: key, usual name of the column, and whether a log must have it.
const PARTS: [(&str, &str, bool); 6] = [
    ("user", "user_id", true),
    ("item", "song_id", true),
    ("time", "timestamp", false),
    ("event", "event_type", false),
    ("plays", "play_count", false),
    ("seconds", "listen_seconds", false),
];

/// The names that a definition gives, in the order of [`PARTS`].
pub(crate) struct Given<'a>(pub(crate) [Option<&'a str>; 6]);

/// Why a column may be missing, by what the source knows of its files.
pub(crate) enum Advice {
    /// Nothing to be said but that.
    None,
    /// What to do if no name is near, to be added to a sentence.
    Also(String),
    /// All missing columns are one mistake: the parameter and what to do.
    Instead(&'static str, String),
}

impl Given<'_> {
    /// The parts of the columns `names`, or all that is wrong with that. `why` is asked of each
    /// column that is not there.
    pub(crate) fn roles(
        &self,
        names: &[String],
        input: &Input,
        why: impl Fn(&str) -> Advice,
    ) -> Result<Roles, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut taken: Vec<Option<&str>> = Vec::new();
        let mut one_mistake = false;
        for ((key, default, required), given) in PARTS.into_iter().zip(self.0) {
            let name = given.unwrap_or(default);
            let found = names.iter().any(|n| n == name).then_some(name);
            if found.is_none() && (given.is_some() || required) && !one_mistake {
                let advice = why(name);
                one_mistake = matches!(advice, Advice::Instead(..));
                if one_mistake {
                    faults.clear();
                }
                faults.push(absent(key, name, given.is_some(), names, input, advice));
            }
            taken.push(found);
        }
        let source = input.source;
        for (at, (key, ..)) in PARTS.iter().enumerate() {
            let earlier = |other: &usize| taken[*other].is_some() && taken[*other] == taken[at];
            if let (Some(earlier), Some(name)) = ((0..at).find(earlier), taken[at]) {
                let other = PARTS[earlier].0;
                faults.push(Fault::definition(
                    if self.0[at].is_some() { *key } else { other },
                    format!(
                        "`source.{source}.{other}` and `source.{source}.{key}` are both the column \
                         `{name}`"
                    ),
                    "one of them must be another column",
                ));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut taken = taken.into_iter().map(|name| name.map(str::to_owned));
        let mut next = || taken.next().flatten();
        let required = "a required column was found";
        Ok(Roles {
            user: next().expect(required),
            item: next().expect(required),
            time: next(),
            event: next(),
            plays: next(),
            seconds: next(),
        })
    }
}

/// The fault that no column is called `name`.
fn absent(
    key: &str,
    name: &str,
    given: bool,
    names: &[String],
    input: &Input,
    advice: Advice,
) -> Fault {
    let source = input.source;
    let message = format!("{} has no column `{name}`", input.shown());
    let there = format!("it has {}", listed(names));
    let advice = match advice {
        Advice::Instead(parameter, hint) => {
            return Fault::definition(parameter, message, there + &hint);
        }
        Advice::Also(also) => also,
        Advice::None => String::new(),
    };
    let known = || names.iter().map(String::as_str);
    let hint = match nearest(name, known()) {
        Some(near) => format!("; set `source.{source}.{key} = \"{near}\"` if that is the one"),
        None if given => format!("; correct `source.{source}.{key}`"),
        None => {
            format!("; name the column of each {key} with `source.{source}.{key} = \"…\"`{advice}")
        }
    };
    let fault = Fault::definition(key, message, there + &hint);
    // A default was not misspelled by anybody.
    if given {
        fault.suggest(name, known())
    } else {
        fault
    }
}
