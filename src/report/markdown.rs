//! `report.md`: the whole report for repositories and pull requests.

mod escape;

use std::fmt::Write as _;

use super::audit;
use super::periods;
use super::prose::{self, Piece};
use super::published;
use super::segments;
use super::selection;
use super::text::{
    PART_HEADER, STEP_HEADER, accounts, ceiling, columns, count, few, fold_line, interval,
    mean_count, owned, parts, probability, seconds, seeds, users_hit, value,
};
use super::{Summary, differences, differing, examples};
use crate::stages::prepare::Step;
use crate::sweep::CleanedLog;
use escape::code;
pub(crate) use escape::escape;
pub(super) use escape::label;

/// Draws the report.
pub(super) fn draw(summary: &Summary) -> String {
    let overview = &summary.overview;
    let mut out = format!("# {}\n\n", escape(&overview.name));
    let _ = writeln!(out, "**{}**\n", escape(&summary.verdict));
    for warning in &summary.warnings {
        let _ = writeln!(out, "> **Warning:** {}\n", escape(warning));
    }
    for note in overview.joined.iter().flat_map(|joined| &joined.notes) {
        let _ = writeln!(out, "- {}", escape(note));
    }
    if overview.joined.is_some() {
        out.push('\n');
    }
    leaderboard(&mut out, summary);
    comparison(&mut out, summary);
    published::markdown(&mut out, &summary.published);
    periods::markdown(&mut out, &overview.select, &summary.leaderboard);
    trials(&mut out, summary);
    selection::markdown(&mut out, &summary.overview, &summary.selection);
    segments::markdown(&mut out, &summary.overview, &summary.segments);
    cleaning(&mut out, summary);
    split(&mut out, summary);
    audit::markdown(&mut out, &summary.audit);
    differing::markdown(&mut out, &summary.leaderboard, &summary.differing);
    examples::markdown(&mut out, summary.examples.as_ref());
    metrics(&mut out, summary);
    provenance(&mut out, summary);
    reading(&mut out, summary);
    out
}

pub(super) fn table(out: &mut String, header: &[String], rows: &[Vec<String>], numbers: usize) {
    let _ = writeln!(out, "| {} |", header.join(" | "));
    let rule: Vec<&str> = (0..header.len())
        .map(|at| if at < numbers { "---" } else { "---:" })
        .collect();
    let _ = writeln!(out, "| {} |", rule.join(" | "));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out.push('\n');
}

fn leaderboard(out: &mut String, summary: &Summary) {
    let overview = &summary.overview;
    let labels = overview.labels();
    let select = &overview.select;
    out.push_str("## Leaderboard on test\n\n");
    let mut header = owned(["#", "variant", "settings"]);
    header.extend(labels.iter().map(|l| label(l)));
    header.push(format!("95 % {}", label(select)));
    header.push(format!("{} on validation", label(select)));
    header.extend(owned(["group", "p (chance, adjusted)"]));
    header.push(users_hit(overview));
    header.extend(owned(["fit s", "rank s"]));
    let mut rows = Vec::new();
    for row in &summary.leaderboard {
        let mut line = vec![
            row.rank.map_or_else(|| "–".to_owned(), |r| r.to_string()),
            escape(&row.variant),
            escape(&row.settings),
        ];
        line.extend(
            labels
                .iter()
                .map(|l| row.test.get(l).map_or(String::new(), |e| value(e.value))),
        );
        line.push(row.test.get(select).map_or(String::new(), interval));
        let mark = if row.best_on_validation {
            " (best)"
        } else {
            ""
        };
        let validation = row.validation.get(select);
        line.push(validation.map_or(String::new(), |v| format!("{}{mark}", value(*v))));
        line.push(row.group.clone());
        line.push(probability(row.p_chance_adjusted));
        line.push(format!(
            "{} of {}",
            mean_count(row.users_hit),
            count(row.users)
        ));
        line.extend([row.fit_seconds, row.rank_seconds].map(seconds));
        rows.push(line);
    }
    let width = header.len();
    for log in &overview.cleanings {
        let Some(floor) = &log.floor else { continue };
        let mut line = vec![String::new(); width];
        line[1] = escaped(log, "*random ranking*");
        for (at, label) in labels.iter().enumerate() {
            line[3 + at] = value(floor.metrics[label].expected);
        }
        let m = &floor.metrics[select];
        line[3 + labels.len()] = format!("[{:.4}, {:.4}]", m.low, m.high);
        line[width - 3] = format!("{:.1} expected", floor.users_hit);
        rows.push(line);
        let mut line = vec![String::new(); width];
        line[1] = escaped(log, "*best possible*");
        for (at, label) in labels.iter().enumerate() {
            line[3 + at] = ceiling(&floor.metrics[label]);
        }
        line[width - 3] = count(floor.ceiling_users_hit);
        rows.push(line);
    }
    table(out, &header, &rows, 3);
    let lines = seeds(summary);
    if !lines.is_empty() {
        let _ = writeln!(out, "Seeds ({}):\n", label(select));
        for line in lines {
            let _ = writeln!(out, "- {}", escape(&line));
        }
        out.push('\n');
    }
    if let Some(line) = few(summary) {
        let _ = writeln!(out, "`-`: {}.\n", escape(&line));
    }
}

