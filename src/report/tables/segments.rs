//! What the variants reach in segments of the test part, a line a segment and variant.

use super::{Columns, Values, count};
use crate::compare::Estimate;
use crate::report::Summary;
use crate::report::segments::InSegment;
use crate::stages::segments::Of;

pub(in crate::report) fn segments(summary: &Summary) -> Columns {
    let lines = &summary.segments;
    let text = |of: fn(&InSegment) -> &str| lines.iter().map(|line| Some(of(line))).collect();
    let of_test = |of: fn(&Estimate) -> Option<f64>| -> Values {
        lines.iter().map(|line| of(&line.test)).collect()
    };
    let of_difference = |of: fn(&Estimate) -> Option<f64>| -> Values {
        let cells = lines
            .iter()
            .map(|line| line.difference.as_ref().and_then(of));
        cells.collect()
    };
    let mut table = Columns::default();
    table.push("by", text(|line| &line.by));
    let of = |line: &InSegment| match line.of {
        Of::Users => "users",
        Of::Targets => "targets",
    };
    table.push("of", lines.iter().map(|line| Some(of(line))).collect());
    table.push("segment", text(|line| &line.segment));
    table.push("variant", text(|line| &line.variant));
    let users = lines.iter().map(|line| count(line.users));
    table.push("users", users.collect());
    table.push("few", lines.iter().map(|line| Some(line.few)).collect());
    table.push("value", of_test(|e| Some(e.value)));
    table.push("low", of_test(|e| e.low));
    table.push("high", of_test(|e| e.high));
    table.push("difference", of_difference(|e| Some(e.value)));
    table.push("difference_low", of_difference(|e| e.low));
    table.push("difference_high", of_difference(|e| e.high));
    table
}
