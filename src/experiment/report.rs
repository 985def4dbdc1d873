//! How reports are drawn: `[report]`. It changes no result, so it is part of no identity.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use musicrec_api::Finite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the report of a sweep is drawn, and in which forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportSettings {
    /// Whether reports name users and items by the ids of the log. By default they are numbered, for
    /// reports are sent around.
    pub(crate) show_ids: bool,
    /// A folder with templates of your own for `report.html`, relative to the definition's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) templates: Option<PathBuf>,
    /// What is written at the end of a sweep.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub(crate) formats: Vec<Format>,
    /// What others published of the same comparison, shown beside what came out here:
    /// `[[report.published]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) published: Vec<Published>,
}

/// What somebody published of a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    /// The variant that it is compared with: the row of the leaderboard.
    pub(crate) variant: String,
    /// Where it was published.
    pub(crate) source: String,
    /// What was published, by metric: `{ "ndcg@20" = 0.1467 }`. Metrics are those of `[evaluation]`.
    pub(crate) values: BTreeMap<String, Finite>,
}

/// A form of the report.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// `report.html`, one page for people.
    Html,
    /// `report.md`, for repositories.
    Md,
    /// `report.json`, for programs.
    Json,
    /// Tables for notebooks and spreadsheets.
    Csv,
    /// Tables for papers.
    Latex,
    /// Tables for notebooks, typed.
    Parquet,
}

impl ReportSettings {
    /// The same with its paths as seen from the working directory; they start at `base`.
    pub(crate) fn seen_from_here(&self, base: &Path) -> Self {
        Self {
            templates: self.templates.as_ref().map(|folder| base.join(folder)),
            ..self.clone()
        }
    }
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            show_ids: false,
            templates: None,
            formats: vec![Format::Html, Format::Md, Format::Json, Format::Csv],
            published: Vec::new(),
        }
    }
}
