//! How the program ends: one table of exit codes.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// Why a command did not end well. Each variant is a line of the table of exit codes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// Some trials failed, or the recommendations; the rest is reported.
    Trials(Failures),
    /// Numbers are not what they should be; what differs has been said.
    Differs(String),
    /// Nothing is known of some of the users asked for; the others have their answer.
    Unknown(String),
    /// The definition or the command line is wrong; nothing has run.
    Definition(String),
    /// The same, as faults with their places, rendered.
    Faults(String),
    /// Faults of the data that a definition names rightly, rendered.
    DataFaults(String),
    /// The data cannot be used as it is.
    Data(String),
    /// Something could not be written.
    Output(String),
    /// The report folder belongs to something else.
    Changed(String),
    /// The sweep stopped at a trial that failed, as `--fail-fast` says.
    Stopped(String),
    /// A trial came to something else than its record.
    Conflict(String),
    /// What is to run units refused, or does not answer.
    Engine(String),
    /// What has to be done before is not.
    NotYet(String),
    /// The user stopped the program.
    Interrupted(String),
}

/// What failed of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    /// How many trials.
    pub(crate) trials: usize,
    /// Whether the recommendations did.
    pub(crate) recommendations: bool,
}

impl Failures {
    /// As the end of a command.
    pub(crate) fn ended(self) -> Result<(), Failure> {
        if self == Self::default() {
            Ok(())
        } else {
            Err(Failure::Trials(self))
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trials {
            0 => return f.write_str("the recommendations could not be made; the report says why"),
            1 => f.write_str("one trial failed")?,
            n => write!(f, "{n} trials failed")?,
        }
        if self.recommendations {
            f.write_str(", and the recommendations could not be made")?;
        }
        f.write_str("; see the list above and the report")
    }
}

/// The table of exit codes, for `--help` and the docs.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done
  1    done, but some trials or the export failed, numbers differ, or users are unknown
  2    the definition or the command line is wrong; nothing has run
  3    the data cannot be used as it is
  4    something could not be written
  5    the report folder holds another experiment, or another sweep is in the way (--fresh, --keep)
  6    a trial came to something else than its record; both are kept (conflicts/)
  7    what is to run the units of a sweep (Slurm, Ray) refused, or does not answer
  75   a unit of a cluster whose time has not come; run it again later
  130  interrupted; the same command goes on where it stopped";

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Trials(_) | Self::Stopped(_) | Self::Differs(_) | Self::Unknown(_) => 1,
            Self::Definition(_) | Self::Faults(_) => 2,
            Self::Data(_) | Self::DataFaults(_) => 3,
            Self::Output(_) => 4,
            Self::Changed(_) => 5,
            Self::Conflict(_) => 6,
            Self::Engine(_) => 7,
            // EX_TEMPFAIL of sysexits.h.
            Self::NotYet(_) => 75,
            Self::Interrupted(_) => 130,
        })
    }

    /// The message for the user.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Trials(failures) => format!("error: {failures}"),
            Self::Faults(text) | Self::DataFaults(text) => text.clone(),
            Self::Differs(text)
            | Self::Unknown(text)
            | Self::Definition(text)
            | Self::Data(text)
            | Self::Output(text)
            | Self::Changed(text)
            | Self::Conflict(text)
            | Self::Engine(text)
            | Self::Stopped(text) => format!("error: {text}"),
            Self::NotYet(text) => format!("not yet: {text}"),
            Self::Interrupted(text) => format!("interrupted: {text}"),
        }
    }

    /// An output error, for example `cannot write reports/x/report.md`.
    pub(crate) fn output(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::Output(format!("cannot write {what}: {error}"))
    }

    /// What an error of a plugin is to the program.
    pub(crate) fn of(error: &musicrec_api::Error) -> Self {
        use musicrec_api::Error;
        let text = error.to_string();
        match error.bare() {
            Error::Definition(_) => Self::Definition(text),
            Error::Engine(_) => Self::Engine(text),
            Error::Cancelled => Self::Interrupted(
                "what has a record stays; run the same command again to go on".into(),
            ),
            _ => Self::Data(text),
        }
    }
}

impl From<musicrec_api::Error> for Failure {
    fn from(error: musicrec_api::Error) -> Self {
        Self::of(&error)
    }
}
