//! Legends: what colors, shapes and lines stand for, in lines that are as long as there is room.

use super::SMALL;
use super::svg::Node;
use super::words::{fit, width};

/// The height of a line.
const LINE: f64 = 20.0;

/// The room that a sign takes, and that between entries.
const SIGN: f64 = 24.0;
const BETWEEN: f64 = 18.0;

/// How wide an entry's words may be.
const MOST: f64 = 300.0;

/// Entries, each a sign and its words.
#[derive(Debug, Default)]
pub(crate) struct Legend {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Drawn with its left middle at the origin, 18 wide.
    sign: Node,
    words: String,
    key: Option<String>,
}

impl Legend {
    /// Adds an entry. The sign is drawn around the origin: from 0 to 18 across, from -6 to 6 down.
    pub(crate) fn add(&mut self, sign: Node, words: &str) {
        self.entry(sign, words, None);
    }

    /// The same of a variant, which is highlighted with it.
    pub(crate) fn keyed(&mut self, sign: Node, words: &str, key: &str) {
        self.entry(sign, words, Some(key.to_owned()));
    }

    fn entry(&mut self, sign: Node, words: &str, key: Option<String>) {
        self.entries.push(Entry {
            sign,
            words: words.to_owned(),
            key,
        });
    }

    /// Draws it from a place on, no wider than that; also how high it is.
    pub(crate) fn draw(self, (left, top): (f64, f64), most: f64) -> (Node, f64) {
        let mut legend = Node::group("legend");
        let (mut x, mut y) = (left, top + 0.5 * LINE);
        let any = !self.entries.is_empty();
        for entry in self.entries {
            let words = fit(&entry.words, SMALL, MOST.min(most - SIGN));
            let taken = SIGN + width(&words, SMALL);
            if x > left && x + taken > left + most {
                (x, y) = (left, y + LINE);
            }
            let at = format!("translate({} {})", super::short(x), super::short(y));
            let mut group = Node::new("g").word("transform", at);
            if let Some(key) = entry.key {
                group = group.key(key);
            }
            if words != entry.words {
                group = group.tip(entry.words);
            }
            let text = Node::text("note", (SIGN, 4.0), &words);
            legend.push(group.with(entry.sign).with(text));
            x += taken + BETWEEN;
        }
        let height = if any { y + 0.5 * LINE - top } else { 0.0 };
        (legend, height)
    }
}
