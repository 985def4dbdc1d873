//! Lists are those of a ranking that computes every score by itself and sorts them all.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use musicrec_api::{Events, FitContext, Model, Scores, Train, Users};
use ndarray::{Array2, ArrayView2};
use pulp::WithSimd as _;

use super::{Batch, Catalogue, Walk};
use crate::stages::fold::Ragged;
use crate::stages::rank::{Lists, Targets};
use crate::stages::ties::Cut;

/// One running sum from the first factor to the last, as the kernel has it on this machine.
fn score(user: &[f32], item: &[f32]) -> f32 {
    let pairs = user.iter().zip(item);
    if matches!(pulp::Arch::new(), pulp::Arch::Scalar) {
        pairs.fold(0.0, |sum, (u, y)| u * y + sum)
    } else {
        pairs.fold(0.0, |sum, (u, y)| u.mul_add(*y, sum))
    }
}

/// The plain ranking.
fn plain(
    users: &ArrayView2<f32>,
    items: &ArrayView2<f32>,
    (asked, heard, targets): (&[u32], &Ragged<u32>, Option<&Targets>),
    depth: usize,
) -> Lists {
    let mut lists = Lists::new(targets.is_some());
    for (at, &user) in asked.iter().enumerate() {
        let row = users.row(user as usize);
        let row = row.as_slice().unwrap();
        let unheard = (0..items.nrows() as u32).filter(|i| heard.get(at).binary_search(i).is_err());
        let mut all: Vec<(u32, f64)> = unheard
            .map(|i| {
                (
                    i,
                    f64::from(score(row, items.row(i as usize).as_slice().unwrap())),
                )
            })
            .collect();
        all.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
        let tied = all.len() > depth && all[depth].1 == all[depth - 1].1;
        lists.ranked.push(all.iter().take(depth).copied());
        lists.tied.push(tied);
        if let (Some(cut), Some(targets)) = (&mut lists.cut, targets) {
            let behind = all.iter().skip(depth);
            let equal = behind.take_while(|(_, s)| tied && *s == all[depth - 1].1);
            cut.push(Cut::of(equal.map(|(item, _)| *item), targets.get(at)));
        }
    }
    lists
}

fn assert_equal(got: &Lists, wanted: &Lists, what: &str) {
    assert_eq!(got.tied.len(), wanted.tied.len(), "{what}");
    for at in 0..got.tied.len() {
        let of = |lists: &Lists| lists.ranked.get(at).to_vec();
        assert_eq!(of(got), of(wanted), "{what}: user {at}");
        assert_eq!(got.tied[at], wanted.tied[at], "{what}: user {at}");
    }
    assert_eq!(got.cut, wanted.cut, "{what}");
}

