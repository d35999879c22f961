//! Fetching, in the ways that differ in what they do to the disk.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use crate::{
    common::{Peer, Sharing, filler, link, snapshot, write},
    naming::Entries,
    scene::{Place, Scene, copy, reference_tree},
    tracer::{Deed, Fault, Traced, Tracing},
};

/// What stands in the destination, and in its partial folder, and is somebody's.
const SENTINELS: [&str; 3] = ["mine", "my folder", ".grove-partial/0123"];

/// How much a large file has: enough to be recorded several times on the way.
const LARGE: usize = 17 << 20;

/// Fetching from somebody who shares all the time.
pub(crate) struct Get {
    name: &'static str,
    alice: Peer,
    ticket: String,
    root: String,
    /// Goes on as long as this.
    _sharing: Mutex<Sharing>,
    args: &'static [&'static str],
    /// Somebody who was killed on the way, if this goes on from there.
    begun: Option<Place>,
    /// Makes what stands there before; the second is what is shared.
    before: fn(&Peer, &Peer),
}

impl Get {
    fn of(name: &'static str, args: &'static [&'static str], large: usize) -> Self {
        let alice = Peer::new("alice");
        reference_tree(&alice.path("p"), large);
        let sharing = alice.share(&["p"]);
        Self {
            name,
            alice,
            ticket: sharing.ticket.clone(),
            root: sharing.root.clone(),
            _sharing: Mutex::new(sharing),
            args,
            begun: None,
            before: |_, _| {},
        }
    }

    /// Into an empty folder, by somebody who has no identity yet.
    pub(crate) fn fresh() -> Self {
        Self::of("get", &[], LARGE)
    }

    /// Where an earlier run was killed on the way.
    pub(crate) fn resumed() -> Self {
        let mut get = Self::of("get again", &[], LARGE);
        let begun = get.place();
        let all = get.run(
            &get.place(),
            Fault {
                at: usize::MAX,
                deed: Deed::Watch,
            },
            false,
        );
        let at = all.calls.len() * 2 / 3;
        get.run(
            &begun,
            Fault {
                at,
                deed: Deed::Kill,
            },
            false,
        );
        get.begun = Some(begun);
        get
    }

    /// With everything flushed to the disk.
    pub(crate) fn synced() -> Self {
        Self::of("get --fsync", &["--fsync"], 3 << 20)
    }

    /// Where other files have the names, and some are the same already.
    pub(crate) fn overwriting() -> Self {
        let mut get = Self::of("get --overwrite", &["--overwrite"], 3 << 20);
        get.before = |bob, alice| {
            write(&bob.path("p/large"), &filler(3 << 19));
            write(&bob.path("p/sizes/1"), b"x");
            copy(&alice.path("p/sizes/16384"), &bob.path("p/sizes/16384"));
            for number in 0..8 {
                write(&bob.path(format!("p/many/{}/{number}", number % 3)), b"old");
            }
            link(&bob.path("p/link"), "elsewhere");
            write(&bob.path("p/many/dangling"), b"a file where a link belongs");
        };
        get
    }

    /// A part of it.
    pub(crate) fn chosen() -> Self {
        Self::of(
            "get --only",
            &["--only", "many/1", "--only", "large"],
            2 << 20,
        )
    }

    /// One file, to standard output.
    pub(crate) fn output() -> Self {
        Self::of("get -o -", &["--only", "large", "-o", "-"], 2 << 20)
    }

    fn is_output(&self) -> bool {
        self.args.contains(&"-")
    }

    /// Whether another fetch is unfinished in the same folder.
    fn is_crowded(&self) -> bool {
        !self.args.is_empty()
    }

    /// Whether this run is to place the entry.
    fn is_wanted(&self, path: &Path) -> bool {
        !self.args.contains(&"--only") || path == Path::new("large") || path.starts_with("many/1")
    }

    fn expected(&self) -> PathBuf {
        self.alice.path("p")
    }

    fn command(&self, place: &Place) -> Command {
        let json: &[&str] = if self.is_output() { &[] } else { &["--json"] };
        let args = [json, &["get", &self.ticket], self.args].concat();
        place.peer.command(&args)
    }

    /// What has its final name is whole, or what stood there before.
    fn nothing_is_damaged(&self, place: &Place) {
        let here = place.peer.path("p");
        if !here.exists() {
            return;
        }
        let whole = snapshot(&self.expected());
        for (path, entry) in snapshot(&here) {
            let at = here.join(&path);
            assert!(whole.contains_key(&path), "{} is too much", at.display());
            let same = whole.get(&path) == Some(&entry) || place.before.get(&path) == Some(&entry);
            assert!(at.is_dir() || same, "{} is damaged", at.display());
        }
    }

    fn nothing_else_is_there(&self, place: &Place) {
        for entry in fs::read_dir(place.peer.path("")).unwrap() {
            let name = entry.unwrap().file_name();
            let known = ["p", "mine", "my folder", ".grove-partial"];
            assert!(
                known.iter().any(|known| name == *known),
                "{} appeared",
                name.display()
            );
        }
        let partial = place.peer.path(".grove-partial");
        let own = self.root.as_str();
        for entry in fs::read_dir(partial).into_iter().flatten() {
            let name = entry.unwrap().file_name();
            assert!(name == "0123" || name == own, "{} appeared", name.display());
        }
    }
}

impl Scene for Get {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place(&self) -> Place {
        let bob = Peer::new("bob");
        bob.write("mine", "precious");
        bob.write("my folder/file", "precious, too");
        if self.is_crowded() {
            bob.write(".grove-partial/0123/0.data", "another fetch");
        }
        (self.before)(&bob, &self.alice);
        if let Some(begun) = &self.begun {
            copy(&begun.peer.path(".."), &bob.path(".."));
            // Another person each time: of one, the sharer takes only so many connections, and those
            // of the dead stay for a while.
            fs::remove_file(bob.home().join("identity")).unwrap();
        }
        let kept = if self.is_crowded() { 3 } else { 2 };
        let mut place = Place::new(bob).keep(&SENTINELS[..kept]);
        if place.peer.path("p").exists() {
            place.before = snapshot(&place.peer.path("p"));
        }
        place
    }

