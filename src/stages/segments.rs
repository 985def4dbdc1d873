//! Segments of the test part: of users, by how active they are or by a column of the log, and of
//! targets, by how popular the item is and whether it is heard again. All of them are known before a
//! trial exists, and are measured trial by trial.

mod columns;

use std::collections::BTreeMap;

use musicrec_api::{MISSING, Result, UserView};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::audit::{Audited, Past};
use super::bound::Bound;
use super::fold::{FoldData, Ragged, Target};
use super::measure::{Hits, Listed};
use super::pairs::Pairs;
use super::rank::Lists;
use crate::experiment::Heard;
use crate::text::{Csv, counted};

/// What a segment is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// Users: a value is the mean over the users of the segment.
    Users,
    /// Targets: a value is that of the metric with no other targets, over the users who have such.
    Targets,
}

/// One way to divide a fold, as the report tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Division {
    /// By what: `activity`, `popularity`, `history`, `targets`, or a column of the log.
    pub(crate) by: String,
    pub(crate) of: Of,
    /// Its segments in order, those that nobody is in included.
    pub(crate) segments: Vec<Segment>,
}

/// One segment of a division.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Segment {
    pub(crate) name: String,
    /// What is in it, in words; empty where the name says it.
    pub(crate) what: String,
}

impl Segment {
    fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            what: what.into(),
        }
    }
}

/// A division and who is where, by place in its list of segments.
#[derive(Debug)]
pub(crate) struct Divided {
    division: Division,
    places: Places,
}

#[derive(Debug)]
enum Places {
    /// Of every user asked.
    Users(Vec<usize>),
    /// Of every target of every user asked.
    Targets(Ragged<usize>),
}

/// What a trial reached in the segments of a fold: in each, the users in it and their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lines<'f> {
    of: Vec<Line<'f>>,
    /// For each line one a metric, end to end.
    values: Vec<f64>,
}

/// One user in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line<'f> {
    pub(crate) by: &'f str,
    pub(crate) segment: &'f str,
    pub(crate) user: &'f str,
}

impl<'f> Lines<'f> {
    pub(crate) fn push(&mut self, line: Line<'f>, values: impl IntoIterator<Item = f64>) {
        self.of.push(line);
        self.values.extend(values);
    }

    fn append(&mut self, other: Self) {
        self.of.extend(other.of);
        self.values.extend(other.values);
    }

    /// The lines and their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Line<'f>, &[f64])> {
        let metrics = self.values.len() / self.of.len().max(1);
        let values = (0..self.of.len()).map(move |at| &self.values[at * metrics..][..metrics]);
        self.of.iter().zip(values)
    }
}

impl Divided {
    /// What the report tells of it.
    pub(crate) fn division(&self) -> &Division {
        &self.division
    }

    fn users(by: &str, segments: Vec<Segment>, places: Vec<usize>) -> Self {
        Self {
            division: Division {
                by: by.to_owned(),
                of: Of::Users,
                segments,
            },
            places: Places::Users(places),
        }
    }

    /// `place` says where a target of a user asked is.
    fn targets(
        by: &str,
        segments: Vec<Segment>,
        data: &FoldData,
        place: impl Fn(usize, &Target) -> usize,
    ) -> Self {
        let mut places = Ragged::default();
        for at in 0..data.asked.len() {
            let wanted = data.wanted.get(at).iter();
            places.push(wanted.map(|target| place(at, target)));
        }
        Self {
            division: Division {
                by: by.to_owned(),
                of: Of::Targets,
                segments,
            },
            places: Places::Targets(places),
        }
    }
}

/// Divides a fold in every way that it can be.
///
/// # Errors
/// If the log lacks a column that the definition names.
pub(crate) fn divide(of: &Audited) -> Result<Vec<Divided>> {
    let data = of.data;
    let mut all = vec![activity(data), number_of_targets(data), popularity(data)];
    if of.evaluation.heard == Heard::Keep {
        all.push(history(data, &Past::of(of)));
    }
    for column in &of.evaluation.segments {
        all.push(columns::divide(data, column)?);
    }
    Ok(all)
}

