//! Numbers of the log that may be missing but must not be negative.

use musicrec_api::{Error, Events, Result, Roles, Series};

/// One amount an event: `column` where it is known, `missing` where the cell is missing or the log
/// has no such column.
///
/// # Errors
/// At the first negative or infinite amount, with its row and the remedy. `role` names the column in
/// the roles of the log.
pub(crate) fn amounts(
    events: &Events,
    column: &Series<f32>,
    missing: f64,
    role: impl Fn(&Roles) -> Option<&String>,
) -> Result<Vec<f64>> {
    if column.is_empty() {
        return Ok(vec![missing; events.len()]);
    }
    column
        .iter()
        .enumerate()
        .map(|(event, amount)| {
            if amount.is_nan() {
                Ok(missing)
            } else if amount.is_finite() && amount >= 0.0 {
                Ok(f64::from(amount))
            } else {
                Err(impossible(events, event, amount, &role))
            }
        })
        .collect()
}

fn impossible(
    events: &Events,
    event: usize,
    amount: f32,
    role: impl Fn(&Roles) -> Option<&String>,
) -> Error {
    let row = events.row.at(event) as usize;
    let (place, column) = match &events.log {
        Some(log) => {
            let column = role(log.roles()).map_or("?", String::as_str);
            (
                format!("row {}, column `{column}`", log.number(row)),
                column,
            )
        }
        None => (format!("event {}", row + 1), "…"),
    };
    Error::data(format!(
        "{place}: {amount} is not an amount, expected a finite number of at least 0; add the cleaner \
         `limit_range` for `{column}` to clip such values, to call them missing or to drop their rows"
    ))
}
