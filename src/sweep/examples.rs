//! Some users by a fixed rule, for the report: what they heard, what they heard next, and what is
//! recommended to them. Kept as an attachment, for a report is drawn without the log.

mod choice;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Overview, Sweep, choose};
use crate::compare::{apart, mean_sd};
use crate::exit::Failure;
use crate::records::{Outcome, Record, Store};
use crate::report::Table;
use crate::text::counted;

/// What is kept of the users who are shown. Ids are as in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptExamples {
    /// The metric that they were chosen by.
    pub(crate) metric: String,
    /// The variant whose gains and losses are shown.
    pub(crate) compared: String,
    /// The other variant; none where there is none: then chance.
    pub(crate) with: Option<String>,
    /// How they were chosen, in words.
    pub(crate) rule: String,
    pub(crate) users: Vec<KeptExample>,
    /// The place by popularity in the fit part, from 1, of every item that is named here.
    pub(crate) places: BTreeMap<String, usize>,
}

/// A user who is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptExample {
    pub(crate) user: String,
    /// Why this one, in words.
    pub(crate) why: String,
    /// The test period that targets and lists are of, from 1.
    pub(crate) period: usize,
    /// How many events of the user models could learn from or are told.
    pub(crate) history_events: usize,
    /// The items of these, the latest first; no more than the report shows.
    pub(crate) history: Vec<Heard>,
    pub(crate) targets: Vec<String>,
    /// What each variant recommends, the best first; no more than the report shows.
    pub(crate) lists: BTreeMap<String, Vec<String>>,
}

/// An item of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Heard {
    /// Its id; in reports that show none its number.
    pub(crate) item: String,
    /// The kind of the last event with it, where the log tells.
    pub(crate) kind: Option<String>,
    /// The time of that, in seconds since 1970, where the log tells.
    pub(crate) time: Option<i64>,
    /// How many events there are with it.
    pub(crate) times: usize,
}

/// A variant that was scored on test.
struct Tested {
    variant: String,
    cleaning: usize,
    validation: Option<f64>,
    /// What it reached by the deciding metric.
    value: f64,
    /// One a seed.
    records: Vec<Record>,
}

/// More items of a list are not shown, however deep the metric looks.
const LISTED: usize = 10;

impl KeptExamples {
    /// Those of a sweep; none where it kept none.
    pub(crate) fn read(overview: &Overview, store: &Store) -> Result<Option<Self>, Failure> {
        let Some(name) = &overview.examples_attachment else {
            return Ok(None);
        };
        let text = store.attachment(name)?;
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::Changed(format!(
                "{} comes from another version ({error}); remove it, and the next sweep writes it \
                 again",
                store.path(name).display()
            ))
        })
    }
}

impl Sweep<'_> {
    /// Chooses the users and keeps what the report tells of them.
    pub(super) fn keep_examples(&mut self) -> Result<(), Failure> {
        let made = self.examples()?;
        self.overview.examples_attachment = made
            .map(|made| {
                let text = serde_json::to_string_pretty(&made).expect("plain data");
                self.store.attach(&(text + "\n"), "json")
            })
            .transpose()?;
        Ok(())
    }

    fn examples(&self) -> Result<Option<KeptExamples>, Failure> {
        let rows = tested(&self.overview, &self.store)?;
        let Some((compared, with)) = sides(&rows, self.overview.baseline.as_deref()) else {
            return Ok(None);
        };
        let select = &self.overview.select;
        let (users, own) = by_user(compared, None, select, &self.store)?;
        let other = if let Some(with) = with {
            by_user(with, Some(&users), select, &self.store)?.1
        } else {
            let chance = self.overview.floor(compared.cleaning);
            vec![chance.map_or(0.0, |floor| floor.expected); users.len()]
        };
        let differences = own
            .iter()
            .zip(&other)
            .map(|(&own, &other)| apart(own, other));
        let chosen = choice::choose(&differences.collect::<Vec<_>>());
        let chosen: Vec<(&str, &'static str)> = chosen
            .into_iter()
            .map(|(at, why)| (users[at].as_str(), why))
            .collect();
        let depth = self.shown();
        let mut told = self.told(compared.cleaning, &chosen);
        for row in &rows {
            told.read_lists(row, depth, &self.store)?;
        }
        let places = told.places();
        Ok(Some(KeptExamples {
            metric: select.clone(),
            compared: compared.variant.clone(),
            with: with.map(|with| with.variant.clone()),
            rule: self.rule(&rows, compared, with),
            users: told.users,
            places,
        }))
    }

    /// How many items of a list are shown: as many as the deciding metric looks at.
    fn shown(&self) -> usize {
        let metrics = &self.overview.metrics;
        let deciding = metrics
            .iter()
            .find(|m| m.identity.label == self.overview.select);
        deciding.map_or(LISTED, |m| m.depth.clamp(1, LISTED))
    }

    /// How users are chosen and what is shown of them, in words.
    fn rule(&self, rows: &[Tested], compared: &Tested, with: Option<&Tested>) -> String {
        let select = &self.overview.select;
        let is_baseline = |row: &Tested| Some(&row.variant) == self.overview.baseline.as_ref();
        let best = if compared.validation.is_some() {
            "best on validation"
        } else {
            "highest on test"
        };
        let other = match with {
            Some(with) if is_baseline(with) => format!("that of `{}` (the baseline)", with.variant),
            Some(with) => format!("that of `{}` (the highest other on test)", with.variant),
            None => "what a random ranking gives on average".to_owned(),
        };
        let mut rule = vec![format!(
            "Users are chosen by how far {select} of `{}` ({best}) is above {other}: the two largest \
             gains, the median, the two largest losses; of equal users the first by id.",
            compared.variant
        )];
        let seeds = rows.iter().map(|row| row.records.len()).max().unwrap_or(1);
        if seeds > 1 {
            rule.push(format!(
                "Values are means over the seeds (up to {seeds}), lists are those of the first."
            ));
        }
        let periods = self.cleaned[compared.cleaning].periods(musicrec_api::Role::Test);
        if periods.len() > 1 {
            rule.push(format!(
                "Values are means over the periods that ask a user, of {}; all else is of the first of \
                 these.",
                counted(periods.len(), "period")
            ));
        }
        let label = &self.overview.cleanings[compared.cleaning].label;
        if !label.is_empty() {
            rule.push(format!(
                "The history is that with the cleaners of `{label}`."
            ));
        }
        rule.join(" ")
    }
}

