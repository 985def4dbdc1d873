//! How a sweep begins: what its folder holds, whether that goes together with it, and its data.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::checks::{check_budget, check_weightings};
use super::cleaned::{Cleaned, of_source};
use super::isolate::Workers;
use super::provenance::Begun;
use super::trains::Trains;
use super::{Event, Listener, Options, Overview, Sweep, overview, resume};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::records::{Presence, Store, now};
use crate::stages::prepare::fingerprint;
use crate::stages::unless_cancelled;

/// A sweep whose data has not been read.
pub(super) struct Opening<'a> {
    experiment: &'a Experiment,
    options: &'a Options,
    cancel: &'a AtomicBool,
    begun: Begun,
    began: String,
    fingerprint: String,
    store: Store,
    /// What changed since an earlier sweep into the folder, in words.
    changes: Option<String>,
}

/// A log that grows while it is read would stand under the name of what it was before.
pub(super) fn unchanged_since(experiment: &Experiment, data: &str) -> Result<(), Failure> {
    let now = fingerprint(experiment).map_err(|error| of_source(experiment, error))?;
    if now == data {
        return Ok(());
    }
    Err(Failure::Data(
        "the source changed while it was read; wait until it is written, or take a copy of it"
            .into(),
    ))
}

/// What an experiment's source has: its fingerprint.
pub(crate) fn data_of(experiment: &Experiment) -> Result<String, Failure> {
    fingerprint(experiment).map_err(|error| of_source(experiment, error))
}

/// Begins to work in the folder of an experiment over some data, which is repaired if nobody else is there and
/// it is not `busy`. What an earlier sweep left is set aside if that is meant, and else must go together with this one.
pub(crate) fn begin_folder(
    experiment: &Experiment,
    options: &Options,
    (store, busy): (&Store, bool),
    data: &str,
    listener: &Listener,
) -> Result<Option<Presence>, Failure> {
    if options.fresh {
        set_aside(store, listener)?;
    }
    let joins = options.fresh || !busy;
    let presence = joins.then(|| join(store, options, listener)).transpose()?;
    if let Some(changes) = resume::compare(experiment, data, store, options)? {
        listener(Event::Note(&changes));
    }
    Ok(presence)
}

/// Begins to be in a folder, and says who else is, or what was repaired.
fn join(store: &Store, options: &Options, listener: &Listener) -> Result<Presence, Failure> {
    let presence = store.join(&options.command)?;
    for said in &presence.says {
        listener(Event::Alarm(said));
    }
    Ok(presence)
}

/// Sets aside what an earlier sweep left, and says where it is.
fn set_aside(store: &Store, listener: &Listener) -> Result<(), Failure> {
    if let Some(aside) = store.set_aside()? {
        listener(Event::Note(&format!(
            "the earlier sweep is now in {}",
            aside.display()
        )));
    }
    Ok(())
}

impl<'a> Opening<'a> {
    /// Reads, cleans and splits.
    fn ready(self) -> Result<Sweep<'a>, Failure> {
        let (experiment, cancel) = (self.experiment, self.cancel);
        let mut cleaned = Cleaned::all(experiment, &self.fingerprint, self.options, cancel)?;
        unless_cancelled(cancel)?;
        if self.options.prepared.is_none() {
            unchanged_since(experiment, &self.fingerprint)?;
        }
        check_budget(experiment, &cleaned)?;
        Cleaned::restrict(experiment, &mut cleaned)?;
        Cleaned::audit(experiment, &mut cleaned)?;
        let trains = Trains::default();
        check_weightings(experiment, &cleaned, &trains)?;
        let overview = overview::make(experiment, self.options, &self.fingerprint, &cleaned);
        Ok(self.with(cleaned, trains, overview, false))
    }

    /// Of whose data nothing is read. `unchanged`: nothing is left to do.
    pub(super) fn without_data(self, overview: Overview, unchanged: bool) -> Sweep<'a> {
        self.with(Vec::new(), Trains::default(), overview, unchanged)
    }

    pub(super) fn with(
        self,
        cleaned: Vec<Cleaned>,
        trains: Trains,
        overview: Overview,
        unchanged: bool,
    ) -> Sweep<'a> {
        Sweep {
            experiment: self.experiment,
            options: self.options,
            cancel: self.cancel,
            store: self.store,
            presence: None,
            fingerprint: self.fingerprint,
            cleaned,
            samples: Vec::new(),
            points: OnceLock::new(),
            ran: BTreeSet::new(),
            trains,
            overview,
            unchanged,
            abort: AtomicBool::new(false),
            workers: Workers::default(),
            begun: self.begun,
            began: self.began,
        }
    }
}

