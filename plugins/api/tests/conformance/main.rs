//! The checks find what is broken: plugins that each break one promise, and one of each kind that
//! breaks none. They are linked into this test alone.

/// Makes a plugin without parameters in a module of its name.
macro_rules! plugin {
    ($kind:ident $module:ident $name:literal, $example:literal, { $($methods:tt)* }) => {
        mod $module {
            #[allow(unused_imports, reason = "no plugin uses all of it")]
            use super::*;

            #[doc = concat!("A plugin of a test.\n\n```toml\n", $example, "\n```")]
            #[derive(Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(default, deny_unknown_fields)]
            struct Plugin {}

            #[typetag::serde(name = $name)]
            impl musicrec_api::$kind for Plugin {
                $($methods)*
            }

            musicrec_api::register!($kind, Plugin, $name, revision = 1);
        }
    };
}
mod cleaners;
mod docs;
mod metrics;
mod models;
mod saving;
mod sharing;
mod sources;
mod splitters;
mod steps;
mod weightings;

use musicrec_api::{Kind, conformance};

/// The plugin breaks the promise that has `phrase` in its sentence, and no promise of another sort.
#[track_caller]
fn breaks(kind: Kind, name: &str, phrase: &str) {
    let broken = conformance::broken(kind, name);
    assert!(!broken.is_empty(), "{name}: nothing was found");
    for sentence in &broken {
        assert!(sentence.contains(phrase), "{name}: {sentence}");
    }
}

#[track_caller]
fn breaks_nothing(kind: Kind, name: &str) {
    let broken = conformance::broken(kind, name);
    assert!(broken.is_empty(), "{name}:\n{}", broken.join("\n"));
}
