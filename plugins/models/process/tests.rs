//! Commands of all kinds. They are scripts of `sh`, which the plugin needs itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use musicrec_api::{
    Asked, Cells, CheckContext, Column, Error, Events, FitContext, Log, Model, Note, Notes,
    Purpose, Roles, Scores, Train, Users,
};
use serde_json::{Value, json};

use super::Process;

/// Answers for everybody with everything, items in the order of their ids.
const GOOD: &str = r#"
echo user,item > answer.csv
tail -n +2 users.csv | while read -r user; do
    tail -n +2 items.csv | while read -r item; do echo "$user,$item"; done
done >> answer.csv
"#;

fn process(parameters: Value) -> Process {
    serde_json::from_value(parameters).expect("parameters of `process`")
}

/// What came of it: the lists, an item a letter, or the error; and the notes.
struct Outcome {
    lists: Result<Vec<String>, String>,
    notes: Vec<Note>,
}

impl Outcome {
    fn error(&self) -> &str {
        match &self.lists {
            Err(error) => error,
            Ok(lists) => panic!("it went well: {lists:?}"),
        }
    }

    fn note(&self, what: &str) -> &str {
        let note = self.notes.iter().find(|note| note.what == what);
        note.map_or("", |note| &note.text)
    }
}

/// u heard a and b, v heard b and c; both are asked.
fn train() -> Train {
    Train::new(
        Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")]),
        &[1.0, 2.5, 1.0, 1.0],
    )
}

/// Runs a script with the parameters given beside the command.
fn run_with(script: &str, more: &Value) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("model.sh"), script).expect("a script");
    let mut parameters = json!({"command": ["sh", "model.sh", "a word"]});
    let all = parameters.as_object_mut().expect("a table");
    all.extend(more.as_object().cloned().unwrap_or_default());
    fit(&process(parameters), folder.path())
}

fn fit(process: &Process, base: &Path) -> Outcome {
    let train = train();
    let notes = Notes::new();
    let asked = Asked::new(Purpose::Validation, 2, [(0, &[0, 1][..]), (1, &[1, 2])]);
    let context = FitContext::new(u64::from(u32::MAX) * 3)
        .with_asked(&asked)
        .with_base(base)
        .with_notes(&notes);
    let fitted = process.fit(&train, &context);
    let lists = fitted.map_err(|error| error.to_string()).map(|fitted| {
        let Scores::Lists(lists) = fitted.scores(&Users::new(&[0, 1])).expect("scores") else {
            panic!("these are no lists");
        };
        let of = |user| {
            let mut list = lists.get(user).expect("a list").to_vec();
            list.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            let items = list.iter().map(|(item, _)| train.events.items.get(*item));
            items.collect()
        };
        vec![of(0), of(1)]
    });
    Outcome {
        lists,
        notes: notes.all(),
    }
}

fn run(script: &str) -> Outcome {
    run_with(script, &json!({}))
}

#[test]
fn a_good_answer_is_taken_and_what_was_said_is_kept() {
    let said = run(&format!("{GOOD}\necho out; echo \"err $1 $#\" >&2"));
    assert_eq!(said.lists.as_ref().unwrap(), &["abc", "abc"]);
    assert_eq!(said.note("stdout"), "out\n");
    assert_eq!(said.note("stderr"), "err a word 1\n");
}

#[test]
fn scores_ranks_and_the_order_of_rows_all_say_who_is_first() {
    for answer in [
        "item,user,score,rank\na,u,-1e300,1\nb,u,0.5,2\nc,u,7,3\n",
        "user,rank,item\nu,3,a\nu,1,c\nu,2,b\n",
        "user,item,more\nu,c,x\nu,b,\nu,a,\n",
    ] {
        let lists = run(&format!("printf '{answer}' > answer.csv")).lists;
        assert_eq!(lists.unwrap(), ["cba", ""], "{answer}");
    }
}

