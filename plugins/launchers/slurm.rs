//! Slurm: an array of tasks for each step, by `sbatch`.

mod accounting;
mod queue;
mod script;

use std::fmt::Write as _;
use std::num::NonZeroU32;

use musicrec_api::{
    CheckContext, Engine, Error, Job, Launcher, Look, Problem, Result, Step, Usage, Work,
    derive_seed, ranges, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::{quoted, run};

/// What to do where Slurm's programs are not there.
const NO_SLURM: &str = "start the sweep on a machine from which jobs are submitted (a login node), or name \
                        another launcher";

/// The largest array where the site does not say: Slurm's own default.
const MAX_ARRAY_SIZE: u32 = 1001;

/// Submits the units as job arrays to Slurm: one array a step, in chunks where the site allows no larger,
/// each step after the one before it (`afterany`). What is not said here is the site's default.
///
/// A task whose node dies is requeued by Slurm. Preemption, a time limit and `scancel` give a unit back
/// (SIGTERM); the same command again submits what is missing. What tasks print is in the store's
/// `submissions/`. The store, the program and the log must be seen by all nodes under the same paths.
///
/// ```toml
/// [launcher.slurm]
/// account = "music"
/// partition = "short"
/// time = "02:00:00"
/// mem = "8G"
/// cpus = 4
/// setup = ["module load gcc"]
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slurm {
    /// The account that pays (`--account`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The partition (`--partition`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The quality of service (`--qos`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// The time limit of a unit, as Slurm writes it: minutes, `minutes:seconds`, `hours:minutes:seconds` or
    /// `days-hours:minutes:seconds` (`--time`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The memory of a unit, for example `8G` (`--mem`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<String>,
    /// Processors of a unit, which are its threads (`--cpus-per-task`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<NonZeroU32>,
    /// Generic resources (`--gres`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    /// Further options of `sbatch`, each a word: `["--constraint=avx512", "--exclusive"]`.
    pub options: Vec<String>,
    /// Lines of shell (bash) that run on the node before each unit, which is not begun if one of them fails.
    pub setup: Vec<String>,
    /// Tasks in one array at most; what the site allows (`MaxArraySize`) holds besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array_size: Option<NonZeroU32>,
    /// Units of a step that run at once at most (the `%` of `--array`); as many as there is room if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_running: Option<NonZeroU32>,
}

/// Options that the launcher gives itself.
const OWN: [&str; 10] = [
    "--comment",
    "--array",
    "-a",
    "--dependency",
    "-d",
    "--output",
    "-o",
    "--parsable",
    "--no-requeue",
    "--wrap",
];

#[typetag::serde(name = "slurm")]
impl Launcher for Slurm {
    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(time) = &self.time
            && !is_time(time)
        {
            problems.push(
                Problem::at("time", format!("`{time}` is no time limit of Slurm"))
                    .remedy("for example \"90\" (minutes), \"01:30:00\" or \"2-12:00:00\""),
            );
        }
        if let Some(mem) = &self.mem
            && !is_memory(mem)
        {
            problems.push(
                Problem::at("mem", format!("`{mem}` is no amount of memory of Slurm"))
                    .remedy("for example \"8G\" or \"800M\""),
            );
        }
        let words = [
            ("account", &self.account),
            ("partition", &self.partition),
            ("qos", &self.qos),
            ("gres", &self.gres),
        ];
        for (name, value) in words {
            let Some(value) = value else { continue };
            if value.is_empty() {
                problems.push(
                    Problem::at(name, format!("`{name}` is empty"))
                        .remedy("leave it out to have the site's default"),
                );
            } else if value.contains(char::is_whitespace) {
                problems.push(
                    Problem::at(name, format!("`{name}` has a space"))
                        .remedy("names of Slurm have none"),
                );
            }
        }
        for (at, option) in self.options.iter().enumerate() {
            let at = format!("options.{at}");
            let name = option.split('=').next().unwrap_or_default();
            if OWN.contains(&name) {
                problems.push(
                    Problem::at(at, format!("`{name}` is what the launcher says itself"))
                        .remedy("leave it out"),
                );
            } else if !option.starts_with('-') {
                problems.push(
                    Problem::at(at, format!("`{option}` is no option of sbatch"))
                        .remedy("each entry is one word, with its value behind `=`: \"--constraint=avx512\""),
                );
            } else if let Some((name, value)) = name.split_once(char::is_whitespace) {
                problems.push(
                    Problem::at(at, format!("`{option}` is more than one word"))
                        .remedy(one_word(name, value.trim())),
                );
            }
        }
        problems
    }
}

