//! Source and cleaners: from rows as they are to typed events, with an account of every step.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use musicrec_api::{
    Account, Cleaner, Error, Events, Ledger, Log, On, Reach, Result, Roles, SourceContext, Whole,
    derive_seed,
};
use serde::{Deserialize, Serialize};

use super::{By, Failed, unless_cancelled};
use crate::experiment::Experiment;

/// What one step of reading or cleaning did to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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

    /// Runs the cleaner at a place of its list on a log and accounts for it.
    pub(crate) fn clean(at: usize, cleaner: &dyn Cleaner, log: &mut Log) -> Result<Self, Failed> {
        let mut step = Streamed {
            at,
            cleaner,
            ledger: Ledger::default(),
            rows: (0, 0),
        };
        step.clean(log)?;
        Ok(step.step())
    }

    /// How many rows the step dropped and why. What it dropped as missing, an earlier step of the
    /// funnel may have made so.
    pub(crate) fn account(&self, funnel: &[Self]) -> String {
        let mut text = format!(
            "{} dropped {} of {} rows",
            self.name,
            self.rows_in - self.rows_out,
            self.rows_in
        );
        let Some(reason) = self.dropped.iter().max_by_key(|a| a.rows) else {
            return text;
        };
        let column = &reason.column;
        let _ = write!(text, " ({column} {}: {})", reason.what, reason.rows);
        let cause = funnel
            .iter()
            .flat_map(|s| s.changed.iter().map(move |a| (s, a)))
            .filter(|(_, a)| !column.is_empty() && a.column == *column)
            .filter(|(_, a)| a.samples.iter().any(|s| s.after.is_none()))
            .max_by_key(|(_, a)| a.rows);
        if let Some((step, account)) = cause {
            let sample = account.samples.first().map_or("", |s| s.before.as_str());
            let _ = write!(
                text,
                ", for {} found {} times \"{}\" in it, as in `{sample}`",
                step.name, account.rows, account.what
            );
        }
        text
    }
}

/// A cleaned, typed log.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) events: Events,
    /// Which column of the log plays which part.
    pub(crate) columns: Roles,
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

/// Reads the log of an experiment and cleans it by one alternative of the cleaners.
///
/// The leading cleaners that look at one row at a time work on each chunk as it comes, so that what
/// they drop or merge never has to be held all at once.
pub(crate) fn prepare(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    cancel: &AtomicBool,
) -> Result<Prepared, Failed> {
    let all = || cleaners.iter().enumerate();
    let on_log = || all().filter(|(_, c)| c.on() == On::Log);
    let mut streamed: Vec<Streamed> = on_log()
        .take_while(|(_, c)| c.reach() == Reach::Row)
        .map(|(at, cleaner)| Streamed {
            at,
            cleaner: &**cleaner,
            ledger: Ledger::default(),
            rows: (0, 0),
        })
        .collect();
    let mut ledger = Ledger::default();
    let mut whole = Whole::default();
    let mut rows = 0;
    // Errors of cleaners pass through the source.
    let mut by = By::Source;
    experiment
        .source
        .read(&context(experiment), &mut ledger, &mut |mut chunk| {
            unless_cancelled(cancel)?;
            rows += chunk.rows() as u64;
            for step in &mut streamed {
                step.clean(&mut chunk).map_err(|failed| {
                    by = failed.by.unwrap_or(by);
                    failed.error
                })?;
            }
            whole.append(chunk)
        })
        .map_err(|error| by.failed(error))?;
    let Some(mut log) = whole.finish().filter(|_| rows > 0) else {
        return Err(By::Source.failed(Error::data("the source has no rows")));
    };
    let dropped: u64 = ledger.drops().map(|a| a.rows).sum();
    let mut funnel = vec![Step::new(
        experiment.source.typetag_name().to_owned(),
        "",
        On::Log,
        (rows + dropped, rows),
        &ledger,
    )];
    let others: Vec<_> = on_log().skip(streamed.len()).collect();
    funnel.extend(streamed.iter().map(Streamed::step));
    for (at, cleaner) in others {
        funnel.push(Step::clean(at, &**cleaner, &mut log)?);
        log.pack();
    }
    if log.rows() == 0 {
        let worst = funnel.iter().max_by_key(|s| s.rows_in - s.rows_out);
        return Err(Error::data(format!(
            "cleaning left no row of the log: {}",
            worst.map_or(String::new(), |s| s.account(&funnel))
        ))
        .into());
    }
    Ok(Prepared {
        columns: log.roles().clone(),
        events: Events::from_log(Arc::new(log))?,
        funnel,
    })
}

/// A cleaner at work on one chunk after the other, with one account of all.
struct Streamed<'a> {
    /// Its place in the list of cleaners.
    at: usize,
    cleaner: &'a dyn Cleaner,
    ledger: Ledger,
    rows: (u64, u64),
}

impl Streamed<'_> {
    fn clean(&mut self, chunk: &mut Log) -> Result<(), Failed> {
        self.rows.0 += chunk.rows() as u64;
        let cleaned = self.cleaner.clean(chunk, &mut self.ledger);
        cleaned.map_err(|error| By::Cleaner(self.at).failed(error))?;
        self.rows.1 += chunk.rows() as u64;
        Ok(())
    }

    fn step(&self) -> Step {
        Step::new(
            self.cleaner.typetag_name().to_owned(),
            self.cleaner.reach().name(),
            self.cleaner.on(),
            self.rows,
            &self.ledger,
        )
    }
}
