//! What plugins have to say about their parameters beyond types, at the places of the definition.

use std::path::{Path, PathBuf};

use musicrec_api::{CheckContext, Kind, Problem, Roles, Splitter, Weighting};

use super::axes::Listing;
use super::fault::{Fault, Faults};
use super::plugins;
use super::tree::{Node, Place, Value};
use super::typed::of_axis;

/// What is known before anything runs.
#[derive(Debug)]
pub(super) struct Checks {
    base: PathBuf,
    columns: Option<Vec<String>>,
    roles: Option<Roles>,
    events: Option<Vec<String>>,
    validates: Option<bool>,
}

impl Checks {
    /// For a definition whose relative paths start at `base`.
    pub(super) fn new(base: &Path) -> Self {
        Self {
            base: base.to_path_buf(),
            columns: None,
            roles: None,
            events: None,
            validates: None,
        }
    }

    /// The same, with the kinds of event known.
    pub(super) fn with_events(self, events: &[String]) -> Self {
        Self {
            events: Some(events.to_vec()),
            ..self
        }
    }

    /// Learns the columns of the log, where its source can tell them.
    pub(super) fn have(&mut self, columns: Option<Vec<String>>) {
        self.columns = columns;
    }

    /// Learns which of them plays which part, likewise.
    pub(super) fn know(&mut self, roles: Option<Roles>) {
        self.roles = roles;
    }

    /// Which column plays which part, where that is known.
    pub(super) fn roles(&self) -> Option<&Roles> {
        self.roles.as_ref()
    }

    /// Learns whether there will be a validation part, where the splitter's parameters tell.
    pub(super) fn validation(&mut self, splitter: &dyn Splitter) {
        self.validates = splitter.makes_validation();
    }

    /// Where relative paths start.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn context(&self) -> CheckContext<'_> {
        let mut context = CheckContext::new(&self.base);
        if let Some(columns) = &self.columns {
            context = context.with_columns(columns);
        }
        if let Some(roles) = &self.roles {
            context = context.with_roles(roles);
        }
        if let Some(events) = &self.events {
            context = context.with_events(events);
        }
        if let Some(validates) = self.validates {
            context = context.with_validation(validates);
        }
        context
    }

    /// Asks a weighting and what it nests.
    pub(super) fn weighting(&self, node: &Node, faults: &mut Faults) {
        let Some(weighting) = of_axis::<Box<dyn Weighting>>(node, faults) else {
            return;
        };
        book(weighting.check(&self.context()), node, faults);
        if let Some(inner) = parameters(node).and_then(|p| p.get(plugins::NESTED)) {
            let inner = plugins::place(&inner.node, Kind::Weighting, faults);
            for inner in inner.all(Listing::Grid, faults) {
                self.weighting(&inner, faults);
            }
        }
    }
}

/// Books what a plugin says of itself; `node` is `{ name = { … } }`.
pub(super) fn book(problems: Vec<Problem>, node: &Node, faults: &mut Faults) {
    for problem in problems {
        faults.push(fault(place_of(node, &problem.parameter), problem));
    }
}

/// A problem as a fault at a place.
pub(super) fn fault(place: Place, problem: Problem) -> Fault {
    let mut fault = Fault::at(place, problem.message);
    if let Some(name) = problem.suggestion {
        fault = fault.label(format!("did you mean `{name}`?"));
    }
    if let Some(remedy) = problem.remedy {
        fault = fault.help(remedy);
    }
    if problem.of_data {
        fault = fault.of_data();
    }
    fault
}

/// The parameters of `{ name = { … } }`.
fn parameters(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::Table(entries) => entries.first().map(|e| &e.node),
        _ => None,
    }
}

/// Where a parameter stands, as deep as its path leads; the plugin's name where it is a default.
pub(super) fn place_of(node: &Node, path: &str) -> Place {
    let named = match &node.value {
        Value::Table(entries) => entries.first().map(|e| e.place.clone()),
        _ => None,
    };
    let mut place = named.unwrap_or_else(|| node.place.clone());
    let mut rest = path;
    let mut at = parameters(node);
    while let Some(node) = at.filter(|_| !rest.is_empty()) {
        let (next, left) = match &node.value {
            // Keys may hold dots, so the longest that fits is meant.
            Value::Table(entries) => {
                let fits = |key: &str| {
                    rest.strip_prefix(key)
                        .is_some_and(|left| left.is_empty() || left.starts_with('.'))
                };
                let longest = entries
                    .iter()
                    .filter(|e| fits(&e.key))
                    .max_by_key(|e| e.key.len());
                let Some(entry) = longest else { break };
                (&entry.node, &rest[entry.key.len()..])
            }
            Value::Array(items) => {
                let number = rest.split('.').next().unwrap_or_default();
                let Some(item) = number.parse().ok().and_then(|at: usize| items.get(at)) else {
                    break;
                };
                (item, &rest[number.len()..])
            }
            Value::Scalar(_) => break,
        };
        place = next.place.clone();
        rest = left.strip_prefix('.').unwrap_or(left);
        at = Some(next);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::place_of;
    use crate::definition::fault::Sources;
    use crate::definition::tree::Node;

    #[test]
    fn a_parameter_is_found_as_deep_as_it_was_written() {
        let text = "[map_labels]\nlabels = { \"a.b\" = [\"x\", \"y\"] }";
        let mut sources = Sources::default();
        let source = sources.add("x.toml", text);
        let node = Node::parse(&sources, source).unwrap();
        let at = |path| {
            let place = place_of(&node, path);
            &text[place.start..place.end]
        };
        assert_eq!(at("labels.a.b.1"), "\"y\"");
        assert_eq!(at("labels.a.b.7"), "[\"x\", \"y\"]");
        assert_eq!(at("column"), "map_labels");
        assert_eq!(at(""), "map_labels");
    }
}
