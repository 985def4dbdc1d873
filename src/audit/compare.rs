//! Two audits side by side: what cleaning, or a month, changed.

use serde::{Deserialize, Serialize};

use super::Audit;
use super::draw::{Block, Document, section, table};
use crate::report::count;

/// A number of both logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Pair {
    /// What it counts.
    pub(crate) what: String,
    /// In the first log; absent where it has no such thing.
    pub(crate) before: Option<u64>,
    /// In the second.
    pub(crate) after: Option<u64>,
}

/// What differs between two logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Comparison {
    /// Version of this form.
    pub(crate) schema: u32,
    /// The first log, as it was named.
    pub(crate) before: String,
    /// The second.
    pub(crate) after: String,
    /// Rows, users, items, and what is left after cleaning.
    pub(crate) sizes: Vec<Pair>,
    /// Rows of each finding of either log.
    pub(crate) findings: Vec<Pair>,
    /// Distinct values by column.
    pub(crate) distinct: Vec<Pair>,
}

/// Compares two audits.
pub(crate) fn compare(before: &Audit, after: &Audit) -> Comparison {
    let pair = |what: &str, of: &dyn Fn(&Audit) -> Option<u64>| Pair {
        what: what.to_owned(),
        before: of(before),
        after: of(after),
    };
    let mut sizes = vec![pair("rows", &|audit| Some(audit.rows))];
    sizes.push(pair("users", &|audit| Some(audit.ids[0].real)));
    sizes.push(pair("items", &|audit| Some(audit.ids[1].real)));
    sizes.push(pair("rows after cleaning", &|audit| {
        Some(audit.funnel.left * audit.one_in)
    }));
    // In the order of the first log, then what only the second has.
    let mut known: Vec<&str> = Vec::new();
    for alert in before.alerts.iter().chain(&after.alerts) {
        if !known.contains(&alert.id.as_str()) {
            known.push(&alert.id);
        }
    }
    let rows = |audit: &Audit, id: &str| -> u64 {
        let those = audit.alerts.iter().filter(|alert| alert.id == id);
        those.map(|alert| alert.rows).sum()
    };
    let findings = known
        .iter()
        .map(|id| pair(id, &|audit| Some(rows(audit, id))))
        .collect();
    let mut columns: Vec<&str> = Vec::new();
    for column in before.columns.iter().chain(&after.columns) {
        if !columns.contains(&column.name.as_str()) {
            columns.push(&column.name);
        }
    }
    let distinct = |audit: &Audit, name: &str| {
        audit
            .columns
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.distinct)
    };
    let distinct = columns
        .iter()
        .map(|name| pair(name, &|audit| distinct(audit, name)))
        .collect();
    Comparison {
        schema: super::SCHEMA,
        before: before.log.clone(),
        after: after.log.clone(),
        sizes,
        findings,
        distinct,
    }
}

impl Comparison {
    /// As blocks.
    pub(crate) fn document(&self) -> Document<'static> {
        let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), count);
        let change = |pair: &Pair| match (pair.before, pair.after) {
            (Some(before), Some(after)) if after > before => format!("+{}", count(after - before)),
            (Some(before), Some(after)) if after < before => format!("-{}", count(before - after)),
            (Some(_), Some(_)) => "0".to_owned(),
            _ => String::new(),
        };
        let of = |what: &str, pairs: &[Pair]| {
            let rows = pairs.iter().map(|pair| {
                [
                    pair.what.clone(),
                    shown(pair.before),
                    shown(pair.after),
                    change(pair),
                ]
            });
            table([what, "before", "after", "change"], 1, rows.collect())
        };
        let gone = self
            .findings
            .iter()
            .filter(|p| p.before > Some(0) && p.after == Some(0))
            .count();
        let new = self
            .findings
            .iter()
            .filter(|p| p.before == Some(0) && p.after > Some(0))
            .count();
        let blocks: Vec<Block> = vec![
            section("Sizes"),
            of("", &self.sizes),
            section("Findings, by rows"),
            of("finding", &self.findings),
            section("Distinct values"),
            of("column", &self.distinct),
        ];
        Document {
            title: format!("{} and {}", self.before, self.after),
            headline: format!(
                "{} before, {} after: of {} findings {gone} gone, {new} new.",
                self.before,
                self.after,
                self.findings.len() - new
            ),
            blocks,
            alerts: &[],
            definition: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::audit_of;
    use super::compare;

    #[test]
    fn what_was_mended_is_gone() {
        let before = audit_of("user_id,song_id\nu1,s1\nu1 ,s1\nu2,s2\n");
        let after = audit_of("user_id,song_id,part\nu1,s1,x\nu2,s2,x\n");
        let found = compare(&before, &after);
        let pair = |of: &[super::Pair], what: &str| {
            of.iter()
                .find(|p| p.what == what)
                .map(|p| (p.before, p.after))
        };
        assert_eq!(pair(&found.sizes, "rows"), Some((Some(3), Some(2))));
        assert_eq!(
            pair(&found.findings, "user_id.padded"),
            Some((Some(1), Some(0)))
        );
        assert_eq!(pair(&found.distinct, "part"), Some((None, Some(1))));
        let shown = found.document();
        assert!(shown.headline.contains("gone, 0 new"), "{}", shown.headline);
    }
}
