//! The experiment lab for music recommenders; see README.md, and src/README.md for its parts.

mod after;
mod audit;
mod cache;
mod cli;
mod cluster;
mod compare;
mod definition;
mod early_stopping;
mod exit;
mod experiment;
mod halving;
#[doc(hidden)]
pub mod kernels;
mod panics;
mod plan;
mod records;
mod reference;
mod report;
mod saved;
mod schema;
mod settings;
mod stages;
mod sweep;
mod text;
mod trail;
mod watch;

// A plugin crate that is linked but never named registers nothing.
use musicrec_cleaners as _;
use musicrec_launchers as _;
use musicrec_metrics as _;
use musicrec_models as _;
use musicrec_sources as _;
use musicrec_splitters as _;
use musicrec_weightings as _;

/// The whole program: parses the arguments of the process, runs the command, and returns the exit
/// code. Another crate that links plugins of its own calls this to be a lab with them.
pub fn main() -> std::process::ExitCode {
    cli::run()
}
