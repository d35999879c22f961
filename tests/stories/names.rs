//! Names that are easy to get wrong, and names that look like Grove's own.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::symlink,
    },
    path::{Path, PathBuf},
};

use crate::common::{
    Peer, Random, Running, Sharing, assert_same_tree, fifo, filler, snapshot, write,
};

fn put(folder: &Path, name: &[u8]) {
    let content = name.escape_ascii().to_string();
    write(&folder.join(OsStr::from_bytes(name)), content.as_bytes());
}

#[test]
fn every_byte_that_a_name_can_have_arrives() {
    let alice = Peer::new("alice");
    let folder = alice.path("p");
    for byte in (1..=255).filter(|byte| !matches!(byte, b'/' | b'\\')) {
        if byte != b'.' {
            put(&folder.join("alone"), &[byte]);
        }
        put(&folder.join("first"), &[byte, b'x']);
        put(&folder.join("last"), &[b'x', byte]);
    }
    let mut random = Random(1);
    for _ in 0..200 {
        let any = (0..random.below(60) + 2).map(|_| random.next().to_le_bytes()[0]);
        let any: Vec<u8> = any.filter(|b| !matches!(b, 0 | b'/' | b'\\')).collect();
        if !any.is_empty() {
            put(&folder.join("random"), &[b"r", &any[..]].concat());
        }
    }
    for name in [
        &b"   "[..],
        b"....",
        b"-rf",
        b"--output=x",
        b"~root",
        b"$(touch x)",
        b"`touch x`",
        b"'\"'",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"%2e%2e%2f",
        b"%ff",
    ] {
        put(&folder.join("as they are"), name);
    }
    // A stand-in for a name that is not Unicode meets the name that it looks like.
    put(&folder.join("as they are"), b"\xff");
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&folder, &bob.path("p"));
    let again = bob.get(&sharing.ticket, &["--verify"]).expect(0);
    assert_eq!(again.number("finished", "bytes_fetched"), 0, "{again}");
    assert_eq!(bob.share(&["p"]).root, sharing.root);
}

/// What Windows keeps for itself is a name like any other here, at the top level too.
#[test]
fn names_that_windows_refuses_are_names() {
    let names = [
        "a:b",
        "C:x",
        "C:",
        "CON",
        "con.txt",
        "COM1 ",
        "COM¹",
        "LPT9.tar",
        "a?b",
        "trailing. ",
        "<>|*\"",
        "..hidden",
        "-",
    ];
    let alice = Peer::new("alice");
    for name in names {
        alice.write(name, name);
        alice.write(&format!("p/{name}/{name}"), name);
    }
    // What stands alone for standard input is a file with a folder in front.
    let mut args: Vec<&str> = names.into_iter().filter(|name| *name != "-").collect();
    args.extend(["./-", "p"]);
    let sharing = alice.share(&args);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    for name in names.into_iter().chain(["p"]) {
        assert_same_tree(&alice.path(name), &bob.path(name));
    }
}

#[test]
fn names_that_cannot_be_shared_are_listed_before_there_is_a_ticket() {
    let alice = Peer::new("alice");
    alice.write("p/good", "x");
    alice.write("p/back\\slash", "x");
    alice.write("p/.Grove-Partial", "x");
    let refused = alice.grove(&["share", "p"]).expect(1);
    for name in ["back\\\\slash", ".Grove-Partial"] {
        let shown = name.replace("\\\\", "\\");
        assert!(refused.message().contains(&shown), "{refused}");
    }
    assert!(!refused.message().contains("good"), "{refused}");
    assert!(refused.all("share_ready").is_empty(), "{refused}");
    let args = ["share", "p", "--exclude", "back*", "--exclude", ".Grove*"];
    alice.start(&args).wait_for("share_ready");
    for name in ["~", "a\\b"] {
        alice.write(name, "x");
        alice.grove(&["share", name]).expect(1);
    }
}

