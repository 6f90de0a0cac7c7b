//! ARCHITECTURE.md in force: rooms name only the rooms below them, only `crypto` names cryptography, and
//! nothing but `premaster-ffi` is unsafe.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms, from the ground up, and the rooms that each may name. An arrow points to a room further up in
/// this list, so that there can be no cycle.
const ROOMS: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("wire", &[]),
    // An error says which message, extension, suite or group it is about, in the wire's words.
    ("error", &["wire"]),
    ("crypto", &["secret", "wire", "error"]),
    ("observe", &["secret", "wire", "error"]),
    ("suite", &["wire", "crypto"]),
    ("exchange", &["secret", "wire", "error", "crypto"]),
    // The key schedule of TLS 1.3 is fed by the exchange's SharedSecret, and tells the observer each step.
    ("schedule", &["secret", "wire", "crypto", "observe", "suite", "exchange"]),
    ("record", &["secret", "wire", "error", "crypto"]),
    // A credential may hold a key that agrees instead of one that signs: `exchange`'s StaticKey.
    // The importer of pre-shared keys (RFC 9258) derives with the schedule's KDF.
    ("identity", &["secret", "wire", "error", "crypto", "observe", "exchange", "schedule"]),
    (
        "resume",
        &["secret", "wire", "error", "crypto", "observe", "suite", "exchange", "schedule", "identity"],
    ),
    ("config", &["secret", "wire", "error", "crypto", "observe", "suite", "exchange", "identity", "resume"]),
    (
        "handshake",
        &[
            "secret", "wire", "error", "crypto", "observe", "suite", "exchange", "schedule", "record",
            "identity", "resume", "config",
        ],
    ),
    (
        "connection",
        &[
            "secret",
            "wire",
            "error",
            "crypto",
            "observe",
            "suite",
            "schedule",
            "record",
            "identity",
            "resume",
            "config",
            "handshake",
        ],
    ),
];

/// Dependencies that are no cryptography: types, wiping and masking, decompression, and `webpki` with its roots,
/// which are `identity`'s.
const NO_CRYPTOGRAPHY: &[&str] = &[
    "pki-types",
    "zeroize",
    "subtle",
    "smallvec",
    "flate2",
    "webpki",
    "webpki-roots",
    "rustls-native-certs",
];

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_table_has_no_cycle() {
    for (index, (room, below)) in ROOMS.iter().enumerate() {
        for other in *below {
            let found = ROOMS[..index].iter().any(|(name, _)| name == other);
            assert!(found, "{room} -> {other}: an arrow has to point to a room above it in the list");
        }
    }
}

