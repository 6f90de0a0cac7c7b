//! Files below one directory, and none outside of it.
use super::{
    content::{Ended, Session},
    http::{self, NOT_FOUND, Request},
};
use crate::failure::Failure;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokio::io::AsyncReadExt;

/// A directory whose files are served.
pub struct Files {
    /// Without symbolic links.
    root: PathBuf,
}

impl Files {
    /// The files below `root`.
    pub fn new(root: &Path) -> Result<Self, Failure> {
        let unusable = |error: &std::io::Error| Failure::unreadable(root, error);
        let canonical = fs::canonicalize(root).map_err(|error| unusable(&error))?;
        fs::read_dir(&canonical).map_err(|error| unusable(&error))?;
        Ok(Self { root: canonical })
    }

    /// Answers with the file, or that there is none.
    pub async fn respond(&self, session: &mut Session, request: &Request) -> Result<(), Ended> {
        let Some(path) = self.find(&request.path) else { return http::refuse(session, NOT_FOUND).await };
        // What is opened is looked at again: between the two it may have become something else.
        let Ok(file) = tokio::fs::File::open(&path).await else {
            return http::refuse(session, NOT_FOUND).await;
        };
        let length = match file.metadata().await {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => return http::refuse(session, NOT_FOUND).await,
        };
        session.write(http::head("200 OK", content_type(&path), length).as_bytes()).await?;
        if request.head_only {
            return Ok(());
        }
        // No more than was promised, even if the file grows meanwhile.
        let mut file = file.take(length);
        let mut left = length;
        let mut piece = vec![0; 1 << 16];
        while left > 0 {
            let read = file.read(&mut piece).await.map_err(|error| Ended::CutOff(error.to_string()))?;
            let piece = piece.get(..read).filter(|piece| !piece.is_empty());
            let piece = piece.ok_or_else(|| Ended::CutOff("the file has become shorter".into()))?;
            session.write(piece).await?;
            left = left.saturating_sub(read as u64);
        }
        Ok(())
    }

    /// The file of this path, if there is one and it lies below the root.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let mut found = self.root.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let part = percent_decode(part)?;
            // A name, and nothing that a file system reads as more than that.
            if part == "." || part == ".." || part.contains(['/', '\\', '\0', ':']) {
                return None;
            }
            found.push(part);
        }
        // Symbolic links may lead around, but not out.
        let mut found = fs::canonicalize(found).ok()?;
        if found.is_dir() {
            found = fs::canonicalize(found.join("index.html")).ok()?;
        }
        (found.starts_with(&self.root) && found.is_file()).then_some(found)
    }
}

/// RFC 3986 section 2.1. None if it is not well-formed, or not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?].map(|digit| char::from(digit).to_digit(16));
                (digits[0]? * 16 + digits[1]?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "log" | "pem" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "json" | "map" => "application/json",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_found() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("a b")).unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        fs::write(root.join("a b/c.txt"), "c").unwrap();
        fs::write(root.join("index.html"), "i").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("secret"), root.join("link")).unwrap();
        let files = Files::new(&root).unwrap();
        let found =
            |path: &str| files.find(path).map(|found| found.strip_prefix(&files.root).unwrap().to_owned());
        assert_eq!(found("/"), Some("index.html".into()));
        assert_eq!(found("/a%20b/c.txt"), Some("a b/c.txt".into()));
        for path in [
            "/../secret",
            "/a%20b/../../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/..\\secret",
            "/link",
            "/a%20b",
            "/none",
            "/%",
            "/%zz",
            "/%ff",
            "/index.html%00",
            "/c:secret",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
