//! A worker as the sweep sees it: a process that is asked, listened to, watched and, if need be, killed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use musicrec_api::Error;

use super::Limits;
use super::death::Death;
use super::messages::{Answer, Ask, say};
use crate::exit::Failure;
use crate::sweep::memory::resident_of;

/// How often a worker is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long what a process has said may take to arrive once it has ended.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of what a worker said last that are kept.
const LAST_BYTES: usize = 4_000;
/// Lines of it.
const LAST_LINES: usize = 20;

/// A worker process. Dropped, it is killed: what it has stored stays.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    /// It ends when this is closed.
    stdin: ChildStdin,
    answers: Receiver<Answer>,
    /// What it said last that is no answer.
    last: Arc<Mutex<VecDeque<u8>>>,
    /// Closed when all of that has been read.
    heard: Receiver<()>,
    /// How many units it has been asked for.
    pub(super) asked: usize,
    /// The most bytes that it was seen to hold.
    pub(super) peak: u64,
}

/// What was not done.
#[derive(Debug)]
pub(super) enum Undone {
    /// The worker is no more.
    Died(Death),
    /// The sweep stops.
    Stopped(Failure),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self::Stopped(failure)
    }
}

impl Worker {
    /// Starts this program anew with these arguments. It is not ready yet.
    pub(super) fn start(arguments: &[OsString]) -> Result<Self, Failure> {
        let failed = |e| Failure::Output(format!("cannot start a worker process: {e}"));
        let mut command = Command::new(program().map_err(failed)?);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        apart(&mut command);
        let mut child = command.spawn().map_err(failed)?;
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let last = Arc::default();
        let (answered, answers) = channel();
        let (hears, heard) = channel();
        let worker = Self {
            child,
            stdin,
            answers,
            last: Arc::clone(&last),
            heard,
            asked: 0,
            peak: 0,
        };
        std::thread::spawn({
            let (last, hears) = (Arc::clone(&last), hears.clone());
            move || listen(stdout, &answered, &last, &hears)
        });
        std::thread::spawn(move || overhear(stderr, &last, &hears));
        Ok(worker)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Bytes that it holds, where the system tells.
    pub(super) fn resident(&self) -> Option<u64> {
        resident_of(self.pid())
    }

    /// Asks for something. An answer comes, or its end.
    pub(super) fn ask(&mut self, ask: &Ask) {
        self.asked += 1;
        // Who cannot be asked has ended, which is seen when an answer is wanted.
        let _ = say(&mut self.stdin, ask);
    }

    /// Waits for answers until one of them is the last, as `take` says by returning something.
    pub(super) fn attend<T>(
        &mut self,
        limits: &Limits,
        stop: &AtomicBool,
        mut take: impl FnMut(Answer) -> Result<Option<T>, Failure>,
    ) -> Result<T, Undone> {
        let begun = Instant::now();
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(Answer::Stopped(failure)) => return Err(failure.into()),
                Ok(answer) => {
                    if let Some(last) = take(answer)? {
                        return Ok(last);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // Where it only closed its output it cannot answer any more either.
                    let status = match ended {
                        Some((status, _)) => status,
                        None => self.gone()?,
                    };
                    return Err(Undone::Died(Death::Ended(status)));
                }
            }
            if stop.load(Ordering::Relaxed) {
                self.kill()?;
                return Err(Failure::from(Error::Cancelled).into());
            }
            if let Some((status, when)) = ended {
                // Something that it started may keep its output open for ever.
                if when.elapsed() > GRACE {
                    return Err(Undone::Died(Death::Ended(status)));
                }
                continue;
            }
            if let Some(status) = self.child.try_wait().map_err(|e| lost(&e))? {
                ended = Some((status, Instant::now()));
                continue;
            }
            let held = self.resident();
            self.peak = self.peak.max(held.unwrap_or(0));
            if let Some(death) = beyond(limits, begun.elapsed(), held) {
                self.kill()?;
                return Err(Undone::Died(death));
            }
        }
    }

    /// How a worker ended that answers no more.
    fn gone(&mut self) -> Result<ExitStatus, Failure> {
        // Its output ends a moment before it does.
        let begun = Instant::now();
        while begun.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait().map_err(|e| lost(&e))? {
                return Ok(status);
            }
            std::thread::sleep(LOOK / 50);
        }
        self.kill()
    }

    fn kill(&mut self) -> Result<ExitStatus, Failure> {
        // Whoever has ended already is no error here.
        let _ = self.child.kill();
        self.child.wait().map_err(|e| lost(&e))
    }

    /// What it said last, once it has ended.
    pub(super) fn last_lines(&self) -> Option<String> {
        // Nothing is ever sent: this waits until both readers are through.
        let _ = self.heard.recv_timeout(GRACE);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = last.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let from = lines.len().saturating_sub(LAST_LINES);
        (!lines.is_empty()).then(|| lines[from..].join("\n"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What limit a worker is beyond that was at it so long and holds so much.
fn beyond(limits: &Limits, spent: Duration, held: Option<u64>) -> Option<Death> {
    if let Some(limit) = limits.time
        && spent >= limit
    {
        return Some(Death::TooLong(limit));
    }
    let (limit, held) = (limits.memory?, held?);
    (held > limit).then_some(Death::TooLarge { held, limit })
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::Output(format!(
        "cannot tell what became of a worker process: {error}"
    ))
}

/// This program, even if its file has been replaced since it was started.
fn program() -> std::io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() {
        return Ok(own);
    }
    std::env::current_exe()
}

/// Ctrl-C is meant for the sweep, which lets its workers finish; a terminal would tell them too.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

/// Sorts what a worker prints into answers and the rest.
fn listen(
    from: impl Read,
    answered: &Sender<Answer>,
    last: &Mutex<VecDeque<u8>>,
    _until_the_end: &Sender<()>,
) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
        match serde_json::from_slice(&line) {
            // Nobody listens any more: the sweep ends.
            Ok(answer) => drop(answered.send(answer)),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => keep(last, &line),
        }
        line.clear();
    }
}

/// Keeps the end of what a worker says besides.
fn overhear(mut from: impl Read, last: &Mutex<VecDeque<u8>>, _until_the_end: &Sender<()>) {
    let mut buffer = [0; LAST_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        keep(last, &buffer[..read]);
    }
}

fn keep(last: &Mutex<VecDeque<u8>>, bytes: &[u8]) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    last.extend(bytes);
    let surplus = last.len().saturating_sub(LAST_BYTES);
    last.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::{LAST_BYTES, listen, overhear};
    use crate::sweep::isolate::messages::{Answer, say};

    #[test]
    fn answers_are_told_from_what_plugins_print() {
        let mut said = b"fitting\nhalf a line".to_vec();
        say(&mut said, &Answer::Over).unwrap();
        let (answered, answers) = channel();
        let (hears, _) = channel();
        let last = Mutex::new(VecDeque::new());
        listen(&said[..], &answered, &last, &hears);
        drop(answered);
        assert!(matches!(answers.recv(), Ok(Answer::Over)));
        assert!(answers.recv().is_err());
        let last: Vec<u8> = last.into_inner().unwrap().into();
        assert_eq!(last, b"fitting\nhalf a line\n");
    }

    #[test]
    fn only_the_end_of_what_is_said_is_kept() {
        let said: Vec<u8> = (0..20_000).map(|at| b'a' + (at % 26) as u8).collect();
        let last = Mutex::new(VecDeque::new());
        overhear(&said[..], &last, &channel().0);
        let last: Vec<u8> = last.into_inner().unwrap().into();
        assert_eq!(last, said[said.len() - LAST_BYTES..]);
    }
}
