//! `musicrec-lab fit`: the model that a sweep chose, fitted on everything and saved.

use std::path::PathBuf;

use clap::Args;
use musicrec_api::arithmetic;

use super::again::{How, with_hint};
use super::rerun::find;
use super::{on_interrupt, say};
use crate::after::experiment;
use crate::exit::Failure;
use crate::records::{Key, Record, Store};
use crate::saved::{About, can_be_saved, save};
use crate::sweep::Overview;
use crate::sweep::everything::{Everything, chosen_record};

/// Fit the model that a sweep chose on everything there is, and save it for `recommend`
///
/// The model is fitted as for recommendations.csv, from the records alone: the definition's file is not needed,
/// the data is. The file is in the open format safetensors; it holds the model, ids of users and items, and what
/// each user heard, so share it only with whom you would give the log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab fit reports/quickstart --out best.safetensors
  musicrec-lab fit reports/my_log --variant als --out als.safetensors
  musicrec-lab fit reports/my_log --trial 9d80d3d2 --out als.safetensors --source /data/moved/listens.csv

Then:
  musicrec-lab recommend --model best.safetensors --users u1,u2 --k 3 --why")]
pub(super) struct Arguments {
    /// A folder that a sweep has written
    folder: PathBuf,

    /// The row of the leaderboard, whose trial that did best on validation is fitted [default: the one that the sweep
    /// recommends with]
    #[arg(long, value_name = "NAME", conflicts_with = "trial")]
    variant: Option<String>,

    /// Another trial, by its id (the name of its record) or the beginning of it
    #[arg(long, value_name = "ID")]
    trial: Option<String>,

    /// The file to write; what is there is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = Store::new(arguments.folder.clone());
    let overview = Overview::read(&store)?;
    let (record, variant, settings) = match &arguments.trial {
        None => chosen_record(&store, &overview, arguments.variant.as_deref())?,
        Some(id) => {
            let record = find(&store, id)?;
            let (variant, settings) = named(&overview, &record);
            (record, variant, settings)
        }
    };
    let folder = arguments.out.parent().filter(|p| !p.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) || arguments.out.is_dir() {
        return Err(Failure::Output(format!(
            "cannot write {}: its folder does not exist, or it is one itself",
            arguments.out.display()
        )));
    }
    let experiment = experiment(&[&record], arguments.how.source())?;
    for model in &experiment.models {
        can_be_saved(&*model.plugin)?;
    }
    // As the recommendations of a sweep: the seed is that of the first fit on test.
    let key = Key {
        role: musicrec_api::Role::Test,
        repeat: 0,
        users_share: None,
        ..record.result.key
    };
    arithmetic::set_portable(key.is_portable());
    arguments.how.pool()?;
    let cancel = on_interrupt()?;
    if !arguments.how.quiet {
        let settings = if settings.is_empty() {
            String::new()
        } else {
            format!(" ({settings})")
        };
        say(&format!("fitting {variant}{settings} on everything"));
    }
    let all = Everything::of_record(&experiment, &key, cancel)
        .map_err(|failure| with_hint(failure, arguments.how.source()))?;
    let about = About::new(overview.name, (variant, settings), key, all.seed);
    save(&arguments.out, &about, &all)?;
    if !arguments.how.quiet {
        say(&format!(
            "{}: `{}` for {} users and {} items",
            arguments.out.display(),
            about.plugin(),
            all.users().len(),
            all.items().len()
        ));
    }
    Ok(())
}

/// The variant and the settings of a record, as the folder's plan names them.
fn named(overview: &Overview, record: &Record) -> (String, String) {
    let trials = overview.variants.iter().flat_map(|variant| {
        let own = variant.trials.iter();
        own.map(move |trial| (&variant.name, trial))
    });
    let mut own = trials.filter(|(_, trial)| trial.ids().any(|id| id == record.id));
    match own.next() {
        Some((name, trial)) => (name.clone(), trial.settings.clone()),
        None => (record.run.variant.clone(), String::new()),
    }
}
