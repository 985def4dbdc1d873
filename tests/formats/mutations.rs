//! The comparisons of these tests find a single number that is another one, in every form.

use parquet::record::Field;
use serde_json::{Value, json};

use crate::rounding::{signed, value};
use crate::swept::{Swept, list};
use crate::{FULL, pages, records, tables, texts};

/// A text in which a number, where it first stands after a place, is another one.
fn changed(whole: &str, after: &str, number: &str) -> String {
    let (before, rest) = whole
        .split_once(after)
        .unwrap_or_else(|| panic!("no `{after}`"));
    assert!(rest.contains(number), "no {number} after `{after}`");
    // The last digit that is seen; of all seventeen the last ones may be the same number.
    let digits = number
        .rfind('.')
        .map_or(number.len(), |point| number.len().min(point + 5));
    let (kept, dropped) = number.split_at(digits - 1);
    let digit = dropped.chars().next().and_then(|digit| digit.to_digit(10));
    let next = (digit.expect("a digit") + 1) % 10;
    let other = format!("{kept}{next}{}", &dropped[1..]);
    format!("{before}{after}{}", rest.replacen(number, &other, 1))
}

fn found(faults: &[String], what: &str) {
    assert!(
        !faults.is_empty(),
        "nobody saw that {what} is another number"
    );
}

/// The row of ALS on the leaderboard.
fn als(swept: &Swept) -> &Value {
    crate::common::row(&swept.report, "als")
}

#[test]
fn a_number_that_is_not_that_of_the_records_is_found() {
    let full = FULL.get();
    let at = list(&full.report["leaderboard"])
        .iter()
        .position(|row| row["variant"] == "als");
    let at = at.expect("als");
    for place in [
        format!("/leaderboard/{at}/test/recall@3/value"),
        format!("/leaderboard/{at}/test/coverage_artist_id@10/value"),
        format!("/leaderboard/{at}/validation/ndcg@3"),
        format!("/leaderboard/{at}/seed_sd/ndcg@3"),
        format!("/leaderboard/{at}/fit_seconds"),
        format!("/leaderboard/{at}/users_hit"),
        format!("/leaderboard/{at}/difference/value"),
        format!("/leaderboard/{at}/difference/wins"),
        format!("/leaderboard/{at}/difference/dz"),
        "/pairs/1/relative".to_owned(),
        "/pairs/2/differing".to_owned(),
        "/pairs/0/ties".to_owned(),
        "/segments/0/test/value".to_owned(),
        "/segments/0/users".to_owned(),
        "/trials/3/validation/recall@3".to_owned(),
    ] {
        let mut report = full.report.clone();
        let number = report
            .pointer_mut(&place)
            .unwrap_or_else(|| panic!("{place}"));
        *number = match number.as_u64() {
            Some(count) => json!(count + 1),
            None => json!(number.as_f64().expect("a number") * (1.0 + 1e-9)),
        };
        let faults = records::faults(&full, &report);
        found(&faults, &place);
    }
}

#[test]
fn a_digit_that_is_another_one_in_a_table_is_found() {
    let full = FULL.get();
    let recall = als(&full)["test"]["recall@3"]["value"].to_string();
    let csv = full.text("leaderboard.csv");
    let other = changed(&csv, "als", &recall);
    found(
        &tables::csv_faults("leaderboard", &full.report, &other),
        "a cell of leaderboard.csv",
    );
    let dz = als(&full)["difference"]["dz"].to_string();
    let other = changed(&full.text("comparisons.csv"), "als", &dz);
    found(
        &tables::csv_faults("comparisons", &full.report, &other),
        "a cell of comparisons.csv",
    );
    let mut rows = tables::parquet(&full, "leaderboard.parquet");
    let mut cells = rows[0].iter_mut();
    let cell = cells
        .find(|(column, _)| column == "test_recall@3")
        .expect("a column");
    let Field::Double(number) = &mut cell.1 else {
        panic!("{cell:?}")
    };
    *number = number.next_up();
    found(
        &tables::parquet_faults("leaderboard", &csv, &rows),
        "a cell of leaderboard.parquet",
    );
    // The same number as another type.
    let mut rows = tables::parquet(&full, "leaderboard.parquet");
    for (column, field) in rows.iter_mut().flatten() {
        if column == "users"
            && let Field::Long(users) = field
        {
            *field = Field::Double(*users as f64);
        }
    }
    found(
        &tables::parquet_faults("leaderboard", &csv, &rows),
        "a type of leaderboard.parquet",
    );
    let mut rows = tables::parquet(&full, "per_user.parquet");
    rows.swap(0, 1);
    found(
        &tables::per_user_faults(&full, &rows),
        "a row of per_user.parquet",
    );
}

#[test]
fn a_digit_that_is_another_one_for_people_is_found() {
    let full = FULL.get();
    let row = als(&full);
    let recall = value(&row["test"]["recall@3"]["value"]);
    let difference = signed(&row["difference"]["value"]);
    let page = full.text("report.md");
    for (after, number) in [
        ("## Leaderboard on test", &recall),
        ("## Comparison by", &difference),
        ("All pairs:", &difference),
        ("## All trials", &value(&row["validation"]["recall@3"])),
    ] {
        let other = changed(&page, after, number);
        found(&texts::markdown_faults(&full.report, &other), after);
    }
    let other = changed(&full.text("leaderboard.tex"), "\\midrule", &recall);
    found(
        &texts::leaderboard_tex_faults(&full.report, &other),
        "a cell of leaderboard.tex",
    );
    let other = changed(
        &full.text("comparisons.tex"),
        "\\midrule",
        difference.trim_start_matches(['+', '-']),
    );
    found(
        &texts::comparisons_tex_faults(&full.report, &other),
        "a cell of comparisons.tex",
    );
    let narrow = [
        "report",
        full.folder,
        "--format",
        "terminal",
        "--width",
        "80",
    ];
    let view = full.lab.done(&narrow).out;
    for number in [&recall, &difference] {
        let other = changed(&view, "Leaderboard on test", number);
        found(&texts::terminal_faults(&full.report, &other), number);
    }
}

#[test]
fn a_digit_that_is_another_one_on_the_page_is_found() {
    let full = FULL.get();
    let row = als(&full);
    let page = full.text("report.html");
    let exact = row["test"]["recall@3"]["value"].to_string();
    let value = value(&row["test"]["ndcg@3"]["value"]);
    let segment = &list(&full.report["segments"])[0]["test"]["value"];
    for (after, number) in [
        ("<section id=\"leaderboard\"", &exact),
        ("<section id=\"leaderboard\"", &format!(">{value}")),
        (
            "id=\"figure-dots\"",
            &format!("data-tip=\"als (alpha=1.0): ndcg@3 {value}"),
        ),
        ("<section id=\"segments\"", &segment_shown(segment)),
        ("id=\"trials\"", &row["validation"]["recall@3"].to_string()),
    ] {
        let other = changed(&page, after, number);
        found(&pages::page_faults(&full.report, &other), number);
    }
}

fn segment_shown(segment: &Value) -> String {
    format!(">{}", value(segment))
}