#[test]
fn everything_is_told_in_files() {
    let script = format!(
        "{GOOD}\nfor f in *; do echo \"== $f\"; cat \"$f\"; done; echo $OMP_NUM_THREADS $MINE"
    );
    let more = json!({
        "parameters": {"factors": 8, "names": ["x", "y"]}, "events": true, "environment": {"MINE": "yes"},
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
    let told = pool.unwrap().install(|| run_with(&script, &more));
    let text = told.note("stdout");
    let file = |name: &str| {
        let (_, rest) = text.split_once(&format!("== {name}\n")).expect(name);
        rest.split("== ").next().unwrap_or_default()
    };
    assert_eq!(
        file("train.csv"),
        "user,item,weight\nu,a,1\nu,b,2.5\nv,b,1\nv,c,1\n"
    );
    assert_eq!(file("users.csv").trim_end(), "user\nu\nv\n3 yes");
    assert_eq!(file("items.csv"), "item\na\nb\nc\n");
    assert_eq!(file("masked.csv"), "user,item\nu,a\nu,b\nv,b\nv,c\n");
    assert_eq!(file("events.csv"), "user,item\nu,a\nu,b\nv,b\nv,c\n");
    let request: Value = serde_json::from_str(file("request.json")).unwrap();
    let base = request["definition_folder"].as_str().unwrap();
    assert!(Path::new(base).is_absolute());
    let expected = json!({
        "part": "validation", "period": 1, "seed": 3, "threads": 3, "depth": 2, "items": 3,
        "parameters": {"factors": 8, "names": ["x", "y"]}, "definition_folder": base,
    });
    assert_eq!(request, expected);
}

/// Two events, with all that a log can have.
fn events() -> Events {
    let text = |cells: [Option<&str>; 2]| Cells::Text(cells.into_iter().collect());
    let columns = [
        ("user_id", text([Some("u"), Some("v")])),
        ("song_id", text([Some("a, \"b\""), Some("c")])),
        ("timestamp", Cells::Time(vec![1_700_000_000, 1_700_000_060])),
        ("event_type", text([Some("play"), None])),
        ("play_count", Cells::Number(vec![2.0, f64::NAN])),
        ("listen_seconds", Cells::Number(vec![1.5, 0.25])),
        ("genre", text([None, Some("soul")])),
    ];
    let columns = columns.map(|(name, cells)| Column {
        name: name.to_owned(),
        cells,
    });
    let some = |name: &str| Some(name.to_owned());
    let roles = Roles {
        user: "user_id".to_owned(),
        item: "song_id".to_owned(),
        time: some("timestamp"),
        event: some("event_type"),
        plays: some("play_count"),
        seconds: some("listen_seconds"),
    };
    Events::from_log(Arc::new(Log::new(columns.into(), vec![1, 2], roles))).unwrap()
}

#[test]
fn events_have_what_the_log_has() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cat events.csv; printf 'user,item\\nu,c\\n' > answer.csv";
    fs::write(folder.path().join("model.sh"), script).unwrap();
    let train = Train::new(events(), &[1.0, 1.0]);
    let notes = Notes::new();
    let context = FitContext::new(0)
        .with_base(folder.path())
        .with_notes(&notes);
    let with = |columns: Value| json!({"command": ["sh", "model.sh"], "columns": columns});
    process(with(json!(["genre"])))
        .fit(&train, &context)
        .map(|_| ())
        .unwrap();
    let expected = "user,item,time,kind,plays,seconds,genre\n\
                    u,\"a, \"\"b\"\"\",1700000000,play,2,1.5,\n\
                    v,c,1700000060,,,0.25,soul\n";
    assert_eq!(notes.all()[0].text, expected);
    let error = process(with(json!(["gnre"]))).fit(&train, &context);
    assert!(error.is_err_and(|error| error.to_string().contains("gnre")));
}

#[test]
fn answers_that_no_list_can_be_are_refused_with_their_line() {
    for (answer, words) in [
        (
            "user,item\\nu,a\\nU,a\\n",
            &["line 3: there is no user `U` among the 2 users"][..],
        ),
        (
            "user,item\\r\\nu,a\\r\\nU,a\\r\\n",
            &["line 3: there is no user `U` among the 2 users"],
        ),
        (
            "user,item\\nu,a\\nu,d\\n",
            &["line 3: there is no item `d` among the 3 items"],
        ),
        (
            "user,item\\nu, a\\n",
            &["line 2: there is no item ` a`", "is it `a`?"],
        ),
        (
            "user,item\\nu,a\\nv,a\\nu,a\\n",
            &["line 4: user `u` has item `a` in line 2 already"],
        ),
        (
            "user,item,score\\nu,a,1\\nu,b,nan\\n",
            &["line 3: the score `nan` is not a finite number"],
        ),
        ("user,item,score\\nu,a,inf\\n", &["line 2: the score `inf`"]),
        ("user,item,score\\nu,a,\\n", &["line 2: the score ``"]),
        ("user,item,rank\\nu,a,0\\n", &["line 2: the rank `0`"]),
        (
            "user,item,rank\\nu,a,1\\nu,b,1\\n",
            &["line 3: user `u` has another item at rank 1, in line 2"],
        ),
        (
            "usr,item\\nu,a\\n",
            &["no column `user`", "names usr, item", "is it `usr`?"],
        ),
        ("user\\nu\\n", &["no column `item`"]),
        ("", &["no column `user`", "it is empty"]),
        ("user,item\\nu,a\\nu\\n", &["line: 3", "as many cells"]),
        ("user,item\\n", &["recommends nothing to anybody"]),
    ] {
        let outcome = run(&format!("printf '{answer}' > answer.csv"));
        for words in words.iter().chain(&["answer.csv of `sh model.sh a word`"]) {
            let error = outcome.error();
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    }
}

#[test]
fn a_list_may_be_short_or_missing() {
    let outcome = run("printf 'user,item\\nu,c\\nu,a\\n' > answer.csv");
    assert_eq!(outcome.lists.unwrap(), ["ca", ""]);
}

#[test]
fn a_command_that_fails_is_told_with_what_it_said() {
    let failed = run("echo working; echo 'no module named x' >&2; exit 3");
    for words in [
        "`sh model.sh a word` failed with exit code 3",
        "the last it said: no module named x",
    ] {
        assert!(failed.error().contains(words), "{}", failed.error());
    }
    assert_eq!(failed.note("stderr"), "no module named x\n");
    let killed = run("kill -s SEGV $$");
    assert!(
        killed
            .error()
            .contains("ended by signal 11 (SIGSEGV); it said nothing"),
        "{}",
        killed.error()
    );
    let silent = run("echo done");
    let words = "ended well, but did not write `answer.csv` into the folder that it was started in";
    assert!(silent.error().contains(words), "{}", silent.error());
    let folder = tempfile::tempdir().unwrap();
    let absent = fit(
        &process(json!({"command": ["no-such-program"]})),
        folder.path(),
    );
    for words in ["cannot start `no-such-program`", "looked for on the PATH"] {
        assert!(absent.error().contains(words), "{}", absent.error());
    }
}

#[test]
fn of_much_that_is_said_the_end_is_kept() {
    let script =
        "i=0; while [ $i -lt 20000 ]; do echo \"line $i of many\"; i=$((i + 1)); done >&2; exit 1";
    let outcome = run(script);
    let text = outcome.note("stderr");
    assert!(text.len() < 17 << 10, "{} bytes", text.len());
    assert!(
        text.starts_with('[') && text.contains("bytes and the rest of a line are left out]\nline ")
    );
    assert!(text.ends_with("line 19999 of many\n"));
}

/// Whether a process is there and no zombie, by its number in a file that it may not have written yet.
fn lives(file: &Path) -> bool {
    let number = fs::read_to_string(file).unwrap_or_default();
    if number.trim().is_empty() {
        // Without a number it would be the state of the whole machine.
        return false;
    }
    let state = fs::read_to_string(format!("/proc/{}/stat", number.trim()));
    state.is_ok_and(|state| !state.contains(") Z "))
}

fn dies(file: &Path) -> bool {
    // A busy machine takes its time.
    (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !lives(file)
    })
}

/// Starts a child that lives longer than the test, says its number, and waits for it.
fn long(numbers: &Path) -> String {
    format!(
        "sleep 60 & echo $! > {0}/child; echo started >&2; wait",
        numbers.display()
    )
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let numbers = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let outcome = run_with(&long(numbers.path()), &json!({"timeout": 0.5}));
    assert!(begun.elapsed() < Duration::from_secs(20));
    for words in [
        "took longer than `timeout` allows (0.5 seconds)",
        "the last it said: started",
    ] {
        assert!(outcome.error().contains(words), "{}", outcome.error());
    }
    assert_eq!(outcome.note("stderr"), "started\n");
    assert!(
        !fs::read_to_string(numbers.path().join("child"))
            .unwrap()
            .is_empty()
    );
    assert!(dies(&numbers.path().join("child")));
}

#[test]
fn children_that_are_left_behind_are_killed_and_keep_nobody_waiting() {
    let numbers = tempfile::tempdir().unwrap();
    let script = format!(
        "{GOOD}\nsleep 60 & echo $! > {}/child",
        numbers.path().display()
    );
    let begun = Instant::now();
    assert_eq!(run(&script).lists.unwrap(), ["abc", "abc"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(dies(&numbers.path().join("child")));
}

#[test]
fn a_sweep_that_stops_stops_the_command() {
    let numbers = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.sh"), long(numbers.path())).unwrap();
    let process = process(json!({"command": ["sh", "model.sh"]}));
    let flag = AtomicBool::new(false);
    let child = numbers.path().join("child");
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !lives(&child) {
                std::thread::sleep(Duration::from_millis(5));
            }
            flag.store(true, Ordering::Relaxed);
        });
        let context = FitContext::new(0)
            .with_base(folder.path())
            .with_cancel(&flag);
        process.fit(&train(), &context).map(|_| ())
    });
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert!(dies(&child));
}

