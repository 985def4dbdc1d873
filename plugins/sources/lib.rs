//! The built-in sources: one file a plugin.
