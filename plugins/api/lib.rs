//! What a plugin of musicrec-lab is written against.
//!
//! The data goes one way, and every arrow but the last is a plugin kind of its own:
//!
//! ```text
//! Source ──> Log ──Cleaner──> Events ──Splitter──> Fold (fit | targets)
//!                                                    │
//!                              Weighting (fit only) ─┘──> Train ──Model──> Recommender ──(lab ranks)──> Metric
//! ```
//!
//! * [`Log`]: columns as read; text is dictionary-coded, so a cleaner touches each distinct value once.
//! * [`Events`]: the typed log: user, item, time, kind, plays, seconds.
//! * [`Fold`]: which rows a model may learn from and which it is asked to foretell.
//! * [`Train`]: the user × item matrix of one fold's fit part, and the events behind it.
//! * [`Recommender`]: what [`Model::fit`] returns. It only scores; masking of heard items, ties and
//!   the best k are the lab's work, the same for every model.
//!
//! A plugin is one struct that is its own configuration: documented public fields, `Deserialize` with
//! `deny_unknown_fields`, `#[typetag::serde(name = "…")]` on its trait implementation, and one
//! [`register!`] line. The name is `snake_case` and is the file's name.
//!
//! Ordered identifiers: index order of users and items *is* the order of their ids
//! (numeric if all are integers, else as text), so "ties by item id" is "ties by index".

pub mod arithmetic;
mod asked;
mod cells;
mod check;
mod cleaner;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod event_values;
mod events;
mod fit_context;
mod folds;
mod item_values;
mod launcher;
mod ledger;
mod log;
mod losses;
mod metric;
mod model;
mod notes;
mod packed;
mod pairs;
mod params;
mod ready_lists;
mod registry;
mod seed;
mod series;
mod shared_parts;
mod source;
mod splitter;
mod steps;
mod tensors;
mod texts;
mod view;
mod weighting;

pub use asked::{Asked, Purpose};
pub use cells::{Cells, MISSING, MISSING_TIME, Text, time_text};
pub use check::{CheckContext, Problem};
pub use cleaner::{Cleaner, InParts, On, Reach};
pub use error::{Error, Result, nearest};
pub use event_values::EventValues;
pub use events::{Events, Ids};
pub use fit_context::{FitContext, StartingFactors};
pub use folds::fold_faults;
pub use item_values::ItemValues;
pub use launcher::{Engine, Job, Launcher, Look, Step, Usage, Work, ranges};
pub use ledger::{Account, Booking, Ledger, Sample};
pub use log::{Column, Fate, Log, Roles, Stored, Whole};
pub use losses::Losses;
pub use metric::{
    Better, BoundMetric, ChanceView, Identity, Measure, MeasureLists, Metric, MetricContext,
    Nature, UserView,
};
pub use model::{
    Cost, InteractionMatrix, Model, Reasons, Recommender, RowScorer, Scores, Shape, Train, Users,
};
pub use notes::{Note, Notes};
pub use params::{Finite, Fraction, NonNegative, Positive, Share, ShareOrZero};
pub use ready_lists::ReadyLists;
pub use registry::{Kind, Registration, duplicates, registrations};
pub use seed::{derive_seed, rng};
pub use series::{Series, SeriesValue, Values};
pub use shared_parts::{SharedPart, SharedParts};
pub use source::{Source, SourceContext};
pub use splitter::{Fold, Role, Splitter};
pub use steps::{Checkpoints, Steps};
pub use tensors::{Numbers, Tensor, Tensors};
pub use texts::{KnownTexts, Texts};
pub use view::{NumbersView, TextView, TimesView, View};
pub use weighting::{Weigh, Weighting, cell_weights, rescale_cells};

/// What [`register!`] expands to needs these names, whatever the plugin's crate depends on.
#[doc(hidden)]
pub mod private {
    pub use crate::registry::defaults_of;
    pub use inventory;

    pub use schemars;
}
