//! `report.html` against `report.json`: what is shown, what stands behind it, and the hints of the dots.

use serde_json::Value;

use crate::boards::{bounds, compared, difference, faults, lines, pairs};
use crate::markup::{Page, Tag};
use crate::rounding::{count, interval, seconds, signed, value};
use crate::swept::{labels, list, text};

pub(crate) fn page_faults(report: &Value, page: &str) -> Vec<String> {
    let page = Page::read(page);
    let mut found = board(report, &page);
    found.extend(exact(report, &page));
    for (expected, what) in [(compared(report), "differences"), (pairs(report), "pairs")] {
        let mut tables = page.by_id("differences").below(&page, "table");
        let caption = if what == "pairs" {
            "All pairs"
        } else {
            "Differences in"
        };
        let table = tables.find(|table| {
            let mut captions = table.below(&page, "caption");
            captions.any(|tag| tag.text.starts_with(caption))
        });
        let rows = cells(&page, table.expect("a table"));
        found.extend(faults(
            &format!("report.html, {what}"),
            &rows[1..],
            &expected,
        ));
    }
    found.extend(trials(report, &page));
    found.extend(segments(report, &page));
    found.extend(hints(report, &page));
    found
}

/// All text below a tag.
fn whole(page: &Page, tag: &Tag) -> String {
    let texts = tag.inside(page).iter().map(|tag| tag.text.trim());
    texts.fold(tag.text.trim().to_owned(), |all, text| all + text)
}

/// The cells of each row of a table, with all text in them.
fn cells(page: &Page, table: &Tag) -> Vec<Vec<String>> {
    let rows = table.below(page, "tr");
    rows.map(|row| row_cells(page, row).map(|cell| whole(page, cell)).collect())
        .collect()
}

fn row_cells<'p>(page: &'p Page, row: &Tag) -> impl Iterator<Item = &'p Tag> {
    let all = row.inside(page).iter();
    all.filter(|tag| tag.name == "td" || tag.name == "th")
}

/// The leaderboard: the titles of its columns, and its rows with as many cells.
fn leaderboard(page: &Page) -> (Vec<String>, Vec<Vec<&Tag>>) {
    let table = page
        .by_id("leaderboard")
        .below(page, "table")
        .next()
        .expect("a table");
    let mut rows = table
        .below(page, "tr")
        .map(|row| row_cells(page, row).collect::<Vec<_>>());
    let titles = rows.next().expect("a header");
    // An arrow says which way is better.
    let title = |cell: &Tag| whole(page, cell).trim_end_matches(" ↓").to_owned();
    (titles.into_iter().map(title).collect(), rows.collect())
}

/// The cells below titles, for which columns stand where is a matter of looks.
fn below<'p>(titles: &[String], row: &[&'p Tag], wanted: &[String]) -> Vec<&'p Tag> {
    let place = |title: &String| titles.iter().position(|own| own == title);
    let places = wanted
        .iter()
        .map(|title| place(title).unwrap_or_else(|| panic!("no {title}")));
    places.map(|at| row[at]).collect()
}

/// The titles of columns of numbers, the metrics first.
fn wanted(report: &Value, titles: &[String]) -> Vec<String> {
    let vs = format!("vs {}", text(&report["comparison"]["baseline"]));
    let hit = titles.iter().find(|title| title.starts_with("users hit@"));
    let after = [
        "95 % interval",
        &vs,
        "95 % of difference",
        "p adj.",
        "group",
        "p chance",
        "validation",
    ];
    let last = [hit.expect("users hit"), "fit s", "rank s", "#"];
    let all = labels(report).into_iter().chain(after).chain(last);
    all.map(str::to_owned).collect()
}

fn board(report: &Value, page: &Page) -> Vec<String> {
    let labels = labels(report);
    let mut select = labels.iter().zip(0..);
    let (_, select) = select
        .find(|(label, _)| **label == text(&report["select"]))
        .expect("it is measured");
    let mut expected = Vec::new();
    let baseline = &report["comparison"]["baseline"];
    for (line, row) in lines(report).into_iter().zip(list(&report["leaderboard"])) {
        let mut cells = line.test;
        let mut against = difference(&row["difference"]);
        if row["variant"] == *baseline {
            "baseline".clone_into(&mut against[0]);
        }
        cells.push(line.interval);
        cells.extend([against[0].clone(), against[1].clone(), against[4].clone()]);
        let validation: &String = &line.validation[select];
        cells.extend([line.group, line.chance, validation.clone()]);
        cells.extend([
            format!("{} of {}", line.hit, line.users),
            line.fit,
            line.rank_seconds,
        ]);
        cells.push(
            line.rank
                .map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
        );
        expected.push(cells);
    }
    for bounds in bounds(report) {
        let hit = format!("{} expected", bounds.expected_hit);
        for (values, band, hit) in [
            (bounds.expected, bounds.band, hit),
            (bounds.ceiling, String::new(), bounds.ceiling_hit),
        ] {
            let mut cells = values;
            cells.push(band);
            cells.resize(cells.len() + 6, String::new());
            cells.push(hit);
            cells.resize(cells.len() + 3, String::new());
            expected.push(cells);
        }
    }
    let (titles, rows) = leaderboard(page);
    let wanted = wanted(report, &titles);
    let shown = rows
        .iter()
        .map(|row| below(&titles, row, &wanted).into_iter());
    let shown = shown.map(|row| row.map(|cell| whole(page, cell)).collect::<Vec<_>>());
    faults("report.html", &shown.collect::<Vec<_>>(), &expected)
}

