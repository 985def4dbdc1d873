//! `model`: every header is a variant with a label; its axes are its trials.

use std::collections::HashMap;

use musicrec_api::Kind;

use super::axes::{Listing, Space};
use super::checks::{self, Checks};
use super::fault::{Fault, Faults};
use super::plugins::{self, Named};
use super::tree::{Entry, Node, Place};
use super::{plain, typed};
use crate::experiment::Model;

/// A header of a model.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) label: String,
    /// What the seeds of its draws are named by: its label, or that of the plugin and which of them it
    /// is, so that a header added behind it changes nothing.
    pub(super) seed_name: String,
    pub(super) place: Place,
    pub(super) space: Space,
    /// Whether its axes are faultless. Without the values of a broken axis a check would complain of
    /// what is only missing.
    pub(super) whole: bool,
    /// Whether the lab adds it.
    pub(super) added: bool,
}

/// All headers; and their labels, where each names a model, whatever is wrong with its parameters.
pub(super) fn headers(entry: &Entry, faults: &mut Faults) -> (Vec<Header>, Option<Vec<String>>) {
    let before = faults.errors();
    let named = plugins::named(&entry.node, Kind::Model, faults);
    let all_known = faults.errors() == before;
    let mut headers: Vec<Header> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    for (at, plugin) in named.iter().enumerate() {
        let twins = named.iter().filter(|n| n.name == plugin.name).count();
        let before = named[..at].iter().filter(|n| n.name == plugin.name).count();
        let numbered = format!("{}-{}", plugin.name, before + 1);
        let plain_name = if twins > 1 { &numbered } else { &plugin.name };
        let mut plugin = plugin.clone();
        let label = plugin.parameters.take("label");
        let name = name(label.as_ref(), plain_name.clone(), &plugin, &labels, faults);
        let seed_name = match label {
            Some(_) => name.clone(),
            None if before == 0 => plugin.name.clone(),
            None => numbered,
        };
        let before = faults.errors();
        let space = plugins::settings(&plugin, Kind::Model, faults);
        labels.push(name.clone());
        headers.push(Header {
            label: name,
            seed_name,
            place: plugin.place,
            space,
            whole: faults.errors() == before,
            added: false,
        });
    }
    (headers, Some(labels).filter(|_| all_known))
}

/// All concrete models, each with the label of the header it stands under.
pub(super) fn all(headers: &[Header], checks: &Checks, faults: &mut Faults) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    let mut twins = Twins::default();
    for header in headers {
        let before = faults.errors();
        let nodes = header.space.all(Listing::Grid, faults);
        let whole = header.whole && faults.errors() == before;
        let nodes = nodes.iter();
        let own: Vec<Model> = nodes
            .filter_map(|node| header.model(node, whole, checks, faults))
            .collect();
        twins.warn(header, &own, faults);
        models.extend(own);
    }
    models
}

impl Header {
    /// The header of a model that the lab adds.
    pub(super) fn added(model: &Model, start: &Place) -> Self {
        let name = model.plugin.typetag_name();
        let node = Node::single(name, start.clone(), Node::empty(start.clone()));
        Self {
            label: model.label.clone(),
            seed_name: model.label.clone(),
            place: start.clone(),
            space: Space::Fixed(node),
            whole: true,
            added: true,
        }
    }

    /// One concrete model of it, which a whole definition is asked about.
    pub(super) fn model(
        &self,
        node: &Node,
        whole: bool,
        checks: &Checks,
        faults: &mut Faults,
    ) -> Option<Model> {
        let plugin = typed::of_axis::<Box<dyn musicrec_api::Model>>(node, faults)?;
        let before = faults.errors();
        if whole {
            checks::book(plugin.check(&checks.context()), node, faults);
        }
        let model = Model {
            added: self.added,
            ..Model::new(self.label.clone(), plugin)
        };
        if !whole || faults.errors() > before {
            return Some(model);
        }
        match model.with_files(checks.base()) {
            Ok(model) => Some(model),
            Err(error) => {
                let place = checks::place_of(node, "");
                faults.push(Fault::at(place, error.to_string()).of_data());
                None
            }
        }
    }
}

/// The header under which a setting stands first.
#[derive(Debug, Default)]
pub(super) struct Twins(HashMap<String, String>);

impl Twins {
    /// A setting under two headers is probably a slip.
    pub(super) fn warn(&mut self, header: &Header, own: &[Model], faults: &mut Faults) {
        let settings: Vec<String> = own.iter().map(|m| m.resolved.to_string()).collect();
        if let Some(twin) = settings.iter().find_map(|setting| self.0.get(setting)) {
            faults.push(
                Fault::at(
                    header.place.clone(),
                    format!("`{}` has a setting that `{twin}` has too", header.label),
                )
                .help("it is run once and stands in both rows")
                .warning(),
            );
        }
        for setting in settings {
            self.0
                .entry(setting)
                .or_insert_with(|| header.label.clone());
        }
    }
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
