//! Sharing, in the ways that differ in what they do to the disk.

use crate::{
    common::{Peer, filler, write},
    scene::{Place, Scene, reference_tree},
    tracer::{Deed, Fault, Traced, Tracing},
};

/// Sharing until the ticket is there, and then being asked to end.
pub(crate) struct Share {
    name: &'static str,
    args: &'static [&'static str],
    input: Option<Vec<u8>>,
    /// Whether the same was shared before, and a little changed since.
    shared_before: bool,
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
            root: String::new(),
        };
        if args.contains(&"-") {
            share.input = Some(filler(3 << 20));
        }
        share
    }

    fn knowing_the_root(mut self) -> Self {
        let ended = self.run(&self.place(), Fault { at: 0, deed: Deed::Watch }, false);
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
    let ready = ended.events().into_iter().find(|event| event["event"] == "share_ready")?;
    ready["root"].as_str().map(str::to_owned)
}

impl Scene for Share {
    fn name(&self) -> &'static str {
        self.name
    }

    fn place(&self) -> Place {
        let alice = Peer::new("alice");
        reference_tree(&alice.path("p"), 9 << 20);
        write(&alice.path("p/medium"), &filler(2 << 20));
        if self.shared_before {
            write(&alice.path("p/many/0/0"), b"as it was");
            alice.share(&["p"]).into_running().interrupt();
            write(&alice.path("p/many/0/0"), &filler(50));
        }
        crate::common::set_mtime(&alice.path("p/many/0/0"), 1_400_000_000.0);
        Place::new(alice).keep(&["p"])
    }

    fn run(&self, place: &Place, fault: Fault, reading: bool) -> Traced {
        let args = [&["--json", "share"], self.args].concat();
        let command = place.peer.command(&args);
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
        assert_eq!(root_of(ended).as_ref(), Some(&self.root), "another share");
    }

    fn again(&self, place: &Place) -> Traced {
        let ended = self.run(place, Fault { at: 0, deed: Deed::Watch }, false);
        assert_eq!(ended.status.code(), Some(143), "the next run fails: {ended}");
        ended
    }
}
