//! Tables of plain text, and text in lines, that fit a width.

use std::iter::once;

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify, Style};
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::text::visible;

/// Names are not broken into shorter pieces than this.
const LEAST: usize = 12;

/// A table whose columns from `numbers` on are numbers. What would act on the terminal is a space, which
/// takes a column.
pub(crate) fn table(header: &[String], rows: &[Vec<String>], numbers: usize) -> String {
    let mut builder = Builder::default();
    for row in once(header).chain(rows.iter().map(Vec::as_slice)) {
        builder.push_record(row.iter().map(|cell| visible(cell)));
    }
    let mut table = builder.build();
    table
        .with(Style::psql())
        .with(Modify::new(Columns::new(numbers..)).with(Alignment::right()));
    table.to_string()
}

/// The same in as few columns as a width has. What does not fit beside the rest continues in further tables,
/// which begin with the same `keys` columns again; words may be broken into several lines, numbers never.
pub(crate) fn fitted(
    header: &[String],
    rows: &[Vec<String>],
    numbers: usize,
    keys: usize,
    width: Option<usize>,
) -> String {
    let Some(width) = width.filter(|&width| !fits(header, rows, width)) else {
        return table(header, rows, numbers);
    };
    let visible = |row: &[String]| row.iter().map(|cell| visible(cell)).collect::<Vec<_>>();
    let (header, rows) = (visible(header), rows.iter().map(|row| visible(row)));
    let rows: Vec<Vec<String>> = rows.collect();
    let most = LEAST.max(width / 3);
    let narrow = |row: &[String]| -> Vec<String> {
        let cells = row.iter().enumerate();
        cells
            .map(|(at, cell)| {
                if at < numbers {
                    broken(cell, most)
                } else {
                    cell.clone()
                }
            })
            .collect()
    };
    let mut header = narrow(&header);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| narrow(row)).collect();
    // The title of a column of numbers is of words: it may take what the keys leave.
    let of_keys = total(widths(&header, &rows).into_iter().take(keys));
    let room = LEAST.max(width.saturating_sub(of_keys + 3));
    for title in &mut header[numbers..] {
        *title = broken(title, room);
    }
    let widths = widths(&header, &rows);
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let of_keys: Vec<usize> = (0..keys).collect();
    for column in keys..widths.len() {
        let fits = |part: &Vec<usize>| {
            let columns = part.iter().chain(once(&column));
            total(columns.map(|&at| widths[at])) <= width
        };
        match parts.last_mut() {
            Some(part) if fits(part) => part.push(column),
            _ => parts.push(of_keys.iter().copied().chain(once(column)).collect()),
        }
    }
    let drawn = parts.iter().map(|part| {
        let pick =
            |row: &Vec<String>| -> Vec<String> { part.iter().map(|&at| row[at].clone()).collect() };
        let rows: Vec<Vec<String>> = rows.iter().map(pick).collect();
        let words = part.iter().filter(|&&at| at < numbers).count();
        table(&pick(&header), &rows, words)
    });
    drawn.collect::<Vec<_>>().join("\n\n")
}

/// Whether a table is no wider than so many columns.
pub(super) fn fits(header: &[String], rows: &[Vec<String>], width: usize) -> bool {
    total(widths(header, rows).into_iter()) <= width
}

/// How wide each column is without what stands around it.
fn widths(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let cell = |cell: &String| {
        let shown = visible(cell);
        shown.split('\n').map(display_width).max().unwrap_or(0)
    };
    let of = |at: usize| {
        let cells = rows.iter().map(|row| &row[at]).chain(once(&header[at]));
        cells.map(cell).max().unwrap_or(0)
    };
    (0..header.len()).map(of).collect()
}

/// The width of columns with a space on either side and a bar between them.
fn total(widths: impl Iterator<Item = usize>) -> usize {
    let (count, sum) = widths.fold((0, 0), |(count, sum), width| (count + 1, sum + width));
    sum + 3 * count - usize::from(count > 0)
}

/// Words in lines of at most so many columns.
fn broken(cell: &str, most: usize) -> String {
    let lines = cell.split('\n');
    let lines = lines.flat_map(|line| textwrap::wrap(line, options(most)));
    lines.collect::<Vec<_>>().join("\n")
}

fn options(width: usize) -> Options<'static> {
    // A hyphen may be the sign of a number.
    Options::new(width).word_splitter(WordSplitter::NoHyphenation)
}

/// Lines of text, those that are longer than so many columns broken between words, and what follows
/// indented by four more.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> String {
    let text = visible(text);
    let Some(width) = width else {
        return text;
    };
    let mut out = String::new();
    for line in text.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let deeper = format!("{indent}    ");
        let options = options(width)
            .initial_indent(&indent)
            .subsequent_indent(&deeper);
        for piece in textwrap::wrap(line.trim_start(), options) {
            out.push_str(&piece);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use textwrap::core::display_width;

    use super::{fits, fitted, table, wrapped};

    fn example() -> (Vec<String>, Vec<Vec<String>>) {
        let header = ["#", "variant", "recall@3", "ndcg@3", "95 % ndcg@3", "users"];
        let rows = [
            [
                "1",
                "als with a long name 🎵 شبكة",
                "0.0601",
                "-0.1010",
                "[0.0855, 0.1183]",
                "126 of 552",
            ],
            [
                "-",
                "popularity",
                "0.0206",
                "+0.0365",
                "[0.0275, 0.0482]",
                "51 of 552",
            ],
        ];
        let owned = |row: &[&str]| row.iter().map(|&cell| cell.to_owned()).collect();
        (owned(&header), rows.iter().map(|row| owned(row)).collect())
    }

    #[test]
    fn tables_fit_every_width_and_lose_no_number() {
        let (header, rows) = example();
        let whole = table(&header, &rows, 2);
        let needed = whole.lines().map(display_width).max().unwrap();
        assert!(fits(&header, &rows, needed) && !fits(&header, &rows, needed - 1));
        assert_eq!(fitted(&header, &rows, 2, 2, None), whole);
        assert_eq!(fitted(&header, &rows, 2, 2, Some(needed)), whole);
        for width in 40..needed {
            let drawn = fitted(&header, &rows, 2, 2, Some(width));
            for line in drawn.lines() {
                assert!(display_width(line) <= width, "{width}:\n{drawn}");
            }
            for cell in header
                .iter()
                .skip(2)
                .chain(rows.iter().flat_map(|row| &row[2..]))
            {
                assert!(drawn.contains(cell), "{width}: {cell}:\n{drawn}");
            }
        }
    }

    #[test]
    fn long_titles_of_numbers_are_broken() {
        let (mut header, rows) = example();
        header[3] = format!("vs {}", "als with a long name ".repeat(3));
        let drawn = fitted(&header, &rows, 2, 2, Some(60));
        assert!(drawn.contains("-0.1010"), "{drawn}");
        for line in drawn.lines() {
            assert!(display_width(line) <= 60, "{drawn}");
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        let text = "  warning: the least difference is -0.0100 of 552 users\n\nVerdict: no";
        let expected = "  warning: the least\n      difference is\n      -0.0100 of 552\n      users\n\nVerdict: no\n";
        assert_eq!(wrapped(text, Some(20)), expected);
        assert_eq!(wrapped(text, None), text);
    }
}
