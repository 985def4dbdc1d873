//! Reading attachments: per-user values and the values of random rankings.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1, Axis};

use crate::exit::Failure;
use crate::records::Store;

/// Per-user values of a trial: users in their order, one column a metric.
pub(crate) struct Table {
    pub(crate) users: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) values: Array2<f64>,
}

impl Table {
    pub(crate) fn read(store: &Store, name: &str) -> Result<Self, Failure> {
        let broken = |what: String| {
            Failure::Data(format!(
                "{} is not a table of per-user values: {what}",
                store.path(name).display()
            ))
        };
        let text = store.attachment(name)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| broken(e.to_string()))?;
        let labels: Vec<String> = header.iter().skip(1).map(str::to_owned).collect();
        let (mut users, mut values) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|e| broken(e.to_string()))?;
            users.push(record.get(0).unwrap_or_default().to_owned());
            for cell in record.iter().skip(1) {
                values.push(cell.parse().map_err(|_| broken(format!("`{cell}`")))?);
            }
        }
        let shape = (users.len(), labels.len());
        let values = Array2::from_shape_vec(shape, values).map_err(|e| broken(e.to_string()))?;
        Ok(Self {
            users,
            labels,
            values,
        })
    }

    /// The same values with the users in the order given; `None` if they are not the same users.
    ///
    /// Under different alternatives of the cleaners the ids of a log may have another order, for that
    /// depends on whether all of them are numbers.
    pub(crate) fn ordered(self, users: &[String]) -> Option<Self> {
        if self.users == users {
            return Some(self);
        }
        let own = self.users.iter().zip(0..);
        let place: HashMap<&String, usize> = own.collect();
        let rows: Vec<usize> = users
            .iter()
            .map(|user| place.get(user).copied())
            .collect::<Option<_>>()?;
        // As many users and none of them twice.
        (place.len() == users.len() && self.users.len() == users.len()).then(|| Self {
            users: users.to_vec(),
            values: self.values.select(Axis(0), &rows),
            labels: self.labels,
        })
    }

    /// The same values with the metrics in the order given; `None` if they are not the same metrics.
    pub(super) fn labeled(self, labels: &[String]) -> Option<Self> {
        if self.labels == labels {
            return Some(self);
        }
        let place = |label| self.labels.iter().position(|own| own == label);
        let columns: Vec<usize> = labels.iter().map(place).collect::<Option<_>>()?;
        (columns.len() == self.labels.len()).then(|| Self {
            values: self.values.select(Axis(1), &columns),
            labels: labels.to_vec(),
            users: self.users,
        })
    }

    /// The values of a metric; `None` if there is no such column.
    pub(crate) fn of(&self, label: &str) -> Option<ArrayView1<'_, f64>> {
        let at = self.labels.iter().position(|known| known == label)?;
        Some(self.values.column(at))
    }

    /// The drawn values of one metric, ascending.
    pub(super) fn read_null(store: &Store, name: &str, label: &str) -> Result<Vec<f64>, Failure> {
        let text = store.attachment(name)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let broken = || {
            Failure::Data(format!(
                "{} is not a table of random rankings",
                store.path(name).display()
            ))
        };
        let column = reader
            .headers()
            .ok()
            .and_then(|h| h.iter().position(|l| l == label))
            .ok_or_else(broken)?;
        reader
            .records()
            .map(|record| {
                let record = record.map_err(|_| broken())?;
                record
                    .get(column)
                    .and_then(|c| c.parse().ok())
                    .ok_or_else(broken)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::Table;

    #[test]
    fn metrics_are_put_in_one_order_or_are_not_the_same() {
        let labeled = |labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
            let table = Table {
                users: vec!["u".to_owned()],
                labels: vec!["a".to_owned(), "b".to_owned()],
                values: array![[1.0, 2.0]],
            };
            table.labeled(&labels).map(|table| table.values)
        };
        assert_eq!(labeled(&["b", "a"]), Some(array![[2.0, 1.0]]));
        assert_eq!(labeled(&["a", "b"]), Some(array![[1.0, 2.0]]));
        for others in [&["a"] as &[&str], &["a", "c"], &["a", "b", "c"]] {
            assert_eq!(labeled(others), None, "{others:?}");
        }
    }

    #[test]
    fn users_are_put_in_one_order_or_are_not_the_same() {
        let table = || Table {
            users: ["9", "10", "x"].map(str::to_owned).into(),
            labels: vec!["a".to_owned(), "b".to_owned()],
            values: array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        };
        let ordered = |users: &[&str]| {
            let users: Vec<String> = users.iter().map(|&u| u.to_owned()).collect();
            table().ordered(&users).map(|t| t.values)
        };
        let expected = array![[3.0, 4.0], [1.0, 2.0], [5.0, 6.0]];
        assert_eq!(ordered(&["10", "9", "x"]), Some(expected));
        assert_eq!(ordered(&["9", "10", "x"]), Some(table().values));
        for others in [
            &["9", "10"] as &[&str],
            &["9", "10", "y"],
            &["9", "10", "x", "y"],
        ] {
            assert_eq!(ordered(others), None, "{others:?}");
        }
    }
}
