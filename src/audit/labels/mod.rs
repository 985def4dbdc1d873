//! Labels that mean one thing: spellings, which are proposed, and synonyms, which are asked.

mod words;

use musicrec_cleaners::fold;
use serde::{Deserialize, Serialize};

use super::alert::{Alert, Example, Severity};
use super::column::{Column, Kind, is_marker};
pub(super) use words::event_name;
use words::{inflected, near, typo};

/// A column of more distinct values has names, not labels.
const MOST: usize = 500;
/// A label has so many rows on average.
const ROWS_EACH: u64 = 3;

/// How a spelling was found to mean its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// It is the name itself.
    Name,
    /// Equal without case, spaces, `_` and `-`.
    Spelling,
    /// A letter or two differ.
    Near,
    /// Another form of the word: `skipped`.
    Form,
    /// Another word, which people use for it: to be confirmed.
    Meaning,
}

/// A label as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Spelling {
    /// As it stands, spaces included.
    pub(crate) label: String,
    /// Rows that have it.
    pub(crate) rows: u64,
    /// The first of them, counted from 1 without the header.
    pub(crate) first_row: u64,
    /// Why it belongs to the cluster.
    pub(crate) how: How,
}

/// Spellings of one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Cluster {
    /// The name proposed for all.
    pub(crate) name: String,
    /// Rows of all.
    pub(crate) rows: u64,
    /// Most rows first.
    pub(crate) spellings: Vec<Spelling>,
}

impl Cluster {
    /// Rows whose label is not the name.
    fn differing(&self) -> u64 {
        let others = self.spellings.iter().filter(|s| s.label != self.name);
        others.map(|s| s.rows).sum()
    }

    /// Labels that are no spelling of the name as `map_labels` compares them, and so must be listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Spelling> {
        let name = fold(&self.name);
        let mut known = vec![name];
        self.spellings.iter().filter(move |spelling| {
            let folded = fold(&spelling.label);
            let new = !known.contains(&folded);
            known.push(folded);
            new
        })
    }
}

/// The labels of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Labels {
    /// The column.
    pub(crate) column: String,
    /// Whether it tells what happened.
    pub(crate) event: bool,
    /// Distinct labels as they stand.
    pub(crate) raw: usize,
    /// Distinct labels without case, spaces, `_` and `-`.
    pub(crate) folded: usize,
    /// Rows whose label is not the name proposed.
    pub(crate) differing: u64,
    /// Most rows first.
    pub(crate) clusters: Vec<Cluster>,
}

/// The labels of a column; `None` if it holds something else.
pub(super) fn labels(column: &Column) -> Option<Labels> {
    let event = column.kind == Kind::Event;
    let (distinct, exact) = column.values.distinct();
    let rows: u64 = column.values.iter().map(|value| value.rows).sum();
    let many = distinct as usize > MOST || !event && rows < ROWS_EACH * distinct;
    if !(event || column.kind == Kind::Text) || !exact || many {
        return None;
    }
    let mut spellings: Vec<Spelling> = column
        .values
        .iter()
        .filter(|value| !value.text.trim().is_empty() && !is_marker(value.text))
        .map(|value| Spelling {
            label: value.text.to_owned(),
            rows: value.rows,
            first_row: value.first,
            how: How::Name,
        })
        .collect();
    spellings.sort_by_key(|s| (std::cmp::Reverse(s.rows), s.first_row));
    let raw = spellings.len();
    let mut clusters: Vec<(String, Cluster)> = Vec::new();
    for spelling in spellings {
        let folded = fold(&spelling.label);
        let at = clusters.iter().position(|(known, _)| *known == folded);
        let at = at.unwrap_or_else(|| {
            clusters.push((
                folded,
                Cluster {
                    name: String::new(),
                    rows: 0,
                    spellings: Vec::new(),
                },
            ));
            clusters.len() - 1
        });
        clusters[at].1.rows += spelling.rows;
        clusters[at].1.spellings.push(spelling);
    }
    clusters.sort_by_key(|(_, cluster)| std::cmp::Reverse(cluster.rows));
    let folded = clusters.len();
    let mut joined: Vec<(String, Cluster)> = Vec::new();
    for (folded, mut cluster) in clusters {
        cluster.name = if event {
            event_name(&folded).map_or_else(|| name_of(&cluster.spellings), str::to_owned)
        } else {
            name_of(&cluster.spellings)
        };
        let alike = |(known, into): &&mut (String, Cluster)| {
            alike(&folded, known, event, cluster.rows, into.rows)
        };
        match joined.iter_mut().find(alike) {
            Some((_, into)) => {
                into.rows += cluster.rows;
                into.spellings.extend(cluster.spellings);
                // A name of the vocabulary is better than what the log happens to write most.
                if event && event_name(&folded).is_some() && event_name(&fold(&into.name)).is_none()
                {
                    into.name = cluster.name;
                }
            }
            None => joined.push((folded, cluster)),
        }
    }
    let clusters: Vec<Cluster> = joined
        .into_iter()
        .map(|(_, cluster)| told(cluster))
        .collect();
    Some(Labels {
        column: column.name.clone(),
        event,
        raw,
        folded,
        differing: clusters.iter().map(Cluster::differing).sum(),
        clusters,
    })
}

