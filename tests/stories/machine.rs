//! Computers that give little: few files at once, no large ones, little memory, no home, no terminal.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::common::{Peer, Running, Sharing, assert_same_tree, filler, snapshot};

/// Alice with `p`, in which there are so many small files, and a large one.
fn alice(files: usize) -> Peer {
    let alice = Peer::new("alice");
    for number in 0..files {
        alice.write(
            &format!("p/{:02}/{number}", number % 100),
            number.to_string(),
        );
    }
    alice.write("p/large", filler(5 << 20));
    alice
}

#[test]
fn few_files_at_once_are_enough_for_many() {
    let alice = alice(10_000).run_by(&["prlimit", "--nofile=64"]);
    for number in 0..20 {
        alice.write(
            &format!("p/{number}/larger"),
            filler((1 << 20) + 1 + number),
        );
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob").run_by(&["prlimit", "--nofile=64"]);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    sharing.into_running().interrupt().expect(130);
}

#[test]
fn too_few_files_to_work_with_are_named() {
    let sharer = alice(10);
    let sharing = sharer.share(&["p"]);
    for few in ["--nofile=6", "--nofile=12", "--nofile=24"] {
        let alice = Peer::new("alice").run_by(&["prlimit", few]);
        alice.write("file", "x");
        let bob = Peer::new("bob").run_by(&["prlimit", few]);
        for refused in [
            alice.grove(&["share", "file"]),
            bob.get(&sharing.ticket, &[]),
        ] {
            let refused = refused.expect(8);
            assert!(refused.message().contains("files"), "{refused}");
        }
        assert_eq!(fs::read_dir(bob.path("")).unwrap().count(), 0);
    }
}

#[test]
fn no_large_files() {
    let alice = alice(20);
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let limited = Peer::new("bob").run_by(&["prlimit", "--fsize=1000000"]);
    let limited = limited.working_in(&bob.path(""));
    let stopped = limited.get(&sharing.ticket, &[]).expect(8);
    assert!(stopped.message().contains("p/large"), "{stopped}");
    assert!(!bob.path("p/large").exists());
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn little_memory() {
    let alice = alice(200);
    let sharing = alice.share(&["p"]);
    // What fits works; what does not ends with an error or a signal, and harms nothing.
    for bytes in ["2000000000", "400000000", "100000000"] {
        let bob = Peer::new("bob");
        let limited = Peer::new("bob").run_by(&["prlimit", &format!("--as={bytes}")]);
        let limited = limited.working_in(&bob.path(""));
        let mut command = limited.command(&["--json", "get", &sharing.ticket]);
        command.stderr(std::process::Stdio::null());
        let status = command
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success() || bytes != "2000000000", "{status}");
        bob.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
    }
}

/// A line of a shell that runs Grove with `args`, as `"$@"`.
fn in_a_shell(peer: &Peer, script: &str, args: &[&str]) -> Running {
    let line = peer.command(args);
    let mut command = peer.program(OsStr::new("sh"));
    command.args(["-c", script, "sh"]);
    command.arg(line.get_program()).args(line.get_args());
    Running::start(peer.name(), command)
}

#[test]
fn a_home_that_is_a_file() {
    let alice = alice(1);
    let file = alice.write("a file", "x");
    let before = snapshot(&alice.path(""));
    for args in [&["share", "p"][..], &["id"]] {
        let mut command = alice.command(&[&["--json"], args].concat());
        command.env_remove("GROVE_HOME").env("HOME", &file);
        let refused = Running::start("alice", command).end().expect(8);
        assert!(refused.message().contains("a file"), "{refused}");
    }
    assert!(snapshot(&alice.path("")) == before, "nothing is written");
}

#[test]
fn the_folder_one_is_in_was_removed() {
    let alice = alice(1);
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let script = "mkdir gone; cd gone; rmdir ../gone; exec \"$@\"";
    let before = snapshot(&bob.path(""));
    for (args, code) in [
        (&["get", &sharing.ticket][..], 8),
        (&["share", "."], 2),
        (&["share", "p"], 2),
    ] {
        let args = [&["--json"], args].concat();
        let ended = in_a_shell(&bob, script, &args).end();
        ended.expect(code);
    }
    // What names its places in full goes on.
    let there = bob.path("there");
    let args = [
        "--json",
        "get",
        &sharing.ticket,
        "-o",
        there.to_str().unwrap(),
    ];
    in_a_shell(&bob, script, &args).end().expect(0);
    assert_same_tree(&alice.path("p"), &there.join("p"));
    fs::remove_dir_all(there).unwrap();
    assert!(snapshot(&bob.path("")).len() == before.len());
}

#[test]
fn nowhere_for_temporary_files() {
    let alice = alice(3);
    let mut command = alice.command(&["--json", "share", "p"]);
    command.env("TMPDIR", "/proc/nowhere");
    let sharing = Sharing::new(Running::start("alice", command));
    let bob = Peer::new("bob");
    let mut command = bob.command(&["--json", "get", &sharing.ticket]);
    command.env("TMPDIR", "/proc/nowhere");
    Running::start("bob", command).end().expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

/// Everything below `folder` that somebody other than its owner could look into.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut open = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if fs::metadata(&folder).unwrap().permissions().mode() & 0o077 != 0 {
            open.push(folder.clone());
        }
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.metadata().unwrap().permissions().mode() & 0o077 != 0 {
                open.push(entry.path());
            }
        }
    }
    open
}

