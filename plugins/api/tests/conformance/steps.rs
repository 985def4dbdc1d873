//! Models that learn in steps and break a promise on the way.

use musicrec_api::{Error, FitContext, Kind, Recommender, Result, Steps, Train};

use crate::models::{FoldsIn, Same, same};
use crate::{breaks, breaks_nothing};

/// Makes a model with the one parameter `iterations` in a module of its name. `steps` and `fit` see
/// how many there are.
macro_rules! learner {
    (
        $module:ident $name:literal, $example:literal,
        steps: $steps:expr,
        fit: $fit:expr
    ) => {
        mod $module {
            #[allow(unused_imports, reason = "no plugin uses all of it")]
            use super::*;

            #[doc = concat!(
                "A model of a test.\n\n```toml\n[model.", $name, "]\niterations = ", $example, "\n```"
            )]
            #[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(deny_unknown_fields)]
            struct Plugin {
                /// How many steps it learns in.
                iterations: usize,
            }

            #[typetag::serde(name = $name)]
            impl musicrec_api::Model for Plugin {
                fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
                    let fit: fn(usize, &Train, &FitContext) -> Result<Box<dyn Recommender>> = $fit;
                    fit(self.iterations, train, context)
                }
                fn is_stochastic(&self) -> bool {
                    false
                }
                fn steps(&self) -> Option<Steps> {
                    let steps: fn(usize) -> Steps = $steps;
                    Some(steps(self.iterations))
                }
            }

            musicrec_api::register!(Model, Plugin, $name, revision = 1);
        }
    };
}

fn iterations(count: usize) -> Steps {
    Steps::new("iterations", count)
}

/// A fit whose state after a step is a number.
fn learn(
    count: usize,
    train: &Train,
    context: &FitContext,
    state: impl Fn(usize) -> f64,
) -> Result<Box<dyn Recommender>> {
    for step in 1..count {
        if context.wants(step) {
            context.checkpoint(step, &Same(vec![state(step); train.n_items()]))?;
        }
    }
    same(train, state(count))
}

learner!(learns_in_steps "learns_in_steps", "6",
    steps: iterations,
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

learner!(learns_in_one_step "learns_in_one_step", "1",
    steps: iterations,
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

// Nobody asks for the last state, and what nobody asks for is shown to nobody.
learner!(shows_whatever_it_has "shows_whatever_it_has", "6",
steps: iterations,
fit: |count, train, context| {
    for step in 0..=count {
        context.checkpoint(step, &Same(vec![step as f64; train.n_items()]))?;
    }
    same(train, count as f64)
});

learner!(counts_something_else "counts_something_else", "6",
    steps: |count| Steps::new("rounds", count),
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

learner!(counts_from_zero "counts_from_zero", "6",
    steps: |count| iterations(count - 1),
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

learner!(takes_no_step "takes_no_step", "0",
    steps: iterations,
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

learner!(counts_right_once "counts_right_once", "6",
    steps: |_| iterations(6),
    fit: |count, train, context| learn(count, train, context, |step| step as f64));

learner!(knows_the_last_step "knows_the_last_step", "6",
steps: iterations,
fit: |count, train, context| {
    learn(count, train, context, |step| 1.0 / (1 + count - step) as f64 + step as f64)
});

learner!(shows_nothing "shows_nothing", "6",
    steps: iterations,
    fit: |count, train, _| same(train, count as f64));

learner!(shows_all_but_the_third "shows_all_but_the_third", "6",
steps: iterations,
fit: |count, train, context| {
    for step in (1..count).filter(|step| *step != 3) {
        context.checkpoint(step, &Same(vec![step as f64; train.n_items()]))?;
    }
    same(train, count as f64)
});

learner!(shows_twice "shows_twice", "6",
steps: iterations,
fit: |count, train, context| {
    for step in (1..count).flat_map(|step| [step, step]) {
        context.checkpoint(step, &Same(vec![step as f64; train.n_items()]))?;
    }
    same(train, count as f64)
});

learner!(goes_backwards "goes_backwards", "6",
steps: iterations,
fit: |count, train, context| {
    for step in (1..count).rev() {
        context.checkpoint(step, &Same(vec![step as f64; train.n_items()]))?;
    }
    same(train, count as f64)
});

learner!(minds_being_looked_at "minds_being_looked_at", "6",
steps: iterations,
fit: |count, train, context| {
    let looks = (1..count).filter(|step| context.wants(*step)).count();
    let state = |step: usize| step as f64;
    learn(count, train, context, state)?;
    same(train, state(count) + looks as f64)
});

learner!(fails_when_looked_at "fails_when_looked_at", "6",
steps: iterations,
fit: |count, train, context| {
    if context.wants(2) {
        return Err(Error::model("not while somebody is looking"));
    }
    same(train, count as f64)
});

learner!(goes_on_regardless "goes_on_regardless", "6",
steps: iterations,
fit: |count, train, context| {
    for step in 1..count {
        let _ = context.checkpoint(step, &Same(vec![step as f64; train.n_items()]));
    }
    same(train, count as f64)
});

learner!(stops_one_later "stops_one_later", "6",
steps: iterations,
fit: |count, train, context| {
    let mut ended = Ok(());
    for step in 1..count {
        let shown = context.checkpoint(step, &Same(vec![step as f64; train.n_items()]));
        ended?;
        ended = shown;
    }
    ended.and_then(|()| same(train, count as f64))
});

learner!(words_it_otherwise "words_it_otherwise", "6",
steps: iterations,
fit: |count, train, context| {
    learn(count, train, context, |step| step as f64)
        .map_err(|error| Error::model(format!("at a checkpoint: {error}")))
});

learner!(folds_in_at_the_end_only "folds_in_at_the_end_only", "6",
steps: iterations,
fit: |count, train, context| {
    for step in 1..count {
        context.checkpoint(step, &Same(vec![0.0; train.n_items()]))?;
    }
    Ok(Box::new(FoldsIn(|given| vec![2.0; given.n_items()])))
});

#[test]
fn what_models_break_on_the_way_is_found() {
    let model = Kind::Model;
    breaks_nothing(model, "learns_in_steps");
    breaks_nothing(model, "learns_in_one_step");
    breaks_nothing(model, "shows_whatever_it_has");
    breaks(
        model,
        "counts_something_else",
        "names the parameter `rounds`",
    );
    breaks(model, "counts_from_zero", "must be one whole number");
    breaks(model, "takes_no_step", "whole number of at least 1");
    breaks(model, "counts_right_once", "must be one whole number");
    breaks(model, "knows_the_last_step", "is not that of a fit of");
    breaks(model, "shows_nothing", "it shows those after []");
    breaks(
        model,
        "shows_all_but_the_third",
        "it shows those after [1, 2]",
    );
    breaks(model, "shows_twice", "out of turn");
    breaks(model, "goes_backwards", "out of turn");
    breaks(model, "minds_being_looked_at", "changes what it ends with");
    breaks(
        model,
        "fails_when_looked_at",
        "not while somebody is looking",
    );
    for regardless in [
        "goes_on_regardless",
        "stops_one_later",
        "words_it_otherwise",
    ] {
        breaks(model, regardless, "does not end its fit with that error");
    }
    breaks(
        model,
        "folds_in_at_the_end_only",
        "users who are held out differ",
    );
}
