//! Segments by a column of the log. Whether it belongs to items (a genre) or to users (a country) is
//! found from what happened before: the fit part, and of users also what is given of those held out.

use std::collections::BTreeMap;

use musicrec_api::{Cells, Error, MISSING, Result, Roles};
use rustc_hash::FxHashMap;

use super::{Divided, Segment};
use crate::stages::fold::FoldData;

/// More values of a column than these are one segment.
const MOST: usize = 12;

/// A column is of items if their events agree with each other to this degree.
const NEARLY: f64 = 0.8;

/// Characters of a value that are shown.
const SHOWN: usize = 60;

const OTHER: &str = "(other)";
const ABSENT: &str = "(missing)";

/// Divides a fold by a column.
///
/// # Errors
/// If the log has no such column.
pub(super) fn divide(data: &FoldData, column: &str) -> Result<Divided> {
    let fit = &data.fit;
    let Some(log) = &fit.log else {
        return Err(Error::definition(format!(
            "`segments` names the column `{column}`, but there is no log with columns"
        )));
    };
    if let Some(part) = part_of(log.roles(), column) {
        return Err(Error::definition(format!(
            "`segments` names the column `{column}`, which plays the part of the {part}, so it would \
             divide nothing; name a column that several {part}s share a value of"
        )));
    }
    // Users held out are numbered behind those of the fit part.
    let given = data.given.as_ref().map(|given| &given.history);
    let given_rows = given.into_iter().flat_map(|given| &given.row);
    let rows: Vec<u32> = fit.row.iter().chain(given_rows).collect();
    let (codes, values) = coded(log.column(column)?, &rows);
    let items = Groups::of(&fit.item, &codes, fit.items.len());
    let learned = fit.users.len();
    let given_users = given.into_iter().flat_map(|given| &given.user);
    let given_users = given_users.map(|&user| learned as u32 + user);
    let who: Vec<u32> = fit.user.iter().copied().chain(given_users).collect();
    let held_out = given.map_or(0, |given| given.users.len());
    let users = Groups::of(&who, &codes, learned + held_out);
    let of_items = items.agreement() >= NEARLY.max(users.agreement());
    let groups = if of_items { items } else { users };
    let most: Vec<Option<u32>> = groups.most_frequent(&values);
    // What each user asked, or each target, has.
    let mut sizes: BTreeMap<Option<u32>, usize> = BTreeMap::new();
    if of_items {
        for at in 0..data.asked.len() {
            for target in data.wanted.get(at) {
                *sizes.entry(value_of(&most, target.local)).or_default() += 1;
            }
        }
    } else {
        for &user in &data.asked {
            *sizes.entry(value_of(&most, user)).or_default() += 1;
        }
    }
    let mut known: Vec<(u32, usize)> = sizes
        .iter()
        .filter_map(|(v, n)| Some(((*v)?, *n)))
        .collect();
    known.sort_by(|(a, m), (b, n)| n.cmp(m).then(values[*a as usize].cmp(&values[*b as usize])));
    let others = known.split_off(known.len().min(MOST));
    let mut segments: Vec<Segment> = Vec::new();
    let mut place: FxHashMap<Option<u32>, usize> = FxHashMap::default();
    for (value, _) in known {
        place.insert(Some(value), segments.len());
        segments.push(Segment::new(name(&values[value as usize], &segments), ""));
    }
    if !others.is_empty() {
        let what = format!("{} further values", others.len());
        let at = segments.len();
        place.extend(others.into_iter().map(|(value, _)| (Some(value), at)));
        segments.push(Segment::new(OTHER, what));
    }
    if sizes.contains_key(&None) {
        place.insert(None, segments.len());
        segments.push(Segment::new(ABSENT, "no value before"));
    }
    let divided = if of_items {
        Divided::targets(column, segments, data, |_, target| {
            place[&value_of(&most, target.local)]
        })
    } else {
        let users = data.asked.iter().map(|&user| place[&value_of(&most, user)]);
        Divided::users(column, segments, users.collect())
    };
    Ok(divided)
}

