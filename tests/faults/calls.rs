//! The system calls that are about files, and which file one is about.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    libc::{self, user_regs_struct},
    unistd::Pid,
};

/// What a call does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Create,
    Write,
    Sync,
    Rename,
    Remove,
    Resize,
    MakeDir,
    MakeLink,
    Attributes,
    Lock,
    Open,
    Read,
    Look,
    List,
    Seek,
}

impl Kind {
    /// Whether the disk is another one behind the call, or content is safer there.
    pub(crate) fn changes(self) -> bool {
        !matches!(
            self,
            Self::Open | Self::Read | Self::Look | Self::List | Self::Seek
        )
    }
}

/// A system call about a file that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// What it reads, where it reads and writes.
    source: Option<PathBuf>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.path.display())
    }
}

impl Call {
    pub(crate) fn is_write(&self) -> bool {
        matches!(self.name, "write" | "pwrite64")
    }

    /// Whether everything is on the disk behind it.
    pub(crate) fn syncs_all(&self) -> bool {
        self.name == "syncfs"
    }

    /// Whether a line makes it so seldom that a sample of its calls hardly ever has it.
    pub(crate) fn is_rare(&self) -> bool {
        let about_all = self.name.ends_with("statfs") || self.syncs_all();
        about_all || self.kind == Kind::Seek || self.source.is_some()
    }

    /// Whether it asks what is at a place.
    pub(crate) fn is_look(&self) -> bool {
        self.name.contains("stat")
    }

    /// Whether a system might fail the call in this way.
    pub(crate) fn can_fail_with(&self, error: Errno) -> bool {
        let takes_room = matches!(
            self.kind,
            Kind::Create
                | Kind::Write
                | Kind::Sync
                | Kind::Rename
                | Kind::Resize
                | Kind::MakeDir
                | Kind::MakeLink
        );
        match error {
            Errno::ENOSPC | Errno::EDQUOT => takes_room,
            Errno::EROFS => {
                self.kind.changes() && !matches!(self.kind, Kind::Write | Kind::Sync | Kind::Lock)
            }
            Errno::EACCES => !matches!(
                self.kind,
                Kind::Write
                    | Kind::Sync
                    | Kind::Resize
                    | Kind::Read
                    | Kind::List
                    | Kind::Lock
                    | Kind::Seek
            ),
            Errno::EMFILE => matches!(self.kind, Kind::Create | Kind::Open),
            Errno::EINTR => matches!(
                self.kind,
                Kind::Create | Kind::Open | Kind::Write | Kind::Sync | Kind::Resize | Kind::Read
            ),
            Errno::ENOLCK => self.kind == Kind::Lock,
            _ => true,
        }
    }
}

/// Which calls count.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// Files below these folders.
    pub(crate) below: Vec<PathBuf>,
    /// Whether calls that only read count, too.
    pub(crate) reading: bool,
}

/// Where a call has the file that it is about.
enum Where {
    /// This argument is an open file.
    Open(u64),
    /// The first is a folder or none, the second a path below it.
    Below(u64, u64),
    /// A path.
    Path(u64),
}

impl Watch {
    /// The call that a thread of `program` is about to make, if it counts.
    pub(crate) fn look(&self, program: Pid, regs: &user_regs_struct) -> Option<Call> {
        let (name, kind, place) = classify(regs)?;
        if !self.reading && !kind.changes() {
            return None;
        }
        let path = place.path(program)?;
        let source = source(regs).and_then(|place| place.path(program));
        let is_watched = |path: &Path| self.below.iter().any(|dir| path.starts_with(dir));
        let counts = is_watched(&path) || source.as_deref().is_some_and(is_watched);
        counts.then_some(Call {
            kind,
            name,
            path,
            source,
        })
    }
}

impl Where {
    /// The path of the file, for a thread of `program`.
    fn path(&self, program: Pid) -> Option<PathBuf> {
        match *self {
            Self::Open(file) => open_file(program, file),
            Self::Path(address) => Self::Below(HERE, address).path(program),
            Self::Below(_, 0) => None,
            Self::Below(dir, address) => {
                let path = text(program, address)?;
                if path.is_absolute() {
                    return Some(path);
                }
                Some(open_file(program, dir)?.join(path))
            }
        }
    }
}

/// The file that a call reads which writes to another.
fn source(regs: &user_regs_struct) -> Option<Where> {
    let number = i64::try_from(regs.orig_rax).ok()?;
    Some(Where::Open(match number {
        libc::SYS_sendfile => regs.rsi,
        libc::SYS_copy_file_range => regs.rdi,
        libc::SYS_ioctl => regs.rdx,
        _ => return None,
    }))
}

/// Stands for the folder that a program works in.
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;

const SEEK_DATA: u64 = libc::SEEK_DATA as u64;
const SEEK_HOLE: u64 = libc::SEEK_HOLE as u64;

