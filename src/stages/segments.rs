//! Segments of the test part: of users, by how active they are or by a column of the log, and of
//! targets, by how popular the item is and whether it is heard again. All of them are known before a
//! trial exists, and are measured trial by trial.

mod columns;

use std::collections::BTreeMap;

use musicrec_api::{MISSING, Result, UserView};
use serde::{Deserialize, Serialize};

use super::audit::{Audited, Past};
use super::bound::Bound;
use super::fold::{FoldData, Ragged, Target};
use super::measure::gain;
use super::pairs::Pairs;
use super::rank::Lists;
use crate::experiment::Heard;
use crate::text::{counted, csv_text};

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

/// The values of one user in one segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) by: String,
    pub(crate) segment: String,
    pub(crate) user: String,
    /// One a metric.
    pub(crate) values: Vec<f64>,
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
pub(crate) fn measure(
    measures: &[Bound],
    fold: &FoldData,
    lists: &Lists,
    per_user: &ndarray::Array2<f64>,
) -> Result<Vec<Line>> {
    let measures: Vec<&Bound> = measures.iter().filter(|m| !m.nature.over_lists).collect();
    let mut lines = Vec::new();
    for Divided { division, places } in &fold.segments {
        for (place, segment) in division.segments.iter().enumerate() {
            for user in 0..fold.asked.len() {
                let values = match places {
                    Places::Users(of) if of[user] == place => Some(per_user.row(user).to_vec()),
                    Places::Users(_) => None,
                    Places::Targets(of) => {
                        among(&measures, fold, lists, user, |at| of.get(user)[at] == place)?
                    }
                };
                if let Some(values) = values {
                    lines.push(Line {
                        by: division.by.clone(),
                        segment: segment.name.clone(),
                        user: fold.name_of(user).to_owned(),
                        values,
                    });
                }
            }
        }
    }
    Ok(lines)
}

/// What a user's list reaches were there no targets but those that `counts` is true of, by their place;
/// `None` where there is none.
fn among(
    measures: &[&Bound],
    fold: &FoldData,
    lists: &Lists,
    user: usize,
    counts: impl Fn(usize) -> bool,
) -> Result<Option<Vec<f64>>> {
    let wanted = fold.wanted.get(user).iter().enumerate();
    let wanted: Vec<Target> = wanted
        .filter(|(at, _)| counts(*at))
        .map(|(_, target)| *target)
        .collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut reachable: Vec<(u32, f64)> = wanted.iter().map(|t| (t.local, t.gain)).collect();
    reachable.retain(|(item, _)| *item != MISSING);
    reachable.sort_by_key(|(item, _)| *item);
    let mut targets: Vec<f64> = wanted.iter().map(|t| t.gain).collect();
    targets.sort_by(|a, b| b.total_cmp(a));
    let ranked = lists.ranked.get(user);
    let items: Vec<u32> = ranked.iter().map(|(item, _)| *item).collect();
    let gains: Vec<f64> = items.iter().map(|&item| gain(&reachable, item)).collect();
    let view = UserView::new(&items, &gains, &targets).with_masked(fold.heard.get(user));
    let values = measures
        .iter()
        .map(|m| m.user(&view, || fold.name_of(user)));
    values.collect::<Result<_>>().map(Some)
}

/// The mean of several results over the same user in the same segment, such as periods or seeds:
/// over those in which the user is in it.
pub(crate) fn combine(results: Vec<Vec<Line>>) -> Vec<Line> {
    if results.len() == 1 {
        return results.into_iter().flatten().collect();
    }
    let mut order: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut lines: Vec<(Line, usize)> = Vec::new();
    for line in results.into_iter().flatten() {
        let key = (line.by.clone(), line.segment.clone(), line.user.clone());
        let next = lines.len();
        let at = *order.entry(key).or_insert(next);
        if at == next {
            lines.push((line, 1));
            continue;
        }
        let (known, count) = &mut lines[at];
        *count += 1;
        for (sum, value) in known.values.iter_mut().zip(line.values) {
            *sum += value;
        }
    }
    let mean = |(mut line, count): (Line, usize)| {
        line.values.iter_mut().for_each(|sum| *sum /= count as f64);
        line
    };
    lines.into_iter().map(mean).collect()
}

/// One line a user and segment: `by`, `segment`, `user`, then the metrics.
pub(crate) fn csv(labels: &[String], lines: &[Line]) -> String {
    let header = ["by", "segment", "user"].into_iter();
    let row = |line: &Line| {
        let names = [&line.by, &line.segment, &line.user].map(Clone::clone);
        let values = line.values.iter().map(f64::to_string);
        names.into_iter().chain(values).collect()
    };
    csv_text(
        header.chain(labels.iter().map(String::as_str)),
        lines.iter().map(row),
    )
}

#[cfg(test)]
mod tests;
