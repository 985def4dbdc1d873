//! Ray's Jobs API, over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use musicrec_api::{Error, Result};
use serde::{Deserialize, Serialize};
use ureq::http::{Request, Uri};

/// Where Ray itself looks for a token.
pub(super) const TOKEN_VARIABLE: &str = "RAY_AUTH_TOKEN";

/// A job to be run.
#[derive(Debug, Serialize)]
pub(super) struct Submission {
    #[serde(rename = "submission_id")]
    pub(super) id: String,
    /// A line of shell.
    pub(super) entrypoint: String,
    /// What Ray shows with the job, and gives back with its [`Details`].
    pub(super) metadata: BTreeMap<String, String>,
}

/// What Ray says of a job, as far as anybody here needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Details {
    pub(super) status: String,
    pub(super) message: Option<String>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// Why a job was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// Whether it may have been taken all the same: the answer was lost.
    pub(super) doubtful: bool,
}

/// What is wrong with an address, and what to write instead.
pub(super) fn fault(address: &str) -> Option<(String, &'static str)> {
    const EXAMPLE: &str = "write http://HOST:8265, the address of Ray's dashboard";
    if address.starts_with("https://") {
        return Some((
            format!("`{address}` asks for TLS, which this program does not have"),
            "open a tunnel to the head, for example `ssh -L 8265:localhost:8265 HEAD`, and write \
             http://localhost:8265",
        ));
    }
    if address.contains('@') {
        // Not repeated: what stands before it is a secret.
        return Some((
            "the address has a user or password in it".to_owned(),
            "leave it out; a token goes into the variable that `token_variable` names",
        ));
    }
    let uri = address.parse::<Uri>().ok();
    let fits = |uri: Uri| {
        uri.scheme_str() == Some("http")
            && uri.query().is_none()
            && uri.host().is_some_and(|host| !host.is_empty())
    };
    (!uri.is_some_and(fits)).then(|| {
        (
            format!("`{address}` is no address of a head of Ray"),
            EXAMPLE,
        )
    })
}

/// The token, looked for as Ray does: in the variable `named`; if that is Ray's own, then in the file that
/// `RAY_AUTH_TOKEN_PATH` names, then in `~/.ray/auth_token`. `variable` reads a variable.
pub(super) fn token(
    named: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>> {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path)
            .map_err(|e| Error::io(format!("cannot read Ray's token in {}", path.display()), e))
    };
    let own = variable(named).filter(|token| !token.trim().is_empty());
    let found = if own.is_some() || named != TOKEN_VARIABLE {
        own
    } else if let Some(path) = variable("RAY_AUTH_TOKEN_PATH").filter(|path| !path.is_empty()) {
        Some(read(path.into())?)
    } else {
        let home = variable("HOME").map(|home| PathBuf::from(home).join(".ray/auth_token"));
        home.filter(|path| path.exists()).map(read).transpose()?
    };
    let found = found.map(|token| token.trim().to_owned());
    if found
        .as_ref()
        .is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic()))
    {
        return Err(Error::engine(format!(
            "Ray's token (variable {named}, or the file that Ray reads) has characters that no token has: \
             put in what `ray get-auth-token` prints"
        )));
    }
    Ok(found)
}

/// One head of Ray.
pub(super) struct Client {
    address: String,
    /// The variable in which the token is looked for, to be named where it is missing.
    named: String,
    token: Option<String>,
    agent: ureq::Agent,
    /// How long to wait until a head that is not ready is asked again.
    pub(super) pause: Duration,
}

/// What came back.
struct Answer {
    status: u16,
    text: String,
}

