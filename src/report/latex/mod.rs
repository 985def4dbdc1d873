//! LaTeX tables for papers, to be read with `\input`. They need booktabs, graphicx and the T1 encoding,
//! and compile with any engine.

mod escape;
mod frame;

use std::fmt::Write as _;
use std::path::Path;

use musicrec_api::{Better, Role};

use super::summary::Row;
use super::text::{
    ceiling, count, ends, few, interval, mean_count, seconds, seeds, users_hit, value,
};
use super::{Summary, differences};
use crate::sweep::CleanedLog;
use crate::text::{counted, one_line};
use escape::{escape, stacked, words};
use frame::{begin, end, head, row_of};

/// Characters of a line of a name, and of a title of numbers.
const NAME: usize = 28;
const TITLE: usize = 12;

/// The leaderboard: values by metric with the best in bold, the interval of the deciding one, groups as
/// superscripts, floor and ceiling.
pub(super) fn leaderboard(summary: &Summary, folder: &Path) -> String {
    let overview = &summary.overview;
    let labels = overview.labels();
    let select = &overview.select;
    let mut header = vec!["Variant".to_owned()];
    for label in &labels {
        header.push(title(label));
        if label == select {
            header.push(title("95 % interval"));
        }
    }
    header.push(title(&users_hit(overview)));
    header.push(title("fit (s)"));
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
    let groups = summary.leaderboard.iter().map(|row| row.group.len());
    let most = groups.max().unwrap_or(0);
    for row in &summary.leaderboard {
        let mut line = vec![stacked(&row.variant, NAME, 't', 'l')];
        for label in &labels {
            let estimate = row.test.get(label);
            let shown = estimate.map_or(String::new(), |e| number(&value(e.value)));
            let shown = if is_best(summary, label, row) {
                format!("\\textbf{{{shown}}}")
            } else {
                shown
            };
            if label == select {
                line.push(shown + &superscript(&row.group, most));
                line.push(estimate.map_or(String::new(), |e| number(&interval(e))));
            } else {
                line.push(shown);
            }
        }
        line.push(mean_count(row.users_hit));
        line.push(number(&seconds(row.fit_seconds)));
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
            let mut shown = [value(metric.expected), ceiling(metric)].map(|cell| number(&cell));
            if label == select {
                shown = shown.map(|cell| cell + &superscript("", most));
            }
            let [expected, highest] = shown;
            random.push(expected);
            best.push(highest);
            if label == select {
                random.push(number(&ends((metric.low, metric.high))));
                best.push(String::new());
            }
        }
        random.extend([format!("{:.1}", floor.users_hit), String::new()]);
        best.extend([count(floor.ceiling_users_hit), String::new()]);
        row_of(&mut out, &random);
        row_of(&mut out, &best);
    }
    let caption = leaderboard_caption(summary);
    end(
        &mut out,
        "leaderboard",
        &caption,
        &leaderboard_notes(summary),
        summary,
    );
    out
}

/// The differences to the baseline, or to the best on validation where there is none.
pub(super) fn comparisons(summary: &Summary, folder: &Path) -> String {
    let mut out = head("comparisons.tex", summary, folder);
    let Some(mut shown) = differences::variants(summary) else {
        out.push_str("% There is nothing to compare: fewer than two variants have a result.\n");
        return out;
    };
    // The last column is in the notes below, and there is little room.
    shown.without_last();
    let mut header: Vec<String> = shown.header.iter().map(|cell| title(cell)).collect();
    for head in &mut header[..shown.words] {
        *head = capitalized(head);
    }
    begin(&mut out, &header, shown.words);
    for row in &shown.rows {
        let cells = row.iter().enumerate().map(|(at, cell)| match at {
            0 => stacked(cell, NAME, 't', 'l'),
            at if at < shown.words => escape(cell),
            _ => number(cell),
        });
        row_of(&mut out, &cells.collect::<Vec<_>>());
    }
    let caption = format!(
        "Comparison of {} by {}.",
        escape(&summary.overview.name),
        escape(&summary.comparison.metric),
    );
    let asked = differences::asked(summary);
    let notes: Vec<String> = asked.iter().map(|line| words(line) + ".").collect();
    end(&mut out, "comparisons", &caption, &notes, summary);
    out
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
    caption
}

/// Which intervals there are none of and why, what means over seeds are, and what each metric is: after
/// those with the same users, what they are means of.
fn leaderboard_notes(summary: &Summary) -> Vec<String> {
    let few = few(summary).map(|few| format!("--: {}.", words(&few)));
    let seeds = seeds(summary);
    let mut notes: Vec<String> = few.into_iter().collect();
    notes.extend(seeds.iter().map(|line| words(line) + "."));
    let metrics = summary.overview.metrics.iter().map(|m| &m.identity);
    let mut over: Vec<(&str, Vec<String>)> = Vec::new();
    for metric in metrics {
        let line = format!("{}: {}", escape(&metric.label), words(&metric.formula));
        let users = metric.averaged_over.as_str();
        match over.iter_mut().find(|(known, _)| *known == users) {
            Some((_, lines)) => lines.push(line),
            None => over.push((users, vec![line])),
        }
    }
    notes.extend(over.iter().map(|(users, lines)| {
        let all = if lines.len() > 1 { "all " } else { "" };
        format!("{}; {all}averaged over {}.", lines.join("; "), words(users))
    }));
    notes
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

/// Letters above the line, as wide as so many, for the numbers before them to stand below each other.
fn superscript(group: &str, most: usize) -> String {
    if most == 0 {
        return String::new();
    }
    let letters = escape(group);
    match most - group.len() {
        0 => format!("\\textsuperscript{{{letters}}}"),
        less => format!(
            "\\textsuperscript{{{letters}\\phantom{{{}}}}}",
            "a".repeat(less)
        ),
    }
}

/// A cell of numbers as the lab writes them: signs are those of mathematics, and what is not there is a
/// dash.
fn number(cell: &str) -> String {
    if cell == "-" {
        return "--".to_owned();
    }
    let mut out = String::with_capacity(cell.len());
    for c in cell.replace(" %", "\\,\\%").chars() {
        match c {
            '-' | '+' | '<' => out.extend(['$', c, '$']),
            c => out.push(c),
        }
    }
    out
}

/// The title of a column of numbers.
fn title(words: &str) -> String {
    match words {
        "dz" => "$d_z$".to_owned(),
        "p adj." => "$p$ adj.".to_owned(),
        words => stacked(words, TITLE, 'b', 'r'),
    }
}

fn named(log: &CleanedLog, what: &str) -> String {
    if log.label.is_empty() {
        return format!("\\emph{{{what}}}");
    }
    format!("\\emph{{{what}}} {}", stacked(&log.label, NAME, 't', 'l'))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests;
