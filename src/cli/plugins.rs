//! `musicrec-lab plugins`: what there is to compose.

use clap::Args;

use super::print;
use crate::exit::Failure;
use crate::reference;

/// List the plugins, or print the reference of one (`plugins als`, `plugins model.als`)
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A plugin's name, `kind.name`, or a kind; all of them in short if absent
    plugin: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.plugin {
        None => print(&reference::list()),
        Some(name) => print(&reference::markdown(&reference::find(name)?)),
    }
}
