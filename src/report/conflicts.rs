//! Trials that came to something else a second time: a warning for each, for one of the two is wrong.

use crate::exit::Failure;
use crate::records::{Conflict, Outcome, Record, Store};

/// A warning for each second result in the folder that is not the first.
pub(super) fn warnings(store: &Store) -> Result<Vec<String>, Failure> {
    let conflicts = store.conflicts()?;
    conflicts
        .iter()
        .map(|conflict| {
            Ok(warning(
                conflict,
                store.record(&conflict.record.id)?.as_ref(),
            ))
        })
        .collect()
}

fn warning(conflict: &Conflict, first: Option<&Record>) -> String {
    let Conflict { file, record } = conflict;
    let trial = format!(
        "{} (`{}` on {})",
        record.id,
        record.run.variant,
        record.result.key.role.name()
    );
    let Some(first) = first else {
        return format!(
            "{file} is a second result of the trial {trial}, whose first record is gone; delete it \
             once you know which was right"
        );
    };
    format!(
        "the trial {trial} has a second result that differs from its record: {}; the record counts, \
         the second one is in {file}. One trial must come to one result, so either a plugin changed \
         without a new revision, or it draws from something else than its seed, or the two machines \
         ({}; {}) count differently. Find out which, then delete the wrong one: {file}, or \
         records/{}.json, which is then computed again",
        differing(first, record),
        first.run.machine,
        record.run.machine,
        record.id
    )
}

/// In what two records of a trial differ, in a few words.
fn differing(first: &Record, second: &Record) -> String {
    let (Outcome::Done { metrics: one, .. }, Outcome::Done { metrics: other, .. }) =
        (&first.result.outcome, &second.result.outcome)
    else {
        return "one of them failed".into();
    };
    let value = |value: Option<&f64>| value.map_or("nothing".to_owned(), f64::to_string);
    let mut labels = one.keys().chain(other.keys());
    let differs = |label: &&String| value(one.get(*label)) != value(other.get(*label));
    match labels.find(differs) {
        Some(label) => format!(
            "{label} {}, then {}",
            value(one.get(label)),
            value(other.get(label))
        ),
        None => "its means are the same, but not the values or lists of all users".into(),
    }
}
