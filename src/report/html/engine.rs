//! The templates: those built in, those of the user in their place, and errors with file and line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

use super::filters;
use crate::exit::Failure;
use crate::text::{hidden, one_line};

/// The skeleton, which includes the sections.
const SKELETON: &str = "report.html";

macro_rules! built_in {
    ($($name:literal)*) => {
        &[
            $(($name, include_str!(concat!("templates/", $name))),)*
            ("charts.css", crate::report::charts::CSS),
        ]
    };
}

/// All files that make the page, each of which may be overridden.
const BUILT_IN: &[(&str, &str)] = built_in![
    "report.html" "macros.html" "verdict.html" "leaderboard.html" "dots.html" "hyperparameters.html"
    "cost.html" "segments.html" "data.html" "timeline.html" "differences.html" "examples.html"
    "metrics.html" "protocol.html" "provenance.html" "how-to-read.html" "page.css" "page.js"
];

/// See the module.
pub(super) struct Engine {
    environment: Environment<'static>,
    files: BTreeMap<&'static str, String>,
    /// Where the files of the user are.
    folder: Option<PathBuf>,
}

impl Engine {
    /// With the files of a folder in the place of those built in.
    pub(super) fn new(folder: Option<&Path>) -> Result<Self, Failure> {
        let built_in = BUILT_IN.iter();
        let mut files: BTreeMap<&'static str, String> = built_in
            .map(|&(name, text)| (name, text.to_owned()))
            .collect();
        if let Some(folder) = folder {
            files.extend(overriding(folder)?);
        }
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_syntax(syntax());
        environment.set_formatter(write_escaped);
        filters::add(&mut environment);
        let templates = files.clone();
        environment.set_loader(move |name| Ok(templates.get(name).cloned()));
        Ok(Self {
            environment,
            files,
            folder: folder.map(Path::to_owned),
        })
    }

    /// One of the files, as it is.
    pub(super) fn file(&self, name: &str) -> &str {
        self.files.get(name).map_or("", String::as_str)
    }

    /// What a content security policy calls a script.
    pub(super) fn hash(script: &str) -> String {
        let digest = Sha256::digest(script.as_bytes());
        format!("sha256-{}", BASE64_STANDARD.encode(digest))
    }

    /// Fills the skeleton.
    pub(super) fn render(&self, context: Value) -> Result<String, Failure> {
        let skeleton = self.environment.get_template(SKELETON);
        let page = skeleton.and_then(|template| template.render(context));
        page.map_err(|error| self.failure(&error))
    }

    /// What is wrong with a template, where, and what to do.
    fn failure(&self, error: &Error) -> Failure {
        // The innermost error is the cause; those around it say through which templates it came.
        let mut cause = error;
        while let Some(inner) = std::error::Error::source(cause).and_then(|e| e.downcast_ref()) {
            cause = inner;
        }
        let name = cause.name().or(error.name()).unwrap_or(SKELETON);
        let own = self.folder.as_ref().map(|folder| folder.join(name));
        let place = own.filter(|path| path.is_file());
        let mut text = match &place {
            Some(path) => path.display().to_string(),
            None => format!("the built-in template {name}"),
        };
        if let Some(line) = cause.line().or(error.line()) {
            let _ = write!(text, ", line {line}");
        }
        let _ = write!(text, ": {}", cause.kind());
        if let Some(detail) = cause.detail() {
            let _ = write!(text, ": {detail}");
        }
        let remedy = match (&place, &self.folder) {
            (Some(_), _) => "; mend the file, or delete it for the built-in one".to_owned(),
            (None, Some(folder)) => format!(
                "; see whether one of {} lacks what this one needs (reports/README.md), else please report \
                 this",
                folder.display()
            ),
            (None, None) => " (a bug of the lab); please report it".to_owned(),
        };
        Failure::Definition(one_line(&(text + &remedy)))
    }
}

/// Tags on lines of their own leave no empty lines behind.
fn syntax() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    syntax.expect("no delimiter is changed")
}

/// The files of a folder of templates. Others than those that have a meaning are refused, for a slip in
/// a name would leave the built-in one in place without a word.
fn overriding(folder: &Path) -> Result<Vec<(&'static str, String)>, Failure> {
    let refused = |path: &Path, what: &dyn std::fmt::Display| {
        Failure::Definition(format!("{}: {what}", one_line(&path.display().to_string())))
    };
    let entries = fs::read_dir(folder).map_err(|e| {
        refused(
            folder,
            &format!("{e}; the folder of templates for report.html must be there and readable"),
        )
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| refused(folder, &e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Editors and systems leave such files.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let Some((known, _)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            return Err(refused(
                &path,
                &format!(
                    "no part of report.html has this name; a folder of templates may hold {}",
                    known.join(", ")
                ),
            ));
        };
        let text = fs::read_to_string(&path).map_err(|e| refused(&path, &e))?;
        found.push((*known, text));
    }
    found.sort();
    Ok(found)
}

/// Writes a value: markup as it is, nothing for what is missing, everything else as text.
fn write_escaped(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    let written = match value.as_str() {
        Some(text) if value.is_safe() => out.write_str(text),
        Some(text) => out.write_str(&escape(text)),
        None => out.write_str(&escape(&value.to_string())),
    };
    Ok(written?)
}

/// Text of others as text of a page or of an attribute. What would act on its surroundings instead of
/// showing, like marks that turn the direction of writing, is a space.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
