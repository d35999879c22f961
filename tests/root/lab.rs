//! File systems and computers that exist for one test.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, id},
    sync::atomic::{AtomicU32, Ordering},
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
