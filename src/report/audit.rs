//! The protocol audit in all forms: what was found when data and folds were ready, and the ties of
//! the variants.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::markdown::{escape, table};
use super::summary::Row;
use super::text::{mean_count, owned};
use crate::stages::audit::{Check, State};
use crate::sweep::Overview;
use crate::text::{counted, one_line, percent};

/// From this share of users on, whose last place was decided by item id, one is warned (protocol P19).
const TIED: f64 = 0.2;

/// A check and what it is about.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct Finding {
    /// The part of the split; empty if it is about all.
    pub(crate) part: String,
    /// The alternative of the cleaners; empty if there is one, or if it is about all.
    pub(crate) cleaners: String,
    #[serde(flatten)]
    pub(crate) check: Check,
}

/// All findings: of each fold under each alternative of the cleaners, then of the comparison.
pub(super) fn findings(overview: &Overview, rows: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for log in &overview.cleanings {
        for fold in &log.folds {
            let of_fold = fold.audit.iter().map(|check| Finding {
                part: fold.name(),
                cleaners: log.label.clone(),
                check: check.clone(),
            });
            findings.extend(of_fold);
        }
    }
    let ties = rows.iter().map(|row| ties(row, averaged(overview)));
    let of_all = overview.checks.iter().cloned().chain(ties);
    findings.extend(of_all.map(|check| Finding {
        part: String::new(),
        cleaners: String::new(),
        check,
    }));
    findings
}

/// How often the order of ids decided who is on the last place.
fn ties(row: &Row, averaged: bool) -> Check {
    let share = share_tied(row);
    let state = if share > TIED && !averaged {
        State::Warning
    } else {
        State::Ok
    };
    let says = format!(
        "{}: for {} of {} ({}) {}",
        row.variant,
        mean_count(row.users_tied),
        counted(row.users, "user"),
        percent(share),
        if averaged {
            "the item behind the last place that a metric looks at has an equal score; metrics of hits are \
             averaged over the orders of such items"
        } else {
            "the last place that a metric looks at was decided by item id, the scores being equal"
        }
    );
    let counts =
        json!({ "variant": row.variant, "users_tied": row.users_tied, "users": row.users });
    Check::new("ties", state, counts, says)
}

/// Whether what equal scores leave open is averaged.
fn averaged(overview: &Overview) -> bool {
    overview.shared["evaluation"]["ties"] == "expected"
}

/// What only the records tell to be warned of.
pub(super) fn warning(overview: &Overview, rows: &[Row]) -> Option<String> {
    if averaged(overview) {
        return None;
    }
    let tied = rows.iter().filter(|row| share_tied(row) > TIED);
    let tied: Vec<String> = tied
        .map(|row| format!("{} ({})", row.variant, percent(share_tied(row))))
        .collect();
    (!tied.is_empty()).then(|| {
        format!(
            "for more than a fifth of the users the last place that a metric looks at was decided by \
             item id, the scores being equal: {}",
            tied.join(", ")
        )
    })
}

/// The share of users whose last place was decided by item id.
fn share_tied(row: &Row) -> f64 {
    row.users_tied / row.users.max(1) as f64
}

/// How many checks there are and how many are not in order.
pub(super) fn in_short<'c>(checks: impl Iterator<Item = &'c Check>) -> String {
    let (mut fine, mut others) = (0, 0);
    for check in checks {
        if check.state == State::Ok {
            fine += 1;
        } else {
            others += 1;
        }
    }
    let fine = format!("{} passed", counted(fine, "check"));
    match others {
        0 => fine,
        others => format!("{fine}, {others} to look at"),
    }
}

/// Before anything has run: what is worth knowing, each check once. Warnings stand elsewhere.
pub(super) fn data_lines(overview: &Overview) -> String {
    let folds = overview.cleanings.iter().flat_map(|log| &log.folds);
    let checks = folds.flat_map(|f| &f.audit).chain(&overview.checks);
    let mut out = format!("  protocol audit: {}\n", in_short(checks));
    let of_all = ("", overview.checks.iter().collect());
    let logs = overview.cleanings.iter();
    let of_logs = logs.map(|log| (log.label.as_str(), log.audit()));
    for (label, checks) in of_logs.chain([of_all]) {
        let label = match label {
            "" => String::new(),
            label => format!("with {label}: "),
        };
        for check in checks.into_iter().filter(|c| c.state == State::Note) {
            let _ = writeln!(
                out,
                "  note: {}",
                one_line(&format!("{label}{}", check.says))
            );
        }
    }
    out
}

/// After the leaderboard: one line.
pub(super) fn line(findings: &[Finding]) -> String {
    format!(
        "  protocol audit: {}\n",
        in_short(findings.iter().map(|f| &f.check))
    )
}

/// The section of `report.md`: what is to be looked at first.
pub(super) fn markdown(out: &mut String, findings: &[Finding]) {
    out.push_str("## Protocol audit\n\n");
    let _ = writeln!(
        out,
        "{}. What stands here was counted from the events and folds themselves.\n",
        in_short(findings.iter().map(|f| &f.check))
    );
    let several = findings.iter().any(|f| !f.cleaners.is_empty());
    let mut header = owned(["", "check", "part", "finding"]);
    if several {
        header.insert(3, "cleaners".to_owned());
    }
    let grouped = grouped(findings);
    let rows = grouped.iter().map(|group| {
        let mut row = vec![
            match group.state {
                State::Ok => "ok",
                State::Note => "note",
                State::Warning => "**warning**",
            }
            .to_owned(),
            group.check.replace('_', " "),
            escape(&group.parts.join(", ")),
            escape(group.says),
        ];
        if several {
            row.insert(3, escape(group.cleaners));
        }
        row
    });
    let numbers = header.len();
    table(out, &header, &rows.collect::<Vec<_>>(), numbers);
}

/// What is said of several parts in the same words, said once.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Group<'f> {
    pub(super) state: State,
    pub(super) check: &'f str,
    pub(super) parts: Vec<&'f str>,
    pub(super) cleaners: &'f str,
    pub(super) says: &'f str,
}

/// All findings, what is to be looked at first.
pub(super) fn grouped(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    // A stable sort: the order of checks stays within a state.
    sorted.sort_by_key(|f| std::cmp::Reverse(f.check.state));
    let mut groups: Vec<Group> = Vec::new();
    for Finding {
        part,
        cleaners,
        check,
    } in sorted
    {
        let same = |known: &&mut Group| {
            known.state == check.state
                && known.check == check.name
                && known.cleaners == cleaners
                && known.says == check.says
        };
        match groups.iter_mut().find(same) {
            Some(known) => known.parts.push(part),
            None => groups.push(Group {
                state: check.state,
                check: &check.name,
                parts: vec![part],
                cleaners,
                says: &check.says,
            }),
        }
    }
    groups
}
