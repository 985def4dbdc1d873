//! What a piece of a definition with axes may become, without listing it all: a grid lists it, a
//! search draws from it.

use std::collections::BTreeMap;

use super::interval::Interval;
use super::product;
use crate::definition::fault::{Fault, Faults};
use crate::definition::tree::{Entry, Node, Place, Value};
use crate::experiment::Declared;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) enum Space {
    /// What holds no axis.
    Fixed(Node),
    /// One of these; none where the axis is faulty.
    Choice(Vec<Space>),
    /// A number of an interval.
    Number(Interval),
    /// A list of these.
    List(Place, Vec<Space>),
    /// A table of these.
    Table(Place, Vec<(Entry, Space)>),
    /// `{ name = { … } }` with these parameters.
    Plugin(String, Place, Box<Space>),
}

/// Why values must be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// The definition asks for no random search.
    Grid,
    /// Each is a row of the leaderboard.
    Rows,
    /// Each is a log of its own that all trials are asked about.
    Cleaners,
    /// All of them are measured.
    Metrics,
}

/// What was drawn on the way to a setting: the path of each axis, and its value.
pub(crate) type Drawn = Vec<(String, Node)>;

impl Space {
    /// One of several, or the only one.
    pub(crate) fn choice(mut of: Vec<Self>) -> Self {
        match of.len() {
            1 => of.remove(0),
            _ => Self::Choice(of),
        }
    }

    /// All settings, the last axis fastest. Where there are too many, or an interval, that is a fault.
    pub(crate) fn all(&self, why: Listing, faults: &mut Faults) -> Vec<Node> {
        match self {
            Self::Fixed(node) => vec![node.clone()],
            Self::Choice(of) => of.iter().flat_map(|one| one.all(why, faults)).collect(),
            Self::Number(interval) => {
                faults.push(unlisted(interval, why));
                Vec::new()
            }
            Self::List(place, items) => {
                let choices: Vec<_> = items.iter().map(|i| i.all(why, faults)).collect();
                let rows = product(&choices, place, faults).into_iter();
                rows.map(|items| of(place, Value::Array(items))).collect()
            }
            Self::Table(place, entries) => {
                // An entry without any value has been a fault; the others are still looked at.
                let (keys, choices): (Vec<&Entry>, Vec<_>) = entries
                    .iter()
                    .map(|(entry, space)| (entry, space.all(why, faults)))
                    .filter(|(_, values)| !values.is_empty())
                    .unzip();
                let rows = product(&choices, place, faults).into_iter();
                rows.map(|values| table(place, keys.iter().copied().zip(values)))
                    .collect()
            }
            Self::Plugin(name, place, parameters) => {
                let all = parameters.all(why, faults).into_iter();
                all.map(|node| Node::single(name, place.clone(), node))
                    .collect()
            }
        }
    }

