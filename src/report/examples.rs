//! Some users with their history, what they heard next, and what each variant recommends to them.
//!
//! Who they are was chosen when the sweep ended and is kept in an attachment, so that a report that is
//! drawn again shows the same users.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::markdown::{escape, table};
use super::summary::Row;
use super::table::Table;
use super::text::{owned, signed, time, value};
use crate::compare::apart;
use crate::exit::Failure;
use crate::records::Store;
pub(crate) use crate::sweep::Heard;
use crate::sweep::{KeptExamples, Overview};
use crate::text::counted;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Examples {
    /// The metric by which the users are chosen: the deciding one.
    pub(crate) metric: String,
    /// The variant whose gains and losses are shown.
    pub(crate) compared: String,
    /// What it is compared with: another variant, or `(random ranking)`.
    pub(crate) with: String,
    /// How the users were chosen, in words.
    pub(crate) rule: String,
    pub(crate) users: Vec<Example>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Example {
    /// Why this one was chosen, in words.
    pub(crate) why: String,
    /// The id, or a number.
    pub(crate) user: String,
    /// How much better `compared` is for this user.
    pub(crate) difference: f64,
    /// How many events models could learn of this user from.
    pub(crate) history_events: usize,
    /// The items of these events, the latest first, at most 12.
    pub(crate) history: Vec<Heard>,
    /// What was to be foretold, what counts most first.
    pub(crate) targets: Vec<String>,
    /// What the rows of the leaderboard recommend, in its order.
    pub(crate) lists: Vec<ExampleList>,
}

/// What a variant recommends to a user.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct ExampleList {
    pub(crate) variant: String,
    /// What the variant reaches for the user, by the metric: the mean over seeds and periods.
    pub(crate) value: f64,
    /// The first items.
    pub(crate) items: Vec<Listed>,
}

/// A recommended item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Listed {
    /// The id, or a number.
    pub(crate) item: String,
    /// Whether it is a target.
    pub(crate) hit: bool,
}

/// What stands in for another variant where there is none.
const CHANCE: &str = "(random ranking)";

/// The users whom the sweep chose, and what each variant reaches for them by the deciding metric.
pub(super) struct Known {
    kept: KeptExamples,
    /// By variant, one a user.
    values: BTreeMap<String, Vec<f64>>,
}

impl Known {
    /// Reads what a sweep kept. `tables` are those of the rows, one a seed.
    pub(super) fn read(
        overview: &Overview,
        rows: &[Row],
        tables: &[Vec<Table>],
        store: &Store,
    ) -> Result<Option<Self>, Failure> {
        let Some(kept) = KeptExamples::read(overview, store)? else {
            return Ok(None);
        };
        let of_user = |user: &String, tables: &[Table]| -> Option<f64> {
            let mut sum = 0.0;
            for table in tables {
                let at = table.users.iter().position(|known| known == user)?;
                sum += table.of(&kept.metric)?[at];
            }
            Some(sum / tables.len() as f64)
        };
        let mut values = BTreeMap::new();
        for (row, tables) in rows.iter().zip(tables) {
            let own = kept.users.iter().map(|kept| of_user(&kept.user, tables));
            // What another sweep has brought since is no part of these examples.
            if let Some(own) = own.collect::<Option<Vec<f64>>>() {
                values.insert(row.variant.clone(), own);
            }
        }
        Ok(Some(Self { kept, values }))
    }

