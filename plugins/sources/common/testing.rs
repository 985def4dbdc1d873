//! What tests of several sources look at.

use musicrec_api::Log;

/// The cells of all rows as text, `~` where missing.
pub(crate) fn cells(log: &Log) -> Vec<Vec<String>> {
    let shown = |cells: &musicrec_api::Cells, row| {
        if cells.is_missing(row) {
            "~".to_owned()
        } else {
            cells.show(row).into_owned()
        }
    };
    let row = |row| {
        let columns = log.columns().into_iter();
        columns.map(|column| shown(&column.cells, row)).collect()
    };
    (0..log.rows()).map(row).collect()
}
