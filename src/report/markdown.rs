//! `report.md`: the whole report for repositories and pull requests.

use std::fmt::Write as _;

use musicrec_api::{MISSING_TIME, time_text};

use super::audit;
use super::periods;
use super::segments;
use super::selection;
use super::text::{
    PART_HEADER, STEP_HEADER, accounts, ceiling, columns, count, few, fold_line, interval,
    mean_count, owned, parts, probability, seconds, seeds, users_hit, value,
};
use super::{Summary, differences, differing, examples};
use crate::stages::prepare::Step;
use crate::sweep::CleanedLog;
use crate::text::{counted, hidden};

/// Characters of a sample or a path that are shown.
const SAMPLE: usize = 120;

/// Draws the report.
pub(super) fn draw(summary: &Summary) -> String {
    let overview = &summary.overview;
    let mut out = format!("# {}\n\n", escape(&overview.name));
    let _ = writeln!(out, "**{}**\n", escape(&summary.verdict));
    for warning in &summary.warnings {
        let _ = writeln!(out, "> **Warning:** {}\n", escape(warning));
    }
    leaderboard(&mut out, summary);
    comparison(&mut out, summary);
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

/// Text of others (ids, labels, file names) in a Markdown cell: no markup but pairs of backticks, no
/// new lines.
pub(super) fn escape(text: &str) -> String {
    // Between backticks a backslash would be seen.
    let pairs = text.matches('`').count().is_multiple_of(2);
    let mut in_code = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '`' if pairs => {
                in_code = !in_code;
                out.push(c);
            }
            '\\' | '*' | '_' | '[' | ']' | '#' | '~' if in_code => out.push(c),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text of others as code, where nothing but the backtick has a meaning.
fn code(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(SAMPLE)
        .map(|c| match c {
            '`' => '\'',
            '|' => '¦',
            c if hidden(c) => ' ',
            c => c,
        })
        .collect();
    if text.chars().count() > SAMPLE {
        clean.push('…');
    }
    if clean.is_empty() {
        return "(empty)".to_owned();
    }
    format!("`{clean}`")
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
    header.extend(labels.iter().cloned());
    header.push(format!("95 % {select}"));
    header.push(format!("{select} on validation"));
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
        let _ = writeln!(out, "Seeds ({select}):\n");
        for line in lines {
            let _ = writeln!(out, "- {}", escape(&line));
        }
        out.push('\n');
    }
    if let Some(line) = few(summary) {
        let _ = writeln!(out, "`-`: {}.\n", escape(&line));
    }
}

/// Pairs up to this many are shown; `comparisons.csv` has all.
const PAIRS: usize = 45;

fn comparison(out: &mut String, summary: &Summary) {
    let Some(variants) = differences::variants(summary) else {
        return;
    };
    let _ = writeln!(out, "## Comparison by {}\n", summary.overview.select);
    compared(out, &variants);
    for line in differences::asked(summary) {
        let _ = writeln!(out, "- {}.", escape(&line));
    }
    out.push('\n');
    // Two variants are one pair, which the table above shows.
    let pairs = summary.pairs.len();
    if pairs > PAIRS {
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
    header.extend(labels.iter().cloned());
    header.push(format!("{select} on test"));
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
        if let Some(until) = fold.fit.until {
            let order = if fold.fit_not_before == 0 {
                format!(
                    "the fit part ends ({}) before the {} begins ({})",
                    time_text(until),
                    fold.part(),
                    time_text(fold.evaluated.from.unwrap_or(MISSING_TIME))
                )
            } else {
                format!(
                    "{} of {} events of the fit part are not earlier than the first of the {}",
                    count(fold.fit_not_before),
                    count(fold.fit.events),
                    fold.part()
                )
            };
            let _ = writeln!(out, "- {}: {order}", fold.name());
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
            m.label,
            escape(&m.formula),
            escape(&m.averaged_over),
            escape(&m.source)
        );
    }
    for log in &overview.cleanings {
        let Some(floor) = &log.floor else { continue };
        let m = &floor.metrics[&overview.select];
        let labels = overview.labels();
        let of = |exact: bool| {
            let known = labels.iter().filter(|l| floor.metrics[*l].exact == exact);
            known.cloned().collect::<Vec<_>>().join(", ")
        };
        let expectation = match (of(true), of(false)) {
            (exact, drawn) if drawn.is_empty() => format!("exact expectation of {exact}"),
            (exact, drawn) if exact.is_empty() => format!("mean of the draws of {drawn}"),
            (exact, drawn) => format!("exact expectation of {exact}; mean of the draws of {drawn}"),
        };
        let _ = writeln!(
            out,
            "- {}: {expectation}. Bands and p rest on {} complete random rankings. {} from {} on is \
             what this data could show to be above chance (power 80 %).",
            escaped(log, "Random ranking"),
            count(floor.rankings),
            overview.select,
            value(m.detectable)
        );
    }
    if overview.changes.is_empty() {
        out.push_str("- The protocol's default rules hold; nothing was changed.\n");
    }
    for change in &overview.changes {
        let _ = writeln!(out, "- Changed rule: {}", escape(change));
    }
    out.push('\n');
}

/// The first digits of a hash, as people compare them.
fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

fn provenance(out: &mut String, summary: &Summary) {
    let overview = &summary.overview;
    out.push_str("## Provenance\n\n");
    let _ = writeln!(out, "- definition: {}", code(&overview.definition));
    let _ = writeln!(out, "- repeat with: {}", code(&overview.command));
    let _ = writeln!(out, "- data: {}", code(&overview.fingerprint));
    for log in &overview.cleanings {
        let parts = log.folds.iter();
        let parts: Vec<String> = parts
            .map(|fold| format!("{} {}", fold.name(), code(short(&fold.hash))))
            .collect();
        let _ = writeln!(
            out,
            "- {}: {}; split: {}",
            escaped(log, "cleaned log"),
            code(short(&log.hash)),
            parts.join(", ")
        );
    }
    let _ = writeln!(out, "- seed: {}", overview.shared["seed"]);
    let by = &overview.provenance;
    let _ = writeln!(
        out,
        "- musicrec-lab {} (commit {}; {}), {}",
        escape(&by.version),
        escape(&by.commit),
        escape(&by.rustc),
        escape(&overview.date)
    );
    let cpu = by.cpu_seconds;
    let cpu = cpu.map(|s| format!(", {} s of processor time", seconds(s)));
    let _ = writeln!(
        out,
        "- machine: {}, {}{}, {}; {} s{}",
        escape(&by.machine),
        escape(&by.instructions),
        if by.portable {
            " (portable: records have the same bits on every machine)"
        } else {
            ""
        },
        counted(by.threads, "thread"),
        seconds(by.wall_seconds),
        cpu.unwrap_or_default()
    );
    if let Some(r) = &overview.recommended {
        let settings = if r.settings.is_empty() {
            String::new()
        } else {
            format!(" ({})", escape(&r.settings))
        };
        let _ = writeln!(
            out,
            "- recommendations.csv: the next {} items for {} users by {}{settings}, fitted on the \
             whole log",
            r.count,
            count(r.users),
            escape(&r.variant)
        );
    }
    if let Some(message) = &overview.recommendations_failed {
        let _ = writeln!(out, "- **recommendations failed**: {}", escape(message));
    }
    let records: Vec<String> = summary
        .leaderboard
        .iter()
        .map(|r| {
            let ids: Vec<String> = r.records.iter().map(|id| code(id)).collect();
            format!("{} {}", escape(&r.variant), ids.join(" "))
        })
        .collect();
    let _ = writeln!(out, "- records on test: {}\n", records.join(", "));
}

fn reading(out: &mut String, summary: &Summary) {
    out.push_str("## How to read this\n\n");
    if summary.overview.validated() {
        out.push_str("Every variant is represented by the trial that did best on validation. ");
        out.push_str(if summary.overview.exhibit_test {
            "All others were scored on test too (exhibit_test), to be looked at: they decide nothing \
             here, but whoever chooses by them has no test part left. "
        } else {
            "Only that one was scored on test. "
        });
    }
    out.push_str(
        "A place (#) is given only to what is better than a random ranking (p below 0.05 after the \
         adjustment for the number of variants); `–` means that chance explains the value. Variants \
         with a letter (group) in common cannot be told apart. Decisions rest on adjusted p-values on \
         the deciding metric, which was declared beforehand, not on whether intervals overlap; the \
         other metrics are there to explore. Intervals are 95 % intervals over users: bootstrap (BCa) \
         of a variant, symmetric bootstrap of a difference, Wilson of a hit rate (BCa where it is a mean \
         over seeds or periods). They say how sure a value is for users like these; how it varies with \
         the seed, or from period to period, is beyond them, and stands beside where there are several. \
         dz is the mean difference by its standard deviation over users. \"Could show\" is the smallest \
         difference that would have been found with a probability of 80 %. \"Best possible\" is the \
         highest value any ranking could reach on this split: a user with one target cannot give \
         precision@3 above 1/3.\n",
    );
    if summary.overview.cleanings.len() > 1 {
        out.push_str(
            "\nAll variants are asked about the same users and targets: those that every alternative \
             of the cleaners asks about. What models learn from, what counts as heard, and which items \
             can be recommended are those of each alternative, and so are random ranking and best \
             possible.\n",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_of_others_is_text_and_code_stays_code() {
        assert_eq!(escape("a_b|c <d>"), r"a\_b\|c &lt;d&gt;");
        assert_eq!(escape("`als_2` beats *x*"), r"`als_2` beats \*x\*");
        assert_eq!(escape("one ` alone_here"), r"one \` alone\_here");
    }
}
