//! What several cleaners need of columns and rows.

use std::borrow::Cow;

use musicrec_api::{
    Cells, CheckContext, Error, Ledger, Log, MISSING, MISSING_TIME, Problem, Result, Sample, Text,
    View,
};

/// Samples of an account; the ledger keeps no more.
const SAMPLES: usize = 3;
/// Characters of a row or value that a sample or message shows.
const SHOWN: usize = 120;

/// A distinct value of a text column that is in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) code: u32,
    pub(crate) rows: u64,
    /// The first row with it, as an index.
    pub(crate) first: usize,
}

/// The distinct values in use, by first appearance.
pub(crate) fn distinct(text: &Text) -> Vec<Use> {
    let mut uses: Vec<Use> = (0..text.values.len() as u32)
        .map(|code| Use {
            code,
            rows: 0,
            first: 0,
        })
        .collect();
    for (row, &code) in text.codes.iter().enumerate() {
        if code != MISSING {
            let entry = &mut uses[code as usize];
            if entry.rows == 0 {
                entry.first = row;
            }
            entry.rows += 1;
        }
    }
    uses.retain(|entry| entry.rows > 0);
    uses.sort_by_key(|entry| entry.first);
    uses
}

/// The text of a column, or a fault that says that `cleaner` comes too late.
pub(crate) fn text<'a>(log: &'a Log, column: &str, cleaner: &str) -> Result<&'a Text> {
    let what = match log.column(column)? {
        Cells::Text(text) => return Ok(text),
        Cells::Number(_) => "numbers",
        Cells::Time(_) => "times",
    };
    Err(Error::definition(format!(
        "`{cleaner}` works on text, but column `{column}` holds {what} by then; put `{cleaner}` \
         before the cleaner that parses `{column}`, or take `{column}` out of its columns"
    )))
}

/// The columns named, or those of the roles that the log has if none is.
pub(crate) fn columns_or(given: &[String], roles: &[Option<&String>]) -> Vec<String> {
    if given.is_empty() {
        roles.iter().copied().flatten().cloned().collect()
    } else {
        given.to_vec()
    }
}

/// The columns of a list that the log does not have; `parameter` is the list's name.
pub(crate) fn missing_columns(
    context: &CheckContext,
    parameter: &str,
    names: &[String],
) -> Vec<Problem> {
    let missing =
        |(at, name): (usize, &String)| context.missing_column(format!("{parameter}.{at}"), name);
    names.iter().enumerate().filter_map(missing).collect()
}

/// Whether the cell of each row is missing or blank.
pub(crate) fn missing(cells: View<'_>) -> Vec<bool> {
    match cells {
        View::Text(text) => {
            let values = text.values().iter();
            let blank: Vec<bool> = values.map(|v| v.trim().is_empty()).collect();
            let absent = |code| code == MISSING || blank[code as usize];
            text.codes().map(absent).collect()
        }
        View::Number(numbers) => numbers.iter().map(f64::is_nan).collect(),
        View::Time(times) => times.iter().map(|t| t == MISSING_TIME).collect(),
    }
}

/// A text in lower case. Most ids are in lower case already, and cost no copy.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// A text cut to what a message or sample can hold.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Drops the rows whose fate is not 0 and books each under `reasons[fate - 1]`, a column (or the
/// empty text) and a reason.
pub(crate) fn drop_rows(
    log: &mut Log,
    ledger: &mut Ledger,
    fates: &[u16],
    reasons: &[(&str, &str)],
) {
    let mut found = vec![(0, Vec::new()); reasons.len()];
    for (row, &fate) in fates.iter().enumerate().filter(|(_, fate)| **fate > 0) {
        let (rows, samples): &mut (u64, Vec<usize>) = &mut found[usize::from(fate) - 1];
        *rows += 1;
        if samples.len() < SAMPLES || ledger.is_traced() {
            samples.push(row);
        }
    }
    let nothing = found.iter().all(|(rows, _)| *rows == 0);
    for ((column, what), (rows, samples)) in reasons.iter().zip(found) {
        for &row in &samples {
            let sample = Sample {
                row: log.number(row),
                before: shown(log, column, row),
                after: None,
            };
            ledger.dropped(column, what, 1, Some(sample));
        }
        ledger.dropped(column, what, rows - samples.len() as u64, None);
    }
    if nothing {
        return;
    }
    let keep: Vec<bool> = fates.iter().map(|&fate| fate == 0).collect();
    log.retain(&keep);
}

