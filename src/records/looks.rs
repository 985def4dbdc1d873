//! How often a test part has been scored, in all report folders that stand side by side. Every look
//! makes it a little more a part of the choosing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use musicrec_api::Role;
use serde::{Deserialize, Serialize};

use serde_json::{Value, json};

use super::{Store, hex};

/// What is known of looks at a test part. A look is one setting that was scored on it, with whatever
/// number of seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Looks {
    /// Different settings that have been scored on exactly this test part.
    pub(crate) total: usize,
    /// Those that are in this folder.
    pub(crate) here: usize,
    /// The other folders that hold some, and how many.
    pub(crate) elsewhere: Vec<Folder>,
    /// Different settings that have been scored on other test parts of the same data.
    pub(crate) other_parts: usize,
}

/// A report folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Folder {
    pub(crate) folder: String,
    pub(crate) looks: usize,
}

/// What of `experiment.json` says which test part it is about.
#[derive(Debug, Deserialize)]
struct Question {
    fingerprint: String,
    test_part: String,
    #[serde(default)]
    shared: Value,
}

/// Rules of measuring: what differs in them alone is no other question.
const MEASURED: [&str; 4] = ["metrics", "depth", "segments", "ties"];

/// What of a record says whether it is a look, and at what.
#[derive(Debug, Deserialize)]
struct Scored {
    result: Part,
}

#[derive(Debug, Deserialize)]
struct Part {
    role: Role,
    repeat: usize,
    status: String,
    data: String,
    definition: Value,
}

/// What decides who is asked about what, in what all trials share or in the definition of one.
fn asked(definition: &Value) -> Value {
    let mut rules = definition["evaluation"].clone();
    if let Some(rules) = rules.as_object_mut() {
        for key in MEASURED {
            rules.remove(key);
        }
    }
    // Where there are alternatives, all of them decide.
    let cleaners = match &definition["compared_cleaners"] {
        Value::Null => definition["cleaners"].clone(),
        all => json!({ "grid": all }),
    };
    json!([
        definition["seed"],
        definition["source"],
        cleaners,
        definition["splitter"],
        rules
    ])
}

impl Question {
    /// Whether a record is about it: `--keep` leaves others in the folder.
    fn is_of(&self, part: &Part) -> bool {
        part.data == self.fingerprint && asked(&part.definition) == asked(&self.shared)
    }
}

impl Part {
    /// What was scored: measuring the same lists otherwise is no further look.
    fn setting(mut self) -> String {
        if let Some(evaluation) = self.definition["evaluation"].as_object_mut() {
            for key in MEASURED {
                evaluation.remove(key);
            }
        }
        hex(&json!([self.data, self.definition]).to_string())
    }
}

/// Counts the looks at the test part of a store: in its own folder and in those beside it. What
/// cannot be read is nobody's look.
pub(crate) fn looks(store: &Store) -> Looks {
    let own: Vec<&Path> = store.folders().collect();
    let Some(question) = question(own[0]) else {
        return Looks::default();
    };
    // Several folders that are compared add up.
    let of_folder = |folder: &&Path| Some(scored(folder, &self::question(folder)?));
    let here: BTreeSet<String> = own.iter().filter_map(of_folder).flatten().collect();
    let mut all = here.clone();
    let mut others = BTreeSet::new();
    let mut elsewhere = Vec::new();
    for folder in beside_all(&own) {
        let Some(theirs) = self::question(&folder) else {
            continue;
        };
        if theirs.test_part == question.test_part {
            let scored = scored(&folder, &theirs);
            if !scored.is_empty() {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                elsewhere.push(Folder {
                    folder: name.into_owned(),
                    looks: scored.len(),
                });
            }
            all.extend(scored);
        } else if theirs.fingerprint == question.fingerprint {
            others.extend(scored(&folder, &theirs));
        }
    }
    Looks {
        total: all.len(),
        here: here.len(),
        elsewhere,
        other_parts: others.len(),
    }
}

/// The folders beside one, by name.
fn beside(folder: &Path) -> Vec<PathBuf> {
    // `reports/x` given as `x` has the working directory for a parent.
    let parent = match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Vec::new(),
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name() != folder.file_name())
        .collect();
    folders.sort();
    folders
}

/// The folders beside several that are none of them.
fn beside_all(folders: &[&Path]) -> Vec<PathBuf> {
    let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let own: BTreeSet<PathBuf> = folders.iter().map(|folder| full(folder)).collect();
    let mut seen = BTreeSet::new();
    let mut all: Vec<PathBuf> = folders.iter().flat_map(|folder| beside(folder)).collect();
    all.retain(|folder| !own.contains(&full(folder)) && seen.insert(full(folder)));
    all
}

fn question(folder: &Path) -> Option<Question> {
    read(&folder.join("experiment.json"))
}

/// The settings that were scored on test there, by the first seed of each.
fn scored(folder: &Path, question: &Question) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.join(super::store::RECORDS));
    let records = entries.into_iter().flatten().flatten();
    records
        .filter_map(|entry| read::<Scored>(&entry.path()))
        .map(|record| record.result)
        .filter(|part| part.role == Role::Test && part.repeat == 0 && part.status == "done")
        .filter(|part| question.is_of(part))
        .map(Part::setting)
        .collect()
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    // A pipe would be waited for.
    if !fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return None;
    }
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{Folder, looks};
    use crate::records::Store;

    #[test]
    fn settings_are_counted_once_in_all_folders_that_ask_the_same() {
        let reports = tempfile::tempdir().unwrap();
        let folder = |name: &str, data: &str, part: &str, records: &[(&str, &str, usize)]| {
            let path = reports.path().join(name);
            fs::create_dir_all(path.join("records")).unwrap();
            let shared = json!({"evaluation": {"heard": "mask", "metrics": []}});
            let question = json!({"fingerprint": data, "test_part": part, "shared": shared});
            fs::write(path.join("experiment.json"), question.to_string()).unwrap();
            for (id, role, repeat) in records {
                // Measured by something else, it is the same setting.
                let evaluation = json!({"metrics": [name], "heard": "mask"});
                let definition = json!({"model": id, "evaluation": evaluation});
                let result = json!({"role": role, "repeat": repeat, "status": "done", "data": data,
                    "definition": definition});
                let record = json!({"id": id, "result": result});
                let file = path.join("records").join(format!("{id}.json"));
                fs::write(file, record.to_string()).unwrap();
            }
            Store::new(path)
        };
        let own = [("a", "test", 0), ("b", "test", 1), ("v", "validation", 0)];
        let own = folder("own", "log", "part", &own);
        folder("same", "log", "part", &[("a", "test", 0), ("b", "test", 0)]);
        folder("cut", "log", "other", &[("c", "test", 0)]);
        folder("else", "another", "third", &[("d", "test", 0)]);
        fs::write(reports.path().join("notes.txt"), "no folder").unwrap();
        fs::create_dir(reports.path().join("broken")).unwrap();
        fs::write(reports.path().join("broken/experiment.json"), "{").unwrap();
        let found = looks(&own);
        assert_eq!((found.total, found.here, found.other_parts), (2, 1, 1));
        let same = Folder {
            folder: "same".into(),
            looks: 2,
        };
        assert_eq!(found.elsewhere, [same]);
    }
}
