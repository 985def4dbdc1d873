//! The report on a terminal, which `script` is for the program.

use std::process::{Command, Stdio};

use unicode_width::UnicodeWidthStr as _;

use crate::FULL;

/// What the program writes to a terminal of 90 columns, and how it ends. `None`, said aloud, where there is
/// no `script` that takes a command.
fn on_a_terminal(format: &str, no_color: &str) -> Option<(String, Option<i32>)> {
    let full = FULL.get();
    let command = format!(
        "stty cols 90 rows 30 && '{}' report {} --format {format}",
        env!("CARGO_BIN_EXE_musicrec-lab"),
        full.folder
    );
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(full.lab.path("."))
        .env("NO_COLOR", no_color)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .output();
    let Some(output) = output.ok().filter(|_| cfg!(target_os = "linux")) else {
        eprintln!("SKIPPED: there is no `script` to make a terminal");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    Some((text, output.status.code()))
}

#[test]
fn a_terminal_is_fitted_and_has_colors_unless_they_are_not_wanted() {
    let full = FULL.get();
    let Some((colored, code)) = on_a_terminal("terminal", "") else {
        return;
    };
    assert_eq!(code, Some(0), "{colored}");
    assert!(colored.contains("\u{1b}[1mVerdict:\u{1b}[0m"), "{colored}");
    let (plain, _) = on_a_terminal("terminal", "1").expect("as before");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let mut without = colored;
    for code in ["33", "31", "1", "0"] {
        without = without.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(without, plain);
    for line in plain.lines() {
        assert!(line.width() <= 90, "{line}");
    }
    let wide = [
        "report",
        full.folder,
        "--format",
        "terminal",
        "--width",
        "90",
    ];
    assert_eq!(plain, full.lab.done(&wide).out);
}

#[test]
fn what_is_no_text_stays_off_a_terminal() {
    let Some((said, code)) = on_a_terminal("parquet", "") else {
        return;
    };
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no text to show on a terminal"), "{said}");
    assert!(said.contains("--output"), "{said}");
    assert!(!said.contains("PAR1"), "{said}");
}