fn classify(regs: &user_regs_struct) -> Option<(&'static str, Kind, Where)> {
    let (first, second, third, fourth) = (regs.rdi, regs.rsi, regs.rdx, regs.r10);
    let number = i64::try_from(regs.orig_rax).ok()?;
    let open = |flags: u64| {
        let flags = i32::try_from(flags & 0xffff_ffff).unwrap_or_default();
        if flags & (libc::O_CREAT | libc::O_TRUNC) != 0 {
            Kind::Create
        } else {
            Kind::Open
        }
    };
    Some(match number {
        libc::SYS_openat => ("openat", open(third), Where::Below(first, second)),
        libc::SYS_open => ("open", open(second), Where::Path(first)),
        libc::SYS_openat2 => ("openat2", Kind::Open, Where::Below(first, second)),
        libc::SYS_write => ("write", Kind::Write, Where::Open(first)),
        libc::SYS_pwrite64 => ("pwrite64", Kind::Write, Where::Open(first)),
        libc::SYS_writev => ("writev", Kind::Write, Where::Open(first)),
        libc::SYS_pwritev => ("pwritev", Kind::Write, Where::Open(first)),
        libc::SYS_sendfile => ("sendfile", Kind::Write, Where::Open(first)),
        libc::SYS_copy_file_range => ("copy_file_range", Kind::Write, Where::Open(third)),
        libc::SYS_ioctl if second == libc::FICLONE => {
            ("ioctl FICLONE", Kind::Write, Where::Open(first))
        }
        libc::SYS_syncfs => ("syncfs", Kind::Sync, Where::Open(first)),
        libc::SYS_fsync => ("fsync", Kind::Sync, Where::Open(first)),
        libc::SYS_fdatasync => ("fdatasync", Kind::Sync, Where::Open(first)),
        libc::SYS_sync_file_range => ("sync_file_range", Kind::Sync, Where::Open(first)),
        libc::SYS_rename => ("rename", Kind::Rename, Where::Path(second)),
        libc::SYS_renameat => ("renameat", Kind::Rename, Where::Below(third, fourth)),
        libc::SYS_renameat2 => ("renameat2", Kind::Rename, Where::Below(third, fourth)),
        libc::SYS_link => ("link", Kind::Rename, Where::Path(second)),
        libc::SYS_linkat => ("linkat", Kind::Rename, Where::Below(third, fourth)),
        libc::SYS_unlink => ("unlink", Kind::Remove, Where::Path(first)),
        libc::SYS_rmdir => ("rmdir", Kind::Remove, Where::Path(first)),
        libc::SYS_unlinkat => ("unlinkat", Kind::Remove, Where::Below(first, second)),
        libc::SYS_ftruncate => ("ftruncate", Kind::Resize, Where::Open(first)),
        libc::SYS_fallocate => ("fallocate", Kind::Resize, Where::Open(first)),
        libc::SYS_mkdir => ("mkdir", Kind::MakeDir, Where::Path(first)),
        libc::SYS_mkdirat => ("mkdirat", Kind::MakeDir, Where::Below(first, second)),
        libc::SYS_symlink => ("symlink", Kind::MakeLink, Where::Path(second)),
        libc::SYS_symlinkat => ("symlinkat", Kind::MakeLink, Where::Below(second, third)),
        libc::SYS_fchmod => ("fchmod", Kind::Attributes, Where::Open(first)),
        libc::SYS_fchmodat => ("fchmodat", Kind::Attributes, Where::Below(first, second)),
        libc::SYS_chmod => ("chmod", Kind::Attributes, Where::Path(first)),
        libc::SYS_utimensat if second == 0 => ("utimensat", Kind::Attributes, Where::Open(first)),
        libc::SYS_utimensat => ("utimensat", Kind::Attributes, Where::Below(first, second)),
        libc::SYS_flock => ("flock", Kind::Lock, Where::Open(first)),
        libc::SYS_read => ("read", Kind::Read, Where::Open(first)),
        libc::SYS_pread64 => ("pread64", Kind::Read, Where::Open(first)),
        // Others only change a number.
        libc::SYS_lseek if third == SEEK_DATA || third == SEEK_HOLE => {
            ("lseek", Kind::Seek, Where::Open(first))
        }
        libc::SYS_getdents64 => ("getdents64", Kind::List, Where::Open(first)),
        libc::SYS_newfstatat => ("newfstatat", Kind::Look, Where::Below(first, second)),
        libc::SYS_statfs => ("statfs", Kind::Look, Where::Path(first)),
        libc::SYS_fstatfs => ("fstatfs", Kind::Look, Where::Open(first)),
        libc::SYS_statx => ("statx", Kind::Look, Where::Below(first, second)),
        _ => return None,
    })
}

/// What is open in `program` under this number.
fn open_file(program: Pid, number: u64) -> Option<PathBuf> {
    let number = i32::try_from(number & 0xffff_ffff).ok();
    match number {
        None => std::fs::read_link(format!("/proc/{program}/cwd")).ok(),
        Some(number) => std::fs::read_link(format!("/proc/{program}/fd/{number}")).ok(),
    }
}

/// The path at an address in the memory of `program`.
fn text(program: Pid, address: u64) -> Option<PathBuf> {
    const PAGE: u64 = 4096;
    let memory = File::open(format!("/proc/{program}/mem")).ok()?;
    let mut bytes = Vec::new();
    let mut at = address;
    // A page at a time: there need not be one behind it.
    while !bytes.contains(&0) && bytes.len() < 2 * 4096 {
        let mut page = vec![0; usize::try_from(PAGE - at % PAGE).ok()?];
        let count = memory
            .read_at(&mut page, at)
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend(&page[..count]);
        at += count as u64;
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    Some(Path::new(&OsString::from_vec(bytes)).to_owned())
}
