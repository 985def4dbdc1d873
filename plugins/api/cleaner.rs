//! Steps that repair a log or drop rows of it.

use std::fmt::Debug;

use crate::{CheckContext, Ledger, Log, Problem, Result, Roles};

/// How much of the log a cleaner must see at once to do its work. The report shows it, and it is
/// what streaming and distribution of the cleaning rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Each row by itself.
    Row,
    /// All rows of a user together.
    User,
    /// The whole log.
    Log,
}

impl Reach {
    /// In words for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::User => "user",
            Self::Log => "log",
        }
    }
}

/// Which rows a cleaner is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The log, before it is split.
    Log,
    /// The fit part of each fold, after the split: for cleaners that learn from what they see.
    Fit,
}

/// A step of cleaning. It books every row it drops and every value it changes.
#[typetag::serde]
pub trait Cleaner: Debug + Send + Sync {
    /// How much it must see at once.
    fn reach(&self) -> Reach;

    /// Which rows it is given; the whole log unless it says otherwise.
    fn on(&self) -> On {
        On::Log
    }

    /// Repairs `part` in place, which holds as many rows as the reach needs.
    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()>;

    /// For a cleaner that must see the whole log, a way to see it part by part: all rows of a user are in one part, so
    /// that a log larger than memory can be cleaned. It does the same as [`Cleaner::clean`]. Without one the whole log
    /// is held in memory. `roles` tells which column plays which part.
    fn in_parts(&self, roles: &Roles) -> Option<Box<dyn InParts + '_>> {
        let _ = roles;
        None
    }

    /// The texts that a column may hold after this step, where the parameters tell, blank cells aside. `before`
    /// are those that it may hold before the step; `None` where that is not known.
    ///
    /// What is given, unless the cleaner says otherwise: one that puts other texts into a column must.
    fn labels(&self, column: &str, before: Option<Vec<String>>) -> Option<Vec<String>> {
        let _ = column;
        before
    }

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}

/// A cleaner that looks at the parts of a log one after the other, as often as it wants, and cleans them then.
pub trait InParts {
    /// Whether all parts are to be looked at, for the first time or once more. Asked until it says no.
    fn again(&mut self) -> Result<bool>;

    /// Looks at a part. The rows of a user are in one part, and the parts come in the same order each time.
    fn look(&mut self, part: &Log) -> Result<()>;

    /// Cleans a part, once nothing is to be looked at any more.
    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()>;
}
