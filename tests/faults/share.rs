//! Sharing, in the ways that differ in what they do to the disk.

use std::fs::File;

use crate::{
    common::{Peer, filler, write},
    scene::{Place, Scene, copy, reference_tree},
    tracer::{Deed, Fault, Traced, Tracing},
};

/// Sharing until the ticket is there, and then being asked to end.
pub(crate) struct Share {
    name: &'static str,
    args: &'static [&'static str],
    input: Option<Vec<u8>>,
    /// Whether the same was shared before, and a little changed since.
    shared_before: bool,
    /// What is shared.
    tree: Peer,
    /// The hash that is always the same.
    root: String,
}

impl Share {
    fn of(name: &'static str, args: &'static [&'static str]) -> Self {
        let mut share = Self {
            name,
            args,
            input: None,
            shared_before: false,
            tree: Peer::new("alice"),
            root: String::new(),
        };
        if args.contains(&"-") {
            share.input = Some(filler(3 << 20));
        }
        reference_tree(&share.tree.path("p"), 9 << 20);
        write(&share.tree.path("p/medium"), &filler(2 << 20));
        let sparse = share.tree.path("p/sparse");
        write(&sparse, &filler(100_000));
        let sparse = File::options().write(true).open(sparse).unwrap();
        sparse.set_len(5 << 20).unwrap();
        share
    }

    fn knowing_the_root(mut self) -> Self {
        let ended = self.run(
            &self.place(),
            Fault {
                at: 0,
                deed: Deed::Watch,
            },
            false,
        );
        self.root = root_of(&ended).unwrap_or_else(|| panic!("nothing is shared: {ended}"));
        self
    }

    /// For the first time, by somebody who has no identity yet.
    pub(crate) fn fresh() -> Self {
        Self::of("share", &["p"]).knowing_the_root()
    }

    /// With hashes that were remembered.
    pub(crate) fn again() -> Self {
        let mut share = Self::of("share again", &["p"]);
        share.shared_before = true;
        share.knowing_the_root()
    }

    /// A copy.
    pub(crate) fn snapshot() -> Self {
        Self::of("share --snapshot", &["p", "--snapshot"]).knowing_the_root()
    }

    /// Standard input.
    pub(crate) fn input() -> Self {
        Self::of("share -", &["-", "--name", "input"]).knowing_the_root()
    }
}

fn root_of(ended: &Traced) -> Option<String> {
    let ready = ended
        .events()
        .into_iter()
        .find(|event| event["event"] == "share_ready")?;
    ready["root"].as_str().map(str::to_owned)
}

impl Scene for Share {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place(&self) -> Place {
        let alice = Peer::new("alice");
        // The very same, with all times.
        copy(&self.tree.path("p"), &alice.path("p"));
        if self.shared_before {
            write(&alice.path("p/many/0/3"), b"as it was");
            alice.share(&["p"]).into_running().interrupt();
            copy(&self.tree.path("p/many/0/3"), &alice.path("p/many/0/3"));
        }
        Place::new(alice).keep(&["p"])
    }

    fn run(&self, place: &Place, fault: Fault, reading: bool) -> Traced {
        let args = [&["--json", "share"], self.args].concat();
        let mut command = place.peer.command(&args);
        // So that the calls come in the same order each time.
        command.env("RAYON_NUM_THREADS", "1");
        let input = self.input.as_deref();
        let mut tracing = Tracing::start(&command, input, place.watch(reading), fault);
        if tracing.wait_for("share_ready").is_some() {
            tracing.terminate();
        }
        tracing.end()
    }

    fn check(&self, place: &Place, _: &Traced) {
        place.check_own();
        place.check_identity();
    }

    fn is_success(&self, code: Option<i32>) -> bool {
        code == Some(143)
    }

    fn check_done(&self, _: &Place, ended: &Traced) {
        let root = root_of(ended);
        // Input has the time at which it came, and so another hash each time.
        let same = root.as_ref() == Some(&self.root) || self.input.is_some() && root.is_some();
        assert!(same, "another share: {ended}");
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
        assert_eq!(
            ended.status.code(),
            Some(143),
            "the next run fails: {ended}"
        );
        ended
    }
}
