//! What others published of the same comparison, beside what came out here.

use std::fmt::Write as _;

use serde::Serialize;

use super::markdown::{escape, label, table};
use super::summary::Row;
use super::text::owned;
use crate::sweep::Overview;

/// A published value, beside ours.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Beside {
    pub(crate) variant: String,
    pub(crate) metric: String,
    /// Where it was published.
    pub(crate) source: String,
    pub(crate) published: f64,
    /// What the variant has on test; none if it has no result.
    pub(crate) ours: Option<f64>,
    /// Ours less what was published.
    pub(crate) difference: Option<f64>,
}

/// Columns that are words.
pub(super) const WORDS: usize = 2;

/// All that the definition lists of variants that the sweep has, metrics in the order in which they are measured.
/// Names of several experiments together are not those of their definitions, so then there is nothing.
pub(super) fn beside(overview: &Overview, rows: &[Row]) -> Vec<Beside> {
    if overview.joined.is_some() {
        return Vec::new();
    }
    let labels = overview.labels();
    let listed = overview.report.published.iter();
    let here = listed.filter(|listed| overview.variants.iter().any(|v| v.name == listed.variant));
    let values = here.flat_map(|listed| {
        let row = rows.iter().find(|row| row.variant == listed.variant);
        labels.iter().filter_map(move |metric| {
            let published = listed.values.get(metric)?.get();
            let ours = row.and_then(|row| row.test.get(metric)).map(|e| e.value);
            Some(Beside {
                variant: listed.variant.clone(),
                metric: metric.clone(),
                source: listed.source.clone(),
                published,
                ours,
                difference: ours.map(|ours| ours - published),
            })
        })
    });
    values.collect()
}

/// The same as texts.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<[String; 5]>,
    /// Where the values are from.
    pub(super) notes: Vec<String>,
}

/// As many digits as were published, but no fewer than elsewhere; none where nothing is listed.
pub(super) fn shown(values: &[Beside]) -> Option<Shown> {
    let mut notes: Vec<String> = Vec::new();
    let row = |value: &Beside| {
        let digits = digits(value.published);
        [
            value.variant.clone(),
            value.metric.clone(),
            value
                .ours
                .map_or("–".to_owned(), |ours| format!("{ours:.digits$}")),
            format!("{:.digits$}", value.published),
            value
                .difference
                .map_or("–".to_owned(), |d| format!("{d:+.digits$}")),
        ]
    };
    let rows: Vec<_> = values.iter().map(row).collect();
    for value in values {
        let note = format!("{}: {}", value.variant, value.source);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    (!rows.is_empty()).then(|| Shown {
        header: owned(["variant", "metric", "ours", "published", "difference"]),
        rows,
        notes,
    })
}

/// The digits behind the point of a published number.
fn digits(published: f64) -> usize {
    let text = published.to_string();
    text.split_once('.')
        .map_or(0, |(_, behind)| behind.len())
        .clamp(4, 12)
}

pub(super) fn markdown(out: &mut String, values: &[Beside]) {
    let Some(shown) = shown(values) else {
        return;
    };
    out.push_str("## Beside published numbers\n\n");
    let rows: Vec<Vec<String>> = shown
        .rows
        .into_iter()
        .map(|[variant, metric, ours, published, difference]| {
            vec![
                escape(&variant),
                label(&metric),
                ours,
                published,
                difference,
            ]
        })
        .collect();
    table(out, &shown.header, &rows, WORDS);
    for note in shown.notes {
        let _ = writeln!(out, "- {}", escape(&note));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{Beside, markdown, shown};

    fn value(metric: &str, published: f64, ours: Option<f64>) -> Beside {
        Beside {
            variant: "ease".to_owned(),
            metric: metric.to_owned(),
            source: "a paper | table 2".to_owned(),
            published,
            ours,
            difference: ours.map(|ours| ours - published),
        }
    }

    #[test]
    fn differences_have_the_digits_that_were_published() {
        let values = [
            value("ndcg@20", 0.146_657, Some(0.146_660_4)),
            value("recall@20", 0.17, None),
        ];
        let table = shown(&values).unwrap();
        assert_eq!(
            table.rows,
            [
                ["ease", "ndcg@20", "0.146660", "0.146657", "+0.000003"],
                ["ease", "recall@20", "–", "0.1700", "–"]
            ]
            .map(|row| row.map(str::to_owned))
        );
        assert_eq!(table.notes, ["ease: a paper | table 2"]);
        assert!(shown(&[]).is_none());
        let mut text = String::new();
        markdown(&mut text, &values);
        assert!(
            text.contains("| 0.146660 | 0.146657 | +0.000003 |"),
            "{text}"
        );
        assert!(text.contains("a paper \\| table 2"), "{text}");
    }
}
