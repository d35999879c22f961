use iroh_blobs::format::collection::{Collection, CollectionMeta};
use proptest::prelude::*;

use super::{
    wire::{MAGIC, VERSION},
    *,
};

const MTIME: Mtime = Mtime { secs: -5, nanos: 7 };

fn path(bytes: impl AsRef<[u8]>) -> EntryPath {
    EntryPath::parse(bytes.as_ref()).unwrap()
}

fn file(name: impl AsRef<[u8]>) -> FileEntry {
    FileEntry {
        path: path(&name),
        hash: Hash::new(name),
        size: Some(300),
        mode: Some(0o644),
        mtime: Some(MTIME),
    }
}

fn dir(name: &str) -> DirEntry {
    DirEntry {
        path: path(name),
        mode: 0o755,
        mtime: MTIME,
    }
}

fn link(name: &str, target: &str) -> LinkEntry {
    LinkEntry {
        path: path(name),
        target: target.as_bytes().into(),
        mtime: MTIME,
    }
}

fn files(names: &[&str]) -> Result<Manifest, ManifestError> {
    let files = names.iter().map(file).collect();
    Manifest::new(files, vec![], vec![], &Limits::DEFAULT)
}

fn decode(encoded: &Encoded) -> Result<Manifest, ManifestError> {
    Manifest::decode(&encoded.hash_seq, &encoded.meta, &Limits::DEFAULT)
}

/// Both blobs of a collection as another tool makes it.
fn foreign(names: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let collection: Collection = names.iter().map(|n| (*n, Hash::new(n))).collect();
    let blobs: Vec<Bytes> = collection.to_blobs().collect();
    (blobs[1].to_vec(), blobs[0].to_vec())
}

/// Both blobs of a manifest with one file `f`, without what is behind the names.
fn bare() -> (Vec<u8>, Vec<u8>) {
    foreign(&["f"])
}

/// A section with this body.
fn section(body: &[u8]) -> Vec<u8> {
    let mut section = MAGIC.to_vec();
    section.push(VERSION);
    section.extend((body.len() as u64).to_le_bytes());
    section.extend(body);
    section
}

/// Decodes the one file `f` with these bytes behind the names.
fn decode_with(behind: &[u8]) -> Result<Manifest, ManifestError> {
    let (hash_seq, mut meta) = bare();
    meta.extend(behind);
    Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT)
}

fn sample() -> Manifest {
    Manifest::new(
        vec![file("trip/b.jpg"), file(b"trip/caf\xe9"), file("trip/a")],
        vec![dir("trip"), dir("trip/empty")],
        vec![link("trip/latest", "b.jpg")],
        &Limits::DEFAULT,
    )
    .unwrap()
}

/// The wire form byte by byte, as `docs/formats.md` shows it.
#[test]
fn the_wire_form_is_as_documented() {
    let manifest = Manifest::new(
        vec![file("d/a"), file(b"d/\xff")],
        vec![dir("d")],
        vec![link("d/l", "a")],
        &Limits::DEFAULT,
    )
    .unwrap();
    let expected = [
        "436f6c6c656374696f6e56302e", // CollectionV0.
        "02",                         // 2 names
        "03 642f61",                  // d/a
        "05 642f256666",              // d/%ff
        "93 47726f76654d 0a",         // magic
        "01",                         // version
        "2400000000000000",           // length of the body
        "01",                         // 1 raw name
        "01 03 642fff",               // of file 1: d/\xff
        "07 ac02 a403 09 07",         // d/a: all present, 300 bytes, 0644, -5 s, 7 ns
        "07 ac02 a403 09 07",         // d/\xff: the same
        "01",                         // 1 folder
        "01 64 ed03 09 07",           // d: 0755, -5 s, 7 ns
        "01",                         // 1 link
        "03 642f6c 01 61 09 07",      // d/l to a, -5 s, 7 ns
    ];
    let expected = expected.concat().replace(' ', "");
    let encoded = manifest.encode();
    let hex = data_encoding::HEXLOWER.encode(&encoded.meta);
    assert_eq!(hex, expected);
    let hashes = [
        Hash::new(&encoded.meta),
        Hash::new("d/a"),
        Hash::new(b"d/\xff"),
    ];
    assert_eq!(encoded.hash_seq, hashes.map(|h| *h.as_bytes()).concat());
    assert_eq!(encoded.root, Hash::new(&encoded.hash_seq));
    assert_eq!(
        encoded.root.to_string(),
        "11d7f8fff75f21a7916aaf4250fe0fe526e35a643851ad159dc64b401cac5a2e"
    );
}

