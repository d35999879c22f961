//! The path of an entry within a share, and the only way to make one.
//!
//! Names in a manifest are data from a stranger. [`EntryPath::parse`] lets through what can only
//! mean a place below the destination, on every platform alike, so that a share which one computer
//! can send every other can take; on Windows it also refuses what that system cannot hold. The
//! sharer applies the same rules, and names what breaks them before it gives out a ticket.

use std::fmt;

use super::{Limits, escape_bytes, fold::fold_component};

/// The folder in which a destination keeps unfinished files. No share may hold an entry of this
/// name at its top level.
pub const PARTIAL_DIR: &str = ".grove-partial";

/// A relative path within a share, checked. Components are joined by `/`; bytes, not text, since
/// names on Unix are bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Box<[u8]>);

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// No bytes at all.
    #[error("the name is empty")]
    Empty,
    /// It starts with `/`.
    #[error("it is an absolute path")]
    Absolute,
    /// Two `/` in a row, or one at the end.
    #[error("it has an empty part between slashes")]
    EmptyComponent,
    /// A component that is `.`.
    #[error("it has a part that is .")]
    CurrentDir,
    /// A component that is `..`.
    #[error("it leads out of its folder with ..")]
    ParentDir,
    /// A NUL byte, which no file system takes.
    #[error("it holds a NUL byte")]
    Nul,
    /// A backslash, which separates folders on Windows.
    #[error("it holds a backslash, which separates folders on Windows")]
    Backslash,
    /// The first component is `~`, which shells take for the home folder.
    #[error("it starts with ~, which stands for the home folder")]
    Home,
    /// A component is, or folds to, [`PARTIAL_DIR`].
    #[error("Grove keeps unfinished files under this name")]
    Partial,
    /// A component is longer than [`Limits::component_bytes`].
    #[error("a part of it is longer than {max} bytes")]
    ComponentTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The path is longer than [`Limits::path_bytes`].
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The path has more components than [`Limits::depth`].
    #[error("it is more than {max} folders deep")]
    TooDeep {
        /// The limit, in components.
        max: usize,
    },
    /// Windows only: the name of a device, such as `CON`.
    #[error("Windows keeps this name for a device")]
    Reserved,
    /// Windows only: a dot or a space at the end of a component, which would be dropped.
    #[error("Windows drops the dot or space at the end of a part of it")]
    TrailingDotOrSpace,
    /// Windows only: a character that its file systems refuse, or give a meaning: `C:x` is on
    /// another drive, `x:y` a hidden part of `x`.
    #[error("it holds a character that Windows refuses")]
    Forbidden,
    /// Windows only: names are text there.
    #[error("it is not UTF-8, which Windows needs")]
    NotUtf8,
}

impl EntryPath {
    /// Checks `bytes` against the rules and [`Limits::DEFAULT`], and makes a path of them.
    ///
    /// # Errors
    /// The first rule that is broken. Control characters are no reason: they are legal on Unix,
    /// kept byte for byte, and escaped when shown.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        Self::parse_within(bytes, &Limits::DEFAULT)
    }

    /// As [`parse`](Self::parse), with other limits.
    pub fn parse_within(bytes: &[u8], limits: &Limits) -> Result<Self, PathError> {
        check(bytes, limits)?;
        Ok(Self(bytes.into()))
    }

    /// The bytes, components joined by `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components, at least one.
    #[must_use]
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.0.split(|b| *b == b'/')
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.components().next_back().unwrap_or_default()
    }

    /// The first component.
    #[must_use]
    pub fn top(&self) -> &[u8] {
        self.components().next().unwrap_or_default()
    }

    /// A key that two paths share when some file system in use may take them for one.
    #[must_use]
    pub fn folded(&self) -> Box<[u8]> {
        let components: Vec<_> = self.components().map(fold_component).collect();
        components.join(&b'/').into()
    }

    /// The path without its last component; `None` at the top level.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let slash = self.0.iter().rposition(|b| *b == b'/')?;
        Some(self.prefix(slash))
    }

    /// Whether this is `base` or lies below it.
    #[must_use]
    pub fn starts_with(&self, base: &Self) -> bool {
        match self.0.strip_prefix(&*base.0) {
            Some(rest) => rest.first().is_none_or(|b| *b == b'/'),
            None => false,
        }
    }

    /// This path with one more component.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); a `/` in `component` makes further components.
    pub fn join(&self, component: &[u8]) -> Result<Self, PathError> {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + component.len());
        bytes.extend_from_slice(&self.0);
        bytes.push(b'/');
        bytes.extend_from_slice(component);
        Self::parse(&bytes)
    }

    /// The path as the platform writes it. On Unix byte for byte.
    #[must_use]
    pub fn to_path(&self) -> std::path::PathBuf {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt as _;
            std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&self.0))
        }
        #[cfg(not(unix))]
        {
            // Elsewhere only UTF-8 gets through `parse`, so nothing is lost here.
            self.components()
                .map(|c| String::from_utf8_lossy(c).into_owned())
                .collect()
        }
    }

    /// The first `len` bytes, which the caller knows to end before a `/` or at the end.
    pub(super) fn prefix(&self, len: usize) -> Self {
        Self(self.0[..len].into())
    }
}

