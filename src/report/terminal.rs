//! The report on a terminal: plain text tables that read the same in a pipe, and fit where there is a
//! width to fit.

use std::fmt::Write as _;

use super::audit;
use super::grid::{fits, fitted, wrapped};
use super::text::{
    PART_HEADER, STEP_HEADER, accounts, ceiling, columns, count, few, fold_line, interval,
    mean_count, owned, parts, seconds, seeds, step, users_hit, value,
};
use super::{Summary, differences, published};
use crate::stages::prepare::Step;
use crate::sweep::{CleanedLog, Overview};
use crate::text::one_line;

/// What was read, what cleaning did, and how the log was split.
pub(crate) fn data_tables(overview: &Overview, width: Option<usize>) -> String {
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
        cleaned(&mut out, log, width);
    }
    let mut notes = String::new();
    for warning in overview.warnings() {
        let _ = writeln!(notes, "  warning: {}", one_line(&warning));
    }
    out + &wrapped(&(notes + &audit::data_lines(overview)), width)
}

/// What each step of reading and cleaning did, and why rows were dropped.
pub(crate) fn funnel(steps: &[Step], width: Option<usize>) -> String {
    let rows: Vec<Vec<String>> = steps.iter().map(|s| step(&s.name, s)).collect();
    let table = fitted(&owned(STEP_HEADER), &rows, 2, 1, width);
    let mut notes = String::new();
    for step in steps.iter().filter(|step| !step.dropped.is_empty()) {
        let _ = writeln!(notes, "  {}: dropped {}", step.name, one_by_one(step));
    }
    format!("Cleaning\n{table}\n{}", wrapped(&notes, width))
}

/// What a step dropped, reason by reason; where there are several, how many rows each leaves to the next.
fn one_by_one(step: &Step) -> String {
    if step.dropped.len() == 1 {
        return accounts(&step.dropped);
    }
    let mut left = step.rows_in;
    let each = step.dropped.iter().map(|account| {
        left = left.saturating_sub(account.rows);
        let reason = accounts(std::slice::from_ref(account));
        format!("{reason} ({} left)", count(left))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The log under one alternative of the cleaners.
fn cleaned(out: &mut String, log: &CleanedLog, width: Option<usize>) {
    out.push_str(&funnel(&log.funnel, width));
    let notes = format!("  {}\n", one_line(&columns(log)));
    out.push_str(&wrapped(&notes, width));
    let parts = fitted(&owned(PART_HEADER), &parts(log), 3, 1, width);
    let _ = writeln!(out, "\nSplit\n{parts}");
    let folds = log.folds.iter().map(fold_line);
    out.push_str(&wrapped(&indented(folds), width));
}

/// The leaderboard and the verdict, in lines of so many columns if that matters.
pub(crate) fn leaderboard(summary: &Summary, width: Option<usize>) -> String {
    let board = fitted_board(summary, width);
    let notes = wrapped(&notes(summary), width);
    let comparison = comparison(summary, width) + &beside(summary, width);
    let end = format!(
        "{}\nVerdict: {}\n",
        audit::line(&summary.audit),
        summary.verdict
    );
    format!(
        "Leaderboard on test\n{board}\n{notes}{comparison}{}",
        wrapped(&end, width)
    )
}

/// The table of variants, floor and ceiling.
fn fitted_board(summary: &Summary, width: Option<usize>) -> String {
    let overview = &summary.overview;
    let labels = overview.labels();
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
    fitted(&header, &rows, 2, 2, width)
}

/// What is to be said of the leaderboard, a line each.
fn notes(summary: &Summary) -> String {
    let overview = &summary.overview;
    let mut out = String::new();
    if overview.validated() {
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
    for note in overview.joined.iter().flat_map(|joined| &joined.notes) {
        let _ = writeln!(out, "  {}", one_line(note));
    }
    for line in few(summary).into_iter().chain(seeds(summary)) {
        let _ = writeln!(out, "  {line}");
    }
    let selection = &summary.selection;
    let stopped = selection.halved().into_iter().chain(selection.unreached());
    for line in stopped.chain(selection.edges()) {
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
    out
}

/// Differences to the baseline and rank groups; nothing for one variant alone.
fn comparison(summary: &Summary, width: Option<usize>) -> String {
    let Some(mut shown) = differences::variants(summary) else {
        return String::new();
    };
    // Without it lines are short enough to be read unbroken.
    if width.is_none_or(|width| !fits(&shown.header, &shown.rows, width)) {
        shown.without_last();
    }
    let drawn = fitted(&shown.header, &shown.rows, shown.words, 1, width);
    let asked = indented(differences::asked(summary).into_iter());
    format!(
        "\nComparison by {}\n{drawn}\n{}",
        summary.overview.select,
        wrapped(&asked, width)
    )
}

/// What others published, beside what came out here; nothing where nothing is listed.
fn beside(summary: &Summary, width: Option<usize>) -> String {
    let Some(shown) = published::shown(&summary.published) else {
        return String::new();
    };
    let rows: Vec<Vec<String>> = shown.rows.iter().map(|row| row.to_vec()).collect();
    let drawn = fitted(&shown.header, &rows, published::WORDS, 1, width);
    let notes = indented(shown.notes.iter().map(|note| one_line(note)));
    format!(
        "\nBeside published numbers\n{drawn}\n{}",
        wrapped(&notes, width)
    )
}

/// A line each, two columns from the edge.
fn indented(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |out, line| out + "  " + &line + "\n")
}

/// The same with colors, which say nothing that the words do not.
pub(crate) fn colored(view: &str) -> String {
    const MARKS: [(&str, &str); 7] = [
        ("  warning:", "33"),
        ("  failed:", "31"),
        ("Verdict:", "1"),
        ("Leaderboard on test", "1"),
        ("Comparison by", "1"),
        ("Beside published numbers", "1"),
        ("Report:", "1"),
    ];
    let line = |line: &str| {
        let mark = MARKS.iter().find(|(start, _)| line.starts_with(start));
        match mark {
            Some((start, code)) => {
                let word = start.trim_start();
                let indent = &start[..start.len() - word.len()];
                let rest = &line[start.len()..];
                format!("{indent}\u{1b}[{code}m{word}\u{1b}[0m{rest}")
            }
            None => line.to_owned(),
        }
    };
    view.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::colored;

    #[test]
    fn colors_are_only_added() {
        let view = "Leaderboard on test\n a | b\n  warning: x\nVerdict: y\n";
        let drawn = colored(view);
        assert!(
            drawn.contains("  \u{1b}[33mwarning:\u{1b}[0m x\n"),
            "{drawn}"
        );
        let mut plain = drawn;
        for code in ["33", "31", "1", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, view);
    }
}
