//! Runs a program and does something to it at a system call of one's choice: kills it, or makes the
//! call fail.
//!
//! Every call of every thread is stopped at, so that they are counted in the one order in which they
//! happen. Only those are counted that are about files below the watched folder: a program does much
//! else, in another order each time. What is counted is decided in [`calls`](super::calls).
//!
//! A tracer is a thread: it alone hears of the program, and the program dies with it. The program
//! starts stopped, by way of a shell, so that nothing of it is missed.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    libc::{self, user_regs_struct},
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::{
    calls::{Call, Watch},
    common::Event,
    sync::Synced,
};

/// How long a program may take; only a bound against waiting for ever.
const DEADLINE: Duration = Duration::from_mins(2);

/// What is done to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is only watched.
    Watch,
    /// It is killed instead of the call.
    Kill,
    /// The call fails.
    Fail(Errno),
    /// The call and all later ones that take room or change something fail.
    FailFromHere(Errno),
    /// The call writes half of what it was to write.
    Short,
    /// The call fails; it is one that waits for this to be on the disk, and only those are counted.
    FailSync(Synced, Errno),
}

/// What is done, and at which of the calls that count, from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) deed: Deed,
}

/// How a traced program ended.
pub(crate) struct Traced {
    pub(crate) status: ExitStatus,
    /// The calls that counted, up to the one that something was done to.
    pub(crate) calls: Vec<Call>,
    /// Those that were made to fail.
    pub(crate) failed: Vec<Call>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// A traced program that runs.
pub(crate) struct Tracing {
    lines: Receiver<Vec<u8>>,
    /// Its id, first of all; then its end.
    told: Receiver<Told>,
    pid: Option<Pid>,
    stdout: Vec<u8>,
    deadline: Instant,
}

/// The calls that counted, up to the one that something was done to, and those that failed.
#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    failed: Vec<Call>,
}

enum Told {
    Started(Pid),
    Over(ExitStatus, Seen, Vec<u8>),
}

impl Tracing {
    /// Starts `command`, with `input` on its standard input.
    pub(crate) fn start(
        command: &Command,
        input: Option<&[u8]>,
        watch: Watch,
        fault: Fault,
    ) -> Self {
        let (line, lines) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let mut stopped = stopped(command);
        let input = input.map(<[u8]>::to_vec);
        #[expect(
            clippy::zombie_processes,
            reason = "the tracer waits for it, and nobody else may"
        )]
        thread::spawn(move || {
            stopped.stdout(Stdio::piped()).stderr(Stdio::piped());
            if input.is_some() {
                stopped.stdin(Stdio::piped());
            }
            let mut child = stopped.spawn().unwrap();
            drop(stopped);
            if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
                thread::spawn(move || _ = std::io::Write::write_all(&mut stdin, &input));
            }
            let stdout = child.stdout.take().unwrap();
            let mut stderr = child.stderr.take().unwrap();
            let reading = thread::spawn(move || {
                let mut stdout = BufReader::new(stdout);
                loop {
                    let mut text = Vec::new();
                    match stdout.read_until(b'\n', &mut text) {
                        Ok(0) | Err(_) => return,
                        Ok(_) => _ = line.send(text),
                    }
                }
            });
            let complaining = thread::spawn(move || {
                let mut text = Vec::new();
                _ = stderr.read_to_end(&mut text);
                text
            });
            let pid = Pid::from_raw(child.id().cast_signed());
            tell.send(Told::Started(pid)).unwrap();
            let (status, seen) = Tracer::new(&child, watch, fault).run();
            reading.join().unwrap();
            _ = tell.send(Told::Over(status, seen, complaining.join().unwrap()));
        });
        Self {
            lines,
            told,
            pid: None,
            stdout: Vec::new(),
            deadline: Instant::now() + DEADLINE,
        }
    }

    /// Waits for the event `name`; `None` when the program ended without.
    pub(crate) fn wait_for(&mut self, name: &str) -> Option<Event> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.stdout.extend(&line);
                    let event: Event = serde_json::from_slice(&line).unwrap();
                    if event["event"] == name {
                        return Some(event);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => self.hangs(),
            }
        }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&mut self) {
        if let Some(pid) = self.pid() {
            _ = kill(pid, Signal::SIGTERM);
        }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Traced {
        self.pid();
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.told.recv_timeout(left) {
            Ok(Told::Over(status, Seen { calls, failed }, stderr)) => {
                self.stdout.extend(self.lines.try_iter().flatten());
                Traced {
                    status,
                    calls,
                    failed,
                    stdout: self.stdout,
                    stderr,
                }
            }
            _ => self.hangs(),
        }
    }

    fn pid(&mut self) -> Option<Pid> {
        if self.pid.is_none()
            && let Ok(Told::Started(pid)) = self.told.recv()
        {
            self.pid = Some(pid);
        }
        self.pid
    }

    fn hangs(&mut self) -> ! {
        if let Some(pid) = self.pid() {
            _ = kill(pid, Signal::SIGKILL);
        }
        let said = String::from_utf8_lossy(&self.stdout).into_owned();
        panic!("it does not end\n{said}");
    }
}

/// The same command, by a shell that stops itself first.
fn stopped(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    shell.stdin(Stdio::null());
    shell
}

/// What happens to a thread at the end of the call it is in.
#[derive(Debug, Clone, Copy)]
enum Within {
    Nothing,
    Call,
    Failing(Errno),
}

