use std::num::NonZeroU32;

use musicrec_api::{CheckContext, Engine as _, Launcher as _, Step, Work};

use super::{Slurm, job_name};

fn work(units: Vec<u32>) -> Work {
    let step = |name: &str, units| Step {
        name: name.to_owned(),
        units,
    };
    Work::new(
        "my songs",
        (
            "/shared/it's 100 %".into(),
            "/opt/musicrec-lab".into(),
            "/shared/it's 100 %/logs".into(),
        ),
        vec![step("prepare", vec![0]), step("validation", units)],
    )
}

#[test]
fn an_array_is_cut_where_the_site_says_so_and_waits_for_all_before() {
    let slurm = Slurm {
        array_size: NonZeroU32::new(10),
        max_running: NonZeroU32::new(3),
        partition: Some("short".into()),
        options: vec!["--constraint=avx512".into()],
        ..Slurm::default()
    };
    let draft = slurm.draft(&work((1..15).chain([40]).collect())).unwrap();
    let sbatch: Vec<&str> = draft.lines().filter(|l| l.starts_with("sbatch")).collect();
    assert_eq!(sbatch.len(), 4, "{draft}");
    for (line, array, after) in [
        (sbatch[0], "--array=0%3 ", None),
        (
            sbatch[1],
            "--array=0-9%3 ",
            Some("--dependency=afterany:JOB1 "),
        ),
        (
            sbatch[2],
            "--array=0-3%3 ",
            Some("--dependency=afterany:JOB1 "),
        ),
        (
            sbatch[3],
            "--array=0%3 ",
            Some("--dependency=afterany:JOB1 "),
        ),
    ] {
        assert!(line.contains(array), "{line}");
        assert_eq!(line.contains("--dependency"), after.is_some());
        assert!(after.is_none_or(|after| line.contains(after)), "{line}");
        assert!(line.contains("--partition=short"), "{line}");
        assert!(line.contains("--job-name=my-songs."), "{line}");
        // Slurm's own `%A` stays one, and that of the folder is none.
        assert!(line.contains("100 %%/logs/%A_%a.out'"), "{line}");
        assert!(line.contains("--constraint=avx512"), "{line}");
    }
    let execs: Vec<&str> = draft.lines().filter(|l| l.starts_with("exec")).collect();
    let ends = ["$((0 +", "$((1 +", "$((11 +", "$((40 +"];
    for (exec, end) in execs.iter().zip(ends) {
        assert!(exec.contains(end), "{exec}");
        assert!(
            exec.contains(r"unit '/shared/it'\''s 100 %' --index"),
            "{exec}"
        );
    }
}

#[test]
fn what_slurm_would_refuse_is_refused_before() {
    let problems = |slurm: Slurm| {
        let context = CheckContext::new("".as_ref());
        slurm.check(&context).len()
    };
    let time = |text: &str| Slurm {
        time: Some(text.into()),
        ..Slurm::default()
    };
    for good in [
        "90",
        "90:00",
        "1:30:00",
        "2-12",
        "2-12:00",
        "2-12:00:00",
        "UNLIMITED",
    ] {
        assert_eq!(problems(time(good)), 0, "{good}");
    }
    for bad in ["", "2h", "1:2:3:4", "-1", "1-", "1:", "two"] {
        assert_eq!(problems(time(bad)), 1, "{bad}");
    }
    let mem = |text: &str| Slurm {
        mem: Some(text.into()),
        ..Slurm::default()
    };
    assert_eq!(["8G", "800", "1t"].map(|good| problems(mem(good))), [0; 3]);
    assert_eq!(
        ["", "G", "8GB", "8 G"].map(|bad| problems(mem(bad))),
        [1; 4]
    );
    let options = |word: &str| Slurm {
        options: vec![word.into()],
        ..Slurm::default()
    };
    for bad in ["--array=1-3", "-o", "--dependency=after:1", "exclusive"] {
        assert_eq!(problems(options(bad)), 1, "{bad}");
    }
    for good in ["--exclusive", "--mail-user=a b", "-N2"] {
        assert_eq!(problems(options(good)), 0, "{good}");
    }
    let found = Slurm {
        account: Some(String::new()),
        partition: Some("short long".into()),
        options: ["--exclusive", "--mem 8G", "-N 2"]
            .map(str::to_owned)
            .into(),
        ..Slurm::default()
    }
    .check(&CheckContext::new("".as_ref()));
    let found: Vec<_> = found
        .iter()
        .map(|problem| (&*problem.parameter, problem.remedy.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("account", "leave it out to have the site's default"),
            ("partition", "names of Slurm have none"),
            ("options.1", "write it as one: \"--mem=8G\""),
            ("options.2", "write it as one: \"-N2\""),
        ]
    );
}

