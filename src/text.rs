//! Text of others (cells of a log, ids, names of files, panics) on its way out, and rows as CSV.

use std::any::Any;

/// Whether a character acts on its surroundings instead of showing: control characters, and those
/// that turn the direction of writing.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number of things: `1 trial`, `2 trials`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A share in percent: `4.5 %`, and never `0.0 %` of what is there.
pub(crate) fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if percent > 0.0 && percent < 0.05 => "below 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// Lines in which nothing acts on the terminal.
pub(crate) fn visible(lines: &str) -> String {
    lines.replace(|c| hidden(c) && c != '\n', " ")
}

/// The same in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(hidden, " ")
}

/// Rows as CSV text.
pub(crate) fn csv_text<'h>(
    header: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fine = "writing CSV to memory";
    writer.write_record(header).expect(fine);
    for row in rows {
        writer.write_record(&row).expect(fine);
    }
    String::from_utf8(writer.into_inner().expect(fine)).expect("CSV of texts is text")
}

/// What is said of a plugin that panicked.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    format!("panicked (a bug of the plugin): {text}")
}
