//! Every number in every form of a report is the same number as in the records; the command that draws
//! reports, and the schema of `report.json`.

mod boards;
mod command;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../page/markup.rs"]
mod markup;
mod mutations;
mod pages;
mod records;
mod rounding;
mod schema;
mod swept;
mod tables;
mod terminal;
mod texts;

use swept::{Shared, Swept};

static FULL: Shared = Shared::new(Swept::full);
static PERIODS: Shared = Shared::new(Swept::periods);

/// The CSV tables.
const TABLES: [&str; 4] = ["leaderboard", "trials", "comparisons", "segments"];

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// On a terminal as narrow as names in one line permit, too.
fn every_form_agrees(swept: &Swept, narrow: &str) {
    let report = &swept.report;
    none(&records::faults(swept, report));
    for name in TABLES {
        let csv = swept.text(&format!("{name}.csv"));
        none(&tables::csv_faults(name, report, &csv));
        let rows = tables::parquet(swept, &format!("{name}.parquet"));
        none(&tables::parquet_faults(name, &csv, &rows));
    }
    let rows = tables::parquet(swept, "per_user.parquet");
    none(&tables::per_user_faults(swept, &rows));
    none(&texts::markdown_faults(report, &swept.text("report.md")));
    none(&texts::leaderboard_tex_faults(
        report,
        &swept.text("leaderboard.tex"),
    ));
    none(&texts::comparisons_tex_faults(
        report,
        &swept.text("comparisons.tex"),
    ));
    for width in [None, Some(narrow), Some("200")] {
        let mut arguments = vec!["report", swept.folder, "--format", "terminal"];
        arguments.extend(width.iter().flat_map(|width| ["--width", width]));
        none(&texts::terminal_faults(
            report,
            &swept.lab.done(&arguments).out,
        ));
    }
    none(&pages::page_faults(report, &swept.text("report.html")));
}

#[test]
fn every_form_has_the_numbers_of_the_records() {
    every_form_agrees(&FULL.get(), "80");
}

#[test]
fn every_form_has_the_numbers_of_the_records_over_periods_and_cleaners() {
    every_form_agrees(&PERIODS.get(), "120");
}
