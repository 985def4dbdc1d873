//! What a launcher promises.

use std::path::Path;

use super::promises::Promises;
use crate::{Launcher, Step, Work};

/// Whether it could be tried at all. Nothing is submitted: what an engine does is tested with the engine.
pub(super) fn behavior(launcher: &dyn Launcher, folder: &Path, promises: &mut Promises) -> bool {
    let Some(engine) = launcher.engine() else {
        return true;
    };
    let step = |name: &str, units| Step {
        name: name.to_owned(),
        units,
    };
    let steps = vec![step("prepare", vec![0]), step("validation", vec![3, 4, 9])];
    let store = folder.join("a store's place");
    let work = Work::new(
        "kit",
        (
            store.clone(),
            "/opt/musicrec-lab".into(),
            store.join("logs"),
        ),
        steps,
    );
    let Some(draft) = promises.fallible("drafting what it would submit", || engine.draft(&work))
    else {
        return false;
    };
    for named in ["prepare", "validation", "/opt/musicrec-lab"] {
        promises.that(draft.contains(named), || {
            format!("its draft does not name `{named}`, so nobody sees what would run")
        });
    }
    let again = promises.fallible("drafting again", || engine.draft(&work));
    promises.that(again.is_none_or(|again| again == draft), || {
        "a second draft of the same work is another".to_owned()
    });
    promises.that(!store.exists(), || {
        "a draft writes into the store".to_owned()
    });
    true
}