#[test]
fn what_is_sent_arrives() {
    let manifest = sample();
    let names: Vec<String> = manifest.paths().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "trip/a",
            "trip/b.jpg",
            "trip/caf\\xe9",
            "trip",
            "trip/empty",
            "trip/latest"
        ]
    );
    assert_eq!(decode(&manifest.encode()).unwrap(), manifest);
    assert_eq!(manifest.total_bytes(), 900);
    assert_eq!(manifest.name(), "trip");
    assert_eq!(files(&["b/x", "a", "b/y"]).unwrap().name(), "2 entries");
}

#[test]
fn other_tools_read_our_collections() {
    let encoded = sample().encode();
    let meta: CollectionMeta = postcard::from_bytes(&encoded.meta).unwrap();
    assert!(meta.check_header());
    assert_eq!(meta.names(), ["trip/a", "trip/b.jpg", "trip/caf%e9"]);
}

#[test]
fn a_stand_in_is_nobodys_name() {
    let long = b"\xff".repeat(255);
    let manifest = Manifest::new(
        vec![file(b"\xff"), file("%ff"), file(&long)],
        vec![],
        vec![],
        &Limits::DEFAULT,
    )
    .unwrap();
    let encoded = manifest.encode();
    assert_eq!(decode(&encoded).unwrap(), manifest);
    let meta: CollectionMeta = postcard::from_bytes(&encoded.meta).unwrap();
    let mut names = meta.names().to_vec();
    assert!(names.iter().all(|n| EntryPath::parse(n.as_bytes()).is_ok()));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3);
}

#[test]
fn collections_of_other_tools_are_read_with_defaults_and_keep_their_root() {
    let (hash_seq, meta) = foreign(&["z/b", "a"]);
    let manifest = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).unwrap();
    let names: Vec<&[u8]> = manifest.files.iter().map(|f| f.path.as_bytes()).collect();
    assert_eq!(names, [&b"z/b"[..], b"a"]);
    assert_eq!(manifest.files[0].hash, Hash::new("z/b"));
    assert_eq!(manifest.files[0].size, None);
    assert_eq!(manifest.files[0].mtime, None);
    assert_eq!(manifest.encode().root, Hash::new(&hash_seq));
    assert!(decode_with(b"").is_ok());
    assert!(decode_with(b"something of another tool").is_ok());
    assert!(decode_with(&MAGIC[..7]).is_ok());
}

#[test]
fn a_damaged_section_is_refused() {
    // No raw names; size 1, mode 0, time 0; no folders, no links.
    let body = b"\0\x07\x01\0\0\0\0\0";
    let whole = section(body);
    assert_eq!(decode_with(&whole).unwrap().files[0].size, Some(1));
    for end in MAGIC.len()..whole.len() {
        let error = decode_with(&whole[..end]).unwrap_err();
        assert!(matches!(error, ManifestError::Damaged(_)), "{end}: {error}");
    }
    for end in 0..body.len() {
        let error = decode_with(&section(&body[..end])).unwrap_err();
        assert!(matches!(error, ManifestError::Damaged(_)), "{end}: {error}");
    }
    assert!(decode_with(&[&whole[..], b"x"].concat()).is_err());
    // Later fields go at the end of the body.
    assert!(decode_with(&section(&[&body[..], b"later"].concat())).is_ok());
    let mut newer = whole.clone();
    newer[MAGIC.len()] = 2;
    let error = decode_with(&newer).unwrap_err();
    assert_eq!(error, ManifestError::Newer { version: 2 });
    let cases: [(&str, &[u8]); 6] = [
        ("a flag nobody knows", b"\0\x08\0\0"),
        ("a raw name of no file", b"\x01\x01\x01\xff\0\0\0"),
        (
            "two raw names of one file",
            b"\x02\0\x01\xff\0\x01\xfe\0\0\0",
        ),
        ("a raw name that is UTF-8", b"\x01\0\x01g\0\0\0"),
        (
            "a number of 11 bytes",
            b"\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0",
        ),
        ("folders out of order", b"\0\0\x02\x01b\0\0\0\x01a\0\0\0\0"),
    ];
    for (what, body) in cases {
        let error = decode_with(&section(body)).unwrap_err();
        assert!(
            matches!(error, ManifestError::Damaged(_)),
            "{what}: {error}"
        );
    }
}

