//! The comparisons on the deciding metric: first those with the baseline, then all pairs.

use super::{Columns, Values, count};
use crate::compare::{Difference, Method};
use crate::report::Summary;

/// A comparison and the family of questions that it belongs to.
struct Line<'s> {
    family: &'static str,
    a: &'s str,
    b: &'s str,
    difference: &'s Difference,
}

pub(in crate::report) fn comparisons(summary: &Summary) -> Columns {
    let compared = &summary.comparison;
    let against = summary.leaderboard.iter().filter_map(|row| {
        Some(Line {
            family: "baseline",
            a: &row.variant,
            b: compared.baseline.as_ref()?,
            difference: row.difference.as_ref()?,
        })
    });
    let pairs = summary.pairs.iter().map(|pair| Line {
        family: "pairs",
        a: &pair.a,
        b: &pair.b,
        difference: &pair.difference,
    });
    let lines: Vec<Line> = against.chain(pairs).collect();
    let text = |of: fn(&Line) -> String| lines.iter().map(|line| Some(of(line))).collect();
    let number = |of: fn(&Difference) -> Option<f64>| -> Values {
        lines.iter().map(|line| of(line.difference)).collect()
    };
    let users = |of: fn(&Difference) -> usize| -> Values {
        let counts = lines.iter().map(|line| count(of(line.difference)));
        counts.collect()
    };
    let mut table = Columns::default();
    table.push("family", text(|line| line.family.to_owned()));
    let metric = lines.iter().map(|_| Some(compared.metric.as_str()));
    table.push("metric", metric.collect());
    table.push("a", text(|line| line.a.to_owned()));
    table.push("b", text(|line| line.b.to_owned()));
    table.push("difference", number(|d| Some(d.value)));
    table.push("low", number(|d| d.low));
    table.push("high", number(|d| d.high));
    table.push("relative", number(|d| d.relative));
    table.push("dz", number(|d| d.dz));
    table.push("wins", users(|d| d.wins));
    table.push("ties", users(|d| d.ties));
    table.push("losses", users(|d| d.losses));
    table.push("differing", number(|d| Some(d.differing)));
    let informative = lines.iter().map(|line| Some(line.difference.informative));
    table.push("informative", informative.collect());
    table.push("p", number(|d| d.p));
    table.push("p_adjusted", number(|d| d.p_adjusted));
    table.push(
        "method",
        text(|line| method(line.difference.method).to_owned()),
    );
    table.push("detectable", number(|d| d.detectable));
    table
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Randomization => "randomization",
        Method::T => "t",
        Method::None => "none",
    }
}
