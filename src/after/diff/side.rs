//! One of two folders that are compared.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde_json::{Map, Value, json};

use crate::exit::Failure;
use crate::records::{Outcome, Record, Store};
use crate::report::Table;
use crate::settings::{nesting, parameters};
use crate::sweep::{Overview, choose};

/// A folder and what its variants came to.
pub(super) struct Side {
    store: Store,
    pub(super) overview: Overview,
    pub(super) variants: Vec<Variant>,
}

/// A row of the leaderboard.
pub(super) struct Variant {
    pub(super) name: String,
    /// What distinguishes the chosen trial from the others of the variant.
    pub(super) settings: String,
    /// The records of the chosen trial on test, one a seed; empty if there is no result.
    pub(super) records: Vec<Record>,
}

impl Variant {
    /// What the chosen trial has of its own: weighting, model, and cleaners if there are several.
    pub(super) fn own(&self) -> Value {
        let Some(record) = self.records.first() else {
            return Value::Null;
        };
        let definition = &record.result.key.definition;
        let mut own = json!({
            "weighting": definition["weighting"],
            "model": definition["model"],
        });
        if !definition["compared_cleaners"].is_null() {
            own["cleaners"] = definition["cleaners"].clone();
        }
        own
    }

    /// The parameters of model and weighting by the names that ranges have, for those that the grid
    /// does not vary.
    fn fixed(&self) -> Map<String, Value> {
        let own = self.own();
        let named = |prefix: &'static str, plugin: &Value| {
            let parameters = parameters(plugin).into_iter();
            parameters.map(move |(key, value)| (format!("{prefix}{key}"), Value::String(value)))
        };
        let mut all: Map<String, Value> = named("", &own["model"]).collect();
        all.extend(named("weighting.", &own["weighting"]));
        if !own["weighting"].is_null() {
            all.insert("weighting".to_owned(), nesting(&own["weighting"]).into());
        }
        all
    }

    /// The mean over the seeds of each metric.
    pub(super) fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for record in &self.records {
            if let Outcome::Done { metrics, .. } = &record.result.outcome {
                for (label, value) in metrics {
                    all.entry(label.clone()).or_default().push(*value);
                }
            }
        }
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        all.into_iter()
            .map(|(l, values)| (l, mean(values)))
            .collect()
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        self.records.iter().map(|r| r.id.as_str()).collect()
    }
}

/// A variant's values by user on one metric, a column a seed.
pub(super) struct ByUser {
    pub(super) users: Vec<String>,
    pub(super) seeds: Array2<f64>,
}

impl Side {
    pub(super) fn read(store: Store) -> Result<Self, Failure> {
        let overview = Overview::read(&store)?;
        let mut variants = Vec::new();
        for variant in &overview.variants {
            let chosen = choose(&overview, variant, &store)?;
            let trial = chosen.map(|chosen| &variant.trials[chosen.of_variant]);
            let ids = trial.map_or(&[][..], |trial| &trial.test);
            let records: Option<Vec<Record>> = ids
                .iter()
                .map(|id| store.record(id))
                .collect::<Result<_, _>>()?;
            variants.push(Variant {
                name: variant.name.clone(),
                settings: trial.map(|t| t.settings.clone()).unwrap_or_default(),
                records: records.unwrap_or_default(),
            });
        }
        Ok(Self {
            store,
            overview,
            variants,
        })
    }

    pub(super) fn folder(&self) -> String {
        self.store.folder().display().to_string()
    }

    /// The values by user of a variant; `None` if they are of another metric.
    pub(super) fn by_user(
        &self,
        variant: &Variant,
        metric: &str,
    ) -> Result<Option<ByUser>, Failure> {
        let mut users: Option<Vec<String>> = None;
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for record in &variant.records {
            let Outcome::Done { attachments, .. } = &record.result.outcome else {
                return Ok(None);
            };
            let Some(name) = attachments.get("per_user") else {
                return Ok(None);
            };
            let table = Table::read(&self.store, name)?;
            let known = users.get_or_insert_with(|| table.users.clone());
            let Some(table) = table.ordered(known) else {
                return Err(self.store.disagrees(&record.id));
            };
            let Some(column) = table.labels.iter().position(|l| l == metric) else {
                return Ok(None);
            };
            columns.push(table.values.column(column).to_vec());
        }
        let Some(users) = users else { return Ok(None) };
        let seeds = Array2::from_shape_fn((users.len(), columns.len()), |(user, seed)| {
            columns[seed][user]
        });
        Ok(Some(ByUser { users, seeds }))
    }

    /// What the definition said, as far as a folder knows it.
    pub(super) fn definition(&self) -> Value {
        let overview = &self.overview;
        let mut all = overview.shared.clone();
        if let Some(evaluation) = all["evaluation"].as_object_mut() {
            let more = json!({
                "select": overview.select,
                "baseline": overview.baseline,
                "min_effect": overview.min_effect,
                "correction": overview.correction,
                "exhibit_test": overview.exhibit_test,
                "resamples": overview.resamples,
            });
            evaluation.extend(more.as_object().cloned().unwrap_or_default());
        }
        if !overview.only.is_empty() {
            all["only"] = json!(overview.only);
        }
        let both = overview.variants.iter().zip(&self.variants);
        let variants = both.map(|(variant, chosen)| {
            let mut own = chosen.fixed();
            own.insert("trials".to_owned(), variant.trials.len().into());
            let seeds = variant.trials.first().map_or(0, |t| t.test.len());
            own.insert("seeds".to_owned(), seeds.into());
            if variant.ranges.iter().any(|r| r.parameter == "weighting") {
                // Which weighting was chosen is no part of the definition.
                own.retain(|key, _| !key.starts_with("weighting"));
            }
            for range in &variant.ranges {
                own.insert(range.parameter.clone(), json!(range.values));
            }
            (variant.name.clone(), Value::Object(own))
        });
        all["variants"] = Value::Object(variants.collect());
        all
    }

    pub(super) fn data(&self) -> Value {
        let logs = self.overview.cleanings.iter().enumerate().map(|(at, log)| {
            let name = match log.label.as_str() {
                "" => "cleaned log".to_owned(),
                label => format!("cleaned log {} ({label})", at + 1),
            };
            let counts = json!({
                "hash": log.hash,
                "events": log.log.events,
                "users": log.log.users,
                "items": log.log.items,
            });
            (name, counts)
        });
        let mut all: Map<String, Value> = logs.collect();
        all.insert(
            "content".to_owned(),
            self.overview.fingerprint.clone().into(),
        );
        all.insert(
            "test part".to_owned(),
            self.overview.test_part.clone().into(),
        );
        Value::Object(all)
    }

    pub(super) fn code(&self) -> Value {
        let mut revisions = Map::new();
        for record in self.records() {
            let own = record.result.key.revisions.as_object();
            revisions.extend(own.cloned().unwrap_or_default());
        }
        let provenance = &self.overview.provenance;
        json!({
            "revisions": revisions,
            "version": provenance.version,
            "commit": provenance.commit,
            "rustc": provenance.rustc,
        })
    }

    pub(super) fn machine(&self) -> Value {
        let provenance = &self.overview.provenance;
        json!({
            "machine": provenance.machine,
            "instructions": provenance.instructions,
            "portable": provenance.portable,
        })
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.variants.iter().flat_map(|v| &v.records)
    }
}
