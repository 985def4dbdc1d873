//! Runs the units of a sweep in the background of this machine, a few at once: an engine of the plainest kind.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use musicrec_api::{Engine, Error, Job, Launcher, Look, Result, Work, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs the units in the background of this machine, a few at once; they go on when the command that launched
/// them is gone. It needs `sh`, `xargs` and `ps`.
///
/// ```toml
/// [launcher.my_plugin]
/// at_once = 4
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MyPlugin {
    /// Units of a step that run at once; at least 1. Default 2.
    pub at_once: NonZeroU32,
}

impl Default for MyPlugin {
    fn default() -> Self {
        Self {
            at_once: NonZeroU32::new(2).expect("2 is not 0"),
        }
    }
}

#[typetag::serde(name = "my_plugin")]
impl Launcher for MyPlugin {
    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }
}

/// The name of the script, by which its processes are known again.
const SCRIPT: &str = "units-of-my_plugin.sh";

impl MyPlugin {
    /// A line a step: a step begins when the one before it is over, however its units ended.
    fn script(&self, work: &Work) -> String {
        let command: Vec<String> = work.command().iter().map(|word| quoted(word)).collect();
        let mut text = String::from(
            "#!/bin/sh\n# Each unit is a thread, for others run beside it.\nexport MUSICREC_THREADS=1\n",
        );
        for step in &work.steps {
            let units: Vec<String> = step.units.iter().map(u32::to_string).collect();
            let _ = writeln!(
                text,
                "# {}\nprintf '%s\\n' {} | xargs -n 1 -P {} {}",
                step.name,
                units.join(" "),
                self.at_once,
                command.join(" ")
            );
        }
        text
    }
}

impl Engine for MyPlugin {
    fn draft(&self, work: &Work) -> Result<String> {
        Ok(self.script(work))
    }

    fn submit(&self, work: &Work, taken: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
        let script = work.logs.join(SCRIPT);
        std::fs::write(&script, self.script(work))
            .map_err(|e| Error::io(format!("cannot write {}", script.display()), e))?;
        // The shell ends at once and leaves the script behind, in a group of processes of its own that is
        // known by the shell's number, and is ended as one.
        let start = format!(
            "sh {} >{} 2>&1 </dev/null &",
            quoted(&script.display().to_string()),
            quoted(&work.logs.join("units.out").display().to_string())
        );
        let mut shell = Command::new("sh")
            .args(["-c", &start])
            .process_group(0)
            .spawn()
            .map_err(|e| Error::engine(format!("cannot run `sh`: {e}")))?;
        let group = shell.id();
        shell
            .wait()
            .map_err(|e| Error::engine(format!("cannot wait for `sh`: {e}")))?;
        // An engine with jobs of its own would take them step by step; this one takes all at once. What it is
        // called must tell it from all others for ever: numbers of processes are given again.
        taken(Job {
            id: format!("{group} {}", script.display()),
            step: 0,
            units: work
                .steps
                .iter()
                .flat_map(|step| step.units.clone())
                .collect(),
        })
    }

    /// How many are done the store knows; an engine only tells whether anything may still come.
    fn look(&self, jobs: &[Job]) -> Result<Look> {
        let all = processes()?;
        let mut look = Look::default();
        for job in jobs {
            let own = of(job, &all);
            look.running += own.iter().filter(|line| line.contains("--index ")).count();
            look.waiting += usize::from(!own.is_empty());
        }
        Ok(look)
    }

    fn cancel(&self, jobs: &[Job]) -> Result<()> {
        let all = processes()?;
        for job in jobs.iter().filter(|job| !of(job, &all).is_empty()) {
            // SIGTERM gives a unit back: whoever runs it next begins it anew.
            let group = format!("-{}", group_of(job));
            ask("kill", &["-TERM", "--", &group])?;
        }
        Ok(())
    }
}

/// The number of a job's group of processes.
fn group_of(job: &Job) -> &str {
    job.id.split(' ').next().unwrap_or_default()
}

/// All processes of this machine: group and command.
fn processes() -> Result<String> {
    ask("ps", &["-A", "-o", "pgid=", "-o", "args="])
}

/// Those of a job, as long as its script runs.
fn of<'p>(job: &Job, all: &'p str) -> Vec<&'p str> {
    let (group, script) = job.id.split_once(' ').unwrap_or_default();
    let in_group = |line: &&str| line.split_whitespace().next() == Some(group);
    let own: Vec<&str> = all.lines().filter(in_group).collect();
    if own.iter().any(|line| line.contains(script)) {
        own
    } else {
        Vec::new()
    }
}

/// What a program prints; it must end well.
fn ask(program: &str, words: &[&str]) -> Result<String> {
    let ended = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::engine(format!("cannot run `{program}`: {e}")))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        return Err(Error::engine(format!(
            "`{program}` ended with {}: {}",
            ended.status,
            said.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

// Raise the revision whenever something changes that those who use it should know.
register!(Launcher, MyPlugin, "my_plugin", revision = 1);

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use musicrec_api::{Engine as _, Job, Step, Work, conformance};

    use super::MyPlugin;

    /// A folder of this test, which stays for whoever looks why it failed.
    fn folder(name: &str) -> PathBuf {
        let name = format!("my_plugin-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Two steps of units, each of which is a program with `unit STORE --index N`.
    fn submitted(program: &str, logs: &Path) -> Vec<Job> {
        let step = |name: &str, units| Step {
            name: name.to_owned(),
            units,
        };
        let places = ("/a store".into(), program.into(), logs.to_path_buf());
        let steps = vec![step("prepare", vec![0]), step("validation", vec![3, 7])];
        let mut jobs = Vec::new();
        let taken = &mut |job| {
            jobs.push(job);
            Ok(())
        };
        MyPlugin::default()
            .submit(&Work::new("mine", places, steps), taken)
            .unwrap();
        jobs
    }

    fn wait_until_over(jobs: &[Job]) {
        let begun = Instant::now();
        while MyPlugin::default().look(jobs).unwrap().lives() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn every_unit_runs_step_by_step() {
        let folder = folder("runs");
        wait_until_over(&submitted("/bin/echo", &folder));
        let said = std::fs::read_to_string(folder.join("units.out")).unwrap();
        let mut lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "unit /a store --index 0");
        lines.sort_unstable();
        assert_eq!(
            lines[1..],
            ["unit /a store --index 3", "unit /a store --index 7"]
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_canceled_is_over() {
        let folder = folder("canceled");
        let program = folder.join("slow");
        std::fs::write(&program, "#!/bin/sh\nsleep 60\n").unwrap();
        let made = super::ask("chmod", &["+x", &program.display().to_string()]);
        made.unwrap();
        let jobs = submitted(&program.display().to_string(), &folder);
        assert!(MyPlugin::default().look(&jobs).unwrap().lives());
        // The number of a group that somebody else has is not ours.
        let others = Job {
            id: jobs[0].id.replace("units-of", "units-not-of"),
            ..jobs[0].clone()
        };
        MyPlugin::default().cancel(&[others]).unwrap();
        assert!(MyPlugin::default().look(&jobs).unwrap().lives());
        MyPlugin::default().cancel(&jobs).unwrap();
        wait_until_over(&jobs);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn it_keeps_the_promises_of_a_launcher() {
        conformance::launcher("my_plugin");
    }
}
