//! The built-in cleaners: one file a plugin.
