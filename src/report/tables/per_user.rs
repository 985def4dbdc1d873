//! What each user got from the chosen trial of each variant, for each of its seeds: what intervals and
//! differences rest on.

use std::collections::HashMap;

use super::{Columns, count};
use crate::exit::Failure;
use crate::records::{Outcome, Store};
use crate::report::{Summary, Table};

/// Users are numbered, unless the definition shows their ids; a user has one number in all of the table.
pub(in crate::report) fn per_user(summary: &Summary, store: &Store) -> Result<Columns, Failure> {
    let show_ids = summary.overview.report.show_ids;
    let labels = summary.overview.labels();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let (mut variants, mut seeds, mut users) = (Vec::new(), Vec::new(), Vec::new());
    let mut values: Vec<Vec<Option<f64>>> = vec![Vec::new(); labels.len()];
    for row in &summary.leaderboard {
        for id in &row.records {
            let Some(record) = store.record(id)? else {
                return Err(store.disagrees(id));
            };
            let seed = record.result.key.repeat;
            let Outcome::Done { attachments, .. } = record.result.outcome else {
                continue;
            };
            let Some(name) = attachments.get("per_user") else {
                continue;
            };
            let table = Table::read(store, name)?;
            for (at, label) in labels.iter().enumerate() {
                match table.labels.iter().position(|own| own == label) {
                    Some(column) => {
                        values[at].extend(table.values.column(column).iter().map(|v| Some(*v)));
                    }
                    // A metric over all lists has no values of users.
                    None => values[at].extend(table.users.iter().map(|_| None)),
                }
            }
            for user in table.users {
                variants.push(Some(row.variant.as_str()));
                seeds.push(count(seed));
                users.push(Some(if show_ids {
                    user
                } else {
                    let next = numbers.len() + 1;
                    format!("user {}", numbers.entry(user).or_insert(next))
                }));
            }
        }
    }
    let mut table = Columns::default();
    table.push("variant", variants.into_iter().collect());
    table.push("seed", seeds.into_iter().collect());
    table.push("user", users.into_iter().collect());
    for (label, values) in labels.iter().zip(values) {
        if values.iter().any(Option::is_some) || values.is_empty() {
            table.push(label, values.into_iter().collect());
        }
    }
    Ok(table)
}
