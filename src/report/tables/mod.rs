//! The tables for notebooks and spreadsheets: each is made once, in columns of one type, and written as
//! CSV and as Parquet.

mod comparisons;
mod leaderboard;
mod parquet;
mod per_user;
mod segments;
mod trials;

use crate::text::csv_text;

pub(super) use comparisons::comparisons;
pub(super) use leaderboard::leaderboard;
pub(super) use per_user::per_user;
pub(super) use segments::segments;
pub(super) use trials::trials;

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<Column>);

#[derive(Debug)]
struct Column {
    name: String,
    values: Values,
}

/// The values of a column, none where there is nothing to say.
#[derive(Debug)]
pub(crate) enum Values {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

impl FromIterator<Option<String>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<String>>>(values: I) -> Self {
        Self::Text(values.into_iter().collect())
    }
}

impl<'s> FromIterator<Option<&'s str>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<&'s str>>>(values: I) -> Self {
        let owned = values.into_iter().map(|value| value.map(str::to_owned));
        owned.collect()
    }
}

impl FromIterator<Option<i64>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<i64>>>(values: I) -> Self {
        Self::Integer(values.into_iter().collect())
    }
}

impl FromIterator<Option<f64>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        Self::Number(values.into_iter().collect())
    }
}

impl FromIterator<Option<bool>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<bool>>>(values: I) -> Self {
        Self::Flag(values.into_iter().collect())
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// A cell as CSV has it: nothing where there is no value, numbers with all digits that they take, and
    /// hundreds of zeros as an exponent.
    fn cell(&self, row: usize) -> String {
        let cell = match self {
            Self::Text(values) => values[row].clone(),
            Self::Integer(values) => values[row].map(|value| value.to_string()),
            Self::Number(values) => values[row].map(|value| match value.abs() {
                1e-20..1e20 | 0.0 => value.to_string(),
                _ => format!("{value:e}"),
            }),
            Self::Flag(values) => values[row].map(|value| value.to_string()),
        };
        cell.unwrap_or_default()
    }
}

impl Columns {
    /// One more column, as long as the others.
    pub(crate) fn push(&mut self, name: impl Into<String>, values: Values) {
        debug_assert!(
            self.0
                .first()
                .is_none_or(|c| c.values.len() == values.len())
        );
        let name = name.into();
        self.0.push(Column { name, values });
    }

    fn rows(&self) -> usize {
        self.0.first().map_or(0, |column| column.values.len())
    }

    pub(super) fn csv(&self) -> String {
        let header = self.0.iter().map(|column| column.name.as_str());
        let row = |row| self.0.iter().map(|c| c.values.cell(row)).collect();
        csv_text(header, (0..self.rows()).map(row))
    }
}

/// A count as tables hold it; nothing of one that they cannot hold.
fn count(count: impl TryInto<i64>) -> Option<i64> {
    count.try_into().ok()
}

#[cfg(test)]
mod tests;
