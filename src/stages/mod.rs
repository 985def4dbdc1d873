//! The way of the data, one file a stage: prepare (source and cleaners), fold (split, targets, masks),
//! rank, measure, chance.

pub(crate) mod chance;
pub(crate) mod fold;
pub(crate) mod measure;
pub(crate) mod prepare;
pub(crate) mod rank;

#[cfg(test)]
mod tests;
