//! Whole sweeps over several alternatives of the cleaners, and what a sweep tells without running.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::{Event, Options, Sweep};
use crate::definition;
use crate::exit::Failure;
use crate::experiment::{Cleaning, Compared, Experiment, Metrics, Weighting, combine};
use crate::records::{Outcome, Store};
use crate::report::{self, Summary};
use crate::stages::faulty::Faulty;

const DEFINITION: &str = r#"
name = "x"
seed = 3
source.csv.path = "log.csv"
splitter.global_time = { validation = 0.2, test = 0.2 }
weighting = "binary"

[model.popularity]

[model.als]
factors = 4
iterations = 3
regularization = 1.0

[evaluation]
targets = "binary"
null_rankings = 100
resamples = 100
seeds = 1
"#;

/// No change of the log.
pub(super) const NOTHING: &str = "[]";
/// Every row of [`log`] is another.
const NO_COPIES: &str = r#"[{"drop_duplicates": {}}]"#;
const FEW_ITEMS: &str = r#"[{"min_interactions": {"users": 1, "items": 4}}]"#;
const ONLY_NUMBERS: &str = r#"[{"keep_rows": {"column": "user_id", "not_values": ["x"]}}]"#;

/// A log of 600 rows in the order of time, a minute apart: 20 users, each with a preferred third of
/// 60 items. Users are numbers, but for one.
pub(super) fn log() -> String {
    let mut state = 12_345_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = "user_id,song_id,timestamp\n".to_owned();
    for row in 0..600 {
        let user = draw(20);
        let item = if draw(4) == 0 {
            draw(60)
        } else {
            20 * (user % 3) + draw(20)
        };
        let name = if user == 0 {
            "x".to_owned()
        } else {
            user.to_string()
        };
        let _ = writeln!(text, "{name},{item},{}", 1_700_000_000 + 60 * row);
    }
    text
}

/// A folder with a log, and an experiment on it with the alternatives given (label and cleaners).
pub(crate) struct Lab {
    folder: TempDir,
    pub(crate) experiment: Experiment,
}

impl Lab {
    pub(crate) fn new(log: &str, alternatives: &[(&str, &str)], compare: &[Compared]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, DEFINITION).unwrap();
        std::fs::write(folder.path().join("log.csv"), log).unwrap();
        let request = definition::Request::default();
        let (mut experiment, _) = definition::load(&path, &request, false).unwrap();
        let cleanings = alternatives.iter().map(|(label, cleaners)| Cleaning {
            label: (*label).to_owned(),
            cleaners: serde_json::from_str(cleaners).unwrap(),
            written: Vec::new(),
        });
        experiment.cleanings = cleanings.collect();
        experiment.evaluation.compare = compare.to_vec();
        let mut lab = Self { folder, experiment };
        lab.combine();
        lab
    }

    fn combine(&mut self) {
        let Experiment {
            models,
            weightings,
            cleanings,
            evaluation,
            ..
        } = &self.experiment;
        let made = combine(models, weightings, cleanings, &evaluation.compare);
        (self.experiment.variants, self.experiment.settings) = made;
    }

    fn options(&self) -> Options {
        Options::new(self.folder.path().join("out"), 2)
    }

    fn store(&self) -> Store {
        Store::new(self.folder.path().join("out/x"))
    }

    fn run(&self) -> Summary {
        let options = self.options();
        let cancel = AtomicBool::new(false);
        let mut sweep = Sweep::open(&self.experiment, &options, &cancel, &|_| {}).unwrap();
        assert!(sweep.run(&|_| {}).unwrap().ended().is_ok());
        report::write(sweep.store(), None, &[]).unwrap()
    }

    /// How opening fails; nothing is written then.
    pub(super) fn refused(&self) -> Failure {
        let options = self.options();
        let cancel = AtomicBool::new(false);
        let opened = Sweep::open(&self.experiment, &options, &cancel, &|_| {});
        let Err(failure) = opened else {
            panic!("not refused")
        };
        assert!(!options.out.exists());
        failure
    }

    /// The deciding metric of every user of a record.
    fn per_user(&self, record: &str) -> HashMap<String, f64> {
        let store = self.store();
        let record = store.record(record).unwrap().unwrap();
        let Outcome::Done { attachments, .. } = &record.result.outcome else {
            panic!("{record:?}")
        };
        let text = store.attachment(&attachments["per_user"]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.records().map(|r| r.unwrap());
        rows.map(|r| (r[0].to_owned(), r[3].parse().unwrap()))
            .collect()
    }
}

