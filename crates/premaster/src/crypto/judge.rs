//! Constant time, judged by Valgrind: a secret counts as uninitialised, and every branch and every address that
//! depends on it is an error.
//!
//! A test calls [`constant_time`], which runs the same test again under Valgrind. What its body marks as secret
//! stays so until the code under test calls `declassify`. These tests exist in optimised builds only, whose branches
//! are those that count; in the others the assertions of `subtle` branch by themselves.
use premaster_ffi::memcheck;
use std::{
    env, fs,
    hint::black_box,
    process::{self, Command, Output, Stdio},
    thread,
};

/// `bytes`, from now on secret.
pub(crate) fn secret<T: AsRef<[u8]>>(bytes: T) -> T {
    // The compiler must neither know what they are nor have a copy in a register.
    let mut bytes = black_box(bytes);
    memcheck::secret(bytes.as_ref());
    black_box(&mut bytes);
    bytes
}

/// These bytes, where they stand, are from now on secret.
pub(crate) fn memory(bytes: &mut [u8]) {
    memcheck::secret(bytes);
    black_box(bytes);
}

/// The bytes of a result, which the test may look at now.
pub(crate) fn public<T: AsRef<[u8]>>(bytes: T) -> T {
    let mut bytes = black_box(bytes);
    memcheck::public(bytes.as_ref());
    black_box(&mut bytes);
    bytes
}

/// `number`, from now on secret.
pub(crate) fn secret_number(number: usize) -> usize {
    usize::from_ne_bytes(secret(number.to_ne_bytes()))
}

/// Runs the present test under Valgrind; none inside of it, or where it is not installed. Branches in `spared`
/// functions are not counted.
fn under_valgrind(spared: &[&str]) -> Option<Output> {
    if memcheck::is_running() {
        return None;
    }
    let test = thread::current().name().expect("a test's thread has its name").to_owned();
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        let said =
            format!("SKIPPED {test}: `valgrind` is not installed; on Debian `apt-get install valgrind`");
        assert!(env::var_os("PREMASTER_CI").is_none_or(|ci| ci != "1"), "{said}");
        println!("{said}");
        return None;
    }
    let mut command = Command::new("valgrind");
    command.args(["--error-exitcode=99", "--quiet"]);
    let suppressions = env::temp_dir().join(format!("premaster-spared-{}", process::id()));
    if !spared.is_empty() {
        let spare = |function: &&str| format!("{{\n{function}\nMemcheck:Cond\nfun:{function}\n}}\n");
        fs::write(&suppressions, spared.iter().map(spare).collect::<String>())
            .expect("a file can be written");
        command.arg(format!("--suppressions={}", suppressions.display()));
    }
    command.arg(env::current_exe().expect("this program has a path"));
    command.args(["--exact", &test, "--test-threads=1", "--nocapture"]);
    let output = command.output().expect("valgrind starts");
    let _ = fs::remove_file(suppressions);
    Some(output)
}

/// `body` has no branch and no address that depends on what it marks as secret.
pub(crate) fn constant_time(body: impl FnOnce()) {
    constant_time_but(&[], body);
}

/// The same, but for branches in functions of these names, which are others' and say what may be told.
pub(crate) fn constant_time_but(spared: &[&str], body: impl FnOnce()) {
    if memcheck::is_running() {
        return body();
    }
    let Some(output) = under_valgrind(spared) else { return };
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("1 passed"), "the test did not run: {out}{said}");
    assert!(output.status.success(), "{said}");
}

/// The negative control: `body` has one, and Valgrind finds it.
pub(crate) fn leaky(body: impl FnOnce()) {
    if memcheck::is_running() {
        return body();
    }
    let Some(output) = under_valgrind(&[]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(99), "nothing was found: {said}");
    let found = ["Conditional jump or move depends", "Use of uninitialised value"];
    assert!(found.iter().any(|found| said.contains(found)), "{said}");
}

mod tests {
    use super::*;

    /// What the rest must not be.
    mod twins {
        use std::hint::black_box;

        /// Compares until the first difference.
        pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
            a.iter().zip(b).all(|(a, b)| black_box(a) == black_box(b))
        }

        /// Counts the leading zeros until there are no more.
        pub(super) fn leading_zeros(bytes: &[u8]) -> usize {
            bytes.iter().take_while(|&&byte| byte == 0).count()
        }

        /// Looks at as much padding as there is.
        pub(super) fn padding_is_good(data: &[u8]) -> bool {
            let last = data[data.len() - 1];
            data[data.len() - 1 - usize::from(last)..].iter().all(|&byte| byte == last)
        }

        /// A table of secrets.
        pub(super) fn look_up(table: &[u8; 256], at: u8) -> u8 {
            table[usize::from(at)]
        }

        /// Takes the decrypted secret only if it is good.
        pub(super) fn select(message: &[u8], premaster: &mut [u8]) {
            if message[0] == 0 && message[1] == 2 {
                premaster.iter_mut().zip(message).for_each(|(to, from)| *to = *black_box(from));
            }
        }
    }

    #[test]
    fn a_comparison_that_stops_is_found() {
        leaky(|| {
            black_box(twins::equal(&secret([7; 32]), &[7; 32]));
        });
    }

    #[test]
    fn zeros_that_are_counted_are_found() {
        leaky(|| {
            black_box(twins::leading_zeros(&secret([0, 0, 3, 4])));
        });
    }

    #[test]
    fn padding_that_is_believed_is_found() {
        leaky(|| {
            black_box(twins::padding_is_good(&secret([9, 9, 2, 2, 2])));
        });
    }

    #[test]
    fn a_table_is_found() {
        leaky(|| {
            let table = std::array::from_fn(|at| at as u8);
            let value = twins::look_up(&table, secret([7])[0]);
            // The address is what is secret, whatever stands there.
            black_box(value);
        });
    }

    #[test]
    fn a_key_that_is_picked_by_its_bytes_is_found() {
        leaky(|| {
            let keys = secret([1; 32]);
            black_box(keys.chunks(16).position(|key| black_box(key) == [2; 16]));
        });
    }

    #[test]
    fn a_premaster_secret_that_is_branched_upon_is_found() {
        leaky(|| {
            let message = secret([2; 256]);
            let mut premaster = [0; 48];
            twins::select(&message, &mut premaster);
            black_box(premaster);
        });
    }

    #[test]
    fn the_masks_do_not_branch() {
        use crate::crypto::constant_time::{declassify, equal, hide, less};
        constant_time(|| {
            for (a, b) in [(0, 5), (5, 5), (6, 5)] {
                let (hidden, b) = (secret_number(a), secret_number(b));
                let mask = hide(less(hidden, b)) | equal(hidden, b);
                assert_eq!(declassify(mask), if a <= 5 { usize::MAX } else { 0 });
            }
        });
    }
}
