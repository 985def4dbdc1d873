//! Models that share what they should not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use musicrec_api::{Error, FitContext, Kind, Recommender, Result, Train};

use crate::models::same;
use crate::{breaks, breaks_nothing};

/// How a part depends on a parameter.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum By {
    /// As it is.
    #[default]
    Count,
    /// Times ten.
    Tens,
}

/// Makes a model with parameters of several types in a module of its name.
macro_rules! sharer {
    ($module:ident $name:literal, $fit:expr) => {
        mod $module {
            use super::*;

            #[doc = concat!("A model of a test.\n\n```toml\n[model.", $name, "]\nshrink = 0.5\n```")]
            #[derive(Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(default, deny_unknown_fields)]
            pub(super) struct Plugin {
                /// A number.
                pub(super) shrink: f64,
                /// Yes or no.
                pub(super) negative: bool,
                /// One of several.
                pub(super) by: By,
            }

            #[typetag::serde(name = $name)]
            impl musicrec_api::Model for Plugin {
                fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
                    let fit: fn(&Plugin, &Train, &FitContext) -> Result<f64> = $fit;
                    same(train, fit(self, train, context)?)
                }
                fn is_stochastic(&self) -> bool {
                    false
                }
            }

            musicrec_api::register!(Model, Plugin, $name, revision = 1);
        }
    };
}

sharer!(shares "shares", |plugin, train, context| {
    let key = format!("shares/x/{}/{}/{:?}", plugin.shrink, plugin.negative, plugin.by);
    let part = context.shared(&key, || Ok(train.n_items() as f64 + plugin.shrink))?;
    let by = if plugin.by == By::Tens { 10.0 } else { 1.0 };
    Ok(*part * by * if plugin.negative { -1.0 } else { 1.0 })
});

sharer!(forgets_a_number "forgets_a_number", |plugin, _, context| {
    Ok(*context.shared("forgets_a_number/x", || Ok(plugin.shrink))?)
});

sharer!(forgets_yes_or_no "forgets_yes_or_no", |plugin, _, context| {
    Ok(f64::from(*context.shared("forgets_yes_or_no/x", || Ok(u8::from(plugin.negative)))?))
});

sharer!(forgets_a_word "forgets_a_word", |plugin, _, context| {
    Ok(f64::from(*context.shared("forgets_a_word/x", || Ok(plugin.by as u8))?))
});

sharer!(shares_two_types "shares_two_types", |plugin, _, context| {
    let key = "shares_two_types/x";
    if plugin.negative {
        Ok(f64::from(*context.shared(key, || Ok(1_u8))?))
    } else {
        Ok(*context.shared(key, || Ok(1.0))?)
    }
});

sharer!(uses_parts_up "uses_parts_up", |_, _, context| {
    let part = context.shared("uses_parts_up/x", || Ok(AtomicUsize::new(0)))?;
    Ok(part.fetch_add(1, Ordering::SeqCst) as f64)
});

sharer!(cannot_ask "cannot_ask", |_, _, context| {
    let part = context.shared("cannot_ask/x", || Ok(*context.shared("cannot_ask/x", || Ok(1.0))?));
    Ok(*part?)
});

static TOGETHER: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

// Waits until there are two, then scores otherwise.
sharer!(minds_company "minds_company", |_, _, context| {
    context.shared("minds_company/nothing", || Ok(()))?;
    if thread::current().name() != Some("one of two fits at once") {
        return Ok(0.0);
    }
    let (together, changed) = &TOGETHER;
    let mut count = together.lock().map_err(|_| Error::model("the other one panicked"))?;
    *count += 1;
    changed.notify_all();
    // Were there never two, this ends as well, and the test fails.
    let waited = changed.wait_timeout_while(count, Duration::from_secs(60), |count| *count < 2);
    let (count, _) = waited.map_err(|_| Error::model("the other one panicked"))?;
    Ok((*count > 1).into())
});

#[test]
fn what_models_break_by_sharing_is_found() {
    let model = Kind::Model;
    breaks_nothing(model, "shares");
    breaks(model, "forgets_a_number", "`shrink` = ");
    breaks(model, "forgets_yes_or_no", "`negative` = true, sharing");
    breaks(model, "forgets_a_word", "`by` = \"tens\", sharing");
    breaks(
        model,
        "shares_two_types",
        "is of type f64, but is asked for as u8",
    );
    breaks(model, "uses_parts_up", "sharing");
    let broken = musicrec_api::conformance::broken(model, "uses_parts_up");
    let phrase = "an equal fit has made it gives other scores than without sharing";
    assert!(broken.iter().any(|b| b.contains(phrase)), "{broken:?}");
    breaks(
        model,
        "cannot_ask",
        "fails, which it does not without sharing",
    );
    breaks(
        model,
        "minds_company",
        "at the same time it gives other scores",
    );
}
