//! Logs for tests: small ones by hand, random ones, real ones.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use musicrec_api::{Texts, rng};
use rand::RngExt as _;

use super::Interactions;

/// A log of user, item and time.
pub(crate) fn log(rows: &[(u32, u32, i64)]) -> Interactions {
    let texts = |n: u32, letter| (0..n).map(|i| format!("{letter}{i}")).collect::<Texts>();
    let count = |numbers: &mut dyn Iterator<Item = u32>| numbers.max().map_or(0, |n| n + 1);
    Interactions {
        users: rows.iter().map(|r| r.0).collect(),
        items: rows.iter().map(|r| r.1).collect(),
        times: rows.iter().map(|r| r.2).collect(),
        rows: (1..=rows.len() as u64).collect(),
        user_ids: texts(count(&mut rows.iter().map(|r| r.0)), 'u'),
        item_ids: texts(count(&mut rows.iter().map(|r| r.1)), 's'),
        one_in: 1,
        ..Interactions::default()
    }
}

/// How a random log is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) users: u32,
    pub(crate) items: u32,
    pub(crate) rows: u32,
    /// The weight of the item of rank r is `r^-popularity`.
    pub(crate) popularity: f64,
    /// Share of rows drawn from the user's tenth of the items.
    pub(crate) taste: f64,
    /// How unequal users are in activity: user of rank r has the weight `r^-activity`.
    pub(crate) activity: f64,
}

impl Plan {
    pub(crate) fn log(self, seed: u64) -> Interactions {
        let mut random = rng(seed);
        let cumulated = |n: u32, power: f64| {
            let mut sum = 0.0;
            let add = |rank| {
                sum += f64::from(rank).powf(-power);
                sum
            };
            (1..=n).map(add).collect::<Vec<f64>>()
        };
        let (items, users) = (
            cumulated(self.items, self.popularity),
            cumulated(self.users, self.activity),
        );
        let mut draw = |weights: &[f64]| {
            let at = random.random::<f64>() * weights[weights.len() - 1];
            weights.partition_point(|&w| w <= at) as u32
        };
        let mut rows = Vec::new();
        for time in 0..self.rows {
            let user = draw(&users);
            let own = draw(&[self.taste, 1.0]) == 0;
            let item = loop {
                let item = draw(&items);
                if !own || item % 10 == user % 10 {
                    break item;
                }
            };
            rows.push((user, item, i64::from(time) * 60));
        }
        log(&rows)
    }
}

/// A file of `../shared/data`; says aloud if there is none.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if folder.is_dir() {
        return Some(folder.join("data").join(name));
    }
    let required = std::env::var_os("MUSICREC_REQUIRE_SHARED").is_some();
    assert!(
        !required,
        "../shared is not there, but MUSICREC_REQUIRE_SHARED is set"
    );
    eprintln!("SKIPPED: ../shared is not there");
    None
}

/// A log of tab-separated user, item and, in the column `time`, seconds.
pub(crate) fn tab_separated(file: &Path, time: Option<usize>) -> Interactions {
    let bytes = std::fs::read(file).unwrap();
    let mut text = String::new();
    if file.extension().is_some_and(|e| e == "gz") {
        let mut unpacked = flate2::read::GzDecoder::new(bytes.as_slice());
        unpacked.read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let rows = text.lines().map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let time = time.map(|column| cells[column].parse().unwrap());
        (cells[0].to_owned(), cells[1].to_owned(), time)
    });
    named(rows)
}

/// The messy sample or a log of `musicrec-lab synth`, cleaned: ids trimmed and in lower case,
/// placeholders out, of rows of a user, song and time the first.
pub(crate) fn messy(file: &Path) -> Interactions {
    const NOBODY: [&str; 8] = [
        "", "guest", "u-test", "u00000", "unknown", "s-999999", "s000000", "nan",
    ];
    const FORMATS: [&str; 5] = [
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%d %H:%M",
        "%d-%m-%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%Y-%m-%dT%H:%M:%SZ",
    ];
    let mut seen = std::collections::BTreeSet::new();
    let mut reader = csv::Reader::from_path(file).unwrap();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let cell = |column: usize| record[column].trim().to_lowercase();
        let (user, item) = (cell(0), cell(1));
        let text = record[8].trim();
        let parse = |format: &&str| jiff::civil::DateTime::strptime(format, text).ok();
        let Some(time) = FORMATS.iter().find_map(parse) else {
            continue;
        };
        let time = time
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_second();
        if NOBODY.contains(&user.as_str())
            || NOBODY.contains(&item.as_str())
            || !seen.insert((user.clone(), item.clone(), time))
        {
            continue;
        }
        rows.push((user, item, Some(time)));
    }
    named(rows)
}

/// A log of rows with names, with times if all have one.
fn named(rows: impl IntoIterator<Item = (String, String, Option<i64>)>) -> Interactions {
    let mut codes = [(); 2].map(|()| std::collections::BTreeMap::<String, u32>::new());
    let mut all = Interactions {
        one_in: 1,
        ..Interactions::default()
    };
    for (row, (user, item, time)) in rows.into_iter().enumerate() {
        let code = |side: usize, name: String, codes: &mut [_; 2]| {
            let known: &mut std::collections::BTreeMap<String, u32> = &mut codes[side];
            let next = known.len() as u32;
            *known.entry(name).or_insert(next)
        };
        all.users.push(code(0, user, &mut codes));
        all.items.push(code(1, item, &mut codes));
        all.times.extend(time);
        all.rows.push(row as u64 + 1);
    }
    let [users, items] = codes.map(|known| {
        let mut names: Vec<(u32, String)> = known.into_iter().map(|(n, c)| (c, n)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect::<Texts>()
    });
    all.user_ids = users;
    all.item_ids = items;
    all
}
