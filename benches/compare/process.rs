//! A program that runs: what it says, how long it takes, what it needs.

use std::{
    fs,
    io::{BufRead, BufReader, PipeReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_mins(30);

/// How much of what a program said is kept for the note on its failure.
const KEPT: usize = 10;

/// A program that runs. It is killed when this is dropped.
pub(crate) struct Running {
    title: String,
    child: Child,
    began: Instant,
    lines: Receiver<String>,
    last: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Starts it in the folder `at`, with what it says on either stream to be read here.
    pub(crate) fn start(mut command: Command, at: &Path) -> Result<Self> {
        let title = command.get_program().to_string_lossy().into_owned();
        let (reader, writer) = std::io::pipe()?;
        command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .current_dir(at);
        let began = Instant::now();
        let child = command.spawn();
        // It holds on to its ends of the pipe.
        drop(command);
        let child = child.with_context(|| format!("{title} does not start"))?;
        let last = Arc::<Mutex<Vec<String>>>::default();
        let lines = read_lines(reader, Arc::clone(&last));
        Ok(Self {
            title,
            child,
            began,
            lines,
            last,
        })
    }

    /// Waits until it says a line of which `find` makes something.
    pub(crate) fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<(T, Duration)> {
        let deadline = self.began + Duration::from_mins(5);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return Err(self.failure("did not say what was waited for"));
            };
            if let Some(found) = find(&line) {
                return Ok((found, self.began.elapsed()));
            }
        }
    }

    /// Waits for its good end: how long it took.
    pub(crate) fn wait(self) -> Result<Duration> {
        self.wait_watching(DEADLINE, |_| Ok(()))
    }

    /// The same, with `look` called every so often until then.
    pub(crate) fn wait_watching(
        mut self,
        every: Duration,
        mut look: impl FnMut(&Self) -> Result<()>,
    ) -> Result<Duration> {
        let process = pidfd_open(self.pid(), PidfdFlags::empty())?;
        let every = Timespec::try_from(every)?;
        while poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&every))? == 0 {
            look(&self)?;
            if self.began.elapsed() > DEADLINE {
                bail!("{} took more than {} s", self.title, DEADLINE.as_secs());
            }
        }
        let took = self.began.elapsed();
        let status = self.child.wait()?;
        if status.success() {
            Ok(took)
        } else {
            Err(self.failure(&how(status)))
        }
    }

    /// The most memory that it has had so far, in bytes: what of its own and of files was resident.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        // There is nothing any more of a program that has just ended.
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }

    /// Asks it to end, as Ctrl-C does, and waits for that, whatever it says of it.
    pub(crate) fn interrupt(mut self) -> Result<()> {
        kill_process(self.pid(), Signal::INT)?;
        let process = pidfd_open(self.pid(), PidfdFlags::empty())?;
        let patience = Timespec::try_from(Duration::from_secs(10))?;
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience))?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&self) -> Result<()> {
        Ok(kill_process(self.pid(), Signal::KILL)?)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn failure(&self, how: &str) -> anyhow::Error {
        // What it said last is on its way.
        thread::sleep(Duration::from_millis(50));
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        anyhow!("{} {how}: {}", self.title, last.join(" / "))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a program that was reaped.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with {code}"),
        None => "was killed".to_owned(),
    }
}

/// Reads to the end, so that the program never waits for a reader.
fn read_lines(reader: PipeReader, last: Arc<Mutex<Vec<String>>>) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == KEPT {
                last.remove(0);
            }
            last.push(line.clone());
            // Nobody may be waiting any more.
            _ = sender.send(line);
        }
    });
    lines
}
