//! An audit as Markdown.

use std::fmt::Write as _;

use super::{Block, Document};
use crate::audit::Alert;
use crate::report::count;
use crate::report::markdown::escape;
use crate::text::percent;

/// The whole audit.
pub(crate) fn markdown(document: &Document) -> String {
    let mut out = format!(
        "# Audit of {}\n\n**{}**\n",
        escape(&document.title),
        escape(&document.headline)
    );
    for block in &document.blocks {
        out.push('\n');
        match block {
            Block::Section { title } => {
                let _ = writeln!(out, "## {}", escape(title));
            }
            Block::Text { text } => {
                let _ = writeln!(out, "{}", escape(text));
            }
            Block::Findings => findings(&mut out, document.alerts),
            Block::Table(table) => rows(&mut out, &table.header, &table.rows, table.numbers),
            Block::Bars(bars) => {
                let _ = writeln!(out, "{}:\n", escape(&bars.title));
                let header = [String::new(), "rows".to_owned()];
                let cells: Vec<Vec<String>> = bars
                    .all
                    .iter()
                    .map(|(name, value)| vec![name.clone(), count(*value as u64)])
                    .collect();
                rows(&mut out, &header, &cells, 1);
            }
        }
    }
    if !document.definition.is_empty() {
        out.push_str("\n## The definition that mends it\n\n");
        fenced(&mut out, document.definition);
    }
    out
}

fn rows(out: &mut String, header: &[String], rows: &[Vec<String>], numbers: usize) {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<&str> = (0..header.len())
        .map(|at| if at < numbers { "---" } else { "---:" })
        .collect();
    let _ = writeln!(out, "{}\n|{}|", line(header), rule.join("|"));
    for row in rows {
        let _ = writeln!(out, "{}", line(row));
    }
}

fn findings(out: &mut String, alerts: &[Alert]) {
    for alert in alerts {
        let size = if alert.rows == 0 {
            String::new()
        } else {
            format!(": {} rows, {}", count(alert.rows), percent(alert.share))
        };
        let _ = writeln!(
            out,
            "### {} {}{size}\n",
            alert.severity.name(),
            escape(&alert.id)
        );
        let _ = writeln!(
            out,
            "{}. {}.\n",
            escape(&upper(&alert.what)),
            escape(&upper(&alert.effect))
        );
        if !alert.examples.is_empty() {
            let shown: Vec<String> = alert
                .examples
                .iter()
                .map(|e| format!("{} ({})", e.row, escape(&e.value)))
                .collect();
            let _ = writeln!(out, "Rows: {}.\n", shown.join(", "));
        }
        let _ = writeln!(out, "Remedy: {}.\n", escape(&alert.remedy));
        if !alert.toml.is_empty() {
            fenced(out, &alert.toml);
            out.push('\n');
        }
    }
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Lines as they are, between fences that do not end within.
fn fenced(out: &mut String, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}toml\n{}\n{fence}", text.trim_end());
}
