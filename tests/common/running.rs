//! A program that runs, what it says, and how it ends.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    ops::{Deref, DerefMut},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

pub(crate) use rustix::process::Signal;

/// A line of `--json`.
pub(crate) type Event = serde_json::Value;

/// How long anything may take. Only a bound against waiting for ever: what is slow but works is none
/// of these tests' business.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// What the threads that watch a program report.
enum Said {
    Line(Vec<u8>),
    /// The program ended; it is not reaped yet, so its id is still its own.
    Over,
}

/// A program that runs. It is killed when this is dropped.
pub(crate) struct Running {
    title: String,
    child: Child,
    said: Receiver<Said>,
    stdout: Vec<Vec<u8>>,
    /// How many lines of `stdout` were waited for already.
    looked_at: usize,
    over: bool,
    threads: Vec<JoinHandle<()>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Starts `command`, called `name` where something goes wrong.
    pub(crate) fn start(name: &str, command: Command) -> Self {
        Self::spawn(name, command, Stdio::piped(), None)
    }

    /// The same, with something on its standard input.
    pub(crate) fn start_with_input(name: &str, command: Command, input: &[u8]) -> Self {
        Self::spawn(name, command, Stdio::piped(), Some(input.to_vec()))
    }

    /// The same, with its standard output going elsewhere.
    pub(crate) fn start_into(name: &str, command: Command, stdout: impl Into<Stdio>) -> Self {
        Self::spawn(name, command, stdout.into(), None)
    }

