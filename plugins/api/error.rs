//! The one error type of plugins: a message that names the place and the remedy.

/// Shorthand for results of plugin code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a plugin could not do its work. The variants decide the exit code and what a message is
/// called, so choose by who can mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition asks for something impossible: a column that is not there, a path that does
    /// not exist. The text says what was asked, what there is, and what to write instead.
    #[error("{0}")]
    Definition(String),
    /// The data is not what it must be: a ragged row, bytes that are not UTF-8, an empty part.
    /// The text names file, row and remedy.
    #[error("{0}")]
    Data(String),
    /// A model could not be fitted or gave impossible answers (it diverged, say). The trial fails,
    /// others go on.
    #[error("{0}")]
    Model(String),
    /// Reading or writing failed below us.
    #[error("{what}: {source}")]
    Io {
        /// What was being done to which file, for example `cannot read logs/may.csv`.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// What is to run the units of a sweep refused, or does not answer. The text says what was asked, what
    /// came back, and what to do.
    #[error("{0}")]
    Engine(String),
    /// Another error, with what can be written in the definition about it: of no use where there is none.
    #[error("{error}; {remedy}")]
    Remediable {
        /// What is wrong.
        error: Box<Error>,
        /// What to write, as the end of a sentence: "add the cleaner `parse_numbers`".
        remedy: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl Error {
    /// A fault of the definition; see [`Error::Definition`].
    pub fn definition(text: impl Into<String>) -> Self {
        Self::Definition(text.into())
    }

    /// A fault of the data; see [`Error::Data`].
    pub fn data(text: impl Into<String>) -> Self {
        Self::Data(text.into())
    }

    /// A fault of a model; see [`Error::Model`].
    pub fn model(text: impl Into<String>) -> Self {
        Self::Model(text.into())
    }

    /// A fault of an engine; see [`Error::Engine`].
    pub fn engine(text: impl Into<String>) -> Self {
        Self::Engine(text.into())
    }

    /// The same, with what can be written in the definition about it: "add the cleaner `parse_numbers`".
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self::Remediable {
            error: Box::new(self),
            remedy: remedy.into(),
        }
    }

    /// What is wrong, without what to write in a definition.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Remediable { error, .. } => error.bare(),
            error => error,
        }
    }

    /// An input or output error with what was being done, e.g. `Error::io("cannot read x.csv", e)`.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }
}

/// The name among `known` that `name` most likely misspells, if one is near enough to suggest.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    known
        .into_iter()
        .filter_map(|k| {
            let other = k.to_lowercase();
            let edits = strsim::damerau_levenshtein(&folded, &other);
            let (short, long) = (folded.len().min(other.len()), folded.len().max(other.len()));
            // A few slips of the keys, or a word cut short.
            let slip = edits <= (short / 3).max(1) && edits < long;
            let cut = short >= 3 && (folded.starts_with(&other) || other.starts_with(&folded));
            (slip || cut).then_some((edits, k))
        })
        .min()
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::{Error, nearest};

    #[test]
    fn a_remedy_is_a_part_of_the_message_that_can_be_left() {
        let error = Error::data("row 3 has no time").with_remedy("drop it; or name another");
        assert_eq!(
            error.to_string(),
            "row 3 has no time; drop it; or name another"
        );
        assert!(matches!(error.bare(), Error::Data(text) if text == "row 3 has no time"));
    }

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["factors", "regularization", "alpha"];
        assert_eq!(nearest("factor", known), Some("factors"));
        assert_eq!(nearest("regularisation", known), Some("regularization"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("alz", ["als", "random"]), Some("als"));
        assert_eq!(nearest("track", ["user", "track_id"]), Some("track_id"));
        assert_eq!(nearest("listener", ["listen_seconds", "user"]), None);
    }
}