/// By what `sbatch` said in `tests/cluster`.
#[test]
fn a_refusal_names_the_setting() {
    let sample = include_str!("../../../tests/cluster/samples/sbatch");
    let mut named = std::collections::BTreeMap::new();
    for said in sample
        .split("$ ")
        .filter(|said| said.contains("sbatch: error"))
    {
        let (typed, said) = said.split_once('\n').unwrap();
        let error = musicrec_api::Error::engine(format!("{said} (the command was: {typed})"));
        let text = super::refused(error).to_string();
        if let Some((_, setting)) = text.split_once("look at ") {
            named.insert(typed.to_owned(), setting.to_owned());
        }
    }
    for (option, setting) in [
        ("--mem=99999", "`mem`"),
        ("--cpus-per-task=3", "`cpus`"),
        ("--partition=nosuch", "`partition`"),
        ("--gres=gpu:1", "`gres`"),
        ("--array=0-1001", "`array_size`"),
        ("--constraint=nosuch", "`options`"),
    ] {
        let typed = format!("sbatch --parsable --output=/dev/null {option} --wrap true");
        let found = named.get(&typed).map(String::as_str);
        assert_eq!(
            found,
            Some(&*format!("{setting} in [launcher.slurm]")),
            "{named:?}"
        );
    }
    let lost = super::refused(musicrec_api::Error::engine(
        "Unable to contact slurm controller",
    ));
    assert_eq!(lost.to_string(), "Unable to contact slurm controller");
}

#[test]
fn a_name_has_nothing_that_a_tool_trips_over() {
    assert_eq!(job_name("als|vs pop", "rung 2"), "als-vs-pop.rung-2");
}

/// The script as bash runs it, where the unit is `echo` and Slurm is pretended.
fn ran(setup: &[&str]) -> (bool, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut work = work(vec![5]);
    work.program = "/bin/echo".into();
    let setup: Vec<String> = setup.iter().map(|line| (*line).to_owned()).collect();
    let path = folder.path().join("unit.sh");
    std::fs::write(&path, super::script::text(&work, &setup, 5)).unwrap();
    let ended = std::process::Command::new("bash")
        .arg(path)
        .env("SLURM_ARRAY_JOB_ID", "7")
        .env("SLURM_ARRAY_TASK_ID", "2")
        .env("SLURMD_NODENAME", "n1")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        ended.status.success(),
        text(ended.stdout),
        text(ended.stderr),
    )
}

#[test]
fn a_unit_runs_in_its_surroundings_or_not_at_all() {
    let (well, said, complaint) = ran(&["export A=1", "true"]);
    assert!(well && complaint.is_empty(), "{complaint}");
    assert_eq!(said.trim(), "unit /shared/it's 100 % --index 7");
    for (line, why) in [
        ("false", "a line of setup failed: false"),
        ("cd /nowhere", "a line of setup failed: cd /nowhere"),
        ("exit 1", "the unit was not begun"),
    ] {
        let (well, said, complaint) = ran(&["true", line]);
        assert!(!well && said.is_empty(), "{line}");
        let last = complaint.lines().last().unwrap_or_default();
        assert!(last.contains(why), "{line}: {complaint}");
    }
    assert!(ran(&["false || true"]).0);
}
