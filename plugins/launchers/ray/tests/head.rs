//! The launcher with a pretended head, which answers as it likes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use musicrec_api::{Job, Look};

use super::super::client::Client;
use super::super::{Ray, look};
use super::{SECRET, work};

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
