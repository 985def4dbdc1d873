//! What is wrong with a plugin's parameters beyond their types, found before anything runs.

use std::fmt;
use std::path::Path;

use crate::{Error, Roles, nearest};

/// What a plugin may look at when its parameters are checked.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CheckContext<'a> {
    /// Relative paths of the definition are relative to this folder.
    pub base: &'a Path,
    /// The columns of the log, where the source can name them without being read.
    pub columns: Option<&'a [String]>,
    /// Which of these columns plays which part, where the source can tell.
    pub roles: Option<&'a Roles>,
    /// The kinds of event in the log, once it has been read.
    pub events: Option<&'a [String]>,
    /// Whether the splitter makes a validation part, where that is known.
    pub validates: Option<bool>,
}

impl<'a> CheckContext<'a> {
    /// A context for paths that start at `base`; nothing is known of the log.
    pub fn new(base: &'a Path) -> Self {
        Self {
            base,
            columns: None,
            roles: None,
            events: None,
            validates: None,
        }
    }

    /// The same, with the columns of the log known.
    #[must_use]
    pub fn with_columns(self, columns: &'a [String]) -> Self {
        Self {
            columns: Some(columns),
            ..self
        }
    }

    /// The same, with the parts that columns play known.
    #[must_use]
    pub fn with_roles(self, roles: &'a Roles) -> Self {
        Self {
            roles: Some(roles),
            ..self
        }
    }

    /// The same, with the kinds of event known.
    #[must_use]
    pub fn with_events(self, events: &'a [String]) -> Self {
        Self {
            events: Some(events),
            ..self
        }
    }

    /// The same, knowing whether the splitter makes a validation part.
    #[must_use]
    pub fn with_validation(self, validates: bool) -> Self {
        Self {
            validates: Some(validates),
            ..self
        }
    }

    /// The problem that the log has no column `name`, where its columns are known and it has none.
    /// `parameter` is where the name stands, see [`Problem::at`].
    pub fn missing_column(&self, parameter: impl Into<String>, name: &str) -> Option<Problem> {
        let columns = self.columns?;
        if columns.iter().any(|column| column == name) {
            return None;
        }
        let problem = Problem::at(parameter, format!("the log has no column `{name}`"));
        Some(
            problem
                .suggest(name, columns.iter().map(String::as_str))
                .remedy(format!("it has {}", columns.join(", "))),
        )
    }

    /// The problem that the log has no times, where that is known and so. `parameter` is what needs them, see
    /// [`Problem::at`]; `without` is what to use if there are none: `a model that needs none`.
    pub fn missing_times(&self, parameter: impl Into<String>, without: &str) -> Option<Problem> {
        if self.roles?.time.is_some() {
            return None;
        }
        let problem = Problem::at(parameter, "the log has no times");
        Some(problem.remedy(format!(
            "name its column of times with `time` in the source, or use {without}"
        )))
    }
}

/// Something wrong with a parameter that its type cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The parameter, as a path in the plugin's own table with entries of lists counted from 0:
    /// `path`, `columns.1`; empty where the plugin as a whole is meant.
    pub parameter: String,
    /// What is wrong.
    pub message: String,
    /// A name that was probably meant.
    pub suggestion: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Whether the data is to blame, which the parameter names rightly: the exit code tells.
    pub of_data: bool,
}

impl Problem {
    /// A problem of the parameter at a path such as `path` or `columns.1`.
    pub fn at(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            parameter: parameter.into(),
            message: message.into(),
            suggestion: None,
            remedy: None,
            of_data: false,
        }
    }

    /// The same as a problem of the data that the parameter names.
    #[must_use]
    pub fn of_data(self) -> Self {
        Self {
            of_data: true,
            ..self
        }
    }

    /// A problem of the plugin as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self::at("", message)
    }

    /// The same, with the name among `known` that `wrong` probably misspells, if one is near.
    #[must_use]
    pub fn suggest<'a>(mut self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggestion = nearest(wrong, known).map(str::to_owned);
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same as an error, for a plugin that finds it at work all the same: `before` (who says
    /// it), what is wrong, the name that was probably meant, and what to do.
    pub fn error(&self, before: &str) -> Error {
        let error = Error::definition(format!("{before}{}", self.asked()));
        match &self.remedy {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }

    /// What is wrong, and what was probably meant.
    fn asked(&self) -> String {
        match &self.suggestion {
            Some(name) => format!("{}; did you mean `{name}`?", self.message),
            None => self.message.clone(),
        }
    }
}

/// All of it in one line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.asked())?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{CheckContext, Problem};
    use crate::Roles;

    #[test]
    fn a_column_is_missing_only_where_columns_are_known() {
        let context = CheckContext::new(Path::new(""));
        assert_eq!(context.missing_column("columns.0", "sogn_id"), None);
        let columns = ["user_id".to_owned(), "song_id".to_owned()];
        let context = context.with_columns(&columns);
        assert_eq!(context.missing_column("columns.0", "song_id"), None);
        let problem = context.missing_column("columns.0", "sogn_id").unwrap();
        assert_eq!(problem.suggestion.as_deref(), Some("song_id"));
        assert_eq!(problem.parameter, "columns.0");
    }

    #[test]
    fn times_are_missing_only_where_it_is_known_what_columns_are() {
        let context = CheckContext::new(Path::new(""));
        assert_eq!(context.missing_times("", "another"), None);
        let mut roles = Roles {
            user: "user_id".to_owned(),
            item: "song_id".to_owned(),
            time: Some("timestamp".to_owned()),
            event: None,
            plays: None,
            seconds: None,
        };
        assert_eq!(
            context.with_roles(&roles).missing_times("", "another"),
            None
        );
        roles.time = None;
        let problem = context.with_roles(&roles).missing_times("days", "another");
        let problem = problem.unwrap();
        assert_eq!(problem.parameter, "days");
        assert!(
            problem
                .to_string()
                .ends_with("`time` in the source, or use another")
        );
    }

    #[test]
    fn a_problem_is_an_error_of_the_same_words() {
        let problem = Problem::at("columns.0", "no column `sogn_id`");
        let full = problem.clone().suggest("sogn_id", ["song_id"]);
        let text = full.remedy("it has song_id").error("x: ").to_string();
        let expected = "x: no column `sogn_id`; did you mean `song_id`?; it has song_id";
        assert_eq!(text, expected);
        assert_eq!(problem.error("").to_string(), "no column `sogn_id`");
    }
}
