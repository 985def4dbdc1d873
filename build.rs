//! Tells the program which commit and compiler it comes from, for the provenance of reports.

use std::path::Path;
use std::process::Command;

fn main() {
    // Whatever changes the program may change what is to be said of it.
    for path in ["src", "plugins", "Cargo.lock", "build.rs", ".git/logs/HEAD"] {
        // A path that is not there would make every build a new one.
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    // The sources may lie in somebody else's repository, whose commit says nothing of them.
    let ours = said("git", &["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty());
    let commit = match (commit.filter(|_| ours), changed) {
        (Some(commit), Some(changed)) if changed.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => "unknown".to_owned(),
    };
    println!("cargo::rustc-env=MUSICREC_COMMIT={commit}");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let rustc = said(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=MUSICREC_RUSTC={rustc}");
}

/// What a command prints, if it can be run and succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
