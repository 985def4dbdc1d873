//! What a plugin can be called.

use musicrec_api::Kind;

/// Words of a definition, which a plugin's name would be mixed up with.
const OF_DEFINITIONS: [&str; 6] = ["grid", "range", "zip", "off", "label", "of"];

/// Names of files and crates that the made crate has already.
const OF_THE_CRATE: [&str; 12] = [
    "main",
    "lib",
    "std",
    "core",
    "musicrec_api",
    "musicrec_lab",
    "ndarray",
    "schemars",
    "serde",
    "serde_json",
    "sha2",
    "typetag",
];

/// Keywords of Rust, reserved ones included: a plugin's name is a module's too.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern \
                        false final fn for gen if impl in let loop macro match mod move mut override priv pub \
                        ref return self static struct super trait true try type typeof unsafe unsized use \
                        virtual where while yield";

/// The longest name: it heads columns of reports.
const LONGEST: usize = 40;

/// What is wrong with a name for a plugin of this kind, and what to call it instead.
pub(super) fn check(kind: Kind, name: &str, taken: &[&str]) -> Result<(), String> {
    let shown = name.escape_debug();
    let instead = snake_case(name);
    if name != instead || name.is_empty() {
        let suggestion = match instead.as_str() {
            "" => "for example `hit_rate`".to_owned(),
            instead => format!("for example `{instead}`"),
        };
        return Err(format!(
            "`{shown}` cannot name a plugin: names are lower-case ASCII letters and digits, begin \
             with a letter, and have single `_` between words, {suggestion}"
        ));
    }
    if name.len() > LONGEST {
        return Err(format!(
            "`{shown}` has {} characters; reports have room for {LONGEST}",
            name.len()
        ));
    }
    let why = if KEYWORDS.split(' ').any(|keyword| keyword == name) {
        "is a keyword of Rust, and a plugin's name is its module's too"
    } else if OF_DEFINITIONS.contains(&name) {
        "has a meaning of its own in definitions"
    } else if OF_THE_CRATE.contains(&name) {
        "is the name of a file or crate that the plugin's crate has already"
    } else if taken.contains(&name) {
        let key = kind.key();
        return Err(format!(
            "there is a plugin {key}.{name} already (`musicrec-lab plugins {key}.{name}`), and two \
             of one name are refused; call yours otherwise, for example `{}`",
            other(name, taken)
        ));
    } else {
        return Ok(());
    };
    Err(format!(
        "`{shown}` cannot name a plugin: it {why}; call it otherwise, for example `{}`",
        other(name, taken)
    ))
}

fn other(name: &str, taken: &[&str]) -> String {
    let mut free = format!("my_{name}");
    while taken.contains(&free.as_str()) {
        free.push_str("_too");
    }
    free
}

/// The name that was probably meant: `HitRate@3` is `hit_rate_3`.
fn snake_case(name: &str) -> String {
    let mut words = String::new();
    let mut before = '_';
    for c in name.chars() {
        let starts_word = c.is_ascii_uppercase() && !before.is_ascii_uppercase();
        if !c.is_ascii_alphanumeric() || starts_word {
            words.push('_');
        }
        if c.is_ascii_alphanumeric() {
            words.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    let words: Vec<&str> = words.split('_').filter(|word| !word.is_empty()).collect();
    let joined = words.join("_");
    let start = joined.find(|c: char| c.is_ascii_lowercase());
    start.map_or(String::new(), |start| joined[start..].to_owned())
}

/// The type of a plugin: `HitRate` for `hit_rate`.
pub(super) fn camel_case(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{camel_case, check};
    use musicrec_api::Kind;

    #[test]
    fn good_names_pass() {
        for name in ["hit_rate", "bm25", "a", "item_knn_2"] {
            assert_eq!(check(Kind::Model, name, &["als"]), Ok(()), "{name}");
        }
        assert_eq!(camel_case("item_knn_2"), "ItemKnn2");
    }

    #[test]
    fn bad_names_are_refused_with_better_ones() {
        for (name, hint) in [
            ("HitRate", "`hit_rate`"),
            ("hit-rate", "`hit_rate`"),
            ("hit__rate_", "`hit_rate`"),
            ("nDCG@3", "`n_dcg_3`"),
            ("2nd", "`nd`"),
            ("../x", "`x`"),
            ("größe", "`gr_e`"),
            ("", "`hit_rate`"),
            ("\u{1b}[31m", "lower-case"),
            ("match", "`my_match`"),
            ("grid", "in definitions"),
            ("serde", "file or crate"),
            ("als", "`my_als_too`"),
        ] {
            let error = check(Kind::Model, name, &["als", "my_als"]).expect_err(name);
            assert!(error.contains(hint), "{name}: {error}");
            assert!(!error.contains('\u{1b}'), "{name}: {error}");
        }
        assert!(check(Kind::Model, &"a".repeat(41), &[]).is_err());
    }
}
