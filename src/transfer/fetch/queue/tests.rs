use super::*;
use crate::content::{EntryPath, FileEntry, Hash};

fn item(number: u32) -> Item {
    Item {
        number,
        replace: Replace::Nothing,
        renamed: None,
    }
}

/// Files of these sizes and contents.
fn share(files: impl IntoIterator<Item = (u64, u8)>) -> Arc<Manifest> {
    let files = files
        .into_iter()
        .enumerate()
        .map(|(number, (size, content))| FileEntry {
            path: EntryPath::parse(number.to_string().as_bytes()).unwrap(),
            hash: Hash::new([content]),
            size: Some(size),
            mode: None,
            mtime: None,
        });
    Arc::new(Manifest {
        files: files.collect(),
        ..Manifest::default()
    })
}

fn queue(manifest: &Arc<Manifest>, present: &[u32]) -> Queue {
    let wanted = (0..u32::try_from(manifest.files.len()).unwrap()).filter(|n| !present.contains(n));
    Queue::new(wanted.map(item).collect(), present, manifest.clone())
}

/// Numbers of what is asked for.
fn asked(queue: &Queue) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(unit) = queue.next() {
        match unit {
            Unit::Small(wants) => numbers.extend(wants.iter().map(|want| want.number)),
            Unit::Piece(file, _) => numbers.push(file.want.number),
            Unit::Copies(_) => panic!("copied too early"),
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Pairs of what is copied, and from where.
fn copied(queue: &Queue) -> Vec<(u32, u32)> {
    queue.begin_copies();
    let mut pairs = Vec::new();
    while let Some(Unit::Copies(twins)) = queue.next() {
        pairs.extend(twins.iter().map(|twin| (twin.item.number, twin.of.number)));
    }
    pairs
}

#[test]
fn every_byte_is_asked_for_once() {
    let sizes = [0, 5, SMALL, SMALL + 1, 3, PIECE, PIECE + 1, 10 * PIECE - 1];
    let queue = queue(&share(sizes.into_iter().zip(0..)), &[]);
    let mut asked = vec![ChunkRanges::empty(); sizes.len()];
    while let Some(unit) = queue.next() {
        match unit {
            Unit::Small(wants) => {
                for want in wants {
                    asked[want.number as usize] =
                        ChunkRanges::from(..ChunkNum(want.size.div_ceil(1024)));
                }
            }
            Unit::Piece(file, ranges) => {
                let asked = &mut asked[file.want.number as usize];
                assert!(asked.is_disjoint(&ranges));
                *asked |= ranges;
            }
            Unit::Copies(twins) => panic!("{twins:?}"),
        }
    }
    for (size, asked) in sizes.iter().zip(asked) {
        assert_eq!(
            asked,
            ChunkRanges::from(..ChunkNum(size.div_ceil(1024))),
            "size {size}"
        );
    }
    assert!(!queue.begin_copies());
}

#[test]
fn many_small_files_share_a_request() {
    let files = (0..1000u32).map(|number| FileEntry {
        path: EntryPath::parse(number.to_string().as_bytes()).unwrap(),
        hash: Hash::new(number.to_le_bytes()),
        size: Some(1000),
        mode: None,
        mtime: None,
    });
    let manifest = Arc::new(Manifest {
        files: files.collect(),
        ..Manifest::default()
    });
    let queue = queue(&manifest, &[]);
    let requests = std::iter::from_fn(|| queue.next()).count();
    assert_eq!(requests, 4);
}

#[test]
fn the_same_content_is_asked_for_once() {
    let large = 3 * PIECE;
    let manifest = share([
        (9, 1),
        (9, 2),
        (9, 1),
        (large, 3),
        (9, 1),
        (large, 3),
        (9, 2),
    ]);
    let queue = queue(&manifest, &[]);
    assert_eq!(asked(&queue), [0, 1, 3]);
    assert_eq!(copied(&queue), [(2, 0), (4, 0), (6, 1), (5, 3)]);
}

#[test]
fn what_is_there_already_is_copied_from() {
    let manifest = share([(9, 1), (9, 2), (9, 1), (9, 2), (9, 3)]);
    let queue = queue(&manifest, &[2]);
    assert_eq!(asked(&queue), [1, 4]);
    assert_eq!(copied(&queue), [(3, 1), (0, 2)]);
}

#[test]
fn a_copy_is_made_from_where_the_other_file_goes() {
    let manifest = share([(9, 1), (9, 1)]);
    let renamed = EntryPath::parse(b"0 (1)").map(Box::new).ok();
    let first = Item { renamed, ..item(0) };
    let queue = Queue::new(vec![first.clone(), item(1)], &[], manifest);
    assert_eq!(asked(&queue), [0]);
    queue.begin_copies();
    let Some(Unit::Copies(twins)) = queue.next() else {
        panic!("nothing is copied");
    };
    assert_eq!(
        twins,
        [Twin {
            item: item(1),
            of: first
        }]
    );
}

#[test]
fn files_without_content_are_no_copies() {
    let queue = queue(&share([(0, 1), (0, 1), (0, 1)]), &[]);
    assert_eq!(asked(&queue), [0, 1, 2]);
    assert!(!queue.begin_copies());
}
