//! Faults of a definition: place, message, remedy; all of a definition at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::tree::Place;
use crate::exit::Failure;
use crate::text::visible;

/// How the names of sources begin that are no files.
pub(crate) const COMMAND_LINE: &str = "on the command line:";

/// The texts that a definition was made from: its file, what that includes, and what `--set` gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// Names and texts.
    all: Vec<(String, String)>,
    /// Files that were read, by their full path.
    files: Files,
}

/// Texts of files by their full path.
pub(crate) type Files = BTreeMap<PathBuf, String>;

impl Sources {
    /// None yet, where files have the texts that they had once.
    pub(crate) fn of_then(files: Files) -> Self {
        Self {
            files,
            all: Vec::new(),
        }
    }

    /// Reads a file of a definition, once.
    pub(crate) fn read(&mut self, path: &Path) -> std::io::Result<String> {
        let full = std::path::absolute(path)?;
        if let Some(text) = self.files.get(&full) {
            return Ok(text.clone());
        }
        let text = std::fs::read_to_string(path)?;
        self.files.insert(full, text.clone());
        Ok(text)
    }

    /// The files that were read.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Adds a text under a name and returns its index.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.all.push((name.into(), text.into()));
        self.all.len() - 1
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// The text of a source.
    pub(crate) fn text(&self, source: usize) -> &str {
        &self.all[source].1
    }

    /// The name of a source.
    pub(crate) fn name(&self, source: usize) -> &str {
        &self.all[source].0
    }

    /// Line and column of a byte, both from 1; columns count characters.
    fn position(&self, source: usize, byte: usize) -> (usize, usize) {
        let text = self.text(source);
        let before = text.get(..byte).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[start..].chars().count() + 1)
    }

    /// Where a place is, for people: `x.toml:7`; what `--set` gave has no lines.
    pub(crate) fn describe(&self, place: &Place) -> String {
        let name = self.name(place.source);
        if name.starts_with(COMMAND_LINE) {
            return format!("{name} {}", self.text(place.source));
        }
        format!("{name}:{}", self.position(place.source, place.start).0)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Nothing may run.
    Error,
    /// It runs, but is probably not what was meant.
    Warning,
}

/// One thing wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    severity: Severity,
    /// Whether the data is to blame that the definition names.
    of_data: bool,
    place: Option<Place>,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

impl Fault {
    /// A fault at a place.
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            of_data: false,
            place: Some(place),
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// A fault of the file as a whole.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            of_data: false,
            place: None,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// The same as a fault of the data.
    pub(crate) fn of_data(mut self) -> Self {
        self.of_data = true;
        self
    }

    /// The same as a warning.
    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same at another place.
    pub(crate) fn moved_to(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// A few words under the caret, e.g. a nearest name.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with what search drew for it, if that stands where the fault is.
    pub(crate) fn drawn(self, values: &[(String, Place, String)]) -> Self {
        let drawn = values
            .iter()
            .any(|(_, place, _)| self.place.as_ref() == Some(place));
        if !drawn || self.label.is_some() {
            return self;
        }
        let words: Vec<String> = values
            .iter()
            .map(|(name, _, value)| format!("{name} = {value}"))
            .collect();
        self.label(format!("drawn: {}", words.join(", ")))
    }

    /// "did you mean", when a near name is known.
    pub(crate) fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match musicrec_api::nearest(wrong, known) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Whether it says the same of the same place but for numbers.
    fn is_like(&self, other: &Self) -> bool {
        let words = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        self == other
            || (self.place.is_some()
                && self.place == other.place
                && words(&self.message) == words(&other.message))
    }

    fn render(&self, sources: &Sources, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        // Names of columns and labels of the log may be in it; on a terminal they must not act.
        let message = visible(&self.message);
        let label = self.label.as_deref().map(visible);
        let help = self.help.as_deref().map(visible);
        let title = level.primary_title(message.as_str());
        let mut group = match &self.place {
            None => Group::with_title(title),
            Some(place) => {
                let source = sources.text(place.source);
                let end = place.end.max(place.start).min(source.len());
                let mut mark = AnnotationKind::Primary.span(place.start.min(end)..end);
                if let Some(label) = &label {
                    mark = mark.label(label.as_str());
                }
                let snippet = Snippet::source(source)
                    .path(sources.name(place.source))
                    .annotation(mark);
                title.element(snippet)
            }
        };
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// A fault as programs read it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    severity: Severity,
    /// The file, or `on the command line: --set`; absent for the definition as a whole.
    file: Option<String>,
    /// Where it begins, from 1; columns count characters.
    line: Option<usize>,
    column: Option<usize>,
    /// Behind its last character.
    end_line: Option<usize>,
    end_column: Option<usize>,
    message: String,
    /// A few words about the place, such as a name that was probably meant.
    label: Option<String>,
    help: Option<String>,
}

/// All that was found, and how much a definition may ask for.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
    /// More trials than this are refused.
    pub(crate) most_trials: usize,
}

impl Faults {
    /// None yet.
    pub(crate) fn new(most_trials: usize) -> Self {
        Self {
            errors: Vec::new(),
            warnings: Vec::new(),
            most_trials,
        }
    }

