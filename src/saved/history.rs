//! What people heard whom a model has not learned from.

use std::path::Path;
use std::sync::Arc;

use musicrec_api::{
    Error, Events, Ids, Ledger, Result, Source, SourceContext, Train, Weigh, Whole,
};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::exit::Failure;
use crate::experiment::Heard;
use crate::stages::fold::{Heardings, Ragged};
use crate::stages::rules::Obeyed;

/// The columns that a history may have, and what a source calls them if nobody says otherwise.
const ROLES: [(&str, &str); 6] = [
    ("user", "user_id"),
    ("item", "song_id"),
    ("time", "timestamp"),
    ("event", "event_type"),
    ("plays", "play_count"),
    ("seconds", "listen_seconds"),
];

/// Events of people, read from a file.
#[derive(Debug)]
pub(crate) struct History {
    events: Events,
}

impl History {
    /// Reads a CSV file with the columns `user` and `item`, and those of `time`, `event`, `plays` and `seconds` that it
    /// has; or with the names that they have in the source of the definition, or by default in any source.
    ///
    /// # Errors
    /// If it cannot be read: with the row.
    pub(crate) fn read(path: &Path, source: &Value) -> Result<Self, Failure> {
        Self::of_file(path, source).map_err(|error| match Failure::of(&error) {
            Failure::Definition(_) | Failure::Data(_) => {
                Failure::Data(format!("{}: {}", path.display(), of_a_file(&error)))
            }
            failure => failure,
        })
    }

    fn of_file(path: &Path, source: &Value) -> Result<Self> {
        let unreadable = |e: csv::Error| Error::data(format!("it cannot be read: {e}"));
        let mut reader = csv::Reader::from_path(path).map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.clone();
        let mut parameters = Map::new();
        parameters.insert("path".to_owned(), json!(path));
        for (role, usual) in ROLES {
            let own = source
                .as_object()
                .and_then(|of| of.values().next()?[role].as_str());
            let known = [Some(role), own, Some(usual)].into_iter().flatten();
            let mut known = known.filter(|name| header.iter().any(|cell| cell == *name));
            match known.next() {
                Some(name) => {
                    parameters.insert(role.to_owned(), json!(name));
                }
                None if role == "user" || role == "item" => {
                    return Err(Error::data(format!(
                        "it has no column `{role}`; its first line names {}",
                        header.iter().collect::<Vec<_>>().join(", ")
                    )));
                }
                None => {}
            }
        }
        let source: Box<dyn Source> = serde_json::from_value(json!({ "csv": parameters }))
            .map_err(|error| Error::data(error.to_string()))?;
        let mut whole = Whole::default();
        source.read(
            &SourceContext::new(Path::new(""), 0),
            &mut Ledger::default(),
            &mut |chunk| whole.append(chunk),
        )?;
        let log = whole.finish().filter(|log| log.rows() > 0);
        let log = log.ok_or_else(|| Error::data("it has no rows"))?;
        Ok(Self {
            events: Events::from_log(Arc::new(log))?,
        })
    }

    /// Everybody in it.
    pub(crate) fn users(&self) -> impl Iterator<Item = &str> {
        self.events.users.iter()
    }

    /// What a model of these items can be told of it; whatever had an event of a kind in `avoid` is avoided.
    ///
    /// # Errors
    /// If the weighting refuses these events.
    pub(super) fn told(
        &self,
        items: &Arc<Ids>,
        weigh: &dyn Weigh,
        avoid: &[String],
    ) -> Result<Told> {
        let places: FxHashMap<&str, u32> = items.iter().zip(0..).collect();
        let of_item: Vec<Option<u32>> = self
            .events
            .items
            .iter()
            .map(|id| places.get(id).copied())
            .collect();
        let known = |&event: &u32| of_item[self.events.item[event as usize] as usize].is_some();
        let left: Vec<u32> = (0..self.events.len() as u32).filter(known).collect();
        let (mut events, _, _) = self.events.select(&left).into_compact();
        for item in &mut events.item {
            *item = places[events.items.get(*item)];
        }
        events.items = Arc::clone(items);
        let weights = weigh.weigh(&events)?;
        if let Some(weight) = weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            return Err(Error::data(format!(
                "the weighting gives an event of it the weight {weight}"
            )));
        }
        let all: Vec<u32> = (0..items.len() as u32).collect();
        let rules = Obeyed::avoiding(avoid, &events);
        let by_rule = |rule: Heard| {
            let heardings = Heardings::of(&[&events], rule, &rules);
            let mut lists = Ragged::default();
            for user in 0..events.users.len() as u32 {
                lists.push(heardings.by(user, &all));
            }
            lists
        };
        let (heard, avoided) = (by_rule(Heard::Mask), by_rule(Heard::Keep));
        Ok(Told {
            left_out: self.events.len() - left.len(),
            train: Train::new(events, &weights),
            heard,
            avoided,
        })
    }
}

/// What is wrong with a file that has no definition, without what there is to write in one.
pub(super) fn of_a_file(error: &Error) -> String {
    let what = error.bare();
    if let Error::Remediable { .. } = error {
        format!("{what}; mend the file, for what a definition cleans is not cleaned here")
    } else {
        what.to_string()
    }
}

/// A history as a model is told it.
pub(super) struct Told {
    pub(super) train: Train,
    /// What each person heard, ascending.
    pub(super) heard: Ragged<u32>,
    /// What each person avoids, ascending.
    pub(super) avoided: Ragged<u32>,
    /// How many events are with items that the model does not know.
    pub(super) left_out: usize,
}

impl Told {
    /// Whether any event of a person weighs anything: a model of strengths knows nothing of whom none does.
    pub(super) fn weighs(&self, person: u32) -> bool {
        let strengths = self.train.interactions.outer_view(person as usize);
        strengths.is_some_and(|strengths| strengths.nnz() > 0)
    }
}
