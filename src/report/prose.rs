//! Sentences that all forms of the report for people have in common.

use musicrec_api::{MISSING_TIME, time_text};
use serde::Serialize;

use super::Summary;
use super::text::{count, seconds, value};
use crate::stages::fold;
use crate::sweep::{CleanedLog, Overview};
use crate::text::counted;

/// A piece of a line: words, or what is shown as code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece {
    Words(String),
    Code(String),
}

/// A line with its name in front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) pieces: Vec<Piece>,
}

impl Named {
    fn code(name: &str, code: &str) -> Self {
        Self {
            name: name.to_owned(),
            pieces: vec![Piece::Code(code.to_owned())],
        }
    }

    fn words(name: &str, words: String) -> Self {
        Self {
            name: name.to_owned(),
            pieces: vec![Piece::Words(words)],
        }
    }
}

/// Whether what is learned from is before what is foretold, of a fold with times.
pub(super) fn order(fold: &fold::Summary) -> Option<String> {
    let until = fold.fit.until?;
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
    Some(format!("{}: {order}", fold.name()))
}

/// What random rankings reach and how that is known, of an alternative of the cleaners.
pub(super) fn chance(overview: &Overview, log: &CleanedLog) -> Option<String> {
    let floor = log.floor.as_ref()?;
    let m = floor.metrics.get(&overview.select)?;
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
    Some(format!(
        "{expectation}. Bands and p rest on {} complete random rankings. {} from {} on is what this data \
         could show to be above chance (power 80 %).",
        count(floor.rankings),
        overview.select,
        value(m.detectable)
    ))
}

/// The first digits of a hash, as people compare them.
fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// Where the results come from and how to get them again.
pub(super) fn provenance(summary: &Summary) -> Vec<Named> {
    let overview = &summary.overview;
    let mut lines = vec![
        Named::code("definition", &overview.definition),
        Named::code("repeat with", &overview.command),
        Named::code("data", &overview.fingerprint),
    ];
    lines.extend(overview.cleanings.iter().map(hashes));
    lines.push(Named::words("seed", overview.shared["seed"].to_string()));
    let by = &overview.provenance;
    lines.push(Named::words(
        "program",
        format!(
            "musicrec-lab {} (commit {}; {}), {}",
            by.version, by.commit, by.rustc, overview.date
        ),
    ));
    let cpu = by.cpu_seconds;
    let cpu = cpu.map(|s| format!(", {} s of processor time", seconds(s)));
    lines.push(Named::words(
        "machine",
        format!(
            "{}, {}{}, {}; {} s{}",
            by.machine,
            by.instructions,
            if by.portable {
                " (portable: records have the same bits on every machine)"
            } else {
                ""
            },
            counted(by.threads, "thread"),
            seconds(by.wall_seconds),
            cpu.unwrap_or_default()
        ),
    ));
    if let Some(r) = &overview.recommended {
        let settings = if r.settings.is_empty() {
            String::new()
        } else {
            format!(" ({})", r.settings)
        };
        lines.push(Named::words(
            "recommendations.csv",
            format!(
                "the next {} items for {} users by {}{settings}, fitted on the whole log",
                r.count,
                count(r.users),
                r.variant
            ),
        ));
    }
    if let Some(message) = &overview.recommendations_failed {
        lines.push(Named::words("recommendations failed", message.clone()));
    }
    lines.push(records(summary));
    lines
}

fn hashes(log: &CleanedLog) -> Named {
    let mut pieces = vec![
        Piece::Code(short(&log.hash).to_owned()),
        Piece::Words("; split: ".to_owned()),
    ];
    for (at, fold) in log.folds.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        pieces.push(Piece::Words(format!("{comma}{} ", fold.name())));
        pieces.push(Piece::Code(short(&fold.hash).to_owned()));
    }
    Named {
        name: log.labeled("cleaned log"),
        pieces,
    }
}

fn records(summary: &Summary) -> Named {
    let mut pieces = Vec::new();
    for (at, row) in summary.leaderboard.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        pieces.push(Piece::Words(format!("{comma}{}", row.variant)));
        for id in &row.records {
            pieces.push(Piece::Words(" ".to_owned()));
            pieces.push(Piece::Code(id.clone()));
        }
    }
    Named {
        name: "records on test".to_owned(),
        pieces,
    }
}

/// How to read the report, in paragraphs.
pub(super) fn reading(overview: &Overview) -> Vec<String> {
    let mut first = String::new();
    if overview.validated() {
        first.push_str("Every variant is represented by the trial that did best on validation. ");
        first.push_str(if overview.exhibit_test {
            "All others were scored on test too (exhibit_test), to be looked at: they decide nothing \
             here, but whoever chooses by them has no test part left. "
        } else {
            "Only that one was scored on test. "
        });
    }
    first.push_str(
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
         precision@3 above 1/3.",
    );
    let mut paragraphs = vec![first];
    if overview.cleanings.len() > 1 {
        paragraphs.push(
            "All variants are asked about the same users and targets: those that every alternative \
             of the cleaners asks about. What models learn from, what counts as heard, and which items \
             can be recommended are those of each alternative, and so are random ranking and best \
             possible."
                .to_owned(),
        );
    }
    paragraphs
}
