//! Whole audits of small logs.

use super::{Audit, Reading, Settings, audit};

/// The audit of a log as text.
pub(super) fn audit_of(log: &str) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    std::fs::write(&path, log).unwrap();
    let settings = Settings {
        reading: &Reading::default(),
        now: 1_767_225_600,
        home: folder.path(),
        color: false,
    };
    audit(&path, &settings, None, |_| Ok(())).unwrap().0
}

/// Rows of an alert; 0 if there is none.
pub(super) fn rows(audit: &Audit, id: &str) -> u64 {
    let alert = audit.alerts.iter().find(|alert| alert.id == id);
    alert.map_or(0, |alert| alert.rows)
}
