//! The built-in weightings: one file a plugin.
//!
//! Some read the events (`binary`, `plays`, `event_strength`, `listen_seconds`), the others reshape
//! what another weighting gives and name it in their field `of`.

mod amounts;
mod binary;
mod bm25;
mod corpus;
mod event_strength;
mod listen_seconds;
mod log;
mod nested;
mod plays;
mod recency;
mod tf_idf;

pub use binary::Binary;
pub use bm25::Bm25;
pub use corpus::Documents;
pub use event_strength::EventStrength;
pub use listen_seconds::ListenSeconds;
pub use log::Log;
pub use plays::Plays;
pub use recency::Recency;
pub use tf_idf::TfIdf;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, Weighting, registrations};

    #[test]
    fn every_weighting_is_registered_and_its_defaults_are_a_definition_of_it() {
        let registered: Vec<_> = registrations()
            .into_iter()
            .filter(|r| r.kind == Kind::Weighting)
            .collect();
        let names: Vec<_> = registered.iter().map(|r| r.name).collect();
        assert_eq!(
            names,
            [
                "binary",
                "bm25",
                "event_strength",
                "listen_seconds",
                "log",
                "plays",
                "recency",
                "tf_idf"
            ]
        );
        for registration in registered {
            let defaults = (registration.defaults)().unwrap();
            let definition = serde_json::json!({ registration.name: defaults });
            let plugin: Box<dyn Weighting> = serde_json::from_value(definition.clone()).unwrap();
            assert_eq!(serde_json::to_value(&plugin).unwrap(), definition);
            let mut generator = schemars::SchemaGenerator::default();
            let schema = (registration.schema)(&mut generator);
            let described = schema.as_value()["properties"].as_object();
            for (field, schema) in described.into_iter().flatten() {
                assert!(
                    schema["description"].is_string(),
                    "{field} of {}",
                    registration.name
                );
            }
        }
    }
}
