//! Reading attachments: per-user values and the values of random rankings.

use ndarray::Array2;

use crate::exit::Failure;
use crate::records::Store;

/// Per-user values of a trial: users in their order, one column a metric.
pub(super) struct Table {
    pub(super) users: Vec<String>,
    pub(super) labels: Vec<String>,
    pub(super) values: Array2<f64>,
}

impl Table {
    pub(super) fn read(store: &Store, name: &str) -> Result<Self, Failure> {
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
