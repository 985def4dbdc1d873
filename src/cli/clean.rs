//! `musicrec-lab clean`: the cleaned log as a file, and what became of every row.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytesize::ByteSize;
use clap::Args;
use indicatif::ProgressBar;
use musicrec_api::{Booking, Error, Events, Log, On, Reach};

use super::changes::Changes;
use super::progress::bar;
use super::whole_file::{Stoppable, in_one_step, writable};
use super::{on_interrupt, print_view, say, say_rendered, terminal_width};
use crate::exit::Failure;
use crate::experiment::{Cleaning, Experiment};
use crate::report::{self, count};
use crate::stages::hashes;
use crate::stages::prepare::{self, Change, Room, Step, Watch, fingerprint};
use crate::sweep::blame;
use crate::text::{one_line, visible};
use crate::trail::quarantine::{Named, Quarantine};
use crate::trail::write::{Form, Rows};
use crate::trail::{Document, Output, Quarantined, SCHEMA, steps};

/// Clean a log as a definition says, write it, and account for every row
///
/// Reads the definition's source and runs its cleaners, as a sweep does before it splits the log. What is left is
/// written with all columns in their order: as CSV (times as RFC 3339 in UTC, missing cells empty) or as Parquet
/// (strings, doubles, timestamps, nulls), by the ending of OUT. Beside it comes the ledger, OUT.ledger.json: for each
/// step its parameters, rows, users and items before and after, cells changed by column and reason with samples, and
/// a hash of what was written. The definition needs a source and cleaners; it need not name a model.
///
/// Cleaners that act on the fit part of a split only (`min_interactions`, unless it says `on = "all"`) are not applied,
/// and it is said which. Where a cleaner is an axis, choose one alternative with --set or --only.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab clean my_log.toml --out clean.csv
  musicrec-lab clean my_log.toml --out clean.parquet --quarantine rows.csv
  musicrec-lab clean my_log.toml --out - --set source.csv.path=may.csv | head
  musicrec-lab clean compared.toml --out strict.csv --only cleaners=drop_duplicates=on