    /// Adds one, unless the same is there already: grids meet the same value many times, and the
    /// values of a range, all at one place, are wrong in the same way.
    pub(crate) fn push(&mut self, fault: Fault) {
        let list = match fault.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if !list.iter().any(|known| known.is_like(&fault)) {
            list.push(fault);
        }
    }

    /// Adds several.
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }

    /// All of them, one by one.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Fault> {
        self.errors.into_iter().chain(self.warnings)
    }

    /// How many errors there are; warnings do not count.
    pub(crate) fn errors(&self) -> usize {
        self.errors.len()
    }

    /// Rendered, as the end of the program.
    pub(crate) fn failure(&self, sources: &Sources, color: bool) -> Failure {
        let text = self.render(sources, color);
        if self.of_data() {
            Failure::DataFaults(text)
        } else {
            Failure::Faults(text)
        }
    }

    /// Whether the definition is right and only the data that it names is not.
    pub(crate) fn of_data(&self) -> bool {
        !self.errors.is_empty() && self.errors.iter().all(|fault| fault.of_data)
    }

    /// Errors first, each in the order of their places.
    fn sorted(&self) -> Vec<&Fault> {
        let mut all: Vec<&Fault> = self.errors.iter().chain(&self.warnings).collect();
        all.sort_by_key(|f| (f.severity == Severity::Warning, &f.place));
        all
    }

    /// The faults as a person reads them: message, place, the line, a caret, the remedy.
    pub(crate) fn render(&self, sources: &Sources, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let texts: Vec<String> = self
            .sorted()
            .into_iter()
            .map(|fault| fault.render(sources, &renderer))
            .collect();
        texts.join("\n\n")
    }

    /// The faults as programs read them.
    pub(crate) fn findings(&self, sources: &Sources) -> Vec<Finding> {
        let finding = |fault: &Fault| {
            let place = fault.place.as_ref();
            let start = place.map(|p| sources.position(p.source, p.start));
            let end = place.map(|p| sources.position(p.source, p.end.max(p.start)));
            Finding {
                severity: fault.severity,
                file: place.map(|p| sources.name(p.source).to_owned()),
                line: start.map(|p| p.0),
                column: start.map(|p| p.1),
                end_line: end.map(|p| p.0),
                end_column: end.map(|p| p.1),
                message: fault.message.clone(),
                label: fault.label.clone(),
                help: fault.help.clone(),
            }
        };
        self.sorted().into_iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Place};

    #[test]
    fn a_fault_of_what_was_drawn_says_what_was() {
        let axis = Place::new(0, &(4..9));
        let drawn = [
            ("factors".to_owned(), axis.clone(), "12".to_owned()),
            (
                "alpha".to_owned(),
                Place::new(0, &(20..30)),
                "0.5".to_owned(),
            ),
        ];
        let fault = Fault::at(axis.clone(), "too many").drawn(&drawn);
        assert_eq!(
            fault.label.as_deref(),
            Some("drawn: factors = 12, alpha = 0.5")
        );
        // A hint at a name says more.
        let hint = Fault::at(axis, "unknown").label("did you mean `x`?");
        assert_eq!(hint.clone().drawn(&drawn), hint);
        let elsewhere = Fault::at(Place::new(0, &(0..3)), "wrong");
        assert_eq!(elsewhere.clone().drawn(&drawn), elsewhere);
    }
}
