//! What a person types: sizes, times, patterns.

use std::time::Duration;

use super::{Front, assert_showable, assert_told};
use crate::{
    app::Only,
    cli::{Patience, Size, Span},
    content::{EntryPath, human_time},
    disk::{self, SourceRoot},
};

/// A size or a time: all of the input, as text.
pub fn units(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Size>() {
        Ok(Size(bytes)) => {
            assert_ne!(bytes, 0);
            assert_eq!(text.to_ascii_uppercase().parse(), Ok(Size(bytes)));
            assert_eq!(bytes.to_string().parse(), Ok(Size(bytes)));
        }
        Err(error) => assert_showable(&error.to_string()),
    }
    match text.parse::<Span>() {
        Ok(Span(time)) => {
            assert!(time >= Duration::from_secs(1));
            assert_eq!(text.parse(), Ok(Patience::For(time)));
            let millis = time.as_millis();
            let exact = format!("{}.{:03}s", millis / 1000, millis % 1000);
            assert_eq!(exact.parse(), Ok(Span(time)));
            assert!(!human_time(time.as_secs_f64()).is_empty());
        }
        Err(error) => assert_showable(&error.to_string()),
    }
    let shown = human_time(f64::from_bits(Front(bytes).u64()));
    assert!(shown.len() <= 30, "{shown}");
}

/// Paths that patterns are tried on.
const PATHS: [&[u8]; 5] = [
    b"photos",
    b"photos/2024/b.jpg",
    b"photos/caf\xe9/[x]{y}*.md",
    "a/\u{e9}t\u{e9} 2024/\u{1f600}".as_bytes(),
    b"d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/e",
];

/// Patterns, one a line: as those of `--only` and as those of `--exclude`.
pub fn patterns(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let patterns: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let paths = PATHS.map(|path| EntryPath::parse(path).expect("a path"));
    match Only::parse(&patterns) {
        Ok(only) => {
            for path in &paths {
                // What is below a folder that matches matches, too.
                let above = path.parent().is_some_and(|above| only.matches(&above));
                assert!(!above || only.matches(path), "{path}");
            }
        }
        Err(failure) => assert_told(&failure),
    }
    let root = SourceRoot {
        name: paths[0].clone(),
        path: "/home/photos".into(),
        is_file: false,
    };
    match disk::exclude(&root, &patterns) {
        Ok(exclude) => {
            for path in &paths {
                let path = root.path.join(path.to_path());
                exclude.matched_path_or_any_parents(&path, false);
            }
        }
        Err(failure) => assert_told(&failure),
    }
}