    /// The section, in the order of the leaderboard. Nothing if there is nobody to show.
    pub(super) fn examples(self, overview: &Overview, rows: &[Row]) -> Option<Examples> {
        let Self { kept, values } = self;
        let compared = rows.iter().find(|row| row.variant == kept.compared)?;
        let own = values.get(&kept.compared)?;
        let other = match &kept.with {
            Some(with) => values.get(with)?.clone(),
            None => vec![overview.floor(compared.cleaning)?.expected; own.len()],
        };
        let users = kept.users.into_iter().enumerate().map(|(at, user)| {
            let targets: HashSet<&String> = user.targets.iter().collect();
            let list = |row: &Row| {
                let items = user.lists.get(&row.variant)?.iter();
                Some(ExampleList {
                    variant: row.variant.clone(),
                    value: values.get(&row.variant)?[at],
                    items: items
                        .map(|item| Listed {
                            item: item.clone(),
                            hit: targets.contains(item),
                        })
                        .collect(),
                })
            };
            let lists = rows.iter().filter_map(list).collect();
            Example {
                why: user.why,
                user: user.user,
                difference: apart(own[at], other[at]),
                history_events: user.history_events,
                history: user.history,
                targets: user.targets,
                lists,
            }
        });
        let mut examples = Examples {
            metric: kept.metric,
            compared: kept.compared,
            with: kept.with.unwrap_or_else(|| CHANCE.to_owned()),
            rule: kept.rule,
            users: users.collect(),
        };
        if !overview.report.show_ids {
            examples.number(&kept.places);
        }
        (!examples.users.is_empty()).then_some(examples)
    }
}

impl Examples {
    /// Puts numbers in place of ids.
    fn number(&mut self, places: &BTreeMap<String, usize>) {
        let number = |item: &mut String| {
            // All that is named has a place; whatever has none must not show its name.
            *item = match places.get(item.as_str()) {
                Some(place) => format!("item {place}"),
                None => "another item".to_owned(),
            };
        };
        for (at, user) in self.users.iter_mut().enumerate() {
            user.user = format!("user {}", at + 1);
            user.history
                .iter_mut()
                .for_each(|heard| number(&mut heard.item));
            user.targets.iter_mut().for_each(number);
            let listed = user.lists.iter_mut().flat_map(|list| &mut list.items);
            listed.for_each(|listed| number(&mut listed.item));
        }
    }
}

/// Targets that `report.md` names.
const TARGETS: usize = 12;

/// The section of `report.md`.
pub(super) fn markdown(out: &mut String, examples: Option<&Examples>) {
    let Some(examples) = examples else { return };
    out.push_str("## Example listeners\n\n");
    let _ = writeln!(out, "{}\n", escape(&examples.rule));
    for user in &examples.users {
        let _ = writeln!(
            out,
            "### {}: {} ({} {})\n",
            escape(&user.user),
            escape(&user.why),
            examples.metric,
            signed(user.difference)
        );
        let _ = writeln!(out, "- before: {}", before(user));
        let mut targets: Vec<String> = user.targets.iter().map(|t| escape(t)).collect();
        let more = targets.len().saturating_sub(TARGETS);
        targets.truncate(TARGETS);
        if more > 0 {
            targets.push(format!("and {more} more"));
        }
        let _ = writeln!(out, "- to be foretold: {}\n", targets.join(", "));
        let mut header = owned(["variant", "recommended (hits in bold)"]);
        header.push(examples.metric.clone());
        let rows: Vec<Vec<String>> = user.lists.iter().map(list).collect();
        table(out, &header, &rows, 2);
    }
}

/// The history in a line.
fn before(user: &Example) -> String {
    if user.history.is_empty() {
        return "nothing".to_owned();
    }
    let heard = user.history.iter().map(|heard| {
        let kind = heard.kind.as_deref().map(escape);
        let last: Vec<String> = kind
            .into_iter()
            .chain(heard.time.map(|at| time(Some(at))))
            .collect();
        let last = last.join(", ");
        let item = escape(&heard.item);
        match (heard.times, last.is_empty()) {
            (1, true) => item,
            (1, false) => format!("{item} ({last})"),
            (times, true) => format!("{item} ({times} times)"),
            (times, false) => format!("{item} ({times} times, last: {last})"),
        }
    });
    let heard: Vec<String> = heard.collect();
    let events = counted(user.history_events, "event");
    format!("{events}, the latest first: {}", heard.join("; "))
}

fn list(list: &ExampleList) -> Vec<String> {
    let items = list.items.iter().map(|listed| match escape(&listed.item) {
        item if listed.hit => format!("**{item}**"),
        item => item,
    });
    let items: Vec<String> = items.collect();
    vec![escape(&list.variant), items.join(", "), value(list.value)]
}
