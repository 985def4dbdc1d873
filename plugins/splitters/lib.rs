//! The built-in splitters: one file a plugin.
