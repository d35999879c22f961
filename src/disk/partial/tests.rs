use bao_tree::ChunkNum;

use super::{have::Have, *};

fn chunks(ranges: &[(u64, u64)]) -> ChunkRanges {
    let mut all = ChunkRanges::empty();
    for (start, end) in ranges {
        all |= ChunkRanges::from(ChunkNum(*start)..ChunkNum(*end));
    }
    all
}

struct World {
    dir: tempfile::TempDir,
    destination: Destination,
    hash: Hash,
}

const SIZE: u64 = 5_000_000;

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let destination = Destination::open(dir.path()).unwrap().unwrap();
        Self {
            dir,
            destination,
            hash: Hash::new(b"content"),
        }
    }

    fn partial(&self) -> Partial {
        Partial::open(&self.destination, &self.hash).unwrap()
    }
}

fn entry(path: &str) -> EntryPath {
    EntryPath::parse(path.as_bytes()).unwrap()
}

const PLAIN: Finish = Finish {
    mode: Some(0o640),
    mtime: None,
    replace: Replace::Nothing,
    fsync: false,
};

#[test]
fn a_second_fetch_of_the_same_is_told_to_wait() {
    let world = World::new();
    let first = world.partial();
    let second = Partial::open(&world.destination, &world.hash);
    assert_eq!(second.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    drop(first);
    world.partial();
}

#[test]
fn what_was_saved_is_there_after_a_kill() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 32)]), 32_768);
    part.save(&partial, true).unwrap();
    part.mark(&chunks(&[(32, 64)]), 32_768);
    part.save(&partial, false).unwrap();
    part.mark(&chunks(&[(64, 80)]), 16_384);
    drop((part, partial));

    let partial = world.partial();
    assert_eq!(partial.have(3, &world.hash, SIZE), chunks(&[(0, 64)]));
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(
        part.have(),
        chunks(&[(0, 32)]),
        "what the disk has is believed"
    );
    assert_eq!(
        part.take_unproven(false),
        chunks(&[(32, 64)]),
        "the rest must be looked at"
    );
    assert!(!part.is_complete());
}

#[test]
fn a_data_file_with_something_behind_its_end_is_begun_anew() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 64)]), 65_536);
    part.save(&partial, true).unwrap();
    part.data().set_len(SIZE + 1).unwrap();
    drop(part);
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), ChunkRanges::empty());
    assert_eq!(part.data().metadata().unwrap().len(), 0);
}

#[test]
fn a_data_file_that_lost_its_end_is_not_believed() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 64)]), 65_536);
    part.save(&partial, true).unwrap();
    part.data().set_len(10_000).unwrap();
    drop(part);
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), ChunkRanges::empty());
}

#[test]
fn a_record_that_was_not_synced_costs_no_synced_one() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 32)]), 32_768);
    part.save(&partial, true).unwrap();
    part.mark(&chunks(&[(32, 64)]), 32_768);
    part.save(&partial, false).unwrap();
    drop((part, partial));
    // As after a power cut.
    let folder = world.dir.path().join(PARTIAL_DIR);
    let more = folder.join(world.hash.to_hex()).join("3.more");
    std::fs::write(more, b"").unwrap();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), chunks(&[(0, 32)]));
}

#[test]
fn an_old_record_does_not_vouch_for_new_data() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    part.write(SIZE - 1, &[7]).unwrap();
    part.mark(&chunks(&[(0, SIZE.div_ceil(1024))]), SIZE);
    part.save(&partial, true).unwrap();
    // As after a kill between the final name and the removal of the record.
    partial.dir.remove_file(b"3.data").unwrap();
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), ChunkRanges::empty());
    part.write(SIZE - 1, &[7]).unwrap();
    drop(part);
    let part = partial.large(3, &world.hash, SIZE).unwrap();
    assert_eq!(
        part.have(),
        ChunkRanges::empty(),
        "the hole is not believed"
    );
}

