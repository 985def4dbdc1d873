//! The page holds what it should, and nothing of the data acts in it.
