//! Plugins by what a person calls them: `als`, `model.als`, `model`, `models`.

use musicrec_api::{Kind, Registration, nearest, registrations};

use super::of;
use crate::exit::Failure;

/// The plugins called `name`: one or several of that name, `kind.name`, or all of a kind.
pub(crate) fn find(name: &str) -> Result<Vec<&'static Registration>, Failure> {
    if let Some(kind) = kind(name) {
        return Ok(of(kind).collect());
    }
    let (of_kind, short) = match name.split_once('.') {
        Some((first, short)) => {
            let Some(kind) = kind(first) else {
                let kinds = Kind::ALL.into_iter().flat_map(spellings);
                return Err(unknown(&format!("kind of plugin `{first}`"), first, kinds));
            };
            (Some(kind), short)
        }
        None => (None, name),
    };
    let all = registrations();
    let among = || {
        let all = all.iter().copied();
        all.filter(|r| of_kind.is_none_or(|kind| r.kind == kind))
    };
    let found: Vec<_> = among().filter(|r| r.name == short).collect();
    if found.is_empty() {
        let kinds = Kind::ALL.into_iter().flat_map(spellings);
        let known = among().map(|r| r.name);
        let known = known.chain(kinds.filter(|_| of_kind.is_none()));
        return Err(unknown(&format!("plugin `{name}`"), short, known));
    }
    Ok(found)
}

/// What [`find`] takes, for completions, each with a word about it.
pub(crate) fn names() -> Vec<(String, String)> {
    let all = registrations();
    let kinds = Kind::ALL.into_iter().map(|kind| {
        let count = of(kind).count();
        (kind.key().to_owned(), format!("all {count} of this kind"))
    });
    let plugins = all.iter().map(|plugin| {
        let twins = all.iter().filter(|r| r.name == plugin.name).count();
        let name = if twins > 1 {
            format!("{}.{}", plugin.kind.key(), plugin.name)
        } else {
            plugin.name.to_owned()
        };
        (name, super::summary(plugin))
    });
    kinds.chain(plugins).collect()
}

fn unknown<'a>(what: &str, written: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    let hint = match nearest(written, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Failure::Definition(format!(
        "there is no {what}{hint} (`musicrec-lab plugins` lists all)"
    ))
}

fn kind(written: &str) -> Option<Kind> {
    let all = Kind::ALL.into_iter();
    all.into_iter()
        .find(|&kind| spellings(kind).contains(&written))
}

/// The key of a definition, and the word for one or several.
fn spellings(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Source => ["source", "sources"],
        Kind::Cleaner => ["cleaners", "cleaner"],
        Kind::Splitter => ["splitter", "splitters"],
        Kind::Weighting => ["weighting", "weightings"],
        Kind::Model => ["model", "models"],
        Kind::Metric => ["metrics", "metric"],
        Kind::Launcher => ["launcher", "launchers"],
    }
}