#[test]
fn claims_cost_nothing() {
    // 2^63 raw names, folders, links; a folder's name of 2^63 bytes.
    let huge = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
    for before in [&b""[..], b"\0\0", b"\0\0\0", b"\0\0\x01"] {
        assert!(decode_with(&section(&[before, huge].concat())).is_err());
    }
    let (hash_seq, meta) = bare();
    for names in [&huge[..], b"\x02", b"\0"] {
        let meta = [&meta[..13], names, &meta[14..]].concat();
        let error = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, ManifestError::Mismatch { hashes: 1, .. }));
    }
    let meta = [&meta[..14], huge].concat();
    assert!(Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).is_err());
}

#[test]
fn blobs_that_are_no_collection_are_refused() {
    let (hash_seq, meta) = bare();
    let limits = Limits::DEFAULT;
    for bad in [&hash_seq[..63], &hash_seq[..0], &hash_seq[..32], &meta] {
        assert!(Manifest::decode(bad, &meta, &limits).is_err());
    }
    let mut wrong_header = meta.clone();
    wrong_header[11] = b'1';
    let mut not_utf8 = meta.clone();
    *not_utf8.last_mut().unwrap() = 0xff;
    for bad in [&wrong_header[..], &not_utf8, b"", &meta[..meta.len() - 1]] {
        let error = Manifest::decode(&hash_seq, bad, &limits).unwrap_err();
        assert!(matches!(error, ManifestError::Damaged(_)));
    }
    let name = "x".repeat(16 << 20);
    let (hash_seq, meta) = foreign(&[&name]);
    let error = Manifest::decode(&hash_seq, &meta, &limits).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
    let (hash_seq, meta) = foreign(&[]);
    let error = Manifest::decode(&hash_seq, &meta, &limits).unwrap_err();
    assert_eq!(error, ManifestError::Empty);
}

#[test]
fn every_hostile_name_is_told() {
    let names = ["../x", "ok", "/etc/x", "a//b", "\x1b[2J/..", "a\\..\\b"];
    let (hash_seq, meta) = foreign(&names);
    let error = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("5 names in the share are not allowed: \"../x\" ("));
    assert!(text.contains("\"\\u{1b}[2J/..\"") && !text.contains('\x1b'));
    let names: Vec<String> = (0..25).map(|n| format!("../{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (hash_seq, meta) = foreign(&names);
    let error = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).unwrap_err();
    assert!(error.to_string().ends_with("and 15 more"));
    assert!(matches!(error, ManifestError::Names { names, count: 25 } if names.len() == 10));
}

