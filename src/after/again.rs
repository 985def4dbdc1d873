//! An experiment from records alone: what `rerun` and `verify` run.

use std::path::{Path, PathBuf};

use musicrec_api::{Cleaner, Splitter, Weighting};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::definition::{Node, Place, Written};
use crate::exit::Failure;
use crate::experiment::{
    Cleaning, Evaluation, Experiment, ItemList, Model, PATHS, ProductRules, Recommendations,
    ReportSettings, Setting, Variant, resolved, revisions,
};
use crate::records::{LAB_REVISION, Record};

/// Records that share all that is done before a trial: their data is read and cleaned once.
#[derive(Debug)]
pub(crate) struct Alike {
    /// Which of the records given, in their order.
    pub(crate) records: Vec<usize>,
    /// How their numbers were computed, see [`crate::records::Key::arithmetic`].
    pub(crate) portable: bool,
}

/// Groups records by what they share.
pub(crate) fn alike(records: &[Record]) -> Vec<Alike> {
    let mut groups: Vec<(Value, Alike)> = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let key = &record.result.key;
        let mut shared = key.definition.clone();
        let several = !shared["compared_cleaners"].is_null();
        if let Some(map) = shared.as_object_mut() {
            map.retain(|part, _| {
                let own = ["model", "model_files", "weighting"].contains(&part.as_str());
                !(own || several && part == "cleaners")
            });
        }
        let run = &record.run;
        let portable = key.is_portable();
        let shared = json!([
            shared,
            key.data,
            run.source,
            run.rules,
            run.origin.base,
            portable
        ]);
        match groups.iter_mut().find(|(known, _)| *known == shared) {
            Some((_, group)) => group.records.push(at),
            None => groups.push((
                shared,
                Alike {
                    records: vec![at],
                    portable,
                },
            )),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The experiment whose trials are those of records that are [`alike`], in their order. Where the
/// data has moved, `moved` says where it is.
///
/// # Errors
/// If this program would not compute what the records say.
pub(crate) fn experiment(records: &[&Record], moved: &[PathBuf]) -> Result<Experiment, Failure> {
    let first = records[0];
    for record in records {
        same_revisions(record)?;
    }
    let definition = &first.result.key.definition;
    let mut source = first.run.source.clone();
    relocate(&mut source, moved)?;
    let base = PathBuf::from(&first.run.origin.base);
    let rules = rules(first, &base, moved)?;
    let nowhere = || Node::empty(Place::new(0, &(0..0)));
    let cleanings = match &definition["compared_cleaners"] {
        Value::Array(all) => {
            let all = all.iter().enumerate().map(|(at, cleaners)| {
                let label = format!("alternative {}", at + 1);
                cleaning(first, label, cleaners)
            });
            all.collect::<Result<_, _>>()?
        }
        _ => vec![cleaning(first, String::new(), &definition["cleaners"])?],
    };
    let splitter: Box<dyn Splitter> = part(first, "splitter", &definition["splitter"])?;
    let evaluation: Evaluation = part(first, "evaluation", &definition["evaluation"])?;
    let mut experiment = Experiment {
        name: "again".to_owned(),
        seed: part(first, "seed", &definition["seed"])?,
        base,
        path: PathBuf::new(),
        written: Written::default(),
        source: part(first, "source", &source)?,
        source_written: nowhere(),
        cleanings,
        splitter,
        splitter_written: None,
        weightings: Vec::new(),
        models: Vec::new(),
        variants: Vec::new(),
        settings: Vec::new(),
        evaluation,
        rules,
        recommendations: Recommendations::default(),
        report: ReportSettings::default(),
        search: None,
        only: Vec::new(),
    };
    for (at, record) in records.iter().enumerate() {
        let definition = &record.result.key.definition;
        let weighting: Box<dyn Weighting> = part(record, "weighting", &definition["weighting"])?;
        let plugin: Box<dyn musicrec_api::Model> = part(record, "model", &definition["model"])?;
        let name = record.run.variant.clone();
        experiment.variants.push(Variant {
            name: name.clone(),
            model: name.clone(),
            plugin: plugin.typetag_name().to_owned(),
            added: false,
        });
        let model = Model::new(name, plugin).with_files(&experiment.base);
        experiment.models.push(same_files(record, model)?);
        let weighting = crate::experiment::Weighting::new(weighting, nowhere());
        experiment.weightings.push(weighting);
        let own = |c: &Cleaning| resolved(&c.cleaners) == definition["cleaners"];
        experiment.settings.push(Setting {
            variant: at,
            model: at,
            weighting: at,
            cleaning: experiment.cleanings.iter().position(own).unwrap_or(0),
        });
    }
    for (trial, record) in experiment.trials().iter().zip(records) {
        if experiment.resolved(trial) != record.result.key.definition {
            return Err(other_program(
                record,
                "this program reads its definition otherwise than the one that wrote it",
            ));
        }
    }
    Ok(experiment)
}

/// The rules of a record with their lists: where the data has moved to a folder that has a file of the same name, that
/// one is the list.
fn rules(record: &Record, base: &Path, moved: &[PathBuf]) -> Result<ProductRules, Failure> {
    let mut written = record.run.rules.clone().unwrap_or_default();
    if let [folder] = moved {
        for list in [&mut written.allow, &mut written.block]
            .into_iter()
            .flatten()
        {
            if let ItemList::File(path) = list
                && let Some(name) = path.file_name()
            {
                let there = folder.join(name);
                if there.is_file() {
                    *path = std::path::absolute(&there).unwrap_or(there);
                }
            }
        }
    }
    let rules = ProductRules::read(written, base).map_err(|unreadable| {
        let all = unreadable.into_iter();
        let all: Vec<String> = all.map(|(rule, why)| format!("[rules] {rule}: {why}")).collect();
        Failure::Data(format!(
            "trial {} cannot be run again: {}; --source names the folder that the files of the data and of the \
             rules are in now",
            record.id,
            all.join("; ")
        ))
    })?;
    let then = record.result.key.definition.get("rules").cloned();
    if rules.identity() == then {
        return Ok(rules);
    }
    Err(Failure::Data(format!(
        "trial {} cannot be run again: the lists of [rules] do not hold what they did when it was run; put the \
         files of then back",
        record.id
    )))
}

/// The model, if the files that it reads or runs are those of the record.
fn same_files(record: &Record, model: musicrec_api::Result<Model>) -> Result<Model, Failure> {
    let changed = |why: &str| {
        Failure::Changed(format!(
            "trial {} cannot be run again: {why}; put them back as they were into {}",
            record.id, record.run.origin.base
        ))
    };
    let model = model.map_err(|error| changed(&format!("its files are missing ({error})")))?;
    let then = record.result.key.definition["model_files"].as_str();
    if model.files.as_deref() == then {
        return Ok(model);
    }
    Err(changed(
        "the files that its model reads or runs have changed",
    ))
}

fn cleaning(record: &Record, label: String, cleaners: &Value) -> Result<Cleaning, Failure> {
    let cleaners: Vec<Box<dyn Cleaner>> = part(record, "cleaners", cleaners)?;
    Ok(Cleaning {
        label,
        cleaners,
        written: Vec::new(),
    })
}

/// A part of a definition as a record keeps it.
fn part<T: DeserializeOwned>(record: &Record, key: &str, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| {
        other_program(
            record,
            &format!("this program does not understand its `{key}`: {error}"),
        )
    })
}

fn other_program(record: &Record, why: &str) -> Failure {
    let origin = &record.run.origin;
    let commit = match origin.commit.as_str() {
        "" => String::new(),
        commit => format!(", commit {commit}"),
    };
    Failure::Changed(format!(
        "trial {} cannot be run again: {why}; it was run by version {}{commit}: use that one, with \
         the plugins that it had",
        record.id, record.run.version
    ))
}

/// Why this program does not compute what a record says, if code of other revisions did.
pub(crate) fn refused(record: &Record) -> Option<Failure> {
    same_revisions(record).err()
}

/// Refuses what code of other revisions computed.
fn same_revisions(record: &Record) -> Result<(), Failure> {
    let key = &record.result.key;
    let mut now = revisions(&key.definition);
    now["lab"] = LAB_REVISION.into();
    let (Some(then), Some(now)) = (key.revisions.as_object(), now.as_object()) else {
        return Err(other_program(record, "it names no revisions"));
    };
    let changed: Vec<String> = then
        .iter()
        .filter(|(name, revision)| now.get(*name) != Some(*revision))
        .map(|(name, revision)| match now.get(name) {
            Some(now) => format!("{name} had revision {revision} and has {now}"),
            None => format!("{name} (revision {revision}) is not in this program"),
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(other_program(
        record,
        &format!("the code has changed ({})", changed.join(", ")),
    ))
}

/// Puts other paths into a resolved source: as many as it has, or a folder with files of the same
/// names.
fn relocate(source: &mut Value, moved: &[PathBuf]) -> Result<(), Failure> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut slots: Vec<&mut Value> = Vec::new();
    let parameters = source.as_object_mut().into_iter().flatten();
    for (_, parameters) in parameters {
        let own = parameters.as_object_mut().into_iter().flatten();
        for (_, value) in own.filter(|(key, _)| PATHS.contains(&key.as_str())) {
            match value {
                Value::Object(files) => slots.extend(files.values_mut()),
                Value::String(_) => slots.push(value),
                _ => {}
            }
        }
    }
    if slots.is_empty() {
        return Err(Failure::Definition(
            "--source says where files are, but the source of this trial reads none".to_owned(),
        ));
    }
    let text = |path: &Path| {
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Value::String(full.display().to_string())
    };
    match moved {
        [folder] if folder.is_dir() => {
            for slot in slots {
                let name = slot.as_str().and_then(|s| Path::new(s).file_name());
                *slot = text(&folder.join(name.unwrap_or_default()));
            }
        }
        _ if moved.len() == slots.len() => {
            for (slot, path) in slots.into_iter().zip(moved) {
                *slot = text(path);
            }
        }
        _ => {
            return Err(Failure::Definition(format!(
                "the source reads {} files: give --source for each of them in order, or the folder \
                 that they are in, not {}",
                slots.len(),
                moved.len()
            )));
        }
    }
    Ok(())
}

/// A record's trial in a few words: `als (test, seed 2)`.
pub(crate) fn name_of_part(record: &Record) -> String {
    let key = &record.result.key;
    match key.repeat {
        0 => format!("{} ({})", record.run.variant, key.role.name()),
        repeat => format!(
            "{} ({}, seed {})",
            record.run.variant,
            key.role.name(),
            repeat + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::relocate;

    #[test]
    fn files_that_have_moved_are_named_one_by_one_or_by_their_folder() {
        let several = || json!({"csv": {"files": {"a": "x/a.tsv", "b": "x/b.tsv"}, "user": "u"}});
        let folder = tempfile::tempdir().unwrap();
        let mut source = several();
        relocate(&mut source, &[folder.path().to_owned()]).unwrap();
        let file = folder.path().join("b.tsv").display().to_string();
        assert_eq!(source["csv"]["files"]["b"], file);
        let mut source = several();
        relocate(&mut source, &["/1".into(), "/2".into()]).unwrap();
        assert_eq!(source["csv"]["files"], json!({"a": "/1", "b": "/2"}));
        let one: [PathBuf; 1] = ["/nowhere".into()];
        let error = relocate(&mut several(), &one).unwrap_err().message();
        assert!(error.contains("reads 2 files"), "{error}");
        let mut source = json!({"csv": {"path": "log.csv", "files": null}});
        relocate(&mut source, &one).unwrap();
        assert_eq!(source["csv"]["path"], "/nowhere");
        let error = relocate(&mut json!({"synthetic": {}}), &one).unwrap_err();
        assert!(error.message().contains("reads none"));
    }
}