/// Users by the number of their events before, learned from or given, in thirds; equal numbers stay together.
fn activity(data: &FoldData) -> Divided {
    let mut events = vec![0_usize; data.fit.users.len()];
    for &user in &data.fit.user {
        events[user as usize] += 1;
    }
    // Users held out are numbered behind those of the fit part; of others there is no event.
    let given = data.given.as_ref().map(|given| &given.history);
    events.resize(events.len() + given.map_or(0, |given| given.users.len()), 0);
    for &user in given.into_iter().flat_map(|given| &given.user) {
        events[data.fit.users.len() + user as usize] += 1;
    }
    let events_of = |&user: &u32| events.get(user as usize).copied().unwrap_or(0);
    let asked = data.asked.iter().map(events_of);
    let asked: Vec<usize> = asked.collect();
    let places = thirds(&asked, |_| 1);
    let name = |at: usize, name: &str| {
        let of = asked.iter().zip(&places).filter(|(_, place)| **place == at);
        let events = || of.clone().map(|(&events, _)| events);
        let what = match (events().min(), events().max()) {
            (_, Some(0)) => "no events before".to_owned(),
            (Some(least), Some(most)) => format!("{} before", range(least, most, "event")),
            _ => "nobody: equal numbers stay together".to_owned(),
        };
        Segment::new(name, what)
    };
    let segments = vec![name(0, "low"), name(1, "middle"), name(2, "high")];
    Divided::users("activity", segments, places)
}

/// `1 event`, `2 to 5 events`.
fn range(least: usize, most: usize, thing: &str) -> String {
    if least == most {
        return counted(most, thing);
    }
    format!("{least} to {}", counted(most, thing))
}

/// The third that each value is in, from below, each value weighing what `weight` says of its place.
/// Equal values stay together, where the middle of them is.
fn thirds(values: &[usize], weight: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, &value) in values.iter().enumerate() {
        groups.entry(value).or_default().push(at);
    }
    let total: usize = (0..values.len()).map(&weight).sum();
    let mut places = vec![0; values.len()];
    let mut first = 0;
    for members in groups.values() {
        let next = first + members.iter().map(|&at| weight(at)).sum::<usize>();
        // The middle of the group as a share of all, times three.
        let third = (3 * (first + next) / (2 * total.max(1))).min(2);
        for &at in members {
            places[at] = third;
        }
        first = next;
    }
    places
}

/// Users by the number of their targets.
fn number_of_targets(data: &FoldData) -> Divided {
    let place = |at| match data.wanted.get(at).len() {
        0 | 1 => 0,
        2..=4 => 1,
        _ => 2,
    };
    let names = ["1", "2 to 4", "5 and more"];
    let segments = names.map(|name| Segment::new(name, "")).into();
    let places = (0..data.asked.len()).map(place).collect();
    Divided::users("targets", segments, places)
}

/// Targets by how many users heard the item in the fit part: head, middle and tail hold a third of
/// all user-item pairs each, so that all three weigh the same in what is learned from. Items of equal
/// popularity stay together. (Abdollahpouri et al., UMAP 2021, cut at 20 % and 80 % instead.)
fn popularity(data: &FoldData) -> Divided {
    let fit = &data.fit;
    let mut users = vec![0_usize; fit.items.len()];
    for &item in Pairs::of(fit).items() {
        users[item as usize] += 1;
    }
    let places = thirds(&users, |item| users[item]);
    let name = |third: usize, name: &str| {
        let of = users.iter().zip(&places).filter(|(_, p)| **p == third);
        let range = || of.clone().map(|(&users, _)| users);
        let what = match (range().min(), range().max()) {
            (Some(least), Some(most)) => {
                let items = range().count();
                let users = self::range(least, most, "user");
                format!("{}, heard by {users}", counted(items, "item"))
            }
            _ => "no item: equal ones stay together".to_owned(),
        };
        Segment::new(name, what)
    };
    let segments = vec![
        name(2, "head"),
        name(1, "middle"),
        name(0, "tail"),
        Segment::new("cold", "not in the fit part"),
    ];
    let place = |_, target: &Target| match target.local {
        MISSING => 3,
        item => 2 - places[item as usize],
    };
    Divided::targets("popularity", segments, data, place)
}

/// Targets by whether the user heard the item before.
fn history(data: &FoldData, past: &Past) -> Divided {
    let segments = vec![
        Segment::new("new", "not heard by the user before"),
        Segment::new("repeat", "heard by the user before"),
    ];
    let place = |at: usize, target: &Target| {
        let pair = (past.asked[at], target.item);
        usize::from(past.repeats.contains(&pair))
    };
    Divided::targets("history", segments, data, place)
}

