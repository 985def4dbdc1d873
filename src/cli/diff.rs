//! `musicrec-lab diff`: two report folders side by side, and a gate for CI.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{color, print, say};
use crate::after;
use crate::after::diff::{Condition, Diff, Style, draw};
use crate::definition;
use crate::exit::Failure;
use crate::records::Store;

/// Compare two report folders: what differs in definition, data and code, what changed in the results,
/// and whether it is more than noise
///
/// Variants are matched by name, then by the settings of their chosen trial. If both folders ask the same
/// on test, the deciding metric is compared user by user. A condition of --fail-if is about the change
/// from A to B: `METRIC < THRESHOLD`, relative with %, else absolute; it holds for every variant of both
/// folders unless one is named; `significant` behind it lets only what is more than noise count.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab diff reports/before reports/after
  musicrec-lab diff reports/main reports/branch --fail-if 'ndcg@3 < -1%'
  musicrec-lab diff reports/main reports/branch --fail-if 'als: recall@3 < -0.002' --fail-if 'ndcg@3 < 0 significant'
  musicrec-lab diff reports/main reports/branch --format markdown >> \"$GITHUB_STEP_SUMMARY\"

Ends with 1 if a condition holds, with 2 if one cannot be understood.")]
pub(super) struct Arguments {
    /// The folder of before
    a: PathBuf,

    /// The folder of after
    b: PathBuf,

    /// End with exit code 1 if this holds: `[VARIANT:] METRIC < THRESHOLD[%] [significant]`, with <, <=,
    /// > or >=; may be repeated
    #[arg(long = "fail-if", value_name = "CONDITION")]
    fail_if: Vec<String>,

    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment on a change
    Markdown,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = |path: &PathBuf| Store::new(path.clone());
    for folder in [&arguments.a, &arguments.b] {
        // What is lost or was edited would look like a difference of the experiments.
        let (_, findings) = after::check(&store(folder))?;
        for finding in findings {
            say(&format!(
                "warning: {}: {} {}",
                folder.display(),
                finding.file,
                finding.says
            ));
        }
    }
    let mut diff = Diff::read(store(&arguments.a), store(&arguments.b))?;
    let mut conditions = Vec::new();
    for text in &arguments.fail_if {
        let condition = Condition::parse(text, &diff)
            .map_err(|slip| definition::slip("--fail-if", text, &slip, color()))?;
        // A gate that looks at nothing would always be open.
        if !condition.speaks_of_something(&diff) {
            return Err(Failure::Definition(format!(
                "--fail-if '{text}' speaks of nothing: no variant that is meant has a result in both \
                 folders"
            )));
        }
        conditions.push(condition);
    }
    for condition in &conditions {
        let failed = condition.failures(&diff);
        diff.failed.extend(failed);
    }
    match arguments.format {
        Format::Text => print(&draw(&diff, Style::Terminal))?,
        Format::Markdown => print(&draw(&diff, Style::Markdown))?,
        Format::Json => {
            let text = serde_json::to_string_pretty(&diff).expect("plain data");
            print(&format!("{text}\n"))?;
        }
    }
    if diff.failed.is_empty() {
        return Ok(());
    }
    let lines = diff.failed.iter().map(|failed| {
        format!(
            "\n  {}: {}: {}",
            failed.condition, failed.variant, failed.says
        )
    });
    Err(Failure::Differs(format!(
        "a condition of --fail-if holds:{}",
        lines.collect::<String>()
    )))
}
