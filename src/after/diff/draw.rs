//! How a comparison of two folders is written: for terminals and as Markdown.

use std::fmt::Write as _;

use super::{Change, Compared, Diff};
use crate::compare::INFORMATIVE;
use crate::report::{differing, ends, percent, probability, signed, table, value};
use crate::text::{counted, one_line};

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Terminal,
    Markdown,
}

/// The comparison as text.
pub(crate) fn draw(diff: &Diff, style: Style) -> String {
    let mut page = Page {
        text: String::new(),
        style,
    };
    page.line(&format!(
        "a: {}\nb: {}",
        code(&diff.a, style),
        code(&diff.b, style)
    ));
    page.changes("Definition", "the same", &diff.definition);
    page.changes("Data", "the same content, split and questions", &diff.data);
    page.changes("Code", "the same", &diff.code);
    page.changes("Machine", "the same", &diff.machine);
    page.results(diff);
    page.deciding(diff);
    for (names, side) in [(&diff.only_a, "a"), (&diff.only_b, "b")] {
        if !names.is_empty() {
            page.line(&format!(
                "\nOnly in {side}: {}",
                one_line(&names.join(", "))
            ));
        }
    }
    if !diff.failed.is_empty() {
        page.head("Failed conditions");
        for failed in &diff.failed {
            page.line(&format!(
                "- {}: {}: {}",
                code(&failed.condition, style),
                one_line(&failed.variant),
                failed.says
            ));
        }
    }
    page.text
}

fn code(text: &str, style: Style) -> String {
    match style {
        Style::Terminal => one_line(text),
        Style::Markdown => format!("`{}`", one_line(text)),
    }
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, text: &str) {
        // Markdown would draw two lines into one.
        let end = if self.style == Style::Markdown {
            "  \n"
        } else {
            "\n"
        };
        for line in text.split('\n') {
            self.text += line;
            self.text += if line.is_empty() { "\n" } else { end };
        }
    }

    fn head(&mut self, title: &str) {
        let _ = match self.style {
            Style::Terminal => writeln!(self.text, "\n{title}"),
            Style::Markdown => writeln!(self.text, "\n## {title}\n"),
        };
    }

    fn table(&mut self, header: &[&str], rows: &[Vec<String>], words: usize) {
        if self.style == Style::Terminal {
            let header: Vec<String> = header.iter().map(|&h| h.to_owned()).collect();
            let rows: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| one_line(cell)).collect())
                .collect();
            let _ = writeln!(self.text, "{}", table(&header, &rows, words));
            return;
        }
        let _ = writeln!(self.text, "| {} |", header.join(" | "));
        let rule = (0..header.len()).map(|at| if at < words { "---" } else { "---:" });
        let _ = writeln!(self.text, "| {} |", rule.collect::<Vec<_>>().join(" | "));
        for row in rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| one_line(cell).replace('|', "\\|"))
                .collect();
            let _ = writeln!(self.text, "| {} |", cells.join(" | "));
        }
    }

    fn changes(&mut self, title: &str, none: &str, changes: &[Change]) {
        if changes.is_empty() {
            self.head(&format!("{title}: {none}"));
            return;
        }
        self.head(&format!(
            "{title}: {}",
            counted(changes.len(), "difference")
        ));
        self.table(&["key", "a", "b"], &rows(changes), 3);
    }

    /// Every metric of every variant.
    fn results(&mut self, diff: &Diff) {
        self.head("Results on test");
        let mut rows = Vec::new();
        for variant in &diff.variants {
            if variant.metrics.is_empty() {
                let says = match variant.missing {
                    Some("both") => "no result in either".to_owned(),
                    Some(side) => format!("no result in {side}"),
                    None => "no metric in common".to_owned(),
                };
                let mut row = vec![variant.name(), says];
                row.resize(6, String::new());
                rows.push(row);
            }
            for metric in &variant.metrics {
                let mut row = vec![variant.name(), metric.metric.clone()];
                row.extend([value(metric.a), value(metric.b)]);
                if metric.a.to_bits() == metric.b.to_bits() {
                    row.extend(["equal".to_owned(), String::new()]);
                } else {
                    row.push(signed(metric.difference));
                    row.push(metric.relative.map_or("-".to_owned(), percent));
                }
                rows.push(row);
            }
        }
        let header = ["variant", "metric", "a", "b", "b - a", "relative"];
        self.table(&header, &rows, 2);
    }

    /// Whether the differences on the deciding metric are more than noise.
    fn deciding(&mut self, diff: &Diff) {
        self.head(&format!("Is it more than noise? ({})", diff.metric));
        let mut rows = Vec::new();
        let mut settings = Vec::new();
        let asked = diff.variants.iter().filter(|v| !v.same_records).count();
        for variant in &diff.variants {
            if variant.settings_a != variant.settings_b || !variant.changed.is_empty() {
                settings.push(chosen(variant));
            }
            rows.extend(self::row(variant));
        }
        if rows.is_empty() {
            self.line("No variant has values by user on both sides.");
        } else {
            let header = [
                "variant",
                "b - a",
                "95 % interval",
                "p adj.",
                "differ",
                "it is",
            ];
            self.table(&header, &rows, 1);
        }
        self.line(&format!(
            "{}; p adjusted by {} for {} with other records",
            diff.pairing,
            diff.correction,
            counted(asked, "variant")
        ));
        for text in settings {
            self.line(&text);
        }
    }
}

fn rows(changes: &[Change]) -> Vec<Vec<String>> {
    let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let row = |change: &Change| vec![change.key.clone(), or_dash(&change.a), or_dash(&change.b)];
    changes.iter().map(row).collect()
}

/// A variant's line of the table on the deciding metric.
fn row(variant: &Compared) -> Option<Vec<String>> {
    let (difference, interval, differ) = match (variant.difference, variant.unpaired) {
        (Some(d), _) => (d.value, d.low.zip(d.high), differing(&d)),
        (None, Some(d)) => (d.value, d.low.zip(d.high), "-".to_owned()),
        (None, None) => return None,
    };
    let says = match (variant.p_adjusted, variant.same_records) {
        (_, true) => "the same records".to_owned(),
        (None, _) => format!("unknown: fewer than {INFORMATIVE} users say anything"),
        (Some(_), _) if !variant.is_shown() => "no more than noise".to_owned(),
        _ if difference > 0.0 => "higher in b".to_owned(),
        _ => "lower in b".to_owned(),
    };
    Some(vec![
        variant.name(),
        signed(difference),
        interval.map_or("-".to_owned(), ends),
        match variant.p_adjusted {
            Some(p) => probability(p),
            None if variant.same_records => "-".to_owned(),
            None => "too few".to_owned(),
        },
        differ,
        says,
    ])
}

/// What was chosen on either side, and where that differs beyond what the grid varies.
fn chosen(variant: &Compared) -> String {
    let settings = |text: &str| match text {
        "" => "its only trial".to_owned(),
        text => text.to_owned(),
    };
    let mut text = format!("  {}: ", one_line(&variant.name()));
    if variant.settings_a == variant.settings_b {
        text += &settings(&variant.settings_a);
    } else {
        let _ = write!(
            text,
            "{} in a, {} in b",
            settings(&variant.settings_a),
            settings(&variant.settings_b)
        );
    }
    if !variant.changed.is_empty() {
        let changed = variant.changed.iter().map(|change| {
            let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{}: {} -> {}",
                change.key,
                or_dash(&change.a),
                or_dash(&change.b)
            )
        });
        let _ = write!(text, " ({})", changed.collect::<Vec<_>>().join(", "));
    }
    one_line(&text)
}