/// The variants with a result on test, the highest first, as on the leaderboard.
fn tested(overview: &Overview, store: &Store) -> Result<Vec<Tested>, Failure> {
    let mut rows = Vec::new();
    for variant in &overview.variants {
        let Some(chosen) = choose(overview, variant, store)? else {
            continue;
        };
        let trial = &variant.trials[chosen.of_variant];
        let records = trial.test.iter().map(|id| store.record(id));
        let Some(records) = records.collect::<Result<Option<Vec<Record>>, Failure>>()? else {
            continue;
        };
        let values = records.iter().map(|record| record.metric(&overview.select));
        let Some(values) = values.collect::<Option<Vec<f64>>>() else {
            continue;
        };
        rows.push(Tested {
            variant: variant.name.clone(),
            cleaning: trial.cleaning,
            validation: chosen.validation,
            value: mean_sd(&values).0,
            records,
        });
    }
    rows.sort_by(|a, b| b.value.total_cmp(&a.value));
    Ok(rows)
}

/// Which variant is compared with which. `rows` are in the order of the leaderboard.
fn sides<'r>(
    rows: &'r [Tested],
    baseline: Option<&str>,
) -> Option<(&'r Tested, Option<&'r Tested>)> {
    let mut best: Option<&Tested> = None;
    for row in rows.iter().filter(|row| row.validation.is_some()) {
        if best.is_none_or(|best| row.validation > best.validation) {
            best = Some(row);
        }
    }
    let compared = best.or(rows.first())?;
    let others = || rows.iter().filter(|row| row.variant != compared.variant);
    let baseline = others().find(|row| Some(row.variant.as_str()) == baseline);
    Some((compared, baseline.or_else(|| others().next())))
}

/// The users of a variant and the value of each by a metric, the mean over the seeds. `order`: the users
/// in the order they are wanted in.
fn by_user(
    row: &Tested,
    order: Option<&[String]>,
    metric: &str,
    store: &Store,
) -> Result<(Vec<String>, Vec<f64>), Failure> {
    let mut users = order.map(<[String]>::to_vec);
    let mut sums: Vec<f64> = Vec::new();
    for record in &row.records {
        let table = attached(record, "per_user").map(|name| Table::read(store, name));
        let table = table.transpose()?.and_then(|table| match &users {
            Some(users) => table.ordered(users),
            None => Some(table),
        });
        let Some(table) = table else {
            return Err(store.disagrees(&record.id));
        };
        let Some(values) = table.of(metric) else {
            return Err(store.disagrees(&record.id));
        };
        sums.resize(values.len(), 0.0);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
        users.get_or_insert(table.users);
    }
    let seeds = row.records.len() as f64;
    let means = sums.into_iter().map(|sum| sum / seeds).collect();
    Ok((users.unwrap_or_default(), means))
}

/// The name of an attachment of a record.
fn attached<'r>(record: &'r Record, what: &str) -> Option<&'r String> {
    match &record.result.outcome {
        Outcome::Done { attachments, .. } => attachments.get(what),
        Outcome::Failed { .. } => None,
    }
}

/// The items that are named, each once.
fn named(users: &[KeptExample]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for user in users {
        names.extend(user.history.iter().map(|heard| heard.item.as_str()));
        names.extend(user.targets.iter().map(String::as_str));
        names.extend(user.lists.values().flatten().map(String::as_str));
    }
    names
}
