//! What a metric is called in reports is not always how it is written in a definition: `ndcg_linear@3` is
//! `{ ndcg = { gain = "linear" } }`.

use musicrec_api::{Kind, Metric};
use serde_json::{Value, json};

use crate::reference::{of, plain};

/// How a metric is written that reports call so (without its depth), if one parameter other than by
/// default makes it.
pub(super) fn written(label: &str) -> Option<String> {
    of(Kind::Metric).find_map(|plugin| {
        let schema = plain::parameters(plugin);
        let properties = schema["properties"].as_object()?;
        properties.iter().find_map(|(parameter, property)| {
            let values = property["enum"].as_array()?;
            let is_it = |value: &&Value| {
                let written = json!({ plugin.name: { parameter.as_str(): value } });
                let metric = serde_json::from_value::<Box<dyn Metric>>(written).ok();
                let known = metric.map(|metric| metric.identity().label);
                known.is_some_and(|known| known.split('@').next() == Some(label))
            };
            let value = values.iter().find(is_it)?;
            Some(format!(
                "reports call so what is written {{ {} = {{ {parameter} = {value} }} }}",
                plugin.name
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn labels_of_variants_are_explained() {
        let of = |label| written(label).unwrap_or_default();
        assert!(of("ndcg_linear").ends_with(r#"{ ndcg = { gain = "linear" } }"#));
        assert!(of("map_min").ends_with(r#"{ map = { divide_by = "min_k_targets" } }"#));
        assert!(of("precision_returned").contains("divide_by"));
        assert_eq!(written("nothing"), None);
    }
}
