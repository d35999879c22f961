use super::{links::stays_inside, *};
use crate::{content::Mtime, disk::Partial};

const MTIME: Mtime = Mtime {
    secs: 1_000_000_000,
    nanos: 0,
};

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text.as_bytes()).unwrap()
}

fn file(at: &str, content: &[u8]) -> FileEntry {
    let size = Some(content.len() as u64);
    FileEntry {
        path: path(at),
        hash: Hash::new(content),
        size,
        mode: None,
        mtime: None,
    }
}

fn link(at: &str, target: &str) -> LinkEntry {
    LinkEntry {
        path: path(at),
        target: target.as_bytes().into(),
        mtime: MTIME,
    }
}

fn plan(manifest: &Manifest, at: &std::path::Path, conflicts: Conflicts) -> Result<Plan, Failure> {
    plan_after(&HashSet::new(), false, manifest, at, conflicts)
}

/// The same where an earlier run set out to place these, and maybe is to do so again.
fn plan_after(
    begun: &HashSet<u32>,
    anew: bool,
    manifest: &Manifest,
    at: &std::path::Path,
    conflicts: Conflicts,
) -> Result<Plan, Failure> {
    let destination = Destination::open(at).unwrap();
    let only = Only::default();
    let options = PlanOptions {
        only: &only,
        conflicts,
        verify: false,
        begun,
        anew,
    };
    make(
        manifest,
        destination.as_ref(),
        options,
        &|_| None,
        &|_| {},
        &Stop::default(),
    )
}

#[test]
fn what_is_there_is_not_fetched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("d")).unwrap();
    std::fs::write(dir.path().join("d/a"), b"aaa").unwrap();
    let manifest = Manifest {
        files: vec![file("d/a", b"aaa"), file("d/b", b"bbbb")],
        ..Manifest::default()
    };
    let plan = plan(&manifest, dir.path(), Conflicts::Stop).unwrap();
    assert_eq!(plan.have, (1, 3));
    assert_eq!(plan.wants.len(), 1);
    let want = plan.wants[0].want(&manifest).unwrap();
    assert_eq!((want.place, want.size), (path("d/b"), 4));
    assert_eq!((plan.wanted_bytes, plan.present), (4, vec![0]));
}

#[test]
fn what_the_disk_may_not_have_is_placed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c"];
    for name in names {
        std::fs::write(dir.path().join(name), b"content").unwrap();
    }
    let manifest = Manifest {
        files: names.map(|name| file(name, b"content")).into(),
        ..Manifest::default()
    };
    let begun = [1, 2].into();
    let after = |anew| plan_after(&begun, anew, &manifest, dir.path(), Conflicts::Stop);
    assert!(after(false).unwrap().is_empty());
    let plan = after(true).unwrap();
    assert_eq!(plan.present, [0], "nobody's but its owner's");
    let mark = |name| disk::FileStat::at(&dir.path().join(name)).unwrap().mark();
    let wants: Vec<_> = plan.wants.iter().map(|w| (w.number, w.replace)).collect();
    let [b, c] = ["b", "c"].map(|name| Replace::State(mark(name)));
    assert_eq!(wants, [(1, b), (2, c)]);
    assert_eq!(plan.wanted_bytes, 0, "it takes no more room than it has");
    std::fs::write(dir.path().join("b"), b"edited!").unwrap();
    let failure = after(true).unwrap_err();
    assert_eq!(failure.kind, FailureKind::InTheWay);
}

#[test]
fn other_content_is_named_and_settled_as_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), b"mine").unwrap();
    let manifest = Manifest {
        files: vec![file("a.txt", b"new!")],
        ..Manifest::default()
    };
    let failure = plan(&manifest, dir.path(), Conflicts::Stop).unwrap_err();
    assert_eq!(failure.kind, FailureKind::InTheWay);
    assert!(failure.message.contains("a.txt"), "{}", failure.message);

    let overwrite = plan(&manifest, dir.path(), Conflicts::Overwrite).unwrap();
    assert_eq!(overwrite.wants[0].replace, Replace::Anything);
    let skip = plan(&manifest, dir.path(), Conflicts::Skip).unwrap();
    assert!(skip.wants.is_empty());
    assert_eq!(skip.left_alone, ["a.txt"]);
    let rename = plan(&manifest, dir.path(), Conflicts::Rename).unwrap();
    let want = rename.wants[0].want(&manifest).unwrap();
    assert_eq!(want.place, path("a (1).txt"));
    std::fs::write(dir.path().join("a (1).txt"), b"new!").unwrap();
    let again = plan(&manifest, dir.path(), Conflicts::Rename).unwrap();
    assert!(again.is_empty(), "the renamed one is recognised");
}

