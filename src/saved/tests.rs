//! What is saved comes back as it was, and whatever else a file holds is told in words.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use musicrec_api::{
    Events, FitContext, InteractionMatrix, Recommender, Result, Role, Scores, Train, Users,
};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{About, Asked, Saved, Unknown, file, save};
use crate::exit::Failure;
use crate::experiment::revisions;
use crate::records::Key;
use crate::stages::fold::Ragged;
use crate::stages::rules::{Limits, limits_of};
use crate::sweep::everything::Everything;

fn about(model: &Value) -> About {
    let definition = json!({
        "model": model,
        "weighting": {"binary": {}},
        "evaluation": {"heard": "mask"},
        "source": {"csv": {}},
    });
    let key = Key {
        role: Role::Test,
        data: "d".to_owned(),
        revisions: revisions(&definition),
        definition,
        repeat: 0,
        users_share: None,
        arithmetic: None,
    };
    let named = ("v".to_owned(), "factors=2".to_owned());
    About::new("e".to_owned(), named, key, 7)
}

/// A model fitted on a handful of events, one of them of an id that is hostile to tables.
fn everything(model: &Value) -> Everything {
    let pairs = [
        ("1", "a"),
        ("1", "b"),
        ("2", "b"),
        ("10", "c,\"\n"),
        ("10", "b"),
    ];
    let events = Events::from_pairs(pairs);
    let weighting: Box<dyn musicrec_api::Weighting> =
        serde_json::from_str(r#"{"binary": {}}"#).unwrap();
    let weigh = weighting.fit(&events).unwrap();
    let weights = weigh.weigh(&events).unwrap();
    let mut heard = Ragged::default();
    heard.push([0, 1]);
    heard.push([1]);
    heard.push([1, 2]);
    let mut avoided = Ragged::default();
    (0..3).for_each(|_| avoided.push([]));
    let train = Train::new(events, &weights);
    let model: Box<dyn musicrec_api::Model> = serde_json::from_value(model.clone()).unwrap();
    let recommender = model.fit(&train, &FitContext::new(7)).unwrap();
    Everything {
        train,
        masked: heard,
        avoided,
        limits: Limits::default(),
        weigh,
        recommender,
        seed: 7,
    }
}

fn saved(model: &Value) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&path, &about(model), &everything(model)).unwrap();
    (folder, path)
}

fn asked(users: &[&'static str], unknown: Unknown) -> Asked<'static> {
    Asked {
        users: Some(users.to_vec()),
        count: 2,
        why: None,
        heard: None,
        unknown,
        history: None,
    }
}

fn popularity() -> Value {
    json!({"popularity": {}})
}

fn message(path: &Path) -> String {
    match Saved::read(path) {
        Err(Failure::Data(text)) => text,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{} was read", path.display()),
    }
}

#[test]
fn a_file_is_one_that_others_read_and_the_same_each_time() {
    let model = json!({"als": {"factors": 2}});
    let (_folder, path) = saved(&model);
    let bytes = fs::read(&path).unwrap();
    let (_other, again) = saved(&model);
    assert_eq!(bytes, fs::read(again).unwrap());
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("model.users").unwrap().shape(), [3, 2]);
    assert_eq!(tensors.tensor("users.text").unwrap().data(), b"1210");
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let entry = &header.metadata().as_ref().unwrap()["musicrec_lab"];
    let entry: Value = serde_json::from_str(entry).unwrap();
    assert_eq!(entry["about"]["key"]["definition"]["model"], model);
    let (read, _) = file::read(&path).unwrap();
    assert_eq!(read, about(&model));
}

#[test]
fn lists_are_in_the_order_asked_and_strangers_are_named() {
    let (_folder, path) = saved(&popularity());
    let saved = Saved::read(&path).unwrap();
    let question = asked(&["10", "x", "1", "10"], Unknown::Skip);
    let answer = saved.answer(&question).unwrap();
    let lists: Vec<_> = answer
        .recommendations
        .iter()
        .map(|r| (r.user, r.rank, r.item, r.score))
        .collect();
    // By the number of listeners, without what was heard; ids are numbers, so 2 is before 10.
    assert_eq!(
        lists,
        [
            ("10", 1, "a", 1.0),
            ("1", 1, "c,\"\n", 1.0),
            ("10", 1, "a", 1.0)
        ]
    );
    assert_eq!(answer.unknown, ["x"]);
    let question = asked(&["x"], Unknown::Popularity);
    let answer = saved.answer(&question).unwrap();
    let items: Vec<_> = answer.recommendations.iter().map(|r| r.item).collect();
    assert_eq!(items, ["b", "a"]);
    assert!(answer.unknown.is_empty());
}

#[test]
fn a_changed_byte_or_a_missing_end_is_an_error_or_changes_nothing() {
    let (_folder, path) = saved(&popularity());
    let bytes = fs::read(&path).unwrap();
    let (about, tensors) = file::read(&path).unwrap();
    let mut harmless = 0;
    for at in 0..bytes.len() {
        for change in [1, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            fs::write(&path, &changed).unwrap();
            match file::read(&path) {
                Err(Failure::Data(_)) => {}
                Err(other) => panic!("byte {at}: {other:?}"),
                Ok(read) => {
                    assert_eq!(read, (about.clone(), tensors.clone()), "byte {at}");
                    harmless += 1;
                }
            }
        }
    }
    // Spaces of the header's end may become nothing but other space; none of these changes does that.
    assert_eq!(harmless, 0);
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        message(&path);
    }
    fs::write(&path, [&bytes[..], b"\0"].concat()).unwrap();
    assert!(message(&path).contains("is damaged"));
}

