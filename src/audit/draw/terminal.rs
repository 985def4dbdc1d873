//! An audit on a terminal, or in a pipe.

use std::fmt::Write as _;

use super::{Bars, Block, Document};
use crate::audit::{Alert, Severity};
use crate::report::{count, fitted, wrapped};
use crate::text::{cut, one_line, percent};

/// Lines of a chart of upright bars are of so many blocks.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Characters of an example that are shown.
const SHOWN: usize = 40;
/// Bars side by side, at most.
const MOST: usize = 60;

/// In lines of so many columns if that matters.
pub(crate) fn terminal(document: &Document, width: Option<usize>) -> String {
    let mut out = wrapped(&format!("{}\n", one_line(&document.headline)), width);
    for block in &document.blocks {
        match block {
            Block::Section { title } => {
                let _ = write!(out, "\n{title}\n");
            }
            Block::Text { text } => out.push_str(&wrapped(&format!("{}\n", one_line(text)), width)),
            Block::Findings => {
                for alert in document.alerts {
                    finding(&mut out, alert, document.definition, width);
                }
            }
            Block::Table(table) => {
                let rows: Vec<Vec<String>> = table
                    .rows
                    .iter()
                    .map(|row| row.iter().map(|cell| one_line(cell)).collect())
                    .collect();
                let _ = writeln!(
                    out,
                    "{}",
                    fitted(&table.header, &rows, table.numbers, 1, width)
                );
            }
            Block::Bars(bars) => drawn(&mut out, bars, width),
        }
    }
    out
}

fn finding(out: &mut String, alert: &Alert, definition: &str, width: Option<usize>) {
    let size = if alert.rows == 0 {
        String::new()
    } else {
        format!("  {} rows, {}", count(alert.rows), percent(alert.share))
    };
    let _ = writeln!(
        out,
        "\n{:<7}  {}{size}",
        alert.severity.name(),
        one_line(&alert.id)
    );
    let mut line = |begin: &str, text: &str| {
        if !text.is_empty() {
            let text = format!("         {begin}{}\n", one_line(text));
            out.push_str(&wrapped(&text, width));
        }
    };
    line("", &alert.what);
    let shown: Vec<String> = alert
        .examples
        .iter()
        .map(|e| format!("{} `{}`", e.row, cut(&e.value, SHOWN)))
        .collect();
    if alert.severity != Severity::Note {
        line("effect: ", &alert.effect);
    }
    if !shown.is_empty() {
        line("rows: ", &shown.join(", "));
    }
    let entry = alert.toml.lines().nth(1).unwrap_or_default();
    let plugin = entry
        .split(['=', '.', ']'])
        .find(|part| !part.trim().is_empty() && part.trim() != "[cleaners");
    match plugin {
        Some(plugin) => {
            // What drops listeners is a decision: it stands there as a comment.
            let how = if definition.contains(&alert.toml) {
                "writes it"
            } else {
                "proposes it"
            };
            let with = format!(
                "{} (cleaner `{}`; --write {how})",
                alert.remedy,
                plugin.trim()
            );
            line("remedy: ", &with);
        }
        None => line("remedy: ", &alert.remedy),
    }
}

fn drawn(out: &mut String, bars: &Bars, width: Option<usize>) {
    let most = bars.all.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    let _ = writeln!(out, "{}", bars.title);
    if bars.upright {
        let room = width.map_or(MOST, |width| width.saturating_sub(2).clamp(8, MOST));
        // So many neighbors are one block that all have room.
        let each = bars.all.len().div_ceil(room);
        let sums: Vec<f64> = bars
            .all
            .chunks(each)
            .map(|some| some.iter().map(|(_, v)| v).sum::<f64>() / some.len() as f64)
            .collect();
        let top = sums.iter().copied().fold(0.0, f64::max);
        let line: String = sums
            .iter()
            .map(|value| match value {
                value if *value <= 0.0 => ' ',
                value => BLOCKS[((value / top * 8.0).ceil() as usize).clamp(1, 8) - 1],
            })
            .collect();
        let (first, last) = (&bars.all[0].0, &bars.all[bars.all.len() - 1].0);
        let _ = writeln!(
            out,
            "  {line}\n  {first} to {last}, at most {}",
            count(most as u64)
        );
        return;
    }
    let names = bars
        .all
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    for (name, value) in &bars.all {
        let long = (value / most * 30.0).round() as usize;
        let _ = writeln!(
            out,
            "  {name:<names$}  {:<30}  {:>12}",
            "█".repeat(long),
            count(*value as u64)
        );
    }
}