/// Every number behind a cell of the leaderboard has all digits of the report.
fn exact(report: &Value, page: &Page) -> Vec<String> {
    let select = text(&report["select"]);
    let mut faults = Vec::new();
    let (titles, rows) = leaderboard(page);
    let wanted = wanted(report, &titles);
    for (row, cells) in list(&report["leaderboard"]).iter().zip(rows) {
        let difference = &row["difference"];
        let metrics = labels(report).into_iter();
        let mut expected: Vec<&Value> = metrics.map(|label| &row["test"][label]["value"]).collect();
        expected.extend([
            &row["test"][select]["low"],
            &difference["value"],
            &difference["low"],
            &difference["p_adjusted"],
            // Groups are letters.
            &Value::Null,
            &row["p_chance_adjusted"],
            &row["validation"][select],
        ]);
        expected.extend(["users_hit", "fit_seconds", "rank_seconds", "rank"].map(|key| &row[key]));
        let expected: Vec<Option<f64>> = expected.into_iter().map(Value::as_f64).collect();
        let cells = below(&titles, &cells, &wanted).into_iter();
        let behind = cells.map(|cell| cell.attribute("data-value").and_then(|v| v.parse().ok()));
        let behind: Vec<Option<f64>> = behind.collect();
        if behind != expected {
            faults.push(format!(
                "report.html, behind {}: {behind:?}, not {expected:?}",
                row["variant"]
            ));
        }
    }
    faults
}

fn trials(report: &Value, page: &Page) -> Vec<String> {
    let labels = labels(report);
    let select = text(&report["select"]);
    let mut faults = Vec::new();
    let table = page.by_id("trials");
    let rows: Vec<&Tag> = table.below(page, "tr").skip(1).collect();
    let trials = list(&report["trials"]);
    if rows.len() != trials.len() {
        faults.push(format!("report.html: {} trials", rows.len()));
    }
    for (trial, row) in trials.iter().zip(rows) {
        let metrics = labels.iter().map(|label| &trial["validation"][label]);
        let metrics = metrics.chain([&trial["test"][select]]);
        let mut expected: Vec<(Option<f64>, String)> = metrics
            .map(|metric| match metric.as_f64() {
                Some(number) => (Some(number), value(metric)),
                None => (None, String::new()),
            })
            .collect();
        let fit = &trial["fit_seconds"];
        expected.push(match fit.as_f64() {
            Some(number) => (Some(number), seconds(fit)),
            None => (None, String::new()),
        });
        let numbers = row
            .below(page, "td")
            .filter(|cell| cell.attribute("class") == Some("num"));
        let shown: Vec<(Option<f64>, String)> = numbers
            .map(|cell| {
                let behind = cell.attribute("data-value");
                (
                    behind.map(|cell| cell.parse().expect("a number")),
                    cell.text.clone(),
                )
            })
            .collect();
        if shown != expected {
            faults.push(format!(
                "report.html, trial {}: {shown:?}, not {expected:?}",
                trial["index"]
            ));
        }
    }
    faults
}

fn segments(report: &Value, page: &Page) -> Vec<String> {
    let of = |s: &Value| {
        let mut row = vec![
            text(&s["variant"]).to_owned(),
            count(&s["users"]),
            value(&s["test"]["value"]),
            interval(&s["test"]),
        ];
        row.extend(match &s["difference"] {
            Value::Null => [String::new(), String::new()],
            d => [signed(&d["value"]), interval(d)],
        });
        row
    };
    let expected: Vec<Vec<String>> = list(&report["segments"]).iter().map(of).collect();
    let rows = page.by_id("segments").below(page, "tr");
    let rows = rows.map(|row| {
        let cells = row_cells(page, row).filter(|cell| cell.name == "td");
        cells.map(|cell| whole(page, cell)).collect::<Vec<String>>()
    });
    let rows: Vec<Vec<String>> = rows.filter(|row| !row.is_empty()).collect();
    faults("report.html, segments", &rows, &expected)
}

/// The dot plot says of each variant and of chance what the leaderboard says.
fn hints(report: &Value, page: &Page) -> Vec<String> {
    let select = text(&report["select"]);
    let tips: Vec<&str> = page
        .by_id("figure-dots")
        .below(page, "g")
        .filter_map(|tag| tag.attribute("data-tip"))
        .collect();
    let rows = list(&report["leaderboard"]).iter().zip(lines(report));
    let expected: Vec<String> = rows
        .map(|(row, line)| {
            let settings = match line.settings.as_str() {
                "" => String::new(),
                settings => format!(" ({settings})"),
            };
            let band = match line.interval.as_str() {
                "-" => String::new(),
                band => format!(" {band}"),
            };
            let value = value(&row["test"][select]["value"]);
            let (name, chance) = (&line.name, &line.chance);
            format!("{name}{settings}: {select} {value}{band}; p that chance does as well {chance}")
        })
        .collect();
    if tips == expected {
        return Vec::new();
    }
    vec![format!("report.html, dots: {tips:?}, not {expected:?}")]
}
