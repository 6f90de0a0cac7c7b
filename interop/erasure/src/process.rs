//! The process under examination: told what to do by lines, asked to stand still, and read.
use crate::{
    Failure,
    memory::{self, Needles, Place},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A process under examination; it ends with its handle.
pub struct Examined {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    draws: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Examined {
    /// Starts it.
    ///
    /// # Errors
    /// The system's.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let stdin = child.stdin.take();
        let (sender, lines) = mpsc::channel();
        let draws = Arc::new(Mutex::new(Vec::new()));
        let drawn = Arc::clone(&draws);
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                match text.strip_prefix("draw ").and_then(unmask) {
                    Some(bytes) => drawn.lock().unwrap_or_else(PoisonError::into_inner).push(bytes),
                    None if sender.send(text).is_err() => break,
                    None => {}
                }
            }
        });
        Ok(Self { child, stdin, lines, draws })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What its random source handed out since the last time this was asked.
    pub fn take_draws(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.draws.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells it something.
    ///
    /// # Errors
    /// If it is gone.
    pub fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let stdin = self.stdin.as_mut().ok_or("it does not listen")?;
        writeln!(stdin, "{line}")?;
        Ok(stdin.flush()?)
    }

    /// The rest of its next line that begins with `prefix`.
    ///
    /// # Errors
    /// If it ends first, or takes too long.
    pub fn wait_for(&self, prefix: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|_| format!("it never said `{prefix}`"))?;
            if let Some(rest) = line.strip_prefix(prefix) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Waits until all its threads sleep, and have done nothing for a while.
    fn settle(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = None;
        let mut quiet = 0;
        while quiet < 3 {
            if Instant::now() > deadline {
                return Err("it does not come to rest".into());
            }
            thread::sleep(Duration::from_millis(4));
            let now = self.activity()?;
            quiet = if now.is_some() && now == before { quiet + 1 } else { 0 };
            before = now;
        }
        Ok(())
    }

    /// What it has done so far, if it sleeps.
    fn activity(&self) -> Result<Option<String>, Failure> {
        let pid = self.pid();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let stat = fs::read_to_string(task?.path().join("stat"))?;
            // The state follows the command's name, which stands in parentheses and may hold anything.
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            if state != Some('S') {
                return Ok(None);
            }
        }
        Ok(Some(fs::read_to_string(format!("/proc/{pid}/io"))?))
    }

    /// Waits until it is at rest, stops it, reads all of its memory, and lets it go on.
    ///
    /// # Errors
    /// If it is gone, never rests, or may not be read.
    pub fn search(&self, needles: impl FnOnce() -> Needles) -> Result<(Vec<Place>, u64), Failure> {
        self.settle()?;
        let needles = needles();
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        kill_process(pid, Signal::STOP)?;
        let found = memory::search(self.pid(), &needles);
        kill_process(pid, Signal::CONT)?;
        found
    }
}

impl Drop for Examined {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unmask(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.chunks_exact(2).enumerate();
    pairs.map(|(at, pair)| Some(crate::mask(at, digit(pair[0])? << 4 | digit(pair[1])?))).collect()
}
