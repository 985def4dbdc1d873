//! A command at work: started, listened to, and killed with all its children when its time is over.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use musicrec_api::{Error, FitContext, Result};

/// What is kept of each of its outputs: the last bytes.
const KEPT: usize = 16 << 10;
/// Between two looks at whether it has ended, at first and later on.
const SOON: Duration = Duration::from_millis(1);
const OFTEN: Duration = Duration::from_millis(50);
/// How long its outputs may stay open when all of its group are dead: somebody left the group.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is to be run, and where.
pub(super) struct Call<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [PathBuf],
    pub(super) environment: BTreeMap<&'a str, &'a str>,
    pub(super) folder: &'a Path,
    pub(super) limit: Option<Duration>,
}

/// How it ended, and the last of what it said.
pub(super) struct Ended {
    how: How,
    pub(super) stderr: String,
    pub(super) stdout: String,
}

enum How {
    /// By itself.
    Status(ExitStatus),
    /// It was killed because it took longer than this.
    TimeOut(Duration),
    /// It was killed because the sweep stopped.
    Cancelled,
}

impl Call<'_> {
    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn run(&self, name: &str, context: &FitContext) -> Result<Ended> {
        let mut command = Command::new(self.program);
        command
            .args(self.arguments)
            .envs(&self.environment)
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        in_a_group_of_its_own(&mut command);
        let mut child = command.spawn().map_err(|error| {
            let remedy = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "; a program without `/` in its name is looked for on the PATH, one with it in the \
                     folder of the definition"
                }
                std::io::ErrorKind::PermissionDenied => {
                    "; it must be executable (chmod +x), or name its interpreter first"
                }
                _ => "",
            };
            Error::model(format!("cannot start {name}: {error}{remedy}"))
        })?;
        let guard = match Guard::over(&child, self.folder) {
            Ok(guard) => guard,
            Err(error) => {
                // What cannot be stopped with its children must not run.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::io(
                    "cannot start `sh` to watch over the process",
                    error,
                ));
            }
        };
        let (stdout, stderr) = (Tail::of(child.stdout.take()), Tail::of(child.stderr.take()));
        let how = self.wait(&mut child, context);
        guard.kill();
        let status = child.wait();
        let how = how.or_else(|| status.ok().map(How::Status));
        let how = how.ok_or_else(|| Error::model(format!("lost sight of {name}")))?;
        let until = Instant::now() + PATIENCE;
        Ok(Ended {
            how,
            stderr: stderr.text(until),
            stdout: stdout.text(until),
        })
    }

    /// Waits until it ends by itself (`None`) or must be ended.
    fn wait(&self, child: &mut Child, context: &FitContext) -> Option<How> {
        let begun = Instant::now();
        let mut pause = SOON;
        loop {
            if !matches!(child.try_wait(), Ok(None)) {
                return None;
            }
            if context.check_cancelled().is_err() {
                return Some(How::Cancelled);
            }
            if let Some(limit) = self.limit.filter(|limit| begun.elapsed() >= *limit) {
                return Some(How::TimeOut(limit));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(OFTEN);
        }
    }
}

impl Ended {
    /// # Errors
    /// Unless it ended by itself with exit code 0.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        let what = match &self.how {
            How::Cancelled => return Err(Error::Cancelled),
            How::TimeOut(limit) => format!(
                "{name} took longer than `timeout` allows ({} seconds) and was killed with its children",
                limit.as_secs_f64()
            ),
            How::Status(status) if status.success() => return Ok(()),
            How::Status(status) => match (status.code(), signal(*status)) {
                (Some(code), _) => format!("{name} failed with exit code {code}"),
                (None, Some(signal)) => format!("{name} was ended by signal {}", named(signal)),
                (None, None) => format!("{name} failed: {status}"),
            },
        };
        Err(Error::model(format!("{what}{}", self.said_last())))
    }

    /// The last line of what it said, for messages.
    pub(super) fn said_last(&self) -> String {
        let lines = |text: &str| {
            let last = text.lines().rev().map(str::trim).find(|l| !l.is_empty());
            last.map(|line| line.chars().take(300).collect::<String>())
        };
        match lines(&self.stderr).or_else(|| lines(&self.stdout)) {
            Some(line) => format!("; the last it said: {line}"),
            None => "; it said nothing".to_owned(),
        }
    }
}

