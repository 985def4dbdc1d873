//! How settings were chosen, and what that makes of the result: what each variant could choose from,
//! optima at the edge of what was tried, validation against test, and looks at the test part.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use musicrec_api::Role;
use serde::Serialize;

use super::markdown::{escape, table};
use super::summary::TrialRow;
use super::text::{count, owned, seconds};
use crate::exit::Failure;
use crate::experiment::Scale;
use crate::records::looks::Looks;
use crate::records::{Record, Store};
use crate::sweep::{Edge, End, Overview, PlanTrial, PlanVariant, Range};
use crate::text::counted;

/// See the module.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct Selection {
    /// What each variant could choose from.
    pub(crate) budgets: Vec<Budget>,
    /// How well the order on validation foretold that on test, over all trials that were scored on
    /// both; only where the definition asked for all of them.
    pub(crate) rank_correlation: Option<Correlation>,
    /// How often the test part has been scored.
    pub(crate) test_looks: Looks,
}

/// What a variant could choose from.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct Budget {
    pub(crate) variant: String,
    /// How many settings were tried.
    pub(crate) trials: usize,
    /// Seconds of fitting them on validation, rungs of halving included; what one fit served counts once.
    pub(crate) fit_seconds: f64,
    /// The values of each parameter that was varied.
    pub(crate) ranges: Vec<Range>,
    /// Parameters of the chosen trial that have their lowest or highest value of those tried.
    pub(crate) edges: Vec<Edge>,
    /// Whether its model or weighting has numbers that could be tuned.
    pub(crate) tunable: bool,
    /// How many of them were stopped early and when, in words, if halving stopped any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) halved: Option<String>,
    /// How many of them no fit reached and why, in words, if fits ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreached: Option<String>,
}

/// Spearman's rank correlation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Correlation {
    pub(crate) trials: usize,
    pub(crate) spearman: f64,
}

/// How many folders a sentence names.
const FOLDERS: usize = 4;

impl Selection {
    /// From the plan, what became of it, and what fitting took by variant.
    pub(super) fn of(
        overview: &Overview,
        trials: &[TrialRow],
        fit_seconds: &[f64],
        looks: Looks,
    ) -> Self {
        let variants = overview.variants.iter().zip(fit_seconds);
        let budgets = variants.map(|(variant, &fit_seconds)| {
            let own: Vec<&TrialRow> = trials
                .iter()
                .filter(|t| t.variant == variant.name)
                .collect();
            let chosen = own.iter().position(|trial| trial.chosen);
            let edges = chosen.and_then(|at| variant.trials.get(at));
            Budget {
                variant: variant.name.clone(),
                trials: variant.trials.len(),
                fit_seconds,
                ranges: variant.ranges.clone(),
                // Where trials are still missing, so are values.
                edges: edges
                    .filter(|_| overview.finished)
                    .map_or_else(Vec::new, |trial| trial.edges.clone()),
                tunable: variant.tunable,
                halved: variant
                    .halving
                    .as_ref()
                    .and_then(|halved| halved.row_words(variant.trials.len())),
                unreached: variant
                    .early
                    .as_ref()
                    .and_then(|early| early.row_words(variant.trials.len())),
            }
        });
        Self {
            budgets: budgets.collect(),
            rank_correlation: overview
                .exhibit_test
                .then(|| correlation(trials, &overview.select))
                .flatten(),
            test_looks: looks,
        }
    }

