//! How much of a stranger's content is looked at before it is refused.

/// Bounds on a manifest. A share beyond them is refused by the sharer before it gives out a ticket,
/// and by the receiver before it fetches content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most files in a share. The hash sequence of one more would not fit in 32 MiB, which is where
    /// iroh-blobs' own tools stop.
    pub files: u64,
    /// Most folders and links in a share, together.
    pub others: u64,
    /// Most bytes of a metadata blob.
    pub meta_bytes: u64,
    /// Most components of an entry path.
    pub depth: usize,
    /// Most bytes of one component.
    pub component_bytes: usize,
    /// Most bytes of a whole entry path.
    pub path_bytes: usize,
}

impl Limits {
    /// The limits Grove works with.
    pub const DEFAULT: Self = Self {
        files: 1_048_575,
        others: 1_048_576,
        meta_bytes: 128 * 1024 * 1024,
        depth: 255,
        component_bytes: 255,
        path_bytes: 4096,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