#[test]
fn a_stream_that_is_late_leaves_no_record() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(3, &world.hash, 2048).unwrap();
    part.write(0, &[7; 2048]).unwrap();
    part.mark(&chunks(&[(0, 2)]), 2048);
    partial
        .place_large(&part, &world.destination, &entry("x"), &PLAIN)
        .unwrap();
    part.save(&partial, true).unwrap();
    assert!(!partial.dir.names().unwrap().contains(&b"3.have".to_vec()));
    partial.remove_unless_begun(&world.destination).unwrap();
    assert!(!world.dir.path().join(PARTIAL_DIR).exists());
}

#[test]
fn a_damaged_record_says_nothing() {
    let hash = Hash::new(b"content");
    let have = Have {
        synced: chunks(&[(0, 16)]),
        written: chunks(&[(0, 48), (64, 80)]),
    };
    let bytes = have.encode(&hash, SIZE);
    assert_eq!(Have::decode(&bytes, &hash, SIZE, SIZE), Some(have));
    assert_eq!(Have::decode(&bytes, &Hash::new(b"other"), SIZE, SIZE), None);
    assert_eq!(Have::decode(&bytes, &hash, SIZE + 1, SIZE), None);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 4;
        assert_eq!(Have::decode(&bad, &hash, SIZE, SIZE), None, "byte {at}");
        assert_eq!(
            Have::decode(&bytes[..at], &hash, SIZE, SIZE),
            None,
            "{at} bytes"
        );
    }
}

#[test]
fn small_files_appear_whole_or_not_at_all() {
    let world = World::new();
    let partial = world.partial();
    let place = |path: &str, finish: &Finish| {
        partial.write_small(1, b"hello", &world.destination, &entry(path), finish)
    };
    place("a/b/c.txt", &PLAIN).unwrap();
    assert_eq!(
        std::fs::read(world.dir.path().join("a/b/c.txt")).unwrap(),
        b"hello"
    );
    std::fs::write(world.dir.path().join("mine"), b"mine").unwrap();
    let error = place("mine", &PLAIN).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        std::fs::read(world.dir.path().join("mine")).unwrap(),
        b"mine"
    );
    place(
        "mine",
        &Finish {
            replace: Replace::Anything,
            ..PLAIN
        },
    )
    .unwrap();
    assert_eq!(
        std::fs::read(world.dir.path().join("mine")).unwrap(),
        b"hello"
    );
    partial.remove(&world.destination).unwrap();
    assert!(
        !world.dir.path().join(PARTIAL_DIR).exists(),
        "nothing is left behind"
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), world.dir.path().join("pub")).unwrap();
    let partial = world.partial();
    let target = entry("pub/x");
    let placed = partial.write_small(1, b"hello", &world.destination, &target, &PLAIN);
    assert!(placed.is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let place = world.destination.look(&target).unwrap();
    assert_eq!(
        place,
        crate::disk::Place::Blocked(entry("pub"), "a symbolic link")
    );
}

#[cfg(unix)]
#[test]
fn a_hard_linked_twin_stays_as_it_is() {
    let world = World::new();
    let twin = world.dir.path().join("twin");
    std::fs::write(&twin, b"important").unwrap();
    std::fs::hard_link(&twin, world.dir.path().join("x")).unwrap();
    let partial = world.partial();
    let replace = Finish {
        replace: Replace::Anything,
        ..PLAIN
    };
    partial
        .write_small(1, b"hello", &world.destination, &entry("x"), &replace)
        .unwrap();
    assert_eq!(std::fs::read(&twin).unwrap(), b"important");
}

#[test]
fn files_that_are_being_placed_are_remembered() {
    let world = World::new();
    let partial = world.partial();
    partial.note_placing(&[1, 5]).unwrap();
    partial.note_placing(&[5, 7]).unwrap();
    let peek = Partial::peek(&world.destination, &world.hash).unwrap();
    assert_eq!(peek.placing(), [1, 5, 7].into());
    assert_eq!(numbers_in(&partial.dir, b"placing").unwrap(), [1, 5, 7]);
}

#[test]
fn folders_that_were_made_are_remembered() {
    let world = World::new();
    let partial = world.partial();
    partial.note_made(&[1, 5]).unwrap();
    partial.note_made(&[7]).unwrap();
    drop(partial);
    assert_eq!(world.partial().made().unwrap(), [1, 5, 7]);
}

