//! What can be at a destination that only root can make.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

use crate::{common::Peer, lab::run};

/// A file system that keeps every attribute, in a file of its own.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn new(at: &'a Path) -> Self {
        let image = at.with_extension("image");
        fs::create_dir_all(at).unwrap();
        fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
        run("mkfs.ext4", &["-q", image.to_str().unwrap()]);
        let words = ["-o", "loop", image.to_str().unwrap(), at.to_str().unwrap()];
        run("mount", &words);
        Self(at)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let at = self.0.to_str().unwrap();
        _ = std::process::Command::new("chattr")
            .args(["-R", "-f", "-i", at])
            .status();
        _ = std::process::Command::new("umount")
            .args(["--lazy", at])
            .status();
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn devices_and_files_that_nobody_may_change() {
    let alice = Peer::new("alice");
    for name in ["device", "fixed", "folder/new", "new"] {
        alice.write(&format!("p/{name}"), "from alice");
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let disk = bob.path("disk");
    let disk = Disk::new(&disk);
    let at = |name: &str| disk.0.join("p").join(name);
    fs::create_dir_all(at("folder")).unwrap();
    fs::write(at("fixed"), "of Bob").unwrap();
    run("mknod", &[at("device").to_str().unwrap(), "c", "1", "3"]);
    run("chattr", &["+i", at("fixed").to_str().unwrap()]);
    run("chattr", &["+i", at("folder").to_str().unwrap()]);
    let is_device = |path: &Path| {
        let kind = fs::symlink_metadata(path).unwrap().file_type();
        kind.is_char_device()
    };

    let refused = bob.get(&sharing.ticket, &["-o", "disk"]).expect(7);
    assert!(refused.message().contains("a device"), "{refused}");
    assert!(is_device(&at("device")) && !at("new").exists());

    // Replacing is tried, and what cannot be is named; everybody else's stays as it is.
    for (only, name) in [("fixed", "p/fixed"), ("folder/**", "p/folder/new")] {
        let words = ["-o", "disk", "--overwrite", "--only", only];
        let refused = bob.get(&sharing.ticket, &words).expect(8);
        assert!(refused.message().contains(name), "{refused}");
        assert!(!disk.0.join(".grove-partial").exists(), "{refused}");
    }
    assert_eq!(fs::read(at("fixed")).unwrap(), b"of Bob");
    assert!(!at("folder/new").exists());

    let null = fs::metadata("/dev/null").unwrap().rdev();
    assert_eq!(fs::symlink_metadata(at("device")).unwrap().rdev(), null);
    let words = ["-o", "disk", "--overwrite", "--only", "device"];
    bob.get(&sharing.ticket, &words).expect(0);
    assert_eq!(fs::read(at("device")).unwrap(), b"from alice");
    assert!(is_device(Path::new("/dev/null")));
}
