//! Data that cannot be used as it is: one message that names file, row or column and the remedy, the
//! exit code of the table in `src/exit.rs`, and nothing written.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use common::case::Case;
use common::{Lab, log};

/// The good log and more.
fn with(more: &[u8]) -> Vec<u8> {
    [log().as_bytes(), more].concat()
}

fn packed() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(log().as_bytes()).expect("packing in memory");
    gzip.finish().expect("packing in memory")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn logs_that_cannot_be_read() {
    let mut truncated = packed();
    truncated.truncate(truncated.len() / 2);
    for case in [
        Case::log(
            "missing file",
            None,
            2,
            &["log.csv: there is no such file", "source.csv.path"],
        ),
        Case::log(
            "empty file",
            Some(Vec::new()),
            3,
            &["log.csv is empty", "source.csv.path"],
        ),
        Case::log(
            "blank lines only",
            Some(b"\n\n\n".to_vec()),
            3,
            &["log.csv", "nothing but empty lines", "source.csv.path"],
        ),
        Case::log(
            "header only",
            Some(b"user_id,song_id,timestamp\n".to_vec()),
            3,
            &["log.csv has a header but no row", "source.csv.path"],
        ),
        Case::log(
            "missing column",
            Some(log().replace("song_id", "song").into_bytes()),
            2,
            &[
                "log.csv has no column `song_id`",
                "user_id, song, timestamp",
                "source.csv.item = \"song\"",
            ],
        ),
        Case::log(
            "ragged row",
            Some(with(b"u1,s1\n")),
            3,
            &[
                "log.csv, line 602 (row 601): 2 cells where the header has 3",
                "source.csv.bad_rows = \"drop\"",
            ],
        ),
        Case::log(
            "not UTF-8",
            Some(with(b"u1,s\xff,1700099999\n")),
            3,
            &[
                "log.csv, line 602 (row 601), column `song_id`: not UTF-8",
                "iconv",
            ],
        ),
        Case::log(
            "not UTF-8 in the header",
            Some(
                [
                    b"user_id,song_id,timestamp,d\xe9vice\n".as_slice(),
                    b"a,b,1,d\n",
                ]
                .concat(),
            ),
            3,
            &["log.csv: the header is not UTF-8", "iconv"],
        ),
        Case::log(
            "truncated gzip",
            Some(truncated),
            3,
            &[
                "log.csv, line 1 or soon after: the packed data is damaged or ends early",
                "pack the file again",
            ],
        ),
        Case::log(
            "a column twice",
            Some(b"user_id,song_id,song_id,timestamp\na,b,c,1\n".to_vec()),
            3,
            &["log.csv", "`song_id`"],
        ),
        Case::log(
            "only impossible times",
            Some(log().replace(",17", ",x17").into_bytes()),
            3,
            &["timestamp"],
        ),
        Case::log(
            "no user with a test item: everybody is new every minute",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for row in 0..100 {
                    let _ = writeln!(text, "u{row},s{},{}", row % 7, common::time(row));
                }
                text.into_bytes()
            }),
            3,
            &[
                "no user has anything to foretell in the validation part",
                "unknown to the fit part",
                "splitter",
            ],
        ),
        Case::log(
            "no user with a test item: all is heard already",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for row in 0..100 {
                    let _ = writeln!(text, "u{},s{},{}", row % 3, row % 3, common::time(row));
                }
                text.into_bytes()
            }),
            3,
            &[
                "no user has anything to foretell",
                "heard before",
                "heard = \"keep\"",
            ],
        ),
        Case::log(
            "one moment only, so that no cut is possible",
            Some({
                let mut text = "user_id,song_id,timestamp\n".to_owned();
                for (user, item) in common::pairs(100) {
                    let _ = writeln!(text, "u{user},s{item},1700000000");
                }
                text.into_bytes()
            }),
            3,
            &["global_time", "empty"],
        ),
    ] {
        case.check();
    }
}

#[test]
fn a_packed_log_is_read_so_the_broken_one_is_to_blame() {
    let lab = Lab::small();
    lab.write("log.csv", packed());
    lab.done(&["sweep", "small.toml"]);
}

#[test]
fn a_folder_instead_of_a_file() {
    let lab = Lab::small();
    fs::create_dir(lab.path("folder")).expect("a folder");
    let set = "source.csv.path=folder";
    lab.run(&["sweep", "small.toml", "--set", set, "--out", "out"])
        .expect(2)
        .says(&["folder is a folder, not a file", "source.csv.path"]);
    assert!(!lab.path("out").exists());
}

#[test]
fn splits_that_cannot_be() {
    let times = (
        "[[cleaners]]\nparse_timestamps = { formats = [\"unix\"] }",
        "",
    );
    for case in [
        Case::definition(
            "a grid without validation",
            ("validation = 0.2", "validation = 0"),
            &[
                "variant `als` has 2 trials to choose from",
                "no validation part",
                "give the splitter a validation part, or each variant one setting",
            ],
        ),
        Case::definition("no test part", ("\ntest = 0.2", "\ntest = 0.0"), &["test"]),
        Case::definition(
            "shares that leave nothing to learn from",
            ("validation = 0.2", "validation = 0.8"),
            &[
                "`validation = 0.8` and `test = 0.2` leave nothing",
                "below 1",
            ],
        ),
        Case {
            name: "a validation part of one row, heard before",
            change: ("validation = 0.2", "validation = 0.000001"),
            log: Some(log().into_bytes()),
            code: 3,
            says: &[
                "anything to foretell in the validation part",
                "splitter",
                "heard",
            ],
        },
        Case {
            name: "a log without times",
            change: times,
            log: Some(
                log()
                    .lines()
                    .fold(String::new(), |mut text, line| {
                        let (cells, _) = line.rsplit_once(',').expect("a column of times");
                        let _ = writeln!(text, "{cells}");
                        text
                    })
                    .into_bytes(),
            ),
            code: 2,
            says: &["global_time", "times", "random"],
        },
    ] {
        case.check();
    }
}

#[test]
fn names_of_columns_do_nothing_to_a_terminal() {
    let lab = Lab::small();
    lab.write(
        "log.csv",
        "a\u{1b}[31mb\u{1b}]0;title\u{7},item,time\n1,2,3\n",
    );
    let definition = "[source.csv]\npath = \"log.csv\"\nuser = \"x\"\n\n[model.popularity]\n";
    lab.write("hostile.toml", definition);
    for command in ["check", "sweep"] {
        let ended = lab.run(&[command, "hostile.toml"]);
        assert!(ended.err.contains("it has a"), "{ended}");
        assert!(!ended.err.contains(['\u{1b}', '\u{7}']), "{:?}", ended.err);
    }
}