#[test]
fn a_link_takes_the_place_of_a_file_in_one_step() {
    let world = World::new();
    let partial = world.partial();
    let at = world.dir.path().join("link");
    std::fs::write(&at, "somebody's").unwrap();
    let link = LinkEntry {
        path: entry("link"),
        target: b"target".to_vec().into(),
        mtime: Mtime { secs: 7, nanos: 0 },
    };
    let place = |replace| partial.place_link(&link, &world.destination, replace);
    let refused = place(Replace::Nothing).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&at).unwrap(), b"somebody's");
    place(Replace::Anything).unwrap();
    assert_eq!(std::fs::read_link(&at).unwrap().to_str(), Some("target"));
    assert_eq!(FileStat::at(&at).unwrap().mtime.secs, 7);
    let mut names = partial.dir.names().unwrap();
    names.sort_unstable();
    assert_eq!(names, [&b"lock"[..], b"sound"]);
}

#[test]
fn a_record_without_its_file_keeps_nothing() {
    let world = World::new();
    let partial = world.partial();
    drop(partial.dir.create_file(b"0.have").unwrap());
    drop(partial.dir.create_file(b"0.data").unwrap());
    partial.remove_unless_begun(&world.destination).unwrap();
    assert!(world.dir.path().join(PARTIAL_DIR).exists());
    // It was killed right after the file got its name.
    partial.dir.remove_file(b"0.data").unwrap();
    partial.remove_unless_begun(&world.destination).unwrap();
    assert!(!world.dir.path().join(PARTIAL_DIR).exists());
}

#[cfg(unix)]
#[test]
fn data_that_has_its_final_name_is_finished() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 64)]), 65_536);
    part.save(&partial, true).unwrap();
    drop(part);
    assert!(partial.is_begun());
    let folder = world.dir.path().join(PARTIAL_DIR);
    let data = folder.join(world.hash.to_hex()).join("0.data");
    let placed = world.dir.path().join("placed");
    std::fs::hard_link(data, &placed).unwrap();
    assert!(!partial.is_begun());
    assert!(partial.have(0, &world.hash, SIZE).is_empty());
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    assert!(part.have().is_empty());
    part.write(0, &[8; 100]).unwrap();
    assert_eq!(std::fs::read(placed).unwrap(), vec![7; 65_536]);
}

#[test]
fn what_was_believed_and_is_not_there_is_missing_again() {
    let world = World::new();
    let part = world.partial().large(0, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 64 * 1024]).unwrap();
    part.mark(&chunks(&[(0, 64)]), 64 * 1024);
    assert!(part.take_believed().is_empty(), "it was verified just now");
    let partial = world.partial();
    part.save(&partial, true).unwrap();
    let again = partial.large(0, &world.hash, SIZE).unwrap();
    assert_eq!(again.take_believed(), chunks(&[(0, 64)]));
    assert!(again.take_believed().is_empty(), "once is enough");
    again.lose(&chunks(&[(16, 32)]));
    assert_eq!(again.have(), chunks(&[(0, 16), (32, 64)]));
}

/// What a system says once; asked again it says that all is well.
fn lost() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

#[test]
fn after_a_sync_that_failed_only_what_was_synced_before_counts() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 32)]), 32_768);
    part.save(&partial, true).unwrap();
    part.mark(&chunks(&[(32, 48)]), 16_384);
    part.save(&partial, false).unwrap();
    part.mark(&chunks(&[(48, 64)]), 16_384);
    let failed = partial.noting(part.sync(|_, _| Err(lost())));
    assert_eq!(failed.unwrap_err().kind(), lost().kind());
    for _ in 0..2 {
        let error = part.save(&partial, true).unwrap_err();
        assert_eq!(error.kind(), lost().kind(), "it stays so");
    }
    let placed = partial.place_large(&part, &world.destination, &entry("x"), &PLAIN);
    assert_eq!(placed.unwrap_err().kind(), lost().kind());
    assert!(!world.dir.path().join("x").exists());
    drop((part, partial));

    let partial = world.partial();
    assert!(!partial.is_sound());
    let peek = Partial::peek(&world.destination, &world.hash).unwrap();
    assert_eq!(peek.have(0, &world.hash, SIZE), chunks(&[(0, 32)]));
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), chunks(&[(0, 32)]));
    assert!(
        part.take_unproven(false).is_empty(),
        "reading proves nothing"
    );
    part.mark(&chunks(&[(32, 64)]), 32_768);
    part.save(&partial, true).unwrap();
    drop((part, partial));
    let part = world.partial().large(0, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), chunks(&[(0, 64)]), "a sync is one again");
}

