//! The whole memory of a process that stands still, and where in it a secret is.
use crate::{
    Failure,
    form::{WINDOW, forms},
};
use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::fs::FileExt,
};

/// A stretch of addresses that can be read.
#[derive(Clone, Debug)]
pub struct Region {
    start: u64,
    end: u64,
    /// What it is: `[stack]`, `[heap]`, a file, or nothing for memory that was asked of the system.
    name: String,
}

/// One place where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The index of the secret.
    pub secret: usize,
    /// In which shape; empty for the plain bytes.
    pub form: &'static str,
    /// Which part of the memory.
    pub region: String,
    /// The address.
    pub address: u64,
    /// How many bytes of the secret stand there.
    pub len: usize,
}

/// What is looked for.
#[derive(Default)]
pub struct Needles {
    /// Every sixteen bytes in a row, of every shape of every secret.
    windows: HashMap<[u8; WINDOW], (usize, &'static str)>,
    /// The first three bytes of each, as a set of bits, so that most of the memory is passed over quickly.
    starts: Vec<u64>,
}

impl Needles {
    /// Of these secrets, each with whether HMAC is keyed with it.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (usize, &'a [u8], bool)>) -> Self {
        let mut needles = Self { windows: HashMap::new(), starts: vec![0; 1 << 18] };
        for (index, secret, hmac) in secrets {
            for form in forms(secret, hmac) {
                for window in form.bytes.windows(WINDOW) {
                    let mut key = [0; WINDOW];
                    key.copy_from_slice(window);
                    if is_padding(&key) {
                        continue;
                    }
                    needles.windows.entry(key).or_insert((index, form.name));
                    let bit = start(&key);
                    needles.starts[bit / 64] |= 1 << (bit % 64);
                }
            }
        }
        needles
    }

    /// Each place in `bytes`, which stand at `base`: neighbouring windows of one secret are one place.
    fn find(&self, bytes: &[u8], base: u64, region: &str, places: &mut Vec<Place>) {
        let mut at = 0;
        while at + WINDOW <= bytes.len() {
            let bit = start(&bytes[at..]);
            let window = match self.starts[bit / 64] & (1 << (bit % 64)) != 0 {
                true => self.windows.get(&bytes[at..at + WINDOW]),
                false => None,
            };
            if let Some(&(secret, form)) = window {
                let address = base + at as u64;
                match places.last_mut() {
                    Some(last)
                        if last.secret == secret
                            && last.form == form
                            && last.address + last.len as u64 >= address
                            && last.address <= address =>
                    {
                        last.len = (address - last.address) as usize + WINDOW;
                    }
                    _ => places.push(Place { secret, form, region: region.to_owned(), address, len: WINDOW }),
                }
            }
            at += 1;
        }
    }
}

/// Whether it is mostly the same byte again and again, which any memory has.
fn is_padding(window: &[u8; WINDOW]) -> bool {
    let most = |byte| window.iter().filter(|other| *other == byte).count();
    window.iter().any(|byte| most(byte) > WINDOW / 2)
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) | usize::from(bytes[1]) << 8 | usize::from(bytes[2]) << 16
}

/// The stretches of a process's memory that can be read.
///
/// # Errors
/// If the process is gone, or somebody else's.
pub fn regions(pid: u32) -> Result<Vec<Region>, Failure> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let region = |line: &str| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let readable = fields.next()?.starts_with('r');
        let name = fields.nth(3).unwrap_or_default().to_owned();
        let number = |digits| u64::from_str_radix(digits, 16).ok();
        // These two are the kernel's, the same for every process, and cannot be read from outside.
        let kernel = name == "[vvar]" || name == "[vsyscall]" || name == "[vvar_vclock]";
        (readable && !kernel).then_some(Region { start: number(start)?, end: number(end)?, name })
    };
    Ok(maps.lines().filter_map(region).collect())
}

/// How much is read at a time.
const CHUNK: usize = 1 << 20;

/// Every place in a process's memory where one of the needles is, and how many bytes were read. The process must
/// stand still.
///
/// # Errors
/// If a stretch of memory cannot be read: then nothing is known.
pub fn search(pid: u32, needles: &Needles) -> Result<(Vec<Place>, u64), Failure> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut places = Vec::new();
    let mut total = 0;
    let mut chunk = vec![0; CHUNK + WINDOW];
    for region in regions(pid)? {
        let mut at = region.start;
        while at < region.end {
            // A window may straddle two chunks.
            let len = (CHUNK + WINDOW - 1).min((region.end - at) as usize);
            memory
                .read_exact_at(&mut chunk[..len], at)
                .map_err(|error| format!("{len} bytes at {at:x} ({}): {error}", region.name))?;
            needles.find(&chunk[..len], at, &region.name, &mut places);
            let step = CHUNK.min(len);
            at += step as u64;
            total += step as u64;
        }
    }
    Ok((places, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_counted_once() {
        let secret: Vec<u8> = (1..=40).collect();
        let other: Vec<u8> = (101..=120).collect();
        let needles = Needles::new([(0, &secret[..], false), (1, &other[..], true)]);
        let mut memory = vec![0; 500];
        memory[10..50].copy_from_slice(&secret);
        memory[60..75].copy_from_slice(&secret[3..18]);
        memory[80..96].copy_from_slice(&secret[24..]);
        memory[96..112].copy_from_slice(&other[4..]);
        for (to, from) in memory[200..].iter_mut().zip(secret.iter().rev()) {
            *to = *from;
        }
        let mut places = Vec::new();
        needles.find(&memory, 1000, "here", &mut places);
        let found: Vec<_> =
            places.iter().map(|place| (place.secret, place.form, place.address, place.len)).collect();
        assert_eq!(
            found,
            [(0, "", 1010, 40), (0, "", 1080, 16), (1, "", 1096, 16), (0, "backwards", 1200, 40)]
        );
    }
}