    /// What a reader must know before trusting the comparison.
    pub(super) fn warnings(&self, rows: usize) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(self.unequal());
        if self.test_looks.total > rows {
            warnings.push(format!(
                "{}; the more settings are scored on a test part, the more the best of them flatters: \
                 keep a later part of the log for the final word",
                self.looked()
            ));
        }
        warnings
    }

    /// Variants with numbers to tune that could choose from very different numbers of settings.
    fn unequal(&self) -> Option<String> {
        let tunable = || self.budgets.iter().filter(|b| b.tunable);
        let most = tunable().max_by_key(|b| b.trials)?;
        let least = tunable().min_by_key(|b| b.trials)?;
        (most.trials >= 2 * least.trials).then(|| {
            format!(
                "unequal tuning: `{}` was chosen from {}, `{}` from {}; give both the same number, \
                 else the comparison favors the one that was tuned more",
                most.variant,
                counted(most.trials, "setting"),
                least.variant,
                counted(least.trials, "setting")
            )
        })
    }

    /// How often the test part has been scored, in words.
    pub(super) fn looked(&self) -> String {
        let looks = &self.test_looks;
        let mut text = format!(
            "{} {} been scored on this test part",
            counted(looks.total, "setting"),
            if looks.total == 1 { "has" } else { "have" }
        );
        if !looks.elsewhere.is_empty() {
            let folders = looks.elsewhere.iter().take(FOLDERS);
            let mut folders: Vec<String> = folders
                .map(|f| format!("{} in {}", f.looks, f.folder))
                .collect();
            if looks.elsewhere.len() > FOLDERS {
                let more = counted(looks.elsewhere.len() - FOLDERS, "more folder");
                folders.push(format!("others in {more}"));
            }
            text = format!(
                "{text} ({} here, {}; the same one in two folders counts once)",
                looks.here,
                folders.join(", ")
            );
        }
        if looks.other_parts > 0 {
            text = format!(
                "{text}, and {} on other test parts of the same data",
                looks.other_parts
            );
        }
        text
    }

    /// What no fit reached, in words.
    pub(super) fn unreached(&self) -> Vec<String> {
        self.of_budgets(|budget| budget.unreached.as_deref())
    }

    /// What halving stopped, in words.
    pub(super) fn halved(&self) -> Vec<String> {
        self.of_budgets(|budget| budget.halved.as_deref())
    }

    /// What is said of some variants, with their names in front.
    fn of_budgets(&self, said: impl Fn(&Budget) -> Option<&str>) -> Vec<String> {
        let of = |budget: &Budget| Some(format!("{}: {}", budget.variant, said(budget)?));
        self.budgets.iter().filter_map(of).collect()
    }

    /// The optima at the edge of what was tried, in words.
    pub(super) fn edges(&self) -> Vec<String> {
        let of = |budget: &Budget| -> Vec<String> {
            let edges = budget.edges.iter().map(|edge| {
                let (which, beyond) = match edge.end {
                    End::Lowest => ("lowest", "below"),
                    End::Highest => ("highest", "above"),
                };
                let Edge {
                    parameter, value, ..
                } = edge;
                let variant = &budget.variant;
                match &edge.near {
                    None => format!(
                        "{variant}: {parameter}={value} is the {which} value tried; extend the grid \
                         {beyond} {value}"
                    ),
                    Some(near) => format!(
                        "{variant}: {parameter}={value} lies within a tenth of the {which} value that \
                         could be drawn; extend the interval {beyond} {near}"
                    ),
                }
            });
            edges.collect()
        };
        self.budgets.iter().flat_map(of).collect()
    }

    /// How well validation foretold test, in words.
    pub(super) fn correlated(&self, select: &str) -> Option<String> {
        self.rank_correlation.map(|c| {
            format!(
                "over {} trials the order by {select} on validation and that on test have a rank \
                 correlation (Spearman) of {:.2}",
                c.trials, c.spearman
            )
        })
    }
}

/// Seconds of fitting on validation, for each variant of a plan. `ran` are the ids of all records that the
/// sweep rests on: it knows what ran on the rungs of halving, and is empty until the sweep has ended.
pub(super) fn fit_seconds(
    variants: &[PlanVariant],
    ran: &BTreeSet<String>,
    store: &Store,
) -> Result<Vec<f64>, Failure> {
    let trials = variants.iter().flat_map(|variant| &variant.trials);
    let planned: BTreeSet<&str> = trials.flat_map(PlanTrial::ids).collect();
    let mut on_rungs: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for id in ran.iter().filter(|id| !planned.contains(id.as_str())) {
        if let Some(record) = store.record(id)?
            && record.result.key.role == Role::Validation
        {
            let of_variant = on_rungs.entry(record.run.variant.clone());
            of_variant.or_default().push(record);
        }
    }
    let of = |variant: &PlanVariant| {
        let mut records = on_rungs.remove(&variant.name).unwrap_or_default();
        let own: BTreeSet<&String> = variant.trials.iter().flat_map(|t| &t.validation).collect();
        // What halving stopped may have been run to its end before, by another sweep.
        for id in own
            .into_iter()
            .filter(|id| ran.is_empty() || ran.contains(*id))
        {
            records.extend(store.record(id)?);
        }
        Ok(of_fits(&records))
    };
    variants.iter().map(of).collect()
}

/// Seconds of fitting, where points on the way of one fit are all within the longest of them. Those of one
/// fit began as one; a later rung of halving is of the same unit, but begins at the first step again.
fn of_fits(records: &[Record]) -> f64 {
    let mut longest: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for Record { run, .. } in records {
        let of_fit = longest.entry((&run.unit, &run.started)).or_default();
        *of_fit = of_fit.max(run.fit_seconds());
    }
    longest.into_values().sum()
}