fn comparison(out: &mut String, summary: &Summary) {
    let Some(variants) = differences::variants(summary) else {
        return;
    };
    let _ = writeln!(
        out,
        "## Comparison by {}\n",
        label(&summary.overview.select)
    );
    compared(out, &variants);
    for line in differences::asked(summary) {
        let _ = writeln!(out, "- {}.", escape(&line));
    }
    out.push('\n');
    // Two variants are one pair, which the table above shows.
    let pairs = summary.pairs.len();
    if pairs > differences::PAIRS {
        let _ = writeln!(out, "All {} pairs: `comparisons.csv`.\n", count(pairs));
    } else if pairs > 1 {
        out.push_str("All pairs:\n\n");
        compared(out, &differences::pairs(&summary.pairs));
    }
}

fn compared(out: &mut String, shown: &differences::Table) {
    let escaped =
        |cells: &Vec<String>| -> Vec<String> { cells.iter().map(|c| escape(c)).collect() };
    let rows: Vec<Vec<String>> = shown.rows.iter().map(escaped).collect();
    table(out, &escaped(&shown.header), &rows, shown.words);
}

/// Markup followed by the label of the alternative of the cleaners, if there are several.
fn escaped(log: &CleanedLog, markup: &str) -> String {
    match escape(&log.label) {
        label if label.is_empty() => markup.to_owned(),
        label => format!("{markup} {label}"),
    }
}

/// The heading of what is about one alternative of the cleaners, if there are several.
fn subheading(out: &mut String, log: &CleanedLog) {
    if !log.label.is_empty() {
        let _ = writeln!(out, "### {}\n", escape(&log.label));
    }
}

fn trials(out: &mut String, summary: &Summary) {
    let failed = summary.trials.iter().any(|t| t.failure.is_some());
    if !failed && summary.leaderboard.iter().all(|r| r.trials <= 1) {
        return;
    }
    let labels = summary.overview.labels();
    out.push_str("## All trials (validation)\n\n");
    let select = &summary.overview.select;
    let mut header = owned(["variant", "settings"]);
    header.extend(labels.iter().map(|l| label(l)));
    header.push(format!("{} on test", label(select)));
    header.extend(owned(["fit s", ""]));
    let rows: Vec<Vec<String>> = summary
        .trials
        .iter()
        .map(|trial| {
            let mut line = vec![escape(&trial.variant), escape(&trial.settings)];
            line.extend(
                labels
                    .iter()
                    .map(|l| trial.validation.get(l).map_or(String::new(), |v| value(*v))),
            );
            let test = trial.test.get(select);
            line.push(test.map_or(String::new(), |v| value(*v)));
            line.push(trial.fit_seconds.map_or(String::new(), seconds));
            line.push(match (&trial.failure, &trial.stopped, trial.chosen) {
                (Some(message), ..) => format!("failed: {}", escape(message)),
                (None, Some(stopped), _) => {
                    let at = trial.stopped_at.map_or(String::new(), value);
                    escape(&format!("{stopped} ({select} {at})"))
                }
                (None, None, true) => "chosen".to_owned(),
                (None, None, false) => String::new(),
            });
            line
        })
        .collect();
    table(out, &header, &rows, 2);
}

