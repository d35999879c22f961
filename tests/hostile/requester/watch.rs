//! What a program costs, as the system counts it.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A field of `/proc/PID/status` in KiB.
fn status_kib(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

/// Most memory that a program ever had, in MiB.
pub(super) fn peak_mib(pid: u32) -> u64 {
    status_kib(pid, "VmHWM") / 1024
}

/// Memory that a program has, in MiB.
pub(super) fn memory_mib(pid: u32) -> u64 {
    status_kib(pid, "VmRSS") / 1024
}

/// Files that a program has open.
pub(super) fn open_files(pid: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    open.map_or(0, Iterator::count)
}

/// How many files it may have open.
pub(super) fn file_limit(pid: u32) -> usize {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let number = line.unwrap().split_whitespace().nth(3).unwrap();
    number.parse().unwrap()
}

/// Seconds of a processor that each thread of a program has had.
fn threads(pid: u32) -> HashMap<String, f64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let times = tasks.flatten().filter_map(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some((
            task.file_name().to_string_lossy().into_owned(),
            ticks / 100.0,
        ))
    });
    times.collect()
}

/// Seconds of a processor that a program has had.
pub(super) fn processor_seconds(pid: u32) -> f64 {
    threads(pid).values().sum()
}

/// Watches a program while something is done to it.
pub(super) struct Watched {
    over: Arc<AtomicBool>,
    watching: thread::JoinHandle<Seen>,
}

/// The most that was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) open_files: usize,
    /// How long one thread was at work without a pause.
    pub(super) busiest: Duration,
}

impl Watched {
    pub(super) fn start(pid: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let watching = thread::spawn({
            let over = over.clone();
            move || watch(pid, &over)
        });
        Self { over, watching }
    }

    pub(super) fn end(self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        self.watching.join().unwrap()
    }
}

fn watch(pid: u32, over: &AtomicBool) -> Seen {
    const STEP: Duration = Duration::from_millis(100);
    let mut seen = Seen::default();
    let mut last = threads(pid);
    let mut busy: HashMap<String, Duration> = HashMap::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        thread::sleep(STEP);
        let now = threads(pid);
        let passed = began.elapsed();
        for (thread, time) in &now {
            let worked = time - last.get(thread).copied().unwrap_or_default();
            let streak = busy.entry(thread.clone()).or_default();
            // Times are counted in hundredths.
            if worked >= passed.as_secs_f64() - 0.02 {
                *streak += passed;
            } else {
                *streak = Duration::ZERO;
            }
            seen.busiest = seen.busiest.max(*streak);
        }
        last = now;
        seen.open_files = seen.open_files.max(open_files(pid));
    }
    seen
}
