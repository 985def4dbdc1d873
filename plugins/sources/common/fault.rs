//! What is wrong with a source, told alike before a run and in it.

use std::io;

use musicrec_api::{Error, Problem};

/// A problem, and what kind of error it is where the source is read all the same.
#[derive(Debug)]
pub(crate) struct Fault {
    problem: Problem,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Definition,
    Data,
    Io(io::Error),
}

impl Fault {
    /// A fault of the definition at a parameter of the source.
    pub(crate) fn definition(
        parameter: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            problem: Problem::at(parameter, message).remedy(remedy),
            cause: Cause::Definition,
        }
    }

    /// A fault of the file that a parameter names.
    pub(crate) fn data(
        parameter: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            cause: Cause::Data,
            ..Self::definition(parameter, message, remedy)
        }
    }

    /// What could not be done with the file that a parameter names, and the cause.
    pub(crate) fn io(
        parameter: impl Into<String>,
        what: impl Into<String>,
        cause: io::Error,
    ) -> Self {
        Self {
            problem: Problem::at(parameter, what),
            cause: Cause::Io(cause),
        }
    }

    /// The same, with the name among `known` that `wrong` probably misspells, if one is near.
    pub(crate) fn suggest<'a>(
        mut self,
        wrong: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.problem = self.problem.suggest(wrong, known);
        self
    }
}

impl From<Fault> for Problem {
    fn from(Fault { mut problem, cause }: Fault) -> Self {
        problem.of_data = !matches!(cause, Cause::Definition);
        if let Cause::Io(cause) = cause {
            problem.message = format!("{}: {cause}", problem.message);
        }
        problem
    }
}

impl From<Fault> for Error {
    fn from(Fault { mut problem, cause }: Fault) -> Self {
        // A remedy that says what to write has no need of a question.
        let said = |name: &String| {
            let remedy = problem.remedy.as_deref().unwrap_or_default();
            remedy.contains(&format!("\"{name}\""))
        };
        if problem.suggestion.as_ref().is_some_and(said) {
            problem.suggestion = None;
        }
        let kind = match cause {
            Cause::Definition => Self::definition,
            Cause::Data => Self::data,
            Cause::Io(cause) => return Self::io(problem.message, cause),
        };
        let remedy = problem.remedy.take();
        let error = kind(problem.to_string());
        match remedy {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }
}
