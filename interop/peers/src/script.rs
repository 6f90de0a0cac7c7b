//! The peers that are scripts of this crate.
use crate::{Process, Program};
use std::{ffi::OsStr, path::Path, process::Command};

impl Program {
    /// Runs a script of this crate with this program.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run_script<S: AsRef<OsStr>>(
        self,
        script: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
        Process::start(Command::new(self.command()).args(self.before_script()).arg(script).args(arguments))
    }
}
