//! Ray: one job whose driver runs the units as tasks, by the Jobs API.

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use musicrec_api::{
    CheckContext, Engine, Error, Job, Launcher, Look, Problem, Result, Step, Work, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::quoted;
use crate::manual::Manual;
use client::{Client, Details, Submission, TOKEN_VARIABLE};

/// What Ray runs on its head: hands the units out as tasks.
const DRIVER: &str = include_str!("ray/driver.py");

/// What stands between a worker of Ray and a unit, and ends the unit when the worker is gone.
const GUARD: &str = include_str!("ray/guard.py");

/// The head where nothing says otherwise.
const LOCAL_HEAD: &str = "http://127.0.0.1:8265";

/// How long an answer may take; Ray itself waits 10 s for an agent to run a job.
const PATIENCE: Duration = Duration::from_secs(30);

/// Submits the units to a Ray cluster: one job through the Jobs API, whose small driver runs each unit as a
/// task, step after step. Nothing of Python is needed where the sweep is started, only the address of Ray's
/// dashboard (`ray[default]`, 2.9 or newer).
///
/// A task whose worker or node dies is run again by Ray, elsewhere. If the head dies, Ray forgets the job:
/// the same command again submits what is missing. Canceling gives units back (SIGTERM). What units print is
/// in the store's `submissions/`. The store, the program and the log must be seen by all nodes, the head
/// too, under the same paths.
///
/// The token of a cluster with `RAY_AUTH_MODE=token` is looked for as Ray does: in the variable
/// `RAY_AUTH_TOKEN`, in the file that `RAY_AUTH_TOKEN_PATH` names, in `~/.ray/auth_token`. It is sent to the
/// address, and written nowhere.
///
/// ```toml
/// [launcher.ray]
/// address = "http://head:8265"
/// cpus = 4
/// mem = "8G"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ray {
    /// Where the head's dashboard answers, `http://HOST:8265`. If absent, what the variable `RAY_ADDRESS`
    /// says if that begins with `http`, else `http://127.0.0.1:8265`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The Python on the head that has Ray: a name or a path.
    pub python: String,
    /// CPUs of a unit, which are its threads.
    pub cpus: NonZeroU32,
    /// The memory of a unit, for example `8G`: Ray places no more units on a node than fit, and does not
    /// watch what they take. Not counted if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<String>,
    /// Further resources of a unit, as the nodes declare them (`ray start --resources`): `{ fast = 1 }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, f64>,
    /// How often a unit is run again when its worker dies.
    pub retries: u32,
    /// The name of the variable that holds the token. Another than Ray's own is the only place that is
    /// looked at.
    pub token_variable: String,
}

impl Default for Ray {
    fn default() -> Self {
        Self {
            address: None,
            python: "python".to_owned(),
            cpus: NonZeroU32::MIN,
            mem: None,
            resources: BTreeMap::new(),
            retries: 3,
            token_variable: TOKEN_VARIABLE.to_owned(),
        }
    }
}

#[typetag::serde(name = "ray")]
impl Launcher for Ray {
    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some((message, remedy)) = self.address.as_deref().and_then(client::fault) {
            problems.push(Problem::at("address", message).remedy(remedy));
        }
        if self.python.trim().is_empty() {
            problems.push(
                Problem::at("python", "it names no program")
                    .remedy("\"python\", or the path of a Python that has Ray on the head"),
            );
        }
        let token = &self.token_variable;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if token.is_empty() || !token.chars().all(fits) {
            // Not repeated: it may be a token.
            problems.push(
                Problem::at("token_variable", "this is no name of a variable").remedy(
                    "it names the variable that holds the token, and is not the token itself",
                ),
            );
        }
        if let Some(mem) = &self.mem
            && bytes(mem).is_none()
        {
            problems.push(
                Problem::at("mem", format!("`{mem}` is no amount of memory"))
                    .remedy("for example \"8G\" or \"800M\""),
            );
        }
        for (name, amount) in &self.resources {
            let at = format!("resources.{name}");
            if let Some(remedy) = own_parameter(name) {
                problems
                    .push(Problem::at(at, "this has a parameter of its own in Ray").remedy(remedy));
            } else if !(*amount > 0.0 && (*amount <= 1.0 || amount.fract() == 0.0)) {
                problems.push(
                    Problem::at(at, format!("a task cannot have {amount} of a resource"))
                        .remedy("a part of one (0.5), or a whole number"),
                );
            }
        }
        problems
    }
}

