//! What is said of files that are not as they should be: each with its file, its line or row, its
//! column where there is one, and what to do.

use std::fmt::Write as _;

use super::{GZIP, ZSTD, cells, fault, folder, json, read, read_bytes};

/// The bytes of a file, parameters, and what the message must hold.
type Case<'a> = (&'a str, Vec<u8>, &'a str, &'a [&'a str]);

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let bytes = |unit: u16| {
        if little {
            unit.to_le_bytes()
        } else {
            unit.to_be_bytes()
        }
    };
    text.encode_utf16().flat_map(bytes).collect()
}

fn said(cases: &[Case]) {
    for (what, bytes, parameters, words) in cases {
        let error = read_bytes(bytes, json(parameters)).map(|_| ()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("a.csv"), "{what}: {text}");
        assert!(text.len() < 1500, "{what}: {} characters", text.len());
        for word in *words {
            assert!(text.contains(word), "{what}: no `{word}` in: {text}");
        }
    }
}

const TEXT: &str = "user_id,song_id\nu1,s1\nu2,s2\n";

#[test]
fn files_that_are_no_plain_text() {
    let mut marked = vec![0xff, 0xfe];
    marked.extend(utf16(TEXT, true));
    let mut nul_head = TEXT.to_owned();
    nul_head.insert(4, '\0');
    let late = format!("{TEXT}{}u,s\0\n", "u1,s1\n".repeat(3000));
    let early = "user_id,song_id\nu1,song 1\nu2,so\0ng 2\n";
    said(&[
        (
            "truncated gzip",
            GZIP[..70].to_vec(),
            "{}",
            &[
                "line 1 or soon after",
                "damaged or ends early",
                "fetch or pack the file again",
            ],
        ),
        (
            "truncated zstd",
            ZSTD[..70].to_vec(),
            "{}",
            &["damaged or ends early", "source.csv.path"],
        ),
        (
            "UTF-16",
            marked,
            "{}",
            &["is UTF-16", "iconv -f UTF-16 -t UTF-8"],
        ),
        (
            "UTF-16LE",
            utf16(TEXT, true),
            "{}",
            &["without a byte order mark", "iconv -f UTF-16LE"],
        ),
        (
            "UTF-16BE",
            utf16(TEXT, false),
            "{}",
            &["without a byte order mark", "iconv -f UTF-16BE"],
        ),
        (
            "NUL in the header",
            nul_head.into_bytes(),
            "{}",
            &[
                "the header is no text: it holds a NUL byte (cell 1)",
                "tr -d",
            ],
        ),
        (
            "NUL early",
            early.into(),
            "{}",
            &[
                "line 3 (row 2), column `song_id`: NUL byte",
                "tr -d",
                "bad_rows",
            ],
        ),
        (
            "NUL late",
            late.into_bytes(),
            "{}",
            &["line 3004 (row 3003), column `song_id`: NUL byte"],
        ),
        (
            "a Parquet file",
            b"PAR1....".to_vec(),
            "{}",
            &["is a Parquet file", "[source.parquet]"],
        ),
        (
            "JSON lines",
            b"{\"user_id\": 1, \"song_id\": 2}\n".to_vec(),
            "{}",
            &["JSON object", "[source.json_lines]"],
        ),
    ]);
    let (log, ledger) = read_bytes(early.as_bytes(), json(r#"{"bad_rows": "drop"}"#)).unwrap();
    assert_eq!(cells(&log), [["u1", "song 1"]]);
    assert_eq!(ledger.drops().next().unwrap().what, "NUL byte");
}

#[test]
fn truncated_in_the_middle() {
    use std::io::Write as _;
    let mut text = "user_id,song_id\n".to_owned();
    // Numbers that do not pack well, so that the file has many blocks.
    let mut state = 1u64;
    for _ in 0..100_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        writeln!(text, "u{},s{}", state >> 40, state >> 50).unwrap();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let error = fault(&packed[..packed.len() / 2], json("{}"), &["or soon after"]);
    let text = error.to_string();
    let line = text
        .split("line ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let line: u64 = line.parse().unwrap();
    assert!((30_000..70_000).contains(&line), "{text}");
}

#[test]
fn files_without_what_they_need() {
    said(&[
        (
            "empty",
            Vec::new(),
            "{}",
            &["is empty", "set `source.csv.path` to a file with rows"],
        ),
        (
            "blank lines",
            b"\n\r\n\n".to_vec(),
            "{}",
            &["nothing but empty lines", "source.csv.path"],
        ),
        (
            "header only",
            b"user_id,song_id\n".to_vec(),
            "{}",
            &["has a header but no row", "source.csv.path"],
        ),
        (
            "header only, no line end",
            b"user_id,song_id".to_vec(),
            "{}",
            &["has a header but no row"],
        ),
        (
            "no header",
            b"17,4711,2025-01-02\n18,4712,2025-01-02\n".to_vec(),
            "{}",
            &[
                "no column `user_id`; it has 17, 4711, 2025-01-02, which looks like a row",
                "source.csv.header = false",
                "its 3 columns",
                "source.csv.columns",
            ],
        ),
        (
            "no header, words",
            b"anna,yesterday\n".to_vec(),
            "{}",
            &[
                "no column `user_id`; it has anna, yesterday",
                "if the first line is a row already",
            ],
        ),
        (
            "columns twice",
            b"user_id,song_id,x,x,x\n1,2,3,4,5\n".to_vec(),
            "{}",
            &[
                "names the column `x` twice (the cells 3 and 4)",
                "rename one",
            ],
        ),
    ]);
}

#[test]
fn a_header_with_numbers_in_it_is_one() {
    let text = b"user_id,song,2024,2025\nu1,s1,1,2\n";
    let error = fault(
        text,
        json("{}"),
        &["no column `song_id`", "source.csv.item = \"song\""],
    );
    assert!(!error.to_string().contains("looks like a row"), "{error}");
}

#[test]
fn cells_that_are_separated_otherwise() {
    let mixed: &[u8] = b"user_id,song_id,play_count\nu1;s1;1\n";
    said(&[
        (
            "rows otherwise than the header",
            mixed.to_vec(),
            "{}",
            &[
                "line 2 (row 1): 1 cells where the header has 3 (u1;s1;1)",
                "separated by semicolons, others by commas: make them alike",
            ],
        ),
        (
            "semicolons",
            b"user_id;song_id\nu1;s1\n".to_vec(),
            "{}",
            &["are cells separated by semicolons? Set `source.csv.delimiter = \";\"`"],
        ),
        (
            "bars",
            b"user_id|song_id\nu1|s1\n".to_vec(),
            "{}",
            &["delimiter = \"|\""],
        ),
        (
            "tabs",
            b"user_id\tsong_id\nu1\ts1\n".to_vec(),
            "{}",
            &["delimiter = \"\\t\""],
        ),
        (
            "commas",
            b"user_id,song_id\nu1,s1\n".to_vec(),
            r#"{"delimiter": ";"}"#,
            &["delimiter = \",\""],
        ),
        // The comma separates too, but not what was asked for.
        (
            "decimal commas",
            b"user_id;song_id;seconds,played\nu1;s1;1,5\n".to_vec(),
            "{}",
            &["delimiter = \";\""],
        ),
        (
            "quoted, too",
            b"\"user_id\";\"song_id\"\n\"u1\";\"s1\"\n".to_vec(),
            "{}",
            &["delimiter = \";\""],
        ),
        (
            "without a header",
            b"u1;s1;1,5\n".to_vec(),
            r#"{"header": false, "columns": ["user_id", "song_id", "x"]}"#,
            &["has 3 names, but the first row", "delimiter = \";\""],
        ),
    ]);
    let (log, _) = read_bytes(b"user_id;song_id\nu1;s,1\n", json(r#"{"delimiter": ";"}"#)).unwrap();
    assert_eq!(cells(&log), [["u1", "s,1"]]);
}

#[test]
fn quotes_that_are_left_open() {
    let wide =
        "user_id,song_id,title,note\nu1,s1,\"t1,n1\nu2,s2,t2,n2\nu3,s3,\"t3\",n3\nu4,s4,t4,n4\n";
    let narrow = "user_id,song_id\nu1,\"s1\nu2,\"s2\"\n";
    let crlf = wide.replace('\n', "\r\n");
    let returns = wide.replace('\n', "\r");
    let words: &[&str] = &[
        "line 2 (row 1), column `title`: a quote is left open and closed 2 lines further down",
        "quotes = false",
        "bad_rows",
    ];
    said(&[
        (
            "to the end",
            b"user_id,song_id\nu1,\"s1\nu2,s2\n".to_vec(),
            "{}",
            &["line 2", "never closed"],
        ),
        (
            "of the header",
            b"user_id,\"song_id\nu1,s1\nu2,s2\n".to_vec(),
            "{}",
            &["no column `song_id`"],
        ),
        ("up to the same column", wide.into(), "{}", words),
        ("CRLF", crlf.into(), "{}", words),
        ("CR", returns.into(), "{}", words),
        (
            "two columns",
            narrow.into(),
            "{}",
            &["line 2 (row 1), column `song_id`: a quote is left open and closed 1 lines"],
        ),
        (
            "up to another column",
            b"user_id,song_id\nu1,\"s1\n\"u2\",s2\n".to_vec(),
            "{}",
            &["line 2 (row 1)", "it spans several lines", "quotes = false"],
        ),
    ]);
    let (log, ledger) = read_bytes(wide.as_bytes(), json(r#"{"bad_rows": "drop"}"#)).unwrap();
    assert_eq!(log.numbers(), [2]);
    assert_eq!(cells(&log)[0][0], "u4");
    let drop = ledger.drops().next().unwrap();
    assert_eq!(
        (drop.column.as_str(), drop.what.as_str()),
        ("title", "a quote left open")
    );
    // With quotes as characters nothing is swallowed.
    let (log, _) = read_bytes(wide.as_bytes(), json(r#"{"quotes": false}"#)).unwrap();
    assert_eq!(log.rows(), 4);
}

#[test]
fn cells_of_several_lines_are_believed() {
    for text in [
        "user_id,song_id\nu1,\"Once, twice\nthree, four, times\"\n",
        "user_id,song_id\nu1,\"a\nb\"\n",
        "user_id,song_id,note\nu1,s1,\"dear all,\n\n\"\"this\"\" is, well, nice\nbye\"\nu2,s2,\n",
        "user_id,song_id\nu1,\"a\n, b\"\n",
    ] {
        read_bytes(text.as_bytes(), json("{}")).unwrap();
    }
}

#[test]
fn long_lines_and_many_columns() {
    let long = "x".repeat(1 << 20);
    let text = format!("user_id,song_id\nu1,{long}\n{long},s2\n");
    let (log, _) = read_bytes(text.as_bytes(), json("{}")).unwrap();
    assert_eq!(log.column("song_id").unwrap().show(0), long);
    let ragged = format!("user_id,song_id\nu1,s1,{long}\n");
    let cells_of_one = format!("user_id,song_id\n{}\n", ",".repeat(1 << 20));
    let names: Vec<String> = (0..10_000).map(|at| format!("column {at}")).collect();
    let header = names.join(",");
    let same = format!("user_id,song_id{}\n", ",x".repeat(9_998));
    said(&[
        (
            "a long cell too many",
            ragged.into_bytes(),
            "{}",
            &["line 2 (row 1): 3 cells", "xx…"],
        ),
        (
            "a million cells",
            cells_of_one.into_bytes(),
            "{}",
            &["line 2 (row 1): 1048577 cells"],
        ),
        (
            "a long header",
            format!("{long}\n1\n").into_bytes(),
            "{}",
            &["no column `user_id`", "…"],
        ),
        (
            "10,000 columns, none wanted",
            format!("{header}\n").into_bytes(),
            "{}",
            &["no column `user_id`", "(10000 in all)"],
        ),
        (
            "10,000 columns of a name",
            same.into_bytes(),
            "{}",
            &["names the column `x` twice"],
        ),
        (
            "a million columns",
            format!("{}\n", ",".repeat(1 << 20)).into_bytes(),
            "{}",
            &["the first line has 1048577 cells", "65536"],
        ),
    ]);
    let mut good = format!("user_id,song_id,{header}\n");
    for row in 0..3 {
        writeln!(good, "u{row},s{row}{}", ",1".repeat(10_000)).unwrap();
    }
    let (log, _) = read_bytes(good.as_bytes(), json("{}")).unwrap();
    assert_eq!((log.rows(), log.columns().len()), (3, 10_002));
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    let folder = folder(&[]);
    let path = folder.path().join("a.csv");
    let file = |head: &[u8], filler: u8, rest: u64| {
        use std::io::Write as _;
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        file.write_all(head).unwrap();
        let block = vec![filler; 1 << 16];
        for _ in 0..rest >> 16 {
            file.write_all(&block).unwrap();
        }
        file.write_all(b"\nu2,s2\n").unwrap();
    };
    let said = |words: &[&str]| {
        let text = read(folder.path(), json(r#"{"path": "a.csv"}"#))
            .unwrap_err()
            .to_string();
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    };
    file(b"user_id,song_id\nu1,s1\n\nu1,", b'x', 40 << 20);
    said(&[
        "a.csv: the row that begins in line 4 has more than 16 MiB",
        "source.csv.quotes",
    ]);
    file(b"", b'x', 17 << 20);
    said(&["the row that begins in line 1 has more than 16 MiB"]);
    // Just above the limit, though all of it is read before it can be noticed.
    file(b"user_id,song_id\nu1,", b'x', (16 << 20) + (1 << 16));
    said(&["the row that begins in line 2 has more than 16 MiB"]);
    // Blank lines are no row, however many.
    file(b"user_id,song_id\nu1,s1\n", b'\n', 40 << 20);
    let (log, _) = read(folder.path(), json(r#"{"path": "a.csv"}"#)).unwrap();
    assert_eq!(cells(&log), [["u1", "s1"], ["u2", "s2"]]);
}