#[test]
fn its_name_hangs_on_the_scripts_and_what_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("model.sh", "1");
    write("helper.sh", "1");
    write("other.sh", "1");
    let of = |parameters| {
        process(parameters)
            .fingerprint(folder.path())
            .unwrap()
            .unwrap()
    };
    let plain = || of(json!({"command": ["sh", "model.sh"]}));
    let watching = || of(json!({"command": ["sh", "model.sh"], "watch": ["helper.sh"]}));
    let before = (plain(), watching());
    assert_ne!(before.0, before.1);
    write("other.sh", "2");
    assert_eq!((plain(), watching()), before);
    write("helper.sh", "2");
    assert_eq!(plain(), before.0);
    assert_ne!(watching(), before.1);
    write("model.sh", "2");
    assert_ne!(plain(), before.0);
}

#[test]
fn what_is_missing_is_found_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there.py"), "").unwrap();
    let columns = ["user_id".to_owned(), "genre".to_owned()];
    let context = CheckContext::new(folder.path()).with_columns(&columns);
    let check = |parameters| {
        let problems = process(parameters).check(&context);
        problems
            .into_iter()
            .map(|p| p.parameter)
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(
        check(json!({"command": ["python3", "there.py", "a.txt", "--x.py"]})),
        none
    );
    assert_eq!(check(json!({"command": []})), ["command"]);
    assert_eq!(check(json!({"command": [""]})), ["command.0"]);
    assert_eq!(
        check(json!({"command": ["./there", "gone.py"]})),
        ["command.0", "command.1"]
    );
    let more = json!({"command": ["x"], "watch": ["there.py", "."], "columns": ["genre", "gnre"]});
    assert_eq!(check(more), ["watch.1", "columns.1"]);
    assert_eq!(
        check(json!({"command": ["x"], "environment": {"A=B": ""}})),
        ["environment"]
    );
    let dated: toml::Value =
        toml::from_str("command = [\"x\"]\nparameters.a = [{ on = 2025-01-01 }]").unwrap();
    // A date has no counterpart in JSON, which the command is given: it is a text there.
    let dated: Process = dated.try_into().unwrap();
    assert_eq!(dated.parameters["a"], json!([{ "on": "2025-01-01" }]));
}
