//! Faults of a definition: place, message, remedy; all of a definition at once.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::tree::Place;

/// The texts that a definition was made from: its file and what `--set` gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Vec<(String, String)>);

impl Sources {
    /// Adds a text under a name and returns its index.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.0.push((name.into(), text.into()));
        self.0.len() - 1
    }

    /// The text of a source.
    pub(crate) fn text(&self, source: usize) -> &str {
        &self.0[source].1
    }

    fn name(&self, source: usize) -> &str {
        &self.0[source].0
    }
}

/// One thing wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    place: Option<Place>,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

impl Fault {
    /// A fault at a place.
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// A fault of the file as a whole.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            label: None,
            help: None,
        }
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

    /// "did you mean", when a near name is known.
    pub(crate) fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match musicrec_api::nearest(wrong, known) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// All faults found, in the order of their places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one, unless the same is there already (grids meet the same value many times).
    pub(crate) fn push(&mut self, fault: Fault) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The faults as a person reads them: message, place, the line, a caret, the remedy.
    pub(crate) fn render(mut self, sources: &Sources, color: bool) -> String {
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for fault in &self.0 {
            let title = Level::ERROR.primary_title(fault.message.as_str());
            let mut group = match &fault.place {
                None => Group::with_title(title),
                Some(place) => {
                    let source = sources.text(place.source);
                    let end = place.end.max(place.start).min(source.len());
                    let mut mark = AnnotationKind::Primary.span(place.start.min(end)..end);
                    if let Some(label) = &fault.label {
                        mark = mark.label(label.as_str());
                    }
                    let snippet = Snippet::source(source)
                        .path(sources.name(place.source))
                        .annotation(mark);
                    title.element(snippet)
                }
            };
            if let Some(help) = &fault.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            text += &renderer.render(&[group]);
            text += "\n\n";
        }
        text.truncate(text.trim_end().len());
        text
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let mut all = Self::default();
        for fault in faults {
            all.push(fault);
        }
        all
    }
}
