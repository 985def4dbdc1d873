//! Text of others as Markdown.

use crate::text::hidden;

/// Characters of a sample or a path that are shown.
const SAMPLE: usize = 120;

/// Text of others (ids, labels, file names) in a Markdown cell: no markup but pairs of backticks, no
/// new lines.
pub(crate) fn escape(text: &str) -> String {
    // Between backticks a backslash would be seen.
    let pairs = text.matches('`').count().is_multiple_of(2);
    let mut in_code = false;
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '`' if pairs => {
                in_code = !in_code;
                out.push(c);
            }
            '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '<' | '>' | '&' if in_code => out.push(c),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // What begins no tag is left readable.
            '<' if chars.peek().is_some_and(char::is_ascii_digit) => out.push(c),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The label of a metric, in which a column of the log may be named. Underscores within a word mean nothing.
pub(in crate::report) fn label(label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '.');
    if label.chars().all(plain) {
        label.to_owned()
    } else {
        escape(label)
    }
}

/// Text of others as code, where nothing but the backtick has a meaning.
pub(super) fn code(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(SAMPLE)
        .map(|c| match c {
            '`' => '\'',
            '|' => '¦',
            c if hidden(c) => ' ',
            c => c,
        })
        .collect();
    if text.chars().count() > SAMPLE {
        clean.push('…');
    }
    if clean.is_empty() {
        return "(empty)".to_owned();
    }
    format!("`{clean}`")
}

#[cfg(test)]
mod tests {
    use super::{escape, label};

    #[test]
    fn markup_of_others_is_text_and_code_stays_code() {
        assert_eq!(escape("a_b|c <d>"), r"a\_b\|c &lt;d&gt;");
        assert_eq!(escape("`als_2` beats *x*"), r"`als_2` beats \*x\*");
        assert_eq!(escape("one ` alone_here"), r"one \` alone\_here");
        assert_eq!(
            escape("`<b>&amp;` p <0.001 < 1"),
            "`<b>&amp;` p <0.001 &lt; 1"
        );
    }

    #[test]
    fn labels_stay_as_they_are_unless_a_column_wants_to_act() {
        assert_eq!(label("hit_rate@10"), "hit_rate@10");
        assert_eq!(label("diversity_<b>|@3"), r"diversity\_&lt;b&gt;\|@3");
    }
}
