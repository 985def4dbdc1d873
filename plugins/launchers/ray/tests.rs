mod driver;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use musicrec_api::{CheckContext, Engine as _, Job, Launcher as _, Look, Step, Work};

use super::client::{Client, fault, token};
use super::{Ray, bytes, gist, look};

const SECRET: &str = "0123456789abcdefsecret";

/// What a pretended head does with a request.
enum Does {
    Answers(u16, &'static str),
    /// Takes the job that it is sent.
    Takes,
    Closes,
    Hangs,
    Babbles,
}
use Does::{Answers, Babbles, Closes, Hangs, Takes};

/// A head that gets as many requests as there are deeds, and returns them.
fn head(deeds: Vec<Does>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut held = Vec::new();
        let deeds = deeds.into_iter().map(|deed| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = request(&stream);
            let id = request
                .split("submission_id\":\"")
                .nth(1)
                .unwrap_or_default();
            let id = id.split('"').next().unwrap_or_default().to_owned();
            match deed {
                Answers(status, body) => answer(&mut stream, status, body),
                Takes => answer(&mut stream, 200, &format!(r#"{{"submission_id": "{id}"}}"#)),
                Closes => {}
                Hangs => held.push(stream),
                Babbles => stream.write_all(b"220 mail.example ESMTP\r\n").unwrap(),
            }
            request
        });
        let requests = deeds.collect();
        // Held until whoever asked has had enough.
        for mut stream in held {
            let _ = stream.read_to_end(&mut Vec::new());
        }
        requests
    };
    (address, std::thread::spawn(serve))
}

fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let start = text.len();
        reader.read_line(&mut text).unwrap();
        let line = text[start..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
}

fn client(address: &str, token: Option<&str>) -> Client {
    let patience = Duration::from_millis(300);
    let mut client = Client::new(address, "MY_TOKEN", token.map(str::to_owned), patience);
    client.pause = Duration::from_millis(1);
    client
}

fn work(logs: &Path) -> Work {
    let step = |name: &str, units| Step {
        name: name.to_owned(),
        units,
    };
    Work::new(
        "my songs",
        (
            "/shared/it's".into(),
            "/opt/musicrec-lab".into(),
            logs.to_owned(),
        ),
        vec![step("prepare", vec![0]), step("validation", vec![1, 2, 5])],
    )
}

fn jobs(units: [Vec<u32>; 2]) -> Vec<Job> {
    let jobs = units.into_iter().enumerate();
    let jobs = jobs.map(|(step, units)| Job {
        id: "musicrec-7".to_owned(),
        step,
        units,
    });
    jobs.collect()
}

/// What a submission to a head that does this comes to: the jobs told, the error, the requests.
fn submitted(deeds: Vec<Does>, token: Option<&str>) -> (Vec<Job>, Option<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (address, head) = head(deeds);
    let mut told = Vec::new();
    let result = Ray::default().hand_over(
        &client(&address, token),
        &work(folder.path()),
        "musicrec-7",
        &mut |job| {
            told.push(job);
            Ok(())
        },
    );
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(SECRET));
    }
    (
        told,
        result.err().map(|error| error.to_string()),
        head.join().unwrap(),
    )
}

#[test]
fn a_job_is_handed_over_once_and_told_for_each_step() {
    let (told, error, requests) = submitted(vec![Takes], Some(SECRET));
    assert_eq!(error, None);
    assert_eq!(told, jobs([vec![0], vec![1, 2, 5]]));
    let request = &requests[0];
    assert!(
        request.starts_with("POST /api/jobs/ HTTP/1.1\r\n"),
        "{request}"
    );
    let lower = request.to_ascii_lowercase();
    assert!(
        lower.contains(&format!("authorization: bearer {SECRET}")),
        "{request}"
    );
    assert!(
        lower.contains("content-type: application/json"),
        "{request}"
    );
    assert_eq!(request.matches(SECRET).count(), 1, "{request}");
}

#[test]
fn a_head_that_is_not_ready_or_whose_answer_was_lost_is_asked_again() {
    let early = Answers(
        500,
        "No available agent to submit job, please try again later.",
    );
    let (told, error, requests) = submitted(vec![early, Takes], None);
    assert_eq!((told.len(), error, requests.len()), (2, None, 2));
    assert_eq!(requests[0], requests[1]);
    let exists = "Traceback (most recent call last):\nValueError: Job with submission_id musicrec-7 already \
                  exists. Please use a different submission_id.\n";
    for lost in [Closes, Hangs] {
        let (told, error, _) = submitted(vec![lost, Answers(500, exists)], None);
        assert_eq!((told.len(), error), (2, None));
    }
}