    fn spawn(name: &str, mut command: Command, stdout: Stdio, input: Option<Vec<u8>>) -> Self {
        let words: Vec<_> = command.get_args().map(|w| w.to_string_lossy()).collect();
        let title = format!("{name}: {}", words.join(" "));
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{title}: {error}"));
        // The command holds on to its ends of pipes.
        drop(command);
        let (sender, said) = mpsc::channel();
        let mut threads = Vec::new();
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A program that does not want all of it closes the pipe.
            threads.push(thread::spawn(move || _ = stdin.write_all(&input)));
        }
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            threads.push(thread::spawn(move || read_lines(stdout, &sender)));
        }
        let stderr = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut text = Vec::new();
                _ = stderr.read_to_end(&mut text);
                text
            })
        });
        let pid = Pid::from_child(&child);
        thread::spawn(move || {
            _ = waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
            _ = sender.send(Said::Over);
        });
        Self {
            title,
            child,
            said,
            stdout: Vec::new(),
            looked_at: 0,
            over: false,
            threads,
            stderr,
        }
    }

    /// Waits for the next event of this name, after those that were waited for before.
    pub(crate) fn wait_for(&mut self, name: &str) -> Event {
        self.wait_until(name, |event| event["event"] == name)
    }

    /// Waits until at least so many bytes of content came in. Panics when it is too late for that.
    pub(crate) fn wait_until_fetched(&mut self, bytes: u64) -> Event {
        self.wait_until(&format!("{bytes} bytes"), |event| {
            event["event"] == "progress"
                && event["phase"] == "fetch"
                && event["bytes"].as_u64() >= Some(bytes)
        })
    }

    /// Waits for the next event that `is` what is meant, after those that were waited for before.
    pub(crate) fn wait_until(&mut self, what: &str, is: impl Fn(&Event) -> bool) -> Event {
        self.wait_within(DEADLINE, what, is)
    }

    /// The same with another bound, for what includes a timeout of the program.
    pub(crate) fn wait_within(
        &mut self,
        within: Duration,
        what: &str,
        is: impl Fn(&Event) -> bool,
    ) -> Event {
        let deadline = Instant::now() + within;
        loop {
            while let Some(line) = self.stdout.get(self.looked_at) {
                self.looked_at += 1;
                let event = parse(line);
                if is(&event) {
                    return event;
                }
            }
            match self.hear(deadline) {
                Ok(true) => {}
                Ok(false) => self.give_up(&format!("ended before: {what}")),
                Err(RecvTimeoutError::Timeout) => self.give_up(&format!("never came: {what}")),
                Err(RecvTimeoutError::Disconnected) => self.give_up("is not heard any more"),
            }
        }
    }

    /// Waits for the next line of standard output, where that is no JSON.
    pub(crate) fn wait_for_line(&mut self) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(line) = self.stdout.get(self.looked_at) {
                self.looked_at += 1;
                return String::from_utf8_lossy(line).into_owned();
            }
            if !matches!(self.hear(deadline), Ok(true)) {
                self.give_up("never printed another line");
            }
        }
    }

    /// Sends a signal, if it still runs.
    pub(crate) fn signal(&self, signal: Signal) {
        // It is reaped only when this value ends, so the id cannot belong to anybody else.
        _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Has it stand still until [`Signal::CONT`], and waits until it does.
    pub(crate) fn halt(&self) {
        self.signal(Signal::STOP);
        let stands = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        _ = waitid(WaitId::Pid(Pid::from_child(&self.child)), stands);
    }

    /// The id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a crash would, and waits for that.
    pub(crate) fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.end()
    }

    /// Asks it to end, as Ctrl-C does, and waits for that.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal(Signal::INT);
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        self.end_within(DEADLINE)
    }

    /// Waits for its end with another bound.
    pub(crate) fn end_within(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        loop {
            match self.hear(deadline) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => self.give_up("does not end"),
            }
        }
        let status = self.child.wait().unwrap();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        while let Ok(Said::Line(line)) = self.said.try_recv() {
            self.stdout.push(line);
        }
        let stderr = self.stderr.take().map(|stderr| stderr.join().unwrap());
        let ended = Ended {
            title: self.title.clone(),
            status,
            stdout: self.stdout.concat(),
            stderr: stderr.unwrap_or_default(),
        };
        ended.check_manners();
        ended
    }

    /// Takes in a line; `false` at the end of the program.
    fn hear(&mut self, deadline: Instant) -> Result<bool, RecvTimeoutError> {
        if self.over {
            return Ok(false);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.said.recv_timeout(left)? {
            Said::Line(line) => self.stdout.push(line),
            Said::Over => {
                self.over = true;
                // What it said last may still be in the pipe.
                for thread in self.threads.drain(..) {
                    thread.join().unwrap();
                }
                while let Ok(Said::Line(line)) = self.said.try_recv() {
                    self.stdout.push(line);
                }
                return Ok(self.looked_at < self.stdout.len());
            }
        }
        Ok(true)
    }

    fn give_up(&mut self, why: &str) -> ! {
        _ = self.child.kill();
        _ = self.child.wait();
        let stderr = self.stderr.take().map(|stderr| stderr.join().unwrap());
        let said = transcript(&self.stdout.concat(), &stderr.unwrap_or_default());
        panic!("{} {why}\n{said}", self.title);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a program that was reaped.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn read_lines(stdout: impl Read, sender: &Sender<Said>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match stdout.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => _ = sender.send(Said::Line(line)),
        }
    }
}

fn parse(line: &[u8]) -> Event {
    let text = String::from_utf8_lossy(line);
    let event: Event = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("not a line of JSON ({error}): {text}"));
    assert_eq!(event["v"], 1, "{text}");
    event
}

fn transcript(stdout: &[u8], stderr: &[u8]) -> String {
    let mut text = String::new();
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        // The whole story of a failure, but not the content of a file that went to standard output.
        let end = bytes.len().min(64 * 1024);
        _ = writeln!(text, "--- {name}");
        text += &bytes[..end].escape_ascii().to_string().replace("\\n", "\n");
    }
    text
}

/// A share whose ticket is there.
pub(crate) struct Sharing {
    running: Running,
    /// The ticket.
    pub(crate) ticket: String,
    /// The hash of the whole.
    pub(crate) root: String,
    /// The whole event `share_ready`.
    pub(crate) ready: Event,
}

