//! Plugins whose docs or parameters break a promise.

use musicrec_api::{
    CheckContext, FitContext, Kind, Model, Problem, Recommender, Result, Train, conformance,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

fn refuse() -> Result<Box<dyn Recommender>> {
    Err(musicrec_api::Error::model(
        "this model is about its docs only",
    ))
}

macro_rules! model {
    ($plugin:ty, $name:literal) => {
        #[typetag::serde(name = $name)]
        impl Model for $plugin {
            fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
                super::refuse()
            }
            fn is_stochastic(&self) -> bool {
                false
            }
        }
        register!(Model, $plugin, $name, revision = 1);
    };
}

mod without_docs {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    pub(super) struct WithoutDocs {
        bare: u32,
        inner: Inner,
    }

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Inner {
        deeper: u32,
    }

    model!(WithoutDocs, "without_docs");
}

mod elsewhere {
    use super::*;

    /// no sentence
    ///
    /// ```toml
    /// [model.bad_examples]
    /// factors = "many"
    /// ```
    ///
    /// ```toml
    /// [model.bad_examples
    /// ```
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub(super) struct BadExamples {
        /// How many.
        factors: u32,
    }

    model!(BadExamples, "bad_examples");
}

mod forgetful {
    use super::*;

    /// It does not write what it read.
    ///
    /// ```toml
    /// model.forgetful = { kept = 2, lost = 3 }
    /// ```
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub(super) struct Forgetful {
        /// Written.
        kept: u32,
        /// Never written where it is 3.
        #[serde(deserialize_with = "one_more")]
        lost: u32,
    }

    fn one_more<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<u32, D::Error> {
        Ok(u32::deserialize(d)? + 1)
    }

    model!(Forgetful, "forgetful");
}

mod complains {
    use super::*;

    /// It complains about what it does not have.
    ///
    /// ```toml
    /// model = "complains"
    /// ```
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub(super) struct Complains {
        /// Columns.
        columns: Vec<String>,
    }

    #[typetag::serde(name = "complains")]
    impl Model for Complains {
        fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
            refuse()
        }
        fn is_stochastic(&self) -> bool {
            false
        }
        fn check(&self, _: &CheckContext) -> Vec<Problem> {
            vec![
                Problem::at("columns.1", "fine"),
                Problem::new("fine"),
                Problem::at("colums", "misspelt"),
                Problem::at("columns.x", "no entry of a list"),
            ]
        }
    }
    register!(Model, Complains, "complains", revision = 1);
}

mod two_names {
    use super::*;

    /// Its two names differ.
    ///
    /// ```toml
    /// model = "two_names"
    /// ```
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub(super) struct TwoNames {}

    #[typetag::serde(name = "second_name")]
    impl Model for TwoNames {
        fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
            refuse()
        }
        fn is_stochastic(&self) -> bool {
            false
        }
    }
    register!(Model, TwoNames, "two_names", revision = 1);
}

#[track_caller]
fn finds(name: &str, phrases: &[&str]) {
    let broken = conformance::broken(Kind::Model, name);
    for phrase in phrases {
        let found = broken.iter().any(|b| b.contains(phrase));
        assert!(
            found,
            "{name}: `{phrase}` is not among\n{}",
            broken.join("\n")
        );
    }
}

#[test]
fn what_docs_and_parameters_break_is_found() {
    finds(
        "without_docs",
        &[
            "no doc comment, which is its page",
            "has no example, such as",
            "its parameter `bare` has no doc comment",
            "its parameter `inner.deeper` has no doc comment",
            "an unknown parameter is ignored",
            "an unknown parameter in `inner` is ignored",
        ],
    );
    finds(
        "bad_examples",
        &[
            "its file is not called bad_examples.rs",
            "does not begin with a sentence that ends: `no sentence`",
            "these parameters are refused: invalid type",
            "example 2 of its docs is not TOML",
        ],
    );
    finds("forgetful", &["written and read again it is another"]);
    finds("two_names", &["`register!` calls it `two_names`"]);
    finds(
        "complains",
        &[
            "speaks of the parameter `colums`",
            "speaks of the parameter `columns.x`",
        ],
    );
    let complaints = conformance::broken(Kind::Model, "complains");
    let spoken = complaints.iter().filter(|b| b.contains("speaks of"));
    assert_eq!(spoken.count(), 2, "{complaints:?}");
}
