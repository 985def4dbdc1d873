//! Text of others (cells of a log, ids, names of files, panics) on its way out, and rows as CSV.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::{Display, Write as _};

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

/// The first so many characters of a text, with a sign if there are more.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// CSV text as it grows, cell by cell.
pub(crate) struct Csv {
    writer: csv::Writer<Vec<u8>>,
    /// The number being written.
    number: String,
}

/// Why nothing that is written to memory fails.
const FINE: &str = "writing CSV to memory";

impl Csv {
    /// With a first row.
    pub(crate) fn new<'h>(header: impl IntoIterator<Item = &'h str>) -> Self {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header).expect(FINE);
        Self {
            writer,
            number: String::new(),
        }
    }

    /// A cell of text.
    pub(crate) fn text(&mut self, text: &str) {
        self.writer.write_field(text).expect(FINE);
    }

    /// A cell that holds a number.
    pub(crate) fn number<T: Display>(&mut self, number: T) {
        self.number.clear();
        write!(self.number, "{number}").expect(FINE);
        self.writer.write_field(&self.number).expect(FINE);
    }

    /// Ends a row.
    pub(crate) fn end(&mut self) {
        self.writer.write_record(None::<&[u8]>).expect(FINE);
    }

    /// All rows.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8(self.writer.into_inner().expect(FINE)).expect("CSV of texts is text")
    }
}

/// Rows as CSV text.
pub(crate) fn csv_text<'h>(
    header: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut csv = Csv::new(header);
    for row in rows {
        for cell in &row {
            csv.text(cell);
        }
        csv.end();
    }
    csv.into_text()
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