impl fmt::Display for EntryPath {
    /// Escaped, fit for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_bytes(&self.0))
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryPath({self})")
    }
}

/// Checks a name without making a path of it.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), PathError> {
    let first = *bytes.first().ok_or(PathError::Empty)?;
    // Before anything that takes time in proportion to the length.
    if bytes.len() > limits.path_bytes {
        return Err(PathError::TooLong {
            max: limits.path_bytes,
        });
    }
    if first == b'/' {
        return Err(PathError::Absolute);
    }
    let mut depth = 0;
    for component in bytes.split(|b| *b == b'/') {
        check_component(component, limits)?;
        if depth == 0 {
            check_top(component)?;
        }
        depth += 1;
    }
    if depth > limits.depth {
        return Err(PathError::TooDeep { max: limits.depth });
    }
    Ok(())
}

fn check_component(component: &[u8], limits: &Limits) -> Result<(), PathError> {
    match component {
        b"" => return Err(PathError::EmptyComponent),
        b"." => return Err(PathError::CurrentDir),
        b".." => return Err(PathError::ParentDir),
        _ => {}
    }
    if component.contains(&0) {
        return Err(PathError::Nul);
    }
    if component.contains(&b'\\') {
        return Err(PathError::Backslash);
    }
    if is_partial_dir(component) {
        return Err(PathError::Partial);
    }
    if component.len() > limits.component_bytes {
        return Err(PathError::ComponentTooLong {
            max: limits.component_bytes,
        });
    }
    if cfg!(windows) {
        check_windows(component)?;
    }
    Ok(())
}

fn check_top(component: &[u8]) -> Result<(), PathError> {
    if component == b"~" {
        return Err(PathError::Home);
    }
    Ok(())
}

/// Whether a name is, or folds to, [`PARTIAL_DIR`]. A stranger could plant progress records with it,
/// at any depth, since any folder may be the destination of another fetch.
fn is_partial_dir(component: &[u8]) -> bool {
    // A spelling that folds to the name is the same folder to some file systems. ASCII that starts
    // with another byte cannot fold to it, which spares most names the work.
    let suspect = component.first() == Some(&b'.') || !component.is_ascii();
    suspect && fold_component(component) == PARTIAL_DIR.as_bytes()
}

/// What Windows cannot hold in one component; compiled everywhere, so that it is tested everywhere.
fn check_windows(component: &[u8]) -> Result<(), PathError> {
    let text = std::str::from_utf8(component).map_err(|_| PathError::NotUtf8)?;
    if text.ends_with(['.', ' ']) {
        return Err(PathError::TrailingDotOrSpace);
    }
    if text.contains(|c: char| c < ' ' || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')) {
        return Err(PathError::Forbidden);
    }
    // What is before the first dot counts, spaces at its end do not: `con .tar.gz` is a device.
    let stem = text.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_uppercase();
    let reserved = match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => match stem.strip_prefix("COM").or(stem.strip_prefix("LPT")) {
            Some(port) => matches!(
                port,
                "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
            ),
            None => false,
        },
    };
    if reserved {
        return Err(PathError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