#[test]
fn arrows_point_down() {
    let exports = exports(&source(&package().join("src/lib.rs")));
    let mut wrong = BTreeSet::new();
    for file in rust_files(&package().join("src")) {
        let Some(place) = Place::of(&file) else { continue };
        let source = source(&file);
        for name in named_from_root(&source, place.depth) {
            let named = exports.get(&name).cloned().unwrap_or(name);
            let known = ROOMS.iter().find(|(room, _)| *room == place.room);
            let allowed = known.is_some_and(|(_, below)| below.contains(&named.as_str()));
            // What lib.rs defines itself belongs to no room and names none.
            if named != place.room && named != "BoxFuture" && !allowed {
                wrong.insert(format!("{} -> {named} ({})", place.room, file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the table: {wrong:#?}");
}

#[test]
fn every_room_is_in_the_table() {
    let lib = source(&package().join("src/lib.rs"));
    let words = words(&lib);
    let modules = words.windows(2).filter(|pair| pair[0] == "mod").map(|pair| &pair[1]);
    let missing: Vec<_> =
        modules.filter(|module| !ROOMS.iter().any(|(room, _)| *room == module.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn only_crypto_names_cryptography() {
    let manifest = fs::read_to_string(package().join("Cargo.toml")).unwrap();
    // Those of some processors alone have a section of their own.
    let section = |line: &str| line.ends_with("dependencies]") && !line.starts_with("[dev-");
    let mut here = false;
    let dependencies: Vec<String> = manifest
        .lines()
        .filter(|line| {
            here = if line.starts_with('[') { section(line) } else { here };
            here
        })
        .filter_map(|line| line.split_once(" =").map(|(name, _)| name.trim().to_owned()))
        .filter(|name| !NO_CRYPTOGRAPHY.contains(&name.as_str()))
        .map(|name| name.replace('-', "_"))
        .collect();
    for name in ["aws_lc_rs", "graviola"] {
        assert!(dependencies.iter().any(|dependency| dependency == name), "{dependencies:?}");
    }
    for file in rust_files(&package().join("src")) {
        if Place::of(&file).is_some_and(|place| place.room != "crypto") {
            let heads = path_heads(&source(&file));
            let named: Vec<_> = dependencies.iter().filter(|name| heads.contains(*name)).collect();
            assert!(named.is_empty(), "{} names {named:?}", file.display());
        }
    }
}

#[test]
fn only_premaster_ffi_is_unsafe() {
    let crates = package().join("..");
    for entry in fs::read_dir(crates).unwrap() {
        let directory = entry.unwrap().path();
        if directory.ends_with("premaster-ffi") || !directory.join("Cargo.toml").is_file() {
            continue;
        }
        for file in rust_files(&directory) {
            let source = source(&file);
            assert!(!words(&source).iter().any(|word| word == "unsafe"), "{}", file.display());
            if file.ends_with("src/lib.rs") || file.ends_with("src/main.rs") {
                assert!(source.contains("#![forbid(unsafe_code)]"), "{}", file.display());
            }
        }
    }
}

/// Where a file stands: its room, and how many `super`s lead from it to the root.
struct Place {
    room: String,
    depth: usize,
}

impl Place {
    /// None for `lib.rs`, and for tests, which may look anywhere.
    fn of(file: &Path) -> Option<Self> {
        let relative = file.strip_prefix(package().join("src")).ok()?.with_extension("");
        let mut parts: Vec<String> =
            relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        let test = |part: &String| part.starts_with("test");
        if parts == ["lib"] || parts.iter().any(test) {
            return None;
        }
        Some(Self { room: parts.first()?.clone(), depth: parts.len() })
    }
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// A file without comments, string literals and its tests.
fn source(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") {
            3
        } else if first == '"' {
            string_len(rest)
        } else {
            plain.push(first);
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    plain
}

/// The length of the string literal that `text` begins with.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Words and punctuation; `::` is one.
fn words(source: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_word = false;
    for character in source.chars() {
        let is_word = character.is_alphanumeric() || character == '_';
        match words.last_mut() {
            Some(last) if is_word && in_word => last.push(character),
            Some(last) if character == ':' && last == ":" => last.push(':'),
            _ if character.is_whitespace() => {}
            _ => words.push(character.to_string()),
        }
        in_word = is_word;
    }
    words
}

/// What comes right after `crate::`, or after so many `super::` that they mean the same.
fn named_from_root(source: &str, depth: usize) -> Vec<String> {
    let words = words(source);
    let mut named = Vec::new();
    // For each open brace, whether it is an inline module's: `super` leads out of that first.
    let mut braces: Vec<bool> = Vec::new();
    let mut index = 0;
    while index < words.len() {
        match words[index].as_str() {
            "{" => braces.push(index >= 2 && words[index - 2] == "mod"),
            "}" => drop(braces.pop()),
            "crate" if words.get(index + 1).is_some_and(|next| next == "::") => {
                named.extend(first_names(&words[index + 2..]));
            }
            "super" => {
                let inline = braces.iter().filter(|is_module| **is_module).count();
                let mut supers = 1;
                while words.get(index + 1).is_some_and(|next| next == "::")
                    && words.get(index + 2).is_some_and(|next| next == "super")
                {
                    supers += 1;
                    index += 2;
                }
                if supers >= depth + inline && words.get(index + 1).is_some_and(|next| next == "::") {
                    named.extend(first_names(&words[index + 2..]));
                }
            }
            _ => {}
        }
        index += 1;
    }
    named
}

/// The first name of a path, or of each path in a group.
fn first_names(words: &[String]) -> Vec<String> {
    let Some(first) = words.first() else { return Vec::new() };
    if first != "{" {
        return vec![first.clone()];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for pair in words.windows(2) {
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let begins = pair[0] == "," || pair[0] == "{";
        if depth == 1 && begins && pair[1] != "}" {
            names.push(pair[1].clone());
        }
    }
    names
}

/// What paths begin with: `aws_lc_rs` in `aws_lc_rs::digest`, but not in `webpki::aws_lc_rs`.
fn path_heads(source: &str) -> BTreeSet<String> {
    let words = words(source);
    let mut heads = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        let follows = |what: &str| words.get(index + 1).is_some_and(|next| next == what);
        let inside = index > 0 && words[index - 1] == "::";
        if !inside && follows("::") || (index > 0 && words[index - 1] == "use") {
            heads.insert(word.clone());
        }
    }
    heads
}

/// What `lib.rs` exports again, and the room that it comes from.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let words = words(lib);
    let mut exports = BTreeMap::new();
    for (index, word) in words.iter().enumerate() {
        if word == "use" && words.get(index + 2).is_some_and(|next| next == "::") {
            for name in first_names(&words[index + 3..]) {
                exports.insert(name, words[index + 1].clone());
            }
        }
    }
    exports
}