struct Tracer {
    pid: Pid,
    watch: Watch,
    fault: Fault,
    /// Whether the shell has become the program.
    begun: bool,
    done: bool,
    threads: HashMap<Pid, Within>,
    seen: Seen,
    syncs: usize,
}

impl Tracer {
    fn new(child: &Child, watch: Watch, fault: Fault) -> Self {
        Self {
            pid: Pid::from_raw(child.id().cast_signed()),
            watch,
            fault,
            begun: false,
            done: false,
            threads: HashMap::new(),
            seen: Seen::default(),
            syncs: 0,
        }
    }

    fn run(mut self) -> (ExitStatus, Seen) {
        // Of this thread's children alone: other tests of this process have theirs.
        let mine = WaitPidFlag::__WNOTHREAD;
        waitpid(self.pid, Some(mine | WaitPidFlag::WUNTRACED)).unwrap();
        let options = Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACESYSGOOD;
        ptrace::seize(self.pid, options).unwrap();
        kill(self.pid, Signal::SIGCONT).unwrap();
        loop {
            let status = waitpid(None, Some(mine | WaitPidFlag::__WALL)).unwrap();
            let (thread, signal) = match status {
                WaitStatus::Exited(pid, code) if pid == self.pid => {
                    return (ExitStatus::from_raw(code << 8), self.seen);
                }
                WaitStatus::Signaled(pid, signal, _) if pid == self.pid => {
                    return (ExitStatus::from_raw(signal as i32), self.seen);
                }
                WaitStatus::PtraceSyscall(thread) => {
                    self.stop(thread);
                    (thread, None)
                }
                WaitStatus::PtraceEvent(thread, _, event) => {
                    if event == libc::PTRACE_EVENT_EXEC {
                        self.begun = true;
                    }
                    (thread, None)
                }
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                _ => continue,
            };
            // It may have been killed meanwhile.
            _ = ptrace::syscall(thread, signal);
        }
    }

    /// A thread is before or behind a system call.
    fn stop(&mut self, thread: Pid) {
        let within = self.threads.entry(thread).or_insert(Within::Nothing);
        match *within {
            Within::Nothing => {
                *within = Within::Call;
                if self.begun
                    && let Ok(failing) = self.enter(thread)
                {
                    self.threads.insert(thread, failing);
                }
            }
            Within::Call => *within = Within::Nothing,
            Within::Failing(error) => {
                *within = Within::Nothing;
                if let Ok(mut regs) = ptrace::getregs(thread) {
                    regs.rax = i64::from(-(error as i32)).cast_unsigned();
                    _ = ptrace::setregs(thread, regs);
                }
            }
        }
    }

    fn enter(&mut self, thread: Pid) -> nix::Result<Within> {
        let mut regs = ptrace::getregs(thread)?;
        if self.done && !matches!(self.fault.deed, Deed::FailFromHere(_)) {
            return Ok(Within::Call);
        }
        if let Deed::FailSync(what, error) = self.fault.deed {
            self.syncs += usize::from(what.is_waited_for(self.pid, &regs));
            if self.syncs != self.fault.at {
                return Ok(Within::Call);
            }
            self.done = true;
            self.seen.failed.extend(self.watch.look(self.pid, &regs));
            return fail(thread, regs, error);
        }
        let Some(call) = self.watch.look(self.pid, &regs) else {
            return Ok(Within::Call);
        };
        let again = self.done;
        if !again {
            self.seen.calls.push(call.clone());
            if self.seen.calls.len() != self.fault.at {
                return Ok(Within::Call);
            }
            self.done = true;
        }
        match self.fault.deed {
            Deed::Watch | Deed::FailSync(..) => {}
            Deed::Kill => kill(self.pid, Signal::SIGKILL)?,
            Deed::Short => {
                if call.is_write() && regs.rdx > 1 {
                    regs.rdx /= 2;
                    ptrace::setregs(thread, regs)?;
                }
            }
            Deed::Fail(error) | Deed::FailFromHere(error) => {
                if !call.can_fail_with(error) {
                    return Ok(Within::Call);
                }
                self.seen.failed.push(call);
                return fail(thread, regs, error);
            }
        }
        Ok(Within::Call)
    }
}

/// Lets the call that a thread is about to make fail without being done.
fn fail(thread: Pid, mut regs: user_regs_struct, error: Errno) -> nix::Result<Within> {
    // No call has this number.
    regs.orig_rax = u64::MAX;
    ptrace::setregs(thread, regs)?;
    Ok(Within::Failing(error))
}

impl Traced {
    /// What it said, where it ran with `--json`.
    pub(crate) fn events(&self) -> Vec<Event> {
        let lines = self.stdout.split(|byte| *byte == b'\n');
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    /// The message of its error and the hint, however it was asked to show them.
    pub(crate) fn error(&self) -> Option<(String, String)> {
        if let Some(error) = self
            .events()
            .into_iter()
            .find(|event| event["event"] == "error")
        {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            return Some((text("message"), text("hint")));
        }
        let said = String::from_utf8_lossy(&self.stderr).into_owned();
        let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start));
        Some((line("error: ")?.to_owned(), line("hint: ")?.to_owned()))
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for said in [&self.stdout, &self.stderr] {
            writeln!(
                f,
                "{}",
                String::from_utf8_lossy(&said[..said.len().min(4000)])
            )?;
        }
        Ok(())
    }
}
