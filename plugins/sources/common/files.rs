//! Which files a source reads, and the name of their content.

use std::path::Path;

use musicrec_api::Result;
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::input::{Input, hex};
use super::parameters::Named;

/// Files of a folder that a message names.
const NAMED: usize = 10;

/// All files, in the order in which they are read: the one of `path`, those that match it as a
/// pattern, or those of `files`.
pub(crate) fn inputs(
    source: &'static str,
    path: Option<&str>,
    files: &Named,
    base: &Path,
) -> Result<Vec<Input>, Fault> {
    match (path, files.0.is_empty()) {
        (Some(path), true) => matching(source, path, "path", None, base),
        (None, false) => {
            let mut inputs = Vec::new();
            for (part, path) in &files.0 {
                let parameter = format!("files.{part}");
                inputs.extend(matching(source, path, &parameter, Some(part), base)?);
            }
            Ok(inputs)
        }
        (None, true) => Err(Fault::definition(
            "",
            format!("the source `{source}` needs a file"),
            format!(
                "set `source.{source}.path = \"…\"`, with `*` in it for several files, or \
                 `source.{source}.files = {{ train = \"…\", test = \"…\" }}`"
            ),
        )),
        (Some(_), false) => Err(Fault::definition(
            "files",
            format!("both `source.{source}.path` and `source.{source}.files` are given"),
            "remove one of them",
        )),
    }
}

/// The file at a path or, if there is none, those that match it as a pattern, by name.
fn matching(
    source: &'static str,
    path: &str,
    parameter: &str,
    part: Option<&String>,
    base: &Path,
) -> Result<Vec<Input>, Fault> {
    let input = |path| Input {
        source,
        path,
        parameter: parameter.to_owned(),
        part: part.cloned(),
    };
    let whole = base.join(path);
    // A file may be called so.
    if !path.contains(['*', '?', '[']) || whole.exists() {
        return Ok(vec![input(whole)]);
    }
    // The folder of the definition is not part of the pattern, whatever it is called.
    let pattern = if Path::new(path).is_absolute() || base.as_os_str().is_empty() {
        path.to_owned()
    } else {
        let folder = glob::Pattern::escape(&base.to_string_lossy());
        format!("{folder}{}{path}", std::path::MAIN_SEPARATOR)
    };
    let key = format!("source.{source}.{parameter}");
    let entries = glob::glob(&pattern).map_err(|wrong| {
        Fault::definition(
            parameter,
            format!("{path}: there is no such file, and as a pattern it is wrong ({wrong})"),
            format!("correct `{key}`: `*` stands for any text in a name, `?` for one character"),
        )
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|wrong| {
            let what = format!("cannot look for files of {path} (`{key}`)");
            Fault::io(parameter, what, wrong.into())
        })?;
        if !entry.is_dir() {
            found.push(entry);
        }
    }
    found.sort();
    if found.is_empty() {
        let message = format!("no file matches {}", whole.display());
        let remedy = format!("correct `{key}`{}", there(&whole));
        return Err(Fault::definition(parameter, message, remedy));
    }
    Ok(found.into_iter().map(input).collect())
}

/// What there is in the folder of a pattern.
fn there(pattern: &Path) -> String {
    let Some(folder) = pattern.parent().filter(|folder| folder.is_dir()) else {
        return String::new();
    };
    let names = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let all = names.len();
    names.truncate(NAMED);
    let more = if all > NAMED { ", …" } else { "" };
    match all {
        0 => "; its folder is empty".to_owned(),
        _ => format!("; its folder has {}{more}", names.join(", ")),
    }
}

/// The name of what files hold. Of one file it is what `sha256sum` says; of several it depends on
/// their order and parts too, but not on what they are called.
pub(crate) fn fingerprint(inputs: &[Input]) -> Result<String> {
    if let [Input { part: None, .. }] = inputs {
        return Ok(format!("sha256:{}", inputs[0].sha256()?));
    }
    let mut hash = Sha256::new();
    for input in inputs {
        let part = input.part.as_deref().unwrap_or_default();
        hash.update(format!("{part}\0{}\n", input.sha256()?));
    }
    Ok(format!("sha256:{}", hex(&hash.finalize())))
}
