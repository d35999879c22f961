//! Without any server: who is reached by the addresses in the ticket.

use crate::{
    common::{assert_same_tree, filler},
    lab::{Kind, Lab},
};

const MIB: usize = 1 << 20;

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn whoever_has_a_public_address_is_reached_from_everywhere() {
    let lab = Lab::new();
    let alice = lab.behind("alice", Kind::Public).peer("alice");
    alice.write("large", filler(20 * MIB));
    let sharing = alice.share(&["large"]);
    for (number, kind) in Kind::NATS.into_iter().enumerate() {
        let computer = lab.behind(&format!("bob{number}"), kind);
        let bob = computer.peer("bob");
        let got = bob.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("large"), &bob.path("large"));
        got.connected_by("direct");
    }
}
