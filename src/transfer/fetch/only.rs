//! Taking a part of a share: `--only`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    content::{EntryPath, Manifest, escape},
    events::{Failure, FailureKind},
};

/// Patterns that entries must match, one at least.
///
/// A pattern with a slash matches a whole path within the share, with or without its top folder; one
/// without matches a name at any depth. Either also matches everything below a folder that matches.
#[derive(Debug, Clone, Default)]
pub struct Only(Option<(GlobSet, GlobSet)>);

impl Only {
    /// Reads `patterns`; everything matches when there are none.
    ///
    /// # Errors
    /// `Usage` when a pattern is not a glob.
    pub fn parse(patterns: &[String]) -> Result<Self, Failure> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut paths = GlobSetBuilder::new();
        let mut names = GlobSetBuilder::new();
        for pattern in patterns {
            let trimmed = pattern.trim_end_matches('/').trim_start_matches("./");
            let glob = GlobBuilder::new(trimmed).literal_separator(true).build();
            let glob = glob.map_err(|error| {
                // What is wrong quotes the pattern.
                let (pattern, why) = (escape(pattern), error.kind().to_string());
                let message = format!("'{pattern}' is not a pattern: {}", escape(&why));
                Failure::new(FailureKind::Usage, message)
                    .hint("patterns look like '*.jpg', 'docs/**' or 'photos/2024'")
            })?;
            if trimmed.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let build = |builder: GlobSetBuilder| {
            builder.build().map_err(|error| {
                let why = error.to_string();
                let message = format!("the patterns are too large: {}", escape(&why));
                Failure::new(FailureKind::Usage, message).hint("use fewer or simpler ones")
            })
        };
        Ok(Self(Some((build(paths)?, build(names)?))))
    }

    /// Whether everything matches.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Takes out of `manifest` what does not match.
    pub fn retain(&self, manifest: &mut Manifest) {
        if self.is_all() {
            return;
        }
        manifest.files.retain(|entry| self.matches(&entry.path));
        manifest.dirs.retain(|entry| self.matches(&entry.path));
        manifest.links.retain(|entry| self.matches(&entry.path));
    }

    /// Whether `path`, or a folder above it, matches.
    #[must_use]
    pub fn matches(&self, path: &EntryPath) -> bool {
        let Some((paths, names)) = &self.0 else {
            return true;
        };
        let mut at = Some(path.clone());
        while let Some(path) = at {
            if names.is_match(
                EntryPath::parse(path.file_name())
                    .map_or_else(|_| std::path::PathBuf::new(), |name| name.to_path()),
            ) {
                return true;
            }
            let whole = path.to_path();
            let below_top: std::path::PathBuf = whole.components().skip(1).collect();
            if paths.is_match(&whole) || paths.is_match(&below_top) {
                return true;
            }
            at = path.parent();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{FileEntry, Hash};

    fn matches(pattern: &str, path: &str) -> bool {
        let only = Only::parse(&[pattern.to_owned()]).unwrap();
        only.matches(&EntryPath::parse(path.as_bytes()).unwrap())
    }

    #[test]
    fn patterns_match_what_people_expect() {
        assert!(matches("*.jpg", "photos/a.jpg"));
        assert!(matches("*.jpg", "photos/2024/b.jpg"));
        assert!(!matches("*.jpg", "photos/b.png"));
        assert!(matches("photos/2024", "photos/2024/b.jpg"));
        assert!(matches("2024/", "photos/2024/b.jpg"));
        assert!(matches("2024/*.jpg", "photos/2024/b.jpg"));
        assert!(!matches("2024/*.jpg", "photos/2024/deep/b.jpg"));
        assert!(matches("docs/**", "project/docs/deep/x.md"));
        assert!(matches("./docs/x.md", "project/docs/x.md"));
        assert!(!matches("docs/x.md", "project/other/docs/x.md"));
    }

    #[test]
    fn without_patterns_everything_matches() {
        let only = Only::parse(&[]).unwrap();
        assert!(only.is_all() && only.matches(&EntryPath::parse(b"a").unwrap()));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let failure = Only::parse(&["[".to_owned()]).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
    }

    #[test]
    fn a_wrong_pattern_is_fit_for_a_terminal() {
        let failure = Only::parse(&["[\u{1b}-\r]".to_owned()]).unwrap_err();
        assert!(!failure.message.contains(char::is_control), "{failure:?}");
    }

    #[test]
    fn what_does_not_match_is_taken_out() {
        let file = |at: &str| FileEntry {
            path: EntryPath::parse(at.as_bytes()).unwrap(),
            hash: Hash::EMPTY,
            size: Some(0),
            mode: None,
            mtime: None,
        };
        let files = vec![file("p/a.jpg"), file("p/b.txt")];
        let mut manifest = Manifest {
            files,
            ..Manifest::default()
        };
        Only::parse(&["*.jpg".to_owned()])
            .unwrap()
            .retain(&mut manifest);
        assert_eq!(manifest.files, [file("p/a.jpg")]);
    }
}
