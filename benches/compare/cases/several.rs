//! Several receivers of one share at the same moment.

use std::time::Instant;

use anyhow::Result;

use crate::{
    lab::{Lab, end, one},
    measure::{Figures, Unit},
    net::Net,
};

const RECEIVERS: usize = 4;

pub(super) fn several(lab: &Lab) -> Result<()> {
    let tree = lab.content.file(256)?;
    let net = Net::loopback();
    let names = ["grove", "sendme", "rsync", "scp", "1 QUIC stream"];
    lab.take_turns(&names, |peer| {
        let sharer = lab.side(&net)?;
        let offer = peer.offer(&tree, &sharer)?;
        let sides = (0..RECEIVERS).map(|_| lab.side(&net));
        let sides = sides.collect::<Result<Vec<_>>>()?;
        let began = Instant::now();
        let getters = sides.iter().map(|side| peer.fetch(&offer, &tree, side));
        for getter in getters.collect::<Result<Vec<_>>>()? {
            getter.wait()?;
        }
        let took = began.elapsed();
        if peer.keeps() {
            for side in &sides {
                tree.check(&side.received())?;
            }
        }
        end(offer)?;
        let rate = (tree.bytes * RECEIVERS as u64) as f64 / took.as_secs_f64();
        let figures = Figures::seconds(took).with("together", Unit::Rate, rate);
        let group = "256 MiB to four receivers at once, until the last has it";
        Ok(one(group, figures))
    })
}