/// What to do about a resource that Ray takes under another name.
fn own_parameter(resource: &str) -> Option<&'static str> {
    match resource {
        "CPU" => Some("say `cpus`"),
        "memory" => Some("say `mem`"),
        "GPU" => Some("leave it out: models run on CPUs"),
        "object_store_memory" => Some("leave it out: units keep nothing in the object store"),
        _ => None,
    }
}

/// Bytes in a text such as `8G`.
fn bytes(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let power = "kmgt".find(unit.to_ascii_lowercase())? as u32 + 1;
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number
        .checked_mul(1024_u64.pow(power))
        .filter(|bytes| *bytes > 0)
}

/// How far a driver is, as it writes it beside its steps. Missing or torn, nothing is known yet.
#[derive(Debug, Deserialize)]
struct State {
    /// Units that have not ended.
    left: usize,
    /// Units for which the cluster has room at once.
    room: usize,
    says: Vec<String>,
}

/// The key in the metadata of a job for the folder where its driver writes.
const FOLDER: &str = "folder";

impl Ray {
    /// Where the head is; `said` is what the variable `RAY_ADDRESS` says.
    fn head(&self, said: Option<String>) -> Result<String> {
        let variable = || said.filter(|said| said.starts_with("http"));
        let address = self.address.clone().or_else(variable);
        let address = address.unwrap_or_else(|| LOCAL_HEAD.to_owned());
        match client::fault(&address) {
            // The cluster file has been checked by now, a variable has not.
            Some((message, remedy)) => Err(Error::engine(format!(
                "the variable RAY_ADDRESS says where Ray is, but {message}: {remedy}"
            ))),
            None => Ok(address),
        }
    }

    fn client(&self) -> Result<Client> {
        let variable = |name: &str| std::env::var(name).ok();
        let token = client::token(&self.token_variable, variable)?;
        let address = self.head(variable("RAY_ADDRESS"))?;
        Ok(Client::new(&address, &self.token_variable, token, PATIENCE))
    }

    /// The options of a task, as Ray names them.
    fn options(&self) -> serde_json::Value {
        let mut all = json!({ "num_cpus": self.cpus, "max_retries": self.retries });
        if let Some(memory) = self.mem.as_deref().and_then(bytes) {
            all["memory"] = memory.into();
        }
        if !self.resources.is_empty() {
            all["resources"] = json!(self.resources);
        }
        all
    }

    fn submission(&self, work: &Work, id: String) -> Submission {
        let file = |ending: &str| {
            quoted(
                &work
                    .logs
                    .join(format!("{id}.{ending}"))
                    .display()
                    .to_string(),
            )
        };
        Submission {
            entrypoint: format!("{} {} {}", quoted(&self.python), file("py"), file("json")),
            metadata: BTreeMap::from([
                ("experiment".to_owned(), work.name.clone()),
                (FOLDER.to_owned(), work.logs.display().to_string()),
            ]),
            id,
        }
    }

    /// What the driver reads.
    fn steps(&self, work: &Work, id: &str) -> String {
        let work = json!({
            "id": id,
            "command": work.command(),
            "options": self.options(),
            "steps": work.steps,
        });
        format!("{work:#}\n")
    }

    fn hand_over(
        &self,
        client: &Client,
        work: &Work,
        id: &str,
        taken: &mut dyn FnMut(Job) -> Result<()>,
    ) -> Result<()> {
        // Files of its own: what runs is not disturbed by what is submitted later, by another version.
        let steps = self.steps(work, id);
        for (ending, text) in [("py", DRIVER), ("guard.py", GUARD), ("json", &steps)] {
            let path = work.logs.join(format!("{id}.{ending}"));
            std::fs::write(&path, text)
                .map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
        }
        let refused = client.submit(&self.submission(work, id.to_owned())).err();
        // One that Ray may have taken is told, so that it can be canceled; if it has not, it is over.
        if refused.as_ref().is_none_or(|refused| refused.doubtful) {
            for (step, Step { units, .. }) in work.steps.iter().enumerate() {
                let (id, units) = (id.to_owned(), units.clone());
                taken(Job { id, step, units })?;
            }
        }
        refused.map_or(Ok(()), |refused| Err(refused.error))
    }
}