/// A chunk of a step: tasks of one array.
#[derive(Debug, PartialEq, Eq)]
struct Chunk<'w> {
    step: usize,
    name: &'w str,
    /// What is added to the number of a task to get that of its unit.
    offset: u32,
    units: &'w [u32],
}

impl Slurm {
    /// The arrays of some work: a task's number is less than `size`.
    fn chunks<'w>(&self, steps: &'w [Step], size: u32) -> Vec<Chunk<'w>> {
        let size = self.array_size.map_or(size, |own| own.get().min(size));
        let mut chunks = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let mut rest = &step.units[..];
            while let Some(&offset) = rest.first() {
                let (units, more) = rest.split_at(rest.partition_point(|u| u - offset < size));
                chunks.push(Chunk {
                    step: at,
                    name: &step.name,
                    offset,
                    units,
                });
                rest = more;
            }
        }
        chunks
    }

    /// Calls `take` with each array and the options of `sbatch` for it; `take` gives the id of its job, after
    /// which the arrays of the next step begin.
    fn each(
        &self,
        work: &Work,
        size: u32,
        mut take: impl FnMut(&Chunk, Vec<String>) -> Result<String>,
    ) -> Result<()> {
        let (mut before, mut own) = (Vec::new(), Vec::new());
        let mut step = 0;
        for chunk in self.chunks(&work.steps, size) {
            if chunk.step != step {
                before = std::mem::take(&mut own);
                step = chunk.step;
            }
            let words = self.arguments(work, &chunk, &before);
            own.push(take(&chunk, words)?);
        }
        Ok(())
    }

    /// The options of `sbatch` for a chunk, which begins when the jobs of the step before are over.
    fn arguments(&self, work: &Work, chunk: &Chunk, after: &[String]) -> Vec<String> {
        let tasks: Vec<u32> = chunk.units.iter().map(|unit| unit - chunk.offset).collect();
        let most = self
            .max_running
            .map_or(String::new(), |most| format!("%{most}"));
        let mut all = vec![
            "--parsable".to_owned(),
            format!("--comment={}", token(work)),
            format!("--job-name={}", job_name(&work.name, chunk.name)),
            format!("--array={}{most}", ranges(&tasks)),
            "--requeue".to_owned(),
            "--open-mode=append".to_owned(),
            // In a file name of Slurm a `%` stands for something.
            format!(
                "--output={}/%A_%a.out",
                work.logs.display().to_string().replace('%', "%%")
            ),
        ];
        let own = [
            ("account", &self.account),
            ("partition", &self.partition),
            ("qos", &self.qos),
            ("time", &self.time),
            ("mem", &self.mem),
            ("gres", &self.gres),
        ];
        for (name, value) in own {
            all.extend(value.as_ref().map(|value| format!("--{name}={value}")));
        }
        all.extend(self.cpus.map(|cpus| format!("--cpus-per-task={cpus}")));
        if !after.is_empty() {
            all.push(format!("--dependency=afterany:{}", after.join(":")));
        }
        all.extend(self.options.iter().cloned());
        all
    }
}

impl Engine for Slurm {
    fn draft(&self, work: &Work) -> Result<String> {
        let mut out = String::new();
        let mut count = 0;
        self.each(work, MAX_ARRAY_SIZE, |chunk, words| {
            count += 1;
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            let script = script::text(work, &self.setup, chunk.offset);
            let _ = writeln!(
                out,
                "# JOB{count}: {}, units {}\nsbatch {} <<'END'\n{script}END\n",
                chunk.name,
                ranges(chunk.units),
                words.join(" "),
            );
            Ok(format!("JOB{count}"))
        })?;
        Ok(out)
    }

