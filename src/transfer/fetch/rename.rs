//! Other names for files whose own is taken: `--rename`.

use std::collections::{HashMap, HashSet};

use crate::{
    content::{EntryPath, Manifest},
    events::{Failure, FailureKind},
};

/// Numbers from one of these up to the next are as long as each other. Up to the last is tried.
const LENGTHS: [u32; 5] = [1, 10, 100, 1000, 10_000];

/// Finds names that nothing has, neither at the destination nor in the share, not even on a file
/// system that takes some names for one.
pub(super) struct Renamer<'a> {
    manifest: &'a Manifest,
    /// Names of the share and names given, folded; built when the first is needed.
    taken: Option<HashSet<Box<[u8]>>>,
    /// For the first name, folded, of those with numbers of one length: the lowest number whose name may be
    /// free. Names that are cut because they are too long may have all their other names in common.
    next: HashMap<Box<[u8]>, u32>,
}

impl<'a> Renamer<'a> {
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        Self {
            manifest,
            taken: None,
            next: HashMap::new(),
        }
    }

    /// Counts names as given.
    pub(super) fn take<'p>(&mut self, places: impl Iterator<Item = &'p EntryPath>) {
        self.taken().extend(places.map(EntryPath::folded));
    }

    fn taken(&mut self) -> &mut HashSet<Box<[u8]>> {
        let manifest = self.manifest;
        self.taken
            .get_or_insert_with(|| manifest.paths().map(EntryPath::folded).collect())
    }

    /// A name like `a (1).txt` for which `free` says that nothing is there (`Some(false)`), or that
    /// the file itself is there already (`Some(true)`, which is returned with the name).
    pub(super) fn free_name(
        &mut self,
        path: &EntryPath,
        free: impl Fn(&EntryPath) -> Result<Option<bool>, Failure>,
    ) -> Result<(EntryPath, bool), Failure> {
        for lengths in LENGTHS.windows(2) {
            let Some(first) = numbered(path, lengths[0]) else {
                break;
            };
            let first = first.folded();
            let next = self.next.get(&first).copied().unwrap_or(lengths[0]);
            let mut all_taken = true;
            for number in next..lengths[1] {
                let Some(candidate) = numbered(path, number) else {
                    break;
                };
                let folded = candidate.folded();
                if self.taken().contains(&folded) {
                    // All names before it are taken, too, and stay so.
                    if all_taken {
                        self.next.insert(first.clone(), number + 1);
                    }
                    continue;
                }
                all_taken = false;
                if let Some(there) = free(&candidate)? {
                    self.taken().insert(folded);
                    return Ok((candidate, there));
                }
            }
        }
        Err(Failure::new(
            FailureKind::InTheWay,
            format!("no other name is free for {path}"),
        )
        .hint("choose another folder with -o"))
    }
}

/// `a (1).txt` for `a.txt`; the number goes in front of the ending, and names that would become too
/// long are cut at the end of their stem.
fn numbered(path: &EntryPath, number: u32) -> Option<EntryPath> {
    let name = path.file_name();
    let dot = name
        .iter()
        .rposition(|byte| *byte == b'.')
        .filter(|at| *at > 0);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let suffix = format!(" ({number})").into_bytes();
    let room = 255usize.checked_sub(suffix.len() + ending.len())?;
    let mut stem = &stem[..stem.len().min(room)];
    // A character that was cut in the middle would not be text any more.
    while std::str::from_utf8(name).is_ok() && std::str::from_utf8(stem).is_err() {
        stem = &stem[..stem.len() - 1];
    }
    let name = [stem, &suffix, ending].concat();
    match path.parent() {
        Some(parent) => parent.join(&name).ok(),
        None => EntryPath::parse(&name).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(of: &str, number: u32) -> String {
        let path = EntryPath::parse(of.as_bytes()).unwrap();
        String::from_utf8(numbered(&path, number).unwrap().as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_number_goes_in_front_of_the_ending() {
        assert_eq!(name("d/a.txt", 1), "d/a (1).txt");
        assert_eq!(name("a", 2), "a (2)");
        assert_eq!(name(".bashrc", 1), ".bashrc (1)");
        assert_eq!(name("a.tar.gz", 3), "a.tar (3).gz");
    }

    #[test]
    fn ten_thousand_names_for_one_are_found_at_once() {
        let manifest = Manifest::default();
        let mut renamer = Renamer::new(&manifest);
        let began = std::time::Instant::now();
        let mut names = HashSet::new();
        for number in 0..9999 {
            // All the same where they are cut to make room for a number.
            let name = format!("{}{number:05}", "x".repeat(250));
            let path = EntryPath::parse(name.as_bytes()).unwrap();
            let (name, _) = renamer.free_name(&path, |_| Ok(Some(false))).unwrap();
            assert!(names.insert(name));
        }
        // One by one it would be fifty million names, and take many minutes.
        assert!(began.elapsed().as_secs() < 60);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = format!("{}.txt", "ä".repeat(125));
        let renamed = name(&long, 12);
        assert!(
            renamed.len() <= 255 && renamed.ends_with("ä (12).txt"),
            "{renamed}"
        );
    }
}