/// The identity, the caches and unfinished fetches stay here, wherever in a shared tree they are.
#[test]
fn what_grove_keeps_is_never_shared() {
    let alice = Peer::new("alice");
    alice.write("p/mine", "x");
    alice.write("p/large", filler(2_000_000));
    for below in [".grove-partial/0.data", "q/.grove-partial/root/0.have"] {
        alice.write(&format!("p/{below}"), "unfinished");
    }
    alice.write("p/q/mine", "x");
    let home = ["--home", "p/grove"];
    alice.grove(&[&home[..], &["id"]].concat()).expect(0);
    alice.write("p/grove/config.toml", "wait = \"1m\"\n");
    for tree in ["p", "p/../p/", "."] {
        let mut sharing =
            alice.start(&[&home[..], &["share", tree, "--exclude", "*.toml.bak"]].concat());
        let ready = sharing.wait_for("share_ready");
        let bob = Peer::new("bob");
        bob.get(ready["ticket"].as_str().unwrap(), &["-o", "got"])
            .expect(0);
        let names: Vec<_> = snapshot(&bob.path("got")).into_keys().collect();
        assert!(
            names.iter().any(|name| name.ends_with("q/mine")),
            "{names:?}"
        );
        let ours = names.iter().find(|name| {
            let name = name.to_string_lossy();
            ["grove", "identity", "cache"]
                .iter()
                .any(|n| name.contains(n))
        });
        assert_eq!(ours, None, "{names:?}");
    }
    // By way of a link, it is the same folder.
    fs::rename(alice.path("p/grove"), alice.path("elsewhere")).unwrap();
    symlink("../elsewhere", alice.path("p/grove")).unwrap();
    for tree in ["p/grove", "elsewhere"] {
        alice
            .grove(&[&home[..], &["share", tree]].concat())
            .expect(2);
    }
}

/// Neither are its files when they are named, in whatever way. The folder of a hub may be anywhere.
#[test]
fn what_grove_keeps_is_not_shared_when_it_is_named() {
    fn line<'a>(args: &[&'a str]) -> Vec<&'a str> {
        [&["--home", "p/grove"], args].concat()
    }

    let alice = Peer::new("alice");
    alice.write("p/mine", "x");
    for data in [&[][..], &["--data", "p/hub of ours"]] {
        let mut hub = alice.start(&line(&[&["hub"][..], data].concat()));
        hub.wait_for("hub_ready");
        hub.interrupt().expect(130);
    }
    alice.write("p/grove/cache/mine", "x");
    symlink("grove/identity", alice.path("p/to the identity")).unwrap();
    symlink("p/grove/hub", alice.path("to the hub")).unwrap();
    symlink("p/hub of ours", alice.path("to ours")).unwrap();
    let absolute = alice.path("p/grove/identity");
    for path in [
        "p/grove",
        "p/grove/identity",
        "p/../p/./grove//identity",
        "p/grove/hub/../identity",
        absolute.to_str().unwrap(),
        "p/to the identity",
        "to the hub",
        "to the hub/tokens.toml",
        "to the hub/..",
        "p/grove/hub",
        "p/grove/hub/authority.pem",
        "p/grove/cache",
        "p/grove/cache/mine",
        "p/hub of ours",
        "p/hub of ours/tokens.toml",
        "to ours",
        "to ours/authority.pem",
    ] {
        assert!(alice.path(path).exists(), "{path}");
        let refused = alice.grove(&line(&["share", "p/mine", path])).expect(2);
        let message = refused.message();
        assert!(message.contains("Grove"), "{refused}");
        assert!(message.contains(path), "{refused}");
        assert!(refused.all("share_ready").is_empty(), "{refused}");
    }
    // Nor along with what is around them; of the hub's folder, which only looks like one, that is told.
    let sharing = Sharing::new(alice.start(&line(&["share", "p", "--once"])));
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let names: Vec<_> = snapshot(&bob.path("p")).into_keys().collect();
    let expected = ["", "mine", "to the identity"].map(PathBuf::from);
    assert_eq!(names, expected, "the link is one, and leads nowhere");
    let ended = sharing.into_running().end().expect(3);
    assert!(ended.told().contains("p/hub of ours"), "{ended}");
    // Standard input is kept in the cache, and is no secret.
    let command = alice.command(&line(&["--json", "share", "-"]));
    let sharing = Sharing::new(Running::start_with_input("alice", command, b"input"));
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("stdin"), b"input");
}