/// The names of the usual ones.
fn named(signal: i32) -> String {
    let name = match signal {
        6 => " (SIGABRT)",
        9 => " (SIGKILL, mostly by the system for want of memory)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
    format!("{signal}{name}")
}

/// Sees to it that a process group ends with the fit. Should the lab be killed, nothing of it runs any more that
/// could kill others; so a shell waits for the end of its standard input, which comes when the lab is gone or
/// says so, and kills the group then. If the lab is gone, nobody else will remove the folder either.
struct Guard {
    shell: Child,
    held: Option<ChildStdin>,
}

impl Guard {
    fn over(child: &Child, folder: &Path) -> std::io::Result<Self> {
        const SCRIPT: &str =
            r#"read -r word; kill -s KILL -- "-$1"; [ "$word" = ended ] || rm -rf -- "$2""#;
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh", &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // The group is gone already, mostly.
            .stderr(Stdio::null());
        // The Ctrl-C of a terminal must not reach it.
        in_a_group_of_its_own(&mut command);
        let mut shell = command.spawn()?;
        let held = shell.stdin.take();
        Ok(Self { shell, held })
    }

    /// Kills what is left of the group.
    fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(mut held) = self.held.take() {
            // If it is gone, there is nobody to tell.
            let _ = held.write_all(b"ended\n");
            drop(held);
            let _ = self.shell.wait();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads an output to its end, and keeps the last of it.
#[derive(Clone)]
struct Tail(Arc<(Mutex<Heard>, Condvar)>);

/// What there is to read next, as soon as there is something; `None` at the end.
fn next(output: &mut BufReader<impl Read>) -> Option<Vec<u8>> {
    loop {
        match output.fill_buf() {
            Ok([]) => return None,
            Ok(piece) => {
                let piece = piece.to_vec();
                output.consume(piece.len());
                return Some(piece);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[derive(Default)]
struct Heard {
    bytes: VecDeque<u8>,
    /// How many bytes there were in all.
    all: u64,
    ended: bool,
}

impl Tail {
    fn of(output: Option<impl Read + Send + 'static>) -> Self {
        let tail = Self(Arc::default());
        let writer = tail.clone();
        thread::spawn(move || {
            let mut output = output.map(BufReader::new);
            while let Some(piece) = output.as_mut().and_then(next) {
                let read = piece.len();
                let (heard, _) = &*writer.0;
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.all += read as u64;
                heard.bytes.extend(piece);
                let over = heard.bytes.len().saturating_sub(KEPT);
                heard.bytes.drain(..over);
            }
            let (heard, ended) = &*writer.0;
            heard.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
            ended.notify_all();
        });
        tail
    }

    /// What was said, once it is at its end or so much time has passed.
    fn text(&self, until: Instant) -> String {
        let (heard, ended) = &*self.0;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let waited = ended.wait_timeout_while(heard, left, |heard| !heard.ended);
        let (mut heard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let cut = heard.all - heard.bytes.len() as u64;
        let text = String::from_utf8_lossy(heard.bytes.make_contiguous());
        if cut == 0 {
            return text.into_owned();
        }
        // From the first whole line.
        let whole = text.find('\n').map_or(&*text, |at| &text[at + 1..]);
        format!("[the first {cut} bytes and the rest of a line are left out]\n{whole}")
    }
}

#[cfg(unix)]
fn in_a_group_of_its_own(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn in_a_group_of_its_own(_: &mut Command) {}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
