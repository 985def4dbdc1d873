//! Models that learn in steps, and who looks at them on the way.

use std::collections::BTreeSet;
use std::fmt::{Debug, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, Recommender, Result};

/// That a model learns in steps; see [`Model::steps`](crate::Model::steps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steps {
    /// The parameter that counts them: a whole number, directly among the model's parameters, such
    /// as `iterations`.
    pub parameter: &'static str,
    /// How many there are: the value of that parameter.
    pub count: usize,
}

impl Steps {
    /// So many steps, as the parameter called `parameter` says.
    pub fn new(parameter: &'static str, count: usize) -> Self {
        Self { parameter, count }
    }
}

/// The steps after which a fit is looked at, and what is done then. The lab makes one a fit and
/// gives it by [`FitContext::with_checkpoints`](crate::FitContext::with_checkpoints); models never
/// see it.
pub struct Checkpoints<'a> {
    wanted: BTreeSet<usize>,
    watch: Mutex<Watching<'a>>,
}

/// What is done with the state after a step.
type Then<'a> = dyn FnMut(usize, &dyn Recommender) -> Result<()> + Send + 'a;

struct Watching<'a> {
    last: Option<usize>,
    then: Box<Then<'a>>,
}

impl<'a> Checkpoints<'a> {
    /// `then` is called with the state after each of `steps`, in ascending order. They are below the
    /// number of steps of the fit, and at least 1.
    pub fn new(
        steps: impl IntoIterator<Item = usize>,
        then: impl FnMut(usize, &dyn Recommender) -> Result<()> + Send + 'a,
    ) -> Self {
        Self {
            wanted: steps.into_iter().collect(),
            watch: Mutex::new(Watching {
                last: None,
                then: Box::new(then),
            }),
        }
    }

    /// The steps that were not reached, ascending: none after a fit that kept its word.
    pub fn missing(&self) -> Vec<usize> {
        let last = self.watching().last;
        let open = self.wanted.iter().copied();
        open.filter(|&step| last.is_none_or(|last| step > last))
            .collect()
    }

    /// A panic of the callback leaves nothing half done here.
    fn watching(&self) -> MutexGuard<'_, Watching<'a>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for Checkpoints<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints")
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

/// [`Checkpoints`] of whatever lifetime, so that a context has but one.
pub(crate) trait Watch: Debug + Sync {
    fn wants(&self, step: usize) -> bool;
    fn reached(&self, step: usize, state: &dyn Recommender) -> Result<()>;
}

impl Watch for Checkpoints<'_> {
    fn wants(&self, step: usize) -> bool {
        self.wanted.contains(&step)
    }

    fn reached(&self, step: usize, state: &dyn Recommender) -> Result<()> {
        if !self.wants(step) {
            return Ok(());
        }
        let mut watching = self.watching();
        let due = match watching.last {
            None => self.wanted.first(),
            Some(last) => self.wanted.range(last + 1..).next(),
        };
        if due != Some(&step) {
            let due = due.map_or_else(
                || "no other".to_owned(),
                |due| format!("that of step {due}"),
            );
            return Err(Error::model(format!(
                "the model shows its state after step {step} out of turn: {due} is due; a model shows \
                 each state that is asked for once, in ascending order"
            )));
        }
        watching.last = Some(step);
        (watching.then)(step, state)
    }
}

#[cfg(test)]
mod tests {
    use super::Checkpoints;
    use crate::{Error, FitContext, Recommender, Result, Scores, Users};

    struct State(Vec<f64>);

    impl Recommender for State {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0))
        }
    }

    /// What a model does: its state is the number of steps.
    fn learn(context: &FitContext, steps: impl IntoIterator<Item = usize>) -> Result<()> {
        for step in steps {
            if context.wants(step) {
                context.checkpoint(step, &State(vec![step as f64]))?;
            }
        }
        Ok(())
    }

    fn first_score(state: &dyn Recommender) -> f64 {
        match state.scores(&Users::new(&[])) {
            Ok(Scores::Everybody(scores)) => scores[0],
            _ => f64::NAN,
        }
    }

    #[test]
    fn what_is_wanted_is_shown_in_order_and_nothing_else() {
        let mut seen = Vec::new();
        let checkpoints = Checkpoints::new([4, 2, 4], |step, state| {
            seen.push((step, first_score(state)));
            Ok(())
        });
        assert_eq!(checkpoints.missing(), [2, 4]);
        let context = FitContext::new(0).with_checkpoints(&checkpoints);
        learn(&context, 1..=3).unwrap();
        assert_eq!(checkpoints.missing(), [4]);
        learn(&context, 4..=9).unwrap();
        // Unasked, it is not shown.
        context.checkpoint(9, &State(vec![9.0])).unwrap();
        assert_eq!(checkpoints.missing(), [0; 0]);
        drop(checkpoints);
        assert_eq!(seen, [(2, 2.0), (4, 4.0)]);
        learn(&FitContext::new(0), 1..=3).unwrap();
    }

    #[test]
    fn steps_out_of_turn_are_an_error() {
        for (shown, due) in [
            (vec![1, 1], "that of step 2 is due"),
            (vec![2], "that of step 1 is due"),
            (vec![1, 2, 1], "no other is due"),
        ] {
            let checkpoints = Checkpoints::new([1, 2], |_, _| Ok(()));
            let context = FitContext::new(0).with_checkpoints(&checkpoints);
            let error = learn(&context, shown).unwrap_err().to_string();
            assert!(error.contains(due), "{error}");
        }
    }

    #[test]
    fn an_error_of_the_callback_is_that_of_the_checkpoint() {
        let checkpoints = Checkpoints::new([1], |_, _| Err(Error::Cancelled));
        let context = FitContext::new(0).with_checkpoints(&checkpoints);
        assert!(matches!(learn(&context, 1..=1), Err(Error::Cancelled)));
    }

    #[test]
    fn a_context_may_be_used_by_several_threads() {
        fn sync<T: Sync>(_: &T) {}
        sync(&FitContext::new(0));
    }
}
