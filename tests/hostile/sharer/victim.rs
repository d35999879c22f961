//! Who has the ticket of a hostile sharer, and what became of her computer.

use std::{
    ffi::OsStr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::common::{Ended, Peer, Running, link, set_mtime, snapshot};

/// Where everything is fetched to, below her working folder; it is not there yet.
pub(crate) const DEST: &str = "in/here";

/// Most memory, in MiB, that anything which is refused may take.
pub(crate) const MEMORY: u64 = 256;

/// How long the program may work until something is refused, with the start-up of it. Unoptimised code
/// is several times slower. It is time of the processor: others may want that, too.
pub(crate) const WORK: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 5 });

/// How long may pass meanwhile, whoever else wants the processor. Only what waits for something that
/// never comes takes so long.
const REFUSED_WITHIN: Duration = Duration::from_secs(50);

/// How long to wait for a sharer who answers. Waiting in vain is one of the ends, 4, and on a machine that
/// stalls it must not come before another one; nor before the answer where it is what is expected.
pub(crate) fn wait(code: i32) -> &'static str {
    if code == 4 { "15s" } else { "1h" }
}

/// Somebody with files that nobody else may change.
pub(crate) struct Victim {
    pub(crate) peer: Peer,
}

/// What a run of the program took.
pub(crate) struct Cost {
    pub(crate) memory_mib: u64,
    pub(crate) work: Duration,
    pub(crate) time: Duration,
}

impl Victim {
    pub(crate) fn new() -> Self {
        let peer = Peer::new("victim");
        for file in [
            "before",
            ".bashrc",
            "in/precious",
            "in/.ssh/authorized_keys",
        ] {
            peer.write(file, "of the victim");
        }
        link(&peer.path("in/pub"), "../outside");
        peer.write("outside/file", "of the victim");
        Self { peer }
    }

    /// Runs `get` with a ticket, and looks at everything: it is refused with this code, in time, with
    /// little memory, and nothing is different from before.
    pub(crate) fn refuses(&self, ticket: &str, flags: &[&str], code: i32) -> Ended {
        let words = [&["get", ticket, "-o", DEST, "--wait", wait(code)], flags].concat();
        self.refuses_line(&words, code)
    }

    /// The same for any line.
    pub(crate) fn refuses_line(&self, words: &[&str], code: i32) -> Ended {
        let (ended, cost) = self.leaves_nothing(words, code);
        let (work, time) = (cost.work.as_millis(), cost.time.as_millis());
        let shown = format!("{work} of {time} ms, {} MiB", cost.memory_mib);
        assert!(cost.work < WORK, "{shown}: {ended}");
        assert!(cost.time < REFUSED_WITHIN, "{shown}: {ended}");
        assert!(cost.memory_mib <= MEMORY, "{shown}: {ended}");
        ended
    }

    /// The same, for whom neither time nor memory matters.
    pub(crate) fn leaves_nothing(&self, words: &[&str], code: i32) -> (Ended, Cost) {
        // A folder that was made and removed again leaves another time, which harms nobody.
        let folders = ["", "in", DEST, "in/here/d", "in/here/x"].map(|name| self.peer.path(name));
        let settle = || {
            for folder in folders.iter().filter(|folder| folder.is_dir()) {
                set_mtime(folder, 1_000_000_000.0);
            }
        };
        settle();
        // Else a list that was taken once would not be asked for again.
        _ = std::fs::remove_dir_all(self.peer.home().join("cache"));
        let before = snapshot(&self.peer.path(""));
        let (ended, cost) = self.run(words);
        let ended = ended.expect(code);
        settle();
        assert_eq!(ended.all("error").len(), 1, "{ended}");
        assert!(snapshot(&self.peer.path("")) == before, "{ended}");
        self.nothing_is_outside();
        (ended, cost)
    }

    /// Runs a line with `-vv --json`; nothing that it writes can harm a terminal.
    pub(crate) fn run(&self, words: &[&str]) -> (Ended, Cost) {
        let began = Instant::now();
        let running = self.peer.start(&[&["-vv"], words].concat());
        let usage = Usage::of(&running);
        let ended = running.end();
        let (memory_mib, work) = usage.most();
        let cost = Cost {
            memory_mib,
            work,
            time: began.elapsed(),
        };
        holds_nothing_raw(&ended.stdout, "standard output");
        holds_nothing_raw(&ended.stderr, "standard error");
        assert!(!ended.stderr.contains(&0x1b), "{ended}");
        (ended, cost)
    }

