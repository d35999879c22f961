//! Getting: where things go, and which of them.

use std::fs;

use crate::common::{Peer, Running, assert_same_tree, filler, set_mode, snapshot};

/// Alice, with a folder `p` of a few files.
fn alice() -> Peer {
    let alice = Peer::new("alice");
    alice.write("p/readme.md", "read me");
    alice.write("p/docs/a.md", filler(5000));
    alice.write("p/docs/deep/b.txt", filler(40_000));
    alice.write("p/pictures/c.jpg", filler(200_000));
    alice
}

#[test]
fn into_another_folder_which_is_made() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let got = bob.get(&sharing.ticket, &["-o", "new/folder"]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("new/folder/p"));
    let dest = got.event("finished")["dest"].as_str().unwrap().to_owned();
    assert!(dest.ends_with("new/folder"), "{dest}");
    let left = fs::read_dir(bob.path("new/folder")).unwrap().count();
    assert_eq!(left, 1, "nothing but the share");
}

#[test]
fn one_file_to_standard_output() {
    let alice = Peer::new("alice");
    for size in [0, 1, 20_000, 3_000_000] {
        let content = filler(size);
        alice.write("file", &content);
        let sharing = alice.share(&["file"]);
        let bob = Peer::new("bob");
        let got = bob.plain(&["get", &sharing.ticket, "-o", "-"]).expect(0);
        assert!(
            got.stdout == content,
            "{size}: {} bytes came",
            got.stdout.len()
        );
        assert_eq!(snapshot(&bob.path("")).len(), 1, "nothing on the disk");
    }
}

#[test]
fn one_file_of_a_folder_to_standard_output() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let to_stdout = |more: &[&str]| {
        let args = [&["get", &sharing.ticket, "-o", "-"], more].concat();
        bob.plain(&args)
    };
    let got = to_stdout(&["--only", "docs/deep/b.txt"]).expect(0);
    assert!(
        got.stdout == filler(40_000),
        "{} bytes came",
        got.stdout.len()
    );
    let refused = to_stdout(&[]).expect(2);
    assert!(refused.stdout.is_empty());
    assert!(refused.stderr_text().contains("\nhint: "), "{refused}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let alice = Peer::new("alice");
    alice.write("large", filler(8_000_000));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let (reader, writer) = std::io::pipe().unwrap();
    let command = bob.command(&["get", &sharing.ticket, "-o", "-"]);
    let running = Running::start_into("bob", command, writer);
    let mut start = [0; 1000];
    let mut reader = reader;
    std::io::Read::read_exact(&mut reader, &mut start).unwrap();
    drop(reader);
    let ended = running.end().expect(0);
    assert_eq!(start, filler(8_000_000)[..1000]);
    assert!(!ended.stderr_text().contains("error"), "{ended}");
}

#[test]
fn only_a_part() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    for (patterns, expected) in [
        (&["docs/**"][..], &["docs/a.md", "docs/deep/b.txt"][..]),
        (&["p/docs"], &["docs/a.md", "docs/deep/b.txt"]),
        (&["docs/deep"], &["docs/deep/b.txt"]),
        (&["*.md"], &["readme.md", "docs/a.md"]),
        (&["p/readme.md"], &["readme.md"]),
        (&["readme.md", "*.jpg"], &["readme.md", "pictures/c.jpg"]),
    ] {
        let bob = Peer::new("bob");
        let mut args = Vec::new();
        for pattern in patterns {
            args.extend(["--only", pattern]);
        }
        let got = bob.get(&sharing.ticket, &args).expect(0);
        let files = snapshot(&bob.path("p"));
        let files: Vec<_> = files
            .keys()
            .filter(|path| bob.path("p").join(path).is_file())
            .collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(files, expected, "{patterns:?}");
        for file in &expected {
            let path = format!("p/{file}");
            assert_same_tree(&alice.path(&path), &bob.path(&path));
        }
        let number = expected.len() as u64;
        assert_eq!(got.number("offer", "files"), number, "{patterns:?}");
        assert_eq!(got.number("finished", "files"), number, "{patterns:?}");
    }
}

#[test]
fn the_rest_after_a_part() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &["--only", "pictures"]).expect(0);
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    for path in ["p/readme.md", "p/docs", "p/pictures"] {
        assert_same_tree(&alice.path(path), &bob.path(path));
    }
    let fetched = got.number("finished", "bytes_fetched");
    assert!(fetched < 200_000, "the picture is there already: {got}");
}

