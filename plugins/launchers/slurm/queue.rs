//! What Slurm says of jobs.

use std::collections::BTreeSet;

use musicrec_api::{Error, Job, Look, Result};

use super::NO_SLURM;
use crate::command::run;

/// Why a task may wait without anybody having to do something.
const USUAL: [&str; 9] = [
    "None",
    "Priority",
    "Resources",
    "Dependency",
    "JobArrayTaskLimit",
    "BeginTime",
    "Cleaning",
    "ReqNodeNotAvail",
    "NodeDown",
];

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

pub(super) fn look(jobs: &[Job]) -> Result<Look> {
    let words = ["--noheader", "--me", "--array", "--format=%F|%T|%r"];
    let said = run("squeue", &words.map(str::to_owned), NO_SLURM)?;
    Ok(read(&said, jobs))
}

/// Counts the tasks of some jobs in what `squeue` prints: the job's id, the task's state and its reason.
fn read(said: &str, jobs: &[Job]) -> Look {
    let ids: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let mut look = Look::default();
    let mut reasons = BTreeSet::new();
    for line in said.lines() {
        let mut parts = line.trim().splitn(3, '|');
        let (id, state) = (parts.next(), parts.next().unwrap_or_default());
        if id.is_none_or(|id| !ids.contains(id)) {
            continue;
        }
        match state {
            "RUNNING" | "COMPLETING" | "STOPPED" | "SIGNALING" | "STAGE_OUT" => look.running += 1,
            // What is over stays in the queue for a moment if states are asked for.
            "COMPLETED" | "CANCELLED" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "OUT_OF_MEMORY"
            | "BOOT_FAIL" | "DEADLINE" | "REVOKED" => {}
            _ => {
                look.waiting += 1;
                let reason = parts.next().unwrap_or_default().trim();
                if !USUAL.iter().any(|usual| reason.starts_with(usual)) && !reason.is_empty() {
                    reasons.insert(reason.to_owned());
                }
            }
        }
    }
    let says = reasons.iter().map(|reason| {
        format!("tasks wait, and Slurm's reason is {reason} (`squeue --me` shows them)")
    });
    look.says = says.collect();
    look
}

pub(super) fn cancel(jobs: &[Job]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
    // It complains of jobs that it does not know any more, and ends the others.
    match run("scancel", &ids, NO_SLURM) {
        Err(error) if !error.to_string().contains("Invalid job id") => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::Job;

    use super::{config, read, submitted};

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
        let jobs = ["7", "8"].map(|id| Job {
            id: id.to_owned(),
            step: 0,
            units: vec![0],
        });
        let said = "7|RUNNING|None\n7|PENDING|Resources\n8|PENDING|Dependency\n9|RUNNING|None\n\
                    8|PENDING|launch failed requeued held\n7|COMPLETING|None\n\n";
        let look = read(said, &jobs);
        assert_eq!((look.running, look.waiting), (2, 3));
        assert!(look.lives());
        assert_eq!(look.says.len(), 1, "{:?}", look.says);
        assert!(look.says[0].contains("launch failed requeued held"));
        assert!(!read("9|RUNNING|None\n", &jobs).lives());
    }
}
