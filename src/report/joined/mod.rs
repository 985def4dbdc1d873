//! Several experiments in one report: their variants side by side, user by user, as if one experiment had
//! had all of them.
//!
//! What may be compared so shares data, questions, rules and metrics ([`mod@refusals`]). The overviews become
//! one ([`mod@combine`]) and the folders one store to read from, and from there on everything is drawn as of
//! a single sweep. So intervals, differences and p are what they would be there, and p-values are
//! adjusted for all variants together.

mod combine;
mod refusals;

use super::Summary;
use super::conflicts;
use super::selection::fit_seconds;
use crate::exit::Failure;
use crate::records::{Outcome, Store};
use crate::sweep::Overview;
use combine::combine;
use refusals::refusals;

/// An experiment that is to be compared with others.
#[derive(Debug)]
pub(crate) struct Experiment {
    store: Store,
    overview: Overview,
}

impl Experiment {
    fn folder(&self) -> String {
        self.store.folder().display().to_string()
    }
}

/// Several experiments that may be compared.
#[derive(Debug)]
pub(crate) struct Several {
    /// All folders to read from, and none to write to.
    pub(crate) store: Store,
    experiments: Vec<Experiment>,
}

impl Several {
    /// Reads the overviews of at least two stores.
    ///
    /// # Errors
    /// If one holds no sweep, or if they cannot be compared: with all reasons.
    pub(crate) fn read(stores: Vec<Store>) -> Result<Self, Failure> {
        let experiments = stores.into_iter().map(|store| {
            let overview = Overview::read(&store)?;
            Ok(Experiment { store, overview })
        });
        let experiments: Vec<Experiment> = experiments.collect::<Result<_, Failure>>()?;
        let reasons = refusals(&experiments);
        if !reasons.is_empty() {
            let lines: Vec<String> = reasons.iter().map(|r| format!("\n  {r}")).collect();
            return Err(Failure::Definition(format!(
                "these experiments cannot be compared in one report:{}",
                lines.concat()
            )));
        }
        let folders = experiments.iter().map(|e| e.store.folder().to_owned());
        let mut folders: Vec<_> = folders.collect();
        let first = folders.remove(0);
        Ok(Self {
            store: Store::joined(first, folders),
            experiments,
        })
    }

    /// Draws them as one.
    pub(crate) fn summary(&self) -> Result<Summary, Failure> {
        let combined = combine(&self.experiments);
        let mut overview = combined.overview;
        let mut spent = Vec::new();
        let mut warnings = Vec::new();
        for (at, experiment) in self.experiments.iter().enumerate() {
            let Experiment { store, overview } = experiment;
            let own = fit_seconds(&overview.variants, &overview.ran, store)?;
            let kept = own.into_iter().zip(&combined.kept[at]);
            spent.extend(kept.filter(|(_, kept)| **kept).map(|(seconds, _)| seconds));
            warnings.extend(conflicts::warnings(store)?);
        }
        warnings.extend(self.contradictions()?);
        if let Some(joined) = &mut overview.joined {
            joined.warnings.splice(0..0, warnings);
        }
        Summary::of(overview, &self.store, &spent)
    }

    /// Trials that have a record in several folders and came to different results there.
    fn contradictions(&self) -> Result<Vec<String>, Failure> {
        let mut warnings = Vec::new();
        for (at, experiment) in self.experiments.iter().enumerate() {
            for id in experiment.overview.ids() {
                let Some(own) = experiment.store.record(id)? else {
                    continue;
                };
                for other in &self.experiments[at + 1..] {
                    let theirs = other.store.record(id)?;
                    if theirs.is_some_and(|theirs| !theirs.result.same(&own.result)) {
                        let what = match own.result.outcome {
                            Outcome::Done { .. } => "result",
                            Outcome::Failed { .. } => "failure",
                        };
                        warnings.push(format!(
                            "the trial {id} (`{}`) has another {what} in {} than in {}, and one of the two \
                             is wrong; that of {} counts here. `musicrec-lab rerun FOLDER --trial {id}` \
                             shows which of them comes out again",
                            own.run.variant,
                            other.folder(),
                            experiment.folder(),
                            experiment.folder(),
                        ));
                    }
                }
            }
        }
        Ok(warnings)
    }
}
