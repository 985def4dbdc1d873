//! Whether the files of a report folder agree with each other, without running anything.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::exit::Failure;
use crate::records::{Outcome, Record, Store, hex};
use crate::report::Table;
use crate::sweep::{KeptExamples, Overview};

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, as seen from the folder.
    pub(crate) file: String,
    pub(crate) says: String,
}

impl Finding {
    fn new(file: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            says: says.into(),
        }
    }
}

/// Looks at everything in a store, and returns the records that are sound in themselves, ascending
/// by id, and what is wrong with the rest.
pub(crate) fn check(store: &Store) -> Result<(Vec<Record>, Vec<Finding>), Failure> {
    let mut findings = Vec::new();
    let mut records = Vec::new();
    for id in store.known()? {
        let file = format!("records/{id}.json");
        match store.record(&id) {
            Ok(Some(record)) => {
                findings.extend(of_record(&file, &record, store));
                records.push(record);
            }
            Ok(None) => {}
            Err(failure) => findings.push(Finding::new(file, without_error(&failure))),
        }
    }
    match store.read::<Overview>(Overview::FILE) {
        Ok(Some(overview)) => of_overview(&overview, &records, store, &mut findings),
        Ok(None) => findings.push(Finding::new(Overview::FILE, "is not there")),
        Err(failure) => findings.push(Finding::new(Overview::FILE, without_error(&failure))),
    }
    Ok((records, findings))
}

fn without_error(failure: &Failure) -> String {
    let message = failure.message();
    message
        .strip_prefix("error: ")
        .unwrap_or(&message)
        .to_owned()
}

/// Attachments that are there and whose means are the record's.
fn of_record(file: &str, record: &Record, store: &Store) -> Vec<Finding> {
    let Outcome::Done {
        metrics,
        users,
        attachments,
        ..
    } = &record.result.outcome
    else {
        return vec![Finding::new(
            file,
            "is not the record of a trial that is done",
        )];
    };
    let mut findings = Vec::new();
    for name in attachments.values() {
        if let Err(failure) = store.attachment(name) {
            findings.push(Finding::new(name, without_error(&failure)));
        }
    }
    let Some(table) = attachments
        .get("per_user")
        .and_then(|name| Table::read(store, name).ok())
    else {
        return findings;
    };
    if table.users.len() != *users {
        findings.push(Finding::new(
            file,
            format!(
                "says {users} users, but its attachment per_user has {}",
                table.users.len()
            ),
        ));
    }
    for (label, column) in table.labels.iter().zip(table.values.columns()) {
        let mean = column.mean().unwrap_or(0.0);
        let said = metrics.get(label).copied();
        if !said.is_some_and(|said| (said - mean).abs() <= 1e-9 * (1.0 + mean.abs())) {
            let said = said.map_or("nothing".to_owned(), |v| v.to_string());
            findings.push(Finding::new(
                file,
                format!("says {said} for {label}, but its values by user have the mean {mean}"),
            ));
        }
    }
    findings
}

fn of_overview(
    overview: &Overview,
    records: &[Record],
    store: &Store,
    findings: &mut Vec<Finding>,
) {
    let file = Overview::FILE;
    let planned = overview.ids();
    for record in records.iter().filter(|r| planned.contains(r.id.as_str())) {
        let key = &record.result.key;
        let other: BTreeSet<&str> = ["seed", "source", "splitter", "evaluation"]
            .into_iter()
            .filter(|part| key.definition[*part] != overview.shared[*part])
            .collect();
        if key.data != overview.fingerprint || !other.is_empty() {
            let what = if key.data == overview.fingerprint {
                other.into_iter().collect::<Vec<_>>().join(", ")
            } else {
                "the data".to_owned()
            };
            findings.push(Finding::new(
                file,
                format!("and the record {} name another: {what}", record.id),
            ));
        }
    }
    for id in &overview.ran {
        let there = records.iter().any(|record| record.id == *id);
        if !there && !store.failed(id).is_ok_and(|failed| failed.is_some()) {
            findings.push(Finding::new(
                file,
                format!("rests on the record {id}, which is not there or not whole; a sweep runs it again"),
            ));
        }
    }
    for log in &overview.cleanings {
        let null = log.floor.iter().map(|floor| floor.null.as_str());
        for name in null {
            if let Err(failure) = store.attachment(name) {
                findings.push(Finding::new(name, without_error(&failure)));
            }
        }
    }
    if let Err(failure) = KeptExamples::read(overview, store) {
        let name = overview.examples_attachment.as_deref().unwrap_or_default();
        findings.push(Finding::new(name, without_error(&failure)));
    }
    if let Some(recommended) = &overview.recommended {
        // It may be deleted at any time, but what is there must be what was written.
        if let Ok(text) = fs::read_to_string(store.path("recommendations.csv"))
            && hex(&text) != recommended.content
        {
            findings.push(Finding::new(
                "recommendations.csv",
                "is not what the sweep wrote",
            ));
        }
    }
    if let Ok(Some(report)) = store.read::<Value>("report.json")
        && report["fingerprint"] != overview.fingerprint
    {
        findings.push(Finding::new(
            "report.json",
            "is of other data than experiment.json",
        ));
    }
}
