//! Several files by a pattern, and the name of what they hold.

use super::{cells, folder, json, read};

const TEXT: &str = "user_id,song_id\nu1,s1\nu2,s2\n";

#[test]
fn files_by_pattern() {
    let folder = folder(&[
        ("log-2.csv", b"user_id,song_id\nu3,s3\n"),
        ("log-1.csv", TEXT.as_bytes()),
        ("log-*.csv.bak", b"user_id,song_id\nodd,name\n"),
        ("other.csv", b"user_id,title\nu3,s3\n"),
        ("[a].csv", b"user_id,song_id\nodd,bracket\n"),
        ("a.csv", b"user_id,song_id\nplain,a\n"),
    ]);
    let of = |definition: &str| read(folder.path(), json(definition));
    let (log, _) = of(r#"{"path": "log-?.csv"}"#).unwrap();
    assert_eq!(cells(&log), [["u1", "s1"], ["u2", "s2"], ["u3", "s3"]]);
    assert_eq!(log.numbers(), [1, 2, 3]);
    let (log, _) = of(r#"{"files": {"train": "log-*.csv", "test": "log-1.csv"}}"#).unwrap();
    assert_eq!(cells(&log)[2], ["u3", "s3", "train"]);
    assert_eq!(cells(&log)[3], ["u1", "s1", "test"]);
    // What is there by that name is meant.
    let (log, _) = of(r#"{"path": "log-*.csv.bak"}"#).unwrap();
    assert_eq!(cells(&log), [["odd", "name"]]);
    let (log, _) = of(r#"{"path": "[a].csv"}"#).unwrap();
    assert_eq!(cells(&log), [["odd", "bracket"]]);
    let (log, _) = of(r#"{"path": "[a-b].csv"}"#).unwrap();
    assert_eq!(cells(&log), [["plain", "a"]]);
    let said = |definition: &str, words: &[&str]| {
        let text = of(definition).unwrap_err().to_string();
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    };
    said(
        r#"{"path": "x-*.csv"}"#,
        &[
            "no file matches",
            "x-*.csv",
            "correct `source.csv.path`; its folder has [a].csv, a.csv",
        ],
    );
    said(
        r#"{"path": "***.csv"}"#,
        &["as a pattern it is wrong", "`*` stands for any text"],
    );
    said(r#"{"path": "no/x-*.csv"}"#, &["no file matches"]);
    said(r#"{"path": "o*r.csv"}"#, &["no column `song_id`"]);
    std::fs::write(folder.path().join("log-3.csv"), "user_id,song_id,x\n").unwrap();
    said(
        r#"{"path": "log-?.csv"}"#,
        &["log-3.csv has other columns than", "log-1.csv"],
    );
}

#[test]
fn the_fingerprint_of_several_files_is_that_of_what_they_hold() {
    use musicrec_api::{Source as _, SourceContext};
    let print = |files: &[(&str, &[u8])]| {
        let folder = folder(files);
        let csv: crate::Csv = serde_json::from_str(r#"{"path": "*.csv"}"#).unwrap();
        csv.fingerprint(&SourceContext::new(folder.path(), 0))
            .unwrap()
    };
    let other: &[u8] = b"user_id,song_id\nu9,s9\n";
    let text = TEXT.as_bytes();
    let both = print(&[("1.csv", text), ("2.csv", other)]);
    assert_eq!(
        both,
        print(&[("a.csv", text), ("b.csv", other), ("c.tsv", b"")])
    );
    assert_ne!(both, print(&[("1.csv", other), ("2.csv", text)]));
    assert_ne!(
        both,
        print(&[("1.csv", text), ("2.csv", other), ("3.csv", other)])
    );
    // A pattern that only one file matches is that file.
    let one = folder(&[("1.csv", text)]);
    let csv: crate::Csv = serde_json::from_str(r#"{"path": "1.csv"}"#).unwrap();
    let alone = csv.fingerprint(&SourceContext::new(one.path(), 0)).unwrap();
    assert_eq!(print(&[("1.csv", text)]), alone);
}
