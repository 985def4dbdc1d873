//! `musicrec-lab schema`: what editors know of definitions.

use clap::Args;

use super::print;
use crate::exit::Failure;
use crate::schema;

/// Print the JSON Schema of definitions, for editors that complete and check TOML
///
/// It is made from the plugins of this program, those of other crates included.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  musicrec-lab schema > experiment.schema.json

Then a definition beside it that begins with the line
  #:schema ./experiment.schema.json
is completed, explained and checked by Even Better TOML, Taplo and Tombi.")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Result<(), Failure> {
    let schema = serde_json::to_string_pretty(&schema::definition()).expect("plain data");
    print(&format!("{schema}\n"))
}