#[test]
fn two_entries_at_one_place_are_refused() {
    let duplicate = |path_: &str| ManifestError::Duplicate { path: path(path_) };
    let below = |path_: &str, above: &str| ManifestError::Below {
        path: path(path_),
        above: path(above),
    };
    assert_eq!(files(&["a", "b", "a"]).unwrap_err(), duplicate("a"));
    // Entries that sort between a file and what is below it do not hide it.
    let between = ["a", "a!", "a-b", "a/b"];
    assert_eq!(files(&between).unwrap_err(), below("a/b", "a"));
    assert_eq!(
        files(&["x/y", "x/y/z/w"]).unwrap_err(),
        below("x/y/z/w", "x/y")
    );
    assert!(files(&["a!", "a-b", "a/b", "ab"]).is_ok());
    let all = |files: &[&str], dirs: &[&str], links: &[&str]| {
        Manifest::new(
            files.iter().map(file).collect(),
            dirs.iter().map(|d| dir(d)).collect(),
            links.iter().map(|l| link(l, "target")).collect(),
            &Limits::DEFAULT,
        )
    };
    assert_eq!(all(&["a"], &["a"], &[]).unwrap_err(), duplicate("a"));
    assert_eq!(all(&[], &["a"], &["a"]).unwrap_err(), duplicate("a"));
    assert_eq!(
        all(&["pub/x"], &[], &["pub"]).unwrap_err(),
        below("pub/x", "pub")
    );
    assert_eq!(
        all(&[], &["f", "f/d"], &["f/d/l", "f"]).unwrap_err(),
        duplicate("f")
    );
    let (hash_seq, meta) = foreign(&["a/b", "c", "a"]);
    let error = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT).unwrap_err();
    assert_eq!(error, below("a/b", "a"));
}

#[test]
fn numbers_have_limits() {
    let limits = Limits {
        files: 2,
        others: 3,
        meta_bytes: 200,
        ..Limits::DEFAULT
    };
    let new = |files: &[&str], dirs: &[&str]| {
        Manifest::new(
            files.iter().map(file).collect(),
            dirs.iter().map(|d| dir(d)).collect(),
            vec![],
            &limits,
        )
    };
    assert!(new(&["a", "b"], &["c", "d", "e"]).is_ok());
    assert_eq!(
        new(&["a", "b", "c"], &[]).unwrap_err(),
        ManifestError::TooManyFiles { max: 2 }
    );
    let too_many = ManifestError::TooManyFolders { max: 3 };
    assert_eq!(new(&[], &["a", "b", "c", "d"]).unwrap_err(), too_many);
    // Folders that are only implied count, each once.
    assert!(new(&["a/b/c/1", "a/b/c/2"], &["a", "a/b"]).is_ok());
    assert_eq!(new(&["a/b/c/d/1"], &[]).unwrap_err(), too_many);
    assert_eq!(new(&["a/b/c/1"], &["d"]).unwrap_err(), too_many);
    let long = "x".repeat(200);
    let error = new(&[&long], &[]).unwrap_err();
    assert!(matches!(error, ManifestError::MetaTooLarge { max: 200, bytes } if bytes > 200));
    let encoded = sample().encode();
    assert!(Manifest::decode(&encoded.hash_seq, &encoded.meta, &limits).is_err());
}

#[test]
fn values_are_made_sane() {
    let mut wild = file("wild");
    wild.mode = Some(0o104_777);
    wild.mtime = Some(Mtime {
        secs: 1_000_000_000_000_000_000,
        nanos: u32::MAX,
    });
    let mut early = dir("early");
    early.mtime.secs = i64::MIN;
    early.mode = u32::MAX;
    let manifest = Manifest::new(vec![wild], vec![early], vec![], &Limits::DEFAULT).unwrap();
    assert_eq!(manifest.files[0].mode, Some(0o777));
    assert_eq!(manifest.files[0].mtime, Some(Mtime::MAX));
    assert_eq!(manifest.dirs[0].mtime, Mtime::MIN);
    assert_eq!(manifest.dirs[0].mode, 0o777);
    // The same for what arrives.
    let body = b"\0\x06\xff\x9f\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0";
    let received = decode_with(&section(body)).unwrap();
    assert_eq!(received.files[0].mode, Some(0o777));
    assert_eq!(received.files[0].mtime, Some(Mtime::MIN));
}

