//! `report.html` in a real browser: what it draws, does and says there. The checks are in `tests/browser`.

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Lab, PROJECT, SMALL, hostile};

/// Held by whoever uses the browser: times are measured, and several browsers at once are slow.
static BROWSER: Mutex<()> = Mutex::new(());

/// The browser for oneself, where there is one. `None`, said aloud, where something is missing, unless
/// `MUSICREC_REQUIRE_BROWSER` is 1.
fn browser() -> Option<MutexGuard<'static, ()>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |program: &str| std::env::split_paths(&path).any(|f| f.join(program).is_file());
    let mut missing = Vec::new();
    if !["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .any(on_path)
    {
        missing.push("chromium (apt-get install chromium)");
    }
    if !on_path("node") {
        missing.push("node (apt-get install nodejs npm)");
    }
    let modules = Path::new(PROJECT).join("tests/browser/node_modules");
    if !modules.join("playwright-core").is_dir() || !modules.join("axe-core").is_dir() {
        missing.push("tests/browser/node_modules (npm ci --prefix tests/browser)");
    }
    if missing.is_empty() {
        // A check that failed leaves nothing behind.
        return Some(BROWSER.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let missing = missing.join(", ");
    assert!(
        std::env::var_os("MUSICREC_REQUIRE_BROWSER").is_none_or(|value| value != "1"),
        "MUSICREC_REQUIRE_BROWSER is 1, but this is missing: {missing}"
    );
    eprintln!("SKIPPED the page in a browser, for this is missing: {missing}");
    None
}

/// Runs a script of `tests/browser` on a page of a folder.
fn run(script: &str, lab: &Lab, page: &str, arguments: &[&str]) {
    let output = Command::new("node")
        .arg(Path::new(PROJECT).join("tests/browser").join(script))
        .arg(lab.path(page))
        .args(arguments)
        .output()
        .expect("node");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    println!("{text}");
    assert!(output.status.success(), "{script} {page}:\n{text}");
}

/// The page of [`SMALL`] with a grid of so many trials that are quick to fit.
fn many(factors: &str, regularizations: usize, alphas: usize) -> Lab {
    let lab = Lab::small();
    let grid = format!(
        "factors.grid = {factors}\niterations = 1\n\
         regularization = {{ range = [0.01, 100.0], scale = \"log10\", steps = {regularizations} }}\n\
         alpha = {{ range = [1.0, 40.0], steps = {alphas} }}"
    );
    let definition = SMALL.replace("factors.grid = [4, 8]\nregularization = 1.0", &grid);
    assert_ne!(definition, SMALL);
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml"]);
    lab
}

#[test]
fn a_report_works_everywhere() {
    let Some(_alone) = browser() else { return };
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    run("check.mjs", &lab, "reports/small/report.html", &[]);
}

#[test]
fn the_checks_find_what_is_broken() {
    let Some(_alone) = browser() else { return };
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    run("broken.mjs", &lab, "reports/small/report.html", &[]);
}

#[test]
fn hostile_names_change_nothing() {
    let Some(_alone) = browser() else { return };
    let lab = hostile::swept();
    run("check.mjs", &lab, "out/small/report.html", &[]);
}

#[test]
fn two_hundred_trials_are_below_a_megabyte() {
    let Some(_alone) = browser() else { return };
    let lab = many("[1, 2, 3, 4]", 10, 5);
    assert_eq!(trials(&lab), 201);
    let only = ["--only", "light", "--only", "alone", "--only", "layout"];
    let arguments = [&["--below", "1000000"], only.as_slice()].concat();
    run("check.mjs", &lab, "reports/small/report.html", &arguments);
}

#[test]
fn a_thousand_trials_are_there_within_two_seconds() {
    let Some(_alone) = browser() else { return };
    let lab = many("[1, 2, 3, 4]", 25, 10);
    assert_eq!(trials(&lab), 1001);
    let checks = ["quick", "alone", "layout", "sorting", "filtering", "print"];
    let only = checks.iter().flat_map(|check| ["--only", check]);
    let arguments: Vec<&str> = ["--within", "2000"].into_iter().chain(only).collect();
    run("check.mjs", &lab, "reports/small/report.html", &arguments);
}

/// How many trials a report has.
fn trials(lab: &Lab) -> usize {
    let report = lab.report("reports/small");
    report["trials"].as_array().map_or(0, Vec::len)
}