/// What each variant could choose from, and what else the choice rests on.
pub(super) fn markdown(out: &mut String, overview: &Overview, selection: &Selection) {
    let select = &overview.select;
    out.push_str("## How settings were chosen\n\n");
    if let Some(text) = searched(overview) {
        let _ = writeln!(out, "{}\n", escape(&text));
    }
    let header = owned(["variant", "tried", "settings", "fit s, all"]);
    let rows: Vec<Vec<String>> = selection
        .budgets
        .iter()
        .map(|budget| {
            let ranges = budget.ranges.iter();
            let ranges: Vec<String> = ranges
                .map(|r| format!("{} {}", escape(&r.parameter), escape(&tried(r))))
                .collect();
            vec![
                escape(&budget.variant),
                ranges.join("; "),
                count(budget.trials),
                seconds(budget.fit_seconds),
            ]
        })
        .collect();
    table(out, &header, &rows, 2);
    for halved in selection.halved() {
        let _ = writeln!(out, "- **Successive halving:** {}", escape(&halved));
    }
    for unreached in selection.unreached() {
        let _ = writeln!(out, "- **Early stopping:** {}", escape(&unreached));
    }
    for edge in selection.edges() {
        let _ = writeln!(out, "- **Edge of the grid:** {}", escape(&edge));
    }
    if let Some(correlated) = selection.correlated(select) {
        let _ = writeln!(out, "- Validation against test: {}", escape(&correlated));
    }
    let _ = writeln!(
        out,
        "- Looks at the test part: {}\n",
        escape(&selection.looked())
    );
}

/// How random search drew, in a sentence.
pub(super) fn searched(overview: &Overview) -> Option<String> {
    let random = overview.search.as_ref()?.random.as_ref()?;
    let spaces = random.spaces();
    let colon = if spaces.is_empty() { "" } else { " – " };
    let text = format!("{}{colon}{}.", random.what(), spaces.join("; "));
    Some(capitalized(&text))
}