#[test]
fn impossible_sizes_and_targets_are_refused() {
    let mut giant = file("giant");
    giant.size = Some(u64::MAX);
    let new = |files, links| Manifest::new(files, vec![], links, &Limits::DEFAULT);
    assert!(new(vec![giant.clone()], vec![]).is_ok());
    assert_eq!(
        new(vec![giant, file("one")], vec![]).unwrap_err(),
        ManifestError::SizeOverflow
    );
    assert_eq!(new(vec![], vec![]).unwrap_err(), ManifestError::Empty);
    assert!(new(vec![], vec![link("l", &"x".repeat(4096))]).is_ok());
    for target in ["", "a\0b", &"x".repeat(4097)] {
        let error = new(vec![], vec![link("l", target)]).unwrap_err();
        assert_eq!(error, ManifestError::BadTarget { path: path("l") });
    }
}

#[test]
fn names_that_fold_together_are_found() {
    let pairs = [
        ("A", "a"),
        ("\u{e9}", "e\u{301}"),
        ("É", "e\u{301}"),
        ("ﬁ", "fi"),
        ("SS", "ß"),
        ("Straße", "STRASSE"),
        ("\u{212a}", "k"),
        ("σ", "ς"),
        ("a\u{200c}b", "ab"),
        ("x", "x."),
        ("x", "x .. "),
        ("d/README", "d/readme"),
    ];
    for (a, b) in pairs {
        let found = files(&[a, b]).unwrap().folding_collisions();
        assert_eq!(found.len(), 1, "{a} {b}");
        let pair = [&found[0].first, &found[0].second];
        assert!(pair.contains(&&path(a)) && pair.contains(&&path(b)));
    }
    for (a, b) in [
        ("x²", "x2"),
        ("a", "á"),
        ("A/x", "b/X"),
        ("...", "  "),
        ("a/b", "ab"),
    ] {
        assert_eq!(files(&[a, b]).unwrap().folding_collisions(), []);
    }
}

#[test]
fn folders_fold_together_and_stand_for_what_is_in_them() {
    let manifest = files(&["Foo/a", "foo/b", "foo/A", "foo/a", "FOO", "z/Q/1", "z/q"]).unwrap();
    let found: Vec<String> = manifest
        .folding_collisions()
        .iter()
        .map(|c| format!("{} {}", c.first, c.second))
        .collect();
    assert_eq!(found, ["FOO Foo", "FOO foo", "foo/A foo/a", "z/Q z/q"]);
}

/// Far above what a small share has; the limits themselves are ten times that.
#[test]
fn a_hundred_thousand_names_are_no_trouble() {
    let files: Vec<FileEntry> = (0..100_000)
        .map(|n| file(format!("root/{}/{}/{n}", n % 100, n % 1000)))
        .collect();
    let manifest = Manifest::new(files, vec![], vec![], &Limits::DEFAULT).unwrap();
    assert_eq!(decode(&manifest.encode()).unwrap(), manifest);
    assert_eq!(manifest.folding_collisions(), []);
}

/// Each shape makes some step of reading, checking or writing go over everything again for each name,
/// unless care is taken. A million names take less than five seconds; this is a fraction of them, without
/// optimisation and on a busy machine, and the bound still far below what the square of it takes.
#[test]
fn no_shape_of_a_share_takes_time_by_the_square() {
    let started = std::time::Instant::now();
    let round_trip = |files: Vec<FileEntry>, dirs: Vec<DirEntry>| {
        let manifest = Manifest::new(files, dirs, vec![], &Limits::DEFAULT).unwrap();
        assert_eq!(decode(&manifest.encode()).unwrap(), manifest);
        manifest.folding_collisions().len()
    };
    let many = 0..50_000_u32;
    // All fold to one, which 16 letters make possible in this many ways.
    let cases = many.clone().map(|n| {
        let letter = |bit: u32| if n >> bit & 1 == 0 { 'a' } else { 'A' };
        file((0..16).map(letter).collect::<String>())
    });
    assert_eq!(round_trip(cases.collect(), vec![]), 49_999);
    // Deep below one long path, and each in a folder of its own.
    let deep = "d/".repeat(200);
    let below = many.clone().map(|n| file(format!("{deep}{n}/x")));
    assert_eq!(round_trip(below.collect(), vec![dir("d")]), 0);
    // Names that look like the stand-ins that the last thousand need.
    let looks = many.map(|n| file(format!("{}~{n}", "a".repeat(40))));
    let raw = (0..1000).map(|n| {
        let start = "a".repeat(200).into_bytes();
        file([start, format!("{n:05}").into_bytes(), vec![0xFF; 40]].concat())
    });
    assert_eq!(round_trip(looks.chain(raw).collect(), vec![]), 0);
    assert!(started.elapsed().as_secs() < 100, "{:?}", started.elapsed());
}

