//! What the content of an entry depends on: data, definition, the stages before, seeds, revisions of plugins
//! and of the lab. Neither paths nor times are in it.
//!
//! Revisions tell one version of the code from another only where those who change it raise them. Who is
//! just writing a plugin does not yet. So a program that was built from changed sources, or that has
//! plugins of others in what is kept, adds a hash of itself: what another build kept is not found.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::Read as _;
use std::sync::OnceLock;

use musicrec_api::{Cleaner, On, derive_seed, registrations};
use serde_json::{Value, json};
use twox_hash::XxHash64;

use crate::experiment::{Evaluation, Experiment, resolved, revisions};
use crate::records::{Key, LAB_REVISION};
use crate::stages::fold::FoldData;
use crate::stages::hashes;

/// Raised when reading and cleaning by the lab itself gives something else.
const CLEANED: u32 = 2;
/// Raised when ranking by the lab itself gives something else.
const LISTS: u32 = 1;
/// Raised when drawing random rankings gives something else.
const CHANCE: u32 = 1;

/// The crates of the lab's own plugins, which raise their revisions.
const OWN: [&str; 7] = [
    "musicrec_sources",
    "musicrec_cleaners",
    "musicrec_splitters",
    "musicrec_weightings",
    "musicrec_models",
    "musicrec_metrics",
    "musicrec_launchers",
];

/// The key of a cleaned log. `None` if it cannot be told what the program is.
pub(super) fn cleaned(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    data: &str,
) -> Option<Value> {
    // Those that see the fit part only work later.
    let on_log = cleaners.iter().filter(|c| c.on() == On::Log);
    let on_log: Vec<Value> = on_log.map(resolved).collect();
    let definition = json!({
        "source": experiment.shared()["source"],
        "cleaners": on_log,
    });
    Some(json!({
        "stage": "cleaned",
        "revision": CLEANED,
        "data": data,
        "seed": derive_seed(experiment.seed, "source"),
        "code": code(&definition)?,
        "arithmetic": arithmetic(),
        "definition": definition,
    }))
}

/// The key of what random rankings reach on the test part under an alternative of the cleaners.
///
/// Metrics may look at everything that is learned from, columns of the log included, so the whole way
/// there is in the key. Questions, masks and votes are in it by content too.
pub(super) fn chance(
    experiment: &Experiment,
    cleaning: usize,
    data: &str,
    folds: &[&FoldData],
    (rankings, seed): (usize, u64),
) -> Option<Value> {
    let definition = experiment.shared();
    Some(json!({
        "stage": "chance",
        "revision": CHANCE,
        "data": data,
        "cleaners": resolved(&experiment.cleanings[cleaning].cleaners),
        "folds": folds.iter().map(|fold| hashes::of_questions(fold)).collect::<Vec<_>>(),
        "rankings": rankings,
        "seed": seed,
        "code": code(&definition)?,
        "arithmetic": arithmetic(),
        "definition": definition,
    }))
}

/// The key of the ranked lists of a trial in a period: all that decides them, and not what is measured of
/// them.
pub(crate) fn lists(key: &Key, fold: &FoldData, evaluation: &Evaluation) -> Option<Value> {
    let mut definition = key.definition.clone();
    let rules = definition["evaluation"].as_object_mut()?;
    for measured in ["metrics", "segments", "depth"] {
        rules.remove(measured);
    }
    Some(json!({
        "stage": "lists",
        "revision": LISTS,
        "data": key.data,
        "role": key.role,
        "repeat": key.repeat,
        "users_share": key.users_share,
        "period": fold.summary.period,
        "questions": hashes::of_questions(fold),
        "depth": evaluation.depth(),
        "code": code(&definition)?,
        "arithmetic": arithmetic(),
        "definition": definition,
    }))
}

/// The version of the code that a definition runs through.
fn code(definition: &Value) -> Option<Value> {
    let mut code = revisions(definition);
    let of_others = registrations().into_iter().any(|plugin| {
        let name = format!("{}.{}", plugin.kind.key(), plugin.name);
        let from = plugin.module.split("::").next().unwrap_or_default();
        code.get(&name).is_some() && !OWN.contains(&from)
    });
    let commit = env!("MUSICREC_COMMIT");
    // A commit in one word is that of unchanged sources.
    if of_others || commit.contains(' ') || commit == "unknown" {
        code["program"] = program()?.into();
    }
    code["lab"] = LAB_REVISION.into();
    Some(code)
}

/// A hash of the running program.
fn program() -> Option<&'static str> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash = || {
        let mut file = File::open(std::env::current_exe().ok()?).ok()?;
        let mut hash = XxHash64::with_seed(0);
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece).ok()? {
                0 => return Some(format!("{:016x}", hash.finish())),
                read => hash.write(&piece[..read]),
            }
        }
    };
    HASH.get_or_init(hash).as_deref()
}

/// What the last digit of a number may hang on: the mathematical library is chosen by system and by what the
/// processor can do.
fn arithmetic() -> String {
    if musicrec_api::arithmetic::portable() {
        return "portable".to_owned();
    }
    let class = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    #[cfg(target_arch = "x86_64")]
    let class = format!(
        "{class} fma={} avx2={} avx512f={}",
        is_x86_feature_detected!("fma"),
        is_x86_feature_detected!("avx2"),
        is_x86_feature_detected!("avx512f")
    );
    class
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::cleaned;
    use crate::sweep::tests::Lab;

    const LOG: &str = "user_id,song_id\nu,a\n";
    const TRIM: &str = r#"{"normalize_ids": {"columns": ["user_id"]}}"#;
    const RARE: &str = r#"{"min_interactions": {"users": 2, "items": 1}}"#;

    fn lab(cleaners: &str) -> Lab {
        Lab::new(LOG, &[("", cleaners)], &[])
    }

    fn key(lab: &Lab, data: &str) -> Value {
        let cleaners = &lab.experiment.cleanings[0].cleaners;
        cleaned(&lab.experiment, cleaners, data).expect("the program can be read")
    }

    #[test]
    fn a_cleaned_log_is_told_by_data_source_cleaners_and_seed() {
        let trimmed = lab(&format!("[{TRIM}]"));
        let first = key(&trimmed, "1");
        assert_eq!(
            first,
            key(&lab(&format!("[{TRIM}]")), "1"),
            "another folder"
        );
        assert_ne!(first, key(&trimmed, "2"));
        assert_ne!(first, key(&lab("[]"), "1"));
        let mut seeded = lab(&format!("[{TRIM}]"));
        seeded.experiment.seed += 1;
        assert_ne!(first, key(&seeded, "1"));
        // Without any path, and with the revisions of what works.
        let text = first.to_string();
        assert!(!text.contains("log.csv"), "{text}");
        for name in ["source.csv", "cleaners.normalize_ids", "lab"] {
            assert!(first["code"].get(name).is_some(), "no {name} in {first}");
        }
    }

    #[test]
    fn what_works_on_the_fit_part_later_does_not_matter() {
        let (without, with) = (format!("[{TRIM}]"), format!("[{TRIM}, {RARE}]"));
        assert_eq!(key(&lab(&without), "1"), key(&lab(&with), "1"));
    }
}
