//! One thing wrong with what a sweep is given, and how it must end.

use super::{Lab, SMALL, log};

/// One thing wrong. The definition is [`SMALL`] with `change` made in it, the log `log.csv`.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Text of the definition and what stands there instead.
    pub(crate) change: (&'static str, &'static str),
    /// The bytes of the log; none for no file.
    pub(crate) log: Option<Vec<u8>>,
    pub(crate) code: i32,
    /// What standard error must hold.
    pub(crate) says: &'static [&'static str],
}

/// A change that changes nothing.
pub(crate) const AS_IT_IS: (&str, &str) = ("", "");

impl Case {
    pub(crate) fn log(
        name: &'static str,
        log: Option<Vec<u8>>,
        code: i32,
        says: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            change: AS_IT_IS,
            log,
            code,
            says,
        }
    }

    pub(crate) fn definition(
        name: &'static str,
        change: (&'static str, &'static str),
        says: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            change,
            log: Some(log().into_bytes()),
            code: 2,
            says,
        }
    }

    pub(crate) fn check(&self) {
        let lab = Lab::new();
        if let Some(log) = &self.log {
            lab.write("log.csv", log);
        }
        let (old, new) = self.change;
        assert!(SMALL.contains(old), "{}: nothing to change", self.name);
        lab.write("small.toml", SMALL.replacen(old, new, 1));
        let ended = lab.run(&["sweep", "small.toml", "--out", "out"]);
        assert_eq!(ended.code, self.code, "{}: {ended}", self.name);
        for phrase in self.says {
            assert!(
                ended.err.contains(phrase),
                "{}: `{phrase}` is not said: {ended}",
                self.name
            );
        }
        let messages = ended.err.lines().filter(|l| l.starts_with("error")).count();
        assert_eq!(messages, 1, "{}: {ended}", self.name);
        assert_eq!(ended.out, "", "{}: {ended}", self.name);
        assert!(
            !lab.path("out").exists(),
            "{}: something is in --out",
            self.name
        );
    }
}