    /// Beside her working folder there is Grove's home, and nothing else.
    pub(crate) fn nothing_is_outside(&self) {
        let above = self.peer.path("..");
        for entry in std::fs::read_dir(above).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(name == "files" || name == "home", "{}", name.display());
        }
        assert_eq!(self.peer.read("outside/file"), b"of the victim");
        let outside = std::fs::read_dir(self.peer.path("outside")).unwrap();
        assert_eq!(outside.count(), 1);
    }

    /// Runs a line at a terminal; what that got.
    pub(crate) fn at_a_terminal(&self, words: &[&str]) -> Ended {
        let flags = ["--no-lan", "--bind", "127.0.0.1:0"];
        let words = [&[env!("CARGO_BIN_EXE_grove")], &flags[..], words].concat();
        let line: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
        let mut command = self.peer.program(OsStr::new("script"));
        command
            .args(["--quiet", "--return", "--command", &line.join(" ")])
            .arg("/dev/null")
            .env("TERM", "xterm");
        let ended = Running::start(self.peer.name(), command).end();
        holds_nothing_raw(&ended.stdout, &line.join(" "));
        ended
    }

    pub(crate) fn dest(&self, below: &str) -> PathBuf {
        self.peer.path(DEST).join(below)
    }
}

fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What no text of a peer may reach a terminal as: escape sequences that Grove itself does not use,
/// C1 control characters, and what turns text around or hides it.
pub(crate) fn holds_nothing_raw(bytes: &[u8], what: &str) {
    let has = |raw: &[u8]| bytes.windows(raw.len()).any(|window| window == raw);
    for raw in [&b"\x1b]"[..], b"\x1b[2J", b"\x1b[31m", b"\x07", b"\x08"] {
        assert!(
            !has(raw),
            "{what}: {} in {}",
            raw.escape_ascii(),
            bytes.escape_ascii()
        );
    }
    let c1 = '\u{80}'..='\u{9f}';
    let bidi = ('\u{200b}'..='\u{200f}').chain('\u{202a}'..='\u{202e}');
    let more = ('\u{2066}'..='\u{2069}').chain(['\u{2028}', '\u{2029}', '\u{feff}']);
    for raw in c1.chain(bidi).chain(more) {
        let mut buffer = [0; 4];
        let raw = raw.encode_utf8(&mut buffer).as_bytes();
        assert!(
            !has(raw),
            "{what}: {} in {}",
            raw.escape_ascii(),
            bytes.escape_ascii()
        );
    }
    // The byte alone, which is a control sequence introducer where text is not Unicode.
    let stray = bytes.utf8_chunks().any(|chunk| !chunk.invalid().is_empty());
    assert!(!stray, "{what}: not Unicode: {}", bytes.escape_ascii());
}

/// Watches how much memory and work a program takes.
pub(crate) struct Usage {
    over: Arc<AtomicBool>,
    watching: JoinHandle<(u64, u64)>,
}

impl Usage {
    pub(crate) fn of(running: &Running) -> Self {
        let about = format!("/proc/{}", running.pid());
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let watching = thread::spawn(move || {
            let mut most = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                let read = |name| std::fs::read_to_string(format!("{about}/{name}"));
                let (Ok(status), Ok(stat)) = (read("status"), read("stat")) else {
                    break;
                };
                // Both only grow, and whoever refuses something says goodbye to the peer afterwards, so
                // that there is time to see them.
                most.0 = peak_kib(&status).unwrap_or(most.0);
                most.1 = ticks(&stat).unwrap_or(most.1);
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        Self { over, watching }
    }

    /// The most memory that was ever in use, in MiB, and the time that processors spent.
    pub(crate) fn most(self) -> (u64, Duration) {
        self.over.store(true, Ordering::Relaxed);
        let (kib, ticks) = self.watching.join().unwrap();
        (kib / 1024, Duration::from_millis(ticks * 10))
    }
}

fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Hundredths of a second in the program and in the system for it.
fn ticks(stat: &str) -> Option<u64> {
    // The name of the program may hold anything; behind it are numbers.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}