impl<'a> Sweep<'a> {
    /// Reads, cleans and splits, and opens the report folder. Nothing is fitted yet. Where the folder
    /// holds this very sweep and nothing is left to do, nothing is read either.
    pub(crate) fn open(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
        listener: &Listener,
    ) -> Result<Self, Failure> {
        let store = Store::new(options.out.join(&experiment.name));
        // What is there is repaired before it is read; what is not there is made once it can run.
        let there = !options.fresh && store.folder().exists();
        let presence = there.then(|| join(&store, options, listener)).transpose()?;
        let opening = Self::opening(experiment, options, cancel, store)?;
        if !options.fresh {
            let identity = resume::identity(experiment, &opening.fingerprint);
            if let Some(mut overview) = resume::finished(&identity, &opening.store, options)? {
                // What is drawn may be drawn otherwise.
                overview.report = experiment.report.seen_from_here(&experiment.base);
                let mut sweep = opening.without_data(overview, true);
                sweep.presence = presence;
                return Ok(sweep);
            }
        }
        if let Some(changes) = &opening.changes {
            listener(Event::Note(changes));
        }
        listener(Event::Note(&format!(
            "reading and cleaning {}",
            experiment.path.display()
        )));
        let mut sweep = opening.ready()?;
        if options.fresh {
            set_aside(&sweep.store, listener)?;
        }
        sweep.presence = match presence {
            Some(presence) => Some(presence),
            None => Some(join(&sweep.store, options, listener)?),
        };
        sweep.claim_folder()?;
        Ok(sweep)
    }

    /// From now on the folder is about this sweep, unless another came first that is about something
    /// else.
    fn claim_folder(&self) -> Result<(), Failure> {
        let store = &self.store;
        let here = self
            .presence
            .as_ref()
            .expect("who claims a folder has joined");
        store.exclusively(|| {
            if !store.only(here)? {
                resume::refuse_another(self.experiment, &self.fingerprint, store)?;
            }
            resume::compare(self.experiment, &self.fingerprint, store, self.options)?;
            let there: Option<Value> = store.read(Overview::FILE)?;
            // The same one may have got further already.
            if there.is_some_and(|there| there["identity"] == *self.overview.identity) {
                return Ok(());
            }
            store.keep_json(Overview::FILE, &self.overview)
        })
    }

    /// The same without a trace: nothing is made or changed in the report folder, which need not be
    /// there. Such a sweep cannot run.
    pub(crate) fn prepare(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let store = Store::new(options.out.join(&experiment.name));
        Self::opening(experiment, options, cancel, store)?.ready()
    }

    fn opening(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
        store: Store,
    ) -> Result<Opening<'a>, Failure> {
        let (begun, began) = (Begun::now(), now());
        let fingerprint = match &options.prepared {
            Some(data) => data.clone(),
            None => data_of(experiment)?,
        };
        let changes = if options.fresh || options.prepared.is_some() {
            None
        } else {
            resume::compare(experiment, &fingerprint, &store, options)?
        };
        Ok(Opening {
            begun,
            began,
            changes,
            ..Self::opening_of(experiment, options, cancel, store, fingerprint)
        })
    }

    pub(super) fn opening_of(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
        store: Store,
        fingerprint: String,
    ) -> Opening<'a> {
        Opening {
            experiment,
            options,
            cancel,
            begun: Begun::now(),
            began: now(),
            fingerprint,
            store,
            changes: None,
        }
    }
}