#[test]
fn a_large_file_of_which_nothing_was_synced_is_begun_anew() {
    let world = World::new();
    let partial = world.partial();
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    part.write(0, &vec![7; 65_536]).unwrap();
    part.mark(&chunks(&[(0, 64)]), 65_536);
    part.save(&partial, false).unwrap();
    partial.noting::<()>(Err(lost())).unwrap_err();
    let part = partial.large(0, &world.hash, SIZE).unwrap();
    assert_eq!(part.have(), ChunkRanges::empty());
    assert_eq!(part.data().metadata().unwrap().len(), 0);
}

#[test]
fn a_sync_that_failed_is_known_until_the_folder_goes() {
    let world = World::new();
    let sound = || {
        let partial = world.partial();
        let peek = Partial::peek(&world.destination, &world.hash).unwrap();
        assert_eq!(partial.is_sound(), peek.is_sound());
        partial.is_sound()
    };
    assert!(sound() && sound());
    let partial = world.partial();
    partial.note_placing(&[1]).unwrap();
    partial.noting::<()>(Err(lost())).unwrap_err();
    assert!(!partial.is_sound());
    drop(partial);
    assert!(!sound() && !sound());
    world.partial().remove(&world.destination).unwrap();
    assert!(sound());
}

#[test]
fn a_file_system_that_lost_something_did_so_for_all() {
    let world = World::new();
    let other = Partial::open(&world.destination, &Hash::new("another")).unwrap();
    other.note_placing(&[1]).unwrap();
    drop(other);
    let partial = world.partial();
    partial.noting_for_all(Ok(())).unwrap();
    assert!(partial.is_sound());
    partial.noting_for_all::<()>(Err(lost())).unwrap_err();
    assert!(!partial.is_sound());
    let other = Partial::open(&world.destination, &Hash::new("another")).unwrap();
    assert!(!other.is_sound());
}

#[test]
fn what_is_safe_need_not_be_placed_again() {
    let world = World::new();
    let partial = world.partial();
    partial.note_placing(&[3, 1, 2]).unwrap();
    partial.noting::<()>(Err(lost())).unwrap_err();
    assert!(!partial.forget_placing(|number| number != 1).unwrap());
    drop(partial);
    let partial = world.partial();
    assert_eq!(partial.placing().unwrap(), [1]);
    assert!(!partial.is_sound());
    assert!(partial.forget_placing(|_| true).unwrap());
}

#[test]
fn only_what_was_seen_is_replaced() {
    let world = World::new();
    let partial = world.partial();
    let at = world.dir.path().join("x");
    std::fs::write(&at, b"lost?").unwrap();
    let seen = FileStat::at(&at).unwrap();
    let place = |content: &[u8]| {
        let finish = Finish {
            replace: Replace::State(seen.mark()),
            ..PLAIN
        };
        partial.write_small(1, content, &world.destination, &entry("x"), &finish)
    };
    place(b"fetched").unwrap();
    assert_eq!(std::fs::read(&at).unwrap(), b"fetched");
    std::fs::write(&at, b"edited").unwrap();
    let refused = place(b"again").unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&at).unwrap(), b"edited");
    std::fs::remove_file(&at).unwrap();
    place(b"again").unwrap();
    assert_eq!(std::fs::read(&at).unwrap(), b"again");
}

#[test]
fn names_of_what_is_not_there_are_not_waited_for() {
    let world = World::new();
    world.destination.make_dir(&entry("there"), false).unwrap();
    std::fs::write(world.dir.path().join("file"), b"").unwrap();
    let entries = ["there/x", "gone/deep/x", "file/x"].map(entry);
    world.destination.sync_names(entries.iter()).unwrap();
    assert!(!world.dir.path().join("gone").exists());
}