impl Sharing {
    pub(crate) fn new(mut running: Running) -> Self {
        let ready = running.wait_for("share_ready");
        Self {
            running,
            ticket: ready["ticket"].as_str().unwrap().to_owned(),
            root: ready["root"].as_str().unwrap().to_owned(),
            ready,
        }
    }

    pub(crate) fn into_running(self) -> Running {
        self.running
    }
}

impl Deref for Sharing {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Sharing {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

/// How a program ended, and all it said.
pub(crate) struct Ended {
    title: String,
    status: ExitStatus,
    /// What is on standard output.
    pub(crate) stdout: Vec<u8>,
    /// What is on standard error.
    pub(crate) stderr: Vec<u8>,
}

impl Ended {
    /// The exit code; `None` after a signal.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Panics with all that was said, unless this is the exit code.
    pub(crate) fn expect(self, code: i32) -> Self {
        let ended = self.status;
        assert_eq!(ended.code(), Some(code), "{self} ended with {ended}");
        self
    }

    /// Standard output as text.
    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The events, where it ran with `--json`.
    pub(crate) fn events(&self) -> Vec<Event> {
        let lines = self.stdout.split_inclusive(|byte| *byte == b'\n');
        lines.map(parse).collect()
    }

    /// The events of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event["event"] == name);
        events
    }

    /// The only event of this name.
    pub(crate) fn event(&self, name: &str) -> Event {
        let mut events = self.all(name);
        assert_eq!(events.len(), 1, "one event {name}: {self}");
        events.remove(0)
    }

    /// A number of the only event of this name.
    pub(crate) fn number(&self, name: &str, field: &str) -> u64 {
        let event = self.event(name);
        let number = event[field].as_u64();
        number.unwrap_or_else(|| panic!("{name} has a number {field}: {self}"))
    }

    /// Panics unless there was a connection to a peer, and each one was made by this way. Where a machine
    /// stalls there may be more than one.
    pub(crate) fn connected_by(&self, way: &str) {
        let made = self.all("peer_connected");
        let all = made.iter().all(|event| event["path"] == way);
        assert!(!made.is_empty() && all, "{way} and nothing else: {self}");
    }

    /// The message of its error.
    pub(crate) fn message(&self) -> String {
        self.event("error")["message"].as_str().unwrap().to_owned()
    }

    /// Everything that it says to a person: messages of warnings and of the error.
    pub(crate) fn told(&self) -> String {
        let events = self.events().into_iter();
        let lines = events.filter_map(|event| event["message"].as_str().map(str::to_owned));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What holds for everything that Grove ever says: no panic, no control sequence where there is no
    /// terminal, and an error is one plain line with a hint, which tells the exit code.
    fn check_manners(&self) {
        for hostile in ["panicked at", "internal error", "RUST_BACKTRACE", "\u{1b}"] {
            assert!(
                !self.stderr_text().contains(hostile),
                "{hostile:?} in {self}"
            );
        }
        let json = self.stdout.starts_with(b"{\"v\":1,");
        let errors = if json { self.all("error") } else { Vec::new() };
        assert!(errors.len() <= 1, "one error is enough: {self}");
        for error in errors {
            let message = error["message"].as_str().unwrap_or_default();
            let is_line = !message.is_empty() && !message.contains('\n') && !message.ends_with('.');
            assert!(is_line, "an error is one plain line: {self}");
            assert!(!message.contains("internal error"), "{self}");
            let has_hint = error["hint"].as_str().is_some_and(|hint| !hint.is_empty());
            assert!(has_hint || error["kind"] == "interrupted", "a hint: {self}");
            assert_eq!(
                error["exit_code"].as_i64(),
                self.code().map(Into::into),
                "{self}"
            );
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let said = transcript(&self.stdout, &self.stderr);
        write!(f, "{}\n{said}", self.title)
    }
}