#[test]
fn a_job_that_may_have_been_taken_is_told_and_one_that_was_not_is_not() {
    let (told, error, _) = submitted(vec![Hangs, Closes, Hangs], None);
    assert_eq!(told.len(), 2);
    assert!(error.unwrap().contains("does not answer"));
    let (told, error, _) = submitted(vec![Answers(400, "no such field")], None);
    assert_eq!(told.len(), 0);
    assert!(error.unwrap().contains("no such field"));
    let (told, error, _) = submitted(vec![Babbles], None);
    assert_eq!(told.len(), 0);
    assert!(error.unwrap().contains("does not answer"));
}

#[test]
fn an_error_says_what_to_do() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = format!("http://{nobody}");
    let error = look(&client(&nobody, None), &jobs([vec![0], vec![1]]))
        .unwrap_err()
        .to_string();
    for named in [
        nobody.as_str(),
        "refused",
        "ray start --head",
        "`address`",
        "RAY_ADDRESS",
    ] {
        assert!(error.contains(named), "{named}: {error}");
    }
    let html = "<html>\n<body>Not here</body>";
    for (deed, token, named) in [
        (
            Answers(401, "Unauthorized: Missing authentication token"),
            None,
            "wants a token",
        ),
        (
            Answers(401, "Unauthorized: Missing authentication token"),
            None,
            "MY_TOKEN",
        ),
        (
            Answers(403, "Forbidden"),
            Some(SECRET),
            "refuses the token (variable MY_TOKEN",
        ),
        (
            Answers(404, html),
            None,
            "is not how Ray's Jobs API answers (<body>Not here</body>)",
        ),
        (
            Answers(302, ""),
            None,
            "is not how Ray's Jobs API answers (it said nothing)",
        ),
        (
            Answers(200, html),
            None,
            "is not how Ray's Jobs API answers",
        ),
        (
            Answers(200, r#"{"status": 7}"#),
            None,
            "is not how Ray's Jobs API answers",
        ),
        (
            Answers(500, "Traceback\nKeyError: 'x'\n\n"),
            None,
            "answered 500 to GET /api/jobs/musicrec-7: KeyError",
        ),
        (Babbles, None, "does not answer"),
        (Closes, None, "does not answer"),
        (Hangs, None, "timeout"),
    ] {
        let (address, head) = head(vec![deed]);
        let asked = look(&client(&address, token), &jobs([vec![0], vec![1]]));
        let error = asked.unwrap_err().to_string();
        head.join().unwrap();
        assert!(
            error.contains(named) && error.contains(&address),
            "{named}: {error}"
        );
        assert!(!error.contains(SECRET), "{error}");
    }
}

