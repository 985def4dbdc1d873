//! Filters of the templates: numbers with the digits that they have in every form of the report, and
//! words with their code marked.
//!
//! A number that is missing is written as nothing.

use minijinja::{Environment, Value};

use super::engine::escape;
use crate::report::text;
use crate::report::{differences, text::mean_count, verdict::p_is};

/// Adds all of them.
pub(super) fn add(environment: &mut Environment<'static>) {
    let mut number = |name: &'static str, write: fn(f64) -> String| {
        environment.add_filter(name, move |value: Option<f64>| {
            value.map_or_else(String::new, write)
        });
    };
    number("value", text::value);
    number("signed", text::signed);
    number("probability", text::probability);
    number("p_is", |p| p_is(&text::probability(p)));
    number("seconds", text::seconds);
    number("mean_count", mean_count);
    number("percent", differences::percent);
    number("tenth", |value| format!("{value:.1}"));
    number("effect", |dz| format!("{dz:+.2}"));
    number("exact", |value| value.to_string());
    number("bytes", |bytes| text::bytes(bytes as u64));
    environment.add_filter("count", |count: Option<u64>| {
        count.map_or_else(String::new, text::count)
    });
    environment.add_filter("time", |seconds: Option<i64>| text::time(seconds));
    environment.add_filter("date", |seconds: Option<i64>| {
        let time = text::time(seconds);
        time.split(' ').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("ends", |estimate: &Value| {
        let end = |name| {
            estimate
                .get_attr(name)
                .ok()
                .and_then(|v| f64::try_from(v).ok())
        };
        let ends = end("low").zip(end("high"));
        ends.map_or_else(|| "-".to_owned(), text::ends)
    });
    environment.add_filter("sample", |text: &str| Value::from_safe_string(sample(text)));
    environment.add_filter("words", |text: &str| Value::from_safe_string(words(text)));
    environment.add_filter("name", |text: &str| {
        Value::from_safe_string(format!("<bdi>{}</bdi>", escape(text)))
    });
}

/// A sentence in which what stands between backticks is code, and each piece of code is kept from
/// turning the direction of the words around it.
pub(crate) fn words(text: &str) -> String {
    // A backtick without its twin is text of others.
    if !text.matches('`').count().is_multiple_of(2) {
        return escape(text);
    }
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| match at % 2 {
            0 => escape(piece),
            _ => format!("<code><bdi>{}</bdi></code>", escape(piece)),
        })
        .collect()
}

/// Characters of a sample that are shown.
const SAMPLE: usize = 120;

/// A cell of the log as code, cut where it gets long, as in `report.md`.
fn sample(text: &str) -> String {
    let mut shown: String = text.chars().take(SAMPLE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    if shown.is_empty() {
        return "(empty)".to_owned();
    }
    format!("<code><bdi>{}</bdi></code>", escape(&shown))
}
