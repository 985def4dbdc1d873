//! What of an audit stands where, in words.

use super::{Bars, Block, section, table, taste, text};
use crate::audit::labels::How;
use crate::audit::{Audit, ColumnFigures, Ids, Severity};
use crate::report::count;
use crate::text::{cut, one_line, percent};

/// Characters of a cell that are shown.
const SHOWN: usize = 24;

/// The audit in a sentence or two.
pub(super) fn headline(audit: &Audit) -> String {
    let of = |severity| {
        audit
            .alerts
            .iter()
            .filter(|a| a.severity == severity)
            .count()
    };
    let some = |many: usize, one: &str| crate::text::counted(many, one);
    let funnel = &audit.funnel;
    let share = if funnel.rows == 0 {
        0.0
    } else {
        funnel.left as f64 / funnel.rows as f64
    };
    let of_all = if audit.one_in > 1 {
        format!(" (of the users looked at, one in {})", audit.one_in)
    } else {
        String::new()
    };
    format!(
        "{}: {}, {}, {}. Honest cleaning leaves {} of {} rows, {}{of_all}. {}",
        some(audit.rows as usize, "row").replace(&audit.rows.to_string(), &count(audit.rows)),
        some(of(Severity::Error), "error"),
        some(of(Severity::Warning), "warning"),
        some(of(Severity::Note), "note"),
        count(funnel.left),
        count(funnel.rows),
        percent(share),
        audit.signal.statement,
    )
}

/// All of it.
pub(super) fn blocks(audit: &Audit) -> Vec<Block> {
    let mut blocks = vec![section("Findings")];
    if audit.alerts.is_empty() {
        blocks.push(text(
            "Nothing is wrong with this log as far as the audit can see.",
        ));
    }
    blocks.push(Block::Findings);
    if audit.one_in > 1 {
        blocks.push(text(format!(
            "The log is large: questions between rows (duplicates, consistency, taste) were asked of all rows of one user in {}, chosen by a hash of the id: {} rows.",
            audit.one_in, count(audit.looked_at)
        )));
    }
    blocks.push(section("Columns"));
    blocks.push(columns(audit));
    blocks.push(section("Users and items"));
    blocks.push(ids(&audit.ids));
    if audit.labels.iter().any(|labels| labels.differing > 0) {
        blocks.push(section("Labels"));
        blocks.push(labels(audit));
    }
    times(audit, &mut blocks);
    blocks.push(section("Duplicates"));
    let found = &audit.duplicates;
    blocks.push(table(
        ["copies beyond the first that", "rows"],
        1,
        vec![
            [
                "are equal in all cells as they stand".to_owned(),
                count(found.exact),
            ],
            [
                "mean the same in all cells".to_owned(),
                count(found.normalized),
            ],
            [
                "have the same user, item, event and time".to_owned(),
                count(found.key),
            ],
            [
                "… and differ in what another cell means".to_owned(),
                count(found.key_disagreeing),
            ],
            [
                "have the user and time of another row, and lost their item".to_owned(),
                count(found.hidden),
            ],
            [
                "repeat user, item and event within 30 seconds".to_owned(),
                count(found.near),
            ],
        ],
    ));
    consistency(audit, &mut blocks);
    blocks.push(section("What cleaning leaves"));
    blocks.push(funnel(audit));
    taste::after(audit, &mut blocks);
    blocks
}

/// A text of others in one line, cut.
fn shown(text: &str, most: usize) -> String {
    cut(&one_line(text), most).into_owned()
}

/// A number with the digits that matter.
fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        let digits = count(value.abs() as u64);
        return if value < 0.0 {
            format!("-{digits}")
        } else {
            digits
        };
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.digits$}")
}

fn columns(audit: &Audit) -> Block {
    let range = audit.times.as_ref().and_then(|times| times.range.as_ref());
    let row = |column: &ColumnFigures| {
        let values = if let Some(n) = &column.numbers {
            let [least, most, median] = [n.least, n.most, n.quantiles[3]].map(number);
            format!("{least} to {most}, median {median}")
        } else if let Some([first, last]) = range.filter(|_| column.part == "time") {
            format!("{first} to {last}")
        } else {
            let top = column.top.iter().filter(|(_, rows)| *rows > 1).take(3);
            let named = |value: &str| if value.is_empty() { "blank" } else { value }.to_owned();
            let top: Vec<String> = top
                .map(|(value, rows)| format!("{} ({})", named(value), count(*rows)))
                .collect();
            shown(&top.join(", "), 60)
        };
        let part = if column.part.is_empty() || column.part == column.kind {
            String::new()
        } else {
            format!(" ({})", column.part)
        };
        [
            column.name.clone(),
            format!("{}{part}", column.kind),
            values,
            count(column.missing),
            format!(
                "{}{}",
                if column.exact { "" } else { "about " },
                count(column.distinct)
            ),
            count(column.padded),
        ]
    };
    table(
        ["column", "holds", "values", "missing", "distinct", "padded"],
        3,
        audit.columns.iter().map(row).collect(),
    )
}

