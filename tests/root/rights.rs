//! What a person without rights meets, and without room in memory.

use std::{fs, os::unix::fs::chown, path::Path};

use crate::{
    common::{Event, Peer, Running, assert_same_tree, filler, set_mode, snapshot},
    lab::Group,
};

/// Whom nobody knows: without a name, and without a home that the system could name.
const NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
];

/// Somebody who is nobody here, with a folder of their own.
fn nobody(name: &'static str) -> Peer {
    let temp = Peer::new(name);
    for folder in [temp.path(""), temp.path("..")] {
        chown(&folder, Some(54321), Some(54321)).unwrap();
    }
    temp.run_by(&NOBODY)
}

/// Everybody may go through the folders above, and run what is there.
fn reachable(path: &Path) {
    for folder in path.ancestors().take_while(|path| *path != Path::new("/")) {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder).unwrap().permissions());
        assert!(
            mode & 0o001 != 0 || folder.starts_with("/tmp"),
            "{}",
            folder.display()
        );
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_the_right_to_write() {
    reachable(Path::new(env!("CARGO_BIN_EXE_grove")));
    let alice = Peer::new("alice");
    alice.write("p/file", filler(1000));
    let sharing = alice.share(&["p"]);
    let bob = nobody("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    fs::remove_dir_all(bob.path("p")).unwrap();

    // Neither where one is, nor elsewhere.
    chown(bob.path(""), Some(0), Some(0)).unwrap();
    for dest in [".", "new", "/", "/proc"] {
        let refused = bob.get(&sharing.ticket, &["-o", dest]).expect(8);
        assert!(!refused.message().is_empty(), "{refused}");
    }
    assert_eq!(snapshot(&bob.path("")).len(), 1, "nothing is written");
    // Sharing from there works: it writes nothing.
    bob.write("q/file", "x");
    let again = bob.share(&["q"]);
    Peer::new("carol").get(&again.ticket, &[]).expect(0);
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_the_right_to_a_home() {
    let bob = nobody("bob");
    bob.id();
    // As after `sudo grove`: what is there belongs to somebody else.
    for (path, mode) in [(bob.home().join("identity"), 0o600), (bob.home(), 0o700)] {
        chown(&path, Some(0), Some(0)).unwrap();
        set_mode(&path, mode);
        let refused = bob.grove(&["id"]).expect(8);
        assert!(refused.message().contains("identity"), "{refused}");
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_any_home() {
    let bob = nobody("bob");
    let mut command = bob.command(&["--json", "id"]);
    command.env_remove("HOME").env_remove("GROVE_HOME");
    let refused = Running::start("bob", command).end().expect(8);
    assert!(refused.message().contains("home"), "{refused}");
}

/// Root has the rights that a service's user lacks, and must not leave it files that it cannot read.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_hub_of_another_user() {
    let operator = nobody("operator");
    operator.start(&["hub"]).wait_for("hub_ready");
    let data = operator.home().join("hub");
    let root = Peer::new("root");
    let add = [
        "hub",
        "--data",
        data.to_str().unwrap(),
        "token",
        "add",
        "alice",
    ];
    let before = snapshot(&data);
    let refused = root.grove(&add).expect(8);
    assert!(refused.message().contains("another user's"), "{refused}");
    assert_eq!(snapshot(&data), before);
    // It may ask the hub that runs, which does it.
    let mut hub = operator.start(&["hub"]);
    hub.wait_for("hub_ready");
    root.grove(&add).expect(0);
    hub.kill();
    let mut again = operator.start(&["hub"]);
    let ready = again.wait_for("hub_ready");
    assert_eq!(ready["tokens"][1]["name"], "alice");
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn what_cannot_be_read_is_named_before_there_is_a_ticket() {
    let alice = nobody("alice");
    alice.write("p/fine", "x");
    alice.write("p/secret", "x");
    alice.write("p/closed/file", "x");
    set_mode(&alice.path("p/secret"), 0o600);
    set_mode(&alice.path("p/closed"), 0o700);
    let refused = alice.grove(&["share", "p"]).expect(8);
    for name in ["p/closed", "p/secret"] {
        assert!(refused.message().contains(name), "{name}: {refused}");
    }
    let hashing = |event: &Event| event["phase"] == "hash";
    assert!(!refused.all("progress").iter().any(hashing), "{refused}");
    let mut sharing = alice.share(&["p", "--skip-unreadable", "--once"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(bob.path("p/fine").exists() && !bob.path("p/secret").exists());
    sharing.wait_for("transfer_finished");
    let ended = sharing.into_running().end().expect(3);
    for name in ["p/closed", "p/secret"] {
        assert!(ended.told().contains(name), "{name}: {ended}");
    }
    // Once more at the end, for a person. Stopped by a person, it is only stopped.
    let line = ["share", "p", "--skip-unreadable"];
    let ended = alice.plain(&[&line[..], &["--expire", "1s"]].concat());
    let ended = ended.expect(3);
    let said = ended.stderr_text();
    let (_, at_the_end) = said.split_once("Ended: ").unwrap();
    assert!(at_the_end.contains("p/secret"), "{ended}");
    alice
        .share(&line[1..])
        .into_running()
        .interrupt()
        .expect(130);
}

/// What Grove keeps may be there under a second path that is no link.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn what_grove_keeps_is_not_shared_where_it_is_mounted_again() {
    let mounted = "mount --bind \"$GROVE_HOME\" p/also && exec \"$@\"";
    let alice = Peer::new("alice");
    alice.id();
    alice.write("p/mine", "x");
    fs::create_dir(alice.path("p/also")).unwrap();
    let alice = alice.run_by(&["unshare", "--mount", "sh", "-ec", mounted, "sh"]);
    for path in ["p/also", "p/also/identity"] {
        let refused = alice.grove(&["share", path]).expect(2);
        assert!(refused.message().contains(path), "{refused}");
    }
    let sharing = alice.share(&["p"]);
    assert_eq!(sharing.ready["files"], 1, "{}", sharing.ready);
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn little_memory_for_many_files() {
    let alice = Peer::new("alice");
    for number in 0..4_000 {
        alice.write(
            &format!("p/{}/{number}", number % 200),
            filler(2000 + number % 100),
        );
    }
    alice.write("p/large", filler(64 << 20));
    let sharing = alice.share(&["p"]);
    let group = Group::new(200 << 20);
    let entering = group.entering();
    let bob = Peer::new("bob").run_by(&entering.each_ref().map(String::as_str));
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