/// Files called like those that Grove makes for itself are files like any other.
#[test]
fn names_like_those_of_unfinished_work_do_no_harm() {
    let names = [
        "lock",
        "held",
        "made",
        "0.new",
        "1.data",
        "1.tree",
        "1.have",
        "1.have.new",
        "identity",
        "identity.1-0-0.new",
        "in-use",
        "Probe.new",
        "abc.obao4",
        "x.v1",
        "0.data",
    ];
    let alice = Peer::new("alice");
    for (number, name) in names.into_iter().enumerate() {
        let size = if number % 2 == 0 { 100 } else { 1_500_000 };
        alice.write(&format!("p/{name}"), filler(size + number));
        alice.write(name, filler(size + 50 + number));
    }
    let sharing = alice.share(&[&names[..], &["p"]].concat());
    let bob = Peer::new("bob");
    bob.write("made.new", "of Bob");
    bob.write("7.new", "of Bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "20M"]);
    getting.wait_until_fetched(8_000_000);
    getting.kill();
    bob.get(&sharing.ticket, &[]).expect(0);
    bob.grove(&["cache", "clear"]).expect(0);
    alice.grove(&["cache", "clear"]).expect(0);
    for name in names.into_iter().chain(["p"]) {
        assert_same_tree(&alice.path(name), &bob.path(name));
    }
    for name in ["made.new", "7.new"] {
        assert_eq!(bob.read(name), b"of Bob");
    }
}

/// Names are text to the completions, never commands.
#[test]
fn completions_execute_no_names() {
    let alice = Peer::new("alice");
    let names = [
        "$(touch made)",
        "`touch made`",
        ";touch made;",
        "&touch made&",
        "|touch made",
        "\ntouch made\n",
        "a$(touch made)b",
        "'$(touch made)'",
        "\"$(touch made)\"",
        "x\\$(touch made)",
        "-$(touch made)",
        "{touch,made}",
        "${x:=$(touch made)}",
        "$((a[$(touch made)]))",
    ];
    for name in names {
        alice.write(&format!("there/{name}"), "x");
    }
    fifo(&alice.path("there/fifo"));
    let script = r#"
        eval "$1"
        cd there || exit 1
        offered=0
        for words in 'grove share' 'grove get x -o' 'grove --home' 'grove ls' 'grove share --exclude'; do
            for typed in '' '$' '$(' '$(tou' '`' '`touch made`' "'" '"$(touch made)' '-' ';' 'a' '{'; do
                read -ra COMP_WORDS <<<"$words"
                previous=${COMP_WORDS[-1]}
                COMP_WORDS+=("$typed")
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                COMPREPLY=()
                _grove grove "$typed" "$previous"
                offered=$((offered + ${#COMPREPLY[@]}))
            done
        done
        echo "$offered"
    "#;
    let completions = alice.plain(&["completions", "bash"]).expect(0);
    let mut command = alice.program(OsStr::new("bash"));
    command.args(["--norc", "-c", script, "bash"]);
    command.arg(OsString::from_vec(completions.stdout.clone()));
    let ended = Running::start("alice", command).end().expect(0);
    let offered: u32 = ended.stdout_text().trim().parse().unwrap();
    assert!(offered > 20, "something is completed: {ended}");
    let made = snapshot(&alice.path(""))
        .into_keys()
        .find(|path| path.file_name() == Some(OsStr::new("made")));
    assert_eq!(made, None, "{ended}");
}
