//! Entries come back as they were, and whatever happens to the folder is no failure.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are of one lifetime only"
)]

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::folder::{self, Entry};
use super::{Cache, Fitted, Stage};
use crate::stages::fold::Ragged;
use crate::stages::rank::Lists;
use crate::stages::ties::Cut;

/// A cache of a megabyte in a folder that does not exist yet.
pub(super) fn small() -> (TempDir, Cache) {
    limited(1_000_000)
}

fn limited(limit: u64) -> (TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(Some(folder.path().join("a/cache")), limit);
    (folder, cache.keeping_from(Duration::ZERO))
}

fn keep(cache: &Cache, key: &Value, numbers: &[u32]) {
    cache.put(Stage::Lists, key, |to| to.numbers(numbers));
}

fn kept(cache: &Cache, key: &Value) -> Option<Vec<u32>> {
    cache.get(Stage::Lists, key, |from| from.numbers())
}

fn entries(cache: &Cache) -> Vec<Entry> {
    folder::entries(cache.folder().unwrap())
}

/// The file of the only entry.
fn only(cache: &Cache) -> PathBuf {
    let entries = entries(cache);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].path.clone()
}

#[test]
fn what_is_kept_is_found_by_its_key_alone() {
    let (_folder, cache) = small();
    let (key, other) = (json!({"a": 1}), json!({"a": 2}));
    assert_eq!(kept(&cache, &key), None);
    let numbers: Vec<u32> = (0..20_000).collect();
    keep(&cache, &key, &numbers);
    assert_eq!(kept(&cache, &key), Some(numbers));
    assert_eq!(kept(&cache, &other), None);
    assert_eq!(
        cache.get(Stage::Chance, &key, |from| from.numbers::<u32>()),
        None
    );
    let path = only(&cache);
    let name = path.file_stem().unwrap().to_str().unwrap();
    assert_eq!(name, crate::records::hex(&key.to_string()));
    assert!(
        path.parent()
            .unwrap()
            .ends_with(format!("lists/{}", &name[..2]))
    );
    assert!(cache.folder().unwrap().join("CACHEDIR.TAG").exists());
    let off = Cache::off();
    keep(&off, &key, &[1]);
    assert_eq!(
        (kept(&off, &key), off.wants(Stage::Cleaned, Duration::MAX)),
        (None, false)
    );
}

#[test]
fn what_is_quick_is_not_wanted() {
    let (_folder, cache) = small();
    let cache = cache.keeping_from(Duration::from_secs(2));
    assert!(!cache.wants(Stage::Cleaned, Duration::from_secs(1)));
    assert!(cache.wants(Stage::Cleaned, Duration::from_secs(3)));
}

#[test]
fn an_entry_that_was_changed_anywhere_is_absent_and_goes() {
    let (_folder, cache) = small();
    let key = json!({"a": 1});
    keep(&cache, &key, &[1, 2, 3]);
    let path = only(&cache);
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8], how: &str| {
        fs::write(&path, bytes).unwrap();
        assert_eq!(kept(&cache, &key), None, "{how}");
        assert!(!path.exists(), "{how}");
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        for change in [0x01, 0x80, 0xff] {
            bytes[at] = whole[at] ^ change;
            refused(&bytes, &format!("byte {at} changed by {change}"));
        }
        refused(&whole[..at], &format!("only {at} bytes"));
    }
    refused(&[&whole[..], &[0]].concat(), "a byte too many");
    fs::write(&path, &whole).unwrap();
    assert_eq!(kept(&cache, &key), Some(vec![1, 2, 3]));
    // Whole, but read as something else.
    assert_eq!(
        cache.get(Stage::Lists, &key, |from| from.numbers::<u8>()),
        None
    );
    assert!(!path.exists());
}

#[test]
fn lengths_beyond_the_entry_ask_for_no_memory() {
    let (_folder, cache) = small();
    for length in [u64::MAX, u64::MAX / 4, 1 << 40, 3] {
        let key = json!(length);
        cache.put(Stage::Lists, &key, |to| {
            to.number(length)?;
            to.number(7_u32)
        });
        assert_eq!(kept(&cache, &key), None);
        assert_eq!(cache.get(Stage::Lists, &key, |from| from.texts()), None);
    }
    let key = json!("text");
    cache.put(Stage::Lists, &key, |to| to.number(u32::MAX));
    assert_eq!(cache.get(Stage::Lists, &key, |from| from.text()), None);
}

#[test]
fn the_least_recently_used_goes_first() {
    let (_folder, cache) = limited(10_000);
    let key = |n: u64| json!(n);
    // Eight entries of a bit more than a thousand bytes, used a minute after each other.
    let now = SystemTime::now();
    let used = |path: &PathBuf, minutes: u64| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(now - Duration::from_secs(60 * minutes))
            .unwrap();
    };
    for n in 0..8 {
        keep(&cache, &key(n), &[7; 256]);
        for entry in entries(&cache).iter().rev().take(1) {
            used(&entry.path, 100 - n);
        }
    }
    assert_eq!(entries(&cache).len(), 8);
    // Reading is use.
    assert!(kept(&cache, &key(0)).is_some());
    assert!(entries(&cache)[7].used >= now - Duration::from_secs(5));
    for n in 8..10 {
        keep(&cache, &key(n), &[7; 256]);
    }
    let bytes: u64 = entries(&cache).iter().map(|e| e.bytes).sum();
    assert!(bytes <= 10_000, "{bytes}");
    let left: Vec<u64> = (0..10)
        .filter(|n| kept(&cache, &key(*n)).is_some())
        .collect();
    assert_eq!(left.first(), Some(&0));
    assert!(!left.contains(&1), "{left:?}");
    assert!(left.ends_with(&[7, 8, 9]), "{left:?}");
    // What is larger than the limit is not kept, and nothing goes for it.
    keep(&cache, &key(99), &[7; 4_000]);
    assert_eq!(kept(&cache, &key(99)), None);
    assert_eq!(entries(&cache).len(), left.len());
}

