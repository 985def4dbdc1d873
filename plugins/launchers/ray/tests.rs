mod driver;
mod head;

use std::num::NonZeroU32;
use std::path::Path;

use musicrec_api::{CheckContext, Engine as _, Launcher as _, Look, Step, Work};

use super::client::{fault, token};
use super::{Ray, bytes, gist};

const SECRET: &str = "0123456789abcdefsecret";

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
