//! A file system that takes some names for one, or knows no locks: a folder seen through FUSE.
//!
//! It is what other systems have (case, Unicode form, dots and spaces at the end) and this one's kernel
//! need not: names are looked up by what they fold to, and kept as the real ones keep them.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File, FileTimes, Metadata, OpenOptions, Permissions},
    io,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _},
        fs::{PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenAccMode,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use unicode_normalization::UnicodeNormalization as _;

/// Nothing is remembered by the kernel: it cannot know which names are one.
const TTL: Duration = Duration::ZERO;

/// What is peculiar about a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names that differ in case are one; the first spelling is kept. As on NTFS.
    Case,
    /// Names are decomposed, as on HFS+.
    Decomposed,
    /// Dots and spaces at the end are dropped, as Windows does.
    Stripped,
    /// All names are what they are, but nothing can be locked.
    NoLocks,
    /// All files look as if they had been changed long ago, as those do that are written by way of
    /// memory.
    Timeless,
}

/// A folder seen through such a file system. It is unmounted when this is dropped.
pub(crate) struct Folding {
    at: PathBuf,
    backing: PathBuf,
    _session: BackgroundSession,
}

impl Folding {
    /// Mounts one at the folder `at`, which is made; what is in it is kept beside that.
    pub(crate) fn new(at: &Path, kind: Kind) -> Self {
        let backing = at.with_extension("backing");
        for folder in [at, &backing] {
            fs::create_dir_all(folder).unwrap();
        }
        let seen = Seen {
            kind,
            state: Mutex::new(State {
                paths: HashMap::from([(INodeNo::ROOT.0, vec![backing.clone()])]),
                files: HashMap::new(),
                next: 1,
            }),
        };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("grove-test".to_owned())];
        let session = fuser::spawn_mount(seen, at, &config).unwrap();
        Self {
            at: at.to_owned(),
            backing,
            _session: session,
        }
    }

    /// Names in the folder `below` as they are kept, sorted.
    pub(crate) fn names(&self, below: &str) -> Vec<OsString> {
        let entries = fs::read_dir(self.backing.join(below)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}

impl Drop for Folding {
    fn drop(&mut self) {
        // Lazily: a program that is being killed may still hold a file of it.
        _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

impl Kind {
    /// The name as it is kept.
    fn kept(self, name: &OsStr) -> OsString {
        match (self, name.to_str()) {
            (Self::Decomposed, Some(name)) => name.nfd().collect::<String>().into(),
            (Self::Stripped, _) => {
                let bytes = name.as_bytes();
                let last = bytes.iter().rposition(|byte| !matches!(byte, b'.' | b' '));
                OsString::from_vec(bytes[..last.map_or(0, |last| last + 1)].to_vec())
            }
            _ => name.to_owned(),
        }
    }

    /// What names that are one have in common.
    fn folded(self, name: &OsStr) -> OsString {
        match (self, name.to_str()) {
            (Self::Case, Some(name)) => name.to_lowercase().into(),
            _ => self.kept(name),
        }
    }
}

/// The file system as the kernel talks to it.
struct Seen {
    kind: Kind,
    state: Mutex<State>,
}

struct State {
    /// Where each inode is, or was.
    paths: HashMap<u64, Vec<PathBuf>>,
    files: HashMap<u64, File>,
    next: u64,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, ino: INodeNo) -> io::Result<PathBuf> {
        let paths = self.state().paths.get(&ino.0).cloned();
        let is_there = |path: &PathBuf| {
            let metadata = fs::symlink_metadata(path);
            ino == INodeNo::ROOT || metadata.is_ok_and(|metadata| metadata.ino() == ino.0)
        };
        let path = paths.unwrap_or_default().into_iter().find(is_there);
        path.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Where `name` is in the folder `parent`, by the spelling that is kept, or where it would be.
    fn place(&self, parent: INodeNo, name: &OsStr) -> io::Result<PathBuf> {
        let folder = self.path(parent)?;
        let wanted = self.kind.folded(name);
        for entry in fs::read_dir(&folder)? {
            let there = entry?.file_name();
            if self.kind.folded(&there) == wanted {
                return Ok(folder.join(there));
            }
        }
        let kept = self.kind.kept(name);
        if kept.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(folder.join(kept))
    }

    /// What there is at `path`, remembered as being there.
    fn entry(&self, path: &Path) -> io::Result<FileAttr> {
        let attr = self.attr_of(&fs::symlink_metadata(path)?);
        let mut state = self.state();
        let paths = state.paths.entry(attr.ino.0).or_default();
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
        Ok(attr)
    }

    fn attr_of(&self, metadata: &Metadata) -> FileAttr {
        let time = |secs: i64, nanos: i64| {
            if self.kind == Kind::Timeless {
                return SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            }
            let nanos = Duration::from_nanos(nanos.unsigned_abs());
            let secs_since = Duration::from_secs(secs.unsigned_abs());
            let epoch = SystemTime::UNIX_EPOCH;
            if secs < 0 {
                epoch - secs_since + nanos
            } else {
                epoch + secs_since + nanos
            }
        };
        FileAttr {
            ino: INodeNo(metadata.ino()),
            size: metadata.size(),
            blocks: metadata.blocks(),
            atime: time(metadata.atime(), metadata.atime_nsec()),
            mtime: time(metadata.mtime(), metadata.mtime_nsec()),
            ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            crtime: SystemTime::UNIX_EPOCH,
            kind: FileType::from_std(metadata.file_type()).unwrap(),
            perm: u16::try_from(metadata.mode() & 0o7777).unwrap(),
            nlink: 1,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn keep_open(&self, file: File) -> FileHandle {
        let mut state = self.state();
        let handle = state.next;
        state.next += 1;
        state.files.insert(handle, file);
        FileHandle(handle)
    }

    fn with<T>(
        &self,
        handle: FileHandle,
        act: impl FnOnce(&File) -> io::Result<T>,
    ) -> io::Result<T> {
        let state = self.state();
        act(state.files.get(&handle.0).ok_or(io::ErrorKind::NotFound)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        for path in self.state().paths.values_mut().flatten() {
            if let Ok(below) = path.strip_prefix(from) {
                // Joining nothing would put a slash behind it.
                *path = if below.as_os_str().is_empty() {
                    to.to_owned()
                } else {
                    to.join(below)
                };
            }
        }
        Ok(())
    }
}

/// Sends `Ok` by `$ok` and an error as such.
macro_rules! answer {
    ($reply:expr, $result:expr, $value:pat => $ok:expr) => {{
        let answer = || -> io::Result<_> { $result };
        match answer() {
            Ok($value) => $ok,
            Err(error) => $reply.error(Errno::from(error)),
        }
    }};
}

impl Filesystem for Seen {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        if self.kind == Kind::NoLocks {
            // Otherwise the kernel would keep locks by itself.
            let locks = InitFlags::FUSE_FLOCK_LOCKS | InitFlags::FUSE_POSIX_LOCKS;
            config.add_capabilities(locks).unwrap();
        }
        Ok(())
    }

    fn setlk(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: LockOwner,
        _: u64,
        _: u64,
        _: i32,
        _: u32,
        _: bool,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.entry(&self.place(parent, name)?), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        let metadata = || match fh {
            Some(fh) => self.with(fh, File::metadata),
            None => fs::symlink_metadata(self.path(ino)?),
        };
        answer!(reply, metadata(), metadata => {
            let mut attr = self.attr_of(&metadata);
            attr.ino = ino;
            reply.attr(&TTL, &attr);
        });
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = || {
            let path = self.path(ino)?;
            if let Some(mode) = mode {
                fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))?;
            }
            if let Some(size) = size {
                OpenOptions::new().write(true).open(&path)?.set_len(size)?;
            }
            let mtime = mtime.map(|time| match time {
                TimeOrNow::SpecificTime(time) => time,
                TimeOrNow::Now => SystemTime::now(),
            });
            if let Some(mtime) = mtime {
                set_mtime(&path, mtime)?;
            }
            let mut attr = self.attr_of(&fs::symlink_metadata(&path)?);
            attr.ino = ino;
            Ok(attr)
        };
        answer!(reply, change(), attr => reply.attr(&TTL, &attr));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        answer!(reply, fs::read_link(self.path(ino)?), target => reply.data(target.as_os_str().as_bytes()));
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let make = || {
            let path = self.place(parent, name)?;
            fs::DirBuilder::new().mode(mode & !umask).create(&path)?;
            self.entry(&path)
        };
        answer!(reply, make(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, fs::remove_file(self.place(parent, name)?), () => reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, fs::remove_dir(self.place(parent, name)?), () => reply.ok());
    }

    fn symlink(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let make = || {
            let path = self.place(parent, name)?;
            symlink(target, &path)?;
            self.entry(&path)
        };
        answer!(reply, make(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to_parent: INodeNo,
        to_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            // Few such file systems know how not to replace; there, what asks for it has to do
            // without.
            return reply.error(Errno::EINVAL);
        }
        let rename = || {
            Seen::rename(
                self,
                &self.place(parent, name)?,
                &self.place(to_parent, to_name)?,
            )
        };
        answer!(reply, rename(), () => reply.ok());
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let link = || {
            let path = self.place(parent, name)?;
            fs::hard_link(self.path(ino)?, &path)?;
            self.entry(&path)
        };
        answer!(reply, link(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let open = || {
            let write = flags.acc_mode() != OpenAccMode::O_RDONLY;
            let read = flags.acc_mode() != OpenAccMode::O_WRONLY;
            let file = OpenOptions::new()
                .read(read)
                .write(write)
                .open(self.path(ino)?)?;
            Ok(self.keep_open(file))
        };
        answer!(reply, open(), handle => reply.opened(handle, FopenFlags::empty()));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let create = || {
            let path = self.place(parent, name)?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            let file = options.mode(mode & !umask).open(&path)?;
            Ok((self.entry(&path)?, self.keep_open(file)))
        };
        answer!(reply, create(), (attr, handle) => {
            reply.created(&TTL, &attr, Generation(0), handle, FopenFlags::empty());
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = || {
            let mut buffer = vec![0; size as usize];
            let mut done = 0;
            self.with(fh, |file| {
                while done < buffer.len() {
                    match file.read_at(&mut buffer[done..], offset + done as u64)? {
                        0 => break,
                        count => done += count,
                    }
                }
                Ok(())
            })?;
            buffer.truncate(done);
            Ok(buffer)
        };
        answer!(reply, read(), bytes => reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = u32::try_from(data.len()).unwrap();
        answer!(reply, self.with(fh, |file| file.write_all_at(data, offset)), () => reply.written(written));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.state().files.remove(&fh.0);
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let list = || {
            let folder = self.path(ino)?;
            let mut names = vec![OsString::from("."), OsString::from("..")];
            for entry in fs::read_dir(&folder)? {
                names.push(entry?.file_name());
            }
            names[2..].sort();
            names
                .into_iter()
                .map(|name| Ok((fs::symlink_metadata(folder.join(&name))?, name)))
                .collect::<io::Result<Vec<_>>>()
        };
        answer!(reply, list(), entries => {
            let skipped = usize::try_from(offset).unwrap();
            for ((metadata, name), next) in entries.into_iter().zip(1..).skip(skipped) {
                let attr = self.attr_of(&metadata);
                if reply.add(attr.ino, next, attr.kind, name) {
                    break;
                }
            }
            reply.ok();
        });
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let blocks = 1 << 20;
        reply.statfs(blocks, blocks, blocks, 0, 0, 4096, 255, 4096);
    }
}

fn set_mtime(path: &Path, time: SystemTime) -> io::Result<()> {
    if !path.is_symlink() {
        return File::open(path)?.set_times(FileTimes::new().set_modified(time));
    }
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let time = Timespec {
        tv_sec: since.as_secs().cast_signed(),
        tv_nsec: since.subsec_nanos().into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}