#[test]
fn folders_are_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("a")).unwrap();
    let manifest = Manifest {
        files: vec![file("a", b"x")],
        ..Manifest::default()
    };
    for conflicts in [Conflicts::Stop, Conflicts::Overwrite] {
        let failure = plan(&manifest, dir.path(), conflicts).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InTheWay);
    }
}

#[test]
fn a_file_where_a_folder_belongs_is_named_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("d"), b"a file").unwrap();
    let manifest = Manifest {
        files: vec![file("d/a", b"x"), file("d/b", b"y"), file("d/c/e", b"z")],
        ..Manifest::default()
    };
    let failure = plan(&manifest, dir.path(), Conflicts::Overwrite).unwrap_err();
    assert_eq!(failure.message, "in the way at the destination: d (a file)");
}

#[test]
fn links_that_lead_out_are_refused() {
    let tops: HashSet<&[u8]> = [&b"p"[..], b"q"].into();
    for (at, target, inside) in [
        ("p/l", "a", true),
        ("p/l", "./a/b", true),
        ("p/l", ".", true),
        ("p/d/l", "../a", true),
        ("p/d/l", "..", true),
        ("p/l", "../q/x", true),
        ("l", "p/x", true),
        ("p/l", "/etc/passwd", false),
        ("p/l", "..", false),
        ("p/l", "../../x", false),
        ("p/l", "../other", false),
        ("p/l", "a/../b", false),
        ("l", "..", false),
        ("l", ".", false),
        ("l", "other", false),
    ] {
        assert_eq!(
            stays_inside(&link(at, target), &tops).is_some(),
            inside,
            "{at} -> {target}"
        );
    }
}

#[test]
fn space_is_compared_with_what_is_needed() {
    assert!(check_space(1000, false, Some(1005)).is_ok());
    assert!(check_space(1000, false, None).is_ok());
    let failure = check_space(1000, false, Some(1004)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::LocalDisk);
    assert!(check_space(u64::MAX, false, Some(u64::MAX - 1)).is_err());
    assert!(check_space(1000, true, Some(5)).is_ok());
    assert!(check_space(1000, true, Some(4)).is_err());
}

#[cfg(unix)]
#[test]
fn what_is_left_alone_gets_no_new_way_to_it() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("pub")).unwrap();
    let manifest = Manifest {
        files: vec![file("pub/y", b"y")],
        links: vec![link("x", "pub/passwd")],
        ..Manifest::default()
    };
    let plan = plan(&manifest, dir.path(), Conflicts::Skip).unwrap();
    assert_eq!(plan.refused_links, ["x"]);
    assert!(plan.links.is_empty());
}

/// Two names that are one, as where case does not count. Hard links are that, too.
#[cfg(target_os = "linux")]
#[test]
fn what_is_placed_anew_does_not_give_way_to_what_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("A"), b"one").unwrap();
    std::fs::hard_link(dir.path().join("A"), dir.path().join("a")).unwrap();
    let manifest = Manifest {
        files: vec![file("A", b"one"), file("a", b"two")],
        ..Manifest::default()
    };
    let begun = [0].into();
    let mut plan = plan_after(&begun, true, &manifest, dir.path(), Conflicts::Skip).unwrap();
    let destination = Destination::open(dir.path()).unwrap().unwrap();
    let partial = Partial::open(&destination, &Hash::new("share")).unwrap();
    let only = Only::default();
    let skip = Conflicts::Skip;
    settle_twins(&mut plan, &manifest, &only, skip, &destination, &partial).unwrap();
    let wants: Vec<_> = plan.wants.iter().map(|want| want.number).collect();
    assert_eq!(wants, [0]);
    assert_eq!(plan.left_alone, ["a"]);
}