/// What a trial reached in every segment, given what it reached for each user asked, metric by metric.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn measure<'f>(
    measures: &[Bound],
    fold: &'f FoldData,
    lists: &Lists,
    per_user: &Array2<f64>,
) -> Result<Lines<'f>> {
    let measures: Vec<&Bound> = measures.iter().filter(|m| !m.nature.over_lists).collect();
    let hits = Hits::of(fold, lists);
    let mut lines = Lines::default();
    for Divided { division, places } in &fold.segments {
        let segments = division.segments.iter();
        let line = |segment: &'f Segment, user| Line {
            by: &division.by,
            segment: &segment.name,
            user: fold.name_of(user),
        };
        match places {
            Places::Users(of) => {
                for (place, segment) in segments.enumerate() {
                    for (user, _) in of.iter().enumerate().filter(|(_, at)| **at == place) {
                        lines.push(line(segment, user), per_user.row(user).iter().copied());
                    }
                }
            }
            Places::Targets(of) => {
                let mut among = Among::default();
                let mut of_segments: Vec<Lines> =
                    segments.clone().map(|_| Lines::default()).collect();
                for user in 0..fold.asked.len() {
                    let (listed, places) = (hits.of_user(user), of.get(user));
                    for (place, segment) in segments.clone().enumerate() {
                        if places.contains(&place) {
                            among.only(&listed, |at| places[at] == place);
                            let view = UserView::new(listed.items, &among.gains, &among.targets);
                            let view = view.with_masked(fold.heard.get(user));
                            let own = &mut of_segments[place];
                            own.of.push(line(segment, user));
                            for measure in &measures {
                                own.values.push(measure.user(&view, || fold.name_of(user))?);
                            }
                        }
                    }
                }
                for own in of_segments {
                    lines.append(own);
                }
            }
        }
    }
    Ok(lines)
}

/// A list were there no targets but some.
#[derive(Debug, Default)]
struct Among {
    /// Of the items listed.
    gains: Vec<f64>,
    /// Of all those targets, descending.
    targets: Vec<f64>,
}

impl Among {
    /// Were there none but those that `counts` is true of, by their place among the user's.
    fn only(&mut self, listed: &Listed, counts: impl Fn(usize) -> bool) {
        let wanted = listed.fold.wanted.get(listed.user);
        self.gains.clear();
        self.gains
            .extend(listed.items.iter().zip(listed.gains).map(|(&item, &gain)| {
                // Most of what is listed is no target at all.
                let of = |target: &Target| target.local == item;
                let among = gain > 0.0 && wanted.iter().position(of).is_some_and(&counts);
                if among { gain } else { 0.0 }
            }));
        self.targets.clear();
        let some = wanted.iter().enumerate().filter(|(at, _)| counts(*at));
        self.targets.extend(some.map(|(_, target)| target.gain));
        self.targets.sort_by(|a, b| b.total_cmp(a));
    }
}

/// The mean of several results over the same user in the same segment, such as periods or seeds:
/// over those in which the user is in it.
pub(crate) fn combine(mut results: Vec<Lines<'_>>) -> Lines<'_> {
    if results.len() == 1 {
        return results.remove(0);
    }
    let mut places: BTreeMap<Line, usize> = BTreeMap::new();
    let mut together: Vec<(Line, Vec<f64>, usize)> = Vec::new();
    for (line, values) in results.iter().flat_map(Lines::iter) {
        let next = together.len();
        let at = *places.entry(*line).or_insert(next);
        if at == next {
            together.push((*line, values.to_vec(), 1));
            continue;
        }
        let (_, sums, count) = &mut together[at];
        *count += 1;
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
    let mut lines = Lines::default();
    for (line, sums, count) in together {
        lines.push(line, sums.into_iter().map(|sum| sum / count as f64));
    }
    lines
}

/// One line a user and segment: `by`, `segment`, `user`, then the metrics.
pub(crate) fn csv(labels: &[String], lines: &Lines) -> String {
    let header = ["by", "segment", "user"].into_iter();
    let mut csv = Csv::new(header.chain(labels.iter().map(String::as_str)));
    for (line, values) in lines.iter() {
        for name in [line.by, line.segment, line.user] {
            csv.text(name);
        }
        for value in values {
            csv.number(value);
        }
        csv.end();
    }
    csv.into_text()
}

#[cfg(test)]
mod tests;
