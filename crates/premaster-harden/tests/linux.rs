//! What others see of a process that was hardened, beside one that was not.
#![cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit, getuid};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio, abort},
};
use tempfile::TempDir;

/// Somebody without rights.
const NOBODY: u32 = 65_534;

/// What a child of these tests is told to do.
const ROLE: &str = "PREMASTER_HARDEN_ROLE";

/// Not a test by itself: what the others start. It says what it got, and waits until its input ends.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    if role.contains("hardened") {
        println!("got: {}", premaster_harden::harden());
        let not_dumpable = dumpable_behavior().unwrap() == DumpableBehavior::NotDumpable;
        println!("not dumpable: {not_dumpable}");
    }
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    if role.contains("crashes") {
        abort();
    }
}

/// This program where anybody can start it, and a directory for what a crash leaves.
struct Place {
    directory: TempDir,
    program: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let program = directory.path().join("child");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        for path in [directory.path(), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        Self { directory, program }
    }

    /// Somebody's: if this is root, who may do everything, then somebody else's.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory);
        if getuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// This program in that role, by way of a shell that sets limits.
    fn child(&self, mut shell: Command, role: &str, limits: &str) -> Command {
        let program = self.program.display();
        shell.arg("-c").arg(format!("{limits}; exec '{program}' --exact child --nocapture"));
        shell.env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        shell
    }

    fn start(&self, role: &str, limits: &str) -> Running {
        Running::new(self.child(self.command("sh"), role, limits))
    }
}

struct Running {
    child: Child,
    input: Option<ChildStdin>,
    said: String,
}

impl Running {
    /// Starts it, and waits until it is ready.
    fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<String> = lines.take_while(|line| line != "ready").collect();
        Self { child, input, said: said.join("\n") }
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    /// A line of /proc/PID/status, in its unit.
    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

#[test]
fn nobody_else_of_the_same_user_can_read_it() {
    let place = Place::new();
    let (open, hardened) = (place.start("open", ":"), place.start("hardened", ":"));
    assert!(hardened.said.contains("not dumpable: true"), "{}", hardened.said);
    // The kernel gives what /proc has of it to root.
    let owner = fs::metadata(open.proc("")).unwrap().uid();
    assert_eq!(fs::metadata(open.proc("mem")).unwrap().uid(), owner);
    assert_eq!(fs::metadata(hardened.proc("mem")).unwrap().uid(), 0);
    let reads = |running: &Running| {
        let mut reader = place.command("cat");
        reader.arg(running.proc("maps")).stdout(Stdio::null()).stderr(Stdio::null());
        reader.status().unwrap().success()
    };
    assert!(reads(&open), "the control cannot be read either: this shows nothing");
    assert!(!reads(&hardened));
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let place = Place::new();
    let crash = |role: &str| {
        let mut running = place.start(role, "ulimit -c unlimited");
        let limits = fs::read_to_string(running.proc("limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let limit = line.split_whitespace().nth(4).unwrap().to_owned();
        running.input = None;
        let status = running.child.wait().unwrap();
        assert_eq!(status.signal(), Some(6));
        let left = fs::read_dir(&place.directory).unwrap();
        let left =
            left.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("core"));
        (limit, status.core_dumped(), left.count())
    };
    assert_eq!(crash("hardened, crashes"), ("0".to_owned(), false, 0));
    let (limit, dumped, left) = crash("open, crashes");
    assert_eq!(limit, "unlimited");
    // Where the system dumps at all, it does so here.
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim() == "core" {
        assert!(dumped && left == 1, "the control left no core dump: this shows nothing");
    }
}

#[test]
fn memory_is_locked_where_no_limit_forbids_it() {
    let place = Place::new();
    let limited = place.start("hardened", "ulimit -l 64");
    assert!(limited.said.contains("RLIMIT_MEMLOCK is 65536 bytes"), "{}", limited.said);
    assert_eq!(limited.status("VmLck"), 0);
    // Root has the right to do it, whatever the limit; somebody else if there is none.
    let unlimited = getrlimit(Resource::Memlock).maximum.is_none();
    if !(unlimited || getuid().is_root()) {
        println!("SKIPPED in part: needs root, or `ulimit -l unlimited`");
        return;
    }
    let free = Running::new(place.child(Command::new("sh"), "hardened", "ulimit -l $(ulimit -H -l)"));
    assert!(free.said.contains("no core dumps, no debugger, no swap"), "{}", free.said);
    assert!(free.status("VmLck") > 0 && free.status("VmLck") >= free.status("VmRSS"));
}
