//! Completions and manual pages, as shells and `man` take them; and the commands that print them.

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::Lab;

/// Whether a tool is there; if not, says so.
fn have(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("SKIPPED: there is no {tool}");
    }
    found
}

/// What bash offers for the last of some words.
fn complete(lab: &Lab, words: &[&str]) -> Vec<String> {
    let script = format!(
        "source completions.bash\n\
         COMP_WORDS=(musicrec-lab {})\n\
         COMP_CWORD={}\n\
         registered=$(complete -p musicrec-lab)\n\
         function=${{registered#*-F }}\n\
         \"${{function%% *}}\" musicrec-lab \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words
            .iter()
            .map(|w| format!("'{w}'"))
            .collect::<Vec<_>>()
            .join(" "),
        words.len()
    );
    let ended = Command::new("bash")
        .args(["--norc", "-c", &script])
        .current_dir(lab.path("."))
        .output()
        .expect("bash runs");
    let out = String::from_utf8(ended.stdout).expect("text");
    assert!(
        ended.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_plugins_options_and_files() {
    if !have("bash") {
        return;
    }
    let lab = Lab::new();
    let script = lab.done(&["completions", "bash"]).out;
    lab.write("completions.bash", &script);
    lab.write("my_experiment.toml", "");
    let parsed = Command::new("bash")
        .args(["-n", "completions.bash"])
        .current_dir(lab.path("."))
        .status();
    assert!(parsed.expect("bash runs").success());
    assert_eq!(complete(&lab, &["plu"]), ["plugins"]);
    assert_eq!(
        complete(&lab, &["plugins", "popularity_"]),
        ["popularity_bias"]
    );
    assert_eq!(complete(&lab, &["plugins", "model.r"]), ["model.random"]);
    assert_eq!(complete(&lab, &["plugins", "--format", "j"]), ["json"]);
    assert_eq!(
        complete(&lab, &["sweep", "--out", "my_"]),
        ["my_experiment.toml"]
    );
    // Where the function has nothing to offer, bash offers files.
    assert_eq!(complete(&lab, &["sweep", "my_"]), [""]);
    assert!(script.contains("-o bashdefault -o default musicrec-lab"));
    assert!(complete(&lab, &["sweep", "--"]).contains(&"--set".to_owned()));
}

#[test]
fn every_shell_gets_completions_that_name_every_command() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = lab.done(&["completions", shell]).out;
        for word in ["sweep", "check", "plugins", "schema", "normalize_ids"] {
            // The other generators leave out what an argument without a flag can be.
            let expected = word != "normalize_ids" || ["bash", "zsh"].contains(&shell);
            assert_eq!(
                script.contains(word),
                expected,
                "{word} in those of {shell}"
            );
        }
    }
    lab.run(&["completions", "tcsh"]).expect(2).says(&["tcsh"]);
}

#[test]
fn manual_pages_are_written_one_a_command_and_render() {
    let lab = Lab::new();
    lab.done(&["man", "pages/man1"]);
    let pages: Vec<String> = lab.files("pages/man1");
    for page in [
        "musicrec-lab.1",
        "musicrec-lab-sweep.1",
        "musicrec-lab-plugins.1",
    ] {
        assert!(pages.iter().any(|p| p.ends_with(page)), "{pages:?}");
    }
    assert!(!pages.iter().any(|p| p.contains("-help")), "{pages:?}");
    let first = lab.done(&["man"]).out;
    let written = fs::read_to_string(lab.path("pages/man1/musicrec-lab.1")).expect("a page");
    assert_eq!(first, written);
    assert!(first.contains("Exit codes"), "{first}");
    if !have("groff") {
        return;
    }
    for page in pages {
        let ended = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .arg(lab.path(format!(
                "pages/man1/{}",
                page.rsplit('/').next().expect("a name")
            )))
            .output()
            .expect("groff runs");
        let complaints = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && complaints.is_empty(),
            "{page}: {complaints}"
        );
    }
    let ended = Command::new("groff")
        .args(["-man", "-Tascii", "-P-cbou"])
        .arg(lab.path("pages/man1/musicrec-lab-sweep.1"))
        .output()
        .expect("groff runs");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(
        text.contains("SYNOPSIS") && text.contains("--fresh"),
        "{text}"
    );
}

#[test]
fn plugins_are_explained_to_people_and_programs() {
    let lab = Lab::new();
    let all = lab.done(&["plugins"]).out;
    assert!(all.contains("model (22)\n  als"), "{all}");
    // Into a pipe goes Markdown, as in plugins/README.md.
    let one = lab.done(&["plugins", "models"]).out;
    assert!(
        one.contains("# model.als\n") && one.contains("| `factors` |"),
        "{one}"
    );
    assert!(
        one.contains("# model.popularity\n") && !one.contains('\x1b'),
        "{one}"
    );
    let json = lab.done(&["plugins", "random", "--format", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["plugins"][0]["kind"], "splitter");
    assert_eq!(json["plugins"][1]["kind"], "model");
    lab.run(&["plugins", "popularty"]).expect(2).says(&[
        "there is no plugin `popularty`",
        "did you mean `popularity`?",
    ]);
}
