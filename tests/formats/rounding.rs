//! The rounding rules of reports, written once more: what a test expects is not what the lab computed.

use serde_json::Value;

/// A metric: four digits.
pub(crate) fn value(value: &Value) -> String {
    text(value, |v| format!("{v:.4}"))
}

/// A difference: the same with its sign.
pub(crate) fn signed(value: &Value) -> String {
    text(value, |v| format!("{v:+.4}"))
}

/// `[0.0100, 0.0150]` of what has `low` and `high`.
pub(crate) fn interval(of: &Value) -> String {
    match (of["low"].as_f64(), of["high"].as_f64()) {
        (Some(low), Some(high)) => format!("[{low:.4}, {high:.4}]"),
        _ => "-".to_owned(),
    }
}

/// A probability: three digits, never zero.
pub(crate) fn probability(p: &Value) -> String {
    text(p, |p| match p {
        p if p < 0.001 => "<0.001".to_owned(),
        p => format!("{p:.3}"),
    })
}

/// Seconds: thousandths below ten, then tenths.
pub(crate) fn seconds(seconds: &Value) -> String {
    text(seconds, |s| match s {
        s if s < 0.001 => "<0.001".to_owned(),
        s if s < 10.0 => format!("{s:.3}"),
        s => format!("{s:.1}"),
    })
}

/// A whole number, thousands apart.
pub(crate) fn count(count: &Value) -> String {
    let count = count.as_u64().expect("a count");
    match (count / 1_000_000, count / 1000 % 1000, count % 1000) {
        (0, 0, ones) => ones.to_string(),
        (0, thousands, ones) => format!("{thousands},{ones:03}"),
        (millions, thousands, ones) => format!("{millions},{thousands:03},{ones:03}"),
    }
}

/// A mean of counts: a tenth where it is not whole.
pub(crate) fn mean_count(mean: &Value) -> String {
    let mean = mean.as_f64().expect("a mean");
    if mean.fract() == 0.0 {
        return count(&(mean as u64).into());
    }
    format!("{mean:.1}")
}

/// The same of users who differ, never rounded up.
pub(crate) fn differing(mean: &Value) -> String {
    let mean = mean.as_f64().expect("a mean");
    mean_count(&((mean * 10.0).floor() / 10.0).into())
}

/// A share in percent: a digit behind the point below ten.
pub(crate) fn percent(share: &Value) -> String {
    text(share, |share| match 100.0 * share {
        percent if percent.abs() < 9.95 => format!("{percent:+.1} %"),
        percent => format!("{percent:+.0} %"),
    })
}

/// An effect: two digits with a sign.
pub(crate) fn effect(dz: &Value) -> String {
    text(dz, |dz| format!("{dz:+.2}"))
}

/// A number as written, a dash for none.
fn text(value: &Value, write: impl Fn(f64) -> String) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), write)
}