#[test]
fn what_is_no_model_is_told_from_what_is_damaged_or_newer() {
    let (folder, path) = saved(&popularity());
    let foreign = folder.path().join("foreign");
    fs::write(&foreign, "user,item\n1,a\n").unwrap();
    assert!(message(&foreign).contains("is no model that musicrec-lab saved"));
    let none: HashMap<String, safetensors::tensor::TensorView> = HashMap::new();
    fs::write(&foreign, safetensors::serialize(none, None).unwrap()).unwrap();
    assert!(message(&foreign).contains("has no entry `musicrec_lab`"));
    assert!(message(&folder.path().join("none")).contains("cannot read"));
    let (mut newer, tensors) = file::read(&path).unwrap();
    newer.format += 1;
    newer.version = "9.9".to_owned();
    file::write(&path, &newer, &tensors).unwrap();
    let text = message(&path);
    assert!(text.contains("version 9.9 in format 2"), "{text}");
}

#[test]
fn code_of_another_revision_is_refused() {
    let (_folder, path) = saved(&popularity());
    let (mut other, tensors) = file::read(&path).unwrap();
    other.key.revisions["model.popularity"] = json!(99);
    file::write(&path, &other, &tensors).unwrap();
    let text = message(&path);
    assert!(
        text.contains("revision 99 of `model.popularity`, which has revision 1"),
        "{text}"
    );
    other.key.revisions = json!({"model.gone": 1});
    file::write(&path, &other, &tensors).unwrap();
    assert!(message(&path).contains("`model.gone`, which is not in this program"));
}

#[test]
fn arrays_that_do_not_fit_each_other_are_an_error() {
    let (_folder, path) = saved(&json!({"item_knn": {}}));
    let (about, tensors) = file::read(&path).unwrap();
    let names: Vec<String> = tensors.iter().map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let others = tensors.iter().filter(|(other, _)| other != name);
        let others = others.map(|(name, tensor)| (name.to_owned(), tensor.clone()));
        file::write(&path, &about, &others.collect()).unwrap();
        assert!(message(&path).contains("the array"), "{name}");
    }
    let mut more = tensors.clone();
    more.insert("heard.items", vec![5], vec![0_u32, 1, 1, 1, 9]);
    file::write(&path, &about, &more).unwrap();
    assert!(message(&path).contains("its lists `heard` do not fit"));
    let mut more = tensors.clone();
    more.insert("limits.hidden", vec![1], vec![9_u32]);
    file::write(&path, &about, &more).unwrap();
    assert!(message(&path).contains("product rules do not fit"));
    let mut more = tensors;
    more.insert("users.text", vec![4], b"\xff210".to_vec());
    file::write(&path, &about, &more).unwrap();
    assert!(message(&path).contains("the array `users.text`"));
}

#[test]
fn product_rules_go_with_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut all = everything(&popularity());
    // Nobody is shown a; b and c have one value, of which a list holds one item.
    let values = vec![None, Some(0), Some(0)];
    all.limits = limits_of(vec![0], [(1, &values)]);
    all.masked = Ragged::default();
    (0..3).for_each(|_| all.masked.push([]));
    save(&path, &about(&popularity()), &all).unwrap();
    let saved = Saved::read(&path).unwrap();
    assert_eq!(saved.limits, all.limits);
    let asked = asked(&["1", "nobody"], Unknown::Popularity);
    let answer = saved.answer(&asked).unwrap();
    let items: Vec<_> = answer
        .recommendations
        .iter()
        .map(|r| (r.user, r.item))
        .collect();
    assert_eq!(items, [("1", "b"), ("nobody", "b")]);
}

/// A model that keeps what it learned to itself.
struct Silent(Vec<f64>);

impl Recommender for Silent {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

#[test]
fn what_cannot_be_saved_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut all = everything(&popularity());
    all.recommender = Box::new(Silent(vec![0.0; 3]));
    let error = save(&path, &about(&popularity()), &all).unwrap_err();
    let text = error.message();
    assert!(
        text.contains("the model `popularity` cannot be saved"),
        "{text}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    all.recommender = everything(&popularity()).recommender;
    all.train.interactions = InteractionMatrix::zero((3, 3));
    let nowhere = folder.path().join("none/model");
    let error = save(&nowhere, &about(&popularity()), &all).unwrap_err();
    assert!(matches!(error, Failure::Output(_)));
}
