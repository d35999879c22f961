//! The Unix side of `sys`.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs::{DirBuilder, File, FileType, Metadata, OpenOptions, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt,
            fs::{
                DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
            },
        },
    },
    path::{Component, Path},
};

use rustix::{
    fs::{Mode, OFlags},
    io::{Errno, retry_on_intr},
    process::{Pid, Resource},
};

use super::FileStat;
use crate::content::Mtime;

pub(super) fn stat_of(metadata: &Metadata) -> FileStat {
    FileStat {
        dev: metadata.dev(),
        ino: metadata.ino(),
        size: metadata.size(),
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
        mode: metadata.mode() & 0o7777,
    }
}

fn time(secs: i64, nanos: i64) -> Mtime {
    Mtime {
        secs,
        nanos: u32::try_from(nanos).unwrap_or_default().min(999_999_999),
    }
}

/// A folder that files are opened beneath.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

/// `O_NONBLOCK`: opening a FIFO that nobody writes to would wait for ever. Regular files ignore it.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// To go through a folder, not to list it: only search permission is needed, where a system can say so.
#[cfg(any(target_os = "linux", target_os = "android"))]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Root {
    /// Opens the folder `path`; links in `path` itself are followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let open = || rustix::fs::open(path, FOLDER, Mode::empty());
        Ok(Self(retry_on_intr(open)?))
    }

    /// Opens the regular file at `relative`; see [`super::open_beneath`].
    pub(crate) fn open_file(&self, relative: &Path) -> io::Result<File> {
        let file = File::from(self.open_any(relative)?);
        let kind = file.metadata()?.file_type();
        if !kind.is_file() {
            let what = special_kind(kind).unwrap_or("not a regular file");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Ok(file)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn open_any(&self, relative: &Path) -> io::Result<OwnedFd> {
        use rustix::fs::ResolveFlags;
        check_plain(relative)?;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let open = || rustix::fs::openat2(&self.0, relative, READ, Mode::empty(), resolve);
        match retry_on_intr(open) {
            // Before Linux 5.6, or forbidden by a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => self.open_stepwise(relative),
            other => Ok(other?),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn open_any(&self, relative: &Path) -> io::Result<OwnedFd> {
        check_plain(relative)?;
        self.open_stepwise(relative)
    }

    /// Opens one component after the other, none of which may be a link.
    pub(super) fn open_stepwise(&self, relative: &Path) -> io::Result<OwnedFd> {
        check_plain(relative)?;
        let mut parent: Option<OwnedFd> = None;
        let mut components = relative.components().peekable();
        while let Some(component) = components.next() {
            let flags = if components.peek().is_some() {
                FOLDER | OFlags::NOFOLLOW
            } else {
                READ
            };
            let at = parent.as_ref().unwrap_or(&self.0);
            let open = || rustix::fs::openat(at, component.as_os_str(), flags, Mode::empty());
            parent = Some(retry_on_intr(open)?);
        }
        parent.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

/// Refuses whatever is not one plain name after another.
fn check_plain(relative: &Path) -> io::Result<()> {
    let mut components = relative.components();
    let any = components.clone().next().is_some();
    if any && components.all(|c| matches!(c, Component::Normal(_))) {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// What to call a file that cannot be shared; `None` for files, folders and links.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("a device")
    } else {
        None
    }
}

/// The bytes of a name or path as a share holds them; `None` where that cannot be.
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere not every name is Unicode"
)]
pub(crate) fn bytes_of(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(name.as_bytes()))
}

/// The path that [`bytes_of`] was made of.
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere not all bytes are a path"
)]
pub(crate) fn path_of(bytes: &[u8]) -> io::Result<&Path> {
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

/// Reads some bytes from `offset` on, without moving the file's position; 0 at the end.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    FileExt::read_at(file, buffer, offset)
}

/// Whether a file takes less room than its length, as one with holes does.
pub(crate) fn has_holes(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.blocks().saturating_mul(512) < metadata.size())
}

/// Whether `len` bytes of a file at `offset` are in a hole; `false` also where that cannot be told.
/// Moves the file's position.
pub(crate) fn is_hole(file: &File, offset: u64, len: u64) -> bool {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    ))]
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => return data >= offset.saturating_add(len),
        // No more data up to the end.
        Err(Errno::NXIO) => return true,
        Err(_) => {}
    }
    let _ = (file, offset, len);
    false
}

/// Writes all of `buffer` from `offset` on, without moving the file's position.
pub fn write_all_at(file: &File, buffer: &[u8], offset: u64) -> io::Result<()> {
    FileExt::write_all_at(file, buffer, offset)
}

pub(super) fn make_private(options: &mut OpenOptions) {
    options.mode(0o600);
}

pub(super) fn refuse_links(options: &mut OpenOptions) {
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
}

pub(super) fn tighten(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    let private = mode & 0o700;
    if mode & 0o777 == private {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(private))
}

pub(super) fn is_link_in_the_way(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

pub(super) fn is_too_many_files(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        // Why what is there does not do is not what the builder says.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if std::fs::metadata(path)?.is_dir() {
                Ok(())
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        }
        other => other,
    }
}

pub(super) fn is_of_another_user(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    std::fs::metadata(path).is_ok_and(|metadata| metadata.uid() != own)
}

pub(super) fn is_of_one_user(folder: &Metadata, file: &Metadata) -> bool {
    const OTHERS: u32 = 0o077;
    folder.uid() == file.uid() && file.mode() & OTHERS == 0
}

pub(super) fn is_surely_readable(metadata: &Metadata) -> bool {
    let mode = metadata.mode();
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    mode & 0o444 == 0o444 || own && mode & 0o400 != 0
}

/// Bytes that this user can still write on the file system of `path`.
///
/// # Errors
/// Those of asking the system; `Unsupported` where it cannot be asked.
pub fn available_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Lets this process open as many files as it may (the soft limit is raised to the hard one), and
/// returns how many that are. A limit that cannot be raised stays.
#[expect(
    clippy::must_use_candidate,
    reason = "raising it is what it is called for"
)]
pub fn raise_file_limit() -> u64 {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    let before = limit.current;
    if before != limit.maximum {
        limit.current = limit.maximum;
        if rustix::process::setrlimit(Resource::Nofile, limit).is_err() {
            // macOS takes no more than this, whatever it says the hard limit is.
            limit.current = before.map(|soft| soft.max(10_240));
            if rustix::process::setrlimit(Resource::Nofile, limit).is_err() {
                limit.current = before;
            }
        }
    }
    limit.current.unwrap_or(u64::MAX)
}

/// Makes sure that a name in the folder of `path` outlasts a power cut.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Sees to it that a crash of this process writes no memory to the disk, which holds keys. Debuggers work
/// as before. What cannot be set stays.
pub fn forbid_core_dumps() {
    let mut limit = rustix::process::getrlimit(Resource::Core);
    limit.current = Some(0);
    let _ = rustix::process::setrlimit(Resource::Core, limit);
}

/// Whether a process of this number runs on this computer.
#[must_use]
pub fn process_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // Not being allowed to signal it means that it is there.
    rustix::process::test_kill_process(pid) != Err(Errno::SRCH)
}