/// What part a column plays whose values name users, items or moments.
pub(crate) fn part_of(roles: &Roles, column: &str) -> Option<&'static str> {
    let time = roles.time.as_deref();
    match column {
        _ if column == roles.user => Some("user"),
        _ if column == roles.item => Some("item"),
        _ if Some(column) == time => Some("time"),
        _ => None,
    }
}

/// What the segment of a value is called: like no other segment of the column, nor like those that hold
/// what has no segment of its own.
fn name(value: &str, others: &[Segment]) -> String {
    let shown: String = value.chars().take(SHOWN).collect();
    let taken = |name: &str| {
        name == OTHER || name == ABSENT || others.iter().any(|other| other.name == name)
    };
    if !taken(&shown) {
        return shown;
    }
    let numbered = (2..).map(|number| format!("{shown} #{number}"));
    numbered
        .into_iter()
        .find(|name| !taken(name))
        .expect("there are more numbers than segments")
}

/// The value of a user or item; none of whom nothing happened before.
fn value_of(most: &[Option<u32>], at: u32) -> Option<u32> {
    most.get(at as usize).copied().flatten()
}

/// The value of each row given, as codes into a table; [`MISSING`] without one, blank ones included.
fn coded(cells: &Cells, rows: &[u32]) -> (Vec<u32>, Vec<String>) {
    if let Cells::Text(text) = cells {
        let blank: Vec<bool> = text.values.iter().map(|v| v.trim().is_empty()).collect();
        let code = |&row: &u32| match text.codes[row as usize] {
            MISSING => MISSING,
            code if blank[code as usize] => MISSING,
            code => code,
        };
        let values = text.values.iter().map(str::to_owned);
        return (rows.iter().map(code).collect(), values.collect());
    }
    let mut values: Vec<String> = Vec::new();
    let mut known: FxHashMap<String, u32> = FxHashMap::default();
    let mut code = |&row: &u32| {
        if cells.is_missing(row as usize) {
            return MISSING;
        }
        let text = cells.show(row as usize).into_owned();
        *known.entry(text).or_insert_with_key(|text| {
            values.push(text.clone());
            values.len() as u32 - 1
        })
    };
    let codes = rows.iter().map(&mut code).collect();
    (codes, values)
}

/// How often each user, or each item, has each value.
struct Groups(Vec<FxHashMap<u32, usize>>);

impl Groups {
    fn of(keys: &[u32], codes: &[u32], size: usize) -> Self {
        let mut groups = vec![FxHashMap::default(); size];
        for (&key, &code) in keys.iter().zip(codes).filter(|(_, code)| **code != MISSING) {
            *groups[key as usize].entry(code).or_insert(0) += 1;
        }
        Self(groups)
    }

    /// The share of events that have the most frequent value of their group, where a group has two at
    /// least: one alone always agrees with itself.
    fn agreement(&self) -> f64 {
        let (mut agree, mut all) = (0, 0);
        for group in &self.0 {
            let events: usize = group.values().sum();
            if events > 1 {
                agree += group.values().max().unwrap_or(&0);
                all += events;
            }
        }
        if all == 0 {
            return 1.0;
        }
        agree as f64 / all as f64
    }

    /// The most frequent value of each group, of equals the first as text.
    fn most_frequent(&self, values: &[String]) -> Vec<Option<u32>> {
        let most = |group: &FxHashMap<u32, usize>| {
            let best = group.iter().max_by(|(a, m), (b, n)| {
                let text = |code: u32| &values[code as usize];
                m.cmp(n).then_with(|| text(**b).cmp(text(**a)))
            });
            best.map(|(code, _)| *code)
        };
        self.0.iter().map(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment, name};

    #[test]
    fn no_two_segments_of_a_column_have_one_name() {
        let long = "x".repeat(300);
        let mut segments: Vec<Segment> = Vec::new();
        for value in ["rock", "(missing)", "(other)", &long, &format!("{long}y")] {
            let name = name(value, &segments);
            segments.push(Segment::new(name, ""));
        }
        let names: Vec<&str> = segments.iter().map(|s| s.name.as_str()).collect();
        let shown = "x".repeat(60);
        let again = format!("{shown} #2");
        assert_eq!(
            names,
            ["rock", "(missing) #2", "(other) #2", &shown, &again]
        );
    }
}