/// The cell for which a row is dropped, or the whole row if that cell tells nothing.
fn shown(log: &Log, column: &str, row: usize) -> String {
    if let Ok(cells) = log.view(column) {
        let cell = cells.show(row);
        if !cell.trim().is_empty() {
            return cut(&cell);
        }
    }
    let cells: Vec<_> = log.views().map(|cells| cells.show(row)).collect();
    cut(&cells.join(", "))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use musicrec_api::{Account, Cells, CheckContext, Cleaner, Column, Log, Problem, Roles, Text};

    /// What a cleaner, as a definition writes it, says of a log with the columns user, item, time
    /// and plays; nothing of any column while the log's are not known.
    pub(crate) fn check(json: &str) -> Vec<Problem> {
        let cleaner: Box<dyn Cleaner> = serde_json::from_str(json).unwrap();
        let context = CheckContext::new(Path::new(""));
        let of_columns = |p: &Problem| p.message.contains("has no column");
        assert!(!cleaner.check(&context).iter().any(of_columns), "{json}");
        let columns = ["user", "item", "time", "plays"].map(str::to_owned);
        cleaner.check(&context.with_columns(&columns))
    }

    /// Where the problems are, and the name that each suggests or the empty text.
    pub(crate) fn places(problems: &[Problem]) -> Vec<(&str, &str)> {
        problems
            .iter()
            .map(|p| {
                let suggestion = p.suggestion.as_deref().unwrap_or_default();
                (p.parameter.as_str(), suggestion)
            })
            .collect()
    }

    /// A log of text columns, given as a header and rows of cells separated by `|`; `~` is missing.
    pub(crate) fn log(header: &str, rows: &[&str]) -> Log {
        let names: Vec<&str> = header.split('|').collect();
        let has = |name: &str| names.contains(&name).then(|| name.to_owned());
        let roles = Roles {
            user: "user".into(),
            item: "item".into(),
            time: has("time"),
            event: has("event"),
            plays: has("plays"),
            seconds: has("seconds"),
        };
        let columns = names.iter().enumerate().map(|(at, name)| {
            let cells = rows.iter().map(|row| {
                let cell = row.split('|').nth(at).expect("a cell for each column");
                (cell != "~").then_some(cell)
            });
            Column {
                name: (*name).to_owned(),
                cells: Cells::Text(cells.collect::<Text>()),
            }
        });
        let numbers = (1..=rows.len() as u64).collect();
        Log::new(columns.collect(), numbers, roles)
    }

    /// A column as text; missing cells are `~`.
    pub(crate) fn shown(log: &Log, column: &str) -> Vec<String> {
        let cells = log.column(column).unwrap();
        let show = |row| {
            if cells.is_missing(row) {
                "~".to_owned()
            } else {
                cells.show(row).into_owned()
            }
        };
        (0..log.rows()).map(show).collect()
    }

    /// Accounts as column, reason and rows, sorted.
    pub(crate) fn books<'a>(
        accounts: impl Iterator<Item = &'a Account>,
    ) -> Vec<(&'a str, &'a str, u64)> {
        let mut books: Vec<_> = accounts
            .map(|a| (a.column.as_str(), a.what.as_str(), a.rows))
            .collect();
        books.sort_unstable();
        books
    }

    /// The first sample of a reason: its row, before and after.
    pub(crate) fn sample<'a>(
        mut accounts: impl Iterator<Item = &'a Account>,
        what: &str,
    ) -> (u64, &'a str, Option<&'a str>) {
        let account = accounts.find(|a| a.what == what).expect("booked");
        let sample = &account.samples[0];
        (sample.row, &sample.before, sample.after.as_deref())
    }
}
