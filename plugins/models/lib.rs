//! The built-in models: one file a plugin.