const ROWS: [Compared; 2] = [Compared::Model, Compared::Cleaners];

/// Everything that a row says but its name, its record, seconds and memory.
fn of(summary: &Summary, name: &str) -> serde_json::Value {
    let row = summary.leaderboard.iter().find(|r| r.variant == name);
    let mut row = serde_json::to_value(row.expect(name)).unwrap();
    // The number of variants decides the adjustment, and there is no baseline of that name.
    for key in [
        "variant",
        "records",
        "fit_seconds",
        "fit_cpu_seconds",
        "rank_seconds",
        "peak_bytes",
        // The definition holds all alternatives of the cleaners.
        "definition",
        "p_chance_adjusted",
        "group",
        "rank",
        "difference",
        "best_minus_this",
        "best_on_validation",
        "cleaning",
    ] {
        row[key] = serde_json::Value::Null;
    }
    row
}

#[test]
fn alternatives_that_do_the_same_are_worth_the_same() {
    let alone = Lab::new(&log(), &[("", NOTHING)], &ROWS);
    let both = Lab::new(&log(), &[("off", NOTHING), ("on", NO_COPIES)], &ROWS);
    let (alone, summary) = (alone.run(), both.run());
    assert_eq!(summary.leaderboard.len(), 4);
    for model in ["popularity", "als"] {
        for label in ["off", "on"] {
            assert_eq!(
                of(&summary, &format!("{model} / {label}")),
                of(&alone, model)
            );
        }
    }
    let [off, on] = &summary.overview.cleanings[..] else {
        panic!()
    };
    let single = &alone.overview.cleanings[0];
    assert_eq!(off.floor, single.floor);
    assert_eq!(on.floor, single.floor);
    assert_eq!(off.folds, single.folds);
    assert_eq!(on.folds, single.folds);
    // Rows are called otherwise where there are several alternatives.
    let warnings = |of: &Summary| -> Vec<String> {
        let all = of.warnings.iter().filter(|w| !w.contains("item id"));
        all.cloned().collect()
    };
    assert_eq!(warnings(&summary), warnings(&alone));
    let markdown = std::fs::read_to_string(both.store().path("report.md")).unwrap();
    assert!(!markdown.contains("left out, for not"), "{markdown}");
    for words in [
        "*random ranking* off",
        "*best possible* on",
        "### on",
        "asked about the same",
    ] {
        assert!(markdown.contains(words), "no `{words}` in {markdown}");
    }
    let shown = report::leaderboard(&summary, None) + &report::data_tables(&summary.overview, None);
    for words in [
        "(random ranking) off",
        "(best possible) on",
        "With the cleaners of on",
    ] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
    // A second run finds everything done.
    assert_eq!(both.run().verdict, summary.verdict);
    let log = std::fs::read_to_string(both.store().path("trials.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 8);
}

#[test]
fn differences_are_those_of_the_same_user_whatever_the_order_of_ids() {
    let alternatives = [("all", NOTHING), ("numbers", ONLY_NUMBERS)];
    let lab = Lab::new(&log(), &alternatives, &ROWS);
    let summary = lab.run();
    let row = |name: &str| {
        let found = summary.leaderboard.iter().find(|r| r.variant == name);
        found.expect(name)
    };
    let best = summary
        .leaderboard
        .iter()
        .find(|r| r.best_on_validation)
        .unwrap();
    let own = lab.per_user(&best.records[0]);
    assert!(!own.contains_key("x"), "{own:?}");
    let mut orders = std::collections::BTreeSet::new();
    for name in [
        "popularity / all",
        "popularity / numbers",
        "als / all",
        "als / numbers",
    ] {
        let row = row(name);
        let other = lab.per_user(&row.records[0]);
        orders.insert(row.cleaning);
        assert_eq!(row.users, own.len());
        let Some(difference) = row.best_minus_this else {
            assert_eq!(row.variant, best.variant);
            continue;
        };
        let wins = own.iter().filter(|(user, v)| **v > other[*user]).count();
        let losses = own.iter().filter(|(user, v)| **v < other[*user]).count();
        assert_eq!(
            (difference.wins, difference.losses),
            (wins, losses),
            "{name}"
        );
    }
    assert_eq!(orders.len(), 2);
    // The first user of each table is another, so pairing by place would be wrong.
    let text = |name: &str| {
        let record = lab.store().record(&row(name).records[0]).unwrap().unwrap();
        let Outcome::Done { attachments, .. } = record.result.outcome else {
            panic!()
        };
        lab.store().attachment(&attachments["per_user"]).unwrap()
    };
    let second = |name: &str| {
        text(name)
            .lines()
            .nth(2)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(second("als / all"), "10");
    assert_eq!(second("als / numbers"), "2");
    let lost = |at: usize| {
        let fold = summary.overview.cleanings[at].folds.last().unwrap();
        (fold.lost_users, fold.lost_targets > 0)
    };
    assert_eq!(lost(0), (1, true));
    // Without x the log is shorter and its cut elsewhere, so this one may lose targets too.
    assert_eq!(lost(1).0, 0);
}

#[test]
fn chance_is_that_of_the_chosen_cleaners() {
    // Where nobody says that rows are cleaners, they are chosen on validation.
    let alternatives = [("all", NOTHING), ("core", FEW_ITEMS)];
    let lab = Lab::new(&log(), &alternatives, &[Compared::Model]);
    let summary = lab.run();
    assert_eq!(summary.leaderboard.len(), 2);
    let [all, core] = &summary.overview.cleanings[..] else {
        panic!()
    };
    let candidates = |log: &super::CleanedLog| log.folds.last().unwrap().candidates;
    assert!(candidates(core) < candidates(all));
    let expected = |log: &super::CleanedLog| log.floor.as_ref().unwrap().metrics["ndcg@3"].expected;
    assert!(expected(core) > 0.0 && (expected(core) - expected(all)).abs() > 1e-6);
    for row in &summary.leaderboard {
        let plan = summary
            .overview
            .variants
            .iter()
            .find(|v| v.name == row.variant)
            .unwrap();
        let chosen = plan.trials.iter().find(|t| t.test == row.records).unwrap();
        let log = &summary.overview.cleanings[row.cleaning];
        assert_eq!(
            (chosen.cleaning, &chosen.settings),
            (row.cleaning, &log.label)
        );
        let null = lab
            .store()
            .attachment(&log.floor.as_ref().unwrap().null)
            .unwrap();
        let value = row.test["ndcg@3"].value;
        let mut reader = csv::Reader::from_reader(null.as_bytes());
        let drawn = reader
            .records()
            .map(|r| r.unwrap()[2].parse::<f64>().unwrap());
        let above = drawn.filter(|drawn| *drawn >= value).count();
        assert_eq!(row.p_chance, (1 + above) as f64 / 101.0);
    }
}

#[test]
fn what_is_asked_about_by_some_only_is_counted_and_said() {
    // The last rows of five users are there twice, so that with copies the cut comes later.
    let mut log = log();
    let copies: Vec<String> = log
        .lines()
        .skip(500)
        .filter(|line| line.starts_with(['1', '2']))
        .map(str::to_owned)
        .collect();
    for copy in &copies {
        let _ = writeln!(log, "{copy}");
    }
    let lab = Lab::new(&log, &[("off", NOTHING), ("on", NO_COPIES)], &ROWS);
    let summary = lab.run();
    let [off, on] = &summary.overview.cleanings[..] else {
        panic!()
    };
    let test = |log: &super::CleanedLog| log.folds.last().unwrap().clone();
    let (off, on) = (test(off), test(on));
    assert_eq!((off.users, off.targets), (on.users, on.targets));
    assert!(off.evaluated.from > on.evaluated.from);
    assert!(off.ahead > 0 && on.ahead == 0);
    assert!(on.lost_targets > 0);
    let said = summary.warnings.join("\n");
    let date =
        |fold: &crate::stages::fold::Summary| musicrec_api::time_text(fold.evaluated.from.unwrap());
    for words in [
        format!(
            "the test part begins {} with `on` and {} with `off`",
            date(&on),
            date(&off)
        ),
        format!("learns from {} events", off.ahead),
        format!(
            "with `on`: {} of {} users and {} of {} targets of the test part are left out",
            on.lost_users,
            on.users + on.lost_users,
            on.lost_targets,
            on.targets + on.lost_targets
        ),
    ] {
        assert!(said.contains(&words), "no `{words}` in {said}");
    }
    let shown = report::data_tables(&summary.overview, None);
    let line = format!(
        "{} targets are left out, for not every alternative",
        on.lost_targets
    );
    assert!(shown.contains(&line), "{shown}");
}

#[test]
fn alternatives_too_far_apart_are_refused_before_anything_is_written() {
    let songs: Vec<String> = (0..25).map(|song| song.to_string()).collect();
    let few =
        serde_json::json!([{"keep_rows": {"column": "song_id", "values": songs}}]).to_string();
    let lab = Lab::new(&log(), &[("all", NOTHING), ("some", &few)], &ROWS);
    let Failure::Definition(text) = lab.refused() else {
        panic!()
    };
    for words in [
        "part of `all` asks",
        "the farthest from it is `some`",
        "on = \"fit\"",
    ] {
        assert!(text.contains(words), "no `{words}` in: {text}");
    }
}

#[test]
fn faults_of_the_data_name_the_alternative() {
    let none = r#"[{"keep_rows": {"column": "user_id", "values": ["nobody"]}}]"#;
    let lab = Lab::new(&log(), &[("all", NOTHING), ("none", none)], &ROWS);
    let text = lab.refused().message();
    assert!(
        text.contains("with the cleaners of `none`: cleaning left no row"),
        "{text}"
    );
    // One whose cleaners leave no validation part has nothing to choose by.
    let mut labeled = String::new();
    for (at, line) in log().lines().enumerate() {
        let part = match at {
            0 => "part",
            1..400 => "train",
            400..500 => "valid",
            _ => "test",
        };
        let _ = writeln!(labeled, "{line},{part}");
    }
    let rest = r#"[{"keep_rows": {"column": "part", "not_values": ["valid"]}}]"#;
    let mut lab = Lab::new(&labeled, &[("all", NOTHING), ("rest", rest)], &ROWS);
    lab.experiment.splitter = serde_json::from_str(r#"{"given": {}}"#).unwrap();
    let text = lab.refused().message();
    assert!(
        text.contains("validation part with the cleaners of `all` but none"),
        "{text}"
    );
    // A weighting that the log has no column for.
    let mut lab = Lab::new(&log(), &[("all", NOTHING), ("same", NO_COPIES)], &ROWS);
    let seconds = serde_json::from_str(r#"{"listen_seconds": {}}"#).unwrap();
    let written = lab.experiment.weightings[0].written.clone();
    lab.experiment.weightings = vec![Weighting::new(seconds, written)];
    lab.combine();
    let text = lab.refused().message();
    assert!(
        text.contains("with the cleaners of `all`: ") && text.contains("seconds"),
        "{text}"
    );
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path.display().to_string(), bytes);
        }
    }
    found
}

#[test]
fn preparing_leaves_no_trace_and_tells_what_is_done() {
    let lab = Lab::new(&log(), &[("off", NOTHING), ("on", NO_COPIES)], &ROWS);
    let options = lab.options();
    let cancel = AtomicBool::new(false);
    let before = files(lab.folder.path());
    let sweep = Sweep::prepare(&lab.experiment, &options, &cancel).unwrap();
    assert!(sweep.known().unwrap().is_empty());
    assert_eq!(sweep.overview().ids().len(), 8);
    assert_eq!(files(lab.folder.path()), before);
    assert!(!options.out.exists());
    let summary = lab.run();
    let gone = &summary.leaderboard[0].records[0];
    std::fs::remove_file(lab.store().path(&format!("records/{gone}.json"))).unwrap();
    let before = files(lab.folder.path());
    let sweep = Sweep::prepare(&lab.experiment, &options, &cancel).unwrap();
    let known = sweep.known().unwrap();
    assert_eq!(known.len(), 7);
    assert!(!known.contains_key(gone));
    assert!(known.values().all(|run| run.fit_seconds() > 0.0));
    assert_eq!(files(lab.folder.path()), before);
    // What will be set aside is as good as gone.
    let fresh = Options {
        fresh: true,
        ..options
    };
    let sweep = Sweep::prepare(&lab.experiment, &fresh, &cancel).unwrap();
    assert!(sweep.known().unwrap().is_empty());
    assert_eq!(files(lab.folder.path()), before);
}

/// A lab of one model that is measured by a faulty metric beside others.
fn measured_by(fault: Faulty) -> Lab {
    let mut lab = Lab::new(&log(), &[("", NOTHING)], &ROWS);
    lab.experiment.models.truncate(1);
    lab.combine();
    let Metrics(metrics) = &mut lab.experiment.evaluation.metrics;
    metrics.insert(0, Box::new(fault));
    lab
}

#[test]
fn a_metric_that_fails_on_random_rankings_ends_the_sweep_and_leaves_nothing_stuck() {
    let mut lab = measured_by(Faulty::Nan);
    for (fault, says) in [
        (Faulty::Nan, "metric `faulty` gave NaN for user `1"),
        (Faulty::BindPanics, "metric `faulty`: panicked"),
        (Faulty::ChancePanics, "metric `faulty`: panicked"),
    ] {
        lab.experiment.evaluation.metrics.0[0] = Box::new(fault);
        let options = lab.options();
        let cancel = AtomicBool::new(false);
        let mut sweep = Sweep::open(&lab.experiment, &options, &cancel, &|_| {}).unwrap();
        let only_draws = |event: Event| assert!(matches!(event, Event::Drawing(_)), "{event:?}");
        let failure = sweep.run(&only_draws).unwrap_err();
        assert!(matches!(failure, Failure::Definition(_)), "{failure:?}");
        assert!(failure.message().contains(says), "{}", failure.message());
    }
    assert!(lab.store().known().unwrap().is_empty());
    // Once it is mended, nothing is in the way.
    lab.experiment.evaluation.metrics.0[0] = Box::new(Faulty::None);
    assert_eq!(lab.run().leaderboard.len(), 1);
}

#[test]
fn a_metric_that_fails_on_a_models_lists_fails_the_trial() {
    for (fault, says) in [
        (Faulty::NanInTrials, "metric `faulty` gave NaN for user"),
        (Faulty::PanicsInTrials, "metric `faulty`: panicked"),
    ] {
        let lab = measured_by(fault);
        let options = lab.options();
        let cancel = AtomicBool::new(false);
        for _ in 0..2 {
            let mut sweep = Sweep::open(&lab.experiment, &options, &cancel, &|_| {}).unwrap();
            assert!(sweep.run(&|_| {}).unwrap().trials > 0);
            let summary = report::write(sweep.store(), None, &[]).unwrap();
            let said: Vec<&str> = summary
                .trials
                .iter()
                .filter_map(|t| t.failure.as_deref())
                .collect();
            assert!(said.iter().any(|f| f.contains(says)), "{said:?}");
        }
    }
}

#[test]
fn a_metric_whose_chance_is_wrong_is_said_and_judged_by_what_was_drawn() {
    let right = measured_by(Faulty::None).run();
    let lab = measured_by(Faulty::ChanceWrong);
    let wrong = lab.run();
    let floor = |summary: &Summary| {
        let floor = summary.overview.cleanings[0].floor.clone().unwrap();
        floor.metrics["faulty"].clone()
    };
    assert!(floor(&right).exact && right.warnings.iter().all(|w| !w.contains("`faulty`")));
    assert!(!floor(&wrong).exact);
    assert!((floor(&wrong).expected / floor(&right).expected - 1.0).abs() < 0.2);
    let said = format!(
        "the metric `faulty` says that chance gives {:.4}, but 100 random rankings gave {:.4}; the \
         drawn value is used: its `chance` is wrong",
        floor(&right).expected / 3.0,
        floor(&wrong).expected
    );
    assert!(
        wrong.warnings.contains(&said),
        "no `{said}` in {:?}",
        wrong.warnings
    );
    let report = std::fs::read_to_string(lab.store().path("report.md")).unwrap();
    assert!(
        report.contains("its `chance` is wrong") || report.contains("its \\`chance\\` is wrong")
    );
}

#[test]
fn a_log_that_grows_while_it_is_read_is_refused() {
    let lab = Lab::new(&log(), &[("", NOTHING)], &[Compared::Model]);
    let options = lab.options();
    let cancel = AtomicBool::new(false);
    let path = lab.folder.path().join("log.csv");
    let grows = |event: Event| {
        if matches!(event, Event::Note(text) if text.starts_with("reading")) {
            std::fs::write(&path, log() + "1,1,1800000000\n").unwrap();
        }
    };
    let opened = Sweep::open(&lab.experiment, &options, &cancel, &grows);
    let failure = opened.expect_err("a refusal");
    assert!(
        failure.message().contains("changed while it was read"),
        "{failure:?}"
    );
    assert!(!lab.store().folder().exists());
}
