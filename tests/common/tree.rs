//! Trees of files to share.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Numbers that look random and are the same in every run: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// So many bytes that do not repeat, others for every length.
pub(crate) fn filler(len: usize) -> Vec<u8> {
    let mut random = Random(len as u64);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Writes a file, and the folders above it.
pub(crate) fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Makes a symbolic link, and the folders above it.
pub(crate) fn link(path: &Path, target: impl AsRef<Path>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Sets the time of a file, folder or link, in seconds since 1970 with a fraction.
pub(crate) fn set_mtime(path: &Path, secs: f64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(secs);
    if path.is_symlink() {
        let secs = Duration::from_secs_f64(secs);
        let time = Timespec {
            tv_sec: i64::try_from(secs.as_secs()).unwrap(),
            tv_nsec: secs.subsec_nanos().into(),
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        return utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// Everything that a share keeps: names that are easy to get wrong, sizes around the edges of chunks
/// and of chunk groups, empty files and folders, links, modes, old times.
pub(crate) fn every_kind_of_entry(dir: &Path) {
    let names: [&[u8]; 14] = [
        b"plain.txt",
        b"with space",
        b" leading and trailing ",
        b"it's \"quoted\" `and` $(so on)",
        b"line\nbreak",
        b"tab\tin it",
        "emoji 🎄.png".as_bytes(),
        "e\u{301} and é".as_bytes(),
        b"not \xff\xfe Unicode",
        b"-rf",
        b".hidden",
        b"...",
        b"~",
        b"control \x1b[31m\x07",
    ];
    for (number, name) in names.into_iter().enumerate() {
        write(
            &dir.join("names").join(OsStr::from_bytes(name)),
            &filler(number),
        );
        let folder = [b"folder ", name].concat();
        let below = dir.join("names").join(OsStr::from_bytes(&folder));
        write(&below.join(OsStr::from_bytes(name)), &filler(100 + number));
    }
    let long = "x".repeat(255);
    write(&dir.join("names").join(long), b"the longest name there is");

    for size in [
        0,
        1,
        KIB - 1,
        KIB,
        KIB + 1,
        16 * KIB - 1,
        16 * KIB,
        16 * KIB + 1,
        32 * KIB,
        MIB - 1,
        MIB,
        MIB + 1,
        5 * MIB + 3,
    ] {
        write(&dir.join(format!("sizes/{size}")), &filler(size));
    }
    write(&dir.join("same content/one"), &filler(70_000));
    write(&dir.join("same content/two"), &filler(70_000));

    fs::create_dir_all(dir.join("empty")).unwrap();
    fs::create_dir_all(dir.join("nested/empty/folders/below")).unwrap();
    fs::create_dir_all(dir.join(".hidden folder")).unwrap();
    write(
        &dir.join("deep").join("d/".repeat(40)).join("bottom"),
        b"down here",
    );

    link(&dir.join("links/to a file"), "../sizes/1025");
    link(&dir.join("links/to a folder"), "../empty");
    link(&dir.join("links/to itself"), "to itself");
    link(&dir.join("links/to nothing"), "../not there");

    for mode in [0o755, 0o600, 0o444, 0o640, 0o777] {
        let path = dir.join(format!("modes/{mode:o}"));
        write(&path, &filler(2000 + mode as usize));
        set_mode(&path, mode);
    }
    for (name, time) in [
        ("1970", 1.0),
        ("2001", 1_000_000_000.123_456_7),
        ("2096", 4_000_000_000.0),
    ] {
        let path = dir.join("times").join(name);
        write(&path, name.as_bytes());
        set_mtime(&path, time);
    }
    set_mtime(&dir.join("links/to nothing"), 1_100_000_000.0);
    set_mtime(&dir.join("empty"), 1_200_000_000.0);
    set_mtime(&dir.join("times"), 1_300_000_000.5);
    set_mode(&dir.join("empty"), 0o700);
    set_mtime(dir, 1_400_000_000.0);
}