    fn submit(&self, work: &Work, taken: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
        let size = queue::max_array_size()?.unwrap_or(MAX_ARRAY_SIZE);
        self.each(work, size, |chunk, mut words| {
            let name = job_name(chunk.name, &chunk.offset.to_string());
            let script = work.logs.join(format!("{name}.sh"));
            std::fs::write(&script, script::text(work, &self.setup, chunk.offset))
                .map_err(|e| Error::io(format!("cannot write {}", script.display()), e))?;
            words.push(script.display().to_string());
            let said = run("sbatch", &words, NO_SLURM).map_err(refused)?;
            let number = queue::submitted(&said)?;
            let id = queue::named(&number, &token(work));
            taken(Job {
                id,
                step: chunk.step,
                units: chunk.units.to_vec(),
            })?;
            Ok(number)
        })
    }

    fn look(&self, jobs: &[Job]) -> Result<Look> {
        queue::look(jobs)
    }

    fn cancel(&self, jobs: &[Job]) -> Result<()> {
        queue::cancel(jobs)
    }

    fn processors(&self) -> Option<usize> {
        self.cpus.map(|cpus| cpus.get() as usize)
    }

    fn usage(&self, jobs: &[Job]) -> Result<Option<Vec<Usage>>> {
        accounting::usage(jobs)
    }
}

/// How to write an option and its value.
fn one_word(name: &str, value: &str) -> String {
    if name.starts_with("--") {
        format!("write it as one: \"{name}={value}\"")
    } else {
        format!("write it as one: \"{name}{value}\"")
    }
}

/// Which settings `sbatch` means when it refuses, by its words.
const MEANT: [(&str, &str); 11] = [
    ("partition", "`partition`"),
    ("account", "`account`"),
    ("qos", "`qos`"),
    ("memory specification", "`mem`"),
    ("cpu count", "`cpus`"),
    ("gres", "`gres`"),
    ("time limit", "`time`"),
    ("job array specification", "`array_size`"),
    ("unrecognized option", "`options`"),
    ("feature specification", "`options`"),
    (
        "node configuration is not available",
        "`mem`, `cpus`, `gres` or `options`",
    ),
];

/// A refusal with the setting that it is about.
fn refused(error: Error) -> Error {
    let Error::Engine(text) = error else {
        return error;
    };
    // What was typed follows, and names all settings.
    let said = text.split(" (the command was").next().unwrap_or_default();
    let said = said.to_lowercase();
    let meant = MEANT.iter().find(|(words, _)| said.contains(words));
    Error::engine(match meant {
        Some((_, setting)) => format!("{text}; look at {setting} in [launcher.slurm]"),
        None => text,
    })
}

/// What tells the jobs of a submission from all others. Their numbers alone do not: a controller that is
/// killed soon after a submission forgets it, and gives its number to the next.
fn token(work: &Work) -> String {
    format!(
        "musicrec-{:016x}",
        derive_seed(0, &work.logs.display().to_string())
    )
}

/// What Slurm calls a step: letters that no tool of it trips over.
fn job_name(experiment: &str, step: &str) -> String {
    let plain = |c: char| {
        let fits = c.is_ascii_alphanumeric() || "-_.".contains(c);
        if fits { c } else { '-' }
    };
    format!("{experiment}.{step}").chars().map(plain).collect()
}

/// `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`, or none.
fn is_time(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days), rest),
        None => (None, text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let unlimited = ["UNLIMITED", "INFINITE"].contains(&text.to_ascii_uppercase().as_str());
    unlimited || (days.is_none_or(number) && parts.len() <= 3 && parts.into_iter().all(number))
}

fn is_memory(text: &str) -> bool {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']);
    text.len() <= digits.len() + 1
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
}

register!(Launcher, Slurm, "slurm", revision = 1);

#[cfg(test)]
mod tests;
