//! What sources of files have in common.

pub(crate) mod chunk;
pub(crate) mod fault;
pub(crate) mod files;
pub(crate) mod input;
pub(crate) mod interner;
pub(crate) mod parameters;
pub(crate) mod roles;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use musicrec_api::{Error, Problem, Result, Roles};

use fault::Fault;
use input::Input;

/// What is read of a file before its rows are.
pub(crate) struct Found {
    /// The columns of a file, as far as they are known.
    pub(crate) names: Option<Vec<String>>,
    /// All that is wrong with them.
    pub(crate) faults: Vec<Fault>,
}

impl Found {
    /// The columns, if nothing is wrong with them, or the first fault.
    pub(crate) fn sound(self) -> Result<Vec<String>, Fault> {
        match (self.faults.into_iter().next(), self.names) {
            (None, Some(names)) => Ok(names),
            (fault, _) => Err(fault.expect("columns that are not known have a fault")),
        }
    }
}

impl From<Result<Vec<String>, Fault>> for Found {
    fn from(result: Result<Vec<String>, Fault>) -> Self {
        match result {
            Ok(names) => Self {
                names: Some(names),
                faults: Vec::new(),
            },
            Err(fault) => Self {
                names: None,
                faults: vec![fault],
            },
        }
    }
}

/// A source of files, and what is the same for all of them.
pub(crate) trait OfFiles {
    /// All files, in the order in which they are read.
    fn inputs(&self, base: &Path) -> Result<Vec<Input>, Fault>;

    /// The columns of a file, the one for its part included; reads no more than its beginning.
    fn look_at(&self, input: &Input) -> Found;

    /// Which of a file's columns plays which part, or all that is wrong with that.
    fn roles(&self, names: &[String], input: &Input) -> Result<Roles, Vec<Fault>>;

    /// What contradicts itself in the parameters, whatever the files hold.
    fn contradictions(&self) -> Vec<Fault>;

    /// Whether each file names its columns, which must be those of the first; otherwise the first one
    /// decides for all.
    fn names_in_each(&self) -> bool {
        true
    }

    /// [`musicrec_api::Source::fingerprint`].
    fn print(&self, base: &Path) -> Result<String> {
        if let Some(fault) = self.contradictions().into_iter().next() {
            return Err(fault.into());
        }
        let inputs = self.inputs(base)?;
        // Columns are looked at before the bytes are hashed: a wrong name must not cost a minute.
        for (at, input) in inputs.iter().enumerate() {
            let names = self.look_at(input).sound()?;
            if at == 0 || self.names_in_each() {
                self.roles(&names, input).map_err(first)?;
            }
        }
        files::fingerprint(&inputs)
    }

    /// [`musicrec_api::Source::columns`].
    fn named(&self, base: &Path) -> Option<Vec<String>> {
        self.look_at(self.inputs(base).ok()?.first()?).sound().ok()
    }

    /// [`musicrec_api::Source::pieces`]: a file is one.
    fn count(&self, base: &Path) -> Result<usize> {
        Ok(self.inputs(base)?.len())
    }

    /// All files, and the place of the one that is a piece.
    fn piece(&self, base: &Path, piece: usize) -> Result<(Vec<Input>, Range<usize>)> {
        let inputs = self.inputs(base)?;
        if piece < inputs.len() {
            return Ok((inputs, piece..piece + 1));
        }
        Err(Error::data(format!(
            "there is no file {} any more, but {}",
            piece + 1,
            inputs.len()
        )))
    }

    /// [`musicrec_api::Source::parts`].
    fn parts(&self, base: &Path) -> Option<Roles> {
        let inputs = self.inputs(base).ok()?;
        let first = inputs.first()?;
        let names = self.look_at(first).sound().ok()?;
        self.roles(&names, first).ok()
    }

    /// [`musicrec_api::Source::check`].
    fn problems(&self, base: &Path) -> Vec<Problem> {
        let faults = self.contradictions();
        let mut problems: Vec<Problem> = faults.into_iter().map(Problem::from).collect();
        let (inputs, fault) = match self.inputs(base) {
            Ok(inputs) => (inputs, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        problems.extend(fault.map(Problem::from));
        let mut first: Option<(&Input, Vec<String>)> = None;
        for input in &inputs {
            let Found { names, mut faults } = self.look_at(input);
            match (names, &first) {
                (None, _) => {}
                (Some(names), None) => {
                    faults.extend(self.roles(&names, input).err().into_iter().flatten());
                    first = Some((input, names));
                }
                (Some(names), Some((first, of))) => {
                    if faults.is_empty() && names != *of && self.names_in_each() {
                        faults.push(differ(&names, input, of, first));
                    }
                }
            }
            for problem in faults.into_iter().map(Problem::from) {
                // What is wrong with `columns` or `header` is wrong for each file, and said once.
                let said = |p: &Problem| {
                    *p == problem
                        || p.parameter == problem.parameter && p.parameter != input.parameter
                };
                if !problems.iter().any(said) {
                    problems.push(problem);
                }
            }
        }
        problems
    }
}

/// The error of the first of several faults.
pub(crate) fn first(faults: Vec<Fault>) -> Error {
    let first = faults.into_iter().next();
    first.expect("there is a fault").into()
}

/// The fault of a file whose columns are not those of the first one.
pub(crate) fn differ(names: &[String], input: &Input, of: &[String], first: &Input) -> Fault {
    Fault::data(
        &input.parameter,
        format!(
            "{} has other columns than {}: {} instead of {}",
            input.shown(),
            first.shown(),
            listed(names),
            listed(of)
        ),
        "files that are read together must have the same columns in the same order",
    )
}

/// The names of columns as a message lists them: some of them, if there are very many.
pub(crate) fn listed(names: &[String]) -> String {
    const NAMED: usize = 30;
    const LONGEST: usize = 200;
    let some = names.iter().take(NAMED);
    let some: Vec<String> = some.map(|name| cut(name, LONGEST)).collect();
    let some = some.join(", ");
    if names.len() > NAMED {
        format!("{some}, … ({} in all)", names.len())
    } else {
        some
    }
}

/// Characters of a row that a sample or a message shows.
pub(crate) const SHOWN: usize = 120;

/// A row as a sample or a message shows it: in one line, and cut.
pub(crate) fn in_short(row: &str) -> String {
    cut(&row.replace(['\n', '\r', '\0'], " "), SHOWN)
}

/// A text cut to so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The names that a list holds more than once, each with the place where it comes again.
pub(crate) fn twice(names: &[String]) -> Vec<(usize, &str)> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut second = |name| {
        let times = times.entry(name).or_default();
        *times += 1;
        *times == 2
    };
    let names = names.iter().map(String::as_str).enumerate();
    names.filter(|(_, name)| second(*name)).collect()
}

/// Adds the column that holds the part of each file, or says that there is one of its name.
pub(crate) fn with_part(mut found: Found, input: &Input, part_column: &str) -> Found {
    let Some(names) = &mut found.names else {
        return found;
    };
    if input.part.is_none() {
        return found;
    }
    if names.iter().any(|name| name == part_column) {
        let source = input.source;
        found.faults.push(Fault::definition(
            "part_column",
            format!(
                "{} has a column `{part_column}` already, the name of the one that \
                 `source.{source}.files` adds",
                input.shown()
            ),
            format!("set `source.{source}.part_column` to another"),
        ));
    } else {
        names.push(part_column.to_owned());
    }
    found
}
