//! Source and cleaners: from rows as they are to typed events, with an account of every step.

use std::sync::Arc;

use musicrec_api::{
    Account, Cleaner, Error, Events, Ledger, Log, On, Result, SourceContext, derive_seed,
};
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;

/// What one step of reading or cleaning did to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The plugin's name.
    pub(crate) name: String,
    /// How much of the log it looks at: `row`, `user` or `log`; empty for the source.
    pub(crate) reach: String,
    /// `log`, or `fit` for cleaners that see the fit part of each fold only.
    pub(crate) on: String,
    pub(crate) rows_in: u64,
    pub(crate) rows_out: u64,
    pub(crate) dropped: Vec<Account>,
    pub(crate) changed: Vec<Account>,
    /// What it looked at that it should not know.
    pub(crate) leaks: Vec<String>,
}

impl Step {
    fn new(name: String, reach: &str, on: On, rows: (u64, u64), ledger: &Ledger) -> Self {
        Self {
            name,
            reach: reach.to_owned(),
            on: match on {
                On::Log => "log",
                On::Fit => "fit",
            }
            .to_owned(),
            rows_in: rows.0,
            rows_out: rows.1,
            dropped: ledger.drops().cloned().collect(),
            changed: ledger.changes().cloned().collect(),
            leaks: ledger.leaks().to_vec(),
        }
    }

    /// Runs a cleaner on a log and accounts for it.
    pub(crate) fn clean(cleaner: &dyn Cleaner, log: &mut Log) -> Result<Self> {
        let mut ledger = Ledger::default();
        let before = log.rows() as u64;
        cleaner.clean(log, &mut ledger)?;
        Ok(Self::new(
            cleaner.typetag_name().to_owned(),
            cleaner.reach().name(),
            cleaner.on(),
            (before, log.rows() as u64),
            &ledger,
        ))
    }
}

/// A cleaned, typed log.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) events: Events,
    /// The source first, then the cleaners that see the whole log.
    pub(crate) funnel: Vec<Step>,
}

/// Names the content of the source; fails early where it cannot be read.
pub(crate) fn fingerprint(experiment: &Experiment) -> Result<String> {
    experiment.source.fingerprint(&context(experiment))
}

fn context(experiment: &Experiment) -> SourceContext<'_> {
    SourceContext::new(&experiment.base, derive_seed(experiment.seed, "source"))
}

/// Reads and cleans the log of an experiment.
pub(crate) fn prepare(experiment: &Experiment) -> Result<Prepared> {
    let mut ledger = Ledger::default();
    let mut whole: Option<Log> = None;
    experiment
        .source
        .read(&context(experiment), &mut ledger, &mut |chunk| {
            match &mut whole {
                Some(log) => log.append(chunk)?,
                None => whole = Some(chunk),
            }
            Ok(())
        })?;
    let Some(mut log) = whole.filter(|log| log.rows() > 0) else {
        return Err(Error::data("the source has no rows"));
    };
    let dropped: u64 = ledger.drops().map(|a| a.rows).sum();
    let rows = log.rows() as u64;
    let mut funnel = vec![Step::new(
        experiment.source.typetag_name().to_owned(),
        "",
        On::Log,
        (rows + dropped, rows),
        &ledger,
    )];
    for cleaner in experiment.cleaners.iter().filter(|c| c.on() == On::Log) {
        funnel.push(Step::clean(&**cleaner, &mut log)?);
    }
    if log.rows() == 0 {
        let worst = funnel.iter().max_by_key(|s| s.rows_in - s.rows_out);
        let worst = worst.map_or(String::new(), |s| {
            format!(
                "; `{}` dropped the most, {} rows",
                s.name,
                s.rows_in - s.rows_out
            )
        });
        return Err(Error::data(format!(
            "cleaning left no row of the log{worst}"
        )));
    }
    Ok(Prepared {
        events: Events::from_log(Arc::new(log))?,
        funnel,
    })
}