fn ids(ids: &[Ids]) -> Block {
    let row = |ids: &Ids| {
        let about = if ids.exact { "" } else { "about " };
        let named = |p: &crate::audit::ids::Placeholder| {
            format!(
                "{} ({})",
                if p.id.is_empty() {
                    "blank".to_owned()
                } else {
                    shown(&p.id, SHOWN)
                },
                count(p.rows)
            )
        };
        let sure: Vec<String> = ids
            .placeholders
            .iter()
            .filter(|p| p.certain)
            .take(6)
            .map(named)
            .collect();
        [
            ids.column.clone(),
            if sure.is_empty() {
                "none".to_owned()
            } else {
                sure.join(", ")
            },
            format!("{about}{}", count(ids.raw)),
            format!("{about}{}", count(ids.normalized)),
            format!("{about}{}", count(ids.real)),
            count(ids.one_row),
        ]
    };
    table(
        [
            "column",
            "placeholders (rows)",
            "as written",
            "normalized",
            "real",
            "with one row",
        ],
        2,
        ids.iter().map(row).collect(),
    )
}

fn labels(audit: &Audit) -> Block {
    let mut rows = Vec::new();
    for labels in audit.labels.iter().filter(|labels| labels.differing > 0) {
        for cluster in &labels.clusters {
            if cluster.spellings.len() < 2
                && cluster.spellings.iter().all(|s| s.label == cluster.name)
            {
                continue;
            }
            let spelled = |asked: bool| {
                let those = cluster
                    .spellings
                    .iter()
                    .filter(|s| (s.how == How::Meaning) == asked && s.how != How::Name);
                let all: Vec<String> = those
                    .map(|s| format!("{} ({})", shown(&s.label, SHOWN), count(s.rows)))
                    .collect();
                all.join(", ")
            };
            rows.push([
                labels.column.clone(),
                cluster.name.clone(),
                spelled(false),
                spelled(true),
                count(cluster.rows),
            ]);
        }
    }
    table(
        ["column", "label", "spelled", "means the same?", "rows"],
        4,
        rows,
    )
}

fn times(audit: &Audit, blocks: &mut Vec<Block>) {
    let Some(times) = &audit.times else {
        blocks.push(section("Times"));
        blocks.push(text("No column tells the time: a split cannot follow it, and what is held out may lie before what is learned."));
        return;
    };
    blocks.push(section("Times"));
    if let Some([first, last]) = &times.range {
        blocks.push(text(format!(
            "From {first} to {last}: {} of {} days have rows.{}",
            count(times.days.0),
            count(times.days.1),
            match times.gaps.first() {
                Some((day, days)) => format!(
                    " Without any: {days} days from {day} is the longest of {} gaps.",
                    times.gaps.len()
                ),
                None => String::new(),
            }
        )));
    }
    let mut rows: Vec<[String; 3]> = times
        .formats
        .iter()
        .map(|f| [f.directives.clone(), count(f.rows), count(f.impossible)])
        .collect();
    rows.push(["blank".to_owned(), "0".to_owned(), count(times.blank)]);
    let of_a_format: u64 = times.formats.iter().map(|f| f.impossible).sum();
    rows.push([
        "of no known format".to_owned(),
        "0".to_owned(),
        count(times.invalid_rows - of_a_format),
    ]);
    rows.retain(|row| row[1] != "0" || row[2] != "0");
    blocks.push(table(["format", "times", "no times"], 1, rows));
    if times.weeks.len() > 1 {
        blocks.push(Block::Bars(Bars {
            title: "Rows by week".to_owned(),
            all: times
                .weeks
                .iter()
                .map(|(week, rows)| (week.clone(), *rows as f64))
                .collect(),
            upright: true,
        }));
    }
    if times.midnight < times.rows {
        let hours = times.hours.iter().enumerate();
        blocks.push(Block::Bars(Bars {
            title: "Rows by hour of the day, as written".to_owned(),
            all: hours
                .map(|(hour, rows)| (format!("{hour}:00"), *rows as f64))
                .collect(),
            upright: true,
        }));
    }
}

fn consistency(audit: &Audit, blocks: &mut Vec<Block>) {
    let flags = &audit.consistency.flags;
    if flags.is_empty() {
        return;
    }
    blocks.push(section("Flags beside events"));
    let rows = flags.iter().map(|flag| {
        [
            flag.column.clone(),
            flag.event.clone(),
            count(flag.both),
            count(flag.unset),
            count(flag.unmatched),
        ]
    });
    blocks.push(table(
        [
            "flag",
            "event",
            "both",
            "event without flag",
            "flag without event",
        ],
        2,
        rows.collect(),
    ));
}

fn funnel(audit: &Audit) -> Block {
    let funnel = &audit.funnel;
    let mut left = funnel.rows;
    let mut bars = vec![("rows of the log".to_owned(), left as f64)];
    for (what, rows) in [
        ("user names somebody", funnel.no_user),
        ("item names something", funnel.no_item),
        ("time is one", funnel.no_time),
        ("not written before", funnel.duplicates),
    ] {
        if rows > 0 {
            left -= rows;
            bars.push((what.to_owned(), left as f64));
        }
    }
    Block::Bars(Bars {
        title: "Rows left, step by step".to_owned(),
        all: bars,
        upright: false,
    })
}
