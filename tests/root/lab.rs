//! File systems and computers that exist for one test.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, id},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Runs a command of the system to its end.
pub(crate) fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
}

/// A file system in memory, unmounted when this is dropped.
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// Mounts one of so many bytes at the folder `at`, which is made.
    pub(crate) fn new(at: &Path, bytes: u64) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={bytes}");
        run(
            "mount",
            &["-t", "tmpfs", "-o", &size, "grove-test", shown(at)],
        );
        Self { at: at.to_owned() }
    }

    /// Changes its options, such as `ro`.
    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        run("mount", &["-o", &options, shown(&self.at)]);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a program that is being killed may still hold a file of it.
        _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// A disk with a journal, whose power can be cut. Unmounted when this is dropped.
pub(crate) struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// Makes one of so many bytes, and mounts it at the folder `at`, which is made.
    pub(crate) fn new(at: &Path, bytes: u64) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let image = at.with_extension("image");
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(bytes))
            .unwrap();
        let options = ["-q", "-F", "-m", "0", "-e", "remount-ro"];
        run("mkfs.ext4", &[&options[..], &[shown(&image)]].concat());
        let disk = Self {
            image,
            at: at.to_owned(),
        };
        disk.mount();
        disk
    }

    /// Has the names that were given so far written to the disk, as happens every few seconds, and
    /// not the content behind them, which may take half a minute.
    pub(crate) fn commit(&self) {
        let path = self.at.join("committed");
        let file = std::fs::File::create(&path).unwrap();
        file.sync_all().unwrap();
        std::fs::remove_file(path).unwrap();
    }

    /// Has everything written to the disk.
    pub(crate) fn sync(&self) {
        rustix::fs::syncfs(std::fs::File::open(&self.at).unwrap()).unwrap();
    }

    /// From now on nothing gets to the disk any more, and all that did not is lost.
    pub(crate) fn cut_power(&self) {
        run("xfs_io", &["-x", "-c", "shutdown", shown(&self.at)]);
    }

    /// From now on it takes no writing, as after an error of the disk.
    pub(crate) fn fail(&self) {
        let output = Command::new("findmnt")
            .args(["-n", "-o", "SOURCE", shown(&self.at)])
            .output()
            .unwrap();
        let device = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let name = Path::new(&device).file_name().unwrap();
        let switch = Path::new("/sys/fs/ext4").join(name);
        std::fs::write(switch.join("trigger_fs_error"), "a test").unwrap();
    }

    /// Power is back: mounts what is on the disk. It is a copy, since another test's computer may hold
    /// on to the mount.
    pub(crate) fn start_again(&self) {
        run("umount", &["--lazy", shown(&self.at)]);
        let copy = self.image.with_extension("copy");
        run("cp", &["--sparse=always", shown(&self.image), shown(&copy)]);
        std::fs::rename(copy, &self.image).unwrap();
        self.mount();
    }

    fn mount(&self) {
        run(
            "mount",
            &["-o", "loop", shown(&self.image), shown(&self.at)],
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Processes that together may have so much memory, with what they have the system keep of files. What
/// takes more is killed.
pub(crate) struct Group(PathBuf);

impl Group {
    /// One with this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let top = Path::new("/sys/fs/cgroup");
        // The first version of control groups has a tree for each resource.
        let old = top.join("memory");
        let (top, limit) = if old.exists() {
            (old.as_path(), "memory.limit_in_bytes")
        } else {
            std::fs::write(top.join("cgroup.subtree_control"), "+memory").unwrap();
            (top, "memory.max")
        };
        let group = Self(top.join(format!("grove-test-{}", id())));
        std::fs::create_dir(&group.0).unwrap();
        std::fs::write(group.0.join(limit), bytes.to_string()).unwrap();
        group
    }

    /// What runs a program in it.
    pub(crate) fn entering(&self) -> [String; 4] {
        let script = format!(
            "echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"",
            shown(&self.0)
        );
        ["env", "sh", "-ec", &script].map(str::to_owned)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        _ = std::fs::remove_dir(&self.0);
    }
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

/// What a run that takes chances begins with: `GROVE_TEST_SEED`, or anything.
#[expect(
    clippy::print_stdout,
    reason = "whoever wants to repeat a run has to know it"
)]
pub(crate) fn seed() -> u64 {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .subsec_nanos()
    };
    let seed = number("GROVE_TEST_SEED").unwrap_or_else(|| now().into());
    println!("GROVE_TEST_SEED={seed}");
    seed
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A computer without any network, gone when this is dropped.
pub(crate) struct Computer {
    name: String,
}

impl Computer {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("grove-{}-{number}", id());
        run("ip", &["netns", "add", &name]);
        Self { name }
    }

    /// Two computers with a cable between them, at 10.77.0.1 and 10.77.0.2, and nothing beyond.
    pub(crate) fn pair() -> [Self; 2] {
        let pair = [Self::new(), Self::new()];
        let [left, right] = &pair;
        run(
            "ip",
            &[
                "-n",
                &left.name,
                "link",
                "add",
                "cable",
                "type",
                "veth",
                "peer",
                "name",
                "cable",
                "netns",
                &right.name,
            ],
        );
        for (computer, address) in pair.iter().zip(["10.77.0.1/24", "10.77.0.2/24"]) {
            computer.ip(&["address", "add", address, "dev", "cable"]);
            computer.ip(&["link", "set", "lo", "up"]);
            computer.ip(&["link", "set", "cable", "up"]);
        }
        pair
    }

    /// Runs `ip` there.
    pub(crate) fn ip(&self, args: &[&str]) {
        run("ip", &[&["-n", &self.name], args].concat());
    }

    /// What runs a program there.
    pub(crate) fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Bytes that came out of its cable so far.
    pub(crate) fn bytes_received(&self) -> u64 {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name, "cat"])
            .arg(OsStr::new("/sys/class/net/cable/statistics/rx_bytes"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .unwrap()
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        _ = Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status();
    }
}