The quarantine has a line for each dropped row and each changed cell: row (its number in the source), step,
what (dropped or changed), rule (the ledger's reason), column, before, after; for a dropped row also the
whole row as it was read, in columns that begin with `read.`. For example, why rows were dropped:
  cut -d, -f2-5 rows.csv | grep dropped | sort | uniq -c")]
pub(super) struct Arguments {
    /// The definition, a TOML file
    definition: PathBuf,

    #[command(flatten)]
    changes: Changes,

    /// The file to write, .csv or .parquet; `-` for CSV on standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Write every dropped row and every changed cell, with the reason, to this CSV file
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,

    /// Where the ledger goes [default: OUT.ledger.json; nowhere with `--out -`]
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    /// Memory that the program may use, for example 16GB: a log that takes too much of it is cleaned in parts, with
    /// the same result [default: 90 % of what is free]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,

    /// Replace files that are there already
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

impl Arguments {
    /// The file of the cleaned log and its form; `None` for standard output.
    fn file(&self) -> Result<Option<(&Path, Form)>, Failure> {
        if self.out.as_os_str() == "-" {
            return Ok(None);
        }
        let form = Form::of(&self.out).ok_or_else(|| {
            Failure::Definition(format!(
                "--out {} does not say in what form: let its name end with .csv or .parquet, or write CSV \
                 to standard output with `--out -`",
                self.out.display()
            ))
        })?;
        Ok(Some((&self.out, form)))
    }

    /// What cleaning may take. Where the cleaned log has room, there is some for its parts.
    fn room(&self) -> Room {
        let beside = self.out.parent().filter(|_| self.out.as_os_str() != "-");
        let beside = beside.map(|folder| Path::new(".").join(folder));
        Room::new(
            self.memory.map(|size| size.as_u64()),
            beside.unwrap_or_else(std::env::temp_dir),
            if self.quiet { |_| {} } else { say },
        )
    }

    /// `clean.csv` becomes `clean.csv.ledger.json`.
    fn ledger(&self, file: Option<&Path>) -> Option<PathBuf> {
        let beside = || {
            let mut name = file?.as_os_str().to_owned();
            name.push(".ledger.json");
            Some(name.into())
        };
        self.ledger.clone().or_else(beside)
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = arguments.file()?;
    let ledger = arguments.ledger(file.map(|file| file.0));
    let files = file.iter().map(|file| file.0);
    let files = files.chain(ledger.as_deref());
    let files: Vec<&Path> = files.chain(arguments.quarantine.as_deref()).collect();
    if files.iter().collect::<BTreeSet<_>>().len() < files.len() {
        return Err(Failure::Definition(
            "--out, --ledger and --quarantine must be different files".to_owned(),
        ));
    }
    let stop = on_interrupt()?;
    let changes = &arguments.changes;
    let experiment = changes.load_without_model(&arguments.definition, arguments.quiet)?;
    let source = serde_json::to_value(&experiment.source).expect("a plugin is plain data");
    let mut read = vec![arguments.definition.clone()];
    named(&source, &experiment.base, &mut read);
    let read: Vec<&Path> = read.iter().map(PathBuf::as_path).collect();
    writable(&files, &read, arguments.force)?;
    let cleaning = one(&experiment)?;
    let job = Job {
        experiment: &experiment,
        cleaning,
        file,
        stop,
        room: arguments.room(),
    };
    let document = match &arguments.quarantine {
        None => job.run(None)?,
        Some(path) => {
            let (mut document, named, (bytes, sha256)) = in_one_step(path, stop, |file| {
                let (document, named) = job.run_quarantined(file)?;
                file.flush()
                    .map_err(|e| Failure::output(path.display(), &e))?;
                Ok((document, named, file.get_ref().written()))
            })?;
            document.quarantine = Some(Quarantined {
                output: Output {
                    file: name(path),
                    bytes,
                    sha256,
                },
                dropped: named.dropped,
                changed: named.changed,
                notes: named.notes,
            });
            document
        }
    };
    if let Some(path) = &ledger {
        in_one_step(path, stop, |to| {
            let text = serde_json::to_string_pretty(&document).expect("plain data") + "\n";
            to.write_all(text.as_bytes())
                .map_err(|e| Failure::output(path.display(), &e))
        })?;
    }
    if arguments.quiet {
        return Ok(());
    }
    tell(&document, file.is_some(), ledger.as_deref())
}

/// What one cleaning of the definition there is.
fn one(experiment: &Experiment) -> Result<&Cleaning, Failure> {
    let places: BTreeSet<usize> = experiment.settings.iter().map(|s| s.cleaning).collect();
    let mut cleanings = places.iter().map(|&place| &experiment.cleanings[place]);
    match (cleanings.next(), places.len()) {
        (Some(cleaning), 1) => Ok(cleaning),
        (_, count) => {
            let labels = places
                .iter()
                .map(|&place| &experiment.cleanings[place].label);
            let labels: Vec<String> = labels
                .map(|label| format!("  --only 'cleaners={}'", one_line(label)))
                .collect();
            Err(Failure::Definition(format!(
                "the definition has {count} alternatives of its cleaners; choose one:\n{}",
                labels.join("\n")
            )))
        }
    }
}

/// The name of a file without its folders.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What is to be done.
struct Job<'a> {
    experiment: &'a Experiment,
    cleaning: &'a Cleaning,
    file: Option<(&'a Path, Form)>,
    stop: &'static AtomicBool,
    room: Room,
}

impl Job<'_> {
    /// Cleans and writes the log, and tells a quarantine of it.
    fn run_quarantined(&self, to: &mut BufWriter<Stoppable>) -> Result<(Document, Named), Failure> {
        let on_log = self.cleaning.cleaners.iter().filter(|c| c.on() == On::Log);
        let keeps = on_log.map(|c| c.reach()).any(|reach| reach != Reach::Row);
        let source = self.experiment.source.typetag_name();
        let mut quarantine = Quarantine::new(to, source, keeps);
        let document = self.run(Some(&mut quarantine))?;
        let named = quarantine.end().map_err(unwritten)?;
        Ok((document, named))
    }

    /// Cleans and writes the log.
    fn run(&self, watch: Option<&mut dyn Watch>) -> Result<Document, Failure> {
        let Self {
            experiment,
            cleaning,
            stop,
            ..
        } = *self;
        let named = fingerprint(experiment).map_err(Failure::from)?;
        let mut looking = Looking {
            inner: watch,
            failure: None,
            rows: 0,
            bar: bar(None, "{spinner} {human_pos} rows {msg}").with_message("read"),
        };
        let cleaned = prepare::cleaned(
            experiment,
            &cleaning.cleaners,
            stop,
            &mut looking,
            &self.room,
        );
        if let Some(failure) = looking.failure {
            return Err(failure);
        }
        let (log, funnel, on_disk) = cleaned.map_err(|failed| match failed.error {
            Error::Cancelled => Failure::Interrupted("nothing was written".to_owned()),
            _ => blame(experiment, cleaning, failed),
        })?;
        if fingerprint(experiment).map_err(Failure::from)? != named {
            return Err(Failure::Data(
                "the source changed while it was read; nothing was written".to_owned(),
            ));
        }
        let rows = on_disk.as_ref().map_or(Rows::Held(&log), Rows::OnDisk);
        let output = self.write(rows, &looking.bar)?;
        looking.bar.finish_and_clear();
        Ok(self.document(log, funnel, named, output))
    }

    /// Writes the log.
    fn write(&self, rows: Rows, bar: &ProgressBar) -> Result<Option<Output>, Failure> {
        bar.set_message("written");
        let mut progress = |written: usize| bar.set_position(written as u64);
        let Some((path, form)) = self.file else {
            bar.finish_and_clear();
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
            let written = Form::Csv.write(rows, &mut out, &mut progress);
            return match written.and_then(|()| out.flush()) {
                // A reader who has seen enough (`| head`) is no error.
                Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure::output("standard output", &e))
                }
                _ => Ok(None),
            };
        };
        let failed = |e: io::Error| Failure::output(path.display(), &e);
        let (bytes, sha256) = in_one_step(path, self.stop, |file| {
            form.write(rows, &mut *file, &mut progress)
                .map_err(failed)?;
            file.flush().map_err(failed)?;
            Ok(file.get_ref().written())
        })?;
        Ok(Some(Output {
            file: name(path),
            bytes,
            sha256,
        }))
    }

    fn document(
        &self,
        log: Log,
        funnel: Vec<Step>,
        fingerprint: String,
        output: Option<Output>,
    ) -> Document {
        let (steps, not_applied) = steps(self.experiment, self.cleaning, funnel);
        let (columns, rows) = (log.roles().clone(), log.rows() as u64);
        let events = Events::from_log(Arc::new(log));
        Document {
            schema: SCHEMA,
            program: format!("musicrec-lab {}", env!("CARGO_PKG_VERSION")),
            name: self.experiment.name.clone(),
            seed: self.experiment.seed,
            fingerprint,
            label: self.cleaning.label.clone(),
            steps,
            not_applied,
            columns,
            rows,
            events: events.ok().map(|events| hashes::of_log(&events)),
            output,
            quarantine: None,
        }
    }
}