/// With what makes each spelling one of the cluster's name.
fn told(mut cluster: Cluster) -> Cluster {
    let name = fold(&cluster.name);
    for spelling in &mut cluster.spellings {
        let folded = fold(&spelling.label);
        spelling.how = if spelling.label == cluster.name {
            How::Name
        } else if folded == name {
            How::Spelling
        } else if inflected(&folded, &name) || inflected(&name, &folded) {
            How::Form
        } else if near(&folded, &name) || event_name(&folded).is_none() && typo(&folded, &name) {
            How::Near
        } else {
            How::Meaning
        };
    }
    cluster
        .spellings
        .sort_by_key(|s| (std::cmp::Reverse(s.rows), s.first_row));
    cluster
}

/// Whether a label of so many rows is one that is known, of as many as `of`.
fn alike(folded: &str, known: &str, event: bool, rows: u64, of: u64) -> bool {
    if event {
        return match event_name(folded) {
            Some(name) => event_name(known) == Some(name),
            // A typing error is rare.
            None => typo(folded, known) && rows * 5 < of,
        };
    }
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    // A typing error is rare, and does not change a number: 1980s and 1990s are two things.
    near(folded, known) && rows * 5 < of && digits(folded) == digits(known)
}

/// The spelling that others should take: in lower case if there is such a one, then the most frequent.
fn name_of(spellings: &[Spelling]) -> String {
    let lower = |s: &&Spelling| !s.label.chars().any(char::is_uppercase);
    let chosen = spellings.iter().find(lower).or(spellings.first());
    chosen.map_or(String::new(), |s| s.label.trim().to_owned())
}

