//! The report on a terminal: plain text tables that read the same in a pipe.

use std::fmt::Write as _;

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify, Style};

use super::audit;
use super::text::{
    PART_HEADER, STEP_HEADER, accounts, ceiling, columns, count, few, fold_line, interval,
    mean_count, owned, parts, seconds, seeds, step, users_hit, value,
};
use super::{Summary, differences};
use crate::sweep::{CleanedLog, Overview};
use crate::text::one_line;

/// A table whose columns from `numbers` on are numbers.
pub(crate) fn table(header: &[String], rows: &[Vec<String>], numbers: usize) -> String {
    let mut builder = Builder::default();
    builder.push_record(header);
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table
        .with(Style::psql())
        .with(Modify::new(Columns::new(numbers..)).with(Alignment::right()));
    table.to_string()
}

/// What was read, what cleaning did, and how the log was split.
pub(crate) fn data_tables(overview: &Overview) -> String {
    let mut out = String::new();
    for log in &overview.cleanings {
        if !log.label.is_empty() {
            let blank = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(
                out,
                "{blank}With the cleaners of {}\n",
                one_line(&log.label)
            );
        }
        cleaned(&mut out, log);
    }
    for warning in overview.warnings() {
        let _ = writeln!(out, "  warning: {}", one_line(&warning));
    }
    out + &audit::data_lines(overview)
}

/// The log under one alternative of the cleaners.
fn cleaned(out: &mut String, log: &CleanedLog) {
    let funnel: Vec<Vec<String>> = log.funnel.iter().map(|s| step(&s.name, s)).collect();
    let _ = writeln!(out, "Cleaning\n{}", table(&owned(STEP_HEADER), &funnel, 2));
    for step in &log.funnel {
        if !step.dropped.is_empty() {
            let _ = writeln!(out, "  {}: dropped {}", step.name, accounts(&step.dropped));
        }
    }
    let _ = writeln!(out, "  {}", one_line(&columns(log)));
    let _ = writeln!(
        out,
        "\nSplit\n{}",
        table(&owned(PART_HEADER), &parts(log), 3)
    );
    for summary in &log.folds {
        let _ = writeln!(out, "  {}", fold_line(summary));
    }
}

/// The leaderboard and the verdict.
pub(crate) fn leaderboard(summary: &Summary) -> String {
    let overview = &summary.overview;
    let labels = overview.labels();
    let validated = overview.validated();
    let select = &overview.select;
    let mut header = owned(["#", "variant"]);
    header.extend(labels.iter().cloned());
    header.push(format!("95 % {select}"));
    header.push(users_hit(overview));
    header.extend(owned(["fit s", "rank s"]));
    let mut rows = Vec::new();
    for row in &summary.leaderboard {
        let mut line = vec![
            row.rank.map_or_else(|| "-".to_owned(), |r| r.to_string()),
            format!(
                "{}{}",
                row.variant,
                if row.best_on_validation { " *" } else { "" }
            ),
        ];
        line.extend(labels.iter().map(|label| {
            let test = row.test.get(label).map_or(f64::NAN, |e| e.value);
            match row.validation.get(label) {
                Some(&v) => format!("{} ({})", value(test), value(v)),
                None => value(test),
            }
        }));
        line.push(row.test.get(select).map_or(String::new(), interval));
        line.push(format!(
            "{} of {}",
            mean_count(row.users_hit),
            count(row.users)
        ));
        line.extend([row.fit_seconds, row.rank_seconds].map(seconds));
        rows.push(line);
    }
    for log in &overview.cleanings {
        let Some(floor) = &log.floor else { continue };
        let mut line = vec![String::new(), log.labeled("(random ranking)")];
        line.extend(labels.iter().map(|l| value(floor.metrics[l].expected)));
        let m = &floor.metrics[select];
        line.push(format!("[{:.4}, {:.4}]", m.low, m.high));
        line.extend([
            format!("{:.1} exp.", floor.users_hit),
            String::new(),
            String::new(),
        ]);
        rows.push(line);
        let mut line = vec![String::new(), log.labeled("(best possible)")];
        line.extend(labels.iter().map(|l| ceiling(&floor.metrics[l])));
        line.extend([
            String::new(),
            count(floor.ceiling_users_hit),
            String::new(),
            String::new(),
        ]);
        rows.push(line);
    }
    let mut out = format!("Leaderboard on test\n{}\n", table(&header, &rows, 2));
    if validated {
        let _ = writeln!(
            out,
            "  in parentheses: validation; *: best there; #: only what is better than chance has a place"
        );
    } else {
        let _ = writeln!(out, "  #: only what is better than chance has a place");
    }
    for row in summary.leaderboard.iter().filter(|r| r.trials > 1) {
        let _ = writeln!(
            out,
            "  {}: {} (chosen from {} trials)",
            row.variant, row.settings, row.trials
        );
    }
    for line in few(summary).into_iter().chain(seeds(summary)) {
        let _ = writeln!(out, "  {line}");
    }
    let selection = &summary.selection;
    for line in selection.halved().into_iter().chain(selection.edges()) {
        let _ = writeln!(out, "  {line}");
    }
    for trial in &summary.trials {
        if let Some(message) = &trial.failure {
            let settings = if trial.settings.is_empty() {
                String::new()
            } else {
                format!(" ({})", trial.settings)
            };
            let _ = writeln!(out, "  failed: {}{settings}: {message}", trial.variant);
        }
    }
    if let Some(message) = &overview.recommendations_failed {
        let _ = writeln!(out, "  failed: recommendations by {message}");
    }
    for warning in &summary.warnings {
        let _ = writeln!(out, "  warning: {}", one_line(warning));
    }
    out += &comparison(summary);
    out.push_str(&audit::line(&summary.audit));
    let _ = writeln!(out, "\nVerdict: {}", summary.verdict);
    out
}

/// Differences to the baseline and rank groups; nothing for one variant alone.
fn comparison(summary: &Summary) -> String {
    let Some(shown) = differences::variants(summary) else {
        return String::new();
    };
    // The last column is in the notes and in report.md: lines of 120 characters are read unbroken.
    let narrow = |cells: &Vec<String>| cells[..cells.len() - 1].to_vec();
    let rows: Vec<Vec<String>> = shown.rows.iter().map(narrow).collect();
    let drawn = table(&narrow(&shown.header), &rows, shown.words);
    let mut out = format!("\nComparison by {}\n{drawn}\n", summary.overview.select);
    for line in differences::asked(summary) {
        let _ = writeln!(out, "  {line}");
    }
    out
}
