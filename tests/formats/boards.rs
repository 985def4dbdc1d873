//! The leaderboard and the comparison as people read them, in words and numbers that are expected of
//! every form.

use serde_json::Value;

use crate::rounding::{
    count, differing, effect, interval, mean_count, percent, probability, seconds, signed, value,
};
use crate::swept::{labels, list, text};

/// One line of the leaderboard.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) settings: String,
    pub(crate) rank: Option<u64>,
    pub(crate) group: String,
    pub(crate) best: bool,
    /// On test and on validation, a cell a metric.
    pub(crate) test: Vec<String>,
    pub(crate) validation: Vec<String>,
    pub(crate) interval: String,
    pub(crate) chance: String,
    pub(crate) hit: String,
    pub(crate) users: String,
    pub(crate) fit: String,
    pub(crate) rank_seconds: String,
}

pub(crate) fn lines(report: &Value) -> Vec<Line> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let line = |row: &Value| Line {
        name: text(&row["variant"]).to_owned(),
        settings: text(&row["settings"]).to_owned(),
        rank: row["rank"].as_u64(),
        group: text(&row["group"]).to_owned(),
        best: row["best_on_validation"] == true,
        test: labels
            .iter()
            .map(|l| value(&row["test"][l]["value"]))
            .collect(),
        validation: labels
            .iter()
            .map(|l| value(&row["validation"][l]))
            .collect(),
        interval: interval(&row["test"][select]),
        chance: probability(&row["p_chance_adjusted"]),
        hit: mean_count(&row["users_hit"]),
        users: count(&row["users"]),
        fit: seconds(&row["fit_seconds"]),
        rank_seconds: seconds(&row["rank_seconds"]),
    };
    list(&report["leaderboard"]).iter().map(line).collect()
}

/// What random rankings do and what is possible, by alternative of the cleaners.
pub(crate) struct Bounds {
    pub(crate) label: String,
    pub(crate) expected: Vec<String>,
    pub(crate) band: String,
    pub(crate) expected_hit: String,
    pub(crate) ceiling: Vec<String>,
    pub(crate) ceiling_hit: String,
}

pub(crate) fn bounds(report: &Value) -> Vec<Bounds> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let of = |log: &Value| {
        let floor = &log["floor"];
        let all = |key: &str| -> Vec<String> {
            let metrics = labels.iter().map(|label| &floor["metrics"][label][key]);
            metrics.map(value).collect()
        };
        Bounds {
            label: text(&log["label"]).to_owned(),
            expected: all("expected"),
            band: interval(&floor["metrics"][select]),
            expected_hit: format!("{:.1}", floor["users_hit"].as_f64().expect("a mean")),
            ceiling: all("ceiling"),
            ceiling_hit: count(&floor["ceiling_users_hit"]),
        }
    };
    list(&report["cleanings"]).iter().map(of).collect()
}

/// The cells of a difference, the difference itself first; without one, as many empty ones.
pub(crate) fn difference(d: &Value) -> Vec<String> {
    if d.is_null() {
        return vec![String::new(); 8];
    }
    let p = match &d["p_adjusted"] {
        Value::Null => "too few".to_owned(),
        p => probability(p),
    };
    let users = ["wins", "ties", "losses"].map(|key| count(&d[key]));
    vec![
        signed(&d["value"]),
        interval(d),
        percent(&d["relative"]),
        effect(&d["dz"]),
        p,
        differing(&d["differing"]),
        users.join("/"),
        value(&d["detectable"]),
    ]
}

/// Every variant with its group and its difference to the baseline.
pub(crate) fn compared(report: &Value) -> Vec<Vec<String>> {
    let rows = list(&report["leaderboard"]).iter();
    let line = |row: &Value| {
        let words = ["variant", "group"].map(|key| text(&row[key]).to_owned());
        [&words[..], &difference(&row["difference"])].concat()
    };
    rows.map(line).collect()
}

/// All pairs.
pub(crate) fn pairs(report: &Value) -> Vec<Vec<String>> {
    let line = |pair: &Value| {
        let words = ["a", "b"].map(|key| text(&pair[key]).to_owned());
        [&words[..], &difference(pair)].concat()
    };
    list(&report["pairs"]).iter().map(line).collect()
}

/// In which cells two tables differ.
pub(crate) fn faults(name: &str, found: &[Vec<String>], expected: &[Vec<String>]) -> Vec<String> {
    let mut faults = Vec::new();
    if found.len() != expected.len() || expected.is_empty() {
        faults.push(format!(
            "{name}: {} rows, not {}",
            found.len(),
            expected.len()
        ));
    }
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        if found != expected {
            faults.push(format!("{name} row {at}:\n{found:?}, not\n{expected:?}"));
        }
    }
    faults
}
