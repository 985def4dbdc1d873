//! What Slurm runs on a node.

use std::fmt::Write as _;

use musicrec_api::Work;

use crate::command::quoted;

/// The script of an array whose tasks are units from `offset` on. The unit takes the place of the shell, so
/// that it gets Slurm's signals itself.
pub(super) fn text(work: &Work, setup: &[String], offset: u32) -> String {
    let mut out = String::from("#!/bin/bash\n");
    if !setup.is_empty() {
        // A unit must not run in surroundings that were not asked for. What replaces the shell ends no shell.
        out += "set -eE\n\
                trap 'trap - EXIT; echo \"error: a line of setup failed: $BASH_COMMAND\" >&2' ERR\n";
    }
    out += "trap 'echo \"error: the unit was not begun: setup or the program ended before it\" >&2' EXIT\n";
    for line in setup {
        let _ = writeln!(out, "{line}");
    }
    let command = work.command();
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    let logs = quoted(&work.logs.display().to_string());
    let _ = write!(
        out,
        "task=${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\n\
         export MUSICREC_JOB=$task MUSICREC_NODE=$SLURMD_NODENAME\n\
         export MUSICREC_OUTPUT={logs}/$task.out\n\
         export MUSICREC_THREADS=${{SLURM_CPUS_PER_TASK:-1}}\n\
         exec {} $(({offset} + SLURM_ARRAY_TASK_ID))\n",
        command.join(" ")
    );
    out
}
