//! Every plugin that is linked in, by kind and name.

use schemars::{Schema, SchemaGenerator};

/// The plugin kinds, in the order the data meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Reads or makes a log.
    Source,
    /// Repairs or drops rows of a log.
    Cleaner,
    /// Cuts events into parts.
    Splitter,
    /// Turns events into interaction strength.
    Weighting,
    /// Learns to score items for users.
    Model,
    /// Judges ranked lists.
    Metric,
    /// Runs the units of a sweep somewhere. It stands in no definition.
    Launcher,
}

impl Kind {
    /// All kinds in order.
    pub const ALL: [Self; 7] = [
        Self::Source,
        Self::Cleaner,
        Self::Splitter,
        Self::Weighting,
        Self::Model,
        Self::Metric,
        Self::Launcher,
    ];

    /// The kind in running text: `cleaner`, where the key is `cleaners`.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Cleaner => "cleaner",
            Self::Metric => "metric",
            kind => kind.key(),
        }
    }

    /// The key under which plugins of this kind stand: of a cluster file for launchers, else of a
    /// definition.
    pub fn key(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Cleaner => "cleaners",
            Self::Splitter => "splitter",
            Self::Weighting => "weighting",
            Self::Model => "model",
            Self::Metric => "metrics",
            Self::Launcher => "launcher",
        }
    }
}

/// What the lab knows of a plugin without making one. Made by [`register!`](crate::register).
#[derive(Debug)]
pub struct Registration {
    /// The plugin's kind.
    pub kind: Kind,
    /// Its name in definitions, records and reports.
    pub name: &'static str,
    /// Raised whenever its results change; part of a trial's id.
    pub revision: u32,
    /// The crate and module it comes from.
    pub module: &'static str,
    /// JSON Schema of its parameters, with the doc comments as descriptions.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Its parameters with their defaults; `None` if some parameter has none.
    pub defaults: fn() -> Option<serde_json::Value>,
}

inventory::collect!(Registration);

/// All linked plugins, by kind and name.
pub fn registrations() -> Vec<&'static Registration> {
    let mut all: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
    all.sort_by_key(|r| (r.kind, r.name, r.module));
    all
}

/// Plugins of one kind and name, from whatever crates: a definition that names one could mean any of
/// them, so no lab may start with them. A list for each such name, by kind and name.
pub fn duplicates() -> Vec<Vec<&'static Registration>> {
    of_one_name(&registrations())
}

/// The groups of several in a list sorted by kind and name.
fn of_one_name<'a>(sorted: &[&'a Registration]) -> Vec<Vec<&'a Registration>> {
    sorted
        .chunk_by(|a, b| (a.kind, a.name) == (b.kind, b.name))
        .filter(|group| group.len() > 1)
        .map(<[_]>::to_vec)
        .collect()
}

/// What [`register!`](crate::register) uses to find a plugin's defaults.
#[doc(hidden)]
pub fn defaults_of<T: serde::Serialize + serde::de::DeserializeOwned>() -> Option<serde_json::Value>
{
    let empty = serde_json::Value::Object(serde_json::Map::new());
    let plugin: T = serde_json::from_value(empty).ok()?;
    serde_json::to_value(plugin).ok()
}

/// Makes a plugin known: `register!(Model, Als, "als", revision = 1);`
///
/// The name is the one given to `#[typetag::serde(name = "…")]`; the revision is raised whenever the
/// plugin's results change, so that records of the old code are not taken for those of the new.
#[macro_export]
macro_rules! register {
    ($kind:ident, $plugin:ty, $name:literal, revision = $revision:literal) => {
        $crate::private::inventory::submit! {
            $crate::Registration {
                kind: $crate::Kind::$kind,
                name: $name,
                revision: $revision,
                module: module_path!(),
                schema: <$plugin as $crate::private::schemars::JsonSchema>::json_schema,
                defaults: $crate::private::defaults_of::<$plugin>,
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{Kind, Registration, of_one_name};

    fn plugin(kind: Kind, name: &'static str, module: &'static str) -> Registration {
        Registration {
            kind,
            name,
            revision: 1,
            module,
            schema: |generator| generator.subschema_for::<()>(),
            defaults: || None,
        }
    }

    #[test]
    fn one_name_may_be_taken_once_a_kind() {
        let all = [
            plugin(Kind::Splitter, "random", "a::random"),
            plugin(Kind::Model, "als", "a::als"),
            plugin(Kind::Model, "als", "b::als"),
            plugin(Kind::Model, "random", "a::random"),
            plugin(Kind::Metric, "als", "a::als"),
        ];
        let found: Vec<Vec<&str>> = of_one_name(&all.each_ref())
            .iter()
            .map(|group| group.iter().map(|r| r.module).collect())
            .collect();
        assert_eq!(found, [["a::als", "b::als"]]);
    }
}
