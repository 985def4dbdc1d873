//! LaTeX tables for papers, to be read with `\input`. They need booktabs and the T1 encoding, and
//! compile with any engine.

mod escape;

use std::fmt::Write as _;
use std::path::Path;

use musicrec_api::{Better, Role};

use super::summary::Row;
use super::text::{ceiling, count, few, interval, mean_count, seconds, users_hit, value};
use super::{Summary, differences};
use crate::sweep::CleanedLog;
use crate::text::{counted, one_line};
use escape::escape;

/// The leaderboard: values by metric with the best in bold, the interval of the deciding one, groups as
/// superscripts, floor and ceiling.
pub(super) fn leaderboard(summary: &Summary, folder: &Path) -> String {
    let overview = &summary.overview;
    let labels = overview.labels();
    let select = &overview.select;
    let mut header = vec!["Variant".to_owned()];
    for label in &labels {
        header.push(escape(label));
        if label == select {
            header.push("95\\,\\% interval".to_owned());
        }
    }
    header.push(escape(&capitalized(&users_hit(overview))));
    header.push("Fit (s)".to_owned());
    let mut out = head("leaderboard.tex", summary, folder);
    for row in summary
        .leaderboard
        .iter()
        .filter(|r| !r.settings.is_empty())
    {
        let trials = counted(row.trials, "trial");
        let line = format!("{}: {} (chosen from {trials})", row.variant, row.settings);
        let _ = writeln!(out, "%   {}", one_line(&line));
    }
    begin(&mut out, &header, 1);
    for row in &summary.leaderboard {
        let mut line = vec![escape(&row.variant)];
        for label in &labels {
            let shown = row
                .test
                .get(label)
                .map_or(String::new(), |e| value(e.value));
            let bold = is_best(summary, label, row);
            let shown = if bold {
                format!("\\textbf{{{shown}}}")
            } else {
                shown
            };
            if label == select {
                line.push(format!("{shown}{}", superscript(&row.group)));
                line.push(
                    row.test
                        .get(label)
                        .map_or(String::new(), |e| dash(&interval(e))),
                );
            } else {
                line.push(shown);
            }
        }
        line.push(format!(
            "{} of {}",
            mean_count(row.users_hit),
            count(row.users)
        ));
        line.push(escape(&seconds(row.fit_seconds)));
        row_of(&mut out, &line);
    }
    let floors = overview.cleanings.iter();
    for (log, floor) in floors.filter_map(|log| Some((log, log.floor.as_ref()?))) {
        out.push_str("\\midrule\n");
        let (mut random, mut best) = (
            vec![named(log, "random ranking")],
            vec![named(log, "best possible")],
        );
        for label in &labels {
            let metric = &floor.metrics[label];
            random.push(value(metric.expected));
            best.push(dash(&ceiling(metric)));
            if label == select {
                random.push(format!("[{}, {}]", value(metric.low), value(metric.high)));
                best.push(String::new());
            }
        }
        random.extend([format!("{:.1} expected", floor.users_hit), String::new()]);
        best.extend([count(floor.ceiling_users_hit), String::new()]);
        row_of(&mut out, &random);
        row_of(&mut out, &best);
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n");
    end(
        &mut out,
        "leaderboard",
        &leaderboard_caption(summary),
        summary,
    );
    out
}

/// The differences to the baseline, or to the best on validation where there is none.
pub(super) fn comparisons(summary: &Summary, folder: &Path) -> String {
    let mut out = head("comparisons.tex", summary, folder);
    let Some(shown) = differences::variants(summary) else {
        out.push_str("% There is nothing to compare: fewer than two variants have a result.\n");
        return out;
    };
    let mut header: Vec<String> = shown
        .header
        .iter()
        .map(|cell| escape(&capitalized(cell)))
        .collect();
    "Group".clone_into(&mut header[1]);
    begin(&mut out, &header, shown.words);
    for row in &shown.rows {
        let cells: Vec<String> = row.iter().map(|cell| dash(&signed_escape(cell))).collect();
        row_of(&mut out, &cells);
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n");
    let caption = format!(
        "Comparison of {} by {}. {}.",
        escape(&summary.overview.name),
        escape(&summary.comparison.metric),
        differences::asked(summary)
            .iter()
            .map(|line| escape(line))
            .collect::<Vec<_>>()
            .join(". ")
    );
    end(&mut out, "comparisons", &caption, summary);
    out
}

/// What it is, how it is drawn again, and what it needs.
fn head(file: &str, summary: &Summary, folder: &Path) -> String {
    let overview = &summary.overview;
    let lines = [
        format!("{file} of `{}` ({}), drawn by musicrec-lab from its records.", overview.name, overview.date),
        format!("Draw it again: musicrec-lab report {} --format {file}", folder.display()),
        "Needs in the preamble: \\usepackage{booktabs} and, with pdflatex, \\usepackage[T1]{fontenc}".to_owned(),
    ];
    // A line end in a name would end the comment.
    lines.iter().fold(String::new(), |out, line| {
        out + "% " + &one_line(line) + "\n"
    })
}

/// Opens the table: columns from `numbers` on are numbers.
fn begin(out: &mut String, header: &[String], numbers: usize) {
    let columns: String = (0..header.len())
        .map(|at| if at < numbers { 'l' } else { 'r' })
        .collect();
    let _ = writeln!(
        out,
        "\\begin{{table}}[t]\n\\centering\n\\small\n\\setlength{{\\tabcolsep}}{{4pt}}"
    );
    let _ = writeln!(out, "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule");
    row_of(out, header);
    out.push_str("\\midrule\n");
}

fn row_of(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "{} \\\\", cells.join(" & "));
}

fn end(out: &mut String, what: &str, caption: &str, summary: &Summary) {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let label: String = summary.overview.name.chars().map(plain).collect();
    let _ = writeln!(
        out,
        "\\caption{{{caption}}}\n\\label{{tab:{label}-{what}}}\n\\end{{table}}"
    );
}

/// What is measured on whom, and how the table is read.
fn leaderboard_caption(summary: &Summary) -> String {
    let overview = &summary.overview;
    let mut caption = format!("Results on the test part of {}", escape(&overview.name));
    let folds = overview.cleanings.first().map_or(&[][..], |log| &log.folds);
    let test: Vec<_> = folds
        .iter()
        .filter(|fold| fold.role == Role::Test)
        .collect();
    if let [test] = test[..] {
        let _ = write!(
            caption,
            " ({} users with {} targets, {} candidates)",
            count(test.users),
            count(test.targets),
            count(test.candidates)
        );
    } else if let Some(row) = summary.leaderboard.first() {
        let _ = write!(
            caption,
            " ({} users in {} periods)",
            count(row.users),
            test.len()
        );
    }
    caption.push_str(". ");
    let by = escape(&overview.select);
    let _ = write!(
        caption,
        "Ordered by {by}, the metric that decides; its 95\\,\\% intervals are over users. Variants with a \
         superscript letter in common cannot be told apart by it (adjusted by {}). In bold the best value of \
         each metric. Random ranking: expectation and the band that holds 95\\,\\% of {} random rankings.",
        escape(summary.comparison.correction.name()),
        overview
            .cleanings
            .iter()
            .find_map(|log| log.floor.as_ref())
            .map_or(String::new(), |f| count(f.rankings)),
    );
    if let Some(few) = few(summary) {
        let _ = write!(caption, " --: {}.", escape(&few));
    }
    for metric in overview.metrics.iter().map(|m| &m.identity) {
        let _ = write!(
            caption,
            " {}: {}; averaged over {}.",
            escape(&metric.label),
            escape(&metric.formula),
            escape(&metric.averaged_over)
        );
    }
    caption
}

/// Whether no variant has a better value, as far as one is better than another.
fn is_best(summary: &Summary, label: &str, row: &Row) -> bool {
    let metrics = &summary.overview.metrics;
    let metric = metrics.iter().find(|m| m.identity.label == label);
    let better = metric.map_or(Better::Neither, |m| m.nature.better);
    let of = |row: &Row| row.test.get(label).map(|e| e.value);
    let Some(own) = of(row) else { return false };
    let mut others = summary.leaderboard.iter().filter_map(of);
    match better {
        Better::Higher => others.all(|other| other <= own),
        Better::Lower => others.all(|other| other >= own),
        Better::Neither => false,
    }
}

fn superscript(group: &str) -> String {
    if group.is_empty() {
        return String::new();
    }
    format!("\\textsuperscript{{{}}}", escape(group))
}

/// A cell of which the sign is one of mathematics, if it has one.
fn signed_escape(cell: &str) -> String {
    let escaped = escape(cell);
    match escaped.strip_prefix('-') {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => format!("$-${number}"),
        _ => escaped,
    }
}

/// What stands where there is nothing.
fn dash(cell: &str) -> String {
    if cell == "-" {
        "--".to_owned()
    } else {
        cell.to_owned()
    }
}

fn named(log: &CleanedLog, what: &str) -> String {
    let label = escape(&log.label);
    let space = if label.is_empty() { "" } else { " " };
    format!("\\emph{{{what}}}{space}{label}")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
