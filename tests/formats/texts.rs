//! What people read: Markdown, LaTeX and the terminal view against `report.json`.

use serde_json::Value;

use crate::boards::{self, bounds, compared, difference, faults, lines, pairs};
use crate::rounding::{count, interval, seconds, signed, value};
use crate::swept::{labels, list, text};

/// The rows of the table that follows a line, its cells without markup.
fn markdown_rows(page: &str, after: &str) -> Vec<Vec<String>> {
    let (_, rest) = page
        .split_once(&format!("\n{after}\n"))
        .unwrap_or_else(|| panic!("no {after}"));
    let rows = rest
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let row = row
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix(" |"));
        row.expect("a row").split(" | ").map(unescaped).collect()
    })
    .collect()
}

fn unescaped(cell: &str) -> String {
    let cell = cell
        .trim()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut out = String::new();
    let mut escaped = false;
    for c in cell.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        // Emphasis is of the words around numbers.
        if c != '*' || escaped {
            out.push(c);
        }
        escaped = false;
    }
    out
}

fn owned<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// `random ranking` of an alternative of the cleaners.
fn of_log(what: &str, label: &str) -> String {
    format!("{what} {label}").trim_end().to_owned()
}

pub(crate) fn markdown_faults(report: &Value, page: &str) -> Vec<String> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let deciding = labels
        .iter()
        .position(|label| *label == select)
        .expect("it is measured");
    let mut board: Vec<Vec<String>> = Vec::new();
    for line in lines(report) {
        let best = if line.best { " (best)" } else { "" };
        let rank = line
            .rank
            .map_or_else(|| "–".to_owned(), |rank| rank.to_string());
        let mut row = vec![rank, line.name, line.settings];
        row.extend(line.test);
        row.extend([
            line.interval,
            format!("{}{best}", line.validation[deciding]),
            line.group,
            line.chance,
            format!("{} of {}", line.hit, line.users),
            line.fit,
            line.rank_seconds,
        ]);
        board.push(row);
    }
    for bounds in bounds(report) {
        let mut random = owned(["", &of_log("random ranking", &bounds.label), ""]);
        random.extend(bounds.expected);
        random.extend([bounds.band, String::new(), String::new(), String::new()]);
        random.extend(owned([
            &format!("{} expected", bounds.expected_hit),
            "",
            "",
        ]));
        let mut best = owned(["", &of_log("best possible", &bounds.label), ""]);
        best.extend(bounds.ceiling);
        best.extend(owned(["", "", "", "", &bounds.ceiling_hit, "", ""]));
        board.extend([random, best]);
    }
    let mut found = faults(
        "report.md",
        &markdown_rows(page, "## Leaderboard on test"),
        &board,
    );
    let compared_rows = markdown_rows(page, &format!("## Comparison by {select}"));
    found.extend(faults(
        "report.md, compared",
        &compared_rows,
        &compared(report),
    ));
    let all = markdown_rows(page, "All pairs:");
    found.extend(faults("report.md, pairs", &all, &pairs(report)));
    found.extend(markdown_trials(report, page));
    found.extend(markdown_segments(report, page));
    found
}

fn markdown_trials(report: &Value, page: &str) -> Vec<String> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let trials = list(&report["trials"]).iter().map(|trial| {
        let failed = trial["failure"].as_str();
        let of = |metric: &Value| {
            if metric.is_null() {
                String::new()
            } else {
                value(metric)
            }
        };
        let mut row = ["variant", "settings"]
            .map(|key| text(&trial[key]).to_owned())
            .to_vec();
        row.extend(labels.iter().map(|label| of(&trial["validation"][label])));
        row.push(of(&trial["test"][select]));
        row.push(match &trial["fit_seconds"] {
            Value::Null => String::new(),
            fit => seconds(fit),
        });
        row.push(match failed {
            Some(message) => format!("failed: {message}"),
            None if trial["chosen"] == true => "chosen".to_owned(),
            None => String::new(),
        });
        row
    });
    let rows = markdown_rows(page, "## All trials (validation)");
    faults("report.md, trials", &rows, &trials.collect::<Vec<_>>())
}

