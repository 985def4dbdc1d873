//! Models of others: a command that is given files and answers with a file.

mod child;
mod exchange;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use musicrec_api::{
    Asked, CheckContext, Error, FitContext, Model, Positive, Problem, Purpose, Recommender, Result,
    Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::{Columns, Reading, Unknown};
use crate::files::{self, absolute};
use child::{Call, Ended};
use exchange::Exchange;

/// Anybody's model, in whatever language: a command that finds what it needs as files and answers with lists. It
/// meets the same questions, masks, ties and statistics as all models.
///
/// The command is started once for each fit, without a shell, in an empty temporary folder of its own, which is gone
/// afterwards. All files are CSV in UTF-8 with a line of column names; ids are those of the cleaned log. There it
/// finds:
///
/// - `request.json`: `part` (`validation`, `test`, or `recommendations`, for which it learns from everything), `period`
///   (from 1), `seed` (from 0 to 2147483646), `threads` (as many as it should use), `depth` (how many places of a list
///   count; four times as many where `[rules.at_most]` takes items off), `items` (how many to give each user: one more, which tells whether the last place is tied), `parameters`
///   (those of the definition), `definition_folder` (its full path);
/// - `train.csv`: `user`, `item`, `weight`, a row for each pair with an interaction, as the weighting made it;
/// - `users.csv`: `user`, those to answer for;
/// - `items.csv`: `item`, all that the fit part has;
/// - `masked.csv`: `user`, `item`: what the lab takes out of a user's list (what was heard before, and what `[rules]` do
///   not let this user or anybody be shown), so leave it out, or give as many items more;
/// - `events.csv`, if `events` or `columns` ask for it: `user`, `item`, then `time` (seconds since 1970, UTC), `kind`,
///   `plays` and `seconds` where the log has them, then the `columns`; a row for each event of the fit part, in the
///   order of the log. A cell that is missing is empty.
///
/// It answers with `answer.csv`: `user`, `item` and `score` (the higher the better; equal scores are ordered by
/// item, as for all models), or `rank` (from 1), or neither, where a user's rows stand from best to worst. Items that
/// are not in a list are not recommended. A list may be short: missing places count as misses, and record and report
/// say how many users have short lists. A user without rows has an empty list.
///
/// The trial fails, and others go on, if the command ends with another exit code than 0 or by a signal, takes longer than
/// `timeout`, writes no answer, or one that no list can be: an unknown user or item, an item twice for a user, a score
/// that is no finite number. The message names file and line. What it wrote to standard error and standard output is
/// kept in the trial's record (`run.notes`, the last 16 KiB of each).
///
/// The command is a process group of its own; when the fit ends, however it ends, and even when the lab is killed, all
/// of the group is killed. `OMP_NUM_THREADS` and its kin hold `threads`, and `PYTHONHASHSEED` is 0, so that sets
/// of Python have one order; `environment` may change it all. Standard input is empty.
///
/// The first word of the command is looked for on the `PATH`, unless there is a `/` in it; then it is a file in the
/// folder of the definition. Other words that name a file there are given by their full path. Those files, and the
/// ones of `watch`, are part of a trial's id by their content: whoever changes the script gets new trials. What else
/// the command needs (other scripts that it reads, packages, the interpreter) is not: name it in `watch`, or say
/// a version in `parameters`.
///
/// Its memory and processor time are not the lab's and are in no figures; its wall time is. It cannot answer for
/// users who are held out whole.
///
/// ```toml
/// [model.process]
/// command = ["python3", "my_model.py"]
/// stochastic = false
/// timeout = 600
/// ```
///
/// With parameters, whose values may be axes like all others, and everything the log has:
///
/// ```toml
/// [model.process]
/// label = "mine"
/// command = ["python3", "my_model.py"]
/// watch = ["my_library.py"]
/// parameters = { factors = { grid = [16, 32] }, epochs = 10 }
/// columns = ["artist_id"]
/// stochastic = false
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The program and its arguments, for example `["python3", "my_model.py"]`.
    pub command: Vec<String>,
    /// Whatever the command is to be told, as it stands: a table. Default empty.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Environment variables beside those that the lab has. Default none.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// More files whose content decides what the command does, relative to the folder of the definition.
    /// Default none.
    #[serde(default)]
    pub watch: Vec<String>,
    /// Whether to write `events.csv`. Default false, unless there are `columns`.
    #[serde(default)]
    pub events: bool,
    /// Columns of the log to add to `events.csv`. Default none.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Whether another seed gives another result. Default true: then it is fitted with several.
    #[serde(default = "yes")]
    pub stochastic: bool,
    /// How long it may take. Default as long as it likes.
    #[serde(default)]
    #[schemars(extend("x-unit" = "seconds"))]
    pub timeout: Option<Positive>,
}

fn yes() -> bool {
    true
}

/// The file that it answers with.
const ANSWER: &str = "answer.csv";

