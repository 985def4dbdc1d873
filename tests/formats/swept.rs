//! Real sweeps, each written in every form.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

use crate::common::{Lab, json, log};

/// Several seeds, metrics of every kind, a grid with a failure in it, segments of users and of targets.
const FULL: &str = r#"name = "full"
seed = 7

[source.synthetic]
users = 300
rows = 9000

[[cleaners]]
parse_timestamps = { formats = ["%Y-%m-%d %H:%M:%S"], zone = "UTC", invalid = "missing" }
[[cleaners]]
parse_numbers = { columns = ["play_count", "listen_seconds"] }
[[cleaners]]
drop_missing = { columns = ["user_id", "song_id", "timestamp"] }

[splitter.global_time]
validation = 0.16
test = 0.2

[weighting.binary]

[model.popularity]
[model.random]
[model.als]
factors = 8
alpha.grid = [1e300, 1.0, 40.0]

[report]
formats = ["html", "md", "json", "csv", "latex", "parquet"]

[evaluation]
targets = "binary"
null_rankings = 200
resamples = 300
seeds = 3
metrics = ["recall@3", "ndcg@3", "hit_rate@10", "popularity_bias@10", { coverage = { k = 10, column = "artist_id" } }]
select = "ndcg@3"
segments = ["genre", "country"]
"#;

/// Two periods, two alternatives of the cleaners as rows, ids shown, few users.
const PERIODS: &str = r#"name = "periods"
seed = 3

[source.csv]
path = "log.csv"

[[cleaners]]
parse_timestamps = { formats = ["unix"] }
[[cleaners]]
grid = ["off", { min_interactions = { items = 2, users = 1 } }]

[splitter.rolling_time]
periods = 2
validation = 0.2
test = 0.3

[weighting.binary]

[model.popularity]
[model.als]
factors.grid = [4, 8]
regularization = 1.0

[report]
formats = ["html", "md", "json", "csv", "latex", "parquet"]
show_ids = true

[evaluation]
compare = ["model", "cleaners"]
targets = "binary"
null_rankings = 100
resamples = 200
seeds = 2
"#;

/// A finished sweep.
pub(crate) struct Swept {
    pub(crate) lab: Lab,
    /// Its folder in the lab.
    pub(crate) folder: &'static str,
    pub(crate) report: Value,
}

/// A sweep that tests have in common, gone with the last that looks at it.
pub(crate) struct Shared {
    known: Mutex<Weak<Swept>>,
    make: fn() -> Swept,
}

impl Shared {
    pub(crate) const fn new(make: fn() -> Swept) -> Self {
        Self {
            known: Mutex::new(Weak::new()),
            make,
        }
    }

    pub(crate) fn get(&self) -> Arc<Swept> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let swept = Arc::new((self.make)());
            *known = Arc::downgrade(&swept);
            swept
        })
    }
}

impl Swept {
    pub(crate) fn full() -> Self {
        Self::new(FULL, "reports/full", 1)
    }

    pub(crate) fn periods() -> Self {
        Self::new(PERIODS, "reports/periods", 0)
    }

    fn new(definition: &str, folder: &'static str, code: i32) -> Self {
        let lab = Lab::new();
        lab.write("log.csv", log());
        lab.write("definition.toml", definition);
        lab.run(&["sweep", "definition.toml", "--quiet"])
            .expect(code);
        let report = lab.report(folder);
        Self {
            lab,
            folder,
            report,
        }
    }

    /// A text file of the folder.
    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.lab.path(self.folder).join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.lab.path(self.folder).join(name)).expect("a file")
    }

    pub(crate) fn record(&self, id: &str) -> Value {
        json(
            &self
                .lab
                .path(self.folder)
                .join(format!("records/{id}.json")),
        )
    }

    /// The labels of the metrics.
    pub(crate) fn labels(&self) -> Vec<&str> {
        labels(&self.report)
    }
}

pub(crate) fn labels(report: &Value) -> Vec<&str> {
    let metrics = list(&report["metrics"]).iter();
    metrics.map(|m| text(&m["label"])).collect()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