#[test]
fn whatever_the_umask_is_secrets_are_private() {
    let alice = alice(5);
    for umask in ["000", "777"] {
        let script = format!("umask {umask}; exec \"$@\"");
        let mut sharing = in_a_shell(&alice, &script, &["--json", "share", "p"]);
        let ready = sharing.wait_until("a ticket or an error", |event| {
            event["event"] == "share_ready" || event["event"] == "error"
        });
        assert_eq!(open_to_others(&alice.home()), [] as [PathBuf; 0]);
        let Some(ticket) = ready["ticket"].as_str() else {
            // Nobody can enter a folder of which the umask takes even the owner's rights.
            assert_eq!((umask, ready["exit_code"].as_i64()), ("777", Some(8)));
            continue;
        };
        let bob = Peer::new("bob");
        let got = in_a_shell(&bob, &script, &["--json", "get", ticket]).end();
        assert!(
            matches!((umask, got.code()), (_, Some(0)) | ("777", Some(8))),
            "{got}"
        );
        assert_eq!(open_to_others(&bob.home()), [] as [PathBuf; 0]);
        if got.code() == Some(0) {
            assert_same_tree(&alice.path("p"), &bob.path("p"));
        }
    }
}

#[test]
fn nobody_listens() {
    let alice = alice(50);
    let sharing = alice.share(&["p"]);
    for (number, closed) in [
        "exec \"$@\" >&-",
        "exec \"$@\" 2>&-",
        "exec \"$@\" >&- 2>&-",
    ]
    .into_iter()
    .enumerate()
    {
        for flags in [&[][..], &["--json"]] {
            let bob = Peer::new("bob");
            let args = [flags, &["get", &sharing.ticket]].concat();
            let got = in_a_shell(&bob, closed, &args).end();
            assert_eq!(got.code(), Some(0), "{number} {flags:?}: {got}");
            assert_same_tree(&alice.path("p"), &bob.path("p"));
        }
    }
    // As with `grove get … | head -1`: the reader is gone after a line.
    let bob = Peer::new("bob");
    let script = "{ \"$@\"; echo $? > code; } | head -1";
    in_a_shell(&bob, script, &["--json", "get", &sharing.ticket]).end();
    assert_eq!(bob.read("code"), b"0\n");
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn a_terminal_that_can_do_little() {
    let alice = alice(20);
    let sharing = alice.share(&["p"]);
    for (term, columns) in [("dumb", 80), ("xterm", 20), ("xterm", 1), ("", 0)] {
        let bob = Peer::new("bob");
        let line = bob.command(&["get", &sharing.ticket, "--limit-rate", "4M"]);
        let words = [line.get_program()].into_iter().chain(line.get_args());
        let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
        let script = format!("stty cols {columns}; {}", words.join(" "));
        let mut command = bob.program(OsStr::new("script"));
        command.args(["--quiet", "--return", "--command", &script, "/dev/null"]);
        command.env("TERM", term);
        let got = Running::start("bob", command).end().expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        let said = String::from_utf8_lossy(&got.stdout).into_owned();
        assert!(term != "dumb" || !said.contains('\u{1b}'), "{got}");
    }
}

/// What is left in a home and at a destination after kills does not grow with each of them.
#[test]
fn kills_leave_little_behind() {
    let alice = alice(300);
    // Far more than all of these fetches get together, also where a kill comes a second late.
    alice.write("p/larger", filler(24 << 20));
    let bob = Peer::new("bob");
    let names = |folder: &Path| snapshot(folder).len();
    let mut sizes = Vec::new();
    let copies = alice.home().join("cache/copies");
    let copies = || fs::read_dir(&copies).map_or(0, Iterator::count);
    for kill in 0..20 {
        let mut sharing = alice.start(&["share", "p", "--snapshot"]);
        sharing.wait_until("work", |event| event["event"] == "progress");
        sharing.kill();
        // A copy that was being made goes with the next share, whatever that shares.
        let sharing = alice.share(&["p"]);
        assert_eq!(copies(), 0);
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "4M"]);
        getting.wait_until_fetched(1 + kill * (128 << 10));
        getting.kill();
        sharing.into_running().kill();
        sizes.push((names(&alice.home()), names(&bob.home())));
    }
    let (alices, bobs): (Vec<_>, Vec<_>) = sizes.into_iter().unzip();
    let grew = |sizes: &[usize]| sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
    assert!(
        grew(&alices) <= 8 && grew(&bobs) <= 8,
        "{alices:?}, {bobs:?}"
    );
    alice.grove(&["cache", "clear"]).expect(0);
    bob.grove(&["cache", "clear"]).expect(0);
    // The identity, the folders, and the files whose locks say that something is in use.
    for home in [alice.home(), bob.home()] {
        let left = snapshot(&home);
        assert!(left.len() <= 10, "{:?}", left.keys().collect::<Vec<_>>());
    }
    let sharing = alice.share(&["p"]);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(!bob.path(".grove-partial").exists());
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
