//! Markdown for reading on a terminal: wrapped, tables as lists, code without its quotes where colors
//! can tell it. No more of Markdown than the reference of plugins uses.

use std::fmt::Write as _;

/// How text is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Whether escapes may be used.
    pub(super) color: bool,
}

const BOLD: &str = "\x1b[1m";
const CODE: &str = "\x1b[36m";
const OFF: &str = "\x1b[0m";

/// The text as the terminal shows it.
pub(super) fn render(markdown: &str, style: Style) -> String {
    let mut out = String::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            out.push('\n');
        } else if line.starts_with("```") {
            for code in lines.by_ref().take_while(|l| !l.starts_with("```")) {
                let _ = writeln!(out, "    {}", style.paint(CODE, code));
            }
        } else if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim();
            let _ = writeln!(out, "{}", style.paint(BOLD, title));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|l| l.starts_with('|')) {
                rows.push(cells(row));
            }
            out += &table(&rows, style);
        } else {
            let mut text = line.to_owned();
            let goes_on = |l: &&str| {
                !l.is_empty()
                    && !["- ", "|", "#", "```"]
                        .iter()
                        .any(|mark| l.starts_with(mark))
            };
            while let Some(more) = lines.next_if(goes_on) {
                let _ = write!(text, " {more}");
            }
            let hang = if line.starts_with("- ") { 2 } else { 0 };
            out += &style.inline(&wrap(&text, style.width, 0, hang));
        }
    }
    out
}

/// Each line cut to the width.
pub(super) fn cut(text: &str, style: Style) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.chars().count() > style.width {
            let kept: String = line.chars().take(style.width.saturating_sub(1)).collect();
            let _ = writeln!(out, "{}…", kept.trim_end());
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// The cells of a row of a table.
fn cells(row: &str) -> Vec<String> {
    // A bar within a cell is escaped.
    let inner = row.trim_matches('|').replace("\\|", "\0");
    let cells = inner.split('|');
    cells.map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// A table as a list: its first column on a line with what is short, its last below.
fn table(rows: &[Vec<String>], style: Style) -> String {
    let mut out = String::new();
    let Some((header, rows)) = rows.split_first() else {
        return out;
    };
    // The row below the header is a line.
    for row in rows.iter().skip(1) {
        let mut facts = Vec::new();
        for (title, cell) in header.iter().zip(row).skip(1) {
            let cell = cell.trim_matches('*');
            match title.as_str() {
                _ if cell.is_empty() => {}
                "meaning" => {}
                "default" if cell.starts_with('`') => facts.push(format!("default {cell}")),
                "unit" => facts.push(format!("in {cell}")),
                _ => facts.push(cell.to_owned()),
            }
        }
        let name = row.first().map(|n| n.trim_matches('`')).unwrap_or_default();
        let facts = wrap(&facts.join(", "), style.width, 6, 0);
        let _ = writeln!(out, "  {}", style.paint(BOLD, name));
        out += &style.inline(&facts);
        if let Some(meaning) = row.last() {
            out += &style.inline(&wrap(meaning, style.width, 6, 0));
        }
    }
    out
}

/// Words in lines of at most `width` characters; lines begin with `indent` spaces, those after the first
/// with `hang` more.
fn wrap(text: &str, width: usize, indent: usize, hang: usize) -> String {
    let mut out = String::new();
    let mut line = " ".repeat(indent);
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            let _ = writeln!(out, "{line}");
            line = " ".repeat(indent + hang);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    let _ = writeln!(out, "{line}");
    out
}

impl Style {
    fn paint(self, escape: &str, text: &str) -> String {
        if self.color {
            format!("{escape}{text}{OFF}")
        } else {
            text.to_owned()
        }
    }

    /// Code between backticks in color.
    fn inline(self, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut code = false;
        for c in text.chars() {
            match c {
                '`' => {
                    code = !code;
                    out += if code { CODE } else { OFF };
                }
                // Nothing is colored across lines: a pager forgets it.
                '\n' if code => {
                    let _ = write!(out, "{OFF}\n{CODE}");
                }
                c => out.push(c),
            }
        }
        if code {
            out += OFF;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Style, cut, render};

    const TEXT: &str = "\
# model.x

The first line of `some
code` and more.

- one that is long enough to be wrapped
- two

```toml
[model.x]   # as it is
```

| parameter | type | unit | range | default | meaning |
|---|---|---|---|---|---|
| `a` | number | days | > 0 | `3` | One \\| two. |
| `b` | text |  |  | **required** | Three. |
";

    #[test]
    fn it_is_wrapped_and_tables_are_lists() {
        let plain = Style {
            width: 26,
            color: false,
        };
        assert_eq!(
            render(TEXT, plain),
            "\
model.x

The first line of `some
code` and more.

- one that is long enough
  to be wrapped
- two

    [model.x]   # as it is

  a
      number, in days, >
      0, default `3`
      One | two.
  b
      text, required
      Three.
"
        );
    }

    #[test]
    fn colors_take_the_place_of_quotes_and_end_with_the_line() {
        let color = Style {
            width: 26,
            color: true,
        };
        let text = render(TEXT, color);
        assert!(text.contains("\x1b[1mmodel.x\x1b[0m"), "{text:?}");
        assert!(
            text.contains("\x1b[36msome\x1b[0m\n\x1b[36mcode\x1b[0m and"),
            "{text:?}"
        );
        for line in text.lines() {
            let on = line.matches("\x1b[36m").count() + line.matches("\x1b[1m").count();
            assert_eq!(on, line.matches("\x1b[0m").count(), "{line:?}");
        }
    }

    #[test]
    fn long_lines_are_cut() {
        let style = Style {
            width: 5,
            color: false,
        };
        assert_eq!(cut("abcde\nabcdef\n", style), "abcde\nabcd…\n");
    }
}