/// A failure to write is one of output, not of data.
fn unwritten(error: Error) -> Failure {
    match error {
        Error::Io { what, source } => Failure::Output(format!("{what}: {source}")),
        error => error.into(),
    }
}

/// Shows progress, and lets another look on.
struct Looking<'a> {
    inner: Option<&'a mut dyn Watch>,
    /// Why the other could not go on.
    failure: Option<Failure>,
    rows: u64,
    bar: ProgressBar,
}

impl Looking<'_> {
    fn hand_on(
        &mut self,
        to: impl FnOnce(&mut dyn Watch) -> musicrec_api::Result<()>,
    ) -> musicrec_api::Result<()> {
        let Some(inner) = self.inner.as_deref_mut() else {
            return Ok(());
        };
        to(inner).map_err(|error| {
            self.failure = Some(unwritten(error));
            Error::Cancelled
        })
    }
}

impl Watch for Looking<'_> {
    fn traces(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.traces())
    }

    fn read(&mut self, part: &Log) -> musicrec_api::Result<()> {
        self.rows += part.rows() as u64;
        self.bar.set_position(self.rows);
        self.hand_on(|inner| inner.read(part))
    }

    fn step(&mut self, number: usize, change: &Change) -> musicrec_api::Result<()> {
        self.hand_on(|inner| inner.step(number, change))
    }

    fn streamed(&mut self, part: &Log) -> musicrec_api::Result<()> {
        self.hand_on(|inner| inner.streamed(part))
    }

    fn whole(&mut self, source: Vec<Booking>) -> musicrec_api::Result<()> {
        self.hand_on(|inner| inner.whole(source))
    }
}

/// What was done, on standard output unless the log went there.
fn tell(document: &Document, to_file: bool, ledger: Option<&Path>) -> Result<(), Failure> {
    let funnel: Vec<Step> = document.steps.iter().map(|s| s.step.clone()).collect();
    let width = terminal_width();
    let mut text = report::funnel(&funnel, width);
    for plugin in &document.not_applied {
        let name = plugin.as_object().and_then(|p| p.keys().next());
        let _ = writeln!(
            text,
            "  not applied: {}, which acts on the fit part of a split only",
            name.map_or("", String::as_str)
        );
    }
    if to_file {
        print_view(&text)?;
    } else {
        say_rendered(visible(&text).trim_end());
    }
    if document.events.is_none() {
        say(
            "note: a sweep could not use this log yet: some column is still to be parsed or has missing cells; \
             `musicrec-lab sweep` says which",
        );
    }
    let mut files = Vec::new();
    if let Some(output) = &document.output {
        files.push(format!("{} rows in {}", count(document.rows), output.file));
    }
    if let Some(path) = ledger {
        files.push(format!("the ledger in {}", path.display()));
    }
    if let Some(quarantine) = &document.quarantine {
        files.push(format!(
            "{} lines of dropped rows and {} of changed cells in {}",
            count(quarantine.dropped),
            count(quarantine.changed),
            quarantine.output.file
        ));
        for note in &quarantine.notes {
            say(&format!("warning: {note}"));
        }
    }
    if !files.is_empty() {
        say(&one_line(&files.join("; ")));
    }
    Ok(())
}

/// All files that parameters name.
fn named(parameters: &serde_json::Value, base: &Path, files: &mut Vec<PathBuf>) {
    match parameters {
        serde_json::Value::String(text) => {
            files.extend(Some(base.join(text)).filter(|p| p.is_file()));
        }
        serde_json::Value::Object(map) => map.values().for_each(|value| named(value, base, files)),
        serde_json::Value::Array(list) => list.iter().for_each(|value| named(value, base, files)),
        _ => {}
    }
}
