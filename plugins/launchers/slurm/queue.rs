//! What Slurm says of jobs.

use std::collections::BTreeSet;

use musicrec_api::{Error, Job, Look, Result};

use super::NO_SLURM;
use crate::command::run;

/// Why a task may wait without anybody having to do something.
const USUAL: [&str; 8] = [
    "None",
    "Priority",
    "Resources",
    "Dependency",
    "JobArrayTaskLimit",
    "BeginTime",
    "Cleaning",
    "NodeDown",
];

/// Whether Slurm will never begin a task that waits for this reason, which nobody asked for: it could not be
/// launched several times, on whichever nodes.
fn is_for_good(reason: &str) -> bool {
    reason.ends_with("requeued held") || reason == "DependencyNeverSatisfied"
}

/// The id in what `sbatch --parsable` prints: `123` or `123;cluster`.
pub(super) fn submitted(said: &str) -> Result<String> {
    let id = said.trim().split(';').next().unwrap_or_default();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::engine(format!(
            "`sbatch --parsable` printed `{}`, which is no id of a job; is it Slurm's?",
            said.trim()
        )));
    }
    Ok(id.to_owned())
}

/// The site's limit: numbers of tasks are less than this.
pub(super) fn max_array_size() -> Result<Option<u32>> {
    let said = run("scontrol", &["show".into(), "config".into()], NO_SLURM)?;
    Ok(config(&said, "MaxArraySize"))
}

fn config(said: &str, name: &str) -> Option<u32> {
    let mut pairs = said.lines().filter_map(|line| line.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    value.trim().parse().ok().filter(|size| *size > 0)
}

/// What a job is called by us: its number and the token of its submission.
pub(super) fn named(number: &str, token: &str) -> String {
    format!("{number}:{token}")
}

pub(super) fn look(jobs: &[Job]) -> Result<Look> {
    Ok(read(&queue()?, jobs))
}

/// All of the user's tasks, a line each: job, state, token of the submission, reason.
fn queue() -> Result<String> {
    let words = ["--noheader", "--me", "--array", "--format=%F|%T|%k|%r"];
    run("squeue", &words.map(str::to_owned), NO_SLURM)
}

/// What [`queue`] says of a task.
struct Task<'q> {
    number: &'q str,
    state: &'q str,
    reason: &'q str,
}

/// The tasks of some jobs.
fn tasks<'q>(said: &'q str, jobs: &[Job]) -> Vec<Task<'q>> {
    let ids: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let task = |line: &'q str| {
        let mut parts = line.trim().splitn(4, '|');
        let (number, state, token) = (parts.next()?, parts.next()?, parts.next()?);
        let reason = parts.next().unwrap_or_default().trim();
        let own = ids.contains(named(number, token).as_str());
        own.then_some(Task {
            number,
            state,
            reason,
        })
    };
    said.lines().filter_map(task).collect()
}

/// Counts the tasks of some jobs.
fn read(said: &str, jobs: &[Job]) -> Look {
    let mut look = Look::default();
    let mut reasons = BTreeSet::new();
    let mut dependent = 0;
    for task in tasks(said, jobs) {
        match task.state {
            "RUNNING" | "COMPLETING" | "STOPPED" | "SIGNALING" | "STAGE_OUT" => look.running += 1,
            // What is over stays in the queue for a moment if states are asked for.
            "COMPLETED" | "CANCELLED" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "OUT_OF_MEMORY"
            | "BOOT_FAIL" | "DEADLINE" | "REVOKED" => {}
            _ => {
                look.waiting += 1;
                if is_for_good(task.reason) {
                    look.held += 1;
                } else if task.reason == "Dependency" {
                    dependent += 1;
                }
                if !USUAL.contains(&task.reason) && !task.reason.is_empty() {
                    reasons.insert(task.reason);
                }
            }
        }
    }
    // Each step waits for the one before it, so where nothing else could end they wait for what is held.
    if look.held > 0 && look.running == 0 && look.held + dependent == look.waiting {
        look.held = look.waiting;
    }
    let says = reasons.iter().map(|reason| {
        if is_for_good(reason) {
            return format!(
                "Slurm holds tasks and will not run them ({reason}: `sinfo --list-reasons` may tell why); once \
                 nothing else runs they are ended, and the same command submits them again"
            );
        }
        format!(
            "tasks wait, and Slurm's reason is {reason} (`squeue --me` shows them); if that will not pass, end \
             them with `musicrec-lab cancel` and the report folder, mend the cluster file, and give the same \
             command again"
        )
    });
    look.says = says.collect();
    look
}

pub(super) fn cancel(jobs: &[Job]) -> Result<()> {
    let said = queue()?;
    let numbers: BTreeSet<&str> = tasks(&said, jobs).iter().map(|task| task.number).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = numbers.into_iter().map(str::to_owned).collect();
    run("scancel", &numbers, NO_SLURM).map(drop)
}

#[cfg(test)]
mod tests {
    use musicrec_api::Job;

    use super::{config, read, submitted, tasks};

    #[test]
    fn the_id_is_found_with_and_without_a_cluster() {
        assert_eq!(submitted("123\n").unwrap(), "123");
        assert_eq!(submitted("123;main\n").unwrap(), "123");
        let error = submitted("Submitted batch job 3").unwrap_err().to_string();
        assert!(error.contains("Submitted batch job 3"), "{error}");
    }

    #[test]
    fn the_sites_limit_is_read() {
        let said =
            "AccountingStorageType  = none\nMaxArraySize            = 1001\nMaxDBDMsgs = 20\n";
        assert_eq!(config(said, "MaxArraySize"), Some(1001));
        assert_eq!(config(said, "MaxDBDMsg"), None);
    }

    #[test]
    fn tasks_are_counted_and_odd_reasons_said() {
        let jobs = ["7:ours", "8:ours"].map(|id| Job {
            id: id.to_owned(),
            step: 0,
            units: vec![0],
        });
        let said = "7|RUNNING|ours|None\n7|PENDING|ours|Resources\n8|PENDING|ours|Dependency\n\
                    9|RUNNING|ours|None\n8|PENDING|ours|launch failed requeued held\n\
                    7|COMPLETING|ours|None\n8|PENDING|ours|DependencyNeverSatisfied\n\
                    7|RUNNING|(null)|None\n8|RUNNING|others|None\n\n";
        let look = read(said, &jobs);
        assert_eq!((look.running, look.waiting), (2, 4));
        assert!(look.lives());
        assert_eq!(look.says.len(), 2, "{:?}", look.says);
        assert!(look.says[0].contains("DependencyNeverSatisfied"));
        assert!(look.says[1].contains("launch failed requeued held"));
        // Of what waits, one is for a node: the others are not yet given up.
        let waits = "7|PENDING|ours|launch failed requeued held\n8|PENDING|ours|Dependency\n";
        let more = format!("{waits}7|PENDING|ours|Resources\n");
        let look = read(&more, &jobs);
        assert_eq!((look.waiting, look.held, look.lives()), (3, 1, true));
        let look = read(waits, &jobs);
        assert_eq!((look.waiting, look.held, look.lives()), (2, 2, false));
        let look = read(&format!("{waits}7|RUNNING|ours|None\n"), &jobs);
        assert!(look.lives());
        // A number that Slurm has given to somebody else.
        assert!(!read("7|RUNNING|others|None\n", &jobs).lives());
        let numbers: Vec<&str> = tasks(said, &jobs).iter().map(|task| task.number).collect();
        assert_eq!(numbers, ["7", "7", "8", "8", "7", "8"]);
    }
}