impl Engine for Ray {
    fn processors(&self) -> Option<usize> {
        Some(self.cpus.get() as usize)
    }

    fn draft(&self, work: &Work) -> Result<String> {
        let address = self.head(std::env::var("RAY_ADDRESS").ok())?;
        let id = "musicrec-ID";
        let request = serde_json::to_string_pretty(&self.submission(work, id.to_owned()));
        let head = format!(
            "# the token is that of the variable {}, if there is one\nPOST {}/api/jobs/\n{}\n\n# its driver \
             runs each unit as a task of Ray with {}\n",
            self.token_variable,
            address.trim_end_matches('/'),
            request.expect("texts are JSON"),
            self.options(),
        );
        Ok(head + &Manual::default().draft(work)?)
    }

    fn submit(&self, work: &Work, taken: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
        let id = format!(
            "musicrec-{:016x}",
            RandomState::new().hash_one(std::process::id())
        );
        self.hand_over(&self.client()?, work, &id, taken)
    }

    fn look(&self, jobs: &[Job]) -> Result<Look> {
        look(&self.client()?, jobs)
    }

    fn cancel(&self, jobs: &[Job]) -> Result<()> {
        let client = self.client()?;
        let ids: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        ids.into_iter().try_for_each(|id| client.stop(id))
    }
}

fn look(client: &Client, jobs: &[Job]) -> Result<Look> {
    let mut units: BTreeMap<&str, usize> = BTreeMap::new();
    for job in jobs {
        *units.entry(&job.id).or_default() += job.units.len();
    }
    let mut look = Look::default();
    for (id, units) in units {
        if let Some(details) = client.job(id)? {
            add(&mut look, id, units, &details);
        }
    }
    Ok(look)
}

/// Adds what Ray says of a job that was given so many units.
fn add(look: &mut Look, id: &str, units: usize, details: &Details) {
    match details.status.as_str() {
        "SUCCEEDED" | "STOPPED" => {}
        "FAILED" => look.says.push(format!(
            "job {id} of Ray failed: {}",
            gist(details.message.as_deref().unwrap_or_default())
        )),
        _ => {
            let folder = details.metadata.as_ref().and_then(|all| all.get(FOLDER));
            let (left, room) = match folder.and_then(|folder| state(folder.as_ref(), id)) {
                Some(state) => {
                    look.says.extend(state.says);
                    (state.left.min(units), state.room)
                }
                None => (units, 0),
            };
            look.running += left.min(room);
            look.waiting += left - left.min(room);
        }
    }
}

fn state(folder: &Path, id: &str) -> Option<State> {
    let text = std::fs::read(folder.join(format!("{id}.state"))).ok()?;
    serde_json::from_slice(&text).ok()
}

/// What a person should know of a message of Ray with the last lines of a driver: the last few of them that
/// say something.
fn gist(message: &str) -> String {
    let told = |line: &&str| {
        // What a driver prints for programs, what Ray prints for its operators, places in a traceback.
        let noise = [
            "{",
            "Running entrypoint",
            "step ",
            "File \"",
            "^",
            "sys.exit(",
        ];
        let operators = ["\tINFO ", "(raylet)", "last available logs"];
        !line.is_empty()
            && !noise.iter().any(|start| line.starts_with(start))
            && !operators.iter().any(|part| line.contains(part))
    };
    let lines = message.lines().rev().map(str::trim).filter(told).take(3);
    let mut lines: Vec<String> = lines.map(|line| line.chars().take(300).collect()).collect();
    lines.reverse();
    if lines.is_empty() {
        // Only Ray's own words on how it ended.
        let first = message.lines().next().unwrap_or_default();
        lines.push(
            first
                .split(", last available")
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    let said = lines.join("; ");
    if said.contains("not found") || said.contains("No module named 'ray'") {
        return format!(
            "{said} (`python` in [launcher.ray] is to name the Python on the head that has Ray)"
        );
    }
    said
}

register!(Launcher, Ray, "ray", revision = 1);

#[cfg(test)]
mod tests;
