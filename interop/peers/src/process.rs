//! A program that runs beside the test: its output is collected, every wait has a bound, and it never
//! outlives the test.
use crate::PATIENCE;
use std::{
    fmt::Write as _,
    io::{Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

/// A running program. Dropping it kills it.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Arc<Heard>,
    name: String,
    deadline: Instant,
}

/// What it has written so far.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// To standard output.
    pub stdout: Vec<u8>,
    /// To standard error.
    pub stderr: Vec<u8>,
    /// How many of the two are still open.
    open: u8,
}

impl Written {
    /// Both, as text.
    pub fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.stderr));
        text
    }

    /// Whether `bytes` are in the standard output.
    pub fn has_output(&self, bytes: &[u8]) -> bool {
        let Some(first) = bytes.first() else { return true };
        let mut rest = &self.stdout[..];
        while let Some(at) = rest.iter().position(|byte| byte == first) {
            if rest[at..].starts_with(bytes) {
                return true;
            }
            rest = &rest[at + 1..];
        }
        false
    }

    /// The same, with every occurrence of `bytes` in the standard output left out.
    pub fn without(mut self, bytes: &[u8]) -> Self {
        let (mut kept, mut rest) = (Vec::with_capacity(self.stdout.len()), &self.stdout[..]);
        while let Some((first, after)) = rest.split_first() {
            rest = match rest.strip_prefix(bytes) {
                Some(after) => after,
                None => {
                    kept.push(*first);
                    after
                }
            };
        }
        self.stdout = kept;
        self
    }

    /// The rest of the first line that begins like this, in either of the two.
    pub fn line(&self, prefix: &str) -> Option<String> {
        let text = self.text();
        // Only whole lines: the rest of a line may still be on its way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().find_map(|line| line.strip_prefix(prefix)).map(|rest| rest.trim().to_owned())
    }
}

#[derive(Default)]
struct Heard {
    written: Mutex<Written>,
    changed: Condvar,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote.
    pub written: Written,
}

impl Process {
    /// Starts a program, with all three of its standard streams piped.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let heard = Arc::new(Heard::default());
        heard.lock().open = 2;
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        collect(stdout, heard.clone(), |written| &mut written.stdout);
        collect(stderr, heard.clone(), |written| &mut written.stderr);
        let stdin = child.stdin.take();
        Self { child, stdin, heard, name, deadline: Instant::now() + PATIENCE }
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// If it does not read, or the input was closed.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("it reads its input");
    }

    /// Takes its standard input, to write from another thread or to close it.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// What it has written so far.
    pub fn written(&self) -> Written {
        self.heard.lock().clone()
    }

    /// Waits until `found` finds what it looks for in the output.
    ///
    /// # Panics
    /// If the program closes its output or the deadline passes before that.
    pub fn wait_for<T>(&self, what: &str, found: impl Fn(&Written) -> Option<T>) -> T {
        let mut written = self.heard.lock();
        loop {
            if let Some(found) = found(&written) {
                return found;
            }
            assert!(written.open > 0, "{} ended without {what}:\n{}", self.name, written.text());
            let left = self.deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{}: no {what} in time:\n{}", self.name, written.text());
            written =
                self.heard.changed.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until a line that begins with `prefix` is written, and returns the rest of it.
    pub fn wait_for_line(&self, prefix: &str) -> String {
        self.wait_for(&format!("line «{prefix}»"), |written| written.line(prefix))
    }

    /// Waits until standard output contains `bytes`.
    pub fn wait_for_output(&self, bytes: &[u8]) {
        let what = format!("output «{}»", bytes[..bytes.len().min(80)].escape_ascii());
        self.wait_for(&what, |written| written.has_output(bytes).then_some(()));
    }

    /// Closes its standard input and waits for its end.
    ///
    /// # Panics
    /// If the deadline passes before that.
    pub fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If the deadline passes before that.
    pub fn wait(mut self) -> Finished {
        self.wait_for("end of its output", |written| (written.open == 0).then_some(()));
        let status = self.child.wait().expect("it can be waited for");
        Finished { status, written: self.written() }
    }

    /// Kills it, and returns what it wrote.
    pub fn kill(mut self) -> Written {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.wait_for("end of its output", |written| (written.open == 0).then_some(()));
        self.written()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let mut said = String::new();
            let _ = write!(said, "{} wrote:\n{}", self.name, self.written().text());
            eprintln!("{said}");
        }
    }
}

fn collect(
    mut from: impl Read + Send + 'static,
    heard: Arc<Heard>,
    part: impl Fn(&mut Written) -> &mut Vec<u8> + Send + 'static,
) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            let mut written = heard.lock();
            part(&mut written).extend_from_slice(&buffer[..read]);
            if read == 0 {
                written.open -= 1;
            }
            heard.changed.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}
