//! What is known already and need not be done again.

use anyhow::Result;

use crate::{
    lab::{Lab, end, one, transfer},
    measure::Figures,
    net::Net,
};

/// The receiver has nine files of ten, from elsewhere, where the tree goes. sendme does not look at what
/// is there, and wants to write where nothing is.
pub(super) fn most_there(lab: &Lab) -> Result<()> {
    let tree = lab.content.thousand()?;
    let net = Net::loopback();
    lab.take_turns(&["grove", "sendme", "rsync"], |peer| {
        let sides = [lab.side(&net)?, lab.side(&net)?];
        if peer.name() != "sendme" {
            tree.copy_part(90, &sides[1].received())?;
        }
        let took = transfer(peer, &tree, &sides)?;
        let group = "1 GiB in 1,000 files, 90 % of it there: the fetch";
        Ok(one(group, Figures::seconds(took.fetch)))
    })
}

pub(super) fn unchanged(lab: &Lab) -> Result<()> {
    let tree = lab.content.thousand()?;
    lab.take_turns(&["grove", "sendme"], |peer| {
        let side = lab.side(&Net::loopback())?;
        end(peer.offer(&tree, &side)?)?;
        let again = peer.offer(&tree, &side)?;
        let took = again.took.unwrap_or_default();
        end(again)?;
        let group = "1 GiB in 1,000 files, shared again: to the ticket";
        Ok(one(group, Figures::seconds(took)))
    })
}