#[test]
fn twice_is_nothing_to_do() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let before = snapshot(&bob.path(""));
    let again = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(again.number("finished", "bytes_fetched"), 0, "{again}");
    assert_eq!(again.number("finished", "skipped"), 4, "{again}");
    assert!(snapshot(&bob.path("")) == before, "nothing changed");
    let plain = bob.plain(&["get", &sharing.ticket]).expect(0);
    assert!(plain.stderr_text().contains("Already complete"), "{plain}");
}

#[test]
fn what_was_removed_comes_again() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    fs::remove_file(bob.path("p/docs/deep/b.txt")).unwrap();
    fs::remove_dir_all(bob.path("p/pictures")).unwrap();
    bob.get(&sharing.ticket, &[]).expect(0);
    for path in ["p/docs/deep/b.txt", "p/pictures/c.jpg"] {
        assert_same_tree(&alice.path(path), &bob.path(path));
    }
}

#[test]
fn two_people_at_once() {
    let alice = alice();
    alice.write("p/large", filler(4_000_000));
    let sharing = alice.share(&["p"]);
    let (bob, carol) = (Peer::new("bob"), Peer::new("carol"));
    let gets = [&bob, &carol].map(|peer| peer.start_get(&sharing.ticket, &[]));
    for get in gets {
        get.end().expect(0);
    }
    for peer in [bob, carol] {
        assert_same_tree(&alice.path("p"), &peer.path("p"));
    }
}

#[test]
fn the_sharer_sees_who_fetched_what() {
    let alice = alice();
    let mut sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let connected = sharing.wait_for("peer_connected");
    assert_eq!(connected["peer"], bob.id());
    assert_eq!(connected["path"], "direct");
    let finished = sharing.wait_for("transfer_finished");
    assert_eq!(finished["peer"], bob.id());
    assert!(finished["bytes"].as_u64() >= Some(245_000), "{finished}");
    assert_eq!(sharing.wait_for("peer_gone")["peer"], bob.id());
}

#[test]
fn a_ticket_comes_from_anywhere() {
    let alice = alice();
    let sharing = alice.share(&["p/readme.md"]);
    let ticket = &sharing.ticket;
    let (first, second) = ticket.split_at(ticket.len() / 2);
    let read = |how: &str, peer: &Peer| assert_eq!(peer.read("readme.md"), b"read me", "{how}");

    let bob = Peer::new("bob");
    bob.write("ticket.txt", format!("<{ticket}>\n"));
    bob.grove(&["get", "@ticket.txt"]).expect(0);
    read("file", &bob);

    let bob = Peer::new("bob");
    let input = format!("\n  {ticket}\r\n");
    let command = bob.command(&["--json", "get", "-"]);
    Running::start_with_input("bob", command, input.as_bytes())
        .end()
        .expect(0);
    read("standard input", &bob);

    let bob = Peer::new("bob");
    let mut command = bob.command(&["--json", "get"]);
    command.env("GROVE_TICKET", ticket);
    Running::start("bob", command).end().expect(0);
    read("environment", &bob);

    let bob = Peer::new("bob");
    bob.get(&ticket.to_uppercase(), &[]).expect(0);
    read("upper case", &bob);

    let bob = Peer::new("bob");
    bob.grove(&["get", first, second]).expect(0);
    read("broken over two lines", &bob);
}

#[test]
fn modes_that_could_harm_are_cut() {
    let alice = Peer::new("alice");
    for mode in [0o4755, 0o2755, 0o1644] {
        let path = alice.write(&format!("p/{mode:o}"), "#!/bin/sh\n");
        set_mode(&path, mode);
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &["--yes"]).expect(0);
    for mode in [0o4755, 0o2755, 0o1644] {
        let metadata = fs::metadata(bob.path(format!("p/{mode:o}"))).unwrap();
        let got = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(got & 0o7777, mode & 0o777, "{mode:o}");
    }
}

#[test]
fn what_programs_act_on_is_fetched_only_when_told() {
    let alice = Peer::new("alice");
    alice.write(".bashrc", "rm -rf ~");
    let sharing = alice.share(&[".bashrc"]);
    // The home folder of Bob is the one that holds his working folder.
    let bob = Peer::new("bob");
    let home = bob.home().parent().unwrap().to_owned();
    let bob = bob.working_in(&home);
    let refused = bob.get(&sharing.ticket, &[]).expect(5);
    assert!(refused.told().contains(".bashrc"), "{refused}");
    assert!(!bob.path(".bashrc").exists());
    bob.get(&sharing.ticket, &["--yes"]).expect(0);
    assert!(bob.path(".bashrc").exists());
}
