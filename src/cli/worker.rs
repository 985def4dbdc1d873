//! A worker of a sweep with `--isolate`: the program of the sweep with its arguments and `--worker`, which
//! nobody is to type.

use std::ffi::OsString;

use super::sweep::{Arguments, global_threads};
use crate::exit::Failure;
use crate::sweep::{serve, stopped};

/// The arguments that make this program a worker of the sweep that it is now: they mean the same there,
/// for it is started in the same folder.
pub(super) fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Right behind the name of the command, before a `--` that would end the options.
    arguments.insert(1.min(arguments.len()), "--worker".into());
    arguments
}

/// Is a worker. How it ends is told to the sweep.
pub(super) fn run(arguments: &Arguments) {
    if let Err(failure) = work(arguments) {
        stopped(failure);
    }
}

fn work(arguments: &Arguments) -> Result<(), Failure> {
    // The sweep has said the warnings.
    let experiment = arguments.experiment(true)?;
    let options = arguments.options(true);
    global_threads(options.threads)?;
    serve(&experiment, &options)
}