#[typetag::serde(name = "process")]
impl Model for Process {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        context.check_cancelled()?;
        let everybody;
        let asked = if let Some(asked) = context.asked {
            asked
        } else {
            let users = (0..train.n_users() as u32).map(|user| (user, &[][..]));
            everybody = Asked::new(Purpose::Test, train.n_items(), users);
            &everybody
        };
        let folder = tempfile::Builder::new()
            .prefix("musicrec-process-")
            .tempdir()
            .map_err(|error| Error::io("cannot make a temporary folder", error))?;
        let exchange = Exchange {
            folder: folder.path(),
            train,
            asked,
        };
        exchange.request(self, context)?;
        exchange.data(self)?;
        context.check_cancelled()?;
        let ended = self.call(folder.path(), context)?;
        let period = match asked.period {
            1 => String::new(),
            period => format!(" of period {period}"),
        };
        for (what, text) in [("stderr", &ended.stderr), ("stdout", &ended.stdout)] {
            if !text.trim().is_empty() {
                context.note(format!("{what}{period}"), text.clone());
            }
        }
        let name = self.name();
        ended.check(&name)?;
        let path = folder.path().join(ANSWER);
        if !path.is_file() {
            return Err(Error::model(format!(
                "{name} ended well, but did not write `{ANSWER}` into the folder that it was started in{}",
                ended.said_last()
            )));
        }
        let reading = Reading {
            path: &path,
            name: &format!("{ANSWER} of {name}"),
            columns: Columns::USUAL,
            unknown: Unknown::Error,
        };
        let answer = reading.read(train)?;
        if answer.answered() == 0 && !asked.users.is_empty() && train.n_items() > 0 {
            return Err(Error::model(format!(
                "{ANSWER} of {name} recommends nothing to anybody{}",
                ended.said_last()
            )));
        }
        Ok(answer.recommender(Some(&asked.users)))
    }

    fn is_stochastic(&self) -> bool {
        self.stochastic
    }

    fn unsaved(&self) -> Option<String> {
        Some(
            "what its command learned is the command's own, and here are its answers only"
                .to_owned(),
        )
    }

    fn fingerprint(&self, base: &Path) -> Result<Option<String>> {
        let files = self
            .scripts(base)
            .chain(self.watch.iter().map(String::as_str));
        files::fingerprint(base, files).map(Some)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        match self.command.first() {
            None => {
                let what = "the command is empty";
                let remedy = "for example command = [\"python3\", \"my_model.py\"]";
                problems.push(Problem::at("command", what).remedy(remedy));
            }
            Some(program) if program.is_empty() => {
                problems.push(Problem::at("command.0", "the program has no name"));
            }
            Some(program) if is_path(program) => {
                let remedy = "give the program's path from the folder of the definition, or its name alone \
                              to look for it on the PATH";
                problems.extend(files::missing(context.base, program, "command.0", remedy));
            }
            Some(_) => {}
        }
        for (at, word) in self.command.iter().enumerate().skip(1) {
            // Most likely a script, and its absence would be found by the interpreter in each trial.
            if looks_like_a_script(word) && !context.base.join(word).exists() {
                let remedy = "give its path from the folder of the definition";
                let parameter = format!("command.{at}");
                problems.extend(files::missing(context.base, word, parameter, remedy));
            }
        }
        for (at, name) in self.watch.iter().enumerate() {
            let remedy = "`watch` names files from the folder of the definition, each by itself";
            let parameter = format!("watch.{at}");
            problems.extend(files::missing(context.base, name, parameter, remedy));
        }
        for (at, name) in self.columns.iter().enumerate() {
            problems.extend(context.missing_column(format!("columns.{at}"), name));
        }
        let odd = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        if let Some(name) = self.environment.keys().find(odd) {
            let what = format!("`{name}` cannot be the name of an environment variable");
            problems.push(Problem::at("environment", what));
        }
        problems
    }
}

register!(Model, Process, "process", revision = 1);

/// Whether a first word is a file and not looked for on the `PATH`.
fn is_path(program: &str) -> bool {
    program.contains('/')
}

/// Whether a word is meant as a file that an interpreter is to run.
fn looks_like_a_script(word: &str) -> bool {
    const ENDINGS: [&str; 8] = ["py", "sh", "r", "jl", "js", "rb", "pl", "jar"];
    let ending = Path::new(word)
        .extension()
        .and_then(|ending| ending.to_str());
    !word.starts_with('-')
        && ending.is_some_and(|ending| ENDINGS.iter().any(|e| ending.eq_ignore_ascii_case(e)))
}

impl Process {
    /// The command in a few words.
    fn name(&self) -> String {
        format!("`{}`", self.command.join(" "))
    }

    /// The words of the command that name files.
    fn scripts<'a>(&'a self, base: &'a Path) -> impl Iterator<Item = &'a str> {
        let words = self.command.iter().enumerate();
        words
            .filter(|(at, word)| (*at > 0 || is_path(word)) && base.join(word).is_file())
            .map(|(_, word)| word.as_str())
    }

    /// The words as they hold in any folder.
    fn words(&self, base: &Path) -> Vec<PathBuf> {
        let files: Vec<&str> = self.scripts(base).collect();
        let words = self.command.iter();
        words
            .map(|word| {
                if files.contains(&word.as_str()) {
                    absolute(&base.join(word))
                } else {
                    PathBuf::from(word)
                }
            })
            .collect()
    }

    fn call(&self, folder: &Path, context: &FitContext) -> Result<Ended> {
        let words = self.words(context.base);
        let Some((program, arguments)) = words.split_first() else {
            return Err(Error::definition("the command of `process` is empty"));
        };
        let threads = rayon::current_num_threads().to_string();
        let mut environment: BTreeMap<&str, &str> = BTreeMap::from([
            ("OMP_NUM_THREADS", &*threads),
            ("OPENBLAS_NUM_THREADS", &threads),
            ("MKL_NUM_THREADS", &threads),
            ("BLIS_NUM_THREADS", &threads),
            ("VECLIB_MAXIMUM_THREADS", &threads),
            ("NUMEXPR_NUM_THREADS", &threads),
            ("NUMBA_NUM_THREADS", &threads),
            ("RAYON_NUM_THREADS", &threads),
            ("PYTHONHASHSEED", "0"),
        ]);
        environment.extend(
            self.environment
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str())),
        );
        let limit = self.timeout.map(Positive::get);
        let limit =
            limit.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let call = Call {
            program,
            arguments,
            environment,
            folder,
            limit,
        };
        call.run(&self.name(), context)
    }
}