/// What was told, of the one test that listens.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn a_folder_that_cannot_be_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let cache = Cache::open(Some(file.join("cache")), 1_000).keeping_from(Duration::ZERO);
    let cache = cache.telling(|line| TOLD.lock().unwrap().push(line.to_owned()));
    for n in 0..3 {
        keep(&cache, &json!(n), &[1]);
        assert_eq!(kept(&cache, &json!(n)), None);
    }
    assert!(!cache.wants(Stage::Cleaned, Duration::MAX));
    let told = TOLD.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "nothing can be kept in the cache",
        "file/cache",
        "going on without",
        "--cache",
    ] {
        assert!(told[0].contains(words), "no `{words}` in: {}", told[0]);
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "in the way");
}

#[test]
fn what_is_not_of_the_cache_stays() {
    let (_folder, cache) = limited(2_000);
    keep(&cache, &json!(0), &[7; 300]);
    let at = cache.folder().unwrap().to_owned();
    let digits = "ab".to_owned() + &"0".repeat(62);
    let others = [
        "my.bin",
        "lists/notes.txt",
        "lists/ab/short.bin",
        "lists/cd/x.bin",
        "music/ab/song.mp3",
    ];
    let misplaced = format!("lists/cd/{digits}.bin");
    for name in others.iter().copied().chain([misplaced.as_str()]) {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [0; 5_000]).unwrap();
    }
    assert_eq!(folder::shrink(&at, 0), 0);
    assert_eq!(entries(&cache), []);
    for name in others.iter().copied().chain([misplaced.as_str()]) {
        assert!(at.join(name).exists(), "{name}");
    }
}

#[test]
fn what_a_killed_process_left_is_swept_up_a_day_later() {
    let (_folder, cache) = small();
    keep(&cache, &json!(0), &[1]);
    let at = cache.folder().unwrap();
    let (old, new) = (at.join("tmp/.part-old"), at.join("tmp/.part-new"));
    fs::write(&old, "x").unwrap();
    fs::write(&new, "x").unwrap();
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(90_000))
        .unwrap();
    folder::shrink(at, u64::MAX);
    assert_eq!((old.exists(), new.exists()), (false, true));
    assert!(kept(&cache, &json!(0)).is_some());
}

#[test]
fn many_at_once_find_whole_entries_or_none() {
    let (_folder, cache) = limited(60_000);
    let at = cache.folder().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            // As another process would, each has a cache of its own.
            let own = Cache::open(Some(at.to_owned()), 60_000).keeping_from(Duration::ZERO);
            scope.spawn(move || {
                for round in 0..60_u32 {
                    let n = (round * 7 + thread) % 10;
                    let numbers = vec![n; 2_000 + n as usize];
                    match kept(&own, &json!(n)) {
                        Some(found) => assert_eq!(found, numbers),
                        None => keep(&own, &json!(n), &numbers),
                    }
                }
                assert!(own.wants(Stage::Cleaned, Duration::MAX), "writing failed");
            });
        }
    });
    assert!(!entries(&cache).is_empty());
}

#[test]
fn lists_come_back_with_their_ties_and_what_their_fit_told() {
    let mut ranked = Ragged::default();
    ranked.push([(2, 0.1 + 0.2), (0, -0.0)]);
    ranked.push([]);
    ranked.push([(1, 1e-310)]);
    let plain = Lists {
        ranked,
        tied: vec![true, false, false],
        cut: None,
    };
    let cut = |items, gains: &[f64]| Cut {
        items,
        gains: gains.to_vec(),
    };
    let with_cuts = Lists {
        cut: Some(vec![cut(3, &[0.5, 1.5]), Cut::default(), cut(1, &[])]),
        ..plain.clone()
    };
    let (_folder, cache) = small();
    let fitted = Fitted {
        fit: 1.25,
        rank: 0.1,
        losses: vec![0.1 + 0.2, 7.0],
    };
    for lists in [&plain, &with_cuts, &Lists::default()] {
        let users = lists.tied.len();
        let key = json!(["lists", users, lists.cut.is_some()]);
        cache.put_lists(&key, lists, &fitted);
        let (found, of) = cache.get_lists(&key, (users, 3)).unwrap();
        assert_eq!((&found, &of), (lists, &fitted));
        let bits = |lists: &Lists| -> Vec<u64> {
            let all = (0..users).flat_map(|user| lists.ranked.get(user));
            all.map(|entry| entry.1.to_bits()).collect()
        };
        assert_eq!(bits(&found), bits(lists));
        // Of other users, or with an item that there is not.
        assert_eq!(cache.get_lists(&key, (users + 1, 3)), None);
        cache.put_lists(&key, lists, &fitted);
        assert_eq!(cache.get_lists(&key, (users, 2)).is_none(), users > 0);
    }
}
