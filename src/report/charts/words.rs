//! How wide a text will be. The font is the reader's, so this is an upper estimate for usual fonts
//! without serifs, and what is too long is cut here rather than by the edge of the drawing.

use unicode_width::UnicodeWidthChar as _;

/// The width of a text of a size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    size * text.chars().map(share).sum::<f64>()
}

/// The width of a character as a share of the text's size.
fn share(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.33,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '—' | '→' => 1.0,
        'A'..='Z' | '&' | '+' | '=' | '<' | '>' | '~' | '×' | '±' | '−' => 0.75,
        c if c.is_ascii() => 0.62,
        // Marks above and below letters take no width, but some programs show them alone.
        c => match c.width() {
            Some(0) => 0.3,
            Some(1) => 0.85,
            _ => 1.25,
        },
    }
}

/// The text, cut with `…` if it is wider than that.
pub(crate) fn fit(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let room = most / size - share('…');
    let mut taken = 0.0;
    let mut kept = String::new();
    for c in text.chars() {
        taken += share(c);
        if taken > room {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}