fn markdown_segments(report: &Value, page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut divisions: Vec<&str> = list(&report["segments"])
        .iter()
        .map(|s| text(&s["by"]))
        .collect();
    divisions.dedup();
    for by in divisions {
        let own = list(&report["segments"]).iter().filter(|s| s["by"] == by);
        let expected = own.map(|s| {
            let few = if s["few"] == true { " (n < 30)" } else { "" };
            let difference = match &s["difference"] {
                Value::Null => String::new(),
                d => format!("{} {}", signed(&d["value"]), interval(d)),
            };
            vec![
                text(&s["segment"]).to_owned(),
                text(&s["what"]).to_owned(),
                text(&s["variant"]).to_owned(),
                format!("{}{few}", count(&s["users"])),
                value(&s["test"]["value"]),
                interval(&s["test"]),
                difference,
            ]
        });
        let rows = markdown_rows(page, &format!("### By {by}"));
        found.extend(faults(
            &format!("report.md, by {by}"),
            &rows,
            &expected.collect::<Vec<_>>(),
        ));
    }
    found
}

/// The rows of a LaTeX table without what only looks: one list a group between rules, header first.
pub(crate) fn latex_rows(tex: &str) -> Vec<Vec<String>> {
    let (_, table) = tex.split_once("\\toprule\n").expect("a table");
    let (table, _) = table.split_once("\\bottomrule").expect("an end");
    let rows = table.lines().filter(|line| *line != "\\midrule");
    rows.map(|row| {
        let row = row.strip_suffix(" \\\\").expect("the end of a row");
        row.split(" & ").map(latex_text).collect()
    })
    .collect()
}

fn latex_text(cell: &str) -> String {
    let mut cell = cell.to_owned();
    for (from, to) in [
        ("$-$", "-"),
        ("$+$", "+"),
        ("$<$", "<"),
        ("$d_z$", "dz"),
        ("$p$", "p"),
        ("\\,\\%", " %"),
        // A name goes on below.
        ("\\_\\\\", "_"),
        ("/\\\\", "/"),
        ("\\_", "_"),
        ("\\%", "%"),
        ("\\\\", " "),
    ] {
        cell = cell.replace(from, to);
    }
    for (begin, end) in [
        ("\\textsuperscript{", "}"),
        ("\\phantom{", "}"),
        ("\\begin{tabular}", "@{}}"),
        ("\\end{", "}"),
    ] {
        while let Some(at) = cell.find(begin) {
            let (before, rest) = cell.split_at(at);
            let (inside, after) = rest[begin.len()..].split_once(end).expect("a brace");
            let kept = if begin.contains("super") {
                format!("^{}", inside.split('\\').next().unwrap_or_default())
            } else {
                String::new()
            };
            cell = format!("{before}{kept}{}", after.trim_start_matches('}'));
        }
    }
    for look in ["\\textbf{", "\\emph{"] {
        if let Some(rest) = cell.strip_prefix(look) {
            cell = rest.replacen('}', "", 1);
        }
    }
    match cell.as_str() {
        "--" => "-".to_owned(),
        other => other.trim_end_matches('^').to_owned(),
    }
}

pub(crate) fn leaderboard_tex_faults(report: &Value, tex: &str) -> Vec<String> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let mut expected = Vec::new();
    // The interval stands beside the metric that decides, and the group above it.
    let row = |name: &str, values: &[String], group: &str, band: &str, hit: &str, fit: &str| {
        let mut row = vec![name.to_owned()];
        for (label, value) in labels.iter().zip(values) {
            if *label == select {
                let above = if group.is_empty() { "" } else { "^" };
                row.extend([format!("{value}{above}{group}"), band.to_owned()]);
            } else {
                row.push(value.clone());
            }
        }
        row.extend([hit.to_owned(), fit.to_owned()]);
        row
    };
    for line in lines(report) {
        let (group, band) = (&line.group, &line.interval);
        expected.push(row(
            &line.name, &line.test, group, band, &line.hit, &line.fit,
        ));
    }
    for bounds in bounds(report) {
        let name = of_log("random ranking", &bounds.label);
        let (values, hit) = (&bounds.expected, &bounds.expected_hit);
        expected.push(row(&name, values, "", &bounds.band, hit, ""));
        let name = of_log("best possible", &bounds.label);
        expected.push(row(&name, &bounds.ceiling, "", "", &bounds.ceiling_hit, ""));
    }
    faults("leaderboard.tex", &latex_rows(tex)[1..], &expected)
}