/// Reproducible numbers without meaning.
fn numbers() -> impl FnMut() -> u64 {
    let mut state = 1_u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

/// Factors that are whole numbers, many of them equal, and rows of zeros: ties everywhere, and sums that are exact
/// in whatever order, so that all kinds of instructions agree.
fn whole(shape: (usize, usize), most: u64, next: &mut impl FnMut() -> u64) -> Array2<f32> {
    let mut rows = Array2::from_shape_fn(shape, |_| (next() % (2 * most + 1)) as f32 - most as f32);
    for at in (0..shape.0).filter(|at| at % 11 == 5) {
        rows.row_mut(at).fill(0.0);
    }
    rows
}

#[test]
fn ties_zeros_masks_and_all_shapes() {
    let mut next = numbers();
    for (n_users, n_items, factors, depth) in [
        (1, 1, 1, 1),
        (3, 5, 2, 5),
        (70, 33, 3, 3),
        (130, 400, 8, 3),
        (64, 1000, 16, 10),
        (65, 97, 5, 96),
        (10, 64, 40, 64),
    ] {
        for most in [1, 50] {
            let users = whole((n_users, factors), most, &mut next);
            let items = whole((n_items, factors), most, &mut next);
            let mut heard = Ragged::default();
            let mut targets = Targets::default();
            // In another order than theirs, some twice.
            let asked: Vec<u32> = (0..n_users as u32 + 2)
                .map(|u| u * 7 % n_users as u32)
                .collect();
            for at in 0..asked.len() {
                // One has heard everything, some nothing.
                let share = [0, 3, 10][at % 3];
                heard.push((0..n_items as u32).filter(|_| at == 9 || next() % 10 < share));
                targets.push(
                    (0..n_items as u32)
                        .step_by(4)
                        .map(|item| (item, 1.0 + f64::from(item))),
                );
            }
            let catalogue = Catalogue::new(&users, &items).unwrap();
            for targets in [None, Some(&targets)] {
                let what = format!("{n_users} × {n_items} × {factors} by {depth}, up to {most}");
                let wanted = plain(
                    &users.view(),
                    &items.view(),
                    (&asked, &heard, targets),
                    depth,
                );
                assert_equal(
                    &catalogue.rank(&asked, (&heard, targets), depth),
                    &wanted,
                    &what,
                );
                if targets.is_some() {
                    continue;
                }
                // Machines without such instructions too.
                let mut own = Batch::new(n_items, depth);
                for (batch, asked) in asked.chunks(super::BATCH).enumerate() {
                    own.marks.fill(0);
                    for at in 0..asked.len() {
                        for &item in heard.get(batch * super::BATCH + at) {
                            own.marks[item as usize] |= 1 << at;
                        }
                    }
                    let walk = Walk {
                        catalogue: &catalogue,
                        users: asked,
                        own: &mut own,
                    };
                    walk.with_simd(pulp::Scalar);
                    for at in 0..asked.len() {
                        let best = own.growing[at].best(&mut own.best);
                        let best = &best[..best.len().min(depth)];
                        assert_eq!(best, wanted.ranked.get(batch * super::BATCH + at), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn real_numbers_of_all_sizes() {
    let mut next = numbers();
    let mut real = |shape: (usize, usize), sizes: i32| {
        Array2::from_shape_fn(shape, |(row, _)| {
            let number = (next() % 2_000_001) as f32 / 1e6 - 1.0;
            number * 10f32.powi(row as i32 % sizes - sizes / 2)
        })
    };
    // Norms nearly alike, where hardly anything is skipped; and from 1e-19 to 1e18, where rounding is far from
    // the scores.
    for sizes in [1, 38] {
        let (users, items) = (real((90, 24), sizes), real((700, 24), sizes));
        let mut heard = Ragged::default();
        let asked: Vec<u32> = (0..90).collect();
        for at in 0..90 {
            heard.push((0..700).filter(|item| (item * 31 + at * 17) % 23 == 0));
        }
        let catalogue = Catalogue::new(&users, &items).unwrap();
        let wanted = plain(&users.view(), &items.view(), (&asked, &heard, None), 3);
        assert_equal(
            &catalogue.rank(&asked, (&heard, None), 3),
            &wanted,
            "real numbers",
        );
    }
}

#[test]
fn what_may_not_be_finite_is_left_to_the_plain_way() {
    let finite = Array2::from_elem((2, 2), 1.0f32);
    for odd in [f32::NAN, f32::INFINITY, 1e38] {
        let mut items = finite.clone();
        items[(0, 0)] = odd;
        let users = if odd < f32::INFINITY { &items } else { &finite };
        assert!(Catalogue::new(users, &items).is_none(), "{odd}");
        assert!(Catalogue::new(&items, users).is_none(), "{odd}");
    }
    assert!(Catalogue::new(&finite, &finite).is_some());
}

/// User and item of each row, whatever the kind of file.
fn pairs(path: &Path) -> Vec<(String, String)> {
    let mut text = String::new();
    let file = BufReader::new(File::open(path).unwrap());
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .unwrap();
    } else {
        std::io::BufReader::new(file)
            .read_to_string(&mut text)
            .unwrap();
    }
    let of = |line: &str| {
        let mut cells = line.split(['\t', ',']);
        Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
    };
    text.lines().filter_map(of).collect()
}

/// Every data set of `../shared/data`, by factors of ALS on it.
#[test]
fn public_data() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if !shared.is_dir() {
        let required = std::env::var_os("MUSICREC_REQUIRE_SHARED").is_some();
        assert!(
            !required,
            "../shared is not there, but MUSICREC_REQUIRE_SHARED is set"
        );
        eprintln!("SKIPPED: ../shared is not there");
        return;
    }
    for name in [
        "music_interactions_messy.csv",
        "lastfm_2k/plays.tsv",
        "amazon_music/ratings.tsv",
        "movielens_100k/ratings.tsv",
        "movielens_1m/ratings.tsv.gz",
        "gowalla/train.tsv.gz",
    ] {
        let rows = pairs(&shared.join("data").join(name));
        let events = Events::from_pairs(rows.iter().map(|(u, i)| (u.as_str(), i.as_str())));
        let train = Train::new(events, &vec![1.0; rows.len()]);
        let als: Box<dyn Model> =
            serde_json::from_str(r#"{"als": {"factors": 8, "iterations": 2}}"#).unwrap();
        let fitted = als.fit(&train, &FitContext::new(1)).unwrap();
        let Scores::Factors { users, items } = fitted.scores(&Users::new(&[])).unwrap() else {
            panic!("ALS has factors");
        };
        // The plain way takes its time: no more than 600 users of each.
        let asked: Vec<u32> = (0..users.nrows() as u32)
            .step_by(users.nrows().div_ceil(600))
            .collect();
        let mut heard = Ragged::default();
        for &user in &asked {
            let cells = train.interactions.outer_view(user as usize).unwrap();
            heard.push(cells.indices().iter().copied());
        }
        let catalogue = Catalogue::new(&users, &items).unwrap();
        for depth in [3, 10] {
            let wanted = plain(&users, &items, (&asked, &heard, None), depth);
            assert_equal(
                &catalogue.rank(&asked, (&heard, None), depth),
                &wanted,
                name,
            );
        }
    }
}
