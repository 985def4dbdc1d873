//! `musicrec-lab schema`: what editors know of definitions, and programs of reports.

use clap::Args;

use super::print;
use crate::exit::Failure;
use crate::schema;

/// Print the JSON Schema of definitions, for editors that complete and check TOML, or of files of the lab
///
/// Those of definitions and of cluster files are made from the plugins of this program, those of other crates
/// included.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab schema > experiment.schema.json
  musicrec-lab schema --cluster > cluster.schema.json
  musicrec-lab schema --report > report.schema.json

After the first, a definition beside it that begins with the line
  #:schema ./experiment.schema.json
(a cluster file after the second: #:schema ./cluster.schema.json) is completed, explained and checked by Even Better TOML, Taplo and Tombi.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// Of cluster files, which set launchers
    #[arg(long, conflicts_with_all = ["report", "ledger", "audit"])]
    cluster: bool,

    /// Of report.json, as this program writes it
    #[arg(long)]
    report: bool,

    /// Of the ledger that `musicrec-lab clean` writes
    #[arg(long, conflicts_with = "report")]
    ledger: bool,

    /// Of what `musicrec-lab audit --format json` prints
    #[arg(long, conflicts_with_all = ["report", "ledger"])]
    audit: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let schema = if arguments.cluster {
        schema::cluster()
    } else if arguments.report {
        schema::of_report()
    } else if arguments.ledger {
        schema::of_ledger()
    } else if arguments.audit {
        schema::of_audit()
    } else {
        schema::definition()
    };
    let schema = serde_json::to_string_pretty(&schema).expect("plain data");
    print(&format!("{schema}\n"))
}