impl Labels {
    /// What is wrong with them.
    pub(super) fn alerts(&self, rows: u64) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let with = |holds: fn(How) -> bool| -> Vec<(&Cluster, &Spelling)> {
            let all = self.clusters.iter();
            all.flat_map(|c| c.spellings.iter().map(move |s| (c, s)))
                .filter(|(_, s)| holds(s.how))
                .collect()
        };
        let spelled = with(|how| !matches!(how, How::Name | How::Meaning));
        let say = |those: &[(&Cluster, &Spelling)]| {
            let first = those.iter().take(5);
            let all: Vec<String> = first
                .map(|(c, s)| format!("`{}` for `{}` ({})", s.label, c.name, s.rows))
                .collect();
            format!(
                "{}{}",
                all.join(", "),
                if those.len() > 5 { ", …" } else { "" }
            )
        };
        let examples = |those: &[(&Cluster, &Spelling)]| -> Vec<Example> {
            let first = those.iter();
            first
                .map(|(_, s)| Example {
                    row: s.first_row,
                    value: s.label.clone(),
                })
                .collect()
        };
        let count =
            |those: &[(&Cluster, &Spelling)]| those.iter().map(|(_, s)| s.rows).sum::<u64>();
        let effect = if self.event {
            "a weighting that asks for an event by its name misses those that are spelled otherwise"
        } else {
            "segments, rules and models that use the column see several things where there is one"
        };
        if !spelled.is_empty() {
            alerts.push(
                Alert::new(
                    format!("{}.spelling", self.column),
                    if self.event {
                        Severity::Error
                    } else {
                        Severity::Warning
                    },
                    (count(&spelled), rows),
                    format!("labels in several spellings: {}", say(&spelled)),
                )
                .column(&self.column)
                .effect(effect)
                .examples(examples(&spelled))
                .remedy("give each one name"),
            );
        }
        let meant = with(|how| how == How::Meaning);
        if !meant.is_empty() {
            alerts.push(
                Alert::new(
                    format!("{}.synonym", self.column),
                    Severity::Warning,
                    (count(&meant), rows),
                    format!("other words that may mean the same: {}?", say(&meant)),
                )
                .column(&self.column)
                .effect(effect)
                .examples(examples(&meant))
                .remedy("confirm what they mean: that cannot be seen in the log"),
            );
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::{Column, Kind};
    use super::{How, labels};

    fn of(kind: Kind, values: &[(&str, u64)]) -> super::Labels {
        let mut column = Column::new("c", kind);
        for (place, (text, rows)) in values.iter().enumerate() {
            column.add(text, *rows, place as u64 + 1, 0);
        }
        labels(&column).unwrap()
    }

    fn names(labels: &super::Labels) -> Vec<String> {
        let all = labels.clusters.iter();
        let mut names: Vec<String> = all
            .map(|c| {
                let spellings: Vec<&str> = c.spellings.iter().map(|s| s.label.as_str()).collect();
                format!("{}: {}", c.name, spellings.join(" "))
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn events_are_clustered_by_spelling_form_and_meaning() {
        let found = of(
            Kind::Event,
            &[
                ("PLAY", 9),
                ("play", 8),
                ("listen", 7),
                ("add2playlist", 5),
                ("AddToPlaylist", 6),
                ("add_to_playlist", 4),
                ("thumbs_up", 3),
                ("LIKE", 2),
                ("skipped", 9),
                ("skip", 8),
                ("shared", 2),
                ("repeat", 2),
                ("replay", 1),
                ("null", 5),
                ("", 3),
                ("purchase", 2),
            ],
        );
        assert_eq!(
            names(&found),
            [
                "add_to_playlist: AddToPlaylist add2playlist add_to_playlist",
                "like: thumbs_up LIKE",
                "play: PLAY play listen",
                "purchase: purchase",
                "replay: repeat replay",
                "share: shared",
                "skip: skipped skip",
            ]
        );
        let how = |label: &str| {
            let all = found.clusters.iter().flat_map(|c| &c.spellings);
            all.filter(|s| s.label == label).map(|s| s.how).next()
        };
        assert_eq!(how("listen"), Some(How::Meaning));
        assert_eq!(how("add2playlist"), Some(How::Near));
        assert_eq!(how("skipped"), Some(How::Form));
        assert_eq!(how("PLAY"), Some(How::Spelling));
        assert_eq!((found.raw, found.folded), (14, 12));
    }

    #[test]
    fn labels_that_look_alike_may_be_different() {
        let found = of(
            Kind::Text,
            &[
                ("pop", 90),
                ("k-pop", 10),
                ("1980s", 50),
                ("1990s", 5),
                ("SMARTTV", 4),
                ("smart_tv", 40),
                ("electronic", 90),
                ("electronik", 3),
                ("indie", 30),
                ("india", 3),
            ],
        );
        assert_eq!(
            names(&found),
            [
                "1980s: 1980s",
                "1990s: 1990s",
                "electronic: electronic electronik",
                "india: india",
                "indie: indie",
                "k-pop: k-pop",
                "pop: pop",
                "smart_tv: smart_tv SMARTTV",
            ]
        );
        assert_eq!(found.differing, 7);
    }
}
