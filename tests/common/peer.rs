//! A person with a computer.

use std::{
    ffi::OsStr,
    fs::Permissions,
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Ended, Running, Sharing};

/// A person with a computer: an own `GROVE_HOME`, hence an own identity, and an own working folder.
#[derive(Debug)]
pub(crate) struct Peer {
    name: &'static str,
    temp: TempDir,
    dir: PathBuf,
    /// What stands before the program, such as `ip netns exec NAME`.
    prefix: Vec<String>,
    /// Flags that keep the program off the network.
    flags: Vec<String>,
    offline: bool,
}

impl Peer {
    /// Somebody who reaches this computer alone.
    pub(crate) fn new(name: &'static str) -> Self {
        let temp = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let dir = temp.path().join("files");
        std::fs::create_dir(&dir).unwrap();
        Self {
            name,
            temp,
            dir,
            prefix: Vec::new(),
            flags: ["--no-lan", "--bind", "127.0.0.1:0"].map(Into::into).into(),
            offline: true,
        }
    }

    /// The same person, whose programs are run by `prefix`, a command that runs the one behind it.
    pub(crate) fn run_by(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(ToString::to_string).collect();
        self
    }

    /// The same person, listening on all interfaces of the computer. For computers of their own.
    pub(crate) fn on_all_interfaces(mut self) -> Self {
        self.flags = vec!["--no-lan".to_owned()];
        self
    }

    /// The same person, who also looks for others on the local network, and is found there.
    pub(crate) fn on_the_local_network(mut self) -> Self {
        self.flags.clear();
        self
    }

    /// The same person, with relays and directories. For computers whose network leads nowhere.
    pub(crate) fn online(mut self) -> Self {
        self.offline = false;
        self
    }

    /// The same person, listening at this port of the loopback interface.
    pub(crate) fn at_port(mut self, port: u16) -> Self {
        self.flags = vec!["--no-lan".to_owned()];
        self.flags.push(format!("--bind=127.0.0.1:{port}"));
        self
    }

    /// The same person, working in this folder.
    pub(crate) fn working_in(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Where Grove keeps what it knows about this person.
    pub(crate) fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// A path below the working folder.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.join(below)
    }

    /// Writes a file below the working folder, and the folders above it.
    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        super::write(&path, content.as_ref());
        path
    }

    /// What a file below the working folder holds.
    pub(crate) fn read(&self, below: &str) -> Vec<u8> {
        let path = self.path(below);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A program on this person's computer, with nothing of this environment but `PATH`.
    pub(crate) fn program(&self, program: &OsStr) -> Command {
        let mut words = self.prefix.iter().map(OsStr::new).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.temp.path())
            .env("GROVE_HOME", self.home())
            .env("GROVE_OFFLINE", if self.offline { "1" } else { "0" })
            .stdin(Stdio::null());
        if let Some(filter) = std::env::var_os("GROVE_TEST_LOG") {
            command.env("GROVE_LOG", filter).env("RUST_BACKTRACE", "1");
        }
        command
    }

    /// A line of Grove as this person types it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_grove").as_ref());
        command.args(&self.flags).args(args);
        command
    }

    /// Starts Grove with `--json`.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.name, self.command(&[&["--json"], args].concat()))
    }

    /// Runs Grove with `--json` to its end.
    pub(crate) fn grove(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    /// Runs Grove as people see it, to its end.
    pub(crate) fn plain(&self, args: &[&str]) -> Ended {
        Running::start(self.name, self.command(args)).end()
    }

    /// Shares, and returns when the ticket is there.
    pub(crate) fn share(&self, args: &[&str]) -> Sharing {
        Sharing::new(self.start(&[&["share"], args].concat()))
    }

    /// Shares what is written to standard input.
    pub(crate) fn share_input(&self, input: &[u8], args: &[&str]) -> Sharing {
        let command = self.command(&[&["--json", "share", "-"], args].concat());
        Sharing::new(Running::start_with_input(self.name, command, input))
    }

    /// Fetches into the working folder, to the end.
    pub(crate) fn get(&self, ticket: &str, args: &[&str]) -> Ended {
        self.start_get(ticket, args).end()
    }

    /// Starts to fetch into the working folder.
    pub(crate) fn start_get(&self, ticket: &str, args: &[&str]) -> Running {
        self.start(&[&["get", ticket], args].concat())
    }

    /// The id that others know this person by.
    pub(crate) fn id(&self) -> String {
        let ended = self.plain(&["id"]).expect(0);
        ended.stdout_text().trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What is in a read-only folder could not be removed by its owner.
        let mut folders = vec![self.temp.path().to_owned()];
        while let Some(folder) = folders.pop() {
            _ = std::fs::set_permissions(&folder, Permissions::from_mode(0o700));
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
    }
}

/// A port of the loopback interface that nobody listens at, by UDP or TCP, for somebody who comes back to
/// where they were.
pub(crate) fn free_port() -> u16 {
    loop {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        // Connections of other tests have ports, too.
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