#[test]
fn a_share_near_all_limits_at_once_takes_too_much_memory() {
    let limits = Limits::DEFAULT;
    let mut budget = check::Budget::new();
    for _ in 0..limits.files {
        budget.spend::<FileEntry>(100).unwrap();
    }
    let mut folders = (0..limits.others).map(|_| budget.spend::<DirEntry>(100));
    assert!(folders.any(|spent| spent == Err(ManifestError::TooLarge)));
}

fn any_mtime() -> impl Strategy<Value = Mtime> {
    (any::<i64>(), any::<u32>()).prop_map(|(secs, nanos)| Mtime { secs, nanos })
}

fn any_path() -> impl Strategy<Value = EntryPath> {
    let component = prop_oneof![
        "[a-cA-C]{1,2}".prop_map(String::into_bytes),
        "\\PC{1,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..6),
    ];
    prop::collection::vec(component, 1..4).prop_filter_map("not a path", |parts| {
        EntryPath::parse(&parts.join(&b'/')).ok()
    })
}

prop_compose! {
    fn any_file()(
        path in any_path(),
        hash in any::<[u8; 32]>(),
        size in prop::option::of(any::<u32>()),
        mode in prop::option::of(any::<u32>()),
        mtime in prop::option::of(any_mtime()),
    ) -> FileEntry {
        FileEntry { path, hash: Hash::from_bytes(hash), size: size.map(u64::from), mode, mtime }
    }
}

proptest! {
    #[test]
    fn any_manifest_round_trips(
        files in prop::collection::vec(any_file(), 0..12),
        dirs in prop::collection::vec((any_path(), any::<u32>(), any_mtime()), 0..5),
        links in prop::collection::vec((any_path(), "[^\0]{1,9}", any_mtime()), 0..5),
    ) {
        let dirs = dirs.into_iter().map(|(path, mode, mtime)| DirEntry { path, mode, mtime });
        let links = links.into_iter().map(|(path, target, mtime)| LinkEntry {
            path, target: target.into_bytes().into(), mtime,
        });
        let made = Manifest::new(files, dirs.collect(), links.collect(), &Limits::DEFAULT);
        if let Ok(manifest) = made {
            let encoded = manifest.encode();
            prop_assert_eq!(decode(&encoded), Ok(manifest.clone()));
            let meta: CollectionMeta = postcard::from_bytes(&encoded.meta).unwrap();
            prop_assert_eq!(meta.names().len(), manifest.files.len());
            let _ = (manifest.folding_collisions(), manifest.name());
        }
    }

    #[test]
    fn any_bytes_are_refused_without_panic(
        meta in prop::collection::vec(any::<u8>(), 0..80),
        entries in 0_usize..5,
    ) {
        let hash_seq = vec![7; 32 * entries];
        let _ = Manifest::decode(&hash_seq, &meta, &Limits::DEFAULT);
        let _ = Manifest::decode(&meta, &meta, &Limits::DEFAULT);
        let _ = decode_with(&section(&meta));
    }

    #[test]
    fn any_change_of_a_byte_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let encoded = sample().encode();
        let mut meta = encoded.meta.to_vec();
        let at = at.index(meta.len());
        meta[at] = byte;
        if let Ok(manifest) = Manifest::decode(&encoded.hash_seq, &meta, &Limits::DEFAULT) {
            prop_assert_eq!(manifest.files.len(), 3);
        }
    }
}