fn cleaning(out: &mut String, summary: &Summary) {
    out.push_str("## Data: what cleaning did\n\n");
    for log in &summary.overview.cleanings {
        subheading(out, log);
        cleaned(out, log);
    }
    if let Some(masked) = &summary.masked {
        let _ = writeln!(out, "Note: {}.\n", escape(masked));
    }
}

fn cleaned(out: &mut String, log: &CleanedLog) {
    let fit = log.folds.iter().flat_map(|f| {
        let name = f.role.name();
        f.cleaned
            .iter()
            .map(move |s| (format!("{} (fit part for {name})", s.name), s))
    });
    let steps: Vec<(String, &Step)> = log
        .funnel
        .iter()
        .map(|s| (s.name.clone(), s))
        .chain(fit)
        .collect();
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|(name, step)| super::text::step(&escape(name), step))
        .collect();
    table(out, &owned(STEP_HEADER), &rows, 2);
    for (name, step) in &steps {
        if step.dropped.is_empty() && step.changed.is_empty() {
            continue;
        }
        let _ = writeln!(out, "- **{}**", escape(name));
        for (verb, list) in [("dropped", &step.dropped), ("changed", &step.changed)] {
            for account in list {
                let samples: Vec<String> = account
                    .samples
                    .iter()
                    .map(|s| match &s.after {
                        Some(after) => {
                            format!("{} → {} (row {})", code(&s.before), code(after), s.row)
                        }
                        None => format!("{} (row {})", code(&s.before), s.row),
                    })
                    .collect();
                let samples = if samples.is_empty() {
                    String::new()
                } else {
                    format!(": {}", samples.join(", "))
                };
                let what = escape(&accounts(std::slice::from_ref(account)));
                let _ = writeln!(out, "  - {verb}: {what}{samples}");
            }
        }
    }
    out.push('\n');
    let _ = writeln!(out, "{}\n", escape(&columns(log)));
}

fn split(out: &mut String, summary: &Summary) {
    out.push_str("## Split\n\n");
    for log in &summary.overview.cleanings {
        subheading(out, log);
        cut(out, log);
    }
}

fn cut(out: &mut String, log: &CleanedLog) {
    table(out, &owned(PART_HEADER), &parts(log), 3);
    for fold in &log.folds {
        let _ = writeln!(out, "- {}", fold_line(fold));
        if let Some(order) = prose::order(fold) {
            let _ = writeln!(out, "- {order}");
        }
    }
    out.push('\n');
}

fn metrics(out: &mut String, summary: &Summary) {
    let overview = &summary.overview;
    out.push_str("## What is measured\n\n");
    for m in overview.metrics.iter().map(|m| &m.identity) {
        let _ = writeln!(
            out,
            "- **{}**: {}; averaged over {}; as in {}",
            label(&m.label),
            escape(&m.formula),
            escape(&m.averaged_over),
            escape(&m.source)
        );
    }
    for log in &overview.cleanings {
        if let Some(chance) = prose::chance(overview, log) {
            let _ = writeln!(out, "- {}: {chance}", escaped(log, "Random ranking"));
        }
    }
    if overview.changes.is_empty() {
        out.push_str("- The protocol's default rules hold; nothing was changed.\n");
    }
    for change in &overview.changes {
        let _ = writeln!(out, "- Changed rule: {}", escape(change));
    }
    out.push('\n');
}

fn provenance(out: &mut String, summary: &Summary) {
    out.push_str("## Provenance\n\n");
    for line in prose::provenance(summary) {
        let pieces = line.pieces.iter().map(|piece| match piece {
            Piece::Words(words) => escape(words),
            Piece::Code(text) => code(text),
        });
        let _ = writeln!(
            out,
            "- {}: {}",
            escape(&line.name),
            pieces.collect::<String>()
        );
    }
    out.push('\n');
}

fn reading(out: &mut String, summary: &Summary) {
    out.push_str("## How to read this\n\n");
    let _ = writeln!(out, "{}", prose::reading(&summary.overview).join("\n\n"));
}