/// The values of a parameter, or what they were drawn from.
pub(super) fn tried(range: &Range) -> String {
    match &range.interval {
        None => range.values.join(", "),
        Some(interval) => {
            let scale = interval.scale.map_or("", Scale::key);
            format!("{} to {} ({scale})", interval.lowest, interval.highest)
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

fn correlation(trials: &[TrialRow], select: &str) -> Option<Correlation> {
    let value = |of: &BTreeMap<String, f64>| of.get(select).copied();
    let both = trials.iter();
    let (a, b): (Vec<f64>, Vec<f64>) = both
        .filter_map(|t| Some((value(&t.validation)?, value(&t.test)?)))
        .unzip();
    Some(Correlation {
        trials: a.len(),
        spearman: spearman(&a, &b)?,
    })
}

/// Spearman's rank correlation, equal values with their mean rank; `None` where it is not defined.
/// Spearman 1904.
fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = 0.5 * (a.len() as f64 + 1.0);
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (a.len() > 2 && spread > 0.0).then(|| product(&a, &b) / spread)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|v| *v < value).count();
        let equal = values.iter().filter(|v| *v == value).count();
        below as f64 + 0.5 * (equal as f64 + 1.0)
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use musicrec_api::Role;

    use super::{Budget, Selection, fit_seconds, spearman, tried};
    use crate::experiment::{Declared, Scale};
    use crate::records::looks::{Folder, Looks};
    use crate::records::{Record, Store, samples};
    use crate::sweep::{Edge, End, PlanTrial, PlanVariant, Range};

    fn budget(variant: &str, trials: usize, tunable: bool) -> Budget {
        Budget {
            variant: variant.into(),
            trials,
            fit_seconds: 0.0,
            ranges: Vec::new(),
            edges: Vec::new(),
            tunable,
            halved: None,
            unreached: None,
        }
    }

    #[test]
    fn rank_correlation_as_scipy_has_it() {
        // scipy.stats.spearmanr([.1, .4, .2, .2, .5], [1, 3, 2, 5, 4]).statistic
        let got = spearman(&[0.1, 0.4, 0.2, 0.2, 0.5], &[1.0, 3.0, 2.0, 5.0, 4.0]).unwrap();
        assert!((got - 0.564_288_093_646_834_8).abs() < 1e-12, "{got}");
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn draws_are_shown_as_their_interval_and_edges_as_its_ends() {
        let mut als = budget("als", 20, true);
        als.ranges.push(Range {
            parameter: "factors".into(),
            values: vec!["9".into(), "127".into()],
            interval: Some(Declared {
                lowest: 8.0,
                highest: 128.0,
                scale: Some(Scale::LogUniform),
            }),
        });
        assert_eq!(tried(&als.ranges[0]), "8 to 128 (log_uniform)");
        als.ranges[0].interval = None;
        assert_eq!(tried(&als.ranges[0]), "9, 127");
        als.edges.push(Edge {
            parameter: "factors".into(),
            value: "127".into(),
            end: End::Highest,
            near: Some("128".into()),
        });
        let selection = Selection {
            budgets: vec![als],
            rank_correlation: None,
            test_looks: Looks::default(),
        };
        assert_eq!(
            selection.edges(),
            [
                "als: factors=127 lies within a tenth of the highest value that could be drawn; extend \
              the interval above 128"
            ]
        );
    }

    #[test]
    fn more_looks_than_rows_and_unequal_tuning_are_warned_of() {
        let mut selection = Selection {
            budgets: vec![
                budget("popularity", 1, false),
                budget("als", 6, true),
                budget("slow", 6, true),
            ],
            rank_correlation: None,
            test_looks: Looks {
                total: 3,
                here: 3,
                ..Looks::default()
            },
        };
        assert_eq!(selection.warnings(3), Vec::<String>::new());
        selection.budgets[2].trials = 2;
        selection.test_looks.total = 5;
        selection.test_looks.elsewhere.push(Folder {
            folder: "old".into(),
            looks: 4,
        });
        let warnings = selection.warnings(3);
        assert!(warnings[0].contains("`als` was chosen from 6 settings, `slow` from 2"));
        let looked = "5 settings have been scored on this test part (3 here, 4 in old;";
        assert!(warnings[1].contains(looked), "{warnings:?}");
    }

    /// Stores the record of a trial whose fit took so many seconds.
    fn stored(
        store: &Store,
        at: usize,
        role: Role,
        (unit, began, variant): (&str, &str, &str),
    ) -> Record {
        let mut record = samples::record(at, samples::done(0.5, &[]), at as u8);
        record.result.key.role = role;
        record.id = record.result.key.id();
        record.run.unit = unit.into();
        record.run.started = began.into();
        record.run.variant = variant.into();
        store.put(&record).unwrap();
        record
    }

    fn variant(name: &str, validation: &[&Record], test: &Record) -> PlanVariant {
        let trial = |record: &&Record| PlanTrial {
            index: 0,
            cleaning: 0,
            settings: String::new(),
            parameters: Vec::new(),
            edges: Vec::new(),
            validation: vec![record.id.clone()],
            test: vec![test.id.clone()],
        };
        PlanVariant {
            name: name.into(),
            added: false,
            ranges: Vec::new(),
            tunable: true,
            halving: None,
            early: None,
            trials: validation.iter().map(trial).collect(),
        }
    }

    #[test]
    fn a_fit_counts_once_and_rungs_count_too() {
        let (_folder, store) = samples::store();
        let put = |at, unit, began| stored(&store, at, Role::Validation, (unit, began, "als"));
        // Two points on the way of one fit and a fit of its own; on a rung before, two points of the first.
        let own = [put(1, "a", "2"), put(4, "a", "2"), put(8, "b", "2")];
        let rungs = [put(16, "a", "1"), put(20, "a", "1")];
        let other = stored(&store, 30, Role::Validation, ("d", "2", "other"));
        let test = stored(&store, 40, Role::Test, ("e", "3", "als"));
        let plan = [
            variant("als", &own.each_ref(), &test),
            variant("other", &[&other], &test),
        ];
        let of = |ran: &BTreeSet<String>| fit_seconds(&plan, ran, &store).unwrap();
        assert_eq!(of(&BTreeSet::new()), [4.0 + 8.0, 30.0]);
        let all = own.iter().chain(&rungs).chain([&other, &test]);
        let mut ran: BTreeSet<String> = all.map(|record| record.id.clone()).collect();
        // A record of the folder that the sweep does not rest on is no part of it.
        put(50, "f", "0");
        assert_eq!(of(&ran), [4.0 + 8.0 + 20.0, 30.0]);
        // Nor is what an earlier sweep ran to its end, and this one stopped.
        ran.remove(&own[2].id);
        assert_eq!(of(&ran), [4.0 + 20.0, 30.0]);
        // What is gone has no seconds.
        ran.insert("0123456789abcdef".into());
        assert_eq!(of(&ran), [4.0 + 20.0, 30.0]);
    }
}
