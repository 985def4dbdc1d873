//! `musicrec-lab synth`: a listening log to disk, with the truth about it.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use musicrec_sources::Synthetic;
use musicrec_sources::synthetic::{Truth, write_csv};

use super::progress::bar;
use super::whole_file::{Stoppable, in_one_step, writable};
use super::{color, say};
use crate::definition;
use crate::exit::Failure;

/// Make a synthetic listening log of any size: planted taste, planted mess, and the truth about both
///
/// Writes a CSV file with thirteen columns, and beside it OUT.truth.json, which counts every
/// planted defect. The same parameters and seed give the same bytes; `musicrec-lab
/// plugins synthetic` lists all parameters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab synth --out log.csv
  musicrec-lab synth --out big.csv --users 100000 --rows 5000000 --seed 7
  musicrec-lab synth --out control.csv --set taste=0 --set mess.scale=0")]
pub(super) struct Arguments {
    /// The CSV file to write
    #[arg(long)]
    out: PathBuf,

    /// How many listeners [default: 1000]
    #[arg(long)]
    users: Option<u64>,

    /// How many rows, copies included [default: 25000]
    #[arg(long)]
    rows: Option<u64>,

    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Change any other parameter of the generator, for example `taste=0` or `mess.scale=2`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut settings: Vec<String> = [("users", arguments.users), ("rows", arguments.rows)]
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value?)))
        .collect();
    settings.extend(arguments.settings.iter().cloned());
    let parameters: Synthetic = definition::parameters(&settings, color())?;
    let truth_path = truth_path(&arguments.out);
    writable(&[&arguments.out, &truth_path], &[], arguments.force)?;
    let stop = super::on_interrupt()?;
    let truth = in_one_step(&arguments.out, stop, |file| {
        generate(&parameters, arguments.seed, file)
    })?;
    in_one_step(&truth_path, stop, |file| {
        serde_json::to_writer_pretty(file, &truth)
            .map_err(|e| Failure::output(truth_path.display(), &e.into()))
    })?;
    say(&format!(
        "{} rows in {}; what is wrong with them in {}",
        truth.rows,
        arguments.out.display(),
        truth_path.display()
    ));
    Ok(())
}

/// `log.csv` becomes `log.csv.truth.json`.
fn truth_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".truth.json");
    name.into()
}

fn generate(
    parameters: &Synthetic,
    seed: u64,
    file: &mut BufWriter<Stoppable>,
) -> Result<Truth, Failure> {
    let template = "[{bar:40}] {human_pos}/{human_len} rows, {eta} left";
    let bar = bar(Some(parameters.rows.get()), template);
    // The error of a full disk is one of output, not of data.
    let truth = write_csv(parameters, seed, file, &mut |rows| bar.set_position(rows)).map_err(
        |e| match e {
            musicrec_api::Error::Io { what, source } => {
                Failure::Output(format!("{what}: {source}"))
            }
            error => error.into(),
        },
    )?;
    bar.finish_and_clear();
    Ok(truth)
}
