use super::*;

#[test]
fn smoke() {
    let path = |p: &[u8]| EntryPath::parse(p).unwrap();
    let mtime = Mtime { secs: -5, nanos: 7 };
    let m = Manifest::new(
        vec![FileEntry {
            path: path(b"a/\xff"),
            hash: Hash::new(b"x"),
            size: Some(1),
            mode: Some(0o644),
            mtime: Some(mtime),
        }],
        vec![DirEntry {
            path: path(b"a"),
            mode: 0o755,
            mtime,
        }],
        vec![LinkEntry {
            path: path(b"a/l"),
            target: b"..".as_slice().into(),
            mtime,
        }],
        &Limits::DEFAULT,
    )
    .unwrap();
    let e = m.encode();
    assert_eq!(
        Manifest::decode(&e.hash_seq, &e.meta, &Limits::DEFAULT).unwrap(),
        m
    );
    assert_eq!(m.folding_collisions(), vec![]);
    assert_eq!(m.name(), "a");
}