pub(crate) fn comparisons_tex_faults(report: &Value, tex: &str) -> Vec<String> {
    let mut expected = compared(report);
    // What could have been shown is in the notes.
    for row in &mut expected {
        row.pop();
    }
    faults("comparisons.tex", &latex_rows(tex)[1..], &expected)
}

/// The tables of a terminal view: each a list of rows, header first.
fn terminal_tables(view: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut inside = false;
    for line in view.lines() {
        if !line.starts_with(' ') && line.contains("-+-") {
            continue;
        }
        if !line.contains(" | ") {
            inside = false;
            continue;
        }
        if !inside {
            tables.push(Vec::new());
        }
        inside = true;
        let cells = line
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect();
        tables.last_mut().expect("one").push(cells);
    }
    tables
}

/// Tables that go on below, put together again: `keys` columns stand before each.
fn joined(tables: &[Vec<Vec<String>>], keys: usize) -> Vec<Vec<String>> {
    let mut rows = tables[0].clone();
    for table in &tables[1..] {
        for (row, more) in rows.iter_mut().zip(table) {
            row.extend_from_slice(&more[keys..]);
        }
    }
    rows
}

/// Names must be short enough to stay in one line.
pub(crate) fn terminal_faults(report: &Value, view: &str) -> Vec<String> {
    let labels = labels(report);
    let mut board: Vec<Vec<String>> = Vec::new();
    for line in lines(report) {
        let star = if line.best { " *" } else { "" };
        let rank = line
            .rank
            .map_or_else(|| "-".to_owned(), |rank| rank.to_string());
        let mut row = vec![rank, format!("{}{star}", line.name)];
        let both = line.test.iter().zip(&line.validation);
        row.extend(both.map(|(test, validation)| format!("{test} ({validation})")));
        row.push(line.interval);
        row.push(format!("{} of {}", line.hit, line.users));
        row.extend([line.fit, line.rank_seconds]);
        board.push(row);
    }
    for bounds in bounds(report) {
        let mut random = owned(["", &of_log("(random ranking)", &bounds.label)]);
        random.extend(bounds.expected);
        random.extend(owned([
            &bounds.band,
            &format!("{} exp.", bounds.expected_hit),
            "",
            "",
        ]));
        let mut best = owned(["", &of_log("(best possible)", &bounds.label)]);
        best.extend(bounds.ceiling);
        best.extend(owned(["", &bounds.ceiling_hit, "", ""]));
        board.extend([random, best]);
    }
    let tables = terminal_tables(view);
    let first = tables.iter().position(|table| table[0][0] == "variant");
    let (board_tables, comparison) = tables.split_at(first.expect("a comparison"));
    let found_board = joined(board_tables, 2);
    assert_eq!(found_board[0].len(), 2 + labels.len() + 4, "{view}");
    let mut found = boards::faults("report.txt", &found_board[1..], &board);
    let mut expected = compared(report);
    let found_rows = joined(comparison, 1);
    if found_rows[0]
        .last()
        .is_some_and(|title| title != "could show")
    {
        for row in &mut expected {
            row.pop();
        }
    }
    let width = difference(&Value::Null).len();
    assert!(found_rows[0].len() > width, "{view}");
    found.extend(boards::faults(
        "report.txt, compared",
        &found_rows[1..],
        &expected,
    ));
    found
}
