//! The built-in splitters: one file a plugin.
//!
//! Only `global_time` keeps every model from learning what came after the events it is asked for.

mod given;
mod global_time;
mod leave_last;
mod parts;
mod random;

pub use given::Given;
pub use global_time::GlobalTime;
pub use leave_last::LeaveLast;
pub use random::Random;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, Splitter, registrations};

    #[test]
    fn every_splitter_is_registered_and_its_defaults_are_a_definition_of_it() {
        let registered: Vec<_> = registrations()
            .into_iter()
            .filter(|r| r.kind == Kind::Splitter)
            .collect();
        let names: Vec<_> = registered.iter().map(|r| r.name).collect();
        assert_eq!(names, ["given", "global_time", "leave_last", "random"]);
        for registration in registered {
            let defaults = (registration.defaults)().unwrap();
            let definition = serde_json::json!({ registration.name: defaults });
            let plugin: Box<dyn Splitter> = serde_json::from_value(definition.clone()).unwrap();
            assert_eq!(serde_json::to_value(&plugin).unwrap(), definition);
            let mut generator = schemars::SchemaGenerator::default();
            let schema = (registration.schema)(&mut generator);
            for (field, schema) in schema.as_value()["properties"].as_object().unwrap() {
                assert!(
                    schema["description"].is_string(),
                    "{field} of {}",
                    registration.name
                );
            }
        }
    }
}