    fn share(&self) -> Entries {
        Entries::of(&self.expected())
    }

    fn run(&self, place: &Place, fault: Fault, reading: bool) -> Traced {
        Tracing::start(&self.command(place), None, place.watch(reading), fault).end()
    }

    fn check(&self, place: &Place, ended: &Traced) {
        place.check_own();
        place.check_identity();
        self.nothing_is_damaged(place);
        self.nothing_else_is_there(place);
        if self.is_output() {
            let whole = fs::read(self.expected().join("large")).unwrap();
            assert!(
                whole.starts_with(&ended.stdout),
                "what came out is not what was shared"
            );
            assert!(!place.peer.path("p").exists());
        }
    }

    fn is_success(&self, code: Option<i32>) -> bool {
        code == Some(0)
    }

    fn check_done(&self, place: &Place, ended: &Traced) {
        if self.is_output() {
            let whole = fs::read(self.expected().join("large")).unwrap();
            assert!(
                whole == ended.stdout,
                "{} bytes of {}",
                ended.stdout.len(),
                whole.len()
            );
            return;
        }
        let mut partial = place.peer.path(".grove-partial");
        if self.is_crowded() {
            partial.push(&self.root);
        }
        assert!(!partial.exists(), "the partial folder is left");
        let (here, whole) = (place.peer.path("p"), snapshot(&self.expected()));
        let actual = snapshot(&here);
        let kept = !self.args.is_empty();
        for (path, entry) in whole.iter().filter(|(path, _)| self.is_wanted(path)) {
            let found = actual.get(path);
            // A folder that was there keeps its mode and time.
            let is_folder = here.join(path).is_dir() && !here.join(path).is_symlink();
            let same = found == Some(entry) || kept && is_folder;
            assert!(
                same,
                "{} is {found:.100?} instead of {entry:.100?}",
                path.display()
            );
        }
        assert!(actual.keys().all(|path| whole.contains_key(path)));
    }

    fn again(&self, place: &Place) -> Traced {
        let ended = self.run(
            place,
            Fault {
                at: 0,
                deed: Deed::Watch,
            },
            false,
        );
        assert!(ended.status.success(), "the next run fails: {ended}");
        ended
    }
}