impl Client {
    /// A head at an address without [`fault`], each of whose answers may take `patience`.
    pub(super) fn new(
        address: &str,
        named: &str,
        token: Option<String>,
        patience: Duration,
    ) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // One that sends elsewhere (to a page where people log in, say) is no head of Ray.
            .max_redirects(0)
            .timeout_connect(Some(patience.min(Duration::from_secs(10))))
            .timeout_global(Some(patience));
        Self {
            address: address.trim_end_matches('/').to_owned(),
            named: named.to_owned(),
            token,
            agent: config.build().new_agent(),
            pause: Duration::from_secs(2),
        }
    }

    /// Has a job run. The same one may be handed over again: its id stands for it.
    pub(super) fn submit(&self, job: &Submission) -> Result<(), Refusal> {
        let body = serde_json::to_string(job).expect("texts are JSON");
        let path = "/api/jobs/";
        let (mut tries, mut doubtful) = (3, false);
        loop {
            let error = match self.ask("POST", path, &body) {
                Ok(answer) if answer.status == 200 && answer.names(&job.id) => {
                    return Ok(());
                }
                // An earlier try came through, and its answer did not.
                Ok(answer) if answer.status == 500 && answer.text.contains("already exists") => {
                    return Ok(());
                }
                // A head that has just been started has no agent yet.
                Ok(answer) if answer.status >= 500 => self.refused("POST", path, &answer),
                Ok(answer) => {
                    let error = self.refused("POST", path, &answer);
                    return Err(Refusal { error, doubtful });
                }
                Err(error) if is_absent(&error) => {
                    let error = self.silent(&error);
                    return Err(Refusal { error, doubtful });
                }
                Err(error) => self.silent(&error),
            };
            doubtful = true;
            tries -= 1;
            if tries == 0 {
                return Err(Refusal { error, doubtful });
            }
            std::thread::sleep(self.pause);
        }
    }

    /// What Ray says of a job; `None` if it knows none of that id.
    pub(super) fn job(&self, id: &str) -> Result<Option<Details>> {
        let path = format!("/api/jobs/{id}");
        let answer = self.ask("GET", &path, "").map_err(|e| self.silent(&e))?;
        match answer.status {
            200 => serde_json::from_str(&answer.text)
                .map(Some)
                .map_err(|_| self.stranger("GET", &path, &answer)),
            404 if answer.is_unknown_job() => Ok(None),
            _ => Err(self.refused("GET", &path, &answer)),
        }
    }

    /// Ends a job. One that is over, or that Ray does not know, is no error.
    pub(super) fn stop(&self, id: &str) -> Result<()> {
        let path = format!("/api/jobs/{id}/stop");
        let answer = self.ask("POST", &path, "").map_err(|e| self.silent(&e))?;
        match answer.status {
            200 => Ok(()),
            404 if answer.is_unknown_job() => Ok(()),
            _ => Err(self.refused("POST", &path, &answer)),
        }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = if method == "GET" {
            self.agent.run(request.body(())?)
        } else {
            let request = request.header("Content-Type", "application/json");
            self.agent.run(request.body(body)?)
        };
        let mut answer = answer?;
        let text = answer.body_mut().read_to_vec()?;
        Ok(Answer {
            status: answer.status().as_u16(),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// No answer came.
    fn silent(&self, error: &ureq::Error) -> Error {
        Error::engine(format!(
            "the head of Ray does not answer at {}: {error}; start it (`ray start --head`), open a tunnel to \
             it, or say where it is with `address` in [launcher.ray] or the variable RAY_ADDRESS",
            self.address
        ))
    }

    /// An answer came that is a refusal.
    fn refused(&self, method: &str, path: &str, answer: &Answer) -> Error {
        let Self { address, named, .. } = self;
        Error::engine(match (answer.status, &self.token) {
            (401 | 403, None) => format!(
                "Ray at {address} wants a token: put it into the variable {named} (`token_variable` in \
                 [launcher.ray] names another); `ray get-auth-token` prints it on the head"
            ),
            (401 | 403, Some(_)) => format!(
                "Ray at {address} refuses the token (variable {named}, or the file that Ray reads if it is \
                 Ray's own variable and not set): `ray get-auth-token` prints the right one on the head"
            ),
            (..=499, _) => return self.stranger(method, path, answer),
            (status, _) => format!(
                "Ray at {address} answered {status} to {method} {path}: {}",
                answer.gist()
            ),
        })
    }

    /// An answer came that is not like Ray's.
    fn stranger(&self, method: &str, path: &str, answer: &Answer) -> Error {
        Error::engine(format!(
            "{} answered {} to {method} {path}, which is not how Ray's Jobs API answers ({}): `address` must \
             be that of Ray's dashboard, from a Ray with `ray[default]`",
            self.address,
            answer.status,
            answer.gist()
        ))
    }
}

impl Answer {
    /// Whether it is what Ray says when it has taken a job.
    fn names(&self, id: &str) -> bool {
        let said = serde_json::from_str::<serde_json::Value>(&self.text);
        said.is_ok_and(|said| said["submission_id"] == id)
    }

    fn is_unknown_job(&self) -> bool {
        self.text.contains("does not exist")
    }

    /// The last line, which is where a traceback says what went wrong.
    fn gist(&self) -> String {
        let mut lines = self.text.lines().map(str::trim).rev();
        let last = lines
            .find(|line| !line.is_empty())
            .unwrap_or("it said nothing");
        last.chars().take(300).collect()
    }
}

/// Whether no Ray can have got the request.
fn is_absent(error: &ureq::Error) -> bool {
    use std::io::ErrorKind as K;
    use ureq::{Error as E, Timeout};
    match error {
        // The last one: it speaks something else.
        E::HostNotFound
        | E::ConnectionFailed
        | E::Timeout(Timeout::Connect | Timeout::Resolve)
        | E::Protocol(_) => true,
        E::Io(error) => {
            let nowhere = [
                K::ConnectionRefused,
                K::NetworkUnreachable,
                K::HostUnreachable,
            ];
            // A name that cannot be resolved has no kind of its own.
            nowhere.contains(&error.kind()) || error.to_string().starts_with("failed to lookup")
        }
        _ => false,
    }
}
