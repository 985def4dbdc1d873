//! Elements of SVG as a tree, written as exact text: every text and attribute escaped, numbers short.

use std::fmt::Write as _;

use crate::text::one_line;

/// An element.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    inside: Inside,
}

#[derive(Debug, Clone)]
enum Inside {
    Nodes(Vec<Node>),
    Text(String),
}

impl Node {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            inside: Inside::Nodes(Vec::new()),
        }
    }

    /// A group of a class.
    pub(crate) fn group(class: &str) -> Self {
        Self::new("g").class(class)
    }

    /// A path of a class.
    pub(crate) fn path(class: &str, d: impl Into<String>) -> Self {
        Self::new("path").class(class).word("d", d)
    }

    /// A rectangle of a class; never of a negative size, which no program draws.
    pub(crate) fn rect(class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) -> Self {
        Self::new("rect")
            .class(class)
            .number("x", x)
            .number("y", y)
            .number("width", width.max(0.0))
            .number("height", height.max(0.0))
    }

    /// A text whose baseline is at a place; the class says which end of it is there.
    pub(crate) fn text(class: &str, (x, y): (f64, f64), text: &str) -> Self {
        let node = Self::new("text").class(class).number("x", x);
        node.number("y", y).say(text)
    }

    pub(crate) fn word(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    pub(crate) fn number(self, name: &'static str, value: f64) -> Self {
        self.word(name, short(value))
    }

    pub(crate) fn class(self, class: &str) -> Self {
        if class.is_empty() {
            self
        } else {
            self.word("class", class)
        }
    }

    /// What is told of it on hovering.
    pub(crate) fn tip(self, tip: impl Into<String>) -> Self {
        self.word("data-tip", tip)
    }

    /// What is highlighted together with it.
    pub(crate) fn key(self, key: impl Into<String>) -> Self {
        self.word("data-key", key)
    }

    /// The text in it, in place of anything else.
    pub(crate) fn say(mut self, text: &str) -> Self {
        self.inside = Inside::Text(text.to_owned());
        self
    }

    pub(crate) fn with(mut self, node: Self) -> Self {
        self.push(node);
        self
    }

    pub(crate) fn all(mut self, nodes: impl IntoIterator<Item = Self>) -> Self {
        for node in nodes {
            self.push(node);
        }
        self
    }

    pub(crate) fn push(&mut self, node: Self) {
        match &mut self.inside {
            Inside::Nodes(nodes) => nodes.push(node),
            Inside::Text(_) => self.inside = Inside::Nodes(vec![node]),
        }
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
        match &self.inside {
            Inside::Nodes(nodes) if nodes.is_empty() => out.push_str("/>"),
            Inside::Nodes(nodes) => {
                out.push('>');
                for node in nodes {
                    out.push('\n');
                    node.write(out);
                }
                let _ = write!(out, "\n</{}>", self.name);
            }
            Inside::Text(text) => {
                let _ = write!(out, ">{}</{}>", escaped(text), self.name);
            }
        }
    }
}

/// How a chart takes its place on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Over the whole width; on a phone it is scrolled.
    Wide,
    /// Beside others; on a phone it fits.
    Small,
}

/// A complete drawing of a width and height with its name and what it says, for those who do not see it.
pub(crate) fn document(
    id: &str,
    size: Size,
    (width, height): (f64, f64),
    (title, description): (&str, &str),
    body: impl IntoIterator<Item = Node>,
) -> String {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-desc"));
    let class = match size {
        Size::Wide => "chart wide",
        Size::Small => "chart small",
    };
    let root = Node::new("svg")
        .word("xmlns", "http://www.w3.org/2000/svg")
        .class(class)
        .word("role", "img")
        .word("aria-labelledby", format!("{title_id} {description_id}"))
        .word("viewBox", format!("0 0 {} {}", short(width), short(height)))
        .number("width", width)
        .number("height", height)
        .with(Node::new("title").word("id", title_id).say(title))
        .with(
            Node::new("desc")
                .word("id", description_id)
                .say(description),
        )
        .all(body);
    let mut out = String::new();
    root.write(&mut out);
    out.push('\n');
    out
}

/// Text in which nothing acts: no markup, no characters that XML forbids or that turn the direction of
/// writing.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate: a tenth of a unit is finer than any screen shows.
pub(crate) fn short(value: f64) -> String {
    let rounded = (10.0 * value).round() / 10.0;
    // Not `-0`.
    format!("{}", rounded + 0.0)
}