#[test]
fn a_job_lives_until_ray_says_otherwise() {
    let seen = |status, body| -> Look {
        let (address, head) = head(vec![Answers(status, body)]);
        let look = look(&client(&address, None), &jobs([vec![0], vec![1, 2, 5]])).unwrap();
        let requests = head.join().unwrap();
        assert!(
            requests[0].starts_with("GET /api/jobs/musicrec-7 "),
            "{requests:?}"
        );
        look
    };
    // As Ray 2.60 answers.
    let running = r#"{"type": "SUBMISSION", "job_id": "02000000", "submission_id": "musicrec-7", "driver_info": {"id": "02000000", "node_ip_address": "10.77.0.2", "pid": "583"}, "status": "RUNNING", "entrypoint": "python x", "message": "Job is currently running.", "error_type": null, "start_time": 1796052345651, "end_time": null, "metadata": {"folder": "/nowhere"}, "runtime_env": null, "driver_exit_code": null}"#;
    let failed = r#"{"type": "SUBMISSION", "job_id": null, "submission_id": "musicrec-7", "status": "FAILED", "message": "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\nstep b: 8 units\nunit 5 ended with exit code 3; its output is in unit-5.out\n{\"done\": 7, \"troubled\": 1}\n", "metadata": null}"#;
    let pending = r#"{"status": "PENDING", "message": "Job has not started yet."}"#;
    for (status, body, waiting) in [
        (200, pending, 4),
        (200, running, 4),
        (200, r#"{"status": "SUCCEEDED"}"#, 0),
        (200, r#"{"status": "STOPPED"}"#, 0),
        (404, "Job musicrec-7 does not exist", 0),
    ] {
        let look = seen(status, body);
        assert_eq!(
            (look.waiting, look.running, look.says.len()),
            (waiting, 0, 0),
            "{body}"
        );
    }
    let look = seen(200, failed);
    assert!(!look.lives());
    assert!(
        look.says[0]
            .ends_with("failed: unit 5 ended with exit code 3; its output is in unit-5.out"),
        "{look:?}"
    );
}

#[test]
fn a_driver_tells_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("musicrec-7.state");
    let details = format!(
        r#"{{"status": "RUNNING", "metadata": {{"folder": {:?}}}}}"#,
        folder.path()
    );
    for (state, expected) in [
        (r#"{"left": 3, "room": 2, "says": []}"#, (1, 2, 0)),
        (r#"{"left": 3, "room": 0, "says": ["no node"]}"#, (3, 0, 1)),
        (r#"{"left": 0, "room": 9, "says": []}"#, (0, 0, 0)),
        (r#"{"left": "#, (4, 0, 0)),
    ] {
        std::fs::write(&path, state).unwrap();
        let mut look = Look::default();
        super::add(
            &mut look,
            "musicrec-7",
            4,
            &serde_json::from_str(&details).unwrap(),
        );
        assert_eq!(
            (look.waiting, look.running, look.says.len()),
            expected,
            "{state}"
        );
    }
}

#[test]
fn a_job_that_is_over_or_forgotten_can_be_ended_again() {
    for deed in [
        Answers(200, r#"{"stopped": true}"#),
        Answers(200, r#"{"stopped": false}"#),
        Answers(404, "Job musicrec-7 does not exist"),
    ] {
        let (address, head) = head(vec![deed]);
        client(&address, None).stop("musicrec-7").unwrap();
        assert!(head.join().unwrap()[0].starts_with("POST /api/jobs/musicrec-7/stop "));
    }
    let (address, head) = head(vec![Answers(500, "ValueError: no agent")]);
    let error = client(&address, None).stop("musicrec-7").unwrap_err();
    head.join().unwrap();
    assert!(error.to_string().contains("no agent"), "{error}");
}

type Variable = (&'static str, String);

fn found(named: &str, all: &[&Variable]) -> musicrec_api::Result<Option<String>> {
    token(named, |name| {
        all.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    })
}

fn get(named: &str, all: &[&Variable]) -> Option<String> {
    found(named, all).unwrap()
}

#[test]
fn a_token_is_looked_for_where_ray_does() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    std::fs::create_dir(path(".ray")).unwrap();
    std::fs::write(path(".ray/auth_token"), "of-home\n").unwrap();
    std::fs::write(path("token"), "of-path\n").unwrap();
    let own = ("RAY_AUTH_TOKEN", "of-variable".to_owned());
    let at = ("RAY_AUTH_TOKEN_PATH", path("token"));
    let in_home = ("HOME", path(""));
    let ray = "RAY_AUTH_TOKEN";
    assert_eq!(
        get(ray, &[&own, &at, &in_home]).as_deref(),
        Some("of-variable")
    );
    assert_eq!(get(ray, &[&at, &in_home]).as_deref(), Some("of-path"));
    assert_eq!(get(ray, &[&in_home]).as_deref(), Some("of-home"));
    assert_eq!(get(ray, &[]), None);
    assert_eq!(get("MINE", &[&own, &at, &in_home]), None);
    assert_eq!(
        get("MINE", &[&("MINE", "mine".to_owned())]).as_deref(),
        Some("mine")
    );
    let lost = found(ray, &[&("RAY_AUTH_TOKEN_PATH", path("lost"))])
        .unwrap_err()
        .to_string();
    assert!(lost.contains(&path("lost")), "{lost}");
    let torn = found(ray, &[&(ray, format!("{SECRET}\nX: y"))])
        .unwrap_err()
        .to_string();
    assert!(
        torn.contains("get-auth-token") && !torn.contains(SECRET),
        "{torn}"
    );
}

#[test]
fn what_cannot_work_is_refused_before() {
    let problems = |ray: Ray| -> Vec<String> {
        let problems = ray.check(&CheckContext::new("".as_ref())).into_iter();
        problems.map(|problem| problem.parameter).collect()
    };
    assert!(problems(Ray::default()).is_empty());
    let bad = Ray {
        address: Some("https://head:8265".into()),
        python: " ".into(),
        mem: Some("8".into()),
        resources: [("CPU", 1.0), ("fast", 0.5), ("slow", 1.5), ("none", 0.0)]
            .map(|(name, amount)| (name.to_owned(), amount))
            .into(),
        token_variable: "abc-def".into(),
        ..Ray::default()
    };
    let expected = "address python token_variable mem resources.CPU resources.none resources.slow";
    assert_eq!(problems(bad).join(" "), expected);
    for good in [
        "http://127.0.0.1:8265",
        "http://head",
        "http://[::1]:8265/",
        "http://proxy/ray",
    ] {
        assert_eq!(fault(good), None, "{good}");
    }
    for bad in [
        "",
        "head:8265",
        "ray://head:10001",
        "http://",
        "http://a b",
        "http://h/?x=1",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
    let (message, _) = fault("http://me:secret@head").unwrap();
    assert!(!message.contains("secret"), "{message}");
    assert_eq!(
        ["8G", "800m", "1T"].map(bytes),
        [Some(8 << 30), Some(800 << 20), Some(1 << 40)]
    );
    assert_eq!(
        ["", "G", "0G", "8GB", "8 G", "-1G", "8é", "99999999T"].map(bytes),
        [None; 8]
    );
}

#[test]
fn the_address_is_that_of_the_file_then_of_the_variable() {
    let own = Ray {
        address: Some("http://own".into()),
        ..Ray::default()
    };
    let said = || Some("http://said:1".to_owned());
    assert_eq!(own.head(said()).unwrap(), "http://own");
    assert_eq!(Ray::default().head(said()).unwrap(), "http://said:1");
    for other in [
        None,
        Some("10.0.0.1:6379".to_owned()),
        Some("auto".to_owned()),
    ] {
        assert_eq!(Ray::default().head(other).unwrap(), "http://127.0.0.1:8265");
    }
    let error = Ray::default()
        .head(Some("https://head".into()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("RAY_ADDRESS") && error.contains("tunnel"),
        "{error}"
    );
}

#[test]
fn a_draft_shows_the_request_and_the_options_of_a_task() {
    let ray = Ray {
        address: Some("http://head:8265/".into()),
        python: "/opt/my python".into(),
        cpus: NonZeroU32::new(4).unwrap(),
        mem: Some("1G".into()),
        ..Ray::default()
    };
    let draft = ray.draft(&work("/shared/it's/logs".as_ref())).unwrap();
    for named in [
        "POST http://head:8265/api/jobs/\n",
        r#""entrypoint": "'/opt/my python' '/shared/it'\\''s/logs/musicrec-ID.py' '/sh"#,
        r#""experiment": "my songs""#,
        r#"{"num_cpus":4,"max_retries":3,"memory":1073741824}"#,
        "# validation: units 1-2,5, once all before are over\n",
        r"/opt/musicrec-lab unit '/shared/it'\''s' --index N",
        "RAY_AUTH_TOKEN",
    ] {
        assert!(draft.contains(named), "{named}: {draft}");
    }
}

#[test]
fn a_message_is_told_by_the_last_lines_that_say_something() {
    let failed = "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 \
                  chars):\n2026-11-30 15:40:53,485\tINFO job_manager.py:581 -- Runtime env is setting up.\n\
                  Running entrypoint for job musicrec-7: python x.py x.json\n";
    let with = |lines: &str| gist(&format!("{failed}{lines}"));
    assert_eq!(
        with("step a: 1 units\n"),
        "Job entrypoint command failed with exit code 1"
    );
    assert_eq!(with("1\n2\n\n3\n  4\n{\"done\": 1}\n"), "2; 3; 4");
    let hint = "(`python` in [launcher.ray] is to name the Python on the head that has Ray)";
    let shell = "/bin/sh: 1: /no/python: not found";
    assert_eq!(with(shell), format!("{shell} {hint}"));
    let traceback = "Traceback (most recent call last):\n  File \"/x.py\", line 9, in main\n    import ray\n\
                     ModuleNotFoundError: No module named 'ray'\n";
    assert!(with(traceback).ends_with(&format!(
        "import ray; ModuleNotFoundError: No module named 'ray' {hint}"
    )));
    assert_eq!(
        gist("Job supervisor actor failed to start within 900 s."),
        "Job supervisor actor failed to start within 900 s."
    );
}
