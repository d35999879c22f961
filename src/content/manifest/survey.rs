//! Looks over a list of entries where it lies, before memory is taken for it.

use super::{
    BadName, DirEntry, FileEntry, LinkEntry, ManifestError, Mtime,
    check::{Budget, check_neighbours, tree_order},
    is_target,
    read::{FileMetadata, Taker},
};
use crate::content::{EntryPath, Limits, path};

/// Names that an error lists.
const BAD_NAMES: usize = 10;

/// Everything about a list that may be a reason to refuse it.
pub(super) struct Survey<'a> {
    meta: &'a [u8],
    limits: &'a Limits,
    budget: Budget,
    places: Vec<Place>,
    files: InOrder<'a>,
    dirs: InOrder<'a>,
    links: InOrder<'a>,
    total: u64,
    bad: Vec<BadName>,
    bad_count: u64,
}

/// Where in the list the name of an entry is.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    len: u16,
    is_dir: bool,
}

/// Whether names come in order.
struct InOrder<'a> {
    last: &'a [u8],
    count: u64,
    broken: bool,
}

impl<'a> InOrder<'a> {
    const NEW: Self = Self {
        last: b"",
        count: 0,
        broken: false,
    };

    fn take(&mut self, name: &'a [u8]) {
        self.broken |= name < self.last;
        self.last = name;
        self.count += 1;
    }
}

impl<'a> Survey<'a> {
    /// A survey of the list `meta`, whose names it will be handed.
    pub(super) fn new(meta: &'a [u8], limits: &'a Limits) -> Self {
        Self {
            meta,
            limits,
            budget: Budget::new(),
            places: Vec::new(),
            files: InOrder::NEW,
            dirs: InOrder::NEW,
            links: InOrder::NEW,
            total: 0,
            bad: Vec::new(),
            bad_count: 0,
        }
    }

    /// Notes the name of an entry of type `T`.
    fn take<T>(&mut self, name: &'a [u8], is_dir: bool) -> Result<(), ManifestError> {
        if let Err(why) = path::check(name, self.limits) {
            self.bad_count += 1;
            if self.bad.len() < BAD_NAMES {
                self.bad.push(BadName::new(name, why));
            }
            return Ok(());
        }
        self.budget.spend::<T>(name.len())?;
        // Names are parts of `meta`, whose size the limits keep far below 32 bits.
        let at = name.as_ptr().addr() - self.meta.as_ptr().addr();
        let (Ok(at), Ok(len)) = (u32::try_from(at), u16::try_from(name.len())) else {
            return Err(ManifestError::TooLarge);
        };
        self.places.push(Place { at, len, is_dir });
        Ok(())
    }

    /// Says whether the list is to be refused; `sorted` lists have to be in order.
    pub(super) fn finish(mut self, sorted: bool) -> Result<(), ManifestError> {
        if self.bad_count > 0 {
            return Err(ManifestError::Names {
                names: self.bad,
                count: self.bad_count,
            });
        }
        if sorted && (self.files.broken || self.dirs.broken || self.links.broken) {
            return Err(ManifestError::Damaged("its entries are not in order"));
        }
        if self.places.is_empty() {
            return Err(ManifestError::Empty);
        }
        let meta = self.meta;
        let name = |place: &Place| {
            let name = meta.get(place.at as usize..).unwrap_or_default();
            name.get(..usize::from(place.len)).unwrap_or_default()
        };
        // Nearly in order already, which this sort makes use of.
        self.places.sort_by(|a, b| tree_order(name(a), name(b)));
        let entries = self.places.iter().map(|place| (name(place), place.is_dir));
        check_neighbours(entries, self.links.count, self.limits)
    }
}

impl<'a> Taker<'a> for Survey<'a> {
    fn file(
        &mut self,
        name: &'a [u8],
        _: &[u8; 32],
        (size, _, _): FileMetadata,
    ) -> Result<(), ManifestError> {
        let total = self.total.checked_add(size.unwrap_or_default());
        self.total = total.ok_or(ManifestError::SizeOverflow)?;
        self.files.take(name);
        self.take::<FileEntry>(name, false)
    }

    fn dir(&mut self, name: &'a [u8], _: u32, _: Mtime) -> Result<(), ManifestError> {
        self.dirs.take(name);
        self.take::<DirEntry>(name, true)
    }

    fn link(&mut self, name: &'a [u8], target: &'a [u8], _: Mtime) -> Result<(), ManifestError> {
        if !is_target(target) {
            return Err(match EntryPath::parse_within(name, self.limits) {
                Ok(path) => ManifestError::BadTarget { path },
                Err(why) => ManifestError::Names {
                    names: vec![BadName::new(name, why)],
                    count: 1,
                },
            });
        }
        self.links.take(name);
        self.budget.spend::<()>(target.len())?;
        self.take::<LinkEntry>(name, false)
    }
}
