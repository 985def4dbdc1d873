//! Programs of an engine, as they are asked and what they answer.

use std::process::{Command, Stdio};

use musicrec_api::{Error, Result};

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs a program of the engine and returns what it prints. `remedy` is what to do where it is not there.
pub(crate) fn run(program: &str, arguments: &[String], remedy: &str) -> Result<String> {
    let ended = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::engine(format!("there is no program `{program}` here: {remedy}"))
            }
            _ => Error::engine(format!("cannot run `{program}`: {error}")),
        })?;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&ended.stderr);
    let lines = complaint.lines().chain(said.lines());
    let lines: Vec<&str> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    Err(Error::engine(format!(
        "`{program}` ended with {}: {} (the command was: {program} {})",
        ended.status,
        if lines.is_empty() {
            "it said nothing".to_owned()
        } else {
            lines.join("; ")
        },
        words.join(" ")
    )))
}

#[cfg(test)]
mod tests {
    use super::{quoted, run};

    #[test]
    fn words_come_through_a_shell_as_they_are() {
        for word in ["plain", "", "two words", "it's", "$HOME", "a\nb", "*"] {
            let line = format!("printf %s {}", quoted(word));
            assert_eq!(run("sh", &["-c".into(), line], "").unwrap(), word);
        }
    }

    #[test]
    fn a_program_that_is_not_there_or_fails_says_so() {
        let error = run("no-such-program", &[], "go to a login node").unwrap_err();
        assert!(error.to_string().contains("go to a login node"), "{error}");
        let line = "echo no such partition >&2; exit 3".to_owned();
        let error = run("sh", &["-c".into(), line], "").unwrap_err().to_string();
        assert!(
            error.contains("no such partition") && error.contains("exit status: 3"),
            "{error}"
        );
    }
}
