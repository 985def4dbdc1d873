//! Whom a recommender will be asked about.

use std::borrow::Cow;

/// What a fit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// To choose among settings.
    Validation,
    /// To be scored on the test part.
    Test,
    /// To recommend the next items, learned from everything.
    Recommendations,
}

impl Purpose {
    /// `validation`, `test` or `recommendations`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Recommendations => "recommendations",
        }
    }
}

/// Whom a recommender will be asked about: for models that make all of their lists at once, elsewhere
/// perhaps. Who merely scores needs none of it, for what is masked and how deep lists are is the lab's
/// work.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// What the fit is for.
    pub purpose: Purpose,
    /// Which of several periods of the part it is, from 1.
    pub period: usize,
    /// How many places of a list count. One item more tells whether the last place is tied.
    pub depth: usize,
    /// Users of the fit part who will be asked, ascending. Nobody of those who are held out whole.
    pub users: Vec<u32>,
    /// For each of them, the items that the lab takes out of the list, ascending.
    pub masked: Vec<Cow<'a, [u32]>>,
}

impl<'a> Asked<'a> {
    /// These users, each with what is masked, for lists of so many places. It is the first period.
    pub fn new(
        purpose: Purpose,
        depth: usize,
        users: impl IntoIterator<Item = (u32, &'a [u32])>,
    ) -> Self {
        let users = users.into_iter();
        let (users, masked) = users
            .map(|(user, masked)| (user, Cow::Borrowed(masked)))
            .unzip();
        Self {
            purpose,
            period: 1,
            depth,
            users,
            masked,
        }
    }

    /// The same with items that nobody is shown, ascending, masked for everybody.
    #[must_use]
    pub fn without(mut self, hidden: &[u32]) -> Self {
        if !hidden.is_empty() {
            for masked in &mut self.masked {
                let mut all = [&**masked, hidden].concat();
                all.sort_unstable();
                all.dedup();
                *masked = Cow::Owned(all);
            }
        }
        self
    }

    /// The same in the period given, counted from 1.
    #[must_use]
    pub fn in_period(self, period: usize) -> Self {
        Self { period, ..self }
    }
}
