//! Where a sweep runs, as the command line says it, and what all commands that launch one do then.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use etcetera::BaseStrategy as _;
use musicrec_api::Launcher;

use super::progress::Progress;
use super::{color, print, print_view, terminal_width};
use crate::cluster::{self, Asked, Launched};
use crate::definition;
use crate::exit::{Failure, Failures};
use crate::experiment::Experiment;
use crate::records::Store;
use crate::report::{self, formats};
use crate::sweep::Options;
use crate::text::counted;

/// `--launcher`, `--cluster`.
#[derive(Debug, Args)]
pub(super) struct Launching {
    /// Where trials run: in this process (`local`, the default), or on a cluster; `musicrec-lab plugins
    /// launcher` tells of each
    #[arg(long, value_name = "NAME")]
    launcher: Option<String>,

    /// A TOML file that sets launchers (`[launcher.slurm]`) [default: cluster.toml in the folder musicrec-lab
    /// of the user's configuration, if it is there]
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,

    /// With a launcher for a cluster: let so many units clean a large log, each the rows of some of its users; its files
    /// are read by a unit each. It comes to the same as with one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64))]
    prepare_units: Option<u16>,
}

const LOCAL: &str = "local";

impl Launching {
    /// The launcher, set as the cluster file says.
    pub(super) fn launcher(&self) -> Result<Chosen, Failure> {
        self.check()?;
        let file = self.cluster.clone().or_else(usual);
        let name = self.launcher.as_deref().unwrap_or(LOCAL);
        let launcher = definition::launcher(name, file.as_deref(), color())?;
        let set = match file {
            Some(file) => format!("settings are those of {}", file.display()),
            None => "there is no cluster file (--cluster), so nothing is set".to_owned(),
        };
        Ok(Chosen { launcher, set })
    }

    /// Refuses what would be without effect.
    fn check(&self) -> Result<(), Failure> {
        let here = self.launcher.as_deref().is_none_or(|name| name == LOCAL);
        if self.cluster.is_some() && here {
            return Err(Failure::Definition(
                "--cluster has no effect without --launcher: name what is to run the sweep, for example \
                 --launcher slurm"
                    .to_owned(),
            ));
        }
        if self.prepare_units.is_some() && here {
            return Err(Failure::Definition(
                "--prepare-units has no effect without --launcher: here one process prepares the log, in parts if it is \
                 larger than memory"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// How many units are to prepare the log, if not one.
    pub(super) fn prepare_units(&self) -> Option<u16> {
        self.prepare_units
    }

    /// Whether one is named.
    pub(super) fn is_given(&self) -> bool {
        self.launcher.is_some()
    }
}

/// A launcher and where its settings are from.
pub(super) struct Chosen {
    pub(super) launcher: Box<dyn Launcher>,
    /// In words, for who has to mend them.
    set: String,
}

impl Chosen {
    /// That of the last submission, as it was set then.
    pub(super) fn last(store: &Store) -> Result<Self, Failure> {
        Ok(Self {
            launcher: cluster::last_launcher(store)?,
            set:
                "settings are those of the last submission; --launcher with --cluster names others"
                    .to_owned(),
        })
    }

    /// Whether trials run elsewhere than in this process.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.launcher.engine().is_some()
    }

    /// What is odd about so many threads, if the settings give a unit another number of processors.
    pub(super) fn odd(&self, threads: Option<usize>) -> Option<String> {
        let (threads, given) = (threads?, self.launcher.engine()?.processors()?);
        (threads != given).then(|| {
            format!(
                "note: each unit is given {} (`cpus` of [launcher.{}]) and uses {}, as --threads says; without \
                 --threads it uses what it is given",
                counted(given, "processor"),
                self.launcher.typetag_name(),
                counted(threads, "thread")
            )
        })
    }
}

/// The cluster file of the user, if there is one.
fn usual() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_base_strategy().ok()?;
    let path = strategy.config_dir().join("musicrec-lab/cluster.toml");
    path.is_file().then_some(path)
}

/// Submits what is missing and looks on until it is done, unless `detach`.
pub(super) fn launch(
    experiment: &Experiment,
    options: &Options,
    asked: Asked,
    chosen: &Chosen,
    progress: &Progress,
    cancel: &AtomicBool,
    detach: bool,
) -> Result<(), Failure> {
    let listener = |event: crate::sweep::Event| progress.on(event);
    if let Some(odd) = chosen.odd(asked.threads) {
        progress.says(&odd);
    }
    let launcher = &*chosen.launcher;
    let launched = cluster::launch(experiment, options, asked, launcher, cancel, &listener)?;
    if let Launched::Refused(why) = launched {
        return Err(Failure::Engine(format!("{why} ({})", chosen.set)));
    }
    progress.says(&launched.words(launcher.typetag_name()));
    let folder = options.out.join(&experiment.name);
    if let Launched::Submitted(_, _, Some(commands)) = &launched {
        return print(commands);
    }
    if detach && !matches!(launched, Launched::Nothing) {
        progress.says(&format!(
            "`musicrec-lab status {0}` shows how far it is, `musicrec-lab wait {0}` waits for it, \
             `musicrec-lab cancel {0}` ends it; the same command goes on where it stopped",
            folder.display()
        ));
        return Ok(());
    }
    follow(&folder, progress, cancel)
}

/// Looks on until a sweep is done, and shows what came of it.
pub(super) fn follow(
    folder: &Path,
    progress: &Progress,
    cancel: &AtomicBool,
) -> Result<(), Failure> {
    let store = Store::at(folder)?;
    let failed = cluster::follow(&store, cancel, &|event| progress.on(event))?;
    let summary = store.exclusively(|| report::write(&store, None, &[]))?;
    print_view(&report::leaderboard(&summary, terminal_width()))?;
    let report = folder.join(formats::main_file(&summary.overview));
    print_view(&format!("\nReport: {}\n", report.display()))?;
    progress.end(&summary, &report);
    if !store.conflicts()?.is_empty() {
        return Err(Failure::Conflict(
            "trials came to something else than their records; see the warnings of the report"
                .to_owned(),
        ));
    }
    let failures = Failures {
        trials: failed,
        recommendations: summary.overview.recommendations_failed.is_some(),
    };
    failures.ended()
}
