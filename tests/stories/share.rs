//! Sharing: what goes into a share, and under which names.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
};

use crate::common::{
    Ended, Peer, Running, assert_same_tree, every_kind_of_entry, fifo, filler, link, set_mode,
    write,
};

/// Bob fetches all of it into his working folder.
fn fetch(ticket: &str) -> (Peer, Ended) {
    let bob = Peer::new("bob");
    let got = bob.get(ticket, &[]).expect(0);
    (bob, got)
}

fn names_in(peer: &Peer, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(peer.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_arrives_as_it_is() {
    let alice = Peer::new("alice");
    every_kind_of_entry(&alice.path("everything"));
    let sharing = alice.share(&["everything"]);
    let (bob, got) = fetch(&sharing.ticket);
    assert_same_tree(&alice.path("everything"), &bob.path("everything"));
    assert_eq!(names_in(&bob, ""), ["everything"], "and nothing else");

    let finished = got.event("finished");
    for field in ["root", "files", "bytes"] {
        assert_eq!(finished[field], sharing.ready[field], "{field}");
    }
    assert_eq!(sharing.ready["name"], "everything");
    let offer = got.event("offer");
    for field in ["name", "files", "bytes"] {
        assert_eq!(offer[field], sharing.ready[field], "{field}");
    }
}

#[test]
fn a_single_file_arrives_under_its_name() {
    let alice = Peer::new("alice");
    alice.write("folder/report.pdf", filler(100_000));
    let sharing = alice.share(&["folder/report.pdf"]);
    assert_eq!(sharing.ready["name"], "report.pdf");
    assert_eq!(sharing.ready["files"], 1);
    assert_eq!(sharing.ready["bytes"], 100_000);
    let (bob, _) = fetch(&sharing.ticket);
    assert_eq!(names_in(&bob, ""), ["report.pdf"]);
    assert_same_tree(&alice.path("folder/report.pdf"), &bob.path("report.pdf"));
}

#[test]
fn a_folder_that_takes_no_writing_arrives_with_its_content() {
    let alice = Peer::new("alice");
    alice.write("p/sealed/file", "content");
    set_mode(&alice.path("p/sealed"), 0o555);
    let sharing = alice.share(&["p"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert_same_tree(&alice.path("p/sealed/file"), &bob.path("p/sealed/file"));
    let mode = fs::metadata(bob.path("p/sealed"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o555, "it is sealed once everything is in it");
}

#[test]
fn one_person_shares_two_things_and_fetches_a_third_at_once() {
    let alice = Peer::new("alice");
    alice.write("one", filler(2 << 20));
    alice.write("two", filler(2 << 20));
    let one = alice.share(&["one"]);
    let two = alice.share(&["two"]);
    let carol = Peer::new("carol");
    carol.write("three", "from carol");
    let three = carol.share(&["three"]);

    let bob = Peer::new("bob");
    let mut slow = bob.start_get(&one.ticket, &["--limit-rate", "4M"]);
    slow.wait_until_fetched(1 << 20);
    alice.get(&three.ticket, &[]).expect(0);
    bob.get(&two.ticket, &[]).expect(0);
    slow.end().expect(0);
    assert_same_tree(&alice.path("one"), &bob.path("one"));
    assert_same_tree(&alice.path("two"), &bob.path("two"));
    assert_same_tree(&carol.path("three"), &alice.path("three"));

    let endpoint = |ticket: &str| {
        let ticket: iroh_blobs::ticket::BlobTicket = ticket.parse().unwrap();
        ticket.addr().id
    };
    assert_ne!(
        endpoint(&one.ticket),
        endpoint(&two.ticket),
        "a relay would take them for one"
    );
}

#[test]
fn an_empty_file_and_an_empty_folder_arrive() {
    let alice = Peer::new("alice");
    alice.write("nothing", "");
    fs::create_dir(alice.path("hollow")).unwrap();
    for name in ["nothing", "hollow"] {
        let sharing = alice.share(&[name]);
        let (bob, _) = fetch(&sharing.ticket);
        assert_same_tree(&alice.path(name), &bob.path(name));
    }
}

#[test]
fn several_paths_arrive_side_by_side() {
    let alice = Peer::new("alice");
    alice.write("deep/in/notes.txt", "notes");
    alice.write("pictures/a.png", filler(20_000));
    alice.write("-odd", "looks like a flag");
    let sharing = alice.share(&["deep/in", "pictures/a.png", "--", "-odd"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert_eq!(names_in(&bob, ""), ["-odd", "a.png", "in"]);
    assert_same_tree(&alice.path("deep/in"), &bob.path("in"));
    assert_same_tree(&alice.path("pictures/a.png"), &bob.path("a.png"));
}

#[test]
fn two_paths_of_one_name_are_refused() {
    let alice = Peer::new("alice");
    alice.write("one/same", "1");
    alice.write("two/same", "2");
    let refused = alice.grove(&["share", "one/same", "two/same"]).expect(2);
    for path in ["one/same", "two/same"] {
        assert!(refused.message().contains(path), "{refused}");
    }
}

#[test]
fn a_dot_is_the_folder_one_is_in() {
    let alice = Peer::new("alice");
    alice.write("holiday/day 1/a.jpg", filler(3000));
    let there = alice.path("holiday");
    let alice = alice.working_in(&there);
    let sharing = alice.share(&["."]);
    assert_eq!(sharing.ready["name"], "holiday");
    let (bob, _) = fetch(&sharing.ticket);
    assert_same_tree(&there, &bob.path("holiday"));
}

#[test]
fn standard_input_is_a_file_with_the_name_it_is_given() {
    let alice = Peer::new("alice");
    for (flags, name) in [(&["--name", "src.tar"][..], "src.tar"), (&[], "stdin")] {
        let content = filler(300_001);
        let sharing = alice.share_input(&content, flags);
        assert_eq!(sharing.ready["bytes"], 300_001);
        let (bob, _) = fetch(&sharing.ticket);
        assert_eq!(bob.read(name), content);
    }
}

#[test]
fn the_same_tree_is_the_same_share() {
    let alice = Peer::new("alice");
    every_kind_of_entry(&alice.path("tree"));
    let first = alice.share(&["tree"]);
    let again = alice.share(&["tree"]);
    assert_eq!(first.root, again.root);

    let (bob, _) = fetch(&first.ticket);
    let of_the_copy = bob.share(&["tree"]);
    assert_eq!(
        first.root, of_the_copy.root,
        "a copy is the same share, too"
    );
    assert_ne!(first.ticket, of_the_copy.ticket, "from somebody else");
}

#[test]
fn hidden_files_belong_to_it() {
    let alice = Peer::new("alice");
    alice.write("project/.env", "x");
    alice.write("project/.git/config", "y");
    alice.write("project/.gitignore", "build\n");
    alice.write("project/build/out", "z");
    let sharing = alice.share(&["project"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert_same_tree(&alice.path("project"), &bob.path("project"));
}

#[test]
fn patterns_leave_things_out() {
    let alice = Peer::new("alice");
    for path in [
        "a.txt",
        "a.tmp",
        "sub/b.tmp",
        "target/big",
        "sub/target",
        ".gitignore",
    ] {
        alice.write(&format!("p/{path}"), path);
    }
    alice.write("p/.gitignore", "a.txt\n");
    let sharing = alice.share(&["p", "--exclude", "*.tmp", "--exclude", "target/"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert_eq!(names_in(&bob, "p"), [".gitignore", "a.txt", "sub"]);
    assert_eq!(names_in(&bob, "p/sub"), ["target"]);

    let sharing = alice.share(&["p", "--gitignore"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert!(!bob.path("p/a.txt").exists(), "--gitignore");
    assert!(bob.path("p/a.tmp").exists(), "--gitignore");
}

#[test]
fn a_groveignore_file_always_counts() {
    let alice = Peer::new("alice");
    for path in ["keep", "drop.log", "sub/drop.log", "sub/keep.log"] {
        alice.write(&format!("p/{path}"), path);
    }
    alice.write("p/.groveignore", "*.log\n");
    alice.write("p/sub/.groveignore", "!keep.log\n");
    let sharing = alice.share(&["p"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert!(bob.path("p/keep").exists());
    assert!(!bob.path("p/drop.log").exists());
    assert!(!bob.path("p/sub/drop.log").exists());
    assert!(bob.path("p/sub/keep.log").exists());
}

#[test]
fn links_stay_links() {
    let alice = Peer::new("alice");
    alice.write("p/real/file", "content");
    link(&alice.path("p/to file"), "real/file");
    link(&alice.path("p/to folder"), "real");
    link(&alice.path("p/real/up"), "../to file");
    link(&alice.path("p/dangling"), "not/there");
    let sharing = alice.share(&["p"]);
    assert_eq!(sharing.ready["files"], 1, "what is linked to is there once");
    let (bob, _) = fetch(&sharing.ticket);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn links_that_lead_outside_are_not_made_and_named() {
    let alice = Peer::new("alice");
    alice.write("p/file", "content");
    let outside = [
        ("absolute", "/etc/passwd"),
        ("up", "../../outside"),
        ("far", "a/../../../x"),
    ];
    for (name, target) in outside {
        link(&alice.path("p").join(name), target);
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let got = bob.get(&sharing.ticket, &[]).expect(3);
    assert_eq!(bob.read("p/file"), b"content");
    for (name, _) in outside {
        assert!(got.told().contains(&format!("p/{name}")), "{name}: {got}");
        assert!(
            bob.path("p").join(name).symlink_metadata().is_err(),
            "{name}"
        );
    }
}

#[test]
fn what_is_no_file_is_left_out_and_named() {
    let alice = Peer::new("alice");
    alice.write("p/file", "content");
    fifo(&alice.path("p/queue"));
    let mut sharing = alice.share(&["p"]);
    let (bob, _) = fetch(&sharing.ticket);
    assert_eq!(names_in(&bob, "p"), ["file"]);
    sharing.wait_for("peer_gone");
    let ended = sharing.into_running().interrupt().expect(130);
    let warnings = ended.all("warning");
    let named = |warning: &serde_json::Value| {
        warning["kind"] == "left_out" && warning["message"].as_str().unwrap().contains("p/queue")
    };
    assert!(warnings.iter().any(named), "{ended}");
    // A share that ends by itself is done, but not with everything.
    let ended = alice.grove(&["share", "p", "--expire", "1s"]).expect(3);
    assert!(ended.all("warning").iter().any(named), "{ended}");
    let ended = alice.grove(&["share", "p", "--expire", "1s", "--exclude", "queue"]);
    ended.expect(0);

    let refused = alice.grove(&["share", "p", "--strict"]).expect(3);
    assert!(refused.told().contains("p/queue"), "{refused}");
    assert!(refused.all("share_ready").is_empty(), "{refused}");
    let refused = alice.grove(&["share", "p/queue"]).expect(2);
    assert!(refused.message().contains("p/queue"), "{refused}");
}

#[test]
fn what_does_not_exist_is_named() {
    let alice = Peer::new("alice");
    alice.write("there", "x");
    let refused = alice.grove(&["share", "there", "not there"]).expect(2);
    assert!(refused.message().contains("not there"), "{refused}");
}

#[test]
fn groves_own_folder_is_not_shared_along() {
    let alice = Peer::new("alice");
    alice.id();
    alice.write("files of mine", "x");
    let above = alice.home().parent().unwrap().to_owned();
    write(
        &above.join("files/p/.grove-partial/0/1.data"),
        b"unfinished",
    );
    let alice = alice.working_in(&above);
    let sharing = alice.share(&["."]);
    let (bob, _) = fetch(&sharing.ticket);
    let top = above.file_name().unwrap().to_str().unwrap();
    assert!(bob.path(top).join("files/files of mine").exists());
    assert!(!bob.path(top).join("home").exists(), "the identity");
    assert!(!bob.path(top).join("files/p/.grove-partial").exists());
}

#[test]
fn the_ticket_is_all_that_is_on_standard_output() {
    let alice = Peer::new("alice");
    alice.write("a", "b");
    let (bob_reads, alice_writes) = std::io::pipe().unwrap();
    let command = alice.command(&["share", "a"]);
    let running = Running::start_into("alice", command, alice_writes);
    let mut reader = BufReader::new(bob_reads);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (bob, _) = fetch(line.trim());
    assert_eq!(bob.read("a"), b"b");
    running.interrupt().expect(130);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
