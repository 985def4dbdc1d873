//! The built-in cleaners: one file a plugin.

mod cells;
mod drop_duplicates;
mod drop_missing;
mod keep_rows;
mod limit_range;
mod map_labels;
mod min_interactions;
mod missing_markers;
mod normalize_ids;
mod parse_numbers;
mod parse_timestamps;
mod parsing;

pub use drop_duplicates::{By, DropDuplicates, Kept};
pub use drop_missing::DropMissing;
pub use keep_rows::KeepRows;
pub use limit_range::{Action, LimitRange};
pub use map_labels::{MapLabels, Unknown, fold};
pub use min_interactions::{MinInteractions, Part};
pub use missing_markers::MissingMarkers;
pub use normalize_ids::{Case, NormalizeIds, Pattern};
pub use parse_numbers::{ParseNumbers, read_number};
pub use parse_timestamps::{ParseTimestamps, TimeFormat, Zone, shape};
pub use parsing::Invalid;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_cleaner_keeps_its_promises() {
        conformance::every(Kind::Cleaner);
    }
}
