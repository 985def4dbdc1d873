//! `model`: every header is a variant with a label; its axes are its trials.

use std::collections::HashMap;

use musicrec_api::Kind;

use super::checks::{self, Checks};
use super::fault::{Fault, Faults};
use super::plugins::{self, Named};
use super::tree::Entry;
use super::{plain, typed};
use crate::experiment::Model;

/// All concrete models, each with the label of the header it stands under; and all labels, where
/// every header names a model, whatever is wrong with its parameters.
pub(super) fn models(
    entry: &Entry,
    checks: &Checks,
    faults: &mut Faults,
) -> (Vec<Model>, Option<Vec<String>>) {
    let before = faults.errors();
    let named = plugins::named(&entry.node, Kind::Model, faults);
    let all_known = faults.errors() == before;
    let mut models: Vec<Model> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    // The header under which a setting stands first.
    let mut first_with: HashMap<String, String> = HashMap::new();
    for (at, plugin) in named.iter().enumerate() {
        let twins = named.iter().filter(|n| n.name == plugin.name).count();
        let before = named[..at].iter().filter(|n| n.name == plugin.name).count();
        let plain_name = if twins > 1 {
            format!("{}-{}", plugin.name, before + 1)
        } else {
            plugin.name.clone()
        };
        let mut plugin = plugin.clone();
        let label = plugin.parameters.take("label");
        let name = name(label.as_ref(), plain_name, &plugin, &labels, faults);
        let own = of_header(&plugin, &name, checks, faults);
        if let Some(twin) = own
            .iter()
            .find_map(|m| first_with.get(&m.resolved.to_string()))
        {
            faults.push(
                Fault::at(
                    plugin.place.clone(),
                    format!("`{name}` has a setting that `{twin}` has too"),
                )
                .help("it is run once and stands in both rows")
                .warning(),
            );
        }
        for model in &own {
            let settings = model.resolved.to_string();
            first_with.entry(settings).or_insert_with(|| name.clone());
        }
        models.extend(own);
        labels.push(name);
    }
    (models, Some(labels).filter(|_| all_known))
}

/// The name of a header. What cannot be one is a fault, and the plugin's own name stands in for it.
fn name(
    label: Option<&Entry>,
    plain_name: String,
    plugin: &Named,
    taken: &[String],
    faults: &mut Faults,
) -> String {
    let Some(name) = label.map_or(Some(plain_name.clone()), |label| plain(label, faults)) else {
        return plain_name;
    };
    let place = label.map_or(&plugin.place, |label| &label.node.place);
    let free = |c: char| !c.is_control() && !"()*".contains(c);
    if name.trim().is_empty() || name.chars().count() > 60 || !name.chars().all(free) {
        faults.push(
            Fault::at(place.clone(), "this cannot name a row of the leaderboard")
                .help("a label is a text of up to 60 characters in one line, without ( ) and *"),
        );
    } else if taken.contains(&name) {
        faults.push(
            Fault::at(place.clone(), format!("two variants are called `{name}`"))
                .help("give each its own `label`"),
        );
    }
    name
}

/// The concrete models of a header.
fn of_header(plugin: &Named, name: &str, checks: &Checks, faults: &mut Faults) -> Vec<Model> {
    let before = faults.errors();
    let nodes = plugins::settings(plugin, Kind::Model, faults);
    // Without the values of a broken axis a check would complain of what is only missing.
    let whole = faults.errors() == before;
    let mut models = Vec::new();
    for node in nodes {
        let Some(model) = typed::of_axis::<Box<dyn musicrec_api::Model>>(&node, faults) else {
            continue;
        };
        if whole {
            checks::book(model.check(&checks.context()), &node, faults);
        }
        models.push(Model::new(name.to_owned(), model));
    }
    models
}