    /// How many settings there are; `None` where an interval of fractions has any number of them.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Fixed(_) => Some(1),
            Self::Choice(of) => of
                .iter()
                .try_fold(0_u64, |sum, one| Some(sum.saturating_add(one.size()?))),
            Self::Number(interval) => interval.size(),
            Self::List(_, items) => times(items.iter().map(Self::size)),
            Self::Table(_, entries) => times(entries.iter().map(|(_, space)| space.size())),
            Self::Plugin(_, _, parameters) => parameters.size(),
        }
    }

    /// The setting of that number in the order of [`Self::all`]; `None` behind the last. Of an interval
    /// of fractions there is the lower end only.
    pub(crate) fn nth(&self, number: u64) -> Option<Node> {
        let size = |space: &Self| space.size().unwrap_or(1);
        match self {
            Self::Fixed(node) => (number == 0).then(|| node.clone()),
            Self::Choice(choices) => {
                let mut number = number;
                for one in choices {
                    match number.checked_sub(size(one)) {
                        Some(rest) => number = rest,
                        None => return one.nth(number),
                    }
                }
                None
            }
            Self::Number(interval) => interval.nth(number),
            Self::List(place, items) => {
                let spaces: Vec<&Self> = items.iter().collect();
                Some(of(place, Value::Array(digits(&spaces, number)?)))
            }
            Self::Table(place, entries) => {
                let valued = || entries.iter().filter(|(_, space)| space.size() != Some(0));
                let spaces: Vec<&Self> = valued().map(|(_, space)| space).collect();
                let values = digits(&spaces, number)?;
                Some(table(place, valued().map(|(entry, _)| entry).zip(values)))
            }
            Self::Plugin(name, place, parameters) => {
                Some(Node::single(name, place.clone(), parameters.nth(number)?))
            }
        }
    }

    /// Every setting; of an interval of fractions the lower end only.
    pub(crate) fn points(&self) -> impl Iterator<Item = Node> {
        (0..self.size().unwrap_or(1)).filter_map(|number| self.nth(number))
    }

    /// A setting: at each axis what `pick` says of its path, a number from 0 to below 1. `None` where a
    /// faulty axis has no value.
    pub(crate) fn draw(
        &self,
        path: &str,
        pick: &dyn Fn(&str) -> f64,
        drawn: &mut Drawn,
    ) -> Option<Node> {
        match self {
            Self::Fixed(node) => Some(node.clone()),
            Self::Choice(choices) => {
                let at = (pick(path) * choices.len() as f64) as usize;
                // A number of its own for what is chosen there.
                let inner = format!("{path}#{at}");
                let node = choices.get(at)?.draw(&inner, pick, drawn)?;
                if matches!(node.value, Value::Scalar(_)) {
                    drawn.push((path.to_owned(), node.clone()));
                }
                Some(node)
            }
            Self::Number(interval) => {
                let node = interval.at(pick(path));
                drawn.push((path.to_owned(), node.clone()));
                Some(node)
            }
            Self::List(place, items) => {
                let items = items.iter().enumerate();
                let items =
                    items.map(|(at, item)| item.draw(&join(path, &at.to_string()), pick, drawn));
                Some(of(place, Value::Array(items.collect::<Option<_>>()?)))
            }
            Self::Table(place, entries) => {
                let mut values = Vec::new();
                for (entry, space) in entries.iter().filter(|(_, s)| s.size() != Some(0)) {
                    values.push((entry, space.draw(&join(path, &entry.key), pick, drawn)?));
                }
                Some(table(place, values.into_iter()))
            }
            Self::Plugin(name, place, parameters) => {
                let inner = parameters.draw(&join(path, name), pick, drawn)?;
                Some(Node::single(name, place.clone(), inner))
            }
        }
    }

    /// Adds what the definition allows for each number in it, by path.
    pub(crate) fn declared(&self, path: &str, all: &mut BTreeMap<String, Declared>) {
        match self {
            Self::Fixed(node) => numbers(node, path, all),
            Self::Choice(choices) => choices.iter().for_each(|one| one.declared(path, all)),
            Self::Number(interval) => Declared::add(all, path, interval.declared()),
            Self::List(_, items) => {
                for (at, item) in items.iter().enumerate() {
                    item.declared(&join(path, &at.to_string()), all);
                }
            }
            Self::Table(_, entries) => {
                for (entry, space) in entries {
                    space.declared(&join(path, &entry.key), all);
                }
            }
            Self::Plugin(name, _, parameters) => parameters.declared(&join(path, name), all),
        }
    }
}

/// A product of sizes.
fn times(mut sizes: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    sizes.try_fold(1_u64, |product, size| {
        // What has no value is left out.
        Some(product.saturating_mul(size?.max(1)))
    })
}

/// The same of what holds no axis.
fn numbers(node: &Node, path: &str, all: &mut BTreeMap<String, Declared>) {
    match &node.value {
        Value::Scalar(_) => {
            if let Some(number) = super::number(node) {
                Declared::add(all, path, Declared::number(number));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                numbers(item, &join(path, &at.to_string()), all);
            }
        }
        Value::Table(entries) => {
            for entry in entries {
                numbers(&entry.node, &join(path, &entry.key), all);
            }
        }
    }
}

/// One value of each, the last fastest.
fn digits(spaces: &[&Space], number: u64) -> Option<Vec<Node>> {
    let mut rest = number;
    let mut values = Vec::new();
    for space in spaces.iter().rev() {
        let size = space.size().unwrap_or(1).max(1);
        values.push(space.nth(rest % size)?);
        rest /= size;
    }
    values.reverse();
    (rest == 0).then_some(values)
}

fn of(place: &Place, value: Value) -> Node {
    Node {
        place: place.clone(),
        value,
    }
}

fn table<'a>(place: &Place, entries: impl Iterator<Item = (&'a Entry, Node)>) -> Node {
    let entries = entries.map(|(entry, node)| Entry {
        node,
        ..entry.clone()
    });
    of(place, Value::Table(entries.collect()))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Intervals are drawn from, never listed.
fn unlisted(interval: &Interval, why: Listing) -> Fault {
    let key = interval.scale.key();
    let fault = |message: String| Fault::at(interval.place.clone(), message);
    let range = format!(
        "{{ range = {}, {}steps = 5 }}",
        interval.ends(),
        interval.scale.of_range()
    );
    match why {
        Listing::Grid => fault(format!("values of `{key}` are drawn by random search"))
            .help(format!(
                "add [search.random] with trials = 50, or use {range}"
            )),
        Listing::Rows => fault(format!(
            "`compare` makes a row of each weighting, and values of `{key}` are no list of rows"
        ))
        .help(format!(
            "use {range}, or leave \"weighting\" out of `compare`, so that weightings are tuned"
        )),
        Listing::Cleaners => fault(format!("values of `{key}` cannot be drawn among cleaners"))
            .help(format!(
                "each alternative is a log of its own, and all trials are asked what all of them have \
                 in common; use {range}"
            )),
        Listing::Metrics => fault(format!("values of `{key}` cannot be drawn among metrics"))
            .help("all metrics are measured of each trial: name them, or use { grid = [ … ] }"),
    }
}
